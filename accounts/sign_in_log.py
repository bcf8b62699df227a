"""Sign-in log: signal receivers that write one line for each sign-in, sign-out and failed attempt."""

from datetime import date
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed, authenticator_used
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.sessions import record_sign_in
from accounts.sign_in.second_factor import remember_due_day
from core.http.client import client_ip
from core.http.request_log import security_log


@receiver(user_logged_in)
def log_sign_in(request: HttpRequest | None, user: Any, **kwargs: object) -> None:
    fields = {"user": user.pk, **address_field(request)}
    security_log.info("signed in", extra=fields)
    if request is not None:
        record_sign_in(request)
        if remember_due_day(request, user) == date.min:
            security_log.warning("break-glass account signed in", extra=fields)


@receiver(authenticator_used)
def log_recovery_code(request: HttpRequest, user: Any, authenticator: Authenticator, **kwargs: object) -> None:
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        security_log.warning("recovery code used", extra={"user": user.pk, **address_field(request)})


@receiver(authentication_failed)
def log_failed_second_factor(request: HttpRequest, user: Any, **kwargs: object) -> None:
    security_log.warning("second factor failed", extra={"user": user.pk, **address_field(request)})


@receiver(user_logged_out)
def log_sign_out(request: HttpRequest | None, user: Any, **kwargs: object) -> None:
    security_log.info("signed out", extra={"user": user.pk if user else None, **address_field(request)})


@receiver(user_login_failed)
def log_failed_sign_in(credentials: dict[str, object], request: HttpRequest | None = None, **kwargs: object) -> None:
    """Log a failed sign-in. Names the account, never the name that was typed: some people type their password there."""
    accounts = get_user_model()._default_manager.filter(username=str(credentials.get("username")))
    user = accounts.values_list("pk", flat=True).first()
    security_log.warning("sign-in failed", extra={"user": user, **address_field(request)})


def address_field(request: HttpRequest | None) -> dict[str, str]:
    return {"address": client_ip(request)} if request else {}
