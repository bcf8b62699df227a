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


@pytest.mark.django_db
def test_a_database_of_before_1_0_is_refused() -> None:
    recorder = MigrationRecorder(connection)
    recorder.migration_qs.filter(app="core").delete()
    for app, name in (("config", "0014_tables_of_1_0"), ("policies", "0001_initial")):
        recorder.record_applied(app, name)
    before = {*recorder.applied_migrations()}
    wanted = "This database is of a release before 1.0: it has to pass through release 1.0.0, commit a889b15, first"
    with pytest.raises(SystemCheckError, match=wanted):
        call_command("migrate", verbosity=0, skip_checks=False)
    assert {*recorder.applied_migrations()} == before
