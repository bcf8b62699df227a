"""Checks that span several models: announced and recorded numbers, missing plans, and the order of stages."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from core.text.formatting import label_value
from dashboard.data_quality.findings import CheckResult, Finding, Rule, Scope, of_pilot, record_finding
from pilots.analytics.reconciliation import KindCount
from pilots.models import Batch, StageEntry
from pilots.models.stage_entry import stage_order_faults
from policies.metrics import known
from policies.models import Policy, Province, ProvincialPlan


def not_entered(rule: Rule, scope: Scope) -> CheckResult:
    """Find kinds of pilots of which a batch announced more than are recorded or withdrawn."""
    found = [
        replace(count_finding(rule, batch, kind, count_text(kind)), url=add_pilot_url(batch, kind.kind))
        for batch, kind in announced_counts(scope)
        if kind.numbers.to_enter
    ]
    return len(announced_counts(scope)), found


def beyond_announced(rule: Rule, scope: Scope) -> CheckResult:
    """Find kinds of pilots of which a batch announced fewer than are recorded or withdrawn."""
    found = [
        count_finding(rule, batch, kind, count_text(kind))
        for batch, kind in announced_counts(scope)
        if kind.numbers.surplus
    ]
    return len(announced_counts(scope)), found


def announced_counts(scope: Scope) -> list[tuple[Batch, KindCount]]:
    every = [(item.batch, kind) for item in scope.batches for kind in item.kinds]
    return [(batch, kind) for batch, kind in every if kind.numbers.announced is not None]


def count_finding(rule: Rule, batch: Batch, kind: KindCount, detail: str) -> Finding:
    return record_finding(rule, batch, f"{kind.kind}_count", detail=detail, since=batch.known_by)


def count_text(kind: KindCount) -> str:
    numbers = vars(kind.numbers)
    text = _("%(announced)d announced, %(recorded)d recorded")
    if kind.numbers.withdrawn:
        text = _("%(announced)d announced, %(recorded)d recorded, %(withdrawn)d withdrawn")
    return label_value(kind.label, text % numbers)


def add_pilot_url(batch: Batch, kind: str) -> str:
    """Return the URL of the form for a new pilot of the batch and kind."""
    known_already = {"batch": batch.pk, "kind": kind}
    if batch.province_id:
        known_already["province"] = batch.province_id
    return f"{reverse('admin:pilots_pilot_add')}?{urlencode(known_already)}"


def plan_not_recorded(rule: Rule, scope: Scope) -> CheckResult:
    """Find provinces of the roster without a record for a policy that calls for plans."""
    policies = list(Policy.objects.filter(known(scope.as_of), calls_for_provincial_plan=True))
    provinces = list(scope.rows(Province).filter(in_roster=True).order_by("pk"))
    pairs = ProvincialPlan.objects.order_by().values_list("policy", "province")
    recorded = set(pairs.filter(policy__in=[policy.pk for policy in policies]))
    found = [
        Finding(
            rule=rule,
            province=province,
            kind=str(capfirst(ProvincialPlan._meta.verbose_name)),
            record=f"{province.short} · {policy.name}",
            detail="",
            since=policy.known_issued_by,
            owner="",
            url=f"{reverse('admin:policies_provincialplan_add')}?"
            + urlencode({"policy": policy.pk, "province": province.pk}),
        )
        for policy in policies
        for province in provinces
        if (policy.pk, province.pk) not in recorded
    ]
    return len(policies) * len(provinces), found


def out_of_order(rule: Rule, scope: Scope) -> CheckResult:
    """Find stage entries that contradict the pilot's others."""
    entered = of_pilot(scope.as_of), {"entered_on__lte": scope.as_of}
    rows = scope.rows(StageEntry).filter(entered[0], **entered[1]).select_related("pilot__province").order_by("pk")
    by_pilot: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        by_pilot[row.pilot_id].append(row)
    found = []
    for own in by_pilot.values():
        for row, field, text in stage_order_faults(own, as_of=scope.as_of):
            found.append(record_finding(rule, row, field, detail=text, since=row.entered_on))
    return sum(map(len, by_pilot.values())), found
