"""ModelAdmin of records: one history entry per change, with its reason; who may change which record and fields; and the
admin of the toolkit's own records, which nobody edits.

No record is hidden: viewing needs the model permission alone (core/permissions.py). History pages:
core/admin/history_admin.py; forms, and conflicts between two editors: core/admin/record_form.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.utils import NestedObjects, flatten_fieldsets, get_fields_from_path, quote
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, router, transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from core.admin.history_admin import HistoryAdmin, posted_reason
from core.admin.record_form import (
    DATE_FIELD_OVERRIDES,
    VERSION_FIELD,
    RecordForm,
    RefusedError,
    RowAutocompleteSelect,
    VersionedRowForm,
    VersionedRowFormSet,
)
from core.history.diffs import is_personal
from core.history.entries import LabelledUrl
from core.history.recording import Changes, m2m_referrers, unit
from core.http import parse_key
from core.permissions import (
    OUT_OF_SCOPE,
    can_access,
    can_create,
    can_see_authors,
    in_scope,
    owner_field,
    permission_name,
    restricted_fields,
)
from core.records import writing
from core.seed.models import SeedRecord
from core.tables import CARRIED_PARAMETERS
from core.text import join_clauses, join_long, join_sentences, label_value


class RecordChangeList(ChangeList):
    """ChangeList that accepts `as_of` and `lang` in its query string, as every address of the site does."""

    def get_filters_params(self, params: Any = None) -> Any:
        filters = super().get_filters_params(params)
        return {name: value for name, value in filters.items() if name not in CARRIED_PARAMETERS}


class ObjectPermissionMixin:
    """Ask for permission to change and delete with the record; of inline rows with the record that they belong to."""

    model: Any  # of the ModelAdmin or inline

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return request.user.has_perm(permission_name(self.model, "change"), obj)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return request.user.has_perm(permission_name(self.model, "delete"), obj)


class ReadOnlyMixin:
    """ModelAdmin or inline of what is only looked at: nobody adds, changes or deletes it there."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_change_permission = has_delete_permission = has_add_permission


@cache
def person_name(field: Any) -> Any:
    """Return the display of who a record names, which is only read: Django links the person, whose page is forbidden to
    all but administrators.
    """

    @admin.display(description=field.verbose_name)
    def shown(record: Any) -> str:
        return str(getattr(record, field.name) or "-")

    return shown


class RecordAdmin(ObjectPermissionMixin, HistoryAdmin):
    """Base ModelAdmin of every record that people edit; a scope (a province) limits which its users may change."""

    form = RecordForm
    formfield_overrides = DATE_FIELD_OVERRIDES
    list_per_page = 50
    change_form_template = "admin/records/form.html"
    change_list_template = "admin/records/list.html"
    delete_confirmation_template = "admin/records/delete.html"
    delete_selected_confirmation_template = "admin/records/delete_selected.html"

    class Media:
        js = [forms.Script("js/admin/labels.js", type="module")]

    # -- permissions -------------------------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(super().has_add_permission(request)) and can_create(request.user, self.model)

    def get_form(
        self, request: HttpRequest, obj: models.Model | None = None, change: bool = False, **kwargs: object
    ) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.user, form.refused = request.user, refusals(request)  # the class is made for this request alone
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave out what a new record does not have yet, and whom a record names where the user may not see it."""
        fields = self.opts.concrete_fields
        people = [field for field in fields if is_personal(field)]
        read = {field.name: person_name(field) for field in people if field.related_model and not field.editable}
        if obj is None:
            hidden = {field.name for field in fields if not field.editable}
        else:
            hidden = set() if can_see_authors(request.user, obj) else {field.name for field in people}
        shown = [
            (title, {**options, "fields": [read.get(name, name) for name in options["fields"] if name not in hidden]})
            for title, options in super().get_fieldsets(request, obj)
        ]
        return [(title, options) for title, options in shown if options["fields"]]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Make read-only what nobody edits, what the record keeps, and what needs a permission that the user lacks."""
        shown = [name for name in flatten_fieldsets(self.fieldsets or ()) if obj is not None]
        stored = (
            self.model._base_manager.filter(pk=obj.pk).first() if obj is not None and self.model.FIXED_FIELDS else None
        )
        names = [
            *super().get_readonly_fields(request, obj),
            *(field.name for field in self.opts.concrete_fields if field.name in shown and not field.editable),
            *(person_name(field) for field in self.opts.concrete_fields if is_personal(field) and not field.editable),
            *(stored.fixed_fields() if stored else ()),
            *restricted_fields(request.user, self.model, recorded=obj is not None, record=obj),
        ]
        return list(dict.fromkeys(names))

    def get_prepopulated_fields(self, request: HttpRequest, obj: models.Model | None = None) -> Any:
        fixed = self.get_readonly_fields(request, obj)
        found = super().get_prepopulated_fields(request, obj)
        return {name: sources for name, sources in found.items() if name not in fixed}

    def get_search_results(self, request: HttpRequest, queryset: models.QuerySet[Model], search_term: str) -> Any:
        """Search as the change list does; the autocomplete of an owner field is limited to the user's scope, and so is
        that of a list to which users add only their own.
        """
        match = request.resolver_match
        if match and match.url_name == "autocomplete":
            source: Any = apps.get_model(request.GET["app_label"], request.GET["model_name"])  # whose form asks
            if request.GET["field_name"] in {owner_field(source), *getattr(source, "SCOPED_LISTS", ())}:
                queryset = in_scope(request.user, queryset)
        return super().get_search_results(request, queryset, search_term)

    def restricted_field_labels(self, request: HttpRequest, record: models.Model | None) -> str:
        """Return the labels of the fields that the form and its inlines show but that this user may not change."""
        if not (self.has_change_permission(request, record) if record else self.has_add_permission(request)):
            return ""
        own = restricted_fields(request.user, self.model, recorded=record is not None, record=record)
        fields = [self.model._meta.get_field(name) for name in own]
        for inline in self.get_inline_instances(request, record):
            names = restricted_fields(request.user, inline.model, recorded=True)
            fields += [inline.model._meta.get_field(name) for name in names]
        return join_long(dict.fromkeys(str(capfirst(field.verbose_name)) for field in fields))

    # -- what the form and the lists offer -----------------------------------------------------------------

    def formfield_for_foreignkey(self, db_field: models.ForeignKey, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer in the owner field only the records within the user's scope; a single one is chosen already."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name != owner_field(self.model):
            return field
        reached = in_scope(request.user, field.queryset)
        if reached is not field.queryset:
            field.queryset = reached
            field.error_messages["invalid_choice"] = OUT_OF_SCOPE
            keys = list(reached.values_list("pk", flat=True)[:2])
            field.initial = keys[0] if len(keys) == 1 else None
        return field

    def records_in_scope(self, request: HttpRequest) -> models.QuerySet[Model] | None:
        """Return the records within the user's scope, or None where that is every record."""
        every = self.model._base_manager.all()
        own = in_scope(request.user, every)
        return None if own is every else own

    def get_ordering(self, request: HttpRequest) -> Any:
        """List the records within the user's scope first."""
        ordering, own = super().get_ordering(request), self.records_in_scope(request)
        if own is None:
            return ordering
        first = models.Case(models.When(pk__in=own.values("pk"), then=0), default=1)
        return [first, *(ordering or self.opts.ordering)]

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Offer of related records only those in use; put the filters by owner field first for a limited scope."""
        filters, name = list(super().get_list_filter(request)), owner_field(self.model)
        if self.records_in_scope(request) is not None:
            paths = {item: item.split("__") if isinstance(item, str) else [""] for item in filters}
            filters.sort(key=lambda item: len(paths[item]) if paths[item][0] == name else 9)
        return [
            (item, admin.RelatedOnlyFieldListFilter)
            if isinstance(item, str) and get_fields_from_path(self.model, item)[-1].is_relation
            else item
            for item in filters
        ]

    # -- the form ------------------------------------------------------------------------------------

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the record; a POST locks its row, so that the version that was checked is the one that is replaced."""
        record = super().get_object(request, object_id, from_field)
        return writing.locked(self.model, record.pk) if record and request.method == "POST" else record

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> Any:
        """Use a slug field's own error message in its form, and assume https for a URL without a scheme."""
        if isinstance(db_field, models.URLField):
            kwargs["assume_scheme"] = "https"
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(db_field, models.SlugField) and "invalid" in db_field.error_messages:
            field.error_messages["invalid"] = db_field.error_messages["invalid"]
        return field

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Render the change form, with the reason for the change last, for users who may save."""
        record = kwargs.get("obj")
        if self.has_change_permission(request, record) if record else self.has_add_permission(request):
            fields = ("change_reason", VERSION_FIELD)
            context["closing"] = helpers.Fieldset(context["adminform"].form, fields=fields, model_admin=self)
        context["ways"] = self.related_links(request, record) if record else []
        context["field_errors"] = field_errors(context["adminform"].form, context["inline_admin_formsets"])
        context["guarded"] = self.restricted_field_labels(request, record)
        return super().render_change_form(request, context, *args, **kwargs)

    def related_links(self, request: HttpRequest, record: models.Model) -> list[LabelledUrl]:
        """Return labels and URLs of related records that have admin pages of their own."""
        return []

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ChangeList]:
        return RecordChangeList

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        """Return the record's own URL, without the redirect view of the stock admin."""
        return obj.get_absolute_url() if hasattr(obj, "get_absolute_url") else None

    # -- writing -------------------------------------------------------------------------------------

    def changeform_view(self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any) -> Any:
        """Show the form, or save it. What `records` says against it is shown at its fields, as it was typed; of what
        another user made wrong in this moment the form is shown anew.
        """
        view = super().changeform_view
        if request.method != "POST":
            return view(request, object_id, *args, **kwargs)
        try:
            with transaction.atomic(), unit(self.posted_changes(request, parse_key(object_id or ""))):
                return view(request, object_id, *args, **kwargs)
        except RefusedError as exc:
            request.refused = exc.errors  # type: ignore[attr-defined]
            return view(request, object_id, *args, **kwargs)
        except writing.Conflict as exc:
            text = str(_("Nothing was saved. The form stands here as the record is now."))
            self.message_user(request, join_sentences(" ".join(exc.messages), text), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def posted_changes(self, request: HttpRequest, key: int | None) -> Changes:
        """Return what is sent of the record, as far as it names others: before it is read, and locked with them."""
        relations = [field for field in self.opts.concrete_fields if field.many_to_one]
        named = {field.attname: parse_key(request.POST.get(field.name, "")) for field in relations}
        return {self.model: [(key, {name: value for name, value in named.items() if value})]}

    def save_model(self, request: HttpRequest, obj: models.Model, form: object, change: bool) -> None:
        """Hook: complete the record; `save_related` writes it together with its lists."""

    def save_related(self, request: HttpRequest, form: RecordForm, formsets: Sequence[Any], change: bool) -> None:
        """Write the record with its lists, then the rows that have a history of their own. Raises RefusedError with
        what is said against any of them.
        """
        reason, written, errors = form.cleaned_data.get("change_reason", ""), False, {}
        try:
            written = self.write_record(request, form, form.own_lists(), reason, change=change)
        except PermissionDenied as exc:
            error = ValidationError(str(exc) or OUT_OF_SCOPE, code=writing.NOT_YOURS)
            named = [name for name, value in form.cleaned_data.items() if isinstance(value, Model)]
            beyond = [name for name in named if not can_access(request.user, form.cleaned_data[name])]
            errors[form.prefix] = ValidationError({[owner_field(self.model), *beyond][-1]: error})
        except ValidationError as exc:
            errors[form.prefix] = exc
        for formset in formsets if change or not errors else ():
            formset.user, formset.reason = request.user, reason
            try:
                formset.save()
            except RefusedError as exc:
                errors |= exc.errors
            written |= formset.has_changed()
        if errors:
            raise RefusedError(errors)
        request.unchanged = not written  # type: ignore[attr-defined]

    def write_record(
        self, request: HttpRequest, form: RecordForm, lists: Mapping[str, Any], reason: str, *, change: bool
    ) -> bool:
        """Write the record of a form; return whether anything was changed."""
        return writing.write(form.instance, form.own_values() if change else {}, lists, by=request.user, reason=reason)

    def log_change(self, request: HttpRequest, obj: models.Model, message: object) -> Any:
        return None if getattr(request, "unchanged", False) else super().log_change(request, obj, message)

    def message_user(
        self, request: HttpRequest, message: object, level: object = messages.INFO, **kwargs: object
    ) -> None:
        """Replace the success message by an informational one when the save changed nothing."""
        if level == messages.SUCCESS and getattr(request, "unchanged", False):
            message = _("Nothing was changed, so nothing was saved and the history has no new entry.")
            level = messages.INFO
        super().message_user(request, message, level, **kwargs)

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        """Delete the record; what is against it was asked before the confirmation."""
        writing.delete(obj, by=request.user, reason=posted_reason(request), allowed=True)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Model]) -> None:
        """Delete one by one, so that each record gets its history entry with the reason; all or nothing."""
        with transaction.atomic(), unit({self.model: [(obj.pk, {}) for obj in queryset]}):
            for obj in queryset:
                self.delete_model(request, obj)

    # -- deleting ------------------------------------------------------------------------------------

    def get_deleted_objects(self, objs: Sequence[Any], request: HttpRequest) -> Any:
        """Also protect a record that another names in a many-to-many list, and what its model keeps. What protects a
        record is not deleted with it, so it needs no permission.
        """
        collector = RecordCollector(using=router.db_for_write(self.model), origin=objs)
        collector.collect(objs)
        kinds: Any = collector.model_objs
        perms = {
            model._meta.verbose_name
            for model, records in kinds.items()
            for record in records
            if self.admin_site.is_registered(model)
            and not self.admin_site.get_model_admin(model).has_delete_permission(request, record)
        }
        keys = [record.pk for record in objs]
        errors = {record: text for record in objs if (text := record.deletion_error(keys))}
        if len(keys) > 1:  # of several, each text begins with its record
            named = label_value("{}", "{}")
            errors = {record: format_html(named, self.record_link(record), text) for record, text in errors.items()}
        others = sorted(collector.protected, key=lambda record: (record._meta.label, record.pk))  # a set has no order
        protected = [*errors.values(), *(self.protected_entry(record) for record in others)]
        protected += [self.record_link(user) for obj in objs for user in m2m_referrers(obj)]
        perms -= {record._meta.verbose_name for record in (*errors, *collector.protected)}
        counts = {model._meta.verbose_name_plural: len(records) for model, records in kinds.items()}
        return collector.nested(self.record_link), counts, perms, protected

    def protected_entry(self, record: Model) -> SafeString | str:
        """Return the line about a record because of which another cannot be deleted."""
        return self.record_link(record)

    def record_link(self, record: models.Model) -> SafeString | str:
        """Return a record as its kind and name, linked to its change form."""
        kind = capfirst(record._meta.verbose_name)
        try:
            address = admin_url(type(record), "change", quote(record.pk))
        except NoReverseMatch:
            return label_value(kind, record)
        return format_html(label_value("{}", '<a href="{}">{}</a>'), kind, address, record)


class RecordCollector(NestedObjects):
    """Collector of the records that go with others: of no rows of lists, and of no lights."""

    def related_objects(self, related_model: Any, related_fields: Any, objs: Any) -> Any:
        rows = super().related_objects(related_model, related_fields, objs)
        goes_along = all(field.remote_field.on_delete is models.CASCADE for field in related_fields)
        return rows.none() if goes_along and not hasattr(related_model, "history") else rows


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
        form = formset.form  # the class is made for this request alone
        form.user, form.refused = request.user, refusals(request)
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


def list_url(model: type[Model], **filters: object) -> str:
    """Return the address of the list of records of a model, of these alone."""
    return admin_url(model, "changelist", **{f"{name}__exact": value for name, value in filters.items()})


def admin_url(model: type[Model], view: str, *args: object, **query: Any) -> str:
    """Return the address of a page of a model in the admin."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{view}", args=args)
    return f"{address}?{urlencode(query)}" if query else address


def refusals(request: HttpRequest) -> Mapping[str | None, ValidationError]:
    """Return what `records` said against the forms of this request when they were to be saved."""
    return getattr(request, "refused", {})


def field_errors(form: Any, inlines: Iterable[Any]) -> list[tuple[str, str, str]]:
    """Return label, id of the widget, and errors of the visible fields with errors, rows included, in page order."""
    parts = [("", form)]
    for inline in inlines:
        name = capfirst(inline.opts.verbose_name)
        parts += [(f"{name} {number}", row) for number, row in enumerate(inline.formset, 1)]
    return [
        (join_clauses(filter(None, [where, str(field.label)])), field.id_for_label, " ".join(field.errors))
        for where, part in parts
        if part.is_bound
        for field in part.visible_fields()
        if field.errors
    ]


# -- seed records -----------------------------------------------------------------------------------------


class ReadOnlyAdmin(ReadOnlyMixin, admin.ModelAdmin):
    """ModelAdmin without forms to add, change or delete."""

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ChangeList]:
        return RecordChangeList


admin.site.register(SeedRecord, ReadOnlyAdmin)
