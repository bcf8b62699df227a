"""Charts and tables of synergy, of an indicator's trend over a set of pilots, and of announced, recorded and withdrawn
pilots; without calculations of their own.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import count
from math import ceil, floor
from operator import attrgetter, itemgetter
from typing import Any

from django.db.models import Max, Min
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core import charts
from core.tables import Cell, Chart, Column, Table, make_table, status_cell
from core.text import (
    format_amount,
    format_change,
    format_date,
    format_number,
    format_percent,
    format_share,
    join_clauses,
    join_sentences,
    join_short,
    label_value,
)
from pilots.analytics.progress import BY_BATCH
from pilots.analytics.reconciliation import BatchCount, KindCount, ProvincePilots
from pilots.analytics.synergy import EmissionBasis, PilotExclusionReason, PilotSynergy, Synergy, negated
from pilots.analytics.trend import MIN_COMPARED, Trend, TrendYear
from pilots.charts.cells import (
    amount_change_cell,
    change_cell,
    colour_step,
    format_co2,
    industries_text,
    name_beside,
    pilot_column,
    pilot_count_cell,
    pilots_url,
    strip_idle_zeros,
    text_cell,
)
from pilots.charts.status import value_axis_note
from pilots.filters import SynergyPageFilter
from pilots.lights import Colour
from pilots.metrics import EPSILON, CoControl
from pilots.models import Batch, Pilot, RollUp
from policies.charts import counts_grid
from policies.models import Province, Source
from policies.tables import province_cell, too_few_text

CORNERS = {  # of the quadrants: 1 where a rate is a reduction, first carbon, then air pollutants
    CoControl.CO_REDUCTION: (1, 1),
    CoControl.POLLUTION_DOWN_CARBON_UP: (-1, 1),
    CoControl.CARBON_DOWN_POLLUTION_UP: (1, -1),
    CoControl.BOTH_UP: (-1, -1),
}
RISING = (CoControl.POLLUTION_DOWN_CARBON_UP, CoControl.BOTH_UP)  # the classes of pilots whose carbon rises
MAX_RADIUS = 18  # pixels, of the largest bubble
MAX_POINTS = 500  # pilots that are drawn one by one
DENSE_PIXELS = 220  # half of the drawing's height, which the squares share
NAMED = 5  # the largest rises of carbon, named on the chart; all are in its table
MIN_DRAWN = 5  # fewest pilots that make a picture


def class_cell(kind: CoControl | None) -> Cell:
    return status_cell(kind) if kind else Cell(None)


def class_of_totals_cell(item: PilotSynergy) -> Cell:
    """Return the class of a pilot; one with only an intensity is not classed."""
    return class_cell(item.kind) if item.basis == EmissionBasis.TOTAL else Cell(_("not classed"), tag="grey")


def basis_cell(item: PilotSynergy) -> Cell:
    return Cell(str(item.basis.label), tag="" if item.basis == EmissionBasis.TOTAL else "grey")


def carbon_cell(pilot: Any) -> Cell:
    return change_cell(negated(pilot.class_carbon_rate))


def shared_columns(shared: Collection[str]) -> list[Column[Any]]:
    """Return the columns of pilots `with_class` that the tables share: the pilot, and the changes of carbon, of air
    pollutants and of CO₂.
    """
    air, tonnes = _("Air pollutants (equivalents), change"), _("CO₂, change in t")
    return [
        pilot_column(shared, lambda pilot: pilot),
        Column("carbon", _("Carbon, change"), carbon_cell, kind="share"),
        Column("air", air, lambda pilot: change_cell(negated(pilot.class_pollution_rate)), kind="share"),
        Column("tonnes", tonnes, lambda row: amount_change_cell(negated(row.class_carbon_tonnes)), kind="decimal"),
    ]


# -- the coordinates -----------------------------------------------------------------------------------


def coordinates_chart(
    synergy: Synergy, scope: str, sources: Sequence[Source], table: Table, shared: Collection[str]
) -> Chart:
    """Return the co-control chart: pilots by reduction of carbon (x) and of air pollutants (y); too many to be told
    apart are counted in squares.
    """
    rising = synergy.classed(*RISING).select_related("batch")[:NAMED]
    numbers = {"n": synergy.judged, "of": synergy.of, "year": synergy.year}
    if synergy.judged > MAX_POINTS:
        step, points = square_points(synergy)
        subtitle = _(
            "%(scope)s: %(n)d of %(of)d have accepted totals for %(year)d and their base year · "
            "area by number of pilots · as of %(day)s"
        )
        note = _(
            "Too many pilots to draw each: a mark stands for all within %(step)s %% by %(step)s %%, in the colour of "
            "the class that most of them have; the table names each. Minus is less. Only total emissions are drawn: an "
            "intensity is never set beside them."
        ) % {"step": format_number(strip_idle_zeros(step * 100))}
    else:
        points = pilot_points(synergy, rising, shared)
        subtitle = _(
            "%(scope)s: %(n)d of %(of)d have accepted totals for %(year)d and their base year · "
            "area by tonnes of CO₂ · as of %(day)s"
        )
        note = _(
            "Minus is less; named are the largest rises of carbon. Grey: flat, since a rate is within 0.5 % of "
            "nothing. Only total emissions are drawn: an intensity is never set beside them."
        )
    return Chart(
        slug="coordinates",
        kind="coordinates",
        title=coordinates_title(synergy, rising, shared),
        subtitle=subtitle % {"scope": scope, "day": format_date(synergy.as_of), **numbers},
        table=table,
        data=coordinates_config(synergy, points) if synergy.judged >= MIN_DRAWN else {},
        sources=sources,
        note=note,
        api=reverse("api-synergy"),
        api_filters=tuple(SynergyPageFilter.base_filters),
    )


def coordinates_columns(year: int, shared: Collection[str]) -> list[Column[PilotSynergy]]:
    """Return the columns of the pilots with rates."""
    pilot, *changes = (column.of(attrgetter("pilot")) for column in shared_columns(shared))
    return [
        pilot,
        Column("class", _("Class"), class_of_totals_cell),
        *changes,
        Column(
            "equivalents",
            _("Air pollutants, change in thousand equivalents"),
            lambda item: amount_change_cell(negated(item.apeq.reduced)),
            kind="decimal",
        ),
        Column("used", _("Pollutants used"), pollutants_used),
        Column("base_year", _("Base year"), lambda item: str(item.base_year)),
        Column("year", _("Year"), lambda _item: str(year)),
        Column("basis", _("Basis"), basis_cell),
    ]


def synergy_title(synergy: Synergy) -> str:
    """Return the headline: pilots that reduce both, and those that do not."""
    n = synergy.judged
    if not n:
        return _("No pilot can be placed for %(year)d yet") % {"year": synergy.year}
    both, up = synergy.kinds[CoControl.CO_REDUCTION], synergy.kinds[CoControl.POLLUTION_DOWN_CARBON_UP]
    text = ngettext(
        "%(both)d of %(n)d pilot that can be judged reduces both",
        "%(both)d of the %(n)d pilots that can be judged reduce both",
        n,
    ) % {"both": both, "n": n}
    if not up:
        return text
    rest = ngettext("in %(n)d pollution falls while carbon rises", "in %(n)d pollution falls while carbon rises", up)
    return join_clauses([text, rest % {"n": up}])


def coordinates_title(synergy: Synergy, rising: Sequence[Any], shared: Collection[str]) -> str:
    """Return the headline: in how many pilots carbon rises, by how much, and most in which."""
    if not rising:
        return synergy_title(synergy)
    rates = synergy.classed(*RISING).order_by().aggregate(low=Max("class_carbon_rate"), high=Min("class_carbon_rate"))
    n = sum(synergy.kinds[kind] for kind in RISING)
    text = ngettext(
        "Carbon rises in %(n)d pilot: %(name)s, by %(high)s or %(tonnes)s",
        "Carbon rises by %(low)s to %(high)s in %(n)d pilots; most in %(name)s: %(tonnes)s",
        n,
    )
    return text % {
        **{name: format_share(-rate, 1) for name, rate in rates.items()},
        "n": n,
        "name": name_beside(shared, rising[0]),
        "tonnes": format_co2(-(rising[0].class_carbon_tonnes or Decimal(0))),
    }


Points = dict[str, list[charts.Point]]


def pilot_points(synergy: Synergy, rising: Iterable[Any], shared: Collection[str]) -> Points:
    """Return a bubble a pilot, its area by tonnes of carbon."""
    points: Points = {kind.value: [] for kind in CoControl}
    named = {pilot.pk for pilot in rising}
    pilots = list(synergy.classed(*CoControl).order_by(*BY_BATCH).select_related("batch"))
    largest = float(max((abs(pilot.class_carbon_tonnes or 0) for pilot in pilots), default=0)) or 1
    for pilot in pilots:
        name, carbon, air = name_beside(shared, pilot), pilot.class_carbon_rate, pilot.class_pollution_rate
        words = [
            CoControl(pilot.class_kind).label,
            _("carbon %(rate)s") % {"rate": format_change(-carbon)},
            _("air pollutants %(rate)s") % {"rate": format_change(-air)},
            co2_change_text(pilot.class_carbon_tonnes),
        ]
        point: charts.Point = {"x": float(carbon * 100), "y": float(air * 100)}
        point |= {"title": name, "text": [str(word) for word in words], "url": pilot.get_absolute_url()}
        if pilot.pk in named:
            point["name"] = name
        size = float(abs(pilot.class_carbon_tonnes or 0)) / largest
        points[pilot.class_kind].append({**point, "r": max(4, round(MAX_RADIUS * size**0.5, 1))})
    return points


def square_points(synergy: Synergy) -> tuple[Decimal, Points]:
    """Return the size of squares, and a mark for the pilots of each: its area by their number, in the class of most."""
    points: Points = {kind.value: [] for kind in CoControl}
    step, squares = synergy.grid()
    most = max(sum(kinds.values()) for kinds in squares.values())
    wide = max(max(places) - min(places) + 1 for places in zip(*squares, strict=True))
    radius = min(MAX_RADIUS, DENSE_PIXELS / wide)  # marks of neighbours hardly touch
    for (x, y), kinds in sorted(squares.items()):
        n = sum(kinds.values())
        words = [
            text % {"low": format_change(-(place + 1) * step), "high": format_change(-place * step)}
            for text, place in ((_("carbon %(low)s to %(high)s"), x), (_("air pollutants %(low)s to %(high)s"), y))
        ]
        words += [label_value(kind.label, format_number(kinds[kind])) for kind in CoControl if kind in kinds]
        title = ngettext("%(n)s pilot", "%(n)s pilots", n) % {"n": format_number(n)}
        point: charts.Point = {"title": title, "text": words, "r": max(2, round(radius * (n / most) ** 0.5, 1))}
        point |= {axis: float((place * 2 + 1) * step * 50) for axis, place in (("x", x), ("y", y))}
        points[max(kinds, key=lambda kind: kinds[kind])].append(point)
    return step, points


def coordinates_config(synergy: Synergy, bubbles: Points) -> charts.Config:
    """Return the bubbles in the colour and shape of their class.

    As published, a fall is right and up; the marks say the change, so that minus is less here too. The axes end one per
    cent beyond the data, the flat band is shaded, and a corner with pilots says class and count.
    """
    sets = []
    for kind in CoControl:
        radii = [point["r"] for point in bubbles[kind]]
        look: charts.Config = {
            "pointStyle": kind.shape,
            "radius": radii,
            "borderWidth": 1.5,
            "hoverRadius": [r + 1 for r in radii],
        }
        sets.append(
            charts.dots(str(kind.label), bubbles[kind], f"--{kind.colour}", **look)
            | {"backgroundColor": f"--{kind.colour}/0.35"}
        )
    axes = []
    titles = (
        _("carbon, change in % of the base: less is right"),
        _("air pollutants (equivalents), change in % of the base: less is up"),
    )
    for axis, title in zip("xy", titles, strict=True):
        values = [0.0, *(point[axis] for points in bubbles.values() for point in points)]
        low, high = min(values) - 1, max(values) + 1
        step = next(n * 10**power for power in count() for n in (1, 2, 5) if (high - low) / (n * 10**power) <= 8)
        ticks = range(ceil(low / step) * step, floor(high) + 1, step)
        marks = [[n, f"{'+' if n < 0 else ''}{format_number(-n)}"] for n in ticks]
        scale = {"min": low, "max": high, "marks": marks, "ticks": {"maxRotation": 0}}
        axes.append({**scale, "title": {"display": True, "text": title}})
    flat, far, under = float(EPSILON * 100), 1000, {"pointHoverRadius": 0, "order": 2}  # what lies outside is clipped
    across, up = ([{"x": -far, "y": flat}, {"x": far, "y": flat}], [{"x": -flat, "y": far}, {"x": flat, "y": far}])
    sets += [
        charts.line("", across, "--line/0.5", 0, fill={"value": -flat}, **under),
        charts.line("", up, "--line/0.5", 0, fill={"value": -far}, **under),
    ]
    corners = [
        {"text": f"{kind.label} · {synergy.kinds[kind]}", "at": at, "color": f"--{kind.colour}"}
        for kind, at in CORNERS.items()
        if synergy.kinds[kind]
    ]
    return charts.plot(sets, *axes, top=4, corners=corners)


def co2_change_text(reduced: Decimal | None) -> str:
    """Return the change of carbon dioxide with its sign, of what was reduced: +728 kt CO₂."""
    tonnes = negated(reduced)
    return ("+" if tonnes and tonnes > 0 else "") + format_co2(tonnes)


def pollutants_used(item: PilotSynergy) -> str:
    """Return the pollutants that the equivalents of a pilot are made of, and their number."""
    used = item.apeq.used
    return _("%(used)d of %(n)d: %(codes)s") % {
        "used": len(used),
        "n": item.apeq.possible,
        "codes": join_short(indicator.name for indicator in used),
    }


def classes_table(synergy: Synergy) -> Table:
    """Return the table of pilots by class, of those with one."""
    n = synergy.judged
    columns: list[Column[tuple[CoControl, int]]] = [
        Column("class", _("Class"), lambda row: class_cell(row[0])),
        Column("pilots", _("Pilots"), lambda row: row[1], kind="integer"),
        Column("n", _("of"), lambda _row: n, kind="integer"),
        Column("share", _("Share"), lambda row: Decimal(row[1]) / n if n else None, kind="share"),
    ]
    return make_table(columns, list(synergy.kinds.items()))


# -- who cuts pollution while carbon rises -------------------------------------------------------------


def amber_columns(shared: Collection[str]) -> list[Column[Any]]:
    """Return the columns of "pollution down, carbon up" of pilots `with_light`: lights, changes and industries."""

    def carbon_with_tonnes(pilot: Any) -> Cell:
        return replace(carbon_cell(pilot), below=co2_change_text(pilot.class_carbon_tonnes))

    pilot, carbon, air, tonnes = shared_columns(shared)
    return [
        pilot,
        Column("light", _("Light"), lambda pilot: status_cell(Colour(pilot.light_colour))),
        Column("province", _("Province"), lambda pilot: province_cell(pilot.province), file_only=True),
        air,
        replace(carbon, accessor=carbon_with_tonnes),
        replace(tonnes, file_only=True),
        Column("industries", _("Industries"), industries_text, file_only=True),
    ]


# -- who is missing ------------------------------------------------------------------------------------


def missing_groups(synergy: Synergy) -> list[tuple[str, int, Any]]:
    """Return the reasons for which pilots are left out, most first: each with their number, and them as a queryset."""
    reasons = [(why.value, str(why.label)) for why in PilotExclusionReason]
    reasons.append(("", _("reports an intensity only, no total")))
    groups = [(label, synergy.counts.get(("", why), 0), synergy.left_out(why)) for why, label in reasons]
    return sorted((group for group in groups if group[1]), key=lambda group: -group[1])


def missing_table(synergy: Synergy, shared: Collection[str]) -> Table:
    columns: list[Column[tuple[Pilot, str]]] = [
        pilot_column(shared, itemgetter(0)),
        Column("province", _("Province"), lambda row: row[0].province.short),
        Column("why", _("Why it is missing"), lambda row: row[1]),
    ]
    rows = ((pilot, why) for why, _n, pilots in missing_groups(synergy) for pilot in pilots.iterator())
    return make_table(columns, rows, count=synergy.not_judged)


# -- trend of an indicator ------------------------------------------------------------------------------


def trends_chart(trend: Trend, scope: str, sources: Sequence[Source], asked: Mapping[str, str]) -> Chart:
    """Return the chart of the same pilots as a line, and of all pilots that reported in a year as points.

    Different pilots report in different years, so the points are not joined. `asked` are the parameters of the API.
    """
    indicator = trend.indicator
    of = trend.pilots - trend.within if indicator.rollup == RollUp.SUM else trend.pilots

    def points(years: Sequence[TrendYear]) -> list[charts.Point]:
        text = _("%(value)s %(unit)s, %(n)d of %(of)d pilots")
        return [
            {
                "x": year.year,
                "y": float(year.value),
                "title": str(year.year),
                "text": text % {"value": format_amount(year.value), "unit": indicator.unit_text, "n": year.n, "of": of},
            }
            for year in years
            if year.value is not None
        ]

    same = points(trend.same) if trend.compared else []
    beside = [point for point in points(trend.years) if point not in same]
    axis = charts.value_axis([point["y"] for point in (*same, *beside)])
    if same:
        same[-1]["label"] = {
            "text": format_amount(trend.same[-1].value),
            "side": charts.ABOVE,
            "color": "--accent",
        }
    compared = ngettext("the same %(n)d pilot in every year", "the same %(n)d pilots in every year", trend.compared)
    compared %= {"n": trend.compared}
    alone = _("all that have a value for the year")
    return Chart(
        slug="trend",
        kind="trend",
        title=trend_title(trend),
        subtitle=join_clauses([f"{indicator.name} ({indicator.unit_text})", scope, format_date(trend.as_of)]),
        table=trends_table(trend),
        data=charts.plot(
            [charts.dots(compared, same, showLine=True), charts.dots(alone, beside, hollow=True)],
            charts.year_axis(point["x"] for point in (*same, *beside)),
            axis,
        ),
        legend=[("dot certain", compared), ("dot latest", alone)] if same and beside else [],
        sources=sources,
        note=join_sentences(aggregation_text(trend), value_axis_note(axis)),
        api=reverse("api-trend", query={"indicator": indicator.code, **asked}),
    )


def trend_title(trend: Trend) -> str:
    """Return the headline: how the same pilots changed, or why that is not known."""
    if not trend.years:
        return _("No value of this indicator is accepted yet")
    if trend.indicator.rollup == RollUp.NONE:
        return _("Values of this indicator are never put together")
    first, last = trend.years[0].year, trend.years[-1].year
    labels: dict[str, Any] = {"n": trend.compared, "first": first, "last": last}
    if trend.compared < MIN_COMPARED:
        text = ngettext(
            "%(n)d pilot has a value in every year from %(first)d to %(last)d: too few to compare years",
            "%(n)d pilots have a value in every year from %(first)d to %(last)d: too few to compare years",
            trend.compared,
        )
        return text % labels
    if first == last:
        return _("%(n)d pilots have a value, all for %(last)d: there is no year to compare with") % labels
    labels |= {"from": format_amount(trend.same[0].value), "to": format_amount(trend.same[-1].value)}
    if trend.indicator.rollup == RollUp.MEAN:
        text = _("The median of the same %(n)d pilots went from %(from)s to %(to)s between %(first)d and %(last)d")
        return text % labels
    if trend.change is None:
        return _("From 0 in %(first)d to %(to)s in %(last)d in the same %(n)d pilots") % labels
    labels["change"] = format_percent(trend.change)
    if trend.change < 0:
        return _("%(change)s %% less from the same %(n)d pilots in %(last)d than in %(first)d") % labels
    if trend.change > 0:
        return _("%(change)s %% more from the same %(n)d pilots in %(last)d than in %(first)d") % labels
    return _("As much from the same %(n)d pilots in %(last)d as in %(first)d") % labels


def aggregation_text(trend: Trend) -> str:
    """Return how values of several pilots are aggregated."""
    if trend.indicator.rollup == RollUp.SUM:
        text = _("Sums; a park inside a pilot city is not counted beside it.")
        return join_sentences(
            text, _("Hollow points add up all pilots that reported: their number differs from year to year.")
        )
    if trend.indicator.rollup == RollUp.MEAN:
        return _("Medians, of five pilots or more: shares of different pilots are not added.")
    return _("Concentrations and intensities of different pilots are neither added nor averaged.")


def trends_table(trend: Trend) -> Table:
    """Return the table by year: pilots with a value, of how many, their aggregate, and that of the same pilots."""
    summed = trend.indicator.rollup == RollUp.SUM
    same = {year.year: year for year in trend.same}

    def value(year: TrendYear) -> object:
        few = trend.indicator.rollup == RollUp.MEAN and year.median is None and year.n
        return too_few_text(year.n) if few else strip_idle_zeros(year.value)

    extremes: list[Column[TrendYear]] = [
        Column("low", _("Lowest"), lambda year: strip_idle_zeros(year.low), kind="decimal"),
        Column("high", _("Highest"), lambda year: strip_idle_zeros(year.high), kind="decimal"),
    ]
    columns: list[Column[TrendYear]] = [
        Column("year", _("Year"), lambda year: str(year.year)),
        Column("n", _("Pilots with a value"), kind="integer"),
        Column("of", _("Of"), kind="integer"),
        Column("value", _("Sum") if summed else _("Median"), value, kind="decimal"),
        *([] if summed else extremes),
        Column("same_n", _("The same pilots"), lambda year: same[year.year].n, kind="integer"),
        Column(
            "same",
            _("Their sum") if summed else _("Their median"),
            lambda year: value(same[year.year]) if same[year.year].n else None,
            kind="decimal",
        ),
        Column("unit", _("Unit"), lambda _year: trend.indicator.unit_text),
    ]
    return make_table(columns, trend.years)


# -- announced, recorded and withdrawn pilots -----------------------------------------------------------


def reconciliation_table(
    batches: Sequence[BatchCount],
    *,
    named: bool = True,
    more: Sequence[Column[tuple[BatchCount, KindCount]]] = (),
) -> Table:
    """Return the table by batch and kind: announced = recorded + withdrawn + still to enter, with confirmed ones.

    Without `named` the column of batches is left out, for the page of one batch; `more` are columns of one page.
    """
    columns: list[Column[tuple[BatchCount, KindCount]]] = [
        Column("batch", _("Batch"), lambda row: batch_cell(row[0].batch)),
        Column(
            "kind", _("Kind"), lambda row: Cell(row[1].label, url=pilots_url(batch=row[0].batch.slug, kind=row[1].kind))
        ),
        Column("announced", _("Announced"), lambda row: row[1].numbers.announced, kind="integer"),
        Column("recorded", _("Recorded"), lambda row: row[1].numbers.recorded, kind="integer"),
        Column(
            "withdrawn",
            _("Withdrawn"),
            lambda row: pilot_count_cell(
                row[1].numbers.withdrawn, batch=row[0].batch.slug, kind=row[1].kind, withdrawn="only"
            ),
            kind="integer",
        ),
        Column("to_enter", _("Still to enter"), lambda row: row[1].numbers.to_enter, kind="integer"),
        Column("firm", _("Recorded, firm"), lambda row: row[1].numbers.firm, kind="integer"),
        Column("unverified", _("Recorded, inferred"), lambda row: row[1].numbers.unverified, kind="integer"),
        *more,
    ]
    return make_table(columns if named else columns[1:], [(item, kind) for item in batches for kind in item.kinds])


def withdrawals_table(withdrawn: Sequence[Pilot], *, named: bool = True) -> Table:
    """Return the table of withdrawn pilots with date and reason; without `named` for the page of one batch."""
    times = Counter(pilot.name for pilot in withdrawn if not named)
    columns: list[Column[Any]] = [
        pilot_column({name for name, n in times.items() if n > 1}, lambda pilot: pilot),
        *([Column("batch", _("Batch"), lambda pilot: batch_cell(pilot.batch))] if named else []),
        Column("kind", _("Kind"), lambda pilot: pilot.get_kind_display()),
        Column("province", _("Province"), lambda pilot: province_cell(pilot.province)),
        Column("withdrawn_on", _("Withdrawn on"), kind="date"),
        Column("note", _("Note"), lambda pilot: text_cell(pilot.note)),
    ]
    return make_table(columns, withdrawn)


def batch_cell(batch: Batch) -> Cell:
    """Return the short name of a batch, linked to its page."""
    return Cell(batch.label, url=batch.get_absolute_url(), lang=batch.short_lang)


# -- by province -----------------------------------------------------------------------------------------


def pilot_count_layer(rows: Sequence[ProvincePilots], outside: Iterable[Province]) -> dict[str, object]:
    """Return the map layer of recorded pilots: darker where there are more."""
    counted = [
        (row.province, row.pilots, label_value(row.province.name, recorded_pilots_text(row.pilots))) for row in rows
    ]
    caption = _("Recorded pilots in each province")
    return counts_grid("pilots", _("Pilots"), caption, counted, outside, colour_step)


def recorded_pilots_text(n: int) -> str:
    return ngettext("%(n)d recorded pilot", "%(n)d recorded pilots", n) % {"n": n}
