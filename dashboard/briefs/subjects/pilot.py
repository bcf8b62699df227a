"""Brief of a pilot: its light with the reasons, stage, milestones and targets."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from django.utils.translation import gettext as _

from core.text.formatting import format_date, format_days, format_number, join_clauses, no_data
from dashboard.briefs.blocks import Block, Days, fact, facts, line, lines
from dashboard.briefs.parts.changes import changes_block, replanned_text, value_changes, values_text
from dashboard.briefs.parts.facts import cite, share_fact
from dashboard.briefs.parts.lights import LightsOfTwoDays, light_text, lights_table
from dashboard.briefs.parts.questions import about_overdue, about_reports, about_unattended, questions_block
from dashboard.briefs.parts.reds import RedLight, red_detail
from pilots.analytics.explanations import computed_explanations, main_explanation
from pilots.analytics.outstanding import build_outstanding_reports
from pilots.analytics.pilot_status import (
    PilotStatus,
    build_progress,
    indicator_status,
    latest_yearly_readings,
    milestone_status,
    overdue_stages,
)
from pilots.analytics.synergy import classes_of
from pilots.charts.cells import class_text
from pilots.charts.follow_ups import RELATED
from pilots.charts.stages import stage_label, time_in_stage
from pilots.follow_ups.analytics import FollowUpStatus, build_follow_ups
from pilots.lights import Colour, ReasonSubject
from pilots.metrics.reconciliation import term_days_left
from pilots.models import FollowUp, Indicator, Milestone, Pilot, Reading
from pilots.tables import sources_of


def pilot_content(slug: str, days: Days) -> dict[str, Any]:
    """Return the content of a pilot's brief. Raises Pilot.DoesNotExist."""
    pilot = Pilot.objects.known(days.as_of).get(slug=slug)
    progress = build_progress(Pilot.objects.filter(pk=pilot.pk), days.as_of)
    status = progress.pilots[0]
    follow_ups = build_follow_ups(pilot.follow_ups.known(days.as_of).select_related(*RELATED), days.as_of)
    lights, items = item_lights(status, days), behind_items(status, follow_ups)
    values = value_changes(Reading.objects.filter(pilot=pilot), days)
    blocks: list[Block] = [
        changes_block(
            days,
            [values_text(values.entered)],
            [values_text(values.corrected), replanned_text([status], days)],
            lights,
        )
    ]
    if not pilot.withdrawn_by(days.as_of):
        tables = [lights_table(lights, _("Targets and milestones"))] if lights.now else []
        blocks = [*tables, facts(*pilot_facts(status)), *blocks]
        blocks.append(behind_block(items, lights))
        blocks.append(
            questions_block(
                about_overdue(follow_ups),
                about_unattended(red for colour, red in items if colour == Colour.RED),
                about_reports(build_outstanding_reports(progress)),
                about_plan(status),
            )
        )
    why = [main_explanation(status), *map(class_text, classes_of([status], days.as_of).values())]
    place = [status.pilot.get_kind_display().capitalize(), status.pilot.province.name, status.pilot.batch.label]
    return {
        "title": status.pilot.name,
        "subtitle": " · ".join(place),
        "headline": "",
        "light": {
            "status": status.colour.value,
            "label": light_text(status.colour),
            "reason": join_clauses(why),
        },
        "blocks": blocks,
        "sources": cite(pilot.sources.all(), sources_of([pilot.pk])),
    }


def item_lights(status: PilotStatus, days: Days) -> LightsOfTwoDays:
    """Return the lights of the pilot's targets, milestones and overdue stages on both days. No query.

    A stage that was overdue and is not any more has been answered, so it is green, unless another day was accepted; one
    that was not yet is grey.
    """
    now: dict[Hashable, Colour] = {}
    then: dict[Hashable, Colour] = {}
    names: dict[Hashable, str] = {}
    values = latest_yearly_readings(status.pilot, days.since)
    for item in status.indicators:
        key = (ReasonSubject.INDICATOR, item.target.pk)
        now[key], names[key] = item.light.colour, item.target.indicator.name
        then[key] = indicator_status(item.target, values, days.since).light.colour
    for entry in status.milestones:
        key = (ReasonSubject.MILESTONE, entry.milestone.pk)
        now[key], names[key] = entry.light.colour, entry.milestone.name
        then[key] = milestone_status(entry.milestone, days.since).light.colour
    overdue_now, overdue_then = status.overdue_stages, overdue_stages(status.pilot, days.since)
    for late in [*overdue_then, *overdue_now]:
        key = (ReasonSubject.STAGE, late.entry.pk)
        ahead = (late.entry.planned_by(status.as_of) or status.as_of) >= status.as_of
        now[key], then[key] = Colour.GREY if ahead else Colour.GREEN, Colour.GREY
        names[key] = late.entry.get_stage_display()
    now.update({(ReasonSubject.STAGE, late.entry.pk): late.light.colour for late in overdue_now})
    then.update({(ReasonSubject.STAGE, late.entry.pk): late.light.colour for late in overdue_then})
    return LightsOfTwoDays(days, now, then, names)


# -- facts -------------------------------------------------------------------------------------------------


def pilot_facts(status: PilotStatus) -> list[dict[str, str]]:
    """Return the stage, the milestones, the targets and the term, as on the page of the pilot."""
    counts, left = status.counts, term_days_left(status.pilot.ends_on, status.as_of)
    rated = [item for item in status.indicators if item.light.colour != Colour.GREY]
    green = sum(item.light.colour == Colour.GREEN for item in rated)
    milestones, targets = _("Milestones done"), _("Indicators on schedule")
    return [
        stage_fact(status),
        share_fact(milestones, counts.due - counts.late, counts.due, _("of %(n)s due"), all_text(counts.total))
        if counts.total
        else fact(milestones, no_data(), "", _("none recorded")),
        share_fact(targets, green, len(rated), _("of %(n)s rated"), all_text(len(status.indicators)))
        if rated
        else fact(
            targets, no_data(), "", all_text(len(status.indicators)) if status.indicators else _("no target recorded")
        ),
        fact(
            _("Days of the term left"),
            format_number(max(0, left)) if left is not None else no_data(),
            "",
            _("to %(day)s") % {"day": format_date(status.pilot.ends_on)}
            if status.pilot.ends_on
            else _("term not known"),
        ),
    ]


def all_text(n: int) -> str:
    return _("%(n)d in all") % {"n": n}


def stage_fact(status: PilotStatus) -> dict[str, str]:
    stage, since = stage_label(status), status.current_stage.since if status.current_stage else None
    note = " · ".join(filter(None, [stage, _("since %(day)s") % {"day": format_date(since)} if since else ""]))
    return fact(_("Days in stage"), format_number(time_in_stage(status)), "", note or _("no stage on record"))


# -- what is behind ----------------------------------------------------------------------------------------


def behind_items(status: PilotStatus, follow_ups: Sequence[FollowUpStatus]) -> list[tuple[Colour, RedLight]]:
    """Return the targets, milestones and stages that lower the light, worst first, with the follow-ups of each.

    A follow-up of the pilot as a whole stands beside each of them.
    """
    found = []
    for reason, why in zip(status.light.reasons, computed_explanations(status), strict=True):
        if reason.about == ReasonSubject.PILOT:
            continue
        if reason.about == ReasonSubject.STAGE:
            record, name = None, reason.item.entry.get_stage_display()
        else:
            target = reason.about == ReasonSubject.INDICATOR
            record = reason.item.target.indicator if target else reason.item.milestone
            name = record.name
        own = [item for item in follow_ups if item.state.is_open and is_about(item.follow_up, record)]
        red = RedLight(name, why.text, why.owner, None, sorted(own, key=lambda item: (not item.overdue, item.due_on)))
        found.append((reason.counts_as, red))
    return found


def is_about(follow_up: FollowUp, record: Indicator | Milestone | None) -> bool:
    """Return whether a follow-up of a pilot is about its indicator or milestone, or about the pilot as a whole."""
    item = follow_up.cause_indicator or follow_up.cause_milestone
    return item is None or item == record


def behind_block(items: Sequence[tuple[Colour, RedLight]], lights: LightsOfTwoDays) -> Block:
    """Return the block of what is behind, red first."""
    behind = [line(str(colour.label), red.reason, red_detail(red), colour.value) for colour, red in items]
    if not lights.now:
        empty = _("No target and no milestone is recorded.")
    elif lights.is_unrated:
        empty = _("No target and no milestone can be rated yet.")
    else:
        empty = _("No target and no milestone is behind.")
    return lines(_("What is behind"), behind, empty)


def about_plan(status: PilotStatus) -> list[dict[str, str]]:
    """Return a question about the plan of a pilot that has none on record since it was listed."""
    span = status.list_to_plan
    if span is None or span.done:
        return []
    text = _("%(days)s since it was listed, and no plan on record: when will it be issued?")
    return [line(status.pilot.name, text % {"days": format_days(span.days)})]
