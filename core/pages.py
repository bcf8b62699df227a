"""What all pages do around their own content: the context of their frame, their parameters, and their tables as files.

A page is a view like any other: `@page(…)` names its parameters, and its last line returns the file that was asked for,
or the template: `return export_response(request, tables, title, headline) or render(request, "….html", {…})`. Each
table is a CSV or XLSX file at `?export=<table>.<csv or xlsx>`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial, reduce, wraps
from itertools import chain
from operator import or_
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.module_loading import import_string
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods

from core.caching import cache_page
from core.days import (
    DEMO_LABEL,
    FIRST_DAY,
    adjacent_quarter_ends,
    days_stem,
    demo_notice_rows,
    demonstration_side,
    download_stem,
    is_demonstration,
    known_rows,
    today,
)
from core.errors import choice_error
from core.http import TrackerRequest, check_request
from core.spreadsheets.writer import CoverSheet, SheetSpec, csv_response, workbook_response
from core.storage import CHART_COPY, CHART_HASH, CHART_URL
from core.tables import (
    CALENDAR,
    PAGE_PARAMETERS,
    ActiveFilter,
    Chart,
    Column,
    Subject,
    Table,
    carried_parameters,
    drop_unknown_params,
    make_table,
    url_with,
)
from core.text import OWN_LANGUAGE_NAMES, format_date, join_clauses, label_value

DAY_PARAMETERS = ("as_of", "known", "lang")  # of pages without a table
PAGE_WORKBOOK = "page.xlsx"  # export parameter for all tables of a page in one workbook
View = Callable[..., HttpResponseBase]


accept_page_methods = require_http_methods(["GET", "HEAD", "POST"])


def private_page(view: View) -> View:
    """Decorator of views for signed-in users, whose responses no cache stores."""
    return cache_control(no_store=True, private=True)(login_required(accept_page_methods(view)))


def page(*params: str, known: Collection[str] = PAGE_PARAMETERS, cached: bool = True) -> Callable[[View], View]:
    """Decorator of pages with parameters beside those that every page knows; a cached one is kept for all readers.

    Other parameters are dropped, or rejected where a file is asked for. Files are counted.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: TrackerRequest, **kwargs: str) -> HttpResponseBase:
            drop_unknown_params(request, {*known, *params})
            check_export(request)
            return view(request, **kwargs)

        return accept_page_methods(cache_page(checked) if cached else checked)

    return decorate


def check_export(request: TrackerRequest) -> None:
    """Count a file that a page is asked for, before anything is computed for it. Raises Problem (429, 503)."""
    if request.GET.get("export", CALENDAR) != CALENDAR:
        check_request(request, request.user, "files" if request.user.is_authenticated else "anonymous-files")


def robots(request: HttpRequest) -> HttpResponse:
    """robots.txt: an internal or demonstration site is closed to search engines.

    On a public site they may index the pages in both languages, but not their endless variants by date, order and file.
    """
    closed = settings.SITE_ACCESS == "internal" or is_demonstration(request)
    return render(request, "robots.txt", {"closed": closed}, content_type="text/plain; charset=utf-8")


# -- the frame -----------------------------------------------------------------------------------------


def site_context(request: HttpRequest) -> dict[str, object]:
    """Context processor: `product`, named so because the sign-in view has a variable `site`.

    An error page may be rendered before the as-of date is set: then it is today.
    """
    day = today()
    as_of, known = getattr(request, "as_of", day), getattr(request, "known", day)
    past, known_past = getattr(request, "as_of_past", False), getattr(request, "known_past", False)
    demonstration = is_demonstration(request)
    quarter_before, quarter_after = adjacent_quarter_ends(as_of, day)
    active = get_language()
    product = {
        "name": _("Synergy Pilot Tracker"),
        "version": settings.VERSION,
        "programme": _("National programme for synergy in reducing pollution and carbon emissions"),
        "places": SimpleLazyObject(partial(build_places, request.path, request.GET)),
        "languages": [  # addresses are absolute, for search engines; the visible link only changes the query string
            {
                "code": code,
                "name": OWN_LANGUAGE_NAMES[code],
                "current": code == active,
                "address": request.build_absolute_uri(url_with(request, lang=code)),
            }
            for code, _name in settings.LANGUAGES
        ],
        # What static/js/charts/library.js reads. An isolated site names its own copy alone.
        "chart_library": {
            "local": static(CHART_COPY),
            **({} if settings.ISOLATED else {"cdn": CHART_URL, "integrity": CHART_HASH}),
        },
        "first_day": FIRST_DAY,  # of the date picker
        "today": day,
        "as_of": as_of,
        "past": past,
        "known": known,  # at whose end the records stood as they are shown
        "known_past": known_past,
        "shows_past": past or known_past,
        "quarter_before": quarter_before,  # steps of the date picker; None outside the calendar or in the future
        "quarter_after": quarter_after,
        "demonstration": demonstration,  # demonstration data, marked on every page
        "demonstration_day": demonstration_side()[1] if demonstration else None,  # its own today, if it has one
        "demonstration_band": DEMO_LABEL if demonstration else "",  # label on exported pictures
        "file_prefix": download_stem(request, ""),
        "mail": settings.MAIL,  # whether a link to a new password can be sent
        "provider": settings.OIDC_NAME if settings.OIDC_SERVER else "",  # of single sign-on
        "carried": carried_parameters(request.GET),  # what forms send on
        "known_note": " " + _("From what was on record on %(day)s.") % {"day": format_date(known)}
        if known_past
        else "",
        # This page with both days and the language, so that it shows the same next year.
        "address": request.build_absolute_uri(
            url_with(request, as_of=as_of.isoformat(), known=known.isoformat(), lang=active or settings.LANGUAGE_CODE)
        ),
    }
    return {"product": product}


def build_places(path: str, params: Mapping[str, str]) -> list[dict[str, object]]:
    """Return the places of the menu with their pages; the current page is that whose URL begins the path.

    Links keep the filters that their page shares with others; the current one has none. A place without a record is
    left out, unless the reader is there: one query for all of them.
    """
    menu = import_string(settings.MENU)
    home, *others = [reverse(page.url_name) for place in menu for page in place.pages]
    here = home if path == home else max((root for root in others if path.startswith(root)), key=len, default="")
    asked = {
        str(n): reduce(or_, (Exists(apps.get_model(model)._base_manager.all()) for model in place.models))
        for n, place in enumerate(menu)
        if place.models
    }
    filled: Any = ContentType.objects.order_by().values(**asked).first()
    places: list[dict[str, object]] = []
    for n, place in enumerate(menu):
        pages = []
        for page in place.pages:
            root = reverse(page.url_name)
            shared = {name: params[name] for name in page.shared_params if here and params.get(name)}
            address = f"{root}?{urlencode(shared)}" if shared and root != here else root
            pages.append({"label": page.label, "address": address, "current": root == here})
        current = any(page["current"] for page in pages)
        if current or (filled or {}).get(str(n), True):
            # On a page of a record, what is above it stands in its breadcrumbs.
            tabs = pages if current and path == here and len(pages) > 1 else []
            places.append({"label": place.label, "address": pages[0]["address"], "current": current, "tabs": tabs})
    return places


# -- files ---------------------------------------------------------------------------------------------


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
CalendarWriter = Callable[[TrackerRequest], HttpResponseBase]


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
    request: TrackerRequest, tables: Exports, title: str, headline: str = "", calendar: CalendarWriter | None = None
) -> HttpResponseBase | None:
    """Return the file for `?export=<table>.<csv|xlsx>`, or None for the page itself, and for one without tables.

    `tables` are the tables of the page, `title` and `headline` describe the page. A page of several tables also offers
    them all as one workbook, whose URL is put on the request for the page's link. `?export=ics` asks for
    the calendar, which is linked in the same way.
    """
    if not tables:
        return None
    kinds = [f"{slug}.{kind}" for slug in tables for kind in ("csv", "xlsx")]
    if len(tables) > 1:
        kinds.append(PAGE_WORKBOOK)
        request.workbook = url_with(request, export=PAGE_WORKBOOK, page=None)
    if calendar:
        kinds.append(CALENDAR)
        # The link names the language: the programs that read it ask for none.
        request.calendar_url = url_with(request, lang=get_language(), page=None, sort=None, export=CALENDAR)
    asked = request.GET.get("export")
    if asked is None:
        return None
    if asked not in kinds:
        raise choice_error(asked, kinds, "export")
    if calendar and asked == CALENDAR:
        return calendar(request)

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
    return workbook_response([sheet_spec(export) for export in chosen], cover, stem)


def table_csv(table: Table, cover: CoverSheet, stem: str) -> HttpResponseBase:
    """Return a table as CSV, below lines that start with # and describe it."""
    lines = [*cover.notice, *cover.lines, (_("Rows"), len(table.rows)), (_("Address"), cover.address)]
    texts = [label_value(label, format_date(value) if isinstance(value, date) else value) for label, value in lines]
    head = [*([f"# {text}"] for text in (cover.title, *texts)), [column.label for column in table.columns]]
    return csv_response(chain(head, table.values()), stem, for_excel=True)


def sheet_spec(export: Export) -> SheetSpec:
    table, filters = export.build(), describe_filters(export)
    return SheetSpec(export.title, table.columns, table.values(), export.subtitle, filters, list(export.sources))


def describe_filters(export: Export) -> str:
    return join_clauses(label_value(chip.label, chip.value) for chip in export.chips) or _("none")
