"""API writes of stages, milestones, replans, targets and readings: what is asked of the ministry, and child rows."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.api.write_serializers import ValidatedInput
from core.api.writes import WritableViewSet
from core.http.as_of import today
from core.permissions import NOT_YOURS_TO_CHANGE
from core.records import writing
from core.records.writing import ADD, NOT_YOURS
from pilots.models import Reading, ReadingLedger, ReadingState, Replan, TargetStep
from pilots.models.reading import lock_pilot
from pilots.replans import (
    DELETION_FIXED,
    FIXED_CODE,
    REASON_REQUIRED,
    decide_replan,
    is_deletion_refused,
    replan_of,
    save_replan,
    settle_planned_day,
    withdraw_replan,
)
from pilots.services import PLACE_PERMISSION


class PlannedDayWriteMixin(WritableViewSet):
    """Another planned day of a key milestone or planned stage is asked of the ministry, with the reason."""

    def perform_write(self, record: Any, given: ValidatedInput) -> None:
        """Take the day that is asked for off the record, and ask for it."""
        day = None
        if record.pk:
            wanted = drafted(record, {"planned_on": record.planned_by(today()), **given.values})
            day = settle_planned_day(wanted, record, by=self.request.user)
            if day and not given.reason:
                raise ValidationError({"change_reason": ValidationError(REASON_REQUIRED, code="required")})
            given = replace(given, values={**given.values, "planned_on": wanted.planned_on})
        super().perform_write(record, given)
        if day:
            save_replan(replan_of(record, day, given.reason), by=self.request.user)

    def perform_delete(self, record: Any, reason: str) -> None:
        if is_deletion_refused(record, self.request.user):
            raise writing.Conflict(str(DELETION_FIXED), code=FIXED_CODE)
        super().perform_delete(record, reason)


class StageWriteMixin(PlannedDayWriteMixin):
    """A stage is checked against the pilot's others."""

    def perform_write(self, record: Any, given: ValidatedInput) -> None:
        """Lock the pilot, so that no other stage is entered meanwhile."""
        lock_pilot(given.values.get("pilot") or record.pilot)
        super().perform_write(record, given)


def drafted(record: Any, values: Mapping[str, Any]) -> Any:
    """Return a copy of a record with other values, to be judged."""
    draft = copy(record)
    for name, value in values.items():
        setattr(draft, name, value)
    return draft


class ReplanWriteMixin(WritableViewSet):
    """A request is made, decided once by the ministry, and withdrawn by who made it while it waits."""

    http_method_names = ["get", "head", "options", "post", "patch", "delete"]

    def create_one(self, record: Any, data: Mapping[str, Any]) -> Replan:
        for name, value in self.validate_record(record, data).values.items():
            setattr(record, name, value)
        if record.item:
            record.pilot = record.item.pilot
            writing.check_scope(self.request.user, ADD, record)
        writing.check_fields(record, None, {}, self.request.user)
        return save_replan(record, by=self.request.user)

    def update_one(self, record: Any, data: Mapping[str, Any]) -> Replan:
        """Accept or refuse a request."""
        given = self.validate_change(record, data)
        draft = drafted(record, given.values)
        writing.check_fields(draft, record, {}, self.request.user)
        draft.clean()
        if draft.accepted is None:
            text = _("Write true to accept it, or false to refuse it with a remark.")
            raise ValidationError({"accepted": ValidationError(text, code="required")})
        decision = {"accepted": draft.accepted, "remark": draft.remark, "by": self.request.user}
        return decide_replan(record, **decision, reason=given.reason)

    def delete_one(self, record: Any, data: Mapping[str, Any]) -> None:
        """Withdraw a request."""
        given = self.validate_change(record, data)
        withdraw_replan(record, by=self.request.user, reason=given.reason)


class TargetWriteMixin(WritableViewSet):
    """A target is written with all its intermediate values."""

    def perform_write(self, record: Any, given: ValidatedInput) -> None:
        """Write the intermediate values too, each with its own history entry; those not sent are deleted.

        Remaining ones are validated as well, as the target's years may have changed.
        """
        created = record.pk is None
        super().perform_write(record, given)
        there = {} if created else {step.year: step for step in record.steps.all()}
        now = {year: step.value for year, step in there.items()}
        left_alone = "steps" not in given.extra and self.request.method == "PATCH"
        wanted = now if left_alone else values_by_year(given.extra.get("steps", []))
        if not created and wanted != now and not self.request.user.has_perm(PLACE_PERMISSION):
            raise ValidationError({"steps": ValidationError(NOT_YOURS_TO_CHANGE, code=NOT_YOURS)})
        how: dict[str, Any] = {"by": self.request.user, "reason": given.reason, "allowed": True}
        for year in there.keys() - wanted.keys():
            writing.delete(there[year], **how)
        for year, value in wanted.items():
            step = there.get(year) or TargetStep(target=record, year=year)
            try:
                writing.write(step, {"value": value}, **how)
            except ValidationError as exc:
                raise ValidationError({"steps": [f"{year}: {text}" for text in exc.messages]}) from exc


def values_by_year(steps: Sequence[Mapping[str, Any]]) -> Mapping[int, Decimal]:
    """Return the values by year. Raises ValidationError for a duplicate year."""
    wanted = {step["year"]: step["value"] for step in steps}
    if len(wanted) < len(steps):
        raise ValidationError({"steps": ValidationError(_("Name each year once."), code="twice")})
    return wanted


class ReadingWriteMixin(WritableViewSet):
    """A value is never overwritten, only followed by another version."""

    def lock_rows(self, sent: Sequence[Mapping[str, Any]]) -> list[Any]:
        self.ledgers: dict[int, ReadingLedger] = {}  # by pilot, whose values may be sent together
        return super().lock_rows(sent)

    def perform_write(self, record: Any, given: ValidatedInput) -> None:
        """Record a new version; fill in what acceptance needs."""
        values = dict(given.values)
        if values.get("state", record.state) == ReadingState.ACCEPTED:
            values["accepted_on"] = values.get("accepted_on", record.accepted_on) or today()
        if record.pk:
            super().perform_write(record, replace(given, values=values))
            return
        for name, value in values.items():
            setattr(record, name, value)
        if record.pilot_id not in self.ledgers:
            self.ledgers[record.pilot_id] = ReadingLedger(record.pilot, lock=True)
        ledger = self.ledgers[record.pilot_id]
        check_version(record, given.data.get("version"), ledger)
        ledger.record(record, given.m2m, by=self.request.user, reason=given.reason)


def check_version(record: Reading, asked: int | None, ledger: ReadingLedger) -> None:
    """Raise ValidationError for a recorded value, a conflict, or a jump; `asked` is the version that was sent."""
    newest, following = ledger.newest.get(record.key), ledger.next_version(record.key)
    if newest and asked is None:
        text = _("Version %(version)d is on record. To correct it, send your value as version %(next)d.")
        values = {"version": newest.version, "next": following}
        raise ValidationError({"version": ValidationError(text % values, code="unique")})
    if asked not in (None, following):
        text = _("The next version is %(next)d: another user may have entered one meanwhile.") % {"next": following}
        raise ValidationError({"version": ValidationError(text, code="overtaken")})
    record.seen_id = newest.pk if newest else None
    if newest and not ledger.differs(record):
        text = _("Version %(version)d says this already. Enter what is different.") % {"version": newest.version}
        raise ValidationError({"value": ValidationError(text, code="same")})
    found = ledger.check(record)
    if found:
        raise ValidationError({"note": found})
