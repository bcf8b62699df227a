"""Lead policy: pages count the plans of one policy set on purpose, and another one changes no number."""

from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from core.seed.loader import load_seed
from policies.models import Policy, Province, ProvincialPlan
from policies.rollout import PolicyChoice
from policies.seed import SEED_FILES
from tests import factories as make
from tests.support.api_client import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
DAY = date(2026, 6, 30)
SECOND = {"slug": "second", "title_en": "Clean air plan", "issued_on": date(2026, 3, 1)}


@pytest.fixture
def provinces() -> list[Province]:
    return [make.province(region="north"), make.province(region="east")]


@pytest.fixture
def lead(provinces: list[Province]) -> Policy:
    """Make the lead policy, for which both provinces have issued a plan."""
    policy = make.policy(slug="lead", title_en="A plan", short_name_en="Lead plan 2022", is_lead=True)
    for province in provinces:
        make.plan(policy, province)
    return policy


def add_second(provinces: list[Province], **fields: Any) -> Policy:
    """Make a second policy, for which one of the two has issued a plan."""
    second = make.policy(**SECOND, **fields)
    make.plan(second, provinces[0], issued_on=date(2026, 5, 1))
    return second


def page_numbers(client: Client, query: str = "") -> dict[str, Any]:
    """Return all counts of plans on pages and in the API."""
    address = f"as_of={DAY}&{query}"
    overview, listed = client.get(f"/?{address}").context, client.get(f"/provinces/?{address}").context
    return {
        "finding": (overview["finding"], listed["finding"]),
        "figures": [[figure.get(name) for name in ("label", "value", "of", "note")] for figure in overview["figures"]],
        "titles": [chart.title for chart in overview["charts"].values()],
        "subtitles": [chart.subtitle for chart in overview["charts"].values()],
        "map": [[cell.value for cell in row] for row in overview["charts"]["map"].table.rows],
        "adoption": [[cell.value for cell in row] for row in overview["charts"]["adoption"].table.rows],
        "list": [[cell.value for cell in row] for row in listed["listing"].table.rows],
        "gaps": [[cell.value for cell in row] for row in client.get(f"/data/?{address}").context["gaps"].rows],
        "api": client.get(f"/api/v1/overview/?{address}").json()["rollout"],
    }


def test_a_second_policy_that_calls_for_plans_changes_no_number(
    client: Client, lead: Policy, provinces: list[Province]
) -> None:
    before = page_numbers(client)
    assert (before["api"]["policy"]["slug"], before["api"]["issued"], before["api"]["roster"]) == ("lead", 2, 2)
    second = add_second(provinces)
    assert page_numbers(client) == before == page_numbers(client, "policy=lead")

    asked = page_numbers(client, "policy=second")
    assert (asked["api"]["policy"]["slug"], asked["api"]["issued"], asked["api"]["roster"]) == ("second", 1, 2)
    first = provinces[0].short
    assert asked["adoption"] == [[date(2026, 3, 1), 0, 0.0, ""], [date(2026, 5, 1), 1, 0.5, first]]
    assert ["Provincial plans issued", 1, "of 2 provinces", "Clean air plan"] in asked["figures"]
    assert asked["titles"][:2] == [
        "“Clean air plan”: 1 of 2 provinces have a plan, 0 have a recorded pilot",
        "Clean air plan: half of the provinces had issued by 1 May 2026",
    ]
    scope = "Plans for “Clean air plan”, of the 2 provinces in the roster, as of 30 June 2026"
    assert asked["subtitles"][:2] == [scope, scope]
    Policy.objects.filter(pk=lead.pk).update(is_lead=False)
    Policy.objects.filter(pk=second.pk).update(is_lead=True)
    assert page_numbers(client) == asked


@pytest.mark.parametrize("path", ["/", "/provinces/", "/data/", "/api/v1/overview/"])
def test_only_a_policy_that_calls_for_plans_can_be_asked_for(client: Client, lead: Policy, path: str) -> None:
    make.policy(slug="law", calls_for_provincial_plan=False)
    for slug in ("law", "leads", "lead\0"):
        answer = client.get(path, {"policy": slug})
        assert answer.status_code == 400, slug
        if path.startswith("/api"):
            (error,) = answer.json()["errors"]
            assert (error["pointer"], error["code"]) == ("policy", "invalid_choice")
            assert "Did you mean “lead”?" in error["message"]


def test_without_a_lead_policy_the_earliest_stands_in_and_the_page_says_so(
    client: Client, lead: Policy, provinces: list[Province]
) -> None:
    told = "No lead policy is known on this day: counted is the earliest policy that calls for provincial plans."
    assert told not in client.get("/provinces/").text
    second = add_second(provinces)
    Policy.objects.update(is_lead=False)
    assert (PolicyChoice(DAY).policy, PolicyChoice(DAY).is_fallback) == (lead, True)
    for path in ("/", "/provinces/"):
        assert told in client.get(path).text
        assert told not in client.get(path, {"policy": "second"}).text

    Policy.objects.filter(pk=second.pk).update(is_lead=True)  # but not known yet on an earlier day
    choice = PolicyChoice(date(2026, 2, 28))
    assert (choice.policy, choice.lead, choice.options) == (lead, None, [lead])
    assert told in client.get("/", {"as_of": "2026-02-28"}).text
    assert PolicyChoice(date(2022, 6, 16)).policy is None


def test_a_policy_that_becomes_the_lead_takes_the_place_of_the_one_before(
    lead: Policy, provinces: list[Province]
) -> None:
    second = add_second(provinces)
    second.is_lead = True
    second.full_clean()
    second.save()
    lead.refresh_from_db()
    assert list(Policy.objects.filter(is_lead=True)) == [second]
    entry = lead.history.first()
    assert (entry.is_lead, entry.history_type, entry.history_change_reason) == (
        False,
        "~",
        "Another policy was set as the lead policy",
    )


@pytest.mark.parametrize("fields", [{"calls_for_provincial_plan": False}, {"level": "provincial"}, {}])
def test_the_database_holds_one_lead_policy_a_national_one_that_calls_for_plans(
    lead: Policy, provinces: list[Province], fields: dict[str, Any]
) -> None:
    other = make.policy(**fields, province=provinces[0] if "level" in fields else None)
    if fields:
        Policy.objects.update(is_lead=False)
    with pytest.raises(IntegrityError), transaction.atomic():
        Policy.objects.filter(pk=other.pk).update(is_lead=True)


# -- programs, loaders, old databases ----------------------------------------------------------------------


def test_the_shipped_policy_leads_unless_another_was_set_here_before(lead: Policy) -> None:
    load_seed(SEED_FILES)
    assert [policy.slug for policy in Policy.objects.filter(is_lead=True)] == ["lead"]
    shipped = Policy.objects.get(slug="synergy-implementation-plan-2022")
    shipped.is_lead = True
    shipped.save()
    lead.refresh_from_db()
    lead.is_lead = True
    lead.save()
    load_seed(SEED_FILES)  # and loading again leaves it
    assert [policy.slug for policy in Policy.objects.filter(is_lead=True)] == ["lead"]


def missing_plans(policy: Policy) -> str:
    return reverse("admin:policies_policy_missing_plans", args=[policy.pk])


def test_a_provincial_editor_adds_no_missing_provinces_to_a_national_policy(client: Client, lead: Policy) -> None:
    home = make.province()
    client.force_login(make_user("editor", "provincial_editor", home))
    page = client.get(reverse("admin:policies_policy_change", args=[lead.pk]))
    assert [str(label) for label, _url in page.context["ways"]] == ["Provincial plans (2)", "Add a provincial plan"]
    for answer in (client.get(missing_plans(lead)), client.post(missing_plans(lead))):
        assert answer.status_code == 403
    assert not ProvincialPlan.objects.filter(province=home).exists()
