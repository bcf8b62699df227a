"""Data quality rules, their checks, and findings: the record's name, province, contact and edit page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Any
from urllib.parse import urlencode

from django.db.models import Model, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.text.formatting import StatusChoices, join_short, label_value
from pilots.analytics.reconciliation import BatchCount
from pilots.models import Batch, Milestone, Pilot, Reading, StageEntry, Target
from pilots.models.replan import PlannedDayModel, with_planned_day
from policies.models import Figure, Policy, Province, ProvincialPlan

PROVINCE_PATHS: Mapping[type[Model], str] = {
    Province: "pk",
    **dict.fromkeys((Policy, ProvincialPlan, Figure, Batch, Pilot), "province"),
    **dict.fromkeys((StageEntry, Milestone, Target, Reading), "pilot__province"),
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
        rows: QuerySet[Any] = model._default_manager.order_by()
        if issubclass(model, PlannedDayModel):
            rows = with_planned_day(rows, self.as_of)
        return rows.filter(**{PROVINCE_PATHS[model]: self.province.pk}) if self.province else rows


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


Condition = Q | Callable[[date], Q]
"""A condition on records, or a function of the as-of date that returns one."""
CheckResult = tuple[int, Sequence[Finding]]  # how many things were looked at, and what was found


def condition_on(as_of: date, *conditions: Condition) -> Q:
    """Return the conditions on a day, all of which hold."""
    whole = Q()
    for condition in conditions:
        whole &= condition(as_of) if callable(condition) else condition
    return whole


@dataclass(frozen=True)
class Check:
    """The condition of a rule in one model.

    `population` selects the records that are checked (the denominator), `condition` the violations. `field` is the
    field to correct, `since` the date from which it is violated, by default the day on which the record was entered,
    and `detail` what is particular to the record: both are a dotted path or a function of the record. `annotations` are
    query annotations that these need.
    """

    model: Any
    condition: Condition
    population: Condition
    field: str
    since: str | Callable[[Any], date] = ""
    detail: str | Callable[[Any], str] = ""
    annotations: Callable[[date], Mapping[str, object]] = lambda as_of: {}

    def finding(self, rule: Rule, row: Any) -> Finding:
        """Return the finding about a record that violates the condition."""
        entered = timezone.localtime(row.first_entry).date() if row.first_entry else None
        since = read_value(row, self.since) if self.since else entered
        detail = str(read_value(row, self.detail)) if self.detail else ""
        return record_finding(rule, row, self.field, detail=detail, since=since)


def read_value(row: Any, source: str | Callable[[Any], Any]) -> Any:
    """Return what a function or a dotted path says of a record."""
    value = source(row) if callable(source) else attrgetter(source)(row)
    return value() if callable(value) else value


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


# -- what a finding says of its record ------------------------------------------------------------------------------


def record_finding(rule: Rule, row: Any, place: str, **more: Any) -> Finding:
    """Return a finding about a record, whose `place` is to be corrected; `more` are its detail and date."""
    of_pilot = getattr(row, "pilot_id", None) is not None
    home = row.pilot if of_pilot else row
    asked = row.policy if isinstance(row, Batch) else row
    if isinstance(row, Milestone):
        owner = row.owner
    else:
        owner = join_short(asked.agencies.all()) if isinstance(asked, Policy) else ""
    given = {
        "rule": rule,
        "province": row if isinstance(row, Province) else getattr(home, "province", None),
        "kind": str(capfirst(row._meta.verbose_name)),
        "record": f"{row.pilot} · {row}" if of_pilot and not isinstance(row, Target) else str(row),
        "owner": owner,
        "url": edit_url(row, place),
    }
    return Finding(**given, **more)


def edit_url(row: Any, place: str) -> str:
    """Return the URL of the edit page, at the field."""
    if place == EDIT_READINGS:
        return f"{reverse('admin:pilots_pilot_readings', args=[row.pilot_id])}?{urlencode({'to': row.due})}"
    if place == EDIT_CORRECTION:
        return f"{reverse('admin:pilots_reading_add')}?{urlencode({'corrects': row.pk})}"
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    return f"{reverse(name, args=[row.pk])}#{place if '-' in place else f'id_{place}'}"
