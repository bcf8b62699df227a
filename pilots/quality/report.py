"""Every rule held against the records on a day: one value for the page, its files and its tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import chain
from typing import Any, overload

from django.db.models import Count, F, Model, OuterRef, Q, Subquery, prefetch_related_objects

from pilots.models import Batch, Milestone, Pilot, Reading, StageEntry, Target
from pilots.quality.rules import RULES
from pilots.quality.shape import PROVINCE_PATHS, Check, Finding, Rule, Scope, Severity
from pilots.quality.words import finding
from pilots.reconcile import BatchCount, build_reconciliation
from policies.models import Figure, Policy, Province, ProvincialPlan


@dataclass(frozen=True)
class Part:
    """What a rule found in one kind of record: of how many, how many are amiss, and what reads a stretch of them."""

    of: int
    count: int
    read: Callable[[int, int | None], Sequence[Finding]]


@dataclass(frozen=True)
class Result:
    """What a rule found, kind by kind."""

    rule: Rule
    parts: Sequence[Part]

    @property
    def of(self) -> int:
        """How many records it looked at."""
        return sum(part.of for part in self.parts)

    @property
    def count(self) -> int:
        """How many of them are amiss."""
        return sum(part.count for part in self.parts)


@dataclass(frozen=True)
class Quality:
    """The state of the records on a day. `results` holds every rule, those included that found nothing, worst first."""

    as_of: date
    province: Province | None
    batches: Sequence[BatchCount]
    results: Sequence[Result]

    def found(self, severity: str) -> int:
        """How many findings of a severity there are."""
        return sum(result.count for result in self.results if result.rule.severity == severity)

    def chase(self, *, rule: str = "", severity: str = "") -> Chase:
        """What was found, worst first; of one rule or severity where it is given."""
        chosen = [
            result
            for result in self.results
            if rule in ("", result.rule.code) and severity in ("", result.rule.severity)
        ]
        return Chase([part for result in chosen for part in result.parts])


class Chase(Sequence[Finding]):
    """Findings in a row, read from the database only as far as they are looked at."""

    def __init__(self, parts: Sequence[Part]) -> None:
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
        """All of it, grouped by province in the order of the roster; what belongs to none comes last."""
        return sorted(self, key=lambda item: (item.province is None, item.province.pk if item.province else 0))


def build_quality(as_of: date, province: Province | None = None, kinds: Iterable[type[Model]] | None = None) -> Quality:
    """Every rule held against the records; `kinds` are those that the reader may see, all when it is None.

    A province leaves out the kinds of records that have none. One query for each kind of record and a few more,
    whatever the number of rows; a chase list reads what it shows.
    """
    batches = [item for item in build_reconciliation(as_of) if province is None or item.batch.province == province]
    prefetch_related_objects([item.batch for item in batches], "policy__agencies")
    scope = Scope(as_of, province, None if kinds is None else frozenset(kinds), batches)
    counts = counted(scope)
    results = [Result(rule, parts_of(rule, scope, counts)) for rule in RULES]
    worst = list(Severity)
    return Quality(
        as_of=as_of,
        province=province,
        batches=batches if scope.sees(Batch) and scope.sees(Pilot) else [],
        results=sorted(results, key=lambda result: worst.index(result.rule.severity)),
    )


Counts = Mapping[tuple[str, int], tuple[int, int]]


def counted(scope: Scope) -> Counts:
    """For each check of each rule how many records it looks at and how many are amiss. One query for each kind."""
    by_model: dict[type[Model], list[tuple[str, int, Check]]] = defaultdict(list)
    for rule in RULES:
        for place, check in enumerate(rule.checks):
            if scope.sees(check.model):
                by_model[check.model].append((rule.code, place, check))
    counts: dict[tuple[str, int], tuple[int, int]] = {}
    for model, checks in by_model.items():
        asked: dict[str, Any] = {}
        for n, (_code, _place, check) in enumerate(checks):
            asked |= {f"of_{n}": how_many(check.among(scope.as_of)), f"amiss_{n}": how_many(check.amiss(scope.as_of))}
        found = scope.rows(model).aggregate(**asked)
        counts |= {(code, at): (found[f"of_{n}"], found[f"amiss_{n}"]) for n, (code, at, _check) in enumerate(checks)}
    return counts


def how_many(condition: Q) -> Count:
    return Count("pk", filter=condition) if condition else Count("pk")


def parts_of(rule: Rule, scope: Scope, counts: Counts) -> list[Part]:
    """What a rule found, kind by kind; nothing of what the reader may not see."""
    if rule.tell:
        return [told(*rule.tell(rule, scope))] if all(scope.sees(model) for model in rule.needs) else []
    return [
        Part(*counts[rule.code, place], partial(findings_of, rule, check, scope))
        for place, check in enumerate(rule.checks)
        if (rule.code, place) in counts
    ]


def told(of: int, findings: Sequence[Finding]) -> Part:
    return Part(of, len(findings), lambda start, stop: findings[start:stop])


RELATED: Mapping[type[Model], Sequence[str]] = {
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
LISTS: Mapping[type[Model], Sequence[str]] = {Policy: ["agencies"], Batch: ["policy__agencies"]}


def findings_of(rule: Rule, check: Check, scope: Scope, start: int, stop: int | None) -> list[Finding]:
    """The rows of a check, by province. One query, and one more where the agencies are told."""
    model = check.model
    entries = model.history.filter(id=OuterRef("pk")).order_by("history_id").values("history_date")[:1]
    rows = scope.rows(model).filter(check.amiss(scope.as_of))
    rows = rows.annotate(first_entry=Subquery(entries), **check.notes(scope.as_of))
    path = PROVINCE_PATHS.get(model, "pk")
    order: list[Any] = [] if path == "pk" else [F(path).asc(nulls_last=True)]
    rows = rows.select_related(*RELATED.get(model, ())).prefetch_related(*LISTS.get(model, ())).order_by(*order, "pk")
    return [finding(rule, check, row) for row in rows[start:stop]]
