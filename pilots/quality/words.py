"""A record at fault as a line of the chase list: how it is called, whose it is, whom to ask, where it is mended."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.text import capfirst

from config.words import listed
from pilots.models import Batch, Milestone, Target
from pilots.quality.shape import CORRECTION, READINGS, SOURCES, Check, Finding, Rule
from policies.models import Policy, Province


def finding(rule: Rule, check: Check, row: Any) -> Finding:
    place = check.place if isinstance(check.place, str) else check.place(row)
    return line(rule, row, place, detail=check.detail(row), since=check.since(row))


def line(rule: Rule, row: Any, place: str, **told: Any) -> Finding:
    """A line about a record; `told` are its detail and since when."""
    return Finding(
        rule=rule,
        province=province_of(row),
        kind=str(capfirst(row._meta.verbose_name)),
        record=called(row),
        owner=owner_of(row),
        url=mended_at(row, place),
        **told,
    )


def province_of(row: Any) -> Province | None:
    """The province that a record is, names, or whose pilot it belongs to."""
    if isinstance(row, Province):
        return row
    home = row.pilot if hasattr(row, "pilot_id") else row
    return getattr(home, "province", None)


def called(row: Any) -> str:
    """The record, with its pilot in front where it belongs to one."""
    if isinstance(row, Target) or not hasattr(row, "pilot_id"):
        return str(row)
    return f"{row.pilot} · {row}"


def owner_of(row: Any) -> str:
    """Whom to ask, where that is on record: who is in charge of a milestone, who issued or announced a document."""
    if isinstance(row, Milestone):
        return row.owner
    policy = row.policy if isinstance(row, Batch) else row
    return listed(policy.agencies.all()) if isinstance(policy, Policy) else ""


def mended_at(row: Any, place: str) -> str:
    """The page on which it is mended, at the field."""
    if place == READINGS:
        return f"{reverse('admin:pilots_pilot_readings', args=[row.pilot_id])}?{urlencode({'to': row.due})}"
    if place == CORRECTION:
        return f"{reverse('admin:pilots_reading_add')}?{urlencode({'corrects': row.pk})}"
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    anchor = f"{type(row).__name__}_sources-group" if place == SOURCES else place if "-" in place else f"id_{place}"
    return reverse(name, args=[row.pk]) + (f"#{anchor}" if place else "")
