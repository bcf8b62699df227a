"""API of pilots, coverage and overview: whole responses, any day, a fixed number of queries."""

from datetime import date

import pytest
from django.test import Client

from pilots.models import Pilot, Target
from tests.factories import make_batch, make_industry, make_pilot, make_province
from tests.support.snapshots import assert_snapshot

pytestmark = pytest.mark.django_db


# -- records -----------------------------------------------------------------------------------------------


def test_a_batch_says_what_was_announced_and_what_is_recorded(client: Client) -> None:
    body = client.get("/api/v1/batches/national-batch-1/").json()
    assert_snapshot("batch", body | {"sources": len(body["sources"])})


def test_a_pilot_made_here(client: Client, empty: None) -> None:
    province = make_province(slug="here", name_en="Here")
    steel = make_industry(slug="steel", name_en="Steel")
    batch = make_batch(slug="first", title_en="First")
    city = make_pilot(batch, province, slug="city", name_en="City")
    make_pilot(batch, province, steel, slug="park", name_zh="园区", name_en="", kind="park", parent=city)
    assert_snapshot("pilot", client.get("/api/v1/pilots/park/").json())


# -- the day asked for -------------------------------------------------------------------------------------------


def test_pilots_and_batches_known_on_the_day(client: Client) -> None:
    def count(resource: str, day: str) -> int:
        return int(client.get(f"/api/v1/{resource}/?as_of={day}").json()["count"])

    days = ("2024-01-14", "2024-01-15", "2024-01-30", "2024-01-31")
    assert [count("pilots", day) for day in days] == [0, 26, 27, 31]
    assert [count("batches", day) for day in days] == [0, 1, 2, 3]
    assert client.get("/api/v1/pilots/huzhou/?as_of=2024-01-14").status_code == 404
    assert client.get("/api/v1/batches/shandong-batch-1/?as_of=2024-01-30").status_code == 404


def test_a_pilot_leaves_the_list_on_the_day_it_withdraws_and_keeps_its_address(client: Client) -> None:
    """So do its milestones and targets; before that day it is a pilot like the others."""
    Pilot.objects.filter(slug="huzhou").update(withdrawn_on=date(2025, 1, 1))

    def listed(kind: str, day: str, **query: str) -> int:
        return int(client.get(f"/api/v1/{kind}/", {"as_of": day, **query}).json()["count"])

    own = Target.objects.filter(pilot__slug="huzhou").count()
    others = Target.objects.exclude(pilot__slug="huzhou").count()
    assert (own, others) == (3, 10)
    before, after = "2024-12-31", "2025-01-01"
    assert [listed("pilots", before), listed("targets", before)] == [31, own + others]
    assert [listed("pilots", after), listed("targets", after)] == [30, others]
    assert [listed(kind, after, withdrawn="only") for kind in ("pilots", "targets")] == [1, own]
    assert [listed(kind, after, withdrawn="include") for kind in ("pilots", "targets")] == [31, own + others]
    assert [listed(kind, before, withdrawn="only") for kind in ("pilots", "targets")] == [0, 0]
    for day in (before, after):
        one = client.get(f"/api/v1/pilots/huzhou/?as_of={day}").json()
        assert one["withdrawn_on"] == "2025-01-01"
    assert one["light"] == "grey"
    answer = client.get("/api/v1/pilots/?withdrawn=yes")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "invalid_value")


# -- coverage --------------------------------------------------------------------------------------------------------


def test_the_whole_shape_of_a_coverage(client: Client, empty: None) -> None:
    here, _there = make_province(slug="here", short_en="Here"), make_province(slug="there", short_en="There")
    steel = make_industry(slug="steel", name_en="Steel")
    make_industry(slug="cement", name_en="Cement", ultra_low_emission=True)
    batch = make_batch(slug="first", title_en="First", city_count=3, park_count=None)
    batch.industries_announced.add(steel)
    make_pilot(batch, here, steel)
    make_pilot(batch, here)
    assert_snapshot("coverage", client.get("/api/v1/coverage/?by=province&as_of=2024-02-01").json())


@pytest.mark.parametrize(
    ("query", "pilots", "kinds"),
    [
        ("", 31, 8),
        ("level=national", 26, 2),
        ("level=provincial", 5, 6),
        ("batch=national-batch-1&kind=park", 16, 1),
        ("province=zhejiang", 2, 3),
        ("kind=enterprise", 0, 1),
    ],
)
def test_coverage_counts_the_pilots_asked_for(client: Client, query: str, pilots: int, kinds: int) -> None:
    body = client.get(f"/api/v1/coverage/?{query}").json()
    assert (body["pilots"], sum(len(row["kinds"]) for row in body["batches"])) == (pilots, kinds)
    assert body["by"] == "region"
    assert len(body["matrix"]["columns"]) == 6


# -- overview ------------------------------------------------------------------------------------------------------


def test_the_overview_of_the_shipped_records(client: Client) -> None:
    assert_snapshot("overview", client.get("/api/v1/overview/?as_of=2024-01-30").json())


def test_the_overview_of_nothing_is_no_data_and_no_error(client: Client, empty: None) -> None:
    assert_snapshot("overview-of-nothing", client.get("/api/v1/overview/").json())


def test_the_file_of_the_overview(client: Client) -> None:
    response = client.get("/api/v1/overview/?format=csv&as_of=2024-01-15")
    assert b"".join(response.streaming_content).decode() == (
        "batch,kind,label,announced,recorded,firm,unverified,withdrawn,to_enter,surplus\r\n"
        "national-batch-1,city,city,21,10,8,2,0,11,0\r\n"
        "national-batch-1,park,industrial park,43,16,15,1,0,27,0\r\n"
    )
