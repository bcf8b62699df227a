"""Tile map of provinces: tiles, their CSS classes and the legend, for templates/components/charts/tile_map.html."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.utils.formats import date_format, get_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from core.text.bilingual import is_chinese_active
from core.text.formatting import format_date, label_value
from policies import metrics
from policies.metrics import Span
from policies.models import PlanStatus, Province
from policies.rollout import ProvinceRollout, Rollout

SIDE, GAP = 62, 3  # of a tile, and between two, in units of the drawing
PITCH = SIDE + GAP
DRAWING_SIZE = {"side": SIDE, "size": (8 * PITCH - GAP, 8 * PITCH - GAP)}  # eight tiles by eight
COLOUR_STEPS = 5  # colours of time: t5 is the earliest, as what has been in force longest
NAME_WIDTH = 9  # Latin letters of a name that fit on a tile; a Chinese character is as wide as two
SYLLABLES = re.compile(r"(?<=ng)(?=[b-df-hj-np-tv-z])")  # where a romanised name may be cut: Heilong-jiang
STATUS_CLASSES = {
    PlanStatus.DRAFTING: "drafting",
    PlanStatus.NOT_FOUND: "not-found",
    PlanStatus.NOT_REQUIRED: "not-required",
    PlanStatus.UNKNOWN: "nodata",
}


@dataclass(frozen=True)
class Tile:
    """One tile: `look` is its CSS class, `value` the text below the name, `text` the tooltip."""

    province: Province
    look: str
    value: str
    text: str
    hatched: bool = False  # only a latest day is known
    is_word: bool = False  # the value is a word, set smaller

    @property
    def x(self) -> int:
        return self.province.tile_col * PITCH

    @property
    def y(self) -> int:
        return self.province.tile_row * PITCH

    @property
    def middle(self) -> int:
        return self.x + SIDE // 2

    @property
    def outside(self) -> bool:
        return self.look == "outside"

    @property
    def corps(self) -> bool:
        """Whether the tile stands for an organisation, not for a territory."""
        return self.province.kind == "corps"

    @property
    def url(self) -> str:
        return "" if self.outside else self.province.get_absolute_url()

    @property
    def code(self) -> str:
        """The letters for a small map in English: those of ISO 3166-2, else of the short name."""
        return self.province.iso_code[-2:] or self.province.short[:5]

    @property
    def lines(self) -> list[tuple[int, str]]:
        """The name in one or two lines, each with its y coordinate."""
        names = name_lines(self.province.short)
        first = 26 if len(names) == 1 else 19
        if not self.value:
            first += 10
        return [(self.y + first + 12 * position, name) for position, name in enumerate(names)]

    @property
    def accessible_name(self) -> str:
        """What the tile shows, by which somebody who speaks to the browser names it, then what it means.

        Where the map is small, the code is shown instead of the name.
        """
        code = "" if is_chinese_active() else self.code
        shown = " ".join(filter(None, ("".join(name_lines(self.province.short)), self.value, code)))
        return f"{shown} · {self.text}"

    @property
    def code_y(self) -> int:
        return self.y + (26 if self.value else 37)

    @property
    def value_y(self) -> int:
        return self.y + (46 if len(name_lines(self.province.short)) == 1 else 50)


def text_width(text: str) -> int:
    """Return the width of a text in Latin letters."""
    return sum(2 if char >= "\u2e80" else 1 for char in text)


def name_lines(name: str) -> list[str]:
    """Split a name into the lines that a tile needs, at a space or between syllables; a longer one is truncated."""
    if text_width(name) <= NAME_WIDTH:
        return [name]
    head, space, tail = name.partition(" ")
    if not space:
        parts = SYLLABLES.split(name, maxsplit=1)
        cut = (
            len(parts[0])
            if len(parts) == 2
            else next(n for n in range(len(name)) if text_width(name[: n + 1]) > NAME_WIDTH)
        )
        head, tail = name[:cut] + ("-" if name[cut - 1] < "\u2e80" else ""), name[cut:]
    return [shorten(head, NAME_WIDTH + 1) + space, shorten(tail, NAME_WIDTH)]


def shorten(text: str, most: int) -> str:
    while text_width(text) > most:
        text = text[:-2] + "…"
    return text


# -- plans: when each was issued, and how surely that is known ---------------------------------------------


def plans_grid(rollout: Rollout, outside: Iterable[Province]) -> dict[str, object]:
    """Layer of plans: coloured by the date of issue, hatched where only a latest date is known.

    Colour shows when, not how well: what is not issued has no colour at all.
    """
    spans = metrics.common_spans([row.latest for row in rollout.provinces if row.latest], COLOUR_STEPS)
    tiles = [plan_tile(row, spans) for row in rollout.provinces]
    return {
        "key": "plans",
        "label": _("Plans"),
        "caption": _("Quarter in which each province issued its plan"),
        "tiles": [*tiles, *map(outside_tile, outside)],
        "heads": [pgettext("legend of the map", "Issued"), _("quarter known"), _("at the latest")] if spans else [],
        "legend": plans_legend(tiles, spans),
        "steps": [f"t{COLOUR_STEPS - place}" for place in range(len(spans))],
        **DRAWING_SIZE,
    }


def plan_tile(row: ProvinceRollout, spans: Sequence[Span]) -> Tile:
    """Return a province's tile: the quarter of issue, or the latest possible one, or the status of a missing plan."""
    if row.latest is None:
        return absent_tile(row)
    exact = row.issued is not None and row.issued.precision != "year"
    look = f"t{COLOUR_STEPS - spans.index(metrics.span_of(row.latest, spans[0].months))}"
    value = metrics.quarter(row.latest) if exact else f"≤{metrics.quarter(row.latest)}"
    return Tile(row.province, look, value, label_value(row.province.name, issue_text(row)), hatched=not exact)


def absent_tile(row: ProvinceRollout) -> Tile:
    """Return the tile of a province without an issued plan: a word or nothing, never a colour."""
    status = row.status
    words = {
        PlanStatus.ISSUED: "●",  # issued without any day, which no record is
        PlanStatus.DRAFTING: pgettext("on a tile", "drafting"),
        PlanStatus.NOT_FOUND: pgettext("on a tile", "not found"),
        PlanStatus.NOT_REQUIRED: pgettext("on a tile", "n/a"),
    }
    value = words.get(status, pgettext("a value that is missing", "no data"))
    text = label_value(row.province.name, status.label)
    return Tile(row.province, STATUS_CLASSES.get(status, "nodata"), value, text, is_word=True)


def issue_text(row: ProvinceRollout) -> str:
    """Return when the plan was issued, how certain the date is, and the lag in days."""
    if row.lag_days is not None:
        days = ngettext(
            "%(days)d day after the national document",
            "%(days)d days after the national document",
            row.lag_days,
        ) % {"days": row.lag_days}
        return _("issued on %(day)s, %(days)s") % {"day": format_date(row.issued), "days": days}
    between = row.lag_range
    if row.issued is None:
        text = _("issued by %(day)s at the latest, the day is not known") % {"day": format_date(row.known_by)}
    elif row.dated:
        return _("issued on %(day)s") % {"day": format_date(row.issued)}
    else:
        text = _("issued in %(when)s, the day is not known") % {"when": format_date(row.issued)}
    if between is None:
        return text
    if between[0] == 0:
        return _("%(text)s; at most %(last)d days after the national document") % {"text": text, "last": between[1]}
    values = {"text": text, "first": between[0], "last": between[1]}
    return _("%(text)s; %(first)d to %(last)d days after the national document") % values


def plans_legend(tiles: Sequence[Tile], spans: Sequence[Span]) -> list[dict[str, object]]:
    """Return a legend row for each span of time (certain and at the latest), then for missing plans."""
    counts = Counter((tile.look, tile.hatched) for tile in tiles)
    rows = []
    for place, span in enumerate(spans):
        look = f"t{COLOUR_STEPS - place}"
        rows.append(
            {"label": span_label(span), "look": look, "count": counts[look, False], "latest": counts[look, True]}
        )
    words = {look: str(PlanStatus(status).label) for status, look in STATUS_CLASSES.items()}
    words["nodata"] = pgettext("a value that is missing", "no data")
    absent = [
        {"label": label, "look": look, "count": counts[look, False], "latest": 0}
        for look, label in words.items()
        if counts[look, False]
    ]
    return rows + absent


def span_label(span: Span) -> str:
    """Return a span of time as text: 2022 Q4, Jul–Dec 2022, 2022, 2020–2023."""
    year, part = span.first.year, (span.first.month - 1) // span.months + 1
    if span.months == 3:
        return _("Q%(quarter)d %(year)d") % {"quarter": part, "year": year}
    if span.months == 6:
        return (_("Jan–Jun %(year)d") if part == 1 else _("Jul–Dec %(year)d")) % {"year": year}
    first = date_format(span.first, get_format("YEAR_FORMAT"))
    return first if span.months == 12 else _("%(first)d–%(last)d") % {"first": year, "last": span.last_year}


# -- any layer ---------------------------------------------------------------------------------------------


def outside_tile(province: Province) -> Tile:
    """Return a tile outside the roster: drawn, not counted."""
    return Tile(province, "outside", "", label_value(province.name, _("outside this programme")))


def counts_grid(
    key: str,
    label: str,
    caption: str,
    rows: Sequence[tuple[Province, int, str]],
    outside: Iterable[Province],
    shade: Callable[[int, int], int],
) -> dict[str, object]:
    """Layer of counts, each with its text: the higher, the stronger the colour given by `shade`."""
    values = [number for _province, number, _text in rows]
    highest = max(values, default=0)
    tiles = [Tile(province, f"s{shade(number, highest)}", str(number), text) for province, number, text in rows]
    return {
        "key": key,
        "label": label,
        "caption": caption,
        "tiles": [*tiles, *map(outside_tile, outside)],
        "heads": [],
        "legend": counts_legend(values, highest, shade),
        "steps": [],
        **DRAWING_SIZE,
    }


def counts_legend(values: Sequence[int], highest: int, shade: Callable[[int, int], int]) -> list[dict[str, object]]:
    """Return a legend row for each colour in use: its range of numbers, and how many provinces have them."""
    steps: dict[int, list[int]] = {}
    for value in sorted(values):
        steps.setdefault(shade(value, highest), []).append(value)
    legend = []
    for step, found in sorted(steps.items()):
        span = str(found[0]) if found[0] == found[-1] else f"{found[0]}–{found[-1]}"
        label = _("none recorded") if step == 0 else span
        legend.append({"look": f"s{step}", "label": label, "count": len(found), "latest": 0})
    return legend
