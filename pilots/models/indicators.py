"""What is measured: indicator definitions, what a pilot promised, and what was read."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from pilots.metrics.lights import TargetKind
from pilots.metrics.progress import Direction
from pilots.models.programme import Pilot
from policies.models.base import (
    Confidence,
    Named,
    Recorded,
    Sourced,
    check_not_ahead,
    check_text,
    normal,
    one_of,
    reads_chinese,
)

PERIOD = r"^[0-9]{4}(-Q[1-4])?$"


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
    unit = models.CharField(_("unit"), max_length=30, validators=[check_text])
    unit_zh = models.CharField(_("unit in Chinese"), max_length=30, blank=True, validators=[check_text])
    kind = models.CharField(_("kind"), max_length=10, choices=IndicatorKind.choices)
    direction = models.CharField(_("direction"), max_length=6, choices=Direction.choices)
    binding = models.BooleanField(
        _("binding"), default=False, help_text=_("Binding (约束性) as opposed to expected (预期性).")
    )
    accumulation = models.CharField(_("accumulation"), max_length=10, choices=Accumulation.choices)
    rollup = models.CharField(_("roll-up"), max_length=4, choices=RollUp.choices)
    equivalent_kg = models.DecimalField(
        _("kg per pollutant equivalent"),
        max_digits=8,
        decimal_places=4,
        null=True,
        blank=True,
        help_text=_("Environmental Protection Tax Law, annex 2; for example 0.95 for SO2."),
    )
    may_enter_synergy = models.CharField(
        _("may enter synergy"), max_length=9, choices=SynergyUse.choices, default=SynergyUse.NO
    )
    note = models.TextField(_("note"), blank=True, validators=[check_text])

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

    def clean_fields(self, exclude: Any = None) -> None:
        self.code = normal(self.code or "").upper()
        super().clean_fields(exclude)


class Target(Recorded, Sourced):
    """What a pilot promised for an indicator: from which base, to which value, by which year."""

    pilot = models.ForeignKey(Pilot, verbose_name=_("pilot"), on_delete=models.PROTECT, related_name="targets")
    indicator = models.ForeignKey(
        Indicator, verbose_name=_("indicator"), on_delete=models.PROTECT, related_name="targets"
    )
    kind = models.CharField(_("kind"), max_length=5, choices=TargetKind.choices, default=TargetKind.REACH)
    base_year = models.PositiveSmallIntegerField(
        _("base year"), null=True, blank=True, help_text=_("For example 2023. Empty when the document names none.")
    )
    base_value = models.DecimalField(_("base value"), max_digits=20, decimal_places=6, null=True, blank=True)
    target_year = models.PositiveSmallIntegerField(_("target year"))
    target_value = models.DecimalField(_("target value"), max_digits=20, decimal_places=6, null=True, blank=True)
    target_text = models.CharField(
        _("target in words"),
        max_length=300,
        blank=True,
        validators=[check_text],
        help_text=_("Only for a task in words."),
    )
    done_on = models.DateField(
        _("done on"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_("Only for a task in words: the day it was done."),
    )
    binding = models.BooleanField(_("binding"), default=False)

    _history_m2m_fields = ["sources"]

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
                condition=~Q(kind=TargetKind.TEXT) | ~Q(target_text=""),
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
    year = models.PositiveSmallIntegerField(_("year"))
    value = models.DecimalField(_("value"), max_digits=20, decimal_places=6)

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
        super().clean()
        if self.target_id and (self.year or 0) >= self.target.target_year:
            raise ValidationError({"year": _("A step lies before the target year.")})


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

    pilot = models.ForeignKey(Pilot, verbose_name=_("pilot"), on_delete=models.PROTECT, related_name="readings")
    indicator = models.ForeignKey(
        Indicator, verbose_name=_("indicator"), on_delete=models.PROTECT, related_name="readings"
    )
    period = models.CharField(_("period"), max_length=7, help_text=_("A year or a quarter: 2025 or 2025-Q3."))
    value = models.DecimalField(_("value"), max_digits=20, decimal_places=6)
    value_status = models.CharField(
        _("value status"), max_length=11, choices=ValueStatus.choices, default=ValueStatus.PRELIMINARY
    )
    version = models.PositiveSmallIntegerField(_("version"), default=1, editable=False)
    state = models.CharField(_("state"), max_length=8, choices=ReadingState.choices, default=ReadingState.REPORTED)
    reported_on = models.DateField(_("reported on"), validators=[check_not_ahead])
    accepted_on = models.DateField(
        _("accepted on"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_("From this day on it feeds the numbers."),
    )

    FIXED = ("pilot_id", "indicator_id", "period", "value", "version")
    _history_m2m_fields = ["sources"]

    class Meta:
        verbose_name = _("reading")
        verbose_name_plural = _("readings")
        ordering = ["pilot", "indicator", "period", "version"]
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

    def clean(self) -> None:
        """Refuse to overwrite what was read: a correction is a new version."""
        super().clean()
        stored = type(self).objects.filter(pk=self.pk).values(*self.FIXED).first() if self.pk else None
        if stored and any(stored[name] != getattr(self, name) for name in self.FIXED):
            raise ValidationError(
                {"value": _("A reading is never overwritten. Enter the correction as a new version.")}
            )
