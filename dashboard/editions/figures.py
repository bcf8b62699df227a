"""Key numbers of an edition: those of the overview, with their labels in both languages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from core.records.history_model import HistoryModel
from core.text.bilingual import is_chinese_active
from dashboard.analytics.overview import Overview
from dashboard.editions.tables import LANGUAGES
from pilots.analytics.pilot_status import PilotStatus
from pilots.metrics.lights import Colour, count_by_colour
from pilots.metrics.practice_states import LIBRARY_STATES
from pilots.models import FollowUp, Pilot, PilotKind, Practice, Target
from policies.models import ProvincialPlan


@dataclass(frozen=True)
class EditionFigure:
    """A key number: `value` None is no data, `of` the whole that it is part of, `scope` the set that is counted."""

    code: str
    label_en: str
    label_zh: str
    scope_en: str
    scope_zh: str
    value: int | None
    of: int | None

    @property
    def label(self) -> str:
        return self.label_zh if is_chinese_active() else self.label_en

    @property
    def scope(self) -> str:
        return self.scope_zh if is_chinese_active() else self.scope_en

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def build_figures(value: Overview) -> list[EditionFigure]:
    """Return the key numbers of the overview. Its functions compute them; nothing is counted here."""
    by_language = {}
    for suffix, language in LANGUAGES.items():
        with override(language):
            by_language[suffix] = list(figure_rows(value))
    pairs = zip(by_language["en"], by_language["zh"], strict=True)
    return [
        EditionFigure(code, label, label_zh, scope, scope_zh, number, of)
        for (code, label, scope, number, of), (_code, label_zh, scope_zh, _number, _of) in pairs
    ]


FIGURE_LABELS: Mapping[str, Promise] = {
    "plans": gettext_lazy("Provincial plans issued"),
    "cities": gettext_lazy("Pilot cities recorded"),
    "parks": gettext_lazy("Pilot parks recorded"),
    "light-green": gettext_lazy("Pilots with a green light"),
    "light-yellow": gettext_lazy("Pilots with a yellow light"),
    "light-red": gettext_lazy("Pilots with a red light"),
    "light-grey": gettext_lazy("Pilots that cannot be rated"),
    "on-track": gettext_lazy("Binding targets on the path"),
    "reported": gettext_lazy("Pilots that reported values for the year due"),
    "follow-ups-open": gettext_lazy("Follow-ups still open"),
    "follow-ups-overdue": gettext_lazy("Follow-ups overdue, of the open ones"),
    "practices": gettext_lazy("Practices in the library"),
}
KINDS = {"cities": PilotKind.CITY, "parks": PilotKind.PARK}
RATED = (Colour.GREEN, Colour.YELLOW, Colour.RED, Colour.GREY)


def figure_rows(value: Overview) -> Iterator[tuple[str, str, str, int | None, int | None]]:
    """Yield code, label, scope, value and whole of each number, in the active language.

    Those that take long to compute come last: who looks for one stops there.
    """
    scope = value.national.batch.label if value.national else _("All pilots")
    every = _("all provinces")
    if value.rollout:
        yield row("plans", value.rollout.policy.short, value.rollout.issued, value.rollout.roster)
    for code, numbers in (("cities", value.cities), ("parks", value.parks)):
        yield row(code, scope, numbers.recorded, numbers.announced)
    progress, track = value.progress, value.progress.on_track
    lights = count_by_colour(item.colour for item in progress.pilots)
    for colour in RATED:
        yield row(f"light-{colour}", scope, lights[colour], len(progress.pilots))
    yield row("on-track", scope, None if track.few else track.on_path, track.rated)
    owed = value.outstanding
    year = _("Pilots that reported values for %(year)d") % {"year": owed.year}
    yield "reported", year, scope, owed.owing - owed.count, owed.owing
    summary, states = value.follow_up_summary, value.diffusion.by_state
    yield row("follow-ups-open", every, summary.open, summary.total)
    yield row("follow-ups-overdue", every, summary.overdue.n, summary.open)
    yield row("practices", every, sum(states[state] for state in LIBRARY_STATES), value.diffusion.total)


def row(code: str, scope: str, value: int | None, of: int | None) -> tuple[str, str, str, int | None, int | None]:
    return code, str(FIGURE_LABELS[code]), scope, value, of


# -- which records make a number -------------------------------------------------------------------------

Part = tuple[type[HistoryModel], int, object]
"""Record that a number counts, by model and key, and what it contributes."""


def figure_parts(value: Overview, code: str) -> frozenset[Part]:
    """Return the records that a number counts: which differ tells why it differs."""
    if code == "plans":
        rows = value.rollout.provinces if value.rollout else ()
        return frozenset((ProvincialPlan, item.plan.pk, 1) for item in rows if item.counts and item.plan)
    if code == "practices":
        practices = value.diffusion.practices
        return frozenset((Practice, item.practice.pk, item.state in LIBRARY_STATES) for item in practices)
    if code.startswith("follow-ups"):
        overdue = code == "follow-ups-overdue"
        return frozenset(
            (FollowUp, item.follow_up.pk, item.overdue if overdue else item.state.is_open) for item in value.follow_ups
        )
    if code == "on-track":
        targets = [found for item in value.progress.pilots for found in item.indicators if found.target.binding]
        return frozenset((Target, found.target.pk, found.light.colour) for found in targets)
    return frozenset((Pilot, item.pilot.pk, pilot_part(item, code)) for item in value.progress.pilots)


def pilot_part(item: PilotStatus, code: str) -> object:
    """Return what a pilot contributes to a number of pilots."""
    if code in KINDS:
        return item.pilot.kind == KINDS[code]
    return item.reported if code == "reported" else code == f"light-{item.colour}"
