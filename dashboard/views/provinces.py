"""Rollout pages: one policy with its plans, the list of provinces, and one province."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from operator import itemgetter, methodcaller
from typing import Any

from django.db.models import Case, CharField, DateField, F, Field, IntegerField, Q, QuerySet, Value, When
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from core.history.entries import ENTRY_PARAMETER, Label, changes_of, history_tab, history_table
from core.http import TrackerRequest
from core.pages import Export, Exports, chart_exports, export_response, figures_export, page
from core.tables import Cell, Column, ListPage, Table, make_table, page_columns, record_cell, status_cell
from core.text import format_date, join_clauses, join_sentences, join_short, join_statements, label_value, no_data
from dashboard.briefs.build import names_text
from dashboard.overview.services import QUARTERS_SHOWN, build_overview, overview_map, plan_sources, without_plan
from pilots.analytics.progress import Progress, ProvinceLights, build_progress, lights_by_province, province_lights
from pilots.analytics.reconciliation import build_reconciliation, build_withdrawals
from pilots.analytics.synergy import classes_of
from pilots.charts.cells import by_hand_text, class_parts, pilot_count_cell, pilots_url
from pilots.charts.status import light_summary_chart
from pilots.charts.synergy import reconciliation_table, recorded_pilots_text, withdrawals_table
from pilots.filters import ProvincePageFilter
from pilots.follow_ups.tables import RELATED, follow_ups_table, may_open_follow_ups
from pilots.lights import Colour
from pilots.metrics import CoControl
from pilots.models import FollowUp, Pilot
from pilots.models.pilot import count_pilots
from pilots.tables import figures_table, lights_table, pilots_page_table, sources_of
from policies.charts import adoption_chart, inferred_text, issue_text, lag_chart, lag_text, rollout_headline, status_map
from policies.metrics import whole_days
from policies.models import Measure, PlanStatus, Policy, Province, ProvincialPlan, Source
from policies.rollout import POLICY_PARAMETER, ProvinceRollout, Rollout, build_province_plans, build_rollout
from policies.tables import measures_table, plan_columns, plan_status_cell, plans_table, regions_table, too_few_text

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
        return follow_ups_table(policy.follow_ups.with_state(as_of).select_related(*RELATED).by_urgency(), WITHOUT)

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


def province_columns(plans: Mapping[int, ProvinceRollout], lights: Mapping[int, ProvinceLights]) -> list[Column[Any]]:
    """Return the columns of a list of provinces, annotated for sorting; `plans` and `lights` are by key.

    By name is by GB/T 2260, by plan those without one come first, then the latest.
    """

    def of_plan(name: str) -> Callable[[Province], Any]:
        return lambda province: getattr(plans.get(province.pk), name, None)

    def pilots(name: str, label: str) -> Column[Any]:
        """The column of red or yellow pilots, linked to their list, or of those that owe values."""

        def cell(province: Province) -> Cell:
            if province.pk not in lights:
                return Cell("")
            n = getattr(lights[province.pk], name)
            return Cell(n) if name == "not_reported" else pilot_count_cell(n, province=province.slug, light=name)

        return Column(name, label, cell, kind="integer", sort=name, sort_fields=[f"{name}_n"])

    def by_hand(province: Province) -> str:
        return by_hand_text(lights[province.pk].by_hand) if province.pk in lights else ""

    def recorded(province: Any) -> Cell:
        return pilot_count_cell(province.pilots_n, province=province.slug)

    def status(province: Province) -> Cell:
        return plan_status_cell(plans[province.pk]) if province.pk in plans else status_cell(PlanStatus.UNKNOWN)

    known_by, lag, region = of_plan("known_by"), of_plan("lag_days"), methodcaller("get_region_display")
    return [
        Column("province", _("Province"), record_cell, sort="name", sort_fields=["gb_place"]),
        Column("pilots", _("Pilots recorded"), recorded, kind="integer", sort="pilots", sort_fields=["pilots_n"]),
        pilots("red", pgettext("a count of pilots", "Red")),
        pilots("yellow", pgettext("a count of pilots", "Yellow")),
        Column("by_hand", _("Set by hand"), by_hand, file_only=True),
        pilots("not_reported", pgettext("a count of pilots", "Not reported")),
        Column("status", _("Plan"), status, sort="status", sort_fields=["plan_place"]),
        Column("issued_on", _("Issued"), of_plan("issued"), kind="date"),
        Column("known_by", _("Latest date"), known_by, kind="date", sort="known", sort_fields=["plan_known_by"]),
        Column("lag_days", _("Days after the policy"), lag, kind="integer", sort="lag", sort_fields=["plan_lag"]),
        Column("region", _("Region"), region, sort="region", sort_fields=["region"], file_only=True),
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

    below: dict[str, Any] = {"province": methodcaller("get_region_display")}
    below |= dict.fromkeys(["status", "issued_on", "pilots", "red", "yellow", "not_reported"])
    below["red"] = next(column for column in columns if column.key == "by_hand").accessor
    both: Column[Any] = Column(
        "issued_on", _("Issued"), issued, kind="date", sort="known", sort_fields=["plan_known_by"]
    )
    return page_columns([*columns, both], below, side="status", line="issued_on")


def annotated_provinces(rollout: Rollout | None, lights: Mapping[int, ProvinceLights], as_of: date) -> QuerySet[Any]:
    """Return the roster with the counts of lights and the plan for the policy on the day, to sort and filter by."""
    order = [PlanStatus.DRAFTING, PlanStatus.NOT_FOUND, PlanStatus.REPEALED, PlanStatus.UNKNOWN]
    order += [PlanStatus.ISSUED, PlanStatus.NOT_REQUIRED]
    rows = rollout.provinces if rollout else ()
    by_plan = sorted(rows, key=lambda row: (order.index(row.status), -(row.latest or as_of).toordinal()))

    def of_row(values: Iterable[tuple[int, Any]], output_field: Field[Any, Any], default: Any = None) -> Case:
        cases = [When(pk=key, then=Value(value)) for key, value in values if value is not None]
        return Case(*cases, default=Value(default), output_field=output_field)

    counts = {
        f"{name}_n": of_row(((key, getattr(item, name)) for key, item in lights.items()), IntegerField())
        for name in ("red", "yellow", "not_reported")
    }
    return Province.objects.roster().annotate(
        # The corps comes last.
        gb_place=Case(When(gb_code="", then=Value("7")), default=F("gb_code"), output_field=CharField()),
        plan_place=of_row(((row.province.pk, place) for place, row in enumerate(by_plan)), IntegerField(), 0),
        plan_status=of_row(((row.province.pk, row.status.value) for row in rows), CharField(), "unknown"),
        plan_known_by=of_row(((row.province.pk, row.known_by) for row in rows), DateField()),
        plan_lag=of_row(((row.province.pk, row.lag_days) for row in rows), IntegerField()),
        pilots_n=count_pilots(Pilot.objects.listed(as_of), "province"),
        **counts,
    )


@page(POLICY_PARAMETER, *ProvincePageFilter.base_filters)
def province_list(request: TrackerRequest) -> HttpResponseBase:
    """List all provinces of the roster with plan and pilots."""
    as_of = request.as_of
    value = build_overview(as_of, request.GET.get(POLICY_PARAMETER))
    plans = {row.province.pk: row for row in value.rollout.provinces} if value.rollout else {}
    lights = lights_by_province(as_of)
    rows = annotated_provinces(value.rollout, lights, as_of)
    listing = ListPage(
        request,
        slug="provinces-list",
        filterset=ProvincePageFilter(request.GET, queryset=rows, request=request),
        columns=(columns := province_columns(plans, lights)),
        page_columns=province_page_columns(columns, plans),
        sort="status",
        total=len(value.provinces),
        empty=_("No province matches these filters."),
    )
    sources = list(Source.objects.filter(pilot__batch__known_by__lte=as_of).distinct())
    charts = {"map": overview_map(value, list(Province.objects.filter(in_roster=False)), sources)}
    regions: Exports = {}
    if rollout := value.rollout:
        charts["adoption"] = adoption_chart(rollout, list(plan_sources(rollout.provinces)))
        regions["regions"] = Export(_("Rollout by region"), lambda: regions_table(rollout))
    counts = [(lights[item.province.pk].red, item.province) for item in value.provinces if item.province.pk in lights]
    named = [f"{place.short}\u00a0{n}" for n, place in sorted(counts, key=lambda pair: -(pair[0] or 0)) if n]
    if named:
        red = ngettext(
            "%(n)d province has red pilots: %(names)s.", "%(n)d provinces have red pilots: %(names)s.", len(named)
        ) % {"n": len(named), "names": names_text(named, MAX_NAMED)}
    else:
        unrated = all(n is None for n, _place in counts)
        red = _("No pilot can be rated yet.") if unrated else _("No pilot is red.")
    hand: Counter[Colour] = Counter()
    for item in lights.values():
        hand.update(item.by_hand)
    finding = join_sentences(rollout_headline(value.rollout) if value.rollout else "", red)
    if hand.total():
        finding = join_sentences(finding, by_hand_text(hand) + _("."))
    tables: Exports = {
        **chart_exports(charts),
        **regions,
        "provinces-list": Export(
            _("Provinces"), listing.whole, listing.chips, finding, charts["map"].sources, charts["map"].about
        ),
    }
    title = _("Provinces")
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
            **without_plan(request, value.rollout),
        },
    )


# -- a province -------------------------------------------------------------------------------------------


@page(ENTRY_PARAMETER)
def province_detail(request: TrackerRequest, slug: str) -> HttpResponseBase:
    """Show one province: plan for each policy, pilots, own policies and batches."""
    as_of = request.as_of
    province = Province.objects.prefetch_related("sources").filter(slug=slug).first()
    if province is None:  # perhaps it had this code before
        now = get_object_or_404(Province, pk=Province.objects.former_names().get(slug))
        return redirect(f"{now.get_absolute_url()}?{request.GET.urlencode()}".rstrip("?"), permanent=True)
    listed = province.pilots.listed(as_of).prefetch_related("industries", "sources")
    progress = build_progress(listed, as_of)
    pilots = [status.pilot for status in progress.pilots]
    plans = build_province_plans(province, as_of)
    columns: list[Column[tuple[Policy, ProvinceRollout]]] = [
        Column("policy", _("Policy"), lambda row: record_cell(row[0])),
        *(column.of(itemgetter(1)) for column in plan_columns()),
    ]
    table = make_table(columns, [(policy, row) for policy, now in plans for row in now.documents])
    batches = [item for item in build_reconciliation(as_of) if item.batch.province_id == province.pk]
    charts = {}
    if pilots:
        scope = _("%(pilots)s of %(province)s")
        scope %= {"pilots": recorded_pilots_text(len(pilots)), "province": province.name}
        of_pilots = sources_of([pilot.pk for pilot in pilots])
        past = progress.quarters(QUARTERS_SHOWN)
        charts["lights"] = light_summary_chart(progress, scope, of_pilots, past, province=province.slug)
    classes = classes_of((status.pilot.pk for status in progress.pilots), as_of)
    kinds = Counter(item.kind for item in classes.values() if item.kind)
    lights = lights_table(progress, classes, pilots_url(province=province.slug))
    withdrawals = build_withdrawals(province.pilots.all(), as_of)
    policies, figures = province.policies.known(as_of), province.figures.prefetch_related("sources")
    follow_ups = list(province.follow_ups.with_state(as_of).select_related(*RELATED).by_urgency())
    waiting = [item for item in follow_ups if item.current_state.is_open]
    cited = [source for pilot in pilots for source in pilot.sources.all()]
    sources = list(dict.fromkeys([*plan_sources(row for _policy, row in plans), *cited, *province.sources.all()]))
    policy_columns: list[Column[Policy]] = [
        Column("policy", _("Policy"), record_cell),
        Column("doc_number", _("Document number"), lambda policy: policy.doc_number or None),
        Column("issued_on", _("Issued"), "issued", kind="date"),
        Column("known_by", _("Latest date"), "known_issued_by", kind="date"),
    ]
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

    headline = province_headline(province, plans, progress, len(withdrawals), waiting)
    changes = changes_of(province) | Q(model=ProvincialPlan._meta.label_lower, province_id=province.pk)
    # A plan is called by what the page does not say already.
    labels = {ProvincialPlan: Label(lambda entry: entry.policy.name if entry.policy else no_data(), ["policy"])}
    tables["history"] = Export(_("History"), lambda: history_table(request, changes, labels))
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
            "pilots": pilots,
            "pilots_table": pilots_page_table(request, progress, pilots_url(province=province.slug)),
            "withdrawn": withdrawals_table(withdrawals) if withdrawals else None,
            "charts": charts,
            "classes": class_parts({kind: kinds[kind] for kind in CoControl}) if kinds else [],
            "offices": list(dict.fromkeys(row.record.responsible_agency for _policy, row in plans if row.record)),
            "contacts": list(dict.fromkeys(item.owner_agency for item in waiting)),
            "batches": batches,
            "reconciliation": reconciliation_table(batches),
            "policies": policies,
            "figures": figures,
            "sources": sources,
            "follow_ups": tables["follow-ups"].build(),
            "may_open": may_open_follow_ups(request),
            "history": history_tab(request, changes, labels),
        },
    )


def province_headline(
    province: Province,
    plans: Sequence[tuple[Policy, ProvinceRollout]],
    progress: Progress,
    withdrawn: int,
    waiting: Sequence[FollowUp],
) -> str:
    """Return the headline: plan for each policy that calls for one, pilots by batch and light, follow-ups waiting."""
    if not province.in_roster:
        return _("This unit lies outside the programme: it is drawn on the map and counted nowhere.")
    parts = [
        label_value(policy.short, issue_text(row) if row.plan else row.status_text)
        for policy, row in plans
        if policy.calls_for_provincial_plan
    ]
    lights = province_lights(progress.pilots)
    batches = Counter(status.pilot.batch.short for status in progress.pilots)
    by_batch = join_short(_("%(batch)s %(n)d") % {"batch": batch, "n": n} for batch, n in batches.items())
    recorded = recorded_pilots_text(len(progress.pilots))
    named = _("%(pilots)s (%(batches)s)") % {"pilots": recorded, "batches": by_batch}
    parts.append(named if batches else recorded)
    if lights.red or lights.yellow:
        parts.append(_("%(red)d red and %(yellow)d yellow") % {"red": lights.red, "yellow": lights.yellow})
    if hand := by_hand_text(lights.by_hand):
        parts.append(hand)
    if withdrawn:
        parts.append(_("%(n)d withdrawn") % {"n": withdrawn})
    if waiting:
        text = ngettext("%(n)d open follow-up", "%(n)d open follow-ups", len(waiting)) % {"n": len(waiting)}
        late = sum(item.is_overdue for item in waiting)
        parts.append(join_statements(text, _("%(n)d overdue") % {"n": late} if late else ""))
    return join_clauses(parts) + _(".")
