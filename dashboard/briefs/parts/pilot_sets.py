"""What the briefs of a set of pilots have in common: the nation, a batch, a province."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from django.utils.translation import gettext as _

from core.text.joining import join_sentences
from dashboard.briefs.blocks import Line, Lines, Table
from dashboard.briefs.parts.changes import (
    changes_block,
    pilots_entered,
    replanned_text,
    value_changes,
    values_text,
)
from dashboard.briefs.parts.content import Days
from dashboard.briefs.parts.lights import LightsOfTwoDays, lights_table, pilot_lights, red_sentence
from dashboard.briefs.parts.questions import about_overdue, about_reports, about_unattended, questions_block
from dashboard.briefs.parts.reds import RedLight, open_follow_ups, red_pilots, reds_block
from dashboard.charts.due import on_track_headline
from pilots.analytics.outstanding import OutstandingReports, build_outstanding_reports
from pilots.analytics.pilot_status import Progress
from pilots.follow_ups.analytics import FollowUpStatus
from pilots.models import Reading


@dataclass(frozen=True)
class PilotSetParts:
    """Parts of the brief of these pilots; `follow_ups` are theirs and those of what contains them."""

    days: Days
    progress: Progress
    follow_ups: Sequence[FollowUpStatus]

    @cached_property
    def lights(self) -> LightsOfTwoDays:
        return pilot_lights(self.progress, self.days)

    @cached_property
    def reds(self) -> list[RedLight]:
        return red_pilots(self.progress, open_follow_ups(self.follow_ups))

    @cached_property
    def outstanding(self) -> OutstandingReports:
        return build_outstanding_reports(self.progress)

    def headline(self, days_left: int | None = None) -> str:
        """Return the sentences on red pilots and on the targets on the path."""
        if not self.progress.pilots:
            return red_sentence(self.lights)
        return join_sentences(red_sentence(self.lights), on_track_headline(self.progress, days_left) + _("."))

    def lights_table(self) -> Table:
        return lights_table(self.lights, _("Lights"))

    def changes(self, entered: Sequence[str] = (), corrected: Sequence[str] = ()) -> Lines:
        """Return the block of changes; to those of the pilots it adds others. Two queries for the values."""
        pilots = self.progress.pilots
        readings = Reading.objects.filter(pilot__in=[item.pilot.pk for item in pilots])
        values = value_changes(readings, self.days)
        return changes_block(
            self.days,
            [pilots_entered(pilots, self.days), values_text(values.entered), *entered],
            [values_text(values.corrected), replanned_text(pilots, self.days), *corrected],
            self.lights,
        )

    def reds_block(self) -> Lines:
        empty = red_sentence(self.lights) if self.lights.is_unrated else _("No pilot is red.")
        return reds_block(_("Red pilots"), self.reds, empty)

    def questions(self, *more: Sequence[Line]) -> Lines:
        """Return the questions about these pilots, then those of other rules."""
        return questions_block(
            about_overdue(self.follow_ups), about_unattended(self.reds), about_reports(self.outstanding), *more
        )
