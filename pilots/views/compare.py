"""The page that sets up to four pilots, or provinces, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from config.charts import Cell, Column, Table
from config.faults import BadRequest, Fault
from config.filters import RecordFilter
from config.kept import kept_page
from config.lists import PAGE_WORDS, Export, Exports, check_words, exported, filter_bar
from config.templatetags.site import showdate
from config.words import listed
from pilots.charts import time_in_stage
from pilots.charts.progress import colour_cell
from pilots.charts.stages import stage_word
from pilots.charts.synergy import class_cell
from pilots.metrics import Colour, tally, year_due
from pilots.models import Pilot
from pilots.overview import main_policy
from pilots.progress import PilotStatus, Progress, build_progress
from pilots.sentences import why
from pilots.synergy import Basis, PilotSynergy, build_synergy
from policies.charts import status_label
from policies.models import Policy, Province
from policies.rollout import ProvinceRollout, build_rollout

PLACES = ("a", "b", "c", "d")
NTH = (gettext_lazy("First"), gettext_lazy("Second"), gettext_lazy("Third"), gettext_lazy("Fourth"))


class CompareFilter(django_filters.FilterSet):
    """Up to four records, each in a parameter of its own."""

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset

    @property
    def picked(self) -> list[Any]:
        """The records picked, in their order. Raises BadRequest for one that is picked twice."""
        found = [(name, self.form.cleaned_data[name]) for name in PLACES if self.form.cleaned_data.get(name)]
        for number, (name, record) in enumerate(found):
            if record in [other for _name, other in found[:number]]:
                text = _("%(name)s: “%(record)s” is picked twice. Pick another, or leave it empty.")
                raise BadRequest(Fault(name, "twice", text % {"name": name, "record": record.slug}))
        return [record for _name, record in found]


def compare_filter(rows: QuerySet[Any]) -> type[CompareFilter]:
    """The filter over these records."""
    fields = {
        name: RecordFilter(queryset=rows, label=label, empty_label="—") for name, label in zip(PLACES, NTH, strict=True)
    }
    return type("Compare", (CompareFilter,), fields)


@kept_page
def compare_pilots(request: HttpRequest) -> HttpResponseBase:
    """Up to four pilots side by side."""
    as_of = request.as_of  # type: ignore[attr-defined]
    rows = Pilot.objects.listed(as_of).select_related("batch")
    chosen, bar = picked(request, rows)
    table = None
    if chosen:
        pilots = Pilot.objects.filter(pk__in=[pilot.pk for pilot in chosen])
        statuses = {item.pilot.pk: item for item in build_progress(pilots, as_of).pilots}
        synergy = build_synergy(pilots.prefetch_related("industries"), as_of)
        rates = {item.pilot.pk: item for item in synergy.pilots}
        rows_of = pilot_rows([statuses[pilot.pk] for pilot in chosen], year_due(as_of))
        table = side_by_side(chosen, [*rows_of, *synergy_rows([rates.get(pilot.pk) for pilot in chosen])])
    return answer(request, _("Compare pilots"), "compare-pilots", bar, table)


@kept_page
def compare_provinces(request: HttpRequest) -> HttpResponseBase:
    """Up to four provinces side by side."""
    as_of = request.as_of  # type: ignore[attr-defined]
    chosen, bar = picked(request, Province.objects.roster())
    table = None
    if chosen:
        policy = main_policy(as_of)
        rollout = build_rollout(policy, as_of) if policy else None
        plans = {row.province.pk: row for row in rollout.provinces} if rollout else {}
        whole = build_progress(Pilot.objects.listed(as_of).filter(province__in=chosen), as_of)
        places = [
            Progress(as_of, [item for item in whole.pilots if item.pilot.province_id == place.pk]) for place in chosen
        ]
        about = plan_rows([plans.get(place.pk) for place in chosen], policy)
        table = side_by_side(chosen, [*about, *province_rows(places, year_due(as_of))])
    return answer(request, _("Compare provinces"), "compare-provinces", bar, table)


def picked(request: HttpRequest, rows: QuerySet[Any]) -> tuple[list[Any], Any]:
    """The records picked, and the bar to pick them in."""
    check_words(request, {*PAGE_WORDS, *PLACES})
    filterset = compare_filter(rows)(request.GET, queryset=rows, request=request)
    bar = filter_bar(request, filterset)
    return filterset.picked, bar


def answer(request: HttpRequest, title: str, name: str, bar: Any, table: Table | None) -> HttpResponseBase:
    files: Exports = {"compare": Export(title, lambda: table, bar.chips)} if table else {}
    file = exported(request, files, title, "") if table else None
    if file is not None:
        return file
    count = len(table.columns) - 1 if table else 0
    context = {
        "title": title,
        "finding": finding(count, request) if count else "",
        "current": name,
        "bar": bar,
        "table": table,
    }
    return render(request, "compare.html", context)


def finding(count: int, request: HttpRequest) -> str:
    text = ngettext("%(n)d picked, as of %(day)s", "%(n)d side by side, as of %(day)s", count)
    return text % {"n": count, "day": showdate(request.as_of)}  # type: ignore[attr-defined]


def side_by_side(records: Sequence[Any], rows: Sequence[Sequence[Cell]]) -> Table:
    """A row for each thing compared, a column for each record."""
    names = (
        Column(record.slug, str(getattr(record, "label", record)), url=record.get_absolute_url()) for record in records
    )
    return Table([Column("what", _("What is compared")), *names], rows)


def row(label: str, read: Callable[[Any], Any], items: Sequence[Any]) -> list[Cell]:
    """One thing of each record: a cell, or a value for one."""
    found = map(read, items)
    return [Cell(label), *(value if isinstance(value, Cell) else Cell(value) for value in found)]


# -- what is compared ----------------------------------------------------------------------------------


def pilot_rows(statuses: Sequence[PilotStatus], year: int) -> list[list[Cell]]:
    """Where pilots stand, each the number of their own pages."""
    return [
        row(_("Light"), lambda item: colour_cell(item.colour), statuses),
        row(_("Why"), why, statuses),
        row(_("Batch"), lambda item: Cell(item.pilot.batch.label, url=item.pilot.batch.get_absolute_url()), statuses),
        row(_("Province"), lambda item: province_cell(item.pilot.province), statuses),
        row(_("Stage"), stage_word, statuses),
        row(_("Days in stage"), time_in_stage, statuses),
        row(_("Milestones done, of those due"), milestones_done, statuses),
        row(_("Binding targets on the path, of those rated"), lambda item: on_track([item]), statuses),
        row(_("Reported for %(year)d") % {"year": year}, lambda item: _("yes") if item.reported else _("no"), statuses),
        row(_("Industries"), lambda item: listed(i.name for i in item.pilot.industries.all()) or None, statuses),
    ]


def synergy_rows(found: Sequence[PilotSynergy | None]) -> list[list[Cell]]:
    """How far pollution and carbon fell together; None for a pilot that is missing there.

    The rates and the class are of total emissions. A pilot with an intensity alone has none, and says so.
    """
    return [
        row(_("Air pollutants reduced (equivalents)"), of_totals(lambda item: share(item.apeq.rate)), found),
        row(_("Carbon reduced"), of_totals(lambda item: share(item.carbon.reduction.rate)), found),
        row(_("Class"), of_totals(lambda item: class_cell(item.kind)), found),
        row(_("Joint progress S"), lambda item: number(item and item.joint_progress, 3), found),
        row(_("Due by now, E"), lambda item: number(item and item.expected_progress, 3), found),
        row(_("S / E: 1 is on schedule"), lambda item: number(item and item.schedule_ratio, 2), found),
    ]


def of_totals(read: Callable[[PilotSynergy], Cell]) -> Callable[[PilotSynergy | None], Cell]:
    """What is known of total emissions; where only an intensity is, the words for that."""

    def cell(item: PilotSynergy | None) -> Cell:
        if item is not None and item.basis == Basis.INTENSITY:
            return Cell(str(item.basis.label), tag="grey")
        return Cell(None) if item is None else read(item)

    return cell


def plan_rows(plans: Sequence[ProvinceRollout | None], policy: Policy | None) -> list[list[Cell]]:
    """The plans of provinces for the policy named."""
    plan = _("Plan for %(policy)s") % {"policy": policy.short} if policy else _("Plan")
    return [
        row(plan, lambda item: item and status_label(item.status), plans),
        row(_("Issued"), lambda item: showdate(item.issued) if item and item.issued else None, plans),
        row(_("Days after the national document"), lambda item: item and item.lag_days, plans),
    ]


def province_rows(places: Sequence[Progress], year: int) -> list[list[Cell]]:
    """The recorded pilots of provinces and their lights."""
    colours = [Colour.RED, Colour.YELLOW, Colour.GREEN, Colour.GREY]
    return [
        row(_("Recorded pilots"), lambda item: len(item.pilots), places),
        *(row(str(colour.label), partial(count_of, colour=colour), places) for colour in colours),
        row(_("Not reported for %(year)d") % {"year": year}, not_reported, places),
        row(_("Binding targets on the path, of those rated"), lambda item: on_track(item.pilots), places),
    ]


def count_of(progress: Progress, *, colour: Colour) -> int | None:
    """Pilots of a colour; None where no pilot is recorded."""
    return tally(status.colour for status in progress.pilots)[colour] if progress.pilots else None


def not_reported(progress: Progress) -> int | None:
    """Pilots without an accepted value for the year due; None where no pilot is recorded."""
    return len(progress.pilots) - progress.reported if progress.pilots else None


def milestones_done(status: PilotStatus) -> str | None:
    counts = status.counts
    return of(counts.due - counts.late, counts.due)


def on_track(statuses: Sequence[PilotStatus]) -> str | None:
    if not statuses:
        return None
    track = Progress(statuses[0].as_of, statuses).on_track
    return of(track.on_path, track.rated)


def of(part: int, whole: int) -> str | None:
    """“5 of 9”; None where there is nothing to count."""
    return _("%(n)s of %(all)s") % {"n": part, "all": whole} if whole else None


def share(value: Decimal | None) -> Cell:
    """A fraction, read as a percentage with one decimal."""
    return Cell(value, kind="share")


def number(value: Decimal | None, places: int) -> Cell:
    return Cell(None if value is None else round(value, places), kind="decimal")


def province_cell(province: Province) -> Cell:
    return Cell(province.short, url=province.get_absolute_url())
