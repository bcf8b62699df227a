"""The log: one JSON object a line, with the request's number, and nothing in it that opens a door or steers a terminal.

Imported while Django sets its logging up, so before any model.
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

from config.faults import DATABASE_DOWN

ROOT = str(Path(__file__).resolve().parent.parent)
request_id: ContextVar[str] = ContextVar("request_id", default="")

# -- what is never written -------------------------------------------------------------------------------

HIDDEN = "[hidden]"
MOST, BEYOND = 1_000, 100  # characters of a path or query that are shown, and that are read beyond them
NAMES = "token|key|secret|passw|pwd|auth|session|csrf|cookie|credential|bearer|signature"
SECRET_NAME = re.compile(NAMES, re.IGNORECASE)
NAMED = re.compile(
    rf"""((?:{NAMES})[\w-]*["']?\s*[=:]\s*)["']?(?:(?:bearer|basic|token)\s+)?[^\s"'&,;)}}\]]+""", re.IGNORECASE
)
TOKEN = re.compile(r"spt_[\w-]{5,}", re.ASCII)  # longer than the start of a token that lists show
# Looked for where a word begins and nowhere else: at every letter of a word of 8,000 it took seconds.
RANDOM = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{20,}"  # of sessions and forms
    r"|(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*[0-9])[\w-]{20,}",  # other keys
    re.ASCII,
)
SEGMENT = re.compile(r"[a-z0-9._-]{0,80}|[A-Z0-9_]{1,40}", re.ASCII)  # how our own addresses are written
STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def scrubbed(text: str) -> str:
    """Free text without tokens and without what follows the name of a secret."""
    return TOKEN.sub(HIDDEN, NAMED.sub(rf"\1{HIDDEN}", text))


def safe_path(path: str) -> str:
    """The path; parts that no address of ours could have are hidden, because they may be anything."""
    shown = (part if SEGMENT.fullmatch(part) and not secret(part) else HIDDEN for part in path[:MOST].split("/"))
    return "/".join(shown)


def safe_query(query: str) -> str:
    """The query string as it was sent, without the values of parameters that look like secrets."""
    read = query[: MOST + BEYOND]  # a secret that the cut goes through is still known as one, and no query takes long
    return "&".join(safe_pair(pair) for pair in read.split("&"))[:MOST]


def safe_pair(pair: str) -> str:
    name, equals, _value = pair.partition("=")
    if secret(unquote_plus(name)):
        return HIDDEN
    if equals and SECRET_NAME.search(unquote_plus(name)):
        return f"{name}={HIDDEN}"
    return f"{name}={HIDDEN}" if secret(unquote_plus(pair)) else pair


def secret(text: str) -> bool:
    """Whether a text holds what looks like a key, or names one and gives its value."""
    return bool(TOKEN.search(text) or RANDOM.search(text) or NAMED.search(text))


# -- how it is written -----------------------------------------------------------------------------------


class Context(logging.Filter):
    """Gives each record the number of its request, and takes the traceback off what is no fault of ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        fault = record.exc_info[1] if record.exc_info else None
        if hasattr(record, "request") and isinstance(record.args, tuple):  # Django names the path in its message
            record.args = tuple(safe_path(str(part)) if str(part).startswith("/") else part for part in record.args)
        if isinstance(fault, SuspiciousOperation):
            record.levelno, record.levelname, record.exc_info = logging.WARNING, "WARNING", None
        elif isinstance(fault, DATABASE_DOWN):
            record.msg, record.args, record.exc_info = "%s, at %s", (first_line(fault), place_of(fault)), None
        return True


class Raised(logging.Filter):
    """Lets through what was raised: of a mere 4xx or 5xx the line of the request tells enough."""

    def filter(self, record: logging.LogRecord) -> bool:
        return bool(record.exc_info)


def first_line(fault: BaseException) -> str:
    return f"The database does not answer: {type(fault).__name__}: {str(fault).strip().partition(chr(10))[0]}"


def place_of(fault: BaseException) -> str:
    """The line of our own code that asked."""
    frames = traceback.extract_tb(fault.__traceback__)
    ours = [f for f in frames if f.filename.startswith(ROOT) and "site-packages" not in f.filename]
    return f"{ours[-1].filename.removeprefix(ROOT)[1:]}:{ours[-1].lineno}" if ours else "?"


class Lines(JsonFormatter):
    """One JSON object in ASCII: nothing that was sent to us breaks a line, colours it or turns its direction."""

    def __init__(self) -> None:
        super().__init__(
            ["levelname", "name", "message", "request_id"],
            rename_fields={"levelname": "level", "name": "logger"},
            reserved_attrs=[*RESERVED_ATTRS, "request", "status_code", "server_time"],
            timestamp="time",
        )

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        texts: dict[str, Any] = {
            name: scrubbed(str(log_data[name])) for name in ("message", "exc_info") if name in log_data
        }
        return {"time": log_data["time"], **log_data, **texts}


class PlainLines(logging.Formatter):
    """For people who develop: text, with the same omissions."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the name that logging gives it
        record.message = STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", scrubbed(record.message))
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return scrubbed(super().formatException(ei))
