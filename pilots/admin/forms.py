"""Forms of the pilots' admin: numbers, planned days, the order of stages."""

from collections.abc import Mapping
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError

from core.admin.record_form import RecordForm, RefusedError, VersionedRowForm, VersionedRowFormSet, is_marked_deleted
from core.days import today
from core.spreadsheets.cells import AmbiguousCell
from core.text import label_value
from pilots.forms.entry import AmountField
from pilots.importers import split_steps
from pilots.models import Replan
from pilots.models.indicator import steps_as_stored
from pilots.models.planned import stage_order_faults
from pilots.replans import DELETION_FIXED, is_deletion_refused, write_planned


def format_steps(steps: Mapping[str, str]) -> str:
    """Return values of a target by year, as files write them."""
    return "; ".join(f"{year}: {step}" for year, step in steps.items())


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
        return format_steps(value) if isinstance(value, dict) else value

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


class PlannedDayForm(forms.ModelForm):
    """Form of what is planned for a day: it shows the day in force."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        record = kwargs.get("instance")
        if record is not None and record.pk:
            kwargs["initial"] = {"planned_on": record.planned_by(today()), **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)


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

    def write_row(self, row: Any, values: Mapping[str, Any], *, by: Any, reason: str) -> None:
        _written, replan = write_planned(row, values, by=by, reason=reason)
        self.replans += [replan] if replan else []


class StageForm(PlannedDayRowForm):
    """Row of a stage entry: its order is checked together with the other rows."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.skip_order_check = True


class StageFormSet(PlannedDayFormSet):
    """Stage entries of a pilot, checked together for their order."""

    def save(self, commit: bool = True) -> Any:
        """Write the rows; reject those that break the order, except for untouched rows that were wrong before."""
        before = list(self.get_queryset().all())
        saved, rows = super().save(commit), cast(Any, self.forms)
        typed = {form.instance.pk: form for form in rows if form.has_changed()}
        entries, errors = list(self.instance.stages.all()), dict[Any, dict[str, list[ValidationError]]]()
        changed = [entry for entry in entries if entry.pk in typed]
        shown = {form.instance.pk: form.prefix for form in rows}
        for entry, field, text in stage_order_faults(entries, before, changed) if typed else ():
            own = errors.setdefault(shown.get(entry.pk), {})
            own.setdefault(field, []).append(ValidationError(text, code="stage_order"))
        if errors:
            raise RefusedError({prefix: ValidationError(own) for prefix, own in errors.items()})
        return saved
