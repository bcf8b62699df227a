"""A province with an editor, a ministry, and the digests that they get at a moment."""

from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.utils import timezone

from accounts.models import Officer, Role
from dashboard.models import MailSettings
from dashboard.reminders import Outcome, send_digests
from pilots.models import Pilot
from policies.models import Province
from tests import factories as make


@pytest.fixture(autouse=True)
def mail_server(settings: Any, empty: None) -> None:
    """The site sends mail, and holds the records of the test alone."""
    settings.MAIL, settings.SITE_URL = True, "https://tracker.example.org"


@pytest.fixture
def jia() -> Province:
    return make.province(slug="jia", name_zh="甲省", name_en="Jia Province", short_en="Jia")


@pytest.fixture
def pilot(jia: Province) -> Pilot:
    return make.pilot(make.batch(asked_from=2025), jia, slug="city", name_zh="试点城市", name_en="Pilot City")


def make_officer(name: str, province: Province | None = None, role: str = "", **chosen: Any) -> User:
    """Make a user with an address: an editor of the province, or one of the ministry; `chosen` are mail settings."""
    user = User.objects.create_user(name, f"{name}@example.org")
    role = role or (Role.PROVINCIAL_EDITOR if province else Role.NATIONAL_EDITOR)
    Officer.objects.create(user=user, role=role, province=province)
    if chosen:
        MailSettings.objects.create(user=user, **chosen)
    return User.objects.get(pk=user.pk)


def send(at: str) -> Outcome:
    """Send the digests that are owed at a local time."""
    moment = datetime.fromisoformat(at)
    return send_digests(timezone.make_aware(moment) if timezone.is_naive(moment) else moment)


def mails(at: str) -> dict[str, str]:
    """Send the digests that are owed at a local time, and return their texts by address."""
    before = len(mail.outbox)
    send(at)
    return {message.to[0].partition("@")[0]: str(message.body) for message in mail.outbox[before:]}
