"""Model of the days on which a year differs from Monday to Friday: days off, and working days that make up for them."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.records.constraints import choices_constraint


class DayKind(models.TextChoices):
    HOLIDAY = "holiday", pgettext_lazy("kind of day", "day off")
    WORKING = "working", pgettext_lazy("kind of day", "make-up working day")


class WorkingDay(models.Model):
    """A day off, or a working day on a weekend (调休), as the State Council's notice for the year says.

    A year with at least one row is known; of another one Monday to Friday count. The product ships the years whose
    notice is published (dashboard/analytics/working_days.csv).
    """

    day = models.DateField(_("day"), unique=True)
    kind = models.CharField(
        _("kind"),
        max_length=7,
        choices=DayKind.choices,
        default=DayKind.HOLIDAY,
        help_text=_("A day off, weekends within a holiday included, or a weekend day that is worked (调休)."),
    )
    name = models.CharField(_("holiday"), max_length=60, blank=True, help_text=_("For example 春节."))

    class Meta:
        verbose_name = _("day off or make-up working day")
        verbose_name_plural = _("days off and make-up working days")
        ordering = ["-day"]
        constraints = [choices_constraint("kind", DayKind, "workingday_kind_known")]

    def __str__(self) -> str:
        return f"{self.day} {self.get_kind_display()}"
