"""What becomes of a promise: it is accepted, amended, completed and objected to; and what was changed of it since.

The province asks, the ministry decides, or enters a decided amendment at once. Forms, API, admin and imports call it;
who may do what is in the models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.days import today
from core.history.recording import MAX_REASON, unit
from core.records import writing
from core.text import format_amount, format_date, join_clauses, join_long, join_short, label_value, number_with_unit
from pilots.lights import ENTRY_DAYS
from pilots.models.indicator import Target
from pilots.models.planned import Amendment, Completion, Milestone
from pilots.models.promise import may_decide

REASON_REQUIRED = gettext_lazy(
    "Say in the reason for change why another day is asked for: it is shown beside the light."
)


# -- asking and deciding -----------------------------------------------------------------------------------


@transaction.atomic
@unit()
def save_amendment(amendment: Amendment, *, by: Any) -> Amendment:
    """Save a request, which is decided at once where the user may (`Amendment.settle`). It replaces the one that waits.

    Raises ValidationError where it is not possible.
    """
    item = amendment.item
    if item is not None:
        item = writing.locked(type(item), item.pk)
        writing.check_changeable(item)
        writing.check_scope(by, writing.ADD, Amendment(pilot_id=item.pilot_id))
        for waiting in item.amendments.filter(accepted=None):
            writing.delete(waiting, by=by, reason=_("Replaced by another request"), allowed=True)
    writing.write(amendment, by=by, reason=amendment.reason, allowed=True)
    return amendment


@transaction.atomic
@unit()
def decide_amendment(amendment: Amendment, *, accepted: bool, remark: str, by: Any, reason: str = "") -> Amendment:
    """Accept a request from today on, or refuse it with a remark. Raises PermissionDenied without the permission,
    ValidationError for one that is decided already, and Conflict for one that was withdrawn.
    """
    if not may_decide(by):
        raise PermissionDenied(_("The ministry decides it."))
    amendment = writing.locked(Amendment, amendment.pk)
    writing.check_changeable(amendment)
    if error := amendment.deletion_error():
        raise ValidationError(error, code="state")
    writing.write(amendment, {"accepted": accepted, "remark": remark}, by=by, reason=reason, allowed=True)
    return amendment


@transaction.atomic
@unit()
def withdraw_amendment(amendment: Amendment, *, by: Any, reason: str = "") -> None:
    """Withdraw a request that waits. Raises PermissionDenied for people who did not ask, ValidationError and Conflict
    as above.
    """
    amendment = writing.locked(Amendment, amendment.pk, deleting=True)
    writing.check_changeable(amendment)
    if amendment.asked_by_id is None or amendment.asked_by_id != by.pk:
        raise PermissionDenied(_("Who asked for it withdraws it."))
    if error := amendment.deletion_error():
        raise ValidationError(error, code="state")
    writing.delete(amendment, by=by, reason=reason, allowed=True)


def settle_day(stored: Milestone, given: date, *, by: Any) -> tuple[date, date | None]:
    """Return the planned day for the column of a milestone, and the day to be asked for; None where the given day is
    that in force, or corrects the column itself.
    """
    if given == stored.planned_by(today()):
        return stored.planned_on, None
    return (given, None) if stored.is_corrected_by(by) else (stored.planned_on, given)


def amendment_of(milestone: Milestone, day: date, reason: str) -> Amendment:
    """Return an unsaved amendment of the planned day, with the reason in the language that it is written in."""
    amendment = Amendment(pilot_id=milestone.pilot_id, milestone=milestone, day=day)
    amendment.reason = reason[:MAX_REASON]  # the property sets the reason of its language
    return amendment


@transaction.atomic
@unit()
def write_milestone(
    record: Milestone, values: Mapping[str, Any], lists: writing.Lists | None = None, *, by: Any, reason: str = ""
) -> tuple[bool, Amendment | None]:
    """Write a milestone, as `records` does; return whether anything was changed, and the amendment if `planned_on` is
    another day than the one in force, and is not corrected in place.
    """
    day, values = None, dict(values)
    if record.pk and values.get("planned_on"):
        stored = writing.locked(Milestone, record.pk)
        writing.check_changeable(stored)
        values["planned_on"], day = settle_day(stored, values["planned_on"], by=by)
        if day and not reason.strip():
            raise ValidationError({"change_reason": ValidationError(REASON_REQUIRED, code="required")})
    written = writing.write(record, values, lists, by=by, reason=reason)
    amendment = save_amendment(amendment_of(record, day, reason), by=by) if day else None
    return written or amendment is not None, amendment


@transaction.atomic
@unit()
def accept_promise(record: Target | Milestone, *, by: Any, reason: str = "") -> None:
    """Accept what the province asks to promise: it is promised from today on.

    Raises PermissionDenied without the permission, ValidationError for one's own, and for one that is promised already.
    """
    stored = writing.locked(type(record), record.pk)
    writing.check_changeable(stored)
    if not may_decide(by):
        raise PermissionDenied(_("The ministry decides it."))
    if stored.promised_on:
        text = _("It was promised on %(day)s.") % {"day": format_date(stored.promised_on)}
        raise ValidationError(text, code="state")
    if by is not None and stored.history.filter(history_type="+", history_user_id=by.pk).exists():
        raise ValidationError(_("Somebody else accepts what you entered."), code=writing.NOT_YOURS)
    writing.write(record, {"promised_on": today()}, by=by, reason=reason, allowed=True)


def complete(
    milestone: Milestone, *, completed_on: date, evidence: str, by: Any, reason: str = "", with_file: bool = False
) -> Completion:
    """Enter that a milestone is done. `with_file`: the caller attaches a file to the milestone as evidence."""
    completion = Completion(
        pilot_id=milestone.pilot_id, milestone=milestone, completed_on=completed_on, evidence=evidence
    )
    completion.with_file = with_file
    writing.write(completion, by=by, reason=reason)
    return completion


def object_to(completion: Completion, *, objection: str, by: Any) -> None:
    """Object to a completion: from today on it does not count."""
    if not may_decide(by):
        raise PermissionDenied(_("The ministry decides it."))
    if not objection.strip():
        raise ValidationError({"objection": ValidationError(_("Say why it does not count."), code="required")})
    writing.write(completion, {"objection": objection}, by=by, reason=objection, allowed=True)


# -- what was changed -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlanChange:
    """What was amended of a promise by a day, or a completion of it that was entered late."""

    record: Any
    on: date
    text: str
    was: Mapping[str, Any]  # what was promised first, of the fields that were amended

    @property
    def pk(self) -> int:
        return self.record.pk  # type: ignore[no-any-return]

    @property
    def kind(self) -> str:
        """Kind of record: milestone or target."""
        return str(self.record._meta.model_name)

    @property
    def name(self) -> str:
        return str(self.record.indicator.name if isinstance(self.record, Target) else self.record.name)

    @property
    def anchor(self) -> str:
        """Place on the page of the pilot."""
        return str(self.record.anchor)


def changes_of(pilot: Any, as_of: date) -> list[PlanChange]:
    """Return what was changed of a pilot's promises by the day, latest change first."""
    amended = {(row.target_id, row.milestone_id) for row in pilot.prefetched_amendments}
    amended |= {(None, row.milestone_id) for row in pilot.prefetched_completions if is_late_entry(row)}
    records = [row for row in pilot.prefetched_targets if (row.pk, None) in amended]
    records += [row for row in pilot.prefetched_milestones if (None, row.pk) in amended]
    changes = (change_of(record, as_of) for record in records)
    return sorted(filter(None, changes), key=lambda change: (change.on, change.pk), reverse=True)


def is_late_entry(row: Completion) -> bool:
    """Whether a completion was entered so late that it counts from its entry."""
    return row.entered_on - row.completed_on > timedelta(ENTRY_DAYS)


def change_of(record: Target | Milestone, as_of: date) -> PlanChange | None:
    """Return how a promise differs from what was promised first, with the day and reason of the last decision; None
    where it does not. For example `700 t by 2026, as amended on 1 November 2026: the census; first 600 t`.
    """
    amendments, clauses = record.accepted_amendments(as_of), []
    days: list[Any] = [amendments[-1].decided_on] if amendments else []
    now, was = record.values_on(as_of), record.values_on(date.min)
    changed = [name for name in now if now[name] != was[name]]
    if amendments and amendments[-1].drop:
        changed = []
        clauses = [_("dropped on %(day)s") % {"day": format_date(days[0])}]
    elif changed:
        text = (
            _("%(now)s, as amended on %(day)s")
            if isinstance(record, Target)
            else _("due %(now)s, as amended on %(day)s")
        )
        promised = said(record, now, changed, with_year="target_value" in changed)
        clauses = [text % {"now": promised, "day": format_date(days[0])}]
    else:
        days = []
    if clauses and amendments[-1].reason:
        clauses = [label_value(clauses[0], amendments[-1].reason)]
    if changed:
        clauses.append(_("first %(promised)s") % {"promised": said(record, was, changed)})
    for item in record.all_completions if isinstance(record, Milestone) else ():
        if item.entered_on <= as_of and is_late_entry(item):
            both = {"on": format_date(item.entered_on), "day": format_date(item.completed_on)}
            clauses.append(_("completion entered on %(on)s for %(day)s") % both)
            days.append(item.entered_on)
    return PlanChange(record, max(days), join_clauses(clauses), {name: was[name] for name in changed}) if days else None


def said(record: Any, values: Mapping[str, Any], changed: list[str], *, with_year: bool = False) -> str:
    """Return what is promised in the changed fields, of a value also by which year."""
    if "planned_on" in values:
        return format_date(values["planned_on"])

    def amount(value: Any) -> str:
        return _("no value") if value is None else number_with_unit(format_amount(value), record.indicator.unit_text)

    words = {"value": amount(values["target_value"]), "base": amount(values["base_value"])}
    words |= {"year": str(values["target_year"]), "base_year": str(values["base_year"])}
    steps = (label_value(step.year, format_amount(step.value)) for step in Target(steps=values["steps"]).yearly_steps)
    words["steps"] = join_long(steps) or _("none")
    texts = []
    if with_year or "target_year" in changed:
        texts.append(_("%(value)s by %(year)s") % words)
    elif "target_value" in changed:
        texts.append(words["value"])
    if {"base_value", "base_year"} & set(changed):
        texts.append(_("base %(base)s in %(base_year)s") % words)
    if "steps" in changed:
        texts.append(label_value(_("steps on the way"), words["steps"]))
    return join_short(texts)


# -- what is asked for ---------------------------------------------------------------------------------------


def terms_text(target: Target, as_of: date) -> str:
    """Return what a target asks for, as amended by the day."""
    values = target.values_on(as_of)
    return said(target, values, [name for name in values if values[name] or name == "target_year"])


def wanted_text(amendment: Amendment) -> str:
    """Return what an amendment asks for."""
    if amendment.drop:
        return _("drop it")
    if isinstance(amendment.item, Milestone):
        return format_date(amendment.day)
    target = amendment.item
    wanted = {mine: getattr(amendment, theirs) for theirs, mine in target.AMENDED.items()}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    return said(target, target.values_on(amendment.asked_on) | wanted, [*wanted])


def request_text(record: Target | Milestone, as_of: date) -> str:
    """Return that an amendment is asked for, or was refused, with the reason; empty where neither."""
    waiting, refused = record.waiting_amendment(as_of), record.refused_amendment(as_of)
    if waiting:
        return _("asked for: %(what)s (%(reason)s)") % {"what": wanted_text(waiting), "reason": waiting.reason}
    if refused and refused.decided_on:
        words = {"what": wanted_text(refused), "on": format_date(refused.decided_on), "remark": refused.remark}
        return _("refused on %(on)s: %(what)s (%(remark)s)") % words
    return ""
