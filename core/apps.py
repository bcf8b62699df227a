"""App configuration of the core toolkit."""

import logging

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _
from simple_history.signals import post_create_historical_record


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = _("Imports and shipped records")

    def ready(self) -> None:
        """Connect history entries to the change feed and migrations to the triggers; say what the settings made of
        the environment."""
        for text in settings.NAMES_WITHOUT_MEANING:
            logging.getLogger("tracker.settings").warning(text)
        from core.backup import databases  # noqa: F401  # registers its check
        from core.caching import create_triggers, drop_triggers
        from core.history.change_feed import reset_foreign_transactions
        from core.history.recording import on_history_entry

        post_create_historical_record.connect(on_history_entry, dispatch_uid="note_entry")
        post_migrate.connect(reset_foreign_transactions, sender=self, dispatch_uid="settle")
        pre_migrate.connect(drop_triggers, sender=self, dispatch_uid="drop_data_version")
        post_migrate.connect(create_triggers, sender=self, dispatch_uid="create_data_version")
