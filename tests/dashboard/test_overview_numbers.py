"""Numbers of the overview: those that the rules give when each pilot is judged in Python."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta

import pytest
from django.test import Client

from pilots.lights import (
    ACTING,
    Colour,
    Records,
    ReportState,
    item_lights,
    override_on,
    pilot_reasons,
    report_state,
    values_owed,
)
from pilots.metrics import year_due
from pilots.models import Batch, Pilot
from pilots.stored_lights import read_records
from tests.support.csv_files import csv_records

pytestmark = pytest.mark.django_db


def lights_on(pilots: list[Records], day: date) -> list[tuple[Colour, Colour, bool]]:
    """Return the colours shown and computed of these pilots, and whether the light is set by hand."""
    found = []
    for records in pilots:
        override, worst = override_on(records, day), pilot_reasons(records, item_lights(records, day), day)[0]
        computed = worst.effect or Colour.GREY
        found.append((Colour(override.colour) if override else computed, computed, override is not None))
    return found


def colours(lights: Iterable[str]) -> dict[str, int]:
    counts = Counter(lights)
    return {colour.value: counts[colour] for colour in Colour}


@pytest.mark.parametrize("day", [date(2026, 11, 24), date(2026, 4, 2), date(2025, 12, 31)])
def test_numbers_are_those_of_the_rules(demo: None, client: Client, day: date) -> None:
    batch = Batch.objects.get(level="national")
    batch.asked_from = 2024  # so that values are owed
    batch.save()
    pilots = list(read_records(list(Pilot.objects.listed(day).filter(batch=batch).values_list("pk", flat=True))))
    answer, now = client.get(f"/api/v1/overview/?as_of={day}").json(), lights_on(pilots, day)
    assert answer["lights"]["now"] == colours(shown for shown, _computed, _by_hand in now)
    assert answer["lights"]["by_hand"] == colours(computed for _shown, computed, by_hand in now if by_hand)
    for quarter in answer["quarters"]:
        then = lights_on(pilots, date.fromisoformat(quarter["on"]))
        assert quarter["lights"] == colours(shown for shown, _computed, _by_hand in then)
    targets = [light.colour for one in pilots for light in item_lights(one, day) if light.counted]
    on_path, grey = targets.count(Colour.GREEN), targets.count(Colour.GREY)
    rated = len(targets) - grey
    assert answer["on_track"] == {"on_path": on_path, "rated": rated, "unrated": grey, "total": len(targets)}
    owed = {one.pilot.pk: [report_state(one, i, year_due(day), day) for i in values_owed(one, day)] for one in pilots}
    held_up = Counter(next((state.value for state in ACTING if state in own), "") for own in owed.values() if own)
    assert answer["outstanding"]["owing"] == held_up.total() > 0
    assert answer["outstanding"]["by_place"] == {state.value: held_up[state.value] for state in ReportState}
    then = lights_on(pilots, day - timedelta(7))
    pairs = zip(pilots, then, now, strict=True)
    moved = [one.pilot.pk for one, *lights in pairs if not any(light[2] for light in lights)]
    red = [one.pilot.pk for one, before, at in zip(pilots, then, now, strict=True) if at[0] == Colour.RED != before[0]]
    new = Pilot.objects.filter(pk__in=set(red) & set(moved)).order_by("pk")
    rows = csv_records(client.get(f"/?as_of={day}&since=week&export=changes.csv"))
    assert (rows[0]["What happened"], rows[0]["Number"]) == ("Newly red", str(len(new)))
    assert rows[0]["Which"] == ", ".join(pilot.name for pilot in new)
