"""Forms of records in the admin: a reason for the change, the rights of the user, and optimistic locking.

A form carries the version of the record that it was opened on: the key of its newest history entry. Where another user
saved since then it is rejected once, says what they changed, and shows their values in the fields that this user left
alone; a field that both changed keeps what was typed. Saving again writes the form as it stands.

Of a row that two users edit at once on its parent's page the second is told what the first changed; nothing is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any, cast

from django import forms
from django.contrib.admin.widgets import AdminDateWidget, AutocompleteSelect
from django.core.exceptions import ValidationError
from django.db import models
from django.forms.formsets import DELETION_FIELD_NAME
from django.http import QueryDict
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import truncate
from core.history.diffs import (
    FieldDifference,
    HistoricalRecord,
    author_name,
    diff_many,
    entry_state,
    format_datetime,
    historical_name,
    translate_reason,
)
from core.history.entries import newest_entry
from core.history.recording import MAX_REASON, REASON_HELP
from core.http import parse_key
from core.permissions import restricted_fields
from core.records import writing
from core.spreadsheets.cells import AmbiguousCell, SheetCell, read_date
from core.text import PartialDate, join_clauses, join_sentences, label_value

VERSION_FIELD = "version"


class VersionField(forms.CharField):
    """Hidden field with the version of the record that the form was opened on; never itself an edit."""

    def __init__(self) -> None:
        super().__init__(label=gettext_lazy("version"), required=False, widget=forms.HiddenInput)

    def has_changed(self, initial: object, data: object) -> bool:
        return False


class FlexibleDateField(forms.DateField):
    """DateField for a day written as 2024-01-15, 2024/1/15, 2024.1.15, 2024年1月15日 or 20240115.

    Raises ValidationError for what may be two days, such as 05/03/2026, and for a month or year without a day.
    """

    widget = AdminDateWidget(format="%Y-%m-%d")

    def to_python(self, value: Any) -> date | None:
        if not isinstance(value, str):
            return super().to_python(value)
        if not value.strip():
            return None
        day: PartialDate | None = None
        try:
            day = read_date(SheetCell(value))
        except AmbiguousCell as error:
            if error.code != "not_a_day":
                raise ValidationError(error.message, code="invalid") from error
        if day is None or day.precision != "day":
            text = _(
                "“%(value)s” is not one day that can be read for certain. Write it as 2024-01-15 or 2024年1月15日."
            )
            raise ValidationError(text % {"value": truncate(value)}, code="invalid")
        return day.on


DATE_FIELD_OVERRIDES: Any = {
    models.DateField: {"form_class": FlexibleDateField, "widget": AdminDateWidget(format="%Y-%m-%d")}
}
"""`formfield_overrides` of an admin whose date fields accept the notations of the import."""


class RecordForm(forms.ModelForm):
    """Form of a record.

    `user` is the user who fills it in: the saved record has to lie within that user's scope.
    """

    user: Any = None
    version = VersionField()
    change_reason = forms.CharField(
        label=gettext_lazy("Reason for change"),
        max_length=MAX_REASON,
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=REASON_HELP,
    )
    data: QueryDict
    refused: Mapping[str | None, ValidationError] = {}  # what `records` said when it was to be saved, by prefix
    latest: Any = None  # newest history entry of the record
    conflicts: Sequence[tuple[str | None, str]] = ()  # where others saved since: what to say, by field

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.latest = newest_entry(self._meta.model, self.instance.pk)
        self.initial[VERSION_FIELD] = str(self.latest.pk) if self.latest else ""
        if self.is_bound and self.latest:
            opened, changes = changes_since(self.latest, self.data.get(VERSION_FIELD))
            if changes is not None:
                self.conflicts = [(None, conflict_text(self.latest, changes)), *self.take_over(opened, changes)]

    def take_over(self, opened: HistoricalRecord, changes: Sequence[FieldDifference]) -> Iterator[tuple[str, str]]:
        """Show the values of others in the fields that this user left alone; yield the fields that both changed, with
        their values.
        """
        before = entry_state(opened) if changes else {}
        text = _("You both changed this. %(user)s: %(old)s → %(new)s. Yours stands here; save again to keep it.")
        self.data = self.data.copy()
        self.data[VERSION_FIELD] = str(self.latest.pk)  # of which the user knows now, and saves again deliberately
        for change in changes:
            if change.name in self.fields:
                bound = self[change.name]
                if not bound.field.has_changed(before[change.name], bound.data):
                    self.data.setlist(bound.html_name, posted_texts(bound))
                elif bound.field.has_changed(bound.initial, bound.data):
                    yield change.name, text % {"user": author_name(self.latest), "old": change.old, "new": change.new}

    def full_clean(self) -> None:
        """Validate; reject a form that others overtook, once; show what `records` said against it."""
        super().full_clean()
        if not self.is_bound:
            return
        # A form that changes nothing itself is in no conflict; a reason for change is no change.
        if self.conflicts and {field.name for field in self.instance._meta.get_fields()} & {*self.changed_data}:
            for name, text in self.conflicts:
                self.add_error(name, ValidationError(text, code="conflict"))
        if show_refusal(self) and self.instance.pk:  # what cannot be typed is shown as it is stored
            self.instance.refresh_from_db()

    def own_values(self) -> dict[str, Any]:
        """Return the values of the record's fields that are on the form, and filled in rightly, by field."""
        fields = [item for item in self._meta.model._meta.concrete_fields if item.name in self.cleaned_data]
        return {item.name: getattr(self.instance, item.name) for item in fields}

    def own_lists(self) -> dict[str, Any]:
        """Return the many-to-many lists that are on the form, and filled in rightly, by field."""
        fields, cleaned = self._meta.model._meta.many_to_many, self.cleaned_data
        return {field.name: cleaned[field.name] for field in fields if field.name in cleaned}


class RefusedError(Exception):
    """What `records` said against forms that were valid in themselves, by their prefix; nothing was written."""

    def __init__(self, errors: Mapping[str | None, ValidationError]) -> None:
        super().__init__()
        self.errors = errors


def show_refusal(form: Any) -> bool:
    """Add to a form what was said against it when it was to be saved, if anything: errors of what it does not show
    stand above it.
    """
    error = form.refused.get(form.prefix)
    for name, errors in error.update_error_dict({}).items() if error else ():
        form.add_error(name if name in form.fields else None, errors)
    return error is not None


def changes_since(
    latest: HistoricalRecord, version: str | None
) -> tuple[HistoricalRecord | None, Sequence[FieldDifference] | None]:
    """Return the entry of the version that a form was opened on, and what others changed since; None: nothing.

    Of a form that names no version nothing is known: the changes are empty then.
    """
    if version == str(latest.pk):
        return latest, None
    opened = latest.instance_type.history.filter(pk=parse_key(version or ""), id=latest.id).first()
    changes = diff_many([(latest, opened)])[latest.pk]
    return opened, changes if changes or opened is None else None


def changes_message(latest: HistoricalRecord, changes: Sequence[FieldDifference]) -> str:
    """Return who saved meanwhile, when, why and what."""
    message = _(
        "%(user)s saved this record on %(when)s, after you had opened the page. Nothing of yours is saved yet. "
        "What was changed: %(changes)s."
    )
    reason = translate_reason(latest.history_change_reason)
    parts = [label_value(item.label, f"{item.old} → {item.new}") for item in changes]
    parts = [*(parts or ["–"]), *([label_value(_("Reason"), reason)] if reason else [])]
    return message % {
        "user": author_name(latest),
        "when": format_datetime(latest.history_date),
        "changes": join_clauses(parts),
    }


def conflict_text(latest: HistoricalRecord, changes: Sequence[FieldDifference] = ()) -> str:
    """Return who saved meanwhile and what, and how to save all the same."""
    again = _("Check it, then save again to keep it as it stands here.")
    return join_sentences(changes_message(latest, changes), again)


def posted_texts(bound: forms.BoundField) -> list[str]:
    """Return a field's stored value as the browser would send it."""
    value = bound.field.prepare_value(bound.initial)
    sent: Any = value if isinstance(value, list | bool) else bound.field.widget.format_value(value)
    return ["" if item is None else str(item) for item in (sent if isinstance(sent, list) else [sent])]


# -- rows on the form of their parent ----------------------------------------------------------------------


class RowAutocompleteSelect(AutocompleteSelect):
    """Autocomplete select that knows the selected record, so that a row costs no query."""

    selected_record: models.Model | None = None

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        if self.selected_record is None or value != [str(self.selected_record.pk)]:
            return super().optgroups(name, value, attr)
        options = [] if self.is_required else [self.create_option(name, "", "", False, 0)]
        label = self.choices.field.label_from_instance(self.selected_record)
        options.append(self.create_option(name, self.selected_record.pk, label, True, len(options)))
        return [(None, options, 0)]


class VersionedRowForm(forms.ModelForm):
    """Form of one row, with the version of its record that the page was opened on."""

    user: Any = None  # the user, set by the inline
    refused: Mapping[str | None, ValidationError] = {}  # as above
    version = VersionField()
    latest: Any = None  # newest history entry of the row
    changes: Sequence[FieldDifference] | None = None  # what others changed since the page was opened; None: nothing

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.disable_restricted_fields()
        for name, field in self.fields.items():
            if not field.widget.is_hidden:  # a row has no label but its column's heading
                field.widget.attrs["aria-label"] = capfirst(str(field.label or name))
            if isinstance(field.widget, RowAutocompleteSelect) and getattr(self.instance, f"{name}_id"):
                field.widget.selected_record = getattr(self.instance, name)

    def disable_restricted_fields(self) -> None:
        """Disable fields that need a further permission: Django ignores what is sent for a disabled field."""
        recorded = self.instance.pk is not None
        for name in restricted_fields(self.user, self._meta.model, recorded=recorded) if self.user else ():
            if name in self.fields:
                self.fields[name].disabled = True

    def full_clean(self) -> None:
        super().full_clean()
        if self.is_bound:
            show_refusal(self)

    def compare_with(self, latest: HistoricalRecord) -> None:
        """Compare with the newest entry of the row. One that only another user changed stays as they saved it."""
        self.latest, self.initial[VERSION_FIELD] = latest, str(latest.pk)
        if self.is_bound:
            opened, self.changes = changes_since(latest, self.data.get(self.add_prefix(VERSION_FIELD)))
            self.empty_permitted = self.changes is not None  # what is unchanged is not validated then, nor saved
            for change in self.changes or ():
                self.initial[change.name] = getattr(opened, self._meta.model._meta.get_field(change.name).attname)


class VersionedRowFormSet(forms.BaseInlineFormSet):
    """Formset of the rows. What this user changes in a row, or deletes, after another changed it is rejected."""

    reason = ""  # reason for change typed on the parent's form
    user: Any = None
    model: Any

    @cached_property
    def latest(self) -> dict[int, HistoricalRecord]:
        """Newest history entry of each row. One query, whatever the number of rows."""
        keys = [record.pk for record in self.get_queryset()]
        history = self.model.history
        newest = history.filter(id__in=keys).order_by().values("id").annotate(last=models.Max("history_id"))
        return {entry.id: entry for entry in history.filter(history_id__in=newest.values("last"))}

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        if latest := self.latest.get(form.instance.pk):
            form.compare_with(latest)

    def clean(self) -> None:
        """Reject rows that another user changed or deleted since the page was opened."""
        remedy, above = _("Open the page again, and change there what is still to be changed."), []
        rows: list[Any] = self.initial_forms
        gone = [parse_key(str(form["id"].value())) for form in rows if form.instance.pk is None]
        for entry in self.model.history.filter(id__in=gone, history_type="-") if gone else ():
            text = join_sentences(_("Another user deleted it meanwhile."), remedy)
            above.append(label_value(historical_name(entry), text))
        for form in rows:
            if form.changes is not None and form.has_changed():
                text = join_sentences(changes_message(form.latest, form.changes), remedy)
                if is_marked_deleted(form):
                    above.append(label_value(form.instance, text))
                else:
                    form.add_error(None, ValidationError(text, code="conflict"))
        if above:
            raise ValidationError(above, code="conflict")
        super().clean()

    def validate_unique(self) -> None:
        """Left to `records`, which holds each row against the others, and against those that its parent has by now."""

    def save(self, commit: bool = True) -> Any:
        """Write the rows, each with a history entry of its own. Raises RefusedError with what is against them."""
        saved, how, errors = super().save(commit=False), {"by": self.user, "reason": self.reason}, {}
        for row in self.deleted_objects:
            writing.delete(row, **how)
        prefixes = {id(form.instance): form.prefix for form in cast(Any, self.forms)}
        for row, names in [*self.changed_objects, *((row, []) for row in self.new_objects)]:
            try:
                self.write_row(row, {name: getattr(row, name) for name in names if name != VERSION_FIELD}, **how)
            except ValidationError as exc:
                errors[prefixes[id(row)]] = exc
        if errors:
            raise RefusedError(errors)
        return saved

    def write_row(self, row: Any, values: Mapping[str, Any], *, by: Any, reason: str) -> None:
        writing.write(row, values, by=by, reason=reason)


def is_marked_deleted(form: forms.BaseForm) -> bool:
    """Return whether the editor deletes the row."""
    return bool(form.cleaned_data.get(DELETION_FIELD_NAME))
