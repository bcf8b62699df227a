"""Stages and milestones, each a row of its pilot and a page of its own, and lights set by hand."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from config.admin import RecordAdmin, typed_reason
from config.asof import today
from config.reach import sees_names
from config.restore import Restoration
from config.rows import RowInline
from pilots.actions import WHY_REPLANNED, moves_a_past_day
from pilots.forms import MilestoneForm, MilestoneFormSet, OverrideForm, StageForm, StageFormSet
from pilots.models import LightOverride, Milestone, Pilot, StageEntry
from policies.admin import TITLES, TRUST, cites, present
from policies.models import home_of

PILOT_SEARCH = ["pilot__name_zh", "pilot__name_en", "pilot__slug"]


class StageInline(RowInline):
    model = StageEntry
    form = StageForm
    formset = StageFormSet
    fields = ["stage", "planned_on", "entered_on", "evidence", "reason_en", "reason_zh"]
    ordering = [F("entered_on").asc(nulls_last=True), "planned_on", "pk"]


class MilestoneInline(RowInline):
    model = Milestone
    formset = MilestoneFormSet
    fields = ["title_zh", "title_en", "facet", "owner", "planned_on", "completed_on", "is_key", "evidence"]


@admin.register(StageEntry)
class StageEntryAdmin(RecordAdmin):
    list_display = ["__str__", "pilot", "planned_on", "entered_on", "evidence", "confidence"]
    list_select_related = ["pilot"]
    list_filter = ["stage", "confidence", *present("pilot__province")]
    search_fields = [*PILOT_SEARCH, "evidence", "reason_en", "reason_zh"]
    date_hierarchy = "entered_on"
    autocomplete_fields = ["pilot"]
    inlines = [cites(StageEntry)]
    fieldsets = [
        (_("Which stage of which pilot"), {"fields": ["pilot", "stage"]}),
        (
            _("When, and by what it is shown"),
            {"fields": [("planned_on", "entered_on"), "evidence", "reason_en", "reason_zh"]},
        ),
        TRUST,
    ]

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        return pilot_page(obj)


@admin.register(Milestone)
class MilestoneAdmin(RecordAdmin):
    form = MilestoneForm
    list_display = ["__str__", "pilot", "facet", "owner", "planned_on", "completed_on", "is_key"]
    list_select_related = ["pilot"]
    list_filter = ["is_key", "facet", "confidence", *present("pilot__province")]
    search_fields = ["title_zh", "title_en", "owner", *PILOT_SEARCH]
    date_hierarchy = "planned_on"
    autocomplete_fields = ["pilot"]
    inlines = [cites(Milestone)]
    fieldsets = [
        (TITLES[0], {"fields": ["title_zh", "title_en"]}),
        (_("Whose it is"), {"fields": ["pilot", "facet", "owner", ("weight", "is_key")]}),
        (_("When, and by what it is shown"), {"fields": [("planned_on", "completed_on"), "evidence"]}),
        TRUST,
    ]

    def restore_faults(self, request: HttpRequest, restoration: Restoration) -> Mapping[str, str]:
        """Going back to another planned day is replanning: it takes a reason where the day has passed."""
        faults: dict[str, str] = dict(super().restore_faults(request, restoration))
        record, asked = restoration.record, request.method == "POST"
        if record and asked and moves_a_past_day(record.planned_on, restoration.then["planned_on"]):
            faults |= {} if typed_reason(request) else {"planned_on": str(WHY_REPLANNED)}
        return faults

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        return pilot_page(obj)


class InForce(admin.SimpleListFilter):
    """Whether a light set by hand is shown today."""

    title = _("in force")
    parameter_name = "in_force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("yes", _("in force")), ("no", _("expired"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = Q(set_on__lte=today(), expires_on__gt=today())
        return {"yes": queryset.filter(now), "no": queryset.exclude(now)}.get(self.value() or "", queryset)


@admin.register(LightOverride)
class LightOverrideAdmin(RecordAdmin):
    form = OverrideForm
    list_display = ["pilot", "colour", "standing", "set_on", "expires_on", "author", "reason"]
    list_select_related = ["pilot", "author"]
    list_filter = [InForce, "colour", *present("pilot__province")]
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
        """Who set it and when is added to one that stands."""
        fieldsets = list(super().get_fieldsets(request, obj))
        names = ["author", "set_on"] if obj and sees_names(request.user, obj) else ["set_on"]
        return [*fieldsets, (_("Who set it"), {"fields": names})] if obj else fieldsets

    def get_list_display(self, request: HttpRequest) -> Any:
        """A list is of all provinces: whose reach ends at one is not told who set the lights of others."""
        return [name for name in self.list_display if name != "author" or not home_of(request.user)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What was shown under somebody's name stays as it was."""
        return ["pilot", "colour", "author", "set_on"] if obj else []

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Its author is who is signed in."""
        if not change:
            obj.author = request.user
        super().save_model(request, obj, form, change)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """A new one has its reason already, and is not asked for another."""
        page = super().render_change_form(request, context, *args, **kwargs)
        if kwargs.get("add"):
            page.context_data.pop("closing", None)
        return page

    @admin.display(description=_("standing"))
    def standing(self, override: LightOverride) -> Any:
        return _("in force") if override.set_on <= today() < override.expires_on else _("expired")

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        return pilot_page(obj)


def pilot_page(record: Any) -> str | None:
    """The page of the pilot that a record belongs to."""
    pilot: Pilot | None = record.pilot if record else None
    return pilot.get_absolute_url() if pilot else None
