"""What a request for a day in the past carries besides: the corrections entered since, read only if a page asks."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from pilots.changes import corrections_after


class CorrectionsSince:
    """Puts `corrections` on the request: a lazy value, so that nothing is asked of the database for today."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.corrections = SimpleLazyObject(  # type: ignore[attr-defined]
            lambda: corrections_after(request.as_of)  # type: ignore[attr-defined]
        )
        return self.get_response(request)
