"""API of batches, pilots and their records, of coverage and the overview: whole responses, on any day."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from pilots.follow_ups.models import FollowUpQuerySet
from pilots.models import Pilot, Target
from tests import factories as make
from tests.support.snapshots import assert_snapshot

pytestmark = pytest.mark.django_db


# -- the day asked for -------------------------------------------------------------------------------------------


def test_pilots_and_batches_known_on_the_day(client: Client) -> None:
    def count(resource: str, day: str) -> int:
        return int(client.get(f"/api/v1/{resource}/?as_of={day}").json()["count"])

    days = ("2024-01-14", "2024-01-15", "2024-01-30", "2024-01-31")
    assert [count("pilots", day) for day in days] == [0, 26, 27, 31]
    assert [count("batches", day) for day in days] == [0, 1, 2, 3]
    assert client.get("/api/v1/pilots/huzhou/?as_of=2024-01-14").status_code == 404
    assert client.get("/api/v1/batches/shandong-batch-1/?as_of=2024-01-30").status_code == 404


def test_a_list_that_shows_no_follow_up_builds_no_query_of_them(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would cost a pilot several milliseconds."""
    monkeypatch.setattr(FollowUpQuerySet, "with_state", None)
    assert client.get("/api/v1/pilots/").status_code == 200


def test_a_pilot_leaves_the_list_on_the_day_it_withdraws_and_keeps_its_address(client: Client) -> None:
    """So do its targets, as all that belongs to it; before that day it is a pilot like the others."""
    Pilot.objects.filter(slug="huzhou").update(withdrawn_on=date(2025, 1, 1))

    def listed(kind: str, day: str, **query: str) -> int:
        return int(client.get(f"/api/v1/{kind}/", {"as_of": day, **query}).json()["count"])

    own = Target.objects.filter(pilot__slug="huzhou").count()
    others = Target.objects.exclude(pilot__slug="huzhou").count()
    assert (own, others) == (3, 8)
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


# -- overview ------------------------------------------------------------------------------------------------------


def test_the_overview_of_nothing_is_no_data_and_no_error(client: Client, empty: None) -> None:
    assert_snapshot("overview-of-nothing", client.get("/api/v1/overview/").json())


@pytest.fixture
def pilot(empty: None) -> Pilot:
    return make.pilot(make.batch(slug="first"), make.province(slug="here"), slug="city", name_en="City")


def rows(client: Client, address: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/api/v1/{address}").json()["results"]
    return found


# -- stages, milestones and targets, whole ----------------------------------------------------------------


def test_a_stage_from_its_day_on(client: Client, pilot: Pilot) -> None:
    fields = {"evidence": "Plan No. 1", "reason": "No draft was published.", "recorded_on": date(2024, 11, 20)}
    entry = make.stage(pilot, "plan_issued", date(2024, 11, 15), note="Read in the press.", **fields)
    days_asked = ("2024-11-14", "2024-11-15", "2024-11-20")
    assert_snapshot("stage", {day: rows(client, f"stages/?as_of={day}") for day in days_asked}, stages=entry)


def test_a_milestone_is_open_until_the_day_it_is_done(client: Client, pilot: Pilot) -> None:
    """Asked to be later in vain, then done late."""
    milestone = make.milestone(pilot, date(2025, 6, 30), title_en="Platform live", title_zh="平台上线", is_key=True)
    days = {"asked_on": date(2025, 6, 1), "decided_on": date(2025, 6, 20)}
    refused = make.amendment(milestone, day=date(2025, 12, 31), **days, accepted=False, remark="It is needed")
    make.completion(milestone, date(2025, 8, 1))
    asked = ("2024-01-14", "2024-01-15", "2025-06-01", "2025-06-20", "2025-07-31", "2025-08-01")
    found = {day: rows(client, f"milestones/?as_of={day}") for day in asked}
    found["2025-06-01"][0]["amendment"].pop("id")
    assert_snapshot("milestone", found, milestones=milestone)
    assert rows(client, "amendments/?as_of=2025-06-20")[0]["remark"] == refused.remark


def test_a_target_as_in_force_on_the_day(client: Client, pilot: Pilot) -> None:
    target = make.target(pilot, make.indicator("AIR_SO2"), 100, 80, steps={"2025": "90"})
    make.amendment(target, value=85, decided_on=date(2025, 3, 1), asked_on=date(2025, 2, 1), accepted=True)
    days = ("2025-01-31", "2025-03-01")
    found = {day: rows(client, f"targets/?as_of={day}") for day in days}
    assert_snapshot("target-amended", found, targets=target)


# -- readings ----------------------------------------------------------------------------------------------


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
