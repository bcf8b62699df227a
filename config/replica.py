"""Where a request reads the facts: whoever cannot write may be answered by a replica of the database (a standby).

A replica is a moment behind. So whoever may write reads from the primary, and sees what was just written; so does
whoever follows the line of changes, because a record read behind its line would stay wrong for good. All that is no
fact of either domain (sessions, people, tokens, imports, the house's own tables) is always the primary's.

A replica that does not answer, or is too far behind, is not read: its readers read from the primary meanwhile.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache as once
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from config.callers import address_of
from config.faults import DATABASE_DOWN
from config.logs import first_line
from config.problems import is_api
from config.throttles import REST, RESTING, network_of
from config.tokens import may_write_anything

log = logging.getLogger("tracker.replica")
PRIMARY, REPLICA = DEFAULT_DB_ALIAS, "replica"
READING: ContextVar[str] = ContextVar("reading", default=PRIMARY)
READ = {"GET", "HEAD"}
OF_WRITERS = ("/admin/", "/sign-in/", "/sign-out/", "/account/", "/tokens/")
FOLLOWED = 86_400  # seconds for which somebody who asked for the line of changes is taken to follow it


def reading_from() -> str:
    """The alias of the database that facts are read from by what runs now: "default" or "replica"."""
    return READING.get()


class Router:
    """Facts are read where the request reads; everything else, and every write, is the primary's."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return reading_from() if is_fact(model) else PRIMARY

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return PRIMARY

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        """Both databases hold the same records."""
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db == REPLICA else None


@once
def is_fact(model: Any) -> bool:
    """Whether the replica may answer for a model."""
    kept = model._meta
    return kept.app_label in settings.REPLICATED_APPS and kept.label_lower not in settings.NEVER_FROM_REPLICA


# -- who reads where -------------------------------------------------------------------------------------


@receiver([request_started, request_finished], dispatch_uid="reading_begins_at_the_primary")
def begin(**_signal: Any) -> None:
    """A thread still has what its last request read from. Files are streamed before their request has finished."""
    READING.set(PRIMARY)


class ReadingFrom:
    """Lets pages read from the replica, and does on the primary again what the replica failed at.

    Who a program acts for is known in its view alone: `for_program` is asked there.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_api(request) and may_be_behind(request, request.user) and usable():
            READING.set(REPLICA)
        response = self.get_response(request)
        if not reads_again(request):
            return response
        begin()
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Nobody sees this answer: the request is done again."""
        if reading_from() == PRIMARY or not isinstance(exception, DATABASE_DOWN):
            return None
        log.warning("read again from the primary: %s", first_line(exception))
        request.reads_again = True  # type: ignore[attr-defined]
        return HttpResponse(status=503)


def reads_again(request: HttpRequest | Request) -> bool:
    return bool(getattr(request, "reads_again", False))


def for_program(request: Request, *, follows: bool) -> None:
    """Choose for an address of the API, once it is known who asks. `follows`: it is the line of changes."""
    if REPLICA not in settings.DATABASES:
        return
    if follows:
        note_follower(request)
    elif may_be_behind(request, request.user) and not is_follower(request) and usable():
        READING.set(REPLICA)


def may_be_behind(request: HttpRequest | Request, user: Any) -> bool:
    """Whether the answer may be a moment old: only of what is read by somebody who can write nothing."""
    return (
        request.method in READ
        and not request.path_info.startswith(OF_WRITERS)
        and not reads_again(request)
        and not (user.is_authenticated and (user.is_staff or may_write_anything(user)))
    )


# -- who follows the line of changes ---------------------------------------------------------------------


def follower(request: Request) -> str:
    """The name under which all processes remember who asks; whoever is not signed in goes by the address."""
    user = request.user
    return f"follows:{f'user:{user.pk}' if user.is_authenticated else network_of(address_of(request))}"


def note_follower(request: Request) -> None:
    """What cannot be remembered, because the shared cache is gone, is not asked of it either: see `is_follower`."""
    with_cache(lambda: cache.set(follower(request), 1, FOLLOWED))


def is_follower(request: Request) -> bool:
    """Whether it asked for the line of changes within a day; yes, where the shared cache does not tell."""
    return with_cache(lambda: cache.get(follower(request))) is not None


def with_cache(ask: Callable[[], Any]) -> Any:
    """What the shared cache says; False when it does not answer, and then it is let rest, as throttles do."""
    if time.time() < RESTING["until"]:
        return False
    try:
        return ask()
    except Exception as exc:  # an error of the cache's own
        RESTING["until"] = time.time() + REST
        log.error("the shared cache is not asked for %d seconds: %s: %s", REST, type(exc).__name__, exc)
        return False


# -- whether the replica can be read ---------------------------------------------------------------------

EVERY = 5  # seconds between two looks of a process
MOST_BEHIND = 5  # seconds within which the replica must have what the primary had at the look
OLD = 15  # seconds for which what a look found holds, where no request came that would have made another one
PAUSE = 0.1
PATIENCE = 1.5  # seconds that a request waits for a look, where there is none that holds
UNKNOWN = "it has not answered yet"
STATE: dict[str, Any] = {"fault": "", "seen": -math.inf, "look": None, "next": -math.inf}
LOCK = threading.Lock()


class Look(threading.Thread):
    """Looks whether the replica answers and keeps up, on connections of its own: no request waits for a silent one."""

    def __init__(self) -> None:
        super().__init__(daemon=True, name="replica")

    def run(self) -> None:
        try:
            note(fault())
        finally:
            for alias in (PRIMARY, REPLICA):
                connections[alias].close()


def fault() -> str:
    """Why the replica should not be read now; empty when it can be. Takes as long as it may be behind."""
    try:
        with connections[REPLICA].cursor() as cursor:
            late = time.monotonic() + MOST_BEHIND
            written = end_of_primary()
            while not replayed(cursor, written):
                if time.monotonic() > late:
                    return f"it is more than {MOST_BEHIND} seconds behind"
                time.sleep(PAUSE)
    except Error as exc:
        return reason(exc)
    return ""


def end_of_primary() -> str | None:
    """How far the primary has written; None when it does not answer: then nobody writes, and reading can go on."""
    try:
        with connections[PRIMARY].cursor() as cursor:
            cursor.execute("SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_lsn()::text END")
            (written,) = cursor.fetchone()
    except Error:
        return None
    return str(written) if written else None


def replayed(cursor: Any, written: str | None) -> bool:
    """Whether the replica has come as far; yes of one that is no standby, whose own means keep it level."""
    cursor.execute(
        "SELECT NOT pg_is_in_recovery() OR coalesce(pg_last_wal_replay_lsn() >= %s::pg_lsn, true)", [written]
    )
    return bool(cursor.fetchone()[0])


def reason(exc: BaseException) -> str:
    return f"{type(exc).__name__}: {str(exc).strip().partition(chr(10))[0]}"


def note(found: str) -> None:
    """Keep what was found, and tell the log when it is news."""
    with LOCK:
        before = STATE["fault"]
        STATE.update(fault=found, seen=time.monotonic())
    if found and not before:
        log.error("the replica is not read, its readers read from the primary: %s", found)
    elif before and not found:
        log.warning("the replica is read again")


def look(patience: float) -> str:
    """What the last look found, after a new one has begun where it was time; one is waited for if none holds."""
    with LOCK:
        now = time.monotonic()
        if now >= STATE["next"] and not (STATE["look"] and STATE["look"].is_alive()):
            STATE.update(look=Look(), next=now + EVERY)
            STATE["look"].start()
        waited = STATE["look"] if now - STATE["seen"] > OLD else None
    if waited:
        waited.join(patience)
    return str(STATE["fault"]) if time.monotonic() - STATE["seen"] <= OLD else UNKNOWN


def usable() -> bool:
    """Whether this request can read from the replica, on a connection that this thread has by now."""
    if look(PATIENCE):
        return False
    try:
        connections[REPLICA].close_if_health_check_failed()
        connections[REPLICA].ensure_connection()
    except Error as exc:
        note(reason(exc))
        return False
    return True


def standing() -> dict[str, str]:
    """What /readyz says of the replica: nothing where there is none, and never why."""
    if REPLICA not in settings.DATABASES:
        return {}
    return {"replica": "not read" if look(0.3) else "ok"}
