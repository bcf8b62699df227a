"""Error details of a request, and suggestions for misspelt names."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _

# The database is down, starting, or locked for longer than a request waits.
DATABASE_UNAVAILABLE = (InterfaceError, OperationalError)
MAX_ECHO = 80  # characters of the user's input that a message repeats


class FileStoreUnavailable(Exception):
    """The store of files does not answer, or cannot be read or written (503)."""


@dataclass(frozen=True)
class ErrorDetail:
    """Error detail: where (a parameter or field), a stable code, and what to do."""

    pointer: str
    code: str
    message: str


class BadRequest(Exception):
    """Request with an unknown parameter or a value that cannot be read (400)."""

    status_code = 400

    def __init__(self, *faults: ErrorDetail) -> None:
        self.errors = faults
        self.detail = " ".join(fault.message for fault in faults)
        super().__init__(self.detail)


class WriteRejected(BadRequest):
    """Rejected write, with the status of its response and further headers."""

    def __init__(self, status: int, *faults: ErrorDetail, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(*faults)
        self.status_code, self.headers = status, headers or {}


def truncate(text: object) -> str:
    """Truncate text of the user's own, so that a response never grows with the request."""
    word = str(text)
    return word if len(word) <= MAX_ECHO else word[: MAX_ECHO - 1] + "…"


def closest_match(word: str, names: Iterable[str]) -> str | None:
    """Return the known name that is most similar to the word, or None when none is close."""
    found = difflib.get_close_matches(word[:MAX_ECHO], list(names), n=1, cutoff=0.5)
    return found[0] if found else None


def unknown_parameter_error(name: str, known: Iterable[str]) -> ErrorDetail:
    """Return the error for an unknown parameter, with the closest existing one."""
    names = sorted(known)
    near = closest_match(name, names)
    if near:
        text = _("“%(name)s” is not a parameter here. Did you mean “%(near)s”?")
    else:
        text = _("“%(name)s” is not a parameter here. Known: %(known)s.")
    words = ", ".join(dict.fromkeys(name.partition("__")[0] for name in names))  # without lookup suffixes
    return ErrorDetail(
        truncate(name), "unknown_parameter", text % {"name": truncate(name), "near": near, "known": words}
    )
