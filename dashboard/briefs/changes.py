"""Changes of the records that a brief is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dashboard.analytics.subject_changes import (
    Conditions,
    conditions_of_all,
    conditions_of_batch,
    conditions_of_indicator,
    conditions_of_pilots,
    conditions_of_policy,
    conditions_of_province,
)
from dashboard.briefs.build import BriefKind
from pilots.models import Batch, Indicator, Pilot
from policies.models import Policy, Province

SUBJECTS: Mapping[str, tuple[Any, str, Callable[[Any], Conditions]]] = {
    BriefKind.BATCH: (Batch, "slug", conditions_of_batch),
    BriefKind.PROVINCE: (Province, "slug", conditions_of_province),
    BriefKind.PILOT: (Pilot, "slug", lambda pilot: conditions_of_pilots([pilot.pk])),
    BriefKind.POLICY: (Policy, "slug", conditions_of_policy),
    BriefKind.INDICATOR: (Indicator, "code", conditions_of_indicator),
}


def subject_conditions(kind: str, slug: str) -> Conditions:
    """Return the conditions on the history entries of the records of a subject; of a subject that is gone, none."""
    if kind == BriefKind.NATION:
        return conditions_of_all()
    model, field, conditions = SUBJECTS[kind]
    record = model.objects.filter(**{field: slug}).first()
    return conditions(record) if record else {}
