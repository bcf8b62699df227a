"""Tile map and headlines of a rollout: dates of plans, their certainty, and no claim from few plans."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from policies.charts.rollout import adoption_chart, status_map
from policies.charts.tile_map import plans_grid
from policies.models import Policy, Province
from policies.rollout import build_rollout
from tests.factories import make_plan, make_policy, make_province
from tests.support.snapshots import assert_snapshot, page_content

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
DAY = date(2024, 6, 30)
ABSENT = {"issued_on": None, "known_issued_by": None}


@pytest.fixture
def policy() -> Policy:
    return make_policy(slug="plan", short_name_en="A plan", issued_on=date(2022, 6, 17))


def make_place(region: str = "north", **fields: Any) -> Province:
    return make_province(region=region, **fields)


PLANS: list[dict[str, Any]] = [
    {"issued_on": date(2022, 12, 5)},
    {"issued_on": date(2023, 2, 1), "issued_precision": "month"},
    {"issued_on": date(2022, 1, 1), "issued_precision": "year"},
    {"issued_on": None, "known_issued_by": date(2024, 1, 30)},
    {"status": "drafting", **ABSENT},
    {"status": "not_found", "searched_on": date(2024, 1, 1), "searched_where": "website", **ABSENT},
    {"status": "not_required", **ABSENT},
    {"status": "unknown", **ABSENT},
]


def test_a_tile_says_when_its_plan_was_issued_and_how_surely(policy: Policy) -> None:
    for number, fields in enumerate(PLANS, 1):
        make_plan(policy, make_place(name_en=f"Place {number}"), **fields)
    grid = plans_grid(build_rollout(policy, DAY), [make_province(in_roster=False, name_en="Elsewhere")])
    tiles = [[tile.look, tile.value, tile.hatched, tile.text] for tile in grid["tiles"]]
    legend = [[row["label"], row["look"], row["hatched"], row["count"]] for row in grid["legend"]]
    assert_snapshot("rollout-tiles", {"tiles": tiles, "legend": legend})


def test_a_small_map_has_a_code_on_every_tile(policy: Policy) -> None:
    make_place(iso_code="CN-ZJ")
    make_place(iso_code="", short_en="XPCC")
    assert [tile.code for tile in plans_grid(build_rollout(policy, DAY), [])["tiles"]] == ["ZJ", "XPCC"]


def test_the_map_is_a_grid_of_links_with_text_and_no_tooltip(client: Client, policy: Policy) -> None:
    province = make_place(slug="heilongjiang", short_en="Heilongjiang")
    make_plan(policy, province)
    make_place(in_roster=False, region="", short_en="Elsewhere")
    page = client.get("/policies/plan/").text
    grid = page[page.index('<ul class="tile-grid"') : page.index("</ul>", page.index("tile-grid"))]
    assert f'data-col="{province.tile_col}" data-row="{province.tile_row}"' in grid
    assert grid.count('<a href="/provinces/') == 1
    text = "issued on 5 December 2022, 171 days after the national document"
    name = f"Heilongjiang 22Q4 {province.short[:5]} · {province.name}: {text}"
    assert f'<a href="/provinces/heilongjiang/" aria-label="{name}" data-tile="{province.name}: {text}">' in grid
    assert '<span class="name">Heilong\u00adjiang</span>' in grid  # it may be cut where it does not fit
    assert '<span class="value">22Q4</span>' in grid
    assert " title=" not in grid
    assert " style=" not in grid


# -- headlines ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lags", [[100, 200, 300, 400], [100, 200, 285, 286, 400, 500]])
def test_a_median_is_told_in_whole_days_from_five_dated_plans_on(
    client: Client, policy: Policy, lags: list[int]
) -> None:
    for number, lag in enumerate(lags, 1):
        place = make_place(name_en=f"Place {number}", short_en=f"Place {number}", slug=f"place-{number}")
        make_plan(policy, place, issued_on=date(2022, 6, 17) + timedelta(lag))
    assert_snapshot(f"page-rollout-of-{len(lags)}", page_content(client.get("/policies/plan/", {"as_of": DAY})))


def test_all_that_are_furthest_behind_are_named(policy: Policy) -> None:
    north, east, south = make_place("north"), make_place("east"), make_place("central-south")
    assert status_map(build_rollout(policy, DAY), [], []).title == "A plan: no plan is known in 3 of 6 regions"
    for other in (north, east, south):
        make_plan(policy, other)
    assert status_map(build_rollout(policy, DAY), [], []).title == "A plan: every region is complete"
    for region in ("north", "east"):
        make_place(region)
    assert status_map(build_rollout(policy, DAY), [], []).title == "A plan: furthest behind: North 1 of 2, East 1 of 2"
    make_place("east")
    assert status_map(build_rollout(policy, DAY), [], []).title == "A plan: furthest behind: East 1 of 3"


# -- the curve ---------------------------------------------------------------------------------------------


def test_the_curve_ends_a_quarter_after_its_last_step_and_names_who_came(policy: Policy) -> None:
    first, second, third = make_place(short_en="One"), make_place(short_en="Two"), make_place(short_en="Three")
    make_plan(policy, first, issued_on=date(2022, 12, 5))
    make_plan(policy, second, issued_on=date(2022, 12, 5))
    make_plan(policy, third, issued_on=date(2023, 11, 30))
    make_policy(title_en="Late", issued_on=date(2024, 5, 1), parent=policy)
    chart = adoption_chart(build_rollout(policy, DAY), [])
    assert ends(chart) == [date(2022, 6, 17), date(2024, 2, 29)]
    curve = [(point["y"], point["text"][1:]) for point in chart.data["data"]["datasets"][-1]["data"]]
    assert curve == [(0, []), (0, []), (2, ["One, Two"]), (3, ["Three"]), (3, [])]
    assert [row[3].value for row in chart.table.rows] == ["", "One, Two", "Three"]
    assert chart.note.endswith("No further plan became known from 30 November 2023 to 30 June 2024: that is not drawn.")
    assert "Late" not in [flag["label"] for flag in chart.flags]

    soon = adoption_chart(build_rollout(policy, date(2024, 1, 15)), [])
    assert ends(soon)[1] == date(2024, 1, 15)
    assert "No further plan" not in soon.note
    before = adoption_chart(build_rollout(policy, date(2022, 12, 1)), [])
    assert ends(before)[1] == date(2022, 12, 1)


def ends(chart: Any) -> list[date]:
    """Return the first and the last day of the axis."""
    axis = chart.data["options"]["scales"]["x"]
    return [date.fromordinal(axis[end]) for end in ("min", "max")]
