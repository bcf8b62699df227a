"""Batches, pilots and what belongs to a pilot in the API, with what a write asks besides its model."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, cast

import django_filters
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import Case, Exists, F, Min, Model, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
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
    then,
)
from core.api.write_serializers import (
    StrictChoiceField,
    StrictDecimalField,
    StrictIntegerField,
    ValidatedInput,
    WriteSerializer,
)
from core.api.writes import WritableViewSet
from core.days import today
from core.errors import truncate
from core.records import writing
from core.tables import YesNoFilter
from pilots import filters
from pilots.amendments import (
    accept_promise,
    complete,
    decide_amendment,
    object_to,
    save_amendment,
    withdraw_amendment,
    write_milestone,
)
from pilots.analytics.pilot_status import PilotStatus
from pilots.analytics.reconciliation import BatchCount, build_reconciliation
from pilots.api.documents import NumberFilter
from pilots.lights import Light, Records, milestone_light
from pilots.models import (
    Amendment,
    AmendmentState,
    Batch,
    Colour,
    Completion,
    Deadline,
    Indicator,
    Milestone,
    Pilot,
    PilotKind,
    PromiseState,
    Reading,
    ReadingLedger,
    ReadingState,
    Stage,
    StageEntry,
    Target,
)
from pilots.models.indicator import steps_as_stored
from pilots.models.pilot import counted_condition
from pilots.models.planned import planned_day
from pilots.models.reading import JUMP_CODE, SAME_CODE, judge_readings, state_expression
from policies.api import FACT_FIELDS, NOTE_FIELDS, SourcedSerializer

STAGE_HELP = "The last stage that it had entered by the day; null where none is on record."
DAYS_IN_STAGE_HELP = "Days since it entered that stage."
COLOUR_HELP, WHY_HELP = "Its light on the day.", "Why the light has its colour."
STEP_YEAR_HELP = "A year before the target year, for example 2025."
STEP_VALUE_HELP = "Value to be reached by the end of that year."


def told_why(light: Light) -> dict[str, str]:
    """Return why a light has its colour, as answers have it."""
    return {"code": light.why.value, "text": light.label}


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
            *("term_start", "term_end", "asked_from", "report_due"),
            *("city_count", "county_count", "park_count", "enterprise_count", "industries_announced"),
            *("kinds", *FACT_FIELDS, "url"),
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
            *("withdrawn_recorded_on", "stage", "days_in_stage", "light", *FACT_FIELDS, "url", "page"),
        )


class PilotViewSet(WritableViewSet):
    cache_responses = True
    heading = gettext_lazy("Pilots")
    about = (
        "Cities, counties, parks and enterprises that are pilots on the day. One that has withdrawn by the day is left "
        "out of the list unless `withdrawn` asks for it, and keeps its own address. "
        "stage, days_in_stage and light are those of the day."
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

    def base_queryset(self) -> QuerySet[Any]:
        return super().base_queryset().with_light(self.as_of)  # type: ignore[attr-defined,no-any-return]

    def visible_as_of(self, rows: Any) -> QuerySet[Any]:
        """One pilot is found also when it has withdrawn; a list holds those only if they are asked for."""
        if self.action != "list":
            return rows.known(self.as_of)  # type: ignore[no-any-return]
        return rows.members(self.as_of, self.request.query_params.get("withdrawn"))  # type: ignore[no-any-return]

    def annotate_as_of(self, record: Any) -> Any:
        record.status = PilotStatus(record, self.as_of)
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


class StageSerializer(SourcedSerializer):
    class Meta:
        model = StageEntry
        as_of = ("recorded_on",)
        fields = (
            *("id", "pilot", "stage", "entered_on", "recorded_on", "result", "evidence", *REASON_FIELDS),
            *(*FACT_FIELDS, "url"),
        )


class StageViewSet(PilotPartViewSet):
    cache_responses = True
    heading = gettext_lazy("Stages")
    about = (
        "Stages that the pilots of the day have entered. The stage of a pilot is the latest one entered. One recorded "
        "more than 30 days late counts, and is listed, from recorded_on on. A stage that is planned is a milestone."
    )
    queryset = StageEntry.objects.select_related("pilot").prefetch_related("sources")
    serializer_class = StageSerializer
    filterset_class = api_filterset(filters.StageFilter, StageSerializer, "entered_on", "recorded_on")
    ordering_fields = ("id", "pilot", "stage", "entered_on", "recorded_on")
    default_ordering = "pilot,entered_on"

    def visible_as_of(self, rows: QuerySet[Model]) -> QuerySet[Model]:
        return rows.filter(counted_condition("entered_on", "recorded_on", self.as_of), self.listed())

    def perform_write(self, record: Any, given: ValidatedInput) -> None:
        """Lock the pilot: a stage is checked against its others, and none is entered meanwhile."""
        writing.locked(Pilot, (given.values.get("pilot") or record.pilot).pk)
        super().perform_write(record, given)


# -- steps of targets and amendments -----------------------------------------------------------------------


class StepOfTargetSerializer(Serializer):
    """An intermediate value of a target, for a year before the last."""

    year = serializers.IntegerField(help_text=STEP_YEAR_HELP, read_only=True)
    value = NumberField(help_text=STEP_VALUE_HELP, allow_null=False)


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


def steps_of(stored: Mapping[str, str]) -> list[dict[str, object]]:
    """Return steps as answers have them."""
    return [{"year": int(year), "value": Decimal(value)} for year, value in sorted(stored.items())]


# -- promises: milestones and targets, with what was amended -----------------------------------------------


class AmendedSerializer(ReadOnlyModelSerializer):
    """Serializer of amendments."""

    steps = serializers.SerializerMethodField(help_text="Values for years before the last; null: as they are.")

    @extend_schema_field(StepOfTargetSerializer(many=True, allow_null=True))
    def get_steps(self, record: Amendment) -> Any:
        if record.steps is None:
            return None
        return StepOfTargetSerializer(steps_of(record.steps), many=True).data


AMENDED_FIELDS = ("day", "value", "base_value", "base_year", "steps", "year", "drop", *REASON_FIELDS)


@extend_schema_serializer(component_name="WaitingAmendment")
class WaitingAmendmentSerializer(AmendedSerializer):
    """An amendment that is asked for and not decided."""

    class Meta:
        model = Amendment
        fields = ("id", *AMENDED_FIELDS, "asked_on")


class PromiseSerializer(SourcedSerializer):
    """What is promised, as amended by the day."""

    state = serializers.ChoiceField(PromiseState.choices, help_text="What it was on the day.", source="state_then")
    amended_on = DateValueField(help_text="Since when the newest amendment holds.", source="amended_then")
    amendment = WaitingAmendmentSerializer(
        allow_null=True, help_text="The request for an amendment that waits for the ministry."
    )


class PromiseWriteSerializer(WriteSerializer):
    state = StrictChoiceField(
        choices=PromiseState.choices, required=False, help_text="“promised” accepts a request. Else as it is."
    )


class PromiseViewSet(PilotPartViewSet):
    """A kind of record that a pilot promises."""

    def accepted_amendments(self, **conditions: Any) -> QuerySet[Amendment]:
        """Return a subquery of the amendments of the outer record that hold on the day, newest first."""
        own = {str(self.model._meta.model_name): OuterRef("pk")}
        rows = Amendment.objects.filter(**own, accepted=True, decided_on__lte=self.as_of, **conditions)
        return rows.order_by("-decided_on", "-pk")

    def base_queryset(self) -> QuerySet[Any]:
        dropped, promised = Exists(self.accepted_amendments(drop=True)), Q(promised_on__lte=self.as_of)
        state = Case(
            When(dropped, then=Value(PromiseState.DROPPED.value)),
            When(promised, then=Value(PromiseState.PROMISED.value)),
            default=Value(PromiseState.NOT_PROMISED.value),
        )
        rows = self.model.objects.annotate(
            state_then=state, amended_then=Subquery(self.accepted_amendments().values("decided_on")[:1])
        )
        return rows.prefetch_related("sources", "amendments")  # type: ignore[no-any-return]

    def annotate_as_of(self, record: Any) -> Any:
        record.amendment = record.waiting_amendment(self.as_of)
        return record

    def accepts(self, record: Any, given: ValidatedInput) -> bool:
        """Accept the request if the data say so; return whether they did. Raises ValidationError for another state."""
        state, promised = given.data.get("state"), PromiseState.PROMISED
        if record.pk is None or state is None:
            return False
        now = promised if record.promised_on else PromiseState.NOT_PROMISED
        now = PromiseState.DROPPED if record.dropped_by(today()) else now
        if state == now:
            return False
        changed = any(getattr(record, name) != value for name, value in given.values.items())
        if (now, state) != (PromiseState.NOT_PROMISED, promised) or changed:
            text = _("Only a request is accepted, by “promised” alone. What is promised is amended or dropped.")
            raise ValidationError({"state": ValidationError(text, code="fixed")})
        accept_promise(record, by=self.request.user)
        return True


def completed_then(as_of: date) -> dict[str, Case]:
    """Return by when milestones were done as known on the day, and by what: `completed` of the lights as a query."""
    before = Q(entered_on__lt=OuterRef("entered_on")) | Q(entered_on=OuterRef("entered_on"), pk__lt=OuterRef("pk"))
    objected = Completion.objects.filter(before, milestone=OuterRef("milestone"), objected_on__isnull=False)
    entered, counted = Q(entered_on__lte=as_of), counted_condition("completed_on", "entered_on", as_of)
    rows = Completion.objects.filter(entered | (counted & ~Exists(objected)), milestone=OuterRef("pk"))
    rows = rows.exclude(objected_on__lte=as_of).order_by("-entered_on", "-pk")
    stages = StageEntry.objects.filter(
        counted_condition("entered_on", "recorded_on", as_of),
        pilot=OuterRef("pilot"),
        stage=OuterRef("stage"),
        entered_on__gte=OuterRef("promised_on"),
    )
    entry = stages.order_by().values("pilot").annotate(first=Min("entered_on")).values("first")
    return {
        "completed_then": Case(When(stage="", then=Subquery(rows.values("completed_on")[:1])), default=Subquery(entry)),
        "evidence_then": Case(When(stage="", then=Subquery(rows.values("evidence")[:1])), default=Value("")),
    }


class MilestoneSerializer(PromiseSerializer):
    planned_on = DateValueField(help_text="The planned day in force on the day.")
    first_planned_on = DateValueField(help_text="The planned day as it was first entered.", source="planned_on")
    completed_on = DateValueField(
        help_text="When it was done, by the completion or stage that counts on the day.", source="completed_then"
    )
    evidence = serializers.CharField(
        help_text="What shows that it is done, as the completion says.", source="evidence_then", allow_null=True
    )
    done = serializers.BooleanField(help_text="Whether it was done by the day.", source="done_then")
    light = serializers.ChoiceField(Colour.choices, help_text=COLOUR_HELP, source="status.colour")
    why = serializers.SerializerMethodField(help_text=WHY_HELP)
    delay_days = serializers.IntegerField(
        help_text="Days from plan to completion, or so far.", source="status.delay", allow_null=True
    )

    class Meta:
        model = Milestone
        as_of = ("planned_on", "promised_on")
        fields = (
            *("id", "pilot", "facet", "title", "title_en", "title_zh", "owner", "indicator", "stage", "is_key"),
            *("promised_on", "state", "planned_on", "first_planned_on", "amended_on", "amendment", "completed_on"),
            *("evidence", "done", "light", "why", "delay_days", *FACT_FIELDS, "url"),
        )

    @extend_schema_field(ChoiceWithLabel)
    def get_why(self, record: Any) -> dict[str, str]:
        return told_why(record.status)


class MilestoneWriteSerializer(PromiseWriteSerializer):
    """Another `planned_on` than the day in force is an amendment."""


COMPLETED, COMPLETION = "Completed on", {"completed_on": "completed_then", "evidence": "evidence_then"}


class MilestoneListFilter(filters.MilestoneFilter):
    completed_on = django_filters.DateFilter("completed_then", label=COMPLETED)
    completed_on__gte = django_filters.DateFilter("completed_then", "gte", label=COMPLETED)
    completed_on__lte = django_filters.DateFilter("completed_then", "lte", label=COMPLETED)
    completed_on__gt = django_filters.DateFilter("completed_then", "gt", label=COMPLETED)
    completed_on__lt = django_filters.DateFilter("completed_then", "lt", label=COMPLETED)
    completed_on__isnull = YesNoFilter(field_name="completed_then", lookup_expr="isnull", label=COMPLETED)


class MilestoneViewSet(PromiseViewSet):
    cache_responses = True
    heading = gettext_lazy("Milestones")
    about = (
        "What the pilots of the day have promised to have done by when. A key milestone that a province enters is a "
        "request: promised_on is null until the ministry accepts it. One with a stage is done when the pilot enters "
        "that stage, any other by a completion. delay_days is negative ahead of the plan."
    )
    serializer_class = MilestoneSerializer
    write_serializer_class = MilestoneWriteSerializer
    filterset_class = api_filterset(MilestoneListFilter, MilestoneSerializer, "planned_on", "promised_on")
    ordering_fields = (
        *("id", "pilot", "facet", "title_en", "title_zh", "planned_on", "promised_on", "is_key", "completed_on"),
    )
    ordering_paths = {"completed_on": "completed_then"}
    default_ordering = "pilot,planned_on"

    def base_queryset(self) -> QuerySet[Any]:
        rows = super().base_queryset().annotate(planned_then=planned_day(self.as_of), **completed_then(self.as_of))
        done = Case(When(completed_then__isnull=False, then=Value(True)), default=Value(False))
        rows = rows.annotate(done_then=done).select_related("pilot__batch", "indicator")
        return rows.prefetch_related("completions", "pilot__stages")  # type: ignore[no-any-return]

    def annotate_as_of(self, record: Any) -> Any:
        own = {"amendments": record.amendments.all(), "completions": record.completions.all()}
        records = Records(record.pilot, milestones=[record], stages=record.pilot.stages.all(), **own)
        record.status = milestone_light(records, record, self.as_of)
        return super().annotate_as_of(record)

    def validate_record(self, record: Any, data: Mapping[str, Any]) -> ValidatedInput:
        """Refuse another completion than the one on record, which 1.0.0 took here."""
        names = COMPLETION.keys() & data.keys()
        if names:
            done = self.base_queryset().filter(pk=record.pk).values(*COMPLETION.values()).first() or {}
            text = _("Enter a completion in /completions/, a stage in /stages/. Here it is only read.")
            faults = [name for name in names if str(data[name] or "") != str(done.get(COMPLETION[name]) or "")]
            if faults:
                raise ValidationError({name: ValidationError(text, code="fixed") for name in faults})
        return super().validate_record(record, data)

    def perform_write(self, record: Any, given: ValidatedInput) -> None:
        if not self.accepts(record, given):
            write_milestone(record, given.values, given.m2m, by=self.request.user, reason=given.reason)


class CompletionSerializer(PeopleMixin, RecordSerializer):
    PEOPLE_FIELDS = ("entered_by", "objected_by")

    entered_by = UsernameField(help_text="Who entered it, for those whom it concerns.")
    objected_by = UsernameField(help_text="Who objected, for those whom it concerns.")

    class Meta:
        model = Completion
        as_of = ("objected_on",)
        fields = (
            *("id", "pilot", "milestone", "completed_on", "evidence", "entered_on", "entered_by"),
            *("objected_on", "objected_by", "objection", "url"),
        )

    def hidden_fields(self, record: Any) -> Collection[str]:
        later = () if record.objected_then else ("objected_by", "objection")
        return {*later, *super().hidden_fields(record)}


class CompletionListFilter(filters.CompletionFilter):
    milestone = NumberFilter(label="Milestone")


class CompletionViewSet(PilotPartViewSet):
    heading = gettext_lazy("Completions")
    about = (
        "That milestones are done, with what shows it. One entered more than 30 days late counts, and is listed, from "
        "entered_on on; one that the ministry objects to counts no more from objected_on on. The newest one without an "
        "objection counts. It is deleted on the day of its entry only."
    )
    http_method_names = ["get", "head", "options", "post", "patch", "delete"]
    queryset = Completion.objects.select_related("pilot", "milestone", "entered_by", "objected_by")
    serializer_class = CompletionSerializer
    filterset_class = api_filterset(
        CompletionListFilter, CompletionSerializer, "completed_on", "entered_on", "objected_on"
    )
    ordering_fields = ("id", "pilot", "completed_on", "entered_on", "objected_on")
    default_ordering = "-entered_on,-id"

    def visible_as_of(self, rows: QuerySet[Model]) -> QuerySet[Model]:
        return rows.filter(counted_condition("completed_on", "entered_on", self.as_of), self.listed())

    def create_one(self, record: Any, data: Mapping[str, Any]) -> Completion:
        given = self.validate_record(record, data)
        values = dict(given.values)
        if values.pop("objection"):
            text = _("Object to it when it is on record.")
            raise ValidationError({"objection": ValidationError(text, code="invalid")})
        attached = values["milestone"].attachments.filter(attached_on=today(), removed_on=None).exists()
        return complete(**values, by=self.request.user, reason=given.reason, with_file=attached)

    def update_one(self, record: Any, data: Mapping[str, Any]) -> Completion:
        """Object to it, or correct what shows it."""
        given = self.validate_change(record, data)
        values = dict(given.values)
        draft = record.drafted(values)
        writing.check_fields(draft, record, {}, self.request.user)
        objection = values.pop("objection", record.objection)
        if objection != record.objection:
            draft.clean()
            object_to(record, objection=objection, by=self.request.user)
        else:
            self.perform_write(record, replace(given, values=values))
        return record  # type: ignore[no-any-return]


class AmendmentSerializer(PeopleMixin, RecordSerializer, AmendedSerializer):
    """A request as it stood on the day: decided later, it waited then."""

    PEOPLE_FIELDS = ("asked_by", "decided_by")

    state = serializers.ChoiceField(AmendmentState.choices, help_text="What it was on the day.", source="state_then")
    asked_by = UsernameField(help_text="Who asked for it.")
    decided_by = UsernameField(help_text="Who decided on it.", source="decided_by_then")
    accepted = serializers.BooleanField(help_text="Null while it waits.", source="accepted_then", allow_null=True)
    remark = serializers.CharField(help_text="Why it was refused.", source="remark_then", allow_null=True)

    class Meta:
        model = Amendment
        as_of = ("decided_on",)
        fields = (
            *("id", "pilot", "milestone", "target", *AMENDED_FIELDS, "state", "asked_on", "asked_by"),
            *("decided_on", "decided_by", "accepted", "remark", "url"),
        )


class AmendmentWriteSerializer(WriteSerializer):
    steps = StepWriteSerializer(
        many=True,
        required=False,
        allow_null=True,
        help_text="All its steps from then on: another value or base without them clears them.",
    )


class AmendmentListFilter(filters.AmendmentFilter):
    milestone, target = NumberFilter(label="Milestone"), NumberFilter(label="Target")


class AmendmentViewSet(PilotPartViewSet):
    heading = gettext_lazy("Amendments")
    about = (
        "Requests for another day of a milestone, for another value, base, steps or year of a target, or to drop one, "
        "made by the day. One that the ministry accepts holds from the day of the decision: days before it keep their "
        "lights. decided_on, accepted and remark are null while it waits, and read null on a day before the decision."
    )
    http_method_names = ["get", "head", "options", "post", "patch", "delete"]
    serializer_class = AmendmentSerializer
    write_serializer_class = AmendmentWriteSerializer
    filterset_class = api_filterset(AmendmentListFilter, AmendmentSerializer, "day", "asked_on", "decided_on")
    ordering_fields = ("id", "pilot", "day", "state", "asked_on", "decided_on")
    ordering_paths = {"state": "state_then"}
    default_ordering = "-asked_on,-id"

    def base_queryset(self) -> QuerySet[Amendment]:
        decided = Q(decided_on__lte=self.as_of)
        state = Case(
            When(decided, accepted=True, then=Value(AmendmentState.ACCEPTED.value)),
            When(decided, then=Value(AmendmentState.REFUSED.value)),
            default=Value(AmendmentState.WAITING.value),
        )
        related = ("pilot", "milestone", "target__pilot", "target__indicator", "asked_by", "decided_by")
        return Amendment.objects.annotate(state_then=state).select_related(*related)

    def visible_as_of(self, rows: QuerySet[Model]) -> QuerySet[Model]:
        return rows.filter(self.listed(), asked_on__lte=self.as_of)

    def annotate_as_of(self, record: Any) -> Any:
        decided = record.decided_then is not None
        record.decided_by_then = record.decided_by if decided else None
        record.accepted_then, record.remark_then = (record.accepted, record.remark) if decided else (None, "")
        return record

    def create_one(self, record: Any, data: Mapping[str, Any]) -> Amendment:
        for name, value in self.validate_record(record, data).values.items():
            setattr(record, name, value)
        writing.check_fields(record, None, {}, self.request.user)
        return save_amendment(record, by=self.request.user)

    def update_one(self, record: Any, data: Mapping[str, Any]) -> Amendment:
        """Accept or refuse a request."""
        given = self.validate_change(record, data)
        draft = record.drafted(given.values)
        writing.check_fields(draft, record, {}, self.request.user)
        draft.clean()
        if draft.accepted is None:
            text = _("Write true to accept it, or false to refuse it with a remark.")
            raise ValidationError({"accepted": ValidationError(text, code="required")})
        decision = {"accepted": draft.accepted, "remark": draft.remark, "by": self.request.user}
        return decide_amendment(record, **decision, reason=given.reason)

    def delete_one(self, record: Any, data: Mapping[str, Any]) -> None:
        """Withdraw a request."""
        given = self.validate_change(record, data)
        withdraw_amendment(record, by=self.request.user, reason=given.reason)


class DeadlineSerializer(PeopleMixin, RecordSerializer):
    PEOPLE_FIELDS = ("decided_by",)

    decided_by = UsernameField(help_text="Who decided it, for those whom it concerns.")
    decided_on = DateValueField(allow_null=False, help_text="It holds from this day on.")

    class Meta:
        model = Deadline
        fields = (
            *("id", "batch", "pilot", "year", "indicator", "due_on", "reason", "decided_on", "decided_by", "url"),
        )


class DeadlineViewSet(WritableViewSet):
    heading = gettext_lazy("Deadlines")
    about = (
        "Decisions of the ministry, made by the day, that the values of a year are due on another day than that of the "
        "batch or the indicator, or, where due_on is null, are not asked for. Each holds from decided_on on, and of "
        "several the newest. They are never changed or deleted."
    )
    http_method_names = ["get", "head", "options", "post"]
    queryset = Deadline.objects.select_related("batch", "pilot__batch", "indicator", "decided_by")
    serializer_class = DeadlineSerializer
    filterset_class = api_filterset(filters.DeadlineFilter, DeadlineSerializer, "year", "due_on", "decided_on")
    ordering_fields = ("id", "batch", "pilot", "year", "indicator", "due_on", "decided_on")
    default_ordering = "-decided_on,-id"

    def visible_as_of(self, rows: QuerySet[Model]) -> QuerySet[Model]:
        return rows.filter(decided_on__lte=self.as_of)


# -- indicators, targets, readings -----------------------------------------------------------------------


class IndicatorSerializer(RecordSerializer):
    class Meta:
        model = Indicator
        fields = (
            *("code", "name", "name_en", "name_zh", "unit", "unit_zh", "kind", "direction"),
            *("rollup", "equivalent_kg", "may_enter_synergy", "replaces", "signed", "report_due"),
            *(*NOTE_FIELDS, "url"),
        )


class IndicatorViewSet(WritableViewSet):
    cache_responses = True
    heading = gettext_lazy("Indicators")
    about = "What is measured: unit, which way is better, and how far values may be put together."
    queryset = Indicator.objects.select_related("replaces")
    serializer_class = IndicatorSerializer
    filterset_class = api_filterset(filters.IndicatorFilter, IndicatorSerializer, "code")
    ordering_fields = ("id", "code", "name_en", "name_zh", "kind", "direction")
    default_ordering = "id"
    lookup_value_regex = "[A-Za-z0-9_]+"

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Read the code in the address however it is written."""
        self.kwargs = {name: str(value).upper() for name, value in kwargs.items()}
        super().initial(request, *args, **kwargs)


class TargetSerializer(PromiseSerializer):
    steps = StepOfTargetSerializer(source="steps_then", many=True, help_text="Its values for years before the last.")

    class Meta:
        model = Target
        as_of = ("base_year", "base_value", "target_year", "target_value", "promised_on")
        fields = (
            *("id", "pilot", "indicator", "kind", "base_year", "base_value", "target_year", "target_value"),
            *("steps", "binding", "promised_on", "state", "amended_on", "amendment", *FACT_FIELDS, "url"),
        )


class TargetWriteSerializer(PromiseWriteSerializer):
    steps = StepWriteSerializer(many=True, required=False, help_text="All its steps: those left out are taken away.")


class TargetViewSet(PromiseViewSet):
    cache_responses = True
    heading = gettext_lazy("Targets")
    about = (
        "What the pilots of the day have promised, by indicator, kind and year, as amended by the day. “reach” is a "
        "value by the target year, by way of the steps; “limit” holds in every year; “keep” is no worse than the base. "
        "target_value is null while none is set. A binding target that a province enters is a request: promised_on is "
        "null until the ministry accepts it."
    )
    serializer_class = TargetSerializer
    write_serializer_class = TargetWriteSerializer
    filterset_class = api_filterset(
        filters.TargetFilter, TargetSerializer, "base_year", "base_value", "target_year", "target_value", "promised_on"
    )
    ordering_fields = (
        *("id", "pilot", "indicator", "kind", "base_year", "base_value", "target_year"),
        *("target_value", "binding", "promised_on"),
    )
    default_ordering = "pilot,indicator,target_year"

    def base_queryset(self) -> QuerySet[Any]:
        values = {}
        for field, name in Target.AMENDED.items():
            if name in TargetSerializer.as_of_fields():
                newest = self.accepted_amendments(**{f"{field}__isnull": False}).values(field)[:1]
                values[then(name)] = Coalesce(Subquery(newest), F(name))
        rows = super().base_queryset().annotate(**values)
        return rows.select_related("pilot", "indicator")  # type: ignore[no-any-return]

    def annotate_as_of(self, record: Any) -> Any:
        record.steps_then = steps_of(record.values_on(self.as_of)["steps"])
        return super().annotate_as_of(record)

    def perform_write(self, record: Any, given: ValidatedInput) -> None:
        """Write it; the values in force may be sent back as they were read."""
        if self.accepts(record, given):
            return
        values = dict(given.values)
        if record.pk:
            now = record.values_on(today())
            same = [name for name, value in now.items() if name in values and values[name] == value]
            back = [name for name in now if name in values and name not in same and now[name] != getattr(record, name)]
            if back:  # another value than the one in force, of what was amended
                text = _("It was amended. For another value ask for an amendment.")
                raise ValidationError({name: ValidationError(text, code="fixed") for name in back})
            values = {name: value for name, value in values.items() if name not in same}
        super().perform_write(record, replace(given, values=values))


class ReadingSerializer(SourcedSerializer):
    """A version of a value as it stood on the day: accepted later, it was only reported then."""

    state = serializers.ChoiceField(ReadingState.choices, help_text="What it was on the day.", source="state_then")
    version = serializers.IntegerField(
        help_text="Which value it is for the period, from 1: a correction is a new version."
    )

    class Meta:
        model = Reading
        as_of = ("accepted_on", "returned_on", "disputed_on")
        fields = (
            *("id", "pilot", "indicator", "period", "value", "value_status", "version", "state", "reported_on"),
            *("accepted_on", "returned_on", "answer_by", "disputed_on", *FACT_FIELDS, "url"),
        )

    def hidden_fields(self, record: Any) -> Collection[str]:
        return () if record.returned_then else ("answer_by",)


class ReadingWriteSerializer(WriteSerializer):
    """`version` says which version the value is to become; only a correction has to give it."""

    EXTRA_FIELDS = ("version",)

    state = StrictChoiceField(
        choices=ReadingState.choices,
        required=False,
        help_text="Of a value on record: the ministry accepts, returns (with change_reason and answer_by) or disputes "
        "it (with change_reason).",
    )

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        fields["version"].help_text = "Which version the value is to become: only a correction has to say it."
        return fields


class ReadingViewSet(PilotPartViewSet):
    cache_responses = True
    heading = gettext_lazy("Readings")
    about = (
        "Values that the pilots of the day reported by then, each version of them. Of an indicator and a period the "
        "newest version accepted by the day counts, also while it is disputed. One accepted later reads as reported."
    )
    serializer_class = ReadingSerializer
    write_serializer_class = ReadingWriteSerializer
    filterset_class = api_filterset(
        filters.ReadingFilter,
        ReadingSerializer,
        *("value", "version", "reported_on", "accepted_on", "returned_on", "disputed_on"),
    )
    ordering_fields = (
        *("id", "pilot", "indicator", "period", "value", "value_status", "version", "reported_on"),
        *("state", "accepted_on", "returned_on", "disputed_on"),
    )
    ordering_paths = {"state": "state_then"}
    default_ordering = "pilot,indicator,period,version"

    def base_queryset(self) -> QuerySet[Reading]:
        rows = Reading.objects.annotate(state_then=state_expression(self.as_of))
        return rows.select_related("pilot", "indicator").prefetch_related("sources")

    def visible_as_of(self, rows: QuerySet[Model]) -> QuerySet[Model]:
        return rows.filter(self.listed(), reported_on__lte=self.as_of)

    def lock_rows(self, sent: Sequence[Mapping[str, Any]]) -> list[Any]:
        self.ledgers: dict[int, ReadingLedger] = {}  # by pilot, whose values may be sent together
        return super().lock_rows(sent)

    def perform_write(self, record: Any, given: ValidatedInput) -> None:
        """Judge a value that is on record, and write what else was sent of it; record a new version."""
        state = given.data.get("state")
        if record.pk is None:
            self.record_version(record, given, state)
            return
        kept = {"accepted_on", "answer_by"} - given.data.keys()  # where the record is replaced, too
        values = {name: value for name, value in given.values.items() if name not in kept}
        if state not in (None, record.state):
            how = {"reason": given.reason, "answer_by": values.pop("answer_by", None)}
            judge_readings([record], ReadingState(state), by=cast(User, self.request.user), **how)
        super().perform_write(record, replace(given, values=values))

    def record_version(self, record: Any, given: ValidatedInput, state: str | None) -> None:
        for name, value in given.values.items():
            setattr(record, name, value)
        if state not in (None, record.state):
            text = _("A value is reported first. Accept it, return it or dispute it when it is on record.")
            raise ValidationError({"state": ValidationError(text, code="invalid")})
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
