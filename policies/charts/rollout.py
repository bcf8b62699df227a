"""Charts and tables of a rollout: presentation of `analytics/rollout.py`, nothing is computed anew."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.formats import date_format, get_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core import charts
from core.text.formatting import join_clauses, join_sentences, join_short, label_value
from core.web.tables import Chart, Column, Subject, Table, make_table
from policies.charts.tile_map import plans_grid
from policies.metrics import Step, share, whole_days
from policies.models import Policy, Province, Source
from policies.rollout import ProvinceRollout, Rollout
from policies.tables import place_columns, plans_table


def format_day(on: date) -> str:
    """Return a date formatted for the current language."""
    return date_format(on, get_format("DATE_FORMAT"))


# -- findings: each names the policy whose plans it counts --------------------------------------------


def rollout_headline(rollout: Rollout) -> str:
    """Return the headline of a rollout: one sentence that says how far the policy is taken up."""
    named = {"policy": rollout.policy.short, "day": format_day(rollout.as_of), "roster": rollout.roster}
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
    if rollout.inferred:
        count = join_clauses([count, inferred_text(rollout.inferred)])
    return f"{count}{lag_clause(rollout)}"


def inferred_text(n: int) -> str:
    return _("%(n)d only inferred") % {"n": n}


def certainty_text(rollout: Rollout) -> str:
    """Return how many of the issued plans are inferred, or only known by a latest day; empty where none is."""
    parts = [inferred_text(rollout.inferred)] if rollout.inferred else []
    if rollout.known_by:
        parts.append(_("%(n)d known only by a latest day") % {"n": rollout.known_by})
    return join_short(parts)


def lag_clause(rollout: Rollout) -> str:
    """Return the second half of the headline: how many have a known date, and with enough of them the lag."""
    if not rollout.dated:
        return _("; the day of issue is known for none of them.")
    if not rollout.has_enough_lags or rollout.median_lag_days is None:
        return _("; the day of issue is known for %(dated)d of them.") % {"dated": rollout.dated}
    text = _("; %(dated)d of them on a known day, the median %(median)d days after the national document.")
    return text % {"dated": len(rollout.lags), "median": whole_days(rollout.median_lag_days)}


def chart_scope(rollout: Rollout) -> str:
    """Return the subtitle: which policy, of how many provinces, on which date."""
    return _("Plans for “%(policy)s”, of the %(roster)d provinces in the roster, as of %(day)s") % {
        "policy": rollout.policy.short,
        "roster": rollout.roster,
        "day": format_day(rollout.as_of),
    }


def file_subject(policy: Policy) -> Subject:
    """Return the policy's name as file names and titles use it."""
    return Subject(_("Policy"), policy.slug, policy.short)


def rollout_api(rollout: Rollout) -> str:
    """Return the API address of the same numbers."""
    return f"{reverse('api-rollout')}?{urlencode({'policy': rollout.policy.slug})}"


# -- charts -------------------------------------------------------------------------------------------


def adoption_chart(rollout: Rollout, sources: Sequence[Source]) -> Chart:
    """Adoption curve: how many had issued by each day, and how many of them on a known date."""
    names, end = newly_known(rollout), end_day(rollout)
    flags = curve_annotations(rollout, end)
    issued, dated = _("issued, by the latest date known"), _("of them with the day of issue known")
    return Chart(
        slug="adoption",
        kind="steps",
        title=adoption_title(rollout),
        subtitle=chart_scope(rollout),
        table=adoption_table(rollout, names),
        data=charts.steps(
            [
                (issued, [(step.date, step.issued, names.get(step.date, [])) for step in rollout.series]),
                (dated, [(step.date, step.issued, []) for step in rollout.dated_series]),
            ],
            (start_day(rollout), end),
            rollout.roster,
            of=_("of %(roster)d") % {"roster": rollout.roster},
            axis=_("provinces"),
            flags=flags,
        ),
        legend=[("line", issued), *([("line thin", dated)] if rollout.dated_series else [])],
        flags=flags,
        sources=sources,
        note=join_sentences(
            _(
                "A plan counts from the day by which it is known to exist. Where only that is known, "
                "it may have been issued earlier."
            ),
            ending_note(rollout, end),
        ),
        api=rollout_api(rollout),
        about=file_subject(rollout.policy),
    )


def adoption_table(rollout: Rollout, names: Mapping[date, Sequence[str]]) -> Table:
    columns: list[Column[Step]] = [
        Column("date", _("Day"), kind="date"),
        Column("issued", _("Issued by then"), kind="integer"),
        Column("share", _("Share of the roster"), lambda step: share(step.issued, rollout.roster), kind="share"),
        Column(
            "provinces",
            _("Provinces whose plan became known on the day"),
            lambda step: join_short(names.get(step.date, [])),
        ),
    ]
    return make_table(columns, rollout.series)


def adoption_title(rollout: Rollout) -> str:
    """Return the title of the curve: when half, then all, were known to have issued."""
    return label_value(rollout.policy.short, adoption_headline(rollout))


def adoption_headline(rollout: Rollout) -> str:
    if not rollout.issued:
        return _("no plan is known yet")
    if rollout.issued == rollout.roster:
        last = rollout.series[-1].date
        text = _("the last plans were issued by %(day)s at the latest") % {"day": format_day(last)}
        undated = sum(row.known_by == last and not row.dated for row in rollout.provinces)
        latest = ngettext("%(n)d is known only by that day", "%(n)d are known only by that day", undated)
        return join_clauses([text, latest % {"n": undated}]) if undated else text
    if rollout.half_on:
        return _("half of the provinces had issued by %(day)s") % {"day": format_day(rollout.half_on)}
    return _("%(issued)d of %(roster)d had issued by %(day)s") % {
        "issued": rollout.issued,
        "roster": rollout.roster,
        "day": format_day(rollout.as_of),
    }


def start_day(rollout: Rollout) -> date:
    """Return where the axis begins: the national date, or the first plan if that is earlier."""
    days = [step.date for step in rollout.series]
    if rollout.origin and rollout.origin <= rollout.as_of:
        days.append(rollout.origin)
    return min(days, default=rollout.as_of)


def end_day(rollout: Rollout) -> date:
    """Return where the axis ends: a quarter after the last step, but not after the as-of date."""
    if not rollout.issued:
        return rollout.as_of
    return min(rollout.as_of, months_after(rollout.series[-1].date, 3))


def months_after(day: date, months: int) -> date:
    """Return the same day so many months later, or the last day of a shorter month."""
    place = day.year * 12 + day.month - 1 + months
    first = date(place // 12, place % 12 + 1, 1)
    return first.replace(day=min(day.day, monthrange(first.year, first.month)[1]))


def ending_note(rollout: Rollout, end: date) -> str:
    """Return the note that nothing followed the last step, if the axis ends before the as-of date."""
    if end >= rollout.as_of or not rollout.issued:
        return ""
    return _("No further plan became known from %(end)s to %(day)s: that is not drawn.") % {
        "end": format_day(rollout.series[-1].date),
        "day": format_day(rollout.as_of),
    }


def newly_known(rollout: Rollout) -> dict[date, list[str]]:
    """Return the provinces whose plan became known on each day, by short name."""
    found: dict[date, list[str]] = {}
    for row in rollout.provinces:
        if row.known_by:
            found.setdefault(row.known_by, []).append(row.province.short)
    return found


def curve_annotations(rollout: Rollout, end: date) -> list[dict[str, Any]]:
    """Return the annotations of the curve: the policy itself and the documents that implement it."""
    own = [(rollout.origin or rollout.policy.known_issued_by, rollout.policy)]
    below = [(policy.published_on or policy.known_issued_by, policy) for policy in rollout.followers]
    return [
        {"on": on, "label": policy.name, "url": policy.get_absolute_url()}
        for on, policy in own + below
        if on and on <= end
    ]


def lag_chart(rollout: Rollout, sources: Sequence[Source]) -> Chart:
    """Strip plot of the lags: days from the national document to each province's plan, one lane per region."""
    lanes = [row.region.value for row in rollout.by_region]
    points = [point for row in rollout.provinces for point in lag_point(row, rollout.origin, lanes)]
    middle = None
    if rollout.has_enough_lags and rollout.median_lag_days is not None:
        days = whole_days(rollout.median_lag_days)
        middle = (days, _("median %(days)d days") % {"days": days})
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
            "day": format_day(rollout.as_of),
        },
        table=lag_table(rollout),
        data=charts.strip(
            [row.label for row in rollout.by_region], points, _("days after the national document"), middle
        ),
        legend=[
            ("dot certain", _("day of issue known")),
            ("dot latest", _("at the latest: only known by that day")),
        ]
        if points
        else [],
        sources=sources,
        note=_(
            "The median and P90 count only plans whose day of issue is known; a hollow mark is the latest day possible."
        ),
        api=rollout_api(rollout),
        about=file_subject(rollout.policy),
    )


def lag_title(rollout: Rollout) -> str:
    """Return the title: how long the plans took; nothing of it if too few dates are known to the day."""
    return label_value(rollout.policy.short, lag_headline(rollout))


def lag_headline(rollout: Rollout) -> str:
    median, p90 = rollout.median_lag_days, rollout.p90_lag_days
    if median is None or p90 is None:
        return _("no lag is known to the day")
    if not rollout.has_enough_lags:
        return _("too few plans are dated to say how long they took: n = %(n)d") % {"n": len(rollout.lags)}
    text = _("half of the %(n)d dated plans came within %(median)d days, nine in ten within %(p90)d")
    return text % {"n": len(rollout.lags), "median": whole_days(median), "p90": whole_days(p90)}


def lag_point(row: ProvinceRollout, origin: date | None, lanes: Sequence[str]) -> list[charts.Point]:
    """Return a province's point; none if it has not issued or the national date is unknown."""
    province = row.province
    base = {"lane": lanes.index(province.region), "title": province.short, "url": province.get_absolute_url()}
    if row.lag_days is not None:
        text = ngettext("%(days)d day", "%(days)d days", row.lag_days) % {"days": row.lag_days}
        return [{**base, "x": row.lag_days, "text": text}]
    between = row.lag_range
    if between is None:
        return []
    first, last = between
    partial = bool(row.plan and row.plan.issued_on)
    text = (
        _("between %(first)d and %(last)d days") % {"first": first, "last": last}
        if partial
        else _("at most %(last)d days") % {"last": last}
    )
    return [{**base, "x": last, "from": first if partial else None, "hollow": True, "text": text}]


def lag_table(rollout: Rollout) -> Table:
    columns: list[Column[ProvinceRollout]] = [
        *place_columns(),
        Column("issued_on", _("Issued"), "issued", kind="date"),
        Column("lag_days", _("Days"), kind="integer"),
        Column(
            "latest",
            _("Days at the latest"),
            lambda row: row.lag_range[1] if row.lag_range else row.lag_days,
            kind="integer",
        ),
    ]
    return make_table(columns, sorted(rollout.provinces, key=lambda item: (item.lag_days is None, item.lag_days or 0)))


# -- the tile map ---------------------------------------------------------------------------------------


def map_note() -> str:
    return _(
        "Equal tiles, not a map of territory. Hong Kong, Macao and Taiwan are drawn but lie outside this programme. "
        "The Xinjiang corps is an organisation: its tile has an outline of its own."
    )


def status_map(rollout: Rollout, outside: Iterable[Province], sources: Sequence[Source]) -> Chart:
    """Tile map on a policy's page."""
    return Chart(
        slug="map",
        kind="tiles",
        title=map_title(rollout),
        subtitle=chart_scope(rollout),
        table=plans_table(rollout),
        data={"grids": [plans_grid(rollout, outside)]},
        sources=sources,
        note=map_note(),
        api=rollout_api(rollout),
        about=file_subject(rollout.policy),
    )


def map_title(rollout: Rollout) -> str:
    """Return the title of the map: all regions complete, or those that are furthest behind."""
    return label_value(rollout.policy.short, map_headline(rollout))


def map_headline(rollout: Rollout) -> str:
    open_regions = [row for row in rollout.by_region if row.issued != row.roster]
    if not open_regions:
        return _("every region is complete")
    lowest = min(row.share or 0 for row in open_regions)
    last = [row for row in open_regions if (row.share or 0) == lowest]
    if lowest == 0 and len(last) > 1:
        text = _("no plan is known in %(last)d of %(regions)d regions")
        return text % {"last": len(last), "regions": len(rollout.by_region)}
    text = _("%(region)s %(issued)d of %(roster)d")
    names = [text % {"region": row.label, "issued": row.issued, "roster": row.roster} for row in last]
    return _("furthest behind: %(regions)s") % {"regions": join_short(names)}
