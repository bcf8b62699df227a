"""What the tests of the demonstration share: a database as it was only migrated, and a digest of what it holds."""

from hashlib import sha256
from typing import Any

from django.db import models

from pilots.load import KINDS
from pilots.models import Batch, LightOverride, Milestone, Pilot, Reading, StageEntry, Target, TargetStep
from policies import middleware
from policies.models import Agency, Figure, Industry, Measure, Policy, Province, ProvincialPlan, Source
from tests.conftest import take_away

BANNER = "Everything here is invented; it is not the real programme."
INVENTED: list[Any] = [Agency, Policy, Measure, Figure, ProvincialPlan, Batch, Pilot]
INVENTED += [StageEntry, Milestone, Target, Reading]
KEPT = [Source, Province, Industry, *INVENTED, TargetStep, LightOverride]


def start_from_nothing() -> None:
    """No record and no history of one."""
    take_away()
    for kind in KINDS:
        kind.model.history.all().delete()
    middleware.forget()


def digest() -> str:
    """What the records say, whatever numbers the database gave them."""
    keys = {kind: kind.objects.order_by("pk").values_list("pk", flat=True) for kind in KEPT}
    places = {kind: {pk: n for n, pk in enumerate(pks)} for kind, pks in keys.items()}
    lines = []
    for kind in KEPT:
        fields = [field for field in kind._meta.concrete_fields if not field.primary_key]
        records = kind.objects.order_by("pk")
        lines += [[kind.__name__, *(text_of(record, field, places) for field in fields)] for record in records]
    return sha256(repr(lines).encode()).hexdigest()


def text_of(record: models.Model, field: Any, places: dict[Any, dict[int, int]]) -> str:
    """A field's value; a related record by its place among its kind."""
    value = getattr(record, field.attname)
    if not field.is_relation or value is None:
        return str(value)
    return f"#{places[field.related_model][value]}" if field.related_model in places else ""
