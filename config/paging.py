"""Pages of API lists: numbered ones, or one after another by cursor, and what is wrong is an error, never page one."""

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, cast
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response

from config.demonstration import body
from config.faults import BadRequest, Fault, short

MAX_PAGE_SIZE = 200
CURSOR, BEGINNING = "cursor", "first"
NUMBERS = re.compile(r"([a-z])((?:\.[0-9]{1,18})+)", re.ASCII)
RECORDS = "r"  # the letter of a list's cursors


class KeysFirst(Paginator):
    """Finds which rows a later page has before anything is worked out of them: what is passed over costs its key."""

    def __init__(self, rows: QuerySet[Any], per_page: int, read: Callable[[QuerySet[Any]], Iterable[Any]]) -> None:
        super().__init__(rows, per_page)
        self.read = read

    def page(self, number: int | str) -> Page[Any]:
        number = self.validate_number(number)
        rows: Any = self.object_list
        if number == 1:
            return Page(list(self.read(rows[: self.per_page])), number, self)
        begin = (number - 1) * self.per_page
        keys = from_the_nearer_end(rows.values_list("pk", flat=True), begin, begin + self.per_page, self.count)
        return Page(list(self.read(rows.filter(pk__in=keys))), number, self)


def from_the_nearer_end(keys: QuerySet[Any], begin: int, end: int, count: int) -> list[Any]:
    """These of so many rows: a database goes over every row before them, so the second half is read from the end."""
    end = min(end, count)
    if begin < count - end:
        return list(keys[begin:end])
    return list(keys.reverse()[count - end : count - begin])


class Pages(PageNumberPagination):
    """Numbered pages; with `cursor` the records by their number, uncounted, so that the last page costs what the first
    one does."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = MAX_PAGE_SIZE
    following: str | None = None  # by cursor: that of the next page

    def get_page_size(self, request: Request) -> int:
        """Rows on a page. Raises BadRequest for what is not a whole number from 1 to 200."""
        return read_size(request.query_params, self.page_size, MAX_PAGE_SIZE)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        """The page asked for, as the view reads its rows. Raises BadRequest for what is no page; 404 past the last."""
        self.request, self.read = request, view.drawn_from
        self.django_paginator_class = partial(KeysFirst, read=self.read)  # type: ignore[assignment]  # it makes one
        if CURSOR in request.query_params:
            return self.rows_after(queryset, request.query_params)
        given = request.query_params.get("page", "1")
        if not (given.isascii() and given.isdigit() and int(given[:9]) >= 1):
            message = _("page: “%(value)s” is not a page number. Pages count from 1.") % {"value": short(given)}
            raise BadRequest(Fault("page", "invalid_number", message))
        return super().paginate_queryset(queryset, request, view)

    def rows_after(self, queryset: QuerySet[Any], params: QueryDict) -> list[Any]:
        """The rows behind the cursor, in the order of their numbers. Raises BadRequest for what is none."""
        refuse_beside_cursor(params)
        given = str(params[CURSOR])
        numbers = (0,) if given == BEGINNING else read_cursor(given, RECORDS, 1)
        if numbers is None:
            message = _("cursor: “%(value)s” is no cursor of a list. Begin with “first”, then follow “next”.")
            raise BadRequest(Fault(CURSOR, "invalid_cursor", message % {"value": short(given)}))
        size = read_size(params, self.page_size, MAX_PAGE_SIZE)
        rows = list(self.read(queryset.filter(pk__gt=numbers[0]).order_by("pk")[: size + 1]))
        self.following = write_cursor(RECORDS, rows[size - 1].pk) if len(rows) > size else None
        return rows[:size]

    def get_paginated_response(self, data: Any) -> Response:
        """The envelope of a list, marked where the data are invented."""
        request = cast(Request, self.request)
        if CURSOR in request.query_params:
            following = self.address(CURSOR, self.following) if self.following else None
            response = Response({"count": None, "next": following, "previous": None, "results": data})
        else:
            response = super().get_paginated_response(data)
        response.data = body(request, response.data)
        return response

    def get_next_link(self) -> str | None:
        page: Any = self.page
        return self.address("page", str(page.next_page_number())) if page.has_next() else None

    def get_previous_link(self) -> str | None:
        page: Any = self.page
        if not page.has_previous():
            return None
        number = page.previous_page_number()
        return self.address("page", str(number) if number > 1 else None)

    def address(self, name: str, value: str | None) -> str:
        """This list's address with another value of a parameter, None for none.

        Made of what was read, because a query that came unencoded would be encoded twice.
        """
        request = cast(Request, self.request)
        params = request.query_params.copy()
        params.pop(name, None)
        if value is not None:
            params[name] = value
        query = urlencode(sorted(params.items()))
        return request.build_absolute_uri(request.path) + (f"?{query}" if query else "")

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The envelope of a list as OpenAPI 3.1 writes it."""
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


def read_size(params: QueryDict, default: int, most: int) -> int:
    """The `page_size` asked for. Raises BadRequest for what is not a whole number from 1 to the most."""
    given = params.get("page_size")
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= most):
        message = _("page_size: “%(value)s” is not a whole number from 1 to %(most)d.")
        raise BadRequest(Fault("page_size", "invalid_number", message % {"value": short(given), "most": most}))
    return int(given)


def refuse_beside_cursor(params: QueryDict) -> None:
    """Raises BadRequest for a page or an order: a cursor follows the records by their number."""
    message = _("%(name)s: not beside cursor, which follows the records by their number. Leave one of the two out.")
    faults = [
        Fault(name, "not_with_cursor", message % {"name": name}) for name in ("page", "ordering") if name in params
    ]
    if faults:
        raise BadRequest(*faults)


# -- cursors -------------------------------------------------------------------------------------------


def write_cursor(kind: str, *numbers: int) -> str:
    """A place as one word. It is encoded so that nobody builds on what it holds."""
    plain = kind + "".join(f".{number}" for number in numbers)
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def read_cursor(text: str, kind: str, count: int) -> tuple[int, ...] | None:
    """The numbers of a cursor of this kind; None for what was never written so."""
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    found = NUMBERS.fullmatch(plain)
    numbers = tuple(map(int, found[2].split(".")[1:])) if found and found[1] == kind else ()
    return numbers if len(numbers) == count and write_cursor(kind, *numbers) == text else None
