"""The admin of records that people edit: one history entry a save with its reason, and no edit lost to another."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import helpers
from django.contrib.admin.utils import NestedObjects, quote
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.db import models, router
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from simple_history.admin import SimpleHistoryAdmin

from config.history import hold_history, release_history, write_entry
from config.rows import RowFormSet
from config.templatetags.site import KEPT
from config.versions import author, differences, facts, moment
from config.words import clauses, labelled

MAX_REASON = 300
Way = tuple[str | Promise, str]  # a label, and the address it leads to


def latest_entry(record: Any) -> Any:
    """The newest entry of a record's history, None when it has none."""
    return record.history.order_by("-history_id").first()


class RecordForm(forms.ModelForm):
    """A form that asks why, and that remembers which version of the record it was opened on."""

    change_reason = forms.CharField(
        label=_("Reason for change"),
        max_length=MAX_REASON,
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=_(
            "Kept in the history beside your name, for example “Day of issue corrected after the original was found”."
        ),
    )
    version = forms.CharField(label=_("version"), required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.latest = latest_entry(self.instance) if self.instance.pk else None
        self.initial["version"] = str(self.latest.pk) if self.latest else ""

    def clean(self) -> dict[str, Any] | None:
        """Refuse once to write over what somebody else saved meanwhile; saving again does it knowingly."""
        cleaned = super().clean()
        opened = self.data.get(self.add_prefix("version"), "")
        if self.latest and opened != str(self.latest.pk):
            self.data = self.data.copy()  # type: ignore[attr-defined]  # sent by a browser: a QueryDict
            self.data[self.add_prefix("version")] = str(self.latest.pk)  # type: ignore[index]
            self.add_error(None, self.overtaken(opened, self.latest))
        return cleaned

    def overtaken(self, opened: str, latest: Any) -> forms.ValidationError:
        """Who overtook the editor, when, and what the record says now."""
        before = self.instance.history.filter(pk=opened).first() if opened.isdecimal() else None
        changes = clauses(labelled(item.label, f"{item.old} → {item.new}") for item in differences(latest, before))
        message = _(
            "%(user)s saved this record on %(when)s, after you had opened it. Nothing of yours is saved yet, and your "
            "entries are still below. What was changed: %(changes)s. Check your entries against it, then save again to "
            "put them in its place."
        )
        params = {"user": author(latest), "when": moment(latest.history_date), "changes": changes or "–"}
        return forms.ValidationError(message, code="overtaken", params=params)


class ManySelect(AutocompleteSelectMultiple):
    """A search for several records, without the cross that takes all of them away at one slip."""

    def build_attrs(self, base_attrs: Any, extra_attrs: Any = None) -> dict[str, Any]:
        return {**super().build_attrs(base_attrs, extra_attrs), "data-allow-clear": "false"}


class RecordList(ChangeList):
    """A list whose address may name the reader's language, as every address here may."""

    def get_filters_params(self, params: Any = None) -> Any:
        found = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in KEPT}


class RecordAdmin(SimpleHistoryAdmin):
    """The base of every admin page on which a record is edited."""

    form = RecordForm
    save_on_top = True
    list_per_page = 50
    history_list_per_page = 50
    change_form_template = "admin/record_form.html"
    delete_confirmation_template = "admin/record_delete.html"
    delete_selected_confirmation_template = "admin/record_delete_selected.html"
    object_history_template = "admin/record_history.html"

    class Media:
        js = ["js/admin.js"]

    # -- the form ------------------------------------------------------------------------------------

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The record; while it is being written nobody else may, so that the version checked is the one replaced."""
        record = super().get_object(request, object_id, from_field)
        if record is None or request.method != "POST":
            return record
        return self.model._base_manager.select_for_update().filter(pk=record.pk).first()

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A code's own rule, in the model's words, holds in its form as well; an address without a scheme is https."""
        if isinstance(db_field, models.URLField):
            kwargs["assume_scheme"] = "https"
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(db_field, models.SlugField) and "invalid" in db_field.error_messages:
            field.error_messages["invalid"] = db_field.error_messages["invalid"]
        return field

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.autocomplete_fields:
            kwargs["widget"] = ManySelect(db_field, self.admin_site)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Ask for the reason last, below the relations, of those who may save."""
        record = kwargs.get("obj")
        if self.has_change_permission(request, record) if record else self.has_add_permission(request):
            fields = ("change_reason", "version")
            context["closing"] = helpers.Fieldset(context["adminform"].form, fields=fields, model_admin=self)
        context["ways"] = self.ways(request, record) if record else []
        return super().render_change_form(request, context, *args, **kwargs)

    def ways(self, request: HttpRequest, record: Any) -> list[Way]:
        """Labels and addresses of what hangs on the record but has pages of its own."""
        return []

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RecordList

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        """The record's page, without the detour by which the stock admin looks it up."""
        return obj.get_absolute_url() if hasattr(obj, "get_absolute_url") else None

    # -- one entry in the history --------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        hold_history(obj)
        super().save_model(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Rows that are records of their own keep the reason in their own history."""
        formset.reason = form.cleaned_data.get("change_reason", "")
        super().save_formset(request, form, formset, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save what hangs on the record, then write the one entry that holds all of it."""
        super().save_related(request, form, formsets, change)
        if change and only_rows_changed(form, formsets):
            release_history(form.instance)
        else:
            write_entry(form.instance, created=not change, reason=form.cleaned_data.get("change_reason", ""))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        obj._change_reason = request.POST.get("change_reason", "").strip()[:MAX_REASON] or None
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        """One by one, so that each leaves its entry with the reason."""
        for obj in queryset:
            self.delete_model(request, obj)

    # -- deleting ------------------------------------------------------------------------------------

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """As stock, but a record that names this one in a list protects it too; the rows of lists are no news."""
        deleted, counts, perms, protected = super().get_deleted_objects(objs, request)
        protected += [self.described(user) for obj in objs for user in users_of(obj)]
        collector = NestedObjects(using=router.db_for_write(self.model), origin=objs)
        collector.collect(objs)
        kinds: Iterable[Any] = collector.model_objs
        if all(model is self.model or model._meta.auto_created for model in kinds):
            deleted = [item for item in deleted if not isinstance(item, list)]
            counts = {self.opts.verbose_name_plural: len(objs)}
        return deleted, counts, perms, protected

    def described(self, record: Any) -> SafeString | str:
        """A record by its kind and name, with the way to it."""
        opts = record._meta
        kind = capfirst(opts.verbose_name)
        try:
            address = reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[quote(record.pk)])
        except NoReverseMatch:
            return labelled(kind, record)
        return format_html(labelled("{}", '<a href="{}">{}</a>'), kind, address, record)

    # -- looking back --------------------------------------------------------------------------------

    def revert_disabled(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # versions are shown; bringing one back is another matter

    def set_history_delta_changes(self, request: HttpRequest, page: Iterable[Any], *args: Any, **kwargs: Any) -> None:
        """Put on each entry of the page what it changed since the one before it, be that on the next page."""
        entries = list(page)
        if entries:
            entries.append(entries[-1].prev_record)
        for entry, before in pairwise(entries):
            entry.differences = differences(entry, before)
            entry.changed_by = author(entry)  # not `author`: a record may have a field of that name

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        if not object_id.isdecimal():
            raise Http404
        response: HttpResponse = super().history_view(request, object_id, extra_context)
        return response

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One version of a record, to read: every field as it stood, its relations included."""
        wanted = {self.opts.pk.attname: object_id, "history_id": version_id}
        entry = self.model.history.filter(**wanted).first() if f"{object_id}{version_id}".isdecimal() else None
        if entry is None:
            raise Http404
        if request.method not in ("GET", "HEAD") or not self.has_view_or_change_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": _("Version of %(when)s") % {"when": moment(entry.history_date)},
            "subtitle": None,
            "entry": entry,
            "author": author(entry),
            "facts": facts(entry),
            "differences": differences(entry, entry.prev_record),
            "opts": self.opts,
            "object_id": object_id,
            "name": str(entry.instance),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/record_version.html", context)


class RelationFormSet(forms.BaseInlineFormSet):
    """Rows of a list; one that somebody else took away meanwhile is no row any more, and no error."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        if self.is_bound and index is not None and index < self.initial_form_count() and form.instance.pk is None:
            form.fields["id"] = forms.CharField(required=False, widget=forms.HiddenInput)


class RelationInline(admin.TabularInline):
    """The rows of a many-to-many list. Who may change the record may change its lists: they are part of it."""

    formset = RelationFormSet
    extra = 1

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return super().get_queryset(request).select_related(*self.autocomplete_fields)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A through table names its fields after models in code; people read the related model's own name."""
        kwargs.setdefault("label", capfirst(db_field.remote_field.model._meta.verbose_name))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def may(self, request: HttpRequest, *actions: str) -> bool:
        opts = self.parent_model._meta
        wanted = [f"{opts.app_label}.{get_permission_codename(action, opts)}" for action in actions]
        return any(request.user.has_perm(name) for name in wanted)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "change" if obj else "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "change" if obj else "add")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "change" if obj else "add")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "view", "change", "add")


def only_rows_changed(form: Any, formsets: Iterable[Any]) -> bool:
    """Whether all that is new stands in rows with a history of their own, so that the record has nothing to tell."""
    if set(form.changed_data) - {"change_reason", "version"}:
        return False
    changed = [isinstance(formset, RowFormSet) for formset in formsets if formset.has_changed()]
    return bool(changed) and all(changed)


def users_of(record: Any) -> Iterable[Any]:
    """The records that name this one in a list of theirs. Deleting it would shorten the list without a word."""
    for relation in record._meta.related_objects:
        if relation.many_to_many:
            yield from relation.related_model._base_manager.filter(**{relation.field.name: record})
