"""Parameters of the pages of briefs, and the pages that briefs are about."""

from __future__ import annotations

from datetime import date
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from core.http.as_of import parse_day
from core.http.errors import BadRequest, ErrorDetail
from core.http.request import TrackerRequest
from dashboard.briefs.build import BriefKind

SINCE = "since"


def requested_since(request: TrackerRequest) -> date | None:
    """Return the day of comparison that the request names, or None.

    Raises BadRequest for a value that is not an ISO date or not before the day of the brief.
    """
    if SINCE not in request.GET:
        return None
    day = parse_day(request.GET, SINCE)
    if day >= request.as_of:
        message = _("%(name)s: %(value)s is not before %(day)s, the day of the brief. Give an earlier day.")
        values = {"name": SINCE, "value": day, "day": request.as_of}
        raise BadRequest(ErrorDetail(SINCE, "not_before", message % values))
    return day


def record_path(kind: str, slug: str) -> str:
    """Return the path of the page with all details of a subject."""
    if kind == BriefKind.NATION:
        return reverse("overview")
    if kind == BriefKind.INDICATOR:
        return f"{reverse('trends')}?{urlencode({'indicator': slug})}"
    return reverse(f"{kind}-detail", args=[slug])
