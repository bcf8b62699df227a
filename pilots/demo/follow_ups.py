"""Follow-ups of the demonstration: of real lights of its pilots, in every state on the day, and some without a light.

Their steps are those that pilots/follow_ups/services.py would write; they are saved in bulk.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from django.contrib.auth.models import User

from pilots.analytics.pilot_status import prefetch_for_status
from pilots.demo.bulk_save import bulk_save_with_history
from pilots.demo.evidence import attach_evidence
from pilots.demo.light_spells import Spell, light_spells
from pilots.demo.practices import PILOTS_A_SET
from pilots.demo.scenarios import DemoPilot
from pilots.demo.texts import names
from pilots.demo.texts.follow_ups import (
    INDICATOR_TASK,
    INDICATOR_TITLE,
    MEETINGS,
    MILESTONE_TASK,
    MILESTONE_TITLE,
    OTHERS,
    PILOT_TASK,
    PILOT_TITLE,
    REMARKS,
)
from pilots.demo.users import demo_editor, demo_reporter
from pilots.follow_ups.services import record_cause
from pilots.metrics.follow_up_states import RELAPSE_DAYS, TRANSITIONS, FollowUpState, Move
from pilots.metrics.lights import Colour
from pilots.models import (
    FollowUp,
    FollowUpKind,
    FollowUpNumber,
    FollowUpStep,
    Indicator,
    Milestone,
    Pilot,
    Practice,
)
from policies.models import Agency, Policy, Province, Source

FIRST_DAY = date(2024, 10, 1)
OWNER_MOVES = {Move.SIGN, Move.REPORT}
NEW_DAYS = 60  # lights that have lasted for less come last: few lives fit into them
KEY_WITH_FILES = 6  # key follow-ups that are reported with a file

PlannedStep = tuple[Move, date, date | None]
"""A move, its day, and the new due date."""


@dataclass
class Life:
    """What becomes of a follow-up: its days, and the steps after the first."""

    opened_on: date
    due_on: date
    steps: list[PlannedStep] = field(default_factory=list)


@dataclass(frozen=True)
class OpenLife:
    """Life of a follow-up of a light that lasts, in days from the day of the demonstration on."""

    opened: int
    due: int
    steps: Sequence[tuple[Move, int, int | None]] = ()

    def on(self, as_of: date, earlier: int) -> Life:
        """Return the life with its days, opened and signed for some days earlier."""

        def day(days: int) -> date:
            return as_of + timedelta(days)

        steps = [
            (move, day(taken - earlier if move == Move.SIGN else taken), None if due is None else day(due))
            for move, taken, due in self.steps
        ]
        return Life(day(self.opened - earlier), day(self.due), steps)


SIGN, REPORT, VERIFY = Move.SIGN, Move.REPORT, Move.VERIFY
OPEN_LIVES: Sequence[OpenLife] = (
    OpenLife(-75, -10, [(SIGN, -70, None)]),  # overdue
    OpenLife(-62, 5, [(SIGN, -58, None), (REPORT, -6, None)]),
    OpenLife(-110, -30, [(SIGN, -104, None), (Move.EXTEND, -34, 26)]),
    OpenLife(-165, -75, [(SIGN, -160, None), (REPORT, -80, None), (VERIFY, -70, None), (Move.REOPEN, -24, 36)]),
    OpenLife(-3, 45),  # to be signed for
    OpenLife(-140, -45, [(SIGN, -136, None), (REPORT, -50, None), (VERIFY, -41, None)]),  # closed and still red
    OpenLife(-80, -25, [(SIGN, -76, None), (REPORT, -28, None), (Move.RETURN, -20, 18)]),
    OpenLife(-170, -62, [(SIGN, -164, None)]),  # overdue and without a step for long
    OpenLife(-34, 25, [(SIGN, -30, None)]),
    OpenLife(-60, 10, [(SIGN, -55, None), (Move.WITHDRAW, -21, None)]),
    OpenLife(-150, -80, [(SIGN, -146, None), (Move.EXTEND, -82, -8)]),  # overdue again
)

# Shares of the pilots that have a follow-up of each kind of spell.
RELAPSED, CLEARED, NO_DATA, LASTING, LATE = "relapsed", "cleared", "no data", "lasting", "late"
SHARES: Mapping[str, float] = {RELAPSED: 0.04, CLEARED: 0.24, NO_DATA: 0.08, LASTING: 0.34, LATE: 0.16}


def spell_kind(spell: Spell) -> str:
    """Return under which share a spell falls; empty for none."""
    if spell.colour == Colour.YELLOW:
        return LATE if spell.end else ""
    if spell.end is None:
        return LASTING
    if spell.then == Colour.GREY:
        return NO_DATA
    soon = spell.then_end and (spell.then_end - spell.end).days < RELAPSE_DAYS
    return RELAPSED if soon and spell.after == Colour.RED else CLEARED


class FollowUpGenerator:
    """Generator of the follow-ups of a programme, numbered through over its batches."""

    def __init__(self, source: Source, policies: Mapping[str, Policy], as_of: date, *, files: bool) -> None:
        self.source, self.policies, self.as_of, self.files = source, policies, as_of, files
        self.agencies = {agency.slug: agency for agency in Agency.objects.all()}
        self.provinces = list(Province.objects.roster())
        self.serials: Counter[int] = Counter()
        self.uses: Counter[int] = Counter()  # of each of OPEN_LIVES, by its day of opening

    def load(self, roles: Sequence[DemoPilot], practices: Sequence[Practice]) -> None:
        """Load the follow-ups of these pilots, of provinces, policies and practices, with their steps and files."""
        rng = Random(f"follow-ups {roles[0].pilot.slug}")  # noqa: S311  # invented records
        found = [*self.of_lights(roles, rng), *self.others(practices, max(1, len(roles) // PILOTS_A_SET), rng)]
        found.sort(key=lambda pair: pair[0].opened_on)
        keys_left = KEY_WITH_FILES
        for follow_up, life in found:
            year = follow_up.opened_on.year
            self.serials[year] += 1
            follow_up.number = f"{year}-{self.serials[year]:03}"
            life.steps = [step for step in life.steps if step[1] <= self.as_of]
            reported = any(move == REPORT for move, _day, _due in life.steps)
            follow_up.is_key = rng.random() < 0.2 and (not reported or (self.files and keys_left > 0))
            keys_left -= follow_up.is_key and reported
        bulk_save_with_history((follow_up for follow_up, _life in found), self.source)
        editor, reporter = demo_editor(), demo_reporter()
        steps = [step for pair in found for step in build_steps(*pair, editor, reporter, rng)]
        bulk_save_with_history(steps)
        if self.files:
            attach_evidence((step for step in steps if step.move == REPORT and step.follow_up.is_key), reporter)

    def save_numbers(self) -> None:
        """Save the last number of each year, after which the next one is given."""
        FollowUpNumber.objects.bulk_create(
            FollowUpNumber(year=year, last_serial=last) for year, last in self.serials.items()
        )

    # -- of lights -----------------------------------------------------------------------------------------

    def of_lights(self, roles: Sequence[DemoPilot], rng: Random) -> Iterator[tuple[FollowUp, Life]]:
        """Yield follow-ups of red and yellow lights with their lives, as many of each kind as the shares say."""
        for kind, spells in self.chosen_spells(roles, rng).items():
            for spell in spells:
                life = self.lasting_life(spell, rng) if kind == LASTING else ended_life(spell, rng)
                if life and life.opened_on <= self.as_of:
                    yield self.of_light(spell, life, rng), life

    def chosen_spells(self, roles: Sequence[DemoPilot], rng: Random) -> dict[str, list[Spell]]:
        """Return the spells that become follow-ups by kind: at most two of a pilot, and one of a cause."""
        pilots = prefetch_for_status(Pilot.objects.filter(batch__in={role.pilot.batch for role in roles}))
        spells = [spell for pilot in pilots.order_by("pk") for spell in light_spells(pilot, FIRST_DAY, self.as_of)]
        rng.shuffle(spells)
        spells.sort(key=lambda spell: spell.end is None and (self.as_of - spell.start).days < NEW_DAYS)
        left = {kind: round(share * len(roles)) or 1 for kind, share in SHARES.items()}
        chosen: dict[str, list[Spell]] = defaultdict(list)
        used: Counter[object] = Counter()
        for kind in SHARES:
            for spell in spells:
                cause = (spell.pilot.pk, spell.cause, spell.subject)
                if len(chosen[kind]) == left[kind]:
                    break
                if spell_kind(spell) == kind and used[spell.pilot.pk] < 2 and not used[cause]:
                    chosen[kind].append(spell)
                    used.update([spell.pilot.pk, cause])
        return chosen

    def lasting_life(self, spell: Spell, rng: Random) -> Life | None:
        """Return the life that fits into a light that lasts and is least used; None where it is used enough."""
        lasted = (self.as_of - spell.start).days
        fit = [life for life in OPEN_LIVES if -life.opened <= lasted]
        life = min(fit, key=lambda one: self.uses[one.opened], default=None)
        if life is None or self.uses[life.opened] > 2 + min(self.uses[one.opened] for one in OPEN_LIVES):
            return None
        self.uses[life.opened] += 1
        return life.on(self.as_of, rng.randint(0, min(20, lasted + life.opened)))

    def of_light(self, spell: Spell, life: Life, rng: Random) -> FollowUp:
        """Return an unsaved follow-up with the light that caused it, as it was on the day of opening."""
        subject = spell.subject
        follow_up = self.new_follow_up(life, rng, pilot=spell.pilot, province=spell.pilot.province)
        follow_up.cause = spell.cause
        slug = "example-city-bureau" if spell.pilot.kind == "city" else "example-park-administration"
        follow_up.owner_agency = self.agencies[slug]
        if isinstance(subject, Indicator):
            follow_up.cause_indicator, (titles, tasks) = subject, (INDICATOR_TITLE, INDICATOR_TASK)
            named = (subject.name_en, subject.name_zh)
        elif isinstance(subject, Milestone):
            follow_up.cause_milestone, (titles, tasks) = subject, (MILESTONE_TITLE, MILESTONE_TASK)
            named = (subject.title_en, subject.title_zh)
        else:
            titles, tasks, named = PILOT_TITLE, PILOT_TASK, (spell.pilot.name_en, spell.pilot.name_zh)
        follow_up.title_en, follow_up.title_zh = (title % name for title, name in zip(titles, named, strict=True))
        follow_up.task_en, follow_up.task_zh = tasks
        record_cause(follow_up)
        return follow_up

    def new_follow_up(self, life: Life, rng: Random, **values: Pilot | Province | None) -> FollowUp:
        """Return an unsaved follow-up with its days, its kind, and the meeting of its day if there was one."""
        follow_up = FollowUp(opened_on=life.opened_on, due_on=life.due_on, **values, **names.INVENTED_NOTES)
        kinds = (FollowUpKind.ASSIGNMENT, FollowUpKind.GUIDANCE, FollowUpKind.EVALUATION)
        follow_up.meeting = MEETINGS.get(life.opened_on, "")
        follow_up.kind = FollowUpKind.MEETING if follow_up.meeting else rng.choices(kinds, (6, 2, 1))[0]
        return follow_up

    # -- without a light -----------------------------------------------------------------------------------

    def others(self, practices: Sequence[Practice], sets: int, rng: Random) -> Iterator[tuple[FollowUp, Life]]:
        """Yield follow-ups of provinces, policies and practices with their lives."""
        for _ in range(sets):
            policies = iter(self.policies[slug] for slug in names.POLICIES_FOLLOWED_UP if slug in self.policies)
            for subject, kind, opened_on, title, task in OTHERS:
                if opened_on > self.as_of:
                    continue
                life = plain_life(opened_on, rng)
                follow_up = self.new_follow_up(life, rng)
                follow_up.kind, follow_up.owner_agency = kind, self.agencies["example-provincial-department"]
                follow_up.title_en, follow_up.title_zh = title
                follow_up.task_en, follow_up.task_zh = task
                if subject == "province":
                    follow_up.province = rng.choice(self.provinces)
                elif subject == "policy":
                    follow_up.policy = next(policies, None)
                    follow_up.owner_agency = self.agencies["example-environment-ministry"]
                else:
                    known = [one for one in practices if one.library_on and one.library_on <= opened_on]
                    follow_up.practice = rng.choice(known) if known else None
                if follow_up.subject:
                    yield follow_up, life


# -- lives -------------------------------------------------------------------------------------------------


def ended_life(spell: Spell, rng: Random) -> Life | None:
    """Return the life of a follow-up of a light that has ended: most are closed after it, some too early.

    None where the light changed too soon for one.
    """
    end, then_end = spell.end, spell.then_end or date.max
    room = (end - spell.start).days - 8 if end else 0
    if end is None or room < 4:
        return None
    days = [spell.start + timedelta(3 + number) for number in range(room)]
    meetings = [day for day in days if day in MEETINGS]
    opened_on = rng.choice(meetings) if meetings and rng.random() < 0.5 else rng.choice(days)
    signed_on = opened_on + timedelta(rng.randint(1, 4))
    if (end - opened_on).days > 120 and spell_kind(spell) != RELAPSED and rng.random() < 0.3:
        return closed_too_early(opened_on, signed_on, rng)
    closed_on = min(end + timedelta(rng.randint(0, 40)), then_end - timedelta(1))
    reported_on = max(signed_on + timedelta(1), closed_on - timedelta(rng.randint(2, 9)))
    if closed_on < max(end, reported_on):
        return None
    return Life(opened_on, *closing_steps(opened_on, signed_on, reported_on, closed_on, rng))


def closing_steps(
    opened_on: date, signed_on: date, reported_on: date, closed_on: date, rng: Random
) -> tuple[date, list[PlannedStep]]:
    """Return the first due date and the steps up to the closing: some are returned, some extended, some late."""
    steps: list[PlannedStep] = [(SIGN, signed_on, None)]
    due_on = max(opened_on, reported_on + timedelta(rng.choice([-18, -6, 2, 5, 9, 15])))
    draw, spare = rng.random(), (reported_on - signed_on).days
    if draw < 0.25 and spare > 30:
        first, back = reported_on - timedelta(24), reported_on - timedelta(17)
        steps += [(REPORT, first, None), (Move.RETURN, back, reported_on + timedelta(rng.choice([-5, 3])))]
        due_on = first + timedelta(rng.choice([-4, 3, 8]))
    elif draw < 0.5 and spare > 40:
        due_on = reported_on - timedelta(30)
        steps.append((Move.EXTEND, due_on - timedelta(4), reported_on + timedelta(rng.choice([-7, 1, 10]))))
    return due_on, [*steps, (REPORT, reported_on, None), (VERIFY, closed_on, None)]


def closed_too_early(opened_on: date, signed_on: date, rng: Random) -> Life:
    """Return the life of a follow-up that was closed while its cause was red still; one in two is reopened later."""
    reported_on = signed_on + timedelta(rng.randint(30, 60))
    due_on, steps = closing_steps(opened_on, signed_on, reported_on, reported_on + timedelta(rng.randint(2, 8)), rng)
    if rng.random() < 0.5:
        reopened_on = steps[-1][1] + timedelta(rng.randint(20, 80))
        again = reopened_on + timedelta(rng.randint(30, 70))
        steps += [
            (Move.REOPEN, reopened_on, reopened_on + timedelta(60)),
            (REPORT, again, None),
            (VERIFY, again + timedelta(rng.randint(2, 8)), None),
        ]
    return Life(opened_on, due_on, steps)


def plain_life(opened_on: date, rng: Random) -> Life:
    """Return the life of a follow-up without a light: closed after some two months."""
    signed_on = opened_on + timedelta(rng.randint(1, 6))
    reported_on = opened_on + timedelta(rng.randint(45, 75))
    return Life(opened_on, *closing_steps(opened_on, signed_on, reported_on, reported_on + timedelta(5), rng))


def build_steps(follow_up: FollowUp, life: Life, editor: User, reporter: User, rng: Random) -> Iterable[FollowUpStep]:
    """Return the unsaved steps of a follow-up, the first one included. Raises KeyError for a move that there is not."""
    state = FollowUpState.OPENED
    first = FollowUpStep(
        follow_up=follow_up, seq=1, taken_on=life.opened_on, move=Move.OPEN, state=state, author=editor
    )
    found = [first]
    for move, day, due in life.steps:
        state = TRANSITIONS[state, move].state or state
        found.append(
            FollowUpStep(
                follow_up=follow_up,
                seq=len(found) + 1,
                taken_on=day,
                move=move,
                state=state,
                remark=rng.choice(REMARKS[move]),
                new_due_on=due,
                author=reporter if move in OWNER_MOVES else editor,
            )
        )
    return found
