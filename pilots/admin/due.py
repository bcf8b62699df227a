"""Admin of what is due when: deadlines, and reasons why there is no value, which only those concerned read."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.admin.record_admin import RecordAdmin
from core.admin.record_form import FlexibleDateField
from core.permissions import editor_province, in_scope
from core.records import writing
from pilots.admin.acts import ActForm, act_page, typed
from pilots.admin.indicators import INDICATOR_SEARCH
from pilots.admin.stages_and_milestones import PILOT_SEARCH, OwnReasonAdmin
from pilots.models import Deadline, NotGiven, ReadingState
from pilots.models.due import ACCEPT_PERMISSION
from pilots.models.reading import judge_readings


@admin.register(Deadline)
class DeadlineAdmin(OwnReasonAdmin):
    """ModelAdmin of deadlines, which are only added."""

    list_display = ["__str__", "batch", "pilot", "year", "indicator", "due_on", "reason", "decided_on"]
    list_select_related = ["batch", "pilot", "indicator"]
    list_filter = ["year", "batch", "pilot__province"]
    search_fields = [*PILOT_SEARCH, *INDICATOR_SEARCH, "batch__title_zh", "batch__title_en", "reason"]
    autocomplete_fields = ["batch", "pilot", "indicator"]
    ordering = ["-decided_on", "-pk"]
    fieldsets = [
        (
            _("For whom"),
            {
                "fields": ["batch", "pilot", "year", "indicator"],
                "description": _("A batch or one pilot; without an indicator for all of them."),
            },
        ),
        (_("Until when, and why"), {"fields": ["due_on", "reason"]}),
        (_("Decision"), {"fields": ["decided_on", "decided_by"]}),
    ]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Another decision follows, with a day of its own."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def write_record(self, request: HttpRequest, form: Any, lists: Any, reason: str, *, change: bool) -> bool:
        return writing.write(form.instance, by=request.user, reason=form.instance.reason)


class PrivateAdmin(RecordAdmin):
    """ModelAdmin of records that not every editor may read: history and versions as well. `get_queryset` has those
    that the user may.
    """

    def check_readable(self, request: HttpRequest, object_id: str) -> None:
        """Raise Http404 for a record that the user may not read; a deleted one is the ministry's to restore."""
        exists = object_id.isdecimal() and self.get_queryset(request).filter(pk=object_id).exists()
        if editor_province(request.user) and not exists:
            raise Http404

    def history_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        self.check_readable(request, object_id)
        return super().history_view(request, object_id, *args, **kwargs)

    def history_form_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        self.check_readable(request, object_id)
        return super().history_form_view(request, object_id, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Show no link to the deleted ones to whom they are not shown."""
        page: HttpResponse = super().changelist_view(request, {"hides_deleted": editor_province(request.user)})
        return page

    def deleted_view(self, request: HttpRequest) -> HttpResponse:
        if editor_province(request.user):
            raise PermissionDenied
        return super().deleted_view(request)


class AnswerForm(ActForm):
    """The ministry's answer to reasons why there is no value."""

    verdict = forms.ChoiceField(
        label=_("Decision"),
        choices=[
            (ReadingState.ACCEPTED, _("Accept: it is not overdue, and yellow")),
            (ReadingState.RETURNED, _("Return it: a value or another reason is asked for")),
        ],
        widget=forms.RadioSelect,
    )
    answer_by = FlexibleDateField(
        label=_("answer by"), required=False, help_text=_("Until when a returned one is to be answered.")
    )
    field_order = ("verdict", "answer_by", "reason")

    def __init__(self, *args: Any, rows: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rows = rows

    def act(self, by: Any) -> int:
        values, state = self.cleaned_data, ReadingState(self.cleaned_data["verdict"])
        answer_by = values["answer_by"] if state == ReadingState.RETURNED else None
        return judge_readings(self.rows, state, by=by, reason=values["reason"], answer_by=answer_by)


@admin.register(NotGiven)
class NotGivenAdmin(PrivateAdmin):
    """ModelAdmin of reasons why there is no value: the office, its province and the ministry read them."""

    list_display = ["indicator", "pilot", "year", "state_now", "reported_on", "accepted_on", "returned_on", "answer_by"]
    list_select_related = ["pilot", "indicator"]
    list_filter = ["year", ("accepted_on", admin.EmptyFieldListFilter), "indicator", "pilot__province"]
    search_fields = [*PILOT_SEARCH, *INDICATOR_SEARCH]
    autocomplete_fields = ["pilot", "indicator"]
    actions = ["answer"]
    fieldsets = [
        (_("Which value is not given"), {"fields": ["pilot", "indicator", "year"]}),
        (
            _("Why"),
            {
                "fields": ["text"],
                "description": _("Only your province and the ministry read it. No page and no file publishes it."),
            },
        ),
        (_("Its way"), {"fields": ["reported_on", "accepted_on", "returned_on", "answer_by"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return in_scope(request.user, super().get_queryset(request))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        sections = super().get_fieldsets(request, obj)
        return sections if obj else sections[:2]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """It stays as it was handed in; the ministry answers in the list."""
        return False

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Ask for no reason for the change: histories show it to everybody."""
        page = super().render_change_form(request, context, *args, **kwargs)
        page.context_data.pop("closing", None)
        return page

    @admin.display(description=_("state"))
    def state_now(self, record: NotGiven) -> Any:
        return record.state.label

    def has_answer_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(ACCEPT_PERMISSION)

    @admin.action(description=_("Accept or return the selected reasons"), permissions=["answer"])
    def answer(self, request: HttpRequest, queryset: QuerySet[NotGiven]) -> HttpResponse | None:
        rows = list(queryset)
        form = AnswerForm(typed(request), rows=rows)
        if form.is_bound and (count := form.done(request.user)) is not None:
            text = ngettext("%(count)d reason is answered.", "%(count)d reasons are answered.", count)
            self.message_user(request, text % {"count": count}, messages.SUCCESS)
            return None
        about = _("A returned reason is answered until the day given; the reason for change is shown to the office.")
        return act_page(self, request, rows, form, title=_("Accept or return reasons"), about=about)
