"""The rollout as chart frames and tables: what the numbers of `rollout.py` look like, and nothing counted anew."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.formats import date_format, get_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from config.charts import Cell, Chart, Column, Subject, Table
from config.words import labelled, listed, listed_long, sentences
from policies.maps import plans_grid
from policies.metrics import whole_days
from policies.models import Measure, PlanStatus, Policy, Province, Source
from policies.rollout import ProvinceRollout, RegionRollout, Rollout, lag_range

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


# -- findings: each names the policy whose plans it counts --------------------------------------------


def rollout_finding(rollout: Rollout) -> str:
    """One sentence that answers "how far is it taken up?" for the day."""
    named = {"policy": rollout.policy.short, "day": day(rollout.as_of), "roster": rollout.roster}
    if rollout.issued is None:
        return _("This policy calls for no provincial plans.")
    if rollout.issued == 0:
        return _("No province is known to have issued a plan for “%(policy)s” by %(day)s.") % named
    if rollout.issued == rollout.roster:
        count = _("All %(roster)d provinces have issued a plan for “%(policy)s”") % named
    else:
        count = ngettext(
            "%(issued)d of %(roster)d provinces has issued a plan for “%(policy)s”",
            "%(issued)d of %(roster)d provinces have issued a plan for “%(policy)s”",
            rollout.issued,
        ) % {**named, "issued": rollout.issued}
    return f"{count}{lag_clause(rollout)}"


def lag_clause(rollout: Rollout) -> str:
    """The second half of the finding: how many on a known day, and where they are enough, how long it took them."""
    if not rollout.dated:
        return _("; the day of issue is known for none of them.")
    if not rollout.has_enough_lags or rollout.median_lag_days is None:
        return _("; the day of issue is known for %(dated)d of them.") % {"dated": rollout.dated}
    text = _("; %(dated)d of them on a known day, the median %(median)d days after the national document.")
    return text % {"dated": len(rollout.lags), "median": whole_days(rollout.median_lag_days)}


def scope(rollout: Rollout) -> str:
    """The line under each title: for which policy, of how many, on which day."""
    return _("Plans for “%(policy)s”, of the %(roster)d provinces in the roster, as of %(day)s") % {
        "policy": rollout.policy.short,
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
        Column("median", _("Median days"), "integer"),
    ]
    rows = [
        [
            Cell(row.label),
            Cell(row.issued),
            Cell(row.roster),
            Cell(row.share),
            Cell(row.dated),
            Cell(region_median(row)),
        ]
        for row in rollout.by_region
    ]
    return Table(columns, rows)


def region_median(row: RegionRollout) -> int | str | None:
    """A region's median in whole days; of few plans, that they are too few to say."""
    if row.median_lag_days is None:
        return None
    return whole_days(row.median_lag_days) if row.has_enough_lags else too_few(len(row.lags))


def too_few(n: int) -> str:
    """What stands in place of a median or a P90 of too few values."""
    return _("too few to say: n = %(n)d") % {"n": n}


def subject_of(policy: Policy) -> Subject:
    """The policy whose plans are counted, as files name it."""
    return Subject(_("Policy"), policy.slug, policy.short)


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
        Column("provinces", _("Provinces whose plan became known on the day")),
    ]
    names, end = newcomers(rollout), end_day(rollout)
    rows = [
        [Cell(s.date), Cell(s.issued), Cell(rollout.share_of(s.issued)), Cell(listed(names.get(s.date, [])))]
        for s in rollout.series
    ]
    return Chart(
        slug="adoption",
        kind="steps",
        title=adoption_title(rollout),
        subtitle=scope(rollout),
        table=Table(columns, rows),
        data={
            "start": start_day(rollout).isoformat(),
            "end": end.isoformat(),
            "max": rollout.roster,
            "points": [
                {"date": step.date.isoformat(), "n": step.issued, "names": names.get(step.date, [])}
                for step in rollout.series
            ],
            "dated": [{"date": step.date.isoformat(), "n": step.issued} for step in rollout.dated_series],
            "flags": flags(rollout, end),
            "labels": {
                "issued": _("issued, by the latest date known"),
                "dated": _("of them with the day of issue known"),
                "of": _("of %(roster)d") % {"roster": rollout.roster},
                "y": _("provinces"),
            },
        },
        sources=sources,
        note=sentences(
            _(
                "A plan counts from the day by which it is known to exist. Where only that is known, "
                "it may have been issued earlier."
            ),
            ending_note(rollout, end),
        ),
        api=rollout_api(rollout),
        about=subject_of(rollout.policy),
    )


def adoption_title(rollout: Rollout) -> str:
    """The finding of the curve: the day on which half, then all, were known to have issued."""
    return labelled(rollout.policy.short, adoption_finding(rollout))


def adoption_finding(rollout: Rollout) -> str:
    if not rollout.issued:
        return _("no plan is known yet")
    if rollout.issued == rollout.roster:
        return _("the last plans were issued by %(day)s at the latest") % {"day": day(rollout.series[-1].date)}
    if rollout.half_on:
        return _("half of the provinces had issued by %(day)s") % {"day": day(rollout.half_on)}
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


def end_day(rollout: Rollout) -> date:
    """Where the curve's axis ends: a quarter after its last step, or today where that is sooner or none came yet."""
    if not rollout.issued:
        return rollout.as_of
    return min(rollout.as_of, months_after(rollout.series[-1].date, 3))


def months_after(day: date, months: int) -> date:
    """The same day so many months later, or the last of that month where it has no such day."""
    place = day.year * 12 + day.month - 1 + months
    first = date(place // 12, place % 12 + 1, 1)
    return first.replace(day=min(day.day, monthrange(first.year, first.month)[1]))


def ending_note(rollout: Rollout, end: date) -> str:
    """That nothing came after the curve's last step, where its axis ends before the day shown."""
    if end >= rollout.as_of or not rollout.issued:
        return ""
    return _("No further plan became known from %(end)s to %(day)s: that is not drawn.") % {
        "end": day(rollout.series[-1].date),
        "day": day(rollout.as_of),
    }


def newcomers(rollout: Rollout) -> dict[date, list[str]]:
    """The provinces whose plan became known on each day, by their short names."""
    found: dict[date, list[str]] = {}
    for row in rollout.provinces:
        if row.known_by:
            found.setdefault(row.known_by, []).append(row.province.short)
    return found


def flags(rollout: Rollout, end: date) -> list[dict[str, str]]:
    """The documents that stand behind the curve: the policy itself and what was issued to carry it out."""
    own = [(rollout.origin or rollout.policy.known_issued_by, rollout.policy)]
    below = [(policy.published_on or policy.known_issued_by, policy) for policy in rollout.followers]
    return [
        {"date": on.isoformat(), "label": policy.name, "url": policy.get_absolute_url()}
        for on, policy in own + below
        if on and on <= end
    ]


def lag_chart(rollout: Rollout, sources: Sequence[Source]) -> Chart:
    """Days from the national document to each province's plan, one lane a region."""
    lanes = [row.label for row in rollout.by_region]
    places = {row.region: index for index, row in enumerate(rollout.by_region)}
    points = [point for row in rollout.provinces for point in lag_point(row, rollout.origin, places)]
    median = rollout.median_lag_days if rollout.has_enough_lags else None
    middle = None if median is None else whole_days(median)
    return Chart(
        slug="lags",
        kind="strip",
        title=lag_title(rollout),
        subtitle=_(
            "Days from “%(policy)s” to the province’s plan, %(dated)d of %(roster)d known to the day, as of %(day)s"
        )
        % {
            "policy": rollout.policy.short,
            "dated": len(rollout.lags),
            "roster": rollout.roster,
            "day": day(rollout.as_of),
        },
        table=Table(*lag_table(rollout)),
        data={
            "lanes": lanes,
            "points": points,
            "median": middle,
            "labels": {
                "x": _("days after the national document"),
                "certain": _("day of issue known"),
                "latest": _("at the latest: only known by that day"),
                "median": "" if middle is None else _("median %(days)d days") % {"days": middle},
            },
        },
        sources=sources,
        note=_(
            "The median and P90 count only plans whose day of issue is known; a hollow mark is the latest day possible."
        ),
        api=rollout_api(rollout),
        about=subject_of(rollout.policy),
    )


def lag_title(rollout: Rollout) -> str:
    """How long the plans took; nothing of the kind where too few are dated to the day."""
    return labelled(rollout.policy.short, lag_finding(rollout))


def lag_finding(rollout: Rollout) -> str:
    median, p90 = rollout.median_lag_days, rollout.p90_lag_days
    if median is None or p90 is None:
        return _("no lag is known to the day")
    if not rollout.has_enough_lags:
        return _("too few plans are dated to say how long they took: n = %(n)d") % {"n": len(rollout.lags)}
    text = _("half of the %(n)d dated plans came within %(median)d days, nine in ten within %(p90)d")
    return text % {"n": len(rollout.lags), "median": whole_days(median), "p90": whole_days(p90)}


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
        about=subject_of(rollout.policy),
    )


def map_title(rollout: Rollout) -> str:
    """The finding of the map: every region complete, or all those that are furthest behind."""
    return labelled(rollout.policy.short, map_finding(rollout))


def map_finding(rollout: Rollout) -> str:
    open_regions = [row for row in rollout.by_region if row.issued < row.roster]
    if not open_regions:
        return _("every region is complete")
    lowest = min(row.share or 0 for row in open_regions)
    last = [row for row in open_regions if (row.share or 0) == lowest]
    if lowest == 0 and len(last) > 1:
        text = _("no plan is known in %(last)d of %(regions)d regions")
        return text % {"last": len(last), "regions": len(rollout.by_region)}
    text = _("%(region)s %(issued)d of %(roster)d")
    names = [text % {"region": row.label, "issued": row.issued, "roster": row.roster} for row in last]
    return _("furthest behind: %(regions)s") % {"regions": listed(names)}
