"""Locks of rows: a writer waits for those who write the same record, not for its neighbours."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from pilots.models import Batch, Pilot
from tests import factories as make
from tests.support.admin_forms import form_data
from tests.support.databases import connection_to

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
    neighbour = connection_to(connection.settings_dict["NAME"])
    try:
        with neighbour.cursor() as cursor:
            cursor.execute("BEGIN")
            for model, key in ((Batch, batch.pk), (Pilot, other.pk)):
                cursor.execute(f"SELECT FROM {model._meta.db_table} WHERE id = %s FOR NO KEY UPDATE", [key])
            with connection.cursor() as own:
                own.execute("SET lock_timeout = '200ms'")
            write(admin_client, pilot)
    finally:
        neighbour.close()
        connection.close()  # with its time-out
