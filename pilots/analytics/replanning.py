"""Replanning: later changes of what decides a light (planned dates, targets, bases, "binding", "key").

A milestone moved to a later date is no longer overdue, and a lower target is met sooner, so the light must show it.
Of key milestones and planned stages the accepted replans (models/planned.py) say it, of all else the histories.
The same holds for a completion entered long after its date, which also changes the lights of past days, and for the
title of a key milestone. Corrections by the author of a record on the day of its entry are not replanning. Every later
change, and every change by another user, is: it is compared with the first version of the record, until the record is
as at first again. For a day in the past only changes made by then are known. Two queries for any number of pilots,
run on first access.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import takewhile
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from core.text import format_amount, format_date, join_clauses, join_long, label_value
from pilots.lights import TargetKind
from pilots.models import Milestone, Target

TITLES = ("title_zh", "title_en")
"""What a key milestone is about: another title makes it another promise. Other milestones may be renamed."""
DECISIVE_FIELDS: Mapping[type[Any], tuple[str, ...]] = {
    Milestone: ("planned_on", "is_key", *TITLES),
    Target: ("kind", "base_year", "base_value", "target_year", "target_value", "binding", "steps"),
}
"""The fields of each kind of record by which a light is judged, of those that are planned and not observed."""
ENTERED_LATE_AFTER = timedelta(days=30)
"""A completion entered longer after the day that it names is named beside the light."""

Version = Mapping[str, Any]
"""A history entry: who made it, its local day `on`, the decisive fields, and of a milestone `completed_on`."""


@dataclass
class Replanning:
    """Record with a changed value that decides a light, or with a completion entered late.

    `on` is the day of the last such change; `was` holds the first values of the changed fields, of a deleted record all
    of them. `completion` has the two days `completed_on` and `entered_on` of one entered long after its day; where
    nothing else was changed, `was` is empty and `on` the day of that entry.
    """

    record: Any  # a milestone by its names on the day, a target without an indicator where it has been deleted
    on: date
    was: Mapping[str, Any]
    deleted: bool = False
    completion: Mapping[str, date] | None = None
    reason: str = ""  # of the accepted replan

    @property
    def pk(self) -> int:
        return self.record.pk  # type: ignore[no-any-return]

    @property
    def kind(self) -> str:
        """Kind of record: milestone, stage entry or target."""
        return str(self.record._meta.model_name)

    @property
    def latest(self) -> date:
        """Day of the last entry that is shown."""
        return max(self.on, self.completion["entered_on"]) if self.completion else self.on

    @property
    def text(self) -> str:
        """Its changes since entry with their day and the first values, and a completion entered late.

        For example `replanned on 26 November 2026, was due 17 July 2026`.
        """
        due = self.was.get("planned_on")
        labels = {"steps": _("steps on the way")}
        fields = {
            labels.get(name) or str(self.record._meta.get_field(name).verbose_name): value_text(value)
            for name, value in self.was.items()
            if name != "planned_on"
        }
        rest = join_long(label_value(label, value) for label, value in fields.items())
        words = {"on": format_date(self.on), "was": format_date(due) if due else rest, "rest": rest}
        text = ""
        if self.deleted:
            text = _("deleted on %(on)s, was due %(was)s") if due else _("deleted on %(on)s, was %(was)s")
        elif due:
            text = _("replanned on %(on)s, was due %(was)s")
            if rest:
                text = _("replanned on %(on)s, was due %(was)s, %(rest)s")
        elif len(fields) == 1:
            text = _("%(field)s changed on %(on)s, was %(was)s")
            words["field"], words["was"] = next(iter(fields.items()))
        elif fields:
            text = _("changed on %(on)s, was %(was)s")
        clauses = [text % words]
        if due and self.reason and not self.deleted:
            clauses = [label_value(text % words, self.reason)]
        if self.completion:
            days = {"on": self.completion["entered_on"], "day": self.completion["completed_on"]}
            text = _("completion entered on %(on)s for %(day)s")
            clauses.append(text % {name: format_date(day) for name, day in days.items()})
        return join_clauses(filter(None, clauses))

    @property
    def name(self) -> str:
        """Name of the record; a deleted target is listed as "Target", since its indicator is not kept."""
        if isinstance(self.record, Target):
            return self.record.indicator.name if self.record.indicator_id else _("Target")
        return self.record.name if isinstance(self.record, Milestone) else str(self.record)

    @property
    def anchor(self) -> str:
        """Place on the page of the pilot; empty once deleted."""
        if self.deleted or (isinstance(self.record, Target) and not self.record.indicator_id):
            return ""
        if isinstance(self.record, Target):
            return f"#indicator-{self.record.indicator.code}"
        return f"#milestone-{self.pk}" if isinstance(self.record, Milestone) else f"#stage-{self.record.stage}"


def value_text(value: object) -> str:
    """Return the display text of a plan field's value."""
    if value is None or value == "":
        return _("no data")
    if isinstance(value, dict):
        return join_long(label_value(year, format_amount(step)) for year, step in value.items()) or _("none")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Decimal):
        return format_amount(value)
    return str(TargetKind(value).label) if value in TargetKind.values else str(value)


class PlanHistory:
    """Plan histories of some pilots, read on first access for all of them."""

    def __init__(self, pilots: Iterable[int]) -> None:
        self.pilots = list(pilots)

    @cached_property
    def versions(self) -> Mapping[int, Mapping[tuple[type[Any], int], list[Version]]]:
        """Versions by pilot and record, oldest first, of records changed after their entry."""
        found: dict[int, dict[tuple[type[Any], int], list[Any]]] = defaultdict(lambda: defaultdict(list))
        for model, fields in DECISIVE_FIELDS.items():
            more = ["completed_on"] if model is Milestone else []
            history: Any = model.history
            changed = Q(id__in=history.filter(history_type__in=["~", "-"]).order_by().values("id"))
            rows = history.filter(changed, pilot_id__in=self.pilots).order_by("history_date", "history_id")
            for row in rows.values("id", "pilot_id", "history_date", "history_type", "history_user_id", *fields, *more):
                row["on"] = timezone.localtime(row["history_date"]).date()
                if "steps" in row:
                    row["steps"] = dict(Target(steps=row["steps"]).yearly_steps)
                found[row["pilot_id"]][model, row["id"]].append(row)
        return found

    def replanned(self, pilot: Any, as_of: date) -> list[Replanning]:
        """Return what of a pilot's plan was changed by the day, latest change first."""
        planned = (*pilot.prefetched_milestones, *pilot.prefetched_stages)
        records = {(type(record), record.pk): record for record in (*planned, *pilot.prefetched_targets)}
        found: dict[tuple[type[Any], int], Replanning] = {}
        for (model, key), versions in self.versions.get(pilot.pk, {}).items():
            known = [row for row in versions if row["on"] <= as_of]
            if known:  # a milestone is called as it was on the day
                names = {name: known[-1][name] for name in TITLES} if model is Milestone else {}
                record = model(pk=key, **names) if names else records.get((model, key), Target(pk=key))
                if item := find_replanning(record, known):
                    found[model, key] = item
        for record in planned:  # the accepted replan in force; moved back to the first day it is as planned
            accepted = record.accepted_replans(as_of)
            if accepted and accepted[-1].day != record.planned_on:
                replan, place = accepted[-1], (type(record), record.pk)
                item = found.setdefault(place, Replanning(record, replan.decided_on, {}))
                item.on = max(replan.decided_on, item.on) if item.was else replan.decided_on
                item.was, item.reason = {**item.was, "planned_on": record.planned_on}, replan.reason
        return sorted(found.values(), key=lambda item: (item.latest, item.pk), reverse=True)


def find_replanning(record: Any, versions: Sequence[Version]) -> Replanning | None:
    """Return how the newest of the versions differs from the first; None where it does not.

    Titles count where the milestone was key at first or is now; filling an empty title is a translation, not a change.
    """
    entry, last = versions[0], versions[-1]
    who = (entry["on"], entry["history_user_id"])
    first = list(takewhile(lambda row: (row["on"], row["history_user_id"]) == who, versions))[-1]
    if first["history_type"] == "-":  # deleted on the same day by its author
        return None
    changed = list(DECISIVE_FIELDS[type(record)])
    if last["history_type"] == "-":
        return Replanning(record, last_change(versions, changed), {name: first[name] for name in changed}, deleted=True)
    key = first.get("is_key") or last.get("is_key")
    changed = [name for name in changed if first[name] != last[name] and (name not in TITLES or (first[name] and key))]
    completion, day = None, last.get("completed_on")
    if day and day != first["completed_on"]:  # entered later than the record, and perhaps long after its date
        entered: date = list(takewhile(lambda row: row["completed_on"] == day, reversed(versions)))[-1]["on"]
        if entered - day > ENTERED_LATE_AFTER:
            completion = {"completed_on": day, "entered_on": entered}
    if not changed and completion is None:
        return None
    on = last_change(versions, changed) if changed or not completion else completion["entered_on"]
    return Replanning(record, on, {name: first[name] for name in changed}, completion=completion)


def last_change(versions: Sequence[Version], names: Sequence[str]) -> date:
    """Return the last day on which one of these fields was changed, or the record deleted."""
    held = [None if row["history_type"] == "-" else [row[name] for name in names] for row in versions]
    return next(versions[at]["on"] for at in range(len(versions) - 1, 0, -1) if held[at] != held[at - 1])  # type: ignore[no-any-return]
