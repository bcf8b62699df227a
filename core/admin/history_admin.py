"""History pages of the admin: the entries of a record, a version and its restoring, and the deleted records."""

from collections.abc import Iterable, Sequence
from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Exists, Model, OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from simple_history.admin import SimpleHistoryAdmin

from core.history.diffs import (
    HistoricalRecord,
    field_label,
    field_values,
    format_datetime,
    historical_name,
    record_name,
)
from core.history.entries import (
    NEWEST_FIRST,
    HistoryEntry,
    Label,
    describe,
    newest_entry,
    restored_differences,
    rows_deleted_with,
)
from core.history.models import ChangeEvent
from core.history.recording import MAX_REASON
from core.permissions import can_see_authors, owner_field, permission_name
from core.records import writing
from core.text import label_value


class HistoryAdmin(SimpleHistoryAdmin):
    """ModelAdmin with the history pages of its records."""

    history_list_per_page = 50
    object_history_template = "admin/records/history.html"

    def set_history_delta_changes(
        self, request: HttpRequest, page: Iterable[HistoricalRecord], *args: object, **kwargs: object
    ) -> None:
        """Replace the diffs of simple-history, which name no lists: `render_history_view` has the entries."""

    def described(self, request: HttpRequest, changes: Any) -> list[HistoryEntry]:
        """Return what these changes of records say, as the user may see them."""
        related = [field.name for field in self.opts.concrete_fields if field.is_relation]
        return describe(changes, request.user, {self.model: Label(related=related)})

    def changes(self, **which: Any) -> Any:
        """Return the changes of records of this model, newest first."""
        return ChangeEvent.objects.filter(model=self.opts.label_lower, **which).order_by(*NEWEST_FIRST)

    def history_view_title(self, request: HttpRequest, obj: Model) -> str:
        return label_value(_("History"), record_name(obj))

    def render_history_view(
        self, request: HttpRequest, template: str, context: dict[str, Any], **kwargs: Any
    ) -> HttpResponse:
        """Render the history; authors outside the user's scope are left out."""
        record = context["object"]
        more = {
            "name": record_name(record),
            "named": can_see_authors(request.user, record),
            "entries": self.described(request, self.changes(entry_id__in=context["page_obj"].object_list.values("pk"))),
        }
        response: HttpResponse = super().render_history_view(request, template, context | more, **kwargs)
        return response

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        if not object_id.isdecimal():
            raise Http404
        response: HttpResponse = super().history_view(request, object_id, extra_context)
        return response

    @method_decorator(reauthentication_required(allow_get=True))
    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show one version of a record, what restoring it would change, and restore it on POST.

        The stock view writes a version back at once.
        """
        if not f"{object_id}{version_id}".isdecimal():
            raise Http404
        entry = get_object_or_404(self.model.history.model, id=object_id, history_id=version_id)
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        record, latest = self.model._base_manager.filter(pk=entry.id).first(), newest_entry(self.model, entry.id)
        rows = [] if record else rows_deleted_with(latest)
        able, refused = self.can_restore(request, record, rows), list[tuple[str, str, str]]()
        if request.method == "POST":
            if not able:
                raise PermissionDenied
            try:
                return self.restore(request, entry, record)
            except PermissionDenied as exc:
                refused = self.restore_errors(ValidationError({owner_field(self.model): str(exc)}))
            except ValidationError as exc:
                refused = self.restore_errors(exc)
            except writing.Conflict as exc:
                refused = [("", text, "") for text in exc.messages]
        (described,) = self.described(request, self.changes(entry_id=entry.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Version of %(when)s") % {"when": format_datetime(entry.history_date)},
            "subtitle": None,
            "entry": described,
            "facts": field_values(entry, people=bool(described.version)),
            "opts": self.opts,
            "object_id": entry.id,
            "gone": record is None,
            "may_restore": able,
            "steps": restored_differences(entry, record) if able else [],
            "rows": [historical_name(row) for row in rows],
            "refused": refused,
            "latest": latest,
            "reason": request.POST.get("change_reason", ""),
            "max_reason": MAX_REASON,
        }
        return TemplateResponse(request, "admin/records/version.html", context | (extra_context or {}))

    # -- restoring -----------------------------------------------------------------------------------

    def can_restore(self, request: HttpRequest, record: Model | None, rows: Sequence[HistoricalRecord]) -> bool:
        """Restoring needs permission to change; of a deleted record (None), to add it and the rows deleted with it."""
        if record is not None:
            return bool(self.has_change_permission(request, record))
        names = {permission_name(row.instance_type, "add") for row in rows}
        return self.has_add_permission(request) and all(map(request.user.has_perm, names))

    def kept_fields(self, request: HttpRequest, record: Model) -> dict[Any, Any]:
        """Return the fields that the form does not let the user change, with what is said of them."""
        text = _("The form does not let you change this field, and restoring does not either.")
        return dict.fromkeys(self.get_readonly_fields(request, record), text)

    def restore(self, request: HttpRequest, entry: HistoricalRecord, record: Model | None) -> HttpResponse:
        """Restore the version and redirect to the history. Raises as `writing.restore_version`."""
        record = writing.restore_version(
            entry,
            opened=request.POST.get("version", ""),
            by=request.user,
            reason=posted_reason(request),
            kept=self.kept_fields(request, record) if record else {},
        )
        when = format_datetime(entry.history_date)
        self.log_change(request, record, str(_("Restored the version of %(when)s.") % {"when": when}))
        text = _("“%(name)s” says again what it said on %(when)s. The history has an entry for it.")
        self.message_user(request, text % {"name": record, "when": when}, messages.SUCCESS)
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_history", entry.id)

    def restore_errors(self, errors: ValidationError) -> list[tuple[str, str, str]]:
        """Return what is against restoring: label of the field, text, and where the obstacle is removed, or empty."""
        fields = {field.name: field_label(field) for field in self.opts.get_fields() if hasattr(field, "verbose_name")}
        return [
            (fields.get(name, ""), text, (error.params or {}).get("url", ""))
            for name, some in errors.update_error_dict({}).items()
            for error in some
            for text in error.messages
        ]

    def get_urls(self) -> list[URLPattern]:
        view, opts = self.admin_site.admin_view(self.deleted_view), self.opts
        urls: list[URLPattern] = super().get_urls()
        return [path("deleted/", view, name=f"{opts.app_label}_{opts.model_name}_deleted"), *urls]

    def deleted_view(self, request: HttpRequest) -> HttpResponse:
        """List the deleted records of this model: who deleted each, when and why, linked to the last version."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        later = self.changes(record_id=OuterRef("record_id"), pk__gt=OuterRef("pk"))
        ends = self.changes(action="-").exclude(Exists(later))
        pages = Paginator(ends, self.history_list_per_page)
        page = pages.get_page(request.GET.get(PAGE_VAR))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Deleted records: %(kind)s") % {"kind": self.opts.verbose_name_plural},
            "subtitle": None,
            "opts": self.opts,
            "ends": self.described(request, page.object_list),
            "page_obj": page,
            "page_range": pages.get_elided_page_range(page.number),
            "page_var": PAGE_VAR,
            "may_restore": self.has_add_permission(request),
        }
        return TemplateResponse(request, "admin/records/deleted.html", context)


def posted_reason(request: HttpRequest) -> str:
    return request.POST.get("change_reason", "").strip()[:MAX_REASON]
