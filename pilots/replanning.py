"""What decided a light and was changed later: the history of planned days, targets, bases, "binding" and "key".

A milestone moved to a later day is no longer overdue, and a lower target is sooner met: who reads the light has to
see it. So it is with a completion entered long after the day that it names, which turns the light of days past as well,
and with the title of a key milestone. What the person who entered a record put right on the same day is no replanning;
whatever was changed later, or by anybody else, is one, measured against how the record stood at first, until it stands
so again. Of a day in the past only changes made by then are known. Three queries for any number of pilots, asked only
when they are looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import takewhile
from operator import itemgetter
from typing import Any

from django.db.models import Q
from django.utils import timezone

from pilots.models import Milestone, Target, TargetStep

DECIDES: Mapping[type[Any], tuple[str, ...]] = {
    Milestone: ("planned_on", "is_key", "title_zh", "title_en"),
    Target: ("kind", "base_year", "base_value", "target_year", "target_value", "binding"),
}
"""The fields of each kind of record by which a light is judged, of those that are planned and not observed."""
TITLES = ("title_zh", "title_en")
"""What a key milestone is about: another title makes it another promise. Other milestones may be renamed."""
ENTERED_LATE = timedelta(days=30)
"""A completion entered longer after the day that it names is told beside the light."""
STEPS = "steps"
"""The word for the steps of a target, by year, among what it was."""
NAMED: Mapping[type[Any], tuple[str, ...]] = {Milestone: TITLES, Target: ("indicator_id",)}
"""By what a record is named that has been deleted since."""
ENTRY = ("id", "pilot_id", "history_date", "history_type", "history_user_id")


@dataclass(frozen=True)
class Version:
    """How a record stood after an entry of its history; `values` is None where the entry deleted it."""

    at: datetime
    by: int | None
    values: Mapping[str, Any] | None
    named: Mapping[str, Any]
    completed_on: date | None = None  # of a milestone

    @property
    def on(self) -> date:
        """The day of the entry here."""
        return timezone.localtime(self.at).date()


@dataclass(frozen=True)
class LateCompletion:
    """The day on which a milestone is said to have been completed, and the later one on which that was entered."""

    completed_on: date
    entered_on: date


@dataclass(frozen=True)
class Replanning:
    """A record of which something that decides a light differs from what was first planned, or was entered late.

    `on` is the day of the last such change; `was` holds what the changed fields said at first. Of a deleted record it
    holds all of them. `completion` is that of a milestone which was entered long after the day it names; where nothing
    else was changed, `was` is empty and `on` the day of that entry.
    """

    model: type[Any]
    pk: int
    on: date
    was: Mapping[str, Any]
    deleted: bool
    named: Mapping[str, Any]
    completion: LateCompletion | None = None

    @property
    def kind(self) -> str:
        """The word for the kind of record: milestone or target."""
        return str(self.model._meta.model_name)

    @property
    def latest(self) -> date:
        """The day of the last entry that is told."""
        return max(self.on, self.completion.entered_on) if self.completion else self.on


class PlanHistory:
    """The histories of the plans of some pilots, read when the first of them is asked for."""

    def __init__(self, pilots: Iterable[int]) -> None:
        self.pilots = list(pilots)

    @cached_property
    def versions(self) -> Mapping[int, Mapping[tuple[type[Any], int], Sequence[Version]]]:
        """By pilot and record, every version of the records that can have been changed, oldest first."""
        found: dict[int, dict[tuple[type[Any], int], list[Version]]] = defaultdict(lambda: defaultdict(list))
        steps = self.steps_of_targets()
        for model, fields in DECIDES.items():
            history: Any = model.history
            columns = {*ENTRY, *fields, *NAMED[model], *(["completed_on"] if model is Milestone else [])}
            changed = Q(id__in=history.filter(history_type__in=["~", "-"]).order_by().values("id"))
            stepped = Q(id__in=list(steps)) if model is Target else Q()
            rows = history.filter(changed | stepped if stepped else changed, pilot_id__in=self.pilots)
            for row in rows.order_by("history_date", "history_id").values(*columns):
                found[row["pilot_id"]][model, row["id"]].append(version(row, fields, NAMED[model]))
        for versions in found.values():
            for (model, key), own in versions.items():
                if model is Target:
                    own[:] = with_steps(own, steps.get(key, ()))
        return found

    def steps_of_targets(self) -> Mapping[int, Sequence[Mapping[str, Any]]]:
        """By target, the entries of the histories of its steps, oldest first."""
        found: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
        rows = TargetStep.history.filter(target__pilot_id__in=self.pilots).order_by("history_date", "history_id")
        for row in rows.values("id", "target_id", "history_date", "history_type", "history_user_id", "year", "value"):
            found[row["target_id"]].append(row)
        return found

    def of(self, pilot: int, as_of: date) -> list[Replanning]:
        """What of a pilot's plan had been changed by the day, the latest change first."""
        every = (replanning(key, versions, as_of) for key, versions in self.versions.get(pilot, {}).items())
        return sorted(filter(None, every), key=lambda item: (item.latest, item.pk), reverse=True)


def version(row: Mapping[str, Any], fields: Iterable[str], names: Iterable[str]) -> Version:
    values = None if row["history_type"] == "-" else {name: row[name] for name in fields}
    named = {name: row[name] for name in names}
    return Version(row["history_date"], row["history_user_id"], values, named, row.get("completed_on"))


def with_steps(versions: Sequence[Version], entries: Sequence[Mapping[str, Any]]) -> list[Version]:
    """The versions of a target with its steps by year, and one more for each entry about a step."""
    events: list[tuple[datetime, int, Any]] = [(item.at, 0, item) for item in versions]
    events += [(row["history_date"], 1, row) for row in entries]
    steps: dict[int, tuple[int, Any]] = {}  # by the key of the step
    found: list[Version] = []
    for at, _place, event in sorted(events, key=itemgetter(0, 1)):
        if isinstance(event, Version):
            current, by = event, event.by
        elif found:
            current, by = found[-1], event["history_user_id"]
            steps.pop(event["id"], None)
            if event["history_type"] != "-":
                steps[event["id"]] = (event["year"], event["value"])
        else:  # before the target's own history begins
            continue
        values = None if current.values is None else {**current.values, STEPS: dict(sorted(steps.values()))}
        found.append(Version(at, by, values, current.named))
    return found


def replanning(key: tuple[type[Any], int], versions: Sequence[Version], as_of: date) -> Replanning | None:
    """How the record differed on a day from what was first planned; None where it did not, or was not there yet."""
    known = [item for item in versions if item.on <= as_of]
    if not known:
        return None
    entered, last = known[0], known[-1]
    first = list(takewhile(lambda item: (item.on, item.by) == (entered.on, entered.by), known))[-1]
    if first.values is None:  # deleted at once by the same person
        return None
    changed = changed_fields(first.values, last.values)
    completion = late_completion(known, first)
    if not changed and completion is None:
        return None
    was = {name: first.values[name] for name in changed}
    on = last_change(known, changed) if changed or completion is None else completion.entered_on
    return Replanning(*key, on, was, last.values is None, last.named, completion)


def changed_fields(first: Mapping[str, Any], last: Mapping[str, Any] | None) -> list[str]:
    """The fields that no longer say what they said at first: of a deleted record all.

    Titles count where the milestone was key at first or is now; one that was empty has been translated, not changed.
    """
    if last is None:
        return list(first)
    key = first.get("is_key") or last.get("is_key")
    titles = [name for name in TITLES if key and first.get(name)]
    return [name for name, value in first.items() if last[name] != value and (name not in TITLES or name in titles)]


def late_completion(versions: Sequence[Version], first: Version) -> LateCompletion | None:
    """The completion as it stands, where it was entered later than the record and long after the day it names."""
    day = versions[-1].completed_on
    if day is None or versions[-1].values is None or day == first.completed_on:
        return None
    entry = list(takewhile(lambda item: item.completed_on == day, reversed(versions)))[-1]
    return LateCompletion(day, entry.on) if entry.on - day > ENTERED_LATE else None


def last_change(versions: Sequence[Version], names: Sequence[str]) -> date:
    """The last day on which one of these fields was changed, or the record deleted."""
    held = [None if item.values is None else [item.values[name] for name in names] for item in versions]
    return next(versions[at].on for at in range(len(versions) - 1, 0, -1) if held[at] != held[at - 1])
