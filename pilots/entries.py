"""How programs write the pilots' records: under the names by which they read them."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from config.entries import Entry
from config.faults import short
from config.fields import field_for
from pilots.models import Batch, Indicator, Milestone, Pilot, Reading, StageEntry, Target, TargetStep


class BatchEntry(Entry):
    model = Batch


class PilotEntry(Entry):
    model = Pilot


class StageOfPilotEntry(Entry):
    model = StageEntry


class MilestoneEntry(Entry):
    model = Milestone


class IndicatorEntry(Entry):
    model = Indicator


class StepEntry(serializers.Serializer):
    """A value that a target names for a year before the last."""

    def get_fields(self) -> dict[str, serializers.Field]:
        return {name: field_for(TargetStep._meta.get_field(name)) for name in ("year", "value")}

    def to_internal_value(self, data: Any) -> Any:
        """Both, and nothing else: also where of the target only a part is sent."""
        if isinstance(data, Mapping):
            unknown = ErrorDetail(str(_("There is no such field.")), "unknown_field")
            faults: dict[str, list[ErrorDetail]] = {short(name): [unknown] for name in data if name not in self.fields}
            faults |= {
                name: [ErrorDetail(str(field.error_messages["required"]), "required")]
                for name, field in self.fields.items()
                if name not in data
            }
            if faults:
                raise serializers.ValidationError(faults)
        return super().to_internal_value(data)


class TargetEntry(Entry):
    model = Target
    steps = StepEntry(
        many=True, required=False, help_text=_("All of the target’s steps: those left out are taken away.")
    )


class ReadingEntry(Entry):
    """`version` says which version the value is to become; only a correction has to give it."""

    model = Reading
    MORE = ("version",)

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        fields["version"].help_text = _("Which version the value is to become: only a correction has to say it.")
        return fields
