"""What was on record at the end of a past day: `?known=YYYY-MM-DD`.

The histories hold every version of every record. For a past day, the versions that were current then are written into a
database file of their own, and a database router sends the reads of the request there: each number is computed by the
code that computes it from today's records. Users, sessions, tokens and permissions are always those of today. Where a
record itself says who may read it (evidence files, the province of a record that names people), both the day's record
and today's have to allow it.

Of the entries by then the newest is the one written last: entries of one record are written one after the other, while
clocks of several machines may differ.

The tables have the columns of their models and plain indexes, but no constraints: a version of years ago need not
satisfy a constraint that was added since. What is computed from the records with each write is computed from those of
the snapshot.

A file is written beside its place and moved there, so a file that exists is complete, whichever process wrote it, and
is never changed. Its name is a digest of the entries until the end of the day: an entry of today changes no snapshot of
yesterday, and days without an entry between them have one file. The files that have not been asked for the longest are
deleted. A long one is written by a job, and whoever asks meanwhile is told to ask again.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from datetime import time as clock
from functools import cache, partial
from itertools import islice
from pathlib import Path
from tempfile import mkstemp
from threading import Lock, get_ident
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models import Min
from django.db.utils import load_backend
from django.dispatch import Signal
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import resolve
from django.utils import timezone
from django.utils.translation import gettext as _
from django_tasks import task
from django_tasks_db.models import DBTaskResult
from rest_framework.permissions import SAFE_METHODS

from core.caching import DataVersion
from core.days import today
from core.errors import Problem, bad_request_response, is_api
from core.http import TrackerRequest, check_request, has_token, parse_day
from core.jobs.queue import enqueue, job_about

# -- building -------------------------------------------------------------------------------------------


PRIVATE_USER_FIELDS = {"password": "", "email": "", "last_login": None}  # a snapshot needs the names only


@cache
def record_models() -> tuple[Any, ...]:
    return tuple(model for model in apps.get_models() if hasattr(getattr(model, "history", None), "model"))


def tracked_lists(model: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Yield the many-to-many fields of a model with history: field, model of its rows, model of their history."""
    history = model.history.model
    for field in history._history_m2m_fields:  # noqa: SLF001  # simple-history's list of them
        yield field, field.remote_field.through, getattr(history, field.name).model


@cache
def computed_models() -> tuple[Any, ...]:
    """Return the models whose rows are computed from records: `COMPUTED` says by which version of the rules."""
    return tuple(model for model in apps.get_models() if hasattr(model, "COMPUTED"))


@cache
def routed_models() -> frozenset[Any]:
    """Return the models that are read from the snapshot: records, their lists, the histories of both, the journal, and
    what is computed from records.
    """
    tables = {kind for model in record_models() for kind in (model, model.history.model)}
    lists = {kind for model in record_models() for row in tracked_lists(model) for kind in row[1:]}
    return frozenset(tables | lists | {journal_model(), *computed_models()})


@cache
def journal_model() -> Any:
    """Return the journal, which stands on a higher layer."""
    return apps.get_model("core", "ChangeEvent")


@cache
def stored_models() -> tuple[Any, ...]:
    """Return the models with a table in the snapshot: those read from it, and those that its queries join."""
    imports = journal_model()._meta.get_field("import_record").related_model
    models = {*routed_models(), get_user_model(), imports, DataVersion}
    return tuple(sorted(models, key=lambda model: model._meta.label))


ENGINE = "django.db.backends.sqlite3"
CHUNK_SIZE = 2_000
UNCHANGED = (models.CharField, models.TextField, models.IntegerField, models.AutoField, models.BooleanField)
"""Fields of values that are stored as they are in memory."""
Row = Sequence[Any]

NEWEST_SQL = """
SELECT history_id FROM {history} WHERE history_type <> '-'
AND history_id IN (SELECT max(history_id) FROM {history} GROUP BY {key})
"""
"""The newest version of each record that is not deleted."""


def create_table(cursor: Any, model: Any) -> None:
    """Create the table of a model, without constraints."""
    quote, columns = cursor.db.ops.quote_name, []
    for field in model._meta.local_concrete_fields:
        parameters = field.db_parameters(cursor.db)
        key = " PRIMARY KEY" if field.primary_key else ""
        collation = f" COLLATE {quote(parameters['collation'])}" if parameters.get("collation") else ""
        columns.append(f"{quote(field.column)} {parameters['type']}{key}{collation}")
    cursor.execute(f"CREATE TABLE {quote(model._meta.db_table)} ({', '.join(columns)})")


def create_indexes(cursor: Any, model: Any) -> None:
    """Create an index on each column that has one in the database, after the rows are there; all of the journal and of
    what is computed.
    """
    quote, table = cursor.db.ops.quote_name, model._meta.db_table
    indexes: dict[str, Sequence[str]] = {}
    if model in (journal_model(), *computed_models()):
        unique = [item for item in model._meta.constraints if isinstance(item, models.UniqueConstraint)]
        indexes = {item.name: item.fields for item in (*model._meta.indexes, *unique)}
    for field in model._meta.local_concrete_fields:
        if (field.db_index or field.unique) and not field.primary_key:
            indexes[f"{table}_{field.column}"] = [field.name]
    for name, fields in indexes.items():
        columns = ", ".join(quote(model._meta.get_field(each).column) for each in fields)
        cursor.execute(f"CREATE INDEX {quote(name)} ON {quote(table)} ({columns})")


def insert(cursor: Any, model: Any, rows: Iterable[Row]) -> None:
    """Insert rows with the values of all fields, as they are in memory."""
    ops, fields = cursor.db.ops, model._meta.local_concrete_fields
    prepared: list[Any] = []  # how a value of each field is written; None where it is written as it is
    for field in fields:
        kind = field.target_field if field.remote_field else field
        if isinstance(kind, UNCHANGED):
            prepared.append(None)
        elif isinstance(kind, models.DateField):  # most values; Django would convert what they are already
            is_moment = isinstance(kind, models.DateTimeField)
            prepared.append(ops.adapt_datetimefield_value if is_moment else ops.adapt_datefield_value)
        else:
            prepared.append(partial(field.get_db_prep_save, connection=cursor.db))
    cursor.executemany(
        f"INSERT INTO {ops.quote_name(model._meta.db_table)} VALUES ({', '.join(['%s'] * len(fields))})",  # noqa: S608  # names from the code only
        ([value if make is None else make(value) for make, value in zip(prepared, row, strict=True)] for row in rows),
    )


filled = Signal()
"""Sent when a snapshot has its records and they are read from it: receivers yield the rows of computed
models, each as its model and its values by column.
"""


def build_snapshot(cursor: Any, snapshot: "Snapshot") -> None:
    """Write the records as they were at the end of its day into an empty file, then what is computed from them."""
    cursor.execute("PRAGMA journal_mode = OFF")
    cursor.execute("PRAGMA synchronous = OFF")  # a file that a power cut spoils was never moved to its place
    cursor.execute("BEGIN")
    for model in stored_models():
        create_table(cursor, model)
    fill(cursor, end_of_day(snapshot.day), snapshot.path.stem)
    for model in stored_models():
        if model not in computed_models():
            create_indexes(cursor, model)
    with read_from(snapshot):
        found: Any = filled.send(sender=None)
        for _receiver, rows in found:
            insert_computed(cursor, rows)
    for model in computed_models():
        create_indexes(cursor, model)
    cursor.execute("COMMIT")
    cursor.execute("ANALYZE")


def insert_computed(cursor: Any, rows: Iterator[tuple[Any, Mapping[str, Any]]]) -> None:
    while some := list(islice(rows, CHUNK_SIZE)):
        for model in computed_models():
            names = [field.attname for field in model._meta.local_concrete_fields]
            insert(cursor, model, ([values.get(name) for name in names] for kind, values in some if kind is model))


def fill(cursor: Any, moment: datetime, version: str) -> None:
    """Write the rows of all tables: the histories from the database, the records from these histories.

    `version` is the version of its data: caches tell one snapshot from another by it.
    """
    insert(cursor, get_user_model(), stored_users())
    insert(cursor, DataVersion, [(0, version)])
    journal = journal_model()
    copy_rows(cursor, journal.objects.filter(at__lt=moment))
    copy_rows(cursor, journal._meta.get_field("import_record").related_model.objects.all())
    quote = cursor.db.ops.quote_name
    for model in record_models():
        copies = [(model, model.history.model)]
        copy_rows(cursor, model.history.filter(history_date__lt=moment))
        for _field, rows, past in tracked_lists(model):
            copies.append((rows, past))
            copy_rows(cursor, past._default_manager.filter(history__history_date__lt=moment))
        newest = NEWEST_SQL.format(history=quote(model.history.model._meta.db_table), key=quote(model._meta.pk.column))
        for table, past in copies:
            columns = ", ".join(quote(field.column) for field in table._meta.local_concrete_fields)
            into, source = quote(table._meta.db_table), quote(past._meta.db_table)
            versions = f"SELECT {columns} FROM {source} WHERE history_id IN ({newest})"  # noqa: S608  # names from the code only
            cursor.execute(f"INSERT INTO {into} ({columns}) {versions}")
    resolve_missing(cursor)


def stored_users() -> Iterator[Row]:
    """Yield the users of today as a snapshot holds them: histories name who wrote an entry."""
    model: Any = get_user_model()
    names = [field.attname for field in model._meta.local_concrete_fields]
    for user in model._default_manager.order_by("pk").values_list(*names):
        yield [PRIVATE_USER_FIELDS.get(name, value) for name, value in zip(names, user, strict=True)]


def copy_rows(cursor: Any, queryset: Any) -> None:
    names = [field.attname for field in queryset.model._meta.local_concrete_fields]
    insert(cursor, queryset.model, queryset.order_by().values_list(*names).iterator(chunk_size=CHUNK_SIZE))


def resolve_missing(cursor: Any) -> None:
    """Do what the database did when a row was deleted to which others refer, of which a history may say nothing.

    An optional reference to a row that is not there becomes empty; a row that needs it is left out. A row left out
    may be one that others need, so this goes on until nothing changes.
    """
    quote, statements = cursor.db.ops.quote_name, []
    lists = [rows for model in record_models() for _field, rows, _past in tracked_lists(model)]
    for model in (*record_models(), *lists):
        for field in model._meta.local_concrete_fields:
            target = field.remote_field and field.remote_field.model
            if target not in stored_models():
                continue
            table, column = quote(model._meta.db_table), quote(field.column)
            change = f"UPDATE {table} SET {column} = NULL" if field.null else f"DELETE FROM {table}"  # noqa: S608
            there = f"SELECT {quote(field.target_field.column)} FROM {quote(target._meta.db_table)}"  # noqa: S608
            statements.append(f"{change} WHERE {column} IS NOT NULL AND {column} NOT IN ({there})")
    while sum(cursor.execute(statement).rowcount for statement in statements):
        pass


# -- files, router and middleware -----------------------------------------------------------------------


MOST_ENTRIES = 25_000  # of histories, of which a request writes a file; of more a job does
ASK_AGAIN = 15  # seconds
MAX_FILES = 24
MAX_BYTES = 512 * 1024 * 1024
ABANDONED_AFTER = 3_600  # seconds after which an unfinished file is one that a process left behind
FORMAT = 3  # of the files; a change of what they hold gives them other names
STATE_SQL = """
SELECT model, count(*), max(entry_id), sum(entry_id), CAST(max(at) AS text) FROM core_changeevent WHERE at < %s
GROUP BY model
UNION ALL SELECT '', count(*), max(id), 0, '' FROM django_migrations
"""
ALIAS = "known"
READ_ONLY = "file:{path}?mode=ro&immutable=1"  # a finished file never changes: no locks
OPTIONS = {"init_command": "PRAGMA mmap_size=134217728; PRAGMA cache_size=-20000; PRAGMA query_only=1;"}
BUILDING: dict[str, Lock] = {}  # requests of one process for the same state wait for one file


def end_of_day(day: date) -> datetime:
    """Return the moment at which the day ends in the time zone of the site."""
    return timezone.make_aware(datetime.combine(day + timedelta(1), clock.min))


def history_state(day: date) -> tuple[int, str]:
    """Return how many history entries there were at the end of a day, and a digest of which. Two queries.

    The digest also depends on the users, the schema and the rules, which are those of today.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    moment = connection.ops.adapt_datetimefield_value(end_of_day(day))
    with connection.cursor() as cursor:
        cursor.execute(STATE_SQL, [moment])
        rows = sorted(cursor.fetchall(), key=str)
    entries = sum(count for model, count, *_others in rows if model)
    rules = [model.COMPUTED for model in computed_models()]
    held = [FORMAT, rules, connection.settings_dict["NAME"], rows, list(stored_users())]
    return entries, hashlib.sha256(repr(held).encode()).hexdigest()[:16]


def delete_old_files(newest: Path) -> None:
    """Delete the snapshots asked for the longest ago, until those that stay are within the limits.

    A request that still reads one keeps it open, so it reads on.
    """
    folder = newest.parent
    files = sorted(((file_state(path), path) for path in folder.glob("*.sqlite3")), reverse=True)
    total = 0
    for position, ((_when, size), path) in enumerate(files):
        total += size
        if path != newest and (position >= MAX_FILES or total > MAX_BYTES):
            path.unlink(missing_ok=True)
    for path in folder.glob("*.part"):
        if file_state(path)[0] < time.time() - ABANDONED_AFTER:
            path.unlink(missing_ok=True)


def file_state(path: Path) -> tuple[float, int]:
    """Return when a file was last asked for, and its size; zeros for one that another process has deleted."""
    try:
        state = path.stat()
    except OSError:
        return 0.0, 0
    return state.st_mtime, state.st_size


# -- reading -------------------------------------------------------------------------------------------


class Snapshot:
    """The records as they were at the end of a past day: `entries` is the number of history entries by then.

    The file is written and opened at the first read.
    """

    def __init__(self, day: date) -> None:
        self.day = day
        self.entries, digest = history_state(day)
        self.path: Path = settings.SNAPSHOT_DIR / f"{digest}.sqlite3"
        self.threads: set[int] = set()  # that have a connection

    def write(self) -> None:
        """Write the file, if there is none yet."""
        with BUILDING.setdefault(self.path.stem, Lock()):
            if not self.path.exists():
                self.path.parent.mkdir(parents=True, exist_ok=True)
                handle, name = mkstemp(prefix=f"{self.path.stem}-", suffix=".part", dir=self.path.parent)
                os.close(handle)
                unfinished = Path(name)
                try:
                    self.connect(name)
                    with connections[ALIAS].cursor() as cursor:
                        build_snapshot(cursor, self)
                    self.close()
                    unfinished.replace(self.path)
                finally:
                    self.close()
                    unfinished.unlink(missing_ok=True)
                delete_old_files(self.path)
        BUILDING.pop(self.path.stem, None)
        with suppress(OSError):  # another process deleted it just now: the next request writes it again
            os.utime(self.path)

    @property
    def about(self) -> str:
        """What the job is about that writes the file."""
        return f"known:{self.path.stem}"

    @property
    def is_written(self) -> bool:
        """Whether there is the file, or a job that writes it."""
        return self.path.exists() or bool((job_about(self.about) or {}).get("open"))

    def leave_to_job(self) -> None:
        """Let a job write the file. Raises Problem (503), but where one has just written it on another machine."""
        jobs = DBTaskResult.objects.successful().filter(args_kwargs__kwargs__about=self.about)
        if not jobs.filter(finished_at__gt=timezone.now() - timedelta(hours=1)).exists():
            enqueue(write_known, about=self.about, by=AnonymousUser(), day=str(self.day))
            text = _("known: the records of %(value)s are being put together. Ask again in %(wait)d seconds.")
            values = {"value": self.day, "wait": ASK_AGAIN}
            raise Problem(NAME, "being_made", text % values, status=503, headers={"Retry-After": str(ASK_AGAIN)})

    def open(self) -> None:
        """Make this snapshot the database `known` of the thread. Raises Problem (503) while a job writes it."""
        if get_ident() in self.threads:
            return
        with read_from(None):
            if self.entries > MOST_ENTRIES and not self.path.exists():
                self.leave_to_job()
            self.write()
        self.connect(READ_ONLY.format(path=self.path), OPTIONS)

    def connect(self, name: str, options: Mapping[str, str] | None = None) -> None:
        """Make a file the database `known` of the thread."""
        settings_dict = {
            **connections.settings[DEFAULT_DB_ALIAS],
            "ENGINE": ENGINE,
            "NAME": name,
            "OPTIONS": options or {},
        }
        connections[ALIAS] = load_backend(ENGINE).DatabaseWrapper(settings_dict, ALIAS)
        self.threads.add(get_ident())

    def close(self) -> None:
        """Close the connection of the thread; a later read opens it again."""
        if get_ident() in self.threads:
            connections[ALIAS].close()
            del connections[ALIAS]
            self.threads.discard(get_ident())


@task()
def write_known(*, about: str, user: int | None, language: str, day: str) -> None:  # as all jobs
    """Write the file of a day of which a request has asked."""
    Snapshot(date.fromisoformat(day)).write()


active_snapshot: ContextVar[Snapshot | None] = ContextVar("active_snapshot", default=None)


@contextmanager
def read_from(snapshot: Snapshot | None) -> Iterator[None]:
    """Context manager: records are read from this snapshot; as they are now where it is None."""
    token = active_snapshot.set(snapshot)
    try:
        yield
    finally:
        active_snapshot.reset(token)


class SnapshotRouter:
    """Database router that sends reads of records to the snapshot of the request, if it has one.

    What belongs to the reader stays in the present: users, tokens, permissions, and the records that these name.
    """

    def db_for_read(self, model: Any, instance: Any = None, **_hints: object) -> str | None:
        snapshot = active_snapshot.get()
        if snapshot is None:
            return None
        # A relation of a record that has no history, as the province of an officer is, is read as it is now.
        of_present = instance is not None and type(instance) not in routed_models()
        if model not in routed_models() or of_present:
            return DEFAULT_DB_ALIAS
        snapshot.open()
        return ALIAS

    def db_for_write(self, _model: Any, **_hints: object) -> str | None:
        return DEFAULT_DB_ALIAS if active_snapshot.get() else None

    def allow_relation(self, _first: Any, _second: Any, **_hints: object) -> bool | None:
        return True if active_snapshot.get() else None


# -- the days of a request ----------------------------------------------------------------------------------------


NAME = "known"
TODAY_ONLY = ("/admin/", "/account/", "/sign-in/", "/sign-out/", "/tokens/")


class DaysMiddleware:
    """Middleware that puts both days on the request and, of records as known on a past one, sends its reads to the
    snapshot of that day.

    The admin always works on today, and so do the pages of an account, though links carry `known` to them. A request
    that writes is refused with it: it would judge by records of the past.
    """

    def __init__(self, get_response: Callable[[TrackerRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: TrackerRequest) -> HttpResponseBase:
        request.as_of = request.known = today()
        request.as_of_past = request.known_past = False
        try:
            count_anonymous(request)
            if not request.path_info.startswith("/admin/"):
                request.as_of = parse_day(request.GET, "as_of")
                request.as_of_past = request.as_of < today()
            snapshot = find_snapshot(request)
        except Problem as exc:
            return bad_request_response(request, exc)
        return read_past(snapshot, lambda: self.get_response(request)) if snapshot else self.get_response(request)

    def process_exception(self, request: TrackerRequest, exception: Exception) -> HttpResponse | None:
        """Return an error page for Problem raised by a page view."""
        return bad_request_response(request, exception) if isinstance(exception, Problem) else None


def count_anonymous(request: TrackerRequest) -> None:
    """Count a request without an account, of a page or the API, before anything is read for it. Raises Problem.

    The API counts those with a token. Signing in has limits of its own.
    """
    by_token = is_api(request) and has_token(request)
    if not (by_token or request.path_info.startswith(TODAY_ONLY) or request.user.is_authenticated):
        check_request(request, None, "anonymous")


def find_snapshot(request: TrackerRequest) -> Snapshot | None:
    """Return the snapshot that a request reads from; None for the records as they are. Raises Problem."""
    given = [value for value in request.GET.getlist(NAME) if value]  # an empty field of a form asks for nothing
    if not given or request.path_info.startswith(TODAY_ONLY):
        return None
    day = parse_day(request.GET, NAME)
    if day >= today():
        return None
    if request.method not in SAFE_METHODS:
        if not takes_method(request):
            return None  # 405
        message = _("known: only what is read can be of a past day. Leave it out to enter or change something.")
        raise Problem(NAME, "read_only", message)
    request.known, request.known_past = day, True
    snapshot = Snapshot(day)
    if not snapshot.entries:
        message = _("known: nothing was on record here on %(value)s. The first entry is of %(first)s.")
        first = journal_model().objects.aggregate(first=Min("at"))["first"]
        values = {"value": day, "first": timezone.localdate(first) if first else today()}
        raise Problem(NAME, "before_first_entry", message % values)
    # A file has to be written. The API reads no record before it has found a token to be a right one.
    if not ((is_api(request) and has_token(request)) or request.user.is_authenticated or snapshot.is_written):
        check_request(request, None, "past-days")
    return snapshot


def takes_method(request: TrackerRequest) -> bool:
    """Whether what answers at the address takes the method: of the API by its view; of pages it is not known."""
    view = resolve(request.path_info).func
    if not hasattr(view, "cls"):
        return True
    return str(request.method).lower() in (getattr(view, "actions", None) or dir(view.cls))


def read_past(snapshot: Snapshot, respond: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """Return a response whose records are read from a snapshot, those of a streamed body too."""
    try:
        with read_from(snapshot):
            response = respond()
    finally:
        snapshot.close()
    if isinstance(response, StreamingHttpResponse) and not isinstance(response, FileResponse):
        response.streaming_content = stream_past(snapshot, response.streaming_content)
    return response


def stream_past(snapshot: Snapshot, content: Any) -> Iterator[bytes]:
    """Yield the parts of a body, each read from the snapshot; other code of the thread is not sent there meanwhile."""
    parts = iter(content)
    try:
        while True:
            with read_from(snapshot):
                part = next(parts, None)
            if part is None:
                return
            yield part
    finally:
        snapshot.close()
