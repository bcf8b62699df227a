"""What every address of the API has in common: strict parameters, a choice of fields, three formats, one day."""

from calendar import timegm
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache, cached_property
from typing import Any, ClassVar, cast

from django.conf import settings
from django.db.models import F, QuerySet
from django.http.response import HttpResponseBase
from django.utils.functional import Promise
from django.utils.http import http_date
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

from config import parameters, replica
from config.asof import today
from config.demonstration import body, file_lines, file_stem
from config.faults import BadRequest, Fault
from config.kept import kept
from config.lists import form_faults
from config.openapi import Description
from config.paging import CURSOR
from config.parameters import unknown_word, words_of
from config.renderers import Row, csv_file, xlsx_file
from config.revisions import with_revision
from config.standins import part_of, stand_ins
from config.throttles import throttle
from config.words import clauses, labelled
from config.workbooks import Cover

CHUNK = 500  # rows fetched at a time for a file
DEPRECATED_DAYS = 365  # for so long at least what is to go still works
KNOWN_NAMES: dict[tuple[type[APIView], str | None], frozenset[str]] = {}


class SiteAccess(BasePermission):
    """Everybody reads, unless the site is internal: then whoever has signed in."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return settings.SITE_ACCESS != "internal" or bool(request.user.is_authenticated)


class Negotiation(DefaultContentNegotiation):
    """`?format=` wins over the Accept header, and a format that is not made here is named."""

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
        raise BadRequest(unknown_word("format", asked, list(dict.fromkeys(str(item.format) for item in offered))))


@dataclass(frozen=True)
class Deprecated:
    """What is said of an address that will go: since when, on which day it goes if that is settled, what to use.

    Raises ValueError for one that would go within a year: whoever builds on v1 is promised that long.
    """

    since: date
    about: str  # the address of the page that says what to use instead
    until: date | None = None

    def __post_init__(self) -> None:
        if self.until is not None and self.until < self.since + timedelta(DEPRECATED_DAYS):
            raise ValueError(f"{self.until} is within {DEPRECATED_DAYS} days of {self.since}")

    def headers(self) -> dict[str, str]:
        """The headers of RFC 9745 and RFC 8594."""
        said = {
            "Deprecation": f"@{midnight(self.since)}",
            "Link": f'<{self.about}>; rel="deprecation"; type="text/html"',
        }
        return said if self.until is None else {**said, "Sunset": http_date(midnight(self.until))}


def midnight(day: date) -> int:
    """The first second of a day in UTC."""
    return timegm(day.timetuple())


class Strict(APIView):
    """An address that refuses what it does not know, and answers for one day."""

    content_negotiation_class = Negotiation
    permission_classes = [SiteAccess]
    metadata_class = None  # OPTIONS tells nothing that /api/schema/ does not
    schema = Description()
    http_method_names = ["get", "head", "options"]

    heading: ClassVar[str | Promise] = ""  # what the documentation calls it
    about: ClassVar[str | Promise] = ""
    example: ClassVar[str] = ""  # the query string of the documentation's example
    deprecated: ClassVar[Deprecated | None] = None  # what is said of an address that will go
    followed: ClassVar[bool] = False  # what is read after it may not be behind it: see config/replica.py

    @property
    def as_of(self) -> date:
        """The day asked for; today where no middleware has set one."""
        day: date = getattr(self.request, "as_of", None) or today()
        return day

    def check_permissions(self, request: Request) -> None:
        """Whoever is refused is counted as well."""
        throttle(request)
        super().check_permissions(request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        replica.for_program(request, follows=self.followed)
        self.check_parameters(request)

    def check_parameters(self, request: Request) -> None:
        """Raises BadRequest for what this address does not know."""
        if request.method in {"GET", "HEAD"}:
            parameters.check(request, self.known_names())

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Every answer of an address that will go says so, refusals as well."""
        response = super().finalize_response(request, response, *args, **kwargs)
        for name, value in self.deprecated.headers().items() if self.deprecated else ():
            response[name] = value
        return response

    def known_names(self) -> frozenset[str]:
        """The names of the parameters; the code alone decides them, so that they are listed once."""
        key = type(self), getattr(self, "action", None)
        if key not in KNOWN_NAMES:
            KNOWN_NAMES[key] = frozenset(parameter.name for parameter in self.parameters())
        return KNOWN_NAMES[key]

    def formats(self) -> Sequence[str]:
        return [str(renderer.format) for renderer in self.renderer_classes]

    def parameters(self) -> Sequence[OpenApiParameter]:
        """The parameters of this address: by these a request is checked and the description is written."""
        return parameters.common(self.formats())

    def file(
        self, serializer: Serializer[Any], records: Iterable[Any], name: str, heads: Sequence[str] = ()
    ) -> HttpResponseBase | None:
        """The file asked for, with one row for each record; None when JSON is wanted.

        `heads` are its columns where the fields have been chosen already.
        """
        kind, stem = self.request.accepted_renderer.format, file_stem(self.request, f"{name}-{self.as_of}")
        if kind == "json":
            return None
        heads = heads or chosen_fields(serializer, self.request)
        rows: Iterator[Row] = (serializer.to_representation(record) for record in records)
        if kind == "csv":
            return csv_file(heads, rows, stem)
        cover = Cover(stem, self.asked(), self.request.build_absolute_uri(), file_lines(self.request))
        return xlsx_file(heads, rows, stem, cover)

    def asked(self) -> list[tuple[str, Any]]:
        """The day, and the parameters that choose and order the rows, as the address writes them."""
        chosen = {k: v for k, v in self.request.query_params.items() if k not in {"as_of", "lang", "format"}}
        filters = clauses(labelled(name, value) for name, value in chosen.items())
        return [(_("As of"), self.as_of), (_("Filter"), filters or _("none"))]


def chosen_fields(serializer: Serializer[Any], request: Request) -> list[str]:
    """Leave only the fields that are asked for, and say which, in the order asked for."""
    kept = chosen_names(list(serializer.fields), request)
    for name in list(serializer.fields):
        if name not in kept:
            serializer.fields.pop(name)
    return kept


def chosen_names(known: Sequence[str], request: Request) -> list[str]:
    """Those of the fields that `fields` and `omit`, or `brief`, ask for, in the order asked for."""
    wanted, unwanted = words_of(request.query_params, "fields", known), words_of(request.query_params, "omit", known)
    kept = [name for name in dict.fromkeys(wanted or known) if name not in unwanted]
    if parameters.is_brief(request.query_params):
        kept = [name for name in known if name in parameters.NAMING]
    if not kept:
        raise BadRequest(Fault("omit", "nothing_left", _("omit: no field would be left.")))
    return kept


@cache
def names_of(serializer_class: type[Serializer[Any]]) -> tuple[str, ...]:
    """The names of a face's fields; the code alone decides them, so that they are listed once."""
    return tuple(serializer_class().fields)


class Resource(Strict, ReadOnlyModelViewSet):
    """A kind of record: a filtered, ordered list by pages or as a file, and one record by its code."""

    filterset_class: ClassVar[type[FilterSet]]
    order: ClassVar[Mapping[str, str]]  # the ordering words and the fields they stand for
    default_order: ClassVar[str]
    examples: ClassVar[Mapping[str, str]] = {}  # values for the documentation
    one: ClassVar[str | Promise] = gettext_lazy("One record")
    sample: ClassVar[str] = "1"  # the code or number of the documentation's example; empty: none that is always there
    lookup_field = "slug"
    lookup_value_regex = "[a-z0-9-]+"

    def face(self) -> Serializer[Any]:
        return cast(Serializer[Any], self.get_serializer())

    def parameters(self) -> Sequence[OpenApiParameter]:
        names = list(self.face().fields)
        shared = [*parameters.common(self.formats()), *parameters.sparse(names), parameters.brief()]
        if self.action != "list":
            return shared
        own = parameters.filters(self.filterset_class, {self.lookup_field: self.sample, **self.examples})
        return [*own, *parameters.listing(list(self.order)), *shared]

    @property
    def file_name(self) -> str:
        """The resource's name in addresses: policies, plans, pilots."""
        return self.request.path.removeprefix(reverse("api-root")).split("/")[0]

    @kept
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        rows = self.filter_queryset(self.get_queryset())
        paged = request.accepted_renderer.format == "json" or {"page", "page_size", CURSOR} & set(request.query_params)
        records: Any = self.paginate_queryset(rows) if paged else self.drawn_from(rows, CHUNK)
        serializer, heads = self.chosen
        file = self.file(serializer, records, self.file_name, heads)
        if file is not None:
            return file
        return self.get_paginated_response([serializer.to_representation(record) for record in records])

    @cached_property
    def chosen(self) -> tuple[Serializer[Any], Sequence[str]]:
        """The face with only the fields that are asked for, and their names in the order asked for."""
        serializer = self.face()
        return serializer, chosen_fields(serializer, self.request)

    def drawn_from(self, rows: QuerySet[Any], chunk: int | None = None) -> Iterable[Any]:
        """What the chosen face draws of the rows: stand-ins, where columns are all it needs, else the records."""
        part = part_of(self.chosen[0], rows)
        if part is not None:
            return stand_ins(part, rows, chunk)
        return map(self.on_the_day, rows if chunk is None else rows.iterator(chunk_size=chunk))

    @kept
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        record = self.on_the_day(self.get_object())
        serializer, heads = self.chosen
        file = self.file(serializer, [record], f"{self.file_name}-{self.kwargs[self.lookup_field]}", heads)
        if file is not None:
            return file
        response = Response(body(request, serializer.to_representation(record)))
        response.revision = record.revision  # type: ignore[attr-defined]  # the tag of one record begins with it
        return response

    def records(self) -> QuerySet[Any]:
        """Every record of the kind, with what its face needs."""
        raise NotImplementedError

    def known(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Those of them that a reader of the day may know of; all of most kinds."""
        return rows

    def get_queryset(self) -> QuerySet[Any]:
        return with_revision(self.known(self.records()))

    def with_facts(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The rows with what `on_the_day` computes from; most need nothing."""
        return rows

    def on_the_day(self, record: Any) -> Any:
        """The record with what has to be computed of it for the day; most have nothing to add."""
        return record

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows that the filters leave, in the order asked for. Raises BadRequest for what cannot be read."""
        if self.action != "list":
            return queryset
        params = self.request.query_params
        parameters.check_days(params, self.filterset_class)
        rows = filtered(self.filterset_class(params, queryset=queryset))
        if "search" in params:
            rows = filtered(self.filterset_class({"q": params["search"]}, queryset=rows), q="search")
        return self.ordered(rows)

    def ordered(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Empty values last in either direction; the key settles ties, so that pages never overlap."""
        words = words_of(self.request.query_params, "ordering", list(self.order), turned="-")
        words = words or self.default_order.split(",")
        keys = [
            F(self.order[word.removeprefix("-")]).desc(nulls_last=True)
            if word.startswith("-")
            else F(self.order[word]).asc(nulls_last=True)
            for word in words
        ]
        return rows.order_by(*keys, "pk")


class Numbered(Resource):
    """A kind of record without a code of its own: it goes by its number."""

    lookup_field = "pk"
    lookup_value_regex = "[0-9]{1,18}"


def filtered(filterset: FilterSet, **names: str) -> QuerySet[Any]:
    """The rows a filter set leaves. Raises BadRequest for values it cannot read, under the names the request used."""
    if not filterset.is_valid():
        raise BadRequest(
            *(renamed(fault, names.get(fault.pointer, fault.pointer)) for fault in form_faults(filterset.form))
        )
    rows: QuerySet[Any] = filterset.qs
    return rows


def renamed(fault: Fault, name: str) -> Fault:
    return replace(fault, pointer=name, message=name + fault.message.removeprefix(fault.pointer))


class Aggregate(Strict):
    """A number of the programme: built by the function that the page uses, and only written down here.

    As a file it is one table, that of `rows`.
    """

    serializer_class: ClassVar[type[Serializer[Any]]]
    row_serializer_class: ClassVar[type[Serializer[Any]]]
    file_name: ClassVar[str]

    def build(self) -> Any:
        raise NotImplementedError

    def rows(self, value: Any) -> Iterable[Any]:
        """The records of the file."""
        raise NotImplementedError

    def get_serializer(self) -> BaseSerializer[Any]:
        """For the description of the API."""
        return self.serializer_class()

    def parameters(self) -> Sequence[OpenApiParameter]:
        names = list(self.serializer_class().fields)
        return [*self.own_parameters(), *parameters.common(self.formats()), *parameters.sparse(names)]

    def own_parameters(self) -> Sequence[OpenApiParameter]:
        return []

    @kept
    def get(self, request: Request) -> Any:
        value, context = self.build(), {"request": request, "view": self}
        file = self.file(self.row_serializer_class(context=context), self.rows(value), self.file_name)
        if file is not None:
            return file
        serializer = self.serializer_class(context=context)
        chosen_fields(serializer, request)
        return Response(body(request, serializer.to_representation(value)))


class Root(Strict):
    """The way in: what there is, and where."""

    renderer_classes = [JSONRenderer]
    heading = gettext_lazy("All addresses")
    about = gettext_lazy("The resources and aggregates by name, each with its address.")
    routes: Mapping[str, str] = {}  # name: the name of its URL

    def get(self, request: Request) -> Response:
        return Response({name: request.build_absolute_uri(reverse(url)) for name, url in self.routes.items()})
