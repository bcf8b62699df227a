"""A list page: filters as chips, sorted columns, pages of rows, and a file of exactly what is shown."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.core.paginator import Paginator
from django.db.models import F, Q, QuerySet
from django.forms import Form
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.dateformat import format as format_date
from django.utils.formats import get_format
from django.utils.translation import gettext as _
from django_filters import FilterSet

from config.charts import Cell, Chart, Column, Table
from config.demonstration import file_lines, file_stem
from config.exports import table_response
from config.faults import BadRequest, Fault, short, unknown_parameter
from config.words import clauses, labelled

ROWS_ON_A_PAGE = 50
PAGE_WORDS = {"as_of", "lang", "page", "sort", "export"}


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


@dataclass(frozen=True)
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
    """This page's address with some parameters changed; None removes one."""
    params = request.GET.copy()
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
    choices = dict(getattr(form.fields[name], "choices", None) or {}) if not hasattr(value, "pk") else {}
    return str(choices.get(value, getattr(value, "name", value)))


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


def about_lines(request: HttpRequest, count: int, applied: Sequence[Chip]) -> list[tuple[str, str]]:
    """What a file says of itself: the day, the filter, the count and the address that makes it again."""
    filters = clauses(labelled(chip.label, chip.value) for chip in applied) or _("none")
    return [
        *file_lines(request),
        (_("As of"), format_date(request.as_of, get_format("DATE_FORMAT"))),  # type: ignore[attr-defined]
        (_("Filter"), filters),
        (_("Rows"), str(count)),
        (_("Address"), request.build_absolute_uri(address(request, export=None, page=None))),
    ]


Exports = dict[str, tuple[str, Callable[[], Table], Sequence[Chip]]]


def chart_exports(charts: Mapping[str, Chart], applied: Sequence[Chip] = ()) -> Exports:
    """The tables of a page's charts, for its files; `applied` are the filters that the charts obey."""
    return {chart.slug: (chart.title, partial(getattr, chart, "table"), applied) for chart in charts.values()}


def exported(request: HttpRequest, tables: Exports) -> HttpResponseBase | None:
    """The file that `?export=<table>.<csv|xlsx>` asks for, or None when the page itself is wanted.

    `tables` maps a table's slug to its title, a function that builds it, and the filters it obeys.
    """
    asked = request.GET.get("export")
    if asked is None:
        return None
    slug, _dot, kind = asked.rpartition(".")
    if slug not in tables or kind not in {"csv", "xlsx"}:
        known = ", ".join(f"{name}.csv, {name}.xlsx" for name in tables)
        text = _("export: “%(value)s” is no table of this page. Known: %(known)s.")
        raise BadRequest(Fault("export", "invalid_choice", text % {"value": short(asked), "known": known}))
    heading, build, applied = tables[slug]
    table = build()
    about = about_lines(request, len(table.rows), applied)
    stem = file_stem(request, f"{slug}-{request.as_of}")  # type: ignore[attr-defined]
    return table_response(table, kind, stem, heading, about)


def filter_bar(request: HttpRequest, filterset: FilterSet) -> FilterBar:
    """The filters of a page. Raises BadRequest, naming each filter that cannot be read."""
    if not filterset.is_valid():
        raise BadRequest(*form_faults(filterset.form))
    form = filterset.form
    clear_url = address(request, page=None, **dict.fromkeys(form.fields))
    return FilterBar(form, chips(request, form), clear_url)


def build_listing(
    request: HttpRequest,
    *,
    slug: str,
    filterset: FilterSet,
    columns: Sequence[Column],
    row: Callable[[Any], Sequence[Cell]],
    sort: str,
    order: Mapping[str, Sequence[str]],
    total: int,
    empty: str,
) -> tuple[Listing, Callable[[], Table]]:
    """The listing of a page and a function that builds its whole table for a file.

    `order` says for each sorting word by which fields rows are ordered; the key settles ties.
    Raises BadRequest when a filter or the sorting cannot be read.
    """
    bar = filter_bar(request, filterset)
    word = chosen_sort(request, columns, sort)
    rows = ordered(filterset.qs, order[word.removeprefix("-")], word.startswith("-"))
    pages = Paginator(rows, ROWS_ON_A_PAGE)
    page = pages.get_page(page_number(request, pages))
    listing = Listing(
        slug=slug,
        form=bar.form,
        chips=bar.chips,
        clear_url=bar.clear_url,
        count=pages.count,
        total=total,
        table=Table(columns, [row(item) for item in page.object_list]),
        heads=heads(request, columns, word),
        page=page,
        empty=empty,
        exports=[
            {"label": kind.upper(), "url": address(request, export=f"{slug}.{kind}", page=None)}
            for kind in ("csv", "xlsx")
        ],
    )
    return listing, lambda: Table(columns, [row(item) for item in rows])


def ordered(rows: QuerySet[Any], fields: Sequence[str], backwards: bool) -> QuerySet[Any]:
    """Rows in the order asked for, empty values last in either direction, ties settled by the key."""
    keys = [F(name).desc(nulls_last=True) if backwards else F(name).asc(nulls_last=True) for name in fields]
    return rows.order_by(*keys, "pk")


def page_number(request: HttpRequest, pages: Paginator[Any]) -> int:
    """The page asked for. Raises BadRequest for what is not a page of this list."""
    text = request.GET.get("page", "1")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= pages.num_pages):
        message = _("page: “%(value)s” is not a page of this list. Pages run from 1 to %(last)d.")
        raise BadRequest(Fault("page", "invalid_number", message % {"value": short(text), "last": pages.num_pages}))
    return int(text)
