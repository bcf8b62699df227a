"""API writes of stages, milestones, replans, targets and readings: what is asked of the ministry, and child rows."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.api.write.serializers import ValidatedInput, WriteRejected
from core.api.write.viewsets import RequestItem, WritableViewSet
from core.http.as_of import today
from core.http.errors import ErrorDetail
from core.permissions import NOT_YOURS_TO_CHANGE
from core.records import writing
from core.records.writing import ADD, CHANGE, DELETE, NOT_YOURS
from pilots.models import Reading, ReadingLedger, ReadingState, Replan, TargetStep
from pilots.models.reading import JUMP_CODE, lock_pilot
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

    def perform_write(self, record: Any, item: RequestItem, given: ValidatedInput) -> None:
        """Take the day that is asked for off the record, and ask for it. Raises WriteRejected for what is fixed."""
        day = None
        if record.pk:
            wanted = drafted(record, {"planned_on": record.planned_by(today()), **given.values})
            day = self.run_service(partial(settle_planned_day, wanted, record, by=self.request.user), item)
            if day and not given.reason:
                raise WriteRejected(400, self.error_at(item, "change_reason", "required", str(REASON_REQUIRED)))
            given = replace(given, values={**given.values, "planned_on": wanted.planned_on})
        super().perform_write(record, item, given)
        if day:
            replan = replan_of(record, day, given.reason)
            self.run_service(partial(save_replan, replan, by=self.request.user), item)

    def perform_delete(self, record: Any, item: RequestItem, reason: str) -> None:
        if is_deletion_refused(record, self.request.user):
            raise WriteRejected(409, ErrorDetail(item.pointer, FIXED_CODE, str(DELETION_FIXED)))
        super().perform_delete(record, item, reason)


class StageWriteMixin(PlannedDayWriteMixin):
    """A stage is checked against the pilot's others."""

    def perform_write(self, record: Any, item: RequestItem, given: ValidatedInput) -> None:
        """Lock the pilot, so that no other stage is entered meanwhile."""
        pilot: Any = given.values.get("pilot") or record.pilot
        lock_pilot(pilot)
        super().perform_write(record, item, given)


def drafted(record: Any, values: Mapping[str, Any]) -> Any:
    """Return a copy of a record with other values, to be judged."""
    draft = copy(record)
    for name, value in values.items():
        setattr(draft, name, value)
    return draft


class ReplanWriteMixin(WritableViewSet):
    """A request is made, decided once by the ministry, and withdrawn by who made it while it waits."""

    http_method_names = ["get", "head", "options", "post", "patch", "delete"]

    def create_one(self, record: Any, item: RequestItem) -> Replan:
        given = self.validate_item(record, item, whole=True)
        for name, value in given.values.items():
            setattr(record, name, value)
        if record.item:
            record.pilot = record.item.pilot
            self.check_scope(record, ADD, item)
        self.run_service(partial(writing.check_fields, record, None, {}, self.request.user), item)
        return self.run_service(partial(save_replan, record, by=self.request.user), item)  # type: ignore[no-any-return]

    def update_one(self, record: Any, item: RequestItem) -> Replan:
        """Accept or refuse a request."""
        self.check_scope(record, CHANGE, item)
        given = self.validate_item(record, item, whole=False)
        self.check_revision(record, item)
        draft = drafted(record, given.values)
        self.run_service(partial(writing.check_fields, draft, record, {}, self.request.user), item)
        self.run_service(draft.clean, item)
        if draft.accepted is None:
            text = _("Write true to accept it, or false to refuse it with a remark.")
            raise WriteRejected(400, self.error_at(item, "accepted", "required", text))
        decision = {"accepted": draft.accepted, "remark": draft.remark, "by": self.request.user}
        service = partial(decide_replan, record, **decision, reason=given.reason)
        return self.run_service(service, item)  # type: ignore[no-any-return]

    def delete_one(self, record: Any, item: RequestItem) -> None:
        """Withdraw a request."""
        self.check_scope(record, DELETE, item)
        given = self.validate_item(record, item, whole=False)
        self.check_revision(record, item)
        self.run_service(partial(withdraw_replan, record, by=self.request.user, reason=given.reason), item)


class TargetWriteMixin(WritableViewSet):
    """A target is written with all its intermediate values."""

    def perform_write(self, record: Any, item: RequestItem, given: ValidatedInput) -> None:
        """Write the intermediate values too, each with its own history entry; those not sent are deleted. Raises
        WriteRejected.

        Remaining ones are validated as well, as the target's years may have changed.
        """
        created = record.pk is None
        super().perform_write(record, item, given)
        there = {} if created else {step.year: step for step in record.steps.all()}
        now = {year: step.value for year, step in there.items()}
        left_alone = "steps" not in given.extra and self.request.method == "PATCH"
        wanted = now if left_alone else self.values_by_year(item, given)
        if not created and wanted != now and not self.request.user.has_perm(PLACE_PERMISSION):
            raise WriteRejected(403, self.error_at(item, "steps", NOT_YOURS, str(NOT_YOURS_TO_CHANGE)))
        how: dict[str, Any] = {"by": self.request.user, "reason": given.reason, "allowed": True}
        for year in there.keys() - wanted.keys():
            writing.delete(there[year], **how)
        for year, value in wanted.items():
            step = there.get(year) or TargetStep(target=record, year=year)
            try:
                writing.write(step, {"value": value}, **how)
            except ValidationError as exc:
                faults = [self.error_at(item, "steps", "rule", f"{year}: {text}") for text in exc.messages]
                raise WriteRejected(400, *faults) from exc

    def values_by_year(self, item: RequestItem, given: ValidatedInput) -> Mapping[int, Decimal]:
        """Return the values by year. Raises WriteRejected for a duplicate year."""
        sent = given.extra.get("steps", [])
        wanted = {step["year"]: step["value"] for step in sent}
        if len(wanted) < len(sent):
            raise WriteRejected(400, self.error_at(item, "steps", "twice", _("Name each year once.")))
        return wanted


class ReadingWriteMixin(WritableViewSet):
    """A value is never overwritten, only followed by another version."""

    def lock_rows(self, items: Sequence[RequestItem]) -> Mapping[object, object]:
        self.ledgers: dict[int, ReadingLedger] = {}  # by pilot, whose values may be sent together
        return super().lock_rows(items)

    def perform_write(self, record: Any, item: RequestItem, given: ValidatedInput) -> None:
        """Record a new version; fill in what acceptance needs."""
        values = dict(given.values)
        if values.get("state", record.state) == ReadingState.ACCEPTED:
            values["accepted_on"] = values.get("accepted_on", record.accepted_on) or today()
        if record.pk:
            super().perform_write(record, item, replace(given, values=values))
            return
        for name, value in values.items():
            setattr(record, name, value)
        if record.pilot_id not in self.ledgers:
            self.ledgers[record.pilot_id] = ReadingLedger(record.pilot, lock=True)
        ledger = self.ledgers[record.pilot_id]
        self.check_version(record, item, ledger)
        record_it = partial(ledger.record, record, given.m2m, by=self.request.user, reason=given.reason)
        self.run_service(record_it, item)

    def check_version(self, record: Reading, item: RequestItem, ledger: ReadingLedger) -> None:
        """Raises WriteRejected for a recorded value, a conflict, or a jump."""
        newest, following = ledger.newest.get(record.key), ledger.next_version(record.key)
        asked = item.data.get("version")
        if newest and asked is None:
            text = _("Version %(version)d is on record. To correct it, send your value as version %(next)d.")
            values = {"version": newest.version, "next": following}
            raise WriteRejected(409, self.error_at(item, "version", "unique", text % values))
        if asked not in (None, following):
            text = _("The next version is %(next)d: another user may have entered one meanwhile.") % {"next": following}
            raise WriteRejected(409, self.error_at(item, "version", "overtaken", text))
        record.seen_id = newest.pk if newest else None
        if newest and not ledger.differs(record):
            text = _("Version %(version)d says this already. Enter what is different.") % {"version": newest.version}
            raise WriteRejected(409, self.error_at(item, "value", "same", text))
        found = ledger.check(record)
        if found:
            raise WriteRejected(400, self.error_at(item, "note", JUMP_CODE, " ".join(found.messages)))
