"""manage.py check_lights"""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.backup.models import BackupRun, record_run
from pilots.models import ItemLight, Milestone, Pilot, PilotLight, StaleLight, Target
from pilots.stored_lights import COLUMNS, recompute_all

MOST_LINES = 50
PARTS = {"target_id": Target, "milestone_id": Milestone, "year": None}  # what a row is of, beside a pilot
SHOWN = ("colour", "kind", "why")  # of a row, beside what differs
Values = Mapping[str, Any]


class Command(BaseCommand):
    help = (
        "Compute the lights of all pilots anew and name each pilot whose stored ones differ, with the first day. "
        "Exit 1: there are some, and they were left as they are. Pilots that wait for a job are no fault."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--repair", action="store_true", help="store what was computed")

    def handle(self, *_args: Any, repair: bool, **_options: Any) -> None:
        started, found = time.monotonic(), {}

        def note(missing: Sequence[Any], wrong: Mapping[Any, Mapping[Any, int]]) -> None:
            found.update(first_differences(missing, wrong))

        recompute_all(tell=note, repair=repair)
        slugs = dict(Pilot._base_manager.filter(pk__in=found).values_list("pk", "slug"))
        lines = [f"{slugs.get(pilot, pilot)}: {text}" for pilot, (_day, text) in sorted(found.items())]
        more = len(lines) - MOST_LINES
        told = "\n".join([*lines[:MOST_LINES], *([f"and {more} more"] if more > 0 else [])])
        done = "They were put right." if repair else "Put them right: manage.py check_lights --repair"
        said = f"The stored lights of {len(lines)} pilots differed from their records. {done}"
        seconds, detail = time.monotonic() - started, f"{said}\n{told}" if lines else ""
        record_run(BackupRun.Kind.LIGHTS, ok=not lines, seconds=seconds, size=len(lines), detail=detail)
        if not lines:
            self.stdout.write("All stored lights are as their records say.")
        elif repair:
            self.stdout.write(detail)
        else:
            self.stdout.write(told)
            raise CommandError(said)


def first_differences(missing: Sequence[Any], wrong: Mapping[Any, Mapping[Any, int]]) -> dict[int, tuple[date, str]]:
    """Return the first day and the text of the differences of each pilot, of rows that are missing and rows that are
    wrong; without pilots that wait for a job.
    """
    rows = [(type(row), {name: getattr(row, name) for name in COLUMNS[type(row)]}, 1) for row in missing]
    rows += [(model, dict(zip(COLUMNS[model], values, strict=True)), 0) for model in wrong for values in wrong[model]]
    pilot_of = {
        name: dict(model._base_manager.filter(pk__in=keys).values_list("pk", "pilot"))
        for name, model in PARTS.items()
        if model and (keys := {values[name] for kind, values, _side in rows if kind is ItemLight})
    }
    sides: defaultdict[Any, tuple[list[Values], list[Values]]] = defaultdict(lambda: ([], []))  # stored, computed
    for model, values, side in rows:
        part = next((name for name in PARTS if model is not PilotLight and values.get(name)), "")
        pilot = values["pilot_id"] if model is not ItemLight else pilot_of[part][values[part]]
        what = f"{model.__name__} of {part.removesuffix('_id')} {values[part]}" if part else model.__name__
        sides[pilot, what][side].append(values)
    found: dict[int, tuple[date, str]] = {}
    stale = set(StaleLight.objects.values_list("pilot", flat=True))
    for (pilot, what), (stored, computed) in sides.items():
        if pilot not in stale:
            first = first_difference(what, stored, computed)
            found[pilot] = min(first, found.get(pilot, first))
    return found


def first_difference(what: str, stored: Sequence[Values], computed: Sequence[Values]) -> tuple[date, str]:
    """Return the first day on which more differs than where a period begins or ends, and a text."""
    for day in sorted(values["since"] for values in (*stored, *computed)):
        old, new = (
            next((row for row in rows if row["since"] <= day < row["until"]), {}) for rows in (stored, computed)
        )
        names = [name for name in {**old, **new} if name not in {"since", "until"} and old.get(name) != new.get(name)]
        if names:
            names = list(dict.fromkeys([*SHOWN, *(names if old and new else ())]))
            since = "from the first day" if day == date.min else f"from {day}"
            return day, f"{since} {what}: stored: {say(old, names)}; computed: {say(new, names)}"
    day = min(values["since"] for values in (*stored, *computed))
    return day, f"from {day} {what}: periods begin and end on other days"


def say(values: Values, names: Sequence[str]) -> str:
    return ", ".join(f"{name} {values[name]}" for name in names if values.get(name) not in {None, ""}) or "nothing"
