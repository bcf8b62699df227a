"""The admin of records that people edit: one history entry a change with its reason, and no edit lost to another."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.utils import NestedObjects, flatten_fieldsets, quote, unquote
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import models, router
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from simple_history.admin import SimpleHistoryAdmin

from config import origins
from config.dates import WRITTEN_DATES
from config.history import delete_whole, hold_history, release_history, users_of, write_entry
from config.merge import AGAINST, PREFIX, Merge, merged_reason
from config.reach import (
    NOT_YOURS,
    belongs_by,
    guarded,
    may,
    may_enter,
    named_entries,
    permission,
    sees_names,
    within,
)
from config.restore import Objection, Refused, Restoration, deleted_entries, obstacles, restore
from config.rows import RowFormSet
from config.templatetags.site import KEPT
from config.versions import (
    author,
    called,
    current_state,
    differences,
    facts,
    latest_entry,
    moment,
    name_of,
    state_of,
    stored_fields,
    told,
)
from config.words import clauses, labelled, listed_long, sentences

MAX_REASON = 300
Way = origins.Way


class RecordForm(forms.ModelForm):
    """A form that asks why, and that remembers which version of the record it was opened on.

    `by` is who fills it in: what is saved has to lie within that person's reach.
    """

    by: Any = None
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
    merged = forms.CharField(label=_("merged with"), required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        latest = latest_entry(self.instance) if self.instance.pk else None
        self.initial["version"] = str(latest.pk) if latest else ""

    def _get_validation_exclusions(self) -> set[str]:
        """Leave out what follows from a field that could not be read: one mistake is told once."""
        found: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]  # the stubs leave it out
        follows: Mapping[str, tuple[str, ...]] = getattr(self._meta.model, "DERIVED_FROM", {})
        return found | {name for name, sources in follows.items() if any(source in self.errors for source in sources)}

    def _post_clean(self) -> None:
        """Refuse a record that would belong to somebody else, at the field that says so."""
        super()._post_clean()  # type: ignore[misc]  # the stubs leave it out
        name, adding = belongs_by(self._meta.model), self.instance.pk is None
        if self.by is None or name in self.errors or may(self.by, "add" if adding else "change", self.instance):
            return
        self.add_error(name if name in self.fields else None, ValidationError(NOT_YOURS, code="not_yours"))
        if name and not adding:  # what hangs on it stays open to be mended
            setattr(self.instance, self.instance._meta.get_field(name).attname, self.initial.get(name))


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
    formfield_overrides = WRITTEN_DATES
    list_per_page = 50
    history_list_per_page = 50
    change_form_template = "admin/record_form.html"
    change_list_template = "admin/record_list.html"
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

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """By whom a record belongs to somebody is chosen among those within reach."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == belongs_by(self.model):
            self.bound_to_reach(request, field)
        return field

    def bound_to_reach(self, request: HttpRequest, field: Any) -> None:
        """Whoever has only one to choose is not asked."""
        reached = within(request.user, field.queryset)
        if reached is not field.queryset:
            field.queryset = reached
            field.error_messages["invalid_choice"] = NOT_YOURS
            keys = list(reached.values_list("pk", flat=True)[:2])
            field.initial = keys[0] if len(keys) == 1 else None

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.autocomplete_fields:
            kwargs["widget"] = ManySelect(db_field, self.admin_site)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Ask for the reason last, below the relations, of those who may save."""
        record = kwargs.get("obj")
        if self.has_change_permission(request, record) if record else self.has_add_permission(request):
            fields = ("change_reason", "version", "merged")
            context["closing"] = helpers.Fieldset(context["adminform"].form, fields=fields, model_admin=self)
        context["ways"] = self.ways(request, record) if record else []
        context["field_errors"] = field_errors(context["adminform"].form, context["inline_admin_formsets"])
        context["guarded"] = self.guarded_labels(request, record)
        return super().render_change_form(request, context, *args, **kwargs)

    def guarded_labels(self, request: HttpRequest, record: Any) -> str:
        """The fields that the form and its rows show but do not let this person change, where the rest may be."""
        if not (self.has_change_permission(request, record) if record else self.has_add_permission(request)):
            return ""
        models_here = [self.model, *(inline.model for inline in self.get_inline_instances(request, record))]
        fields = [
            model._meta.get_field(name)
            for model in models_here
            for name in guarded(request.user, model, recorded=record is not None or model is not self.model)
        ]
        return listed_long(dict.fromkeys(str(capfirst(field.verbose_name)) for field in fields))

    def ways(self, request: HttpRequest, record: Any) -> list[Way]:
        """Labels and addresses of what hangs on the record but has pages of its own."""
        return []

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RecordList

    def own_records(self, request: HttpRequest) -> models.QuerySet[Any] | None:
        """The records within the user's scope, where that is not everything."""
        every = self.model._base_manager.all()
        own = within(request.user, every)
        return None if own is every else own

    def get_ordering(self, request: HttpRequest) -> Any:
        """A user with one province finds its records first."""
        ordering, own = super().get_ordering(request), self.own_records(request)
        if own is None:
            return ordering
        first = models.Case(models.When(pk__in=own.values("pk"), then=0), default=1)
        return [first, *(ordering or self.opts.ordering)]

    def get_list_filter(self, request: HttpRequest) -> Any:
        """And the filter by which records belong to somebody first."""
        filters, name = list(super().get_list_filter(request)), belongs_by(self.model)
        if self.own_records(request) is None:
            return filters

        def place(item: Any) -> tuple[bool, int]:
            first, *further = field_of_filter(item).split("__")
            return first != name, len(further) if first == name else 0

        return sorted(filters, key=place)

    # -- who may -----------------------------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(super().has_add_permission(request)) and may_enter(request.user, self.model)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Of one record: whether the reach goes as far. Every record may be looked at, for nothing is hidden."""
        return bool(request.user.has_perm(permission(self.model, "change"), obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(permission(self.model, "delete"), obj))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_view_permission(request))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.by = request.user  # the class is made for this request alone
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What takes a further permission is shown, not asked, to those who lack it."""
        return [
            *super().get_readonly_fields(request, obj),
            *guarded(request.user, self.model, recorded=obj is not None),
        ]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = self.get_readonly_fields(request, obj)
        found = super().get_prepopulated_fields(request, obj)
        return {name: sources for name, sources in found.items() if name not in fixed}

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """As the list finds them; the search box of a form offers only what its record may belong to."""
        match = request.resolver_match
        if match and match.url_name == "autocomplete":
            source = apps.get_model(request.GET["app_label"], request.GET["model_name"])
            if request.GET["field_name"] == belongs_by(source):
                queryset = within(request.user, queryset)
        return super().get_search_results(request, queryset, search_term)

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        """The record's page, without the detour by which the stock admin looks it up."""
        return obj.get_absolute_url() if hasattr(obj, "get_absolute_url") else None

    # -- two people on one record ----------------------------------------------------------------------

    def _changeform_view(self, request: HttpRequest, object_id: str | None, form_url: str, extra_context: Any) -> Any:
        """What somebody else overtook is merged first, then saved as if it had been opened just now."""
        page = self.merge_first(request, object_id) if request.method == "POST" and object_id else None
        return page or super()._changeform_view(request, object_id, form_url, extra_context)

    def merge_first(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """The page on which the second chooses; None where there is nothing to choose, or all of it is chosen."""
        record = self.get_object(request, unquote(object_id))
        if not self.has_change_permission(request, record):
            return None
        if record is None:
            return self.gone_page(request, unquote(object_id))
        latest, opened = latest_entry(record), request.POST.get("version", "")
        if latest is None or opened == str(latest.pk):
            return None
        merge = self.merge_of(request, record, latest, opened)
        if not merge.settled:
            return self.merge_page(request, record, merge)
        request.POST = merge.merged(request.POST)
        return None

    def merge_of(self, request: HttpRequest, record: Any, latest: Any, opened: str) -> Merge:
        """What was sent, held against the version it was opened on and the newest one."""
        form_class = self.get_form(
            request, record, change=True, fields=flatten_fieldsets(self.get_fieldsets(request, record))
        )
        formsets, _inlines = self._create_formsets(request, record, change=True)
        lists = [item for item in formsets if isinstance(item, RelationFormSet) and item.management_form.is_valid()]
        before = record.history.filter(pk=opened).first() if opened.isdecimal() else None
        return Merge(form_class(request.POST, instance=record), lists, before, latest)

    def merge_page(self, request: HttpRequest, record: Any, merge: Merge) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Two versions of one record"),
            "subtitle": str(record),
            "opts": self.opts,
            "object_id": record.pk,
            "name": str(record),
            "latest": merge.latest,
            "author": author(merge.latest),
            "opened": merge.opened,
            "choices": merge.choices(),
            "asked_again": AGAINST in request.POST,
            "sent": sent_items(request.POST),
            "against": AGAINST,
        }
        return TemplateResponse(request, "admin/record_merge.html", context)

    def gone_page(self, request: HttpRequest, key: str) -> HttpResponse | None:
        """What was typed about a record that somebody deleted meanwhile, and the way to bring it back."""
        end = self.model.history.filter(id=key).order_by("-history_id").first() if key.isdecimal() else None
        if end is None or end.history_type != "-" or not sees_names(request.user, end.instance):
            return None
        form = self.get_form(request, end.instance, change=True)(request.POST, instance=end.instance)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Deleted while you edited it"),
            "subtitle": called(end),
            "opts": self.opts,
            "end": end,
            "author": author(end),
            "address": self.page_of("simple_history", end.id, end.pk),
            "choices": Merge(form, [], None, end).choices(),
            "sent": sent_items(request.POST),
        }
        return TemplateResponse(request, "admin/record_gone.html", context)

    # -- one entry in the history --------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        hold_history(obj)
        super().save_model(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Rows that are records of their own keep the reason in their own history."""
        formset.reason = form.cleaned_data.get("change_reason", "")
        super().save_formset(request, form, formset, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save what hangs on the record, then write the one entry that holds all of it; none where nothing changed."""
        super().save_related(request, form, formsets, change)
        if change and says_the_same(form.instance):
            release_history(form.instance)
            rows = [formset for formset in formsets if isinstance(formset, RowFormSet)]
            request.unchanged = not any(formset.has_changed() for formset in rows)  # type: ignore[attr-defined]
        else:
            write_entry(form.instance, created=not change, reason=reason_of(form))

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None if getattr(request, "unchanged", False) else super().log_change(request, obj, message)

    def message_user(self, request: HttpRequest, message: Any, level: Any = messages.INFO, **kwargs: Any) -> None:
        """Praise no save that changed nothing."""
        if level == messages.SUCCESS and getattr(request, "unchanged", False):
            message, level = (
                _("Nothing was changed, so nothing was saved and the history has no new entry."),
                messages.INFO,
            )
        super().message_user(request, message, level, **kwargs)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        delete_whole(obj, reason=typed_reason(request))

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
        return True  # the stock way writes a version back unasked; ours shows first what it would change

    def set_history_delta_changes(self, request: HttpRequest, page: Iterable[Any], *args: Any, **kwargs: Any) -> None:
        """Put on each entry of the page what it changed since the one before it, be that on the next page."""
        entries = list(page)
        if not entries:
            return
        earlier = self.model.history.filter(id=entries[-1].id, history_id__lt=entries[-1].pk)
        pairs = list(pairwise([*entries, earlier.order_by("-history_id").first()]))
        changes, imports = told(pairs), origins.origins_of(self.model, entries, request.user)
        named = named_entries(request.user, self.model, [entry.pk for entry in entries])
        for entry in entries:
            entry.differences = changes[entry.pk]
            entry.changed_by = author(entry) if entry.pk in named else ""  # a record may have an `author`
            entry.origin = imports.get(entry.pk)

    def history_view_title(self, request: HttpRequest, obj: Any) -> str:
        return labelled(_("History"), name_of(obj))

    def render_history_view(self, request: HttpRequest, template: str, context: Any, **kwargs: Any) -> HttpResponse:
        """Who worked on what is out of reach is left out."""
        record = context["object"]
        more = {"name": name_of(record), "named": sees_names(request.user, record)}
        response: HttpResponse = super().render_history_view(request, template, context | more, **kwargs)
        return response

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        if not object_id.isdecimal():
            raise Http404
        response: HttpResponse = super().history_view(request, object_id, extra_context)
        return response

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One version of a record: every field as it stood, what restoring it would change, and the restoring."""
        wanted = {self.opts.pk.attname: object_id, "history_id": version_id}
        entry = self.model.history.filter(**wanted).first() if f"{object_id}{version_id}".isdecimal() else None
        if entry is None:
            raise Http404
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        refused: Iterable[Objection] = ()
        if request.method == "POST":
            try:
                return self.restored(request, entry)
            except Refused as exc:
                refused = exc.objections
        return TemplateResponse(
            request, "admin/record_version.html", self.version_context(request, entry, refused) | (extra_context or {})
        )

    def version_context(self, request: HttpRequest, entry: Any, refused: Iterable[Objection]) -> dict[str, Any]:
        restoration = Restoration(entry)
        named = entry.pk in named_entries(request.user, self.model, [entry.pk])
        origin = origins.origins_of(self.model, [entry], request.user).get(entry.pk)
        gone, able = restoration.record is None, self.may_restore(request, restoration)
        steps = restoration.steps() if able else []
        if steps and not refused:
            refused = obstacles(restoration, self.restore_faults(request, restoration))
        return {
            **self.admin_site.each_context(request),
            "title": _("Version of %(when)s") % {"when": moment(entry.history_date)},
            "subtitle": None,
            "entry": entry,
            "author": author(entry) if named else "",
            "origin": origin if named else None,
            "facts": facts(entry),
            "differences": differences(entry, entry.prev_record),
            "opts": self.opts,
            "object_id": entry.id,
            "name": called(entry),
            "gone": gone,
            "may_restore": able,
            "steps": steps,
            "rows": [called(row.entry) for row in restoration.rows] if able else [],
            "refused": refused,
            "latest": restoration.latest,
            "reason": request.POST.get("change_reason", ""),
            "max_reason": MAX_REASON,
        }

    # -- bringing back -------------------------------------------------------------------------------

    def may_restore(self, request: HttpRequest, restoration: Restoration) -> bool:
        """Who may change a record may set it back; who may add one, with its rows, may bring a deleted one back."""
        if restoration.record is not None:
            return self.has_change_permission(request, restoration.record)
        rows = {permission(row.model, "add") for row in restoration.rows}
        return self.has_add_permission(request) and all(request.user.has_perm(name) for name in rows)

    def restore_faults(self, request: HttpRequest, restoration: Restoration) -> Mapping[str, str]:
        """The fields that restoring would change though this person's form does not let them, with the reason."""
        faults = self.reach_faults(request, restoration)
        if restoration.record is None:
            return faults | self.guarded_faults(request, restoration)
        fixed = set(self.get_readonly_fields(request, restoration.record))
        text = _("The form does not let you change this field, and restoring does not either.")
        return faults | {field.name: str(text) for field in restoration.changed if field.name in fixed}

    def guarded_faults(self, request: HttpRequest, restoration: Restoration) -> dict[str, str]:
        """What a deleted record says in fields that this person may not set: it would be entered with them."""
        fresh, text = self.model(), _("Your role may not enter this.")
        fields = {name: self.model._meta.get_field(name) for name in guarded(request.user, self.model, recorded=False)}
        return {
            name: str(text)
            for name, field in fields.items()
            if restoration.then.get(name) != getattr(fresh, field.attname)
        }

    def reach_faults(self, request: HttpRequest, restoration: Restoration) -> dict[str, str]:
        """What the version says may put the record beyond this person's reach."""
        name, then = belongs_by(self.model), self.model(pk=restoration.entry.id)
        for field in stored_fields(self.model):
            setattr(then, field.attname, restoration.then[field.name])
        try:
            reached = may(request.user, "add" if restoration.record is None else "change", then)
        except ObjectDoesNotExist:
            return {}  # objected to already: it cannot be brought back before its parent
        return {} if reached or not name else {name: str(NOT_YOURS)}

    def restored(self, request: HttpRequest, entry: Any) -> HttpResponse:
        """Raises Refused, with every objection; nothing is changed then."""
        if not self.may_restore(request, Restoration(entry)):
            raise PermissionDenied
        record = restore(
            entry,
            opened=request.POST.get("version", ""),
            reason=typed_reason(request),
            rules=lambda restoration: self.restore_faults(request, restoration),
        )
        when = moment(entry.history_date)
        self.log_change(request, record, str(_("Restored the version of %(when)s.") % {"when": when}))
        text = _("“%(name)s” says again what it said on %(when)s. The history has an entry for it.")
        self.message_user(request, text % {"name": record, "when": when}, messages.SUCCESS)
        return HttpResponseRedirect(self.page_of("history", record.pk))

    def get_urls(self) -> list[URLPattern]:
        view, opts = self.admin_site.admin_view(self.deleted_view), self.opts
        urls: list[URLPattern] = super().get_urls()
        return [path("deleted/", view, name=f"{opts.app_label}_{opts.model_name}_deleted"), *urls]

    def page_of(self, page: str, *args: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}", args=args)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {"deleted_address": self.page_of("deleted"), **(extra_context or {})}
        response: HttpResponse = super().changelist_view(request, context)
        return response

    def deleted_view(self, request: HttpRequest) -> HttpResponse:
        """The records of this kind that are gone: who deleted each, when and why, with the way to its last version."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        pages = Paginator(deleted_entries(self.model), self.history_list_per_page)
        page = pages.get_page(request.GET.get(PAGE_VAR))
        entries = list(page)
        named = named_entries(request.user, self.model, [entry.pk for entry in entries])
        imports = origins.origins_of(self.model, [entry for entry in entries if entry.pk in named], request.user)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Deleted records: %(kind)s") % {"kind": self.opts.verbose_name_plural},
            "subtitle": None,
            "opts": self.opts,
            "ends": [
                {
                    "entry": entry,
                    "name": called(entry),
                    "author": author(entry) if entry.pk in named else "",
                    "origin": imports.get(entry.pk),
                    "address": self.page_of("simple_history", entry.id, entry.pk),
                }
                for entry in entries
            ],
            "page_obj": page,
            "page_range": pages.get_elided_page_range(page.number),
            "page_var": PAGE_VAR,
            "may_restore": self.has_add_permission(request),
        }
        return TemplateResponse(request, "admin/record_deleted.html", context)


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field of a form, with the id of its widget to go to."""

    label: str
    target: str
    text: str


def field_errors(form: Any, inlines: Iterable[Any]) -> list[FieldError]:
    """The errors of the visible fields of a form and of its rows, in the order of the page."""
    rows = [
        (inline.opts.verbose_name, number, row) for inline in inlines for number, row in enumerate(inline.formset, 1)
    ]
    named = [("", form)] + [(f"{capfirst(name)} {number}", row) for name, number, row in rows]
    return [
        FieldError(clauses(filter(None, [where, str(field.label)])), field.id_for_label, " ".join(field.errors))
        for where, part in named
        if part.is_bound
        for field in part.visible_fields()
        if field.errors
    ]


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

    def may_edit(self, request: HttpRequest, record: Any) -> bool:
        return bool(request.user.has_perm(permission(self.parent_model, "change" if record else "add"), record))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_edit(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_edit(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_edit(request, obj)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        wanted = (permission(self.parent_model, action) for action in ("view", "change", "add"))
        return any(request.user.has_perm(name) for name in wanted)


def field_of_filter(item: Any) -> str:
    """The field of a filter of a list, as `list_filter` names it; empty for a filter of its own kind."""
    name = item[0] if isinstance(item, list | tuple) else item
    return name if isinstance(name, str) else ""


def says_the_same(record: Any) -> bool:
    """Whether the record, as it is stored now, says what its newest entry says."""
    latest, stored = latest_entry(record), type(record)._base_manager.get(pk=record.pk)
    return latest is not None and current_state(stored) == state_of(latest)


def reason_of(form: Any) -> str:
    """What was typed, after the version that the edit was merged with."""
    typed, merged = form.cleaned_data.get("change_reason", ""), form.cleaned_data.get("merged", "")
    entry = form.instance.history.filter(pk=merged).first() if merged.isdecimal() else None
    return sentences(merged_reason(moment(entry.history_date)), typed) if entry else typed


def typed_reason(request: HttpRequest) -> str:
    return request.POST.get("change_reason", "").strip()[:MAX_REASON]


def sent_items(data: Any) -> list[tuple[str, str]]:
    """All that a form sent, to be sent again; what the merge page itself asks is left out."""
    asked = ("csrfmiddlewaretoken", AGAINST)
    pairs = [(name, value) for name, values in data.lists() for value in values]
    return [(name, value) for name, value in pairs if name not in asked and not name.startswith(PREFIX)]
