"""Lights of milestones and pilots, and their reasons."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilots.lights import (
    Colour,
    IndicatorLight,
    LightReason,
    MilestoneLight,
    PilotLight,
    ReasonSubject,
    StatusReason,
    count_by_colour,
    milestone_light,
    milestone_light_change_dates,
    pilot_light,
    unchanged_since,
)

D = Decimal
RED, YELLOW, BLUE, GREEN, GREY = Colour
TODAY = date(2026, 11, 24)
DAYS = st.dates(date(2024, 1, 1), date(2027, 12, 31))


# -- milestones ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead", "colour", "why"),
    [
        (31, GREY, LightReason.NOT_DUE),
        (30, GREY, LightReason.DUE_SOON),
        (0, GREY, LightReason.DUE_SOON),
        (-1, YELLOW, LightReason.OVERDUE),
        (-90, YELLOW, LightReason.OVERDUE),
        (-91, RED, LightReason.LONG_OVERDUE),
    ],
)
def test_a_milestone_not_done(ahead: int, colour: Colour, why: LightReason) -> None:
    assert milestone_light(TODAY + timedelta(ahead), None, TODAY) == MilestoneLight(colour, why, -ahead)


@pytest.mark.parametrize(
    ("late", "colour", "why"),
    [(-5, GREEN, LightReason.DONE), (0, GREEN, LightReason.DONE), (1, BLUE, LightReason.DONE_LATE)],
)
def test_a_milestone_done(late: int, colour: Colour, why: LightReason) -> None:
    planned = date(2025, 6, 30)
    assert milestone_light(planned, planned + timedelta(late), TODAY) == MilestoneLight(colour, why, late)


def test_what_is_done_later_was_not_done_yet() -> None:
    planned, actual = date(2025, 1, 1), date(2025, 6, 1)
    assert milestone_light(planned, actual, date(2025, 5, 31)) == MilestoneLight(RED, LightReason.LONG_OVERDUE, 150)
    assert milestone_light(planned, actual, actual) == MilestoneLight(BLUE, LightReason.DONE_LATE, 151)


def test_a_milestone_without_a_plan() -> None:
    assert milestone_light(None, None, TODAY) == MilestoneLight(GREY, LightReason.NO_DATE, None)
    assert milestone_light(None, TODAY, TODAY) == MilestoneLight(GREEN, LightReason.DONE, None)


@given(st.none() | DAYS, st.none() | DAYS, DAYS)
def test_a_milestone_changes_on_its_turning_days_only(planned: date | None, actual: date | None, day: date) -> None:
    before, after = (milestone_light(planned, actual, when) for when in (day - timedelta(1), day))
    if (before.colour, before.why) != (after.colour, after.why):
        assert day in milestone_light_change_dates(planned, actual)


# -- pilots --------------------------------------------------------------------------------------------


class Item(NamedTuple):
    """A target or milestone of a pilot, as far as its light needs it."""

    key: str
    light: IndicatorLight | MilestoneLight
    binds: bool
    about: ReasonSubject = ReasonSubject.MILESTONE


def indicator(key: str, colour: Colour, *, binding: bool = True, shortfall: str | None = None) -> Item:
    light = IndicatorLight(
        colour, LightReason.FAR_BEHIND, D(9), D(8), shortfall=None if shortfall is None else D(shortfall)
    )
    return Item(key, light, binding, ReasonSubject.INDICATOR)


def done_early(key: str) -> Item:
    return Item(key, MilestoneLight(GREEN, LightReason.DONE, -5), True)


def milestone(key: str, colour: Colour, *, key_milestone: bool = True, delay: int | None = 5) -> Item:
    return Item(key, MilestoneLight(colour, LightReason.OVERDUE, delay), key_milestone)


@pytest.mark.parametrize(
    ("indicators", "milestones", "colour"),
    [
        ([indicator("a", RED)], [], RED),
        ([indicator("a", RED, binding=False)], [], YELLOW),
        ([indicator("a", YELLOW)], [], YELLOW),
        ([indicator("a", YELLOW, binding=False), indicator("b", GREEN)], [], GREEN),
        ([], [milestone("m", RED)], RED),
        ([], [milestone("m", RED, key_milestone=False)], YELLOW),
        ([], [milestone("m", YELLOW)], YELLOW),
        ([], [milestone("m", YELLOW, key_milestone=False)], YELLOW),
        ([], [milestone("m", BLUE), milestone("n", GREY), milestone("o", GREEN)], GREEN),
        ([indicator(str(n), GREEN) for n in range(20)] + [indicator("z", RED)], [], RED),
    ],
)
def test_the_worst_item_that_binds(indicators: list[Item], milestones: list[Item], colour: Colour) -> None:
    light = pilot_light([*indicators, *milestones], accepted=True)
    assert (light.colour, light.why.counts_as) == (colour, colour)


def test_grey_only_without_an_accepted_value_and_without_anything_worse() -> None:
    nothing = StatusReason(GREY, ReasonSubject.PILOT, LightReason.NO_REPORT)
    assert pilot_light([indicator("a", GREY)], accepted=False) == PilotLight(GREY, (nothing,))
    assert pilot_light([milestone("m", RED)], accepted=False).colour == RED


@pytest.mark.parametrize(
    ("indicators", "milestones", "colour", "why"),
    [
        ([], [], GREY, LightReason.NO_TARGET),
        ([indicator("a", GREEN, binding=False)], [], GREY, LightReason.NO_TARGET),
        ([], [milestone("m", GREEN, key_milestone=False)], GREY, LightReason.NO_TARGET),
        ([indicator("a", GREY)], [], GREY, LightReason.NOTHING_RATED),
        ([indicator("a", GREY), indicator("b", GREEN, binding=False)], [], GREY, LightReason.NOTHING_RATED),
        ([], [milestone("m", GREY, delay=-1)], GREY, LightReason.NOTHING_RATED),
        ([], [milestone("m", GREY, delay=0)], GREEN, LightReason.ALL_WELL),
        ([], [done_early("m")], GREEN, LightReason.ALL_WELL),
        ([indicator("a", GREY)], [done_early("m")], GREEN, LightReason.ALL_WELL),
        ([indicator("a", GREEN)], [milestone("m", GREY, delay=-1)], GREEN, LightReason.ALL_WELL),
    ],
)
def test_green_needs_a_binding_target_that_is_rated_or_a_key_milestone_due_or_done(
    indicators: list[Item], milestones: list[Item], colour: Colour, why: LightReason
) -> None:
    reason = StatusReason(colour, ReasonSubject.PILOT, why)
    assert pilot_light([*indicators, *milestones], accepted=True).reasons == (reason,)


def test_green_says_so() -> None:
    well = StatusReason(GREEN, ReasonSubject.PILOT, LightReason.ALL_WELL)
    light = pilot_light([indicator("a", GREEN), indicator("b", GREY)], accepted=True)
    assert light == PilotLight(GREEN, (well,))


def test_the_worst_reason_comes_first() -> None:
    items = [
        indicator("less", RED, shortfall="0.2"),
        indicator("more", RED, shortfall="0.5"),
        indicator("slow", YELLOW, shortfall="0.05"),
        indicator("wish", RED, binding=False, shortfall="0.9"),
        milestone("minor", YELLOW, key_milestone=False),
        milestone("old", RED, delay=200),
        milestone("older", RED, delay=300),
    ]
    light = pilot_light(items, accepted=True)
    assert [reason.item.key for reason in light.reasons] == ["more", "less", "older", "old", "wish", "slow", "minor"]
    assert light.why == StatusReason(RED, ReasonSubject.INDICATOR, LightReason.FAR_BEHIND, items[1])
    assert light.reasons[2] == StatusReason(RED, ReasonSubject.MILESTONE, LightReason.OVERDUE, items[6])


ITEMS = st.lists(st.tuples(st.sampled_from([RED, YELLOW, GREEN, GREY]), st.booleans()), max_size=5)


@given(ITEMS, ITEMS, st.booleans())
def test_another_green_item_never_mends_a_red_or_yellow_light(
    indicators: list[tuple[Colour, bool]], milestones: list[tuple[Colour, bool]], accepted: bool
) -> None:
    of_indicators = [indicator(str(n), colour, binding=binds) for n, (colour, binds) in enumerate(indicators)]
    of_milestones = [milestone(str(n), colour, key_milestone=binds) for n, (colour, binds) in enumerate(milestones)]
    before = pilot_light([*of_indicators, *of_milestones], accepted=accepted)
    after = pilot_light([*of_indicators, *of_milestones, indicator("more", GREEN)], accepted=accepted)
    assert (after.colour == before.colour) is (before.why.why not in {LightReason.NO_TARGET, LightReason.NOTHING_RATED})
    assert before.colour not in {RED, YELLOW} or after.reasons == before.reasons
    assert (before.colour == RED) is ((RED, True) in [*indicators, *milestones])


# -- over time -----------------------------------------------------------------------------------------


def by_turns(*turns: tuple[date, Colour]) -> Callable[[date], Colour]:
    """Return a function with a new colour on each of the days; grey before."""
    return lambda day: next((colour for on, colour in reversed(turns) if on <= day), GREY)


def test_since_the_first_day_of_the_present_colour() -> None:
    jan, mar, jun = date(2026, 1, 1), date(2026, 3, 1), date(2026, 6, 1)
    light_on = by_turns((jan, RED), (mar, GREEN), (jun, RED))
    days = [jun, jan, mar]
    assert unchanged_since(light_on, TODAY, days) == jun
    assert unchanged_since(light_on, date(2026, 5, 1), days) == mar
    assert unchanged_since(light_on, mar - timedelta(1), days) == jan
    assert unchanged_since(light_on, jan - timedelta(1), days) is None


def test_a_turn_that_changes_nothing_does_not_count() -> None:
    jan, mar = date(2026, 1, 1), date(2026, 3, 1)
    assert unchanged_since(by_turns((jan, RED), (mar, RED)), TODAY, [jan, mar]) == jan


@given(DAYS, st.none() | DAYS, DAYS)
def test_since_agrees_with_walking_back_day_by_day(planned: date, actual: date | None, as_of: date) -> None:
    def light_on(day: date) -> Colour:
        return milestone_light(planned, actual, day).colour

    day = as_of
    while light_on(day - timedelta(1)) == light_on(as_of) and day > date(2023, 1, 1):
        day -= timedelta(1)
    found = unchanged_since(light_on, as_of, milestone_light_change_dates(planned, actual))
    assert found == (None if day == date(2023, 1, 1) else day)


def test_a_tally_names_every_colour() -> None:
    assert count_by_colour([RED, GREEN, RED]) == {RED: 2, YELLOW: 0, BLUE: 0, GREEN: 1, GREY: 0}
