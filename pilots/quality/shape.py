"""What a rule of data quality is made of, and what it hands back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Model, Q, QuerySet, TextChoices
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from config.words import labelled
from pilots.models import Batch, Milestone, Pilot, Reading, StageEntry, Target
from pilots.reconcile import BatchCount
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
}
"""Where a record's province stands: itself, its own, or its pilot's."""

SOURCES, READINGS, CORRECTION = "sources", "readings", "correction"
"""Places to mend that are no field of the record: its list of sources, the page on which readings are entered, and the
form for the next version of a reading."""


class Severity(TextChoices):
    """How bad it is: something cannot be true, something is not there, or somebody has to look."""

    ERROR = "error", pgettext_lazy("severity", "error")
    GAP = "gap", pgettext_lazy("severity", "gap")
    VERIFY = "verify", _("to verify")


@dataclass(frozen=True)
class Finding:
    """One line of the chase list: what is missing or wrong where, since when, whom to ask, and where it is mended."""

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
        """What is missing or wrong, with what is particular to the record."""
        return labelled(self.rule.name, self.detail) if self.detail else str(self.rule.name)


Condition = Callable[[date], Q]
Told = tuple[int, Sequence[Finding]]  # how many things were looked at, and what was found


def always(as_of: date) -> Q:
    return Q()


def nothing(row: Any) -> str:
    return ""


def first_entered(row: Any) -> date | None:
    """The day on which a record was entered, where nothing better is known."""
    return timezone.localtime(row.first_entry).date() if row.first_entry else None


@dataclass(frozen=True)
class Check:
    """One kind of record that a rule looks at, in one question.

    `among` says which records it looks at (its denominator), `fault` what is amiss in them. `place` is the field to
    mend, or says it of a record; `since` from when on it is amiss; `notes` are annotations that these need.
    """

    model: Any
    fault: Condition
    among: Condition = always
    place: str | Callable[[Any], str] = ""
    since: Callable[[Any], date | None] = first_entered
    detail: Callable[[Any], str] = nothing
    notes: Callable[[date], Mapping[str, Any]] = lambda as_of: {}

    def amiss(self, as_of: date) -> Q:
        return self.among(as_of) & self.fault(as_of)


@dataclass(frozen=True)
class Rule:
    """One thing that can be wrong. `checks` ask single kinds of records; `tell` finds what no such question can.

    `needs` are the kinds of records that `tell` reads.
    """

    code: str
    severity: Severity
    name: str | Promise
    meaning: str | Promise
    remedy: str | Promise
    checks: Sequence[Check] = ()
    tell: Callable[[Rule, Scope], Told] | None = None
    needs: Sequence[type[Model]] = ()


@dataclass(frozen=True)
class Scope:
    """What is asked about: a day, a province or all, and the kinds of records that the reader may see."""

    as_of: date
    province: Province | None
    kinds: frozenset[type[Model]] | None
    batches: Sequence[BatchCount]

    def sees(self, model: type[Model]) -> bool:
        """Whether a kind is asked about; with a province only one whose records have one."""
        return (self.kinds is None or model in self.kinds) and (self.province is None or model in PROVINCE_PATHS)

    def rows(self, model: Any) -> QuerySet[Any]:
        """The records of a kind that are asked about."""
        rows: QuerySet[Any] = model._default_manager.order_by()
        return rows.filter(**{PROVINCE_PATHS[model]: self.province.pk}) if self.province else rows
