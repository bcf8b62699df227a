"""Figures of a past day as they were known on that day, beside those known today, and what made the difference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, NamedTuple

from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest
from django.utils.translation import gettext as _

from core.http.as_of import today
from core.snapshots.values import PastRecords
from dashboard.analytics.overview import build_overview
from dashboard.analytics.subject_changes import NamedChanges, conditions_of_records, named_changes
from dashboard.briefs.blocks import Fact
from dashboard.briefs.build import BriefKind
from dashboard.briefs.parts.facts import on_path_fact, recorded_fact, reported_fact, share_fact, stage_fact
from dashboard.briefs.parts.lights import light_text
from dashboard.briefs.subjects.pilot import facts as pilot_facts
from dashboard.briefs.subjects.policy import rollout_facts
from dashboard.briefs.subjects.province import owed_plans_fact
from dashboard.editions.differences import number_text
from dashboard.editions.figures import Part, figure_parts, figure_rows
from pilots.analytics.outstanding import build_outstanding_reports
from pilots.analytics.pilot_status import PilotStatus, Progress, build_progress
from pilots.analytics.reconciliation import build_reconciliation
from pilots.metrics.lights import Colour
from pilots.models import Batch, Milestone, Pilot, Target
from policies.analytics.rollout import ProvinceRollout, build_province_plans, build_rollout
from policies.models import Policy, Province, ProvincialPlan

NATION_FIGURES = ("plans", "cities", "parks", "light-yellow", "light-red", "on-track", "reported")


class Figures(NamedTuple):
    """Figures of a subject by their labels, as texts, and the records that they count."""

    texts: Mapping[str, str]
    parts: frozenset[Part]


@dataclass(frozen=True)
class ThenAndNow:
    """A figure of a past day as known on that day, and as known today; `then` is empty where it was not given."""

    label: str
    then: str
    now: str


@dataclass(frozen=True)
class KnownThen:
    """Figures that read otherwise on the day itself, and the changes that made the difference.

    `absent` says that nothing of the subject was on record then.
    """

    day: date
    lines: Sequence[ThenAndNow]
    changes: NamedChanges
    absent: bool


def known_then(request: HttpRequest) -> KnownThen | None:
    """Return the figures of the page's subject that read otherwise then.

    None on pages of today and of past records, on those without figures, where the histories do not reach back to the
    day, and where nothing differs.
    """
    asked: Any = request
    match = request.resolver_match
    name = str(match.url_name) if match else ""
    if match is None or name not in FIGURES or not asked.as_of_past or asked.known_past:
        return None
    day, slug = asked.as_of, match.kwargs.get("slug", "")
    records = PastRecords[Figures | None](day)
    if not records:
        return None
    build = partial(figures_of, name, slug, day)
    now, then = build(), records.value(f"figures {name} {slug}", build)
    if now is None or then == now:
        return None
    if then is None:
        return KnownThen(day, [], NamedChanges(0, []), absent=True)
    lines = [
        ThenAndNow(label, then.texts.get(label, ""), text)
        for label, text in now.texts.items()
        if then.texts.get(label) != text
    ]
    if not lines:
        return None
    which = conditions_of_records({(model, key) for model, key, _share in then.parts ^ now.parts}, day)
    return KnownThen(day, lines, named_changes(which, day, today(), asked.user), absent=False)


def figures_of(url_name: str, slug: str, as_of: date) -> Figures | None:
    """Return the figures of a subject on a day; None where it is not on record by then, or has none."""
    try:
        return FIGURES[url_name](slug, as_of)
    except ObjectDoesNotExist:
        return None


def texts_of(facts: Iterable[Fact]) -> dict[str, str]:
    return {fact.label: " ".join(filter(None, [fact.value, fact.of])) for fact in facts}


def nation_figures(_slug: str, as_of: date) -> Figures:
    value = build_overview(as_of)
    texts = {label: number_text(n, of) for code, label, _scope, n, of in figure_rows(value) if code in NATION_FIGURES}
    parts = {(model, key, (code, share)) for code in NATION_FIGURES for model, key, share in figure_parts(value, code)}
    return Figures(texts, frozenset(parts))


def policy_figures(slug: str, as_of: date) -> Figures | None:
    rollout = build_rollout(Policy.objects.known(as_of).get(slug=slug), as_of)
    return (
        Figures(texts_of(rollout_facts(rollout)), plan_parts(rollout.provinces)) if rollout.issued is not None else None
    )


def plan_parts(rows: Iterable[ProvinceRollout]) -> frozenset[Part]:
    return frozenset((ProvincialPlan, row.plan.pk, (row.counts, row.known_by, row.dated)) for row in rows if row.plan)


def pilot_figures(slug: str, as_of: date) -> Figures:
    pilot = Pilot.objects.known(as_of).get(slug=slug)
    (status,) = build_progress(Pilot.objects.filter(pk=pilot.pk), as_of).pilots
    light = Fact(_("Light"), light_text(status.colour))
    targets: set[Part] = {(Target, item.target.pk, item.light.colour) for item in status.indicators}
    milestones: set[Part] = {(Milestone, item.milestone.pk, item.light.colour) for item in status.milestones}
    stage: set[Part] = {(Pilot, pilot.pk, stage_of(status))}
    return Figures(texts_of([light, *pilot_facts(status)]), frozenset(targets | milestones | stage))


def stage_of(status: PilotStatus) -> object:
    """Return the stage of a pilot and since when it stands there; None without one on record."""
    found = status.current_stage
    return found and (found.stage, found.since)


def province_figures(slug: str, as_of: date) -> Figures:
    province = Province.objects.roster().get(slug=slug)
    progress = build_progress(Pilot.objects.listed(as_of).filter(province=province), as_of)
    plans = build_province_plans(province, as_of)
    owed = [(policy, row) for policy, row in plans if policy.calls_for_provincial_plan]
    found = pilot_set_figures(progress, [owed_plans_fact(owed)])
    return Figures(found.texts, found.parts | plan_parts(row for _policy, row in owed))


def batch_figures(slug: str, as_of: date) -> Figures:
    batch = Batch.objects.known(as_of).get(slug=slug)
    count = next(item for item in build_reconciliation(as_of) if item.batch.pk == batch.pk)
    progress = build_progress(Pilot.objects.listed(as_of).filter(batch=batch), as_of)
    return pilot_set_figures(progress, [recorded_fact(count.total)])


def pilot_set_figures(progress: Progress, first: Sequence[Fact]) -> Figures:
    """Return the figures of a set of pilots after others."""
    red = sum(item.colour == Colour.RED for item in progress.pilots)
    facts = [
        *first,
        share_fact(_("Red lights"), red, len(progress.pilots), _("of %(n)s pilots")),
        stage_fact(progress.funnel()),
        reported_fact(build_outstanding_reports(progress)),
        on_path_fact(progress.on_track),
    ]
    parts: set[Part] = {
        (Pilot, item.pilot.pk, (item.colour, item.reported, stage_of(item))) for item in progress.pilots
    }
    return Figures(texts_of(facts), frozenset(parts))


FIGURES: Mapping[str, Callable[[str, date], Figures | None]] = {
    "overview": nation_figures,
    f"{BriefKind.POLICY}-detail": policy_figures,
    f"{BriefKind.PILOT}-detail": pilot_figures,
    f"{BriefKind.PROVINCE}-detail": province_figures,
    f"{BriefKind.BATCH}-detail": batch_figures,
}
"""Figures of a subject on a day, by the URL name of its page."""
