"""Registry of the kinds of targets: what models, filters, forms, charts and rules on data read."""

from __future__ import annotations

from collections.abc import Callable

from django.db.models import TextChoices

from pilots.target_kinds.base import TargetRule
from pilots.target_kinds.keep import KeepRule
from pilots.target_kinds.limit import LimitRule
from pilots.target_kinds.reach import ReachRule
from pilots.target_kinds.text import TextRule

RULES: tuple[TargetRule, ...] = (
    ReachRule(),
    LimitRule(),
    KeepRule(),
    TextRule(),
)
"""All kinds, in the order in which they are offered."""

RULES_BY_CODE = {rule.code: rule for rule in RULES}

TargetKind = TextChoices(  # type: ignore[call-overload]  # the stubs do not know the functional form
    "TargetKind", [(rule.code.upper(), (rule.code, rule.label)) for rule in RULES]
)
"""The choices of the field `kind`."""


def codes_where(applies: Callable[[TargetRule], bool]) -> list[str]:
    """Return the codes of the kinds for which something holds, for queries: `kind__in=codes_where(…)`."""
    return [rule.code for rule in RULES if applies(rule)]
