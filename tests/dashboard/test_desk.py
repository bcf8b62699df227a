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
from tests.support.csv_files import csv_records
from tests.support.sign_in import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
ADDRESS = "/desk/?as_of=2026-06-01"


@pytest.fixture
def jia() -> Province:
    return make.province(slug="jia", name_zh="甲省", short_en="Jia")


@pytest.fixture
def pilots(jia: Province) -> list[Pilot]:
    """Make two pilots of the province (one red, one without a value for 2025), and one of another."""
    batch = make.batch(slug="first", known_by=date(2024, 1, 15), asked_from=2025)
    other = make.province(slug="yi", name_zh="乙省", short_en="Yi")
    red, silent = (make.pilot(batch, jia, slug=slug, name_zh=slug, name_en=slug) for slug in ("red", "silent"))
    abroad = make.pilot(batch, other, slug="abroad", name_zh="abroad", name_en="abroad")
    indicator = make.indicator("AIR_A")
    for pilot in (red, silent, abroad):
        make.target(pilot, indicator, 100, 70)
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


def test_an_editor_sees_what_waits_in_the_province_and_an_administrator_in_all(
    pilots: list[Pilot], jia: Province
) -> None:
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
    answer = editor(None, Role.ADMIN).get(ADDRESS)
    assert answer.context["finding"] == "3 pilots; 2 not reported for 2025; 1 red; 2 milestones overdue"
    assert lists(answer)["missing"] == ["silent", "abroad"]


def test_a_viewer_is_sent_to_the_overview_and_others_to_sign_in(client: Client) -> None:
    assert client.get("/desk/")["Location"] == "/sign-in/?next=/desk/"
    assert editor(None, Role.VIEWER).get("/desk/")["Location"] == "/"


# -- who has reported ----------------------------------------------------------------------------------------


def said_of(slug: str, day: str, year: int, province: Province) -> dict[str, Any]:
    """Return what pages, files and API say of the reports of a pilot on a day."""

    def rows(path: str, table: str) -> dict[str, dict[str, str]]:
        found = csv_records(Client().get(path, {"as_of": day, "export": f"{table}.csv"}))
        return {next(iter(row.values())).lower(): row for row in found}

    desk = editor(province).get(f"/desk/?as_of={day}")
    api = Client().get("/api/v1/progress/", {"as_of": day}).json()
    (own,) = [row for row in api["pilots"] if row["pilot"]["slug"] == slug]
    outstanding = Client().get("/api/v1/overview/", {"as_of": day}).json()["outstanding"]
    table = csv_records(Client().get("/api/v1/progress/", {"as_of": day, "format": "csv"}))
    (line,) = [row for row in table if row["pilot"] == slug]
    return {
        "desk": slug in lists(desk)["missing"],
        "list": rows("/pilots/", "pilots")[slug][f"Reported for {year}"],
        "batch": rows("/batches/first/", "pilots")[slug][f"Reported for {year}"],
        "compared": csv_value(f"/compare/?a={slug}&as_of={day}&export=compare.csv", f"Reported for {year}"),
        "held up": rows("/", "outstanding").get(slug, {}).get("Held up", ""),
        "province": rows("/provinces/", "provinces-list")[province.name_en.lower()]["Not reported"],
        "owner": own["light"]["reasons"][0]["owner"],
        "numbers": (api["owing"], api["reported"], api["waiting"]),
        "by place": outstanding["by_place"],
        "file": (line["reported"], line["outstanding"]),
    }


def csv_value(address: str, what: str) -> str:
    (row,) = [row for row in csv_records(Client().get(address)) if row["What is compared"] == what]
    return list(row.values())[1]


@pytest.mark.parametrize(
    ("readings", "said"),
    [
        pytest.param(
            [("2025", {})],  # of a later year alone
            ("no", "not handed in", "", "nothing"),
            id="of a later year",
        ),
        pytest.param(
            [("2025-Q4", {})], ("no", "not handed in", "Pilot office of silent", "nothing"), id="of a quarter"
        ),
        pytest.param(
            [("2025", {"accepted_on": None})],
            ("waits for review", "handed in, waiting to be accepted", "Ministry", "waiting"),
            id="waits",
        ),
        pytest.param(
            [("2025", {"accepted_on": None, "returned_on": date(2026, 5, 1)})],
            ("returned", "returned, to be answered by the pilot", "Pilot office of silent", "returned"),
            id="returned",
        ),
        pytest.param(
            [("2025", {"disputed_on": date(2026, 5, 1)})],
            ("disputed", "objected to, to be corrected by the pilot", "Pilot office of silent", "disputed"),
            id="disputed",
        ),
        pytest.param(
            [("2025", {"disputed_on": date(2026, 5, 1)}), ("2025", {"accepted_on": None})],
            ("waits for review", "handed in, waiting to be accepted", "Ministry", "waiting"),
            id="corrected and waits",
        ),
        pytest.param([("2025", {})], ("yes", "", "", ""), id="accepted"),
    ],
)
def test_reported_is_an_accepted_value_of_the_year_and_what_waits_is_the_ministry_s(
    pilots: list[Pilot], jia: Province, readings: list[tuple[str, dict[str, Any]]], said: tuple[str, ...], request: Any
) -> None:
    """Of three pilots that owe values of the year one has reported, and one is silent."""
    day, year = ("2026-03-21", 2024) if request.node.callspec.id == "of a later year" else ("2026-06-01", 2025)
    batch = Batch.objects.get()
    batch.asked_from = year
    batch.save()
    indicator = Indicator.objects.get()
    make.reading(pilots[0], indicator, "2024", 10)
    for version, (period, fields) in enumerate(readings, 1):
        days = {"reported_on": date(2026, 3, 1), "accepted_on": date(2026, 3, 10)}
        make.reading(pilots[1], indicator, period, 79, version=version, **days | fields)
    word, held_up, owner, place = said
    counts = {
        name: int(name == place) + int(name == "nothing") for name in ("nothing", "waiting", "returned", "disputed")
    }
    waits, reported = place == "waiting", place == ""
    assert said_of("silent", day, year, jia) == {
        "desk": not (waits or reported),
        "list": word,
        "batch": word,
        "compared": word,
        "held up": held_up,
        "province": "0" if waits or reported else "1",
        "owner": owner,
        "numbers": (3, 2 if reported else 1, int(waits)),
        "by place": counts,
        "file": ("true" if reported else "false", place),
    }
    text = "2 of 3" if reported else "1 of 3"
    waiting = "; 1 waits for review" if waits else ""
    page, sentence = (
        Client().get("/batches/first/", {"as_of": day}).context,
        f"{text} pilots that owe values for {year}",
    )
    assert f"; {sentence} have all of them accepted{waiting}." in page["finding"]
    assert f" · {sentence} have all of them accepted{waiting} · " in page["charts"]["lights"].subtitle


def test_one_denominator_of_reports(pilots: list[Pilot]) -> None:
    """A pilot whose term begins in 2026 owes nothing for 2025, and is not counted for it."""
    pilots[2].term_start = date(2026, 1, 1)
    pilots[2].save()
    query = {"as_of": "2026-06-01"}
    text = "1 of 2 pilots that owe values for 2025 have all of them accepted"
    page = Client().get("/batches/first/", query).context
    assert f"; {text}." in page["finding"]
    assert f" · {text} · " in page["charts"]["lights"].subtitle
    api = Client().get("/api/v1/progress/", query).json()
    assert (api["owing"], api["reported"], api["waiting"]) == (2, 1, 0)
    brief = Client().get("/brief/batch/first/", {**query, "export": "json"}).json()
    facts = next(block["items"] for block in brief["blocks"] if block["type"] == "facts")
    assert [(fact["value"], fact["of"]) for fact in facts if fact["label"] == "Reported for 2025"] == [
        ("1", "of 2 that owe values")
    ]
    rows = csv_records(Client().get("/pilots/", {**query, "export": "pilots.csv"}))
    assert {row["Pilot"]: row["Reported for 2025"] for row in rows} == {"red": "yes", "silent": "no", "abroad": ""}


# -- what is asked for, and what was sent back ----------------------------------------------------------------


def test_what_was_asked_for_waits_for_the_ministry_and_what_was_sent_back_for_the_province(
    pilots: list[Pilot], jia: Province
) -> None:
    """The first to be answered stands first; of another province nothing is shown, nor an office's own words."""
    ours, theirs = pilots[1], pilots[2]
    so2, other, third = Indicator.objects.get(), make.indicator("AIR_B"), make.indicator("AIR_C")
    ministry = make_user("judge", Role.NATIONAL_EDITOR)
    back = {"accepted_on": None, "returned_on": date(2026, 5, 4), "reported_on": date(2026, 3, 1)}
    for pilot in (ours, theirs):
        make.reading(pilot, so2, "2025", 1, **back, answer_by=date(2026, 7, 1))
        make.not_given(pilot, other, 2025, text="private words", **back, answer_by=date(2026, 5, 20))
        make.reading(pilot, other, "2024", 1, disputed_on=date(2026, 5, 5))
        make.reading(pilot, third, "2024", 1, **back)
        make.reading(pilot, third, "2024", 2, version=2, reported_on=date(2026, 5, 6), accepted_on=None)  # answered
        make.not_given(pilot, third, 2025, text="private words")
        done = make.milestone(pilot, date(2026, 5, 1), title_en="Objected one")
        make.completion(done, date(2026, 5, 2), objected_on=date(2026, 5, 6), objected_by=ministry, objection="No")
        make.amendment(done, day=date(2026, 9, 1), decided_on=date(2026, 5, 7), asked_on=date(2026, 5, 6),
                       accepted=False, remark="Not later")  # fmt: skip
        make.amendment(pilot.targets.get(), value=80, asked_on=date(2026, 5, 8))
        make.milestone(pilot, date(2026, 12, 1), title_en="New one", is_key=True, promised_on=None)
    officer = editor(jia)
    answer = officer.get(ADDRESS)
    found = lists(answer)
    assert {name: found[name] for name in [*found][1:5]} == {
        "values-returned": ["AIR_B emissions 2025", "AIR_A emissions 2025"],
        "values-disputed": ["AIR_B emissions 2024"],
        "objected": ["Objected one"],
        "amendments-refused": ["Objected one"],
    }
    assert ("private words" in answer.text, "abroad" in answer.text) == (False, False)
    [row] = csv_records(officer.get(f"{ADDRESS}&export=amendments-refused.csv"))
    assert row == {
        "Milestone or target": "Objected one",
        "Pilot": "silent",
        "Asked for": "1 September 2026",
        "Why": "The supplier is late",
        "Asked for on": "2026-05-06",
        "Refused on": "2026-05-07",
        "Remark": "Not later",
    }
    answer = client_of(ministry).get(ADDRESS)
    found = lists(answer)
    assert {name: found[name] for name in ("amendments", "promises", "review", "not-given")} == {
        "amendments": ["AIR_A emissions"] * 2,
        "promises": ["New one"] * 2,
        "review": ["silent", "abroad"],
        "not-given": ["AIR_C emissions 2025"] * 2,
    }
    assert "private words" not in answer.text
