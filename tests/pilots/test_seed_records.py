"""Seed records: content, announced numbers, and notes in both languages."""

import csv
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from django.test import Client

from pilots.models import Practice
from pilots.seed import SEED_FILES
from policies.models import Policy
from tests.support.golden import assert_golden
from tests.support.scripted_year import clock_at

TEXTS = ("note", "reason", "statement")
ABOUT_ITSELF = re.compile(
    r"\bseed\b|this project|began this|the tracker|to be found|check before|\bcheck\.|GAPS|as above|HAUT|种子|本项目",
    re.IGNORECASE,
)
HAN = re.compile(r"[\u4e00-\u9fff]")
# Of Chinese, an English note holds the number of a document alone.
QUOTED = re.compile(r"[\u4e00-\u9fff]+〔\d{4}〕\d+号")


def seed_rows() -> Iterator[tuple[str, int, dict[str, str]]]:
    for kind in SEED_FILES:
        with Path(kind.path).open(encoding="utf-8", newline="") as handle:
            for line, row in enumerate(csv.DictReader(handle), 2):
                yield kind.path.name, line, row


def bilingual_pairs() -> list[tuple[str, str, str]]:
    return [
        (f"{name}:{line} {text}", row[f"{text}_en"], row[f"{text}_zh"])
        for name, line, row in seed_rows()
        for text in TEXTS
        if row.get(f"{text}_en") or row.get(f"{text}_zh")
    ]


@pytest.mark.django_db
def test_pages_files_and_api_of_the_shipped_records(client: Client) -> None:
    with clock_at(date(2026, 11, 30)):
        assert_golden("shipped", client)


def test_every_note_and_reason_is_there_in_both_languages() -> None:
    found = bilingual_pairs()
    assert len(found) > 150
    for place, english, chinese in found:
        assert english, place
        assert len(HAN.findall(chinese)) > len(re.findall(r"[A-Za-z]{3,}", chinese)), place
        assert not HAN.search(QUOTED.sub("", english)), (place, english)
        assert not re.search(r"[\u4e00-\u9fff] ?[,;:()?!]|[,;:()?!] ?[\u4e00-\u9fff]", chinese), (place, chinese)


def test_no_note_speaks_of_how_the_records_came_about() -> None:
    for place, english, chinese in bilingual_pairs():
        assert not ABOUT_ITSELF.search(english), (place, english)
        assert not ABOUT_ITSELF.search(chinese), (place, chinese)


def test_every_name_is_there_in_both_languages() -> None:
    for name, line, row in seed_rows():
        for field in ("name", "title"):
            if row.get(f"{field}_zh"):
                assert row.get(f"{field}_en"), (name, line)
                assert not HAN.search(row[f"{field}_en"]), (name, line)
                assert not re.search(r"\b(CO2|SO2|NH3|O3)\b", row[f"{field}_en"]), (name, line)


def test_the_list_counts_as_known_from_the_day_it_was_made_public(db: None) -> None:
    policy = Policy.objects.get(slug="pilot-list-batch1-2024")
    assert (policy.issued_on, policy.issued_precision, policy.known_issued_by) == (
        date(2023, 12, 1),
        "month",
        date(2024, 1, 15),
    )
    assert policy.parent == Policy.objects.get(doc_number="环办综合函〔2023〕234号")


# -- practices -------------------------------------------------------------------------------------------


def test_a_published_practice_says_no_more_than_its_source(db: None) -> None:
    """Proposed on the day of the source, in the province of its origin, and nothing in it is invented."""
    for practice in Practice.objects.all():
        effect = practice.effects.get()
        assert {pilot.province for pilot in practice.origins.all()} == {practice.province} == {effect.province}
        assert practice.sources.get() == effect.sources.get()
        source = practice.sources.get()
        assert source.published_on == practice.proposed_on == effect.known_on
        assert source.reliability == practice.confidence == effect.confidence
        assert (practice.library_on, practice.retired_on) == (None, None)
        texts = (practice.problem, practice.action, practice.conditions, practice.risks, practice.cost_kind)
        assert texts == ("",) * 5
        assert (practice.cost_amount, practice.cost_year) == (None, None)
    named = Practice.objects.filter(industries__isnull=False).values_list("slug", "industries__slug")
    assert list(named) == [("xian-coal-units-closed", "power")]
