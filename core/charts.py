"""Charts as configurations of Chart.js: what is shown is decided here, and static/js/charts/ paints it.

A text that begins with two hyphens is a colour of theme.css: "--accent", or "--green/0.35" for a transparent one.
A point has, beside its place, what Chart.js has no word for: `title` and `text` are its tooltip, `url` the page that it
opens, `label` what stands beside it, and `name` what stands in the margin with a line to it. A label has a `text`,
`short` for a narrow window, and its side: [1, 0] to the right, [0, -1] above.
An axis has `marks`: its only ticks, each with value and text.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count
from math import ceil, floor, inf, log10
from textwrap import wrap
from typing import Any

from django.utils.formats import date_format, get_format

from core.text import format_number, is_chinese_active, join_short

Config = dict[str, Any]
Point = dict[str, Any]

ABOVE, BELOW, RIGHT, ABOVE_LEFT, BELOW_LEFT = [0, -1], [0, 1], [1, 0], [-1, -1], [-1, 1]
DASHED = [4, 3]


@dataclass(frozen=True)
class Bar:
    """Row of a bar chart: its parts, one a series, and what the tooltip says of it; `texts` are those of the parts."""

    label: str
    parts: Sequence[int]
    tip: str
    url: str = ""
    texts: Sequence[str] = ()
    number: str = ""  # beside the bar, instead of the sum of its parts
    behind: int = 0  # a pale bar of this length, of which the others are a part
    gap: bool = False  # a bar that should be there: its outline


def bars(rows: Sequence[Bar], series: Sequence[tuple[str, str]]) -> Config:
    """Horizontal bars from zero, in this order, each with its number instead of an axis; the parts of several series
    (name and colour) are stacked.
    """
    longest = max((max(sum(row.parts), row.behind) for row in rows), default=0) or 1
    shape: Config = {"barPercentage": 0.72, "categoryPercentage": 0.9, "grouped": False}
    datasets = []
    for position, (name, colour) in enumerate(series):
        points = []
        for row in rows:
            point: Point = {"x": row.parts[position], "y": row.label, "text": row.tip, "url": row.url}
            if len(series) > 1:
                told = row.texts[position] if row.texts else row.parts[position]
                point |= {"text": f"{name}: {told}" if row.parts[position] else "", "footer": row.tip}
            if position == len(series) - 1:
                number = row.number or format_number(sum(row.parts))
                point["label"] = {"text": number, "side": RIGHT, "plain": True, "end": sum(row.parts) / longest}
            if row.gap:
                point["x"] = longest * 0.04
                point["label"] |= {"color": "--second", "plain": False}
            points.append(point)
        look: Config = {"backgroundColor": colour, "stack": "parts", **shape}
        if any(row.gap for row in rows):
            look["backgroundColor"] = ["--amber" if row.gap else colour for row in rows]
            look |= {"borderColor": "--second", "borderSkipped": False}
            look["borderWidth"] = [1 if row.gap else 0 for row in rows]
        datasets.append({"label": name, "data": points, **look})
    if any(row.behind for row in rows):
        whole = [{"x": row.behind, "y": row.label, "url": row.url} for row in rows]
        pale = {"label": "", "data": whole, "backgroundColor": "--s1", "stack": "behind", "order": 1, **shape}
        datasets.insert(0, pale)
    return {
        "type": "bar",
        "data": {"labels": [row.label for row in rows], "datasets": datasets},
        "options": {
            "indexAxis": "y",
            "layout": {"padding": {"top": 4, "right": 8}},
            "interaction": {"mode": "index", "axis": "y", "intersect": False},
            "scales": {
                "x": {"display": False, "min": 0, "max": longest, "stacked": True},
                "y": {"stacked": True, "grid": {"display": False}, "ticks": {"autoSkip": False, "color": "--ink"}},
            },
        },
    }


# -- lines and dots ------------------------------------------------------------------------------------------


def plot(datasets: Sequence[Config], x: Config, y: Config, *, top: int = 14, **options: Any) -> Config:
    """Lines and dots between two axes, with so many pixels above them for labels; more `options` of Chart.js."""
    layout = {"padding": {"top": top, "right": 14}}
    return {
        "type": "scatter",
        "data": {"datasets": [own for own in datasets if own["data"]]},
        "options": {"layout": layout, "scales": {"x": x, "y": y}, **options},
    }


def line(label: str, points: Sequence[Point], colour: str, width: float = 1.5, **more: Any) -> Config:
    """A line through these points; a point without x and y is a gap in it."""
    look = {"borderColor": colour, "backgroundColor": colour, "borderWidth": width, "pointRadius": 0, "tension": 0}
    return {"label": label, "data": points, "showLine": True, "pointHoverRadius": 3, **look, **more}


def dots(label: str, points: Sequence[Point], colour: str = "--accent", *, hollow: bool = False, **more: Any) -> Config:
    """Dots, one a record."""
    look = {"radius": 4.5, "hoverRadius": 6, "borderWidth": 2, "borderColor": colour}
    return {"label": label, "data": points, **look, "backgroundColor": "--panel" if hollow else colour, **more}


def steps(
    curves: Sequence[tuple[str, Sequence[tuple[date, int, Sequence[str]]]]],
    ends: tuple[date, date],
    most: int,
    *,
    of: str,
    flags: Sequence[Mapping[str, Any]] = (),
) -> Config:
    """Curves that rise in steps, with a name each: days with the number by then and who came on the day.

    The first is filled, the second a thin line. `of` follows a number in the tooltip; `flags` are numbered days.
    """
    first, last = ends
    reached = [days[-1][1] if days else 0 for _name, days in curves]
    beside = len(curves) > 1 and bool(curves[1][1])
    close = reached[0] - reached[-1] < most * 0.12  # names would lie on one another
    looks: list[tuple[str, Config]] = [
        ("--accent", {"width": 2.5, "backgroundColor": "--s1", "fill": "origin"}),
        ("--muted", {"width": 1.25}),
    ]
    datasets: list[Config] = []
    for position, ((name, days), (colour, look)) in enumerate(zip(curves, looks, strict=False)):
        points: list[Point] = [
            {
                "x": on.toordinal(),
                "y": n,
                "title": date_format(on, get_format("DATE_FORMAT")),
                "text": [f"{name}: {n} {of}", *wrap(join_short(names), 22 if is_chinese_active() else 44)],
            }
            for on, n, names in [(first, 0, ()), *days, (last, reached[position], ())]
        ]
        points[-1]["label"] = {
            "text": f"{reached[position]} {name}",
            "short": str(reached[position]),  # a narrow window has a legend
            "side": RIGHT,
            "end": 1,  # in the margin
            "lift": (8 if position == 0 else -8) if beside and close else 0,
            "color": colour,
        }
        if days or not position:
            datasets.insert(0, line(name, points, colour, **look, stepped="before"))
    lines: list[Config] = []
    levels: list[int] = []  # the last day with a flag on each level: flags nearer than a badge is wide lie on others
    for number, flag in enumerate(flags, 1):
        day = flag["on"].toordinal()
        level = next((n for n, taken in enumerate(levels) if day - taken > (last - first).days / 15), len(levels))
        levels[level : level + 1] = [day]
        badge = {"text": str(number), "badge": True, "lift": 4 + 19 * level}
        tip = {"title": flag["label"], "text": date_format(flag["on"], get_format("DATE_FORMAT")), "url": flag["url"]}
        lines.append(upright(day, (0, most), badge, "--second", 1, **tip))
    scale = {"min": 0, "max": most}
    return plot(
        [*lines, *datasets],
        day_axis(first, last),
        {**scale, "ticks": {"stepSize": max(1, ceil(most / 4))}},
        top=26 + 19 * (len(levels) - 1) if levels else 20,
        interaction={"mode": "nearest", "axis": "x", "intersect": False},
    )


def strip(
    lanes: Sequence[str],
    points: Sequence[Point],
    axis: str,
    series: tuple[str, str],
    middle: tuple[float, str] | None = None,
) -> Config:
    """One dot a record in the lane that it names, with a line from its `from`; a line at the median.

    `series` are what full and what hollow dots stand for.
    Dots of a lane that would touch lie at different levels: 0, 1, -1, 2, -2 … Empty where there is no point.
    """
    if not points:
        return {}
    placed = sorted(points, key=lambda point: point["x"])
    longest = max(1, placed[-1]["x"])
    taken: dict[tuple[int, int], float] = {}
    levels = []
    for point in placed:
        order = ((n + 1) // 2 * (1 if n % 2 else -1) for n in count())
        level = next(n for n in order if point["x"] - taken.get((point["lane"], n), -inf) >= longest / 50)
        taken[point["lane"], level] = point["x"]
        levels.append(level)
    step = min(0.2, 0.46 / max(1, *map(abs, levels)))  # the highest stack just fills its lane
    placed = [{**point, "y": point["lane"] + level * step} for point, level in zip(placed, levels, strict=True)]
    spans = [
        end
        for point in placed
        if point.get("from") is not None
        for end in ({"x": point["from"], "y": point["y"]}, {"x": point["x"], "y": point["y"]}, {"x": None, "y": None})
    ]
    bottom, top = len(lanes) - 0.4, -0.6
    return plot(
        [
            dots(series[0], [point for point in placed if not point.get("hollow")]),
            dots(series[1], [point for point in placed if point.get("hollow")], hollow=True),
            line("", spans, "--s4", 3),
            *([upright(middle[0], (bottom, top), {"text": middle[1]}, "--second")] if middle else []),
        ],
        count_axis(longest * 1.03, axis),
        lane_axis(lanes),
        top=22 if middle else 8,
    )


def upright(
    at: float, ends: tuple[float, float], label: Config, colour: str, width: float = 1.5, **more: Any
) -> Config:
    """A dashed vertical line with its label above; `more` is what its tooltip says and where it leads."""
    color = {} if "badge" in label else {"color": colour}
    top = {"x": at, "y": ends[1], "label": {"side": ABOVE, **color, **label}, **more}
    return line("", [{"x": at, "y": ends[0]}, top], colour, width, borderDash=DASHED, pointHoverRadius=0)


# -- axes ----------------------------------------------------------------------------------------------------


def count_axis(longest: float, title: str) -> Config:
    """Axis of counts that ends with the longest bar: round ticks from zero, five steps or fewer.

    Chart.js would divide a long axis evenly instead.
    """
    longest = longest or 1
    step = next(digit * 10**power for power in count() for digit in (1, 2, 5) if longest / (digit * 10**power) <= 5)
    marks = [[n, format_number(n)] for n in range(0, floor(longest) + 1, step)]
    ends = {"min": 0, "max": longest, "title": {"display": True, "text": title}}
    return {**ends, "marks": marks, "ticks": {"maxRotation": 0}}


def lane_axis(names: Sequence[str], *, air: float = 0.6, grid: bool = True) -> Config:
    """Axis with a row for each name, the first on top."""
    ends = {"min": -air, "max": len(names) - 1 + air, "reverse": True}
    look = {"grid": {"display": grid}, "ticks": {"autoSkip": False, "color": "--ink"}}
    return {**ends, "marks": list(enumerate(names)), **look}


def day_axis(first: date, last: date, air: float = 0) -> Config:
    """Axis of days as ordinals, with some air at both ends; a tick at the first of a month, eight at most."""
    begin, end = first.year * 12 + first.month - 1, last.year * 12 + last.month
    step = next(months for months in (1, 2, 3, 6, 12, 24, 60, 120, 240, 600) if (end - begin) / months <= 8)
    months = [date(place // 12, place % 12 + 1, 1) for place in range(-(-begin // step) * step, end, step)]
    name = get_format("YEAR_MONTH_FORMAT") if is_chinese_active() else "M Y"
    margin = (last - first).days * air or (1 if air else 0)
    ends = {"min": first.toordinal() - margin, "max": last.toordinal() + margin}
    marks = [[day.toordinal(), date_format(day, name)] for day in months if ends["min"] <= day.toordinal()]
    return {**ends, "marks": marks, "ticks": {"maxRotation": 0, "autoSkipPadding": 18}, "grid": {"display": False}}


def year_axis(years: Iterable[int]) -> Config:
    first, last = min(years := list(years), default=0), max(years, default=0)
    marks = [[year, str(year)] for year in range(first, last + 1)]
    ends = {"min": first - 0.3, "max": last + 0.3}
    return {**ends, "marks": marks, "ticks": {"maxRotation": 0}, "grid": {"display": False}}


def value_axis(values: Sequence[float]) -> Config:
    """Axis of values in four round steps with some air; from 0 where that costs little space."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    air = (high - low) * 0.18 or abs(high) * 0.1 or 1.0
    low, high = (0.0 if low < high * 0.3 else low - air), high + air
    rough = (high - low) / 4
    scale: float = 10.0 ** floor(log10(rough))
    step = scale * next(factor for factor in (1, 2, 2.5, 5, 10) if rough <= factor * scale * (1 + 1e-9))
    begin, end = floor(low / step) * step, ceil(high / step) * step
    return {"min": round(max(begin, 0.0), 6), "max": round(end, 6), "ticks": {"stepSize": round(step, 6)}}
