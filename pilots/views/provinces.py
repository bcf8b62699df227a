"""Pages of the provinces: how far each has taken the policy up, and where it tries it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.db.models import Case, CharField, IntegerField, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from config.charts import Cell, Chart, Column, Table
from config.journal import ENTRY_WORD, history_exports, history_tab
from config.kept import kept_page
from config.lists import PAGE_WORDS, Export, Exports, build_listing, chart_exports, check_words, exported
from config.words import clauses, labelled, listed, sentences
from pilots import metrics
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
from pilots.progress import Progress, ProvinceLights, build_progress, lights_by_province, province_lights
from pilots.querysets import count_pilots
from pilots.reconcile import build_reconciliation, build_withdrawals
from pilots.views.shared import figures_table, sources_of
from policies.charts import STATUS_TAGS, day, rollout_finding, status_label
from policies.journal import province_journal
from policies.maps import issue_text
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
    "red": ["red_n"],
    "yellow": ["yellow_n"],
    "not_reported": ["not_reported_n"],
}
COUNTED = ("red", "yellow", "not_reported")
NAMED = 5  # provinces that the finding names
BARS = 20  # drawn; the table beside them holds all provinces


def province_columns() -> list[Column]:
    return [
        Column("province", _("Province"), sort="name"),
        Column("pilots", _("Pilots recorded"), "integer", sort="pilots"),
        Column("red", pgettext("a count of pilots", "Red"), "integer", sort="red"),
        Column("yellow", pgettext("a count of pilots", "Yellow"), "integer", sort="yellow"),
        Column("not_reported", pgettext("a count of pilots", "Not reported"), "integer", sort="not_reported"),
        Column("status", _("Plan"), sort="status"),
        Column("issued_on", _("Issued"), "date"),
        Column("known_by", _("Latest date"), "date", sort="known"),
        Column("lag_days", _("Days after the policy"), "integer", sort="lag"),
        Column("region", _("Region"), sort="region"),
    ]


def province_cells(
    province: Any, plans: Mapping[int, ProvinceRollout], lights: Mapping[int, ProvinceLights]
) -> Sequence[Cell]:
    plan = plans.get(province.pk)
    status = plan.status if plan else PlanStatus.UNKNOWN
    return [
        Cell(province.name, url=province.get_absolute_url(), lang=province.name_lang),
        Cell(province.pilots_n, url=pilots_url(province=province.slug) if province.pilots_n else ""),
        *light_cells(province, lights.get(province.pk)),
        Cell(status_label(status), tag=STATUS_TAGS[PlanStatus(status)]),
        Cell(plan.issued if plan else None),
        Cell(plan.known_by if plan else None),
        Cell(plan.lag_days if plan else None),
        Cell(province.get_region_display()),
    ]


def light_cells(province: Province, lights: ProvinceLights | None) -> list[Cell]:
    """Red and yellow pilots with the way to them, and those that owe values; nothing where there is no pilot."""
    if lights is None:
        return [Cell("")] * len(COUNTED)
    coloured = [
        Cell(n, url=pilots_url(province=province.slug, light=colour) if n else "")
        for colour, n in (("red", lights.red), ("yellow", lights.yellow))
    ]
    return [*coloured, Cell(lights.not_reported)]


def with_lights(provinces: QuerySet[Any], lights: Mapping[int, ProvinceLights]) -> QuerySet[Any]:
    """Provinces with what can be sorted of their pilots' lights, which no table holds."""
    columns = {
        f"{name}_n": Case(
            *(When(pk=key, then=Value(getattr(item, name))) for key, item in lights.items()),
            default=Value(None),
            output_field=IntegerField(),
        )
        for name in COUNTED
    }
    found: QuerySet[Any] = provinces.annotate(**columns)
    return found


def lights_finding(provinces: Sequence[Province], lights: Mapping[int, ProvinceLights]) -> str:
    """Which provinces have red pilots, those with most of them first and by name."""
    found = [(lights[province.pk].red, province) for province in provinces if province.pk in lights]
    if all(red is None for red, _province in found):
        return _("No pilot can be rated yet.")
    named = sorted((-red, place, province.short) for place, (red, province) in enumerate(found) if red)
    if not named:
        return _("No pilot is red.")
    text = ngettext(
        "%(n)d province has red pilots: %(names)s.", "%(n)d provinces have red pilots: %(names)s.", len(named)
    )
    names = listed(f"{name}\u00a0{-less}" for less, _place, name in named[:NAMED])
    rest = len(named) - NAMED
    if rest > 0:
        names = _("%(names)s and %(rest)d more") % {"names": names, "rest": rest}
    return text % {"n": len(named), "names": names}


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
    lights = lights_by_province(as_of)
    rows = with_lights(with_plan(Province.objects.roster(), policy, as_of), lights)
    listing, whole = build_listing(
        request,
        slug="provinces-list",
        filterset=ProvincePageFilter(request.GET, queryset=rows, request=request),
        columns=province_columns(),
        row=lambda province: province_cells(province, plans, lights),
        sort="name",
        order=ORDER,
        total=len(value.provinces),
        empty=_("No province matches these filters."),
    )
    charts = province_charts(value)
    red = lights_finding([item.province for item in value.provinces], lights)
    finding = sentences(rollout_finding(value.rollout) if value.rollout else "", red)
    tables: Exports = {
        **chart_exports(charts),
        "provinces-list": Export(
            _("Provinces"), whole, listing.chips, finding, charts["map"].sources, charts["map"].about
        ),
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
        "n": sum(row.pilots for row in value.provinces),
        "day": day(value.as_of),
    }
    return {
        "map": overview_map(value, list(Province.objects.filter(in_roster=False)), sources),
        "provinces": provinces_chart(value.provinces, scope, sources, most=BARS),
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
        province_finding(province, plans, progress, len(withdrawals)),
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
    for policy in Policy.objects.known(as_of).rolled_out().order_by("-is_lead", "known_issued_by", "pk"):
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
    province: Province, plans: Sequence[tuple[Policy, ProvinceRollout]], progress: Progress, withdrawn: int
) -> str:
    """One sentence: its plan for each policy that calls for one, its pilots by batch and light, those withdrawn."""
    if not province.in_roster:
        return _("This unit lies outside the programme: it is drawn on the map and counted nowhere.")
    parts = [
        labelled(policy.short, plan_state(row, policy)) for policy, row in plans if policy.calls_for_provincial_plan
    ]
    lights = province_lights(progress.pilots, metrics.year_due(progress.as_of))
    parts.append(by_batch([status.pilot for status in progress.pilots]))
    if lights.red or lights.yellow:
        parts.append(_("%(red)d red and %(yellow)d yellow") % {"red": lights.red, "yellow": lights.yellow})
    if withdrawn:
        parts.append(_("%(n)d withdrawn") % {"n": withdrawn})
    return clauses(parts) + _(".")


def plan_state(row: ProvinceRollout, policy: Policy) -> str:
    """What is known of the plan, with its day where it is issued."""
    return issue_text(row, policy.lag_from) if row.counts else status_label(row.status)


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
