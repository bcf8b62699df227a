"""Model of indicators."""

import unicodedata
from decimal import Decimal
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from core.records.bilingual_models import BilingualNameModel, note_en_field, note_zh_field
from core.records.constraints import check_constraint, choices_constraint
from core.records.fields import choice_field, flag_field, text_field
from core.records.history_model import FieldNames, HistoryModel
from core.text.bilingual import TranslatedText, is_chinese_active, normalize_code
from core.text.formatting import join_short
from pilots.metrics.progress import Direction

PERIOD = r"^(19|20)[0-9]{2}(-Q[1-4])?$"


def format_exact(value: Decimal) -> str:
    """Return a decimal with thousands separators, exact and without trailing zeros."""
    return number_format(Decimal(f"{value.normalize():f}"), use_l10n=True, force_grouping=True)


def normalize_unit(text: str) -> str:
    """Normalize a unit for comparison: without spaces, full-width signs and capitals."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


NOT_NEGATIVE = _("The value is 0 or more.")


def non_negative_constraint(field: str, name: str) -> models.CheckConstraint:
    """Return the check constraint that no value is below 0, which holds for every indicator."""
    return check_constraint(name, Q(**{f"{field}__isnull": True}) | Q(**{f"{field}__gte": 0}), NOT_NEGATIVE)


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
    """How values of several pilots may be aggregated."""

    SUM = "sum", _("sum")
    MEAN = "mean", _("median with range")
    NONE = "none", _("never")


class SynergyUse(models.TextChoices):
    """Whether a value may enter the co-control coordinates and cross-elasticities.

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

    code = models.CharField(
        _("code"), max_length=12, unique=True, help_text=_("Capital letters, digits and _, for example AIR_SO2.")
    )
    unit = text_field(_("unit"), 30, _("In which every value is entered, for example t."))
    unit_zh = text_field(_("unit in Chinese"), 30, _("Only where it differs, for example 万吨."), blank=True)
    kind = choice_field(_("kind"), IndicatorKind, _("What the indicator is about."), max_length=10)
    direction = choice_field(_("direction"), Direction, _("Which way is better."), max_length=6)
    binding = flag_field(_("binding"), _("Binding (约束性) as opposed to expected (预期性)."))
    accumulation = choice_field(
        _("accumulation"),
        Accumulation,
        _("A state on a day, what came about in the period, or all since the start."),
        max_length=10,
    )
    rollup = choice_field(
        _("roll-up"),
        RollUp,
        _("How values of several pilots may be put together. Concentrations and intensities never are."),
        max_length=4,
    )
    equivalent_kg = models.DecimalField(
        _("kg per pollutant equivalent"),
        max_digits=8,
        decimal_places=4,
        null=True,
        blank=True,
        help_text=_("Environmental Protection Tax Law, annex 2; for example 0.95 for SO₂."),
    )
    may_enter_synergy = choice_field(
        _("may enter synergy"),
        SynergyUse,
        _(
            "Whether it may stand in the co-control coordinates and the elasticities: totals of air pollutants and of "
            "carbon, in a unit of mass; a carbon intensity only where a pilot has no carbon total."
        ),
        max_length=9,
        default=SynergyUse.NO,
    )
    note_en = note_en_field(_("How it is measured, for example “Primary sources only; heating season included”."))
    note_zh = note_zh_field()
    note = TranslatedText("note")

    LOOKUP_CODES = ("code",)
    LOOKUP_NAMES = ("name_zh", "name_en", "with_unit_zh", "with_unit_en")
    EXPORT_NAMES = ("with_unit", "name")
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {"quality_never_summed": ("rollup",)}

    class Meta:
        verbose_name = _("indicator")
        verbose_name_plural = _("indicators")
        ordering = ["pk"]
        constraints = [
            check_constraint(
                "indicator_code_normal",
                Q(code__regex=r"^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$"),
                _("Use capital letters, digits and _, for example AIR_SO2."),
            ),
            choices_constraint("may_enter_synergy", SynergyUse, "indicator_synergy_known"),
            check_constraint(
                "indicator_equivalent_positive",
                Q(equivalent_kg__isnull=True) | Q(equivalent_kg__gt=0),
                _("The equivalent is more than 0 kg."),
            ),
            check_constraint(
                "indicator_quality_never_summed",
                ~Q(kind=IndicatorKind.QUALITY) | (Q(rollup=RollUp.NONE, equivalent_kg__isnull=True)),
                _("A concentration is not an emission: it is never summed and has no equivalent."),
            ),
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

    def clean(self) -> None:
        super().clean()
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
