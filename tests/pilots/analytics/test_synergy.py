"""Stored classes against the rules, day by day, and sums by SQL against those of the pilots listed."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest
from django.test import Client

from pilots.analytics.synergy import class_facts, pilot_synergy, synergy_indicators
from pilots.metrics import sum_without_overlap
from pilots.models import Pilot, PilotClass
from pilots.models.light import ALWAYS, FOREVER, on_day
from pilots.stored_lights import read_records

AS_OF = date(2026, 11, 24)


def test_a_class_is_what_the_values_say_on_each_of_its_days(demo: None) -> None:
    rng, indicators = Random(36), synergy_indicators()  # noqa: S311  # days to look at
    pilots = list(read_records(list(Pilot.objects.values_list("pk", flat=True))))
    days = [ALWAYS, date(2025, 4, 1), AS_OF, FOREVER - timedelta(1)]
    judged = 0
    for day in [*days, *(date(2023, 1, 1) + timedelta(rng.randrange(1500)) for _n in range(20))]:
        rows = {(row.pilot_id, row.year): row for row in PilotClass.objects.filter(on_day(day))}
        for records in pilots:
            for year in range(2019, 2028):
                item = pilot_synergy(records, records.readings, year, day, indicators)
                said, row = class_facts(item), rows.pop((records.pilot.pk, year), None)
                assert said == (row and {name: getattr(row, name) for name in said or ()}), (
                    records.pilot.pk,
                    year,
                    day,
                )
                judged += bool(row and row.kind)
        assert not rows
    assert judged > 1000


@pytest.mark.parametrize("query", ["", "year=2024", "kind=park", "industry=steel"])
def test_sums_and_counts_are_those_of_the_pilots_listed(demo: None, client: Client, query: str) -> None:
    """A park is not added beside its city, and is where its city is not asked about."""
    answer = client.get(f"/api/v1/synergy/?as_of={AS_OF}&page_size=200&{query}").json()
    rows = {row["pilot"]["slug"]: row for row in (*answer["pilots"], *answer["missing"])}
    pilots = Pilot.objects.filter(slug__in=rows).select_related("parent")
    assert len(rows) == answer["of"] == answer["count"] > 0
    for name, total in answer["totals"].items():
        parts = []
        for pilot in pilots:
            row = rows[pilot.slug]
            own = row["apeq"]["reduced"] if row.get("basis") == "total" else None
            if own is not None and name == "carbon_tonnes":
                own = row["carbon"]["reduced"] * 10_000
            parts.append((pilot.slug, None if own is None else Decimal(str(own)), pilot.parent and pilot.parent.slug))
        expected = sum_without_overlap(parts)
        assert (total["n"], total["of"]) == (expected.used, expected.possible)
        assert set(total["within"]) == set(expected.within)
        assert total["reduced"] == (expected.value and pytest.approx(float(expected.value), abs=1e-3))
    classes = [row["class"] for row in answer["pilots"]]
    assert answer["classes"] == {kind: classes.count(kind) for kind in answer["classes"]}
