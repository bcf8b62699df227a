"""Models of reminders by mail: a user's settings, and what each user was told of."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.records.models import choices_constraint


class Rhythm(models.TextChoices):
    """How often a user gets a digest. `OFF` is kept until the user changes it."""

    DAILY = "daily", pgettext_lazy("rhythm of mail", "every working day")
    WEEKLY = "weekly", pgettext_lazy("rhythm of mail", "on the first working day of a week")
    OFF = "off", pgettext_lazy("rhythm of mail", "never")


def default_language() -> str:
    return settings.LANGUAGE_CODE


class MailSettings(models.Model):
    """Rhythm and language of a user's mail, and the address that the mail server refused for good.

    A user without a row has the defaults.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="mail_settings"
    )
    rhythm = models.CharField(_("reminders by mail"), max_length=6, choices=Rhythm.choices, default=Rhythm.DAILY)
    language = models.CharField(
        _("language of the mail"), max_length=7, choices=settings.LANGUAGES, default=default_language
    )
    refused_address = models.EmailField(
        _("address that was refused"),
        blank=True,
        help_text=_("No reminder is sent to it. Another address in the account is tried again."),
    )

    class Meta:
        verbose_name = _("settings of reminders")
        verbose_name_plural = _("settings of reminders")
        default_permissions = ()
        constraints = [
            choices_constraint("rhythm", Rhythm, "mailsettings_rhythm_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_rhythm_display()}"


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
