"""Pilot status on a day: stage, light with reason and date, without later knowledge."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone, translation

from pilots.analytics.late_entries import entered_since
from pilots.analytics.pilot_status import pilot_status, prefetch_for_status
from pilots.analytics.progress import Progress
from pilots.lights import Colour, LightReason, ReportState
from pilots.models import Indicator, Pilot, Reading, Target
from tests import factories as make
from tests.support.snapshots import assert_snapshot

pytestmark = pytest.mark.django_db
DUE = date(2026, 4, 1)  # the first day on which the values of 2025 are overdue


def status_on(pilot: Pilot, day: date) -> Any:
    return pilot_status(prefetch_for_status(Pilot.objects.filter(pk=pilot.pk)).get(), day)


@pytest.fixture
def pilot(empty: None) -> Pilot:
    """Make a city with one binding target, NOx from 30 000 t in 2023 to 25 500 t in 2026, asked for from 2025 on."""
    batch = make.batch(term_start=date(2024, 1, 1), term_end=date(2026, 12, 31), asked_from=2025)
    city = make.pilot(batch, make.province())
    make.target(city, make.indicator("AIR_NOX"), 30000, 25500, binding=True)
    return city


def make_nox_reading(city: Pilot, period: str, value: Any, **fields: Any) -> Reading:
    return make.reading(city, city.targets.get(indicator__code="AIR_NOX").indicator, period, value, **fields)


def test_the_example_city_is_red_and_says_by_how_much(pilot: Pilot) -> None:
    make_nox_reading(pilot, "2025", 27600, accepted_on=date(2026, 3, 20))
    found = status_on(pilot, DUE)
    light = found.indicators[0]
    assert (light.colour, light.expected) == (Colour.RED, Decimal(27000))
    assert round(light.shortfall, 4) == Decimal("0.2000")
    assert found.colour == Colour.RED
    assert found.told_reasons == [
        {
            "code": "path",
            "text": (
                "AIR_NOX emissions should have been cut by 3,000 t by 2025; by 2025 the cut was 2,400 t (20.0 % short)"
            ),
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
    make_nox_reading(pilot, "2025", 27600, accepted_on=None)
    found = status_on(pilot, DUE)
    assert (found.colour, found.indicators[0].why, found.reported) == (Colour.GREY, LightReason.UNDER_REVIEW, False)
    assert (found.indicators[0].actual, found.owner) == (None, "Ministry")
    assert found.explanation == "1 of 1 binding targets cannot be rated: value of AIR_NOX emissions under review"


def test_before_a_value_is_due_nothing_is_owed(pilot: Pilot) -> None:
    """Nothing known is not rated; a milestone that is done can be, until a value is due and missing."""
    before = status_on(pilot, date(2025, 12, 31))
    assert (before.colour, before.owes, before.explanation) == (
        Colour.GREY,
        False,
        "Not rated yet: nothing binding is due before 31 March 2026",
    )
    make.milestone(pilot, date(2025, 2, 1), date(2025, 1, 20), is_key=True)
    assert status_on(pilot, date(2026, 3, 31)).colour == Colour.GREEN
    after = status_on(pilot, DUE)
    assert (after.colour, after.owes, after.explanation) == (
        Colour.YELLOW,
        True,
        "AIR_NOX emissions: value of 2025 missing, due on 31 March 2026, 1 day overdue",
    )


COURSES: dict[str, tuple[dict[str, Any] | None, ReportState | None]] = {  # of the only value that is owed
    "nothing": (None, ReportState.NOTHING),
    "waits": ({"accepted_on": None}, ReportState.WAITING),
    "handed in late": ({"accepted_on": None, "reported_on": DUE}, ReportState.WAITING),
    "returned": ({"accepted_on": None, "returned_on": date(2026, 3, 20)}, ReportState.RETURNED),
    "accepted": ({}, None),
    "disputed": ({"disputed_on": DUE}, ReportState.DISPUTED),
}


@pytest.mark.parametrize("course", COURSES)
def test_where_the_value_of_the_year_is_held_up(pilot: Pilot, course: str) -> None:
    fields, expected = COURSES[course]
    if fields is not None:
        make_nox_reading(pilot, "2025", 26000, **fields)
    found = status_on(pilot, DUE)
    assert (found.owes, found.outstanding, found.reported) == (True, expected, expected is None)
    assert not status_on(pilot, date(2026, 3, 31)).owes


@pytest.mark.parametrize(
    ("value", "correction", "owner"),
    [
        ({"accepted_on": None, "reported_on": DUE}, None, "Ministry"),  # late, but handed in
        ({"disputed_on": DUE}, None, "office"),
        ({"disputed_on": DUE}, {"reported_on": date(2026, 4, 10)}, "Ministry"),
    ],
)
def test_while_what_is_missing_waits_the_ministry_has_to_act(
    pilot: Pilot, value: dict[str, Any], correction: dict[str, Any] | None, owner: str
) -> None:
    make_nox_reading(pilot, "2025", 27000, **value)
    if correction:
        make_nox_reading(pilot, "2025", 26900, version=2, accepted_on=None, **correction)
    assert status_on(pilot, date(2026, 4, 20)).owner == {"office": f"Pilot office of {pilot.name}"}.get(owner, owner)


def test_a_pilot_has_reported_when_all_that_it_owes_is_accepted(pilot: Pilot) -> None:
    """What it has to do comes first; a value for another year, or of a target that does not bind, is not owed."""
    sulphur, dust, days = (make.indicator(code) for code in ("AIR_SO2", "AIR_PM", "AIR_DAYS"))
    make.target(pilot, sulphur, 1000, 700)
    make.target(pilot, dust, 1000, 700, binding=False)
    make.target(pilot, days, 1000, 700, target_year=2024)
    make_nox_reading(pilot, "2025", 27000, accepted_on=None)
    assert status_on(pilot, DUE).outstanding == ReportState.NOTHING
    reason = make.not_given(pilot, sulphur, 2025)
    assert status_on(pilot, DUE).outstanding == ReportState.WAITING
    reason.accepted_on = date(2026, 3, 20)
    reason.save()
    make_nox_reading(pilot, "2025", 26500, version=2)
    assert status_on(pilot, DUE).reported


def test_a_deadline_of_the_batch_or_pilot_moves_what_is_owed(pilot: Pilot) -> None:
    make.deadline(pilot.batch, 2025, date(2026, 4, 15))
    assert [status_on(pilot, date(2026, 4, day)).owes for day in (15, 16)] == [False, True]
    make.deadline(pilot, 2025, None)
    assert not status_on(pilot, date(2026, 5, 1)).owes


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
    make.completion(item, date(2026, 8, 1))
    assert status_on(pilot, date(2026, 8, 1)).colour == Colour.GREEN
    assert status_on(pilot, date(2026, 7, 31)).colour == Colour.RED
    assert status_on(pilot, date(2026, 8, 1)).counts._asdict() == {"done": 1, "due": 1, "late": 0, "total": 1}


def test_the_strip_compares_the_same_pilots_with_the_last_quarter_s_end(pilot: Pilot) -> None:
    make_nox_reading(pilot, "2025", 27600, accepted_on=date(2026, 5, 20))
    strip = Progress(Pilot.objects.all(), date(2026, 8, 1)).strip
    assert (strip.then.on, strip.now.n) == (date(2026, 6, 30), 1)
    assert (strip.now.lights[Colour.RED], strip.change(Colour.RED)) == (1, 0)
    earlier = Progress(Pilot.objects.all(), date(2026, 6, 1)).strip
    assert (earlier.then.on, earlier.change(Colour.RED), earlier.change(Colour.GREY)) == (date(2026, 3, 31), 1, -1)


def test_a_dropped_promise_counts_no_more(pilot: Pilot) -> None:
    item = make.milestone(pilot, date(2025, 1, 1), is_key=True)
    dropped = {"drop": True, "accepted": True, "decided_on": date(2025, 4, 20)}
    make.amendment(item, **dropped)
    make.amendment(pilot.targets.get(), **dropped)
    before, after = status_on(pilot, date(2025, 4, 19)), status_on(pilot, date(2025, 4, 20))
    assert (before.counts.total, before.pilot.light_targets_binding, before.colour) == (1, 1, Colour.RED)
    assert (after.counts.total, after.pilot.light_targets_binding, after.colour) == (0, 0, Colour.GREY)
    assert after.sentence == "Not rated: nothing binding is promised (no binding target, no key milestone)"


def test_since_follows_the_days_of_an_accepted_amendment(pilot: Pilot) -> None:
    """Late, far too late, given a later day on 20 April, late again: each colour begins on its own day."""
    milestone = make.milestone(pilot, date(2025, 1, 1), is_key=True)
    on = date(2025, 4, 20)
    make.amendment(milestone, day=date(2025, 6, 1), asked_on=on, accepted=True, decided_on=on)
    rows = pilot.lights.filter(since__range=(date(2024, 12, 1), date(2025, 12, 31))).order_by("since")
    turns = list(rows.values_list("colour_since", flat=True).distinct())
    assert turns == [date(2025, 1, 2), date(2025, 4, 2), on, date(2025, 6, 2), date(2025, 8, 31)]
    assert [status_on(pilot, day).since for day in turns] == turns


def test_a_stage_entered_later_on_the_same_day_is_the_current_one(pilot: Pilot) -> None:
    """Its light follows the same entry; entered 31 days late, a stage counts from that day on."""
    for stage in ("implementing", "rectifying"):
        make.stage(pilot, stage, date(2025, 6, 1))
    make.stage(pilot, "midterm", date(2025, 6, 1), recorded_on=date(2025, 7, 2))
    before, after = status_on(pilot, date(2025, 7, 1)), status_on(pilot, date(2025, 7, 2))
    assert [item.current_stage.stage for item in (before, after)] == ["rectifying", "midterm"]
    assert (before.colour, before.sentence) == (Colour.YELLOW, "Ordered to rectify on 1 June 2025")
    assert after.colour == Colour.GREY


def test_a_withdrawn_pilot_awaits_nothing(pilot: Pilot) -> None:
    make.stage(pilot, "listed", date(2024, 1, 15))
    make.milestone(pilot, date(2024, 2, 1), is_key=True)
    pilot.withdrawn_on, pilot.withdrawn_recorded_on = date(2025, 1, 1), date(2025, 3, 1)  # from its entry on
    pilot.save()
    before, after = status_on(pilot, date(2025, 2, 28)), status_on(pilot, date(2025, 3, 1))
    assert (before.colour, before.is_withdrawn, before.list_to_plan.days) == (Colour.RED, False, 410)
    assert (after.colour, after.is_withdrawn, after.list_to_plan, after.days_in_stage) == (
        Colour.GREY,
        True,
        None,
        None,
    )
    assert after.sentence == "Withdrawn on 1 January 2025: no longer rated"
    progress = Progress(Pilot.objects.all(), date(2025, 3, 1))
    assert (progress.funnel().n, progress.funnel().withdrawn) == (0, 1)


def test_a_past_day_names_what_was_entered_since(pilot: Pilot) -> None:
    """Not what counts only from later days on, nor what the product brought along."""
    editor, day = User.objects.create(username="editor"), date(2026, 2, 1)
    milestone = make.milestone(pilot, date(2025, 12, 1), title_en="Platform")
    make.completion(milestone, date(2026, 1, 20), entered_on=date(2026, 2, 10))
    late = make.milestone(pilot, date(2025, 12, 1), title_en="Inventory")
    make.completion(late, date(2025, 12, 20), entered_on=date(2026, 2, 10))
    make.stage(pilot, "listed", date(2026, 1, 10), recorded_on=date(2026, 2, 5))
    entered = make_nox_reading(pilot, "2024", 28000, reported_on=date(2025, 3, 1), accepted_on=date(2025, 3, 10))
    Reading.history.filter(id=entered.pk).update(history_user=editor, history_date=timezone.now())
    read = prefetch_for_status(Pilot.objects.with_light(day)).get(pk=pilot.pk)
    assert entered_since(pilot_status(read, day)) == [
        "Stages entered since: Listed (on 5 February 2026)",
        "Completions entered since: Platform (on 10 February 2026)",
        f"Values entered since: AIR_NOX emissions: 2024 (on {timezone.localdate():%-d %B %Y})",
    ]
    assert entered_since(status_on(pilot, timezone.localdate())) == []
