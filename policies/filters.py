"""One FilterSet a record: the list page and the API filter by the same words."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from config.filters import FlagFilter, RecordFilter, SearchFilter, WordFilter
from policies.models import (
    Agency,
    Confidence,
    Field,
    Figure,
    FigureKind,
    FigureState,
    Industry,
    Level,
    Measure,
    PlanStatus,
    Policy,
    PolicyKind,
    Province,
    ProvinceKind,
    ProvincialPlan,
    Region,
    Source,
)

DAYS = ["exact", "gte", "lte"]


class ProvinceFilter(django_filters.FilterSet):
    q = SearchFilter("name_zh", "name_en", "short_zh", "short_en", "slug", "gb_code", "iso_code")
    region = WordFilter(choices=Region.choices, label=_("Region"))
    kind = WordFilter(choices=ProvinceKind.choices, label=_("Kind"))
    in_roster = FlagFilter(field_name="in_roster", label=_("In the roster"))

    class Meta:
        model = Province
        fields: list[str] = []


class AgencyFilter(django_filters.FilterSet):
    q = SearchFilter("name_zh", "name_en", "slug")

    class Meta:
        model = Agency
        fields: list[str] = []


class PolicyFilter(django_filters.FilterSet):
    q = SearchFilter("title_zh", "title_en", "doc_number", "slug", "note_en", "note_zh")
    level = WordFilter(choices=Level.choices, label=_("Level"))
    kind = WordFilter(choices=PolicyKind.choices, label=_("Kind"))
    province = RecordFilter(queryset=Province.objects.all(), label=_("Province"))
    agency = RecordFilter(field_name="agencies", queryset=Agency.objects.all(), label=_("Issued by"))
    parent = RecordFilter(queryset=Policy.objects.all(), label=_("Implements"))
    calls_for_provincial_plan = FlagFilter(
        field_name="calls_for_provincial_plan", label=_("Calls for provincial plans")
    )

    class Meta:
        model = Policy
        fields = {"issued_on": DAYS, "published_on": DAYS}


class MeasureFilter(django_filters.FilterSet):
    q = SearchFilter("title_zh", "title_en", "slug")
    field = WordFilter(choices=Field.choices, label=_("Field"))
    industry = RecordFilter(field_name="industries", queryset=Industry.objects.all(), label=_("Industry"))
    policy = RecordFilter(field_name="policies", queryset=Policy.objects.all(), label=_("Policy"))

    class Meta:
        model = Measure
        fields: list[str] = []


class PlanFilter(django_filters.FilterSet):
    """Plans; `status` is the status on the day asked for (annotated by `with_status`)."""

    q = SearchFilter("title_zh", "title_en", "doc_number", "province__name_zh", "province__name_en", "province__slug")
    policy = RecordFilter(queryset=Policy.objects.all(), label=_("Policy"))
    province = RecordFilter(queryset=Province.objects.all(), label=_("Province"))
    region = WordFilter(field_name="province__region", choices=Region.choices, label=_("Region"))
    status = WordFilter(field_name="status_then", choices=PlanStatus.choices, label=_("Status"))
    confidence = WordFilter(choices=Confidence.choices, label=_("Confidence"))

    class Meta:
        model = ProvincialPlan
        fields: list[str] = []


class FigureFilter(django_filters.FilterSet):
    q = SearchFilter("name_zh", "name_en", "slug", "note_en", "note_zh", "as_printed")
    kind = WordFilter(choices=FigureKind.choices, label=_("Kind"))
    state = WordFilter(choices=FigureState.choices, label=_("State"))
    province = RecordFilter(queryset=Province.objects.all(), label=_("Province"))

    class Meta:
        model = Figure
        fields: list[str] = []


class SourceFilter(django_filters.FilterSet):
    q = SearchFilter("title", "publisher", "url", "note_en", "note_zh")
    reliability = WordFilter(choices=Confidence.choices, label=_("Reliability"))

    class Meta:
        model = Source
        fields = {"published_on": DAYS}


class IndustryFilter(django_filters.FilterSet):
    q = SearchFilter("name_zh", "name_en", "slug", "divisions__code", "divisions__name_zh")
    named_in_batch_notice = FlagFilter(
        field_name="named_in_batch_notice", label=_("Named in the notice of the first batch")
    )
    ultra_low_emission = FlagFilter(field_name="ultra_low_emission", label=_("Ultra-low emission sector"))

    class Meta:
        model = Industry
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return super().filter_queryset(queryset).distinct()
