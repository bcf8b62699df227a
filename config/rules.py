"""A model's check constraints asked of a record in memory: many rows are judged without a query for each."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import F, Q

Test = Callable[[Any, Any], bool]
TESTS: Mapping[str, Test] = {
    "exact": lambda left, right: bool(left == right),
    "in": lambda left, right: left in right,
    "gt": lambda left, right: bool(left > right),
    "gte": lambda left, right: bool(left >= right),
    "lt": lambda left, right: bool(left < right),
    "lte": lambda left, right: bool(left <= right),
    "regex": lambda left, right: re.search(right, str(left)) is not None,
}


def holds(condition: Q, record: Any) -> bool | None:
    """Whether the record fulfils the condition; None where SQL would say unknown, which a constraint lets pass.

    Raises KeyError for a lookup that no constraint of ours uses yet.
    """
    answers = [holds(part, record) if isinstance(part, Q) else fulfils(part, record) for part in condition.children]
    if condition.connector == Q.OR:
        answer = any_of(answers)
    elif condition.connector == Q.AND:
        answer = all_of(answers)
    else:
        raise KeyError(condition.connector)
    return not answer if condition.negated and answer is not None else answer


def all_of(answers: list[bool | None]) -> bool | None:
    if False in answers:
        return False
    return None if None in answers else True


def any_of(answers: list[bool | None]) -> bool | None:
    if True in answers:
        return True
    return None if None in answers else False


def fulfils(part: Any, record: Any) -> bool | None:
    """One comparison such as ("value__gte", 0)."""
    name, wanted = part
    field, _sep, lookup = name.partition("__")
    left = value_of(field, record)
    if lookup == "isnull":
        return (left is None) is wanted
    right = value_of(wanted.name, record) if isinstance(wanted, F) else wanted  # type: ignore[attr-defined]
    if left is None or right is None:
        return None
    return TESTS[lookup or "exact"](left, right)


def value_of(name: str, record: Any) -> Any:
    """A field's value as the database holds it: the key of a relation, the record itself while it has none yet."""
    field = record._meta.get_field(name)
    value = getattr(record, field.attname)
    return field.get_cached_value(record, None) if value is None and field.is_relation else value
