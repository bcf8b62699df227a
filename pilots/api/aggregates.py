"""Aggregates over pilots in the API: fields only, no arithmetic."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema_field
from rest_framework import serializers
from rest_framework.fields import DictField, JSONField, ListField, SerializerMethodField
from rest_framework.serializers import Serializer

from core.api.pagination import PageSerializer
from core.api.serializers import (
    ApiUrlField,
    ChoiceWithLabel,
    CountsField,
    DateValueField,
    DaySerializer,
    NumberField,
    RatioField,
    RelatedByCode,
    RelatedBySlug,
)
from core.api.viewsets import AggregateView
from core.errors import Problem, choice_error, truncate
from core.tables import in_chunks
from pilots import filters
from pilots.amendments import PlanChange
from pilots.analytics.coverage import MATRIX_AXES, Coverage
from pilots.analytics.pilot_status import PilotStatus
from pilots.analytics.progress import BY_BATCH, Progress
from pilots.analytics.reconciliation import BatchCount, PilotSet, build_reconciliation
from pilots.analytics.synergy import EmissionBasis, Synergy
from pilots.analytics.trend import Trend, build_trend
from pilots.api.records import (
    COLOUR_HELP,
    DAYS_IN_STAGE_HELP,
    STAGE_HELP,
    WHY_HELP,
    CountSerializer,
    KindCountSerializer,
    told_why,
)
from pilots.charts.stages import pilot_kinds
from pilots.lights import RULE_PILOT, Light
from pilots.metrics import STAGE_CHOICES, CoControl, StageFunnel
from pilots.models import Colour, Indicator, LightOverride, Pilot, PilotKind, RollUp, Stage, TargetKind
from policies.models import Field, Level

ROSTER_HELP = "Provinces that the programme covers: the denominator."
COVERED_HELP = "Provinces of the roster with at least one of them."
SHARE_HELP = "provinces of roster, as a fraction."
BY_HAND_HELP = "Those of them that the ministry set by hand, by the colour that is computed."
YEAR_PATTERN = re.compile(r"[1-9][0-9]{3}", re.ASCII)


class BatchCountSerializer(Serializer):
    """Announced against recorded, for one batch."""

    batch = RelatedBySlug(help_text="The batch that is counted.")
    level = serializers.ChoiceField(
        Level.choices, help_text="Who announced it: the nation or a province.", source="batch.level"
    )
    kinds = KindCountSerializer(many=True, help_text="By kind of pilot.")
    total = CountSerializer(help_text="All kinds together.")


class PilotsView(AggregateView):
    """An aggregate over the pilots of the day."""

    queryset = Pilot.objects.all()

    def get_queryset(self) -> QuerySet[Any]:
        return Pilot.objects.listed(self.as_of)


# -- progress --------------------------------------------------------------------------------------------


class ReasonSerializer(Serializer):
    """One reason of a light: a stable code, a sentence in the reader's language, the page of the item."""

    code = serializers.CharField()
    text = serializers.CharField()
    url = SerializerMethodField()
    owner = serializers.CharField(
        help_text="Who is responsible: the agency of the open follow-up about it, overdue first, else the department "
        "of a milestone, the ministry while values wait for it, else the pilot’s own office; empty when all is well.",
    )

    def get_url(self, reason: Mapping[str, str]) -> str:
        return str(self.context["request"].build_absolute_uri(reason["url"]))


class ReplanningSerializer(Serializer):
    """A milestone or target that was amended, or whose completion was entered more than 30 days late."""

    kind = serializers.ChoiceField(
        [("milestone", "milestone"), ("target", "target")], help_text="What was amended.", read_only=True
    )
    id = serializers.IntegerField(help_text="Its id.", source="pk")
    on = DateValueField(help_text="The day of the last decision, or of the late entry.", allow_null=False)
    was = SerializerMethodField(help_text="What was promised first, of the fields that were amended.")
    text = serializers.CharField(help_text="The same as a sentence.")

    @extend_schema_field(DictField(child=JSONField()))
    def get_was(self, item: PlanChange) -> object:
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

    colour = serializers.ChoiceField(Colour.choices, help_text="The colour that was set.")
    reason = serializers.CharField(help_text="Why it was set.")
    author = SerializerMethodField(help_text="Which office set it. Names of people stand in the history.")
    set_on = DateValueField(help_text="Since when.", allow_null=False)
    expires_on = DateValueField(help_text="From this day on the computed light counts again.", allow_null=False)

    def get_author(self, override: LightOverride) -> str:
        """The office that sets lights by hand; everybody reads this answer, so nobody is named."""
        return _("the ministry")


class LightSerializer(Serializer):
    """A pilot's light. `colour` is the one shown: the computed one unless one set by hand is in force."""

    colour = serializers.ChoiceField(
        Colour.choices, help_text="The colour shown: the computed one, unless one set by hand is in force."
    )
    since = DateValueField(help_text="Since when it has been so; null where that is not known.")
    rule = SerializerMethodField(help_text="The rule of the computed light, with its version.")
    reasons = ReasonSerializer(
        source="told_reasons",
        many=True,
        read_only=True,
        help_text="Why, worst first; a light set by hand says so first.",
    )
    computed = serializers.ChoiceField(Colour.choices, help_text="The computed colour.")
    override = OverrideSerializer(allow_null=True, help_text="The light set by hand, if one is in force.")
    replanned = ReplanningSerializer(
        many=True,
        help_text="What was promised and then amended, and completions entered more than 30 days after their day.",
    )

    def get_rule(self, status: PilotStatus) -> str:
        return RULE_PILOT


class MilestoneCountsSerializer(Serializer):
    done = serializers.IntegerField(help_text="Done by the day.")
    due = serializers.IntegerField(help_text="Due by the day.")
    late = serializers.IntegerField(help_text="Due and not done.")
    total = serializers.IntegerField(help_text="All that are planned.")


class IndicatorProgressSerializer(Serializer):
    """A target as in force on the day, beside the accepted value that counts: `period` is the year it speaks of."""

    id = serializers.IntegerField(source="record.pk", help_text="The target’s id.")
    url = ApiUrlField(source="record", help_text="The target in the API.")
    indicator = RelatedByCode(source="record.indicator", help_text="What is measured.")
    kind = serializers.ChoiceField(TargetKind.choices, help_text="What the target asks for.", source="record.kind")
    binding = serializers.BooleanField(help_text="Whether the pilot is bound to it.", source="record.binding")
    target_year = serializers.IntegerField(
        source="promise.year", allow_null=True, help_text="By when; null where it is not in force."
    )
    base = NumberField(help_text="Value of the base year.", source="promise.base_value")
    actual = NumberField(help_text="The accepted value that counts.")
    target = NumberField(help_text="Value to be reached.", source="promise.value")
    period = serializers.CharField(
        help_text="The year that actual speaks of.", source="reading.period", allow_null=True
    )
    missing = ListField(
        child=serializers.IntegerField(), source="years", help_text="Years that are due and have no accepted value."
    )
    progress = RatioField(help_text="How much of the way from base to target is behind the pilot.")
    expected_share = RatioField(help_text="How much of the way is due.", source="share")
    expected_value = NumberField(help_text="The value that is due.", source="expected")
    shortfall = RatioField(help_text="What is missing of what is due; negative ahead of it.")
    light = serializers.ChoiceField(Colour.choices, help_text=COLOUR_HELP, source="colour")
    why = SerializerMethodField(help_text=WHY_HELP)

    @extend_schema_field(ChoiceWithLabel)
    def get_why(self, light: Light) -> dict[str, str]:
        return told_why(light)


class SpanSerializer(Serializer):
    """Days from one stage to another; so far, where it is not done."""

    days = serializers.IntegerField(help_text="Days from one stage to the other; so far, where it is not done.")
    done = serializers.BooleanField(help_text="Whether the other stage is reached.")


class SynergyClassField(serializers.ChoiceField):
    """Class of a pilot's synergy in the year due, null where the synergy of the day gives none."""

    def __init__(self) -> None:
        text = "Whether pollution and carbon both fall, as in /api/v1/synergy/; null where it gives no class."
        options: dict[str, Any] = {"read_only": True, "allow_null": True, "source": "pilot.class_kind"}
        super().__init__(choices=CoControl.choices, help_text=text, **options)

    def to_representation(self, kind: str) -> Any:
        return kind or None


class PilotProgressSerializer(Serializer):
    """How far one pilot has come."""

    pilot = RelatedBySlug(help_text="The pilot.")
    stage = serializers.ChoiceField(Stage.choices, help_text=STAGE_HELP, source="current_stage.stage", allow_null=True)
    days_in_stage = serializers.IntegerField(help_text=DAYS_IN_STAGE_HELP, allow_null=True)
    list_to_plan = SpanSerializer(allow_null=True, help_text="From the day it was listed to the issue of its plan.")
    light = LightSerializer(source="*", help_text="Its light, with its reasons.")
    synergy_class = SynergyClassField()
    milestones = MilestoneCountsSerializer(source="counts", help_text="How many milestones are done, due and late.")
    indicators = IndicatorProgressSerializer(many=True, help_text="Each target beside the value that is due.")


class FunnelStepSerializer(Serializer):
    """How many of the pilots stand in a stage or past it."""

    stage = serializers.ChoiceField(STAGE_CHOICES, help_text="A stage.", read_only=True)
    reached = serializers.IntegerField(help_text="Pilots in it or past it.")
    of = serializers.IntegerField(help_text="All pilots that are counted.")


class KindFunnelSerializer(Serializer):
    """The funnel of one kind of pilot."""

    kind = serializers.ChoiceField(PilotKind.choices, help_text="The kind of pilot.")
    funnel = FunnelStepSerializer(many=True, help_text="Pilots at or past each stage.")


def funnel_steps(funnel: StageFunnel) -> list[dict[str, object]]:
    return [{"stage": stage.value, "reached": reached, "of": funnel.n} for stage, reached in funnel.reached.items()]


class StripSerializer(Serializer):
    """How many pilots show each colour on the day, and did on the last day of the quarter before."""

    now = CountsField(help_text="Pilots by colour on the day.", source="now.lights")
    then = CountsField(help_text="The same on the day before.", source="then.lights")
    then_on = DateValueField(help_text="That day: the last of the quarter before.", source="then.on", allow_null=False)
    by_hand = CountsField(help_text=BY_HAND_HELP, source="now.by_hand")
    by_hand_then = CountsField(help_text="The same on the day before.", source="then.by_hand")


class ProgressSerializer(PageSerializer):
    """How far the pilots have come on the day; `reported` of `owing` have an accepted value of the last year due."""

    pilots = SerializerMethodField(help_text="How far each pilot has come.")
    funnel = SerializerMethodField(help_text="Pilots at or past each stage; those that have withdrawn are left out.")
    by_kind = SerializerMethodField(help_text="The same for each kind of pilot.")
    strip = StripSerializer(help_text="The lights on the day beside those of the quarter before.")
    owing = serializers.IntegerField(
        help_text="Pilots that owe values for the last year due.", source="outstanding.owing"
    )
    reported = serializers.IntegerField(
        help_text="Those of them with an accepted value of that year.", source="outstanding.reported"
    )
    waiting = serializers.IntegerField(
        help_text="Those without one whose values wait for the ministry.", source="outstanding.waiting"
    )

    @extend_schema_field(PilotProgressSerializer(many=True))
    def get_pilots(self, progress: Progress) -> object:
        statuses = self.context["view"].file_rows(progress)
        return PilotProgressSerializer(statuses, many=True, context=self.context).data

    @extend_schema_field(FunnelStepSerializer(many=True))
    def get_funnel(self, progress: Progress) -> Sequence[Mapping[str, object]]:
        return funnel_steps(progress.funnel())

    @extend_schema_field(KindFunnelSerializer(many=True))
    def get_by_kind(self, progress: Progress) -> Sequence[Mapping[str, object]]:
        return [{"kind": kind, "funnel": funnel_steps(progress.funnel(kind))} for kind in pilot_kinds(progress)]


class ProgressRowSerializer(Serializer):
    """One line of the file: a pilot."""

    pilot = RelatedBySlug()
    kind = serializers.CharField(source="pilot.kind")
    batch = RelatedBySlug(source="pilot.batch")
    province = RelatedBySlug(source="pilot.province")
    stage = serializers.CharField(source="current_stage.stage", allow_null=True)
    days_in_stage = serializers.IntegerField(allow_null=True)
    list_to_plan_days = serializers.IntegerField(source="list_to_plan.days", allow_null=True)
    plan_issued = serializers.BooleanField(source="list_to_plan.done", allow_null=True)
    light = serializers.CharField(source="colour")
    since = DateValueField()
    computed = serializers.CharField()
    reasons = SerializerMethodField()
    milestones_done = serializers.IntegerField(source="counts.done")
    milestones_due = serializers.IntegerField(source="counts.due")
    milestones_late = serializers.IntegerField(source="counts.late")
    milestones_total = serializers.IntegerField(source="counts.total")
    reported = serializers.BooleanField()
    outstanding = serializers.CharField(allow_null=True)
    synergy_class = SynergyClassField()

    def get_reasons(self, status: PilotStatus) -> list[str]:
        return [reason["text"] for reason in status.told_reasons]


class ProgressView(PilotsView):
    cache_responses = True
    heading = gettext_lazy("Progress of pilots")
    about = (
        "How far each pilot has come on the day, and why its light has its colour; the funnel of stages; the lights "
        "beside those of the last day of the quarter before. Only accepted values count. An indicator’s base, actual, "
        "target and expected_value are in its unit; progress, expected_share and shortfall are fractions. "
        "As CSV or XLSX: the pilots, one row each."
    )
    filterset_class = filters.ProgressFilter
    serializer_class, row_serializer_class = ProgressSerializer, ProgressRowSerializer
    file_name, lists_rows = "progress", True

    def build(self) -> Progress:
        return Progress(self.chosen(), self.as_of)

    def file_rows(self, value: Progress) -> Iterable[PilotStatus]:
        """Return the statuses of the pilots of a page, or of all in chunks."""

        def statuses(keys: Sequence[int]) -> list[PilotStatus]:
            return value.statuses(value.lit.filter(pk__in=keys).order_by(*BY_BATCH))

        every = value.lit.order_by(*BY_BATCH).values_list("pk", flat=True)
        keys = self.paginator.rows  # type: ignore[union-attr]
        return statuses(keys) if self.is_paged else in_chunks(every, statuses)


# -- synergy ---------------------------------------------------------------------------------------------


class EquivalentsSerializer(Serializer):
    """Air pollutants together, in thousand pollutant equivalents; positive = reduced."""

    base = NumberField(help_text="Thousand pollutant equivalents in the base year.")
    reduced = NumberField(help_text="By how many there were fewer; negative where there were more.")
    rate = RatioField(help_text="reduced of base, as a fraction.")


class CarbonSerializer(Serializer):
    """Carbon in the unit of its indicator; positive = reduced."""

    base = NumberField(help_text="Value of the base year, in the unit of its indicator.")
    reduced = NumberField(help_text="By how much it fell; negative where it rose.")
    rate = RatioField(help_text="reduced of base, as a fraction.")


class PilotSynergySerializer(Serializer):
    """A pilot between its base year and the year asked. Rates are fractions, positive = reduced."""

    pilot = RelatedBySlug(help_text="The pilot.")
    base_year = serializers.IntegerField(help_text="The year that it is compared with.")
    basis = serializers.ChoiceField(EmissionBasis.choices, help_text="Whether totals or intensities are compared.")
    rates = DictField(child=RatioField(), help_text="By how much each pollutant fell, as a fraction of its base.")
    apeq = EquivalentsSerializer(help_text="All air pollutants together.")
    carbon = CarbonSerializer(help_text="Carbon dioxide.")
    vars()["class"] = serializers.ChoiceField(
        CoControl.choices,
        help_text="Which fall; null where a rate is not known, or of an intensity.",
        source="kind",
        allow_null=True,
    )  # a keyword of Python


class MissingPilotSerializer(Serializer):
    pilot = RelatedBySlug(help_text="The pilot.")
    why = ChoiceWithLabel(help_text="Why it cannot be judged.")


class TotalSerializer(Serializer):
    """A sum over `n` of the `of` pilots that could bring something; those `within` another pilot are left out."""

    reduced = NumberField(help_text="The sum of what was reduced; null where nothing is known.", source="value")
    n = serializers.IntegerField(help_text="Pilots in the sum.", source="used")
    of = serializers.IntegerField(help_text="Pilots that could be in it.", source="possible")
    within = ListField(child=serializers.CharField(), help_text="Pilots left out because they lie in another one.")


class TotalsSerializer(Serializer):
    """Reduced together by the pilots asked about: thousand air pollutant equivalents, and tonnes of CO2."""

    apeq = TotalSerializer(source="sums.equivalents", help_text="Thousand air pollutant equivalents.")
    carbon_tonnes = TotalSerializer(source="sums.carbon_tonnes", help_text="Tonnes of carbon dioxide.")


class SynergySerializer(PageSerializer):
    """Whether pollution and carbon fall together in a year: `judged` of `of` pilots are of a class.

    Of `not_judged` nothing is known (`missing`), or only an intensity of carbon (`n` less `judged`).
    """

    year = serializers.IntegerField(help_text="The year that is compared with the base year.")
    n = serializers.IntegerField(help_text="Pilots with rates, of totals or of an intensity.")
    of = serializers.IntegerField(help_text="All pilots that are asked about.")
    judged = serializers.IntegerField(
        help_text="Pilots that can be judged: of total emissions, the sum of the classes."
    )
    not_judged = serializers.IntegerField(
        help_text="All others: those that are missing, and those with an intensity only."
    )
    pilots = PilotSynergySerializer(many=True, help_text="Each pilot of the page with rates.")
    missing = MissingPilotSerializer(many=True, help_text="The others of the page, and why.")
    classes = CountsField(help_text="How many pilots are of each class, by total emissions alone.", source="kinds")
    totals = TotalsSerializer(source="*", help_text="Reduced together by the pilots asked about, all pages.")


class SynergyRowSerializer(Serializer):
    """One line of the file: a pilot, or why it is missing; what is not known stays empty."""

    pilot = RelatedBySlug()
    kind = serializers.CharField(source="pilot.kind")
    province = RelatedBySlug(source="pilot.province")
    missing = serializers.CharField(source="why.value", allow_null=True)
    base_year = serializers.IntegerField(allow_null=True)
    basis = serializers.CharField(allow_null=True)
    vars()["class"] = serializers.CharField(source="kind", allow_null=True)  # a keyword of Python
    apeq_base = NumberField(source="apeq.base")
    apeq_reduced = NumberField(source="apeq.reduced")
    apeq_rate = RatioField(source="apeq.rate")
    carbon_base = NumberField(source="carbon.base")
    carbon_reduced = NumberField(source="carbon.reduced")
    carbon_rate = RatioField(source="carbon.rate")
    rates = DictField(child=RatioField(), allow_null=True)


class SynergyView(PilotsView):
    cache_responses = True
    heading = gettext_lazy("Synergy of pollution and carbon")
    about = (
        "Whether air pollution and carbon fall together, from a pilot’s base year to the year asked, by values "
        "accepted by the day. Rates are fractions, positive = reduced. apeq is in thousand pollutant equivalents, "
        "carbon in the unit of its indicator (10⁴ t of CO₂, or an intensity). A rate within 0.5 % is flat. Pilots "
        "without the values needed are listed as missing, never as 0. Sums leave out a park beside its city. As CSV or "
        "XLSX: the pilots, one row each."
    )
    filterset_class = filters.SynergyFilter
    serializer_class, row_serializer_class = SynergySerializer, SynergyRowSerializer
    file_name, rows_name, lists_rows = "synergy", "rows", True
    own_parameters = [
        OpenApiParameter("year", int, description="Compared with the base year; else the last whose values are due.")
    ]

    def build(self) -> Synergy:
        """Raises Problem for what is no year."""
        chosen, year = self.chosen(), self.request.query_params.get("year")
        if year is not None and not YEAR_PATTERN.fullmatch(year):
            message = _("year: “%(value)s” is not a year. Write it as 2025.") % {"value": truncate(year)}
            raise Problem("year", "invalid_number", message)
        keys = self.paginator.rows  # type: ignore[union-attr]
        return Synergy(chosen, self.as_of, None if year is None else int(year), keys)

    def file_rows(self, value: Synergy) -> Iterable[object]:
        if self.is_paged:
            return [*value.pilots, *value.missing]
        return in_chunks(value.rated_first.values_list("pk", flat=True), value.details)


# -- trend -----------------------------------------------------------------------------------------------


class TrendYearSerializer(Serializer):
    """A year: `n` of the `of` pilots that could bring a value have one; what must not be put together stays null."""

    year = serializers.IntegerField(help_text="The year.")
    n = serializers.IntegerField(help_text="Pilots with an accepted value for the year.")
    of = serializers.IntegerField(help_text="Pilots that could have one.")
    total = NumberField(help_text="Their sum; null where values are not summed.")
    median = NumberField(help_text="Their median; null but for shares, and of fewer than five.")
    low = NumberField(help_text="The lowest of them; null but for shares.")
    high = NumberField(help_text="The highest of them; null but for shares.")


class TrendSerializer(DaySerializer):
    """How an indicator has gone year by year over a set of pilots."""

    indicator = RelatedByCode(help_text="What is measured.")
    unit = serializers.CharField(help_text="The unit of all values.", source="indicator.unit_text")
    rollup = serializers.ChoiceField(
        RollUp.choices, help_text="How values of several pilots may be put together.", source="indicator.rollup"
    )
    pilots = serializers.IntegerField(help_text="Pilots that are asked about.")
    within = serializers.IntegerField(help_text="Those of them that lie in another one: a sum leaves them out.")
    years = TrendYearSerializer(many=True, help_text="Each year with an accepted value.")
    same = TrendYearSerializer(
        many=True, help_text="The same over the pilots with a value in each year: so years compare."
    )


class TrendView(PilotsView):
    cache_responses = True
    heading = gettext_lazy("Trend of an indicator")
    about = (
        "How an indicator has gone year by year over the pilots asked about, by values accepted by the day, in the "
        "unit of the indicator. Totals leave out a park beside its city; shares are shown as a median with its range; "
        "concentrations and intensities are never put together, so of these only n is given. A year without any value "
        "is left out. As CSV or XLSX: the years, one row each."
    )
    filterset_class = filters.TrendFilter
    serializer_class, row_serializer_class = TrendSerializer, TrendYearSerializer
    file_name, rows_name = "trend", "years"
    own_parameters = [
        OpenApiParameter(
            "indicator",
            description="The indicator, by its code.",
            required=True,
            examples=[OpenApiExample("indicator", "CO2_TOT")],
        )
    ]

    def build(self) -> Trend:
        """Raises Problem for no indicator or an unknown one, naming those on record."""
        asked = self.request.query_params.get("indicator")
        by_code = {item.code: item for item in Indicator.objects.all()}
        if asked is None:
            text = _("indicator: name an indicator. On record: %(known)s.") % {"known": ", ".join(by_code)}
            raise Problem("indicator", "required", text)
        if asked.upper() not in by_code:
            raise choice_error(asked, by_code, "indicator")
        return build_trend(self.chosen(), by_code[asked.upper()], self.as_of)


# -- coverage --------------------------------------------------------------------------------------------


class IndustryCoverageSerializer(Serializer):
    industry = RelatedBySlug(help_text="The industry.")
    pilots = serializers.IntegerField(help_text="Pilots in this industry, by their own documents.")
    provinces = serializers.IntegerField(help_text=COVERED_HELP)
    roster = serializers.IntegerField(help_text=ROSTER_HELP)
    share = serializers.FloatField(help_text=SHARE_HELP, allow_null=True)
    priority = serializers.BooleanField(
        help_text="Whether national policy singles it out, as in /industries/.", source="industry.priority"
    )
    gap = serializers.BooleanField(
        help_text="Whether it is singled out and no recorded pilot names it; false while gaps are not judged."
    )
    in_notice = serializers.BooleanField(help_text="Whether the notice of a batch counted here names it.")


class FieldCoverageSerializer(Serializer):
    field = serializers.ChoiceField(Field.choices, help_text="A field of measures.")
    label = serializers.CharField()  # type: ignore[assignment]
    measures = RelatedBySlug(many=True, help_text="The measures of the field.")
    industries = RelatedBySlug(many=True, help_text="The industries that they are about.")
    pilots = serializers.IntegerField(help_text="Pilots that name one of these industries.")
    provinces = serializers.IntegerField(help_text=COVERED_HELP)
    roster = serializers.IntegerField(help_text=ROSTER_HELP)
    share = serializers.FloatField(help_text=SHARE_HELP, allow_null=True)


class PlaceSerializer(Serializer):
    """A column of the matrix: a region or a province of the roster."""

    code = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]


class MatrixSerializer(Serializer):
    """Pilots by industry (rows) and place (columns): cells[row][column]."""

    rows = RelatedBySlug(many=True, source="all_industries", help_text="The industries.")
    columns = PlaceSerializer(many=True, help_text="The places.")
    cells = ListField(
        child=ListField(child=serializers.IntegerField()), help_text="Pilots by row and column: cells[row][column]."
    )


class CoverageNumbersSerializer(DaySerializer):
    """The coverage of industries in numbers. A pilot may name several industries; `naming` pilots name at least one."""

    pilots = serializers.IntegerField(help_text="Pilots that are counted.")
    naming = serializers.IntegerField(help_text="Those of them that name an industry.")
    roster = serializers.IntegerField(help_text=ROSTER_HELP)
    covered = serializers.IntegerField(help_text="Industries that at least one pilot names.")
    priorities = serializers.IntegerField(help_text="Industries that national policy singles out.")
    gaps = RelatedBySlug(many=True, source="gap_industries", help_text="Those of them that no recorded pilot names.")
    announced = serializers.IntegerField(
        help_text="Pilots announced in the set that is counted; null if not known.", allow_null=True
    )
    gap_judged = serializers.BooleanField(
        help_text="Whether naming is at least gap_threshold of announced; else no gap is claimed."
    )
    gap_threshold = serializers.FloatField(help_text="The share of the announced pilots from which gaps are claimed.")
    in_notice = RelatedBySlug(many=True, help_text="Industries that the batches’ own notices name.")


class CoverageSerializer(CoverageNumbersSerializer):
    """Which industries the pilots try and which nobody does."""

    by = SerializerMethodField(help_text="What the columns of the matrix are.")
    batches = SerializerMethodField(help_text="Announced against recorded for the batches counted here.")
    industries = IndustryCoverageSerializer(many=True, help_text="Each industry.")
    fields = FieldCoverageSerializer(many=True, help_text="Each field of measures.")  # type: ignore[assignment]
    matrix = MatrixSerializer(source="*", help_text="Pilots by industry and place.")

    @extend_schema_field(serializers.ChoiceField(MATRIX_AXES))
    def get_by(self, coverage: Coverage) -> Any:
        return self.context["view"].by

    @extend_schema_field(BatchCountSerializer(many=True))
    def get_batches(self, coverage: Coverage) -> object:
        """Those of the set that is counted. Of a province its own: national ones are not announced by province."""
        batches = coverage.chosen.batches(self.context["view"].counts)
        return BatchCountSerializer(batches, many=True, context=self.context).data


class CoverageView(PilotsView):
    cache_responses = True
    heading = gettext_lazy("Coverage of industries")
    about = (
        "Which industries the pilots try on the day and which nobody does. A gap is an industry that national policy "
        "singles out and no recorded pilot names. No gap is claimed (gap_judged is false) while fewer than "
        "gap_threshold of the announced pilots are recorded and name an industry; in_notice are the industries that "
        "the batches’ own notices name. “batches” says how many of the announced pilots are recorded. "
        "As CSV or XLSX: the industries, one row each."
    )
    filterset_class = filters.CoverageFilter
    serializer_class, row_serializer_class = CoverageSerializer, IndustryCoverageSerializer
    file_name, rows_name = "coverage", "industries"
    own_parameters = [OpenApiParameter("by", description="What the columns of the matrix are.", enum=MATRIX_AXES)]

    @property
    def by(self) -> str:
        """The matrix's columns. Raises Problem for what is neither."""
        word = self.request.query_params.get("by", MATRIX_AXES[0])
        if word not in MATRIX_AXES:
            raise choice_error(word, MATRIX_AXES, "by")
        return word

    def build(self) -> Coverage:
        form = self.filterset_class(self.request.query_params, queryset=Pilot.objects.none()).form
        form.full_clean()
        pilot_set = PilotSet.from_filters(form.cleaned_data)
        return Coverage(self.chosen(), self.as_of, by=self.by, chosen=pilot_set, counts=self.counts)

    @cached_property
    def counts(self) -> Sequence[BatchCount]:
        """Announced against recorded on the day."""
        return build_reconciliation(self.as_of)
