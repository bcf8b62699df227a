"""Middleware that flags requests and responses of a demonstration database."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from core.http.as_of import SIDES, demonstration_side
from core.http.request import DEMO_HEADER, TrackerRequest


def holds_demonstration() -> bool:
    """Return whether the database holds demonstration data."""
    return demonstration_side()[0]


class DemonstrationMiddleware:
    """Middleware that sets on the request, and on the response, whether the data are invented."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: TrackerRequest) -> HttpResponse:
        failed = hasattr(request, "data_version_error")  # a database that does not answer is waited for once
        request.demonstration = holds_demonstration() if SIDES or not failed else False
        response = self.get_response(request)
        if request.demonstration:
            response[DEMO_HEADER] = "true"
        return response
