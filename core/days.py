"""Today, the days that a request is about, and the marks of a demonstration.

The day that a request is about, and the one at whose end the records stood so, are each today unless the query string
has `?as_of=YYYY-MM-DD` or `?known=YYYY-MM-DD`. A database that holds the demonstration has a today of its own, its last
day: its records do not move, nor do its lights. Mails, tokens and sessions use the clock.
"""

from datetime import date, timedelta
from typing import Any

from django.apps import apps
from django.db import connections
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request

DEMO_HEADER = "X-Demonstration-Data"
DEMO_FILE_PREFIX = "demonstration-"
DEMO_LABEL = "DEMONSTRATION DATA – invented / 演示数据（虚构）"  # in both languages: pictures are passed on


def is_demonstration(request: HttpRequest | Request) -> bool:
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


FIRST_DAY = date(1949, 10, 1)
"""The first day that a request may be about: long before every record, and quarters before it can be computed."""


SIDES: dict[str, tuple[bool, date | None]] = {}  # by the name of the database: see `demonstration_side`


def database_name() -> str:
    return str(connections["default"].settings_dict["NAME"])


def demonstration_side() -> tuple[bool, date | None]:
    """Return whether the database holds the demonstration, and the demonstration's own today.

    Asked once per process, since a database never changes sides; until anything was loaded it is asked each time. A
    demonstration that a former release generated has no day: it follows the clock.
    """
    name = database_name()
    if name in SIDES:
        return SIDES[name]
    marks = apps.get_model("core", "SeedRecord").objects
    mark = marks.demonstration_mark()
    day = mark.values.get("today") if mark else None
    side = bool(mark), date.fromisoformat(day) if day else None
    if mark or marks.exists():
        SIDES[name] = side
    return side


def holds_demonstration() -> bool:
    return demonstration_side()[0]


def today() -> date:
    """Return today's date in Asia/Shanghai, or the day of the demonstration.

    Never asks the database: every request, and every command that needs it, calls `demonstration_side` first.
    """
    _held, day = SIDES.get(database_name(), (False, None))
    return day or timezone.localdate()


def days_stem(request: Any, as_of: date) -> str:
    """Return the end of a file name: the as-of date and, of a past one, the day at whose end the records stood so."""
    return f"{as_of}-known-{request.known}" if getattr(request, "known_past", False) else str(as_of)


def known_rows(request: Any) -> list[tuple[str, Any]]:
    """Return the line of a file that names the day at whose end the records stood so; for today's records none, or one
    that says that their lights are not computed yet.
    """
    if getattr(request, "known_past", False):
        return [(_("As known on"), request.known)]
    return (
        [(_("Lights"), _("being recomputed; some may still be the former ones"))]
        if getattr(request, "recomputing", False)
        else []
    )


def adjacent_quarter_ends(day: date, last: date) -> tuple[date | None, date | None]:
    """Return the last day of the previous quarter, and of the next quarter that ends after the given day.

    None for a day before FIRST_DAY, or after `last`: nothing is known of the future.
    """
    first_month = 3 * ((day.month - 1) // 3) + 1
    start = date(day.year, first_month, 1)
    before = start - timedelta(1) if start > FIRST_DAY else None
    after = end_of_quarter(day if day != end_of_quarter(day) else day + timedelta(1))
    return before, after if after <= last else None


def end_of_quarter(day: date) -> date:
    last_month = 3 * ((day.month - 1) // 3) + 3
    return date(day.year, last_month, 31 if last_month in {3, 12} else 30)
