"""Overview page."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.http.request import TrackerRequest
from core.pages import Export, Exports, chart_exports, export_response, figures_export, page
from core.text.formatting import format_amount, join_clauses, join_sentences, join_short, join_statements, label_value
from core.web.tables import Cell, Chart, Column, Table, make_table
from dashboard.analytics.overview import Overview, build_overview, plan_sources
from dashboard.analytics.recent_changes import ChangeGroup, recent_changes
from dashboard.charts.attention import attention_headline, attention_rows, attention_table, red_statement
from dashboard.charts.due import (
    on_track_headline,
    on_track_rows,
    on_track_table,
    outstanding_groups,
    outstanding_headline,
    outstanding_scope,
    outstanding_table,
)
from dashboard.charts.follow_ups import follow_ups_answer, follow_ups_headline, red_lights_statement, waiting_table
from dashboard.charts.overview_map import overview_map
from dashboard.charts.practices import most_copied_table, practices_headline
from dashboard.key_figures import overview_figures
from pilots.analytics.pilot_status import PilotStatus
from pilots.charts.cells import distinct_names_of, format_carbon, pilots_url
from pilots.charts.coverage import coverage_chart
from pilots.charts.follow_ups import LightFollowUps
from pilots.charts.reconciliation import reconciliation_table
from pilots.charts.stages import funnel_chart, longest_table, plan_lag_chart
from pilots.charts.status import light_summary_chart
from pilots.lights import Colour
from pilots.metrics.reduction import CoControl, SumResult
from policies.charts.rollout import adoption_chart, certainty_text
from policies.models import Province, Source
from policies.rollout import POLICY_PARAMETER

ATTENTION_SHOWN = 8
ROWS_SHOWN = 5  # of the lists of follow-ups and of practices
CHANGES_IN_FILE = 50


@page(POLICY_PARAMETER)
def overview(request: TrackerRequest) -> HttpResponseBase:
    """Show the overview of the programme; the lights only where enough pilots are rated."""
    value = build_overview(request.as_of, request.GET.get(POLICY_PARAMETER))
    progress, summary, links = value.progress, value.follow_up_summary, LightFollowUps(request)
    charts, figures = overview_charts(value), overview_figures(value)
    tables = {**figures_export(figures), **chart_exports(charts), **overview_tables(value, charts["lights"])}
    title, headline = _("Overview"), overview_headline(value)
    if file := export_response(request, tables, title, headline):
        return file
    link: Column[PilotStatus] = links.column(links.of_pilot)
    context = {
        "title": title,
        "finding": headline,
        "overview": value,
        "choice": value.choice,
        "scope": value.scope_text,
        "figures": figures,
        "charts": charts,
        "reconciliation": reconciliation_table(value.batches),
        "changes": recent_changes(value.as_of),
        "reasons": attention_rows(attention_table(progress, value.synergy.classed, ATTENTION_SHOWN, [link])),
        "reasons_rest": max(0, progress.needing_attention - ATTENTION_SHOWN),
        "reasons_url": pilots_url(**value.batch_filter, sort="light"),
        "attention_finding": tables["attention"].subtitle,
        "follow_ups_answer": follow_ups_answer(summary),
        "follow_ups_finding": follow_ups_headline(summary),
        "follow_ups_count": summary.total,
        "red_lights": red_lights_statement(summary),
        "waiting": waiting_table(value.follow_ups, most=ROWS_SHOWN),
        "practices_finding": tables["practices"].subtitle,
        "most_copied": most_copied_table(value.diffusion, most=ROWS_SHOWN),
        "synergy_answer": synergy_answer(value),
        "synergy_url": f"{reverse('synergy')}?{urlencode(value.batch_filter)}".removesuffix("?"),
    }
    if not value.few_rated:
        context |= {
            "longest": longest_table(progress),
            "longest_url": pilots_url(**value.batch_filter, sort="-days"),
            "on_track": on_track_rows(progress),
            "on_track_finding": tables["on-track"].subtitle,
            "outstanding": outstanding_groups(value.outstanding, distinct_names_of(progress)),
            "outstanding_finding": outstanding_headline(value.outstanding),
            "outstanding_scope": tables["not-reported"].subtitle,
            "reduced": reduced_figures(value),
        }
    return render(request, "dashboard/overview.html", context)


def overview_tables(value: Overview, lights: Chart) -> Exports:
    """Return the tables beside figures and charts, ranked lists in full: title, rows, finding or scope, sources."""
    progress, sources = value.progress, lights.sources
    follow_ups = [follow_ups_headline(value.follow_up_summary), red_lights_statement(value.follow_up_summary)]
    return {
        "attention": Export(
            _("What needs attention"),
            lambda: attention_table(progress, value.synergy.classed),
            subtitle=attention_headline(progress),
            sources=sources,
        ),
        "longest": Export(
            _("Longest in one stage"), lambda: longest_table(progress), subtitle=lights.subtitle, sources=sources
        ),
        "on-track": Export(
            _("Binding targets by indicator"),
            lambda: on_track_table(progress),
            subtitle=on_track_headline(progress, value.days_left),
            sources=sources,
        ),
        "not-reported": Export(
            _("Who has not reported"),
            lambda: outstanding_table(value.outstanding, distinct_names_of(progress)),
            subtitle=outstanding_scope(value.outstanding, value.scope_text),
            sources=sources,
        ),
        "reconciliation": Export(
            _("Announced against recorded"), lambda: reconciliation_table(value.batches), sources=sources
        ),
        "follow-ups": Export(
            _("Follow-ups overdue or to be verified"),
            lambda: waiting_table(value.follow_ups),
            subtitle=join_clauses(follow_ups),
        ),
        "practices": Export(
            _("Most copied practices"),
            lambda: most_copied_table(value.diffusion),
            subtitle=practices_headline(value.diffusion),
        ),
        "changes": Export(
            _("Recent changes to the records"), lambda: changes_table(recent_changes(value.as_of, CHANGES_IN_FILE))
        ),
    }


def synergy_answer(value: Overview) -> str:
    """Return how many of the judged pilots reduce pollution at the cost of carbon; empty where none can be judged."""
    kind, n = CoControl.POLLUTION_DOWN_CARBON_UP, value.synergy.judged
    if not n:
        return ""
    text = ngettext(
        "%(up)d of the %(n)d judged pilot: pollution down, carbon up (%(green)d of them green)",
        "%(up)d of the %(n)d judged pilots: pollution down, carbon up (%(green)d of them green)",
        n,
    )
    numbers = {"up": value.synergy.kinds[kind], "n": n, "green": value.green_by_class[kind]}
    return label_value(value.scope_text, text % numbers)


def changes_table(changes: Sequence[ChangeGroup]) -> Table:
    """Return the table of recent changes, one group per row."""
    columns: list[Column[ChangeGroup]] = [
        Column("when", _("When"), kind="date"),
        Column("what", _("Which"), lambda change: Cell(change.what, url=change.url)),
        Column("kind", _("Record"), lambda change: change.kind or ""),
        Column("light", _("Light"), lambda change: " → ".join(str(colour.label) for colour in change.light or ())),
        Column("text", _("What happened")),
    ]
    return make_table(columns, changes)


# -- the finding -----------------------------------------------------------------------------------------


def overview_headline(value: Overview) -> str:
    """Return the headline: red lights and their change, targets on the path, then the rollout.

    Where too few pilots are recorded, that comes first; where few are rated, it replaces the lights. A database without
    provinces has no records at all.
    """
    if not value.provinces:
        return _("No province, policy or pilot is on record yet.")
    text = entered_headline(value) if value.sparse or value.few_rated else ""
    if not value.few_rated:
        text = join_sentences(
            text, join_sentences(lights_headline(value), on_track_headline(value.progress, value.days_left) + _("."))
        )
    return join_sentences(text, rollout_sentence(value))


def rollout_sentence(value: Overview) -> str:
    """Return the sentence on provinces that have issued a plan for the named policy."""
    rollout = value.rollout
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


def lights_headline(value: Overview) -> str:
    """Return the sentence on red pilots: number, change since the end of the last quarter, and the longest red one."""
    strip = value.progress.strip
    red = strip.now[Colour.RED]
    parts = [red_statement(red, strip.n, strip.change(Colour.RED), strip.then_on)]
    if red:
        worst = value.progress.attention(1)[0]
        parts.append(label_value(_("red for longest"), distinct_names_of(value.progress)[worst.pilot.pk]))
    return join_clauses(parts) + _(".")


# -- charts and figures ----------------------------------------------------------------------------------


def overview_charts(value: Overview) -> dict[str, Chart]:
    """Return the charts of the overview with their sources; lights, stages and days are of the latest batch."""
    outside = list(Province.objects.filter(in_roster=False))
    sources = list(Source.objects.filter(pilot__batch__known_by__lte=value.as_of).distinct())
    progress, scope, filters = value.progress, value.scope_text, value.batch_filter
    of_plans: list[Source] = []
    if value.rollout:
        own = Source.objects.filter(policy=value.rollout.policy)
        of_plans = list(dict.fromkeys([*own, *plan_sources(value.rollout.provinces)]))
    return {
        "map": overview_map(value, outside, list(dict.fromkeys([*of_plans, *sources]))),
        **({"adoption": adoption_chart(value.rollout, of_plans)} if value.rollout else {}),
        "coverage": coverage_chart(value.national_coverage, sources),
        "lights": light_summary_chart(progress, scope, sources, value.quarters, **filters),
        "funnel": funnel_chart(progress, scope, sources, **filters),
        "plan_lag": plan_lag_chart(progress, scope, sources, **filters),
    }


def reduced_figures(value: Overview) -> list[dict[str, object]]:
    """Return the figures of total reductions, each with its set and number of pilots."""
    carbon, air = value.synergy.carbon_total, value.synergy.apeq_total
    counted = _("%(used)d of %(n)d pilots counted")

    def note(total: SumResult) -> str:
        return join_clauses([value.scope_text, counted % {"used": total.used, "n": total.possible}])

    return [
        {
            "label": _("CO₂ reduced"),
            "value": None if carbon.value is None else format_carbon(carbon.value),
            "of": "",
            "note": note(carbon),
        },
        {
            "label": _("Air pollutants reduced"),
            "value": None if air.value is None else format_amount(air.value),
            "of": _("thousand equivalents"),
            "note": note(air),
        },
    ]
