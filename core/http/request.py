"""Type of the requests that views get: Django's HttpRequest with the attributes that our middleware sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from django.http import HttpRequest

if TYPE_CHECKING:
    from core.http.rate_limits import QuotaState


class TrackerRequest(HttpRequest):
    """HttpRequest after all middleware. For annotations only: the server creates Django's own class."""

    id: str
    """Request id, also sent as X-Request-ID and logged."""
    LANGUAGE_CODE: str
    as_of: date
    as_of_past: bool
    known: date
    """The day at whose end the records shown were on record; today for the records as they are."""
    known_past: bool
    demonstration: bool
    """Whether the database holds demonstration data."""
    cache_status: str
    """How the response cache answered: hit or miss; set for cacheable addresses only."""
    feeds: Sequence[Mapping[str, str]]
    """Links to the page's calendar and feed; set by pages that have any."""
    auth: object
    """Token that authenticated the request, on pages that are read by one."""
    feed_path: str
    """Secret path under which a list is read as a feed; set there only."""
    workbook: str
    """URL of the page's tables as one workbook; set by pages that have tables to download."""
    quotas: Sequence[QuotaState]
    """Rate limits that this request was counted under; sent as RateLimit headers."""
