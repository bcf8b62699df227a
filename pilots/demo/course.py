"""The course of each pilot: through which stages it went, and what it has promised to do by when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from pilots.demo import words
from pilots.demo.cast import Plot, Role
from pilots.demo.words import Step
from pilots.metrics import Stage
from pilots.models import Milestone, StageEntry

# How far the national pilots with a plan have come, in the numbers of the deck; each batch deals its own.
NATIONAL_STAGES = [
    *[Stage.PLAN_ISSUED] * 2,
    *[Stage.IMPLEMENTING] * 18,
    *[Stage.MIDTERM] * 29,
    *[Stage.FINAL_EVAL] * 5,
    *[Stage.PROMOTED] * 2,
]
PROVINCIAL_STAGES = [*[Stage.PLAN_ISSUED] * 2, *[Stage.IMPLEMENTING] * 6, *[Stage.MIDTERM] * 2]
Course = list[tuple[Stage, date]]


def courses(roles: Sequence[Role], rng: Random) -> list[Course]:
    """The stages of each pilot with their days, in the order of the roles."""
    decks = {True: [*NATIONAL_STAGES], False: [*PROVINCIAL_STAGES]}
    for deck in decks.values():
        rng.shuffle(deck)
    rectifying = next(role for role in roles if role.plot == Plot.FAR_BEHIND)
    found = []
    for role in roles:
        last = decks[role.national].pop() if role.plot.has_plan else None
        if role is rectifying:
            last = Stage.MIDTERM
        course = course_of(role, last, rng)
        found.append([*course, (Stage.RECTIFYING, date(2026, 3, 16))] if role is rectifying else course)
    return found


def course_of(role: Role, last: Stage | None, rng: Random) -> Course:
    """All stages up to `last`, or as far as a pilot without a plan gets."""
    listed = role.listed_on
    course: Course = [*opening(role, rng), (Stage.LISTED, listed), (Stage.TASKED, listed + days(rng, 40, 70))]
    if last is None:
        if role.plot == Plot.NO_PLAN_KEY_LATE or rng.random() < 0.6:
            course.append((Stage.PLAN_DRAFT, listed + days(rng, 300, 480)))
        return [*course, (Stage.WITHDRAWN, words.WITHDRAWN_ON)] if role.plot == Plot.WITHDRAWN else course
    wait = rng.randint(120, 420) if role.national else rng.randint(95, 330)
    issued = listed + timedelta(wait)
    drafted = max(listed + timedelta(75), issued - days(rng, 35, 110))
    course += [
        (Stage.PLAN_DRAFT, drafted),
        (Stage.PLAN_ISSUED, issued),
        (Stage.IMPLEMENTING, issued + days(rng, 10, 60)),
    ]
    course.append((Stage.MIDTERM, max(date(2025, 8, 4), course[-1][1] + timedelta(120)) + days(rng, 0, 150)))
    final = date(2026, 8, 24) + days(rng, 0, 60)
    course += [(Stage.FINAL_EVAL, final), (Stage.PROMOTED, final + days(rng, 8, 25))]
    course = [(stage, day) for stage, day in course if stage.order <= last.order]
    return skipping(course, last, rng)


def opening(role: Role, rng: Random) -> Course:
    """Recommendation and review, which the record of some pilots does not reach back to."""
    if not role.national or rng.random() < 0.15:
        return []
    return [
        (Stage.RECOMMENDED, date(2023, 10, 16) + days(rng, 0, 25)),
        (Stage.REVIEWED, date(2023, 12, 4) + days(rng, 0, 9)),
    ]


def skipping(course: Course, last: Stage, rng: Random) -> Course:
    """The course without a draft for some, and without a mid-term evaluation for some that are done."""
    skipped = set()
    if rng.random() < 0.12:
        skipped.add(Stage.PLAN_DRAFT)
    if last.order > Stage.MIDTERM.order and rng.random() < 0.4:
        skipped.add(Stage.MIDTERM)
    return [(stage, day) for stage, day in course if stage not in skipped]


def days(rng: Random, least: int, most: int) -> timedelta:
    return timedelta(rng.randint(least, most))


# -- stages --------------------------------------------------------------------------------------------


def stage_entries(role: Role, course: Course, as_of: date) -> list[StageEntry]:
    """The entries of a pilot up to the day, and the next stage as planned."""
    entries = []
    before: Stage | None = None
    for stage, day in course:
        entry = StageEntry(pilot=role.pilot, stage=stage, evidence=words.EVIDENCE[stage])
        entry.reason_en, entry.reason_zh = skip_reason(before, stage)
        if stage in {Stage.PLAN_ISSUED, Stage.MIDTERM, Stage.FINAL_EVAL}:
            entry.planned_on = planned_day(role, stage)
        if day <= as_of:
            entry.entered_on = day
        else:
            entry.planned_on, entry.evidence = entry.planned_on or day, ""
        entries.append(entry)
        before = stage
    return [*entries, *next_planned(role, course)]


def skip_reason(before: Stage | None, stage: Stage) -> tuple[str, str]:
    """Why the stages in between were passed over, or why the pilot left, in English and in Chinese; else empty."""
    if stage == Stage.WITHDRAWN:
        return words.WITHDRAWN_BECAUSE
    if before is None or stage.is_side or stage.order <= before.order + 1:
        return "", ""
    return words.SKIPPED["plan_draft" if stage == Stage.PLAN_ISSUED else "midterm"]


def planned_day(role: Role, stage: Stage) -> date:
    """The day the programme set for a stage."""
    later = 0 if role.national else 1
    month, day = {Stage.PLAN_ISSUED: (11, 30), Stage.MIDTERM: (10, 31), Stage.FINAL_EVAL: (12, 31)}[stage]
    year = {Stage.PLAN_ISSUED: 2024, Stage.MIDTERM: 2025, Stage.FINAL_EVAL: 2026}[stage]
    return date(year + later, month, day)


def next_planned(role: Role, course: Course) -> list[StageEntry]:
    """The next stage that has a day set, for a pilot that is still on its way."""
    last = course[-1][0]
    if last.is_side:
        return []
    ahead = next(
        (stage for stage in (Stage.PLAN_ISSUED, Stage.MIDTERM, Stage.FINAL_EVAL) if stage.order > last.order), None
    )
    return [StageEntry(pilot=role.pilot, stage=ahead, planned_on=planned_day(role, ahead))] if ahead else []


# -- milestones ----------------------------------------------------------------------------------------


def milestones(role: Role, course: Course, as_of: date, rng: Random) -> list[Milestone]:
    """What a pilot has promised: six to ten milestones, those past done unless its part says otherwise."""
    issued = dict(course).get(Stage.PLAN_ISSUED)
    extra = rng.sample([step for step in words.STEPS if not step.key], rng.randint(2, 4))
    chosen = [step for step in words.STEPS if step.key or step in extra] if role.plot.has_plan else words.STEPS[:1]
    found = [new_milestone(role, shifted(role, words.PLAN_ISSUED, rng), issued)] if issued else []
    for step in chosen:
        mine = shifted(role, step, rng)
        found.append(new_milestone(role, mine, done_day(mine, as_of, rng)))
    found += [new_milestone(role, step, None) for step in open_steps(role, as_of, rng)]
    for milestone in found:
        if milestone.completed_on and milestone.completed_on > as_of:
            milestone.completed_on = None
        milestone.evidence = words.EVIDENCE["implementing"] if milestone.completed_on else ""
    return found


def shifted(role: Role, step: Step, rng: Random) -> Step:
    """The step planned a little earlier or later, and later for the later batch."""
    later = 0 if role.national else 240
    return replace(step, planned_on=step.planned_on + timedelta(later) + days(rng, -20, 20))


def done_day(step: Step, as_of: date, rng: Random) -> date | None:
    """The day it was done, late for three in ten; None while its day is still to come."""
    delay = rng.randint(4, 75) if rng.random() < 0.3 else -rng.randint(0, 25)
    if step.planned_on >= as_of:
        return None
    return min(step.planned_on + timedelta(delay), as_of - timedelta(1))


def open_steps(role: Role, as_of: date, rng: Random) -> Iterator[Step]:
    """What is not done on the day: what the part says is late, and what is due soon or later."""
    late, very_late = as_of - days(rng, 12, 80), as_of - days(rng, 95, 210)
    if role.plot == Plot.NO_PLAN_KEY_LATE:
        yield replace(words.PLAN_ISSUED, planned_on=very_late)
    elif role.plot == Plot.NO_PLAN_LATE:
        yield replace(words.PLAN_ISSUED, planned_on=late)
    elif role.plot == Plot.NO_PLAN_SILENT:
        yield replace(words.PLAN_ISSUED, planned_on=as_of + days(rng, 10, 60))
    elif role.plot in {Plot.LATE, Plot.REVERSED}:
        yield replace(words.RETROFIT, planned_on=late)
    elif role.plot == Plot.LONG_LATE:
        yield replace(words.RETROFIT, planned_on=very_late)
    elif role.plot == Plot.KEY_LATE:
        yield replace(words.COMMISSIONED, planned_on=very_late)
    if role.plot.has_plan:
        yield replace(words.SELF_ASSESSMENT, planned_on=as_of + days(rng, 3, 90))
        if role.plot != Plot.KEY_LATE and rng.random() < 0.7:
            yield replace(words.COMMISSIONED, planned_on=as_of + days(rng, 20, 200))


def new_milestone(role: Role, step: Step, completed_on: date | None) -> Milestone:
    return Milestone(
        pilot=role.pilot,
        facet=step.facet,
        title_zh=step.title_zh,
        title_en=step.title_en,
        owner=step.owner,
        planned_on=step.planned_on,
        completed_on=completed_on,
        weight=2 if step.key else 1,
        is_key=step.key,
    )
