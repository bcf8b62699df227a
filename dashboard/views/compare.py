"""Comparison pages of up to four pilots or provinces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Generic, TypeVar

import django_filters
from django.db.models import Model, QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.http.errors import BadRequest, ErrorDetail
from core.http.request import TrackerRequest
from core.pages import Export, Exports, export_response, page
from core.text.formatting import format_date, join_short
from core.web.filters import RelatedFilter
from core.web.list_pages import FilterBar
from core.web.tables import Cell, Column, Table, make_table
from dashboard.analytics.overview import lead_policy_on
from pilots.analytics.explanations import explanation_for_list
from pilots.analytics.pilot_status import PilotStatus, Progress, build_progress
from pilots.analytics.synergy import EmissionBasis, PilotSynergy, build_synergy
from pilots.charts.cells import Classes, light_cell
from pilots.charts.stages import stage_label, time_in_stage
from pilots.charts.synergy import class_cell
from pilots.lights import Colour, count_by_colour
from pilots.metrics.progress import year_due
from pilots.models import Pilot
from policies.models import Policy, Province
from policies.rollout import ProvinceRollout, build_rollout
from policies.tables import province_cell

Compared = TypeVar("Compared")
PARAMETERS = ("a", "b", "c", "d")
ORDINALS = (gettext_lazy("First"), gettext_lazy("Second"), gettext_lazy("Third"), gettext_lazy("Fourth"))


class CompareFilter(django_filters.FilterSet):
    """Filter of up to four records, each in its own parameter."""

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset

    @property
    def picked(self) -> list[object]:
        """Selected records, in order. Raises BadRequest for one that is selected twice."""
        found = [(name, self.form.cleaned_data[name]) for name in PARAMETERS if self.form.cleaned_data.get(name)]
        for number, (name, record) in enumerate(found):
            if record in [other for _name, other in found[:number]]:
                text = _("%(name)s: “%(record)s” is picked twice. Pick another, or leave it empty.")
                raise BadRequest(ErrorDetail(name, "twice", text % {"name": name, "record": record.slug}))
        return [record for _name, record in found]


def compare_filter(rows: QuerySet[Model]) -> type[CompareFilter]:
    """Return the filter class for these records."""
    fields = {
        name: RelatedFilter(queryset=rows, label=label, empty_label="—")
        for name, label in zip(PARAMETERS, ORDINALS, strict=True)
    }
    return type("Compare", (CompareFilter,), fields)


@page(*PARAMETERS)
def compare_pilots(request: TrackerRequest) -> HttpResponseBase:
    """Compare up to four pilots."""
    as_of = request.as_of
    rows = Pilot.objects.listed(as_of).select_related("batch")
    chosen, bar = picked_records(request, rows)
    table = None
    if chosen:
        pilots = Pilot.objects.filter(pk__in=[pilot.pk for pilot in chosen])
        statuses = {item.pilot.pk: item for item in build_progress(pilots, as_of).pilots}
        synergy = build_synergy(pilots.prefetch_related("industries"), as_of)
        rates = {item.pilot.pk: item for item in synergy.pilots}
        table = comparison_table(
            chosen,
            (pilot_rows(year_due(as_of), synergy.classed), [statuses[pilot.pk] for pilot in chosen]),
            (synergy_rows(), [rates.get(pilot.pk) for pilot in chosen]),
        )
    return comparison_page(request, _("Compare pilots"), "compare-pilots", bar, table)


@page(*PARAMETERS)
def compare_provinces(request: TrackerRequest) -> HttpResponseBase:
    """Compare up to four provinces."""
    as_of = request.as_of
    chosen, bar = picked_records(request, Province.objects.roster())
    table = None
    if chosen:
        policy = lead_policy_on(as_of)
        rollout = build_rollout(policy, as_of) if policy else None
        plans = {row.province.pk: row for row in rollout.provinces} if rollout else {}
        whole = build_progress(Pilot.objects.listed(as_of).filter(province__in=chosen), as_of)
        places = [
            Progress(as_of, [item for item in whole.pilots if item.pilot.province_id == place.pk]) for place in chosen
        ]
        table = comparison_table(
            chosen,
            (plan_rows(policy), [plans.get(place.pk) for place in chosen]),
            (province_rows(year_due(as_of)), places),
        )
    return comparison_page(request, _("Compare provinces"), "compare-provinces", bar, table)


def picked_records(request: TrackerRequest, rows: QuerySet[Model]) -> tuple[list[Any], Any]:
    """Return the selected records and the filter bar."""
    filterset = compare_filter(rows)(request.GET, queryset=rows, request=request)
    bar = FilterBar(request, filterset.form)
    return filterset.picked, bar


def comparison_page(
    request: TrackerRequest, title: str, name: str, bar: FilterBar, table: Table | None
) -> HttpResponseBase:
    exports: Exports = {"compare": Export(title, lambda: table, bar.chips)} if table else {}
    count = len(table.columns) - 1 if table else 0
    text = ngettext("%(n)d picked, as of %(day)s", "%(n)d side by side, as of %(day)s", count)
    headline = text % {"n": count, "day": format_date(request.as_of)} if table else ""
    return export_response(request, exports, title, headline) or render(
        request,
        "dashboard/compare.html",
        {
            "title": title,
            "finding": headline,
            "current": name,
            "bar": bar,
            "table": table,
        },
    )


@dataclass(frozen=True)
class ComparisonRow(Generic[Compared]):
    """Row of a comparison: what is compared, and the value or cell of each record."""

    label: str
    read: Callable[[Compared], object]


def comparison_table(records: Sequence[Any], *parts: tuple[Sequence[ComparisonRow[Any]], Sequence[Any]]) -> Table:
    """Return the table with a column for each record; a part is rows, and the item of each record that they read."""
    columns: list[Column[tuple[ComparisonRow[Any], Sequence[Any]]]] = [
        Column("what", _("What is compared"), lambda pair: pair[0].label),
        *(record_column(place, record) for place, record in enumerate(records)),
    ]
    return make_table(columns, [(row, items) for rows, items in parts for row in rows])


def record_column(place: int, record: Any) -> Column[tuple[ComparisonRow[Any], Sequence[Any]]]:
    label = str(getattr(record, "label", record))
    return Column(record.slug, label, lambda pair: pair[0].read(pair[1][place]), url=record.get_absolute_url())


# -- what is compared ----------------------------------------------------------------------------------


def pilot_rows(year: int, classes: Classes) -> list[ComparisonRow[PilotStatus]]:
    """Return the rows of pilots, with the numbers of their own pages."""
    return [
        ComparisonRow(_("Light"), lambda item: light_cell(item, classes)),
        ComparisonRow(_("Why"), explanation_for_list),
        ComparisonRow(_("Batch"), lambda item: Cell(item.pilot.batch.label, url=item.pilot.batch.get_absolute_url())),
        ComparisonRow(_("Province"), lambda item: province_cell(item.pilot.province)),
        ComparisonRow(_("Stage"), stage_label),
        ComparisonRow(_("Days in stage"), time_in_stage),
        ComparisonRow(_("Milestones done, of those due"), milestones_done),
        ComparisonRow(_("Binding targets on the path, of those rated"), lambda item: on_track_text([item])),
        ComparisonRow(_("Reported for %(year)d") % {"year": year}, lambda item: _("yes") if item.reported else _("no")),
        ComparisonRow(_("Industries"), lambda item: join_short(i.name for i in item.pilot.industries.all()) or None),
    ]


def synergy_rows() -> list[ComparisonRow[PilotSynergy | None]]:
    """Return the rows of synergy, of None for an excluded pilot.

    Rates and class are of total emissions. For a pilot with only an intensity a text says so.
    """
    return [
        ComparisonRow(
            _("Air pollutants reduced (equivalents)"), from_totals(lambda item: Cell(item.apeq.rate, kind="share"))
        ),
        ComparisonRow(_("Carbon reduced"), from_totals(lambda item: Cell(item.carbon.reduction.rate, kind="share"))),
        ComparisonRow(_("Class"), from_totals(lambda item: class_cell(item.kind))),
        ComparisonRow(_("Joint progress S"), lambda item: number_cell(item.joint_progress if item else None, 3)),
        ComparisonRow(_("Due by now, E"), lambda item: number_cell(item.expected_progress if item else None, 3)),
        ComparisonRow(_("S / E: 1 is on schedule"), lambda item: number_cell(item.schedule_ratio if item else None, 2)),
    ]


def from_totals(read: Callable[[PilotSynergy], Cell]) -> Callable[[PilotSynergy | None], Cell]:
    """Return a reader for values of total emissions, which gives a text where only an intensity is known."""

    def cell(item: PilotSynergy | None) -> Cell:
        if item is not None and item.basis == EmissionBasis.INTENSITY:
            return Cell(str(item.basis.label), tag="grey")
        return Cell(None) if item is None else read(item)

    return cell


def plan_rows(policy: Policy | None) -> list[ComparisonRow[ProvinceRollout | None]]:
    """Return the rows of provinces' plans for the policy."""
    plan = _("Plan for %(policy)s") % {"policy": policy.short} if policy else _("Plan")
    return [
        ComparisonRow(plan, lambda item: item and str(item.status.label)),
        ComparisonRow(_("Issued"), lambda item: format_date(item.issued) if item and item.issued else None),
        ComparisonRow(_("Days after the national document"), lambda item: item and item.lag_days),
    ]


def province_rows(year: int) -> list[ComparisonRow[Progress]]:
    """Return the rows of provinces' recorded pilots and their lights."""
    colours = [Colour.RED, Colour.YELLOW, Colour.GREEN, Colour.GREY]
    return [
        ComparisonRow(_("Recorded pilots"), lambda item: len(item.pilots)),
        *(ComparisonRow(str(colour.label), partial(count_by_light, colour=colour)) for colour in colours),
        ComparisonRow(_("Not reported for %(year)d") % {"year": year}, not_reported),
        ComparisonRow(_("Binding targets on the path, of those rated"), lambda item: on_track_text(item.pilots)),
    ]


def count_by_light(progress: Progress, *, colour: Colour) -> int | None:
    """Count pilots, of a colour if given; None where no pilot is recorded."""
    return count_by_colour(status.colour for status in progress.pilots)[colour] if progress.pilots else None


def not_reported(progress: Progress) -> int | None:
    """Count pilots without an accepted value for the year due; None where no pilot is recorded."""
    return len(progress.pilots) - progress.reported if progress.pilots else None


def milestones_done(status: PilotStatus) -> str | None:
    counts = status.counts
    return part_of_whole(counts.due - counts.late, counts.due)


def on_track_text(statuses: Sequence[PilotStatus]) -> str | None:
    if not statuses:
        return None
    track = Progress(statuses[0].as_of, statuses).on_track
    return part_of_whole(track.on_path, track.rated)


def part_of_whole(part: int, whole: int) -> str | None:
    """Return “5 of 9”; None where there is nothing to count."""
    return _("%(n)s of %(all)s") % {"n": part, "all": whole} if whole else None


def number_cell(value: Decimal | None, places: int) -> Cell:
    return Cell(None if value is None else round(value, places), kind="decimal")
