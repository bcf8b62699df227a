"""The smallest valid record of each kind; a test names only what it is about."""

from datetime import date
from itertools import count
from typing import Any

from pilots.models import Batch, Pilot
from policies.models import Industry, Policy, Province, ProvincialPlan, Source

numbers = count(1)


def make_source(**fields: Any) -> Source:
    n = next(numbers)
    return Source.objects.create(**{"title": f"Source {n}", "url": f"https://example.org/{n}", **fields})


def make_province(**fields: Any) -> Province:
    """A province of the roster; at most 64 fit on the tile map, so a test that makes many starts from `empty`."""
    n = next(numbers)
    used = set(Province.objects.values_list("tile_col", "tile_row"))
    col, row = next((c, r) for r in range(8) for c in range(8) if (c, r) not in used)
    values = {
        "slug": f"province-{n}",
        "name_zh": f"省{n}",
        "name_en": f"Province {n}",
        "short_zh": f"省{n}",
        "short_en": f"P{n}",
        "kind": "province",
        "region": "north",
        "tile_col": col,
        "tile_row": row,
    }
    return Province.objects.create(**{**values, **fields})


def make_policy(**fields: Any) -> Policy:
    n = next(numbers)
    values = {
        "slug": f"policy-{n}",
        "title_zh": f"政策{n}",
        "title_en": f"Policy {n}",
        "issued_on": date(2022, 6, 17),
        "calls_for_provincial_plan": True,
    }
    return Policy.objects.create(**{**values, **fields})


def make_plan(policy: Policy, province: Province, **fields: Any) -> ProvincialPlan:
    """An issued plan with a known day unless the test says otherwise."""
    values = {"status": "issued", "title_zh": "方案", "issued_on": date(2022, 12, 5)}
    return ProvincialPlan.objects.create(policy=policy, province=province, **{**values, **fields})


def make_industry(**fields: Any) -> Industry:
    n = next(numbers)
    return Industry.objects.create(
        **{"slug": f"industry-{n}", "name_zh": f"行业{n}", "name_en": f"Industry {n}", **fields}
    )


def make_batch(**fields: Any) -> Batch:
    n = next(numbers)
    day = fields.pop("announced_on", date(2024, 1, 15))
    values = {"slug": f"batch-{n}", "title_en": f"Batch {n}", "title_zh": f"第{n}批", "known_by": day}
    return Batch.objects.create(**{**values, "announced_on": day, **fields})


def make_pilot(batch: Batch, province: Province, *industries: Industry, **fields: Any) -> Pilot:
    n = next(numbers)
    values = {"slug": f"pilot-{n}", "name_zh": f"试点{n}", "name_en": f"Pilot {n}", "kind": "city"}
    pilot = Pilot.objects.create(batch=batch, province=province, **{**values, **fields})
    pilot.industries.set(industries)
    return pilot
