"""Red lights with their reason, who is responsible, and the open follow-up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from core.text.formatting import format_date, label_value
from dashboard.briefs.blocks import Block, line, lines
from pilots.analytics.explanations import light_owner, main_explanation
from pilots.analytics.pilot_status import Progress
from pilots.analytics.synergy import classes_of
from pilots.charts.cells import class_text, distinct_names_of
from pilots.charts.follow_ups import open_link
from pilots.follow_ups.analytics import FollowUpStatus
from pilots.lights import Colour

OpenFollowUps = Mapping[int, Sequence[FollowUpStatus]]
"""Open follow-ups by key of their pilot: overdue ones first, then the one due next."""


@dataclass(frozen=True)
class RedLight:
    """A red light: of what, why, who is responsible, since when, the open follow-ups that it has, and the class of a
    pilot's synergy.
    """

    name: str
    reason: str
    owner: str
    since: date | None
    follow_ups: Sequence[FollowUpStatus]
    synergy: str = ""


def open_follow_ups(statuses: Iterable[FollowUpStatus]) -> OpenFollowUps:
    """Return the open ones of these follow-ups by pilot."""
    found: dict[int, list[FollowUpStatus]] = defaultdict(list)
    for status in sorted(statuses, key=lambda item: (not item.overdue, item.due_on, item.follow_up.pk)):
        if status.state.is_open and status.follow_up.pilot_id:
            found[status.follow_up.pilot_id].append(status)
    return found


def red_pilots(progress: Progress, follow_ups: OpenFollowUps) -> list[RedLight]:
    """Return the red pilots, longest red first. One query, for their synergy."""
    names = distinct_names_of(progress)
    classes = classes_of(progress.pilots, progress.as_of)
    count = sum(item.colour == Colour.RED for item in progress.pilots)
    return [
        RedLight(
            name=names[status.pilot.pk],
            reason=main_explanation(status),
            owner=light_owner(status),
            since=status.since,
            follow_ups=follow_ups.get(status.pilot.pk, ()),
            synergy=class_text(classes[status.pilot.pk]) if status.pilot.pk in classes else "",
        )
        for status in progress.attention(count)[:count]  # red ones come before yellow ones
    ]


def reds_block(title: str, reds: Sequence[RedLight], empty: str) -> Block:
    """Return the block of the first red lights."""
    return lines(title, [line(red.name, red.reason, red_detail(red), Colour.RED.value) for red in reds], empty)


def red_detail(red: RedLight) -> str:
    """Return the class, who is responsible, since when it is red, and its open follow-up, or that there is none."""
    parts = [
        red.synergy,
        label_value(_("Responsible"), red.owner) if red.owner else "",
        _("red since %(day)s") % {"day": format_date(red.since)} if red.since else "",
        open_link(red.follow_ups).text if red.follow_ups else _("no open follow-up"),
    ]
    return " · ".join(filter(None, parts))
