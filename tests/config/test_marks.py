"""Every table of facts has a mark that changes with each write to it, whoever writes and however."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.test import Client

from config.marks import current, install, lay_aside, marked_tables, tables_in, triggers, watched
from config.models import Mark, Token
from pilots.models import Pilot
from policies.models import Agency, Policy
from tests.factories import make_batch, make_pilot, make_province

pytestmark = pytest.mark.django_db
ON_POSTGRESQL = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer and no TRUNCATE; in memory no reader beside it"
)


def changed(work: Callable[[], Any]) -> set[str]:
    """The tables whose marks a piece of work changed."""
    before = current()
    work()
    after = current()
    return {table for table in before.keys() | after.keys() if before.get(table) != after.get(table)}


def raw(sql: str, *values: Any) -> Callable[[], None]:
    def work() -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)

    return work


def test_every_table_of_the_two_domains_and_of_rights_has_one() -> None:
    marks = current()
    assert marks.keys() == marked_tables().keys()
    assert {"pilots_reading", "pilots_historicalreading", "pilots_pilot_industries", "auth_user_groups"} <= marks.keys()
    assert {"policies_officer", "django_content_type", "policies_shipment"} <= marks.keys()
    assert not {"config_token", "config_change", "django_session", "config_mark"} & marks.keys()
    assert all(len(mark) >= 32 for mark in marks.values())
    assert len(set(marks.values())) == len(marks)


def test_each_way_to_write_changes_the_marks_of_exactly_what_it_writes() -> None:
    agency = Agency(slug="mark", name_zh="部门", name_en="Agency")
    history = {"policies_agency", "policies_historicalagency"}
    table = {"policies_agency"}
    assert changed(agency.save) == history
    assert changed(agency.save) == history  # nothing that differs, but a write
    assert changed(lambda: Agency.objects.filter(pk=agency.pk).update(name_en="Other")) == table
    assert changed(lambda: Agency.objects.bulk_update([agency], ["name_en"])) == table
    assert changed(raw("UPDATE policies_agency SET name_en = 'Raw' WHERE id = %s", agency.pk)) == table
    assert changed(raw("DELETE FROM policies_agency WHERE id = %s", agency.pk)) == table
    assert changed(lambda: Agency.objects.bulk_create([Agency(slug="m2", name_zh="二", name_en="Two")])) == table
    assert changed(lambda: list(Agency.objects.all())) == set()
    assert changed(lambda: Token.objects.update(name="x")) == set()


def test_links_between_records_have_marks_of_their_own() -> None:
    pilot = make_pilot(make_batch(), make_province())
    industry = next(iter(pilot.industries.model.objects.all()))
    links = {"pilots_pilot_industries", "pilots_historicalpilot", "pilots_historicalpilot_industries"}
    assert "pilots_pilot_industries" in changed(lambda: pilot.industries.add(industry)) <= links
    assert "pilots_pilot_industries" in changed(pilot.industries.clear) <= links


def test_a_sign_in_changes_nothing_but_a_right_does(client: Client) -> None:
    person = User.objects.create_user("reader")
    assert changed(lambda: client.force_login(person, "django.contrib.auth.backends.ModelBackend")) == set()
    assert User.objects.get(pk=person.pk).last_login is not None
    person.is_staff = True
    assert changed(person.save) == {"auth_user"}


def test_what_is_undone_leaves_the_marks_as_they_were() -> None:
    def work() -> None:
        with transaction.atomic():
            Agency.objects.update(name_en="Undone")
            assert current()["policies_agency"] != before
            transaction.set_rollback(True)

    before = current()["policies_agency"]
    assert changed(work) == set()


@ON_POSTGRESQL
def test_emptying_a_table_counts() -> None:
    assert changed(raw("TRUNCATE pilots_lightoverride")) == {"pilots_lightoverride"}


def test_a_migration_lays_the_marks_aside_and_gives_new_ones() -> None:
    before = current()
    lay_aside()
    assert current() == {}
    with connection.cursor() as cursor:
        assert triggers(connection.vendor, cursor) == set()
    Agency.objects.update(name_en="Meanwhile")
    assert current() == {}
    install()
    after = current()
    assert after.keys() == before.keys()
    assert not set(after.values()) & set(before.values())
    assert changed(lambda: Agency.objects.update(name_en="After")) == {"policies_agency"}


def test_a_migration_that_has_nothing_to_do_leaves_the_triggers_and_renews_the_marks() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM config_mark")
    before = current()
    lay_aside(plan=[])
    assert current() == before
    call_command("migrate", verbosity=0)
    assert not set(current().values()) & set(before.values())
    assert changed(lambda: Agency.objects.update(name_en="After")) == {"policies_agency"}


def test_what_statements_name_is_known() -> None:
    with watched() as seen:
        list(Pilot.objects.filter(province__slug="zhejiang").values_list("pk")[:1])
        raw("SELECT count(*) FROM policies_agency")()
    assert seen.tables == {"pilots_pilot", "pilots_batch", "policies_province", "policies_agency"}
    assert seen.covered(current())
    assert not seen.covered({})
    with watched() as seen:
        list(Token.objects.all())
    assert seen.tables == {"config_token"}
    assert not seen.covered(current())
    assert tables_in('SELECT 1 FROM "pilots_pilotage"') == frozenset()
    with watched("elsewhere") as seen:
        Policy.objects.count()
    assert not seen.covered(current())


@ON_POSTGRESQL
@pytest.mark.django_db(transaction=True)
def test_readers_see_a_mark_with_what_it_stands_for_and_never_before() -> None:
    """Another connection reads while a write is open, is committed, and is undone."""
    Agency.objects.create(slug="open", name_zh="部门", name_en="Agency")
    other = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        before = mark_by(other)
        with transaction.atomic():
            Agency.objects.update(name_en="Open")
            assert mark_by(other) == before
        committed = mark_by(other)
        assert committed != before
        with transaction.atomic():
            Agency.objects.update(name_en="Undone")
            transaction.set_rollback(True)
        assert mark_by(other) == committed
    finally:
        other.close()


@ON_POSTGRESQL
@pytest.mark.django_db(transaction=True)
def test_writers_of_one_table_wait_for_none_and_leave_marks_that_differ() -> None:
    """Two transactions write one table at a time; each commit gives a mark that was never there."""
    other = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        known = {mark_by(other)}
        with other.cursor() as cursor:
            cursor.execute("SET lock_timeout = 100")
            cursor.execute("BEGIN")
            with transaction.atomic():
                Agency.objects.create(slug="one", name_zh="一", name_en="One")
                cursor.execute(
                    "INSERT INTO policies_agency (slug, name_zh, name_en, note_en, note_zh) "
                    "SELECT 'two', '二', 'Two', '', ''"
                )
            known.add(current()["policies_agency"])
            cursor.execute("COMMIT")
        known.add(mark_by(other))
        assert len(known) == 3
        Agency.objects.create(slug="three", name_zh="三", name_en="Three")
        assert Mark.objects.filter(area="policies_agency").count() == 1  # what came before is cleared away
    finally:
        other.close()


def mark_by(other: Any) -> str | None:
    """The mark of the agencies as another connection sees it."""
    with other.cursor() as cursor:
        cursor.execute("SELECT mark FROM config_mark WHERE area = 'policies_agency' ORDER BY mark")
        return " ".join(mark for (mark,) in cursor.fetchall())


@ON_POSTGRESQL
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_lost_is_made_anew() -> None:
    """The marks prove at the beginning of a request that the connection still holds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    other = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        connection.close_at = None  # kept between requests, as where the product is served
        connection.close_if_unusable_or_obsolete()  # as each request begins
        marks = current()
        with other.cursor() as cursor:
            cursor.execute("SELECT count(DISTINCT area) FROM config_mark")
            assert cursor.fetchone() == (len(marks),)
    finally:
        other.close()
