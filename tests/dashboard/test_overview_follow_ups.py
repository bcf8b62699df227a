"""Overview page: follow-ups and practices, each told in a sentence with its list."""

import re
from datetime import date
from typing import Any

import pytest
from django.test import Client

from pilots.metrics.follow_up_states import Move
from pilots.models import FollowUp, Pilot
from tests import factories as make
from tests.dashboard.test_overview import make_rated

pytestmark = pytest.mark.django_db
DAY = "2026-11-24"
CLOSING = (Move.SIGN, Move.REPORT, Move.VERIFY)


@pytest.fixture
def pilots(empty: None) -> dict[str, Pilot]:
    """Pilots that are green, red, red since 14 October 2026 after yellow, and grey."""
    batch = make.batch(slug="first", short_name_en="first batch", city_count=4)
    place = {"batch": batch, "province": make.province(slug="hebei", name_en="Hebei", short_en="Hebei")}
    pilots = {
        "good": make_rated("good", 10200, **place),
        "behind": make_rated("behind", 11900, **place),
        "overdue": make_rated("overdue", 10300, **place),
        "silent": make_rated("silent", None, **place),
    }
    make.milestone(pilots["overdue"], date(2026, 7, 15), title_en="Platform live", is_key=True)
    return pilots


def make_closed(pilot: Pilot, closed_on: date, **fields: Any) -> FollowUp:
    cause = {"cause": "pilot", "cause_colour": "red", "cause_reason_en": "far behind"}
    steps = [(move, closed_on) for move in CLOSING]
    return make.follow_up(pilot, *steps, **{**cause, **fields})


@pytest.fixture
def follow_ups(pilots: dict[str, Pilot]) -> dict[str, FollowUp]:
    """Four closed, after which one light is green, one red, one red again and one not known; three open; one
    withdrawn."""
    make.agency(name_en="Bureau of ecology")
    return {
        "cleared": make_closed(pilots["good"], date(2026, 8, 1)),
        "still_red": make_closed(pilots["behind"], date(2026, 8, 1)),
        "relapsed": make_closed(pilots["overdue"], date(2026, 9, 1)),
        "not_known": make_closed(pilots["silent"], date(2026, 8, 1)),
        "late": make.follow_up(pilots["behind"], number="2026-801", title_en="Stop the kiln"),
        "in_time": make.follow_up(
            pilots["behind"], (Move.SIGN, date(2026, 6, 2)), number="2026-802", due_on=date(2026, 12, 20)
        ),
        "reported": make.follow_up(
            pilots["silent"],
            (Move.SIGN, date(2026, 6, 2)),
            (Move.REPORT, date(2026, 6, 20)),
            number="2026-803",
            title_en="Hand in the values",
        ),
        "withdrawn": make.follow_up(pilots["good"], (Move.WITHDRAW, date(2026, 6, 3))),
    }


# -- question 11: are they done, and were the red lights cleared? -------------------------------------------


def test_the_card_names_the_overdue_ones_and_the_changes_those_closed(follow_ups: Any, client: Client) -> None:
    """On the day, and on a day before that the follow-up in time and the withdrawn one do not alter."""
    context = client.get("/", {"as_of": DAY}).context
    assert [(item.number, item.days_late) for item in context["overdue"]] == [("2026-801", 146)]
    page = client.get("/", {"as_of": DAY}).content.decode()
    assert "2026-801 by 146 days" in page
    assert 'href="/actions/?overdue=true&amp;as_of=2026-11-24"' in page
    quarter = {row["label"]: (row["n"], row["names"], row["note"]) for row in context["changes"]}
    assert quarter["Follow-ups closed"] == (0, [], "")
    assert quarter["Red again after clearing"] == (1, ["Overdue"], "")  # cleared on 1 September, red since 14 October
    before = client.get("/", {"as_of": "2026-08-15"}).context
    assert next(row["n"] for row in before["changes"] if row["label"] == "Follow-ups closed") == 3
    assert 'id="follow-ups"' not in client.get("/", {"as_of": "2026-05-31"}).content.decode()


# -- question 12: what can be copied, and how far was it? -----------------------------------------------------


def make_recommended(*origins: Pilot, **fields: Any) -> Any:
    days = {"passed_on": date(2025, 2, 1), "library_on": date(2025, 3, 1), "recommended_on": date(2025, 4, 1)}
    return make.practice(*origins, **{**days, **fields})


def make_in_use(practice: Any, pilot: Pilot, **fields: Any) -> Any:
    return make.adoption(practice, pilot, started_on=date(2025, 6, 1), in_use_on=date(2025, 9, 1), **fields)


@pytest.fixture
def practices(pilots: dict[str, Pilot]) -> None:
    """One recommended and copied in three provinces, one in the library and copied once by a claim, one proposed."""
    batch, origin = pilots["good"].batch, pilots["good"]
    copies = [make.pilot(batch, make.province(name_en=f"Copy {n}")) for n in range(4)]
    heat = make_recommended(origin, title_en="Waste heat")
    make_in_use(heat, copies[0], confirmed_on=date(2025, 10, 1))
    measured = make_in_use(heat, copies[1])
    nox = make.indicator("AIR_NOX")
    before, after = (make.reading(copies[1], nox, year, value) for year, value in (("2023", 100), ("2025", 80)))
    make.effect(heat, adoption=measured, reading_before=before, reading_after=after)
    make_in_use(heat, copies[2])
    trading = make_recommended(origin, title_en="Trading", recommended_on=None)
    make_in_use(trading, copies[3])
    make_in_use(trading, copies[0], given_up_on=date(2026, 1, 1), give_up_reason="money")
    make.practice(origin, title_en="Only proposed")


def test_the_card_says_what_can_be_copied_and_where_it_was(practices: None, client: Client) -> None:
    def card(day: str) -> str:
        page = (
            client.get("/", {"as_of": day}).content.decode().partition('id="practices"')[2].partition("</section>")[0]
        )
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.partition(">")[2])).strip()

    told = "of 5 provinces 2 in the library, 1 of them recommended"
    assert card(DAY) == f"Practices copied 2 {told}"
    assert card("2025-09-30") == f"Practices copied 0 {told}"


def test_shipped_records_have_no_card_without_a_number(client: Client) -> None:
    page = client.get("/").content.decode()
    assert 'id="practices"' not in page
    assert 'id="follow-ups"' not in page
