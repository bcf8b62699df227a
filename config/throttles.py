"""How many requests one caller may send: counted for all processes together, in a shared cache where there is one.

Without one (the embedded default) in a small file of the machine: the cache of a process knows its own requests only.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from config.callers import address_of
from config.faults import BadRequest, Fault
from config.problems import refuse

log = logging.getLogger("tracker.throttles")
SAFE = {"GET", "HEAD", "OPTIONS"}
FILES = {"csv", "xlsx"}
BUSY = 1  # seconds to wait for another process that counts
REST = 5  # seconds without counting when nothing could be counted: a silent cache is not to hold up every request
RESTING = {"until": 0.0}


@dataclass(frozen=True)
class Standing:
    """Where a caller stands in one rate: how many of the most were used, and when it begins anew."""

    rate: str
    most: int
    seconds: int
    used: int
    wait: int

    @property
    def over(self) -> bool:
        return self.used > self.most


class Throttled(BadRequest):
    """A caller that sent more than it may."""

    status_code = 429

    def __init__(self, standing: Standing) -> None:
        self.wait = standing.wait
        text = _("More than %(most)d requests in %(seconds)d seconds. Wait %(wait)d seconds, then go on.")
        super().__init__(Fault("", "throttled", text % vars(standing)))


# -- counting --------------------------------------------------------------------------------------------


def counted(rate: str, caller: str) -> Standing | None:
    """Count one more request of this caller; None where the rate is not set, or nothing can be counted.

    Whoever cannot be counted is let in: that the counts are lost must not close the site.
    """
    now = time.time()
    if rate not in settings.RATES or now < RESTING["until"]:
        return None
    most, seconds = settings.RATES[rate]
    end = (int(now) // seconds + 1) * seconds
    try:
        used = (in_cache if shared_cache() else in_file)(f"{rate} {caller}", end, seconds)
    except Exception as exc:  # Redis, SQLite or the disk, each with errors of its own
        RESTING["until"] = now + REST
        log.error("requests are not counted for %d seconds: %s: %s", REST, type(exc).__name__, exc)
        return None
    return Standing(rate, most, seconds, used, max(1, int(end - now)))


def shared_cache() -> bool:
    return "redis" in settings.CACHES["default"]["BACKEND"].lower()


def in_cache(key: str, end: int, seconds: int) -> int:
    name = f"throttle {key} {end}".replace(" ", ":")
    cache.add(name, 0, timeout=seconds + BUSY)
    return cache.incr(name)


def in_file(key: str, end: int, seconds: int) -> int:
    return counts_at(settings.VAR_DIR / "throttles.sqlite3").add(key, end)


class Counts:
    """A file that all processes of the machine count in. It is made anew when it is broken or gone."""

    def __init__(self, path: Path) -> None:
        self.path, self.lock = path, threading.Lock()
        self.connection: sqlite3.Connection | None = None
        self.inode = self.end = 0

    def add(self, key: str, end: int) -> int:
        """How often the key was counted in the window that ends then, this time included."""
        with self.lock:
            try:
                return self.written(key, end)
            except sqlite3.Error as exc:
                self.close()
                if type(exc) is sqlite3.DatabaseError:  # not a database, or a damaged one
                    self.remove()
                return self.written(key, end)

    def written(self, key: str, end: int) -> int:
        connection = self.opened()
        if end > self.end:
            connection.execute("DELETE FROM counts WHERE ends < ?", [end])
            self.end = end
        [(used,)] = connection.execute(
            "INSERT INTO counts (caller, ends, used) VALUES (?, ?, 1) ON CONFLICT (caller) DO UPDATE SET "
            "used = CASE WHEN ends = excluded.ends THEN used + 1 ELSE 1 END, ends = excluded.ends RETURNING used",
            [key, end],
        ).fetchall()
        return int(used)

    def opened(self) -> sqlite3.Connection:
        """The connection to the file that lies there now: another process may have made it anew."""
        if self.connection is not None and self.inode == inode_of(self.path):
            return self.connection
        self.close()
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.connection = sqlite3.connect(self.path, timeout=BUSY, isolation_level=None, check_same_thread=False)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = OFF")  # counts of the last minute may be lost with the power
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
def counts_at(path: Path) -> Counts:
    return Counts(path)


# -- who is counted, and as what ---------------------------------------------------------------------------


def throttle(request: Request) -> None:
    """Count a request of the API under every rate that it falls under. Raises Throttled."""
    found = [counted(rate, caller) for rate, caller in rates_of(request)]
    standings = [standing for standing in found if standing]
    request._request.standings = standings  # type: ignore[attr-defined]  # noqa: SLF001  # DRF hides Django's
    over = [standing for standing in standings if standing.over]
    if over:
        raise Throttled(max(over, key=lambda standing: standing.wait))


def rates_of(request: Request) -> Iterator[tuple[str, str]]:
    """The names of the rates, with the name that the caller is counted under."""
    signed_in = bool(request.user.is_authenticated)
    caller = f"user {request.user.pk}" if signed_in else network_of(address_of(request))
    yield ("signed-in" if signed_in else "anonymous"), caller
    if request.method not in SAFE:
        yield "writes", caller
    if request.accepted_renderer.format in FILES:
        yield "files", caller


def network_of(address: str) -> str:
    """What one caller has: an address, or with IPv6 the 2^64 addresses of a network."""
    try:
        found = ip_address(address)
    except ValueError:  # a socket of the machine has none
        return address
    if found.version == 4:
        return address
    return str(found.ipv4_mapped or ip_network(f"{found}/64", strict=False))


def count_try(request: HttpRequest, what: str, who: object = "") -> None:
    """Count one more try at a password. Raises Throttled for one too many from this network, or for this account."""
    for caller in (network_of(address_of(request)), *([f"user {who}"] if who else [])):
        standing = counted("passwords", f"{what} {caller}")
        if standing is not None and standing.over:
            raise Throttled(standing)


def telling(standings: Sequence[Standing]) -> dict[str, str]:
    """The headers that say what may be sent, and how much of it is left."""
    if not standings:
        return {}
    policy = ", ".join(f'"{s.rate}";q={s.most};w={s.seconds}' for s in standings)
    left = ", ".join(f'"{s.rate}";r={max(0, s.most - s.used)};t={s.wait}' for s in standings)
    return {"RateLimit-Policy": policy, "RateLimit": left}


class RateLimits:
    """Tells how much is left, and counts tokens that opened nothing.

    A good token is let in from any address: many offices share one, and who guesses there must not lock them out.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 401 and request.headers.get("Authorization", "").lower().startswith("bearer"):
            response = self.failed(request, response)
        for name, value in telling(getattr(request, "standings", ())).items():
            response[name] = value
        return response

    def failed(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        standing = counted("failed-tokens", network_of(address_of(request)))
        if standing is None or not standing.over:
            return response
        refusal = Throttled(standing)
        response = refuse(request, refusal.status_code, refusal.detail, refusal.faults)
        response["Retry-After"] = str(refusal.wait)
        return response
