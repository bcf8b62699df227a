"""Statements and list of follow-ups on the overview: what is overdue, what waits to be verified, what was cleared."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from core.text.formatting import join_clauses, join_statements
from core.web.tables import Cell, Column, Table, make_table, status_cell
from pilots.charts.follow_ups import agency_cell, follow_up_cell
from pilots.follow_ups.summary import FollowUpSummary
from pilots.metrics.follow_up_states import RELAPSE_DAYS, FollowUpState
from pilots.models import FollowUp


def follow_ups_headline(summary: FollowUpSummary) -> str:
    """Return the statement on follow-ups closed, of all that were opened, and overdue, of the open ones."""
    if not summary.total:
        return _("No follow-up is on record by this day")
    text = ngettext("%(closed)d of %(n)d follow-up closed", "%(closed)d of %(n)d follow-ups closed", summary.total) % {
        "closed": summary.closed,
        "n": summary.total,
    }
    if summary.withdrawn:
        text = join_statements(text, pgettext("follow-ups", "%(n)d withdrawn") % {"n": summary.withdrawn})
    if not summary.open:
        return join_clauses([text, _("none is open")])
    overdue = ngettext(
        "%(overdue)d of %(open)d open one overdue", "%(overdue)d of %(open)d open ones overdue", summary.open
    ) % {"overdue": summary.overdue.n, "open": summary.open}
    waiting = _("%(n)d to be verified") % {"n": summary.to_verify} if summary.to_verify else ""
    return join_clauses([text, join_statements(overdue, waiting)])


def follow_ups_answer(summary: FollowUpSummary) -> str:
    """Return the line on follow-ups: closed of all, overdue of the open ones, and red lights cleared."""
    if not summary.total:
        return _("none on record by this day")
    parts = [_("%(closed)d of %(n)d closed") % {"closed": summary.closed, "n": summary.total}]
    if summary.open:
        overdue = {"overdue": summary.overdue.n, "open": summary.open}
        parts.append(_("%(overdue)d of %(open)d open ones overdue") % overdue)
    if summary.cleared.of:
        cleared = _("red light cleared at %(cleared)d of %(n)d rated when closed")
        parts.append(cleared % {"cleared": summary.cleared.n, "n": summary.cleared.of})
    return join_clauses(parts)


def red_lights_statement(summary: FollowUpSummary) -> str:
    """Return the statement on red lights that were cleared when their follow-ups were closed, and on relapses."""
    red, cleared = summary.red, summary.cleared
    if not red.opened:
        return _("No follow-up was opened for a red light")
    if not red.closed:
        return ngettext(
            "%(n)d follow-up was opened for a red light, none of them is closed yet",
            "%(n)d follow-ups were opened for a red light, none of them is closed yet",
            red.opened,
        ) % {"n": red.opened}
    text = _("Closed after a red light: cleared at %(cleared)d of %(n)d") % {"cleared": cleared.n, "n": cleared.of}
    if red.not_rated:
        unknown = ngettext("%(n)d more not known", "%(n)d more not known", red.not_rated) % {"n": red.not_rated}
        text = _("%(text)s (%(more)s)") % {"text": text, "more": unknown}
    if not red.cleared:
        return text
    relapsed = _("%(relapsed)d of %(n)d relapsed") % {"relapsed": red.relapsed, "n": red.cleared}
    if summary.not_watched_yet:
        early = _("%(n)d not yet watched for %(days)d days") % {"n": summary.not_watched_yet, "days": RELAPSE_DAYS}
        relapsed = _("%(text)s (%(more)s)") % {"text": relapsed, "more": early}
    return join_clauses([text, relapsed])


def waiting_table(follow_ups: Sequence[FollowUp], most: int | None = None) -> Table:
    """Return the table of overdue follow-ups, latest first, and of those to be verified, waiting longest first."""
    overdue = sorted((item for item in follow_ups if item.is_overdue), key=lambda item: (item.current_due_on, item.pk))
    reported = [item for item in follow_ups if item.state == FollowUpState.REPORTED]
    waiting = [*overdue, *sorted(reported, key=lambda item: (item.last_step_on, item.pk))]

    def state(item: FollowUp) -> Cell:
        if item.days_late is None:
            return status_cell(item.current_state)
        text = ngettext("overdue by %(n)d day", "overdue by %(n)d days", item.days_late) % {"n": item.days_late}
        return Cell(text, tag="red")

    columns: list[Column[FollowUp]] = [
        Column("follow_up", _("Follow-up"), follow_up_cell),
        Column("state", _("State"), state),
        Column("owner", _("Responsible"), agency_cell),
        Column("due", _("Due"), "current_due_on", kind="date"),
    ]
    return make_table(columns, waiting[:most], reverse("action-list"))
