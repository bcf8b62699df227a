"""Where each of many pilots stands on a day and which light it shows: what lists are narrowed, sorted and counted by.

None of it is stored. Pages and API ask here which pilots are red; `progress.pilot_status` also gives the reasons, for
the pilots that are shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from hashlib import blake2b
from typing import Any, NamedTuple, cast

from django.core.cache import cache
from django.db import connections
from django.db.models import Q, QuerySet

from config.kept import KEPT_FOR, edition, shelf
from pilots import metrics
from pilots.metrics import Colour, Entry, Position, Stage
from pilots.models import LightOverride, Milestone, Pilot, Reading, StageEntry, Target, TargetStep
from pilots.progress import AT_A_TIME, UNKNOWN, colour_on


@dataclass(frozen=True, slots=True)
class Standing:
    """One pilot: the word for its stage, the furthest one it reached, the days in its stage, its light.

    What was not asked for is None.
    """

    stage: str | None = None
    reached: Stage | None = None
    days: int | None = None
    colour: Colour | None = None

    @property
    def order(self) -> int | None:
        """The place of its stage among the stages; None without one."""
        return Stage(self.stage).order if self.stage in Stage.values else None


# -- facts as plain rows -----------------------------------------------------------------------------------
# They have the names of the models' fields, so that the functions of `progress` judge them as they judge records.


class Batched(NamedTuple):
    known_by: date


class Indicated(NamedTuple):
    code: str
    direction: str


class Step(NamedTuple):
    year: int
    value: Decimal


class Read(NamedTuple):
    pk: int
    pilot_id: int
    indicator_id: int
    period: str
    version: int
    value: Decimal | None
    state: str
    accepted_on: date | None


class Planned(NamedTuple):
    pk: int
    planned_on: date
    completed_on: date | None
    is_key: bool


class ByHand(NamedTuple):
    colour: str
    set_on: date
    expires_on: date


@dataclass
class Aim:
    """A target."""

    kind: str
    binding: bool
    base_year: int | None
    base_value: Decimal | None
    target_year: int
    target_value: Decimal | None
    done_on: date | None
    indicator_id: int
    indicator: Indicated
    steps_read: Sequence[Step]


@dataclass
class Facts:
    """What the light of a pilot is judged by."""

    pk: int
    starts_on: date | None
    withdrawn_on: date | None
    batch: Batched
    milestones_read: list[Planned] = field(default_factory=list)
    targets_read: list[Aim] = field(default_factory=list)
    readings_read: list[Read] = field(default_factory=list)
    overrides_read: list[ByHand] = field(default_factory=list)

    def withdrawn_by(self, as_of: date) -> bool:
        return Pilot.withdrawn_by(cast(Any, self), as_of)


AIM = ("kind", "binding", "base_year", "base_value", "target_year", "target_value", "done_on", "indicator_id")
Rows = Mapping[str, QuerySet[Any, Any]]


def fact_rows(pilots: QuerySet[Pilot], as_of: date) -> Rows:
    """What the lights of these pilots are judged by on that day, as queries for rows; a row begins with its pilot.

    Of milestones those come that can be a reason: not done, and due. Only where a pilot owes no value yet do the others
    decide whether it is rated.
    """
    due = metrics.year_due(as_of)
    chosen = pilots.order_by().select_related(None).prefetch_related(None)
    own = Q(pilot__in=chosen.values("pk"))
    young = Q(pilot__term_start__year__gt=due) | Q(pilot__term_start__isnull=True, pilot__batch__known_by__year__gt=due)
    overdue = Q(planned_on__lt=as_of) & (Q(completed_on__isnull=True) | Q(completed_on__gt=as_of))
    milestones = Milestone.objects.filter(own, overdue | young | Q(pilot__batch__term_start__year__gt=due))
    targets = Target.objects.filter(own)
    steps = TargetStep.objects.filter(target__in=targets)
    readings = Reading.objects.filter(own, accepted_on__lte=as_of, period__gte=str(due)).exclude(period__contains="-")
    by_hand = LightOverride.objects.filter(own, set_on__lte=as_of, expires_on__gt=as_of)
    return {
        "pilots": chosen.values_list("pk", "term_start", "batch__term_start", "withdrawn_on", "batch__known_by"),
        "milestones": milestones.order_by("planned_on", "pk").values_list("pilot_id", *Planned._fields),
        "targets": targets.order_by("indicator_id").values_list(
            "pilot_id", "pk", "indicator__code", "indicator__direction", *AIM
        ),
        "steps": steps.order_by("year").values_list("target__pilot_id", "target_id", *Step._fields),
        "readings": readings.order_by("period", "version").values_list("pilot_id", *Read._fields),
        "overrides": by_hand.order_by("set_on", "pk").values_list("pilot_id", *ByHand._fields),
    }


def read_facts(rows: Rows) -> dict[int, Facts]:
    """The facts of each pilot. Six queries."""
    found = {
        key: Facts(key, own or start, left_on, Batched(known_by))
        for key, own, start, left_on, known_by in rows["pilots"]
    }
    for key, *row in rows["milestones"]:
        found[key].milestones_read.append(Planned(*row))
    steps = defaultdict(list)
    for _pilot, target, *row in rows["steps"]:
        steps[target].append(Step(*row))
    for key, target, code, direction, *row in rows["targets"]:
        named: dict[str, Any] = dict(zip(AIM, row, strict=True))
        named |= {"indicator": Indicated(code, direction), "steps_read": steps.get(target, ())}
        found[key].targets_read.append(Aim(**named))
    for key, *row in rows["readings"]:
        found[key].readings_read.append(Read(*row))
    for key, *row in rows["overrides"]:
        found[key].overrides_read.append(ByHand(*row))
    return found


# -- lights ------------------------------------------------------------------------------------------------


def lights(pilots: QuerySet[Pilot], as_of: date) -> dict[int, Colour]:
    """By key of each pilot the light it shows.

    The facts come as plain rows: to make a record of each of the half million that 12,500 pilots have takes most of ten
    seconds. What they mean is asked of the same functions as everywhere else. Of very many pilots only those are judged
    whose facts are others than when they were judged last.
    """
    rows = fact_rows(pilots, as_of)
    if pilots.count() <= AT_A_TIME:
        return judged(rows, as_of)
    digests, key = digested(rows), f"lights-{edition()}-{as_of}"
    known: dict[int, tuple[str, str]] = shelf.asked(lambda: cache.get(key)) or {}
    changed = [pilot for pilot, digest in digests.items() if known.get(pilot, ("",))[0] != digest]
    if changed:
        known = {**known, **rejudged(pilots, changed, digests, as_of)}
        shelf.asked(lambda: cache.set(key, known, KEPT_FOR))
    return {pilot: Colour(known[pilot][1]) for pilot in digests if known[pilot][1]}


def judged(rows: Rows, as_of: date) -> dict[int, Colour]:
    return {key: colour_on(cast(Any, facts), as_of) for key, facts in read_facts(rows).items()}


def rejudged(
    pilots: QuerySet[Pilot], changed: Sequence[int], digests: Mapping[int, str], as_of: date
) -> dict[int, tuple[str, str]]:
    """The digest and the light of each of those pilots; the facts of so many are held at a time."""
    found: dict[int, Colour] = {}
    for start in range(0, len(changed), AT_A_TIME):
        some = pilots.filter(pk__in=changed[start : start + AT_A_TIME])
        found |= judged(fact_rows(some, as_of), as_of)
    return {key: (digests[key], found[key].value if key in found else "") for key in changed}


def digested(rows: Rows) -> dict[int, str]:
    """By key of each pilot a digest of its facts, as the database has them: no value is converted, none is held."""
    digests: dict[int, Any] = {}
    for name, query in rows.items():
        with connections[query.db].cursor() as cursor:
            cursor.execute(*query.query.sql_with_params())
            for row in cursor:
                if name == "pilots":
                    digests[row[0]] = blake2b(digest_size=16)
                digests[row[0]].update(repr(row).encode())
    return {key: digest.hexdigest() for key, digest in digests.items()}


# -- where they stand ----------------------------------------------------------------------------------------


def standings(
    pilots: QuerySet[Pilot], as_of: date, *, with_stages: bool = True, with_lights: bool = True
) -> dict[int, Standing]:
    """By key of each pilot where it stands and which light it shows. Nine queries, whatever their number."""
    colours = lights(pilots, as_of) if with_lights else {}
    stages = positions(pilots, as_of) if with_stages else {}
    return {
        key: standing_of(stages.get(key), colours.get(key), as_of, with_stages)
        for key in pilots.order_by().values_list("pk", flat=True)
    }


def standing_of(position: Position | None, colour: Colour | None, as_of: date, with_stages: bool) -> Standing:
    if not position:
        return Standing(stage=UNKNOWN if with_stages else None, colour=colour)
    withdrawn = position.stage == Stage.WITHDRAWN
    days = (as_of - position.since).days
    return Standing(position.stage.value, None if withdrawn else position.reached, days, colour)


def positions(pilots: QuerySet[Pilot], as_of: date) -> dict[int, Position]:
    """By key of each pilot the stage it stands in; none of a pilot without any on record. One query."""
    own = pilots.order_by().select_related(None).prefetch_related(None).values("pk")
    stages = StageEntry.objects.filter(pilot__in=own, entered_on__lte=as_of).order_by("entered_on", "pk")
    entries: dict[int, list[Entry]] = defaultdict(list)
    for key, stage, entered_on in stages.values_list("pilot_id", "stage", "entered_on"):
        entries[key].append(Entry(Stage(stage), cast(date, entered_on)))
    found = {key: metrics.position(some, as_of) for key, some in entries.items()}
    return {key: position for key, position in found.items() if position}


def narrowed(
    pilots: QuerySet[Pilot],
    as_of: date,
    *,
    stages: Collection[str] | None = None,
    lights: Collection[str] | None = None,
) -> QuerySet[Pilot]:
    """Those of the pilots that stand in one of the stages, or show one of the lights, on the day; None is any.

    What is handed back is a question like any other, to be ordered and paged.
    """
    if stages is None and lights is None:
        return pilots
    found = standings(pilots, as_of, with_stages=stages is not None, with_lights=lights is not None)
    fitting = [
        key
        for key, item in found.items()
        if (stages is None or item.stage in stages) and (lights is None or item.colour in lights)
    ]
    return pilots.filter(pk__in=fitting)
