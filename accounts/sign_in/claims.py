"""Roles by single sign-on: what the provider's claims say of a role, and the role set accordingly."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Officer, Role, RoleMapping
from accounts.roles import is_last_administrator, officer_of
from core.http.request_log import security_log

RANKS = [Role.VIEWER, Role.PROVINCIAL_EDITOR, Role.NATIONAL_EDITOR, Role.ADMIN]  # from the lowest


class Outcome(Enum):
    """What a sign-in does to the role."""

    KEEP = "keep"  # no claim, or no claim asked for: the role stays
    SET = "set"
    REFUSE = "refuse"


@dataclass(frozen=True)
class RoleDecision:
    """What the claims say: the outcome, the role with its province, and the values that were looked at."""

    outcome: Outcome
    role: str = ""
    province: Any = None
    values: tuple[str, ...] = field(default=())
    matched: str = ""  # the value that decided


def claim_values(claims: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    """Return the values of a claim, None where it is absent. `realm_access.roles` reaches into an object."""
    found: Any = claims
    for part in [name] if name in claims else name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    if found is None:
        return None
    return tuple(map(str, found)) if isinstance(found, list | tuple) else (str(found),)


def decide_role(
    claims: Mapping[str, Any], mappings: Iterable[RoleMapping], *, present: Officer | None = None
) -> RoleDecision:
    """Return what the claims say of the role. Of provincial editors' mappings the present province wins, then the
    first value.
    """
    values = claim_values(claims, settings.OIDC_CLAIM) if settings.OIDC_CLAIM else None
    if values is None:
        return RoleDecision(Outcome.KEEP)
    found = sorted((row for row in mappings if row.value in values), key=lambda row: row.value)
    if found:
        best = max(
            found,
            key=lambda row: (RANKS.index(Role(row.role)), bool(present and row.province_id == present.province_id)),
        )
        return RoleDecision(Outcome.SET, best.role, best.province, values, best.value)
    if settings.OIDC_UNMATCHED == "viewer":
        return RoleDecision(Outcome.SET, Role.VIEWER, None, values)
    return RoleDecision(Outcome.REFUSE, values=values)


def describe_decision(decision: RoleDecision) -> str:
    """Return a sentence about the decision, for who tries claims."""
    if decision.outcome is Outcome.KEEP:
        text = _("The claim “%(claim)s” is not there: the role stays as it is, and a new person is not let in.")
        return text % {"claim": settings.OIDC_CLAIM}
    if decision.outcome is Outcome.REFUSE:
        return _("No mapping has one of these values: the sign-in is refused.")
    role = Role(decision.role).label
    if not decision.matched:
        return _("No mapping has one of these values: the role is %(role)s.") % {"role": role}
    if decision.province:
        text = _("“%(value)s” decides: the role is %(role)s of %(province)s.")
        return text % {"value": decision.matched, "role": role, "province": decision.province}
    return _("“%(value)s” decides: the role is %(role)s.") % {"value": decision.matched, "role": role}


@transaction.atomic
def apply_decision(user: Any, decision: RoleDecision) -> bool:
    """Set the role that was decided; return False where the sign-in is refused.

    The last administrator stays one, whatever the claims say, and is let in: nobody else could mend the mappings.
    """
    if decision.outcome is Outcome.KEEP:
        return True
    if decision.role != Role.ADMIN and is_last_administrator(user):
        security_log.warning("last administrator kept", extra={"user": user.pk})
        return True
    if decision.outcome is Outcome.REFUSE:
        return False
    officer = officer_of(user)
    now = (decision.role, decision.province)
    demoted = user.is_superuser and decision.role != Role.ADMIN
    if demoted or (officer.role if officer else Role.VIEWER, officer.province if officer else None) != now:
        if demoted:
            user.is_superuser = False
            user.save(update_fields=["is_superuser"])
        officer = officer or Officer(user=user)
        officer.role, officer.province = now
        officer.save()
        log_role(user, officer)
    return True


def log_role(user: Any, officer: Officer) -> None:
    """Write the history entry of a role that was set by a sign-in."""
    LogEntry.objects.log_actions(
        user_id=user.pk,
        queryset=get_user_model()._default_manager.filter(pk=user.pk),
        action_flag=CHANGE,
        change_message=_("Role by sign-in: %(role)s.") % {"role": officer.get_role_display()},
        single_object=True,
    )
    security_log.info("role set by sign-in", extra={"user": user.pk})
