"""Admin of stage entries, milestones and light overrides."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.contrib import admin, messages
from django.db.models import F, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin.history_admin import posted_reason
from core.admin.record_admin import RecordAdmin, VersionedRowInline
from core.history.entries import Revert
from core.http.as_of import today
from core.permissions import can_see_authors, editor_province
from pilots.admin.forms import (
    OverrideForm,
    PlannedDayFormSet,
    PlannedDayRecordForm,
    PlannedDayRowForm,
    ReplanForm,
    StageForm,
    StageFormSet,
)
from pilots.models import LightOverride, Milestone, Replan, StageEntry
from pilots.models.replan import with_planned_day
from pilots.replans import DAY_FIXED, decide_replan, is_deletion_refused, replan_of, save_replan, withdraw_replan
from policies.admin import SOURCE_FIELDSET, TITLE_FIELDSET, related_only_filters
from policies.charts.rollout import format_day

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
    words = {"name": replan.item, "day": format_day(replan.day)}
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

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if form.day_asked_for:
            replan = replan_of(form.instance, form.day_asked_for, form.cleaned_data["change_reason"])
            tell_replan(self, request, save_replan(replan, by=request.user))
            request.unchanged = False  # type: ignore[attr-defined]

    def revert_errors(self, request: HttpRequest, restoration: Revert) -> Mapping[str, str]:
        """A fixed planned day is not restored."""
        faults: dict[str, str] = dict(super().revert_errors(request, restoration))
        record = restoration.record
        if record and record.has_fixed_day and record.planned_on != restoration.target_state["planned_on"]:
            faults |= {"planned_on": str(DAY_FIXED)}
        return faults

    @admin.display(description=_("planned on"), ordering="planned_then")
    def planned_day(self, record: Any) -> date | None:
        day: date | None = record.planned_then
        return day


@admin.register(StageEntry)
class StageEntryAdmin(PlannedDayAdmin):
    form = PlannedDayRecordForm
    list_display = ["__str__", "pilot", "planned_day", "entered_on", "evidence", "confidence"]
    list_select_related = ["pilot"]
    list_filter = ["stage", "confidence", *related_only_filters("pilot__province")]
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
    list_filter = ["is_key", "facet", "confidence", *related_only_filters("pilot__province")]
    search_fields = ["title_zh", "title_en", "owner", *PILOT_SEARCH]
    autocomplete_fields = ["pilot", "sources"]
    fieldsets = [
        (TITLE_FIELDSET[0], {"fields": ["title_zh", "title_en"]}),
        (_("Whose it is"), {"fields": ["pilot", "facet", "owner", ("weight", "is_key")]}),
        (_("When, and by what it is shown"), {"fields": [("planned_on", "completed_on"), "evidence"]}),
        SOURCE_FIELDSET,
    ]

    def revert_errors(self, request: HttpRequest, restoration: Revert) -> Mapping[str, str]:
        """Restoring another planned date is replanning: it needs a reason if the date has passed."""
        faults: dict[str, str] = dict(super().revert_errors(request, restoration))
        record = restoration.record
        if record and not record.has_fixed_day and request.method == "POST" and not posted_reason(request):
            text = Milestone(planned_on=restoration.target_state["planned_on"]).missing_reason(record)
            faults |= {"planned_on": text} if text else {}
        return faults


@admin.register(Replan)
class ReplanAdmin(PilotPartAdmin):
    """ModelAdmin of replans: the province asks and withdraws, the ministry decides what waits."""

    form = ReplanForm
    list_display = ["item", "pilot", "day", "reason", "asked_on", "state_now", "decided_on"]
    list_select_related = ["pilot", "milestone", "stage_entry"]
    list_filter = ["accepted", *related_only_filters("pilot__province")]
    search_fields = [*PILOT_SEARCH, "reason_en", "reason_zh", "milestone__title_zh", "milestone__title_en"]
    autocomplete_fields = ["milestone", "stage_entry"]
    ordering = ["-asked_on", "-pk"]
    REQUEST_FIELDSET = (
        _("What is asked for"),
        {"fields": ["milestone", "stage_entry", "day", "reason_en", "reason_zh"]},
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Add the decision, and who asked and decided for those who may know."""
        if obj is None:
            return [self.REQUEST_FIELDSET]
        people = ["asked_by", "decided_by"] if can_see_authors(request.user, obj) else []
        return [
            self.REQUEST_FIELDSET,
            (_("Decision"), {"fields": ["accepted", "remark"]}),
            (_("Days"), {"fields": ["asked_on", "decided_on", *people]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A request stays as it was made; what waits is decided once."""
        found = super().get_readonly_fields(request, obj)
        if obj is None:
            return found
        fixed = [*Replan.FIXED_FIELDS, "asked_on", "decided_on", "asked_by", "decided_by"]
        return [*found, *fixed, *([] if obj.accepted is None else ["accepted", "remark"])]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who asked withdraws a request that waits."""
        may = super().has_delete_permission(request, obj)
        return may and (obj is None or (obj.accepted is None and obj.asked_by_id == request.user.pk))

    def write_record(
        self, request: HttpRequest, form: Any, lists: Mapping[str, Any], reason: str, *, change: bool
    ) -> bool:
        """Save a request, or the decision about it."""
        obj = form.instance
        if not change:
            tell_replan(self, request, save_replan(obj, by=request.user))
        elif obj.accepted is not None and form.fields.keys() & {"accepted"}:
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
    form = OverrideForm
    list_display = ["pilot", "colour", "standing", "set_on", "expires_on", "author", "reason"]
    list_select_related = ["pilot", "author"]
    list_filter = [InForceFilter, "colour", *related_only_filters("pilot__province")]
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
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Add author and date to an existing override."""
        fieldsets = list(super().get_fieldsets(request, obj))
        names = ["author", "set_on"] if obj and can_see_authors(request.user, obj) else ["set_on"]
        return [*fieldsets, (_("Who set it"), {"fields": names})] if obj else fieldsets

    def get_list_display(self, request: HttpRequest) -> Any:
        """Hide the author from users limited to a province: the list covers all provinces."""
        return [name for name in self.list_display if name != "author" or not editor_province(request.user)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What was shown under a user's name cannot be changed."""
        return ["pilot", "colour", "author", "set_on"] if obj else []

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Set the signed-in user as author."""
        if not change:
            obj.author = request.user
        super().save_model(request, obj, form, change)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Hide the reason for change of a new override, which has its own reason."""
        page = super().render_change_form(request, context, *args, **kwargs)
        if kwargs.get("add"):
            page.context_data.pop("closing", None)
        return page

    @admin.display(description=_("standing"))
    def standing(self, override: LightOverride) -> Any:
        return _("in force") if override.set_on <= today() < override.expires_on else _("expired")
