"""Model of subscriptions: what a user wants to hear of, or never again."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.http.as_of import today
from core.records.constraints import choices_constraint


class FollowedKind(models.TextChoices):
    """Kinds of records that a user can follow."""

    PILOT = "pilot", pgettext_lazy("followed record", "pilot")
    PROVINCE = "province", pgettext_lazy("followed record", "province")
    POLICY = "policy", pgettext_lazy("followed record", "policy")
    PRACTICE = "practice", pgettext_lazy("followed record", "practice")
    FOLLOW_UP = "follow_up", pgettext_lazy("followed record", "follow-up")


class Subscription(models.Model):
    """A user follows a record, or (`active` is false) is never reminded of it, whatever the user's role.

    An opt-out is a row that stays, so that being named as owner later does not undo it.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="subscriptions"
    )
    kind = models.CharField(_("kind"), max_length=9, choices=FollowedKind.choices)
    record_id = models.BigIntegerField(_("record"))
    active = models.BooleanField(_("follows"), default=True)
    since = models.DateField(_("since"), default=today)

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        ordering = ["kind", "record_id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "record_id"], name="subscription_once"),
            choices_constraint("kind", FollowedKind, "subscription_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.kind} {self.record_id}"
