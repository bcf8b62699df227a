"""History pages of the admin: the entries of a record, a version with its revert, and the deleted records."""

from collections.abc import Iterable, Mapping
from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
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
    field_values,
    format_datetime,
    historical_name,
    m2m_fields,
    record_name,
)
from core.history.entries import NEWEST_FIRST, HistoryEntry, Label, Obstacle, Revert, RevertRejected, describe
from core.history.models import ChangeEvent
from core.history.recording import MAX_REASON
from core.permissions import (
    NOT_YOURS_TO_ADD,
    OUT_OF_SCOPE,
    added_out_of_scope,
    can_see_authors,
    has_object_permission,
    owner_field,
    permission_name,
    restricted_fields,
)
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
        """Show one version of a record, what reverting to it would change, and revert on POST.

        The stock view writes a version back at once.
        """
        if not f"{object_id}{version_id}".isdecimal():
            raise Http404
        entry = get_object_or_404(self.model.history.model, id=object_id, history_id=version_id)
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        refused: Iterable[Obstacle] = ()
        try:
            if request.method == "POST":
                return self.revert_record(request, entry)
        except RevertRejected as exc:
            refused = exc.obstacles
        restoration, (described,) = Revert(entry), self.described(request, self.changes(entry_id=entry.pk))
        gone, able = restoration.record is None, self.can_revert(request, restoration)
        steps = restoration.field_changes() if able else []
        try:
            if steps and not refused:
                self.restore(request, entry, str(restoration.latest.pk), trial=True)
        except RevertRejected as exc:
            refused = exc.obstacles
        context = {
            **self.admin_site.each_context(request),
            "title": _("Version of %(when)s") % {"when": format_datetime(entry.history_date)},
            "subtitle": None,
            "entry": described,
            "facts": field_values(entry, people=bool(described.version)),
            "opts": self.opts,
            "object_id": entry.id,
            "gone": gone,
            "may_restore": able,
            "steps": steps,
            "rows": [historical_name(row.entry) for row in restoration.child_reverts] if able else [],
            "refused": refused,
            "latest": restoration.latest,
            "reason": request.POST.get("change_reason", ""),
            "max_reason": MAX_REASON,
        }
        return TemplateResponse(request, "admin/records/version.html", context | (extra_context or {}))

    # -- reverting and restoring ---------------------------------------------------------------------

    def can_revert(self, request: HttpRequest, restoration: Revert) -> bool:
        """Reverting needs permission to change; restoring a deleted record needs permission to add it and its rows."""
        if restoration.record is not None:
            return bool(self.has_change_permission(request, restoration.record))
        rows = {permission_name(row.model, "add") for row in restoration.child_reverts}
        return self.has_add_permission(request) and all(request.user.has_perm(name) for name in rows)

    def revert_errors(self, request: HttpRequest, restoration: Revert) -> Mapping[str, str]:
        """Return the fields that reverting would change although they are read-only to the user, with the reason; of a
        deleted record, the restricted fields that restoring it would set; and what would leave the user's scope.
        """
        user, record, state = request.user, restoration.record, restoration.target_state
        then = restoration.build_record()
        errors = scope_errors(user, restoration, then)
        if record is not None and request.method == "POST" and not posted_reason(request):
            errors |= {"": text} if (text := then.missing_reason(record)) else {}
        restricted = restricted_fields(user, self.model, recorded=record is not None, record=then)
        if record is None:
            fresh, text = self.model(), _("Your role may not enter this.")
            for field in map(self.model._meta.get_field, restricted):
                if state.get(field.name) != (() if field.many_to_many else getattr(fresh, field.attname)):
                    errors[field.name] = str(text)
            return errors
        fixed = {*self.get_readonly_fields(request, record), *restricted}
        text = _("The form does not let you change this field, and restoring does not either.")
        return errors | {field.name: str(text) for field in restoration.changed_fields if field.name in fixed}

    def restore(self, request: HttpRequest, entry: HistoricalRecord, opened: str, *, trial: bool = False) -> Any:
        return writing.restore(
            entry,
            by=request.user,
            opened=opened,
            reason=posted_reason(request),
            rules=lambda restoration: self.revert_errors(request, restoration),
            trial=trial,
        )

    def revert_record(self, request: HttpRequest, entry: HistoricalRecord) -> HttpResponse:
        """Revert the record and redirect to its history. Raises RevertRejected with every obstacle."""
        if not self.can_revert(request, Revert(entry)):
            raise PermissionDenied
        record = self.restore(request, entry, request.POST.get("version", ""))
        when = format_datetime(entry.history_date)
        self.log_change(request, record, str(_("Restored the version of %(when)s.") % {"when": when}))
        text = _("“%(name)s” says again what it said on %(when)s. The history has an entry for it.")
        self.message_user(request, text % {"name": record, "when": when}, messages.SUCCESS)
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_history", record.pk)

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


def scope_errors(user: Any, restoration: Revert, then: Any) -> dict[str, str]:
    """Return an error where the version would put the record, or a record of a list, outside the user's scope; `then`
    is the record as it would be.
    """
    model, name = restoration.model, owner_field(restoration.model)
    try:
        reached = has_object_permission(user, "add" if restoration.record is None else "change", then)
    except ObjectDoesNotExist:
        return {}  # reported already: it cannot be restored before its parent
    errors = {} if reached or not name else {name: str(OUT_OF_SCOPE)}
    for field in m2m_fields(model):
        if field.name in model.SCOPED_LISTS:
            records = field.related_model._base_manager.filter(pk__in=restoration.target_state[field.name])
            for record in added_out_of_scope(user, records, restoration.stored_state.get(field.name, ())):
                errors[field.name] = str(NOT_YOURS_TO_ADD) % {"record": record}
    return errors


def posted_reason(request: HttpRequest) -> str:
    return request.POST.get("change_reason", "").strip()[:MAX_REASON]
