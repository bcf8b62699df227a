"""API viewsets and aggregates of pilots, in JSON, CSV and XLSX, with what each asks of a write besides its model."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Case, Model, Q, QuerySet, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework.request import Request

from core.api.filters import CODE_LOOKUPS, COMPARISONS, DATE_LOOKUPS, api_filterset
from core.api.viewsets import AggregateView, unknown_value_error
from core.api.write_serializers import ValidatedInput
from core.api.writes import WritableViewSet
from core.http.as_of import today
from core.http.errors import BadRequest, ErrorDetail, truncate
from core.records import writing
from core.records.writing import ADD
from pilots import filters
from pilots.analytics.coverage import MATRIX_AXES, Coverage, build_coverage
from pilots.analytics.light_index import filter_by_status, read_conditions
from pilots.analytics.pilot_status import (
    Progress,
    build_progress,
    judge_milestone,
    pilot_status,
    prefetch_for_status,
)
from pilots.analytics.reconciliation import BatchCount, PilotSet, build_reconciliation
from pilots.analytics.synergy import Synergy, build_synergy
from pilots.analytics.trend import Trend, build_trend
from pilots.api import serializers
from pilots.models import (
    Batch,
    Indicator,
    Milestone,
    Pilot,
    Reading,
    ReadingLedger,
    ReadingState,
    Replan,
    ReplanState,
    StageEntry,
    Target,
)
from pilots.models.reading import lock_pilot
from pilots.readings import state_expression
from pilots.replans import (
    DELETION_FIXED,
    FIXED_CODE,
    decide_replan,
    is_deletion_refused,
    replan_of,
    save_replan,
    settle_planned_day,
    withdraw_replan,
)

YEAR_PATTERN = re.compile(r"[1-9][0-9]{3}", re.ASCII)


class BatchViewSet(WritableViewSet):
    heading = gettext_lazy("Batches")
    about = "Pilots announced together, known on the day, with announced against recorded by kind."
    queryset = Batch.objects.select_related("province", "policy").prefetch_related("industries_announced", "sources")
    serializer_class = serializers.BatchSerializer
    filterset_class = api_filterset(
        filters.BatchFilter,
        {
            "slug": CODE_LOOKUPS,
            "known_by": COMPARISONS,
            **dict.fromkeys(("announced_on", "term_start", "term_end"), DATE_LOOKUPS),
        },
    )
    ordering_fields = (
        *("id", "slug", "title_en", "title_zh", "level", "announced_on", "known_by", "city_count"),
        *("county_count", "park_count", "enterprise_count"),
    )
    default_ordering = "level,known_by"

    def visible_as_of(self, rows: Any) -> QuerySet[Any]:
        return rows.known(self.as_of)  # type: ignore[no-any-return]

    @cached_property
    def counts(self) -> Mapping[int, BatchCount]:
        """Announced against recorded, by batch."""
        return {row.batch.pk: row for row in build_reconciliation(self.as_of)}

    def annotate_as_of(self, record: Any) -> Any:
        record.kinds = self.counts[record.pk].kinds
        return record


class PilotViewSet(WritableViewSet):
    heading = gettext_lazy("Pilots")
    about = (
        "Cities, counties, parks and enterprises that are pilots on the day. One that has withdrawn by the day is left "
        "out of the list unless `withdrawn` asks for it, and keeps its own address. "
        "stage, days_in_stage and light are computed for the day: a filter by stage or light computes them for every "
        "pilot that the other filters leave."
    )
    queryset = Pilot.objects.select_related("batch", "province", "parent").prefetch_related("industries", "sources")
    serializer_class = serializers.PilotSerializer
    filterset_class = api_filterset(
        filters.PilotStatusFilter,
        {"slug": CODE_LOOKUPS, **dict.fromkeys(("term_start", "term_end", "withdrawn_on"), DATE_LOOKUPS)},
    )
    ordering_fields = (
        *("id", "slug", "name_en", "name_zh", "kind", "prefecture_code", "term_start", "term_end", "batch"),
        *("province", "region"),
    )
    ordering_paths = {"region": "province__region"}
    default_ordering = "batch,id"

    def visible_as_of(self, rows: Any) -> QuerySet[Any]:
        """One pilot is found also when it has withdrawn; a list holds those only if they are asked for."""
        if self.action != "list":
            return rows.known(self.as_of)  # type: ignore[no-any-return]
        return rows.members(self.as_of, self.request.query_params.get("withdrawn"))  # type: ignore[no-any-return]

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows that the filters leave; those about computed words last, on what the others left."""
        rows = super().filter_queryset(queryset)
        if self.action == "list":
            rows = filter_by_status(rows, self.as_of, read_conditions(self.request.query_params))
        return prefetch_for_status(rows, only_on=self.as_of)

    def annotate_as_of(self, record: Any) -> Any:
        record.status = pilot_status(record, self.as_of)
        return record


# -- what belongs to a pilot -----------------------------------------------------------------------------


class PilotPartViewSet(WritableViewSet):
    """A kind of record that belongs to a pilot."""

    def listed(self) -> Q:
        """Whose pilot is one on the day; those of withdrawn ones if asked for, and one record in any case."""
        asked = self.request.query_params.get("withdrawn") if self.action == "list" else "include"
        return Q(pilot__in=Pilot.objects.members(self.as_of, asked))

    def visible_as_of(self, rows: QuerySet[Model]) -> QuerySet[Model]:
        return rows.filter(self.listed())


class PlannedDayViewSet(PilotPartViewSet):
    """A kind of record that is planned for a day. Another day of a key milestone or planned stage is asked of the
    ministry, with the reason.
    """

    def annotate_as_of(self, record: Any) -> Any:
        record.replan = record.waiting_replan(self.as_of)
        return record

    def perform_write(self, record: Any, given: ValidatedInput) -> None:
        """Take the day that is asked for off the record, and ask for it."""
        day = None
        if record.pk:
            wanted = record.drafted({"planned_on": record.planned_by(today()), **given.values})
            day = settle_planned_day(wanted, record, by=self.request.user, reason=given.reason)
            given = replace(given, values={**given.values, "planned_on": wanted.planned_on})
        super().perform_write(record, given)
        if day:
            save_replan(replan_of(record, day, given.reason), by=self.request.user)

    def perform_delete(self, record: Any, reason: str) -> None:
        if is_deletion_refused(record, self.request.user):
            raise writing.Conflict(str(DELETION_FIXED), code=FIXED_CODE)
        super().perform_delete(record, reason)


class StageViewSet(PlannedDayViewSet):
    heading = gettext_lazy("Stages")
    about = (
        "Stages that pilots entered by the day, and those they plan to: entered_on is null while a stage lies ahead. "
        "The stage of a pilot is the latest one entered."
    )
    serializer_class = serializers.StageSerializer
    filterset_class = api_filterset(
        filters.StageFilter,
        dict.fromkeys(("planned_on", "entered_on"), DATE_LOOKUPS),
        {"entered_on": "entered_then", "planned_on": "planned_then"},
    )
    ordering_fields = ("id", "pilot", "stage", "planned_on", "entered_on")
    default_ordering = "pilot,entered_on,planned_on"

    def base_queryset(self) -> QuerySet[StageEntry]:
        rows = StageEntry.objects.with_planned_day(self.as_of).annotate(entered_then=self.known_day("entered_on"))
        return rows.select_related("pilot").prefetch_related("sources", "replans")  # type: ignore[no-any-return]

    def visible_as_of(self, rows: QuerySet[Model]) -> QuerySet[Model]:
        return rows.filter(Q(entered_on__lte=self.as_of) | (Q(planned_on__isnull=False) & self.listed()))

    def perform_write(self, record: Any, given: ValidatedInput) -> None:
        """Lock the pilot: a stage is checked against its others, and none is entered meanwhile."""
        lock_pilot(given.values.get("pilot") or record.pilot)
        super().perform_write(record, given)


class MilestoneViewSet(PlannedDayViewSet):
    heading = gettext_lazy("Milestones")
    about = (
        "What the pilots of the day have promised to have done by when. completed_on is null, and the light that of a "
        "milestone not done, until the day of completion. delay_days is negative ahead of the plan."
    )
    serializer_class = serializers.MilestoneSerializer
    filterset_class = api_filterset(
        filters.MilestoneFilter,
        {"planned_on": COMPARISONS, "completed_on": DATE_LOOKUPS, "weight": COMPARISONS},
        {"completed_on": "completed_then", "planned_on": "planned_then"},
    )
    ordering_fields = ("id", "pilot", "facet", "title_en", "title_zh", "planned_on", "weight", "is_key", "completed_on")
    default_ordering = "pilot,planned_on"

    def base_queryset(self) -> QuerySet[Milestone]:
        done = Case(When(completed_on__lte=self.as_of, then=Value(True)), default=Value(False))
        rows = Milestone.objects.with_planned_day(self.as_of)
        rows = rows.annotate(completed_then=self.known_day("completed_on"), done_then=done)
        return rows.select_related("pilot").prefetch_related("sources", "replans")  # type: ignore[no-any-return]

    def annotate_as_of(self, record: Any) -> Any:
        record.status = judge_milestone(record, self.as_of)
        return super().annotate_as_of(record)


class ReplanViewSet(PilotPartViewSet):
    heading = gettext_lazy("Replans")
    about = (
        "Requests for another planned day of a key milestone or planned stage, made by the day. One that the ministry "
        "accepts holds from the day of the decision: days before it keep their lights. decided_on, accepted and remark "
        "are null while it waits, and read null on a day before the decision."
    )
    http_method_names = ["get", "head", "options", "post", "patch", "delete"]
    cache_responses = False  # names of people, for those whom they concern
    serializer_class = serializers.ReplanSerializer
    filterset_class = api_filterset(
        filters.ReplanFilter,
        {**dict.fromkeys(("day", "asked_on"), COMPARISONS), "decided_on": DATE_LOOKUPS},
        {"decided_on": "decided_then"},
    )
    ordering_fields = ("id", "pilot", "day", "state", "asked_on", "decided_on")
    ordering_paths = {"state": "state_then"}
    default_ordering = "-asked_on,-id"

    def base_queryset(self) -> QuerySet[Replan]:
        decided = Q(decided_on__lte=self.as_of)
        state = Case(
            When(decided, accepted=True, then=Value(ReplanState.ACCEPTED.value)),
            When(decided, then=Value(ReplanState.REFUSED.value)),
            default=Value(ReplanState.WAITING.value),
        )
        rows = Replan.objects.annotate(state_then=state, decided_then=self.known_day("decided_on"))
        return rows.select_related("pilot", "milestone", "stage_entry", "asked_by", "decided_by")

    def visible_as_of(self, rows: QuerySet[Model]) -> QuerySet[Model]:
        return rows.filter(self.listed(), asked_on__lte=self.as_of)

    def annotate_as_of(self, record: Any) -> Any:
        decided = record.decided_then is not None
        record.decided_by_then = record.decided_by if decided else None
        record.accepted_then, record.remark_then = (record.accepted, record.remark) if decided else (None, "")
        return record

    def create_one(self, record: Any, data: Mapping[str, Any]) -> Replan:
        for name, value in self.validate_record(record, data).values.items():
            setattr(record, name, value)
        if record.item:
            record.pilot = record.item.pilot
            writing.check_scope(self.request.user, ADD, record)
        writing.check_fields(record, None, {}, self.request.user)
        return save_replan(record, by=self.request.user)

    def update_one(self, record: Any, data: Mapping[str, Any]) -> Replan:
        """Accept or refuse a request."""
        given = self.validate_change(record, data)
        draft = record.drafted(given.values)
        writing.check_fields(draft, record, {}, self.request.user)
        draft.clean()
        if draft.accepted is None:
            text = _("Write true to accept it, or false to refuse it with a remark.")
            raise ValidationError({"accepted": ValidationError(text, code="required")})
        decision = {"accepted": draft.accepted, "remark": draft.remark, "by": self.request.user}
        return decide_replan(record, **decision, reason=given.reason)

    def delete_one(self, record: Any, data: Mapping[str, Any]) -> None:
        """Withdraw a request."""
        given = self.validate_change(record, data)
        withdraw_replan(record, by=self.request.user, reason=given.reason)


class IndicatorViewSet(WritableViewSet):
    heading = gettext_lazy("Indicators")
    about = "What is measured: unit, which way is better, and how far values may be put together."
    queryset = Indicator.objects.all()
    serializer_class = serializers.IndicatorSerializer
    filterset_class = api_filterset(filters.IndicatorFilter, {"code": CODE_LOOKUPS})
    ordering_fields = ("id", "code", "name_en", "name_zh", "kind", "direction", "binding")
    default_ordering = "id"
    lookup_value_regex = "[A-Za-z0-9_]+"

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Read the code in the address however it is written."""
        self.kwargs = {name: str(value).upper() for name, value in kwargs.items()}
        super().initial(request, *args, **kwargs)


class TargetViewSet(PilotPartViewSet):
    heading = gettext_lazy("Targets")
    about = (
        "What the pilots of the day have promised, by indicator. “reach” is a value by the target year, by way of the "
        "steps; “limit” holds in every year; “keep” is no worse than the base; “text” is a task in words."
    )
    serializer_class = serializers.TargetSerializer
    write_serializer_class = serializers.TargetWriteSerializer
    filterset_class = api_filterset(
        filters.TargetFilter,
        {
            **dict.fromkeys(("base_year", "base_value", "target_year", "target_value"), COMPARISONS),
            "done_on": DATE_LOOKUPS,
        },
        {"done_on": "done_then"},
    )
    ordering_fields = (
        *("id", "pilot", "indicator", "kind", "base_year", "base_value", "target_year"),
        *("target_value", "binding"),
    )
    default_ordering = "pilot,indicator"

    def base_queryset(self) -> QuerySet[Target]:
        rows = Target.objects.annotate(done_then=self.known_day("done_on"))
        return rows.select_related("pilot", "indicator").prefetch_related("sources")


class ReadingViewSet(PilotPartViewSet):
    heading = gettext_lazy("Readings")
    about = (
        "Values reported by the day, each version of them. Of an indicator and a period the newest version accepted by "
        "the day counts; when that one is disputed, none does. One accepted later reads as reported."
    )
    serializer_class = serializers.ReadingSerializer
    write_serializer_class = serializers.ReadingWriteSerializer
    filterset_class = api_filterset(
        filters.ReadingFilter,
        {**dict.fromkeys(("value", "version", "reported_on"), COMPARISONS), "accepted_on": DATE_LOOKUPS},
        {"accepted_on": "accepted_then"},
    )
    ordering_fields = (
        *("id", "pilot", "indicator", "period", "value", "value_status", "version", "reported_on"),
        *("state", "accepted_on"),
    )
    ordering_paths = {"state": "state_then"}
    default_ordering = "pilot,indicator,period,version"

    def base_queryset(self) -> QuerySet[Reading]:
        state = state_expression(self.as_of)
        rows = Reading.objects.annotate(accepted_then=self.known_day("accepted_on"), state_then=state)
        return rows.select_related("pilot", "indicator").prefetch_related("sources")

    def visible_as_of(self, rows: QuerySet[Model]) -> QuerySet[Model]:
        return rows.filter(reported_on__lte=self.as_of)

    def lock_rows(self, sent: Sequence[Mapping[str, Any]]) -> list[Any]:
        self.ledgers: dict[int, ReadingLedger] = {}  # by pilot, whose values may be sent together
        return super().lock_rows(sent)

    def perform_write(self, record: Any, given: ValidatedInput) -> None:
        """Record a new version; fill in what acceptance needs."""
        values = dict(given.values)
        if values.get("state", record.state) == ReadingState.ACCEPTED:
            values["accepted_on"] = values.get("accepted_on", record.accepted_on) or today()
        if record.pk:
            super().perform_write(record, replace(given, values=values))
            return
        for name, value in values.items():
            setattr(record, name, value)
        if record.pilot_id not in self.ledgers:
            self.ledgers[record.pilot_id] = ReadingLedger(record.pilot, lock=True)
        ledger = self.ledgers[record.pilot_id]
        check_version(record, given.data.get("version"), ledger)
        ledger.record(record, given.m2m, by=self.request.user, reason=given.reason)


def check_version(record: Reading, asked: int | None, ledger: ReadingLedger) -> None:
    """Raise ValidationError for a recorded value, a conflict, or a jump; `asked` is the version that was sent."""
    newest, following = ledger.newest.get(record.key), ledger.next_version(record.key)
    if newest and asked is None:
        text = _("Version %(version)d is on record. To correct it, send your value as version %(next)d.")
        values = {"version": newest.version, "next": following}
        raise ValidationError({"version": ValidationError(text % values, code="unique")})
    if asked not in (None, following):
        text = _("The next version is %(next)d: another user may have entered one meanwhile.") % {"next": following}
        raise ValidationError({"version": ValidationError(text, code="overtaken")})
    record.seen_id = newest.pk if newest else None
    if same := ledger.same(record):
        raise ValidationError({"value": same})
    if fault := ledger.check(record):
        raise ValidationError({"note": fault})


# -- aggregates ------------------------------------------------------------------------------------------


class PilotRowsView(AggregateView):
    """An aggregate over pilots that lists them page by page."""

    lists_rows = True

    def file_rows(self, value: Progress | Synergy) -> Iterable[Any]:
        rows = value.rows if isinstance(value, Synergy) else value.pilots
        keys = self.paginator.rows if self.is_paged else ()  # type: ignore[union-attr]
        return [row for row in rows if not self.is_paged or row.pilot.pk in keys]


class ProgressView(PilotRowsView):
    heading = gettext_lazy("Progress of pilots")
    about = (
        "How far each pilot has come on the day, and why its light has its colour; the funnel of stages; the lights "
        "beside those of the last day of the quarter before. Only accepted values count. An indicator’s base, actual, "
        "target and expected_value are in its unit; progress, expected_share and shortfall are fractions. "
        "As CSV or XLSX: the pilots, one row each."
    )
    queryset, filterset_class = Pilot.objects.all(), filters.ProgressFilter
    serializer_class = serializers.ProgressSerializer
    row_serializer_class = serializers.ProgressRowSerializer
    file_name = "progress"

    def build(self) -> Progress:
        chosen = self.filter_queryset(Pilot.objects.listed(self.as_of))
        self.page_of(chosen)
        return build_progress(chosen, self.as_of)


class SynergyView(PilotRowsView):
    heading = gettext_lazy("Synergy of pollution and carbon")
    about = (
        "Whether air pollution and carbon fall together, from a pilot’s base year to the year asked, by values "
        "accepted by the day. Rates are fractions, positive = reduced. apeq is in thousand pollutant equivalents, "
        "carbon in the unit of its indicator (10⁴ t of CO₂, or an intensity). There is an elasticity only where both "
        "fall; a rate within 0.5 % is flat. Pilots without the values needed are listed as missing, never as 0. Sums "
        "leave out a park beside its city. As CSV or XLSX: the pilots, one row each."
    )
    queryset, filterset_class = Pilot.objects.all(), filters.SynergyFilter
    serializer_class = serializers.SynergySerializer
    row_serializer_class = serializers.SynergyRowSerializer
    file_name = "synergy"

    own_parameters = [
        OpenApiParameter("year", int, description="Compared with the base year; else the last whose values are due.")
    ]

    def build(self) -> Synergy:
        """Raises BadRequest for what is no year."""
        chosen, year = self.filter_queryset(Pilot.objects.listed(self.as_of)), self.request.query_params.get("year")
        if year is not None and not YEAR_PATTERN.fullmatch(year):
            message = _("year: “%(value)s” is not a year. Write it as 2025.") % {"value": truncate(year)}
            raise BadRequest(ErrorDetail("year", "invalid_number", message))
        self.page_of(chosen)
        return build_synergy(chosen, self.as_of, None if year is None else int(year))


class TrendView(AggregateView):
    heading = gettext_lazy("Trend of an indicator")
    about = (
        "How an indicator has gone year by year over the pilots asked about, by values accepted by the day, in the "
        "unit of the indicator. Totals leave out a park beside its city; shares are shown as a median with its range; "
        "concentrations and intensities are never put together, so of these only n is given. A year without any value "
        "is left out. As CSV or XLSX: the years, one row each."
    )
    queryset, filterset_class = Pilot.objects.all(), filters.TrendFilter
    serializer_class = serializers.TrendSerializer
    row_serializer_class = serializers.TrendYearSerializer
    file_name = "trend"

    own_parameters = [
        OpenApiParameter(
            "indicator",
            description="The indicator, by its code.",
            required=True,
            examples=[OpenApiExample("indicator", "CO2_TOT")],
        )
    ]

    def build(self) -> Trend:
        """Raises BadRequest for no indicator or an unknown one, naming those on record."""
        asked = self.request.query_params.get("indicator")
        known = {item.code: item for item in Indicator.objects.all()}
        if asked is None:
            text = _("indicator: name an indicator. On record: %(known)s.") % {"known": ", ".join(known)}
            raise BadRequest(ErrorDetail("indicator", "required", text))
        if asked.upper() not in known:
            raise BadRequest(unknown_value_error("indicator", asked, list(known)))
        return build_trend(self.filter_queryset(Pilot.objects.listed(self.as_of)), known[asked.upper()], self.as_of)

    def file_rows(self, value: Trend) -> Iterable[Any]:
        return value.years


class CoverageView(AggregateView):
    heading = gettext_lazy("Coverage of industries")
    about = (
        "Which industries the pilots try on the day and which nobody does. A gap is an industry that national policy "
        "singles out and no recorded pilot names. No gap is claimed (gap_judged is false) while fewer than "
        "gap_threshold of the announced pilots are recorded and name an industry; in_notice are the industries that "
        "the batches’ own notices name. “batches” says how many of the announced pilots are recorded. "
        "As CSV or XLSX: the industries, one row each."
    )
    queryset, filterset_class = Pilot.objects.all(), filters.CoverageFilter
    serializer_class = serializers.CoverageSerializer
    row_serializer_class = serializers.IndustryCoverageSerializer
    file_name = "coverage"

    own_parameters = [OpenApiParameter("by", description="What the columns of the matrix are.", enum=MATRIX_AXES)]

    @property
    def by(self) -> str:
        """The matrix's columns. Raises BadRequest for what is neither."""
        word = self.request.query_params.get("by", MATRIX_AXES[0])
        if word not in MATRIX_AXES:
            raise BadRequest(unknown_value_error("by", word, MATRIX_AXES))
        return word

    def build(self) -> Coverage:
        form = self.filterset_class(self.request.query_params, queryset=Pilot.objects.none()).form
        form.full_clean()
        chosen = self.filter_queryset(Pilot.objects.listed(self.as_of))
        pilot_set = PilotSet.from_filters(form.cleaned_data)
        return build_coverage(chosen, self.as_of, by=self.by, chosen=pilot_set, counts=self.counts)

    def file_rows(self, value: Coverage) -> Iterable[Any]:
        return value.industries

    @cached_property
    def counts(self) -> Sequence[BatchCount]:
        """Announced against recorded on the day."""
        return build_reconciliation(self.as_of)
