"""Readings of one pilot entered as a grid: indicators down, periods across, the newest values beside the cells."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.asof import today
from pilots.actions import Refused, record_readings
from pilots.forms import GridForm
from pilots.metrics.checks import last_day
from pilots.models import Indicator, Pilot, Reading, Target

YEARS, QUARTERS = 3, 4  # how many columns of each
FIRST_YEAR = 2000


@dataclass(frozen=True)
class Periods:
    """The columns: the last periods that have ended, or those up to one that was asked for."""

    names: Sequence[str]
    quarterly: bool
    earlier: str  # addresses: query strings, empty where there is nothing more
    later: str
    other: str  # the switch between years and quarters


def read_periods(params: QueryDict, day: date) -> Periods:
    """From the address: `?by=quarter`, `?to=2025-Q3`; whatever is not such a period that has ended is passed over."""
    quarterly = params.get("by") == "quarter"
    count = QUARTERS if quarterly else YEARS
    newest, asked = last_ended(quarterly, day), params.get("to", "")
    form = r"20\d\d-Q[1-4]" if quarterly else r"20\d\d"
    fits = re.fullmatch(form, asked, re.ASCII) and last_day(asked) <= last_day(newest)
    last = asked if fits else newest
    names = [back(last, steps) for steps in range(count - 1, -1, -1)]
    earlier, later = back(last, count), min(back(last, -count), newest)
    return Periods(
        names=names,
        quarterly=quarterly,
        earlier=address(quarterly, earlier) if int(earlier[:4]) >= FIRST_YEAR else "",
        later=address(quarterly, later) if later > last else "",
        other=address(not quarterly, ""),
    )


def last_ended(quarterly: bool, day: date) -> str:
    """The newest year or quarter that has ended by the day."""
    running = f"{day.year}-Q{(day.month + 2) // 3}" if quarterly else str(day.year)
    return running if last_day(running) <= day else back(running, 1)


def back(period: str, steps: int) -> str:
    """The period so many before this one."""
    if "-Q" not in period:
        return str(int(period) - steps)
    index = 4 * int(period[:4]) + int(period[-1]) - 1 - steps
    return f"{index // 4}-Q{index % 4 + 1}"


def address(quarterly: bool, to: str) -> str:
    wanted = {"by": "quarter"} if quarterly else {}
    return "?" + urlencode(wanted | ({"to": to} if to else {}))


def rows_of(pilot: Pilot, sent: QueryDict) -> QuerySet[Indicator]:
    """The indicators the pilot promised or reported something of, and those that were added on the page."""
    added = sent.getlist("add") if "add_row" in sent else []
    added = [key for key in [*sent.getlist("rows"), *added] if key.isdecimal()]
    named = [rows.filter(pilot=pilot).values("indicator") for rows in (Target.objects, Reading.objects)]
    return Indicator.objects.filter(Q(pk__in=named[0]) | Q(pk__in=named[1]) | Q(pk__in=added))


def readings_view(request: Any, pk: int, context: dict[str, Any]) -> HttpResponse:
    """Show the grid; record what was typed into it, all of it or nothing."""
    pilot = get_object_or_404(Pilot.objects.select_related("batch", "province"), pk=pk)
    if not request.user.has_perms(["pilots.add_reading", "pilots.view_pilot"], pilot):
        raise PermissionDenied
    periods = read_periods(request.GET, today())
    indicators = list(rows_of(pilot, request.POST))
    data = request.POST if request.method == "POST" else None
    form = GridForm(data, pilot=pilot, by=cast(User, request.user), indicators=indicators, periods=periods.names)
    if "add_row" in request.POST:
        form.keep_typed()
    elif data is not None and form.is_valid() and save(request, form):
        return HttpResponseRedirect(request.get_full_path())
    context |= {
        "title": _("Enter readings"),
        "subtitle": str(pilot),
        "pilot": pilot,
        "pilots": capfirst(Pilot._meta.verbose_name_plural),
        "form": form,
        "periods": periods,
        "others": Indicator.objects.exclude(pk__in=[indicator.pk for indicator in indicators]),
        "opts": Reading._meta,
    }
    return TemplateResponse(request, "admin/pilots/pilot/readings.html", context)


def save(request: Any, form: GridForm) -> bool:
    """Whether everything could be recorded; what could not is said at its cell."""
    cleaned = form.cleaned_data
    try:
        readings = record_readings(
            pilot=form.pilot,
            values=form.values,
            reported_on=cleaned["reported_on"],
            by=request.user,
            accept=cleaned.get("accept", False),
            reason=cleaned["change_reason"],
        )
    except Refused as refused:
        form.refuse(refused.faults)
        return False
    count = len(readings)
    text = ngettext("%(count)d value was recorded.", "%(count)d values were recorded.", count) % {"count": count}
    same = _("Nothing was recorded: every value is on record as it is.")
    messages.add_message(request, messages.SUCCESS if count else messages.INFO, text if count else same)
    return True
