"""What editors should know of the mail here: that none is sent, and why, or that a year's working days are missing."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from core.seed.middleware import holds_demonstration
from dashboard.analytics.working_days import WorkingCalendar


def mail_notices(user: Any, day: date, calendar: WorkingCalendar) -> list[str]:
    """Return the notices for a user, the most general first."""
    found = []
    if not settings.MAIL:
        found.append(_("No mail is sent here: no mail server is set up. “My work” shows what is due."))
    elif holds_demonstration():
        found.append(_("No mail is sent from a demonstration: its addresses are invented."))
    elif not user.email:
        found.append(_("Your account has no mail address, so no reminder reaches you."))
    if day.year not in calendar.known_years:
        found.append(unknown_year_text(day.year))
    return found


def unknown_year_text(year: int) -> str:
    return _("The days off of %(year)d are not on record: Monday to Friday count as working days.") % {"year": year}
