"""The app of accounts, and django-axes under a name that has a Chinese translation."""

from axes.apps import AppConfig as AxesConfig
from django.apps import AppConfig
from django.conf import settings
from django.db.models import Model
from django.db.models.signals import post_save
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    default = True
    verbose_name = _("Programs and their keys")

    def ready(self) -> None:
        """Revoke tokens when rights change; log sign-ins; put methods in place of two of allauth's, which has no hook
        for them.
        """
        from allauth.mfa.totp.internal.auth import TOTP
        from allauth.usersessions.models import UserSession

        from accounts import sign_in_log  # noqa: F401  # connects its receivers
        from accounts.sign_in.middleware import purge
        from accounts.sign_in.second_factor import mark_code_used

        TOTP._mark_code_used = mark_code_used  # noqa: SLF001  # no other hook
        UserSession.purge = purge
        post_save.connect(revoke_tokens_on_save, sender=settings.AUTH_USER_MODEL, dispatch_uid="end_tokens")


def revoke_tokens_on_save(
    instance: Model, *, created: bool, update_fields: frozenset[str] | None, **kwargs: object
) -> None:
    """Revoke tokens whose owner's rights may have changed. Every sign-in saves the user as well, but no right."""
    from accounts.models.token import PERMISSION_FIELDS, revoke_outdated_tokens

    if not created and (update_fields is None or PERMISSION_FIELDS & update_fields):
        revoke_outdated_tokens(instance)


class SignInLockoutConfig(AxesConfig):
    """App config of django-axes with a name that administrators understand."""

    verbose_name = _("Sign-in lockout")
