"""Stored lights against the rules, day by day: what a period says holds on each of its days, and nothing is missing."""

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from django.test import Client

from pilots.analytics.pilot_status import build_statuses
from pilots.lights import (
    Colour,
    Light,
    LightReason,
    Records,
    Subject,
    item_lights,
    milestone_light,
    override_on,
    pilot_light,
    pilot_reasons,
    target_light,
    withdrawn_by,
)
from pilots.metrics import current_stage
from pilots.models import ItemLight, Pilot, PilotLight
from pilots.models.light import ALWAYS, FOREVER, on_day
from pilots.stored_lights import read_records
from tests.support.tiers import sampled

AS_OF = date(2026, 11, 24)


def everything_of(pilots: Any) -> dict[int, Records]:
    return {records.pilot.pk: records for records in read_records(list(pilots.values_list("pk", flat=True)))}


def said_on(records: Records, day: date) -> dict[str, Any]:
    """What a row has to say on a day, computed of that day alone."""
    lights = item_lights(records, day)
    worst, override = pilot_reasons(records, lights, day)[0], override_on(records, day)
    events = [event for since, event in records.stage_events if since <= day]
    stage = current_stage(events, day)
    targets = Counter(light.colour for light in lights if light.counted)
    milestones = [light for light in lights if light.of == Subject.MILESTONE and light.in_force]
    return {
        "colour": pilot_light(records, day).colour,
        "computed": worst.effect or Colour.GREY,
        "why": LightReason.BY_HAND if override else worst.why,
        "target_id": worst.record.pk if worst.of == Subject.TARGET else None,
        "milestone_id": worst.record.pk if worst.of == Subject.MILESTONE else None,
        "reading_id": worst.reading and worst.reading.pk,
        "stage": stage.stage if stage else "",
        "stage_since": stage and stage.since,
        "reached": (stage.reached or "") if stage and not withdrawn_by(records.pilot, day) else "",
        "targets_binding": targets.total(),
        "targets_rated": targets.total() - targets[Colour.GREY],
        "targets_on_path": targets[Colour.GREEN],
        "milestones": len(milestones),
        "milestones_due": sum(light.due for light in milestones),
        "milestones_completed": sum(light.done for light in milestones),
        "milestones_late": sum(light.why == LightReason.LATE for light in milestones),
    }


def test_a_period_says_what_the_rules_say_on_each_of_its_days(demo: None) -> None:
    rng = Random(36)  # noqa: S311  # days to look at
    days = [ALWAYS, date(2023, 1, 1), date(2025, 4, 1), AS_OF, FOREVER - timedelta(1)]
    days += [date(2023, 1, 1) + timedelta(rng.randrange(2200)) for _n in range(25)]
    pilots = everything_of(Pilot.objects.all())
    for day in days:
        rows = {row.pilot_id: row for row in PilotLight.objects.filter(on_day(day))}
        assert rows.keys() == pilots.keys()
        for key, records in pilots.items():
            said = said_on(records, day)
            assert {name: getattr(rows[key], name) for name in said} == said, (key, day)


def test_the_light_of_each_promise_is_stored_for_each_day(demo: None) -> None:
    for day in (date(2024, 6, 1), date(2025, 3, 31), AS_OF, date(2027, 8, 1)):
        stored = {
            (row.target_id, row.milestone_id): (row.colour, row.why) for row in ItemLight.objects.filter(on_day(day))
        }
        computed: dict[Any, Light] = {}
        for records in everything_of(Pilot.objects.all()).values():
            computed |= {(item.pk, None): target_light(records, item, day) for item in records.targets}
            computed |= {(None, item.pk): milestone_light(records, item, day) for item in records.milestones}
        assert stored == {key: (light.colour, light.why) for key, light in computed.items()}


def test_periods_follow_each_other_and_count_the_days_of_a_colour(demo: None) -> None:
    for pilot in Pilot.objects.all():
        rows = list(pilot.lights.order_by("since"))
        assert (rows[0].since, rows[-1].until) == (ALWAYS, FOREVER)
        since = ALWAYS
        for before, row in pairwise(rows):
            assert before.until == row.since
            since = row.since if before.colour != row.colour else since
            assert row.colour_since == since
            columns = [field.name for field in PilotLight._meta.fields if field.name not in ("id", "since", "until")]
            assert [getattr(before, name) for name in columns] != [getattr(row, name) for name in columns]


def test_pages_and_api_name_the_same_red_pilots(demo: None, client: Client) -> None:
    keys = Pilot.objects.listed(AS_OF).values_list("pk", flat=True)
    red = {item.pilot.slug for item in build_statuses(keys, AS_OF) if item.colour == Colour.RED}
    assert len(red) > 5
    page = client.get(f"/pilots/?light=red&as_of={AS_OF}").context["listing"]
    answer = client.get(f"/api/v1/pilots/?light=red&as_of={AS_OF}&page_size=200").json()
    assert page.count == answer["count"] == len(red)
    assert {row["slug"] for row in answer["results"]} == red
    assert {cells[0].url for cells in page.table.rows} == {f"/pilots/{slug}/" for slug in red}


@pytest.mark.parametrize("sort", sampled(["light", "-light", "days", "-days"]))
def test_a_list_is_sorted_by_what_is_stored(demo: None, client: Client, sort: str) -> None:
    page = client.get(f"/pilots/?sort={sort}&as_of={AS_OF}").context["listing"]
    keys = Pilot.objects.listed(AS_OF).values_list("pk", flat=True)
    found = {item.pilot.slug: item for item in build_statuses(keys, AS_OF)}
    shown = [found[cells[0].url.split("/")[2]] for cells in page.table.rows]
    values = [list(Colour).index(item.colour) if "light" in sort else item.days_in_stage for item in shown]
    known = [value for value in values if value is not None]
    assert len(known) > 10
    assert known == sorted(known, reverse=sort.startswith("-"))
