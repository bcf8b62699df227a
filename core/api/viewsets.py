"""Base views and read-only viewset of the API: strict parameters, three formats and an as-of date.

The parameters of an address are declared once: by them requests are checked and the OpenAPI schema is written.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from itertools import chain, islice
from typing import Any, ClassVar, cast

from django.conf import settings
from django.db import connection
from django.db.models import Case, F, Func, IntegerField, Model, OrderBy, QuerySet, When
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.serializers import Serializer
from rest_framework.viewsets import ReadOnlyModelViewSet

from core.api.filters import ApiFilterBackend, ApiFilterSet
from core.api.pagination import CURSOR, CURSOR_HELP, PAGE_PARAMETERS, RecordPagination
from core.api.serializers import then
from core.caching import respond_to_client
from core.days import days_stem, demo_notice_rows, download_stem, known_rows, today, with_demo_flag
from core.errors import Problem, choice_error
from core.history.recording import cascading_models, key_field_name
from core.http import TrackerRequest
from core.middleware import record_etag
from core.spreadsheets.writer import XLSX_MEDIA_TYPE, CoverSheet, SheetSpec, csv_response, workbook_response
from core.tables import AnyColumn, reject_unknown_params
from core.text import join_clauses, label_value

CHUNK_SIZE = 50  # rows fetched at a time for a file: of 500 the garbage took 23 MiB before it was collected
MAX_VALUE_LENGTH = 500  # characters of one value: longer ones only attempt to exhaust the database
CODE_KEYS = ("slug", "code", "title")  # key that stands for a nested value in one cell
KNOWN_HELP = (
    "Answer from the records as they were at the end of this day, without what was entered, corrected or deleted "
    "since. Without it: from the records as they are."
)
ORDERING_HELP = "Order by these, separated by commas; - in front turns the direction. No data comes last. Known: "
FORMAT_HELP = "Format of the answer; the Accept header does the same."
# No optional parameter has an example or a default: Swagger UI would send them all.
LANGUAGE_PARAMETER = OpenApiParameter(
    "lang", description="Language of names and messages. Without it: that of Accept-Language.", enum=["en", "zh-hans"]
)
DAY_PARAMETERS = [
    OpenApiParameter("as_of", OpenApiTypes.DATE, description="Show what was known on this day. Without it: today."),
    OpenApiParameter("known", OpenApiTypes.DATE, description=KNOWN_HELP),
]


# -- parameters --------------------------------------------------------------------------------------------


def empty_value_error(name: str) -> Problem:
    """Return the error of an empty value, most often a variable that was never set: it must not fetch everything."""
    text = _("%(name)s: empty. Give a value or leave the parameter out.")
    return Problem(name, "empty_value", text % {"name": name})


def parse_comma_list(params: QueryDict, name: str, known: Sequence[str], turned: str = "") -> list[str]:
    """Return the values of a comma-separated parameter; each may have the sign `turned` in front.

    Raises Problem for an unknown value, with the closest known one.
    """
    words = [word.strip() for word in str(params[name]).split(",")] if name in params else []
    faults = [choice_error(word, known, name) for word in words if word and word.removeprefix(turned) not in known]
    if not all(words):
        faults.append(empty_value_error(name))
    if faults:
        raise Problem.of(faults)
    return words


# -- files -------------------------------------------------------------------------------------------------


class CSVRenderer(BaseRenderer):
    """Renderer for content negotiation only: `BaseAPIView.file_response` writes the file."""

    media_type, format = "text/csv", "csv"


class XLSXRenderer(CSVRenderer):
    media_type, format = XLSX_MEDIA_TYPE, "xlsx"


def flatten_value(value: object) -> Any:
    """Return a value as one cell: a related record as its code, other objects as key=value, a list with semicolons."""
    if isinstance(value, Mapping):
        code = next((value[key] for key in CODE_KEYS if value.get(key)), None)
        return code or ", ".join(f"{key}={'' if part is None else part}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(str(flatten_value(item)) for item in value)
    return value


def table_rows(heads: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[list[object]]:
    """Yield rows as cells in the order of the headings."""
    return ([flatten_value(row[head]) for head in heads] for row in rows)


def machine_value(value: object) -> Any:
    """Return a cell for programs: true and false in every language."""
    return str(value).lower() if isinstance(value, bool) else value


# -- views -------------------------------------------------------------------------------------------------


class SiteAccess(BasePermission):
    """Permission class: everybody may read, on an internal site every signed-in user."""

    def has_permission(self, request: Request, view: object) -> bool:
        return settings.SITE_ACCESS != "internal" or bool(request.user.is_authenticated)


class BaseAPIView(GenericAPIView):
    """Base API view: rejects unknown parameters, and has an as-of date."""

    permission_classes = [SiteAccess]
    renderer_classes = [JSONRenderer, CSVRenderer, XLSXRenderer]
    metadata_class = None  # OPTIONS would repeat /api/schema/
    http_method_names = ["get", "head", "options", "post", "put", "patch", "delete"]

    heading: ClassVar[str | Promise] = ""  # title in the documentation
    about: ClassVar[str] = ""
    cache_responses: ClassVar[bool] = False  # JSON that depends on versioned tables, address and language alone
    filter_backends = [ApiFilterBackend]
    filterset_class: ClassVar[Any] = None
    pagination_class = RecordPagination
    lists_rows = False  # whether an aggregate, or a further action of a record, lists rows page by page; POST adds one
    own_parameters: ClassVar[Sequence[OpenApiParameter]] = ()  # besides filters and those that every view has
    day_parameters: ClassVar[Sequence[OpenApiParameter]] = DAY_PARAMETERS

    @property
    def as_of(self) -> date:
        """As-of date of the request; today where no middleware has set one."""
        day: date = getattr(self.request, "as_of", None) or today()
        return day

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        respond = super().dispatch
        if not self.cache_responses:
            return respond(request, *args, **kwargs)
        return respond_to_client(cast(TrackerRequest, request), lambda request: respond(request, *args, **kwargs))

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Raises Problem for unknown, repeated, empty and overlong parameters."""
        super().initial(request, *args, **kwargs)
        if request.method == "OPTIONS" or not hasattr(self, str(request.method).lower()):
            return  # a method that this URL does not accept gets 405, whatever else is wrong
        reject_unknown_params(request, {*(parameter.name for parameter in self.parameters()), *self.filter_names()})
        faults = [empty_value_error(name) for name, value in request.GET.items() if not str(value).strip()]
        if "page_size" in request.GET and not self.is_paged:
            text = _("page_size: a file holds the whole list. Leave it out, or name the page as well.")
            faults.append(Problem("page_size", "without_page", text))
        for name, value in request.GET.items():
            # Lists are limited by their number of values.
            if len(str(value)) > MAX_VALUE_LENGTH and not name.endswith(("__in", "__ne")):
                text = _("%(name)s: longer than %(most)d characters.") % {"name": name, "most": MAX_VALUE_LENGTH}
                faults.append(Problem(name, "too_long", text))
        if faults:
            raise Problem.of(faults)

    def finalize_response(self, request: Request, response: Any, *args: object, **kwargs: object) -> Any:
        """Say in a header, which the response cache keeps, that stored lights are being computed anew."""
        if response.status_code < 400 and getattr(request, "recomputing", False):
            response["Lights"] = "recomputing"
        return super().finalize_response(request, response, *args, **kwargs)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Let `?format=` take precedence over Accept; an unknown format is an error. Raises Problem."""
        asked = request.query_params.get("format")
        if asked is None or force:
            return super().perform_content_negotiation(request, force)
        for renderer in self.get_renderers():
            if renderer.format == asked:
                return renderer, renderer.media_type
        raise choice_error(asked, dict.fromkeys(self.formats()), "format")

    def formats(self) -> Sequence[str]:
        return [str(renderer.format) for renderer in self.renderer_classes]

    def filter_names(self) -> Iterable[str]:
        """Return the parameters that filter, which drf-spectacular describes by itself."""
        listed = getattr(self, "action", "list") == "list"  # an aggregate has no action
        return self.filterset_class.base_filters if self.filterset_class and listed else ()

    def parameters(self) -> Sequence[OpenApiParameter]:
        """Return the parameters of this URL besides filters: requests are checked and the schema is written by them."""
        kind = OpenApiParameter("format", description=FORMAT_HELP, enum=self.formats())
        pages = PAGE_PARAMETERS if self.lists_rows else ()
        return [*self.own_parameters, *pages, *self.day_parameters, LANGUAGE_PARAMETER, kind]

    @property
    def is_paged(self) -> bool:
        """Whether the answer holds one page of the records: JSON does, a file where a page is asked for."""
        asked = {"page", CURSOR} & {*self.request.query_params}
        return self.request.accepted_renderer.format == "json" or bool(asked)

    def file_response(self, serializer: Any, records: Iterable[object], name: str) -> HttpResponseBase:
        """Return the file with one row for each record: CSV in plain UTF-8 without a preamble, or a workbook with real
        dates and numbers, and a cover sheet.
        """
        stem = download_stem(self.request, f"{name}-{days_stem(self.request, self.as_of)}")
        heads = list(serializer.fields)
        rows = table_rows(heads, (serializer.to_representation(record) for record in records))
        if self.request.accepted_renderer.format == "csv":
            lines = ([machine_value(cell) for cell in cells] for cells in rows)
            return csv_response(chain([heads], lines), stem, for_excel=False)
        # The cover names the as-of date, and the parameters that filter and order the rows.
        chosen = {k: v for k, v in self.request.query_params.items() if k not in {"as_of", "known", "lang", "format"}}
        filters = join_clauses(label_value(name, value) for name, value in chosen.items())
        about = [(_("As of"), self.as_of), *known_rows(self.request), (_("Filter"), filters or _("none"))]
        cover = CoverSheet(stem, about, self.request.build_absolute_uri(), demo_notice_rows(self.request))
        part = SheetSpec(stem, [AnyColumn(head, head) for head in heads], rows)
        return workbook_response([part], cover, stem)


# -- records -----------------------------------------------------------------------------------------------


def annotate_revision(rows: QuerySet[Model]) -> QuerySet[Any]:
    """Annotate each record with its `revision`: the number of entries in its history, those of its rows included.

    Its rows are those that are deleted with it, and those that are only ever added to it. Every change is an entry and
    no entry is ever removed, so the number only grows and identifies the last edit.
    """
    queryset: QuerySet[Any] = rows.annotate(revision=revision_expression(rows.model))
    return queryset


@cache
def revision_expression(model: Any) -> Func:
    """Return the revision as SQL: for Django to build and compile it cost more than to read the rows of a page."""
    quoted, parts = connection.ops.quote_name, []
    own = [(row.related_model, row.field.attname) for row in model._meta.related_objects]
    added = [pair for pair in own if getattr(pair[0], "APPEND_ONLY", False)]
    for counted, field in [(model, "id"), *cascading_models(model), *added]:
        meta = counted.history.model._meta
        table, column = quoted(meta.db_table), quoted(meta.get_field(field).column)
        parts.append(f"(SELECT COUNT(*) FROM {table} WHERE {table}.{column} = %(expressions)s)")  # noqa: S608  # names from the code only
    return Func(F("pk"), template=f"({' + '.join(parts)})", output_field=IntegerField())


def record_response(row: Mapping[str, Any], media_type: str = "", status: int = 200) -> HttpResponse:
    """Return the response with one record, whose ETag begins with its revision."""
    content = JSONRenderer().render(row, media_type)
    headers = {"ETag": record_etag(content, row["revision"])}
    return HttpResponse(content, status=status, content_type="application/json", headers=headers)


class RecordViewSet(BaseAPIView, ReadOnlyModelViewSet):
    """Read-only viewset of a model: a filtered, ordered, paginated list, also as a file, and one record by its code."""

    filterset_class: ClassVar[type[ApiFilterSet]]
    ordering_fields: ClassVar[Sequence[str]]
    ordering_paths: ClassVar[Mapping[str, str]] = {}  # of ordering fields, where their names say another
    default_ordering: ClassVar[str]
    lookup_field = "slug"
    lookup_value_regex = "[a-z0-9-]+"

    def parameters(self) -> Sequence[OpenApiParameter]:
        if self.action != "list":
            return super().parameters()
        ordering = OpenApiParameter("ordering", description=ORDERING_HELP + ", ".join(self.ordering_fields))
        return [*PAGE_PARAMETERS, OpenApiParameter(CURSOR, description=CURSOR_HELP), ordering, *super().parameters()]

    @property
    def file_name(self) -> str:
        """Name of the resource in URLs: policies, plans, pilots."""
        return self.request.path.removeprefix(reverse("api-root")).split("/")[0]

    def list(self, request: Request, *args: object, **kwargs: object) -> Any:
        return self.list_response(self.filter_queryset(self.get_queryset()), self.file_name)

    def list_response(self, rows: QuerySet, file_name: str) -> Any:
        """Return a page of the rows, or a file with all of them."""
        serializer: Any = self.get_serializer()
        paged = self.is_paged
        records = self.rows_for_output(self.paginate_queryset(rows) or []) if paged else self.rows_in_chunks(rows)
        if self.request.accepted_renderer.format != "json":
            return self.file_response(serializer, records, file_name)
        return self.get_paginated_response([serializer.to_representation(record) for record in records])

    def rows_for_output(self, rows: Iterable[Any]) -> Iterable[object]:
        """Return the records that the serializer renders."""
        return map(self.annotate_as_of, rows)

    def rows_in_chunks(self, rows: QuerySet, size: int = 0) -> Iterator[object]:
        """Yield all records that the serializer renders, some at a time, so that memory stays flat."""
        size = size or CHUNK_SIZE
        remaining = rows.iterator(chunk_size=size)
        while some := list(islice(remaining, size)):
            yield from self.rows_for_output(some)

    def retrieve(self, request: Request, *args: object, **kwargs: object) -> Any:
        record, serializer = self.annotate_as_of(self.get_object()), self.get_serializer()
        if request.accepted_renderer.format != "json":
            return self.file_response(serializer, [record], f"{self.file_name}-{self.kwargs[self.lookup_field]}")
        row = with_demo_flag(request, serializer.to_representation(record))
        return record_response(row, request.accepted_media_type)

    def base_queryset(self) -> QuerySet:
        """Hook: return every record, with what the serializer needs; by default `queryset`."""
        return super().get_queryset()

    def visible_as_of(self, rows: QuerySet) -> QuerySet:
        """Hook: filter to the records known on the as-of date; by default all."""
        return rows

    def all_rows(self) -> QuerySet:
        """Return every record with its revision, and each day as it was known on the as-of date: null while ahead."""
        rows, serializer = self.base_queryset(), cast(Any, self.serializer_class)
        ahead = [name for name in serializer.as_of_fields() if then(name) not in rows.query.annotations]
        days = {then(name): Case(When(**{f"{name}__lte": self.as_of}, then=F(name))) for name in ahead}
        return annotate_revision(rows.annotate(**days))

    def get_queryset(self) -> QuerySet:
        return self.visible_as_of(self.all_rows())

    def annotate_as_of(self, record: Model) -> Any:
        """Hook: add computed values of the as-of date to a record; by default nothing."""
        return record

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        """Return the filtered rows in the requested order. Raises Problem for invalid values."""
        if self.action != "list":
            return queryset
        words = parse_comma_list(self.request.query_params, "ordering", self.ordering_fields, turned="-")
        # A relation is ordered by its code, a day by what was known of it on the as-of date.
        relations = [field for field in queryset.model._meta.concrete_fields if field.is_relation]
        paths = {field.name: f"{field.name}__{key_field_name(field.related_model)}" for field in relations}
        paths |= {**self.filterset_class.as_of_fields, **self.ordering_paths}
        keys = []
        for word in words or self.default_ordering.split(","):
            field = F(paths.get(word.removeprefix("-"), word.removeprefix("-")))
            keys.append(OrderBy(field, descending=word.startswith("-"), nulls_last=True))
        return super().filter_queryset(queryset).order_by(*keys, "pk")  # ties by primary key: pages never overlap


# -- aggregates --------------------------------------------------------------------------------------------


class AggregateView(BaseAPIView):
    """View of an aggregate: computed by the function that the page uses, and only serialized here.

    As a file it is one table, that of `file_rows`. Where it lists rows, JSON has them page by page, while its numbers
    stay over all of them, and a file has every row unless a page is asked for.
    """

    row_serializer_class: ClassVar[type[Serializer]]
    file_name: ClassVar[str]
    rows_name: ClassVar[str]  # attribute of the value that a file lists

    def build(self) -> Any:
        raise NotImplementedError

    def file_rows(self, value: Any) -> Iterable[object]:
        rows: Iterable[object] = getattr(value, self.rows_name)
        return rows

    def get(self, request: Request) -> Any:
        value = self.build()
        if request.accepted_renderer.format != "json":
            rows = self.row_serializer_class(context=self.get_serializer_context())
            return self.file_response(rows, self.file_rows(value), self.file_name)
        return Response(with_demo_flag(request, self.get_serializer().to_representation(value)))

    def chosen(self) -> QuerySet[Any]:
        """Return the records that are counted; where rows are listed, the keys of the page become the paginator's.

        Raises Problem or NotFound as a list does.
        """
        rows = self.filter_queryset(self.get_queryset())
        if self.lists_rows:
            self.paginate_queryset(rows.values_list("pk", flat=True))
        return rows
