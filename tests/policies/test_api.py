"""API of policies and the rollout: whole responses, any day, a fixed number of queries."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from policies.models import Figure, Policy
from tests import factories as make
from tests.support.admin_forms import page_url, save
from tests.support.api_client import ApiClient, client_with_token, make_user
from tests.support.sign_in import client_of

pytestmark = pytest.mark.django_db
PLAN = "synergy-implementation-plan-2022"


def rollout(client: Client, **query: str) -> Any:
    response = client.get("/api/v1/rollout/", {"policy": PLAN, **query})
    assert response.status_code == 200
    return response.json()


# -- rollout ---------------------------------------------------------------------------------------------


def test_a_policy_that_calls_for_no_plans_has_no_rollout_which_is_not_zero(client: Client) -> None:
    body = rollout(client, policy="beautiful-china-opinions-2023")
    assert (body["roster"], body["issued"], body["share"], body["dated"], body["series"]) == (32, None, None, None, [])


def test_a_policy_has_no_rollout_before_it_existed(client: Client) -> None:
    addresses = (f"/policies/{PLAN}/?", f"/api/v1/policies/{PLAN}/?", f"/api/v1/rollout/?policy={PLAN}&")
    for day, status in (("2022-06-16", 404), ("2022-06-17", 200)):
        assert [client.get(f"{address}as_of={day}").status_code for address in addresses] == [status] * 3
    missing = client.get("/api/v1/rollout/", {"as_of": "2022-06-16"})
    assert (missing.status_code, PLAN in missing.content.decode()) == (400, False)


# -- the day asked for -------------------------------------------------------------------------------------------


def test_agencies_of_a_province_have_issued_a_policy_of_it(client: Client, empty: None) -> None:
    home, other = make.province(slug="home"), make.province(slug="other")
    agencies = [make.agency(slug=slug) for slug in ("both", "ours", "theirs")]
    for province, issuers in ((home, agencies[:2]), (home, agencies[:1]), (other, agencies[::2])):
        make.policy(province=province, level="provincial").agencies.set(issuers)
    make.policy().agencies.set(agencies)
    for query, slugs in (("=home", ["both", "ours"]), ("__in=home,other", ["both", "ours", "theirs"])):
        rows = client.get(f"/api/v1/agencies/?province{query}").json()["results"]
        assert [row["slug"] for row in rows] == slugs


def test_policies_known_on_the_day(client: Client) -> None:
    def slugs(day: str) -> set[str]:
        rows = client.get(f"/api/v1/policies/?as_of={day}&page_size=200").json()["results"]
        return {row["slug"] for row in rows}

    assert slugs("2021-01-01") == {"steel-ultra-low-emission-2019"}
    assert slugs("2022-06-17") - slugs("2022-06-16") == {PLAN}


@pytest.mark.parametrize(("day", "issued"), [("2022-12-04", 0), ("2022-12-31", 5), ("2023-12-31", 17)])
def test_plans_carry_the_status_of_the_day(client: Client, day: str, issued: int) -> None:
    body = client.get(f"/api/v1/plans/?as_of={day}&page_size=200").json()
    found = [row["status"] for row in body["results"]]
    assert (body["count"], found.count("issued"), found.count("unknown")) == (32, issued, 32 - issued)
    assert client.get(f"/api/v1/plans/?as_of={day}&status=issued").json()["count"] == issued


def test_a_plan_issued_later_gives_nothing_away(client: Client) -> None:
    plan = Policy.objects.get(slug=PLAN).plans.get(province__slug="tianjin")
    then = client.get(f"/api/v1/plans/{plan.pk}/?as_of=2022-12-06").json()
    now = client.get(f"/api/v1/plans/{plan.pk}/?as_of=2022-12-07").json()
    always = {"id", "policy", "province", "status", "url", "revision"}
    assert {key for key, value in then.items() if value not in (None, [])} == always
    assert (then["status"], now["status"], now["issued_on"]) == ("unknown", "issued", "2022-12-07")
    assert now["doc_number"] == "津环气候〔2022〕115号"


def test_a_repealed_plan_reads_as_on_the_day_and_is_sent_back_as_read(admin_user: Any, empty: None) -> None:
    api, policy, province = client_with_token(admin_user), make.policy(slug="plan"), make.province(slug="home")
    old = make.plan(policy, province, issued_on=date(2022, 12, 5), doc_number="No. 1")
    address = f"/api/v1/plans/{old.pk}/"
    read = api.send("GET", address)
    stored = api.send("PATCH", address, {"repealed_on": "2024-03-01"}, **{"if-match": read["ETag"]})
    assert stored.status_code == 200
    assert [stored.json()[name] for name in ("status", "repealed_on")] == ["repealed", "2024-03-01"]
    again = api.send("PUT", address, stored.json(), **{"if-match": stored["ETag"]})
    assert (again.status_code, again.json()["revision"]) == (200, stored.json()["revision"])
    new = {"policy": "plan", "province": "home", "status": "issued", "issued_on": "2024-05-01"}
    assert api.send("POST", "/api/v1/plans/", {**new, "issued_on": "2024-02-01"}).status_code == 400
    assert api.send("POST", "/api/v1/plans/", new).status_code == 201
    assert api.send("POST", "/api/v1/plans/", new).json()["errors"][0]["code"] == "unique"
    fields = ("status", "issued_on", "doc_number", "repealed_on")
    found = {}
    for day in ("2022-12-04", "2024-02-29", "2024-03-01", "2024-05-01"):
        rows = api.send("GET", f"/api/v1/plans/?as_of={day}").json()["results"]
        issued = api.send("GET", f"/api/v1/plans/?as_of={day}&status=issued").json()["count"]
        ended = api.send("GET", f"/api/v1/plans/?as_of={day}&repealed_on__gte=2024-01-01").json()["count"]
        (row,) = api.send("GET", f"/api/v1/rollout/?policy=plan&as_of={day}").json()["provinces"]
        found[day] = [[r[name] for name in fields] for r in rows], issued, ended, row["status"], row["repealed_on"]
    nothing, first = ["unknown", None, None, None], ["2022-12-05", "No. 1"]
    over = ["repealed", *first, "2024-03-01"]
    assert found == {
        "2022-12-04": ([nothing, nothing], 0, 0, "unknown", None),
        "2024-02-29": ([["issued", *first, None], nothing], 1, 0, "issued", None),
        "2024-03-01": ([over, nothing], 0, 1, "repealed", "2024-03-01"),
        "2024-05-01": ([over, ["issued", "2024-05-01", None, None]], 1, 1, "issued", None),
    }


# -- sources -----------------------------------------------------------------------------------------------


def test_the_address_of_a_source_is_of_the_web_and_begins_in_small_letters() -> None:
    api = client_with_token(User.objects.create_superuser("chief"))
    created = api.send("POST", "/api/v1/sources/", {"title": "Alpha", "address": "HTTPS://Example.org/A"})
    assert (created.status_code, created.json()["address"]) == (201, "https://Example.org/A")
    for url in ("ftp://example.org/a", "FTPS://example.org/a"):
        refused = api.send("POST", "/api/v1/sources/", {"title": "Beta", "address": url})
        assert (refused.status_code, [fault["message"] for fault in refused.json()["errors"]]) == (
            400,
            ["address: Give an address that begins with https:// or http://."],
        )


def test_only_the_ministry_verifies_a_figure_and_changes_a_verified_one(empty: None) -> None:
    place, figures = make.province(slug="home"), "/api/v1/figures/"
    users = [make_user("officer", "provincial_editor", place), make_user("boss", "national_editor")]
    officer, ministry = (ApiClient(session=user) for user in users)
    body = {
        "slug": "cut",
        "name_zh": "降幅",
        "name_en": "Cut",
        "value": 12.5,
        "unit": "%",
        "kind": "count",
        "province": "home",
    }

    def change(client: ApiClient, **values: object) -> tuple[int, list[str]]:
        answer = client.send("PATCH", f"{figures}cut/", values, **{"If-Match": "*"})
        return answer.status_code, [fault["pointer"] for fault in answer.json().get("errors", ())]

    refused = officer.send("POST", figures, {**body, "state": "verified"})
    assert (refused.status_code, [fault["pointer"] for fault in refused.json()["errors"]]) == (403, ["/state"])
    assert officer.send("POST", figures, body).status_code == 201
    assert change(officer, state="verified") == (403, ["/state"])
    assert change(officer, value=13) == (200, [])
    assert change(ministry, state="verified", value=12) == (200, [])
    values = {"value": 99, "unit": "count", "as_printed": "99", "period_to": "2024", "province": None, "sources": []}
    values |= {"name_en": "Rise", "confidence": "media"}
    figure, pointers = Figure.objects.get(), ["/as_printed", "/confidence", "/name_en", "/period_to", "/province"]
    figure.sources.add(make.source())
    status, found = change(officer, **values)
    assert (status, sorted(found)) == (403, [*pointers, "/sources", "/unit", "/value"])
    client = client_of(users[0])
    save(client, figure, value="99", state="unverified", note_en="Seen", change_reason="x")
    client.post(page_url(figure, "simple_history", figure.history.last().pk), {"opened": figure.history.first().pk})
    figure.refresh_from_db()
    assert (figure.value, figure.state, figure.note_en) == (Decimal(12), "verified", "Seen")
    assert change(ministry, value=14) == (200, [])
