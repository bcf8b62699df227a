"""Replanning: a light changed by a changed plan says so on the page, in lists, files and the API."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.utils import timezone

from pilots.models import Pilot
from tests import factories as make
from tests.support.csv_files import csv_rows
from tests.support.snapshots import assert_snapshot

pytestmark = pytest.mark.django_db
DAY = "as_of=2026-11-24"
ENTERED, MOVED, NEXT = date(2026, 3, 1), date(2026, 11, 20), date(2026, 11, 21)
DUE, LATER, SOON = date(2026, 7, 17), date(2026, 12, 20), date(2026, 10, 1)

Change = tuple[str, date, dict[str, Any]]
CHANGES: dict[str, list[Change]] = {
    "nothing": [],
    "moved after its day": [("platform", MOVED, {"planned_on": LATER})],
    "moved twice": [("platform", date(2026, 9, 1), {"planned_on": SOON}), ("platform", MOVED, {"planned_on": LATER})],
    "moved and moved back": [("platform", MOVED, {"planned_on": LATER}), ("platform", NEXT, {"planned_on": DUE})],
    "put right by who entered it, on the same day": [("platform", ENTERED, {"planned_on": SOON, "by": "author"})],
    "put right by another": [("platform", ENTERED, {"planned_on": SOON, "by": "other"})],
    "fields that promise nothing": [
        ("platform", MOVED, {"owner": "Another bureau", "title_zh": "平台"}),
        ("inventory", MOVED, {"title_en": "Inventory made", "owner": "Bureau"}),
    ],
    "a key milestone no longer, and a target": [
        ("platform", MOVED, {"is_key": False}),
        ("target", date(2026, 11, 22), {"target_value": 29000, "binding": False}),
    ],
    "another title": [("platform", MOVED, {"title_en": "Tender published"})],
    "steps entered with the target": [("target", ENTERED, {"steps": {"2024": "29000"}, "by": "author"})],
    "a step put in later": [
        ("target", ENTERED, {"steps": {"2024": "29000"}, "by": "author"}),
        ("target", MOVED, {"steps": {"2024": "29000", "2025": "29500"}}),
    ],
    "a step put in and taken out": [
        ("target", MOVED, {"steps": {"2024": "29000"}}),
        ("target", NEXT, {"steps": {}}),
    ],
    "done, entered 31 days later": [("platform", MOVED, {"completed_on": date(2026, 10, 20)})],
    "done, entered 30 days later": [("platform", MOVED, {"completed_on": date(2026, 10, 21)})],
    "done, entered in time, its evidence later": [
        ("platform", date(2026, 7, 20), {"completed_on": date(2026, 7, 18)}),
        ("platform", MOVED, {"evidence": "Notice 12"}),
    ],
    "done, moved to an earlier day": [
        ("platform", date(2026, 7, 20), {"completed_on": date(2026, 7, 18)}),
        ("platform", MOVED, {"completed_on": date(2026, 7, 16)}),
    ],
    "done, taken back": [
        ("platform", MOVED, {"completed_on": DUE}),
        ("platform", NEXT, {"completed_on": None}),
    ],
    "moved, and done long before it was entered": [
        ("platform", MOVED, {"planned_on": SOON}),
        ("platform", NEXT, {"completed_on": SOON}),
    ],
}


def set_entry_day(record: Any, day: date, by: str = "") -> None:
    """Set the day of a record's latest history entry, and who wrote it."""
    entry = type(record).history.filter(id=record.pk).order_by("-history_id")[0]
    entry.history_date = timezone.make_aware(datetime.combine(day, datetime.min.time())) + timedelta(hours=9)
    entry.history_user = User.objects.get_or_create(username=by)[0] if by else None
    entry.save()


def change_record(record: Any, day: date, by: str = "", **fields: Any) -> None:
    for name, value in fields.items():
        setattr(record, name, value)
    record.save()
    set_entry_day(record, day, by)


@pytest.fixture
def records(empty: None) -> dict[str, Any]:
    """Make a city with values on time, a key milestone that is 130 days overdue, and another that was done in time."""
    city = make.pilot(make.batch(), make.province(slug="hebei"), slug="city", name_en="City")
    target = make.target(city, make.indicator("AIR_NOX", name_en="NOx"), 30000, 25500)
    make.reading(city, target.indicator, "2025", 26500)
    platform = {"title_en": "Platform live", "title_zh": "", "is_key": True, "owner": "Bureau"}
    done = date(2025, 7, 17)
    found = {
        "target": target,
        "platform": make.milestone(city, DUE, **platform),
        "inventory": make.milestone(city, done, done, title_en="Inventory"),
    }
    for record in found.values():
        set_entry_day(record, ENTERED, "author")
    return found


def get_page(client: Client, query: str = DAY) -> Any:
    return client.get(f"/pilots/city/?{query}")


def get_light(client: Client, query: str = DAY) -> Any:
    return client.get(f"/api/v1/progress/?pilot=city&{query}").json()["pilots"][0]["light"]


def test_what_is_told_of_changed_plans(client: Client, records: dict[str, Any]) -> None:
    """On a day before the change nothing; on one after it the colour, what was changed, in both languages."""
    said = {}
    for name, changes in CHANGES.items():
        with transaction.atomic():
            for which, day, fields in changes:
                change_record(type(records[which]).objects.get(pk=records[which].pk), day, **fields)
            lights = [get_light(client, query) for query in ("as_of=2026-11-19", DAY, f"{DAY}&lang=zh-hans")]
            said[name] = [[light["colour"], *map(without_id, light["replanned"])] for light in lights]
            transaction.set_rollback(True)
    assert_snapshot("replanned", said)


def without_id(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "id"}


def test_pages_lists_and_files_say_it_too(client: Client, records: dict[str, Any]) -> None:
    platform, target = records["platform"], records["target"]
    pilot: Pilot = platform.pilot
    change_record(platform, MOVED, planned_on=SOON)
    text = "replanned on 20 November 2026, was due 17 July 2026"
    status = get_page(client).context["status"]
    assert [(item.name, item.text, item.anchor) for item in status.replanned] == [
        ("Platform live", text, f"#milestone-{platform.pk}")
    ]
    reason = f"Platform live is 54 days overdue; {text}"
    assert [(item.effect, status.text_of(item)) for item in status.reasons] == [("yellow", reason)]
    assert reason in client.get(f"/provinces/hebei/?{DAY}").text
    rows = csv_rows(client.get(f"/pilots/city/?{DAY}&export=milestone-list.csv"))
    assert {row[rows[0].index("Changed since")] for row in rows[1:]} == {"", text}
    change_record(platform, MOVED, planned_on=LATER)
    for address in ("/provinces/hebei/", f"/batches/{pilot.batch.slug}/"):
        assert "plan changed for 1 item, last on 20 November 2026" in client.get(f"{address}?{DAY}").text
    change_record(platform, MOVED, planned_on=DUE, completed_on=DUE)
    listed = client.get(f"/provinces/hebei/?{DAY}").text
    assert "completion of 1 milestone entered late, last on 20 November 2026" in listed
    change_record(target, MOVED, binding=False)
    table = get_page(client).context["tables"]["indicators"]
    assert table.rows[0][2].value == "on schedule; binding changed on 20 November 2026, was yes"


def test_a_deleted_milestone_is_named(client: Client, records: dict[str, Any]) -> None:
    platform = records["platform"]
    key = platform.pk
    platform.delete()
    platform.pk = key
    set_entry_day(platform, MOVED)
    (gone,) = get_page(client).context["status"].replanned
    text = "deleted on 20 November 2026, was due 17 July 2026"
    assert (gone.name, gone.text, gone.anchor) == ("Platform live", text, "")
