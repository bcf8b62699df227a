"""The mark of invented data: whatever leaves a demonstration says what it is, on screen, on paper and in files.

Whether a database holds a demonstration is not known here; a middleware says so on the request.
"""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from rest_framework.request import Request

HEADER = "X-Demonstration-Data"
PREFIX = "demonstration-"
BAND = "DEMONSTRATION DATA – invented / 演示数据（虚构）"  # in both languages: a picture travels on


def is_demonstration(request: HttpRequest | Request) -> bool:
    """Whether what this request shows is invented."""
    return bool(getattr(request, "demonstration", False))


def file_stem(request: HttpRequest | Request, stem: str) -> str:
    """The name of a file, which says first that its contents are invented."""
    return PREFIX + stem if is_demonstration(request) else stem


def file_lines(request: HttpRequest | Request) -> list[tuple[str, str]]:
    """The first line of what a file says of itself; none for real data."""
    return [(_("Demonstration data"), _("invented, not the real programme"))] if is_demonstration(request) else []


def body(request: HttpRequest | Request, values: Any) -> Any:
    """A JSON object of the API, marked where it is invented."""
    return {"demonstration": True, **values} if is_demonstration(request) else values
