"""Revising a series, as after a census: new versions are accepted and the bases of the targets amended on one date."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.days import today
from core.history.recording import unit
from core.text import label_value
from pilots.admin.acts import ActForm
from pilots.amendments import save_amendment
from pilots.forms.entry import AmountField, StepsField
from pilots.models import Amendment, Reading, ReadingState, Target
from pilots.models.indicator import format_exact
from pilots.models.reading import judge_readings


class SeriesForm(ActForm):
    """The new base of every target of the indicator that has one: proposed is the new value of its base year."""

    def __init__(self, *args: Any, readings: Sequence[Reading], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.readings, first = readings, readings[0]
        new = {reading.year: reading.value for reading in readings if "-" not in reading.period}
        own = Target.objects.filter(pilot=first.pilot_id, indicator=first.indicator_id, promised_on__lte=today())
        self.targets: dict[Target, dict[str, Any]] = {
            target: now
            for target in own
            if not target.dropped_by(today()) and (now := target.values_on(today()))["base_year"] is not None
        }
        for target, now in self.targets.items():
            name = f"{target.get_kind_display()} {now['target_year']}"
            label = _("%(target)s: base value of %(year)d") % {"target": name, "year": now["base_year"]}
            self.fields[f"base_{target.pk}"] = AmountField(
                label=label,
                max_digits=20,
                decimal_places=6,
                initial=new.get(now["base_year"], now["base_value"]),
                help_text=_("Now %(value)s. Another one is amended from today on.")
                % {"value": format_exact(now["base_value"])},
            )
            self.fields[f"steps_{target.pk}"] = StepsField(
                label=label_value(name, _("steps")),
                required=False,
                initial=now["steps"],
                help_text=_("In the new series. Empty: another base clears them."),
            )
        self.order_fields([name for name in self.fields if name != "reason"])
        self.fields["reason"].required = True

    @transaction.atomic
    @unit()
    def act(self, by: Any) -> int:
        """Accept the values, and amend what differs; all or nothing."""
        reason, typed = self.cleaned_data["reason"], self.cleaned_data
        accepted = judge_readings(self.readings, ReadingState.ACCEPTED, by=by, reason=reason)
        for target, now in self.targets.items():
            base, steps = typed[f"base_{target.pk}"], typed[f"steps_{target.pk}"]
            if (base, steps) == (now["base_value"], now["steps"]):
                continue
            amendment = Amendment(target=target, base_value=base, base_year=now["base_year"], steps=steps or None)
            amendment.reason = reason
            try:
                save_amendment(amendment, by=by)
            except ValidationError as exc:
                raise ValidationError({f"base_{target.pk}": exc.messages}) from exc
        return accepted
