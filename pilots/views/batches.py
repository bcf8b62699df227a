"""Pages of the batches: announced against recorded, how far each has come, and how it compares at the same age."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.charts import Cell, Chart, Column
from config.faults import BadRequest, Fault, short
from config.journal import ENTRY_WORD, history_exports, history_tab
from config.kept import kept_page
from config.lists import PAGE_WORDS, Export, Exports, build_listing, chart_exports, check_words, exported
from config.words import clauses
from pilots.charts import (
    batch_cell,
    cohort_chart,
    funnel_chart,
    light_strip,
    lights_table,
    pilots_url,
    plan_lag_chart,
    reconciliation_table,
    stay_chart,
    withdrawals_table,
)
from pilots.cohorts import Cohorts, build_cohorts, stage_times
from pilots.filters import BatchFilter
from pilots.journal import batch_journal
from pilots.metrics import Colour, Reconciliation, year_due
from pilots.models import Batch, Pilot, StageEntry
from pilots.progress import Progress, build_progress
from pilots.reconcile import BatchCount, build_reconciliation, build_withdrawals
from pilots.sets import PilotSet
from pilots.views.shared import sources_of
from policies.models import Source

ORDER = {
    "batch": ["level", "known_by"],
    "announced_on": ["known_by"],
    "term": ["term_end"],
}
LIGHTS = (Colour.RED, Colour.YELLOW, Colour.GREEN, Colour.GREY)


# -- the list ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BatchRow:
    """A batch in the list: its counts, and how many of its pilots show each light."""

    count: BatchCount
    lights: Mapping[Colour, int]


def batch_columns() -> list[Column]:
    return [
        Column("batch", _("Batch"), sort="batch"),
        Column("announced_on", _("Announced on"), "date", sort="announced_on"),
        Column("term_end", _("Term ends"), "date", sort="term"),
        Column("announced", _("Announced"), "integer"),
        Column("recorded", _("Recorded"), "integer"),
        Column("withdrawn", _("Withdrawn"), "integer"),
        Column("to_enter", _("Still to enter"), "integer"),
        *[Column(colour.value, str(colour.label), "integer") for colour in LIGHTS],
        Column("policy", _("Announced in")),
    ]


def batch_cells(batch: Batch, row: BatchRow) -> Sequence[Cell]:
    """One batch's line; each count leads to the pilots that it counts."""
    total = row.count.total
    return [
        batch_cell(batch),
        Cell(batch.announced_on),
        Cell(batch.term_end),
        Cell(total.announced),
        counted(total.recorded, batch=batch.slug),
        counted(total.withdrawn, batch=batch.slug, withdrawn="only"),
        Cell(total.to_enter),
        *[counted(row.lights[colour], batch=batch.slug, light=colour.value) for colour in LIGHTS],
        Cell(batch.policy.name, url=batch.policy.get_absolute_url(), lang=batch.policy.name_lang)
        if batch.policy
        else Cell(None),
    ]


def counted(n: int, **filters: str) -> Cell:
    """A number of pilots with the way to them; no way to none."""
    return Cell(n, url=pilots_url(**filters) if n else "")


class BatchRows:
    """The lines of a list of batches: the lights of the pilots of a page's batches are read together."""

    def __init__(self, counts: Sequence[BatchCount], as_of: date) -> None:
        self.as_of = as_of
        self.counts = {item.batch.pk: item for item in counts}
        self.lights: dict[int, Counter[Colour]] = {}

    def look_up(self, batches: Sequence[Batch]) -> None:
        """Read the lights of these batches' pilots."""
        keys = [batch.pk for batch in batches]
        found: dict[int, Counter[Colour]] = {key: Counter() for key in keys}
        for status in build_progress(Pilot.objects.listed(self.as_of).filter(batch__in=keys), self.as_of).pilots:
            found[status.pilot.batch_id][status.colour] += 1
        self.lights |= found

    def cells(self, batch: Batch) -> Sequence[Cell]:
        """The line of one of them."""
        return batch_cells(batch, BatchRow(self.counts[batch.pk], self.lights[batch.pk]))


@kept_page
def batch_list(request: HttpRequest) -> HttpResponseBase:
    """Every batch known on the day, with its counts and lights."""
    check_words(request, {*PAGE_WORDS, *BatchFilter.base_filters})
    as_of = request.as_of  # type: ignore[attr-defined]
    counts = build_reconciliation(as_of)
    rows = Batch.objects.known(as_of).select_related("policy", "province")
    lines = BatchRows(counts, as_of)
    listing, whole = build_listing(
        request,
        slug="batches",
        filterset=BatchFilter(request.GET, queryset=rows, request=request),
        columns=batch_columns(),
        row=lines.cells,
        ahead=lines.look_up,
        sort="batch",
        order=ORDER,
        total=len(counts),
        empty=_("No batch matches these filters."),
    )
    sources = Source.objects.filter(batch__in=rows).distinct()
    left = any(item.total.withdrawn for item in counts)
    withdrawals = build_withdrawals(Pilot.objects.all(), as_of) if left else []
    tables: Exports = {
        "batches": Export(_("Batches"), whole, listing.chips, sources=sources),
        "reconciliation": Export(
            _("Announced against recorded"), lambda: reconciliation_table(counts), sources=sources
        ),
        "withdrawn": Export(_("Withdrawn pilots"), lambda: withdrawals_table(withdrawals), sources=sources),
    }
    finding = batches_finding(counts)
    file = exported(request, tables, _("Batches"), finding)
    if file is not None:
        return file
    context = {
        "title": _("Batches"),
        "finding": finding,
        "crumbs": [{"url": "pilot-list", "label": _("Pilots")}, {"label": _("Batches")}],
        "listing": listing,
        "reconciliation": reconciliation_table(counts),
        "withdrawn": withdrawals_table(withdrawals) if withdrawals else None,
    }
    return render(request, "batches/list.html", context)


def batches_finding(counts: Sequence[BatchCount]) -> str:
    """One sentence: how many batches, and what is recorded of the pilots that they announced."""
    if not counts:
        return _("No batch is known by this day.")
    total = sum((item.total for item in counts), Reconciliation(0, 0, 0))
    text = ngettext("%(n)d batch", "%(n)d batches", len(counts)) % {"n": len(counts)}
    return clauses([text, counts_text(total)]) + _(".")


def counts_text(total: Reconciliation) -> str:
    """announced = in the programme + withdrawn + still to enter, in words."""
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


@kept_page
def batch_detail(request: HttpRequest, slug: str) -> HttpResponseBase:
    """One batch of pilots."""
    check_words(request, {*PAGE_WORDS, "age", ENTRY_WORD})
    as_of = request.as_of  # type: ignore[attr-defined]
    related = ("industries_announced", "sources")
    rows = Batch.objects.known(as_of).select_related("policy", "province").prefetch_related(*related)
    batch = get_object_or_404(rows, slug=slug)
    cohorts = build_cohorts(batch, as_of, chosen_age(request))
    progress = cohorts.batches[0].pilots
    count = next(item for item in build_reconciliation(as_of) if item.batch.pk == batch.pk)
    charts = batch_charts(batch, progress, cohorts)
    pilots = lights_table(progress, pilots_url(batch=batch.slug))
    withdrawals = build_withdrawals(batch.pilots.all(), as_of) if count.total.withdrawn else []
    journal = batch_journal(batch, as_of, request.user)
    finding, sources = batch_finding(count, progress), batch.sources.all()
    tables: Exports = {
        **chart_exports(charts),
        "reconciliation": Export(
            _("Announced against recorded"), lambda: reconciliation_table([count]), sources=sources
        ),
        "withdrawn": Export(
            _("Withdrawn pilots"), lambda: withdrawals_table(withdrawals, named=False), sources=sources
        ),
        "pilots": Export(_("Pilots"), lambda: pilots, sources=charts["lights"].sources if charts else sources),
    }
    file = exported(request, tables | history_exports(journal), batch.label, finding)
    if file is not None:
        return file
    context = {
        "title": batch.label,
        "batch": batch,
        "history": history_tab(request, journal),
        "finding": finding,
        "crumbs": [
            {"url": "pilot-list", "label": _("Pilots")},
            {"url": "batch-list", "label": _("Batches")},
            {"label": batch.label},
        ],
        "charts": charts,
        "cohorts": cohorts,
        "progress": progress,
        "reconciliation": reconciliation_table([count], named=False),
        "pilots": pilots,
        "withdrawn": withdrawals_table(withdrawals, named=False) if withdrawals else None,
    }
    return render(request, "batches/detail.html", context)


def chosen_age(request: HttpRequest) -> int | None:
    """The age at which batches are compared. Raises BadRequest for what is not a number of days."""
    text = request.GET.get("age")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:6]) <= 36500 and len(text) <= 5):
        message = _("age: “%(value)s” is not a number of days. Write it in digits, for example 365.")
        raise BadRequest(Fault("age", "invalid_number", message % {"value": short(text)}))
    return int(text)


def batch_charts(batch: Batch, progress: Progress, cohorts: Cohorts) -> dict[str, Chart]:
    """The drawings of the batch; none where it has no pilot on record."""
    if not progress.pilots:
        return {}
    keys = [status.pilot.pk for status in progress.pilots]
    of_stages, of_all = sources_of(keys, StageEntry), sources_of(keys)
    n = PilotSet(batch=batch).counted(len(keys))
    as_of = progress.as_of
    mine: dict[str, Any] = {"batch": batch.slug}
    charts = {
        "lights": light_strip(progress, n, of_all, **mine),
        "funnel": funnel_chart(progress, n, of_stages, **mine),
        "lag": plan_lag_chart(progress, n, of_stages, **mine),
        "time": stay_chart(stage_times(progress), n, as_of, of_stages),
    }
    if sum(item.at.n > 0 for item in cohorts.batches) > 1:
        charts["cohorts"] = cohort_chart(cohorts, as_of, of_stages)
    return charts


def batch_finding(count: BatchCount, progress: Progress) -> str:
    """One sentence: announced, recorded, and how many of them have reported."""
    year = year_due(progress.as_of)
    reported = _("%(n)d of %(of)d pilots have an accepted value for %(year)d") % {
        "n": progress.reported,
        "of": len(progress.pilots),
        "year": year,
    }
    return clauses([counts_text(count.total), *([reported] if progress.pilots else [])]) + _(".")
