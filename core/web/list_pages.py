"""List pages: addresses with parameters, active filters, sortable columns and paginated rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from types import MappingProxyType
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.core.paginator import Paginator
from django.db.models import F, QuerySet
from django.forms import Form
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django_filters import FilterSet

from core.http.errors import BadRequest, ErrorDetail, truncate, unknown_parameter_error
from core.http.request import TrackerRequest
from core.text.formatting import format_date
from core.web.tables import AnyColumn, Table, make_table

ROWS_PER_PAGE = 50
MAX_VISIBLE_FILTERS = 4  # visible filters of a page that does not choose them
FEED_FORMATS = ("ics", "atom")  # values of `export` whose pages are not those of the list
CHUNK_SIZE = 500  # rows fetched at a time for a file
ANNEX_PARAMETER = "print"  # `print=annex`: with the tables of the charts
PAGE_PARAMETERS = frozenset({"as_of", "known", "lang", "page", "sort", "export", ANNEX_PARAMETER})
CARRIED_PARAMETERS = ("as_of", "known", "lang")  # what each link carries on: both days and the language
POSITION_PARAMETERS = ("page",)  # where in a list, not which
Pairs = Sequence[tuple[str, str]]
EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class ActiveFilter:
    """Active filter, with the URL that removes it."""

    label: str
    value: str
    remove_url: str


def resolve_url(target: object, *args: object, **kwargs: object) -> str:
    """Return the URL of a record or of a URL name; a URL is returned as it is."""
    if hasattr(target, "get_absolute_url"):
        return str(target.get_absolute_url())
    if str(target).startswith(("/", "?", "#", "http://", "https://")):
        return str(target)
    return reverse(str(target), args=args, kwargs=kwargs)


def carried_parameters(query: QueryDict) -> Pairs:
    """Return the parameters of the request that its links carry on."""
    return [(key, str(query[key])) for key in CARRIED_PARAMETERS if query.get(key)]


def add_parameters(url: str, pairs: Pairs) -> str:
    """Add parameters to a URL. Its own parameters win; a URL of another site is returned unchanged."""
    parts = urlsplit(url)
    if parts.scheme:
        return url
    query = parse_qsl(parts.query, keep_blank_values=True)
    named = {key for key, _value in query}
    query += [(key, value) for key, value in pairs if key not in named]
    return urlunsplit(parts._replace(query=urlencode(query)))


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
    text, values = _("%(name)s: “%(value)s”. %(message)s"), {name: form.data.get(name, "") for name in form.errors}
    return [
        ErrorDetail(name, "invalid_value", text % {"name": name, "value": truncate(values[name]), "message": message})
        for name, messages in form.errors.items()
        for message in messages
    ]


def choice_label(form: Form, name: str) -> str:
    """Return the label of the chosen value, rather than its code in the URL."""
    value = form.cleaned_data[name]
    if isinstance(value, date):
        return format_date(value)
    if hasattr(value, "pk"):
        return str(getattr(value, "label", value))
    return str(dict(getattr(form.fields[name], "choices", None) or {}).get(value, value))


def requested_sort(request: HttpRequest, columns: Sequence[AnyColumn], default: str) -> str:
    """Return the sort parameter. Raises BadRequest for an unknown column."""
    word = request.GET.get("sort", default)
    known = [column.sort for column in columns if column.sort]
    if word.removeprefix("-") not in known:
        text = _("sort: “%(value)s” is no column. Use one of %(known)s, with - in front for the other direction.")
        message = text % {"value": truncate(word), "known": ", ".join(known)}
        raise BadRequest(ErrorDetail("sort", "invalid_choice", message))
    return word


def sortable_headers(request: HttpRequest, columns: Sequence[AnyColumn], word: str) -> list[Mapping[str, object]]:
    """Return each column with the URL that sorts by it, and its state: ascending, descending, none; both are empty for
    one that is not sortable. A click on the sorted column reverses it.
    """
    states = {word.removeprefix("-"): "descending" if word.startswith("-") else "ascending"}
    out: list[Mapping[str, object]] = []
    for column in columns:
        state = states.get(column.sort, "none") if column.sort else ""
        target = f"-{column.sort}" if state == "ascending" else column.sort
        url = url_with(request, sort=target, page=None) if column.sort else ""
        out.append({"column": column, "url": url, "state": state})
    return out


# -- the list ------------------------------------------------------------------------------------------------


class FilterBar:
    """Filter bar of a page: form, active filters, and the URL without any.

    `first` are the fields outside the fold; one of `as_links` is set by links, one for each of its choices. Removing a
    filter returns to the first page. Raises BadRequest for invalid values.
    """

    def __init__(
        self, request: HttpRequest, form: Form, first: Sequence[str] = (), as_links: Mapping[str, Any] = EMPTY
    ) -> None:
        if not form.is_valid():
            raise BadRequest(*form_errors(form))
        begin: dict[str, str | None] = dict.fromkeys(POSITION_PARAMETERS)
        applied = [name for name in form.fields if form.cleaned_data.get(name) not in (None, "", [])]
        seen = [f.name for f in form.visible_fields() if "_on" not in f.name and f.name not in as_links]
        front = list(first) or seen[:MAX_VISIBLE_FILTERS]
        more = [name for name in seen if name not in front]
        self.form = form
        self.chips = [
            ActiveFilter(
                str(form.fields[name].label), choice_label(form, name), url_with(request, **begin | {name: None})
            )
            for name in applied
        ]
        self.clear_url = url_with(request, **begin | dict.fromkeys(form.fields))
        self.first = [form[name] for name in front]
        self.more = [form[name] for name in more]
        self.more_applied = len(set(applied).intersection(more))
        # Days are set by links alone, and sent on with the form.
        self.unseen = [form[name] for name in applied if "_on" in name or name in as_links]
        self.links = [
            {
                "label": form.fields[name].label,
                "choices": [
                    {"value": value, "label": label if value else _("All"), "n": counts.get(value)}
                    | {
                        "current": value == form.cleaned_data[name],
                        "url": url_with(request, **begin | {name: value or None}),
                    }
                    for value, label in cast(Any, form.fields[name]).choices
                ],
            }
            for name, counts in as_links.items()
        ]


class ListPage(FilterBar):
    """A list: its filter bar, a page of its sorted rows, and all of them for a file.

    Rows are ordered by the `sort_fields` of the sorted column; the primary key settles ties. `ordered_keys` filters and
    sorts by what is not stored: of the filtered rows and the value of `sort` it makes the keys in order, or None where
    neither is asked for. `prefetch` gets the records of a page, or a chunk of a file, before their cells are made, to
    fetch what they share in one query. `visible_filters` stay outside the fold. The page shows `page_columns`, by
    default those of `columns` that are not for files alone; `note` says why some are missing.
    `group_heads` has the heading above the rows of each status.

    Raises BadRequest for an invalid filter, sort or page.
    """

    def __init__(
        self,
        request: HttpRequest,
        *,
        slug: str,
        filterset: FilterSet,
        columns: Sequence[AnyColumn],
        sort: str,
        total: int,
        empty: str,
        ordered_keys: Callable[[QuerySet[Any], str], Sequence[int] | None] = lambda _rows, _sort: None,
        prefetch: Callable[[Sequence[Any]], None] = lambda _records: None,
        rows_per_page: int = ROWS_PER_PAGE,
        visible_filters: Sequence[str] = (),
        page_columns: Sequence[AnyColumn] = (),
        note: str = "",
        as_links: Mapping[str, Any] = EMPTY,
        group_heads: Mapping[str, str] = EMPTY,
    ) -> None:
        super().__init__(request, filterset.form, visible_filters, as_links)
        self.slug, self.total, self.empty, self.note = slug, total, empty, note
        self.columns, self.prefetch, self.filterset = columns, prefetch, filterset
        shown = page_columns or [column for column in columns if not column.file_only]
        word = requested_sort(request, [*columns, *page_columns], sort)
        order = "desc" if word.startswith("-") else "asc"
        fields = next(column.sort_fields for column in [*columns, *shown] if column.sort == word.removeprefix("-"))
        ordered = [getattr(F(name), order)(nulls_last=True) for name in fields]
        self.rows = filterset.qs.order_by(*ordered, "pk")
        self.computed_keys = ordered_keys(self.rows, word)
        pages: Paginator[Any] = Paginator(
            self.rows if self.computed_keys is None else self.computed_keys, rows_per_page
        )
        has_own_pages = request.GET.get("export") in FEED_FORMATS
        self.page = pages.get_page(1 if has_own_pages else requested_page(request, pages))
        self.count = pages.count
        records = self.fetch(self.page.object_list)
        self.table = make_table(shown, records)
        self.group_heads = group_heads
        self.heads = sortable_headers(request, shown, word)
        self.exports = export_links(request, slug, page=None)

    def fetch(self, part: Iterable[Any]) -> list[Any]:
        """Return these records, given as such or by their keys, with what they share."""
        records = list(part)
        if self.computed_keys is not None:
            found = self.filterset.queryset.order_by().in_bulk(records)
            records = [found[key] for key in records if key in found]
        self.prefetch(records)
        return records

    def whole(self) -> Table:
        """Return the table of all rows for a file, which reads and prefetches them in chunks."""
        rows = iter(self.rows.iterator(CHUNK_SIZE) if self.computed_keys is None else self.computed_keys)
        chunks = iter(lambda: list(islice(rows, CHUNK_SIZE)), [])
        return make_table(self.columns, (record for chunk in chunks for record in self.fetch(chunk)), count=self.count)


def filtered_keys(
    filterset: FilterSet, ordered_keys: Callable[[QuerySet[Any], str], Sequence[int] | None]
) -> list[int]:
    """Return the keys of the rows that a list has, in any order. Raises BadRequest for an invalid filter."""
    if not filterset.form.is_valid():
        raise BadRequest(*form_errors(filterset.form))
    keys = ordered_keys(filterset.qs, "")
    return keys_in_order(filterset.qs) if keys is None else list(keys)


def keys_in_order(rows: QuerySet[Any]) -> list[int]:
    """Return the keys of these rows, without what else a list reads of them."""
    return list(rows.select_related(None).prefetch_related(None).values_list("pk", flat=True))


def export_links(request: HttpRequest, slug: str, **changes: str | None) -> list[Mapping[str, str]]:
    """Return the links to a table's files, with other parameters changed as in `url_with`."""
    return [
        {"label": kind.upper(), "url": url_with(request, **{**changes, "export": f"{slug}.{kind}"})}
        for kind in ("csv", "xlsx")
    ]


def requested_page(request: HttpRequest, pages: Paginator[Any]) -> int:
    """Return the requested page number. Raises BadRequest for a page that does not exist."""
    text = request.GET.get("page", "1")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= pages.num_pages):
        message = _("page: “%(value)s” is not a page of this list. Pages run from 1 to %(last)d.")
        raise BadRequest(
            ErrorDetail("page", "invalid_number", message % {"value": truncate(text), "last": pages.num_pages})
        )
    return int(text)
