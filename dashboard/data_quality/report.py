"""Data quality report: every rule checked on an as-of date, for the page, its files and its tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import chain
from typing import overload

from django.db.models import Count, F, Model, OuterRef, Q, Subquery, prefetch_related_objects

from dashboard.data_quality.findings import PROVINCE_PATHS, Check, Finding, Rule, Scope, Severity
from dashboard.data_quality.rules import RULES
from pilots.analytics.reconciliation import BatchCount, build_reconciliation
from pilots.models import Batch, Milestone, Pilot, Reading, StageEntry, Target
from policies.models import Figure, Policy, Province, ProvincialPlan


@dataclass(frozen=True)
class RulePart:
    """Result of a rule in one model: number of records, of violations, and a function that reads a slice of them."""

    of: int
    count: int
    read: Callable[[int, int | None], Sequence[Finding]]


@dataclass(frozen=True)
class RuleResult:
    """Result of a rule, by model."""

    rule: Rule
    parts: Sequence[RulePart]

    @property
    def of(self) -> int:
        """The number of records checked."""
        return sum(part.of for part in self.parts)

    @property
    def count(self) -> int:
        """The number of violations."""
        return sum(part.count for part in self.parts)


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


class FindingList(Sequence[Finding]):
    """Lazy sequence of findings: slices are read from the database as needed."""

    def __init__(self, parts: Sequence[RulePart]) -> None:
        self.parts = [part for part in parts if part.count]

    def __len__(self) -> int:
        return sum(part.count for part in self.parts)

    @overload
    def __getitem__(self, at: int) -> Finding: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Finding]: ...
    def __getitem__(self, at: int | slice) -> Finding | Sequence[Finding]:
        if isinstance(at, int):
            place = range(len(self))[at]
            return self[place : place + 1][0]
        start, stop, _step = at.indices(len(self))
        found: list[Finding] = []
        for part in self.parts:
            if start < part.count and stop > 0:
                found += part.read(max(0, start), min(stop, part.count))
            start, stop = start - part.count, stop - part.count
        return found

    def __iter__(self) -> Iterator[Finding]:
        return chain.from_iterable(part.read(0, None) for part in self.parts)

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
    counts = count_checks(scope)
    results = [RuleResult(rule, rule_parts(rule, scope, counts)) for rule in RULES]
    worst = list(Severity)
    return DataQuality(
        as_of=as_of,
        province=province,
        batches=batches if scope.includes(Batch) and scope.includes(Pilot) else [],
        results=sorted(results, key=lambda result: worst.index(result.rule.severity)),
    )


CheckCounts = Mapping[tuple[str, int], tuple[int, int]]


def count_checks(scope: Scope) -> CheckCounts:
    """Count, for each check of each rule, the records and the violations. One query per model."""
    by_model: dict[type[Model], list[tuple[str, int, Check]]] = defaultdict(list)
    for rule in RULES:
        for place, check in enumerate(rule.checks):
            if scope.includes(check.model):
                by_model[check.model].append((rule.code, place, check))
    counts: dict[tuple[str, int], tuple[int, int]] = {}
    for model, checks in by_model.items():
        asked: dict[str, object] = {}
        for n, (_code, _place, check) in enumerate(checks):
            asked |= {
                f"of_{n}": count_where(check.population(scope.as_of)),
                f"amiss_{n}": count_where(check.violation(scope.as_of)),
            }
        found = scope.rows(model).aggregate(**asked)
        counts |= {(code, at): (found[f"of_{n}"], found[f"amiss_{n}"]) for n, (code, at, _check) in enumerate(checks)}
    return counts


def count_where(condition: Q) -> Count:
    return Count("pk", filter=condition) if condition else Count("pk")


def rule_parts(rule: Rule, scope: Scope, counts: CheckCounts) -> list[RulePart]:
    """Return the results of a rule by model; nothing of models that the user may not view."""
    if rule.run:
        if not all(scope.includes(model) for model in rule.required_models):
            return []
        of, findings = rule.run(rule, scope)
        return [RulePart(of, len(findings), lambda start, stop: findings[start:stop])]
    return [
        RulePart(*counts[rule.code, place], partial(findings_of, rule, check, scope))
        for place, check in enumerate(rule.checks)
        if (rule.code, place) in counts
    ]


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
    rows = scope.rows(model).filter(check.violation(scope.as_of))
    rows = rows.annotate(first_entry=Subquery(entries), **check.annotations(scope.as_of))
    path = PROVINCE_PATHS.get(model, "pk")
    order: list[object] = [] if path == "pk" else [F(path).asc(nulls_last=True)]
    rows = (
        rows.select_related(*RELATED_FIELDS.get(model, ()))
        .prefetch_related(*RELATED_LISTS.get(model, ()))
        .order_by(*order, "pk")
    )
    return [check.finding(rule, row) for row in rows[start:stop]]
