"""Rollout of a policy on an as-of date: the value object that pages, API, exports and charts share."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from operator import attrgetter
from statistics import quantiles

from django.utils.translation import gettext as _

from core.errors import choice_error
from core.text import PartialDate, Precision, format_date
from policies import metrics
from policies.models import ISSUED_ONCE, PlanStatus, Policy, Province, ProvincialPlan, Region, period_end

POLICY_PARAMETER = "policy"  # ?policy=<code> in the address of every page that counts provincial plans


class PolicyChoice:
    """The policy whose provincial plans a page counts, None if none calls for plans, and the alternatives. One query.

    It is that of the parameter; else `default`: the lead policy known on the as-of date, or the earliest known one that
    calls for plans, so that a policy entered later changes no number. Where there is no lead, pages say so.

    Raises Problem for a slug that is not among the policies that call for plans on that date, naming those.
    """

    def __init__(self, as_of: date, slug: str | None = None) -> None:
        calling = Policy.objects.known(as_of).filter(calls_for_provincial_plan=True, level="national")
        by_slug: dict[str, Policy] = {policy.slug: policy for policy in calling}
        if slug is not None and slug not in by_slug:
            raise choice_error(slug, by_slug, POLICY_PARAMETER)
        self.options = list(by_slug.values())
        self.lead = next((policy for policy in self.options if policy.is_lead), None)
        self.default = self.lead or next(iter(self.options), None)
        self.policy = self.default if slug is None else by_slug[slug]
        self.is_fallback = self.policy is not None and self.lead is None


@dataclass(frozen=True)
class ProvinceRollout:
    """A province of the roster on the as-of date: its status, and its plan if that counts as issued.

    What else is recorded of a plan is not known on the as-of date. Without a record the status is unknown, not "not
    issued". `origin` is the national date, from which lags count. `record` is what is on record of the plan, issued
    or not: it says who is responsible. `past` are the plans issued by then, repealed ones included, the first one
    first: that one dates the province, whatever replaced it.
    """

    province: Province
    status: PlanStatus
    plan: ProvincialPlan | None
    origin: date | None
    record: ProvincialPlan | None = None
    past: Sequence[ProvincialPlan] = ()

    @property
    def first(self) -> ProvincialPlan | None:
        """The first plan of a province that has one in force."""
        return next(iter(self.past), None) if self.plan else None

    @property
    def status_text(self) -> str:
        """The status in words, with the day of a repeal."""
        if self.repealed_on:
            return _("repealed on %(day)s") % {"day": format_date(self.repealed_on)}
        return str(self.status.label)

    @property
    def repealed_on(self) -> date | None:
        """The day from which its plan is no longer in force, where nothing came after it."""
        return self.record.repealed_on if self.record and self.status == PlanStatus.REPEALED else None

    @property
    def documents(self) -> list[ProvinceRollout]:
        """A row for what is on record now, and one for each earlier plan, the newest first."""
        earlier = [plan for plan in reversed(self.past) if plan is not self.record]
        return [self, *(replace(self, status=PlanStatus.REPEALED, plan=None, record=plan) for plan in earlier)]

    @property
    def document(self) -> ProvincialPlan | None:
        """The plan that the row is about: the one in force, or a repealed one."""
        return self.record if self.record in self.past else None

    @property
    def known_to(self) -> str:
        """How exactly the date of issue is known: `day`, `month`, or `latest` for a latest date only."""
        if self.first is None:
            return ""
        exact = self.first.issued_precision
        return exact if exact in {Precision.DAY, Precision.MONTH} else "latest"

    @property
    def dated(self) -> bool:
        """Whether the plan is issued with an exact date."""
        return self.known_to == Precision.DAY

    @property
    def issued(self) -> PartialDate | None:
        """The date of issue as far as it is known."""
        return self.first.issued if self.first else None

    @property
    def known_by(self) -> date | None:
        """The date by which the plan is known to exist."""
        return self.first.known_issued_by if self.first else None

    @property
    def changes(self) -> dict[date, int]:
        """By day, 1 where a plan became known, -1 where one was repealed; one replaced on its day changes nothing."""
        days = Counter(plan.known_issued_by for plan in self.past if plan.known_issued_by)
        repealed = [plan for plan in self.past if status_of(plan) == PlanStatus.REPEALED]
        days.subtract(plan.repealed_on for plan in repealed if plan.repealed_on)
        return {day: n for day, n in days.items() if n}

    @property
    def latest(self) -> date | None:
        """The latest possible date of issue: by its precision, or the date by which it is known."""
        if self.known_by is None or self.issued is None:
            return self.known_by
        return min(self.known_by, period_end(self.issued.on, self.issued.precision))

    @property
    def lag_days(self) -> int | None:
        """Days from the national document to the plan; None unless both days are known exactly."""
        return lag_in_days(self.first, self.origin)

    @property
    def lag_range(self) -> tuple[int, int] | None:
        """The first and last possible lag in days of a plan without an exact date.

        The first is 0 where only "known by" is recorded. None if it is not issued or the national date is unknown.
        """
        if self.origin is None or self.latest is None or self.lag_days is not None:
            return None
        first = (self.issued.on - self.origin).days if self.issued else 0
        return max(0, first), (self.latest - self.origin).days


class PlanCounts:
    """How many of some provinces of the roster have issued their plan, and how long after the national document.

    The numbers are None where plans are not tracked: there is no answer, which is not 0.
    """

    provinces: Sequence[ProvinceRollout]

    @property
    def is_tracked(self) -> bool:
        return True

    @cached_property
    def issued_rows(self) -> Sequence[ProvinceRollout]:
        return [row for row in self.provinces if row.plan]

    @property
    def roster(self) -> int:
        return len(self.provinces)

    @property
    def issued(self) -> int | None:
        return len(self.issued_rows) if self.is_tracked else None

    @property
    def dated(self) -> int | None:
        """Those of the issued ones with an exact date."""
        return self.count_known_to("day")

    @property
    def month_only(self) -> int | None:
        """Those of the issued ones of which only the month is known."""
        return self.count_known_to("month")

    @property
    def latest_only(self) -> int | None:
        """Those of the issued ones of which only a latest date is known."""
        return self.count_known_to("latest")

    def count_known_to(self, exact: str) -> int | None:
        return sum(row.known_to == exact for row in self.issued_rows) if self.is_tracked else None

    @property
    def share(self) -> float | None:
        return metrics.share(self.issued, self.roster)

    @cached_property
    def lags(self) -> Sequence[int]:
        return [row.lag_days for row in self.issued_rows if row.lag_days is not None]

    @property
    def has_enough_lags(self) -> bool:
        """Whether enough plans are dated to the day for a meaningful median or P90."""
        return len(self.lags) >= metrics.MIN_LAGS

    @property
    def median_lag_days(self) -> float | None:
        return metrics.median_days(self.lags)

    @property
    def p90_lag_days(self) -> float | None:
        """The lag within which nine of ten came, linear between neighbours; None as for the median."""
        return quantiles(self.lags, n=10, method="inclusive")[-1] if self.has_enough_lags else None


@dataclass(frozen=True)
class RegionRollout(PlanCounts):
    region: Region
    provinces: Sequence[ProvinceRollout]


@dataclass(frozen=True)
class Rollout(PlanCounts):
    """The rollout of one policy on an as-of date, over the roster."""

    policy: Policy
    as_of: date
    provinces: Sequence[ProvinceRollout]
    followers: Sequence[Policy]  # national documents that carry this one out, known by the day

    @property
    def is_tracked(self) -> bool:
        """Whether the policy calls for plans or had one; a record that says "unknown" makes no rollout."""
        return self.policy.calls_for_provincial_plan or any(row.past for row in self.provinces)

    @property
    def origin(self) -> date | None:
        """The day from which lags count."""
        return self.policy.lag_from

    @property
    def inferred(self) -> int | None:
        """Those of the issued ones that were only read from other documents."""
        return sum(bool(row.plan and row.plan.unverified) for row in self.issued_rows) if self.is_tracked else None

    def known_since(self, day: date) -> list[ProvinceRollout]:
        """Return the provinces whose plan in force became known after a day."""
        return [row for row in self.issued_rows if row.plan and (row.plan.known_issued_by or day) > day]

    def repealed_since(self, day: date) -> list[ProvinceRollout]:
        """Return the provinces without a plan since one was repealed after a day."""
        return [row for row in self.provinces if row.repealed_on and row.repealed_on > day]

    @property
    def days_since_policy(self) -> int | None:
        """Days since the national document: for so long a province without a plan has had none."""
        return (self.as_of - self.origin).days if self.origin else None

    @property
    def series(self) -> Sequence[metrics.Step]:
        """The adoption curve; it starts with 0 on the national date once that has come."""
        return self.steps(self.provinces)

    @property
    def dated_series(self) -> Sequence[metrics.Step]:
        return self.steps([row for row in self.provinces if row.past and row.past[0].issued_precision == "day"])

    def steps(self, rows: Sequence[ProvinceRollout]) -> Sequence[metrics.Step]:
        origin = self.origin if self.origin and self.origin <= self.as_of else None
        changes = [change for row in rows for change in row.changes.items()]
        return metrics.adoption_steps(changes, origin) if self.is_tracked else []

    @property
    def half_on(self) -> date | None:
        """The first date by which half of the roster is known to have issued; None before that."""
        return next((step.date for step in self.series if step.issued >= self.roster / 2), None)

    @property
    def by_region(self) -> Sequence[RegionRollout]:
        rows = self.provinces
        return [RegionRollout(region, [row for row in rows if row.province.region == region]) for region in Region]


def build_rollout(policy: Policy, as_of: date) -> Rollout:
    """Build the rollout of a policy on an as-of date, over the roster. Three queries, whatever the number of rows."""
    plans = defaultdict(list)
    for plan in policy.plans.with_status(as_of).select_related("responsible_agency"):
        plans[plan.province_id].append(plan)
    rows = [province_row(province, policy, plans[province.pk]) for province in Province.objects.roster()]
    return Rollout(policy, as_of, rows, list(policy.children.filter(level="national").known(as_of)))


def province_row(province: Province, policy: Policy, plans: Sequence[ProvincialPlan]) -> ProvinceRollout:
    """Return a province with its plans, annotated by `with_status`: the one in force, else what else is known, else the
    one repealed last.
    """
    for plan in plans:
        plan.province, plan.policy = province, policy
    past = sorted((plan for plan in plans if status_of(plan) in ISSUED_ONCE), key=attrgetter("known_issued_by"))
    newest = sorted(plans, key=lambda plan: past.index(plan) if plan in past else -1, reverse=True)
    record = min(newest, key=lambda plan: list(PlanStatus).index(status_of(plan)), default=None)
    status = status_of(record)
    return ProvinceRollout(
        province, status, record if status == PlanStatus.ISSUED else None, policy.lag_from, record, past
    )


def status_of(plan: ProvincialPlan | None) -> PlanStatus:
    """Return the status on the as-of date of a plan annotated by `with_status`."""
    return PlanStatus(getattr(plan, "status_then", PlanStatus.UNKNOWN))


def lag_in_days(plan: ProvincialPlan | None, origin: date | None) -> int | None:
    """Return the days from the national document to a plan; None unless both days are known exactly."""
    if not (plan and plan.issued_on and origin) or plan.issued_precision != Precision.DAY:
        return None
    days: int = (plan.issued_on - origin).days
    return days


def build_province_plans(province: Province, as_of: date) -> list[tuple[Policy, ProvinceRollout]]:
    """Return each policy whose rollout is tracked on the day, with the row of this province. Two queries."""
    if not province.in_roster:
        return []
    policies = Policy.objects.known(as_of).rolled_out().order_by("-is_lead", "known_issued_by", "pk")
    own = province.plans.with_status(as_of).select_related("responsible_agency")
    plans = defaultdict(list)
    for plan in own:
        plans[plan.policy_id].append(plan)
    return [(policy, province_row(province, policy, plans[policy.pk])) for policy in policies]
