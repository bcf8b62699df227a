"""Tile map of provinces: a grid of links, coloured by when a plan was issued or by a count.

Of a layer's legend each row has its `look`, `label`, `count`, and as `latest` how many of that look are hatched.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.formats import date_format, get_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext, pgettext_lazy

from core.text.bilingual import is_chinese_active
from core.text.formatting import format_date, label_value
from policies import metrics
from policies.models import PlanStatus, Province
from policies.rollout import ProvinceRollout, Rollout

COLOUR_STEPS = 5  # colours of time: t5 is the earliest, as what has been in force longest
SYLLABLES = re.compile(r"(?<=ng)(?=[b-df-hj-np-tv-z])")  # where a romanised name may be cut: Heilong-jiang
NO_DATA = pgettext_lazy("a value that is missing", "no data")
# Of a plan that is not issued: the CSS class of its tile, the word on it, the label in the legend.
ABSENT = {
    PlanStatus.DRAFTING: ("drafting", pgettext_lazy("on a tile", "drafting"), PlanStatus.DRAFTING.label),
    PlanStatus.NOT_FOUND: ("not-found", pgettext_lazy("on a tile", "not found"), PlanStatus.NOT_FOUND.label),
    PlanStatus.NOT_REQUIRED: ("not-required", pgettext_lazy("on a tile", "n/a"), PlanStatus.NOT_REQUIRED.label),
    PlanStatus.UNKNOWN: ("nodata", NO_DATA, NO_DATA),
}


@dataclass(frozen=True)
class Tile:
    """One tile: `look` is its CSS class, `value` the text below the name, `text` what it means."""

    province: Province
    look: str
    value: str
    text: str
    hatched: bool = False  # only a latest day is known
    is_word: bool = False  # the value is a word, set smaller

    @property
    def is_outside(self) -> bool:
        """Whether it is outside the roster: drawn, not counted."""
        return self.look == "outside"

    @property
    def is_corps(self) -> bool:
        """Whether it stands for an organisation, not for a territory."""
        return bool(self.province.kind == "corps")

    @property
    def name(self) -> str:
        """The short name, which may be cut between syllables."""
        return SYLLABLES.sub("\u00ad", self.province.short)

    @property
    def code(self) -> str:
        """The letters for a small map in English: those of ISO 3166-2, else of the short name; none in Chinese."""
        return "" if is_chinese_active() else self.province.iso_code[-2:] or self.province.short[:5]

    @property
    def accessible_name(self) -> str:
        """What the tile shows, by which somebody who speaks to the browser names it, then what it means."""
        return f"{' '.join(filter(None, (self.province.short, self.value, self.code)))} · {self.text}"


def outside_tile(province: Province) -> Tile:
    """Return a tile outside the roster: drawn, not counted."""
    return Tile(province, "outside", "", label_value(province.name, _("outside this programme")))


# -- plans: when each was issued, and how surely that is known ---------------------------------------------


def plans_grid(rollout: Rollout, outside: Iterable[Province]) -> dict[str, Any]:
    """Layer of plans: coloured by the date of issue, hatched where only a latest date is known.

    Colour shows when, not how well: what is not issued has no colour at all.
    """
    spans = metrics.common_spans([row.latest for row in rollout.provinces if row.latest], COLOUR_STEPS)
    tiles = [plan_tile(row, spans) for row in rollout.provinces]
    counts = Counter((tile.look, tile.hatched) for tile in tiles)
    looks = [(f"t{COLOUR_STEPS - place}", span_label(span)) for place, span in enumerate(spans)]
    legend = [
        {"look": look, "label": label, "count": counts[look, False], "latest": counts[look, True]}
        for look, label in [*looks, *((look, label) for look, _word, label in ABSENT.values())]
        if counts[look, False] or counts[look, True]
    ]
    return {
        "key": "plans",
        "label": _("Plans"),
        "caption": _("Quarter in which each province issued its plan"),
        "tiles": [*tiles, *map(outside_tile, outside)],
        "heads": [pgettext("legend of the map", "Issued"), _("quarter known"), _("at the latest")] if spans else [],
        "legend": legend,
    }


def plan_tile(row: ProvinceRollout, spans: Sequence[metrics.Span]) -> Tile:
    """Return a province's tile: the quarter of issue, or the latest possible one, or the status of a missing plan."""
    if row.latest is None:  # a word or nothing, never a colour
        look, word, _label = ABSENT[row.status]
        return Tile(row.province, look, str(word), label_value(row.province.name, row.status.label), is_word=True)
    exact = row.issued is not None and row.issued.precision != "year"
    look = f"t{COLOUR_STEPS - spans.index(metrics.span_of(row.latest, spans[0].months))}"
    value = metrics.quarter(row.latest) if exact else f"≤{metrics.quarter(row.latest)}"
    return Tile(row.province, look, value, label_value(row.province.name, issue_text(row)), hatched=not exact)


def issue_text(row: ProvinceRollout) -> str:
    """Return when the plan was issued, how certain the date is, and the lag in days."""
    day, known_by, between = format_date(row.issued), format_date(row.known_by), row.lag_range
    if row.lag_days is not None:
        days = ngettext(
            "%(days)d day after the national document", "%(days)d days after the national document", row.lag_days
        )
        return _("issued on %(day)s, %(days)s") % {"day": day, "days": days % {"days": row.lag_days}}
    if row.issued is None:
        text = _("issued by %(day)s at the latest, the day is not known") % {"day": known_by}
    elif row.dated:
        text = _("issued on %(day)s") % {"day": day}
    else:
        text = _("issued in %(when)s, the day is not known") % {"when": day}
    if between is None:
        return text
    if between[0] == 0:
        return _("%(text)s; at most %(last)d days after the national document") % {"text": text, "last": between[1]}
    values = {"text": text, "first": between[0], "last": between[1]}
    return _("%(text)s; %(first)d to %(last)d days after the national document") % values


def span_label(span: metrics.Span) -> str:
    """Return a span of time as text: 2022 Q4, Jul–Dec 2022, 2022, 2020–2023."""
    year, part = span.first.year, (span.first.month - 1) // span.months + 1
    if span.months == 3:
        return _("Q%(quarter)d %(year)d") % {"quarter": part, "year": year}
    if span.months == 6:
        return (_("Jan–Jun %(year)d") if part == 1 else _("Jul–Dec %(year)d")) % {"year": year}
    first = date_format(span.first, get_format("YEAR_FORMAT"))
    return first if span.months == 12 else _("%(first)d–%(last)d") % {"first": year, "last": span.last_year}


# -- counts ------------------------------------------------------------------------------------------------


def counts_grid(
    key: str,
    label: str,
    caption: str,
    rows: Sequence[tuple[Province, int, str]],
    outside: Iterable[Province],
    shade: Callable[[int, int], int],
) -> dict[str, Any]:
    """Layer of counts, each with its text: the higher, the stronger the colour given by `shade`."""
    values = sorted(number for _province, number, _text in rows)
    highest = max(values, default=0)
    tiles = [Tile(province, f"s{shade(number, highest)}", str(number), text) for province, number, text in rows]
    shades: dict[int, list[int]] = {}
    for value in values:
        shades.setdefault(shade(value, highest), []).append(value)
    legend = []
    for step, numbers in sorted(shades.items()):
        span = f"{numbers[0]}–{numbers[-1]}" if numbers[0] != numbers[-1] else str(numbers[0])
        words = span if step else _("none recorded")
        legend.append({"look": f"s{step}", "label": words, "count": len(numbers), "latest": 0})
    tiles += map(outside_tile, outside)
    return {"key": key, "label": label, "caption": caption, "tiles": tiles, "heads": [], "legend": legend}
