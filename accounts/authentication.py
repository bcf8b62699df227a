"""API authentication: bearer tokens, and the session of a signed-in user with CSRF protection."""

from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from accounts.models import Token, TokenKind, revoke_outdated_tokens, token_digest
from accounts.second_factor import lacks_second_factor
from accounts.tokens import record_use
from core.http.errors import ErrorDetail


class BearerAuthentication(BaseAuthentication):
    """DRF authentication by `Authorization: Bearer spt_…`. `request.auth` is the token."""

    def authenticate(self, request: Request) -> tuple[object, Token] | None:
        """Return user and token, None without the header.

        Raises AuthenticationFailed for an invalid token, PermissionDenied for a write of who has to set up a second
        factor.
        """
        scheme, _space, secret = get_authorization_header(request).strip().partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        rows = Token.objects.select_related("user", "user__officer").filter(kind=TokenKind.API)
        token = rows.filter(digest=token_digest(secret.strip().decode("ascii", errors="replace"))).first()
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
            refused: Any = PermissionDenied(text)
            refused.errors = [ErrorDetail("", "second_factor_missing", text)]
            raise refused
        record_use(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="tracker"'


class CsrfExplainingSession(SessionAuthentication):
    """SessionAuthentication that explains a missing CSRF token."""

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as exc:
            text = _("A signed-in browser has to send the header X-CSRFToken with a write. Programs use a token.")
            raise PermissionDenied(text) from exc
