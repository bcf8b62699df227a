"""Check constraints evaluated in memory: many rows are validated without a query for each."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import F, Model, Q

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
    if condition.connector == Q.OR:
        answer = sql_or(answers)
    elif condition.connector == Q.AND:
        answer = sql_and(answers)
    else:
        raise KeyError(condition.connector)
    return not answer if condition.negated and answer is not None else answer


def sql_and(answers: list[bool | None]) -> bool | None:
    if False in answers:
        return False
    return None if None in answers else True


def sql_or(answers: list[bool | None]) -> bool | None:
    if True in answers:
        return True
    return None if None in answers else False


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
