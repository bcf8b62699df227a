"""API of practices, adoptions and effects."""

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from pilots.models import Adoption, Effect, Pilot, Practice
from policies.models import Province
from tests import factories as make
from tests.support.api_client import ApiClient, make_user
from tests.support.snapshots import assert_snapshot

pytestmark = pytest.mark.django_db


@pytest.fixture
def origin(empty: None) -> Pilot:
    return make.pilot(make.batch(), make.province(slug="here", name_en="Here"), slug="origin", name_en="Origin")


@pytest.fixture
def copier(origin: Pilot) -> Pilot:
    return make.pilot(origin.batch, make.province(slug="there", name_en="There"), slug="copier", name_en="Copier")


@pytest.fixture
def practice(origin: Pilot) -> Practice:
    days = {
        "proposed_on": date(2025, 1, 1),
        "passed_on": date(2025, 2, 1),
        "library_on": date(2025, 7, 1),
        "recommended_on": date(2026, 1, 1),
        "retired_on": date(2026, 6, 1),
        "retired_reason_en": "A better one is known",
    }
    return make.practice(origin, slug="heat", title_en="Waste heat", title_zh="余热", province=origin.province, **days)


@pytest.fixture
def national() -> ApiClient:
    return ApiClient(session=make_user("national", "national_editor"))


def editor_of(province: Province) -> ApiClient:
    return ApiClient(session=make_user(f"editor-{province.slug}", "provincial_editor", province))


def rows(client: Client, address: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/api/v1/{address}").json()["results"]
    return found


# -- practices ---------------------------------------------------------------------------------------------


def test_a_practice_on_five_days(client: Client, practice: Practice) -> None:
    days = ("2024-12-31", "2025-01-01", "2025-06-30", "2025-12-31", "2026-05-31", "2026-06-30")
    assert_snapshot("practice", {day: rows(client, f"practices/?as_of={day}") for day in days})


# -- adoptions ---------------------------------------------------------------------------------------------


@pytest.fixture
def adoption(practice: Practice, copier: Pilot, national: ApiClient) -> Adoption:
    """Planned, begun, in use, confirmed, measured, and given up."""
    users = {user.username: user for user in User.objects.all()}
    days = {"planned_on": "2025-02-01", "started_on": "2025-08-01", "in_use_on": "2025-10-01"}
    days |= {"confirmed_on": "2025-11-01", "given_up_on": "2026-06-15"}
    people = {"claimed_by": make_user("claimer"), "confirmed_by": users["national"]}
    reason = {"give_up_reason": "money", "give_up_text_en": "Too dear"}
    return make.adoption(
        practice, copier, **{**{k: date.fromisoformat(v) for k, v in days.items()}, **people, **reason}
    )


@pytest.fixture
def measured(adoption: Adoption) -> Effect:
    """An effect known since 1 March 2025, of readings accepted on 20 March 2025 and 2026."""
    so2 = make.indicator("AIR_SO2")
    before, after = (make.reading(adoption.pilot, so2, year, value) for year, value in (("2024", 200), ("2025", 150)))
    return make.effect(adoption.practice, adoption=adoption, reading_before=before, reading_after=after)


def test_an_adoption_on_five_days(client: Client, adoption: Adoption, measured: Effect, national: ApiClient) -> None:
    days = ("2025-01-31", "2025-06-30", "2025-12-31", "2026-03-20", "2026-06-30")
    found = {day: national.send("GET", f"/api/v1/adoptions/?as_of={day}").json()["results"] for day in days}
    assert_snapshot("adoption", found, adoptions=adoption)
    nameless = [[row | {"claimed_by": None, "confirmed_by": None} for row in some] for some in found.values()]
    assert [rows(client, f"adoptions/?as_of={day}") for day in days] == nameless
    one = national.send("GET", f"/api/v1/adoptions/{adoption.pk}/")
    assert ([one.json()], one["ETag"][:3]) == (found["2026-06-30"], '"1-')


def test_names_are_shown_to_those_whom_they_concern(adoption: Adoption, origin: Pilot) -> None:
    """Each reader after another who may see them: nobody is answered from another's cache."""
    readers = {
        "own": editor_of(adoption.province),
        "other": editor_of(origin.province),
        "viewer": ApiClient(session=make_user("viewer", "viewer")),
        "anonymous": ApiClient(),
    }
    found = {}
    for name, reader in readers.items():
        for address in ("adoptions/", f"adoptions/{adoption.pk}/"):
            body = reader.send("GET", f"/api/v1/{address}").content.decode()
            found[name, address] = ("claimer" in body, "national" in body)
    assert {key for key, seen in found.items() if seen != (False, False)} == {
        ("own", "adoptions/"),
        ("own", f"adoptions/{adoption.pk}/"),
    }
