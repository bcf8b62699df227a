"""Home page of editors: what is due, red and not reported, within the province of provincial editors."""

import re
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from pilots.models import Batch, Indicator, Pilot
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


def test_a_list_shows_25_names_and_leads_to_all_of_them(pilots: list[Pilot], jia: Province) -> None:
    indicator = Indicator.objects.get(code="AIR_A")
    for number in range(25):
        more = make.pilot(Batch.objects.get(slug="first"), jia, slug=f"red-{number}")
        make.target(more, indicator, 100, 70)
        make.reading(more, indicator, "2025", 99)
    answer = editor(jia).get(ADDRESS)
    assert len(lists(answer)["red"]) == 25
    html = re.sub(r"\s+", " ", answer.content.decode())
    assert '1 more is in the file. <a href="/pilots/?province=jia&amp;light=red&amp;as_of=2026-06-01">' in html


def test_the_lists_as_a_file(pilots: list[Pilot], jia: Province) -> None:
    answer: Any = editor(jia).get(f"{ADDRESS}&export=due.csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = [line.split(",")[:4] for line in text.splitlines() if not line.startswith("#")]
    assert rows[1:] == [["Late one", "red", "2026-05-30", "2"], ["Soon one", "silent", "2026-06-20", ""]]


def test_a_viewer_is_sent_to_the_overview_and_others_to_sign_in(client: Client) -> None:
    assert client.get("/desk/")["Location"] == "/sign-in/?next=/desk/"
    assert editor(None, Role.VIEWER).get("/desk/")["Location"] == "/"


def test_a_provincial_editor_starts_with_a_document_of_the_province(jia: Province) -> None:
    """With the national level as initial value the first save would be rejected."""
    form = editor(jia).get(reverse("admin:policies_policy_add")).context["adminform"].form
    assert (form["level"].value(), form["province"].value()) == ("provincial", jia.pk)


def test_pilots_of_one_name_have_their_batch_beside_it(jia: Province, pilots: list[Pilot]) -> None:
    """In each list, also in one that holds a single pilot of the name."""
    later = make.batch(short_name_en="second batch", announced_on=date(2025, 1, 15))
    make.pilot(later, jia, slug="red-again", name_zh="red", name_en="red")
    Batch.objects.filter(slug="first").update(short_name_en="first batch")
    found = lists(editor(jia).get(ADDRESS))
    assert found["red"] == ["red (first batch)"]
    assert sorted(found["missing"]) == ["red (second batch)", "silent"]
    answer: Any = editor(None, Role.NATIONAL_EDITOR).get(f"{ADDRESS}&export=due.csv")
    assert "Late one,red (first batch)," in b"".join(answer.streaming_content).decode()
