"""Where editors keep what is rolled out, to whom and in which sectors."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from config.admin import MAX_REASON, RecordAdmin, RelationInline
from config.templatetags.site import showdate
from policies.actions import add_missing_plans, missing_provinces
from policies.models import (
    Agency,
    Division,
    Figure,
    Industry,
    Measure,
    Policy,
    Province,
    ProvincialPlan,
    Shipment,
    Source,
)
from policies.models.base import Dated

NAMES = (_("Names"), {"fields": ["name_zh", "name_en", "slug"]})
TITLES = (_("Title"), {"fields": ["title_zh", "title_en", "slug"]})
DATES = (
    _("Dates"),
    {
        "fields": [("issued_on", "issued_precision"), "published_on", "known_issued_by"],
        "description": _("Enter what is printed. What is not known stays empty; nothing is guessed."),
    },
)
TRUST = (
    _("How sure it is"),
    {"fields": ["confidence", "note"], "description": _("Cite where it was read under “Sources” below.")},
)


def cites(model: Any) -> type[RelationInline]:
    """The rows of a fact's sources, each a search among the sources already entered."""
    through = model.sources.through
    through.__str__ = lambda row: row.source.publisher  # above each row; by default it would read "object (7)"
    options = {"model": through, "autocomplete_fields": ["source"], "verbose_name": _("source")}
    return type("SourceInline", (RelationInline,), {**options, "verbose_name_plural": _("sources")})


class DatedAdmin(RecordAdmin):
    """The admin of a document whose day of issue may be known only in part."""

    @admin.display(description=_("issued"), ordering="issued_on")
    def issued_as_known(self, record: Dated) -> str:
        return showdate(record.issued)


@admin.register(Source)
class SourceAdmin(RecordAdmin):
    list_display = ["title", "publisher", "published_on", "reliability"]
    list_filter = ["reliability", "published_on"]
    search_fields = ["title", "publisher", "url", "note"]
    date_hierarchy = "published_on"
    fieldsets = [
        (None, {"fields": ["title", "publisher", "published_on", "url"]}),
        (_("How sure it is"), {"fields": ["reliability", "note"]}),
    ]


@admin.register(Province)
class ProvinceAdmin(RecordAdmin):
    list_display = ["__str__", "slug", "gb_code", "iso_code", "kind", "region", "in_roster"]
    list_filter = ["in_roster", "region", "kind"]
    search_fields = ["name_zh", "name_en", "short_zh", "short_en", "slug", "gb_code", "iso_code"]
    prepopulated_fields = {"slug": ["name_en"]}
    inlines = [cites(Province)]
    fieldsets = [
        NAMES,
        (_("Short names"), {"fields": ["short_zh", "short_en"]}),
        (_("What it is"), {"fields": ["kind", "region", "in_roster", "gb_code", "iso_code"]}),
        (
            _("Tile map"),
            {
                "fields": ["tile_col", "tile_row"],
                "description": _("Columns count from the west, rows from the north, both from 0."),
            },
        ),
        TRUST,
    ]


@admin.register(Agency)
class AgencyAdmin(RecordAdmin):
    list_display = ["__str__", "name_zh", "name_en", "slug"]
    search_fields = ["name_zh", "name_en", "slug"]
    prepopulated_fields = {"slug": ["name_en"]}
    fieldsets = [NAMES, (None, {"fields": ["note"]})]


@admin.register(Division)
class DivisionAdmin(RecordAdmin):
    list_display = ["code", "name_zh", "name_en"]
    search_fields = ["code", "name_zh", "name_en"]
    fieldsets = [(None, {"fields": ["code", "name_zh", "name_en"]})]


@admin.register(Industry)
class IndustryAdmin(RecordAdmin):
    list_display = ["__str__", "name_zh", "slug", "named_in_batch_notice", "ultra_low_emission", "confidence"]
    list_filter = ["named_in_batch_notice", "ultra_low_emission", "confidence"]
    search_fields = ["name_zh", "name_en", "slug", "divisions__code"]
    prepopulated_fields = {"slug": ["name_en"]}
    autocomplete_fields = ["divisions"]
    inlines = [cites(Industry)]
    fieldsets = [
        NAMES,
        (_("Classification"), {"fields": ["divisions"]}),
        (
            _("Priority"),
            {
                "fields": ["named_in_batch_notice", "ultra_low_emission"],
                "description": _("An industry with either mark and no pilot is shown as a gap."),
            },
        ),
        TRUST,
    ]


@admin.register(Policy)
class PolicyAdmin(DatedAdmin):
    list_display = ["__str__", "doc_number", "issued_as_known", "level", "province", "plan_count", "confidence"]
    list_select_related = ["province"]
    list_filter = ["level", "kind", "calls_for_provincial_plan", "confidence", "agencies", "province"]
    search_fields = ["title_zh", "title_en", "doc_number", "slug", "agencies__name_zh", "agencies__name_en"]
    date_hierarchy = "known_issued_by"
    prepopulated_fields = {"slug": ["title_en"]}
    autocomplete_fields = ["agencies", "province", "parent"]
    readonly_fields = ["provincial_plans"]
    inlines = [cites(Policy)]
    fieldsets = [
        TITLES,
        (_("The document"), {"fields": ["kind", "doc_number", "agencies", "level", "province", "parent"]}),
        DATES,
        (
            _("Rollout"),
            {
                "fields": ["calls_for_provincial_plan", "provincial_plans"],
                "description": _("Each province’s plan is a record of its own, so that its date and sources are kept."),
            },
        ),
        TRUST,
    ]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Policy]:
        policies: models.QuerySet[Policy] = super().get_queryset(request)
        return policies

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> Any:
        return ["__str__"]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        counts = ProvincialPlan.objects.order_by().values_list("policy").annotate(count=Count("pk"))
        self.counts = dict(counts.filter(policy__in=[policy.pk for policy in changelist.result_list]))
        return changelist

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.missing_plans_view)
        urls: list[URLPattern] = super().get_urls()
        return [path("<int:pk>/missing-plans/", view, name="policies_policy_missing_plans"), *urls]

    @admin.display(description=_("provincial plans"))
    def provincial_plans(self, policy: Policy) -> SafeString | str:
        """How many are recorded, and the ways to them."""
        if policy.pk is None:
            return str(_("Save the policy first, then add its plans here."))
        return format_html('<a href="{}">x</a>', "")


