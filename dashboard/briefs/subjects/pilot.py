"""Brief of a pilot: its light with the reasons, stage, milestones and targets."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from django.utils.translation import gettext as _

from core.text.formatting import format_date, format_days, format_number, no_data
from dashboard.briefs.blocks import Block, BriefLight, Fact, Facts, Line, Lines
from dashboard.briefs.parts.changes import changes_block, replanned_text, value_changes, values_text
from dashboard.briefs.parts.content import Content, Days
from dashboard.briefs.parts.facts import share_fact
from dashboard.briefs.parts.lights import LightsOfTwoDays, light_text, lights_table
from dashboard.briefs.parts.questions import about_overdue, about_reports, about_unattended, questions_block
from dashboard.briefs.parts.reds import MAX_REDS, RedLight, red_detail
from dashboard.briefs.parts.sources import cite
from pilots.analytics.explanations import computed_explanations, main_explanation
from pilots.analytics.outstanding import build_outstanding_reports
from pilots.analytics.pilot_status import (
    PilotStatus,
    build_progress,
    indicator_status,
    latest_yearly_readings,
    milestone_status,
)
from pilots.charts.follow_up_tables import RELATED
from pilots.charts.stages import stage_label, time_in_stage
from pilots.follow_ups.analytics import FollowUpStatus, build_follow_ups
from pilots.metrics.lights import Colour, ReasonSubject
from pilots.metrics.reconciliation import term_days_left
from pilots.models import FollowUp, Indicator, Milestone, Pilot, Reading
from pilots.tables import sources_of


def pilot_content(slug: str, days: Days) -> Content:
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
        blocks = [*tables, Facts("", facts(status)), *blocks]
        blocks.append(behind_block(items, lights))
        blocks.append(
            questions_block(
                about_overdue(follow_ups),
                about_unattended(red for colour, red in items if colour == Colour.RED),
                about_reports(build_outstanding_reports(progress)),
                about_plan(status),
            )
        )
    return Content(
        title=status.pilot.name,
        subtitle=" · ".join(
            [status.pilot.get_kind_display().capitalize(), status.pilot.province.name, status.pilot.batch.label]
        ),
        headline="",
        light=BriefLight(status.colour.value, light_text(status.colour), main_explanation(status)),
        blocks=tuple(blocks),
        sources=cite(pilot.sources.all(), sources_of([pilot.pk])),
    )


def item_lights(status: PilotStatus, days: Days) -> LightsOfTwoDays:
    """Return the lights of the pilot's targets and milestones on both days. No query."""
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
    return LightsOfTwoDays(days, now, then, names)


# -- facts -------------------------------------------------------------------------------------------------


def facts(status: PilotStatus) -> tuple[Fact, ...]:
    """Return the stage, the milestones, the targets and the term, as on the page of the pilot."""
    counts, left = status.counts, term_days_left(status.pilot.ends_on, status.as_of)
    rated = [item for item in status.indicators if item.light.colour != Colour.GREY]
    green = sum(item.light.colour == Colour.GREEN for item in rated)
    milestones, targets = _("Milestones done"), _("Indicators on schedule")
    return (
        stage_fact(status),
        share_fact(milestones, counts.due - counts.late, counts.due, _("of %(n)s due"), all_text(counts.total))
        if counts.total
        else Fact(milestones, no_data(), "", _("none recorded")),
        share_fact(targets, green, len(rated), _("of %(n)s rated"), all_text(len(status.indicators)))
        if rated
        else Fact(
            targets, no_data(), "", all_text(len(status.indicators)) if status.indicators else _("no target recorded")
        ),
        Fact(
            _("Days of the term left"),
            format_number(max(0, left)) if left is not None else no_data(),
            "",
            _("to %(day)s") % {"day": format_date(status.pilot.ends_on)}
            if status.pilot.ends_on
            else _("term not known"),
        ),
    )


def all_text(n: int) -> str:
    return _("%(n)d in all") % {"n": n}


def stage_fact(status: PilotStatus) -> Fact:
    stage, since = stage_label(status), status.current_stage.since if status.current_stage else None
    note = " · ".join(filter(None, [stage, _("since %(day)s") % {"day": format_date(since)} if since else ""]))
    return Fact(_("Days in stage"), format_number(time_in_stage(status)), "", note or _("no stage on record"))


# -- what is behind ----------------------------------------------------------------------------------------


def behind_items(status: PilotStatus, follow_ups: Sequence[FollowUpStatus]) -> list[tuple[Colour, RedLight]]:
    """Return the targets and milestones that lower the light, worst first, with the follow-ups of each.

    A follow-up of the pilot as a whole stands beside each of them.
    """
    indicators = {item.code: item.target.indicator for item in status.indicators}
    milestones = {str(item.milestone.pk): item.milestone for item in status.milestones}
    found = []
    for reason, why in zip(status.light.reasons, computed_explanations(status), strict=True):
        if reason.about == ReasonSubject.PILOT:
            continue
        record: Any = (indicators if reason.about == ReasonSubject.INDICATOR else milestones)[reason.key]
        own = [item for item in follow_ups if item.state.is_open and is_about(item.follow_up, record)]
        red = RedLight(record.name, why.text, why.owner, None, sorted(own, key=lambda item: item.due_on))
        found.append((reason.counts_as, red))
    return found


def is_about(follow_up: FollowUp, record: Indicator | Milestone) -> bool:
    """Return whether a follow-up of a pilot is about its indicator or milestone, or about the pilot as a whole."""
    item = follow_up.cause_indicator or follow_up.cause_milestone
    return item is None or item == record


def behind_block(items: Sequence[tuple[Colour, RedLight]], lights: LightsOfTwoDays) -> Lines:
    """Return the block of what is behind, red first."""
    lines = [Line(str(colour.label), red.reason, red_detail(red), colour.value) for colour, red in items[:MAX_REDS]]
    if not lights.now:
        empty = _("No target and no milestone is recorded.")
    elif lights.is_unrated:
        empty = _("No target and no milestone can be rated yet.")
    else:
        empty = _("No target and no milestone is behind.")
    return Lines(_("What is behind"), tuple(lines), more=max(0, len(items) - MAX_REDS), empty=empty)


def about_plan(status: PilotStatus) -> list[Line]:
    """Return a question about the plan of a pilot that has none on record since it was listed."""
    span = status.list_to_plan
    if span is None or span.done:
        return []
    text = _("%(days)s since it was listed, and no plan on record: when will it be issued?")
    return [Line(status.pilot.name, text % {"days": format_days(span.days)})]
