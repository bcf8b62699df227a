"""The steps that should have been taken by a day, for one user: what the user is to be told of, each once.

They are computed from what is open on the day, so what was done meanwhile is in none. A step of something that happened
on a day belongs to the next day, so that the digest of a morning is about whole days.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from dashboard.analytics.open_work import (
    MINISTRY_DAYS,
    OpenWork,
    PilotMilestone,
    PilotReplan,
    ReportedValues,
    WorkList,
    is_proposed,
)
from dashboard.reminders.people import Person
from pilots.analytics.pilot_status import PilotStatus
from pilots.follow_ups.analytics import FollowUpStatus
from pilots.metrics.follow_up_states import FollowUpState, Move
from pilots.metrics.progress import year_due
from pilots.models import Adoption, Practice

DAYS_BEFORE, DAYS_AFTER = (30, 7, 1), (1, 7, 30)
NEWS_DAYS = 30
"""Days for which something that happened is news: what is older is on the pages, and in no mail."""

Rung = tuple[str, date]
"""A step: its code, and the day for which it is planned."""


@dataclass(frozen=True)
class Entry:
    """One line of a digest, and the steps that it tells of."""

    block: str
    item: Any
    thing: str
    steps: Sequence[Rung]


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

    def __init__(self, person: Person, work: OpenWork) -> None:
        self.person, self.work = person, work
        self.day = work.as_of

    def entries(self, lists: Sequence[WorkList]) -> list[Entry]:
        """Return the entries of the user's lists with steps to tell of."""
        found = []
        for listed in lists:
            make: Callable[[Any], tuple[str, list[Rung]]] = self.BUILDERS[listed.slug].__get__(self)
            found += [Entry(listed.slug, item, *make(item)) for item in listed.items]
        return [entry for entry in found if entry.steps]

    def milestone(self, row: PilotMilestone) -> tuple[str, list[Rung]]:
        steps = self.due_steps(row.item.planned_on, acts=bool(self.person.province))
        return f"milestone:{row.item.milestone.pk}", steps

    def follow_up(self, status: FollowUpStatus) -> tuple[str, list[Rung]]:
        """Return the steps of a follow-up: for its verifier once it is reported, else for who is to act on it."""
        row, newest = status.follow_up, status.newest
        thing = f"follow_up:{row.pk}"
        if status.state == FollowUpState.REPORTED:
            return thing, waiting_rungs("verify", newest.taken_on, self.day)
        acts = bool(self.person.province) or row.owner_user_id == self.person.key
        steps = self.due_steps(status.due_on, acts=acts)
        if acts and newest.taken_on < self.day:
            returned = Move(newest.move) == Move.RETURN
            if returned or status.state == FollowUpState.OPENED:
                steps = [("returned" if returned else "assigned", newest.taken_on), *steps]
        return thing, steps

    def due_steps(self, due_on: date, *, acts: bool) -> list[Rung]:
        """Return the steps of a due date: all for who is to act, for the ministry that it stayed open for long."""
        if acts:
            return rungs(due_on, self.day)
        late_on = self.work.calendar.add(due_on, MINISTRY_DAYS)
        return [("ministry", late_on)] if late_on <= self.day else []

    def red(self, status: PilotStatus) -> tuple[str, list[Rung]]:
        since = status.since
        return f"pilot:{status.pilot.pk}", [("red", since)] if since and is_news(since, self.day) else []

    def missing(self, status: PilotStatus) -> tuple[str, list[Rung]]:
        """Return the steps of the values of a year that were due on 31 March: for the province alone."""
        year = year_due(self.day)
        steps = rungs(date(year + 1, 3, 31), self.day) if self.person.province else []
        return f"values:{status.pilot.pk}:{year}", steps

    def replan(self, row: PilotReplan) -> tuple[str, list[Rung]]:
        """Return the steps of a request that waits for the ministry, or was refused."""
        replan = row.replan
        if replan.decided_on and replan.decided_on <= self.day:
            steps = [("refused", replan.decided_on)] if is_news(replan.decided_on, self.day) else []
        else:
            steps = waiting_rungs("decide", replan.asked_on, self.day)
        return f"replan:{replan.pk}", steps

    def practice(self, practice: Practice) -> tuple[str, list[Rung]]:
        proposed = is_proposed(practice)
        since, code = (practice.proposed_on, "pass") if proposed else (practice.passed_on, "take-in")
        return f"practice:{practice.pk}", waiting_rungs(code, since, self.day) if since else []

    def copy(self, adoption: Adoption) -> tuple[str, list[Rung]]:
        return f"adoption:{adoption.pk}", waiting_rungs("confirm", adoption.planned_on, self.day)

    def reported(self, values: ReportedValues) -> tuple[str, list[Rung]]:
        return f"values:{values.pilot.pk}", waiting_rungs("review", values.first_on, self.day)

    BUILDERS: Mapping[str, Any] = {
        **dict.fromkeys(("verify", "late", "returned", "overdue", "to-sign", "to-report", "follow-ups"), follow_up),
        **dict.fromkeys(("replans", "replans-refused"), replan),
        "practices": practice,
        "take-in": practice,
        "copies": copy,
        "review": reported,
        "missing": missing,
        "red": red,
        "due": milestone,
    }
    """By list, what gives the record and the steps of its items."""
