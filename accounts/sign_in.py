"""Signing in: limits of guesses, confirmation, second factor, sessions, and the log of what opens an account.

Neither the log nor django-axes keeps a name that was typed and is nobody's: some people type their password there.
"""

import base64
import hashlib
import logging
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from allauth.account.signals import password_changed, password_reset
from allauth.core import context
from allauth.core.internal import ratelimit
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed, authenticator_removed, authenticator_reset, authenticator_used
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.utils import decrypt
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from axes.models import AccessLog
from axes.utils import reset as lift_lockout
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import HASH_SESSION_KEY, get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from accounts.models import SignInRule
from core.errors import error_response, is_api
from core.http import client_address, client_ip
from core.request_log import security_log

SIGNED_IN_AT = "signed_in_at"  # session key
LISTED_AS = "listed_as"  # session key: the key under which the session stands in the table of allauth.usersessions
DUE_KEY = "second_factor_due"  # session key: the day from which no request goes without a second factor
NEVER = date.max
METHOD = "mfa"  # allauth's name in the records of how a session was authenticated


class AccountAdapter(DefaultAccountAdapter):
    """A sign-in counts as a confirmation, and nobody locks others out."""

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request) or "127.0.0.1"  # a Unix socket has none, and is of this machine

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count a guess for the network that it comes from, and for the name. That a password was right takes it back.

        Above the limits no password is looked at, but of who has signed in from there before: axes counts those. So
        nobody closes a name for its owner, but at addresses that the owner has not used yet.
        """
        name, address = credentials["username"], client_address(request)
        known = AccessLog.objects.filter(username=name, ip_address=address).exists()
        self._login_failed_rl_usage = ratelimit.consume(
            request, app="allauth.account", action="failed_here", key=name.lower()
        )
        if not (known or self._login_failed_rl_usage):
            raise self.validation_error("too_many_login_attempts")

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Say the same of every name above the limits: whether it has signed in from there is nobody's business."""
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

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> Any:
        """Count the provider's second factor where its token says that it asked for one."""
        sociallogin = (kwargs.get("signal_kwargs") or {}).get("sociallogin")
        if sociallogin is not None and proved_by_provider(sociallogin.account):
            record_authentication(request, user, METHOD, type="provider")
        return super().post_login(request, user, **kwargs)


# -- second factor --------------------------------------------------------------------------------------


def second_factor_due(user: Any) -> date:
    """Return the day from which the account needs a second factor; NEVER for viewers."""
    if not (user.is_staff or user.is_superuser):
        return NEVER
    rule = SignInRule.objects.filter(user_id=user.pk).first()
    begun = rule.grace_from if rule else timezone.localdate(user.date_joined)
    return begun + timedelta(days=settings.MFA_GRACE_DAYS)


def days_left(request: HttpRequest) -> int | None:
    """Return for how many days the session may still go without a second factor; None where it needs none.

    The day stands in the session, where it is found without a query. Who became an editor during the session is noticed
    at once.
    """
    user: Any = request.user
    due = date.fromisoformat(request.session.get(DUE_KEY, NEVER.isoformat()))
    if due == NEVER and user.is_staff:
        due = second_factor_due(user)
        request.session[DUE_KEY] = due.isoformat()
    if due == NEVER or any(record["method"] == METHOD for record in get_authentication_records(request, user)):
        return None
    return max(0, (due - timezone.localdate()).days)


def primary_factors(key: Any) -> Any:
    """Return the second factors of the user of this key, without recovery codes."""
    return Authenticator.objects.filter(user_id=key).exclude(type=Authenticator.Type.RECOVERY_CODES)


def lacks_second_factor(user: Any) -> bool:
    """Whether the days of grace of an account are over, and neither it nor the provider's account has a factor."""
    if second_factor_due(user) > timezone.localdate() or primary_factors(user.pk).exists():
        return False
    return not any(map(proved_by_provider, SocialAccount.objects.filter(user_id=user.pk)))


def proved_by_provider(account: Any) -> bool:
    """Whether the provider said at the last sign-in that it asked for several factors (RFC 8176)."""
    methods = (account.extra_data.get("id_token") or {}).get("amr")
    return isinstance(methods, list) and "mfa" in methods


@transaction.atomic
def remove_second_factor(user: Any, text: str, *, by: Any = None) -> bool:
    """Delete all second factors of a user and end the sessions; False where there was no factor.

    The text stands in the history of the account, and who did it; without `by` it was done on the command line.
    """
    if not primary_factors(user.pk).exists():
        return False
    Authenticator.objects.filter(user_id=user.pk).delete()
    for session in UserSession.objects.filter(user_id=user.pk):
        session.end()
    LogEntry.objects.log_actions((by or user).pk, [user], CHANGE, text, single_object=True)
    security_log.warning("second factor removed", extra={"user": user.pk, "by": by.pk if by else None})
    return True


def mark_code_used(self: totp.TOTP, code: str) -> bool:
    """Let a right code of an app open once, by the database, in place of allauth's method, which asks the cache.

    A cache that is away would lock out everybody with an app, and one that was emptied would let a code open twice. A
    code has to be later than the last one (RFC 6238, 5.2).
    """
    secret = decrypt(self.instance.data["secret"])
    counters = totp.yield_hotp_counters_from_time()
    codes = {counter: totp.format_hotp_value(totp.hotp_value(secret, counter)) for counter in counters}
    used = max((n for n, right in codes.items() if compare_user_code(actual=code, expected=right)), default=0)
    with transaction.atomic():
        row = Authenticator.objects.select_for_update().get(pk=self.instance.pk)
        if used <= row.data.get("last_counter", 0):
            return False
        row.data["last_counter"] = used
        row.save(update_fields=["data"])
    return True


class SecondFactorAdapter(DefaultMFAAdapter):
    """Secrets are encrypted with a key derived from SECRET_KEY, and the last factor stays where one is required."""

    def get_totp_issuer(self) -> str:
        return f"{_('Synergy Pilot Tracker')} ({context.request.get_host()})"

    def generate_authenticator_name(self, user: Any, type: Any) -> str:  # noqa: A002  # allauth's name
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return _("Passkey %(n)d") % {"n": count + 1}

    def can_delete_authenticator(self, authenticator: Any) -> bool:
        user = authenticator.user
        others = primary_factors(user.pk).exclude(pk=authenticator.pk)
        return others.exists() or second_factor_due(user) > timezone.localdate()

    def encrypt(self, text: str) -> str:
        return self.cipher.encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return the secret. One of another SECRET_KEY is replaced by a random one, to which no code fits."""
        try:
            return self.cipher.decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            text = "a second factor was stored under another SECRET_KEY: remove it, and let it be set up again"
            security_log.error(text)
            return str(totp.generate_totp_secret())

    @property
    def cipher(self) -> MultiFernet:
        """The cipher of secrets: SECRET_KEY encrypts, former ones still decrypt."""
        keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
        digests = [hashlib.sha256(f"second factor {key}".encode()).digest() for key in keys]
        return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])


# -- sessions --------------------------------------------------------------------------------------------


class SignedInMiddleware:
    """Middleware that keeps sessions listed, and stops those without the second factor that they need.

    It reads the session, whose user every page asks for, and nothing else: no page has a query more. A request without
    a session costs nothing. Until the days of grace are over, `request.second_factor_days` says how many are left.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            if request.session.get(LISTED_AS) != request.session.session_key:  # a new one, after SECRET_KEY changed
                UserSession.objects.create_from_request(request)
                request.session[LISTED_AS] = request.session.session_key
            left = request.second_factor_days = days_left(request)  # type: ignore[attr-defined]
            # Where a second factor is set up or proved, and signing out, stay open.
            allowed = map(reverse, ("mfa_index", "account_reauthenticate", "account_login", "account_logout"))
            if left == 0 and not request.path_info.startswith(tuple(allowed)):
                if is_api(request):
                    text = _(
                        "Your account needs a second factor, and this session has none. Open any page to set it up."
                    )
                    return error_response(request, 403, text)
                kinds = set(primary_factors(request.user.pk).values_list("type", flat=True))
                if not kinds:
                    return redirect("mfa_index")
                name = "mfa_reauthenticate" if Authenticator.Type.TOTP in kinds else "mfa_reauthenticate_webauthn"
                return redirect(reverse(name, query={"next": request.get_full_path()}))
        return self.get_response(request)


def purge(self: UserSession) -> bool:
    """Delete a session that is over from the table, in place of allauth's method: that reads a session of a former
    SECRET_KEY through Django, which gives it a new key that its browser never hears of.
    """
    session_hash = str(self._session_store(self.session_key).load().get(HASH_SESSION_KEY, ""))
    hashes = [self.user.get_session_auth_hash(), *self.user.get_session_auth_fallback_hash()]
    over = not self.user.is_active or not any(constant_time_compare(session_hash, one) for one in hashes)
    if over:
        self.delete()
    return over


# -- log -------------------------------------------------------------------------------------------------


def log(text: str, request: HttpRequest | None, user: Any, level: int = logging.INFO, **kwargs: object) -> None:
    """Write a line of the log; connected to signals, too."""
    address = {"address": client_ip(request)} if request else {}
    security_log.log(level, text, extra={"user": user.pk if user else None, **address})


for signal, level, text in (
    (user_logged_out, logging.INFO, "signed out"),
    (password_changed, logging.INFO, "password changed"),
    (authenticator_reset, logging.INFO, "recovery codes made"),
    (authentication_failed, logging.WARNING, "second factor failed"),
):
    signal.connect(partial(log, text, level=level), weak=False)


@receiver(user_logged_in)
def on_sign_in(request: HttpRequest | None, user: Any, **kwargs: object) -> None:
    log("signed in", request, user)
    if request is not None:
        request.session[SIGNED_IN_AT] = time.time()
        request.session[LISTED_AS] = request.session.session_key
        request.session[DUE_KEY] = second_factor_due(user).isoformat()


@receiver([authenticator_used, authenticator_removed])
def on_factor(signal: Any, request: HttpRequest, user: Any, authenticator: Authenticator, **kwargs: object) -> None:
    """Log a recovery code that was used, and a factor that was removed; the codes go with the last one."""
    codes = authenticator.type == Authenticator.Type.RECOVERY_CODES
    if codes and signal is authenticator_used:
        log("recovery code used", request, user, logging.WARNING)
    elif not codes and signal is authenticator_removed:
        log("second factor removed", request, user, logging.WARNING)


@receiver(password_reset)
def on_password_by_link(request: HttpRequest, user: Any, **kwargs: object) -> None:
    """Log it, and lift the lockout: the link proved who the user is."""
    lift_lockout(username=user.get_username())
    log("password set by a link", request, user)


@receiver(user_login_failed)
def on_failed_sign_in(credentials: dict[str, object], request: HttpRequest | None = None, **kwargs: object) -> None:
    """Log a failed sign-in. Names the account, never the name that was typed."""
    user = get_user_model()._default_manager.filter(username=str(credentials.get("username"))).first()
    log("sign-in failed", request, user, logging.WARNING)


def stored_name(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """Return the name under which django-axes counts failures: of an account, or a digest of one that is nobody's."""
    name = str((credentials or request.POST).get("username") or "")
    if not name or get_user_model()._default_manager.filter(username=name).exists():
        return name
    return f"unknown {salted_hmac('accounts.sign_in.stored_name', name).hexdigest()[:16]}"
