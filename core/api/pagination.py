"""Pagination of API lists: page numbers, or cursors by primary key. An invalid page is an error, never page one."""

import base64
import binascii
import re
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from core.api.serializers import DaySerializer
from core.days import with_demo_flag
from core.errors import Problem, truncate

PAGE_SIZE, MAX_PAGE_SIZE = 50, 200
CURSOR, CURSOR_START = "cursor", "first"
CURSOR_PATTERN = re.compile(r"([a-z])((?:\.[0-9]{1,18})+)", re.ASCII)
RECORD_CURSOR = "r"  # kind of a list's cursors, their first letter
CURSOR_HELP = (
    "Instead of page and ordering: the records by their number, page after page. Begin with “first”, then follow "
    "“next”. A far page costs what the first one does, and nothing that changes meanwhile shifts the pages."
)
PAGE_PARAMETERS = [
    OpenApiParameter("page", int, description="Which page, from 1. Without it a file holds the whole list."),
    OpenApiParameter("page_size", int, description="Rows on a page, 1 to 200. Without it: 50. Of files beside page."),
]


class OfPage(serializers.Field):
    """Field mixin: a value of the page that the view lists, by the name of the field."""

    def get_attribute(self, _value: object) -> Any:
        return getattr(self.context["view"].paginator, str(self.field_name))


class PageCountField(OfPage, serializers.IntegerField):
    pass


class PageUrlField(OfPage, serializers.URLField):
    pass


class PageSerializer(DaySerializer):
    """Envelope of a list inside an aggregate."""

    count = PageCountField(help_text="Rows of the whole list.")
    next = PageUrlField(allow_null=True, help_text="The next page, null on the last.")
    previous = PageUrlField(allow_null=True, help_text="The page before, or null.")


class RecordPagination(BasePagination):
    """Pagination by page number; with `cursor` by primary key, uncounted: the last page costs as much as the first."""

    count: int | None = None
    next: str | None = None  # address of the next page
    previous: str | None = None
    rows: list[Any]

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return the requested page. Raises Problem for an invalid number, NotFound past the last page."""
        self.request, params = request, request.query_params
        if CURSOR in params:
            self.rows = self.rows_after(queryset, params)
            return self.rows
        given = params.get("page", "1")
        if not (given.isascii() and given.isdigit() and int(given[:9]) >= 1):
            message = _("page: “%(value)s” is not a page number. Pages count from 1.") % {"value": truncate(given)}
            raise Problem("page", "invalid_number", message)
        pages, number = Paginator(queryset, parse_page_size(params)), int(given)
        if number > pages.num_pages:
            text = _("page: “%(value)s” is not a page of this list. Pages run from 1 to %(last)d.")
            raise NotFound(text % {"value": number, "last": pages.num_pages})
        self.count, self.rows = pages.count, list(pages.page(number))
        self.next = self.url_with("page", str(number + 1)) if number < pages.num_pages else None
        if number > 1:
            self.previous = self.url_with("page", str(number - 1) if number > 2 else None)
        return self.rows

    def rows_after(self, queryset: QuerySet[Any], params: QueryDict) -> list[Any]:
        """Return the rows after the cursor. Raises Problem for an invalid one, and beside page or ordering."""
        text = _("%(name)s: not beside cursor, which follows the records by their number. Leave one of the two out.")
        beside = [name for name in ("page", "ordering") if name in params]
        if beside:
            raise Problem.of(Problem(name, "not_with_cursor", text % {"name": name}) for name in beside)
        given = str(params[CURSOR])
        numbers = (0,) if given == CURSOR_START else decode_cursor(given, RECORD_CURSOR, 1)
        if numbers is None:
            message = _("cursor: “%(value)s” is no cursor of a list. Begin with “first”, then follow “next”.")
            raise Problem(CURSOR, "invalid_cursor", message % {"value": truncate(given)})
        size = parse_page_size(params)
        rows = list(queryset.filter(pk__gt=numbers[0]).order_by("pk")[: size + 1])
        if len(rows) > size:
            self.next = self.url_with(CURSOR, encode_cursor(RECORD_CURSOR, rows[size - 1].pk))
        return rows[:size]

    def get_paginated_response(self, data: object) -> Response:
        """Return the envelope of a list, flagged for demonstration data."""
        envelope = {"count": self.count, "next": self.next, "previous": self.previous, "results": data}
        return Response(with_demo_flag(self.request, envelope))

    def url_with(self, name: str, value: str | None) -> str:
        """Return this list's URL with another value of a parameter, None to remove it.

        Built from the parsed parameters, because a query that came unencoded would be encoded twice.
        """
        address = f"{self.request.build_absolute_uri(self.request.path)}?{self.request.query_params.urlencode()}"
        url = remove_query_param(address, name) if value is None else replace_query_param(address, name, value)
        return str(url)

    def get_paginated_response_schema(self, schema: dict[str, object]) -> dict[str, object]:
        rows = "Rows of the whole list; null with a cursor, because counting is what makes far pages slow."
        back = "Address of the page before, null on the first and with a cursor."
        address = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["count", "next", "previous", "results"],
            "properties": {
                "count": {"type": ["integer", "null"], "description": rows},
                "next": {**address, "description": "Address of the next page, null on the last."},
                "previous": {**address, "description": back},
                "results": {**schema, "description": "The records of the page."},
                "demonstration": {"type": "boolean", "description": "True where all data are invented, else left out."},
            },
        }


def parse_page_size(params: QueryDict, default: int = PAGE_SIZE, most: int = MAX_PAGE_SIZE) -> int:
    """Return `page_size`. Raises Problem outside 1 to the maximum."""
    given = params.get("page_size", str(default))
    if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= most):
        message = _("page_size: “%(value)s” is not a whole number from 1 to %(most)d.")
        raise Problem("page_size", "invalid_number", message % {"value": truncate(given), "most": most})
    return int(given)


# -- cursors -------------------------------------------------------------------------------------------


def encode_cursor(kind: str, *numbers: int) -> str:
    """Return numbers as an opaque cursor, encoded so that clients do not depend on its contents."""
    plain = kind + "".join(f".{number}" for number in numbers)
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def decode_cursor(text: str, kind: str, count: int) -> tuple[int, ...] | None:
    """Return the numbers of a cursor of this kind; None for anything never encoded so."""
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    match = CURSOR_PATTERN.fullmatch(plain)
    numbers = tuple(map(int, match[2].split(".")[1:])) if match and match[1] == kind else ()
    return numbers if len(numbers) == count and encode_cursor(kind, *numbers) == text else None
