"""Batch pages: announced and recorded pilots, and progress."""

from collections.abc import Callable, Sequence
from datetime import date
from operator import attrgetter
from typing import NamedTuple

from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.history.entries import ENTRY_PARAMETER, changes_of, history_tab, history_table
from core.http import TrackerRequest
from core.pages import Export, Exports, chart_exports, export_response, page
from core.tables import ROWS_PER_PAGE, Chart, Column, ListPage, page_columns, record_cell
from core.text import format_date, join_clauses, label_value
from pilots.analytics.progress import Progress
from pilots.analytics.reconciliation import (
    BatchCount,
    PilotSet,
    PlaceLights,
    Reconciliation,
    build_reconciliation,
    build_withdrawals,
    lights_by,
)
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


class Row(NamedTuple):
    """A batch of the list: its pilots as announced and recorded, and the lights of those in the programme."""

    batch: Batch
    numbers: Reconciliation
    lights: PlaceLights | None

    @property
    def by_hand(self) -> str:
        return by_hand_text(self.lights.counts.by_hand) if self.lights else ""


def batch_columns() -> list[Column[Row]]:
    """Return the columns of a list of batches. Each count links to its pilots."""

    def pilots(key: str, label: str, count: Callable[[Row], int | None], **filters: str) -> Column[Row]:
        cell = lambda row: pilot_count_cell(count(row), batch=row.batch.slug, **filters)  # noqa: E731
        return Column(key, label, cell, kind="integer")

    def light(colour: Colour) -> Column[Row]:
        count = lambda row: row.lights and row.lights.number(colour)  # noqa: E731
        return pilots(colour.value, str(colour.label), count, light=colour.value)

    def due(row: Row) -> str:
        return due_text(row.batch) if row.batch.asked_from else ""

    return [
        Column("batch", _("Batch"), lambda row: batch_cell(row.batch), sort="batch", sort_fields=["level", "known_by"]),
        Column("announced_on", _("Announced on"), "batch.announced_on", "date", "announced_on", ["known_by"]),
        Column("term_end", _("Term ends"), "batch.term_end", "date", "term", ["term_end"]),
        Column("announced", _("Announced"), "numbers.announced", kind="integer"),
        pilots("recorded", _("Recorded"), attrgetter("numbers.recorded")),
        pilots("withdrawn", _("Withdrawn"), attrgetter("numbers.withdrawn"), withdrawn="only"),
        Column("to_enter", _("Still to enter"), "numbers.to_enter", kind="integer"),
        *map(light, LIGHTS),
        Column("by_hand", _("Set by hand"), file_only=True),
        Column("asked_from", _("Reports asked from"), lambda row: str(row.batch.asked_from or ""), file_only=True),
        Column("report_due", _("Values due by"), due, file_only=True),
        Column("policy", _("Announced in"), lambda row: record_cell(row.batch.policy)),
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


def batch_page_columns() -> list[Column[Row]]:
    """Return the columns of the page of batches, whose rows have two lines."""

    def days(row: Row) -> str:
        ends = [row.batch.announced_on or row.batch.known_by, row.batch.term_end]
        return "–".join(format_date(day, short=True) for day in ends if day)

    def others(row: Row) -> str:
        numbers = {"withdrawn": row.numbers.withdrawn, "to_enter": row.numbers.to_enter or 0}
        return _("%(withdrawn)d withdrawn, %(to_enter)d to enter") % numbers

    below = {
        "batch": days,
        "announced": None,
        "recorded": others,
        **dict.fromkeys(colour.value for colour in LIGHTS),
        Colour.RED.value: attrgetter("by_hand"),
    }
    return page_columns(batch_columns(), below)


@page(*BatchFilter.base_filters)
def batch_list(request: TrackerRequest) -> HttpResponseBase:
    """List all batches known on the day, with counts and lights."""
    as_of = request.as_of
    counts, rows = build_reconciliation(as_of), Batch.objects.known(as_of).select_related("policy", "province")
    by_batch = {item.batch: item for item in counts}

    def read(batches: Sequence[Batch]) -> list[Row]:
        lights = lights_by("batch", Pilot.objects.listed(as_of).filter(batch__in=batches), as_of)
        return [Row(batch, by_batch[batch].total, lights.get(batch.pk)) for batch in batches]

    listing = ListPage(
        request,
        slug="batches",
        filterset=BatchFilter(request.GET, queryset=rows, request=request),
        columns=batch_columns(),
        page_columns=batch_page_columns(),
        read=read,
        sort="batch",
        total=len(counts),
        empty=_("No batch matches these filters."),
    )
    on_page = [by_batch[batch] for batch in listing.page.object_list] if len(counts) > ROWS_PER_PAGE else counts
    sources = Source.objects.filter(batch__in=rows).distinct()
    announced, withdrawals = _("Announced against recorded"), build_withdrawals(Pilot.objects.all(), as_of)
    tables: Exports = {
        "batches": Export(_("Batches"), listing.whole, listing.chips, sources=sources),
        "reconciliation": Export(announced, lambda: reconciliation_table(counts), sources=sources),
        "withdrawn": Export(_("Withdrawn pilots"), lambda: withdrawals_table(withdrawals), sources=sources),
    }
    title, headline = _("Batches"), batches_headline(counts)
    return export_response(request, tables, title, headline) or render(
        request,
        "pilots/batches/list.html",
        {
            "title": title,
            "finding": headline,
            "listing": listing,
            "reconciliation": reconciliation_table(on_page),
            "withdrawn": withdrawals_table(withdrawals),
        },
    )


def batches_headline(counts: Sequence[BatchCount]) -> str:
    """Return the headline: batches, and their pilots."""
    if not counts:
        return _("No batch is known by this day.")
    text = ngettext("%(n)d batch", "%(n)d batches", len(counts)) % {"n": len(counts)}
    total = sum((item.total for item in counts), Reconciliation(0, 0, 0))
    return join_clauses([text, counts_text(total)]) + _(".")


def counts_text(total: Reconciliation) -> str:
    """Return the text "announced = in the programme + withdrawn + still to enter"."""
    numbers = {name: getattr(total, name) for name in ("announced", "recorded", "withdrawn", "to_enter")}
    if total.announced is None:
        return _("%(recorded)d pilots in the programme, %(withdrawn)d withdrawn; number not announced") % numbers
    text = _("%(announced)d announced: %(recorded)d in the programme, %(withdrawn)d withdrawn, %(to_enter)d to enter")
    return text % numbers


# -- one batch -----------------------------------------------------------------------------------------

CRUMBS = (
    {"url": "pilot-list", "label": gettext_lazy("Pilots")},
    {"url": "batch-list", "label": gettext_lazy("Batches")},
)


@page(ENTRY_PARAMETER)
def batch_detail(request: TrackerRequest, slug: str) -> HttpResponseBase:
    """One batch of pilots."""
    as_of = request.as_of
    rows = Batch.objects.known(as_of).select_related("policy", "province")
    batch = get_object_or_404(rows.prefetch_related("industries_announced", "sources"), slug=slug)
    progress = Progress(Pilot.objects.listed(as_of).filter(batch=batch), as_of)
    (count,) = build_reconciliation(as_of, pk=batch.pk)
    everything, cited = pilots_url(batch=batch.slug), sources_of(progress.rows)
    charts = batch_charts(batch, progress, cited)
    withdrawn = withdrawals_table(build_withdrawals(batch.pilots.all(), as_of), named=False)
    changes, on_track = changes_of(batch), on_track_table(progress)
    announced, sources = _("Announced against recorded"), batch.sources.all()
    tables: Exports = {
        **chart_exports(charts),
        "reconciliation": Export(announced, lambda: reconciliation_table([count]), sources=sources),
        "withdrawn": Export(_("Withdrawn pilots"), lambda: withdrawn, sources=sources),
        "pilots": Export(_("Pilots"), lambda: lights_table(progress, everything), sources=cited or sources),
        "on-track": Export(_("Binding targets by indicator"), lambda: on_track, sources=sources),
        "history": Export(_("History"), lambda: history_table(request, changes)),
    }
    reported = reported_text(progress.outstanding) if charts else ""
    headline = join_clauses(filter(None, [counts_text(count.total), reported])) + _(".")
    return export_response(request, tables, batch.label, headline) or render(
        request,
        "pilots/batches/detail.html",
        {
            "title": batch.label,
            "finding": headline,
            "batch": batch,
            "crumbs": [*CRUMBS, {"label": batch.label}],
            "charts": charts,
            "asked": asked_text(batch),
            "deadlines": deadline_texts(batch, as_of),
            "plan_days": plan_days_text(progress),
            "reconciliation": reconciliation_table([count], named=False),
            "pilots": pilots_page_table(request, progress, everything),
            "on_track": on_track,
            "withdrawn": withdrawn,
            "history": history_tab(request, changes),
        },
    )


def batch_charts(batch: Batch, progress: Progress, cited: Sequence[Source]) -> dict[str, Chart]:
    """Return the charts of lights and stages; none without pilots."""
    if not progress.n:
        return {}
    scope, at_stages = PilotSet(batch=batch).name_with_count(progress.n), sources_of(progress.rows, StageEntry)
    return {
        "lights": light_summary_chart(progress, scope, cited, batch=batch.slug),
        "funnel": funnel_chart(progress, scope, at_stages, batch=batch.slug),
    }
