"""The face of the pilots' records in the API: fields only, no arithmetic."""

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.serializers import CodeLink, CodeText, Day, Face, Link, Number, Ratio
from pilots.coverage import AXES, Coverage, Matrix
from pilots.metrics import ORDERED, RULE_PILOT, Band, CoControl, Elasticity, Funnel
from pilots.models import (
    Batch,
    Colour,
    Indicator,
    Milestone,
    Pilot,
    PilotKind,
    Reading,
    ReadingState,
    Stage,
    StageEntry,
    Target,
    TargetKind,
    TargetStep,
)
from pilots.progress import PilotStatus, Progress
from pilots.sentences import Sentence, no_elasticity, shown
from pilots.synergy import Basis, PilotSynergy, Synergy
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
    stage = serializers.ChoiceField(
        source="status.position.stage", choices=Stage.choices, read_only=True, allow_null=True
    )
    days_in_stage = serializers.IntegerField(source="status.days_in_stage", read_only=True, allow_null=True)
    light = serializers.ChoiceField(source="status.colour", choices=Colour.choices, read_only=True)
    sources = SourceLink(many=True, read_only=True)

    class Meta:
        model = Pilot
        fields = (
            *("slug", "name", "name_en", "name_zh", "kind", "batch", "province", "prefecture_code", "prefecture_zh"),
            *("county_code", "parent", "city_type", "industries", "term_start", "term_end", "withdrawn_on"),
            *("stage", "days_in_stage", "light"),
            *(*FACT, "url", "page"),
        )
        read_only_fields = fields


# -- what belongs to a pilot -----------------------------------------------------------------------------


class Happening(Face):
    """Something planned that may have happened: what is said of a day after the one asked reads null, or empty."""

    HAPPENED: ClassVar[str]  # the day on which it happened, null until then
    AFTER: ClassVar[tuple[str, ...]]  # what is only known from then on

    def to_representation(self, instance: Any) -> Any:
        row: Mapping[str, Any] = super().to_representation(instance)
        if getattr(instance, self.HAPPENED) is not None:
            return row
        return {key: without(value) if key in self.AFTER else value for key, value in row.items()}


def without(value: Any) -> Any:
    return [] if isinstance(value, list) else None


class StageSerializer(Happening):
    HAPPENED, AFTER = "entered_then", ("evidence", "reason", "note", "sources")

    pilot = Link(read_only=True)
    entered_on = Day(source="entered_then")
    sources = SourceLink(many=True, read_only=True)

    class Meta:
        model = StageEntry
        fields = ("id", "pilot", "stage", "planned_on", "entered_on", "evidence", "reason", *FACT, "url")
        read_only_fields = fields


class MilestoneSerializer(Happening):
    HAPPENED, AFTER = "completed_then", ("evidence",)

    pilot = Link(read_only=True)
    title = serializers.CharField(read_only=True)
    completed_on = Day(source="completed_then")
    done = serializers.BooleanField(source="status.done", read_only=True)
    light = serializers.ChoiceField(source="status.light.colour", choices=Colour.choices, read_only=True)
    why = CodeText(source="status.light.why", read_only=True)
    delay_days = serializers.IntegerField(source="status.light.delay", read_only=True, allow_null=True)
    sources = SourceLink(many=True, read_only=True)

    class Meta:
        model = Milestone
        fields = (
            *("id", "pilot", "facet", "title", "title_en", "title_zh", "owner", "planned_on", "completed_on"),
            *("weight", "is_key", "evidence", "done", "light", "why", "delay_days", *FACT, "url"),
        )
        read_only_fields = fields


class IndicatorSerializer(Face):
    name = serializers.CharField(read_only=True)
    equivalent_kg = Number()

    class Meta:
        model = Indicator
        fields = (
            *("code", "name", "name_en", "name_zh", "unit", "unit_zh", "kind", "direction", "binding"),
            *("accumulation", "rollup", "equivalent_kg", "may_enter_synergy", "note", "url"),
        )
        read_only_fields = fields


class StepOfTargetSerializer(serializers.ModelSerializer):
    """A value that a target names for a year before the last."""

    value = Number(allow_null=False)

    class Meta:
        model = TargetStep
        fields = ("year", "value")
        read_only_fields = fields


class TargetSerializer(Face):
    pilot = Link(read_only=True)
    indicator = CodeLink(read_only=True)
    base_value = Number()
    target_value = Number()
    done_on = Day(source="done_then")
    steps = StepOfTargetSerializer(many=True, read_only=True)
    sources = SourceLink(many=True, read_only=True)

    class Meta:
        model = Target
        fields = (
            *("id", "pilot", "indicator", "kind", "base_year", "base_value", "target_year", "target_value"),
            *("target_text", "done_on", "steps", "binding", *FACT, "url"),
        )
        read_only_fields = fields


class ReadingSerializer(Face):
    """A version of a value as it stood on the day: accepted later, it was only reported then."""

    pilot = Link(read_only=True)
    indicator = CodeLink(read_only=True)
    value = Number(allow_null=False)
    state = serializers.ChoiceField(source="state_then", choices=ReadingState.choices, read_only=True)
    accepted_on = Day(source="accepted_then")
    sources = SourceLink(many=True, read_only=True)

    class Meta:
        model = Reading
        fields = (
            *("id", "pilot", "indicator", "period", "value", "value_status", "version", "state", "reported_on"),
            *("accepted_on", *FACT, "url"),
        )
        read_only_fields = fields


# -- progress ----------------------------------------------------------------------------------------------


class ReasonSerializer(serializers.Serializer):
    """One reason of a light: a stable code, a sentence in the reader's language, the page of the item."""

    code = serializers.CharField(read_only=True)
    text = serializers.CharField(read_only=True)
    url = serializers.SerializerMethodField()

    def get_url(self, reason: Sentence) -> str:
        return str(self.context["request"].build_absolute_uri(reason.url))


class OverrideSerializer(serializers.Serializer):
    """A light set by hand: from `expires_on` on the computed one counts again."""

    colour = serializers.ChoiceField(choices=Colour.choices, read_only=True)
    reason = serializers.CharField(read_only=True)
    author = serializers.CharField(source="author.username", read_only=True)
    set_on = Day(allow_null=False)
    expires_on = Day(allow_null=False)


class LightSerializer(serializers.Serializer):
    """A pilot's light. `colour` is the one shown: the computed one unless one set by hand is in force."""

    colour = serializers.ChoiceField(choices=Colour.choices, read_only=True)
    since = Day()
    rule = serializers.SerializerMethodField()
    reasons = serializers.SerializerMethodField()
    computed = serializers.ChoiceField(source="light.colour", choices=Colour.choices, read_only=True)
    override = OverrideSerializer(read_only=True, allow_null=True)

    def get_rule(self, status: PilotStatus) -> str:
        """The rule of the computed light, with its version."""
        return RULE_PILOT

    @extend_schema_field(ReasonSerializer(many=True))
    def get_reasons(self, status: PilotStatus) -> Any:
        """Why, worst first; a light set by hand says so before the reasons of the computed one."""
        return ReasonSerializer(shown(status), many=True, context=self.context).data


class MilestoneCountsSerializer(serializers.Serializer):
    done = serializers.IntegerField(read_only=True)
    due = serializers.IntegerField(read_only=True)
    late = serializers.IntegerField(read_only=True)
    total = serializers.IntegerField(read_only=True)


class IndicatorProgressSerializer(serializers.Serializer):
    """A target on the day, beside the accepted value of the last period due: `period` is the year it speaks of."""

    indicator = CodeLink(source="target.indicator", read_only=True)
    kind = serializers.ChoiceField(source="target.kind", choices=TargetKind.choices, read_only=True)
    binding = serializers.BooleanField(source="target.binding", read_only=True)
    base = Number(source="target.base_value")
    actual = Number(source="reading.value")
    target = Number(source="target.target_value")
    period = serializers.CharField(source="year", read_only=True)
    progress = Ratio(source="light.progress")
    expected_share = Ratio(source="light.share")
    expected_value = Number(source="light.expected")
    shortfall = Ratio(source="light.shortfall")
    light = serializers.ChoiceField(source="light.colour", choices=Colour.choices, read_only=True)
    why = CodeText(source="light.why", read_only=True)


class SpanSerializer(serializers.Serializer):
    """Days from one stage to another; so far, where it is not done."""

    days = serializers.IntegerField(read_only=True)
    done = serializers.BooleanField(read_only=True)


class PilotProgressSerializer(serializers.Serializer):
    """How far one pilot has come."""

    pilot = Link(read_only=True)
    stage = serializers.ChoiceField(source="position.stage", choices=Stage.choices, read_only=True, allow_null=True)
    days_in_stage = serializers.IntegerField(read_only=True, allow_null=True)
    list_to_plan = SpanSerializer(read_only=True, allow_null=True)
    light = LightSerializer(source="*", read_only=True)
    milestones = MilestoneCountsSerializer(source="counts", read_only=True)
    indicators = IndicatorProgressSerializer(many=True, read_only=True)


class FunnelStepSerializer(serializers.Serializer):
    """How many of the pilots stand in a stage or past it."""

    stage = serializers.ChoiceField(choices=[(stage.value, stage.label) for stage in ORDERED], read_only=True)
    reached = serializers.IntegerField(read_only=True)
    of = serializers.IntegerField(read_only=True)


class KindFunnelSerializer(serializers.Serializer):
    """The funnel of one kind of pilot."""

    kind = serializers.ChoiceField(choices=PilotKind.choices, read_only=True)
    funnel = FunnelStepSerializer(many=True, read_only=True)


def funnel_steps(funnel: Funnel) -> list[dict[str, Any]]:
    return [{"stage": stage.value, "reached": reached, "of": funnel.n} for stage, reached in funnel.reached.items()]


class StripSerializer(serializers.Serializer):
    """How many pilots show each colour on the day, and did on the last day of the quarter before."""

    now = serializers.DictField(child=serializers.IntegerField(), read_only=True)
    then = serializers.DictField(child=serializers.IntegerField(), read_only=True)
    then_on = Day(allow_null=False)


class ProgressSerializer(serializers.Serializer):
    """How far the pilots have come on the day; `reported` of them have an accepted value for the last period due."""

    as_of = Day(allow_null=False)
    pilots = PilotProgressSerializer(many=True, read_only=True)
    funnel = serializers.SerializerMethodField()
    by_kind = serializers.SerializerMethodField()
    strip = StripSerializer(read_only=True)
    reported = serializers.IntegerField(read_only=True)

    @extend_schema_field(FunnelStepSerializer(many=True))
    def get_funnel(self, progress: Progress) -> Any:
        """Pilots at or past each stage; those that have withdrawn are left out."""
        return funnel_steps(progress.funnel())

    @extend_schema_field(KindFunnelSerializer(many=True))
    def get_by_kind(self, progress: Progress) -> Any:
        """The same for each kind that there is."""
        kinds = {item.pilot.kind for item in progress.pilots}
        return [
            {"kind": kind.value, "funnel": funnel_steps(progress.funnel(kind))} for kind in PilotKind if kind in kinds
        ]


class ProgressRowSerializer(serializers.Serializer):
    """One line of the file: a pilot."""

    pilot = Link(read_only=True)
    kind = serializers.ChoiceField(source="pilot.kind", choices=PilotKind.choices, read_only=True)
    batch = Link(source="pilot.batch", read_only=True)
    province = Link(source="pilot.province", read_only=True)
    stage = serializers.ChoiceField(source="position.stage", choices=Stage.choices, read_only=True, allow_null=True)
    days_in_stage = serializers.IntegerField(read_only=True, allow_null=True)
    list_to_plan_days = serializers.IntegerField(source="list_to_plan.days", read_only=True, allow_null=True)
    plan_issued = serializers.BooleanField(source="list_to_plan.done", read_only=True, allow_null=True)
    light = serializers.ChoiceField(source="colour", choices=Colour.choices, read_only=True)
    since = Day()
    computed = serializers.ChoiceField(source="light.colour", choices=Colour.choices, read_only=True)
    reasons = serializers.SerializerMethodField()
    milestones_done = serializers.IntegerField(source="counts.done", read_only=True)
    milestones_due = serializers.IntegerField(source="counts.due", read_only=True)
    milestones_late = serializers.IntegerField(source="counts.late", read_only=True)
    milestones_total = serializers.IntegerField(source="counts.total", read_only=True)
    reported = serializers.BooleanField(read_only=True)

    def get_reasons(self, status: PilotStatus) -> list[str]:
        return [reason.text for reason in shown(status)]


# -- synergy -----------------------------------------------------------------------------------------------


class EquivalentsSerializer(serializers.Serializer):
    """Air pollutants together, in thousand pollutant equivalents; positive = reduced."""

    base = Number()
    reduced = Number()
    rate = Ratio()


class CarbonSerializer(serializers.Serializer):
    """Carbon in the unit of its indicator; positive = reduced."""

    base = Number()
    reduced = Number(source="reduction.amount")
    rate = Ratio(source="reduction.rate")


class ElasticitySerializer(serializers.Serializer):
    """Cross-elasticity of all air pollutants together to carbon."""

    value = Ratio()
    band = serializers.ChoiceField(choices=Band.choices, read_only=True, allow_null=True)
    note = serializers.SerializerMethodField()

    @extend_schema_field(CodeText(allow_null=True))
    def get_note(self, found: Elasticity) -> Any:
        """Why there is no number; null when there is one."""
        return note_of(found)


def note_of(found: Elasticity) -> dict[str, str] | None:
    note = no_elasticity(found)
    return None if note is None else {"code": note[0], "text": note[1]}


class PilotSynergySerializer(serializers.Serializer):
    """A pilot between its base year and the year asked. Rates are fractions, positive = reduced."""

    pilot = Link(read_only=True)
    base_year = serializers.IntegerField(read_only=True)
    basis = serializers.ChoiceField(choices=Basis.choices, read_only=True)
    rates = serializers.DictField(child=Ratio(), read_only=True)
    apeq = EquivalentsSerializer(read_only=True)
    carbon = CarbonSerializer(read_only=True)
    els = serializers.SerializerMethodField()
    els_notes = serializers.SerializerMethodField()
    bands = serializers.SerializerMethodField()
    els_apeq = ElasticitySerializer(source="elasticity", read_only=True)
    progress_air = Ratio(source="pollution_progress.value")
    progress_carbon = Ratio(source="carbon_progress")
    joint_progress = Ratio()

    def get_fields(self) -> dict[str, Any]:
        """`class` is a word of Python and cannot stand above."""
        fields = super().get_fields()
        word = serializers.ChoiceField(source="kind", choices=CoControl.choices, read_only=True, allow_null=True)
        names = list(fields)
        names.insert(names.index("els"), "class")
        return {name: fields.get(name, word) for name in names}

    @extend_schema_field(serializers.DictField(child=Ratio()))
    def get_els(self, row: PilotSynergy) -> Any:
        """Cross-elasticity of each air pollutant to carbon; null unless both fall."""
        values = {code: found.value for code, found in row.elasticities.items()}
        return serializers.DictField(child=Ratio()).to_representation(values)

    @extend_schema_field(serializers.DictField(child=CodeText(allow_null=True)))
    def get_els_notes(self, row: PilotSynergy) -> Any:
        """Why there is no number, by pollutant; null where there is one."""
        return {code: note_of(found) for code, found in row.elasticities.items()}

    @extend_schema_field(serializers.DictField(child=serializers.ChoiceField(choices=Band.choices, allow_null=True)))
    def get_bands(self, row: PilotSynergy) -> Any:
        """Which of the two falls more, by pollutant."""
        return {code: found.band and found.band.value for code, found in row.elasticities.items()}


class MissingPilotSerializer(serializers.Serializer):
    pilot = Link(read_only=True)
    why = CodeText(read_only=True)


class TotalSerializer(serializers.Serializer):
    """A sum over `n` of the `of` pilots that could bring something; those `within` another pilot are left out."""

    reduced = Number(source="value")
    n = serializers.IntegerField(source="used", read_only=True)
    of = serializers.IntegerField(source="possible", read_only=True)
    within = serializers.ListField(child=serializers.CharField(), read_only=True)


class TotalsSerializer(serializers.Serializer):
    """Reduced together: thousand air pollutant equivalents, and tonnes of CO2."""

    apeq = TotalSerializer(source="apeq_total", read_only=True)
    carbon_tonnes = TotalSerializer(source="carbon_total", read_only=True)


class SynergySerializer(serializers.Serializer):
    """Whether pollution and carbon fall together in a year: `n` of `of` pilots can be judged, the rest is missing."""

    as_of = Day(allow_null=False)
    year = serializers.IntegerField(read_only=True)
    n = serializers.IntegerField(read_only=True)
    of = serializers.IntegerField(read_only=True)
    pilots = PilotSynergySerializer(many=True, read_only=True)
    missing = MissingPilotSerializer(many=True, read_only=True)
    classes = serializers.SerializerMethodField()
    totals = TotalsSerializer(source="*", read_only=True)

    @extend_schema_field(serializers.DictField(child=serializers.IntegerField()))
    def get_classes(self, synergy: Synergy) -> Any:
        """How many pilots are of each class, on total emissions only."""
        return {kind.value: count for kind, count in synergy.kinds.items()}


class SynergyRowSerializer(serializers.Serializer):
    """One line of the file: a pilot, or why it is missing; what is not known stays empty."""

    pilot = Link(read_only=True)
    kind = serializers.ChoiceField(source="pilot.kind", choices=PilotKind.choices, read_only=True)
    province = Link(source="pilot.province", read_only=True)
    missing = serializers.CharField(source="why.value", read_only=True, allow_null=True)
    base_year = serializers.IntegerField(source="found.base_year", read_only=True, allow_null=True)
    basis = serializers.ChoiceField(source="found.basis", choices=Basis.choices, read_only=True, allow_null=True)
    apeq_base = Number(source="found.apeq.base")
    apeq_reduced = Number(source="found.apeq.reduced")
    apeq_rate = Ratio(source="found.apeq.rate")
    carbon_base = Number(source="found.carbon.base")
    carbon_reduced = Number(source="found.carbon.reduction.amount")
    carbon_rate = Ratio(source="found.carbon.reduction.rate")
    rates = serializers.DictField(source="found.rates", child=Ratio(), read_only=True, allow_null=True)
    els_apeq = Ratio(source="found.elasticity.value")
    band = serializers.ChoiceField(
        source="found.elasticity.band", choices=Band.choices, read_only=True, allow_null=True
    )
    progress_air = Ratio(source="found.pollution_progress.value")
    progress_carbon = Ratio(source="found.carbon_progress")
    joint_progress = Ratio(source="found.joint_progress")

    def get_fields(self) -> dict[str, Any]:
        """`class` is a word of Python and cannot stand above."""
        word = serializers.ChoiceField(source="found.kind", choices=CoControl.choices, read_only=True, allow_null=True)
        fields = super().get_fields()
        names = list(fields)
        names.insert(names.index("apeq_base"), "class")
        return {name: fields.get(name, word) for name in names}


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
