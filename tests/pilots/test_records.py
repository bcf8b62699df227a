"""The shipped records: what they hold, against the announced numbers, and their notes in both languages."""

import csv
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from django.conf import settings

from pilots.gaps import build_gaps
from pilots.load import KINDS
from pilots.models import Batch, Pilot
from pilots.reconcile import build_reconciliation
from policies.models import Policy, ProvincialPlan
from policies.rollout import build_rollout

TEXTS = ("note", "reason", "target_text")
ABOUT_ITSELF = re.compile(
    r"\bseed\b|this project|began this|the tracker|to be found|check before|\bcheck\.|GAPS|as above|HAUT|种子|本项目",
    re.IGNORECASE,
)
HAN = re.compile(r"[\u4e00-\u9fff]")
# Of Chinese, an English note holds the number of a document alone.
QUOTED = re.compile(r"[\u4e00-\u9fff]+〔\d{4}〕\d+号")


def shipped() -> Iterator[tuple[str, int, dict[str, str]]]:
    for kind in KINDS:
        with Path(kind.path).open(encoding="utf-8", newline="") as handle:
            for line, row in enumerate(csv.DictReader(handle), 2):
                yield kind.path.name, line, row


def pairs() -> list[tuple[str, str, str]]:
    return [
        (f"{name}:{line} {text}", row[f"{text}_en"], row[f"{text}_zh"])
        for name, line, row in shipped()
        for text in TEXTS
        if row.get(f"{text}_en") or row.get(f"{text}_zh")
    ]


def test_every_note_and_reason_is_there_in_both_languages() -> None:
    found = pairs()
    assert len(found) > 150
    for place, english, chinese in found:
        assert english, place
        assert len(HAN.findall(chinese)) > len(re.findall(r"[A-Za-z]{3,}", chinese)), place
        assert not HAN.search(QUOTED.sub("", english)), (place, english)
        assert not re.search(r"[\u4e00-\u9fff] ?[,;:()?!]|[,;:()?!] ?[\u4e00-\u9fff]", chinese), (place, chinese)


def test_no_note_speaks_of_how_the_records_came_about() -> None:
    for place, english, chinese in pairs():
        assert not ABOUT_ITSELF.search(english), (place, english)
        assert not ABOUT_ITSELF.search(chinese), (place, chinese)


def test_every_name_is_there_in_both_languages() -> None:
    for name, line, row in shipped():
        for field in ("name", "title"):
            if row.get(f"{field}_zh"):
                assert row.get(f"{field}_en"), (name, line)
                assert not HAN.search(row[f"{field}_en"]), (name, line)
                assert not re.search(r"\b(CO2|SO2|NH3|O3)\b", row[f"{field}_en"]), (name, line)


def test_what_is_recorded_of_the_first_national_batch(db: None) -> None:
    pilots = Pilot.objects.filter(batch__slug="national-batch-1")
    firm = pilots.exclude(confidence="inferred")
    assert [(rows.filter(kind="city").count(), rows.filter(kind="park").count()) for rows in (firm, pilots)] == [
        (8, 14),
        (9, 15),
    ]
    assert pilots.filter(industries__isnull=False).distinct().count() == 6
    assert {(pilot.slug, pilot.parent.slug) for pilot in pilots.filter(parent__isnull=False) if pilot.parent} == {
        ("otog-high-tech-industrial-development-zone", "ordos"),
        ("sulige-economic-development-zone", "ordos"),
        ("haicang-taiwanese-investment-zone", "xiamen"),
    }
    of_shandong = Pilot.objects.filter(batch__slug="shandong-batch-1")
    assert [of_shandong.filter(kind=kind).count() for kind in ("city", "park", "enterprise")] == [2, 2, 0]
    assert Pilot.objects.get(slug="longtan-industrial-park-yulin").industries.count() == 3
    batch = Batch.objects.get(slug="national-batch-1")
    assert (batch.city_count, batch.park_count) == (21, 43)


@pytest.mark.parametrize(
    ("day", "count"),
    [
        (date(2022, 12, 4), 0),
        (date(2022, 12, 30), 3),
        (date(2022, 12, 31), 5),
        (date(2023, 6, 30), 9),
        (date(2023, 12, 31), 15),
        (date(2024, 1, 25), 16),
        (date(2024, 1, 30), 32),
    ],
)
def test_how_many_plans_were_known_to_be_issued(db: None, day: date, count: int) -> None:
    rollout = build_rollout(Policy.objects.get(slug="synergy-implementation-plan-2022"), day)
    assert (rollout.issued, rollout.roster) == (count, 32)


def test_what_is_known_of_the_plans_and_how_long_they_took(db: None) -> None:
    day, policy = date(2026, 11, 26), Policy.objects.get(slug="synergy-implementation-plan-2022")
    gaps = build_gaps(day, build_reconciliation(day), policy)
    assert [(gap.firm, gap.recorded, gap.expected) for gap in gaps[:5]] == PLANS
    lags = {row.province.slug: row.lag_days for row in build_rollout(policy, day).provinces}
    assert {slug: lags[slug] for slug in ("tianjin", "hubei", "shanghai", "chongqing")} == {
        "tianjin": 173,
        "hubei": 171,
        "shanghai": 215,
        "chongqing": 427,
    }
    assert ProvincialPlan.objects.filter(issued_precision="day").count() == 7


# Known to be issued, with a title, a document number, some day of issue, a full day of issue: firm, recorded, expected.
PLANS = [(27, 32, 32), (14, 19, 32), (5, 7, 32), (7, 10, 32), (5, 7, 32)]


def test_the_list_counts_as_known_from_the_day_it_was_made_public(db: None) -> None:
    policy = Policy.objects.get(slug="pilot-list-batch1-2024")
    assert (policy.issued_on, policy.issued_precision, policy.known_issued_by) == (
        date(2023, 12, 1),
        "month",
        date(2024, 1, 15),
    )
    assert policy.parent == Policy.objects.get(doc_number="环办综合函〔2023〕234号")


def test_no_machine_path_is_shipped() -> None:
    assert str(settings.BASE_DIR) not in "".join(str(row) for _name, _line, row in shipped())
