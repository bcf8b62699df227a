"""Builders of check constraints that several models share."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

SLUG_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
SLUG_MESSAGE = _("Use small letters, digits and single hyphens, for example huzhou-park.")


def slug_constraint(app_model: str) -> models.CheckConstraint:
    """Check constraint that codes are stored in their normalized form, so that unique means unique."""
    return models.CheckConstraint(
        condition=Q(slug__regex=SLUG_PATTERN),
        name=f"{app_model}_slug_normal",
        violation_error_message=SLUG_MESSAGE,
    )


def choices_constraint(
    field: str, choices: type[models.TextChoices], name: str, *, blank: bool = False
) -> models.CheckConstraint:
    """Check constraint that a value is one of the choices."""
    allowed = [*choices.values, *([""] if blank else [])]
    return models.CheckConstraint(condition=Q(**{f"{field}__in": allowed}), name=name)


def constraint_fields(constraint: models.BaseConstraint) -> tuple[str, ...]:
    """Return the field of a constraint; empty if it concerns several."""
    if isinstance(constraint, models.UniqueConstraint):
        names = set(constraint.fields)
    elif isinstance(constraint, models.CheckConstraint) and isinstance(constraint.condition, Q):
        names = set(constraint.condition.referenced_base_fields)
    else:
        names = set()
    return tuple(names) if len(names) == 1 else ()
