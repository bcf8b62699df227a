"""Replans: the planned day of a key milestone or planned stage is moved by a request and a decision; and what later
changes mean for a light.

The province asks, the ministry decides, or enters a decided day at once. Forms, API and imports all call these: the day
that they are given is held against the record (`settle_planned_day`) and written as a replan (`save_replan`).

Replanning is every later change of what decides a light: planned dates, targets, bases, "binding", "key". A milestone
moved to a later date is no longer overdue, and a lower target is met sooner, so the light must show it. Of key
milestones and planned stages the accepted replans (models/planned.py) say it, of all else the histories. The same holds
for a completion entered long after its date, which also changes the lights of past days, and for the title of a key
milestone. Corrections by the author of a record on the day of its entry are not replanning. Every later change, and
every change by another user, is: it is compared with the first version of the record, until the record is as at first
again. For a day in the past only changes made by then are known. Two queries for any number of pilots, run on first
access.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import takewhile
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.days import today
from core.history.diffs import field_text
from core.history.recording import MAX_REASON
from core.records import writing
from core.text import format_amount, format_date, join_clauses, join_long, label_value, normalize_text
from pilots.models import Milestone, Replan, StageEntry, Target

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
    """Whether the user decides about planned days; None stands for the loader of seed records, which may."""
    return user is None or bool(user.has_perm(PLACE_PERMISSION))


def is_deletion_refused(record: Milestone | StageEntry, user: Any) -> bool:
    """Whether the record may be deleted by the ministry alone, and not by this user."""
    return record.has_fixed_day and not may_decide(user)


def settle_planned_day(record: Any, stored: Any, *, by: Any, reason: str | None = None) -> tuple[date, date | None]:
    """Return the first planned day, as the column is to hold it, and the day to be asked for or decided; None where it
    is that in force already, or the column itself changes.

    `record.planned_on` is the day that was given, `stored` the record as it is. Raises ValidationError by field for
    what is fixed, and for an empty reason where another day is asked for; None: the caller asks for the reason.
    """
    given = record.planned_on
    if not stored.has_fixed_day:
        return given, None
    promised = [stored._meta.get_field(name) for name in stored.PROMISED_FIELDS] if not may_decide(by) else []
    changed = [field.name for field in promised if plain(record, field) != plain(stored, field)]
    errors = {name: ValidationError(PROMISE_FIXED, code=writing.NOT_YOURS) for name in changed}
    if record.pilot_id != stored.pilot_id and stored.all_replans:
        errors.setdefault("pilot", ValidationError(PILOT_FIXED, code=FIXED_CODE))
    if given is None:
        errors["planned_on"] = ValidationError(DAY_FIXED, code=FIXED_CODE)
    if errors:
        raise ValidationError(errors)
    if given == stored.planned_by(today()):
        return stored.planned_on, None
    if may_decide(by) and is_entered_today(stored):
        return given, None
    if reason == "":
        raise ValidationError({"change_reason": ValidationError(REASON_REQUIRED, code="required")})
    return stored.planned_on, given


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
        first_day, day = settle_planned_day(wanted, stored, by=by, reason=reason.strip())
        if "planned_on" in values:
            values["planned_on"] = first_day
    written = writing.write(record, values, lists, by=by, reason=reason)
    replan = save_replan(replan_of(record, day, reason), by=by) if day else None
    return written or replan is not None, replan


def plain(record: Any, field: Any) -> Any:
    value = getattr(record, field.attname)
    return normalize_text(value) if isinstance(value, str) else value


def is_entered_today(stored: Any) -> bool:
    """Whether the record was entered today and never replanned: another day corrects a typing error."""
    first = stored.history.order_by("history_id").values_list("history_date", flat=True).first()
    is_of_today = first and timezone.localdate(first) == timezone.localdate()  # both by the clock, as histories are
    return bool(is_of_today and not stored.all_replans)


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
    """Accept a request from today on, or refuse it with a remark. Raises PermissionDenied without the permission,
    ValidationError for one that is decided already, and Conflict for one that was withdrawn.
    """
    if not may_decide(by):
        raise PermissionDenied(_("The ministry decides it."))
    replan = writing.locked(Replan, replan.pk)
    writing.check_changeable(replan)
    check_waiting(replan)
    decision = {"accepted": accepted, "remark": remark, "decided_by": by, "decided_on": today()}
    writing.write(replan, decision, by=by, reason=reason, allowed=True)
    return replan


@transaction.atomic
def withdraw_replan(replan: Replan, *, by: Any, reason: str = "") -> None:
    """Withdraw a request that waits. Raises PermissionDenied for people who did not ask, ValidationError and Conflict
    as above.
    """
    replan = writing.locked(Replan, replan.pk, deleting=True)
    writing.check_changeable(replan)
    if replan.asked_by_id is None or replan.asked_by_id != by.pk:
        raise PermissionDenied(_("Who asked for it withdraws it."))
    check_waiting(replan)
    writing.delete(replan, by=by, reason=reason, allowed=True)


def check_waiting(replan: Replan) -> None:
    if replan.accepted is not None:
        text = _("It was decided on %(day)s. Ask for another day instead.") % {"day": format_date(replan.decided_on)}
        raise ValidationError(text, code="state")


# -- replanning -----------------------------------------------------------------------------------------


TITLES = ("title_zh", "title_en")
"""What a key milestone is about: another title makes it another promise. Other milestones may be renamed."""
DECISIVE_FIELDS: Mapping[type[Any], tuple[str, ...]] = {
    Milestone: ("planned_on", "is_key", *TITLES),
    Target: ("kind", "base_year", "base_value", "target_year", "target_value", "binding", "steps"),
}
"""The fields of each kind of record by which a light is judged, of those that are planned and not observed."""
ENTERED_LATE_AFTER = timedelta(days=30)
"""A completion entered longer after the day that it names is named beside the light."""

Version = Mapping[str, Any]
"""A history entry: who made it, its local day `on`, the decisive fields, and of a milestone `completed_on`."""


@dataclass
class Replanning:
    """Record with a changed value that decides a light, or with a completion entered late.

    `on` is the day of the last such change; `was` holds the first values of the changed fields, of a deleted record all
    of them. `completion` has the two days `completed_on` and `entered_on` of one entered long after its day; where
    nothing else was changed, `was` is empty and `on` the day of that entry.
    """

    record: Any  # a milestone by its names on the day, a target without an indicator where it has been deleted
    on: date
    was: Mapping[str, Any]
    deleted: bool = False
    completion: Mapping[str, date] | None = None
    reason: str = ""  # of the accepted replan

    @property
    def pk(self) -> int:
        return self.record.pk  # type: ignore[no-any-return]

    @property
    def kind(self) -> str:
        """Kind of record: milestone, stage entry or target."""
        return str(self.record._meta.model_name)

    @property
    def latest(self) -> date:
        """Day of the last entry that is shown."""
        return max(self.on, self.completion["entered_on"]) if self.completion else self.on

    @property
    def text(self) -> str:
        """Its changes since entry with their day and the first values, and a completion entered late.

        For example `replanned on 26 November 2026, was due 17 July 2026`.
        """
        due = self.was.get("planned_on")
        columns = [self.record._meta.get_field(name) for name in self.was if name != "planned_on"]
        labels = {"steps": _("steps on the way")}
        fields = {
            labels.get(column.name) or str(column.verbose_name): value_text(column, self.was[column.name])
            for column in columns
        }
        rest = join_long(label_value(label, value) for label, value in fields.items())
        words = {"on": format_date(self.on), "was": format_date(due) if due else rest, "rest": rest}
        text = ""
        if self.deleted:
            text = _("deleted on %(on)s, was due %(was)s") if due else _("deleted on %(on)s, was %(was)s")
        elif due:
            text = _("replanned on %(on)s, was due %(was)s")
            if rest:
                text = _("replanned on %(on)s, was due %(was)s, %(rest)s")
        elif len(fields) == 1:
            text = _("%(field)s changed on %(on)s, was %(was)s")
            words["field"], words["was"] = next(iter(fields.items()))
        elif fields:
            text = _("changed on %(on)s, was %(was)s")
        clauses = [text % words]
        if due and self.reason and not self.deleted:
            clauses = [label_value(text % words, self.reason)]
        if self.completion:
            days = {"on": self.completion["entered_on"], "day": self.completion["completed_on"]}
            text = _("completion entered on %(on)s for %(day)s")
            clauses.append(text % {name: format_date(day) for name, day in days.items()})
        return join_clauses(filter(None, clauses))

    @property
    def name(self) -> str:
        """Name of the record; a deleted target is listed as "Target", since its indicator is not kept."""
        if isinstance(self.record, Target):
            return self.record.indicator.name if self.record.indicator_id else _("Target")
        return self.record.name if isinstance(self.record, Milestone) else str(self.record)

    @property
    def anchor(self) -> str:
        """Place on the page of the pilot; empty once deleted."""
        if self.deleted or (isinstance(self.record, Target) and not self.record.indicator_id):
            return ""
        return str(self.record.anchor)


def value_text(field: Any, value: object) -> str:
    """Return a plan field's value as text: amounts with thousands separators, all else as histories have it."""
    if isinstance(value, Decimal):
        return format_amount(value)
    if isinstance(value, dict):
        return join_long(label_value(year, format_amount(step)) for year, step in value.items()) or _("none")
    return field_text(field, value, {})


class PlanHistory:
    """Plan histories of some pilots, read on first access for all of them."""

    def __init__(self, pilots: Iterable[int]) -> None:
        self.pilots = list(pilots)

    @cached_property
    def versions(self) -> Mapping[int, Mapping[tuple[type[Any], int], list[Version]]]:
        """Versions by pilot and record, oldest first, of records changed after their entry."""
        by_record: dict[int, dict[tuple[type[Any], int], list[Any]]] = defaultdict(lambda: defaultdict(list))
        for model, fields in DECISIVE_FIELDS.items():
            more = ["completed_on"] if model is Milestone else []
            history: Any = model.history
            changed = Q(id__in=history.filter(history_type__in=["~", "-"]).order_by().values("id"))
            rows = history.filter(changed, pilot_id__in=self.pilots).order_by("history_date", "history_id")
            for row in rows.values("id", "pilot_id", "history_date", "history_type", "history_user_id", *fields, *more):
                # by the clock, which a demonstration lets run past the day that it calls today
                row["on"] = min(timezone.localdate(row["history_date"]), today())
                if "steps" in row:
                    row["steps"] = dict(Target(steps=row["steps"]).yearly_steps)
                by_record[row["pilot_id"]][model, row["id"]].append(row)
        return by_record

    def replanned(self, pilot: Any, as_of: date) -> list[Replanning]:
        """Return what of a pilot's plan was changed by the day, latest change first."""
        planned = (*pilot.prefetched_milestones, *pilot.prefetched_stages)
        records = {(type(record), record.pk): record for record in (*planned, *pilot.prefetched_targets)}
        replannings: dict[tuple[type[Any], int], Replanning] = {}
        for (model, key), versions in self.versions.get(pilot.pk, {}).items():
            known = [row for row in versions if row["on"] <= as_of]
            if known:  # a milestone is called as it was on the day
                names = {name: known[-1][name] for name in TITLES} if model is Milestone else {}
                record = model(pk=key, **names) if names else records.get((model, key), Target(pk=key))
                if item := find_replanning(record, known):
                    replannings[model, key] = item
        for record in planned:  # the accepted replan in force; moved back to the first day it is as planned
            accepted = record.accepted_replans(as_of)
            if accepted and accepted[-1].day != record.planned_on:
                replan, record_key = accepted[-1], (type(record), record.pk)
                item = replannings.setdefault(record_key, Replanning(record, replan.decided_on, {}))
                item.on = max(replan.decided_on, item.on) if item.was else replan.decided_on
                item.was, item.reason = {**item.was, "planned_on": record.planned_on}, replan.reason
        return sorted(replannings.values(), key=lambda item: (item.latest, item.pk), reverse=True)


def find_replanning(record: Any, versions: Sequence[Version]) -> Replanning | None:
    """Return how the newest of the versions differs from the first; None where it does not.

    Titles count where the milestone was key at first or is now; filling an empty title is a translation, not a change.
    """
    entry, last = versions[0], versions[-1]
    who = (entry["on"], entry["history_user_id"])
    first = list(takewhile(lambda row: (row["on"], row["history_user_id"]) == who, versions))[-1]
    if first["history_type"] == "-":  # deleted on the same day by its author
        return None
    changed = list(DECISIVE_FIELDS[type(record)])
    if last["history_type"] == "-":
        return Replanning(record, last_change(versions, changed), {name: first[name] for name in changed}, deleted=True)
    key = first.get("is_key") or last.get("is_key")
    changed = [name for name in changed if first[name] != last[name] and (name not in TITLES or (first[name] and key))]
    completion, day = None, last.get("completed_on")
    if day and day != first["completed_on"]:  # entered later than the record, and perhaps long after its date
        entered: date = list(takewhile(lambda row: row["completed_on"] == day, reversed(versions)))[-1]["on"]
        if entered - day > ENTERED_LATE_AFTER:
            completion = {"completed_on": day, "entered_on": entered}
    if not changed and completion is None:
        return None
    on = last_change(versions, changed) if changed or not completion else completion["entered_on"]
    return Replanning(record, on, {name: first[name] for name in changed}, completion=completion)


def last_change(versions: Sequence[Version], names: Sequence[str]) -> date:
    """Return the last day on which one of these fields was changed, or the record deleted."""
    held = [None if row["history_type"] == "-" else [row[name] for name in names] for row in versions]
    return next(versions[at]["on"] for at in range(len(versions) - 1, 0, -1) if held[at] != held[at - 1])  # type: ignore[no-any-return]
