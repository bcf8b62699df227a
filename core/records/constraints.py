"""Check constraints: builders that several models share, and their evaluation in memory, without a query for each."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import models
from django.db.models import F, Model, Q
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


def title_constraint(app_model: str) -> models.CheckConstraint:
    """Check constraint that a title is given in at least one language."""
    return models.CheckConstraint(
        condition=~Q(title_zh="") | ~Q(title_en=""),
        name=f"{app_model}_has_title",
        violation_error_message=_("Give the title in at least one language."),
    )


def check_constraint(name: str, condition: Q, message: Any = None) -> models.CheckConstraint:
    """Check constraint, with what a user reads who broke it."""
    return models.CheckConstraint(condition=condition, name=name, violation_error_message=message)


def unique_constraint(
    name: str, fields: Sequence[str], message: Any = None, condition: Q | None = None
) -> models.UniqueConstraint:
    """Unique constraint, of records that fulfil the condition, with what a user reads who broke it."""
    return models.UniqueConstraint(fields=fields, condition=condition, name=name, violation_error_message=message)


def choices_constraint(
    field: str, choices: type[models.TextChoices], name: str, *, blank: bool = False
) -> models.CheckConstraint:
    """Check constraint that a value is one of the choices."""
    allowed = [*choices.values, *([""] if blank else [])]
    return models.CheckConstraint(condition=Q(**{f"{field}__in": allowed}), name=name)


def constraint_fields(constraint: models.BaseConstraint) -> set[str]:
    """Return the names of the fields that a constraint concerns."""
    if isinstance(constraint, models.UniqueConstraint):
        return set(constraint.fields)
    condition = getattr(constraint, "condition", None)
    return set(condition.referenced_base_fields) if isinstance(condition, Q) else set()


def add_choice_constraints(model: Any) -> None:
    """Hold each field with choices to them in the database too, as `<model>_<field>_known`, unless the model names such
    a constraint itself or says that another of its constraints does (`CHOICES_HELD`).
    """
    opts = model._meta
    held = {name for rule in opts.constraints for name in constraint_fields(rule) if rule.name.endswith("_known")}
    for field in opts.local_concrete_fields:
        if field.choices and field.name not in held | {*model.CHOICES_HELD}:
            allowed = [*(value for value, _label in field.flatchoices), *([""] if field.blank else [])]
            name = f"{opts.model_name}_{field.name}_known"
            condition = Q(**{f"{field.name}__in": allowed})
            opts.constraints = [*opts.constraints, models.CheckConstraint(condition=condition, name=name)]
            opts.original_attrs["constraints"] = opts.constraints  # from which migrations are made


# -- evaluated in memory -----------------------------------------------------------------------------------


Comparison = Callable[[Any, Any], bool]
COMPARISONS: Mapping[str, Comparison] = {
    "exact": lambda left, right: bool(left == right),
    "in": lambda left, right: left in right,
    "gt": lambda left, right: bool(left > right),
    "gte": lambda left, right: bool(left >= right),
    "lt": lambda left, right: bool(left < right),
    "lte": lambda left, right: bool(left <= right),
    "regex": lambda left, right: re.search(right, str(left)) is not None,
}


def check_constraint_holds(condition: Q, record: Model) -> bool | None:
    """Return whether the record fulfils the condition; None where SQL would say unknown, which a constraint accepts.

    Raises KeyError for a lookup that no constraint of ours uses yet.
    """
    answers = [
        check_constraint_holds(part, record) if isinstance(part, Q) else comparison_holds(part, record)
        for part in condition.children
    ]
    if condition.connector not in {Q.AND, Q.OR}:
        raise KeyError(condition.connector)
    decisive = condition.connector == Q.OR  # one such answer decides
    if decisive in answers:
        answer: bool | None = decisive
    else:
        answer = None if None in answers else not decisive
    return not answer if condition.negated and answer is not None else answer


def comparison_holds(part: Any, record: Any) -> bool | None:
    """Evaluate one comparison such as ("value__gte", 0)."""
    name, wanted = part
    field, _sep, lookup = name.partition("__")
    left = database_value(field, record)
    if lookup == "isnull":
        return (left is None) is wanted
    right = database_value(wanted.name, record) if isinstance(wanted, F) else wanted  # type: ignore[attr-defined]
    if left is None or right is None:
        return None
    return COMPARISONS[lookup or "exact"](left, right)


def database_value(name: str, record: Any) -> Any:
    """Return a field's value as stored: a relation's key, or the related record while it has none yet."""
    field = record._meta.get_field(name)
    value = getattr(record, field.attname)
    return field.get_cached_value(record, None) if value is None and field.is_relation else value
