"""What is wrong with a request: where, a stable code, and what to do about it."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _

DATABASE_DOWN = (InterfaceError, OperationalError)  # gone, not there yet, or locked for longer than a request waits
MAX_ECHO = 80  # characters of a reader's own word that a message repeats


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: where (a parameter or field), a stable code, and what to do."""

    pointer: str
    code: str
    message: str


class BadRequest(Exception):
    """A request that names something this address does not know, or gives it a value it cannot read."""

    status_code = 400

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults
        self.detail = " ".join(fault.message for fault in faults)
        super().__init__(self.detail)


def short(text: object) -> str:
    """A reader's own word, cut so that an answer never grows with the request."""
    word = str(text)
    return word if len(word) <= MAX_ECHO else word[: MAX_ECHO - 1] + "…"


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The known name that looks most like the word, or None when nothing is near."""
    found = difflib.get_close_matches(word[:MAX_ECHO], list(names), n=1, cutoff=0.5)
    return found[0] if found else None


def unknown_parameter(name: str, known: Iterable[str]) -> Fault:
    """The fault for a parameter that does not exist here, with the nearest one that does."""
    names = sorted(known)
    near = nearest(name, names)
    if near:
        text = _("“%(name)s” is not a parameter here. Did you mean “%(near)s”?") % {"name": short(name), "near": near}
    else:
        text = _("“%(name)s” is not a parameter here. Known: %(known)s.") % {
            "name": short(name),
            "known": ", ".join(dict.fromkeys(name.partition("__")[0] for name in names)),  # without their suffixes
        }
    return Fault(short(name), "unknown_parameter", text)
