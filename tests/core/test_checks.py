"""System checks of the toolkit, which `migrate` runs."""

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder


@pytest.mark.django_db
def test_a_database_of_a_newer_release_is_refused() -> None:
    """Django itself would say that there is nothing to apply, and the older code would serve it."""
    MigrationRecorder(connection).record_applied("pilots", "0999_of_tomorrow")
    with pytest.raises(
        SystemCheckError, match=r"has the migration pilots\.0999_of_tomorrow, which release .* does not"
    ):
        call_command("migrate", verbosity=0, skip_checks=False)
