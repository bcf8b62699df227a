"""`manage.py adopt`: a database of the last release before 1.0 keeps its rows and gets the record of 1.0."""

import io
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from core.imports.models import Import
from core.management.commands.adopt import FIRST_MIGRATIONS, LAST_MIGRATIONS

pytestmark = [pytest.mark.django_db, pytest.mark.database]
OTHERS = ("policies.0001_initial", "pilots.0001_initial", "config.0001_house", "auth.0001_initial")


@pytest.fixture
def recorder(settings: Any) -> MigrationRecorder:
    """The record that a database has of release 0.8.0, and its content types."""
    settings.MIGRATION_MODULES = {}  # the suite makes its tables without migrations
    recorder = MigrationRecorder(connection)
    recorder.migration_qs.all().delete()
    for app, name in [*LAST_MIGRATIONS, *(other.split(".") for other in OTHERS)]:
        recorder.record_applied(app, name)
    ContentType.objects.filter(app_label="core").update(app_label="config")
    ContentType.objects.clear_cache()
    return recorder


def adopt() -> str:
    out = io.StringIO()
    call_command("adopt", stdout=out)
    return out.getvalue()


def test_the_record_is_that_of_1_0_and_rights_stay(recorder: MigrationRecorder) -> None:
    right = Permission.objects.get(content_type__app_label="config", codename="undo_import")
    Group.objects.create(name="Readers").permissions.add(right)
    assert "Run migrate now" in adopt()
    assert {*recorder.applied_migrations()} == {*FIRST_MIGRATIONS, ("auth", "0001_initial")}
    assert ContentType.objects.get_for_model(Import) == right.content_type
    assert not ContentType.objects.filter(app_label="config").exists()
    with pytest.raises(CommandError, match=r"none of a release before 1\.0: there is nothing to adopt"):
        adopt()


@pytest.mark.parametrize("lacking", sorted(LAST_MIGRATIONS))
def test_a_database_of_an_earlier_release_is_refused(recorder: MigrationRecorder, lacking: tuple[str, str]) -> None:
    recorder.record_unapplied(*lacking)
    before = {*recorder.applied_migrations()}
    with pytest.raises(CommandError, match=f"lacks the migration {'.'.join(lacking)} of release 0.8.0, the last"):
        adopt()
    assert {*recorder.applied_migrations()} == before


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ("ALTER TABLE pilots_pilot ADD COLUMN website text NULL", "pilots_pilot.website"),
        ("ALTER TABLE accounts_token RENAME COLUMN prefix TO start", "accounts_token.prefix, accounts_token.start"),
        ("DROP INDEX change_by_time", "core_changeevent.change_by_time"),
        ("ALTER TABLE pilots_pilot_sources RENAME TO pilots_links", "pilots_pilot_sources"),
    ],
)
def test_other_tables_are_refused(recorder: MigrationRecorder, change: str, differs: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(change)
    with pytest.raises(CommandError, match=f"other tables than release 0.8.0 makes: {differs}[.] Nothing was"):
        adopt()
    assert {*recorder.applied_migrations()} >= LAST_MIGRATIONS


def test_migrate_names_the_command(recorder: MigrationRecorder) -> None:
    with pytest.raises(SystemCheckError, match=r"of a release before 1\.0: `manage.py adopt` makes it one"):
        call_command("migrate", verbosity=0, skip_checks=False)
