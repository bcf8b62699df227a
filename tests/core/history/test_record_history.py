"""History section of record pages: what was changed, when and why; the author only for users with permission."""

import csv
from datetime import date, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from core.days import today
from pilots.models import LightOverride, Pilot
from tests import factories as make
from tests.support.admin_forms import newest
from tests.support.histories import rewrite_entries

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]


@pytest.fixture
def pilot() -> Pilot:
    return make.pilot(make.batch(), make.province(), slug="huzhou", name_en="Huzhou")


@pytest.fixture
def author() -> User:
    return User.objects.create_user("zhang.san")


def rename(record: Any, author: User | None = None, reason: str | None = "renamed", **fields: Any) -> None:
    """Rename the record as a user, with a reason."""
    for name, value in fields.items():
        setattr(record, name, value)
    record._history_user, record._change_reason = author, reason
    record.save()


def history_notes(client: Client, record: Any, **asked: Any) -> Any:
    return client.get(record.get_absolute_url(), asked).context["history"]["notes"]


def full_body(response: Any) -> str:
    """Return the whole body, also of a streaming response."""
    sent = b"".join(response.streaming_content) if response.streaming else response.content
    return str(sent.decode("utf-8-sig"))


def test_every_kind_of_record_page_tells_its_history(client: Client) -> None:
    province, industry, policy = make.province(), make.industry(), make.policy()
    batch = make.batch()
    pilot = make.pilot(batch, province, industry)
    for record, field in [
        (pilot, "name_en"), (policy, "title_en"), (province, "name_en"), (industry, "name_en"), (batch, "title_en")
    ]:  # fmt: skip
        old = getattr(record, field)
        rename(record, **{field: "Better"})
        page = client.get(record.get_absolute_url())
        note = page.context["history"]["notes"][0]
        changes = [(change.old, change.new) for change in note.differences]
        former = [("no data", old)] if record is province else []  # under which it is found
        assert (changes, note.reason, note.action) == ([(old, "Better"), *former], "renamed", "changed"), record
        assert page.text.count('<section id="history"') == 1
        assert 'href="#history"' in page.text


def test_a_pilot_s_history_holds_all_that_hangs_on_it(client: Client, pilot: Pilot, author: User) -> None:
    indicator = make.indicator("AIR_SO2", name_en="SO2")
    make.stage(pilot, "listed", date(2024, 1, 15))
    milestone = make.milestone(pilot, date(2025, 1, 1), title_en="Plan")
    target = make.target(pilot, indicator, 12000, 9600)
    make.add_step(target, 2025, 10400)
    make.reading(pilot, indicator, "2024", 11000)
    until = today() + timedelta(1)
    LightOverride.objects.create(pilot=pilot, colour="red", reason="Late", author=author, expires_on=until)
    make.milestone(make.pilot(pilot.batch, pilot.province), date(2025, 1, 1), title_en="Another pilot's")
    milestone.delete()
    told = [(note.kind, note.what, note.action) for note in history_notes(client, pilot)]
    assert told == [
        ("Milestone", "Plan", "deleted"),
        ("Light set by hand", "Red", "added"),
        ("Reading", "SO2 2024", "added"),
        ("Target", "SO2 2026", "changed"),
        ("Target", "SO2 2026", "added"),
        ("Milestone", "Plan", "added"),
        ("Stage entry", "Listed", "added"),
        ("Pilot", "Huzhou", "added"),
    ]


@pytest.mark.parametrize("word", ["", "pilot-x", "policy-1", "pilot-" + "9" * 30])
def test_an_entry_that_is_not_of_the_page_is_rejected(client: Client, pilot: Pilot, word: str) -> None:
    other = make.pilot(pilot.batch, pilot.province)
    for asked in (word, f"pilot-{newest(other).pk}"):
        page = client.get(pilot.get_absolute_url(), {"entry": asked})
        assert (page.status_code, "is no entry of this page" in page.text) == (400, True), asked


def test_a_past_day_knows_what_was_entered_by_then(client: Client, pilot: Pilot) -> None:
    rewrite_entries(pilot.history.all(), history_date=timezone.now() - timedelta(days=10))
    rename(pilot, name_en="Better")
    count = pilot.history.count()
    day = (today() - timedelta(days=5)).isoformat()
    page = client.get(pilot.get_absolute_url(), {"as_of": day})
    history = page.context["history"]
    assert (len(history["notes"]), history["total"], history["later"]) == (count - 1, count - 1, 1)
    assert "1 more was entered after the day shown." in page.text
    later = client.get(pilot.get_absolute_url(), {"as_of": day, "entry": f"pilot-{newest(pilot).pk}"})
    assert later.status_code == 400
    assert client.get(pilot.get_absolute_url()).context["history"]["later"] == 0


def test_a_long_history_is_paged_and_its_file_holds_all_of_it(client: Client, pilot: Pilot) -> None:
    make.pilot(make.batch(), make.province())
    for n in range(60):
        rename(pilot, name_en=f"Name {n}")
    total = pilot.history.count()
    first, second = (history_notes(client, pilot, page=n) for n in (1, 2))
    assert (len(first), len(second)) == (50, total - 50)
    assert [change.new for note in (first[0], second[0]) for change in note.differences] == ["Name 59", "Name 9"]
    assert second[0].differences[0].old == "Name 8"
    page = client.get(pilot.get_absolute_url())
    assert "?page=2#history" in page.text
    assert client.get(pilot.get_absolute_url(), {"page": 3}).status_code == 400
    file = full_body(client.get(pilot.get_absolute_url(), {"export": "history.csv"}))
    rows = [row for row in csv.reader(StringIO(file)) if row and not row[0].startswith("#")]
    assert rows[0] == ["When", "Record", "Which", "What happened", "What changed", "Why"]
    assert (len(rows) - 1, rows[1][4]) == (total, "Name in English: Name 58 → Name 59")
