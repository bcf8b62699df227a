"""Every number of practices as of five days, against a separate computation from the raw rows."""

from collections import Counter
from datetime import date
from statistics import median
from typing import Any

import pytest

from pilots.metrics.practice_states import AdoptionState, GiveUpReason, PracticeState, Trust
from pilots.models import Adoption, Effect, Pilot, Practice
from pilots.practices.queries import build_diffusion
from policies.models import Province
from tests.factories import (
    make_adoption,
    make_batch,
    make_effect,
    make_indicator,
    make_pilot,
    make_practice,
    make_province,
    make_reading,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]

DAYS = [date(2024, 12, 31), date(2025, 3, 1), date(2025, 6, 30), date(2026, 3, 20), date(2026, 10, 1)]


@pytest.fixture
def records(empty: None) -> None:
    """Six practices of two provinces, and copies in every state and of every trust in six provinces."""
    provinces = [make_province() for _n in range(6)] + [make_province(in_roster=False)]
    batch = make_batch()
    pilots = [make_pilot(batch, province) for province in provinces]
    practices = [
        make_practice(pilots[0], province=provinces[0]),
        make_practice(
            pilots[0], passed_on=date(2025, 1, 10), library_on=date(2025, 2, 1), recommended_on=date(2025, 6, 1)
        ),
        make_practice(pilots[1], passed_on=date(2025, 1, 10), library_on=date(2025, 3, 1)),
        make_practice(pilots[1], pilots[0], proposed_on=date(2025, 5, 1), passed_on=date(2025, 5, 2)),
        make_practice(pilots[1], retired_on=date(2026, 1, 1), retired_reason_en="old", passed_on=date(2025, 2, 2)),
        make_practice(
            pilots[0],
            proposed_on=date(2024, 1, 1),
            passed_on=date(2024, 2, 1),
            library_on=date(2024, 3, 1),
            slug="early",
        ),
    ]
    for number, practice in enumerate(practices):
        copy_everywhere(practice, number, pilots)
    place = {"province": make_province(), "place": "Harbour", "started_on": date(2025, 3, 1)}
    make_adoption(practices[2], in_use_on=date(2025, 4, 1), confirmed_on=date(2026, 1, 1), **place)
    measure(practices[1], pilots)
    practices[1].adoptions.filter(pilot=pilots[3]).update(confirmed_on=date(2026, 9, 20))  # after it was verified
    late = make_adoption(practices[5], pilots[6], planned_on=date(2026, 5, 1))  # after its effect was known
    nox = make_indicator("AIR_NOX")
    rows = [make_reading(pilots[6], nox, year, 10) for year in ("2023", "2024")]
    make_effect(practices[5], adoption=late, reading_before=rows[0], reading_after=rows[1], known_on=date(2026, 3, 1))


def copy_everywhere(practice: Practice, number: int, pilots: list[Pilot]) -> None:
    """Make copies of a practice by the pilots that are no origins of it, each a step further than the one before."""
    own = set(practice.origins.values_list("pk", flat=True))
    for place, pilot in enumerate(pilots):
        if pilot.pk in own or (number + place) % 4 == 3:
            continue
        fields: dict[str, Any] = {"planned_on": date(2025, 1 + place, 1 + number)}
        if place >= 1:
            fields["started_on"] = date(2025, 2 + place, 2)
        if place >= 2:
            fields["in_use_on"] = date(2025, 3 + place, 3 + number)
        if (number + place) % 2:
            fields["confirmed_on"] = date(2025, 6, 1 + place)
        if (number * place) % 5 == 4:
            reason = GiveUpReason.values[(number + place) % 7]
            fields |= {"given_up_on": date(2025, 10, 1), "give_up_reason": reason}
        make_adoption(practice, pilot, **fields)


def measure(practice: Practice, pilots: list[Pilot]) -> None:
    """Measure the origin and two copies; of one copy a reading is accepted late, of another it is disputed."""
    indicator = make_indicator("AIR_SO2")
    for pilot, before, after, state, accepted in (
        (pilots[0], 200, 150, "accepted", date(2026, 3, 20)),
        (pilots[3], 100, 80, "accepted", date(2026, 9, 1)),
        (pilots[4], 100, 70, "disputed", date(2026, 3, 20)),
    ):
        rows = [
            make_reading(pilot, indicator, "2023", before),
            make_reading(pilot, indicator, "2025", after, state=state, accepted_on=accepted),
        ]
        copy = practice.adoptions.filter(pilot=pilot).first()
        assert copy or pilot == pilots[0]
        make_effect(practice, adoption=copy, reading_before=rows[0], reading_after=rows[1], known_on=date(2026, 3, 25))
    make_effect(practice, known_on=date(2025, 3, 15))


# -- the separate computation --------------------------------------------------------------------------


def raw_adoptions(day: date) -> list[dict[str, Any]]:
    """Return the copies known on a day with state and trust, from the rows alone."""
    rows = list(Adoption.objects.filter(planned_on__lte=day, practice__proposed_on__lte=day).values())
    verified = raw_verified_days()
    for row in rows:
        reached = {
            "given_up": row["given_up_on"],
            "in_use": row["in_use_on"],
            "under_way": row["started_on"],
            "planned": row["planned_on"],
        }
        row["state"] = next(state for state, on in reached.items() if on and on <= day)
        attested = {"verified": verified.get(row["id"]), "confirmed": row["confirmed_on"]}
        row["trust"] = next((trust for trust, on in attested.items() if on and on <= day), "claimed")
        row["attested_on"] = min((on for on in attested.values() if on and on <= day), default=None)
    return rows


def raw_effects() -> list[tuple[int, int | None, date]]:
    """Return practice, copy, and the day since which it counts, of each effect whose readings are both accepted.

    A copy’s counts from the day on which the copy was planned, at the earliest.
    """
    rows = Effect.objects.filter(reading_before__state="accepted", reading_after__state="accepted").values_list(
        *("practice", "adoption", "adoption__planned_on", "known_on"),
        *("reading_before__accepted_on", "reading_after__accepted_on"),
    )
    return [(practice, copy, max(filter(None, days))) for practice, copy, *days in rows]


def raw_verified_days() -> dict[int, date]:
    """Return the day on which each copy was verified, by its key."""
    found: dict[int, date] = {}
    for _practice, copy, day in raw_effects():
        if copy:
            found[copy] = min(day, found.get(copy, date.max))
    return found


def raw_state(row: dict[str, Any], day: date) -> str:
    reached = {
        "retired": row["retired_on"],
        "recommended": row["recommended_on"],
        "in_library": row["library_on"],
        "passed": row["passed_on"],
        "proposed": row["proposed_on"],
    }
    return next(state for state, on in reached.items() if on and on <= day)


def raw_numbers(day: date) -> dict[str, Any]:
    """Return every number of the diffusion on a day."""
    practices = list(Practice.objects.filter(proposed_on__lte=day).values())
    copies = raw_adoptions(day)
    in_use = [row for row in copies if row["state"] == "in_use"]
    attested = [row for row in in_use if row["trust"] != "claimed"]
    roster = set(Province.objects.filter(in_roster=True).values_list("pk", flat=True))
    reached = {row["province_id"] for row in attested} & roster
    first = raw_first_days(practices, attested, day)
    return {
        "states": dict(Counter(raw_state(row, day) for row in practices)),
        "copies": dict(Counter(row["state"] for row in copies)),
        "adopters": dict(Counter(row["trust"] for row in in_use)),
        "reached": reached,
        "only_claimed": {row["province_id"] for row in in_use} & roster - reached,
        "reasons": dict(Counter(row["give_up_reason"] for row in copies if row["state"] == "given_up")),
        "attested_curve": cumulate(max(row["in_use_on"], row["attested_on"]) for row in attested),
        "first_days": sorted(first),
        "median": float(median(first)) if first else None,
        "entered": sum(bool(row["library_on"] and row["library_on"] <= day) for row in practices),
        "measured": len({practice for practice, _copy, counts_on in raw_effects() if counts_on <= day}),
    }


def raw_first_days(practices: list[dict[str, Any]], attested: list[dict[str, Any]], day: date) -> list[int]:
    """Return the days from the library to the first attested copy outside the provinces of the origin."""
    found = []
    for row in practices:
        home = set(Pilot.objects.filter(practices=row["id"]).values_list("province", flat=True)) | {row["province_id"]}
        days = [
            copy["in_use_on"]
            for copy in attested
            if copy["practice_id"] == row["id"] and copy["province_id"] not in home
        ]
        if row["library_on"] and row["library_on"] <= day and days:
            found.append(max(0, (min(days) - row["library_on"]).days))
    return found


def cumulate(days: Any) -> list[tuple[date, int]]:
    counts, total, steps = Counter(days), 0, []
    for day in sorted(counts):
        total += counts[day]
        steps.append((day, total))
    return steps


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.usefixtures("records")
def test_every_number_as_of_a_day_equals_that_of_the_raw_rows(day: date) -> None:
    diffusion, raw = build_diffusion(day), raw_numbers(day)
    copies = diffusion.copies
    assert {
        "states": present(diffusion.by_state),
        "copies": present(copies.by_state),
        "adopters": present(copies.adopters),
        "reached": {province.pk for province in copies.reached},
        "only_claimed": {province.pk for province in copies.only_claimed},
        "reasons": present(copies.given_up_by_reason),
        "attested_curve": [(step.date, step.issued) for step in copies.attested_curve],
        "first_days": sorted(days for item in diffusion.practices if (days := item.days_to_first_copy) is not None),
        "median": diffusion.median_days_to_first_copy,
        "entered": diffusion.entered_library,
        "measured": diffusion.measured,
    } == raw


def present(counts: Any) -> dict[str, int]:
    """Return the counts that are not 0, by their codes."""
    return {str(code.value): n for code, n in counts.items() if n}


@pytest.mark.usefixtures("records")
def test_the_days_differ_in_every_number() -> None:
    """The records say something: each number takes at least two values over the five days."""
    rows = [raw_numbers(day) for day in DAYS]
    assert [name for name in rows[0] if len({repr(row[name]) for row in rows}) < 2] == []


@pytest.mark.usefixtures("records")
def test_an_effect_counts_from_the_acceptance_of_both_readings() -> None:
    for day, measured, waiting, stated in (
        (date(2025, 3, 14), 0, 0, 0),
        (date(2025, 3, 15), 0, 0, 1),
        (date(2026, 3, 24), 0, 0, 1),
        (date(2026, 3, 25), 1, 2, 1),  # of the copies one reading is not accepted yet, one is disputed
        (date(2026, 9, 1), 2, 1, 1),
    ):
        effects = list(Effect.objects.on(day).exclude(practice__slug="early"))
        counts = [sum(item.measured_then for item in effects), sum(not item.is_measured for item in effects)]
        assert [*counts, len(effects)] == [measured, stated, measured + waiting + stated], day


def test_a_change_from_nothing_has_no_percentage() -> None:
    pilot = make_pilot(make_batch(), make_province())
    practice, indicator = make_practice(pilot), make_indicator("AIR_SO2")
    readings = [make_reading(pilot, indicator, "2023", 0), make_reading(pilot, indicator, "2025", 3)]
    make_effect(practice, reading_before=readings[0], reading_after=readings[1], known_on=date(2026, 4, 1))
    effect = Effect.objects.on(date(2026, 5, 1)).get()
    assert (effect.change, effect.rate) == (3, None)


def test_no_copy_is_not_a_median_of_nothing() -> None:
    make_practice(make_pilot(make_batch(), make_province()))
    diffusion = build_diffusion(date(2026, 5, 1))
    assert (diffusion.median_days_to_first_copy, diffusion.usual_days) == (None, None)
    assert diffusion.copies.adopters == dict.fromkeys(Trust, 0)
    assert diffusion.copies.by_state == dict.fromkeys(AdoptionState, 0)
    assert diffusion.by_state == dict.fromkeys(PracticeState, 0) | {PracticeState.PROPOSED: 1}
