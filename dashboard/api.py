"""The overview and editions in the API."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from core.api.filters import ApiFilterSet
from core.api.serializers import CountsField, DateValueField, DaySerializer, RecordSerializer, RelatedBySlug
from core.api.viewsets import AggregateView, RecordViewSet
from core.days import today
from core.tables import SearchFilter
from dashboard.editions.services import content_of
from dashboard.models import Edition, EditionState
from dashboard.overview.services import Overview
from pilots.api.aggregates import BY_HAND_HELP, BatchCountSerializer, CoverageNumbersSerializer, StripSerializer
from pilots.api.records import CountSerializer, KindCountSerializer
from policies.api import RolloutNumbersSerializer
from policies.rollout import POLICY_PARAMETER

# -- the overview -----------------------------------------------------------------------------------------


class ProvincePilotsSerializer(serializers.Serializer):
    province = RelatedBySlug(help_text="A province of the roster.")
    pilots = serializers.IntegerField(help_text="Its pilots on the day.")


class OnTrackSerializer(serializers.Serializer):
    """Binding targets by whether they are on the path that leads to them."""

    on_path = serializers.IntegerField(help_text="Binding targets whose light is green.")
    rated = serializers.IntegerField(help_text="Binding targets that have a light.")
    unrated = serializers.IntegerField(help_text="Binding targets that cannot be rated.")
    total = serializers.IntegerField(help_text="All binding targets in force.")


class NotReportedSerializer(serializers.Serializer):
    """The pilots that owe values for the last year due of which not all are accepted, by where the values are held up.

    Only pilots that were asked owe any. While a value waits for the ministry it is "waiting"; the pilot has to act on
    "nothing", "returned" and "disputed".
    """

    year = serializers.IntegerField(help_text="The last year for which values are due.")
    due_on = DateValueField(help_text="The day by which the first of them were due.", allow_null=False)
    owing = serializers.IntegerField(help_text="Pilots that owe values for it.")
    count = serializers.IntegerField(help_text="Those of them of which not all values are accepted.")
    by_place = CountsField(help_text="How many of these by where the values are held up.", source="counts")
    pilots = RelatedBySlug(
        many=True, source="listed_pilots", help_text="These pilots, up to 100; all in /api/v1/progress/."
    )


class QuarterLightsSerializer(serializers.Serializer):
    """The lights of the same pilots on the last day of a quarter."""

    on = DateValueField(help_text="The last day of the quarter.", allow_null=False)
    lights = CountsField(help_text="Pilots by colour on that day.")
    by_hand = CountsField(help_text=BY_HAND_HELP)


class OverviewSynergySerializer(serializers.Serializer):
    """How far pollution and carbon fall together in the pilots of the latest national batch, and how many are green."""

    year = serializers.IntegerField(help_text="The year that is compared with the base year.", source="synergy.year")
    of = serializers.IntegerField(help_text="All pilots that are asked about.", source="synergy.of")
    judged = serializers.IntegerField(
        help_text="Pilots that can be judged: the sum of the classes.", source="synergy.judged"
    )
    classes = CountsField(
        help_text="How many pilots are of each class, by total emissions alone.", source="synergy.kinds"
    )
    green = CountsField(help_text="How many of each class have a green light.", source="green_by_class")


class OverviewSerializer(DaySerializer):
    """The programme on one day. `national` is the latest national batch; `days_left` runs to the end of its term."""

    rollout = RolloutNumbersSerializer(allow_null=True, help_text="The rollout of the programme’s policy, in numbers.")
    national = BatchCountSerializer(allow_null=True, help_text="The latest national batch.")
    cities = CountSerializer(help_text="Its cities.")
    parks = CountSerializer(help_text="Its parks.")
    days_left = serializers.IntegerField(
        help_text="Days to the end of its term; negative when it is over.", allow_null=True
    )
    lights = StripSerializer(source="progress.strip", help_text="The lights of its pilots, and of the quarter before.")
    quarters = QuarterLightsSerializer(many=True, help_text="Their lights at the ends of quarters, oldest first.")
    on_track = OnTrackSerializer(source="progress.on_track", help_text="How many binding targets are on the path.")
    synergy = OverviewSynergySerializer(source="*", help_text="Their synergy, as in /api/v1/synergy/.")
    outstanding = NotReportedSerializer(
        source="progress.outstanding", help_text="Those that owe values for the year due that are not accepted."
    )
    batches = BatchCountSerializer(many=True, help_text="Every batch known on the day.")
    coverage = CoverageNumbersSerializer(help_text="The coverage of industries by all pilots, in numbers.")
    national_coverage = CoverageNumbersSerializer(help_text="The same by the pilots of the latest national batch.")
    provinces = ProvincePilotsSerializer(many=True, help_text="Pilots by province.")


class BatchKindSerializer(KindCountSerializer):
    """One line of the overview's file: a batch and a kind of pilot."""

    def get_fields(self) -> dict[str, serializers.Field]:
        """Put the batch before what is counted of it."""
        return {"batch": RelatedBySlug(), **super().get_fields()}


class OverviewView(AggregateView):
    cache_responses = True
    heading = gettext_lazy("Overview")
    about = (
        "The programme on the day: rollout, announced against recorded, coverage, pilots by province. "
        "As CSV or XLSX: announced against recorded, one row for each batch and kind."
    )
    serializer_class = OverviewSerializer
    row_serializer_class = BatchKindSerializer
    file_name = "overview"

    own_parameters = [
        OpenApiParameter("policy", description="Whose plans are counted, by its code. Without it: the lead policy.")
    ]

    def build(self) -> Overview:
        return Overview(self.as_of, self.request.query_params.get(POLICY_PARAMETER))

    def file_rows(self, value: Overview) -> list[dict[str, Any]]:
        return [{"batch": row.batch, **item._asdict()} for row in value.batches for item in row.kinds]


# -- editions ----------------------------------------------------------------------------------------------


class EditionFileSerializer(serializers.Serializer):
    """A file of an edition. Its bytes never change."""

    path = serializers.CharField(help_text="The path inside the package.")
    media_type = serializers.CharField(help_text="The media type.")
    size = serializers.IntegerField(help_text="The size in bytes.")
    sha256 = serializers.CharField(help_text="SHA-256 of its bytes, in hexadecimal.")


class EditionFigureSerializer(serializers.Serializer):
    """A key number of an edition, as it was when it was approved."""

    code = serializers.CharField(help_text="What is counted, by its code.")
    name = serializers.CharField(help_text="What is counted, in the reader’s language.", source="label")
    scope = serializers.CharField(help_text="The set that is counted.")
    value = serializers.IntegerField(help_text="The number; null is no data.", allow_null=True)
    of = serializers.IntegerField(help_text="The whole that it is part of.", allow_null=True)


class TableChangeSerializer(serializers.Serializer):
    """The difference of a table to that of the edition before. Where its model has changed since, nothing of it can be
    compared: added, removed and changed are null.
    """

    table = serializers.CharField(help_text="The table, by its name in the package.")
    before = serializers.IntegerField(help_text="Records in the edition before.")
    now = serializers.IntegerField(help_text="Records in this edition.")
    added = serializers.IntegerField(help_text="Records that only this edition has.", allow_null=True)
    removed = serializers.IntegerField(help_text="Records that only the edition before has.", allow_null=True)
    changed = serializers.IntegerField(help_text="Records of both that differ.", allow_null=True)


class EditionSerializer(RecordSerializer):
    day = DateValueField(help_text="The day that the edition is about: the last of its quarter.", source="as_of")
    approved_on = DateValueField(help_text="The day it was approved, whose records it holds.")
    previous = serializers.CharField(
        help_text="The edition before; null for the first.", source="published.previous", allow_null=True
    )
    figures = EditionFigureSerializer(many=True, source="published.figures", help_text="The key numbers.")
    changes = TableChangeSerializer(
        many=True, source="published.changes", help_text="What differs from the edition before."
    )
    files = EditionFileSerializer(many=True, source="published.files", help_text="The files, the whole package first.")

    class Meta:
        model = Edition
        fields = (
            *("quarter", "day", "approved_on", "release_note", "release_note_en", "release_note_zh", "sha256"),
            *("previous", "figures", "changes", "files", "page", "url"),
        )


class EditionApiFilter(ApiFilterSet):
    q = SearchFilter("quarter", "release_note_en", "release_note_zh")

    class Meta:
        model = Edition
        fields = {"quarter": ["exact"]}


class EditionViewSet(RecordViewSet):
    cache_responses = True
    heading = gettext_lazy("Editions")
    about = (
        "Approved editions, as they were approved: they are read only and never change. The files are below the "
        "edition’s page, at files/ and the path."
    )
    serializer_class = EditionSerializer
    filterset_class = EditionApiFilter
    lookup_field = "quarter"
    lookup_value_regex = "[12][0-9]{3}-Q[1-4]"
    ordering_fields = ("quarter", "approved_at", "id")
    default_ordering = "-quarter"
    queryset = Edition.objects.filter(state=EditionState.APPROVED)

    def visible_as_of(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        # Today has no end: in a demonstration the clock runs past the day that it calls today.
        return rows.filter(approved_at__date__lte=self.as_of) if self.as_of < today() else rows

    def annotate_as_of(self, record: Any) -> Any:
        record.published = content_of(record)
        return record


RESOURCES = {"editions": ("edition", EditionViewSet)}
AGGREGATES = {"overview": OverviewView}
