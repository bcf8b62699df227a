"""Follow-ups and practices of a demonstration of an earlier day."""

from datetime import date

import pytest

from pilots.demo.load import load_demo
from pilots.models import Adoption, Effect, FollowUp, FollowUpStep, Practice

pytestmark = pytest.mark.exhaustive


@pytest.mark.parametrize("day", [date(2024, 9, 20), date(2025, 5, 1), date(2026, 4, 2)])
def test_an_earlier_day_knows_nothing_later(nothing: None, day: date) -> None:
    load_demo(day)
    for model, names in (
        (FollowUp, ["opened_on"]),
        (FollowUpStep, ["taken_on"]),
        (Practice, ["proposed_on", "passed_on", "library_on", "recommended_on", "retired_on"]),
        (Adoption, ["planned_on", "started_on", "in_use_on", "given_up_on", "confirmed_on"]),
        (Effect, ["known_on"]),
    ):
        for name in names:
            assert not model.objects.filter(**{f"{name}__gt": day}).exists(), (model, name)
        for record in model.objects.all():
            record.full_clean()
