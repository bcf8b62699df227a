"""An invented programme of any size, to measure the product with: the demonstration's parts, played many times.

A few pilots at a time are made, checked and stored, so that memory does not grow with the programme.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from random import Random
from typing import Any, TypeVar

from django.db import connection, models, transaction

from config.asof import today
from config.bulk import chunks
from config.copies import copy_entries, copy_link
from pilots.demo import words
from pilots.demo.cast import Plot
from pilots.demo.crowd import Announced, Casting, Part, Size, announced, cite_of, cities_of, end, parks_of
from pilots.demo.load import SEED, counts, load_plans, load_policies, load_reference, set_light
from pilots.demo.store import REASON, keep
from pilots.demo.years import milestones_of, promised, readings_of, stages_of, way
from pilots.load import OtherSide, keep_apart
from pilots.models import Batch, Indicator, Reading
from policies.models import Industry, Province, Shipment, Source
from policies.models.base import Recorded

AT_ONCE = 40  # pilots: about 4,000 readings
CHECKED = 10  # of so many readings one is held against all its rules; the others are made in the same mould
SPREAD = 16  # by how many readings a pilot has more or fewer than the mean
NOT_EMPTY = (
    "This database holds records already. A synthesized programme needs an empty database of its own: "
    "create one, set DATABASE_URL to it, and run `manage.py migrate` before this."
)
Record = TypeVar("Record", bound=Recorded)
Say = Callable[[str], object]


def synthesize(size: Size, as_of: date | None = None, say: Say = lambda _line: None) -> dict[str, int]:
    """Invent a programme as it stands on a day, today unless said otherwise; how many records of each kind it has.

    All of it or nothing: it is one transaction. The same size and day give the same records. `say` is told of every
    batch. Raises OtherSide, and changes nothing, when the database holds any record; ValueError for a day that has not
    come or on which not all pilots were listed.
    """
    as_of = as_of or today()
    if not words.PROVINCIAL_LISTED_ON <= as_of <= today():
        raise ValueError(f"{as_of}: give a day from {words.PROVINCIAL_LISTED_ON} up to today, {today()}")
    with transaction.atomic():
        try:
            keep_apart(demonstration=True)
        except OtherSide:
            raise OtherSide(NOT_EMPTY) from None
        Shipment.objects.mark_demonstration()
        hold_references()
        load_reference()
        Programme(size, as_of, say).load()
        return counts()


class Programme:
    """All that is invented for one size and day, and how far its storing has come."""

    def __init__(self, size: Size, as_of: date, say: Say) -> None:
        self.size, self.as_of, self.say = size, as_of, say
        self.rng = Random(SEED)  # noqa: S311 - the same numbers each time are the point
        self.pilots, self.readings = 0, 0

    def load(self) -> None:
        """Everything, in the order in which one thing hangs on another."""
        self.sources = {key: keep(Source(title=title, **words.INVENTED)) for key, title in words.SOURCES.items()}
        policies = load_policies(self.sources, self.as_of)
        load_plans(policies[words.MAIN_POLICY], self.sources["provincial"], self.as_of, self.rng)
        self.indicators = {indicator.code: indicator for indicator in Indicator.objects.all()}
        provinces = list(Province.objects.roster())
        industries = {industry.slug: industry for industry in Industry.objects.all()}
        casting = Casting(provinces, industries, self.rng)
        batches = self.size.batches + self.size.provincial_batches
        for number, one in enumerate(announced(self.size, policies, provinces), 1):
            self.load_batch(one, casting)
            self.say(
                f"batch {number} of {batches}: {self.pilots:,} of {self.size.pilots:,} pilots, "
                f"{self.readings:,} of {self.size.readings:,} readings"
            )

    def load_batch(self, one: Announced, casting: Casting) -> None:
        """One batch with its pilots and all that is recorded of them."""
        keep(one.batch, sources=[cite_of(one.batch, self.sources)])
        cities = cities_of(one, casting)
        self.load_pilots(cities, one.batch)
        parks = parks_of(one, cities, casting)
        self.load_pilots(parks, one.batch)
        for some in chunks([*cities, *parks], AT_ONCE):
            self.load_records(some)
        if sum(part.plot == Plot.FAR_BEHIND for part in [*cities, *parks]) > 1:
            set_light([*cities, *parks], self.as_of)

    def load_pilots(self, parts: Sequence[Part], batch: Batch) -> None:
        for part in parts:
            end(part, self.as_of)
            part.pilot.city_held = True  # nobody else can see it yet
        links = [(part.pilot, industry) for part in parts for industry in part.industries]
        store((part.pilot for part in parts), cite_of(batch, self.sources), industries=links)

    def load_records(self, parts: Sequence[Part]) -> None:
        """What some pilots did, promised and reported."""
        ways = [way(part, self.rng) for part in parts]
        played = list(zip(parts, ways, strict=True))
        plan, report = self.sources["plan"], self.sources["report"]
        store((entry for part, course in played for entry in stages_of(part, course, self.as_of)), plan)
        store((one for part, course in played for one in milestones_of(part, course, self.as_of, self.rng)), plan)
        told = [promised(part, self.indicators, self.as_of, self.rng) for part in parts]
        lines = [line for own in told for line in own]
        store((line.target for line in lines if line.target), plan)
        for line in lines:
            for step in line.steps:
                step.target = line.target  # type: ignore[assignment]  # again, now that it has a number
        store((step for line in lines for step in line.steps), None)
        store(self.read(zip(parts, told, strict=True)), report)

    def read(self, told: Iterable[tuple[Part, Any]]) -> Iterator[Reading]:
        """The readings of some pilots, a few more of one and fewer of another, exactly as many as asked for in all."""
        for part, lines in told:
            left, still = self.size.readings - self.readings, self.size.pilots - self.pilots
            wanted = left if still == 1 else left // still + self.rng.randint(-SPREAD, SPREAD)
            found = readings_of(part, lines, wanted, self.as_of, self.rng)
            self.pilots, self.readings = self.pilots + 1, self.readings + len(found)
            yield from found


# -- storing -------------------------------------------------------------------------------------------


def hold_references() -> None:
    """Let PostgreSQL check each reference as it is written: millions left to the end would have to be kept in mind."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def store(records: Iterable[Record], source: Source | None, **lists: Iterable[tuple[Record, models.Model]]) -> None:
    """Check records of one kind and store them together, all citing the source, each with its entry in the history.

    What names a record is not looked up again, and constraints are left to the database: both would be asked one by
    one. `lists` are pairs for further many-to-many fields.
    """
    kept = list(records)
    if not kept:
        return
    model: Any = type(kept[0])
    for record in kept[:: CHECKED if model is Reading else 1]:
        check(record)
    model._default_manager.bulk_create(kept, batch_size=1000)
    keys = [record.pk for record in kept]
    if source:
        copy_link(model._meta.get_field("sources"), keys, source.pk)
    for name, pairs in lists.items():
        link(model, name, list(pairs))
    copy_entries(model, keys, reason=REASON)


def check(record: Recorded) -> None:
    """Raise ValidationError unless the record keeps its own rules."""
    known = [field.name for field in record._meta.concrete_fields if field.is_relation]
    record.full_clean(exclude=known, validate_unique=False, validate_constraints=False)


def link(model: Any, name: str, pairs: Sequence[tuple[models.Model, models.Model]]) -> None:
    """The rows of one many-to-many field."""
    field = model._meta.get_field(name)
    owner, target = field.m2m_column_name(), field.m2m_reverse_name()
    through = field.remote_field.through
    rows = [through(**{owner: record.pk, target: named.pk}) for record, named in pairs]
    through._default_manager.bulk_create(rows, batch_size=1000)
