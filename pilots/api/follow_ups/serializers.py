"""Serializers of follow-ups and their steps, to read and to write."""

from rest_framework import serializers

from core.api.serializers import (
    ApiUrlField,
    DateValueField,
    KnownField,
    PeopleMixin,
    ReadOnlyModelSerializer,
    UsernameField,
)
from core.api.write_serializers import RelatedListField, UsernameInputField, WriteSerializer
from pilots.metrics.follow_up_states import FollowUpState
from pilots.models import Attachment, Colour, Document, FollowUp, FollowUpStep
from policies.api import NOTE_FIELDS, SourcedSerializer

COUNT_HELP = {"extended": "How often the due date was extended.", "returned": "How often a report was returned."}


class SubjectSerializer(serializers.Serializer):
    """What a follow-up is about."""

    kind = serializers.CharField(source="_meta.model_name", read_only=True, help_text="What kind of record it is.")
    slug = serializers.CharField(read_only=True)
    name = serializers.CharField(source="__str__", read_only=True)
    url = ApiUrlField()


class FollowUpSerializer(PeopleMixin, SourcedSerializer):
    """A follow-up with what its steps say on the day."""

    PEOPLE_FIELDS = ("owner_person", "owner_user", "verifier")

    subject = SubjectSerializer(help_text="The pilot, policy, practice or province it is about.")
    owner_user = UsernameField("owner_user", help_text="Who is responsible, for those whom it concerns.")
    verifier = UsernameField("verifier", help_text="Who is to verify it, for those whom it concerns.")
    state = serializers.ChoiceField(choices=FollowUpState.choices, help_text="Its state on the day.")
    due = DateValueField(
        source="current_due_on", allow_null=False, help_text="Due date in force on the day; due_on is the first one."
    )
    overdue = serializers.BooleanField(
        source="is_overdue",
        help_text="Whether the owner has to act and the due date has passed; one reported waits for the verifier.",
    )
    days_late = serializers.IntegerField(allow_null=True, help_text="Days since; null if not overdue.")
    extended = serializers.IntegerField(source="times_extended", help_text=COUNT_HELP["extended"])
    returned = serializers.IntegerField(source="times_returned", help_text=COUNT_HELP["returned"])
    signed_on = DateValueField(help_text="The day it was first signed for.")
    reported_on = DateValueField(help_text="The day of the newest report.")
    closed_on = DateValueField(help_text="The day it was verified; null if not closed.")
    closed_in_time = serializers.BooleanField(
        allow_null=True,
        help_text="Whether the report that was verified came by the due date; null if not closed.",
    )
    cause_colour_now = serializers.ChoiceField(
        choices=Colour.choices,
        allow_null=True,
        help_text="The colour of the cause on the day; null where no light caused it.",
    )
    cleared = serializers.BooleanField(
        allow_null=True,
        help_text="Whether its cause, red at the opening, was not red on the closing day; null if not known.",
    )
    relapsed_on = DateValueField(
        help_text="The first day within 180 days after closing on which a cleared cause was red again.",
    )

    class Meta:
        model = FollowUp
        fields = (
            *("number", "kind", "title", "title_en", "title_zh", "task", "task_en", "task_zh", "meeting", "subject"),
            *("pilot", "province", "policy", "practice", "cause", "cause_indicator", "cause_milestone"),
            *("cause_colour", "cause_reason", "cause_reason_en", "cause_reason_zh", "cause_colour_now", "is_key"),
            *("opened_on", "due_on", "due", "owner_agency", "owner_person", "owner_user", "verifier", "state"),
            *("overdue", "days_late", "extended", "returned", "signed_on", "reported_on", "closed_on"),
            *("closed_in_time", "cleared", "relapsed_on", "sources", *NOTE_FIELDS, "url", "page"),
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

    author = UsernameField("author", help_text="Who took it, for those whom it concerns.")
    documents = StepDocumentSerializer(
        source="readable_attachments",
        many=True,
        help_text="The files attached to it that the reader may read; removed ones not.",
    )

    class Meta:
        model = FollowUpStep
        fields = ("seq", "taken_on", "move", "state", "remark", "new_due_on", "author", "documents")


class FollowUpWriteSerializer(WriteSerializer):
    model = FollowUp

    owner_user = UsernameInputField(
        required=False, allow_null=True, help_text="The account of who is responsible, by username."
    )
    verifier = UsernameInputField(
        required=False, allow_null=True, help_text="The account of who is to verify it, by username."
    )


class FollowUpStepWriteSerializer(WriteSerializer):
    """A step to take; which moves there are depends on the state, and on who sends it."""

    model = FollowUpStep
    API_NAMES = {"documents": "files"}  # what the service calls them

    documents = RelatedListField(
        Document, required=False, help_text="Files on record that show it, by id; a key follow-up needs one."
    )

    def get_fields(self) -> dict[str, serializers.Field]:
        found = super().get_fields()
        return {name: found[name] for name in ("move", "remark", "new_due_on", "taken_on", "documents")}


# -- the numbers of many -----------------------------------------------------------------------------------


class ShareSerializer(serializers.Serializer):
    """Part of a whole: `n` of `of`."""

    n = serializers.IntegerField(help_text="How many it is true of.")
    of = serializers.IntegerField(help_text="Of how many it could be true.")
    percent = serializers.FloatField(allow_null=True, help_text="n of of, in percent; null of none.")


class MedianDaysSerializer(serializers.Serializer):
    """Median of durations of `n` follow-ups."""

    days = serializers.FloatField(allow_null=True, help_text="The median in days; null of none.")
    n = serializers.IntegerField(help_text="Of how many.")


class AgeBandSerializer(serializers.Serializer):
    """Open follow-ups by days since they were opened."""

    first = serializers.IntegerField(help_text="Days since the opening, from.")
    last = serializers.IntegerField(allow_null=True, help_text="Days since the opening, to; null has no end.")
    n = serializers.IntegerField(help_text="Open follow-ups of this age.")
    overdue = serializers.IntegerField(help_text="Those of them that are overdue.")


class RedCausesSerializer(serializers.Serializer):
    """Follow-ups that a red light caused.

    opened = open + closed + withdrawn; closed = cleared + still_red + not_rated.
    """

    opened = serializers.IntegerField(help_text="Follow-ups that a red light caused.")
    open = serializers.IntegerField(help_text="Those of them that are open.")
    closed = serializers.IntegerField(help_text="Those of them that are closed.")
    withdrawn = serializers.IntegerField(help_text="Those of them that are withdrawn.")
    cleared = serializers.IntegerField(help_text="Closed ones whose cause was not red on the closing day.")
    still_red = serializers.IntegerField(help_text="Closed ones whose cause was red on the closing day.")
    not_rated = serializers.IntegerField(
        help_text="Closed ones whose cause was grey on the closing day: not known, and never cleared."
    )
    relapsed = serializers.IntegerField(help_text="Cleared ones whose cause was red again within 180 days.")
    watched = serializers.IntegerField(help_text="Cleared ones that are watched for 180 days, or red again.")


class FollowUpSummarySerializer(serializers.Serializer):
    """Numbers of follow-ups on a day, each share with its whole."""

    as_of = DateValueField(allow_null=False)
    known = KnownField()
    total = serializers.IntegerField(help_text="Follow-ups opened by the day.")
    by_state = serializers.DictField(child=serializers.IntegerField(), help_text="How many stand at each state.")
    open = serializers.IntegerField(help_text="Those in which something remains to be done.")
    to_verify = serializers.IntegerField(help_text="Open ones that wait for the verifier.")
    key_open = serializers.IntegerField(help_text="Open ones that are key follow-ups.")
    closed = serializers.IntegerField(help_text="Verified and closed ones.")
    withdrawn = serializers.IntegerField(help_text="Withdrawn ones.")
    overdue = ShareSerializer(help_text="Overdue, of the open ones.")
    closed_in_time = ShareSerializer(
        help_text="Closed by a report that came by the due date then in force, of the closed ones."
    )
    returned = ShareSerializer(help_text="Returned at least once, of those reported at least once.")
    extended = ShareSerializer(help_text="Extended at least once, of all.")
    days_to_sign = MedianDaysSerializer(help_text="From the opening to the first signing.")
    days_to_close = MedianDaysSerializer(help_text="From the opening to the closing.")
    cleared = ShareSerializer(
        help_text="Cause not red on the closing day, of those closed whose cause was red and is rated then."
    )
    relapsed = ShareSerializer(help_text="Cause red again within 180 days after closing, of the cleared ones.")
    not_watched_yet = serializers.IntegerField(
        help_text="Cleared ones, not red again, that are not yet watched for 180 days."
    )
    ages = AgeBandSerializer(many=True, help_text="Open ones by days since they were opened.")
    red = RedCausesSerializer(help_text="What became of those that a red light caused.")
