"""Headings of a sheet mapped to columns: either language, any order, title rows above them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.http.errors import closest_match, truncate
from core.imports.sheet.columns import Column
from core.imports.sheet.errors import ImportErrorDetail, displayed_value
from core.spreadsheets.reading.cells import Sheet, SheetRow
from core.text.joining import join_short

MAX_HEADING_ROW = 30  # the heading row stands among the first so many that hold anything
ROW_NUMBER_HEADINGS = {"序号", "no", "no.", "#"}  # a running number says nothing of a record
RESULT_HEADING, REASON_HEADING = gettext_noop("Import result"), gettext_noop("Import reason")
RESULT_HEADINGS = {
    "result": {"import result", "导入结果"},
    "reason": {"import reason", "导入原因"},
}
"""The two columns of a returned workbook, passed over when it is uploaded again."""


def normalized_heading(text: object) -> str:
    """Normalize a heading for comparison: without spaces, line breaks, underscores and the star of required columns."""
    word = unicodedata.normalize("NFKC", str(text)).casefold()
    return re.sub(r"[\s_*:：]+", "", word)


def heading_without_brackets(text: object) -> str:
    """The same without text in brackets, such as a unit or “(required)”."""
    return re.sub(r"\(.*?\)|\[.*?\]|【.*?】", "", normalized_heading(text))


@dataclass
class Headings:
    """The heading row of a sheet: which of its columns fills which field."""

    row: int = 0
    columns: dict[int, Column] = field(default_factory=dict)
    result_column: int = 0  # where an earlier return put its two columns; 0 where there are none
    reason_column: int = 0
    ignored: set[int] = field(default_factory=set)  # running numbers and the columns of an earlier return
    headed: set[int] = field(default_factory=set)  # all that have a heading
    errors: list[ImportErrorDetail] = field(default_factory=list)
    last_column: int = 0  # the last column in use


def columns_by_heading(columns: Sequence[Column]) -> dict[str, Column]:
    return {normalized_heading(word): column for column in reversed(columns) for word in column.accepted_headings()}


def find_headings(sheet: Sheet, columns: Sequence[Column], keys: Sequence[tuple[str, ...]]) -> Headings:
    """Find the heading row: of the first rows the one with most known headings. Errors for unknown and missing
    columns."""
    words = columns_by_heading(columns)
    best, most = None, 0
    for line in sheet.rows[:MAX_HEADING_ROW]:
        count = len({word for entry in line.cells.values() if (word := match_heading(entry.value, words)) is not None})
        if count > most:
            best, most = line, count
    if best is None or most < min(2, len(columns)):
        return headings_not_found(sheet, columns)
    found = read_headings(best, words)
    found.last_column = last_column(sheet)
    found.errors += missing_key_errors(found, columns, keys)
    return found


def match_heading(value: object, words: Mapping[str, Column]) -> str | None:
    """Return the name of the column with this heading, or None."""
    column = words.get(normalized_heading(value)) or words.get(heading_without_brackets(value))
    return column.name if column else None


def read_headings(line: SheetRow, words: Mapping[str, Column]) -> Headings:
    found, names = Headings(row=line.number), {column.name for column in words.values()}
    for place, entry in sorted(line.cells.items()):
        word = normalized_heading(entry.value)
        if word:
            found.headed.add(place)
        column = words.get(word) or words.get(heading_without_brackets(entry.value))
        if column and any(fills_same_field(column.name, other.name, names) for other in found.columns.values()):
            message = _("This column stands here twice. Keep one.")
            found.errors.append(
                ImportErrorDetail(
                    line.number, place, displayed_value(entry.value), displayed_value(entry.value), "twice", message
                )
            )
        elif column:
            found.columns[place] = column
        elif word in map(normalized_heading, RESULT_HEADINGS["result"]):
            found.result_column = place
            found.ignored.add(place)
        elif word in map(normalized_heading, RESULT_HEADINGS["reason"]):
            found.reason_column = place
            found.ignored.add(place)
        elif word in ROW_NUMBER_HEADINGS:
            found.ignored.add(place)
        elif word:
            found.errors.append(unknown_column_error(line.number, place, entry.value, words))
    return found


def fills_same_field(name: str, other: str, names: set[str]) -> bool:
    """Whether two columns fill one field: the same, or a text without a language and one of its languages."""
    pairs = [{f"{one}_en", f"{one}_zh"} for one in (name, other)]
    return name == other or any(pair <= names and pair & {name, other} for pair in pairs)


def unknown_column_error(row: int, place: int, value: object, words: Mapping[str, Column]) -> ImportErrorDetail:
    """Return the error for an unknown column, with the closest known heading."""
    near = closest_match(normalized_heading(value), words)
    if near:
        message = _("“%(word)s” is no column here. Did you mean “%(near)s”? Rename it, or delete the column.")
    else:
        message = _("“%(word)s” is no column here. Delete the column; the template shows those there are.")
    labels = {"word": truncate(value), "near": words[near].heading if near else ""}
    return ImportErrorDetail(
        row, place, displayed_value(value), displayed_value(value), "unknown_column", message % labels
    )


def missing_key_errors(
    found: Headings, columns: Sequence[Column], keys: Sequence[tuple[str, ...]]
) -> list[ImportErrorDetail]:
    """Return errors if no lookup key is complete: neither the record number nor all columns of a key are there."""
    present = {column.name for column in found.columns.values()}
    if "id" in present or any(present.issuperset(key) for key in keys):
        return []
    lacking = [set(key) - present for key in keys]
    nearest_ways = [names for names in lacking if len(names) == min(map(len, lacking))]
    if len(nearest_ways) == 1:
        return [missing_column_error(found, column) for column in columns if column.name in nearest_ways[0]]
    ways = [join_short(column.heading for column in columns if column.name in names) for names in nearest_ways]
    message = _("No column says which record a row is about. Add one of these: %(names)s.") % {
        "names": " / ".join(ways)
    }
    return [ImportErrorDetail(found.row, None, "", "", "missing_column", message)]


def missing_column_error(found: Headings, column: Column) -> ImportErrorDetail:
    message = _("The column “%(name)s” is missing. Add it.") % {"name": column.heading}
    return ImportErrorDetail(found.row, None, column.heading, "", "missing_column", message)


def headings_not_found(sheet: Sheet, columns: Sequence[Column]) -> Headings:
    """Return headings with an error for a sheet without a heading row, naming headings that are expected."""
    row = sheet.rows[0].number if sheet.rows else 1
    names = join_short(column.heading for column in columns if column.required)
    message = _("No row of headings was found. The first rows need headings such as %(names)s; the template has them.")
    return Headings(
        row=row,
        last_column=last_column(sheet),
        errors=[ImportErrorDetail(row, None, "", "", "no_headings", message % {"names": names})],
    )


def last_column(sheet: Sheet) -> int:
    return max((max(line.cells) for line in sheet.rows), default=0)
