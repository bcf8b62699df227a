"""Sign-in log: one line for each sign-in, sign-out, failed attempt and change of what opens an account.

Neither it nor django-axes keeps a name that was typed and is nobody's: some people type their password there.
"""

import logging
import time
from functools import partial
from typing import Any

from allauth.account.signals import password_changed, password_reset
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed, authenticator_removed, authenticator_reset, authenticator_used
from axes.utils import reset as lift_lockout
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from accounts.sign_in.adapters import SIGNED_IN_AT
from accounts.sign_in.middleware import LISTED_AS
from accounts.sign_in.second_factor import remember_due_day
from core.http.request import client_ip
from core.http.request_log import security_log


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
        remember_due_day(request, user)


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
    return f"unknown {salted_hmac('accounts.sign_in_log.stored_name', name).hexdigest()[:16]}"
