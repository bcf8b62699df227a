"""Table versions: every write to a table changes its version, whatever makes it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.test import Client

from accounts.models import Token
from core.caching.models import TableVersion
from core.caching.table_versions import (
    create_triggers,
    drop_triggers,
    existing_triggers,
    table_versions,
    versioned_tables,
)
from policies.models import Agency
from tests.factories import make_batch, make_pilot, make_province

pytestmark = pytest.mark.django_db
ON_POSTGRESQL = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer and no TRUNCATE; in memory no reader beside it"
)


def tables_changed_by(work: Callable[[], Any]) -> set[str]:
    """Return the tables whose versions a function changed."""
    before = table_versions()
    work()
    after = table_versions()
    return {table for table in before.keys() | after.keys() if before.get(table) != after.get(table)}


def execute_sql(sql: str, *values: Any) -> Callable[[], None]:
    def work() -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)

    return work


def test_every_table_of_the_two_domains_and_of_rights_has_one() -> None:
    marks = table_versions()
    assert marks.keys() == versioned_tables().keys()
    assert {"pilots_reading", "pilots_historicalreading", "pilots_pilot_industries", "auth_user_groups"} <= marks.keys()
    assert {"policies_officer", "django_content_type", "policies_shipment"} <= marks.keys()
    assert not {"config_token", "config_change", "django_session", "config_mark", "config_recordversion"} & marks.keys()
    assert all(len(mark) >= 32 for mark in marks.values())
    assert len(set(marks.values())) == len(marks)


def test_each_way_to_write_changes_the_versions_of_exactly_what_it_writes() -> None:
    agency = Agency(slug="mark", name_zh="部门", name_en="Agency")
    history = {"policies_agency", "policies_historicalagency"}
    table = {"policies_agency"}
    assert tables_changed_by(agency.save) == history
    assert tables_changed_by(agency.save) == history  # nothing that differs, but a write
    assert tables_changed_by(lambda: Agency.objects.filter(pk=agency.pk).update(name_en="Other")) == table
    assert tables_changed_by(lambda: Agency.objects.bulk_update([agency], ["name_en"])) == table
    assert (
        tables_changed_by(execute_sql("UPDATE policies_agency SET name_en = 'Raw' WHERE id = %s", agency.pk)) == table
    )
    assert tables_changed_by(execute_sql("DELETE FROM policies_agency WHERE id = %s", agency.pk)) == table
    assert (
        tables_changed_by(lambda: Agency.objects.bulk_create([Agency(slug="m2", name_zh="二", name_en="Two")])) == table
    )
    assert tables_changed_by(lambda: list(Agency.objects.all())) == set()
    assert tables_changed_by(lambda: Token.objects.update(name="x")) == set()


def test_links_between_records_have_versions_of_their_own() -> None:
    pilot = make_pilot(make_batch(), make_province())
    industry = next(iter(pilot.industries.model.objects.all()))
    links = {"pilots_pilot_industries", "pilots_historicalpilot", "pilots_historicalpilot_industries"}
    assert "pilots_pilot_industries" in tables_changed_by(lambda: pilot.industries.add(industry)) <= links
    assert "pilots_pilot_industries" in tables_changed_by(pilot.industries.clear) <= links


def test_a_sign_in_changes_nothing_but_a_right_does(client: Client) -> None:
    person = User.objects.create_user("reader")
    assert tables_changed_by(lambda: client.force_login(person, "django.contrib.auth.backends.ModelBackend")) == set()
    assert User.objects.get(pk=person.pk).last_login is not None
    person.is_staff = True
    assert tables_changed_by(person.save) == {"auth_user"}


def test_what_is_undone_leaves_the_versions_as_they_were() -> None:
    def work() -> None:
        with transaction.atomic():
            Agency.objects.update(name_en="Undone")
            assert table_versions()["policies_agency"] != before
            transaction.set_rollback(True)

    before = table_versions()["policies_agency"]
    assert tables_changed_by(work) == set()


@ON_POSTGRESQL
def test_emptying_a_table_counts() -> None:
    assert tables_changed_by(execute_sql("TRUNCATE pilots_lightoverride")) == {"pilots_lightoverride"}


def test_a_migration_drops_the_triggers_and_renews_the_versions() -> None:
    before = table_versions()
    drop_triggers()
    assert table_versions() == {}
    with connection.cursor() as cursor:
        assert existing_triggers(connection.vendor, cursor) == set()
    Agency.objects.update(name_en="Meanwhile")
    assert table_versions() == {}
    create_triggers()
    after = table_versions()
    assert after.keys() == before.keys()
    assert not set(after.values()) & set(before.values())
    assert tables_changed_by(lambda: Agency.objects.update(name_en="After")) == {"policies_agency"}


def test_a_migration_that_has_nothing_to_do_leaves_the_triggers_and_renews_the_versions() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM config_mark")
    before = table_versions()
    drop_triggers(plan=[])
    assert table_versions() == before
    call_command("migrate", verbosity=0)
    assert not set(table_versions().values()) & set(before.values())
    assert tables_changed_by(lambda: Agency.objects.update(name_en="After")) == {"policies_agency"}


@ON_POSTGRESQL
@pytest.mark.django_db(transaction=True)
def test_readers_see_a_version_with_its_data_and_never_before() -> None:
    """Another connection reads while a write is open, is committed, and is undone."""
    Agency.objects.create(slug="open", name_zh="部门", name_en="Agency")
    other = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        before = version_in_other_connection(other)
        with transaction.atomic():
            Agency.objects.update(name_en="Open")
            assert version_in_other_connection(other) == before
        committed = version_in_other_connection(other)
        assert committed != before
        with transaction.atomic():
            Agency.objects.update(name_en="Undone")
            transaction.set_rollback(True)
        assert version_in_other_connection(other) == committed
    finally:
        other.close()


@ON_POSTGRESQL
@pytest.mark.django_db(transaction=True)
def test_writers_of_one_table_wait_for_none_and_leave_versions_that_differ() -> None:
    """Two transactions write one table at a time; each commit gives a new version."""
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
            known.add(table_versions()["policies_agency"])
            cursor.execute("COMMIT")
        known.add(version_in_other_connection(other))
        assert len(known) == 3
        Agency.objects.create(slug="three", name_zh="三", name_en="Three")
        assert TableVersion.objects.filter(table="policies_agency").count() == 1  # what came before is cleared away
    finally:
        other.close()


def version_in_other_connection(other: Any) -> str | None:
    """Return the version of the table of agencies as another connection sees it."""
    with other.cursor() as cursor:
        cursor.execute("SELECT mark FROM config_mark WHERE area = 'policies_agency' ORDER BY mark")
        return "".join(mark for (mark,) in cursor.fetchall())


@ON_POSTGRESQL
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_lost_is_made_anew() -> None:
    """Django checks the connection at the first query of a request (CONN_HEALTH_CHECKS)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    other = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        connection.close_at = None  # persistent between requests, as in production
        connection.close_if_unusable_or_obsolete()  # as each request begins
        marks = table_versions()
        with other.cursor() as cursor:
            cursor.execute("SELECT count(DISTINCT area) FROM config_mark")
            assert cursor.fetchone() == (len(marks),)
    finally:
        other.close()
