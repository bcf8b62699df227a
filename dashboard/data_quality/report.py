"""Data quality report: every rule checked on an as-of date, for the page, its files and its tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import Count, F, Model, OuterRef, Subquery, prefetch_related_objects
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst

from core.text.formatting import join_short, label_value
from dashboard.data_quality.rules import (
    EDIT_CORRECTION,
    EDIT_READINGS,
    PROVINCE_PATHS,
    Check,
    Fault,
    Rule,
    Scope,
    Severity,
    rules_on,
)
from pilots.analytics.reconciliation import BatchCount, build_reconciliation
from pilots.models import Batch, Milestone, Pilot, Reading, StageEntry, Target
from policies.models import Figure, Policy, Province, ProvincialPlan

RELATED_FIELDS: Mapping[type[Model], Sequence[str]] = {
    Policy: ["province"],
    ProvincialPlan: ["province", "policy"],
    Figure: ["province"],
    Batch: ["province", "policy"],
    Pilot: ["province", "batch", "parent__province"],
    StageEntry: ["pilot__province", "pilot__batch"],
    Milestone: ["pilot__province"],
    Target: ["pilot__province", "indicator"],
    Reading: ["pilot__province", "indicator"],
}
RELATED_LISTS: Mapping[type[Model], Sequence[str]] = {Policy: ["agencies"], Batch: ["policy__agencies"]}


class Finding(NamedTuple):
    """One open issue: what is missing or wrong, since when, whom to ask, and where to correct it."""

    rule: Rule
    province: Province | None
    kind: str
    record: str
    detail: str
    since: date | None
    owner: str
    url: str

    @property
    def what(self) -> str:
        """What is missing or wrong, with the detail of the record."""
        return label_value(self.rule.name, self.detail) if self.detail else self.rule.name


@dataclass(frozen=True)
class RuleResult:
    """Result of a rule: the numbers of records checked and of violations; `faults` reads these.

    It was not `checked` where it is about models that the user may not view.
    """

    rule: Rule
    checked: bool
    of: int
    count: int
    faults: Callable[[], list[Fault]]


@dataclass(frozen=True)
class DataQuality:
    """Data quality on an as-of date. `results` holds every rule, also those without findings, by severity."""

    as_of: date
    province: Province | None
    batches: Sequence[BatchCount]
    results: Sequence[RuleResult]

    def count(self, severity: str) -> int:
        """Return the number of findings of a severity."""
        return sum(result.count for result in self.results if result.rule.severity == severity)

    def findings(self, *, rule: str = "", severity: str = "") -> list[Finding]:
        """Return the findings by severity; of one rule or severity if given."""
        return [
            finding_of(result.rule, fault)
            for result in self.results
            if result.count and rule in ("", result.rule.code) and severity in ("", result.rule.severity)
            for fault in result.faults()
        ]


def build_quality(
    as_of: date, province: Province | None = None, kinds: Iterable[type[Model]] | None = None
) -> DataQuality:
    """Check every rule; `kinds` are the models that the user may view, None for all.

    A province leaves out models without one. One query per model and a few more, whatever the number of rows, and one
    per check where findings are read.
    """
    batches = [item for item in build_reconciliation(as_of) if province is None or item.batch.province == province]
    prefetch_related_objects([item.batch for item in batches], "policy__agencies")
    scope = Scope(as_of, province, None if kinds is None else frozenset(kinds), batches)
    rules, worst = rules_on(as_of), list(Severity)
    counts = count_checks([check for rule in rules for check in rule.checks], scope)
    results = [rule_result(rule, scope, counts) for rule in rules]
    return DataQuality(
        as_of=as_of,
        province=province,
        batches=batches if scope.includes(Batch) and scope.includes(Pilot) else [],
        results=sorted(results, key=lambda result: worst.index(result.rule.severity)),
    )


def count_checks(checks: Sequence[Check], scope: Scope) -> dict[int, tuple[int, int]]:
    """Count, by the identity of each check, the records and the violations. One query per model."""
    asked: dict[type[Model], dict[str, Any]] = defaultdict(dict)
    for check in checks:
        if scope.includes(check.model):
            of, amiss = Count("pk", filter=check.population or None), check.population & check.condition
            asked[check.model] |= {f"of_{id(check)}": of, f"amiss_{id(check)}": Count("pk", filter=amiss)}
    found = {name: n for model, counts in asked.items() for name, n in scope.rows(model).aggregate(**counts).items()}
    return {
        id(check): (found[f"of_{id(check)}"], found[f"amiss_{id(check)}"])
        for check in checks
        if f"of_{id(check)}" in found
    }


def rule_result(rule: Rule, scope: Scope, counts: Mapping[int, tuple[int, int]]) -> RuleResult:
    """Return the result of a rule; nothing of models that the user may not view."""
    if rule.run and all(scope.includes(model) for model in rule.reads):
        of, faults = rule.run(scope)
        return RuleResult(rule, True, of, len(faults), lambda: faults)
    counted = [(check, *counts[id(check)]) for check in rule.checks if id(check) in counts]
    return RuleResult(
        rule,
        bool(counted),
        sum(of for _check, of, _amiss in counted),
        sum(amiss for _check, _of, amiss in counted),
        lambda: [fault for check, _of, amiss in counted if amiss for fault in faults_of(check, scope)],
    )


def faults_of(check: Check, scope: Scope) -> list[Fault]:
    """Return the violations of a check, by province. One query, and one more where agencies are named."""
    model = check.model
    entries = model.history.filter(id=OuterRef("pk")).order_by("history_id").values("history_date")[:1]
    rows = scope.rows(model).filter(check.population & check.condition)
    rows = rows.annotate(first_entry=Subquery(entries), **check.annotations)
    path = PROVINCE_PATHS.get(model, "pk")
    order: list[object] = [] if path == "pk" else [F(path).asc(nulls_last=True)]
    rows = rows.select_related(*RELATED_FIELDS.get(model, ())).prefetch_related(*RELATED_LISTS.get(model, ()))
    return [
        Fault(
            row,
            check.place,
            str(read_value(row, check.detail)) if check.detail else "",
            read_value(row, check.since) if check.since else row.first_entry and timezone.localdate(row.first_entry),
        )
        for row in rows.order_by(*order, "pk")
    ]


def read_value(row: Any, source: str | Callable[[Any], Any]) -> Any:
    """Return what a function or a dotted path says of a record."""
    value = source(row) if callable(source) else attrgetter(source)(row)
    return value() if callable(value) else value


def finding_of(rule: Rule, fault: Fault) -> Finding:
    """Return what a fault says of its record, and to whom."""
    row = fault.row
    of_pilot = getattr(row, "pilot_id", None) is not None
    asked = row.policy if isinstance(row, Batch) else row
    owner = row.owner if isinstance(row, Milestone) else ""
    return Finding(
        rule=rule,
        province=row if isinstance(row, Province) else getattr(row.pilot if of_pilot else row, "province", None),
        kind=str(capfirst(row._meta.verbose_name)),
        record=f"{row.pilot} · {row}" if of_pilot and not isinstance(row, Target) else str(row),
        detail=fault.detail,
        since=fault.since,
        owner=join_short(asked.agencies.all()) if isinstance(asked, Policy) else owner,
        url=edit_url(row, fault.place),
    )


def edit_url(row: Any, place: str) -> str:
    """Return the URL of the edit page, at the field; `place` may be an address itself."""
    if place.startswith("/"):
        return place
    if place == EDIT_READINGS:
        return f"{reverse('readings-enter', args=[row.pilot.slug])}?{urlencode({'period': row.due})}"
    if place == EDIT_CORRECTION:
        return f"{reverse('admin:pilots_reading_add')}?{urlencode({'corrects': row.pk})}"
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    return f"{reverse(name, args=[row.pk])}#{place if '-' in place else f'id_{place}'}"


def by_province(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, ordered by province of the roster; those without a province come last."""
    return sorted(findings, key=lambda item: (item.province is None, item.province.pk if item.province else 0))
