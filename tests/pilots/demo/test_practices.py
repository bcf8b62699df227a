"""Practices of the demonstration: every state, copies of every kind, effects stated and measured, all valid."""

from collections.abc import Iterator
from datetime import date

import pytest

from core.seed import middleware
from pilots.metrics.practice_states import Trust
from pilots.models import Adoption, Effect, Practice, ReadingState
from pilots.practices.analytics import Diffusion, build_diffusion

pytestmark = pytest.mark.exhaustive
AS_OF = date(2026, 11, 24)


@pytest.fixture
def diffusion(demonstration: None, db: None) -> Iterator[Diffusion]:
    middleware.forget_demonstration()
    yield build_diffusion(AS_OF)
    middleware.forget_demonstration()


def test_every_practice_copy_and_effect_is_valid_and_by_invented_pilots(diffusion: Diffusion) -> None:
    for model in (Practice, Adoption, Effect):
        for record in model.objects.all():
            record.full_clean()
            assert "演示用虚构内容" in record.note_zh
            assert "虚构" in record.sources.get().title
    assert not Practice.objects.exclude(title_zh__startswith="示例").exists()
    assert not Practice.objects.exclude(origins__slug__startswith="example-").exists()


def test_each_step_of_a_practice_and_of_a_copy_could_be_taken(diffusion: Diffusion) -> None:
    """As the services demand: texts and an effect before the library, confirmed by another than the claimant."""
    for practice in Practice.objects.exclude(library_on=None):
        assert all((practice.problem, practice.action, practice.conditions))
        assert practice.effects.filter(known_on__lte=practice.library_on).exists()
    for adoption in Adoption.objects.all():
        assert adoption.claimed_by
        assert bool(adoption.confirmed_on) is bool(adoption.confirmed_by)
        assert adoption.confirmed_by != adoption.claimed_by
        assert not (adoption.confirmed_on and adoption.given_up_on)


def test_measured_effects_rest_on_accepted_readings(diffusion: Diffusion) -> None:
    measured = Effect.objects.exclude(reading_after=None)
    assert measured.filter(adoption=None).exists()
    assert measured.exclude(adoption=None).count() == diffusion.copies.adopters[Trust.VERIFIED]
    for effect in measured:
        for reading in (effect.reading_before, effect.reading_after):
            assert reading.state == ReadingState.ACCEPTED
            assert reading.accepted_on < effect.known_on
