"""Comparison pages of up to four pilots or provinces."""

from collections.abc import Callable, Mapping, Sequence
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
from core.tables import MAX_SEARCH_LENGTH, Cell, Column, FilterBar, RelatedFormField, make_table, url_with
from core.text import format_date
from pilots.analytics.pilot_status import PilotStatus, build_statuses
from pilots.analytics.progress import Progress
from pilots.analytics.synergy import EmissionBasis, PilotSynergy, Synergy
from pilots.charts.cells import by_hand_text, change_cell, industries_text, light_cell, report_cell
from pilots.charts.stages import stage_label, time_in_stage
from pilots.charts.synergy import class_cell
from pilots.filters import PilotFilter
from pilots.lights import LIGHTS
from pilots.metrics import year_due
from pilots.models import Pilot
from policies.models import Province
from policies.rollout import PolicyChoice, build_rollout
from policies.tables import province_cell

Row = list[Any]
"""What is compared, and its value or cell of each record."""
PARAMETERS = ("a", "b", "c", "d")
MOST_FOUND = 20  # pilots that a search offers
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


@page(*PARAMETERS, "q")
def pilots_side_by_side(request: TrackerRequest) -> HttpResponseBase:
    """Compare the pilots that are picked; what a search finds can be added to them."""
    as_of = request.as_of
    listed = Pilot.objects.listed(as_of).select_related("batch", "province")
    form = picking_form(request, listed, forms.HiddenInput)
    form.fields["q"] = forms.CharField(required=False, label=_("Find a pilot to add"), max_length=MAX_SEARCH_LENGTH)
    chosen, bar = picked_records(request, form)
    keys, rows = [pilot.pk for pilot in chosen], []
    if chosen:
        statuses = {item.pilot.pk: item for item in build_statuses(keys, as_of)}
        synergy = Synergy(listed, as_of).details(keys)
        rows = [
            *pilot_rows([statuses[key] for key in keys], year_due(as_of)),
            *synergy_rows(synergy),
        ]
    free, found = next((name for name in PARAMETERS if not form.cleaned_data[name]), ""), None
    if form.cleaned_data["q"]:
        matches = PilotFilter({"q": form.cleaned_data["q"]}, listed.exclude(pk__in=keys)).qs
        pilots = [(pilot, url_with(request, q=None, **{free: pilot.slug})) for pilot in matches[:MOST_FOUND]]
        found = {"pilots": pilots, "n": matches.count(), "full": not free}
    return comparison_page(request, _("Compare pilots"), "compare-pilots", bar, chosen, rows, found)


@page(*PARAMETERS)
def compare_provinces(request: TrackerRequest) -> HttpResponseBase:
    """Compare up to four provinces."""
    as_of = request.as_of
    chosen, bar = picked_records(request, picking_form(request, Province.objects.roster()))
    rows: list[Row] = []
    if chosen:
        policy = PolicyChoice(as_of).policy
        rollout = build_rollout(policy, as_of) if policy else None
        plans = {row.province.pk: row for row in rollout.provinces} if rollout else {}
        plan, issued = _("Plan"), [plans.get(province.pk) for province in chosen]
        if policy:
            plan = _("Plan for %(policy)s") % {"policy": policy.short}
        progress = [Progress(province.pilots.listed(as_of), as_of) for province in chosen]
        rows = [
            [plan, *(row and row.status_text for row in issued)],
            [_("Issued"), *(format_date(row.issued) if row and row.issued else None for row in issued)],
            [_("Days after the national document"), *(row and row.lag_days for row in issued)],
            *province_rows(progress, year_due(as_of)),
        ]
    return comparison_page(request, _("Compare provinces"), "compare-provinces", bar, chosen, rows)


def picking_form(request: TrackerRequest, rows: QuerySet[Model], widget: Any = forms.Select) -> forms.Form:
    """Return the form of the records that are picked, in order."""
    form = forms.Form(request.GET)
    for name, label in zip(PARAMETERS, ORDINALS, strict=True):
        options = {"required": False, "label": label, "empty_label": "—", "widget": widget}
        form.fields[name] = RelatedFormField(rows, to_field_name="slug", **options)
    return form


def picked_records(request: TrackerRequest, form: forms.Form) -> tuple[list[Any], FilterBar]:
    """Return the selected records, in order, and the filter bar. Raises Problem for one that is selected twice."""
    bar, records = FilterBar(request, form), []
    for name in PARAMETERS:
        record = form.cleaned_data.get(name)
        if record and record in records:
            text = _("%(name)s: “%(record)s” is picked twice. Pick another, or leave it empty.")
            raise Problem(name, "twice", text % {"name": name, "record": record.slug})
        records += [record] if record else []
    return records, bar


def comparison_page(
    request: TrackerRequest,
    title: str,
    name: str,
    bar: FilterBar,
    records: Sequence[Any],
    rows: Sequence[Row],
    found: Mapping[str, Any] | None = None,
) -> HttpResponseBase:
    """Return the page: a column for each record, a row for each thing that is compared; `found` are pilots to add."""
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
        {"title": title, "finding": headline, "current": name, "bar": bar, "table": table, "found": found},
    )


# -- what is compared ----------------------------------------------------------------------------------


def pilot_rows(items: Sequence[PilotStatus], year: int) -> list[Row]:
    """Return the rows of pilots, with the numbers of their own pages."""
    counts, lit = [item.counts for item in items], [item.pilot for item in items]
    on_path = [part_of_whole(row.light_targets_on_path, row.light_targets_rated) for row in lit]
    return [
        [_("Light"), *map(light_cell, items)],
        [_("Why"), *(item.explanation for item in items)],
        [_("Batch"), *(Cell(row.batch.label, url=row.batch.get_absolute_url()) for row in lit)],
        [_("Province"), *(province_cell(row.province) for row in lit)],
        [_("Stage"), *map(stage_label, items)],
        [_("Days in stage"), *map(time_in_stage, items)],
        [_("Milestones done, of those due"), *(part_of_whole(n.due - n.late, n.due) for n in counts)],
        [_("Binding targets on the path, of those rated"), *on_path],
        [_("Reported for %(year)d") % {"year": year}, *map(report_cell, items)],
    ]


def synergy_rows(items: Sequence[PilotSynergy]) -> list[Row]:
    """Return the rows of industries and synergy.

    Rates and class are of total emissions. For a pilot with only an intensity a text says so.
    """

    def total(read: Callable[[PilotSynergy], Cell]) -> list[Cell]:
        basis = EmissionBasis.INTENSITY
        intensity = Cell(str(basis.label), tag="grey")
        return [Cell(None) if item.why else intensity if item.basis == basis else read(item) for item in items]

    return [
        [_("Industries"), *(industries_text(item.pilot) for item in items)],
        [_("Air pollutants (equivalents), change"), *total(lambda item: change_cell(item.air_change))],
        [_("Carbon, change"), *total(lambda item: change_cell(item.carbon_change))],
        [_("Class"), *total(lambda item: class_cell(item.kind))],
    ]


def province_rows(items: Sequence[Progress], year: int) -> list[Row]:
    """Return the rows of provinces' recorded pilots and their lights; None where no pilot is rated."""
    of_colour = [
        [str(colour.label), *(item.now.lights[colour] if item.now.rated else None for item in items)]
        for colour in LIGHTS
    ]
    hand = [by_hand_text(item.now.by_hand) for item in items]
    missing = [item.outstanding.not_reported if item.outstanding.owing else _("none was asked") for item in items]
    track = [part_of_whole(item.on_track.on_path, item.on_track.rated) for item in items]
    return [
        [_("Recorded pilots"), *(item.n for item in items)],
        *of_colour,
        *([[_("Set by hand"), *hand]] if any(hand) else []),
        [_("Not reported for %(year)d") % {"year": year}, *missing],
        [_("Binding targets on the path, of those rated"), *track],
    ]


def part_of_whole(part: int, whole: int) -> Cell:
    """Return “5 of 9” with a small bar; no data where there is nothing to count."""
    if not whole:
        return Cell(None)
    bar = format_html('<meter aria-hidden="true" max="{}" value="{}"></meter>', whole, part)
    return Cell(_("%(n)s of %(all)s") % {"n": part, "all": whole}, mark=bar)
