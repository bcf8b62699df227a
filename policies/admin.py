"""Admin of policies, provinces, agencies, industries, measures, plans, figures and sources."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.admin.history_admin import posted_reason
from core.admin.record_admin import RecordAdmin, admin_url, list_url
from core.history.entries import LabelledUrl
from core.permissions import editor_province, in_scope
from core.records import writing
from core.text import format_date
from policies.models import (
    Agency,
    Figure,
    Industry,
    Level,
    Measure,
    PartialDateModel,
    Policy,
    Province,
    ProvincialPlan,
    Source,
)

NAME_FIELDSET = (_("Names"), {"fields": ["name_zh", "name_en", "slug"]})
TITLE_FIELDSET = (_("Title"), {"fields": ["title_zh", "title_en", "slug"]})
DATE_FIELDSET = (
    _("Dates"),
    {
        "fields": [("issued_on", "issued_precision"), "published_on", "known_issued_by"],
        "description": _("Enter what is printed. What is not known stays empty; nothing is guessed."),
    },
)
SOURCE_FIELDSET = (_("How sure it is"), {"fields": ["confidence", "sources", "note_en", "note_zh"]})


class PartialDateAdmin(RecordAdmin):
    """Admin of a document whose date of issue may be partial."""

    @admin.display(description=_("issued"), ordering="issued_on")
    def issued_as_known(self, record: PartialDateModel) -> str:
        return format_date(record.issued)


@admin.register(Source)
class SourceAdmin(RecordAdmin):
    list_display = ["title", "publisher", "published_on", "reliability"]
    list_filter = ["reliability", "published_on"]
    search_fields = ["title", "publisher", "url", "note_en", "note_zh"]
    date_hierarchy = "published_on"
    fieldsets = [
        (None, {"fields": ["title", "publisher", "published_on", "url"]}),
        (_("How sure it is"), {"fields": ["reliability", "note_en", "note_zh"]}),
    ]


@admin.register(Province)
class ProvinceAdmin(RecordAdmin):
    list_display = ["__str__", "slug", "gb_code", "iso_code", "kind", "region", "in_roster"]
    list_filter = ["in_roster", "region", "kind"]
    search_fields = ["name_zh", "name_en", "short_zh", "short_en", "slug", "gb_code", "iso_code"]
    prepopulated_fields = {"slug": ["name_en"]}
    autocomplete_fields = ["sources"]
    fieldsets = [
        NAME_FIELDSET,
        (_("Short names"), {"fields": ["short_zh", "short_en", "former_names"]}),
        (_("What it is"), {"fields": ["kind", "region", "in_roster", "gb_code", "iso_code"]}),
        (
            _("Tile map"),
            {
                "fields": ["tile_col", "tile_row"],
                "description": _("Columns count from the west, rows from the north, both from 0."),
            },
        ),
        SOURCE_FIELDSET,
    ]


@admin.register(Agency)
class AgencyAdmin(RecordAdmin):
    list_display = ["__str__", "name_zh", "name_en", "slug"]
    search_fields = ["name_zh", "name_en", "slug"]
    prepopulated_fields = {"slug": ["name_en"]}
    fieldsets = [NAME_FIELDSET, (None, {"fields": ["note_en", "note_zh"]})]


@admin.register(Industry)
class IndustryAdmin(RecordAdmin):
    list_display = ["__str__", "name_zh", "slug", "named_in_batch_notice", "ultra_low_emission", "confidence"]
    list_filter = ["named_in_batch_notice", "ultra_low_emission", "confidence"]
    search_fields = ["name_zh", "name_en", "slug", "gb_codes"]
    prepopulated_fields = {"slug": ["name_en"]}
    autocomplete_fields = ["sources"]
    fieldsets = [
        NAME_FIELDSET,
        (_("Classification"), {"fields": ["gb_codes"]}),
        (
            _("Priority"),
            {
                "fields": ["named_in_batch_notice", "ultra_low_emission"],
                "description": _("An industry with either mark and no pilot is shown as a gap."),
            },
        ),
        SOURCE_FIELDSET,
    ]


@admin.register(Policy)
class PolicyAdmin(PartialDateAdmin):
    ordering = ["known_issued_by", "pk"]  # the model's own is lost where rows are counted
    list_display = [
        *("__str__", "doc_number", "issued_as_known", "level", "province", "plan_count", "is_lead", "confidence"),
    ]
    list_select_related = ["province"]
    list_filter = ["level", "kind", "calls_for_provincial_plan", "confidence", "agencies", "province"]
    search_fields = [
        *("title_zh", "title_en", "short_name_zh", "short_name_en", "doc_number", "slug"),
        *("agencies__name_zh", "agencies__name_en"),
    ]
    date_hierarchy = "known_issued_by"
    prepopulated_fields = {"slug": ["title_en"]}
    autocomplete_fields = ["agencies", "province", "parent", "sources"]
    fieldsets = [
        (_("Title"), {"fields": ["title_zh", "title_en", ("short_name_zh", "short_name_en"), "slug"]}),
        (_("The document"), {"fields": ["kind", "doc_number", "agencies", "level", "province", "parent"]}),
        DATE_FIELDSET,
        (
            _("Rollout"),
            {
                "fields": ["calls_for_provincial_plan", "is_lead"],
                "description": _(
                    "Each province’s plan is a record of its own, with its own date and sources. Once the policy is "
                    "saved, the buttons at the top of this page lead to them."
                ),
            },
        ),
        SOURCE_FIELDSET,
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        policies: QuerySet[Model] = super().get_queryset(request).annotate(plan_rows=Count("plans", distinct=True))
        return policies

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, object]:
        """Preset level and province for a provincial editor."""
        start: dict[str, object] = super().get_changeform_initial_data(request)
        return {"level": Level.PROVINCIAL, **start} if editor_province(request.user) else start

    @admin.display(description=_("provincial plans"), ordering="plan_rows")
    def plan_count(self, policy: Any) -> SafeString | str:
        """The number of recorded plans, as a link to them."""
        url = list_url(ProvincialPlan, policy__id=policy.pk)
        return format_html('<a href="{}">{}</a>', url, policy.plan_rows) if policy.plan_rows else "–"

    def related_links(self, request: HttpRequest, record: Any) -> list[LabelledUrl]:
        label = _("Provincial plans (%(count)d)") % {"count": record.plans.count()}
        ways: list[LabelledUrl] = [(label, list_url(ProvincialPlan, policy__id=record.pk))]
        if request.user.has_perm("policies.add_provincialplan"):
            ways.append((_("Add a provincial plan"), admin_url(ProvincialPlan, "add", policy=record.pk)))
        if self.may_add_missing_plans(request, record) and self.missing_provinces(request, record):
            ways.append((_("Add the missing provinces"), admin_url(Policy, "missing_plans", record.pk)))
        return ways

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save, and say whose plans the pages count now if that may have changed."""
        super().save_related(request, form, formsets, change)
        if {"is_lead", "calls_for_provincial_plan"} & set(form.changed_data):
            lead = Policy.objects.filter(is_lead=True).first()
            text: Any = _(
                "No policy is the lead policy now: pages count the plans of the earliest one that calls for them. "
                "Tick “lead policy” on the policy that they shall count."
            )
            if lead:
                text = _(
                    "Pages count the plans of the lead policy, “%(lead)s”. To count those of another first, tick “lead "
                    "policy” there."
                ) % {"lead": lead.short}
            self.message_user(request, text, messages.INFO if lead else messages.WARNING)

    # -- the plans of all provinces ------------------------------------------------------------------

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Lead on from a new policy that calls for plans to its missing plans."""
        response: HttpResponse = super().response_add(request, obj, post_url_continue)
        if self.may_add_missing_plans(request, obj):
            url = admin_url(Policy, "missing_plans", obj.pk)
            text = _("Next: give each province its record for this policy.")
            self.message_user(request, format_html('<a href="{}">{}</a>', url, text), messages.INFO)
        return response

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.missing_plans_view)
        return [path("<int:pk>/missing-plans/", view, name="policies_policy_missing_plans"), *super().get_urls()]

    def may_add_missing_plans(self, request: HttpRequest, policy: Policy) -> bool:
        """Whether the policy calls for plans, and the user may change it and add them."""
        may = request.user.has_perm("policies.add_provincialplan") and self.has_change_permission(request, policy)
        return bool(may and policy.calls_for_provincial_plan)

    def missing_provinces(self, request: HttpRequest, policy: Policy) -> list[Province]:
        """Return the provinces of the roster, within the user's scope, that have no record for the policy yet."""
        return list(in_scope(request.user, Province.objects.roster().exclude(plans__policy=policy)))

    def missing_plans_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """List the provinces without a record for the policy; on POST create one for each, with status unknown."""
        policy = get_object_or_404(Policy, pk=pk)
        if not self.may_add_missing_plans(request, policy):
            raise PermissionDenied
        provinces = self.missing_provinces(request, policy)
        if request.method == "POST":
            with transaction.atomic():
                for province in provinces:
                    plan = ProvincialPlan(policy=policy, province=province)
                    writing.write(plan, by=request.user, reason=posted_reason(request))
            count = len(provinces)
            text = ngettext("%(count)d province added as unknown.", "%(count)d provinces added as unknown.", count)
            self.message_user(request, text % {"count": count}, messages.SUCCESS)
            return HttpResponseRedirect(list_url(ProvincialPlan, policy__id=pk))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Add the missing provinces"),
            "subtitle": str(policy),
            "policy": policy,
            "provinces": provinces,
            "home": editor_province(request.user),
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/policies/policy/missing_plans.html", context)


@admin.register(ProvincialPlan)
class ProvincialPlanAdmin(PartialDateAdmin):
    list_display = ["province", "status", "issued_as_known", "known_issued_by", "repealed_on", "confidence", "policy"]
    list_select_related = ["policy", "province"]
    list_filter = ["status", "policy", "province__region", "confidence", "issued_precision"]
    search_fields = [
        *("title_zh", "title_en", "doc_number", "policy__title_zh", "policy__title_en", "policy__slug"),
        *("province__name_zh", "province__name_en", "province__slug", "province__gb_code"),
    ]
    date_hierarchy = "known_issued_by"
    autocomplete_fields = ["policy", "province", "responsible_agency", "sources"]
    fieldsets = [
        (
            _("Whose plan, and what is known of it"),
            {
                "fields": ["policy", "province", "status", "responsible_agency"],
                "description": _(
                    "Issued: give a date below. Not found: say on which day and where it was searched. "
                    "Unknown: nobody has looked yet."
                ),
            },
        ),
        (_("The document"), {"fields": ["title_zh", "title_en", "doc_number", "issuing_bodies_count"]}),
        DATE_FIELDSET,
        (
            _("The repeal"),
            {
                "fields": ["repealed_on"],
                "description": _("Enter this day before the record of the plan that replaces it."),
            },
        ),
        (_("The search"), {"fields": ["searched_on", "searched_where"]}),
        SOURCE_FIELDSET,
    ]

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        return str(obj.policy.get_absolute_url()) if obj else None


@admin.register(Measure)
class MeasureAdmin(RecordAdmin):
    list_display = ["__str__", "title_zh", "field", "confidence"]
    list_filter = ["field", "industries", "policies", "confidence"]
    search_fields = ["title_zh", "title_en", "slug", "policies__title_zh", "policies__title_en"]
    prepopulated_fields = {"slug": ["title_en"]}
    autocomplete_fields = ["industries", "policies", "sources"]
    fieldsets = [
        TITLE_FIELDSET,
        (_("What it belongs to"), {"fields": ["field", "policies", "industries"]}),
        SOURCE_FIELDSET,
    ]


@admin.register(Figure)
class FigureAdmin(RecordAdmin):
    list_display = ["__str__", "value", "unit", "span", "kind", "province", "state", "confidence"]
    list_select_related = ["province"]
    list_filter = ["state", "kind", "unit", "confidence", "province"]
    search_fields = ["name_zh", "name_en", "slug", "as_printed", "note_en", "note_zh"]
    prepopulated_fields = {"slug": ["name_en"]}
    autocomplete_fields = ["province", "sources"]
    fieldsets = [
        NAME_FIELDSET,
        (_("The figure"), {"fields": ["kind", ("value", "unit"), "as_printed", "province"]}),
        (_("The period it is for"), {"fields": [("period_from", "period_to")]}),
        (_("How sure it is"), {"fields": ["state", "confidence", "sources", "note_en", "note_zh"]}),
    ]

    @admin.display(description=_("period"), ordering="period_from")
    def span(self, figure: Figure) -> str:
        return figure.period
