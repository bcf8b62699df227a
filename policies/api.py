"""API of policies: their resources, each as it is read and listed, and the rollout of a policy."""

from collections.abc import Collection
from typing import Any, ClassVar

from django.db.models import Case, F, Q, QuerySet, When
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework import serializers

from core.api.filters import CODE_LOOKUPS, ApiFilterSet, api_filterset
from core.api.serializers import (
    ApiUrlField,
    DateValueField,
    DaySerializer,
    NumberField,
    ReadOnlyModelSerializer,
    RecordSerializer,
    RelatedBySlug,
    then,
)
from core.api.viewsets import AggregateView
from core.api.write_serializers import WriteSerializer
from core.api.writes import WritableViewSet
from core.errors import Problem, choice_error
from core.tables import RelatedFilter
from policies import filters
from policies.models import (
    Agency,
    Confidence,
    Figure,
    Industry,
    Measure,
    PlanStatus,
    Policy,
    Province,
    ProvincialPlan,
    Region,
    Source,
)
from policies.rollout import Rollout, build_rollout

NAME_FIELDS = ("name", "name_en", "name_zh")
NOTE_FIELDS = ("note", "note_en", "note_zh")
FACT_FIELDS = ("confidence", "unverified", *NOTE_FIELDS, "sources")
ADDRESS_HELP = "Where the document itself stands; null where that is not public."


class SourceLinkSerializer(ReadOnlyModelSerializer):
    """A source as other records cite it: `url` leads to its record, `address` to the document itself."""

    url = ApiUrlField()
    address = serializers.URLField(source="url", allow_null=True, help_text=ADDRESS_HELP)

    class Meta:
        model = Source
        fields = ("id", "title", "url", "address")


class SourcedSerializer(RecordSerializer):
    """Serializer of a record that cites sources."""

    sources = SourceLinkSerializer(many=True)


# -- resources -----------------------------------------------------------------------------------------


class ProvinceSerializer(SourcedSerializer):
    class Meta:
        model = Province
        fields = (
            *("slug", *NAME_FIELDS, "short_en", "short_zh", "former_names", "gb_code", "iso_code", "kind", "region"),
            *("tile_col", "tile_row", "in_roster", *FACT_FIELDS, "url", "page"),
        )


class ProvinceViewSet(WritableViewSet):
    cache_responses = True
    heading = gettext_lazy("Provinces")
    about = "Provinces and their like. Those with in_roster true are the denominator of every rollout."
    queryset = Province.objects.prefetch_related("sources")
    serializer_class = ProvinceSerializer
    filterset_class = api_filterset(filters.ProvinceFilter, ProvinceSerializer, "slug")
    ordering_fields = ("id", "slug", "name_en", "name_zh", "gb_code", "iso_code", "region", "kind", "in_roster")
    default_ordering = "-in_roster,id"

    def get_object(self) -> Any:
        """Return the province, also by a code that it had before."""
        slug = self.kwargs["slug"]
        if not Province.objects.filter(slug=slug).exists() and (pk := Province.objects.former_names().get(slug)):
            self.kwargs["slug"] = Province.objects.get(pk=pk).slug
        return super().get_object()


class AgencySerializer(RecordSerializer):
    class Meta:
        model = Agency
        fields = ("slug", *NAME_FIELDS, *NOTE_FIELDS, "url")


class AgencyFilter(ApiFilterSet, filters.AgencyFilter):
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
    cache_responses = True
    heading = gettext_lazy("Agencies")
    about = "Bodies that issue policies."
    queryset = Agency.objects.all()
    serializer_class = AgencySerializer
    filterset_class = AgencyFilter
    ordering_fields = ("id", "slug", "name_en", "name_zh")
    default_ordering = "id"


class PolicySerializer(SourcedSerializer):
    class Meta:
        model = Policy
        fields = (
            *("slug", "name", "title_en", "title_zh", "short_name_en", "short_name_zh", "kind", "doc_number", "level"),
            *("province", "parent", "agencies", "issued_on", "issued_precision", "published_on", "known_issued_by"),
            *("calls_for_provincial_plan", "is_lead", *FACT_FIELDS, "url", "page"),
        )


class PolicyViewSet(WritableViewSet):
    cache_responses = True
    heading = gettext_lazy("Policies")
    about = "Documents and events that were known to exist on the day."
    queryset = Policy.objects.select_related("province", "parent").prefetch_related("agencies", "sources")
    serializer_class = PolicySerializer
    filterset_class = api_filterset(
        filters.PolicyFilter, PolicySerializer, "slug", "doc_number", "issued_on", "published_on", "known_issued_by"
    )
    ordering_fields = (
        *("id", "slug", "title_en", "title_zh", "kind", "level", "doc_number", "issued_on"),
        *("published_on", "known_issued_by"),
    )
    default_ordering = "known_issued_by"

    def visible_as_of(self, rows: Any) -> QuerySet[Any]:
        return rows.known(self.as_of)  # type: ignore[no-any-return]


class MeasureSerializer(SourcedSerializer):
    class Meta:
        model = Measure
        fields = ("slug", "name", "title_en", "title_zh", "field", "industries", "policies", *FACT_FIELDS, "url")


class MeasureViewSet(WritableViewSet):
    cache_responses = True
    heading = gettext_lazy("Measures")
    about = "Courses of action that policies prescribe, by field and industry."
    queryset = Measure.objects.prefetch_related("industries", "policies", "sources")
    serializer_class = MeasureSerializer
    filterset_class = api_filterset(filters.MeasureFilter, MeasureSerializer, "slug")
    ordering_fields = ("id", "slug", "field", "title_en", "title_zh")
    default_ordering = "field"


class PlanSerializer(SourcedSerializer):
    """A plan as it was known on the day: of one that was issued or looked up later, only whose it is to be; of one
    repealed later, nothing of that.
    """

    ALWAYS: ClassVar = {"id", "policy", "province", "status", "responsible_agency", "url", "revision"}

    name = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(PlanStatus.choices, source="status_then")
    confidence = serializers.ChoiceField(Confidence.choices, allow_null=True)
    unverified = serializers.BooleanField(allow_null=True)

    class Meta:
        model = ProvincialPlan
        # What reads null of a plan while its issue, or the search for it, still lay ahead.
        as_of = (
            *("issued_on", "known_issued_by", "published_on", "repealed_on", "searched_on", "doc_number", "confidence"),
        )
        fields = (
            *("id", "policy", "province", "status", "name", "title_en", "title_zh", "doc_number"),
            *("issued_on", "issued_precision", "published_on", "known_issued_by", "repealed_on"),
            *("issuing_bodies_count", "responsible_agency", "searched_on", "searched_where", *FACT_FIELDS, "url"),
        )

    def hidden_fields(self, record: Any) -> Collection[str]:
        if record.status_then == PlanStatus.UNKNOWN != record.status:
            return self.fields.keys() - self.ALWAYS
        return () if record.status_then == record.status else {"repealed_on"}


class PlanViewSet(WritableViewSet):
    cache_responses = True
    heading = gettext_lazy("Provincial plans")
    about = (
        "A province’s own plan for a policy, or what is known of its absence, as of the day. A plan issued later reads "
        "unknown and its facts null; “not_found” says that a search found none, “unknown” that no search was made. "
        "A province has at most one plan in force for a policy; those before it are repealed."
    )
    serializer_class = PlanSerializer
    filterset_class = api_filterset(filters.PlanFilter, PlanSerializer, *PlanSerializer.Meta.as_of[:-1])
    ordering_fields = ("id", "policy", "province", "status", "issued_on", "known_issued_by")
    ordering_paths = {"status": "status_then"}
    default_ordering = "policy,id"

    def base_queryset(self) -> QuerySet[ProvincialPlan]:
        shown = Q(status_then=F("status")) | ~Q(status_then=PlanStatus.UNKNOWN)
        known = {then(name): Case(When(shown, then=F(name))) for name in PlanSerializer.Meta.as_of}
        known[then("repealed_on")] = Case(When(status_then=PlanStatus.REPEALED, then=F("repealed_on")))
        rows = ProvincialPlan.objects.with_status(self.as_of).annotate(**known)
        return rows.select_related("policy", "province", "responsible_agency").prefetch_related("sources")


class FigureSerializer(SourcedSerializer):
    period = serializers.CharField(
        help_text="The period that it speaks of, in words of its own: 2020-2025.", allow_null=True
    )

    class Meta:
        model = Figure
        fields = (
            *("slug", *NAME_FIELDS, "value", "unit", "as_printed", "period", "period_from"),
            *("period_to", "kind", "province", "state", *FACT_FIELDS, "url"),
        )


class FigureViewSet(WritableViewSet):
    cache_responses = True
    heading = gettext_lazy("Figures")
    about = "Published figures; as_printed says what a source prints where that differs from the value."
    queryset = Figure.objects.select_related("province").prefetch_related("sources")
    serializer_class = FigureSerializer
    filterset_class = api_filterset(filters.FigureFilter, FigureSerializer, "slug", "value")
    ordering_fields = ("id", "slug", "name_en", "name_zh", "kind", "value", "unit", "state", "period_from", "period_to")
    default_ordering = "kind"


class SourceSerializer(RecordSerializer):
    address = serializers.URLField(source="url", allow_null=True, help_text=ADDRESS_HELP)
    url = ApiUrlField()

    class Meta:
        model = Source
        fields = ("id", "title", "publisher", "published_on", "address", "reliability", *NOTE_FIELDS, "url")


class SourceWriteSerializer(WriteSerializer):
    API_NAMES = {"address": "url"}


class SourceViewSet(WritableViewSet):
    cache_responses = True
    heading = gettext_lazy("Sources")
    about = "Documents, pages and reports that the records cite. “address” is where the document stands."
    queryset = Source.objects.all()
    serializer_class = SourceSerializer
    write_serializer_class = SourceWriteSerializer
    filterset_class = api_filterset(filters.SourceFilter, SourceSerializer, "published_on")
    ordering_fields = ("id", "title", "publisher", "published_on", "reliability")
    default_ordering = "-published_on,title"


class IndustrySerializer(SourcedSerializer):
    priority = serializers.BooleanField(
        help_text="Whether it is named in the batch notice or an ultra-low emission sector."
    )

    class Meta:
        model = Industry
        fields = (
            *("slug", *NAME_FIELDS, "gb_codes", "named_in_batch_notice", "ultra_low_emission"),
            *("priority", *FACT_FIELDS, "url", "page"),
        )


class IndustryViewSet(WritableViewSet):
    cache_responses = True
    heading = gettext_lazy("Industries")
    about = "Sectors in the words of the notices, with their divisions of GB/T 4754."
    queryset = Industry.objects.prefetch_related("sources")
    serializer_class = IndustrySerializer
    filterset_class = api_filterset(filters.IndustryFilter, IndustrySerializer, "slug")
    ordering_fields = ("id", "slug", "name_en", "name_zh", "named_in_batch_notice", "ultra_low_emission")
    default_ordering = "id"


# -- rollout -------------------------------------------------------------------------------------------


class ProvinceRolloutSerializer(serializers.Serializer):
    province = RelatedBySlug(help_text="A province of the roster.")
    region = serializers.ChoiceField(Region.choices, help_text="The region that it lies in.", source="province.region")
    status = serializers.ChoiceField(PlanStatus.choices, help_text="What is known of its plan on the day.")
    repealed_on = DateValueField(
        help_text="From when its plan is no longer in force; null unless the status is repealed."
    )
    issued_on = DateValueField(
        help_text="Day of issue of its first plan; its precision says how exactly it is known.", source="issued.on"
    )
    precision = serializers.CharField(
        help_text="day, month or year; null without one.", source="issued.precision", allow_null=True
    )
    known_by = DateValueField(help_text="The latest date: by then the plan is known to exist.")
    lag_days = serializers.IntegerField(
        help_text="Days from lag_from to the day of issue, where both are known exactly.", allow_null=True
    )


class RegionRolloutSerializer(serializers.Serializer):
    region = serializers.ChoiceField(Region.choices, help_text="A region of the roster.")
    label = serializers.CharField(source="region.label")  # type: ignore[assignment]
    roster = serializers.IntegerField(help_text="Its provinces: the denominator.")
    issued = serializers.IntegerField(help_text="Those whose plan is issued and known by the day.")
    share = serializers.FloatField(help_text="issued of roster, as a fraction.", allow_null=True)
    dated = serializers.IntegerField(help_text="Those of them with an exact date.")
    median_lag_days = NumberField(help_text="Median of the lags of dated plans; null of fewer than five.")


class StepSerializer(serializers.Serializer):
    date = DateValueField(help_text="The day from which the number holds.", allow_null=False)
    issued = serializers.IntegerField(help_text="How many plans count as issued from then on.")


class RolloutNumbersSerializer(DaySerializer):
    """How far a policy has been taken up, in numbers. `issued` is null for a policy that calls for no plans."""

    policy = RelatedBySlug(help_text="The policy that is rolled out.")
    roster = serializers.IntegerField(help_text="Provinces that the programme covers: the denominator.")
    issued = serializers.IntegerField(
        help_text="Those with a plan issued and known by the day; null if none is called for.", allow_null=True
    )
    share = serializers.FloatField(help_text="issued of roster, as a fraction.", allow_null=True)
    dated = serializers.IntegerField(help_text="Those of them with an exact date.", allow_null=True)
    month_only = serializers.IntegerField(help_text="Those of them of which only the month is known.", allow_null=True)
    latest_only = serializers.IntegerField(
        help_text="Those of them of which only a latest date is known.", allow_null=True
    )
    inferred = serializers.IntegerField(help_text="Those of them only inferred from other documents.", allow_null=True)
    lag_from = DateValueField(help_text="The day from which lags are counted.", source="origin")
    median_lag_days = NumberField(help_text="Median of the lags of dated plans; null of fewer than five.")
    p90_lag_days = NumberField(help_text="The lag within which nine of ten dated plans came; null of fewer than five.")


class RolloutSerializer(RolloutNumbersSerializer):
    """How far a policy has been taken up: in numbers, by region, day by day, province by province."""

    followers = RelatedBySlug(many=True, help_text="National policies that carry it out.")
    by_region = RegionRolloutSerializer(many=True, help_text="The same by region.")
    series = StepSerializer(many=True, help_text="How many plans counted as issued, by the day on which that changed.")
    dated_series = StepSerializer(many=True, help_text="The same for plans with an exact day of issue alone.")
    provinces = ProvinceRolloutSerializer(many=True, help_text="Every province of the roster, with or without a plan.")


class RolloutView(AggregateView):
    cache_responses = True
    heading = gettext_lazy("Rollout of a policy")
    about = (
        "How far the provinces of the roster have issued their own plans by the day. Lags count from lag_from. "
        "Of “dated” plans the exact date is known, of “month_only” ones the month, of “latest_only” ones a latest "
        "date; dates are those of a province’s first plan, and a repealed one no longer counts. “followers” are "
        "national policies that carry it out. As CSV or XLSX: the provinces, one row each."
    )
    serializer_class, row_serializer_class = RolloutSerializer, ProvinceRolloutSerializer
    file_name, rows_name = "rollout", "provinces"
    own_parameters = [
        OpenApiParameter(
            "policy",
            description="The policy, by its code.",
            required=True,
            examples=[OpenApiExample("policy", "synergy-implementation-plan-2022")],
        )
    ]

    def build(self) -> Rollout:
        """Build the rollout of the policy asked for. Raises Http404 before the policy existed, and Problem, naming
        those that have one, for any other word.
        """
        slug, known = self.request.query_params.get("policy"), Policy.objects.known(self.as_of)
        if policy := known.filter(slug=slug).first():
            return build_rollout(policy, self.as_of)
        if Policy.objects.filter(slug=slug).exists():
            raise Http404
        slugs = list(known.rolled_out().values_list("slug", flat=True))
        if slug is not None:
            raise choice_error(slug, slugs, "policy")
        text = _("policy: name a policy. With a rollout: %(known)s.") % {"known": ", ".join(slugs)}
        raise Problem("policy", "required", text)


# By the names of their addresses.
RESOURCES = {
    "provinces": ("province", ProvinceViewSet),
    "agencies": ("agency", AgencyViewSet),
    "policies": ("policy", PolicyViewSet),
    "measures": ("measure", MeasureViewSet),
    "plans": ("provincialplan", PlanViewSet),
    "figures": ("figure", FigureViewSet),
    "sources": ("source", SourceViewSet),
    "industries": ("industry", IndustryViewSet),
}
AGGREGATES = {"rollout": RolloutView}
