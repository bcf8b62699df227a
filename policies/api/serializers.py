"""Serializers of policies: fields only, no arithmetic."""

from collections.abc import Collection
from typing import Any, ClassVar

from rest_framework import serializers

from core.api.serializers import (
    ApiUrlField,
    DateValueField,
    KnownField,
    NumberField,
    ReadOnlyModelSerializer,
    RecordSerializer,
    RelatedBySlug,
)
from core.api.write_serializers import WriteSerializer
from policies.models import (
    Agency,
    Confidence,
    Division,
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

NOTE_FIELDS = ("note", "note_en", "note_zh")
FACT_FIELDS = ("confidence", "unverified", *NOTE_FIELDS, "sources")


class SourceLinkSerializer(ReadOnlyModelSerializer):
    """A source as other records cite it: `url` leads to its record, `address` to the document itself."""

    url = ApiUrlField()
    address = serializers.URLField(
        source="url",
        allow_null=True,
        help_text="Where the document itself stands; null where that is not public.",
    )

    class Meta:
        model = Source
        fields = ("id", "title", "url", "address")


class DivisionLinkSerializer(ReadOnlyModelSerializer):
    """A division of GB/T 4754."""

    class Meta:
        model = Division
        fields = ("code", "name")


class SourcedSerializer(RecordSerializer):
    """Serializer of a record that cites sources."""

    sources = SourceLinkSerializer(many=True)


class SourceSerializer(RecordSerializer):
    address = serializers.URLField(
        source="url",
        allow_null=True,
        help_text="Where the document itself stands; null where that is not public.",
    )
    url = ApiUrlField()

    class Meta:
        model = Source
        fields = ("id", "title", "publisher", "published_on", "address", "reliability", *NOTE_FIELDS, "url")


class SourceWriteSerializer(WriteSerializer):
    model = Source
    API_NAMES = {"address": "url"}


class ProvinceSerializer(SourcedSerializer):
    class Meta:
        model = Province
        fields = (
            *("slug", "name", "name_en", "name_zh", "short_en", "short_zh", "gb_code", "iso_code", "kind", "region"),
            *("tile_col", "tile_row", "in_roster", *FACT_FIELDS, "url", "page"),
        )


class AgencySerializer(RecordSerializer):
    class Meta:
        model = Agency
        fields = ("slug", "name", "name_en", "name_zh", *NOTE_FIELDS, "url")


class IndustrySerializer(SourcedSerializer):
    divisions = DivisionLinkSerializer(many=True)
    priority = serializers.BooleanField(
        help_text="Whether national policy singles it out: named in the batch notice, or an ultra-low emission sector.",
    )

    class Meta:
        model = Industry
        fields = (
            *("slug", "name", "name_en", "name_zh", "divisions", "named_in_batch_notice", "ultra_low_emission"),
            *("priority", *FACT_FIELDS, "url", "page"),
        )


class PolicySerializer(SourcedSerializer):
    class Meta:
        model = Policy
        fields = (
            *("slug", "name", "title_en", "title_zh", "short_name_en", "short_name_zh", "kind", "doc_number", "level"),
            *("province", "parent", "agencies", "issued_on", "issued_precision", "published_on", "known_issued_by"),
            *("calls_for_provincial_plan", "is_lead", *FACT_FIELDS, "url", "page"),
        )


class MeasureSerializer(SourcedSerializer):
    class Meta:
        model = Measure
        fields = ("slug", "name", "title_en", "title_zh", "field", "industries", "policies", *FACT_FIELDS, "url")


class FigureSerializer(SourcedSerializer):
    period = serializers.CharField(
        allow_null=True, help_text="The period that it speaks of, in words of its own: 2020-2025."
    )

    class Meta:
        model = Figure
        fields = (
            *("slug", "name", "name_en", "name_zh", "value", "unit", "as_printed", "period", "period_from"),
            *("period_to", "kind", "province", "state", *FACT_FIELDS, "url"),
        )


class PlanSerializer(SourcedSerializer):
    """A plan as it was known on the day: of one that was issued or looked up later, only policy and province."""

    ALWAYS: ClassVar = {"id", "policy", "province", "status", "url", "revision"}

    name = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(source="status_then", choices=PlanStatus.choices)
    confidence = serializers.ChoiceField(choices=Confidence.choices, allow_null=True)
    unverified = serializers.BooleanField(allow_null=True)

    class Meta:
        model = ProvincialPlan
        fields = (
            *("id", "policy", "province", "status", "name", "title_en", "title_zh", "doc_number"),
            *("issued_on", "issued_precision", "published_on", "known_issued_by", "issuing_bodies_count"),
            *("searched_on", "searched_where", *FACT_FIELDS, "url"),
        )

    def hidden_fields(self, record: Any) -> Collection[str]:
        return () if record.status_then == record.status else self.fields.keys() - self.ALWAYS


# -- rollout -------------------------------------------------------------------------------------------


class ProvinceRolloutSerializer(serializers.Serializer):
    province = RelatedBySlug(help_text="A province of the roster.")
    region = serializers.ChoiceField(Region.choices, source="province.region", help_text="The region that it lies in.")
    status = serializers.ChoiceField(PlanStatus.choices, help_text="What is known of its plan on the day.")
    issued_on = DateValueField(
        source="issued.on", help_text="Day of issue; its precision says how exactly it is known."
    )
    precision = serializers.CharField(
        source="issued.precision", allow_null=True, help_text="day, month or year; null without a day of issue."
    )
    known_by = DateValueField(help_text="The day by which the plan is known to exist.")
    lag_days = serializers.IntegerField(
        allow_null=True, help_text="Days from lag_from to the day of issue, where both are known exactly."
    )


class RegionRolloutSerializer(serializers.Serializer):
    region = serializers.ChoiceField(Region.choices, help_text="A region of the roster.")
    label = serializers.CharField()  # type: ignore[assignment]
    roster = serializers.IntegerField(help_text="Its provinces: the denominator.")
    issued = serializers.IntegerField(help_text="Those whose plan is issued and known by the day.")
    share = serializers.FloatField(allow_null=True, help_text="issued of roster, as a fraction.")
    dated = serializers.IntegerField(help_text="Those of them whose day of issue is known exactly.")
    median_lag_days = NumberField(help_text="Median of the lags of dated plans.")


class StepSerializer(serializers.Serializer):
    date = DateValueField(allow_null=False, help_text="The day from which the number holds.")
    issued = serializers.IntegerField(help_text="How many plans count as issued from then on.")


class RolloutNumbersSerializer(serializers.Serializer):
    """How far a policy has been taken up, in numbers. `issued` is null for a policy that calls for no plans."""

    policy = RelatedBySlug(help_text="The policy that is rolled out.")
    as_of = DateValueField(allow_null=False)
    known = KnownField()
    roster = serializers.IntegerField(help_text="Provinces that the programme covers: the denominator.")
    issued = serializers.IntegerField(
        allow_null=True,
        help_text="Those whose plan is issued and known by the day; null for a policy that calls for no plans.",
    )
    share = serializers.FloatField(allow_null=True, help_text="issued of roster, as a fraction.")
    dated = serializers.IntegerField(allow_null=True, help_text="Those of them whose day of issue is known exactly.")
    known_by = serializers.IntegerField(
        allow_null=True, help_text="Those of them that are only known to exist by a day."
    )
    inferred = serializers.IntegerField(allow_null=True, help_text="Those of them only inferred from other documents.")
    lag_from = DateValueField(source="origin", help_text="The day from which lags are counted.")
    median_lag_days = NumberField(help_text="Median of the lags of dated plans.")
    p90_lag_days = NumberField(help_text="The lag within which nine of ten dated plans came.")


class RolloutSerializer(RolloutNumbersSerializer):
    """How far a policy has been taken up: in numbers, by region, day by day, province by province."""

    followers = RelatedBySlug(many=True, help_text="National policies that carry it out.")
    by_region = RegionRolloutSerializer(many=True, help_text="The same by region.")
    series = StepSerializer(many=True, help_text="How many plans counted as issued, by the day on which that changed.")
    dated_series = StepSerializer(many=True, help_text="The same for plans with an exact day of issue alone.")
    provinces = ProvinceRolloutSerializer(many=True, help_text="Every province of the roster, with or without a plan.")
