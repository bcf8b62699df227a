"""The history that a record's page shows: its own entries and those of what has no page of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db.models import CharField, OuterRef, Q, QuerySet, Subquery, Value
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from config.charts import Cell, Column
from config.faults import BadRequest, Fault, short
from config.lists import Export, Exports, Stream, page_number
from config.origins import Way, origins_of
from config.reach import named_entries, named_entries_of, sees_names
from config.templatetags.site import reason
from config.versions import Difference, Fact, author, facts, moment, told
from config.words import labelled, listed_long

ENTRIES_ON_A_PAGE = 50
CHUNK = 500  # entries put into words at a time for a file
ENTRY_WORD = "entry"  # the word of the address that asks for the record as it stood after an entry


@dataclass(frozen=True)
class Watched:
    """Entries of one kind of record: which of its history, and how each record is called on the page.

    `related` are the relations that the name needs; `of` is the record that all of it hangs on, where there is one.
    """

    model: Any
    which: Q
    name: Callable[[Any], str] = lambda entry: str(entry.instance)
    related: Sequence[str] = ()
    of: Any = None

    @property
    def kind(self) -> str:
        return str(self.model._meta.model_name)

    def entries(self, until: datetime) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.model.history.filter(self.which, history_date__lte=until).order_by()
        return rows


@dataclass(frozen=True)
class Note:
    """One entry: what happened to which record, when and why. Who did it is empty for those who may not know."""

    key: str  # by which an address names it
    when: datetime
    who: str
    kind: str
    what: str
    sign: str
    action: str
    differences: Sequence[Difference]
    reason: str
    origin: Way | None
    version: str  # the address of the version in the admin, for those who may see it


@dataclass(frozen=True)
class Standing:
    """A record as it stood after an entry."""

    note: Note
    facts: Sequence[Fact]


@dataclass(frozen=True)
class Reader:
    """Who reads: names of people and ways into the admin are for signed-in staff, within their scope."""

    user: Any

    def named_entries_of(self, model: Any) -> Q | None:
        """The condition on which an entry of the model's history is shown with its author; None: never."""
        return named_entries_of(self.user, model) if self.user.is_staff else None

    def named_entries(self, model: Any, keys: Iterable[int]) -> set[int]:
        """Of these entries of the model's history those that are shown with their author."""
        return named_entries(self.user, model, keys) if self.user.is_staff else set()

    def sees_names(self, record: Any) -> bool:
        """Whether of this record as it is now."""
        return bool(self.user.is_staff) and sees_names(self.user, record)


class Journal:
    """The entries of several kinds of records up to the end of a day, newest first."""

    def __init__(self, watched: Sequence[Watched], as_of: date, user: Any) -> None:
        self.watched = {item.kind: item for item in watched}
        self.until = timezone.make_aware(datetime.combine(as_of, time.max))
        self.reader = Reader(user)

    @cached_property
    def named(self) -> bool:
        """Whether the reader sees the names of people for any of the kinds."""
        return any(
            self.reader.sees_names(item.of) if item.of else self.reader.named_entries_of(item.model) is not None
            for item in self.watched.values()
        )

    @cached_property
    def total(self) -> int:
        return self.keys(self.until).count()

    @cached_property
    def later(self) -> int:
        """How many entries were written after the day; no day ahead is ever shown."""
        now = timezone.now()
        return self.keys(now).count() - self.total if self.until < now else 0

    def keys(self, until: datetime) -> QuerySet[Any]:
        """Kind and key of every entry, newest first. One query, whatever the number of kinds."""
        parts = [
            item.entries(until)
            .annotate(kind_word=Value(item.kind, CharField()))
            .values_list("history_date", "history_id", "kind_word")
            for item in self.watched.values()
        ]
        first, *rest = parts
        found: QuerySet[Any] = first.union(*rest, all=True) if rest else first
        return found.order_by("-history_date", "-history_id", "kind_word")

    def notes(self, keys: Iterable[tuple[datetime, int, str]]) -> list[Note]:
        """These entries in words, in their order. A few queries for each kind among them."""
        order, wanted = [], {kind: set[int]() for kind in self.watched}
        for _when, key, kind in keys:
            order.append((kind, key))
            wanted[kind].add(key)
        found: dict[tuple[str, int], Note] = {}
        for kind, those in wanted.items():
            if those:
                found |= {(kind, note_key): note for note_key, note in self.notes_of(self.watched[kind], those).items()}
        return [found[place] for place in order]

    def notes_of(self, item: Watched, keys: set[int]) -> dict[int, Note]:
        """Entries of one kind, each held against the one before it of the same record."""
        history = item.model.history
        earlier = history.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id")).order_by("-history_id")
        rows = history.filter(pk__in=keys).select_related("history_user", *item.related)
        entries = list(rows.annotate(before=Subquery(earlier.values("history_id")[:1])))
        before = history.in_bulk([entry.before for entry in entries if entry.before and entry.history_type == "~"])
        changes = told([(entry, before.get(entry.before)) for entry in entries])
        seen = self.reader.named_entries(item.model, keys)
        origins = origins_of(item.model, [entry for entry in entries if entry.pk in seen], self.reader.user)
        return {
            entry.pk: Note(
                key=f"{item.kind}-{entry.pk}",
                when=entry.history_date,
                who=author(entry) if entry.pk in seen else "",
                kind=str(capfirst(item.model._meta.verbose_name)),
                what=item.name(entry),
                sign=entry.history_type,
                action=action_of(entry),
                differences=changes[entry.pk],
                reason=reason(entry.history_change_reason),
                origin=origins.get(entry.pk),
                version=version_address(entry) if entry.pk in seen else "",
            )
            for entry in entries
        }

    def standing(self, word: str) -> Standing:
        """The record as it stood after an entry that the address names. Raises BadRequest for one not shown here."""
        kind, _dash, key = word.partition("-")
        item = self.watched.get(kind)
        entry = item.entries(self.until).filter(pk=int(key)).first() if item and is_key(key) else None
        if item is None or entry is None:
            text = _("entry: “%(value)s” is no entry of this page’s history. Choose one from its list.")
            raise BadRequest(Fault(ENTRY_WORD, "invalid_choice", text % {"value": short(word)}))
        return Standing(self.notes_of(item, {entry.pk})[entry.pk], facts(entry))

    def stream(self) -> Stream:
        """All of it, for a file."""
        columns = [
            Column("when", _("When")),
            *([Column("who", _("Who"))] if self.named else []),
            Column("kind", _("Record")),
            Column("what", _("Which")),
            Column("action", _("What happened")),
            Column("changes", _("What changed")),
            Column("reason", _("Why")),
            *([Column("import", _("Import"))] if self.named else []),
        ]
        return Stream(columns, self.lines(), self.total)

    def lines(self) -> Iterator[Sequence[Cell]]:
        keys = list(self.keys(self.until))
        for start in range(0, len(keys), CHUNK):
            yield from (self.line(note) for note in self.notes(keys[start : start + CHUNK]))

    def line(self, note: Note) -> Sequence[Cell]:
        return [
            Cell(moment(note.when)),
            *([Cell(note.who or None)] if self.named else []),
            Cell(note.kind),
            Cell(note.what),
            Cell(note.action),
            Cell(listed_long(labelled(item.label, f"{item.old} → {item.new}") for item in note.differences)),
            Cell(note.reason or None),
            *([Cell(str(note.origin[0]) if note.origin else "")] if self.named else []),
        ]


@dataclass(frozen=True)
class HistoryTab:
    """What the history part of a page shows: one page of its notes, and the version that the address asks for."""

    notes: Sequence[Note]
    page: Any
    total: int
    later: int
    named: bool
    several: bool  # of more than one kind of record
    standing: Standing | None


def history_tab(request: HttpRequest, journal: Journal) -> HistoryTab:
    """Raises BadRequest for a page or an entry that is not there."""
    pages = Paginator(journal.keys(journal.until), ENTRIES_ON_A_PAGE)
    pages.count = journal.total
    page = pages.get_page(page_number(request, pages))
    word = request.GET.get(ENTRY_WORD)
    return HistoryTab(
        notes=journal.notes(page.object_list),
        page=page,
        total=journal.total,
        later=journal.later,
        named=journal.named,
        several=len(journal.watched) > 1,
        standing=journal.standing(word) if word is not None else None,
    )


def history_exports(journal: Journal) -> Exports:
    """The whole history as a file of the page."""
    return {"history": Export(_("History"), journal.stream)}


def is_key(text: str) -> bool:
    """Whether it can be the key of an entry; the database takes nothing larger."""
    return text.isascii() and text.isdigit() and len(text) <= 18


def action_of(entry: Any) -> str:
    actions: Mapping[str, str] = {"+": _("added"), "~": _("changed"), "-": _("deleted")}
    return actions[entry.history_type]


def version_address(entry: Any) -> str:
    """Where the admin shows the version; empty for a kind that has no page there."""
    opts = entry.instance_type._meta
    try:
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_simple_history", args=[entry.id, entry.pk])
    except NoReverseMatch:
        return ""
