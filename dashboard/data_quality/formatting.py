"""Formatting of findings: the record's name, province, contact and edit page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.text import capfirst

from core.text.joining import join_short
from dashboard.data_quality.types import EDIT_CORRECTION, EDIT_READINGS, EDIT_SOURCES, Check, Finding, Rule
from pilots.models import Adoption, Batch, Effect, FollowUp, Milestone, Target
from policies.models import Policy, Province


def check_finding(rule: Rule, check: Check, row: object) -> Finding:
    place = check.field if isinstance(check.field, str) else check.field(row)
    return record_finding(rule, row, place, detail=check.detail(row), since=check.since(row))


def record_finding(rule: Rule, row: Any, place: str, **more: Any) -> Finding:
    """Return a finding about a record; `more` are its detail and date."""
    return Finding(
        rule=rule,
        province=record_province(row),
        kind=str(capfirst(row._meta.verbose_name)),
        record=record_label(row),
        owner=contact_of(row),
        url=edit_url(row, place),
        **more,
    )


def record_province(row: Any) -> Province | None:
    """Return the province that the record is or names, or that of its pilot."""
    if isinstance(row, Province):
        return row
    if isinstance(row, FollowUp | Adoption | Effect):
        return row.province
    home = row.pilot if hasattr(row, "pilot_id") else row
    return getattr(home, "province", None)


def record_label(row: Any) -> str:
    """Return the record's name, with its pilot in front if it belongs to one."""
    if isinstance(row, Target | Adoption) or getattr(row, "pilot_id", None) is None:
        return str(row)
    return f"{row.pilot} · {row}"


def contact_of(row: object) -> str:
    """Return whom to ask, if known: the owner of a milestone or a follow-up, the issuer of a document."""
    if isinstance(row, Milestone):
        return row.owner
    if isinstance(row, FollowUp):
        return str(row.owner_agency)
    policy = row.policy if isinstance(row, Batch) else row
    return join_short(policy.agencies.all()) if isinstance(policy, Policy) else ""


def edit_url(row: Any, place: str) -> str:
    """Return the URL of the edit page, at the field; of a follow-up the page on which its steps are taken."""
    if isinstance(row, FollowUp):
        return row.get_absolute_url()
    if place == EDIT_READINGS:
        return f"{reverse('admin:pilots_pilot_readings', args=[row.pilot_id])}?{urlencode({'to': row.due})}"
    if place == EDIT_CORRECTION:
        return f"{reverse('admin:pilots_reading_add')}?{urlencode({'corrects': row.pk})}"
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    anchor = (
        f"{type(row).__name__}_sources-group" if place == EDIT_SOURCES else place if "-" in place else f"id_{place}"
    )
    return reverse(name, args=[row.pk]) + (f"#{anchor}" if place else "")
