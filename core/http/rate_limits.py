"""Rate limits per client, counted for all processes together in the shared cache, else in an SQLite file.

The embedded default has no shared cache: the cache of a process would count its own requests only.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import cast

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from core.http.client import client_ip, loaded_user
from core.http.errors import BadRequest, ErrorDetail
from core.http.problems import error_response
from core.http.request import TrackerRequest

log = logging.getLogger("tracker.rate_limits")
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
FILE_FORMATS = {"csv", "xlsx"}
BUSY_TIMEOUT = 1  # seconds to wait for another process's lock
PAUSE_AFTER_FAILURE = 5  # seconds without counting after a failure: a silent cache must not delay every request
PAUSED = {"until": 0.0}


@dataclass(frozen=True)
class QuotaState:
    """Rate limit state of a client: how many requests of the maximum are used, and when the window ends."""

    rate: str
    most: int
    seconds: int
    used: int
    wait: int

    @property
    def is_exceeded(self) -> bool:
        return self.used > self.most


class Throttled(BadRequest):
    """Rate limit exceeded (429)."""

    status_code = 429

    def __init__(self, standing: QuotaState) -> None:
        self.wait = standing.wait
        text = _("More than %(most)d requests in %(seconds)d seconds. Wait %(wait)d seconds, then go on.")
        super().__init__(ErrorDetail("", "throttled", text % vars(standing)))


# -- counting --------------------------------------------------------------------------------------------


def increment(rate: str, caller: str) -> QuotaState | None:
    """Count one more request of the client; None where the rate is not set, or counting fails.

    A client that cannot be counted is let in: losing the counts must not close the site.
    """
    now = time.time()
    if rate not in settings.RATE_LIMITS or now < PAUSED["until"]:
        return None
    most, seconds = settings.RATE_LIMITS[rate]
    end = (int(now) // seconds + 1) * seconds
    try:
        used = (increment_in_cache if uses_shared_cache() else increment_in_file)(f"{rate} {caller}", end, seconds)
    except Exception as exc:  # any error of Redis, SQLite or the disk
        PAUSED["until"] = now + PAUSE_AFTER_FAILURE
        log.error("requests are not counted for %d seconds: %s: %s", PAUSE_AFTER_FAILURE, type(exc).__name__, exc)
        return None
    return QuotaState(rate, most, seconds, used, max(1, int(end - now)))


def uses_shared_cache() -> bool:
    return "redis" in settings.CACHES["default"]["BACKEND"].lower()


def increment_in_cache(key: str, end: int, seconds: int) -> int:
    name = f"throttle {key} {end}".replace(" ", ":")
    cache.add(name, 0, timeout=seconds + BUSY_TIMEOUT)
    return cache.incr(name)


def increment_in_file(key: str, end: int, seconds: int) -> int:
    return counter_at(settings.VAR_DIR / "throttles.sqlite3").add(key, end)


class SqliteCounter:
    """SQLite file that all processes of the machine count in. It is recreated when it is damaged or deleted."""

    def __init__(self, path: Path) -> None:
        self.path, self.lock = path, threading.Lock()
        self.connection: sqlite3.Connection | None = None
        self.inode = self.end = 0

    def add(self, key: str, end: int) -> int:
        """Count the key in the window that ends then; return the count, this time included."""
        with self.lock:
            try:
                return self.increment_row(key, end)
            except sqlite3.Error as exc:
                self.close()
                if type(exc) is sqlite3.DatabaseError:  # not a database, or a damaged one
                    self.remove()
                return self.increment_row(key, end)

    def increment_row(self, key: str, end: int) -> int:
        connection = self.open_connection()
        if end > self.end:
            connection.execute("DELETE FROM counts WHERE ends < ?", [end])
            self.end = end
        [(used,)] = connection.execute(
            "INSERT INTO counts (caller, ends, used) VALUES (?, ?, 1) ON CONFLICT (caller) DO UPDATE SET "
            "used = CASE WHEN ends = excluded.ends THEN used + 1 ELSE 1 END, ends = excluded.ends RETURNING used",
            [key, end],
        ).fetchall()
        return int(used)

    def open_connection(self) -> sqlite3.Connection:
        """Return a connection to the current file: another process may have recreated it."""
        if self.connection is not None and self.inode == inode_of(self.path):
            return self.connection
        self.close()
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = OFF")  # counts of the last minute may be lost in a power cut
        self.connection.execute(
            "CREATE TABLE IF NOT EXISTS counts (caller TEXT PRIMARY KEY, ends INTEGER, used INTEGER) WITHOUT ROWID"
        )
        self.inode = inode_of(self.path)
        return self.connection

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def remove(self) -> None:
        for tail in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + tail).unlink(missing_ok=True)


def inode_of(path: Path) -> int:
    return path.stat().st_ino if path.exists() else 0


@lru_cache(maxsize=8)
def counter_at(path: Path) -> SqliteCounter:
    return SqliteCounter(path)


# -- clients and rates -------------------------------------------------------------------------------------


def check_rate_limits(request: Request) -> None:
    """Count an API request under every rate that applies. Raises Throttled."""
    exceeded = [quota for quota in count_request(request._request, applicable_rates(request)) if quota.is_exceeded]  # noqa: SLF001  # DRF wraps Django's request
    if exceeded:
        raise Throttled(max(exceeded, key=lambda quota: quota.wait))


def count_cached_read(request: HttpRequest) -> bool:
    """Count an API request that the response cache answers; return False above the rate limit."""
    user = loaded_user(request)
    return not any(quota.is_exceeded for quota in count_request(request, [rate_of_reads(request, user)]))


def count_request(request: HttpRequest, rates: Iterable[tuple[str, str]]) -> Sequence[QuotaState]:
    """Count a request under these rates, and put them on the request for its RateLimit headers."""
    found = [increment(rate, caller) for rate, caller in rates]
    quotas = [quota for quota in found if quota]
    cast(TrackerRequest, request).quotas = quotas
    return quotas


def applicable_rates(request: Request) -> Iterator[tuple[str, str]]:
    """Yield the names of the rates, with the name that the client is counted under."""
    user = request.user if request.user.is_authenticated else None
    rate, caller = rate_of_reads(request, user)
    yield rate, caller
    if request.method not in SAFE_METHODS:
        yield "writes", caller
    if request.accepted_renderer.format in FILE_FORMATS:
        yield "files", caller


def rate_of_reads(request: HttpRequest | Request, user: AbstractBaseUser | None) -> tuple[str, str]:
    """Return the name of the rate that every request counts under, and that of its client."""
    if user is not None:
        return "signed-in", f"user {user.pk}"
    return "anonymous", client_network(client_ip(request))


def client_network(address: str) -> str:
    """Return what one client has: an IPv4 address, or the /64 network of an IPv6 address."""
    try:
        found = ip_address(address)
    except ValueError:  # a Unix socket has none
        return address
    if found.version == 4:
        return address
    return str(found.ipv4_mapped or ip_network(f"{found}/64", strict=False))


def count_password_attempt(request: HttpRequest, what: str, who: object = "") -> None:
    """Count one more password attempt. Raises Throttled for one too many from this network, or for this account."""
    for caller in (client_network(client_ip(request)), *([f"user {who}"] if who else [])):
        standing = increment("passwords", f"{what} {caller}")
        if standing is not None and standing.is_exceeded:
            raise Throttled(standing)


def count_account_attempt(what: str, who: object) -> None:
    """Count one more attempt to prove who is there, for this account alone: the right ones of an office, which count as
    well, come from one address. Raises Throttled for one too many.
    """
    standing = increment("passwords", f"{what} user {who}")
    if standing is not None and standing.is_exceeded:
        raise Throttled(standing)


def rate_limit_headers(standings: Sequence[QuotaState]) -> dict[str, str]:
    """Return the RateLimit headers."""
    if not standings:
        return {}
    policy = ", ".join(f'"{s.rate}";q={s.most};w={s.seconds}' for s in standings)
    left = ", ".join(f'"{s.rate}";r={max(0, s.most - s.used)};t={s.wait}' for s in standings)
    return {"RateLimit-Policy": policy, "RateLimit": left}


class RateLimitMiddleware:
    """Middleware that adds the RateLimit headers, and counts invalid tokens.

    A valid token is accepted from any address: many offices share one, and a client that guesses there must not lock
    them out.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 401 and request.headers.get("Authorization", "").lower().startswith("bearer"):
            response = self.count_failed_token(request, response)
        for name, value in rate_limit_headers(getattr(request, "quotas", ())).items():
            response[name] = value
        return response

    def count_failed_token(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        standing = increment("failed-tokens", client_network(client_ip(request)))
        if standing is None or not standing.is_exceeded:
            return response
        refusal = Throttled(standing)
        response = error_response(request, refusal.status_code, refusal.detail, refusal.errors)
        response["Retry-After"] = str(refusal.wait)
        return response
