"""File responses: CSV that Excel opens correctly and XLSX, both guarded against formula injection.

Both are written row by row, so that a long list needs no more memory than a short one.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from io import SEEK_END
from typing import IO, TypeVar
from urllib.parse import quote

from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation

from core.spreadsheets.xlsx_writer import file_value

XLSX_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
FORMULA_PATTERN = re.compile(rf"'*[{re.escape(''.join(FORMULA_STARTS))}]")
BOM = "\ufeff"
Value = TypeVar("Value")
MAX_BUFFERED_BYTES = 2**20  # bytes


class Echo:
    """File-like object that returns each written line, so that a CSV streams row by row."""

    def write(self, value: str) -> str:
        return value


def escape_formula(value: Value) -> Value | str:
    """Escape text that a spreadsheet would run as a formula with a leading apostrophe.

    Text that already begins with apostrophes before such a sign gets one more: an import removes one, and has every
    character.
    """
    return "'" + value if isinstance(value, str) and FORMULA_PATTERN.match(value) else value


def csv_lines(rows: Iterable[Sequence[object]], *, for_excel: bool) -> Iterator[str]:
    """Yield the rows as CSV text. For Excel with a byte-order mark and escaped formulas; for programs unchanged."""
    writer = csv.writer(Echo())
    if for_excel:
        yield BOM
    for row in rows:
        cells = [file_value(value) for value in row]
        yield writer.writerow([escape_formula(cell) for cell in cells] if for_excel else cells)


def content_disposition(stem: str, suffix: str) -> str:
    """Return a Content-Disposition header that keeps a Chinese file name (RFC 6266)."""
    ascii_stem = stem.encode("ascii", "ignore").decode().replace('"', "") or "table"
    return f"attachment; filename=\"{ascii_stem}.{suffix}\"; filename*=UTF-8''{quote(stem)}.{suffix}"


def csv_response(rows: Iterable[Sequence[object]], stem: str, *, for_excel: bool) -> StreamingHttpResponse:
    language = translation.get_language()

    def lines() -> Iterator[str]:
        # The server reads the rows after the language middleware has finished.
        with translation.override(language):
            yield from csv_lines(rows, for_excel=for_excel)

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = content_disposition(stem, "csv")
    return response


def xlsx_response(file: IO[bytes], stem: str) -> HttpResponseBase:
    """Return a workbook: a small one from memory, a large one streamed from its temporary file."""
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
