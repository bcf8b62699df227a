"""Roles of users: what each role may do, and who has which."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models.officer import Officer, Role
from core.permissions import editor_province
from policies.models.province import Province

ROLE_RIGHTS: Mapping[str, object] = {
    Role.VIEWER: _("Reads every page, file and record of the API; enters nothing."),
    Role.PROVINCIAL_EDITOR: _(
        "Enters, corrects and imports what belongs to the province: its plans, policies and figures, its pilots’ "
        "milestones, targets and readings, its practices, its copies of practices and their files. Signs for and "
        "reports on the follow-ups assigned to the province. What decides a light, and other provinces’ records, may "
        "be looked at."
    ),
    Role.NATIONAL_EDITOR: _(
        "Enters, corrects, imports and undoes everything in the records of all provinces, accepts readings, opens and "
        "verifies follow-ups, takes practices into the library, makes editions and approves those of others, and sees "
        "who changed what; has nothing to do with accounts."
    ),
    Role.ADMIN: _("Everything, the accounts of people included."),
}
"""What each role may do, in words."""


@dataclass(frozen=True)
class RoleDescription:
    """A user's role, described for the account page."""

    label: Any
    province: Province | None
    may: Any
    more: bool  # rights of its own besides the role


def describe_role(user: Any) -> RoleDescription:
    """Describe the role of a signed-in user; users without a role are viewers."""
    officer = officer_of(user)
    role = Role.ADMIN if user.is_superuser else Role(officer.role) if officer else Role.VIEWER
    more = not user.is_superuser and (user.user_permissions.exists() or user.groups.exists())
    return RoleDescription(role.label, editor_province(user), ROLE_RIGHTS[role], more)


def officer_of(user: Any) -> Officer | None:
    """Return the user's role, None for users without one."""
    return getattr(user, "officer", None)


def administrators() -> QuerySet[Model]:
    """Return the active administrators. There is always at least one."""
    every = Q(is_superuser=True) | Q(officer__role=Role.ADMIN)
    return get_user_model()._default_manager.filter(every, is_active=True)


def is_administrator(user: Any) -> bool:
    officer = officer_of(user)
    return bool(user.is_active and (user.is_superuser or (officer and officer.role == Role.ADMIN)))


def is_last_administrator(user: Any) -> bool:
    """Whether the user is the only active administrator. In a transaction: administrators are locked until it ends, so
    that two changes cannot remove one another.
    """
    held = administrators().select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True)
    return list(held) == [user.pk]
