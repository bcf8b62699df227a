"""Users of the demonstration: national editors without a usable password, so that nobody signs in as one."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User

from accounts.models import Officer, Role
from pilots.demo.texts import names


def demo_editor(username: str = names.DEMO_EDITOR) -> User:
    """Return a national editor, created on the first call."""
    user, new = get_user_model()._default_manager.get_or_create(username=username)
    if new:
        user.set_unusable_password()
        user.save()
        Officer.objects.create(user=user, role=Role.NATIONAL_EDITOR)
    return user


def demo_reporter() -> User:
    """Return the national editor who enters for agencies without an account: never the one who verifies."""
    return demo_editor(names.DEMO_REPORTER)
