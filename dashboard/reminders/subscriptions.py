"""Subscriptions: which page is about a record that can be followed, whether the user hears of it, and changing that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpRequest

from core.permissions import editor_province
from dashboard.models import FollowedKind, Subscription
from pilots.models import FollowUp, Pilot, Practice
from policies.models import Policy, Province


@dataclass(frozen=True)
class Followable:
    """A kind of record that can be followed: its model, its page, and the field that the address names it by."""

    model: Any
    url_name: str
    field: str = "slug"


FOLLOWABLE: Mapping[str, Followable] = {
    FollowedKind.PILOT: Followable(Pilot, "pilot-detail"),
    FollowedKind.PROVINCE: Followable(Province, "province-detail"),
    FollowedKind.POLICY: Followable(Policy, "policy-detail"),
    FollowedKind.PRACTICE: Followable(Practice, "practice-detail"),
    FollowedKind.FOLLOW_UP: Followable(FollowUp, "action-detail", "number"),
}


@dataclass(frozen=True)
class FollowButton:
    """What the page of a record offers a user: to follow it, or never to hear of it again."""

    kind: str
    code: str
    is_told: bool


def find_record(kind: str, code: str) -> Any:
    """Return the record of an address; None where there is none."""
    known = FOLLOWABLE.get(kind)
    return known.model.objects.filter(**{known.field: code}).first() if known else None


def follow_button(request: HttpRequest) -> FollowButton | None:
    """Return the button of a page; None where nobody is signed in, and on pages of past days and of other things."""
    match, user = request.resolver_match, request.user
    past = getattr(request, "as_of_past", False) or getattr(request, "known_past", False)
    if match is None or past or not user.is_authenticated:
        return None
    found = next(((kind, item) for kind, item in FOLLOWABLE.items() if item.url_name == match.url_name), None)
    if found is None:
        return None
    kind, item = found
    code = str(match.kwargs[item.field])
    record = find_record(kind, code)
    return FollowButton(kind, code, is_told(user, kind, record)) if record else None


def is_told(user: Any, kind: str, record: Any) -> bool:
    """Return whether the user is told of a record: as the subscription says, else by the role or by being named."""
    row = Subscription.objects.filter(user=user, kind=kind, record_id=record.pk).first()
    if row:
        return row.active
    home = editor_province(user)
    province = record.pk if kind == FollowedKind.PROVINCE else getattr(record, "province_id", None)
    named = (getattr(record, name, None) for name in ("owner_user_id", "verifier_id"))
    return bool(home and home.pk == province) or user.pk in named


def set_subscription(user: Any, kind: str, record: Any, day: date, *, active: bool) -> None:
    """Follow a record from a day on, or opt out of it; what was chosen last is kept for ever."""
    values = {"active": active, "since": day}
    Subscription.objects.update_or_create(user=user, kind=kind, record_id=record.pk, defaults=values)


@dataclass(frozen=True)
class OwnSubscription:
    """A subscription with its record, for the list of a user."""

    row: Subscription
    record: Any
    code: str


def own_subscriptions(user: Any) -> list[OwnSubscription]:
    """Return a user's subscriptions and opt-outs, without those of records that are gone. One query a kind."""
    rows = list(Subscription.objects.filter(user=user))
    found = []
    for kind, known in FOLLOWABLE.items():
        own = [row for row in rows if row.kind == kind]
        records = known.model.objects.in_bulk([row.record_id for row in own]) if own else {}
        for row in own:
            record = records.get(row.record_id)
            if record is not None:
                found.append(OwnSubscription(row, record, getattr(record, known.field)))
    return found
