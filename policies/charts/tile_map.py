"""Tile map of provinces: a grid of links, on which missing plans stand out, or coloured by a count."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext_lazy

from core.text.bilingual import is_chinese_active
from core.text.formatting import format_date, label_value
from policies import metrics
from policies.models import PlanStatus, Province
from policies.rollout import ProvinceRollout, Rollout

SYLLABLES = re.compile(r"(?<=ng)(?=[b-df-hj-np-tv-z])")  # where a romanised name may be cut: Heilong-jiang
# The word on the tile of a plan that is not issued.
ABSENT = {
    PlanStatus.DRAFTING: pgettext_lazy("on a tile", "drafting"),
    PlanStatus.NOT_FOUND: pgettext_lazy("on a tile", "not found"),
    PlanStatus.NOT_REQUIRED: pgettext_lazy("on a tile", "n/a"),
    PlanStatus.UNKNOWN: pgettext_lazy("a value that is missing", "no data"),
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
    """Layer of plans: issued ones are pale, with the quarter, and hatched where only a latest date is known; what is
    missing stands out.
    """
    tiles = [*map(plan_tile, rollout.provinces), *map(outside_tile, outside)]
    counts = Counter((tile.look, tile.hatched) for tile in tiles)
    labels = {
        ("issued", False): _("issued, day or month known"),
        ("issued", True): _("issued, latest day only"),
        ("missing", False): _("no plan on record"),
        ("not-required", False): PlanStatus.NOT_REQUIRED.label,
        ("outside", False): _("outside the roster"),
    }
    return {
        "key": "plans",
        "label": _("Plans"),
        "caption": _("Quarter in which each province issued its plan"),
        "tiles": tiles,
        "legend": [legend_row(*key, label, counts[key]) for key, label in labels.items() if counts[key]],
    }


def legend_row(look: str, hatched: bool, label: object, count: int) -> dict[str, Any]:
    return {"look": look, "hatched": hatched, "label": label, "count": count}


def plan_tile(row: ProvinceRollout) -> Tile:
    """Return a province's tile: the quarter of issue, or the latest possible one, or the status of a missing plan."""
    if row.latest is None:
        look = "not-required" if row.status == PlanStatus.NOT_REQUIRED else "missing"
        text = label_value(row.province.name, row.status.label)
        return Tile(row.province, look, str(ABSENT[row.status]), text, is_word=True)
    exact = row.issued is not None and row.issued.precision != "year"
    value = metrics.quarter(row.latest) if exact else f"≤{metrics.quarter(row.latest)}"
    return Tile(row.province, "issued", value, label_value(row.province.name, issue_text(row)), hatched=not exact)


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
        legend.append(legend_row(f"s{step}", False, words, len(numbers)))
    tiles += map(outside_tile, outside)
    return {"key": key, "label": label, "caption": caption, "tiles": tiles, "legend": legend}
