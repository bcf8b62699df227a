"""Second factor: who needs one and from when, whether a session has proved it, its secrets, and its removal."""

import base64
import hashlib
from datetime import date, timedelta
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.utils import decrypt
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import SignInRule
from core.http.request_log import security_log

DUE_KEY = "second_factor_due"  # session key: the day from which no request goes without a second factor
NEVER = date.max
METHOD = "mfa"  # allauth's name in the records of how a session was authenticated


def second_factor_due(user: Any) -> date:
    """Return the day from which the account needs a second factor; NEVER for viewers."""
    if not (user.is_staff or user.is_superuser):
        return NEVER
    rule = SignInRule.objects.filter(user_id=user.pk).first()
    begun = rule.grace_from if rule else timezone.localdate(user.date_joined)
    return begun + timedelta(days=settings.MFA_GRACE_DAYS)


def remember_due_day(request: HttpRequest, user: Any) -> date:
    """Store the day in the session, where each request finds it without a query; return it."""
    due = second_factor_due(user)
    request.session[DUE_KEY] = due.isoformat()
    return due


def days_left(request: HttpRequest) -> int | None:
    """Return for how many days the session may still go without a second factor; None where it needs none.

    A user who became an editor during the session is noticed at once.
    """
    user: Any = request.user
    due = date.fromisoformat(request.session.get(DUE_KEY, NEVER.isoformat()))
    if due == NEVER and user.is_staff:
        due = remember_due_day(request, user)
    if due == NEVER or any(record["method"] == METHOD for record in get_authentication_records(request, user)):
        return None
    return max(0, (due - timezone.localdate()).days)


def primary_factors(user: Any) -> Any:
    """Return the second factors of a user, without recovery codes."""
    return Authenticator.objects.filter(user_id=user.pk).exclude(type=Authenticator.Type.RECOVERY_CODES)


def lacks_second_factor(user: Any) -> bool:
    """Whether the days of grace of an account are over, and neither it nor the provider's account has a factor."""
    if second_factor_due(user) > timezone.localdate() or primary_factors(user).exists():
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
    if not primary_factors(user).exists():
        return False
    Authenticator.objects.filter(user_id=user.pk).delete()
    for session in UserSession.objects.filter(user_id=user.pk):
        session.end()
    note_change(user, text, by=by)
    security_log.warning("second factor removed", extra={"user": user.pk, "by": by.pk if by else None})
    return True


def note_change(user: Any, text: str, *, by: Any = None) -> None:
    """Write a line of the admin's history of an account; without `by` it is signed by the account itself."""
    LogEntry.objects.log_actions((by or user).pk, [user], CHANGE, text, single_object=True)


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
        others = primary_factors(user).exclude(pk=authenticator.pk)
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
