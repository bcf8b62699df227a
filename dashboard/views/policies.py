"""Page of a policy: facts, rollout in the provinces, measures and sources."""

from collections.abc import Mapping
from datetime import date

from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from core.history.entries import ENTRY_PARAMETER, history_tab
from core.http.request import TrackerRequest
from core.pages import Export, Exports, chart_exports, export_response, figures_export, page
from core.text.formatting import join_clauses, label_value
from core.web.tables import Chart, Table
from dashboard.analytics.overview import plan_sources
from pilots.charts.follow_ups import RELATED, follow_ups_table, may_open_follow_ups
from pilots.documents.analytics import build_page_files
from pilots.follow_ups.analytics import build_follow_ups
from pilots.follow_ups.status_filter import by_lateness
from policies.analytics.rollout import Rollout, build_rollout
from policies.charts.rollout import (
    adoption_chart,
    format_day,
    inferred_text,
    lag_chart,
    measures_table,
    plans_table,
    regions_table,
    rollout_headline,
    status_map,
    too_few_text,
)
from policies.metrics import whole_days
from policies.models import Policy, Province
from policies.timeline import policy_timeline

WITHOUT = ("subject", "light", "result", "kind")  # columns of follow-ups of no use here: no light causes them


@page(ENTRY_PARAMETER)
def policy_detail(request: TrackerRequest, slug: str) -> HttpResponseBase:
    """Show one policy: facts, rollout, measures and sources."""
    as_of = request.as_of
    policies = Policy.objects.known(as_of).select_related("parent", "province").prefetch_related("agencies", "sources")
    policy = get_object_or_404(policies, slug=slug)
    rollout = build_rollout(policy, as_of)
    tracked = rollout.issued is not None
    charts = rollout_charts(rollout) if tracked else {}
    figures = rollout_figures(rollout) if tracked else []
    measures = policy.measures.prefetch_related("industries")
    tables: Exports = {
        **figures_export(figures),
        **(rollout_exports(rollout, charts) if tracked else {}),
        "measures": Export(
            _("Measures"), lambda: measures_table(measures.prefetch_related("policies")), sources=policy.sources.all()
        ),
        "follow-ups": Export(_("Follow-ups"), lambda: policy_follow_ups(policy, as_of)),
    }

    headline = rollout_headline(rollout) if tracked else ""
    timeline = policy_timeline(policy, as_of, request.user)
    tables["history"] = Export(_("History"), timeline.stream)
    return export_response(request, tables, policy.name, headline) or render(
        request,
        "policies/detail.html",
        {
            "title": policy.name,
            "finding": headline,
            "policy": policy,
            "crumbs": [{"url": "policy-list", "label": _("Policies")}, {"label": policy.name}],
            "rollout": rollout,
            "figures": figures,
            "charts": charts,
            "plans": plans_table(rollout) if tracked else None,
            "regions": regions_table(rollout) if tracked else None,
            "measures": measures,
            "children": policy.children.known(as_of),
            "follow_ups": tables["follow-ups"].build(),
            "may_open": may_open_follow_ups(request),
            "page_files": build_page_files(policy.sources.all(), request.user, as_of),
            "history": history_tab(request, timeline),
        },
    )


def policy_follow_ups(policy: Policy, as_of: date) -> Table:
    """Return the table of the follow-ups of a policy, the most urgent first."""
    follow_ups = build_follow_ups(policy.follow_ups.select_related(*RELATED), as_of)
    return follow_ups_table(by_lateness(follow_ups), without=WITHOUT)


def rollout_exports(rollout: Rollout, charts: Mapping[str, Chart]) -> Exports:
    """Return the export tables of a rollout, all with the same sources."""
    scope, sources, about = charts["map"].subtitle, charts["map"].sources, charts["map"].about
    return {
        **chart_exports(charts),
        "plans": Export(_("Provincial plans"), lambda: plans_table(rollout), (), scope, sources, about),
        "regions": Export(_("Rollout by region"), lambda: regions_table(rollout), (), scope, sources, about),
    }


def rollout_charts(rollout: Rollout) -> dict[str, Chart]:
    sources = list(dict.fromkeys([*rollout.policy.sources.all(), *plan_sources(rollout.provinces)]))
    return {
        "map": status_map(rollout, Province.objects.filter(in_roster=False), sources),
        "adoption": adoption_chart(rollout, sources),
        "lags": lag_chart(rollout, sources),
    }


def rollout_figures(rollout: Rollout) -> list[dict[str, object]]:
    """Return the key figures of a rollout, each with denominator and definition."""
    of_issued = _("of %(issued)d issued") % {"issued": rollout.issued}
    return [
        {
            "label": label_value(_("Plans issued"), rollout.policy.short),
            "value": rollout.issued,
            "of": _("of %(roster)d provinces") % {"roster": rollout.roster},
            "note": join_clauses(
                [
                    _("known to be issued by %(day)s") % {"day": format_day(rollout.as_of)},
                    *([inferred_text(rollout.inferred)] if rollout.inferred else []),
                ]
            ),
            "url": "#plans",
            "definition": "rollout",
        },
        {
            "label": _("Date known"),
            "value": rollout.dated,
            "of": of_issued,
            "note": _("full date of issue"),
            "url": "#plans",
            "definition": "dated",
        },
        {
            "label": _("Only a latest date"),
            "value": rollout.known_by,
            "of": of_issued,
            "note": _("issued then or before"),
            "url": "#plans",
            "definition": "dated",
        },
        lag_figure(rollout, _("Median lag"), rollout.median_lag_days, _("half of the dated plans came sooner")),
        lag_figure(rollout, _("P90 lag"), rollout.p90_lag_days, _("nine in ten of the dated plans came sooner")),
    ]


def lag_figure(rollout: Rollout, label: str, days: float | None, meaning: str) -> dict[str, object]:
    """Return a key figure of the lags in whole days; with too few plans it says how few."""
    figure = {"label": label, "url": "#chart-lags", "definition": "lag"}
    if days is not None and not rollout.has_enough_lags:
        return {**figure, "value": "–", "note": too_few_text(len(rollout.lags))}
    value = None if days is None else whole_days(days)
    return {**figure, "value": value, "of": _("days"), "note": meaning}
