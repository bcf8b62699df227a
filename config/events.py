"""What the log tells of each request, and of everything that concerns who may come in."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from config.callers import address_of, person_of, token_start_of
from config.logs import safe_path, safe_query
from config.sessions import remember

requests = logging.getLogger("tracker.request")
security = logging.getLogger("tracker.security")
REFUSED = {401: "not let in", 403: "not allowed", 429: "too many requests"}


class RequestLog:
    """Writes one line when a request has its answer, and a second one when it was refused for who sent it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = time.perf_counter()
        response = self.get_response(request)
        facts = facts_of(request)
        write_line(facts, response.status_code, begun)
        if response.status_code in REFUSED:
            security.warning(REFUSED[response.status_code], extra={**facts, "status": response.status_code})
        return response


def write_line(facts: Mapping[str, Any], status: int, begun: float) -> None:
    """The line of a request that came in at this moment of time.perf_counter."""
    told = {**facts, "status": status}
    ms = round((time.perf_counter() - begun) * 1000)
    requests.info("%(method)s %(path)s %(status)s", told, extra={**told, "ms": ms})


def facts_of(request: HttpRequest) -> dict[str, Any]:
    person = person_of(request)
    return {
        "method": (request.method or "")[:20],
        "path": safe_path(request.path),
        "query": safe_query(request.META.get("QUERY_STRING", "")),
        "user": person.pk if person else None,
        "token": token_start_of(request),
        "address": address_of(request),
    }


@receiver(user_logged_in)
def signed_in(request: HttpRequest | None, user: Any, **kwargs: Any) -> None:
    security.info("signed in", extra={"user": user.pk, **place_of(request)})
    if request is not None:
        remember(request)


@receiver(user_logged_out)
def signed_out(request: HttpRequest | None, user: Any, **kwargs: Any) -> None:
    security.info("signed out", extra={"user": user.pk if user else None, **place_of(request)})


@receiver(user_login_failed)
def sign_in_failed(credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Names the account, never the name that was typed: some people type their password there."""
    accounts = get_user_model()._default_manager.filter(username=str(credentials.get("username")))
    user = accounts.values_list("pk", flat=True).first()
    security.warning("sign-in failed", extra={"user": user, **place_of(request)})


def place_of(request: HttpRequest | None) -> dict[str, str]:
    return {"address": address_of(request)} if request else {}
