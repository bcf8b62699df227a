"""Every number of practices as of five days."""

from datetime import date
from typing import Any

import pytest

from pilots.metrics.practice_states import AdoptionState, GiveUpReason, PracticeState, Trust
from pilots.models import Effect, Pilot, Practice
from pilots.practices.queries import build_diffusion
from tests import factories as make
from tests.support.snapshots import assert_snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]

DAYS = [date(2024, 12, 31), date(2025, 3, 1), date(2025, 6, 30), date(2026, 3, 20), date(2026, 10, 1)]


@pytest.fixture
def records(empty: None) -> None:
    """Six practices of two provinces, and copies in every state and of every trust in six provinces."""
    provinces = [make.province(slug=f"place-{n}") for n in range(6)] + [make.province(in_roster=False)]
    batch = make.batch()
    pilots = [make.pilot(batch, province) for province in provinces]
    practices = [
        make.practice(pilots[0], province=provinces[0]),
        make.practice(
            pilots[0], passed_on=date(2025, 1, 10), library_on=date(2025, 2, 1), recommended_on=date(2025, 6, 1)
        ),
        make.practice(pilots[1], passed_on=date(2025, 1, 10), library_on=date(2025, 3, 1)),
        make.practice(pilots[1], pilots[0], proposed_on=date(2025, 5, 1), passed_on=date(2025, 5, 2)),
        make.practice(pilots[1], retired_on=date(2026, 1, 1), retired_reason_en="old", passed_on=date(2025, 2, 2)),
        make.practice(
            pilots[0],
            proposed_on=date(2024, 1, 1),
            passed_on=date(2024, 2, 1),
            library_on=date(2024, 3, 1),
            slug="early",
        ),
    ]
    for number, practice in enumerate(practices):
        copy_everywhere(practice, number, pilots)
    place = {"province": make.province(slug="port"), "place": "Harbour", "started_on": date(2025, 3, 1)}
    make.adoption(practices[2], in_use_on=date(2025, 4, 1), confirmed_on=date(2026, 1, 1), **place)
    measure(practices[1], pilots)
    practices[1].adoptions.filter(pilot=pilots[3]).update(confirmed_on=date(2026, 9, 20))  # after it was verified
    late = make.adoption(practices[5], pilots[6], planned_on=date(2026, 5, 1))  # after its effect was known
    nox = make.indicator("AIR_NOX")
    rows = [make.reading(pilots[6], nox, year, 10) for year in ("2023", "2024")]
    make.effect(practices[5], adoption=late, reading_before=rows[0], reading_after=rows[1], known_on=date(2026, 3, 1))


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
        make.adoption(practice, pilot, **fields)


def measure(practice: Practice, pilots: list[Pilot]) -> None:
    """Measure the origin and two copies; of one copy a reading is accepted late, of another it is disputed."""
    indicator = make.indicator("AIR_SO2")
    for pilot, before, after, state, accepted in (
        (pilots[0], 200, 150, "accepted", date(2026, 3, 20)),
        (pilots[3], 100, 80, "accepted", date(2026, 9, 1)),
        (pilots[4], 100, 70, "disputed", date(2026, 3, 20)),
    ):
        rows = [
            make.reading(pilot, indicator, "2023", before),
            make.reading(pilot, indicator, "2025", after, state=state, accepted_on=accepted),
        ]
        copy = practice.adoptions.filter(pilot=pilot).first()
        assert copy or pilot == pilots[0]
        make.effect(practice, adoption=copy, reading_before=rows[0], reading_after=rows[1], known_on=date(2026, 3, 25))
    make.effect(practice, known_on=date(2025, 3, 15))


def numbers_on(day: date) -> dict[str, Any]:
    """Return every number of the diffusion on a day."""
    diffusion = build_diffusion(day)
    copies = diffusion.copies
    return {
        "states": present(diffusion.by_state),
        "copies": present(copies.by_state),
        "adopters": present(copies.adopters),
        "reached": sorted(province.slug for province in copies.reached),
        "only claimed": sorted(province.slug for province in copies.only_claimed),
        "reasons": present(copies.given_up_by_reason),
        "attested curve": [[step.date, step.issued] for step in copies.attested_curve],
        "days to the first copy": sorted(
            item.days_to_first_copy for item in diffusion.practices if item.days_to_first_copy is not None
        ),
        "median": diffusion.median_days_to_first_copy,
        "entered": diffusion.entered_library,
        "measured": diffusion.measured,
    }


def present(counts: Any) -> dict[str, int]:
    """Return the counts that are not 0, by their codes."""
    return {str(code.value): n for code, n in counts.items() if n}


@pytest.mark.usefixtures("records")
def test_every_number_as_of_a_day_and_each_differs_over_the_days() -> None:
    """The numbers were once computed from the raw rows too: look at the difference when one changes."""
    found = {str(day): numbers_on(day) for day in DAYS}
    assert_snapshot("diffusion-numbers", found)
    names = next(iter(found.values()))
    assert [name for name in names if len({repr(row[name]) for row in found.values()}) < 2] == []


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


def test_no_copy_is_not_a_median_of_nothing() -> None:
    make.practice(make.pilot(make.batch(), make.province()))
    diffusion = build_diffusion(date(2026, 5, 1))
    assert (diffusion.median_days_to_first_copy, diffusion.usual_days) == (None, None)
    assert diffusion.copies.adopters == dict.fromkeys(Trust, 0)
    assert diffusion.copies.by_state == dict.fromkeys(AdoptionState, 0)
    assert diffusion.by_state == dict.fromkeys(PracticeState, 0) | {PracticeState.PROPOSED: 1}
