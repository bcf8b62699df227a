"""Admin inlines: rows of records with a history of their own, and many-to-many lists as rows.

Both are edited on their parent's page. Conflicts between two editors: core/admin/conflicts.py.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, cast

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

from core.admin.conflicts import VersionedForm
from core.admin.form_fields import DATE_FIELD_OVERRIDES
from core.admin.scoped_admin import ObjectPermissionMixin
from core.history.diffs import HistoricalRecord, author_name, format_datetime
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


class VersionedRowForm(VersionedForm):
    """Form of one row, with the version of its record that the page was opened on."""

    user: Any = None  # the user, set by the inline

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

    def reject_deleted(self) -> None:
        """Say once who deleted the row, and when; posted again, it stays deleted."""
        if self.latest is None or self.opened_version == str(self.latest.pk):
            return
        message = _(
            "%(user)s deleted this row on %(when)s, after you had opened the page. Nothing of yours is saved yet. Save "
            "again to leave it deleted; to have it back, enter it as a new row below."
        )
        said = message % {"user": author_name(self.latest), "when": format_datetime(self.latest.history_date)}
        self.add_error(None, ValidationError(said, code="conflict"))
        self.set_version()


class VersionedRowFormSet(forms.BaseInlineFormSet):
    """Formset of the rows. A row changed or deleted by another user is rejected once, and saved when posted again."""

    reason = ""  # reason for change typed on the parent's form
    user: Any = None
    unique_together_fields: tuple[str, ...] = ()  # no two rows agree in all of these fields

    @cached_property
    def latest(self) -> dict[int, HistoricalRecord]:
        """Newest history entry of each row. One query, whatever the number of rows."""
        keys = [record.pk for record in self.get_queryset()]
        model: Any = self.model
        history = model.history
        newest = history.filter(id__in=keys).order_by().values("id").annotate(last=models.Max("history_id"))
        return {entry.id: entry for entry in history.filter(history_id__in=newest.values("last"))}

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        if index is None or index >= self.initial_form_count():
            return
        latest = self.latest.get(form.instance.pk)
        if self.is_bound and form.instance.pk is None:
            form.deleted_meanwhile = True
            form.fields["id"] = forms.CharField(required=False, widget=forms.HiddenInput)
            key, model = str(form.data.get(form.add_prefix("id"), "")), cast(Any, self.model)
            if key.isdecimal() and not self.instance._state.adding:  # of a deleted parent the form says so
                latest = model.history.filter(id=key, history_type="-").first()
        form.compare_with(latest)

    @property
    def remaining_forms(self) -> list[VersionedRowForm]:
        """Forms of the rows that exist after saving, without empty and deleted ones."""
        rows: list[Any] = [*self.initial_forms, *(form for form in self.extra_forms if form.has_changed())]
        return [form for form in rows if not form.deleted_meanwhile and not is_marked_deleted(form)]

    def clean(self) -> None:
        """Reject the deletion of a row that another user changed; other conflicts are errors of the row itself."""
        last, rows = _("Save again to delete it nevertheless."), cast(Sequence[VersionedRowForm], self.initial_forms)
        above = [
            label_value(form.instance, join_sentences(form.changes_message(), last))
            for form in rows
            if is_marked_deleted(form) and form.changes is not None and not form.deleted_meanwhile
        ]
        if above:
            raise ValidationError(above, code="conflict")
        super().clean()

    def validate_unique(self) -> None:
        """Reject a row that says the same as another, shown or stored, at the last field of `unique_together_fields`.

        The model's validation cannot: a row of a form gets its parent only when it is saved.
        """
        names, rows = self.unique_together_fields, self.get_queryset().all()
        stored = {row.pk: tuple(getattr(row, name) for name in names) for row in rows}
        shown = {form.instance.pk for form in self.initial_forms}
        above: set[tuple[object, ...]] = set()
        for form in self.remaining_forms:
            says, own = tuple(form.cleaned_data.get(name) for name in names), form.instance.pk
            others = {says for key, says in stored.items() if key != own and (own or key not in shown)}
            if any(says) and says in above | others:
                text = _(
                    "Another row says this. If you do not see it, another user entered it meanwhile: leave yours out."
                )
                filled = [name for name, value in zip(names, says, strict=True) if value]
                form.add_error(filled[-1], ValidationError(text, code="twice"))
            above.add(says)

    def save(self, commit: bool = True) -> Any:
        """Write the rows, each with a history entry of its own."""
        saved, how = super().save(commit=False), {"by": self.user, "reason": self.reason}
        for row in self.deleted_objects:
            writing.delete(row, **how)
        for row, names in self.changed_objects:
            writing.write(row, {name: getattr(row, name) for name in names if name != "version"}, **how)
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


# -- many-to-many lists ----------------------------------------------------------------------------------


class RelationFormSet(forms.BaseInlineFormSet):
    """Formset of a many-to-many list, which is written with its record. A row that another user removed meanwhile stays
    removed, one that another added stays.

    The form of the record says who changed the list, and what.
    """

    def list_value(self) -> dict[str, list[Any]]:
        """Return the list as it is to be, by the name of its field."""
        own: Any = self.instance._meta.many_to_many
        field = next(field for field in own if field.remote_field.through is self.model)
        target, shown = field.m2m_reverse_field_name(), {form.instance.pk for form in self.initial_forms}
        rows = [row for row in self.get_queryset() if row.pk not in shown] if self.instance.pk else []
        kept = [form for form in self.initial_forms if form.instance.pk]
        typed = [form.cleaned_data for form in [*kept, *self.extra_forms] if not is_marked_deleted(form)]
        records = [*(getattr(row, target) for row in rows), *(data[target] for data in typed if data.get(target))]
        return {field.name: list(dict.fromkeys(records))}

    def _construct_form(self, i: int, **kwargs: Any) -> Any:
        """Let a removed row say nothing; of a record that is deleted itself, the rows are shown as typed."""
        form: Any = super()._construct_form(i, **kwargs)  # type: ignore[misc]
        if self.is_bound and i < self.initial_form_count() and form.instance.pk is None:
            form.fields["id"] = forms.CharField(required=False, widget=forms.HiddenInput)
            for field in () if self.instance._state.adding else form.fields.values():
                field.required, field.disabled = False, True
        return form


class RelationInline(admin.TabularInline):
    """Inline of a many-to-many list. Permission to change the record includes its lists, which are part of it."""

    formset = RelationFormSet
    extra = 1

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Model]:
        return super().get_queryset(request).select_related(*self.autocomplete_fields)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Label the field with the verbose name of the related model: a through table names fields after models."""
        kwargs.setdefault("label", capfirst(db_field.remote_field.model._meta.verbose_name))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return bool(request.user.has_perm(permission_name(self.parent_model, "change" if obj else "add"), obj))

    has_change_permission = has_delete_permission = has_add_permission

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        wanted = (permission_name(self.parent_model, action) for action in ("view", "change", "add"))
        return any(request.user.has_perm(name) for name in wanted)
