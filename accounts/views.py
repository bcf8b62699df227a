"""Pages of one's own account: what it may do, its sessions, tokens and second factors; single sign-on; and the secret
addresses of calendars.
"""

from functools import wraps
from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.adapter import get_adapter
from allauth.mfa.totp.views import ActivateTOTPView
from allauth.mfa.utils import is_mfa_enabled
from allauth.mfa.webauthn.views import AddWebAuthnView, RemoveWebAuthnView
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.usersessions.internal.flows.sessions import end_other_sessions
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST, require_safe
from requests import RequestException

from accounts.forms import TokenForm
from accounts.models import (
    MAX_ACTIVE_TOKENS,
    Token,
    TokenKind,
    active_tokens,
    record_use,
    revoke,
    role_of,
    token_digest,
)
from accounts.sign_in import METHOD
from accounts.single_sign_on import error_text, refusal
from core.calendars import list_response
from core.http import TrackerRequest
from core.pages import View
from core.permissions import editor_province
from core.request_log import security_log

MAX_LISTED = 100  # newest tokens listed; at most half as many are active


def account(request: HttpRequest) -> HttpResponse:
    """Show the signed-in user, the role and what belongs to the account."""
    user: Any = request.user
    context = {
        "title": _("Your account"),
        "person": user,
        "role": role_of(user),
        "province": editor_province(user),
        "more_rights": not user.is_superuser and (user.user_permissions.exists() or user.groups.exists()),
        "has_factor": is_mfa_enabled(user),
        "tokens": active_tokens(user).count(),
        "sessions": len(UserSession.objects.purge_and_list(user)),
    }
    return render(request, "account/account.html", context)


@require_POST
def end_session(request: HttpRequest, pk: int) -> HttpResponse:
    """End one of the user's own sessions; 404 for another user's."""
    get_object_or_404(UserSession, pk=pk, user=request.user).end()
    security_log.info("session ended", extra={"user": request.user.pk})
    messages.success(request, _("That session is ended."))
    return redirect("usersessions_list")


@reauthentication_required(allow_get=True)  # type: ignore[untyped-decorator]
@sensitive_variables("made")
def token_list(request: HttpRequest) -> HttpResponse:
    """List the user's tokens, or create one. The response to a new one is the only time that its secret is shown."""
    user: Any = request.user
    form = TokenForm(request.POST or None, user=user)
    if made := form.make(request):
        return render(request, "accounts/tokens/made.html", {"title": _("Your new token"), **made})
    # Active ones come first, newest first.
    every = sorted(user.tokens.all()[:MAX_LISTED], key=lambda token: bool(token.inactive_reason))
    context = {"title": _("Tokens for programs"), "form": form, "tokens": every, "most": MAX_ACTIVE_TOKENS}
    return render(request, "accounts/tokens/list.html", context)


@require_POST
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke one of the user's own tokens at once; 404 for another user's."""
    token = get_object_or_404(request.user.tokens, pk=pk)  # type: ignore[union-attr]
    revoke(token)
    messages.success(request, _("“%(name)s” is revoked: from now on it opens nothing.") % {"name": token.name})
    return redirect("tokens")


@login_not_required
@require_safe
@sensitive_variables("secret")
def calendar(request: TrackerRequest, secret: str, name: str) -> HttpResponseBase:
    """Answer a list's calendar, as the owner of the secret address gets it.

    404 for a secret that is unknown or has ended: a calendar program would ask for a password at 401.
    """
    rows = Token.objects.select_related("user__officer")
    token = get_object_or_404(rows, kind=TokenKind.FEEDS, digest=token_digest(secret))
    if token.inactive_reason:
        raise Http404
    record_use(token)
    request.auth = token  # for the log
    return list_response(request, token.user, name)


# -- second factors --------------------------------------------------------------------------------------


class NewFactorMixin:
    """View of a new second factor: it counts as proved in this session, and the other sessions, which lack it, end."""

    request: Any

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)  # type: ignore[misc]
        record_authentication(self.request, self.request.user, METHOD)
        end_other_sessions(self.request, self.request.user)
        security_log.info("second factor added", extra={"user": self.request.user.pk})
        return response


class AddAppView(NewFactorMixin, ActivateTOTPView):
    pass


class AddPasskeyView(NewFactorMixin, AddWebAuthnView):
    pass


class RemovePasskeyView(RemoveWebAuthnView):
    """Remove a passkey, unless it is the last factor of an account that needs one."""

    def form_valid(self, form: Any) -> HttpResponse:
        adapter = get_adapter()
        if not adapter.can_delete_authenticator(self.get_object()):
            messages.error(self.request, adapter.error_messages["cannot_delete_authenticator"])
            return redirect("mfa_index")
        return super().form_valid(form)


# -- single sign-on and what the settings offer ----------------------------------------------------------


def only_with(setting: str, view: View) -> View:
    """Answer 404 where the setting is not given."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not getattr(settings, setting):
            raise Http404
        return view(request, *args, **kwargs)

    return wrapped


@login_not_required
def single_sign_on(request: HttpRequest, provider_id: str, view: View) -> HttpResponseBase:
    """Ask the provider who it is, by a view of allauth; what goes wrong before allauth looks gets its sentence too."""
    try:
        return view(request, provider_id)
    except (RequestException, OAuth2Error, KeyError, ValueError) as exc:
        return refusal(request, error_text(exc), why=type(exc).__name__).response
