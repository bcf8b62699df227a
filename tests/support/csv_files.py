"""CSV files that pages and the API send, without the lines that say what they hold."""

import csv
import io
from typing import Any


def csv_rows(response: Any) -> list[list[str]]:
    """Return the rows of a file, headings first."""
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return [row for row in csv.reader(io.StringIO(text, newline="")) if row and not row[0].startswith("#")]


def csv_records(response: Any) -> list[dict[str, str]]:
    """Return the rows of a file by their headings."""
    heads, *rows = csv_rows(response)
    return [dict(zip(heads, row, strict=True)) for row in rows]
