"""Fields that records have in common: a text that people type, a choice, a day, a mark, a number, other records."""

from typing import Any

from django.db import models

from core.records.validators import check_not_ahead
from core.text.bilingual import check_text


def is_code(field: Any) -> bool:
    """Whether a text is a code, by its name: codes are stored normalized, as they are compared."""
    return field.name in {"slug", "code", "number"} or field.name.endswith(("_code", "_number"))


def text_field(label: Any, max_length: int, help_text: Any, *, blank: bool = False) -> Any:
    """Return a field of one line of text, without invisible characters."""
    return models.CharField(label, max_length=max_length, blank=blank, validators=[check_text], help_text=help_text)


def choice_field(
    label: Any, choices: type[models.TextChoices], help_text: Any, *, max_length: int, **options: Any
) -> Any:
    """Return a field of one of these choices."""
    return models.CharField(label, max_length=max_length, choices=choices.choices, help_text=help_text, **options)


def day_field(label: Any, help_text: Any, *, ahead: bool = False) -> Any:
    """Return a field of a day that does not lie ahead, unless it may; empty where it is not known."""
    validators = [] if ahead else [check_not_ahead]
    return models.DateField(label, null=True, blank=True, validators=validators, help_text=help_text)


def flag_field(label: Any, help_text: Any, *, default: bool = False) -> Any:
    return models.BooleanField(label, default=default, help_text=help_text)


def number_field(label: Any, help_text: Any, **options: Any) -> Any:
    """Return a field of a whole number from 0 on; empty where it is not known."""
    return models.PositiveIntegerField(label, null=True, blank=True, help_text=help_text, **options)


def link_field(
    to: Any, label: Any, related_name: str, help_text: Any = "", *, optional: bool = False, **options: Any
) -> Any:
    """Return a field of another record, which is not deleted while this one names it."""
    how = {"null": optional, "blank": optional, "related_name": related_name, "help_text": help_text, **options}
    return models.ForeignKey(to, verbose_name=label, on_delete=models.PROTECT, **how)


def list_field(
    to: Any, label: Any, help_text: Any, related_name: str | None = None, *, blank: bool = True
) -> models.ManyToManyField:
    """Return a field of any number of other records."""
    how = {"related_name": related_name, "help_text": help_text, "blank": blank}
    return models.ManyToManyField(to, verbose_name=label, **how)


def amount_field(label: Any, help_text: Any, *, optional: bool = False) -> Any:
    """Return a field of a value in the unit of an indicator."""
    how = {"null": optional, "blank": optional, "help_text": help_text}
    return models.DecimalField(label, max_digits=20, decimal_places=6, **how)
