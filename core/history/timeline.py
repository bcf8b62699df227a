"""Timeline: the history shown on a record's page, of the record itself and of records without pages of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cached_property
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from core.history.bulk_history import batched
from core.history.diffs import FieldValue, field_values
from core.history.entries import (
    NEWEST_FIRST,
    EntryRow,
    HistoryEntry,
    HistorySource,
    HistoryVisibility,
    entry_columns,
    entry_union,
    load_entries,
)
from core.http.errors import BadRequest, ErrorDetail, truncate
from core.spreadsheets.page_exports import Export, Exports
from core.web.list_pages import requested_page
from core.web.tables import RowStream, make_row_stream

ENTRIES_PER_PAGE = 50
CHUNK_SIZE = 500  # entries formatted at a time for a file
ENTRY_PARAMETER = "entry"  # query parameter for the record as of an entry


@dataclass(frozen=True)
class RecordAsOf:
    """Record as of a history entry."""

    note: HistoryEntry
    facts: Sequence[FieldValue]


class Timeline:
    """Timeline of several models up to the end of a day, newest first."""

    def __init__(self, sources: Sequence[HistorySource], as_of: date, user: Any) -> None:
        self.sources = sources
        self.until = timezone.make_aware(datetime.combine(as_of, time.max))
        self.reader = HistoryVisibility(user)

    @cached_property
    def shows_authors(self) -> bool:
        """Whether the user sees authors of any of the models."""
        return any(
            self.reader.can_see_authors(item.parent)
            if item.parent
            else self.reader.visible_author_condition(item.model) is not None
            for item in self.sources
        )

    @cached_property
    def total(self) -> int:
        return self.entry_keys(self.until).count()

    @cached_property
    def later_count(self) -> int:
        """Number of entries written after the as-of date; always 0 today."""
        now = timezone.now()
        return self.entry_keys(now).count() - self.total if self.until < now else 0

    def entry_keys(self, until: datetime) -> QuerySet[Any]:
        """Return the key of every entry, newest first."""
        return entry_union(self.sources, lambda _source: Q(history_date__lte=until)).order_by(*NEWEST_FIRST)

    def items(self, keys: Iterable[EntryRow]) -> list[HistoryEntry]:
        return load_entries(self.sources, keys, self.reader)

    def record_as_of(self, word: str) -> RecordAsOf:
        """Return the record as of the entry that the query string names. Raises BadRequest for one not shown here."""
        kind, _dash, key = word.partition("-")
        for place, source in enumerate(self.sources):
            entries = source.entries().filter(history_date__lte=self.until)
            if source.kind == kind and is_entry_key(key) and (entry := entries.filter(pk=int(key)).first()):
                (note,) = self.items([(entry.history_date, place, entry.pk)])
                return RecordAsOf(note, field_values(entry, people=bool(note.version)))
        text = _("entry: “%(value)s” is no entry of this page’s history. Choose one from its list.")
        raise BadRequest(ErrorDetail(ENTRY_PARAMETER, "invalid_choice", text % {"value": truncate(word)}))

    def stream(self) -> RowStream:
        """Return the whole timeline for a file."""
        return make_row_stream(entry_columns(authors=self.shows_authors), self.all_items(), self.total)

    def all_items(self) -> Iterator[HistoryEntry]:
        """Yield all items up to the as-of date, read in chunks."""
        for keys in batched(list(self.entry_keys(self.until)), CHUNK_SIZE):
            yield from self.items(keys)


@dataclass(frozen=True)
class HistoryTab:
    """View model of the history tab: one page of timeline items, and the version that the query string asks for."""

    notes: Sequence[HistoryEntry]
    page: Page[Any]
    total: int
    later: int
    named: bool
    several: bool  # of more than one model
    standing: RecordAsOf | None


def history_tab(request: HttpRequest, journal: Timeline) -> HistoryTab:
    """Return the history tab. Raises BadRequest for a page or entry that does not exist."""
    pages = Paginator(journal.entry_keys(journal.until), ENTRIES_PER_PAGE)
    pages.count = journal.total
    page = pages.get_page(requested_page(request, pages))
    word = request.GET.get(ENTRY_PARAMETER)
    return HistoryTab(
        notes=journal.items(page.object_list),
        page=page,
        total=journal.total,
        later=journal.later_count,
        named=journal.shows_authors,
        several=len(journal.sources) > 1,
        standing=journal.record_as_of(word) if word is not None else None,
    )


def history_exports(journal: Timeline) -> Exports:
    """Return the whole timeline as a file of the page."""
    return {"history": Export(_("History"), journal.stream)}


def is_entry_key(text: str) -> bool:
    """Return whether the text can be an entry's primary key; databases accept nothing larger."""
    return text.isascii() and text.isdigit() and len(text) <= 18
