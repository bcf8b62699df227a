"""Signed links that end a user's mail without signing in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core import signing
from django.urls import reverse

from dashboard.models import MailSettings, Rhythm

SIGNER = signing.Signer(salt="reminders.unsubscribe")


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
