"""Recent changes grouped by meaning, and corrections made since an as-of date."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext, ngettext_lazy

from core.history.diffs import translate_reason
from core.history.entries import NEWEST_FIRST, Label, action_labels, change_reason, fetch_entries
from core.history.models import ChangeEvent
from core.imports.importer import KINDS
from core.imports.models import Import
from core.text.formatting import join_clauses
from dashboard.analytics.change_log import start_of_day
from pilots.analytics.light_history import PilotEdit, light_changes
from pilots.lights import Colour
from pilots.metrics.follow_up_states import Move
from pilots.models import (
    Adoption,
    Batch,
    Effect,
    FollowUp,
    FollowUpStep,
    LightOverride,
    Milestone,
    Pilot,
    Practice,
    Reading,
    ReadingState,
    Replan,
    Stage,
    StageEntry,
    Target,
)
from policies.models import Figure, Industry, Measure, Policy, Province, ProvincialPlan

PAGE_MODELS: tuple[Any, ...] = (
    *(Policy, ProvincialPlan, Measure, Figure, Industry, Province, Batch, Pilot),
    *(FollowUp, Practice),
)
PILOT_PARTS: tuple[Any, ...] = (StageEntry, Milestone, Target, Reading, LightOverride, Replan)
PART_MODELS: tuple[Any, ...] = (*PILOT_PARTS, FollowUpStep, Adoption, Effect)
"""Models whose changes are shown at the record that they belong to."""
PART_LABELS = {model._meta.label_lower for model in PART_MODELS}
SHOWN_LABELS = PART_LABELS | {model._meta.label_lower for model in PAGE_MODELS}
ENTRY_LABELS = {model: Label(related=[model.OWNER]) for model in PART_MODELS}
MAX_GROUPS = 8
WINDOW_SIZE = 5_000  # changes that are looked at for the newest groups
LOAD_REASONS = (gettext_noop("Shipped with the product"), gettext_noop("Demonstration data"))
"""Reasons of changes that a command wrote when it filled the database."""


def shown_changes() -> QuerySet[ChangeEvent]:
    """Return the changes of what public pages show, newest first."""
    return ChangeEvent.objects.filter(model__in=SHOWN_LABELS).order_by(*NEWEST_FIRST)


# -- since a day -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Correction:
    when: datetime
    what: str
    kind: str
    action: str
    reason: str
    url: str


@dataclass(frozen=True)
class Corrections:
    """Changes and deletions entered after a date: why a page of that date may read differently than it did then."""

    total: int
    newest: Sequence[Correction]


def corrections_after(as_of: date, most: int = MAX_GROUPS) -> Corrections:
    """Return what was changed or deleted after the date. Two queries, and one for each model shown."""
    changes = shown_changes().filter(at__gte=start_of_day(as_of + timedelta(1)), action__in=["~", "-"])
    total = changes.count()
    newest = list(changes.select_related("import_record")[:most]) if total else []
    entries = fetch_entries(newest, ENTRY_LABELS)
    known = [(change, entries.get((change.model, change.entry_id))) for change in newest]
    return Corrections(total, [correction_of(change, entry) for change, entry in known if entry])


def correction_of(change: ChangeEvent, entry: Any) -> Correction:
    """Return one change formatted; a deleted record has no link."""
    record = shown_record(entry)
    return Correction(
        when=change.at,
        what=record_name(record),
        kind=str(entry.instance_type._meta.verbose_name),
        action=action_labels()[change.action],
        reason=change_reason(change),
        url=shown_url(entry, record),
    )


def shown_record(entry: Any) -> Any:
    """Return the record to name: the pilot for records of a pilot, else the record as it was then."""
    if entry.instance_type not in PART_MODELS:
        return entry.instance
    try:
        return getattr(entry, entry.instance_type.OWNER)
    except ObjectDoesNotExist:  # the pilot itself is gone
        return None


def shown_url(entry: Any, record: Any) -> str:
    """Return the URL of the record to name; empty for a deleted one, and for one without a page."""
    gone = entry.history_type == "-" and entry.instance_type in PAGE_MODELS
    return record.get_absolute_url() if hasattr(record, "get_absolute_url") and not gone else ""


def record_name(record: Any) -> str:
    if isinstance(record, FollowUp):
        return str(record)
    return (record.name or getattr(record, "slug", "") or str(record.pk)) if record else ""


# -- lately, in groups -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ChangeGroup:
    """Changes of one record on one day, or by one import, summarized by meaning.

    `light` is the colour of a pilot's light before and after, if these changes changed it.
    """

    when: datetime
    what: str
    kind: str
    url: str
    phrases: Sequence[str]
    light: tuple[Colour, Colour] | None = None

    @property
    def text(self) -> str:
        return join_clauses(self.phrases)


class GroupKey(NamedTuple):
    """What the changes of a group have in common: the day, and the record, the import or the command."""

    day: date
    kind: str  # record, import, undone, loaded
    model: str  # of the record
    number: int  # of the record or import
    reason: str = ""  # of the command


def recent_changes(as_of: date, most: int = MAX_GROUPS) -> Sequence[ChangeGroup]:
    """Return recent changes up to the as-of date, grouped by record and day or by import, newest first.

    A few queries, one for each model shown, and seven more if a pilot's data are among them: then its light before and
    after is computed from its history. Beyond `WINDOW_SIZE` changes no further group is looked for.
    """
    newest: dict[GroupKey, datetime] = {}
    until = start_of_day(as_of + timedelta(1))
    for change in shown_changes().filter(at__lt=until)[:WINDOW_SIZE].iterator(chunk_size=200):
        newest.setdefault(group_key(change), change.at)
        if len(newest) == most:
            break
    groups = record_groups([key for key in newest if key.kind == "record"])
    edits = {key: edit for key, rows in groups.items() if (edit := pilot_edit(key, rows)) is not None}
    turned = light_changes(set(edits.values()))
    imports = Import.objects.in_bulk([key.number for key in newest if key.kind in ("import", "undone")])
    found = []
    for key, when in newest.items():
        if key.kind == "loaded":
            found.append(ChangeGroup(when, translate_reason(key.reason), "", "", [_("records loaded")]))
        elif key.kind != "record":
            found.append(describe_import(key, when, imports[key.number]))
        elif groups[key]:
            light = turned.get(edits[key]) if key in edits else None
            found.append(describe_record(key, groups[key], light))
    return found


def group_key(change: ChangeEvent) -> GroupKey:
    """Return the group of a change."""
    day = timezone.localtime(change.at).date()
    if change.import_record_id is not None:
        return GroupKey(day, "undone" if change.undoes else "import", "", change.import_record_id)
    if change.reason in LOAD_REASONS:
        return GroupKey(day, "loaded", "", 0, change.reason)
    if change.model in PART_LABELS:
        return GroupKey(day, "record", change.owner_model, change.owner_id or 0)
    return GroupKey(day, "record", change.model, change.record_id)


def record_groups(keys: Sequence[GroupKey]) -> dict[GroupKey, list[Any]]:
    """Return the history entries of these groups of records, newest first. A query, and one for each model."""
    which = [
        (Q(model=key.model, record_id=key.number) | Q(owner_model=key.model, owner_id=key.number))
        & Q(at__gte=start_of_day(key.day), at__lt=start_of_day(key.day + timedelta(1)))
        for key in keys
    ]
    changes = list(shown_changes().filter(reduce(or_, which))) if which else []
    entries = fetch_entries(changes, ENTRY_LABELS)
    groups: dict[GroupKey, list[Any]] = {key: [] for key in keys}
    for change in changes:
        key, entry = group_key(change), entries.get((change.model, change.entry_id))
        if key in groups and entry is not None:
            groups[key].append(entry)
    return groups


def pilot_edit(key: GroupKey, rows: Sequence[Any]) -> PilotEdit | None:
    """Return the edit of a pilot that can have turned its light; None for another record, and for a new pilot."""
    if apps.get_model(key.model) is not Pilot or not rows:
        return None
    if any(entry.instance_type is Pilot and entry.history_type == "+" for entry in rows):
        return None
    return PilotEdit(key.number, key.day, rows[-1].history_date, rows[0].history_date)


# -- in words --------------------------------------------------------------------------------------------


def describe_record(key: GroupKey, rows: Sequence[Any], light: tuple[Colour, Colour] | None) -> ChangeGroup:
    """Describe the changes of a record on a day."""
    record = shown_record(rows[0])
    return ChangeGroup(
        when=rows[0].history_date,
        what=record_name(record),
        kind=str(apps.get_model(key.model)._meta.verbose_name),
        url=shown_url(rows[0], record),
        phrases=change_phrases(rows),
        light=light,
    )


def describe_import(key: GroupKey, when: datetime, record: Import) -> ChangeGroup:
    """Describe an import, or its undo, with its number of records. No file and no user is named."""
    kind = KINDS.get(record.kind)
    written = count_text(kind.model if kind else Import, record.created + record.updated)
    text = _("import of %(things)s undone") if key.kind == "undone" else _("import of %(things)s")
    what = _("Import %(number)d") % {"number": key.number}
    return ChangeGroup(when, what, "", "", [text % {"things": written}])


def change_phrases(rows: Sequence[Any]) -> list[str]:
    """Describe the entries of one record and day, in the order of the models."""
    found = []
    by_model: dict[type[Model], list[Any]] = defaultdict(list)
    for entry in rows:
        by_model[entry.instance_type].append(entry)
    for model in (*PAGE_MODELS, *PART_MODELS):
        if model is Reading:
            found += reading_phrases(by_model[model])
        elif model is FollowUp and by_model[FollowUpStep]:
            continue  # its steps say what happened
        elif model is FollowUpStep:
            found += [str(Move(entry.move).label) for entry in sorted(by_model[model], key=lambda entry: entry.seq)]
        elif model is StageEntry:
            found += stage_phrases(by_model[model])
        elif model is LightOverride:
            found += [_("light set by hand")] if by_model[model] else []
        elif by_model[model]:
            found += plain_phrases(model, by_model[model])
    return found


def plain_phrases(model: type[Model], rows: Sequence[Any]) -> list[str]:
    """Describe entries as added, changed or deleted: a main record in one word, others by number."""
    actions = action_labels()
    if model in PAGE_MODELS:
        return [actions[rows[-1].history_type if rows[-1].history_type == "+" else rows[0].history_type]]
    counts = Counter(entry.history_type for entry in rows)
    text = _("%(things)s %(action)s")
    return [text % {"things": count_text(model, counts[s]), "action": actions[s]} for s in actions if counts[s]]


def stage_phrases(rows: Sequence[Any]) -> list[str]:
    """Describe which stages were entered; else that entries changed."""
    entered = [Stage(entry.stage) for entry in rows if entry.history_type == "+" and entry.entered_on]
    last = max(entered, key=lambda stage: stage.order, default=None)
    phrases = [_("stage “%(stage)s” entered") % {"stage": last.label}] if last else []
    others = [entry for entry in rows if not (entry.history_type == "+" and entry.entered_on)]
    return phrases + (plain_phrases(StageEntry, others) if others else [])


def reading_phrases(rows: Sequence[object]) -> list[str]:
    """Describe values entered, accepted, disputed, changed or deleted, with year or quarter if there is only one."""
    sorts: dict[str, list[object]] = defaultdict(list)
    for entry in rows:
        sorts[reading_action(entry)].append(entry)
    words = {
        "entered": _("%(things)s entered"),
        "accepted": _("%(things)s accepted"),
        "disputed": _("%(things)s objected to"),
        "~": _("%(things)s changed"),
        "-": _("%(things)s deleted"),
    }
    return [text % {"things": values_text(sorts[sort])} for sort, text in words.items() if sorts[sort]]


def reading_action(entry: Any) -> str:
    if entry.history_type == "+":
        return "entered"
    if entry.history_type == "~" and entry.state in (ReadingState.ACCEPTED, ReadingState.DISPUTED):
        return str(entry.state)
    return str(entry.history_type)


def values_text(rows: Sequence[Any]) -> str:
    """Return “12 values for 2025”: each reading once, however often it changed."""
    number = len({entry.id for entry in rows})
    periods = {entry.period for entry in rows}
    if len(periods) > 1:
        return count_text(Reading, number)
    period = periods.pop()
    if len(period) == len("2025"):
        text = ngettext("%(n)d value for %(year)s", "%(n)d values for %(year)s", number)
        return text % {"n": number, "year": period}
    text = ngettext("%(n)d value for the quarter %(quarter)s", "%(n)d values for the quarter %(quarter)s", number)
    return text % {"n": number, "quarter": period}


COUNTED: Mapping[type[Model], Any] = {
    Reading: ngettext_lazy("%(n)d value", "%(n)d values", "n"),
    Milestone: ngettext_lazy("%(n)d milestone", "%(n)d milestones", "n"),
    Target: ngettext_lazy("%(n)d target", "%(n)d targets", "n"),
    StageEntry: ngettext_lazy("%(n)d stage entry", "%(n)d stage entries", "n"),
    Pilot: ngettext_lazy("%(n)d pilot", "%(n)d pilots", "n"),
    ProvincialPlan: ngettext_lazy("%(n)d provincial plan", "%(n)d provincial plans", "n"),
    FollowUp: ngettext_lazy("%(n)d follow-up", "%(n)d follow-ups", "n"),
    Practice: ngettext_lazy("%(n)d practice", "%(n)d practices", "n"),
    Adoption: ngettext_lazy("%(n)d adoption", "%(n)d adoptions", "n"),
    Effect: ngettext_lazy("%(n)d effect", "%(n)d effects", "n"),
}
OTHERS_COUNTED = ngettext_lazy("%(n)d record", "%(n)d records", "n")


def count_text(model: type[Model], n: int) -> str:
    """Return a number of records of a model as text."""
    return str(COUNTED.get(model, OTHERS_COUNTED) % {"n": n})
