"""Forms of the pilots' admin: numbers, planned days, the order of stages, readings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, cast

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin.record_form import RecordForm, VersionedRowForm, VersionedRowFormSet, is_marked_deleted
from core.http.as_of import today
from core.http.request import parse_key
from core.spreadsheets.cells import AmbiguousCell
from core.text.bilingual import normalize_code
from core.text.formatting import label_value
from pilots.forms.entry import AmountField
from pilots.importers import split_steps
from pilots.models import Adoption, Practice, Reading, ReadingLedger, ReadingState, Replan
from pilots.models.reading import CONFLICT_CODE, JUMP_CODE
from pilots.models.stage_entry import PLANNED_TWICE, stage_order_faults
from pilots.models.target import steps_as_stored
from pilots.replans import (
    DELETION_FIXED,
    is_deletion_refused,
    prepare_replan,
    replan_of,
    save_replan,
    settle_planned_day,
)


class StepsField(forms.CharField):
    """Values of a target by year, as files write them: 2024: 34.4; 2025: 30."""

    def __init__(self, *, encoder: Any = None, decoder: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, dict):  # as it is stored, of a field that the user may not change
            return value
        amount = AmountField(max_digits=20, decimal_places=6)
        try:
            return steps_as_stored(
                {year: amount.clean(text) for year, text in split_steps(super().to_python(value) or "")}
            )
        except AmbiguousCell as exc:
            raise ValidationError(str(exc.message), code=exc.code) from exc

    def prepare_value(self, value: Any) -> Any:
        return "; ".join(f"{year}: {step}" for year, step in value.items()) if isinstance(value, dict) else value

    def run_validators(self, value: Any) -> None:
        """The model has them."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != (initial or {}))
        except ValidationError:
            return True


class IndicatorField(forms.ModelChoiceField):
    """An indicator, labelled with the unit of entered values."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.with_unit)


# -- planned days ----------------------------------------------------------------------------------------


def add_field_errors(form: Any, exc: ValidationError) -> None:
    """Add errors by field to a form, those of other fields above it. A row shows that a reason is missing at the day
    for which it is needed: the page asks for it once.
    """
    for name, errors in exc.error_dict.items():
        other = "planned_on" if name == "change_reason" else None
        form.add_error(name if name in form.fields else other, errors)


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

    def clean(self) -> dict[str, Any] | None:
        """Take another day off the cleaned values; add errors for what is fixed, and for a reason that is missing."""
        cleaned, stored = super().clean() or {}, self.instance
        if not stored.pk or self.deleted_meanwhile:
            return cleaned
        names, reason = ("planned_on", "pilot", *stored.PROMISED_FIELDS), self.data.get("change_reason", "").strip()
        typed = {name: cleaned[name] for name in names if name in cleaned}
        wanted = stored.drafted({"planned_on": stored.planned_by(today()), **typed})
        try:
            self.day_asked_for = settle_planned_day(wanted, stored, by=self.user, reason=reason)
            missing = "" if reason else wanted.missing_reason(stored)
            if missing:
                raise ValidationError({"change_reason": ValidationError(missing, code="required")})
        except ValidationError as exc:
            add_field_errors(self, exc)
        else:
            if "planned_on" in cleaned:
                cleaned["planned_on"] = wanted.planned_on
        return cleaned


class PlannedDayRecordForm(PlannedDayForm, RecordForm):
    """Form of a record that is planned for a day."""


class PlannedDayRowForm(PlannedDayForm, VersionedRowForm):
    """Row of what is planned for a day."""

    def disable_restricted_fields(self) -> None:
        """Disable what was promised as well, once the planned day is fixed."""
        super().disable_restricted_fields()
        if self.user and self.instance.pk and is_deletion_refused(self.instance, self.user):
            for name in self.fields.keys() & {*self.instance.PROMISED_FIELDS}:
                self.fields[name].disabled = True


class PlannedDayFormSet(VersionedRowFormSet):
    """Rows of what is planned for a day; only the ministry deletes those whose day is fixed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.replans: list[Replan] = []  # those that were saved

    def clean(self) -> None:
        super().clean()
        rows = [form for form in cast(Any, self.initial_forms) if is_marked_deleted(form) and form.instance.pk]
        kept = [form.instance for form in rows if is_deletion_refused(form.instance, form.user)]
        if kept:
            raise ValidationError([label_value(record, str(DELETION_FIXED)) for record in kept], code="fixed")

    def save(self, commit: bool = True) -> Any:
        """Write the rows, and the replans of their days."""
        saved, rows = super().save(commit), cast(Any, self.initial_forms)
        for form in rows:
            if form.day_asked_for and form.instance.pk and not is_marked_deleted(form):
                replan = replan_of(form.instance, form.day_asked_for, self.reason)
                self.replans.append(save_replan(replan, by=self.user))
        return saved


class StageForm(PlannedDayRowForm):
    """Row of a stage entry: its order is checked against the other rows as typed, not as stored."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.skip_order_check = True


class StageFormSet(PlannedDayFormSet):
    """Stage entries of a pilot, checked together for their order."""

    def clean(self) -> None:
        """Add errors to rows that break the order, except for untouched rows that were wrong before. Rows added by
        another user in the meantime count as well.
        """
        super().clean()
        rows = [form for form in self.remaining_forms if form.instance.stage]
        planned: set[str] = set()
        for form in rows:  # Django compares the rows only for unique constraints without condition
            if not form.instance.entered_on:
                if form.instance.stage in planned:
                    form.add_error("stage", ValidationError(PLANNED_TWICE, code="unique"))
                planned.add(form.instance.stage)
        if not self.has_changed():
            return
        shown = {form.instance.pk for form in self.initial_forms}
        stored = list(self.get_queryset().all())
        typed = {id(form.instance): form for form in rows if not form.errors}
        entries = [*(form.instance for form in typed.values()), *(row for row in stored if row.pk not in shown)]
        changed = [form.instance for form in typed.values() if form.has_changed()]
        for entry, field, text in stage_order_faults(entries, stored, changed):
            if id(entry) not in typed:
                raise ValidationError(text, code="stage_order")
            typed[id(entry)].add_error(field, ValidationError(text, code="stage_order"))


# -- single records --------------------------------------------------------------------------------------


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
                add_field_errors(self, exc)
        return cleaned

    def check_rights(self) -> None:
        if self.instance.pilot_id:
            super().check_rights()


class OverrideForm(RecordForm):
    """Form of a light override. What was already shown cannot be changed."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        if not self.instance.pk:
            cleaned["change_reason"] = cleaned.get("reason", "")
        elif "expires_on" in self.changed_data and cleaned.get("expires_on"):
            text = _("It has been shown until today: choose today or a later day.")
            if self.initial["expires_on"] <= today():
                text = _("It has expired. Set a new one instead.")
            if self.initial["expires_on"] <= today() or cleaned["expires_on"] < today():
                self.add_error("expires_on", ValidationError(text, code="past"))
        return cleaned

    def _get_validation_exclusions(self) -> set[str]:
        """Hold the end against the day it was set, which the form of a new one does not show."""
        exclusions: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]  # Django's, not in its stubs
        return exclusions - {"set_on"}


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
        """Reject a value that is recorded already, a conflict (once), and a jump without a note; number the others."""
        cleaned = super().clean() or {}
        if cleaned.get("state") == ReadingState.ACCEPTED and "accepted_on" in cleaned:
            cleaned["accepted_on"] = cleaned["accepted_on"] or today()
        needed = ("pilot", "indicator", "period", "value", "value_status")
        if self.instance.pk or any(cleaned.get(name) in (None, "") for name in needed):
            return cleaned
        names = (*needed, "note_en", "note_zh")
        value = self.instance.drafted({name: cleaned.get(name) or "" for name in names})
        value.period, value.seen_id = normalize_code(value.period), parse_key(cleaned.get("known") or "")
        ledger = ReadingLedger(value.pilot, lock=True)
        self.instance.version = ledger.next_version(value.key)
        if same := ledger.same(value):
            self.add_error("value", same)
        elif fault := ledger.check(value):
            if fault.code == CONFLICT_CODE:
                self.data = self.data.copy()
                self.data[self.add_prefix("known")] = str(ledger.newest[value.key].pk)
            self.add_error(Reading.note.active_field if fault.code == JUMP_CODE else None, fault)
        return cleaned
