"""Model of readings: reported values of an indicator, in versions."""

from collections.abc import Collection
from datetime import date
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.records.constraints import choices_constraint
from core.records.history_model import FieldNames, HistoryModel
from core.records.validators import check_not_ahead
from pilots.metrics.plausibility import last_day_of_period
from pilots.models.indicator import PERIOD, Indicator, format_exact, is_year_or_quarter, non_negative_constraint
from pilots.models.pilot import Pilot
from policies.models.sourced import Confidence, SourcedModel


class ValueStatus(models.TextChoices):
    FLASH = "flash", _("flash")
    PRELIMINARY = "preliminary", _("preliminary")
    FINAL = "final", _("final")


class ReadingState(models.TextChoices):
    """State of a reading. Only accepted readings feed numbers; others are shown as what they are."""

    REPORTED = "reported", _("reported")
    ACCEPTED = "accepted", _("accepted")
    DISPUTED = "disputed", _("disputed")


class Reading(HistoryModel, SourcedModel):
    """A value of an indicator for a period. A correction is a new version; no version is overwritten."""

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

    skip_immutable_check = False  # True where it is known already that nothing fixed differs from the record
    IMMUTABLE_FIELDS = ("pilot_id", "indicator_id", "period", "value", "value_status", "version")
    _history_m2m_fields = ["sources"]
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {
        "accepted_has_a_day": ("accepted_on",),
        "accepted_after_report": ("accepted_on",),
    }

    PROVINCE_PATH = "pilot.province_id"
    RESTRICTED_FIELDS: ClassVar[FieldNames] = {"pilots.accept_reading": ("state", "accepted_on")}

    class Meta:
        verbose_name = _("reading")
        verbose_name_plural = _("readings")
        ordering = ["pilot", "indicator", "period", "version"]
        permissions = [("accept_reading", "Can accept and dispute readings")]
        constraints = [
            choices_constraint("value_status", ValueStatus, "reading_status_known"),
            choices_constraint("state", ReadingState, "reading_state_known"),
            choices_constraint("confidence", Confidence, "reading_confidence_known"),
            models.UniqueConstraint(fields=["pilot", "indicator", "period", "version"], name="reading_version_unique"),
            non_negative_constraint("value", "reading_value_not_negative"),
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
        """The exact value with thousands separators."""
        return format_exact(self.value)

    def deletion_error(self, together: Collection[int] = ()) -> str:
        """A version that was ever accepted has been published: it is corrected, not deleted."""
        return str(_("It has fed numbers; enter a correction instead.")) if self.accepted_on else ""

    def clean(self) -> None:
        """Reject overwriting a value (a correction is a new version), and values of the future."""
        super().clean()
        reported: date | None = self.reported_on  # None while a form has none
        if reported and is_year_or_quarter(self.period) and last_day_of_period(self.period) > reported:
            raise ValidationError({"period": _("This period had not ended on the day of report.")})
        if self.skip_immutable_check or not self.pk:
            return
        stored = type(self).objects.filter(pk=self.pk).values(*self.IMMUTABLE_FIELDS).first()
        if stored and any(stored[name] != getattr(self, name) for name in self.IMMUTABLE_FIELDS):
            text = _("A reading is never overwritten. Enter the correction as a new version.")
            raise ValidationError({"value": ValidationError(text, code="fixed")})
