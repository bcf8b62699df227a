"""Validators of single values: what can be shown and stored exactly, and dates that are not in the future."""

from datetime import date
from decimal import Context, Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from core.http.as_of import today
from core.text.bilingual import check_text

VALID_YEARS = range(1900, 2200)
MAX_DIGITS = 15  # as many as SQLite gives back
EXACT_CONTEXT = Context(prec=60)  # in which no value is rounded


def check_displayable(field: Any, value: object, *, is_year: bool) -> None:
    """Reject values that some page could not show, or some database could not store exactly."""
    if isinstance(value, str) and check_text not in field.validators:
        check_text(value)
    elif isinstance(value, date) and value.year not in VALID_YEARS:
        raise ValidationError(_("Enter a day from 1900 to 2199."), code="range")
    elif is_year and value is not None and value not in VALID_YEARS:
        raise ValidationError(_("Enter a year from 1900 to 2199."), code="range")
    elif isinstance(value, Decimal) and len(value.normalize(EXACT_CONTEXT).as_tuple().digits) > MAX_DIGITS:
        text = _("Give at most %(most)d digits: more are not kept exactly.")
        raise ValidationError(text, code="digits", params={"most": MAX_DIGITS})


def check_not_ahead(day: date) -> None:
    """Reject a date in the future: what is recorded has happened."""
    if day > today():
        raise ValidationError(_("This day lies ahead. Enter a day up to today."), code="future")
