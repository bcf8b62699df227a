"""Targets that set a limit, such as PM2.5 up to 35: the value stays within it in every period."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from pilots.metrics.lights import LightReason
from pilots.target_kinds.base import BoundRule


class LimitReason(TextChoices):
    """Code of the reason for the light of a limit, from green to red."""

    WITHIN_LIMIT = "within_limit", _("within the limit")
    OVER_LIMIT = "over_limit", _("beyond the limit by up to 10 %")
    FAR_OVER_LIMIT = "far_over_limit", _("beyond the limit by more than 10 %")


class LimitRule(BoundRule):
    """Rule of a limit: the target value is not to be passed."""

    code = "limit"
    label = _("Stay within a limit")
    needs_value = True
    reasons = LimitReason
    missing = LightReason.NO_TARGET
    bound_label = _("limit")
    above_text = _("%(name)s stood at %(actual)s in %(year)d, %(over)s above the limit of %(bound)s")
    below_text = _("%(name)s stood at %(actual)s in %(year)d, %(over)s below the limit of %(bound)s")
    part_text = _("%(part)s %% of the limit")
