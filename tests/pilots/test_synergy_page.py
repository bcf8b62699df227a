"""The synergy page of many pilots: pages, files, and a picture of too many points."""

import csv
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from pilots.models import Pilot, PilotClass
from pilots.models.light import ALWAYS, FOREVER
from pilots.stored_lights import recompute_all
from tests import factories as make

pytestmark = pytest.mark.django_db
AS_OF = date(2026, 11, 24)


@pytest.fixture
def many(empty: None) -> None:
    """502 pilots, of which 501 have a class: one far away, the others in four squares, of two names."""
    batch, province, carbon = make.batch(slug="batch"), make.province(), make.carbon()
    names = [{"name_zh": f"试点{n}", "name_en": f"Pilot {n % 250}"} for n in range(502)]
    Pilot.objects.bulk_create(
        Pilot(slug=f"p-{n}", kind="city", batch=batch, province=province, **name) for n, name in enumerate(names)
    )
    recompute_all()
    rates = {0: ("0.072", "0.06"), 1: ("-0.031", "0.06"), 2: ("0.05", "-0.01"), 3: ("0.001", "0.0999")}
    kinds = ("co_reduction", "pollution_down_carbon_up", "carbon_down_pollution_up", "flat")
    shared = {"year": 2025, "since": ALWAYS, "until": FOREVER, "basis": "total", "base_year": 2023, "carbon": carbon}
    PilotClass.objects.bulk_create(
        PilotClass(
            pilot=pilot,
            kind=kinds[n % 4],
            carbon_rate=Decimal("-1.2") if n == 1 else Decimal(rates[n % 4][0]),
            pollution_rate=Decimal(rates[n % 4][1]),
            carbon_tonnes=-n if n % 4 == 1 else n,
            equivalents=1,
            **shared,
        )
        for n, pilot in enumerate(Pilot.objects.order_by("pk")[:501])
    )


def points_of(page: Any) -> list[Any]:
    sets = page.context["charts"]["coordinates"].data["data"]["datasets"]
    return [(own["label"], point) for own in sets if own["label"] for point in own["data"]]


def test_too_many_points_are_counted_in_squares(many: None, client: Client) -> None:
    """Of a round size, here five per cent, in the class of most of them; up to 500 pilots are drawn one by one."""
    page = client.get(f"/synergy/?as_of={AS_OF}")
    found = {(point["x"], point["y"]): (label, point["title"], point["text"]) for label, point in points_of(page)}
    assert {place: (label, title) for place, (label, title, _text) in found.items()} == {
        (7.5, 7.5): ("Co-reduction", "126 pilots"),
        (-2.5, 7.5): ("Pollution down, carbon up", "124 pilots"),
        (7.5, -2.5): ("Carbon down, pollution up", "125 pilots"),
        (2.5, 7.5): ("Flat, within 0.5 %", "125 pilots"),
        (-117.5, 7.5): ("Pollution down, carbon up", "1 pilot"),
    }
    words = [word.replace("\xa0", " ") for word in found[-2.5, 7.5][2]]
    assert words == ["carbon 0.0 % to +5.0 %", "air pollutants −10.0 % to −5.0 %", "Pollution down, carbon up: 124"]
    chart = page.context["charts"]["coordinates"]
    assert "area by number of pilots" in chart.subtitle
    assert "Too many pilots to draw each: a mark stands for all within 5 % by 5 %" in page.text
    title = "Carbon rises by 3.1 % to 120.0 % in 125 pilots; most in Pilot 247 ("
    assert chart.title.replace("\xa0", " ").startswith(title)
    PilotClass.objects.filter(pilot__slug="p-500").delete()
    page = client.get(f"/synergy/?as_of={AS_OF}")
    assert len(points_of(page)) == 500
    assert "Too many pilots" not in page.text


def test_the_table_has_pages_and_the_file_every_row(
    many: None, client: Client, django_assert_max_num_queries: Any
) -> None:
    address = f"/synergy/?as_of={AS_OF}"
    with django_assert_max_num_queries(3 * 26):
        pages = [client.get(f"{address}&page={n}") for n in (1, 2, 11)]
    tables = [[row[0].value for row in page.context["charts"]["coordinates"].table.rows] for page in pages]
    assert [len(names) for names in tables] == [50, 50, 1]
    assert "51–100 of 501" in pages[1].text
    assert f"?as_of={AS_OF}&amp;page=3#chart-coordinates" in pages[1].text
    assert [client.get(f"{address}&page={word}").status_code for word in ("12", "0")] == [400, 400]
    rows = {}
    for name in ("coordinates", "amber", "missing"):
        lines = b"".join(client.get(f"{address}&export={name}.csv")).decode("utf-8-sig").splitlines()
        rows[name] = [row[0] for row in csv.reader(lines) if not row[0].startswith("#")][1:]
    assert {name: len(own) for name, own in rows.items()} == {"coordinates": 501, "amber": 125, "missing": 1}
    assert rows["coordinates"][:100] == [*tables[0], *tables[1]]
    assert "The first 50 of 125 rows; the files hold all of them." in pages[0].text
