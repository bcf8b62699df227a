"""List pages: filters, active filters, sortable columns and paginated rows."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import F, Model, OrderBy, Q, QuerySet
from django.forms import BoundField, Form
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django_filters import FilterSet

from core.http.errors import BadRequest, ErrorDetail, truncate, unknown_parameter_error
from core.http.request import TrackerRequest
from core.web.tables import AnyColumn, RowStream, Table, make_row_stream, make_table

Record = TypeVar("Record", bound=Model)
ROWS_PER_PAGE = 50
MAX_VISIBLE_FILTERS = 4  # visible filters of a page that does not choose them
FEED_FORMATS = ("ics", "atom")  # values of `export` whose pages are not those of the list
CHUNK_SIZE = 500  # rows fetched at a time for a file
ANNEX_PARAMETER = "print"  # `print=annex`: with the tables of the charts
PAGE_PARAMETERS = {
    "as_of",
    "known",
    "lang",
    "page",
    "sort",
    "export",
    ANNEX_PARAMETER,
}  # base.html refuses the annex without a chart


class ComputedFields(Protocol):
    """Fields of the rows of a list that are computed, not stored."""

    def ordered_keys(self, rows: QuerySet[Any], fields: Sequence[str], word: str) -> Sequence[int] | None:
        """Return the keys of the filtered rows in order; None where neither filter nor order is computed.

        `fields` are those of a stored order, `word` is the value of `sort`.
        """


@dataclass(frozen=True)
class ActiveFilter:
    """Active filter, with the URL that removes it."""

    label: str
    value: str
    remove_url: str


@dataclass(frozen=True)
class SortableHeader:
    """Column header: the URL that sorts by the column, and the current sort direction."""

    column: AnyColumn
    url: str
    state: str  # ascending, descending, none; empty: not sortable


@dataclass(frozen=True)
class FilterBar:
    """Filter bar of a page: form, active filters, and the URL without any."""

    form: Form
    chips: Sequence[ActiveFilter]
    clear_url: str
    first: Sequence[BoundField] = ()  # visible filters
    more: Sequence[BoundField] = ()  # folded filters
    unseen: Sequence[BoundField] = ()  # active filters that only a URL can set
    more_applied: int = 0


@dataclass(frozen=True, kw_only=True)
class ListPage(FilterBar):
    """View model of a list page."""

    slug: str
    count: int
    total: int
    table: Table
    heads: Sequence[SortableHeader]
    page: Page[Any]
    empty: str
    exports: Sequence[Mapping[str, str]]
    rows: Sequence[Any] | QuerySet[Any] = ()  # all filtered rows, in order
    note: str = ""


def search_q(text: str, fields: Sequence[str]) -> Q:
    """Return a Q that finds every word of the text in at least one of the fields; words are taken literally."""
    query = Q()
    for term in unicodedata.normalize("NFKC", text).split():
        anywhere = Q()
        for name in fields:
            anywhere |= Q(**{f"{name}__icontains": term})
        query &= anywhere
    return query


def url_with(request: HttpRequest, **changes: str | None) -> str:
    """Return this page's URL with some parameters changed; None removes one. Export URLs drop the annex."""
    params = request.GET.copy()
    if "export" in changes:
        changes |= {ANNEX_PARAMETER: None}
    for key, value in changes.items():
        params.pop(key, None)
        if value is not None:
            params[key] = value
    query = params.urlencode()
    return f"{request.path}?{query}" if query else request.path


def reject_unknown_params(request: HttpRequest, known: set[str]) -> None:
    """Reject unknown and repeated parameters: a misspelt filter must not show everything. Raises BadRequest."""
    faults = [unknown_parameter_error(name, known) for name in request.GET if name not in known]
    for name, values in request.GET.lists():
        if name in known and len(values) > 1:
            message = _("%(name)s is given %(times)d times. Give it once.") % {"name": name, "times": len(values)}
            faults.append(ErrorDetail(name, "repeated_parameter", message))
    if faults:
        raise BadRequest(*faults)


def drop_unknown_params(request: TrackerRequest, known: set[str]) -> None:
    """Drop the parameters that a page does not know, also from its links, and keep it out of the response cache.

    A file or feed (`export`) rejects them, since a misspelt filter would hand out everything, and so do pages a
    repeated one. Raises BadRequest.
    """
    unknown = [name for name in request.GET if name not in known]
    if unknown and "export" not in request.GET:
        params = request.GET.copy()
        for name in unknown:
            del params[name]
        request.META["QUERY_STRING"] = params.urlencode()
        vars(request).pop("GET", None)  # parsed again on next access
        request.has_unknown_params = True
    reject_unknown_params(request, known)


def form_errors(form: Form) -> list[ErrorDetail]:
    """Return the errors of a filter form, one per message."""
    faults = []
    for name, messages in form.errors.items():
        for message in messages:
            text = _("%(name)s: “%(value)s”. %(message)s")
            value = truncate(form.data.get(name, ""))
            faults.append(ErrorDetail(name, "invalid_value", text % {"name": name, "value": value, "message": message}))
    return faults


def choice_label(form: Form, name: str) -> str:
    """Return the label of the chosen value, rather than its code in the URL."""
    value = form.cleaned_data[name]
    if hasattr(value, "pk"):
        return str(getattr(value, "label", value))
    choices = dict(getattr(form.fields[name], "choices", None) or {})
    return str(choices.get(value, value))


def sort_columns(columns: Sequence[AnyColumn]) -> dict[str, AnyColumn]:
    return {column.sort: column for column in columns if column.sort}


def requested_sort(request: HttpRequest, columns: Sequence[AnyColumn], default: str) -> str:
    """Return the sort parameter. Raises BadRequest for an unknown column."""
    word = request.GET.get("sort", default)
    known = sort_columns(columns)
    if word.removeprefix("-") not in known:
        text = _("sort: “%(value)s” is no column. Use one of %(known)s, with - in front for the other direction.")
        raise BadRequest(
            ErrorDetail("sort", "invalid_choice", text % {"value": truncate(word), "known": ", ".join(known)})
        )
    return word


def sortable_headers(request: HttpRequest, columns: Sequence[AnyColumn], word: str) -> list[SortableHeader]:
    """Return the headers with their sort links; a click on the sorted column reverses it."""
    states = {word.removeprefix("-"): "descending" if word.startswith("-") else "ascending"}
    out = []
    for column in columns:
        state = states.get(column.sort, "none") if column.sort else ""
        target = f"-{column.sort}" if state == "ascending" else column.sort
        out.append(SortableHeader(column, url_with(request, sort=target, page=None) if column.sort else "", state))
    return out


# -- the list ------------------------------------------------------------------------------------------------


def build_filter_bar(request: HttpRequest, filterset: FilterSet, first: Sequence[str] = ()) -> FilterBar:
    """Build the filter bar, with `visible_filters` outside the fold. Raises BadRequest for invalid values."""
    if not filterset.is_valid():
        raise BadRequest(*form_errors(filterset.form))
    form = filterset.form
    clear_url = url_with(request, page=None, **dict.fromkeys(form.fields))
    seen = [field.name for field in form.visible_fields() if "_on" not in field.name]
    front = list(first) or seen[:MAX_VISIBLE_FILTERS]
    more = [name for name in seen if name not in front]
    return FilterBar(
        form=form,
        chips=[
            ActiveFilter(str(field.label), choice_label(form, name), url_with(request, page=None, **{name: None}))
            for name, field in form.fields.items()
            if form.cleaned_data.get(name) not in (None, "", [])
        ],
        clear_url=clear_url,
        first=[form[name] for name in front],
        more=[form[name] for name in more],
        unseen=[field for field in form.visible_fields() if field.name not in seen and form.cleaned_data[field.name]],
        more_applied=sum(form.cleaned_data.get(name) not in (None, "", []) for name in more),
    )


def keys_of(listing: ListPage) -> list[int]:
    """Return the keys of all rows of a filtered list. One query at most."""
    rows = listing.rows
    if isinstance(rows, RowsByKey):
        return list(rows.keys)
    return list(rows.select_related(None).prefetch_related(None).values_list("pk", flat=True))  # type: ignore[union-attr]


class RowsByKey(Sequence[Model]):
    """Sequence of records in the order of given keys, fetched on access: for an order that no field has."""

    def __init__(self, rows: QuerySet[Model], keys: Sequence[int]) -> None:
        self.rows, self.keys = rows, keys

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, at: Any) -> Any:
        if not isinstance(at, slice):
            return self.rows.get(pk=self.keys[at])
        found = self.rows.order_by().in_bulk(self.keys[at])
        return [found[key] for key in self.keys[at] if key in found]

    def iterator(self, chunk_size: int) -> Iterator[Model]:
        for start in range(0, len(self), chunk_size):
            yield from self[start : start + chunk_size]


def build_list_page(
    request: HttpRequest,
    *,
    slug: str,
    filterset: FilterSet,
    columns: Sequence[AnyColumn],
    sort: str,
    total: int,
    empty: str,
    computed: ComputedFields | None = None,
    prefetch: Callable[[Sequence[Any]], None] = lambda _items: None,
    rows_per_page: int = ROWS_PER_PAGE,
    visible_filters: Sequence[str] = (),
    hidden_columns: Callable[[], tuple[set[str], str]] = lambda: (set(), ""),
) -> tuple[ListPage, Callable[[], RowStream]]:
    """Build a list page, and a function that returns its whole table for a file.

    Rows are ordered by the `sort_fields` of the sorted column; the primary key settles ties. `prefetch` gets the items
    of a page, or a chunk of a file, before their rows are made, to fetch what they share in one query.
    `visible_filters` stay outside the fold; `hidden_columns` returns the columns that the page has no use for, and why.
    `computed` filters and sorts by fields that are not stored.

    Raises BadRequest for an invalid filter or sort parameter.
    """
    bar = build_filter_bar(request, filterset, visible_filters)
    word = requested_sort(request, columns, sort)
    rows = sorted_rows(filterset, computed, sort_columns(columns)[word.removeprefix("-")].sort_fields, word)
    pages = Paginator(rows, rows_per_page)
    has_own_pages = request.GET.get("export") in FEED_FORMATS
    page = pages.get_page(1 if has_own_pages else requested_page(request, pages))
    items = list(page.object_list)
    prefetch(items)
    useless, note = (set(), "") if "export" in request.GET else hidden_columns()
    shown = [column for column in columns if not column.file_only and column.key not in useless]
    listing = ListPage(
        **vars(bar),
        slug=slug,
        count=pages.count,
        total=total,
        table=make_table(shown, items),
        heads=sortable_headers(request, shown, word),
        note=note,
        page=page,
        rows=rows,
        empty=empty,
        exports=export_links(request, slug, page=None),
    )
    return listing, lambda: make_row_stream(columns, prefetched_chunks(rows, prefetch), pages.count)


def prefetched_chunks(rows: Any, prefetch: Callable[[Sequence[Any]], None]) -> Iterator[Any]:
    """Yield the items of a file, read and prefetched in chunks."""
    items = rows.iterator(chunk_size=CHUNK_SIZE)
    while some := list(islice(items, CHUNK_SIZE)):
        prefetch(some)
        yield from some


def export_links(request: HttpRequest, slug: str, **changes: str | None) -> list[Mapping[str, str]]:
    """Return the links to a table's files, with other parameters changed as in `url_with`."""
    return [
        {"label": kind.upper(), "url": url_with(request, **{**changes, "export": f"{slug}.{kind}"})}
        for kind in ("csv", "xlsx")
    ]


def sorted_rows(filterset: FilterSet, computed: ComputedFields | None, fields: Sequence[str], word: str) -> Any:
    """Return the filtered rows in order: a queryset, or keys in a computed order."""
    keys = computed.ordered_keys(filterset.qs, fields, word) if computed else None
    if keys is not None:
        return RowsByKey(filterset.queryset, keys)
    return filterset.qs.order_by(*order_expressions(fields, word.startswith("-")), "pk")


def order_expressions(fields: Sequence[str], backwards: bool) -> list[OrderBy]:
    """Return the ORDER BY expressions for these fields."""
    return [F(name).desc(nulls_last=True) if backwards else F(name).asc(nulls_last=True) for name in fields]


def requested_page(request: HttpRequest, pages: Paginator[Any]) -> int:
    """Return the requested page number. Raises BadRequest for a page that does not exist."""
    text = request.GET.get("page", "1")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= pages.num_pages):
        message = _("page: “%(value)s” is not a page of this list. Pages run from 1 to %(last)d.")
        raise BadRequest(
            ErrorDetail("page", "invalid_number", message % {"value": truncate(text), "last": pages.num_pages})
        )
    return int(text)
