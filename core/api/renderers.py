"""Renderers of the API. JSON is rendered; CSV and XLSX are written row by row, so that a long list streams."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.renderers import BaseRenderer

from core.spreadsheets.file_responses import XLSX_MEDIA_TYPE, csv_response, xlsx_response
from core.spreadsheets.xlsx_writer import CoverSheet, SheetSpec, write_workbook
from core.web.tables import AnyColumn

LIST_SEPARATOR = "; "
CODE_KEYS = ("slug", "code", "title")  # key that stands for a nested value in one cell

Row = Mapping[str, Any]


def flatten_value(value: object) -> Any:
    """Return a value as one cell: a related record as its code, other objects as key=value, a list with semicolons."""
    if isinstance(value, Mapping):
        code = next((value[key] for key in CODE_KEYS if value.get(key)), None)
        return code or ", ".join(f"{key}={'' if part is None else part}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return LIST_SEPARATOR.join(str(flatten_value(item)) for item in value)
    return value


def machine_value(value: object) -> Any:
    """Return a cell for programs: true and false in every language."""
    return str(value).lower() if isinstance(value, bool) else value


def table_rows(heads: Sequence[str], rows: Iterable[Row]) -> Iterator[list[object]]:
    """Yield rows as cells in the order of the headings."""
    for row in rows:
        yield [flatten_value(row[head]) for head in heads]


def render_csv(heads: Sequence[str], rows: Iterable[Row], stem: str) -> StreamingHttpResponse:
    """Return a streaming CSV in plain UTF-8: headings and rows, no byte-order mark, no preamble, no escaping."""
    lines = ([machine_value(cell) for cell in cells] for cells in table_rows(heads, rows))
    return csv_response(chain([heads], lines), stem, for_excel=False)


def render_xlsx(heads: Sequence[str], rows: Iterable[Row], stem: str, cover: CoverSheet) -> HttpResponseBase:
    """Return a workbook with real dates and numbers, and a cover sheet."""
    part = SheetSpec(stem, [AnyColumn(head, head) for head in heads], table_rows(heads, rows))
    return xlsx_response(write_workbook([part], cover), stem)


class CSVRenderer(BaseRenderer):
    """Renderer for content negotiation only: `render_csv` writes the file."""

    media_type, format = "text/csv", "csv"


class XLSXRenderer(BaseRenderer):
    """Renderer for content negotiation only: `render_xlsx` writes the file."""

    media_type, format = XLSX_MEDIA_TYPE, "xlsx"
