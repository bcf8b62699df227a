"""Difference between the tables of two editions, and the same in words."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.files.store import open_blob
from core.text.formatting import format_number, format_part, join_clauses, label_value
from dashboard.editions.content import EditionContent, TableChange, content_of
from dashboard.editions.figures import EditionFigure
from dashboard.editions.tables import DataTable, TableInfo
from dashboard.models import Edition

DAY_COUNTS = {"days_in_stage", "days_late", "delay_days"}  # they grow each day, whatever happens to the record
Rows = dict[str, dict[str, str]]  # the rows of a CSV by their key


def previous_edition(quarter: str) -> Edition | None:
    """Return the last approved edition before a quarter."""
    return Edition.objects.filter(state=Edition.FROZEN_STATE, quarter__lt=quarter).order_by("-quarter").first()


def read_rows(content: bytes) -> Rows:
    """Return the rows of a CSV by the value of its first column."""
    reader = csv.DictReader(io.StringIO(content.decode(), newline=""))
    key = (reader.fieldnames or [""])[0]
    return {row[key]: row for row in reader}


def compare_tables(previous: Edition | None, tables: Sequence[DataTable]) -> list[TableChange]:
    """Return the difference of each table to the edition before; none without one. What only one has is left out."""
    if previous is None:
        return []
    checksums = {file.path: file.sha256 for file in content_of(previous).data_files}
    return [
        compare_rows(table.info, stored_rows(checksums[path]), read_rows(table.csv))
        for table in tables
        if (path := f"data/{table.info.name}.csv") in checksums
    ]


def stored_rows(checksum: str) -> Rows:
    with open_blob(checksum) as file:
        return read_rows(file.read())


def compare_rows(info: TableInfo, before: Rows, now: Rows) -> TableChange:
    """Return how many rows were added, removed and changed. A column that only one of them has changes no row."""
    both = before.keys() & now.keys()
    shared = set(next(iter(before.values()), {})) & set(info.heads) - DAY_COUNTS
    return TableChange(
        table=info.name,
        title_en=info.title_en,
        title_zh=info.title_zh,
        before=len(before),
        now=len(now),
        added=len(now.keys() - before.keys()),
        removed=len(before.keys() - now.keys()),
        changed=sum(any(before[key][name] != now[key][name] for name in shared) for key in both),
    )


# -- in words ------------------------------------------------------------------------------------------


def difference_sentences(content: EditionContent) -> list[str]:
    """Return the difference to the edition before, a sentence for each number and each table that differs."""
    return [*figure_sentences(content.changed_figures), *table_sentences(content.changes)]


def figure_sentences(pairs: Iterable[tuple[EditionFigure, EditionFigure]]) -> Iterator[str]:
    for old, new in pairs:
        yield label_value(new.label, f"{figure_text(old)} → {figure_text(new)}")


def figure_text(figure: EditionFigure) -> str:
    """Return value and whole of a key number."""
    if figure.value is None:
        return _("no data")
    return format_number(figure.value) if figure.of is None else format_part(figure.value, figure.of)


def table_sentences(changes: Iterable[TableChange]) -> Iterator[str]:
    for change in changes:
        parts = [
            text % {"n": n}
            for n, text in (
                (change.added, ngettext("%(n)d added", "%(n)d added", change.added)),
                (change.removed, ngettext("%(n)d removed", "%(n)d removed", change.removed)),
                (change.changed, ngettext("%(n)d changed", "%(n)d changed", change.changed)),
            )
            if n
        ]
        if parts:
            total = ngettext("%(n)d record now", "%(n)d records now", change.now) % {"n": change.now}
            yield label_value(change.title, join_clauses([*parts, total]))
