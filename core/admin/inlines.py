"""Admin inline: rows of records with a history of their own, edited on their parent's page.

A row that two users edit at once is not merged: the second is told what the first changed, and nothing is written.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect, RelatedFieldWidgetWrapper
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Model
from django.forms.formsets import DELETION_FIELD_NAME
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from core.admin.form_fields import DATE_FIELD_OVERRIDES
from core.admin.record_admin import ObjectPermissionMixin
from core.admin.record_form import VERSION_FIELD, VersionField, changes_message, changes_since
from core.history.diffs import FieldDifference, HistoricalRecord, author_name, format_datetime, historical_name
from core.http.request import parse_key
from core.permissions import permission_name, restricted_fields
from core.records import writing
from core.text.formatting import join_sentences, label_value


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
        names = (
            restricted_fields(self.user, self._meta.model, recorded=self.instance.pk is not None) if self.user else ()
        )
        for name in names:
            if name in self.fields:
                self.fields[name].disabled = True

    def validate_unique(self) -> None:
        """Also hold the row against those that its parent has by now, which Django leaves to the database."""
        super().validate_unique()
        if not self.errors:
            try:
                absent = {field.name for field in self._meta.model._meta.concrete_fields} - self.fields.keys()
                self.instance.validate_constraints(exclude=absent)
            except ValidationError as exc:
                self.add_error(None, exc)

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

    @property
    def remaining_forms(self) -> list[Any]:
        """Forms of the rows that exist after saving, without empty and deleted ones."""
        rows: list[Any] = [form for form in self.initial_forms if form.instance.pk]
        rows += [form for form in self.extra_forms if form.has_changed()]
        return [form for form in rows if not is_marked_deleted(form)]

    def clean(self) -> None:
        """Reject rows that another user changed or deleted since the page was opened."""
        remedy, above = _("Open the page again, and change there what is still to be changed."), []
        rows: list[Any] = self.initial_forms
        gone = [parse_key(str(form["id"].value())) for form in rows if form.instance.pk is None]
        if gone and not self.instance._state.adding:  # of a deleted parent the form says so
            text = _(
                "%(user)s deleted this row on %(when)s, after you had opened the page. Nothing of yours is saved yet."
            )
            for entry in self.model.history.filter(id__in=gone, history_type="-"):
                said = text % {"user": author_name(entry), "when": format_datetime(entry.history_date)}
                above.append(label_value(historical_name(entry), join_sentences(said, remedy)))
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

    def get_unique_error_message(self, unique_check: Sequence[str]) -> str:
        """Name the fields that two rows agree in as the form does."""
        labels = [self.model._meta.get_field(name).verbose_name for name in unique_check if name != self.fk.name]
        return str(super().get_unique_error_message(labels))

    def save(self, commit: bool = True) -> Any:
        """Write the rows, each with a history entry of its own."""
        saved, how = super().save(commit=False), {"by": self.user, "reason": self.reason}
        for row in self.deleted_objects:
            writing.delete(row, **how)
        for row, names in self.changed_objects:
            writing.write(row, {name: getattr(row, name) for name in names if name != VERSION_FIELD}, **how)
        for row in self.new_objects:
            writing.write(row, **how)
        return saved


def is_marked_deleted(form: forms.BaseForm) -> bool:
    """Return whether the editor deletes the row."""
    return bool(form.cleaned_data.get(DELETION_FIELD_NAME))


class VersionedRowInline(ObjectPermissionMixin, admin.TabularInline):
    """Inline of records edited as rows on their parent's page; further fields are on their own page."""

    form = VersionedRowForm
    formset = VersionedRowFormSet
    extra = 1
    show_change_link = True
    formfield_overrides = DATE_FIELD_OVERRIDES
    name_relations: tuple[str, ...] = ()  # relations that a row's name needs

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Model]:
        return super().get_queryset(request).select_related(*self.name_relations, *self.autocomplete_fields)

    # A row has its parent's scope: users outside it only view the rows.

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return bool(request.user.has_perm(permission_name(self.model, "add"), obj))

    def get_fields(self, request: HttpRequest, obj: models.Model | None = None) -> Any:
        """Add the version field to rows that can be written."""
        may = self.has_change_permission(request, obj) or self.has_add_permission(request, obj)
        return [*super().get_fields(request, obj), *(["version"] if may else [])]

    def get_formset(self, request: HttpRequest, obj: models.Model | None = None, **kwargs: object) -> Any:
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.form.user = request.user  # the class is made for this request alone
        return formset

    def formfield_for_foreignkey(self, db_field: models.ForeignKey, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.autocomplete_fields:
            kwargs["widget"] = RowAutocompleteSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Use the autocomplete without links to add or change its records: rows are narrow."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field
