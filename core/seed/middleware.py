"""Middleware that flags requests and responses of a demonstration database."""

from collections.abc import Callable

from django.db import connection
from django.http import HttpRequest, HttpResponse

from core.http.request import DEMO_HEADER, TrackerRequest
from core.seed.models import SeedRecord

STATE_BY_DATABASE: dict[str, bool] = {}  # by the name of the database


def holds_demonstration() -> bool:
    """Return whether the database holds demonstration data; queried once per process, since it never changes sides."""
    name = str(connection.settings_dict["NAME"])
    if name in STATE_BY_DATABASE:
        return STATE_BY_DATABASE[name]
    side = SeedRecord.objects.side()
    if side is not None:
        STATE_BY_DATABASE[name] = side
    return bool(side)


def forget_demonstration() -> None:
    """Query again: for tests, whose database changes sides."""
    STATE_BY_DATABASE.clear()


class DemonstrationMiddleware:
    """Middleware that sets on the request, and on the response, whether the data are invented."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: TrackerRequest) -> HttpResponse:
        failed = hasattr(request, "data_version_error")  # a database that does not answer is waited for once
        request.demonstration = holds_demonstration() if STATE_BY_DATABASE or not failed else False
        response = self.get_response(request)
        if request.demonstration:
            response[DEMO_HEADER] = "true"
        return response
