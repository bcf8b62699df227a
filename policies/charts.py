"""The rollout as chart frames and tables: what the numbers of `rollout.py` look like, and nothing counted anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.formats import date_format, get_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from config.charts import Cell, Chart, Column, Table
from config.words import labelled, listed, listed_long
from policies.models import Measure, PlanStatus, Province, Source
from policies.rollout import ProvinceRollout, Rollout, lag_range

STATUS_TAGS = {
    PlanStatus.ISSUED: "green",
    PlanStatus.DRAFTING: "yellow",
    PlanStatus.NOT_FOUND: "grey",
    PlanStatus.NOT_REQUIRED: "blue",
    PlanStatus.UNKNOWN: "grey",
}


def day(on: date) -> str:
    """A day as the reader writes it."""
    return date_format(on, get_format("DATE_FORMAT"))


def status_label(status: str) -> str:
    return str(PlanStatus(status).label)


# -- findings -----------------------------------------------------------------------------------------


def rollout_finding(rollout: Rollout) -> str:
    """One sentence that answers "how far is it taken up?" for the day."""
    if rollout.issued is None:
        return _("This policy calls for no provincial plans.")
    if rollout.issued == 0:
        return _("No province is known to have issued a plan by %(day)s.") % {"day": day(rollout.as_of)}
    if rollout.issued == rollout.roster:
        count = _("All %(roster)d provinces have issued a plan") % {"roster": rollout.roster}
    else:
        count = ngettext(
            "%(issued)d of %(roster)d provinces has issued a plan",
            "%(issued)d of %(roster)d provinces have issued a plan",
            rollout.issued,
        ) % {"issued": rollout.issued, "roster": rollout.roster}
    return f"{count}{lag_clause(rollout)}"


def lag_clause(rollout: Rollout) -> str:
    """The second half of the finding: how many on a known day, and how long it took them."""
    if rollout.median_lag_days is None:
        return _("; the day of issue is known for none of them.")
    text = ngettext(
        "; %(dated)d of them on a known day, %(median)s days after the national document.",
        "; %(dated)d of them on a known day, the median %(median)s days after the national document.",
        len(rollout.lags),
    )
    return text % {"dated": len(rollout.lags), "median": f"{rollout.median_lag_days:g}"}


def scope(rollout: Rollout) -> str:
    """The line under each title: of how many, on which day."""
    return _("Provinces with an issued plan, of the %(roster)d in the roster, as of %(day)s") % {
        "roster": rollout.roster,
        "day": day(rollout.as_of),
    }


# -- tables -------------------------------------------------------------------------------------------


def plan_columns() -> list[Column]:
    return [
        Column("province", _("Province")),
        Column("region", _("Region")),
        Column("status", _("Status")),
        Column("title", _("Plan")),
        Column("doc_number", _("Document number")),
        Column("issued_on", _("Issued"), "date"),
        Column("known_by", _("Latest date"), "date"),
        Column("lag_days", _("Days after the national document"), "integer"),
        Column("confidence", _("Confidence")),
    ]


def plan_cells(row: ProvinceRollout) -> list[Cell]:
    """One province's line: what is not known on the day stays empty."""
    plan = row.plan if row.counts else None
    return [
        Cell(row.province.short, url=row.province.get_absolute_url()),
        Cell(row.province.get_region_display()),
        Cell(status_label(row.status), tag=STATUS_TAGS[PlanStatus(row.status)]),
        Cell(plan.name or None, lang=plan.name_lang) if plan else Cell(None),
        Cell(plan.doc_number or None) if plan else Cell(None),
        Cell(row.issued),
        Cell(row.known_by),
        Cell(row.lag_days),
        Cell(plan.get_confidence_display() if plan else None),
    ]


def plans_table(rollout: Rollout) -> Table:
    return Table(plan_columns(), [plan_cells(row) for row in rollout.provinces])


def measures_table(measures: Iterable[Measure]) -> Table:
    """What policies prescribe, for whom, and where it stands written."""
    columns = [
        Column("measure", _("Measure")),
        Column("field", _("Field of action")),
        Column("industries", _("Industries")),
        Column("policies", _("Policies")),
    ]
    rows = [
        [
            Cell(measure.name, lang=measure.name_lang),
            Cell(measure.get_field_display()),
            Cell(listed(industry.name for industry in measure.industries.all()) or None),
            Cell(listed_long(policy.name for policy in measure.policies.all()) or None),
        ]
        for measure in measures
    ]
    return Table(columns, rows)


def regions_table(rollout: Rollout) -> Table:
    columns = [
        Column("region", _("Region")),
        Column("issued", pgettext("a count", "Issued"), "integer"),
        Column("roster", _("Provinces"), "integer"),
        Column("share", _("Share"), "share"),
        Column("dated", _("Date known"), "integer"),
        Column("median", _("Median days"), "decimal"),
    ]
    rows = [
        [
            Cell(row.label),
            Cell(row.issued),
            Cell(row.roster),
            Cell(row.share),
            Cell(row.dated),
            Cell(row.median_lag_days),
        ]
        for row in rollout.by_region
    ]
    return Table(columns, rows)


def rollout_api(rollout: Rollout) -> str:
    """The address of the same numbers in the API."""
    return f"{reverse('api-rollout')}?{urlencode({'policy': rollout.policy.slug})}"


# -- charts -------------------------------------------------------------------------------------------


def adoption_chart(rollout: Rollout, sources: Sequence[Source]) -> Chart:
    """The adoption curve: how many had issued by each day, and how many of them on a known day."""
    columns = [
        Column("date", _("Day"), "date"),
        Column("issued", _("Issued by then"), "integer"),
        Column("share", _("Share of the roster"), "share"),
    ]
    rows = [[Cell(s.date), Cell(s.issued), Cell(rollout.share_of(s.issued))] for s in rollout.series]
    return Chart(
        slug="adoption",
        kind="steps",
        title=adoption_title(rollout),
        subtitle=scope(rollout),
        table=Table(columns, rows),
        data={
            "start": start_day(rollout).isoformat(),
            "end": rollout.as_of.isoformat(),
            "max": rollout.roster,
            "points": [{"date": step.date.isoformat(), "n": step.issued} for step in rollout.series],
            "dated": [{"date": step.date.isoformat(), "n": step.issued} for step in rollout.dated_series],
            "flags": flags(rollout),
            "labels": {
                "issued": _("issued, by the latest date known"),
                "dated": _("of them with the day of issue known"),
                "of": _("of %(roster)d") % {"roster": rollout.roster},
                "y": _("provinces"),
            },
        },
        sources=sources,
        note=_(
            "A plan counts from the day by which it is known to exist. Where only that is known, "
            "it may have been issued earlier."
        ),
        api=rollout_api(rollout),
    )


def adoption_title(rollout: Rollout) -> str:
    """The finding of the curve: the day on which half, then all, were known to have issued."""
    if not rollout.issued:
        return _("No plan is known yet")
    if rollout.issued == rollout.roster:
        return _("The last plans were issued by %(day)s at the latest") % {"day": day(rollout.series[-1].date)}
    if rollout.half_on:
        return _("Half of the provinces had issued by %(day)s") % {"day": day(rollout.half_on)}
    return _("%(issued)d of %(roster)d had issued by %(day)s") % {
        "issued": rollout.issued,
        "roster": rollout.roster,
        "day": day(rollout.as_of),
    }


def start_day(rollout: Rollout) -> date:
    """Where the curve's axis begins: the national day, or the first plan where that is earlier."""
    days = [step.date for step in rollout.series]
    if rollout.origin and rollout.origin <= rollout.as_of:
        days.append(rollout.origin)
    return min(days, default=rollout.as_of)


def flags(rollout: Rollout) -> list[dict[str, str]]:
    """The documents that stand behind the curve: the policy itself and what was issued to carry it out."""
    own = [(rollout.origin or rollout.policy.known_issued_by, rollout.policy)]
    below = [(policy.published_on or policy.known_issued_by, policy) for policy in rollout.followers]
    return [
        {"date": on.isoformat(), "label": policy.name, "url": policy.get_absolute_url()}
        for on, policy in own + below
        if on and on <= rollout.as_of
    ]


def lag_chart(rollout: Rollout, sources: Sequence[Source]) -> Chart:
    """Days from the national document to each province's plan, one lane a region."""
    lanes = [row.label for row in rollout.by_region]
    places = {row.region: index for index, row in enumerate(rollout.by_region)}
    points = [point for row in rollout.provinces for point in lag_point(row, rollout.origin, places)]
    return Chart(
        slug="lags",
        kind="strip",
        title=lag_title(rollout),
        subtitle=_(
            "Days from the national document to the province’s plan, %(dated)d of %(roster)d known to the day, "
            "as of %(day)s"
        )
        % {"dated": len(rollout.lags), "roster": rollout.roster, "day": day(rollout.as_of)},
        table=Table(*lag_table(rollout)),
        data={
            "lanes": lanes,
            "points": points,
            "median": rollout.median_lag_days,
            "labels": {
                "x": _("days after the national document"),
                "certain": _("day of issue known"),
                "latest": _("at the latest: only known by that day"),
                "median": _("median %(days)s days") % {"days": f"{rollout.median_lag_days:g}"}
                if rollout.median_lag_days is not None
                else "",
            },
        },
        sources=sources,
        note=_(
            "The median and P90 count only plans whose day of issue is known; a hollow mark is the latest day possible."
        ),
        api=rollout_api(rollout),
    )


def lag_title(rollout: Rollout) -> str:
    if rollout.median_lag_days is None:
        return _("No lag is known to the day")
    return _("Half of the dated plans came within %(median)s days, nine in ten within %(p90)s") % {
        "median": f"{rollout.median_lag_days:g}",
        "p90": f"{rollout.p90_lag_days:.0f}",
    }


def lag_point(row: ProvinceRollout, origin: date | None, places: Mapping[str, int]) -> list[dict[str, Any]]:
    """The mark of one province on the strip; none where it has not issued or the national day is not known."""
    province = row.province
    base = {"lane": places.get(province.region), "label": province.short, "url": province.get_absolute_url()}
    if row.lag_days is not None:
        text = ngettext("%(days)d day", "%(days)d days", row.lag_days) % {"days": row.lag_days}
        return [{**base, "days": row.lag_days, "from": None, "certain": True, "text": text}]
    between = lag_range(row, origin)
    if between is None:
        return []
    first, last = between
    partial = bool(row.plan and row.plan.issued_on)
    text = (
        _("between %(first)d and %(last)d days") % {"first": first, "last": last}
        if partial
        else _("at most %(last)d days") % {"last": last}
    )
    return [{**base, "days": last, "from": first if partial else None, "certain": False, "text": text}]


def lag_table(rollout: Rollout) -> tuple[list[Column], list[list[Cell]]]:
    columns = [
        Column("province", _("Province")),
        Column("region", _("Region")),
        Column("issued_on", _("Issued"), "date"),
        Column("lag_days", _("Days"), "integer"),
        Column("latest", _("Days at the latest"), "integer"),
    ]
    rows = []
    for row in sorted(rollout.provinces, key=lambda item: (item.lag_days is None, item.lag_days or 0)):
        between = lag_range(row, rollout.origin)
        rows.append(
            [
                Cell(row.province.short, url=row.province.get_absolute_url()),
                Cell(row.province.get_region_display()),
                Cell(row.issued),
                Cell(row.lag_days),
                Cell(between[1] if between else row.lag_days),
            ]
        )
    return columns, rows


# -- the tile map ---------------------------------------------------------------------------------------


def plans_grid(rollout: Rollout, outside: Iterable[Province]) -> dict[str, Any]:
    """The tile map of plans: known to the day, only known by a day, or not issued as far as is known."""
    tiles = [plan_tile(row, rollout.origin) for row in rollout.provinces]
    classes = Counter(tile["class"] for tile in tiles)
    words = [
        ("s5", _("issued: days after the national document")),
        ("s3", _("issued, day not known: days at most")),
        ("yellow", status_label(PlanStatus.DRAFTING)),
        ("grey", status_label(PlanStatus.NOT_FOUND)),
        ("s1", status_label(PlanStatus.NOT_REQUIRED)),
        ("nodata", status_label(PlanStatus.UNKNOWN)),
    ]
    legend = [{"class": name, "label": label, "count": classes[name]} for name, label in words if classes[name]]
    return {
        "key": "plans",
        "label": _("Plans"),
        "tiles": tiles + [outside_tile(province) for province in outside],
        "legend": legend,
    }


def plan_tile(row: ProvinceRollout, origin: date | None) -> dict[str, Any]:
    """One province's tile: its colour, what stands in it, and the sentence a pointer shows."""
    base = place(row.province)
    if row.counts and row.lag_days is not None:
        look: dict[str, Any] = {"class": "s5", "step": 5, "status": "", "value": str(row.lag_days)}
    elif row.counts:
        between = lag_range(row, origin)
        text = f"≤{between[1]}" if between else (row.issued.iso() if row.issued else "●")
        look = {"class": "s3", "step": 3, "status": "", "value": text}
    else:
        look = {
            PlanStatus.DRAFTING: {"class": "yellow", "step": 0, "status": "yellow", "value": ""},
            PlanStatus.NOT_FOUND: {"class": "grey", "step": 0, "status": "grey", "value": ""},
            PlanStatus.NOT_REQUIRED: {"class": "s1", "step": 1, "status": "", "value": "–"},
        }.get(PlanStatus(row.status), {"class": "nodata", "step": 0, "status": "", "value": None})
    return {**base, **look, "title": tile_title(row)}


def tile_title(row: ProvinceRollout) -> str:
    """The province's state in words, as a reader without colours needs it."""
    if not row.counts:
        return labelled(row.province.name, status_label(row.status))
    if row.issued and row.issued.precision == "day":
        return _("%(province)s: issued on %(day)s") % {"province": row.province.name, "day": day(row.issued.on)}
    return _("%(province)s: issued by %(day)s at the latest") % {
        "province": row.province.name,
        "day": day(row.known_by) if row.known_by else "",
    }


def place(province: Province) -> dict[str, Any]:
    """Where a province's tile lies and where it leads."""
    return {
        "col": province.tile_col,
        "row": province.tile_row,
        "short": province.short,
        "url": province.get_absolute_url(),
        "outside": False,
        "corps": province.kind == "corps",
        "code": province.iso_code[-2:],
    }


def outside_tile(province: Province) -> dict[str, Any]:
    """A tile that is drawn, not counted."""
    return {
        **place(province),
        "url": "",
        "outside": True,
        "class": "outside",
        "step": 0,
        "status": "",
        "value": None,
        "title": _("%(province)s: outside this programme") % {"province": province.name},
    }


def map_note() -> str:
    return _(
        "Equal tiles, not a map of territory. Hong Kong, Macao and Taiwan are drawn but lie outside this programme. "
        "The Xinjiang corps is an organisation: its tile has an outline of its own."
    )


def status_map(rollout: Rollout, outside: Iterable[Province], sources: Sequence[Source]) -> Chart:
    """The tile map of a policy's page."""
    return Chart(
        slug="map",
        kind="tiles",
        title=map_title(rollout),
        subtitle=scope(rollout),
        table=plans_table(rollout),
        data={"grids": [plans_grid(rollout, outside)]},
        sources=sources,
        note=map_note(),
        api=rollout_api(rollout),
    )


def map_title(rollout: Rollout) -> str:
    """The finding of the map: which region is complete, or how far the slowest is."""
    open_regions = [row for row in rollout.by_region if row.issued < row.roster]
    if not open_regions:
        return _("Every region is complete")
    slowest = min(open_regions, key=lambda row: row.share or 0)
    return _("Furthest behind: %(region)s, %(issued)d of %(roster)d") % {
        "region": slowest.label,
        "issued": slowest.issued,
        "roster": slowest.roster,
    }
