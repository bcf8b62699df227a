"""Numbers agree: page, API and file give the same value."""

import io
from collections import Counter
from datetime import date
from typing import Any

import pytest
from django.test import Client
from openpyxl import load_workbook

from pilots.metrics import Move
from pilots.models import Pilot
from policies.models import Province
from tests import factories as make
from tests.support.csv_files import csv_records

pytestmark = pytest.mark.django_db


def page_context(client: Client, path: str, day: str) -> Any:
    return client.get(path, {"as_of": day}).context


def get_api(client: Client, name: str, **params: str) -> Any:
    return client.get(f"/api/v1/{name}/", params).json()


def file_rows(client: Client, path: str, table: str, day: str) -> list[dict[str, str]]:
    return csv_records(client.get(path, {"as_of": day, "export": f"{table}.csv"}))


SHARES = ((2, "6.3"), (10, "31.3"), (18, "56.3"), (26, "81.3"))  # of the roster of 32: 6.25 % and so on


def test_a_share_is_rounded_half_up_on_page_in_file_and_sentence(client: Client) -> None:
    """One share reads alike everywhere; a CSV file has the exact fraction, a workbook's format rounds it half up."""
    policy, roster = make.policy(slug="shares"), list(Province.objects.roster())
    for number, (count, _percent) in enumerate(SHARES):
        for province in roster[(count - 8) if number else 0 : count]:
            make.plan(policy, province, issued_on=date(2023, 1, 1 + number))
    page = client.get("/policies/shares/", {"as_of": "2023-06-30", "lang": "en"}).content.decode()
    chinese = client.get("/policies/shares/", {"as_of": "2023-06-30", "lang": "zh-hans"}).content.decode()
    rows = file_rows(client, "/policies/shares/", "adoption", "2023-06-30")
    found = [(int(row["Issued by then"]), row["Share of the roster"]) for row in rows[1:]]
    assert found == [(count, str(count / 32)) for count, _percent in SHARES]
    answer: Any = client.get("/policies/shares/", {"as_of": "2023-06-30", "export": "adoption.xlsx", "lang": "en"})
    sheet = load_workbook(io.BytesIO(answer.content)).worksheets[0]
    cells = [cell for line in sheet.iter_rows() for cell in line if cell.number_format == "0.0%"]
    assert [cell.value for cell in cells] == [0, *(count / 32 for count, _percent in SHARES)]
    for _count, percent in SHARES:
        assert f">{percent}\xa0%<" in page
        assert f">{percent}%<" in chinese


# -- follow-ups -----------------------------------------------------------------------------------------------

LATER_DAYS = ["2026-06-30", "2026-09-15", "2026-11-24"]


@pytest.fixture
def acted_on(client: Client) -> None:
    """Follow-ups in every state over the summer of 2026."""
    pilots = list(Pilot.objects.order_by("pk")[:6])
    make.follow_up(pilots[0])
    make.follow_up(pilots[1], (Move.SIGN, date(2026, 6, 10)), due_on=date(2026, 9, 1))
    make.follow_up(pilots[2], (Move.SIGN, date(2026, 6, 10)), (Move.REPORT, date(2026, 9, 10)))
    steps = [(Move.SIGN, date(2026, 6, 5)), (Move.REPORT, date(2026, 6, 20)), (Move.VERIFY, date(2026, 6, 25))]
    make.follow_up(pilots[3], *steps, cause="pilot", cause_colour="red")
    make.follow_up(pilots[4], (Move.WITHDRAW, date(2026, 7, 1)))


@pytest.mark.parametrize("day", LATER_DAYS)
def test_follow_ups(client: Client, acted_on: None, day: str) -> None:
    page, home = page_context(client, "/actions/", day), page_context(client, "/", day)
    api = get_api(client, "followup", as_of=day)
    total, overdue = api["total"], api["overdue"]["n"]
    assert {**page["numbers"], "as_of": day} == {name: api[name] for name in page["numbers"]}
    rows = get_api(client, "actions", as_of=day)["results"]
    assert Counter(row["state"] for row in rows) == Counter({k: n for k, n in api["by_state"].items() if n})
    assert sum(row["overdue"] for row in rows) == overdue
    red = [row for row in rows if row["cause_colour"] == "red"]
    fields = {"closed": "closed_on", "cleared": "cleared", "relapsed": "relapsed_on"}
    counted = {name: sum(bool(row[field]) for row in red) for name, field in fields.items()}
    assert counted == {name: api["red"][name] for name in counted}
    listed = file_rows(client, "/actions/", "follow-ups", day)
    assert sum(bool(row["Days late"]) for row in listed) == overdue
    assert len(listed) == len(rows) == total == page["listing"].count
    assert home["overview"].follow_up_counts == {"all": total, "open": api["open"], "overdue": overdue}
    assert len(home["overdue"]["rows"]) == overdue
