"""Services of replans: the planned day of a key milestone or planned stage is moved by a request and a decision.

The province asks, the ministry decides, or enters a decided day at once. Forms, API and imports all call these: the
day that they are given is taken off the record (`settle_planned_day`) and written as a replan (`save_replan`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.history.recording import MAX_REASON
from core.http import today
from core.records import writing
from core.text import format_date, normalize_text
from pilots.models import Milestone, Replan, StageEntry

PLACE_PERMISSION = "pilots.place_pilot"
FIXED_CODE = "fixed"
REASON_REQUIRED = gettext_lazy(
    "Say in the reason for change why another day is asked for: it is shown beside the light."
)
PROMISE_FIXED = gettext_lazy(
    "This is part of what was promised, and only the ministry changes it. Leave it as it is on record, and ask the "
    "ministry."
)
DAY_FIXED = gettext_lazy(
    "The planned day stays on record. Write another day with the reason: it is asked of the ministry."
)
DELETION_FIXED = gettext_lazy(
    "Only the ministry deletes a key milestone or a planned stage. Ask for another day instead, or ask the ministry."
)
PILOT_FIXED = gettext_lazy("Its planned day was moved for this pilot. Enter it anew for the other one.")


def may_decide(user: Any) -> bool:
    """Whether the user decides about planned days; None stands for the command line, which may."""
    return user is None or bool(user.has_perm(PLACE_PERMISSION))


def is_deletion_refused(record: Milestone | StageEntry, user: Any) -> bool:
    """Whether the record may be deleted by the ministry alone, and not by this user."""
    return record.has_fixed_day and not may_decide(user)


def settle_planned_day(record: Any, stored: Any, *, by: Any, reason: str | None = None) -> date | None:
    """Put the first planned day back on a record to be saved and return the day to be asked for or decided; None where
    it is that in force already, or the column itself is to change.

    `record.planned_on` is the day that was given, `stored` the record as it is. Raises ValidationError by field for
    what is fixed, and for an empty reason where another day is asked for; None: the caller asks for the reason.
    """
    given, in_force = record.planned_on, stored.planned_by(today())
    if not stored.has_fixed_day:
        return None
    promised = [stored._meta.get_field(name) for name in stored.PROMISED_FIELDS] if not may_decide(by) else []
    errors = {field.name: PROMISE_FIXED for field in promised if plain(record, field) != plain(stored, field)}
    if record.pilot_id != stored.pilot_id and stored.all_replans:
        errors.setdefault("pilot", PILOT_FIXED)
    if given is None:
        errors["planned_on"] = DAY_FIXED
    if errors:
        raise ValidationError({name: ValidationError(text, code=FIXED_CODE) for name, text in errors.items()})
    record.planned_on = stored.planned_on
    if given == in_force:
        return None
    if may_decide(by) and is_entered_today(stored):
        record.planned_on = given
        return None
    if reason == "":
        raise ValidationError({"change_reason": ValidationError(REASON_REQUIRED, code="required")})
    return given  # type: ignore[no-any-return]


@transaction.atomic
def write_planned(
    record: Any, values: Mapping[str, Any], lists: writing.Lists | None = None, *, by: Any, reason: str = ""
) -> tuple[bool, Replan | None]:
    """Write what is planned for a day, as `records` does; return whether anything was changed, and the replan if
    `planned_on` is another day that is asked for or decided.
    """
    day, values = None, dict(values)
    if record.pk:
        stored = writing.locked(type(record), record.pk)
        writing.check_changeable(stored)
        wanted = stored.drafted({"planned_on": stored.planned_by(today()), **values})
        day = settle_planned_day(wanted, stored, by=by, reason=reason.strip())
        if "planned_on" in values:
            values["planned_on"] = wanted.planned_on
    written = writing.write(record, values, lists, by=by, reason=reason)
    replan = save_replan(replan_of(record, day, reason), by=by) if day else None
    return written or replan is not None, replan


def plain(record: Any, field: Any) -> Any:
    value = getattr(record, field.attname)
    return normalize_text(value) if isinstance(value, str) else value


def is_entered_today(stored: Any) -> bool:
    """Whether the record was entered today and never replanned: another day corrects a typing error."""
    first = stored.history.order_by("history_id").values_list("history_date", flat=True).first()
    return bool(first and timezone.localtime(first).date() == today() and not stored.all_replans)


# -- asking and deciding -----------------------------------------------------------------------------------


def replan_of(record: Any, day: date, reason: str) -> Replan:
    """Return an unsaved replan of a record, with the reason in the language that it is written in."""
    replan = Replan(pilot_id=record.pilot_id, day=day)
    setattr(replan, f"{record.REPLAN_FIELD}_id", record.pk)
    replan.reason = reason[:MAX_REASON]  # the property sets the reason of its language
    return replan


@transaction.atomic
def save_replan(replan: Replan, *, by: Any) -> Replan:
    """Save a request for another day; for the ministry it is decided at once. It replaces the one that waits.

    Raises ValidationError where the day is not fixed, or no other than the one in force.
    """
    model, key = (Milestone, replan.milestone_id) if replan.milestone_id else (StageEntry, replan.stage_entry_id)
    item = writing.locked(model, key)
    if item is not None:
        replan.pilot_id = item.pilot_id
        if not item.has_fixed_day:
            text = _("Only the day of a key milestone or a planned stage is asked for. Change this one itself.")
            raise ValidationError({item.REPLAN_FIELD: ValidationError(text, code="invalid")})
        if replan.day == item.planned_by(today()):
            raise ValidationError({"day": ValidationError(_("It is planned for this day already."), code="same")})
    replan.asked_by, replan.asked_on = by, today()
    replan.accepted, replan.decided_by, replan.decided_on = None, None, None
    if may_decide(by):
        replan.accepted, replan.decided_by, replan.decided_on = True, by, today()
    for waiting in Replan.objects.filter(**{model.REPLAN_FIELD: key}, accepted__isnull=True):
        writing.delete(waiting, by=by, reason=_("Replaced by another day"), allowed=True)
    writing.write(replan, by=by, reason=replan.reason, allowed=True)
    return replan


@transaction.atomic
def decide_replan(replan: Replan, *, accepted: bool, remark: str, by: Any, reason: str = "") -> Replan:
    """Accept a request from today on, or refuse it with a remark. Raises PermissionDenied without the permission, and
    ValidationError for one that is decided already.
    """
    if not may_decide(by):
        raise PermissionDenied(_("The ministry decides it."))
    replan = writing.locked(Replan, replan.pk)
    check_waiting(replan)
    decision = {"accepted": accepted, "remark": remark, "decided_by": by, "decided_on": today()}
    writing.write(replan, decision, by=by, reason=reason, allowed=True)
    return replan


@transaction.atomic
def withdraw_replan(replan: Replan, *, by: Any, reason: str = "") -> None:
    """Withdraw a request that waits. Raises PermissionDenied for people who did not ask."""
    replan = writing.locked(Replan, replan.pk, deleting=True)
    if replan.asked_by_id is None or replan.asked_by_id != by.pk:
        raise PermissionDenied(_("Who asked for it withdraws it."))
    check_waiting(replan)
    writing.delete(replan, by=by, reason=reason, allowed=True)


def check_waiting(replan: Replan) -> None:
    if replan.accepted is not None:
        text = _("It was decided on %(day)s. Ask for another day instead.") % {"day": format_date(replan.decided_on)}
        raise ValidationError(text, code="state")
