"""Admin of follow-ups: opening them and correcting what may be corrected; their steps are taken on their page."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin.record_admin import ReadOnlyMixin, RecordAdmin, person_name
from core.days import today
from core.permissions import can_see_authors
from core.text import format_date
from pilots.follow_ups.services import open_follow_up
from pilots.metrics import OPEN_STATES, FollowUpState
from pilots.models import FollowUp, FollowUpStep
from policies.admin import TITLE_FIELDSET

PEOPLE = ("owner_person", "owner_user", "verifier")


class StepInline(ReadOnlyMixin, admin.TabularInline):
    """The steps, to be read: they are taken on the page of the follow-up."""

    model = FollowUpStep
    extra = 0
    ordering = ["seq"]
    readonly_fields: ClassVar[Any] = [person_name(FollowUpStep._meta.get_field("author"))]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        author = self.readonly_fields if obj and can_see_authors(request.user, obj) else []
        return ["taken_on", "move", "state", "new_due_on", "remark", *author]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        steps: QuerySet[Any] = super().get_queryset(request).select_related("follow_up", "author")
        return steps


class StateFilter(admin.SimpleListFilter):
    """Filter: the state of today, all that are open, and those overdue."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> Any:
        return [("open", _("open")), ("overdue", _("overdue")), *FollowUpState.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value == "open":
            return queryset.filter(state__in=OPEN_STATES)
        if value == "overdue":
            return queryset.filter(is_overdue=True)
        return queryset.filter(state=value) if value in FollowUpState.values else queryset


@admin.register(FollowUp)
class FollowUpAdmin(RecordAdmin):
    list_display = ["__str__", "state_now", "due_now", "kind", "subject", "owner_agency", "is_key", "opened_on"]
    list_filter = [StateFilter, "kind", "is_key", "cause_colour", "province", "owner_agency"]
    search_fields = [
        *["number", "title_zh", "title_en", "meeting", "owner_agency__name_zh", "owner_agency__name_en"],
        *["pilot__name_zh", "pilot__name_en", "pilot__slug"],
    ]
    date_hierarchy = "opened_on"
    autocomplete_fields = [
        *["pilot", "province", "policy", "practice", "cause_target", "cause_milestone", "owner_agency", "sources"],
    ]
    inlines = [StepInline]
    fieldsets = [
        (
            TITLE_FIELDSET[0],
            {
                "fields": ["number", "title_zh", "title_en", "kind", "is_key", "task_zh", "task_en"],
                "description": _("Its steps are taken on its page: the button at the top of this page leads there."),
            },
        ),
        (_("What it is about"), {"fields": ["pilot", "province", "policy", "practice"]}),
        (
            _("The light that caused it"),
            {
                "fields": [
                    *["cause", "cause_target", "cause_milestone"],
                    *["cause_colour", "cause_reason_zh", "cause_reason_en"],
                ]
            },
        ),
        (_("When"), {"fields": [("opened_on", "due_on")]}),
        (_("Who"), {"fields": ["owner_agency", *PEOPLE]}),
        (_("Where it was assigned"), {"fields": ["meeting", "sources"]}),
        (None, {"fields": ["note_en", "note_zh"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the follow-ups with their state of today."""
        named = ("pilot", "province", "policy", "practice", "owner_agency")
        follow_ups: Any = FollowUp.objects.with_state(today()).select_related(*named)
        return follow_ups.order_by(*(self.get_ordering(request) or self.opts.ordering))  # type: ignore[no-any-return]

    @admin.display(description=_("state"), ordering="state")
    def state_now(self, follow_up: Any) -> str:
        state = str(FollowUpState(follow_up.state).label) if follow_up.state else ""
        return f"{state} ({_('overdue')})" if follow_up.is_overdue else state

    @admin.display(description=_("due on"), ordering="current_due_on")
    def due_now(self, follow_up: Any) -> str:
        return format_date(follow_up.current_due_on)

    @admin.display(description=_("what it is about"))
    def subject(self, follow_up: FollowUp) -> str:
        return str(follow_up.subject)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the accounts of those who may enter something at all."""
        if db_field.name in PEOPLE:
            kwargs["queryset"] = get_user_model()._default_manager.filter(is_active=True, is_staff=True)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def write_record(self, request: HttpRequest, form: Any, lists: Any, reason: str, *, change: bool) -> bool:
        """Open a new follow-up by the service: number, light of the cause and first step belong to it."""
        if change:
            return super().write_record(request, form, lists, reason, change=change)
        open_follow_up(form.instance, by=form.user, sources=list(lists["sources"]), reason=reason)
        return True

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A follow-up is withdrawn instead."""
        return False
