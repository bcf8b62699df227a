"""What a user is to be told of by a day, each step once: an entry for each item of the user's lists of "My work".

The steps are computed from what is open on the day, so what was done meanwhile is in none. A step of something that
happened on a day belongs to the next day, so that the digest of a morning is about whole days.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.text.formatting import format_date, join_clauses, label_value
from dashboard.analytics.open_work import (
    MINISTRY_DAYS,
    OpenWork,
    PilotReplan,
    ReportedValues,
    WorkList,
    is_proposed,
)
from dashboard.reminders.people import Person
from pilots.analytics.pilot_status import PilotStatus
from pilots.lights import MilestoneLight, request_text
from pilots.metrics.follow_up_states import FollowUpState, Move
from pilots.metrics.progress import year_due
from pilots.models import Adoption, Practice

DAYS_BEFORE, DAYS_AFTER = (30, 7, 1), (1, 7, 30)
NEWS_DAYS = 30
"""Days for which something that happened is news: what is older is on the pages, and in no mail."""

Step = tuple[str, date]
"""A step: its code, and the day for which it is planned."""


class Entry(NamedTuple):
    """One line of a digest: the record, the steps that it tells of, its text in the active language and its path."""

    thing: str
    steps: Sequence[Step]
    text: str
    path: str
    block: str = ""  # the list that it is of


def entries_of(lists: Sequence[WorkList], person: Person, work: OpenWork) -> list[Entry]:
    """Return an entry for each record on the user's lists that has steps; of one on two lists on the first."""
    found: dict[str, Entry] = {}
    for listed in lists:
        for item in listed.items:
            entry = ENTRIES[listed.slug](item, person, work)
            if entry.steps:
                found.setdefault(entry.thing, entry._replace(block=listed.slug))
    return list(found.values())


# -- days of steps -----------------------------------------------------------------------------------------


def due_steps(due_on: date, work: OpenWork, *, acts: bool) -> list[Step]:
    """Return the steps of a due date that should have been taken by the day: for who is to act those before it until
    it has passed, then those after it; for the ministry that it stayed open for long.
    """
    day = work.as_of
    if not acts:
        steps = [("ministry", work.calendar.add(due_on, MINISTRY_DAYS))]
    elif due_on >= day:
        steps = [(f"before{n}", due_on - timedelta(n)) for n in DAYS_BEFORE]
    else:
        steps = [(f"after{n}", due_on + timedelta(n)) for n in DAYS_AFTER]
    return [step for step in steps if step[1] <= day]


def waiting_steps(code: str, since: date | None, day: date) -> list[Step]:
    """Return the steps of something that waits since a day: from the next one on, and 7 and 30 days later."""
    if since is None or since >= day:
        return []
    steps = [(code, since), *((f"{code}-after{n}", since + timedelta(n)) for n in DAYS_AFTER[1:])]
    return [step for step in steps if step[1] <= day]


def news_steps(code: str, on: date | None, day: date) -> list[Step]:
    """Return the step of something that happened on a day, while it is news."""
    return [(code, on)] if on and day - timedelta(NEWS_DAYS) <= on < day else []


# -- texts -------------------------------------------------------------------------------------------------


def due_text(due_on: date, day: date) -> str:
    """Return when it is due, and how far away that is."""
    if due_on == day:
        return _("due today")
    n = abs((due_on - day).days)
    if due_on > day:
        text = ngettext("due %(day)s, in %(n)d day", "due %(day)s, in %(n)d days", n)
    else:
        text = ngettext("due %(day)s, %(n)d day late", "due %(day)s, %(n)d days late", n)
    return text % {"day": format_date(due_on), "n": n}


def of_whom(name: object, whose: object) -> str:
    return _("%(name)s (%(whose)s)") % {"name": name, "whose": whose}


# -- by list -----------------------------------------------------------------------------------------------


def milestone_entry(row: MilestoneLight, person: Person, work: OpenWork) -> Entry:
    milestone, due_on = row.record, row.planned_on
    steps = due_steps(due_on, work, acts=bool(person.province))
    text = label_value(of_whom(milestone.name, row.status.pilot.name), due_text(due_on, work.as_of))
    return Entry(f"milestone:{milestone.pk}", steps, text, row.url)


def follow_up_entry(row: Any, person: Person, work: OpenWork) -> Entry:
    """Return the entry of a follow-up: for its verifier once it is reported, else for who is to act on it."""
    day, since, due = work.as_of, row.last_step_on, due_text(row.current_due_on, work.as_of)
    if row.state == FollowUpState.REPORTED:
        steps, text = waiting_steps("verify", since, day), _("reported on %(day)s, to be verified")
        text %= {"day": format_date(since)}
    else:
        returned = row.last_move == Move.RETURN
        acts = bool(person.province) or row.owner_user_id == person.key
        steps, text = due_steps(row.current_due_on, work, acts=acts), join_clauses([row.current_state.label, due])
        if acts and since < day and (returned or row.state == FollowUpState.OPENED):
            steps = [("returned" if returned else "assigned", since), *steps]
        if returned and steps:
            note, newest = _("returned on %(day)s") % {"day": format_date(since)}, row.steps.get(seq=row.last_seq)
            text = join_clauses(filter(None, [note, newest.remark, due]))
    text = label_value(of_whom(row, row.subject.name if row.subject else ""), text)
    return Entry(f"follow_up:{row.pk}", steps, text, row.get_absolute_url())


def replan_entry(row: PilotReplan, _person: Person, work: OpenWork) -> Entry:
    """Return the entry of a request that waits for the ministry, or was refused."""
    replan, day = row.replan, work.as_of
    if replan.decided_on and replan.decided_on <= day:
        steps = news_steps("refused", replan.decided_on, day)
    else:
        steps = waiting_steps("decide", replan.asked_on, day)
    text = label_value(of_whom(row.record, row.status.pilot.name), request_text(row.record, day))
    return Entry(f"replan:{replan.pk}", steps, text, row.url)


def red_entry(status: PilotStatus, _person: Person, work: OpenWork) -> Entry:
    reason, pilot = status.sentence, status.pilot
    if status.since:
        reason = join_clauses([_("red since %(day)s") % {"day": format_date(status.since)}, reason])
    steps = news_steps("red", status.since, work.as_of)
    return Entry(f"pilot:{pilot.pk}", steps, label_value(pilot.name, reason), pilot.get_absolute_url())


def missing_entry(status: PilotStatus, person: Person, work: OpenWork) -> Entry:
    """Return the entry of the values of a year that were due on 31 March: with steps for the province alone."""
    pilot, year = status.pilot, year_due(work.as_of)
    steps = due_steps(date(year + 1, 3, 31), work, acts=True) if person.province else []
    path = reverse("readings-enter", args=[pilot.slug])
    return Entry(f"values:{pilot.pk}:{year}", steps, pilot.name, path)


def reported_entry(values: ReportedValues, _person: Person, work: OpenWork) -> Entry:
    pilot, n = values.pilot, values.values
    text = ngettext("%(n)d value, reported on %(day)s", "%(n)d values, the first reported on %(day)s", n)
    text = label_value(pilot.name, text % {"n": n, "day": format_date(values.first_on)})
    path = f"{reverse('readings-judge')}?pilot={pilot.slug}"
    return Entry(f"values:{pilot.pk}", waiting_steps("review", values.first_on, work.as_of), text, path)


def practice_entry(practice: Practice, _person: Person, work: OpenWork) -> Entry:
    code, since = ("pass", practice.proposed_on) if is_proposed(practice) else ("take-in", practice.passed_on)
    text = label_value(practice.name, _("proposed on %(day)s") % {"day": format_date(practice.proposed_on)})
    return Entry(f"practice:{practice.pk}", waiting_steps(code, since, work.as_of), text, practice.get_absolute_url())


def copy_entry(adoption: Adoption, _person: Person, work: OpenWork) -> Entry:
    text = _("copy planned since %(day)s") % {"day": format_date(adoption.planned_on)}
    text = label_value(of_whom(adoption.practice.name, adoption.adopter_name), text)
    steps = waiting_steps("confirm", adoption.planned_on, work.as_of)
    return Entry(f"adoption:{adoption.pk}", steps, text, adoption.get_absolute_url())


ENTRIES: Mapping[str, Callable[[Any, Person, OpenWork], Entry]] = {
    **dict.fromkeys(("verify", "late", "returned", "overdue", "to-sign", "to-report", "follow-ups"), follow_up_entry),
    **dict.fromkeys(("replans", "replans-refused"), replan_entry),
    **dict.fromkeys(("practices", "take-in"), practice_entry),
    "copies": copy_entry,
    "review": reported_entry,
    "missing": missing_entry,
    "red": red_entry,
    "due": milestone_entry,
}
