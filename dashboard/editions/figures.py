"""Key numbers of an edition: those of the overview, with their labels in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import override

from core.text.bilingual import TranslatedText
from dashboard.analytics.overview import Overview
from dashboard.editions.tables import LANGUAGES
from pilots.lights import Colour, count_by_colour
from pilots.metrics.practice_states import LIBRARY_STATES


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

    label = TranslatedText("label")
    scope = TranslatedText("scope")


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


def figure_rows(value: Overview) -> Iterator[tuple[str, str, str, int | None, int | None]]:
    """Yield code, label, scope, value and whole of each number, in the active language."""
    scope = value.national.batch.label if value.national else _("All pilots")
    every = _("all provinces")
    if value.rollout:
        plans = value.rollout
        yield "plans", _("Provincial plans issued"), plans.policy.short, plans.issued, plans.roster
    yield "cities", _("Pilot cities recorded"), scope, value.cities.recorded, value.cities.announced
    yield "parks", _("Pilot parks recorded"), scope, value.parks.recorded, value.parks.announced
    progress, track, owed = value.progress, value.progress.on_track, value.outstanding
    lights = count_by_colour(item.colour for item in progress.pilots)
    for colour, label in (
        (Colour.GREEN, _("Pilots with a green light")),
        (Colour.YELLOW, _("Pilots with a yellow light")),
        (Colour.RED, _("Pilots with a red light")),
        (Colour.GREY, _("Pilots that cannot be rated")),
    ):
        yield f"light-{colour}", label, scope, lights[colour], len(progress.pilots)
    yield "on-track", _("Binding targets on the path"), scope, None if track.few else track.on_path, track.rated
    year = _("Pilots that reported values for %(year)d") % {"year": owed.year}
    yield "reported", year, scope, owed.owing - owed.count, owed.owing
    summary, states = value.follow_up_summary, value.diffusion.by_state
    yield "follow-ups-open", _("Follow-ups still open"), every, summary.open, summary.total
    yield "follow-ups-overdue", _("Follow-ups overdue, of the open ones"), every, summary.overdue.n, summary.open
    library = sum(states[state] for state in LIBRARY_STATES)
    yield "practices", _("Practices in the library"), every, library, value.diffusion.total
