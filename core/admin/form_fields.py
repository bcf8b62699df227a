"""Admin form field for dates that accepts the same notations as the import."""

from datetime import date
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminDateWidget
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

from core.http.errors import truncate
from core.spreadsheets.cells import AmbiguousCell, SheetCell, read_date


class FlexibleDateField(forms.DateField):
    """DateField for a day written as 2024-01-15, 2024/1/15, 2024.1.15, 2024年1月15日 or 20240115.

    Raises ValidationError for what may be two days, such as 05/03/2026, and for a month or year without a day.
    """

    widget = AdminDateWidget(format="%Y-%m-%d")

    def to_python(self, value: Any) -> date | None:
        if not isinstance(value, str):
            return super().to_python(value)
        if not value.strip():
            return None
        try:
            found = read_date(SheetCell(value))
        except AmbiguousCell as error:
            text = not_a_date_message(value) if error.code == "not_a_day" else error.message
            raise ValidationError(text, code="invalid") from error
        if found.precision != "day":
            raise ValidationError(not_a_date_message(value), code="invalid")
        return found.on


def not_a_date_message(value: str) -> str:
    message = _("“%(value)s” is not one day that can be read for certain. Write it as 2024-01-15 or 2024年1月15日.")
    return message % {"value": truncate(value)}


DATE_FIELD_OVERRIDES: Any = {
    models.DateField: {"form_class": FlexibleDateField, "widget": AdminDateWidget(format="%Y-%m-%d")}
}
"""`formfield_overrides` of an admin whose date fields accept the notations of the import."""
