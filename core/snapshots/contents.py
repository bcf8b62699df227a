"""Which tables a snapshot holds: the records with history, their lists, the histories, and users for their names."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model

from core.caching.models import RecordVersion, TableVersion

PRIVATE_USER_FIELDS = frozenset({"password", "email"})  # left empty in a snapshot, which needs the names only


@cache
def record_models() -> tuple[Any, ...]:
    """Return the models of records with history."""
    return tuple(model for model in apps.get_models() if hasattr(getattr(model, "history", None), "model"))


def tracked_lists(model: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Yield the many-to-many fields of a model with history: field, model of its rows, model of their history."""
    history = model.history.model
    for field in history._history_m2m_fields:  # noqa: SLF001  # simple-history's list of them
        yield field, field.remote_field.through, getattr(history, field.name).model


@cache
def routed_models() -> frozenset[Any]:
    """Return the models that are read from the snapshot: records, their lists, and the histories of both."""
    models = {kind for model in record_models() for kind in (model, model.history.model)}
    lists = {kind for model in record_models() for row in tracked_lists(model) for kind in row[1:]}
    return frozenset(models | lists)


@cache
def stored_models() -> tuple[Any, ...]:
    """Return the models with a table in the snapshot: those read from it, and those that its queries join."""
    found = {*routed_models(), get_user_model(), TableVersion, RecordVersion}
    return tuple(sorted(found, key=lambda model: model._meta.label))
