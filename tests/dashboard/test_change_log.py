"""Change log: every entry once, in order, with each change as text."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils.translation import override

from core.history.models import ChangeEvent
from core.history.recording import written_by_import
from core.imports.models import Import, ImportState
from core.records import writing
from dashboard.analytics.change_log import find_changes, history_models, iterate_change_log, load_change_log
from pilots.models import Pilot
from tests import factories as make
from tests.support.histories import forget_entries, rewrite_entries

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]

KINDS = history_models()
ADMIN = User(username="reader", is_staff=True, is_superuser=True)


@pytest.fixture
def wang() -> User:
    return User.objects.create_user("wang")


@pytest.fixture
def pilot() -> Pilot:
    """Make one pilot without history entries."""
    pilot = make.pilot(make.batch(), make.province(name_en="Hebei"), slug="huzhou", name_en="Huzhou", name_zh="湖州市")
    forget_entries()
    return pilot


def edit_record(record: Any, by: User | None = None, reason: str | None = None, **fields: Any) -> Any:
    """Save a record with these values; return the history entry."""
    for name, value in fields.items():
        setattr(record, name, value)
    record._history_user, record._change_reason = by, reason
    record.save()
    return record.history.order_by("history_id").last()


def set_entry_time(entry: Any, when: datetime) -> Any:
    rewrite_entries(type(entry).objects.filter(pk=entry.pk), history_date=when)
    return entry


def change_of(entry: Any) -> ChangeEvent:
    return ChangeEvent.objects.get(model=entry.instance_type._meta.label_lower, entry_id=entry.pk)


def lines_of(kinds: Any, **asked: Any) -> list[Any]:
    return load_change_log(list(find_changes(kinds, ADMIN, **asked).values_list("pk", flat=True)), ADMIN)


def query_keys(**asked: Any) -> list[str]:
    return [line.key for line in lines_of(KINDS, **asked)]


def entry_key(entry: Any) -> str:
    return f"{entry.instance_type._meta.model_name}-{entry.pk}"


# -- what a line says ----------------------------------------------------------------------------------------------


def test_a_line_says_who_changed_which_field_from_what_to_what_and_why(pilot: Pilot, wang: User) -> None:
    source, steel = make.source(title="Notice"), make.industry(name_en="Steel")
    edit_record(pilot)
    forget_entries()
    first = edit_record(pilot)
    values = {"name_en": "Huzhou City", "term_end": date(2026, 12, 31)}
    lists = {"sources": [source], "industries": [steel]}
    writing.write(pilot, values, lists, by=wang, reason="Plan found", allowed=True)
    line, before = lines_of({"pilot": Pilot})
    entry = pilot.history.first()
    assert [(item.label, item.old, item.new) for item in line.differences] == [
        ("Name in English", "Huzhou", "Huzhou City"),
        ("Term ends", "no data", "31 December 2026"),
        ("Sources", "no data", "Notice"),
        ("Industries", "no data", "Steel"),
    ]
    assert (line.who, line.kind, line.what, line.sign, line.action) == ("wang", "Pilot", "Huzhou City", "~", "changed")
    assert (line.reason, line.origin, line.when) == ("Plan found", None, entry.history_date)
    assert line.url == f"/admin/pilots/pilot/{pilot.pk}/change/"
    assert line.version == f"/admin/pilots/pilot/{pilot.pk}/history/{entry.pk}/"
    assert (before.key, before.who, before.differences) == (entry_key(first), "the system", [])


def test_a_change_is_held_against_the_entry_before_it_even_when_that_is_not_asked_for(pilot: Pilot, wang: User) -> None:
    edit_record(pilot, name_en="First")
    edit_record(pilot, wang, name_en="Second")
    edit_record(pilot, name_en="Third")
    (line,) = lines_of(KINDS, person="wang")
    assert [(item.old, item.new) for item in line.differences] == [("First", "Second")]


def test_what_belongs_to_a_pilot_is_shown_with_its_name(pilot: Pilot, wang: User) -> None:
    sulphur = make.indicator("AIR_SO2", name_en="SO2")
    make.amendment(make.target(pilot, sulphur, 100, 80), value=90)
    make.reading(pilot, sulphur, "2024", 95)
    make.not_given(pilot, sulphur, 2025)
    make.deadline(pilot, 2025, date(2026, 5, 31))
    make.stage(pilot, "listed", date(2024, 1, 15))
    make.milestone(pilot, date(2025, 5, 1), date(2025, 4, 1), title_en="Platform live")
    make.override(pilot, "yellow", wang)
    plan = make.plan(make.policy(title_en="Plan"), pilot.province, title_en="", title_zh="")
    found = {line.kind: line for line in lines_of(KINDS)}
    assert {kind: line.what for kind, line in found.items() if kind not in ("Indicator", "Policy")} == {
        "Target": "Huzhou · SO2 · 2026",
        "Reading": "Huzhou · SO2 · 2024",
        "Stage entry": "Huzhou · Listed",
        "Milestone": "Huzhou · Platform live",
        "Completion": "Huzhou · Platform live",
        "Amendment": "Huzhou · SO2",
        "Deadline": "Huzhou 2025",
        "Value not given": "Huzhou · SO2 · 2025",
        "Light set by hand": "Huzhou · Yellow",
        "Provincial plan": "Hebei · Plan",
    }
    assert found["Provincial plan"].url == f"/admin/policies/provincialplan/{plan.pk}/change/"


def test_what_is_gone_leads_to_its_history_and_keeps_its_name(pilot: Pilot, wang: User) -> None:
    edit_record(pilot)
    stage, key = make.stage(pilot, "listed", date(2024, 1, 15)), pilot.pk
    stage_key = stage.pk
    stage.delete()
    pilot._history_user, pilot._change_reason = wang, "Entered twice"  # type: ignore[attr-defined]
    pilot.delete()
    gone, ended, begun, there = lines_of(KINDS)
    assert (gone.what, gone.sign, gone.who, gone.reason) == ("Huzhou", "-", "wang", "Entered twice")
    assert {gone.url, there.url} == {f"/admin/pilots/pilot/{key}/history/"}
    assert {ended.what, begun.what} == {"Huzhou (deleted) · Listed"}
    assert {ended.url, begun.url} == {f"/admin/pilots/stageentry/{stage_key}/history/"}


# -- which lines, in which order -------------------------------------------------------------------------------------


def test_every_entry_stands_once_in_the_order_of_time(pilot: Pilot) -> None:
    """Some of several kinds at one moment, as an import writes them."""
    moment, batch, policy = datetime(2026, 1, 5, 8, 0, tzinfo=UTC), pilot.batch, make.policy()
    forget_entries()
    for minute in (0, 0, 1, 0, 2, 1, 1):
        for record in (pilot, batch, policy):
            set_entry_time(edit_record(record), moment + timedelta(minutes=minute))
    entries = [entry for model in KINDS.values() for entry in model.history.all()]  # type: ignore[attr-defined]
    entries.sort(key=lambda entry: (entry.history_date, change_of(entry).pk), reverse=True)
    wanted = [entry_key(entry) for entry in entries]
    assert (len(wanted), query_keys()) == (21, wanted)

    rows = find_changes(KINDS, ADMIN)
    assert [line.key for line in iterate_change_log(rows, ADMIN)] == wanted


def test_by_province_its_own_records_and_those_of_its_pilots(pilot: Pilot) -> None:
    hebei, other = pilot.province, make.province()
    elsewhere = make.pilot(pilot.batch, other)
    target = make.target(pilot, make.indicator("AIR_SO2"), 100, 80)
    forget_entries()
    inside = [
        edit_record(hebei),
        edit_record(pilot),
        edit_record(target),
        make.add_step(target, 2025, 90).history.first(),
        make.plan(make.policy(), hebei).history.get(),
        make.stage(pilot, "listed", date(2024, 1, 15)).history.get(),
    ]
    make.stage(elsewhere, "listed", date(2024, 1, 15))
    edit_record(other)
    edit_record(pilot.batch)  # a national batch belongs to no province
    assert query_keys(provinces=[hebei]) == [entry_key(entry) for entry in reversed(inside)]


def test_by_day_on_the_reader_s_clock(pilot: Pilot) -> None:
    """Midnight in Shanghai is four in the afternoon of the day before in Greenwich."""
    midnight = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
    second, minute, day = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
    moments = [midnight + day, midnight + day - minute, midnight, midnight - second]
    entries = [set_entry_time(edit_record(pilot), moment) for moment in reversed(moments)]
    keys, third = [entry_key(entry) for entry in reversed(entries)], date(2026, 3, 3)
    assert query_keys(since=third, until=third) == keys[1:3]
    assert (query_keys(since=third), query_keys(until=third)) == (keys[:3], keys[1:])
    assert len(query_keys(until=date.max)) == 4


def test_by_import_and_which_import_a_line_came_by(pilot: Pilot, wang: User) -> None:
    mine = Import.objects.create(kind="pilots", file_name="pilots.xlsx", state=ImportState.CONFIRMED, uploaded_by=wang)
    other = Import.objects.create(kind="pilots", file_name="more.xlsx", state=ImportState.CONFIRMED, uploaded_by=wang)
    with written_by_import(other):
        edit_record(pilot.batch)
    with written_by_import(mine):
        entry = edit_record(pilot, wang)
    by_hand = edit_record(pilot, wang)
    with written_by_import(mine, undoes=True):
        undone = edit_record(pilot, wang, "Wrong file")
    assert query_keys(import_record=mine) == [entry_key(entry)]
    lines = {line.key: line for line in lines_of(KINDS)}
    assert lines[entry_key(entry)].origin == (f"Import {mine.pk}: pilots.xlsx", f"/admin/import/{mine.pk}/")
    assert lines[entry_key(by_hand)].origin is None
    assert (lines[entry_key(undone)].origin, lines[entry_key(undone)].reason) == (
        None,
        f"Import {mine.pk} undone: Wrong file",
    )
    with override("zh-hans"):
        (line, *_older) = lines_of(KINDS)
    assert line.reason == f"撤销导入{mine.pk}：Wrong file"
