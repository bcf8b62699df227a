"""Overview page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.http.errors import BadRequest, ErrorDetail, truncate
from core.http.request import TrackerRequest
from core.pages import Export, Exports, chart_exports, export_response, figures_export, page
from core.text.formatting import (
    format_date,
    format_days,
    join_clauses,
    join_sentences,
    join_short,
    join_statements,
    label_value,
)
from core.web.tables import Chart, Column, make_table
from dashboard.analytics.overview import Overview, build_overview, plan_sources
from dashboard.briefs.blocks import Days
from dashboard.briefs.parts import Lights, names_text
from dashboard.charts.attention import attention_headline, attention_table, red_statement
from dashboard.charts.due import outstanding_scope, outstanding_table
from dashboard.charts.overview_map import lag_note, no_plan_headline, overview_map, without_plan_rows
from dashboard.key_figures import overview_figures
from pilots.analytics.coverage import Coverage
from pilots.analytics.pilot_status import PilotStatus, colour_on, quarter_end_before
from pilots.charts.cells import arrow, class_parts, class_text, distinct_names_of, percent, pilots_url
from pilots.charts.coverage import coverage_chart, coverage_title
from pilots.charts.follow_ups import LightFollowUps, follow_ups_url
from pilots.charts.status import light_summary_chart
from pilots.lights import Colour, TargetLight
from pilots.metrics.follow_up_states import FollowUpState
from pilots.metrics.reduction import CoControl
from policies.charts import adoption_chart, certainty_text, months_after
from policies.models import Province, Source
from policies.rollout import POLICY_PARAMETER, Rollout

SINCE = "since"
PERIODS = {"week": gettext_lazy("Week"), "month": gettext_lazy("Month"), "quarter": gettext_lazy("Quarter")}
ATTENTION_SHOWN, NAMED, OTHERS_SHOWN = 6, 6, 6
RISING = (CoControl.POLLUTION_DOWN_CARBON_UP, CoControl.BOTH_UP)  # the classes of pilots whose carbon rises
Row = dict[str, Any]


@page(POLICY_PARAMETER, SINCE)
def overview(request: TrackerRequest) -> HttpResponseBase:
    """Show the overview of the programme; the lights only where enough pilots are rated."""
    value = build_overview(request.as_of, request.GET.get(POLICY_PARAMETER))
    period = chosen_period(request)
    since = first_day_of(period, value.as_of)
    changes = changes_since(value, since)
    charts, figures = overview_charts(value), overview_figures(value)
    tables = {**figures_export(figures), **chart_exports(charts), **overview_tables(value, charts, since, changes)}
    title, headline = _("Overview"), overview_headline(value)
    if file := export_response(request, tables, title, headline):
        return file
    rising = [status for status in value.progress.pilots if is_green_with_rising_carbon(value, status)]
    context = {
        "title": title,
        "finding": headline,
        "overview": value,
        "choice": value.choice,
        "scope": value.scope_text,
        "figures": figures,
        "lights": charts.pop("lights"),
        "charts": {name: charts[name] for name in ("map", "adoption") if name in charts},
        "periods": PERIODS,
        "period": period,
        "since_title": since_title(since),
        "changes": changes,
        "attention": attention_rows(value, LightFollowUps(request)),
        "attention_finding": attention_headline(value.progress),
        "attention_url": pilots_url(**value.batch_filter, sort="light"),
        "classes": class_parts(value.synergy.kinds),
        "classes_finding": classes_finding(value),
        "classes_scope": classes_scope(value),
        "rising": rising,
        "rising_finding": _("%(n)d of %(all)d green pilots have rising carbon")
        % {"n": len(rising), "all": value.progress.strip.now[Colour.GREEN]},
        "synergy_url": f"{reverse('synergy')}?{urlencode(value.batch_filter)}".removesuffix("?"),
        "no_plan": no_plan_headline(value.rollout) if value.rollout else "",
        "without_plan": without_plan_rows(request, value.rollout) if value.rollout else [],
        "lag_note": lag_note(value.rollout) if value.rollout else "",
        "coverage_finding": coverage_finding(value.national_coverage),
        "coverage_scope": charts["coverage"].subtitle,
        "industries": industry_bars(value.national_coverage),
        "not_reported": not_reported(value),
        "overdue_url": follow_ups_url(overdue="true"),
        "overdue": sorted(
            (item for item in value.follow_ups if item.is_overdue), key=lambda item: -(item.days_late or 0)
        ),
    }
    return render(request, "dashboard/overview.html", context)


# -- the finding -----------------------------------------------------------------------------------------


def overview_headline(value: Overview) -> str:
    """Return the headline: red lights and their change, pollution against carbon, the rollout, the days left.

    Where too few pilots are recorded, that comes first; where few are rated, it replaces the lights. A database without
    provinces has no records at all.
    """
    if not value.provinces:
        return _("No province, policy or pilot is on record yet.")
    text = entered_headline(value) if value.sparse or value.few_rated else ""
    if not value.few_rated:
        strip, kind = value.progress.strip, CoControl.POLLUTION_DOWN_CARBON_UP
        parts = [red_statement(strip.now[Colour.RED], strip.n, strip.change(Colour.RED), strip.then_on)]
        if value.synergy.judged:
            classed = ngettext(
                "in %(up)d of the %(n)d that can be judged, pollution falls while carbon rises",
                "in %(up)d of the %(n)d that can be judged, pollution falls while carbon rises",
                value.synergy.judged,
            )
            parts.append(classed % {"up": value.synergy.kinds[kind], "n": value.synergy.judged})
        text = join_sentences(text, join_clauses(parts) + _("."))
    return join_sentences(text, rollout_sentence(value.rollout))


def rollout_sentence(rollout: Rollout | None) -> str:
    """Return the sentence on provinces that have issued a plan for the named policy."""
    if rollout is None or rollout.issued is None:
        return ""
    text = ngettext(
        "%(issued)d of %(roster)d provinces has issued a plan",
        "%(issued)d of %(roster)d provinces have issued a plan",
        rollout.issued,
    ) % {"issued": rollout.issued, "roster": rollout.roster}
    text = join_clauses(filter(None, [text, certainty_text(rollout)]))
    return label_value(rollout.policy.short, text) + _(".")


def entered_headline(value: Overview) -> str:
    """Return the sentence on announced pilots entered, those that report values, and what is missing."""
    entered, progress = value.all_kinds, value.progress
    if entered.announced is None:
        text = ngettext("%(n)d pilot entered", "%(n)d pilots entered", entered.entered) % {"n": entered.entered}
    else:
        text = _("%(n)d of %(all)d pilots entered") % {"n": entered.entered, "all": entered.announced}
    reporting = ngettext("%(n)d reports values", "%(n)d report values", progress.reported) % {"n": progress.reported}
    text = join_statements(text, reporting if progress.reported else _("none reports values"))
    missing = [
        ngettext("%(n)d city", "%(n)d cities", value.cities.to_enter or 0) % {"n": value.cities.to_enter or 0},
        ngettext("%(n)d park", "%(n)d parks", value.parks.to_enter or 0) % {"n": value.parks.to_enter or 0},
    ]
    absent = [words for words, numbers in zip(missing, (value.cities, value.parks), strict=True) if numbers.to_enter]
    if absent:
        text = join_clauses([text, label_value(_("missing"), join_short(absent))])
    return text + _(".")


# -- charts and tables -----------------------------------------------------------------------------------


def overview_charts(value: Overview) -> dict[str, Chart]:
    """Return the charts of the overview with their sources; lights and industries are of the latest batch."""
    outside = list(Province.objects.filter(in_roster=False))
    sources = list(Source.objects.filter(pilot__batch__known_by__lte=value.as_of).distinct())
    of_plans: list[Source] = []
    if value.rollout:
        own = Source.objects.filter(policy=value.rollout.policy)
        of_plans = list(dict.fromkeys([*own, *plan_sources(value.rollout.provinces)]))
    lights = light_summary_chart(value.progress, value.scope_text, sources, value.quarters, **value.batch_filter)
    return {
        "map": overview_map(value, outside, list(dict.fromkeys([*of_plans, *sources]))),
        **({"adoption": adoption_chart(value.rollout, of_plans)} if value.rollout else {}),
        "coverage": coverage_chart(value.national_coverage, sources),
        "lights": lights,
    }


def overview_tables(value: Overview, charts: Mapping[str, Chart], since: date, changes: Iterable[Row]) -> Exports:
    """Return the tables beside figures and charts, lists in full: title, rows, finding or scope, sources."""
    progress, sources = value.progress, charts["lights"].sources
    rows: list[Column[Row]] = [
        Column("what", _("What happened"), lambda row: row["label"]),
        Column("n", _("Number"), lambda row: row["n"], kind="integer"),
        Column("which", _("Which"), lambda row: join_short(row["names"]) or None),
        Column("more", _("Note"), lambda row: row["note"] or None),
    ]
    return {
        "attention": Export(
            _("What needs attention"),
            lambda: attention_table(progress, value.synergy.classed),
            subtitle=attention_headline(progress),
            sources=sources,
        ),
        "changes": Export(since_title(since), lambda: make_table(rows, list(changes)), sources=sources),
        "not-reported": Export(
            _("Who has not reported"),
            lambda: outstanding_table(value.outstanding, distinct_names_of(progress)),
            subtitle=outstanding_scope(value.outstanding, value.scope_text),
            sources=sources,
        ),
    }


# -- what needs attention --------------------------------------------------------------------------------


def attention_rows(value: Overview, links: LightFollowUps) -> list[Row]:
    """Return the first pilots that need attention, with the two parts of the reason, the class and the follow-up."""
    names, classes = distinct_names_of(value.progress), value.synergy.classed
    rows: list[Row] = []
    for status in value.progress.attention(ATTENTION_SHOWN):
        light, own = status.shown_reasons[0], classes.get(status.pilot.pk)
        what, numbers = light.parts
        rates = (own.apeq.rate, own.carbon.reduction.rate) if own else ()
        rows.append(
            {
                "status": status,
                "name": names[status.pilot.pk],
                "what": what,
                "numbers": numbers,
                "url": light.url,
                "arrows": list(map(arrow, rates)),
                "class": class_text(own) if own else "",
                **follow_up_beside(status, links),
                "days": (status.as_of - status.since).days if status.since else None,
            }
        )
    return rows


def follow_up_beside(status: PilotStatus, links: LightFollowUps) -> Row:
    """Return the open follow-up that is due first, with how it stands, or where the reader may open one."""
    own = status.open_follow_ups
    if not own:
        found = links.of_pilot(status)
        return {"open": found.url if found else ""}
    first = own[0]
    if first.state == FollowUpState.REPORTED:
        state = _("%(number)s, to be verified") % {"number": first.number}
    elif first.is_overdue:
        days = format_days(first.days_late)
        state = _("%(number)s, %(days)s overdue") % {"number": first.number, "days": days}
    else:
        day = format_date(first.current_due_on, short=True)
        state = _("%(number)s, due %(day)s") % {"number": first.number, "day": day}
    if len(own) > 1:
        state += " · " + ngettext("%(n)d more", "%(n)d more", len(own) - 1) % {"n": len(own) - 1}
    return {"follow_up": first, "state": state, "late": first.is_overdue}


# -- what changed ----------------------------------------------------------------------------------------


def chosen_period(request: TrackerRequest) -> str:
    """Return the period of `?since=`: a week, a month, or by default the time since the last quarter ended."""
    period = request.GET.get(SINCE, "quarter")
    if period not in PERIODS:
        text = _("since: “%(value)s” is no period. Known: %(known)s.")
        words = {"value": truncate(period), "known": ", ".join(PERIODS)}
        raise BadRequest(ErrorDetail(SINCE, "invalid_choice", text % words))
    return period


def first_day_of(period: str, as_of: date) -> date:
    """Return the earlier day of the comparison."""
    if period == "quarter":
        return quarter_end_before(as_of)
    return as_of - timedelta(7) if period == "week" else months_after(as_of, -1)


def since_title(since: date) -> str:
    return _("What changed since %(day)s") % {"day": format_date(since, short=True)}


def changes_since(value: Overview, since: date) -> list[Row]:
    """Return what changed since a day, each with its number and names; pilots are those of the overview.

    The lights of both days are computed from the records as they stand. Of the newly red ones a note says how many are
    so because a value was accepted since: the others passed a day.
    """
    progress, names = value.progress, distinct_names_of(value.progress)
    lights: Lights[PilotStatus] = Lights(
        Days(value.as_of, value.as_of, since),
        [(status, colour_on(status.pilot, since), status.colour) for status in progress.pilots],
    )
    value.follow_up_summary  # noqa: B018  # computes when a cleared cause was red again
    own = {status.pilot.pk: status for status in progress.pilots}
    again = [
        own[item.pilot_id]
        for item in value.follow_ups
        if item.pilot_id in own and (on := vars(item).get("relapsed_on")) and on > since
    ]

    def row(label: str, found: Iterable[PilotStatus], note: str = "") -> Row:
        pilots = [(status.pilot, names[status.pilot.pk]) for status in found]
        return {
            "label": label,
            "n": len(pilots),
            "names": [name for _pilot, name in pilots],
            "pilots": pilots,
            "note": note,
        }

    rows: list[Row] = []
    if not (value.few_rated and lights.is_unrated):
        red, by_value = lights.newly_red, [status for status in lights.newly_red if is_by_value(status, since)]
        note = _("%(n)d of them by values accepted since") % {"n": len(by_value)} if by_value else ""
        rows += [row(_("Newly red"), red, note), row(_("Red light cleared"), lights.cleared)]
        if lights.no_longer_rated:
            rows.append(row(_("Red, now not rated"), lights.no_longer_rated))
        rows.append(row(_("Red again after clearing"), again))
    closed = [item for item in value.follow_ups if item.closed_on and item.closed_on > since]
    opened = sum(item.opened_on > since for item in value.follow_ups)
    if value.follow_ups:
        note = ngettext("%(n)d opened", "%(n)d opened", opened) % {"n": opened} if opened else ""
        rows.append(numbers(_("Follow-ups closed"), [item.number for item in closed], note))
    if value.rollout:
        issued = [item.province.short for item in value.rollout.known_since(since)]
        rows.append(numbers(_("Plans issued"), issued))
    reported = [
        status
        for status in progress.pilots
        if any(is_new(item, since, value.as_of) for item in status.pilot.prefetched_readings)
    ]
    rows.append(numbers(_("Pilots with values accepted"), [names[status.pilot.pk] for status in reported]))
    return rows


def numbers(label: str, names: list[str], note: str = "") -> Row:
    """Return a change of what is not the light of a pilot."""
    return {"label": label, "n": len(names), "names": names, "text": names_text(names, NAMED), "note": note}


def is_by_value(status: PilotStatus, since: date) -> bool:
    """Whether the light has its colour by a value that was accepted after the day."""
    first = status.reasons[0]
    reading = status.values.get(first.record.indicator_id) if isinstance(first, TargetLight) else None
    return reading is not None and is_new(reading, since, status.as_of)


def is_new(reading: Any, since: date, as_of: date) -> bool:
    return reading.accepted_on is not None and since < reading.accepted_on <= as_of


# -- pollution and carbon --------------------------------------------------------------------------------


def classes_finding(value: Overview) -> str:
    """Return the title of the classes: how many reduce both, and how many pollution at the cost of carbon."""
    kinds, judged = value.synergy.kinds, value.synergy.judged
    text = ngettext(
        "%(both)d of %(n)d pilot reduces both; in %(up)d pollution falls while carbon rises",
        "%(both)d of %(n)d pilots reduce both; in %(up)d pollution falls while carbon rises",
        judged,
    )
    both, up = kinds[CoControl.CO_REDUCTION], kinds[CoControl.POLLUTION_DOWN_CARBON_UP]
    return text % {"both": both, "n": judged, "up": up}


def classes_scope(value: Overview) -> str:
    text = _("%(scope)s, %(year)d against each base year; %(n)d of %(all)d cannot be judged")
    numbers = {"year": value.synergy.year, "n": value.synergy.not_judged, "all": value.synergy.of}
    return text % {"scope": value.scope_text, **numbers}


def is_green_with_rising_carbon(value: Overview, status: PilotStatus) -> bool:
    found = value.synergy.classed.get(status.pilot.pk)
    return status.colour == Colour.GREEN and found is not None and found.kind in RISING


# -- rollout and coverage --------------------------------------------------------------------------------


def coverage_finding(coverage: Coverage) -> str:
    """Return the title of the industries: the gaps by name, or why none is claimed."""
    names = [row.industry.name for row in coverage.gaps]
    if not (coverage.gap_judged and names):
        return coverage_title(coverage)
    text = ngettext("%(names)s has no pilot", "%(names)s have no pilot", len(names))
    return text % {"names": names_text(names)}


def industry_bars(coverage: Coverage) -> list[Row]:
    """Return the priority industries, gaps first, and the others with most pilots.

    Without a claim of gaps, an industry that no pilot names is left out.
    """
    most = max((row.pilots for row in coverage.industries), default=0) or 1
    shown = [row for row in coverage.industries if row.gap or row.pilots]
    first = sorted((row for row in shown if row.industry.priority), key=lambda row: (row.pilots, row.industry.pk))
    others = sorted((row for row in shown if not row.industry.priority), key=lambda row: (-row.pilots, row.industry.pk))
    return [{"row": row, "width": percent(row.pilots, most)} for row in [*first, *others[:OTHERS_SHOWN]]]


# -- the cards -------------------------------------------------------------------------------------------


def not_reported(value: Overview) -> list[tuple[Any, str]]:
    """Return the states in which values are held up, each with the names of its pilots."""
    names = distinct_names_of(value.progress)
    return [
        (place.label, names_text([names[status.pilot.pk] for status in statuses], NAMED))
        for place, statuses in value.outstanding.by_place.items()
        if statuses
    ]
