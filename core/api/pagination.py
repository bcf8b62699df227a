"""Pagination of API lists: page numbers, or cursors by primary key. An invalid page is an error, never page one."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import EmptyPage, Paginator
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.parameters import CURSOR, CURSOR_START, MAX_PAGE_SIZE, parse_page_size
from core.http.errors import BadRequest, ErrorDetail, truncate
from core.http.request import with_demo_flag

CURSOR_PATTERN = re.compile(r"([a-z])((?:\.[0-9]{1,18})+)", re.ASCII)
RECORD_CURSOR = "r"  # kind of a list's cursors, their first letter


@dataclass(frozen=True)
class ListPage:
    """Page of a list inside an aggregate: the keys of its records, and the envelope of a list without its rows."""

    count: int
    next: str | None
    previous: str | None
    keys: Sequence[int]


class PageSerializer(serializers.Serializer):
    """Envelope of a list inside an aggregate that has a ListPage."""

    count = serializers.IntegerField(source="page.count", help_text="Rows of the whole list.")
    next = serializers.URLField(source="page.next", allow_null=True, help_text="The next page, null on the last.")
    previous = serializers.URLField(source="page.previous", allow_null=True, help_text="The page before, or null.")


class RecordPaginator(Paginator):
    """Paginator whose error says how many pages there are."""

    def validate_number(self, number: float | str) -> int:
        try:
            return super().validate_number(number)
        except EmptyPage as exc:
            text = _("page: “%(value)s” is not a page of this list. Pages run from 1 to %(last)d.")
            raise EmptyPage(text % {"value": number, "last": self.num_pages}) from exc


class RecordPagination(PageNumberPagination):
    """Pagination by page number; with `cursor` by primary key, uncounted: the last page costs as much as the first."""

    django_paginator_class = RecordPaginator
    page_size, page_size_query_param, max_page_size = 50, "page_size", MAX_PAGE_SIZE
    invalid_page_message = "{message}"
    page: Any = None  # None with a cursor
    next_cursor: str | None = None

    def get_page_size(self, request: Request) -> int:
        return parse_page_size(request.query_params, self.page_size)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        """Return the requested page. Raises BadRequest for an invalid number, NotFound past the last page."""
        self.request, params = request, request.query_params
        if CURSOR in params:
            return self.rows_after(queryset, params)
        given = params.get("page", "1")
        if not (given.isascii() and given.isdigit() and int(given[:9]) >= 1):
            message = _("page: “%(value)s” is not a page number. Pages count from 1.") % {"value": truncate(given)}
            raise BadRequest(ErrorDetail("page", "invalid_number", message))
        return super().paginate_queryset(queryset, request, view)

    def rows_after(self, queryset: QuerySet[Any], params: QueryDict) -> list[Any]:
        """Return the rows after the cursor. Raises BadRequest for an invalid one, and beside page or ordering."""
        text = _("%(name)s: not beside cursor, which follows the records by their number. Leave one of the two out.")
        beside = [name for name in ("page", "ordering") if name in params]
        if beside:
            raise BadRequest(*(ErrorDetail(name, "not_with_cursor", text % {"name": name}) for name in beside))
        given = str(params[CURSOR])
        numbers = (0,) if given == CURSOR_START else decode_cursor(given, RECORD_CURSOR, 1)
        if numbers is None:
            message = _("cursor: “%(value)s” is no cursor of a list. Begin with “first”, then follow “next”.")
            raise BadRequest(ErrorDetail(CURSOR, "invalid_cursor", message % {"value": truncate(given)}))
        size = parse_page_size(params, self.page_size)
        rows = list(queryset.filter(pk__gt=numbers[0]).order_by("pk")[: size + 1])
        self.next_cursor = encode_cursor(RECORD_CURSOR, rows[size - 1].pk) if len(rows) > size else None
        return rows[:size]

    def get_paginated_response(self, data: object) -> Response:
        """Return the envelope of a list, flagged for demonstration data."""
        count = None if self.page is None else self.page.paginator.count
        links = {"next": self.get_next_link(), "previous": self.get_previous_link()}
        return Response(with_demo_flag(self.request, {"count": count, **links, "results": data}))  # type: ignore[arg-type]

    def page_of_keys(self, queryset: QuerySet[Any], request: Request) -> ListPage:
        """Return the requested page of an aggregate's records, as `paginate_queryset` does of a list."""
        keys = self.paginate_queryset(queryset.values_list("pk", flat=True), request) or []
        return ListPage(self.page.paginator.count, self.get_next_link(), self.get_previous_link(), keys)

    def get_next_link(self) -> str | None:
        if self.page is None:
            return self.url_with(CURSOR, self.next_cursor) if self.next_cursor else None
        return self.url_with("page", str(self.page.number + 1)) if self.page.has_next() else None

    def get_previous_link(self) -> str | None:
        if self.page is None or not self.page.has_previous():
            return None
        return self.url_with("page", str(self.page.number - 1) if self.page.number > 2 else None)

    def url_with(self, name: str, value: str | None) -> str:
        """Return this list's URL with another value of a parameter, None to remove it.

        Built from the parsed parameters, because a query that came unencoded would be encoded twice.
        """
        request: Any = self.request
        params = {**request.query_params.dict(), name: value}
        query = urlencode(sorted((key, text) for key, text in params.items() if text is not None))
        return str(request.build_absolute_uri(request.path)) + (f"?{query}" if query else "")

    def get_paginated_response_schema(self, schema: dict[str, object]) -> dict[str, object]:
        """Return the OpenAPI 3.1 schema of the envelope."""
        address = {"type": ["string", "null"], "format": "uri"}
        rows = "Rows of the whole list; null with a cursor, because counting is what makes far pages slow."
        back = "Address of the page before, null on the first and with a cursor."
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
    found = CURSOR_PATTERN.fullmatch(plain)
    numbers = tuple(map(int, found[2].split(".")[1:])) if found and found[1] == kind else ()
    return numbers if len(numbers) == count and encode_cursor(kind, *numbers) == text else None
