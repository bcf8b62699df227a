"""Data quality report: every rule checked on an as-of date, for the page, its files and its tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import chain
from typing import Any

from django.db.models import Count, F, Model, OuterRef, Subquery, prefetch_related_objects

from dashboard.data_quality.findings import PROVINCE_PATHS, Check, Finding, Rule, Scope, Severity, condition_on
from dashboard.data_quality.rules import RULES
from pilots.analytics.reconciliation import BatchCount, build_reconciliation
from pilots.models import Batch, Milestone, Pilot, Reading, StageEntry, Target
from policies.models import Figure, Policy, Province, ProvincialPlan

Part = tuple[int, Callable[[int, int | None], Sequence[Finding]]]
"""How many findings a rule has in one model, and how some of them are read."""


@dataclass(frozen=True)
class RuleResult:
    """Result of a rule: the numbers of records checked and of violations, and its parts, by model."""

    rule: Rule
    of: int
    count: int
    parts: Sequence[Part]


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

    def findings(self, *, rule: str = "", severity: str = "") -> FindingList:
        """Return the findings by severity; of one rule or severity if given."""
        chosen = [
            result
            for result in self.results
            if rule in ("", result.rule.code) and severity in ("", result.rule.severity)
        ]
        return FindingList([part for result in chosen for part in result.parts])


class FindingList:
    """Lazy list of findings, for a paginator: slices are read from the database as needed."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts

    def __len__(self) -> int:
        return sum(count for count, _read in self.parts)

    def __getitem__(self, at: Any) -> Any:
        if not isinstance(at, slice):
            return list(self)[at]
        start, stop, _step = at.indices(len(self))
        found: list[Finding] = []
        for count, read in self.parts:
            if start < count and stop > 0:
                found += read(max(0, start), min(stop, count))
            start, stop = start - count, stop - count
        return found

    def __iter__(self) -> Iterator[Finding]:
        return chain.from_iterable(read(0, None) for count, read in self.parts if count)

    def by_province(self) -> list[Finding]:
        """Return all findings, ordered by province of the roster; those without a province come last."""
        return sorted(self, key=lambda item: (item.province is None, item.province.pk if item.province else 0))


def build_quality(
    as_of: date, province: Province | None = None, kinds: Iterable[type[Model]] | None = None
) -> DataQuality:
    """Check every rule; `kinds` are the models that the user may view, None for all.

    A province leaves out models without one. One query per model and a few more, whatever the number of rows; findings
    are read as they are shown.
    """
    batches = [item for item in build_reconciliation(as_of) if province is None or item.batch.province == province]
    prefetch_related_objects([item.batch for item in batches], "policy__agencies")
    scope = Scope(as_of, province, None if kinds is None else frozenset(kinds), batches)
    counts, worst = count_checks(scope), list(Severity)
    results = [rule_result(rule, scope, counts) for rule in RULES]
    return DataQuality(
        as_of=as_of,
        province=province,
        batches=batches if scope.includes(Batch) and scope.includes(Pilot) else [],
        results=sorted(results, key=lambda result: worst.index(result.rule.severity)),
    )


CheckCounts = Mapping[tuple[str, int], tuple[int, int]]
"""By code of the rule and place of the check, how many records were checked and how many violate it."""


def count_checks(scope: Scope) -> CheckCounts:
    """Count, for each check of each rule, the records and the violations. One query per model."""
    checks = [(rule.code, place, check) for rule in RULES for place, check in enumerate(rule.checks)]
    checks = [(code, place, check) for code, place, check in checks if scope.includes(check.model)]
    asked: dict[type[Model], dict[str, Any]] = defaultdict(dict)
    for n, (_code, _place, check) in enumerate(checks):
        among = condition_on(scope.as_of, check.population)
        amiss = among & condition_on(scope.as_of, check.condition)
        asked[check.model] |= {f"of_{n}": Count("pk", filter=among or None), f"amiss_{n}": Count("pk", filter=amiss)}
    found = {name: n for model, counts in asked.items() for name, n in scope.rows(model).aggregate(**counts).items()}
    return {(code, place): (found[f"of_{n}"], found[f"amiss_{n}"]) for n, (code, place, _check) in enumerate(checks)}


def rule_result(rule: Rule, scope: Scope, counts: CheckCounts) -> RuleResult:
    """Return the result of a rule; nothing of models that the user may not view."""
    if rule.run and all(scope.includes(model) for model in rule.required_models):
        of, findings = rule.run(rule, scope)
        return RuleResult(rule, of, len(findings), [(len(findings), lambda start, stop: findings[start:stop])])
    counted = [(check, *counts[rule.code, n]) for n, check in enumerate(rule.checks) if (rule.code, n) in counts]
    parts: list[Part] = [(amiss, partial(findings_of, rule, check, scope)) for check, _of, amiss in counted]
    return RuleResult(rule, sum(of for _c, of, _n in counted), sum(amiss for _c, _of, amiss in counted), parts)


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


def findings_of(rule: Rule, check: Check, scope: Scope, start: int, stop: int | None) -> list[Finding]:
    """Return the violations of a check, by province. One query, and one more where agencies are named."""
    model = check.model
    entries = model.history.filter(id=OuterRef("pk")).order_by("history_id").values("history_date")[:1]
    rows = scope.rows(model).filter(condition_on(scope.as_of, check.population, check.condition))
    rows = rows.annotate(first_entry=Subquery(entries), **check.annotations(scope.as_of))
    path = PROVINCE_PATHS.get(model, "pk")
    order: list[object] = [] if path == "pk" else [F(path).asc(nulls_last=True)]
    rows = rows.select_related(*RELATED_FIELDS.get(model, ())).prefetch_related(*RELATED_LISTS.get(model, ()))
    return [check.finding(rule, row) for row in rows.order_by(*order, "pk")[start:stop]]
