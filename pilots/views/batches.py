"""Batch pages: announced and recorded pilots, and progress."""

from collections.abc import Mapping, Sequence
from datetime import date

from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.history.entries import ENTRY_PARAMETER, changes_of, history_tab, history_table
from core.http import TrackerRequest
from core.pages import Export, Exports, chart_exports, export_response, page
from core.tables import Cell, Chart, Column, ListPage, page_columns, record_cell
from core.text import format_date, join_clauses, label_value
from pilots.analytics.progress import Progress, build_progress
from pilots.analytics.reconciliation import PilotSet, Reconciliation, build_reconciliation, build_withdrawals
from pilots.analytics.synergy import classes_of
from pilots.charts.cells import by_hand_text, pilot_count_cell, pilots_url, reported_text
from pilots.charts.stages import funnel_chart, plan_days_text
from pilots.charts.status import light_summary_chart, on_track_table
from pilots.charts.synergy import batch_cell, reconciliation_table, withdrawals_table
from pilots.filters import BatchFilter
from pilots.lights import LIGHTS, Colour
from pilots.models import Batch, Pilot, StageEntry
from pilots.tables import lights_table, pilots_page_table, sources_of
from policies.models import Source

# -- the list ------------------------------------------------------------------------------------------


def batch_columns(counts: Mapping[int, Reconciliation], lights: Mapping[int, Progress]) -> list[Column[Batch]]:
    """Return the columns of a list of batches; `counts` and `lights` are by key. Each count links to its pilots."""

    def light_column(colour: Colour) -> Column[Batch]:
        def count(batch: Batch) -> Cell:
            own = lights[batch.pk]
            n = sum(status.colour == colour for status in own.pilots) if own.rated else None  # as the overview does
            return pilot_count_cell(n, batch=batch.slug, light=colour.value)

        return Column(colour.value, str(colour.label), count, kind="integer")

    return [
        Column("batch", _("Batch"), batch_cell, sort="batch", sort_fields=["level", "known_by"]),
        Column("announced_on", _("Announced on"), kind="date", sort="announced_on", sort_fields=["known_by"]),
        Column("term_end", _("Term ends"), kind="date", sort="term", sort_fields=["term_end"]),
        Column("announced", _("Announced"), lambda batch: counts[batch.pk].announced, kind="integer"),
        Column(
            "recorded",
            _("Recorded"),
            lambda batch: pilot_count_cell(counts[batch.pk].recorded, batch=batch.slug),
            kind="integer",
        ),
        Column(
            "withdrawn",
            _("Withdrawn"),
            lambda batch: pilot_count_cell(counts[batch.pk].withdrawn, batch=batch.slug, withdrawn="only"),
            kind="integer",
        ),
        Column("to_enter", _("Still to enter"), lambda batch: counts[batch.pk].to_enter, kind="integer"),
        *map(light_column, LIGHTS),
        Column("by_hand", _("Set by hand"), lambda batch: by_hand_text(lights[batch.pk].by_hand), file_only=True),
        Column("asked_from", _("Reports asked from"), lambda batch: str(batch.asked_from or ""), file_only=True),
        Column(
            "report_due", _("Values due by"), lambda batch: due_text(batch) * bool(batch.asked_from), file_only=True
        ),
        Column("policy", _("Announced in"), lambda batch: record_cell(batch.policy)),
    ]


def due_text(batch: Batch) -> str:
    """Return by when values of a year are due, as 31 March."""
    return date_format(date.fromisoformat(f"2001-{batch.report_due}"), "MONTH_DAY_FORMAT")


def asked_text(batch: Batch) -> str:
    """Return from which year on values are asked for, and by when; or that none is, so that nothing is overdue."""
    if batch.asked_from is None:
        return _("none: nothing is ever overdue")
    words = {"year": batch.asked_from, "day": due_text(batch)}
    return _("from %(year)d on, each by %(day)s of the next year") % words


def deadline_texts(batch: Batch, as_of: date) -> list[tuple[str, str]]:
    """Return the decisions for the whole batch by the day that moved a due day or waived a year, with the reason."""
    rows = batch.deadlines.filter(decided_on__lte=as_of).select_related("indicator")
    found = []
    for row in rows:
        of = row.indicator.name if row.indicator else _("All indicators")
        words = {"day": format_date(row.due_on), "on": format_date(row.decided_on)}
        text = _("due on %(day)s, as decided on %(on)s") if row.due_on else _("not asked for, as decided on %(on)s")
        label = _("%(indicator)s %(year)d") % {"indicator": of, "year": row.year}
        found.append((label_value(label, text % words), row.reason))
    return found


def batch_page_columns(counts: Mapping[int, Reconciliation], lights: Mapping[int, Progress]) -> list[Column[Batch]]:
    """Return the columns of the page of batches, whose rows have two lines."""

    def days(batch: Batch) -> str:
        ends = [batch.announced_on or batch.known_by, batch.term_end]
        return "–".join(format_date(day, short=True) for day in ends if day)

    def others(batch: Batch) -> str:
        numbers = {"withdrawn": counts[batch.pk].withdrawn, "to_enter": counts[batch.pk].to_enter or 0}
        return _("%(withdrawn)d withdrawn, %(to_enter)d to enter") % numbers

    below = {
        "batch": days,
        "announced": None,
        "recorded": others,
        **dict.fromkeys(colour.value for colour in LIGHTS),
        Colour.RED.value: lambda batch: by_hand_text(lights[batch.pk].by_hand),
    }
    return page_columns(batch_columns(counts, lights), below)


@page(*BatchFilter.base_filters)
def batch_list(request: TrackerRequest) -> HttpResponseBase:
    """List all batches known on the day, with counts and lights."""
    as_of = request.as_of
    counts = build_reconciliation(as_of)
    rows = Batch.objects.known(as_of).select_related("policy", "province")
    lights: dict[int, Progress] = {}

    def read_lights(batches: Sequence[Batch]) -> None:
        pilots = build_progress(Pilot.objects.listed(as_of).filter(batch__in=batches), as_of).pilots
        for batch in batches:
            lights[batch.pk] = Progress(as_of, [item for item in pilots if item.pilot.batch_id == batch.pk])

    totals = {item.batch.pk: item.total for item in counts}
    listing = ListPage(
        request,
        slug="batches",
        filterset=BatchFilter(request.GET, queryset=rows, request=request),
        columns=batch_columns(totals, lights),
        page_columns=batch_page_columns(totals, lights),
        prefetch=read_lights,
        sort="batch",
        total=len(counts),
        empty=_("No batch matches these filters."),
    )
    sources = Source.objects.filter(batch__in=rows).distinct()
    left = any(item.total.withdrawn for item in counts)
    withdrawals = build_withdrawals(Pilot.objects.all(), as_of) if left else []
    tables: Exports = {
        "batches": Export(_("Batches"), listing.whole, listing.chips, sources=sources),
        "reconciliation": Export(
            _("Announced against recorded"), lambda: reconciliation_table(counts), sources=sources
        ),
        "withdrawn": Export(_("Withdrawn pilots"), lambda: withdrawals_table(withdrawals), sources=sources),
    }
    title, headline = _("Batches"), _("No batch is known by this day.")
    if counts:
        text = ngettext("%(n)d batch", "%(n)d batches", len(counts)) % {"n": len(counts)}
        total = sum((item.total for item in counts), Reconciliation(0, 0, 0))
        headline = join_clauses([text, counts_text(total)]) + _(".")
    return export_response(request, tables, title, headline) or render(
        request,
        "pilots/batches/list.html",
        {
            "title": title,
            "finding": headline,
            "listing": listing,
            "reconciliation": reconciliation_table(counts),
            "withdrawn": withdrawals_table(withdrawals) if withdrawals else None,
        },
    )


def counts_text(total: Reconciliation) -> str:
    """Return the text "announced = in the programme + withdrawn + still to enter"."""
    numbers = {
        "announced": total.announced,
        "recorded": total.recorded,
        "withdrawn": total.withdrawn,
        "to_enter": total.to_enter,
    }
    if total.announced is None:
        return _("%(recorded)d pilots in the programme, %(withdrawn)d withdrawn; number not announced") % numbers
    text = _("%(announced)d announced: %(recorded)d in the programme, %(withdrawn)d withdrawn, %(to_enter)d to enter")
    return text % numbers


# -- one batch -----------------------------------------------------------------------------------------


@page(ENTRY_PARAMETER)
def batch_detail(request: TrackerRequest, slug: str) -> HttpResponseBase:
    """One batch of pilots."""
    as_of = request.as_of
    related = ("industries_announced", "sources")
    rows = Batch.objects.known(as_of).select_related("policy", "province").prefetch_related(*related)
    batch = get_object_or_404(rows, slug=slug)
    progress = build_progress(Pilot.objects.listed(as_of).filter(batch=batch), as_of)
    count = next(item for item in build_reconciliation(as_of) if item.batch.pk == batch.pk)
    charts: dict[str, Chart] = {}
    if progress.pilots:
        keys = [status.pilot.pk for status in progress.pilots]
        n = PilotSet(batch=batch).name_with_count(len(keys))
        charts = {
            "lights": light_summary_chart(progress, n, sources_of(keys), batch=batch.slug),
            "funnel": funnel_chart(progress, n, sources_of(keys, StageEntry), batch=batch.slug),
        }
    classes = classes_of((status.pilot.pk for status in progress.pilots), as_of)
    pilots = lights_table(progress, classes, pilots_url(batch=batch.slug))
    withdrawals = build_withdrawals(batch.pilots.all(), as_of) if count.total.withdrawn else []
    sources = batch.sources.all()
    tables: Exports = {
        **chart_exports(charts),
        "reconciliation": Export(
            _("Announced against recorded"), lambda: reconciliation_table([count]), sources=sources
        ),
        "withdrawn": Export(
            _("Withdrawn pilots"), lambda: withdrawals_table(withdrawals, named=False), sources=sources
        ),
        "pilots": Export(_("Pilots"), lambda: pilots, sources=charts["lights"].sources if charts else sources),
        "on-track": Export(_("Binding targets by indicator"), lambda: on_track_table(progress), sources=sources),
    }

    changes = changes_of(batch)
    reported = [reported_text(progress.outstanding)] if progress.pilots else []
    headline = join_clauses([counts_text(count.total), *reported]) + _(".")
    tables["history"] = Export(_("History"), lambda: history_table(request, changes))
    return export_response(request, tables, batch.label, headline) or render(
        request,
        "pilots/batches/detail.html",
        {
            "title": batch.label,
            "finding": headline,
            "batch": batch,
            "crumbs": [
                {"url": "pilot-list", "label": _("Pilots")},
                {"url": "batch-list", "label": _("Batches")},
                {"label": batch.label},
            ],
            "charts": charts,
            "progress": progress,
            "asked": asked_text(batch),
            "deadlines": deadline_texts(batch, as_of),
            "plan_days": plan_days_text(progress),
            "reconciliation": reconciliation_table([count], named=False),
            "pilots": pilots_page_table(request, progress, pilots_url(batch=batch.slug)),
            "on_track": on_track_table(progress),
            "withdrawn": withdrawals_table(withdrawals, named=False) if withdrawals else None,
            "history": history_tab(request, changes),
        },
    )
