"""Revisions: a key number of past quarters as it was known at the ends of the quarters since."""

import csv
from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core.caching import store
from core.snapshots.files import history_state
from core.snapshots.router import Snapshot, read_from
from core.snapshots.values import PastRecords
from dashboard.analytics.overview import build_overview
from dashboard.editions.figures import FIGURE_LABELS, figure_rows
from dashboard.editions.revisions import build_revisions
from pilots.models import Reading
from policies.models import ProvincialPlan
from tests.dashboard.conftest import TODAY
from tests.factories import (
    make_plan,
    make_province,
)
from tests.support.scripted_year import clock_at

pytestmark = pytest.mark.django_db
Q1, Q2, Q3 = date(2026, 3, 31), date(2026, 6, 30), date(2026, 9, 30)


@pytest.fixture(autouse=True)
def snapshots(snapshot_folder: None) -> None:
    """Keep the snapshots of a test in a folder of its own."""


@pytest.fixture
def year(corrected_plan: ProvincialPlan) -> ProvincialPlan:
    """Return the plan that was corrected in August to be issued in January; another is known from February on."""
    return corrected_plan


def rows_of(response: Any) -> list[list[str]]:
    return [[str(cell.page_text or cell.value) for cell in row] for row in response.context["table"].rows]


def test_the_triangle_says_what_was_said_then_and_marks_what_differs(year: ProvincialPlan, client: Client) -> None:
    response = client.get("/revisions/?figure=plans")
    assert [column.label for column in response.context["table"].columns] == [
        "Last day of the quarter",
        *(f"as known on {day}" for day in ("31 March 2026", "30 June 2026", "30 September 2026", "20 November 2026")),
    ]
    assert rows_of(response)[:4] == [
        ["30 September 2026", "", "", "2 of 2", "2 of 2"],
        ["30 June 2026", "", "1 of 2", "2 of 2 (+1)", "2 of 2"],
        ["31 March 2026", "1 of 2", "1 of 2", "2 of 2 (+1)", "2 of 2"],
        ["31 December 2025", "1 of 2", "1 of 2", "1 of 2", "1 of 2"],
    ]
    assert response.context["finding"] == "In 2 of 7 quarters the first figure was revised, by 1 at most."
    (group,) = response.context["explained"]
    assert group.title == "As known on 30 June 2026 and on 30 September 2026"
    assert group.text == "2026-Q2: 1 of 2 → 2 of 2; 2026-Q1: 1 of 2 → 2 of 2"
    (change,) = group.changes.newest
    assert (change.historical.id, change.reason, group.changes.log_url) == (
        year.pk,
        "Found on the website",
        "",
    )
    assert 'href="#of-2026-06-30-known-2026-09-30"' in response.content.decode()
    assert 'id="of-2026-06-30-known-2026-09-30"' in response.content.decode()


def test_staff_are_led_to_the_change_log_of_what_made_the_difference(year: ProvincialPlan, client: Client) -> None:
    client.force_login(User.objects.create_superuser("boss"))
    (group,) = client.get("/revisions/?figure=plans").context["explained"]
    assert group.changes.log_url == "/admin/changes/?from=2026-07-01&to=2026-09-30&kind=provincialplan"
    assert client.get(group.changes.log_url).context["feed"].count == 1


def test_a_value_entered_late_revises_the_lights_and_names_the_value(year: ProvincialPlan, client: Client) -> None:
    response = client.get("/revisions/?figure=light-grey")
    assert rows_of(response)[2] == ["31 March 2026", "1 of 1", "0 of 1 (−1)", "0 of 1", "0 of 1"]
    changes = response.context["explained"][0].changes
    assert [change.historical.instance_type for change in changes.newest] == [Reading]


@pytest.mark.exhaustive
def test_each_answer_is_what_the_overview_says_under_both_days(year: ProvincialPlan) -> None:
    for code in FIGURE_LABELS:
        found = build_revisions(code, TODAY, TODAY)
        answers = [answer for row in found.rows for answer in row.answers if answer]
        assert len(answers) == 2 * 8 + 7 + 6  # asked today and at the end of three quarters
        for answer in answers:
            records = Snapshot(history_state(answer.known)) if answer.known < TODAY else None
            with read_from(records):
                rows = {row[0]: row[3:] for row in figure_rows(build_overview(answer.as_of))}
            if records:
                records.close()
            assert (answer.value, answer.of) == rows.get(code, (None, None)), (code, answer.as_of, answer.known)


def test_few_quarters_say_nothing_of_first_figures(year: ProvincialPlan, client: Client) -> None:
    response = client.get("/revisions/?as_of=2026-06-30&known=2026-07-31")
    assert response.context["finding"] == "The first figures of all 6 quarters still stand."
    found = client.get("/revisions/?as_of=2025-09-30")
    assert found.context["finding"] == (
        "3 quarters were asked about on two days or more: too few to say how far first figures can be trusted."
    )


def test_before_a_batch_there_is_no_data_which_is_not_0(year: ProvincialPlan, client: Client) -> None:
    with clock_at(date(2024, 4, 2)), read_from(None):
        found = build_revisions("cities", date(2024, 4, 2), TODAY)
    assert [answer.number for row in found.rows for answer in row.answers[-1:] if answer][:3] == [
        (1, 2),
        (None, None),
        (None, None),
    ]


def test_the_files_hold_every_answer_as_numbers(year: ProvincialPlan, client: Client) -> None:
    response = client.get("/revisions/?figure=plans&export=answers.csv")
    lines = [line for line in b"".join(response).decode("utf-8-sig").splitlines() if not line.startswith("#")]  # type: ignore[call-overload]
    rows = list(csv.DictReader(lines))
    assert len(rows) == 29
    assert [list(row.values()) for row in rows[1:4]] == [
        ["2026-09-30", "2026-11-20", "2", "2", "no"],
        ["2026-06-30", "2026-06-30", "1", "2", "no"],
        ["2026-06-30", "2026-09-30", "2", "2", "yes"],
    ]


def test_columns_are_computed_once_and_the_rest_is_left_to_the_next_request(
    year: ProvincialPlan, client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CACHE_RESPONSES = True
    monkeypatch.setattr("dashboard.views.revisions.SECONDS", 0)
    kept: dict[str, Any] = {}
    monkeypatch.setattr(store, "load", kept.get)
    monkeypatch.setattr(store, "save", kept.__setitem__)
    said = [client.get("/revisions/") for _n in range(3)]
    assert [response.get("Cache-Control") for response in said] == ["no-store", "no-store", None]
    assert [len(response.context["table"].columns) for response in said] == [3, 4, 5]
    assert said[0].context["finding"] == (
        "What was known on 2 earlier days is still being computed: load the page again."
    )
    assert not any(key.startswith("response-") for key in kept if b"still being computed" in str(kept[key]).encode())


@pytest.mark.usefixtures("no_histories")
def test_without_records_nothing_is_claimed(client: Client) -> None:
    response = client.get("/revisions/")
    assert (response.status_code, response.context["finding"]) == (200, "Nothing is on record yet.")


def test_an_unknown_figure_is_refused(client: Client, empty: None) -> None:
    assert client.get("/revisions/?figure=plans&x=1").status_code == 400
    response = client.get("/revisions/?figure=plan")
    assert response.status_code == 400
    assert "Did you mean “plans”?" in response.content.decode()


def test_the_changes_of_one_group_and_of_three_need_the_same_queries(year: ProvincialPlan, client: Client) -> None:
    def queries(address: str) -> int:
        client.get(address)
        with CaptureQueriesContext(connection) as found:
            client.get(address)
        return len(found)

    one = queries("/revisions/?figure=plans")
    for number in range(2):
        with clock_at(date(2026, 8, 10 + number)):
            plan = make_plan(year.policy, make_province(), status="drafting", issued_on=None)
        with clock_at(date(2026, 9, 10 + number)):
            plan.status, plan.issued_on, plan.issued_precision = "issued", date(2026, 1, 10), "day"
            plan.save()
    with clock_at(TODAY):
        assert queries("/revisions/?figure=plans") == one


def test_values_of_a_past_day_leave_the_request_s_own_day_as_it_was(year: ProvincialPlan) -> None:
    outer = Snapshot(history_state(Q3))
    with read_from(outer):
        before = ProvincialPlan.objects.filter(status="issued").count()
        inner = PastRecords[int](Q1).compute(ProvincialPlan.objects.filter(status="issued").count)
        after = ProvincialPlan.objects.filter(status="issued").count()
    outer.close()
    assert (before, inner, after) == (2, 1, 2)
    assert not PastRecords[int](date(2026, 1, 1))
