"""Services of pilots: accepting and disputing readings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from core.http.as_of import today
from core.records import writing
from pilots.models import Reading, ReadingState

ACCEPT_PERMISSION = "pilots.accept_reading"
PLACE_PERMISSION = "pilots.place_pilot"


@transaction.atomic
def accept_readings(*, readings: Iterable[Reading], by: User, reason: str = "") -> int:
    """Accept readings: they count from today on, or again from the date they once did. Return how many changed.

    Raises PermissionDenied without the permission.
    """
    return set_state(readings, ReadingState.ACCEPTED, by, reason)


@transaction.atomic
def dispute_readings(*, readings: Iterable[Reading], by: User, reason: str) -> int:
    """Dispute readings, so that they count for nothing. Return how many changed.

    Raises PermissionDenied without the permission, and ValidationError without a reason.
    """
    if not reason.strip():
        raise ValidationError(_("Say what is wrong with the value."))
    return set_state(readings, ReadingState.DISPUTED, by, reason)


def set_state(readings: Iterable[Reading], state: ReadingState, by: User, reason: str) -> int:
    """Set the state of those readings that have another; of accepted ones the day as well."""
    if not by.has_perm(ACCEPT_PERMISSION):
        raise PermissionDenied
    keys = [reading.pk for reading in readings]
    rows = Reading.objects.select_for_update(no_key=True).order_by("pk").filter(pk__in=keys).exclude(state=state)
    changed = list(rows)
    with writing.many():
        for reading in changed:
            values: dict[str, Any] = {"state": state}
            if state == ReadingState.ACCEPTED:
                values["accepted_on"] = reading.accepted_on or today()
            writing.write(reading, values, by=by, reason=reason, allowed=True)
    return len(changed)
