"""What each role may do, and to whose records: asked as `user.has_perm(name)` and `user.has_perm(name, record)`.

Names of permissions are Django's. A provincial editor's reach ends at the province; a national editor, whoever has
permissions of their own and an administrator reach everywhere.
"""

from functools import cache
from typing import Any

from django.apps import apps
from django.contrib.auth.backends import BaseBackend

from policies.models import Officer, Role, officer_of, reaches

EDITOR = frozenset(
    [
        # The facts of the province. What is shared by all (sources, agencies) an editor adds but does not change.
        *("policies.add_policy", "policies.change_policy"),
        *("policies.add_provincialplan", "policies.change_provincialplan"),
        *("policies.add_figure", "policies.change_figure"),
        *("policies.add_source", "policies.add_agency"),
        "policies.add_import",
        # The province's pilots. Which there are, and the stages they have come to, is the ministry's to say.
        "pilots.change_pilot",
        # What a pilot has promised an editor enters, and reports on; it is taken back or made easier by the ministry.
        *("pilots.add_milestone", "pilots.change_milestone"),
        *("pilots.add_target", "pilots.change_target", "pilots.add_targetstep"),
        *("pilots.add_reading", "pilots.change_reading", "pilots.delete_reading"),
    ]
)


class Roles(BaseBackend):
    """Permissions by role; of one record, those that anybody has and whose reach it lies in."""

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        if not user_obj.is_active or user_obj.is_anonymous:
            return set()
        if obj is None:
            return set(permissions_of(officer_of(user_obj)))
        return set(user_obj.get_all_permissions()) if reaches(user_obj, obj) else set()

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return any(name.startswith(f"{app_label}.") for name in self.get_user_permissions(user_obj))


def permissions_of(officer: Officer | None) -> frozenset[str]:
    """The names of what the role may do to any record at all."""
    role = officer.role if officer else Role.VIEWER
    if role == Role.VIEWER:
        return frozenset()
    if role == Role.PROVINCIAL_EDITOR:
        return with_views()
    return of_records() if role == Role.NATIONAL_EDITOR else every_permission()


@cache
def with_views() -> frozenset[str]:
    """An editor's permissions; every record of the two domains may be looked at in the admin, people's roles apart."""
    return EDITOR | {name for name in of_records() if name.startswith(("policies.view_", "pilots.view_"))}


@cache
def of_records() -> frozenset[str]:
    """A national editor's: everything in the two domains, of every province; people, roles and tokens are no part."""
    return frozenset(
        name
        for name in every_permission()
        if name.startswith(("policies.", "pilots.")) and not name.endswith("_officer")
    )


@cache
def every_permission() -> frozenset[str]:
    """Every permission that any model declares, by its name."""
    return frozenset(
        f"{model._meta.app_label}.{codename}"
        for model in apps.get_models()
        for codename in [
            *(f"{action}_{model._meta.model_name}" for action in model._meta.default_permissions),
            *(codename for codename, _label in model._meta.permissions),
        ]
    )
