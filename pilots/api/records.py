"""Batches, pilots and what belongs to a pilot in the API, with what a write asks besides its model."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Case, Model, Q, QuerySet, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request
from rest_framework.serializers import ListSerializer, Serializer
from rest_framework.serializers import ValidationError as FieldError

from core.api.filters import api_filterset
from core.api.serializers import (
    ChoiceWithLabel,
    DateValueField,
    NumberField,
    PeopleMixin,
    ReadOnlyModelSerializer,
    RecordSerializer,
    UsernameField,
)
from core.api.write_serializers import StrictDecimalField, StrictIntegerField, ValidatedInput, WriteSerializer
from core.api.writes import WritableViewSet
from core.days import today
from core.errors import truncate
from core.records import writing
from core.records.writing import ADD
from pilots import filters
from pilots.analytics.pilot_status import pilot_status, prefetch_for_status
from pilots.analytics.reconciliation import BatchCount, build_reconciliation
from pilots.lights import milestone_light
from pilots.models import (
    Batch,
    Colour,
    Indicator,
    Milestone,
    Pilot,
    PilotKind,
    Reading,
    ReadingLedger,
    ReadingState,
    Replan,
    ReplanState,
    Stage,
    StageEntry,
    Target,
)
from pilots.models.indicator import steps_as_stored
from pilots.models.planned import with_planned_day
from pilots.models.reading import JUMP_CODE, SAME_CODE, state_expression
from pilots.replans import (
    DELETION_FIXED,
    decide_replan,
    is_deletion_refused,
    save_replan,
    withdraw_replan,
    write_planned,
)
from policies.api import FACT_FIELDS, NOTE_FIELDS, SourcedSerializer

STAGE_HELP = "The last stage that it had entered by the day; null where none is on record."
DAYS_IN_STAGE_HELP = "Days since it entered that stage."
COLOUR_HELP, WHY_HELP = "Its light on the day.", "Why the light has its colour."
STEP_YEAR_HELP = "A year before the target year, for example 2025."
STEP_VALUE_HELP = "Value to be reached by the end of that year."


class CountSerializer(Serializer):
    """announced = recorded + withdrawn + to_enter; announced and to_enter are null where no number was announced."""

    announced = serializers.IntegerField(
        help_text="How many the announcement names; null where it gives no number.", allow_null=True
    )
    recorded = serializers.IntegerField(help_text="How many in the programme are entered here by name.")
    firm = serializers.IntegerField(help_text="Those of them read in an official text or the press.")
    unverified = serializers.IntegerField(help_text="Those of them only inferred from other documents.")
    withdrawn = serializers.IntegerField(help_text="Entered by name and withdrawn by the day.")
    to_enter = serializers.IntegerField(
        help_text="announced less recorded and withdrawn, from 0; null without a number.", allow_null=True
    )
    surplus = serializers.IntegerField(
        help_text="Recorded and withdrawn beyond what was announced: a sign of a mistake."
    )


class KindCountSerializer(Serializer):
    """Announced against recorded, for one kind of pilot."""

    kind = serializers.ChoiceField(PilotKind.choices, help_text="The kind of pilot.")
    label = serializers.CharField()  # type: ignore[assignment]

    def get_fields(self) -> dict[str, Any]:
        """Add the numbers of a CountSerializer."""
        counts = CountSerializer().get_fields()
        for name, field in counts.items():
            field.source = f"numbers.{name}"
        return {**super().get_fields(), **counts}


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


class BatchViewSet(WritableViewSet):
    cache_responses = True
    heading = gettext_lazy("Batches")
    about = "Pilots announced together, known on the day, with announced against recorded by kind."
    queryset = Batch.objects.select_related("province", "policy").prefetch_related("industries_announced", "sources")
    serializer_class = BatchSerializer
    filterset_class = api_filterset(
        filters.BatchFilter, BatchSerializer, "slug", "known_by", "announced_on", "term_start", "term_end"
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


class PilotSerializer(SourcedSerializer):
    stage = serializers.ChoiceField(
        Stage.choices, help_text=STAGE_HELP, source="status.current_stage.stage", allow_null=True
    )
    days_in_stage = serializers.IntegerField(
        help_text=DAYS_IN_STAGE_HELP, source="status.days_in_stage", allow_null=True
    )
    light = serializers.ChoiceField(
        Colour.choices, help_text="Its light on the day, computed or set by hand.", source="status.colour"
    )

    class Meta:
        model = Pilot
        fields = (
            *("slug", "name", "name_en", "name_zh", "kind", "batch", "province", "prefecture_code", "prefecture_zh"),
            *("county_code", "parent", "city_type", "industries", "term_start", "term_end", "withdrawn_on"),
            *("stage", "days_in_stage", "light", *FACT_FIELDS, "url", "page"),
        )


class PilotViewSet(WritableViewSet):
    cache_responses = True
    heading = gettext_lazy("Pilots")
    about = (
        "Cities, counties, parks and enterprises that are pilots on the day. One that has withdrawn by the day is left "
        "out of the list unless `withdrawn` asks for it, and keeps its own address. "
        "stage, days_in_stage and light are computed for the day: a filter by stage or light computes them for every "
        "pilot that the other filters leave."
    )
    queryset = Pilot.objects.select_related("batch", "province", "parent").prefetch_related("industries", "sources")
    serializer_class = PilotSerializer
    filterset_class = api_filterset(
        filters.PilotStatusFilter, PilotSerializer, "slug", "term_start", "term_end", "withdrawn_on"
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
        return prefetch_for_status(super().filter_queryset(queryset), only_on=self.as_of)

    def annotate_as_of(self, record: Any) -> Any:
        record.status = pilot_status(record, self.as_of)
        return record


# -- what belongs to a pilot: what is said of a day after the one asked reads null, or empty -------------

REASON_FIELDS = ("reason", "reason_en", "reason_zh")


class PilotPartViewSet(WritableViewSet):
    """A kind of record that belongs to a pilot."""

    def listed(self) -> Q:
        """Whose pilot is one on the day; those of withdrawn ones if asked for, and one record in any case."""
        asked = self.request.query_params.get("withdrawn") if self.action == "list" else "include"
        return Q(pilot__in=Pilot.objects.members(self.as_of, asked))

    def visible_as_of(self, rows: QuerySet[Model]) -> QuerySet[Model]:
        return rows.filter(self.listed())


@extend_schema_serializer(component_name="WaitingReplan")
class WaitingReplanSerializer(ReadOnlyModelSerializer):
    """Another planned day that is asked for and not decided."""

    class Meta:
        model = Replan
        fields = ("id", "day", *REASON_FIELDS, "asked_on")


class PlannedDaySerializer(SourcedSerializer):
    """What is planned for a day: the day in force, the first one, and the one that is asked for."""

    planned_on = DateValueField(help_text="The planned day in force on the day.")
    first_planned_on = DateValueField(help_text="The planned day as it was first entered.", source="planned_on")
    replan = WaitingReplanSerializer(
        allow_null=True, help_text="The request for another day that waits for the ministry."
    )


class PlannedDayViewSet(PilotPartViewSet):
    """A kind of record that is planned for a day. Another day of a key milestone or planned stage is asked of the
    ministry, with the reason.
    """

    def annotate_as_of(self, record: Any) -> Any:
        record.replan = record.waiting_replan(self.as_of)
        return record

    def perform_write(self, record: Any, given: ValidatedInput) -> None:
        """Write it, and another day as a request."""
        write_planned(record, given.values, given.m2m, by=self.request.user, reason=given.reason)

    def perform_delete(self, record: Any, reason: str) -> None:
        if is_deletion_refused(record, self.request.user):
            raise PermissionDenied(str(DELETION_FIXED))
        super().perform_delete(record, reason)


class StageSerializer(PlannedDaySerializer):
    class Meta:
        model = StageEntry
        as_of = ("planned_on", "entered_on")
        fields = (
            *("id", "pilot", "stage", "planned_on", "first_planned_on", "replan", "entered_on", "evidence"),
            *(*REASON_FIELDS, *FACT_FIELDS, "url"),
        )

    def hidden_fields(self, record: Any) -> Collection[str]:
        return () if record.entered_then else ("evidence", *REASON_FIELDS, *NOTE_FIELDS, "sources")


class StageViewSet(PlannedDayViewSet):
    cache_responses = True
    heading = gettext_lazy("Stages")
    about = (
        "Stages that pilots entered by the day, and those they plan to: entered_on is null while a stage lies ahead. "
        "The stage of a pilot is the latest one entered."
    )
    serializer_class = StageSerializer
    filterset_class = api_filterset(filters.StageFilter, StageSerializer, "planned_on", "entered_on")
    ordering_fields = ("id", "pilot", "stage", "planned_on", "entered_on")
    default_ordering = "pilot,entered_on,planned_on"

    def base_queryset(self) -> QuerySet[StageEntry]:
        rows = with_planned_day(StageEntry.objects.all(), self.as_of)
        return rows.select_related("pilot").prefetch_related("sources", "replans")  # type: ignore[no-any-return]

    def visible_as_of(self, rows: QuerySet[Model]) -> QuerySet[Model]:
        return rows.filter(Q(entered_on__lte=self.as_of) | (Q(planned_on__isnull=False) & self.listed()))

    def perform_write(self, record: Any, given: ValidatedInput) -> None:
        """Lock the pilot: a stage is checked against its others, and none is entered meanwhile."""
        writing.locked(Pilot, (given.values.get("pilot") or record.pilot).pk)
        super().perform_write(record, given)


class MilestoneSerializer(PlannedDaySerializer):
    done = serializers.BooleanField(help_text="Whether it was done by the day.", source="status.done")
    light = serializers.ChoiceField(Colour.choices, help_text=COLOUR_HELP, source="status.colour")
    why = ChoiceWithLabel(source="status.why", help_text=WHY_HELP)
    delay_days = serializers.IntegerField(
        help_text="Days from plan to completion, or so far.", source="status.delay", allow_null=True
    )

    class Meta:
        model = Milestone
        as_of = ("planned_on", "completed_on")
        fields = (
            *("id", "pilot", "facet", "title", "title_en", "title_zh", "owner", "planned_on", "first_planned_on"),
            *("replan", "completed_on", "is_key", "evidence", "done", "light", "why", "delay_days"),
            *(*FACT_FIELDS, "url"),
        )

    def hidden_fields(self, record: Any) -> Collection[str]:
        return () if record.completed_then else ("evidence",)


class MilestoneViewSet(PlannedDayViewSet):
    cache_responses = True
    heading = gettext_lazy("Milestones")
    about = (
        "What the pilots of the day have promised to have done by when. completed_on is null, and the light that of a "
        "milestone not done, until the day of completion. delay_days is negative ahead of the plan."
    )
    serializer_class = MilestoneSerializer
    filterset_class = api_filterset(filters.MilestoneFilter, MilestoneSerializer, "planned_on", "completed_on")
    ordering_fields = ("id", "pilot", "facet", "title_en", "title_zh", "planned_on", "is_key", "completed_on")
    default_ordering = "pilot,planned_on"

    def base_queryset(self) -> QuerySet[Milestone]:
        done = Case(When(completed_on__lte=self.as_of, then=Value(True)), default=Value(False))
        rows = with_planned_day(Milestone.objects.all(), self.as_of).annotate(done_then=done)
        return rows.select_related("pilot").prefetch_related("sources", "replans")  # type: ignore[no-any-return]

    def annotate_as_of(self, record: Any) -> Any:
        record.status = milestone_light(record, self.as_of)
        return super().annotate_as_of(record)


class ReplanSerializer(PeopleMixin, RecordSerializer):
    """A request as it stood on the day: decided later, it waited then."""

    PEOPLE_FIELDS = ("asked_by", "decided_by")

    state = serializers.ChoiceField(ReplanState.choices, help_text="What it was on the day.", source="state_then")
    asked_by = UsernameField(help_text="Who asked for it.")
    decided_by = UsernameField(help_text="Who decided on it.", source="decided_by_then")
    accepted = serializers.BooleanField(help_text="Null while it waits.", source="accepted_then", allow_null=True)
    remark = serializers.CharField(help_text="Why it was refused.", source="remark_then", allow_null=True)

    class Meta:
        model = Replan
        as_of = ("decided_on",)
        fields = (
            *("id", "pilot", "milestone", "stage_entry", "day", *REASON_FIELDS, "state", "asked_on", "asked_by"),
            *("decided_on", "decided_by", "accepted", "remark", "url"),
        )


class ReplanViewSet(PilotPartViewSet):
    heading = gettext_lazy("Replans")
    about = (
        "Requests for another planned day of a key milestone or planned stage, made by the day. One that the ministry "
        "accepts holds from the day of the decision: days before it keep their lights. decided_on, accepted and remark "
        "are null while it waits, and read null on a day before the decision."
    )
    http_method_names = ["get", "head", "options", "post", "patch", "delete"]
    serializer_class = ReplanSerializer
    filterset_class = api_filterset(filters.ReplanFilter, ReplanSerializer, "day", "asked_on", "decided_on")
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
        rows = Replan.objects.annotate(state_then=state)
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


# -- indicators, targets, readings -----------------------------------------------------------------------


class IndicatorSerializer(RecordSerializer):
    class Meta:
        model = Indicator
        fields = (
            *("code", "name", "name_en", "name_zh", "unit", "unit_zh", "kind", "direction"),
            *("rollup", "equivalent_kg", "may_enter_synergy", *NOTE_FIELDS, "url"),
        )


class IndicatorViewSet(WritableViewSet):
    cache_responses = True
    heading = gettext_lazy("Indicators")
    about = "What is measured: unit, which way is better, and how far values may be put together."
    queryset = Indicator.objects.all()
    serializer_class = IndicatorSerializer
    filterset_class = api_filterset(filters.IndicatorFilter, IndicatorSerializer, "code")
    ordering_fields = ("id", "code", "name_en", "name_zh", "kind", "direction")
    default_ordering = "id"
    lookup_value_regex = "[A-Za-z0-9_]+"

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Read the code in the address however it is written."""
        self.kwargs = {name: str(value).upper() for name, value in kwargs.items()}
        super().initial(request, *args, **kwargs)


class StepOfTargetSerializer(Serializer):
    """An intermediate value of a target, for a year before the last."""

    year = serializers.IntegerField(help_text=STEP_YEAR_HELP, read_only=True)
    value = NumberField(help_text=STEP_VALUE_HELP, allow_null=False)


class TargetSerializer(SourcedSerializer):
    steps = StepOfTargetSerializer(source="yearly_steps", many=True, help_text="Its values for years before the last.")

    class Meta:
        model = Target
        as_of = ("done_on",)
        fields = (
            *("id", "pilot", "indicator", "kind", "base_year", "base_value", "target_year", "target_value"),
            *("target_text", "target_text_en", "target_text_zh", "done_on", "steps", "binding", *FACT_FIELDS, "url"),
        )


class StepsField(ListSerializer):
    """All steps of a target, each year once."""

    def to_internal_value(self, data: Any) -> Any:
        steps = super().to_internal_value(data)
        by_year = {step["year"]: step["value"] for step in steps}
        if len(by_year) < len(steps):
            raise FieldError([ErrorDetail(_("Name each year once."), "twice")])
        return steps_as_stored(by_year)


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
            unknown = ErrorDetail(_("There is no such field."), "unknown_field")
            faults = {truncate(name): [unknown] for name in data if name not in self.fields}
            for name, field in self.fields.items():
                if name not in data:
                    faults[name] = [ErrorDetail(str(field.error_messages["required"]), "required")]
            if faults:
                raise FieldError(faults)
        return super().to_internal_value(data)


class TargetWriteSerializer(WriteSerializer):
    steps = StepWriteSerializer(many=True, required=False, help_text="All its steps: those left out are taken away.")


class TargetViewSet(PilotPartViewSet):
    cache_responses = True
    heading = gettext_lazy("Targets")
    about = (
        "What the pilots of the day have promised, by indicator. “reach” is a value by the target year, by way of the "
        "steps; “limit” holds in every year; “keep” is no worse than the base; “text” is a task in words."
    )
    queryset = Target.objects.select_related("pilot", "indicator").prefetch_related("sources")
    serializer_class = TargetSerializer
    write_serializer_class = TargetWriteSerializer
    filterset_class = api_filterset(
        filters.TargetFilter, TargetSerializer, "base_year", "base_value", "target_year", "target_value", "done_on"
    )
    ordering_fields = (
        *("id", "pilot", "indicator", "kind", "base_year", "base_value", "target_year"),
        *("target_value", "binding"),
    )
    default_ordering = "pilot,indicator"


class ReadingSerializer(SourcedSerializer):
    """A version of a value as it stood on the day: accepted later, it was only reported then."""

    state = serializers.ChoiceField(ReadingState.choices, help_text="What it was on the day.", source="state_then")
    version = serializers.IntegerField(
        help_text="Which value it is for the period, from 1: a correction is a new version."
    )

    class Meta:
        model = Reading
        as_of = ("accepted_on",)
        fields = (
            *("id", "pilot", "indicator", "period", "value", "value_status", "version", "state", "reported_on"),
            *("accepted_on", *FACT_FIELDS, "url"),
        )


class ReadingWriteSerializer(WriteSerializer):
    """`version` says which version the value is to become; only a correction has to give it."""

    EXTRA_FIELDS = ("version",)

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        fields["version"].help_text = "Which version the value is to become: only a correction has to say it."
        return fields


class ReadingViewSet(PilotPartViewSet):
    cache_responses = True
    heading = gettext_lazy("Readings")
    about = (
        "Values reported by the day, each version of them. Of an indicator and a period the newest version accepted by "
        "the day counts; when that one is disputed, none does. One accepted later reads as reported."
    )
    serializer_class = ReadingSerializer
    write_serializer_class = ReadingWriteSerializer
    filterset_class = api_filterset(
        filters.ReadingFilter, ReadingSerializer, "value", "version", "reported_on", "accepted_on"
    )
    ordering_fields = (
        *("id", "pilot", "indicator", "period", "value", "value_status", "version", "reported_on"),
        *("state", "accepted_on"),
    )
    ordering_paths = {"state": "state_then"}
    default_ordering = "pilot,indicator,period,version"

    def base_queryset(self) -> QuerySet[Reading]:
        rows = Reading.objects.annotate(state_then=state_expression(self.as_of))
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
        ledger, asked = self.ledgers[record.pilot_id], given.data.get("version")
        newest, following = ledger.newest.get(record.key), ledger.next_version(record.key)
        if newest and asked is None:
            text = _("Version %(version)d is on record. To correct it, send your value as version %(next)d.")
            values = {"version": newest.version, "next": following}
            raise ValidationError({"version": ValidationError(text % values, code="unique")})
        if asked not in (None, following):
            text = _("The next version is %(next)d: another user may have entered one meanwhile.") % {"next": following}
            raise ValidationError({"version": ValidationError(text, code="overtaken")})
        try:
            seen = newest.pk if newest else None
            ledger.record(record, seen, given.m2m, by=self.request.user, reason=given.reason)
        except ValidationError as exc:
            field = {SAME_CODE: "value", JUMP_CODE: "note"}.get(getattr(exc, "code", ""))
            if field:
                raise ValidationError({field: exc}) from exc
            raise
