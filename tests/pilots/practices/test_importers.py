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
NEW_PRACTICE = ["title_zh", "field", "origins"]
ADOPTIONS = ["practice", "pilot", "province", "adopted_on"]
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
    row = ["窑炉改造", "industry", "origin"]
    record = run_import("practices", NEW_PRACTICE, row, reason="List of 2025")
    practice = Practice.objects.get(title_zh="窑炉改造")
    assert (practice.slug, list(practice.origins.all())) == ("yao-lu-gai-zao", [world.origin])
    (entry,) = practice.history.all()
    assert (entry.history_type, entry.history_change_reason) == ("+", "List of 2025")
    assert [row.pilot_id for row in entry.origins.all()] == [world.origin.pk]
    undo_import(record)
    assert table_checksums() == before


# -- adoptions ---------------------------------------------------------------------------------------------


def test_a_copy_is_a_pilot_s_or_a_province_s(world: SimpleNamespace) -> None:
    rows = [
        ["kiln", "copy", None, "2025-02-01"],
        ["kiln", None, "away", "2025-02-01"],
        ["boiler", None, "away", "2025-02-01"],
    ]
    boss = make_user("boss", "national_editor")
    run_import("adoptions", ADOPTIONS, *rows, by=boss)
    found = Adoption.objects.order_by("pk").values_list("practice__slug", "pilot__slug", "province__slug")
    assert list(found) == [("kiln", "copy", "away"), ("kiln", None, "away"), ("boiler", None, "away")]
    assert set(Adoption.objects.values_list("claimed_by", "verified_on")) == {(boss.pk, None)}
    later = [[*row[:3], "2025-03-01"] for row in rows]
    plan = dry_run_of("adoptions", ADOPTIONS, *later, by=boss)
    assert (errors_of(plan), actions_of(plan)) == ([], [(number, "update") for number in range(2, 5)])
    run_import("adoptions", ["practice", "province", "adopted_on"], ["kiln", "away", "2025-04-01"], by=boss)
    assert list(Adoption.objects.order_by("pk").values_list("adopted_on", flat=True)) == [
        date(2025, 2, 1),
        date(2025, 4, 1),
        date(2025, 2, 1),
    ]


def test_a_copy_is_named_once_and_in_the_right_province(world: SimpleNamespace) -> None:
    assert errors_of(dry_run_of("adoptions", ADOPTIONS, ["kiln", "copy", "home", None])) == [("C2", "overruled")]
    assert error_texts("adoptions", ADOPTIONS, ["kiln", "origin", None, None]) == [
        ("B2", "invalid", "It comes from this pilot: an origin does not copy its own practice.")
    ]
    for row, cells in ((["kiln", None, "away", None], "C"), (["kiln", "copy", None, None], "B")):
        assert errors_of(dry_run_of("adoptions", ADOPTIONS, row, row)) == [(f"{cells}{n}", "twice") for n in (2, 3)]


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
