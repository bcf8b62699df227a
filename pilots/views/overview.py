"""The overview: what a director opens on Monday."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from config.charts import Cell, Chart, Column, Table
from config.kept import kept_page
from config.lists import PAGE_WORDS, Export, Exports, chart_exports, check_words, exported, figures_export
from config.words import sentences
from pilots.changes import Change, recent_changes
from pilots.charts import coverage_chart, coverage_finding, overview_map, pilots_url, reconciliation_table
from pilots.charts.attention import attention_finding, attention_table
from pilots.charts.progress import light_strip
from pilots.charts.stages import funnel_chart, longest_table, plan_lag_chart
from pilots.overview import Overview, build_overview
from policies.charts import adoption_chart, day, rollout_finding
from policies.models import Province, Source
from policies.rollout import POLICY_PARAMETER

ATTENTION_SHOWN = 12


@kept_page
def overview(request: HttpRequest) -> HttpResponseBase:
    """The whole programme on one page."""
    check_words(request, {*PAGE_WORDS, POLICY_PARAMETER})
    value = build_overview(request.as_of, request.GET.get(POLICY_PARAMETER))  # type: ignore[attr-defined]
    charts = overview_charts(value)
    finding, figures = overview_finding(value), overview_figures(value)
    file = exported(request, overview_exports(value, charts, figures), _("Overview"), finding)
    if file is not None:
        return file
    context = {
        "title": _("Overview"),
        "finding": finding,
        "overview": value,
        "choice": value.choice,
        "figures": figures,
        "charts": charts,
        "attention": attention_table(value.progress, most=ATTENTION_SHOWN),
        "attention_rest": max(0, value.progress.needing_attention - ATTENTION_SHOWN),
        "attention_finding": attention_finding(value.progress),
        "longest": longest_table(value.progress),
        "reconciliation": reconciliation_table(value.batches),
        "changes": recent_changes(value.as_of),
    }
    return render(request, "overview.html", context)


def overview_exports(value: Overview, charts: Mapping[str, Chart], figures: Sequence[Mapping[str, Any]]) -> Exports:
    """Everything the overview shows, for its files; what is ranked on it in full."""
    scope, sources = charts["lights"].subtitle, charts["lights"].sources
    return {
        **figures_export(figures),
        **chart_exports(charts),
        "attention": Export(
            _("What needs attention"),
            lambda: attention_table(value.progress),
            (),
            attention_finding(value.progress),
            sources,
        ),
        "longest": Export(_("Longest in one stage"), lambda: longest_table(value.progress), (), scope, sources),
        "reconciliation": Export(
            _("Announced against recorded"), lambda: reconciliation_table(value.batches), sources=sources
        ),
        "changes": Export(_("Recent changes to the records"), lambda: changes_table(recent_changes(value.as_of))),
    }


def changes_table(changes: Sequence[Change]) -> Table:
    columns = [
        Column("when", _("When"), "date"),
        Column("what", _("Which")),
        Column("kind", _("Record")),
        Column("action", _("What happened")),
        Column("reason", _("Why")),
    ]
    rows = [
        [Cell(change.when), Cell(change.what), Cell(change.kind), Cell(change.action), Cell(change.reason or None)]
        for change in changes
    ]
    return Table(columns, rows)


def overview_finding(value: Overview) -> str:
    rollout = rollout_finding(value.rollout) if value.rollout else ""
    return sentences(rollout, sentence(coverage_finding(value.coverage)))


def sentence(text: str) -> str:
    """With a capital first letter, where the script has one."""
    return text[:1].upper() + text[1:]


def overview_charts(value: Overview) -> dict[str, Any]:
    """The charts of the overview with the sources of each."""
    outside = list(Province.objects.filter(in_roster=False))
    pilot_sources = list(Source.objects.filter(pilot__batch__known_by__lte=value.as_of).distinct())
    plan_sources: list[Source] = []
    if value.rollout:
        plans = [row.plan.pk for row in value.rollout.provinces if row.plan and row.counts]
        own = Source.objects.filter(policy=value.rollout.policy)
        plan_sources = list(dict.fromkeys([*own, *Source.objects.filter(provincialplan__in=plans).distinct()]))
    charts = {"map": overview_map(value, outside, list(dict.fromkeys([*plan_sources, *pilot_sources])))}
    if value.rollout:
        charts["adoption"] = adoption_chart(value.rollout, plan_sources)
    charts["coverage"] = coverage_chart(value.coverage, pilot_sources)
    return charts | progress_charts(value, pilot_sources)


def progress_charts(value: Overview, sources: list[Source]) -> dict[str, Any]:
    """Stages, lights and the way from list to plan, of the latest national batch."""
    batch = value.national.batch if value.national else None
    scope = batch.label if batch else _("All pilots")
    filters = {"batch": batch.slug} if batch else {}
    return {
        "lights": light_strip(value.progress, scope, sources, **filters),
        "funnel": funnel_chart(value.progress, scope, sources, **filters),
        "plan_lag": plan_lag_chart(value.progress, scope, sources, **filters),
    }


def overview_figures(value: Overview) -> list[dict[str, Any]]:
    """The five key figures, each with its denominator, its day and the records behind it."""
    rollout, batch = value.rollout, value.national.batch if value.national else None
    by = _("as of %(day)s") % {"day": day(value.as_of)}
    figures = []
    if rollout:
        figures.append(
            {
                "label": _("Provincial plans issued"),
                "value": rollout.issued,
                "of": _("of %(roster)d provinces") % {"roster": rollout.roster},
                "note": by,
                "url": rollout.policy.get_absolute_url(),
                "definition": "rollout",
            }
        )
    for kind, label, numbers in (
        ("city", _("Pilot cities recorded"), value.cities),
        ("park", _("Pilot parks recorded"), value.parks),
    ):
        if batch is None:
            continue
        of = _("of %(n)d announced") % {"n": numbers.announced} if numbers.announced is not None else ""
        note = _("%(n)d only inferred") % {"n": numbers.unverified} if numbers.unverified else by
        url = pilots_url(batch=batch.slug, kind=kind)
        figures.append(
            {"label": label, "value": numbers.recorded, "of": of, "note": note, "url": url, "definition": "recorded"}
        )
    coverage = value.coverage
    figures.append(
        {
            "label": _("Industries covered"),
            "value": coverage.covered,
            "of": _("of %(n)d industries") % {"n": len(coverage.industries)},
            "note": _("%(naming)d of %(pilots)d pilots name one")
            % {"naming": coverage.naming, "pilots": coverage.pilots},
            "url": reverse("industry-list"),
            "definition": "coverage",
        }
    )
    if batch is not None and batch.term_end:
        figures.append(
            {
                "label": _("Days of the term left"),
                "value": max(0, value.days_left or 0),
                "of": _("days"),
                "note": _("to %(day)s") % {"day": day(batch.term_end)},
                "url": pilots_url(batch=batch.slug),
            }
        )
    return figures
