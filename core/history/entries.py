"""Reader of histories: which entries of which models, in one order, and what each entry says.

Sources name a model and a condition. One query, a union over the history tables, finds the entries of all sources; a
few more a model load them with their diff, author, reason and import. The history tab, the change log, corrections and
the history pages of the admin are views over it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db.models import IntegerField, Model, OuterRef, Q, QuerySet, Subquery, Value
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from core.history.diffs import (
    FieldDifference,
    HistoricalRecord,
    author_name,
    diff_many,
    format_datetime,
    historical_name,
)
from core.history.provenance import LabelledUrl, provenance_of
from core.history.reasons import translate_reason
from core.permissions import can_see_authors, entries_with_visible_author, visible_author_condition
from core.text.joining import join_clauses, label_value
from core.web.tables import Column

NEWEST_FIRST = ("-history_date", "source_place", "-history_id")
OLDEST_FIRST = ("history_date", "-source_place", "history_id")


# -- what is read ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HistorySource:
    """Source of history entries: a model, a condition on its entries, and how a record is named.

    `related` are the relations that the name needs; `parent` is the record on whose page the entries stand, if any.
    """

    model: Any
    condition: Q = field(default_factory=Q)
    name: Callable[[Any], str] = historical_name
    related: Sequence[str] = ()
    parent: Model | None = None

    @property
    def kind(self) -> str:
        return str(self.model._meta.model_name)

    def entries(self) -> QuerySet[Any]:
        rows: QuerySet[Model] = self.model.history.filter(self.condition).order_by()
        return rows

    def names(self, entries: Sequence[HistoricalRecord]) -> Mapping[int, str]:
        """Return the names of the records of these entries, by the entry's key."""
        return {entry.pk: self.name(entry) for entry in entries}


class EntryKey(NamedTuple):
    """Key of an entry: its time, its place in the list of sources, and its id."""

    when: datetime
    source: int
    entry: int


EntryRow = tuple[datetime, int, int]
"""Row of `entry_union`."""


@dataclass(frozen=True)
class HistoryEntry:
    """What happened to a record, when and why. `who` and `origin` are empty where the author is not shown."""

    historical: HistoricalRecord
    key: str  # model and id, as addresses have it
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
        """The local date of the change."""
        return timezone.localtime(self.when).date()


@dataclass(frozen=True)
class HistoryVisibility:
    """History visibility: authors and admin links are shown to signed-in staff, within their scope."""

    user: Any

    def visible_author_condition(self, model: Any) -> Q | None:
        """Return the condition under which an entry of the model is shown with its author; None: never."""
        return visible_author_condition(self.user, model) if self.user.is_staff else None

    def entries_with_visible_author(self, model: type[Model], keys: Iterable[int]) -> set[int]:
        """Return which of these entries of the model are shown with their author."""
        return entries_with_visible_author(self.user, model, keys) if self.user.is_staff else set()

    def can_see_authors(self, record: Model) -> bool:
        """Return whether authors of the record, as it is now, are shown."""
        return bool(self.user.is_staff) and can_see_authors(self.user, record)


# -- which entries ---------------------------------------------------------------------------------------


def entry_union(sources: Sequence[HistorySource], where: Callable[[int], Q] = lambda source: Q()) -> QuerySet[Any]:
    """Return time, source and id of every entry of the sources, in no order. One query, whatever their number.

    `where` is a further condition on the entries of the source at a place of the list.
    """
    branches: list[QuerySet[Model]] = [
        source.entries()
        .filter(where(place))
        .annotate(source_place=Value(place, IntegerField()))
        .values_list("history_date", "source_place", "history_id")
        for place, source in enumerate(sources)
    ]
    first, *others = branches
    return first.union(*others, all=True) if others else first


def with_previous(entries: Any) -> QuerySet[Any]:
    """Annotate entries of one model with the id of the entry before it of the same record."""
    history = entries.model.instance_type.history
    earlier = history.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id")).order_by("-history_id")
    annotated: QuerySet[Any] = entries.annotate(previous=Subquery(earlier.values("history_id")[:1]))
    return annotated


def fetch_entries(sources: Sequence[HistorySource], keys: Iterable[EntryRow]) -> list[HistoricalRecord]:
    """Return the historical records of these keys, in their order. One query a model."""
    order = [EntryKey(*key) for key in keys]
    found: dict[tuple[int, int], HistoricalRecord] = {}
    for place in {key.source for key in order}:
        source, ids = sources[place], [key.entry for key in order if key.source == place]
        rows = source.model.history.filter(pk__in=ids).select_related("history_user", *source.related)
        found |= {(place, entry.pk): entry for entry in with_previous(rows.order_by())}
    return [found[key.source, key.entry] for key in order]


# -- what they say ---------------------------------------------------------------------------------------


def load_entries(
    sources: Sequence[HistorySource], keys: Iterable[EntryRow], reader: HistoryVisibility
) -> list[HistoryEntry]:
    """Return what the entries of these keys say, in their order, as the reader may see it. A few queries a model."""
    entries = fetch_entries(sources, keys)
    found: dict[str, HistoryEntry] = {}
    for source in sources:
        own = [entry for entry in entries if entry.instance_type is source.model]
        if own:
            found |= {item.key: item for item in describe(source, own, reader).values()}
    return [found[entry_key(entry)] for entry in entries]


def describe(
    source: HistorySource, entries: Sequence[HistoricalRecord], reader: HistoryVisibility
) -> dict[int, HistoryEntry]:
    """Return what entries of one model say, by id; each compared with the record's previous entry (`with_previous`)."""
    model, previous = source.model, {}
    for entry in entries:
        if entry.history_type != "-" and (key := getattr(entry, "previous", None)):
            previous[entry.pk] = key
    before = model.history.in_bulk(previous.values())
    seen = reader.entries_with_visible_author(model, [entry.pk for entry in entries])
    changes = diff_many([(entry, before.get(previous.get(entry.pk))) for entry in entries], seen)
    origins = provenance_of(model, [entry for entry in entries if entry.pk in seen], reader.user)
    names, actions = source.names(entries), action_labels()
    return {
        entry.pk: HistoryEntry(
            historical=entry,
            key=entry_key(entry),
            when=entry.history_date,
            who=author_name(entry) if entry.pk in seen else "",
            kind=str(capfirst(model._meta.verbose_name)),
            what=names[entry.pk],
            sign=entry.history_type,
            action=actions[entry.history_type],
            differences=changes[entry.pk],
            reason=translate_reason(entry.history_change_reason),
            origin=origins.get(entry.pk),
            version=version_url(entry) if entry.pk in seen else "",
        )
        for entry in entries
    }


def entry_key(entry: HistoricalRecord) -> str:
    """Return model and id of an entry, as addresses have it."""
    return f"{entry.instance_type._meta.model_name}-{entry.pk}"


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
