"""Numbers of follow-ups: year and serial number, given once and never again."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db.models import IntegerField, Max, QuerySet
from django.db.models.functions import Cast, Substr
from django.utils.translation import gettext as _

from pilots.models import FollowUp, FollowUpNumber

SERIAL = Cast(Substr("number", 6), IntegerField())


def next_number(year: int) -> str:
    """Return the next number of a year; within a transaction, until whose end nobody else is given one of the year.

    Higher than any that was ever used, by a record that is deleted or imported with its own number too.
    """
    row, _created = FollowUpNumber.objects.select_for_update().get_or_create(year=year)
    row.last_serial = max(
        row.last_serial, highest_serial(FollowUp.objects.all(), year), highest_serial(FollowUp.history.all(), year)
    )
    row.last_serial += 1
    row.save()
    return f"{year}-{row.last_serial:03}"


def highest_serial(rows: QuerySet, year: int) -> int:
    """Return the highest serial number of a year among follow-ups or their history entries; 0 without any."""
    return rows.filter(number__startswith=f"{year}-").order_by().aggregate(highest=Max(SERIAL))["highest"] or 0


def check_own_number(follow_up: FollowUp) -> None:
    """Reject a number that another follow-up has or once had."""
    others = FollowUp.history.filter(number=follow_up.number).exclude(id=follow_up.pk)
    if others.exists():
        message = _("The number %(number)s was given already. Leave it empty: the next one is filled in.")
        raise ValidationError({"number": ValidationError(message, code="unique", params={"number": follow_up.number})})
