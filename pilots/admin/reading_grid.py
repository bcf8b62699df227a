"""Admin page to enter readings of one pilot as a grid: indicators down, periods across."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import product
from typing import Any, NamedTuple

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.forms.utils import ErrorDict
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.admin.record_form import FlexibleDateField
from core.history.recording import MAX_REASON
from core.http.as_of import today
from core.http.request import parse_key
from core.records.validators import check_not_ahead
from core.text.bilingual import check_text
from core.text.formatting import label_value
from pilots.admin.forms import AmountField
from pilots.metrics.plausibility import last_day_of_period
from pilots.models import (
    Indicator,
    Pilot,
    Reading,
    ReadingLedger,
    ReadingState,
    RejectedReadingsError,
    Target,
    ValueStatus,
)
from pilots.models.indicator import format_exact
from pilots.models.reading import CONFLICT_CODE, JUMP_CODE, ReadingKey
from pilots.services import ACCEPT_PERMISSION

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


class GridCell(NamedTuple):
    """The fields of a value, and the newest recorded one."""

    period: str
    value: forms.BoundField
    known: forms.BoundField
    note: forms.BoundField
    last: Reading | None
    asks_why: bool  # the note is shown where it is needed


class GridRow(NamedTuple):
    indicator: Indicator
    promise: str  # the pilot's target for it
    cells: list[GridCell]


class GridForm(forms.Form):
    """Grid of readings of a pilot: indicators down, periods across. An empty cell changes nothing."""

    reported_on = FlexibleDateField(
        label=gettext_lazy("Reported on"),
        validators=[check_not_ahead],
        widget=forms.DateInput(format="%Y-%m-%d"),
        help_text=gettext_lazy("Day on which the pilot handed these values in."),
    )
    accept = forms.BooleanField(
        label=gettext_lazy("Accept them at once"),
        required=False,
        help_text=gettext_lazy("They feed the numbers from today on. Otherwise they wait as reported."),
    )
    change_reason = forms.CharField(
        label=gettext_lazy("Reason for change"),
        max_length=MAX_REASON,
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=gettext_lazy("Kept in the history of each value, for example “Report of the third quarter”."),
    )

    def __init__(
        self, data: Any = None, *, pilot: Pilot, by: Any, indicators: Sequence[Indicator], periods: Sequence[str]
    ) -> None:
        super().__init__(data, initial={"reported_on": today()}, label_suffix="")
        self.pilot, self.indicators, self.periods = pilot, indicators, periods
        self.ledger = ReadingLedger(pilot)
        self.values: list[Reading] = []  # those that were typed, row by row
        self.jumps: set[ReadingKey] = set()
        if not by.has_perm(ACCEPT_PERMISSION, pilot):
            del self.fields["accept"]
        for period in periods:
            self.fields[f"status-{period}"] = forms.ChoiceField(
                choices=ValueStatus.choices, initial=ValueStatus.PRELIMINARY
            )
        invalid = _("This is not a number. Write 12345.6 or 12,345.6; the unit is %(unit)s.")
        for indicator, period in product(indicators, periods):
            name, newest = f"{indicator.pk}-{period}", self.ledger.newest.get((indicator.pk, period))
            value = AmountField(
                required=False,
                max_digits=20,
                decimal_places=6,
                error_messages={"invalid": invalid % {"unit": indicator.unit_text}},
            )
            value.widget.attrs["aria-labelledby"] = f"row-{indicator.pk} col-{period}"
            value.widget.attrs["aria-describedby"] = f"last-{name}"
            self.fields[f"value-{name}"] = value
            self.fields[f"known-{name}"] = forms.CharField(
                required=False, widget=forms.HiddenInput, initial=newest.pk if newest else ""
            )
            self.fields[f"note-{name}"] = forms.CharField(
                label=_("Why it differs so much"), required=False, max_length=500, validators=[check_text]
            )

    def redisplay_typed(self) -> None:
        """Show the typed values again without validating them."""
        self._errors, self.cleaned_data = ErrorDict(), {}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        accept = cleaned.get("accept", False)
        for indicator, period in product(self.indicators, self.periods) if not self.errors else ():
            name = f"{indicator.pk}-{period}"
            if cleaned[f"value-{name}"] is not None:
                reading = Reading(
                    pilot=self.pilot,
                    indicator=indicator,
                    period=period,
                    value=cleaned[f"value-{name}"],
                    value_status=cleaned[f"status-{period}"],
                    note=cleaned[f"note-{name}"],  # type: ignore[misc]  # a property: the note of its language
                    reported_on=cleaned["reported_on"],
                    state=ReadingState.ACCEPTED if accept else ReadingState.REPORTED,
                    accepted_on=today() if accept else None,
                )
                reading.seen_id = parse_key(cleaned[f"known-{name}"])
                self.values.append(reading)
        if not self.errors and not self.values:
            self.add_error(None, ValidationError(_("No value was entered yet."), code="empty"))
        return cleaned

    def add_errors(self, faults: Mapping[ReadingKey, ValidationError]) -> None:
        """Add each error to its cell. Typed values stay; errors that may be overruled pass on the next submit."""
        self.data = self.data.copy()  # type: ignore[attr-defined]  # sent by a browser: a QueryDict
        self.ledger = ReadingLedger(self.pilot)
        for key, fault in faults.items():
            name = "{}-{}".format(*key)
            if fault.code == CONFLICT_CODE:
                self.data[f"known-{name}"] = str(self.ledger.newest[key].pk)  # type: ignore[index]
            if fault.code == JUMP_CODE:
                self.jumps.add(key)
            self.add_error(f"value-{name}", fault)

    # -- what the page shows ---------------------------------------------------------------------------

    @property
    def columns(self) -> list[dict[str, object]]:
        """The periods, each with the value status of the values entered for it."""
        return [{"period": period, "status": self[f"status-{period}"]} for period in self.periods]

    @property
    def rows(self) -> list[GridRow]:
        promises = {item.indicator_id: target_summary(item) for item in self.pilot.targets.all()}
        return [
            GridRow(item, promises.get(item.pk, _("no target")), [self.cell(item, period) for period in self.periods])
            for item in self.indicators
        ]

    def cell(self, indicator: Indicator, period: str) -> GridCell:
        key = (indicator.pk, period)
        value, known, note = (self[f"{kind}-{indicator.pk}-{period}"] for kind in ("value", "known", "note"))
        return GridCell(
            period, value, known, note, self.ledger.newest.get(key), key in self.jumps or bool(note.value())
        )

    @property
    def refused(self) -> list[tuple[str, str]]:
        """The cells with errors, by name, with the field to jump to: a wide grid does not show them all."""
        cells = [(row.indicator, cell) for row in self.rows for cell in row.cells]
        wrong = [(indicator, cell) for indicator, cell in cells if cell.value.errors or cell.note.errors]
        return [(f"{indicator} · {cell.period}", cell.value.id_for_label) for indicator, cell in wrong]

    @property
    def about(self) -> list[forms.BoundField]:
        """The fields that apply to all values."""
        return [self[name] for name in ("reported_on", "accept", "change_reason") if name in self.fields]

    @property
    def faults(self) -> int:
        """The number of cells with errors."""
        return len(self.errors) - ("__all__" in self.errors)


def target_summary(target: Target) -> str:
    """Return the pilot's target for an indicator as short text."""
    if target.target_text:
        return str(target.target_text)
    parts = [capfirst(target.get_kind_display())]
    if target.base_value is not None:
        parts.append(year_and_value(target.base_year, target.base_value))
    if target.target_value is not None:
        steps = [year_and_value(*step) for step in target.yearly_steps]
        parts.append(" → ".join([*steps, year_and_value(target.target_year, target.target_value)]))
    return " · ".join(parts) if len(parts) < 3 else f"{parts[0]} · {parts[1]} → {parts[2]}"


def year_and_value(year: int | None, value: Decimal) -> str:
    return label_value(year, format_exact(value)) if year else format_exact(value)


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
    form = GridForm(data, pilot=pilot, by=request.user, indicators=indicators, periods=names)
    if "add_row" in request.POST:
        form.redisplay_typed()
    elif data is not None and form.is_valid():
        reason = form.cleaned_data["change_reason"]
        try:
            count = len(Reading.objects.record(form.values, pilot=pilot, by=request.user, reason=reason))
        except RejectedReadingsError as refused:
            form.add_errors(refused.errors)
        else:
            text = ngettext("%(count)d value was recorded.", "%(count)d values were recorded.", count)
            same = _("Nothing was recorded: every value is on record as it is.")
            level = messages.SUCCESS if count else messages.INFO
            messages.add_message(request, level, text % {"count": count} if count else same)
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
