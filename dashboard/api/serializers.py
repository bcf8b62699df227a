"""Serializers of the overview."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from core.api.serializers import KnownField
from core.api.value_serializer import ValueField, ValueSerializer
from dashboard.analytics.overview import Overview
from pilots.analytics.outstanding import OutstandingReports
from pilots.analytics.pilot_status import OnTrack, QuarterLights
from pilots.analytics.pilots_by_province import ProvincePilots
from pilots.api.serializers import KindCountSerializer
from pilots.metrics.reconciliation import Reconciliation
from pilots.models import Batch, PilotKind


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
