"""Overview page: follow-ups and practices, each told in a sentence with its list."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from pilots.metrics.follow_up_states import Move
from pilots.models import FollowUp, Pilot
from tests.dashboard.test_overview import file_rows, make_rated
from tests.factories import (
    make_adoption,
    make_agency,
    make_batch,
    make_effect,
    make_follow_up,
    make_indicator,
    make_milestone,
    make_pilot,
    make_practice,
    make_province,
    make_reading,
)

pytestmark = pytest.mark.django_db
DAY = "2026-11-24"
CLOSING = (Move.SIGN, Move.REPORT, Move.VERIFY)


@pytest.fixture
def pilots(empty: None) -> dict[str, Pilot]:
    """Pilots that are green, red, red since 14 October 2026 after yellow, and grey."""
    batch = make_batch(slug="first", short_name_en="first batch", city_count=4)
    place = {"batch": batch, "province": make_province(slug="hebei", name_en="Hebei", short_en="Hebei")}
    pilots = {
        "good": make_rated("good", 10200, **place),
        "behind": make_rated("behind", 11900, **place),
        "overdue": make_rated("overdue", 10300, **place),
        "silent": make_rated("silent", None, **place),
    }
    make_milestone(pilots["overdue"], date(2026, 7, 15), title_en="Platform live", is_key=True)
    return pilots


def make_closed(pilot: Pilot, closed_on: date, **fields: Any) -> FollowUp:
    cause = {"cause": "pilot", "cause_colour": "red", "cause_reason_en": "far behind"}
    steps = [(move, closed_on) for move in CLOSING]
    return make_follow_up(pilot, *steps, **{**cause, **fields})


@pytest.fixture
def follow_ups(pilots: dict[str, Pilot]) -> dict[str, FollowUp]:
    """Four closed, after which one light is green, one red, one red again and one not known; three open; one
    withdrawn."""
    make_agency(name_en="Bureau of ecology")
    return {
        "cleared": make_closed(pilots["good"], date(2026, 8, 1)),
        "still_red": make_closed(pilots["behind"], date(2026, 8, 1)),
        "relapsed": make_closed(pilots["overdue"], date(2026, 9, 1)),
        "not_known": make_closed(pilots["silent"], date(2026, 8, 1)),
        "late": make_follow_up(pilots["behind"], number="2026-801", title_en="Stop the kiln"),
        "in_time": make_follow_up(
            pilots["behind"], (Move.SIGN, date(2026, 6, 2)), number="2026-802", due_on=date(2026, 12, 20)
        ),
        "reported": make_follow_up(
            pilots["silent"],
            (Move.SIGN, date(2026, 6, 2)),
            (Move.REPORT, date(2026, 6, 20)),
            number="2026-803",
            title_en="Hand in the values",
        ),
        "withdrawn": make_follow_up(pilots["good"], (Move.WITHDRAW, date(2026, 6, 3))),
    }


# -- question 11: are they done, and were the red lights cleared? -------------------------------------------


def test_the_sentence_says_what_is_closed_overdue_and_cleared(follow_ups: Any, client: Client) -> None:
    context = client.get("/", {"as_of": DAY}).context
    assert context["follow_ups_answer"] == (
        "4 of 8 closed; 1 of 3 open ones overdue; red light cleared at 2 of 3 rated when closed"
    )
    assert context["follow_ups_finding"] == (
        "4 of 8 follow-ups closed, 1 withdrawn; 1 of 3 open ones overdue, 1 to be verified"
    )
    assert context["red_lights"] == (
        "Closed after a red light: cleared at 2 of 3 (1 more not known); "
        "1 of 2 relapsed (1 not yet watched for 180 days)"
    )


def test_the_list_holds_the_overdue_ones_then_those_to_be_verified(follow_ups: Any, client: Client) -> None:
    response = client.get("/", {"as_of": DAY})
    rows = [[cell.value for cell in row] for row in response.context["waiting"].rows]
    assert rows == [
        ["2026-801 Stop the kiln", "overdue by 146 days", "Bureau of ecology", date(2026, 7, 1)],
        ["2026-803 Hand in the values", "reported, to be verified", "Bureau of ecology", date(2026, 7, 1)],
    ]
    page = response.content.decode()
    assert 'href="/actions/2026-801/?as_of=2026-11-24"' in page
    assert ">All 8 follow-ups</a>" in page
    assert [row["Follow-up"] for row in file_rows(client, "follow-ups")] == [row[0] for row in rows]


def test_the_list_has_five_and_the_file_all(pilots: Any, client: Client) -> None:
    for day in range(1, 8):
        make_follow_up(pilots["good"], due_on=date(2026, 7, day))
    shown = client.get("/", {"as_of": DAY}).context["waiting"].rows
    assert [row[3].value.day for row in shown] == [1, 2, 3, 4, 5]
    assert len(file_rows(client, "follow-ups")) == 7


def test_on_a_past_day_the_follow_ups_are_those_of_the_day(follow_ups: Any, client: Client) -> None:
    context = client.get("/", {"as_of": "2026-08-15"}).context
    assert context["follow_ups_finding"] == (
        "3 of 8 follow-ups closed, 1 withdrawn; 2 of 4 open ones overdue, 1 to be verified"
    )
    assert context["red_lights"] == (
        "Closed after a red light: cleared at 1 of 2 (1 more not known); "
        "0 of 1 relapsed (1 not yet watched for 180 days)"
    )
    before = client.get("/", {"as_of": "2026-05-31"})
    assert before.context["follow_ups_finding"] == "No follow-up is on record by this day"
    assert 'export="follow-ups"' not in before.content.decode()


# -- question 12: what can be copied, and how far was it? -----------------------------------------------------


def make_recommended(*origins: Pilot, **fields: Any) -> Any:
    days = {"passed_on": date(2025, 2, 1), "library_on": date(2025, 3, 1), "recommended_on": date(2025, 4, 1)}
    return make_practice(*origins, **{**days, **fields})


def make_in_use(practice: Any, pilot: Pilot, **fields: Any) -> Any:
    return make_adoption(practice, pilot, started_on=date(2025, 6, 1), in_use_on=date(2025, 9, 1), **fields)


@pytest.fixture
def practices(pilots: dict[str, Pilot]) -> None:
    """One recommended and copied in three provinces, one in the library and copied once by a claim, one proposed."""
    batch, origin = pilots["good"].batch, pilots["good"]
    copies = [make_pilot(batch, make_province(name_en=f"Copy {n}")) for n in range(4)]
    heat = make_recommended(origin, title_en="Waste heat")
    make_in_use(heat, copies[0], confirmed_on=date(2025, 10, 1))
    measured = make_in_use(heat, copies[1])
    nox = make_indicator("AIR_NOX")
    before, after = (make_reading(copies[1], nox, year, value) for year, value in (("2023", 100), ("2025", 80)))
    make_effect(heat, adoption=measured, reading_before=before, reading_after=after)
    make_in_use(heat, copies[2])
    trading = make_recommended(origin, title_en="Trading", recommended_on=None)
    make_in_use(trading, copies[3])
    make_in_use(trading, copies[0], given_up_on=date(2026, 1, 1), give_up_reason="money")
    make_practice(origin, title_en="Only proposed")


def test_the_sentence_says_what_can_be_copied_and_where_it_was(practices: None, client: Client) -> None:
    response = client.get("/", {"as_of": DAY})
    assert response.context["practices_finding"] == (
        "2 practices in the library, 1 of them recommended; copied in 2 of 5 provinces (confirmed or verified), "
        "in 2 more only claimed"
    )
    assert "<dd>2 in the library, 1 of them recommended; copied in 2 of 5 provinces</dd>" in response.text
    table = response.context["most_copied"]
    assert [column.label for column in table.columns] == [
        "Practice", "State", "Provinces reached", "Verified", "Confirmed", "Claimed",
    ]  # fmt: skip
    rows = [[cell.value for cell in row] for row in table.rows]
    assert rows == [
        ["Waste heat", "recommended", 2, 1, 1, 1],
        ["Trading", "in the library", 0, 0, 0, 1],
    ]
    assert ">All 3 practices</a>" in response.content.decode()
    assert [row["Practice"] for row in file_rows(client, "practices")] == ["Waste heat", "Trading"]


def test_on_a_past_day_a_copy_is_only_claimed(practices: None, client: Client) -> None:
    assert client.get("/", {"as_of": "2025-09-30"}).context["practices_finding"] == (
        "2 practices in the library, 1 of them recommended; copied in 0 of 5 provinces (confirmed or verified), "
        "in 4 more only claimed"
    )


def test_shipped_practices_are_proposed_and_said_in_one_line(client: Client) -> None:
    response = client.get("/")
    page = response.content.decode()
    assert response.context["practices_finding"] == "12 practices proposed, none in the library yet"
    assert 'id="practices-title"' not in page
    assert 'id="follow-ups-title"' not in page
    assert 'href="/actions/">Follow-ups</a></dt><dd>none on record by this day</dd>' in page
    assert 'href="/practices/">Practices</a></dt><dd>12 practices proposed, none in the library yet</dd>' in page
