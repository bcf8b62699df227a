"""Reader of the journal: what each change says, as a user may see it, the history shown on a record's page, and what
reverting to a version would change.

The history tab, the change log, corrections and the history pages of the admin select changes (core/history/models.py);
values, diffs and names are loaded for the changes of a page only, with a few queries a model.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, NamedTuple

from django.apps import apps
from django.core.paginator import Paginator
from django.db.models import Max, Model, OuterRef, Q, QuerySet, Subquery
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.days import today
from core.errors import Problem, truncate
from core.history.diffs import (
    FieldDifference,
    HistoricalRecord,
    current_state,
    describe_changes,
    diff_many,
    entry_state,
    field_values,
    format_datetime,
    historical_name,
    m2m_fields,
    stored_fields,
    translate_reason,
)
from core.history.models import ChangeEvent
from core.history.recording import batched, cascading_models
from core.http import TrackerRequest
from core.permissions import can_access, can_see_author
from core.tables import Column, Table, make_table, requested_page
from core.text import join_clauses, label_value

LabelledUrl = tuple[str | Promise, str]  # label and URL
RecordKey = tuple[str, int | None]  # model and id
NEWEST_FIRST = ("-at", "-pk")
ACTION_LABELS = {"+": gettext_lazy("added"), "~": gettext_lazy("changed"), "-": gettext_lazy("deleted")}


class Label(NamedTuple):
    """How a list of changes calls the records of a model: by a function of the entry, which needs these relations."""

    name: Callable[[Any], str] = historical_name
    related: Sequence[str] = ()


Labels = Mapping[Any, Label]  # by model
NO_LABELS: Labels = {}


@dataclass(frozen=True)
class HistoryEntry:
    """What happened to a record, when and why. `who` and `origin` are empty where the author is not shown."""

    historical: HistoricalRecord
    key: str  # model and id of the entry, as addresses have it
    when: datetime
    who: str
    kind: str
    what: str
    sign: str  # + added, ~ changed, - deleted
    action: str
    differences: Sequence[FieldDifference]
    reason: str
    origin: LabelledUrl | None  # the import that wrote it
    version: str  # admin URL of the version, for users who may see it
    url: str = ""  # where a view links the record to

    @property
    def day(self) -> date:
        """The local date of the change, under which the change log lists it."""
        return timezone.localdate(self.when)


def changes_of(record: Model) -> Q:
    """Return the condition on the changes of a record and of those that stand on its page."""
    label = record._meta.label_lower
    return Q(model=label, record_id=record.pk) | Q(owner_model=label, owner_id=record.pk)


def newest_changes(records: Iterable[RecordKey | None]) -> dict[RecordKey | None, ChangeEvent]:
    """Return the newest change of each record: what it is called now, or was last. One query."""
    keys: dict[str, list[int | None]] = defaultdict(list)
    for record in records:
        if record:
            keys[record[0]].append(record[1])
    if not keys:
        return {}
    which = Q()
    for model, some in keys.items():
        which |= Q(model=model, record_id__in=some)
    last = ChangeEvent.objects.filter(which).order_by().values("model", "record_id").annotate(last=Max("pk"))
    return {
        (change.model, change.record_id): change for change in ChangeEvent.objects.filter(pk__in=last.values("last"))
    }


def fetch_entries(changes: Sequence[Any], labels: Labels) -> dict[tuple[str, int], HistoricalRecord]:
    """Return the history entries of changes, and those before them, by model and id. One query a model at most."""
    found: dict[tuple[str, int], HistoricalRecord] = {}
    keys: dict[str, set[int]] = defaultdict(set)
    for change in changes:
        before = getattr(change, "previous", None) if change.action != "-" else None
        keys[change.model] |= {change.entry_id, before} - {None}
    for label, some in keys.items():
        model: Any = apps.get_model(label)
        entries = model.history.select_related(*labels.get(model, Label()).related).in_bulk(some)
        found |= {(label, key): entry for key, entry in entries.items()}
    return found


def describe(changes: QuerySet[ChangeEvent], user: Any, labels: Labels) -> list[HistoryEntry]:
    """Return what changes say, in their order, as the user may see it; each compared with the one before it."""
    earlier = ChangeEvent.objects.filter(
        model=OuterRef("model"), record_id=OuterRef("record_id"), pk__lt=OuterRef("pk")
    )
    before = Subquery(earlier.order_by("-pk").values("entry_id")[:1])
    rows: list[Any] = list(changes.annotate(previous=before).select_related("user", "import_record"))
    entries = fetch_entries(rows, labels)
    rows = [row for row in rows if (row.model, row.entry_id) in entries]  # a history may be pruned
    seen = {row.pk for row in rows if can_see_author(user, apps.get_model(row.model), row.province_id)}
    made = [row for row in rows if row.import_record and not row.undoes and row.pk in seen]
    told = {row.pk for row in made if can_access(user, row.import_record)}
    differences: dict[tuple[str, int], list[FieldDifference]] = {}
    for label in {row.model for row in rows}:
        own = [row for row in rows if row.model == label]
        pairs = [(entries[label, row.entry_id], entries.get((label, row.previous))) for row in own]
        found = diff_many(pairs, {row.entry_id for row in own if row.pk in seen})
        differences |= {(label, key): items for key, items in found.items()}
    return [
        HistoryEntry(
            historical=(entry := entries[row.model, row.entry_id]),
            key=f"{row.model.partition('.')[2]}-{row.entry_id}",
            when=row.at,
            who=str(row.user or _("the system")) if row.pk in seen else "",
            kind=str(capfirst(entry.instance_type._meta.verbose_name)),
            what=labels.get(entry.instance_type, Label()).name(entry),
            sign=row.action,
            action=str(ACTION_LABELS[row.action]),
            differences=differences[row.model, row.entry_id],
            reason=change_reason(row),
            origin=(str(row.import_record), row.import_record.get_absolute_url()) if row.pk in told else None,
            version=version_url(entry) if row.pk in seen else "",
        )
        for row in rows
    ]


def change_reason(change: ChangeEvent) -> str:
    """Return the reason of a change, in the user's language where the product wrote it itself."""
    reason = translate_reason(change.reason)
    if not change.undoes:
        return reason
    undone = _("Import %(number)d undone") % {"number": change.import_record_id}
    return label_value(undone, reason) if reason else undone


def version_url(entry: HistoricalRecord) -> str:
    """Return the admin URL of the version; empty for a model without an admin page."""
    opts = entry.instance_type._meta
    try:
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_simple_history", args=[entry.id, entry.pk])
    except NoReverseMatch:
        return ""


# -- as a table ------------------------------------------------------------------------------------------


def entry_columns(*, authors: bool) -> list[Column[HistoryEntry]]:
    """Return the columns of a file of entries, with or without authors and imports."""
    columns: list[Column[HistoryEntry]] = [
        Column("when", _("When"), lambda entry: format_datetime(entry.when)),
        Column("who", _("Who"), lambda entry: entry.who or None),
        Column("kind", _("Record")),
        Column("what", _("Which")),
        Column("action", _("What happened")),
        Column("changes", _("What changed"), differences_text),
        Column("reason", _("Why"), lambda entry: entry.reason or None),
        Column("import", _("Import"), lambda entry: str(entry.origin[0]) if entry.origin else ""),
    ]
    return [column for column in columns if authors or column.key not in {"who", "import"}]


def differences_text(entry: HistoryEntry) -> str:
    return join_clauses(label_value(item.label, f"{item.old} → {item.new}") for item in entry.differences)


# -- the history on a record's page ----------------------------------------------------------------------

ENTRIES_PER_PAGE = 50
ENTRY_PARAMETER = "entry"  # query parameter for the record as of an entry


def split_changes(which: Q, as_of: date) -> tuple[QuerySet[ChangeEvent], QuerySet[ChangeEvent]]:
    """Return the changes up to the end of a day and those after it, newest first.

    Today has no end: what is entered in a demonstration happens after the day that it calls today.
    """
    every = ChangeEvent.objects.filter(which).order_by(*NEWEST_FIRST)
    if as_of >= today():
        return every, every.none()
    end = timezone.make_aware(datetime.combine(as_of, time.max))
    return every.filter(at__lte=end), every.filter(at__gt=end)


def history_table(request: TrackerRequest, which: Q, labels: Labels = NO_LABELS) -> Table:
    """Return the changes on a record's page for a file, read in chunks; with authors where the user sees any."""
    user, every = request.user, ChangeEvent.objects.filter(which).order_by()
    known = every.values_list("model", "province_id").distinct() if user.is_staff else ()
    authors = any(can_see_author(user, apps.get_model(model), province) for model, province in known)
    changes, _later = split_changes(which, request.as_of)
    found = list(changes.values_list("pk", flat=True))
    entries = (entry for keys in batched(found) for entry in describe(changes.filter(pk__in=keys), user, labels))
    return make_table(entry_columns(authors=authors), entries, count=len(found))


def history_tab(request: TrackerRequest, which: Q, labels: Labels = NO_LABELS) -> dict[str, Any]:
    """Return what the history on a record's page shows: a page of its entries, newest first, and the version that the
    query string asks for. Rows of other models are called as `labels` say.

    Raises Problem for a page or entry that does not exist.
    """
    changes, later = split_changes(which, request.as_of)
    pages = Paginator(changes, ENTRIES_PER_PAGE)
    page: Any = pages.get_page(requested_page(request, pages))
    tab = {
        "page": page,
        "total": pages.count,
        "later": later.count(),
        "notes": describe(page.object_list, request.user, labels),
    }
    word = request.GET.get(ENTRY_PARAMETER)
    if word is None:
        return tab
    kind, _dash, key = word.partition("-")
    if key.isascii() and key.isdigit() and len(key) <= 18:  # as long as keys can be
        for note in describe(changes.filter(model__endswith=f".{kind}", entry_id=int(key)), request.user, labels):
            return tab | {"version": note, "facts": field_values(note.historical, people=bool(note.version))}
    text = _("entry: “%(value)s” is no entry of this page’s history. Choose one from its list.")
    raise Problem(ENTRY_PARAMETER, "invalid_choice", text % {"value": truncate(word)})


# -- a version, and what restoring it changes; `writing.restore_version` writes it --------------------------------


def newest_entry(model: Any, key: object) -> HistoricalRecord:
    """Return the newest entry of a record's history, by which concurrent edits are detected; None where it has none."""
    return model.history.filter(id=key).order_by("-history_id").first()


def restored_differences(entry: HistoricalRecord, record: Any) -> list[FieldDifference]:
    """Return what restoring a version changes: of the record, or of a deleted one (None) the fields with a value."""
    then, now = entry_state(entry), current_state(record) if record else {}
    fields = [*stored_fields(entry.instance_type), *m2m_fields(entry.instance_type)]
    changes = [(field, now.get(field.name), then[field.name]) for field in fields]
    return describe_changes({0: [(f, old, new) for f, old, new in changes if old != new and (record or new)]})[0]


def rows_deleted_with(deletion: HistoricalRecord) -> list[HistoricalRecord]:
    """Return the entries of the rows that were deleted together with a record, by the entry of its deletion."""
    when = {"history_type": "-", "history_date": deletion.history_date}
    return [
        entry
        for model, field in cascading_models(deletion.instance_type)
        for entry in model.history.filter(**{field: deletion.id}, **when).order_by("history_id")  # type: ignore[attr-defined]
    ]


def last_version_url(model: type[Model], key: object) -> str:
    """Return the admin URL of the last version of a deleted record; empty where there is no history."""
    end = newest_entry(model, key) if hasattr(model, "history") else None
    return version_url(end) if end else ""
