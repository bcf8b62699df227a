"""Pilot status on a day: stage, light with reason and date, without later knowledge."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.db import transaction
from django.db.models import TextChoices
from django.utils import translation

from pilots.analytics.pilot_status import build_progress, pilot_status, prefetch_for_status
from pilots.lights import Colour, LightReason
from pilots.models import Indicator, Pilot, Reading, Replan, Target
from tests import factories as make
from tests.support.snapshots import assert_snapshot

pytestmark = pytest.mark.django_db
DUE = date(2026, 4, 1)  # the first day on which the values of 2025 are due


def status_on(pilot: Pilot, day: date) -> Any:
    return pilot_status(prefetch_for_status(Pilot.objects.filter(pk=pilot.pk)).get(), day)


@pytest.fixture
def pilot(empty: None) -> Pilot:
    """Make a city with one binding target: NOx from 30 000 t in 2023 to 25 500 t in 2026."""
    city = make.pilot(make.batch(term_start=date(2024, 1, 1), term_end=date(2026, 12, 31)), make.province())
    make.target(city, make.indicator("AIR_NOX"), 30000, 25500, binding=True)
    return city


def make_nox_reading(city: Pilot, period: str, value: Any, **fields: Any) -> Reading:
    return make.reading(city, city.targets.get().indicator, period, value, **fields)


def test_the_example_city_is_red_and_says_by_how_much(pilot: Pilot) -> None:
    make_nox_reading(pilot, "2025", 27600, accepted_on=date(2026, 3, 20))
    found = status_on(pilot, DUE)
    light = found.indicators[0]
    assert (light.colour, light.expected) == (Colour.RED, Decimal(27000))
    assert round(light.shortfall, 4) == Decimal("0.2000")
    assert found.colour == Colour.RED
    assert found.told_reasons == [
        {
            "code": "far_behind",
            "text": "AIR_NOX emissions should have been cut by 3,000 t by 2025; the cut was 2,400 t (20.0 % short)",
            "url": f"/pilots/{pilot.slug}/#indicator-AIR_NOX",
            "owner": f"Pilot office of {pilot.name}",
        }
    ]


SHARE = {"unit": "%", "unit_zh": "", "direction": "higher"}
UNBASED = {"kind": "limit", "base_year": None, "base_value": None}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], Any]] = {  # indicator, target, value of 2025
    "a fall": ({}, {"base_value": "740", "target_value": "592.7"}, "688.8"),
    "a fall reversed": ({}, {"base_value": 36670, "target_value": "33330.005"}, 37550),
    "a rise": (SHARE, {"base_value": "10.2", "target_value": "12.8"}, "11.9"),
    "a rise reversed": (SHARE, {"base_value": "10.2", "target_value": "12.8"}, 9),
    "a rise from nothing": ({"direction": "higher"}, {"base_value": 0, "target_value": 450}, 200),
    "a limit": ({"unit": "µg/m³", "unit_zh": ""}, {**UNBASED, "target_value": 41}, "43.2"),
    "a lower limit": (SHARE, {**UNBASED, "target_value": 90}, "75"),
    "a base to keep": (SHARE, {"kind": "keep", "base_value": "76.3", "target_value": None}, "75.9"),
    "a limit of nothing": ({}, {**UNBASED, "target_value": 0}, 3),
}


def test_a_reason_says_of_what_its_percentage_is_with_as_many_decimals(pilot: Pilot) -> None:
    """Every red and yellow: reductions, rises, limits, bases to keep; each with a responsible office."""
    Pilot.objects.update(name_en="City", name_zh="市")
    make_nox_reading(pilot, "2025", 1, accepted_on=date(2026, 3, 20))
    said = {}
    for case, (indicator, target, value) in CASES.items():
        with transaction.atomic():
            Indicator.objects.update(**{"unit_zh": "吨", **indicator})
            Target.objects.update(**target)
            Reading.objects.update(value=value)
            said[case] = []
            for language in ("en", "zh-hans"):
                with translation.override(language):
                    found = status_on(pilot, DUE)
                    said[case] += [found.reasons[0].colour, *map(found.told_reasons[0].get, ("text", "owner"))]
            transaction.set_rollback(True)
    assert_snapshot("reasons", said)


def test_no_accepted_value_is_grey_never_zero(pilot: Pilot) -> None:
    make_nox_reading(pilot, "2025", 27600, state="reported", accepted_on=None)
    found = status_on(pilot, DUE)
    assert (found.colour, found.indicators[0].why, found.reported) == (Colour.GREY, LightReason.NO_READING, False)
    assert found.indicators[0].actual is None
    assert found.explanation == "Not rated: no accepted value for 2025"


def test_before_a_value_is_due_nothing_is_owed(pilot: Pilot) -> None:
    """Nothing known is not rated; a milestone that is done can be, until a value is due and missing."""
    before = status_on(pilot, date(2025, 3, 31))
    assert (before.colour, before.explanation) == (
        Colour.GREY,
        "Not rated yet: the first values are due by 31 March 2025",
    )
    make.milestone(pilot, date(2025, 2, 1), date(2025, 1, 20), is_key=True)
    assert status_on(pilot, date(2025, 3, 31)).colour == Colour.GREEN
    after = status_on(pilot, date(2025, 4, 1))
    assert (after.colour, after.explanation) == (Colour.GREY, "Not rated: no accepted value for 2024")


def test_a_key_milestone_turns_yellow_then_red_and_blue_is_no_blame(pilot: Pilot) -> None:
    make_nox_reading(pilot, "2025", 25500, accepted_on=date(2026, 3, 20))
    item = make.milestone(pilot, date(2026, 5, 1), is_key=True, owner="Bureau")
    assert status_on(pilot, date(2026, 5, 1)).colour == Colour.GREEN
    assert status_on(pilot, date(2026, 5, 2)).colour == Colour.YELLOW
    late = status_on(pilot, date(2026, 7, 31))
    assert (late.colour, late.since) == (Colour.RED, date(2026, 7, 31))
    worst = late.told_reasons[0]
    assert (worst["text"], worst["owner"]) == (f"{item.name} is 91 days overdue", "Bureau")
    item.owner = ""
    item.save()
    assert status_on(pilot, date(2026, 7, 31)).owner == f"Pilot office of {pilot.name}"
    item.completed_on = date(2026, 8, 1)
    item.save()
    assert status_on(pilot, date(2026, 8, 1)).colour == Colour.GREEN
    assert status_on(pilot, date(2026, 7, 31)).colour == Colour.RED
    assert status_on(pilot, date(2026, 8, 1)).counts._asdict() == {"done": 1, "due": 1, "late": 0, "total": 1}


def test_the_strip_compares_the_same_pilots_with_the_last_quarter_s_end(pilot: Pilot) -> None:
    make_nox_reading(pilot, "2025", 27600, accepted_on=date(2026, 5, 20))
    strip = build_progress(Pilot.objects.all(), date(2026, 8, 1)).strip
    assert (strip.then_on, strip.n) == (date(2026, 6, 30), 1)
    assert (strip.now[Colour.RED], strip.change(Colour.RED)) == (1, 0)
    earlier = build_progress(Pilot.objects.all(), date(2026, 6, 1)).strip
    assert (earlier.then_on, earlier.change(Colour.RED), earlier.change(Colour.GREY)) == (date(2026, 3, 31), 1, -1)


def test_a_task_in_words_is_not_done_only_where_the_pilot_reports(empty: None) -> None:
    """For a pilot without any accepted value the task counts as not reported."""
    pilot, air, task = make.pilot(make.batch(), make.province()), make.indicator("AIR_A"), make.indicator("OUT_B")
    make.target(pilot, task, None, None, kind="text", target_text="Do it", base_year=None, target_year=2024)
    day = date(2025, 6, 1)

    def why() -> TextChoices:
        (status,) = build_progress(Pilot.objects.all(), day).pilots
        return status.indicators[0].why

    assert why() == LightReason.NO_READING
    make.reading(pilot, air, "2024", 80, reported_on=date(2025, 1, 10), accepted_on=date(2025, 1, 10))
    assert why() == LightReason.NOT_DONE


def test_since_follows_the_days_of_an_accepted_replan(pilot: Pilot) -> None:
    """Due, overdue, far overdue, given a later day on 20 April, overdue again: each colour begins on its own day."""
    milestone = make.milestone(pilot, date(2025, 1, 1), is_key=True)
    on = date(2025, 4, 20)
    asked = {"day": date(2025, 6, 1), "reason_en": "Later", "asked_on": on, "accepted": True, "decided_on": on}
    Replan.objects.create(pilot=pilot, milestone=milestone, **asked)
    city = prefetch_for_status(Pilot.objects.filter(pk=pilot.pk)).get()
    days = [date(2024, 12, 1) + timedelta(n) for n in range(400)]
    colours = {day: pilot_status(city, day).colour for day in days}
    turns = [day for before, day in pairwise(days) if colours[before] != colours[day]]
    due, late = date(2025, 1, 1), date(2025, 6, 2)
    assert turns == [due, due + timedelta(1), date(2025, 4, 2), on, late, date(2025, 8, 31)]
    assert [pilot_status(city, day).since for day in turns] == turns
