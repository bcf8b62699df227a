"""Base class of the kinds of targets, and the light and sentences of a bound, which several kinds share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import ClassVar, NamedTuple, Protocol

from django.db.models import CheckConstraint, TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.text.formatting import format_alike, format_percent, number_with_unit
from pilots.metrics.decimals import Number, decimal_or_none
from pilots.metrics.lights import COLOUR_GRADES, Colour, IndicatorLight, LightReason, grade_of_gap
from pilots.metrics.progress import Direction, TargetPath

# -- what a rule reads; records and rows of values have these attributes -----------------------------------


class IndicatorFields(Protocol):
    """Fields of an indicator."""

    @property
    def name(self) -> str: ...
    @property
    def direction(self) -> str: ...
    @property
    def unit_text(self) -> str: ...


class StepFields(Protocol):
    """Fields of a step on the way to a target."""

    @property
    def year(self) -> int: ...
    @property
    def value(self) -> Decimal: ...


class TargetFields(Protocol):
    """Fields of a target."""

    @property
    def indicator(self) -> IndicatorFields: ...
    @property
    def base_year(self) -> int | None: ...
    @property
    def base_value(self) -> Decimal | None: ...
    @property
    def target_year(self) -> int: ...
    @property
    def target_value(self) -> Decimal | None: ...
    @property
    def target_text(self) -> str: ...
    @property
    def done_on(self) -> date | None: ...


class RatedTarget(Protocol):
    """Target with its light; `year` is the year of the reading that the light is about."""

    @property
    def target(self) -> TargetFields: ...
    @property
    def year(self) -> int: ...
    @property
    def light(self) -> IndicatorLight: ...


@dataclass(frozen=True)
class Observation:
    """What is known of a target on a day: the accepted value of a year, and whether its pilot `reports` any value."""

    actual: Decimal | None
    year: int
    as_of: date
    reports: bool


class FieldConstraint(NamedTuple):
    """Check constraint of a kind, and the field at which a form shows its message."""

    field: str
    constraint: CheckConstraint


class TargetRule:
    """Everything that depends on the kind of a target. A subclass overrides what differs."""

    code: ClassVar[str]
    label: ClassVar[Promise]
    measured: ClassVar[bool] = True
    """Whether it is compared with readings; else it is a task, done or not."""
    has_path: ClassVar[bool] = False
    """Whether it leads from a base to a value, so that there is progress to measure."""
    has_base: ClassVar[bool] = False
    """Whether a base belongs to it: tables then say where it is missing."""
    needs_value: ClassVar[bool] = False
    """Whether it needs a target value."""
    constraints: ClassVar[Sequence[FieldConstraint]] = ()
    bound_label: ClassVar[Promise] = gettext_lazy("target")
    """Name of its bounds in a chart."""

    def light(self, target: TargetFields, steps: Sequence[StepFields], seen: Observation) -> IndicatorLight:
        """Return the light of a target."""
        raise NotImplementedError

    def path(self, target: TargetFields, steps: Sequence[StepFields]) -> TargetPath | None:
        """Return the path from the base through the steps to the target; None for a kind without one."""
        return None

    def bound(self, target: TargetFields) -> Decimal | None:
        """Return the value that is not to be passed, or is to be reached."""
        return target.target_value

    def aim(self, target: TargetFields) -> Decimal | None:
        """Return the value that tables show as the target."""
        return self.bound(target) if target.target_value is None else target.target_value

    def bounds(self, target: TargetFields) -> list[Decimal]:
        """Return the values of the horizontal lines of a chart without a path."""
        bound = self.bound(target)
        return [] if bound is None else [bound]

    def sentence(self, item: RatedTarget) -> str:
        """Return the text of a target's state: what was due, what was achieved, and the base of its percentage."""
        return reason_text(item.target.indicator.name, item.light)


# -- sentences ---------------------------------------------------------------------------------------------


def reason_text(name: str, light: IndicatorLight) -> str:
    """Return the text of a light without numbers."""
    return _("%(name)s: %(why)s") % {"name": name, "why": light.why.label}


def level_params(item: RatedTarget) -> dict[str, str]:
    """Return the parameters of sentences about a level: expected and actual with equal decimals, year, indicator."""
    indicator, light = item.target.indicator, item.light
    values = [value for value in (light.expected, light.actual) if value is not None]
    expected, actual = (number_with_unit(number, indicator.unit_text) for number in format_alike(values))
    return {"name": indicator.name, "expected": expected, "actual": actual, "year": due_year_text(item)}


def due_year_text(item: RatedTarget) -> str:
    """Return the year by which the expected value was due, as text."""
    return str(min(item.year, item.target.target_year))


def unit_of_change(indicator: IndicatorFields) -> str:
    """Return the unit of a difference: percentage points for two percentages."""
    return _("percentage points") if indicator.unit_text == "%" else indicator.unit_text


# -- a bound -----------------------------------------------------------------------------------------------


class BoundRule(TargetRule):
    """Rule of a value that must stay on the better side of a bound in every period; RULE_INDICATOR.

    `reasons` are those of green, yellow and red, `missing` that of an unknown bound. The sentences say by how much a
    value is above or below, and `part_text` what the percentage is of.
    """

    reasons: ClassVar[type[TextChoices]]
    missing: ClassVar[LightReason]
    above_text: ClassVar[Promise]
    below_text: ClassVar[Promise]
    part_text: ClassVar[Promise]

    def light(self, target: TargetFields, steps: Sequence[StepFields], seen: Observation) -> IndicatorLight:
        return self.light_of_value(seen.actual, self.bound(target), Direction(target.indicator.direction))

    def light_of_value(self, actual: Number | None, bound: Number | None, direction: Direction) -> IndicatorLight:
        """Return the light of a value; `direction` names the better side.

        The gap is a fraction of the bound; beyond a bound of 0 is always red.
        """
        if actual is None or bound is None:
            unrated = LightReason.NO_READING if actual is None else self.missing
            return IndicatorLight(Colour.GREY, unrated, decimal_or_none(actual), decimal_or_none(bound))
        excess = excess_over(actual, bound, direction)
        gap = excess / bound if bound > 0 else None
        grade = grade_of_gap(gap) if gap is not None else 0 if excess <= 0 else 2
        why = list(self.reasons)[grade]
        return IndicatorLight(COLOUR_GRADES[grade], why, Decimal(actual), Decimal(bound), shortfall=gap)

    def sentence(self, item: RatedTarget) -> str:
        """Return by how much a value is on the wrong side of its bound, absolute and relative."""
        light, indicator = item.light, item.target.indicator
        if light.colour not in {Colour.YELLOW, Colour.RED} or light.expected is None or light.actual is None:
            return super().sentence(item)
        bound, stood, over = format_alike([light.expected, light.actual, abs(light.actual - light.expected)])
        numbers = {
            "name": indicator.name,
            "year": item.year,
            "actual": number_with_unit(stood, indicator.unit_text),
            "over": number_with_unit(over, unit_of_change(indicator)),
            "bound": number_with_unit(bound, indicator.unit_text),
        }
        text = str(self.above_text if indicator.direction == Direction.LOWER else self.below_text) % numbers
        if light.shortfall is None:  # no percentage of a bound of 0
            return text
        part = str(self.part_text) % {"part": format_percent(light.shortfall)}
        return _("%(text)s (%(part)s)") % {"text": text, "part": part}


def excess_over(value: Number, bound: Number, direction: Direction) -> Decimal:
    """Return how much worse a value is than a bound; negative when it is better."""
    over = Decimal(value) - bound
    return over if direction == Direction.LOWER else -over
