"""Serializers of the overview and of editions."""

from dataclasses import dataclass
from datetime import date

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.api.serializers import DateValueField, KnownField, RecordSerializer
from core.api.value_serializer import ValueField, ValueSerializer
from dashboard.analytics.overview import Overview
from dashboard.models import Edition
from pilots.analytics.outstanding import OutstandingReports
from pilots.analytics.pilot_status import OnTrack, QuarterLights
from pilots.analytics.pilots_by_province import ProvincePilots
from pilots.api.serializers import KindCountSerializer
from pilots.metrics.reconciliation import Reconciliation
from pilots.models import Batch, PilotKind


class EditionFileSerializer(serializers.Serializer):
    """A file of an edition. Its bytes never change."""

    path = serializers.CharField(help_text=_("The path inside the package."))
    media_type = serializers.CharField(help_text=_("The media type."))
    size = serializers.IntegerField(help_text=_("The size in bytes."))
    sha256 = serializers.CharField(help_text=_("SHA-256 of its bytes, in hexadecimal."))


class EditionFigureSerializer(serializers.Serializer):
    """A key number of an edition, as it was when it was approved."""

    code = serializers.CharField(help_text=_("What is counted, by its code."))
    name = serializers.CharField(source="label", help_text=_("What is counted, in the reader’s language."))
    scope = serializers.CharField(help_text=_("The set that is counted."))
    value = serializers.IntegerField(allow_null=True, help_text=_("The number; null is no data."))
    of = serializers.IntegerField(allow_null=True, help_text=_("The whole that it is part of."))


class TableChangeSerializer(serializers.Serializer):
    """The difference of a table to that of the edition before."""

    table = serializers.CharField(help_text=_("The table, by its name in the package."))
    before = serializers.IntegerField(help_text=_("Records in the edition before."))
    now = serializers.IntegerField(help_text=_("Records in this edition."))
    added = serializers.IntegerField(help_text=_("Records that only this edition has."))
    removed = serializers.IntegerField(help_text=_("Records that only the edition before has."))
    changed = serializers.IntegerField(help_text=_("Records of both that differ."))


class EditionSerializer(RecordSerializer):
    day = DateValueField(source="as_of", help_text=_("The day that the edition is about: the last of its quarter."))
    approved_on = serializers.SerializerMethodField(
        help_text=_("The day it was approved; the records are those known then.")
    )
    previous = serializers.CharField(
        source="published.previous", help_text=_("The edition before; empty for the first.")
    )
    figures = EditionFigureSerializer(many=True, source="published.figures", help_text=_("The key numbers."))
    changes = TableChangeSerializer(
        many=True, source="published.changes", help_text=_("The difference to the edition before, by table.")
    )
    files = EditionFileSerializer(
        many=True, source="published.files", help_text=_("The files, the whole package first.")
    )

    class Meta:
        model = Edition
        fields = (
            *("quarter", "day", "approved_on", "release_note", "release_note_en", "release_note_zh", "sha256"),
            *("previous", "figures", "changes", "files", "page", "url"),
        )
        read_only_fields = fields

    def get_approved_on(self, record: Edition) -> date | None:
        return timezone.localdate(record.approved_at) if record.approved_at else None


class ProvincePilotsSerializer(ValueSerializer):
    value_type = ProvincePilots
    value_fields = {"province": _("A province of the roster."), "pilots": _("Its pilots on the day.")}


class OnTrackSerializer(ValueSerializer):
    """Binding targets by whether they are on the path that leads to them."""

    value_type = OnTrack
    value_fields = {
        "on_path": _("Binding targets whose light is green."),
        "rated": _("Binding targets that have a light."),
        "unrated": _("Binding targets that cannot be rated."),
        "total": _("All binding targets."),
    }


class NotReportedSerializer(ValueSerializer):
    """The pilots that owe values for the last year due and have none accepted, by where the values are held up."""

    value_type = OutstandingReports
    value_fields = {
        "year": _("The last year for which values are due."),
        "due_on": _("The day by which they were due."),
        "owing": _("Pilots that owe values for it."),
        "count": _("Those of them without an accepted one."),
        "by_place": ValueField(_("How many of these by where the values are held up."), "counts"),
        "pilots": ValueField(_("These pilots, up to 100; /api/v1/progress/ gives `reported` of all."), "listed_pilots"),
    }


class QuarterLightsSerializer(ValueSerializer):
    """The lights of the same pilots on the last day of a quarter."""

    value_type = QuarterLights
    value_fields = {"on": _("The last day of the quarter."), "lights": _("Pilots by colour on that day.")}


class OverviewSerializer(ValueSerializer):
    """The programme on one day. `national` is the latest national batch; `days_left` runs to the end of its term."""

    value_type = Overview
    value_fields = {
        "as_of": "",
        "known": KnownField(),
        "rollout": _("The rollout of the programme’s policy, in numbers."),
        "national": _("The latest national batch."),
        "cities": _("Its cities."),
        "parks": _("Its parks."),
        "days_left": _("Days to the end of its term; negative when it is over."),
        "lights": ValueField(
            _("The lights of the pilots of that batch beside those of the quarter before."), "progress.strip"
        ),
        "quarters": _("Their lights at the ends of the last quarters in which any was rated, oldest first."),
        "on_track": ValueField(_("Their binding targets: how many are on the path."), "progress.on_track"),
        "not_reported": ValueField(_("Those of them without an accepted value for the year due."), "outstanding"),
        "batches": _("Every batch known on the day."),
        "coverage": _("The coverage of industries by all pilots, in numbers."),
        "national_coverage": _("The same by the pilots of the latest national batch."),
        "provinces": _("Pilots by province."),
    }


@dataclass(frozen=True)
class BatchKindRow:
    """Row of the overview's file: one kind of pilot of a batch."""

    batch: Batch
    kind: PilotKind
    label: str
    numbers: Reconciliation


class BatchKindSerializer(ValueSerializer):
    """One line of the overview's file: a batch and a kind of pilot."""

    value_type = BatchKindRow
    value_fields = {"batch": "", **KindCountSerializer.value_fields}
