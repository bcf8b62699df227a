"""Rollout over the seed records (checksums of the data) and over small examples."""

from datetime import date
from typing import Any

import pytest

from policies.metrics import Step
from policies.models import Policy
from policies.rollout import build_rollout
from tests.factories import make_plan, make_policy, make_province
from tests.support.snapshots import assert_snapshot

pytestmark = pytest.mark.django_db
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
        found[day] = [rollout.issued, rollout.dated, rollout.known_by, rollout.origin, rollout.median_lag_days, lags]
        assert (rollout.roster, rollout.share, sorted(rollout.lags)) == (32, rollout.issued / 32, sorted(lags.values()))
        assert sum(row.issued for row in rollout.by_region) == rollout.issued == rollout.dated + rollout.known_by
        assert sum(row.roster for row in rollout.by_region) == 32
    assert_snapshot("shipped-rollout", found)


def test_the_denominator_is_the_roster_not_the_rows(empty: None) -> None:
    policy, first = make_policy(), make_province()
    make_province()
    make_province()
    make_province(in_roster=False, region="")
    make_plan(policy, first)
    rollout = build_rollout(policy, date(2024, 1, 1))
    assert (rollout.issued, rollout.roster, rollout.share) == (1, 3, 1 / 3)
    assert [row.status for row in rollout.provinces] == ["issued", "unknown", "unknown"]


def test_a_policy_that_asks_for_no_plans_has_no_number_not_zero(empty: None) -> None:
    make_province()
    rollout = build_rollout(make_policy(calls_for_provincial_plan=False), date(2024, 1, 1))
    assert (rollout.issued, rollout.dated, rollout.known_by, rollout.share) == (None, None, None, None)
    assert (rollout.series, rollout.median_lag_days) == ([], None)


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
    policy = make_policy()
    make_plan(policy, make_province(), **fields)
    assert build_rollout(policy, date(2023, 4, 29)).provinces[0].status == before
    assert build_rollout(policy, date(2023, 5, 1)).provinces[0].status == after


def test_the_curve_begins_with_nothing_on_the_day_of_the_national_policy(empty: None) -> None:
    make_province()
    policy, day = make_policy(issued_on=date(2022, 6, 10)), date(2022, 6, 10)
    assert build_rollout(policy, day).series == [Step(day, 0)]
    assert build_rollout(policy, date(2022, 6, 9)).series == []


def test_a_month_counts_from_its_last_day(empty: None) -> None:
    policy = make_policy()
    make_plan(policy, make_province(), issued_on=date(2023, 2, 1), issued_precision="month")
    assert build_rollout(policy, date(2023, 2, 27)).issued == 0
    rollout = build_rollout(policy, date(2023, 2, 28))
    assert (rollout.issued, rollout.dated, rollout.known_by) == (1, 0, 1)
    assert rollout.series == [Step(date(2022, 6, 17), 0), Step(date(2023, 2, 28), 1)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"issued_on": date(2022, 12, 5)}, None),
        ({"issued_on": date(2023, 1, 1), "issued_precision": "month"}, (198, 228)),
        ({"issued_on": None, "known_issued_by": date(2022, 12, 13)}, (0, 179)),
    ],
)
def test_a_lag_without_an_exact_day_is_a_range(
    empty: None, fields: dict[str, Any], expected: tuple[int, int] | None
) -> None:
    policy = make_policy()
    make_plan(policy, make_province(), **fields)
    rollout = build_rollout(policy, date(2024, 1, 1))
    assert rollout.provinces[0].lag_range == expected


def test_the_day_on_which_half_of_the_roster_had_issued(empty: None) -> None:
    policy, days = make_policy(), (date(2022, 12, 5), date(2023, 1, 2), None)
    for day in days:
        province = make_province()
        if day:
            make_plan(policy, province, issued_on=day)
    assert build_rollout(policy, date(2024, 1, 1)).half_on == date(2023, 1, 2)
    assert build_rollout(policy, date(2022, 12, 31)).half_on is None
