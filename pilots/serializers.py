"""The face of the pilots' records in the API: fields only, no arithmetic."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.reads import reads
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
    RollUp,
    Stage,
    StageEntry,
    Target,
    TargetKind,
    TargetStep,
)
from pilots.outstanding import Outstanding
from pilots.overview import Overview
from pilots.progress import PilotStatus, Progress
from pilots.replanning import Replanning
from pilots.sentences import Sentence, change_of_plan, no_elasticity, shown
from pilots.synergy import Basis, PilotSynergy, Synergy
from policies.models import Field, Level
from policies.serializers import FACT, NOTES, RolloutNumbers, SourceLink


class CountSerializer(serializers.Serializer):
    """announced = recorded + withdrawn + to_enter; announced and to_enter are null where no number was announced."""

    announced = serializers.IntegerField(
        read_only=True, allow_null=True, help_text=_("How many the announcement names; null where it gives no number.")
    )
    recorded = serializers.IntegerField(
        read_only=True, help_text=_("How many in the programme are entered here by name.")
    )
    firm = serializers.IntegerField(read_only=True, help_text=_("Those of them read in an official text or the press."))
    unverified = serializers.IntegerField(
        read_only=True, help_text=_("Those of them only inferred from other documents.")
    )
    withdrawn = serializers.IntegerField(read_only=True, help_text=_("Entered by name and withdrawn by the day."))
    to_enter = serializers.IntegerField(
        read_only=True,
        allow_null=True,
        help_text=_("announced less recorded and withdrawn, never below 0; null where no number was announced."),
    )
    surplus = serializers.IntegerField(
        read_only=True, help_text=_("Recorded and withdrawn beyond what was announced: a sign of a mistake.")
    )


class KindCountSerializer(serializers.Serializer):
    """Announced against recorded, for one kind of pilot."""

    kind = serializers.ChoiceField(choices=PilotKind.choices, read_only=True, help_text=_("The kind of pilot."))
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    announced = serializers.IntegerField(
        source="numbers.announced",
        read_only=True,
        allow_null=True,
        help_text=_("How many the announcement names; null where it gives no number."),
    )
    recorded = serializers.IntegerField(
        source="numbers.recorded", read_only=True, help_text=_("How many in the programme are entered here by name.")
    )
    firm = serializers.IntegerField(
        source="numbers.firm", read_only=True, help_text=_("Those of them read in an official text or the press.")
    )
    unverified = serializers.IntegerField(
        source="numbers.unverified", read_only=True, help_text=_("Those of them only inferred from other documents.")
    )
    withdrawn = serializers.IntegerField(
        source="numbers.withdrawn", read_only=True, help_text=_("Entered by name and withdrawn by the day.")
    )
    to_enter = serializers.IntegerField(
        source="numbers.to_enter",
        read_only=True,
        allow_null=True,
        help_text=_("announced less recorded and withdrawn, never below 0; null where no number was announced."),
    )
    surplus = serializers.IntegerField(
        source="numbers.surplus",
        read_only=True,
        help_text=_("Recorded and withdrawn beyond what was announced: a sign of a mistake."),
    )


class BatchKindSerializer(KindCountSerializer):
    """One line of the overview's file: a batch and a kind of pilot."""

    batch = Link(read_only=True)

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        return {"batch": fields.pop("batch"), **fields}


class BatchCountSerializer(serializers.Serializer):
    """Announced against recorded, for one batch."""

    batch = Link(read_only=True, help_text=_("The batch that is counted."))
    level = serializers.ChoiceField(
        source="batch.level",
        choices=Level.choices,
        read_only=True,
        help_text=_("Who announced it: the nation or a province."),
    )
    kinds = KindCountSerializer(many=True, read_only=True, help_text=_("By kind of pilot."))
    total = CountSerializer(read_only=True, help_text=_("All kinds together."))


class BatchSerializer(Face):
    name = serializers.CharField(read_only=True)
    province = Link(read_only=True, allow_null=True)
    policy = Link(read_only=True, allow_null=True)
    industries_announced = Link(many=True, read_only=True)
    kinds = serializers.SerializerMethodField(help_text=_("Announced against recorded on the day, by kind of pilot."))
    sources = SourceLink(many=True, read_only=True)

    class Meta:
        model = Batch
        fields = (
            *("slug", "name", "title_en", "title_zh", "short_name_en", "short_name_zh"),
            *("level", "province", "policy", "announced_on", "known_by"),
            *("term_start", "term_end", "city_count", "county_count", "park_count", "enterprise_count"),
            *("industries_announced", "kinds", *FACT, "url"),
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
        source="status.position.stage",
        choices=Stage.choices,
        read_only=True,
        allow_null=True,
        help_text=_("The last stage that it had entered by the day; null where none is on record."),
    )
    days_in_stage = serializers.IntegerField(
        source="status.days_in_stage", read_only=True, allow_null=True, help_text=_("Days since it entered that stage.")
    )
    light = serializers.ChoiceField(
        source="status.colour",
        choices=Colour.choices,
        read_only=True,
        help_text=_("Its light on the day: the worst of what binds it, or one set by hand."),
    )
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

    @reads("HAPPENED")
    def to_representation(self, instance: Any) -> Any:
        row: Mapping[str, Any] = super().to_representation(instance)
        if getattr(instance, self.HAPPENED) is not None:
            return row
        return {key: without(value) if key in self.AFTER else value for key, value in row.items()}


def without(value: Any) -> Any:
    return [] if isinstance(value, list) else None


REASONS = ("reason", "reason_en", "reason_zh")


class StageSerializer(Happening):
    HAPPENED, AFTER = "entered_then", ("evidence", *REASONS, *NOTES, "sources")

    pilot = Link(read_only=True)
    entered_on = Day(source="entered_then")
    sources = SourceLink(many=True, read_only=True)

    class Meta:
        model = StageEntry
        fields = ("id", "pilot", "stage", "planned_on", "entered_on", "evidence", *REASONS, *FACT, "url")
        read_only_fields = fields


class MilestoneSerializer(Happening):
    HAPPENED, AFTER = "completed_then", ("evidence",)

    pilot = Link(read_only=True)
    title = serializers.CharField(read_only=True)
    completed_on = Day(source="completed_then")
    done = serializers.BooleanField(
        source="status.done", read_only=True, help_text=_("Whether it was done by the day.")
    )
    light = serializers.ChoiceField(
        source="status.light.colour", choices=Colour.choices, read_only=True, help_text=_("Its light on the day.")
    )
    why = CodeText(source="status.light.why", read_only=True, help_text=_("Why the light has its colour."))
    delay_days = serializers.IntegerField(
        source="status.light.delay",
        read_only=True,
        allow_null=True,
        help_text=_("Days between plan and completion, or so far; negative ahead of the plan."),
    )
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
            *("accumulation", "rollup", "equivalent_kg", "may_enter_synergy", *NOTES, "url"),
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
    steps = StepOfTargetSerializer(
        many=True, read_only=True, help_text=_("The values that it names for years before the last.")
    )
    sources = SourceLink(many=True, read_only=True)

    class Meta:
        model = Target
        fields = (
            *("id", "pilot", "indicator", "kind", "base_year", "base_value", "target_year", "target_value"),
            *("target_text", "target_text_en", "target_text_zh", "done_on", "steps", "binding", *FACT, "url"),
        )
        read_only_fields = fields


VERSION = _("Which value it is for the period, from 1: a correction is a new version, and the old one is kept.")


class ReadingSerializer(Face):
    """A version of a value as it stood on the day: accepted later, it was only reported then."""

    pilot = Link(read_only=True)
    indicator = CodeLink(read_only=True)
    value = Number(allow_null=False)
    state = serializers.ChoiceField(
        source="state_then",
        choices=ReadingState.choices,
        read_only=True,
        help_text=_("What it was on the day: accepted later, it was only reported then."),
    )
    accepted_on = Day(source="accepted_then")
    version = serializers.IntegerField(read_only=True, help_text=VERSION)
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
    owner = serializers.CharField(
        read_only=True,
        help_text=_(
            "Who is responsible: the department of a milestone, else the pilot’s own office; empty when all is well."
        ),
    )

    def get_url(self, reason: Sentence) -> str:
        return str(self.context["request"].build_absolute_uri(reason.url))


class LateCompletionSerializer(serializers.Serializer):
    """A completion that was entered long after the day it names."""

    completed_on = Day(allow_null=False, help_text=_("The day on which the milestone is said to have been completed."))
    entered_on = Day(allow_null=False, help_text=_("The day on which that was entered."))


class ReplanningSerializer(serializers.Serializer):
    """A milestone or target of which something that decides the light was changed, or entered late."""

    kind = serializers.ChoiceField(
        choices=[("milestone", _("milestone")), ("target", _("target"))],
        read_only=True,
        help_text=_("What was changed."),
    )
    id = serializers.IntegerField(
        source="pk", read_only=True, help_text=_("Its id; a deleted one is no longer in its list.")
    )
    on = Day(allow_null=False, help_text=_("The day of the last such change."))
    was = serializers.SerializerMethodField(
        help_text=_("What the changed fields said when it was entered; of a deleted one, all of them.")
    )
    deleted = serializers.BooleanField(read_only=True, help_text=_("Whether it has been deleted."))
    completion = LateCompletionSerializer(
        read_only=True,
        allow_null=True,
        help_text=_("Its completion, where that was entered more than 30 days after the day it names; else null."),
    )
    text = serializers.SerializerMethodField(help_text=_("The same as a sentence."))

    @extend_schema_field(serializers.DictField(child=serializers.JSONField()))
    def get_was(self, item: Replanning) -> Any:
        return {name: plain(value) for name, value in item.was.items()}

    def get_text(self, item: Replanning) -> str:
        return change_of_plan(item)


def plain(value: Any) -> Any:
    """A value of a field as JSON has it: days as text, decimals as numbers, steps by year."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


class OverrideSerializer(serializers.Serializer):
    """A light set by hand: from `expires_on` on the computed one counts again."""

    colour = serializers.ChoiceField(choices=Colour.choices, read_only=True, help_text=_("The colour that was set."))
    reason = serializers.CharField(read_only=True, help_text=_("Why it was set."))
    author = serializers.SerializerMethodField(
        help_text=_("Which office set it. Names of people stand in the history, for those whom they concern.")
    )
    set_on = Day(allow_null=False, help_text=_("Since when."))
    expires_on = Day(allow_null=False, help_text=_("From this day on the computed light counts again."))

    def get_author(self, override: Any) -> str:
        """The office that sets lights by hand; everybody reads this answer, so nobody is named."""
        return gettext("the ministry")


class LightSerializer(serializers.Serializer):
    """A pilot's light. `colour` is the one shown: the computed one unless one set by hand is in force."""

    colour = serializers.ChoiceField(
        choices=Colour.choices,
        read_only=True,
        help_text=_("The colour that is shown: the computed one, unless one set by hand is in force."),
    )
    since = Day(help_text=_("Since when it has been so; null where that is not known."))
    rule = serializers.SerializerMethodField(help_text=_("The rule of the computed light, with its version."))
    reasons = serializers.SerializerMethodField(help_text=_("Why, worst first; a light set by hand says so first."))
    computed = serializers.ChoiceField(
        source="light.colour", choices=Colour.choices, read_only=True, help_text=_("The computed colour.")
    )
    override = OverrideSerializer(
        read_only=True, allow_null=True, help_text=_("The light set by hand, if one is in force.")
    )
    replanned = ReplanningSerializer(
        many=True,
        read_only=True,
        help_text=_(
            "What decides the light and was changed after the day on which it was entered: planned days, targets, "
            "bases, what is binding or key, titles of key milestones, deletions, completions entered more than 30 days "
            "after the day they name."
        ),
    )

    def get_rule(self, status: PilotStatus) -> str:
        """The rule of the computed light, with its version."""
        return RULE_PILOT

    @extend_schema_field(ReasonSerializer(many=True))
    def get_reasons(self, status: PilotStatus) -> Any:
        """Why, worst first; a light set by hand says so before the reasons of the computed one."""
        return ReasonSerializer(shown(status), many=True, context=self.context).data


class MilestoneCountsSerializer(serializers.Serializer):
    done = serializers.IntegerField(read_only=True, help_text=_("Done by the day."))
    due = serializers.IntegerField(read_only=True, help_text=_("Due by the day."))
    late = serializers.IntegerField(read_only=True, help_text=_("Due and not done."))
    total = serializers.IntegerField(read_only=True, help_text=_("All that are planned."))


class IndicatorProgressSerializer(serializers.Serializer):
    """A target on the day, beside the accepted value of the last period due: `period` is the year it speaks of."""

    indicator = CodeLink(source="target.indicator", read_only=True, help_text=_("What is measured."))
    kind = serializers.ChoiceField(
        source="target.kind", choices=TargetKind.choices, read_only=True, help_text=_("What the target asks for.")
    )
    binding = serializers.BooleanField(
        source="target.binding", read_only=True, help_text=_("Whether the pilot is bound to it.")
    )
    base = Number(source="target.base_value", help_text=_("Value of the base year."))
    actual = Number(source="reading.value", help_text=_("Accepted value of the last period due."))
    target = Number(source="target.target_value", help_text=_("Value to be reached."))
    period = serializers.CharField(source="year", read_only=True, help_text=_("The year that actual speaks of."))
    progress = Ratio(
        source="light.progress", help_text=_("How much of the way from base to target is behind the pilot.")
    )
    expected_share = Ratio(source="light.share", help_text=_("How much of the way is due."))
    expected_value = Number(source="light.expected", help_text=_("The value that is due."))
    shortfall = Ratio(source="light.shortfall", help_text=_("What is missing of what is due; negative ahead of it."))
    light = serializers.ChoiceField(
        source="light.colour", choices=Colour.choices, read_only=True, help_text=_("Its light on the day.")
    )
    why = CodeText(source="light.why", read_only=True, help_text=_("Why the light has its colour."))


class SpanSerializer(serializers.Serializer):
    """Days from one stage to another; so far, where it is not done."""

    days = serializers.IntegerField(
        read_only=True, help_text=_("Days from one stage to the other; so far, where it is not done.")
    )
    done = serializers.BooleanField(read_only=True, help_text=_("Whether the other stage is reached."))


class PilotProgressSerializer(serializers.Serializer):
    """How far one pilot has come."""

    pilot = Link(read_only=True, help_text=_("The pilot."))
    stage = serializers.ChoiceField(
        source="position.stage",
        choices=Stage.choices,
        read_only=True,
        allow_null=True,
        help_text=_("The last stage that it had entered by the day; null where none is on record."),
    )
    days_in_stage = serializers.IntegerField(
        read_only=True, allow_null=True, help_text=_("Days since it entered that stage.")
    )
    list_to_plan = SpanSerializer(
        read_only=True, allow_null=True, help_text=_("From the day it was listed to the issue of its plan.")
    )
    light = LightSerializer(source="*", read_only=True, help_text=_("Its light, with its reasons."))
    milestones = MilestoneCountsSerializer(
        source="counts", read_only=True, help_text=_("How many milestones are done, due and late.")
    )
    indicators = IndicatorProgressSerializer(
        many=True, read_only=True, help_text=_("Each target beside the value that is due.")
    )


class FunnelStepSerializer(serializers.Serializer):
    """How many of the pilots stand in a stage or past it."""

    stage = serializers.ChoiceField(
        choices=[(stage.value, stage.label) for stage in ORDERED], read_only=True, help_text=_("A stage.")
    )
    reached = serializers.IntegerField(read_only=True, help_text=_("Pilots in it or past it."))
    of = serializers.IntegerField(read_only=True, help_text=_("All pilots that are counted."))


class KindFunnelSerializer(serializers.Serializer):
    """The funnel of one kind of pilot."""

    kind = serializers.ChoiceField(choices=PilotKind.choices, read_only=True, help_text=_("The kind of pilot."))
    funnel = FunnelStepSerializer(many=True, read_only=True, help_text=_("Pilots at or past each stage."))


def funnel_steps(funnel: Funnel) -> list[dict[str, Any]]:
    return [{"stage": stage.value, "reached": reached, "of": funnel.n} for stage, reached in funnel.reached.items()]


class StripSerializer(serializers.Serializer):
    """How many pilots show each colour on the day, and did on the last day of the quarter before."""

    now = serializers.DictField(
        child=serializers.IntegerField(), read_only=True, help_text=_("Pilots by colour on the day.")
    )
    then = serializers.DictField(
        child=serializers.IntegerField(), read_only=True, help_text=_("The same on the day before.")
    )
    then_on = Day(allow_null=False, help_text=_("That day: the last of the quarter before."))


class ProgressSerializer(serializers.Serializer):
    """How far the pilots have come on the day; `reported` of them have an accepted value for the last period due."""

    as_of = Day(allow_null=False)
    pilots = PilotProgressSerializer(many=True, read_only=True, help_text=_("How far each pilot has come."))
    funnel = serializers.SerializerMethodField(
        help_text=_("Pilots at or past each stage; those that have withdrawn are left out.")
    )
    by_kind = serializers.SerializerMethodField(help_text=_("The same for each kind of pilot."))
    strip = StripSerializer(read_only=True, help_text=_("The lights on the day beside those of the quarter before."))
    reported = serializers.IntegerField(
        read_only=True, help_text=_("Pilots with an accepted value for the last period due.")
    )

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

    base = Number(help_text=_("Thousand pollutant equivalents in the base year."))
    reduced = Number(help_text=_("By how many there were fewer; negative where there were more."))
    rate = Ratio(help_text=_("reduced of base, as a fraction."))


class CarbonSerializer(serializers.Serializer):
    """Carbon in the unit of its indicator; positive = reduced."""

    base = Number(help_text=_("Value of the base year, in the unit of its indicator."))
    reduced = Number(source="reduction.amount", help_text=_("By how much it fell; negative where it rose."))
    rate = Ratio(source="reduction.rate", help_text=_("reduced of base, as a fraction."))


class ElasticitySerializer(serializers.Serializer):
    """Cross-elasticity of all air pollutants together to carbon."""

    value = Ratio(help_text=_("The rate of air pollution over that of carbon; null unless both fall."))
    band = serializers.ChoiceField(
        choices=Band.choices, read_only=True, allow_null=True, help_text=_("Which of the two falls more.")
    )
    note = serializers.SerializerMethodField(help_text=_("Why there is no number; null where there is one."))

    @extend_schema_field(CodeText(allow_null=True))
    def get_note(self, found: Elasticity) -> Any:
        """Why there is no number; null when there is one."""
        return note_of(found)


def note_of(found: Elasticity) -> dict[str, str] | None:
    note = no_elasticity(found)
    return None if note is None else {"code": note[0], "text": note[1]}


class PilotSynergySerializer(serializers.Serializer):
    """A pilot between its base year and the year asked. Rates are fractions, positive = reduced."""

    pilot = Link(read_only=True, help_text=_("The pilot."))
    base_year = serializers.IntegerField(read_only=True, help_text=_("The year that it is compared with."))
    basis = serializers.ChoiceField(
        choices=Basis.choices, read_only=True, help_text=_("Whether totals or intensities are compared.")
    )
    rates = serializers.DictField(
        child=Ratio(), read_only=True, help_text=_("By how much each pollutant fell, as a fraction of its base.")
    )
    apeq = EquivalentsSerializer(read_only=True, help_text=_("All air pollutants together."))
    carbon = CarbonSerializer(read_only=True, help_text=_("Carbon dioxide."))
    els = serializers.SerializerMethodField(
        help_text=_("The rate of each pollutant over that of carbon; null unless both fall.")
    )
    els_notes = serializers.SerializerMethodField(
        help_text=_("Why there is no number, by pollutant; null where there is one.")
    )
    bands = serializers.SerializerMethodField(help_text=_("Which of the two falls more, by pollutant."))
    els_apeq = ElasticitySerializer(
        source="elasticity", read_only=True, help_text=_("The same of all air pollutants together.")
    )
    progress_air = Ratio(
        source="pollution_progress.value", help_text=_("How far air pollution has come towards its targets.")
    )
    progress_carbon = Ratio(source="carbon_progress", help_text=_("How far carbon has come towards its target."))
    joint_progress = Ratio(
        help_text=_("Both together: the root of their product, negative when either goes the wrong way.")
    )

    def get_fields(self) -> dict[str, Any]:
        """`class` is a word of Python and cannot stand above."""
        fields = super().get_fields()
        text = _("Whether both fall, only one, or both rise; null where a rate is not known, or only of an intensity.")
        word = serializers.ChoiceField(
            source="kind", choices=CoControl.choices, read_only=True, allow_null=True, help_text=text
        )
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
    pilot = Link(read_only=True, help_text=_("The pilot."))
    why = CodeText(read_only=True, help_text=_("Why it cannot be judged."))


class TotalSerializer(serializers.Serializer):
    """A sum over `n` of the `of` pilots that could bring something; those `within` another pilot are left out."""

    reduced = Number(source="value", help_text=_("The sum of what was reduced; null where nothing is known."))
    n = serializers.IntegerField(source="used", read_only=True, help_text=_("Pilots in the sum."))
    of = serializers.IntegerField(source="possible", read_only=True, help_text=_("Pilots that could be in it."))
    within = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text=_("Pilots left out because they lie in another one.")
    )


class TotalsSerializer(serializers.Serializer):
    """Reduced together: thousand air pollutant equivalents, and tonnes of CO2."""

    apeq = TotalSerializer(source="apeq_total", read_only=True, help_text=_("Thousand air pollutant equivalents."))
    carbon_tonnes = TotalSerializer(source="carbon_total", read_only=True, help_text=_("Tonnes of carbon dioxide."))


class SynergySerializer(serializers.Serializer):
    """Whether pollution and carbon fall together in a year: `judged` of `of` pilots are of a class.

    Of `not_judged` nothing is known (`missing`), or only an intensity of carbon (`n` less `judged`).
    """

    as_of = Day(allow_null=False)
    year = serializers.IntegerField(read_only=True, help_text=_("The year that is compared with the base year."))
    n = serializers.IntegerField(read_only=True, help_text=_("Pilots with rates, of totals or of an intensity."))
    of = serializers.IntegerField(read_only=True, help_text=_("All pilots that are asked about."))
    judged = serializers.IntegerField(
        read_only=True, help_text=_("Pilots that can be judged: of total emissions, the sum of the classes.")
    )
    not_judged = serializers.IntegerField(
        read_only=True, help_text=_("All others: those that are missing, and those with an intensity only.")
    )
    pilots = PilotSynergySerializer(many=True, read_only=True, help_text=_("Each pilot with rates."))
    missing = MissingPilotSerializer(many=True, read_only=True, help_text=_("The others, and why."))
    classes = serializers.SerializerMethodField(
        help_text=_("How many pilots are of each class, by total emissions alone.")
    )
    totals = TotalsSerializer(source="*", read_only=True, help_text=_("Reduced together."))

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


# -- trend ---------------------------------------------------------------------------------------------


class TrendYearSerializer(serializers.Serializer):
    """A year: `n` of the `of` pilots that could bring a value have one; what must not be put together stays null."""

    year = serializers.IntegerField(read_only=True, help_text=_("The year."))
    n = serializers.IntegerField(read_only=True, help_text=_("Pilots with an accepted value for the year."))
    of = serializers.IntegerField(read_only=True, help_text=_("Pilots that could have one."))
    total = Number(help_text=_("Their sum; null where values are not summed."))
    median = Number(source="spread.median", help_text=_("Their median; null but for shares."))
    low = Number(source="spread.low", help_text=_("The lowest of them; null but for shares."))
    high = Number(source="spread.high", help_text=_("The highest of them; null but for shares."))


class TrendSerializer(serializers.Serializer):
    """How an indicator has gone year by year over a set of pilots."""

    as_of = Day(allow_null=False)
    indicator = CodeLink(read_only=True, help_text=_("What is measured."))
    unit = serializers.CharField(source="indicator.unit_text", read_only=True, help_text=_("The unit of all values."))
    rollup = serializers.ChoiceField(
        source="indicator.rollup",
        choices=RollUp.choices,
        read_only=True,
        help_text=_("How values of several pilots may be put together."),
    )
    pilots = serializers.IntegerField(read_only=True, help_text=_("Pilots that are asked about."))
    within = serializers.IntegerField(
        read_only=True, help_text=_("Those of them that lie in another one: a sum leaves them out.")
    )
    years = TrendYearSerializer(many=True, read_only=True, help_text=_("Each year with an accepted value."))
    same = TrendYearSerializer(
        many=True,
        read_only=True,
        help_text=_("The same years over those pilots alone that have a value in each of them: so years compare."),
    )


# -- coverage ------------------------------------------------------------------------------------------


class IndustryCoverageSerializer(serializers.Serializer):
    industry = Link(read_only=True, help_text=_("The industry."))
    pilots = serializers.IntegerField(read_only=True, help_text=_("Pilots in this industry, by their own documents."))
    provinces = serializers.IntegerField(
        read_only=True, help_text=_("Provinces of the roster with at least one of them.")
    )
    roster = serializers.IntegerField(
        read_only=True, help_text=_("Provinces that the programme covers: the denominator.")
    )
    share = serializers.FloatField(read_only=True, allow_null=True, help_text=_("provinces of roster, as a fraction."))
    priority = serializers.BooleanField(
        source="industry.priority",
        read_only=True,
        help_text=_(
            "Whether national policy singles it out: named in the batch notice, or an ultra-low emission sector."
        ),
    )
    gap = serializers.BooleanField(
        read_only=True,
        help_text=_("Whether it is singled out and no recorded pilot names it; never true while gaps are not judged."),
    )
    in_notice = serializers.BooleanField(
        read_only=True, help_text=_("Whether the notice of a batch counted here names it.")
    )


class FieldCoverageSerializer(serializers.Serializer):
    field = serializers.ChoiceField(choices=Field.choices, read_only=True, help_text=_("A field of measures."))
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    measures = Link(many=True, read_only=True, help_text=_("The measures of the field."))
    industries = Link(many=True, read_only=True, help_text=_("The industries that they are about."))
    pilots = serializers.IntegerField(read_only=True, help_text=_("Pilots that name one of these industries."))
    provinces = serializers.IntegerField(
        read_only=True, help_text=_("Provinces of the roster with at least one of them.")
    )
    roster = serializers.IntegerField(
        read_only=True, help_text=_("Provinces that the programme covers: the denominator.")
    )
    share = serializers.FloatField(read_only=True, allow_null=True, help_text=_("provinces of roster, as a fraction."))


class PlaceSerializer(serializers.Serializer):
    """A column of the matrix: a region or a province of the roster."""

    code = serializers.CharField(read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]


class MatrixSerializer(serializers.Serializer):
    """Pilots by industry (rows) and place (columns): cells[row][column]."""

    rows = Link(many=True, read_only=True, help_text=_("The industries."))
    columns = serializers.SerializerMethodField(help_text=_("The places."))
    cells = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()),
        read_only=True,
        help_text=_("Pilots by row and column: cells[row][column]."),
    )

    @extend_schema_field(PlaceSerializer(many=True))
    def get_columns(self, matrix: Matrix) -> list[dict[str, str]]:
        return [{"code": code, "label": label} for code, label in matrix.columns]


class CoverageNumbers(serializers.Serializer):
    """The coverage of industries in numbers. A pilot may name several industries; `naming` pilots name at least one."""

    as_of = Day(allow_null=False)
    pilots = serializers.IntegerField(read_only=True, help_text=_("Pilots that are counted."))
    naming = serializers.IntegerField(read_only=True, help_text=_("Those of them that name an industry."))
    roster = serializers.IntegerField(
        read_only=True, help_text=_("Provinces that the programme covers: the denominator.")
    )
    covered = serializers.IntegerField(read_only=True, help_text=_("Industries that at least one pilot names."))
    priorities = serializers.IntegerField(read_only=True, help_text=_("Industries that national policy singles out."))
    gaps = serializers.SerializerMethodField(help_text=_("Those of them that no recorded pilot names."))
    announced = serializers.IntegerField(
        read_only=True,
        allow_null=True,
        help_text=_("Pilots announced in the set that is counted; null where that is not known."),
    )
    gap_judged = serializers.BooleanField(
        read_only=True,
        help_text=_("Whether naming is at least gap_threshold of announced; else no gap is claimed."),
    )
    gap_threshold = serializers.FloatField(
        read_only=True, help_text=_("The share of the announced pilots from which gaps are claimed.")
    )
    in_notice = Link(many=True, read_only=True, help_text=_("Industries that the batches’ own notices name."))

    @extend_schema_field(Link(many=True))
    def get_gaps(self, coverage: Coverage) -> Any:
        """Industries that national policy singles out and no recorded pilot names."""
        return Link([row.industry for row in coverage.gaps], many=True, context=self.context).data


class CoverageSerializer(CoverageNumbers):
    """Which industries the pilots try and which nobody does."""

    by = serializers.SerializerMethodField(help_text=_("What the columns of the matrix are."))
    batches = serializers.SerializerMethodField(help_text=_("Announced against recorded for the batches counted here."))
    industries = IndustryCoverageSerializer(many=True, read_only=True, help_text=_("Each industry."))
    fields = FieldCoverageSerializer(many=True, read_only=True, help_text=_("Each field of measures."))  # type: ignore[assignment]
    matrix = MatrixSerializer(read_only=True, help_text=_("Pilots by industry and place."))

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
    province = Link(read_only=True, help_text=_("A province of the roster."))
    pilots = serializers.IntegerField(read_only=True, help_text=_("Its pilots on the day."))


class OnTrackSerializer(serializers.Serializer):
    """Binding targets by whether they are on the path that leads to them."""

    on_path = serializers.IntegerField(read_only=True, help_text=_("Binding targets whose light is green."))
    rated = serializers.IntegerField(read_only=True, help_text=_("Binding targets that have a light."))
    unrated = serializers.IntegerField(read_only=True, help_text=_("Binding targets that cannot be rated."))
    total = serializers.IntegerField(read_only=True, help_text=_("All binding targets."))


class NotReportedSerializer(serializers.Serializer):
    """The pilots that owe values for the last year due and have none accepted, by where the values are held up."""

    year = serializers.IntegerField(read_only=True, help_text=_("The last year for which values are due."))
    due_on = Day(allow_null=False, help_text=_("The day by which they were due."))
    owing = serializers.IntegerField(read_only=True, help_text=_("Pilots that owe values for it."))
    count = serializers.IntegerField(read_only=True, help_text=_("Those of them without an accepted one."))
    by_place = serializers.SerializerMethodField(help_text=_("How many of these by where the values are held up."))
    pilots = serializers.SerializerMethodField(
        help_text=_("These pilots, up to 100; /api/v1/progress/ gives `reported` of all.")
    )

    @extend_schema_field(serializers.DictField(child=serializers.IntegerField()))
    def get_by_place(self, found: Outstanding) -> dict[str, int]:
        """How many of these by where the values are held up."""
        return {place.value: len(statuses) for place, statuses in found.by_place.items()}

    @extend_schema_field(Link(many=True))
    def get_pilots(self, found: Outstanding) -> Any:
        """These pilots, up to 100; /api/v1/progress/ gives `reported` of all."""
        return Link([status.pilot for _place, status in found.pilots[:100]], many=True, context=self.context).data


class QuarterLightsSerializer(serializers.Serializer):
    """The lights of the same pilots on the last day of a quarter."""

    on = Day(allow_null=False, help_text=_("The last day of the quarter."))
    lights = serializers.DictField(
        child=serializers.IntegerField(), read_only=True, help_text=_("Pilots by colour on that day.")
    )


class OverviewSerializer(serializers.Serializer):
    """The programme on one day. `national` is the latest national batch; `days_left` runs to the end of its term."""

    as_of = Day(allow_null=False)
    rollout = RolloutNumbers(
        read_only=True, allow_null=True, help_text=_("The rollout of the programme’s policy, in numbers.")
    )
    national = BatchCountSerializer(read_only=True, allow_null=True, help_text=_("The latest national batch."))
    cities = CountSerializer(read_only=True, help_text=_("Its cities."))
    parks = CountSerializer(read_only=True, help_text=_("Its parks."))
    days_left = serializers.IntegerField(
        read_only=True, allow_null=True, help_text=_("Days to the end of its term; negative when it is over.")
    )
    lights = StripSerializer(
        source="progress.strip",
        read_only=True,
        help_text=_("The lights of the pilots of that batch beside those of the quarter before."),
    )
    quarters = serializers.SerializerMethodField(
        help_text=_("Their lights at the ends of the last quarters in which any was rated, oldest first.")
    )
    on_track = OnTrackSerializer(
        source="progress.on_track", read_only=True, help_text=_("Their binding targets: how many are on the path.")
    )
    not_reported = NotReportedSerializer(
        source="outstanding", read_only=True, help_text=_("Those of them without an accepted value for the year due.")
    )
    batches = BatchCountSerializer(many=True, read_only=True, help_text=_("Every batch known on the day."))
    coverage = CoverageNumbers(read_only=True, help_text=_("The coverage of industries by all pilots, in numbers."))
    national_coverage = CoverageNumbers(
        read_only=True, help_text=_("The same by the pilots of the latest national batch.")
    )
    provinces = ProvincePilotsSerializer(many=True, read_only=True, help_text=_("Pilots by province."))

    @extend_schema_field(QuarterLightsSerializer(many=True))
    def get_quarters(self, overview: Overview) -> Any:
        """Their lights at the ends of the last quarters in which any was rated, oldest first."""
        rows = [{"on": on, "lights": lights} for on, lights in overview.quarters]
        return QuarterLightsSerializer(rows, many=True, context=self.context).data
