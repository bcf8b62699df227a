"""Forms of the pilots' admin: numbers, planned days, the order of stages."""

from collections.abc import Mapping
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError

from core.admin.record_form import RecordForm, RefusedError, VersionedRowForm, VersionedRowFormSet, is_marked_deleted
from core.days import today
from core.text import label_value
from pilots.amendments import settle_day, write_milestone
from pilots.models import Amendment
from pilots.models.planned import stage_order_faults


class IndicatorField(forms.ModelChoiceField):
    """An indicator, labelled with the unit of entered values."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.with_unit)


# -- promises --------------------------------------------------------------------------------------------


class PlannedDayForm(forms.ModelForm):
    """Form of a milestone: it shows the planned day in force, and another one is left to `write_milestone`."""

    user: Any
    wanted: Mapping[str, Any] = {}  # what that is to write instead of the day that the record keeps

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        record = kwargs.get("instance")
        if record is not None and record.pk:
            kwargs["initial"] = {"planned_on": record.planned_by(today()), **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.instance.pk and (day := cleaned.get("planned_on")):
            self.wanted = {"planned_on": day}
            cleaned["planned_on"], _asked = settle_day(self.instance, day, by=self.user)
        return cleaned


class MilestoneForm(PlannedDayForm, RecordForm):
    """Form of a milestone."""


class MilestoneRowForm(PlannedDayForm, VersionedRowForm):
    """Row of a milestone."""


class PromiseFormSet(VersionedRowFormSet):
    """Rows of what a pilot promises: what is kept is not deleted."""

    def clean(self) -> None:
        super().clean()
        rows = [form.instance for form in cast(Any, self.initial_forms) if is_marked_deleted(form) and form.instance.pk]
        if kept := [label_value(record, text) for record in rows if (text := record.deletion_error())]:
            raise ValidationError(kept, code="fixed")


class MilestoneFormSet(PromiseFormSet):
    """Milestones of a pilot; another planned day is an amendment."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.amendments: list[Amendment] = []  # those that were saved

    def write_row(self, row: Any, values: Mapping[str, Any], *, by: Any, reason: str) -> None:
        wanted = next(form.wanted for form in cast(Any, self.forms) if form.instance is row)
        _written, amendment = write_milestone(row, {**values, **wanted}, by=by, reason=reason)
        self.amendments += [amendment] if amendment else []


class AmendmentForm(RecordForm):
    """Form of an amendment: without steps they stay, or follow from the other values."""

    def clean_steps(self) -> Any:
        return self.cleaned_data["steps"] or None


class StageForm(VersionedRowForm):
    """Row of a stage entry: its order is checked together with the other rows."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.skip_order_check = True


class StageFormSet(VersionedRowFormSet):
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
