"""One writer of drill_lights.py: it writes at random until it is killed, and logs what came of it."""
# ruff: noqa: S311  # no secret is chosen

import csv
import io
import logging
import random
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client

import config.urls  # noqa: F401  # before the processes begin, each of which would read it
from bench.run import HOST
from core.imports.apply import confirm, undo
from core.imports.files import dry_run_of_file, save_dry_run
from core.imports.importer import KINDS
from core.records.writing import Conflict
from pilots.models import Pilot, Reading, ReadingState
from pilots.models.reading import judge_readings
from pilots.stored_lights import recompute_stale

CLIENT = Client(raise_request_exception=False, SERVER_NAME=HOST)


def api(method: str, path: str, body: Any) -> str:
    how = {"content_type": "application/json", "headers": {"if-match": "*", "x-change-reason": "Drill"}}
    answer = getattr(CLIENT, method)(f"/api/v1/{path}", body, **how)
    codes = {fault["code"] for fault in answer.json().get("errors", ())} if answer.status_code >= 400 else ()
    worst = "FAILED " if answer.status_code >= 500 or (answer.status_code == 409 and "overtaken" in codes) else ""
    return f"{worst}{answer.status_code} {' '.join(sorted(codes))}".strip()


def reading(pilot: Any) -> dict[str, Any]:
    indicator = random.choice(["AIR_SO2", "AIR_NOX", "CO2_TOT"])
    value, year = random.randint(1, 9_999), random.randint(1950, 2025)
    body = {"pilot": pilot.slug, "indicator": indicator, "period": str(year), "value": value}
    return {**body, "reported_on": "2026-02-20", "note_en": "Drill"}


def one_reading(pilots: list[Any]) -> str:
    return api("post", "readings/", reading(pilots[0]))


def array_of_readings(pilots: list[Any]) -> str:
    falling = sorted(pilots, key=lambda pilot: -pilot.pk)
    return api("post", "readings/", [reading(pilot) for pilot in falling])


def milestones(pilots: list[Any]) -> str:
    own = [row for pilot in pilots for row in pilot.milestones.all()[:1]]
    body = {"pilot": pilots[0].slug, "facet": "goal", "title_en": "Drill", "planned_on": "2027-06-30"}
    if not own or random.random() < 0.3:
        return api("post", "milestones/", body)
    rows = [{"id": row.pk, "revision": row.history.count(), "planned_on": "2027-03-31"} for row in own]
    return api("patch", "milestones/", rows)


def target(pilots: list[Any]) -> str:
    year = random.randint(2027, 2035)
    body = {"pilot": pilots[0].slug, "indicator": "AIR_NOX", "kind": "limit", "target_year": year}
    return api("post", "targets/", {**body, "target_value": 900, "binding": True})


def acceptance(pilots: list[Any]) -> str:
    waiting = Reading.objects.filter(pilot__in=pilots, accepted_on=None, returned_on=None).order_by("?")[:20]
    by = User.objects.get_or_create(username="drill", is_superuser=True)[0]  # who has handed in nothing
    return "accepted" if judge_readings(waiting, ReadingState.ACCEPTED, by=by) else "none waits"


def term_of_batch(pilots: list[Any]) -> str:
    day = date(random.randint(2030, 2035), 12, 31)
    return api("patch", f"batches/{pilots[0].batch.slug}/", {"term_end": day.isoformat()})


def use_of_indicator(_pilots: list[Any]) -> str:
    use = random.choice(["total", "no"])
    return api("patch", "indicators/AIR_NOX/", {"may_enter_synergy": use})


def job(_pilots: list[Any]) -> str:
    """Do what requests that affect many pilots have left."""
    recompute_stale.call()
    return "done"


def new_pilot(pilots: list[Any]) -> str:
    slug, place = f"drill-{random.getrandbits(60)}", pilots[0]
    body = {"slug": slug, "name_zh": slug, "kind": "park", "province": place.province.slug}
    return api("post", "pilots/", {**body, "batch": place.batch.slug})


def move(pilots: list[Any]) -> str:
    return api("patch", f"pilots/{pilots[0].slug}/", {"batch": pilots[1].batch.slug})


def imported(pilots: list[Any]) -> str:
    rows, text = [reading(pilot) for pilot in pilots], io.StringIO()
    table = csv.DictWriter(text, list(rows[0]))
    table.writeheader()
    table.writerows(rows)
    plan = dry_run_of_file(KINDS["readings"], "drill.csv", text.getvalue().encode(), by=None)
    if plan.errors:
        return "not valid"
    record = save_dry_run(plan, name="drill.csv", content=text.getvalue().encode(), by=None)
    record = confirm(KINDS["readings"], record, by=None, reason="Drill")
    return f"{undo(record, by=None, reason='Drill').state if random.random() < 0.6 else record.state}"


OFTEN = [one_reading, array_of_readings, milestones, target, acceptance, imported, new_pilot, move]
WORKS = [*OFTEN, *OFTEN, *OFTEN, term_of_batch, term_of_batch, use_of_indicator, job, job]


def write(token: str, log: str, *, times: int | None = None) -> None:
    """Do one after the other at random, until killed, or some times."""
    logging.disable()
    random.seed()  # not those of its parent
    CLIENT.defaults["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    with Path(log).open("a") as lines:
        for _time in count() if times is None else range(times):
            work, pilots = (
                random.choice(WORKS),
                list(Pilot.objects.select_related("batch", "province").order_by("?")[:10]),
            )
            try:
                came = work(pilots)
            except (ValidationError, Conflict) as exc:
                came = type(exc).__name__
            except Exception as exc:  # it is counted
                came = f"FAILED {exc!r}".partition("\n")[0]
            print(f"{work.__name__}: {came}", file=lines, flush=True)
