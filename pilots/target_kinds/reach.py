"""Targets to reach: from a base, perhaps through steps, to a value by the end of a year."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from django.db.models import CheckConstraint, F, Q, TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.text.formatting import CHANGE_DIGITS, format_alike, format_percent, number_with_unit
from pilots.metrics.decimals import Number, decimal_or_none
from pilots.metrics.lights import COLOUR_GRADES, Colour, IndicatorLight, LightReason, grade_of_gap
from pilots.metrics.progress import (
    Direction,
    PathPoint,
    TargetPath,
    expected_value,
    shortfall,
    target_progress,
)
from pilots.target_kinds.base import (
    FieldConstraint,
    Observation,
    RatedTarget,
    StepFields,
    TargetFields,
    TargetRule,
    due_year_text,
    excess_over,
    level_params,
    unit_of_change,
)
from pilots.target_kinds.keep import KeepReason, KeepRule
from pilots.target_kinds.limit import LimitReason, LimitRule

TOO_EARLY_BELOW = Decimal("0.10")


class ReachReason(TextChoices):
    """Code of the reason for the light of a value to reach."""

    ON_SCHEDULE = "on_schedule", gettext_lazy("on schedule")
    BEHIND = "behind", gettext_lazy("behind schedule by up to 10 % of the change due")
    FAR_BEHIND = "far_behind", gettext_lazy("behind schedule by more than 10 % of the change due")
    REVERSED = "reversed", gettext_lazy("reversed: worse than the base")
    TOO_EARLY = "too_early", gettext_lazy("too early to rate")


def reach_light(
    base: Number | None,
    actual: Number | None,
    target: Number | None,
    share: Decimal | None,
    direction: Direction,
) -> IndicatorLight:
    """Return the light of a target to reach when `share` (E) of the change is due; RULE_INDICATOR.

    `actual` is the accepted value of the period due. Grey without it and before a tenth is due; green when nothing is
    missing of what is due; yellow up to 10 %; red beyond, and called reversed when the value is worse than its base.
    The tolerance of 1e-9 keeps a gap of exactly a tenth yellow. A target equal to its base is one to keep; a target on
    the worse side of its base (a capped rise) is a limit at the expected value: this system's own convention.
    """
    if base is not None and base == target:
        return KeepRule().light_of_value(actual, base, direction)
    expected, done = expected_value(base, target, share), target_progress(base, actual, target)
    gap, unrated = shortfall(done, share), _unrated_reason(base, actual, target, share)
    if unrated or done is None or gap is None:
        why = unrated or LightReason.NO_READING
        return IndicatorLight(Colour.GREY, why, decimal_or_none(actual), expected, done, share)
    if base is not None and target is not None and excess_over(target, base, direction) > 0:
        return LimitRule().light_of_value(actual, expected, direction)
    grade = grade_of_gap(gap)
    reasons = (ReachReason.ON_SCHEDULE, ReachReason.BEHIND, ReachReason.FAR_BEHIND)
    why = ReachReason.REVERSED if done < 0 else reasons[grade]
    return IndicatorLight(COLOUR_GRADES[grade], why, decimal_or_none(actual), expected, done, share, gap)


def _unrated_reason(
    base: Number | None, actual: Number | None, target: Number | None, share: Decimal | None
) -> TextChoices | None:
    """Return why a target to reach cannot be rated, or None. Too early comes first: no value is due then."""
    if share is not None and share < TOO_EARLY_BELOW:
        return ReachReason.TOO_EARLY
    if actual is None:
        return LightReason.NO_READING
    if base is None:
        return LightReason.NO_BASE
    if target is None:
        return LightReason.NO_TARGET
    return LightReason.NO_DATE if share is None else None


class ReachRule(TargetRule):
    """Rule of a value to reach: the change due by now is measured along the path from the base to the target."""

    code = "reach"
    label = gettext_lazy("Reach a value")
    has_path = True
    has_base = True
    needs_value = True
    constraints = (
        FieldConstraint(
            "target_year",
            CheckConstraint(
                condition=Q(base_year__isnull=True) | Q(target_year__gt=F("base_year")) | ~Q(kind="reach"),
                name="target_after_base",
                violation_error_message=gettext_lazy("The target year comes after the base year."),
            ),
        ),
    )

    def light(self, target: TargetFields, steps: Sequence[StepFields], seen: Observation) -> IndicatorLight:
        path = self.path(target, steps)
        share = path.expected_share(min(seen.year, target.target_year)) if path else None
        direction = Direction(target.indicator.direction)
        return reach_light(target.base_value, seen.actual, target.target_value, share, direction)

    def path(self, target: TargetFields, steps: Sequence[StepFields]) -> TargetPath | None:
        if target.base_year is None or target.base_value is None or target.target_value is None:
            return None
        if target.base_year >= target.target_year:
            return None
        inside = [step for step in steps if target.base_year < step.year < target.target_year]
        points = [PathPoint(step.year, step.value) for step in inside]
        last = PathPoint(target.target_year, target.target_value)
        return TargetPath(PathPoint(target.base_year, target.base_value), (*points, last))

    def sentence(self, item: RatedTarget) -> str:
        match item.light.why:
            case ReachReason.BEHIND | ReachReason.FAR_BEHIND:
                return change_text(item)
            case ReachReason.REVERSED:
                return reversed_text(item)
            case KeepReason():
                return KeepRule().sentence(item)
            case LimitReason():
                return LimitRule().sentence(item)
        return super().sentence(item)


def change_text(item: RatedTarget) -> str:
    """Return the text of a change: due by the year, achieved, and the missing share."""
    light, zero = item.light, Decimal(0)
    base, expected, actual = item.target.base_value or zero, light.expected or zero, light.actual or zero
    changes = format_alike([abs(expected - base), abs(actual - base)], CHANGE_DIGITS)
    due, done = (number_with_unit(number, unit_of_change(item.target.indicator)) for number in changes)
    if base == 0:
        text = _("%(name)s should have reached %(due)s by %(year)s; it came to %(done)s (%(gap)s %% short)")
    elif expected < base:
        text = _("%(name)s should have been cut by %(due)s by %(year)s; the cut was %(done)s (%(gap)s %% short)")
    else:
        text = _("%(name)s should have risen by %(due)s by %(year)s; the rise was %(done)s (%(gap)s %% short)")
    return text % {
        "name": item.target.indicator.name,
        "due": due,
        "done": done,
        "gap": format_percent(light.shortfall or zero),
        "year": due_year_text(item),
    }


def reversed_text(item: RatedTarget) -> str:
    """Return the text of a value that is worse than its base."""
    if item.target.indicator.direction == Direction.LOWER:
        text = _("%(name)s rose instead of falling: should have been down to %(expected)s by %(year)s, was %(actual)s")
    else:
        text = _("%(name)s fell instead of rising: should have been up to %(expected)s by %(year)s, was %(actual)s")
    return text % level_params(item)
