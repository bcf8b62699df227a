"""Follow-ups: opening one and taking its steps, each in one transaction; the light that caused one, on any day; and the
numbers of many, of which nothing is stored.

Who may make which move is in TRANSITIONS alone (pilots/metrics.py). Steps are only ever added; the
follow-up's row is locked while one is, so that of two users one is first and the other hears of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import count
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import IntegerField, Max
from django.db.models.functions import Cast, Substr
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import override

from core.http import today
from core.permissions import has_object_permission
from core.records import writing
from pilots.analytics.pilot_status import (
    PilotStatus,
    count_by_hand,
    light_change_dates,
    pilot_status,
    prefetch_for_status,
    status_by_pilot,
)
from pilots.documents import attach
from pilots.lights import Colour, Light
from pilots.metrics import (
    RELAPSE_DAYS,
    REOPEN_DAYS,
    TRANSITIONS,
    Actor,
    FollowUpState,
    Move,
    Transition,
)
from pilots.models import Cause, Document, FollowUp, FollowUpStep, Pilot
from pilots.models.follow_up import VERIFY_PERMISSION
from policies.metrics import median_days
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

    A number that it has already (an import’s) is kept, if it was never given to another. Raises ValidationError by
    field, and PermissionDenied without the permission.
    """
    if follow_up.pilot:
        follow_up.province = follow_up.pilot.province
    if not by.has_perm(VERIFY_PERMISSION, follow_up):
        raise PermissionDenied
    follow_up.full_clean(exclude=["number"])  # before a number is given
    if not follow_up.number:
        follow_up.number = next_number(follow_up.opened_on.year)
    elif FollowUp.history.filter(number=follow_up.number).exclude(id=follow_up.pk).exists():
        message = _("The number %(number)s was given already. Leave it empty: the next one is filled in.")
        raise ValidationError({"number": ValidationError(message, code="unique", params={"number": follow_up.number})})
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
    Raises ValidationError where the pilot has no target for the indicator.
    """
    item = None
    if follow_up.cause != Cause.PILOT:
        item = cause_light(status, cause_key(follow_up))
    if item is not None:
        return item.colour, item.sentence
    if follow_up.cause == Cause.INDICATOR and follow_up.cause_indicator_id:
        message = _("This pilot has no target for this indicator, so its light caused nothing.")
        raise ValidationError({"cause_indicator": ValidationError(message, code="no_target")})
    return status.computed, status.reasons[0].sentence  # another pilot's milestone is rejected by the model


CauseKey = tuple[str, int | None]
"""What a cause is, within its pilot: its kind, and the key of the indicator or the milestone."""


def cause_key(follow_up: FollowUp) -> CauseKey:
    return follow_up.cause, follow_up.cause_indicator_id or follow_up.cause_milestone_id


def cause_light(status: PilotStatus, cause: CauseKey) -> Light | None:
    """Return the light of the target or milestone; None for the pilot itself, and for what is no longer there."""
    kind, key = cause
    if kind == Cause.INDICATOR:
        return next((item for item in status.indicators if item.record.indicator_id == key), None)
    return next((item for item in status.milestones if item.record.pk == key), None)


def cause_colour(pilot: Pilot, cause: CauseKey, day: date) -> Colour:
    """Return the colour of a cause on a day, of a pilot the computed one; grey for a target or milestone that is
    deleted since.
    """
    status = PilotStatus(pilot, day)
    if cause[0] == Cause.PILOT:
        return status.computed
    light = cause_light(status, cause)
    return light.colour if light else Colour.GREY


def cause_relapse(pilot: Pilot, cause: CauseKey, closed_on: date, as_of: date) -> date | None:
    """Return the first day after closing on which the cause is red, within RELAPSE_DAYS and up to the day, or None."""
    last = min(closed_on + timedelta(RELAPSE_DAYS), as_of)
    days = sorted({day for day in light_change_dates(pilot, last) if closed_on < day <= last})
    return next((day for day in days if cause_colour(pilot, cause, day) == Colour.RED), None)


def closing_colour(follow_up: FollowUp, day: date) -> Colour | str:
    """Return the colour of the cause on the day of the step that closes it, as it is known now; empty without one."""
    if not (follow_up.cause and follow_up.pilot_id):
        return ""
    (pilot,) = prefetch_for_status(Pilot.objects.filter(pk=follow_up.pilot_id), only_on=day)
    return cause_colour(pilot, cause_key(follow_up), day)


def add_lights(follow_ups: Sequence[FollowUp], known: Iterable[Pilot] = ()) -> None:
    """Set `cause_colour_now` and `relapsed_on` of follow-ups `with_state`.

    Their pilots are read together, but for the `known` ones, which come from `prefetch_for_status` with all years.
    """
    pilots = {pilot.pk: pilot for pilot in known}
    caused = [item for item in follow_ups if item.cause and item.pilot_id and item.pilot_id not in pilots]
    if caused:
        rows = Pilot.objects.filter(pk__in={item.pilot_id for item in caused})
        first = min(item.closed_on or item.as_of for item in caused)
        pilots |= {pilot.pk: pilot for pilot in prefetch_for_status(rows, only_on=first)}
    for item in follow_ups:
        pilot, cause = pilots.get(item.pilot_id or 0), cause_key(item)
        item.cause_colour_now = cause_colour(pilot, cause, item.as_of) if pilot and item.cause else None
        item.relapsed_on = None
        if pilot and item.cleared and item.closed_on:
            item.relapsed_on = cause_relapse(pilot, cause, item.closed_on, item.as_of)


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


def waits_for(follow_up: FollowUp, user: Any) -> bool:
    """Whether the next move is this user's: to verify what was reported, else to sign for it or report it.

    The ministry may enter for an owner without an account, but does not have to: it waits for the ministry only once
    it is reported, or where the user is the owner.
    """
    moves = allowed_moves(follow_up, user)
    if Move.VERIFY in moves:
        return True
    is_owner = follow_up.owner_user_id == user.pk or not user.has_perm(VERIFY_PERMISSION)
    return is_owner and not {Move.SIGN, Move.REPORT}.isdisjoint(moves)


def is_too_late(follow_up: FollowUp, day: date) -> bool:
    """Whether a closed follow-up can no longer be reopened on a day."""
    return day > follow_up.last_step_on + timedelta(REOPEN_DAYS)


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
    step = FollowUpStep(
        follow_up=before,
        seq=before.last_seq + 1,
        taken_on=taken_on or today(),
        move=move,
        state=transition.state or before.state,
        remark=remark,
        new_due_on=new_due_on,
        author=by,
    )
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


class Share(NamedTuple):
    """Part of a whole, both as numbers; `percent` is None for a part of nothing."""

    n: int
    of: int

    @property
    def percent(self) -> float | None:
        return 100 * self.n / self.of if self.of else None


def share(items: Iterable[object]) -> Share:
    """Return how many of the items are true."""
    flags = [bool(item) for item in items]
    return Share(sum(flags), len(flags))


class MedianDays(NamedTuple):
    """Median of durations in days, None of too few, and of how many."""

    days: float | None
    n: int

    @classmethod
    def of(cls, durations: Iterable[int]) -> MedianDays:
        days = list(durations)
        return cls(median_days(days), len(days))


class AgeBand(NamedTuple):
    """Open follow-ups by their days since the opening: how many, and how many of them are overdue."""

    first: int
    last: int | None  # None has no end
    n: int
    overdue: int


AGE_BANDS: Sequence[tuple[int, int | None]] = ((0, 30), (31, 90), (91, 180), (181, None))


class RedCauses:
    """What became of the follow-ups that a red light caused: from red to follow-up to cleared.

    opened = open + closed + withdrawn; closed = cleared + still_red + not_rated, by the light on the closing day.
    """

    def __init__(self, follow_ups: Sequence[FollowUp], known: Iterable[Pilot] = ()) -> None:
        closed = [item for item in follow_ups if item.closed_on]
        cleared = [item for item in closed if item.cleared]
        add_lights(cleared, known)
        self.opened, self.closed, self.cleared = len(follow_ups), len(closed), len(cleared)
        self.open = sum(item.current_state.is_open for item in follow_ups)
        self.withdrawn = sum(item.current_state == FollowUpState.WITHDRAWN for item in follow_ups)
        self.still_red = sum(item.cleared is False for item in closed)
        self.not_rated = sum(item.cleared is None for item in closed)
        self.relapsed = sum(item.relapsed_on is not None for item in cleared)
        # Cleared ones that have been watched for RELAPSE_DAYS, or are red again.
        self.watched = sum(item.watched or item.relapsed_on is not None for item in cleared)


class FollowUpSummary:
    """Numbers of a set of follow-ups `with_state` of a day; each share with its whole. `known` as for `add_lights`."""

    def __init__(self, rows: Iterable[FollowUp], as_of: date, known: Iterable[Pilot] = ()) -> None:
        follow_ups = list(rows)
        states = Counter(item.current_state for item in follow_ups)
        still_open = [item for item in follow_ups if item.current_state.is_open]
        closed = [item for item in follow_ups if item.closed_on]
        self.as_of, self.total, self.open = as_of, len(follow_ups), len(still_open)
        self.by_state = {state: states[state] for state in FollowUpState}
        self.to_verify, self.withdrawn = states[FollowUpState.REPORTED], states[FollowUpState.WITHDRAWN]
        self.closed = states[FollowUpState.CLOSED]
        self.key_open = sum(item.is_key for item in still_open)
        self.overdue = share(item.is_overdue for item in still_open)
        self.extended = share(item.times_extended for item in follow_ups)
        self.closed_in_time = share(item.closed_in_time for item in closed)
        self.returned = share(item.times_returned for item in follow_ups if item.reported_on)
        self.days_to_sign = MedianDays.of(
            (item.signed_on - item.opened_on).days for item in follow_ups if item.signed_on
        )
        self.days_to_close = MedianDays.of((item.closed_on - item.opened_on).days for item in closed if item.closed_on)
        self.red = red = RedCauses([item for item in follow_ups if item.cause_colour == Colour.RED], known)
        # Of the closed ones whose cause was red at the opening and is rated on the closing day.
        self.cleared = Share(red.cleared, red.cleared + red.still_red)
        self.relapsed = Share(red.relapsed, red.cleared)
        self.not_watched_yet = red.cleared - red.watched
        self.ages = []  # of the open ones, every band
        for first, last in AGE_BANDS:
            inside = [item.is_overdue for item in still_open if first <= item.age <= (last or item.age)]
            self.ages.append(AgeBand(first, last, len(inside), sum(inside)))


class RedLights(NamedTuple):
    """Red pilots on the day, how many of them have an open follow-up, and lights set by hand by computed colour."""

    red: int
    followed: int
    by_hand: dict[Colour, int]


def count_red_lights(as_of: date) -> RedLights:
    """Return how many pilots in the programme are red on the day, and how many of these have an open follow-up."""
    statuses = status_by_pilot(Pilot.objects.listed(as_of), as_of)
    red = {pilot for pilot, status in statuses.items() if status.colour == Colour.RED}
    followed = set(FollowUp.objects.with_state(as_of).open().filter(pilot__in=red).values_list("pilot", flat=True))
    by_hand = count_by_hand(statuses.values())
    return RedLights(len(red), len(followed), by_hand)
