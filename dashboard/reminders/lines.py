"""The lines of a digest: each entry as a sentence in the active language, and the address that it leads to."""

from __future__ import annotations

from datetime import date
from functools import singledispatch
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.text.formatting import join_clauses, label_value
from dashboard.analytics.open_work import PilotMilestone, PilotReplan, ReportedValues
from dashboard.reminders.steps import Entry
from pilots.analytics.explanations import main_explanation, request_text
from pilots.analytics.pilot_status import PilotStatus
from pilots.follow_ups.analytics import FollowUpStatus
from pilots.metrics.follow_up_states import FollowUpState, Move
from pilots.models import Adoption, Practice
from policies.charts.rollout import format_day

Line = tuple[str, str]
"""Text of a line, and the path that it leads to."""


def line_of(entry: Entry, day: date) -> Line:
    """Return the line of an entry."""
    if entry.thing.startswith("values:") and isinstance(entry.item, PilotStatus):
        return entry.item.pilot.name, reverse("admin:pilots_pilot_readings", args=[entry.item.pilot.pk])
    return describe(entry.item, day)


def due_text(due_on: date, day: date) -> str:
    """Return when it is due, and how far away that is."""
    if due_on == day:
        return _("due today")
    if due_on > day:
        n = (due_on - day).days
        text = ngettext("due %(day)s, in %(n)d day", "due %(day)s, in %(n)d days", n)
    else:
        n = (day - due_on).days
        text = ngettext("due %(day)s, %(n)d day late", "due %(day)s, %(n)d days late", n)
    return text % {"day": format_day(due_on), "n": n}


def of_whom(name: object, whose: object) -> str:
    return _("%(name)s (%(whose)s)") % {"name": name, "whose": whose}


@singledispatch
def describe(item: Any, _day: date) -> Line:
    """Return text and path of what an entry is about."""
    raise TypeError(type(item))


@describe.register
def describe_milestone(row: PilotMilestone, day: date) -> Line:
    milestone = row.item.milestone
    return label_value(of_whom(milestone.name, row.status.pilot.name), due_text(row.item.planned_on, day)), row.url


@describe.register
def describe_replan(row: PilotReplan, day: date) -> Line:
    return label_value(of_whom(row.record, row.status.pilot.name), request_text(row.record, day)), row.url


@describe.register
def describe_follow_up(status: FollowUpStatus, day: date) -> Line:
    row = status.follow_up
    if status.state == FollowUpState.REPORTED:
        text = _("reported on %(day)s, to be verified") % {"day": format_day(status.newest.taken_on)}
    elif status.newest.move == Move.RETURN:
        note = _("returned on %(day)s") % {"day": format_day(status.newest.taken_on)}
        reason = [status.newest.remark] if status.newest.remark else []
        text = join_clauses([note, *reason, due_text(status.due_on, day)])
    else:
        text = join_clauses([status.state.label, due_text(status.due_on, day)])
    return label_value(follow_up_name(row), text), row.get_absolute_url()


def follow_up_name(row: Any) -> str:
    return of_whom(row, row.subject.name if row.subject else "")


@describe.register
def describe_red(status: PilotStatus, _day: date) -> Line:
    reason = main_explanation(status)
    if status.since:
        since = _("red since %(day)s") % {"day": format_day(status.since)}
        reason = join_clauses([since, reason])
    return label_value(status.pilot.name, reason), status.pilot.get_absolute_url()


@describe.register
def describe_practice(practice: Practice, _day: date) -> Line:
    text = _("proposed on %(day)s") % {"day": format_day(practice.proposed_on)}
    return label_value(practice.name, text), practice.get_absolute_url()


@describe.register
def describe_copy(adoption: Adoption, _day: date) -> Line:
    text = _("copy planned since %(day)s") % {"day": format_day(adoption.planned_on)}
    name = of_whom(adoption.practice.name, adoption.adopter_name)
    return label_value(name, text), adoption.get_absolute_url()


@describe.register
def describe_reported(values: ReportedValues, _day: date) -> Line:
    text = ngettext("%(n)d value, reported on %(day)s", "%(n)d values, the first reported on %(day)s", values.values)
    path = f"{reverse('admin:pilots_reading_changelist')}?state__exact=reported&pilot__id__exact={values.pilot.pk}"
    return label_value(values.pilot.name, text % {"n": values.values, "day": format_day(values.first_on)}), path
