"""The light that caused a follow-up, on any day: by the same functions as on the page of the pilot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from pilots.analytics.pilot_status import PilotStatus, light_change_dates, prefetch_for_status
from pilots.lights import Colour, MilestoneLight, TargetLight
from pilots.metrics.follow_up_states import RELAPSE_DAYS
from pilots.models import Cause, FollowUp, Pilot

CauseKey = tuple[str, int | None]
"""What a cause is, within its pilot: its kind, and the key of the indicator or the milestone."""


def cause_key(follow_up: FollowUp) -> CauseKey:
    return follow_up.cause, follow_up.cause_indicator_id or follow_up.cause_milestone_id


def cause_light(status: PilotStatus, cause: CauseKey) -> TargetLight | MilestoneLight | None:
    """Return the light of the target or milestone; None for the pilot itself, and for what is no longer there."""
    kind, key = cause
    if kind == Cause.INDICATOR:
        return next((item for item in status.indicators if item.record.indicator_id == key), None)
    return next((item for item in status.milestones if item.record.pk == key), None)


def cause_colour(pilot: Pilot, cause: CauseKey, day: date) -> Colour:
    """Return the colour of a cause on a day; grey for a target or milestone that is deleted since."""
    status = PilotStatus(pilot, day)
    if cause[0] == Cause.PILOT:
        return status.colour
    light = cause_light(status, cause)
    return light.colour if light else Colour.GREY


def cause_relapse(pilot: Pilot, cause: CauseKey, closed_on: date, as_of: date) -> date | None:
    """Return the first day after closing on which the cause is red, within RELAPSE_DAYS and up to the day, or None."""
    last = min(closed_on + timedelta(RELAPSE_DAYS), as_of)
    days = sorted({day for day in light_change_dates(pilot, last) if closed_on < day <= last})
    return next((day for day in days if cause_colour(pilot, cause, day) == Colour.RED), None)


def closing_colour(follow_up: FollowUp, day: date) -> Colour | str:
    """Return the colour of the cause on the day of the step that closes it, as it is known now; empty without one."""
    if not (follow_up.cause and follow_up.pilot_id):
        return ""
    (pilot,) = prefetch_for_status(Pilot.objects.filter(pk=follow_up.pilot_id), only_on=day)
    return cause_colour(pilot, cause_key(follow_up), day)


def add_lights(follow_ups: Sequence[FollowUp], known: Iterable[Pilot] = ()) -> None:
    """Set `cause_colour_now` and `relapsed_on` of follow-ups `with_state`.

    Their pilots are read together, but for the `known` ones, which come from `prefetch_for_status` with all years.
    """
    pilots = {pilot.pk: pilot for pilot in known}
    caused = [item for item in follow_ups if item.cause and item.pilot_id and item.pilot_id not in pilots]
    if caused:
        rows = Pilot.objects.filter(pk__in={item.pilot_id for item in caused})
        first = min(item.closed_on or item.as_of for item in caused)
        pilots |= {pilot.pk: pilot for pilot in prefetch_for_status(rows, only_on=first)}
    for item in follow_ups:
        pilot, cause = pilots.get(item.pilot_id or 0), cause_key(item)
        item.cause_colour_now = cause_colour(pilot, cause, item.as_of) if pilot and item.cause else None
        item.relapsed_on = None
        if pilot and item.cleared and item.closed_on:
            item.relapsed_on = cause_relapse(pilot, cause, item.closed_on, item.as_of)


def is_no_better(at_opening: str, now: str | None) -> bool:
    """Whether the light of a cause is no better than at the opening. One that was green then has nothing to improve."""
    return at_opening not in {"", Colour.GREEN} and (
        now == at_opening or (at_opening, now) == (Colour.YELLOW, Colour.RED)
    )
