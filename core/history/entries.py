"""Reader of the journal: what each change says, as a user may see it, the history shown on a record's page, and what
reverting to a version would change.

The history tab, the change log, corrections and the history pages of the admin select changes (core/history/models.py);
values, diffs and names are loaded for the changes of a page only, with a few queries a model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cached_property
from typing import Any, NamedTuple

from django.apps import apps
from django.core.paginator import Page, Paginator
from django.db.models import Max, Model, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from core.history.diffs import (
    FieldDifference,
    HistoricalRecord,
    RecordState,
    current_state,
    describe_changes,
    diff_many,
    entry_state,
    field_label,
    field_values,
    format_datetime,
    historical_name,
    m2m_fields,
    record_names,
    stored_fields,
    translate_reason,
)
from core.history.models import ChangeEvent
from core.history.recording import batched, cascading_models
from core.http import Problem, today, truncate
from core.permissions import can_access, can_see_author
from core.tables import Column, Table, make_table, requested_page
from core.text import join_clauses, label_value

LabelledUrl = tuple[str | Promise, str]  # label and URL
RecordKey = tuple[str, int | None]  # model and id
NEWEST_FIRST = ("-at", "-pk")


class Label(NamedTuple):
    """How a list of changes calls the records of a model: by a function of the entry, which needs these relations."""

    name: Callable[[Any], str] = historical_name
    related: Sequence[str] = ()


Labels = Mapping[Any, Label]  # by model


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


Entries = Mapping[tuple[str, int], HistoricalRecord]  # by model and id


def fetch_entries(changes: Sequence[Any], labels: Labels) -> Entries:
    """Return the history entries of changes, and those before them where annotated. One query a model at most."""
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
    entries, actions = fetch_entries(rows, labels), action_labels()
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
            action=actions[row.action],
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


def action_labels() -> Mapping[str, str]:
    """Return what happened, by the type of a history entry."""
    return {"+": _("added"), "~": _("changed"), "-": _("deleted")}


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


class Timeline:
    """Changes up to the end of a day, newest first; of several models where `labels` name those of rows.

    `history_tab` adds what its template shows: one page of the entries, and the version that the query string asks for.
    """

    page: Page[Any]
    notes: Sequence[HistoryEntry]
    version: HistoryEntry | None = None
    facts: Sequence[tuple[str, str]] = ()  # label and text of each field of that version

    def __init__(self, which: Q, as_of: date, user: Any, labels: Labels | None = None) -> None:
        self.all_changes = ChangeEvent.objects.filter(which)
        # Today has no end: what is entered in a demonstration happens after the day that it calls today.
        self.until = None if as_of >= today() else timezone.make_aware(datetime.combine(as_of, time.max))
        self.changes = (self.all_changes.filter(at__lte=self.until) if self.until else self.all_changes).order_by(
            *NEWEST_FIRST
        )
        self.user, self.labels = user, labels or {}

    @cached_property
    def total(self) -> int:
        return self.changes.count()

    @cached_property
    def later(self) -> int:
        """Number of changes after the as-of date; always 0 today."""
        return self.all_changes.filter(at__gt=self.until).count() if self.until else 0

    def stream(self) -> Table:
        """Return the whole timeline for a file, read in chunks; with authors where the user sees any."""
        known = self.all_changes.order_by().values_list("model", "province_id").distinct() if self.user.is_staff else ()
        authors = any(can_see_author(self.user, apps.get_model(model), province) for model, province in known)
        entries = (
            entry
            for keys in batched(list(self.changes.values_list("pk", flat=True)))
            for entry in describe(self.changes.filter(pk__in=keys), self.user, self.labels)
        )
        return make_table(entry_columns(authors=authors), entries, count=self.total)


def history_tab(request: HttpRequest, timeline: Timeline) -> Timeline:
    """Return the timeline with what its tab shows. Raises Problem for a page or entry that does not exist."""
    pages = Paginator(timeline.changes, ENTRIES_PER_PAGE)
    pages.count = timeline.total
    timeline.page = pages.get_page(requested_page(request, pages))
    some: Any = timeline.page.object_list
    timeline.notes = describe(some, timeline.user, timeline.labels)
    word = request.GET.get(ENTRY_PARAMETER)
    if word is None:
        return timeline
    kind, _dash, key = word.partition("-")
    if key.isascii() and key.isdigit() and len(key) <= 18:  # as long as keys can be
        found = timeline.changes.filter(model__endswith=f".{kind}", entry_id=int(key))
        for note in describe(found, timeline.user, timeline.labels):
            timeline.version = note
            timeline.facts = field_values(note.historical, people=bool(note.version))
            return timeline
    text = _("entry: “%(value)s” is no entry of this page’s history. Choose one from its list.")
    raise Problem(ENTRY_PARAMETER, "invalid_choice", text % {"value": truncate(word)})


# -- a version, and what is in the way of reverting to it; `writing.restore` writes it ----------------------------


@dataclass(frozen=True)
class Obstacle:
    """Obstacle to a revert: the field, what is wrong, and the URL where it can be corrected, or empty."""

    label: str
    text: str
    url: str = ""


class RevertRejected(Exception):
    """The revert was rejected, and nothing was changed."""

    def __init__(self, objections: Sequence[Obstacle]) -> None:
        super().__init__("; ".join(f"{item.label}: {item.text}" for item in objections))
        self.obstacles = objections


class Revert:
    """Revert of a record to its state after a history entry; after a deletion, to its state before it."""

    def __init__(self, entry: Any) -> None:
        self.entry, self.model = entry, entry.instance_type

    @cached_property
    def record(self) -> Any:
        """The current record; None while it is deleted."""
        return self.model._base_manager.filter(pk=self.entry.id).first()

    @cached_property
    def latest(self) -> Any:
        """Newest entry of the record's history, by which concurrent edits are detected."""
        return self.model.history.filter(id=self.entry.id).order_by("-history_id").first()

    @cached_property
    def target_state(self) -> RecordState:
        return entry_state(self.entry)

    @cached_property
    def stored_state(self) -> RecordState:
        """Stored values; empty while the record is deleted."""
        return current_state(self.record) if self.record else {}

    @cached_property
    def fields(self) -> list[Any]:
        """Every field, also those that nobody edits, many-to-many fields last."""
        return [*stored_fields(self.model), *m2m_fields(self.model)]

    @cached_property
    def changed_fields(self) -> list[Any]:
        """Fields that the revert changes; of a deleted record those with a value."""
        if self.record is None:
            return [field for field in self.fields if self.target_state[field.name] not in (None, "", ())]
        return [field for field in self.fields if self.target_state[field.name] != self.stored_state[field.name]]

    def field_changes(self) -> list[FieldDifference]:
        """Return each changed field with its current and its future text."""
        now, then = self.stored_state, self.target_state
        changes = [(field, now.get(field.name), then[field.name]) for field in self.changed_fields]
        return describe_changes({0: changes})[0]

    @cached_property
    def child_reverts(self) -> list[Revert]:
        """Reverts of the rows that were deleted together with the record."""
        if self.record is not None:
            return []
        when = {"history_type": "-", "history_date": self.latest.history_date}
        return [
            Revert(entry)
            for model, field in cascading_models(self.model)
            for entry in model.history.filter(**{field: self.entry.id}, **when).order_by("history_id")  # type: ignore[attr-defined]
        ]

    def build_record(self) -> Any:
        """Return another copy of the record, in memory, as it will be, many-to-many fields aside."""
        record = self.record or self.model(pk=self.entry.id)
        return record.drafted({field.attname: self.target_state[field.name] for field in stored_fields(self.model)})

    def lost_references(self) -> dict[str, Obstacle]:
        """Return, by field, the related records of the version that are deleted since."""
        obstacles = {}
        for field in self.fields:
            value = self.target_state[field.name]
            if not field.is_relation or not value:
                continue
            keys = set(value if field.many_to_many else (value,))
            if lost := keys - set(field.related_model._base_manager.in_bulk(keys)):
                key = min(lost)
                text = _("“%(name)s” is gone since. Restore or enter it first, then restore this version.")
                text %= {"name": record_names(field.related_model, [key])[key]}
                obstacles[field.name] = Obstacle(field_label(field), text, last_version_url(field.related_model, key))
        return obstacles


def last_version_url(model: type[Model], key: object) -> str:
    """Return the admin URL of the last version of a deleted record; empty where there is no history."""
    if not hasattr(model, "history"):
        return ""
    end = model.history.filter(id=key, history_type="-").order_by("-history_id").first()
    return version_url(end) if end else ""
