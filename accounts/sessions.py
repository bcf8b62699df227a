"""Sessions of an account: where the user is signed in, and how to end the other sessions.

Django's session table is the only record: a session stores when, where and with which browser it began. Those of a user
are found by reading the unexpired sessions, which are few: they last half a day.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.decorators import login_required
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.dateparse import parse_datetime
from django.views.decorators.cache import cache_control

from core.http.client import client_ip

SIGN_IN_KEY = "signed_in"  # session key
BROWSERS = {
    "MicroMessenger": "WeChat",
    "DingTalk": "DingTalk",
    "QQBrowser": "QQ Browser",
    "Edg": "Edge",
    "OPR": "Opera",
    "Firefox": "Firefox",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
SYSTEMS = {
    "Windows": "Windows",
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}
PageView = Callable[..., HttpResponseBase]


def private_page(view: PageView) -> PageView:
    """Decorator of views for signed-in users, whose responses no cache stores."""
    return cache_control(no_store=True, private=True)(login_required(view))


@dataclass(frozen=True)
class SignInSession:
    """Session of the account; unknown values are None or empty."""

    key: str
    at: datetime | None
    address: str
    browser: str
    current: bool


def record_sign_in(request: HttpRequest) -> None:
    """Store in a new session when and where it began."""
    browser = request.headers.get("User-Agent", "")
    request.session[SIGN_IN_KEY] = {
        "at": timezone.now().isoformat(),
        "address": client_ip(request),
        "browser": " · ".join(filter(None, (first_match(browser, BROWSERS), first_match(browser, SYSTEMS)))),
    }


def first_match(text: str, names: dict[str, str]) -> str:
    return next((name for sign, name in names.items() if sign in text), "")


def active_sessions(user: Any, current: str | None) -> list[SignInSession]:
    """Return the user's sessions: this one first, then the newest."""
    found = [sign_in_session(key, data, current) for key, data in active_session_data(user)]
    newest = sorted(found, key=lambda item: item.at.timestamp() if item.at else 0.0, reverse=True)
    return sorted(newest, key=lambda item: not item.current)


def sign_in_session(key: str, data: dict[str, Any], current: str | None) -> SignInSession:
    began = data.get(SIGN_IN_KEY, {})
    return SignInSession(
        key=key,
        at=parse_datetime(began.get("at", "")),
        address=began.get("address", ""),
        browser=began.get("browser", ""),
        current=key == current,
    )


def session_manager() -> Any:
    """Return the manager of Django's session table."""
    return SessionStore.get_model_class()._default_manager


def active_session_data(user: Any) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield keys and contents of the user's sessions. Those ended by a new password are skipped."""
    wanted = user.get_session_auth_hash()
    for session in session_manager().filter(expire_date__gt=timezone.now()).iterator():
        data = session.get_decoded()
        same = constant_time_compare(str(data.get(HASH_SESSION_KEY, "")), wanted)
        if data.get(SESSION_KEY) == str(user.pk) and same:
            yield session.session_key, data


def end_other_sessions(user: Any, current: str | None) -> int:
    """End the user's other sessions; return how many."""
    keys = [key for key, _data in active_session_data(user) if key != current]
    session_manager().filter(session_key__in=keys).delete()
    return len(keys)
