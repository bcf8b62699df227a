"""Admin of stage entries, milestones and light overrides."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import F, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin.history_admin import posted_reason
from core.admin.record_admin import RecordAdmin, VersionedRowInline
from core.days import today
from core.permissions import editor_province
from core.text import format_date
from pilots.admin.forms import PlannedDayFormSet, PlannedDayRecordForm, PlannedDayRowForm, StageForm, StageFormSet
from pilots.models import LightOverride, Milestone, Replan, StageEntry
from pilots.models.planned import with_planned_day
from pilots.replans import DAY_FIXED, decide_replan, is_deletion_refused, save_replan, withdraw_replan, write_planned
from policies.admin import SOURCE_FIELDSET, TITLE_FIELDSET

PILOT_SEARCH = ["pilot__name_zh", "pilot__name_en", "pilot__slug"]


class PlannedDayInline(VersionedRowInline):
    """Inline of what is planned for a day."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        return super().get_queryset(request).prefetch_related("replans")


class StageInline(PlannedDayInline):
    model = StageEntry
    form = StageForm
    formset = StageFormSet
    fields = ["stage", "planned_on", "entered_on", "evidence", "reason_en", "reason_zh"]
    ordering = [F("entered_on").asc(nulls_last=True), "planned_on", "pk"]


class MilestoneInline(PlannedDayInline):
    model = Milestone
    form = PlannedDayRowForm
    formset = PlannedDayFormSet
    fields = ["title_zh", "title_en", "facet", "owner", "planned_on", "completed_on", "is_key", "evidence"]


def tell_replan(model_admin: Any, request: HttpRequest, replan: Replan) -> None:
    """Tell the user what became of another planned day."""
    if replan.accepted:
        text = _("%(name)s: the planned day is %(day)s from today on. Days before today keep their lights.")
    else:
        text = _("%(name)s: %(day)s is asked of the ministry. The planned day stays as it is until it decides.")
    words = {"name": replan.item, "day": format_date(replan.day)}
    model_admin.message_user(request, text % words, messages.WARNING)


class PilotPartAdmin(RecordAdmin):
    """ModelAdmin of a record of a pilot, which is shown on the page of the pilot."""

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        return obj.pilot.get_absolute_url() if obj and obj.pilot else None


class PlannedDayAdmin(PilotPartAdmin):
    """ModelAdmin of what is planned for a day: lists show the day in force, and another one is saved as a replan."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        return with_planned_day(super().get_queryset(request), today())  # type: ignore[no-any-return]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Make read-only what only the ministry changes."""
        fixed = obj.PROMISED_FIELDS if obj and is_deletion_refused(obj, request.user) else ()
        return [*super().get_readonly_fields(request, obj), *fixed]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = super().has_delete_permission(request, obj)
        return may and (obj is None or not is_deletion_refused(obj, request.user))

    def get_deleted_objects(self, objs: Sequence[Model], request: HttpRequest) -> Any:
        """Delete the replans with what they are about."""
        deleted, counts, perms, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, perms - {Replan._meta.verbose_name}, protected

    def write_record(self, request: HttpRequest, form: Any, lists: Any, reason: str, *, change: bool) -> bool:
        values = form.own_values() if change else {}
        written, replan = write_planned(form.instance, values, lists, by=request.user, reason=reason)
        if replan:
            tell_replan(self, request, replan)
        return written

    def kept_fields(self, request: HttpRequest, record: Any) -> dict[Any, Any]:
        """A fixed planned day is not restored."""
        kept = super().kept_fields(request, record)
        return kept | {"planned_on": DAY_FIXED} if record.has_fixed_day else kept

    @admin.display(description=_("planned on"), ordering="planned_then")
    def planned_day(self, record: Any) -> date | None:
        day: date | None = record.planned_then
        return day


@admin.register(StageEntry)
class StageEntryAdmin(PlannedDayAdmin):
    form = PlannedDayRecordForm
    list_display = ["__str__", "pilot", "planned_day", "entered_on", "evidence", "confidence"]
    list_select_related = ["pilot"]
    list_filter = ["stage", "confidence", "pilot__province"]
    search_fields = [*PILOT_SEARCH, "evidence", "reason_en", "reason_zh"]
    date_hierarchy = "entered_on"
    autocomplete_fields = ["pilot", "sources"]
    fieldsets = [
        (_("Which stage of which pilot"), {"fields": ["pilot", "stage"]}),
        (
            _("When, and by what it is shown"),
            {"fields": [("planned_on", "entered_on"), "evidence", "reason_en", "reason_zh"]},
        ),
        SOURCE_FIELDSET,
    ]


@admin.register(Milestone)
class MilestoneAdmin(PlannedDayAdmin):
    form = PlannedDayRecordForm
    list_display = ["__str__", "pilot", "facet", "owner", "planned_day", "completed_on", "is_key"]
    list_select_related = ["pilot"]
    list_filter = ["is_key", "facet", "confidence", "pilot__province"]
    search_fields = ["title_zh", "title_en", "owner", *PILOT_SEARCH]
    autocomplete_fields = ["pilot", "sources"]
    fieldsets = [
        (TITLE_FIELDSET[0], {"fields": ["title_zh", "title_en"]}),
        (_("Whose it is"), {"fields": ["pilot", "facet", "owner", "is_key"]}),
        (_("When, and by what it is shown"), {"fields": [("planned_on", "completed_on"), "evidence"]}),
        SOURCE_FIELDSET,
    ]


@admin.register(Replan)
class ReplanAdmin(PilotPartAdmin):
    """ModelAdmin of replans: the province asks and withdraws, the ministry decides what waits."""

    list_display = ["item", "pilot", "day", "reason", "asked_on", "state_now", "decided_on"]
    list_select_related = ["pilot", "milestone", "stage_entry"]
    list_filter = ["accepted", "pilot__province"]
    search_fields = [*PILOT_SEARCH, "reason_en", "reason_zh", "milestone__title_zh", "milestone__title_en"]
    autocomplete_fields = ["milestone", "stage_entry"]
    ordering = ["-asked_on", "-pk"]
    fieldsets = [
        (_("What is asked for"), {"fields": ["milestone", "stage_entry", "day", "reason_en", "reason_zh"]}),
        (_("Decision"), {"fields": ["accepted", "remark"]}),
        (_("Days"), {"fields": ["asked_on", "decided_on", "asked_by", "decided_by"]}),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The ministry decides what is on record already."""
        sections = super().get_fieldsets(request, obj)
        return sections if obj else sections[:1]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What waits is decided once."""
        decided = ["accepted", "remark"] if obj and obj.accepted is not None else []
        return [*super().get_readonly_fields(request, obj), *decided]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who asked withdraws a request that waits."""
        may = super().has_delete_permission(request, obj)
        return may and (obj is None or (obj.accepted is None and obj.asked_by_id == request.user.pk))

    def write_record(self, request: HttpRequest, form: Any, lists: Any, reason: str, *, change: bool) -> bool:
        """Save a request, or the decision about it."""
        obj = form.instance
        if not change:
            tell_replan(self, request, save_replan(obj, by=request.user))
        elif "accepted" in form.fields:
            if obj.accepted is None:
                text = _("Choose “Yes” to accept it, or “No” to refuse it with a remark.")
                raise ValidationError({"accepted": ValidationError(text, code="required")})
            decide_replan(obj, accepted=obj.accepted, remark=obj.remark, by=request.user, reason=reason)
        return True

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        withdraw_replan(obj, by=request.user, reason=posted_reason(request))

    @admin.display(description=_("state"))
    def state_now(self, replan: Replan) -> Any:
        return replan.state.label


class InForceFilter(admin.SimpleListFilter):
    """Filter: whether the override applies today."""

    title = _("in force")
    parameter_name = "in_force"

    def lookups(self, request: HttpRequest, model_admin: object) -> Any:
        return [("yes", _("in force")), ("no", _("expired"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        now = Q(set_on__lte=today(), expires_on__gt=today())
        return {"yes": queryset.filter(now), "no": queryset.exclude(now)}.get(self.value() or "", queryset)


@admin.register(LightOverride)
class LightOverrideAdmin(PilotPartAdmin):
    list_display = ["pilot", "colour", "standing", "set_on", "expires_on", "author", "reason"]
    list_select_related = ["pilot", "author"]
    list_filter = [InForceFilter, "colour", "pilot__province"]
    search_fields = [*PILOT_SEARCH, "reason"]
    autocomplete_fields = ["pilot"]
    fieldsets = [
        (
            _("The light, and why"),
            {
                "fields": ["pilot", "colour", "reason", "expires_on"],
                "description": _(
                    "It is shown to everybody as set by hand by the ministry, with the reason and the day it ends; the "
                    "computed light stays beside it. Your name stands in the history, for those whom it concerns."
                ),
            },
        ),
        (_("Who set it"), {"fields": ["author", "set_on"]}),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A new one is set today by who is signed in."""
        sections = super().get_fieldsets(request, obj)
        return sections if obj else sections[:1]

    def get_list_display(self, request: HttpRequest) -> Any:
        """Hide the author from users limited to a province: the list covers all provinces."""
        return [name for name in self.list_display if name != "author" or not editor_province(request.user)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What was shown under a user's name cannot be changed."""
        return [*super().get_readonly_fields(request, obj), "pilot", "colour"] if obj else []

    def write_record(self, request: HttpRequest, form: Any, lists: Any, reason: str, *, change: bool) -> bool:
        """Set the signed-in user as author; the reason of a new one is that of its entry."""
        if not change:
            form.instance.author, reason = request.user, form.instance.reason
        return super().write_record(request, form, lists, reason, change=change)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Hide the reason for change of a new override, which has its own reason."""
        page = super().render_change_form(request, context, *args, **kwargs)
        if kwargs.get("add"):
            page.context_data.pop("closing", None)
        return page

    @admin.display(description=_("standing"))
    def standing(self, override: LightOverride) -> Any:
        return _("in force") if override.set_on <= today() < override.expires_on else _("expired")
