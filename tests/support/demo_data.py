"""Helpers of demonstration tests: a database as after migrations, and a digest of its records."""

from hashlib import sha256
from typing import Any

from django.db import connection, models

from core.history.models import ChangeEvent
from core.http.as_of import SIDES
from core.seed.models import SeedRecord
from core.snapshots.build import record_models, tracked_lists
from pilots.models import (
    Adoption,
    Batch,
    Effect,
    FollowUp,
    FollowUpStep,
    LightOverride,
    Milestone,
    Pilot,
    Practice,
    Reading,
    StageEntry,
    Target,
)
from pilots.seed import SEED_FILES
from policies.models import Agency, Figure, Industry, Measure, Policy, Province, ProvincialPlan, Source

BANNER = "Everything here is invented; today is always 28 November 2026."
INVENTED_MODELS: list[Any] = [Agency, Policy, Measure, Figure, ProvincialPlan, Batch, Pilot]
INVENTED_MODELS += [StageEntry, Milestone, Target, Reading, Practice, Adoption, Effect, FollowUp]
COMPARED_MODELS = [Source, Province, Industry, *INVENTED_MODELS, FollowUpStep, LightOverride]


def delete_seed_records() -> None:
    """Delete all seed records by raw SQL: through the ORM a thousand tests would take longer for this than to run."""
    models = [model for kind in SEED_FILES for model in (kind.model, *through_models(kind.model))]
    with connection.cursor() as cursor:
        for model in (*models, SeedRecord):
            cursor.execute(f'DELETE FROM "{model._meta.db_table}"')  # noqa: S608  # our own tables


def through_models(model: type[models.Model]) -> list[type[models.Model]]:
    """Return the through models of a model's many-to-many fields."""
    return [field.remote_field.through for field in model._meta.many_to_many]


def delete_all_records() -> None:
    """Delete all records and their histories."""
    delete_seed_records()
    for model in record_models():
        model.history.all().delete()
        for _field, _rows, past in tracked_lists(model):
            past._default_manager.all().delete()
    ChangeEvent.objects.all().delete()
    SIDES.clear()


def records_digest() -> str:
    """Return a digest of all records, independent of their primary keys."""
    keys = {kind: kind.objects.order_by("pk").values_list("pk", flat=True) for kind in COMPARED_MODELS}
    places = {kind: {pk: n for n, pk in enumerate(pks)} for kind, pks in keys.items()}
    lines = []
    for kind in COMPARED_MODELS:
        fields = [field for field in kind._meta.concrete_fields if not field.primary_key]
        records = kind.objects.order_by("pk")
        lines += [[kind.__name__, *(field_text(record, field, places) for field in fields)] for record in records]
    return sha256(repr(lines).encode()).hexdigest()


def field_text(record: models.Model, field: Any, places: dict[Any, dict[int, int]]) -> str:
    """Return a field's value; a related record by its position among its kind."""
    value = getattr(record, field.attname)
    if not field.is_relation or value is None:
        return str(value)
    return f"#{places[field.related_model][value]}" if field.related_model in places else ""
