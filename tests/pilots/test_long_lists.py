"""The list of pilots that a test makes itself: what a filter by stage finds, and the queries for very many."""

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core.tables import ROWS_PER_PAGE
from pilots.models import Pilot, Target
from pilots.stored_lights import recompute_all
from tests import factories as make

pytestmark = pytest.mark.django_db


def listed(client: Client, query: str) -> set[str]:
    """Return the slugs of the first page of the list."""
    table = client.get(f"/pilots/?as_of=2026-11-24&sort=name&withdrawn=include&{query}").context["listing"].table
    return {cells[0].url.split("/")[2] for cells in table.rows}


def test_stages_are_filtered_by_what_was_reached(empty: None, client: Client) -> None:
    """One that is rectifying has reached what it had, one that has withdrawn nothing; one may have no stage."""
    batch, province = make.batch(slug="b"), make.province(slug="p")
    for slug, stages in (
        ("none", ()),
        ("listed", ("listed",)),
        ("rectifying", ("implementing", "rectifying")),
        ("gone", ("midterm",)),
    ):
        pilot = make.pilot(batch, province, slug=slug, **({"withdrawn_on": date(2025, 1, 1)} if slug == "gone" else {}))
        for n, stage in enumerate(stages):
            make.stage(pilot, stage, date(2024, 3, 1 + n))
    assert listed(client, "stage=unknown") == {"none"}
    assert listed(client, "stage=rectifying") == {"rectifying"}
    assert listed(client, "reached=listed") == {"listed", "rectifying"}
    assert listed(client, "reached=implementing") == {"rectifying"}
    assert listed(client, "reached=midterm") == set()
    assert listed(client, "stage=midterm") == {"gone"}


@pytest.mark.parametrize("address", ["/pilots/", "/pilots/?sort=days&page=2", "/batches/b/", "/api/v1/pilots/"])
def test_ten_times_the_pilots_need_no_more_queries(empty: None, client: Client, settings: Any, address: str) -> None:
    settings.CACHE_RESPONSES = False
    batch, province, indicator = make.batch(slug="b"), make.province(slug="p"), make.carbon()

    def queries(n: int) -> int:
        """Ask for the page of n pilots, of which each has a target and no value yet."""
        pilots = [
            Pilot(slug=f"p-{i}", name_zh=f"试点{i}", name_en=f"Pilot {i}", kind="city", batch=batch, province=province)
            for i in range(Pilot.objects.count(), n)
        ]
        Pilot.objects.bulk_create(pilots)
        values = {"base_year": 2023, "base_value": 100, "target_year": 2027, "target_value": 80, "binding": True}
        Target.objects.bulk_create(
            Target(pilot=pilot, indicator=indicator, promised_on=date(2024, 2, 1), **values) for pilot in pilots
        )
        recompute_all()
        with CaptureQueriesContext(connection) as asked:
            response = client.get(address)
        assert response.status_code == 200
        if address == "/batches/b/":
            table = response.context["pilots"]
            assert (len(table.rows), len(list(table.rows))) == (n, ROWS_PER_PAGE)
            assert f"of {n} rows" in response.content.decode()
        return len(asked)

    assert queries(60) == queries(600)
