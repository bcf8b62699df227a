"""Seed records: content, announced numbers, and notes in both languages."""

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from core.seed.loader import LoadResult, SeedFile, load_seed
from pilots.models import Adoption, Effect, Pilot, Practice
from pilots.seed import SEED_FILES
from policies.models import Policy
from tests.support.golden import assert_golden
from tests.support.scripted_year import clock_at
from tests.support.snapshots import assert_snapshot

TEXTS = ("note", "reason", "target_text", "statement")
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


def test_what_is_recorded_of_the_first_national_batch(db: None) -> None:
    """How many of each kind are firm and inferred is in the snapshot of the coverage."""
    pilots = Pilot.objects.filter(batch__slug="national-batch-1")
    assert pilots.filter(industries__isnull=False).distinct().count() == 7
    assert {(pilot.slug, pilot.parent.slug) for pilot in pilots.filter(parent__isnull=False) if pilot.parent} == {
        ("otog-high-tech-industrial-development-zone", "ordos"),
        ("sulige-economic-development-zone", "ordos"),
        ("haicang-taiwanese-investment-zone", "xiamen"),
    }
    assert Pilot.objects.get(slug="longtan-industrial-park-yulin").industries.count() == 3


def test_the_list_counts_as_known_from_the_day_it_was_made_public(db: None) -> None:
    policy = Policy.objects.get(slug="pilot-list-batch1-2024")
    assert (policy.issued_on, policy.issued_precision, policy.known_issued_by) == (
        date(2023, 12, 1),
        "month",
        date(2024, 1, 15),
    )
    assert policy.parent == Policy.objects.get(doc_number="环办综合函〔2023〕234号")


def test_no_machine_path_is_shipped() -> None:
    assert str(settings.BASE_DIR) not in "".join(str(row) for _name, _line, row in seed_rows())


# -- practices -------------------------------------------------------------------------------------------


def test_the_published_practices_are_there_as_stated(db: None) -> None:
    fields = ("practice__field", "stated_value", "stated_unit", "stated_period", "known_on")
    effects = Effect.objects.order_by("practice__slug")
    stated = {slug: values for slug, *values in effects.values_list("practice__slug", *fields)}
    origins = dict(Practice.objects.values_list("slug", "origins__slug"))
    assert_snapshot("shipped-practices", {slug: [origins[slug], *values] for slug, values in stated.items()})
    assert Practice.objects.count() == len(stated) == Practice.origins.through.objects.count() == 12
    assert not Adoption.objects.exists()
    assert not Effect.objects.exclude(reading_before=None, reading_after=None).exists()


def test_a_published_practice_says_no_more_than_its_source(db: None) -> None:
    """Proposed on the day of the source, in the province of its origin, and nothing in it is invented."""
    for practice in Practice.objects.all():
        effect = practice.effects.get()
        assert {pilot.province for pilot in practice.origins.all()} == {practice.province} == {effect.province}
        assert practice.sources.get() == effect.sources.get()
        source = practice.sources.get()
        assert source.published_on == practice.proposed_on == effect.known_on
        assert source.reliability == practice.confidence == effect.confidence
        assert (practice.passed_on, practice.library_on, practice.recommended_on, practice.retired_on) == (None,) * 4
        texts = (practice.problem, practice.action, practice.conditions, practice.risks, practice.cost_kind)
        assert texts == ("",) * 5
        assert (practice.cost_amount, practice.cost_year) == (None, None)
    named = Practice.objects.filter(industries__isnull=False).values_list("slug", "industries__slug")
    assert list(named) == [("xian-coal-units-closed", "power")]


def test_an_edited_practice_stays_and_its_other_fields_follow_a_newer_file(db: None, tmp_path: Path) -> None:
    effect = Effect.objects.get(practice__slug="xian-coal-units-closed")
    practice = effect.practice
    practice.title_en, practice.passed_on = "Six coal units less", date(2026, 1, 5)
    practice.save()
    effect.statement_en = "Six units"
    effect.save()
    Effect.objects.create(practice=practice, statement_zh="另一结果", known_on=date(2026, 1, 5))
    newer = {"Coal units closed or put in reserve": "Coal units shut", ",path,energy,": ",project,energy,"}
    newer |= {"Four coal-fired units of": "Four units of", ",6,units,": ",4,units closed,"}
    assert load_seed(newer_files(tmp_path, newer))["practices"] == LoadResult(updated=1, unchanged=11)
    practice.refresh_from_db()
    effect.refresh_from_db()
    assert (practice.title_en, practice.passed_on, practice.facet) == (
        "Six coal units less",
        date(2026, 1, 5),
        "project",
    )
    assert (effect.statement_en, effect.stated_value, effect.stated_unit) == ("Six units", 4, "units closed")
    assert practice.effects.count() == 2
    again = load_seed(newer_files(tmp_path, newer))
    assert [again[name] for name in ("practices", "effects")] == [LoadResult(unchanged=12)] * 2


def newer_files(folder: Path, texts: dict[str, str]) -> list[SeedFile]:
    """Return the seed files, those of practices and effects with other texts."""
    found = []
    for file in SEED_FILES:
        path = file.path
        if file.name in {"practices", "effects"}:
            content = path.read_text(encoding="utf-8")
            for old, new in texts.items():
                content = content.replace(old, new)
            path = folder / path.name
            path.write_text(content, encoding="utf-8")
        found.append(replace(file, path=path))
    return found
