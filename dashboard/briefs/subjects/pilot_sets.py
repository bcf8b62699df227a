"""Briefs of a set of pilots: the nation with the lead policy, a batch, a province with its plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from core.text.formatting import join_clauses, join_sentences, label_value, no_data
from dashboard.analytics.overview import Overview, build_overview, plan_sources
from dashboard.briefs.blocks import Days, fact, facts, line
from dashboard.briefs.parts.changes import (
    changes_block,
    pilots_entered,
    plans_corrected,
    plans_entered,
    replanned_text,
    value_changes,
    values_text,
)
from dashboard.briefs.parts.facts import (
    cite,
    on_path_fact,
    plans_fact,
    recorded_fact,
    reported_fact,
    share_fact,
    stage_fact,
)
from dashboard.briefs.parts.lights import LightsOfTwoDays, lights_table, pilot_lights, red_sentence
from dashboard.briefs.parts.questions import (
    about_missing_pilots,
    about_overdue,
    about_plans,
    about_reports,
    about_unattended,
    questions_block,
)
from dashboard.briefs.parts.reds import open_follow_ups, red_pilots, reds_block
from dashboard.charts.due import on_track_headline
from pilots.analytics.outstanding import OutstandingReports, build_outstanding_reports
from pilots.analytics.pilot_status import Progress, build_progress
from pilots.analytics.reconciliation import PilotSet, build_reconciliation
from pilots.charts.follow_ups import RELATED
from pilots.charts.reconciliation import recorded_pilots_text
from pilots.follow_ups.analytics import FollowUpStatus, build_follow_ups
from pilots.metrics.reconciliation import term_days_left
from pilots.models import Batch, FollowUp, Pilot, Reading
from policies.analytics.rollout import ProvinceRollout, build_province_plans
from policies.charts.rollout import status_label
from policies.models import PlanStatus, Policy, Province, Source

ProvincePlans = Sequence[tuple[Policy, ProvinceRollout]]
Line = dict[str, str]


@dataclass(frozen=True)
class PilotSetParts:
    """What such briefs have in common; `follow_ups` are those of the pilots and of what contains them."""

    days: Days
    progress: Progress
    follow_ups: Sequence[FollowUpStatus]

    @cached_property
    def lights(self) -> LightsOfTwoDays:
        return pilot_lights(self.progress, self.days)

    @cached_property
    def outstanding(self) -> OutstandingReports:
        return build_outstanding_reports(self.progress)

    def headline(self, days_left: int | None = None) -> str:
        """Return the sentences on red pilots and on the targets on the path."""
        if not self.progress.pilots:
            return red_sentence(self.lights)
        return join_sentences(red_sentence(self.lights), on_track_headline(self.progress, days_left) + _("."))

    def blocks(
        self, numbers: Sequence[Line], entered: Sequence[str], corrected: Sequence[str], *asked: Sequence[Line]
    ) -> list[dict[str, Any]]:
        """Return lights, these facts, changes, red pilots and questions.

        To the changes and questions of the pilots it adds others. Two queries for the values.
        """
        pilots, unrated = self.progress.pilots, self.lights.is_unrated
        values = value_changes(Reading.objects.filter(pilot__in=[item.pilot.pk for item in pilots]), self.days)
        reds = red_pilots(self.progress, open_follow_ups(self.follow_ups))
        rules = [about_overdue(self.follow_ups), about_unattended(reds), about_reports(self.outstanding)]
        return [
            lights_table(self.lights, _("Lights")),
            facts(*numbers),
            changes_block(
                self.days,
                [pilots_entered(pilots, self.days), values_text(values.entered), *entered],
                [values_text(values.corrected), replanned_text(pilots, self.days), *corrected],
                self.lights,
            ),
            reds_block(_("Red pilots"), reds, red_sentence(self.lights) if unrated else _("No pilot is red.")),
            questions_block(*rules, *asked),
        ]

    def pilot_sources(self) -> Any:
        return Source.objects.filter(pilot__in=[item.pilot.pk for item in self.progress.pilots]).distinct()


# -- the nation --------------------------------------------------------------------------------------------


def nation_content(_slug: str, days: Days) -> dict[str, Any]:
    """Return the content of the nation's brief: the latest national batch, and the rollout of the lead policy."""
    value = build_overview(days.as_of)
    follow_ups = FollowUp.objects.known(days.as_of).select_related(*RELATED)
    parts = PilotSetParts(days, value.progress, build_follow_ups(follow_ups, days.as_of))
    rollout, national = value.rollout, [value.national] if value.national else []
    numbers = [
        recorded_fact(value.all_kinds),
        plans_fact(rollout),
        reported_fact(value.outstanding),
        on_path_fact(value.progress.on_track),
    ]
    return {
        "title": nation_title(),
        "subtitle": value.chosen.name_with_count(len(value.progress.pilots)),
        "headline": parts.headline(value.days_left),
        "blocks": parts.blocks(
            numbers,
            [plans_entered(rollout, days)],
            [plans_corrected(days, policy_id=rollout.policy.pk)] if rollout else [],
            about_missing_pilots(national),
            about_plans(rollout),
        ),
        "sources": cite(*policy_sources(value), parts.pilot_sources()),
    }


def nation_title() -> str:
    return _("National brief on the synergy pilots")


def policy_sources(value: Overview) -> list[Any]:
    """Return the sources of the policy, of the batch, and of the plans. Three queries."""
    of_plans = of_policy = Source.objects.none()
    if value.rollout:
        of_policy = Source.objects.filter(policy=value.rollout.policy)
        of_plans = plan_sources(value.rollout.provinces)
    of_batch = Source.objects.filter(batch=value.national.batch) if value.national else Source.objects.none()
    return [of_policy, of_batch, of_plans]


# -- a batch -----------------------------------------------------------------------------------------------


def batch_content(slug: str, days: Days) -> dict[str, Any]:
    """Return the content of a batch's brief. Raises Batch.DoesNotExist."""
    batch = Batch.objects.known(days.as_of).get(slug=slug)
    progress = build_progress(Pilot.objects.listed(days.as_of).filter(batch=batch), days.as_of)
    follow_ups = FollowUp.objects.filter(pilot__batch=batch).known(days.as_of).select_related(*RELATED)
    parts = PilotSetParts(days, progress, build_follow_ups(follow_ups, days.as_of))
    count = next(item for item in build_reconciliation(days.as_of) if item.batch.pk == batch.pk)
    numbers = [
        recorded_fact(count.total),
        stage_fact(progress.funnel()),
        reported_fact(parts.outstanding),
        on_path_fact(progress.on_track),
    ]
    return {
        "title": batch.label,
        "subtitle": PilotSet(batch=batch).name_with_count(len(progress.pilots)),
        "headline": parts.headline(term_days_left(batch.term_end, days.as_of)),
        "blocks": parts.blocks(numbers, [], [], about_missing_pilots([count])),
        "sources": cite(batch.sources.all(), parts.pilot_sources()),
    }


# -- a province --------------------------------------------------------------------------------------------


def province_content(slug: str, days: Days) -> dict[str, Any]:
    """Return the content of a province's brief. Raises Province.DoesNotExist for one outside the programme."""
    province = Province.objects.roster().get(slug=slug)
    progress = build_progress(Pilot.objects.listed(days.as_of).filter(province=province), days.as_of)
    follow_ups = province.follow_ups.known(days.as_of).select_related(*RELATED)
    parts = PilotSetParts(days, progress, build_follow_ups(follow_ups, days.as_of))
    plans = build_province_plans(province, days.as_of)
    owed = [(policy, row) for policy, row in plans if policy.calls_for_provincial_plan]
    numbers = [
        owed_plans_fact(owed),
        stage_fact(progress.funnel()),
        reported_fact(parts.outstanding),
        on_path_fact(progress.on_track),
    ]
    corrected = [plans_corrected(days, province_id=province.pk)]
    of_plans = plan_sources(row for _policy, row in plans)
    return {
        "title": province.name,
        "subtitle": recorded_pilots_text(len(progress.pilots)),
        "headline": parts.headline(),
        "blocks": parts.blocks(numbers, [new_plans(plans, days)], corrected, about_own_plans(owed)),
        "sources": cite(of_plans, parts.pilot_sources(), province.sources.all()),
    }


def owed_plans_fact(owed: ProvincePlans) -> Line:
    """Return the plans issued, of the policies that call for one."""
    label = _("Plans issued for national policies")
    if not owed:
        return fact(label, no_data(), "", _("no policy calls for one"))
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
    text = _("Plan of the province: %(status)s. When will it be issued?")
    return [
        line(policy.short, text % {"status": status_label(row.status)})
        for policy, row in owed
        if row.status not in {PlanStatus.ISSUED, PlanStatus.NOT_REQUIRED}
    ]
