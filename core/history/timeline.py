"""Timeline: the history shown on a record's page, of the record itself and of records without pages of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cached_property
from typing import Any

from django.apps import apps
from django.core.paginator import Page, Paginator
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from core.history.bulk_history import batched
from core.history.diffs import FieldValue, field_values
from core.history.entries import NEWEST_FIRST, HistoryEntry, Labels, describe, entry_columns
from core.history.models import ChangeEvent
from core.http.errors import BadRequest, ErrorDetail, truncate
from core.permissions import can_see_author
from core.web.list_pages import requested_page
from core.web.tables import Table, make_table

ENTRIES_PER_PAGE = 50
CHUNK_SIZE = 500  # entries formatted at a time for a file
ENTRY_PARAMETER = "entry"  # query parameter for the record as of an entry


@dataclass(frozen=True)
class RecordAsOf:
    """Record as of a history entry."""

    note: HistoryEntry
    facts: Sequence[FieldValue]


class Timeline:
    """Timeline of changes up to the end of a day, newest first; of several models where `labels` name those of rows."""

    def __init__(self, which: Q, as_of: date, user: Any, labels: Labels | None = None) -> None:
        self.until = timezone.make_aware(datetime.combine(as_of, time.max))
        self.all_changes = ChangeEvent.objects.filter(which)
        self.changes = self.all_changes.filter(at__lte=self.until).order_by(*NEWEST_FIRST)
        self.user, self.labels = user, labels or {}

    @cached_property
    def shows_authors(self) -> bool:
        """Whether the user sees the author of any change."""
        known = self.all_changes.order_by().values_list("model", "province_id").distinct() if self.user.is_staff else ()
        return any(can_see_author(self.user, apps.get_model(model), province) for model, province in known)

    @cached_property
    def total(self) -> int:
        return self.changes.count()

    @cached_property
    def later_count(self) -> int:
        """Number of changes after the as-of date; always 0 today."""
        return self.all_changes.filter(at__gt=self.until).count() if self.until < timezone.now() else 0

    def items(self, changes: Any) -> list[HistoryEntry]:
        return describe(changes, self.user, self.labels)

    def record_as_of(self, word: str) -> RecordAsOf:
        """Return the record as of the entry that the query string names. Raises BadRequest for one not shown here."""
        kind, _dash, key = word.partition("-")
        if key.isascii() and key.isdigit() and len(key) <= 18:  # as long as keys can be
            found = self.changes.filter(model__endswith=f".{kind}", entry_id=int(key))
            for note in self.items(found):
                return RecordAsOf(note, field_values(note.historical, people=bool(note.version)))
        text = _("entry: “%(value)s” is no entry of this page’s history. Choose one from its list.")
        raise BadRequest(ErrorDetail(ENTRY_PARAMETER, "invalid_choice", text % {"value": truncate(word)}))

    def stream(self) -> Table:
        """Return the whole timeline for a file."""
        return make_table(entry_columns(authors=self.shows_authors), self.all_items(), count=self.total)

    def all_items(self) -> Iterator[HistoryEntry]:
        """Yield all items up to the as-of date, read in chunks."""
        for keys in batched(list(self.changes.values_list("pk", flat=True)), CHUNK_SIZE):
            yield from self.items(self.changes.filter(pk__in=keys))


@dataclass(frozen=True)
class HistoryTab:
    """View model of the history tab: one page of timeline items, and the version that the query string asks for."""

    notes: Sequence[HistoryEntry]
    page: Page[Any]
    total: int
    later: int
    several: bool  # of more than one model
    standing: RecordAsOf | None


def history_tab(request: HttpRequest, journal: Timeline) -> HistoryTab:
    """Return the history tab. Raises BadRequest for a page or entry that does not exist."""
    pages = Paginator(journal.changes, ENTRIES_PER_PAGE)
    pages.count = journal.total
    page = pages.get_page(requested_page(request, pages))
    word = request.GET.get(ENTRY_PARAMETER)
    return HistoryTab(
        notes=journal.items(page.object_list),
        page=page,
        total=journal.total,
        later=journal.later_count,
        several=bool(journal.labels),
        standing=journal.record_as_of(word) if word is not None else None,
    )
