"""Home page of editors: what is due, red and not reported, within the province of provincial editors."""

import re
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from pilots.models import Pilot
from policies.models import Province
from tests import factories as make
from tests.support.api_client import make_user
from tests.support.sign_in import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
ADDRESS = "/desk/?as_of=2026-06-01"


@pytest.fixture
def jia() -> Province:
    return make.province(slug="jia", name_zh="甲省", short_en="Jia")


@pytest.fixture
def pilots(jia: Province) -> list[Pilot]:
    """Make two pilots of the province (one red, one without a value for 2025), and one of another."""
    batch = make.batch(slug="first", known_by=date(2024, 1, 15))
    other = make.province(slug="yi", name_zh="乙省", short_en="Yi")
    red, silent = (make.pilot(batch, jia, slug=slug, name_zh=slug, name_en=slug) for slug in ("red", "silent"))
    abroad = make.pilot(batch, other, slug="abroad", name_zh="abroad", name_en="abroad")
    indicator = make.indicator("AIR_A")
    make.target(red, indicator, 100, 70)
    make.reading(red, indicator, "2025", 99, accepted_on=date(2026, 3, 1))
    make.milestone(red, title_en="Late one", planned_on=date(2026, 5, 30))
    make.milestone(silent, title_en="Soon one", planned_on=date(2026, 6, 20))
    make.milestone(silent, title_en="Far one", planned_on=date(2026, 12, 20))
    make.milestone(abroad, title_en="Not ours", planned_on=date(2026, 5, 1))
    return [red, silent, abroad]


def editor(province: Province | None, role: str = Role.PROVINCIAL_EDITOR) -> Client:
    return client_of(make_user(f"u-{role}", role, province))


def lists(answer: Any) -> dict[str, list[str]]:
    return {item["slug"]: [str(row[0].value) for row in item["table"].rows] for item in answer.context["lists"]}


def test_a_provincial_editor_sees_what_waits_in_the_province(pilots: list[Pilot], jia: Province) -> None:
    answer = editor(jia).get(ADDRESS)
    assert answer.context["finding"] == "Jia: 2 pilots; 1 not reported for 2025; 1 red; 1 milestone overdue"
    assert lists(answer) == {
        "follow-ups": [],
        "missing": ["silent"],
        "red": ["red"],
        "due": ["Late one", "Soon one"],
    }
    html = answer.content.decode()
    assert reverse("readings-enter", args=[pilots[1].slug]) in html
    assert re.search(r'href="/pilots/\?province=jia[^"]*">Pilots of Jia<', html)
    assert "abroad" not in html


def test_an_administrator_sees_all_provinces(pilots: list[Pilot]) -> None:
    answer = editor(None, Role.ADMIN).get(ADDRESS)
    assert answer.context["finding"] == "3 pilots; 2 not reported for 2025; 1 red; 2 milestones overdue"
    assert lists(answer)["missing"] == ["silent", "abroad"]


def test_a_viewer_is_sent_to_the_overview_and_others_to_sign_in(client: Client) -> None:
    assert client.get("/desk/")["Location"] == "/sign-in/?next=/desk/"
    assert editor(None, Role.VIEWER).get("/desk/")["Location"] == "/"
