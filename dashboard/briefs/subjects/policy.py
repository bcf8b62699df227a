"""Brief of a policy: how far the provinces have taken it up."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from core.text.formatting import format_date, format_number, no_data
from core.text.joining import label_value
from dashboard.briefs.blocks import Block, Fact, Facts, Line, Lines, Table
from dashboard.briefs.parts.changes import changes_block, plans_corrected, plans_entered
from dashboard.briefs.parts.content import Content, Days
from dashboard.briefs.parts.facts import plans_fact, share_fact
from dashboard.briefs.parts.questions import about_overdue, about_plans, questions_block
from dashboard.briefs.parts.sources import cite
from pilots.charts.follow_up_tables import RELATED, open_text
from pilots.follow_ups.analytics import FollowUpStatus, build_follow_ups
from pilots.follow_ups.status_filter import by_lateness
from pilots.models import Batch
from policies.analytics.rollout import Rollout, build_rollout
from policies.charts.rollout import rollout_headline, status_label, too_few_text
from policies.metrics import whole_days
from policies.models import PlanStatus, Policy, Source

MAX_LISTED = 5


def policy_content(slug: str, days: Days) -> Content:
    """Return the content of a policy's brief. Raises Policy.DoesNotExist."""
    policy = Policy.objects.known(days.as_of).get(slug=slug)
    rollout = build_rollout(policy, days.as_of)
    follow_ups = build_follow_ups(policy.follow_ups.known(days.as_of).select_related(*RELATED), days.as_of)
    tracked = rollout.issued is not None
    blocks: list[Block] = [
        Facts("", rollout_facts(rollout) if tracked else other_facts(policy, rollout, follow_ups, days))
    ]
    if tracked:
        blocks += [regions_block(rollout), missing_block(rollout)]
    blocks += [
        changes_block(days, [plans_entered(rollout, days)], [plans_corrected(days, policy_id=policy.pk)]),
        follow_ups_block(follow_ups),
        questions_block(about_overdue(follow_ups), about_plans(rollout)),
    ]
    plans = [row.plan.pk for row in rollout.provinces if row.plan and row.counts]
    return Content(
        title=policy.name,
        subtitle=" · ".join(
            filter(
                None,
                [policy.doc_number, label_value(_("Issued"), format_date(policy.issued)) if policy.issued else ""],
            )
        ),
        headline=rollout_headline(rollout),
        blocks=tuple(blocks),
        sources=cite(policy.sources.all(), Source.objects.filter(provincialplan__in=plans).distinct()),
    )


def rollout_facts(rollout: Rollout) -> tuple[Fact, ...]:
    """Return the plans issued and dated, the median lag and when half of the provinces had issued one."""
    lag = rollout.median_lag_days
    lag_label, half_label = _("Median days after the policy"), _("Half of the provinces by")
    of_dated = _("of %(n)s dated plans") % {"n": format_number(len(rollout.lags))}
    return (
        plans_fact(rollout),
        share_fact(_("Date known"), rollout.dated, rollout.issued, _("of %(n)s issued")),
        Fact(lag_label, format_number(whole_days(lag)), of_dated)
        if lag is not None and rollout.has_enough_lags
        else Fact(lag_label, no_data(), "", too_few_text(len(rollout.lags))),
        Fact(half_label, format_date(rollout.half_on))
        if rollout.half_on
        else Fact(half_label, no_data(), "", _("not yet known to have been reached")),
    )


def other_facts(policy: Policy, rollout: Rollout, follow_ups: Sequence[FollowUpStatus], days: Days) -> tuple[Fact, ...]:
    """Return what is on record of a policy that calls for no provincial plans."""
    return (
        Fact(_("Measures on record"), format_number(policy.measures.count())),
        Fact(_("Documents that carry it out"), format_number(len(rollout.followers))),
        Fact(
            _("Batches of pilots under it"),
            format_number(Batch.objects.known(days.as_of).filter(policy=policy).count()),
        ),
        share_fact(
            _("Follow-ups open"), sum(item.state.is_open for item in follow_ups), len(follow_ups), _("of %(n)s")
        ),
    )


def regions_block(rollout: Rollout) -> Table:
    """Return the plans issued by region, of the provinces of each."""
    rows = [
        (row.label, format_number(row.issued), format_number(row.roster)) for row in rollout.by_region if row.roster
    ]
    return Table(_("Rollout by region"), (_("Region"), _("Plans issued"), _("Provinces")), tuple(rows))


def missing_block(rollout: Rollout) -> Lines:
    """Return the provinces whose plan is not on record as issued, with its status."""
    missing = [row for row in rollout.provinces if row.status not in {PlanStatus.ISSUED, PlanStatus.NOT_REQUIRED}]
    lines = [Line(row.province.name, status_label(row.status)) for row in missing[:MAX_LISTED]]
    empty = _("Every province has issued a plan or needs none.")
    return Lines(_("Without a plan on record"), tuple(lines), more=max(0, len(missing) - MAX_LISTED), empty=empty)


def follow_ups_block(follow_ups: Sequence[FollowUpStatus]) -> Lines:
    """Return the open follow-ups of the policy, the most urgent first."""
    still_open = [status for status in by_lateness(follow_ups) if status.state.is_open]
    lines = [
        Line(status.follow_up.name, open_text(status), status.follow_up.owner_agency.name)
        for status in still_open[:MAX_LISTED]
    ]
    more = max(0, len(still_open) - MAX_LISTED)
    return Lines(_("Open follow-ups"), tuple(lines), more=more, empty=_("No follow-up of this policy is open."))
