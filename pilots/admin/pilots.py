"""Admin of batches, and of pilots with stages, milestones and targets on one page."""

import re
from typing import Any

from django.contrib import admin
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from core.admin.record_admin import RecordAdmin, admin_url, list_url
from core.history.entries import LabelledUrl
from core.history.recording import Changes
from core.http import parse_key
from pilots.admin.indicators import TargetInline
from pilots.admin.stages_and_milestones import MilestoneInline, StageInline, tell_amendment
from pilots.models import Batch, Pilot, Target
from policies.admin import NAME_FIELDSET, SOURCE_FIELDSET, TITLE_FIELDSET


@admin.register(Batch)
class BatchAdmin(RecordAdmin):
    ordering = ["level", "known_by", "pk"]  # the model's own is lost where rows are counted
    list_display = ["__str__", "level", "province", "announced_on", "known_by", "pilot_count", "confidence"]
    list_select_related = ["province"]
    list_filter = ["level", "confidence", "province"]
    search_fields = [
        *["title_zh", "title_en", "short_name_zh", "short_name_en", "slug"],
        *["province__name_zh", "province__name_en"],
    ]
    date_hierarchy = "known_by"
    prepopulated_fields = {"slug": ["title_en"]}
    autocomplete_fields = ["province", "policy", "industries_announced", "sources"]
    fieldsets = [
        TITLE_FIELDSET,
        (_("Short name"), {"fields": ["short_name_zh", "short_name_en"]}),
        (_("Who announced it"), {"fields": ["level", "province", "policy"]}),
        (_("Dates"), {"fields": ["announced_on", "known_by", ("term_start", "term_end")]}),
        (_("Reports"), {"fields": ["asked_from", "report_due"]}),
        (
            _("Pilots announced"),
            {
                "fields": ["city_count", "county_count", "park_count", "enterprise_count"],
                "description": _(
                    "The numbers that the announcement gives; 0 says that it names none of a kind. Pages hold them "
                    "against the pilots recorded, which are records of their own: once the batch is saved, the "
                    "buttons at the top of this page lead to them."
                ),
            },
        ),
        (_("What its notice names"), {"fields": ["industries_announced"]}),
        SOURCE_FIELDSET,
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        batches: QuerySet[Model] = super().get_queryset(request).annotate(pilot_rows=Count("pilots", distinct=True))
        return batches

    @admin.display(description=_("pilots recorded"), ordering="pilot_rows")
    def pilot_count(self, batch: Any) -> SafeString | str:
        """The number of recorded pilots, as a link to them."""
        url = list_url(Pilot, batch__id=batch.pk)
        return format_html('<a href="{}">{}</a>', url, batch.pilot_rows) if batch.pilot_rows else "–"

    def related_links(self, request: HttpRequest, record: Any) -> list[LabelledUrl]:
        label = _("Pilots recorded (%(count)d)") % {"count": record.pilots.count()}
        ways: list[LabelledUrl] = [(label, list_url(Pilot, batch__id=record.pk))]
        # a national batch is open to all, a provincial one within scope
        if request.user.has_perm("pilots.add_pilot", record if record.province_id else None):
            start = {"province": record.province_id} if record.province_id else {}
            ways.append((_("Add a pilot"), admin_url(Pilot, "add", batch=record.pk, **start)))
        return ways

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        return reverse("pilot-list", query={"batch": obj.slug}) if obj else None


@admin.register(Pilot)
class PilotAdmin(RecordAdmin):
    list_display = ["__str__", "name_zh", "kind", "province", "prefecture_zh", "confidence", "withdrawn_on", "batch"]
    list_select_related = ["province", "batch"]
    list_filter = ["province", "kind", "batch", "province__region", "city_type", "confidence", "industries"]
    search_fields = [
        *["name_zh", "name_en", "slug", "prefecture_zh", "prefecture_code", "county_code"],
        *["province__name_zh", "province__name_en", "batch__title_zh", "batch__title_en"],
    ]
    prepopulated_fields = {"slug": ["name_en"]}
    autocomplete_fields = ["batch", "province", "parent", "industries", "sources"]
    inlines = [StageInline, MilestoneInline, TargetInline]

    fieldsets = [
        NAME_FIELDSET,
        (_("What it is"), {"fields": ["kind", "city_type", "batch", "industries"]}),
        (
            _("Where it lies"),
            {"fields": ["province", "prefecture_zh", "prefecture_code", "county_code", "parent"]},
        ),
        (_("Its time as a pilot"), {"fields": [("term_start", "term_end"), "withdrawn_on", "withdrawn_recorded_on"]}),
        SOURCE_FIELDSET,
    ]

    def related_links(self, request: HttpRequest, record: Any) -> list[LabelledUrl]:
        return [
            (_("Stages"), "#stages-group"),
            (_("Milestones"), "#milestones-group"),
            (_("Targets"), "#targets-group"),
        ]

    def posted_changes(self, request: HttpRequest, key: int | None) -> Changes:
        """Add the indicators of its targets."""
        rows = [match for name in request.POST if (match := re.fullmatch(r"(targets-\d+-)indicator", name))]
        named = [(parse_key(request.POST.get(f"{row[1]}id", "")), parse_key(request.POST[row[0]])) for row in rows]
        targets = [(pk, {"indicator_id": indicator}) for pk, indicator in named if indicator]
        return {**super().posted_changes(request, key), Target: targets}

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Tell of the planned days that rows asked for."""
        super().save_related(request, form, formsets, change)
        for formset in formsets:
            for amendment in getattr(formset, "amendments", ()):
                tell_amendment(self, request, amendment)
