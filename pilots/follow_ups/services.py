"""Services of follow-ups: opening them and taking their steps, each in one transaction.

Who may make which move is in TRANSITIONS alone (pilots/metrics/follow_up_states.py). Steps are only ever added; the
follow-up's row is locked while one is, so that of two users one is first and the other hears of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import IntegerField, Max, QuerySet
from django.db.models.functions import Cast, Substr
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import override

from core.http.as_of import today
from core.permissions import has_object_permission
from core.records import writing
from pilots.analytics.explanations import main_explanation, milestone_text
from pilots.analytics.pilot_status import PilotStatus, pilot_status
from pilots.documents.services import attach
from pilots.follow_ups import metrics
from pilots.follow_ups.analytics import FollowUpStatus, cause_indicator_status, cause_milestone_status, follow_up_status
from pilots.lights import Colour
from pilots.metrics.follow_up_states import REOPEN_DAYS, TRANSITIONS, Actor, FollowUpState, Move, Transition
from pilots.models import Cause, Document, FollowUp, FollowUpNumber, FollowUpStep
from pilots.models.follow_up import VERIFY_PERMISSION
from policies.models import Source

MAX_REASON = 500  # characters of the reason of a cause


class StaleFollowUpError(Exception):
    """Nothing was written: another step was taken after the user looked. `newest` is that step."""

    def __init__(self, newest: FollowUpStep) -> None:
        super().__init__(
            _("Another user took a step meanwhile: %(step)s on %(day)s. Look at it, then try again.")
            % {"step": newest.get_move_display(), "day": date_format(newest.taken_on)}
        )
        self.newest = newest


class RejectedFollowUpsError(Exception):
    """None was opened; `errors` holds the errors by place in the list."""

    def __init__(self, errors: Mapping[int, ValidationError]) -> None:
        super().__init__(", ".join(str(place) for place in errors))
        self.errors = errors


# -- opening -----------------------------------------------------------------------------------------------


@transaction.atomic
def open_follow_up(follow_up: FollowUp, *, by: User, sources: Sequence[Source] = (), reason: str = "") -> FollowUp:
    """Save a new follow-up with its number, the light of its cause as it was that day, and its first step.

    A number that it has already (an import’s) is kept, if it was never given to another. Raises ValidationError by
    field, and PermissionDenied without the permission.
    """
    if follow_up.pilot:
        follow_up.province = follow_up.pilot.province
    if not may_open(by, follow_up):
        raise PermissionDenied
    check_opening(follow_up)
    if follow_up.number:
        others = FollowUp.history.filter(number=follow_up.number).exclude(id=follow_up.pk)
        if others.exists():
            message = _("The number %(number)s was given already. Leave it empty: the next one is filled in.")
            raise ValidationError(
                {"number": ValidationError(message, code="unique", params={"number": follow_up.number})}
            )
    else:
        follow_up.number = next_number(follow_up.opened_on.year)
    record_cause(follow_up)
    writing.write(follow_up, lists={"sources": sources}, by=by, reason=reason, allowed=True)
    writing.write(opening_step(follow_up, by), by=by, allowed=True)
    return follow_up


def opening_step(follow_up: FollowUp, by: User | None) -> FollowUpStep:
    """Return the first step of a follow-up, unsaved."""
    return FollowUpStep(
        follow_up=follow_up,
        seq=1,
        taken_on=follow_up.opened_on,
        move=Move.OPEN,
        state=FollowUpState.OPENED,
        author=by,
    )


def may_open(user: User, follow_up: FollowUp) -> bool:
    """Whether the user may open this follow-up: the ministry's permission to verify them, within the scope."""
    return user.has_perm(VERIFY_PERMISSION, follow_up)


def check_opening(follow_up: FollowUp) -> None:
    """Validate what the user gives, the number and the kept light aside. Raises ValidationError by field."""
    errors: dict[str, list[ValidationError]] = {}
    try:
        follow_up.full_clean(exclude=["number"])
    except ValidationError as exc:
        exc.update_error_dict(errors)
    try:
        check_verifier(follow_up, follow_up.verifier)
    except ValidationError as exc:
        exc.update_error_dict(errors)
    if errors:
        raise ValidationError(errors)


def check_verifier(follow_up: FollowUp, verifier: User | None) -> None:
    """Raise ValidationError for a user who may not verify the follow-up."""
    if verifier and not (verifier.is_active and verifier.has_perm(VERIFY_PERMISSION, follow_up)):
        message = _("This user may not verify follow-ups. Name an editor of the ministry, or leave it empty.")
        raise ValidationError({"verifier": ValidationError(message, code="not_permitted")})


@transaction.atomic
def open_follow_ups(items: Sequence[FollowUp], *, by: User) -> list[FollowUp]:
    """Open several follow-ups, all or none. Raises RejectedFollowUpsError with the errors of each place."""
    errors: dict[int, ValidationError] = {}
    for place, item in enumerate(items):
        try:
            with transaction.atomic():
                open_follow_up(item, by=by)
        except ValidationError as exc:
            errors[place] = exc
    if errors:
        for item in items:
            item.pk, item.number = None, ""
            item._state.adding = True
        raise RejectedFollowUpsError(errors)
    return list(items)


# -- the light that caused it ------------------------------------------------------------------------------


def record_cause(follow_up: FollowUp) -> None:
    """Set the colour of the cause on the day of opening and its reason in both languages, kept as they were."""
    colours: set[Colour] = set()
    for language, name in (("en", "cause_reason_en"), ("zh-hans", "cause_reason_zh")):
        reason = ""
        if follow_up.cause and follow_up.pilot:
            with override(language):
                colour, reason = cause_on(follow_up, pilot_status(follow_up.pilot, follow_up.opened_on))
            colours.add(colour)
        setattr(follow_up, name, reason[:MAX_REASON])
    follow_up.cause_colour = colours.pop() if colours else ""


def cause_on(follow_up: FollowUp, status: PilotStatus) -> tuple[Colour, str]:
    """Return the colour of the cause on a day, and its reason in the active language.

    Raises ValidationError where the pilot has no target for the indicator.
    """
    if follow_up.cause == Cause.INDICATOR and follow_up.cause_indicator_id:
        found = cause_indicator_status(status.pilot, follow_up.cause_indicator_id, status.as_of)
        if found is None:
            message = _("This pilot has no target for this indicator, so its light caused nothing.")
            raise ValidationError({"cause_indicator": ValidationError(message, code="no_target")})
        return found.light.colour, found.sentence
    if follow_up.cause == Cause.MILESTONE and follow_up.cause_milestone_id:
        item = cause_milestone_status(status.pilot, follow_up.cause_milestone_id, status.as_of)
        if item is not None:  # another pilot's is rejected by the model
            return item.light.colour, milestone_text(item.light, item.milestone.name)
    return status.colour, main_explanation(status)


# -- steps -------------------------------------------------------------------------------------------------


def allowed_moves(status: FollowUpStatus, user: User) -> list[Move]:
    """Return the moves that the user may make today, in the order of the table."""
    return [
        move
        for (state, move), transition in TRANSITIONS.items()
        if state == status.state
        and is_permitted(status.follow_up, status.steps, transition, user)
        and not (move == Move.REOPEN and is_too_late(status.steps, today()))
    ]


def is_permitted(follow_up: FollowUp, steps: Sequence[FollowUpStep], transition: Transition, user: User) -> bool:
    """Whether the user is one who may make the move."""
    if transition.actor == Actor.OWNER:
        return has_object_permission(user, "change", follow_up)
    if not user.has_perm(VERIFY_PERMISSION, follow_up):
        return False
    return transition.actor == Actor.MINISTRY or not verifier_objection(follow_up, steps, user)


def verifier_objection(follow_up: FollowUp, steps: Sequence[FollowUpStep], user: User) -> str:
    """Return why the user, who has the permission, may not verify this report; empty if nothing is against it."""
    reports = [step.author_id for step in steps if step.move == Move.REPORT]
    if follow_up.owner_user_id == user.pk:
        return _("You are responsible for it: another user must verify it.")
    if reports and reports[-1] == user.pk:
        return _("You reported it: another user must verify it.")
    if follow_up.verifier_id not in (None, user.pk):
        return _("Another user is named to verify it.")
    return ""


def is_too_late(steps: Sequence[FollowUpStep], day: date) -> bool:
    """Whether a closed follow-up can no longer be reopened on a day."""
    return day > steps[-1].taken_on + timedelta(REOPEN_DAYS)


@transaction.atomic
def take_step(
    follow_up: FollowUp,
    move: Move,
    *,
    by: User,
    taken_on: date | None = None,
    remark: str = "",
    new_due_on: date | None = None,
    files: Sequence[Document] = (),
    seen_seq: int | None = None,
) -> FollowUpStep:
    """Add a step with its files, and return it.

    Raises StaleFollowUpError if the newest step is not `seen_seq`; PermissionDenied if the user may not make the move;
    ValidationError by field if there is no such move in this state or it lacks something. Nothing is written then.
    """
    locked = writing.locked(FollowUp, follow_up.pk)
    steps = list(locked.steps.order_by("seq"))
    newest = steps[-1]
    if not (has_object_permission(by, "change", locked) or by.has_perm(VERIFY_PERMISSION, locked)):
        raise PermissionDenied
    if seen_seq not in (None, newest.seq):
        raise StaleFollowUpError(newest)
    state = FollowUpState(newest.state)
    transition = TRANSITIONS.get((state, move))
    if transition is None:
        message = _("Not possible now: it stands at “%(state)s”. Possible steps: %(moves)s.")
        possible = [other.value for start, other in TRANSITIONS if start == state]  # the words that the API takes
        params = {"state": state.label, "moves": ", ".join(possible) or _("none")}
        raise ValidationError({"move": ValidationError(message, code="transition", params=params)})
    check_permitted(locked, steps, transition, by)
    step = FollowUpStep(
        follow_up=locked,
        seq=newest.seq + 1,
        taken_on=taken_on or today(),
        move=move,
        state=transition.state or state,
        remark=remark,
        new_due_on=new_due_on,
        author=by,
    )
    check_step(step, steps, transition, files)
    writing.write(step, by=by, allowed=True)
    for document in dict.fromkeys(files):
        try:
            attach(document, step, by=by)
        except ValidationError as exc:
            raise ValidationError({"files": exc.messages}) from exc
    return step


def check_permitted(follow_up: FollowUp, steps: Sequence[FollowUpStep], transition: Transition, user: User) -> None:
    """Raises PermissionDenied if the user may not make the move, with the reason where there is more than the role."""
    if is_permitted(follow_up, steps, transition, user):
        return
    if transition.actor == Actor.VERIFIER and user.has_perm(VERIFY_PERMISSION, follow_up):
        raise PermissionDenied(verifier_objection(follow_up, steps, user))
    raise PermissionDenied


def check_step(
    step: FollowUpStep, steps: Sequence[FollowUpStep], transition: Transition, files: Sequence[Document]
) -> None:
    """Validate a step against those before it. Raises ValidationError by field."""
    errors: dict[str, list[ValidationError]] = {}
    try:
        step.full_clean(exclude=["follow_up"])
    except ValidationError as exc:
        exc.update_error_dict(errors)
    found = []
    if transition.note and not step.remark.strip():
        found.append(("remark", ValidationError(_("Say in a remark what was done or why."), code="required")))
    if step.move == Move.VERIFY and not step.remark.strip():
        now = follow_up_status(step.follow_up, step.taken_on).cause_colour_now
        if now and metrics.is_unchanged(step.follow_up.cause_colour, now):
            message = _(
                "The light that caused it is no better (%(colour)s): say in a remark why it is closed all the same."
            )
            found.append(("remark", ValidationError(message, code="required", params={"colour": now.label})))
    if transition.evidence and step.follow_up.is_key and not files:
        message = _("This is a key follow-up: attach a file that shows that it is done.")
        found.append(("files", ValidationError(message, code="required")))
    if step.taken_on < steps[-1].taken_on:
        message = _("The step before it was taken on %(day)s. Enter that day or a later one.")
        params = {"day": date_format(steps[-1].taken_on)}
        found.append(("taken_on", ValidationError(message, code="order", params=params)))
    if step.move == Move.REOPEN and is_too_late(steps, step.taken_on):
        message = _("It was closed more than %(days)d days ago. Open a new follow-up instead.")
        found.append(("move", ValidationError(message, code="too_late", params={"days": REOPEN_DAYS})))
    due = due_objection(step, steps, transition)
    for name, error in [*found, ("new_due_on", due)] if due else found:
        errors.setdefault(name, []).append(error)
    if errors:
        raise ValidationError(errors)


def due_objection(step: FollowUpStep, steps: Sequence[FollowUpStep], transition: Transition) -> ValidationError | None:
    """Return what is wrong with the new due date of a step, or None."""
    if not transition.new_due:
        unwanted = _("This step sets no due date. Leave it empty, or extend it in a step of its own.")
        return ValidationError(unwanted, code="not_allowed") if step.new_due_on else None
    if step.new_due_on is None:
        return ValidationError(_("Give the new day by which it is due."), code="required")
    if step.new_due_on < step.taken_on:
        return ValidationError(_("The new due date lies before the step. Enter a later day."), code="order")
    before = metrics.due_after(step.follow_up.due_on, steps)
    if step.move == Move.EXTEND and step.new_due_on <= before:
        message = _("It is due on %(day)s already. Extending moves it to a later day.")
        return ValidationError(message, code="order", params={"day": date_format(before)})
    return None


# -- numbers: year and serial number, given once and never again --------------------------------------------


SERIAL = Cast(Substr("number", 6), IntegerField())


def next_number(year: int) -> str:
    """Return the next number of a year; within a transaction, until whose end nobody else is given one of the year.

    Higher than any that was ever used, by a record that is deleted or imported with its own number too.
    """
    row, _created = FollowUpNumber.objects.select_for_update().get_or_create(year=year)
    row.last_serial = max(
        row.last_serial, highest_serial(FollowUp.objects.all(), year), highest_serial(FollowUp.history.all(), year)
    )
    row.last_serial += 1
    row.save()
    return f"{year}-{row.last_serial:03}"


def highest_serial(rows: QuerySet, year: int) -> int:
    """Return the highest serial number of a year among follow-ups or their history entries; 0 without any."""
    return rows.filter(number__startswith=f"{year}-").order_by().aggregate(highest=Max(SERIAL))["highest"] or 0
