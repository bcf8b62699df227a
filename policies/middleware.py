"""What a request carries besides: whether the database it reads holds demonstration data."""

from collections.abc import Callable

from django.db import connection
from django.http import HttpRequest, HttpResponse

from config.demonstration import HEADER
from policies.models import Shipment

KNOWN: dict[str, bool] = {}  # by the name of the database


def holds_demonstration() -> bool:
    """Whether the database holds demonstration data, asked once a process: with its first record it takes its side."""
    name = str(connection.settings_dict["NAME"])
    if name in KNOWN:
        return KNOWN[name]
    side = Shipment.objects.side()
    if side is not None:
        KNOWN[name] = side
    return bool(side)


def forget() -> None:
    """Ask again: for tests, whose database changes sides."""
    KNOWN.clear()


class Demonstration:
    """Says on the request, and on the answer, whether the data are invented."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.demonstration = holds_demonstration()  # type: ignore[attr-defined]
        response = self.get_response(request)
        if request.demonstration:  # type: ignore[attr-defined]
            response[HEADER] = "true"
        return response
