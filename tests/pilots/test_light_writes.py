"""Stored lights follow every door by which records are written, once in each write, and nothing else computes them."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from core.history.recording import written
from core.records import writing
from pilots import stored_lights
from pilots.admin.series import SeriesForm
from pilots.amendments import amendment_of, decide_amendment, save_amendment
from pilots.models import (
    Completion,
    LightOverride,
    Milestone,
    Pilot,
    PilotClass,
    PilotLight,
    Reading,
    ReadingState,
    StaleLight,
    Target,
)
from pilots.models.reading import judge_readings
from pilots.stored_lights import differences
from tests import factories as make
from tests.support.admin_forms import save, save_new
from tests.support.api_client import ApiClient, client_with_token, make_user
from tests.support.imports import checked_import, dry_run_of, run_import, undo_import
from tests.support.jobs import run_jobs

pytestmark = pytest.mark.django_db
READINGS = ["pilot", "indicator", "period", "value", "reported_on", "note_en"]
CITY, PARK, OTHER = "city", "park", "other"


@pytest.fixture
def world(empty: None, admin_client: Client) -> SimpleNamespace:
    """Two pilots of a batch and one of another, each with a target, a value that waits, and a milestone."""
    province, air, carbon = make.province(slug="hebei"), make.indicator("AIR_SO2"), make.carbon()
    term = {"term_start": date(2022, 1, 1), "term_end": date(2027, 12, 31), "asked_from": 2024}
    batch, second = make.batch(slug="first", **term), make.batch(slug="second", **term)
    pilots = {name: make.pilot(batch, province, slug=name, kind="park") for name in (CITY, PARK)}
    pilots[OTHER] = make.pilot(second, province, slug=OTHER, kind="park")
    for pilot in pilots.values():
        make.target(pilot, air, 1000, 600, target_year=2030)
        make.reading(pilot, air, "2024", 900, accepted_on=None, note="counted")
        make.milestone(pilot, date(2025, 6, 30), is_key=True)
    make.reading(pilots[CITY], carbon, "2024", 50)
    admin = make_user("ministry", "admin")
    return SimpleNamespace(
        batch=batch,
        second=second,
        air=air,
        carbon=carbon,
        pilots=pilots,
        city=pilots[CITY],
        park=pilots[PARK],
        admin=admin,
        pages=admin_client,
        api=client_with_token(admin),
    )


@pytest.fixture
def announced() -> Iterator[list[int]]:
    """List how many entries each outermost write has made."""
    sent: list[int] = []

    def note(entries: list[Any], **_signal: Any) -> None:
        sent.append(len(entries))

    written.connect(note)
    yield sent
    written.disconnect(note)


def stored(pilot: Any) -> list[Any]:
    """Return what is stored of a pilot, keys included: what is computed anew and says the same keeps its own."""
    rows = (PilotLight, PilotClass)
    return [list(model.objects.filter(pilot=pilot).order_by("pk").values_list()) for model in rows]


def light(name: str) -> Any:
    return Pilot.objects.with_light(date(2027, 1, 1)).get(slug=name)


def assert_kept() -> None:
    missing, wrong = differences(list(Pilot.objects.values_list("pk", flat=True)))
    assert missing == []
    assert not any(wrong.values())


@contextmanager
def lights_change(world: SimpleNamespace, *names: str) -> Iterator[None]:
    """Expect that the lights of these pilots change, and those of no others, and that all are what the rules say."""
    before = {name: stored(pilot) for name, pilot in world.pilots.items()}
    yield
    assert {name for name, pilot in world.pilots.items() if stored(pilot) != before[name]} == {*names}
    assert_kept()


def reading_of(pilot: str, value: int = 500, period: str = "2025") -> dict[str, Any]:
    body = {"pilot": pilot, "indicator": "AIR_SO2", "period": period, "value": value, "reported_on": "2026-02-20"}
    return {**body, "note": "Metered"}


def ask(client: ApiClient, method: str, path: str, body: Any = None, **headers: str) -> Any:
    answer = client.send(method, f"/api/v1/{path}", body, **{"X-Change-Reason": "Checked", **headers})
    assert answer.status_code < 300, answer.content
    return answer.json() if answer.content else None


# -- each door: what is written, by how many entries, and whose lights change ------------------------------------------


def by_admin_form(world: SimpleNamespace) -> None:
    answer = save_new(
        world.pages, Milestone, pilot=world.city.pk, title_zh="平台", facet="goal", planned_on="2025-01-31"
    )
    assert answer.status_code == 302


def by_admin_change(world: SimpleNamespace) -> None:
    assert save(world.pages, world.city, withdrawn_on="2025-05-01", change_reason="Merged").status_code == 302


def by_inlines(world: SimpleNamespace) -> None:
    """Three rows of one page: a stage, a target and a milestone."""
    rows: dict[str, Any] = {
        "stages-0-stage": "listed",
        "stages-0-entered_on": "2024-02-01",
        "milestones-1-title_zh": "平台",
        "milestones-1-facet": "goal",
        "milestones-1-planned_on": "2025-01-31",
        "targets-1-indicator": world.carbon.pk,
        "targets-1-kind": "limit",
        "targets-1-target_year": "2026",
        "targets-1-target_value": "8",
        "targets-1-binding": "on",
    }
    answer = save(world.pages, world.city, **rows)
    assert answer.status_code == 302, answer.context["field_errors"]


def by_admin_action(world: SimpleNamespace) -> None:
    asked = [Target.objects.get(pilot=pilot) for pilot in (world.city, world.park)]
    data = {"action": "accept", ACTION_CHECKBOX_NAME: [target.pk for target in asked]}
    assert world.pages.post(reverse("admin:pilots_target_changelist"), data).status_code == 302


def by_deleting_action(world: SimpleNamespace) -> None:
    keys = [Target.objects.get(pilot=pilot).pk for pilot in (world.city, world.park)]
    data = {"action": "delete_selected", ACTION_CHECKBOX_NAME: keys, "post": "yes", "change_reason": "Twice"}
    page = world.pages.post(reverse("admin:pilots_target_changelist"), {**data, "post": ""})
    assert "lights of" not in page.content.decode()
    assert world.pages.post(reverse("admin:pilots_target_changelist"), data).status_code == 302
    assert not Target.objects.filter(pk__in=keys).exists()


def by_api(world: SimpleNamespace) -> None:
    ask(world.api, "POST", "readings/", reading_of(CITY))


def by_api_array(world: SimpleNamespace) -> None:
    ask(world.api, "POST", "readings/", [reading_of(PARK), reading_of(CITY), reading_of(CITY, 950, "2023")])


def by_array_of_changes(world: SimpleNamespace) -> None:
    rows = [
        {"id": row.pk, "revision": row.history.count(), "planned_on": "2025-03-31"}
        for row in Milestone.objects.filter(pilot__batch=world.batch).order_by("-pk")
    ]
    ask(world.api, "PATCH", "milestones/", rows)


def by_cascade(world: SimpleNamespace) -> None:
    """A milestone goes with its completion, both of today."""
    writing.delete(Milestone.objects.get(pilot=world.city), by=world.admin, reason="Twice")
    assert not Completion.objects.filter(pilot=world.city).exists()


def by_amendment(world: SimpleNamespace) -> None:
    """A request that waits is replaced, and what replaces it is in force at once."""
    milestone = Milestone.objects.get(pilot=world.city)
    save_amendment(amendment_of(milestone, date(2199, 6, 30), "The supplier is late"), by=None)
    waiting = milestone.amendments.get()
    decide_amendment(waiting, accepted=True, remark="", by=world.admin)


def by_acceptance(world: SimpleNamespace) -> None:
    judge_readings(Reading.objects.order_by("-pk"), ReadingState.ACCEPTED, by=world.admin)


def by_series(world: SimpleNamespace) -> None:
    form = SeriesForm(None, readings=[Reading.objects.get(pilot=world.city, indicator=world.air)])
    target = next(iter(form.targets))
    form.cleaned_data = {"reason": "Census", f"base_{target.pk}": 1200, f"steps_{target.pk}": {}}
    form.act(world.admin)


def by_light_set(world: SimpleNamespace) -> None:
    days = {"set_on": date(2026, 5, 1), "expires_on": date(2026, 7, 1)}
    writing.write(LightOverride(pilot=world.city, colour="red", reason="Seen", author=world.admin, **days), by=None)


def by_term_of_batch(world: SimpleNamespace) -> None:
    ask(world.api, "PATCH", "batches/first/", {"term_end": "2030-12-31"}, **{"If-Match": "*"})


def by_deadline_of_batch(world: SimpleNamespace) -> None:
    ask(world.api, "POST", "deadlines/", {"batch": "first", "year": 2025, "due_on": "2199-06-30", "reason": "Census"})


def by_use_of_indicator(world: SimpleNamespace) -> None:
    writing.write(world.carbon, {"may_enter_synergy": "no"}, by=None)


def by_move(world: SimpleNamespace) -> None:
    writing.write(world.second, {"term_end": date(2029, 12, 31)}, by=None)
    writing.write(world.city, {"batch": world.second}, by=None)


def by_import(world: SimpleNamespace) -> None:
    rows = [[name, "AIR_SO2", "2025", 850, "2026-02-20", "metered"] for name in (PARK, CITY)]
    run_import("readings", READINGS, *rows, by=world.admin)


DOORS: list[tuple[Callable[[SimpleNamespace], None], list[int], tuple[str, ...]]] = [
    (by_admin_form, [1], (CITY,)),
    (by_admin_change, [1], (CITY,)),
    (by_inlines, [3], (CITY,)),
    (by_admin_action, [2], (CITY, PARK)),
    (by_deleting_action, [2], (CITY, PARK)),
    (by_api, [1], (CITY,)),
    (by_api_array, [3], (CITY, PARK)),
    (by_array_of_changes, [2], (CITY, PARK)),
    (by_cascade, [2], (CITY,)),
    (by_amendment, [1, 1], (CITY,)),
    (by_acceptance, [3], (CITY, PARK, OTHER)),
    (by_series, [2], (CITY,)),
    (by_light_set, [1], (CITY,)),
    (by_term_of_batch, [1], (CITY, PARK)),
    (by_deadline_of_batch, [1], (CITY, PARK)),
    (by_use_of_indicator, [1], (CITY,)),
    (by_move, [1, 1], (CITY, OTHER)),
    (by_import, [2], (CITY, PARK)),
]


@pytest.mark.parametrize(("write", "entries", "names"), DOORS)
def test_lights_follow_what_is_written_by_every_door(
    world: SimpleNamespace, announced: list[int], write: Any, entries: list[int], names: tuple[str, ...]
) -> None:
    if write is by_cascade:
        make.completion(Milestone.objects.get(pilot=world.city), date(2025, 5, 1))
    if write is by_admin_action:
        Target.objects.update(promised_on=None)
        Target.history.update(history_user=None)
        stored_lights.recompute_all()
    announced.clear()
    with lights_change(world, *names):
        write(world)
    assert announced == entries


def test_a_restored_version_brings_the_lights_back(world: SimpleNamespace, announced: list[int]) -> None:
    """A milestone that was deleted with its completion comes back with it, in one write."""
    milestone = Milestone.objects.get(pilot=world.city)
    make.completion(milestone, date(2025, 5, 1))
    writing.delete(milestone, by=world.admin, reason="Twice")
    assert light(CITY).light_milestones_completed == 0
    entry = Milestone.history.latest("history_id")
    announced.clear()
    with lights_change(world, CITY):
        data = {"version": str(entry.pk), "change_reason": "After all"}
        address = reverse("admin:pilots_milestone_simple_history", args=[entry.id, entry.pk])
        assert world.pages.post(address, data).status_code == 302
    assert (light(CITY).light_milestones_completed, announced) == (1, [2])


PLACES = ["slug", "name_zh", "kind", "batch", "province"]
PROMISES = ["pilot", "indicator", "kind", "target_year", "target_value", "binding", "note_en"]
IMPORTED: dict[str, list[list[Any]]] = {
    "pilots": [PLACES, ["new", "新区", "park", "first", "hebei"]],
    "targets": [PROMISES, [CITY, "CO2_TOT", "limit", 2026, 8, "yes", "as planned"]],
    "readings": [READINGS, *([name, "AIR_SO2", "2025", 850, "2026-02-20", "metered"] for name in (PARK, CITY))],
    "stages": [["pilot", "stage", "entered_on"], [CITY, "listed", "2024-02-01"]],
    "milestones": [
        ["pilot", "title_zh", "facet", "planned_on", "completed_on", "evidence"],
        [CITY, "平台", "goal", "2025-01-31", "2025-02-01", "Report no. 7"],
    ],
}


@pytest.mark.parametrize("kind", IMPORTED)
def test_an_import_is_undone_with_its_lights(world: SimpleNamespace, announced: list[int], kind: str) -> None:
    """Lights that name what it added are in the way of nothing, and those of before are there again."""
    before = [row[1:] for name in world.pilots for rows in stored(world.pilots[name]) for row in rows]
    announced.clear()
    record = run_import(kind, *IMPORTED[kind], by=world.admin, reason="Plan of 2024")
    assert_kept()
    undone = undo_import(record, by=world.admin, reason="Wrong file")
    assert (undone.state, len(announced)) == ("undone", 2)
    assert_kept()
    assert sorted(map(str, before)) == sorted(
        str(row[1:]) for name in world.pilots for rows in stored(world.pilots[name]) for row in rows
    )


# -- what computes nothing ---------------------------------------------------------------------------------------------


@contextmanager
def nothing_computed(*locked: str) -> Iterator[None]:
    """Expect that no light is read or written, and that of these tables alone rows are locked."""
    with CaptureQueriesContext(connection) as queries:
        yield
    touched = [query["sql"] for query in queries if re.search(r"(item|pilot)light|pilotclass", query["sql"])]
    assert touched == []
    for_update = [query["sql"] for query in queries if "FOR " in query["sql"] and "UPDATE" in query["sql"]]
    if connection.vendor == "postgresql":
        assert {re.findall(r'FROM "(\w+)"', sql)[0] for sql in for_update} == {*locked}


def test_a_change_that_no_rule_reads_computes_nothing(world: SimpleNamespace) -> None:
    with nothing_computed("pilots_batch"):
        writing.write(world.batch, {"note_en": "Seen", "city_count": 7}, by=None)
    with nothing_computed("pilots_pilot"):
        writing.write(world.city, {"prefecture_zh": "湖州市"}, by=None)
    with nothing_computed("pilots_indicator"):
        writing.write(world.air, {"rollup": "sum", "name_en": "Sulphur dioxide"}, by=None)
    with nothing_computed("pilots_pilot", "pilots_reading"):
        writing.write(Reading.objects.filter(pilot=world.city).first(), {"note_en": "Metered"}, by=None)
    with nothing_computed():
        make.follow_up(world.city)


def test_a_dry_run_computes_nothing(world: SimpleNamespace, announced: list[int]) -> None:
    announced.clear()
    with nothing_computed():
        plan = dry_run_of("readings", *IMPORTED["readings"], by=world.admin)
    assert (plan.errors, announced) == ([], [])


def test_what_changes_is_found_by_one_query_for_each_model(world: SimpleNamespace) -> None:
    entries = []
    for row in Milestone.objects.all():
        row.planned_on = date(2025, 5, 31)
        row.save()
        entries.append(row.history.first())
    with CaptureQueriesContext(connection) as queries:
        assert stored_lights.affected(entries) == {pilot.pk for pilot in world.pilots.values()}
    assert len(queries) == 1


# -- many pilots at once -----------------------------------------------------------------------------------------------


def test_a_request_leaves_many_pilots_to_a_job(world: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_lights, "MAX_AT_ONCE", 1)
    before = stored(world.city)
    by_term_of_batch(world)
    waiting = StaleLight.objects.order_by("pilot").values_list("pilot", flat=True)
    assert [*waiting] == [world.city.pk, world.park.pk]
    assert stored(world.city) == before
    run_jobs()
    assert not StaleLight.objects.exists()
    assert stored(world.city) != before
    assert_kept()


def test_what_is_no_request_and_an_import_compute_at_once(
    world: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_lights, "MAX_AT_ONCE", 1)
    record = checked_import("readings", *IMPORTED["readings"], by=world.admin)
    for write in (
        lambda: world.pages.post(reverse("import-confirm", args=[record.pk]), {"reason": "Reported"}),
        lambda: writing.write(world.batch, {"term_end": date(2029, 12, 31)}, by=None),
    ):
        with lights_change(world, CITY, PARK):
            write()
        assert not StaleLight.objects.exists()


# -- what stays with its pilot -----------------------------------------------------------------------------------------


def test_a_part_of_a_pilot_stays_with_it(world: SimpleNamespace) -> None:
    """Also a request, and what was entered today."""
    parts: list[Any] = [
        Target.objects.get(pilot=world.city),
        make.milestone(world.city, date(2027, 1, 1), promised_on=None),
        make.stage(world.city, "listed", date(2024, 2, 1)),
    ]
    for part in parts:
        with pytest.raises(ValidationError) as caught:
            writing.write(part, {"pilot": world.park}, by=world.admin, reason="Wrong pilot")
        assert [error.code for error in caught.value.error_dict["pilot"]] == ["fixed"], part
