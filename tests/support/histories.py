"""Histories of tests: entries that are forgotten, or written at another moment, with their rows of the journal."""

from typing import Any

from django.db.models import QuerySet

from core.history.models import ChangeEvent
from core.snapshots.build import record_models
from pilots.demo.history import follow_history


def forget_entries() -> None:
    """Delete every history entry."""
    for model in record_models():
        model.history.all().delete()
    ChangeEvent.objects.all().delete()


def rewrite_entries(entries: QuerySet[Any], **values: Any) -> None:
    """Give history entries other values, such as the moment or the reason."""
    entries.update(**values)
    follow_history(entries.model.instance_type)  # type: ignore[attr-defined]
