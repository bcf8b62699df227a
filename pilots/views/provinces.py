"""Pages of the provinces: how far each has taken the policy up, and where it tries it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.db.models import CharField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.charts import Cell, Chart, Column, Table
from config.journal import ENTRY_WORD, history_exports, history_tab
from config.kept import kept_page
from config.lists import PAGE_WORDS, Export, Exports, build_listing, chart_exports, check_words, exported
from config.words import clauses, listed
from pilots.charts import (
    light_strip,
    lights_table,
    overview_map,
    pilots_url,
    provinces_chart,
    reconciliation_table,
    recorded_pilots,
    withdrawals_table,
)
from pilots.filters import ProvincePageFilter
from pilots.models import Pilot
from pilots.overview import Overview, build_overview
from pilots.progress import Progress, build_progress
from pilots.querysets import count_pilots
from pilots.reconcile import build_reconciliation, build_withdrawals
from pilots.views.shared import figures_table, sources_of
from policies.charts import STATUS_TAGS, day, rollout_finding, status_label
from policies.journal import province_journal
from policies.metrics import status_on
from policies.models import PlanStatus, Policy, Province, ProvincialPlan, Source
from policies.rollout import POLICY_PARAMETER, ProvinceRollout, build_rollout

ORDER = {
    "name": ["slug"],
    "region": ["region"],
    "status": ["plan_status"],
    "known": ["plan_known_by"],
    "lag": ["plan_dated"],
    "pilots": ["pilots_n"],
}


def province_columns() -> list[Column]:
    return [
        Column("province", _("Province"), sort="name"),
        Column("region", _("Region"), sort="region"),
        Column("status", _("Plan"), sort="status"),
        Column("issued_on", _("Issued"), "date"),
        Column("known_by", _("Latest date"), "date", sort="known"),
        Column("lag_days", _("Days after the national document"), "integer", sort="lag"),
        Column("pilots", _("Pilots recorded"), "integer", sort="pilots"),
    ]


def province_cells(province: Any, plans: Mapping[int, ProvinceRollout]) -> Sequence[Cell]:
    plan = plans.get(province.pk)
    status = plan.status if plan else PlanStatus.UNKNOWN
    return [
        Cell(province.name, url=province.get_absolute_url(), lang=province.name_lang),
        Cell(province.get_region_display()),
        Cell(status_label(status), tag=STATUS_TAGS[PlanStatus(status)]),
        Cell(plan.issued if plan else None),
        Cell(plan.known_by if plan else None),
        Cell(plan.lag_days if plan else None),
        Cell(province.pilots_n, url=pilots_url(province=province.slug) if province.pilots_n else ""),
    ]


def with_plan(provinces: QuerySet[Any], policy: Policy | None, as_of: date) -> QuerySet[Any]:
    """Provinces with what can be sorted and filtered of their plan for the policy on the day."""
    own = ProvincialPlan.objects.filter(policy=policy, province=OuterRef("pk"))
    issued = own.issued(as_of)
    own_status: QuerySet[Any] = own.annotate(status_then=status_on(as_of))
    status = Subquery(own_status.values("status_then")[:1], output_field=CharField())
    annotated: QuerySet[Any] = provinces.annotate(
        plan_status=Coalesce(status, Value("unknown")),
        plan_known_by=Subquery(issued.values("known_issued_by")[:1]),
        plan_dated=Subquery(issued.dated().values("issued_on")[:1]),
        pilots_n=count_pilots(Pilot.objects.listed(as_of), "province"),
    )
    return annotated


@kept_page
def province_list(request: HttpRequest) -> HttpResponseBase:
    """All provinces of the roster with their plan and their pilots."""
    check_words(request, {*PAGE_WORDS, POLICY_PARAMETER, *ProvincePageFilter.base_filters})
    as_of = request.as_of  # type: ignore[attr-defined]
    value = build_overview(as_of, request.GET.get(POLICY_PARAMETER))
    policy = value.choice.policy
    plans = {row.province.pk: row for row in value.rollout.provinces} if value.rollout else {}
    rows = with_plan(Province.objects.roster(), policy, as_of)
    listing, whole = build_listing(
        request,
        slug="provinces-list",
        filterset=ProvincePageFilter(request.GET, queryset=rows, request=request),
        columns=province_columns(),
        row=lambda province: province_cells(province, plans),
        sort="name",
        order=ORDER,
        total=len(value.provinces),
        empty=_("No province matches these filters."),
    )
    charts = province_charts(value)
    finding = rollout_finding(value.rollout) if value.rollout else ""
    tables: Exports = {
        **chart_exports(charts),
        "provinces-list": Export(_("Provinces"), whole, listing.chips, finding, charts["map"].sources),
    }
    file = exported(request, tables, _("Provinces"), finding)
    if file is not None:
        return file
    context = {
        "title": _("Provinces"),
        "finding": finding,
        "choice": value.choice,
        "listing": listing,
        "charts": charts,
    }
    return render(request, "provinces/list.html", context)


def province_charts(value: Overview) -> dict[str, Chart]:
    sources = list(Source.objects.filter(pilot__batch__known_by__lte=value.as_of).distinct())
    scope = _("Recorded pilots by province, %(n)d in all, as of %(day)s") % {
        "n": value.coverage.pilots,
        "day": day(value.as_of),
    }
    return {
        "map": overview_map(value, list(Province.objects.filter(in_roster=False)), sources),
        "provinces": provinces_chart(value.provinces, scope, sources),
    }


@kept_page
def province_detail(request: HttpRequest, slug: str) -> HttpResponseBase:
    """One province: its plan for each policy, its pilots, its own policies and batches."""
    check_words(request, {*PAGE_WORDS, ENTRY_WORD})
    as_of = request.as_of  # type: ignore[attr-defined]
    province = get_object_or_404(Province.objects.prefetch_related("sources"), slug=slug)
    progress = build_progress(province.pilots.listed(as_of).prefetch_related("industries", "sources"), as_of)
    pilots = [status.pilot for status in progress.pilots]
    plans = province_plans(province, as_of)
    table = plans_by_policy(plans)
    batches = [item for item in build_reconciliation(as_of) if item.batch.province_id == province.pk]
    charts, lights = light_charts(province, progress), lights_table(progress, pilots_url(province=province.slug))
    withdrawals = build_withdrawals(province.pilots.all(), as_of)
    journal = province_journal(province, as_of, request.user)
    policies, figures = province.policies.known(as_of), province.figures.prefetch_related("sources")
    finding, sources = (
        province_finding(province, plans, pilots, len(withdrawals)),
        province_sources(province, plans, pilots),
    )
    named = {"province": province.name}
    tables: Exports = {
        "plans": Export(_("Plans of %(province)s") % named, lambda: table, sources=sources),
        **chart_exports(charts),
        "pilots": Export(_("Pilots of %(province)s") % named, lambda: lights, sources=sources),
        "withdrawn": Export(_("Withdrawn pilots"), lambda: withdrawals_table(withdrawals), sources=sources),
        "reconciliation": Export(
            _("Announced against recorded"), lambda: reconciliation_table(batches), sources=sources
        ),
        "policies": Export(
            _("The province’s own policies"),
            lambda: own_policies_table(policies),
            sources=Source.objects.filter(policy__in=policies).distinct(),
        ),
        "figures": Export(
            _("Published figures"),
            lambda: figures_table(figures),
            sources=Source.objects.filter(figure__in=figures).distinct(),
        ),
    }
    file = exported(request, tables | history_exports(journal), province.name, finding)
    if file is not None:
        return file
    context = {
        "title": province.name,
        "province": province,
        "history": history_tab(request, journal),
        "finding": finding,
        "crumbs": [{"url": "province-list", "label": _("Provinces")}, {"label": province.name}],
        "plans": plans,
        "plans_table": table,
        "pilots": pilots,
        "pilots_table": lights,
        "withdrawn": withdrawals_table(withdrawals) if withdrawals else None,
        "charts": charts,
        "batches": batches,
        "reconciliation": reconciliation_table(batches),
        "policies": policies,
        "figures": figures,
        "sources": sources,
    }
    return render(request, "provinces/detail.html", context)


def light_charts(province: Province, progress: Progress) -> dict[str, Chart]:
    """The lights of the province's pilots; none where it has no pilot."""
    if not progress.pilots:
        return {}
    scope = _("%(pilots)s of %(province)s") % {
        "pilots": recorded_pilots(len(progress.pilots)),
        "province": province.name,
    }
    keys = [status.pilot.pk for status in progress.pilots]
    return {"lights": light_strip(progress, scope, sources_of(keys), province=province.slug)}


def province_plans(province: Province, as_of: Any) -> list[tuple[Policy, ProvinceRollout]]:
    """Each policy whose rollout is tracked on the day, with this province's line of it."""
    if not province.in_roster:
        return []
    found = []
    for policy in Policy.objects.known(as_of).rolled_out():
        rows = build_rollout(policy, as_of).provinces
        found.append((policy, next(row for row in rows if row.province.pk == province.pk)))
    return found


def plans_by_policy(plans: Sequence[tuple[Policy, ProvinceRollout]]) -> Table:
    columns = [
        Column("policy", _("Policy")),
        Column("status", _("Status")),
        Column("title", _("Plan")),
        Column("doc_number", _("Document number")),
        Column("issued_on", _("Issued"), "date"),
        Column("known_by", _("Latest date"), "date"),
        Column("lag_days", _("Days after the national document"), "integer"),
        Column("confidence", _("Confidence")),
    ]
    rows = []
    for policy, row in plans:
        plan = row.plan if row.counts else None
        rows.append(
            [
                Cell(policy.name, url=policy.get_absolute_url(), lang=policy.name_lang),
                Cell(status_label(row.status), tag=STATUS_TAGS[PlanStatus(row.status)]),
                Cell(plan.name or None, lang=plan.name_lang) if plan else Cell(None),
                Cell(plan.doc_number or None) if plan else Cell(None),
                Cell(row.issued),
                Cell(row.known_by),
                Cell(row.lag_days),
                Cell(plan.get_confidence_display() if plan else None),
            ]
        )
    return Table(columns, rows)


def own_policies_table(policies: QuerySet[Policy]) -> Table:
    columns = [
        Column("policy", _("Policy")),
        Column("doc_number", _("Document number")),
        Column("issued_on", _("Issued"), "date"),
        Column("known_by", _("Latest date"), "date"),
    ]
    rows = [
        [
            Cell(policy.name, url=policy.get_absolute_url(), lang=policy.name_lang),
            Cell(policy.doc_number or None),
            Cell(policy.issued),
            Cell(policy.known_issued_by),
        ]
        for policy in policies
    ]
    return Table(columns, rows)


def province_finding(
    province: Province, plans: Sequence[tuple[Policy, ProvinceRollout]], pilots: Sequence[Pilot], withdrawn: int
) -> str:
    """One sentence: its plans, its recorded pilots by batch, and how many have withdrawn."""
    if not province.in_roster:
        return _("This unit lies outside the programme: it is drawn on the map and counted nowhere.")
    issued = sum(row.counts for _policy, row in plans)
    text = ngettext(
        "%(issued)d of %(n)d plan asked for is issued", "%(issued)d of %(n)d plans asked for are issued", len(plans)
    ) % {"issued": issued, "n": len(plans)}
    parts = [text, by_batch(pilots)]
    if withdrawn:
        parts.append(_("%(n)d withdrawn") % {"n": withdrawn})
    return clauses(parts) + _(".")


def by_batch(pilots: Sequence[Pilot]) -> str:
    """How many pilots are recorded, and of which batches: `15 recorded pilots (first national batch 3, …)`."""
    text, counts = recorded_pilots(len(pilots)), Counter(pilot.batch.short for pilot in pilots)
    if not counts:
        return text
    parts = [_("%(batch)s %(n)d") % {"batch": batch, "n": n} for batch, n in counts.items()]
    return _("%(pilots)s (%(batches)s)") % {"pilots": text, "batches": listed(parts)}


def province_sources(province: Province, plans: Any, pilots: Any) -> list[Source]:
    """What the page was read in: plans first, then pilots, then the province's own codes."""
    ids = [row.plan.pk for _policy, row in plans if row.plan and row.counts]
    own = list(Source.objects.filter(provincialplan__in=ids).distinct())
    of_pilots = [source for pilot in pilots for source in pilot.sources.all()]
    return list(dict.fromkeys([*own, *of_pilots, *province.sources.all()]))
