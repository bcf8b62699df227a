"""Adapters of django-allauth: where it asks the product, and the answer is not its default."""

import base64
import hashlib
import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import record_authentication
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import generate_totp_secret
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.base import AuthError, AuthProcess
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from jwt import ExpiredSignatureError, ImmatureSignatureError
from requests import RequestException
from requests.exceptions import HTTPError, SSLError

from accounts.models import RoleMapping, SignInRule
from accounts.roles import officer_of
from accounts.sessions import signed_in_recently
from accounts.sign_in.claims import Outcome, RoleDecision, apply_decision, decide_role
from accounts.sign_in.second_factor import METHOD, primary_factors, second_factor_due
from core.http.client import client_ip
from core.http.request_log import security_log

logger = logging.getLogger("tracker.security")


class AccountAdapter(DefaultAccountAdapter):
    """Accounts are made by administrators, and a sign-in counts as a confirmation of who is there."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_ip(request)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        return not signed_in_recently(self.request)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        texts = {
            "reauthenticate": _("Use your password"),
            "mfa_reauthenticate": _("Use the app or a recovery code"),
            "mfa_reauthenticate:webauthn": _("Use a passkey"),
        }
        ways = [way | {"description": texts[way["id"]]} for way in super().get_reauthentication_methods(user)]
        if settings.OIDC_SERVER and SocialAccount.objects.filter(user_id=user.pk).exists():
            text = _("Sign in again: %(name)s") % {"name": settings.OIDC_NAME}
            ways.append({"id": "sso", "description": text, "url": reverse("confirm-sso")})
        return ways

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        messages.error(request, _("This account is deactivated. Ask an administrator."))
        return redirect("sign-in")

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        """Count the provider's second factor where its token says that it asked for one."""
        sociallogin = (kwargs.get("signal_kwargs") or {}).get("sociallogin")
        if sociallogin is not None and proved_by_provider(sociallogin):
            record_authentication(request, user, METHOD, type="provider")
        response: HttpResponse = super().post_login(request, user, **kwargs)
        return response


class SecondFactorAdapter(DefaultMFAAdapter):
    """Secrets are encrypted with a key derived from SECRET_KEY, and the last factor stays where one is required."""

    def get_totp_issuer(self) -> str:
        return f"{_('Synergy Pilot Tracker')} ({context.request.get_host()})"

    def get_totp_label(self, user: Any) -> str:
        return str(user.get_username())

    def generate_authenticator_name(self, user: Any, type: Any) -> str:  # noqa: A002  # allauth's name
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return _("Passkey %(n)d") % {"n": count + 1}

    def can_delete_authenticator(self, authenticator: Any) -> bool:
        user = authenticator.user
        others = primary_factors(user).exclude(pk=authenticator.pk)
        return others.exists() or second_factor_due(user) > timezone.localdate()

    def encrypt(self, text: str) -> str:
        return fernet(settings.SECRET_KEY).encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return the secret. One of another SECRET_KEY is replaced by a random one, to which no code fits."""
        for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
            try:
                return fernet(key).decrypt(encrypted_text.encode()).decode()
            except InvalidToken:
                continue
        logger.error("a second factor was stored under another SECRET_KEY: remove it, and let it be set up again")
        return str(generate_totp_secret())


def fernet(key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"second factor {key}".encode()).digest()))


# -- single sign-on --------------------------------------------------------------------------------------


class ProviderAdapter(DefaultSocialAccountAdapter):
    """Single sign-on: who is let in, with which role, and a sentence for all that may go wrong.

    Every refusal leads to the sign-in page: the form for the password is there.
    """

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Refuse, or set the role of the claims. Raises ImmediateHttpResponse for a refusal."""
        connecting = sociallogin.state.get("process") == AuthProcess.CONNECT
        user: Any = request.user if connecting else sociallogin.user if sociallogin.is_existing else None
        if user is not None and SignInRule.objects.filter(user_id=user.pk, break_glass=True).exists():
            raise refusal(request, _("This is a break-glass account: it signs in with its password alone."))
        if connecting:
            return
        decision = decide_role(
            claims_of(sociallogin), RoleMapping.objects.all(), present=officer_of(user) if user else None
        )
        if user is None:
            check_new_person(request, sociallogin, decision)
            sociallogin.role_decision = decision
        elif not apply_decision(user, decision):
            raise refusal(request, UNMATCHED_TEXT)

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Whether an account may be made: `pre_social_login` has refused everybody else."""
        return hasattr(sociallogin, "role_decision")

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> Any:
        """Make the account of a new person, with the role of the claims."""
        with transaction.atomic():
            user = super().save_user(request, sociallogin, form)
            apply_decision(user, sociallogin.role_decision)
        security_log.info("account made by sign-in", extra={"user": user.pk})
        return user

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> None:
        """Lead back to the form with a sentence. Raises ImmediateHttpResponse."""
        text = _("You stopped it there.") if error == AuthError.CANCELLED else error_text(exception)
        raise refusal(request, text, why=type(exception).__name__ if exception else str(error))


UNMATCHED_TEXT = gettext_lazy(
    "The provider knows you, but none of your groups has a role here. Ask an administrator for access."
)


def claims_of(sociallogin: Any) -> dict[str, Any]:
    """Return the claims of the ID token and of the userinfo address, which adds to them."""
    data = sociallogin.account.extra_data
    return {**(data.get("id_token") or {}), **(data.get("userinfo") or {})}


def proved_by_provider(sociallogin: Any) -> bool:
    """Whether the provider says that it asked for several factors (RFC 8176)."""
    methods = (sociallogin.account.extra_data.get("id_token") or {}).get("amr")
    return isinstance(methods, list) and "mfa" in methods


def check_new_person(request: HttpRequest, sociallogin: Any, decision: RoleDecision) -> None:
    """Refuse a person without an account who has one after all, or whom no mapping lets in."""
    person, people = sociallogin.user, get_user_model()._default_manager
    known = Q(username=person.username) if person.username else Q(pk=None)
    if people.filter(known | (Q(email__iexact=person.email) if person.email else Q(pk=None))).exists():
        text = _(
            "There is an account with this name or mail address already. Sign in with its password once, then link it "
            "on the page “Single sign-on” of your account."
        )
        raise refusal(request, text, wanted=reverse("socialaccount_connections"))
    if decision.outcome is not Outcome.SET:
        raise refusal(request, UNMATCHED_TEXT)


def error_text(exception: Any) -> str:
    """Return a sentence about what went wrong between this server and the provider."""
    causes = [exception, getattr(exception, "__cause__", None)]
    name = {"name": settings.OIDC_NAME}
    if any(isinstance(cause, SSLError) for cause in causes):
        text = _("The certificate of %(name)s is not valid for this server. Sign in with your password.")
    elif any(isinstance(cause, RequestException) and not isinstance(cause, HTTPError) for cause in causes):
        text = _("%(name)s does not answer now. Sign in with your password, or try again later.")
    elif any(isinstance(cause, ExpiredSignatureError | ImmatureSignatureError) for cause in causes):
        text = _("The clocks of %(name)s and of this server differ. Sign in with your password.")
    elif exception is None:
        text = _("That took too long, or began in another window. Start once more.")
    else:
        text = _("%(name)s sent an answer that is not valid. Sign in with your password.")
    return text % name


def refusal(request: HttpRequest, text: Any, *, why: str = "refused", wanted: str = "") -> ImmediateHttpResponse:
    """Return the exception that leads to the sign-in page with a sentence, and log it."""
    security_log.warning("single sign-on failed", extra={"why": why, "address": client_ip(request)})
    messages.error(request, text)
    page = "socialaccount_connections" if request.user.is_authenticated else "sign-in"
    query = {"next": wanted} if wanted and page == "sign-in" else None
    return ImmediateHttpResponse(redirect(reverse(page, query=query)))
