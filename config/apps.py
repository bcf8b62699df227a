"""Names for installed packages that have none in Chinese."""

from axes.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SignInLockout(AppConfig):
    """django-axes under a name that an administrator understands."""

    verbose_name = _("Sign-in lockout")
