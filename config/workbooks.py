"""XLSX: a sheet for each table, with real dates and numbers, and a cover that says what the file holds.

Rows are read once and written as they come, and the finished file waits on disk: a hundred thousand rows need no more
memory than a hundred.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, islice
from tempfile import TemporaryFile
from typing import IO, Any

from django.utils import timezone
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.properties import PageSetupProperties

from config.charts import Column, Kind, PartialDate
from config.words import listed

MEASURED = 200  # rows by whose contents columns are set wide
NARROWEST, WIDEST = 8, 60  # characters
LONGEST_TEXT = 32_767  # characters of a cell, by the format; a text column's "@" is shown as #### beyond 255
SHORT_TEXT = 255
EXACT_DIGITS = 15  # of a spreadsheet's numbers
FIRST_DAY = date(1900, 1, 1)  # before it a spreadsheet has no dates
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # characters that XML cannot hold
NO_SHEET_NAME = re.compile(r"[\[\]:*?/\\'［］：＊？／＼\x00-\x1f]")
RESERVED = {"history"}  # Excel keeps this name for itself
LINK = Font(color="0563C1", underline="single")


@dataclass(frozen=True)
class Part:
    """One table of a workbook: its sheet, and what the cover says of it. `rows` are read once."""

    title: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Any]]
    subtitle: str = ""  # what it counts, of how many, on which day
    filtered: str = ""  # the filters it obeys
    sources: Sequence[Any] = ()  # records with a title, a publisher, a day and an address


@dataclass(frozen=True)
class Cover:
    """What a file says of itself: its heading, lines of a label and a value, where it comes from; above them a mark
    that must not be overlooked, and below the heading a sentence."""

    title: str
    lines: Sequence[tuple[str, Any]]
    address: str
    mark: Sequence[tuple[str, str]] = ()
    sentence: str = ""


def write_workbook(parts: Sequence[Part], cover: Cover) -> IO[bytes]:
    """The finished file, open at its beginning.

    The first sheet is what was asked for, by people and by programs that read only that: the one table, with the cover
    behind it, or the cover, which lists the tables where there are several.
    """
    book = Workbook(write_only=True)
    book.properties.title, book.properties.creator = storable(cover.title), _("Synergy Pilot Tracker")
    about = book.create_sheet(_("About"))
    names, counts = [about.title], []
    for part in parts:
        names.append(sheet_name(part.title, names))
        counts.append(write_table(book.create_sheet(names[-1]), part))
    write_cover(about, cover, parts, names[1:], counts)
    if len(parts) == 1:
        book.move_sheet(about.title, 1)
    file = TemporaryFile()  # noqa: SIM115  # whoever sends it closes it
    book.save(file)
    file.seek(0)
    return file


# -- values ---------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """A value as a file holds it: full dates as dates, partial ones as 2022-12, no data as an empty cell."""
    if isinstance(value, PartialDate):
        return value.on if value.precision == "day" else value.iso()
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if value is None or isinstance(value, int | float | Decimal | date):
        return value
    return str(value)


def storable(value: Any) -> Any:
    """A plain value as a cell can hold it. What a spreadsheet would round, refuse or misread becomes text."""
    if isinstance(value, str):
        text = UNWRITABLE.sub("\ufffd", value)
        return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
    if isinstance(value, date):
        return storable_day(value)
    if isinstance(value, int | float | Decimal) and not exact(value):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    return value


def storable_day(value: date) -> Any:
    """A day or a moment of this place's clock; ISO text before the first day a spreadsheet knows."""
    if isinstance(value, datetime) and timezone.is_aware(value):
        value = timezone.localtime(value).replace(tzinfo=None)
    day = value.date() if isinstance(value, datetime) else value
    return value if day >= FIRST_DAY else value.isoformat()


def exact(value: int | float | Decimal) -> bool:
    """Whether a spreadsheet keeps all digits of a number: it has 15; a float has no more to lose."""
    if isinstance(value, float):
        return math.isfinite(value)
    number = Decimal(value)
    return number.is_finite() and len(f"{abs(number):f}".replace(".", "").strip("0")) <= EXACT_DIGITS


def number_format(kind: Kind, value: Any) -> str:
    """How a cell shows its value. Numbers of no kind, such as years and codes, keep their bare digits."""
    if isinstance(value, str):
        return "@" if len(value) <= SHORT_TEXT else "General"
    if isinstance(value, datetime):
        return "yyyy-mm-dd hh:mm"
    if isinstance(value, date):
        return "yyyy-mm-dd"
    match kind:
        case "share":
            return "0.0%"
        case "integer" | "days":
            return "#,##0"
        case "decimal":
            return decimal_format(value)
    return "General"


def decimal_format(value: int | float | Decimal) -> str:
    """With thousands, and as many decimals as the value was given with."""
    places = -int(Decimal(str(value)).as_tuple().exponent)
    return "#,##0." + "0" * min(places, EXACT_DIGITS) if places > 0 else "#,##0"


# -- a table ----------------------------------------------------------------------------------------------------


def write_table(sheet: Any, part: Part) -> int:
    """Headings that stay in sight and filter, then the rows; the number of rows."""
    rows = iter(part.rows)
    first = [[storable(plain(value)) for value in row] for row in islice(rows, MEASURED)]
    widths = column_widths([column.label for column in part.columns], first)
    for index, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(index)].width = width
    set_page(sheet)
    sheet.freeze_panes, sheet.print_title_rows = "A2", "1:1"
    sheet.append([heading(sheet, column.label) for column in part.columns])
    writers = [cell_writer(sheet, column.kind, width) for column, width in zip(part.columns, widths, strict=True)]
    count = 0
    for row in chain(first, rows):
        sheet.append([write(value) for write, value in zip(writers, row, strict=True)])
        count += 1
    if part.columns:
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(part.columns))}{count + 1}"
    return count


def set_page(sheet: Any) -> None:
    """On paper: across, all columns on one page, as many pages as the rows need."""
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", 9
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def cell_writer(sheet: Any, kind: Kind, width: float) -> Callable[[Any], Cell | None]:
    """What writes the values of one column. A row is written before the next is made, so a style's cell serves again:
    to style each anew would take most of the time of a long file."""
    kept: dict[tuple[str, bool], Cell] = {}

    def write(value: Any) -> Cell | None:
        value = storable(plain(value))
        if value is None or value == "":
            return None
        style = number_format(kind, value), isinstance(value, str) and ("\n" in value or spread(value) > width)
        if style not in kept:
            kept[style] = styled(sheet, *style)
        return filled(kept[style], value)

    return write


def styled(sheet: Any, form: str, wrapped: bool) -> Cell:
    cell: Cell = WriteOnlyCell(sheet)
    cell.number_format = form
    cell.alignment = Alignment(vertical="top", wrap_text=wrapped)
    return cell


def filled(cell: Cell, value: Any) -> Cell:
    """The cell with this value. Text stays text: openpyxl would take a leading = for a formula, #N/A for an error."""
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"
    return cell


def heading(sheet: Any, text: str) -> Cell:
    cell = filled(WriteOnlyCell(sheet), storable(text))
    cell.font, cell.fill = Font(bold=True), PatternFill("solid", start_color="EDF1F5")
    cell.alignment = Alignment(vertical="top", wrap_text=True)
    cell.border = Border(bottom=Side("thin", color="8795A1"))
    return cell


def spread(text: str) -> int:
    """The width of a text's longest line in characters; a Chinese one is as wide as two."""
    return max(len(line) + wide_ones(line) for line in text.split("\n"))


def wide_ones(text: str) -> int:
    return 0 if text.isascii() else sum(unicodedata.east_asian_width(char) in "WF" for char in text)


def column_widths(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[float]:
    """Each as wide as its contents, within bounds; a heading may wrap, so a long one does not widen its column."""
    widths = [min(spread(head), 16) + 4 for head in heads]  # four for the filter's arrow
    for row in rows:
        for index, value in enumerate(row):
            widths[index] = max(widths[index], spread(shown(value)) + 2)
    return [max(NARROWEST, min(WIDEST, width)) for width in widths]


def shown(value: Any) -> str:
    """A value about as a cell shows it, to measure it by."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return f"{value:,}" if isinstance(value, int | float | Decimal) else str(value)


# -- the cover ----------------------------------------------------------------------------------------------------


def write_cover(sheet: Any, cover: Cover, parts: Sequence[Part], names: Sequence[str], counts: Sequence[int]) -> None:
    """Heading and lines; the list of the sheets where there are several; the sources, numbered."""
    for letter, width in zip("ABCDEF", (28, 72, 44, 14, 44, 18), strict=True):
        sheet.column_dimensions[letter].width = width
    set_page(sheet)
    sources = list(dict.fromkeys(source for part in parts for source in part.sources))
    for row in (*opening(sheet, cover, sum(counts)), *sheet_list(sheet, parts, names, counts, sources)):
        sheet.append(row)
    sheet.append([])
    for row in source_list(sheet, sources):
        sheet.append(row)


def opening(sheet: Any, cover: Cover, count: int) -> Iterator[list[Cell]]:
    for label, text in cover.mark:
        yield [label_cell(sheet, label), said(sheet, text)]
    head = filled(WriteOnlyCell(sheet), storable(cover.title))
    head.font = Font(bold=True, size=14)
    yield [head]
    if cover.sentence:
        yield [filled(WriteOnlyCell(sheet), storable(cover.sentence))]
    for label, value in (*cover.lines, (_("Rows"), count), (_("Address"), cover.address)):
        yield [label_cell(sheet, label), said(sheet, value)]


def sheet_list(
    sheet: Any, parts: Sequence[Part], names: Sequence[str], counts: Sequence[int], sources: Sequence[Any]
) -> Iterator[list[Cell]]:
    """Where each table stands, what it shows, of what, filtered how, and by the numbers below what it was read in."""
    if len(parts) < 2:
        return
    yield []
    words = (_("Sheet"), _("What it shows"), _("Scope"), _("Rows"), _("Filter"), _("Sources, by number"))
    yield [heading(sheet, word) for word in words]
    for part, name, count in zip(parts, names, counts, strict=True):
        numbers = listed(sorted(sources.index(source) + 1 for source in part.sources))
        link = said(sheet, name)
        link.hyperlink, link.font = Hyperlink(ref="", location=f"'{name}'!A1"), LINK
        yield [link, *(said(sheet, value) for value in (part.title, part.subtitle, count, part.filtered, numbers))]


def source_list(sheet: Any, sources: Sequence[Any]) -> Iterator[list[Cell]]:
    yield [heading(sheet, _("Sources")), *([] if sources else [said(sheet, _("No source is recorded."))])]
    for number, source in enumerate(sources, 1):
        cells = (number, source.title, source.publisher, source.published_on, source.url)
        yield [said(sheet, value) for value in cells]


def label_cell(sheet: Any, text: str) -> Cell:
    cell = filled(styled(sheet, "@", True), storable(text))
    cell.font = Font(bold=True)
    return cell


def said(sheet: Any, value: Any) -> Cell:
    """A value of the cover; a web address can be followed."""
    value = storable(plain(value))
    kind: Kind = "integer" if isinstance(value, int) else "text"
    cell = filled(styled(sheet, number_format(kind, value), True), value)
    if isinstance(value, str) and value.startswith(("http://", "https://")):
        cell.hyperlink, cell.font = value, LINK
    return cell


# -- names of sheets ---------------------------------------------------------------------------------------------


def sheet_name(title: str, taken: Sequence[str]) -> str:
    """A name that Excel accepts, that no other sheet of the workbook has, and that ends at a word where it is cut."""
    name = " ".join(NO_SHEET_NAME.sub(" ", storable(title)).split()) or _("Table")
    used = {*(other.casefold() for other in taken), *RESERVED}
    candidates = chain([""], (f" ({number})" for number in range(2, 1000)))
    return next(
        cut for suffix in candidates if (cut := shortened(name, 31 - len(suffix)) + suffix).casefold() not in used
    )


def shortened(name: str, most: int) -> str:
    """At most so many characters, cut between words where there are any, with a mark of the cut."""
    if len(name) <= most:
        return name
    cut = name[: most - 1]
    words = cut.rpartition(" ")[0]
    return (words if len(words) > most // 2 else cut).rstrip(" ,;，；、") + "…"
