"""Factories of minimal valid records; a test passes only the fields that it is about."""

from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from dashboard.models import Edition, EditionState
from pilots.follow_ups.services import closing_colour
from pilots.metrics import TRANSITIONS, FollowUpState, Move
from pilots.models import (
    Adoption,
    Amendment,
    Batch,
    Completion,
    Deadline,
    Document,
    Effect,
    FollowUp,
    FollowUpStep,
    Indicator,
    LightOverride,
    Milestone,
    NotGiven,
    Pilot,
    Practice,
    Reading,
    StageEntry,
    Target,
)
from policies.models import Agency, Industry, Policy, Province, ProvincialPlan, Source

numbers = count(1)


def source(**fields: Any) -> Source:
    n = next(numbers)
    return Source.objects.create(**{"title": f"Source {n}", "url": f"https://example.org/{n}", **fields})


def province(**fields: Any) -> Province:
    """Make a province of the roster; the tile map has 64 places, so a test with many provinces uses `empty`."""
    n = next(numbers)
    used = set(Province.objects.values_list("tile_col", "tile_row"))
    col, row = next((c, r) for r in range(8) for c in range(8) if (c, r) not in used)
    values = {
        "slug": f"province-{n}",
        "name_zh": f"省{n}",
        "name_en": f"Province {n}",
        "short_zh": f"省{n}",
        "short_en": f"P{n}",
        "kind": "province",
        "region": "north",
        "tile_col": col,
        "tile_row": row,
    }
    return Province.objects.create(**{**values, **fields})


def policy(**fields: Any) -> Policy:
    n = next(numbers)
    values = {
        "slug": f"policy-{n}",
        "title_zh": f"政策{n}",
        "title_en": f"Policy {n}",
        "issued_on": date(2022, 6, 17),
        "calls_for_provincial_plan": True,
    }
    return Policy.objects.create(**{**values, **fields})


def plan(policy: Policy, province: Province, **fields: Any) -> ProvincialPlan:
    """Make an issued plan with a known date by default."""
    values = {"status": "issued", "title_zh": "方案", "issued_on": date(2022, 12, 5)}
    return ProvincialPlan.objects.create(policy=policy, province=province, **{**values, **fields})


def industry(**fields: Any) -> Industry:
    n = next(numbers)
    return Industry.objects.create(
        **{"slug": f"industry-{n}", "name_zh": f"行业{n}", "name_en": f"Industry {n}", **fields}
    )


def batch(**fields: Any) -> Batch:
    """Make a batch announced on 15 January 2024 by a policy of its own, that asks for no values."""
    n = next(numbers)
    day = fields.pop("announced_on", date(2024, 1, 15))
    if "policy" not in fields:
        fields["policy"] = policy(calls_for_provincial_plan=False)
    values = {"slug": f"batch-{n}", "title_en": f"Batch {n}", "title_zh": f"第{n}批", "known_by": day}
    return Batch.objects.create(**{**values, "announced_on": day, **fields})


def pilot(batch: Batch, province: Province, *industries: Industry, **fields: Any) -> Pilot:
    n = next(numbers)
    values = {"slug": f"pilot-{n}", "name_zh": f"试点{n}", "name_en": f"Pilot {n}", "kind": "city"}
    pilot = Pilot.objects.create(batch=batch, province=province, **{**values, **fields})
    pilot.industries.set(industries)
    return pilot


def indicator(code: str, **fields: Any) -> Indicator:
    """Make an air pollutant in tonnes, with the equivalent of SO2 by default."""
    values = {
        "name_zh": f"{code}指标",
        "name_en": f"{code} emissions",
        "unit": "t",
        "kind": "pollutant",
        "direction": "lower",
        "rollup": "sum",
        "equivalent_kg": Decimal("0.95"),
        "may_enter_synergy": "total",
    }
    return Indicator.objects.create(code=code, **{**values, **fields})


def carbon(code: str = "CO2_TOT", **fields: Any) -> Indicator:
    """Make total emissions of CO2, in ten thousand tonnes by default."""
    return indicator(code, **{"kind": "carbon", "unit": "10⁴ t", "equivalent_kg": None, **fields})


def target(pilot: Pilot, indicator: Indicator, base: Any, target: Any, **fields: Any) -> Target:
    """Make a target, by default from 2023 to 2026, binding, and promised at the start of the term."""
    values = {"base_year": 2023, "base_value": base, "target_year": 2026, "target_value": target, "binding": True}
    values["promised_on"] = pilot.starts_on or pilot.known_by
    return Target.objects.create(pilot=pilot, indicator=indicator, **{**values, **fields})


def add_step(target: Target, year: int, value: Any) -> Target:
    """Name a value of a target for a year before its last."""
    target.steps = {**target.steps, str(year): f"{Decimal(value).normalize():f}"}
    target.save()
    return target


def reading(pilot: Pilot, indicator: Indicator, period: str, value: Any, **fields: Any) -> Reading:
    """Make a reading, by default reported on 20 February of the next year and accepted a month later."""
    year = int(period[:4]) + 1
    values = {"reported_on": date(year, 2, 20), "accepted_on": date(year, 3, 20)}
    return Reading.objects.create(pilot=pilot, indicator=indicator, period=period, value=value, **{**values, **fields})


def not_given(pilot: Pilot, indicator: Indicator, year: int, **fields: Any) -> NotGiven:
    """Make a reason why there is no value, handed in on 20 February of the next year, which waits."""
    values = {"text": "The meter failed", "reported_on": date(year + 1, 2, 20)}
    return NotGiven.objects.create(pilot=pilot, indicator=indicator, year=year, **{**values, **fields})


def deadline(subject: Batch | Pilot, year: int, due_on: date | None, **fields: Any) -> Deadline:
    """Move the day by which the values of a year are due, decided on 1 March of the next year."""
    values = {"reason": "The census is late", "decided_on": date(year + 1, 3, 1), "year": year, "due_on": due_on}
    return Deadline.objects.create(**{subject._meta.model_name: subject, **values, **fields})


def stage(pilot: Pilot, stage: str, entered_on: date, **fields: Any) -> StageEntry:
    return StageEntry.objects.create(pilot=pilot, stage=stage, entered_on=entered_on, **fields)


def milestone(pilot: Pilot, planned_on: date, completed_on: date | None = None, **fields: Any) -> Milestone:
    """Make a milestone promised at the start of the term, and its completion if it has a day."""
    n = next(numbers)
    values = {"facet": "management", "title_en": f"Milestone {n}", "title_zh": f"节点{n}"}
    values["promised_on"] = pilot.starts_on or pilot.known_by
    milestone = Milestone.objects.create(pilot=pilot, planned_on=planned_on, **{**values, **fields})
    if completed_on:
        completion(milestone, completed_on)
    return milestone


def completion(milestone: Milestone, completed_on: date, **fields: Any) -> Completion:
    """Make a completion that was entered on its day."""
    values = {"entered_on": completed_on, "evidence": "Report no. 7", "completed_on": completed_on}
    return Completion.objects.create(pilot=milestone.pilot, milestone=milestone, **{**values, **fields})


def amendment(item: Milestone | Target, **fields: Any) -> Amendment:
    """Make a request for an amendment, which waits; with `decided_on` and `accepted` it was decided."""
    values = {item._meta.model_name: item, "reason_en": "The supplier is late", "asked_on": date(2026, 6, 2)}
    return Amendment.objects.create(pilot=item.pilot, **{**values, **fields})


def override(pilot: Pilot, colour: str, author: Any, **fields: Any) -> LightOverride:
    values = {"reason": "the kiln is being replaced", "set_on": date(2026, 9, 1), "expires_on": date(2027, 1, 1)}
    return LightOverride.objects.create(pilot=pilot, colour=colour, author=author, **{**values, **fields})


def agency(**fields: Any) -> Agency:
    n = next(numbers)
    return Agency.objects.create(**{"slug": f"agency-{n}", "name_zh": f"机构{n}", "name_en": f"Agency {n}", **fields})


def follow_up(pilot: Pilot | None = None, *steps: tuple[Move, date], **fields: Any) -> FollowUp:
    """Make a follow-up of a pilot, or of another subject, opened on 1 June 2026 and due a month later, with its steps.

    The step that opens it is made too; `steps` are those after it, each a move and its day.
    """
    n = next(numbers)
    values = {
        "number": f"2026-{n:03}",
        "title_zh": f"督办{n}",
        "title_en": f"Follow-up {n}",
        "pilot": pilot,
        "province": pilot.province if pilot else None,
        "opened_on": date(2026, 6, 1),
        "due_on": date(2026, 7, 1),
    }
    fields.setdefault("owner_agency", Agency.objects.first() or agency())
    follow_up = FollowUp.objects.create(**{**values, **fields})
    for move, day in ((Move.OPEN, follow_up.opened_on), *steps):
        step(follow_up, move, day)
    return follow_up


def new_follow_up(pilot: Pilot | None, **fields: Any) -> FollowUp:
    """Return an unsaved follow-up that the light of the pilot caused."""
    values = {
        "title_zh": "整改",
        "pilot": pilot,
        "cause": "pilot" if pilot else "",
        "opened_on": date(2026, 6, 1),
        "due_on": date(2026, 7, 1),
        "owner_agency": agency(),
    }
    return FollowUp(**{**values, **fields})


def step(follow_up: FollowUp, move: Move, taken_on: date, **fields: Any) -> FollowUpStep:
    """Add a step in the state that the table of transitions gives."""
    last = follow_up.steps.order_by("seq").last()
    state = FollowUpState.OPENED
    if last:
        before = FollowUpState(last.state)
        state = TRANSITIONS[before, move].state or before
    seq = last.seq + 1 if last else 1
    if move == Move.VERIFY:
        fields.setdefault("cause_colour", closing_colour(follow_up, taken_on))
    return FollowUpStep.objects.create(
        follow_up=follow_up, seq=seq, move=move, state=state, taken_on=taken_on, **fields
    )


def practice(*origins: Pilot, **fields: Any) -> Practice:
    """Make a practice that was proposed on 1 January 2025."""
    n = next(numbers)
    values = {
        "slug": f"practice-{n}",
        "title_zh": f"经验{n}",
        "title_en": f"Practice {n}",
        "field": "industry",
        "proposed_on": date(2025, 1, 1),
    }
    practice = Practice.objects.create(**{**values, **fields})
    practice.origins.set(origins)
    return practice


def adoption(practice: Practice, pilot: Pilot | None = None, **fields: Any) -> Adoption:
    """Make a copy by a pilot, or by the `province` given, since 1 February 2025."""
    values = {"adopted_on": date(2025, 2, 1), "pilot": pilot, "province": pilot.province if pilot else None}
    return Adoption.objects.create(practice=practice, **{**values, **fields})


def effect(practice: Practice, **fields: Any) -> Effect:
    """Make an effect stated in words, known since 1 March 2025."""
    values = {"known_on": date(2025, 3, 1), "statement_en": "5,000 t CO2 less a year"}
    return Effect.objects.create(practice=practice, **{**values, **fields})


def document(**fields: Any) -> Document:
    """Make the record of a file; no file is on disk."""
    n = next(numbers)
    values = {
        "title": f"Document {n}",
        "file_name": f"document-{n}.pdf",
        "sha256": f"{n:064x}",
        "file_size": 100,
        "media_type": "application/pdf",
    }
    return Document.objects.create(**{**values, **fields})


def edition(quarter: str, **fields: Any) -> Edition:
    """Make an approved edition; its file is not in the store."""
    n = next(numbers)
    made, approved = (User.objects.create_user(f"{name}-{n}") for name in ("made", "approved"))
    package = {"path": f"{quarter}.zip", "media_type": "application/zip", "size": 1000 + n, "sha256": f"{n:064x}"}
    figure = {"code": "plans", "label_en": "Plans", "label_zh": "方案", "scope_en": "all", "scope_zh": "全部"}
    content = {
        "files": [package],
        "figures": [{**figure, "value": n, "of": 32}],
        "previous": "",
        "previous_figures": [],
        "changes": [],
        "warnings": [],
    }
    values: dict[str, Any] = {
        "state": EditionState.APPROVED,
        "made_by": made,
        "submitted_by": made,
        "approved_by": approved,
        "approved_at": timezone.now(),
        "sha256": package["sha256"],
        "content": content,
    }
    return Edition.objects.create(quarter=quarter, **{**values, **fields})
