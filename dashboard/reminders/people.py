"""Who gets reminders: active users with their role and settings, and the signed links that end a user's mail."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core import signing
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Role, is_administrator, officer_of
from core.http.as_of import holds_demonstration
from dashboard.analytics.working_days import WorkingCalendar, unknown_year_text
from dashboard.models import MailSettings, Rhythm

SIGNER = signing.Signer(salt="reminders.unsubscribe")


@dataclass(frozen=True)
class Person:
    """An active user, as the database has it at this moment."""

    user: User
    settings: MailSettings

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
    def wants_mail(self) -> bool:
        """Whether there is an address that was not refused for good, and the digest is on."""
        address = self.user.email
        return bool(address) and address != self.settings.refused_address and self.settings.rhythm != Rhythm.OFF


def load_people(keys: Iterable[int] | None = None) -> list[Person]:
    """Return the active users, or those of them with these keys. One query."""
    users = User.objects.filter(is_active=True).select_related("officer__province", "mail_settings").order_by("pk")
    if keys is not None:
        users = users.filter(pk__in=list(keys))
    return [Person(user, settings_of(user)) for user in users]


def settings_of(user: Any) -> MailSettings:
    """Return the settings of a user, or those that hold without a row (unsaved)."""
    found: MailSettings = getattr(user, "mail_settings", None) or MailSettings(user=user)
    return found


def mail_notices(user: Any, day: date, calendar: WorkingCalendar) -> list[str]:
    """Return what a user should know of the mail here, the most general first: that none is sent, and why."""
    found = []
    if not settings.MAIL:
        found.append(_("No mail is sent here: no mail server is set up. “My work” shows what is due."))
    elif holds_demonstration():
        found.append(_("No mail is sent from a demonstration: its addresses are invented."))
    elif not user.email:
        found.append(_("Your account has no mail address, so no reminder reaches you."))
    if day.year not in calendar.known_years:
        found.append(unknown_year_text(day.year))
    return found


# -- links that end the mail -------------------------------------------------------------------------------


def unsubscribe_path(user: Any) -> str:
    """Return the path of the link; it never expires, and opens nothing but the end of the mail."""
    return reverse("unsubscribe", args=[SIGNER.sign(str(user.pk))])


def user_of(signed: str) -> User | None:
    """Return the user that a link was made for; None for one that was not made here."""
    try:
        return User.objects.filter(pk=SIGNER.unsign(signed)).first()
    except signing.BadSignature:
        return None


def end_mail(user: Any) -> None:
    """Switch the user's reminders off, until the user switches them on again."""
    MailSettings.objects.update_or_create(user=user, defaults={"rhythm": Rhythm.OFF})
