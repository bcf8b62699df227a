"""Requests: Django's HttpRequest with the attributes that our middleware sets, who sent it, and whether it is answered
from demonstration data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from rest_framework.request import Request

    from core.http.rate_limits import Quota

DEMO_HEADER = "X-Demonstration-Data"
DEMO_FILE_PREFIX = "demonstration-"
DEMO_LABEL = "DEMONSTRATION DATA – invented / 演示数据（虚构）"  # in both languages: pictures are passed on


class TrackerRequest(HttpRequest):
    """HttpRequest after all middleware. For annotations only: the server creates Django's own class."""

    id: str  # request id, also sent as X-Request-ID and logged
    is_probe: bool  # a health check or a scrape, neither logged nor counted; set if so
    LANGUAGE_CODE: str
    as_of: date
    as_of_past: bool
    known: date  # at whose end the records shown were on record; today for the records as they are
    known_past: bool
    demonstration: bool  # the database holds demonstration data
    cache_status: str  # how the response cache answered: hit or miss; set for cacheable addresses only
    is_kept: bool  # the response cache keeps what is computed: no part of it may depend on the reader
    data_version_error: Exception  # of the database, asked for the version of the data; raised again by the view
    has_unknown_params: bool  # the address of a page has parameters that the page does not know; set if so
    feeds: Sequence[Mapping[str, str]]  # links to the page's calendar and feed; set by pages that have any
    auth: object  # token that authenticated the request, on pages that are read by one
    page_path: str  # path of the page whose list is read as a feed under a secret path; set there only
    workbook: str  # URL of the page's tables as one workbook; set by pages that have tables to download
    quotas: Sequence[Quota]  # rate limits that this request was counted under; sent as RateLimit headers


def client_ip(request: HttpRequest) -> str:
    """Return the client's IP address: of the connection, or as added by our own proxy; never a client's claim."""
    own = str(request.META.get("REMOTE_ADDR", ""))
    if not settings.BEHIND_PROXY:
        return own
    added = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2].strip()
    try:
        ip_address(added)
    except ValueError:
        return own
    return added


def loaded_user(request: HttpRequest) -> Any | None:
    """Return the authenticated user if a view has loaded it already; never queries the database."""
    user = getattr(request, "user", None)
    if isinstance(user, SimpleLazyObject):
        user = getattr(request, "_cached_user", None)  # where Django caches it once a view has loaded it
    return user if user is not None and user.is_authenticated else None


def parse_key(text: str) -> int | None:
    """Return the primary key that a parameter or form field holds; None where it is none that a database could have."""
    return int(text) if text.isdecimal() and len(text) < 19 else None


# -- demonstration data: everything that leaves a demonstration site is marked as invented ---------------------


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
