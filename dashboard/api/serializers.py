"""Serializers of the overview and of editions."""

from dataclasses import dataclass
from datetime import date

from django.utils import timezone
from rest_framework import serializers

from core.api.serializers import DateValueField, KnownField, RecordSerializer, RelatedBySlug
from dashboard.models import Edition
from pilots.api.serializers import (
    BatchCountSerializer,
    CountSerializer,
    CoverageNumbersSerializer,
    KindCountSerializer,
    StripSerializer,
)
from pilots.metrics.reconciliation import Reconciliation
from pilots.models import Batch, PilotKind
from policies.api import RolloutNumbersSerializer


class EditionFileSerializer(serializers.Serializer):
    """A file of an edition. Its bytes never change."""

    path = serializers.CharField(help_text="The path inside the package.")
    media_type = serializers.CharField(help_text="The media type.")
    size = serializers.IntegerField(help_text="The size in bytes.")
    sha256 = serializers.CharField(help_text="SHA-256 of its bytes, in hexadecimal.")


class EditionFigureSerializer(serializers.Serializer):
    """A key number of an edition, as it was when it was approved."""

    code = serializers.CharField(help_text="What is counted, by its code.")
    name = serializers.CharField(source="label", help_text="What is counted, in the reader’s language.")
    scope = serializers.CharField(help_text="The set that is counted.")
    value = serializers.IntegerField(allow_null=True, help_text="The number; null is no data.")
    of = serializers.IntegerField(allow_null=True, help_text="The whole that it is part of.")


class TableChangeSerializer(serializers.Serializer):
    """The difference of a table to that of the edition before."""

    table = serializers.CharField(help_text="The table, by its name in the package.")
    before = serializers.IntegerField(help_text="Records in the edition before.")
    now = serializers.IntegerField(help_text="Records in this edition.")
    added = serializers.IntegerField(help_text="Records that only this edition has.")
    removed = serializers.IntegerField(help_text="Records that only the edition before has.")
    changed = serializers.IntegerField(help_text="Records of both that differ.")


class EditionSerializer(RecordSerializer):
    day = DateValueField(source="as_of", help_text="The day that the edition is about: the last of its quarter.")
    approved_on = serializers.SerializerMethodField(
        help_text="The day it was approved; the records are those known then."
    )
    previous = serializers.CharField(
        source="published.previous", allow_null=True, help_text="The edition before; null for the first."
    )
    figures = EditionFigureSerializer(many=True, source="published.figures", help_text="The key numbers.")
    changes = TableChangeSerializer(
        many=True, source="published.changes", help_text="The difference to the edition before, by table."
    )
    files = EditionFileSerializer(many=True, source="published.files", help_text="The files, the whole package first.")

    class Meta:
        model = Edition
        fields = (
            *("quarter", "day", "approved_on", "release_note", "release_note_en", "release_note_zh", "sha256"),
            *("previous", "figures", "changes", "files", "page", "url"),
        )

    def get_approved_on(self, record: Edition) -> date | None:
        return timezone.localdate(record.approved_at) if record.approved_at else None


class ProvincePilotsSerializer(serializers.Serializer):
    province = RelatedBySlug(help_text="A province of the roster.")
    pilots = serializers.IntegerField(help_text="Its pilots on the day.")


class OnTrackSerializer(serializers.Serializer):
    """Binding targets by whether they are on the path that leads to them."""

    on_path = serializers.IntegerField(help_text="Binding targets whose light is green.")
    rated = serializers.IntegerField(help_text="Binding targets that have a light.")
    unrated = serializers.IntegerField(help_text="Binding targets that cannot be rated.")
    total = serializers.IntegerField(help_text="All binding targets.")


class NotReportedSerializer(serializers.Serializer):
    """The pilots that owe values for the last year due and have none accepted, by where the values are held up."""

    year = serializers.IntegerField(help_text="The last year for which values are due.")
    due_on = DateValueField(allow_null=False, help_text="The day by which they were due.")
    owing = serializers.IntegerField(help_text="Pilots that owe values for it.")
    count = serializers.IntegerField(help_text="Those of them without an accepted one.")
    by_place = serializers.DictField(
        child=serializers.IntegerField(),
        source="counts",
        help_text="How many of these by where the values are held up.",
    )
    pilots = RelatedBySlug(
        many=True,
        source="listed_pilots",
        help_text="These pilots, up to 100; /api/v1/progress/ gives `reported` of all.",
    )


class QuarterLightsSerializer(serializers.Serializer):
    """The lights of the same pilots on the last day of a quarter."""

    on = DateValueField(allow_null=False, help_text="The last day of the quarter.")
    lights = serializers.DictField(child=serializers.IntegerField(), help_text="Pilots by colour on that day.")


class OverviewSynergySerializer(serializers.Serializer):
    """How far pollution and carbon fall together in the pilots of the latest national batch, and how many are green."""

    year = serializers.IntegerField(source="synergy.year", help_text="The year that is compared with the base year.")
    of = serializers.IntegerField(source="synergy.of", help_text="All pilots that are asked about.")
    judged = serializers.IntegerField(
        source="synergy.judged", help_text="Pilots that can be judged: of total emissions, the sum of the classes."
    )
    classes = serializers.DictField(
        child=serializers.IntegerField(),
        source="synergy.kinds",
        help_text="How many pilots are of each class, by total emissions alone.",
    )
    green = serializers.DictField(
        child=serializers.IntegerField(),
        source="green_by_class",
        help_text="How many of each class have a green light.",
    )


class OverviewSerializer(serializers.Serializer):
    """The programme on one day. `national` is the latest national batch; `days_left` runs to the end of its term."""

    as_of = DateValueField(allow_null=False)
    known = KnownField()
    rollout = RolloutNumbersSerializer(allow_null=True, help_text="The rollout of the programme’s policy, in numbers.")
    national = BatchCountSerializer(allow_null=True, help_text="The latest national batch.")
    cities = CountSerializer(help_text="Its cities.")
    parks = CountSerializer(help_text="Its parks.")
    days_left = serializers.IntegerField(
        allow_null=True, help_text="Days to the end of its term; negative when it is over."
    )
    lights = StripSerializer(
        source="progress.strip", help_text="The lights of the pilots of that batch beside those of the quarter before."
    )
    quarters = QuarterLightsSerializer(
        many=True, help_text="Their lights at the ends of the last quarters in which any was rated, oldest first."
    )
    on_track = OnTrackSerializer(
        source="progress.on_track", help_text="Their binding targets: how many are on the path."
    )
    synergy = OverviewSynergySerializer(source="*", help_text="Their synergy, as in /api/v1/synergy/.")
    not_reported = NotReportedSerializer(
        source="outstanding", help_text="Those of them without an accepted value for the year due."
    )
    batches = BatchCountSerializer(many=True, help_text="Every batch known on the day.")
    coverage = CoverageNumbersSerializer(help_text="The coverage of industries by all pilots, in numbers.")
    national_coverage = CoverageNumbersSerializer(help_text="The same by the pilots of the latest national batch.")
    provinces = ProvincePilotsSerializer(many=True, help_text="Pilots by province.")


@dataclass(frozen=True)
class BatchKindRow:
    """Row of the overview's file: one kind of pilot of a batch."""

    batch: Batch
    kind: PilotKind
    label: str
    numbers: Reconciliation


class BatchKindSerializer(KindCountSerializer):
    """One line of the overview's file: a batch and a kind of pilot."""

    def get_fields(self) -> dict[str, serializers.Field]:
        """Put the batch before what is counted of it."""
        return {"batch": RelatedBySlug(), **super().get_fields()}
