"""API of follow-ups, of the steps of one, and of their numbers."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import django_filters
from django.contrib.auth.models import User
from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from core.api.filters import CODE_LOOKUPS, COMPARISONS, ApiFilterSet, CommaListFilter, label_several
from core.api.serializers import (
    ApiUrlField,
    CountsField,
    DateValueField,
    DaySerializer,
    PeopleMixin,
    ReadOnlyModelSerializer,
    RelatedByCode,
    UsernameField,
    api_url,
)
from core.api.viewsets import AggregateView
from core.api.write_serializers import (
    RelatedListField,
    UsernameInputField,
    ValidatedInput,
    WriteSerializer,
    checked_data,
    field_error,
)
from core.api.writes import WritableViewSet
from core.records import writing
from core.tables import ChoiceFilter, RelatedFilter
from pilots.documents import can_read, readable
from pilots.filters import FollowUpFilter, IndicatorCodeFilter
from pilots.follow_ups.services import count_follow_ups, open_follow_up, take_step
from pilots.lights import Colour
from pilots.metrics import FollowUpState, Move
from pilots.models import Attachment, Batch, Cause, Document, FollowUp, FollowUpKind, FollowUpStep, Pilot, Practice
from policies.api import NOTE_FIELDS, SourcedSerializer
from policies.models import Agency, Province

STATES = ChoiceFilter(field_name="state", choices=FollowUpState.choices, label="State")
DUE = "Due date in force"


class SubjectSerializer(serializers.Serializer):
    """What a follow-up is about."""

    kind = serializers.CharField(help_text="What kind of record it is.", source="_meta.model_name", read_only=True)
    slug = serializers.CharField(read_only=True)
    name = serializers.CharField(source="__str__", read_only=True)
    url = ApiUrlField()


class FollowUpSerializer(PeopleMixin, SourcedSerializer):
    """A follow-up with what its steps say on the day."""

    PEOPLE_FIELDS = ("owner_person", "owner_user", "verifier")

    subject = SubjectSerializer(help_text="The pilot, policy, practice or province it is about.")
    owner_user = UsernameField(help_text="Who is responsible, for those whom it concerns.")
    verifier = UsernameField(help_text="Who is to verify it, for those whom it concerns.")
    cause_indicator = RelatedByCode(allow_null=True, help_text="The indicator of cause_target.")
    state = serializers.ChoiceField(FollowUpState.choices, help_text="Its state on the day.")
    due = DateValueField(
        help_text="Due date in force; due_on is the first one.", source="current_due_on", allow_null=False
    )
    overdue = serializers.BooleanField(
        help_text="Whether the owner has to act and the due date has passed.", source="is_overdue"
    )
    days_late = serializers.IntegerField(help_text="Days since; null if not overdue.", allow_null=True)
    extended = serializers.IntegerField(help_text="How often the due date was extended.", source="times_extended")
    returned = serializers.IntegerField(help_text="How often a report was returned.", source="times_returned")
    signed_on = DateValueField(help_text="The day it was first signed for.")
    reported_on = DateValueField(help_text="The day of the newest report.")
    closed_on = DateValueField(help_text="The day it was verified; null if not closed.")
    closed_in_time = serializers.BooleanField(
        help_text="Whether the verified report came by the due date; null if not closed.", allow_null=True
    )
    cause_colour_now = serializers.ChoiceField(
        Colour.choices,
        help_text="The colour of the cause on the day, of a pilot the computed one; null without one.",
        allow_null=True,
    )
    cleared = serializers.BooleanField(
        help_text="Whether the red cause was not red on the closing day; null if not known. "
        "A light set by hand clears nothing.",
        allow_null=True,
    )
    relapsed_on = DateValueField(
        help_text="The first day within 180 days after closing on which a cleared cause was red again."
    )

    class Meta:
        model = FollowUp
        fields = (
            *("number", "kind", "title", "title_en", "title_zh", "task", "task_en", "task_zh", "meeting", "subject"),
            *("pilot", "province", "policy", "practice", "cause", "cause_target", "cause_milestone"),
            *("cause_indicator", "cause_colour", "cause_reason", "cause_reason_en", "cause_reason_zh"),
            *("cause_colour_now", "is_key", "opened_on", "due_on", "due", "owner_agency", "owner_person", "owner_user"),
            *("verifier", "state", "overdue", "days_late", "extended", "returned", "signed_on", "reported_on"),
            *("closed_on", "closed_in_time", "cleared", "relapsed_on", "sources", *NOTE_FIELDS, "url", "page"),
        )


class StepDocumentSerializer(ReadOnlyModelSerializer):
    """A file attached to a step. Who may not read it gets 404 at its address."""

    id = serializers.IntegerField(source="document_id")
    title = serializers.CharField(source="document.title")
    url = ApiUrlField(source="document")

    class Meta:
        model = Attachment
        fields = ("id", "title", "url")


class FollowUpStepSerializer(PeopleMixin):
    """One step of a follow-up, in order of `seq`."""

    PEOPLE_FIELDS = ("author",)

    author = UsernameField(help_text="Who took it, for those whom it concerns.")
    documents = StepDocumentSerializer(
        source="readable_attachments", many=True, help_text="Its files that the reader may read."
    )

    class Meta:
        model = FollowUpStep
        fields = ("seq", "taken_on", "move", "state", "remark", "new_due_on", "author", "documents")


class FollowUpWriteSerializer(WriteSerializer):
    owner_user = UsernameInputField(required=False, allow_null=True, help_text="The username of who is responsible.")
    verifier = UsernameInputField(required=False, allow_null=True, help_text="The username of who is to verify it.")


class FollowUpStepWriteSerializer(WriteSerializer):
    """A step to take; which moves there are depends on the state, and on who sends it."""

    model = FollowUpStep
    API_NAMES = {"documents": "files"}  # what the service calls them

    documents = RelatedListField(
        Document, required=False, help_text="Files that show it, by id; a key follow-up needs one."
    )

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        return {name: fields[name] for name in ("move", "remark", "new_due_on", "taken_on", "documents")}


class FollowUpApiFilter(ApiFilterSet, FollowUpFilter):
    state__in = CommaListFilter(STATES, label=label_several(STATES.label, "in"))
    state__ne = CommaListFilter(STATES, exclude=True, label=label_several(STATES.label, "ne"))
    cause = ChoiceFilter(choices=Cause.choices, label="Cause")
    cause_colour = ChoiceFilter(choices=Colour.choices, label="Light at the opening")
    cause_indicator = IndicatorCodeFilter(field_name="cause_target__indicator")
    practice = RelatedFilter(queryset=Practice.objects.all(), label="Practice")
    due = django_filters.DateFilter("current_due_on", label=DUE)
    due__gte = django_filters.DateFilter("current_due_on", "gte", label=DUE)
    due__lte = django_filters.DateFilter("current_due_on", "lte", label=DUE)
    due__gt = django_filters.DateFilter("current_due_on", "gt", label=DUE)
    due__lt = django_filters.DateFilter("current_due_on", "lt", label=DUE)

    class Meta:
        model = FollowUp
        fields = {"number": CODE_LOOKUPS, **dict.fromkeys(("opened_on", "due_on"), COMPARISONS)}


def readable_attachments(user: Any) -> Prefetch:
    """Return the prefetch of the files of a step that are not removed, as far as the user may read them."""
    rows = Attachment.objects.filter(removed_on__isnull=True, document__in=readable(user, Document.objects.all()))
    rows = rows.select_related("document")
    return Prefetch("attachments", rows.order_by("pk"), to_attr="readable_attachments")


class FollowUpViewSet(WritableViewSet):
    heading = gettext_lazy("Follow-ups")
    about = (
        "What was assigned after a meeting or a red light, opened by the day: to whom, by when, and what its steps say "
        "on the day. state, due, overdue and all counts follow from the steps taken by then. A follow-up is opened by "
        "POST with its cause (the light’s colour and reason are filled in) and never deleted: it is withdrawn."
    )
    serializer_class = FollowUpSerializer
    write_serializer_class = FollowUpWriteSerializer
    filterset_class = FollowUpApiFilter
    ordering_fields = (
        *("id", "number", "kind", "pilot", "province", "agency", "state", "is_key", "opened_on", "due_on", "due"),
    )
    ordering_paths = {"agency": "owner_agency__slug", "due": "current_due_on"}
    default_ordering = "-opened_on,-id"
    lookup_value_regex = "[0-9]{4}-[0-9]{3,5}"

    def base_queryset(self) -> QuerySet[FollowUp]:
        of_cause = ("cause_target__indicator", "cause_target__pilot", "cause_milestone__pilot")
        related = ("pilot", "province", "policy", "practice", *of_cause)
        rows = FollowUp.objects.with_state(self.as_of).with_cause(self.as_of)
        rows = rows.select_related(*related, "owner_agency", "owner_user", "verifier")
        return rows.prefetch_related("sources")

    # -- writing -----------------------------------------------------------------------------------------

    def perform_write(self, record: Any, given: ValidatedInput) -> None:
        """A new one is validated, numbered and given its cause as it is opened."""
        if record.pk:
            super().perform_write(record, given)
            return
        for name, value in given.values.items():
            setattr(record, name, value)
        by, sources = cast(User, self.request.user), given.m2m.get("sources", ())
        open_follow_up(record, by=by, sources=sources, reason=given.reason)

    # -- steps -------------------------------------------------------------------------------------------

    @action(
        detail=True,
        lists_rows=True,
        serializer_class=FollowUpStepSerializer,
        write_serializer_class=FollowUpStepWriteSerializer,
    )
    def steps(self, request: Request, number: str) -> Any:
        """List the steps taken by the day."""
        rows = self.get_object().steps.filter(taken_on__lte=self.as_of).order_by("seq")
        rows = rows.select_related("follow_up", "author").prefetch_related(readable_attachments(request.user))
        return self.list_response(rows, f"{self.file_name}-{number}-steps")

    @steps.mapping.post
    def take(self, request: Request, number: str) -> HttpResponse:
        """Take a step."""
        return self.run_write(request, self.take_one, 201)

    def take_one(self, record: FollowUp, data: Mapping[str, Any]) -> FollowUpStep:
        user = cast(User, self.request.user)
        writing.check_scope(user, writing.CHANGE, record)
        given = checked_data(self.write_serializer_class(data=data))
        documents, move = given.pop("documents", ()), Move(given.pop("move"))
        for position, document in enumerate(documents):
            if not can_read(user, document):  # as for those that do not exist
                text = _("There is no “{input}” on record.").format(input=document.pk)
                raise field_error(f"/documents/{position}", "not_on_record", text)
        self.check_revision(record, data)
        return take_step(record, move, by=user, files=documents, **given)

    def build_response(self, done: Sequence[Any], *, status: int) -> HttpResponse:
        if not isinstance(done[0], FollowUpStep):
            return super().build_response(done, status=status)
        step = FollowUpStep.objects.select_related("follow_up", "author").prefetch_related(
            readable_attachments(self.request.user)
        )
        row = self.get_serializer().to_representation(step.get(pk=done[0].pk))
        response = HttpResponse(JSONRenderer().render(row), status=status, content_type="application/json")
        response["ETag"] = self.current_etag(done[0].follow_up_id)
        response["Location"] = api_url(done[0].follow_up, self.request)
        return response


# -- the numbers of many -----------------------------------------------------------------------------------


class ShareSerializer(serializers.Serializer):
    """Part of a whole: `n` of `of`."""

    n = serializers.IntegerField(help_text="How many it is true of.")
    of = serializers.IntegerField(help_text="Of how many it could be true.")
    percent = serializers.FloatField(help_text="n of of, in percent; null of none.", allow_null=True)


class FollowUpSummarySerializer(DaySerializer):
    """Numbers of follow-ups on a day, each share with its whole."""

    total = serializers.IntegerField(help_text="Follow-ups opened by the day.")
    by_state = CountsField(help_text="How many stand at each state.")
    open = serializers.IntegerField(help_text="Those in which something remains to be done.")
    to_verify = serializers.IntegerField(help_text="Open ones that wait for the verifier.")
    key_open = serializers.IntegerField(help_text="Open ones that are key follow-ups.")
    closed = serializers.IntegerField(help_text="Verified and closed ones.")
    withdrawn = serializers.IntegerField(help_text="Withdrawn ones.")
    overdue = ShareSerializer(help_text="Overdue, of the open ones.")
    closed_in_time = ShareSerializer(help_text="Closed by a report that came by the due date then in force.")
    extended = ShareSerializer(help_text="Extended at least once, of all.")
    cleared = ShareSerializer(help_text="Cause not red on the closing day, of those red before and rated then.")
    relapsed = ShareSerializer(help_text="Cause red again within 180 days after closing, of the cleared ones.")
    not_watched_yet = serializers.IntegerField(
        help_text="Cleared ones, not red again, that are not yet watched for 180 days."
    )
    red = CountsField(
        help_text="What became of those that a red light caused. opened = open + closed + withdrawn; closed = cleared "
        "+ still_red + not_rated (grey on the closing day: not known). Of the cleared ones: relapsed, and watched."
    )


class StateCountSerializer(serializers.Serializer):
    """How many follow-ups stand at a state."""

    state = serializers.CharField()
    n = serializers.IntegerField()


class FollowUpSummaryFilter(django_filters.FilterSet):
    kind = ChoiceFilter(choices=FollowUpKind.choices, label="Kind")
    province = RelatedFilter(queryset=Province.objects.all(), label="Province")
    batch = RelatedFilter(field_name="pilot__batch", queryset=Batch.objects.all(), label="Batch")
    pilot = RelatedFilter(queryset=Pilot.objects.all(), label="Pilot")
    agency = RelatedFilter(field_name="owner_agency", queryset=Agency.objects.all(), label="Responsible agency")


class FollowUpSummaryView(AggregateView):
    cache_responses = True
    heading = gettext_lazy("Follow-up in numbers")
    about = (
        "How follow-ups stand on the day: open, overdue, closed in time; whether the red lights that caused them were "
        "cleared, and red again. Each share gives n and of. As CSV or XLSX: how many stand at each state."
    )
    queryset, filterset_class = FollowUp.objects.all(), FollowUpSummaryFilter
    serializer_class, row_serializer_class = FollowUpSummarySerializer, StateCountSerializer
    file_name = "followup"

    def get_queryset(self) -> QuerySet[Any]:
        return FollowUp.objects.with_state(self.as_of)

    def build(self) -> dict[str, Any]:
        return count_follow_ups(self.chosen(), self.as_of)

    def file_rows(self, value: Any) -> list[dict[str, object]]:
        return [{"state": state, "n": n} for state, n in value["by_state"].items()]
