"""Columns that make their cells, statuses with their colour."""

from dataclasses import dataclass
from types import SimpleNamespace

from core.tables import Cell, Column, make_table, status_cell
from core.text import STATUS_SHAPES, STATUS_SYMBOLS, StatusChoices
from policies.models import PlanStatus


@dataclass(frozen=True)
class Place:
    name: str
    pilots: int
    region: SimpleNamespace


PLACES = [Place("Hebei", 3, SimpleNamespace(label="North")), Place("Zhejiang", 0, SimpleNamespace(label="East"))]
COLUMNS: list[Column[Place]] = [
    Column("name", "Province", lambda place: Cell(place.name, url=f"/{place.name.lower()}/")),
    Column("pilots", "Pilots", kind="integer"),
    Column("where", "Region", "region.label"),
]


def test_a_column_s_cell_is_a_function_a_path_or_the_attribute_of_its_name() -> None:
    rows = [list(row) for row in make_table(COLUMNS, PLACES).rows]
    assert rows == [
        [Cell("Hebei", url="/hebei/"), Cell(3), Cell("North")],
        [Cell("Zhejiang", url="/zhejiang/"), Cell(0), Cell("East")],
    ]
    assert [list(row) for row in make_table(COLUMNS, iter(PLACES), count=2).rows] == rows


def test_only_the_rows_that_are_read_are_made() -> None:
    made: list[str] = []
    table = make_table([Column("name", "Province", lambda place: made.append(place.name))], PLACES)
    assert (len(table.rows), made) == (2, [])
    list(table.rows[:1])
    assert made == ["Hebei"]


def test_a_status_has_its_colour_and_shape() -> None:
    assert status_cell(PlanStatus.DRAFTING) == Cell("drafting", tag="yellow")
    assert (PlanStatus("drafting"), PlanStatus.DRAFTING.shape) == ("drafting", "triangle")
    kinds = StatusChoices.__subclasses__()
    assert {member.colour for kind in kinds for member in kind} <= STATUS_SYMBOLS.keys() == STATUS_SHAPES.keys()
