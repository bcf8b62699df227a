"""Timelines of a pilot or a batch, stages, milestones and values included."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Q

from core.history.entries import HistorySource
from core.history.timeline import Timeline
from core.text.formatting import no_data
from pilots.models import (
    Batch,
    FollowUp,
    FollowUpStep,
    LightOverride,
    Milestone,
    Pilot,
    Reading,
    StageEntry,
    Target,
    TargetStep,
)


def pilot_timeline(pilot: Pilot, as_of: date, user: Any) -> Timeline:
    """Return the timeline of a pilot up to the as-of date, for this user."""
    own = Q(pilot_id=pilot.pk)
    targets: Any = Target.history.filter(own).order_by().values("id")
    watched = [
        HistorySource(Pilot, Q(id=pilot.pk), parent=pilot),
        HistorySource(StageEntry, own, parent=pilot),
        HistorySource(Milestone, own, parent=pilot),
        HistorySource(Target, own, indicator_name, ["indicator"], parent=pilot),
        HistorySource(TargetStep, Q(target_id__in=targets), step_name, ["target__indicator"], parent=pilot),
        HistorySource(Reading, own, reading_name, ["indicator"], parent=pilot),
        HistorySource(LightOverride, own, light_name, parent=pilot),
    ]
    return Timeline(watched, as_of, user)


def batch_timeline(batch: Batch, as_of: date, user: Any) -> Timeline:
    return Timeline([HistorySource(Batch, Q(id=batch.pk), parent=batch)], as_of, user)


def follow_up_timeline(follow_up: FollowUp, as_of: date, user: Any) -> Timeline:
    """Return the timeline of a follow-up and its steps."""
    watched = [
        HistorySource(FollowUp, Q(id=follow_up.pk), parent=follow_up),
        HistorySource(FollowUpStep, Q(follow_up_id=follow_up.pk), move_name, parent=follow_up),
    ]
    return Timeline(watched, as_of, user)


# On the pilot's own page a record is called by what sets it apart from the pilot's others.


def indicator_name(entry: Any) -> str:
    return entry.indicator.name if entry.indicator else no_data()


def step_name(entry: Any) -> str:
    return f"{indicator_name(entry.target)} {entry.year}" if entry.target else str(entry.year)


def reading_name(entry: Any) -> str:
    return f"{indicator_name(entry)} {entry.period}"


def light_name(entry: Any) -> str:
    return str(entry.get_colour_display())


def move_name(entry: Any) -> str:
    return str(entry.get_move_display())
