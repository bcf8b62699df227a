"""Views of sign-in: the form, the second factor, and the confirmation before what is sensitive.

allauth's views, under our templates, with our limit to how often they may be tried.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.account.views import ReauthenticateView
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.base.views import IndexView as FactorsView
from allauth.mfa.base.views import ReauthenticateView as ReauthenticateCodeView
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView, ViewRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.views import AddWebAuthnView, ReauthenticateWebAuthnView, RemoveWebAuthnView
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect import views as oidc
from allauth.socialaccount.views import ConnectionsView
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from django.views.generic import TemplateView
from requests import RequestException

from accounts.sessions import private_page
from accounts.sign_in.adapters import error_text, refusal
from accounts.sign_in.second_factor import accept_new_factor
from core.http.rate_limits import count_account_attempt
from core.http.request_log import security_log


@method_decorator(login_not_required, name="dispatch")
class SignInView(views.LoginView):
    """Django's sign-in form; allauth goes on from the right password. Says whether mail can bring a new one."""

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        provider = settings.OIDC_NAME if settings.OIDC_SERVER else ""
        return super().get_context_data(mail=settings.MAIL, provider=provider, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        login = Login(user=form.get_user(), redirect_url=self.get_success_url())
        response: HttpResponse = perform_password_login(self.request, {}, login)
        return response


class SecondFactorView(AuthenticateView):
    """Second step of the sign-in: a code, or a passkey."""

    extra_context = {"title": gettext_lazy("Second step of the sign-in")}

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        count_account_attempt("second factor", self.stage.login.user.pk)
        response: HttpResponse = super().post(request, *args, **kwargs)
        return response


# -- single sign-on --------------------------------------------------------------------------------------


def tell_of_failures(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Decorator of a view that asks the provider: what goes wrong before allauth looks for it gets its sentence too."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except (RequestException, OAuth2Error, KeyError, ValueError) as exc:
            return refusal(request, error_text(exc), why=type(exc).__name__).response  # type: ignore[no-any-return]

    return wrapped


start_single_sign_on = login_not_required(require_POST(tell_of_failures(oidc.login)))
finish_single_sign_on = login_not_required(tell_of_failures(oidc.callback))


@method_decorator(private_page, name="dispatch")
class LinkedView(ConnectionsView):
    """The account at the provider that is linked to this one: link it, or end that."""

    extra_context = {"title": gettext_lazy("Single sign-on")}

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer 404 where there is no single sign-on."""
        if not settings.OIDC_SERVER:
            raise Http404
        response: HttpResponseBase = super().dispatch(*args, **kwargs)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"provider": settings.OIDC_NAME}


@method_decorator(private_page, name="dispatch")
class ConfirmProviderView(TemplateView):
    """Confirmation by signing in at the provider once more."""

    template_name = "account/confirm_provider.html"
    extra_context = {"title": gettext_lazy("Confirm that it is you")}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(provider=settings.OIDC_NAME, next=self.request.GET.get("next", ""), **kwargs)


# -- confirming who is there -----------------------------------------------------------------------------


class ConfirmationMixin:
    """View that asks once more who is there, then goes on with the request that was stopped."""

    extra_context = {"title": gettext_lazy("Confirm that it is you")}

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        count_account_attempt("confirm", request.user.pk)
        return super().post(request, *args, **kwargs)  # type: ignore[misc,no-any-return]


@method_decorator(private_page, name="dispatch")
class ConfirmPasswordView(ConfirmationMixin, ReauthenticateView):
    """Confirmation by the password."""


@method_decorator(private_page, name="dispatch")
class ConfirmCodeView(ConfirmationMixin, ReauthenticateCodeView):
    """Confirmation by a code of the app, or a recovery code."""


@method_decorator(private_page, name="dispatch")
class ConfirmPasskeyView(ConfirmationMixin, ReauthenticateWebAuthnView):
    """Confirmation by a passkey."""

    def form_invalid(self, form: Any) -> HttpResponse:
        """Show the page again with the error; allauth would lead a signed-in user to the sign-in page."""
        return self.render_to_response(self.get_context_data(form=form))  # type: ignore[no-any-return]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data()
        return context | kwargs


# -- setting a second factor up --------------------------------------------------------------------------


@method_decorator(private_page, name="dispatch")
class SecondFactorListView(FactorsView):
    """The user's second factors: the app, passkeys, recovery codes."""

    extra_context = {"title": gettext_lazy("Second factor")}


@method_decorator(private_page, name="dispatch")
class AddAppView(ActivateTOTPView):
    """Set up an authenticator app: a picture to scan, and its first code."""

    extra_context = {"title": gettext_lazy("Set up an authenticator app")}

    def form_valid(self, form: Any) -> HttpResponse:
        count_account_attempt("second factor", self.request.user.pk)
        response: HttpResponse = super().form_valid(form)
        accept_new_factor(self.request, Authenticator.Type.TOTP)
        return response


@method_decorator(private_page, name="dispatch")
class RemoveAppView(DeactivateTOTPView):
    """Remove the authenticator app, unless it is the last factor of an account that needs one."""

    extra_context = {"title": gettext_lazy("Remove the authenticator app")}

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        security_log.warning("second factor removed", extra={"user": self.request.user.pk})
        return response


@method_decorator(private_page, name="dispatch")
class AddPasskeyView(AddWebAuthnView):
    """Set up a passkey: the browser makes it, the server keeps its public half."""

    extra_context = {"title": gettext_lazy("Add a passkey")}

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        accept_new_factor(self.request, Authenticator.Type.WEBAUTHN)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data()
        return context | kwargs


@method_decorator(private_page, name="dispatch")
class RemovePasskeyView(RemoveWebAuthnView):
    """Remove a passkey, unless it is the last factor of an account that needs one."""

    extra_context = {"title": gettext_lazy("Remove a passkey")}

    def form_valid(self, form: Any) -> HttpResponse:
        adapter = get_adapter()
        if not adapter.can_delete_authenticator(self.get_object()):
            messages.error(self.request, adapter.error_messages["cannot_delete_authenticator"])
            return redirect("mfa_index")
        response: HttpResponse = super().form_valid(form)
        security_log.warning("second factor removed", extra={"user": self.request.user.pk})
        return response


@method_decorator(private_page, name="dispatch")
class RecoveryCodesView(ViewRecoveryCodesView):
    """The recovery codes, shown once."""

    extra_context = {"title": gettext_lazy("Recovery codes")}


@method_decorator(private_page, name="dispatch")
class NewRecoveryCodesView(GenerateRecoveryCodesView):
    """Make new recovery codes; the former ones end."""

    extra_context = {"title": gettext_lazy("Make new recovery codes")}

    def form_valid(self, form: Any) -> HttpResponse:
        security_log.info("recovery codes made", extra={"user": self.request.user.pk})
        response: HttpResponse = super().form_valid(form)
        return response
