"""What is said while stored lights wait for a job that computes them anew."""

from collections.abc import Callable

from django.http import HttpResponse
from django.utils.functional import SimpleLazyObject

from core.errors import is_api
from core.http import TrackerRequest
from pilots.models import StaleLight


class StaleLightsMiddleware:
    """Middleware that tells pages, files and the API by `request.recomputing`. A snapshot has computed its own.

    What the response cache keeps goes with the rows: they change the data version.
    """

    def __init__(self, get_response: Callable[[TrackerRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: TrackerRequest) -> HttpResponse:
        request.recomputing = SimpleLazyObject(
            lambda: not getattr(request, "known_past", False) and StaleLight.objects.exists()
        )
        response = self.get_response(request)
        if response.status_code == 304 and is_api(request) and request.recomputing:
            response["Lights"] = "recomputing"  # Not Modified has lost the header
        return response
