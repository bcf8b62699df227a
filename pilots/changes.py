"""What changed lately in the records, from their histories: who, when, what and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext as _

from pilots.models import Batch, Pilot
from policies.models import Figure, Industry, Measure, Policy, ProvincialPlan
from policies.models.base import Bilingual

WATCHED = (Policy, ProvincialPlan, Measure, Figure, Industry, Batch, Pilot)
SHOWN = 8


@dataclass(frozen=True)
class Change:
    when: datetime
    what: str
    kind: str
    action: str
    reason: str
    url: str


def recent_changes(as_of: date, most: int = SHOWN) -> Sequence[Change]:
    """The latest changes entered by the end of the day, newest first. One query a kind of record."""
    found = []
    for model in WATCHED:
        entries = model.history.filter(history_date__date__lte=as_of).order_by("-history_date", "-history_id")
        found += [change(model, entry) for entry in entries[:most]]
    return sorted(found, key=lambda item: item.when, reverse=True)[:most]


def change(model: type, entry: object) -> Change:
    """One history entry as a reader sees it; a deleted record has no page to lead to."""
    actions = {"+": _("added"), "~": _("changed"), "-": _("deleted")}
    record = entry.instance  # type: ignore[attr-defined]
    gone = entry.history_type == "-"  # type: ignore[attr-defined]
    return Change(
        when=entry.history_date,  # type: ignore[attr-defined]
        what=name_of(record),
        kind=str(model._meta.verbose_name),  # type: ignore[attr-defined]
        action=actions[entry.history_type],  # type: ignore[attr-defined]
        reason=entry.history_change_reason or "",  # type: ignore[attr-defined]
        url=record.get_absolute_url() if hasattr(record, "get_absolute_url") and not gone else "",
    )


def name_of(record: Bilingual) -> str:
    """A record's name as it was then, without asking for related records."""
    return record.name or getattr(record, "slug", "") or str(record.pk)
