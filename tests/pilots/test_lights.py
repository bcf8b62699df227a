"""Lights of targets by their kinds (the official rule exactly), of milestones and of pilots, and their reasons."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.db.models import TextChoices
from hypothesis import given
from hypothesis import strategies as st

from pilots.lights import (
    BASE,
    LIMIT,
    Colour,
    Light,
    LightReason,
    Subject,
    bound_light,
    pilot_reasons,
    planned_light,
    task_light,
    unchanged_since,
)
from pilots.lights import reach_light as judge_reach
from pilots.metrics import Direction, Number, Path, share_on_path

D = Decimal
RED, YELLOW, BLUE, GREEN, GREY = Colour
TODAY = date(2026, 11, 24)
LOWER, HIGHER = Direction.LOWER, Direction.HIGHER
TWO_THIRDS = Decimal(2) / 3
VALUES = st.decimals(1, 1000, places=2)
WAYS = st.sets(VALUES, min_size=2, max_size=2).map(lambda pair: (max(pair), min(pair)))  # from a base down to a target
SHARES = st.decimals("0.1", 1, places=3)


# -- targets -------------------------------------------------------------------------------------------


def aim(base: Number | None, target: Number | None, direction: Direction) -> SimpleNamespace:
    indicator = SimpleNamespace(direction=direction)
    return SimpleNamespace(base_value=base, target_value=target, indicator=indicator, binding=True)


def reach_light(
    base: Number | None, actual: Number | None, target: Number | None, share: Decimal | None, direction: Direction
) -> Light:
    return judge_reach(aim(base, target, direction), share, actual)


def limit_light(actual: Number | None, limit: Number | None, direction: Direction) -> Light:
    return bound_light(aim(None, limit, direction), LIMIT, limit, actual)


def keep_light(base: Number | None, actual: Number | None, direction: Direction) -> Light:
    return bound_light(aim(base, base, direction), BASE, base, actual)


def path_light(path: Path, actual: Number, year: int, direction: Direction) -> Light:
    return reach_light(path[0][1], actual, path[-1][1], share_on_path(path, year), direction)


@pytest.mark.parametrize(
    ("base", "actual", "target", "direction", "colour", "why", "shortfall"),
    [
        (12_000, 10_200, 9_600, LOWER, GREEN, LightReason.ON_SCHEDULE, "-0.1250"),
        (30_000, 27_600, 25_500, LOWER, RED, LightReason.FAR_BEHIND, "0.2000"),
        (D("42.00"), D("40.74"), D("39.90"), LOWER, YELLOW, LightReason.BEHIND, "0.1000"),
        (D("20.0"), D("23.8"), D("26.0"), HIGHER, YELLOW, LightReason.BEHIND, "0.0500"),
        (100, 80, 70, LOWER, GREEN, LightReason.ON_SCHEDULE, "0.0000"),
        (100, 101, 70, LOWER, RED, LightReason.REVERSED, "1.0500"),
        (20, 19, 26, HIGHER, RED, LightReason.REVERSED, "1.2500"),
        (100, 100, 70, LOWER, RED, LightReason.FAR_BEHIND, "1.0000"),
    ],
)
def test_the_light_two_years_of_three_on(
    base: Decimal,
    actual: Decimal,
    target: Decimal,
    direction: Direction,
    colour: Colour,
    why: TextChoices,
    shortfall: str,
) -> None:
    light = reach_light(base, actual, target, TWO_THIRDS, direction)
    assert (light.colour, light.why, round(light.shortfall or 0, 4)) == (colour, why, D(shortfall))


def test_the_tolerance_is_a_billionth() -> None:
    due = D(1)
    gaps = [D("0"), D("1e-9"), D("2e-9"), D("0.1"), D("0.100000001"), D("0.100000002")]
    lights = [reach_light(1, gap, 0, due, LOWER).colour for gap in gaps]
    assert lights == [GREEN, GREEN, YELLOW, YELLOW, YELLOW, RED]


@pytest.mark.parametrize(
    ("base", "actual", "target", "share", "why"),
    [
        (100, None, 90, D(1), LightReason.NO_READING),
        (None, 95, 90, D(1), LightReason.NO_BASE),
        (100, 95, None, D(1), LightReason.NO_TARGET),
        (100, 95, 90, None, LightReason.NO_DATE),
        (100, 95, 90, D("0.0999"), LightReason.TOO_EARLY),
        (100, 120, 90, D("0"), LightReason.TOO_EARLY),
        (100, None, 90, D("0.05"), LightReason.TOO_EARLY),
    ],
)
def test_grey_says_why(
    base: int | None, actual: int | None, target: int | None, share: Decimal | None, why: TextChoices
) -> None:
    light = reach_light(base, actual, target, share, LOWER)
    assert (light.colour, light.why, light.shortfall) == (GREY, why, None)


@given(WAYS, VALUES, SHARES)
def test_mirrored_values_have_the_same_light(way: tuple[Decimal, Decimal], actual: Decimal, share: Decimal) -> None:
    base, target = way
    falling = reach_light(base, actual, target, share, LOWER)
    rising = reach_light(-base, -actual, -target, share, HIGHER)
    assert (falling.colour, falling.why, falling.shortfall) == (rising.colour, rising.why, rising.shortfall)


@given(WAYS, VALUES, VALUES, SHARES)
def test_a_better_value_never_has_a_worse_light(
    way: tuple[Decimal, Decimal], one: Decimal, other: Decimal, share: Decimal
) -> None:
    (base, target), (better, worse) = way, sorted([one, other])
    severity = [GREEN, YELLOW, RED].index
    better_light, worse_light = (reach_light(base, value, target, share, LOWER) for value in (better, worse))
    assert severity(better_light.colour) <= severity(worse_light.colour)


def test_steps_are_followed_from_one_to_the_next() -> None:
    """End to end 80 would be due in 2025; the plan's step asks for 90."""
    steps = [(2023, 110), (2024, 108), (2025, 90), (2026, 50)]
    light = path_light(steps, 90, 2025, LOWER)
    assert (light.colour, light.expected, light.shortfall) == (GREEN, 90, 0)
    assert reach_light(110, 90, 50, TWO_THIRDS, LOWER).colour == RED


def test_a_level_path_is_too_early_to_rate() -> None:
    closing = [(2023, 100), (2025, 100), (2026, 60)]
    assert [path_light(closing, 100, year, LOWER).colour for year in (2025, 2026)] == [GREY, RED]


@pytest.mark.parametrize(
    ("actual", "limit", "direction", "colour", "why", "gap"),
    [
        (35, 35, LOWER, GREEN, LightReason.WITHIN_LIMIT, "0"),
        (28, 35, LOWER, GREEN, LightReason.WITHIN_LIMIT, "-0.2"),
        (36, D("35.0"), LOWER, YELLOW, LightReason.OVER_LIMIT, "0.0286"),
        (D("38.5"), 35, LOWER, YELLOW, LightReason.OVER_LIMIT, "0.1"),
        (D("38.6"), 35, LOWER, RED, LightReason.FAR_OVER_LIMIT, "0.1029"),
        (D("87.5"), D("87.5"), HIGHER, GREEN, LightReason.WITHIN_LIMIT, "0"),
        (80, 100, HIGHER, RED, LightReason.FAR_OVER_LIMIT, "0.2"),
        (95, 100, HIGHER, YELLOW, LightReason.OVER_LIMIT, "0.05"),
    ],
)
def test_a_limit(
    actual: Decimal, limit: Decimal, direction: Direction, colour: Colour, why: TextChoices, gap: str
) -> None:
    light = limit_light(actual, limit, direction)
    assert (light.colour, light.why, round(light.shortfall or 0, 4)) == (colour, why, D(gap))


@pytest.mark.parametrize(
    ("base", "actual", "direction", "colour", "why"),
    [
        (35, 35, LOWER, GREEN, LightReason.KEPT),
        (35, 30, LOWER, GREEN, LightReason.KEPT),
        (35, 36, LOWER, YELLOW, LightReason.WORSE),
        (35, 40, LOWER, RED, LightReason.FAR_WORSE),
        (80, 90, HIGHER, GREEN, LightReason.KEPT),
        (80, 70, HIGHER, RED, LightReason.FAR_WORSE),
    ],
)
def test_keeping(base: int, actual: int, direction: Direction, colour: Colour, why: TextChoices) -> None:
    assert (keep_light(base, actual, direction).colour, keep_light(base, actual, direction).why) == (colour, why)
    assert reach_light(base, actual, base, TWO_THIRDS, direction) == keep_light(base, actual, direction)


@pytest.mark.parametrize(("actual", "colour"), [(90, GREEN), (105, GREEN), (112, YELLOW), (125, RED)])
def test_a_capped_rise_is_a_limit_at_the_expected_value(actual: int, colour: Colour) -> None:
    light = reach_light(100, actual, 120, D("0.5"), LOWER)
    assert (light.colour, light.expected) == (colour, 110)


@pytest.mark.parametrize(
    ("done_on", "year", "reports", "colour", "why"),
    [
        (TODAY, 2025, False, GREEN, LightReason.DONE),
        (TODAY + timedelta(1), 2025, True, RED, LightReason.NOT_DONE),
        (None, 2026, True, GREY, LightReason.NOT_DUE),
        (None, 2025, False, GREY, LightReason.NO_READING),
        (None, 2025, True, RED, LightReason.NOT_DONE),
    ],
)
def test_a_target_in_words(done_on: date | None, year: int, reports: bool, colour: Colour, why: TextChoices) -> None:
    light = task_light(SimpleNamespace(done_on=done_on, target_year=year, binding=True), TODAY, reports=reports)
    assert (light.colour, light.why) == (colour, why)


# -- milestones ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead", "done", "colour", "why", "delay"),
    [
        (31, None, GREY, LightReason.NOT_DUE, -31),
        (30, None, GREY, LightReason.DUE_SOON, -30),
        (0, None, GREY, LightReason.DUE_SOON, 0),
        (-1, None, YELLOW, LightReason.OVERDUE, 1),
        (-90, None, YELLOW, LightReason.OVERDUE, 90),
        (-91, None, RED, LightReason.LONG_OVERDUE, 91),
        (-91, 1, RED, LightReason.LONG_OVERDUE, 91),  # done tomorrow: not done yet
        (-91, 0, BLUE, LightReason.DONE_LATE, 91),
        (-91, -90, BLUE, LightReason.DONE_LATE, 1),
        (-91, -91, GREEN, LightReason.DONE, 0),
        (-91, -96, GREEN, LightReason.DONE, -5),
    ],
)
def test_a_milestone(ahead: int, done: int | None, colour: Colour, why: LightReason, delay: int) -> None:
    actual = None if done is None else TODAY + timedelta(done)
    light = planned_light(None, Subject.MILESTONE, TODAY + timedelta(ahead), actual, TODAY)
    assert (light.colour, light.why, light.delay) == (colour, why, delay)


# -- pilots --------------------------------------------------------------------------------------------


def indicator(key: str, colour: Colour, *, binding: bool = True, shortfall: str | None = None) -> Light:
    target = SimpleNamespace(indicator=SimpleNamespace(code=key))
    missing = None if shortfall is None else D(shortfall)
    return Light(colour, LightReason.FAR_BEHIND, target, Subject.TARGET, binding, shortfall=missing)


def done_early(key: str) -> Light:
    return Light(GREEN, LightReason.DONE, SimpleNamespace(pk=key), Subject.MILESTONE, delay=-5, done=True)


def milestone(key: str, colour: Colour, *, key_milestone: bool = True, delay: int = 5) -> Light:
    item, why = SimpleNamespace(pk=key), LightReason.OVERDUE
    return Light(colour, why, item, Subject.MILESTONE, key_milestone, delay=delay, due=delay >= 0)


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
def test_the_worst_item_that_binds(indicators: list[Light], milestones: list[Light], colour: Colour) -> None:
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
    indicators: list[Light], milestones: list[Light], colour: Colour, why: LightReason
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
