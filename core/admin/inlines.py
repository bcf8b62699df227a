"""Admin inlines: rows of records with a history of their own, and many-to-many lists as rows.

Both are edited on their parent's page. Conflicts between two editors: core/admin/conflicts.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect, RelatedFieldWidgetWrapper
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Model
from django.forms.formsets import DELETION_FIELD_NAME, ManagementForm
from django.http import HttpRequest, QueryDict
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from core.admin.conflicts import VERSION_FIELD, VersionedForm, merge_posted_rows
from core.admin.form_fields import DATE_FIELD_OVERRIDES
from core.admin.scoped_admin import ObjectPermissionMixin
from core.history.diffs import HistoricalRecord, author_name, format_datetime, latest_entry
from core.history.recording import delete_with_history
from core.permissions import permission_name, restricted_fields
from core.text.joining import join_sentences, label_value


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
            latest = self.deletion_of(form)
        form.compare_with(latest)

    def deletion_of(self, form: VersionedRowForm) -> HistoricalRecord | None:
        """Return the history entry of a deleted row; None where its parent is deleted too, whose form says so."""
        key, parent_is_deleted = str(form.data.get(form.add_prefix("id"), "")), self.instance._state.adding
        model: Any = self.model
        return (
            model.history.filter(id=key, history_type="-").first()
            if key.isdecimal() and not parent_is_deleted
            else None
        )

    def stored_rows(self) -> list[Any]:
        """Return the rows as stored: those of the forms hold the typed values already."""
        return list(self.get_queryset().all())

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
        """Reject a row that duplicates another, shown or stored, at the last field of `unique_together_fields`.

        The model's validation cannot: a row of a form gets its parent only when it is saved.
        """
        rows = self.stored_rows()
        stored = {
            row.pk: filled_fields(
                self.unique_together_fields, {name: getattr(row, name) for name in self.unique_together_fields}
            )
            for row in rows
        }
        shown = {form.instance.pk for form in self.initial_forms}
        unseen = {says for key, says in stored.items() if key not in shown}
        above: set[tuple[tuple[str, object], ...]] = set()
        for form in self.remaining_forms:
            says = filled_fields(self.unique_together_fields, form.cleaned_data)
            held = {other for key, other in stored.items() if key != form.instance.pk}
            text = ""
            if says in above:
                text = _("This row says the same as one above it.")
            elif says in unseen:
                text = _(
                    "Another user entered this after you had opened the page. Leave this row out, and change theirs."
                )
            elif form.instance.pk and says in held:
                text = _("Another row says this until it is saved. Save that change first, then this one.")
            if says and text:
                form.add_error(says[-1][0], ValidationError(text, code="twice"))
            above.add(says)

    # -- one history entry for each written row ----------------------------------------------------------

    def set_change_reason(self, record: Any) -> None:
        record._change_reason = self.reason or None

    def save_new(self, form: Any, commit: bool = True) -> Any:
        self.set_change_reason(form.instance)
        return super().save_new(form, commit)

    def save_existing(self, form: Any, obj: Any, commit: bool = True) -> Any:
        self.set_change_reason(obj)
        return super().save_existing(form, obj, commit)

    def delete_existing(self, obj: Any, commit: bool = True) -> None:
        """Delete the row together with its own cascaded rows."""
        if commit:
            delete_with_history(obj, reason=self.reason)


def filled_fields(names: Iterable[str], values: Mapping[str, object]) -> tuple[tuple[str, object], ...]:
    """Return the values of these fields, empty ones left out."""
    return tuple((name, values[name]) for name in names if values.get(name))


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
    """Formset of a many-to-many list. What another user added or removed meanwhile counts as well.

    A row that is in the database no more is dropped without an error.
    """

    def __init__(self, data: Any = None, files: Any = None, instance: Any = None, **kwargs: Any) -> None:
        super().__init__(data, files, instance, **kwargs)
        if not self.is_bound or self.instance.pk is None or self.instance._state.adding:
            return  # a new record, or one that another user deleted
        latest = latest_entry(self.instance)
        is_complete = ManagementForm(self.data, prefix=self.prefix).is_valid()
        posted = cast(QueryDict, self.data)  # a copy, which the admin makes for each formset
        if latest and is_complete and posted.get(VERSION_FIELD, "") != str(latest.pk):
            merge_posted_rows(posted, str(self.prefix), self.instance, self.model, latest)

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        if self.is_bound and index is not None and index < self.initial_form_count() and form.instance.pk is None:
            form.fields["id"] = forms.CharField(required=False, widget=forms.HiddenInput)


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

    def can_edit(self, request: HttpRequest, record: models.Model | None) -> bool:
        return bool(request.user.has_perm(permission_name(self.parent_model, "change" if record else "add"), record))

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.can_edit(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.can_edit(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.can_edit(request, obj)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        wanted = (permission_name(self.parent_model, action) for action in ("view", "change", "add"))
        return any(request.user.has_perm(name) for name in wanted)
