"""A list page: filters as chips, sorted columns, pages of rows, and a file of exactly what is shown."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import Any

from django.core.paginator import Paginator
from django.db.models import F, OrderBy, Q, QuerySet
from django.forms import BoundField, Form
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.dateformat import format as format_date
from django.utils.formats import get_format
from django.utils.translation import gettext as _
from django_filters import FilterSet

from config.chart_state import CHART_PARAMETERS
from config.charts import Cell, Chart, Column, Subject, Table
from config.demonstration import file_lines, file_stem
from config.exports import csv_response, xlsx_response
from config.facets import Facets, build_facets, put_counts
from config.faults import BadRequest, Fault, short, unknown_parameter
from config.words import clauses, labelled
from config.workbooks import Cover, Part, write_workbook

ROWS_ON_A_PAGE = 50
MOST_FIRST = 4  # filters in sight where a page does not say which
CHUNK = 500  # rows fetched at a time for a file
WHOLE_PAGE = "page.xlsx"  # the word in the address for all tables of a page in one workbook
PAGE_WORDS = {"as_of", "lang", "page", "sort", "export", *CHART_PARAMETERS}  # base.html refuses them without a chart


@dataclass(frozen=True)
class Chip:
    """One filter that is applied, and the address without it."""

    label: str
    value: str
    remove_url: str


@dataclass(frozen=True)
class Head:
    """A column's heading: where it can be sorted, the address that sorts it and how it is sorted now."""

    column: Column
    url: str
    state: str  # ascending, descending, none; empty where the column cannot be sorted


@dataclass(frozen=True)
class FilterBar:
    """The filters of a page: their form, those in force, and the address without any."""

    form: Form
    chips: Sequence[Chip]
    clear_url: str
    first: Sequence[BoundField] = ()  # the filters that are always in sight
    more: Sequence[BoundField] = ()  # those behind them, folded
    unseen: Sequence[BoundField] = ()  # what only an address can ask, where it does
    more_applied: int = 0


@dataclass(frozen=True, kw_only=True)
class Listing(FilterBar):
    """All that the list part of a page shows."""

    slug: str
    count: int
    total: int
    table: Table
    heads: Sequence[Head]
    page: Any
    empty: str
    exports: Sequence[Mapping[str, str]]
    alike: str = ""  # what the columns say that are left out, since all rows say the same
    note: str = ""


def terms_query(text: str, fields: Sequence[str]) -> Q:
    """Every word of the text stands in at least one of the fields; the words are taken literally."""
    query = Q()
    for term in unicodedata.normalize("NFKC", text).split():
        anywhere = Q()
        for name in fields:
            anywhere |= Q(**{f"{name}__icontains": term})
        query &= anywhere
    return query


def address(request: HttpRequest, **changes: str | None) -> str:
    """This page's address with some parameters changed; None removes one. A file has no open chart."""
    params = request.GET.copy()
    if "export" in changes:
        changes |= dict.fromkeys(CHART_PARAMETERS)
    for key, value in changes.items():
        params.pop(key, None)
        if value is not None:
            params[key] = value
    query = params.urlencode()
    return f"{request.path}?{query}" if query else request.path


def check_words(request: HttpRequest, known: set[str]) -> None:
    """Refuse a parameter this page does not know, and one given twice: a misspelt filter must not show everything."""
    faults = [unknown_parameter(name, known) for name in request.GET if name not in known]
    for name, values in request.GET.lists():
        if name in known and len(values) > 1:
            message = _("%(name)s is given %(times)d times. Give it once.") % {"name": name, "times": len(values)}
            faults.append(Fault(name, "repeated_parameter", message))
    if faults:
        raise BadRequest(*faults)


def form_faults(form: Form) -> list[Fault]:
    """What a filter form could not read, one fault per message."""
    faults = []
    for name, messages in form.errors.items():
        for message in messages:
            text = _("%(name)s: “%(value)s”. %(message)s")
            value = short(form.data.get(name, ""))
            faults.append(Fault(name, "invalid_value", text % {"name": name, "value": value, "message": message}))
    return faults


def choice_label(form: Form, name: str) -> str:
    """What the reader picked, in words rather than as the address writes it."""
    value = form.cleaned_data[name]
    if hasattr(value, "pk"):
        return str(getattr(value, "label", value))
    choices = dict(getattr(form.fields[name], "choices", None) or {})
    return str(choices.get(value, value))


def chips(request: HttpRequest, form: Form) -> list[Chip]:
    """The filters in force, each with the address that lifts it."""
    return [
        Chip(str(field.label), choice_label(form, name), address(request, page=None, **{name: None}))
        for name, field in form.fields.items()
        if form.cleaned_data.get(name) not in (None, "", [])
    ]


def sort_words(columns: Sequence[Column]) -> dict[str, Column]:
    return {column.sort: column for column in columns if column.sort}


def chosen_sort(request: HttpRequest, columns: Sequence[Column], default: str) -> str:
    """The ordering word of the address. Raises BadRequest for one the table has no column for."""
    word = request.GET.get("sort", default)
    known = sort_words(columns)
    if word.removeprefix("-") not in known:
        text = _("sort: “%(value)s” is no column. Use one of %(known)s, with - in front for the other direction.")
        raise BadRequest(Fault("sort", "invalid_choice", text % {"value": short(word), "known": ", ".join(known)}))
    return word


def heads(request: HttpRequest, columns: Sequence[Column], word: str) -> list[Head]:
    """The headings with their sorting links; a click on the sorted one turns its direction."""
    states = {word.removeprefix("-"): "descending" if word.startswith("-") else "ascending"}
    out = []
    for column in columns:
        state = states.get(column.sort, "none") if column.sort else ""
        target = f"-{column.sort}" if state == "ascending" else column.sort
        out.append(Head(column, address(request, sort=target, page=None) if column.sort else "", state))
    return out


# -- files ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stream:
    """A table too long to be held: its rows are read once, while the file is written."""

    columns: Sequence[Column]
    rows: Iterable[Sequence[Cell]]
    count: int


@dataclass(frozen=True)
class Export:
    """A table that a page gives as a file: its heading, what builds it, the filters it obeys, what it counts, and
    where that was read. The sources may be a query: only a file asks it."""

    title: str
    build: Callable[[], Table | Stream]
    chips: Sequence[Chip] = ()
    subtitle: str = ""
    sources: Iterable[Any] = ()
    about: Subject | None = None  # its code stands in the name of the file, its name above the table


Exports = dict[str, Export]


def chart_exports(charts: Mapping[str, Chart], applied: Sequence[Chip] = ()) -> Exports:
    """The tables of a page's charts, for its files; `applied` are the filters that the charts obey."""
    return {
        chart.slug: Export(
            chart.title, partial(getattr, chart, "table"), applied, chart.subtitle, chart.sources, chart.about
        )
        for chart in charts.values()
    }


def figures_export(figures: Sequence[Mapping[str, Any]], applied: Sequence[Chip] = ()) -> Exports:
    """The key figures at the head of a page, where it has any."""
    columns = [
        Column("figure", _("Figure")),
        Column("value", _("Value"), "decimal"),
        Column("of", _("Of what or in which unit")),
        Column("change", _("Change")),
        Column("note", _("Note")),
    ]
    names = ("label", "value", "of", "change", "note")
    rows = [[Cell(figure.get(name)) for name in names] for figure in figures]
    return {"key-figures": Export(_("Key figures"), lambda: Table(columns, rows), applied)} if figures else {}


def exported(request: HttpRequest, tables: Exports, title: str, finding: str = "") -> HttpResponseBase | None:
    """The file that `?export=<table>.<csv|xlsx>` asks for, or None when the page itself is wanted.

    `tables` names the tables of the page, `title` and `finding` the page itself. A page of several tables also gives
    them all as one workbook: the request then knows its address, for the link on the page.
    """
    kinds = [f"{slug}.{kind}" for slug in tables for kind in ("csv", "xlsx")]
    if len(tables) > 1:
        kinds.append(WHOLE_PAGE)
        request.workbook = address(request, export=WHOLE_PAGE, page=None)  # type: ignore[attr-defined]
    asked = request.GET.get("export")
    if asked is None:
        return None
    if stray := [name for name in CHART_PARAMETERS if name in request.GET]:
        raise BadRequest(*(unknown_parameter(name, PAGE_WORDS - set(CHART_PARAMETERS)) for name in stray))
    if asked not in kinds:
        text = _("export: “%(value)s” is no table of this page. Known: %(known)s.")
        message = text % {"value": short(asked), "known": ", ".join(kinds)}
        raise BadRequest(Fault("export", "invalid_choice", message))
    if asked == WHOLE_PAGE:
        return page_file(request, tables, title, finding)
    slug, _dot, kind = asked.rpartition(".")
    make, about = csv_table if kind == "csv" else xlsx_table, tables[slug].about
    return make(request, tables[slug], title, day_stem(request, f"{slug}-{about.code}" if about else slug))


def day_stem(request: HttpRequest, slug: str) -> str:
    """The name of a file: what it holds and as of which day."""
    return file_stem(request, f"{slug}-{request.as_of}")  # type: ignore[attr-defined]


def csv_table(request: HttpRequest, export: Export, page: str, stem: str) -> HttpResponseBase:
    """A table as CSV, below lines that start with # and say what it is."""
    table = export.build()
    count = table.count if isinstance(table, Stream) else len(table.rows)
    day = format_date(request.as_of, get_format("DATE_FORMAT"))  # type: ignore[attr-defined]
    lines = [
        *file_lines(request),
        *of_which_page(export, page),
        (_("As of"), day),
        (_("Filter"), filter_words(export.chips)),
        (_("Rows"), count),
        (_("Address"), page_address(request)),
    ]
    preamble = [[f"# {export.title}"], *([f"# {labelled(label, text)}"] for label, text in lines)]
    return csv_response(chain(preamble, [heads_of(table)], values(table)), stem, for_excel=True)


def xlsx_table(request: HttpRequest, export: Export, page: str, stem: str) -> HttpResponseBase:
    """A table as a workbook of its own."""
    lines = [
        *of_which_page(export, page),
        *([(_("Scope"), export.subtitle)] if export.subtitle else []),
        (_("As of"), request.as_of),  # type: ignore[attr-defined]
        (_("Filter"), filter_words(export.chips)),
    ]
    cover = Cover(export.title, lines, page_address(request), file_lines(request))
    return xlsx_response(write_workbook([part_of(export)], cover), stem)


def page_file(request: HttpRequest, tables: Exports, title: str, finding: str) -> HttpResponseBase:
    """All tables of a page as one workbook."""
    day = (_("As of"), request.as_of)  # type: ignore[attr-defined]
    cover = Cover(title, [day], page_address(request), file_lines(request), finding)
    name = "-".join(filter(None, request.path.split("/"))) or "overview"
    file = write_workbook([part_of(export) for export in tables.values()], cover)
    return xlsx_response(file, day_stem(request, name))


def part_of(export: Export) -> Part:
    """A table as a sheet."""
    table = export.build()
    filtered = filter_words(export.chips)
    return Part(export.title, table.columns, values(table), export.subtitle, filtered, list(export.sources))


def heads_of(table: Table | Stream) -> list[str]:
    return [column.label for column in table.columns]


def values(table: Table | Stream) -> Iterator[list[Any]]:
    for row in table.rows:
        yield [cell.value for cell in row]


def of_which_page(export: Export, page: str) -> list[tuple[str, Any]]:
    """Which page a table belongs to, where its heading does not say that, and which record its numbers speak of."""
    about = [(export.about.label, export.about.name)] if export.about else []
    return [*([(_("Page"), page)] if page != export.title else []), *about]


def filter_words(applied: Sequence[Chip]) -> str:
    return clauses(labelled(chip.label, chip.value) for chip in applied) or _("none")


def page_address(request: HttpRequest) -> str:
    """The address that shows the same again."""
    return request.build_absolute_uri(address(request, export=None, page=None))


# -- the list ------------------------------------------------------------------------------------------------


def filter_bar(request: HttpRequest, filterset: FilterSet, first: Sequence[str] = ()) -> FilterBar:
    """The filters of a page, the `first` of them in sight. Raises BadRequest, naming each that cannot be read."""
    if not filterset.is_valid():
        raise BadRequest(*form_faults(filterset.form))
    form = filterset.form
    clear_url = address(request, page=None, **dict.fromkeys(form.fields))
    seen = [name for name in form.fields if "_on" not in name]
    front = list(first) or seen[:MOST_FIRST]
    more = [name for name in seen if name not in front]
    return FilterBar(
        form=form,
        chips=chips(request, form),
        clear_url=clear_url,
        first=[form[name] for name in front],
        more=[form[name] for name in more],
        unseen=[form[name] for name in form.fields if name not in seen and form.cleaned_data.get(name)],
        more_applied=sum(form.cleaned_data.get(name) not in (None, "", []) for name in more),
    )


class PickedRows(Sequence[Any]):
    """Records by their keys, in this order, fetched as they are looked at: an order that no field has."""

    def __init__(self, rows: QuerySet[Any], keys: Sequence[Any]) -> None:
        self.rows, self.keys = rows, keys

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, at: Any) -> Any:
        if not isinstance(at, slice):
            return self.rows.get(pk=self.keys[at])
        found = self.rows.order_by().in_bulk(self.keys[at])
        return [found[key] for key in self.keys[at] if key in found]

    def iterator(self, chunk_size: int) -> Iterator[Any]:
        for start in range(0, len(self), chunk_size):
            yield from self[start : start + chunk_size]


def build_listing(
    request: HttpRequest,
    *,
    slug: str,
    filterset: FilterSet,
    columns: Sequence[Column],
    row: Callable[[Any], Sequence[Cell]],
    ahead: Callable[[Sequence[Any]], None] = lambda _items: None,
    sort: str,
    order: Mapping[str, Sequence[str]],
    total: int,
    empty: str,
    on_page: int = ROWS_ON_A_PAGE,
    first: Sequence[str] = (),
    left_out: Callable[[], tuple[set[str], str]] = lambda: (set(), ""),
) -> tuple[Listing, Callable[[], Stream]]:
    """The listing of a page and a function that reads its whole table for a file.

    `order` says for each sorting word by which fields rows are ordered; the key settles ties. `ahead` is given the
    items of a page, or some of a file's at a time, before their rows are made: what all of them need is asked at once.
    `first` are the filters in sight; `left_out` says which columns the page has no use for, and why. A filterset that
    computes what rows are sorted or narrowed by gives them as `picked`, keys in order.
    Raises BadRequest when a filter or the sorting cannot be read.
    """
    bar = filter_bar(request, filterset, first)
    word = chosen_sort(request, columns, sort)
    rows = arranged(filterset, order[word.removeprefix("-")], word)
    pages = Paginator(rows, on_page)
    page = pages.get_page(page_number(request, pages))
    items = list(page.object_list)
    ahead(items)
    facets = Facets() if "export" in request.GET else build_facets(filterset)  # a file has no choices
    useless, note = (set(), "") if "export" in request.GET else left_out()
    put_counts(bar.form, facets)
    alike = same_everywhere(bar, facets, columns, useless) if pages.count > 1 else {}
    shown = [at for at, column in enumerate(columns) if not column.file_only and column.key not in {*useless, *alike}]
    listing = Listing(
        **vars(bar),
        slug=slug,
        count=pages.count,
        total=total,
        table=Table([columns[at] for at in shown], [[cells[at] for at in shown] for cells in map(row, items)]),
        heads=heads(request, [columns[at] for at in shown], word),
        alike=clauses(labelled(*said) for said in alike.values() if said),
        note=note,
        page=page,
        empty=empty,
        exports=[
            {"label": kind.upper(), "url": address(request, export=f"{slug}.{kind}", page=None)}
            for kind in ("csv", "xlsx")
        ],
    )

    def every_row() -> Iterator[Sequence[Cell]]:
        items = rows.iterator(chunk_size=CHUNK)
        while some := list(islice(items, CHUNK)):
            ahead(some)
            yield from map(row, some)

    return listing, lambda: Stream(columns, every_row(), pages.count)


def same_everywhere(
    bar: FilterBar, facets: Facets, columns: Sequence[Column], useless: set[str]
) -> dict[str, tuple[str, str] | None]:
    """By key, each column in which all rows of the list say the same: its heading and that word, for the line above.

    None where a chip says it already. The first column names the rows and always stays.
    """
    out: dict[str, tuple[str, str] | None] = {}
    for column in columns[1:]:
        value = facets.alike.get(column.key)
        if value is None or column.key in useless:
            continue
        label = facets.labels[column.key].get(value, value)
        out[column.key] = None if bar.form.cleaned_data.get(column.key) else (column.label, label)
    return out


def arranged(filterset: FilterSet, fields: Sequence[str], word: str) -> Any:
    """The rows that the filters leave, in order: a query, or keys in an order that was computed."""
    picked = getattr(filterset, "picked", None)
    keys = picked(fields, word) if picked else None
    if keys is not None:
        return PickedRows(filterset.queryset, keys)
    return ordered(filterset.qs, fields, word.startswith("-"))


def ordered(rows: QuerySet[Any], fields: Sequence[str], backwards: bool) -> QuerySet[Any]:
    """Rows in the order asked for, empty values last in either direction, ties settled by the key."""
    return rows.order_by(*in_order(fields, backwards), "pk")


def in_order(fields: Sequence[str], backwards: bool) -> list[OrderBy]:
    """What a query is ordered by for these fields."""
    return [F(name).desc(nulls_last=True) if backwards else F(name).asc(nulls_last=True) for name in fields]


def page_number(request: HttpRequest, pages: Paginator[Any]) -> int:
    """The page asked for. Raises BadRequest for what is not a page of this list."""
    text = request.GET.get("page", "1")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= pages.num_pages):
        message = _("page: “%(value)s” is not a page of this list. Pages run from 1 to %(last)d.")
        raise BadRequest(Fault("page", "invalid_number", message % {"value": short(text), "last": pages.num_pages}))
    return int(text)
