"""Views of sign-in where allauth's are not enough: a new or removed second factor, and single sign-on."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.adapter import get_adapter
from allauth.mfa.totp.views import ActivateTOTPView
from allauth.mfa.webauthn.views import AddWebAuthnView, RemoveWebAuthnView
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect import views as oidc
from allauth.usersessions.internal.flows.sessions import end_other_sessions
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST
from requests import RequestException

from accounts.sign_in.adapters import error_text, refusal
from accounts.sign_in.second_factor import METHOD
from core.http.request_log import security_log

View = Callable[..., HttpResponseBase]


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


def only_with(setting: str, view: View) -> View:
    """Answer 404 where the setting is not given."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not getattr(settings, setting):
            raise Http404
        return view(request, *args, **kwargs)

    return wrapped


def tell_of_failures(view: View) -> View:
    """Decorator of a view that asks the provider: what goes wrong before allauth looks for it gets its sentence too."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except (RequestException, OAuth2Error, KeyError, ValueError) as exc:
            return refusal(request, error_text(exc), why=type(exc).__name__).response

    return wrapped


start_single_sign_on = login_not_required(require_POST(tell_of_failures(oidc.login)))
finish_single_sign_on = login_not_required(tell_of_failures(oidc.callback))
