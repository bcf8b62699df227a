"""Pagination of API lists: page numbers, or cursors by primary key. An invalid page is an error, never page one."""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response

from core.http.demo_mode import with_demo_flag
from core.http.errors import BadRequest, ErrorDetail, truncate

MAX_PAGE_SIZE = 200
CURSOR, CURSOR_START = "cursor", "first"
CURSOR_PATTERN = re.compile(r"([a-z])((?:\.[0-9]{1,18})+)", re.ASCII)
RECORD_CURSOR = "r"  # kind of a list's cursors, their first letter


@dataclass(frozen=True)
class ListPage:
    """Page of a list inside an aggregate: the keys of its records, and the envelope of a list without its rows."""

    count: int
    next: str | None
    previous: str | None
    keys: Sequence[int]


class DeferredJoinPaginator(Paginator):
    """Paginator with a deferred join: finds the keys of a later page first, so skipped rows cost only their key."""

    def __init__(self, rows: QuerySet[Any], per_page: int, read: Callable[[QuerySet[Any]], Iterable[Any]]) -> None:
        super().__init__(rows, per_page)
        self.read_rows = read

    def page(self, number: int | str) -> Page[Any]:
        number = self.validate_number(number)
        rows: Any = self.object_list
        if number == 1:
            return Page(list(self.read_rows(rows[: self.per_page])), number, self)
        begin = (number - 1) * self.per_page
        keys = slice_from_nearer_end(rows.values_list("pk", flat=True), begin, begin + self.per_page, self.count)
        return Page(list(self.read_rows(rows.filter(pk__in=keys))), number, self)


def slice_from_nearer_end(keys: QuerySet[Model], begin: int, end: int, count: int) -> list[object]:
    """Slice the keys from the nearer end.

    A database reads every row before an offset, so the second half is read from the end.
    """
    end = min(end, count)
    if begin < count - end:
        return list(keys[begin:end])
    return list(keys.reverse()[count - end : count - begin])


class RecordPagination(PageNumberPagination):
    """Pagination by page number; with `cursor` by primary key, uncounted: the last page costs as much as the first."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = MAX_PAGE_SIZE
    next_cursor: str | None = None  # cursor of the next page

    def get_page_size(self, request: Request) -> int:
        """Return the page size. Raises BadRequest outside 1 to 200."""
        return parse_page_size(request.query_params, self.page_size, MAX_PAGE_SIZE)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        """Return the requested page. Raises BadRequest for an invalid number, NotFound past the last page."""
        self.request, self.read_rows = request, view.rows_for_output
        self.django_paginator_class = partial(DeferredJoinPaginator, read=self.read_rows)  # type: ignore[assignment]  # it makes one
        if CURSOR in request.query_params:
            return self.rows_after(queryset, request.query_params)
        given = request.query_params.get("page", "1")
        if not (given.isascii() and given.isdigit() and int(given[:9]) >= 1):
            message = _("page: “%(value)s” is not a page number. Pages count from 1.") % {"value": truncate(given)}
            raise BadRequest(ErrorDetail("page", "invalid_number", message))
        return super().paginate_queryset(queryset, request, view)

    def rows_after(self, queryset: QuerySet[Any], params: QueryDict) -> list[Any]:
        """Return the rows after the cursor, by primary key. Raises BadRequest for an invalid cursor."""
        reject_with_cursor(params)
        given = str(params[CURSOR])
        numbers = (0,) if given == CURSOR_START else decode_cursor(given, RECORD_CURSOR, 1)
        if numbers is None:
            message = _("cursor: “%(value)s” is no cursor of a list. Begin with “first”, then follow “next”.")
            raise BadRequest(ErrorDetail(CURSOR, "invalid_cursor", message % {"value": truncate(given)}))
        size = parse_page_size(params, self.page_size, MAX_PAGE_SIZE)
        rows = list(self.read_rows(queryset.filter(pk__gt=numbers[0]).order_by("pk")[: size + 1]))
        self.next_cursor = encode_cursor(RECORD_CURSOR, rows[size - 1].pk) if len(rows) > size else None
        return rows[:size]

    def get_paginated_response(self, data: object) -> Response:
        """Return the envelope of a list, flagged for demonstration data."""
        request = cast(Request, self.request)
        if CURSOR in request.query_params:
            following = self.url_with(CURSOR, self.next_cursor) if self.next_cursor else None
            response = Response({"count": None, "next": following, "previous": None, "results": data})
        else:
            response = super().get_paginated_response(data)
        response.data = with_demo_flag(request, response.data)
        return response

    def page_of_keys(self, queryset: QuerySet[Any], request: Request, view: Any) -> ListPage:
        """Return the requested page of an aggregate's records, as `paginate_queryset` does of a list."""
        keys = self.paginate_queryset(queryset.values_list("pk", flat=True), request, view) or []
        page = cast(Page[Any], self.page)
        return ListPage(page.paginator.count, self.get_next_link(), self.get_previous_link(), keys)

    def get_next_link(self) -> str | None:
        page: Any = self.page
        return self.url_with("page", str(page.next_page_number())) if page.has_next() else None

    def get_previous_link(self) -> str | None:
        page: Any = self.page
        if not page.has_previous():
            return None
        number = page.previous_page_number()
        return self.url_with("page", str(number) if number > 1 else None)

    def url_with(self, name: str, value: str | None) -> str:
        """Return this list's URL with another value of a parameter, None to remove it.

        Built from the parsed parameters, because a query that came unencoded would be encoded twice.
        """
        request = cast(Request, self.request)
        params = request.query_params.copy()
        params.pop(name, None)
        if value is not None:
            params[name] = value
        query = urlencode(sorted(params.items()))
        return request.build_absolute_uri(request.path) + (f"?{query}" if query else "")

    def get_paginated_response_schema(self, schema: dict[str, object]) -> dict[str, object]:
        """Return the OpenAPI 3.1 schema of the envelope."""
        address = {"type": ["string", "null"], "format": "uri"}
        rows = _("Rows of the whole list; null with a cursor, because counting is what makes far pages slow.")
        back = _("Address of the page before, null on the first and with a cursor.")
        return {
            "type": "object",
            "required": ["count", "next", "previous", "results"],
            "properties": {
                "count": {"type": ["integer", "null"], "description": rows, "examples": [32]},
                "next": {**address, "description": _("Address of the next page, null on the last.")},
                "previous": {**address, "description": back},
                "results": schema,
                "demonstration": {
                    "type": "boolean",
                    "enum": [True],
                    "description": _("Only where all data are invented."),
                },
            },
        }


def parse_page_size(params: QueryDict, default: int, most: int) -> int:
    """Return `page_size`. Raises BadRequest outside 1 to the maximum."""
    given = params.get("page_size")
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= most):
        message = _("page_size: “%(value)s” is not a whole number from 1 to %(most)d.")
        raise BadRequest(ErrorDetail("page_size", "invalid_number", message % {"value": truncate(given), "most": most}))
    return int(given)


def reject_with_cursor(params: QueryDict) -> None:
    """Raises BadRequest for page or ordering beside a cursor, which follows primary keys."""
    message = _("%(name)s: not beside cursor, which follows the records by their number. Leave one of the two out.")
    faults = [
        ErrorDetail(name, "not_with_cursor", message % {"name": name})
        for name in ("page", "ordering")
        if name in params
    ]
    if faults:
        raise BadRequest(*faults)


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
