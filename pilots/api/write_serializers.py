"""Write serializers of the pilots' records: the field names are those by which they are read."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from core.api.write.fields import build_write_field
from core.api.write.serializers import WriteSerializer
from core.http.errors import truncate
from pilots.models import Batch, Indicator, Milestone, Pilot, Reading, Replan, StageEntry, Target, TargetStep


class BatchWriteSerializer(WriteSerializer):
    model = Batch


class PilotWriteSerializer(WriteSerializer):
    model = Pilot


class StageWriteSerializer(WriteSerializer):
    model = StageEntry


class MilestoneWriteSerializer(WriteSerializer):
    model = Milestone


class ReplanWriteSerializer(WriteSerializer):
    model = Replan


class IndicatorWriteSerializer(WriteSerializer):
    model = Indicator


@extend_schema_serializer(component_name="StepEntry")
class StepWriteSerializer(serializers.Serializer):
    """A value that a target names for a year before the last."""

    def get_fields(self) -> dict[str, serializers.Field]:
        return {name: build_write_field(TargetStep._meta.get_field(name)) for name in ("year", "value")}

    def to_internal_value(self, data: Any) -> Any:
        """Both, and nothing else: also where of the target only a part is sent."""
        if isinstance(data, Mapping):
            unknown = ErrorDetail(str(_("There is no such field.")), "unknown_field")
            faults: dict[str, list[ErrorDetail]] = {
                truncate(name): [unknown] for name in data if name not in self.fields
            }
            faults |= {
                name: [ErrorDetail(str(field.error_messages["required"]), "required")]
                for name, field in self.fields.items()
                if name not in data
            }
            if faults:
                raise serializers.ValidationError(faults)
        return super().to_internal_value(data)


class TargetWriteSerializer(WriteSerializer):
    model = Target
    steps = StepWriteSerializer(
        many=True, required=False, help_text="All of the target’s steps: those left out are taken away."
    )


class ReadingWriteSerializer(WriteSerializer):
    """`version` says which version the value is to become; only a correction has to give it."""

    model = Reading
    EXTRA_FIELDS = ("version",)

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        fields["version"].help_text = "Which version the value is to become: only a correction has to say it."
        return fields
