"""Which column is which: headings in either language and any order, a title row above them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from config.faults import nearest, short
from config.sheets.grid import Line, Sheet
from config.words import listed
from policies.imports.columns import Column
from policies.imports.faults import CellFault, shown

DEEPEST = 30  # the heading row stands among the first so many that hold anything
COUNTERS = {"序号", "no", "no.", "#"}  # a running number says nothing of a record
RESULT, REASON = gettext_noop("Import result"), gettext_noop("Import reason")
RETURNED = {
    "result": {"import result", "导入结果"},
    "reason": {"import reason", "导入原因"},
}
"""The two columns of a returned workbook, passed over when it is uploaded again."""


def plain(text: object) -> str:
    """A heading as it is compared: without spaces, line breaks, underlines, and the star of what is required."""
    word = unicodedata.normalize("NFKC", str(text)).casefold()
    return re.sub(r"[\s_*:：]+", "", word)


def bare(text: object) -> str:
    """The same without what stands in brackets, such as a unit or “(required)”."""
    return re.sub(r"\(.*?\)|\[.*?\]|【.*?】", "", plain(text))


@dataclass
class Headings:
    """The heading row: which column of the sheet fills which field."""

    row: int = 0
    columns: dict[int, Column] = field(default_factory=dict)
    result: int = 0  # where an earlier return put its two columns; 0 where there are none
    reason: int = 0
    passed: set[int] = field(default_factory=set)  # running numbers and the columns of an earlier return
    places: set[int] = field(default_factory=set)  # all that have a heading
    faults: list[CellFault] = field(default_factory=list)
    last: int = 0  # the last column in use


def known_words(columns: Sequence[Column]) -> dict[str, Column]:
    return {plain(word): column for column in reversed(columns) for word in column.headings()}


def find_headings(sheet: Sheet, columns: Sequence[Column], keys: Sequence[tuple[str, ...]]) -> Headings:
    """The row among the first ones with the most headings of this kind; faults where columns are unknown or missing."""
    words = known_words(columns)
    best, most = None, 0
    for line in sheet.lines[:DEEPEST]:
        count = len({word for entry in line.entries.values() if (word := match(entry.value, words)) is not None})
        if count > most:
            best, most = line, count
    if best is None or most < min(2, len(columns)):
        return no_headings(sheet, columns)
    found = read_headings(best, words)
    found.last = last_column(sheet)
    found.faults += missing(found, columns, keys)
    return found


def match(value: object, words: Mapping[str, Column]) -> str | None:
    """The name of the column that a heading means."""
    column = words.get(plain(value)) or words.get(bare(value))
    return column.name if column else None


def read_headings(line: Line, words: Mapping[str, Column]) -> Headings:
    found = Headings(row=line.number)
    for place, entry in sorted(line.entries.items()):
        word = plain(entry.value)
        if word:
            found.places.add(place)
        column = words.get(word) or words.get(bare(entry.value))
        if column and any(clash(column.name, other.name) for other in found.columns.values()):
            message = _("This column stands here twice. Keep one.")
            found.faults.append(CellFault(line.number, place, shown(entry.value), shown(entry.value), "twice", message))
        elif column:
            found.columns[place] = column
        elif word in map(plain, RETURNED["result"]):
            found.result = place
            found.passed.add(place)
        elif word in map(plain, RETURNED["reason"]):
            found.reason = place
            found.passed.add(place)
        elif word in COUNTERS:
            found.passed.add(place)
        elif word:
            found.faults.append(unknown(line.number, place, entry.value, words))
    return found


def clash(name: str, other: str) -> bool:
    """Whether two columns fill one field: the same, or a text without its language beside one of its languages."""
    return name == other or f"{name}_" == other[:-2] or f"{other}_" == name[:-2]


def unknown(row: int, place: int, value: object, words: Mapping[str, Column]) -> CellFault:
    """A column that this kind of record does not have, with the nearest that it has."""
    near = nearest(plain(value), words)
    if near:
        message = _("“%(word)s” is no column here. Did you mean “%(near)s”? Rename it, or delete the column.")
    else:
        message = _("“%(word)s” is no column here. Delete the column; the template shows those there are.")
    labels = {"word": short(value), "near": words[near].heading if near else ""}
    return CellFault(row, place, shown(value), shown(value), "unknown_column", message % labels)


def missing(found: Headings, columns: Sequence[Column], keys: Sequence[tuple[str, ...]]) -> list[CellFault]:
    """The columns without which no row can be told from another: the record number, or all of one of the keys."""
    present = {column.name for column in found.columns.values()}
    if "id" in present or any(present.issuperset(key) for key in keys):
        return []
    lacking = [set(key) - present for key in keys]
    nearest_ways = [names for names in lacking if len(names) == min(map(len, lacking))]
    if len(nearest_ways) == 1:
        return [column_missing(found, column) for column in columns if column.name in nearest_ways[0]]
    ways = [listed(column.heading for column in columns if column.name in names) for names in nearest_ways]
    message = _("No column says which record a row is about. Add one of these: %(names)s.") % {
        "names": " / ".join(ways)
    }
    return [CellFault(found.row, None, "", "", "missing_column", message)]


def column_missing(found: Headings, column: Column) -> CellFault:
    message = _("The column “%(name)s” is missing. Add it.") % {"name": column.heading}
    return CellFault(found.row, None, column.heading, "", "missing_column", message)


def no_headings(sheet: Sheet, columns: Sequence[Column]) -> Headings:
    """No row looks like headings: say which there could be."""
    row = sheet.lines[0].number if sheet.lines else 1
    names = listed(column.heading for column in columns if column.required)
    message = _("No row of headings was found. The first rows need headings such as %(names)s; the template has them.")
    return Headings(
        row=row,
        last=last_column(sheet),
        faults=[CellFault(row, None, "", "", "no_headings", message % {"names": names})],
    )


def last_column(sheet: Sheet) -> int:
    return max((max(line.entries) for line in sheet.lines), default=0)
