"""Rollout: over the seed records (checksums of the data), over small examples, on the map and in headlines."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from core.text import PartialDate
from policies import metrics
from policies.metrics import Step
from policies.models import PlanStatus, Policy, Province, ProvincialPlan, Region
from policies.rollout import ProvinceRollout, RegionRollout, build_rollout
from tests import factories as make
from tests.support.snapshots import assert_snapshot

pytestmark = pytest.mark.django_db


def test_a_share_of_nothing_is_not_zero() -> None:
    assert [metrics.share(*part) for part in ((28, 32), (0, 32), (0, 0), (None, 32))] == [0.875, 0.0, None, None]


@pytest.mark.parametrize(
    ("issued_on", "precision", "published_on", "origin", "lag"),
    [
        (date(2022, 6, 10), "day", date(2022, 6, 17), date(2022, 6, 10), 178),
        (date(2022, 6, 1), "month", date(2022, 6, 17), date(2022, 6, 17), 171),
        (date(2022, 6, 1), "month", None, None, None),
        (None, "", None, None, None),
    ],
)
def test_lags_count_from_issue_else_from_publication(
    issued_on: date | None, precision: str, published_on: date | None, origin: date | None, lag: int | None
) -> None:
    policy = Policy(issued_on=issued_on, issued_precision=precision, published_on=published_on)
    plan = ProvincialPlan(issued_on=date(2022, 12, 5), issued_precision="day")
    assert policy.lag_from == origin
    assert ProvinceRollout(Province(), PlanStatus.ISSUED, plan, origin, plan, [plan]).lag_days == lag


def test_median_and_p90_of_the_known_lags() -> None:
    lags = [490, 171, 173, 427, 215, 437, 252]
    assert metrics.median_days(lags) == 252
    assert p90(lags) == pytest.approx(458.2)
    for few in ([], [171], lags[:4]):  # too few to say
        assert (metrics.median_days(few), p90(few)) == (None, None)
    assert (metrics.median_days(lags[:5]), p90(lags[:5])) == (215, pytest.approx(464.8))


def p90(lags: list[int]) -> float | None:
    counts = RegionRollout(Region.EAST, [])
    vars(counts)["lags"] = lags
    return counts.p90_lag_days


def test_the_curve_steps_on_each_day_of_a_change_and_starts_with_none_on_the_national_day() -> None:
    origin, january, may = date(2022, 6, 10), date(2023, 1, 2), date(2023, 5, 1)
    changes = [(january, 1), (date(2022, 12, 5), 1), (january, 1), (may, -1), (date(2023, 6, 1), 1), (may, -1)]
    changes += [(date(2023, 6, 1), -1)]
    assert metrics.adoption_steps(changes, origin) == [
        Step(origin, 0),
        Step(date(2022, 12, 5), 1),
        Step(january, 3),
        Step(may, 1),
    ]
    assert metrics.adoption_steps([], None) == []


def test_half_a_day_is_a_whole_one() -> None:
    assert [metrics.whole_days(days) for days in (252.0, 284.5, 285.5, 285.4, 0.0)] == [252, 285, 286, 285, 0]


SYNERGY = "synergy-implementation-plan-2022"


DAYS = [
    *("2022-06-16", "2022-12-04", "2022-12-05", "2022-12-30", "2022-12-31", "2023-06-30", "2023-12-31", "2024-01-24"),
    *("2024-01-29", "2024-01-30"),
]


def test_the_shipped_plans_add_up_on_any_day() -> None:
    policy, found = Policy.objects.get(slug=SYNERGY), {}
    for day in DAYS:
        rollout = build_rollout(policy, date.fromisoformat(day))
        lags = {row.province.slug: row.lag_days for row in rollout.provinces if row.lag_days is not None}
        found[day] = [
            rollout.issued,
            rollout.dated,
            rollout.month_only,
            rollout.latest_only,
            rollout.origin,
            rollout.median_lag_days,
            lags,
        ]
        assert (rollout.roster, rollout.share, sorted(rollout.lags)) == (32, rollout.issued / 32, sorted(lags.values()))
        assert sum(row.issued for row in rollout.by_region) == rollout.issued
        assert rollout.issued == rollout.dated + rollout.month_only + rollout.latest_only
        assert sum(row.roster for row in rollout.by_region) == 32
    assert_snapshot("shipped-rollout", found)


def test_the_denominator_is_the_roster_not_the_rows(empty: None) -> None:
    policy, first = make.policy(), make.province()
    make.province()
    make.province()
    make.province(in_roster=False, region="")
    make.plan(policy, first)
    rollout = build_rollout(policy, date(2024, 1, 1))
    assert (rollout.issued, rollout.roster, rollout.share) == (1, 3, 1 / 3)
    assert [row.status for row in rollout.provinces] == ["issued", "unknown", "unknown"]


@pytest.mark.parametrize(
    ("fields", "before", "after"),
    [
        ({"status": "issued", "issued_on": None, "known_issued_by": date(2023, 5, 1)}, "unknown", "issued"),
        ({"status": "issued", "issued_on": date(2023, 4, 1), "issued_precision": "month"}, "unknown", "issued"),
        (
            {
                "status": "not_found",
                "issued_on": None,
                "searched_on": date(2023, 5, 1),
                "searched_where": "its website",
            },
            "unknown",
            "not_found",
        ),
        ({"status": "drafting", "issued_on": None}, "drafting", "drafting"),
    ],
)
def test_what_was_learnt_later_is_not_shown_before(
    empty: None, fields: dict[str, Any], before: str, after: str
) -> None:
    policy = make.policy()
    make.plan(policy, make.province(), **fields)
    assert build_rollout(policy, date(2023, 4, 29)).provinces[0].status == before
    assert build_rollout(policy, date(2023, 5, 1)).provinces[0].status == after


def test_a_month_counts_from_its_last_day(empty: None) -> None:
    policy = make.policy()
    make.plan(policy, make.province(), issued_on=date(2023, 2, 1), issued_precision="month")
    assert build_rollout(policy, date(2023, 2, 27)).issued == 0
    rollout = build_rollout(policy, date(2023, 2, 28))
    assert (rollout.issued, rollout.dated, rollout.month_only, rollout.latest_only) == (1, 0, 1, 0)
    assert rollout.series == [Step(date(2022, 6, 17), 0), Step(date(2023, 2, 28), 1)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"issued_on": date(2022, 12, 5)}, None),
        ({"issued_on": date(2023, 1, 1), "issued_precision": "month"}, (198, 228)),
        (
            {"issued_on": date(2023, 1, 1), "issued_precision": "month", "known_issued_by": date(2023, 1, 20)},
            (198, 217),
        ),
        ({"issued_on": None, "known_issued_by": date(2022, 12, 13)}, (0, 179)),
    ],
)
def test_a_lag_without_an_exact_day_is_a_range(
    empty: None, fields: dict[str, Any], expected: tuple[int, int] | None
) -> None:
    policy = make.policy()
    make.plan(policy, make.province(), **fields)
    rollout = build_rollout(policy, date(2024, 1, 1))
    assert rollout.provinces[0].lag_range == expected


def test_the_day_on_which_half_of_the_roster_had_issued(empty: None) -> None:
    policy, days = make.policy(), (date(2022, 12, 5), date(2023, 1, 2), None)
    for day in days:
        province = make.province()
        if day:
            make.plan(policy, province, issued_on=day)
    assert build_rollout(policy, date(2024, 1, 1)).half_on == date(2023, 1, 2)
    assert build_rollout(policy, date(2022, 12, 31)).half_on is None


DAY = date(2024, 6, 30)


@pytest.fixture
def policy(empty: None) -> Policy:
    return make.policy(slug="plan", title_en="A plan", short_name_en="A plan", issued_on=date(2022, 6, 17))


def make_place(region: str = "north", **fields: Any) -> Province:
    return make.province(region=region, **fields)


# -- headlines ---------------------------------------------------------------------------------------------


def test_a_province_says_how_exactly_the_day_of_its_plan_is_known(policy: Policy, client: Client) -> None:
    dates: list[dict[str, Any]] = [
        {"issued_on": date(2022, 12, 5)},
        {"issued_on": date(2022, 12, 1), "issued_precision": "month"},
        {"issued_on": None, "known_issued_by": date(2023, 5, 1)},
        {"issued_on": date(2023, 1, 1), "issued_precision": "year", "confidence": "inferred"},
    ]
    plans = [make.plan(policy, make_place(), **fields) for fields in dates]
    findings = [client.get(f"{plan.province.get_absolute_url()}?as_of={DAY}").context["finding"] for plan in plans]
    assert [(found.partition(";")[0], "inferred" in found) for found in findings] == [
        ("A plan: issued on 5 December 2022, 171 days after the national document", False),
        ("A plan: issued in December 2022 (month only)", False),
        ("A plan: issued by 1 May 2023 (latest date only)", False),
        ("A plan: issued in 2023 (latest date only)", True),
    ]
    said = "1 only inferred, 3 without an exact date: 1 month only, 2 latest date only"
    assert said in client.get(f"/?as_of={DAY}").context["finding"]


# -- repealed plans, and those that replace them ----------------------------------------------------------


FIRST, REPEALED, SECOND = date(2022, 12, 5), date(2024, 3, 1), date(2024, 5, 1)
EXACT = {"issued_on": FIRST, "title_en": "Old plan", "doc_number": "No. 1"}


@pytest.fixture
def repealed(policy: Policy) -> ProvincialPlan:
    """Make two provinces with a plan; that of the first is repealed on 1 March 2024."""
    home = make_place("north", slug="home", name_en="Home", short_en="Home")
    plan = make.plan(policy, home, **EXACT)
    make.plan(
        policy, make_place("east", slug="other", short_en="Other"), issued_on=date(2023, 2, 1), issued_precision="month"
    )
    plan.repealed_on = REPEALED
    plan.full_clean()
    plan.save()
    return plan


def what_is_said(policy: Policy, day: date) -> list[Any]:
    rollout = build_rollout(policy, day)
    home = rollout.provinces[0]
    return [home.status, home.status_text, rollout.issued, rollout.share, home.lag_days, rollout.series]


def test_a_repealed_plan_counts_up_to_its_repeal(policy: Policy, repealed: ProvincialPlan, client: Client) -> None:
    risen = [Step(date(2022, 6, 17), 0), Step(FIRST, 1), Step(date(2023, 2, 28), 2)]
    assert what_is_said(policy, date(2024, 2, 29)) == ["issued", "issued", 2, 1.0, 171, risen]
    after = ["repealed", "repealed on 1 March 2024", 1, 0.5, None, [*risen, Step(REPEALED, 1)]]
    assert what_is_said(policy, REPEALED) == what_is_said(policy, DAY) == after
    page = client.get(f"/provinces/?as_of={DAY}")
    legend = {row["label"]: row["count"] for row in page.context["charts"]["map"].data["grids"][0]["legend"]}
    exact = "issued, exact date (0) or month only (1)"
    assert legend == {exact: 1, "repealed, no plan in force": 1}
    (tile, _other) = page.context["charts"]["map"].data["grids"][0]["tiles"]
    assert (tile.value, tile.text) == ("repealed", "Home: repealed on 1 March 2024")
    assert [row["row"].province.slug for row in page.context["without_plan"]] == ["home"]
    assert page.text.count("repealed on 1 March 2024") > 2
    lists = {status: client.get(f"/provinces/?as_of={DAY}&status={status}").context["listing"] for status in PlanStatus}
    listed = {status: found.count for status, found in lists.items()}
    assert listed == {"issued": 1, "drafting": 0, "not_found": 0, "not_required": 0, "repealed": 1, "unknown": 0}
    assert "1 of 2" in client.get(f"/policies/?as_of={DAY}").text
    found = [client.get("/search/", {"q": "Old plan", "as_of": day}).context["groups"] for day in (FIRST, DAY)]
    assert [group[0]["hits"][0]["note"] for group in found] == ["No. 1", "No. 1 · repealed on 1 March 2024"]
    assert "Plan of the province: repealed on 1 March 2024." in client.get(f"/brief/province/home/?as_of={DAY}").text
    assert "The plan for “A plan” is repealed: is there a new one?" in client.get(f"/brief/nation/?as_of={DAY}").text


def test_a_second_plan_replaces_the_first_and_the_province_counts_once(
    policy: Policy, repealed: ProvincialPlan, client: Client
) -> None:
    """The lag and the first day stay those of the first plan; the curve falls between the two."""
    new = make.plan(policy, repealed.province, issued_on=SECOND, title_en="New plan")
    risen = [Step(date(2022, 6, 17), 0), Step(FIRST, 1), Step(date(2023, 2, 28), 2), Step(REPEALED, 1), Step(SECOND, 2)]
    assert what_is_said(policy, DAY) == ["issued", "issued", 2, 1.0, 171, risen]
    assert what_is_said(policy, date(2024, 4, 30))[0] == "repealed"
    rollout = build_rollout(policy, DAY)
    row = rollout.provinces[0]
    assert (row.plan, row.first, row.known_by, rollout.half_on, rollout.dated) == (new, repealed, FIRST, FIRST, 1)
    assert [sum(part.issued or 0 for part in rollout.by_region), rollout.known_since(date(2024, 4, 30))] == [2, [row]]
    page = client.get(f"/provinces/home/?as_of={DAY}")
    assert [[cell.value for cell in line][1:7] for line in page.context["tables"]["plans"].build().rows] == [
        ["issued", "New plan", None, PartialDate(SECOND, "day"), SECOND, None],
        ["repealed on 1 March 2024", "Old plan", "No. 1", PartialDate(FIRST, "day"), FIRST, 171],
    ]
    assert page.context["finding"].startswith(
        "A plan: issued on 5 December 2022, 171 days after the national document; replaced by the plan of 1 May 2024;"
    )
    table = client.get(f"/policies/plan/?as_of={DAY}").context["tables"]["plans"].build()
    assert [(line[0].value, line[2].value) for line in table.rows] == [
        (repealed.province.short, "issued"),
        (repealed.province.short, "repealed on 1 March 2024"),
        ("Other", "issued"),
    ]
    assert "2 of 2" in client.get(f"/policies/?as_of={DAY}").text
    gaps = client.get(f"/data/?as_of={DAY}").context["gaps"].rows
    assert [cell.value for cell in gaps[0]] == ["A plan: plans known to be issued", 2, 2, "", 2, 0, 1.0]
    body = client.get(f"/api/v1/rollout/?policy=plan&as_of={DAY}").json()
    assert (body["issued"], body["roster"], len(body["provinces"])) == (2, 2, 2)


def test_on_the_day_of_replacement_nothing_changes(policy: Policy, repealed: ProvincialPlan) -> None:
    make.plan(policy, repealed.province, issued_on=REPEALED)
    days = [date(2024, 2, 29), REPEALED, DAY]
    assert [build_rollout(policy, day).issued for day in days] == [2, 2, 2]
    assert [step.date for step in build_rollout(policy, DAY).series][-1] == date(2023, 2, 28)
