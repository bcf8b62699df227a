"""Brief of the nation: the latest national batch, and the rollout of the lead policy."""

from __future__ import annotations

from django.utils.translation import gettext as _

from dashboard.analytics.overview import Overview, build_overview
from dashboard.briefs.blocks import Facts
from dashboard.briefs.parts.changes import plans_corrected, plans_entered
from dashboard.briefs.parts.content import Content, Days
from dashboard.briefs.parts.facts import on_path_fact, plans_fact, recorded_fact, reported_fact
from dashboard.briefs.parts.pilot_sets import PilotSetParts
from dashboard.briefs.parts.questions import about_missing_pilots, about_plans
from dashboard.briefs.parts.sources import cite
from pilots.charts.follow_up_tables import RELATED
from pilots.follow_ups.analytics import build_follow_ups
from pilots.models import FollowUp
from policies.models import Source


def nation_content(_slug: str, days: Days) -> Content:
    """Return the content of the nation's brief."""
    value = build_overview(days.as_of)
    follow_ups = FollowUp.objects.known(days.as_of).select_related(*RELATED)
    parts = PilotSetParts(days, value.progress, build_follow_ups(follow_ups, days.as_of))
    rollout, national = value.rollout, [value.national] if value.national else []
    return Content(
        title=nation_title(),
        subtitle=value.chosen.name_with_count(len(value.progress.pilots)),
        headline=parts.headline(value.days_left),
        blocks=(
            parts.lights_table(),
            Facts(
                "",
                (
                    recorded_fact(value.all_kinds),
                    plans_fact(rollout),
                    reported_fact(value.outstanding),
                    on_path_fact(value.progress.on_track),
                ),
            ),
            parts.changes(
                [plans_entered(rollout, days)], [plans_corrected(days, policy_id=rollout.policy.pk)] if rollout else []
            ),
            parts.reds_block(),
            parts.questions(about_missing_pilots(national), about_plans(rollout)),
        ),
        sources=nation_sources(value),
    )


def nation_title() -> str:
    return _("National brief on the synergy pilots")


def nation_sources(value: Overview) -> list[Source]:
    """Return the sources of the policy and of the batch, then those of the plans and of the pilots. Four queries."""
    of_plans = Source.objects.none()
    of_policy = Source.objects.none()
    if value.rollout:
        plans = [row.plan.pk for row in value.rollout.provinces if row.plan and row.counts]
        of_policy = Source.objects.filter(policy=value.rollout.policy)
        of_plans = Source.objects.filter(provincialplan__in=plans).distinct()
    of_batch = Source.objects.filter(batch=value.national.batch) if value.national else Source.objects.none()
    of_pilots = Source.objects.filter(pilot__in=[item.pilot.pk for item in value.progress.pilots]).distinct()
    return cite(of_policy, of_batch, of_plans, of_pilots)
