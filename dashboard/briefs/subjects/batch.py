"""Brief of a batch of pilots."""

from __future__ import annotations

from dashboard.briefs.blocks import Facts
from dashboard.briefs.parts.content import Content, Days
from dashboard.briefs.parts.facts import on_path_fact, recorded_fact, reported_fact, stage_fact
from dashboard.briefs.parts.pilot_sets import PilotSetParts
from dashboard.briefs.parts.questions import about_missing_pilots
from dashboard.briefs.parts.sources import cite
from pilots.analytics.pilot_set import PilotSet
from pilots.analytics.pilot_status import build_progress
from pilots.analytics.reconciliation import build_reconciliation
from pilots.charts.follow_up_tables import RELATED
from pilots.follow_ups.analytics import build_follow_ups
from pilots.metrics.reconciliation import term_days_left
from pilots.models import Batch, FollowUp, Pilot
from policies.models import Source


def batch_content(slug: str, days: Days) -> Content:
    """Return the content of a batch's brief. Raises Batch.DoesNotExist."""
    batch = Batch.objects.known(days.as_of).get(slug=slug)
    progress = build_progress(Pilot.objects.listed(days.as_of).filter(batch=batch), days.as_of)
    follow_ups = FollowUp.objects.filter(pilot__batch=batch).known(days.as_of).select_related(*RELATED)
    parts = PilotSetParts(days, progress, build_follow_ups(follow_ups, days.as_of))
    count = next(item for item in build_reconciliation(days.as_of) if item.batch.pk == batch.pk)
    return Content(
        title=batch.label,
        subtitle=PilotSet(batch=batch).name_with_count(len(progress.pilots)),
        headline=parts.headline(term_days_left(batch.term_end, days.as_of)),
        blocks=(
            parts.lights_table(),
            Facts(
                "",
                (
                    recorded_fact(count.total),
                    stage_fact(progress.funnel()),
                    reported_fact(parts.outstanding),
                    on_path_fact(progress.on_track),
                ),
            ),
            parts.changes(),
            parts.reds_block(),
            parts.questions(about_missing_pilots([count])),
        ),
        sources=cite(
            batch.sources.all(),
            Source.objects.filter(pilot__in=[item.pilot.pk for item in progress.pilots]).distinct(),
        ),
    )
