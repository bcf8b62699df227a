"""Follow-ups: opening one and taking its steps, each in one transaction; the light that caused one; and the numbers of
many, of which nothing is stored.

Who may make which move is in TRANSITIONS alone (pilots/metrics.py). Steps are only ever added; the
follow-up's row is locked while one is, so that of two users one is first and the other hears of it.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta
from itertools import count
from typing import Any

from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Count, Exists, IntegerField, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Cast, Substr
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import override

from core.days import today
from core.permissions import has_object_permission, in_scope
from core.records import writing
from pilots.analytics.pilot_status import PilotStatus, pilot_status
from pilots.analytics.progress import Counts, count_lights
from pilots.documents import attach
from pilots.follow_ups.models import RESULTS, VERIFY_PERMISSION
from pilots.lights import Colour
from pilots.metrics import (
    OPEN_STATES,
    OWNER_STATES,
    RELAPSE_DAYS,
    REOPEN_DAYS,
    TRANSITIONS,
    Actor,
    FollowUpState,
    Move,
    Transition,
)
from pilots.models import Document, FollowUp, FollowUpStep, Pilot
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


# -- opening -----------------------------------------------------------------------------------------------


@transaction.atomic
def open_follow_up(follow_up: FollowUp, *, by: User, sources: Sequence[Source] = (), reason: str = "") -> FollowUp:
    """Save a new follow-up with its number, the light of its cause as it was that day, and its first step.

    Raises ValidationError by field, and PermissionDenied without the permission.
    """
    if follow_up.pilot:
        follow_up.province = follow_up.pilot.province
    if not by.has_perm(VERIFY_PERMISSION, follow_up):
        raise PermissionDenied
    follow_up.full_clean(exclude=["number"])  # before a number is given
    follow_up.number = next_number(follow_up.opened_on.year)
    record_cause(follow_up)
    writing.write(follow_up, lists={"sources": sources}, by=by, reason=reason, allowed=True)
    writing.write(opening_step(follow_up, by), by=by, allowed=True)
    return follow_up


def opening_step(follow_up: FollowUp, by: User | None) -> FollowUpStep:
    """Return the first step of a follow-up, unsaved."""
    day, state = follow_up.opened_on, FollowUpState.OPENED
    return FollowUpStep(follow_up=follow_up, seq=1, taken_on=day, move=Move.OPEN, state=state, author=by)


def next_number(year: int, taken: Collection[str] = ()) -> str:
    """Return the next number of a year, not one of `taken`; in a transaction, until whose end nobody else is given one.

    Higher than any that was ever used, by a record that is deleted or imported with its own number too.
    """
    ContentType.objects.select_for_update(no_key=True).get(app_label="pilots", model="followup")
    serial, last = Cast(Substr("number", 6), IntegerField()), 0
    for rows in (FollowUp.objects.all(), FollowUp.history.all()):
        used = rows.filter(number__startswith=f"{year}-").order_by().aggregate(highest=Max(serial))["highest"]
        last = max(last, used or 0)
    free = (number for serial in count(last + 1) if (number := f"{year}-{serial:03}") not in taken)
    return next(free)


# -- the light that caused it ------------------------------------------------------------------------------


def record_cause(follow_up: FollowUp) -> None:
    """Set the colour of the cause on the day of opening and its reason in both languages, kept as they were."""
    follow_up.cause_colour = follow_up.cause_reason_en = follow_up.cause_reason_zh = ""
    if not (follow_up.cause and follow_up.pilot):
        return
    for language, name in (("en", "cause_reason_en"), ("zh-hans", "cause_reason_zh")):
        with override(language):
            colour, reason = cause_on(follow_up, pilot_status(follow_up.pilot, follow_up.opened_on))
        follow_up.cause_colour = colour
        setattr(follow_up, name, reason[:MAX_REASON])


def cause_on(follow_up: FollowUp, status: PilotStatus) -> tuple[Colour, str]:
    """Return the colour of the cause on a day, and its reason in the active language.

    Of a pilot both are the computed ones: a light set by hand causes nothing and clears nothing.
    """
    cause = follow_up.cause_target_id, follow_up.cause_milestone_id
    for light in (*status.indicators, *status.milestones):
        if light.cause == cause:
            return light.colour, light.sentence
    return status.computed, status.told(status.reasons[0])  # what is another pilot's is rejected by the model


def closing_colour(follow_up: FollowUp, day: date) -> str:
    """Return the colour of the cause on the day of the step that closes it, as it is known now; empty without one."""
    rows: Any = FollowUp.objects.with_state(day).with_cause(day).filter(pk=follow_up.pk)
    return rows.values_list("cause_colour_now", flat=True).first() or ""


def is_no_better(at_opening: str, now: str | None) -> bool:
    """Whether the light of a cause is no better than at the opening. One that was green then has nothing to improve."""
    return at_opening not in {"", Colour.GREEN} and (
        now == at_opening or (at_opening, now) == (Colour.YELLOW, Colour.RED)
    )


# -- steps -------------------------------------------------------------------------------------------------


def allowed_moves(follow_up: FollowUp, user: User) -> list[Move]:
    """Return the moves that the user may make today, in the order of the table; the follow-up is `with_state`."""
    return [
        move
        for (state, move), transition in TRANSITIONS.items()
        if state == follow_up.state
        and is_permitted(follow_up, transition, user)
        and not (move == Move.REOPEN and is_too_late(follow_up, today()))
    ]


def may_act(user: Any, follow_up: FollowUp) -> bool:
    """Whether a follow-up is within the scope of an editor."""
    return user.is_authenticated and (
        has_object_permission(user, "change", follow_up) or user.has_perm(VERIFY_PERMISSION, follow_up)
    )


def is_permitted(follow_up: FollowUp, transition: Transition, user: User) -> bool:
    """Whether the user is one who may make the move."""
    if transition.actor == Actor.OWNER:
        return has_object_permission(user, "change", follow_up)
    if not user.has_perm(VERIFY_PERMISSION, follow_up):
        return False
    return transition.actor == Actor.MINISTRY or not verifier_objection(follow_up, user)


def verifier_objection(follow_up: FollowUp, user: User) -> str:
    """Return why the user, who has the permission, may not verify this report; empty if nothing is against it."""
    if follow_up.owner_user_id == user.pk:
        return _("You are responsible for it: another user must verify it.")
    if follow_up.reported_by == user.pk:
        return _("You reported it: another user must verify it.")
    if follow_up.verifier_id not in (None, user.pk):
        return _("Another user is named to verify it.")
    return ""


def waiting_for(user: Any, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Filter follow-ups `with_state` whose next move is the user's: to verify what is reported, else to sign or report.

    The ministry may enter for an owner without an account, but does not have to: it waits for the ministry only once
    it is reported, or where the user is the owner.
    """
    to_do = Q(state__in=OWNER_STATES)
    if not user.has_perm(VERIFY_PERMISSION):
        return in_scope(user, rows.filter(to_do)) if user.has_perm("pilots.change_followup") else rows.none()
    is_owner, by_another = Q(owner_user=user), Q(reported_by=None) | ~Q(reported_by=user.pk)
    to_verify = Q(Q(verifier=None) | Q(verifier=user), by_another, ~is_owner, state=FollowUpState.REPORTED)
    return rows.filter(to_verify | to_do & is_owner)


def is_too_late(follow_up: FollowUp, day: date) -> bool:
    """Whether a closed follow-up can no longer be reopened on a day."""
    return day > follow_up.last_step_on + timedelta(REOPEN_DAYS)


@transaction.atomic
def take_step(
    follow_up: FollowUp,
    move: Move,
    *,
    by: User,
    files: Sequence[Document] = (),
    seen_seq: int | None = None,
    **given: Any,
) -> FollowUpStep:
    """Add a step with its files, and return it; `given` are its other fields, with or without a value.

    Raises StaleFollowUpError if the newest step is not `seen_seq`; PermissionDenied if the user may not make the move;
    ValidationError by field if there is no such move in this state or it lacks something. Nothing is written then.
    """
    writing.locked(FollowUp, follow_up.pk)
    before = FollowUp.objects.with_state(today()).get(pk=follow_up.pk)
    if not may_act(by, before):
        raise PermissionDenied
    if seen_seq not in (None, before.last_seq):
        raise StaleFollowUpError(before.steps.get(seq=before.last_seq))
    transition = TRANSITIONS.get((before.current_state, move))
    if transition is None:
        message = _("Not possible now: it stands at “%(state)s”. Possible steps: %(moves)s.")
        possible = [other.value for start, other in TRANSITIONS if start == before.state]  # the words of the API
        params = {"state": before.current_state.label, "moves": ", ".join(possible) or _("none")}
        raise ValidationError({"move": ValidationError(message, code="state", params=params)})
    if not is_permitted(before, transition, by):
        # with the reason where there is more than the role
        is_verifier = transition.actor == Actor.VERIFIER and by.has_perm(VERIFY_PERMISSION, before)
        raise PermissionDenied(*([verifier_objection(before, by)] if is_verifier else []))
    seq, state = before.last_seq + 1, transition.state or before.state
    filled = {name: value for name, value in given.items() if value}
    step = FollowUpStep(follow_up=before, seq=seq, move=move, state=state, author=by, **filled)
    if move == Move.VERIFY:
        step.cause_colour = closing_colour(before, step.taken_on)
    check_step(step, before, transition, files)
    writing.write(step, by=by, allowed=True)
    for document in dict.fromkeys(files):
        try:
            attach(document, step, by=by)
        except ValidationError as exc:
            raise ValidationError({"files": exc.messages}) from exc
    return step


def check_step(step: FollowUpStep, before: FollowUp, transition: Transition, files: Sequence[Document]) -> None:
    """Validate a step of a follow-up as it stood `before`. Raises ValidationError by field."""
    errors: dict[str, list[ValidationError]] = {}
    try:
        step.full_clean(exclude=["follow_up"])
    except ValidationError as exc:
        exc.update_error_dict(errors)
    for name, error in step_errors(step, before, transition, files):
        errors.setdefault(name, []).append(error)
    if errors:
        raise ValidationError(errors)


def step_errors(
    step: FollowUpStep, before: FollowUp, transition: Transition, files: Sequence[Document]
) -> Iterator[tuple[str, ValidationError]]:
    """Yield what a step lacks in this state of the follow-up, by field."""
    if transition.note and not step.remark.strip():
        yield "remark", ValidationError(_("Say in a remark what was done or why."), code="required")
    if step.move == Move.VERIFY and not step.remark.strip() and is_no_better(before.cause_colour, step.cause_colour):
        message = _(
            "The light that caused it is no better (%(colour)s): say in a remark why it is closed all the same."
        )
        yield "remark", ValidationError(message, code="required", params={"colour": Colour(step.cause_colour).label})
    if transition.evidence and before.is_key and not files:
        message = _("This is a key follow-up: attach a file that shows that it is done.")
        yield "files", ValidationError(message, code="required")
    if step.taken_on < before.last_step_on:
        message = _("The step before it was taken on %(day)s. Enter that day or a later one.")
        yield "taken_on", ValidationError(message, code="order", params={"day": date_format(before.last_step_on)})
    by_owner = step.move == Move.REPORT and not step.author.has_perm(VERIFY_PERMISSION, before)
    if by_owner and step.taken_on < today():
        message = _("A report counts from the day on which it is entered. Only the ministry enters an earlier day.")
        yield "taken_on", ValidationError(message, code="not_allowed")
    if step.move == Move.REOPEN and is_too_late(before, step.taken_on):
        message = _("It was closed more than %(days)d days ago. Open a new follow-up instead.")
        yield "move", ValidationError(message, code="too_late", params={"days": REOPEN_DAYS})
    yield from (("new_due_on", error) for error in due_errors(step, before, transition))


def due_errors(step: FollowUpStep, before: FollowUp, transition: Transition) -> Iterator[ValidationError]:
    """Yield what is wrong with the new due date of a step."""
    due = step.new_due_on
    if not transition.new_due:
        if due:
            message = _("This step sets no due date. Leave it empty, or extend it in a step of its own.")
            yield ValidationError(message, code="not_allowed")
    elif due is None:
        yield ValidationError(_("Give the new day by which it is due."), code="required")
    elif due < step.taken_on:
        message = _("The new due date lies before the step. Enter a later day.")
        yield ValidationError(message, code="order")
    elif step.move == Move.EXTEND and due <= before.current_due_on:
        message = _("It is due on %(day)s already. Extending moves it to a later day.")
        yield ValidationError(message, code="order", params={"day": date_format(before.current_due_on)})


# -- numbers of many ------------------------------------------------------------------------------------


def share(n: int, of: int) -> dict[str, Any]:
    """Return part of a whole, both as numbers; `percent` is None for a part of nothing."""
    return {"n": n, "of": of, "percent": 100 * n / of if of else None}


def count_follow_ups(rows: Any, as_of: date) -> dict[str, Any]:
    """Return the numbers of follow-ups `with_state` of the day, which page and API show; each share with its whole."""
    is_open, is_closed, red = Q(state__in=OPEN_STATES), Q(state=FollowUpState.CLOSED), RESULTS["caused"]
    counted = {
        **{state.value: Q(state=state) for state in FollowUpState},
        "open": is_open,
        "key_open": is_open & Q(is_key=True),
        "overdue": Q(is_overdue=True),
        "in_time": Q(closed_in_time=True),
        "extended": Q(times_extended__gt=0),
        "red_open": red & is_open,
        "red_closed": red & is_closed,
        "red_withdrawn": red & Q(state=FollowUpState.WITHDRAWN),
        **RESULTS,
        "watched": RESULTS["relapsed"] | RESULTS["cleared"] & Q(closed_on__lte=as_of - timedelta(RELAPSE_DAYS)),
    }
    n = rows.with_cause(as_of).aggregate(
        total=Count("pk"), **{name: Count("pk", filter=each) for name, each in counted.items()}
    )
    return {
        "as_of": as_of,
        "total": n["total"],
        "by_state": {state.value: n[state] for state in FollowUpState},
        "open": n["open"],
        "to_verify": n[FollowUpState.REPORTED],
        "key_open": n["key_open"],
        "closed": n[FollowUpState.CLOSED],
        "withdrawn": n[FollowUpState.WITHDRAWN],
        "overdue": share(n["overdue"], n["open"]),
        "closed_in_time": share(n["in_time"], n[FollowUpState.CLOSED]),
        "extended": share(n["extended"], n["total"]),
        # of those whose cause was red at the opening and is rated on the closing day
        "cleared": share(n["cleared"], n["cleared"] + n["still_red"]),
        "relapsed": share(n["relapsed"], n["cleared"]),
        "not_watched_yet": n["cleared"] - n["watched"],
        "red": {
            "opened": n["caused"],
            **{name: n[f"red_{name}"] for name in ("open", "closed", "withdrawn")},
            **{name: n[name] for name in ("cleared", "still_red", "not_rated", "relapsed", "watched")},
        },
    }


def count_red_lights(as_of: date) -> tuple[int, int, Counts]:
    """Return how many pilots in the programme are red on the day, how many of these have an open follow-up, and of all
    the lights set by hand, by computed colour.
    """
    listed: Any = Pilot.objects.listed(as_of)
    lights = count_lights(listed, as_of)[0]
    is_followed = Exists(FollowUp.objects.with_state(as_of).open().filter(pilot=OuterRef("pk")))
    followed = listed.with_light(as_of).filter(is_followed, light_colour=Colour.RED).count()
    return lights.lights[Colour.RED], followed, lights.by_hand
