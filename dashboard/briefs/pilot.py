"""Brief of a pilot: its light with the reasons, stage, milestones and targets."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from core.text.formatting import format_date, format_days, format_number, join_clauses, no_data
from dashboard.briefs.blocks import Block, Days, Line, fact, facts, line, lines
from dashboard.briefs.parts import (
    Lights,
    about_overdue,
    about_reports,
    about_unattended,
    by_urgency,
    changes_block,
    light_text,
    questions_block,
    red_detail,
    replanned_text,
    share_fact,
    values_changed,
)
from pilots.analytics.pilot_status import OutstandingReports, PilotStatus, build_progress, pilot_status
from pilots.analytics.reconciliation import term_days_left
from pilots.analytics.synergy import classes_of
from pilots.charts.cells import class_text
from pilots.charts.follow_ups import RELATED
from pilots.charts.stages import stage_label, time_in_stage
from pilots.lights import Colour, StageLight, TargetLight
from pilots.models import FollowUp, Pilot, Reading
from pilots.tables import sources_of


def pilot_content(slug: str, days: Days) -> dict[str, Any]:
    """Return the content of a pilot's brief. Raises Pilot.DoesNotExist."""
    pilot = Pilot.objects.known(days.as_of).get(slug=slug)
    progress = build_progress(Pilot.objects.filter(pk=pilot.pk), days.as_of)
    status, lights = progress.pilots[0], item_lights(progress.pilots[0], days)
    entered, corrected = values_changed(Reading.objects.filter(pilot=pilot), days)
    blocks = [changes_block(days, [entered], [corrected, replanned_text([status], days)], lights)]
    if not pilot.withdrawn_by(days.as_of):
        follow_ups = list(pilot.follow_ups.with_state(days.as_of).select_related(*RELATED))
        behind, unattended = behind_lines(status, follow_ups)
        if not lights.items:
            empty = _("No target and no milestone is recorded.")
        elif lights.is_unrated:
            empty = _("No target and no milestone can be rated yet.")
        else:
            empty = _("No target and no milestone is behind.")
        no_plan, span = [], status.list_to_plan
        if span and not span.done:
            text = _("%(days)s since it was listed, and no plan on record: when will it be issued?")
            no_plan = [line(status.pilot.name, text % {"days": format_days(span.days)})]
        about = [about_overdue(follow_ups), unattended, about_reports(OutstandingReports(progress)), no_plan]
        tables = [] if lights.is_unrated else [lights.table(_("Targets and milestones"))]
        blocks = [*tables, facts_block(status), *blocks, lines(_("What is behind"), behind, empty)]
        blocks.append(questions_block(*about))
    why = [status.sentence, *map(class_text, classes_of([status], days.as_of).values())]
    place = [status.pilot.get_kind_display().capitalize(), status.pilot.province.name, status.pilot.batch.label]
    return {
        "title": status.pilot.name,
        "subtitle": " · ".join(place),
        "headline": "",
        "light": {"status": status.colour.value, "label": light_text(status.colour), "reason": join_clauses(why)},
        "blocks": blocks,
        "sources": [*pilot.sources.all(), *sources_of([pilot.pk])],
    }


def item_lights(status: PilotStatus, days: Days) -> Lights:
    """Return the lights of the pilot's targets, milestones and overdue stages on both days. No query.

    A stage that was overdue and is not any more has been answered, so it is green, unless another day was accepted; one
    that was not yet is grey.
    """
    before = pilot_status(status.pilot, days.since)
    found = []
    for then, now in zip(before.indicators, status.indicators, strict=True):
        found.append((now.record.indicator.name, then.colour, now.colour))
    for earlier, item in zip(before.milestones, status.milestones, strict=True):
        found.append((item.record.name, earlier.colour, item.colour))
    overdue_then = {late.record.pk: late for late in before.overdue_stages}
    overdue = {late.record.pk: late for late in status.overdue_stages}
    for key, late in {**overdue_then, **overdue}.items():
        answered = (late.record.planned_by(status.as_of) or status.as_of) < status.as_of
        colour = overdue[key].colour if key in overdue else Colour.GREEN if answered else Colour.GREY
        colour_then = overdue_then[key].colour if key in overdue_then else Colour.GREY
        found.append((late.record.get_stage_display(), colour_then, colour))
    return Lights(days, found)


def facts_block(status: PilotStatus) -> Block:
    """Return the stage, the milestones, the targets and the term, as on the page of the pilot."""

    def in_all(n: int) -> str:
        return _("%(n)d in all") % {"n": n}

    stage, since = stage_label(status), status.current_stage.since if status.current_stage else None
    note = " · ".join(filter(None, [stage, _("since %(day)s") % {"day": format_date(since)} if since else ""]))
    found = [fact(_("Days in stage"), format_number(time_in_stage(status)), "", note or _("no stage on record"))]
    counts, label = status.counts, _("Milestones done")
    if counts.total:
        done, note = counts.due - counts.late, in_all(counts.total)
        found.append(share_fact(label, done, counts.due, _("of %(n)s due"), note))
    else:
        found.append(fact(label, no_data(), "", _("none recorded")))
    rated, label = [item for item in status.indicators if item.colour != Colour.GREY], _("Indicators on schedule")
    note = in_all(len(status.indicators)) if status.indicators else _("no target recorded")
    if rated:
        green = sum(item.colour == Colour.GREEN for item in rated)
        found.append(share_fact(label, green, len(rated), _("of %(n)s rated"), note))
    else:
        found.append(fact(label, no_data(), "", note))
    left, end = term_days_left(status.pilot.ends_on, status.as_of), status.pilot.ends_on
    note = _("to %(day)s") % {"day": format_date(end)} if end else _("term not known")
    days = format_number(max(0, left)) if left is not None else no_data()
    return facts(*found, fact(_("Days of the term left"), days, "", note))


def behind_lines(status: PilotStatus, follow_ups: list[FollowUp]) -> tuple[list[Line], list[Line]]:
    """Return a line on each target, milestone and stage that lowers the light, worst first; and a question about each
    red one that has no open follow-up.

    A follow-up of the pilot as a whole is about each of them.
    """
    behind, unattended = [], []
    for reason in status.reasons:
        if reason.record == status.pilot:
            continue
        record = None
        if isinstance(reason, StageLight):
            name = reason.record.get_stage_display()
        else:
            record = reason.record.indicator if isinstance(reason, TargetLight) else reason.record
            name = record.name
        own = []
        for item in follow_ups:
            cause = item.cause_indicator or item.cause_milestone
            if cause is None or cause == record:
                own.append(item)
        own = by_urgency(own)
        colour = reason.effect or reason.colour
        behind.append(line(str(colour.label), reason.text, red_detail(reason.owner, None, own), colour.value))
        if colour == Colour.RED and not own:
            unattended.append(about_unattended(name, reason.owner, None))
    return behind, unattended
