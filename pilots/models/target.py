"""Model of targets: the value that a pilot means to reach, and the values on the way."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.records.constraints import check_constraint, unique_constraint
from core.records.fields import amount_field, choice_field, day_field, flag_field, link_field, text_field
from core.records.history_model import FieldNames, HistoryModel
from core.records.validators import VALID_YEARS, check_displayable
from core.text.bilingual import TranslatedText
from core.text.formatting import label_value
from pilots.lights import TargetKind
from pilots.models.indicator import NOT_NEGATIVE, Indicator, non_negative_constraint
from pilots.models.pilot import Pilot
from policies.models.sourced import SourcedModel

AMOUNT: Any = amount_field("", "")


class YearlyValue(NamedTuple):
    """A value that a target names for a year before the last."""

    year: int
    value: Decimal

    def __str__(self) -> str:
        return f"{self.year}: {self.value.normalize():f}"


def steps_as_stored(steps: Mapping[int, Decimal]) -> dict[str, str]:
    """Return values by year as `Target.steps` holds them, a JSON object: every digit is kept, and the years are in
    order.
    """
    return {str(year): f"{steps[year].normalize():f}" for year in sorted(steps)}


class Target(HistoryModel, SourcedModel):
    """A pilot's target for an indicator: from which base, to which value, by which year."""

    pilot = link_field(Pilot, _("pilot"), "targets", _("The pilot that promised it."))
    indicator = link_field(
        Indicator,
        _("indicator"),
        "targets",
        _("Search by code or name, for example SO2. Its unit is the unit of the values."),
    )
    kind = choice_field(
        _("kind"),
        TargetKind,
        _("Reach a value by a year, stay within a limit, keep what there is, or a task in words."),
        max_length=5,
        default="reach",
    )
    base_year = models.PositiveSmallIntegerField(
        _("base year"), null=True, blank=True, help_text=_("For example 2023. Empty when the document names none.")
    )
    base_value = amount_field(
        _("base value"),
        _("Value of the base year, in the indicator’s unit. Empty when the document names none."),
        optional=True,
    )
    target_year = models.PositiveSmallIntegerField(
        _("target year"), help_text=_("Year by whose end it is to be reached, for example 2026.")
    )
    target_value = amount_field(
        _("target value"), _("In the indicator’s unit. Empty for a task in words."), optional=True
    )
    steps = models.JSONField(
        _("steps"),
        default=dict,
        blank=True,
        help_text=_("Values for years before the target year, for example 2024: 34.4; 2025: 30."),
    )
    target_text_en = text_field(_("target in words, in English"), 300, _("Only for a task in words."), blank=True)
    target_text_zh = text_field(
        _("target in words, in Chinese"),
        300,
        _("Only for a task in words. One language is enough; readers of the other see the same."),
        blank=True,
    )
    target_text = TranslatedText("target_text")
    done_on = day_field(_("done on"), _("Only for a task in words: the day it was done."))
    binding = flag_field(_("binding"), _("Whether this pilot is bound to it; a binding red turns the pilot red."))

    PROVINCE_PATH = "pilot.province_id"
    OWNER = "pilot"
    RESTRICTED_FIELDS: ClassVar[FieldNames] = {"pilots.place_pilot": ("binding",)}
    PROMISED_FIELDS: ClassVar[tuple[str, ...]] = (
        *("pilot", "indicator", "kind"),
        *("base_year", "base_value", "target_year", "target_value", "steps", "target_text_en", "target_text_zh"),
    )
    RESTRICTED_CHANGES: ClassVar[FieldNames] = {"pilots.place_pilot": PROMISED_FIELDS}

    class Meta:
        verbose_name = _("target")
        verbose_name_plural = _("targets")
        ordering = ["pilot", "indicator"]
        constraints = [
            unique_constraint(
                "target_one_per_indicator",
                ["pilot", "indicator"],
                _("This pilot already has a target for this indicator: change that one."),
            ),
            check_constraint(
                "target_has_value",
                ~Q(kind__in=["reach", "limit"]) | Q(target_value__isnull=False),
                _("Give the target value."),
            ),
            non_negative_constraint("base_value", "target_base_not_negative"),
            non_negative_constraint("target_value", "target_value_not_negative"),
            check_constraint(
                "target_after_base",
                Q(base_year__isnull=True) | Q(target_year__gt=F("base_year")) | ~Q(kind="reach"),
                _("The target year comes after the base year."),
            ),
            check_constraint(
                "target_keep_has_base",
                ~Q(kind="keep") | Q(base_value__isnull=False),
                _("To keep a value, give the base value."),
            ),
            check_constraint(
                "target_text_has_words",
                ~Q(kind="text") | ~Q(target_text_en="") | ~Q(target_text_zh=""),
                _("Give the target in words."),
            ),
            check_constraint(
                "target_done_only_for_text",
                Q(done_on__isnull=True) | Q(kind="text"),
                _("Only a task in words has a day on which it was done."),
            ),
        ]

    @property
    def yearly_steps(self) -> list[YearlyValue]:
        """The values that it names for years before the last, in their order."""
        return [YearlyValue(int(year), Decimal(value)) for year, value in sorted(self.steps.items())]

    @property
    def is_measured(self) -> bool:
        """Whether it is compared with readings; else it is a task, done or not."""
        return bool(self.kind != TargetKind.TEXT)

    @property
    def bound(self) -> Decimal | None:
        """The value that is not to be passed, or is to be reached."""
        value: Decimal | None = self.base_value if self.kind == TargetKind.KEEP else self.target_value
        return value

    def __str__(self) -> str:
        return f"{self.pilot} · {self.indicator}"

    def clean(self) -> None:
        """Reject steps that no year or value of an indicator could be, and those outside the target's years."""
        super().clean()
        faults = []
        for year, value in self.yearly_steps:
            try:
                AMOUNT.clean(value, None)
                check_displayable(AMOUNT, value, is_year=False)
                check_displayable(AMOUNT, year, is_year=True)
                if value < 0:
                    raise ValidationError(NOT_NEGATIVE)
                if self.target_year in VALID_YEARS and year >= self.target_year:
                    raise ValidationError(_("A step lies before the target year."))
                if self.base_year and self.base_year in VALID_YEARS and year <= self.base_year:
                    raise ValidationError(_("A step lies after the base year."))
            except ValidationError as exc:
                faults += [label_value(year, text) for text in exc.messages]
        if faults:
            raise ValidationError({"steps": faults})
