"""Importers of pilots, stages, milestones, targets and readings: rules beyond one cell."""

from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import translation

from core.days import today
from core.imports.columns import RecordLookup
from core.imports.importer import KINDS
from core.spreadsheets.cells import SheetCell
from pilots.models import Indicator, Pilot, Reading, StageEntry, Target
from tests import factories as make
from tests.support.imports import actions_of, dry_run_of, run_import
from tests.support.snapshots import assert_snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
D = Decimal
PILOTS = ["slug", "name_zh", "kind", "batch", "province", "parent", "industries"]
STAGES = ["pilot", "stage", "planned_on", "entered_on", "reason_en"]
MILESTONES = ["pilot", "title_zh", "title_en", "facet", "planned_on"]
TARGETS = ["pilot", "indicator", "kind", "base_year", "base_value", "target_year", "target_value", "steps"]
READINGS = ["pilot", "indicator", "period", "value", "reported_on", "note_en"]
STATES = [*READINGS, "state", "accepted_on"]
UNITS = ["pilot", "indicator", "period", "value", "unit", "reported_on", "note_en"]
VERSIONS = ["id", "version", *READINGS]
MARCH = date(2025, 3, 1)


@pytest.fixture
def world() -> SimpleNamespace:
    """Pilots with stages in order, out of order and planned; a target with a step; values with one and two versions."""
    first, province = make.batch(slug="first"), make.province(slug="jia")
    make.batch(slug="second")
    jia, county, order, skipped, planned = (
        make.pilot(first, province, slug=slug, name_zh=name, kind=kind)
        for slug, name, kind in (
            ("jia", "甲市", "city"), ("county", "乙县", "county"), ("order", "丙市", "city"),
            ("skipped", "丁市", "city"), ("planned", "戊市", "city"),
        )
    )  # fmt: skip
    for pilot in (jia, order, skipped):
        make.stage(pilot, "listed", date(2024, 1, 15))
    make.stage(order, "tasked", date(2024, 3, 1))
    make.stage(skipped, "plan_draft", date(2024, 3, 1))  # as an older file may have it
    make.stage(planned, "listed", None, planned_on=date(2024, 1, 1))
    air = make.indicator("AIR_A", name_zh="甲排放量", name_en="A emissions", unit="t", unit_zh="吨")
    make.indicator("SHARE", unit="%", kind="structure", equivalent_kg=None)
    return SimpleNamespace(
        jia=jia,
        county=county,
        built=make.milestone(jia, date(2025, 1, 1), title_zh="建成", title_en="Built"),
        target=make.add_step(make.target(order, air, 100, 60), 2025, 80),
        value=make.reading(jia, air, "2024", 100),
        old=make.reading(order, air, "2024", 100, note="x"),
        new=make.reading(order, air, "2024", 101, version=2, note="x"),
    )


def told(kind: str, heads: list[str], *rows: list[Any], by: User | None = None) -> list[str]:
    """Return what the check of a file says: its errors, else what each row does."""
    plan = dry_run_of(kind, heads, *rows, by=by)
    faults = [f"{fault.cell} {fault.code}: {fault.message}" for fault in plan.errors]
    return faults or [f"row {number}: {action}" for number, action in actions_of(plan)]


def test_what_the_check_of_a_file_says_of_pilots_and_stages(world: SimpleNamespace) -> None:
    park = ["park", "丙区", "park", "first", "jia", "county", None]
    listed, tasked = (["order", stage, None, day, None] for stage, day in (("listed", "2024-01-15"), ("tasked", MARCH)))
    tasked[3], withdrawn = "2024-03-01", ["order", "withdrawn", None, "2024-02-01", None]
    draft, issued = ["jia", "plan_draft", None, "2024-06-01"], ["skipped", "plan_issued", None, "2024-06-01", None]
    no_day = ["jia", "tasked", None, "2024-02-30", None]
    said = {
        "a parent that is no city": told("pilots", PILOTS, park),
        "it is going to be one": told("pilots", PILOTS, park, ["county", "乙县", "city", "first", "jia", None, None]),
        "by batch and name": told(
            "pilots", PILOTS[1:5], ["甲市", "city", "first", "jia"], ["甲市", "city", "second", "jia"]
        ),
        "another code under the same name": told("pilots", PILOTS[:5], ["q", "甲市", "city", "first", "jia"]),
        "stages in any order": told("stages", STAGES, [*draft, None], ["jia", "tasked", None, "2024-03-01", None]),
        "a stage skipped": told("stages", STAGES, [*draft, None]),
        "a stage skipped with a reason": told("stages", STAGES, [*draft, "not published"]),
        "what is on record breaks, beside equal rows": told("stages", STAGES, listed, tasked, withdrawn),
        "what is on record breaks, with one of them": told("stages", STAGES, listed, withdrawn),
        "what is on record breaks, alone": told("stages", STAGES, withdrawn),
        "what was wrong before is not this file's error": told("stages", STAGES, issued),
        "but its own is": told("stages", STAGES, issued, ["skipped", "midterm", None, "2024-09-01", None]),
        "an order that is not known": told("stages", STAGES, no_day, [*draft, None]),
        "a plan is fulfilled": told("stages", STAGES, ["planned", "listed", None, "2024-01-15", None]),
        "a plan is moved": told("stages", STAGES, ["planned", "listed", "2024-02-01", None, None]),
        "planned twice": told(
            "stages", STAGES, *[["jia", "tasked", f"2025-01-0{day}", None, None] for day in (1, 2)]
        ),
        "neither entered nor planned": told("stages", STAGES, ["jia", "reviewed", None, None, None]),
    }  # fmt: skip
    assert_snapshot("import-pilots", said)
    world.county.refresh_from_db()
    assert world.county.kind == "county"


def test_what_the_check_of_a_file_says_of_milestones_and_targets(world: SimpleNamespace) -> None:
    base = ["jia", "AIR_A", "reach", 2023, 100, 2026, 60]
    steps = ["2026: 50", "2023: 50", "2024: -1", "2024: 1.1234567", f"{2**80}: 1", "-5: 1", "2024", "2024: 50%"]
    steps += ["2024: 1.2万", "2024: 50; 2024: 40", "2024: 五十", "明年: 50", "2024: 90；2025：80"]
    shares = ["65%", "６５％", SheetCell(0.65, percent=True), 65, "65"]
    numbered, built = ["id", "target_year"], world.built.pk
    units = [*TARGETS, "unit"]
    said = {
        "the same title and day": told("milestones", MILESTONES, ["jia", "建成", "Built", "management", "2025-01-01"]),
        "another day by number": told("milestones", ["id", "planned_on"], [built, "2025-06-01"]),
        "the title in another pilot": told("milestones", MILESTONES, ["order", "建成", None, "project", "2025-06-01"]),
        "steps": {cell: told("targets", TARGETS, [*base, cell]) for cell in steps},
        "years": [told("targets", TARGETS, [*base[:3], year, *base[4:], None]) for year in (70_000, -1, 2**80, "1e20")],
        "a year that leaves the steps inside": told("targets", numbered, [world.target.pk, 2027]),
        "a year that leaves a step outside": told("targets", numbered, [world.target.pk, 2025]),
        "shares": [
            told("targets", TARGETS, ["jia", "SHARE", "reach", 2023, cell, 2026, "70%", "2024: 66%"]) for cell in shares
        ],
        "scales and percent": told("targets", TARGETS, [*base[:4], "1.2万", 2026, "65%", None]),
        "percent by number": told("targets", ["id", "target_value"], [world.target.pk, "65%"]),
        "units": told("targets", units, [*base[:4], "9 kg", 2026, "8吨", "2024: 8.5公斤", None]),
    }
    assert_snapshot("import-targets", said)
    remedy = (
        f"A milestone of this title is on record, planned on 2025-01-01. Write its record number {built} to change it, "
        "or give this one a title of its own."
    )
    for cell, names in (("B2", ["建成", None]), ("C2", [None, "Built"])):
        moved = told("milestones", MILESTONES, ["jia", *names, "project", "2025-06-01"])
        assert moved == [f"{cell} same_title: {remedy}"]


def test_what_the_check_of_a_file_says_of_readings(world: SimpleNamespace) -> None:
    first, late = ["jia", "AIR_A", "2024"], date(2025, 2, 20)
    edited = [world.old.pk, 1, "order", "AIR_A", "2024", 102, late, "x"]
    again = ["order", "AIR_A", "2024", 100, late, None]
    kept = [[item.pk, item.version, "order", "AIR_A", "2024", item.value] for item in (world.old, world.new)]
    periods = ["2024年", "2024-Q5", "24", "2024Q1", "2999", "2024-1", "第一季度"]
    jump = [["county", "AIR_A", year, value, MARCH, None] for year, value in (("2023", 100), ("2024", 140))]
    said = {
        "the same value": told("readings", READINGS, [*first, "100.000", "2025-02-20", None]),
        "another value": told("readings", READINGS, [*first, 101, MARCH, None]),
        "a jump": told("readings", READINGS, *jump),
        "a jump with its reason": told("readings", READINGS, jump[0], [*jump[1][:-1], "新增产能"]),
        "a first quarter": told("readings", READINGS, jump[0], ["county", "AIR_A", "2024-Q1", 131, MARCH, None]),
        "an edited row of an old export": told("readings", VERSIONS, edited),
        "without its number": told("readings", VERSIONS, [None, *edited[1:]]),
        "after the newest version": told("readings", VERSIONS, [None, 2, *edited[2:]]),
        "after a version that is not there": told("readings", VERSIONS, [None, 3, *edited[2:]]),
        "a value that was corrected": told("readings", READINGS, again),
        "back to it on purpose": told("readings", [*READINGS, "version"], [*again, 2]),
        "every version of an export": told("readings", VERSIONS[:6], *kept),
        "one of them edited": told("readings", VERSIONS[:6], kept[0], [*kept[1][:-1], 102]),
        "a version is not moved": told("readings", ["id", "period"], [world.value.pk, "2023"]),
        "a note is added": told("readings", ["id", "note_en"], [world.value.pk, "checked"]),
        "periods": {
            period: told("readings", READINGS, ["county", "AIR_A", period, 1, MARCH, None]) for period in periods
        },
        "a period that had not ended": told("readings", READINGS, ["county", "AIR_A", "2024", 1, "2024-12-01", None]),
        "accepted without a day": told("readings", STATES, [*jump[0], "accepted", None]),
        "accepted before the report": told("readings", STATES, [*jump[0], "accepted", "2025-02-01"]),
        "percent and scales": told(
            "readings",
            READINGS,
            ["jia", "SHARE", "2024", SheetCell(0.655, percent=True), MARCH, None],
            ["county", "AIR_A", "2024", "65%", MARCH, None],
            ["county", "AIR_A", "2023", "1.2万", MARCH, None],
        ),
        "two rows about one value": told("readings", READINGS, jump[0], [*jump[0][:3], 2, MARCH, None]),
        "other units": [
            told("readings", UNITS, ["county", "AIR_A", "2024", value, unit, MARCH, None])
            for value, unit in ((11000, "kg"), ("11,000公斤", None), ("1.1万吨", "吨"), (1.1, "万吨"))
        ],
    }  # fmt: skip
    assert_snapshot("import-readings", said)
    describe = KINDS["readings"].describe
    assert "version 2, after 100" in describe(dry_run_of("readings", READINGS, [*first, 101, MARCH, None]).rows[0])


def test_parks_before_the_city_they_lie_in(world: SimpleNamespace) -> None:
    make.industry(slug="steel", name_zh="钢铁")
    make.industry(slug="cement", name_zh="水泥")
    run_import(
        "pilots",
        PILOTS,
        [None, "己市高新区", "park", "first", "jia", "己市", "钢铁、水泥"],
        [None, "己市", "city", "first", "jia", None, None],
    )
    park = Pilot.objects.get(name_zh="己市高新区")
    assert (park.slug, park.parent.slug) == ("ji-shi-gao-xin-qu", "ji-shi")
    assert sorted(industry.slug for industry in park.industries.all()) == ["cement", "steel"]


def test_a_plan_is_fulfilled(world: SimpleNamespace) -> None:
    """The day for which it was planned stays, unless the row gives another."""
    run_import("stages", STAGES, ["planned", "listed", None, "2024-01-15", None])
    found = StageEntry.objects.filter(pilot__slug="planned").values_list("planned_on", "entered_on")
    assert list(found) == [(date(2024, 1, 1), date(2024, 1, 15))]


# -- targets ---------------------------------------------------------------------------------------------


def test_steps_are_created_changed_and_removed(world: SimpleNamespace) -> None:
    base = ["jia", "AIR_A", "reach", 2023, 100, 2026, 60]
    targets = Target.objects.filter(pilot=world.jia)
    run_import("targets", TARGETS, [*base, "2024: 90；2025：80"])
    plan = dry_run_of("targets", TARGETS, [*base, "2024: 85"])
    assert [(c.label, c.old, c.new) for c in plan.rows[0].changes] == [("Steps", "2024: 90, 2025: 80", "2024: 85")]
    run_import("targets", TARGETS, [*base, "2024: 85吨"])
    run_import("targets", TARGETS[:-1], base)
    assert dict(targets.get().yearly_steps) == {2024: D(85)}
    run_import("targets", TARGETS, [*base, None])
    told = Target.history.filter(pilot=world.jia).order_by("history_id").values_list("history_type", "steps")
    assert list(told) == [("+", {"2024": "90", "2025": "80"}), ("~", {"2024": "85"}), ("~", {})]


@pytest.mark.parametrize("value", ["65%", SheetCell(0.65, percent=True), 65])
def test_a_share_is_stored_in_percent(world: SimpleNamespace, value: Any) -> None:
    plan = dry_run_of("targets", TARGETS, ["jia", "SHARE", "reach", 2023, value, 2026, "70%", None])
    assert (plan.rows[0].record.base_value, plan.rows[0].record.target_value) == (D(65), D(70))
    plan = dry_run_of("readings", READINGS, ["jia", "SHARE", "2024", value, MARCH, None])
    assert plan.rows[0].record.value == D(65)


# -- readings --------------------------------------------------------------------------------------------


def test_another_value_is_the_next_version(world: SimpleNamespace) -> None:
    """The old one stays as it was; a version that is gone gives its number to no other."""
    world.new.delete()
    run_import("readings", READINGS, *[[slug, "AIR_A", "2024", "102", "2025-03-01", None] for slug in ("jia", "order")])
    found = Reading.objects.order_by("pilot", "version").values_list("pilot__slug", "version", "value", "state")
    assert list(found) == [
        ("jia", 1, D(100), "accepted"),
        ("jia", 2, D(102), "reported"),
        ("order", 1, D(100), "accepted"),
        ("order", 3, D(102), "reported"),
    ]
    assert Reading.objects.filter(pk=world.value.pk, version=1).exists()


def test_accepting_and_disputing_take_a_right_and_repeating_none(world: SimpleNamespace) -> None:
    """Who may only enter readings changes nothing of an accepted one."""
    reporter = User.objects.create(username="li")
    reporter.user_permissions.set(Permission.objects.filter(codename__in=("add_reading", "change_reading")))
    accepted, value = ["county", "AIR_A", "2024", 1, MARCH, None, "accepted", "2025-04-01"], world.value
    assert told("readings", STATES, accepted, by=reporter) == [
        "G2 not_yours: Your role may not change this: ask the ministry.",
        "H2 not_yours: Your role may not change this: ask the ministry.",
    ]
    assert told("readings", STATES, [*accepted[:-2], "reported", None], by=reporter) == ["row 2: create"]
    heads = ["id", "state", "accepted_on", "note_en"]
    same = [value.pk, "accepted", value.accepted_on, value.note]
    assert told("readings", heads, same, by=reporter) == ["row 2: unchanged"]
    (refused,) = told("readings", heads, [*same[:-1], "n"], by=reporter)
    assert refused.startswith("D2 not_yours")
    (refused,) = told("readings", heads, [value.pk, "disputed", *same[2:]], by=reporter)
    assert refused.startswith("B2 not_yours")
    reporter.user_permissions.add(Permission.objects.get(codename="accept_reading"))
    assert told("readings", STATES, accepted, by=User.objects.get()) == ["row 2: create"]
    assert told("readings", STATES, accepted) == ["row 2: create"]  # the command line may


def test_the_next_version_of_an_accepted_value_counts_from_today(world: SimpleNamespace) -> None:
    """The day of acceptance in an exported row is that of the old value: the past is not rewritten."""
    heads, old = ["id", "pilot", "indicator", "period", "value", "reported_on", "state", "accepted_on"], world.value
    row = [old.pk, "jia", "AIR_A", "2024", 101, old.reported_on, "accepted", old.accepted_on]
    assert dry_run_of("readings", heads, row).rows[0].record.accepted_on == today()
    row[-1] = date(2025, 5, 5)
    assert dry_run_of("readings", heads, row).rows[0].record.accepted_on == date(2025, 5, 5)


def test_an_accepted_value_without_a_day_counts_from_today(world: SimpleNamespace) -> None:
    """As the API and the admin fill it in; one that is accepted already keeps its day."""
    heads = ["pilot", "indicator", "period", "value", "reported_on", "state"]
    for more in ([], ["accepted_on"]):
        for period, day in (("2023", today()), ("2024", world.value.accepted_on)):
            row = [
                "jia",
                "AIR_A",
                period,
                world.value.value,
                world.value.reported_on,
                "accepted",
                *(None for _ in more),
            ]
            plan = dry_run_of("readings", [*heads, *more], row)
            assert (plan.errors, plan.rows[0].record.accepted_on) == ([], day)


@pytest.mark.parametrize(
    ("written", "period"),
    [
        *(
            (text, "2025-Q3")
            for text in ("2025-Q3", "2025Q3", "2025 q3", "２０２５Ｑ３", "2025年第三季度", "2025年三季度")
        ),
        *((text, "2025-Q3") for text in ("2025年3季度", "2025年第3季度", "2025 年 第三季度", "2025三季度")),
        *((text, "2024") for text in ("2024", 2024, "2024年", "2024年度")),
    ],
)
def test_a_period_is_read_as_reports_write_it(world: SimpleNamespace, written: object, period: str) -> None:
    plan = dry_run_of("readings", READINGS, ["county", "AIR_A", written, 101, "2026-02-01", None])
    assert (plan.errors, plan.rows[0].record.period) == ([], period)


@pytest.mark.parametrize(
    "written", ["third quarter", "2025年第五季度", "2025-Q5", "20253", "2025上半年", "第三季度", "2025-Q3季度"]
)
def test_a_period_that_cannot_be_read_says_how_to_write_it(world: SimpleNamespace, written: str) -> None:
    assert told("readings", READINGS, ["county", "AIR_A", written, 101, "2026-02-01", None]) == [
        "C2 period: Write the period as 2025 or 2025-Q3."
    ]


def test_headings_in_chinese_and_names_in_two_languages(world: SimpleNamespace) -> None:
    source = make.source(title="甲市年报，第一册")
    heads = ["数据性质", "试点", "指标", "统计期", "数值", "报送日期", "来源"]
    row = ["初步核算数", "乙县", "A Emissions", "2024-Q4", "１２，３４５．６", "2025年2月1日", source.title]
    with translation.override("zh-hans"):
        words = dict(Reading._meta.get_field("value_status").flatchoices)
        row[0] = str(words["preliminary"])
    run_import("readings", heads, row)
    reading = Reading.objects.get(pilot=world.county)
    assert (reading.value, reading.value_status, reading.reported_on) == (D("12345.6"), "preliminary", date(2025, 2, 1))
    assert list(reading.sources.all()) == [source]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_files_name_an_indicator_with_its_unit(world: SimpleNamespace, language: str) -> None:
    """The name reads back with the unit and without it."""
    indicator = make.indicator("CO2", name_zh="碳排放", name_en="Carbon", unit="10⁴ t", unit_zh="万吨")
    reading = make.reading(world.jia, indicator, "2024", 12)
    with translation.override(language):
        names = RecordLookup().index(Indicator)
        assert names.name_for(indicator) == {"en": "Carbon (10⁴ t)", "zh-hans": "碳排放（万吨）"}[language]
        texts = ("Carbon (10⁴ t)", "碳排放（万吨）", "碳排放(万吨)", "Carbon")
        assert [names.find(text) for text in texts] == [indicator] * 4
        column = KINDS["readings"].column("unit")
        assert column is not None
        assert column.export(reading, RecordLookup()) == {"en": "10⁴ t", "zh-hans": "万吨"}[language]
