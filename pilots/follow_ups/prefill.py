"""Proposed values of a follow-up that is opened from a light or a record; all may be changed before it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import override

from pilots.analytics.explanations import responsible_office
from pilots.analytics.pilot_status import pilot_status
from pilots.follow_ups.services import cause_on
from pilots.metrics.lights import Colour
from pilots.models import Cause, FollowUp, Indicator, Milestone, Pilot
from policies.models import Agency

DAYS_TO_ACT = 30
"""Days from the opening to the proposed due date."""


@dataclass(frozen=True)
class LightNow:
    """The light of a cause on the day, with its reason and the office that is responsible for it."""

    cause: str
    colour: Colour
    reason: str
    office: str


@dataclass(frozen=True)
class Proposal:
    """Proposed values by field of the model, and the light that is the cause."""

    values: Mapping[str, object]
    light: LightNow


def propose(pilot: Pilot, indicator: Indicator | None, milestone: Milestone | None, as_of: date) -> Proposal:
    """Return what a follow-up of this light is proposed to say, in both languages.

    Raises ValidationError where the pilot has no target for the indicator.
    """
    follow_up = FollowUp(
        pilot=pilot,
        cause=Cause.INDICATOR if indicator else Cause.MILESTONE if milestone else Cause.PILOT,
        cause_indicator=indicator,
        cause_milestone=milestone,
    )
    status = pilot_status(pilot, as_of)
    values: dict[str, object] = {
        "cause": follow_up.cause,
        "cause_indicator": indicator.pk if indicator else None,
        "cause_milestone": milestone.pk if milestone else None,
        "opened_on": as_of,
        "due_on": as_of + timedelta(DAYS_TO_ACT),
        "owner_agency": proposed_agency(pilot, milestone),
    }
    for language, suffix in (("en", "en"), ("zh-hans", "zh")):
        with override(language):
            values[f"title_{suffix}"] = proposed_title(pilot, indicator, milestone)
            values[f"task_{suffix}"] = proposed_task(cause_on(follow_up, status)[1])
    colour, reason = cause_on(follow_up, status)
    office = (milestone.owner if milestone else "") or responsible_office(pilot)
    return Proposal(values, LightNow(follow_up.cause, colour, reason, office))


def proposed_title(pilot: Pilot, indicator: Indicator | None, milestone: Milestone | None) -> str:
    if indicator:
        text = _("%(pilot)s: bring “%(item)s” back on schedule")
        return text % {"pilot": pilot.name, "item": indicator.name}
    if milestone:
        return _("%(pilot)s: complete “%(item)s”") % {"pilot": pilot.name, "item": milestone.name}
    return _("%(pilot)s: clear the red light") % {"pilot": pilot.name}


def proposed_task(reason: str) -> str:
    """Return what is to be done about a light, and by what it is seen that it is done."""
    return _(
        "%(reason)s. Find the cause, name the measures and the day from which they work, and carry them out. "
        "It is done when the light is no longer red."
    ) % {"reason": reason.rstrip(".。")}


def proposed_agency(pilot: Pilot, milestone: Milestone | None) -> Agency | None:
    """Return the agency on record that is responsible: the one that the milestone names, else that of the pilot's
    newest follow-up; None where neither is known."""
    if milestone and milestone.owner:
        names = Agency.objects.filter(name_zh=milestone.owner) | Agency.objects.filter(name_en=milestone.owner)
        found = names.first()
        if found:
            return found
    newest = FollowUp.objects.filter(pilot=pilot).order_by("-opened_on", "-pk").select_related("owner_agency").first()
    return newest.owner_agency if newest else None
