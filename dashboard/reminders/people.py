"""Who gets reminders: active users with their role, settings and subscriptions, and who is next in line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist

from accounts.models import Role
from accounts.roles import is_administrator, officer_of
from core.permissions import has_object_permission
from dashboard.models import MailSettings, Rhythm, Subscription
from pilots.models import FollowUp

Subject = tuple[str, int]
"""A record that can be followed: kind and key."""


@dataclass(frozen=True)
class Person:
    """An active user, as the database has it at this moment."""

    user: User
    settings: MailSettings
    rows: Mapping[Subject, Subscription]

    @property
    def key(self) -> int:
        return self.user.pk

    @property
    def role(self) -> str:
        officer = officer_of(self.user)
        return Role.ADMIN if is_administrator(self.user) else officer.role if officer else Role.VIEWER

    @property
    def province(self) -> Any:
        """The province of a provincial editor; None for others."""
        officer = officer_of(self.user)
        return officer.province if officer and self.role == Role.PROVINCIAL_EDITOR else None

    @property
    def is_ministry(self) -> bool:
        return self.role == Role.NATIONAL_EDITOR

    @property
    def is_reachable(self) -> bool:
        """Whether there is an address, and it was not refused."""
        return bool(self.user.email) and self.user.email != self.settings.bounced_address

    @property
    def wants_mail(self) -> bool:
        return self.is_reachable and self.settings.rhythm != Rhythm.OFF

    def is_muted(self, subjects: Iterable[Subject]) -> bool:
        """Whether the user opted out of the record, or of what it belongs to; the first row found decides."""
        row = next((self.rows[subject] for subject in subjects if subject in self.rows), None)
        return row is not None and not row.active

    def follows_since(self, subjects: Iterable[Subject]) -> date | None:
        """Return the day since which the user follows the record, or what it belongs to; None if not."""
        row = next((self.rows[subject] for subject in subjects if subject in self.rows), None)
        return row.since if row and row.active else None


def load_people(keys: Iterable[int] | None = None) -> list[Person]:
    """Return the active users, or those of them with these keys. Two queries."""
    users = User.objects.filter(is_active=True).select_related("officer__province", "mail_settings").order_by("pk")
    if keys is not None:
        users = users.filter(pk__in=list(keys))
    return [
        Person(user, settings_of(user), {(row.kind, row.record_id): row for row in user.subscriptions.all()})
        for user in users.prefetch_related("subscriptions")
    ]


def settings_of(user: Any) -> MailSettings:
    """Return the settings of a user, or those that hold without a row (unsaved)."""
    try:
        found: MailSettings = user.mail_settings
    except ObjectDoesNotExist:
        found = MailSettings(user=user)
    return found


class Directory:
    """Who hears of something first, and who does where nobody of them can be reached by mail."""

    def __init__(self, people: Sequence[Person]) -> None:
        self.people = {person.key: person for person in people}
        self.ministry = {person.key for person in people if person.is_ministry and person.is_reachable}
        self.administrators = {person.key for person in people if person.role == Role.ADMIN and person.is_reachable}

    def editors(self, province: int | None) -> set[int]:
        """Return the editors of a province that can be reached."""
        return {
            person.key
            for person in self.people.values()
            if person.province and person.province.pk == province and person.is_reachable
        }

    def owner(self, follow_up: FollowUp) -> set[int]:
        """Return who is named as responsible, if that user can be reached and may still act on it."""
        person = self.people.get(follow_up.owner_user_id or 0)
        found = person and person.is_reachable and has_object_permission(person.user, "change", follow_up)
        return {person.key} if person and found else set()

    def first_line(self, province: int | None, follow_up: FollowUp | None = None) -> set[int]:
        """Return who is to act and can be reached: the owner, else the province’s editors, else the ministry, else
        the administrators.
        """
        owner = self.owner(follow_up) if follow_up else set()
        return owner or self.editors(province) or self.ministry or self.administrators
