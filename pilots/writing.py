"""What a program that writes stages, targets or readings has to keep to, beside the records' own rules."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from config.asof import today
from config.editing import Editable, Item
from config.entries import Given, Refusal
from config.faults import Fault
from config.history import delete_whole, one_entry
from pilots.actions import JUMP, MAY_PLACE, WHY_REPLANNED, OnRecord, Value, lock, moves_a_past_day
from pilots.models import Milestone, Reading, ReadingState, TargetStep


class WritesStages(Editable):
    """A stage is held against the pilot's others."""

    def prepare(self, record: Any, item: Item, given: Given, *, created: bool) -> None:
        """Its order is held against the pilot's other stages: nobody else enters one meanwhile."""
        lock(record.pilot)


class WritesMilestones(Editable):
    """A day that has passed is moved with a reason."""

    def save(self, record: Any, item: Item, given: Given, *, created: bool) -> None:
        if not created and not (given.reason or self.header_reason):
            before = Milestone.objects.filter(pk=record.pk).values_list("planned_on", flat=True).first()
            if moves_a_past_day(before, record.planned_on):
                raise Refusal(400, self.fault(item, "change_reason", "required", str(WHY_REPLANNED)))
        super().save(record, item, given, created=created)


class WritesTargets(Editable):
    """A target is sent with all of its steps."""

    def save_rows(self, record: Any, item: Item, given: Given, *, created: bool) -> None:
        """The steps, each with its own entry: what is not sent any more is taken away. Raises Refusal.

        Those that stay are held against the target as well, whose years may be others now.
        """
        reason, there = given.reason or self.header_reason, {step.year: step for step in record.steps.all()}
        left_alone = "steps" not in given.rest and self.request.method == "PATCH"
        wanted = {year: step.value for year, step in there.items()} if left_alone else self.steps_of(item, given)
        if not created and wanted != {year: step.value for year, step in there.items()}:
            self.check_promised(item)
        for year in there.keys() - wanted.keys():
            delete_whole(there[year], reason=reason)
        for year, value in wanted.items():
            step = there.get(year) or TargetStep(target=record, year=year)
            changed, step.value = step.pk is None or step.value != value, value
            self.check_step(step, item)
            if changed:
                with one_entry(step, created=step.pk is None, reason=reason):
                    step.save()

    def check_promised(self, item: Item) -> None:
        """Raises Refusal (403) where other steps of a target on record are not the user's to say."""
        if not self.request.user.has_perm(MAY_PLACE):
            raise Refusal(403, self.fault(item, "steps", "not_yours", _("Your role may not change this.")))

    def steps_of(self, item: Item, given: Given) -> Mapping[int, Decimal]:
        """The values by year. Raises Refusal for a year that is named twice."""
        sent = given.rest.get("steps", [])
        wanted = {step["year"]: step["value"] for step in sent}
        if len(wanted) < len(sent):
            raise Refusal(400, self.fault(item, "steps", "twice", _("Name each year once.")))
        return wanted

    def check_step(self, step: TargetStep, item: Item) -> None:
        try:
            step.full_clean()
        except ValidationError as exc:
            faults = [self.fault(item, "steps", "rule", f"{step.year}: {text}") for text in exc.messages]
            raise Refusal(400, *faults) from exc


class WritesReadings(Editable):
    """A value is never overwritten, only followed by another."""

    def prepare(self, record: Any, item: Item, given: Given, *, created: bool) -> None:
        """Number a new one, held against what is on record; complete what a verdict needs."""
        if created:
            self.number(record, item)
        if record.state == ReadingState.ACCEPTED and record.accepted_on is None:
            record.accepted_on = today()
        disputes = created or Reading.objects.filter(pk=record.pk).exclude(state=ReadingState.DISPUTED).exists()
        if record.state == ReadingState.DISPUTED and disputes and not (given.reason or self.header_reason):
            raise Refusal(400, self.fault(item, "change_reason", "required", _("Say what is wrong with the value.")))

    def number(self, record: Any, item: Item) -> None:
        """The next version for its period. Raises Refusal for one that is on record, was overtaken, or jumps."""
        lock(record.pilot)
        stand, asked = OnRecord(record.pilot), item.data.get("version")
        place = (record.indicator_id, record.period)
        newest, record.version = stand.newest.get(place), stand.next_version(place)
        if newest and asked is None:
            text = _("Version %(version)d is on record. To correct it, send your value as version %(next)d.")
            values = {"version": newest.version, "next": record.version}
            raise Refusal(409, self.fault(item, "version", "unique", text % values))
        if asked not in (None, record.version):
            text = _("The next version is %(next)d: somebody may have entered one meanwhile.") % {
                "next": record.version
            }
            raise Refusal(409, self.fault(item, "version", "overtaken", text))
        value = Value(
            record.indicator,
            record.period,
            record.value,
            record.value_status,
            known=newest.pk if newest else None,
            note=record.note,
        )
        if newest and not stand.differs(value):
            text = _("Version %(version)d says this already. Enter what is different.") % {"version": newest.version}
            raise Refusal(409, self.fault(item, "value", "same", text))
        found = stand.fault(value)
        if found:
            raise Refusal(400, self.fault(item, "note", JUMP, " ".join(found.messages)))

    def check_deletable(self, record: Any, item: Item) -> None:
        """One that was ever accepted has been read by others: it is corrected, not deleted."""
        if record.accepted_on:
            text = _("It has fed numbers; enter a correction instead.")
            raise Refusal(409, Fault(item.place, "in_use", text))
        super().check_deletable(record, item)
