"""Forms of the pilots' admin: numbers, stage formsets, and the grid of readings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, cast

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.forms.utils import ErrorDict
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin.record_form import (
    FlexibleDateField,
    RecordForm,
    VersionedRowForm,
    VersionedRowFormSet,
    is_marked_deleted,
)
from core.history.recording import MAX_REASON
from core.http.as_of import today
from core.http.request import parse_key
from core.records.validators import check_not_ahead
from core.text.bilingual import check_text, normalize_code
from core.text.formatting import label_value
from pilots.metrics.stages import StageEvent, StageIssue, stage_issues
from pilots.models import (
    Adoption,
    Indicator,
    Milestone,
    Pilot,
    Practice,
    Reading,
    ReadingState,
    Replan,
    StageEntry,
    Target,
    ValueStatus,
)
from pilots.models.indicator import format_exact
from pilots.models.reading import CONFLICT_CODE, JUMP_CODE, ReadingKey, ReadingLedger
from pilots.models.stage_entry import PLANNED_TWICE, stage_field, stage_message
from pilots.replans import (
    DELETION_FIXED,
    REASON_REQUIRED,
    is_deletion_refused,
    prepare_replan,
    replan_of,
    save_replan,
    settle_planned_day,
)
from pilots.services import (
    ACCEPT_PERMISSION,
)

AMOUNT_PATTERN = re.compile(r"-?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?", re.ASCII)


class AmountField(forms.DecimalField):
    """Decimal field: accepts 12345.6 and 12,345.6, full-width digits too; rejects ambiguous commas."""

    widget = forms.TextInput
    default_error_messages = {
        "invalid": gettext_lazy("This is not a number. Write 12345.6 or 12,345.6, without a unit.")
    }

    def to_python(self, value: Any) -> Any:
        """Parse the number. Raises ValidationError for commas other than thousands separators: 12,5 may be 12.5
        or 125."""
        if value is None or isinstance(value, Decimal):
            return value
        text = normalize_code(str(value))
        if text and not AMOUNT_PATTERN.fullmatch(text):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(text.replace(",", ""))

    def prepare_value(self, value: object) -> Any:
        """Return the stored value without trailing zeros."""
        return f"{value.normalize():f}" if isinstance(value, Decimal) else value

    def widget_attrs(self, widget: forms.Widget) -> dict[str, object]:
        return {**super().widget_attrs(widget), "inputmode": "decimal", "autocomplete": "off", "class": "amount"}


class IndicatorField(forms.ModelChoiceField):
    """An indicator, labelled with the unit of entered values."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.with_unit)


# -- planned days ----------------------------------------------------------------------------------------


class PlannedDayForm(forms.ModelForm):
    """Form of what is planned for a day. It shows the day in force; another one of a key milestone or a planned stage
    is taken off the record, to be asked for or decided when the record is saved.
    """

    user: Any = None
    deleted_meanwhile = False
    day_asked_for: date | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        record = kwargs.get("instance")
        if record is not None and record.pk:
            kwargs["initial"] = {"planned_on": record.planned_by(today()), **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)

    def settle_planned_day(self, cleaned: dict[str, Any]) -> None:
        """Take another day off the cleaned values, and add errors for what is fixed."""
        if not self.instance.pk or self.deleted_meanwhile:
            return
        stored, record = self.instance, copy(self.instance)
        record.planned_on = stored.planned_by(today())
        for name in ("planned_on", "pilot", *stored.PROMISED_FIELDS):
            if name in cleaned:
                setattr(record, name, cleaned[name])
        try:
            self.day_asked_for = settle_planned_day(record, stored, by=self.user)
        except ValidationError as exc:
            for name, errors in exc.error_dict.items():
                self.add_error(name if name in self.fields else None, errors)
        else:
            if "planned_on" in cleaned:
                cleaned["planned_on"] = record.planned_on


class PlannedDayRowForm(PlannedDayForm, VersionedRowForm):
    """Row of what is planned for a day."""

    def disable_restricted_fields(self) -> None:
        """Disable what was promised as well, once the planned day is fixed."""
        super().disable_restricted_fields()
        if self.user and self.instance.pk and is_deletion_refused(self.instance, self.user):
            for name in self.instance.PROMISED_FIELDS:
                if name in self.fields:
                    self.fields[name].disabled = True

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        self.settle_planned_day(cleaned)
        return cleaned


class PlannedDayFormSet(VersionedRowFormSet):
    """Rows of what is planned for a day. Another day needs a reason, given once for the page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.replans: list[Replan] = []  # those that were saved

    def clean(self) -> None:
        super().clean()
        self.check_deletions()
        if self.data.get("change_reason", "").strip():
            return
        for form in self.remaining_forms:
            if getattr(form, "day_asked_for", None):
                form.add_error("planned_on", ValidationError(REASON_REQUIRED, code="required"))

    def check_deletions(self) -> None:
        """Reject the deletion of a row that only the ministry deletes."""
        rows: list[Any] = self.initial_forms
        refused = [
            label_value(form.instance, str(DELETION_FIXED))
            for form in rows
            if is_marked_deleted(form) and form.instance.pk and is_deletion_refused(form.instance, form.user)
        ]
        if refused:
            raise ValidationError(refused, code="fixed")

    def save(self, commit: bool = True) -> Any:
        """Write the rows, and the replans of their days."""
        saved, rows = super().save(commit), cast(Any, self.initial_forms)
        for form in rows:
            if form.day_asked_for and form.instance.pk and not is_marked_deleted(form):
                replan = replan_of(form.instance, form.day_asked_for, self.reason)
                self.replans.append(save_replan(replan, by=self.user))
        return saved


# -- stages ----------------------------------------------------------------------------------------------


class StageForm(PlannedDayRowForm):
    """Row of a stage entry: its order is checked against the other rows as typed, not as stored."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.skip_order_check = True


class StageFormSet(PlannedDayFormSet):
    """Stage entries of a pilot, checked together for their order."""

    def clean(self) -> None:
        super().clean()
        planned = [form for form in self.remaining_forms if form.instance.stage and not form.instance.entered_on]
        for place, form in enumerate(planned):  # Django compares the rows only for unique constraints without condition
            if form.instance.stage in {other.instance.stage for other in planned[:place]}:
                form.add_error("stage", ValidationError(PLANNED_TWICE, code="unique"))
        if self.has_changed():
            self.check_order()

    def check_order(self) -> None:
        """Add errors to rows that break the order, except for untouched rows that were wrong before.

        Rows added by another user in the meantime count as well.
        """
        entries = {id(entry): (entry, form) for form in self.remaining_forms if (entry := stage_event_of(form))}
        shown = {form.instance.pk for form in self.initial_forms}
        stored = [row for row in self.get_queryset().all() if row.entered_on]
        others = [row.as_stage_event() for row in stored if row.pk not in shown]
        known = {issue_key(problem) for problem in stage_issues([row.as_stage_event() for row in stored], today())}
        for problem in stage_issues([*(entry for entry, _form in entries.values()), *others], today()):
            found = entries.get(id(problem.event))
            if found and (found[1].has_changed() or issue_key(problem) not in known):
                found[1].add_error(stage_field(problem), ValidationError(stage_message(problem), code=problem.code))
            elif not found and issue_key(problem) not in known:
                raise ValidationError(stage_message(problem), code=problem.code)


def stage_event_of(form: Any) -> StageEvent | None:
    """Return the row as the metrics take it; None if it is only planned or invalid."""
    row: StageEntry = form.instance
    return row.as_stage_event() if row.stage and row.entered_on and not form.errors else None


def issue_key(problem: StageIssue) -> tuple[object, ...]:
    """Return what identifies an issue."""
    return problem.code, problem.event.stage, problem.event.on


class MilestoneFormSet(PlannedDayFormSet):
    """Milestones of a pilot; moving a past planned date needs a reason, given once for the page."""

    def clean(self) -> None:
        super().clean()
        if self.data.get("change_reason", "").strip():
            return
        for form in self.remaining_forms:
            stored = Milestone(planned_on=form.initial["planned_on"]) if form.instance.pk else None
            text = form.instance.missing_reason(stored)
            if text:
                form.add_error("planned_on", ValidationError(text, code="required"))


# -- single records --------------------------------------------------------------------------------------


class PlannedDayRecordForm(PlannedDayForm, RecordForm):
    """Form of a record that is planned for a day. Another day needs a reason."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        self.settle_planned_day(cleaned)
        if self.day_asked_for and not cleaned.get("change_reason", "").strip():
            self.add_error("change_reason", ValidationError(REASON_REQUIRED, code="required"))
        return cleaned


class ReplanForm(RecordForm):
    """Form of a replan: a new request, or the decision about one that waits."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        if self.instance.pk:
            if "accepted" in self.fields and cleaned.get("accepted") is None:
                text = _("Choose “Yes” to accept it, or “No” to refuse it with a remark.")
                self.add_error("accepted", ValidationError(text, code="required"))
            return cleaned
        item = cleaned.get("milestone") or cleaned.get("stage_entry")
        if item and cleaned.get("day"):
            self.instance.pilot = item.pilot
            replan = Replan(day=cleaned["day"], **{item.REPLAN_FIELD: item})
            try:
                prepare_replan(replan, by=self.user)
            except ValidationError as exc:
                for name, errors in exc.error_dict.items():
                    self.add_error(name, errors)
        return cleaned

    def check_rights(self) -> None:
        if self.instance.pilot_id:
            super().check_rights()


class OverrideForm(RecordForm):
    """Form of a light override. What was already shown cannot be changed."""

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
        """Check the database's own rule, which a form without the start date would leave to the database."""
        if expires_on and expires_on <= self.instance.set_on:
            message = _("It has to expire after the day it was set.")
            self.add_error("expires_on", ValidationError(message, code="too_early"))


class NarrowedAutocomplete(AutocompleteSelect):
    """Autocomplete select that says in its requests what it is narrowed to, for `get_search_results`."""

    narrowed_to: Mapping[str, int | list[int]] = {}

    def get_url(self) -> str:
        address = str(super().get_url())
        return f"{address}?{urlencode(self.narrowed_to, doseq=True)}" if self.narrowed_to else address


class EffectForm(RecordForm):
    """Form of an effect: offers the copies of its practice, and the accepted readings of the pilots that have it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        practice, adoption = self.chosen(Practice, "practice"), self.chosen(Adoption, "adoption")
        if practice:
            self.narrow("adoption", practice=practice.pk)
        if adoption or practice:
            pilots = [adoption.pilot_id] if adoption else practice.origins.values_list("pk", flat=True)
            for name in ("reading_before", "reading_after"):
                self.narrow(name, pilot=[key or 0 for key in pilots])

    def chosen(self, model: type[Any], name: str) -> Any:
        """Return the record that a field names, as posted, stored or given by the address."""
        value = str(self[name].value() or "") if name in self.fields else ""
        return model.objects.filter(pk=parse_key(value)).first()

    def narrow(self, name: str, **to: int | list[int]) -> None:
        """Limit what a field's autocomplete offers."""
        field = self.fields.get(name)
        widget = getattr(field and field.widget, "widget", None)  # inside the links to add and change a record
        if isinstance(widget, NarrowedAutocomplete):
            widget.narrowed_to = to


class ReadingForm(RecordForm):
    """Form of a reading. A new one is the next version for its period, checked against existing versions."""

    known = forms.CharField(label=gettext_lazy("version"), required=False, widget=forms.HiddenInput)
    instance: Reading

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        if cleaned.get("state") == ReadingState.ACCEPTED and "accepted_on" in cleaned:
            cleaned["accepted_on"] = cleaned["accepted_on"] or today()
        wanted = ("pilot", "indicator", "period", "value", "value_status")
        if not self.instance.pk and all(cleaned.get(name) not in (None, "") for name in wanted):
            names = [*wanted, *(name for name in ("note_en", "note_zh") if cleaned.get(name))]
            value = Reading(**{name: cleaned[name] for name in names})
            value.period, value.seen_id = normalize_code(value.period), parse_key(cleaned.get("known") or "")
            self.check_against_ledger(ReadingLedger(value.pilot, lock=True), value)
        return cleaned

    def check_against_ledger(self, record: ReadingLedger, value: Reading) -> None:
        """Reject a value that is recorded already, a conflict (once), and a jump without a note; number the others."""
        if not record.differs(value):
            version = record.newest[value.key].version
            message = _("Version %(version)d says this already. Enter what is different.") % {"version": version}
            self.add_error("value", ValidationError(message, code="same"))
            return
        fault = record.check(value)
        self.instance.version = record.next_version(value.key)
        if fault and fault.code == CONFLICT_CODE:
            self.data = self.data.copy()
            self.data[self.add_prefix("known")] = str(record.newest[value.key].pk)
        if fault:
            self.add_error(Reading.note.active_field if fault.code == JUMP_CODE else None, fault)


# -- readings as a grid ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class GridCell:
    """A field of the grid, and the newest recorded value."""

    period: str
    value: forms.BoundField
    known: forms.BoundField
    note: forms.BoundField
    last: Reading | None
    asks_why: bool  # the note is shown where it is needed


@dataclass(frozen=True)
class GridRow:
    """An indicator with the pilot's target for it."""

    indicator: Indicator
    promise: str
    cells: Sequence[GridCell]


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
        self, data: Any = None, *, pilot: Pilot, by: User, indicators: Sequence[Indicator], periods: Sequence[str]
    ) -> None:
        super().__init__(data, initial={"reported_on": today()}, label_suffix="")
        self.pilot, self.indicators, self.periods = pilot, indicators, periods
        self.record = ReadingLedger(pilot)
        self.asked: set[ReadingKey] = set()
        if not by.has_perm(ACCEPT_PERMISSION, pilot):
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

    def redisplay_typed(self) -> None:
        """Show the typed values again without validating them."""
        self._errors, self.cleaned_data = ErrorDict(), {}

    @cached_property
    def values(self) -> list[Reading]:
        """The values that were typed, row by row."""
        return [
            self.value_at(i, p) for i in self.indicators for p in self.periods if self.typed_reading(i, p) is not None
        ]

    def typed_reading(self, indicator: Indicator, period: str) -> Decimal | None:
        value: Decimal | None = self.cleaned_data.get(f"value-{cell_name((indicator.pk, period))}")
        return value

    def value_at(self, indicator: Indicator, period: str) -> Reading:
        name, cleaned = cell_name((indicator.pk, period)), self.cleaned_data
        accept = cleaned.get("accept", False)
        reading = Reading(
            pilot=self.pilot,
            indicator=indicator,
            period=period,
            value=cleaned[f"value-{name}"],
            value_status=cleaned[f"status-{period}"],
            note=cleaned.get(f"note-{name}") or "",  # type: ignore[misc]  # a property: the note of its language
            reported_on=cleaned["reported_on"],
            state=ReadingState.ACCEPTED if accept else ReadingState.REPORTED,
            accepted_on=today() if accept else None,
        )
        reading.seen_id = parse_key(cleaned.get(f"known-{name}") or "")
        return reading

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        if not self.errors and not any(name.startswith("value-") and cleaned[name] is not None for name in cleaned):
            self.add_error(None, ValidationError(_("No value was entered yet."), code="empty"))
        return cleaned

    def add_errors(self, faults: Mapping[ReadingKey, ValidationError]) -> None:
        """Add each error to its cell. Typed values stay; errors that may be overruled pass on the next submit."""
        self.data = self.data.copy()  # type: ignore[attr-defined]  # sent by a browser: a QueryDict
        self.record = ReadingLedger(self.pilot)
        for place, fault in faults.items():
            name = cell_name(place)
            if fault.code == CONFLICT_CODE:
                self.data[f"known-{name}"] = str(self.record.newest[place].pk)  # type: ignore[index]
            if fault.code == JUMP_CODE:
                self.asked.add(place)
            self.add_error(f"value-{name}", fault)

    # -- what the page shows ---------------------------------------------------------------------------

    @property
    def columns(self) -> list[dict[str, object]]:
        """The periods, each with the value status of the values entered for it."""
        return [{"period": period, "status": self[f"status-{period}"]} for period in self.periods]

    @property
    def rows(self) -> list[GridRow]:
        promises = {item.indicator_id: target_summary(item) for item in self.pilot.targets.prefetch_related("steps")}
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


def cell_name(place: ReadingKey) -> str:
    return f"{place[0]}-{place[1]}"


def target_summary(target: Target) -> str:
    """Return the pilot's target for an indicator as short text."""
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
    return label_value(year, format_exact(value)) if year else format_exact(value)
