"""Adapters of django-allauth: where it asks the product, and the answer is not its default."""

import base64
import hashlib
import logging
import time
from collections.abc import Mapping
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import record_authentication
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal import ratelimit
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import generate_totp_secret
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.base import AuthError, AuthProcess
from axes.models import AccessLog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
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

from accounts.models import Officer, Role
from accounts.models.officer import is_administrator, is_last_administrator, officer_of
from accounts.sign_in.second_factor import METHOD, primary_factors, proved_by_provider, second_factor_due
from core.http.rate_limits import client_address
from core.http.request import client_ip
from core.http.request_log import security_log
from policies.models.province import Province

logger = logging.getLogger("tracker.security")
SIGNED_IN_AT = "signed_in_at"  # session key


class AccountAdapter(DefaultAccountAdapter):
    """Accounts are made by administrators, a sign-in counts as a confirmation, and nobody locks others out."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request) or "127.0.0.1"  # a Unix socket has none, and is of this machine

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count a guess for the network that it comes from; not for the name, which anybody could close by it.

        Above the limit no password is looked at, but of who has signed in from there before: axes counts those. That a
        password was right takes the guess back.
        """
        known = AccessLog.objects.filter(username=credentials["username"], ip_address=client_address(request))
        self._login_failed_rl_usage = None
        if not known.exists():
            self._login_failed_rl_usage = ratelimit.consume(request, app="allauth.account", action="failed_here")
            if not self._login_failed_rl_usage:
                raise self.validation_error("too_many_login_attempts")

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        age = time.time() - float(self.request.session.get(SIGNED_IN_AT, 0))
        return age >= float(settings.ACCOUNT_REAUTHENTICATION_TIMEOUT)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        ways: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if settings.OIDC_SERVER and SocialAccount.objects.filter(user_id=user.pk).exists():
            text = _("Sign in again: %(name)s") % {"name": settings.OIDC_NAME}
            ways.append({"id": "sso", "description": text, "url": reverse("confirm-sso")})
        return ways

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account")

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        messages.error(request, _("This account is deactivated. Ask an administrator."))
        return redirect("account_login")

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        """Count the provider's second factor where its token says that it asked for one."""
        sociallogin = (kwargs.get("signal_kwargs") or {}).get("sociallogin")
        if sociallogin is not None and proved_by_provider(sociallogin.account):
            record_authentication(request, user, METHOD, type="provider")
        response: HttpResponse = super().post_login(request, user, **kwargs)
        return response


class SecondFactorAdapter(DefaultMFAAdapter):
    """Secrets are encrypted with a key derived from SECRET_KEY, and the last factor stays where one is required."""

    def get_totp_issuer(self) -> str:
        return f"{_('Synergy Pilot Tracker')} ({context.request.get_host()})"

    def generate_authenticator_name(self, user: Any, type: Any) -> str:  # noqa: A002  # allauth's name
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return _("Passkey %(n)d") % {"n": count + 1}

    def can_delete_authenticator(self, authenticator: Any) -> bool:
        user = authenticator.user
        others = primary_factors(user).exclude(pk=authenticator.pk)
        return others.exists() or second_factor_due(user) > timezone.localdate()

    def encrypt(self, text: str) -> str:
        return fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return the secret. One of another SECRET_KEY is replaced by a random one, to which no code fits."""
        try:
            return fernet().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            logger.error("a second factor was stored under another SECRET_KEY: remove it, and let it be set up again")
            return str(generate_totp_secret())


def fernet() -> MultiFernet:
    """Return the cipher of secrets: SECRET_KEY encrypts, former ones still decrypt."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [hashlib.sha256(f"second factor {key}".encode()).digest() for key in keys]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])


# -- single sign-on --------------------------------------------------------------------------------------

UNMATCHED_TEXT = gettext_lazy(
    "The provider knows you, but none of your groups has a role here. Ask an administrator for access."
)


class NoRole(Exception):
    """The claim is there, and OIDC_ROLES has none of its values."""


def claim_values(claims: Mapping[str, Any], name: str) -> list[str] | None:
    """Return the values of a claim, None where it is absent. `realm_access.roles` reaches into an object."""
    found: Any = claims
    for part in [name] if name in claims else name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    if found is None:
        return None
    return [str(value) for value in found] if isinstance(found, list | tuple) else [str(found)]


def role_of_claims(claims: Mapping[str, Any], present: Officer | None = None) -> tuple[str, Province | None] | None:
    """Return the role that the claims give, with its province: of several the highest, of several provinces the present
    one, then that of the first value. None where no claim says anything. Raises NoRole.
    """
    values = claim_values(claims, settings.OIDC_CLAIM) if settings.OIDC_CLAIM else None
    if values is None:
        return None
    given = [settings.OIDC_ROLES[value] for value in sorted(values) if value in settings.OIDC_ROLES]
    wanted = {slug for _role, slug in given if slug}
    provinces = Province.objects.filter(in_roster=True).in_bulk(wanted, field_name="slug")
    if wanted - set(provinces):
        logger.error("OIDC_ROLES: there is no province %s", ", ".join(sorted(wanted - set(provinces))))
    found = [(role, provinces.get(slug)) for role, slug in given if not slug or slug in provinces]
    if found:
        now = present.province if present else None
        return max(found, key=lambda row: (Role.values.index(row[0]), row[1] == now))
    if settings.OIDC_UNMATCHED == "viewer":
        return Role.VIEWER, None
    raise NoRole


@transaction.atomic
def set_role(user: Any, claims: Mapping[str, Any]) -> None:
    """Give the user the role of the claims. Raises NoRole.

    The last administrator stays one, whatever the claims say, and is let in: nobody else could mend it.
    """
    if is_administrator(user) and is_last_administrator(user):
        return
    officer = officer_of(user)
    given = role_of_claims(claims, officer)
    if given is None:
        return
    demoted = user.is_superuser and given[0] != Role.ADMIN
    if not demoted and given == ((officer.role, officer.province) if officer else (Role.VIEWER, None)):
        return
    if demoted:
        user.is_superuser = False
        user.save(update_fields=["is_superuser"])
    officer = officer or Officer(user=user)
    officer.role, officer.province = given
    officer.save()
    LogEntry.objects.log_actions(
        user_id=user.pk,
        queryset=get_user_model()._default_manager.filter(pk=user.pk),
        action_flag=CHANGE,
        change_message=_("Role by sign-in: %(role)s.") % {"role": officer.get_role_display()},
        single_object=True,
    )
    security_log.info("role set by sign-in", extra={"user": user.pk})


class ProviderAdapter(DefaultSocialAccountAdapter):
    """Single sign-on: who is let in, with which role, and a sentence for all that may go wrong.

    Every refusal leads to the sign-in page: the form for the password is there.
    """

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Refuse, or set the role of the claims. Raises ImmediateHttpResponse for a refusal."""
        if sociallogin.state.get("process") == AuthProcess.CONNECT:
            return
        person, subject, claims = sociallogin.user, str(sociallogin.account.uid), claims_of(sociallogin)
        try:
            if sociallogin.is_existing:
                set_role(person, claims)
                return
            same = Q(username=person.username) if person.username else Q(pk=None)
            same |= Q(email__iexact=person.email) if person.email else Q(pk=None)
            known = get_user_model()._default_manager.filter(same).first()
            if known is None and role_of_claims(claims) is None:
                raise NoRole
        except NoRole:
            who = {"user": person.pk} if sociallogin.is_existing else {"subject": subject}
            raise refusal(request, UNMATCHED_TEXT, why="no group has a role", **who) from None
        if known:
            text = _(
                "There is an account with this name or mail address already. Sign in with its password once, then "
                "link it on the page “Single sign-on” of your account."
            )
            linked = reverse("socialaccount_connections")
            raise refusal(request, text, why="account is not linked", user=known.pk, subject=subject, wanted=linked)

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return True  # `pre_social_login` has refused everybody who may have no account

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> Any:
        """Make the account of a new person, with the role of the claims."""
        with transaction.atomic():
            user = super().save_user(request, sociallogin, form)
            set_role(user, claims_of(sociallogin))
        security_log.info("account made by sign-in", extra={"user": user.pk})
        return user

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> None:
        """Lead back to the form with a sentence. Raises ImmediateHttpResponse."""
        text = _("You stopped it there.") if error == AuthError.CANCELLED else error_text(exception)
        raise refusal(request, text, why=type(exception).__name__ if exception else str(error))


def claims_of(sociallogin: Any) -> dict[str, Any]:
    """Return the claims of the ID token, and those that the userinfo address adds to them."""
    data = sociallogin.account.extra_data
    return {**(data.get("id_token") or {}), **(data.get("userinfo") or {})}


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


def refusal(
    request: HttpRequest, text: Any, *, why: str, user: int | None = None, subject: str = "", wanted: str = ""
) -> ImmediateHttpResponse:
    """Return the exception that leads to the sign-in page with a sentence, and log why and of whom: the account, and
    the subject by which the provider knows the person.
    """
    fields = {"why": why, "user": user, "subject": subject, "address": client_ip(request)}
    security_log.warning("single sign-on failed", extra=fields)
    messages.error(request, text)
    page = "socialaccount_connections" if request.user.is_authenticated else "account_login"
    query = {"next": wanted} if wanted and page == "account_login" else None
    return ImmediateHttpResponse(redirect(reverse(page, query=query)))
