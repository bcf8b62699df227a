"""Changes of the records of one subject between two days: why a number of it reads otherwise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.urls import reverse
from django.utils.http import urlencode

from core.history.entries import NEWEST_FIRST, HistoryEntry, HistorySource, HistoryVisibility, entry_union, load_entries
from core.http.as_of import today
from dashboard.analytics.change_log import province_records
from dashboard.analytics.recent_changes import SOURCES, shown_record, shown_url
from pilots.models import (
    Batch,
    FollowUp,
    FollowUpStep,
    Indicator,
    LightOverride,
    Milestone,
    Pilot,
    Reading,
    StageEntry,
    Target,
    TargetStep,
)
from policies.models import Figure, Measure, Policy, Province, ProvincialPlan

Conditions = Mapping[type[Model], Q]
"""Conditions on the history entries of some models."""


PILOT_RECORDS: Sequence[type[Model]] = (StageEntry, Milestone, Target, Reading, LightOverride, FollowUp)
PROVINCE_RECORDS: Sequence[type[Model]] = (Province, Policy, ProvincialPlan, Figure, Pilot, *PILOT_RECORDS)
DAYS_OF_EVENTS: Mapping[type[Model], str] = {
    Reading: "reported_on",
    StageEntry: "entered_on",
    LightOverride: "set_on",
    FollowUp: "opened_on",
    FollowUpStep: "taken_on",
}
"""Days from which records count: what happened after a day changes no number of it."""
Ids = Iterable[int] | QuerySet[Any]


MAX_NAMED = 3  # changes that are named beside a number


@dataclass(frozen=True)
class NamedChanges:
    """Changes of records between two days: how many, the newest of them, and the address of the change log with all.

    The address is empty for users who may not see the change log.
    """

    total: int
    newest: Sequence[HistoryEntry]
    log_url: str = ""

    @property
    def more(self) -> int:
        return self.total - len(self.newest)


def newest_changes(which: Conditions, after: date | datetime, until: date, user: Any, most: int) -> list[HistoryEntry]:
    """Return the newest entries that match the conditions, written after a day or moment and until the end of a day.

    One query, and a few for each model shown.
    """
    sources = sources_between(which, after, until)
    keys = entry_union(sources).order_by(*NEWEST_FIRST)[:most] if sources else []
    return load_entries(sources, keys, HistoryVisibility(user))


def sources_between(which: Conditions, after: date | datetime, until: date) -> list[HistorySource]:
    span = Q(history_date__gt=after) if isinstance(after, datetime) else Q(history_date__date__gt=after)
    if until < today():
        span &= Q(history_date__date__lte=until)
    return [HistorySource(model, condition & span, related=relations(model)) for model, condition in which.items()]


def named_changes(which: Conditions, after: date, until: date, user: Any, **log_filter: str) -> NamedChanges:
    """Return the newest of these changes, and the address of the change log filtered to them as far as it can be."""
    sources = sources_between(which, after, until)
    total = entry_union(sources).count() if sources else 0
    if not total:
        return NamedChanges(0, [])
    found = newest_changes(which, after, until, user, MAX_NAMED)
    newest = [replace(entry, url=page_url(entry.historical)) for entry in found]
    if not user.is_staff:
        return NamedChanges(total, newest)
    span = {"from": str(after + timedelta(1)), **({"to": str(until)} if until < today() else {})}
    if len(which) == 1:
        span["kind"] = str(next(iter(which))._meta.model_name)
    return NamedChanges(total, newest, f"{reverse('changes')}?{urlencode(span | log_filter)}")


def page_url(entry: Any) -> str:
    """Return the page of the record, or of the one that it belongs to; empty where it has none, or is gone."""
    return shown_url(entry, shown_record(entry)) if entry.instance_type in SOURCES else ""


def relations(model: Any) -> list[str]:
    """Return the foreign keys of a model: entries name their records by them."""
    return [field.name for field in model._meta.fields if field.many_to_one]


# -- which entries ---------------------------------------------------------------------------------------


def conditions_of_all() -> Conditions:
    """Return the conditions on all entries of records that pages show."""
    return {model: Q() for model in SOURCES}


def conditions_of_pilots(pilots: Ids) -> Conditions:
    """Return the conditions on the entries of pilots and of all that belongs to them."""
    own: Conditions = {model: Q(pilot_id__in=pilots) for model in PILOT_RECORDS}
    return {Pilot: Q(id__in=pilots), **own, **conditions_below(own)}


def conditions_below(own: Conditions) -> Conditions:
    """Return the conditions on the steps of the targets and of the follow-ups that these entries are of."""
    steps: dict[type[Model], Q] = {}
    for model, step, name in ((Target, TargetStep, "target_id"), (FollowUp, FollowUpStep, "follow_up_id")):
        if model in own:
            history: Any = model.history
            steps[step] = Q(**{f"{name}__in": history.filter(own[model]).order_by().values("id")})
    return steps


def conditions_of_province(province: Province) -> Conditions:
    """Return the conditions on the entries of a province, of its plans and policies, and of its pilots."""
    found = {model: province_records(model, province) for model in PROVINCE_RECORDS}
    own: Conditions = {model: Q(id__in=ids) for model, ids in found.items() if ids is not None}
    return {**own, **conditions_below(own)}


def conditions_of_batch(batch: Batch) -> Conditions:
    """Return the conditions on the entries of a batch and of the pilots that are or were in it."""
    pilots = Pilot.history.filter(batch_id=batch.pk).order_by().values("id")
    return {Batch: Q(id=batch.pk), **conditions_of_pilots(pilots)}


def conditions_of_policy(policy: Policy) -> Conditions:
    """Return the conditions on the entries of a policy, of its provincial plans, measures and follow-ups."""
    own: Conditions = {
        Policy: Q(id=policy.pk) | Q(parent_id=policy.pk),
        ProvincialPlan: Q(policy_id=policy.pk),
        Measure: Q(id__in=policy.measures.order_by().values("pk")),
        FollowUp: Q(policy_id=policy.pk),
    }
    return {**own, **conditions_below(own)}


def conditions_of_indicator(indicator: Indicator) -> Conditions:
    """Return the conditions on the entries of an indicator, of its targets and values, and of its follow-ups."""
    own: Conditions = {
        Indicator: Q(id=indicator.pk),
        Target: Q(indicator_id=indicator.pk),
        Reading: Q(indicator_id=indicator.pk),
        FollowUp: Q(cause_indicator_id=indicator.pk),
    }
    return {**own, **conditions_below(own)}


def conditions_of_records(records: Iterable[tuple[type[Model], int]], as_of: date) -> Conditions:
    """Return the conditions on the entries of these records and of what their numbers on a day are made from."""
    ids: dict[type[Model], set[int]] = defaultdict(set)
    for model, key in records:
        ids[model].add(key)
    found: dict[type[Model], Q] = {}
    for model, keys in ids.items():
        if model is Pilot:
            found |= conditions_of_pilots(keys)
        else:
            found[model] = Q(id__in=keys)
    found |= {model: condition for model, condition in conditions_below(found).items() if model not in found}
    if ids[Target]:
        pairs = Target.history.filter(id__in=ids[Target]).order_by().values_list("pilot_id", "indicator_id").distinct()
        found[Reading] = reduce(or_, (Q(pilot_id=pilot, indicator_id=indicator) for pilot, indicator in pairs))
    for model, day in DAYS_OF_EVENTS.items():
        if model in found:
            found[model] &= Q(**{f"{day}__lte": as_of}) | Q(**{f"{day}__isnull": True})
    return found
