"""Files from tables: CSV that Excel opens rightly, XLSX from `workbooks`, neither able to run a formula.

Both are made row by row, so that a long list needs no more memory than a short one.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from io import SEEK_END
from typing import IO, Any
from urllib.parse import quote

from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation

from config.workbooks import plain

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
RUNS = re.compile(rf"'*[{re.escape(''.join(FORMULA_STARTS))}]")
BOM = "\ufeff"
SHORT_FILE = 2**20  # bytes


class Echo:
    """A file that hands each written line straight back, so that a CSV streams row by row."""

    def write(self, value: str) -> str:
        return value


def inert(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula, made harmless by a leading apostrophe.

    Text that begins with apostrophes before such a sign gets one more: an import takes one off, and has every letter.
    """
    return "'" + value if isinstance(value, str) and RUNS.match(value) else value


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
    language = translation.get_language()

    def lines() -> Iterator[str]:
        # The server reads the rows when the middleware that set the language is done.
        with translation.override(language):
            yield from csv_lines(rows, for_excel=for_excel)

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = disposition(stem, "csv")
    return response


def xlsx_response(file: IO[bytes], stem: str) -> HttpResponseBase:
    """The workbook: a short one whole, a long one read from where it lies while it is sent, and closed then."""
    response: HttpResponseBase
    if file.seek(0, SEEK_END) <= SHORT_FILE:
        with file:
            file.seek(0)
            response = HttpResponse(file.read(), content_type=XLSX)
    else:
        file.seek(0)
        response = FileResponse(file, content_type=XLSX)
    response["Content-Disposition"] = disposition(stem, "xlsx")
    return response
