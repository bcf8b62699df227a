"""Withdrawn pilots keep their pages and are counted separately: announced = recorded + withdrawn + still to enter."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from core.records import writing
from pilots.analytics.reconciliation import build_reconciliation
from pilots.models import Batch, Pilot, StageEntry
from pilots.models.pilot import has_withdrawn
from tests import factories as make
from tests.pilots.test_promises import refusal
from tests.support.api_client import make_user
from tests.support.scripted_year import clock_at

pytestmark = pytest.mark.django_db
LEFT, DAY, BEFORE = date(2025, 6, 18), "2026-11-26", "2025-06-17"


@pytest.fixture
def batch(empty: None) -> Batch:
    """Make a batch with three announced cities: one in the programme, one withdrawn, one to enter."""
    batch = make.batch(slug="first", title_en="First", short_name_en="first national batch", city_count=3)
    province = make.province(slug="p", name_en="Province", short_en="Prov")
    make.pilot(batch, province, slug="stays", name_en="Stays", name_zh="留")
    gone = make.pilot(batch, province, slug="gone", name_en="Gone", name_zh="退", withdrawn_on=LEFT)
    make.stage(gone, "listed", date(2024, 1, 15))
    indicator = make.indicator("AIR_SO2")
    make.target(gone, indicator, 100, 70)
    make.reading(gone, indicator, "2024", 130)  # far behind: red as long as it is a pilot
    return batch


def get_page(client: Client, path: str, day: str = DAY, **query: str) -> Any:
    response = client.get(path, {"as_of": day, **query})
    assert response.status_code == 200, path
    return response


def test_announced_is_recorded_and_withdrawn_and_to_enter(client: Client, batch: Batch) -> None:
    (count,) = build_reconciliation(date(2025, 6, 17))
    assert (count.total.recorded, count.total.withdrawn, count.total.to_enter) == (2, 0, 1)
    (count,) = build_reconciliation(date(2026, 11, 26))
    total = count.total
    assert (total.announced, total.recorded, total.withdrawn, total.to_enter, total.surplus) == (3, 1, 1, 1, 0)
    gaps = get_page(client, "/data/").context["gaps"].rows
    (gap,) = (row for row in gaps if row[0].value.startswith("First national"))
    assert [cell.value for cell in gap[1:]] == [1, 1, 1, 3, 1, 2 / 3]  # the share: what is withdrawn was recorded too
    Batch.objects.update(city_count=1)
    (count,) = build_reconciliation(date(2026, 11, 26))
    assert (count.total.to_enter, count.total.surplus) == (0, 1)


def test_nobody_is_asked_to_enter_it_again(admin_client: Client, batch: Batch) -> None:
    def asked() -> list[str]:
        chase = admin_client.get("/admin/quality/", {"rule": "not-entered"}).context["chase"].rows
        return [cell.value for row in chase for cell in row if "announced" in str(cell.value)]

    assert asked() == ["Announced pilots not entered: city: 3 announced, 1 recorded, 1 withdrawn"]
    Batch.objects.update(city_count=2)
    assert asked() == []


def test_the_data_page_counts_the_records_of_its_files(client: Client, batch: Batch) -> None:
    """Today and on a day before most of them, a withdrawn pilot among them."""
    for day in ("2024-01-14", BEFORE, DAY):
        rows = get_page(client, "/data/", day).context["downloads"]
        addresses = {row["url"]: f"{row['url']}{'&' if '?' in row['url'] else '?'}as_of={day}" for row in rows}
        counts = {url: client.get(address).json()["count"] for url, address in addresses.items()}
        assert {row["url"]: row["count"] for row in rows} == counts, day
    assert [row["withdrawn"] for row in rows if "/pilots/" in row["url"]] == [1]


def test_withdrawing_is_one_act_with_a_reason(batch: Batch) -> None:
    """Entered within 30 days it counts from its own day, later from its entry; no stage follows it."""
    ministry, stays = make_user("ministry", "national_editor"), Pilot.objects.get(slug="stays")

    def withdraw(day: date | None, reason: str = "Its main plant moved away") -> None:
        writing.write(stays, {"withdrawn_on": day}, by=ministry, reason=reason)

    with clock_at(date(2026, 3, 20)):
        why = "Say why it is no longer a pilot, or is one again: the reason is shown on its page."
        assert refusal(lambda: withdraw(date(2026, 3, 1), "")) == {"change_reason": [why]}
        withdraw(date(2026, 3, 1))
    days = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 20)]
    assert stays.withdrawn_recorded_on == days[2]
    assert [stays.withdrawn_by(day) for day in days] == [False, True, True]
    after = {"entered_on": ["The pilot withdrew on 1 March 2026: it enters no stage after that."]}
    entry = StageEntry(pilot=stays, stage="listed", entered_on=days[2])
    assert refusal(lambda: writing.write(entry, by=ministry)) == after
    with clock_at(date(2026, 3, 21)):
        withdraw(None)
        assert (stays.withdrawn_recorded_on, stays.withdrawn_by(days[2])) == (None, False)
    with clock_at(date(2026, 4, 1)):
        withdraw(date(2026, 3, 1))
    assert [stays.withdrawn_by(day) for day in (days[2], date(2026, 4, 1))] == [False, True]
    for day in (date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 1)):
        found = Pilot.objects.filter(has_withdrawn(day), pk=stays.pk).exists()
        assert found == stays.withdrawn_by(day)
