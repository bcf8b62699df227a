"""Pages of the pilots."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.charts import Cell, Column
from config.lists import PAGE_WORDS, Exports, build_listing, check_words, exported
from pilots.charts import pilots_url, provinces_chart, reconciliation_table
from pilots.filters import PilotFilter
from pilots.models import Pilot
from pilots.overview import pilots_by_province
from pilots.reconcile import BatchCount, build_reconciliation
from policies.charts import day
from policies.models import Source

ORDER = {
    "name": ["slug"],
    "kind": ["kind"],
    "batch": ["batch__known_by", "batch__slug"],
    "province": ["province__slug"],
    "confidence": ["confidence"],
}
CONFIDENCE_TAGS = {"official": "green", "media": "blue", "inferred": "yellow"}


def pilot_columns() -> list[Column]:
    return [
        Column("name", _("Pilot"), sort="name"),
        Column("kind", _("Kind"), sort="kind"),
        Column("batch", _("Batch"), sort="batch"),
        Column("province", _("Province"), sort="province"),
        Column("prefecture", _("Prefecture")),
        Column("parent", _("Lies in pilot city")),
        Column("industries", _("Industries")),
        Column("confidence", _("Confidence"), sort="confidence"),
    ]


def pilot_cells(pilot: Any) -> Sequence[Cell]:
    industries = _(", ").join(industry.name for industry in pilot.industries.all())
    return [
        Cell(pilot.name, url=pilot.get_absolute_url(), lang=pilot.name_lang),
        Cell(pilot.get_kind_display()),
        Cell(pilot.batch.name, url=pilots_url(batch=pilot.batch.slug), lang=pilot.batch.name_lang),
        Cell(pilot.province.short, url=pilot.province.get_absolute_url()),
        Cell(pilot.prefecture_zh or None, lang="zh" if pilot.prefecture_zh else ""),
        Cell(pilot.parent.name, url=pilot.parent.get_absolute_url()) if pilot.parent else Cell(""),
        Cell(industries or None),
        Cell(pilot.get_confidence_display(), tag=CONFIDENCE_TAGS[pilot.confidence]),
    ]


def pilot_list(request: HttpRequest) -> HttpResponseBase:
    """Every pilot on the day, beside what was announced."""
    check_words(request, {*PAGE_WORDS, *PilotFilter.base_filters})
    as_of = request.as_of  # type: ignore[attr-defined]
    listed = Pilot.objects.listed(as_of)
    rows = listed.select_related("batch", "province", "parent").prefetch_related("industries")
    batches = build_reconciliation(as_of)
    listing, whole = build_listing(
        request,
        slug="pilots",
        filterset=PilotFilter(request.GET, queryset=rows, request=request),
        columns=pilot_columns(),
        row=pilot_cells,
        sort="batch",
        order=ORDER,
        total=sum(item.total.recorded for item in batches),
        empty=_(
            "No recorded pilot matches these filters. Names that were announced but not recorded are missing here."
        ),
    )
    scope = _("Recorded pilots by province, %(n)d in all, as of %(day)s") % {"n": listing.total, "day": day(as_of)}
    sources = list(Source.objects.filter(pilot__in=listed).distinct())
    chart = provinces_chart(pilots_by_province(as_of), scope, sources)
    tables: Exports = {
        "pilots": (_("Pilots"), whole, listing.chips),
        "reconciliation": (_("Announced against recorded"), lambda: reconciliation_table(batches), []),
        chart.slug: (chart.title, lambda: chart.table, []),
    }
    file = exported(request, tables)
    if file is not None:
        return file
    context = {
        "title": _("Pilots"),
        "finding": pilots_finding(batches),
        "listing": listing,
        "chart": chart,
        "reconciliation": reconciliation_table(batches),
    }
    return render(request, "pilots/list.html", context)


def pilots_finding(batches: Sequence[BatchCount]) -> str:
    """One sentence: how many of the announced pilots are on record, batch by batch where it matters."""
    national = [item for item in batches if item.batch.level == "national"]
    if not national:
        return _("No batch is known by this day.")
    latest = national[-1]
    cities, parks = latest.of("city"), latest.of("park")
    text = _(
        "%(cities)d of %(all_cities)s announced cities and %(parks)d of %(all_parks)s announced parks "
        "of the latest national batch are recorded"
    ) % {
        "cities": cities.recorded,
        "all_cities": unknown_as_word(cities.announced),
        "parks": parks.recorded,
        "all_parks": unknown_as_word(parks.announced),
    }
    others = [item for item in batches if item is not latest]
    if not others:
        return text + _(".")
    recorded = sum(item.total.recorded for item in others)
    rest = ngettext("; %(recorded)d pilot of %(n)d other batch.", "; %(recorded)d in %(n)d other batches.", len(others))
    return text + rest % {"recorded": recorded, "n": len(others)}


def unknown_as_word(number: int | None) -> str:
    return _("an unknown number of") if number is None else str(number)


def pilot_detail(request: HttpRequest, slug: str) -> HttpResponseBase:
    """One pilot: what it is, where it lies, what it names, and where that was read."""
    check_words(request, PAGE_WORDS)
    as_of = request.as_of  # type: ignore[attr-defined]
    rows = Pilot.objects.listed(as_of).select_related("batch__policy", "province", "parent")
    pilot = get_object_or_404(rows.prefetch_related("industries", "sources"), slug=slug)
    context = {
        "title": pilot.name,
        "pilot": pilot,
        "batch_url": pilots_url(batch=pilot.batch.slug),
        "finding": pilot_finding(pilot, as_of),
        "crumbs": [{"url": "pilot-list", "label": _("Pilots")}, {"label": pilot.name}],
        "children": pilot.children.listed(as_of),
        "siblings": Pilot.objects.listed(as_of)
        .filter(name_zh=pilot.name_zh, province=pilot.province)
        .exclude(pk=pilot.pk)
        .select_related("batch"),
        "confidence_tag": CONFIDENCE_TAGS[pilot.confidence],
    }
    return render(request, "pilots/detail.html", context)


def pilot_finding(pilot: Pilot, as_of: Any) -> str:
    """One sentence: what kind of pilot, of which batch, and how long the term still runs."""
    text = _("%(kind)s in %(province)s, %(batch)s") % {
        "kind": pilot.get_kind_display().capitalize(),
        "province": pilot.province.short,
        "batch": pilot.batch.name,
    }
    end = pilot.ends_on
    if end is None:
        return text + _("; the term is not known.")
    if end < as_of:
        return text + _("; the term ended on %(day)s.") % {"day": day(end)}
    days = (end - as_of).days
    left = ngettext("; %(n)d day of the term left, to %(day)s.", "; %(n)d days of the term left, to %(day)s.", days)
    return text + left % {"n": days, "day": day(end)}
