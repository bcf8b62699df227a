"""Admin page to enter readings of one pilot as a grid: indicators down, periods across."""

import re
from datetime import date
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.http.as_of import today
from core.http.request import parse_key
from pilots.admin.forms import GridForm
from pilots.metrics.plausibility import last_day_of_period
from pilots.models import Indicator, Pilot, Reading, RejectedReadingsError, Target

YEAR_COLUMNS, QUARTER_COLUMNS = 3, 4  # how many columns of each
FIRST_YEAR = 2000


def last_ended(quarterly: bool, day: date) -> str:
    """Return the newest year or quarter that has ended by the date."""
    running = f"{day.year}-Q{(day.month + 2) // 3}" if quarterly else str(day.year)
    return running if last_day_of_period(running) <= day else earlier_period(running, 1)


def earlier_period(period: str, steps: int) -> str:
    """Return the period so many before this one."""
    if "-Q" not in period:
        return str(int(period) - steps)
    index = 4 * int(period[:4]) + int(period[-1]) - 1 - steps
    return f"{index // 4}-Q{index % 4 + 1}"


def period_query(quarterly: bool, to: str) -> str:
    wanted = {"by": "quarter"} if quarterly else {}
    return "?" + urlencode(wanted | ({"to": to} if to else {}))


def readings_view(request: Any, pk: int, context: dict[str, Any]) -> HttpResponse:
    """Show the grid; on POST record the typed values, all or none."""
    pilot = get_object_or_404(Pilot.objects.select_related("batch", "province"), pk=pk)
    if not request.user.has_perms(["pilots.add_reading", "pilots.view_pilot"], pilot):
        raise PermissionDenied
    # `?by=quarter` and `?to=2025-Q3`; without, the last periods that have ended. Others are ignored
    quarterly = request.GET.get("by") == "quarter"
    count = QUARTER_COLUMNS if quarterly else YEAR_COLUMNS
    newest, asked = last_ended(quarterly, today()), request.GET.get("to", "")
    pattern = r"20\d\d-Q[1-4]" if quarterly else r"20\d\d"
    fits = re.fullmatch(pattern, asked, re.ASCII) and last_day_of_period(asked) <= last_day_of_period(newest)
    last = asked if fits else newest
    names = [earlier_period(last, steps) for steps in range(count - 1, -1, -1)]
    earlier, later = earlier_period(last, count), min(earlier_period(last, -count), newest)
    periods = {
        "quarterly": quarterly,
        "earlier": period_query(quarterly, earlier) if int(earlier[:4]) >= FIRST_YEAR else "",
        "later": period_query(quarterly, later) if later > last else "",
        "other": period_query(not quarterly, ""),
    }
    texts = [*request.POST.getlist("rows"), *(request.POST.getlist("add") if "add_row" in request.POST else [])]
    added = [key for text in texts if (key := parse_key(text))]
    named = [rows.filter(pilot=pilot).values("indicator") for rows in (Target.objects, Reading.objects)]
    indicators = list(Indicator.objects.filter(Q(pk__in=named[0]) | Q(pk__in=named[1]) | Q(pk__in=added)))
    data = request.POST if request.method == "POST" else None
    form = GridForm(data, pilot=pilot, by=cast(User, request.user), indicators=indicators, periods=names)
    if "add_row" in request.POST:
        form.redisplay_typed()
    elif data is not None and form.is_valid() and save_grid(request, form):
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


def save_grid(request: Any, form: GridForm) -> bool:
    """Record the values; add errors to their cells and return whether all could be recorded."""
    try:
        readings = Reading.objects.record(
            form.values, pilot=form.pilot, by=request.user, reason=form.cleaned_data["change_reason"]
        )
    except RejectedReadingsError as refused:
        form.add_errors(refused.errors)
        return False
    count = len(readings)
    text = ngettext("%(count)d value was recorded.", "%(count)d values were recorded.", count) % {"count": count}
    same = _("Nothing was recorded: every value is on record as it is.")
    messages.add_message(request, messages.SUCCESS if count else messages.INFO, text if count else same)
    return True
