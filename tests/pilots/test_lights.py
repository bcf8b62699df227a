"""Lights of targets by their kinds (the official rule exactly), of milestones and of pilots, and what is said of them.

Whole pilots on days are in test_light_cases.py.
"""

from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilots.lights import (
    Colour,
    Light,
    LightReason,
    Promise,
    Records,
    Subject,
    Verdict,
    item_lights,
    judge_value,
    pilot_light,
    pilot_reasons,
    value_on_path,
)

D = Decimal
RED, YELLOW, BLUE, GREEN, GREY = Colour
R = LightReason
TODAY = date(2026, 11, 24)
VALUES = st.decimals(1, 1000, places=2)
WAYS = st.sets(VALUES, min_size=2, max_size=2).map(lambda pair: (max(pair), min(pair)))  # from a base down to a target
YEARS = st.integers(2024, 2028)


# -- targets -------------------------------------------------------------------------------------------


def promise(base: Any, value: Any, *, lower: bool = True, kind: str = "reach", **fields: Any) -> Promise:
    """From 2023 to 2026, so that two thirds of the change are due by 2025."""
    numbers = [None if number is None else D(number) for number in (value, base)]
    base_year = None if base is None else 2023
    defaults: dict[str, Any] = {"since": date(2024, 1, 1), "binding": True, "year": 2026, "base_year": base_year}
    terms = {**defaults, "value": numbers[0], "base_value": numbers[1], **fields}
    return Promise(kind=kind, lower=lower, **terms)


def judge(terms: Promise, value: Any, year: int = 2025) -> Verdict:
    return judge_value(terms, year, D(value))


@pytest.mark.parametrize(
    ("base", "actual", "value", "lower", "colour", "why", "shortfall"),
    [
        (12_000, 10_200, 9_600, True, GREEN, R.PATH, "-0.1250"),
        (30_000, 27_600, 25_500, True, RED, R.PATH, "0.2000"),
        ("42.00", "40.74", "39.90", True, YELLOW, R.PATH, "0.1000"),
        ("20.0", "23.8", "26.0", False, YELLOW, R.PATH, "0.0500"),
        (100, 80, 70, True, GREEN, R.PATH, "0.0000"),
        (100, 101, 70, True, RED, R.REVERSED, "1.0500"),
        (100, "100.5", 70, True, RED, R.PATH, "1.0250"),  # within half a per cent of the base
        (20, 19, 26, False, RED, R.REVERSED, "1.2500"),
        (100, 100, 70, True, RED, R.PATH, "1.0000"),
    ],
)
def test_the_light_two_years_of_three_on(
    base: Any, actual: Any, value: Any, lower: bool, colour: Colour, why: LightReason, shortfall: str
) -> None:
    found = judge(promise(base, value, lower=lower), actual)
    assert (found.colour, found.why, round(found.shortfall or 0, 4)) == (colour, why, D(shortfall))


def test_the_tolerance_is_a_billionth() -> None:
    gaps = ["0", "1e-9", "2e-9", "0.1", "0.100000001", "0.100000002"]
    assert [judge(promise(1, 0), gap, 2026).colour for gap in gaps] == [GREEN, GREEN, YELLOW, YELLOW, YELLOW, RED]


@pytest.mark.parametrize(
    ("terms", "year", "actual", "colour", "why"),
    [
        (promise(None, 90), 2025, 95, GREY, R.NO_BASE),
        (promise(None, 90), 2025, 90, GREEN, R.REACHED),
        (promise(None, 90), 2026, 95, YELLOW, R.LIMIT),
        (promise(100, None), 2025, 95, GREY, R.NO_TARGET),
        (promise(100, 90), 2023, 95, GREY, R.NOT_DUE),
        (promise(100, 90, year=2040), 2024, 100, GREY, R.TOO_EARLY),
        (promise(100, 90, year=2040), 2024, 101, YELLOW, R.REVERSED),
        (promise(100, 90), 2028, 91, YELLOW, R.PATH),  # a miss does not fade with age
        (promise(None, None, kind="limit"), 2025, 95, GREY, R.NO_TARGET),
        (promise(90, None, kind="keep", lower=False), 2023, 95, GREY, R.NOT_DUE),
    ],
)
def test_what_can_be_rated_and_when(terms: Promise, year: int, actual: int, colour: Colour, why: LightReason) -> None:
    assert judge(terms, actual, year)[:2] == (colour, why)


@given(WAYS, VALUES, YEARS)
def test_mirrored_values_have_the_same_light(way: tuple[Decimal, Decimal], actual: Decimal, year: int) -> None:
    base, value = way
    falling = judge(promise(base, value), actual, year)
    rising = judge(promise(-base, -value, lower=False), -actual, year)
    assert (falling.colour, falling.why, falling.shortfall) == (rising.colour, rising.why, rising.shortfall)


@given(WAYS, VALUES, VALUES, YEARS)
def test_a_better_value_never_has_a_worse_light(
    way: tuple[Decimal, Decimal], one: Decimal, other: Decimal, year: int
) -> None:
    better, worse = (judge(promise(*way), value, year).colour for value in sorted([one, other]))
    assert [GREEN, YELLOW, RED].index(better) <= [GREEN, YELLOW, RED].index(worse)


def test_steps_are_followed_from_one_to_the_next() -> None:
    """End to end 80 would be due in 2025; the plan's step asks for 90."""
    terms = promise(110, 50, steps=((2024, D(108)), (2025, D(90))))
    assert judge(terms, 90)[:3] == (GREEN, R.PATH, 90)
    assert judge(promise(110, 50), 90).colour == RED


def test_a_level_path_is_too_early_to_rate() -> None:
    closing = promise(100, 60, steps=((2025, D(100)),))
    assert [judge(closing, 100, year).colour for year in (2025, 2026)] == [GREY, RED]


@pytest.mark.parametrize(("year", "due"), [(2022, 100), (2023, 100), (2024, 85), (2025, 80), (2026, 75), (2030, 70)])
def test_a_path_is_straight_between_its_years(year: int, due: int) -> None:
    assert value_on_path([(2023, D(100)), (2024, D(85)), (2026, D(75)), (2027, D(70))], year) == due


@pytest.mark.parametrize(
    ("actual", "limit", "lower", "colour", "gap"),
    [
        (35, 35, True, GREEN, "0"),
        (28, 35, True, GREEN, "-0.2"),
        (36, "35.0", True, YELLOW, "0.0286"),
        ("38.5", 35, True, YELLOW, "0.1"),
        ("38.6", 35, True, RED, "0.1029"),
        ("87.5", "87.5", False, GREEN, "0"),
        (80, 100, False, RED, "0.2"),
        (95, 100, False, YELLOW, "0.05"),
        (-99, -100, True, YELLOW, "0.01"),
    ],
)
def test_a_limit(actual: Any, limit: Any, lower: bool, colour: Colour, gap: str) -> None:
    found = judge(promise(None, limit, kind="limit", lower=lower), actual)
    assert (found.colour, round(found.shortfall or 0, 4)) == (colour, D(gap))


def test_beyond_nothing_is_always_red() -> None:
    limit = promise(None, 0, kind="limit")
    assert [judge(limit, value).colour for value in (0, "0.001")] == [GREEN, RED]


@pytest.mark.parametrize(
    ("base", "actual", "lower", "colour"),
    [
        (35, 35, True, GREEN),
        (35, 30, True, GREEN),
        (35, 36, True, YELLOW),
        (35, 40, True, RED),
        (80, 90, False, GREEN),
        (80, 70, False, RED),
    ],
)
def test_keeping(base: int, actual: int, lower: bool, colour: Colour) -> None:
    found = judge(promise(base, None, kind="keep", lower=lower), actual)
    assert found[:2] == (colour, R.KEEP)
    assert judge(promise(base, base, lower=lower), actual) == found


@pytest.mark.parametrize(("actual", "colour"), [(90, GREEN), (105, GREEN), (112, YELLOW), (125, RED)])
def test_a_capped_rise_is_a_limit_at_the_expected_value(actual: int, colour: Colour) -> None:
    assert judge(promise(100, 115, year=2026), actual)[:3] == (colour, R.LIMIT, 110)


# -- one pilot -------------------------------------------------------------------------------------------


PILOT = SimpleNamespace(
    starts_on=date(2024, 1, 1),
    ends_on=date(2026, 12, 31),
    known_by=date(2024, 1, 1),
    asked_from=2024,
    report_due="03-31",
    withdrawn_on=None,
    withdrawn_recorded_on=None,
)


def target(key: int = 1, **fields: Any) -> SimpleNamespace:
    """SO2 from 1,000 t in 2023 to 700 t by 2026."""
    indicator = SimpleNamespace(name="SO2", unit_text="t")
    defaults: dict[str, Any] = {"kind": "reach", "direction": "lower", "binding": True, "steps": {}}
    defaults |= {"target_value": D(700), "target_year": 2026, "base_value": D(1000), "base_year": 2023}
    row = {"pk": key, "indicator_id": 1, "indicator": indicator, "promised_on": date(2024, 1, 1), **defaults, **fields}
    return SimpleNamespace(**row)


def reading(year: int, value: int, accepted_on: date | None, **days: Any) -> SimpleNamespace:
    handed_in = {"reported_on": date(year + 1, 3, 1), "returned_on": None, "answer_by": None, "disputed_on": None}
    row = {"indicator_id": 1, "period": str(year), "version": 1, "value": D(value), "accepted_on": accepted_on}
    return SimpleNamespace(**handed_in, **row) if not days else SimpleNamespace(**{**handed_in, **row, **days})


def milestone(planned_on: date, key: int = 1, **fields: Any) -> SimpleNamespace:
    own: dict[str, Any] = {"stage": "", "is_key": True, "promised_on": date(2024, 1, 1)}
    return SimpleNamespace(pk=key, name="Platform", planned_on=planned_on, **{**own, **fields})


def completion(completed_on: date, entered_on: date | None = None, objected_on: date | None = None) -> SimpleNamespace:
    days = {"completed_on": completed_on, "entered_on": entered_on or completed_on, "objected_on": objected_on}
    return SimpleNamespace(milestone_id=1, **days)


@pytest.mark.parametrize(
    ("ahead", "done", "colour", "why", "delay"),
    [
        (31, None, GREY, R.NOT_DUE, -31),
        (0, None, GREY, R.NOT_DUE, 0),
        (-1, None, YELLOW, R.LATE, 1),
        (-90, None, YELLOW, R.LATE, 90),
        (-91, None, RED, R.LATE, 91),
        (-91, 1, RED, R.LATE, 91),  # done tomorrow: not done yet
        (-91, 0, BLUE, R.DONE_LATE, 91),
        (-91, -90, BLUE, R.DONE_LATE, 1),
        (-91, -91, GREEN, R.DONE, 0),
        (-91, -96, GREEN, R.DONE, -5),
    ],
)
def test_a_milestone(ahead: int, done: int | None, colour: Colour, why: LightReason, delay: int) -> None:
    completions = [] if done is None else [completion(TODAY + timedelta(done))]
    records = Records(PILOT, milestones=[milestone(TODAY + timedelta(ahead))], completions=completions)
    (light,) = item_lights(records, TODAY)
    assert (light.colour, light.why, light.delay) == (colour, why, delay)


SAID: dict[str, tuple[dict[str, Any], str, str]] = {  # rows, day, sentence
    "behind": (
        {"readings": [reading(2025, 960, date(2026, 3, 10))]},
        "2026-03-31",
        "SO2 should have been cut by 200 t by 2025; by 2025 the cut was 40 t (80.0 % short)",
    ),
    "missed, and a later year": (
        {
            "targets": [target(target_year=2024)],
            "readings": [reading(2024, 690, date(2025, 3, 10)), reading(2025, 1020, date(2026, 3, 10))],
        },
        "2026-11-24",
        "SO2 rose instead of falling: 1,020 t in 2025, should have been down to 700 t by 2024",
    ),
    "a little the wrong way": (
        {"readings": [reading(2025, 1004, date(2026, 3, 10))]},
        "2026-03-31",
        "SO2 stood at 1,004 t in 2025, should have been down to 800 t by 2025",
    ),
    "overdue beside a value": (
        {"readings": [reading(2024, 880, date(2025, 3, 10))]},
        "2026-04-02",
        "SO2: value of 2025 missing, due on 31 March 2026, 2 days overdue",
    ),
    "red, and overdue": (
        {"readings": [reading(2024, 990, date(2025, 3, 10))]},
        "2026-04-01",
        (
            "SO2 should have been cut by 100 t by 2024; by 2024 the cut was 10 t (90.0 % short); "
            "value of 2025 missing, due on 31 March 2026, 1 day overdue"
        ),
    ),
    "under review": (
        {"readings": [reading(2024, 880, None)]},
        "2025-04-01",
        "SO2: value of 2024 handed in on 1 March 2025, waits for the ministry for 31 days",
    ),
    "disputed": (
        {"readings": [reading(2025, 790, date(2026, 3, 10), disputed_on=date(2026, 3, 20))]},
        "2026-03-31",
        "SO2: the value of 2025, 790 t, is disputed by the ministry since 20 March 2026",
    ),
    "a target of its year without base": (
        {"targets": [target(base_value=None, base_year=None)], "readings": [reading(2026, 735, date(2027, 3, 10))]},
        "2027-03-31",
        "SO2 stood at 735 t in 2026, 35 t above the target of 700 t by 2026 (5.0 % of it)",
    ),
}


@pytest.mark.parametrize("case", SAID)
def test_a_sentence_names_the_year_of_each_value(case: str) -> None:
    rows, day, sentence = SAID[case]
    (light,) = item_lights(Records(PILOT, **{"targets": [target()], **rows}), date.fromisoformat(day))
    assert light.sentence == sentence


def test_an_objection_is_said_beside_the_delay() -> None:
    done = completion(date(2026, 6, 20), objected_on=date(2026, 7, 10))
    records = Records(PILOT, milestones=[milestone(date(2026, 6, 30))], completions=[done])
    (light,) = item_lights(records, date(2026, 7, 10))
    assert light.sentence == "Platform is 10 days overdue; its completion was objected to on 10 July 2026"


@pytest.mark.parametrize(
    ("day", "text"),
    [
        ("2025-03-01", "Not rated yet: nothing binding is due before 31 March 2025"),
        ("2025-03-10", "Nothing behind schedule: 1 of 2 binding targets rated, 1 of 1 milestones due are done"),
        ("2026-03-10", "1 of 2 binding targets cannot be rated: no base value of SO2"),
    ],
)
def test_what_is_said_of_a_pilot(day: str, text: str) -> None:
    """Its second target has no base, and no value before March 2026."""
    unbased = target(2, indicator_id=2, base_value=None, base_year=None)
    values = [reading(2024, 890, date(2025, 3, 10)), reading(2025, 795, date(2026, 3, 10))]
    values.append(reading(2025, 900, date(2026, 3, 10), indicator_id=2))
    row, done = milestone(date(2025, 3, 31)), completion(date(2025, 3, 5))
    records = Records(PILOT, targets=[target(), unbased], readings=values, milestones=[row], completions=[done])
    assert pilot_light(records, date.fromisoformat(day)).sentence == text


# -- the worst reason ------------------------------------------------------------------------------------


def of_target(key: int, effect: Colour | None, *, binds: bool = True, shortfall: str | None = None) -> Light:
    missing, colour = None if shortfall is None else D(shortfall), effect or GREY
    return Light(colour, R.PATH, target(key), Subject.TARGET, binds, effect, shortfall=missing)


def of_milestone(key: int, effect: Colour, *, delay: int = 5, binds: bool = True) -> Light:
    planned = {"planned_on": TODAY - timedelta(delay), "delay": delay}
    return Light(effect, R.LATE, milestone(TODAY, key), Subject.MILESTONE, binds, effect, **planned)


def test_the_worst_reason_comes_first() -> None:
    items = [
        of_target(1, RED, shortfall="0.2"),
        of_target(2, RED, shortfall="0.5"),
        of_target(3, YELLOW, shortfall="0.05"),
        of_target(4, YELLOW, binds=False, shortfall="0.9"),
        of_milestone(5, YELLOW, binds=False),
        of_milestone(6, RED, delay=200),
        of_milestone(7, RED, delay=300),
        of_target(8, RED, shortfall="0.5"),
        Light(YELLOW, R.RECTIFYING, SimpleNamespace(pk=9), Subject.STAGE, effect=YELLOW),
        of_target(10, GREY),
        of_target(11, GREEN),
    ]
    reasons = pilot_reasons(Records(PILOT), items, TODAY)
    assert [light.record.pk for light in reasons] == [2, 8, 1, 7, 6, 3, 4, 5, 9]


@pytest.mark.parametrize(
    ("lights", "colour", "why"),
    [
        ([of_target(1, GREY), of_target(2, GREEN)], GREY, R.PATH),
        ([of_target(1, None), of_target(2, GREEN)], GREEN, R.ALL_WELL),
        ([of_target(1, None)], GREY, R.NOTHING_DUE),
        ([of_target(1, None, binds=False)], GREY, R.NOTHING_PROMISED),
        ([], GREY, R.NOTHING_PROMISED),
    ],
)
def test_what_is_not_known_keeps_a_pilot_from_green(lights: list[Light], colour: Colour, why: LightReason) -> None:
    worst = pilot_reasons(Records(PILOT), lights, TODAY)[0]
    assert (worst.effect, worst.why) == (colour, why)
