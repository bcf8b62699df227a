"""Middleware of signed-in users."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.sessions import record_last_seen


class SignedInMiddleware:
    """Middleware that keeps when a session was last seen.

    A request without a session costs nothing here; one with a session loads its user, whom every page asks for.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            record_last_seen(request.session.session_key)
        return self.get_response(request)
