"""Log: one JSON object a line on standard error, with the request's id; one line a request, without its query string.

Imported while Django configures logging, so before any model.
"""

import logging
import re
import traceback
from contextvars import ContextVar

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse

from core.errors import DATABASE_UNAVAILABLE, lasting_fault
from core.http import client_ip, loaded_user

request_log = logging.getLogger("tracker.request")
security_log = logging.getLogger("tracker.security")
request_id: ContextVar[str] = ContextVar("request_id", default="")
MAX_PATH = 1_000  # characters of a path that are logged
REJECTED_STATUSES = {401: "not let in", 403: "not allowed", 429: "too many requests"}
# What is secret in a path of ours: a token (longer than its prefix, which lists show), and a link to a new password.
SECRET = re.compile(r"sp[tf]_[\w-]{5,}|(?<=/account/new-password/)[^/\s]+/[^/\s]+", re.ASCII)


class RequestContextFilter(logging.Filter):
    """Log filter that adds the request id, hides secrets, and drops tracebacks of errors that are not ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        # A warning of gunicorn is about bytes that were no request; the thread still has the id of its last one.
        is_parse_error = record.name == "gunicorn.error" and record.levelno < logging.ERROR
        record.request_id = "" if is_parse_error else request_id.get()
        fault = record.exc_info[1] if record.exc_info else None
        if isinstance(fault, SuspiciousOperation):
            record.levelno, record.levelname, record.exc_info = logging.WARNING, "WARNING", None
        elif isinstance(fault, DATABASE_UNAVAILABLE) or lasting_fault(fault):
            reason = str(fault).strip().partition("\n")[0]
            record.msg, record.args = "The database does not answer: %s: %s", (type(fault).__name__, reason)
            record.exc_info = None
        record.msg, record.args = hide_secrets(record.getMessage()), ()
        if record.exc_info:
            record.exc_text = hide_secrets("".join(traceback.format_exception(*record.exc_info))).rstrip()
            record.exc_info = None
        # Of a mere 4xx or 5xx the line of the request is enough.
        return record.name != "django.request" or bool(fault)


def hide_secrets(text: str) -> str:
    return SECRET.sub("[hidden]", text)


def log_response(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    """Log a response, and a second line for 401, 403 and 429."""
    person, token = loaded_user(request), getattr(request, "auth", None)
    fields = {
        "method": (request.method or "")[:20],
        "path": hide_secrets(request.path[:MAX_PATH]),
        "user": person.pk if person else None,
        "token": getattr(token, "prefix", None),  # by which the token list shows it
        "address": client_ip(request),
        "status": response.status_code,
    }
    request_log.info("%(method)s %(path)s %(status)s", fields, extra={**fields, "ms": round(seconds * 1000)})
    if response.status_code in REJECTED_STATUSES:
        security_log.warning(REJECTED_STATUSES[response.status_code], extra=fields)
