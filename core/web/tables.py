"""Tables and charts as plain values, which pages, file exports and tests read alike.

A table is declared as columns, each with its heading and how its cell is made from an item, and a sequence of items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from core.text.formatting import StatusChoices

ValueKind = Literal["text", "integer", "decimal", "share", "date", "days", "flag"]
Drawing = Literal["tiles", "matrix", "lights", "bars", "steps", "strip", "trend", "timeline", "coordinates"]
Item = TypeVar("Item")
Whole = TypeVar("Whole")
Item_contra = TypeVar("Item_contra", contravariant=True)


@dataclass(frozen=True)
class Cell:
    """Table cell. None means no data, which is never 0."""

    value: Any
    url: str = ""
    lang: str = ""  # set where the text is not in the active language
    tag: str = ""  # a status word: green, yellow, red, grey, blue
    anchor: str = ""  # HTML anchor of this row
    page_text: str = ""  # shown on pages in place of the value; files have the value
    mark: str = ""  # HTML that stands beside the value on pages
    below: str | Cell = ""  # a second line in small type, on pages only
    title: str = ""  # the whole text, where the page shows less of it
    status: str = ""  # of the row, in its first cell: the colour of its bar, and its group
    kind: ValueKind | None = None  # kind of the value where the row, not the column, determines it


@dataclass(frozen=True)
class Column(Generic[Item_contra]):
    """Table column: its heading, and the value or cell of an item.

    `accessor` is a function of the item or a dotted path of its attributes; without one it is the attribute named like
    the column. `kind` determines how a value is formatted on the page and typed in a file.
    """

    key: str
    label: str
    accessor: str | Callable[[Item_contra], object] = ""
    kind: ValueKind = "text"
    sort: str = ""  # value of `sort` in the query string; empty: not sortable
    sort_fields: Sequence[str] = ()  # fields that a queryset is ordered by; none: ordered by a computed value
    file_only: bool = False  # only in files: the page has no room for it
    url: str = ""  # URL of the record whose values the column holds
    phone: Literal["", "side", "line"] = ""  # where a phone's row of two lines has it: beside the name, or below it

    @property
    def is_numeric(self) -> bool:
        """Whether the column holds numbers, which are aligned right."""
        return self.kind in {"integer", "decimal", "share", "days"}

    def cell(self, item: Item_contra) -> Cell:
        """Return the cell of an item."""
        accessor = self.accessor if callable(self.accessor) else attrgetter(self.accessor or self.key)
        value = accessor(item)
        return value if isinstance(value, Cell) else Cell(value)

    def of(self, part: Callable[[Whole], Item_contra]) -> Column[Whole]:
        """Return the column for items of which `part` returns what its cells are made from."""
        return Column(self.key, self.label, lambda item: self.cell(part(item)), self.kind)


AnyColumn: TypeAlias = Column[Any]


def page_columns(
    columns: Sequence[Column[Item]],
    below: Mapping[str, Callable[[Item], str | Cell] | None],
    *,
    side: str = "",
    line: str = "",
) -> list[Column[Item]]:
    """Return the columns that a page shows, in the order of `below`: what small text stands under each value, if any.

    `side` and `line` are what a phone shows beside the first one and under it.
    """
    by_key, shown = {column.key: column for column in columns}, []
    for key, text in below.items():
        column = by_key[key]
        accessor = partial(cell_above, column, text) if text else column.accessor
        phone: Any = {side: "side", line: "line"}.get(key, "")
        shown.append(replace(column, accessor=accessor, phone=phone, file_only=False))
    return shown


def cell_above(column: Column[Item], below: Callable[[Item], str | Cell], item: Item) -> Cell:
    return replace(column.cell(item), below=below(item))


Row: TypeAlias = Sequence[Cell]


class Rows(Sequence[Row]):
    """Rows of a table, made as they are read: a page reads the first of them, a file all.

    Items too many for memory are an iterator of `count` items, which is read once.
    """

    def __init__(self, columns: Sequence[AnyColumn], items: Any, count: int | None = None) -> None:
        self.columns, self.items = columns, items
        self.size = len(items) if count is None else count

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return Rows(self.columns, self.items[at])
        return [column.cell(self.items[at]) for column in self.columns]

    def __iter__(self) -> Iterator[Row]:
        return ([column.cell(item) for column in self.columns] for item in self.items)


@dataclass(frozen=True)
class Table:
    """Columns and rows. `full_list_url` is the URL of the full list where the page has no room for all rows."""

    columns: Sequence[AnyColumn]
    rows: Sequence[Row]
    full_list_url: str = ""

    @property
    def has_phone_rows(self) -> bool:
        """Whether a phone shows its rows in two lines, which leave the rest to the record's page."""
        return any(column.phone for column in self.columns)

    def values(self) -> Iterator[list[object]]:
        """Yield the values of each row, as a file holds them."""
        return ([cell.value for cell in row] for row in self.rows)


def make_table(
    columns: Sequence[Column[Item]], items: Iterable[Item], full_list_url: str = "", count: int | None = None
) -> Table:
    """Return the table of these items, a row each. A queryset is read here, once; `count` items only as they are
    written."""
    known = items if count is not None or isinstance(items, Sequence) else list(items)
    return Table(columns, Rows(columns, known, count), full_list_url)


def status_cell(status: StatusChoices, url: str = "") -> Cell:
    """Return the label of a status with its colour and symbol."""
    return Cell(str(status.label), url=url, tag=status.colour)


def record_cell(record: Any) -> Cell:
    """Return the name of a record, which may be in the other language, linked to its page."""
    return Cell(record.name, url=record.get_absolute_url(), lang=record.name_lang)


@dataclass(frozen=True)
class Subject:
    """Record that figures refer to, such as the policy whose plans are counted: its kind, code and name."""

    label: str
    code: str
    name: str


@dataclass(frozen=True)
class Chart:
    """Chart frame: headline, what it counts, drawing, table and sources.

    `data` is what the template of tiles, matrix or lights shows; of the other kinds, which only set its height, it is
    the configuration of Chart.js (core/charts.py), empty where there is nothing to draw.
    """

    slug: str
    kind: Drawing
    title: str
    subtitle: str
    table: Table
    data: Mapping[str, Any]
    sources: Sequence[object] = ()
    note: str = ""
    legend: Sequence[tuple[str, str]] = ()  # CSS class of the key, and what it stands for
    flags: Sequence[Mapping[str, Any]] = ()  # numbered days on the drawing: label, url, on
    names: Sequence[Mapping[str, Any]] = ()  # who cannot be drawn, in groups
    light: StatusChoices | None = None  # of the record that the chart shows
    about: Subject | None = None  # names the chart's files, beside the chart itself
    api: str = ""  # API URL of the chart's data, where there is one
    api_filters: Sequence[str] = ()  # filters of the page that the chart obeys and that URL accepts, by the same names

    @property
    def is_canvas(self) -> bool:
        """Whether Chart.js draws it, which can be saved as a picture."""
        return self.kind not in ("tiles", "matrix", "lights") and bool(self.data)

    @property
    def rows(self) -> int:
        """The rows whose height is reserved before bars or milestones are drawn: in steps of four, 40 at most."""
        rows = self.data["data"].get("labels") if self.kind == "bars" else None
        if self.kind == "timeline":
            rows = self.data["options"]["scales"]["y"]["marks"]
        return min(-(-len(rows or ()) // 4) * 4, 40)
