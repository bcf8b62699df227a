"""Importers of pilots, stages, milestones, targets and readings: rules beyond one cell."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import translation

from core.http.as_of import today
from core.imports.columns import RecordLookup
from core.imports.importer import KINDS
from core.spreadsheets.cells import SheetCell
from pilots.models import Indicator, Pilot, Reading, StageEntry, Target
from tests.factories import (
    add_step,
    make_batch,
    make_indicator,
    make_industry,
    make_milestone,
    make_pilot,
    make_province,
    make_reading,
    make_source,
    make_stage,
    make_target,
)
from tests.support.imports import actions_of, dry_run_of, errors_of, run_import

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
D = Decimal


@pytest.fixture
def pilot() -> Pilot:
    return make_pilot(make_batch(slug="first"), make_province(slug="jia"), slug="p", name_zh="甲市")


def error_messages(plan: Any) -> list[str]:
    return [fault.message for fault in plan.errors]


# -- pilots ----------------------------------------------------------------------------------------------

PILOTS = ["slug", "name_zh", "kind", "batch", "province", "parent", "industries"]


def test_parks_before_the_city_they_lie_in() -> None:
    make_batch(slug="first")
    make_province(slug="jia")
    make_industry(slug="steel", name_zh="钢铁")
    make_industry(slug="cement", name_zh="水泥")
    run_import(
        "pilots",
        PILOTS,
        [None, "甲市高新区", "park", "first", "jia", "甲市", "钢铁、水泥"],
        [None, "甲市", "city", "first", "jia", None, None],
    )
    park = Pilot.objects.get(name_zh="甲市高新区")
    assert (park.slug, park.parent.slug) == ("jia-shi-gao-xin-qu", "jia-shi")
    assert sorted(industry.slug for industry in park.industries.all()) == ["cement", "steel"]


def test_a_parent_that_is_no_city_and_one_that_becomes_one(pilot: Pilot) -> None:
    """Of a row of the file it counts what it is going to be."""
    county = make_pilot(pilot.batch, pilot.province, slug="county", name_zh="乙县", kind="county")
    rows = [["park", "丙区", "park", "first", "jia", "county", None]]
    assert errors_of(dry_run_of("pilots", PILOTS, *rows)) == [("F2", "invalid")]
    rows.append(["county", "乙县", "city", "first", "jia", None, None])
    assert errors_of(dry_run_of("pilots", PILOTS, *rows)) == []
    county.refresh_from_db()
    assert county.kind == "county"


def test_a_pilot_by_batch_and_name(pilot: Pilot) -> None:
    """The same city in another batch is another pilot."""
    make_batch(slug="second")
    plan = dry_run_of("pilots", PILOTS[1:5], ["甲市", "city", "first", "jia"], ["甲市", "city", "second", "jia"])
    assert (errors_of(plan), actions_of(plan)) == ([], [(2, "unchanged"), (3, "create")])
    assert plan.rows[1].record.slug == "jia-shi"
    assert pilot.pk == plan.rows[0].record.pk


def test_another_code_in_the_same_batch_under_the_same_name(pilot: Pilot) -> None:
    """It neither renames the pilot nor enters it twice."""
    plan = dry_run_of("pilots", PILOTS[:5], ["q", "甲市", "city", "first", "jia"])
    assert errors_of(plan) == [("B2", "invalid")]
    assert error_messages(plan) == ["This batch already has a pilot of this name."]


# -- stages ----------------------------------------------------------------------------------------------

STAGES = ["pilot", "stage", "planned_on", "entered_on", "reason"]


def test_stages_of_a_pilot_are_judged_together(pilot: Pilot) -> None:
    """In any order of rows, together with stored stages."""
    make_stage(pilot, "listed", date(2024, 1, 15))
    plan = dry_run_of(
        "stages",
        STAGES,
        ["p", "plan_draft", None, date(2024, 6, 1), None],
        ["p", "tasked", None, date(2024, 3, 1), None],
    )
    assert (errors_of(plan), actions_of(plan)) == ([], [(2, "create"), (3, "create")])
    skipping = dry_run_of("stages", STAGES, ["p", "plan_draft", None, date(2024, 6, 1), None])
    assert errors_of(skipping) == [("E2", "stage_order")]
    assert error_messages(skipping) == ["Plan drafted: a stage passed over needs a reason (Task list received)"]
    reasoned = dry_run_of("stages", STAGES, ["p", "plan_draft", None, date(2024, 6, 1), "not published"])
    assert errors_of(reasoned) == []


def test_a_row_that_breaks_the_order_of_what_is_on_record(pilot: Pilot) -> None:
    """Whichever row comes first: the one that changes something is named, also beside rows that do not."""
    make_stage(pilot, "listed", date(2024, 1, 15))
    make_stage(pilot, "tasked", date(2024, 3, 1))
    rows = [
        ["p", "listed", None, date(2024, 1, 15), None],
        ["p", "tasked", None, date(2024, 3, 1), None],
        ["p", "withdrawn", None, date(2024, 2, 1), None],
    ]
    expected = "Task list received: nothing follows a withdrawal"
    assert error_messages(dry_run_of("stages", STAGES, *rows)) == [expected]
    assert errors_of(dry_run_of("stages", STAGES, *rows)) == [("D4", "stage_order")]
    assert error_messages(dry_run_of("stages", STAGES, rows[0], rows[2])) == [expected]
    assert error_messages(dry_run_of("stages", STAGES, rows[2])) == [expected]


def test_what_is_wrong_on_record_already_is_not_this_files_error(pilot: Pilot) -> None:
    make_stage(pilot, "listed", date(2024, 1, 15))
    make_stage(pilot, "plan_draft", date(2024, 3, 1))
    good = ["p", "plan_issued", None, date(2024, 6, 1), None]
    assert errors_of(dry_run_of("stages", STAGES, good)) == []
    second = ["p", "midterm", None, date(2024, 9, 1), None]
    assert errors_of(dry_run_of("stages", STAGES, good, second)) == [("E3", "stage_order")]


def test_an_order_that_is_not_known_is_not_judged(pilot: Pilot) -> None:
    """An invalid day is one error, not one for each stage that seems skipped."""
    plan = dry_run_of(
        "stages",
        STAGES,
        ["p", "listed", None, date(2024, 1, 15), None],
        ["p", "tasked", None, "2024-02-30", None],
        ["p", "plan_draft", None, date(2024, 6, 1), None],
    )
    assert errors_of(plan) == [("D3", "impossible_day")]


def test_a_plan_is_fulfilled(pilot: Pilot) -> None:
    """The day for which it was planned stays, unless the row gives another."""
    planned = make_stage(pilot, "listed", None, planned_on=date(2024, 1, 1))
    plan = dry_run_of("stages", STAGES, ["p", "listed", None, date(2024, 1, 15), None])
    assert actions_of(plan) == [(2, "update")]
    assert plan.rows[0].record.pk == planned.pk
    run_import("stages", STAGES, ["p", "listed", None, "2024-01-15", None])
    found = StageEntry.objects.values_list("planned_on", "entered_on")
    assert list(found) == [(date(2024, 1, 1), date(2024, 1, 15))]


def test_a_plan_twice(pilot: Pilot) -> None:
    make_stage(pilot, "listed", None, planned_on=date(2024, 1, 1))
    same = dry_run_of("stages", STAGES, ["p", "listed", date(2024, 2, 1), None, None])
    assert actions_of(same) == [(2, "update")]
    twice = dry_run_of("stages", STAGES, *[["p", "tasked", date(2025, 1, day), None, None] for day in (1, 2)])
    assert [code for _cell, code in errors_of(twice)] == ["invalid", "invalid"]
    neither = dry_run_of("stages", STAGES, ["p", "reviewed", None, None, None])
    assert error_messages(neither) == ["Give the day it was entered, or the day it is planned for."]


# -- milestones ------------------------------------------------------------------------------------------

MILESTONES = ["pilot", "title_zh", "title_en", "facet", "planned_on"]


def test_a_milestone_of_the_same_title(pilot: Pilot) -> None:
    """For the same day it is the same; for another day it is ambiguous, and the remedy names its id."""
    old = make_milestone(pilot, date(2025, 1, 1), title_zh="建成", title_en="Built")
    same = dry_run_of("milestones", MILESTONES, ["p", "建成", "Built", "management", date(2025, 1, 1)])
    assert actions_of(same) == [(2, "unchanged")]
    moved = dry_run_of("milestones", MILESTONES, ["p", "建成", None, "project", date(2025, 6, 1)])
    assert errors_of(moved) == [("B2", "same_title")]
    (message,) = error_messages(moved)
    assert message == (
        f"A milestone of this title is on record, planned on 2025-01-01. Write its record number {old.pk} "
        "to change it, or give this one a title of its own."
    )
    numbered = dry_run_of("milestones", ["id", "planned_on"], [old.pk, date(2025, 6, 1)])
    assert actions_of(numbered) == [(2, "update")]
    english = dry_run_of("milestones", MILESTONES, ["p", None, "Built", "project", date(2025, 6, 1)])
    assert errors_of(english) == [("C2", "same_title")]


def test_milestones_of_one_title_in_another_pilot(pilot: Pilot) -> None:
    make_milestone(pilot, date(2025, 1, 1), title_zh="建成", title_en="")
    make_pilot(pilot.batch, pilot.province, slug="q")
    plan = dry_run_of("milestones", MILESTONES, ["q", "建成", None, "project", date(2025, 6, 1)])
    assert (errors_of(plan), actions_of(plan)) == ([], [(2, "create")])


# -- targets ---------------------------------------------------------------------------------------------

TARGETS = ["pilot", "indicator", "kind", "base_year", "base_value", "target_year", "target_value", "steps"]


def steps() -> dict[int, Decimal]:
    return dict(Target.objects.get().yearly_steps)


def test_steps_are_created_changed_and_removed(pilot: Pilot) -> None:
    make_indicator("AIR_A")
    base = ["p", "AIR_A", "reach", 2023, 100, 2026, 60]
    run_import("targets", TARGETS, [*base, "2024: 90；2025：80"])
    assert steps() == {2024: D(90), 2025: D(80)}
    plan = dry_run_of("targets", TARGETS, [*base, "2024: 85"])
    assert [(c.label, c.old, c.new) for c in plan.rows[0].changes] == [("Steps", "2024: 90, 2025: 80", "2024: 85")]
    run_import("targets", TARGETS, [*base, "2024: 85"])
    assert steps() == {2024: D(85)}
    run_import("targets", TARGETS[:-1], base)
    assert steps() == {2024: D(85)}
    run_import("targets", TARGETS, [*base, None])
    assert steps() == {}
    told = Target.history.filter(pilot=pilot).order_by("history_id").values_list("history_type", "steps")
    assert list(told) == [("+", {"2024": "90", "2025": "80"}), ("~", {"2024": "85"}), ("~", {})]


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("2026: 50", "invalid"),
        ("2023: 50", "invalid"),
        ("2024: -1", "invalid"),
        ("2024: 1.1234567", "invalid"),
        (f"{2**80}: 1", "invalid"),
        ("-5: 1", "invalid"),
        ("2024", "steps"),
        ("2024: 50%", "percent"),
        ("2024: 1.2万", "scaled"),
        ("2024: 50; 2024: 40", "twice"),
        ("2024: 五十", "not_a_number"),
        ("明年: 50", "not_a_number"),
    ],
)
def test_steps_that_are_rejected(pilot: Pilot, cell: str, code: str) -> None:
    make_indicator("AIR_A")
    plan = dry_run_of("targets", TARGETS, ["p", "AIR_A", "reach", 2023, 100, 2026, 60, cell])
    assert set(errors_of(plan)) == {("H2", code)}


def test_years_that_leave_steps_outside(pilot: Pilot) -> None:
    """The steps on record are judged again where the file moves the years."""
    target = make_target(pilot, make_indicator("AIR_A"), 100, 60)
    add_step(target, 2025, 80)
    heads = ["id", "target_year"]
    assert errors_of(dry_run_of("targets", heads, [target.pk, 2027])) == []
    plan = dry_run_of("targets", heads, [target.pk, 2025])
    assert error_messages(plan) == ["Steps: 2025: A step lies before the target year."]


@pytest.mark.parametrize("value", ["65%", "６５％", SheetCell(0.65, percent=True), 65, "65"])
def test_percent_of_an_indicator_in_percent(pilot: Pilot, value: Any) -> None:
    make_indicator("SHARE", unit="%", kind="structure", equivalent_kg=None)
    plan = dry_run_of("targets", TARGETS, ["p", "SHARE", "reach", 2023, value, 2026, "70%", "2024: 66%"])
    assert errors_of(plan) == []
    assert (plan.rows[0].record.base_value, plan.rows[0].record.target_value) == (D(65), D(70))


def test_percent_and_scales_of_other_indicators(pilot: Pilot) -> None:
    """Also where the file does not repeat the indicator of the record."""
    target = make_target(pilot, make_indicator("AIR_A"), 100, 60)
    plan = dry_run_of("targets", TARGETS, ["p", "AIR_A", "reach", 2023, "1.2万", 2026, "65%", None])
    assert errors_of(plan) == [("E2", "scaled"), ("G2", "percent")]
    numbered = dry_run_of("targets", ["id", "target_value"], [target.pk, "65%"])
    assert errors_of(numbered) == [("B2", "percent")]
    assert error_messages(numbered) == ["The unit of AIR_A is t, not %. Write the number in that unit."]


@pytest.mark.parametrize("year", [70_000, 32_768, -1, 2**80, "1e20"])
def test_years_out_of_range(pilot: Pilot, year: Any) -> None:
    make_indicator("AIR_A")
    plan = dry_run_of("targets", TARGETS, ["p", "AIR_A", "reach", year, 100, 2026, 60, None])
    assert errors_of(plan) == [("D2", "out_of_range")]


# -- readings --------------------------------------------------------------------------------------------

READINGS = ["pilot", "indicator", "period", "value", "reported_on", "note"]


def test_another_value_is_the_next_version(pilot: Pilot) -> None:
    """The old one stays as it was; an equal value changes nothing."""
    old = make_reading(pilot, make_indicator("AIR_A"), "2024", 100)
    same = ["p", "AIR_A", "2024", "100.000", "2025-02-20", None]
    assert actions_of(dry_run_of("readings", READINGS, same)) == [(2, "unchanged")]
    plan = dry_run_of("readings", READINGS, ["p", "AIR_A", 2024, 101, date(2025, 3, 1), None])
    assert actions_of(plan) == [(2, "create")]
    assert "version 2, after 100" in plan.kind.describe(plan.rows[0])
    run_import("readings", READINGS, ["p", "AIR_A", "2024", "101", "2025-03-01", None])
    found = Reading.objects.order_by("version").values_list("version", "value", "state")
    assert list(found) == [(1, D(100), "accepted"), (2, D(101), "reported")]
    assert Reading.objects.get(version=1).pk == old.pk


def test_a_version_that_is_gone_gives_its_number_to_no_other(pilot: Pilot) -> None:
    indicator = make_indicator("AIR_A")
    make_reading(pilot, indicator, "2024", 100)
    make_reading(pilot, indicator, "2024", 101, version=2).delete()
    run_import("readings", READINGS, ["p", "AIR_A", "2024", "102", "2025-03-01", None])
    assert list(Reading.objects.order_by("version").values_list("version", flat=True)) == [1, 3]


def test_a_jump_needs_a_note(pilot: Pilot) -> None:
    """Held against the year before, whether that is on record or in the same file."""
    make_indicator("AIR_A")
    rows = [["p", "AIR_A", "2023", 100, date(2025, 3, 1), None], ["p", "AIR_A", "2024", 140, date(2025, 3, 1), None]]
    plan = dry_run_of("readings", READINGS, *rows)
    assert errors_of(plan) == [("D3", "jump")]
    assert error_messages(plan) == ["40.0 % above the 100 of 2023. Correct the value, or say why in the note."]
    rows[1][-1] = "新增产能"
    assert errors_of(dry_run_of("readings", READINGS, *rows)) == []


def test_an_edited_export_row_follows_the_version_it_shows(pilot: Pilot) -> None:
    """It is rejected if another version was entered since, however the old one is identified."""
    indicator = make_indicator("AIR_A")
    old = make_reading(pilot, indicator, "2024", 100, note="x")
    make_reading(pilot, indicator, "2024", 101, version=2, note="x")
    heads = ["id", "version", *READINGS]
    row = [old.pk, 1, "p", "AIR_A", "2024", 102, date(2025, 2, 20), "x"]
    assert errors_of(dry_run_of("readings", heads, row)) == [("B2", "overtaken")]
    assert errors_of(dry_run_of("readings", heads, [None, *row[1:]])) == [("B2", "overtaken")]
    assert error_messages(dry_run_of("readings", heads, row)) == [
        "Version 2 (101) was entered since. Write that version to follow it with yours."
    ]
    assert errors_of(dry_run_of("readings", heads, [None, 2, *row[2:]])) == []
    assert errors_of(dry_run_of("readings", heads, [None, 3, *row[2:]])) == [("B2", "unknown_record")]


def test_a_value_that_was_corrected_is_not_restored_by_an_old_file(pilot: Pilot) -> None:
    indicator = make_indicator("AIR_A")
    make_reading(pilot, indicator, "2024", 100)
    make_reading(pilot, indicator, "2024", 101, version=2)
    row = ["p", "AIR_A", "2024", 100, date(2025, 2, 20), None]
    plan = dry_run_of("readings", READINGS, row)
    assert errors_of(plan) == [("D2", "overtaken")]
    assert error_messages(plan) == [
        "This is version 1, which version 2 (101) corrected. To go back to it, write the number of that version."
    ]
    back = dry_run_of("readings", [*READINGS, "version"], [*row, 2])
    assert (errors_of(back), actions_of(back)) == ([], [(2, "create")])


def test_every_version_of_an_export_is_unchanged(pilot: Pilot) -> None:
    indicator = make_indicator("AIR_A")
    versions = [make_reading(pilot, indicator, "2024", value, version=n) for n, value in ((1, 100), (2, 101))]
    rows = [[item.pk, "p", "AIR_A", "2024", item.value, item.version] for item in versions]
    plan = dry_run_of("readings", ["id", "pilot", "indicator", "period", "value", "version"], *rows)
    assert (errors_of(plan), actions_of(plan)) == ([], [(2, "unchanged"), (3, "unchanged")])
    rows[1][4] = 102
    plan = dry_run_of("readings", ["id", "pilot", "indicator", "period", "value", "version"], *rows)
    assert [code for _cell, code in errors_of(plan)] == ["missing_column"]


def test_a_version_is_not_moved(pilot: Pilot) -> None:
    reading = make_reading(pilot, make_indicator("AIR_A"), "2024", 100)
    plan = dry_run_of("readings", ["id", "period"], [reading.pk, "2023"])
    assert error_messages(plan) == ["Value: A reading is never overwritten. Enter the correction as a new version."]
    noted = dry_run_of("readings", ["id", "note"], [reading.pk, "checked"])
    assert (errors_of(noted), actions_of(noted)) == ([], [(2, "update")])


@pytest.mark.parametrize("period", ["2024年", "2024-Q5", "24", "2024Q1", "2999", "2024-1", "第一季度"])
def test_periods_that_are_none(pilot: Pilot, period: str) -> None:
    make_indicator("AIR_A")
    plan = dry_run_of("readings", READINGS, ["p", "AIR_A", period, 1, date(2025, 3, 1), None])
    assert errors_of(plan) == [("C2", "invalid")]


def test_a_period_that_had_not_ended(pilot: Pilot) -> None:
    make_indicator("AIR_A")
    plan = dry_run_of("readings", READINGS, ["p", "AIR_A", "2024", 1, date(2024, 12, 1), None])
    assert error_messages(plan) == ["This period had not ended on the day of report."]


STATES = [*READINGS, "state", "accepted_on"]


def make_officer(*codenames: str) -> User:
    user = User.objects.create(username="li")
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def test_accepting_takes_a_right(pilot: Pilot) -> None:
    make_indicator("AIR_A")
    accepted = ["p", "AIR_A", "2024", 1, date(2025, 3, 1), None, "accepted", date(2025, 4, 1)]
    reporter = make_officer("add_reading", "change_reading")
    plan = dry_run_of("readings", STATES, accepted, by=reporter)
    assert errors_of(plan) == [("G2", "not_yours"), ("H2", "not_yours")]
    assert error_messages(plan) == [
        "Your role may not enter this. Write “reported”, or leave the cell empty.",
        "Your role may not enter this. Leave the cell empty.",
    ]
    reported = [*accepted[:-2], "reported", None]
    assert errors_of(dry_run_of("readings", STATES, reported, by=reporter)) == []
    reporter.user_permissions.add(Permission.objects.get(codename="accept_reading"))
    assert errors_of(dry_run_of("readings", STATES, accepted, by=User.objects.get())) == []
    assert errors_of(dry_run_of("readings", STATES, accepted)) == []  # the command line may


def test_disputing_takes_a_right_and_repeating_none(pilot: Pilot) -> None:
    """A user who may enter readings may add a note to an accepted one."""
    reading = make_reading(pilot, make_indicator("AIR_A"), "2024", 100)
    reporter = make_officer("add_reading", "change_reading")
    heads = ["id", "state", "accepted_on", "note"]
    kept = [reading.pk, "accepted", reading.accepted_on, "n"]
    assert errors_of(dry_run_of("readings", heads, kept, by=reporter)) == []
    disputed = [reading.pk, "disputed", reading.accepted_on, "n"]
    assert errors_of(dry_run_of("readings", heads, disputed, by=reporter)) == [("B2", "not_yours")]


def test_accepted_needs_a_day_after_the_report(pilot: Pilot) -> None:
    make_indicator("AIR_A")
    row = ["p", "AIR_A", "2024", 1, date(2025, 3, 1), None, "accepted"]
    assert error_messages(dry_run_of("readings", STATES, [*row, None])) == ["Accepted: give the day of acceptance."]
    early = dry_run_of("readings", STATES, [*row, date(2025, 2, 1)])
    assert error_messages(early) == ["Accepted before it was reported. Check both days."]


def test_the_next_version_of_an_accepted_value_counts_from_today(pilot: Pilot) -> None:
    """The day of acceptance in an exported row is that of the old value: the past is not rewritten."""
    old = make_reading(pilot, make_indicator("AIR_A"), "2024", 100)
    heads = ["id", "pilot", "indicator", "period", "value", "reported_on", "state", "accepted_on"]
    row = [old.pk, "p", "AIR_A", "2024", 101, old.reported_on, "accepted", old.accepted_on]
    plan = dry_run_of("readings", heads, row)
    assert errors_of(plan) == []
    assert plan.rows[0].record.accepted_on == today()
    row[-1] = date(2025, 5, 5)
    assert dry_run_of("readings", heads, row).rows[0].record.accepted_on == date(2025, 5, 5)


def test_a_share_from_a_file_that_does_not_tell_its_format(pilot: Pilot) -> None:
    """In .xls, 65% and 0.65 are the same cell: only what is more than 1 is known to be meant as it stands."""
    make_indicator("SHARE", unit="%", kind="structure", equivalent_kg=None)
    values = [SheetCell(value, unknown_format="xls") for value in (0.65, 65, 0)]
    rows = [["p", "SHARE", str(2022 + year), value, None, None] for year, value in enumerate(values)]
    plan = dry_run_of("readings", READINGS, *rows)
    assert [error for error in errors_of(plan) if error[0].startswith("D")] == [("D2", "unknown_format")]


def test_percent_and_scales_of_readings(pilot: Pilot) -> None:
    make_indicator("AIR_A")
    make_indicator("SHARE", unit="%", kind="structure", equivalent_kg=None)
    day = date(2025, 3, 1)
    plan = dry_run_of(
        "readings",
        READINGS,
        ["p", "SHARE", "2024", SheetCell(0.655, percent=True), day, None],
        ["p", "AIR_A", "2024", "65%", day, None],
        ["p", "AIR_A", "2023", "1.2万", day, None],
    )
    assert errors_of(plan) == [("D3", "percent"), ("D4", "scaled")]
    assert plan.rows[0].record.value == D("65.5")


def test_two_rows_about_one_value(pilot: Pilot) -> None:
    make_indicator("AIR_A")
    rows = [["p", "AIR_A", "2024", value, date(2025, 3, 1), None] for value in (1, 2)]
    assert [code for _cell, code in errors_of(dry_run_of("readings", READINGS, *rows))] == ["twice", "twice"]


def test_headings_in_chinese_and_names_in_two_languages(pilot: Pilot) -> None:
    make_indicator("AIR_A", name_zh="甲排放量", name_en="A emissions")
    source = make_source(title="甲市年报，第一册")
    heads = ["数据性质", "试点", "指标", "统计期", "数值", "报送日期", "来源"]
    row = ["初步核算数", "甲市", "A Emissions", "2024-Q4", "１２，３４５．６", "2025年2月1日", source.title]
    with translation.override("zh-hans"):
        words = dict(Reading._meta.get_field("value_status").flatchoices)
        row[0] = str(words["preliminary"])
    run_import("readings", heads, row)
    reading = Reading.objects.get()
    assert (reading.value, reading.value_status, reading.reported_on) == (D("12345.6"), "preliminary", date(2025, 2, 1))
    assert list(reading.sources.all()) == [source]


# -- units -----------------------------------------------------------------------------------------------

UNITS = ["pilot", "indicator", "period", "value", "unit", "reported_on", "note"]
WRONG = "The unit of %s is %s, not “%s”. Write the value in that unit."


@pytest.mark.parametrize(
    ("value", "unit"),
    [(11000, None), (11000, "t"), ("11000", " 吨 "), ("11,000吨", None), ("１１，０００ t", "吨"), ("11000 T", "t")],
)
def test_a_unit_may_stand_beside_a_value(pilot: Pilot, value: Any, unit: str | None) -> None:
    make_indicator("AIR_A", unit="t", unit_zh="吨")
    run_import("readings", UNITS, ["p", "AIR_A", "2024", value, unit, "2025-03-01", None])
    assert Reading.objects.get().value == D(11000)


@pytest.mark.parametrize(
    ("value", "unit", "cell", "word"),
    [
        (11000, "kg", "E2", "kg"),
        ("11,000公斤", None, "D2", "公斤"),
        ("1.1万吨", "吨", "D2", "万吨"),
        (1.1, "万吨", "E2", "万吨"),
    ],
)
def test_another_unit_is_rejected_at_its_cell(pilot: Pilot, value: Any, unit: str | None, cell: str, word: str) -> None:
    make_indicator("AIR_A", unit="t", unit_zh="吨")
    plan = dry_run_of("readings", UNITS, ["p", "AIR_A", "2024", value, unit, "2025-03-01", None])
    assert errors_of(plan) == [(cell, "unit")]
    assert error_messages(plan) == [WRONG % ("AIR_A", "t", word)]


def test_units_of_targets_and_their_steps(pilot: Pilot) -> None:
    make_indicator("CO2", unit="10⁴ t", unit_zh="万吨")
    heads = ["pilot", "indicator", "kind", "base_year", "base_value", "target_year", "target_value", "steps", "unit"]
    wrong = dry_run_of("targets", heads, ["p", "CO2", "reach", 2023, "9 t", 2026, "8万吨", "2024: 8.5吨", None])
    assert errors_of(wrong) == [("E2", "unit"), ("H2", "unit")]
    run_import("targets", heads, ["p", "CO2", "reach", 2023, "9万吨", 2026, "8万吨", "2024: 8.5万吨", "10⁴ t"])
    assert steps() == {2024: D("8.5")}


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_files_name_an_indicator_with_its_unit(pilot: Pilot, language: str) -> None:
    """The name reads back with the unit and without it."""
    indicator = make_indicator("CO2", name_zh="碳排放", name_en="Carbon", unit="10⁴ t", unit_zh="万吨")
    reading = make_reading(pilot, indicator, "2024", 12)
    with translation.override(language):
        names = RecordLookup().index(Indicator)
        assert names.name_for(indicator) == {"en": "Carbon (10⁴ t)", "zh-hans": "碳排放（万吨）"}[language]
        assert [names.find(text) for text in ("Carbon (10⁴ t)", "碳排放（万吨）", "碳排放(万吨)", "Carbon")] == [
            indicator
        ] * 4
        column = KINDS["readings"].column("unit")
        assert column is not None
        assert column.export(reading, RecordLookup()) == {"en": "10⁴ t", "zh-hans": "万吨"}[language]
