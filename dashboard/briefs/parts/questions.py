"""What to ask: questions that follow by rule from the records. Each names the record that it is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.text.formatting import format_date, format_days
from dashboard.briefs.blocks import Block, line, lines
from dashboard.briefs.parts.changes import names_text
from dashboard.briefs.parts.reds import RedLight
from pilots.analytics.outstanding import OutstandingReports, ReportState
from pilots.analytics.reconciliation import BatchCount
from pilots.charts.cells import distinct_pilot_names
from pilots.follow_ups.analytics import FollowUpStatus
from pilots.follow_ups.status_filter import by_lateness
from pilots.models import FollowUp
from policies.analytics.rollout import Rollout
from policies.models import PlanStatus

MAX_QUESTIONS = 3
MAX_NAMED = 3
Line = dict[str, str]


def questions_block(*rules: Sequence[Line]) -> Block:
    """Return the block of up to three questions: the first of each rule in order, then the second of each."""
    asked = [question for question in chain.from_iterable(zip_longest(*rules)) if question is not None]
    return lines(_("What to ask"), asked[:MAX_QUESTIONS], _("No question follows from the records."))


def about_overdue(statuses: Iterable[FollowUpStatus]) -> list[Line]:
    """Return a question about each overdue follow-up, latest first."""
    return [
        line(
            str(status.follow_up),
            _("Overdue by %(days)s: what is still missing, and by when is it done?")
            % {"days": format_days(status.days_late)},
            " · ".join(filter(None, [subject_name(status.follow_up), status.follow_up.owner_agency.name])),
        )
        for status in by_lateness(statuses)
        if status.overdue
    ]


def subject_name(follow_up: FollowUp) -> str:
    """Return the name of the pilot, province, policy or practice that a follow-up is about."""
    subject: Any = follow_up.subject
    return subject.name if subject else ""


def about_unattended(reds: Iterable[RedLight]) -> list[Line]:
    """Return a question about each red light without an open follow-up, longest red first."""
    return [
        line(
            red.name,
            _("Red since %(day)s, and no follow-up is open: who acts, and by when?") % {"day": format_date(red.since)}
            if red.since
            else _("Red, and no follow-up is open: who acts, and by when?"),
            red.owner,
        )
        for red in reds
        if not red.follow_ups
    ]


def about_reports(found: OutstandingReports) -> list[Line]:
    """Return a question about the pilots without an accepted value for the year due, by where values are held up."""
    names = distinct_pilot_names(status.pilot for _place, status in found.pilots)
    text = _("No accepted value for %(year)d, due on %(due)s: %(state)s. When will there be one?")
    values = {"year": found.year, "due": format_date(found.due_on)}
    return [
        line(
            names_text([names[status.pilot.pk] for status in statuses], MAX_NAMED),
            text % {**values, "state": ReportState(place).label},
        )
        for place, statuses in found.by_place.items()
        if statuses
    ]


def about_plans(rollout: Rollout | None) -> list[Line]:
    """Return one question for each status other than issued or not required, about the provinces that have it."""
    if rollout is None or rollout.issued is None:
        return []
    asked = []
    texts = {
        PlanStatus.DRAFTING: _("The plan for “%(policy)s” is being drafted: when will it be issued?"),
        PlanStatus.NOT_FOUND: _("No plan for “%(policy)s” was found: is there one?"),
        PlanStatus.UNKNOWN: _("It is not on record whether a plan for “%(policy)s” is issued: is there one?"),
    }
    for status, text in texts.items():
        names = [row.province.short for row in rollout.provinces if row.status == status]
        if names:
            asked.append(line(names_text(names, MAX_NAMED), text % {"policy": rollout.policy.short}))
    return asked


def about_missing_pilots(counts: Iterable[BatchCount]) -> list[Line]:
    """Return a question about each batch of which announced pilots are not entered."""
    asked = []
    for count in counts:
        missing = count.total.to_enter or 0
        if missing:
            text = ngettext(
                "%(n)d of %(all)d announced pilots is not entered: which is it?",
                "%(n)d of %(all)d announced pilots are not entered: which are they?",
                missing,
            )
            asked.append(line(count.batch.label, text % {"n": missing, "all": count.total.announced}))
    return asked
