"""Serializers of pilots: fields only, no arithmetic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from django.db.models import Model
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.pagination import ListPage
from core.api.serializers import (
    ChoiceWithLabel,
    DateValueField,
    KnownField,
    RatioField,
    ReadOnlyModelSerializer,
    RecordSerializer,
)
from core.api.value_serializer import FIELD_CLASSES, PAGE_FIELDS, ValueField, ValueSerializer
from pilots.analytics.coverage import MATRIX_AXES, Coverage, CoverageMatrix, FieldCoverage, IndustryCoverage, Place
from pilots.analytics.explanations import Explanation, no_elasticity, plan_change_text, shown_explanations
from pilots.analytics.pilot_status import IndicatorStatus, LightSummary, MilestoneCounts, PilotStatus, build_progress
from pilots.analytics.progress_totals import ProgressTotals
from pilots.analytics.reconciliation import BatchCount, KindCount
from pilots.analytics.replanning import LateCompletion, Replanning
from pilots.analytics.synergy import ExcludedPilot, IndicatorChange, PilotSynergy, Synergy, SynergyRow
from pilots.analytics.trend import Trend, TrendYear
from pilots.metrics.aggregation import SumResult
from pilots.metrics.decimals import Ratio
from pilots.metrics.lights import RULE_PILOT
from pilots.metrics.reconciliation import Reconciliation
from pilots.metrics.reduction import Elasticity, Equivalents
from pilots.metrics.stages import ORDERED_STAGES, Duration, StageFunnel
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
    RollUp,
    Stage,
    StageEntry,
    Target,
    TargetKind,
    TargetStep,
)
from policies.api.serializers import FACT_FIELDS, NOTE_FIELDS
from policies.models import Level, Province

FIELD_CLASSES[Ratio] = RatioField


COUNT_HELP = {
    "announced": _("How many the announcement names; null where it gives no number."),
    "recorded": _("How many in the programme are entered here by name."),
    "firm": _("Those of them read in an official text or the press."),
    "unverified": _("Those of them only inferred from other documents."),
    "withdrawn": _("Entered by name and withdrawn by the day."),
    "to_enter": _("announced less recorded and withdrawn, never below 0; null where no number was announced."),
    "surplus": _("Recorded and withdrawn beyond what was announced: a sign of a mistake."),
}


class CountSerializer(ValueSerializer):
    """announced = recorded + withdrawn + to_enter; announced and to_enter are null where no number was announced."""

    value_type = Reconciliation
    value_fields = COUNT_HELP


class KindCountSerializer(ValueSerializer):
    """Announced against recorded, for one kind of pilot."""

    value_type = KindCount
    value_fields = {
        "kind": _("The kind of pilot."),
        "label": "",
        **{name: ValueField(text, f"numbers.{name}") for name, text in COUNT_HELP.items()},
    }


class BatchCountSerializer(ValueSerializer):
    """Announced against recorded, for one batch."""

    value_type = BatchCount
    value_fields = {
        "batch": _("The batch that is counted."),
        "level": ValueField(_("Who announced it: the nation or a province."), "batch.level", Level),
        "kinds": _("By kind of pilot."),
        "total": _("All kinds together."),
    }


class BatchSerializer(RecordSerializer):
    kinds = serializers.SerializerMethodField(help_text=_("Announced against recorded on the day, by kind of pilot."))

    class Meta:
        model = Batch
        fields = (
            *("slug", "name", "title_en", "title_zh", "short_name_en", "short_name_zh"),
            *("level", "province", "policy", "announced_on", "known_by"),
            *("term_start", "term_end", "city_count", "county_count", "park_count", "enterprise_count"),
            *("industries_announced", "kinds", *FACT_FIELDS, "url"),
        )
        read_only_fields = fields

    @extend_schema_field(KindCountSerializer(many=True))
    def get_kinds(self, batch: Batch) -> object:
        """Announced against recorded on the day, by kind of pilot."""
        return KindCountSerializer(self.context["view"].counts[batch.pk].kinds, many=True).data


class PilotSerializer(RecordSerializer):
    stage = serializers.ChoiceField(
        source="status.current_stage.stage",
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

    class Meta:
        model = Pilot
        fields = (
            *("slug", "name", "name_en", "name_zh", "kind", "batch", "province", "prefecture_code", "prefecture_zh"),
            *("county_code", "parent", "city_type", "industries", "term_start", "term_end", "withdrawn_on"),
            *("stage", "days_in_stage", "light"),
            *(*FACT_FIELDS, "url", "page"),
        )
        read_only_fields = fields


# -- what belongs to a pilot -----------------------------------------------------------------------------


class DatedEventSerializer(RecordSerializer):
    """Something planned that may have happened: what is said of a day after the one asked reads null, or empty."""

    DATE_FIELD: ClassVar[str]  # the day on which it happened, null until then
    DATED_FIELDS: ClassVar[tuple[str, ...]]  # what is only known from then on

    def to_representation(self, instance: Model) -> Any:
        row: Mapping[str, object] = super().to_representation(instance)
        if getattr(instance, self.DATE_FIELD) is not None:
            return row
        return {key: empty_value(value) if key in self.DATED_FIELDS else value for key, value in row.items()}


def empty_value(value: object) -> Any:
    return [] if isinstance(value, list) else None


REASON_FIELDS = ("reason", "reason_en", "reason_zh")


class StageSerializer(DatedEventSerializer):
    DATE_FIELD, DATED_FIELDS = "entered_then", ("evidence", *REASON_FIELDS, *NOTE_FIELDS, "sources")

    entered_on = DateValueField(source="entered_then")

    class Meta:
        model = StageEntry
        fields = ("id", "pilot", "stage", "planned_on", "entered_on", "evidence", *REASON_FIELDS, *FACT_FIELDS, "url")
        read_only_fields = fields


class MilestoneSerializer(DatedEventSerializer):
    DATE_FIELD, DATED_FIELDS = "completed_then", ("evidence",)

    completed_on = DateValueField(source="completed_then")
    done = serializers.BooleanField(
        source="status.done", read_only=True, help_text=_("Whether it was done by the day.")
    )
    light = serializers.ChoiceField(
        source="status.light.colour", choices=Colour.choices, read_only=True, help_text=_("Its light on the day.")
    )
    why = ChoiceWithLabel(source="status.light.why", read_only=True, help_text=_("Why the light has its colour."))
    delay_days = serializers.IntegerField(
        source="status.light.delay",
        read_only=True,
        allow_null=True,
        help_text=_("Days between plan and completion, or so far; negative ahead of the plan."),
    )

    class Meta:
        model = Milestone
        fields = (
            *("id", "pilot", "facet", "title", "title_en", "title_zh", "owner", "planned_on", "completed_on"),
            *("weight", "is_key", "evidence", "done", "light", "why", "delay_days", *FACT_FIELDS, "url"),
        )
        read_only_fields = fields


class IndicatorSerializer(RecordSerializer):
    class Meta:
        model = Indicator
        fields = (
            *("code", "name", "name_en", "name_zh", "unit", "unit_zh", "kind", "direction", "binding"),
            *("accumulation", "rollup", "equivalent_kg", "may_enter_synergy", *NOTE_FIELDS, "url"),
        )
        read_only_fields = fields


class StepOfTargetSerializer(ReadOnlyModelSerializer):
    """An intermediate value of a target, for a year before the last."""

    class Meta:
        model = TargetStep
        fields = ("year", "value")
        read_only_fields = fields


class TargetSerializer(RecordSerializer):
    done_on = DateValueField(source="done_then")
    steps = StepOfTargetSerializer(
        many=True, read_only=True, help_text=_("The values that it names for years before the last.")
    )

    class Meta:
        model = Target
        fields = (
            *("id", "pilot", "indicator", "kind", "base_year", "base_value", "target_year", "target_value"),
            *("target_text", "target_text_en", "target_text_zh", "done_on", "steps", "binding", *FACT_FIELDS, "url"),
        )
        read_only_fields = fields


VERSION_HELP = _("Which value it is for the period, from 1: a correction is a new version, and the old one is kept.")


class ReadingSerializer(RecordSerializer):
    """A version of a value as it stood on the day: accepted later, it was only reported then."""

    state = serializers.ChoiceField(
        source="state_then",
        choices=ReadingState.choices,
        read_only=True,
        help_text=_("What it was on the day: accepted later, it was only reported then."),
    )
    accepted_on = DateValueField(source="accepted_then")
    version = serializers.IntegerField(read_only=True, help_text=VERSION_HELP)

    class Meta:
        model = Reading
        fields = (
            *("id", "pilot", "indicator", "period", "value", "value_status", "version", "state", "reported_on"),
            *("accepted_on", *FACT_FIELDS, "url"),
        )
        read_only_fields = fields


# -- progress ----------------------------------------------------------------------------------------------


class ReasonSerializer(ValueSerializer):
    """One reason of a light: a stable code, a sentence in the reader's language, the page of the item."""

    value_type = Explanation
    value_fields = {
        "code": "",
        "text": "",
        "url": serializers.SerializerMethodField(),
        "owner": _(
            "Who is responsible: the department of a milestone, else the pilot’s own office; empty when all is well."
        ),
    }

    def get_url(self, reason: Explanation) -> str:
        return str(self.context["request"].build_absolute_uri(reason.url))


class LateCompletionSerializer(ValueSerializer):
    """A completion that was entered long after the day it names."""

    value_type = LateCompletion
    value_fields = {
        "completed_on": _("The day on which the milestone is said to have been completed."),
        "entered_on": _("The day on which that was entered."),
    }


class ReplanningSerializer(ValueSerializer):
    """A milestone or target of which something that decides the light was changed, or entered late."""

    value_type = Replanning
    value_fields = {
        "kind": serializers.ChoiceField(
            choices=[("milestone", _("milestone")), ("target", _("target"))],
            read_only=True,
            help_text=_("What was changed."),
        ),
        "id": ValueField(_("Its id; a deleted one is no longer in its list."), "pk"),
        "on": _("The day of the last such change."),
        "was": serializers.SerializerMethodField(
            help_text=_("What the changed fields said when it was entered; of a deleted one, all of them.")
        ),
        "deleted": _("Whether it has been deleted."),
        "completion": _("Its completion, where that was entered more than 30 days after the day it names; else null."),
        "text": serializers.SerializerMethodField(help_text=_("The same as a sentence.")),
    }

    @extend_schema_field(serializers.DictField(child=serializers.JSONField()))
    def get_was(self, item: Replanning) -> dict[str, object]:
        return {name: json_value(value) for name, value in item.was.items()}

    def get_text(self, item: Replanning) -> str:
        return plan_change_text(item)


def json_value(value: object) -> object:
    """A value of a field as JSON has it: days as text, decimals as numbers, steps by year."""
    if isinstance(value, dict):
        return {str(key): json_value(one) for key, one in value.items()}
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


class OverrideSerializer(ValueSerializer):
    """A light set by hand: from `expires_on` on the computed one counts again."""

    value_type = LightOverride
    value_fields = {
        "colour": ValueField(_("The colour that was set."), type=Colour),
        "reason": ValueField(_("Why it was set."), type=str),
        "author": serializers.SerializerMethodField(
            help_text=_("Which office set it. Names of people stand in the history, for those whom they concern.")
        ),
        "set_on": ValueField(_("Since when."), type=date),
        "expires_on": ValueField(_("From this day on the computed light counts again."), type=date),
    }

    def get_author(self, override: LightOverride) -> str:
        """The office that sets lights by hand; everybody reads this answer, so nobody is named."""
        return gettext("the ministry")


class LightSerializer(ValueSerializer):
    """A pilot's light. `colour` is the one shown: the computed one unless one set by hand is in force."""

    value_type = PilotStatus
    value_fields = {
        "colour": _("The colour that is shown: the computed one, unless one set by hand is in force."),
        "since": _("Since when it has been so; null where that is not known."),
        "rule": serializers.SerializerMethodField(help_text=_("The rule of the computed light, with its version.")),
        "reasons": serializers.SerializerMethodField(
            help_text=_("Why, worst first; a light set by hand says so first.")
        ),
        "computed": ValueField(_("The computed colour."), "light.colour"),
        "override": _("The light set by hand, if one is in force."),
        "replanned": _(
            "What decides the light and was changed after the day on which it was entered: planned days, "
            "targets, bases, what is binding or key, titles of key milestones, deletions, completions entered "
            "more than 30 days after the day they name."
        ),
    }

    def get_rule(self, status: PilotStatus) -> str:
        """The rule of the computed light, with its version."""
        return RULE_PILOT

    @extend_schema_field(ReasonSerializer(many=True))
    def get_reasons(self, status: PilotStatus) -> object:
        """Why, worst first; a light set by hand says so before the reasons of the computed one."""
        return ReasonSerializer(shown_explanations(status), many=True, context=self.context).data


class MilestoneCountsSerializer(ValueSerializer):
    value_type = MilestoneCounts
    value_fields = {
        "done": _("Done by the day."),
        "due": _("Due by the day."),
        "late": _("Due and not done."),
        "total": _("All that are planned."),
    }


class IndicatorProgressSerializer(ValueSerializer):
    """A target on the day, beside the accepted value of the last period due: `period` is the year it speaks of."""

    value_type = IndicatorStatus
    value_fields = {
        "indicator": ValueField(_("What is measured."), "target.indicator", Indicator),
        "kind": ValueField(_("What the target asks for."), "target.kind", TargetKind),
        "binding": ValueField(_("Whether the pilot is bound to it."), "target.binding", bool),
        "base": ValueField(_("Value of the base year."), "target.base_value", Decimal | None),
        "actual": ValueField(_("Accepted value of the last period due."), "reading.value", Decimal | None),
        "target": ValueField(_("Value to be reached."), "target.target_value", Decimal | None),
        "period": ValueField(_("The year that actual speaks of."), "year", str),
        "progress": ValueField(_("How much of the way from base to target is behind the pilot."), "light.progress"),
        "expected_share": ValueField(_("How much of the way is due."), "light.share"),
        "expected_value": ValueField(_("The value that is due."), "light.expected"),
        "shortfall": ValueField(_("What is missing of what is due; negative ahead of it."), "light.shortfall"),
        "light": ValueField(_("Its light on the day."), "light.colour"),
        "why": ValueField(_("Why the light has its colour."), "light.why", ChoiceWithLabel),
    }


class SpanSerializer(ValueSerializer):
    """Days from one stage to another; so far, where it is not done."""

    value_type = Duration
    value_fields = {
        "days": _("Days from one stage to the other; so far, where it is not done."),
        "done": _("Whether the other stage is reached."),
    }


class PilotProgressSerializer(ValueSerializer):
    """How far one pilot has come."""

    value_type = PilotStatus
    value_fields = {
        "pilot": _("The pilot."),
        "stage": ValueField(
            _("The last stage that it had entered by the day; null where none is on record."), "current_stage.stage"
        ),
        "days_in_stage": _("Days since it entered that stage."),
        "list_to_plan": _("From the day it was listed to the issue of its plan."),
        "light": ValueField(_("Its light, with its reasons."), "*", LightSerializer),
        "milestones": ValueField(_("How many milestones are done, due and late."), "counts"),
        "indicators": _("Each target beside the value that is due."),
    }


class FunnelStepSerializer(ValueSerializer):
    """How many of the pilots stand in a stage or past it."""

    value_fields = {
        "stage": serializers.ChoiceField(
            choices=[(stage.value, stage.label) for stage in ORDERED_STAGES],
            read_only=True,
            help_text=_("A stage."),
        ),
        "reached": ValueField(_("Pilots in it or past it."), type=int),
        "of": ValueField(_("All pilots that are counted."), type=int),
    }


class KindFunnelSerializer(ValueSerializer):
    """The funnel of one kind of pilot."""

    value_fields = {
        "kind": ValueField(_("The kind of pilot."), type=PilotKind),
        "funnel": ValueField(_("Pilots at or past each stage."), type=Sequence[FunnelStepSerializer]),
    }


def funnel_steps(funnel: StageFunnel) -> list[dict[str, object]]:
    return [{"stage": stage.value, "reached": reached, "of": funnel.n} for stage, reached in funnel.reached.items()]


class StripSerializer(ValueSerializer):
    """How many pilots show each colour on the day, and did on the last day of the quarter before."""

    value_type = LightSummary
    value_fields = {
        "now": _("Pilots by colour on the day."),
        "then": _("The same on the day before."),
        "then_on": _("That day: the last of the quarter before."),
    }


@dataclass(frozen=True)
class ProgressPage:
    """Progress of a set of pilots in numbers, and of those of one page one by one."""

    totals: ProgressTotals
    page: ListPage

    @property
    def pilots(self) -> Sequence[PilotStatus]:
        return build_progress(self.totals.pilots.filter(pk__in=self.page.keys), self.totals.as_of).pilots


class ProgressSerializer(ValueSerializer):
    """How far the pilots have come on the day; `reported` of them have an accepted value for the last period due."""

    value_type = ProgressPage
    value_fields = {
        "as_of": ValueField(source="totals.as_of"),
        "known": KnownField(),
        **PAGE_FIELDS,
        "pilots": ValueField(_("How far each pilot has come."), type=Sequence[PilotProgressSerializer]),
        "funnel": serializers.SerializerMethodField(
            help_text=_("Pilots at or past each stage; those that have withdrawn are left out.")
        ),
        "by_kind": serializers.SerializerMethodField(help_text=_("The same for each kind of pilot.")),
        "strip": ValueField(_("The lights on the day beside those of the quarter before."), "totals.strip"),
        "reported": ValueField(_("Pilots with an accepted value for the last period due."), "totals.reported"),
    }

    @extend_schema_field(FunnelStepSerializer(many=True))
    def get_funnel(self, value: ProgressPage) -> Sequence[Mapping[str, object]]:
        """Pilots at or past each stage; those that have withdrawn are left out."""
        return funnel_steps(value.totals.funnel())

    @extend_schema_field(KindFunnelSerializer(many=True))
    def get_by_kind(self, value: ProgressPage) -> Sequence[Mapping[str, object]]:
        """The same for each kind that there is."""
        totals, kinds = value.totals, {*value.totals.kinds.values()}
        return [
            {"kind": kind.value, "funnel": funnel_steps(totals.funnel(kind))} for kind in PilotKind if kind in kinds
        ]


class ProgressRowSerializer(ValueSerializer):
    """One line of the file: a pilot."""

    value_type = PilotStatus
    value_fields = {
        "pilot": "",
        "kind": ValueField(source="pilot.kind", type=str),
        "batch": ValueField(source="pilot.batch", type=Batch),
        "province": ValueField(source="pilot.province", type=Province),
        "stage": ValueField(source="current_stage.stage"),
        "days_in_stage": "",
        "list_to_plan_days": ValueField(source="list_to_plan.days"),
        "plan_issued": ValueField(source="list_to_plan.done"),
        "light": ValueField(source="colour"),
        "since": "",
        "computed": ValueField(source="light.colour"),
        "reasons": serializers.SerializerMethodField(),
        **{f"milestones_{name}": ValueField(source=f"counts.{name}") for name in ("done", "due", "late", "total")},
        "reported": "",
    }

    def get_reasons(self, status: PilotStatus) -> list[str]:
        return [reason.text for reason in shown_explanations(status)]


# -- synergy -----------------------------------------------------------------------------------------------


class EquivalentsSerializer(ValueSerializer):
    """Air pollutants together, in thousand pollutant equivalents; positive = reduced."""

    value_type = Equivalents
    value_fields = {
        "base": _("Thousand pollutant equivalents in the base year."),
        "reduced": _("By how many there were fewer; negative where there were more."),
        "rate": _("reduced of base, as a fraction."),
    }


class CarbonSerializer(ValueSerializer):
    """Carbon in the unit of its indicator; positive = reduced."""

    value_type = IndicatorChange
    value_fields = {
        "base": _("Value of the base year, in the unit of its indicator."),
        "reduced": ValueField(_("By how much it fell; negative where it rose."), "reduction.amount"),
        "rate": ValueField(_("reduced of base, as a fraction."), "reduction.rate"),
    }


class ElasticitySerializer(ValueSerializer):
    """Cross-elasticity of all air pollutants together to carbon."""

    value_type = Elasticity
    value_fields = {
        "value": _("The rate of air pollution over that of carbon; null unless both fall."),
        "band": _("Which of the two falls more."),
        "note": serializers.SerializerMethodField(help_text=_("Why there is no number; null where there is one.")),
    }

    @extend_schema_field(ChoiceWithLabel(allow_null=True))
    def get_note(self, found: Elasticity) -> dict[str, str] | None:
        """Why there is no number; null when there is one."""
        return elasticity_note(found)


def elasticity_note(found: Elasticity) -> dict[str, str] | None:
    note = no_elasticity(found)
    return None if note is None else {"code": note[0], "text": note[1]}


class PilotSynergySerializer(ValueSerializer):
    """A pilot between its base year and the year asked. Rates are fractions, positive = reduced."""

    value_type = PilotSynergy
    value_fields = {
        "pilot": _("The pilot."),
        "base_year": _("The year that it is compared with."),
        "basis": _("Whether totals or intensities are compared."),
        "rates": _("By how much each pollutant fell, as a fraction of its base."),
        "apeq": _("All air pollutants together."),
        "carbon": _("Carbon dioxide."),
        "class": ValueField(
            _("Whether both fall, only one, or both rise; null where a rate is not known, or only of an intensity."),
            "kind",
        ),
        "els": ValueField(
            _("The rate of each pollutant over that of carbon; null unless both fall."), "elasticity_values"
        ),
        "els_notes": serializers.SerializerMethodField(
            help_text=_("Why there is no number, by pollutant; null where there is one.")
        ),
        "bands": ValueField(_("Which of the two falls more, by pollutant."), "elasticity_bands"),
        "els_apeq": ValueField(_("The same of all air pollutants together."), "elasticity"),
        "progress_air": ValueField(
            _("How far air pollution has come towards its targets."), "pollution_progress.value"
        ),
        "progress_carbon": ValueField(_("How far carbon has come towards its target."), "carbon_progress"),
        "joint_progress": _("Both together: the root of their product, negative when either goes the wrong way."),
    }

    @extend_schema_field(serializers.DictField(child=ChoiceWithLabel(allow_null=True)))
    def get_els_notes(self, row: PilotSynergy) -> dict[str, dict[str, str] | None]:
        """Why there is no number, by pollutant; null where there is one."""
        return {code: elasticity_note(found) for code, found in row.elasticities.items()}


class MissingPilotSerializer(ValueSerializer):
    value_type = ExcludedPilot
    value_fields = {
        "pilot": _("The pilot."),
        "why": ValueField(_("Why it cannot be judged."), type=ChoiceWithLabel),
    }


class TotalSerializer(ValueSerializer):
    """A sum over `n` of the `of` pilots that could bring something; those `within` another pilot are left out."""

    value_type = SumResult
    value_fields = {
        "reduced": ValueField(_("The sum of what was reduced; null where nothing is known."), "value"),
        "n": ValueField(_("Pilots in the sum."), "used"),
        "of": ValueField(_("Pilots that could be in it."), "possible"),
        "within": _("Pilots left out because they lie in another one."),
    }


class TotalsSerializer(ValueSerializer):
    """Reduced together: thousand air pollutant equivalents, and tonnes of CO2."""

    value_type = Synergy
    value_fields = {
        "apeq": ValueField(_("Thousand air pollutant equivalents."), "apeq_total"),
        "carbon_tonnes": ValueField(_("Tonnes of carbon dioxide."), "carbon_total"),
    }


@dataclass(frozen=True)
class SynergyPage:
    """Synergy of a set of pilots, of which one page is listed."""

    synergy: Synergy
    page: ListPage

    @property
    def pilots(self) -> Sequence[PilotSynergy]:
        return [item for item in self.synergy.pilots if item.pilot.pk in self.page.keys]

    @property
    def missing(self) -> Sequence[ExcludedPilot]:
        return [item for item in self.synergy.missing if item.pilot.pk in self.page.keys]


class SynergySerializer(ValueSerializer):
    """Whether pollution and carbon fall together in a year: `judged` of `of` pilots are of a class.

    Of `not_judged` nothing is known (`missing`), or only an intensity of carbon (`n` less `judged`).
    """

    value_type = SynergyPage
    value_fields = {
        "as_of": ValueField(source="synergy.as_of"),
        "known": KnownField(),
        "year": ValueField(_("The year that is compared with the base year."), "synergy.year"),
        "n": ValueField(_("Pilots with rates, of totals or of an intensity."), "synergy.n"),
        "of": ValueField(_("All pilots that are asked about."), "synergy.of"),
        "judged": ValueField(
            _("Pilots that can be judged: of total emissions, the sum of the classes."), "synergy.judged"
        ),
        "not_judged": ValueField(
            _("All others: those that are missing, and those with an intensity only."), "synergy.not_judged"
        ),
        **PAGE_FIELDS,
        "pilots": _("Each pilot of the page with rates."),
        "missing": _("The others of the page, and why."),
        "classes": ValueField(_("How many pilots are of each class, by total emissions alone."), "synergy.kinds"),
        "totals": ValueField(_("Reduced together."), "synergy", TotalsSerializer),
    }


class SynergyRowSerializer(ValueSerializer):
    """One line of the file: a pilot, or why it is missing; what is not known stays empty."""

    value_type = SynergyRow
    value_fields = {
        "pilot": "",
        "kind": ValueField(source="pilot.kind", type=str),
        "province": ValueField(source="pilot.province", type=Province),
        "missing": ValueField(source="why.value", type=str | None),
        "base_year": ValueField(source="found.base_year"),
        "basis": ValueField(source="found.basis"),
        "class": ValueField(source="found.kind"),
        "apeq_base": ValueField(source="found.apeq.base"),
        "apeq_reduced": ValueField(source="found.apeq.reduced"),
        "apeq_rate": ValueField(source="found.apeq.rate"),
        "carbon_base": ValueField(source="found.carbon.base"),
        "carbon_reduced": ValueField(source="found.carbon.reduction.amount"),
        "carbon_rate": ValueField(source="found.carbon.reduction.rate"),
        "rates": ValueField(source="found.rates"),
        "els_apeq": ValueField(source="found.elasticity.value"),
        "band": ValueField(source="found.elasticity.band"),
        "progress_air": ValueField(source="found.pollution_progress.value"),
        "progress_carbon": ValueField(source="found.carbon_progress"),
        "joint_progress": ValueField(source="found.joint_progress"),
    }


# -- trend ---------------------------------------------------------------------------------------------


class TrendYearSerializer(ValueSerializer):
    """A year: `n` of the `of` pilots that could bring a value have one; what must not be put together stays null."""

    value_type = TrendYear
    value_fields = {
        "year": _("The year."),
        "n": _("Pilots with an accepted value for the year."),
        "of": _("Pilots that could have one."),
        "total": _("Their sum; null where values are not summed."),
        "median": ValueField(_("Their median; null but for shares."), "spread.median"),
        "low": ValueField(_("The lowest of them; null but for shares."), "spread.low"),
        "high": ValueField(_("The highest of them; null but for shares."), "spread.high"),
    }


class TrendSerializer(ValueSerializer):
    """How an indicator has gone year by year over a set of pilots."""

    value_type = Trend
    value_fields = {
        "as_of": "",
        "known": KnownField(),
        "indicator": _("What is measured."),
        "unit": ValueField(_("The unit of all values."), "indicator.unit_text", str),
        "rollup": ValueField(_("How values of several pilots may be put together."), "indicator.rollup", RollUp),
        "pilots": _("Pilots that are asked about."),
        "within": _("Those of them that lie in another one: a sum leaves them out."),
        "years": _("Each year with an accepted value."),
        "same": _("The same years over those pilots alone that have a value in each of them: so years compare."),
    }


# -- coverage ------------------------------------------------------------------------------------------


class IndustryCoverageSerializer(ValueSerializer):
    value_type = IndustryCoverage
    value_fields = {
        "industry": _("The industry."),
        "pilots": _("Pilots in this industry, by their own documents."),
        "provinces": _("Provinces of the roster with at least one of them."),
        "roster": _("Provinces that the programme covers: the denominator."),
        "share": _("provinces of roster, as a fraction."),
        "priority": ValueField(
            _("Whether national policy singles it out: named in the batch notice, or an ultra-low emission sector."),
            "industry.priority",
            bool,
        ),
        "gap": _("Whether it is singled out and no recorded pilot names it; never true while gaps are not judged."),
        "in_notice": _("Whether the notice of a batch counted here names it."),
    }


class FieldCoverageSerializer(ValueSerializer):
    value_type = FieldCoverage
    value_fields = {
        "field": _("A field of measures."),
        "label": "",
        "measures": _("The measures of the field."),
        "industries": _("The industries that they are about."),
        "pilots": _("Pilots that name one of these industries."),
        "provinces": _("Provinces of the roster with at least one of them."),
        "roster": _("Provinces that the programme covers: the denominator."),
        "share": _("provinces of roster, as a fraction."),
    }


class PlaceSerializer(ValueSerializer):
    """A column of the matrix: a region or a province of the roster."""

    value_type = Place
    value_fields = {"code": "", "label": ""}


class MatrixSerializer(ValueSerializer):
    """Pilots by industry (rows) and place (columns): cells[row][column]."""

    value_type = CoverageMatrix
    value_fields = {
        "rows": _("The industries."),
        "columns": _("The places."),
        "cells": _("Pilots by row and column: cells[row][column]."),
    }


class CoverageNumbersSerializer(ValueSerializer):
    """The coverage of industries in numbers. A pilot may name several industries; `naming` pilots name at least one."""

    value_type = Coverage
    value_fields = {
        "as_of": "",
        "known": KnownField(),
        "pilots": _("Pilots that are counted."),
        "naming": _("Those of them that name an industry."),
        "roster": _("Provinces that the programme covers: the denominator."),
        "covered": _("Industries that at least one pilot names."),
        "priorities": _("Industries that national policy singles out."),
        "gaps": ValueField(_("Those of them that no recorded pilot names."), "gap_industries"),
        "announced": _("Pilots announced in the set that is counted; null where that is not known."),
        "gap_judged": _("Whether naming is at least gap_threshold of announced; else no gap is claimed."),
        "gap_threshold": _("The share of the announced pilots from which gaps are claimed."),
        "in_notice": _("Industries that the batches’ own notices name."),
    }


class CoverageSerializer(CoverageNumbersSerializer):
    """Which industries the pilots try and which nobody does."""

    value_type = Coverage
    value_fields = {
        **CoverageNumbersSerializer.value_fields,
        "by": serializers.SerializerMethodField(help_text=_("What the columns of the matrix are.")),
        "batches": serializers.SerializerMethodField(
            help_text=_("Announced against recorded for the batches counted here.")
        ),
        "industries": _("Each industry."),
        "fields": _("Each field of measures."),
        "matrix": _("Pilots by industry and place."),
    }

    @extend_schema_field(serializers.ChoiceField(choices=MATRIX_AXES))
    def get_by(self, coverage: Coverage) -> str:
        """What the matrix's columns are."""
        by: str = self.context["view"].by
        return by

    @extend_schema_field(BatchCountSerializer(many=True))
    def get_batches(self, coverage: Coverage) -> object:
        """Announced against recorded for the batches counted here."""
        return BatchCountSerializer(self.context["view"].batches, many=True, context=self.context).data
