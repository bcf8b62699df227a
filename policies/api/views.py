"""API viewsets and aggregates of policies, in JSON, CSV and XLSX."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Case, F, QuerySet, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from core.api.filters import CODE_LOOKUPS, COMPARISONS, DATE_LOOKUPS, ApiFilterSet, api_filterset
from core.api.viewsets import AggregateView
from core.api.writes import WritableViewSet
from core.http.errors import BadRequest, ErrorDetail, closest_match, truncate
from core.web.filters import RelatedFilter
from policies import filters
from policies.analytics.rollout import ProvinceRollout, Rollout, build_rollout
from policies.api import serializers
from policies.models import Agency, Figure, Industry, Measure, Policy, Province, ProvincialPlan, Source

# What reads null of a plan while its issue, or the search for it, still lay ahead.
PLAN_AS_OF_FIELDS = {
    name: f"{name}_then"
    for name in ("issued_on", "known_issued_by", "published_on", "searched_on", "doc_number", "confidence")
}


class ProvinceViewSet(WritableViewSet):
    heading = gettext_lazy("Provinces")
    about = "Provinces and their like. Those with in_roster true are the denominator of every rollout."
    queryset = Province.objects.prefetch_related("sources")
    serializer_class = serializers.ProvinceSerializer
    filterset_class = api_filterset(filters.ProvinceFilter, {"slug": CODE_LOOKUPS})
    ordering_fields = ("id", "slug", "name_en", "name_zh", "gb_code", "iso_code", "region", "kind", "in_roster")
    default_ordering = "-in_roster,id"


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


class AgencyViewSet(WritableViewSet):
    heading = gettext_lazy("Agencies")
    about = "Bodies that issue policies."
    queryset = Agency.objects.all()
    serializer_class = serializers.AgencySerializer
    filterset_class = AgencyApiFilter
    ordering_fields = ("id", "slug", "name_en", "name_zh")
    default_ordering = "id"


class PolicyViewSet(WritableViewSet):
    heading = gettext_lazy("Policies")
    about = "Documents and events that were known to exist on the day."
    queryset = Policy.objects.select_related("province", "parent").prefetch_related("agencies", "sources")
    serializer_class = serializers.PolicySerializer
    filterset_class = api_filterset(
        filters.PolicyFilter,
        {
            **dict.fromkeys(("slug", "doc_number"), CODE_LOOKUPS),
            **dict.fromkeys(("issued_on", "published_on", "known_issued_by"), DATE_LOOKUPS),
        },
    )
    ordering_fields = (
        *("id", "slug", "title_en", "title_zh", "kind", "level", "doc_number", "issued_on"),
        *("published_on", "known_issued_by"),
    )
    default_ordering = "known_issued_by"

    def visible_as_of(self, rows: Any) -> QuerySet[Any]:
        return rows.known(self.as_of)  # type: ignore[no-any-return]


class MeasureViewSet(WritableViewSet):
    heading = gettext_lazy("Measures")
    about = "Courses of action that policies prescribe, by field and industry."
    queryset = Measure.objects.prefetch_related("industries", "policies", "sources")
    serializer_class = serializers.MeasureSerializer
    filterset_class = api_filterset(filters.MeasureFilter, {"slug": CODE_LOOKUPS})
    ordering_fields = ("id", "slug", "field", "title_en", "title_zh")
    default_ordering = "field"


class PlanViewSet(WritableViewSet):
    heading = gettext_lazy("Provincial plans")
    about = (
        "A province’s own plan for a policy, or what is known of its absence, as of the day. A plan issued later reads "
        "unknown and its facts null; “not_found” says that a search found none, “unknown” that no search was made."
    )
    serializer_class = serializers.PlanSerializer
    filterset_class = api_filterset(
        filters.PlanFilter,
        {
            "doc_number": CODE_LOOKUPS,
            **dict.fromkeys(("issued_on", "published_on", "known_issued_by", "searched_on"), DATE_LOOKUPS),
        },
        PLAN_AS_OF_FIELDS,
    )
    ordering_fields = ("id", "policy", "province", "status", "issued_on", "known_issued_by")
    ordering_paths = {"status": "status_then"}
    default_ordering = "policy,id"

    def base_queryset(self) -> QuerySet[ProvincialPlan]:
        then = {place: Case(When(status_then=F("status"), then=F(name))) for name, place in PLAN_AS_OF_FIELDS.items()}
        rows = ProvincialPlan.objects.with_status(self.as_of).annotate(**then)
        return rows.select_related("policy", "province").prefetch_related("sources")


class FigureViewSet(WritableViewSet):
    heading = gettext_lazy("Figures")
    about = "Published figures; as_printed says what a source prints where that differs from the value."
    queryset = Figure.objects.select_related("province").prefetch_related("sources")
    serializer_class = serializers.FigureSerializer
    filterset_class = api_filterset(filters.FigureFilter, {"slug": CODE_LOOKUPS, "value": COMPARISONS})
    ordering_fields = ("id", "slug", "name_en", "name_zh", "kind", "value", "unit", "state", "period_from", "period_to")
    default_ordering = "kind"


class SourceViewSet(WritableViewSet):
    heading = gettext_lazy("Sources")
    about = "Documents, pages and reports that the records cite. “address” is where the document stands."
    queryset = Source.objects.all()
    serializer_class = serializers.SourceSerializer
    write_serializer_class = serializers.SourceWriteSerializer
    filterset_class = api_filterset(filters.SourceFilter, {"published_on": DATE_LOOKUPS})
    ordering_fields = ("id", "title", "publisher", "published_on", "reliability")
    default_ordering = "-published_on,title"


class IndustryViewSet(WritableViewSet):
    heading = gettext_lazy("Industries")
    about = "Sectors in the words of the notices, with their divisions of GB/T 4754."
    queryset = Industry.objects.prefetch_related("divisions", "sources")
    serializer_class = serializers.IndustrySerializer
    filterset_class = api_filterset(filters.IndustryFilter, {"slug": CODE_LOOKUPS})
    ordering_fields = ("id", "slug", "name_en", "name_zh", "named_in_batch_notice", "ultra_low_emission")
    default_ordering = "id"


class RolloutView(AggregateView):
    heading = gettext_lazy("Rollout of a policy")
    about = (
        "How far the provinces of the roster have issued their own plans by the day. Lags count from lag_from. "
        "“dated” plans are known to the day; “known_by” ones are only known to exist by a day. "
        "“followers” are national policies that carry it out. "
        "As CSV or XLSX: the provinces, one row each."
    )
    serializer_class = serializers.RolloutSerializer
    row_serializer_class = serializers.ProvinceRolloutSerializer
    file_name = "rollout"

    own_parameters = [
        OpenApiParameter(
            "policy",
            description="The policy, by its code.",
            required=True,
            examples=[OpenApiExample("policy", "synergy-implementation-plan-2022")],
        )
    ]

    def build(self) -> Rollout:
        return build_rollout(self.policy(), self.as_of)

    def file_rows(self, value: Rollout) -> Iterable[ProvinceRollout]:
        return value.provinces

    def policy(self) -> Policy:
        """The policy asked for. Raises BadRequest for none or an unknown one, naming those that have a rollout."""
        slug = self.request.query_params.get("policy")
        found = Policy.objects.filter(slug=slug).first() if slug and "\0" not in slug else None
        if found is not None:
            return found
        known = list(Policy.objects.rolled_out().values_list("slug", flat=True))
        values = {"value": truncate(slug), "known": ", ".join(known), "near": closest_match(slug or "", known)}
        if slug is None:
            fault = ErrorDetail("policy", "required", _("policy: name a policy. With a rollout: %(known)s.") % values)
        elif values["near"]:
            text = _("policy: there is no “%(value)s”. Did you mean “%(near)s”? With a rollout: %(known)s.")
            fault = ErrorDetail("policy", "invalid_choice", text % values)
        else:
            text = _("policy: there is no “%(value)s”. With a rollout: %(known)s.")
            fault = ErrorDetail("policy", "invalid_choice", text % values)
        raise BadRequest(fault)
