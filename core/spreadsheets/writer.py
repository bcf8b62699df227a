"""Files: CSV that Excel opens correctly, and XLSX with real dates and numbers: a sheet for each table, and a cover.

Both are guarded against formula injection. Rows are read once, and leave as they come: a hundred thousand rows need no
more memory than a hundred.
"""

import csv
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from io import SEEK_END
from itertools import chain, islice
from tempfile import TemporaryFile
from types import SimpleNamespace
from typing import IO, Any, TypeVar
from urllib.parse import quote
from zipfile import ZIP_DEFLATED, ZipFile

from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from core.spreadsheets.cells import EXACT_DIGITS, MAX_CELL_TEXT
from core.tables import AnyColumn, ValueKind
from core.text import PartialDate, join_short

XLSX_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
FORMULA_PATTERN = re.compile(rf"'*[{re.escape(''.join(FORMULA_STARTS))}]")
BOM = "\ufeff"
Value = TypeVar("Value")
MAX_BUFFERED_BYTES = 2**20  # bytes
SAMPLED_ROWS = 200  # rows sampled for column widths
PIECE_ROWS = 100  # rows of a workbook that leave at a time
MIN_WIDTH, MAX_WIDTH = 8, 60  # characters
MAX_TEXT_FORMAT = 255  # characters, beyond which a text column's "@" is shown as ####
FIRST_DATE = date(1900, 1, 1)  # spreadsheets have no earlier dates
INVALID_XML_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
ESCAPE_LOOKALIKE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")  # _x0041_ means A in XLSX
FORBIDDEN_IN_SHEET_NAME = re.compile(r"[\[\]:*?/\\'［］：＊？／＼\x00-\x1f]")
MAX_SHEET_NAME = 31  # characters, by Excel
RESERVED_SHEET_NAMES = {"history"}  # reserved by Excel
HEADER_COLOUR = "EDF1F5"
LINK_FONT = Font(color="0563C1", underline="single")

FileValue = str | int | float | Decimal | date | None  # what a cell of a file holds


# -- values ---------------------------------------------------------------------------------------------------


def file_value(value: object) -> FileValue:
    """Return a value as a file holds it: full dates as dates, partial ones as 2022-12, no data as an empty cell."""
    if isinstance(value, PartialDate):
        return value.on if value.precision == "day" else value.iso()
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if value is None or isinstance(value, int | float | Decimal | date):
        return value
    return str(value)


def writable_value(value: FileValue) -> FileValue:
    """Return a plain value as a cell can store it. What a spreadsheet would round, reject or misread becomes text."""
    if isinstance(value, str):
        text = INVALID_XML_CHARACTERS.sub("\ufffd", value)
        return text if len(text) <= MAX_CELL_TEXT else text[: MAX_CELL_TEXT - 1] + "…"
    if isinstance(value, datetime) and timezone.is_aware(value):
        value = timezone.localtime(value).replace(tzinfo=None)
    if isinstance(value, date):
        day = value.date() if isinstance(value, datetime) else value
        return value if day >= FIRST_DATE else value.isoformat()
    if isinstance(value, int | float | Decimal):  # a spreadsheet keeps 15 digits; a float has no more to lose
        digits = "" if isinstance(value, float) else f"{abs(Decimal(value)):f}".replace(".", "").strip("0")
        if len(digits) > EXACT_DIGITS or not math.isfinite(value):
            return f"{value:f}" if isinstance(value, Decimal) else str(value)
    return value


def number_format(kind: ValueKind, value: FileValue) -> str:
    """Return the number format of a value. Numbers without a kind, such as years and codes, keep their bare digits;
    decimals are shown as many as the value was given with."""
    if isinstance(value, str):
        return "@" if len(value) <= MAX_TEXT_FORMAT else "General"
    if isinstance(value, date):
        return "yyyy-mm-dd hh:mm" if isinstance(value, datetime) else "yyyy-mm-dd"
    if value is None or kind not in {"share", "integer", "days", "decimal"}:
        return "General"
    if kind == "share":
        return "0.0%"
    places = -int(Decimal(str(value)).as_tuple().exponent) if kind == "decimal" else 0
    return "#,##0." + "0" * min(places, EXACT_DIGITS) if places > 0 else "#,##0"


def text_width(text: str) -> int:
    """Return the width of a text's longest line in characters; a Chinese one is as wide as two."""
    return max(
        len(line) + (0 if line.isascii() else sum(unicodedata.east_asian_width(char) in "WF" for char in line))
        for line in text.split("\n")
    )


# -- files ----------------------------------------------------------------------------------------------------


def escape_formula(value: Value) -> Value | str:
    """Escape text that a spreadsheet would run as a formula with a leading apostrophe.

    Text that already begins with apostrophes before such a sign gets one more: an import removes one, and has every
    character.
    """
    return "'" + value if isinstance(value, str) and FORMULA_PATTERN.match(value) else value


def csv_lines(rows: Iterable[Sequence[object]], *, for_excel: bool) -> Iterator[str]:
    """Yield the rows as CSV text. For Excel with a byte-order mark and escaped formulas; for programs unchanged."""
    writer = csv.writer(SimpleNamespace(write=str))  # which returns each line
    if for_excel:
        yield BOM
    for row in rows:
        cells = [file_value(value) for value in row]
        yield writer.writerow([escape_formula(cell) for cell in cells] if for_excel else cells)


def content_disposition(stem: str, suffix: str) -> str:
    """Return a Content-Disposition header that keeps a Chinese file name (RFC 6266)."""
    ascii_stem = stem.encode("ascii", "ignore").decode().replace('"', "") or "table"
    return f"attachment; filename=\"{ascii_stem}.{suffix}\"; filename*=UTF-8''{quote(stem)}.{suffix}"


def streamed(pieces: Iterable[str | bytes], media_type: str) -> StreamingHttpResponse:
    """Return the response of what is made while it is sent."""
    language = translation.get_language()

    def sent() -> Iterator[str | bytes]:
        # The server reads the rows after the language middleware has finished.
        with translation.override(language):
            yield from pieces

    return StreamingHttpResponse(sent(), content_type=media_type)


def csv_response(rows: Iterable[Sequence[object]], stem: str, *, for_excel: bool) -> StreamingHttpResponse:
    response = streamed(csv_lines(rows, for_excel=for_excel), "text/csv; charset=utf-8")
    response["Content-Disposition"] = content_disposition(stem, "csv")
    return response


def xlsx_response(file: IO[bytes], stem: str) -> HttpResponseBase:
    """Return a finished workbook: a small one from memory, a large one from its temporary file."""
    response: HttpResponseBase
    if file.seek(0, SEEK_END) <= MAX_BUFFERED_BYTES:
        with file:
            file.seek(0)
            response = HttpResponse(file.read(), content_type=XLSX_MEDIA_TYPE)
    else:
        file.seek(0)
        response = FileResponse(file, content_type=XLSX_MEDIA_TYPE)
    response["Content-Disposition"] = content_disposition(stem, "xlsx")
    return response


# -- workbooks ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SheetSpec:
    """Specification of one sheet: its table, and its description on the cover sheet. `rows` are read once."""

    title: str
    columns: Sequence[AnyColumn]
    rows: Iterable[Sequence[object]]
    subtitle: str = ""  # what is counted, of how many, on which date
    filtered: str = ""  # the filters it obeys
    sources: Sequence[Any] = ()  # records with a title, a publisher, a day and an address


@dataclass(frozen=True)
class CoverSheet:
    """Cover sheet: title, lines of label and value, URL; a notice above them, a sentence below the title."""

    title: str
    lines: Sequence[tuple[str, object]]
    address: str
    notice: Sequence[tuple[str, str]] = ()
    sentence: str = ""


class Outlet:
    """File that the workbook is written to, of which the finished part is taken away while the rest is made."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.written.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing: what is written is there."""

    def taken(self) -> bytes:
        data, self.written = b"".join(self.written), []
        return data


class StreamWriter(ExcelWriter):
    """openpyxl's writer of a workbook, some of whose sheets are in the archive already."""

    def write_worksheet(self, sheet: Any) -> None:
        if sheet.closed:
            self.manifest.append(sheet)
        else:
            super().write_worksheet(sheet)


def write_workbook(parts: Sequence[SheetSpec], cover: CoverSheet) -> IO[bytes]:
    """Return the finished file, open at its beginning."""
    file = TemporaryFile()  # noqa: SIM115  # the caller closes it
    file.writelines(workbook_pieces(parts, cover))
    file.seek(0)
    return file


def workbook_response(parts: Sequence[SheetSpec], cover: CoverSheet, stem: str) -> HttpResponseBase:
    """Return a workbook: one of few rows whole, so that an error is still an answer, a longer one while it is made."""
    pieces = workbook_pieces(parts, cover)
    begin = list(islice(pieces, 2))
    whole = HttpResponse(begin[0], content_type=XLSX_MEDIA_TYPE) if len(begin) == 1 else None
    response = whole or streamed(chain(begin, pieces), XLSX_MEDIA_TYPE)
    response["Content-Disposition"] = content_disposition(stem, "xlsx")
    return response


def workbook_pieces(parts: Sequence[SheetSpec], cover: CoverSheet) -> Iterator[bytes]:
    """Yield the file while its rows are written.

    The first sheet is what people and programs expect: the one table, with the cover sheet behind it, or the cover
    sheet, which lists the tables where there are several.
    """
    outlet, book = Outlet(), new_workbook(cover.title)
    about = book.create_sheet(_("About"))
    names, counts = [about.title], []
    with ZipFile(outlet, "w", ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        for number, part in enumerate(parts, 1 if len(parts) == 1 else 2):
            names.append(sheet_name(part.title, names))
            sheet: Any = book.create_sheet(names[-1])
            sheet._id, count = number, 0  # noqa: SLF001  # where openpyxl will say that the sheet is
            with archive.open(sheet.path[1:], "w") as entry:
                prepared = prepare_sheet(sheet, part)
                sheet._writer = WorksheetWriter(sheet, entry)  # noqa: SLF001  # its own would be a file on disk
                sheet._writer.write_top()  # noqa: SLF001
                try:
                    for count in appended_rows(sheet, *prepared):
                        if count % PIECE_ROWS == 0:
                            yield outlet.taken()
                finally:  # also where the reader goes away
                    sheet.close()
            counts.append(count)
        write_cover(about, cover, parts, names[1:], counts)
        if len(parts) == 1:
            book.move_sheet(about.title, 1)
        StreamWriter(book, archive).write_data()
    yield outlet.taken()


def new_workbook(title: str) -> Workbook:
    book = Workbook(write_only=True)
    book.properties.title, book.properties.creator = writable_value(title), _("Synergy Pilot Tracker")
    return book


def saved(book: Workbook) -> IO[bytes]:
    file = TemporaryFile()  # noqa: SIM115  # the response closes it
    book.save(file)
    file.seek(0)
    return file


# -- cells ----------------------------------------------------------------------------------------------------


def cell_writer(sheet: Worksheet, kind: ValueKind = "text", width: float = math.inf) -> Callable[[object], Cell | None]:
    """Return the function that writes the values of one column.

    A row is written before the next is made, so each style's cell is reused: styling each cell anew would take most of
    the time of a long file.
    """
    kept: dict[tuple[str, bool], Cell] = {}

    def write(raw: object) -> Cell | None:
        value = writable_value(file_value(raw))
        if value is None or value == "":
            return None
        style = number_format(kind, value), isinstance(value, str) and ("\n" in value or text_width(value) > width)
        if style not in kept:
            kept[style] = styled_cell(sheet, *style)
        return set_cell_value(kept[style], value)

    return write


def styled_cell(sheet: Worksheet, form: str, wrapped: bool) -> Cell:
    cell: Cell = WriteOnlyCell(sheet)
    cell.number_format = form
    cell.alignment = Alignment(vertical="top", wrap_text=wrapped)
    return cell


def set_cell_value(cell: Cell, value: FileValue | time) -> Cell:
    """Set the value of a cell. Text stays text: openpyxl would take a leading = for a formula, #N/A for an error, and
    XLSX takes _x0041_ for an A."""
    cell.value = ESCAPE_LOOKALIKE.sub("_x005F_", value) if isinstance(value, str) else value
    if isinstance(value, str):
        cell.data_type = "s"
    return cell


def plain_cell(sheet: Worksheet, raw: object, **style: Any) -> Cell:
    """Return a cell of its own; a web address becomes a link. `style` are attributes such as `font`."""
    value = writable_value(file_value(raw))
    form = number_format("integer" if isinstance(value, int) else "text", value)
    cell = set_cell_value(styled_cell(sheet, form, True), value)
    if isinstance(value, str) and value.startswith(("http://", "https://")):
        cell.hyperlink, cell.font = value, LINK_FONT
    for name, part in style.items():
        setattr(cell, name, part)
    return cell


def label_cell(sheet: Worksheet, text: str) -> Cell:
    return plain_cell(sheet, text, font=Font(bold=True))


def header_cell(sheet: Worksheet, text: str, fill: str = HEADER_COLOUR) -> Cell:
    line, colour = Border(bottom=Side("thin", color="8795A1")), PatternFill("solid", start_color=fill)
    return plain_cell(sheet, text, font=Font(bold=True), fill=colour, border=line)


def set_layout(sheet: Worksheet, widths: Iterable[float], *, headed: bool = False) -> None:
    """Set the widths of the columns, and the page: landscape, all columns on one, headings on each and in sight."""
    for index, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(index)].width = width
    sheet.page_setup.orientation, sheet.page_setup.paperSize, sheet.page_setup.fitToHeight = "landscape", 9, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    if headed:
        sheet.freeze_panes, sheet.print_title_rows = "A2", "1:1"


# -- a table sheet ----------------------------------------------------------------------------------------------


Writers = Sequence[Callable[[object], Cell | None]]
Prepared = tuple[list[Cell], Writers, Iterable[Sequence[object]]]


def prepare_sheet(sheet: Worksheet, part: SheetSpec) -> Prepared:
    """Return the headings of a table, what writes its columns, and its rows; the sheet has its layout then."""
    rows = iter(part.rows)
    first = list(islice(rows, SAMPLED_ROWS))
    widths = [column_width(column.label, [row[at] for row in first]) for at, column in enumerate(part.columns)]
    set_layout(sheet, widths, headed=True)
    writers = [cell_writer(sheet, column.kind, width) for column, width in zip(part.columns, widths, strict=True)]
    return [header_cell(sheet, column.label) for column in part.columns], writers, chain(first, rows)


def column_width(label: str, values: Iterable[object]) -> float:
    """Return the width of a column by its first values, within bounds. Its heading may wrap and does not widen it.

    Four characters are for the filter's arrow beside a heading, and for the separators of a number.
    """
    widest = max((text_width(str(file_value(value))) for value in values if value is not None), default=0)
    return max(MIN_WIDTH, min(MAX_WIDTH, max(widest, min(text_width(label), 16)) + 4))


def appended_rows(
    sheet: Worksheet, heads: list[Cell], writers: Writers, rows: Iterable[Sequence[object]]
) -> Iterator[int]:
    """Write the headings, the rows and a filter over them; yield after each row how many there are."""
    sheet.append(heads)
    count = 0
    for count, row in enumerate(rows, 1):
        sheet.append([write(value) for write, value in zip(writers, row, strict=True)])
        yield count
    if heads:
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(heads))}{count + 1}"


def write_rows(sheet: Worksheet, heads: list[Cell], writers: Writers, rows: Iterable[Sequence[object]]) -> None:
    """Write the headings, the rows and a filter over them."""
    for _count in appended_rows(sheet, heads, writers, rows):
        pass


# -- the cover sheet ----------------------------------------------------------------------------------------------


def write_cover(
    sheet: Worksheet, cover: CoverSheet, parts: Sequence[SheetSpec], names: Sequence[str], counts: Sequence[int]
) -> None:
    """Write title and lines, the list of the sheets where there are several, and the numbered sources."""
    set_layout(sheet, (28, 72, 44, 14, 44, 18))
    for label, text in cover.notice:
        sheet.append([label_cell(sheet, label), plain_cell(sheet, text)])
    sheet.append([plain_cell(sheet, cover.title, font=Font(bold=True, size=14), alignment=Alignment())])
    if cover.sentence:
        sheet.append([plain_cell(sheet, cover.sentence, alignment=Alignment())])
    for label, value in (*cover.lines, (_("Rows"), sum(counts)), (_("Address"), cover.address)):
        sheet.append([label_cell(sheet, label), plain_cell(sheet, value)])
    sheet.append([])
    sources = list(dict.fromkeys(source for part in parts for source in part.sources))
    if len(parts) > 1:
        words = (_("Sheet"), _("What it shows"), _("Scope"), _("Rows"), _("Filter"), _("Sources, by number"))
        sheet.append([header_cell(sheet, word) for word in words])
        for part, name, count in zip(parts, names, counts, strict=True):
            numbers = join_short(sorted(sources.index(source) + 1 for source in part.sources))
            link = plain_cell(sheet, name, font=LINK_FONT)
            link.hyperlink = Hyperlink(ref="", location=f"'{name}'!A1")
            values = (part.title, part.subtitle, count, part.filtered, numbers)
            sheet.append([link, *(plain_cell(sheet, value) for value in values)])
        sheet.append([])
    none = [] if sources else [plain_cell(sheet, _("No source is recorded."))]
    sheet.append([header_cell(sheet, _("Sources")), *none])
    for number, source in enumerate(sources, 1):
        told = (number, source.title, source.publisher, source.published_on, source.url)
        sheet.append([plain_cell(sheet, value) for value in told])


def sheet_name(title: str, taken: Sequence[str]) -> str:
    """Return a sheet name that Excel accepts, that is unique in the workbook, and that is cut between words."""
    name = " ".join(FORBIDDEN_IN_SHEET_NAME.sub(" ", str(writable_value(title))).split()) or _("Table")
    used = {*(other.casefold() for other in taken), *RESERVED_SHEET_NAMES}
    for number in range(1, 1000):
        suffix = f" ({number})" if number > 1 else ""
        room, short = MAX_SHEET_NAME - len(suffix), name
        if len(name) > room:
            cut = name[: room - 1]
            words = cut.rpartition(" ")[0]
            short = (words if len(words) > room // 2 else cut).rstrip(" ,;，；、") + "…"
        if (short + suffix).casefold() not in used:
            return short + suffix
    raise ValueError(title)
