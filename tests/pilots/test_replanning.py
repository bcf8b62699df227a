"""A light that turned because its plan was changed says so: on the page, in lists, files and the API."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from pilots.models import Milestone, Pilot, Target, TargetStep
from pilots.progress import build_progress
from pilots.sentences import why
from tests.factories import (
    make_batch,
    make_indicator,
    make_milestone,
    make_pilot,
    make_province,
    make_reading,
    make_target,
)
from tests.test_progress_pages import read_csv

pytestmark = pytest.mark.django_db
DAY = "as_of=2026-11-24"
ENTERED, MOVED = date(2026, 3, 1), date(2026, 11, 20)


def on(record: Any, day: date, by: User | None = None) -> None:
    """The latest entry of a record's history was made on that day."""
    entry = type(record).history.filter(id=record.pk).order_by("-history_id")[0]
    entry.history_date = timezone.make_aware(datetime.combine(day, datetime.min.time())) + timedelta(hours=9)
    entry.history_user = by
    entry.save()


def change(record: Any, day: date, by: User | None = None, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(record, name, value)
    record.save()
    on(record, day, by)


@pytest.fixture
def pilot(empty: None) -> Pilot:
    """A city in time with its values and with a key milestone that is 130 days overdue."""
    city = make_pilot(make_batch(), make_province(slug="hebei"), slug="city", name_en="City")
    target = make_target(city, make_indicator("AIR_NOX", name_en="NOx"), 30000, 25500)
    make_reading(city, target.indicator, "2025", 26500)
    platform = make_milestone(city, date(2026, 7, 17), title_en="Platform live", is_key=True, owner="Bureau")
    on(target, ENTERED)
    on(platform, ENTERED)
    return city


def page(client: Client, query: str = DAY) -> Any:
    return client.get(f"/pilots/city/?{query}")


def replanned(client: Client, query: str = DAY) -> Any:
    return client.get(f"/api/v1/progress/?pilot=city&{query}").json()["pilots"][0]["light"]["replanned"]


def test_a_milestone_moved_after_its_day_says_when_and_what_it_was(client: Client, pilot: Pilot) -> None:
    platform = Milestone.objects.get()
    assert (page(client).context["light"].colour, replanned(client)) == ("red", [])
    change(platform, MOVED, planned_on=date(2026, 12, 20))
    light = page(client).context["light"]
    text = "replanned on 20 November 2026, was due 17 July 2026"
    assert light.colour == "green"
    assert [(item.name, item.text, item.url) for item in light.changes] == [
        ("Platform live", text, f"/pilots/city/#milestone-{platform.pk}")
    ]
    assert replanned(client) == [
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
    rows = read_csv(client.get(f"/pilots/city/?{DAY}&export=milestone-list.csv"))
    assert dict(zip(*rows, strict=True))["Changed since"] == text
    for address in ("/provinces/hebei/", f"/batches/{pilot.batch.slug}/"):
        assert "plan changed for 1 item, last on 20 November 2026" in client.get(f"{address}?{DAY}").content.decode()


def test_a_reason_of_its_own_light_says_it_beside_it(client: Client, pilot: Pilot) -> None:
    change(Milestone.objects.get(), MOVED, planned_on=date(2026, 10, 1))
    context = page(client).context
    text = "Platform live is 54 days overdue; replanned on 20 November 2026, was due 17 July 2026"
    assert [(item.colour, item.text) for item in context["light"].reasons] == [("yellow", text)]
    assert text in client.get(f"/provinces/hebei/?{DAY}").content.decode()


def test_on_a_past_day_only_what_was_changed_by_then_is_known(client: Client, pilot: Pilot) -> None:
    change(Milestone.objects.get(), MOVED, planned_on=date(2026, 12, 20))
    assert page(client, "as_of=2026-11-19").context["light"].changes == []
    assert replanned(client, "as_of=2026-11-19") == []
    assert len(replanned(client, "as_of=2026-11-20")) == 1


def test_moved_twice_it_is_held_against_the_first_day_and_moved_back_it_is_as_planned(
    client: Client, pilot: Pilot
) -> None:
    platform = Milestone.objects.get()
    change(platform, date(2026, 9, 1), planned_on=date(2026, 10, 1))
    change(platform, MOVED, planned_on=date(2026, 12, 20))
    assert [(row["on"], row["was"]) for row in replanned(client)] == [("2026-11-20", {"planned_on": "2026-07-17"})]
    change(platform, date(2026, 11, 21), planned_on=date(2026, 7, 17))
    assert replanned(client) == []


def test_who_entered_it_may_put_it_right_on_the_same_day_and_nobody_else(client: Client, pilot: Pilot) -> None:
    platform, author = Milestone.objects.get(), User.objects.create(username="author")
    on(platform, ENTERED, author)
    change(platform, ENTERED, author, planned_on=date(2026, 8, 1))
    assert replanned(client) == []
    change(platform, ENTERED, User.objects.create(username="other"), planned_on=date(2026, 12, 1))
    assert [(row["on"], row["was"]) for row in replanned(client)] == [("2026-03-01", {"planned_on": "2026-08-01"})]


def test_targets_bindings_and_keys_are_told_alike_and_other_fields_are_not(client: Client, pilot: Pilot) -> None:
    target, platform = Target.objects.get(), Milestone.objects.get()
    change(platform, MOVED, owner="Another bureau")
    assert replanned(client) == []
    change(platform, MOVED, is_key=False)
    change(target, date(2026, 11, 22), target_value=29000, binding=False)
    first, second = replanned(client)
    assert (first["kind"], first["was"]) == ("target", {"target_value": 25500, "binding": True})
    assert first["text"] == "changed on 22 November 2026, was target value: 25,500; binding: yes"
    assert (second["kind"], second["text"]) == ("milestone", "key milestone changed on 20 November 2026, was yes")
    rows = page(client).context["tables"]["indicators"].rows
    assert rows[0][2].value == f"on schedule; {first['text']}"


def test_a_completion_entered_long_after_its_day_is_told_beside_the_green_light(client: Client, pilot: Pilot) -> None:
    platform = Milestone.objects.get()
    change(platform, MOVED, completed_on=date(2026, 7, 17))
    light = page(client).context["light"]
    text = "completion entered on 20 November 2026 for 17 July 2026"
    url = f"/pilots/city/#milestone-{platform.pk}"
    assert light.colour == "green"
    assert [(item.name, item.text, item.url) for item in light.changes] == [("Platform live", text, url)]
    assert replanned(client) == [
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
    rows = read_csv(client.get(f"/pilots/city/?{DAY}&export=milestone-list.csv"))
    assert dict(zip(*rows, strict=True))["Changed since"] == text
    listed = client.get(f"/provinces/hebei/?{DAY}").text
    assert "completion of 1 milestone entered late, last on 20 November 2026" in listed
    assert "plan changed for" not in listed
    assert replanned(client, "as_of=2026-11-19") == []
    (item,) = page(client, f"{DAY}&lang=zh-hans").context["light"].changes
    assert item.text == "2026年11月20日补录，完成日期填为2026年7月17日"


@pytest.mark.parametrize(("completed", "told"), [(date(2026, 10, 20), 1), (date(2026, 10, 21), 0)])
def test_thirty_days_pass_before_a_completion_counts_as_entered_late(
    client: Client, pilot: Pilot, completed: date, told: int
) -> None:
    change(Milestone.objects.get(), MOVED, completed_on=completed)
    assert len(replanned(client)) == told


def test_a_completion_keeps_the_day_on_which_it_was_entered(client: Client, pilot: Pilot) -> None:
    """An edit of another field enters no completion anew; one put back to an earlier day is told."""
    platform = Milestone.objects.get()
    change(platform, date(2026, 7, 20), completed_on=date(2026, 7, 18))
    change(platform, MOVED, evidence="Notice 12")
    assert replanned(client) == []
    change(platform, MOVED, completed_on=date(2026, 7, 16))
    assert [row["text"] for row in replanned(client)] == ["completion entered on 20 November 2026 for 16 July 2026"]
    change(platform, MOVED, completed_on=None)
    assert replanned(client) == []


def test_a_completion_entered_with_its_milestone_is_not_late(client: Client, pilot: Pilot) -> None:
    other = make_milestone(pilot, date(2025, 7, 17), completed_on=date(2025, 7, 17))
    on(other, ENTERED)
    change(other, MOVED, owner="Bureau")
    assert replanned(client) == []


def test_a_moved_day_and_a_late_completion_are_told_together(client: Client, pilot: Pilot) -> None:
    change(Milestone.objects.get(), MOVED, planned_on=date(2026, 10, 1))
    change(Milestone.objects.get(), date(2026, 11, 21), completed_on=date(2026, 10, 1))
    moved = "replanned on 20 November 2026, was due 17 July 2026"
    assert [(row["on"], row["text"]) for row in replanned(client)] == [
        (
            "2026-11-20",
            f"{moved}; completion entered on 21 November 2026 for 1 October 2026",
        )
    ]


def test_a_key_milestone_by_another_title_says_what_it_was(client: Client, pilot: Pilot) -> None:
    """Others may be renamed, and a title in the other language may be added."""
    key = make_milestone(pilot, date(2026, 12, 17), title_en="Platform live", title_zh="", is_key=True)
    other = make_milestone(pilot, date(2026, 12, 17), title_en="Furnace 2 closed")
    on(key, ENTERED)
    on(other, ENTERED)
    change(other, MOVED, title_en="Furnace 2 shut down")
    change(key, MOVED, title_zh="平台上线")
    assert replanned(client) == []
    change(key, MOVED, title_en="Tender published")
    assert [(row["was"], row["text"]) for row in replanned(client)] == [
        ({"title_en": "Platform live"}, "title in English changed on 20 November 2026, was Platform live")
    ]


def test_a_step_that_is_put_in_later_is_told(client: Client, pilot: Pilot) -> None:
    """Steps entered with the target belong to it; one that makes the way easier afterwards is seen."""
    target = Target.objects.get()
    first = TargetStep.objects.create(target=target, year=2024, value=29000)
    on(first, ENTERED)
    assert replanned(client) == []
    step = TargetStep.objects.create(target=target, year=2025, value=29500)
    on(step, MOVED)
    assert [(row["on"], row["was"], row["text"]) for row in replanned(client)] == [
        (
            "2026-11-20",
            {"steps": {"2024": 29000}},
            "steps on the way changed on 20 November 2026, was 2024: 29,000",
        )
    ]
    assert replanned(client, "as_of=2026-11-19") == []
    key = step.pk
    step.delete()
    step.pk = key
    on(step, date(2026, 11, 21))
    assert replanned(client) == []


def test_a_deleted_milestone_is_named(client: Client, pilot: Pilot) -> None:
    platform = Milestone.objects.get()
    key = platform.pk
    platform.delete()
    platform.pk = key
    on(platform, MOVED)
    (gone,) = page(client).context["light"].changes
    assert (gone.name, gone.text, gone.url) == (
        "Platform live",
        "deleted on 20 November 2026, was due 17 July 2026",
        "",
    )


def test_the_chinese_page_says_it_as_well(client: Client, pilot: Pilot) -> None:
    change(Milestone.objects.get(), MOVED, planned_on=date(2026, 12, 20))
    (item,) = page(client, f"{DAY}&lang=zh-hans").context["light"].changes
    assert item.text == "2026年11月20日调整，原计划2026年7月17日完成"


@pytest.mark.parametrize("n", [1, 4])
def test_three_queries_whatever_the_number_of_pilots(
    empty: None, n: int, django_assert_num_queries: Any, client: Client
) -> None:
    batch, province = make_batch(), make_province()
    for _ in range(n):
        item = make_milestone(make_pilot(batch, province), date(2026, 7, 17))
        on(item, ENTERED)
        change(item, MOVED, planned_on=date(2026, 8, 17))
    with django_assert_num_queries(6):  # no targets, so their steps are not asked for
        progress = build_progress(Pilot.objects.all(), date(2026, 11, 24))
    with django_assert_num_queries(3):
        assert [len(item.replanned) for item in progress.pilots] == [1] * n
        assert all("was due 17 July 2026" in why(item) for item in progress.pilots)
