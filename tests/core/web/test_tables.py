"""Columns that make their cells, statuses with their colour."""

from core.tables import Cell, status_cell
from core.text import STATUS_SHAPES, STATUS_SYMBOLS, StatusChoices
from policies.models import PlanStatus


def test_a_status_has_its_colour_and_shape() -> None:
    assert status_cell(PlanStatus.DRAFTING) == Cell("drafting", tag="yellow")
    assert (PlanStatus("drafting"), PlanStatus.DRAFTING.shape) == ("drafting", "triangle")
    kinds = StatusChoices.__subclasses__()
    assert {member.colour for kind in kinds for member in kind} <= STATUS_SYMBOLS.keys() == STATUS_SHAPES.keys()
