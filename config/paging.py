"""Numbered pages for API lists: at most 200 rows each, and a wrong number is an error, never the first page."""

from typing import Any, cast

from django.utils.translation import gettext as _
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response

from config.demonstration import body
from config.faults import BadRequest, Fault, short

MAX_PAGE_SIZE = 200


class NumberedPages(PageNumberPagination):
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = MAX_PAGE_SIZE

    def get_page_size(self, request: Request) -> int:
        """Rows on a page. Raises BadRequest for what is not a whole number from 1 to 200."""
        given = request.query_params.get("page_size")
        if given is None:
            return self.page_size
        if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= MAX_PAGE_SIZE):
            message = _("page_size: “%(value)s” is not a whole number from 1 to %(most)d.")
            fault = Fault("page_size", "invalid_number", message % {"value": short(given), "most": MAX_PAGE_SIZE})
            raise BadRequest(fault)
        return int(given)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        """The rows of the page asked for. Raises BadRequest for a page that is no number; 404 past the last."""
        given = request.query_params.get("page", "1")
        if not (given.isascii() and given.isdigit() and int(given[:9]) >= 1):
            message = _("page: “%(value)s” is not a page number. Pages count from 1.") % {"value": short(given)}
            raise BadRequest(Fault("page", "invalid_number", message))
        return super().paginate_queryset(queryset, request, view)

    def get_paginated_response(self, data: Any) -> Response:
        """The envelope of a list, marked where the data are invented."""
        response = super().get_paginated_response(data)
        response.data = body(cast(Request, self.request), response.data)
        return response

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The envelope of a list as OpenAPI 3.1 writes it."""
        address = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["count", "next", "previous", "results"],
            "properties": {
                "count": {"type": "integer", "description": _("Rows of the whole list."), "examples": [32]},
                "next": {**address, "description": _("Address of the next page, null on the last.")},
                "previous": {**address, "description": _("Address of the page before, null on the first.")},
                "results": schema,
                "demonstration": {"const": True, "description": _("Only where all data are invented.")},
            },
        }
