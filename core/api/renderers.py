"""Renderers of the API, for content negotiation, and how values become the cells of its files."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rest_framework.renderers import BaseRenderer

from core.spreadsheets.writer import XLSX_MEDIA_TYPE

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


class CSVRenderer(BaseRenderer):
    """Renderer for content negotiation only: `BaseAPIView.file_response` writes the file."""

    media_type, format = "text/csv", "csv"


class XLSXRenderer(BaseRenderer):
    """Renderer for content negotiation only: `BaseAPIView.file_response` writes the file."""

    media_type, format = XLSX_MEDIA_TYPE, "xlsx"
