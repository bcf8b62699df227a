"""Pages of the policies: read the address, ask, answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.charts import Cell, Chart, Column
from config.journal import ENTRY_WORD, history_exports, history_tab
from config.kept import kept_page
from config.lists import (
    PAGE_WORDS,
    Export,
    Exports,
    build_listing,
    chart_exports,
    check_words,
    exported,
    figures_export,
)
from config.words import labelled, listed_long
from policies.charts import (
    adoption_chart,
    day,
    lag_chart,
    measures_table,
    plans_table,
    regions_table,
    rollout_finding,
    status_map,
    too_few,
)
from policies.filters import PolicyFilter
from policies.journal import policy_journal
from policies.metrics import whole_days
from policies.models import Policy, Province, Source
from policies.rollout import Rollout, build_rollout

POLICY_ORDER = {
    "title": ["title_zh"],
    "level": ["level"],
    "number": ["doc_number"],
    "known": ["known_issued_by"],
    "plans": ["issued_plans"],
}


def policy_columns() -> list[Column]:
    return [
        Column("title", _("Policy"), sort="title"),
        Column("level", _("Level"), sort="level"),
        Column("doc_number", _("Document number"), sort="number"),
        Column("issued_on", _("Issued"), "date"),
        Column("published_on", _("Published"), "date"),
        Column("known_by", _("Latest date"), "date", sort="known"),
        Column("agencies", _("Issued by")),
        Column("plans", _("Provincial plans"), sort="plans"),
    ]


def policy_cells(policy: Any, roster: int) -> Sequence[Cell]:
    agencies = [agency.name for agency in policy.agencies.all()]
    plans = _("%(issued)d of %(roster)d") % {"issued": policy.issued_plans, "roster": roster}
    tracked = policy.calls_for_provincial_plan or policy.issued_plans
    return [
        Cell(policy.name, url=policy.get_absolute_url(), lang=policy.name_lang),
        Cell(policy.get_level_display()),
        Cell(policy.doc_number or None),
        Cell(policy.issued),
        Cell(policy.published_on),
        Cell(policy.known_issued_by),
        Cell(listed_long(agencies) or None),
        Cell(plans if tracked else _("not called for")),
    ]


@kept_page
def policy_list(request: HttpRequest) -> HttpResponseBase:
    """Every policy known on the day."""
    check_words(request, {*PAGE_WORDS, *PolicyFilter.base_filters})
    as_of = request.as_of  # type: ignore[attr-defined]
    known = Policy.objects.known(as_of)
    roster = Province.objects.roster().count()
    rows = known.with_issued_plans(as_of).select_related("province").prefetch_related("agencies")
    filterset = PolicyFilter(request.GET, queryset=rows, request=request)
    total = known.count()
    listing, whole = build_listing(
        request,
        slug="policies",
        filterset=filterset,
        columns=policy_columns(),
        row=lambda policy: policy_cells(policy, roster),
        sort="-known",
        order=POLICY_ORDER,
        total=total,
        empty=_("No policy matches these filters."),
    )
    sources = Source.objects.filter(policy__in=filterset.qs).distinct()
    tables = {"policies": Export(_("Policies"), whole, listing.chips, sources=sources)}
    file = exported(request, tables, _("Policies"))
    if file is not None:
        return file
    context = {"title": _("Policies"), "finding": list_finding(known, as_of), "listing": listing}
    return render(request, "policies/list.html", context)


def list_finding(known: QuerySet[Policy], as_of: Any) -> str:
    total, calling = known.count(), known.filter(calls_for_provincial_plan=True).count()
    text = ngettext("%(total)d policy is on record by %(day)s", "%(total)d policies are on record by %(day)s", total)
    rest = ngettext(
        "; %(calling)d of them calls for a plan from every province.",
        "; %(calling)d of them call for a plan from every province.",
        calling,
    )
    return text % {"total": total, "day": day(as_of)} + rest % {"calling": calling}


@kept_page
def policy_detail(request: HttpRequest, slug: str) -> HttpResponseBase:
    """One policy: its facts, its rollout, its measures and sources."""
    check_words(request, {*PAGE_WORDS, ENTRY_WORD})
    as_of = request.as_of  # type: ignore[attr-defined]
    policies = Policy.objects.known(as_of).select_related("parent", "province").prefetch_related("agencies", "sources")
    policy = get_object_or_404(policies, slug=slug)
    rollout, journal = build_rollout(policy, as_of), policy_journal(policy, as_of, request.user)
    tracked = rollout.issued is not None
    charts = rollout_charts(rollout) if tracked else {}
    finding = rollout_finding(rollout) if tracked else ""
    figures = rollout_figures(rollout) if tracked else []
    measures = policy.measures.prefetch_related("industries")
    tables: Exports = {
        **figures_export(figures),
        **(rollout_exports(rollout, charts) if tracked else {}),
        "measures": Export(
            _("Measures"), lambda: measures_table(measures.prefetch_related("policies")), sources=policy.sources.all()
        ),
    }
    file = exported(request, tables | history_exports(journal), policy.name, finding)
    if file is not None:
        return file
    context = {
        "title": policy.name,
        "policy": policy,
        "history": history_tab(request, journal),
        "finding": finding,
        "crumbs": [{"url": "policy-list", "label": _("Policies")}, {"label": policy.name}],
        "rollout": rollout,
        "figures": figures,
        "charts": charts,
        "plans": plans_table(rollout) if tracked else None,
        "regions": regions_table(rollout) if tracked else None,
        "measures": measures,
        "children": policy.children.known(as_of),
    }
    return render(request, "policies/detail.html", context)


def rollout_exports(rollout: Rollout, charts: Mapping[str, Chart]) -> Exports:
    """The tables of a rollout, all read in the same sources."""
    scope, sources, about = charts["map"].subtitle, charts["map"].sources, charts["map"].about
    return {
        **chart_exports(charts),
        "plans": Export(_("Provincial plans"), lambda: plans_table(rollout), (), scope, sources, about),
        "regions": Export(_("Rollout by region"), lambda: regions_table(rollout), (), scope, sources, about),
    }


def rollout_sources(rollout: Rollout) -> list[Source]:
    """What the rollout's numbers were read in: the policy's own sources, then the plans'."""
    plans = [row.plan.pk for row in rollout.provinces if row.plan and row.counts]
    cited = Source.objects.filter(provincialplan__in=plans).distinct()
    return list(dict.fromkeys([*rollout.policy.sources.all(), *cited]))


def rollout_charts(rollout: Rollout) -> dict[str, Any]:
    sources = rollout_sources(rollout)
    return {
        "map": status_map(rollout, Province.objects.filter(in_roster=False), sources),
        "adoption": adoption_chart(rollout, sources),
        "lags": lag_chart(rollout, sources),
    }


def rollout_figures(rollout: Rollout) -> list[dict[str, Any]]:
    """The key figures of a rollout, each with its denominator and what it means."""
    of_issued = _("of %(issued)d issued") % {"issued": rollout.issued}
    return [
        {
            "label": labelled(_("Plans issued"), rollout.policy.short),
            "value": rollout.issued,
            "of": _("of %(roster)d provinces") % {"roster": rollout.roster},
            "note": _("known to be issued by %(day)s") % {"day": day(rollout.as_of)},
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


def lag_figure(rollout: Rollout, label: str, days: float | None, meaning: str) -> dict[str, Any]:
    """A figure of the lags in whole days; of too few plans it says how few."""
    figure = {"label": label, "url": "#chart-lags", "definition": "lag"}
    if days is not None and not rollout.has_enough_lags:
        return {**figure, "value": "–", "note": too_few(len(rollout.lags))}
    value = None if days is None else whole_days(days)
    return {**figure, "value": value, "of": _("days"), "note": meaning}
