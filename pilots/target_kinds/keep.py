"""Targets to keep what there is: the value gets no worse than the base."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import CheckConstraint, Q, TextChoices
from django.utils.translation import gettext_lazy as _

from pilots.metrics.lights import LightReason
from pilots.target_kinds.base import BoundRule, FieldConstraint, TargetFields


class KeepReason(TextChoices):
    """Code of the reason for the light of a base to keep, from green to red."""

    KEPT = "kept", _("no worse than the base")
    WORSE = "worse", _("worse than the base by up to 10 %")
    FAR_WORSE = "far_worse", _("worse than the base by more than 10 %")


class KeepRule(BoundRule):
    """Rule of a base to keep: a limit at the base."""

    code = "keep"
    label = _("Get no worse")
    has_base = True
    reasons = KeepReason
    missing = LightReason.NO_BASE
    bound_label = _("base, not to be passed")
    above_text = _("%(name)s stood at %(actual)s in %(year)d, %(over)s above the base of %(bound)s")
    below_text = _("%(name)s stood at %(actual)s in %(year)d, %(over)s below the base of %(bound)s")
    part_text = _("%(part)s %% of the base")
    constraints = (
        FieldConstraint(
            "base_value",
            CheckConstraint(
                condition=~Q(kind="keep") | Q(base_value__isnull=False),
                name="target_keep_has_base",
                violation_error_message=_("To keep a value, give the base value."),
            ),
        ),
    )

    def bound(self, target: TargetFields) -> Decimal | None:
        return target.base_value
