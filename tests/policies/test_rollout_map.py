"""Tile map and headlines of a rollout: dates of plans, their certainty, and no claim from few plans."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from policies.charts.rollout import adoption_chart, lag_chart, rollout_headline, status_map
from policies.charts.tile_map import plans_grid
from policies.models import Policy, Province
from policies.rollout import Rollout, build_rollout
from policies.tables import regions_table
from tests.factories import make_plan, make_policy, make_province

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
DAY = date(2024, 6, 30)
ABSENT = {"issued_on": None, "known_issued_by": None}


@pytest.fixture
def policy() -> Policy:
    return make_policy(slug="plan", short_name_en="A plan", issued_on=date(2022, 6, 17))


def make_place(region: str = "north", **fields: Any) -> Province:
    return make_province(region=region, **fields)


def tile_texts(rollout: Rollout) -> list[tuple[str, str, bool, str]]:
    return [(tile.look, tile.value, tile.hatched, tile.text) for tile in plans_grid(rollout, [])["tiles"]]


def test_a_tile_says_when_its_plan_was_issued_and_how_surely(policy: Policy) -> None:
    after = "days after the national document"
    wanted: list[tuple[dict[str, Any], str, str, bool, str]] = [
        ({"issued_on": date(2022, 12, 5)}, "issued", "22Q4", False, f"issued on 5 December 2022, 171 {after}"),
        (
            {"issued_on": date(2023, 2, 1), "issued_precision": "month"},
            *("issued", "23Q1", False, f"issued in February 2023, the day is not known; 229 to 256 {after}"),
        ),
        (
            {"issued_on": date(2022, 1, 1), "issued_precision": "year"},
            *("issued", "≤22Q4", True, f"issued in 2022, the day is not known; at most 197 {after}"),
        ),
        (
            {"issued_on": None, "known_issued_by": date(2024, 1, 30)},
            *(
                "issued",
                "≤24Q1",
                True,
                f"issued by 30 January 2024 at the latest, the day is not known; at most 592 {after}",
            ),
        ),
        ({"status": "drafting", **ABSENT}, "missing", "drafting", False, "drafting"),
        (
            {"status": "not_found", "searched_on": date(2024, 1, 1), "searched_where": "website", **ABSENT},
            *("missing", "not found", False, "not found"),
        ),
        ({"status": "not_required", **ABSENT}, "not-required", "n/a", False, "not required"),
        ({"status": "unknown", **ABSENT}, "missing", "no data", False, "unknown"),
    ]
    provinces = [make_place() for _case in wanted]
    for province, (fields, *_rest) in zip(provinces, wanted, strict=True):
        make_plan(policy, province, **fields)
    rollout = build_rollout(policy, DAY)
    assert tile_texts(rollout) == [
        (look, value, hatched, f"{province.name}: {text}")
        for province, (_fields, look, value, hatched, text) in zip(provinces, wanted, strict=True)
    ]
    legend = plans_grid(rollout, [make_province(in_roster=False)])["legend"]
    assert [(row["label"], row["look"], row["hatched"], row["count"]) for row in legend] == [
        ("issued, day or month known", "issued", False, 2),
        ("issued, latest day only", "issued", True, 2),
        ("no plan on record", "missing", False, 3),
        ("not required", "not-required", False, 1),
        ("outside the roster", "outside", False, 1),
    ]


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


def plans_with_lags(policy: Policy, days: list[int]) -> Rollout:
    start = date(2022, 6, 17).toordinal()
    for lag in days:
        make_plan(policy, make_place(), issued_on=date.fromordinal(start + lag))
    return build_rollout(policy, DAY)


def lag_figures(client: Client) -> list[tuple[Any, str]]:
    figures = client.get("/policies/plan/", {"as_of": DAY}).context["figures"]
    return [(figure["value"], figure["note"]) for figure in figures[3:]]


def test_of_four_dated_plans_no_median_is_told(client: Client, policy: Policy) -> None:
    rollout = plans_with_lags(policy, [100, 200, 300, 400])
    assert rollout_headline(rollout).endswith("; the day of issue is known for 4 of them.")
    chart = lag_chart(rollout, [])
    assert chart.title == "A plan: too few plans are dated to say how long they took: n = 4"
    assert [own["label"] for own in chart.data["data"]["datasets"]] == ["day of issue known"]  # dots alone
    assert lag_figures(client) == [("–", "too few to say: n = 4")] * 2
    assert regions_table(rollout).rows[0][5].value == "too few to say: n = 4"
    assert regions_table(rollout).rows[1][5].value is None


def test_of_five_it_is_told_in_whole_days(client: Client, policy: Policy) -> None:
    rollout = plans_with_lags(policy, [100, 200, 285, 286, 400, 500])
    assert rollout.median_lag_days == 285.5
    assert "the median 286 days after the national document" in rollout_headline(rollout)
    chart = lag_chart(rollout, [])
    assert chart.title == "A plan: half of the 6 dated plans came within 286 days, nine in ten within 450"
    median = chart.data["data"]["datasets"][-1]["data"][-1]
    assert (median["x"], median["label"]["text"]) == (286, "median 286 days")
    assert [value for value, _note in lag_figures(client)] == [286, 450]
    assert regions_table(rollout).rows[0][5].value == 286


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
