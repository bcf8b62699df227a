"""Headings of a sheet mapped to columns: either language, any order, title rows above them. Errors by cell."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.http.errors import closest_match, truncate
from core.imports.sheet.columns import Column
from core.spreadsheets.cells import CONTROL_CHARACTERS, Sheet, SheetRow, cell_name
from core.text.formatting import join_short

MAX_HEADING_ROW = 30  # the heading row stands among the first so many that hold anything
ROW_NUMBER_HEADINGS = {"序号", "no", "no.", "#"}  # a running number says nothing of a record
FAULT_HEADING = gettext_noop("What is wrong")  # of the column in a file that comes back
FAULT_HEADINGS = {"whatiswrong", "错误说明", "importresult", "导入结果", "importreason", "导入原因"}  # former ones too


@dataclass(frozen=True, slots=True)
class ImportErrorDetail:
    """An error in a row. `column` is the column number in the sheet, None for an error of the whole row."""

    row: int
    column: int | None
    heading: str
    value: str
    code: str
    message: str
    name: str = ""  # of the column, empty where the row as a whole is meant

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", printable_text(self.message))

    @property
    def cell(self) -> str:
        """The cell's address, such as B7; for a whole row its number."""
        return cell_name(self.row, self.column) if self.column else str(self.row)

    def as_json(self) -> dict[str, object]:
        return {
            "row": self.row,
            "cell": self.cell,
            "column": self.heading,
            "value": self.value,
            "code": self.code,
            "message": self.message,
        }


def displayed_value(value: object) -> str:
    """Return a cell's value as an error message repeats it."""
    return "" if value is None else printable_text(truncate(value))


def printable_text(text: str) -> str:
    """Replace characters that a database cannot store, or that would hide the text after them."""
    return CONTROL_CHARACTERS.sub("\ufffd", text)


def normalized_heading(text: object) -> str:
    """Normalize a heading for comparison: without spaces, line breaks, underscores and the star of required columns."""
    word = unicodedata.normalize("NFKC", str(text)).casefold()
    return re.sub(r"[\s_*:：]+", "", word)


def is_fault_heading(text: object) -> bool:
    """Whether a column was written by an import into a file that came back."""
    return normalized_heading(text) in FAULT_HEADINGS


def heading_without_brackets(text: object) -> str:
    """The same without text in brackets, such as a unit or “(required)”."""
    return re.sub(r"\(.*?\)|\[.*?\]|【.*?】", "", normalized_heading(text))


@dataclass
class Headings:
    """The heading row of a sheet: which of its columns fills which field."""

    row: int = 0
    columns: dict[int, Column] = field(default_factory=dict)
    ignored: set[int] = field(default_factory=set)  # running numbers and the column of an earlier return
    headed: set[int] = field(default_factory=set)  # all that have a heading
    errors: list[ImportErrorDetail] = field(default_factory=list)


def find_headings(sheet: Sheet, columns: Sequence[Column], keys: Sequence[tuple[str, ...]]) -> Headings:
    """Find the heading row: of the first rows the one with most known headings. Errors for unknown and missing
    columns."""
    words = {normalized_heading(word): column for column in reversed(columns) for word in column.accepted_headings()}
    best, most = None, 0
    for line in sheet.rows[:MAX_HEADING_ROW]:
        count = len({column.name for entry in line.cells.values() if (column := match_heading(entry.value, words))})
        if count > most:
            best, most = line, count
    if best is None or most < min(2, len(columns)):
        row = sheet.rows[0].number if sheet.rows else 1
        names = join_short(column.heading for column in columns if column.required)
        message = _(
            "No row of headings was found. The first rows need headings such as %(names)s; the template has them."
        )
        return Headings(row, errors=[ImportErrorDetail(row, None, "", "", "no_headings", message % {"names": names})])
    found = read_headings(best, words)
    found.errors += missing_key_errors(found, columns, keys)
    return found


def match_heading(value: object, words: Mapping[str, Column]) -> Column | None:
    """Return the column with this heading, or None."""
    return words.get(normalized_heading(value)) or words.get(heading_without_brackets(value))


def read_headings(line: SheetRow, words: Mapping[str, Column]) -> Headings:
    found, names = Headings(row=line.number), {column.name for column in words.values()}
    for place, entry in sorted(line.cells.items()):
        word = normalized_heading(entry.value)
        if word:
            found.headed.add(place)
        column = match_heading(entry.value, words)
        if column and any(fills_same_field(column.name, other.name, names) for other in found.columns.values()):
            message = _("This column stands here twice. Keep one.")
            word = displayed_value(entry.value)
            found.errors.append(ImportErrorDetail(line.number, place, word, word, "twice", message))
        elif column:
            found.columns[place] = column
        elif is_fault_heading(entry.value) or word in ROW_NUMBER_HEADINGS:
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
    word = displayed_value(value)
    return ImportErrorDetail(row, place, word, word, "unknown_column", message % labels)


def missing_key_errors(
    found: Headings, columns: Sequence[Column], keys: Sequence[tuple[str, ...]]
) -> list[ImportErrorDetail]:
    """Return errors if no lookup key is complete: neither the record number nor all columns of a key are there."""
    present = {column.name for column in found.columns.values()}
    if not keys or "id" in present or any(present.issuperset(key) for key in keys):
        return []
    lacking = [set(key) - present for key in keys]
    nearest_ways = [names for names in lacking if len(names) == min(map(len, lacking))]
    if len(nearest_ways) == 1:
        message = _("The column “%(name)s” is missing. Add it.")
        return [
            ImportErrorDetail(found.row, None, heading, "", "missing_column", message % {"name": heading})
            for heading in [column.heading for column in columns if column.name in nearest_ways[0]]
        ]
    ways = [join_short(column.heading for column in columns if column.name in names) for names in nearest_ways]
    message = _("No column says which record a row is about. Add one of these: %(names)s.") % {
        "names": " / ".join(ways)
    }
    return [ImportErrorDetail(found.row, None, "", "", "missing_column", message)]
