"""Charts and tables of synergy, without calculations of their own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import ceil, floor
from operator import attrgetter
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core import charts
from core.tables import Cell, Chart, Column, Table, make_table, status_cell
from core.text import format_date, format_number, format_share, join_clauses, join_short
from pilots.analytics.synergy import EmissionBasis, PilotExclusionReason, PilotSynergy, Synergy, no_elasticity
from pilots.charts.cells import distinct_pilot_names, format_co2, pilot_cell, strip_idle_zeros
from pilots.filters import SynergyPageFilter
from pilots.metrics.reduction import EPSILON, CoControl, Elasticity
from pilots.models import Pilot
from policies.models import Source
from policies.tables import province_cell

CORNERS = {  # of the quadrants: 1 where a rate is a reduction, first carbon, then air pollutants
    CoControl.CO_REDUCTION: (1, 1),
    CoControl.POLLUTION_DOWN_CARBON_UP: (-1, 1),
    CoControl.CARBON_DOWN_POLLUTION_UP: (1, -1),
    CoControl.BOTH_UP: (-1, -1),
}
MAX_RADIUS = 18  # pixels, of the largest bubble
NAMED = 5  # the largest rises of carbon, named on the chart; all are in its table
MIN_DRAWN = 5  # fewest pilots that make a picture


def synergy_names(synergy: Synergy) -> Mapping[int, str]:
    """Return the names of the page's pilots, excluded ones included."""
    pilots = [*(item.pilot for item in synergy.pilots), *(item.pilot for item in synergy.missing)]
    return distinct_pilot_names(pilots)


def class_cell(kind: CoControl | None) -> Cell:
    return status_cell(kind) if kind else Cell(None)


def class_of_totals_cell(item: PilotSynergy) -> Cell:
    """Return the class of a pilot; one with only an intensity is not classed."""
    return class_cell(item.kind) if item.basis == EmissionBasis.TOTAL else Cell(_("not classed"), tag="grey")


def basis_cell(item: PilotSynergy) -> Cell:
    return Cell(str(item.basis.label), tag="" if item.basis == EmissionBasis.TOTAL else "grey")


def pilot_column(names: Mapping[int, str] | None) -> Column[PilotSynergy]:
    return Column("pilot", _("Pilot"), lambda item: pilot_cell(item.pilot, names))


# -- the coordinates -----------------------------------------------------------------------------------


def coordinates_chart(synergy: Synergy, scope: str, sources: Sequence[Source]) -> Chart:
    """Return the co-control chart: pilots by reduction of carbon (x) and of air pollutants (y)."""
    drawn = synergy.on_chart
    names = synergy_names(synergy)
    columns: list[Column[PilotSynergy]] = [
        pilot_column(synergy_names(synergy)),
        Column("class", _("Class"), class_of_totals_cell),
        Column("carbon", _("Carbon reduced"), "carbon.reduction.rate", kind="share"),
        Column("air", _("Air pollutants reduced (equivalents)"), "apeq.rate", kind="share"),
        Column("tonnes", _("CO₂ reduced, t"), lambda item: strip_idle_zeros(item.carbon_tonnes), kind="decimal"),
        Column(
            "equivalents",
            _("Air pollutants reduced, thousand equivalents"),
            lambda item: strip_idle_zeros(item.apeq.reduced),
            kind="decimal",
        ),
        Column("used", _("Pollutants used"), pollutants_used),
        Column("base_year", _("Base year"), lambda item: str(item.base_year)),
        Column("year", _("Year"), lambda item: str(item.year)),
        Column("basis", _("Basis"), basis_cell),
    ]
    return Chart(
        slug="coordinates",
        kind="coordinates",
        title=coordinates_title(synergy, names),
        subtitle=synergy_scope(synergy, scope),
        table=make_table(columns, sort_by_class(synergy.pilots)),
        data=coordinates_config(synergy, names) if len(drawn) >= MIN_DRAWN else {},
        sources=sources,
        note=_(
            "Positive is reduced; named are the largest rises of carbon. Grey: within 0.5 % of nothing a rate is flat "
            "and no class is given. Only total emissions are drawn: an intensity is never set beside them."
        ),
        api=reverse("api-synergy"),
        api_filters=tuple(SynergyPageFilter.base_filters),
    )


def synergy_title(synergy: Synergy) -> str:
    """Return the headline: pilots that reduce both, and those that do not."""
    n = len(synergy.on_chart)
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


def synergy_scope(synergy: Synergy, scope: str) -> str:
    return _(
        "%(scope)s: %(n)d of %(of)d have accepted totals for %(year)d and their base year · "
        "area by tonnes of CO₂ · as of %(day)s"
    ) % {
        "scope": scope,
        "n": len(synergy.on_chart),
        "of": synergy.of,
        "year": synergy.year,
        "day": format_date(synergy.as_of),
    }


def rising_carbon(synergy: Synergy) -> list[PilotSynergy]:
    """Return the pilots whose carbon rises, most added tonnes first."""
    rising = (CoControl.POLLUTION_DOWN_CARBON_UP, CoControl.BOTH_UP)
    found = [item for item in synergy.on_chart if item.kind in rising]
    return sorted(found, key=lambda item: item.carbon_tonnes or Decimal(0))


def coordinates_title(synergy: Synergy, names: Mapping[int, str]) -> str:
    """Return the headline: in how many pilots carbon rises, by how much, and most in which."""
    rising = rising_carbon(synergy)
    if not rising:
        return synergy_title(synergy)
    rates = [-(item.carbon.reduction.rate or Decimal(0)) for item in rising]
    text = ngettext(
        "Carbon rises in %(n)d pilot: %(name)s, by %(high)s or %(tonnes)s",
        "Carbon rises by %(low)s to %(high)s in %(n)d pilots; most in %(name)s: %(tonnes)s",
        len(rising),
    )
    return text % {
        "low": format_share(min(rates), 1),
        "high": format_share(max(rates), 1),
        "n": len(rising),
        "name": names[rising[0].pilot.pk],
        "tonnes": format_co2(-(rising[0].carbon_tonnes or Decimal(0))),
    }


def coordinates_config(synergy: Synergy, names: Mapping[int, str]) -> charts.Config:
    """Return a bubble a pilot in the colour and shape of its class, its area by tonnes of carbon.

    The axes end one per cent beyond the data, the flat band is shaded, and a corner with pilots says class and count.
    """
    named = {item.pilot.pk for item in rising_carbon(synergy)[:NAMED]}
    sizes = {item.pilot.pk: float(abs(item.carbon_tonnes or Decimal(0))) for item in synergy.on_chart}
    bubbles: dict[str, list[charts.Point]] = {kind.value: [] for kind in CoControl}
    for item in synergy.on_chart:
        pk, carbon, air = item.pilot.pk, item.carbon.reduction.rate, item.apeq.rate
        words = [
            item.kind.label if item.kind else "",
            _("carbon %(rate)s") % {"rate": format_share(carbon, 1)},
            _("air pollutants %(rate)s") % {"rate": format_share(air, 1)},
            format_co2(item.carbon_tonnes),
        ]
        point: charts.Point = {"x": float((carbon or 0) * 100), "y": float((air or 0) * 100)}
        point |= {"title": names[pk], "text": [str(word) for word in words], "url": item.pilot.get_absolute_url()}
        if pk in named:
            point["name"] = names[pk]
        point["r"] = max(4, round(MAX_RADIUS * (sizes[pk] / (max(sizes.values()) or 1)) ** 0.5, 1))
        if item.kind:
            bubbles[item.kind].append(point)
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
    titles = (_("carbon reduced, % of the base"), _("air pollutants reduced (equivalents), % of the base"))
    for axis, title in zip("xy", titles, strict=True):
        values = [0.0, *(point[axis] for points in bubbles.values() for point in points)]
        low, high = min(values) - 1, max(values) + 1
        step = next(step for step in (1, 2, 5, 10, 20, 50, 100) if (high - low) / step <= 8)
        marks = [[n, format_number(n)] for n in range(ceil(low / step) * step, floor(high) + 1, step)]
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


def pollutants_used(item: PilotSynergy) -> str:
    """Return the pollutants that the equivalents of a pilot are made of, and their number."""
    used = item.apeq.used
    return _("%(used)d of %(n)d: %(codes)s") % {
        "used": len(used),
        "n": item.apeq.possible,
        "codes": join_short(pair.indicator.name for pair in item.pollutants if pair.indicator.code in used),
    }


def sort_by_class(pilots: Sequence[PilotSynergy]) -> list[PilotSynergy]:
    """Sort by class, then by carbon rate, highest first; pilots with only an intensity last."""
    order = list(CoControl)

    def key(item: PilotSynergy) -> tuple[bool, int, Decimal]:
        place = order.index(item.kind) if item.kind else len(order)
        return item.basis != EmissionBasis.TOTAL, place, -(item.carbon.reduction.rate or Decimal(0))

    return sorted(pilots, key=key)


def classes_table(synergy: Synergy) -> Table:
    """Return the table of pilots by class, of those with one."""
    n = len(synergy.on_chart)
    columns: list[Column[tuple[CoControl, int]]] = [
        Column("class", _("Class"), lambda row: class_cell(row[0])),
        Column("pilots", _("Pilots"), lambda row: row[1], kind="integer"),
        Column("n", _("of"), lambda _row: n, kind="integer"),
        Column("share", _("Share"), lambda row: Decimal(row[1]) / n if n else None, kind="share"),
    ]
    return make_table(columns, list(synergy.kinds.items()))


# -- who cuts pollution while carbon rises -------------------------------------------------------------


def amber_table(synergy: Synergy) -> Table:
    """Return the table of "pollution down, carbon up": rates and industries, most added carbon first."""
    columns: list[Column[PilotSynergy]] = [
        pilot_column(synergy_names(synergy)),
        Column("province", _("Province"), lambda item: province_cell(item.pilot.province), file_only=True),
        Column("air", _("Air pollutants reduced (equivalents)"), "apeq.rate", kind="share"),
        Column("carbon", _("Carbon reduced"), "carbon.reduction.rate", kind="share"),
        Column("tonnes", _("CO₂ reduced, t"), lambda item: strip_idle_zeros(item.carbon_tonnes), kind="decimal"),
        Column(
            "industries",
            _("Industries"),
            lambda item: join_short(industry.name for industry in item.pilot.industries.all()) or None,
            file_only=True,
        ),
    ]
    found = [item for item in synergy.on_chart if item.kind == CoControl.POLLUTION_DOWN_CARBON_UP]
    found.sort(key=lambda item: item.carbon_tonnes or Decimal(0))
    return make_table(columns, found)


# -- elasticities and joint progress -------------------------------------------------------------------


def elasticity_table(synergy: Synergy) -> Table:
    """Return the table of elasticities of each air pollutant, and of all together, to carbon, or why there is none."""
    codes = {pair.indicator.code: pair.indicator for item in synergy.on_chart for pair in item.pollutants}
    columns: list[Column[PilotSynergy]] = [
        pilot_column(synergy_names(synergy)),
        Column("class", _("Class"), lambda item: class_cell(item.kind)),
        Column("all", _("All air pollutants / carbon"), lambda item: elasticity_cell(item.elasticity), kind="decimal"),
        Column(
            "band",
            _("Which falls more"),
            lambda item: str(item.elasticity.band.label) if item.elasticity.band else "",
        ),
        *(
            Column(
                code,
                _("%(name)s / carbon") % {"name": pollutant.name},
                lambda item, code=code: elasticity_cell(item.elasticities.get(code)),  # type: ignore[misc]
                kind="decimal",
            )
            for code, pollutant in codes.items()
        ),
    ]
    return make_table(columns, sort_by_class(synergy.on_chart))


def elasticity_cell(found: Elasticity | None) -> Cell:
    """Return the elasticity where both fall, else the reason for none: two rises would give a positive quotient too."""
    if found is None:
        return Cell(None)
    lacking = no_elasticity(found)
    if lacking is None:
        return Cell(round_to(found.value, 2))
    return Cell(None if lacking[0] == "no_data" else lacking[1])


def joint_columns(names: Mapping[int, str] | None = None) -> list[Column[PilotSynergy]]:
    return [
        pilot_column(names),
        Column(
            "ratio",
            _("S / E: 1 is on schedule"),
            lambda item: round_to(item.schedule_ratio, 2),
            kind="decimal",
            sort="ratio",
        ),
        Column(
            "joint", _("Joint progress S"), lambda item: round_to(item.joint_progress, 3), kind="decimal", sort="joint"
        ),
        Column("expected", _("Due by now, E"), lambda item: round_to(item.expected_progress, 3), kind="decimal"),
        Column(
            "air_progress",
            _("Progress of air pollutants"),
            "pollution_progress",
            kind="share",
            sort="air_progress",
        ),
        Column("carbon_progress", _("Progress of carbon"), kind="share", sort="carbon_progress"),
        Column("class", _("Class"), class_of_totals_cell),
        Column("air", _("Air pollutants reduced (equivalents)"), "apeq.rate", kind="share", sort="air"),
        Column("carbon", _("Carbon reduced"), "carbon.reduction.rate", kind="share", sort="carbon"),
        Column("basis", _("Basis"), basis_cell),
    ]


JOINT_SORTS = {
    "ratio": "schedule_ratio",
    "joint": "joint_progress",
    "air_progress": "pollution_progress",
    "carbon_progress": "carbon_progress",
    "air": "apeq.rate",
    "carbon": "carbon.reduction.rate",
}
JOINT_DEFAULT_SORT = "ratio"  # furthest behind first


def joint_table(synergy: Synergy, sort: str = JOINT_DEFAULT_SORT) -> Table:
    """Return the table of S against what is due, with both progresses and both rates: S alone rewards weak targets.

    `sort` is a key of JOINT_SORTS, with a - prefix for descending order; rows without a value come last.
    """
    value = attrgetter(JOINT_SORTS[sort.removeprefix("-")])
    known = [item for item in synergy.pilots if value(item) is not None]
    known.sort(key=lambda item: (value(item), item.pilot.pk), reverse=sort.startswith("-"))
    items = [*known, *(item for item in synergy.pilots if value(item) is None)]
    return make_table(joint_columns(synergy_names(synergy)), items)


def round_to(value: Decimal | None, places: int) -> Decimal | None:
    return None if value is None else round(value, places)


# -- who is missing ------------------------------------------------------------------------------------


def missing_groups(synergy: Synergy) -> list[dict[str, Any]]:
    """Return the excluded pilots by reason, most first, each with its name."""
    names, found = synergy_names(synergy), defaultdict[str, list[Pilot]](list)
    for why in PilotExclusionReason:
        found[str(why.label)] = [row.pilot for row in synergy.missing if row.why == why]
    for item in synergy.pilots:
        if item.kind is None:
            found[_("reports an intensity only, no total")].append(item.pilot)
    groups = [
        {"why": why, "pilots": pilots, "names": [(pilot, names[pilot.pk]) for pilot in pilots]}
        for why, pilots in found.items()
        if pilots
    ]
    return sorted(groups, key=lambda group: -len(group["pilots"]))


def missing_table(synergy: Synergy) -> Table:
    names = synergy_names(synergy)
    columns: list[Column[tuple[Pilot, str]]] = [
        Column("pilot", _("Pilot"), lambda row: pilot_cell(row[0], names)),
        Column("province", _("Province"), lambda row: row[0].province.short),
        Column("why", _("Why it is missing"), lambda row: row[1]),
    ]
    rows = [(pilot, group["why"]) for group in missing_groups(synergy) for pilot in group["pilots"]]
    return make_table(columns, rows)
