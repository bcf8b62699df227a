"""Serializers of pilots: fields only, no arithmetic."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework.exceptions import ErrorDetail
from rest_framework.fields import (
    BooleanField,
    CharField,
    ChoiceField,
    DictField,
    FloatField,
    IntegerField,
    JSONField,
    ListField,
    SerializerMethodField,
)
from rest_framework.serializers import ListSerializer, Serializer, ValidationError

from core.api.pagination import PageSerializer
from core.api.serializers import (
    ChoiceWithLabel,
    DateValueField,
    KnownField,
    NumberField,
    PeopleMixin,
    RatioField,
    ReadOnlyModelSerializer,
    RecordSerializer,
    RelatedByCode,
    RelatedBySlug,
    UsernameField,
)
from core.api.write_serializers import StrictDecimalField, StrictIntegerField, WriteSerializer
from core.http.errors import truncate
from pilots.analytics.coverage import MATRIX_AXES, Coverage
from pilots.analytics.pilot_status import PilotStatus, Progress
from pilots.analytics.replanning import Replanning
from pilots.analytics.synergy import EmissionBasis, PilotSynergy, no_elasticity, pilot_synergy
from pilots.lights import RULE_PILOT, Light
from pilots.metrics.progress import year_due
from pilots.metrics.reduction import CoControl, Elasticity, ElasticityBand
from pilots.metrics.stages import ORDERED_STAGES, StageFunnel
from pilots.models import (
    Batch,
    Colour,
    Indicator,
    LightOverride,
    Milestone,
    Pilot,
    PilotKind,
    Reading,
    ReadingState,
    Replan,
    ReplanState,
    RollUp,
    Stage,
    StageEntry,
    Target,
    TargetKind,
)
from pilots.models.target import steps_as_stored
from policies.api import FACT_FIELDS, NOTE_FIELDS, SourcedSerializer
from policies.models import Field, Level

STAGE_HELP = "The last stage that it had entered by the day; null where none is on record."
DAYS_IN_STAGE_HELP = "Days since it entered that stage."
COLOUR_HELP, WHY_HELP = "Its light on the day.", "Why the light has its colour."
ROSTER_HELP = "Provinces that the programme covers: the denominator."
COVERED_HELP = "Provinces of the roster with at least one of them."
SHARE_HELP = "provinces of roster, as a fraction."
STEP_YEAR_HELP = "A year before the target year, for example 2025."
STEP_VALUE_HELP = "Value to be reached by the end of that year."


class CountSerializer(Serializer):
    """announced = recorded + withdrawn + to_enter; announced and to_enter are null where no number was announced."""

    announced = IntegerField(
        allow_null=True, help_text="How many the announcement names; null where it gives no number."
    )
    recorded = IntegerField(help_text="How many in the programme are entered here by name.")
    firm = IntegerField(help_text="Those of them read in an official text or the press.")
    unverified = IntegerField(help_text="Those of them only inferred from other documents.")
    withdrawn = IntegerField(help_text="Entered by name and withdrawn by the day.")
    to_enter = IntegerField(
        allow_null=True,
        help_text="announced less recorded and withdrawn, never below 0; null where no number was announced.",
    )
    surplus = IntegerField(help_text="Recorded and withdrawn beyond what was announced: a sign of a mistake.")


class KindCountSerializer(Serializer):
    """Announced against recorded, for one kind of pilot."""

    kind = ChoiceField(PilotKind.choices, help_text="The kind of pilot.")
    label = CharField()  # type: ignore[assignment]

    def get_fields(self) -> dict[str, Any]:
        """Add the numbers of a CountSerializer."""
        counts = CountSerializer().get_fields()
        for name, field in counts.items():
            field.source = f"numbers.{name}"
        return {**super().get_fields(), **counts}


class BatchCountSerializer(Serializer):
    """Announced against recorded, for one batch."""

    batch = RelatedBySlug(help_text="The batch that is counted.")
    level = ChoiceField(Level.choices, source="batch.level", help_text="Who announced it: the nation or a province.")
    kinds = KindCountSerializer(many=True, help_text="By kind of pilot.")
    total = CountSerializer(help_text="All kinds together.")


class BatchSerializer(SourcedSerializer):
    kinds = KindCountSerializer(many=True, help_text="Announced against recorded on the day, by kind of pilot.")

    class Meta:
        model = Batch
        fields = (
            *("slug", "name", "title_en", "title_zh", "short_name_en", "short_name_zh"),
            *("level", "province", "policy", "announced_on", "known_by"),
            *("term_start", "term_end", "city_count", "county_count", "park_count", "enterprise_count"),
            *("industries_announced", "kinds", *FACT_FIELDS, "url"),
        )


class PilotSerializer(SourcedSerializer):
    stage = ChoiceField(Stage.choices, source="status.current_stage.stage", allow_null=True, help_text=STAGE_HELP)
    days_in_stage = IntegerField(source="status.days_in_stage", allow_null=True, help_text=DAYS_IN_STAGE_HELP)
    light = ChoiceField(
        Colour.choices,
        source="status.colour",
        help_text="Its light on the day: the worst of what binds it, or one set by hand.",
    )

    class Meta:
        model = Pilot
        fields = (
            *("slug", "name", "name_en", "name_zh", "kind", "batch", "province", "prefecture_code", "prefecture_zh"),
            *("county_code", "parent", "city_type", "industries", "term_start", "term_end", "withdrawn_on"),
            *("stage", "days_in_stage", "light", *FACT_FIELDS, "url", "page"),
        )


# -- what belongs to a pilot: what is said of a day after the one asked reads null, or empty --------------

REASON_FIELDS = ("reason", "reason_en", "reason_zh")


@extend_schema_serializer(component_name="WaitingReplan")
class WaitingReplanSerializer(ReadOnlyModelSerializer):
    """Another planned day that is asked for and not decided."""

    class Meta:
        model = Replan
        fields = ("id", "day", *REASON_FIELDS, "asked_on")


class PlannedDaySerializer(SourcedSerializer):
    """What is planned for a day: the day in force, the first one, and the one that is asked for."""

    planned_on = DateValueField(source="planned_then", help_text="The planned day in force on the day.")
    first_planned_on = DateValueField(
        source="planned_on",
        help_text="The planned day as it was first entered; planned_on is the one in force on the day.",
    )
    replan = WaitingReplanSerializer(
        allow_null=True,
        help_text="The request for another day that waits for the ministry; null where there is none.",
    )


class StageSerializer(PlannedDaySerializer):
    entered_on = DateValueField(source="entered_then")

    class Meta:
        model = StageEntry
        fields = (
            *("id", "pilot", "stage", "planned_on", "first_planned_on", "replan", "entered_on", "evidence"),
            *(*REASON_FIELDS, *FACT_FIELDS, "url"),
        )

    def hidden_fields(self, record: Any) -> Collection[str]:
        return () if record.entered_then else ("evidence", *REASON_FIELDS, *NOTE_FIELDS, "sources")


class MilestoneSerializer(PlannedDaySerializer):
    completed_on = DateValueField(source="completed_then")
    done = BooleanField(source="status.done", help_text="Whether it was done by the day.")
    light = ChoiceField(Colour.choices, source="status.colour", help_text=COLOUR_HELP)
    why = ChoiceWithLabel(source="status.why", help_text=WHY_HELP)
    delay_days = IntegerField(
        source="status.delay",
        allow_null=True,
        help_text="Days between plan and completion, or so far; negative ahead of the plan.",
    )

    class Meta:
        model = Milestone
        fields = (
            *("id", "pilot", "facet", "title", "title_en", "title_zh", "owner", "planned_on", "first_planned_on"),
            *("replan", "completed_on", "weight", "is_key", "evidence", "done", "light", "why", "delay_days"),
            *(*FACT_FIELDS, "url"),
        )

    def hidden_fields(self, record: Any) -> Collection[str]:
        return () if record.completed_then else ("evidence",)


class ReplanSerializer(PeopleMixin, RecordSerializer):
    """A request as it stood on the day: decided later, it waited then."""

    PEOPLE_FIELDS = ("asked_by", "decided_by")

    state = ChoiceField(ReplanState.choices, source="state_then", help_text="What it was on the day.")
    asked_by = UsernameField("asked_by", help_text="Who asked for it.")
    decided_on = DateValueField(source="decided_then")
    decided_by = UsernameField("decided_by_then", help_text="Who decided on it.")
    accepted = BooleanField(source="accepted_then", allow_null=True, help_text="Null while it waits.")
    remark = CharField(source="remark_then", allow_null=True, help_text="Why it was refused.")

    class Meta:
        model = Replan
        fields = (
            *("id", "pilot", "milestone", "stage_entry", "day", *REASON_FIELDS, "state", "asked_on", "asked_by"),
            *("decided_on", "decided_by", "accepted", "remark", "url"),
        )


class IndicatorSerializer(RecordSerializer):
    class Meta:
        model = Indicator
        fields = (
            *("code", "name", "name_en", "name_zh", "unit", "unit_zh", "kind", "direction", "binding"),
            *("accumulation", "rollup", "equivalent_kg", "may_enter_synergy", *NOTE_FIELDS, "url"),
        )


class StepOfTargetSerializer(Serializer):
    """An intermediate value of a target, for a year before the last."""

    year = IntegerField(read_only=True, help_text=STEP_YEAR_HELP)
    value = NumberField(allow_null=False, help_text=STEP_VALUE_HELP)


class TargetSerializer(SourcedSerializer):
    done_on = DateValueField(source="done_then")
    steps = StepOfTargetSerializer(
        source="yearly_steps", many=True, help_text="The values that it names for years before the last."
    )

    class Meta:
        model = Target
        fields = (
            *("id", "pilot", "indicator", "kind", "base_year", "base_value", "target_year", "target_value"),
            *("target_text", "target_text_en", "target_text_zh", "done_on", "steps", "binding", *FACT_FIELDS, "url"),
        )


class ReadingSerializer(SourcedSerializer):
    """A version of a value as it stood on the day: accepted later, it was only reported then."""

    state = ChoiceField(
        ReadingState.choices,
        source="state_then",
        help_text="What it was on the day: accepted later, it was only reported then.",
    )
    accepted_on = DateValueField(source="accepted_then")
    version = IntegerField(
        help_text="Which value it is for the period, from 1: a correction is a new version, and the old one is kept."
    )

    class Meta:
        model = Reading
        fields = (
            *("id", "pilot", "indicator", "period", "value", "value_status", "version", "state", "reported_on"),
            *("accepted_on", *FACT_FIELDS, "url"),
        )


# -- progress ----------------------------------------------------------------------------------------------


class RowsOfPageSerializer(ListSerializer):
    """Those of the rows that are, or whose pilots are, on the page that was asked for."""

    def to_representation(self, data: Any) -> list[Any]:
        keys = set(self.context["view"].paginator.rows)
        return super().to_representation([row for row in data if getattr(row, "pilot", row).pk in keys])


class ReasonSerializer(Serializer):
    """One reason of a light: a stable code, a sentence in the reader's language, the page of the item."""

    code = CharField(source="why.value")
    text = CharField()
    url = SerializerMethodField()
    owner = CharField(
        help_text=(
            "Who is responsible: the agency of the open follow-up about it, overdue first, else the department of a "
            "milestone, else the pilot’s own office; empty when all is well."
        )
    )

    def get_url(self, reason: Light) -> str:
        return str(self.context["request"].build_absolute_uri(reason.url))


class LateCompletionSerializer(Serializer):
    """A completion that was entered long after the day it names."""

    completed_on = DateValueField(
        allow_null=False, help_text="The day on which the milestone is said to have been completed."
    )
    entered_on = DateValueField(allow_null=False, help_text="The day on which that was entered.")


class ReplanningSerializer(Serializer):
    """A milestone, stage or target of which something that decides the light was changed, or entered late."""

    kind = ChoiceField(
        [("milestone", "milestone"), ("stageentry", "stage entry"), ("target", "target")],
        read_only=True,
        help_text="What was changed.",
    )
    id = IntegerField(source="pk", help_text="Its id; a deleted one is no longer in its list.")
    on = DateValueField(allow_null=False, help_text="The day of the last such change.")
    was = SerializerMethodField(
        help_text="What the changed fields said when it was entered; of a deleted one, all of them."
    )
    deleted = BooleanField(help_text="Whether it has been deleted.")
    completion = LateCompletionSerializer(
        allow_null=True,
        help_text="Its completion, where that was entered more than 30 days after the day it names; else null.",
    )
    text = CharField(help_text="The same as a sentence.")

    @extend_schema_field(DictField(child=JSONField()))
    def get_was(self, item: Replanning) -> object:
        return json_value(item.was)


def json_value(value: object) -> object:
    """A value of a field as JSON has it: days as text, decimals as numbers, steps by year."""
    if isinstance(value, Mapping):
        return {str(key): json_value(one) for key, one in value.items()}
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


class OverrideSerializer(Serializer):
    """A light set by hand: from `expires_on` on the computed one counts again."""

    colour = ChoiceField(Colour.choices, help_text="The colour that was set.")
    reason = CharField(help_text="Why it was set.")
    author = SerializerMethodField(
        help_text="Which office set it. Names of people stand in the history, for those whom they concern."
    )
    set_on = DateValueField(allow_null=False, help_text="Since when.")
    expires_on = DateValueField(allow_null=False, help_text="From this day on the computed light counts again.")

    def get_author(self, override: LightOverride) -> str:
        """The office that sets lights by hand; everybody reads this answer, so nobody is named."""
        return gettext("the ministry")


class LightSerializer(Serializer):
    """A pilot's light. `colour` is the one shown: the computed one unless one set by hand is in force."""

    colour = ChoiceField(
        Colour.choices, help_text="The colour that is shown: the computed one, unless one set by hand is in force."
    )
    since = DateValueField(help_text="Since when it has been so; null where that is not known.")
    rule = SerializerMethodField(help_text="The rule of the computed light, with its version.")
    reasons = SerializerMethodField(help_text="Why, worst first; a light set by hand says so first.")
    computed = ChoiceField(Colour.choices, help_text="The computed colour.")
    override = OverrideSerializer(allow_null=True, help_text="The light set by hand, if one is in force.")
    replanned = ReplanningSerializer(
        many=True,
        help_text=(
            "What decides the light and was changed after the day on which it was entered: planned days, targets, "
            "bases, what is binding or key, titles of key milestones, deletions, completions entered more than 30 days "
            "after the day they name."
        ),
    )

    def get_rule(self, status: PilotStatus) -> str:
        return RULE_PILOT

    @extend_schema_field(ReasonSerializer(many=True))
    def get_reasons(self, status: PilotStatus) -> object:
        return ReasonSerializer(status.shown_reasons, many=True, context=self.context).data


class MilestoneCountsSerializer(Serializer):
    done = IntegerField(help_text="Done by the day.")
    due = IntegerField(help_text="Due by the day.")
    late = IntegerField(help_text="Due and not done.")
    total = IntegerField(help_text="All that are planned.")


class IndicatorProgressSerializer(Serializer):
    """A target on the day, beside the accepted value of the last period due: `period` is the year it speaks of."""

    indicator = RelatedByCode(source="record.indicator", help_text="What is measured.")
    kind = ChoiceField(TargetKind.choices, source="record.kind", help_text="What the target asks for.")
    binding = BooleanField(source="record.binding", help_text="Whether the pilot is bound to it.")
    base = NumberField(source="record.base_value", help_text="Value of the base year.")
    actual = NumberField(source="reading.value", help_text="Accepted value of the last period due.")
    target = NumberField(source="record.target_value", help_text="Value to be reached.")
    period = CharField(source="year", help_text="The year that actual speaks of.")
    progress = RatioField(help_text="How much of the way from base to target is behind the pilot.")
    expected_share = RatioField(source="share", help_text="How much of the way is due.")
    expected_value = NumberField(source="expected", help_text="The value that is due.")
    shortfall = RatioField(help_text="What is missing of what is due; negative ahead of it.")
    light = ChoiceField(Colour.choices, source="colour", help_text=COLOUR_HELP)
    why = ChoiceWithLabel(help_text=WHY_HELP)


class SpanSerializer(Serializer):
    """Days from one stage to another; so far, where it is not done."""

    days = IntegerField(help_text="Days from one stage to the other; so far, where it is not done.")
    done = BooleanField(help_text="Whether the other stage is reached.")


class SynergyClassField(ChoiceField):
    """Class of a pilot's synergy in the year due, null where the synergy of the day gives none. One query a list."""

    def __init__(self) -> None:
        text = "Whether pollution and carbon both fall, as in /api/v1/synergy/; null where it gives no class."
        super().__init__(choices=CoControl.choices, read_only=True, allow_null=True, source="*", help_text=text)

    @cached_property
    def indicators(self) -> tuple[Indicator, ...]:
        return tuple(Indicator.objects.all())

    def to_representation(self, status: Any) -> Any:
        found = pilot_synergy(status.pilot, year_due(status.as_of), status.as_of, self.indicators)
        return found.kind.value if isinstance(found, PilotSynergy) and found.kind else None


class PilotProgressSerializer(Serializer):
    """How far one pilot has come."""

    pilot = RelatedBySlug(help_text="The pilot.")
    stage = ChoiceField(Stage.choices, source="current_stage.stage", allow_null=True, help_text=STAGE_HELP)
    days_in_stage = IntegerField(allow_null=True, help_text=DAYS_IN_STAGE_HELP)
    list_to_plan = SpanSerializer(allow_null=True, help_text="From the day it was listed to the issue of its plan.")
    light = LightSerializer(source="*", help_text="Its light, with its reasons.")
    synergy_class = SynergyClassField()
    milestones = MilestoneCountsSerializer(source="counts", help_text="How many milestones are done, due and late.")
    indicators = IndicatorProgressSerializer(many=True, help_text="Each target beside the value that is due.")

    class Meta:
        list_serializer_class = RowsOfPageSerializer


class FunnelStepSerializer(Serializer):
    """How many of the pilots stand in a stage or past it."""

    stage = ChoiceField([(stage.value, stage.label) for stage in ORDERED_STAGES], read_only=True, help_text="A stage.")
    reached = IntegerField(help_text="Pilots in it or past it.")
    of = IntegerField(help_text="All pilots that are counted.")


class KindFunnelSerializer(Serializer):
    """The funnel of one kind of pilot."""

    kind = ChoiceField(PilotKind.choices, help_text="The kind of pilot.")
    funnel = FunnelStepSerializer(many=True, help_text="Pilots at or past each stage.")


def funnel_steps(funnel: StageFunnel) -> list[dict[str, object]]:
    return [{"stage": stage.value, "reached": reached, "of": funnel.n} for stage, reached in funnel.reached.items()]


class StripSerializer(Serializer):
    """How many pilots show each colour on the day, and did on the last day of the quarter before."""

    now = DictField(child=IntegerField(), help_text="Pilots by colour on the day.")
    then = DictField(child=IntegerField(), help_text="The same on the day before.")
    then_on = DateValueField(allow_null=False, help_text="That day: the last of the quarter before.")


class ProgressSerializer(PageSerializer):
    """How far the pilots have come on the day; `reported` of them have an accepted value for the last period due."""

    as_of = DateValueField(allow_null=False)
    known = KnownField()
    pilots = PilotProgressSerializer(many=True, help_text="How far each pilot has come.")
    funnel = SerializerMethodField(help_text="Pilots at or past each stage; those that have withdrawn are left out.")
    by_kind = SerializerMethodField(help_text="The same for each kind of pilot.")
    strip = StripSerializer(help_text="The lights on the day beside those of the quarter before.")
    reported = IntegerField(help_text="Pilots with an accepted value for the last period due.")

    @extend_schema_field(FunnelStepSerializer(many=True))
    def get_funnel(self, progress: Progress) -> Sequence[Mapping[str, object]]:
        return funnel_steps(progress.funnel())

    @extend_schema_field(KindFunnelSerializer(many=True))
    def get_by_kind(self, progress: Progress) -> Sequence[Mapping[str, object]]:
        kinds = {status.pilot.kind for status in progress.pilots}
        return [{"kind": kind, "funnel": funnel_steps(progress.funnel(kind))} for kind in PilotKind if kind in kinds]


class ProgressRowSerializer(Serializer):
    """One line of the file: a pilot."""

    pilot = RelatedBySlug()
    kind = CharField(source="pilot.kind")
    batch = RelatedBySlug(source="pilot.batch")
    province = RelatedBySlug(source="pilot.province")
    stage = CharField(source="current_stage.stage", allow_null=True)
    days_in_stage = IntegerField(allow_null=True)
    list_to_plan_days = IntegerField(source="list_to_plan.days", allow_null=True)
    plan_issued = BooleanField(source="list_to_plan.done", allow_null=True)
    light = CharField(source="colour")
    since = DateValueField()
    computed = CharField()
    reasons = SerializerMethodField()
    milestones_done = IntegerField(source="counts.done")
    milestones_due = IntegerField(source="counts.due")
    milestones_late = IntegerField(source="counts.late")
    milestones_total = IntegerField(source="counts.total")
    reported = BooleanField()
    synergy_class = SynergyClassField()

    def get_reasons(self, status: PilotStatus) -> list[str]:
        return [reason.text for reason in status.shown_reasons]


# -- synergy -----------------------------------------------------------------------------------------------


class EquivalentsSerializer(Serializer):
    """Air pollutants together, in thousand pollutant equivalents; positive = reduced."""

    base = NumberField(help_text="Thousand pollutant equivalents in the base year.")
    reduced = NumberField(help_text="By how many there were fewer; negative where there were more.")
    rate = RatioField(help_text="reduced of base, as a fraction.")


class CarbonSerializer(Serializer):
    """Carbon in the unit of its indicator; positive = reduced."""

    base = NumberField(help_text="Value of the base year, in the unit of its indicator.")
    reduced = NumberField(source="reduction.amount", help_text="By how much it fell; negative where it rose.")
    rate = RatioField(source="reduction.rate", help_text="reduced of base, as a fraction.")


class ElasticitySerializer(Serializer):
    """Cross-elasticity of all air pollutants together to carbon."""

    value = RatioField(help_text="The rate of air pollution over that of carbon; null unless both fall.")
    band = ChoiceField(ElasticityBand.choices, allow_null=True, help_text="Which of the two falls more.")
    note = SerializerMethodField(help_text="Why there is no number; null where there is one.")

    @extend_schema_field(ChoiceWithLabel(allow_null=True))
    def get_note(self, found: Elasticity) -> dict[str, str] | None:
        return elasticity_note(found)


def elasticity_note(found: Elasticity) -> dict[str, str] | None:
    note = no_elasticity(found)
    return None if note is None else {"code": note[0], "text": note[1]}


class PilotSynergySerializer(Serializer):
    """A pilot between its base year and the year asked. Rates are fractions, positive = reduced."""

    pilot = RelatedBySlug(help_text="The pilot.")
    base_year = IntegerField(help_text="The year that it is compared with.")
    basis = ChoiceField(EmissionBasis.choices, help_text="Whether totals or intensities are compared.")
    rates = DictField(child=RatioField(), help_text="By how much each pollutant fell, as a fraction of its base.")
    apeq = EquivalentsSerializer(help_text="All air pollutants together.")
    carbon = CarbonSerializer(help_text="Carbon dioxide.")
    vars()["class"] = ChoiceField(  # a keyword of Python
        CoControl.choices,
        source="kind",
        allow_null=True,
        help_text="Whether both fall, only one, or both rise; null where a rate is not known, or only of an intensity.",
    )
    els = DictField(
        child=RatioField(),
        source="elasticity_values",
        help_text="The rate of each pollutant over that of carbon; null unless both fall.",
    )
    els_notes = SerializerMethodField(help_text="Why there is no number, by pollutant; null where there is one.")
    bands = DictField(
        child=ChoiceField(ElasticityBand.choices, allow_null=True),
        source="elasticity_bands",
        help_text="Which of the two falls more, by pollutant.",
    )
    els_apeq = ElasticitySerializer(source="elasticity", help_text="The same of all air pollutants together.")
    progress_air = RatioField(
        source="pollution_progress", help_text="How far air pollution has come towards its targets."
    )
    progress_carbon = RatioField(source="carbon_progress", help_text="How far carbon has come towards its target.")
    joint_progress = RatioField(
        help_text="Both together: the root of their product, negative when either goes the wrong way."
    )

    class Meta:
        list_serializer_class = RowsOfPageSerializer

    @extend_schema_field(DictField(child=ChoiceWithLabel(allow_null=True)))
    def get_els_notes(self, row: PilotSynergy) -> dict[str, dict[str, str] | None]:
        return {code: elasticity_note(found) for code, found in row.elasticities.items()}


class MissingPilotSerializer(Serializer):
    pilot = RelatedBySlug(help_text="The pilot.")
    why = ChoiceWithLabel(help_text="Why it cannot be judged.")

    class Meta:
        list_serializer_class = RowsOfPageSerializer


class TotalSerializer(Serializer):
    """A sum over `n` of the `of` pilots that could bring something; those `within` another pilot are left out."""

    reduced = NumberField(source="value", help_text="The sum of what was reduced; null where nothing is known.")
    n = IntegerField(source="used", help_text="Pilots in the sum.")
    of = IntegerField(source="possible", help_text="Pilots that could be in it.")
    within = ListField(child=CharField(), help_text="Pilots left out because they lie in another one.")


class TotalsSerializer(Serializer):
    """Reduced together by the pilots asked about: thousand air pollutant equivalents, and tonnes of CO2."""

    apeq = TotalSerializer(source="apeq_total", help_text="Thousand air pollutant equivalents.")
    carbon_tonnes = TotalSerializer(source="carbon_total", help_text="Tonnes of carbon dioxide.")


class SynergySerializer(PageSerializer):
    """Whether pollution and carbon fall together in a year: `judged` of `of` pilots are of a class.

    Of `not_judged` nothing is known (`missing`), or only an intensity of carbon (`n` less `judged`).
    """

    as_of = DateValueField(allow_null=False)
    known = KnownField()
    year = IntegerField(help_text="The year that is compared with the base year.")
    n = IntegerField(help_text="Pilots with rates, of totals or of an intensity.")
    of = IntegerField(help_text="All pilots that are asked about.")
    judged = IntegerField(help_text="Pilots that can be judged: of total emissions, the sum of the classes.")
    not_judged = IntegerField(help_text="All others: those that are missing, and those with an intensity only.")
    pilots = PilotSynergySerializer(many=True, help_text="Each pilot of the page with rates.")
    missing = MissingPilotSerializer(many=True, help_text="The others of the page, and why.")
    classes = DictField(
        child=IntegerField(),
        source="kinds",
        help_text="How many pilots are of each class, by total emissions alone.",
    )
    totals = TotalsSerializer(
        source="*", help_text="Reduced together by the pilots asked about: all recorded ones, or those of the filters."
    )


class SynergyRowSerializer(Serializer):
    """One line of the file: a pilot, or why it is missing; what is not known stays empty."""

    pilot = RelatedBySlug()
    kind = CharField(source="pilot.kind")
    province = RelatedBySlug(source="pilot.province")
    missing = CharField(source="why.value", allow_null=True)
    base_year = IntegerField(source="found.base_year", allow_null=True)
    basis = CharField(source="found.basis", allow_null=True)
    vars()["class"] = CharField(source="found.kind", allow_null=True)  # a keyword of Python
    apeq_base = NumberField(source="found.apeq.base")
    apeq_reduced = NumberField(source="found.apeq.reduced")
    apeq_rate = RatioField(source="found.apeq.rate")
    carbon_base = NumberField(source="found.carbon.base")
    carbon_reduced = NumberField(source="found.carbon.reduction.amount")
    carbon_rate = RatioField(source="found.carbon.reduction.rate")
    rates = DictField(child=RatioField(), source="found.rates", allow_null=True)
    els_apeq = RatioField(source="found.elasticity.value")
    band = CharField(source="found.elasticity.band", allow_null=True)
    progress_air = RatioField(source="found.pollution_progress")
    progress_carbon = RatioField(source="found.carbon_progress")
    joint_progress = RatioField(source="found.joint_progress")


# -- trend ---------------------------------------------------------------------------------------------


class TrendYearSerializer(Serializer):
    """A year: `n` of the `of` pilots that could bring a value have one; what must not be put together stays null."""

    year = IntegerField(help_text="The year.")
    n = IntegerField(help_text="Pilots with an accepted value for the year.")
    of = IntegerField(help_text="Pilots that could have one.")
    total = NumberField(help_text="Their sum; null where values are not summed.")
    median = NumberField(help_text="Their median; null but for shares.")
    low = NumberField(help_text="The lowest of them; null but for shares.")
    high = NumberField(help_text="The highest of them; null but for shares.")


class TrendSerializer(Serializer):
    """How an indicator has gone year by year over a set of pilots."""

    as_of = DateValueField(allow_null=False)
    known = KnownField()
    indicator = RelatedByCode(help_text="What is measured.")
    unit = CharField(source="indicator.unit_text", help_text="The unit of all values.")
    rollup = ChoiceField(
        RollUp.choices, source="indicator.rollup", help_text="How values of several pilots may be put together."
    )
    pilots = IntegerField(help_text="Pilots that are asked about.")
    within = IntegerField(help_text="Those of them that lie in another one: a sum leaves them out.")
    years = TrendYearSerializer(many=True, help_text="Each year with an accepted value.")
    same = TrendYearSerializer(
        many=True,
        help_text="The same years over those pilots alone that have a value in each of them: so years compare.",
    )


# -- coverage ------------------------------------------------------------------------------------------


class IndustryCoverageSerializer(Serializer):
    industry = RelatedBySlug(help_text="The industry.")
    pilots = IntegerField(help_text="Pilots in this industry, by their own documents.")
    provinces = IntegerField(help_text=COVERED_HELP)
    roster = IntegerField(help_text=ROSTER_HELP)
    share = FloatField(allow_null=True, help_text=SHARE_HELP)
    priority = BooleanField(
        source="industry.priority",
        help_text="Whether national policy singles it out: named in the batch notice, or an ultra-low emission sector.",
    )
    gap = BooleanField(
        help_text="Whether it is singled out and no recorded pilot names it; never true while gaps are not judged."
    )
    in_notice = BooleanField(help_text="Whether the notice of a batch counted here names it.")


class FieldCoverageSerializer(Serializer):
    field = ChoiceField(Field.choices, help_text="A field of measures.")
    label = CharField()  # type: ignore[assignment]
    measures = RelatedBySlug(many=True, help_text="The measures of the field.")
    industries = RelatedBySlug(many=True, help_text="The industries that they are about.")
    pilots = IntegerField(help_text="Pilots that name one of these industries.")
    provinces = IntegerField(help_text=COVERED_HELP)
    roster = IntegerField(help_text=ROSTER_HELP)
    share = FloatField(allow_null=True, help_text=SHARE_HELP)


class PlaceSerializer(Serializer):
    """A column of the matrix: a region or a province of the roster."""

    code = CharField()
    label = CharField()  # type: ignore[assignment]


class MatrixSerializer(Serializer):
    """Pilots by industry (rows) and place (columns): cells[row][column]."""

    rows = RelatedBySlug(many=True, help_text="The industries.")
    columns = PlaceSerializer(many=True, help_text="The places.")
    cells = ListField(child=ListField(child=IntegerField()), help_text="Pilots by row and column: cells[row][column].")


class CoverageNumbersSerializer(Serializer):
    """The coverage of industries in numbers. A pilot may name several industries; `naming` pilots name at least one."""

    as_of = DateValueField(allow_null=False)
    known = KnownField()
    pilots = IntegerField(help_text="Pilots that are counted.")
    naming = IntegerField(help_text="Those of them that name an industry.")
    roster = IntegerField(help_text=ROSTER_HELP)
    covered = IntegerField(help_text="Industries that at least one pilot names.")
    priorities = IntegerField(help_text="Industries that national policy singles out.")
    gaps = RelatedBySlug(many=True, source="gap_industries", help_text="Those of them that no recorded pilot names.")
    announced = IntegerField(
        allow_null=True, help_text="Pilots announced in the set that is counted; null where that is not known."
    )
    gap_judged = BooleanField(
        help_text="Whether naming is at least gap_threshold of announced; else no gap is claimed."
    )
    gap_threshold = FloatField(help_text="The share of the announced pilots from which gaps are claimed.")
    in_notice = RelatedBySlug(many=True, help_text="Industries that the batches’ own notices name.")


class CoverageSerializer(CoverageNumbersSerializer):
    """Which industries the pilots try and which nobody does."""

    by = SerializerMethodField(help_text="What the columns of the matrix are.")
    batches = SerializerMethodField(help_text="Announced against recorded for the batches counted here.")
    industries = IndustryCoverageSerializer(many=True, help_text="Each industry.")
    fields = FieldCoverageSerializer(many=True, help_text="Each field of measures.")  # type: ignore[assignment]
    matrix = MatrixSerializer(help_text="Pilots by industry and place.")

    @extend_schema_field(ChoiceField(MATRIX_AXES))
    def get_by(self, coverage: Coverage) -> Any:
        return self.context["view"].by

    @extend_schema_field(BatchCountSerializer(many=True))
    def get_batches(self, coverage: Coverage) -> object:
        """Those of the set that is counted. Of a province its own: national ones are not announced by province."""
        batches = coverage.chosen.batches(self.context["view"].counts)
        return BatchCountSerializer(batches, many=True, context=self.context).data


# -- written ---------------------------------------------------------------------------------------------


class StepsField(ListSerializer):
    """All steps of a target, each year once."""

    def to_internal_value(self, data: Any) -> Any:
        steps = super().to_internal_value(data)
        found = {step["year"]: step["value"] for step in steps}
        if len(found) < len(steps):
            raise ValidationError([ErrorDetail(gettext("Name each year once."), "twice")])
        return steps_as_stored(found)


@extend_schema_serializer(component_name="StepEntry")
class StepWriteSerializer(Serializer):
    """A value that a target names for a year before the last."""

    year = StrictIntegerField(min_value=0, max_value=32767, help_text=STEP_YEAR_HELP)
    value = StrictDecimalField(max_digits=20, decimal_places=6, help_text=STEP_VALUE_HELP)

    class Meta:
        list_serializer_class = StepsField

    def to_internal_value(self, data: Any) -> Any:
        """Both, and nothing else: also where of the target only a part is sent."""
        if isinstance(data, Mapping):
            unknown = ErrorDetail(str(gettext("There is no such field.")), "unknown_field")
            faults = {truncate(name): [unknown] for name in data if name not in self.fields}
            for name, field in self.fields.items():
                if name not in data:
                    faults[name] = [ErrorDetail(str(field.error_messages["required"]), "required")]
            if faults:
                raise ValidationError(faults)
        return super().to_internal_value(data)


class TargetWriteSerializer(WriteSerializer):
    model = Target
    steps = StepWriteSerializer(
        many=True, required=False, help_text="All of the target’s steps: those left out are taken away."
    )


class ReadingWriteSerializer(WriteSerializer):
    """`version` says which version the value is to become; only a correction has to give it."""

    model = Reading
    EXTRA_FIELDS = ("version",)

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        fields["version"].help_text = "Which version the value is to become: only a correction has to say it."
        return fields
