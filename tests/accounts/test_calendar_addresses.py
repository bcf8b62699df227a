"""Secret addresses of calendars: made once, revocable, with the rights of their owner at each fetch."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from icalendar import Calendar

from accounts.models import Officer, Role, Token, TokenKind, create_token, revoke
from pilots.models import Milestone
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader() -> User:
    return User.objects.create_user("reader")


def feed_secret(user: User, **more: Any) -> tuple[Token, str]:
    return create_token(user=user, name="calendar", kind=TokenKind.FEEDS, **more)


@pytest.fixture
def milestone() -> Milestone:
    pilot = make.pilot(make.batch(), make.province(slug="lakeland"), slug="lakeside")
    return make.milestone(pilot, date(2026, 12, 24), title_en="Boiler replaced")


def status(client: Client, path: str) -> int:
    return client.get(path).status_code


@pytest.mark.usefixtures("internal_site")
def test_an_internal_site_is_read_by_a_calendar_program(client: Client, reader: User, milestone: Milestone) -> None:
    token, secret = feed_secret(reader)
    assert status(client, "/pilots/?export=ics") == 302
    response = client.get(f"/feeds/{secret}/milestones.ics?province=lakeland&lang=en")
    assert response.status_code == 200
    assert (response["Cache-Control"], response["Referrer-Policy"]) == ("private, no-cache", "no-referrer")
    [event] = Calendar.from_ical(response.content).walk("VEVENT")
    assert str(event["url"]) == f"http://testserver/pilots/lakeside/#milestone-{milestone.pk}"
    again = client.get(
        f"/feeds/{secret}/milestones.ics?province=lakeland&lang=en", headers={"If-None-Match": response["ETag"]}
    )
    assert again.status_code == 304
    token.refresh_from_db()
    assert token.last_used_at is not None


def test_what_has_ended_or_never_was_is_404(client: Client, reader: User) -> None:
    token, secret = feed_secret(reader)
    assert status(client, f"/feeds/{secret}/milestones.ics") == 200
    for path in (
        f"/feeds/{secret}x/milestones.ics",
        f"/feeds/{secret}/milestones.csv",
        f"/feeds/{secret}/milestones.atom",
        f"/feeds/{secret}/pilots.ics",
        "/feeds/x/milestones.ics",
    ):
        assert status(client, path) == 404
    revoke(token)
    assert status(client, f"/feeds/{secret}/milestones.ics") == 404
    token, secret = feed_secret(reader)
    Token.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert status(client, f"/feeds/{secret}/milestones.ics") == 404
    _token, secret = feed_secret(reader)
    Officer.objects.create(user=reader, role=Role.ADMIN)  # it was made with other rights
    assert status(client, f"/feeds/{secret}/milestones.ics") == 404


def test_it_opens_nothing_else_and_an_api_token_opens_no_calendar(client: Client, reader: User) -> None:
    _token, secret = feed_secret(reader)
    assert client.get("/api/v1/pilots/", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    _token, api_secret = create_token(user=reader, name="program")
    assert client.get("/api/v1/pilots/", headers={"Authorization": f"Bearer {api_secret}"}).status_code == 200
    assert status(client, f"/feeds/{api_secret}/milestones.ics") == 404
    assert client.post(f"/feeds/{secret}/milestones.ics").status_code == 405
    assert create_token(user=reader, name="x", kind=TokenKind.FEEDS, may_write=True)[0].may_write is False


def test_rights_of_the_owner_apply(client: Client, reader: User, milestone: Milestone) -> None:
    """One's own work is for editors, with what the page shows them."""
    _token, secret = feed_secret(reader)
    assert status(client, f"/feeds/{secret}/desk.ics") == 404
    away = make.pilot(milestone.pilot.batch, make.province())
    make.milestone(away, date(2026, 12, 24))
    editor = User.objects.create_user("editor", is_staff=True)
    Officer.objects.create(user=editor, role=Role.PROVINCIAL_EDITOR, province=milestone.pilot.province)
    _token, secret = feed_secret(User.objects.get(pk=editor.pk))
    desk = client.get(f"/feeds/{secret}/desk.ics")
    uids = {str(event["uid"]) for event in Calendar.from_ical(desk.content).walk("VEVENT")}
    assert uids == {f"milestone-{milestone.pk}@testserver"}


# -- the page ------------------------------------------------------------------------------------------


def test_it_is_made_beside_the_tokens_of_programs(client: Client, reader: User) -> None:
    client.force_login(reader)
    sent = {"name": "Outlook", "days": 30, "kind": "feeds"}
    html = client.post("/tokens/?lang=en", sent).content.decode()
    token = Token.objects.get()
    assert (token.kind, token.may_write, token.prefix[:4]) == (TokenKind.FEEDS, False, "spf_")
    assert "/milestones.ics?lang=en" in html
    assert "/actions.ics?lang=en" in html
    assert "/desk.ics" not in html  # of the admin, which this reader does not have
    assert "Authorization: Bearer" not in html
    listed = client.get("/tokens/?lang=en").content.decode()
    assert "calendars" in listed
    client.post(f"/tokens/{token.pk}/revoke/")
    token.refresh_from_db()
    assert token.revoked_at is not None
