"""Users and unsaved follow-ups for the tests of follow-ups."""

from datetime import date
from typing import Any

from django.contrib.auth.models import User

from accounts.models import Officer
from pilots.models import FollowUp, Pilot
from policies.models import Province
from tests.factories import make_agency


def make_user(name: str, role: str = "national_editor", province: Province | None = None) -> User:
    user = User.objects.create_user(name)
    Officer.objects.create(user=user, role=role, province=province)
    return User.objects.get(pk=user.pk)


def new_follow_up(pilot: Pilot | None, **fields: Any) -> FollowUp:
    """Return an unsaved follow-up that the light of the pilot caused."""
    values = {
        "title_zh": "整改",
        "pilot": pilot,
        "cause": "pilot" if pilot else "",
        "opened_on": date(2026, 6, 1),
        "due_on": date(2026, 7, 1),
        "owner_agency": make_agency(),
    }
    return FollowUp(**{**values, **fields})
