"""Serializers of policies: fields only, no arithmetic."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.api.serializers import (
    LINK_SERIALIZERS,
    KnownField,
    ReadOnlyModelSerializer,
    RecordSerializer,
    RelatedSerializer,
    api_url,
)
from core.api.value_serializer import ValueField, ValueSerializer
from policies.analytics.rollout import ProvinceRollout, RegionRollout, Rollout
from policies.metrics import Step
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


class SourceLinkSerializer(RelatedSerializer, ReadOnlyModelSerializer):
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

    def get_url(self, source: Source) -> str:
        return api_url(source, self.context["request"])


class DivisionLinkSerializer(ReadOnlyModelSerializer):
    """A division of GB/T 4754."""

    class Meta:
        model = Division
        fields = ("code", "name")
        read_only_fields = fields


LINK_SERIALIZERS |= {Source: SourceLinkSerializer, Division: DivisionLinkSerializer}


class SourceSerializer(RecordSerializer):
    address = serializers.URLField(
        source="url",
        read_only=True,
        allow_null=True,
        help_text=_("Where the document itself stands; null where that is not public."),
    )
    url = serializers.SerializerMethodField()

    class Meta:
        model = Source
        fields = ("id", "title", "publisher", "published_on", "address", "reliability", *NOTE_FIELDS, "url")
        read_only_fields = fields


class ProvinceSerializer(RecordSerializer):
    class Meta:
        model = Province
        fields = (
            *("slug", "name", "name_en", "name_zh", "short_en", "short_zh", "gb_code", "iso_code", "kind", "region"),
            *("tile_col", "tile_row", "in_roster", *FACT_FIELDS, "url", "page"),
        )
        read_only_fields = fields


class AgencySerializer(RecordSerializer):
    class Meta:
        model = Agency
        fields = ("slug", "name", "name_en", "name_zh", *NOTE_FIELDS, "url")
        read_only_fields = fields


class IndustrySerializer(RecordSerializer):
    priority = serializers.BooleanField(
        read_only=True,
        help_text=_(
            "Whether national policy singles it out: named in the batch notice, or an ultra-low emission sector."
        ),
    )

    class Meta:
        model = Industry
        fields = (
            *("slug", "name", "name_en", "name_zh", "divisions", "named_in_batch_notice", "ultra_low_emission"),
            *("priority", *FACT_FIELDS, "url", "page"),
        )
        read_only_fields = fields


class PolicySerializer(RecordSerializer):
    class Meta:
        model = Policy
        fields = (
            *("slug", "name", "title_en", "title_zh", "short_name_en", "short_name_zh", "kind", "doc_number", "level"),
            *("province", "parent", "agencies", "issued_on", "issued_precision", "published_on", "known_issued_by"),
            *("calls_for_provincial_plan", "is_lead", *FACT_FIELDS, "url", "page"),
        )
        read_only_fields = fields


class MeasureSerializer(RecordSerializer):
    class Meta:
        model = Measure
        fields = ("slug", "name", "title_en", "title_zh", "field", "industries", "policies", *FACT_FIELDS, "url")
        read_only_fields = fields


class FigureSerializer(RecordSerializer):
    period = serializers.CharField(
        read_only=True, allow_null=True, help_text=_("The period that it speaks of, in words of its own: 2020-2025.")
    )

    class Meta:
        model = Figure
        fields = (
            *("slug", "name", "name_en", "name_zh", "value", "unit", "as_printed", "period", "period_from"),
            *("period_to", "kind", "province", "state", *FACT_FIELDS, "url"),
        )
        read_only_fields = fields


class PlanSerializer(RecordSerializer):
    """A plan as it was known on the day: of one that was issued or looked up later, only policy and province."""

    ALWAYS = ("id", "policy", "province", "status", "url", "revision")

    name = serializers.CharField(read_only=True, allow_null=True)
    status = serializers.ChoiceField(source="status_then", choices=PlanStatus.choices, read_only=True)
    confidence = serializers.ChoiceField(choices=Confidence.choices, read_only=True, allow_null=True)
    unverified = serializers.BooleanField(read_only=True, allow_null=True)

    class Meta:
        model = ProvincialPlan
        fields = (
            *("id", "policy", "province", "status", "name", "title_en", "title_zh", "doc_number"),
            *("issued_on", "issued_precision", "published_on", "known_issued_by", "issuing_bodies_count"),
            *("searched_on", "searched_where", *FACT_FIELDS, "url"),
        )
        read_only_fields = fields

    def to_representation(self, instance: Any) -> Any:
        row = super().to_representation(instance)
        if instance.status_then == instance.status:
            return row
        return {key: value if key in self.ALWAYS else [] if key == "sources" else None for key, value in row.items()}


# -- rollout -------------------------------------------------------------------------------------------


class ProvinceRolloutSerializer(ValueSerializer):
    value_type = ProvinceRollout
    value_fields = {
        "province": _("A province of the roster."),
        "region": ValueField(_("The region that it lies in."), "province.region", Region),
        "status": _("What is known of its plan on the day."),
        "issued_on": ValueField(_("Day of issue; its precision says how exactly it is known."), "issued.on"),
        "precision": ValueField(_("day, month or year; null without a day of issue."), "issued.precision", str | None),
        "known_by": _("The day by which the plan is known to exist."),
        "lag_days": _("Days from lag_from to the day of issue, where both are known exactly."),
    }


class RegionRolloutSerializer(ValueSerializer):
    value_type = RegionRollout
    value_fields = {
        "region": _("A region of the roster."),
        "label": "",
        "roster": _("Its provinces: the denominator."),
        "issued": _("Those whose plan is issued and known by the day."),
        "share": _("issued of roster, as a fraction."),
        "dated": _("Those of them whose day of issue is known exactly."),
        "median_lag_days": ValueField(_("Median of the lags of dated plans."), type=Decimal | None),
    }


class StepSerializer(ValueSerializer):
    value_type = Step
    value_fields = {
        "date": _("The day from which the number holds."),
        "issued": _("How many plans count as issued from then on."),
    }


class RolloutNumbersSerializer(ValueSerializer):
    """How far a policy has been taken up, in numbers. `issued` is null for a policy that calls for no plans."""

    value_type = Rollout
    value_fields = {
        "policy": _("The policy that is rolled out."),
        "as_of": "",
        "known": KnownField(),
        "roster": _("Provinces that the programme covers: the denominator."),
        "issued": _("Those whose plan is issued and known by the day; null for a policy that calls for no plans."),
        "share": _("issued of roster, as a fraction."),
        "dated": _("Those of them whose day of issue is known exactly."),
        "known_by": _("Those of them that are only known to exist by a day."),
        "lag_from": ValueField(_("The day from which lags are counted."), "origin"),
        "median_lag_days": ValueField(_("Median of the lags of dated plans."), type=Decimal | None),
        "p90_lag_days": ValueField(_("The lag within which nine of ten dated plans came."), type=Decimal | None),
    }


class RolloutSerializer(RolloutNumbersSerializer):
    """How far a policy has been taken up: in numbers, by region, day by day, province by province."""

    value_type = Rollout
    value_fields = {
        **RolloutNumbersSerializer.value_fields,
        "followers": _("National policies that carry it out."),
        "by_region": _("The same by region."),
        "series": _("How many plans counted as issued, by the day on which that changed."),
        "dated_series": _("The same for plans with an exact day of issue alone."),
        "provinces": _("Every province of the roster, with or without a plan."),
    }
