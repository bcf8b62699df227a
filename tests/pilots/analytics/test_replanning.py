"""Amendments and late entries: a light changed by them says so on the page, in lists, files and the API."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from tests import factories as make
from tests.support.csv_files import csv_rows

pytestmark = pytest.mark.django_db
DAY, BEFORE = "as_of=2026-11-24", "as_of=2026-11-19"
MOVED, DUE, LATER, SOON = date(2026, 11, 20), date(2026, 7, 17), date(2026, 12, 20), date(2026, 10, 1)
DECIDED = {"asked_on": MOVED, "decided_on": MOVED, "accepted": True}
MOVED_TEXT = "due 20 December 2026, as amended on 20 November 2026: The supplier is late; first 17 July 2026"
TARGET_TEXT = "29,000 t by 2026, as amended on 20 November 2026: The supplier is late; first 25,500 t"


@pytest.fixture
def records(empty: None) -> dict[str, Any]:
    """Make a city with values on time, a key milestone that is 130 days overdue, and another that was done in time."""
    batch = make.batch(term_start=date(2024, 1, 1), term_end=date(2026, 12, 31))
    city = make.pilot(batch, make.province(slug="hebei"), slug="city", name_en="City")
    target = make.target(city, make.indicator("AIR_NOX", name_en="NOx"), 30000, 25500)
    make.reading(city, target.indicator, "2025", 26500)
    done = date(2025, 7, 17)
    return {
        "city": city,
        "target": target,
        "platform": make.milestone(city, DUE, title_en="Platform live", title_zh="", is_key=True, owner="Bureau"),
        "inventory": make.milestone(city, done, done, title_en="Inventory"),
    }


def get_light(client: Client, query: str = DAY) -> Any:
    return client.get(f"/api/v1/progress/?pilot=city&{query}").json()["pilots"][0]["light"]


def amend(records: dict[str, Any], course: str) -> None:
    platform, target = records["platform"], records["target"]
    if course == "moved":
        make.amendment(platform, day=LATER, **DECIDED)
    elif course == "moved, before it is refused another day":
        make.amendment(platform, day=LATER, **DECIDED)
        make.amendment(platform, day=SOON, **DECIDED | {"accepted": False, "remark": "No"})
    elif course == "asked for":
        make.amendment(platform, day=LATER, asked_on=MOVED)
    elif course == "dropped":
        make.amendment(platform, drop=True, **DECIDED)
    elif course == "a lowered target":
        make.amendment(target, value=29000, **DECIDED)
    elif course == "done, entered late":
        make.completion(platform, SOON, entered_on=MOVED)


COURSES: dict[str, tuple[str, list[str]]] = {  # colour after it, and what is told
    "nothing": ("red", []),
    "moved": ("green", [MOVED_TEXT]),
    "moved, before it is refused another day": ("green", [MOVED_TEXT]),
    "asked for": ("red", []),
    "dropped": ("green", ["dropped on 20 November 2026: The supplier is late"]),
    "a lowered target": ("red", [TARGET_TEXT]),
    "done, entered late": ("green", ["completion entered on 20 November 2026 for 1 October 2026"]),
}


@pytest.mark.parametrize("course", COURSES)
def test_what_is_told_of_changed_promises(client: Client, records: dict[str, Any], course: str) -> None:
    """On a day before the decision nothing; on one after it the colour, and what was changed."""
    amend(records, course)
    before, after = get_light(client, BEFORE), get_light(client)
    assert (before["colour"], before["replanned"]) == ("red", [])
    assert (after["colour"], [row["text"] for row in after["replanned"]]) == COURSES[course]


def test_pages_lists_and_files_say_it_too(client: Client, records: dict[str, Any]) -> None:
    platform = records["platform"]
    make.amendment(platform, day=date(2026, 11, 21), **DECIDED)
    text = "due 21 November 2026, as amended on 20 November 2026: The supplier is late; first 17 July 2026"
    status = client.get(f"/pilots/city/?{DAY}").context["status"]
    assert [(item.name, item.text, item.anchor) for item in status.replanned] == [
        ("Platform live", text, f"#milestone-{platform.pk}")
    ]
    reason = f"Platform live is 3 days overdue; {text}"
    assert [(item.effect, status.text_of(item)) for item in status.reasons] == [("yellow", reason)]
    assert reason in client.get(f"/provinces/hebei/?{DAY}").text
    rows = csv_rows(client.get(f"/pilots/city/?{DAY}&export=milestone-list.csv"))
    assert {row[rows[0].index("Amended")] for row in rows[1:]} == {"", text}
    amend(records, "a lowered target")
    for address in ("/provinces/hebei/", f"/batches/{records['city'].batch.slug}/"):
        listed = client.get(f"{address}?{DAY}").text
        assert "1 other promise amended or entered late, last on 20 November 2026" in listed
    assert TARGET_TEXT in client.get(f"/pilots/city/?{DAY}").text
