"""The page of a batch: announced against recorded, how far it has come, and how it compares at the same age."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.charts import Chart
from config.faults import BadRequest, Fault, short
from config.journal import ENTRY_WORD, history_exports, history_tab
from config.kept import kept_page
from config.lists import PAGE_WORDS, Export, Exports, chart_exports, check_words, exported
from config.words import clauses
from pilots.charts import (
    cohort_chart,
    funnel_chart,
    light_strip,
    lights_table,
    pilots_url,
    plan_lag_chart,
    reconciliation_table,
    stay_chart,
)
from pilots.cohorts import Cohorts, build_cohorts, stage_times
from pilots.journal import batch_journal
from pilots.models import Batch, StageEntry
from pilots.progress import Progress
from pilots.reconcile import BatchCount, build_reconciliation
from pilots.views.shared import sources_of


@kept_page
def batch_detail(request: HttpRequest, slug: str) -> HttpResponseBase:
    """One batch of pilots."""
    check_words(request, {*PAGE_WORDS, "age", ENTRY_WORD})
    as_of = request.as_of  # type: ignore[attr-defined]
    rows = Batch.objects.known(as_of).select_related("policy", "province").prefetch_related("sources")
    batch = get_object_or_404(rows, slug=slug)
    cohorts = build_cohorts(batch, as_of, chosen_age(request))
    progress = cohorts.batches[0].pilots
    count = next(item for item in build_reconciliation(as_of) if item.batch.pk == batch.pk)
    charts = batch_charts(batch, progress, cohorts)
    pilots = lights_table(progress, pilots_url(batch=batch.slug))
    journal = batch_journal(batch, as_of, request.user)
    finding, sources = batch_finding(count, progress), batch.sources.all()
    tables: Exports = {
        **chart_exports(charts),
        "reconciliation": Export(
            _("Announced against recorded"), lambda: reconciliation_table([count]), sources=sources
        ),
        "pilots": Export(_("Pilots"), lambda: pilots, sources=charts["lights"].sources if charts else sources),
    }
    file = exported(request, tables | history_exports(journal), batch.name, finding)
    if file is not None:
        return file
    context = {
        "title": batch.name,
        "batch": batch,
        "history": history_tab(request, journal),
        "finding": finding,
        "crumbs": [{"url": "pilot-list", "label": _("Pilots")}, {"label": batch.name}],
        "charts": charts,
        "cohorts": cohorts,
        "progress": progress,
        "reconciliation": reconciliation_table([count], named=False),
        "pilots": pilots,
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
    n = ngettext("%(n)d recorded pilot", "%(n)d recorded pilots", len(keys)) % {"n": len(keys)}
    as_of, mine = progress.as_of, {"batch": batch.slug}
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
    total: Any = count.total
    if total.announced is None:
        text = _("%(n)d pilots recorded, number not announced") % {"n": total.recorded}
    else:
        text = _("%(n)d of %(announced)d announced pilots are recorded") % {
            "n": total.recorded,
            "announced": total.announced,
        }
    reported = _("%(n)d of %(of)d have an accepted value for the last year due") % {
        "n": progress.reported,
        "of": len(progress.pilots),
    }
    return clauses([text, reported]) + _(".")
