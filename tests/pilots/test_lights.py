"""Lights of milestones and pilots, and their reasons."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilots.lights import (
    Colour,
    Light,
    LightReason,
    MilestoneLight,
    TargetLight,
    milestone_light,
    pilot_reasons,
    unchanged_since,
)

D = Decimal
RED, YELLOW, BLUE, GREEN, GREY = Colour
TODAY = date(2026, 11, 24)
DAYS = st.dates(date(2024, 1, 1), date(2027, 12, 31))


# -- milestones ----------------------------------------------------------------------------------------


def judged(planned: date | None, actual: date | None, day: date) -> tuple[Colour, LightReason, int | None]:
    light = milestone_light(planned, actual, day)
    return light.colour, light.why, light.delay


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
    assert judged(TODAY + timedelta(ahead), None, TODAY) == (colour, why, -ahead)


@pytest.mark.parametrize(
    ("late", "colour", "why"),
    [(-5, GREEN, LightReason.DONE), (0, GREEN, LightReason.DONE), (1, BLUE, LightReason.DONE_LATE)],
)
def test_a_milestone_done(late: int, colour: Colour, why: LightReason) -> None:
    planned = date(2025, 6, 30)
    assert judged(planned, planned + timedelta(late), TODAY) == (colour, why, late)


def test_what_is_done_later_was_not_done_yet() -> None:
    planned, actual = date(2025, 1, 1), date(2025, 6, 1)
    assert judged(planned, actual, date(2025, 5, 31)) == (RED, LightReason.LONG_OVERDUE, 150)
    assert judged(planned, actual, actual) == (BLUE, LightReason.DONE_LATE, 151)


def test_a_milestone_without_a_plan() -> None:
    assert judged(None, None, TODAY) == (GREY, LightReason.NO_DATE, None)
    assert judged(None, TODAY, TODAY) == (GREEN, LightReason.DONE, None)


# -- pilots --------------------------------------------------------------------------------------------


def indicator(key: str, colour: Colour, *, binding: bool = True, shortfall: str | None = None) -> TargetLight:
    target = SimpleNamespace(binding=binding, indicator=SimpleNamespace(code=key))
    missing = None if shortfall is None else D(shortfall)
    return TargetLight(colour, LightReason.FAR_BEHIND, target, actual=D(9), expected=D(8), shortfall=missing)


def done_early(key: str) -> MilestoneLight:
    return MilestoneLight(GREEN, LightReason.DONE, SimpleNamespace(pk=key, is_key=True), delay=-5, done=True)


def milestone(key: str, colour: Colour, *, key_milestone: bool = True, delay: int = 5) -> MilestoneLight:
    item = SimpleNamespace(pk=key, is_key=key_milestone)
    return MilestoneLight(colour, LightReason.OVERDUE, item, delay=delay, due=delay >= 0)


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
def test_the_worst_item_that_binds(
    indicators: list[TargetLight], milestones: list[MilestoneLight], colour: Colour
) -> None:
    assert pilot_reasons([*indicators, *milestones], accepted=True)[0].effect == colour


def test_grey_only_without_an_accepted_value_and_without_anything_worse() -> None:
    nothing = Light(GREY, LightReason.NO_REPORT)
    assert pilot_reasons([indicator("a", GREY)], accepted=False) == [nothing]
    assert pilot_reasons([milestone("m", RED)], accepted=False)[0].effect == RED


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
    indicators: list[TargetLight], milestones: list[MilestoneLight], colour: Colour, why: LightReason
) -> None:
    assert pilot_reasons([*indicators, *milestones], accepted=True) == [Light(colour, why)]


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
    more, less, older, old, wish, slow, minor = pilot_reasons(items, accepted=True)
    expected = [items[place] for place in (1, 0, 6, 5, 3, 2, 4)]
    assert [more, less, older, old, wish, slow, minor] == expected
    assert [light.effect for light in (more, older, wish, minor)] == [RED, RED, YELLOW, YELLOW]


ITEMS = st.lists(st.tuples(st.sampled_from([RED, YELLOW, GREEN, GREY]), st.booleans()), max_size=5)


@given(ITEMS, ITEMS, st.booleans())
def test_another_green_item_never_mends_a_red_or_yellow_light(
    indicators: list[tuple[Colour, bool]], milestones: list[tuple[Colour, bool]], accepted: bool
) -> None:
    of_indicators = [indicator(str(n), colour, binding=binds) for n, (colour, binds) in enumerate(indicators)]
    of_milestones = [milestone(str(n), colour, key_milestone=binds) for n, (colour, binds) in enumerate(milestones)]
    before = pilot_reasons([*of_indicators, *of_milestones], accepted=accepted)
    after = pilot_reasons([*of_indicators, *of_milestones, indicator("more", GREEN)], accepted=accepted)
    unrated = before[0].why in {LightReason.NO_TARGET, LightReason.NOTHING_RATED}
    assert (after[0].effect == before[0].effect) is not unrated
    assert before[0].effect not in {RED, YELLOW} or after == before
    assert (before[0].effect == RED) is ((RED, True) in [*indicators, *milestones])


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
