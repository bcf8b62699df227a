"""Files from tables: CSV that Excel opens rightly, XLSX with real dates and numbers, neither able to run a formula."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from config.charts import PartialDate, Table
from config.words import labelled

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
BOM = "\ufeff"


class Echo:
    """A file that hands each written line straight back, so that a CSV streams row by row."""

    def write(self, value: str) -> str:
        return value


def plain(value: Any) -> Any:
    """A value as a file holds it: full dates as dates, partial ones as 2022-12, no data as an empty cell."""
    if isinstance(value, PartialDate):
        return value.on if value.precision == "day" else value.iso()
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if value is None or isinstance(value, int | float | Decimal | date):
        return value
    return str(value)


def inert(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula, made harmless by a leading apostrophe."""
    return "'" + value if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def csv_lines(rows: Iterable[Sequence[Any]], *, for_excel: bool) -> Iterator[str]:
    """The rows as CSV text. For Excel: a byte-order mark first and no cell that runs; for machines: as they are."""
    writer = csv.writer(Echo())
    if for_excel:
        yield BOM
    for row in rows:
        cells = [plain(value) for value in row]
        yield writer.writerow([inert(cell) for cell in cells] if for_excel else cells)


def disposition(stem: str, suffix: str) -> str:
    """A Content-Disposition that keeps a Chinese file name (RFC 6266)."""
    ascii_stem = stem.encode("ascii", "ignore").decode().replace('"', "") or "table"
    return f"attachment; filename=\"{ascii_stem}.{suffix}\"; filename*=UTF-8''{quote(stem)}.{suffix}"


def csv_response(rows: Iterable[Sequence[Any]], stem: str, *, for_excel: bool) -> StreamingHttpResponse:
    response = StreamingHttpResponse(csv_lines(rows, for_excel=for_excel), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = disposition(stem, "csv")
    return response


def text_cell(sheet: Any, value: Any, *, bold: bool = False) -> Any:
    """A cell whose text stays text: openpyxl would take a leading = for a formula."""
    cell = WriteOnlyCell(sheet, value=value)
    if isinstance(value, str):
        cell.data_type = "s"
    elif isinstance(value, date):
        cell.number_format = "yyyy-mm-dd"
    if bold:
        cell.font = Font(bold=True)
        cell.alignment = Alignment(vertical="top", wrap_text=True)
    return cell


About = Sequence[tuple[str, str]]


def workbook_bytes(title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]], about: About) -> bytes:
    """One workbook: the table with frozen headings, and a sheet that says what it is, as of when, from where."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(clean_sheet_name(title))
    sheet.freeze_panes = "A2"
    for index, head in enumerate(heads):
        sheet.column_dimensions[get_column_letter(index + 1)].width = max(12, min(44, 3 + 2 * len(head)))
    sheet.append([text_cell(sheet, head, bold=True) for head in heads])
    for row in rows:
        sheet.append([text_cell(sheet, plain(value)) for value in row])
    cover = book.create_sheet(_("About"))
    cover.column_dimensions["A"].width, cover.column_dimensions["B"].width = 24, 100
    for label, text in about:
        cover.append([text_cell(cover, label, bold=True), text_cell(cover, text)])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def clean_sheet_name(title: str) -> str:
    """A name that Excel accepts for a sheet: at most 31 characters, none of []:*?/\\."""
    return "".join(" " if char in "[]:*?/\\'" else char for char in title)[:31].strip() or "Table"


def xlsx_response(content: bytes, stem: str) -> HttpResponse:
    response = HttpResponse(content, content_type=XLSX)
    response["Content-Disposition"] = disposition(stem, "xlsx")
    return response


def table_response(table: Table, kind: str, stem: str, title: str, about: About) -> HttpResponseBase:
    """A page's table as a file: `kind` is csv or xlsx; `about` is printed in the file."""
    heads = [column.label for column in table.columns]
    rows = [[cell.value for cell in row] for row in table.rows]
    if kind == "csv":
        preamble = [[f"# {title}"], *([f"# {labelled(label, text)}"] for label, text in about)]
        return csv_response([*preamble, heads, *rows], stem, for_excel=True)
    return xlsx_response(workbook_bytes(title, heads, rows, about), stem)
