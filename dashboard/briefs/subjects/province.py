"""Brief of a province: its pilots, and its plans for the policies that call for one."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from core.text.formatting import no_data
from core.text.joining import join_clauses, label_value
from dashboard.briefs.blocks import Fact, Facts, Line
from dashboard.briefs.parts.changes import plans_corrected
from dashboard.briefs.parts.content import Content, Days
from dashboard.briefs.parts.facts import on_path_fact, reported_fact, share_fact, stage_fact
from dashboard.briefs.parts.pilot_sets import PilotSetParts
from dashboard.briefs.parts.sources import cite
from pilots.analytics.pilot_status import build_progress
from pilots.charts.follow_up_tables import RELATED
from pilots.charts.places import recorded_pilots_text
from pilots.follow_ups.analytics import build_follow_ups
from pilots.models import Pilot
from policies.analytics.rollout import ProvinceRollout, build_province_plans
from policies.charts.rollout import status_label
from policies.models import PlanStatus, Policy, Province, Source

ProvincePlans = Sequence[tuple[Policy, ProvinceRollout]]


def province_content(slug: str, days: Days) -> Content:
    """Return the content of a province's brief. Raises Province.DoesNotExist for one outside the programme."""
    province = Province.objects.roster().get(slug=slug)
    progress = build_progress(Pilot.objects.listed(days.as_of).filter(province=province), days.as_of)
    follow_ups = province.follow_ups.known(days.as_of).select_related(*RELATED)
    parts = PilotSetParts(days, progress, build_follow_ups(follow_ups, days.as_of))
    plans = build_province_plans(province, days.as_of)
    owed = [(policy, row) for policy, row in plans if policy.calls_for_provincial_plan]
    return Content(
        title=province.name,
        subtitle=recorded_pilots_text(len(progress.pilots)),
        headline=parts.headline(),
        blocks=(
            parts.lights_table(),
            Facts(
                "",
                (
                    owed_plans_fact(owed),
                    stage_fact(progress.funnel()),
                    reported_fact(parts.outstanding),
                    on_path_fact(progress.on_track),
                ),
            ),
            parts.changes([new_plans(plans, days)], [plans_corrected(days, province_id=province.pk)]),
            parts.reds_block(),
            parts.questions(about_own_plans(owed)),
        ),
        sources=cite(
            Source.objects.filter(
                provincialplan__in=[row.plan.pk for _policy, row in plans if row.plan and row.counts]
            ).distinct(),
            Source.objects.filter(pilot__in=[item.pilot.pk for item in progress.pilots]).distinct(),
            province.sources.all(),
        ),
    )


def owed_plans_fact(owed: ProvincePlans) -> Fact:
    """Return the plans issued, of the policies that call for one."""
    label = _("Plans issued for national policies")
    if not owed:
        return Fact(label, no_data(), "", _("no policy calls for one"))
    missing = [label_value(policy.short, status_label(row.status)) for policy, row in owed if not row.counts]
    return share_fact(
        label, sum(row.counts for _policy, row in owed), len(owed), _("of %(n)s called for"), join_clauses(missing)
    )


def new_plans(plans: ProvincePlans, days: Days) -> str:
    """Return the policies whose plan is known to be issued on the day and was not on the day of comparison."""
    new = [policy.short for policy, row in plans if row.known_by and row.known_by > days.since]
    return label_value(_("plan issued"), join_clauses(new)) if new else ""


def about_own_plans(owed: ProvincePlans) -> list[Line]:
    """Return a question about each policy that calls for a plan that is not on record as issued."""
    return [
        Line(
            policy.short,
            _("Plan of the province: %(status)s. When will it be issued?") % {"status": status_label(row.status)},
        )
        for policy, row in owed
        if row.status not in {PlanStatus.ISSUED, PlanStatus.NOT_REQUIRED}
    ]
