"""Replanning: a light changed by a changed plan says so on the page, in lists, files and the API."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from pilots.models import Milestone, Pilot, Target
from tests.factories import (
    add_step,
    make_batch,
    make_indicator,
    make_milestone,
    make_pilot,
    make_province,
    make_reading,
    make_target,
)
from tests.support.csv_files import csv_rows

pytestmark = pytest.mark.django_db
DAY = "as_of=2026-11-24"
ENTERED, MOVED = date(2026, 3, 1), date(2026, 11, 20)


def set_entry_day(record: Any, day: date, by: User | None = None) -> None:
    """Set the day of a record's latest history entry."""
    entry = type(record).history.filter(id=record.pk).order_by("-history_id")[0]
    entry.history_date = timezone.make_aware(datetime.combine(day, datetime.min.time())) + timedelta(hours=9)
    entry.history_user = by
    entry.save()


def change_record(record: Any, day: date, by: User | None = None, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(record, name, value)
    record.save()
    set_entry_day(record, day, by)


@pytest.fixture
def pilot(empty: None) -> Pilot:
    """Make a city with values on time and a key milestone that is 130 days overdue."""
    city = make_pilot(make_batch(), make_province(slug="hebei"), slug="city", name_en="City")
    target = make_target(city, make_indicator("AIR_NOX", name_en="NOx"), 30000, 25500)
    make_reading(city, target.indicator, "2025", 26500)
    platform = make_milestone(city, date(2026, 7, 17), title_en="Platform live", is_key=True, owner="Bureau")
    set_entry_day(target, ENTERED)
    set_entry_day(platform, ENTERED)
    return city


def get_page(client: Client, query: str = DAY) -> Any:
    return client.get(f"/pilots/city/?{query}")


def get_replanned(client: Client, query: str = DAY) -> Any:
    return client.get(f"/api/v1/progress/?pilot=city&{query}").json()["pilots"][0]["light"]["replanned"]


def test_a_milestone_moved_after_its_day_says_when_and_what_it_was(client: Client, pilot: Pilot) -> None:
    platform = Milestone.objects.get()
    assert (get_page(client).context["status"].colour, get_replanned(client)) == ("red", [])
    change_record(platform, MOVED, planned_on=date(2026, 12, 20))
    status = get_page(client).context["status"]
    text = "replanned on 20 November 2026, was due 17 July 2026"
    assert status.colour == "green"
    assert [(item.name, item.text, item.anchor) for item in status.replanned] == [
        ("Platform live", text, f"#milestone-{platform.pk}")
    ]
    assert get_replanned(client) == [
        {
            "kind": "milestone",
            "id": platform.pk,
            "on": "2026-11-20",
            "was": {"planned_on": "2026-07-17"},
            "deleted": False,
            "completion": None,
            "text": text,
        }
    ]
    rows = csv_rows(client.get(f"/pilots/city/?{DAY}&export=milestone-list.csv"))
    assert dict(zip(*rows, strict=True))["Changed since"] == text
    for address in ("/provinces/hebei/", f"/batches/{pilot.batch.slug}/"):
        assert "plan changed for 1 item, last on 20 November 2026" in client.get(f"{address}?{DAY}").content.decode()


def test_a_reason_of_its_own_light_says_it_beside_it(client: Client, pilot: Pilot) -> None:
    change_record(Milestone.objects.get(), MOVED, planned_on=date(2026, 10, 1))
    context = get_page(client).context
    text = "Platform live is 54 days overdue; replanned on 20 November 2026, was due 17 July 2026"
    assert [(item.effect, item.text) for item in context["status"].reasons] == [("yellow", text)]
    assert text in client.get(f"/provinces/hebei/?{DAY}").content.decode()


def test_on_a_past_day_only_what_was_changed_by_then_is_known(client: Client, pilot: Pilot) -> None:
    change_record(Milestone.objects.get(), MOVED, planned_on=date(2026, 12, 20))
    assert get_page(client, "as_of=2026-11-19").context["status"].replanned == []
    assert get_replanned(client, "as_of=2026-11-19") == []
    assert len(get_replanned(client, "as_of=2026-11-20")) == 1


def test_moved_twice_it_is_held_against_the_first_day_and_moved_back_it_is_as_planned(
    client: Client, pilot: Pilot
) -> None:
    platform = Milestone.objects.get()
    change_record(platform, date(2026, 9, 1), planned_on=date(2026, 10, 1))
    change_record(platform, MOVED, planned_on=date(2026, 12, 20))
    assert [(row["on"], row["was"]) for row in get_replanned(client)] == [("2026-11-20", {"planned_on": "2026-07-17"})]
    change_record(platform, date(2026, 11, 21), planned_on=date(2026, 7, 17))
    assert get_replanned(client) == []


def test_who_entered_it_may_put_it_right_on_the_same_day_and_nobody_else(client: Client, pilot: Pilot) -> None:
    platform, author = Milestone.objects.get(), User.objects.create(username="author")
    set_entry_day(platform, ENTERED, author)
    change_record(platform, ENTERED, author, planned_on=date(2026, 8, 1))
    assert get_replanned(client) == []
    change_record(platform, ENTERED, User.objects.create(username="other"), planned_on=date(2026, 12, 1))
    assert [(row["on"], row["was"]) for row in get_replanned(client)] == [("2026-03-01", {"planned_on": "2026-08-01"})]


def test_targets_bindings_and_keys_are_told_alike_and_other_fields_are_not(client: Client, pilot: Pilot) -> None:
    target, platform = Target.objects.get(), Milestone.objects.get()
    change_record(platform, MOVED, owner="Another bureau")
    assert get_replanned(client) == []
    change_record(platform, MOVED, is_key=False)
    change_record(target, date(2026, 11, 22), target_value=29000, binding=False)
    first, second = get_replanned(client)
    assert (first["kind"], first["was"]) == ("target", {"target_value": 25500, "binding": True})
    assert first["text"] == "changed on 22 November 2026, was target value: 25,500; binding: yes"
    assert (second["kind"], second["text"]) == ("milestone", "key milestone changed on 20 November 2026, was yes")
    rows = get_page(client).context["tables"]["indicators"].rows
    assert rows[0][2].value == f"on schedule; {first['text']}"


def test_a_completion_entered_long_after_its_day_is_told_beside_the_green_light(client: Client, pilot: Pilot) -> None:
    platform = Milestone.objects.get()
    change_record(platform, MOVED, completed_on=date(2026, 7, 17))
    status = get_page(client).context["status"]
    text = "completion entered on 20 November 2026 for 17 July 2026"
    url = f"#milestone-{platform.pk}"
    assert status.colour == "green"
    assert [(item.name, item.text, item.anchor) for item in status.replanned] == [("Platform live", text, url)]
    assert get_replanned(client) == [
        {
            "kind": "milestone",
            "id": platform.pk,
            "on": "2026-11-20",
            "was": {},
            "deleted": False,
            "completion": {"completed_on": "2026-07-17", "entered_on": "2026-11-20"},
            "text": text,
        }
    ]
    rows = csv_rows(client.get(f"/pilots/city/?{DAY}&export=milestone-list.csv"))
    assert dict(zip(*rows, strict=True))["Changed since"] == text
    listed = client.get(f"/provinces/hebei/?{DAY}").text
    assert "completion of 1 milestone entered late, last on 20 November 2026" in listed
    assert "plan changed for" not in listed
    assert get_replanned(client, "as_of=2026-11-19") == []
    (item,) = get_page(client, f"{DAY}&lang=zh-hans").context["status"].replanned
    assert item.text == "2026年11月20日补录，完成日期填为2026年7月17日"


@pytest.mark.parametrize(("completed", "told"), [(date(2026, 10, 20), 1), (date(2026, 10, 21), 0)])
def test_thirty_days_pass_before_a_completion_counts_as_entered_late(
    client: Client, pilot: Pilot, completed: date, told: int
) -> None:
    change_record(Milestone.objects.get(), MOVED, completed_on=completed)
    assert len(get_replanned(client)) == told


def test_a_completion_keeps_the_day_on_which_it_was_entered(client: Client, pilot: Pilot) -> None:
    """Editing another field does not enter the completion again; one moved to an earlier day is shown."""
    platform = Milestone.objects.get()
    change_record(platform, date(2026, 7, 20), completed_on=date(2026, 7, 18))
    change_record(platform, MOVED, evidence="Notice 12")
    assert get_replanned(client) == []
    change_record(platform, MOVED, completed_on=date(2026, 7, 16))
    assert [row["text"] for row in get_replanned(client)] == ["completion entered on 20 November 2026 for 16 July 2026"]
    change_record(platform, MOVED, completed_on=None)
    assert get_replanned(client) == []


def test_a_completion_entered_with_its_milestone_is_not_late(client: Client, pilot: Pilot) -> None:
    other = make_milestone(pilot, date(2025, 7, 17), completed_on=date(2025, 7, 17))
    set_entry_day(other, ENTERED)
    change_record(other, MOVED, owner="Bureau")
    assert get_replanned(client) == []


def test_a_moved_day_and_a_late_completion_are_told_together(client: Client, pilot: Pilot) -> None:
    change_record(Milestone.objects.get(), MOVED, planned_on=date(2026, 10, 1))
    change_record(Milestone.objects.get(), date(2026, 11, 21), completed_on=date(2026, 10, 1))
    moved = "replanned on 20 November 2026, was due 17 July 2026"
    assert [(row["on"], row["text"]) for row in get_replanned(client)] == [
        (
            "2026-11-20",
            f"{moved}; completion entered on 21 November 2026 for 1 October 2026",
        )
    ]


def test_a_key_milestone_by_another_title_says_what_it_was(client: Client, pilot: Pilot) -> None:
    """Others may be renamed, and a title in the other language may be added."""
    key = make_milestone(pilot, date(2026, 12, 17), title_en="Platform live", title_zh="", is_key=True)
    other = make_milestone(pilot, date(2026, 12, 17), title_en="Furnace 2 closed")
    set_entry_day(key, ENTERED)
    set_entry_day(other, ENTERED)
    change_record(other, MOVED, title_en="Furnace 2 shut down")
    change_record(key, MOVED, title_zh="平台上线")
    assert get_replanned(client) == []
    change_record(key, MOVED, title_en="Tender published")
    assert [(row["was"], row["text"]) for row in get_replanned(client)] == [
        ({"title_en": "Platform live"}, "title in English changed on 20 November 2026, was Platform live")
    ]


def test_a_step_that_is_put_in_later_is_told(client: Client, pilot: Pilot) -> None:
    """Steps entered with the target belong to it; one that makes the way easier afterwards is seen."""
    target = Target.objects.get()
    first = add_step(target, 2024, 29000)
    set_entry_day(first, ENTERED)
    assert get_replanned(client) == []
    step = add_step(target, 2025, 29500)
    set_entry_day(step, MOVED)
    assert [(row["on"], row["was"], row["text"]) for row in get_replanned(client)] == [
        (
            "2026-11-20",
            {"steps": {"2024": 29000}},
            "steps on the way changed on 20 November 2026, was 2024: 29,000",
        )
    ]
    assert get_replanned(client, "as_of=2026-11-19") == []
    target.steps = {"2024": "29000"}
    target.save()
    set_entry_day(target, date(2026, 11, 21))
    assert get_replanned(client) == []


def test_a_deleted_milestone_is_named(client: Client, pilot: Pilot) -> None:
    platform = Milestone.objects.get()
    key = platform.pk
    platform.delete()
    platform.pk = key
    set_entry_day(platform, MOVED)
    (gone,) = get_page(client).context["status"].replanned
    assert (gone.name, gone.text, gone.anchor) == (
        "Platform live",
        "deleted on 20 November 2026, was due 17 July 2026",
        "",
    )


def test_the_chinese_page_says_it_as_well(client: Client, pilot: Pilot) -> None:
    change_record(Milestone.objects.get(), MOVED, planned_on=date(2026, 12, 20))
    (item,) = get_page(client, f"{DAY}&lang=zh-hans").context["status"].replanned
    assert item.text == "2026年11月20日调整，原计划2026年7月17日完成"
