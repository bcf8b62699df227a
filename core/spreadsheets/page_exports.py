"""CSV and XLSX exports of the tables of a page: `?export=<table>&format=<csv or xlsx>`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import chain
from types import MappingProxyType

from django.http.response import HttpResponseBase
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from core.http.as_of import days_stem, known_rows
from core.http.errors import BadRequest, ErrorDetail, truncate, unknown_parameter_error
from core.http.request import TrackerRequest, demo_notice_rows, download_stem
from core.spreadsheets.writer import CoverSheet, SheetSpec, csv_response, write_workbook, xlsx_response
from core.text.formatting import format_date, join_clauses, label_value
from core.web.list_pages import ANNEX_PARAMETER, PAGE_PARAMETERS, ActiveFilter, url_with
from core.web.tables import Chart, Column, Subject, Table, make_table

PAGE_WORKBOOK = "page.xlsx"  # export parameter for all tables of a page in one workbook


@dataclass(frozen=True)
class Export:
    """Table that a page offers as a file: title, builder, active filters, what it counts, and its sources.

    The sources may be a query: only a file runs it.
    """

    title: str
    build: Callable[[], Table]
    chips: Sequence[ActiveFilter] = ()
    subtitle: str = ""
    sources: Iterable[object] = ()
    about: Subject | None = None  # its code is in the file name, its name above the table


Exports = dict[str, Export]
FeedWriter = Callable[[TrackerRequest], HttpResponseBase]
Feeds = Mapping[str, FeedWriter]
"""Calendar and feed of a page, by the value of `export` that asks for it: ics, atom."""
FEED_LABELS = {"ics": gettext_lazy("Calendar of due dates (ICS)"), "atom": gettext_lazy("Feed (Atom)")}
FEED_TYPES = {"ics": "text/calendar", "atom": "application/atom+xml"}


def chart_exports(charts: Mapping[str, Chart], applied: Sequence[ActiveFilter] = ()) -> Exports:
    """Return the tables of a page's charts as exports; `applied` are the filters that the charts obey."""
    return {
        chart.slug: Export(
            chart.title, partial(getattr, chart, "table"), applied, chart.subtitle, chart.sources, chart.about
        )
        for chart in charts.values()
    }


def figures_export(figures: Sequence[Mapping[str, object]], applied: Sequence[ActiveFilter] = ()) -> Exports:
    """Return the key figures of a page as an export, where it has any."""
    if not figures:
        return {}
    columns: list[Column[Mapping[str, object]]] = [
        Column("figure", _("Figure"), lambda figure: figure["label"]),
        Column("value", _("Value"), lambda figure: figure.get("value"), kind="decimal"),
        Column("of", _("Of what or in which unit"), lambda figure: figure.get("of")),
        Column("change", _("Change"), lambda figure: figure.get("change")),
        Column("note", _("Note"), lambda figure: figure.get("note")),
    ]
    return {"key-figures": Export(_("Key figures"), lambda: make_table(columns, figures), applied)}


def export_response(
    request: TrackerRequest, tables: Exports, title: str, headline: str = "", feeds: Feeds = MappingProxyType({})
) -> HttpResponseBase | None:
    """Return the file for `?export=<table>.<csv|xlsx>`, or None for the page itself, and for one without tables.

    `tables` are the tables of the page, `title` and `headline` describe the page. A page of several tables also offers
    them all as one workbook, whose URL is put on the request for the page's link. `feeds` are asked for by their names,
    and linked in the same way.
    """
    if not tables:
        return None
    kinds = [f"{slug}.{kind}" for slug in tables for kind in ("csv", "xlsx")]
    if len(tables) > 1:
        kinds.append(PAGE_WORKBOOK)
        request.workbook = url_with(request, export=PAGE_WORKBOOK, page=None)
    kinds += feeds
    # The links to the feeds name the language: the programs that read them ask for none.
    words: dict[str, str | None] = {"lang": get_language(), "page": None, "sort": None}
    request.feeds = [
        {"label": str(FEED_LABELS[kind]), "type": FEED_TYPES[kind], "url": url_with(request, **words, export=kind)}
        for kind in feeds
    ]
    asked = request.GET.get("export")
    if asked is None:
        return None
    if ANNEX_PARAMETER in request.GET:
        raise BadRequest(unknown_parameter_error(ANNEX_PARAMETER, PAGE_PARAMETERS - {ANNEX_PARAMETER}))
    if asked not in kinds:
        text = _("export: “%(value)s” is no table of this page. Known: %(known)s.")
        message = text % {"value": truncate(asked), "known": ", ".join(kinds)}
        raise BadRequest(ErrorDetail("export", "invalid_choice", message))
    if asked in feeds:
        return feeds[asked](request)

    slug, _dot, kind = asked.rpartition(".")
    days = [(_("As of"), request.as_of), *known_rows(request)]
    address, notice = request.build_absolute_uri(url_with(request, export=None, page=None)), demo_notice_rows(request)
    if asked == PAGE_WORKBOOK:
        chosen, cover = list(tables.values()), CoverSheet(title, days, address, notice, headline)
        name = "-".join(filter(None, request.path.split("/"))) or "overview"
    else:
        export = tables[slug]
        about = export.about
        lines = [
            *([(_("Page"), title)] if title != export.title else []),
            *([(about.label, about.name)] if about else []),
            *([(_("Scope"), export.subtitle)] if export.subtitle and kind == "xlsx" else []),
            *days,
            (_("Filter"), describe_filters(export)),
        ]
        chosen, cover = [export], CoverSheet(export.title, lines, address, notice)
        name = f"{slug}-{about.code}" if about else slug
    stem = download_stem(request, f"{name}-{days_stem(request, request.as_of)}")
    if kind == "csv":
        return table_csv(export.build(), cover, stem)
    return xlsx_response(write_workbook([sheet_spec(export) for export in chosen], cover), stem)


def table_csv(table: Table, cover: CoverSheet, stem: str) -> HttpResponseBase:
    """Return a table as CSV, below lines that start with # and describe it."""
    lines = [*cover.notice, *cover.lines, (_("Rows"), len(table.rows)), (_("Address"), cover.address)]
    texts = [(label, format_date(value) if isinstance(value, date) else value) for label, value in lines]
    head = [[f"# {cover.title}"], *([f"# {label_value(label, text)}"] for label, text in texts)]
    values = ([cell.value for cell in row] for row in table.rows)
    return csv_response(chain(head, [[column.label for column in table.columns]], values), stem, for_excel=True)


def sheet_spec(export: Export) -> SheetSpec:
    """Return a table as a sheet."""
    table = export.build()
    values = ([cell.value for cell in row] for row in table.rows)
    filters = describe_filters(export)
    return SheetSpec(export.title, table.columns, values, export.subtitle, filters, list(export.sources))


def describe_filters(export: Export) -> str:
    return join_clauses(label_value(chip.label, chip.value) for chip in export.chips) or _("none")
