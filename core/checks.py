"""System checks of the toolkit."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from core.backup.databases import applied_migrations, unknown_migrations


@register(Tags.database)
def check_release(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Return an error for a database that a newer release has migrated: `migrate` would say "nothing to apply"."""
    found = [
        migration
        for alias in databases or ()
        for migration in unknown_migrations(applied_migrations(connections[alias]))
    ]
    if not found:
        return []
    text = (
        f"This database has the migration {found[0]}, which release {settings.VERSION} does not have: a newer one used "
        "it. Install that release, or restore a backup from before the upgrade. Nothing was changed."
    )
    return [Error(text, id="config.E001")]
