"""Who sends a request of the API (a bearer token, or the session of a browser), and what a role may do.

Names of permissions are Django's: `user.has_perm(name)` and `user.has_perm(name, record)`. A provincial editor's scope
ends at the province; a national editor, a user with permissions of their own and an administrator have no such limit.
"""

from functools import cache
from typing import Any

from django.apps import apps
from django.contrib.auth import get_permission_codename
from django.contrib.auth.backends import BaseBackend
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from accounts.models import Role, Token, TokenKind, record_use, revoke_outdated_tokens, role_of, token_digest
from accounts.sign_in import lacks_second_factor
from core.errors import AUTHENTICATE_HEADER, Problem
from core.permissions import can_access

PROVINCIAL_EDITOR_PERMISSIONS = frozenset(
    [
        # The facts of the province. What is shared by all (sources, agencies) an editor adds but does not change.
        *("policies.add_policy", "policies.change_policy"),
        *("policies.add_provincialplan", "policies.change_provincialplan"),
        *("policies.add_figure", "policies.change_figure"),
        *("policies.add_source", "policies.add_agency"),
        "core.add_import",
        # The province's pilots. Which there are, and the stages they have come to, is the ministry's to say.
        "pilots.change_pilot",
        # What a pilot promises an editor enters, and reports on; it is accepted, amended and dropped by the ministry.
        *("pilots.add_milestone", "pilots.change_milestone"),
        *("pilots.add_target", "pilots.change_target"),
        # An amendment is asked of the ministry, and withdrawn; a completion is taken back on the day of its entry.
        *("pilots.add_amendment", "pilots.delete_amendment"),
        *("pilots.add_completion", "pilots.delete_completion"),
        # What is handed in is taken back until it is due.
        *("pilots.add_reading", "pilots.change_reading", "pilots.delete_reading"),
        *("pilots.add_notgiven", "pilots.delete_notgiven"),
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
        return set(permissions_of(role_of(user_obj)))

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return any(name.startswith(f"{app_label}.") for name in self.get_user_permissions(user_obj))


@cache
def permissions_of(role: Role) -> frozenset[str]:
    """Return the permissions of a role. A national editor has everything in the two domains and of editions, nothing
    about users, roles and tokens; a provincial editor may view the same records in the admin.
    """
    everything = frozenset(
        f"{model._meta.app_label}.{codename}"
        for model in apps.get_models()
        for codename in [
            *(get_permission_codename(action, model._meta) for action in model._meta.default_permissions),
            *(codename for codename, _label in model._meta.permissions),
        ]
    )
    imports = ("_import", "_importfile", "_seedrecord")
    national = frozenset(
        name for name in everything if name.startswith(("policies.", "pilots.", "dashboard.")) or name.endswith(imports)
    )
    viewed = {name for name in national if name.partition(".")[2].startswith("view_")}
    return {
        Role.VIEWER: frozenset(),
        Role.PROVINCIAL_EDITOR: PROVINCIAL_EDITOR_PERMISSIONS | viewed,
        Role.NATIONAL_EDITOR: national,
        Role.ADMIN: everything,
    }[role]


class BearerAuthentication(BaseAuthentication):
    """DRF authentication by `Authorization: Bearer spt_…`. `request.auth` is the token."""

    def authenticate(self, request: Request) -> tuple[object, Token] | None:
        """Return user and token, None without the header.

        Raises AuthenticationFailed for an invalid token, Problem for a write of who has to set up a second factor.
        """
        scheme, _space, secret = get_authorization_header(request).strip().partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        digest = token_digest(secret.strip().decode("ascii", errors="replace"))
        token = Token.objects.select_related("user__officer").filter(kind=TokenKind.API, digest=digest).first()
        if token is None:  # the same message for every unknown one
            raise AuthenticationFailed(_("This token is not known. Make a new one under “Tokens”, or send none."))
        if token.inactive_reason:
            if token.revoked_at is None and token.expires_at > timezone.now():
                revoke_outdated_tokens(token.user)  # changes made outside the models are noticed here
            text = _("This token has ended: %(why)s. Make a new one under “Tokens”.")
            raise AuthenticationFailed(text % {"why": token.inactive_reason})
        if token.may_write and request.method not in SAFE_METHODS and lacks_second_factor(token.user):
            text = _(
                "The owner of this token needs a second factor and has none: until it is set up at %(address)s the "
                "token only reads."
            ) % {"address": request.build_absolute_uri(reverse("mfa_index"))}
            raise Problem("", "second_factor_missing", text, status=403)
        record_use(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return AUTHENTICATE_HEADER


class CsrfExplainingSession(SessionAuthentication):
    """SessionAuthentication that explains a missing CSRF token."""

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as exc:
            text = _("A signed-in browser has to send the header X-CSRFToken with a write. Programs use a token.")
            raise PermissionDenied(text) from exc
