"""Headings of a sheet mapped to columns: either language, any order, title rows above them. Errors by cell."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.errors import closest_match, truncate
from core.imports.columns import Column, in_each_language
from core.spreadsheets.cells import CONTROL_CHARACTERS, Sheet, SheetRow, cell_name
from core.text import join_short

MAX_HEADING_ROW = 30  # the heading row stands among the first so many that hold anything
ROW_NUMBER_HEADINGS = {"序号", "no", "no.", "#"}  # a running number says nothing of a record
FAULT_HEADING = gettext_noop("What is wrong")  # of the column in a file that comes back
FAULT_HEADINGS = {"whatiswrong", "错误说明"}


class ImportErrorDetail(NamedTuple):
    """An error in a row. `column` is the column number in the sheet, None for an error of the whole row."""

    row: int
    column: int | None
    heading: str
    value: str
    code: str
    message: str
    name: str = ""  # of the column, empty where the row as a whole is meant

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


@dataclass
class Headings:
    """The heading row of a sheet: which of its columns fills which field. Errors of the file as a whole stand there."""

    row: int = 0
    columns: dict[int, Column] = field(default_factory=dict)
    ignored: set[int] = field(default_factory=set)  # running numbers and the column of an earlier return
    headed: set[int] = field(default_factory=set)  # all that have a heading
    errors: list[ImportErrorDetail] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        return {column.name for column in self.columns.values()}

    def add_error(self, code: str, message: str, place: int | None = None, heading: str = "", value: str = "") -> None:
        self.errors.append(ImportErrorDetail(self.row, place, heading, value, code, printable_text(message)))


def find_headings(sheet: Sheet, columns: Sequence[Column], keys: Sequence[tuple[str, ...]]) -> Headings:
    """Find the heading row: of the first rows the one with most known headings. Errors for unknown and missing
    columns."""
    words = {
        normalized_heading(word): column
        for column in reversed(columns)
        for word in (column.name, *in_each_language(column.label), *column.aliases)
    }
    best, most = None, 0
    for line in sheet.rows[:MAX_HEADING_ROW]:
        count = len({column.name for entry in line.cells.values() if (column := match_heading(entry.value, words))})
        if count > most:
            best, most = line, count
    if best is None or most < min(2, len(columns)):
        headings = Headings(sheet.rows[0].number if sheet.rows else 1)
        names = join_short(column.heading for column in columns if column.required)
        message = _(
            "No row of headings was found. The first rows need headings such as %(names)s; the template has them."
        )
        headings.add_error("no_headings", message % {"names": names})
        return headings
    headings = read_headings(best, words)
    if keys and "id" not in headings.names and not any(headings.names.issuperset(key) for key in keys):
        add_missing_key(headings, columns, keys)
    return headings


def match_heading(value: object, words: Mapping[str, Column]) -> Column | None:
    """Return the column with this heading, or with it but for text in brackets such as a unit or “(required)”."""
    word = normalized_heading(value)
    return words.get(word) or words.get(re.sub(r"\(.*?\)|\[.*?\]|【.*?】", "", word))


def read_headings(line: SheetRow, words: Mapping[str, Column]) -> Headings:
    headings = Headings(row=line.number)
    for position, entry in sorted(line.cells.items()):
        word, shown = normalized_heading(entry.value), displayed_value(entry.value)
        column = match_heading(entry.value, words)
        if word:
            headings.headed.add(position)
        if column and column.name in headings.names:
            headings.add_error("twice", _("This column stands here twice. Keep one."), position, shown, shown)
        elif column:
            headings.columns[position] = column
        elif is_fault_heading(entry.value) or word in ROW_NUMBER_HEADINGS:
            headings.ignored.add(position)
        elif word:  # unknown: the closest known heading is offered
            near = closest_match(word, words)
            message = _("“%(word)s” is no column here. Delete the column; the template shows those there are.")
            if near:
                message = _("“%(word)s” is no column here. Did you mean “%(near)s”? Rename it, or delete the column.")
            labels = {"word": truncate(entry.value), "near": words[near].heading if near else ""}
            headings.add_error("unknown_column", message % labels, position, shown, shown)
    return headings


def add_missing_key(headings: Headings, columns: Sequence[Column], keys: Sequence[tuple[str, ...]]) -> None:
    """Add errors where no lookup key is complete: the columns that would complete one with the fewest."""
    lacking = [set(key) - headings.names for key in keys]
    nearest_ways = [names for names in lacking if len(names) == min(map(len, lacking))]
    ways = [[column.heading for column in columns if column.name in names] for names in nearest_ways]
    if len(ways) == 1:
        for heading in ways[0]:
            message = _("The column “%(name)s” is missing. Add it.") % {"name": heading}
            headings.add_error("missing_column", message, heading=heading)
        return
    message = _("No column says which record a row is about. Add one of these: %(names)s.")
    headings.add_error("missing_column", message % {"names": " / ".join(map(join_short, ways))})
