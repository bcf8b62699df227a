"""Types of the data quality rules and their results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.text.joining import label_value
from core.text.status_choices import StatusChoices
from pilots.analytics.reconciliation import BatchCount
from pilots.models import Adoption, Batch, Effect, FollowUp, Milestone, Pilot, Practice, Reading, StageEntry, Target
from policies.models import Figure, Policy, Province, ProvincialPlan

PROVINCE_PATHS: Mapping[type[Model], str] = {
    Province: "pk",
    Policy: "province",
    ProvincialPlan: "province",
    Figure: "province",
    Batch: "province",
    Pilot: "province",
    StageEntry: "pilot__province",
    Milestone: "pilot__province",
    Target: "pilot__province",
    Reading: "pilot__province",
    FollowUp: "province",
    Practice: "province",
    Adoption: "province",
    Effect: "province",
}
"""Where a record's province stands: itself, its own, or its pilot's."""

EDIT_SOURCES, EDIT_READINGS, EDIT_CORRECTION = "sources", "readings", "correction"
"""Places to mend that are no field of the record: its list of sources, the page on which readings are entered, and the
form for the next version of a reading."""


class Severity(StatusChoices):
    """Severity: a contradiction, something missing, or something to verify."""

    ERROR = "error", "red", pgettext_lazy("severity", "error")
    GAP = "gap", "yellow", pgettext_lazy("severity", "gap")
    VERIFY = "verify", "blue", _("to verify")


@dataclass(frozen=True)
class Finding:
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
        return label_value(self.rule.name, self.detail) if self.detail else str(self.rule.name)


Condition = Callable[[date], Q]
CheckResult = tuple[int, Sequence[Finding]]  # how many things were looked at, and what was found


def always(as_of: date) -> Q:
    return Q()


def no_detail(row: object) -> str:
    return ""


def first_entered(row: Any) -> date | None:
    """The date on which a record was entered, where nothing better is known."""
    return timezone.localtime(row.first_entry).date() if row.first_entry else None


@dataclass(frozen=True)
class Check:
    """The condition of a rule in one model.

    `population` selects the records that are checked (the denominator), `condition` the violations. `field` is the
    field to correct, or a function of the record; `since` the date from which it is violated; `annotations` are query
    annotations that these need.
    """

    model: Any
    condition: Condition
    population: Condition = always
    field: str | Callable[[object], str] = ""
    since: Callable[[object], date | None] = first_entered
    detail: Callable[[Any], str] = no_detail
    annotations: Callable[[date], Mapping[str, object]] = lambda as_of: {}

    def violation(self, as_of: date) -> Q:
        return self.population(as_of) & self.condition(as_of)


@dataclass(frozen=True)
class Rule:
    """A data quality rule. `checks` are conditions on single models; `run` computes what no such condition can.

    `required_models` are the models that `run` reads.
    """

    code: str
    severity: Severity
    name: str | Promise
    meaning: str | Promise
    remedy: str | Promise
    checks: Sequence[Check] = ()
    run: Callable[[Rule, Scope], CheckResult] | None = None
    required_models: Sequence[type[Model]] = ()


@dataclass(frozen=True)
class Scope:
    """What is checked: as-of date, a province or all, and the models that the user may view."""

    as_of: date
    province: Province | None
    models: frozenset[type[Model]] | None
    batches: Sequence[BatchCount]

    def includes(self, model: type[Model]) -> bool:
        """Whether a model is checked; with a province only if its records have one."""
        return (self.models is None or model in self.models) and (self.province is None or model in PROVINCE_PATHS)

    def rows(self, model: type[Model]) -> QuerySet[Any]:
        """Return the records of a model that are checked."""
        rows: QuerySet[Model] = model._default_manager.order_by()
        return rows.filter(**{PROVINCE_PATHS[model]: self.province.pk}) if self.province else rows
