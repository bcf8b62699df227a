"""Events of a calendar and entries of a feed: what a row of a list is in either."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from core.http.demo_mode import DEMO_LABEL, is_demonstration
from core.http.request import TrackerRequest
from core.text.joining import label_value

NEVER_CHANGED = datetime(2000, 1, 1, tzinfo=UTC)  # of what has no history entry, and of a feed without entries
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # neither format can hold them


@dataclass(frozen=True)
class Event:
    """All-day event of a calendar: a day by which something is due."""

    key: str  # kind and id of the record: milestone-417
    day: date
    title: str
    url: str  # path of the page that shows it
    changed_at: datetime | None
    revision: int  # number of changes so far
    lines: Sequence[str] = ()
    cancelled: bool = False


@dataclass(frozen=True)
class Entry:
    """Entry of a feed: a record, or a change of one."""

    key: str
    title: str
    url: str
    changed_at: datetime | None
    lines: Sequence[str] = ()
    author: str = ""  # only where the reader may know


def host_name(request: TrackerRequest) -> str:
    """Return the host of the site without port, which makes keys unique in the world."""
    return urlsplit(f"//{request.get_host()}").hostname or "localhost"


def marked_title(request: TrackerRequest, title: str) -> str:
    """Return a title, marked on a demonstration site: it is read among entries of other sources."""
    title = label_value(_("Demonstration"), title) if is_demonstration(request) else title
    return UNPRINTABLE.sub("", title)


def joined_lines(request: TrackerRequest, lines: Sequence[str]) -> str:
    """Return the text below a title; on a demonstration site it begins with the notice."""
    notice = [DEMO_LABEL] if is_demonstration(request) else []
    return UNPRINTABLE.sub("", "\n".join(line for line in (*notice, *lines) if line))
