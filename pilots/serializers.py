"""The face of the pilots' records in the API: fields only, no arithmetic."""

from rest_framework import serializers

from config.serializers import Day, Face, Link
from pilots.models import Batch, Pilot, PilotKind
from pilots.reconcile import BatchCount, KindCount
from policies.models import Field, Level
from policies.serializers import FACT, RolloutNumbers, SourceLink


class CountSerializer(serializers.Serializer):
    """Announced against recorded. `announced` and `to_enter` are null where no number was announced."""

    announced = serializers.IntegerField(read_only=True, allow_null=True)
    recorded = serializers.IntegerField(read_only=True)
    firm = serializers.IntegerField(read_only=True)
    unverified = serializers.IntegerField(read_only=True)
    to_enter = serializers.IntegerField(read_only=True, allow_null=True)
    surplus = serializers.IntegerField(read_only=True)


class KindCountSerializer(serializers.Serializer):
    """Announced against recorded for one kind of pilot."""

    kind = serializers.ChoiceField(choices=PilotKind.choices, read_only=True)
    label = serializers.CharField(read_only=True)
    numbers = CountSerializer(read_only=True)

    def to_representation(self, instance: KindCount) -> dict[str, object]:
        row = super().to_representation(instance)
        return {"kind": row["kind"], "label": row["label"], **row["numbers"]}
