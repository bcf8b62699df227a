"""What a page shows as a chart or a table: plain values that a template, a file and a test can all read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

Kind = Literal["text", "integer", "decimal", "share", "date", "days", "flag"]
Html = Literal["tiles", "matrix", "lights", "quotients"]
Canvas = Literal["steps", "strip", "bars", "funnel", "trend", "timeline", "coordinates"]
Drawing = Html | Canvas


@dataclass(frozen=True)
class PartialDate:
    """A date known to the day, the month or the year: `2022-12` is not the first of December."""

    on: date
    precision: Literal["day", "month", "year"] = "day"

    def iso(self) -> str:
        """Reduced ISO 8601: 2022-12-05, 2022-12 or 2022."""
        return self.on.isoformat()[: {"day": 10, "month": 7, "year": 4}[self.precision]]


@dataclass(frozen=True)
class Column:
    """One column; `kind` decides how a value reads on the page and how it is typed in a file."""

    key: str
    label: str
    kind: Kind = "text"
    sort: str = ""  # the ordering word in the address, where the column can be sorted


@dataclass(frozen=True)
class Cell:
    """One value. None means no data, which is never 0."""

    value: Any
    url: str = ""
    lang: str = ""  # set where the text is not in the reader's language
    tag: str = ""  # a status word: green, yellow, red, grey, blue
    anchor: str = ""  # the name by which a link leads to this row


@dataclass(frozen=True)
class Table:
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Chart:
    """One chart frame: the finding, what it counts, the drawing's data, its table and its sources.

    `kind` names the drawing: tiles, matrix, lights and quotients are HTML and need no script;
    the others are drawn by script from `data`.
    """

    slug: str
    kind: Drawing
    title: str
    subtitle: str
    table: Table
    data: Mapping[str, Any]
    sources: Sequence[Any] = field(default_factory=tuple)
    note: str = ""
