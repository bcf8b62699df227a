"""The lights of indicators, milestones and pilots: the official rule to the digit, and what each says of itself."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilots.metrics import (
    About,
    Colour,
    Direction,
    IndicatorLight,
    LateReport,
    MilestoneLight,
    PilotLight,
    Point,
    RatedIndicator,
    RatedMilestone,
    Reason,
    TargetPath,
    Why,
    expected_share_by_day,
    expected_share_by_year,
    focus_colour,
    keep_light,
    limit_light,
    milestone_light,
    milestone_turning_days,
    path_light,
    pilot_light,
    reach_light,
    since,
    tally,
    text_light,
)

D = Decimal
LOWER, HIGHER = Direction.LOWER, Direction.HIGHER
RED, YELLOW, BLUE, GREEN, GREY = Colour
TWO_THIRDS = expected_share_by_year(2023, 2025, 2026)
TODAY = date(2026, 11, 24)
DAYS = st.dates(date(2024, 1, 1), date(2027, 12, 31))
VALUES = st.decimals(1, 1000, places=2)
WAYS = st.sets(VALUES, min_size=2, max_size=2).map(lambda pair: (max(pair), min(pair)))  # from a base down to a target
SHARES = st.decimals("0.1", 1, places=3)


# -- indicators ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "actual", "target", "direction", "colour", "why", "shortfall"),
    [
        (12_000, 10_200, 9_600, LOWER, GREEN, Why.ON_SCHEDULE, "-0.1250"),
        (30_000, 27_600, 25_500, LOWER, RED, Why.FAR_BEHIND, "0.2000"),
        (D("42.00"), D("40.74"), D("39.90"), LOWER, YELLOW, Why.BEHIND, "0.1000"),
        (D("20.0"), D("23.8"), D("26.0"), HIGHER, YELLOW, Why.BEHIND, "0.0500"),
        (100, 80, 70, LOWER, GREEN, Why.ON_SCHEDULE, "0.0000"),
        (100, 101, 70, LOWER, RED, Why.REVERSED, "1.0500"),
        (20, 19, 26, HIGHER, RED, Why.REVERSED, "1.2500"),
        (100, 100, 70, LOWER, RED, Why.FAR_BEHIND, "1.0000"),
    ],
)
def test_the_light_two_years_of_three_on(
    base: Decimal, actual: Decimal, target: Decimal, direction: Direction, colour: Colour, why: Why, shortfall: str
) -> None:
    light = reach_light(base, actual, target, TWO_THIRDS, direction)
    assert (light.colour, light.why, round(light.shortfall or 0, 4)) == (colour, why, D(shortfall))


def test_a_light_shows_what_it_was_decided_on() -> None:
    share = D("0.5")
    light = reach_light(100, 90, 60, share, LOWER)
    assert light == IndicatorLight(RED, Why.FAR_BEHIND, D(90), D(80), D("0.25"), share, D("0.5"))


def test_exactly_a_tenth_behind_is_yellow_though_floats_say_more() -> None:
    assert 1 - (42.00 - 40.74) / (42.00 - 39.90) / (2 / 3) > 0.10
    assert reach_light(D("42.00"), D("40.74"), D("39.90"), TWO_THIRDS, LOWER).colour == YELLOW
    assert reach_light(100, 94, 90, TWO_THIRDS, LOWER).colour == YELLOW


def test_days_instead_of_years_would_turn_it_red() -> None:
    by_days = expected_share_by_day(date(2023, 12, 31), date(2025, 12, 31), date(2026, 12, 31))
    light = reach_light(100, 94, 90, by_days, LOWER)
    assert (light.colour, round(light.shortfall or 0, 4)) == (RED, D("0.1004"))


def test_the_tolerance_is_a_billionth() -> None:
    due = D(1)
    gaps = [D("0"), D("1e-9"), D("2e-9"), D("0.1"), D("0.100000001"), D("0.100000002")]
    lights = [reach_light(1, gap, 0, due, LOWER).colour for gap in gaps]
    assert lights == [GREEN, GREEN, YELLOW, YELLOW, YELLOW, RED]


@pytest.mark.parametrize(
    ("base", "actual", "target", "share", "why"),
    [
        (100, None, 90, D(1), Why.NO_READING),
        (None, 95, 90, D(1), Why.NO_BASE),
        (100, 95, None, D(1), Why.NO_TARGET),
        (100, 95, 90, None, Why.NO_DATE),
        (100, 95, 90, D("0.0999"), Why.TOO_EARLY),
        (100, 120, 90, D("0"), Why.TOO_EARLY),
        (100, None, 90, D("0.05"), Why.TOO_EARLY),
    ],
)
def test_grey_says_why(
    base: int | None, actual: int | None, target: int | None, share: Decimal | None, why: Why
) -> None:
    light = reach_light(base, actual, target, share, LOWER)
    assert (light.colour, light.why, light.shortfall) == (GREY, why, None)


def test_a_tenth_due_is_rated() -> None:
    assert reach_light(100, 99, 90, D("0.1"), LOWER).colour == GREEN


def test_a_missing_reading_still_has_an_expected_value() -> None:
    assert reach_light(100, None, 90, D("0.5"), LOWER).expected == 95


@given(WAYS, VALUES, SHARES)
def test_mirrored_values_have_the_same_light(way: tuple[Decimal, Decimal], actual: Decimal, share: Decimal) -> None:
    base, target = way
    falling = reach_light(base, actual, target, share, LOWER)
    rising = reach_light(-base, -actual, -target, share, HIGHER)
    assert (falling.colour, falling.why, falling.shortfall) == (rising.colour, rising.why, rising.shortfall)


@given(st.sets(VALUES, min_size=3, max_size=3), SHARES)
def test_worse_than_the_base_is_always_red(values: set[Decimal], share: Decimal) -> None:
    target, base, actual = sorted(values)
    light = reach_light(base, actual, target, share, LOWER)
    assert (light.colour, light.why) == (RED, Why.REVERSED)


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
    steps = TargetPath(Point(2023, 110), (Point(2024, 108), Point(2025, 90), Point(2026, 50)))
    light = path_light(steps, 90, 2025, LOWER)
    assert (light.colour, light.expected, light.shortfall) == (GREEN, 90, 0)
    assert reach_light(110, 90, 50, TWO_THIRDS, LOWER).colour == RED


def test_a_level_path_is_too_early_to_rate() -> None:
    closing = TargetPath(Point(2023, 100), (Point(2025, 100), Point(2026, 60)))
    assert [path_light(closing, 100, year, LOWER).colour for year in (2025, 2026)] == [GREY, RED]


@pytest.mark.parametrize(
    ("actual", "limit", "direction", "colour", "why", "gap"),
    [
        (35, 35, LOWER, GREEN, Why.WITHIN_LIMIT, "0"),
        (28, 35, LOWER, GREEN, Why.WITHIN_LIMIT, "-0.2"),
        (36, D("35.0"), LOWER, YELLOW, Why.OVER_LIMIT, "0.0286"),
        (D("38.5"), 35, LOWER, YELLOW, Why.OVER_LIMIT, "0.1"),
        (D("38.6"), 35, LOWER, RED, Why.FAR_OVER_LIMIT, "0.1029"),
        (D("87.5"), D("87.5"), HIGHER, GREEN, Why.WITHIN_LIMIT, "0"),
        (80, 100, HIGHER, RED, Why.FAR_OVER_LIMIT, "0.2"),
        (95, 100, HIGHER, YELLOW, Why.OVER_LIMIT, "0.05"),
    ],
)
def test_a_limit(actual: Decimal, limit: Decimal, direction: Direction, colour: Colour, why: Why, gap: str) -> None:
    light = limit_light(actual, limit, direction)
    assert (light.colour, light.why, round(light.shortfall or 0, 4)) == (colour, why, D(gap))


def test_a_limit_of_nothing() -> None:
    assert [limit_light(value, 0, LOWER).colour for value in (0, 1)] == [GREEN, RED]


def test_an_unknown_limit_or_reading_is_grey() -> None:
    assert [limit_light(None, 35, LOWER).why, limit_light(30, None, LOWER).why] == [Why.NO_READING, Why.NO_TARGET]
    assert [keep_light(35, None, LOWER).why, keep_light(None, 30, LOWER).why] == [Why.NO_READING, Why.NO_BASE]


@pytest.mark.parametrize(
    ("base", "actual", "direction", "colour", "why"),
    [
        (35, 35, LOWER, GREEN, Why.KEPT),
        (35, 30, LOWER, GREEN, Why.KEPT),
        (35, 36, LOWER, YELLOW, Why.WORSE),
        (35, 40, LOWER, RED, Why.FAR_WORSE),
        (80, 90, HIGHER, GREEN, Why.KEPT),
        (80, 70, HIGHER, RED, Why.FAR_WORSE),
    ],
)
def test_keeping(base: int, actual: int, direction: Direction, colour: Colour, why: Why) -> None:
    assert (keep_light(base, actual, direction).colour, keep_light(base, actual, direction).why) == (colour, why)
    assert reach_light(base, actual, base, TWO_THIRDS, direction) == keep_light(base, actual, direction)


@pytest.mark.parametrize(("actual", "colour"), [(90, GREEN), (105, GREEN), (112, YELLOW), (125, RED)])
def test_a_capped_rise_is_a_limit_at_the_expected_value(actual: int, colour: Colour) -> None:
    light = reach_light(100, actual, 120, D("0.5"), LOWER)
    assert (light.colour, light.expected) == (colour, 110)


@pytest.mark.parametrize(
    ("done", "due", "colour", "why"),
    [
        (True, TODAY - timedelta(1), GREEN, Why.DONE),
        (True, None, GREEN, Why.DONE),
        (False, None, GREY, Why.NO_DATE),
        (False, TODAY, GREY, Why.NOT_DUE),
        (None, TODAY, GREY, Why.NOT_DUE),
        (None, TODAY - timedelta(1), GREY, Why.NO_READING),
        (False, TODAY - timedelta(1), RED, Why.NOT_DONE),
    ],
)
def test_a_target_in_words(done: bool | None, due: date | None, colour: Colour, why: Why) -> None:
    assert text_light(done, due, TODAY) == IndicatorLight(colour, why)


# -- milestones ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead", "colour", "why"),
    [
        (31, GREY, Why.NOT_DUE),
        (30, GREY, Why.DUE_SOON),
        (0, GREY, Why.DUE_SOON),
        (-1, YELLOW, Why.OVERDUE),
        (-90, YELLOW, Why.OVERDUE),
        (-91, RED, Why.LONG_OVERDUE),
    ],
)
def test_a_milestone_not_done(ahead: int, colour: Colour, why: Why) -> None:
    assert milestone_light(TODAY + timedelta(ahead), None, TODAY) == MilestoneLight(colour, why, -ahead)


@pytest.mark.parametrize(
    ("late", "colour", "why"), [(-5, GREEN, Why.DONE), (0, GREEN, Why.DONE), (1, BLUE, Why.DONE_LATE)]
)
def test_a_milestone_done(late: int, colour: Colour, why: Why) -> None:
    planned = date(2025, 6, 30)
    assert milestone_light(planned, planned + timedelta(late), TODAY) == MilestoneLight(colour, why, late)


def test_what_is_done_later_was_not_done_yet() -> None:
    planned, actual = date(2025, 1, 1), date(2025, 6, 1)
    assert milestone_light(planned, actual, date(2025, 5, 31)) == MilestoneLight(RED, Why.LONG_OVERDUE, 150)
    assert milestone_light(planned, actual, actual) == MilestoneLight(BLUE, Why.DONE_LATE, 151)


def test_a_milestone_without_a_plan() -> None:
    assert milestone_light(None, None, TODAY) == MilestoneLight(GREY, Why.NO_DATE, None)
    assert milestone_light(None, TODAY, TODAY) == MilestoneLight(GREEN, Why.DONE, None)


@given(st.none() | DAYS, st.none() | DAYS, DAYS)
def test_a_milestone_changes_on_its_turning_days_only(planned: date | None, actual: date | None, day: date) -> None:
    before, after = (milestone_light(planned, actual, when) for when in (day - timedelta(1), day))
    if (before.colour, before.why) != (after.colour, after.why):
        assert day in milestone_turning_days(planned, actual)


# -- pilots --------------------------------------------------------------------------------------------


def indicator(key: str, colour: Colour, *, binding: bool = True, shortfall: str | None = None) -> RatedIndicator:
    light = IndicatorLight(colour, Why.FAR_BEHIND, D(9), D(8), shortfall=None if shortfall is None else D(shortfall))
    return RatedIndicator(key, light, binding)


def milestone(key: str, colour: Colour, *, key_milestone: bool = True, delay: int | None = 5) -> RatedMilestone:
    return RatedMilestone(key, MilestoneLight(colour, Why.OVERDUE, delay), key_milestone)


@pytest.mark.parametrize(
    ("indicators", "milestones", "reports", "colour"),
    [
        ([indicator("a", RED)], [], [], RED),
        ([indicator("a", RED, binding=False)], [], [], YELLOW),
        ([indicator("a", YELLOW)], [], [], YELLOW),
        ([indicator("a", YELLOW, binding=False)], [], [], GREEN),
        ([indicator("a", GREY)], [], [], GREEN),
        ([], [milestone("m", RED)], [], RED),
        ([], [milestone("m", RED, key_milestone=False)], [], YELLOW),
        ([], [milestone("m", YELLOW)], [], YELLOW),
        ([], [milestone("m", YELLOW, key_milestone=False)], [], YELLOW),
        ([], [milestone("m", BLUE), milestone("n", GREY), milestone("o", GREEN)], [], GREEN),
        ([], [], [LateReport("final", 31, final=True)], RED),
        ([], [], [LateReport("final", 30, final=True)], YELLOW),
        ([], [], [LateReport("annual", 400)], YELLOW),
        ([], [], [LateReport("annual", 0)], GREEN),
        ([indicator(str(n), GREEN) for n in range(20)] + [indicator("z", RED)], [], [], RED),
    ],
)
def test_the_worst_item_that_binds(
    indicators: list[RatedIndicator], milestones: list[RatedMilestone], reports: list[LateReport], colour: Colour
) -> None:
    light = pilot_light(indicators, milestones, accepted=True, reports=reports)
    assert (light.colour, light.why.counts_as) == (colour, colour)


def test_grey_only_without_an_accepted_value_and_without_anything_worse() -> None:
    nothing = Reason(GREY, About.PILOT, "", Why.NO_REPORT, GREY)
    assert pilot_light([indicator("a", GREY)], [], accepted=False) == PilotLight(GREY, (nothing,), (), ("a",))
    assert pilot_light([], [milestone("m", RED)], accepted=False).colour == RED


def test_green_says_so() -> None:
    well = Reason(GREEN, About.PILOT, "", Why.ALL_WELL, GREEN)
    light = pilot_light([indicator("a", GREEN), indicator("b", GREY)], [], accepted=True)
    assert light == PilotLight(GREEN, (well,), ("a",), ("b",))


def test_reasons_are_data_and_the_worst_comes_first() -> None:
    light = pilot_light(
        [
            indicator("less", RED, shortfall="0.2"),
            indicator("more", RED, shortfall="0.5"),
            indicator("slow", YELLOW, shortfall="0.05"),
            indicator("wish", RED, binding=False, shortfall="0.9"),
        ],
        [milestone("old", RED, delay=200), milestone("minor", YELLOW, key_milestone=False)],
        accepted=True,
        reports=[LateReport("annual", 12)],
    )
    assert [reason.key for reason in light.reasons] == ["more", "less", "old", "wish", "slow", "minor", "annual"]
    assert light.why == Reason(
        RED, About.INDICATOR, "more", Why.FAR_BEHIND, RED, True, shortfall=D("0.5"), actual=D(9), expected=D(8)
    )
    assert light.reasons[2] == Reason(RED, About.MILESTONE, "old", Why.OVERDUE, RED, True, days=200)


ITEMS = st.lists(st.tuples(st.sampled_from([RED, YELLOW, GREEN, GREY]), st.booleans()), max_size=5)


@given(ITEMS, ITEMS, st.booleans())
def test_another_green_item_never_mends_a_light(
    indicators: list[tuple[Colour, bool]], milestones: list[tuple[Colour, bool]], accepted: bool
) -> None:
    of_indicators = [indicator(str(n), colour, binding=binds) for n, (colour, binds) in enumerate(indicators)]
    of_milestones = [milestone(str(n), colour, key_milestone=binds) for n, (colour, binds) in enumerate(milestones)]
    before = pilot_light(of_indicators, of_milestones, accepted=accepted)
    after = pilot_light([*of_indicators, indicator("more", GREEN)], of_milestones, accepted=accepted)
    assert (after.colour, after.reasons) == (before.colour, before.reasons)
    assert (before.colour == RED) is ((RED, True) in [*indicators, *milestones])


# -- over time -----------------------------------------------------------------------------------------


def by_turns(*turns: tuple[date, Colour]) -> Callable[[date], Colour]:
    """A light that takes a colour on each of the days; grey before."""
    return lambda day: next((colour for on, colour in reversed(turns) if on <= day), GREY)


def test_since_the_first_day_of_the_present_colour() -> None:
    jan, mar, jun = date(2026, 1, 1), date(2026, 3, 1), date(2026, 6, 1)
    light_on = by_turns((jan, RED), (mar, GREEN), (jun, RED))
    days = [jun, jan, mar]
    assert since(light_on, TODAY, days) == jun
    assert since(light_on, date(2026, 5, 1), days) == mar
    assert since(light_on, mar - timedelta(1), days) == jan
    assert since(light_on, jan - timedelta(1), days) is None


def test_a_turn_that_changes_nothing_does_not_count() -> None:
    jan, mar = date(2026, 1, 1), date(2026, 3, 1)
    assert since(by_turns((jan, RED), (mar, RED)), TODAY, [jan, mar]) == jan


@given(DAYS, st.none() | DAYS, DAYS)
def test_since_agrees_with_walking_back_day_by_day(planned: date, actual: date | None, as_of: date) -> None:
    def light_on(day: date) -> Colour:
        return milestone_light(planned, actual, day).colour

    day = as_of
    while light_on(day - timedelta(1)) == light_on(as_of) and day > date(2023, 1, 1):
        day -= timedelta(1)
    found = since(light_on, as_of, milestone_turning_days(planned, actual))
    assert found == (None if day == date(2023, 1, 1) else day)


@pytest.mark.parametrize(
    ("periods", "colour"),
    [
        ([], None),
        ([YELLOW], YELLOW),
        ([YELLOW, YELLOW], RED),
        ([YELLOW, GREEN, YELLOW], YELLOW),
        ([YELLOW, YELLOW, GREEN], GREEN),
        ([RED, YELLOW], YELLOW),
    ],
)
def test_two_yellow_in_a_row_are_red_in_the_focus_list(periods: list[Colour], colour: Colour | None) -> None:
    assert focus_colour(periods) == colour


def test_a_tally_names_every_colour() -> None:
    assert tally([RED, GREEN, RED]) == {RED: 2, YELLOW: 0, BLUE: 0, GREEN: 1, GREY: 0}
