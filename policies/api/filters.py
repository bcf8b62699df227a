"""FilterSets of the API lists of policies: those of the pages, with several values and lookups."""

from core.api.filters import CODE_LOOKUPS, COMPARISONS, DATE_LOOKUPS, ApiFilterSet
from core.web.filters import RelatedFilter
from policies import filters
from policies.models import Agency, Figure, Industry, Measure, Policy, Province, ProvincialPlan, Source

# What reads null of a plan while its issue, or the search for it, still lay ahead.
PLAN_AS_OF_FIELDS = {
    name: f"{name}_then"
    for name in ("issued_on", "known_issued_by", "published_on", "searched_on", "doc_number", "confidence")
}


class ProvinceApiFilter(ApiFilterSet, filters.ProvinceFilter):
    class Meta:
        model = Province
        fields = {"slug": CODE_LOOKUPS}


class AgencyApiFilter(ApiFilterSet, filters.AgencyFilter):
    province = RelatedFilter(
        field_name="policies__province",
        queryset=Province.objects.all(),
        distinct=True,
        label="Province of a policy that it issued",
    )

    class Meta:
        model = Agency
        fields = {"slug": CODE_LOOKUPS}


class PolicyApiFilter(ApiFilterSet, filters.PolicyFilter):
    class Meta:
        model = Policy
        fields = {
            **dict.fromkeys(("slug", "doc_number"), CODE_LOOKUPS),
            **dict.fromkeys(("issued_on", "published_on", "known_issued_by"), DATE_LOOKUPS),
        }


class MeasureApiFilter(ApiFilterSet, filters.MeasureFilter):
    class Meta:
        model = Measure
        fields = {"slug": CODE_LOOKUPS}


class PlanApiFilter(ApiFilterSet, filters.PlanFilter):
    as_of_fields = PLAN_AS_OF_FIELDS

    class Meta:
        model = ProvincialPlan
        fields = {
            "doc_number": CODE_LOOKUPS,
            **dict.fromkeys(("issued_on", "published_on", "known_issued_by", "searched_on"), DATE_LOOKUPS),
        }


class FigureApiFilter(ApiFilterSet, filters.FigureFilter):
    class Meta:
        model = Figure
        fields = {"slug": CODE_LOOKUPS, "value": COMPARISONS}


class SourceApiFilter(ApiFilterSet, filters.SourceFilter):
    class Meta:
        model = Source
        fields = {"published_on": DATE_LOOKUPS}


class IndustryApiFilter(ApiFilterSet, filters.IndustryFilter):
    class Meta:
        model = Industry
        fields = {"slug": CODE_LOOKUPS}
