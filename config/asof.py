"""The day a reader asks about: today unless the address says `?as_of=YYYY-MM-DD`."""

import re
from datetime import MINYEAR, date, timedelta

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from config.faults import BadRequest, Fault, short

ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def today() -> date:
    """Today on the clock of TIME_ZONE (Asia/Shanghai unless set otherwise)."""
    return timezone.localdate()


def read_as_of(params: QueryDict) -> date:
    """The day asked for, today when none is.

    Raises BadRequest for what is not a calendar day, is given twice, or lies ahead: nothing is known of days to come.
    """
    given = params.getlist("as_of")
    if not given:
        return today()
    text = given[0]
    try:
        if len(given) > 1 or not ISO_DAY.fullmatch(text):
            raise ValueError
        day = date.fromisoformat(text)
    except ValueError:
        message = _("as_of: “%(value)s” is not a day. Write one day as YYYY-MM-DD, for example 2024-01-30.")
        raise BadRequest(Fault("as_of", "invalid_date", message % {"value": short(", ".join(given))})) from None
    if day > today():
        message = _("as_of: %(value)s lies ahead. Ask for today (%(today)s) or a day before it.")
        raise BadRequest(Fault("as_of", "future_date", message % {"value": day, "today": today()}))
    return day


def quarter_ends(day: date, last: date) -> tuple[date | None, date | None]:
    """The last day of the quarter before the one the day lies in, and the next one that ends after it.

    None for one before the calendar begins, or after `last`: nothing is known of days to come.
    """
    first_month = 3 * ((day.month - 1) // 3) + 1
    start = date(day.year, first_month, 1)
    before = start - timedelta(1) if start > date(MINYEAR, 1, 1) else None
    after = end_of_quarter(day if day != end_of_quarter(day) else day + timedelta(1))
    return before, after if after <= last else None


def end_of_quarter(day: date) -> date:
    """The last day of the quarter that the day lies in."""
    last_month = 3 * ((day.month - 1) // 3) + 3
    return date(day.year, last_month, 31 if last_month in {3, 12} else 30)
