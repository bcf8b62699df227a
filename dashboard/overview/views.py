"""Overview page."""

from collections.abc import Iterable
from datetime import date, timedelta
from operator import itemgetter
from typing import Any
from urllib.parse import urlencode

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.errors import choice_error
from core.http import TrackerRequest
from core.pages import Export, Exports, chart_exports, export_response, figures_export, page
from core.tables import Chart, Column, make_table
from core.text import format_date, format_days, join_clauses, join_sentences, join_short, join_statements, label_value
from dashboard.briefs.build import Days, classes_statement, names_text, pilot_lights, red_statement
from dashboard.overview.services import (
    Overview,
    attention_columns,
    build_overview,
    overview_figures,
    overview_map,
    plan_sources,
    without_plan,
)
from pilots.analytics.coverage import Coverage
from pilots.analytics.pilot_status import PilotStatus
from pilots.analytics.progress import Progress, count_by_hand, quarter_end_before
from pilots.charts.cells import (
    arrow,
    by_hand_text,
    class_parts,
    class_text,
    distinct_names_of,
    percent,
    pilot_cell,
    pilots_url,
    reported_text,
    waiting_text,
)
from pilots.charts.coverage import coverage_chart, coverage_title
from pilots.charts.status import light_summary_chart
from pilots.follow_ups.tables import beside_pilot, follow_ups_url, may_open_follow_ups
from pilots.lights import OF_VALUE, Colour, ReportState
from pilots.metrics import CoControl
from pilots.models import Reading
from pilots.models.reading import newest_accepted
from policies.charts import adoption_chart, certainty_text, months_after
from policies.models import Province, Source
from policies.rollout import POLICY_PARAMETER
from policies.tables import province_cell

SINCE = "since"
PERIODS = {"week": gettext_lazy("Week"), "month": gettext_lazy("Month"), "quarter": gettext_lazy("Quarter")}
ATTENTION_SHOWN, NAMED, OTHERS_SHOWN = 6, 6, 6
RISING = (CoControl.POLLUTION_DOWN_CARBON_UP, CoControl.BOTH_UP)  # the classes of pilots whose carbon rises
Row = dict[str, Any]


@page(POLICY_PARAMETER, SINCE)
def overview(request: TrackerRequest) -> HttpResponseBase:
    """Show the overview of the programme; the lights only where enough pilots are rated."""
    value = build_overview(request.as_of, request.GET.get(POLICY_PARAMETER))
    period, since = compared_with(request)
    since_title = _("What changed since %(day)s") % {"day": format_date(since, short=True)}
    changes = changes_since(value, since)
    charts, figures = overview_charts(value), overview_figures(value)
    columns: list[Column[Row]] = [
        Column("what", _("What happened"), itemgetter("label")),
        Column("n", _("Number"), itemgetter("n"), kind="integer"),
        Column("which", _("Which"), lambda row: join_short(row["names"]) or None),
        Column("more", _("Note"), lambda row: row["note"] or None),
    ]
    sources = charts["lights"].sources
    tables = {**figures_export(figures), **chart_exports(charts), **overview_tables(value, sources)}
    changes_scope = changes_scope_text(value)
    tables["changes"] = Export(
        since_title, lambda: make_table(columns, changes), subtitle=changes_scope, sources=sources
    )
    title, headline = _("Overview"), overview_headline(value)
    if file := export_response(request, tables, title, headline):
        return file
    names, classed = distinct_names_of(value.progress), value.classes
    green = [status for status in value.progress.pilots if status.colour == Colour.GREEN]
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
        "since_title": since_title,
        "changes": changes,
        "changes_scope": changes_scope,
        "unchanged": join_clauses(row["label"] for row in changes if not (row["n"] or row["note"])),
        "changed": any(row["n"] or row["note"] for row in changes),
        "attention": attention_rows(value, may_open_follow_ups(request)),
        "attention_finding": attention_headline(value.progress),
        "attention_url": pilots_url(**value.batch_filter, sort="light"),
        "classes": class_parts(value.synergy.kinds),
        "green": green,
        "green_by_hand": by_hand_text(count_by_hand(green)),
        "rising": [status for status in green if (own := classed.get(status.pilot.pk)) and own.kind in RISING],
        "synergy_url": f"{reverse('synergy')}?{urlencode(value.batch_filter)}".removesuffix("?"),
        **without_plan(request, value.rollout),
        "coverage_finding": coverage_finding(value.national_coverage),
        "coverage_scope": charts["coverage"].subtitle,
        "industries": industry_bars(value.national_coverage),
        "outstanding": [
            (report_state.label, names_text([names[status.pilot.pk] for status in statuses], NAMED))
            for report_state, statuses in value.outstanding.by_place.items()
            if statuses
        ],
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
        strip = value.progress.strip
        red = red_statement(strip.now[Colour.RED], strip.n, strip.change(Colour.RED), strip.then_on, strip.by_hand)
        parts = filter(None, [red, classes_statement(value.synergy)])
        text = join_sentences(text, join_clauses(parts) + _("."))
    rollout = value.rollout
    if rollout is None or rollout.issued is None:
        return text
    issued = ngettext(
        "%(issued)d of %(roster)d provinces has issued a plan",
        "%(issued)d of %(roster)d provinces have issued a plan",
        rollout.issued,
    ) % {"issued": rollout.issued, "roster": rollout.roster}
    issued = join_clauses(filter(None, [issued, certainty_text(rollout)]))
    return join_sentences(text, label_value(rollout.policy.short, issued) + _("."))


def entered_headline(value: Overview) -> str:
    """Return the sentence on announced pilots entered, those that report values, and what is missing."""
    entered, reported, waiting = value.all_kinds, value.outstanding.reported, waiting_text(value.outstanding)
    if entered.announced is None:
        text = ngettext("%(n)d pilot entered", "%(n)d pilots entered", entered.entered) % {"n": entered.entered}
    else:
        text = _("%(n)d of %(all)d pilots entered") % {"n": entered.entered, "all": entered.announced}
    reporting = ngettext("%(n)d reports values", "%(n)d report values", reported) % {"n": reported}
    told = [*([reporting] if reported else []), *([waiting] if waiting else [])]
    none = _("none reports values") if value.outstanding.owing else reported_text(value.outstanding)
    text = join_statements(text, join_short(told) or none)
    cities, parks = value.cities.to_enter or 0, value.parks.to_enter or 0
    missing = [
        *([ngettext("%(n)d city", "%(n)d cities", cities) % {"n": cities}] if cities else []),
        *([ngettext("%(n)d park", "%(n)d parks", parks) % {"n": parks}] if parks else []),
    ]
    if missing:
        text = join_clauses([text, label_value(_("missing"), join_short(missing))])
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


def overview_tables(value: Overview, sources: Iterable[object]) -> Exports:
    """Return the lists in full: pilots that need attention, worst first, and those that owe values not accepted yet."""
    progress, reports = value.progress, value.outstanding
    names = distinct_names_of(progress)
    columns: list[Column[tuple[ReportState, PilotStatus]]] = [
        Column("pilot", _("Pilot"), lambda row: pilot_cell(row[1].pilot, names)),
        Column("kind", _("Kind"), lambda row: row[1].pilot.get_kind_display()),
        Column("province", _("Province"), lambda row: province_cell(row[1].pilot.province)),
        Column("year", _("Year"), lambda _row: str(reports.year)),
        Column("where", _("Held up"), lambda row: str(ReportState(row[0]).label)),
    ]
    scope = label_value(value.scope_text, reported_text(reports))
    if reports.owing:
        text = _("%(scope)s: values for %(year)d not accepted, first due on %(due)s, %(days)s ago")
        days = {"due": format_date(reports.due_on), "days": format_days(reports.days_late)}
        scope = text % {"scope": value.scope_text, "year": reports.year, **days}
    return {
        "attention": Export(
            _("What needs attention"),
            lambda: make_table(attention_columns(names, value.classes), progress.attention()),
            subtitle=attention_headline(progress),
            sources=sources,
        ),
        "outstanding": Export(
            _("Values outstanding"), lambda: make_table(columns, reports.pilots), subtitle=scope, sources=sources
        ),
    }


# -- what needs attention --------------------------------------------------------------------------------


def attention_headline(progress: Progress) -> str:
    """Return the sentence on how many pilots need attention, or that nothing is known yet."""
    count, n = progress.needing_attention, len(progress.pilots)
    if count:
        lights = progress.strip.now
        return _("%(n)d of %(all)d pilots need attention: %(red)d red, %(yellow)d yellow") % {
            "n": count,
            "all": n,
            "red": lights[Colour.RED],
            "yellow": lights[Colour.YELLOW],
        }
    if not progress.rated:
        return _("Nothing to judge by yet: no pilot can be rated")
    return _("No pilot needs attention")


def attention_rows(value: Overview, may_open: bool) -> list[Row]:
    """Return the first pilots that need attention, with the class, and where the reader may open a follow-up."""
    names, classes = distinct_names_of(value.progress), value.classes
    return [
        {
            "status": status,
            "name": names[status.pilot.pk],
            "arrows": [arrow(own.pollution_rate), arrow(own.carbon_rate)] if own else [],
            "class": class_text(own) if own else "",
            "open": None if status.open_follow_ups else beside_pilot(status, may_open),
            "days": (status.as_of - status.since).days if status.since else None,
        }
        for status in value.progress.attention(ATTENTION_SHOWN)
        for own in [classes.get(status.pilot.pk)]
    ]


# -- what changed ----------------------------------------------------------------------------------------


def compared_with(request: TrackerRequest) -> tuple[str, date]:
    """Return the period of `?since=` and the day on which it began: a week, a month, or by default the time since the
    last quarter ended.
    """
    period, as_of = request.GET.get(SINCE, "quarter"), request.as_of
    if period not in PERIODS:
        raise choice_error(period, PERIODS, SINCE)
    if period == "quarter":
        return period, quarter_end_before(as_of)
    return period, as_of - timedelta(7) if period == "week" else months_after(as_of, -1)


def changes_scope_text(value: Overview) -> str:
    """Return of what the changes are: of the pilots and the plans that the overview counts, and of all follow-ups."""
    parts = [label_value(_("Pilots"), value.scope_text)]
    if value.rollout:
        parts.append(label_value(_("Plans"), value.rollout.policy.short))
    if value.follow_ups:
        parts.append(label_value(_("Follow-ups"), _("all")))
    return join_clauses(parts)


def changes_since(value: Overview, since: date) -> list[Row]:
    """Return what changed since a day, each with its number and names; pilots are those of the overview.

    The lights of both days are computed from the records as they stand. Of the newly red ones a note says how many are
    so because a value was accepted since: the others passed a day.
    """
    progress, names = value.progress, distinct_names_of(value.progress)
    lights = pilot_lights(progress, progress.pilots, Days(value.as_of, value.as_of, since))
    own = {status.pilot.pk: status for status in progress.pilots}
    cleared: list[Any] = [item for item in value.follow_ups if item.cleared and item.pilot_id in own]
    again = [own[item.pilot_id] for item in cleared if item.relapsed_on and item.relapsed_on > since]

    def is_new(reading: Any) -> bool:
        return reading.accepted_on is not None and since < reading.accepted_on <= value.as_of

    def is_by_value(status: PilotStatus) -> bool:
        """Whether the light has its colour by a value that was accepted since."""
        first = status.reasons[0]
        return first.why in OF_VALUE and is_new(first.reading)

    def of_light(label: str, statuses: Iterable[PilotStatus], note: str = "") -> Row:
        pilots = [(status.pilot, names[status.pilot.pk]) for status in statuses]
        shown = [name for _pilot, name in pilots]
        return {"label": label, "n": len(pilots), "names": shown, "pilots": pilots, "note": note}

    def of_others(label: str, shown: list[str], note: str = "") -> Row:
        return {"label": label, "n": len(shown), "names": shown, "text": names_text(shown, NAMED), "note": note}

    rows: list[Row] = []
    if not (value.few_rated and lights.is_unrated):
        by_value = sum(map(is_by_value, lights.newly_red))
        note = _("%(n)d of them by values accepted since") % {"n": by_value} if by_value else ""
        rows += [of_light(_("Newly red"), lights.newly_red, note), of_light(_("Red light cleared"), lights.cleared)]
        rare = {_("Red, now not rated"): lights.no_longer_rated, _("Set by hand, or no longer"): lights.changed_by_hand}
        rows += [of_light(label, pilots) for label, pilots in rare.items() if pilots]
        rows.append(of_light(_("Red again after clearing"), again))
    if value.follow_ups:
        closed = [item.number for item in value.follow_ups if item.closed_on and item.closed_on > since]
        opened = sum(item.opened_on > since for item in value.follow_ups)
        note = ngettext("%(n)d opened", "%(n)d opened", opened) % {"n": opened} if opened else ""
        rows.append(of_others(_("Follow-ups closed"), closed, note))
    if value.rollout:
        rows.append(of_others(_("Plans issued"), [item.province.short for item in value.rollout.known_since(since)]))
        if repealed := [item.province.short for item in value.rollout.repealed_since(since)]:
            rows.append(of_others(_("Plans repealed, none in force"), repealed))
    # of quarters too, which lights do not read
    accepted = newest_accepted(value.as_of, Reading.objects.filter(accepted_on__gt=since, pilot__in=list(names)))
    reported = set(accepted.order_by().values_list("pilot", flat=True))
    rows.append(of_others(_("Pilots with values accepted"), [name for key, name in names.items() if key in reported]))
    return rows


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
