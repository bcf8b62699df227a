"""Tables and charts as plain values, which pages, file exports and tests read alike; filters of pages and API; list
pages.

A table is declared as columns, each with its heading and how its cell is made from an item, and a sequence of items. A
filter's values are codes or choices, and an error suggests the closest valid one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, partial
from itertools import islice
from operator import attrgetter
from types import MappingProxyType
from typing import Any, ClassVar, Generic, Literal, TypeAlias, TypeVar, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import F, Model, OrderBy, Q, QuerySet
from django.forms import Form
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import FilterSet
from django_filters.fields import ChoiceField

from core.errors import Problem, choice_error, former_names, truncate
from core.http import TrackerRequest
from core.text import StatusChoices, format_date

ValueKind = Literal["text", "integer", "decimal", "share", "date", "days", "flag"]
Drawing = Literal["tiles", "matrix", "lights", "bars", "steps", "strip", "trend", "timeline", "coordinates"]
Item = TypeVar("Item")
Whole = TypeVar("Whole")
Item_contra = TypeVar("Item_contra", contravariant=True)


@dataclass(frozen=True)
class Cell:
    """Table cell. None means no data, which is never 0."""

    value: Any
    url: str = ""
    lang: str = ""  # set where the text is not in the active language
    tag: str = ""  # a status word: green, yellow, red, grey, blue
    anchor: str = ""  # HTML anchor of this row
    page_text: str = ""  # shown on pages in place of the value; files have the value
    mark: str = ""  # HTML that stands beside the value on pages
    below: str | Cell = ""  # a second line in small type, on pages only
    title: str = ""  # the whole text, where the page shows less of it
    status: str = ""  # of the row, in its first cell: the colour of its bar, and its group
    kind: ValueKind | None = None  # kind of the value where the row, not the column, determines it


@dataclass(frozen=True)
class Column(Generic[Item_contra]):
    """Table column: its heading, and the value or cell of an item.

    `accessor` is a function of the item or a dotted path of its attributes; without one it is the attribute named like
    the column. `kind` determines how a value is formatted on the page and typed in a file.
    """

    key: str
    label: str
    accessor: str | Callable[[Item_contra], object] = ""
    kind: ValueKind = "text"
    sort: str = ""  # value of `sort` in the query string; empty: not sortable
    sort_fields: Sequence[Any] = ()  # what a queryset is ordered by: fields and expressions; an OrderBy never turns
    file_only: bool = False  # only in files: the page has no room for it
    url: str = ""  # URL of the record whose values the column holds
    phone: Literal["", "side", "line"] = ""  # where a phone's row of two lines has it: beside the name, or below it

    @property
    def is_numeric(self) -> bool:
        """Whether the column holds numbers, which are aligned right."""
        return self.kind in {"integer", "decimal", "share", "days"}

    def cell(self, item: Item_contra) -> Cell:
        accessor = self.accessor if callable(self.accessor) else attrgetter(self.accessor or self.key)
        value = accessor(item)
        return value if isinstance(value, Cell) else Cell(value)

    def of(self, part: Callable[[Whole], Item_contra]) -> Column[Whole]:
        """Return the column for items of which `part` returns what its cells are made from."""
        return Column(self.key, self.label, lambda item: self.cell(part(item)), self.kind)


AnyColumn: TypeAlias = Column[Any]


def page_columns(
    columns: Sequence[Column[Item]],
    below: Mapping[str, Callable[[Item], str | Cell] | None],
    *,
    side: str = "",
    line: str = "",
) -> list[Column[Item]]:
    """Return the columns that a page shows, in the order of `below`: what small text stands under each value, if any.

    `side` and `line` are what a phone shows beside the first one and under it.
    """
    by_key, shown = {column.key: column for column in columns}, []
    for key, text in below.items():
        column = by_key[key]
        accessor = partial(cell_above, column, text) if text else column.accessor
        phone: Any = {side: "side", line: "line"}.get(key, "")
        shown.append(replace(column, accessor=accessor, phone=phone, file_only=False))
    return shown


def cell_above(column: Column[Item], below: Callable[[Item], str | Cell], item: Item) -> Cell:
    return replace(column.cell(item), below=below(item))


Row: TypeAlias = Sequence[Cell]


class Rows(Sequence[Row]):
    """Rows of a table, made as they are read: a page reads the first of them, a file all.

    Items too many for memory are an iterator of `count` items, which is read once.
    """

    def __init__(self, columns: Sequence[AnyColumn], items: Any, count: int | None = None) -> None:
        self.columns, self.items = columns, items
        self.size = len(items) if count is None else count

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return Rows(self.columns, self.items[at])
        return [column.cell(self.items[at]) for column in self.columns]

    def __iter__(self) -> Iterator[Row]:
        return ([column.cell(item) for column in self.columns] for item in self.items)


@dataclass(frozen=True)
class Table:
    """Columns and rows. `full_list_url` is the URL of the full list where the page has no room for all rows."""

    columns: Sequence[AnyColumn]
    rows: Sequence[Row]
    full_list_url: str = ""

    @property
    def has_phone_rows(self) -> bool:
        """Whether a phone shows its rows in two lines, which leave the rest to the record's page."""
        return any(column.phone for column in self.columns)

    def values(self) -> Iterator[list[object]]:
        """Yield the values of each row, as a file holds them."""
        return ([cell.value for cell in row] for row in self.rows)


def make_table(
    columns: Sequence[Column[Item]], items: Iterable[Item], full_list_url: str = "", count: int | None = None
) -> Table:
    """Return the table of these items, a row each. A queryset is read here, once; `count` items only as they are
    written."""
    known = items if count is not None or isinstance(items, Sequence) else list(items)
    return Table(columns, Rows(columns, known, count), full_list_url)


def status_cell(status: StatusChoices, url: str = "") -> Cell:
    """Return the label of a status with its colour and symbol."""
    return Cell(str(status.label), url=url, tag=status.colour)


def record_cell(record: Any) -> Cell:
    """Return the name of a record, which may be in the other language, linked to its page."""
    return Cell(record.name, url=record.get_absolute_url(), lang=record.name_lang)


@dataclass(frozen=True)
class Subject:
    """Record that figures refer to, such as the policy whose plans are counted: its kind, code and name."""

    label: str
    code: str
    name: str


@dataclass(frozen=True)
class Chart:
    """Chart frame: headline, what it counts, drawing, table and sources.

    `data` is what the template of tiles, matrix or lights shows; of the other kinds, which only set its height, it is
    the configuration of Chart.js (core/charts.py), empty where there is nothing to draw.
    """

    slug: str
    kind: Drawing
    title: str
    subtitle: str
    table: Table
    data: Mapping[str, Any]
    sources: Sequence[object] = ()
    note: str = ""
    legend: Sequence[tuple[str, str]] = ()  # CSS class of the key, and what it stands for
    flags: Sequence[Mapping[str, Any]] = ()  # numbered days on the drawing: label, url, on
    light: StatusChoices | None = None  # of the record that the chart shows
    about: Subject | None = None  # names the chart's files, beside the chart itself
    api: str = ""  # API URL of the chart's data, where there is one
    api_filters: Sequence[str] = ()  # filters of the page that the chart obeys and that URL accepts, by the same names

    @property
    def is_canvas(self) -> bool:
        """Whether Chart.js draws it, which can be saved as a picture."""
        return self.kind not in ("tiles", "matrix", "lights") and bool(self.data)

    @property
    def rows(self) -> int:
        """The rows whose height is reserved before bars or milestones are drawn: in steps of four, 40 at most."""
        rows = self.data["data"].get("labels") if self.kind == "bars" else None
        if self.kind == "timeline":
            rows = self.data["options"]["scales"]["y"]["marks"]
        return min(-(-len(rows or ()) // 4) * 4, 40)


# -- filters --------------------------------------------------------------------------------------------


MAX_SEARCH_LENGTH = 100  # characters of a search: each word costs the database


def search_q(text: str, fields: Sequence[str]) -> Q:
    """Return a Q that finds every word of the text in at least one of the fields; words are taken literally."""
    query = Q()
    for term in unicodedata.normalize("NFKC", text).split():
        anywhere = Q()
        for name in fields:
            anywhere |= Q(**{f"{name}__icontains": term})
        query &= anywhere
    return query


class RelatedFormField(forms.ModelChoiceField):
    """Form field of a related record, by its code."""

    normalise: Callable[[str], str] = str  # a code in its stored form

    def known_values(self) -> dict[str, object]:
        """Return the primary key of each record by its code, and by former ones."""
        if self.queryset is None:
            return {}
        return former_names(self.queryset) | dict(self.queryset.values_list(self.to_field_name or "pk", "pk"))

    def label_from_instance(self, obj: Model) -> str:
        """Return the label of a choice: the record's `label` if its model has one, else its name."""
        return str(getattr(obj, "label", obj))

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(self.normalise(value) if isinstance(value, str) else value)
        except ValidationError:
            known = self.known_values()
            if value in known:
                return cast(QuerySet[Model], self.queryset).get(pk=known[value])
            raise ValidationError(choice_error(value, known).message, code="invalid_choice") from None


def split_commas(text: str) -> list[str]:
    """Split a comma-separated list, dropping repeats."""
    return list(dict.fromkeys(word.strip() for word in text.split(",")))


class RelatedFilter(django_filters.ModelChoiceFilter):
    """Filter by a related record's code: `?province=hebei`.

    With the widget HiddenInput it is set by links alone: for records of which there are too many to list in a page.
    """

    field_class: ClassVar[type[RelatedFormField]] = RelatedFormField
    takes_several = True  # by the API: `province__in=hebei,henan`

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"to_field_name": "slug", **kwargs})


class ChoiceFormField(ChoiceField):
    """Form field of one choice."""

    normalise = str  # a value in its stored form

    def known_values(self) -> dict[str, str]:
        return {str(word): str(word) for word in dict(self.choices) if word}

    def validate(self, value: object) -> None:
        choices = self.known_values()
        if value and str(value) not in choices:
            raise ValidationError(choice_error(value, choices).message, code="invalid_choice")


class ChoiceFilter(django_filters.ChoiceFilter):
    """Filter by one choice: `?kind=park`."""

    field_class = ChoiceFormField
    takes_several = True  # by the API: `kind__in=park,city`


class YesNoFilter(ChoiceFilter):
    """Filter by yes or no: `?in_roster=true`."""

    takes_several = False
    openapi_schema: ClassVar[Mapping[str, object]] = {"type": "string", "enum": ["true", "false"]}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, choices=[("true", gettext_lazy("yes")), ("false", gettext_lazy("no"))], **kwargs)

    def filter(self, qs: QuerySet[Model], value: str) -> QuerySet[Model]:
        return super().filter(qs, {"true": True, "false": False}.get(value, ""))


class SearchFilter(django_filters.CharFilter):
    """Quick search: every word in at least one of the fields, taken literally."""

    def __init__(self, *fields: str, **kwargs: Any) -> None:
        self.fields = fields
        super().__init__(**{"label": gettext_lazy("Search"), "max_length": MAX_SEARCH_LENGTH, **kwargs})

    def filter(self, qs: QuerySet[Model], value: str) -> QuerySet[Model]:
        return qs.filter(search_q(value, self.fields)) if value else qs


# -- list pages -----------------------------------------------------------------------------------------


ROWS_PER_PAGE = 50
MAX_VISIBLE_FILTERS = 4  # visible filters of a page that does not choose them
CALENDAR = "ics"  # value of `export` that asks for the calendar of all rows, whatever the page
CHUNK_SIZE = 200  # rows fetched at a time for a file: the first of them leave within a second
PAGE_PARAMETERS = frozenset({"as_of", "known", "lang", "page", "sort", "export"})
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
    if "://" in str(target) or str(target).startswith(("/", "?", "#")):
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
    """Return this page's URL with some parameters changed; None removes one."""
    params = request.GET.copy()
    for key, value in changes.items():
        params.pop(key, None)
        if value is not None:
            params[key] = value
    query = params.urlencode()
    return f"{request.path}?{query}" if query else request.path


def reject_unknown_params(request: HttpRequest, known: set[str]) -> None:
    """Reject unknown and repeated parameters: a misspelt filter must not show everything. Raises Problem."""
    names = sorted(known, key=lambda name: ("__" in name, name))  # those without a lookup first
    faults = [
        Problem(truncate(name), "unknown_parameter", choice_error(name, names).message)
        for name in request.GET
        if name not in known
    ]
    for name, values in request.GET.lists():
        if name in known and len(values) > 1:
            message = _("%(name)s is given %(times)d times. Give it once.") % {"name": name, "times": len(values)}
            faults.append(Problem(name, "repeated_parameter", message))
    if faults:
        raise Problem.of(faults)


def drop_unknown_params(request: TrackerRequest, known: set[str]) -> None:
    """Drop the parameters that a page does not know, also from its links, and keep it out of the response cache.

    A file or feed (`export`) rejects them, since a misspelt filter would hand out everything, and so do pages a
    repeated one. Raises Problem.
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


def form_errors(form: Form) -> list[Problem]:
    """Return the errors of a filter form, one per message."""
    text, values = _("%(name)s: “%(value)s”. %(message)s"), {name: form.data.get(name, "") for name in form.errors}
    return [
        Problem(name, "invalid_value", text % {"name": name, "value": truncate(values[name]), "message": message})
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
    """Return the sort parameter. Raises Problem for an unknown column."""
    word = request.GET.get("sort", default)
    sorts = [column.sort for column in columns if column.sort]
    if word.removeprefix("-") not in sorts:
        raise choice_error(word, sorts, "sort")
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
    filter returns to the first page. Raises Problem for invalid values.
    """

    def __init__(
        self, request: HttpRequest, form: Form, first: Sequence[str] = (), as_links: Mapping[str, Any] = EMPTY
    ) -> None:
        if not form.is_valid():
            raise Problem.of(form_errors(form))
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

    Rows are ordered by the `sort_fields` of the sorted column; the primary key settles ties. `count` is their number,
    where it is known already. `read` gets the rows of a page, or of a chunk of a file, which may be keys alone, and
    returns what their cells are made from, with what they share fetched in one query. `visible_filters` stay outside
    the fold. The page shows `page_columns`, by default those of `columns` that are not for files alone; `note` says why
    some are missing. `group_heads` has the heading above the rows of each status.

    Raises Problem for an invalid filter, sort or page.
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
        count: int | None = None,
        read: Callable[[list[Any]], Sequence[Any]] = list,
        rows_per_page: int = ROWS_PER_PAGE,
        visible_filters: Sequence[str] = (),
        page_columns: Sequence[AnyColumn] = (),
        note: str = "",
        as_links: Mapping[str, Any] = EMPTY,
        group_heads: Mapping[str, str] = EMPTY,
    ) -> None:
        super().__init__(request, filterset.form, visible_filters, as_links)
        self.slug, self.total, self.empty, self.note = slug, total, empty, note
        self.columns, self.read = columns, read
        shown = page_columns or [column for column in columns if not column.file_only]
        word = requested_sort(request, [*columns, *page_columns], sort)
        order = "desc" if word.startswith("-") else "asc"
        fields = next(column.sort_fields for column in [*columns, *shown] if column.sort == word.removeprefix("-"))
        named = [F(field) if isinstance(field, str) else field for field in fields]
        turned = [item if isinstance(item, OrderBy) else getattr(item, order)(nulls_last=True) for item in named]
        self.rows = filterset.qs.order_by(*turned, "pk")
        pages: Any = Paginator(self.rows, rows_per_page)
        self.count = pages.count = pages.count if count is None else count
        self.page = pages.get_page(requested_page(request, pages))
        self.shown = shown
        self.group_heads = group_heads
        self.heads = sortable_headers(request, shown, word)
        self.exports = export_links(request, slug, page=None)

    @cached_property
    def table(self) -> Table:
        """The rows of the page."""
        return make_table(self.shown, self.read(list(self.page.object_list)))

    def whole(self) -> Table:
        """Return the table of all rows for a file, which reads them in chunks."""
        return make_table(self.columns, in_chunks(self.rows, self.read), count=self.count)


def in_chunks(rows: QuerySet[Any], read: Callable[[list[Any]], Sequence[Any]]) -> Iterator[Any]:
    """Yield what `read` returns of these rows, which it gets some at a time: memory stays flat."""
    remaining = rows.iterator(CHUNK_SIZE)
    while chunk := list(islice(remaining, CHUNK_SIZE)):
        yield from read(chunk)


def filtered_keys(filterset: FilterSet) -> list[int]:
    """Return the keys of the rows that a list has, in any order. Raises Problem for an invalid filter."""
    if not filterset.form.is_valid():
        raise Problem.of(form_errors(filterset.form))
    return list(filterset.qs.select_related(None).prefetch_related(None).values_list("pk", flat=True))


def export_links(request: HttpRequest, slug: str, **changes: str | None) -> list[Mapping[str, str]]:
    """Return the links to a table's files, with other parameters changed as in `url_with`."""
    return [
        {"label": kind.upper(), "url": url_with(request, **{**changes, "export": f"{slug}.{kind}"})}
        for kind in ("csv", "xlsx")
    ]


def requested_page(request: HttpRequest, pages: Paginator[Any]) -> int:
    """Return the requested page number. Raises Problem for a page that does not exist."""
    text = request.GET.get("page", "1")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= pages.num_pages):
        message = _("page: “%(value)s” is not a page of this list. Pages run from 1 to %(last)d.")
        raise Problem("page", "invalid_number", message % {"value": truncate(text), "last": pages.num_pages})
    return int(text)
