"""Admin of stage entries, milestones and light overrides."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import F, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin.history_admin import posted_reason
from core.admin.inlines import VersionedRowInline
from core.admin.record_admin import RecordAdmin
from core.history.revert import Revert
from core.http.as_of import today
from core.permissions import can_see_authors, editor_province
from pilots.admin.forms import MilestoneForm, MilestoneFormSet, OverrideForm, StageForm, StageFormSet
from pilots.models import LightOverride, Milestone, Pilot, StageEntry
from pilots.services import REPLANNING_REASON_REQUIRED, moves_past_date
from policies.admin.documents import SOURCE_FIELDSET, TITLE_FIELDSET, related_only_filters, sources_inline

PILOT_SEARCH = ["pilot__name_zh", "pilot__name_en", "pilot__slug"]


class StageInline(VersionedRowInline):
    model = StageEntry
    form = StageForm
    formset = StageFormSet
    fields = ["stage", "planned_on", "entered_on", "evidence", "reason_en", "reason_zh"]
    ordering = [F("entered_on").asc(nulls_last=True), "planned_on", "pk"]


class MilestoneInline(VersionedRowInline):
    model = Milestone
    formset = MilestoneFormSet
    fields = ["title_zh", "title_en", "facet", "owner", "planned_on", "completed_on", "is_key", "evidence"]


@admin.register(StageEntry)
class StageEntryAdmin(RecordAdmin):
    list_display = ["__str__", "pilot", "planned_on", "entered_on", "evidence", "confidence"]
    list_select_related = ["pilot"]
    list_filter = ["stage", "confidence", *related_only_filters("pilot__province")]
    search_fields = [*PILOT_SEARCH, "evidence", "reason_en", "reason_zh"]
    date_hierarchy = "entered_on"
    autocomplete_fields = ["pilot"]
    inlines = [sources_inline(StageEntry)]
    fieldsets = [
        (_("Which stage of which pilot"), {"fields": ["pilot", "stage"]}),
        (
            _("When, and by what it is shown"),
            {"fields": [("planned_on", "entered_on"), "evidence", "reason_en", "reason_zh"]},
        ),
        SOURCE_FIELDSET,
    ]

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        return pilot_url(obj)


@admin.register(Milestone)
class MilestoneAdmin(RecordAdmin):
    form = MilestoneForm
    list_display = ["__str__", "pilot", "facet", "owner", "planned_on", "completed_on", "is_key"]
    list_select_related = ["pilot"]
    list_filter = ["is_key", "facet", "confidence", *related_only_filters("pilot__province")]
    search_fields = ["title_zh", "title_en", "owner", *PILOT_SEARCH]
    date_hierarchy = "planned_on"
    autocomplete_fields = ["pilot"]
    inlines = [sources_inline(Milestone)]
    fieldsets = [
        (TITLE_FIELDSET[0], {"fields": ["title_zh", "title_en"]}),
        (_("Whose it is"), {"fields": ["pilot", "facet", "owner", ("weight", "is_key")]}),
        (_("When, and by what it is shown"), {"fields": [("planned_on", "completed_on"), "evidence"]}),
        SOURCE_FIELDSET,
    ]

    def revert_errors(self, request: HttpRequest, restoration: Revert) -> Mapping[str, str]:
        """Restoring another planned date is replanning: it needs a reason if the date has passed."""
        faults: dict[str, str] = dict(super().revert_errors(request, restoration))
        record, asked = restoration.record, request.method == "POST"
        if record and asked and moves_past_date(record.planned_on, restoration.target_state["planned_on"]):
            faults |= {} if posted_reason(request) else {"planned_on": str(REPLANNING_REASON_REQUIRED)}
        return faults

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        return pilot_url(obj)


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
class LightOverrideAdmin(RecordAdmin):
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

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        return pilot_url(obj)


def pilot_url(record: Any) -> str | None:
    """Return the URL of the page of a record's pilot."""
    pilot: Pilot | None = record.pilot if record else None
    return pilot.get_absolute_url() if pilot else None
