"""Helpers of demonstration tests: its models, and a database as after migrations."""

from typing import Any

from django.db import connection, models

from core.days import SIDES
from core.history.models import ChangeEvent
from core.seed.models import SeedRecord
from core.snapshots import record_models, tracked_lists
from pilots.models import (
    Adoption,
    Batch,
    Effect,
    FollowUp,
    ItemLight,
    Milestone,
    Pilot,
    PilotClass,
    PilotLight,
    Practice,
    Reading,
    StageEntry,
    Target,
)
from pilots.seed import SEED_FILES
from policies.models import Agency, Figure, Measure, Policy, ProvincialPlan

BANNER = "Everything here is invented; today is always 28 November 2026."
INVENTED_MODELS: list[Any] = [Agency, Policy, Measure, Figure, ProvincialPlan, Batch, Pilot]
INVENTED_MODELS += [StageEntry, Milestone, Target, Reading, Practice, Adoption, Effect, FollowUp]


def delete_seed_records() -> None:
    """Delete all seed records by raw SQL: through the ORM a thousand tests would take longer for this than to run."""
    models: list[Any] = [ItemLight, PilotLight, PilotClass]
    models += [model for kind in SEED_FILES for model in (kind.model, *through_models(kind.model))]
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
