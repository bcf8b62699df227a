"""The pilots' part of the API: the questions that the pages ask, answered in JSON, CSV or XLSX."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, F, Prefetch, Q, QuerySet, Value, When
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter

from config.editing import Editable
from config.faults import BadRequest, Fault, short
from config.filters import for_api
from config.parameters import filters as filter_parameters
from config.parameters import parameter, unknown_word
from config.resources import Aggregate, Numbered, chosen_names, filtered, names_of
from pilots import entries, filters, serializers
from pilots.coverage import AXES, Coverage, build_coverage
from pilots.metrics import Reconciliation
from pilots.models import Batch, Indicator, Milestone, Pilot, Reading, ReadingState, StageEntry, Target, TargetStep
from pilots.overview import Overview, build_overview
from pilots.progress import (
    PilotStatus,
    Progress,
    build_progress,
    milestone_status,
    pilot_status,
    with_facts,
)
from pilots.reconcile import BatchCount, build_reconciliation
from pilots.sets import PilotSet
from pilots.standings import narrowed
from pilots.synergy import Lack, PilotSynergy, Synergy, build_synergy
from pilots.trend import Trend, TrendYear, build_trend
from pilots.writing import WritesMilestones, WritesReadings, WritesStages, WritesTargets
from policies.rollout import POLICY_PARAMETER

EXAMPLES = {
    "batch": "national-batch-1",
    "industry": "chemicals",
    "kind": "park",
    "level": "national",
    "policy": "pilot-list-batch1-2024",
    "province": "zhejiang",
    "region": "east",
    "confidence": "official",
    "pilot": "huzhou",
    "indicator": "ENE_NFF",
    "period": "2025-Q3",
}
YEAR = re.compile(r"[0-9]{4}", re.ASCII)


class Batches(Editable):
    heading = gettext_lazy("Batches")
    one = gettext_lazy("One batch")
    about = gettext_lazy("Pilots announced together, known on the day, with announced against recorded by kind.")
    example, sample = "level=national", "national-batch-1"
    serializer_class = serializers.BatchSerializer
    entry = entries.BatchEntry
    filterset_class = for_api(filters.BatchFilter)
    examples = {**EXAMPLES, "q": "第一批"}
    order = {
        "id": "pk",
        **{name: name for name in ("slug", "title_en", "title_zh", "level", "announced_on", "known_by")},
        **{name: name for name in ("city_count", "county_count", "park_count", "enterprise_count")},
    }
    default_order = "level,known_by"

    def records(self) -> QuerySet[Batch]:
        return Batch.objects.select_related("province", "policy").prefetch_related("industries_announced", "sources")

    def known(self, rows: Any) -> QuerySet[Any]:
        return rows.known(self.as_of)  # type: ignore[no-any-return]

    @cached_property
    def counts(self) -> Mapping[int, BatchCount]:
        """Announced against recorded, by batch."""
        return {row.batch.pk: row for row in build_reconciliation(self.as_of)}


class Pilots(Editable):
    heading = gettext_lazy("Pilots")
    one = gettext_lazy("One pilot")
    about = gettext_lazy(
        "Cities, counties, parks and enterprises that are pilots on the day. One that has withdrawn by the day is left "
        "out of the list unless `withdrawn` asks for it, and keeps its own address. "
        "stage, days_in_stage and light are computed for the day: a filter by stage or light computes them for every "
        "pilot that the other filters leave. With fields= that name none of the three they cost nothing."
    )
    example, sample = "kind=park&batch=national-batch-1&ordering=name_zh", "huzhou"
    serializer_class = serializers.PilotSerializer
    entry = entries.PilotEntry
    filterset_class = for_api(filters.PilotOnDayFilter)
    examples = {**EXAMPLES, "q": "湖州"}
    computed = frozenset({"stage", "days_in_stage", "light"})
    order = {
        "id": "pk",
        **{name: name for name in ("slug", "name_en", "name_zh", "kind", "prefecture_code", "term_start", "term_end")},
        "batch": "batch__slug",
        "province": "province__slug",
        "region": "province__region",
    }
    default_order = "batch,id"

    def records(self) -> QuerySet[Pilot]:
        return Pilot.objects.select_related("batch", "province", "parent").prefetch_related("industries", "sources")

    def known(self, rows: Any) -> QuerySet[Any]:
        """One pilot is found also when it has withdrawn; a list holds those only if they are asked for."""
        if self.action != "list":
            return rows.known(self.as_of)  # type: ignore[no-any-return]
        return rows.members(self.as_of, self.request.query_params.get("withdrawn"))  # type: ignore[no-any-return]

    @cached_property
    def shows_computed(self) -> bool:
        """Whether any computed field is asked for; else the facts behind them are not read."""
        return not self.computed.isdisjoint(chosen_names(names_of(self.serializer_class), self.request))

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows that the filters leave; those about computed words last, on what the others left."""
        rows = super().filter_queryset(queryset)
        if self.action == "list":
            rows = narrowed(rows, self.as_of, **filters.PilotOnDayFilter.computed(self.request.query_params))
        return self.with_facts(rows)

    def with_facts(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return with_facts(rows, only_on=self.as_of) if self.shows_computed else rows

    def on_the_day(self, record: Any) -> Any:
        if self.shows_computed:
            record.status = pilot_status(record, self.as_of)
        return record


# -- what belongs to a pilot -----------------------------------------------------------------------------


class OfPilots(Editable, Numbered):
    """A kind of record that belongs to a pilot."""

    def on(self, name: str) -> Case:
        """A day as it was known on the day asked: null while it lay ahead."""
        return Case(When(**{f"{name}__lte": self.as_of}, then=F(name)))

    def listed(self) -> Q:
        """Whose pilot is one on the day; those of withdrawn ones if asked for, and one record in any case."""
        asked = self.request.query_params.get("withdrawn") if self.action == "list" else "include"
        return Q(pilot__in=Pilot.objects.members(self.as_of, asked))


class Stages(WritesStages, OfPilots):
    heading = gettext_lazy("Stages")
    one = gettext_lazy("One stage of a pilot")
    about = gettext_lazy(
        "Stages that pilots entered by the day, and those they plan to: entered_on is null while a stage lies ahead. "
        "The stage of a pilot is the latest one entered."
    )
    example = "pilot=huzhou"
    serializer_class = serializers.StageSerializer
    entry = entries.StageOfPilotEntry
    filterset_class = for_api(filters.StageFilter, {"entered_on": "entered_then"})
    examples = {**EXAMPLES, "stage": "plan_issued", "q": "湖州"}
    order = {
        "id": "pk",
        "pilot": "pilot__slug",
        "stage": "stage",
        "planned_on": "planned_on",
        "entered_on": "entered_then",
    }
    default_order = "pilot,entered_on,planned_on"

    def records(self) -> QuerySet[StageEntry]:
        rows = StageEntry.objects.annotate(entered_then=self.on("entered_on"))
        return rows.select_related("pilot").prefetch_related("sources")

    def known(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(Q(entered_on__lte=self.as_of) | (Q(planned_on__isnull=False) & self.listed()))


class Milestones(WritesMilestones, OfPilots):
    heading = gettext_lazy("Milestones")
    one = gettext_lazy("One milestone")
    about = gettext_lazy(
        "What the pilots of the day have promised to have done by when. completed_on is null, and the light that of a "
        "milestone not done, until the day of completion. delay_days is negative ahead of the plan."
    )
    example, sample = "is_key=true&done=false&ordering=planned_on", ""
    serializer_class = serializers.MilestoneSerializer
    entry = entries.MilestoneEntry
    filterset_class = for_api(filters.MilestoneFilter, {"completed_on": "completed_then"})
    examples = {**EXAMPLES, "q": "平台"}
    order = {
        "id": "pk",
        "pilot": "pilot__slug",
        **{name: name for name in ("facet", "title_en", "title_zh", "planned_on", "weight", "is_key")},
        "completed_on": "completed_then",
    }
    default_order = "pilot,planned_on"

    def records(self) -> QuerySet[Milestone]:
        done = Case(When(completed_on__lte=self.as_of, then=Value(True)), default=Value(False))
        rows = Milestone.objects.annotate(completed_then=self.on("completed_on"), done_then=done)
        return rows.select_related("pilot").prefetch_related("sources")

    def known(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(self.listed())

    def on_the_day(self, record: Any) -> Any:
        record.status = milestone_status(record, self.as_of)
        return record


class Indicators(Editable):
    heading = gettext_lazy("Indicators")
    one = gettext_lazy("One indicator")
    about = gettext_lazy("What is measured: unit, which way is better, and how far values may be put together.")
    example, sample = "kind=carbon&fields=code,name,unit,may_enter_synergy", "AIR_SO2"
    serializer_class = serializers.IndicatorSerializer
    entry = entries.IndicatorEntry
    filterset_class = for_api(filters.IndicatorFilter)
    examples = {"kind": "pollutant", "q": "二氧化碳"}
    order = {
        "id": "pk",
        **{name: name for name in ("code", "name_en", "name_zh", "kind", "direction", "binding")},
    }
    default_order = "id"
    lookup_field = "code"
    lookup_value_regex = "[A-Za-z0-9_]+"

    def records(self) -> QuerySet[Indicator]:
        return Indicator.objects.all()

    def get_object(self) -> Any:
        """The indicator of the code, however it is written."""
        self.kwargs["code"] = self.stored_key(self.kwargs["code"])
        return super().get_object()

    def stored_key(self, key: str) -> str:
        return key.upper()


class Targets(WritesTargets, OfPilots):
    heading = gettext_lazy("Targets")
    one = gettext_lazy("One target")
    about = gettext_lazy(
        "What the pilots of the day have promised, by indicator. “reach” is a value by the target year, by way of the "
        "steps; “limit” holds in every year; “keep” is no worse than the base; “text” is a task in words."
    )
    example = "pilot=huzhou&fields=indicator,base_value,target_year,target_value,steps"
    serializer_class = serializers.TargetSerializer
    entry = entries.TargetEntry
    filterset_class = for_api(filters.TargetFilter, {"done_on": "done_then"})
    examples = {**EXAMPLES, "kind": "reach", "q": "非化石"}
    order = {
        "id": "pk",
        "pilot": "pilot__slug",
        "indicator": "indicator__code",
        **{name: name for name in ("kind", "base_year", "base_value", "target_year", "target_value", "binding")},
    }
    default_order = "pilot,indicator"

    def records(self) -> QuerySet[Target]:
        rows = Target.objects.annotate(done_then=self.on("done_on"))
        steps = Prefetch("steps", TargetStep.objects.order_by("year"))
        return rows.select_related("pilot", "indicator").prefetch_related(steps, "sources")

    def known(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(self.listed())


class Readings(WritesReadings, OfPilots):
    heading = gettext_lazy("Readings")
    one = gettext_lazy("One reading")
    about = gettext_lazy(
        "Values reported by the day, each version of them. Of an indicator and a period the newest version accepted by "
        "the day counts; when that one is disputed, none does. One accepted later reads as reported."
    )
    example, sample = "indicator=CO2_TOT&period=2025&state=accepted", ""
    serializer_class = serializers.ReadingSerializer
    entry = entries.ReadingEntry
    filterset_class = for_api(filters.ReadingFilter, {"accepted_on": "accepted_then"})
    examples = {**EXAMPLES, "state": "accepted", "value_status": "final", "version": "1", "q": "湖州"}
    order = {
        "id": "pk",
        "pilot": "pilot__slug",
        "indicator": "indicator__code",
        **{name: name for name in ("period", "value", "value_status", "version", "reported_on")},
        "state": "state_then",
        "accepted_on": "accepted_then",
    }
    default_order = "pilot,indicator,period,version"

    def records(self) -> QuerySet[Reading]:
        later = Q(state=ReadingState.ACCEPTED, accepted_on__gt=self.as_of)
        state = Case(When(later, then=Value(ReadingState.REPORTED.value)), default=F("state"))
        rows = Reading.objects.annotate(accepted_then=self.on("accepted_on"), state_then=state)
        return rows.select_related("pilot", "indicator").prefetch_related("sources")

    def known(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(reported_on__lte=self.as_of)


# -- aggregates ------------------------------------------------------------------------------------------


class ProgressOfPilots(Aggregate):
    heading = gettext_lazy("Progress of pilots")
    about = gettext_lazy(
        "How far each pilot has come on the day, and why its light has its colour; the funnel of stages; the lights "
        "beside those of the last day of the quarter before. Only accepted values count. An indicator’s base, actual, "
        "target and expected_value are in its unit; progress, expected_share and shortfall are fractions. "
        "As CSV or XLSX: the pilots, one row each; fields and omit then name its columns."
    )
    example = "pilot=huzhou"
    serializer_class = serializers.ProgressSerializer
    row_serializer_class = serializers.ProgressRowSerializer
    file_name = "progress"

    def own_parameters(self) -> Sequence[OpenApiParameter]:
        return filter_parameters(filters.ProgressFilter, EXAMPLES)

    def build(self) -> Progress:
        pilots = Pilot.objects.listed(self.as_of)
        return build_progress(filtered(filters.ProgressFilter(self.request.query_params, queryset=pilots)), self.as_of)

    def rows(self, value: Progress) -> Iterable[PilotStatus]:
        return value.pilots


@dataclass(frozen=True)
class SynergyLine:
    """One line of the synergy's file: a pilot with what was found, or why nothing was."""

    pilot: Pilot
    found: PilotSynergy | None = None
    why: Lack | None = None


class SynergyOfPilots(Aggregate):
    heading = gettext_lazy("Synergy of pollution and carbon")
    about = gettext_lazy(
        "Whether air pollution and carbon fall together, from a pilot’s base year to the year asked, by values "
        "accepted by the day. Rates are fractions, positive = reduced. apeq is in thousand pollutant equivalents, "
        "carbon in the unit of its indicator (10⁴ t of CO₂, or an intensity). There is an elasticity only where both "
        "fall; a rate within 0.5 % is flat. Pilots without the values needed are listed as missing, never as 0. Sums "
        "leave out a park beside its city. As CSV or XLSX: the pilots, one row each; fields and omit then name its "
        "columns."
    )
    example = "year=2025&kind=city"
    serializer_class = serializers.SynergySerializer
    row_serializer_class = serializers.SynergyRowSerializer
    file_name = "synergy"

    def own_parameters(self) -> Sequence[OpenApiParameter]:
        text = gettext_lazy("The year compared with the base year. Without it: the last whose values are due.")
        year = parameter("year", text, 2025, type={"type": "integer", "minimum": 1000, "maximum": 9999})
        return [year, *filter_parameters(filters.SynergyFilter, EXAMPLES)]

    def build(self) -> Synergy:
        pilots = Pilot.objects.listed(self.as_of)
        chosen = filtered(filters.SynergyFilter(self.request.query_params, queryset=pilots))
        return build_synergy(chosen, self.as_of, self.year)

    @property
    def year(self) -> int | None:
        """The year asked for. Raises BadRequest for what is none."""
        text = self.request.query_params.get("year")
        if text is not None and not YEAR.fullmatch(text):
            message = _("year: “%(value)s” is not a year. Write it as 2025.") % {"value": short(text)}
            raise BadRequest(Fault("year", "invalid_number", message))
        return None if text is None else int(text)

    def rows(self, value: Synergy) -> Iterable[SynergyLine]:
        found = [SynergyLine(item.pilot, found=item) for item in value.pilots]
        return [*found, *(SynergyLine(item.pilot, why=item.why) for item in value.missing)]


class TrendOfIndicator(Aggregate):
    heading = gettext_lazy("Trend of an indicator")
    about = gettext_lazy(
        "How an indicator has gone year by year over the pilots asked about, by values accepted by the day, in the "
        "unit of the indicator. Totals leave out a park beside its city; shares are shown as a median with its range; "
        "concentrations and intensities are never put together, so of these only n is told. A year without any value "
        "is left out. As CSV or XLSX: the years, one row each; fields and omit then name its columns."
    )
    example = "indicator=CO2_TOT&kind=city"
    serializer_class = serializers.TrendSerializer
    row_serializer_class = serializers.TrendYearSerializer
    file_name = "trend"

    def own_parameters(self) -> Sequence[OpenApiParameter]:
        text = gettext_lazy("The indicator, by its code.")
        indicator = parameter("indicator", text, "CO2_TOT", required=True)
        return [indicator, *filter_parameters(filters.TrendFilter, EXAMPLES)]

    def build(self) -> Trend:
        indicator, pilots = self.indicator(), Pilot.objects.listed(self.as_of)
        return build_trend(
            filtered(filters.TrendFilter(self.request.query_params, queryset=pilots)), indicator, self.as_of
        )

    def rows(self, value: Trend) -> Iterable[TrendYear]:
        return value.years

    def indicator(self) -> Indicator:
        """The indicator asked for. Raises BadRequest for none or an unknown one, naming those on record."""
        asked = self.request.query_params.get("indicator")
        known = {item.code: item for item in Indicator.objects.all()}
        if asked is not None and asked.upper() in known:
            return known[asked.upper()]
        if asked is None:
            text = _("indicator: name an indicator. On record: %(known)s.") % {"known": ", ".join(known)}
            raise BadRequest(Fault("indicator", "required", text))
        raise BadRequest(unknown_word("indicator", asked, list(known)))


class CoverageOfIndustries(Aggregate):
    heading = gettext_lazy("Coverage of industries")
    about = gettext_lazy(
        "Which industries the pilots try on the day and which nobody does. A gap is an industry that national policy "
        "singles out and no recorded pilot names. No gap is claimed (gap_judged is false) while fewer than "
        "gap_threshold of the announced pilots are recorded and name an industry; in_notice are the industries that "
        "the batches’ own notices name. “batches” says how many of the announced pilots are recorded. "
        "As CSV or XLSX: the industries, one row each; fields and omit then name its columns."
    )
    example = "level=national"
    serializer_class = serializers.CoverageSerializer
    row_serializer_class = serializers.IndustryCoverageSerializer
    file_name = "coverage"

    def own_parameters(self) -> Sequence[OpenApiParameter]:
        text = gettext_lazy("What the columns of the matrix are.")
        axis = parameter("by", text, "province", enum=AXES, default=AXES[0])
        return [*filter_parameters(filters.CoverageFilter, EXAMPLES), axis]

    @property
    def by(self) -> str:
        """The matrix's columns. Raises BadRequest for what is neither."""
        word = self.request.query_params.get("by", AXES[0])
        if word not in AXES:
            raise BadRequest(unknown_word("by", word, AXES))
        return word

    def build(self) -> Coverage:
        pilots = Pilot.objects.listed(self.as_of)
        chosen = filtered(self.filterset(pilots))
        return build_coverage(chosen, self.as_of, by=self.by, chosen=self.pilot_set, counts=self.counts)

    def filterset(self, rows: QuerySet[Pilot]) -> filters.CoverageFilter:
        return filters.CoverageFilter(self.request.query_params, queryset=rows)

    def rows(self, value: Coverage) -> Iterable[Any]:
        return value.industries

    @cached_property
    def counts(self) -> Sequence[BatchCount]:
        """Announced against recorded on the day."""
        return build_reconciliation(self.as_of)

    @cached_property
    def pilot_set(self) -> PilotSet:
        """The set of pilots that the filter leaves."""
        form = self.filterset(Pilot.objects.none()).form
        form.full_clean()
        return PilotSet.of(form.cleaned_data)

    @property
    def batches(self) -> Sequence[BatchCount]:
        """The batches that the filter leaves. Of a province its own: national ones are not announced by province."""
        return self.pilot_set.batches(self.counts)


@dataclass(frozen=True)
class BatchKind:
    """One line of the overview's file."""

    batch: Batch
    kind: str
    label: str
    numbers: Reconciliation


class OverviewOfProgramme(Aggregate):
    heading = gettext_lazy("Overview")
    about = gettext_lazy(
        "The programme on the day: rollout, announced against recorded, coverage, pilots by province. "
        "As CSV or XLSX: announced against recorded, one row for each batch and kind; "
        "fields and omit then name its columns."
    )
    example = "as_of=2024-01-30"
    serializer_class = serializers.OverviewSerializer
    row_serializer_class = serializers.BatchKindSerializer
    file_name = "overview"

    def own_parameters(self) -> Sequence[OpenApiParameter]:
        text = gettext_lazy(
            "Whose provincial plans the rollout counts, by its code: a national policy that calls for them. "
            "Without it: the lead policy."
        )
        return [parameter("policy", text, "synergy-implementation-plan-2022")]

    def build(self) -> Overview:
        return build_overview(self.as_of, self.request.query_params.get(POLICY_PARAMETER))

    def rows(self, value: Overview) -> Iterable[BatchKind]:
        lines = ((row.batch, item) for row in value.batches for item in row.kinds)
        return [BatchKind(batch, item.kind, item.label, item.numbers) for batch, item in lines]
