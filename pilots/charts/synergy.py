"""Whether pollution and carbon fall together, as chart frames and tables: nothing is computed anew here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from functools import partial
from operator import itemgetter
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.charts import Cell, Chart, Column, Lines, Table
from config.templatetags.site import share as share_text
from config.words import clauses, listed, sentences
from pilots.charts.names import distinct_names, pilot_cell
from pilots.charts.places import recorded_pilots
from pilots.charts.progress import settled
from pilots.filters import SynergyPageFilter
from pilots.metrics import EPSILON, CoControl, Elasticity
from pilots.models import Pilot
from pilots.sentences import co2_text, no_elasticity
from pilots.synergy import Basis, Lack, PilotSynergy, Synergy
from policies.charts import day
from policies.models import Source

TAGS = {
    CoControl.CO_REDUCTION: "green",
    CoControl.POLLUTION_DOWN_CARBON_UP: "yellow",
    CoControl.CARBON_DOWN_POLLUTION_UP: "yellow",
    CoControl.BOTH_UP: "red",
    CoControl.FLAT: "grey",
}
MOST_BUBBLES = 300  # more cannot be told apart, and each weighs on the page
FIELDS = 20  # on either side of 0, into which the drawing is cut where there are more
NAMES_SHOWN = 60  # of a reason; more are counted by province
LABELLED = 10  # bubbles named on the drawing; all are in its table


def rate(value: Decimal | None) -> str:
    """A rate of reduction in words; a rise carries its sign."""
    return share_text(value, 1)


def names_of(synergy: Synergy) -> Mapping[int, str]:
    """What the pilots of the page are called, those that are missing included."""
    pilots = [*(item.pilot for item in synergy.pilots), *(item.pilot for item in synergy.missing)]
    return distinct_names(pilots)


def class_cell(kind: CoControl | None) -> Cell:
    return Cell(str(kind.label), tag=TAGS[kind]) if kind else Cell(None)


# -- the coordinates -----------------------------------------------------------------------------------


def coordinates_chart(synergy: Synergy, scope: str, sources: Sequence[Source]) -> Chart:
    """Each pilot by what carbon (across) and air pollutants (up) have fallen; the signature chart."""
    drawn = synergy.on_chart
    named = {item.pilot.pk for item in outstanding(drawn)}
    return Chart(
        slug="coordinates",
        kind="coordinates",
        title=synergy_title(synergy),
        subtitle=synergy_scope(synergy, scope),
        table=coordinates_table(synergy),
        data={
            "points": points(drawn, named, names_of(synergy)),
            "flat": float(EPSILON * 100),
            "labels": {
                "x": _("carbon reduced, % of the base"),
                "y": _("air pollutants reduced (equivalents), % of the base"),
                "diagonal": _("equal rates"),
                **{kind.value: str(kind.label) for kind in CoControl},
            },
            "legend": [
                {"key": f"mark {kind.value.replace('_', '-')}", "label": f"{kind.label} {synergy.kinds[kind]}"}
                for kind in CoControl
            ],
        },
        sources=sources,
        note=sentences(
            _("A bubble stands for the pilots that lie together; those named stand alone. Each pilot is in the files.")
            if len(drawn) > MOST_BUBBLES
            else "",
            coordinates_note(),
        ),
        api=reverse("api-synergy"),
        api_takes=tuple(SynergyPageFilter.base_filters),
    )


def coordinates_note() -> str:
    return _(
        "Positive is reduced. Above the diagonal pollutants fall more, below it carbon. Within 0.5 % of nothing a "
        "rate is flat and no class is given. Only total emissions are drawn: an intensity is never set beside them."
    )


def synergy_title(synergy: Synergy) -> str:
    """Who really reduces both, and who does not."""
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
    return clauses([text, rest % {"n": up}])


def synergy_scope(synergy: Synergy, scope: str) -> str:
    return _(
        "%(scope)s: %(n)d of %(of)d have accepted totals for %(year)d and their base year · "
        "area by tonnes of CO₂ · as of %(day)s"
    ) % {
        "scope": scope,
        "n": len(synergy.on_chart),
        "of": synergy.of,
        "year": synergy.year,
        "day": day(synergy.as_of),
    }


def outstanding(drawn: Sequence[PilotSynergy]) -> list[PilotSynergy]:
    """The bubbles that are named: the largest, then those not reducing both, furthest from the middle first."""

    def distance(item: PilotSynergy) -> Decimal:
        return abs(item.apeq.rate or Decimal(0)) + abs(item.carbon.reduction.rate or Decimal(0))

    off = sorted((i for i in drawn if i.kind not in (CoControl.CO_REDUCTION, CoControl.FLAT)), key=distance)[::-1]
    far = sorted((i for i in drawn if i.kind == CoControl.CO_REDUCTION), key=distance)[::-1][:2]
    large = sorted(drawn, key=lambda item: abs(item.carbon_tonnes or Decimal(0)))[::-1][:5]
    return list({item.pilot.pk: item for item in (*large, *off[:4], *far)}.values())[:LABELLED]


def points(drawn: Sequence[PilotSynergy], named: Collection[int], names: Mapping[int, str]) -> list[dict[str, Any]]:
    """The bubbles; where they are more than can be told apart, those of a class that lie together are one.

    Those that are named on the drawing stay on their own.
    """
    if len(drawn) <= MOST_BUBBLES:
        return [point(item, item.pilot.pk in named, names) for item in drawn]
    alone = [point(item, True, names) for item in drawn if item.pilot.pk in named]
    others = [point(item, False, names) for item in drawn if item.pilot.pk not in named]
    wide, high = (max(abs(spot[axis]) for spot in others) / FIELDS or 1 for axis in ("x", "y"))
    groups: dict[tuple[str, int, int], list[dict[str, Any]]] = {}
    for spot in others:
        groups.setdefault((spot["kind"], int(spot["x"] // wide), int(spot["y"] // high)), []).append(spot)
    return [*(group_point(group) for _place, group in sorted(groups.items())), *alone]


def group_point(group: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Bubbles that lie together as one in their middle, with the area of all of them."""
    if len(group) == 1:
        return group[0]
    tonnes = sum(spot["tonnes"] or 0 for spot in group)
    return {
        "x": sum(spot["x"] for spot in group) / len(group),
        "y": sum(spot["y"] for spot in group) / len(group),
        "tonnes": tonnes,
        "kind": group[0]["kind"],
        "label": recorded_pilots(len(group)),
        "named": False,
        "url": "",
        "text": [group[0]["text"][0], co2_text(Decimal(tonnes))],
        "n": len(group),
    }


def point(item: PilotSynergy, named: bool, names: Mapping[int, str]) -> dict[str, Any]:
    carbon, air = item.carbon.reduction.rate, item.apeq.rate
    tonnes = item.carbon_tonnes
    words = [
        item.kind.label if item.kind else "",
        _("carbon %(rate)s") % {"rate": rate(carbon)},
        _("air pollutants %(rate)s") % {"rate": rate(air)},
        co2_text(tonnes),
    ]
    return {
        "x": float((carbon or 0) * 100),
        "y": float((air or 0) * 100),
        "tonnes": float(abs(tonnes)) if tonnes is not None else None,
        "kind": item.kind.value if item.kind else "",
        "label": names[item.pilot.pk],
        "named": named,
        "url": item.pilot.get_absolute_url(),
        "text": [str(word) for word in words],
    }


def coordinates_table(synergy: Synergy) -> Table:
    columns = [
        Column("pilot", _("Pilot")),
        Column("class", _("Class")),
        Column("carbon", _("Carbon reduced"), "share"),
        Column("air", _("Air pollutants reduced (equivalents)"), "share"),
        Column("tonnes", _("CO₂ reduced, t"), "decimal"),
        Column("equivalents", _("Air pollutants reduced, thousand equivalents"), "decimal"),
        Column("used", _("Pollutants used")),
        Column("base_year", _("Base year")),
        Column("year", _("Year")),
        Column("basis", _("Basis")),
    ]
    return Table(columns, Lines(ranked(synergy.pilots), partial(coordinates_cells, names=names_of(synergy))))


def ranked(pilots: Sequence[PilotSynergy]) -> list[PilotSynergy]:
    """By class in its own order, then by the carbon rate, highest first; those only on an intensity last."""
    order = list(CoControl)

    def key(item: PilotSynergy) -> tuple[bool, int, Decimal]:
        place = order.index(item.kind) if item.kind else len(order)
        return item.basis != Basis.TOTAL, place, -(item.carbon.reduction.rate or Decimal(0))

    return sorted(pilots, key=key)


def coordinates_cells(item: PilotSynergy, names: Mapping[int, str]) -> list[Cell]:
    apeq = item.apeq
    total = item.basis == Basis.TOTAL
    used = _("%(used)d of %(n)d: %(codes)s") % {
        "used": len(apeq.used),
        "n": apeq.possible,
        "codes": listed(pair.indicator.name for pair in item.pollutants if pair.indicator.code in apeq.used),
    }
    return [
        pilot_cell(item.pilot, names),
        class_cell(item.kind) if total else Cell(_("not classed"), tag="grey"),
        Cell(item.carbon.reduction.rate),
        Cell(apeq.rate),
        Cell(settled(item.carbon_tonnes)),
        Cell(settled(apeq.reduced)),
        Cell(used),
        Cell(str(item.base_year)),
        Cell(str(item.year)),
        Cell(str(item.basis.label), tag="" if total else "grey"),
    ]


def classes_table(synergy: Synergy) -> Table:
    """How many pilots are of each class, of those that can be placed."""
    columns = [
        Column("class", _("Class")),
        Column("pilots", _("Pilots"), "integer"),
        Column("n", _("of"), "integer"),
        Column("share", _("Share"), "share"),
    ]
    n = len(synergy.on_chart)
    return Table(
        columns,
        [
            [
                class_cell(kind),
                Cell(count),
                Cell(n),
                Cell(Decimal(count) / n if n else None),
            ]
            for kind, count in synergy.kinds.items()
        ],
    )


# -- who cuts pollution while carbon rises -------------------------------------------------------------


def amber_table(synergy: Synergy) -> Table:
    """Pollution down, carbon up: the two rates and the industries named, most carbon added first."""
    columns = [
        Column("pilot", _("Pilot")),
        Column("province", _("Province")),
        Column("air", _("Air pollutants reduced (equivalents)"), "share"),
        Column("carbon", _("Carbon reduced"), "share"),
        Column("tonnes", _("CO₂ reduced, t"), "decimal"),
        Column("industries", _("Industries")),
    ]
    found = [item for item in synergy.on_chart if item.kind == CoControl.POLLUTION_DOWN_CARBON_UP]
    found.sort(key=lambda item: item.carbon_tonnes or Decimal(0))
    return Table(columns, Lines(found, partial(amber_cells, names=names_of(synergy))))


def amber_cells(item: PilotSynergy, names: Mapping[int, str]) -> list[Cell]:
    return [
        pilot_cell(item.pilot, names),
        Cell(item.pilot.province.short, url=item.pilot.province.get_absolute_url()),
        Cell(item.apeq.rate),
        Cell(item.carbon.reduction.rate),
        Cell(settled(item.carbon_tonnes)),
        Cell(listed(industry.name for industry in item.pilot.industries.all()) or None),
    ]


# -- elasticities and joint progress -------------------------------------------------------------------


def elasticity_table(synergy: Synergy) -> Table:
    """Els of each air pollutant, and of all together, to carbon; words where the rule gives no number."""
    codes = {pair.indicator.code: pair.indicator for item in synergy.on_chart for pair in item.pollutants}
    columns = [
        Column("pilot", _("Pilot")),
        Column("class", _("Class")),
        Column("all", _("All air pollutants / carbon"), "decimal"),
        Column("band", _("Which falls more")),
        *[Column(code, _("%(name)s / carbon") % {"name": item.name}, "decimal") for code, item in codes.items()],
    ]
    cells = partial(elasticity_cells, codes=list(codes), names=names_of(synergy))
    return Table(columns, Lines(ranked(synergy.on_chart), cells))


def elasticity_cells(item: PilotSynergy, codes: Sequence[str], names: Mapping[int, str]) -> list[Cell]:
    each = item.elasticities
    return [
        pilot_cell(item.pilot, names),
        class_cell(item.kind),
        elasticity_cell(item.elasticity),
        Cell(str(item.elasticity.band.label) if item.elasticity.band else ""),
        *[elasticity_cell(each.get(code)) for code in codes],
    ]


def elasticity_cell(found: Elasticity | None) -> Cell:
    """The number where both fall; else why there is none. Two rises would give a positive quotient as well."""
    if found is None:
        return Cell(None)
    lacking = no_elasticity(found)
    if lacking is None:
        return Cell(None if found.value is None else round(found.value, 2))
    return Cell(None if lacking[0] == "no_data" else lacking[1])


def joint_columns() -> list[Column]:
    return [
        Column("pilot", _("Pilot")),
        Column("ratio", _("S / E: 1 is on schedule"), "decimal", sort="ratio"),
        Column("joint", _("Joint progress S"), "decimal", sort="joint"),
        Column("expected", _("Due by now, E"), "decimal"),
        Column("air_progress", _("Progress of air pollutants"), "share", sort="air_progress"),
        Column("carbon_progress", _("Progress of carbon"), "share", sort="carbon_progress"),
        Column("class", _("Class")),
        Column("air", _("Air pollutants reduced (equivalents)"), "share", sort="air"),
        Column("carbon", _("Carbon reduced"), "share", sort="carbon"),
        Column("basis", _("Basis")),
    ]


JOINT_SORTS: Mapping[str, Callable[[PilotSynergy], Decimal | None]] = {
    "ratio": lambda item: item.schedule_ratio,
    "joint": lambda item: item.joint_progress,
    "air_progress": lambda item: item.pollution_progress.value,
    "carbon_progress": lambda item: item.carbon_progress,
    "air": lambda item: item.apeq.rate,
    "carbon": lambda item: item.carbon.reduction.rate,
}
JOINT_SORT = "ratio"  # who is furthest behind comes first


def joint_table(synergy: Synergy, sort: str = JOINT_SORT) -> Table:
    """S of each pilot against what is due, with both progresses and both rates: S alone would reward weak targets.

    `sort` is a word of JOINT_SORTS, with - in front for the highest first; what has no value comes last.
    """
    value = JOINT_SORTS[sort.removeprefix("-")]
    known = [item for item in synergy.pilots if value(item) is not None]
    known.sort(key=lambda item: (value(item) or Decimal(0), item.pilot.pk), reverse=sort.startswith("-"))
    items = [*known, *(item for item in synergy.pilots if value(item) is None)]
    return Table(joint_columns(), Lines(items, partial(joint_cells, names=names_of(synergy))))


def joint_cells(item: PilotSynergy, names: Mapping[int, str]) -> list[Cell]:
    total = item.basis == Basis.TOTAL
    return [
        pilot_cell(item.pilot, names),
        Cell(rounded(item.schedule_ratio, 2)),
        Cell(rounded(item.joint_progress, 3)),
        Cell(rounded(item.expected_progress, 3)),
        Cell(item.pollution_progress.value),
        Cell(item.carbon_progress),
        class_cell(item.kind) if total else Cell(_("not classed"), tag="grey"),
        Cell(item.apeq.rate),
        Cell(item.carbon.reduction.rate),
        Cell(str(item.basis.label), tag="" if total else "grey"),
    ]


def rounded(value: Decimal | None, places: int) -> Decimal | None:
    return None if value is None else round(value, places)


# -- who is missing ------------------------------------------------------------------------------------


def missing_groups(synergy: Synergy) -> list[dict[str, Any]]:
    """Who is not on the drawing, by the reason, most first."""
    groups = [
        {"why": str(lack.label), "pilots": [item.pilot for item in synergy.missing if item.why == lack]}
        for lack in Lack
    ]
    drawn = {item.pilot.pk for item in synergy.on_chart}
    off = [item.pilot for item in synergy.pilots if item.pilot.pk not in drawn]
    groups.append({"why": _("reports an intensity only, no total"), "pilots": off})
    by_name = partial(with_names, names=names_of(synergy))
    return sorted(map(by_name, filter(itemgetter("pilots"), groups)), key=lambda group: -len(group["pilots"]))


def with_names(group: dict[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    """A reason with its pilots by name; where they are too many, with how many each province has, most first."""
    pilots: Sequence[Pilot] = group["pilots"]
    if len(pilots) <= NAMES_SHOWN:
        return {**group, "places": [], "names": [(pilot, names[pilot.pk]) for pilot in pilots]}
    provinces = {pilot.province_id: pilot.province for pilot in pilots}
    counts = Counter(pilot.province_id for pilot in pilots)
    return {**group, "places": [(provinces[pk], n) for pk, n in counts.most_common()]}


def missing_table(synergy: Synergy) -> Table:
    columns = [Column("pilot", _("Pilot")), Column("province", _("Province")), Column("why", _("Why it is missing"))]
    rows = [(pilot, group["why"]) for group in missing_groups(synergy) for pilot in group["pilots"]]
    return Table(columns, Lines(rows, partial(missing_cells, names=names_of(synergy))))


def missing_cells(row: tuple[Pilot, str], names: Mapping[int, str]) -> list[Cell]:
    pilot, reason = row
    return [pilot_cell(pilot, names), Cell(pilot.province.short), Cell(reason)]
