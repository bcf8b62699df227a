"""FilterSets of policies, shared by list pages and API."""

import django_filters
from django.utils.translation import gettext_lazy as _

from core.tables import ChoiceFilter, RelatedFilter, SearchFilter, YesNoFilter
from policies.models import (
    Agency,
    Confidence,
    Field,
    FigureKind,
    FigureState,
    Industry,
    Level,
    PlanStatus,
    Policy,
    PolicyKind,
    Province,
    ProvinceKind,
    Region,
    Source,
)

DATE_LOOKUPS = ["exact", "gte", "lte"]


class ProvinceFilter(django_filters.FilterSet):
    q = SearchFilter("name_zh", "name_en", "short_zh", "short_en", "slug", "gb_code", "iso_code")
    region = ChoiceFilter(choices=Region.choices, label=_("Region"))
    kind = ChoiceFilter(choices=ProvinceKind.choices, label=_("Kind"))
    in_roster = YesNoFilter(label=_("In the roster"))


class AgencyFilter(django_filters.FilterSet):
    q = SearchFilter("name_zh", "name_en", "slug")


class PolicyFilter(django_filters.FilterSet):
    q = SearchFilter("title_zh", "title_en", "doc_number", "slug", "note_en", "note_zh")
    level = ChoiceFilter(choices=Level.choices, label=_("Level"))
    kind = ChoiceFilter(choices=PolicyKind.choices, label=_("Kind"))
    province = RelatedFilter(queryset=Province.objects.all(), label=_("Province"))
    agency = RelatedFilter(field_name="agencies", queryset=Agency.objects.all(), label=_("Issued by"))
    parent = RelatedFilter(queryset=Policy.objects.all(), label=_("Implements"))
    calls_for_provincial_plan = YesNoFilter(label=_("Calls for provincial plans"))

    class Meta:
        model = Policy
        fields = {"issued_on": DATE_LOOKUPS, "published_on": DATE_LOOKUPS}


class MeasureFilter(django_filters.FilterSet):
    q = SearchFilter("title_zh", "title_en", "slug")
    field = ChoiceFilter(choices=Field.choices, label=_("Field"))
    industry = RelatedFilter(field_name="industries", queryset=Industry.objects.all(), label=_("Industry"))
    policy = RelatedFilter(field_name="policies", queryset=Policy.objects.all(), label=_("Policy"))


class PlanFilter(django_filters.FilterSet):
    """Filters of plans; `status` is the status on the as-of date (annotated by `with_status`)."""

    q = SearchFilter("title_zh", "title_en", "doc_number", "province__name_zh", "province__name_en", "province__slug")
    policy = RelatedFilter(queryset=Policy.objects.all(), label=_("Policy"))
    province = RelatedFilter(queryset=Province.objects.all(), label=_("Province"))
    region = ChoiceFilter(field_name="province__region", choices=Region.choices, label=_("Region"))
    status = ChoiceFilter(field_name="status_then", choices=PlanStatus.choices, label=_("Status"))
    confidence = ChoiceFilter(choices=Confidence.choices, label=_("Confidence"))


class FigureFilter(django_filters.FilterSet):
    q = SearchFilter("name_zh", "name_en", "slug", "note_en", "note_zh", "as_printed")
    kind = ChoiceFilter(choices=FigureKind.choices, label=_("Kind"))
    state = ChoiceFilter(choices=FigureState.choices, label=_("State"))
    province = RelatedFilter(queryset=Province.objects.all(), label=_("Province"))


class SourceFilter(django_filters.FilterSet):
    q = SearchFilter("title", "publisher", "url", "note_en", "note_zh")
    reliability = ChoiceFilter(choices=Confidence.choices, label=_("Reliability"))

    class Meta:
        model = Source
        fields = {"published_on": DATE_LOOKUPS}


class IndustryFilter(django_filters.FilterSet):
    q = SearchFilter("name_zh", "name_en", "slug", "gb_codes")
    named_in_batch_notice = YesNoFilter(label=_("Named in the notice of the first batch"))
    ultra_low_emission = YesNoFilter(label=_("Ultra-low emission sector"))
