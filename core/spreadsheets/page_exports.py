"""CSV and XLSX exports of the tables of a page: `?export=<table>&format=<csv or xlsx>`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from types import MappingProxyType

from django.http.response import HttpResponseBase
from django.utils.dateformat import format as format_date
from django.utils.formats import get_format
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from core.http.as_of import days_stem, known_rows
from core.http.errors import BadRequest, ErrorDetail, truncate, unknown_parameter_error
from core.http.request import TrackerRequest, demo_notice_rows, download_stem
from core.spreadsheets.file_responses import csv_response, xlsx_response
from core.spreadsheets.xlsx_writer import CoverSheet, SheetSpec, write_workbook
from core.text.formatting import join_clauses, label_value
from core.web.list_pages import ANNEX_PARAMETER, PAGE_PARAMETERS, ActiveFilter, url_with
from core.web.tables import Chart, Column, RowStream, Subject, Table, make_table

PAGE_WORKBOOK = "page.xlsx"  # export parameter for all tables of a page in one workbook


@dataclass(frozen=True)
class Export:
    """Table that a page offers as a file: title, builder, active filters, what it counts, and its sources.

    The sources may be a query: only a file runs it.
    """

    title: str
    build: Callable[[], Table | RowStream]
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
    request.feeds = feed_links(request, feeds)
    asked = request.GET.get("export")
    if asked is None:
        return None
    if ANNEX_PARAMETER in request.GET:
        raise BadRequest(unknown_parameter_error(ANNEX_PARAMETER, PAGE_PARAMETERS - {ANNEX_PARAMETER}))
    if asked not in kinds:
        text = _("export: “%(value)s” is no table of this page. Known: %(known)s.")
        message = text % {"value": truncate(asked), "known": ", ".join(kinds)}
        raise BadRequest(ErrorDetail("export", "invalid_choice", message))
    if asked == PAGE_WORKBOOK:
        return page_workbook_response(request, tables, title, headline)
    if asked in feeds:
        return feeds[asked](request)
    slug, _dot, kind = asked.rpartition(".")
    make, about = csv_file_response if kind == "csv" else xlsx_file_response, tables[slug].about
    return make(request, tables[slug], title, dated_stem(request, f"{slug}-{about.code}" if about else slug))


def feed_links(request: TrackerRequest, feeds: Feeds) -> list[Mapping[str, str]]:
    """Return the links to a page's feeds. They name the language: the programs that read them ask for none."""
    words: dict[str, str | None] = {"lang": get_language(), "page": None, "sort": None}
    return [
        {
            "label": str(FEED_LABELS[kind]),
            "type": FEED_TYPES[kind],
            "url": url_with(request, **words, export=kind),
        }
        for kind in feeds
    ]


def dated_stem(request: TrackerRequest, slug: str) -> str:
    """Return the file name stem: table, as-of date and, of a past one, the day of the records."""
    return download_stem(request, f"{slug}-{days_stem(request, request.as_of)}")


def csv_file_response(request: TrackerRequest, export: Export, page: str, stem: str) -> HttpResponseBase:
    """Return a table as CSV, below lines that start with # and describe it."""
    table = export.build()
    count = table.count if isinstance(table, RowStream) else len(table.rows)
    day = format_date(request.as_of, get_format("DATE_FORMAT"))
    lines = [
        *demo_notice_rows(request),
        *context_rows(export, page),
        (_("As of"), day),
        *((label, format_date(known, get_format("DATE_FORMAT"))) for label, known in known_rows(request)),
        (_("Filter"), describe_filters(export.chips)),
        (_("Rows"), count),
        (_("Address"), page_url(request)),
    ]
    preamble = [[f"# {export.title}"], *([f"# {label_value(label, text)}"] for label, text in lines)]
    return csv_response(chain(preamble, [header_labels(table)], cell_values(table)), stem, for_excel=True)


def xlsx_file_response(request: TrackerRequest, export: Export, page: str, stem: str) -> HttpResponseBase:
    """Return a table as a workbook of its own."""
    lines = [
        *context_rows(export, page),
        *([(_("Scope"), export.subtitle)] if export.subtitle else []),
        (_("As of"), request.as_of),
        *known_rows(request),
        (_("Filter"), describe_filters(export.chips)),
    ]
    cover = CoverSheet(export.title, lines, page_url(request), demo_notice_rows(request))
    return xlsx_response(write_workbook([sheet_spec(export)], cover), stem)


def page_workbook_response(request: TrackerRequest, tables: Exports, title: str, finding: str) -> HttpResponseBase:
    """Return all tables of a page as one workbook."""
    days = [(_("As of"), request.as_of), *known_rows(request)]
    cover = CoverSheet(title, days, page_url(request), demo_notice_rows(request), finding)
    name = "-".join(filter(None, request.path.split("/"))) or "overview"
    file = write_workbook([sheet_spec(export) for export in tables.values()], cover)
    return xlsx_response(file, dated_stem(request, name))


def sheet_spec(export: Export) -> SheetSpec:
    """Return a table as a sheet."""
    table = export.build()
    filtered = describe_filters(export.chips)
    return SheetSpec(export.title, table.columns, cell_values(table), export.subtitle, filtered, list(export.sources))


def header_labels(table: Table | RowStream) -> list[str]:
    return [column.label for column in table.columns]


def cell_values(table: Table | RowStream) -> Iterator[list[object]]:
    for row in table.rows:
        yield [cell.value for cell in row]


def context_rows(export: Export, page: str) -> list[tuple[str, object]]:
    """Return the page that a table belongs to, unless its title says it, and the record that its figures refer to."""
    about = [(export.about.label, export.about.name)] if export.about else []
    return [*([(_("Page"), page)] if page != export.title else []), *about]


def describe_filters(applied: Sequence[ActiveFilter]) -> str:
    return join_clauses(label_value(chip.label, chip.value) for chip in applied) or _("none")


def page_url(request: TrackerRequest) -> str:
    """Return the absolute URL that shows the same page again."""
    return request.build_absolute_uri(url_with(request, export=None, page=None))
