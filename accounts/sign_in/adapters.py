"""Adapters of django-allauth: where it asks the product, and the answer is not its default."""

import base64
import hashlib
import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import generate_totp_secret
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.sessions import signed_in_recently
from accounts.sign_in.second_factor import primary_factors, second_factor_due
from core.http.client import client_ip

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
        return [way | {"description": texts[way["id"]]} for way in super().get_reauthentication_methods(user)]


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
