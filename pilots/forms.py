"""Forms in which pilots' progress is entered: numbers as written, stages held together, readings as a grid."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.forms.utils import ErrorDict
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.admin import MAX_REASON, RecordForm
from config.asof import today
from config.dates import WrittenDateField
from config.rows import RowForm, RowFormSet
from config.sheets.cells import MAX_BYTES
from config.uploads import FILE_TOO_LARGE
from config.words import labelled
from pilots.actions import JUMP, MAY_ACCEPT, OVERTAKEN, WHY_REPLANNED, OnRecord, Place, Value, moves_a_past_day
from pilots.metrics.stages import Entry, Problem, problems
from pilots.models import Indicator, Pilot, Reading, ReadingState, StageEntry, Target, ValueStatus
from pilots.models.indicators import exact_text
from pilots.models.progress import stage_field, stage_message
from policies.imports.kinds import Kind
from policies.models.base import check_not_ahead, check_text, normal

AMOUNT = re.compile(r"-?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?", re.ASCII)


class AmountField(forms.DecimalField):
    """A number as people write it: 12345.6 or 12,345.6, in full-width digits too; nothing of two meanings."""

    widget = forms.TextInput
    default_error_messages = {
        "invalid": gettext_lazy("This is not a number. Write 12345.6 or 12,345.6, without a unit.")
    }

    def to_python(self, value: Any) -> Any:
        """Raises ValidationError for commas anywhere but between thousands: 12,5 may be 12.5 or 125."""
        if value is None or isinstance(value, Decimal):
            return value
        text = normal(str(value))
        if text and not AMOUNT.fullmatch(text):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(text.replace(",", ""))

    def prepare_value(self, value: Any) -> Any:
        """A stored value without idle zeros."""
        return f"{value.normalize():f}" if isinstance(value, Decimal) else value

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {**super().widget_attrs(widget), "inputmode": "decimal", "autocomplete": "off", "class": "amount"}


class IndicatorField(forms.ModelChoiceField):
    """An indicator with the unit in which its values are entered."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.with_unit)


# -- stages ----------------------------------------------------------------------------------------------


class StageForm(RowForm):
    """A stage entry as a row: its order is held against the other rows as they are typed, not as they are stored."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.order_checked = True


class StageFormSet(RowFormSet):
    """The stages of a pilot, which have to be in order together."""

    same = ("stage", "entered_on")

    def clean(self) -> None:
        super().clean()
        if self.has_changed():
            self.check_order()

    def check_order(self) -> None:
        """Put on its row whatever makes the record impossible, leaving alone what was amiss before and is not touched.

        Rows that a colleague added meanwhile count as well.
        """
        entries = {id(entry): (entry, form) for form in self.live_forms if (entry := entry_of(form))}
        shown = {form.instance.pk for form in self.initial_forms}
        stored = [row for row in self.stored() if row.entered_on]
        others = [row.as_entry() for row in stored if row.pk not in shown]
        known = {told(problem) for problem in problems([row.as_entry() for row in stored], today())}
        for problem in problems([*(entry for entry, _form in entries.values()), *others], today()):
            found = entries.get(id(problem.entry))
            if found and (found[1].has_changed() or told(problem) not in known):
                found[1].add_error(stage_field(problem), ValidationError(stage_message(problem), code=problem.fault))
            elif not found and told(problem) not in known:
                raise ValidationError(stage_message(problem), code=problem.fault)


def entry_of(form: Any) -> Entry | None:
    """The row as the measures take it; None while it is only planned or not filled in properly."""
    row: StageEntry = form.instance
    return row.as_entry() if row.stage and row.entered_on and not form.errors else None


def told(problem: Problem) -> tuple[Any, ...]:
    """What makes two problems the same one."""
    return problem.fault, problem.entry.stage, problem.entry.on


class MilestoneFormSet(RowFormSet):
    """The milestones of a pilot; one whose day has passed is moved with a reason, typed once for the whole page."""

    def clean(self) -> None:
        super().clean()
        if self.data.get("change_reason", "").strip():
            return
        for form in self.live_forms:
            if form.instance.pk and moves_a_past_day(
                form.initial.get("planned_on"), form.cleaned_data.get("planned_on")
            ):
                form.add_error("planned_on", ValidationError(WHY_REPLANNED, code="required"))


class TargetFormSet(RowFormSet):
    same = ("indicator",)


class StepFormSet(RowFormSet):
    same = ("year",)


# -- single records --------------------------------------------------------------------------------------


class MilestoneForm(RecordForm):
    """A milestone. One whose day has passed is moved with a reason."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        moved = moves_a_past_day(self.initial.get("planned_on"), cleaned.get("planned_on"))
        if self.instance.pk and moved and not cleaned.get("change_reason", "").strip():
            self.add_error("change_reason", ValidationError(WHY_REPLANNED, code="required"))
        return cleaned


class OverrideForm(RecordForm):
    """A light set by hand. What it has already shown stays as it was."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        if self.instance.pk and "expires_on" in self.changed_data and cleaned.get("expires_on"):
            before = self.initial["expires_on"]
            if before <= today():
                self.add_error("expires_on", ValidationError(_("It has expired. Set a new one instead."), code="past"))
            elif cleaned["expires_on"] < today():
                message = _("It has been shown until today: choose today or a later day.")
                self.add_error("expires_on", ValidationError(message, code="past"))
        if not self.instance.pk:
            self.check_end(cleaned.get("expires_on"))
            cleaned["change_reason"] = cleaned.get("reason", "")
        return cleaned

    def check_end(self, expires_on: date | None) -> None:
        """The database's own rule, which a form without the day it was set would leave to the database."""
        if expires_on and expires_on <= self.instance.set_on:
            message = _("It has to expire after the day it was set.")
            self.add_error("expires_on", ValidationError(message, code="too_early"))


class ReadingForm(RecordForm):
    """One reading. A new one is the next version for its period, and is held against what is on record."""

    known = forms.CharField(label=gettext_lazy("version"), required=False, widget=forms.HiddenInput)
    instance: Reading

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        if cleaned.get("state") == ReadingState.ACCEPTED and "accepted_on" in cleaned:
            cleaned["accepted_on"] = cleaned["accepted_on"] or today()
        disputes = cleaned.get("state") == ReadingState.DISPUTED and "state" in self.changed_data
        if disputes and not cleaned.get("change_reason"):
            self.add_error("change_reason", ValidationError(_("Say what is wrong with the value."), code="required"))
        value = None if self.instance.pk else self.typed(cleaned)
        if value:
            self.hold_against(OnRecord(cleaned["pilot"]), value)
        return cleaned

    def typed(self, cleaned: Mapping[str, Any]) -> Value | None:
        """What is to be recorded; None while a part of it is missing."""
        wanted = ("pilot", "indicator", "period", "value", "value_status")
        if any(cleaned.get(name) in (None, "") for name in wanted):
            return None
        known = cleaned.get("known") or ""
        return Value(
            indicator=cleaned["indicator"],
            period=normal(cleaned["period"]),
            value=cleaned["value"],
            value_status=cleaned["value_status"],
            known=int(known) if known.isdecimal() else None,
            note=cleaned.get("note_en") or cleaned.get("note_zh") or "",
        )

    def hold_against(self, record: OnRecord, value: Value) -> None:
        """Refuse what is on record already; once what was entered meanwhile; and a jump without a note."""
        if not record.differs(value):
            version = record.newest[value.place].version
            message = _("Version %(version)d says this already. Enter what is different.") % {"version": version}
            self.add_error("value", ValidationError(message, code="same"))
            return
        fault = record.fault(value)
        if fault and fault.code == OVERTAKEN:
            self.data = self.data.copy()  # type: ignore[attr-defined]  # sent by a browser: a QueryDict
            self.data[self.add_prefix("known")] = str(record.newest[value.place].pk)  # type: ignore[index]
        if fault:
            self.add_error(Reading.note.readers if fault.code == JUMP else None, fault)


# -- readings as a grid ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class GridColumn:
    """A period, and how final the values entered for it are."""

    period: str
    status: forms.BoundField


@dataclass(frozen=True)
class GridCell:
    """Where a value is entered, and the newest one on record."""

    period: str
    value: forms.BoundField
    known: forms.BoundField
    note: forms.BoundField
    last: Reading | None
    asks_why: bool  # the note is shown where it is needed


@dataclass(frozen=True)
class GridRow:
    """An indicator with what the pilot promised for it."""

    indicator: Indicator
    promise: str
    cells: Sequence[GridCell]


class GridForm(forms.Form):
    """Readings of one pilot, indicators down and periods across. An empty cell changes nothing."""

    reported_on = WrittenDateField(
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
        self, data: Any = None, *, pilot: Pilot, by: User, indicators: Sequence[Indicator], periods: Sequence[str]
    ) -> None:
        super().__init__(data, initial={"reported_on": today()}, label_suffix="")
        self.pilot, self.indicators, self.periods = pilot, indicators, periods
        self.record = OnRecord(pilot)
        self.asked: set[Place] = set()
        if not by.has_perm(MAY_ACCEPT, pilot):
            del self.fields["accept"]
        for period in periods:
            status = forms.ChoiceField(choices=ValueStatus.choices, initial=ValueStatus.PRELIMINARY)
            self.fields[f"status-{period}"] = status
        for indicator in indicators:
            for period in periods:
                self.add_cell(indicator, period)

    def add_cell(self, indicator: Indicator, period: str) -> None:
        name, newest = cell_name((indicator.pk, period)), self.record.newest.get((indicator.pk, period))
        said = {"aria-labelledby": f"row-{indicator.pk} col-{period}", "aria-describedby": f"last-{name}"}
        unit = _("This is not a number. Write 12345.6 or 12,345.6; the unit is %(unit)s.")
        value = AmountField(
            required=False,
            max_digits=20,
            decimal_places=6,
            error_messages={"invalid": unit % {"unit": indicator.unit_text}},
        )
        value.widget.attrs |= said
        self.fields[f"value-{name}"] = value
        self.fields[f"known-{name}"] = forms.CharField(
            required=False, widget=forms.HiddenInput, initial=newest.pk if newest else ""
        )
        self.fields[f"note-{name}"] = forms.CharField(
            label=_("Why it differs so much"), required=False, max_length=500, validators=[check_text]
        )

    def keep_typed(self) -> None:
        """Show what was typed without judging it yet."""
        self._errors, self.cleaned_data = ErrorDict(), {}

    @cached_property
    def values(self) -> list[Value]:
        """The values that were typed, row by row."""
        return [self.value_at(i, p) for i in self.indicators for p in self.periods if self.typed(i, p) is not None]

    def typed(self, indicator: Indicator, period: str) -> Decimal | None:
        value: Decimal | None = self.cleaned_data.get(f"value-{cell_name((indicator.pk, period))}")
        return value

    def value_at(self, indicator: Indicator, period: str) -> Value:
        name, cleaned = cell_name((indicator.pk, period)), self.cleaned_data
        known = cleaned.get(f"known-{name}") or ""
        return Value(
            indicator=indicator,
            period=period,
            value=cleaned[f"value-{name}"],
            value_status=cleaned[f"status-{period}"],
            known=int(known) if known.isdecimal() else None,
            note=cleaned.get(f"note-{name}") or "",
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and not any(name.startswith("value-") and cleaned[name] is not None for name in cleaned):
            self.add_error(None, ValidationError(_("No value was entered yet."), code="empty"))
        return cleaned

    def refuse(self, faults: Mapping[Place, ValidationError]) -> None:
        """Put each fault at its cell. What was typed stays; what may be overruled passes when it is sent again."""
        self.data = self.data.copy()  # type: ignore[attr-defined]  # sent by a browser: a QueryDict
        self.record = OnRecord(self.pilot)
        for place, fault in faults.items():
            name = cell_name(place)
            if fault.code == OVERTAKEN:
                self.data[f"known-{name}"] = str(self.record.newest[place].pk)  # type: ignore[index]
            if fault.code == JUMP:
                self.asked.add(place)
            self.add_error(f"value-{name}", fault)

    # -- what the page shows ---------------------------------------------------------------------------

    @property
    def columns(self) -> list[GridColumn]:
        return [GridColumn(period, self[f"status-{period}"]) for period in self.periods]

    @property
    def rows(self) -> list[GridRow]:
        promises = {item.indicator_id: promise(item) for item in self.pilot.targets.prefetch_related("steps")}
        return [
            GridRow(item, promises.get(item.pk, _("no target")), [self.cell(item, period) for period in self.periods])
            for item in self.indicators
        ]

    def cell(self, indicator: Indicator, period: str) -> GridCell:
        place = (indicator.pk, period)
        name = cell_name(place)
        note = self[f"note-{name}"]
        return GridCell(
            period=period,
            value=self[f"value-{name}"],
            known=self[f"known-{name}"],
            note=note,
            last=self.record.newest.get(place),
            asks_why=place in self.asked or bool(note.value()),
        )

    @property
    def refused(self) -> list[tuple[str, str]]:
        """The cells that need the editor, by name, with the field to go to: a wide grid does not show them all."""
        cells = [(row.indicator, cell) for row in self.rows for cell in row.cells]
        wrong = [(indicator, cell) for indicator, cell in cells if cell.value.errors or cell.note.errors]
        return [(f"{indicator} · {cell.period}", cell.value.id_for_label) for indicator, cell in wrong]

    @property
    def about(self) -> list[forms.BoundField]:
        """The fields that are about all the values."""
        return [self[name] for name in ("reported_on", "accept", "change_reason") if name in self.fields]

    @property
    def faults(self) -> int:
        """How many entries are refused."""
        return len(self.errors) - ("__all__" in self.errors)


def cell_name(place: Place) -> str:
    return f"{place[0]}-{place[1]}"


def promise(target: Target) -> str:
    """What the pilot promised for an indicator, in a few words."""
    if target.target_text:
        return str(target.target_text)
    parts = [capfirst(target.get_kind_display())]
    if target.base_value is not None:
        parts.append(year_and_value(target.base_year, target.base_value))
    if target.target_value is not None:
        steps = [year_and_value(step.year, step.value) for step in target.steps.all()]
        parts.append(" → ".join([*steps, year_and_value(target.target_year, target.target_value)]))
    return " · ".join(parts) if len(parts) < 3 else f"{parts[0]} · {parts[1]} → {parts[2]}"


def year_and_value(year: int | None, value: Decimal) -> str:
    return labelled(year, exact_text(value)) if year else exact_text(value)


class ImportForm(forms.Form):
    """A file of one kind of records, for its dry run."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind of records"), widget=forms.RadioSelect, required=False)
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy(
            "A workbook (.xlsx) of Excel or WPS, or CSV in UTF-8, UTF-16 or GB18030; at most 20 MB and 50,000 rows. "
            "Nothing is written before you have seen what it would do."
        ),
        widget=forms.ClearableFileInput(
            attrs={"accept": ".xlsx,.csv,.txt", "data-max-bytes": MAX_BYTES, "data-too-large": FILE_TOO_LARGE}
        ),
        error_messages={
            "required": gettext_lazy("Choose a file."),
            "empty": gettext_lazy("The file is empty. Choose one that holds rows."),
        },
    )

    def __init__(self, *args: Any, kinds: Mapping[str, Kind], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = [(name, capfirst(kind.label)) for name, kind in kinds.items()]
        self.fields["kind"].choices = [("", _("recognised by the headings")), *named]  # type: ignore[attr-defined]


class ReasonForm(forms.Form):
    """Why something is done to many records at once."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=MAX_REASON,
        required=False,
        validators=[check_text],
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=gettext_lazy("Kept in the history of every record beside your name and the import."),
    )
