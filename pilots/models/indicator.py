"""Models of indicators, and of targets: the value that a pilot means to reach, and the values on the way."""

import unicodedata
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from core.days import today
from core.records.models import (
    VALID_YEARS,
    BilingualNameModel,
    CodeField,
    FieldNames,
    HistoryModel,
    YearField,
    check_displayable,
    check_year,
    choices_constraint,
    link_field,
    note_en_field,
    note_zh_field,
)
from core.text import TranslatedText, check_text, is_chinese_active, join_short, label_value, normalize_code
from pilots.lights import TargetKind
from pilots.metrics import Direction
from pilots.models.pilot import PAST_YEARS_FIXED, Pilot, check_month_day, is_month_day, past_due_days
from pilots.models.promise import PROMISED, PromiseModel, may_decide
from policies.models import Confidence, SourcedModel

PERIOD = r"^(19|20)[0-9]{2}(-Q[1-4])?$"


def format_exact(value: Decimal) -> str:
    """Return a decimal with thousands separators, exact and without trailing zeros."""
    return number_format(Decimal(f"{value.normalize():f}"), use_l10n=True, force_grouping=True)


def normalize_unit(text: str) -> str:
    """Normalize a unit for comparison: without spaces, full-width signs and capitals."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


NOT_NEGATIVE = _("The value is 0 or more. Only an indicator that may be negative has others.")


class IndicatorKind(models.TextChoices):
    POLLUTANT = "pollutant", _("pollutant")
    CARBON = "carbon", _("carbon")
    ENERGY = "energy", _("energy")
    STRUCTURE = "structure", _("structure")
    QUALITY = "quality", _("quality")
    SYNERGY = "synergy", _("synergy")
    OUTPUT = "output", _("output")


class RollUp(models.TextChoices):
    """How values of several pilots may be aggregated."""

    SUM = "sum", _("sum")
    MEAN = "mean", _("median with range")
    NONE = "none", _("never")


class SynergyUse(models.TextChoices):
    """Whether a value may enter the co-control coordinates.

    Totals of pollutants are those of air; a water pollutant is never put beside them and carbon. A carbon intensity
    stands for a pilot without a carbon total, marked as such, and is in no class and no sum.
    """

    TOTAL = "total", _("yes, as a total")
    INTENSITY = "intensity", _("only marked as intensity")
    WATER = "water", _("no, a water pollutant")
    NO = "no", _("no")


SYNERGY_KINDS = {
    SynergyUse.TOTAL: (IndicatorKind.POLLUTANT, IndicatorKind.CARBON),
    SynergyUse.INTENSITY: (IndicatorKind.CARBON,),
    SynergyUse.WATER: (IndicatorKind.POLLUTANT,),
}
"""Kinds of indicators that may enter the synergy in this way; all others do not enter it."""

TONNES_OF_UNIT = {
    normalize_unit(unit): tonnes
    for tonnes, units in (
        (Decimal("0.001"), ("kg", "千克", "公斤")),
        (Decimal(1), ("t", "吨")),
        (Decimal(1_000), ("kt", "千吨")),
        (Decimal(10_000), ("10⁴ t", "万吨", "万t")),
        (Decimal(1_000_000), ("Mt", "百万吨")),
        (Decimal(100_000_000), ("10⁸ t", "亿吨", "亿t")),
    )
    for unit in units
}
"""Tonnes in one of each unit of mass, by its normalized text."""


class Indicator(HistoryModel, BilingualNameModel):
    """Definition of an indicator: unit, direction, and how far it may be aggregated."""

    code = CodeField(
        _("code"), max_length=20, unique=True, help_text=_("Capital letters, digits and _, for example AIR_SO2.")
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
        help_text=_(
            "Whether it may stand in the co-control coordinates: totals of air pollutants and of carbon, in a unit of "
            "mass; a carbon intensity only where a pilot has no carbon total."
        ),
    )
    replaces = link_field(
        "self",
        _("replaces"),
        "replaced_by",
        _("The indicator that it follows, where the definition or the unit had to change."),
        optional=True,
    )
    signed = models.BooleanField(
        _("may be negative"), default=False, help_text=_("For example a reduction, which is negative where it rose.")
    )
    report_due = models.CharField(
        _("values due by"),
        max_length=5,
        blank=True,
        validators=[check_month_day],
        help_text=_("Month and day of the next year, for example 10-31. Empty: that of the batch."),
    )
    note_en = note_en_field(_("How it is measured, for example “Primary sources only; heating season included”."))
    note_zh = note_zh_field()
    note = TranslatedText("note")

    LOOKUP_CODES = ("code",)
    LOOKUP_NAMES = ("name_zh", "name_en", "with_unit_zh", "with_unit_en")
    EXPORT_NAMES = ("with_unit", "name")
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {"quality_never_summed": ("rollup",)}
    FIXED_FIELDS: ClassVar[Mapping[str, Any]] = dict.fromkeys(
        ("unit", "unit_zh", "kind", "direction", "rollup"),
        _("Values or targets use it, and would mean something else. Enter a new indicator that replaces this one."),
    )

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
            choices_constraint("may_enter_synergy", SynergyUse, "indicator_synergy_known"),
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
            choices_constraint("kind", IndicatorKind, "indicator_kind_known"),
            choices_constraint("direction", Direction, "indicator_direction_known"),
            choices_constraint("rollup", RollUp, "indicator_rollup_known"),
        ]

    @property
    def unit_text(self) -> str:
        """The unit in the current language."""
        return str(self.unit_zh or self.unit if is_chinese_active() else self.unit)

    @property
    def with_unit(self) -> str:
        """The name in the current language and, in brackets, the unit of entered values."""
        return self.with_unit_zh if is_chinese_active() else self.with_unit_en

    @property
    def with_unit_zh(self) -> str:
        return f"{self.name_zh}（{self.unit_zh or self.unit}）"

    @property
    def with_unit_en(self) -> str:
        return f"{self.name_en or self.name_zh} ({self.unit})"

    def is_unit(self, text: str) -> bool:
        """Whether the text is the indicator's unit in either language; spaces and full-width signs are ignored."""
        return normalize_unit(text) in {normalize_unit(self.unit), normalize_unit(self.unit_zh or self.unit)}

    @property
    def tonnes_per_unit(self) -> Decimal | None:
        """Tonnes in one unit; None where the unit is not one of mass."""
        return TONNES_OF_UNIT.get(normalize_unit(self.unit))

    def fixed_fields(self) -> Mapping[str, Any]:
        """What its values mean stays once there are any; a unit that has no Chinese name yet may get one."""
        if not self.pk or not (self.targets.exists() or self.readings.exists()):
            return {}
        return {name: text for name, text in self.FIXED_FIELDS.items() if name != "unit_zh" or self.unit_zh}

    def clean(self) -> None:
        super().clean()
        own, chinese = (TONNES_OF_UNIT.get(normalize_unit(unit)) for unit in (self.unit, self.unit_zh or self.unit))
        if own and chinese and own != chinese:
            raise ValidationError({"unit_zh": _("This is another unit. Write the same one in Chinese.")})
        stored = type(self)._base_manager.filter(pk=self.pk).first() if self.pk else None
        if stored and stored.report_due != self.report_due and (not self.report_due or is_month_day(self.report_due)):
            for pilot in Pilot.objects.filter(targets__indicator=self).distinct().select_related("batch"):
                before, after = (past_due_days(pilot, {self.pk: due}) for due in (stored.report_due, self.report_due))
                if before != after:
                    raise ValidationError({"report_due": ValidationError(PAST_YEARS_FIXED, code="past")})
        if self.may_enter_synergy not in SYNERGY_KINDS:
            return
        use = SynergyUse(self.may_enter_synergy)
        if self.kind not in SYNERGY_KINDS[use]:
            message = _("“%(use)s” is only for an indicator of: %(kinds)s. Choose “no”, or correct the kind.")
            kinds = join_short(kind.label for kind in SYNERGY_KINDS[use])
            raise ValidationError({"may_enter_synergy": message % {"use": use.label, "kinds": kinds}})
        if use == SynergyUse.TOTAL and self.tonnes_per_unit is None:
            message = _(
                "Totals that enter the synergy are added up in tonnes, and “%(unit)s” is no unit of mass. Give it as "
                "kg, t, kt, 10⁴ t, Mt or 10⁸ t, or choose that it does not enter the synergy."
            )
            raise ValidationError({"unit": message % {"unit": self.unit}})

    def clean_fields(self, exclude: Any = None) -> None:
        self.code = normalize_code(self.code or "").upper()
        super().clean_fields(exclude)


AMOUNT: Any = models.DecimalField(max_digits=20, decimal_places=6)


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


BASE_NEEDED = _("A binding target to reach a value needs base value and base year.")
NO_BASE_NEEDS_REASON = _("A binding target without a base cannot be rated before its year: say why there is none.")


class Target(PromiseModel, SourcedModel):
    """A pilot's target for an indicator: from which base, to which value, by which year."""

    pilot = link_field(Pilot, _("pilot"), "targets", _("The pilot that promised it."))
    indicator = link_field(
        Indicator,
        _("indicator"),
        "targets",
        _("Search by code or name, for example SO2. Its unit is the unit of the values."),
    )
    kind = models.CharField(
        _("kind"),
        max_length=5,
        choices=TargetKind.choices,
        default="reach",
        help_text=_("Reach a value by a year, stay within a limit, or keep what there is."),
    )
    base_year = YearField(
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
    target_year = YearField(_("target year"), help_text=_("Year by whose end it is to be reached, for example 2026."))
    target_value = models.DecimalField(
        _("target value"),
        max_digits=20,
        decimal_places=6,
        null=True,
        blank=True,
        help_text=_("In the indicator’s unit. Empty: not set yet."),
    )
    steps = models.JSONField(
        _("steps"),
        default=dict,
        blank=True,
        help_text=_("Values for years before the target year, for example 2024: 34.4; 2025: 30."),
    )
    binding = models.BooleanField(
        _("binding"),
        default=False,
        help_text=_("Whether this pilot is bound to it; a binding red turns the pilot red."),
    )
    PROVINCE_PATH = "pilot.province_id"
    OWNER = "pilot"
    WEIGHT_FIELD = "binding"
    AMENDED: ClassVar[Mapping[str, str]] = {
        "value": "target_value",
        "base_value": "base_value",
        "base_year": "base_year",
        "steps": "steps",
        "year": "target_year",
    }
    """What an amendment changes, by its field."""
    FIXED_FIELDS: ClassVar[Mapping[str, Any]] = dict.fromkeys(
        ("pilot", "indicator", "kind", "binding", "promised_on", *AMENDED.values()), PROMISED
    )

    class Meta:
        verbose_name = _("target")
        verbose_name_plural = _("targets")
        ordering = ["pilot", "indicator", "target_year", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["pilot", "indicator", "kind", "target_year"],
                name="target_one_per_year",
                violation_error_message=_("This pilot already has such a target for this indicator and year."),
            ),
            models.CheckConstraint(
                condition=Q(base_year__isnull=True) | Q(target_year__gt=F("base_year")) | ~Q(kind="reach"),
                name="target_after_base",
                violation_error_message=_("The target year comes after the base year."),
            ),
            models.CheckConstraint(
                condition=~Q(kind="keep") | Q(base_value__isnull=False),
                name="target_keep_has_base",
                violation_error_message=_("To keep a value, give the base value."),
            ),
            choices_constraint("confidence", Confidence, "target_confidence_known"),
            choices_constraint("kind", TargetKind, "target_kind_known"),
        ]

    @property
    def yearly_steps(self) -> list[YearlyValue]:
        """The values that it names for years before the last, in their order."""
        return [YearlyValue(int(year), Decimal(value)) for year, value in sorted(self.steps.items())]

    @property
    def direction(self) -> str:
        """Which way is better, as the indicator has it."""
        return str(self.indicator.direction)

    @property
    def bound(self) -> Decimal | None:
        """The value that is not to be passed, or is to be reached."""
        value: Decimal | None = self.base_value if self.kind == TargetKind.KEEP else self.target_value
        return value

    def __str__(self) -> str:
        return f"{self.pilot} · {self.indicator}"

    def values_on(self, as_of: date, *more: Any) -> dict[str, Any]:
        """Return value, base, steps and year in force on the day, by field, and after `more` amendments.

        Another value or base without steps clears the steps.
        """
        values = {name: getattr(self, name) for name in self.AMENDED.values()}
        for change in [*self.accepted_amendments(as_of), *more]:
            if change.value is not None or change.base_value is not None:
                values["steps"] = {}
            given = {mine: getattr(change, theirs) for theirs, mine in self.AMENDED.items()}
            values |= {name: value for name, value in given.items() if value is not None}
        return values

    @property
    def today(self) -> Self:
        """It as amended by today, which files hold."""
        return self.drafted(self.values_on(today()))

    def lacks_base(self, stored: Any) -> bool:
        """Whether it is entered, or changed, as a binding value to reach without a base."""
        names = ("kind", "binding", "base_value", "base_year")
        before = [getattr(stored, name) for name in names] if stored else None
        lacks = self.binding and self.kind == TargetKind.REACH and (self.base_value is None or self.base_year is None)
        return lacks and before != [getattr(self, name) for name in names]

    def settle(self, stored: Any, by: Any) -> None:
        super().settle(stored, by)
        if not may_decide(by) and self.lacks_base(stored):
            names = [name for name in ("base_value", "base_year") if getattr(self, name) is None]
            raise ValidationError({name: ValidationError(BASE_NEEDED, code="required") for name in names})

    def missing_reason(self, stored: Any) -> str:
        return str(NO_BASE_NEEDS_REASON) if self.lacks_base(stored) else ""

    @property
    def anchor(self) -> str:
        """The place of its indicator on the page of its pilot."""
        return f"#indicator-{self.indicator.code}"

    def clean(self) -> None:
        super().clean()
        self.check_values()

    def check_values(self) -> None:
        """Reject half a base, negative values, and steps that no year or value of an indicator could be."""
        if (self.base_year is None) != (self.base_value is None):
            name = "base_year" if self.base_year is None else "base_value"
            raise ValidationError({name: _("Give base value and base year, or neither.")})
        signed = self.indicator_id and self.indicator.signed
        for name in ("base_value", "target_value"):
            amount: Decimal | None = getattr(self, name)
            if amount is not None and amount < 0 and not signed:
                raise ValidationError({name: NOT_NEGATIVE})
        faults = []
        for year, value in self.yearly_steps:
            try:
                AMOUNT.clean(value, None)
                check_displayable(AMOUNT, value)
                check_year(year)
                if value < 0 and not signed:
                    raise ValidationError(NOT_NEGATIVE)
                if self.target_year in VALID_YEARS and year >= self.target_year:
                    raise ValidationError(_("A step lies before the target year."))
                if self.base_year and self.base_year in VALID_YEARS and year <= self.base_year:
                    raise ValidationError(_("A step lies after the base year."))
            except ValidationError as exc:
                faults += [label_value(year, text) for text in exc.messages]
        if faults:
            raise ValidationError({"steps": faults})
