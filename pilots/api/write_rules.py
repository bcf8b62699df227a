"""API write rules of stages, milestones, targets and readings, beyond the models' own validation."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.api.write.serializers import ValidatedInput, WriteRejected
from core.api.write.viewsets import RequestItem, WritableViewSet
from core.history.recording import delete_with_history, single_history_entry
from core.http.as_of import today
from pilots.models import Milestone, Reading, ReadingState, TargetStep
from pilots.services import (
    JUMP_CODE,
    PLACE_PERMISSION,
    REPLANNING_REASON_REQUIRED,
    ReadingInput,
    ReadingLedger,
    lock_pilot,
    moves_past_date,
)


class StageWriteMixin(WritableViewSet):
    """Check a stage against the pilot's others."""

    def prepare(self, record: Any, item: RequestItem, given: ValidatedInput, *, created: bool) -> None:
        """Lock the pilot, so that no other stage is entered meanwhile."""
        lock_pilot(record.pilot)


class MilestoneWriteMixin(WritableViewSet):
    """Moving a past planned date needs a reason."""

    def save_record(self, record: Any, item: RequestItem, given: ValidatedInput, *, created: bool) -> None:
        if not created and not (given.reason or self.header_reason):
            before = Milestone.objects.filter(pk=record.pk).values_list("planned_on", flat=True).first()
            if moves_past_date(before, record.planned_on):
                raise WriteRejected(
                    400, self.error_at(item, "change_reason", "required", str(REPLANNING_REASON_REQUIRED))
                )
        super().save_record(record, item, given, created=created)


class TargetWriteMixin(WritableViewSet):
    """A target is written with all its intermediate values."""

    def save_rows(self, record: Any, item: RequestItem, given: ValidatedInput, *, created: bool) -> None:
        """Save the intermediate values, each with its own history entry; those not sent are deleted. Raises
        WriteRejected.

        Remaining ones are validated as well, as the target's years may have changed.
        """
        reason, there = given.reason or self.header_reason, {step.year: step for step in record.steps.all()}
        left_alone = "steps" not in given.extra and self.request.method == "PATCH"
        wanted = {year: step.value for year, step in there.items()} if left_alone else self.values_by_year(item, given)
        if not created and wanted != {year: step.value for year, step in there.items()}:
            self.check_step_permission(item)
        for year in there.keys() - wanted.keys():
            delete_with_history(there[year], reason=reason)
        for year, value in wanted.items():
            step = there.get(year) or TargetStep(target=record, year=year)
            changed, step.value = step.pk is None or step.value != value, value
            self.check_step(step, item)
            if changed:
                with single_history_entry(step, created=step.pk is None, reason=reason):
                    step.save()

    def check_step_permission(self, item: RequestItem) -> None:
        """Raise WriteRejected (403) if the user may not change the intermediate values of an existing target."""
        if not self.request.user.has_perm(PLACE_PERMISSION):
            raise WriteRejected(403, self.error_at(item, "steps", "not_yours", _("Your role may not change this.")))

    def values_by_year(self, item: RequestItem, given: ValidatedInput) -> Mapping[int, Decimal]:
        """Return the values by year. Raises WriteRejected for a duplicate year."""
        sent = given.extra.get("steps", [])
        wanted = {step["year"]: step["value"] for step in sent}
        if len(wanted) < len(sent):
            raise WriteRejected(400, self.error_at(item, "steps", "twice", _("Name each year once.")))
        return wanted

    def check_step(self, step: TargetStep, item: RequestItem) -> None:
        try:
            step.full_clean()
        except ValidationError as exc:
            faults = [self.error_at(item, "steps", "rule", f"{step.year}: {text}") for text in exc.messages]
            raise WriteRejected(400, *faults) from exc


class ReadingWriteMixin(WritableViewSet):
    """A value is never overwritten, only followed by another version."""

    def prepare(self, record: Any, item: RequestItem, given: ValidatedInput, *, created: bool) -> None:
        """Number a new version after checking it against existing ones; fill in what acceptance needs."""
        if created:
            self.assign_version(record, item)
        if record.state == ReadingState.ACCEPTED and record.accepted_on is None:
            record.accepted_on = today()
        disputes = created or Reading.objects.filter(pk=record.pk).exclude(state=ReadingState.DISPUTED).exists()
        if record.state == ReadingState.DISPUTED and disputes and not (given.reason or self.header_reason):
            raise WriteRejected(
                400, self.error_at(item, "change_reason", "required", _("Say what is wrong with the value."))
            )

    def assign_version(self, record: Any, item: RequestItem) -> None:
        """Set the next version. Raises WriteRejected for a recorded value, a conflict, or a jump."""
        lock_pilot(record.pilot)
        stand, asked = ReadingLedger(record.pilot), item.data.get("version")
        place = (record.indicator_id, record.period)
        newest, record.version = stand.newest.get(place), stand.next_version(place)
        if newest and asked is None:
            text = _("Version %(version)d is on record. To correct it, send your value as version %(next)d.")
            values = {"version": newest.version, "next": record.version}
            raise WriteRejected(409, self.error_at(item, "version", "unique", text % values))
        if asked not in (None, record.version):
            text = _("The next version is %(next)d: another user may have entered one meanwhile.") % {
                "next": record.version
            }
            raise WriteRejected(409, self.error_at(item, "version", "overtaken", text))
        value = ReadingInput(
            record.indicator,
            record.period,
            record.value,
            record.value_status,
            seen_id=newest.pk if newest else None,
            note=record.note,
        )
        if newest and not stand.differs(value):
            text = _("Version %(version)d says this already. Enter what is different.") % {"version": newest.version}
            raise WriteRejected(409, self.error_at(item, "value", "same", text))
        found = stand.check(value)
        if found:
            raise WriteRejected(400, self.error_at(item, "note", JUMP_CODE, " ".join(found.messages)))
