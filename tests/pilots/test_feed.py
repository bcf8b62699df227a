"""The feed of all changes: nothing left out, nothing twice, in the order in which it happened, each change in words."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.history import one_entry
from pilots.feed import SYSTEM, Asked, Key, build_feed, every_kind, read_key, whole_feed
from pilots.models import Pilot, TargetStep
from policies.models import Import, ImportChange, ImportState, Shipment
from tests.factories import (
    make_batch,
    make_indicator,
    make_industry,
    make_milestone,
    make_override,
    make_pilot,
    make_plan,
    make_policy,
    make_province,
    make_reading,
    make_source,
    make_stage,
    make_target,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]

KINDS = every_kind()


@pytest.fixture
def wang() -> User:
    return User.objects.create_user("wang")


@pytest.fixture
def pilot() -> Pilot:
    """One pilot, and a history in which nothing has happened yet."""
    pilot = make_pilot(make_batch(), make_province(name_en="Hebei"), slug="huzhou", name_en="Huzhou", name_zh="湖州市")
    forget()
    return pilot


def forget() -> None:
    for model in KINDS.values():
        model.history.all().delete()  # type: ignore[attr-defined]


def edit(record: Any, by: User | None = None, reason: str | None = None, **fields: Any) -> Any:
    """Save a record with these values; hands back the entry."""
    for name, value in fields.items():
        setattr(record, name, value)
    record._history_user, record._change_reason = by, reason
    record.save()
    return record.history.order_by("history_id").last()


def at(entry: Any, when: datetime) -> Any:
    type(entry).objects.filter(pk=entry.pk).update(history_date=when)
    return entry


def keys(asked: Asked | None = None, **how: Any) -> list[str]:
    return [line.key for line in build_feed(KINDS, asked or Asked(), **how).lines]


def key_of(entry: Any) -> str:
    return f"{entry.instance_type._meta.model_name}-{entry.pk}"


# -- what a line says ----------------------------------------------------------------------------------------------


def test_every_kind_that_keeps_a_history_is_in_the_feed() -> None:
    assert list(KINDS) == [
        "province", "agency", "division", "industry", "policy", "provincialplan", "measure", "figure", "source",
        "batch", "pilot", "indicator", "target", "targetstep", "reading", "stageentry", "milestone", "lightoverride",
    ]  # fmt: skip
    assert Shipment._meta.model_name not in KINDS


def test_a_line_says_who_changed_which_field_from_what_to_what_and_why(pilot: Pilot, wang: User) -> None:
    source, steel = make_source(title="Notice"), make_industry(name_en="Steel")
    edit(pilot)
    forget()
    first = edit(pilot)
    pilot._history_user = wang  # type: ignore[attr-defined]
    with one_entry(pilot, created=False, reason="Plan found"):
        pilot.name_en, pilot.term_end = "Huzhou City", date(2026, 12, 31)
        pilot.save()
        pilot.sources.add(source)
        pilot.industries.add(steel)
    line, before = build_feed({"pilot": Pilot}, Asked()).lines
    entry = pilot.history.first()
    assert [(item.label, item.old, item.new) for item in line.differences] == [
        ("Name in English", "Huzhou", "Huzhou City"),
        ("Term ends", "no data", "31 December 2026"),
        ("Sources", "no data", "Notice"),
        ("Industries", "no data", "Steel"),
    ]
    assert (line.who, line.kind, line.what, line.sign, line.action) == ("wang", "Pilot", "Huzhou City", "~", "changed")
    assert (line.reason, line.brought_by, line.when) == ("Plan found", None, entry.history_date)
    assert line.url == f"/admin/pilots/pilot/{pilot.pk}/change/"
    assert line.version == f"/admin/pilots/pilot/{pilot.pk}/history/{entry.pk}/"
    assert (before.key, before.who, before.differences) == (key_of(first), "the system", [])


def test_a_change_is_held_against_the_entry_before_it_even_when_that_is_not_asked_for(pilot: Pilot, wang: User) -> None:
    edit(pilot, name_en="First")
    edit(pilot, wang, name_en="Second")
    edit(pilot, name_en="Third")
    (line,) = build_feed(KINDS, Asked(person="wang")).lines
    assert [(item.old, item.new) for item in line.differences] == [("First", "Second")]


def test_what_belongs_to_a_pilot_is_told_with_its_name(pilot: Pilot, wang: User) -> None:
    sulphur = make_indicator("AIR_SO2", name_en="SO2")
    target = make_target(pilot, sulphur, 100, 80)
    TargetStep.objects.create(target=target, year=2025, value=90)
    make_reading(pilot, sulphur, "2024", 95)
    make_stage(pilot, "listed", date(2024, 1, 15))
    make_milestone(pilot, date(2025, 5, 1), title_en="Platform live")
    make_override(pilot, "yellow", wang)
    plan = make_plan(make_policy(title_en="Plan"), pilot.province, title_en="", title_zh="")
    found = {line.kind: line for line in build_feed(KINDS, Asked()).lines}
    assert {kind: line.what for kind, line in found.items() if kind not in ("Indicator", "Policy")} == {
        "Target": "Huzhou · SO2",
        "Step of a target": "Huzhou · SO2 · 2025",
        "Reading": "Huzhou · SO2 · 2024",
        "Stage entry": "Huzhou · Listed",
        "Milestone": "Huzhou · Platform live",
        "Light set by hand": "Huzhou · Yellow",
        "Provincial plan": "Hebei · Plan",
    }
    assert found["Step of a target"].url == f"/admin/pilots/target/{target.pk}/change/#steps-group"
    assert found["Step of a target"].version == ""
    assert found["Provincial plan"].url == f"/admin/policies/provincialplan/{plan.pk}/change/"


def test_what_is_gone_leads_to_its_history_and_keeps_its_name(pilot: Pilot, wang: User) -> None:
    edit(pilot)
    stage, key = make_stage(pilot, "listed", date(2024, 1, 15)), pilot.pk
    stage_key = stage.pk
    stage.delete()
    pilot._history_user, pilot._change_reason = wang, "Entered twice"  # type: ignore[attr-defined]
    pilot.delete()
    gone, ended, begun, there = build_feed(KINDS, Asked()).lines
    assert (gone.what, gone.sign, gone.who, gone.reason) == ("Huzhou", "-", "wang", "Entered twice")
    assert {gone.url, there.url} == {f"/admin/pilots/pilot/{key}/history/"}
    assert {ended.what, begun.what} == {"Huzhou (deleted) · Listed"}
    assert {ended.url, begun.url} == {f"/admin/pilots/stageentry/{stage_key}/history/"}


# -- which lines, in which order -------------------------------------------------------------------------------------


def test_pages_by_key_hold_every_entry_once_in_the_order_of_time(pilot: Pilot) -> None:
    """Some of several kinds at one moment, as an import writes them."""
    moment, batch, policy = datetime(2026, 1, 5, 8, 0, tzinfo=UTC), pilot.batch, make_policy()
    forget()
    for minute in (0, 0, 1, 0, 2, 1, 1):
        for record in (pilot, batch, policy):
            at(edit(record), moment + timedelta(minutes=minute))
    entries = [entry for model in KINDS.values() for entry in model.history.all()]  # type: ignore[attr-defined]
    order = list(KINDS)
    entries.sort(key=lambda e: (-e.history_date.timestamp(), order.index(e.instance_type._meta.model_name), -e.pk))
    wanted = [key_of(entry) for entry in entries]
    assert (len(wanted), keys()) == (21, wanted)

    feed, read = build_feed(KINDS, Asked(), most=4), []
    assert (feed.newer, feed.count) == (None, 21)
    while True:
        read.append([line.key for line in feed.lines])
        if feed.older is None:
            break
        assert len(read) < 7, "the pages do not end"
        feed = build_feed(KINDS, Asked(), before=feed.older, most=4)
    assert [key for page in read for key in page] == wanted
    assert [len(page) for page in read] == [4, 4, 4, 4, 4, 1]

    back = []
    while feed.newer is not None:
        feed = build_feed(KINDS, Asked(), after=feed.newer, most=4)
        back.append([line.key for line in feed.lines])
    assert back == read[-2::-1]
    assert (feed.newer, feed.older is not None) == (None, True)
    assert [line.key for some in whole_feed(KINDS, Asked(), most=5) for line in some] == wanted


def test_a_key_is_read_as_it_was_written() -> None:
    key = Key(datetime(2026, 11, 25, 3, 4, 5, 678901, tzinfo=UTC), "pilot", 17)
    assert str(key) == "1795575845678901-pilot-17"
    assert read_key(str(key), KINDS) == key


@pytest.mark.parametrize("text", ["", "x", "1-pilot", "1-shipment-2", "-1-pilot-2", "1-pilot-²", "9" * 18 + "-pilot-1"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        read_key(text, KINDS)


def test_by_person(pilot: Pilot, wang: User) -> None:
    mine, nobody = edit(pilot, wang), edit(pilot)
    other = edit(pilot.batch, User.objects.create_user("li"))
    assert keys(Asked(person="wang")) == [key_of(mine)]
    assert keys(Asked(person=SYSTEM)) == [key_of(nobody)]
    assert keys(Asked(person="li")) == [key_of(other)]
    assert len(keys()) == 3


def test_by_province_its_own_records_and_those_of_its_pilots(pilot: Pilot) -> None:
    hebei, other = pilot.province, make_province()
    elsewhere = make_pilot(pilot.batch, other)
    target = make_target(pilot, make_indicator("AIR_SO2"), 100, 80)
    forget()
    inside = [
        edit(hebei),
        edit(pilot),
        edit(target),
        TargetStep.objects.create(target=target, year=2025, value=90).history.get(),
        make_plan(make_policy(), hebei).history.get(),
        make_stage(pilot, "listed", date(2024, 1, 15)).history.get(),
    ]
    make_stage(elsewhere, "listed", date(2024, 1, 15))
    edit(other)
    edit(pilot.batch)  # a national batch belongs to no province
    assert keys(Asked(province=hebei)) == [key_of(entry) for entry in reversed(inside)]
    assert build_feed(KINDS, Asked(province=hebei)).count == 6


def test_a_record_that_moved_stays_in_the_feed_of_both_provinces(pilot: Pilot) -> None:
    wrong, right = pilot.province, make_province()
    forget()
    there, moved, later = edit(pilot), edit(pilot, province=right), edit(pilot)
    stage = make_stage(pilot, "listed", date(2024, 1, 15)).history.get()
    everything = [key_of(entry) for entry in (stage, later, moved, there)]
    assert keys(Asked(province=wrong)) == keys(Asked(province=right)) == everything


def test_a_deleted_record_stays_in_the_feed_of_its_province(pilot: Pilot) -> None:
    edit(pilot)
    make_stage(pilot, "listed", date(2024, 1, 15)).delete()
    province = pilot.province
    pilot.delete()
    assert [line.sign for line in build_feed(KINDS, Asked(province=province)).lines] == ["-", "-", "+", "~"]


def test_by_day_on_the_reader_s_clock(pilot: Pilot) -> None:
    """Midnight in Shanghai is four in the afternoon of the day before in Greenwich."""
    midnight = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
    last_of_2nd = at(edit(pilot), midnight - timedelta(microseconds=1))
    first_of_3rd = at(edit(pilot), midnight)
    last_of_3rd = at(edit(pilot), midnight + timedelta(hours=23, minutes=59))
    first_of_4th = at(edit(pilot), midnight + timedelta(days=1))
    third = date(2026, 3, 3)
    assert keys(Asked(since=third, until=third)) == [key_of(last_of_3rd), key_of(first_of_3rd)]
    assert keys(Asked(since=third)) == [key_of(first_of_4th), key_of(last_of_3rd), key_of(first_of_3rd)]
    assert keys(Asked(until=third)) == [key_of(last_of_3rd), key_of(first_of_3rd), key_of(last_of_2nd)]
    assert len(keys(Asked(until=date.max))) == 4


def test_by_import_and_which_import_a_line_came_by(pilot: Pilot, wang: User) -> None:
    mine = Import.objects.create(kind="pilots", file_name="pilots.xlsx", state=ImportState.CONFIRMED, uploaded_by=wang)
    other = Import.objects.create(kind="pilots", file_name="more.xlsx", state=ImportState.CONFIRMED, uploaded_by=wang)
    batch = edit(pilot.batch)
    entry = edit(pilot, wang)
    by_hand = edit(pilot, wang)
    same_number = edit(pilot.province)
    type(same_number).objects.filter(pk=same_number.pk).update(history_id=entry.pk)  # of another kind
    for record, written, model in ((mine, entry, "pilots.pilot"), (other, batch, "pilots.batch")):
        ImportChange.objects.create(
            import_record=record, row=2, model=model, record_id=written.id, action="update", entry_id=written.pk
        )
    assert keys(Asked(brought_by=mine)) == [key_of(entry)]
    lines = {line.key: line for line in build_feed(KINDS, Asked()).lines}
    assert lines[key_of(entry)].brought_by == (f"Import {mine.pk}: pilots.xlsx", f"/admin/import/{mine.pk}/")
    assert lines[key_of(by_hand)].brought_by is None


def test_kinds_that_are_not_asked_for_stay_out(pilot: Pilot) -> None:
    entry = edit(pilot)
    edit(pilot.province)
    feed = build_feed({"pilot": Pilot}, Asked())
    assert ([line.key for line in feed.lines], feed.count) == ([key_of(entry)], 1)


def test_nothing_happened(pilot: Pilot) -> None:
    feed = build_feed(KINDS, Asked(person="nobody", province=pilot.province))
    assert (feed.lines, feed.count, feed.newer, feed.older) == ([], 0, None, None)
    assert list(whole_feed(KINDS, Asked())) == []


# -- what it costs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 3])
def test_a_page_takes_the_same_queries_whatever_the_number_of_entries(pilot: Pilot, wang: User, n: int) -> None:
    """The page: keys, count; entries, those before them; two lists, names of two kinds, what is left, imports."""
    sources = [make_source() for _ in range(n)]
    other = make_province()
    edit(pilot)
    home = pilot.province
    for source in sources:
        pilot._history_user = wang  # type: ignore[attr-defined]
        with one_entry(pilot, created=False, reason="Found"):
            pilot.province = other if pilot.province == home else home
            pilot.save()
            pilot.sources.add(source)
    kinds = {"pilot": Pilot}
    with CaptureQueriesContext(
        connection,
    ) as queries:
        feed = build_feed(kinds, Asked(person="wang"))
    assert len(feed.lines) == n
    assert all([item.label for item in line.differences] == ["Province", "Sources"] for line in feed.lines)
    assert len(queries) == 10


def test_the_clock_of_a_line_is_the_reader_s(pilot: Pilot) -> None:
    at(edit(pilot), datetime(2026, 3, 2, 16, 30, tzinfo=UTC))
    (line,) = build_feed(KINDS, Asked()).lines
    assert line.day == date(2026, 3, 3)
    assert timezone.localtime(line.when).hour == 0
