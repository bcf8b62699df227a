"""The app of accounts, and django-axes under a name that has a Chinese translation."""

from axes.apps import AppConfig as AxesConfig
from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    default = True
    verbose_name = _("Programs and their keys")

    def ready(self) -> None:
        """Connect the log of sign-ins; put methods in place of two of allauth's, which has no hook for them."""
        from allauth.mfa.totp.internal.auth import TOTP
        from allauth.usersessions.models import UserSession

        from accounts.sign_in import mark_code_used, purge

        TOTP._mark_code_used = mark_code_used  # noqa: SLF001
        UserSession.purge = purge


class SignInLockoutConfig(AxesConfig):
    verbose_name = _("Sign-in lockout")
