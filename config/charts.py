"""What a page shows as a chart or a table: plain values that a template, a file and a test can all read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Generic, Literal, TypeVar, get_args, overload

Kind = Literal["text", "integer", "decimal", "share", "date", "days", "flag"]
Html = Literal["tiles", "matrix", "lights", "quotients"]
Canvas = Literal["steps", "strip", "bars", "funnel", "trend", "quarters", "timeline", "coordinates"]
Drawing = Html | Canvas
Item = TypeVar("Item")


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
    file_only: bool = False  # a list shows it in its files alone: the page has no room for it
    url: str = ""  # the page of the record whose values stand in the column


@dataclass(frozen=True)
class Cell:
    """One value. None means no data, which is never 0."""

    value: Any
    url: str = ""
    lang: str = ""  # set where the text is not in the reader's language
    tag: str = ""  # a status word: green, yellow, red, grey, blue
    anchor: str = ""  # the name by which a link leads to this row
    said: str = ""  # what a page says in place of the value; files have the value
    kind: Kind | None = None  # how the value reads where its row, and not its column, says so


class Lines(Sequence[Sequence[Cell]], Generic[Item]):
    """The rows of a long table, each made when it is looked at: a page shows the first of them, a file reads all."""

    def __init__(self, items: Sequence[Item], cells: Callable[[Item], Sequence[Cell]]) -> None:
        self.items, self.cells = items, cells

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, at: int) -> Sequence[Cell]: ...

    @overload
    def __getitem__(self, at: slice) -> "Lines[Item]": ...

    def __getitem__(self, at: int | slice) -> "Sequence[Cell] | Lines[Item]":
        return Lines(self.items[at], self.cells) if isinstance(at, slice) else self.cells(self.items[at])

    def __iter__(self) -> Iterator[Sequence[Cell]]:
        return map(self.cells, self.items)


@dataclass(frozen=True)
class Table:
    """Columns and rows. `everything` is the address of the list that shows all rows where a page has no room."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    everything: str = ""


@dataclass(frozen=True)
class Subject:
    """The record that numbers speak of, such as the policy whose plans are counted: its kind, code and name."""

    label: str
    code: str
    name: str


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
    about: Subject | None = None  # what its files are named after beside the chart
    api: str = ""  # the address in the API that gives the data behind the chart, where there is one
    api_takes: Sequence[str] = ()  # the page's filters that the chart obeys and that address takes by the same names

    @property
    def is_vector(self) -> bool:
        """Whether it is drawn as HTML or SVG, so that it can be saved as SVG; the others are pixels of a canvas."""
        return self.kind in get_args(Html)

    @property
    def layers(self) -> list[str]:
        """The names of the drawings that the chart switches between; none where it has only one."""
        grids = [str(grid["key"]) for grid in self.data.get("grids", ())]
        return grids if len(grids) > 1 else []
