"""Partial dates: known to the day, the month or the year."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from django.db import models
from django.utils.translation import pgettext_lazy


@dataclass(frozen=True)
class PartialDate:
    """Date known to the day, the month or the year: `2022-12` is not the first of December."""

    on: date
    precision: Literal["day", "month", "year"] = "day"

    def iso(self) -> str:
        """Return reduced ISO 8601: 2022-12-05, 2022-12 or 2022."""
        return self.on.isoformat()[: {"day": 10, "month": 7, "year": 4}[self.precision]]


class Precision(models.TextChoices):
    """Precision of a date."""

    DAY = "day", pgettext_lazy("precision", "day")
    MONTH = "month", pgettext_lazy("precision", "month")
    YEAR = "year", pgettext_lazy("precision", "year")
