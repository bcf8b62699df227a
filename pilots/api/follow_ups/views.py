"""API viewset of follow-ups, and of the steps of one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from django.contrib.auth.models import User
from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from core.api.serializers import api_url
from core.api.viewsets import AggregateView
from core.api.write_serializers import ValidatedInput, checked_data, field_error
from core.api.writes import WritableViewSet
from core.http.errors import WriteRejected
from core.records import writing
from pilots.api.follow_ups import serializers
from pilots.documents.services import can_read, readable
from pilots.follow_ups.causes import add_lights
from pilots.follow_ups.filters import FollowUpApiFilter, FollowUpSummaryFilter
from pilots.follow_ups.services import check_verifier, open_follow_up, take_step
from pilots.follow_ups.summary import AgeBand, FollowUpSummary, build_summary
from pilots.metrics.follow_up_states import Move
from pilots.models import Attachment, Document, FollowUp, FollowUpStep


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
    cache_responses = False  # names of people, for those whom they concern
    serializer_class = serializers.FollowUpSerializer
    write_serializer_class = serializers.FollowUpWriteSerializer
    filterset_class = FollowUpApiFilter
    ordering_fields = (
        *("id", "number", "kind", "pilot", "province", "agency", "state", "is_key", "opened_on", "due_on", "due"),
    )
    ordering_paths = {"agency": "owner_agency__slug", "due": "current_due_on"}
    default_ordering = "-opened_on,-id"
    lookup_value_regex = "[0-9]{4}-[0-9]{3,5}"

    def base_queryset(self) -> QuerySet[FollowUp]:
        related = ("pilot", "province", "policy", "practice", "cause_indicator", "cause_milestone__pilot")
        rows = FollowUp.objects.with_state(self.as_of).select_related(
            *related, "owner_agency", "owner_user", "verifier"
        )
        return rows.prefetch_related("sources")

    def rows_for_output(self, rows: Iterable[Any]) -> Iterable[object]:
        """Return the records with the lights of their causes, which are read for many at once."""
        records = list(rows)
        if self.action != "steps":
            add_lights(records)
        return records

    def annotate_as_of(self, record: Any) -> Any:
        add_lights([record])
        return record

    # -- writing -----------------------------------------------------------------------------------------

    def perform_write(self, record: Any, given: ValidatedInput) -> None:
        """A new one is validated, numbered and given its cause as it is opened."""
        if record.pk:
            verifier = given.values.get("verifier")
            if verifier and verifier != record.verifier:
                check_verifier(record, verifier)
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
        serializer_class=serializers.FollowUpStepSerializer,
        write_serializer_class=serializers.FollowUpStepWriteSerializer,
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
        documents = given.get("documents", ())
        for place, document in enumerate(documents):
            if not can_read(user, document):  # as for those that do not exist
                text = _("There is no “{input}” on record.").format(input=document.pk)
                raise WriteRejected(400, field_error(f"/documents/{place}", "not_on_record", text))
        self.check_revision(record, data)
        return take_step(
            record,
            Move(given["move"]),
            by=user,
            taken_on=given.get("taken_on"),
            remark=given.get("remark") or "",
            new_due_on=given.get("new_due_on"),
            files=documents,
        )

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


class FollowUpSummaryView(AggregateView):
    heading = gettext_lazy("Follow-up in numbers")
    about = (
        "How follow-ups stand on the day: open, overdue, closed in time, returned; whether the red lights that caused "
        "them were cleared, and red again. Each share gives n and of. As CSV or XLSX: the open ones by age, one row "
        "each."
    )
    queryset, filterset_class = FollowUp.objects.all(), FollowUpSummaryFilter
    serializer_class = serializers.FollowUpSummarySerializer
    row_serializer_class = serializers.AgeBandSerializer
    file_name = "followup"

    def build(self) -> FollowUpSummary:
        return build_summary(self.filter_queryset(FollowUp.objects.with_state(self.as_of)), self.as_of)

    def file_rows(self, value: FollowUpSummary) -> Iterable[AgeBand]:
        return value.ages
