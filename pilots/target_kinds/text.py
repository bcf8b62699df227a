"""Targets in words ("complete the task set by the province"): done, or not by the end of the target year."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.db.models import CheckConstraint, Q, TextChoices
from django.utils.translation import gettext_lazy as _

from pilots.metrics.lights import Colour, IndicatorLight, LightReason
from pilots.target_kinds.base import (
    FieldConstraint,
    Observation,
    RatedTarget,
    StepFields,
    TargetFields,
    TargetRule,
    reason_text,
)


class TextReason(TextChoices):
    """Code of the reason for the red light of a task."""

    NOT_DONE = "not_done", _("not done by its day")


def text_light(done: bool | None, due: date | None, as_of: date) -> IndicatorLight:
    """Return the light of a target in words: done, or not by its date.

    Done is green whenever reported. Grey until the date has passed, and when nothing is reported (None); else red.
    """
    if done:
        return IndicatorLight(Colour.GREEN, LightReason.DONE)
    if due is None:
        return IndicatorLight(Colour.GREY, LightReason.NO_DATE)
    if as_of <= due:
        return IndicatorLight(Colour.GREY, LightReason.NOT_DUE)
    if done is None:
        return IndicatorLight(Colour.GREY, LightReason.NO_READING)
    return IndicatorLight(Colour.RED, TextReason.NOT_DONE)


class TextRule(TargetRule):
    """Rule of a task in words: without a completion it is not done if the pilot reports any value, else unknown."""

    code = "text"
    label = _("Get something done")
    measured = False
    constraints = (
        FieldConstraint(
            "target_text_zh",
            CheckConstraint(
                condition=~Q(kind="text") | ~Q(target_text_en="") | ~Q(target_text_zh=""),
                name="target_text_has_words",
                violation_error_message=_("Give the target in words."),
            ),
        ),
        FieldConstraint(
            "done_on",
            CheckConstraint(
                condition=Q(done_on__isnull=True) | Q(kind="text"),
                name="target_done_only_for_text",
                violation_error_message=_("Only a task in words has a day on which it was done."),
            ),
        ),
    )

    def light(self, target: TargetFields, steps: Sequence[StepFields], seen: Observation) -> IndicatorLight:
        done = bool(target.done_on and target.done_on <= seen.as_of) or (False if seen.reports else None)
        return text_light(done, date(target.target_year, 12, 31), seen.as_of)

    def sentence(self, item: RatedTarget) -> str:
        return reason_text(item.target.target_text, item.light)
