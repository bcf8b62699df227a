"""The face of the pilots' records in the API: fields only, no arithmetic."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.serializers import Day, Face, Link
from pilots.coverage import AXES, Coverage, Matrix
from pilots.models import Batch, Pilot, PilotKind
from policies.models import Field, Level
from policies.serializers import FACT, RolloutNumbers, SourceLink


class CountSerializer(serializers.Serializer):
    """Announced against recorded. `announced` and `to_enter` are null where no number was announced."""

    announced = serializers.IntegerField(read_only=True, allow_null=True)
    recorded = serializers.IntegerField(read_only=True)
    firm = serializers.IntegerField(read_only=True)
    unverified = serializers.IntegerField(read_only=True)
    to_enter = serializers.IntegerField(read_only=True, allow_null=True)
    surplus = serializers.IntegerField(read_only=True)


class KindCountSerializer(serializers.Serializer):
    """Announced against recorded, for one kind of pilot."""

    kind = serializers.ChoiceField(choices=PilotKind.choices, read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    announced = serializers.IntegerField(source="numbers.announced", read_only=True, allow_null=True)
    recorded = serializers.IntegerField(source="numbers.recorded", read_only=True)
    firm = serializers.IntegerField(source="numbers.firm", read_only=True)
    unverified = serializers.IntegerField(source="numbers.unverified", read_only=True)
    to_enter = serializers.IntegerField(source="numbers.to_enter", read_only=True, allow_null=True)
    surplus = serializers.IntegerField(source="numbers.surplus", read_only=True)


class BatchKindSerializer(KindCountSerializer):
    """One line of the overview's file: a batch and a kind of pilot."""

    batch = Link(read_only=True)

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        return {"batch": fields.pop("batch"), **fields}


class BatchCountSerializer(serializers.Serializer):
    """Announced against recorded, for one batch."""

    batch = Link(read_only=True)
    level = serializers.ChoiceField(source="batch.level", choices=Level.choices, read_only=True)
    kinds = KindCountSerializer(many=True, read_only=True)
    total = CountSerializer(read_only=True)


class BatchSerializer(Face):
    name = serializers.CharField(read_only=True)
    province = Link(read_only=True, allow_null=True)
    policy = Link(read_only=True, allow_null=True)
    kinds = serializers.SerializerMethodField()
    sources = SourceLink(many=True, read_only=True)

    class Meta:
        model = Batch
        fields = (
            *("slug", "name", "title_en", "title_zh", "level", "province", "policy", "announced_on", "known_by"),
            *("term_start", "term_end", "city_count", "county_count", "park_count", "enterprise_count"),
            *("kinds", *FACT, "url"),
        )
        read_only_fields = fields

    @extend_schema_field(KindCountSerializer(many=True))
    def get_kinds(self, batch: Batch) -> Any:
        """Announced against recorded on the day, by kind of pilot."""
        return KindCountSerializer(self.context["view"].counts[batch.pk].kinds, many=True).data


class PilotSerializer(Face):
    name = serializers.CharField(read_only=True)
    batch = Link(read_only=True)
    province = Link(read_only=True)
    parent = Link(read_only=True, allow_null=True)
    industries = Link(many=True, read_only=True)
    sources = SourceLink(many=True, read_only=True)

    class Meta:
        model = Pilot
        fields = (
            *("slug", "name", "name_en", "name_zh", "kind", "batch", "province", "prefecture_code", "prefecture_zh"),
            *("county_code", "parent", "city_type", "industries", "term_start", "term_end", "withdrawn_on"),
            *(*FACT, "url", "page"),
        )
        read_only_fields = fields


# -- coverage ------------------------------------------------------------------------------------------


class IndustryCoverageSerializer(serializers.Serializer):
    industry = Link(read_only=True)
    pilots = serializers.IntegerField(read_only=True)
    provinces = serializers.IntegerField(read_only=True)
    roster = serializers.IntegerField(read_only=True)
    share = serializers.FloatField(read_only=True, allow_null=True)
    priority = serializers.BooleanField(source="industry.priority", read_only=True)
    gap = serializers.BooleanField(read_only=True)


class FieldCoverageSerializer(serializers.Serializer):
    field = serializers.ChoiceField(choices=Field.choices, read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    measures = Link(many=True, read_only=True)
    industries = Link(many=True, read_only=True)
    pilots = serializers.IntegerField(read_only=True)
    provinces = serializers.IntegerField(read_only=True)
    roster = serializers.IntegerField(read_only=True)
    share = serializers.FloatField(read_only=True, allow_null=True)


class PlaceSerializer(serializers.Serializer):
    """A column of the matrix: a region or a province of the roster."""

    code = serializers.CharField(read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]


class MatrixSerializer(serializers.Serializer):
    """Pilots by industry (rows) and place (columns): cells[row][column]."""

    rows = Link(many=True, read_only=True)
    columns = serializers.SerializerMethodField()
    cells = serializers.ListField(child=serializers.ListField(child=serializers.IntegerField()), read_only=True)

    @extend_schema_field(PlaceSerializer(many=True))
    def get_columns(self, matrix: Matrix) -> list[dict[str, str]]:
        return [{"code": code, "label": label} for code, label in matrix.columns]


class CoverageNumbers(serializers.Serializer):
    """The coverage of industries in numbers. A pilot may name several industries; `naming` pilots name at least one."""

    as_of = Day(allow_null=False)
    pilots = serializers.IntegerField(read_only=True)
    naming = serializers.IntegerField(read_only=True)
    roster = serializers.IntegerField(read_only=True)
    covered = serializers.IntegerField(read_only=True)
    priorities = serializers.IntegerField(read_only=True)
    gaps = serializers.SerializerMethodField()

    @extend_schema_field(Link(many=True))
    def get_gaps(self, coverage: Coverage) -> Any:
        """Industries that national policy singles out and no recorded pilot names."""
        return Link([row.industry for row in coverage.gaps], many=True, context=self.context).data


class CoverageSerializer(CoverageNumbers):
    """Which industries the pilots try and which nobody does."""

    by = serializers.SerializerMethodField()
    batches = serializers.SerializerMethodField()
    industries = IndustryCoverageSerializer(many=True, read_only=True)
    fields = FieldCoverageSerializer(many=True, read_only=True)  # type: ignore[assignment]
    matrix = MatrixSerializer(read_only=True)

    @extend_schema_field(serializers.ChoiceField(choices=AXES))
    def get_by(self, coverage: Coverage) -> str:
        """What the matrix's columns are."""
        by: str = self.context["view"].by
        return by

    @extend_schema_field(BatchCountSerializer(many=True))
    def get_batches(self, coverage: Coverage) -> Any:
        """Announced against recorded for the batches counted here."""
        return BatchCountSerializer(self.context["view"].batches, many=True, context=self.context).data


# -- overview ------------------------------------------------------------------------------------------


class ProvincePilotsSerializer(serializers.Serializer):
    province = Link(read_only=True)
    pilots = serializers.IntegerField(read_only=True)


class OverviewSerializer(serializers.Serializer):
    """The programme on one day. `national` is the latest national batch; `days_left` runs to the end of its term."""

    as_of = Day(allow_null=False)
    rollout = RolloutNumbers(read_only=True, allow_null=True)
    national = BatchCountSerializer(read_only=True, allow_null=True)
    cities = CountSerializer(read_only=True)
    parks = CountSerializer(read_only=True)
    days_left = serializers.IntegerField(read_only=True, allow_null=True)
    batches = BatchCountSerializer(many=True, read_only=True)
    coverage = CoverageNumbers(read_only=True)
    provinces = ProvincePilotsSerializer(many=True, read_only=True)
