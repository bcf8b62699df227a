"""Rollout pages: one policy with its plans, the list of provinces, and one province."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from operator import attrgetter, itemgetter, methodcaller
from typing import Any

from django.db.models import Case, CharField, Count, DateField, F, Field, IntegerField, Q, Value, When
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from core.history.entries import ENTRY_PARAMETER, Label, changes_of, history_tab, history_table
from core.http import TrackerRequest
from core.pages import Export, Exports, chart_exports, export_response, figures_export, page
from core.tables import (
    Cell,
    Chart,
    Column,
    ListPage,
    Table,
    ValueKind,
    make_table,
    page_columns,
    record_cell,
    status_cell,
)
from core.text import format_date, join_clauses, join_sentences, join_short, join_statements, label_value, no_data
from dashboard.briefs.build import names_text
from dashboard.overview.services import QUARTERS_SHOWN, build_overview, overview_map, plan_sources, without_plan
from pilots.analytics.progress import Progress
from pilots.analytics.reconciliation import (
    PlaceLights,
    ProvincePilots,
    build_reconciliation,
    build_withdrawals,
    lights_by,
)
from pilots.analytics.synergy import Synergy
from pilots.charts.cells import by_hand_text, class_parts, pilot_count_cell, pilots_url
from pilots.charts.status import light_summary_chart
from pilots.charts.synergy import reconciliation_table, recorded_pilots_text, withdrawals_table
from pilots.filters import ProvincePageFilter
from pilots.follow_ups.tables import RELATED, follow_ups_table, may_open_follow_ups
from pilots.lights import Colour
from pilots.models import Batch, FollowUp, Pilot
from pilots.tables import figures_table, lights_table, pilots_page_table, sources_of
from policies.charts import adoption_chart, inferred_text, issue_text, lag_chart, lag_text, rollout_headline, status_map
from policies.metrics import whole_days
from policies.models import Measure, PlanStatus, Policy, Province, ProvincialPlan, Source
from policies.rollout import POLICY_PARAMETER, ProvinceRollout, Rollout, build_province_plans, build_rollout
from policies.tables import measures_table, plan_columns, plan_status_cell, plans_table, regions_table, too_few_text

Plans = Sequence[tuple[Policy, ProvinceRollout]]
MAX_NAMED = 5  # provinces named in the headline
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


# -- the list of provinces --------------------------------------------------------------------------------


def by_key(values: Mapping[int, Any], output_field: Field[Any, Any], default: Any = None) -> Case | Value:
    """Return an expression for rows of provinces: the value of its key."""
    cases = [When(pk=key, then=Value(value)) for key, value in values.items() if value is not None]
    rest = Value(default, output_field=output_field)
    return Case(*cases, default=rest, output_field=output_field) if cases else rest


def province_columns(
    plans: Mapping[int, ProvinceRollout], lights: Mapping[int, PlaceLights], as_of: date
) -> list[Column[Any]]:
    """Return the columns of a list of provinces; `plans` and `lights` are by key.

    By name is by GB/T 2260, with the corps last; by plan those without one come first, then the latest.
    """
    order = [PlanStatus.DRAFTING, PlanStatus.NOT_FOUND, PlanStatus.REPEALED, PlanStatus.UNKNOWN]
    order += [PlanStatus.ISSUED, PlanStatus.NOT_REQUIRED]
    by_plan = sorted(plans.items(), key=lambda row: (order.index(row[1].status), -(row[1].latest or as_of).toordinal()))

    def of_plan(key: str, label: str, name: str, kind: ValueKind, sort: str = "") -> Column[Province]:
        values = {province: getattr(row, name) for province, row in plans.items()}
        fields = [by_key(values, DateField() if kind == "date" else IntegerField())] if sort else []
        return Column(key, label, lambda province: values.get(province.pk), kind, sort, fields)

    def pilots(key: str, label: str, number: Callable[[PlaceLights], int | None], **filters: str) -> Column[Province]:
        values = {province: number(row) for province, row in lights.items()}

        def cell(province: Province) -> Cell:
            n: Any = values.get(province.pk, "")
            return pilot_count_cell(n, province=province.slug, **filters) if filters else Cell(n)

        return Column(key, label, cell, "integer", key, [by_key(values, IntegerField())])

    def of_colour(colour: Colour, label: str) -> Column[Province]:
        return pilots(colour.value, label, lambda row: row.number(colour), light=colour.value)

    def by_hand(province: Province) -> str:
        return by_hand_text(lights[province.pk].counts.by_hand) if province.pk in lights else ""

    def recorded(province: Province) -> Cell:
        return pilot_count_cell(lights[province.pk].counts.n if province.pk in lights else 0, province=province.slug)

    def status(province: Province) -> Cell:
        return plan_status_cell(plans[province.pk]) if province.pk in plans else status_cell(PlanStatus.UNKNOWN)

    gb_place = Case(When(gb_code="", then=Value("7")), default=F("gb_code"), output_field=CharField())
    recorded_n = by_key({key: row.counts.n for key, row in lights.items()}, IntegerField(), 0)
    plan_place = by_key({key: place for place, (key, _row) in enumerate(by_plan)}, IntegerField(), 0)
    return [
        Column("province", _("Province"), record_cell, sort="name", sort_fields=[gb_place]),
        Column("pilots", _("Pilots recorded"), recorded, kind="integer", sort="pilots", sort_fields=[recorded_n]),
        of_colour(Colour.RED, pgettext("a count of pilots", "Red")),
        of_colour(Colour.YELLOW, pgettext("a count of pilots", "Yellow")),
        Column("by_hand", _("Set by hand"), by_hand, file_only=True),
        pilots("not_reported", pgettext("a count of pilots", "Not reported"), attrgetter("not_reported")),
        Column("status", _("Plan"), status, sort="status", sort_fields=[plan_place]),
        of_plan("issued_on", _("Issued"), "issued", "date"),
        of_plan("known_by", _("Latest date"), "known_by", "date", "known"),
        of_plan("lag_days", _("Days after the policy"), "lag_days", "integer", "lag"),
        Column(
            "region",
            _("Region"),
            methodcaller("get_region_display"),
            sort="region",
            sort_fields=["region"],
            file_only=True,
        ),
    ]


def province_page_columns(
    columns: Sequence[Column[Any]], plans: Mapping[int, ProvinceRollout]
) -> list[Column[Province]]:
    """Return the columns of the page of provinces, whose rows have two lines: an issued plan has its days in one."""

    def issued(province: Province) -> Cell:
        row = plans.get(province.pk)
        if row is None or row.latest is None:
            return Cell("")
        latest = _("latest date %(day)s") % {"day": format_date(row.known_by, short=True)}
        if row.lag_days is not None:
            return Cell(row.issued, below=lag_text(row.lag_days))
        if row.issued is None:
            return Cell("", page_text=latest)
        return Cell(row.issued, below=latest)

    own = {column.key: column for column in columns}
    below: dict[str, Any] = {"province": methodcaller("get_region_display")}
    below |= dict.fromkeys(["status", "issued_on", "pilots", "red", "yellow", "not_reported"])
    below["red"] = own["by_hand"].accessor
    both = replace(own["known_by"], key="issued_on", label=_("Issued"), accessor=issued)
    return page_columns([*columns, both], below, side="status", line="issued_on")


@page(POLICY_PARAMETER, *ProvincePageFilter.base_filters)
def province_list(request: TrackerRequest) -> HttpResponseBase:
    """List all provinces of the roster with plan and pilots."""
    as_of = request.as_of
    value = build_overview(as_of, request.GET.get(POLICY_PARAMETER))
    rollout = value.rollout
    plans = {row.province.pk: row for row in rollout.provinces} if rollout else {}
    lights = lights_by("province", Pilot.objects.listed(as_of), as_of)
    states = by_key({key: row.status.value for key, row in plans.items()}, CharField(), PlanStatus.UNKNOWN.value)
    rows = Province.objects.roster().annotate(plan_status=states)
    columns = province_columns(plans, lights, as_of)
    listing = ListPage(
        request,
        slug="provinces-list",
        filterset=ProvincePageFilter(request.GET, queryset=rows, request=request),
        columns=columns,
        page_columns=province_page_columns(columns, plans),
        sort="status",
        total=len(value.provinces),
        empty=_("No province matches these filters."),
    )
    sources = list(Source.objects.filter(pilot__batch__known_by__lte=as_of).distinct())
    charts = {"map": overview_map(value, list(Province.objects.filter(in_roster=False)), sources)}
    tables = Exports()
    if rollout:
        charts["adoption"] = adoption_chart(rollout, list(plan_sources(rollout.provinces)))
        tables["regions"] = Export(_("Rollout by region"), lambda: regions_table(rollout))
    title, finding = (
        _("Provinces"),
        join_sentences(rollout_headline(rollout) if rollout else "", red_text(value.provinces, lights)),
    )
    of_list = Export(title, listing.whole, listing.chips, finding, charts["map"].sources, charts["map"].about)
    tables = {**chart_exports(charts), **tables, "provinces-list": of_list}
    return export_response(request, tables, title, finding) or render(
        request,
        "dashboard/provinces/list.html",
        {
            "title": title,
            "finding": finding,
            "choice": value.choice,
            "listing": listing,
            "charts": charts,
            "overview": value,
            **without_plan(request, rollout),
        },
    )


def red_text(provinces: Sequence[ProvincePilots], lights: Mapping[int, PlaceLights]) -> str:
    """Return which of the provinces have red pilots, most first, and how many lights are set by hand."""
    places = [(lights[item.province.pk].counts, item.province) for item in provinces if item.pilots]
    red = [(counts.lights[Colour.RED], place) for counts, place in places]
    named = [f"{place.short}\u00a0{n}" for n, place in sorted(red, key=lambda pair: -pair[0]) if n]
    if named:
        text = ngettext(
            "%(n)d province has red pilots: %(names)s.", "%(n)d provinces have red pilots: %(names)s.", len(named)
        ) % {"n": len(named), "names": names_text(named, MAX_NAMED)}
    else:
        text = (
            _("No pilot is red.") if any(counts.rated for counts, _place in places) else _("No pilot can be rated yet.")
        )
    hand = by_hand_text({colour: sum(item.counts.by_hand[colour] for item in lights.values()) for colour in Colour})
    return join_sentences(text, hand + _(".")) if hand else text


# -- a province -------------------------------------------------------------------------------------------


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
    charts = province_charts(province, progress)
    tables = province_tables(province, progress, plans, withdrawals, follow_ups, sources)
    changes = changes_of(province) | Q(model=ProvincialPlan._meta.label_lower, province_id=province.pk)
    # A plan is called by what the page does not say already.
    labels = {ProvincialPlan: Label(lambda entry: entry.policy.name if entry.policy else no_data(), ["policy"])}
    tables = {
        **chart_exports(charts),
        **tables,
        "history": Export(_("History"), lambda: history_table(request, changes, labels)),
    }
    headline, kinds = (
        province_headline(province, plans, progress, len(withdrawals), waiting),
        Synergy(progress.rows, as_of).kinds,
    )
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
            "classes": class_parts(kinds),
            "agencies": {
                _("Responsible for the plan"): dict.fromkeys(
                    row.record.responsible_agency for _policy, row in plans if row.record
                ),
                _("Offices with open follow-ups"): dict.fromkeys(item.owner_agency for item in waiting),
            },
            "policies": province.policies.known(as_of),
            "sources": sources,
            "follow_ups": tables["follow-ups"].build(),
            "may_open": may_open_follow_ups(request),
            "history": history_tab(request, changes, labels),
        },
    )


def province_charts(province: Province, progress: Progress) -> dict[str, Chart]:
    """Return the chart of lights; none without pilots."""
    if not progress.n:
        return {}
    scope = _("%(pilots)s of %(province)s")
    scope %= {"pilots": recorded_pilots_text(progress.n), "province": province.name}
    past, cited = progress.quarters(QUARTERS_SHOWN), sources_of(progress.rows)
    return {"lights": light_summary_chart(progress, scope, cited, past, province=province.slug)}


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
    lights, counts = progress.now.lights, dict(progress.rows.values_list("batch").annotate(n=Count("pk")))
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
