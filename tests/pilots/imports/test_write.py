"""Confirmation and undo: all of it or nothing, once, told of in the histories, and exact."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection

from config.bulk import write_entries
from pilots.imports import KINDS
from pilots.models import Milestone, Pilot, Reading, StageEntry, Target, TargetStep
from policies.imports import write
from policies.imports.files import keep, keep_again, plan_again, read_plan
from policies.imports.plan import finish
from policies.imports.write import Overtaken, confirm, undo
from policies.models import Agency, Import, ImportChange, ImportFile, ImportState, Policy, ProvincialPlan
from tests.factories import (
    make_batch,
    make_indicator,
    make_industry,
    make_milestone,
    make_pilot,
    make_plan,
    make_policy,
    make_province,
    make_reading,
    make_source,
    make_stage,
    make_target,
)
from tests.imports import checked, confirmed, csv_of, histories, imported, tables, undone

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
DAY = "2022-06-17"


@pytest.fixture
def world() -> dict[str, Any]:
    """Two records of every kind, with lists, to be changed by imports."""
    province, other = make_province(slug="jia"), make_province(slug="yi")
    steel, cement = make_industry(slug="steel"), make_industry(slug="cement")
    sources = [make_source(title=f"源{n}") for n in range(3)]
    agencies = [Agency.objects.create(slug=f"agency-{n}", name_zh=f"部{n}") for n in range(2)]
    policy = make_policy(slug="policy", title_zh="国策", issued_on=date(2022, 6, 17))
    policy.agencies.set(agencies)
    plan = make_plan(policy, province)
    pilot = make_pilot(make_batch(slug="first"), province, steel, cement, slug="p", name_zh="甲市")
    indicator = make_indicator("AIR_A")
    target = make_target(pilot, indicator, 100, 60)
    for year in (2024, 2025):
        TargetStep.objects.create(target=target, year=year, value=Decimal(90))
    stage = make_stage(pilot, "listed", date(2024, 1, 15))
    planned = make_stage(pilot, "tasked", None, planned_on=date(2024, 3, 1))
    milestone = make_milestone(pilot, date(2025, 1, 1), title_zh="建成")
    reading = make_reading(pilot, indicator, "2023", 100)
    for record in (policy, plan, pilot, target, stage, planned, milestone, reading):
        record.sources.set(sources)
    return {
        "other": other, "policy": policy, "plan": plan, "pilot": pilot, "target": target, "stage": stage,
        "planned": planned, "milestone": milestone, "reading": reading, "indicator": indicator,
    }  # fmt: skip


FILES: dict[str, tuple[list[Any], ...]] = {
    "policies": (
        ["slug", "title_zh", "parent", "issued_on", "agencies", "sources", "note"],
        ["policy", "国策改", None, "2022-06-18", "agency-1", "源2；源0", "'=1+1"],
        ["new", "新", "newer", DAY, "agency-0、agency-1", "源1", None],
        ["newer", "更新", None, DAY, None, None, "说明"],
    ),
    "plans": (
        ["policy", "province", "status", "title_zh", "issued_on", "sources"],
        ["policy", "jia", "issued", "改名", "2022-12", "源1"],
        ["policy", "yi", "unknown", None, None, "源0"],
    ),
    "pilots": (
        ["slug", "name_zh", "kind", "batch", "province", "parent", "industries", "sources"],
        ["p", "甲市改", "city", "first", "jia", None, "cement", None],
        ["q", "高新区", "park", "first", "jia", "r", "steel；cement", "源0"],
        ["r", "乙市", "city", "first", "jia", None, None, "源1"],
    ),
    "stages": (
        ["pilot", "stage", "planned_on", "entered_on", "evidence", "sources"],
        ["p", "listed", None, "2024-01-15", "公告", "源0"],
        ["p", "tasked", None, "2024-03-02", None, None],
        ["p", "plan_draft", "2024-05-01", None, None, "源1、源2"],
    ),
    "milestones": (
        ["pilot", "title_zh", "facet", "planned_on", "completed_on", "weight", "sources"],
        ["p", "建成", "project", "2025-01-01", "2025-02-01", 3, "源0"],
        ["p", "投产", "project", "2025-06-01", None, None, None],
    ),
    "targets": (
        ["pilot", "indicator", "kind", "base_year", "base_value", "target_year", "target_value", "steps", "sources"],
        ["p", "AIR_A", "reach", 2023, 100, 2027, 50, "2025: 85; 2026: 70", "源0"],
        ["p", "AIR_B", "reach", 2023, 10, 2026, 5, "2024: 9", "源1"],
    ),
    "readings": (
        ["pilot", "indicator", "period", "value", "version", "reported_on", "note", "sources"],
        ["p", "AIR_A", "2023", 101, 1, "2024-03-01", "更正", "源0"],
        ["p", "AIR_A", "2024", 99, None, "2025-03-01", None, "源1；源2"],
        ["p", "AIR_B", "2024", 9, None, "2025-03-01", None, None],
    ),
}
WRITES = {
    "policies": [("policies.policy", "create")] * 2 + [("policies.policy", "update")],
    "plans": [("policies.provincialplan", "create"), ("policies.provincialplan", "update")],
    "pilots": [("pilots.pilot", "create")] * 2 + [("pilots.pilot", "update")],
    "stages": [("pilots.stageentry", "create")] + [("pilots.stageentry", "update")] * 2,
    "milestones": [("pilots.milestone", "create"), ("pilots.milestone", "update")],
    "targets": [
        ("pilots.target", "create"),
        ("pilots.target", "update"),
        ("pilots.targetstep", "create"),
        ("pilots.targetstep", "create"),
        ("pilots.targetstep", "delete"),
        ("pilots.targetstep", "update"),
    ],
    "readings": [("pilots.reading", "create")] * 3,
}
EVERY_KIND = pytest.mark.parametrize("kind", list(FILES))


def ready(kind: str, by: Any = None) -> Import:
    if kind in {"targets", "readings"}:
        make_indicator("AIR_B")
    return checked(kind, *FILES[kind], by=by)


def written(record: Import) -> list[tuple[str, str]]:
    return sorted(record.changes.values_list("model", "action"))


# -- confirming ------------------------------------------------------------------------------------------


@EVERY_KIND
def test_what_is_written(world: dict[str, Any], kind: str) -> None:
    """One entry for each record written, by whom and why, and a change of the import that leads to it."""
    user = User.objects.create(username="li", is_superuser=True)
    record = ready(kind, user)
    before = histories()
    confirmed(record, by=user, reason="年报")
    assert written(record) == sorted(WRITES[kind])
    new = {name: count - before.get(name, 0) for name, count in histories().items() if count != before.get(name)}
    assert sum(new.values()) == len(WRITES[kind])
    signs = {"create": "+", "update": "~", "delete": "-"}
    for change in record.changes.all():
        model = next(m for m in (Policy, ProvincialPlan, Pilot, StageEntry, Milestone, Target, TargetStep, Reading)
                     if m._meta.label_lower == change.model)  # fmt: skip
        entry = model.history.get(history_id=change.entry_id)
        assert (entry.id, entry.history_type) == (change.record_id, signs[change.action])
        assert (entry.history_user, entry.history_change_reason) == (user, "年报")
        assert (change.before is None) == (change.action == "create")
        current = model.objects.filter(pk=change.record_id).first()
        assert (current is None) == (change.action == "delete")
        if current is not None:
            assert all(getattr(entry, f.attname) == getattr(current, f.attname) for f in model._meta.concrete_fields)
            for field in entry._history_m2m_fields:
                kept = {getattr(row, field.m2m_reverse_name()) for row in getattr(entry, field.name).all()}
                assert kept == set(getattr(current, field.name).values_list("pk", flat=True))


def test_values_as_they_stand_in_the_file(world: dict[str, Any]) -> None:
    confirmed(ready("policies"))
    old, new = Policy.objects.get(slug="policy"), Policy.objects.get(slug="new")
    assert (old.title_zh, old.issued_on, old.known_issued_by, old.note) == (
        "国策改",
        date(2022, 6, 18),
        date(2022, 6, 18),
        "=1+1",
    )
    assert sorted(old.agencies.values_list("slug", flat=True)) == ["agency-1"]
    assert sorted(old.sources.values_list("title", flat=True)) == ["源0", "源2"]
    assert (new.parent.slug, new.issued_precision) == ("newer", "day")
    assert sorted(new.agencies.values_list("slug", flat=True)) == ["agency-0", "agency-1"]


def test_rows_of_a_list_that_stay_are_the_same_rows(world: dict[str, Any]) -> None:
    through = Pilot.industries.through
    kept = through.objects.get(pilot=world["pilot"], industry__slug="cement").pk
    confirmed(ready("pilots"))
    assert list(through.objects.filter(pilot=world["pilot"]).values_list("pk", flat=True)) == [kept]


def test_unchanged_rows_write_nothing(world: dict[str, Any]) -> None:
    record = checked("pilots", ["slug", "name_zh", "industries"], ["p", "甲市", "steel、cement"])
    before = tables(histories=True)
    done = confirmed(record)
    assert (done.state, done.created, done.updated, done.unchanged) == (ImportState.CONFIRMED, 0, 0, 1)
    assert (tables(histories=True), written(record)) == (before, [])


@EVERY_KIND
def test_twice_writes_once(world: dict[str, Any], kind: str) -> None:
    record = ready(kind)
    confirmed(record)
    after, changes = tables(histories=True), ImportChange.objects.count()
    again = confirmed(record)
    assert (again.state, again.pk) == (ImportState.CONFIRMED, record.pk)
    assert (tables(histories=True), ImportChange.objects.count()) == (after, changes)


@EVERY_KIND
def test_the_same_file_again_changes_nothing(world: dict[str, Any], kind: str) -> None:
    """What an import wrote reads back as unchanged. A reading that was followed has to be looked up first."""
    confirmed(ready(kind))
    rows = [list(row) for row in FILES[kind]]
    if kind == "readings":
        rows[1][4] = 2
    plan = finish(read_plan(KINDS[kind], "file.csv", csv_of(*rows), by=None))
    assert [fault.message for fault in plan.faults] == []
    assert {row.action for row in plan.rows} == {"unchanged"}


def test_faulty_imports_are_not_confirmed(world: dict[str, Any]) -> None:
    content = csv_of(["slug", "name_zh"], ["p", None])
    record = keep(finish(read_plan(KINDS["pilots"], "f.csv", content, by=None)), name="f.csv", content=content, by=None)
    before = tables(histories=True)
    with pytest.raises(Overtaken) as caught:
        confirmed(record)
    assert caught.value.what == ["This import is not ready to be confirmed: has errors."]
    assert tables(histories=True) == before


def test_a_file_that_is_no_longer_kept(world: dict[str, Any]) -> None:
    record = ready("pilots")
    ImportFile.objects.all().delete()
    with pytest.raises(Overtaken) as caught:
        confirmed(Import.objects.get(pk=record.pk))
    assert caught.value.what == ["The file is no longer kept. Upload it again."]


STEPS = [
    (write, "create_records"), (write, "update_record"), (write, "set_lists"), (write, "keep_changes"),
    (write, "write_entries"), (write, "delete_records"), (write, "hold_references"), (Import, "save"),
]  # fmt: skip


@EVERY_KIND
@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[name for _owner, name in STEPS])
@pytest.mark.parametrize("when", ["before", "after"])
def test_all_or_nothing(
    world: dict[str, Any], monkeypatch: pytest.MonkeyPatch, kind: str, owner: Any, name: str, when: str
) -> None:
    """Wherever it breaks, every table is as it was; afterwards it can be confirmed as if nothing had been."""
    record = ready(kind)
    before = tables(histories=True)
    real: Callable[..., Any] = getattr(owner, name)

    def broken(*args: Any, **kwargs: Any) -> Any:
        if when == "after":
            real(*args, **kwargs)
        raise RuntimeError(name)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, broken)
        if name == "update_record" and kind == "readings":
            assert not [action for _model, action in WRITES[kind] if action == "update"]
        else:
            with pytest.raises(RuntimeError, match=name):
                confirmed(record)
            assert tables(histories=True) == before
            assert ImportChange.objects.count() == 0
            assert Import.objects.get(pk=record.pk).state == ImportState.CHECKED
    confirmed(record)
    assert written(record) == sorted(WRITES[kind])


def test_a_reader_who_goes_away_leaves_nothing_half_done(world: dict[str, Any]) -> None:
    """The work is closed in the middle, after something was written."""
    record = ready("targets")
    before = tables(histories=True)
    work = confirm(record, lambda kept: plan_again(KINDS["targets"], kept, by=None), by=None)
    for _ in work:
        if Target.objects.filter(indicator__code="AIR_B").exists():
            break
    assert tables(histories=True) != before
    work.close()
    assert tables(histories=True) == before


def change_field(world: dict[str, Any]) -> None:
    world["pilot"].note = "by hand"
    world["pilot"].save()


def change_list(world: dict[str, Any]) -> None:
    world["pilot"].sources.clear()


def change_without_history(world: dict[str, Any]) -> None:
    Pilot.objects.filter(slug="p").update(note_en="by hand")


def delete_it(world: dict[str, Any]) -> None:
    for related in (world["target"], world["stage"], world["planned"], world["milestone"], world["reading"]):
        related.delete()
    world["pilot"].delete()


def enter_the_same(world: dict[str, Any]) -> None:
    make_pilot(world["pilot"].batch, world["pilot"].province, slug="q", name_zh="高新区")


@pytest.mark.parametrize(
    "happens", [change_field, change_list, change_without_history, delete_it, enter_the_same], ids=lambda f: f.__name__
)
def test_refused_when_a_record_changed_since(world: dict[str, Any], happens: Any) -> None:
    """Any field, a list alone, also what left no history; with nothing written."""
    record = ready("pilots")
    happens(world)
    before = tables(histories=True)
    with pytest.raises(Overtaken) as caught:
        confirmed(record)
    assert caught.value.what != []
    assert all(line.startswith("Row ") for line in caught.value.what)
    assert tables(histories=True) == before


def test_refused_with_who_and_when(world: dict[str, Any]) -> None:
    user = User.objects.create(username="wang")
    record = ready("pilots")
    world["pilot"]._history_user, world["pilot"].note = user, "by hand"
    world["pilot"].save()
    with pytest.raises(Overtaken) as caught:
        confirmed(record)
    (line,) = caught.value.what
    assert line.startswith("Row 2: “")
    assert " was changed by wang on " in line


def test_refused_without_blaming_whoever_changed_it_long_ago(world: dict[str, Any]) -> None:
    """What left no history has no author, least of all that of the entry before."""
    record = ready("pilots")
    change_without_history(world)
    with pytest.raises(Overtaken) as caught:
        confirmed(record)
    assert caught.value.what == ["Row 2: would do something else than the dry run showed."]


def test_refused_when_a_named_record_changed_hands(world: dict[str, Any]) -> None:
    """A name in the file leads to another record now."""
    record = ready("pilots")
    second = make_batch(slug="second")
    world["pilot"].batch.slug, second.slug = "third", "first"
    world["pilot"].batch.save()
    second.save()
    with pytest.raises(Overtaken):
        confirmed(record)


def test_a_code_taken_in_the_very_moment(world: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the last look and the writing the database decides."""
    record = ready("pilots")
    before = tables(histories=True)

    def late(*_args: Any) -> None:
        raise IntegrityError

    monkeypatch.setattr(write, "create_records", late)
    with pytest.raises(Overtaken, match="Somebody entered a record with the same code"):
        confirmed(record)
    assert tables(histories=True) == before


def test_checked_again_it_can_be_confirmed(world: dict[str, Any]) -> None:
    record = ready("pilots")
    change_field(world)
    with pytest.raises(Overtaken):
        confirmed(record)
    keep_again(record, finish(plan_again(KINDS["pilots"], record, by=None)))
    assert confirmed(record).state == ImportState.CONFIRMED


def test_the_import_is_told_of(world: dict[str, Any]) -> None:
    user = User.objects.create(username="li", is_superuser=True)
    record = ready("pilots", user)
    done = confirmed(record, by=user, reason="年报" * 200)
    assert (done.created, done.updated, done.unchanged, done.faults, done.rows_read) == (2, 1, 0, 0, 3)
    assert (done.confirmed_by, done.state, done.reason) == (user, ImportState.CONFIRMED, ("年报" * 200)[:300])
    entry = Pilot.history.get(history_id=record.changes.get(action="update").entry_id)
    assert entry.history_change_reason == "年报" * 200


# -- undoing ---------------------------------------------------------------------------------------------


@EVERY_KIND
def test_undo_is_exact(world: dict[str, Any], kind: str) -> None:
    """Every table, the keys of list rows and steps included; the histories tell of both ways."""
    record = ready(kind)
    before, entries = tables(), histories()
    confirmed(record)
    assert tables() != before
    user = User.objects.create(username="wang")
    before["auth_user"] = tables()["auth_user"]
    done = undone(record, by=user, reason="wrong file")
    assert tables() == before
    assert (done.state, done.undone_by, done.undo_reason) == (ImportState.UNDONE, user, "wrong file")
    new = sum(histories().values()) - sum(entries.values())
    assert new == 2 * len(WRITES[kind])


def test_undo_is_told_in_the_histories(world: dict[str, Any]) -> None:
    record = confirmed(ready("targets"))
    undone(record)
    told = Target.history.filter(
        history_id__gt=max(record.changes.filter(model="pilots.target").values_list("entry_id", flat=True))
    )
    assert list(told.order_by("history_id").values_list("history_type", "history_change_reason")) == [
        ("-", f"Import {record.pk} undone"),
        ("~", f"Import {record.pk} undone"),
    ]
    entry = told.get(history_type="~")
    assert (entry.target_year, entry.target_value, entry.sources.count()) == (2026, Decimal(60), 3)


@EVERY_KIND
def test_undo_twice_is_harmless(world: dict[str, Any], kind: str) -> None:
    record = confirmed(ready(kind))
    undone(record)
    after = tables(histories=True)
    assert undone(record).state == ImportState.UNDONE
    assert tables(histories=True) == after


@EVERY_KIND
def test_imported_again_after_undo(world: dict[str, Any], kind: str) -> None:
    """An undone import is not confirmed again; the same file is a new one."""
    record = confirmed(ready(kind))
    after = tables()
    undone(record)
    with pytest.raises(Overtaken):
        confirmed(record)
    again = confirmed(checked(kind, *FILES[kind]))
    assert written(again) == sorted(WRITES[kind])
    assert set(after) == set(tables())


def refused_undo(record: Import) -> list[str]:
    """What an undo is refused with; nothing may have changed."""
    before = tables(histories=True)
    with pytest.raises(Overtaken) as caught:
        undone(record)
    assert tables(histories=True) == before
    assert Import.objects.get(pk=record.pk).state == ImportState.CONFIRMED
    return caught.value.what


def test_undo_is_refused_with_all_that_changed_since(world: dict[str, Any]) -> None:
    user = User.objects.create(username="wang")
    record = confirmed(ready("pilots"))
    for slug in ("p", "q"):
        pilot = Pilot.objects.get(slug=slug)
        pilot._history_user = user
        pilot.save()
    Pilot.objects.get(slug="r").industries.add(*Pilot.objects.get(slug="q").industries.all())
    assert sorted(line.rpartition(" on ")[0] for line in refused_undo(record)) == sorted(
        [
            f"Pilot: “{Pilot.objects.get(slug='p')}” was changed by wang",
            "Pilot: “高新区” was changed by wang",
            "Pilot: “乙市” was changed by the system",
        ]
    )


def test_undo_is_refused_when_a_record_was_deleted_since(world: dict[str, Any]) -> None:
    record = confirmed(ready("milestones"))
    Milestone.objects.get(title_zh="投产").delete()
    (line,) = refused_undo(record)
    assert line.startswith("Milestone: “投产” was deleted by the system on ")


def test_undo_is_refused_when_what_it_created_is_needed(world: dict[str, Any]) -> None:
    """By a record entered since; not by one that the undo sets back as well."""
    record = confirmed(ready("pilots"))
    make_milestone(Pilot.objects.get(slug="r"), date(2025, 1, 1), title_en="Needs it")
    assert refused_undo(record) == ["Milestone: “Needs it” was entered since and needs what the import created."]
    Milestone.objects.get(title_en="Needs it").delete()
    assert undone(record).state == ImportState.UNDONE


def test_undo_where_an_old_record_names_a_new_one(world: dict[str, Any]) -> None:
    before = tables()
    record = imported(
        "policies",
        ["slug", "title_zh", "parent", "issued_on"],
        ["policy", "国策", "new", DAY],
        ["new", "新", None, DAY],
    )
    assert Policy.objects.get(slug="policy").parent.slug == "new"
    undone(record)
    assert tables() == before


def test_undo_is_refused_when_a_step_was_entered_since(world: dict[str, Any]) -> None:
    """For a target that the import created, and in the place of one that it removed."""
    record = confirmed(ready("targets"))
    TargetStep.objects.create(target=Target.objects.get(indicator__code="AIR_B"), year=2025, value=1)
    assert refused_undo(record) == ["Step of a target: “2025: 1” was entered since and needs what the import created."]
    TargetStep.objects.get(value=1).delete()
    TargetStep.objects.create(target=world["target"], year=2024, value=7)
    assert refused_undo(record) == [
        "Step of a target: “2024: 7” was entered since and holds what a record of the import held before."
    ]


def test_undo_is_refused_when_an_old_code_is_taken(world: dict[str, Any]) -> None:
    record = imported("pilots", ["id", "slug"], [world["pilot"].pk, "renamed"])
    make_pilot(world["pilot"].batch, world["pilot"].province, slug="p", name_en="Other")
    assert refused_undo(record) == [
        "Pilot: “Other” was entered since and holds what a record of the import held before."
    ]


def test_undo_of_one_of_two_imports(world: dict[str, Any]) -> None:
    """The later one first; the earlier is refused until then."""
    before = tables()
    first = imported("pilots", ["slug", "note"], ["p", "first"])
    between = tables()
    second = imported("pilots", ["slug", "note"], ["p", "second"])
    assert len(refused_undo(first)) == 1
    undone(second)
    assert tables() == between
    assert len(refused_undo(first)) == 1  # the undo is itself a change since
    assert before != between


@EVERY_KIND
@pytest.mark.parametrize("name", ["put_back", "write_entries", "hold_references", "save"])
def test_undo_is_all_or_nothing(world: dict[str, Any], monkeypatch: pytest.MonkeyPatch, kind: str, name: str) -> None:
    record = confirmed(ready(kind))
    before = tables(histories=True)

    def broken(*_args: Any, **_kwargs: Any) -> Any:
        raise RuntimeError(name)

    with monkeypatch.context() as patch:
        patch.setattr(Import if name == "save" else write, name, broken)
        with pytest.raises(RuntimeError, match=name):
            undone(record)
    assert tables(histories=True) == before
    undone(record)


def test_only_a_confirmed_import_is_undone(world: dict[str, Any]) -> None:
    with pytest.raises(Overtaken, match="Only a confirmed import can be undone"):
        finish(undo(ready("pilots"), by=None))


def test_undo_does_not_ask_once_a_record(world: dict[str, Any], django_assert_max_num_queries: Any) -> None:
    heads = ["pilot", "indicator", "period", "value", "reported_on"]
    rows = [["p", "AIR_A", f"19{n}", 100, "2025-03-01"] for n in range(10, 60)]
    record = imported("readings", heads, *rows)
    with django_assert_max_num_queries(40):
        undone(record)
    assert Reading.objects.count() == 1


def test_tools_see_what_they_should(world: dict[str, Any]) -> None:
    """The checksums notice a list row alone, and the entries written by hand."""
    before = tables(histories=True)
    world["pilot"].industries.through.objects.all().delete()
    assert {name for name, value in tables().items() if value != before[name]} == {"pilots_pilot_industries"}
    count = histories()["pilots.historicalpilot"]
    write_entries([world["pilot"]], "~", by=None, reason="")
    assert histories()["pilots.historicalpilot"] == count + 1
    assert connection.vendor in {"sqlite", "postgresql"}


def test_a_named_record_that_is_gone_in_the_very_moment(world: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The database says so before the end of the transaction, and nothing is written."""
    record = ready("pilots")
    before = tables(histories=True)
    through = Pilot.sources.through

    def dangling(*_args: Any) -> None:
        through.objects.create(pilot_id=world["pilot"].pk, source_id=10**9)

    monkeypatch.setattr(write, "set_lists", dangling)
    with pytest.raises(Overtaken, match="or deleted one that the file names"):
        confirmed(record)
    assert tables(histories=True) == before


def test_whoever_confirms_needs_the_rights_too(world: dict[str, Any]) -> None:
    """What the command line may accept, a reporter cannot confirm."""
    heads = ["pilot", "indicator", "period", "value", "reported_on", "state", "accepted_on"]
    record = checked("readings", heads, ["p", "AIR_A", "2024", 99, "2025-03-01", "accepted", "2025-04-01"])
    reporter = User.objects.create(username="li")
    before = tables(histories=True)
    with pytest.raises(Overtaken, match=r"Row 2: Your role may not enter this\. Write “reported”"):
        confirmed(record, by=reporter)
    assert tables(histories=True) == before
