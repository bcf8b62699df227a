"""List of the provinces with plans and pilots."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from operator import attrgetter, methodcaller
from typing import Any

from django.db.models import Case, CharField, DateField, F, Field, IntegerField, Value, When
from django.db.models.functions import Cast
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from core.http import TrackerRequest
from core.pages import Export, Exports, chart_exports, export_response, page
from core.tables import Cell, Column, ListPage, ValueKind, page_columns, record_cell, status_cell
from core.text import format_date, join_sentences
from dashboard.briefs.build import names_text
from dashboard.overview.services import Overview, overview_map, plan_sources, without_plan
from pilots.analytics.reconciliation import PlaceLights, ProvincePilots, lights_by
from pilots.charts.cells import by_hand_text, pilot_count_cell
from pilots.filters import ProvincePageFilter
from pilots.lights import LIGHTS, Colour
from pilots.models import Pilot
from policies.charts import adoption_chart, lag_text, rollout_headline
from policies.models import PlanStatus, Province, Source
from policies.rollout import POLICY_PARAMETER, ProvinceRollout
from policies.tables import plan_status_cell, regions_table

MAX_NAMED = 5  # provinces named in the headline


def by_key(values: Mapping[int, Any], output_field: Field[Any, Any], default: Any = None) -> Cast:
    """Return an expression for rows of provinces: the value of its key. Without any values it is a constant, by which
    PostgreSQL orders only where its type is said.
    """
    cases = [When(pk=key, then=Value(value)) for key, value in values.items() if value is not None]
    return Cast(Case(*cases, default=Value(default), output_field=output_field), output_field)


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
        Column("region", _("Region"), methodcaller("get_region_display"), "text", "region", ["region"], file_only=True),
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
    value = Overview(as_of, request.GET.get(POLICY_PARAMETER))
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
    cited = Pilot.sources.through.objects.filter(pilot__batch__known_by__lte=as_of)
    sources = list(Source.objects.filter(pk__in=cited.values("source")))
    charts = {"map": overview_map(value, list(Province.objects.filter(in_roster=False)), sources)}
    tables = Exports()
    if rollout:
        charts["adoption"] = adoption_chart(rollout, list(plan_sources(rollout.provinces)))
        tables["regions"] = Export(_("Rollout by region"), lambda: regions_table(rollout))
    red, title = red_text(value.provinces, lights), _("Provinces")
    finding = join_sentences(rollout_headline(rollout), red) if rollout else red
    tables = {
        **chart_exports(charts),
        **tables,
        "provinces-list": Export(title, listing.whole, listing.chips, finding, sources, charts["map"].about),
    }
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
        rated = any(counts.rated for counts, _place in places)
        text = _("No pilot is red.") if rated else _("No pilot can be rated yet.")
    hand = by_hand_text({colour: sum(item.counts.by_hand[colour] for item in lights.values()) for colour in LIGHTS})
    return join_sentences(text, hand + _(".")) if hand else text
