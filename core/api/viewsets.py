"""Base views and read-only viewset of the API: strict parameters, three formats and an as-of date."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import chain, islice
from typing import Any, ClassVar, cast

from django.conf import settings
from django.db.models import Case, F, Model, OrderBy, QuerySet, When
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.serializers import BaseSerializer, Serializer
from rest_framework.views import APIView
from rest_framework.viewsets import ReadOnlyModelViewSet

from core.api import parameters
from core.api.filters import ApiFilterBackend, ApiFilterSet, filtered_queryset
from core.api.pagination import ListPage, RecordPagination
from core.api.parameters import CURSOR, parse_comma_list, unknown_value_error
from core.api.renderers import Row, machine_value, table_rows
from core.api.revisions import annotate_revision
from core.api.schema import ApiAutoSchema
from core.api.serializers import key_field_name
from core.caching.response_cache import respond_to_reader
from core.http.as_of import days_stem, known_rows, today
from core.http.errors import BadRequest
from core.http.middleware import record_etag
from core.http.request import TrackerRequest, demo_notice_rows, download_stem, with_demo_flag
from core.spreadsheets.writer import CoverSheet, SheetSpec, csv_response, write_workbook, xlsx_response
from core.text.formatting import join_clauses, label_value
from core.web.tables import AnyColumn

CHUNK_SIZE = 50  # rows fetched at a time for a file: of 500 the garbage took 23 MiB before it was collected


class SiteAccess(BasePermission):
    """Permission class: everybody may read, on an internal site every signed-in user."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return settings.SITE_ACCESS != "internal" or bool(request.user.is_authenticated)


def wants_page(request: Request) -> bool:
    """Return whether the answer holds one page of the records: JSON does, a file where a page is asked for."""
    return request.accepted_renderer.format == "json" or bool({"page", "page_size", CURSOR} & {*request.query_params})


class BaseAPIView(APIView):
    """Base API view: rejects unknown parameters, and has an as-of date."""

    permission_classes = [SiteAccess]
    metadata_class = None  # OPTIONS would repeat /api/schema/
    schema = ApiAutoSchema()
    http_method_names = ["get", "head", "options"]

    heading: ClassVar[str | Promise] = ""  # title in the documentation
    about: ClassVar[str] = ""
    cache_responses: ClassVar[bool] = False  # JSON that depends on versioned tables, address and language alone
    filter_backends: ClassVar[Any] = [ApiFilterBackend]
    filterset_class: ClassVar[Any] = None

    @property
    def as_of(self) -> date:
        """As-of date of the request; today where no middleware has set one."""
        day: date = getattr(self.request, "as_of", None) or today()
        return day

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        respond = super().dispatch
        if not self.cache_responses:
            return respond(request, *args, **kwargs)
        return respond_to_reader(cast(TrackerRequest, request), lambda request: respond(request, *args, **kwargs))

    def check_permissions(self, request: Request) -> None:
        """Count the request first: rejected requests count towards the rate limit too."""
        super().check_throttles(request)
        super().check_permissions(request)

    def check_throttles(self, request: Request) -> None:
        """Done by `check_permissions`."""

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        self.check_parameters(request)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Let `?format=` take precedence over Accept; an unknown format is an error. Raises BadRequest."""
        asked = request.query_params.get("format")
        if asked is None or force:
            return super().perform_content_negotiation(request, force)
        for renderer in self.get_renderers():
            if renderer.format == asked:
                return renderer, renderer.media_type
        raise BadRequest(unknown_value_error("format", asked, list(dict.fromkeys(self.formats()))))

    def check_parameters(self, request: Request) -> None:
        """Raises BadRequest for unknown parameters."""
        if request.method in {"GET", "HEAD"}:
            names = [parameter.name for parameter in self.parameters()]
            parameters.check_query_params(request, [*names, *self.filter_names()])

    def filter_names(self) -> Iterable[str]:
        """Return the parameters that filter, which drf-spectacular describes by itself."""
        filtered = self.filterset_class and not getattr(self, "detail", False)
        return self.filterset_class.base_filters if filtered else ()

    def formats(self) -> Sequence[str]:
        return [str(renderer.format) for renderer in self.renderer_classes]

    def parameters(self) -> Sequence[OpenApiParameter]:
        """Return the parameters of this URL besides filters: requests are checked and the schema is written by them."""
        return [*parameters.DAY_PARAMETERS, *parameters.format_parameters(self.formats())]

    def file_response(self, serializer: Serializer, records: Iterable[object], name: str) -> HttpResponseBase:
        """Return the file with one row for each record: CSV in plain UTF-8 without a preamble, or a workbook with real
        dates and numbers, and a cover sheet.
        """
        stem = download_stem(self.request, f"{name}-{days_stem(self.request, self.as_of)}")
        heads = list(serializer.fields)
        rows: Iterator[Row] = (serializer.to_representation(record) for record in records)
        if self.request.accepted_renderer.format == "csv":
            lines = ([machine_value(cell) for cell in cells] for cells in table_rows(heads, rows))
            return csv_response(chain([heads], lines), stem, for_excel=False)
        # The cover names the as-of date, and the parameters that filter and order the rows.
        chosen = {k: v for k, v in self.request.query_params.items() if k not in {"as_of", "known", "lang", "format"}}
        filters = join_clauses(label_value(name, value) for name, value in chosen.items())
        about = [(_("As of"), self.as_of), *known_rows(self.request), (_("Filter"), filters or _("none"))]
        cover = CoverSheet(stem, about, self.request.build_absolute_uri(), demo_notice_rows(self.request))
        part = SheetSpec(stem, [AnyColumn(head, head) for head in heads], table_rows(heads, rows))
        return xlsx_response(write_workbook([part], cover), stem)


class RecordViewSet(BaseAPIView, ReadOnlyModelViewSet):
    """Read-only viewset of a model: a filtered, ordered, paginated list, also as a file, and one record by its code."""

    cache_responses = True
    filterset_class: ClassVar[type[ApiFilterSet]]
    ordering_fields: ClassVar[Sequence[str]]
    ordering_paths: ClassVar[Mapping[str, str]] = {}  # of ordering fields, where `ordering_path` finds another
    default_ordering: ClassVar[str]
    list_actions: ClassVar[frozenset[str]] = frozenset({"list"})  # reads that answer with pages of rows
    lookup_field = "slug"
    lookup_value_regex = "[a-z0-9-]+"

    def read_serializer(self) -> Serializer:
        return cast(Serializer, self.get_serializer())

    def parameters(self) -> Sequence[OpenApiParameter]:
        own = parameters.list_parameters(self.ordering_fields) if self.action == "list" else []
        return [*own, *super().parameters()]

    @property
    def file_name(self) -> str:
        """Name of the resource in URLs: policies, plans, pilots."""
        return self.request.path.removeprefix(reverse("api-root")).split("/")[0]

    def list(self, request: Request, *args: object, **kwargs: object) -> Any:
        return self.list_response(self.filter_queryset(self.get_queryset()), self.file_name)

    def list_response(self, rows: QuerySet, file_name: str) -> Any:
        """Return a page of the rows, or a file with all of them."""
        request, serializer = self.request, self.read_serializer()
        paged = wants_page(request)
        records = self.rows_for_output(self.paginate_queryset(rows) or []) if paged else self.rows_in_chunks(rows)
        if request.accepted_renderer.format != "json":
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
        record = self.annotate_as_of(self.get_object())
        serializer = self.read_serializer()
        if request.accepted_renderer.format != "json":
            return self.file_response(serializer, [record], f"{self.file_name}-{self.kwargs[self.lookup_field]}")
        response = Response(with_demo_flag(request, serializer.to_representation(record)))

        def set_etag(rendered: Response) -> None:
            rendered["ETag"] = record_etag(rendered.content, record.revision)

        response.add_post_render_callback(set_etag)
        return response

    def base_queryset(self) -> QuerySet:
        """Hook: return every record, with what the serializer needs; by default `queryset`."""
        return super().get_queryset()

    def visible_as_of(self, rows: QuerySet) -> QuerySet:
        """Hook: filter to the records known on the as-of date; by default all."""
        return rows

    def get_queryset(self) -> QuerySet:
        return annotate_revision(self.visible_as_of(self.base_queryset()))

    def known_day(self, name: str) -> Case:
        """Return a day as it was known on the as-of date, as an expression: null while it lay ahead."""
        return Case(When(**{f"{name}__lte": self.as_of}, then=F(name)))

    def annotate_facts(self, rows: QuerySet) -> QuerySet:
        """Hook: add what `annotate_as_of` computes from; by default nothing."""
        return rows

    def annotate_as_of(self, record: Model) -> Any:
        """Hook: add computed values of the as-of date to a record; by default nothing."""
        return record

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        """Return the filtered rows in the requested order. Raises BadRequest for invalid values."""
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


class PkLookupMixin(RecordViewSet):
    """Viewset mixin for a model without a code: records are identified by primary key."""

    lookup_field = "pk"
    lookup_value_regex = "[0-9]{1,18}"


class AggregateView(BaseAPIView):
    """View of an aggregate: computed by the function that the page uses, and only serialized here.

    As a file it is one table, that of `file_rows`.
    """

    cache_responses = True
    queryset: ClassVar[QuerySet | None] = None  # of the model that is filtered
    serializer_class: ClassVar[type[Serializer]]
    row_serializer_class: ClassVar[type[Serializer]]
    file_name: ClassVar[str]
    own_parameters: ClassVar[Sequence[OpenApiParameter]] = ()

    def build(self) -> Any:
        raise NotImplementedError

    def filtered(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows that pass the filters. Raises BadRequest for invalid values."""
        return filtered_queryset(self.filterset_class(self.request.query_params, queryset=rows))

    def file_rows(self, value: Any) -> Iterable[object]:
        """Return the records of the file."""
        raise NotImplementedError

    def get_serializer(self) -> BaseSerializer:
        """Return the serializer for the OpenAPI schema."""
        return self.serializer_class()

    def parameters(self) -> Sequence[OpenApiParameter]:
        return [*self.own_parameters, *super().parameters()]

    def get(self, request: Request) -> Any:
        value, context = self.build(), {"request": request, "view": self}
        if request.accepted_renderer.format != "json":
            rows = self.row_serializer_class(context=context)
            return self.file_response(rows, self.file_rows(value), self.file_name)
        serializer = self.serializer_class(context=context)
        return Response(with_demo_flag(request, serializer.to_representation(value)))


class PagedAggregateView(AggregateView):
    """Aggregate that lists records: in JSON page by page, while its numbers stay over all of them.

    A file has every row unless a page is asked for.
    """

    def parameters(self) -> Sequence[OpenApiParameter]:
        return [*super().parameters(), *parameters.PAGE_PARAMETERS]

    def page_of(self, rows: QuerySet[Model]) -> ListPage:
        return RecordPagination().page_of_keys(rows, self.request)

    @property
    def shows_page(self) -> bool:
        return wants_page(self.request)


class ApiRootView(BaseAPIView):
    """API root: the names and URLs of all resources and aggregates."""

    renderer_classes = [JSONRenderer]
    heading = gettext_lazy("All addresses")
    about = "The resources and aggregates by name, each with its address."
    routes: Mapping[str, str] = {}  # resource name to URL name

    def get(self, request: Request) -> Response:
        return Response({name: request.build_absolute_uri(reverse(url)) for name, url in self.routes.items()})
