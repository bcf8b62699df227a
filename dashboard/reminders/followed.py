"""What happened to the records that a user follows, and what is due on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from dashboard.analytics.open_work import OpenWork
from dashboard.models import FollowedKind
from dashboard.reminders.people import Person, Subject
from dashboard.reminders.steps import (
    NEWS_DAYS,
    Entry,
    follow_up_subjects,
    is_news,
    may_act,
    pilot_subjects,
    practice_subjects,
    rungs,
)
from pilots.metrics.follow_up_states import FollowUpState
from pilots.models import Adoption, FollowUp, FollowUpStep, Practice, StageEntry
from policies.models import PlanStatus, ProvincialPlan

FOLLOWED = "followed"
PRACTICE_DAYS = ("proposed_on", "passed_on", "library_on", "recommended_on", "retired_on")


@dataclass(frozen=True)
class Event:
    """Something that happened to a record on a day."""

    thing: str
    code: str
    on: date
    item: Any
    subjects: Sequence[Subject]
    by: int | None = None  # the user who did it, who need not be told


@dataclass(frozen=True)
class PracticeDay:
    """A day on which a practice reached a state; `field` is the name of the day."""

    practice: Practice
    field: str


class Followed:
    """What can be told of followed records on a day; read once for all users."""

    def __init__(self, work: OpenWork) -> None:
        self.work, self.day = work, work.as_of

    @cached_property
    def events(self) -> list[Event]:
        """What happened in the last NEWS_DAYS days. Five queries."""
        return [*self.steps(), *self.plans(), *self.stages(), *self.practices(), *self.copies(), *self.reds()]

    @property
    def window(self) -> tuple[date, date]:
        return self.day - timedelta(NEWS_DAYS), self.day - timedelta(1)

    def steps(self) -> Iterable[Event]:
        related = ("pilot__province", "pilot__batch", "province", "policy", "practice", "owner_agency")
        rows = FollowUpStep.objects.filter(taken_on__range=self.window)
        for row in rows.select_related(*(f"follow_up__{name}" for name in related)).order_by("taken_on", "pk"):
            thing, subjects = f"follow_up:{row.follow_up_id}", follow_up_subjects(row.follow_up)
            yield Event(thing, f"step{row.seq}", row.taken_on, row, subjects, row.author_id)

    def plans(self) -> Iterable[Event]:
        rows = ProvincialPlan.objects.filter(status=PlanStatus.ISSUED, known_issued_by__range=self.window)
        for row in rows.select_related("policy", "province").order_by("known_issued_by", "pk"):
            subjects = [(FollowedKind.POLICY, row.policy_id), (FollowedKind.PROVINCE, row.province_id)]
            if row.known_issued_by:
                yield Event(f"plan:{row.pk}", "issued", row.known_issued_by, row, subjects)

    def stages(self) -> Iterable[Event]:
        rows = StageEntry.objects.filter(entered_on__range=self.window).select_related("pilot__batch")
        for row in rows.order_by("entered_on", "pk"):
            if row.entered_on:
                yield Event(f"stage:{row.pk}", "entered", row.entered_on, row, pilot_subjects(row.pilot))

    def practices(self) -> Iterable[Event]:
        for row in Practice.objects.select_related("province").order_by("pk"):
            for field in PRACTICE_DAYS:
                on = getattr(row, field)
                if on and is_news(on, self.day):
                    subjects = practice_subjects(row)
                    yield Event(f"practice:{row.pk}", field.removesuffix("_on"), on, PracticeDay(row, field), subjects)

    def copies(self) -> Iterable[Event]:
        rows = Adoption.objects.filter(planned_on__range=self.window).order_by("planned_on", "pk")
        for row in rows.select_related("practice", "pilot__batch", "province"):
            subjects = [(FollowedKind.PRACTICE, row.practice_id), (FollowedKind.PROVINCE, row.province_id)]
            yield Event(f"adoption:{row.pk}", "new", row.planned_on, row, subjects, row.claimed_by_id)

    def reds(self) -> Iterable[Event]:
        for status in self.work.red:
            if status.since and is_news(status.since, self.day):
                subjects = pilot_subjects(status.pilot)
                yield Event(f"pilot:{status.pilot.pk}", "red", status.since, status, subjects)

    # -- for a user ------------------------------------------------------------------------------------

    def entries(self, person: Person) -> list[Entry]:
        """Return the entries of a user's subscriptions; nothing for one who follows and owns nothing."""
        if not any(row.active for row in person.rows.values()) and not self.is_named(person):
            return []
        return [*self.due_entries(person), *self.event_entries(person)]

    def is_named(self, person: Person) -> bool:
        """Whether the user is named in a follow-up that is open."""
        return any(named_in(item.follow_up, person) for item in self.work.open_follow_ups)

    def due_entries(self, person: Person) -> list[Entry]:
        found: list[Entry] = []
        for row in self.work.milestones_due:
            subjects = pilot_subjects(row.status.pilot)
            if person.follows_since(subjects):
                milestone = row.item.milestone
                steps = rungs(milestone.planned_on, self.day)
                found.append(Entry(FOLLOWED, row, f"milestone:{milestone.pk}", steps, subjects))
        for item in self.work.open_follow_ups:
            subjects = follow_up_subjects(item.follow_up)
            if item.state != FollowUpState.REPORTED and person.follows_since(subjects):
                steps = rungs(item.due_on, self.day)
                found.append(Entry(FOLLOWED, item, f"follow_up:{item.follow_up.pk}", steps, subjects))
        return [entry for entry in found if entry.steps]

    def event_entries(self, person: Person) -> list[Entry]:
        found = []
        for event in self.events:
            since = self.since(event, person)
            if since and event.on >= since and event.by != person.key:
                steps = [(event.code, event.on)]
                found.append(Entry(FOLLOWED, event.item, event.thing, steps, event.subjects))
        return found

    def since(self, event: Event, person: Person) -> date | None:
        """Return since when the user hears of this: as a subscriber, or since the opening as who is named in it."""
        since = person.follows_since(event.subjects)
        if since is None and isinstance(event.item, FollowUpStep) and not person.is_muted(event.subjects):
            follow_up = event.item.follow_up
            return follow_up.opened_on if named_in(follow_up, person) else None
        return since


def named_in(follow_up: FollowUp, person: Person) -> bool:
    """Whether the user is named as responsible or verifier, and may still act on it."""
    return person.key in (follow_up.owner_user_id, follow_up.verifier_id) and may_act(person, follow_up)
