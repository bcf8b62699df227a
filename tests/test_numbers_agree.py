"""One number, one definition: what a page shows, what the API answers and what a file holds is the same value."""

import csv
import io
from collections import Counter
from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from pilots.models import Pilot
from policies.models import ProvincialPlan

pytestmark = pytest.mark.django_db

SYNERGY = "synergy-implementation-plan-2022"
DAYS = ["2022-06-16", "2022-12-30", "2022-12-31", "2023-06-30", "2023-10-31", "2024-01-29", "2024-01-30", "2026-11-24"]


def context(client: Client, path: str, day: str) -> Any:
    return client.get(path, {"as_of": day}).context


def answer(client: Client, name: str, **params: str) -> Any:
    return client.get(f"/api/v1/{name}/", params).json()


def file_rows(client: Client, path: str, table: str, day: str) -> list[dict[str, str]]:
    response = client.get(path, {"as_of": day, "export": f"{table}.csv"})
    text = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO("\n".join(line for line in text.splitlines() if line[0] != "#"))))


@pytest.mark.parametrize("day", DAYS)
def test_rollout(client: Client, day: str) -> None:
    path = f"/policies/{SYNERGY}/"
    if client.get(path, {"as_of": day}).status_code == 404:  # before the policy was known it has no page
        assert answer(client, "rollout", policy=SYNERGY, as_of=day)["issued"] == 0
        return
    page = context(client, path, day)["rollout"]
    api = answer(client, "rollout", policy=SYNERGY, as_of=day)
    assert (api["issued"], api["roster"], api["share"]) == (page.issued, page.roster, page.share)
    assert (api["dated"], api["known_by"]) == (page.dated, page.known_by)
    assert api["median_lag_days"] == page.median_lag_days
    assert [(s["date"], s["issued"]) for s in api["series"]] == [(s.date.isoformat(), s.issued) for s in page.series]
    rows = file_rows(client, path, "plans", day)
    assert [row["Status"] == "issued" for row in rows] == [item["status"] == "issued" for item in api["provinces"]]
    lags = [item["lag_days"] for item in api["provinces"]]
    assert [row["Days after the national document"] for row in rows] == ["" if n is None else str(n) for n in lags]
    plans = answer(client, "plans", policy=SYNERGY, status="issued", as_of=day)
    assert plans["count"] == page.issued


@pytest.mark.parametrize("day", DAYS)
def test_overview(client: Client, day: str) -> None:
    page = context(client, "/", day)["overview"]
    api = answer(client, "overview", as_of=day)
    assert (api["rollout"] or {}).get("issued") == (page.rollout.issued if page.rollout else None)
    for kind in ("cities", "parks"):
        numbers = getattr(page, kind)
        assert [api[kind][name] for name in ("announced", "recorded", "firm", "to_enter")] == [
            numbers.announced,
            numbers.recorded,
            numbers.firm,
            numbers.to_enter,
        ]
    assert api["days_left"] == page.days_left
    assert answer(client, "pilots", as_of=day)["count"] == context(client, "/pilots/", day)["listing"].count


@pytest.mark.parametrize("query", [{}, {"level": "national"}, {"kind": "park"}, {"province": "hebei"}])
def test_coverage(client: Client, query: dict[str, str]) -> None:
    page = client.get("/industries/", query).context["coverage"]
    api = answer(client, "coverage", **query)
    assert (api["pilots"], api["naming"], api["roster"]) == (page.pilots, page.naming, page.roster)
    assert [(row["industry"]["slug"], row["pilots"], row["provinces"], row["gap"]) for row in api["industries"]] == [
        (row.industry.slug, row.pilots, row.provinces, row.gap) for row in page.industries
    ]
    assert api["matrix"]["cells"] == [list(row) for row in page.matrix.cells]


def test_an_edit_in_the_admin_is_on_page_and_api_at_once(client: Client) -> None:
    """Three edits, each followed by a look from outside."""
    plan = ProvincialPlan.objects.get(policy__slug=SYNERGY, province__slug="hunan")
    plan.issued_on, plan.issued_precision, plan.known_issued_by = date(2022, 12, 1), "day", date(2022, 12, 1)
    plan.full_clean()
    plan.save()
    assert context(client, f"/policies/{SYNERGY}/", "2022-12-04")["rollout"].issued == 1
    assert answer(client, "rollout", policy=SYNERGY, as_of="2022-12-04")["issued"] == 1
    plan.status, plan.issued_on, plan.issued_precision, plan.known_issued_by = "drafting", None, "", None
    plan.full_clean()
    plan.save()
    assert context(client, f"/policies/{SYNERGY}/", "2026-11-24")["rollout"].issued == 31
    assert answer(client, "rollout", policy=SYNERGY, as_of="2026-11-24")["share"] == 31 / 32
    recorded = answer(client, "overview", as_of="2026-11-24")["cities"]["recorded"]
    pilot = Pilot.objects.get(slug="weihai")
    pilot.withdrawn_on = date(2025, 1, 1)
    pilot.full_clean()
    pilot.save()
    assert context(client, "/", "2026-11-24")["overview"].cities.recorded == recorded - 1
    cities = answer(client, "overview", as_of="2026-11-24")["cities"]
    assert [cities[name] for name in ("announced", "recorded", "withdrawn", "to_enter")] == [
        *(21, recorded - 1, 1, 21 - recorded),
    ]


def test_signed_in_or_not_the_numbers_are_the_same(client: Client) -> None:
    before = answer(client, "overview", as_of="2026-11-24")
    client.force_login(User.objects.create_superuser("steward", password="a long enough password"))
    assert answer(client, "overview", as_of="2026-11-24") == before


def raw(client: Client, **params: str) -> list[dict[str, Any]]:
    """Every pilot that the API lists, as raw rows."""
    found = answer(client, "pilots", page_size="200", **params)
    assert found["count"] == len(found["results"])
    return list(found["results"])


@pytest.mark.parametrize("withdrawn", [False, True])
def test_counts_of_a_set_are_sums_of_the_api_s_rows(client: Client, withdrawn: bool) -> None:
    """The set of the overview's lights and coverage is that of the lists they lead to, a withdrawal or not."""
    day, batch = "2026-11-24", "national-batch-1"
    if withdrawn:
        Pilot.objects.filter(slug="weihai").update(withdrawn_on=date(2025, 1, 1))
    rows, left = raw(client, as_of=day, batch=batch), raw(client, as_of=day, batch=batch, withdrawn="only")
    assert len(left) == int(withdrawn)
    overview = context(client, "/", day)["overview"]
    total = overview.national.total
    assert (total.recorded, total.withdrawn) == (len(rows), len(left))
    assert total.announced == len(rows) + len(left) + total.to_enter
    assert overview.progress.strip.n == overview.national_coverage.pilots == len(rows)
    for colour, n in overview.progress.strip.now.items():
        if colour != "blue":
            listed = client.get("/pilots/", {"as_of": day, "batch": batch, "light": colour}).context["listing"].count
            assert listed == n == sum(row["light"] == colour for row in rows), colour
    naming = [row for row in rows if row["industries"]]
    page = client.get("/industries/", {"as_of": day, "batch": batch}).context["coverage"]
    assert page.naming == overview.national_coverage.naming == len(naming)
    assert {row.industry.slug: row.pilots for row in page.industries if row.pilots} == dict(
        Counter(industry["slug"] for row in naming for industry in row["industries"])
    )
    assert answer(client, "overview", as_of=day)["national_coverage"]["naming"] == len(naming)
    assert client.get("/batches/", {"as_of": day}).context["finding"].startswith("3 batches; 174 announced: ")
