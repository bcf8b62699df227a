"""Access log: one line per request."""

import logging
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from core.http.client import client_ip, loaded_user, token_prefix
from core.http.log_format import redact_path, redact_query

request_log = logging.getLogger("tracker.request")
security_log = logging.getLogger("tracker.security")
REJECTED_STATUSES = {401: "not let in", 403: "not allowed", 429: "too many requests"}


class AccessLogMiddleware:
    """Middleware that logs each response, and a second line for 401, 403 and 429."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = time.perf_counter()
        response = self.get_response(request)
        fields = {**request_fields(request), "status": response.status_code}
        ms = round((time.perf_counter() - begun) * 1000)
        request_log.info("%(method)s %(path)s %(status)s", fields, extra={**fields, "ms": ms})
        if response.status_code in REJECTED_STATUSES:
            security_log.warning(REJECTED_STATUSES[response.status_code], extra=fields)
        return response


def request_fields(request: HttpRequest) -> dict[str, object]:
    person = loaded_user(request)
    return {
        "method": (request.method or "")[:20],
        "path": redact_path(request.path),
        "query": redact_query(request.META.get("QUERY_STRING", "")),
        "user": person.pk if person else None,
        "token": token_prefix(request),
        "address": client_ip(request),
    }
