"""Everything that was entered about one pilot or batch: its stages, milestones and values included."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Q

from config.journal import Journal, Watched
from config.templatetags.site import no_data
from pilots.models import Batch, LightOverride, Milestone, Pilot, Reading, StageEntry, Target, TargetStep


def pilot_journal(pilot: Pilot, as_of: date, user: Any) -> Journal:
    """What was entered about a pilot by the end of a day, for this reader."""
    own = Q(pilot_id=pilot.pk)
    targets: Any = Target.history.filter(own).order_by().values("id")
    watched = [
        Watched(Pilot, Q(id=pilot.pk), of=pilot),
        Watched(StageEntry, own, of=pilot),
        Watched(Milestone, own, of=pilot),
        Watched(Target, own, indicator_name, ["indicator"], of=pilot),
        Watched(TargetStep, Q(target_id__in=targets), step_name, ["target__indicator"], of=pilot),
        Watched(Reading, own, reading_name, ["indicator"], of=pilot),
        Watched(LightOverride, own, light_name, of=pilot),
    ]
    return Journal(watched, as_of, user)


def batch_journal(batch: Batch, as_of: date, user: Any) -> Journal:
    return Journal([Watched(Batch, Q(id=batch.pk), of=batch)], as_of, user)


# On the pilot's own page a record is called by what sets it apart from the pilot's others.


def indicator_name(entry: Any) -> str:
    return entry.indicator.name if entry.indicator else no_data()


def step_name(entry: Any) -> str:
    return f"{indicator_name(entry.target)} {entry.year}" if entry.target else str(entry.year)


def reading_name(entry: Any) -> str:
    return f"{indicator_name(entry)} {entry.period}"


def light_name(entry: Any) -> str:
    return str(entry.get_colour_display())
