"""Headline, charts and tile maps of a rollout: presentation of `policies/rollout.py`, nothing is computed anew."""

import re
from calendar import monthrange
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext_lazy

from core import charts
from core.tables import Chart, Column, Subject, make_table
from core.text import format_date, is_chinese_active, join_clauses, join_sentences, join_short, label_value
from policies import metrics
from policies.metrics import Step, share, whole_days
from policies.models import Confidence, PlanStatus, Province, Source
from policies.rollout import ProvinceRollout, Rollout
from policies.tables import place_columns, plans_table

# -- findings: each names the policy whose plans it counts --------------------------------------------


def rollout_headline(rollout: Rollout) -> str:
    """Return the headline of a rollout: one sentence that says how far the policy is taken up."""
    named = {"policy": rollout.policy.short, "day": format_date(rollout.as_of), "roster": rollout.roster}
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
    if not rollout.dated:
        return count + _("; none of them with an exact date.")
    if rollout.median_lag_days is None:
        return count + _("; %(dated)d of them with an exact date.") % {"dated": rollout.dated}
    text = _("; %(dated)d of them with an exact date, the median %(median)d days after the national document.")
    return count + text % {"dated": len(rollout.lags), "median": whole_days(rollout.median_lag_days)}


def inferred_text(n: int) -> str:
    return _("%(n)d only inferred") % {"n": n}


def certainty_text(rollout: Rollout) -> str:
    """Return how many of the issued plans are inferred, or have no exact date; empty where none is."""
    parts = [inferred_text(rollout.inferred)] if rollout.inferred else []
    months, latest = rollout.month_only or 0, rollout.latest_only or 0
    if months or latest:
        kinds = [_("%(n)d month only") % {"n": months}] if months else []
        kinds += [_("%(n)d latest date only") % {"n": latest}] if latest else []
        text = _("%(n)d without an exact date: %(kinds)s")
        parts.append(text % {"n": months + latest, "kinds": join_short(kinds)})
    return join_short(parts)


def chart_frame(rollout: Rollout, sources: Sequence[Source]) -> dict[str, Any]:
    """Return what the charts of a rollout have in common: scope, sources, address of the same numbers, and policy."""
    policy = rollout.policy
    scope = _("Plans for “%(policy)s”, of the %(roster)d provinces in the roster, as of %(day)s")
    return {
        "subtitle": scope % {"policy": policy.short, "roster": rollout.roster, "day": format_date(rollout.as_of)},
        "sources": sources,
        "api": reverse("api-rollout", query={"policy": policy.slug}),
        "about": Subject(_("Policy"), policy.slug, policy.short),
    }


# -- the curve ----------------------------------------------------------------------------------------


def adoption_chart(rollout: Rollout, sources: Sequence[Source]) -> Chart:
    """Adoption curve: how many had issued by each day, and how many of them on a known date.

    The axis begins on the national date, or with the first plan if that is earlier, and ends a quarter after the last
    step, but not after the as-of date.
    """
    policy, as_of, series = rollout.policy, rollout.as_of, rollout.series
    names: dict[date, list[str]] = defaultdict(list)  # of the provinces whose plan became known on the day
    for row in rollout.provinces:
        for day, n in row.changes.items():
            short = row.province.short
            names[day].append(short if n > 0 else label_value(short, PlanStatus.REPEALED.label))
    days = [step.date for step in series] + ([rollout.origin] if rollout.origin and rollout.origin <= as_of else [])
    end = min(as_of, months_after(series[-1].date, 3)) if rollout.issued else as_of
    note = _(
        "A plan counts from the day by which it is known to exist. Where only that is known, "
        "it may have been issued earlier."
    )
    if rollout.issued and end < as_of:
        text = _("No further plan became known from %(end)s to %(day)s: that is not drawn.")
        note = join_sentences(note, text % {"end": format_date(series[-1].date), "day": format_date(as_of)})
    marked = [(rollout.origin or policy.known_issued_by, policy)]
    marked += [(below.published_on or below.known_issued_by, below) for below in rollout.followers]
    flags = [
        {"on": on, "label": other.name, "url": other.get_absolute_url()} for on, other in marked if on and on <= end
    ]
    issued, dated = _("issued, by the latest date known"), _("of them with an exact date")
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
    return Chart(
        slug="adoption",
        kind="steps",
        title=label_value(policy.short, adoption_headline(rollout)),
        table=make_table(columns, series),
        data=charts.steps(
            [
                (issued, [(step.date, step.issued, names.get(step.date, [])) for step in series]),
                (dated, [(step.date, step.issued, []) for step in rollout.dated_series]),
            ],
            (min(days, default=as_of), end),
            rollout.roster,
            of=_("of %(roster)d") % {"roster": rollout.roster},
            flags=flags,
        ),
        legend=[("line", issued), *([("line thin", dated)] if rollout.dated_series else [])],
        flags=flags,
        note=note,
        **chart_frame(rollout, sources),
    )


def adoption_headline(rollout: Rollout) -> str:
    """Return when half, then all, were known to have issued."""
    if not rollout.issued:
        return _("no plan is known yet")
    if rollout.issued == rollout.roster:
        last = rollout.series[-1].date
        text = _("the last plans were issued by %(day)s at the latest") % {"day": format_date(last)}
        undated = sum(row.known_by == last and not row.dated for row in rollout.provinces)
        latest = ngettext("%(n)d has no exact date", "%(n)d have no exact date", undated)
        return join_clauses([text, latest % {"n": undated}]) if undated else text
    if rollout.half_on:
        return _("half of the provinces had issued by %(day)s") % {"day": format_date(rollout.half_on)}
    text = _("%(issued)d of %(roster)d had issued by %(day)s")
    return text % {"issued": rollout.issued, "roster": rollout.roster, "day": format_date(rollout.as_of)}


def months_after(day: date, months: int) -> date:
    """Return the same day so many months later, or the last day of a shorter month."""
    months_from_zero = day.year * 12 + day.month - 1 + months
    first = date(months_from_zero // 12, months_from_zero % 12 + 1, 1)
    return first.replace(day=min(day.day, monthrange(first.year, first.month)[1]))


# -- the lags -----------------------------------------------------------------------------------------


def lag_chart(rollout: Rollout, sources: Sequence[Source]) -> Chart:
    """Strip plot of the lags: days from the national document to each province's plan, one lane per region."""
    policy, n, middle = rollout.policy, len(rollout.lags), None
    if not rollout.lags:
        headline = _("no lag is known to the day")
    elif rollout.median_lag_days is None or rollout.p90_lag_days is None:
        headline = _("too few plans are dated to say how long they took: n = %(n)d") % {"n": n}
    else:
        days, p90 = whole_days(rollout.median_lag_days), whole_days(rollout.p90_lag_days)
        middle = (days, _("median %(days)d days") % {"days": days})
        headline = _("half of the %(n)d dated plans came within %(median)d days, nine in ten within %(p90)d")
        headline %= {"n": n, "median": days, "p90": p90}
    scope = _("Days from “%(policy)s” to the province’s plan, %(dated)d of %(roster)d known to the day, as of %(day)s")
    scope %= {"policy": policy.short, "dated": n, "roster": rollout.roster, "day": format_date(rollout.as_of)}
    regions = rollout.by_region
    lanes = [(lane, row) for lane, region in enumerate(regions) for row in region.issued_rows]
    points = [{"lane": lane, **point} for lane, row in lanes for point in lag_point(row)]
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
    rows = sorted(rollout.provinces, key=lambda row: (row.lag_days is None, row.lag_days or 0))
    series = (_("exact date"), _("at the latest: month or latest date only"))
    return Chart(
        slug="lags",
        kind="strip",
        title=label_value(policy.short, headline),
        table=make_table(columns, rows),
        data=charts.strip(
            [str(row.region.label) for row in regions], points, _("days after the national document"), series, middle
        ),
        legend=[("dot certain", series[0]), ("dot latest", series[1])] if points else [],
        note=_(
            "Days count to the first plan of a province. The median and P90 count only plans with an exact date; a "
            "hollow mark is the latest day possible."
        ),
        **{**chart_frame(rollout, sources), "subtitle": scope},
    )


def lag_point(row: ProvinceRollout) -> list[charts.Point]:
    """Return a province's point; none if the national date is unknown."""
    base = {"title": row.province.short, "url": row.province.get_absolute_url()}
    if row.lag_days is not None:
        text = ngettext("%(days)d day", "%(days)d days", row.lag_days) % {"days": row.lag_days}
        return [{**base, "x": row.lag_days, "text": text}]
    if row.lag_range is None:
        return []
    first, last = row.lag_range
    partial = row.issued is not None
    text = _("between %(first)d and %(last)d days") if partial else _("at most %(last)d days")
    point = {"x": last, "from": first if partial else None, "text": text % {"first": first, "last": last}}
    return [{**base, **point, "hollow": True}]


# -- the tile map ---------------------------------------------------------------------------------------


def map_note() -> str:
    return _(
        "Equal tiles, not a map of territory. Hong Kong, Macao and Taiwan are drawn but lie outside this programme. "
        "The Xinjiang corps is an organisation: its tile has an outline of its own."
    )


def status_map(rollout: Rollout, outside: Iterable[Province], sources: Sequence[Source]) -> Chart:
    """Tile map on a policy's page; its title says that all regions are complete, or which are furthest behind."""
    behind = [row for row in rollout.by_region if row.issued != row.roster]
    lowest = min((row.share or 0 for row in behind), default=0)
    last = [row for row in behind if (row.share or 0) == lowest]
    if not behind:
        headline = _("every region is complete")
    elif lowest == 0 and len(last) > 1:
        text = _("no plan is known in %(last)d of %(regions)d regions")
        headline = text % {"last": len(last), "regions": len(rollout.by_region)}
    else:
        text = _("%(region)s %(issued)d of %(roster)d")
        names = [text % {"region": row.region.label, "issued": row.issued, "roster": row.roster} for row in last]
        headline = _("furthest behind: %(regions)s") % {"regions": join_short(names)}
    return Chart(
        slug="map",
        kind="tiles",
        title=label_value(rollout.policy.short, headline),
        table=plans_table(rollout),
        data={"grids": [plans_grid(rollout, outside)]},
        note=map_note(),
        **chart_frame(rollout, sources),
    )


# -- tiles: missing plans stand out, or a count gives the colour --------------------------------------------


SYLLABLES = re.compile(r"(?<=ng)(?=[b-df-hj-np-tv-z])")  # where a romanised name may be cut: Heilong-jiang
# The word on the tile of a plan that is not issued.
ABSENT = {
    PlanStatus.DRAFTING: pgettext_lazy("on a tile", "drafting"),
    PlanStatus.NOT_FOUND: pgettext_lazy("on a tile", "not found"),
    PlanStatus.NOT_REQUIRED: pgettext_lazy("on a tile", "n/a"),
    PlanStatus.REPEALED: PlanStatus.REPEALED.label,
    PlanStatus.UNKNOWN: PlanStatus.UNKNOWN.label,
}


@dataclass(frozen=True)
class Tile:
    """One tile: `look` is its CSS class, `value` the text below the name, `text` what it means."""

    province: Province
    look: str
    value: str
    text: str
    hatched: bool = False  # only a latest date is known, or the plan is repealed
    is_word: bool = False  # the value is a word, set smaller

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
    exact = _("issued, exact date")
    if rollout.month_only:
        exact = _("issued, exact date (%(dated)d) or month only (%(months)d)")
        exact %= {"dated": rollout.dated, "months": rollout.month_only}
    labels = {
        ("issued", False): exact,
        ("issued", True): _("issued, latest date only"),
        ("missing", True): _("repealed, no plan in force"),
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
        text, hatched = label_value(row.province.name, row.status_text), row.status == PlanStatus.REPEALED
        return Tile(row.province, look, str(ABSENT[row.status]), text, hatched=hatched, is_word=True)
    exact = row.known_to != "latest"
    value = metrics.quarter(row.latest) if exact else f"≤{metrics.quarter(row.latest)}"
    return Tile(row.province, "issued", value, label_value(row.province.name, issue_text(row)), hatched=not exact)


def issue_text(row: ProvinceRollout) -> str:
    """Return when the first plan was issued, what replaced it, and that the one in force is only inferred."""
    parts = [first_issue_text(row)]
    if row.plan and row.plan != row.first:
        day = format_date(row.plan.issued or row.plan.known_issued_by)
        parts.append(_("replaced by the plan of %(day)s") % {"day": day})
    if row.plan and row.plan.unverified:
        parts.append(str(Confidence.INFERRED.label))
    return join_clauses(parts)


def lag_text(days: int) -> str:
    text = ngettext("%(days)d day after the national document", "%(days)d days after the national document", days)
    return text % {"days": days}


def first_issue_text(row: ProvinceRollout) -> str:
    """Return when the first plan was issued, how certain the date is, and the lag in days."""
    day, known_by, between = format_date(row.issued), format_date(row.known_by), row.lag_range
    if row.lag_days is not None:
        return _("issued on %(day)s, %(days)s") % {"day": day, "days": lag_text(row.lag_days)}
    if row.issued is None:
        text = _("issued by %(day)s (latest date only)") % {"day": known_by}
    elif row.dated:
        text = _("issued on %(day)s") % {"day": day}
    elif row.known_to == "month":
        text = _("issued in %(when)s (month only)") % {"when": day}
    else:
        text = _("issued in %(when)s (latest date only)") % {"when": day}
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
    highest = max((number for _province, number, _text in rows), default=0)
    tiles = [Tile(province, f"s{shade(number, highest)}", str(number), text) for province, number, text in rows]
    shades = defaultdict[int, list[int]](list)
    for number in sorted(number for _province, number, _text in rows):
        shades[shade(number, highest)].append(number)
    legend = []
    for step, numbers in sorted(shades.items()):
        span = f"{numbers[0]}–{numbers[-1]}" if numbers[0] != numbers[-1] else str(numbers[0])
        words = span if step else _("none recorded")
        legend.append(legend_row(f"s{step}", False, words, len(numbers)))
    tiles += map(outside_tile, outside)
    return {"key": key, "label": label, "caption": caption, "tiles": tiles, "legend": legend}
