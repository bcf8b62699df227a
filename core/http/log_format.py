"""Log formatters and filters: one JSON object per line with the request id, secrets redacted, control characters
escaped.

Imported while Django configures logging, so before any model.
"""

import logging
import re
import traceback
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from django.core.exceptions import SuspiciousOperation
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from core.http.errors import DATABASE_UNAVAILABLE

PROJECT_ROOT = str(Path(__file__).resolve().parents[2])
request_id: ContextVar[str] = ContextVar("request_id", default="")
trace_id: ContextVar[str] = ContextVar("trace_id", default="")  # of a W3C traceparent that came with the request

# -- redaction -------------------------------------------------------------------------------------------

REDACTED = "[hidden]"
# Characters of a path or query that are logged, and that are inspected beyond them.
MAX_LOGGED, READ_BEYOND = 1_000, 100
SECRET_NAMES = "token|key|secret|passw|pwd|auth|session|csrf|cookie|credential|bearer|signature"  # noqa: S105
SECRET_NAME_PATTERN = re.compile(SECRET_NAMES, re.IGNORECASE)
NAMED_SECRET_PATTERN = re.compile(
    rf"""((?:{SECRET_NAMES})[\w-]*["']?\s*[=:]\s*)["']?(?:(?:bearer|basic|token)\s+)?[^\s"'&,;)}}\]]+""", re.IGNORECASE
)
TOKEN_PATTERN = re.compile(r"sp[tf]_[\w-]{5,}", re.ASCII)  # longer than the token prefix that lists show
# Matched at word starts only: at every letter of a word of 8,000 it took seconds.
RANDOM_KEY_PATTERN = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{20,}"  # session and CSRF keys
    r"|(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*[0-9])[\w-]{20,}",  # other keys
    re.ASCII,
)
PATH_SEGMENT_PATTERN = re.compile(r"[a-z0-9._-]{0,80}|[A-Z0-9_]{1,40}", re.ASCII)  # segments of our own URLs
CONTROL_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def redact(text: str) -> str:
    """Redact tokens, and what follows the name of a secret, in free text."""
    return TOKEN_PATTERN.sub(REDACTED, NAMED_SECRET_PATTERN.sub(rf"\1{REDACTED}", text))


def redact_path(path: str) -> str:
    """Redact the parts of a path that no URL of ours could have, because they may be anything."""
    shown = (
        part if PATH_SEGMENT_PATTERN.fullmatch(part) and not looks_secret(part) else REDACTED
        for part in path[:MAX_LOGGED].split("/")
    )
    return "/".join(shown)


def redact_query(query: str) -> str:
    """Return the query string as sent, with the values of secret-looking parameters redacted."""
    read = query[: MAX_LOGGED + READ_BEYOND]  # a secret cut in the middle is still recognised, and no query takes long
    return "&".join(redact_pair(pair) for pair in read.split("&"))[:MAX_LOGGED]


def redact_pair(pair: str) -> str:
    name, equals, _value = pair.partition("=")
    if looks_secret(unquote_plus(name)):
        return REDACTED
    if equals and SECRET_NAME_PATTERN.search(unquote_plus(name)):
        return f"{name}={REDACTED}"
    return f"{name}={REDACTED}" if looks_secret(unquote_plus(pair)) else pair


def looks_secret(text: str) -> bool:
    """Return whether a text contains what looks like a key, or names a secret with its value."""
    return bool(TOKEN_PATTERN.search(text) or RANDOM_KEY_PATTERN.search(text) or NAMED_SECRET_PATTERN.search(text))


# -- filters and formatters ------------------------------------------------------------------------------


class RequestContextFilter(logging.Filter):
    """Log filter that adds request id and trace id, and drops tracebacks of errors that are not ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        # A warning of gunicorn is about bytes that were no request; the thread still has the id of its last one.
        is_parse_error = record.name == "gunicorn.error" and record.levelno < logging.ERROR
        record.request_id = "" if is_parse_error else request_id.get()
        if trace_id.get() and not is_parse_error:
            record.trace_id = trace_id.get()
        fault = record.exc_info[1] if record.exc_info else None
        if hasattr(record, "request") and isinstance(record.args, tuple):  # Django's message contains the path
            record.args = tuple(redact_path(str(part)) if str(part).startswith("/") else part for part in record.args)
        if isinstance(fault, SuspiciousOperation):
            record.levelno, record.levelname, record.exc_info = logging.WARNING, "WARNING", None
        elif isinstance(fault, DATABASE_UNAVAILABLE):
            record.msg, record.args, record.exc_info = (
                "%s, at %s",
                (database_error_text(fault), calling_line(fault)),
                None,
            )
        return True


class OnlyExceptionsFilter(logging.Filter):
    """Log filter that passes exceptions only: for a mere 4xx or 5xx the access log line is enough."""

    def filter(self, record: logging.LogRecord) -> bool:
        return bool(record.exc_info)


def database_error_text(fault: BaseException) -> str:
    return f"The database does not answer: {type(fault).__name__}: {str(fault).strip().partition(chr(10))[0]}"


def calling_line(fault: BaseException) -> str:
    """Return file and line of our own code that raised the error."""
    frames = traceback.extract_tb(fault.__traceback__)
    ours = [f for f in frames if f.filename.startswith(PROJECT_ROOT) and "site-packages" not in f.filename]
    return f"{ours[-1].filename.removeprefix(PROJECT_ROOT)[1:]}:{ours[-1].lineno}" if ours else "?"


class JsonLogFormatter(JsonFormatter):
    """JSON formatter in ASCII: no input can break a line, colour it or reverse its direction."""

    def __init__(self) -> None:
        super().__init__(
            ["levelname", "name", "message", "request_id"],
            rename_fields={"levelname": "level", "name": "logger"},
            reserved_attrs=[*RESERVED_ATTRS, "request", "status_code", "server_time"],
            timestamp="time",
        )

    def process_log_record(self, log_data: dict[str, object]) -> dict[str, object]:
        texts: dict[str, object] = {
            name: redact(str(log_data[name])) for name in ("message", "exc_info") if name in log_data
        }
        return {"time": log_data["time"], **log_data, **texts}


class TextLogFormatter(logging.Formatter):
    """Text formatter for development, with the same redaction."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        record.message = CONTROL_CHARACTERS.sub(lambda found: f"\\u{ord(found[0]):04x}", redact(record.message))
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return redact(super().formatException(ei))
