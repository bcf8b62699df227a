"""Withdrawn pilots keep their pages and are counted separately: announced = recorded + withdrawn + still to enter."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from pilots.analytics.reconciliation import build_reconciliation
from pilots.models import Batch, Pilot
from tests.factories import make_batch, make_indicator, make_pilot, make_province, make_reading, make_stage, make_target

pytestmark = pytest.mark.django_db
LEFT, DAY, BEFORE = date(2025, 6, 18), "2026-11-26", "2025-06-17"
WHY = "Its main plant moved away."


@pytest.fixture
def batch(empty: None) -> Batch:
    """Make a batch with three announced cities: one in the programme, one withdrawn, one to enter."""
    batch = make_batch(slug="first", title_en="First", short_name_en="first national batch", city_count=3)
    province = make_province(slug="p", name_en="Province", short_en="Prov")
    make_pilot(batch, province, slug="stays", name_en="Stays", name_zh="留")
    gone = make_pilot(batch, province, slug="gone", name_en="Gone", name_zh="退", withdrawn_on=LEFT)
    make_stage(gone, "listed", date(2024, 1, 15))
    make_stage(gone, "withdrawn", LEFT, reason_en=WHY)
    indicator = make_indicator("AIR_SO2")
    make_target(gone, indicator, 100, 70)
    make_reading(gone, indicator, "2024", 130)  # far behind: red as long as it is a pilot
    return batch


def get_page(client: Client, path: str, day: str = DAY, **query: str) -> Any:
    response = client.get(path, {"as_of": day, **query})
    assert response.status_code == 200, path
    return response


def joined_text(address: str) -> str:
    """Return the separator for one more parameter."""
    return "&" if "?" in address else "?"


def pilot_names(client: Client, day: str = DAY, **query: str) -> list[str]:
    listing = get_page(client, "/pilots/", day, **query).context["listing"]
    assert (listing.count, listing.total) == (len(listing.table.rows), len(listing.table.rows))
    return sorted(row[0].value for row in listing.table.rows)


def test_it_keeps_its_page_with_the_day_and_the_reason(client: Client, batch: Batch) -> None:
    response = get_page(client, "/pilots/gone/")
    html = response.content.decode()
    assert "<strong>Withdrawn on 18 June 2025</strong>" in html
    assert WHY in html
    assert response.context["finding"] == (
        "City in Prov, first national batch; withdrawn on 18 June 2025 and counted no more."
    )
    status = response.context["status"]
    assert (status.colour, status.sentence) == (
        "grey",
        "Withdrawn on 18 June 2025: no longer rated",
    )
    assert status.since == LEFT
    assert response.context["figures"] == []


def test_the_day_before_it_is_a_pilot_like_the_others(client: Client, batch: Batch) -> None:
    response = get_page(client, "/pilots/gone/", BEFORE)
    assert "Withdrawn" not in response.content.decode().partition('<section id="history"')[0]
    assert response.context["status"].colour == "red"
    assert pilot_names(client, BEFORE) == ["Gone", "Stays"]
    (count,) = build_reconciliation(date(2025, 6, 17))
    assert (count.total.recorded, count.total.withdrawn, count.total.to_enter) == (2, 0, 1)


def test_lists_hold_it_only_by_choice(client: Client, batch: Batch) -> None:
    assert pilot_names(client) == ["Stays"]
    assert pilot_names(client, withdrawn="only") == ["Gone"]
    assert pilot_names(client, withdrawn="include") == ["Gone", "Stays"]
    (chip,) = get_page(client, "/pilots/", withdrawn="only").context["listing"].chips
    assert (chip.label, chip.value) == ("Withdrawn pilots", "only these")
    assert client.get("/pilots/?withdrawn=yes").status_code == 400


def test_announced_is_recorded_and_withdrawn_and_to_enter_everywhere(client: Client, batch: Batch) -> None:
    (count,) = build_reconciliation(date(2026, 11, 26))
    total = count.total
    assert (total.announced, total.recorded, total.withdrawn, total.to_enter, total.surplus) == (3, 1, 1, 1, 0)
    assert total.announced == total.recorded + total.withdrawn + total.to_enter
    for path in ("/batches/", "/batches/first/"):
        table = get_page(client, path).context["reconciliation"]
        cells = {column.key: cell.value for column, cell in zip(table.columns, table.rows[0], strict=True)}
        assert [cells[name] for name in ("announced", "recorded", "withdrawn", "to_enter")] == [3, 1, 1, 1], path
    (gap,) = (
        row for row in get_page(client, "/data/").context["gaps"].rows if row[0].value.startswith("First national")
    )
    assert [cell.value for cell in gap[1:]] == [1, 1, 1, 3, 1, 2 / 3]  # the share: what is withdrawn was recorded too
    api = client.get("/api/v1/batches/first/", {"as_of": DAY}).json()["kinds"][0]
    assert [api[name] for name in ("announced", "recorded", "withdrawn", "to_enter")] == [3, 1, 1, 1]


def test_more_than_announced_is_told_with_the_withdrawn_ones(batch: Batch) -> None:
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


def test_batch_and_province_list_it_with_day_and_reason(client: Client, batch: Batch) -> None:
    for path in ("/batches/", "/batches/first/", "/provinces/p/"):
        table = get_page(client, path).context["withdrawn"]
        (row,) = table.rows
        cells = {column.key: cell.value for column, cell in zip(table.columns, row, strict=True)}
        assert (cells["pilot"], cells["withdrawn_on"], cells["reason"]) == ("Gone", LEFT, WHY), path
        assert get_page(client, path, BEFORE).context["withdrawn"] is None, path
    assert (
        get_page(client, "/provinces/p/")
        .context["finding"]
        .endswith("1 recorded pilot (first national batch 1); 1 withdrawn.")
    )


def test_search_finds_it_and_says_that_it_left(client: Client, batch: Batch) -> None:
    assert "withdrawn on 18 June 2025" in get_page(client, "/search/", q="Gone").content.decode()
    assert "withdrawn on" not in get_page(client, "/search/", BEFORE, q="Gone").content.decode()


def test_the_data_page_counts_the_records_of_its_files(client: Client, batch: Batch) -> None:
    """Today and on a day before most of them, a withdrawn pilot among them."""
    Pilot.objects.filter(slug="stays").update(withdrawn_on=date(2026, 1, 1))
    for day in ("2024-01-14", "2025-03-19", BEFORE, DAY):
        rows = get_page(client, "/data/", day).context["downloads"]
        counts = {
            row["url"]: client.get(f"{row['url']}{joined_text(row['url'])}as_of={day}").json()["count"] for row in rows
        }
        assert {row["url"]: row["count"] for row in rows} == counts, day
    assert [row["withdrawn"] for row in rows if "/pilots/" in row["url"]] == [2]
