"""Data version: every write to the records changes it, whatever makes it, and no version ever recurs."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connection, connections, models, transaction
from django.test import Client

from accounts.models import Token
from core.caching import DataVersion, create_triggers, data_version, drop_triggers, existing_triggers, versioned_tables
from policies.models import Agency

pytestmark = pytest.mark.django_db
ON_POSTGRESQL = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer and no TRUNCATE; in memory no reader beside it"
)


def changes_version(work: Callable[[], Any]) -> bool:
    before = data_version()
    assert before is not None
    work()
    return data_version() != before


def execute_sql(sql: str, *values: Any) -> Callable[[], None]:
    def work() -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)

    return work


def triggers() -> set[tuple[str, str]]:
    with connection.cursor() as cursor:
        return existing_triggers(connection.vendor, cursor)


def test_every_table_of_records_and_of_rights_has_a_trigger() -> None:
    tables = {table for _name, table in triggers()}
    assert tables == versioned_tables().keys()
    assert {"pilots_reading", "pilots_historicalreading", "pilots_pilot_industries", "auth_user_groups"} <= tables
    uncounted = {"accounts_token", "core_idempotencyrecord", "core_changeevent", "core_backuprun", "core_dataversion"}
    assert not tables & (uncounted | {"dashboard_told", "django_session", "django_tasks_database_dbtaskresult"})


def test_each_way_to_write_gives_a_new_version() -> None:
    agency = Agency(slug="mark", name_zh="部门", name_en="Agency")
    writes: list[Callable[[], Any]] = [
        agency.save,
        agency.save,  # nothing that differs, but a write
        lambda: Agency.objects.filter(pk=agency.pk).update(name_en="Other"),
        lambda: Agency.objects.bulk_update([agency], ["name_en"]),
        execute_sql("UPDATE policies_agency SET name_en = 'Raw' WHERE slug = 'mark'"),
        execute_sql("DELETE FROM policies_agency WHERE slug = 'mark'"),
        lambda: Agency.objects.bulk_create([Agency(slug="m2", name_zh="二", name_en="Two")]),
    ]
    assert [changes_version(write) for write in writes] == [True] * len(writes)
    assert not changes_version(lambda: list(Agency.objects.all()))
    assert not changes_version(lambda: Token.objects.update(name="x"))


def test_a_sign_in_changes_nothing_but_a_right_does(client: Client) -> None:
    person = User.objects.create_user("reader")
    assert not changes_version(lambda: client.force_login(person, "django.contrib.auth.backends.ModelBackend"))
    assert User.objects.get(pk=person.pk).last_login is not None
    person.is_staff = True
    assert changes_version(person.save)


def test_what_is_undone_leaves_the_version_as_it_was_and_its_own_never_recurs() -> None:
    """As when a copy of the database of before is put in its place: what was kept meanwhile is of another version."""
    undone = []

    def work() -> None:
        with transaction.atomic():
            assert changes_version(lambda: Agency.objects.update(name_en="Undone"))
            undone.append(data_version())
            transaction.set_rollback(True)

    Agency.objects.create(slug="undone", name_zh="部门", name_en="Agency")
    assert not changes_version(work)
    assert changes_version(lambda: Agency.objects.update(name_en="Done"))
    assert data_version() not in undone


@ON_POSTGRESQL
def test_emptying_a_table_counts() -> None:
    assert changes_version(execute_sql("TRUNCATE pilots_lightoverride"))


def test_a_migration_drops_the_triggers_where_it_has_something_to_do_and_renews_the_version() -> None:
    before, stood = data_version(), triggers()
    drop_triggers(plan=[])
    assert (data_version(), triggers()) == (before, stood)
    call_command("migrate", verbosity=0)
    assert (data_version() in {None, before}, triggers()) == (False, stood)
    drop_triggers()
    assert (data_version(), triggers()) == (None, set())
    Agency.objects.create(slug="meanwhile", name_zh="部门", name_en="Meanwhile")
    assert data_version() is None
    create_triggers()
    assert (data_version() in {None, before}, triggers()) == (False, stood)
    assert changes_version(lambda: Agency.objects.update(name_en="After"))


@pytest.mark.django_db(transaction=True)
def test_triggers_come_back_after_django_has_made_a_table_anew() -> None:
    """As an altered column does on SQLite; on PostgreSQL they stay."""
    stood = triggers()
    field = Group._meta.get_field("name")
    wider = models.CharField(max_length=200, unique=True)
    wider.set_attributes_from_name("name")
    wider.model = Group
    try:
        with connection.schema_editor() as editor:
            editor.alter_field(Group, field, wider)
        assert (triggers() == stood) == (connection.vendor == "postgresql")
        create_triggers()
        assert triggers() == stood
        assert changes_version(lambda: Group.objects.create(name="anew"))
    finally:
        with connection.schema_editor() as editor:
            editor.alter_field(Group, wider, field)
        create_triggers()


@ON_POSTGRESQL
@pytest.mark.django_db(transaction=True)
def test_writers_wait_for_none_and_leave_versions_that_differ() -> None:
    """Two transactions write at a time; each commit gives a new version, and settled rows are cleared away."""
    other = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        known = {version_in_other_connection(other)}
        with other.cursor() as cursor:
            cursor.execute("SET lock_timeout = 100")
            cursor.execute("BEGIN")
            with transaction.atomic():
                Agency.objects.create(slug="one", name_zh="一", name_en="One")
                cursor.execute(
                    "INSERT INTO policies_agency (slug, name_zh, name_en, note_en, note_zh) "
                    "SELECT 'two', '二', 'Two', '', ''"
                )
            known.add(data_version())
            cursor.execute("COMMIT")
        known.add(version_in_other_connection(other))
        assert len(known) == 3
        assert DataVersion.objects.count() == 2
        Agency.objects.create(slug="three", name_zh="三", name_en="Three")
        assert DataVersion.objects.count() == 1
    finally:
        other.close()


def version_in_other_connection(other: Any) -> str:
    """Return the version as another connection sees it."""
    with other.cursor() as cursor:
        cursor.execute("SELECT mark FROM core_dataversion ORDER BY mark")
        return "".join(mark for (mark,) in cursor.fetchall())
