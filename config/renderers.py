"""The formats of the API. JSON is rendered; CSV and XLSX are made row by row, so that a long list streams."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.renderers import BaseRenderer

from config.charts import Column
from config.exports import XLSX, csv_response, xlsx_response
from config.workbooks import Cover, Part, write_workbook

SEPARATOR = "; "
CODES = ("slug", "code", "title")  # by which of its keys a nested value goes in one cell

Row = Mapping[str, Any]


def flat(value: Any) -> Any:
    """A value as one cell: a related record by its code, other parts by name, a list joined by semicolons."""
    if isinstance(value, Mapping):
        code = next((value[key] for key in CODES if value.get(key)), None)
        return code or ", ".join(f"{key}={'' if part is None else part}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return SEPARATOR.join(str(flat(item)) for item in value)
    return value


def machine(value: Any) -> Any:
    """A cell for programs: true and false whatever the reader's language."""
    return str(value).lower() if isinstance(value, bool) else value


def table(heads: Sequence[str], rows: Iterable[Row]) -> Iterator[list[Any]]:
    """Rows as cells in the order of the headings."""
    for row in rows:
        yield [flat(row[head]) for head in heads]


def csv_file(heads: Sequence[str], rows: Iterable[Row], stem: str) -> StreamingHttpResponse:
    """Plain UTF-8 that streams: headings, then the rows; no byte-order mark, no preamble, no cell changed."""

    def lines() -> Iterator[Sequence[Any]]:
        yield heads
        for cells in table(heads, rows):
            yield [machine(cell) for cell in cells]

    return csv_response(lines(), stem, for_excel=False)


def xlsx_file(heads: Sequence[str], rows: Iterable[Row], stem: str, cover: Cover) -> HttpResponseBase:
    """A workbook with real dates and numbers, and a sheet that says what it holds."""
    part = Part(stem, [Column(head, head) for head in heads], table(heads, rows))
    return xlsx_response(write_workbook([part], cover), stem)


class CSVRenderer(BaseRenderer):
    """The format's name to choose by: `csv_file` makes it."""

    media_type, format = "text/csv", "csv"


class XLSXRenderer(BaseRenderer):
    """The format's name to choose by: `xlsx_file` makes it."""

    media_type, format = XLSX, "xlsx"
