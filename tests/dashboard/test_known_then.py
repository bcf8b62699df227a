"""Figures of a past day as known then, beside those known today, with the corrections that made the difference."""

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core.caching import store
from core.snapshots import values
from pilots.models import Pilot, Reading
from policies.models import ProvincialPlan
from tests.factories import make_pilot, make_reading
from tests.support.scripted_year import clock_at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("snapshot_folder")]
DAY = "as_of=2026-06-30"


def lines(response: Any) -> list[tuple[str, str, str]]:
    found = response.context["known_then"]
    return [(line.label, line.then, line.now) for line in found.lines] if found else []


def test_a_corrected_key_figure_says_both_and_names_the_correction(
    corrected_plan: ProvincialPlan, client: Client
) -> None:
    response = client.get(f"/?{DAY}")
    assert lines(response) == [("Provincial plans issued", "1 of 2", "2 of 2")]
    (change,) = response.context["known_then"].changes.newest
    assert (change.historical.id, change.reason) == (corrected_plan.pk, "Found on the website")
    text = response.content.decode()
    assert "<b>1 of 2</b> on 30 June 2026 as known then, <b>2 of 2</b> as known today" in text
    assert '<span class="figure-change">1 of 2 on 30 June 2026 as known then</span>' in text
    assert "/admin/changes/" not in text


def test_staff_are_led_to_the_change_log(corrected_plan: ProvincialPlan, client: Client) -> None:
    client.force_login(User.objects.create_superuser("boss"))
    changes = client.get(f"/?{DAY}").context["known_then"].changes
    assert (changes.total, changes.log_url) == (1, "/admin/changes/?from=2026-07-01&kind=provincialplan")


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("/policies/{policy}/", ("Provincial plans issued", "1 of 2 provinces", "2 of 2 provinces")),
        ("/provinces/yi/", ("Plans issued for national policies", "0 of 1 called for", "1 of 1 called for")),
    ],
)
def test_pages_of_a_policy_and_a_province_compare_their_own_figures(
    corrected_plan: ProvincialPlan, client: Client, address: str, found: tuple[str, str, str]
) -> None:
    response = client.get(f"{address.format(policy=corrected_plan.policy.slug)}?{DAY}")
    assert found in lines(response)
    assert {change.historical.id for change in response.context["known_then"].changes.newest} == {corrected_plan.pk}


def test_a_value_entered_late_is_what_changed_a_pilot(corrected_plan: ProvincialPlan, client: Client) -> None:
    pilot = Pilot.objects.get()
    later = date(2026, 10, 1)
    with clock_at(date(2026, 10, 2)):  # of no concern to the day
        make_reading(pilot, pilot.targets.get().indicator, "2026-Q2", 70, reported_on=later, accepted_on=later)
    for address in (pilot.get_absolute_url(), pilot.batch.get_absolute_url()):
        response = client.get(f"{address}?as_of=2026-03-31")
        assert lines(response) != []
        changes = response.context["known_then"].changes
        assert [(type(item.instance), item.period) for item in (one.historical for one in changes.newest)] == [
            (Reading, "2025")
        ]
    assert lines(client.get(f"{pilot.get_absolute_url()}?{DAY}")) == []


def test_what_was_not_on_record_then_says_so(corrected_plan: ProvincialPlan, client: Client) -> None:
    with clock_at(date(2026, 10, 1)):
        pilot = make_pilot(Pilot.objects.get().batch, corrected_plan.province)
    with clock_at(date(2026, 11, 20)):
        response = client.get(f"{pilot.get_absolute_url()}?{DAY}")
    assert "Nothing of this was on record on 30 June 2026: it was entered since." in response.content.decode()


@pytest.mark.parametrize("query", ["", "?known=2026-06-30", f"?{DAY}&known=2026-07-01", "?as_of=2026-01-01"])
def test_nothing_is_compared_today_under_known_or_before_the_histories(
    corrected_plan: ProvincialPlan, client: Client, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object) -> None:
        raise AssertionError("a snapshot was read")

    monkeypatch.setattr(values.PastRecords, "compute", refuse)
    response = client.get(f"/{query}")
    assert (response.status_code, lines(response)) == (200, [])


def test_figures_then_are_computed_once_a_day(
    corrected_plan: ProvincialPlan, client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CACHE_RESPONSES = True
    kept: dict[str, Any] = {}
    monkeypatch.setattr(store, "load", lambda key: kept.get(key) if key.startswith("as-known") else None)
    monkeypatch.setattr(store, "save", kept.__setitem__)
    counts = []
    for _n in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert lines(client.get(f"/?{DAY}")) == [("Provincial plans issued", "1 of 2", "2 of 2")]
        counts.append(len(queries))
    assert len([key for key in kept if key.startswith("as-known")]) == 1
    assert counts[1] < counts[0]
