"""Second factor: who needs one and from when, whether a session has proved it, and its removal by an administrator."""

from datetime import date, timedelta
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import SignInRule
from accounts.sessions import end_other_sessions
from core.http.request_log import security_log

DUE_KEY = "second_factor_due"  # session key: the day from which no request goes without a second factor
NEVER = date.max
METHOD = "mfa"  # allauth's name in the records of how a session was authenticated


def second_factor_due(user: Any) -> date:
    """Return the day from which the account needs a second factor; NEVER for viewers, long ago for break-glass
    accounts.
    """
    rule = SignInRule.objects.filter(user_id=user.pk).first()
    if rule and rule.break_glass:
        return date.min
    if not (user.is_staff or user.is_superuser):
        return NEVER
    begun = rule.grace_from if rule else timezone.localdate(user.date_joined)
    return begun + timedelta(days=settings.MFA_GRACE_DAYS)


def remember_due_day(request: HttpRequest, user: Any) -> date:
    """Store the day in the session, where each request finds it without a query; return it."""
    due = second_factor_due(user)
    request.session[DUE_KEY] = due.isoformat()
    return due


def has_proved_second_factor(request: HttpRequest) -> bool:
    """Whether this session was opened, confirmed or equipped with a second factor. Reads the session alone."""
    return any(record["method"] == METHOD for record in get_authentication_records(request, request.user))


def days_left(request: HttpRequest) -> int | None:
    """Return for how many days the session may still go without a second factor; None where it needs none.

    A user who became an editor during the session is noticed at once.
    """
    user: Any = request.user
    due = date.fromisoformat(request.session.get(DUE_KEY, NEVER.isoformat()))
    if due == NEVER and user.is_staff:
        due = remember_due_day(request, user)
    if due == NEVER or has_proved_second_factor(request):
        return None
    return max(0, (due - timezone.localdate()).days)


def primary_factors(user: Any) -> Any:
    """Return the second factors of a user, without recovery codes."""
    return Authenticator.objects.filter(user_id=user.pk).exclude(type=Authenticator.Type.RECOVERY_CODES)


def accept_new_factor(request: HttpRequest, kind: str) -> None:
    """Count a factor that was just set up as proved in this session, and end the others, which lack it."""
    record_authentication(request, request.user, METHOD, type=kind)
    end_other_sessions(request.user, request.session.session_key)
    security_log.info("second factor added", extra={"user": request.user.pk})


def remove_second_factor(user: Any) -> int:
    """Delete all second factors of a user and end the sessions; return how many factors there were."""
    count: int = primary_factors(user).count()
    Authenticator.objects.filter(user_id=user.pk).delete()
    end_other_sessions(user, None)
    return count
