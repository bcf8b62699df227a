"""Import of practices, adoptions and stated effects: how rows find their records, and what may not be written."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from pilots.models import Adoption, Effect, Practice
from tests import factories as make
from tests.support.api_client import make_user
from tests.support.imports import actions_of, dry_run_of, errors_of, run_import, table_checksums, undo_import

pytestmark = pytest.mark.usefixtures("empty")
NEW_PRACTICE = ["title_zh", "field", "level", "origins"]
ADOPTIONS = ["practice", "pilot", "province", "place", "planned_on"]
EFFECTS = ["practice", "adoption", "statement_en"]


@pytest.fixture
def world(db: None) -> SimpleNamespace:
    batch = make.batch()
    home, away = make.province(slug="home", name_en="Home"), make.province(slug="away", name_en="Away")
    origin = make.pilot(batch, home, slug="origin", name_en="Origin")
    return SimpleNamespace(
        home=home,
        away=away,
        origin=origin,
        copy=make.pilot(batch, away, slug="copy", name_en="Copy"),
        practice=make.practice(origin, slug="kiln", province=home),
        other=make.practice(origin, slug="boiler", province=home),
    )


def error_texts(kind: str, *rows: Any, by: Any = None) -> list[tuple[str, str, str]]:
    return [(fault.cell, fault.code, fault.message) for fault in dry_run_of(kind, *rows, by=by).errors]


# -- practices ---------------------------------------------------------------------------------------------


def test_a_practice_is_entered_and_taken_back(world: SimpleNamespace) -> None:
    before = table_checksums()
    row = ["窑炉改造", "industry", "park", "origin"]
    record = run_import("practices", NEW_PRACTICE, row, reason="List of 2025")
    practice = Practice.objects.get(title_zh="窑炉改造")
    assert (practice.slug, list(practice.origins.all())) == ("yao-lu-gai-zao", [world.origin])
    (entry,) = practice.history.all()
    assert (entry.history_type, entry.history_change_reason) == ("+", "List of 2025")
    assert [row.pilot_id for row in entry.origins.all()] == [world.origin.pk]
    undo_import(record)
    assert table_checksums() == before


# -- adoptions ---------------------------------------------------------------------------------------------


def test_a_copy_is_a_pilot_s_a_place_s_or_a_province_s(world: SimpleNamespace) -> None:
    rows = [
        ["kiln", "copy", None, None, "2025-02-01"],
        ["kiln", None, "away", "嘉兴港区", "2025-02-01"],
        ["kiln", None, "away", None, "2025-02-01"],
        ["boiler", None, "away", None, "2025-02-01"],
    ]
    boss = make_user("boss", "national_editor")
    run_import("adoptions", ADOPTIONS, *rows, by=boss)
    found = Adoption.objects.order_by("pk").values_list("practice__slug", "pilot__slug", "province__slug", "place")
    assert list(found) == [
        ("kiln", "copy", "away", ""),
        ("kiln", None, "away", "嘉兴港区"),
        ("kiln", None, "away", ""),
        ("boiler", None, "away", ""),
    ]
    assert set(Adoption.objects.values_list("claimed_by", "confirmed_on")) == {(boss.pk, None)}
    later = [[*row[:4], "2025-03-01"] for row in rows]
    plan = dry_run_of("adoptions", ADOPTIONS, *later, by=boss)
    assert (errors_of(plan), actions_of(plan)) == ([], [(number, "update") for number in range(2, 6)])
    run_import("adoptions", ADOPTIONS, *later, by=boss)
    assert set(Adoption.objects.values_list("planned_on", "claimed_by")) == {(date(2025, 3, 1), boss.pk)}
    assert Adoption.objects.count() == 4


def test_a_copy_names_its_place_once_and_in_the_right_province(world: SimpleNamespace) -> None:
    wrong = ["kiln", "copy", "home", None, None]
    assert errors_of(dry_run_of("adoptions", ADOPTIONS, wrong)) == [("C2", "overruled")]
    assert error_texts("adoptions", ADOPTIONS, ["kiln", "origin", None, None, None]) == [
        ("B2", "invalid", "It comes from this pilot: an origin does not copy its own practice.")
    ]
    twice = [["kiln", None, "away", None, None]] * 2
    text = "This province’s copy of the practice is on record already."
    assert error_texts("adoptions", ADOPTIONS, *twice) == [("C2", "invalid", text), ("C3", "invalid", text)]
    pilots = [["kiln", "copy", None, None, None]] * 2
    assert errors_of(dry_run_of("adoptions", ADOPTIONS, *pilots)) == [("B2", "twice"), ("B3", "twice")]


# -- effects -----------------------------------------------------------------------------------------------


def test_stated_effects_of_origin_and_copies_are_told_apart(world: SimpleNamespace) -> None:
    copy = make.adoption(world.practice, world.copy)
    words = "5,000 t CO2 less a year"
    rows = [["kiln", None, words], ["kiln", f"#{copy.pk}", words]]
    run_import("effects", EFFECTS, *rows)
    found = Effect.objects.order_by("pk").values_list("adoption", "province", "statement_en")
    assert list(found) == [(None, world.home.pk, words), (copy.pk, world.away.pk, words)]
    assert actions_of(dry_run_of("effects", EFFECTS, *rows)) == [(2, "unchanged"), (3, "unchanged")]
    twice = errors_of(dry_run_of("effects", EFFECTS, rows[0], rows[0]))
    assert twice == [("A2", "twice"), ("A3", "twice")]


def test_a_measured_effect_keeps_its_readings(world: SimpleNamespace, django_assert_num_queries: Any) -> None:
    """Its other fields are changed by record number; no other reading is read."""
    so2 = make.indicator("SO2")
    readings = [make.reading(world.origin, so2, str(year), 9) for year in (2022, 2023, 2024)]
    effect = make.effect(world.practice, reading_before=readings[0], reading_after=readings[1])
    run_import("effects", ["id", "note_en"], [effect.pk, "By kiln"])
    effect.refresh_from_db()
    assert (effect.note_en, effect.reading_after) == ("By kiln", readings[1])
