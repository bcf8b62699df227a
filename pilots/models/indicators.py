"""What is measured: indicator definitions, what a pilot promised, and what was read."""

import re
import unicodedata
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from config.bilingual import Translated, reads_chinese
from pilots.metrics.checks import last_day
from pilots.metrics.lights import TargetKind
from pilots.metrics.progress import Direction
from pilots.models.programme import Pilot
from policies.models.base import (
    Confidence,
    Named,
    Recorded,
    Rules,
    Sourced,
    check_not_ahead,
    check_text,
    chinese_note,
    english_note,
    normal,
    one_of,
)

PERIOD = r"^(19|20)[0-9]{2}(-Q[1-4])?$"


def matches(period: str) -> bool:
    """Whether it is written as a year or quarter."""
    return re.fullmatch(PERIOD, period) is not None


def exact_text(value: Decimal) -> str:
    """A value with thousands marked, to the last digit and without idle zeros."""
    return number_format(Decimal(f"{value.normalize():f}"), use_l10n=True, force_grouping=True)


def plain_unit(text: str) -> str:
    """A unit as it is compared: without spaces, full-width signs and capitals."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def not_negative(field: str, name: str) -> models.CheckConstraint:
    """None of the indicators can be below 0."""
    return models.CheckConstraint(
        condition=Q(**{f"{field}__isnull": True}) | Q(**{f"{field}__gte": 0}),
        name=name,
        violation_error_message=_("The value is 0 or more."),
    )


class IndicatorKind(models.TextChoices):
    POLLUTANT = "pollutant", _("pollutant")
    CARBON = "carbon", _("carbon")
    ENERGY = "energy", _("energy")
    STRUCTURE = "structure", _("structure")
    QUALITY = "quality", _("quality")
    SYNERGY = "synergy", _("synergy")
    OUTPUT = "output", _("output")


class Accumulation(models.TextChoices):
    STOCK = "stock", _("stock")
    FLOW = "flow", _("flow of the period")
    CUMULATIVE = "cumulative", _("cumulative")


class RollUp(models.TextChoices):
    """How values of several pilots may be put together."""

    SUM = "sum", _("sum")
    MEAN = "mean", _("median with range")
    NONE = "none", _("never")


class SynergyUse(models.TextChoices):
    """Whether a value may enter the co-control coordinates and cross-elasticities."""

    TOTAL = "total", _("yes, as a total")
    INTENSITY = "intensity", _("only marked as intensity")
    WATER = "water", _("only among water pollutants")
    NO = "no", _("no")


class Indicator(Recorded, Named):
    """One definition: what is counted, in which unit, which way is better, and how far it may be combined."""

    code = models.CharField(
        _("code"), max_length=12, unique=True, help_text=_("Capital letters, digits and _, for example AIR_SO2.")
    )
    unit = models.CharField(
        _("unit"),
        max_length=30,
        validators=[check_text],
        help_text=_("In which every value is entered, for example t."),
    )
    unit_zh = models.CharField(
        _("unit in Chinese"),
        max_length=30,
        blank=True,
        validators=[check_text],
        help_text=_("Only where it differs, for example 万吨."),
    )
    kind = models.CharField(
        _("kind"), max_length=10, choices=IndicatorKind.choices, help_text=_("What the indicator is about.")
    )
    direction = models.CharField(
        _("direction"), max_length=6, choices=Direction.choices, help_text=_("Which way is better.")
    )
    binding = models.BooleanField(
        _("binding"), default=False, help_text=_("Binding (约束性) as opposed to expected (预期性).")
    )
    accumulation = models.CharField(
        _("accumulation"),
        max_length=10,
        choices=Accumulation.choices,
        help_text=_("A state on a day, what came about in the period, or all since the start."),
    )
    rollup = models.CharField(
        _("roll-up"),
        max_length=4,
        choices=RollUp.choices,
        help_text=_("How values of several pilots may be put together. Concentrations and intensities never are."),
    )
    equivalent_kg = models.DecimalField(
        _("kg per pollutant equivalent"),
        max_digits=8,
        decimal_places=4,
        null=True,
        blank=True,
        help_text=_("Environmental Protection Tax Law, annex 2; for example 0.95 for SO₂."),
    )
    may_enter_synergy = models.CharField(
        _("may enter synergy"),
        max_length=9,
        choices=SynergyUse.choices,
        default=SynergyUse.NO,
        help_text=_("Whether it may stand in the co-control coordinates and the elasticities."),
    )
    note_en = english_note(_("How it is measured, for example “Primary sources only; heating season included”."))
    note_zh = chinese_note()
    note = Translated("note")

    MENDED_AT: ClassVar[Rules] = {"quality_never_summed": ("rollup",)}

    class Meta:
        verbose_name = _("indicator")
        verbose_name_plural = _("indicators")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(code__regex=r"^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$"),
                name="indicator_code_normal",
                violation_error_message=_("Use capital letters, digits and _, for example AIR_SO2."),
            ),
            one_of("kind", IndicatorKind, "indicator_kind_known"),
            one_of("direction", Direction, "indicator_direction_known"),
            one_of("accumulation", Accumulation, "indicator_accumulation_known"),
            one_of("rollup", RollUp, "indicator_rollup_known"),
            one_of("may_enter_synergy", SynergyUse, "indicator_synergy_known"),
            models.CheckConstraint(
                condition=Q(equivalent_kg__isnull=True) | Q(equivalent_kg__gt=0),
                name="indicator_equivalent_positive",
                violation_error_message=_("The equivalent is more than 0 kg."),
            ),
            models.CheckConstraint(
                condition=~Q(kind=IndicatorKind.QUALITY) | (Q(rollup=RollUp.NONE, equivalent_kg__isnull=True)),
                name="indicator_quality_never_summed",
                violation_error_message=_(
                    "A concentration is not an emission: it is never summed and has no equivalent."
                ),
            ),
        ]

    @property
    def unit_text(self) -> str:
        """The unit as the reader writes it."""
        return self.unit_zh or self.unit if reads_chinese() else self.unit

    @property
    def with_unit(self) -> str:
        """The name in the reader's language and, in brackets, the unit in which values are entered."""
        return self.with_unit_zh if reads_chinese() else self.with_unit_en

    @property
    def with_unit_zh(self) -> str:
        return f"{self.name_zh}（{self.unit_zh or self.unit}）"

    @property
    def with_unit_en(self) -> str:
        return f"{self.name_en or self.name_zh} ({self.unit})"

    def is_unit(self, text: str) -> bool:
        """Whether the text is the indicator's unit, in either language; spaces and full-width signs do not count."""
        return plain_unit(text) in {plain_unit(self.unit), plain_unit(self.unit_zh or self.unit)}

    def clean_fields(self, exclude: Any = None) -> None:
        self.code = normal(self.code or "").upper()
        super().clean_fields(exclude)


class Target(Recorded, Sourced):
    """What a pilot promised for an indicator: from which base, to which value, by which year."""

    pilot = models.ForeignKey(
        Pilot,
        verbose_name=_("pilot"),
        on_delete=models.PROTECT,
        related_name="targets",
        help_text=_("The pilot that promised it."),
    )
    indicator = models.ForeignKey(
        Indicator,
        verbose_name=_("indicator"),
        on_delete=models.PROTECT,
        related_name="targets",
        help_text=_("Search by code or name, for example SO2. Its unit is the unit of the values."),
    )
    kind = models.CharField(
        _("kind"),
        max_length=5,
        choices=TargetKind.choices,
        default=TargetKind.REACH,
        help_text=_("Reach a value by a year, stay within a limit, keep what there is, or a task in words."),
    )
    base_year = models.PositiveSmallIntegerField(
        _("base year"), null=True, blank=True, help_text=_("For example 2023. Empty when the document names none.")
    )
    base_value = models.DecimalField(
        _("base value"),
        max_digits=20,
        decimal_places=6,
        null=True,
        blank=True,
        help_text=_("Value of the base year, in the indicator’s unit. Empty when the document names none."),
    )
    target_year = models.PositiveSmallIntegerField(
        _("target year"), help_text=_("Year by whose end it is to be reached, for example 2026.")
    )
    target_value = models.DecimalField(
        _("target value"),
        max_digits=20,
        decimal_places=6,
        null=True,
        blank=True,
        help_text=_("In the indicator’s unit. Empty for a task in words."),
    )
    target_text_en = models.CharField(
        _("target in words, in English"),
        max_length=300,
        blank=True,
        validators=[check_text],
        help_text=_("Only for a task in words."),
    )
    target_text_zh = models.CharField(
        _("target in words, in Chinese"),
        max_length=300,
        blank=True,
        validators=[check_text],
        help_text=_("Only for a task in words. One language is enough; readers of the other see the same."),
    )
    target_text = Translated("target_text")
    done_on = models.DateField(
        _("done on"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_("Only for a task in words: the day it was done."),
    )
    binding = models.BooleanField(
        _("binding"),
        default=False,
        help_text=_("Whether this pilot is bound to it; a binding red turns the pilot red."),
    )

    _history_m2m_fields = ["sources"]
    MENDED_AT: ClassVar[Rules] = {
        "one_per_indicator": ("indicator",),
        "after_base": ("target_year",),
        "has_value": ("target_value",),
        "text_has_words": ("target_text_zh",),
        "keep_has_base": ("base_value",),
        "done_only_for_text": ("done_on",),
    }

    PROVINCE = "pilot.province_id"
    GUARDED: ClassVar[Rules] = {"pilots.place_pilot": ("binding",)}
    PROMISED: ClassVar[tuple[str, ...]] = (
        *("pilot", "indicator", "kind"),
        *("base_year", "base_value", "target_year", "target_value", "target_text_en", "target_text_zh"),
    )
    GUARDED_CHANGES: ClassVar[Rules] = {"pilots.place_pilot": PROMISED}

    class Meta:
        verbose_name = _("target")
        verbose_name_plural = _("targets")
        ordering = ["pilot", "indicator"]
        constraints = [
            one_of("kind", TargetKind, "target_kind_known"),
            one_of("confidence", Confidence, "target_confidence_known"),
            models.UniqueConstraint(
                fields=["pilot", "indicator"],
                name="target_one_per_indicator",
                violation_error_message=_("This pilot already has a target for this indicator: change that one."),
            ),
            models.CheckConstraint(
                condition=Q(base_year__isnull=True) | Q(target_year__gt=F("base_year")) | ~Q(kind=TargetKind.REACH),
                name="target_after_base",
                violation_error_message=_("The target year comes after the base year."),
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=[TargetKind.REACH, TargetKind.LIMIT]) | Q(target_value__isnull=False),
                name="target_has_value",
                violation_error_message=_("Give the target value."),
            ),
            not_negative("base_value", "target_base_not_negative"),
            not_negative("target_value", "target_value_not_negative"),
            models.CheckConstraint(
                condition=~Q(kind=TargetKind.TEXT) | ~Q(target_text_en="") | ~Q(target_text_zh=""),
                name="target_text_has_words",
                violation_error_message=_("Give the target in words."),
            ),
            models.CheckConstraint(
                condition=~Q(kind=TargetKind.KEEP) | Q(base_value__isnull=False),
                name="target_keep_has_base",
                violation_error_message=_("To keep a value, give the base value."),
            ),
            models.CheckConstraint(
                condition=Q(done_on__isnull=True) | Q(kind=TargetKind.TEXT),
                name="target_done_only_for_text",
                violation_error_message=_("Only a task in words has a day on which it was done."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pilot} · {self.indicator}"


class TargetStep(Recorded):
    """A value that a target names for a year before the last."""

    target = models.ForeignKey(Target, verbose_name=_("target"), on_delete=models.CASCADE, related_name="steps")
    year = models.PositiveSmallIntegerField(_("year"), help_text=_("A year before the target year, for example 2025."))
    value = models.DecimalField(
        _("value"), max_digits=20, decimal_places=6, help_text=_("Value to be reached by the end of that year.")
    )

    MENDED_AT: ClassVar[Rules] = {"one_per_year": ("year",)}

    PROVINCE = "target.pilot.province_id"

    class Meta:
        verbose_name = _("step of a target")
        verbose_name_plural = _("steps of targets")
        ordering = ["target", "year"]
        constraints = [
            not_negative("value", "targetstep_value_not_negative"),
            models.UniqueConstraint(
                fields=["target", "year"],
                name="targetstep_one_per_year",
                violation_error_message=_("This target already has a step for this year."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.year}: {self.value.normalize():f}"

    def clean(self) -> None:
        """Refuse a year outside the target's, also of a target that is only being entered."""
        super().clean()
        known = self.target_id or "target" in self._state.fields_cache
        year, end, base = (
            self.year,
            self.target.target_year if known else None,
            self.target.base_year if known else None,
        )
        if year and end and year >= end:
            raise ValidationError({"year": _("A step lies before the target year.")})
        if year and base and year <= base:
            raise ValidationError({"year": _("A step lies after the base year.")})


class ValueStatus(models.TextChoices):
    FLASH = "flash", _("flash")
    PRELIMINARY = "preliminary", _("preliminary")
    FINAL = "final", _("final")


class ReadingState(models.TextChoices):
    """Only accepted readings feed numbers; the others are shown as what they are."""

    REPORTED = "reported", _("reported")
    ACCEPTED = "accepted", _("accepted")
    DISPUTED = "disputed", _("disputed")


class Reading(Recorded, Sourced):
    """One value of an indicator for a period. A correction is a new version; no version is ever overwritten."""

    pilot = models.ForeignKey(
        Pilot,
        verbose_name=_("pilot"),
        on_delete=models.PROTECT,
        related_name="readings",
        help_text=_("The pilot that reported it."),
    )
    indicator = models.ForeignKey(
        Indicator,
        verbose_name=_("indicator"),
        on_delete=models.PROTECT,
        related_name="readings",
        help_text=_("Search by code or name, for example SO2."),
    )
    period = models.CharField(_("period"), max_length=7, help_text=_("A year or a quarter: 2025 or 2025-Q3."))
    value = models.DecimalField(
        _("value"),
        max_digits=20,
        decimal_places=6,
        help_text=_(
            "In the indicator’s unit, for example 12,345.6. It is never overwritten, only followed by another."
        ),
    )
    value_status = models.CharField(
        _("value status"),
        max_length=11,
        choices=ValueStatus.choices,
        default=ValueStatus.PRELIMINARY,
        help_text=_("How final the report itself calls the value."),
    )
    version = models.PositiveSmallIntegerField(_("version"), default=1, editable=False)
    state = models.CharField(
        _("state"),
        max_length=8,
        choices=ReadingState.choices,
        default=ReadingState.REPORTED,
        help_text=_("Only accepted readings feed numbers; a disputed one stands for nothing."),
    )
    reported_on = models.DateField(
        _("reported on"), validators=[check_not_ahead], help_text=_("Day on which the pilot handed it in.")
    )
    accepted_on = models.DateField(
        _("accepted on"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_("From this day on it feeds the numbers."),
    )

    fixed_checked = False  # True where it is known already that nothing fixed differs from the record
    FIXED = ("pilot_id", "indicator_id", "period", "value", "value_status", "version")
    _history_m2m_fields = ["sources"]
    MENDED_AT: ClassVar[Rules] = {
        "accepted_has_a_day": ("accepted_on",),
        "accepted_after_report": ("accepted_on",),
    }

    PROVINCE = "pilot.province_id"
    GUARDED: ClassVar[Rules] = {"pilots.accept_reading": ("state", "accepted_on")}

    class Meta:
        verbose_name = _("reading")
        verbose_name_plural = _("readings")
        ordering = ["pilot", "indicator", "period", "version"]
        permissions = [("accept_reading", "Can accept and dispute readings")]
        constraints = [
            one_of("value_status", ValueStatus, "reading_status_known"),
            one_of("state", ReadingState, "reading_state_known"),
            one_of("confidence", Confidence, "reading_confidence_known"),
            models.UniqueConstraint(fields=["pilot", "indicator", "period", "version"], name="reading_version_unique"),
            not_negative("value", "reading_value_not_negative"),
            models.CheckConstraint(
                condition=Q(period__regex=PERIOD),
                name="reading_period_known",
                violation_error_message=_("Write the period as 2025 or 2025-Q3."),
            ),
            models.CheckConstraint(
                condition=~Q(state=ReadingState.ACCEPTED) | Q(accepted_on__isnull=False),
                name="reading_accepted_has_a_day",
                violation_error_message=_("Accepted: give the day of acceptance."),
            ),
            models.CheckConstraint(
                condition=Q(accepted_on__isnull=True) | Q(accepted_on__gte=F("reported_on")),
                name="reading_accepted_after_report",
                violation_error_message=_("Accepted before it was reported. Check both days."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.indicator} {self.period}: {self.value.normalize():f}"

    @property
    def value_text(self) -> str:
        """The value as it was read, with thousands marked."""
        return exact_text(self.value)

    def clean(self) -> None:
        """Refuse to overwrite what was read (a correction is a new version), and what nobody can have read yet."""
        super().clean()
        reported: date | None = self.reported_on  # None while a form has none
        if reported and matches(self.period) and last_day(self.period) > reported:
            raise ValidationError({"period": _("This period had not ended on the day of report.")})
        if self.fixed_checked or not self.pk:
            return
        stored = type(self).objects.filter(pk=self.pk).values(*self.FIXED).first()
        if stored and any(stored[name] != getattr(self, name) for name in self.FIXED):
            text = _("A reading is never overwritten. Enter the correction as a new version.")
            raise ValidationError({"value": ValidationError(text, code="fixed")})
