"""The steps that should have been taken by a day, for one user: what the user is to be told of, each once.

They are computed from what is open on the day, so what was done meanwhile is in none. A step of something that happened
on a day belongs to the next day, so that the digest of a morning is about whole days.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from core.permissions import has_object_permission
from dashboard.analytics.open_work import (
    MINISTRY_DAYS,
    OpenWork,
    PilotMilestone,
    ReportedValues,
    WorkList,
    is_proposed,
)
from dashboard.models import FollowedKind
from dashboard.reminders.people import Directory, Person, Subject
from pilots.analytics.pilot_status import PilotStatus
from pilots.follow_ups.analytics import FollowUpStatus
from pilots.metrics.follow_up_states import FollowUpState, Move
from pilots.metrics.progress import year_due
from pilots.models import Adoption, FollowUp, Pilot, Practice

DAYS_BEFORE, DAYS_AFTER = (30, 7, 1), (1, 7, 30)
NEWS_DAYS = 30
"""Days for which something that happened is news: what is older is on the pages, and in no mail."""
PROVINCE_DAYS = 7
"""Working days after the due date from which the province's editors hear of what its owner has not done."""
UNREACHED = "unreached"
"""Block of what reaches a user because nobody before in line has an address that works."""

Rung = tuple[str, date]
"""A step: its code, and the day for which it is planned."""


@dataclass(frozen=True)
class Escalation:
    """Who hears next of something that stays open, and on which day."""

    to_ministry: bool
    on: date


@dataclass(frozen=True)
class Entry:
    """One line of a digest, and the steps that it tells of. `subjects` go from the record to what it belongs to."""

    block: str
    item: Any
    thing: str
    steps: Sequence[Rung]
    subjects: Sequence[Subject]
    next: Escalation | None = None


def pilot_subjects(pilot: Pilot) -> list[Subject]:
    return [(FollowedKind.PILOT, pilot.pk), (FollowedKind.PROVINCE, pilot.province_id)]


def follow_up_subjects(follow_up: FollowUp) -> list[Subject]:
    """Return the follow-up, what it is about, and its province."""
    found = [
        (FollowedKind.FOLLOW_UP, follow_up.pk),
        (FollowedKind.PILOT, follow_up.pilot_id),
        (FollowedKind.POLICY, follow_up.policy_id),
        (FollowedKind.PRACTICE, follow_up.practice_id),
        (FollowedKind.PROVINCE, follow_up.province_id),
    ]
    return [(kind, key) for kind, key in found if key]


def practice_subjects(practice: Practice) -> list[Subject]:
    own = [(FollowedKind.PROVINCE, practice.province_id)] if practice.province_id else []
    return [(FollowedKind.PRACTICE, practice.pk), *own]


# -- days of steps -----------------------------------------------------------------------------------------


def rungs(due_on: date, day: date) -> list[Rung]:
    """Return the steps of a due date that should have been taken by a day: those before it until it has passed, then
    those after it.
    """
    if due_on >= day:
        steps = [(f"before{n}", due_on - timedelta(n)) for n in DAYS_BEFORE]
    else:
        steps = [(f"after{n}", due_on + timedelta(n)) for n in DAYS_AFTER]
    return [step for step in steps if step[1] <= day]


def waiting_rungs(code: str, since: date, day: date) -> list[Rung]:
    """Return the steps of something that waits since a day: from the next one on, and 7 and 30 days later."""
    if since >= day:
        return []
    steps = [(code, since), *((f"{code}-after{n}", since + timedelta(n)) for n in DAYS_AFTER[1:])]
    return [step for step in steps if step[1] <= day]


def is_news(on: date, day: date) -> bool:
    """Whether something that happened on a day is news on another, later one."""
    return day - timedelta(NEWS_DAYS) <= on < day


# -- by role -----------------------------------------------------------------------------------------------


class RoleSteps:
    """The steps of the lists of "My work" of one user."""

    def __init__(self, person: Person, work: OpenWork, directory: Directory) -> None:
        self.person, self.work, self.directory = person, work, directory
        self.day = work.as_of

    def entries(self, lists: Sequence[WorkList]) -> list[Entry]:
        """Return the entries of the user's lists with steps to tell of, and those for which nobody else is reached."""
        found = [entry for listed in lists for item in listed.items if (entry := self.entry(listed.slug, item))]
        return [*found, *self.unreached()]

    def entry(self, slug: str, item: Any) -> Entry | None:
        """Return the entry of an item of a list; None without a step."""
        make: Callable[[Any], Entry] = self.BUILDERS[slug].__get__(self)
        entry = make(item)
        entry = Entry(slug, entry.item, entry.thing, entry.steps, entry.subjects, entry.next)
        return entry if entry.steps else None

    def milestone(self, row: PilotMilestone) -> Entry:
        milestone, pilot = row.item.milestone, row.status.pilot
        first = self.directory.first_line(pilot.province_id)
        ministry_on = self.work.calendar.add(milestone.planned_on, MINISTRY_DAYS)
        steps = rungs(milestone.planned_on, self.day) if self.person.key in first else []
        if self.person.is_ministry and ministry_on <= self.day:
            steps = [*steps, ("ministry", ministry_on)]
        after = Escalation(True, ministry_on) if ministry_on > self.day and self.person.province else None
        return Entry("", row, f"milestone:{milestone.pk}", steps, pilot_subjects(pilot), after)

    def follow_up(self, status: FollowUpStatus) -> Entry:
        """Return the entry of a follow-up: for its verifier once it is reported, else for who is to act on it."""
        row = status.follow_up
        thing, subjects = f"follow_up:{row.pk}", follow_up_subjects(row)
        if status.state == FollowUpState.REPORTED:
            steps = waiting_rungs("verify", status.newest.taken_on, self.day)
            return Entry("", status, thing, steps, subjects)
        province_on, ministry_on = (self.work.calendar.add(status.due_on, n) for n in (PROVINCE_DAYS, MINISTRY_DAYS))
        if self.person.key in self.directory.first_line(row.province_id, row):
            code = {Move.RETURN: "returned"}.get(Move(status.newest.move), "assigned")
            news = [(code, status.newest.taken_on)] if status.newest.taken_on < self.day else []
            news = news if code == "returned" or status.state == FollowUpState.OPENED else []
            steps = [*news, *rungs(status.due_on, self.day)]
        elif self.person.province:
            steps = [("province", province_on)] if province_on <= self.day else []
        else:
            steps = []
        if self.person.is_ministry and ministry_on <= self.day:
            steps = [*steps, ("ministry", ministry_on)]
        return Entry("", status, thing, steps, subjects, self.next_of(row, province_on, ministry_on))

    def next_of(self, row: FollowUp, province_on: date, ministry_on: date) -> Escalation | None:
        """Return who hears of a follow-up next; None for the ministry, which is last."""
        if self.person.is_ministry:
            return None
        if self.person.key == row.owner_user_id and province_on > self.day:
            return Escalation(False, province_on)
        return Escalation(True, ministry_on) if ministry_on > self.day else None

    def red(self, status: PilotStatus) -> Entry:
        since = status.since
        steps = [("red", since)] if since and is_news(since, self.day) else []
        return Entry("", status, f"pilot:{status.pilot.pk}", steps, pilot_subjects(status.pilot))

    def missing(self, status: PilotStatus) -> Entry:
        """Return the entry of the values of a year that were due on 31 March."""
        year, pilot = year_due(self.day), status.pilot
        mine = self.person.key in self.directory.first_line(pilot.province_id)
        steps = rungs(date(year + 1, 3, 31), self.day) if mine else []
        return Entry("", status, f"values:{pilot.pk}:{year}", steps, pilot_subjects(pilot))

    def practice(self, practice: Practice) -> Entry:
        proposed = is_proposed(practice)
        since, code = (practice.proposed_on, "pass") if proposed else (practice.passed_on, "take-in")
        steps = waiting_rungs(code, since, self.day) if since else []
        return Entry("", practice, f"practice:{practice.pk}", steps, practice_subjects(practice))

    def copy(self, adoption: Adoption) -> Entry:
        steps = waiting_rungs("confirm", adoption.planned_on, self.day)
        subjects = [(FollowedKind.PRACTICE, adoption.practice_id), (FollowedKind.PROVINCE, adoption.province_id)]
        return Entry("", adoption, f"adoption:{adoption.pk}", steps, subjects)

    def reported(self, values: ReportedValues) -> Entry:
        steps = waiting_rungs("review", values.first_on, self.day)
        return Entry("", values, f"values:{values.pilot.pk}", steps, pilot_subjects(values.pilot))

    BUILDERS: Mapping[str, Any] = {
        **dict.fromkeys(("verify", "late", "returned", "overdue", "to-sign", "to-report", "follow-ups"), follow_up),
        "practices": practice,
        "take-in": practice,
        "copies": copy,
        "review": reported,
        "missing": missing,
        "red": red,
        "due": milestone,
    }
    """By list, what makes an entry of its items."""

    def unreached(self) -> list[Entry]:
        """Return what reaches the user only because nobody before in line can be reached by mail."""
        person = self.person
        if person.province or person.key not in self.directory.ministry | self.directory.administrators:
            return []
        found = [(row, row.status.pilot.province_id, None) for row in self.work.milestones_due]
        follow_ups = [i for i in self.work.open_follow_ups if i.state != FollowUpState.REPORTED]
        rows: list[tuple[Any, int | None, FollowUp | None]] = [
            *found,
            *((item, item.follow_up.province_id, item.follow_up) for item in follow_ups),
        ]
        entries = []
        for item, province, follow_up in rows:
            owned = follow_up is not None and follow_up.owner_user_id == person.key
            if not owned and person.key in self.directory.first_line(province, follow_up):
                entry = self.entry("overdue" if follow_up else "due", item)
                if entry:
                    entries.append(Entry(UNREACHED, item, entry.thing, entry.steps, entry.subjects))
        return entries


def may_act(person: Person, follow_up: FollowUp) -> bool:
    """Whether a user who is named in a follow-up may still act on it."""
    return has_object_permission(person.user, "change", follow_up)
