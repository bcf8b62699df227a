"""Calendars of lists: right days, stable keys, changes told, nothing that a reader may not see."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from icalendar import Calendar

from pilots.metrics import Move
from pilots.models import Milestone, Pilot
from tests import factories as make

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 30)
NIGHT_IN_SHANGHAI = datetime(2026, 11, 26, 16, 30, tzinfo=UTC)  # 27 November, 00:30


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NIGHT_IN_SHANGHAI)


def calendar_of(client: Client, url: str) -> Calendar:
    response = client.get(url)
    assert (response.status_code, response["Content-Type"]) == (200, "text/calendar; charset=utf-8"), response.content
    return Calendar.from_ical(response.content)


def events_of(client: Client, url: str) -> dict[str, Any]:
    """Return the events of a calendar by UID."""
    events = calendar_of(client, url).walk("VEVENT")
    return {str(event["uid"]): event for event in events}


@pytest.fixture
def milestone() -> Milestone:
    province = make.province(slug="lakeland")
    pilot = make.pilot(make.batch(), province, slug="lakeside", name_en="Huzhou", name_zh="湖州")
    return make.milestone(pilot, DAY, title_en="Boiler, replaced; 湖州", owner="Environment office", is_key=True)


# -- calendars -------------------------------------------------------------------------------------------


def test_a_whole_event(client: Client, milestone: Milestone) -> None:
    calendar = calendar_of(client, "/pilots/?export=ics&lang=en")
    heading = {name.lower(): str(value) for name, value in calendar.items() if name != "REFRESH-INTERVAL"}
    assert heading == {
        "prodid": "-//Synergy Pilot Tracker//EN",
        "version": "2.0",
        "method": "PUBLISH",
        "name": "Milestones",
        "x-wr-calname": "Milestones",
        "x-published-ttl": "PT12H",
    }
    raw = client.get("/pilots/?export=ics&lang=en").content.decode()
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT12H\r\n" in raw
    assert "VALARM" not in raw
    assert f"DTSTART;VALUE=DATE:{DAY:%Y%m%d}\r\nDTEND;VALUE=DATE:{DAY + timedelta(1):%Y%m%d}\r\n" in raw
    [event] = calendar.walk("VEVENT")
    assert {name.lower(): event.decoded(name) for name in event if name not in {"DTSTAMP", "LAST-MODIFIED"}} == {
        "uid": f"milestone-{milestone.pk}@testserver",
        "sequence": 1,
        "dtstart": DAY,
        "dtend": DAY + timedelta(1),
        "summary": "Huzhou: Boiler, replaced; 湖州",
        "description": "Responsible: Environment office\nFacet: management",
        "url": f"http://testserver/pilots/lakeside/#milestone-{milestone.pk}",
        "status": "CONFIRMED",
        "transp": "TRANSPARENT",
    }


def test_it_has_the_filter_of_the_list(client: Client, milestone: Milestone) -> None:
    other = make.pilot(make.batch(), make.province(slug="ironland"), slug="ironside")
    far = make.milestone(other, DAY)
    keys = {name: f"milestone-{item.pk}@testserver" for name, item in (("near", milestone), ("far", far))}
    assert set(events_of(client, "/pilots/?export=ics")) == {keys["near"], keys["far"]}
    assert set(events_of(client, "/pilots/?export=ics&province=ironland")) == {keys["far"]}
    assert set(events_of(client, "/pilots/?export=ics&light=red")) == set()  # a computed filter
    assert set(events_of(client, "/pilots/lakeside/?export=ics")) == {keys["near"]}


def test_milestones_of_a_withdrawn_pilot_are_cancelled_for_90_days(client: Client, milestone: Milestone) -> None:
    make.province(slug="ironland")
    done = make.milestone(milestone.pilot, DAY - timedelta(300), DAY - timedelta(310))
    uid, done_uid = (f"milestone-{item.pk}@testserver" for item in (milestone, done))
    for days, expected in ((0, {uid, done_uid}), (89, {uid, done_uid}), (90, set())):
        Pilot.objects.update(withdrawn_on=date(2026, 11, 27) - timedelta(days))
        found = events_of(client, "/pilots/?export=ics")
        assert set(found) == expected
        assert {key: str(event["status"]) for key, event in found.items()} == {
            key: {uid: "CANCELLED", done_uid: "CONFIRMED"}[key] for key in expected
        }
    Pilot.objects.update(withdrawn_on=date(2026, 11, 27))
    assert events_of(client, "/pilots/?export=ics&province=ironland") == {}


def test_follow_ups_by_their_due_date_in_force(client: Client, milestone: Milestone) -> None:
    extended = make.follow_up(milestone.pilot, due_on=date(2026, 7, 1))
    make.step(extended, Move.SIGN, date(2026, 6, 2))
    make.step(extended, Move.EXTEND, date(2026, 6, 3), new_due_on=date(2026, 12, 24))
    dropped = make.follow_up(milestone.pilot, (Move.WITHDRAW, date(2026, 11, 1)))
    long_ago = make.follow_up(milestone.pilot, (Move.WITHDRAW, date(2026, 8, 1)))
    found = events_of(client, "/actions/?export=ics&lang=en")
    assert f"follow-up-{long_ago.pk}@testserver" not in found
    shown = found[f"follow-up-{extended.pk}@testserver"]
    assert (shown["dtstart"].dt, shown["sequence"]) == (date(2026, 12, 24), 4)  # the record and three steps
    assert str(shown["summary"]) == f"{extended.number} {extended.title_en}"
    assert str(shown["status"]) == "CONFIRMED"
    assert str(found[f"follow-up-{dropped.pk}@testserver"]["status"]) == "CANCELLED"
    assert set(events_of(client, "/actions/?export=ics&state=withdrawn")) == {f"follow-up-{dropped.pk}@testserver"}


def test_unprintable_characters_are_left_out(client: Client, milestone: Milestone) -> None:
    Milestone.objects.update(owner="a\x0b& co", title_en="a\x01b\r\nBEGIN:VALARM")
    [event] = events_of(client, "/pilots/?export=ics&lang=en").values()
    assert str(event["summary"]) == "Huzhou: ab\nBEGIN:VALARM"
    assert str(event["description"]) == "Responsible: a& co\nFacet: management"
    assert event.subcomponents == []
