"""Change log: every change of every model, newest first, with author, field differences, reason and import; and the
corrections made since a day. Both read the journal.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cache, partial
from typing import Any, NamedTuple

from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from simple_history.models import DeletedObject

from core.days import today
from core.history.diffs import record_names
from core.history.entries import (
    ACTION_LABELS,
    NEWEST_FIRST,
    HistoryEntry,
    Label,
    change_reason,
    describe,
    fetch_entries,
    newest_changes,
)
from core.history.models import ChangeEvent
from core.history.recording import batched
from core.imports.models import Import
from core.records.models import HistoryModel
from core.snapshots import end_of_day
from pilots.documents import readable_changes
from pilots.models import (
    Adoption,
    Amendment,
    Attachment,
    Batch,
    Completion,
    Deadline,
    Effect,
    FollowUp,
    FollowUpStep,
    LightOverride,
    Milestone,
    NotGiven,
    Pilot,
    Practice,
    Reading,
    StageEntry,
    Target,
)
from policies.models import Figure, Industry, Measure, Policy, Province, ProvincialPlan

PAGE_MODELS: tuple[Any, ...] = (
    *(Policy, ProvincialPlan, Measure, Figure, Industry, Province, Batch, Pilot),
    *(FollowUp, Practice),
)
MAX_NAMED = 8  # corrections
SYSTEM = "~system"  # no user name can hold a tilde


def history_models() -> dict[str, type[Model]]:
    """Return every model with a history, by its name in addresses."""
    return {str(model._meta.model_name): model for model in apps.get_models() if issubclass(model, HistoryModel)}


def find_changes(
    kinds: Mapping[str, type[Model]],
    reader: Any,
    *,
    person: str = "",
    provinces: Iterable[Province | None] = (),
    since: date | None = None,
    until: date | None = None,
    import_record: Import | None = None,
) -> QuerySet[ChangeEvent]:
    """Return the changes of these models that the reader may see and that match, newest first.

    `person` is a user name, or SYSTEM for what nobody signed; `provinces` are whose the record was when it was written.
    """
    rows = ChangeEvent.objects.filter(
        readable_changes(reader), model__in=[model._meta.label_lower for model in kinds.values()]
    )
    for province in filter(None, provinces):
        rows = rows.filter(province_id=province.pk)
    if person:
        rows = rows.filter(Q(user=None) if person == SYSTEM else Q(user__username=person))
    if since:
        rows = rows.filter(at__gte=end_of_day(since - timedelta(1)))
    if until and until < today():
        rows = rows.filter(at__lt=end_of_day(until))
    if import_record:
        rows = rows.filter(import_record=import_record, undoes=False)
    return rows.order_by(*NEWEST_FIRST)


def iterate_change_log(rows: QuerySet[ChangeEvent], reader: object) -> Iterator[HistoryEntry]:
    """Yield what all these changes say, read in chunks, so that a file of any length takes little memory."""
    for keys in batched(list(rows.values_list("pk", flat=True))):
        yield from load_change_log(keys, reader)


# -- what they say -----------------------------------------------------------------------------------------


class Part(NamedTuple):
    """How a record that belongs to others is named: by theirs, and by what distinguishes it from its fellows."""

    owners: Sequence[str]  # relations
    own: Callable[[Any], object] = lambda _entry: ""
    related: Sequence[str] = ()  # which that needs


def amended(entry: Any) -> object:
    """Return the milestone or the indicator of the target that an amendment is about; empty for one that is gone."""
    return entry.milestone or (entry.target.indicator if entry.target else "")


PARTS: Mapping[type[Model], Part] = {
    StageEntry: Part(["pilot"], lambda entry: entry.get_stage_display()),
    Milestone: Part(["pilot"], lambda entry: entry.instance),
    Target: Part(["pilot", "indicator"], lambda entry: entry.target_year),
    Reading: Part(["pilot", "indicator"], lambda entry: entry.period),
    NotGiven: Part(["pilot", "indicator"], lambda entry: entry.year),
    LightOverride: Part(["pilot"], lambda entry: entry.get_colour_display()),
    Amendment: Part(["pilot"], amended, ["milestone", "target__indicator"]),
    Completion: Part(["pilot"], lambda entry: entry.milestone or "", ["milestone"]),
    FollowUpStep: Part(["follow_up"], lambda entry: entry.get_move_display()),
    Adoption: Part(["practice"], related=["pilot", "province"]),  # and by its adopter
    Effect: Part(["practice"], lambda entry: _("stated effect")),
    Attachment: Part(["document"]),
}
PART_MODELS: tuple[Any, ...] = tuple(model for model in PARTS if model not in (Attachment, NotGiven))
"""Models whose changes everybody is shown at the record that they belong to."""
SHOWN_LABELS = {model._meta.label_lower for model in (*PAGE_MODELS, *PART_MODELS)}


def load_change_log(keys: Iterable[int], reader: object) -> list[HistoryEntry]:
    """Return what the changes with these ids say, newest first, each with the URL of its record."""
    labels = {model: Label(lambda entry: str(entry.instance)) for model in history_models().values()}
    last_name = cache(lambda key: record_names(Pilot, [key])[key])  # of a deleted pilot
    name = partial(part_label, last_name=last_name)
    labels |= {model: Label(name, [*part.owners, *part.related]) for model, part in PARTS.items()}
    labels[Deadline] = Label(lambda entry: f"{entry.batch or entry.pilot or ''} {entry.year}", ["batch", "pilot"])
    labels[ProvincialPlan] = Label(
        lambda entry: entry.instance.name or " · ".join(related_label(entry, name) for name in ("province", "policy")),
        ["province", "policy"],
    )
    entries = describe(ChangeEvent.objects.filter(pk__in=keys).order_by(*NEWEST_FIRST), reader, labels)
    records = [(item.historical.instance_type._meta.label_lower, item.historical.id) for item in entries]
    newest = newest_changes(records)
    return [
        replace(item, url=record_url(item.historical, newest[record].action != "-"))
        for item, record in zip(entries, records, strict=True)
    ]


def part_label(entry: Any, last_name: Callable[[int], str]) -> str:
    """Return the record's name at that time, with the records that it belongs to in front."""
    part = PARTS[entry.instance_type]
    names = [related_label(entry, name, last_name) for name in part.owners]
    if entry.instance_type is Adoption:
        own = related_label(entry, "pilot" if entry.pilot_id else "province", last_name)
    else:
        own = str(part.own(entry))
    return " · ".join([*names, own] if own else names)


def related_label(entry: Any, name: str, last_name: Callable[[int], str] = str) -> str:
    """Return the name of a related record, also of a deleted one."""
    record, key = getattr(entry, name), getattr(entry, f"{name}_id")
    model = type(entry)._meta.get_field(name).related_model
    return str(record) if record else last_name(key) if model is Pilot else str(DeletedObject(model, key))


def record_url(entry: Any, alive: bool) -> str:
    """Return the edit page of the record, of a deleted record its history.

    A follow-up is edited on its own page, by the steps taken there; an attachment on the page of its file.
    """
    model = entry.instance_type
    if model is Attachment:
        return reverse("document-detail", args=[entry.document_id])
    if model is FollowUp:
        return str(entry.instance.get_absolute_url())
    if model is FollowUpStep:
        return str(entry.follow_up.get_absolute_url()) if entry.follow_up else ""
    page = "change" if alive else "history"
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=[entry.id])


# -- corrections since a day -------------------------------------------------------------------------------


def corrections_after(as_of: date, most: int = MAX_NAMED) -> dict[str, Any]:
    """Return what was changed or deleted after a day: why a page of that day may read differently than it did then.

    `total` is their number, `newest` the last ones. Two queries, and one for each model shown.
    """
    changes = ChangeEvent.objects.order_by(*NEWEST_FIRST).filter(
        model__in=SHOWN_LABELS, at__gte=end_of_day(as_of), action__in=["~", "-"]
    )
    total = changes.count()
    newest = list(changes.select_related("import_record")[:most]) if total else []
    labels = {model: Label(related=[model.OWNER]) for model in PART_MODELS}
    entries, corrections = fetch_entries(newest, labels), []
    for change in newest:
        entry = entries.get((change.model, change.entry_id))
        if entry is not None:
            what, url = shown_record(entry)
            kind, action = str(entry.instance_type._meta.verbose_name), str(ACTION_LABELS[change.action])
            texts = {"what": what, "url": url, "kind": kind, "action": action, "reason": change_reason(change)}
            corrections.append({"when": change.at, **texts})
    return {"total": total, "newest": corrections}


def shown_record(entry: Any) -> tuple[str, str]:
    """Return name and URL of the record that a change is shown at: of a part the record that it belongs to.

    Both are empty where that is gone; the URL also of a deleted record, and of one without a page.
    """
    record, deleted = entry.instance, entry.history_type == "-"
    if entry.instance_type in PART_MODELS:
        try:
            record, deleted = getattr(entry, entry.instance_type.OWNER), False
        except ObjectDoesNotExist:
            record = None
    if record is None:
        return "", ""
    name = str(record) if isinstance(record, FollowUp) else record.name or getattr(record, "slug", "") or str(record.pk)
    return name, record.get_absolute_url() if hasattr(record, "get_absolute_url") and not deleted else ""
