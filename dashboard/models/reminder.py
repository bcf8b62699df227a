"""Model of reminders: what each user was told of."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Told(models.Model):
    """A step that a user was told of, once: `milestone:417`, `before7`, planned for a day. A new due date gives new
    days, and so new steps.

    A `digest` of a day is claimed by the process that makes its row: `sent`, or `held` back by a demonstration.
    """

    DIGEST, SENT, HELD = "digest", "sent", "held"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="told"
    )
    thing = models.CharField(_("record"), max_length=40)
    code = models.CharField(_("step"), max_length=40)
    day = models.DateField(_("day"))

    class Meta:
        verbose_name = _("step of a reminder")
        verbose_name_plural = _("steps of reminders")
        ordering = ["day", "pk"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["user", "thing", "code", "day"], name="told_once")]

    def __str__(self) -> str:
        return f"{self.thing} {self.code} {self.day}"
