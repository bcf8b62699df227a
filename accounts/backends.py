"""Authentication backend for object permissions by role: `user.has_perm(name)` and `user.has_perm(name, record)`.

Names of permissions are Django's. A provincial editor's scope ends at the province; a national editor, a user with
permissions of their own and an administrator have no such limit.
"""

from functools import cache
from typing import Any

from django.apps import apps
from django.contrib.auth.backends import BaseBackend

from accounts.models import Role, officer_of
from core.permissions import can_access

PROVINCIAL_EDITOR_PERMISSIONS = frozenset(
    [
        # The facts of the province. What is shared by all (sources, agencies) an editor adds but does not change.
        *("policies.add_policy", "policies.change_policy"),
        *("policies.add_provincialplan", "policies.change_provincialplan"),
        *("policies.add_figure", "policies.change_figure"),
        *("policies.add_source", "policies.add_agency"),
        "config.add_import",
        # The province's pilots. Which there are, and the stages they have come to, is the ministry's to say.
        "pilots.change_pilot",
        # What a pilot has promised an editor enters, and reports on; it is taken back or made easier by the ministry.
        *("pilots.add_milestone", "pilots.change_milestone"),
        # Another day of what is planned is asked of the ministry; who asked may withdraw it.
        *("pilots.add_replan", "pilots.delete_replan"),
        *("pilots.add_target", "pilots.change_target", "pilots.add_targetstep"),
        *("pilots.add_reading", "pilots.change_reading", "pilots.delete_reading"),
        # Signing for and reporting on a follow-up; all that the ministry sets is restricted on the model.
        "pilots.change_followup",
        # What the province proposes and copies, and its files; the library is the ministry's.
        *("pilots.add_practice", "pilots.change_practice"),
        *("pilots.add_adoption", "pilots.change_adoption"),
        *("pilots.add_effect", "pilots.change_effect"),
        *("pilots.add_document", "pilots.change_document"),
        *("pilots.add_attachment", "pilots.change_attachment"),
    ]
)


class RoleBackend(BaseBackend):
    """Permissions by role; for an object, those of the user if the object is within the user's scope."""

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        if not user_obj.is_active or user_obj.is_anonymous:
            return set()
        if obj is not None:
            return set(user_obj.get_all_permissions()) if can_access(user_obj, obj) else set()
        officer = officer_of(user_obj)
        return set(permissions_of(officer.role if officer else Role.VIEWER))

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return any(name.startswith(f"{app_label}.") for name in self.get_user_permissions(user_obj))


@cache
def permissions_of(role: str) -> frozenset[str]:
    """Return the permissions of a role. A national editor has everything in the two domains and of editions, nothing
    about users, roles and tokens; a provincial editor may view the same records in the admin.
    """
    imports = tuple(f"_{model}" for model in ("import", "importfile", "seedrecord"))
    national = frozenset(
        name
        for name in all_permissions()
        if name.startswith(("policies.", "pilots.", "dashboard."))
        or (name.startswith("config.") and name.endswith(imports))
    )
    viewed = {name for name in national if name.partition(".")[2].startswith("view_")}
    return {
        Role.VIEWER: frozenset(),
        Role.PROVINCIAL_EDITOR: PROVINCIAL_EDITOR_PERMISSIONS | viewed,
        Role.NATIONAL_EDITOR: national,
        Role.ADMIN: all_permissions(),
    }[Role(role)]


@cache
def all_permissions() -> frozenset[str]:
    """Return every permission declared by any model."""
    return frozenset(
        f"{model._meta.app_label}.{codename}"
        for model in apps.get_models()
        for codename in [
            *(f"{action}_{model._meta.model_name}" for action in model._meta.default_permissions),
            *(codename for codename, _label in model._meta.permissions),
        ]
    )
