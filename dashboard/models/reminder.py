"""Models of reminders: the digests sent to users, and the ledger of the steps that they told of."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext


class ReminderMail(models.Model):
    """The digest of a user on a day: at most one. It is claimed by one process until `claimed_until`, then sent."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="reminder_mails"
    )
    day = models.DateField(_("day"))
    address = models.EmailField(_("address"), blank=True)
    subject = models.CharField(_("subject of the mail"), max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    claimed_until = models.DateTimeField(null=True, editable=False)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    held = models.BooleanField(
        _("not sent"), default=False, help_text=_("Of a demonstration: its addresses are invented.")
    )
    error = models.CharField(_("error"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("reminder by mail")
        verbose_name_plural = _("reminders by mail")
        ordering = ["-day", "-pk"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["user", "day"], name="remindermail_one_a_day"),
            models.CheckConstraint(condition=Q(sent_at__isnull=True) | Q(held=False), name="remindermail_sent_or_held"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.address}"

    @property
    def state(self) -> str:
        """What became of it, for pages."""
        if self.held:
            return pgettext("state of a mail", "not sent: demonstration")
        if self.sent_at:
            return pgettext("state of a mail", "sent")
        return pgettext("state of a mail", "not sent yet")


class ReminderStep(models.Model):
    """A step that a user was, or is to be, told of once: `milestone:417`, `before7`, planned for a day.

    A new due date gives new days, and so new steps.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="reminder_steps"
    )
    thing = models.CharField(_("record"), max_length=40)
    code = models.CharField(_("step"), max_length=40)
    planned_for = models.DateField(_("planned for"))
    sent_at = models.DateTimeField(_("sent at"), null=True)
    mail = models.ForeignKey(
        ReminderMail, verbose_name=_("mail"), null=True, on_delete=models.SET_NULL, related_name="steps"
    )

    class Meta:
        verbose_name = _("step of a reminder")
        verbose_name_plural = _("steps of reminders")
        ordering = ["planned_for", "pk"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["user", "thing", "code", "planned_for"], name="reminderstep_once"),
        ]

    def __str__(self) -> str:
        return f"{self.thing} {self.code} {self.planned_for}"
