"""Demonstration data: everything that leaves a demonstration site is marked as invented, on screen, on paper and in
files.

Whether the database holds demonstration data is decided elsewhere; a middleware sets it on the request.
"""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from rest_framework.request import Request

DEMO_HEADER = "X-Demonstration-Data"
DEMO_FILE_PREFIX = "demonstration-"
DEMO_LABEL = "DEMONSTRATION DATA – invented / 演示数据（虚构）"  # in both languages: pictures are passed on


def is_demonstration(request: HttpRequest | Request) -> bool:
    """Return whether the request shows demonstration data."""
    return bool(getattr(request, "demonstration", False))


def download_stem(request: HttpRequest | Request, stem: str) -> str:
    """Return the file name stem, prefixed for demonstration data."""
    return DEMO_FILE_PREFIX + stem if is_demonstration(request) else stem


def demo_notice_rows(request: HttpRequest | Request) -> list[tuple[str, str]]:
    """Return the first line of a file's description for demonstration data; none for real data."""
    return [(_("Demonstration data"), _("invented, not the real programme"))] if is_demonstration(request) else []


def with_demo_flag(request: HttpRequest | Request, values: Any) -> Any:
    """Return a JSON object of the API, flagged for demonstration data."""
    return {"demonstration": True, **values} if is_demonstration(request) else values
