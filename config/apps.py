"""The house as an app of its own, and a name for an installed package that has none in Chinese."""

from typing import Any

from axes.apps import AppConfig as AxesConfig
from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate, post_save, pre_migrate
from django.utils.translation import gettext_lazy as _
from simple_history.signals import post_create_historical_record


class House(AppConfig):
    """What the house itself keeps; it knows neither domain."""

    name = "config"
    verbose_name = _("Programs and their keys")

    def ready(self) -> None:
        """Every entry of a history has its line among the changes; tokens end with the rights they were made under.

        The marks of the tables are laid aside while a migration runs.
        """
        from config.bulk import note_entry
        from config.changes import settle
        from config.marks import install, lay_aside

        post_create_historical_record.connect(note_entry, dispatch_uid="note_entry")
        post_migrate.connect(settle, sender=self, dispatch_uid="settle")
        pre_migrate.connect(lay_aside, sender=self, dispatch_uid="lay_aside")
        post_migrate.connect(install, sender=self, dispatch_uid="install")
        post_save.connect(end_tokens, sender=settings.AUTH_USER_MODEL, dispatch_uid="end_tokens")


def end_tokens(instance: Any, *, created: bool, update_fields: frozenset[str] | None, **kwargs: Any) -> None:
    """What a person's rights rest on was saved, perhaps changed. Every sign-in saves as well, but nothing of that."""
    from config.models import STANDING, end_overtaken

    if not created and (update_fields is None or STANDING & update_fields):
        end_overtaken(instance)


class SignInLockout(AxesConfig):
    """django-axes under a name that an administrator understands."""

    verbose_name = _("Sign-in lockout")
