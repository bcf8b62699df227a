"""Timelines of the demonstration's pilots: stages and milestones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from pilots.demo.scenarios import DemoPilot, Scenario, shuffled
from pilots.demo.texts import names
from pilots.demo.texts.names import MilestoneTemplate
from pilots.metrics.stages import Stage, stage_issues
from pilots.models import Milestone, StageEntry

# Current stages of national pilots with a plan, as many as in the scenario mix; each batch has its own.
NATIONAL_STAGES = [
    *[Stage.PLAN_ISSUED] * 2,
    *[Stage.IMPLEMENTING] * 18,
    *[Stage.MIDTERM] * 29,
    *[Stage.FINAL_EVAL] * 5,
    *[Stage.PROMOTED] * 2,
]
PROVINCIAL_STAGES = [*[Stage.PLAN_ISSUED] * 2, *[Stage.IMPLEMENTING] * 6, *[Stage.MIDTERM] * 2]
StageTimeline = list[tuple[Stage, date]]


def build_timelines(roles: Sequence[DemoPilot], rng: Random) -> list[StageTimeline]:
    """Return the stages of each pilot with their dates, in the order of the pilots."""
    planned = Counter(role.national for role in roles if role.plot.has_plan)
    stages = ((True, NATIONAL_STAGES), (False, PROVINCIAL_STAGES))
    decks = {national: shuffled(mix, planned[national], rng) for national, mix in stages}
    rectifying = next((role for role in roles if role.plot == Scenario.FAR_BEHIND), None)
    found = []
    for role in roles:
        last = decks[role.national].pop() if role.plot.has_plan else None
        if role is rectifying:
            last = Stage.MIDTERM
        course = build_timeline(role, last, rng)
        found.append([*course, (Stage.RECTIFYING, date(2026, 3, 16))] if role is rectifying else course)
    return found


def build_timeline(role: DemoPilot, last: Stage | None, rng: Random) -> StageTimeline:
    """Return all stages up to `last`, or up to the plan for a pilot without one."""
    listed = role.listed_on
    course: StageTimeline = [
        *opening_stages(role, rng),
        (Stage.LISTED, listed),
        (Stage.TASKED, listed + random_days(rng, 40, 70)),
    ]
    if last is None:
        if role.plot == Scenario.NO_PLAN_KEY_LATE or rng.random() < 0.6:
            course.append((Stage.PLAN_DRAFT, listed + random_days(rng, 300, 480)))
        return [*course, (Stage.WITHDRAWN, names.WITHDRAWN_ON)] if role.plot == Scenario.WITHDRAWN else course
    wait = rng.randint(120, 420) if role.national else rng.randint(95, 330)
    issued = listed + timedelta(wait)
    drafted = max(listed + timedelta(75), issued - random_days(rng, 35, 110))
    course += [
        (Stage.PLAN_DRAFT, drafted),
        (Stage.PLAN_ISSUED, issued),
        (Stage.IMPLEMENTING, issued + random_days(rng, 10, 60)),
    ]
    course.append((Stage.MIDTERM, max(date(2025, 8, 4), course[-1][1] + timedelta(120)) + random_days(rng, 0, 150)))
    final = date(2026, 8, 24) + random_days(rng, 0, 60)
    course += [(Stage.FINAL_EVAL, final), (Stage.PROMOTED, final + random_days(rng, 8, 25))]
    course = [(stage, day) for stage, day in course if stage.order <= last.order]
    return skip_stages(course, last, rng)


def opening_stages(role: DemoPilot, rng: Random) -> StageTimeline:
    """Return recommendation and review, which are missing for some pilots."""
    if not role.national or rng.random() < 0.15:
        return []
    return [
        (Stage.RECOMMENDED, date(2023, 10, 16) + random_days(rng, 0, 25)),
        (Stage.REVIEWED, date(2023, 12, 4) + random_days(rng, 0, 9)),
    ]


def skip_stages(course: StageTimeline, last: Stage, rng: Random) -> StageTimeline:
    """Skip the draft for some pilots, and the mid-term evaluation for some that are finished."""
    skipped = set()
    if rng.random() < 0.12:
        skipped.add(Stage.PLAN_DRAFT)
    if last.order > Stage.MIDTERM.order and rng.random() < 0.4:
        skipped.add(Stage.MIDTERM)
    return [(stage, day) for stage, day in course if stage not in skipped]


def random_days(rng: Random, least: int, most: int) -> timedelta:
    return timedelta(rng.randint(least, most))


# -- stages --------------------------------------------------------------------------------------------


def build_stage_entries(role: DemoPilot, course: StageTimeline, as_of: date) -> list[StageEntry]:
    """Return the unsaved stage entries of a pilot up to the day, and the next planned stage.

    Raises ValueError for an inconsistent timeline: the entries are saved in bulk, without looking at each other.
    """
    entries = []
    before: Stage | None = None
    for stage, day in course:
        entry = StageEntry(pilot=role.pilot, stage=stage, evidence=names.EVIDENCE[stage])
        entry.reason_en, entry.reason_zh = skip_reason(before, stage)
        if stage in {Stage.PLAN_ISSUED, Stage.MIDTERM, Stage.FINAL_EVAL}:
            entry.planned_on = max(planned_day(role, stage), day)  # what is late is told by the scenario alone
        if day <= as_of:
            entry.entered_on = day
        else:
            entry.planned_on, entry.evidence = entry.planned_on or day, ""
        entries.append(entry)
        before = stage
    entries += next_planned_stage(role, course, as_of)
    wrong = stage_issues([entry.as_stage_event() for entry in entries if entry.entered_on], as_of)
    if wrong:
        raise ValueError(f"{role.pilot.slug}: {wrong}")
    for entry in entries:
        entry.skip_order_check = True
    return entries


def skip_reason(before: Stage | None, stage: Stage) -> tuple[str, str]:
    """Return why stages were skipped, or why the pilot withdrew, in English and Chinese; else empty texts."""
    if stage == Stage.WITHDRAWN:
        return names.WITHDRAWN_BECAUSE
    if before is None or stage.is_side or stage.order <= before.order + 1:
        return "", ""
    return names.SKIP_REASONS["plan_draft" if stage == Stage.PLAN_ISSUED else "midterm"]


def planned_day(role: DemoPilot, stage: Stage) -> date:
    """Return the programme's planned date for a stage."""
    later = 0 if role.national else 1
    month, day = {Stage.PLAN_ISSUED: (11, 30), Stage.MIDTERM: (10, 31), Stage.FINAL_EVAL: (12, 31)}[stage]
    year = {Stage.PLAN_ISSUED: 2024, Stage.MIDTERM: 2025, Stage.FINAL_EVAL: 2026}[stage]
    return date(year + later, month, day)


OVERDUE_DAYS = {Scenario.NO_PLAN_KEY_LATE: 120, Scenario.NO_PLAN_LATE: 45}
"""How long the plan of a scenario is overdue on the day, as its key milestone is."""


def next_planned_stage(role: DemoPilot, course: StageTimeline, as_of: date) -> list[StageEntry]:
    """Return the next planned stage of an unfinished pilot: ahead of the day, unless its scenario is late with it."""
    last = course[-1][0]
    if last.is_side:
        return []
    ahead = next(
        (stage for stage in (Stage.PLAN_ISSUED, Stage.MIDTERM, Stage.FINAL_EVAL) if stage.order > last.order), None
    )
    if ahead is None:
        return []
    late = OVERDUE_DAYS.get(role.plot)
    day = as_of - timedelta(late) if late else max(planned_day(role, ahead), as_of + timedelta(30))
    return [StageEntry(pilot=role.pilot, stage=ahead, planned_on=day)]


# -- milestones ----------------------------------------------------------------------------------------


def build_milestones(role: DemoPilot, course: StageTimeline, as_of: date, rng: Random) -> list[Milestone]:
    """Return the unsaved milestones of a pilot: six to ten, past ones completed unless its scenario differs."""
    issued = dict(course).get(Stage.PLAN_ISSUED)
    extra = rng.sample([step for step in names.MILESTONE_TEMPLATES if not step.key], rng.randint(2, 4))
    chosen = (
        [step for step in names.MILESTONE_TEMPLATES if step.key or step in extra]
        if role.plot.has_plan
        else names.MILESTONE_TEMPLATES[:1]
    )
    found = [build_milestone(role, shift_step(role, names.PLAN_ISSUED_MILESTONE, rng), issued)] if issued else []
    for step in chosen:
        mine = shift_step(role, step, rng)
        found.append(build_milestone(role, mine, completion_day(mine, as_of, rng)))
    found += [build_milestone(role, step, None) for step in open_steps(role, as_of, rng)]
    for milestone in found:
        if milestone.completed_on and milestone.completed_on > as_of:
            milestone.completed_on = None
        milestone.evidence = names.EVIDENCE["implementing"] if milestone.completed_on else ""
    return found


def shift_step(role: DemoPilot, step: MilestoneTemplate, rng: Random) -> MilestoneTemplate:
    """Shift a milestone's planned date a little, and by more for the later batch."""
    later = 0 if role.national else 240
    return replace(step, planned_on=step.planned_on + timedelta(later) + random_days(rng, -20, 20))


def completion_day(step: MilestoneTemplate, as_of: date, rng: Random) -> date | None:
    """Return the completion date, late for three in ten; None while it is in the future."""
    delay = rng.randint(4, 75) if rng.random() < 0.3 else -rng.randint(0, 25)
    if step.planned_on >= as_of:
        return None
    return min(step.planned_on + timedelta(delay), as_of - timedelta(1))


def open_steps(role: DemoPilot, as_of: date, rng: Random) -> Iterator[MilestoneTemplate]:
    """Return the milestones open on the day: late ones of the scenario, and those due soon or later."""
    late, very_late = as_of - random_days(rng, 12, 80), as_of - random_days(rng, 95, 210)
    if role.plot == Scenario.NO_PLAN_KEY_LATE:
        yield replace(names.PLAN_ISSUED_MILESTONE, planned_on=very_late)
    elif role.plot == Scenario.NO_PLAN_LATE:
        yield replace(names.PLAN_ISSUED_MILESTONE, planned_on=late)
    elif role.plot == Scenario.NO_PLAN_SILENT:
        yield replace(names.PLAN_ISSUED_MILESTONE, planned_on=as_of + random_days(rng, 10, 60))
    elif role.plot in {Scenario.LATE, Scenario.REVERSED}:
        yield replace(names.RETROFIT_MILESTONE, planned_on=late)
    elif role.plot == Scenario.LONG_LATE:
        yield replace(names.RETROFIT_MILESTONE, planned_on=very_late)
    elif role.plot == Scenario.KEY_LATE:
        yield replace(names.COMMISSIONED_MILESTONE, planned_on=very_late)
    if role.plot.has_plan:
        yield replace(names.SELF_ASSESSMENT_MILESTONE, planned_on=as_of + random_days(rng, 3, 90))
        if role.plot != Scenario.KEY_LATE and rng.random() < 0.7:
            yield replace(names.COMMISSIONED_MILESTONE, planned_on=as_of + random_days(rng, 20, 200))


def build_milestone(role: DemoPilot, step: MilestoneTemplate, completed_on: date | None) -> Milestone:
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
