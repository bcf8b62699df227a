"""Page of one province: plans, pilots, own policies and batches."""

from collections import Counter
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from django.db.models import Q
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.history.entries import ENTRY_PARAMETER, Label, Labels, changes_of, history_tab, history_table
from core.http import TrackerRequest
from core.pages import Export, Exports, chart_exports, export_response, page
from core.tables import Chart, Column, make_table, record_cell
from core.text import join_clauses, join_short, join_statements, label_value, no_data
from dashboard.overview.services import QUARTERS_SHOWN, plan_sources
from pilots.analytics.progress import Progress
from pilots.analytics.reconciliation import build_reconciliation, build_withdrawals
from pilots.analytics.synergy import Synergy
from pilots.charts.cells import by_hand_text, class_parts, pilots_url
from pilots.charts.status import light_summary_chart
from pilots.charts.synergy import reconciliation_table, recorded_pilots_text, withdrawals_table
from pilots.follow_ups.tables import RELATED, follow_ups_table, may_open_follow_ups
from pilots.lights import Colour
from pilots.models import Batch, FollowUp, Pilot
from pilots.tables import figures_table, lights_table, pilots_page_table, sources_of
from policies.charts import issue_text
from policies.models import Policy, Province, ProvincialPlan, Source
from policies.rollout import ProvinceRollout, build_province_plans
from policies.tables import plan_columns

Plans = Sequence[tuple[Policy, ProvinceRollout]]


@page(ENTRY_PARAMETER)
def province_detail(request: TrackerRequest, slug: str) -> HttpResponseBase:
    """Show one province: plan for each policy, pilots, own policies and batches."""
    as_of = request.as_of
    province = Province.objects.prefetch_related("sources", "figures__sources").filter(slug=slug).first()
    if province is None:  # perhaps it had this code before
        now = get_object_or_404(Province, pk=Province.objects.former_names().get(slug))
        return redirect(f"{now.get_absolute_url()}?{request.GET.urlencode()}".rstrip("?"), permanent=True)
    progress, plans = Progress(province.pilots.listed(as_of), as_of), build_province_plans(province, as_of)
    withdrawals = build_withdrawals(province.pilots.all(), as_of)
    follow_ups = list(province.follow_ups.with_state(as_of).with_cause(as_of).select_related(*RELATED).by_urgency())
    waiting = [item for item in follow_ups if item.current_state.is_open]
    cited = Source.objects.filter(pk__in=Pilot.sources.through.objects.filter(pilot__in=progress.rows).values("source"))
    sources = list(dict.fromkeys([*plan_sources(row for _policy, row in plans), *cited, *province.sources.all()]))
    charts = {"lights": lights_chart(province, progress)} if progress.n else {}
    tables: Exports = {
        **chart_exports(charts),
        **province_tables(province, progress, plans, withdrawals, follow_ups, sources),
        "history": Export(_("History"), lambda: history_table(request, *history_of(province))),
    }
    headline = province_headline(province, plans, progress, len(withdrawals), waiting)
    return export_response(request, tables, province.name, headline) or render(
        request,
        "dashboard/provinces/detail.html",
        {
            "title": province.name,
            "finding": headline,
            "province": province,
            "crumbs": [{"url": "province-list", "label": _("Provinces")}, {"label": province.name}],
            "plans": plans,
            "tables": tables,
            "pilots": pilots_page_table(request, progress, pilots_url(province=province.slug)),
            "charts": charts,
            "classes": class_parts(Synergy(progress.rows, as_of).kinds),
            "agencies": agencies_of(plans, waiting),
            "policies": province.policies.known(as_of),
            "sources": sources,
            "follow_ups": tables["follow-ups"].build(),
            "may_open": may_open_follow_ups(request),
            "history": history_tab(request, *history_of(province)),
        },
    )


def history_of(province: Province) -> tuple[Q, Labels]:
    """Return the changes of a province and of its plans; a plan is called by what the page does not say already."""
    changes = changes_of(province) | Q(model=ProvincialPlan._meta.label_lower, province_id=province.pk)
    return changes, {ProvincialPlan: Label(lambda entry: entry.policy.name if entry.policy else no_data(), ["policy"])}


def agencies_of(plans: Plans, waiting: Sequence[FollowUp]) -> dict[str, dict[Any, None]]:
    """Return the agencies that are responsible for something, each once; None where it is not on record who."""
    return {
        _("Responsible for the plan"): dict.fromkeys(row.record.responsible_agency for _p, row in plans if row.record),
        _("Offices with open follow-ups"): dict.fromkeys(item.owner_agency for item in waiting),
    }


def lights_chart(province: Province, progress: Progress) -> Chart:
    scope = _("%(pilots)s of %(province)s")
    scope %= {"pilots": recorded_pilots_text(progress.n), "province": province.name}
    past, cited = progress.quarters(QUARTERS_SHOWN), sources_of(progress.rows)
    return light_summary_chart(progress, scope, cited, past, province=province.slug)


def province_tables(
    province: Province,
    progress: Progress,
    plans: Plans,
    withdrawals: Sequence[Pilot],
    follow_ups: Sequence[FollowUp],
    sources: Sequence[Source],
) -> Exports:
    """Return the tables of a province, but those of its charts and history."""
    policies, figures = province.policies.known(progress.as_of), province.figures.all()
    plan_rows = [(policy, row) for policy, now in plans for row in now.documents]
    columns: list[Column[tuple[Policy, ProvinceRollout]]] = [
        Column("policy", _("Policy"), lambda row: record_cell(row[0])),
        *(column.of(itemgetter(1)) for column in plan_columns()),
    ]
    policy_columns: list[Column[Policy]] = [
        Column("policy", _("Policy"), record_cell),
        Column("doc_number", _("Document number"), lambda policy: policy.doc_number or None),
        Column("issued_on", _("Issued"), "issued", kind="date"),
        Column("known_by", _("Latest date"), "known_issued_by", kind="date"),
    ]
    named, everything = {"province": province.name}, pilots_url(province=province.slug)
    return {
        "plans": Export(_("Plans of %(province)s") % named, lambda: make_table(columns, plan_rows), sources=sources),
        "pilots": Export(
            _("Pilots of %(province)s") % named, lambda: lights_table(progress, everything), sources=sources
        ),
        "withdrawn": Export(_("Withdrawn pilots"), lambda: withdrawals_table(withdrawals), sources=sources),
        "reconciliation": Export(
            _("Announced against recorded"),
            lambda: reconciliation_table(build_reconciliation(progress.as_of, province=province)),
            sources=sources,
        ),
        "policies": Export(
            _("The province’s own policies"),
            lambda: make_table(policy_columns, policies),
            sources=Source.objects.filter(policy__in=policies).distinct(),
        ),
        "figures": Export(
            _("Published figures"),
            lambda: figures_table(figures),
            sources=Source.objects.filter(figure__in=figures).distinct(),
        ),
        "follow-ups": Export(_("Follow-ups"), lambda: follow_ups_table(follow_ups, without=["province", "kind"])),
    }


def province_headline(
    province: Province, plans: Plans, progress: Progress, withdrawn: int, waiting: Sequence[FollowUp]
) -> str:
    """Return the headline: plan for each policy that calls for one, pilots by batch and light, follow-ups waiting."""
    if not province.in_roster:
        return _("This unit lies outside the programme: it is drawn on the map and counted nowhere.")
    parts = [
        label_value(policy.short, issue_text(row) if row.plan else row.status_text)
        for policy, row in plans
        if policy.calls_for_provincial_plan
    ]
    lights, counts = progress.now.lights, Counter(progress.rows.values_list("batch", flat=True))
    batches = Counter[str]()
    for batch in Batch.objects.filter(pk__in=counts):
        batches[batch.short] += counts[batch.pk]
    by_batch = join_short(_("%(batch)s %(n)d") % {"batch": batch, "n": n} for batch, n in batches.items())
    recorded = recorded_pilots_text(progress.n)
    named = _("%(pilots)s (%(batches)s)") % {"pilots": recorded, "batches": by_batch}
    parts.append(named if batches else recorded)
    if lights[Colour.RED] or lights[Colour.YELLOW]:
        colours = {"red": lights[Colour.RED], "yellow": lights[Colour.YELLOW]}
        parts.append(_("%(red)d red and %(yellow)d yellow") % colours)
    if hand := by_hand_text(progress.now.by_hand):
        parts.append(hand)
    if withdrawn:
        parts.append(_("%(n)d withdrawn") % {"n": withdrawn})
    if waiting:
        text = ngettext("%(n)d open follow-up", "%(n)d open follow-ups", len(waiting)) % {"n": len(waiting)}
        late = sum(item.is_overdue for item in waiting)
        parts.append(join_statements(text, _("%(n)d overdue") % {"n": late} if late else ""))
    return join_clauses(parts) + _(".")
