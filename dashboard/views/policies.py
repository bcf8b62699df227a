"""Page of one policy: its rollout, measures and sources."""

from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from core.history.entries import ENTRY_PARAMETER, Label, changes_of, history_tab, history_table
from core.http import TrackerRequest
from core.pages import Export, Exports, chart_exports, export_response, figures_export, page
from core.tables import Table
from core.text import format_date, join_clauses, label_value, no_data
from dashboard.overview.services import plan_sources
from pilots.follow_ups.tables import RELATED, follow_ups_table, may_open_follow_ups
from policies.charts import adoption_chart, inferred_text, lag_chart, rollout_headline, status_map
from policies.metrics import whole_days
from policies.models import Measure, Policy, Province, ProvincialPlan
from policies.rollout import Rollout, build_rollout
from policies.tables import measures_table, plans_table, regions_table, too_few_text

WITHOUT = ("subject", "light", "result", "kind")  # columns of follow-ups of no use here: no light causes them


@page(ENTRY_PARAMETER)
def policy_detail(request: TrackerRequest, slug: str) -> HttpResponseBase:
    """Show one policy: facts, rollout, measures and sources."""
    as_of = request.as_of
    policies = Policy.objects.known(as_of).select_related("parent", "province").prefetch_related("agencies", "sources")
    policy = get_object_or_404(policies, slug=slug)
    rollout = build_rollout(policy, as_of)
    headline, charts, tables = "", {}, Exports()
    figures = rollout_figures(rollout) if rollout.is_tracked else []
    if rollout.is_tracked:
        sources = list(dict.fromkeys([*policy.sources.all(), *plan_sources(rollout.provinces)]))
        outside = Province.objects.filter(in_roster=False)
        charts = {
            "map": status_map(rollout, outside, sources),
            "adoption": adoption_chart(rollout, sources),
            "lags": lag_chart(rollout, sources),
        }
        headline, scope, about = rollout_headline(rollout), charts["map"].subtitle, charts["map"].about
        tables = {
            **figures_export(figures),
            **chart_exports(charts),
            "plans": Export(_("Provincial plans"), lambda: plans_table(rollout), (), scope, sources, about),
            "regions": Export(_("Rollout by region"), lambda: regions_table(rollout), (), scope, sources, about),
        }
    measures = Measure.objects.filter(policies=policy).prefetch_related("industries")
    # A plan is called by what the page does not say already.
    labels = {ProvincialPlan: Label(lambda entry: entry.province.short if entry.province else no_data(), ["province"])}
    changes = changes_of(policy)

    def follow_ups() -> Table:
        rows = policy.follow_ups.with_state(as_of).with_cause(as_of).select_related(*RELATED)
        return follow_ups_table(rows.by_urgency(), WITHOUT)

    tables |= {
        "measures": Export(
            _("Measures"), lambda: measures_table(measures.prefetch_related("policies")), sources=policy.sources.all()
        ),
        "follow-ups": Export(_("Follow-ups"), follow_ups),
        "history": Export(_("History"), lambda: history_table(request, changes, labels)),
    }
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
            "tables": tables,
            "measures": measures,
            "children": policy.children.known(as_of),
            "follow_ups": follow_ups(),
            "may_open": may_open_follow_ups(request),
            "history": history_tab(request, changes, labels),
        },
    )


def rollout_figures(rollout: Rollout) -> list[dict[str, object]]:
    """Return the key figures of a rollout, each with denominator and definition."""
    note = [_("known to be issued by %(day)s") % {"day": format_date(rollout.as_of)}]
    if rollout.inferred:
        note.append(inferred_text(rollout.inferred))
    dated = {"of": _("of %(issued)d issued") % {"issued": rollout.issued}, "url": "#plans", "definition": "dated"}
    figures: list[dict[str, object]] = [
        {
            "label": label_value(_("Plans issued"), rollout.policy.short),
            "value": rollout.issued,
            "of": _("of %(roster)d provinces") % {"roster": rollout.roster},
            "note": join_clauses(note),
            "url": "#plans",
            "definition": "rollout",
        },
        {"label": _("Exact date"), "value": rollout.dated, "note": _("full date of issue"), **dated},
        {"label": _("Month only"), "value": rollout.month_only, "note": _("counts from its last day"), **dated},
        {"label": _("Latest date only"), "value": rollout.latest_only, "note": _("issued then or before"), **dated},
    ]
    for label, days, meaning in (
        (_("Median lag"), rollout.median_lag_days, _("half of the dated plans came sooner")),
        (_("P90 lag"), rollout.p90_lag_days, _("nine in ten of the dated plans came sooner")),
    ):
        if rollout.has_enough_lags or not rollout.lags:
            whole = None if days is None else whole_days(days)
            value: dict[str, object] = {"value": whole, "of": _("days"), "note": meaning}
        else:  # of so few a lag says nothing
            value = {"value": "–", "note": too_few_text(len(rollout.lags))}
        figures.append({"label": label, "url": "#chart-lags", "definition": "lag", **value})
    return figures
