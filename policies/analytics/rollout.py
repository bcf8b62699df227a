"""Rollout of a policy on an as-of date: the value object that pages, API, exports and charts share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from core.http.errors import BadRequest, ErrorDetail, closest_match, truncate
from core.text.formatting import PartialDate
from policies import metrics
from policies.models import PlanStatus, Policy, Province, ProvincialPlan, Region
from policies.models.sourced import period_end

POLICY_PARAMETER = "policy"  # ?policy=<code> in the address of every page that counts provincial plans


@dataclass(frozen=True)
class PolicyChoice:
    """The policy whose provincial plans a page counts, and the alternatives.

    `lead` is the lead policy if it is known on the as-of date. Without it the earliest known policy that calls for
    plans is counted, so that a policy entered later changes no number; pages say so. `policy` is None if none calls for
    plans.
    """

    policy: Policy | None
    lead: Policy | None
    options: Sequence[Policy]

    @property
    def is_fallback(self) -> bool:
        """Whether a policy is counted only because no lead policy is known on the as-of date."""
        return self.policy is not None and self.lead is None

    @property
    def is_default(self) -> bool:
        """Whether the counted policy is the one counted without a parameter."""
        return self.policy == self.default

    @property
    def default(self) -> Policy | None:
        """The policy counted without a parameter."""
        return self.lead or next(iter(self.options), None)


def choose_policy(as_of: date, slug: str | None = None) -> PolicyChoice:
    """Return the policy of the parameter, else the lead policy known on the as-of date. One query.

    Raises BadRequest for a slug that is not among the policies that call for plans on that date, naming those.
    """
    options = list(Policy.objects.known(as_of).calling_for_plans().order_by("known_issued_by", "pk"))
    lead = next((policy for policy in options if policy.is_lead), None)
    choice = PolicyChoice(None, lead, options)
    if slug is None:
        return PolicyChoice(choice.default, lead, options)
    found = next((policy for policy in options if policy.slug == slug), None)
    if found is None:
        raise BadRequest(unknown_policy(slug, options))
    return PolicyChoice(found, lead, options)


def unknown_policy(slug: str, options: Sequence[Policy]) -> ErrorDetail:
    """Return the error for a slug of no policy that calls for plans, with the valid ones."""
    known = [policy.slug for policy in options]
    values = {"value": truncate(slug), "known": ", ".join(known) or "–", "near": closest_match(slug, known)}
    if values["near"]:
        text = _("policy: “%(value)s” calls for no provincial plans. Did you mean “%(near)s”? Known: %(known)s.")
    else:
        text = _("policy: “%(value)s” calls for no provincial plans. Known: %(known)s.")
    return ErrorDetail(POLICY_PARAMETER, "invalid_choice", text % values)


@dataclass(frozen=True)
class ProvinceRollout:
    """A province of the roster and its plan on the as-of date; `plan` is None where nothing is recorded."""

    province: Province
    plan: ProvincialPlan | None
    status: PlanStatus
    lag_days: int | None

    @property
    def counts(self) -> bool:
        """Whether the plan counts as issued on the as-of date."""
        return self.status == PlanStatus.ISSUED

    @property
    def dated(self) -> bool:
        """Whether it is issued with a date known to the day."""
        return self.counts and self.plan is not None and self.plan.issued_precision == "day"

    @property
    def latest(self) -> date | None:
        """The latest possible date of issue: by its precision, or the date by which it is known."""
        if self.known_by is None or self.plan is None or self.plan.issued_on is None:
            return self.known_by
        return min(self.known_by, period_end(self.plan.issued_on, self.plan.issued_precision))

    @property
    def issued_plan(self) -> ProvincialPlan | None:
        """The plan if it counts as issued; what else is recorded of it is not known on the as-of date."""
        return self.plan if self.counts else None

    @property
    def issued(self) -> PartialDate | None:
        """The date of issue as far as it is known; None if not issued by the as-of date or undated."""
        return self.issued_plan.issued if self.issued_plan else None

    @property
    def known_by(self) -> date | None:
        """The date by which the plan is known to exist; None if it does not count as issued."""
        return self.issued_plan.known_issued_by if self.issued_plan else None


@dataclass(frozen=True)
class RegionRollout:
    region: Region
    label: str
    roster: int
    issued: int
    dated: int
    median_lag_days: float | None
    lags: Sequence[int] = ()

    @property
    def has_enough_lags(self) -> bool:
        return len(self.lags) >= metrics.MIN_LAGS

    @property
    def share(self) -> float | None:
        return metrics.share(self.issued, self.roster)


@dataclass(frozen=True)
class Rollout:
    """The rollout of one policy on an as-of date.

    `issued` is None for a policy that calls for no provincial plans and has none: there is no answer, which is not 0.
    `dated` of the issued ones are known to the day; `known_by` are only known to exist by a date; `inferred` were only
    read from other documents.
    """

    policy: Policy
    as_of: date
    roster: int
    issued: int | None
    dated: int | None
    known_by: int | None
    inferred: int | None
    origin: date | None
    lags: Sequence[int]
    series: Sequence[metrics.Step]
    dated_series: Sequence[metrics.Step]
    provinces: Sequence[ProvinceRollout]
    by_region: Sequence[RegionRollout]
    followers: Sequence[Policy]  # national documents that carry this one out, known by the day

    @property
    def share(self) -> float | None:
        return metrics.share(self.issued, self.roster)

    def share_of(self, issued: int) -> float | None:
        """Return this number as a fraction of the roster."""
        return metrics.share(issued, self.roster)

    @property
    def half_on(self) -> date | None:
        """The first date by which half of the roster is known to have issued; None before that."""
        return metrics.first_day_reaching(self.series, self.roster / 2)

    @property
    def has_enough_lags(self) -> bool:
        """Whether enough plans are dated to the day for a meaningful median or P90."""
        return len(self.lags) >= metrics.MIN_LAGS

    @property
    def median_lag_days(self) -> float | None:
        return metrics.median_days(self.lags)

    @property
    def p90_lag_days(self) -> float | None:
        return metrics.percentile_days(self.lags, 0.9)


def build_rollout(policy: Policy, as_of: date) -> Rollout:
    """Build the rollout of a policy on an as-of date, over the roster. Three queries, whatever the number of rows."""
    origin = policy.lag_from
    plans = {plan.province_id: plan for plan in policy.plans.with_status(as_of)}
    rows = [province_row(province, plans.get(province.pk), origin) for province in Province.objects.roster()]
    issued = [row for row in rows if row.counts]
    dated = [row for row in issued if row.dated]
    tracked = policy.calls_for_provincial_plan or bool(issued)  # a record that says "unknown" makes no rollout
    return Rollout(
        policy=policy,
        as_of=as_of,
        roster=len(rows),
        issued=len(issued) if tracked else None,
        dated=len(dated) if tracked else None,
        known_by=len(issued) - len(dated) if tracked else None,
        inferred=sum(row.plan is not None and row.plan.unverified for row in issued) if tracked else None,
        origin=origin,
        lags=[row.lag_days for row in dated if row.lag_days is not None],
        series=steps(issued, origin, as_of) if tracked else [],
        dated_series=steps(dated, origin, as_of) if tracked else [],
        provinces=rows,
        by_region=[region_row(region, rows) for region in Region],
        followers=list(policy.children.filter(level="national").known(as_of)),
    )


def province_row(province: Province, plan: ProvincialPlan | None, origin: date | None) -> ProvinceRollout:
    """Return a province with its plan; without a recorded plan the status is unknown, not "not issued"."""
    if plan is None:
        return ProvinceRollout(province, None, PlanStatus.UNKNOWN, None)
    plan.province = province
    status = PlanStatus(plan.status_then)  # type: ignore[attr-defined]  # annotated by with_status
    counts = status == PlanStatus.ISSUED
    lag = metrics.lag_days(origin, plan.issued_on, plan.issued_precision) if counts else None
    return ProvinceRollout(province, plan, status, lag)


def region_row(region: Region, rows: Sequence[ProvinceRollout]) -> RegionRollout:
    """One region's part of the rollout."""
    inside = [row for row in rows if row.province.region == region]
    lags = [row.lag_days for row in inside if row.lag_days is not None]
    issued = [row for row in inside if row.counts]
    dated = sum(row.dated for row in issued)
    median = metrics.median_days(lags)
    return RegionRollout(region, str(region.label), len(inside), len(issued), dated, median, lags)


def steps(rows: Sequence[ProvinceRollout], origin: date | None, as_of: date) -> list[metrics.Step]:
    """Return the adoption curve of these provinces; it starts with 0 on the national date once that has come."""
    days = [row.known_by for row in rows if row.known_by]
    return metrics.adoption_steps(days, origin if origin and origin <= as_of else None)


def build_province_plans(province: Province, as_of: date) -> list[tuple[Policy, ProvinceRollout]]:
    """Return each policy whose rollout is tracked on the day, with the row of this province."""
    if not province.in_roster:
        return []
    found = []
    for policy in Policy.objects.known(as_of).rolled_out().order_by("-is_lead", "known_issued_by", "pk"):
        rows = build_rollout(policy, as_of).provinces
        found.append((policy, next(row for row in rows if row.province.pk == province.pk)))
    return found


def lag_range(row: ProvinceRollout, origin: date | None) -> tuple[int, int] | None:
    """Return the first and last possible lag in days of a plan without an exact date.

    The first is 0 where only "known by" is recorded. None if it is not issued or the national date is unknown.
    """
    last = row.latest
    if origin is None or row.plan is None or last is None or row.lag_days is not None:
        return None
    first = (row.plan.issued_on - origin).days if row.plan.issued_on else 0
    return max(0, first), (last - origin).days
