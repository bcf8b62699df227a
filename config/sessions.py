"""The sessions of one account: where it is signed in, and how the others are ended.

Django's session table is the only record: a session remembers when, where and with which browser it began. Those of a
person are found by reading the sessions that have not expired, which are few: they last half a day.
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

from config.callers import address_of

BEGAN = "signed_in"  # the key in a session
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
Page = Callable[..., HttpResponseBase]


def own(view: Page) -> Page:
    """A page for signed-in users, which no cache stores."""
    return cache_control(no_store=True, private=True)(login_required(view))


@dataclass(frozen=True)
class SignIn:
    """One session of the account; what it did not remember is None or empty."""

    key: str
    at: datetime | None
    address: str
    browser: str
    current: bool


def remember(request: HttpRequest) -> None:
    """Note in a session that begins when and where that was."""
    browser = request.headers.get("User-Agent", "")
    request.session[BEGAN] = {
        "at": timezone.now().isoformat(),
        "address": address_of(request),
        "browser": " · ".join(filter(None, (named(browser, BROWSERS), named(browser, SYSTEMS)))),
    }


def named(text: str, names: dict[str, str]) -> str:
    return next((name for sign, name in names.items() if sign in text), "")


def sessions_of(user: Any, current: str | None) -> list[SignIn]:
    """The sessions in which the person is signed in: this one first, then the newest."""
    found = [sign_in(key, data, current) for key, data in living(user)]
    newest = sorted(found, key=lambda item: item.at.timestamp() if item.at else 0.0, reverse=True)
    return sorted(newest, key=lambda item: not item.current)


def sign_in(key: str, data: dict[str, Any], current: str | None) -> SignIn:
    began = data.get(BEGAN, {})
    return SignIn(
        key=key,
        at=parse_datetime(began.get("at", "")),
        address=began.get("address", ""),
        browser=began.get("browser", ""),
        current=key == current,
    )


def stored() -> Any:
    """Django's table of sessions."""
    return SessionStore.get_model_class()._default_manager


def living(user: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The keys and contents of the person's sessions. One that a new password has ended opens nothing any more."""
    wanted = user.get_session_auth_hash()
    for session in stored().filter(expire_date__gt=timezone.now()).iterator():
        data = session.get_decoded()
        same = constant_time_compare(str(data.get(HASH_SESSION_KEY, "")), wanted)
        if data.get(SESSION_KEY) == str(user.pk) and same:
            yield session.session_key, data


def end_others(user: Any, current: str | None) -> int:
    """Sign the person out everywhere but in this session; how many sessions that were."""
    keys = [key for key, _data in living(user) if key != current]
    stored().filter(session_key__in=keys).delete()
    return len(keys)
