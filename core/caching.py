"""The data version, the response cache that rests on it, and shared caches that may be away.

The data version is one random mark that every write to the records changes. Database triggers change it, so the admin,
the API, imports, shells, raw SQL and other workers all count, and a transaction that is rolled back leaves it
unchanged. It is random and no counter: no version ever recurs, not with another database, nor after a file or a dump of
an earlier day was copied back.

PostgreSQL: each transaction has a row of its own and deletes the settled ones that no other transaction holds, so
writers never wait for each other; the version is all visible rows, one as a rule. SQLite: one row, since writers take
turns there.

The triggers are created after each `migrate`, by no migration: Django alters a table of SQLite by making it anew, and
its triggers are gone with the former one.

A response is kept with the version of the data from before it was computed, and served
only while the version is the same: one query a request, and nothing is ever invalidated. Responses are kept in the
memory of each process, up to a size.

Readers without an account are served early, by `ResponseCacheMiddleware`: what is kept is the response as it leaves,
compressed, with its headers and its ETag. Tokens and sessions get answers of the API where the view stands, by
`respond_to_client`, below all that knows the reader. The pages of signed-in readers are computed each time.

A view opts in: a page by `@cache_page`, a class of the API by `cache_responses = True`. Each may depend on the address,
the language, the day and the records.

The shared cache is in files, or Redis. One that fails costs time or the counts of limits, never a request. After a
failure nothing is asked for a while, so that a silent server does not hold up every request: `get` finds nothing, `add`
says yes, `incr` counts one.
"""

import fcntl
import hashlib
import logging
import pickle
import random
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache, wraps
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar, cast
from uuid import uuid4

from django.apps import apps
from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.redis import RedisCache
from django.db import DEFAULT_DB_ALIAS, Error, connections, models, router, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import re_accepts_gzip
from django.template.response import SimpleTemplateResponse
from django.urls import Resolver404, resolve
from django.utils.cache import get_conditional_response, set_response_etag
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.views import APIView

from core.days import today
from core.errors import Problem, is_api
from core.http import TrackerRequest, check_request, loaded_user

# -- data version ---------------------------------------------------------------------------------------


# A savepoint that is rolled back takes the transaction's row with it; the next write inserts one anew.
TRIGGER_FUNCTION_SQL = """
CREATE OR REPLACE FUNCTION core_data_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    mine bigint := pg_current_xact_id()::text::bigint;
BEGIN
    UPDATE core_dataversion SET mark = gen_random_uuid()::text WHERE transaction = mine;
    IF NOT FOUND THEN
        INSERT INTO core_dataversion (transaction, mark) VALUES (mine, gen_random_uuid()::text);
        DELETE FROM core_dataversion WHERE transaction IN (
            SELECT transaction FROM core_dataversion WHERE transaction <> mine FOR UPDATE SKIP LOCKED
        );
    END IF;
    RETURN NULL;
END $$
"""
CREATE_TRIGGER_SQL = {
    "sqlite": """
CREATE TRIGGER "{name}" AFTER {event} ON "{table}" BEGIN
    UPDATE core_dataversion SET mark = hex(randomblob(16));
END
""",
    "postgresql": """
CREATE TRIGGER "{name}" AFTER {event} ON "{table}" FOR EACH STATEMENT EXECUTE FUNCTION core_data_version()
""",
}
DROP_TRIGGER_SQL = {"sqlite": 'DROP TRIGGER "{name}"', "postgresql": 'DROP TRIGGER "{name}" ON "{table}"'}
LIST_TRIGGERS_SQL = {
    "sqlite": """
SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'data_version_%%'
""",
    "postgresql": """
SELECT tgname, relname FROM pg_trigger
JOIN pg_proc ON pg_proc.oid = tgfoid JOIN pg_class ON pg_class.oid = tgrelid
WHERE proname = 'core_data_version'
AND pronamespace = current_schema()::regnamespace AND NOT tgisinternal
""",
}


class DataVersion(models.Model):
    """Version of all records together."""

    transaction = models.BigIntegerField(primary_key=True)  # that wrote; 0 on SQLite, and after a migration
    mark = models.CharField(max_length=36)  # random

    class Meta:
        verbose_name = _("data version")
        verbose_name_plural = _("data versions")

    def __str__(self) -> str:
        return self.mark


def data_version(using: str = DEFAULT_DB_ALIAS) -> str | None:
    """Return the version of the data, in one query; None while a migration runs, when nothing may be kept."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT mark FROM core_dataversion ORDER BY mark")
        return "".join([mark for (mark,) in cursor.fetchall()]) or None


# -- triggers ----------------------------------------------------------------------------------------------


def versioned_tables() -> dict[str, list[str]]:
    """Return the tables whose writes count, each with its columns."""
    columns: dict[str, list[str]] = {}
    for label in settings.VERSIONED_APPS:
        for model in apps.get_app_config(label).get_models(include_auto_created=True):
            meta: Any = model._meta
            if meta.managed and not meta.proxy and meta.db_table not in settings.UNVERSIONED_TABLES:
                columns[meta.db_table] = [column.column for column in meta.local_concrete_fields]
    return columns


def drop_triggers(using: str = DEFAULT_DB_ALIAS, plan: list[object] | None = None, **_signal: object) -> None:
    """pre_migrate: drop the triggers (SQLite rebuilds tables while altering them) and the version: no caching
    meanwhile.
    """
    if plan == [] or not router.allow_migrate(using, "core"):
        return
    database = connections[using]
    with database.cursor() as cursor:
        for name, table in existing_triggers(database.vendor, cursor):
            cursor.execute(DROP_TRIGGER_SQL[database.vendor].format(name=name, table=table))
        if "core_dataversion" in database.introspection.table_names(cursor):
            cursor.execute("DELETE FROM core_dataversion")


def create_triggers(using: str = DEFAULT_DB_ALIAS, **_signal: object) -> None:
    """post_migrate: create the triggers that are missing, and a new version."""
    if not router.allow_migrate(using, "core"):
        return
    database = connections[using]
    with transaction.atomic(using), database.cursor() as cursor:
        standing = set(database.introspection.table_names(cursor))
        if "core_dataversion" not in standing:  # migrated back to before there was a version
            return
        if database.vendor == "postgresql":
            cursor.execute(TRIGGER_FUNCTION_SQL)
        existing = existing_triggers(database.vendor, cursor)
        for table, columns in versioned_tables().items():
            left_out = settings.UNVERSIONED_COLUMNS.get(table, ())
            only = ", ".join(f'"{name}"' for name in columns if name not in left_out)
            update = f"UPDATE OF {only}" if left_out else "UPDATE"
            if database.vendor == "postgresql":  # one trigger
                wanted = {"data_version": f"INSERT OR {update} OR DELETE OR TRUNCATE"}
            else:  # one an event
                events = {"insert": "INSERT", "update": update, "delete": "DELETE"}
                wanted = {f"data_version_{word}_{table}": event for word, event in events.items()}
            for name, event in wanted.items():
                if table in standing and (name, table) not in existing:
                    cursor.execute(CREATE_TRIGGER_SQL[database.vendor].format(name=name, event=event, table=table))
        DataVersion.objects.using(using).all().delete()
        DataVersion.objects.using(using).create(transaction=0, mark=uuid4().hex)


def existing_triggers(vendor: str, cursor: Any) -> set[tuple[str, str]]:
    """Return our triggers, each with its table."""
    cursor.execute(LIST_TRIGGERS_SQL[vendor])
    return set(cursor.fetchall())


# -- shared caches --------------------------------------------------------------------------------------


log = logging.getLogger("tracker.cache")
PAUSE = 30  # seconds for which a cache that failed is not asked
AWAY: dict[str, Any] = {  # what each method returns meanwhile
    "add": True,
    "get": None,
    "set": None,
    "touch": False,
    "delete": False,
    "incr": 1,
    "get_many": {},
    "set_many": [],
}
PAUSED = {"until": 0.0}


def forgiving(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of a cache that logs an error of the cache, its client or its disk, and pauses."""
    name = method.__name__

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() >= PAUSED["until"]:
            try:
                return method(self, *args, **kwargs)
            except ValueError:  # `incr` of a key that is not there
                raise
            except Exception as exc:
                PAUSED["until"] = time.monotonic() + PAUSE
                log.warning("the shared cache failed and is left alone for %d s: %s", PAUSE, type(exc).__name__)
        if name == "get":
            return args[1] if len(args) > 1 else kwargs.get("default")
        return AWAY[name]

    return call


class ForgivingRedisCache(RedisCache):
    """Redis cache that lets errors pass."""


class ForgivingFileCache(FileBasedCache):
    """Cache in files that lets errors pass, and in which processes that count at once lose nothing."""

    def __init__(self, dir: str, params: dict[str, Any]) -> None:  # noqa: A002  # Django's name
        with suppress(OSError):
            super().__init__(dir, params)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Context manager: one process of the machine at a time."""
        self._createdir()  # type: ignore[attr-defined]
        with Path(self._dir, "counting.lock").open("w") as lock:  # type: ignore[attr-defined]
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        with self.counting():
            return super().add(key, value, timeout, version)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        try:
            return super().get(key, default, version)
        except OSError:
            raise
        except Exception:  # whatever a damaged file makes of it
            super().delete(key, version)
            return default

    def has_key(self, key: str, version: int | None = None) -> bool:
        return self.get(key, None, version) is not None

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """Add to a number, which keeps the time at which it ends."""
        with self.counting():
            number = self.get(key, None, version)
            if number is None:
                raise ValueError(f"Key {key!r} not found")
            with Path(self._key_to_file(key, version)).open("rb") as file:  # type: ignore[attr-defined]
                ends = pickle.load(file)  # noqa: S301  # our own
            super().set(key, number + delta, ends - time.time(), version)
        return int(number + delta)

    def _cull(self) -> None:
        """Delete what has ended, then what is too much: seldom, because it lists the folder."""
        if random.randrange(200) == 0:  # noqa: S311
            for path in self._list_cache_files():  # type: ignore[attr-defined]
                with suppress(OSError, pickle.UnpicklingError), Path(path).open("rb") as file:
                    self._is_expired(file)  # type: ignore[attr-defined]
            super()._cull()  # type: ignore[misc]


for cache in (ForgivingRedisCache, ForgivingFileCache):
    for name in AWAY:
        setattr(cache, name, forgiving(getattr(cache, name)))


# -- response cache -------------------------------------------------------------------------------------


READ_METHODS = {"GET", "HEAD"}
CACHED_MEDIA_TYPES = ("application/json", "text/html")  # files are computed each time
MAX_STORED_BYTES = 2 * 1024 * 1024  # larger responses are not cached
MAX_STORE_BYTES = 32 * 1024 * 1024  # of all responses that a process keeps
ENTRY_BYTES = 4 * 1024  # what a response takes besides its body, about
MAX_WAIT = 30  # seconds to wait for another thread that computes the same response
ANONYMOUS, API_CLIENT = "anonymous", "API client"  # readers of the two stages
BODY_HEADERS = {"Content-Encoding", "Content-Language", "Content-Length", "Content-Type"}  # not of a 304

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
GetResponse = Callable[[TrackerRequest], HttpResponse]


class ResponseCacheMiddleware:
    """Middleware that serves readers without an account, before anything is done for them.

    It stands below request id, log, health checks and metrics, and above everything else. A request that names
    a session, a token or a message passes: who it is, and what they may read, is found out below.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: TrackerRequest) -> HttpResponse:
        cacheable = settings.CACHE_RESPONSES and request.method in READ_METHODS
        if not (cacheable and is_cached_address(request.path_info) and is_public_read(request)):
            return self.get_response(request)
        key = cache_key(request, ANONYMOUS, bool(re_accepts_gzip.search(request.META.get("HTTP_ACCEPT_ENCODING", ""))))
        condition = request.META.pop("HTTP_IF_NONE_MATCH", None)  # what is kept is never a 304
        try:
            response = stored_or_computed(request, key, self.get_response)
        except Error as exc:
            request.data_version_error = exc
            response = self.get_response(request)
        if condition is None:
            return response
        request.META["HTTP_IF_NONE_MATCH"] = condition
        answer = get_conditional_response(request, response.get("ETag"), response=response) or response
        if answer is not response:  # 304 for a response that the client has, with the headers of the response
            for name, value in response.items():
                if name not in BODY_HEADERS:
                    answer.setdefault(name, value)
        return answer


def cache_page(view: View) -> Callable[..., HttpResponseBase]:
    """Decorator: opt a page view in to the response cache."""

    @wraps(view)
    def cached(request: TrackerRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        raise_failure(request)
        return view(request, *args, **kwargs)

    cached.__dict__["cache_responses"] = True
    return cached


def raise_failure(request: TrackerRequest) -> None:
    """Raise the error of a database that was asked for the data version: in the view, so that its page has headers."""
    if hasattr(request, "data_version_error"):
        raise request.data_version_error


def respond_to_client(request: TrackerRequest, compute: Callable[[TrackerRequest], Any]) -> HttpResponse:
    """Return the response of a view of the API that opted in: to tokens, sessions and internal sites from the cache.

    All that may reject a request or knows the reader stands above it: session, second factor, days, sign-in.
    """
    raise_failure(request)
    cacheable = settings.CACHE_RESPONSES and request.method in READ_METHODS and not is_public_read(request)
    if not (cacheable and is_admitted(request)):
        return cast(HttpResponse, compute(request))

    def compute_for_all(request: TrackerRequest) -> HttpResponse:
        response: HttpResponse = compute(request)
        if isinstance(response, SimpleTemplateResponse):
            response.render()
        if is_storable(request, response) and not response.has_header("ETag"):
            set_response_etag(response)  # which would be computed for each client anew
        return response

    response = stored_or_computed(request, cache_key(request, API_CLIENT), compute_for_all)
    user = loaded_user(request)
    if getattr(request, "cache_status", "") == "hit" and user:
        try:
            check_request(request, user, "signed-in")
        except Problem:
            return cast(HttpResponse, compute(request))  # the view rejects it
    return response


def stored_or_computed(request: TrackerRequest, key: str, compute: GetResponse) -> HttpResponse:
    """Return the stored response of the present data, or compute it, once for all equal requests of this process.

    Equal requests wait until the first is computed, or has failed. If there is no result by then they compute at once,
    so that no queue forms behind a response that cannot be stored. A file never is: nobody waits for one.
    """
    version = None if asks_for_file(request) else data_version()
    if version is None:
        return compute(request)
    stored = STORE.load(key, version)
    if stored is None:
        name, own = f"{key} {version}", Future[StoredResponse | None]()
        first = COMPUTATIONS.setdefault(name, own)
        if first is not own:
            with suppress(TimeoutError):
                stored = first.result(MAX_WAIT)
    if stored is not None:
        request.cache_status = "hit"
        return HttpResponse(stored.body, headers=stored.headers)
    request.cache_status, result = "miss", None
    try:
        response = compute(request)
        if is_storable(request, response):
            result = StoredResponse(version, response.content, dict(response.items()))
            # A write meanwhile may be in the response, and the database may be set back to before it.
            if data_version() == version:
                STORE.save(key, result)
        return response
    finally:
        if first is own:
            del COMPUTATIONS[name]
            own.set_result(result)


# -- what is cached ----------------------------------------------------------------------------------------


@lru_cache(maxsize=2_000)
def is_cached_address(path: str) -> bool:
    """Return whether the view of an address opted in."""
    try:
        view = resolve(path).func
    except Resolver404:
        return False
    return getattr(getattr(view, "cls", view), "cache_responses", False)  # DRF names the class of a view


def asks_for_file(request: HttpRequest) -> bool:
    """Return whether a request names another form of a page, or of a list of the API, than the one that is stored."""
    accepted = request.META.get("HTTP_ACCEPT", "") if is_api(request) else ""
    return (
        "export" in request.GET
        or request.GET.get("format", "json") != "json"
        or any(word in accepted for word in ("csv", "spreadsheet"))
    )


def is_public_read(request: HttpRequest) -> bool:
    """Return whether the reader is nobody in particular: no session, no token and no message, on a public site."""
    return (
        settings.SITE_ACCESS == "public"
        and not request.COOKIES.keys() & {settings.SESSION_COOKIE_NAME, CookieStorage.cookie_name}
        and "HTTP_AUTHORIZATION" not in request.META
        and "HTTP_IF_MATCH" not in request.META  # of reads nobody sends these; Django compares them
        and "HTTP_IF_UNMODIFIED_SINCE" not in request.META
    )


def is_admitted(request: HttpRequest) -> bool:
    """Return whether a reader gets the stored answer of the API, the same for all by its own authentication.

    Where not, the view has to decide: the token is wrong, or an internal site wants a sign-in.
    """
    public = settings.SITE_ACCESS != "internal"
    if "Authorization" not in request.headers and settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return public
    try:
        user = Request(request, authenticators=APIView().get_authenticators()).user
    except APIException:
        return False
    return public or bool(user.is_authenticated)


def is_storable(request: HttpRequest, response: HttpResponse) -> bool:
    """Return whether a response is complete, and the same for all readers of its kind."""
    return (
        request.method == "GET"
        and response.status_code == 200
        and not response.streaming
        and response.get("Content-Type", "").startswith(CACHED_MEDIA_TYPES)
        and len(response.content) <= MAX_STORED_BYTES
        and not response.cookies
        and "no-store" not in response.get("Cache-Control", "")
        and not request.META.get("CSRF_COOKIE_NEEDS_UPDATE")  # it holds a token of this reader
        and not getattr(request, "has_unknown_params", False)  # of such addresses there is no end
    )


# -- cache keys and entries --------------------------------------------------------------------------------


def cache_key(request: HttpRequest, *reader: object) -> str:
    """Return one cache key for all requests that get the same response from the same records.

    The host is taken as sent: one that is not allowed gets 400 below, which is not stored.
    """
    sent = request.META
    parts = (
        today(),  # the default as-of date, on which lateness depends too
        request.scheme,
        (sent.get("HTTP_HOST"), sent.get("SERVER_NAME"), sent.get("SERVER_PORT")),
        request.path,
        sent.get("QUERY_STRING"),
        get_language(),  # by cookie and header; `?lang=` is in the query
        sent.get("HTTP_ACCEPT") if is_api(request) else "",
        reader,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


@dataclass(frozen=True)
class StoredResponse:
    """Body and headers of a response, and the version of the data from which it was computed."""

    version: str
    body: bytes
    headers: dict[str, str]


class ResponseStore:
    """Stored responses of this process. Those that were not asked for the longest make room for new ones."""

    def __init__(self) -> None:
        self.responses: OrderedDict[str, StoredResponse] = OrderedDict()
        self.lock = Lock()

    @property
    def size(self) -> int:
        return sum(len(stored.body) + ENTRY_BYTES for stored in self.responses.values())

    def load(self, key: str, version: str) -> StoredResponse | None:
        """Return the stored response if it was computed from this version of the data."""
        with self.lock:
            stored = self.responses.get(key)
            if stored is None or stored.version != version:
                return None
            self.responses.move_to_end(key)
            return stored

    def save(self, key: str, response: StoredResponse) -> None:
        with self.lock:
            self.responses[key] = response
            self.responses.move_to_end(key)
            while self.size > MAX_STORE_BYTES:
                self.responses.popitem(last=False)


STORE = ResponseStore()
COMPUTATIONS: dict[str, Future[StoredResponse | None]] = {}  # what this process computes, for those that wait for it
