"""A year of work under a patched clock: records entered, corrected, deleted, restored, imported and undone."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from itertools import count
from random import Random
from typing import Any
from unittest.mock import patch

from django.contrib.auth.models import User
from django.utils import timezone

from core.history.recording import delete_with_history
from core.records import writing
from pilots.metrics import Move
from pilots.models import Pilot, Reading, StageEntry, Target
from policies.models import ProvincialPlan
from tests import factories as make
from tests.support.imports import run_import, undo_import

READING_HEADS = ["pilot", "indicator", "period", "value", "reported_on", "state", "accepted_on"]


@contextmanager
def clock_at(day: date, hour: int = 9, minute: int = 0) -> Iterator[None]:
    """Context manager: it is this moment of the day in the site's time zone, and a millisecond later at each look."""
    start = timezone.make_aware(datetime.combine(day, time(hour, minute)))
    ticks = count()
    with patch("django.utils.timezone.now", lambda: start + timedelta(milliseconds=next(ticks))):
        yield


class ScriptedYear:
    """The records of a year that begins on a day; `work` does one thing that is done to records, chosen at random."""

    def __init__(self, first: date, seed: int = 16) -> None:
        self.first, self.random = first, Random(seed)  # noqa: S311  # the same year at each run
        self.deeds: Sequence[Callable[[date], object]] = (
            *(self.correct, self.correct, self.delete_plan, self.enter_plan, self.restore_plan),
            *(self.correct, self.enter_reading, self.import_readings, self.import_and_undo),
            *(self.change_lists, self.move_on, self.withdraw_stage, self.set_light),
            *(self.open_follow_up, self.take_step, self.tell_of_practice),
        )
        with clock_at(first):
            self.begin()

    def begin(self) -> None:
        """Enter what the year begins with."""
        self.boss = User.objects.create_superuser("boss")
        self.policy = make.policy()
        self.provinces = [make.province() for _n in range(5)]
        self.industries = [make.industry() for _n in range(3)]
        self.sources = [make.source() for _n in range(3)]
        self.batch = make.batch(city_count=4, park_count=0)
        self.indicator = make.indicator("AIR_SO2")
        self.pilots = [make.pilot(self.batch, province, *self.industries[:1]) for province in self.provinces[:4]]
        for pilot in self.pilots:
            make.stage(pilot, "listed", self.first - timedelta(90))
            make.target(pilot, self.indicator, 100, 60)
            make.reading(pilot, self.indicator, str(self.first.year - 2), 100)
            make.milestone(pilot, self.first + timedelta(60))
        self.plans = [make.plan(self.policy, province, issued_on=self.first) for province in self.provinces[:3]]

    def work(self, day: date, deeds: int = 3) -> None:
        """Do some things on a day, the last of them in its last minute."""
        for deed in self.random.choices(self.deeds, k=deeds):
            with clock_at(day, self.random.randrange(24), self.random.randrange(59)):
                deed(day)
        with clock_at(day, 23, 59):
            self.random.choice(self.deeds)(day)

    def correct(self, day: date) -> None:
        """Change a value of one of the records of a kind."""
        values: dict[Any, dict[str, Any]] = {
            ProvincialPlan: {"issued_on": day - timedelta(self.random.randrange(200))},
            Reading: {"value": self.random.randrange(20, 120), "note_en": f"Corrected on {day}"},
            Target: {"target_value": self.random.randrange(40, 80)},
            Pilot: {"name_en": f"Pilot renamed on {day}"},
        }
        model = self.random.choice([*values])
        if records := list(model.objects.order_by("pk")):
            record = self.random.choice(records)
            vars(record).update(values[model], _change_reason="As the document says")
            record.save()

    # -- plans ---------------------------------------------------------------------------------------------

    def delete_plan(self, _day: date) -> None:
        if plan := ProvincialPlan.objects.order_by("pk").last():
            delete_with_history(plan, reason="Entered twice")

    def enter_plan(self, day: date) -> None:
        free = [place for place in self.provinces if not ProvincialPlan.objects.filter(province=place).exists()]
        if free:
            make.plan(self.policy, free[0], issued_on=day)

    def restore_plan(self, _day: date) -> None:
        """Take a record back to its first version, also one that was deleted."""
        entry = ProvincialPlan.history.order_by("history_id").first()
        latest = ProvincialPlan.history.filter(id=entry.id).order_by("history_id").last() if entry else None
        taken = entry and ProvincialPlan.objects.filter(province=entry.province_id).exclude(pk=entry.id).exists()
        if latest and latest.pk != entry.pk and not taken and not same_version(entry, latest):
            writing.restore_version(entry, opened=str(latest.pk), reason="As it was")

    # -- readings ------------------------------------------------------------------------------------------

    def enter_reading(self, day: date) -> None:
        pilot = self.random.choice(self.pilots)
        if not Reading.objects.filter(pilot=pilot, period=str(day.year - 1)).exists():
            make.reading(pilot, self.indicator, str(day.year - 1), self.random.randrange(50, 100))

    def import_readings(self, day: date, state: str = "accepted") -> Any:
        accepted_on = day if state == "accepted" else ""
        rows = [
            [pilot.slug, "AIR_SO2", str(day.year - 3), self.random.randrange(90, 130), day, state, accepted_on]
            for pilot in self.pilots[:2]
            if not Reading.objects.filter(pilot=pilot, period=str(day.year - 3)).exists()
        ]
        return run_import("readings", READING_HEADS, *rows, by=self.boss) if rows else None

    def import_and_undo(self, day: date) -> None:
        if record := self.import_readings(day, "reported"):  # an accepted value has fed numbers
            undo_import(record, by=self.boss, reason="The wrong file")

    # -- pilots --------------------------------------------------------------------------------------------

    def change_lists(self, _day: date) -> None:
        pilot = Pilot.objects.get(pk=self.random.choice(self.pilots).pk)  # an entry holds what is in memory
        pilot.industries.set(self.random.sample(self.industries, self.random.randrange(3)))
        pilot.sources.set(self.random.sample(self.sources, self.random.randrange(3)))

    def move_on(self, day: date) -> None:
        pilot = self.random.choice(self.pilots)
        done = set(StageEntry.objects.filter(pilot=pilot).values_list("stage", flat=True))
        after = [stage for stage in ("plan_issued", "implementing", "midterm") if stage not in done]
        if after:
            make.stage(pilot, after[0], day)

    def withdraw_stage(self, _day: date) -> None:
        entry = StageEntry.objects.exclude(stage="listed").order_by("pk").last()
        if entry:
            delete_with_history(entry, reason="Not yet")

    def set_light(self, day: date) -> None:
        colour, days = self.random.choice(["red", "green"]), {"set_on": day, "expires_on": day + timedelta(60)}
        make.override(self.random.choice(self.pilots), colour, self.boss, **days)

    # -- follow-ups and practices --------------------------------------------------------------------------

    def open_follow_up(self, day: date) -> None:
        pilot = self.random.choice(self.pilots)
        self.follow_up = make.follow_up(pilot, opened_on=day, due_on=day + timedelta(30))

    def take_step(self, day: date) -> None:
        follow_up = getattr(self, "follow_up", None)
        if follow_up and follow_up.steps.count() == 1:
            make.step(follow_up, Move.SIGN, day)

    def tell_of_practice(self, _day: date) -> None:
        practice = make.practice(self.random.choice(self.pilots))
        make.effect(practice)


def same_version(one: Any, other: Any) -> bool:
    """Whether two entries hold the same values, so that restoring one changes nothing."""
    return other.history_type != "-" and all(
        getattr(one, field.attname) == getattr(other, field.attname) for field in one.tracked_fields
    )
