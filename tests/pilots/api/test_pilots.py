"""API of batches, pilots and their records, of coverage and the overview: whole responses, on any day."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from pilots.models import Pilot, Target
from tests import factories as make
from tests.support.csv_files import csv_records
from tests.support.snapshots import assert_snapshot

pytestmark = pytest.mark.django_db


# -- records -----------------------------------------------------------------------------------------------


def test_a_batch_says_what_was_announced_and_what_is_recorded(client: Client) -> None:
    body = client.get("/api/v1/batches/national-batch-1/").json()
    assert_snapshot("batch", body | {"sources": len(body["sources"])})


def test_a_pilot_made_here(client: Client, empty: None) -> None:
    province = make.province(slug="here", name_en="Here")
    steel = make.industry(slug="steel", name_en="Steel")
    batch = make.batch(slug="first", title_en="First")
    city = make.pilot(batch, province, slug="city", name_en="City")
    make.pilot(batch, province, steel, slug="park", name_zh="园区", name_en="", kind="park", parent=city)
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
    here, _there = make.province(slug="here", short_en="Here"), make.province(slug="there", short_en="There")
    steel = make.industry(slug="steel", name_en="Steel")
    make.industry(slug="cement", name_en="Cement", ultra_low_emission=True)
    batch = make.batch(slug="first", title_en="First", city_count=3, park_count=None)
    batch.industries_announced.add(steel)
    make.pilot(batch, here, steel)
    make.pilot(batch, here)
    assert_snapshot("coverage", client.get("/api/v1/coverage/?by=province&as_of=2024-02-01").json())


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


@pytest.fixture
def pilot(empty: None) -> Pilot:
    return make.pilot(make.batch(slug="first"), make.province(slug="here"), slug="city", name_en="City")


def rows(client: Client, address: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/api/v1/{address}").json()["results"]
    return found


# -- stages ------------------------------------------------------------------------------------------------


def test_a_stage_is_planned_until_its_day(client: Client, pilot: Pilot) -> None:
    days = {"planned_on": date(2024, 10, 1), "evidence": "Plan No. 1", "reason": "No draft was published."}
    entry = make.stage(pilot, "plan_issued", date(2024, 11, 15), note="Read in the press.", **days)
    days_asked = ("2024-01-14", "2024-11-14", "2024-11-15")
    assert_snapshot("stage", {day: rows(client, f"stages/?as_of={day}") for day in days_asked}, stages=entry)


def test_a_stage_without_a_plan_is_not_known_before_it_is_entered(client: Client, pilot: Pilot) -> None:
    make.stage(pilot, "recommended", date(2023, 10, 20))
    make.stage(pilot, "listed", date(2024, 1, 15))
    make.stage(pilot, "midterm", None, planned_on=date(2025, 6, 30))

    def stages(query: str) -> list[str]:
        return [row["stage"] for row in rows(client, f"stages/?{query}")]

    assert [stages(f"as_of={day}") for day in ("2023-10-19", "2023-10-20", "2024-01-14")] == [
        *([], ["recommended"], ["recommended"])
    ]
    assert stages("as_of=2024-01-15") == ["recommended", "listed", "midterm"]
    assert stages("entered_on__gte=2024-01-01") == ["listed"]
    assert stages("entered_on=2024-01-15&as_of=2024-01-14") == []
    assert stages("planned_on__lte=2025-12-31") == ["midterm"]
    assert stages("stage=listed&pilot=city&batch=first&province=here&kind=city") == ["listed"]
    assert stages("kind=park") == []


# -- milestones --------------------------------------------------------------------------------------------


def test_a_milestone_is_open_until_the_day_it_is_done(client: Client, pilot: Pilot) -> None:
    milestone = make.milestone(
        pilot, date(2025, 6, 30), date(2025, 8, 1), title_en="Platform live", title_zh="平台上线", evidence="Report"
    )
    days = ("2024-01-14", "2025-07-31", "2025-08-01")
    found = {day: rows(client, f"milestones/?as_of={day}") for day in days}
    assert_snapshot("milestone", found, milestones=milestone)


# -- indicators and targets --------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["AIR_SO2", "air_so2", "Air_So2"])
def test_an_indicator_is_found_by_its_code_in_any_case(client: Client, code: str) -> None:
    assert_snapshot("indicator", client.get(f"/api/v1/indicators/{code}/").json())
    assert client.get("/api/v1/indicators/AIR_XX/").status_code == 404


def test_the_definitions_that_ship(client: Client) -> None:
    def codes(query: str) -> list[str]:
        return [row["code"] for row in rows(client, f"indicators/?{query}")]

    assert len(codes("page_size=200")) == 38
    assert codes("may_enter_synergy=total") == ["AIR_SO2", "AIR_NOX", "AIR_VOC", "AIR_PM", "CO2_TOT"]
    assert codes("kind=carbon&binding=true") == ["CO2_GDP", "CO2_IVA"]
    assert codes("direction=higher&kind=pollutant") == ["PRJ_NOX", "PRJ_VOC", "PRJ_COD"]


def test_a_target_made_here(client: Client, pilot: Pilot) -> None:
    target = make.target(pilot, make.carbon(name_en="CO2 emissions"), "4200.5", 3990)
    make.add_step(target, 2025, "4060.25")
    make.add_step(target, 2024, 4150)
    query = "indicator=co2_tot&kind=reach&binding=true&pilot=city&batch=first&province=here"
    assert_snapshot("target", rows(client, f"targets/?{query}"), targets=target)
    assert rows(client, "targets/?as_of=2024-01-14") == []


def test_a_task_in_words_is_done_from_its_day_on(client: Client, pilot: Pilot) -> None:
    words = {"kind": "text", "target_text": "Meet the provincial task", "done_on": date(2025, 6, 1)}
    make.target(pilot, make.indicator("AIR_SO2"), None, None, target_year=2025, **words)

    def state(day: str) -> tuple[Any, Any]:
        listed = rows(client, f"targets/?as_of={day}")[0]["done_on"]
        return listed, client.get(f"/api/v1/progress/?as_of={day}").json()["pilots"][0]["indicators"][0]["light"]

    assert [state(day) for day in ("2025-05-31", "2025-06-01")] == [(None, "grey"), ("2025-06-01", "green")]


# -- readings ----------------------------------------------------------------------------------------------


def test_a_reading_made_here(client: Client, pilot: Pilot) -> None:
    reading = make.reading(
        pilot, make.indicator("AIR_SO2", name_en="SO2"), "2024-Q3", "10200.125", value_status="flash"
    )
    assert_snapshot("reading", rows(client, "readings/"), readings=reading)


def test_the_order_and_filters_without_a_suffix_ask_about_the_day(client: Client, pilot: Pilot) -> None:
    """Of milestones and readings; tests/core/api/test_filters.py has the others."""
    make.milestone(pilot, date(2025, 1, 1), date(2025, 3, 1), title_en="First")
    make.milestone(pilot, date(2025, 2, 1), date(2025, 9, 1), title_en="Second", is_key=True)
    make.reading(pilot, make.carbon(), "2024-Q1", 4)
    make.reading(pilot, make.indicator("AIR_SO2"), "2023", 1)

    def titles(query: str) -> list[str]:
        return [row["title"] for row in rows(client, f"milestones/?as_of=2025-08-31&{query}")]

    assert titles("done=true") == titles("is_key=false") == titles("search=first") == ["First"]
    assert titles("done=false") == titles("is_key=true") == ["Second"]
    assert titles("ordering=-completed_on") == ["First", "Second"], "the order must not tell of days to come"
    for query in ("period=2024", "period=2024-Q1", "search=co2_tot"):
        assert [row["value"] for row in rows(client, f"readings/?{query}")] == [4]


# -- pilots ------------------------------------------------------------------------------------------------


def test_pilots_are_found_by_stage_and_light_and_page_as_ever(client: Client, pilot: Pilot) -> None:
    air = make.indicator("AIR_SO2")
    for n in range(5):
        other = make.pilot(pilot.batch, pilot.province, slug=f"park-{n}", kind="park")
        make.stage(other, "listed", date(2024, 1, 15))
        make.stage(other, "plan_issued", date(2024, 11, 15), reason="No draft.")
        make.target(other, air, 100, 70)
        make.reading(other, air, "2025", 99 if n % 2 else 70)
    day = "as_of=2026-06-30"

    def slugs(query: str) -> list[str]:
        return [row["slug"] for row in rows(client, f"pilots/?{day}&{query}")]

    red = rows(client, f"pilots/?{day}&light=red&ordering=-slug")
    assert [(row["slug"], row["stage"], row["days_in_stage"], row["light"]) for row in red] == [
        (slug, "plan_issued", 592, "red") for slug in ("park-3", "park-1")
    ]
    assert slugs("light=green&stage=plan_issued") == ["park-0", "park-2", "park-4"]
    assert [slugs(f"light=green&page_size=2&page={page}") for page in (1, 2)] == [["park-0", "park-2"], ["park-4"]]
    assert slugs("stage=listed") == []
    assert slugs("light=grey") == ["city"]
    assert [row["slug"] for row in rows(client, "pilots/?stage=listed&as_of=2024-11-14&page_size=1")] == ["park-0"]
    table = csv_records(client.get(f"/api/v1/pilots/?{day}&light=red&format=csv"))
    assert [(row["slug"], row["days_in_stage"]) for row in table] == [("park-1", "592"), ("park-3", "592")]
