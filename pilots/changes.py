"""What changed in the records, from their histories: lately, and since a day that a reader looks back to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, Q
from django.utils.translation import gettext as _

from config.templatetags.site import reason
from pilots.models import Batch, LightOverride, Milestone, Pilot, Reading, StageEntry, Target
from policies.models import Figure, Industry, Measure, Policy, Province, ProvincialPlan

OWN: tuple[type[Model], ...] = (Policy, ProvincialPlan, Measure, Figure, Industry, Province, Batch, Pilot)
OF_A_PILOT: tuple[type[Model], ...] = (StageEntry, Milestone, Target, Reading, LightOverride)
SHOWN = 8


@dataclass(frozen=True)
class Change:
    when: datetime
    what: str
    kind: str
    action: str
    reason: str
    url: str


@dataclass(frozen=True)
class Corrections:
    """Changes and deletions entered after a day: why a page of that day may read otherwise than it did then."""

    total: int
    newest: Sequence[Change]


def recent_changes(as_of: date, most: int = SHOWN) -> Sequence[Change]:
    """The latest changes entered by the end of the day, newest first. One query a kind of record."""
    return newest(Q(history_date__date__lte=as_of), most)


def corrections_after(as_of: date, most: int = SHOWN) -> Corrections:
    """What was changed or deleted after the day. Two queries a kind of record."""
    later = Q(history_date__date__gt=as_of, history_type__in=["~", "-"])
    total = sum(model.history.filter(later).count() for model in (*OWN, *OF_A_PILOT))  # type: ignore[attr-defined]
    return Corrections(total, newest(later, most) if total else [])


def newest(which: Q, most: int) -> list[Change]:
    """The newest entries of all histories that a question chooses."""
    own = (entries(model, which, most) for model in OWN)
    of_a_pilot = (entries(model, which, most, "pilot") for model in OF_A_PILOT)
    found = [change(entry) for entry in chain.from_iterable((*own, *of_a_pilot))]
    return sorted(found, key=lambda item: item.when, reverse=True)[:most]


def entries(model: Any, which: Q, most: int, *related: str) -> Iterable[Any]:
    rows = model.history.filter(which).order_by("-history_date", "-history_id")
    return list((rows.select_related(*related) if related else rows)[:most])


def change(entry: Any) -> Change:
    """One history entry as a reader sees it; a deleted record has no page to lead to."""
    actions = {"+": _("added"), "~": _("changed"), "-": _("deleted")}
    record = shown_record(entry)
    gone = entry.history_type == "-" and not hasattr(entry, "pilot_id")
    return Change(
        when=entry.history_date,
        what=(record.name or getattr(record, "slug", "") or str(record.pk)) if record else "",
        kind=str(entry.instance_type._meta.verbose_name),
        action=actions[entry.history_type],
        reason=reason(entry.history_change_reason),
        url=record.get_absolute_url() if hasattr(record, "get_absolute_url") and not gone else "",
    )


def shown_record(entry: Any) -> Any:
    """The record a reader knows the entry by: its pilot for what belongs to one, else itself as it was then."""
    if not hasattr(entry, "pilot_id"):
        return entry.instance
    try:
        return entry.pilot
    except ObjectDoesNotExist:  # the pilot itself is gone
        return None
