"""Histories of tests: entries that are forgotten, or written at another moment, with their rows of the journal."""

from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from core.history.models import ChangeEvent
from core.snapshots import record_models


def forget_entries() -> None:
    """Delete every history entry."""
    for model in record_models():
        model.history.all().delete()
    ChangeEvent.objects.all().delete()


def rewrite_entries(entries: QuerySet[Any], **values: Any) -> None:
    """Give history entries other values, such as the moment or the reason."""
    entries.update(**values)
    model: Any = entries.model.instance_type  # type: ignore[attr-defined]
    entry = model.history.filter(pk=OuterRef("entry_id"))
    reason = Coalesce(Subquery(entry.values("history_change_reason")), Value(""))
    changes = ChangeEvent.objects.filter(model=model._meta.label_lower)
    changes.update(at=Subquery(entry.values("history_date")), reason=reason)
