"""The face of the policies' records in the API: fields only, no arithmetic."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from config.reads import reads
from config.serializers import Day, Face, Link, Number, Plain, Remembered, api_address
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

NOTES = ("note", "note_en", "note_zh")
FACT = ("confidence", "unverified", *NOTES, "sources")


class SourceLink(Remembered, Plain):
    """A source as other records cite it: `url` leads to its record, `address` to the document itself."""

    url = serializers.SerializerMethodField()
    address = serializers.URLField(
        source="url",
        read_only=True,
        allow_null=True,
        help_text=_("Where the document itself stands; null where that is not public."),
    )

    class Meta:
        model = Source
        fields = ("id", "title", "url", "address")
        read_only_fields = fields

    @reads()
    def get_url(self, source: Source) -> str:
        return api_address(source, self.context["request"])


class DivisionLink(Plain):
    """A division of GB/T 4754."""

    name = serializers.CharField(read_only=True)

    class Meta:
        model = Division
        fields = ("code", "name")
        read_only_fields = fields


class SourceSerializer(Face):
    address = serializers.URLField(
        source="url",
        read_only=True,
        allow_null=True,
        help_text=_("Where the document itself stands; null where that is not public."),
    )
    url = serializers.SerializerMethodField()

    class Meta:
        model = Source
        fields = ("id", "title", "publisher", "published_on", "address", "reliability", *NOTES, "url")
        read_only_fields = fields


class ProvinceSerializer(Face):
    name = serializers.CharField(read_only=True)
    sources = SourceLink(many=True, read_only=True)

    class Meta:
        model = Province
        fields = (
            *("slug", "name", "name_en", "name_zh", "short_en", "short_zh", "gb_code", "iso_code", "kind", "region"),
            *("tile_col", "tile_row", "in_roster", *FACT, "url", "page"),
        )
        read_only_fields = fields


class AgencySerializer(Face):
    name = serializers.CharField(read_only=True)

    class Meta:
        model = Agency
        fields = ("slug", "name", "name_en", "name_zh", *NOTES, "url")
        read_only_fields = fields


class IndustrySerializer(Face):
    name = serializers.CharField(read_only=True)
    divisions = DivisionLink(many=True, read_only=True)
    priority = serializers.BooleanField(
        read_only=True,
        help_text=_(
            "Whether national policy singles it out: named in the batch notice, or an ultra-low emission sector."
        ),
    )
    sources = SourceLink(many=True, read_only=True)

    class Meta:
        model = Industry
        fields = (
            *("slug", "name", "name_en", "name_zh", "divisions", "named_in_batch_notice", "ultra_low_emission"),
            *("priority", *FACT, "url", "page"),
        )
        read_only_fields = fields


class PolicySerializer(Face):
    name = serializers.CharField(read_only=True)
    province = Link(read_only=True, allow_null=True)
    parent = Link(read_only=True, allow_null=True)
    agencies = Link(many=True, read_only=True)
    sources = SourceLink(many=True, read_only=True)

    class Meta:
        model = Policy
        fields = (
            *("slug", "name", "title_en", "title_zh", "short_name_en", "short_name_zh", "kind", "doc_number", "level"),
            *("province", "parent", "agencies", "issued_on", "issued_precision", "published_on", "known_issued_by"),
            *("calls_for_provincial_plan", "is_lead", *FACT, "url", "page"),
        )
        read_only_fields = fields


class MeasureSerializer(Face):
    name = serializers.CharField(read_only=True)
    industries = Link(many=True, read_only=True)
    policies = Link(many=True, read_only=True)
    sources = SourceLink(many=True, read_only=True)

    class Meta:
        model = Measure
        fields = ("slug", "name", "title_en", "title_zh", "field", "industries", "policies", *FACT, "url")
        read_only_fields = fields


class FigureSerializer(Face):
    name = serializers.CharField(read_only=True)
    value = Number(allow_null=False)
    period = serializers.CharField(
        read_only=True, allow_null=True, help_text=_("The period that it speaks of, in words of its own: 2020-2025.")
    )
    province = Link(read_only=True, allow_null=True)
    sources = SourceLink(many=True, read_only=True)

    class Meta:
        model = Figure
        fields = (
            *("slug", "name", "name_en", "name_zh", "value", "unit", "as_printed", "period", "period_from"),
            *("period_to", "kind", "province", "state", *FACT, "url"),
        )
        read_only_fields = fields


class PlanSerializer(Face):
    """A plan as it was known on the day: of one that was issued or looked up later, only policy and province."""

    ALWAYS = ("id", "policy", "province", "status", "url", "revision")

    policy = Link(read_only=True)
    province = Link(read_only=True)
    name = serializers.CharField(read_only=True, allow_null=True)
    status = serializers.ChoiceField(source="status_then", choices=PlanStatus.choices, read_only=True)
    confidence = serializers.ChoiceField(choices=Confidence.choices, read_only=True, allow_null=True)
    unverified = serializers.BooleanField(read_only=True, allow_null=True)
    sources = SourceLink(many=True, read_only=True)

    class Meta:
        model = ProvincialPlan
        fields = (
            *("id", "policy", "province", "status", "name", "title_en", "title_zh", "doc_number"),
            *("issued_on", "issued_precision", "published_on", "known_issued_by", "issuing_bodies_count"),
            *("searched_on", "searched_where", *FACT, "url"),
        )
        read_only_fields = fields

    @reads("status", "status_then")
    def to_representation(self, instance: Any) -> Any:
        row = super().to_representation(instance)
        if instance.status_then == instance.status:
            return row
        return {key: value if key in self.ALWAYS else [] if key == "sources" else None for key, value in row.items()}


# -- rollout -------------------------------------------------------------------------------------------


class ProvinceRolloutSerializer(serializers.Serializer):
    province = Link(read_only=True, help_text=_("A province of the roster."))
    region = serializers.ChoiceField(
        source="province.region", choices=Region.choices, read_only=True, help_text=_("The region that it lies in.")
    )
    status = serializers.ChoiceField(
        choices=PlanStatus.choices, read_only=True, help_text=_("What is known of its plan on the day.")
    )
    issued_on = Day(source="issued.on", help_text=_("Day of issue; its precision says how exactly it is known."))
    precision = serializers.CharField(
        source="issued.precision",
        read_only=True,
        allow_null=True,
        help_text=_("day, month or year; null without a day of issue."),
    )
    known_by = Day(help_text=_("The day by which the plan is known to exist."))
    lag_days = serializers.IntegerField(
        read_only=True,
        allow_null=True,
        help_text=_("Days from lag_from to the day of issue, where both are known exactly."),
    )


class RegionRolloutSerializer(serializers.Serializer):
    region = serializers.ChoiceField(choices=Region.choices, read_only=True, help_text=_("A region of the roster."))
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    roster = serializers.IntegerField(read_only=True, help_text=_("Its provinces: the denominator."))
    issued = serializers.IntegerField(read_only=True, help_text=_("Those whose plan is issued and known by the day."))
    share = serializers.FloatField(read_only=True, allow_null=True, help_text=_("issued of roster, as a fraction."))
    dated = serializers.IntegerField(read_only=True, help_text=_("Those of them whose day of issue is known exactly."))
    median_lag_days = Number(help_text=_("Median of the lags of dated plans."))


class StepSerializer(serializers.Serializer):
    date = Day(allow_null=False, help_text=_("The day from which the number holds."))
    issued = serializers.IntegerField(read_only=True, help_text=_("How many plans count as issued from then on."))


class RolloutNumbers(serializers.Serializer):
    """How far a policy has been taken up, in numbers. `issued` is null for a policy that calls for no plans."""

    policy = Link(read_only=True, help_text=_("The policy that is rolled out."))
    as_of = Day(allow_null=False)
    roster = serializers.IntegerField(
        read_only=True, help_text=_("Provinces that the programme covers: the denominator.")
    )
    issued = serializers.IntegerField(
        read_only=True,
        allow_null=True,
        help_text=_("Those whose plan is issued and known by the day; null for a policy that calls for no plans."),
    )
    share = serializers.FloatField(read_only=True, allow_null=True, help_text=_("issued of roster, as a fraction."))
    dated = serializers.IntegerField(
        read_only=True, allow_null=True, help_text=_("Those of them whose day of issue is known exactly.")
    )
    known_by = serializers.IntegerField(
        read_only=True, allow_null=True, help_text=_("Those of them that are only known to exist by a day.")
    )
    lag_from = Day(source="origin", help_text=_("The day from which lags are counted."))
    median_lag_days = Number(help_text=_("Median of the lags of dated plans."))
    p90_lag_days = Number(help_text=_("The lag within which nine of ten dated plans came."))


class RolloutSerializer(RolloutNumbers):
    """How far a policy has been taken up: in numbers, by region, day by day, province by province."""

    followers = Link(many=True, read_only=True, help_text=_("National policies that carry it out."))
    by_region = RegionRolloutSerializer(many=True, read_only=True, help_text=_("The same by region."))
    series = StepSerializer(
        many=True, read_only=True, help_text=_("How many plans counted as issued, by the day on which that changed.")
    )
    dated_series = StepSerializer(
        many=True, read_only=True, help_text=_("The same for plans with an exact day of issue alone.")
    )
    provinces = ProvinceRolloutSerializer(
        many=True, read_only=True, help_text=_("Every province of the roster, with or without a plan.")
    )
