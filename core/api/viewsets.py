"""Base views and read-only viewset of the API: strict parameters, sparse fieldsets, three formats and an as-of date."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache, cached_property
from typing import Any, ClassVar, cast

from django.conf import settings
from django.db.models import Case, F, Model, QuerySet, When
from django.http.response import HttpResponseBase
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import FilterSet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.serializers import BaseSerializer, Serializer
from rest_framework.views import APIView
from rest_framework.viewsets import ReadOnlyModelViewSet

from core.api import query_params
from core.api.filters import ApiFilterBackend, ApiFilterSet
from core.api.openapi.schema import ApiAutoSchema
from core.api.pagination import CURSOR, ListPage, RecordPagination
from core.api.query_params import parse_comma_list, unknown_value_error
from core.api.renderers import Row, render_csv, render_xlsx
from core.api.serializers import key_field_name
from core.api.write.optimistic_locking import annotate_revision
from core.http.as_of import days_stem, known_rows, today
from core.http.conditional_requests import set_record_etag
from core.http.demo_mode import demo_notice_rows, download_stem, with_demo_flag
from core.http.errors import BadRequest, ErrorDetail
from core.http.rate_limits import check_rate_limits
from core.spreadsheets.xlsx_writer import CoverSheet
from core.text.joining import join_clauses, label_value

CHUNK_SIZE = 50  # rows fetched at a time for a file: of 500 the garbage took 23 MiB before it was collected
PARAMETER_NAMES: dict[tuple[type[APIView], str | None], frozenset[str]] = {}


class SiteAccess(BasePermission):
    """Permission class: everybody may read, on an internal site every signed-in user."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return settings.SITE_ACCESS != "internal" or bool(request.user.is_authenticated)


class Negotiation(DefaultContentNegotiation):
    """Content negotiation: `?format=` takes precedence over Accept; an unknown format is an error."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        offered = list(renderers)
        asked = request.query_params.get("format")
        if asked is None:
            return cast(tuple[BaseRenderer, str], super().select_renderer(request, offered))
        for renderer in offered:
            if renderer.format == asked:
                return renderer, str(renderer.media_type)
        raise BadRequest(
            unknown_value_error("format", asked, list(dict.fromkeys(str(item.format) for item in offered)))
        )


class BaseAPIView(APIView):
    """Base API view: rejects unknown parameters, and has an as-of date."""

    content_negotiation_class = Negotiation
    permission_classes = [SiteAccess]
    metadata_class = None  # OPTIONS would repeat /api/schema/
    schema = ApiAutoSchema()
    http_method_names = ["get", "head", "options"]

    heading: ClassVar[str | Promise] = ""  # title in the documentation
    about: ClassVar[str | Promise] = ""
    cache_responses: ClassVar[bool] = False  # JSON that depends on versioned tables, address and language alone

    @property
    def as_of(self) -> date:
        """As-of date of the request; today where no middleware has set one."""
        day: date = getattr(self.request, "as_of", None) or today()
        return day

    def check_permissions(self, request: Request) -> None:
        """Count the request first: rejected requests count towards the rate limit too."""
        check_rate_limits(request)
        super().check_permissions(request)

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        self.check_parameters(request)

    def check_parameters(self, request: Request) -> None:
        """Raises BadRequest for unknown parameters."""
        if request.method in {"GET", "HEAD"}:
            query_params.check_query_params(request, self.parameter_names())

    def parameter_names(self) -> frozenset[str]:
        """Return the parameter names; only the code determines them, so they are listed once."""
        key = type(self), getattr(self, "action", None)
        if key not in PARAMETER_NAMES:
            named = [parameter.name for parameter in self.parameters()]
            PARAMETER_NAMES[key] = frozenset([*named, *self.filter_names()])
        return PARAMETER_NAMES[key]

    def filter_names(self) -> Iterable[str]:
        """Return the parameters that filter, which drf-spectacular describes by itself."""
        return []

    def formats(self) -> Sequence[str]:
        return [str(renderer.format) for renderer in self.renderer_classes]

    def parameters(self) -> Sequence[OpenApiParameter]:
        """Return the parameters of this URL besides filters: requests are checked and the schema is written by them."""
        return query_params.common_parameters(self.formats())

    def file_response(
        self, serializer: Serializer, records: Iterable[object], name: str, heads: Sequence[str] = ()
    ) -> HttpResponseBase | None:
        """Return the requested file with one row for each record; None when JSON is wanted.

        `heads` are its columns where the fields have been selected already.
        """
        kind, days = self.request.accepted_renderer.format, days_stem(self.request, self.as_of)
        stem = download_stem(self.request, f"{name}-{days}")
        if kind == "json":
            return None
        heads = heads or select_fields(serializer, self.request)
        rows: Iterator[Row] = (serializer.to_representation(record) for record in records)
        if kind == "csv":
            return render_csv(heads, rows, stem)
        cover = CoverSheet(
            stem, self.describe_request(), self.request.build_absolute_uri(), demo_notice_rows(self.request)
        )
        return render_xlsx(heads, rows, stem, cover)

    def describe_request(self) -> list[tuple[str, object]]:
        """Return the as-of date, and the parameters that filter and order the rows, for a file's description."""
        chosen = {k: v for k, v in self.request.query_params.items() if k not in {"as_of", "known", "lang", "format"}}
        filters = join_clauses(label_value(name, value) for name, value in chosen.items())
        return [(_("As of"), self.as_of), *known_rows(self.request), (_("Filter"), filters or _("none"))]


def select_fields(serializer: Serializer, request: Request) -> list[str]:
    """Leave only the selected fields on the serializer, and return their names in the requested order."""
    kept = selected_field_names(list(serializer.fields), request)
    for name in list(serializer.fields):
        if name not in kept:
            serializer.fields.pop(name)
    return kept


def selected_field_names(known: Sequence[str], request: Request) -> list[str]:
    """Return the fields that `fields` and `omit`, or `brief`, select, in the requested order."""
    wanted, unwanted = (
        parse_comma_list(request.query_params, "fields", known),
        parse_comma_list(request.query_params, "omit", known),
    )
    kept = [name for name in dict.fromkeys(wanted or known) if name not in unwanted]
    if query_params.is_brief(request.query_params):
        kept = [name for name in known if name in query_params.BRIEF_FIELDS]
    if not kept:
        raise BadRequest(ErrorDetail("omit", "nothing_left", _("omit: no field would be left.")))
    return kept


@cache
def serializer_field_names(serializer_class: type[Serializer]) -> tuple[str, ...]:
    """Return the field names of a serializer class; only the code determines them, so they are listed once."""
    return tuple(serializer_class().fields)


class RecordViewSet(BaseAPIView, ReadOnlyModelViewSet):
    """Read-only viewset of a model: a filtered, ordered, paginated list, also as a file, and one record by its code."""

    cache_responses = True
    filter_backends = [ApiFilterBackend]
    filterset_class: ClassVar[type[ApiFilterSet]]
    ordering_fields: ClassVar[Sequence[str]]
    ordering_paths: ClassVar[Mapping[str, str]] = {}  # of ordering fields, where `ordering_path` finds another
    default_ordering: ClassVar[str]
    detail_heading: ClassVar[str | Promise] = gettext_lazy("One record")
    list_actions: ClassVar[frozenset[str]] = frozenset({"list"})  # reads that answer with pages of rows
    action_texts: ClassVar[Mapping[str, tuple[str | Promise, str | Promise]]] = {}  # of further actions, for the schema
    example_key: ClassVar[str] = "1"  # code or id of the example in the documentation; empty: none that always exists
    lookup_field = "slug"
    lookup_value_regex = "[a-z0-9-]+"

    def read_serializer(self) -> Serializer:
        return cast(Serializer, self.get_serializer())

    def parameters(self) -> Sequence[OpenApiParameter]:
        names = list(self.read_serializer().fields)
        shared = [
            *query_params.common_parameters(self.formats()),
            *query_params.sparse_parameters(names),
            query_params.brief_parameter(),
        ]
        if self.action != "list":
            return shared
        return [*query_params.list_parameters(self.ordering_fields), *shared]

    def filter_names(self) -> Iterable[str]:
        return self.filterset_class.base_filters if self.action == "list" else []

    @property
    def file_name(self) -> str:
        """Name of the resource in URLs: policies, plans, pilots."""
        return self.request.path.removeprefix(reverse("api-root")).split("/")[0]

    def list(self, request: Request, *args: object, **kwargs: object) -> Any:
        return self.list_response(self.filter_queryset(self.get_queryset()), self.file_name)

    def list_response(self, rows: QuerySet, file_name: str) -> Any:
        """Return a page of the rows, or a file with all of them."""
        request = self.request
        paged = request.accepted_renderer.format == "json" or {"page", "page_size", CURSOR} & set(request.query_params)
        records: Any = self.paginate_queryset(rows) if paged else self.rows_for_output(rows, CHUNK_SIZE)
        serializer, heads = self.selected_serializer
        file = self.file_response(serializer, records, file_name, heads)
        if file is not None:
            return file
        return self.get_paginated_response([serializer.to_representation(record) for record in records])

    @cached_property
    def selected_serializer(self) -> tuple[Serializer, Sequence[str]]:
        """Serializer with only the selected fields, and their names in the requested order."""
        serializer = self.read_serializer()
        return serializer, select_fields(serializer, self.request)

    def rows_for_output(self, rows: QuerySet, chunk: int | None = None) -> Iterable[object]:
        """Return the records that the selected serializer renders; for a file in chunks, so that memory stays flat."""
        return map(self.annotate_as_of, rows if chunk is None else rows.iterator(chunk_size=chunk))

    def retrieve(self, request: Request, *args: object, **kwargs: object) -> Any:
        record = self.annotate_as_of(self.get_object())
        serializer, heads = self.selected_serializer
        file = self.file_response(serializer, [record], f"{self.file_name}-{self.kwargs[self.lookup_field]}", heads)
        if file is not None:
            return file
        response = Response(with_demo_flag(request, serializer.to_representation(record)))
        set_record_etag(response, record.revision)
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
        return self.order_queryset(super().filter_queryset(queryset))

    def order_queryset(self, rows: QuerySet) -> QuerySet:
        """Order with empty values last in either direction, ties by primary key, so that pages never overlap."""
        words = parse_comma_list(self.request.query_params, "ordering", self.ordering_fields, turned="-")
        keys = []
        for word in words or self.default_ordering.split(","):
            name = word.removeprefix("-")
            field = F(self.ordering_path(name))
            keys.append(field.desc(nulls_last=True) if word.startswith("-") else field.asc(nulls_last=True))
        return rows.order_by(*keys, "pk")

    def ordering_path(self, name: str) -> str:
        """Return the path of an ordering field: a relation's is that of its code, a day's what was known on the day."""
        paths = {**self.filterset_class.as_of_fields, **self.ordering_paths}
        model = self.filterset_class._meta.model
        related = {field.name: field.related_model for field in model._meta.concrete_fields if field.is_relation}
        if name in paths or name not in related:
            return paths.get(name, name)
        return f"{name}__{key_field_name(related[name])}"


class PkLookupMixin(RecordViewSet):
    """Viewset mixin for a model without a code: records are identified by primary key."""

    lookup_field = "pk"
    lookup_value_regex = "[0-9]{1,18}"


class AggregateView(BaseAPIView):
    """View of an aggregate: computed by the function that the page uses, and only serialized here.

    As a file it is one table, that of `file_rows`.
    """

    cache_responses = True
    filter_backends = [ApiFilterBackend]
    filterset_class: ClassVar[type[FilterSet] | None] = None
    queryset: ClassVar[QuerySet | None] = None  # of the model that is filtered
    serializer_class: ClassVar[type[Serializer]]
    row_serializer_class: ClassVar[type[Serializer]]
    file_name: ClassVar[str]

    def build(self) -> Any:
        raise NotImplementedError

    def file_rows(self, value: Any) -> Iterable[object]:
        """Return the records of the file."""
        raise NotImplementedError

    def query_strings(self) -> Iterable[str]:
        """Hook: return the query strings that a drill compares: one for each value of a required parameter."""
        return [""]

    def get_serializer(self) -> BaseSerializer:
        """Return the serializer for the OpenAPI schema."""
        return self.serializer_class()

    def parameters(self) -> Sequence[OpenApiParameter]:
        names = list(self.serializer_class().fields)
        return [
            *self.own_parameters(),
            *query_params.common_parameters(self.formats()),
            *query_params.sparse_parameters(names),
        ]

    def own_parameters(self) -> Sequence[OpenApiParameter]:
        return []

    def filter_names(self) -> Iterable[str]:
        return self.filterset_class.base_filters if self.filterset_class else []

    def get(self, request: Request) -> Any:
        value, context = self.build(), {"request": request, "view": self}
        if request.accepted_renderer.format != "json":
            rows = self.row_serializer_class(context=context)
            return self.file_response(rows, self.file_rows(value), self.file_name)
        serializer = self.serializer_class(context=context)
        select_fields(serializer, request)
        return Response(with_demo_flag(request, serializer.to_representation(value)))


class PagedAggregateView(AggregateView):
    """Aggregate that lists records: in JSON page by page, while its numbers stay over all of them.

    A file has every row unless a page is asked for.
    """

    def parameters(self) -> Sequence[OpenApiParameter]:
        return [*super().parameters(), *query_params.page_parameters()]

    def page_of(self, rows: QuerySet[Model]) -> ListPage:
        return RecordPagination().page_of_keys(rows, self.request, self)

    def rows_for_output(self, keys: QuerySet[Any]) -> Iterable[int]:
        """Return the keys themselves: what a page shows is computed from them."""
        return keys

    @property
    def shows_page(self) -> bool:
        """Whether the answer holds one page of the records."""
        wants_json = self.request.accepted_renderer.format == "json"
        return wants_json or not {"page", "page_size"}.isdisjoint(self.request.query_params)


class ApiRootView(BaseAPIView):
    """API root: the names and URLs of all resources and aggregates."""

    renderer_classes = [JSONRenderer]
    heading = gettext_lazy("All addresses")
    about = gettext_lazy("The resources and aggregates by name, each with its address.")
    routes: Mapping[str, str] = {}  # resource name to URL name

    def get(self, request: Request) -> Response:
        return Response({name: request.build_absolute_uri(reverse(url)) for name, url in self.routes.items()})
