"""Locks of rows: a writer waits for those who write the same record, not for its neighbours; and all lock in one order:
indicators, batches, pilots by key, then their records.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.test import Client
from django.urls import reverse

from core.records import writing
from pilots.models import Indicator, Milestone, Pilot, Reading, Target
from tests import factories as make
from tests.support.admin_forms import form_data
from tests.support.databases import connection_to
from tests.support.imports import checked_import, confirm_import

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer, whatever it writes"),
]


def edit_in_admin(client: Client, pilot: Pilot) -> None:
    address = reverse("admin:pilots_pilot_change", args=[pilot.pk])
    data = form_data(client.get(address), note_en="seen", change_reason="Read again")
    assert client.post(address, data).status_code == 302


def record_reading(client: Client, pilot: Pilot) -> None:
    body = {"pilot": pilot.slug, "indicator": "LOCKED", "period": "2025", "value": 12, "reported_on": "2026-02-20"}
    answer = client.post("/api/v1/readings/", body, content_type="application/json")
    assert answer.status_code == 201, answer.content


@pytest.mark.parametrize("write", [edit_in_admin, record_reading])
def test_a_writer_does_not_wait_for_who_writes_another_pilot_of_the_batch(
    admin_client: Client, write: Callable[[Client, Pilot], None]
) -> None:
    """Another connection holds the batch and its other pilot; a lock that is not given at once is an error."""
    batch, province = make.batch(slug="first"), make.province()
    pilot, other = (make.pilot(batch, province) for _ in range(2))
    make.indicator("LOCKED")
    with held_elsewhere(batch, other):
        write(admin_client, pilot)


@contextmanager
def held_elsewhere(*records: Any) -> Iterator[Any]:
    """Let another connection hold these records; what waits for them here fails after 200 ms."""
    neighbour = connection_to(connection.settings_dict["NAME"])
    try:
        with neighbour.cursor() as cursor, connection.cursor() as own:
            cursor.execute("BEGIN")
            for record in records:
                cursor.execute(f"SELECT FROM {record._meta.db_table} WHERE id = {record.pk} FOR NO KEY UPDATE")
            own.execute("SET lock_timeout = '200ms'")
            yield cursor
    finally:
        neighbour.close()
        connection.close()  # with its time-out


def add_pilot(first: Pilot, _air: Indicator) -> None:
    writing.write(Pilot(slug="new", name_zh="新区", kind="park", batch=first.batch, province=first.province), by=None)


def move_pilot(first: Pilot, _air: Indicator) -> None:
    writing.write(make.pilot(make.batch(), first.province, kind="park"), {"batch": first.batch}, by=None)


def add_target(first: Pilot, air: Indicator) -> None:
    other = make.pilot(make.batch(), first.province)
    writing.write(Target(pilot=other, indicator=air, target_year=2030, target_value=5), by=None)


def test_who_adds_waits_for_who_changes_what_it_is_judged_by() -> None:
    first, air = make.pilot(make.batch(), make.province()), make.indicator("LOCKED")
    with held_elsewhere(first.batch, air):
        for write in (add_pilot, move_pilot, add_target):
            with pytest.raises(OperationalError, match="lock timeout"), transaction.atomic():
                write(first, air)


def post_readings(client: Client, pilots: list[Pilot]) -> None:
    body = {"indicator": "LOCKED", "period": "2025", "value": 12, "reported_on": "2026-02-20"}
    rows = [{**body, "pilot": pilot.slug} for pilot in pilots]
    assert client.post("/api/v1/readings/", rows, content_type="application/json").status_code == 201


def change_milestones(client: Client, pilots: list[Pilot]) -> None:
    rows = [{"id": Milestone.objects.get(pilot=pilot).pk, "revision": 1, "note_en": "seen"} for pilot in pilots]
    assert client.patch("/api/v1/milestones/", rows, content_type="application/json").status_code == 200


def import_readings(_client: Client, pilots: list[Pilot]) -> None:
    rows = [[pilot.slug, "LOCKED", 2025, 12, "2026-02-20"] for pilot in pilots]
    confirm_import(checked_import("readings", ["pilot", "indicator", "period", "value", "reported_on"], *rows))


def change_term(_client: Client, pilots: list[Pilot]) -> None:
    with transaction.atomic():
        writing.write(pilots[0].batch, {"term_end": "2030-12-31"}, by=None)


def test_pilots_are_locked_in_order_of_key_before_their_records(admin_client: Client) -> None:
    """While another connection holds the first pilot, the writer waits for it, and holds neither later ones nor
    milestones.
    """
    batch, province = make.batch(), make.province()
    first, second = (make.pilot(batch, province) for _ in range(2))
    milestones = [make.milestone(pilot, make.date(2025, 6, 30)) for pilot in (first, second)]
    make.indicator("LOCKED")
    for write in (post_readings, change_milestones, import_readings, change_term):
        failed: list[BaseException] = []
        writer = Thread(target=run, args=(write, admin_client, [second, first], failed))
        with held_elsewhere(first) as cursor:
            writer.start()
            waits = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            for _try in range(500):
                cursor.execute(waits)
                if cursor.rowcount:
                    break
                time.sleep(0.02)
            for record in (second, *milestones):
                cursor.execute(f"SELECT FROM {record._meta.db_table} WHERE id = {record.pk} FOR NO KEY UPDATE NOWAIT")
            cursor.execute("ROLLBACK")
            writer.join()
        assert failed == [], write
        Reading.objects.all().delete()


def run(write: Callable[..., None], client: Client, pilots: list[Pilot], failed: list[BaseException]) -> None:
    """Write in a thread, with a connection of its own."""
    try:
        write(client, pilots)
    except BaseException as exc:  # the test looks at it
        failed.append(exc)
    finally:
        connections.close_all()
