"""A pilot on a day: its stage, its light and why, since when, and what was not known yet."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from pilots.changes import corrections_after
from pilots.metrics import Colour, Stage, Why
from pilots.models import LightOverride, Pilot, Reading
from pilots.overview import build_overview
from pilots.progress import build_progress, pilot_status, quarter_end_before, with_facts
from pilots.sentences import reasons, why
from pilots.synergy import Lack, build_synergy
from tests.factories import (
    make_batch,
    make_carbon,
    make_indicator,
    make_milestone,
    make_pilot,
    make_province,
    make_reading,
    make_stage,
    make_target,
)

pytestmark = pytest.mark.django_db
DUE = date(2026, 4, 1)  # the first day on which the values of 2025 are due


def status(pilot: Pilot, day: date) -> Any:
    return pilot_status(with_facts(Pilot.objects.filter(pk=pilot.pk)).get(), day)


@pytest.fixture
def pilot(empty: None) -> Pilot:
    """A city with one binding target: NOx from 30 000 t in 2023 to 25 500 t in 2026."""
    city = make_pilot(make_batch(term_start=date(2024, 1, 1), term_end=date(2026, 12, 31)), make_province())
    make_target(city, make_indicator("AIR_NOX"), 30000, 25500, binding=True)
    return city


def nox(city: Pilot, period: str, value: Any, **fields: Any) -> Reading:
    return make_reading(city, city.targets.get().indicator, period, value, **fields)


def test_the_example_city_is_red_and_says_by_how_much(pilot: Pilot) -> None:
    nox(pilot, "2025", 27600, accepted_on=date(2026, 3, 20))
    found = status(pilot, DUE)
    light = found.indicators[0].light
    assert (light.colour, light.expected) == (Colour.RED, Decimal(27000))
    assert round(light.shortfall, 4) == Decimal("0.2000")
    assert found.colour == Colour.RED
    assert [(item.code, item.text, item.url) for item in reasons(found)] == [
        (
            "far_behind",
            f"{found.indicators[0].target.indicator.name} 20.0 % behind schedule: expected 27,000 t, actual 27,600 t",
            f"/pilots/{pilot.slug}/#indicator-AIR_NOX",
        )
    ]


def test_no_accepted_value_is_grey_never_zero(pilot: Pilot) -> None:
    nox(pilot, "2025", 27600, state="reported", accepted_on=None)
    found = status(pilot, DUE)
    assert (found.colour, found.indicators[0].light.why, found.reported) == (Colour.GREY, Why.NO_READING, False)
    assert found.indicators[0].light.actual is None
    assert why(found) == "Not rated: no accepted value for 2025"


def test_a_value_counts_from_its_acceptance(pilot: Pilot) -> None:
    nox(pilot, "2025", 26000, reported_on=date(2026, 3, 1), accepted_on=date(2026, 5, 10))
    assert status(pilot, date(2026, 5, 9)).colour == Colour.GREY
    after = status(pilot, date(2026, 5, 10))
    assert (after.colour, after.since) == (Colour.GREEN, date(2026, 5, 10))


def test_a_newer_version_counts_and_a_disputed_one_stands_for_nothing(pilot: Pilot) -> None:
    nox(pilot, "2025", 27600, version=1, accepted_on=date(2026, 3, 20))
    nox(pilot, "2025", 26000, version=2, accepted_on=date(2026, 6, 1))
    assert status(pilot, date(2026, 5, 31)).colour == Colour.RED
    assert status(pilot, date(2026, 6, 1)).colour == Colour.GREEN
    Reading.objects.filter(version=2).update(state="disputed")
    assert status(pilot, date(2026, 6, 1)).colour == Colour.GREY


def test_before_a_value_is_due_nothing_is_owed(pilot: Pilot) -> None:
    """Nothing known is not rated; a milestone that is done can be, until a value is due and missing."""
    before = status(pilot, date(2025, 3, 31))
    assert (before.colour, why(before)) == (Colour.GREY, "Not rated yet: the first values are due by 31 March 2025")
    make_milestone(pilot, date(2025, 2, 1), date(2025, 1, 20))
    assert status(pilot, date(2025, 3, 31)).colour == Colour.GREEN
    after = status(pilot, date(2025, 4, 1))
    assert (after.colour, why(after)) == (Colour.GREY, "Not rated: no accepted value for 2024")


def test_a_key_milestone_turns_yellow_then_red_and_blue_is_no_blame(pilot: Pilot) -> None:
    nox(pilot, "2025", 25500, accepted_on=date(2026, 3, 20))
    item = make_milestone(pilot, date(2026, 5, 1), is_key=True, owner="Bureau")
    assert status(pilot, date(2026, 5, 1)).colour == Colour.GREEN
    assert status(pilot, date(2026, 5, 2)).colour == Colour.YELLOW
    late = status(pilot, date(2026, 7, 31))
    assert (late.colour, late.since) == (Colour.RED, date(2026, 7, 31))
    worst = reasons(late)[0]
    assert (worst.text, worst.owner, worst.days) == (f"{item.name} is 91 days overdue", "Bureau", 91)
    item.completed_on = date(2026, 8, 1)
    item.save()
    assert status(pilot, date(2026, 8, 1)).colour == Colour.GREEN
    assert status(pilot, date(2026, 7, 31)).colour == Colour.RED
    assert vars(status(pilot, date(2026, 8, 1)).counts) == {"done": 1, "due": 1, "late": 0, "total": 1}


def test_a_light_set_by_hand_is_shown_as_such_and_expires(pilot: Pilot) -> None:
    author = User.objects.create_user("steward")
    nox(pilot, "2025", 27600, accepted_on=date(2026, 3, 20))
    LightOverride.objects.create(
        pilot=pilot,
        colour="yellow",
        reason="Furnace closes in December",
        author=author,
        set_on=date(2026, 5, 1),
        expires_on=date(2026, 6, 1),
    )
    inside = status(pilot, date(2026, 5, 31))
    assert (inside.colour, inside.light.colour, inside.since) == (Colour.YELLOW, Colour.RED, date(2026, 5, 1))
    assert why(inside) == "Set by hand by steward until 1 June 2026: Furnace closes in December"
    assert status(pilot, date(2026, 6, 1)).colour == Colour.RED


def test_stages_on_a_day(pilot: Pilot) -> None:
    make_stage(pilot, "listed", date(2024, 1, 15))
    make_stage(pilot, "plan_issued", date(2024, 11, 15), reason="not published")
    assert status(pilot, date(2024, 1, 14)).position is None
    before = status(pilot, date(2024, 11, 14))
    assert (before.position.stage, before.days_in_stage) == (Stage.LISTED, 304)
    assert (before.list_to_plan.days, before.list_to_plan.done) == (304, False)
    after = status(pilot, date(2024, 11, 15))
    assert (after.position.stage, after.days_in_stage, after.list_to_plan.days) == (Stage.PLAN_ISSUED, 0, 305)


def test_the_strip_compares_the_same_pilots_with_the_last_quarter_s_end(pilot: Pilot) -> None:
    nox(pilot, "2025", 27600, accepted_on=date(2026, 5, 20))
    strip = build_progress(Pilot.objects.all(), date(2026, 8, 1)).strip
    assert (strip.then_on, strip.n) == (date(2026, 6, 30), 1)
    assert (strip.now[Colour.RED], strip.change(Colour.RED)) == (1, 0)
    earlier = build_progress(Pilot.objects.all(), date(2026, 6, 1)).strip
    assert (earlier.then_on, earlier.change(Colour.RED), earlier.change(Colour.GREY)) == (date(2026, 3, 31), 1, -1)


@pytest.mark.parametrize(
    ("day", "end"),
    [
        (date(2026, 1, 1), date(2025, 12, 31)),
        (date(2026, 3, 31), date(2025, 12, 31)),
        (date(2026, 4, 1), date(2026, 3, 31)),
        (date(2028, 2, 29), date(2027, 12, 31)),
    ],
)
def test_the_quarter_before(day: date, end: date) -> None:
    assert quarter_end_before(day) == end


def test_shipped_progress_claims_nothing() -> None:
    """No value is accepted yet: every light is grey, and the stages are those that were published."""
    progress = build_progress(Pilot.objects.filter(batch__slug="national-batch-1"), date(2026, 11, 24))
    assert progress.strip.now == {
        Colour.RED: 0,
        Colour.YELLOW: 0,
        Colour.BLUE: 0,
        Colour.GREEN: 0,
        Colour.GREY: 19,
    }
    funnel = progress.funnel()
    assert (funnel.n, funnel.reached[Stage.LISTED], funnel.reached[Stage.PLAN_ISSUED]) == (19, 19, 2)
    spans = {item.pilot.slug: item.list_to_plan.days for item in progress.pilots if item.list_to_plan.done}
    assert spans == {"huzhou": 305, "ordos": 295}


def test_synergy_lists_who_is_missing_and_why(empty: None) -> None:
    batch, province = make_batch(), make_province()
    so2, carbon = make_indicator("AIR_SO2"), make_carbon()
    full, no_base, no_air, silent = (make_pilot(batch, province) for _ in range(4))
    for item, so2_values, carbon_values in (
        (full, ("12000", "10200"), ("42", "40.74")),
        (no_base, (), (None, "40")),
        (no_air, (), ("42", "41")),
    ):
        for year, value in zip(("2023", "2025"), so2_values, strict=False):
            make_reading(item, so2, year, value)
        for year, amount in zip(("2023", "2025"), carbon_values, strict=False):
            if amount:
                make_reading(item, carbon, year, amount)
    found = build_synergy(Pilot.objects.all(), date(2026, 11, 24), 2025)
    assert [item.pilot for item in found.pilots] == [full]
    assert {(item.pilot, item.why) for item in found.missing} == {
        (no_base, Lack.NO_CARBON_BASE),
        (no_air, Lack.NO_POLLUTANT),
        (silent, Lack.NO_CARBON),
    }
    assert (found.n, found.of) == (1, 4)
    assert found.pilots[0].elasticity.value == Decimal(5)


def test_a_park_in_a_pilot_city_stays_out_of_the_sum(empty: None) -> None:
    batch, province = make_batch(), make_province()
    so2, carbon = make_indicator("AIR_SO2"), make_carbon()
    city = make_pilot(batch, province)
    park = make_pilot(batch, province, kind="park", parent=city)
    for item in (city, park):
        for indicator, base, actual in ((so2, 100, 90), (carbon, 10, 9)):
            make_reading(item, indicator, "2023", base)
            make_reading(item, indicator, "2025", actual)
    found = build_synergy(Pilot.objects.all(), date(2026, 11, 24), 2025)
    assert found.n == 2
    assert (found.carbon_total.value, found.carbon_total.within) == (Decimal(10_000), (park.slug,))


@pytest.mark.parametrize("n", [1, 3])
def test_seven_queries_whatever_the_rows(empty: None, n: int, django_assert_num_queries: Any) -> None:
    batch, indicator = make_batch(), make_indicator("AIR_SO2")
    for _ in range(n):
        item = make_pilot(batch, make_province())
        make_target(item, indicator, 100, 80, binding=True)
        make_reading(item, indicator, "2025", 90)
        make_milestone(item, date(2025, 1, 1))
        make_stage(item, "listed", date(2024, 1, 15))
    # pilots with batch, province, parent; stages; milestones; targets with indicators; their steps; readings; overrides
    with django_assert_num_queries(7):
        progress = build_progress(Pilot.objects.all(), date(2026, 11, 24))
        assert len([item.since for item in progress.attention()]) == n
        assert progress.strip.n == n


def test_an_overview_reads_no_light_unless_asked(django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(20):
        build_overview(date(2026, 11, 24))


def test_corrections_since_a_day_are_named(pilot: Pilot) -> None:
    before = corrections_after(date(2020, 1, 1))
    pilot.note = "Corrected"
    pilot._change_reason = "Typing error"
    pilot.save()
    found = corrections_after(date(2020, 1, 1))
    assert found.total == before.total + 1
    assert (found.newest[0].what, found.newest[0].action, found.newest[0].reason) == (
        pilot.name,
        "changed",
        "Typing error",
    )
    assert corrections_after(date(2999, 1, 1)).total == 0
