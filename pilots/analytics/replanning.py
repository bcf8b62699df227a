"""Replanning: later changes of what decides a light (planned dates, targets, bases, "binding", "key").

A milestone moved to a later date is no longer overdue, and a lower target is met sooner, so the light must show it.
Of key milestones and planned stages the accepted replans (models/replan.py) say it, of all else the histories.
The same holds for a completion entered long after its date, which also changes the lights of past days, and for the
title of a key milestone. Corrections by the author of a record on the day of its entry are not replanning. Every later
change, and every change by another user, is: it is compared with the first version of the record, until the record is
as at first again. For a day in the past only changes made by then are known. Three queries for any number of pilots,
run on first access.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import takewhile
from typing import Any

from django.db.models import Model, Q
from django.utils import timezone

from pilots.models import Milestone, StageEntry, Target

DECISIVE_FIELDS: Mapping[type[Any], tuple[str, ...]] = {
    Milestone: ("planned_on", "is_key", "title_zh", "title_en"),
    Target: ("kind", "base_year", "base_value", "target_year", "target_value", "binding", "steps"),
}
"""The fields of each kind of record by which a light is judged, of those that are planned and not observed."""
TITLE_FIELDS = ("title_zh", "title_en")
"""What a key milestone is about: another title makes it another promise. Other milestones may be renamed."""
ENTERED_LATE_AFTER = timedelta(days=30)
"""A completion entered longer after the day that it names is named beside the light."""
STEPS_FIELD = "steps"
"""The word for the steps of a target, by year, among what it was."""
NAME_FIELDS: Mapping[type[Model], tuple[str, ...]] = {
    Milestone: TITLE_FIELDS,
    StageEntry: ("stage",),
    Target: ("indicator_id",),
}
"""By what a record is named, also one that has been deleted since."""
ENTRY_COLUMNS = ("id", "pilot_id", "history_date", "history_type", "history_user_id")


@dataclass(frozen=True)
class PlanVersion:
    """State of a record after a history entry; `values` is None where the entry deleted it."""

    at: datetime
    by: int | None
    values: Mapping[str, object] | None
    named: Mapping[str, object]
    completed_on: date | None = None  # of a milestone

    @property
    def on(self) -> date:
        """Day of the entry, in local time."""
        return timezone.localtime(self.at).date()


@dataclass(frozen=True)
class LateCompletion:
    """Completion entered late: the stated completion date, and the later date on which it was entered."""

    completed_on: date
    entered_on: date


@dataclass(frozen=True)
class Replanning:
    """Record with a changed value that decides a light, or with a completion entered late.

    `on` is the day of the last such change; `was` holds the first values of the changed fields, of a deleted record all
    of them. `completion` is that of a milestone entered long after its date; where nothing else was changed, `was` is
    empty and `on` the day of that entry.
    """

    model: type[Any]
    pk: int
    on: date
    was: Mapping[str, Any]
    deleted: bool
    named: Mapping[str, object]
    completion: LateCompletion | None = None
    reason: str = ""  # of the accepted replan

    @property
    def kind(self) -> str:
        """Kind of record: milestone, stage entry or target."""
        return str(self.model._meta.model_name)

    @property
    def latest(self) -> date:
        """Day of the last entry that is shown."""
        return max(self.on, self.completion.entered_on) if self.completion else self.on


class PlanHistory:
    """Plan histories of some pilots, read on first access for all of them."""

    def __init__(self, pilots: Iterable[int]) -> None:
        self.pilots = list(pilots)

    @cached_property
    def versions(self) -> Mapping[int, Mapping[tuple[type[Any], int], Sequence[PlanVersion]]]:
        """Versions by pilot and record, oldest first, of records changed after their entry."""
        found: dict[int, dict[tuple[type[Any], int], list[PlanVersion]]] = defaultdict(lambda: defaultdict(list))
        for model, fields in DECISIVE_FIELDS.items():
            history: Any = model.history
            columns = {*ENTRY_COLUMNS, *fields, *NAME_FIELDS[model], *(["completed_on"] if model is Milestone else [])}
            changed = Q(id__in=history.filter(history_type__in=["~", "-"]).order_by().values("id"))
            rows = history.filter(changed, pilot_id__in=self.pilots)
            for row in rows.order_by("history_date", "history_id").values(*columns):
                found[row["pilot_id"]][model, row["id"]].append(plan_version(row, fields, NAME_FIELDS[model]))
        return found

    def replannings(self, pilot: int, as_of: date) -> list[Replanning]:
        """Return the replannings of a pilot by the day, latest change first."""
        every = (find_replanning(key, versions, as_of) for key, versions in self.versions.get(pilot, {}).items())
        return sorted(filter(None, every), key=lambda item: (item.latest, item.pk), reverse=True)


def with_replan(known: Replanning | None, record: Any, as_of: date) -> Replanning | None:
    """Return the replanning of a milestone or stage with the accepted replan in force on the day.

    Moved back to the first day it is as planned.
    """
    accepted = record.accepted_replans(as_of)
    if not accepted or accepted[-1].day == record.planned_on:
        return known
    replan, first = accepted[-1], {"planned_on": record.planned_on}
    if known is None:
        named = {name: getattr(record, name) for name in NAME_FIELDS[type(record)]}
        return Replanning(type(record), record.pk, replan.decided_on, first, False, named, None, replan.reason)
    on = max(replan.decided_on, known.on) if known.was else replan.decided_on
    return replace(known, on=on, was={**known.was, **first}, reason=replan.reason)


def plan_version(row: Mapping[str, Any], fields: Iterable[str], names: Iterable[str]) -> PlanVersion:
    values = None if row["history_type"] == "-" else {name: row[name] for name in fields}
    if values and STEPS_FIELD in values:
        values[STEPS_FIELD] = dict(Target(steps=values[STEPS_FIELD]).yearly_steps)
    named = {name: row[name] for name in names}
    return PlanVersion(row["history_date"], row["history_user_id"], values, named, row.get("completed_on"))


def find_replanning(key: tuple[type[Model], int], versions: Sequence[PlanVersion], as_of: date) -> Replanning | None:
    """Return how the record on a day differed from its first version; None where it did not, or did not exist yet."""
    known = [item for item in versions if item.on <= as_of]
    if not known:
        return None
    entered, last = known[0], known[-1]
    first = list(takewhile(lambda item: (item.on, item.by) == (entered.on, entered.by), known))[-1]
    if first.values is None:  # deleted on the same day by its author
        return None
    changed = changed_fields(first.values, last.values)
    completion = late_completion(known, first)
    if not changed and completion is None:
        return None
    was = {name: first.values[name] for name in changed}
    on = last_change(known, changed) if changed or completion is None else completion.entered_on
    return Replanning(*key, on, was, last.values is None, last.named, completion)


def changed_fields(first: Mapping[str, object], last: Mapping[str, object] | None) -> list[str]:
    """Return the fields whose values differ from the first ones: all fields of a deleted record.

    Titles count where the milestone was key at first or is now; filling an empty title is a translation, not a change.
    """
    if last is None:
        return list(first)
    key = first.get("is_key") or last.get("is_key")
    titles = [name for name in TITLE_FIELDS if key and first.get(name)]
    return [
        name for name, value in first.items() if last[name] != value and (name not in TITLE_FIELDS or name in titles)
    ]


def late_completion(versions: Sequence[PlanVersion], first: PlanVersion) -> LateCompletion | None:
    """Return the current completion if entered later than the record and long after its date."""
    day = versions[-1].completed_on
    if day is None or versions[-1].values is None or day == first.completed_on:
        return None
    entry = list(takewhile(lambda item: item.completed_on == day, reversed(versions)))[-1]
    return LateCompletion(day, entry.on) if entry.on - day > ENTERED_LATE_AFTER else None


def last_change(versions: Sequence[PlanVersion], names: Sequence[str]) -> date:
    """Return the last day on which one of these fields was changed, or the record deleted."""
    held = [None if item.values is None else [item.values[name] for name in names] for item in versions]
    return next(versions[at].on for at in range(len(versions) - 1, 0, -1) if held[at] != held[at - 1])
