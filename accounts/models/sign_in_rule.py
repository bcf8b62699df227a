"""What the sign-in of an account demands beyond the password."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class SignInRule(models.Model):
    """Rule of an account: from when the days of grace without a second factor count, and whether it is a break-glass
    account.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="sign_in_rule"
    )
    break_glass = models.BooleanField(
        _("break-glass account"),
        default=False,
        help_text=_(
            "For the day when single sign-on is down: it has a password, needs a second factor at once, is never "
            "linked to single sign-on, and each sign-in is logged as a warning."
        ),
    )
    grace_from = models.DateField(_("days of grace count from"), default=timezone.localdate, editable=False)

    class Meta:
        verbose_name = _("rule of a sign-in")
        verbose_name_plural = _("rules of sign-ins")

    def __str__(self) -> str:
        return str(self.user)
