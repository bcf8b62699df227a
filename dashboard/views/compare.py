"""Comparison pages of up to four pilots or provinces."""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from django import forms
from django.db.models import Model, QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.errors import Problem
from core.http import TrackerRequest
from core.pages import Export, Exports, export_response, page
from core.tables import Cell, Column, FilterBar, RelatedFormField, make_table
from core.text import format_date, join_short
from pilots.analytics.pilot_status import PilotStatus
from pilots.analytics.progress import Progress, build_progress
from pilots.analytics.synergy import EmissionBasis, PilotSynergy, build_synergy, classes_of
from pilots.charts.cells import Classes, by_hand_text, change_cell, light_cell, report_cell
from pilots.charts.stages import stage_label, time_in_stage
from pilots.charts.synergy import class_cell
from pilots.lights import LIGHTS, count_by_colour
from pilots.metrics import year_due
from pilots.models import Pilot
from policies.models import Province
from policies.rollout import PolicyChoice, build_rollout
from policies.tables import province_cell

Row = list[Any]
"""What is compared, and its value or cell of each record."""
PARAMETERS = ("a", "b", "c", "d")
ORDINALS = (gettext_lazy("First"), gettext_lazy("Second"), gettext_lazy("Third"), gettext_lazy("Fourth"))


def compare_pilots(request: TrackerRequest) -> HttpResponseBase:
    """Compare up to four pilots; those that were ticked in the list, each a `pick`, get their own parameters.

    Raises Problem for more than four.
    """
    picked = request.GET.getlist("pick")
    if not picked:
        return pilots_side_by_side(request)
    if len(picked) > len(PARAMETERS):
        text = _("%(n)d are ticked. Up to four fit side by side.") % {"n": len(picked)}
        raise Problem("pick", "too_many", text)
    query = request.GET.copy()
    del query["pick"]
    query.update(dict(zip(PARAMETERS, picked, strict=False)))
    return redirect(f"{request.path}?{query.urlencode()}")


@page(*PARAMETERS)
def pilots_side_by_side(request: TrackerRequest) -> HttpResponseBase:
    as_of = request.as_of
    chosen, bar = picked_records(request, Pilot.objects.listed(as_of).select_related("batch"))
    rows: list[Row] = []
    if chosen:
        pilots = Pilot.objects.filter(pk__in=[pilot.pk for pilot in chosen])
        statuses = {item.pilot.pk: item for item in build_progress(pilots, as_of).pilots}
        synergy = build_synergy(pilots.prefetch_related("industries"), as_of)
        rates = {item.pilot.pk: item for item in synergy.pilots}
        rows = [
            *pilot_rows([statuses[pilot.pk] for pilot in chosen], year_due(as_of), classes_of(statuses, as_of)),
            *synergy_rows([rates.get(pilot.pk) for pilot in chosen]),
        ]
    return comparison_page(request, _("Compare pilots"), "compare-pilots", bar, chosen, rows)


@page(*PARAMETERS)
def compare_provinces(request: TrackerRequest) -> HttpResponseBase:
    """Compare up to four provinces."""
    as_of = request.as_of
    chosen, bar = picked_records(request, Province.objects.roster())
    rows: list[Row] = []
    if chosen:
        policy = PolicyChoice(as_of).policy
        rollout = build_rollout(policy, as_of) if policy else None
        plans = {row.province.pk: row for row in rollout.provinces} if rollout else {}
        plan, issued = _("Plan"), [plans.get(province.pk) for province in chosen]
        if policy:
            plan = _("Plan for %(policy)s") % {"policy": policy.short}
        whole = build_progress(Pilot.objects.listed(as_of).filter(province__in=chosen), as_of)
        places = [[item for item in whole.pilots if item.pilot.province_id == province.pk] for province in chosen]
        rows = [
            [plan, *(row and row.status_text for row in issued)],
            [_("Issued"), *(format_date(row.issued) if row and row.issued else None for row in issued)],
            [_("Days after the national document"), *(row and row.lag_days for row in issued)],
            *province_rows([Progress(as_of, pilots) for pilots in places], year_due(as_of)),
        ]
    return comparison_page(request, _("Compare provinces"), "compare-provinces", bar, chosen, rows)


def picked_records(request: TrackerRequest, rows: QuerySet[Model]) -> tuple[list[Any], FilterBar]:
    """Return the selected records, in order, and the filter bar. Raises Problem for one that is selected twice."""
    form = forms.Form(request.GET)
    for name, label in zip(PARAMETERS, ORDINALS, strict=True):
        form.fields[name] = RelatedFormField(rows, to_field_name="slug", required=False, label=label, empty_label="—")
    bar, records = FilterBar(request, form), []
    for name in PARAMETERS:
        record = form.cleaned_data.get(name)
        if record and record in records:
            text = _("%(name)s: “%(record)s” is picked twice. Pick another, or leave it empty.")
            raise Problem(name, "twice", text % {"name": name, "record": record.slug})
        records += [record] if record else []
    return records, bar


def comparison_page(
    request: TrackerRequest, title: str, name: str, bar: FilterBar, records: Sequence[Any], rows: Sequence[Row]
) -> HttpResponseBase:
    """Return the page: a column for each record, a row for each thing that is compared."""
    columns: list[Column[Row]] = [Column("what", _("What is compared"), itemgetter(0))]
    for position, record in enumerate(records, 1):
        label = str(getattr(record, "label", record))
        columns.append(Column(record.slug, label, itemgetter(position), url=record.get_absolute_url()))
    table = make_table(columns, rows) if records else None
    exports: Exports = {"compare": Export(title, lambda: make_table(columns, rows), bar.chips)} if records else {}
    text = ngettext("%(n)d picked, as of %(day)s", "%(n)d side by side, as of %(day)s", len(records))
    headline = text % {"n": len(records), "day": format_date(request.as_of)} if records else ""
    return export_response(request, exports, title, headline) or render(
        request,
        "dashboard/compare.html",
        {"title": title, "finding": headline, "current": name, "bar": bar, "table": table},
    )


# -- what is compared ----------------------------------------------------------------------------------


def pilot_rows(items: Sequence[PilotStatus], year: int, classes: Classes) -> list[Row]:
    """Return the rows of pilots, with the numbers of their own pages."""
    counts = [item.counts for item in items]
    return [
        [_("Light"), *(light_cell(item, classes) for item in items)],
        [_("Why"), *(item.explanation for item in items)],
        [_("Batch"), *(Cell(item.pilot.batch.label, url=item.pilot.batch.get_absolute_url()) for item in items)],
        [_("Province"), *(province_cell(item.pilot.province) for item in items)],
        [_("Stage"), *map(stage_label, items)],
        [_("Days in stage"), *map(time_in_stage, items)],
        [_("Milestones done, of those due"), *(part_of_whole(n.due - n.late, n.due) for n in counts)],
        [_("Binding targets on the path, of those rated"), *(on_track_text([item]) for item in items)],
        [_("Reported for %(year)d") % {"year": year}, *map(report_cell, items)],
        [_("Industries"), *(join_short(i.name for i in item.pilot.industries.all()) or None for item in items)],
    ]


def synergy_rows(items: Sequence[PilotSynergy | None]) -> list[Row]:
    """Return the rows of synergy, of None for an excluded pilot.

    Rates and class are of total emissions. For a pilot with only an intensity a text says so.
    """

    def total(read: Callable[[PilotSynergy], Cell]) -> list[Cell]:
        cells = []
        for item in items:
            intensity = item and item.basis == EmissionBasis.INTENSITY
            none = Cell(str(item.basis.label), tag="grey") if item and intensity else Cell(None)
            cells.append(read(item) if item and not intensity else none)
        return cells

    return [
        [_("Air pollutants (equivalents), change"), *total(lambda item: change_cell(item.air_change))],
        [_("Carbon, change"), *total(lambda item: change_cell(item.carbon_change))],
        [_("Class"), *total(lambda item: class_cell(item.kind))],
    ]


def province_rows(items: Sequence[Progress], year: int) -> list[Row]:
    """Return the rows of provinces' recorded pilots and their lights; None where no pilot is rated."""
    lights = [count_by_colour(status.colour for status in item.pilots) for item in items]
    of_colour = [
        [str(colour.label), *(n[colour] if item.rated else None for item, n in zip(items, lights, strict=True))]
        for colour in LIGHTS
    ]
    hand = [by_hand_text(item.strip.by_hand) for item in items]
    missing = [item.outstanding.not_reported if item.outstanding.owing else _("none was asked") for item in items]
    return [
        [_("Recorded pilots"), *(len(item.pilots) for item in items)],
        *of_colour,
        *([[_("Set by hand"), *hand]] if any(hand) else []),
        [_("Not reported for %(year)d") % {"year": year}, *missing],
        [_("Binding targets on the path, of those rated"), *(on_track_text(item.pilots) for item in items)],
    ]


def on_track_text(statuses: Sequence[PilotStatus]) -> Cell:
    if not statuses:
        return Cell(None)
    track = Progress(statuses[0].as_of, statuses).on_track
    return part_of_whole(track.on_path, track.rated)


def part_of_whole(part: int, whole: int) -> Cell:
    """Return “5 of 9” with a small bar; no data where there is nothing to count."""
    if not whole:
        return Cell(None)
    bar = format_html('<meter aria-hidden="true" max="{}" value="{}"></meter>', whole, part)
    return Cell(_("%(n)s of %(all)s") % {"n": part, "all": whole}, mark=bar)
