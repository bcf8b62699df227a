"""Importers of pilots, stages, milestones, targets and readings: rules beyond one cell."""

import csv
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import translation

from core.days import today
from core.imports.columns import RecordLookup
from core.imports.importer import KINDS
from core.imports.models import Import
from core.records.writing import Conflict
from core.spreadsheets.cells import SheetCell
from pilots.models import Amendment, Batch, Completion, FollowUp, Indicator, Milestone, Pilot, Reading, Target
from tests import factories as make
from tests.support.api_client import make_user
from tests.support.imports import actions_of, dry_run_of, run_import
from tests.support.sign_in import client_of
from tests.support.snapshots import assert_snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
D = Decimal
PILOTS = ["slug", "name_zh", "kind", "batch", "province", "parent", "industries"]
STAGES = ["pilot", "stage", "entered_on", "reason_en"]
MILESTONES = ["pilot", "title_zh", "title_en", "facet", "planned_on"]
TARGETS = ["pilot", "indicator", "kind", "base_year", "base_value", "target_year", "target_value", "steps"]
READINGS = ["pilot", "indicator", "period", "value", "reported_on", "note_en"]
STATES = [*READINGS, "state", "accepted_on"]
DONE = ["id", "completed_on", "evidence"]
UNITS = ["pilot", "indicator", "period", "value", "unit", "reported_on", "note_en"]
VERSIONS = ["id", "version", *READINGS]
MARCH = date(2025, 3, 1)


@pytest.fixture
def world() -> SimpleNamespace:
    """Pilots with stages in order and out of order; a target with a step; values with one and two versions."""
    first, province = make.batch(slug="first"), make.province(slug="jia")
    make.batch(slug="second")
    jia, county, order, skipped = (
        make.pilot(first, province, slug=slug, name_zh=name, kind=kind)
        for slug, name, kind in (
            ("jia", "甲市", "city"), ("county", "乙县", "county"), ("order", "丙市", "city"),
            ("skipped", "丁市", "city"),
        )
    )  # fmt: skip
    for pilot in (jia, order, skipped):
        make.stage(pilot, "listed", date(2024, 1, 15))
    make.stage(order, "tasked", date(2024, 3, 1))
    make.stage(skipped, "plan_draft", date(2024, 3, 1))  # as an older file may have it
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
    listed, tasked = ["order", "listed", "2024-01-15", None], ["order", "tasked", "2024-03-01", None]
    back, draft = ["order", "reviewed", "2024-02-01", None], ["jia", "plan_draft", "2024-06-01"]
    issued, no_day = ["skipped", "plan_issued", "2024-06-01", None], ["jia", "tasked", "2024-02-30", None]
    said = {
        "a parent that is no city": told("pilots", PILOTS, park),
        "it is going to be one": told("pilots", PILOTS, park, ["county", "乙县", "city", "first", "jia", None, None]),
        "by batch and name": told(
            "pilots", PILOTS[1:5], ["甲市", "city", "first", "jia"], ["甲市", "city", "second", "jia"]
        ),
        "another code under the same name": told("pilots", PILOTS[:5], ["q", "甲市", "city", "first", "jia"]),
        "stages in any order": told("stages", STAGES, [*draft, None], ["jia", "tasked", "2024-03-01", None]),
        "a stage skipped": told("stages", STAGES, [*draft, None]),
        "a stage skipped with a reason": told("stages", STAGES, [*draft, "not published"]),
        "what is on record breaks, beside equal rows": told("stages", STAGES, listed, tasked, back),
        "what is on record breaks, with one of them": told("stages", STAGES, listed, back),
        "what is on record breaks, alone": told("stages", STAGES, back),
        "what was wrong before is not this file's error": told("stages", STAGES, issued),
        "but its own is": told("stages", STAGES, issued, ["skipped", "midterm", "2024-09-01", None]),
        "an order that is not known": told("stages", STAGES, no_day, [*draft, None]),
        "the result of an evaluation": told("stages", [*STAGES, "result"], [*issued, "passed"]),
        "a day ahead": told("stages", STAGES, ["order", "plan_draft", "2999-01-01", None]),
        "no day": told("stages", STAGES, ["jia", "reviewed", None, None]),
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
        "a completion": told("milestones", DONE, [built, "2025-01-01", "验收报告"]),
        "one without evidence": told("milestones", DONE[:2], [built, "2025-01-01"]),
        "evidence without a day": told("milestones", DONE, [built, None, "验收报告"]),
        "a completion to come": told("milestones", DONE, [built, "2999-01-01", "验收报告"]),
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
        "accepted before the report": told("readings", STATES, [*jump[0], None, "2025-02-01"]),
        "another state": told("readings", ["id", "state"], [world.value.pk, "disputed"]),
        "the state that it has": told("readings", ["id", "state"], [world.value.pk, "accepted"]),
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


# -- milestones ------------------------------------------------------------------------------------------


@pytest.fixture
def editor(world: SimpleNamespace) -> User:
    return make_user("editor", "provincial_editor", world.jia.province)


@pytest.fixture
def boss() -> User:
    return make_user("boss", "national_editor")


@pytest.fixture
def key(world: SimpleNamespace) -> Milestone:
    """A key milestone that was promised long ago, planned for 1 March 2027."""
    key = make.milestone(world.jia, date(2027, 3, 1), title_zh="关停", is_key=True)
    Milestone.history.filter(id=key.pk).update(history_date=datetime(2025, 1, 1, tzinfo=UTC))
    return key


def changes_told(kind: str, *rows: list[Any], by: User | None) -> list[tuple[str, str, str]]:
    plan = dry_run_of(kind, *rows, by=by)
    assert plan.errors == []
    return [(change.label, change.old, change.new) for row in plan.rows for change in row.changes]


def test_another_planned_day_is_asked_of_the_ministry_or_decided_by_it(
    key: Milestone, editor: User, boss: User
) -> None:
    """Files hold the day in force: an export says nothing new, and the column keeps what was promised first."""
    heads, row = ["id", "planned_on"], [key.pk, "2027-06-01"]
    asked = [("Planned on", "1 March 2027", "1 June 2027, asked of the ministry")]
    assert changes_told("milestones", heads, row, by=editor) == asked
    with pytest.raises(Conflict, match="Row 2: Say in the reason for change why another day is asked for"):
        run_import("milestones", heads, row, by=editor)
    run_import("milestones", heads, row, by=editor, reason="Supplier is late")
    assert told("milestones", heads, row, by=editor) == ["row 2: update"]
    assert changes_told("milestones", heads, row, by=boss) == [("Planned on", "1 March 2027", "1 June 2027")]
    run_import("milestones", heads, [key.pk, "2027-05-01"], by=boss, reason="Checked on site")
    found = Amendment.objects.values_list("day", "accepted", "reason_en", "asked_by__username", "decided_on")
    assert list(found) == [(date(2027, 5, 1), True, "Checked on site", "boss", today())]
    key.refresh_from_db()
    assert (key.planned_on, key.planned_today) == (date(2027, 3, 1), date(2027, 5, 1))
    column = KINDS["milestones"].column("planned_on")
    assert column is not None
    assert column.export(key, RecordLookup()) == date(2027, 5, 1)
    same = ["jia", "关停", None, "management", "2027-05-01"]
    assert told("milestones", MILESTONES, [*same[:2], key.title_en, *same[3:]], by=editor) == ["row 2: unchanged"]
    (refused,) = told("milestones", heads, [key.pk, "2026-01-01"], by=boss)
    assert refused.startswith("B2 fixed: No day before the decision")


def test_a_completion_is_entered_with_its_evidence(world: SimpleNamespace, editor: User, boss: User) -> None:
    """What is on record already changes nothing; another day is another completion, and none is taken back."""
    built = world.built
    assert changes_told("milestones", DONE, [built.pk, "2025-01-01", "验收报告"], by=editor) == [
        ("Completed on", "no data", "1 January 2025"),
        ("Evidence", "no data", "验收报告"),
    ]
    run_import("milestones", DONE, [built.pk, "2025-01-01", "验收报告"], by=editor)
    assert told("milestones", DONE, [built.pk, "2025-01-01", "验收报告"], by=boss) == ["row 2: unchanged"]
    assert told("milestones", DONE, [built.pk, None, None], by=boss) == [
        "B2 fixed: A completion has a day, and stays on record. Write it, or ask the ministry to object to it."
    ]
    run_import("milestones", DONE, [built.pk, "2025-01-03", "验收报告"], by=boss)
    found = Completion.objects.values_list("completed_on", "evidence", "entered_by__username", "entered_on")
    assert list(found) == [
        (date(2025, 1, 1), "验收报告", "editor", today()),
        (date(2025, 1, 3), "验收报告", "boss", today()),
    ]
    new = ["jia", "投产", "project", "2025-06-01", "2025-05-01", "公告"]
    heads = ["pilot", "title_zh", "facet", "planned_on", "completed_on", "evidence"]
    run_import("milestones", heads, new, by=editor)
    assert Completion.objects.get(milestone__title_zh="投产").evidence == "公告"
    staged = make.milestone(world.jia, date(2026, 1, 1), stage="midterm")
    assert told("milestones", DONE, [staged.pk, "2025-01-01", "公告"], by=boss) == [
        "2 fixed: It is completed when the pilot enters the stage: enter that instead."
    ]


def test_an_edited_export_asks_for_another_day_and_enters_a_completion(
    world: SimpleNamespace, key: Milestone, editor: User, boss: User
) -> None:
    """Through the pages: exported, edited, uploaded, looked at, and confirmed with a reason."""
    client, day = client_of(editor), str(today() + timedelta(200))
    book = b"".join(client.get(reverse("import-export", args=["milestones", "csv"])))  # type: ignore[arg-type]
    lines = list(csv.reader(StringIO(book.decode("utf-8-sig"))))
    heads, asked = lines[0], next(line for line in lines if "关停" in line)
    done = next(line for line in lines if "建成" in line)
    assert [asked[heads.index(name)] for name in ("Planned on", "Completed on", "Evidence")] == ["2027-03-01", "", ""]
    asked[heads.index("Planned on")] = day
    done[heads.index("Completed on")], done[heads.index("Evidence")] = "2025-01-01", "验收报告"
    text = StringIO()
    csv.writer(text).writerows(lines)
    file = SimpleUploadedFile("milestones.csv", text.getvalue().encode())
    answer = client.post(reverse("import-list"), {"kind": "milestones", "file": file})
    page = client.get(answer["Location"]).text
    assert "asked of the ministry" in page
    confirmed = client.post(reverse("import-confirm", args=[Import.objects.get().pk]), {"reason": "Supplier is late"})
    assert confirmed.status_code == 302
    assert Amendment.objects.values_list("milestone", "day", "accepted", "reason_en").get() == (
        key.pk,
        date.fromisoformat(day),
        None,
        "Supplier is late",
    )
    assert Completion.objects.values_list("milestone", "completed_on", "evidence").get() == (
        world.built.pk,
        date(2025, 1, 1),
        "验收报告",
    )
    undone = client_of(boss).post(reverse("import-undo", args=[Import.objects.get().pk]))
    assert (undone.status_code, Amendment.objects.count(), Completion.objects.count()) == (302, 0, 0)


def test_what_a_province_enters_as_key_or_binding_waits(world: SimpleNamespace, editor: User, boss: User) -> None:
    heads = [*MILESTONES, "is_key"]
    row = ["jia", "关停", None, "project", "2027-06-01", "yes"]
    target = ["jia", "AIR_A", "reach", 2023, 100, 2026, 60, None]
    run_import("milestones", heads, row, by=editor)
    run_import("milestones", heads, [*row[:1], "投产", *row[2:-1], "no"], by=editor)
    run_import("targets", [*TARGETS, "binding"], [*target, "yes"], by=editor)
    run_import("targets", [*TARGETS, "binding"], [*target[:5], 2027, 50, None, "yes"], by=boss)
    promised = [*Milestone.objects.exclude(pk=world.built.pk), *Target.objects.filter(pilot=world.jia)]
    assert [record.promised_on for record in promised] == [None, today(), None, today()]


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


def test_targets_are_told_by_kind_and_year_and_compared_with_what_is_in_force(
    world: SimpleNamespace, boss: User
) -> None:
    """A second year is a second target; after the day of entry another value is an error that says what to do."""
    target = world.target
    Target.history.filter(id=target.pk).update(history_date=datetime(2025, 1, 1, tzinfo=UTC))
    make.amendment(target, value=D(70), accepted=True, decided_on=date(2026, 2, 1))
    in_force = ["order", "AIR_A", "reach", 2023, 100, 2026, 70, None]
    assert told("targets", TARGETS, in_force, by=boss) == ["row 2: unchanged"]
    columns = {name: KINDS["targets"].columns_by_name[name] for name in ("target_value", "steps")}
    assert {name: column.export(target, RecordLookup()) for name, column in columns.items()} == {
        "target_value": D(70),
        "steps": None,
    }
    remedy = "This was promised, and stays on record. Ask for an amendment instead, with the reason."
    assert told("targets", TARGETS, [*in_force[:6], 60, None], by=boss) == [f"G2 fixed: {remedy}"]
    assert told("targets", ["id", "target_year"], [target.pk, 2027], by=boss) == [f"B2 invalid: {remedy}"]
    run_import("targets", TARGETS, [*in_force[:5], 2030, None, None], by=boss)
    run_import("targets", TARGETS, [*in_force[:2], "limit", None, None, 2026, 90, None], by=boss)
    found = Target.objects.filter(pilot__slug="order").order_by("pk").values_list("kind", "target_year", "target_value")
    assert list(found) == [("reach", 2026, D(60)), ("reach", 2030, None), ("limit", 2026, D(90))]
    (refused,) = told("targets", [TARGETS[0], TARGETS[1], "target_year", "note_en"], ["order", "AIR_A", 2026, "x"])
    assert "ambiguous" in refused


def test_the_target_that_caused_a_follow_up_is_written_by_indicator_and_year(
    world: SimpleNamespace, boss: User
) -> None:
    heads = ["title_zh", "pilot", "cause", "cause_target", "opened_on", "due_on", "owner_agency"]
    agency, number = make.agency(), world.target.pk
    row = ["整改", "order", "indicator", None, "2026-06-01", "2026-07-01", agency.slug]
    for text in ("AIR_A 2026", "A emissions 2026", "AIR_A", f"#{number}"):
        plan = dry_run_of("follow-ups", heads, [*row[:3], text, *row[4:]], by=boss)
        assert (plan.errors, plan.rows[0].record.cause_target_id) == ([], number), text
    for text in ("AIR_A 2027", "AIR_A 26"):
        assert told("follow-ups", heads, [*row[:3], text, *row[4:]], by=boss)[0] == (
            "D2 unknown_record: The pilot has 0 such targets. Write the record number, such as #12."
        )
    run_import("follow-ups", heads, [*row[:3], "AIR_A 2026", *row[4:]], by=boss)
    column, record = KINDS["follow-ups"].columns_by_name["cause_target"], FollowUp.objects.get()
    assert column.export(record, RecordLookup()) == "A emissions (t) 2026"
    make.target(world.target.pilot, world.target.indicator, 100, 60, kind="limit")
    assert column.export(record, RecordLookup()) == f"#{number}"


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
    found = Reading.objects.order_by("pilot", "version")
    assert [(item.pilot.slug, item.version, item.value, item.state) for item in found] == [
        ("jia", 1, D(100), "accepted"),
        ("jia", 2, D(102), "reported"),
        ("order", 1, D(100), "accepted"),
        ("order", 3, D(102), "reported"),
    ]
    assert Reading.objects.filter(pk=world.value.pk, version=1).exists()


def test_a_day_of_acceptance_is_the_ministrys_and_of_old_records_alone(world: SimpleNamespace) -> None:
    """With a reason; who may only enter readings changes nothing of an accepted one, and repeats it freely."""
    reporter, boss = make_user("li", "provincial_editor", world.jia.province), make_user("boss", "national_editor")
    accepted, value = ["jia", "AIR_A", "2023", 100, MARCH, None, None, "2025-04-01"], world.value
    assert told("readings", STATES, accepted, by=reporter) == [
        "H2 not_yours: The ministry accepts, returns and disputes."
    ]
    assert told("readings", STATES, [*accepted[:-1], None], by=reporter) == ["row 2: create"]
    heads = ["id", "state", "accepted_on", "note_en"]
    same = [value.pk, "accepted", value.accepted_on, value.note]
    assert told("readings", heads, same, by=reporter) == ["row 2: unchanged"]
    (refused,) = told("readings", heads, [*same[:-1], "n"], by=reporter)
    assert refused.startswith("D2 not_yours")
    with pytest.raises(Conflict, match="Row 2: Say by which record it was accepted on that day"):
        run_import("readings", STATES, accepted, by=boss)
    run_import("readings", STATES, accepted, by=boss, reason="Yearbook 2024")
    assert Reading.objects.get(period="2023").accepted_on == date(2025, 4, 1)
    Batch.objects.update(asked_from=2023)
    assert told("readings", STATES, [*accepted[:2], "2022", *accepted[3:]], by=boss) == ["row 2: create"]
    told_of = told("readings", STATES, [*accepted[:2], "2024", 101, *accepted[4:]], by=boss)
    assert told_of == [
        "H2 invalid: Set when it is accepted, returned or disputed. Only old records are entered with a day."
    ]


def test_the_next_version_of_an_accepted_value_waits(world: SimpleNamespace) -> None:
    """The day and state in an exported row are those of the old value: the past is not rewritten."""
    heads, old = ["id", "pilot", "indicator", "period", "value", "reported_on", "state", "accepted_on"], world.value
    run_import("readings", heads, [old.pk, "jia", "AIR_A", "2024", 101, old.reported_on, "accepted", old.accepted_on])
    new = Reading.objects.get(version=2, pilot=world.jia)
    assert (new.value, new.state, new.accepted_on) == (D(101), "reported", None)


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
