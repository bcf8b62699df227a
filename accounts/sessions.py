"""Sessions of an account: where the user is signed in, when each was last seen, and how to end them.

Django's session table is the only record: a session stores when, where and with which browser it began. Those of a user
are found by reading the unexpired sessions, which are few: they last half a day. When each was last seen is kept in the
cache: a read that becomes a write of the database would wait behind an import, and fail with it.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.decorators import login_required
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.dateparse import parse_datetime
from django.views.decorators.cache import cache_control

from core.caching import store
from core.http.client import client_ip

SIGN_IN_KEY = "signed_in"  # session key
LAST_SEEN_MINUTES = 5  # resolution of the last time seen
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
    """Session of the account; unknown values are None or empty. Its id on pages tells nothing of its key."""

    id: str
    at: datetime | None
    seen: datetime | None
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


def signed_in_recently(request: HttpRequest) -> bool:
    """Whether the session began so recently that its user need not confirm who is there."""
    began = parse_datetime(request.session.get(SIGN_IN_KEY, {}).get("at", ""))
    return began is not None and timezone.now() - began < timedelta(seconds=settings.ACCOUNT_REAUTHENTICATION_TIMEOUT)


def session_id(key: str) -> str:
    """Return what a session is called on pages: who reads it cannot take the session over."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def record_last_seen(key: str | None) -> None:
    """Keep that the session is in use, at most once in five minutes."""
    if key:
        now = timezone.now()
        write_last_seen(session_id(key), int(now.timestamp()) // (60 * LAST_SEEN_MINUTES))


@lru_cache(maxsize=2_000)
def write_last_seen(name: str, period: int) -> None:
    """Write to the cache; the second call of a period does nothing."""
    store.save(f"session-seen-{name}", timezone.now())


def last_seen(name: str) -> datetime | None:
    found = store.load(f"session-seen-{name}")
    return found if isinstance(found, datetime) else None


def first_match(text: str, names: dict[str, str]) -> str:
    return next((name for sign, name in names.items() if sign in text), "")


def active_sessions(user: Any, current: str | None) -> list[SignInSession]:
    """Return the user's sessions: this one first, then the newest."""
    found = [sign_in_session(key, data, current) for key, data in active_session_data(user)]
    newest = sorted(found, key=lambda item: item.at.timestamp() if item.at else 0.0, reverse=True)
    return sorted(newest, key=lambda item: not item.current)


def sign_in_session(key: str, data: dict[str, Any], current: str | None) -> SignInSession:
    began = data.get(SIGN_IN_KEY, {})
    name = session_id(key)
    return SignInSession(
        id=name,
        at=parse_datetime(began.get("at", "")),
        seen=last_seen(name),
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
    """End the user's sessions but the current one; return how many."""
    return end_sessions(key for key, _data in active_session_data(user) if key != current)


def end_session(user: Any, name: str) -> int:
    """End the user's session of this id; return 0 where there is none."""
    return end_sessions(key for key, _data in active_session_data(user) if session_id(key) == name)


def end_sessions(keys: Iterable[str]) -> int:
    ended = list(keys)
    session_manager().filter(session_key__in=ended).delete()
    return len(ended)
