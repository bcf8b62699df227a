"""Who reads where: whoever cannot write reads from the replica, all others from what they have just written to.

The two databases hold the same records but for one name, so that each answer says where it was read.
"""

import json
import math
import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from config import replica
from config.places import replica_database
from policies.models import Province, ProvincialPlan
from tests import serving
from tests.caches import shared_cache
from tests.config.test_down import Line
from tests.databases import Database, connection_to, own_database, server
from tests.serving import Answer, Server, migrate, run, served

pytestmark = pytest.mark.django_db
KEY = "0123456789abcdefghijklmnopqrstuvwxyz-of-the-tests-alone"
PAGE, RECORD, LIST = "/provinces/north/", "/api/v1/provinces/north/", "/api/v1/provinces/"
FILE, LINE = "/api/v1/provinces/?format=csv", "/api/v1/changes/?cursor=latest"
PEOPLE = """
import django, json; django.setup()
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client
from config.tokens import make_token
from policies.models import Officer
from tests.factories import make_province
home, found = make_province(slug="north", name_en="The primary", short_en="The primary"), {}
for name, role in [
    ("viewer", "viewer"), ("follower", "viewer"), ("plain", ""), ("permitted", ""), ("staff", ""), ("root", ""),
    ("editor", "provincial_editor"), ("admin", "admin"),
]:
    user = User.objects.create(username=name, is_staff=name == "staff", is_superuser=name == "root")
    if role:
        Officer.objects.create(user=user, role=role, province=home if role == "provincial_editor" else None)
    if name == "permitted":
        user.user_permissions.add(Permission.objects.get(codename="add_source"))
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    found[name] = {
        "Cookie": "session=" + client.cookies["session"].value,
        "Authorization": "Bearer " + make_token(user=user, name="replica", may_write=name == "viewer")[1],
    }
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Pair:
    """A database, and a copy of it in which one name is another."""

    primary: Database
    replica: Database
    people: dict[str, dict[str, str]]

    def environment(self, **more: str) -> dict[str, str]:
        """Every answer is computed anew, unless a test says otherwise."""
        own = {"SECRET_KEY": KEY, "BEHIND_PROXY": "1", "DATABASE_REPLICA_URL": self.replica.url, "ANSWERS": "0"}
        return {**shared_cache(), **own, **more}


@pytest.fixture(scope="module")
def pair(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[Pair]:
    if connection.vendor != "postgresql":
        pytest.skip("a replica follows a PostgreSQL server")
    home = tmp_path_factory.mktemp("pair")
    name = f"replica_{os.getpid()}"
    with django_db_blocker.unblock(), own_database(name, home) as primary:
        migrate(home, primary.url)
        people = json.loads(run(home, primary.url, "-c", PEOPLE, SECRET_KEY=KEY))
        primary.connection.close()
        with closing(server()) as held, held.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}_copy TEMPLATE {name}")
        try:
            with closing(connection_to(f"{name}_copy")) as copied:
                copy = Database(primary.url.replace(name, f"{name}_copy"), copied)
                copy.run("UPDATE policies_province SET name_en = 'The replica', short_en = 'The replica'")
                copy.run("UPDATE policies_historicalprovince SET name_en = 'The replica', short_en = 'The replica'")
                copy.run(f"ALTER DATABASE {name}_copy SET lock_timeout = '200ms'")
                yield Pair(primary, copy, people)
        finally:
            with closing(server()) as held, held.cursor() as cursor:
                cursor.execute(f"DROP DATABASE {name}_copy WITH (FORCE)")


@pytest.fixture(scope="module")
def running(pair: Pair, tmp_path_factory: Any) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("replica"), pair.primary.url, **pair.environment()) as found:
        yield found


def where(answer: Answer) -> str:
    """Which database the answer was read from."""
    found = [name for name in ("primary", "replica") if f"The {name}".encode() in answer.content]
    assert (answer.status, len(found)) == (200, 1), answer
    return found[0]


# -- who reads where -------------------------------------------------------------------------------------

BEHIND = ["viewer", "follower", "plain"]
FRESH = ["permitted", "staff", "root", "editor", "admin"]


@pytest.mark.parametrize(
    "path", [PAGE, "/provinces/?export=provinces.csv", RECORD, LIST, FILE, "/api/v1/provinces/?format=xlsx"]
)
def test_nobody_reads_from_the_replica(running: Server, path: str) -> None:
    answer = running.get(path)
    if path.endswith("xlsx"):
        assert answer.status == 200
    else:
        assert where(answer) == "replica"


@pytest.mark.parametrize("name", BEHIND)
def test_who_can_write_nothing_reads_from_the_replica(running: Server, pair: Pair, name: str) -> None:
    cookie, token = ({header: pair.people[name][header]} for header in ("Cookie", "Authorization"))
    assert [where(running.get(path, **cookie)) for path in (PAGE, RECORD)] == ["replica"] * 2
    assert [where(running.get(path, **token)) for path in (RECORD, LIST, FILE)] == ["replica"] * 3


@pytest.mark.parametrize("name", FRESH)
def test_who_may_write_reads_from_the_primary(running: Server, pair: Pair, name: str) -> None:
    """Whatever the token may: its owner may have written in another way."""
    cookie, token = ({header: pair.people[name][header]} for header in ("Cookie", "Authorization"))
    assert [where(running.get(path, **cookie)) for path in (PAGE, RECORD)] == ["primary"] * 2
    assert [where(running.get(path, **token)) for path in (RECORD, LIST, FILE)] == ["primary"] * 3


def test_one_thread_s_requests_do_not_mix(running: Server, pair: Pair) -> None:
    editor = {"Authorization": pair.people["editor"]["Authorization"]}
    told = [where(running.get(RECORD, **(editor if turn % 2 else {}))) for turn in range(20)]
    assert told == ["replica", "primary"] * 10


def test_kept_answers_mix_nobody_s_reading(pair: Pair, tmp_path: Path) -> None:
    """What was computed from the replica is never handed to somebody who reads from the primary."""
    editor, follower = ({"Authorization": pair.people[name]["Authorization"]} for name in ("editor", "follower"))
    with served(tmp_path, pair.primary.url, **pair.environment(ANSWERS="1")) as keeping:
        assert keeping.get(LINE, **follower).status == 200
        for path in (RECORD, LIST) * 4:  # in both processes
            assert keeping.get(path).status == 200
            assert [where(keeping.get(path, **headers)) for headers in (editor, follower)] == ["primary"] * 2


def test_a_token_that_opens_nothing(running: Server) -> None:
    assert running.get(RECORD, Authorization="Bearer spt_nothing").status == 401


def test_who_follows_the_line_of_changes_reads_what_it_tells(running: Server, pair: Pair) -> None:
    """In whichever process: a record that was read behind its line would stay wrong in the copy."""
    who = {
        "by token": {"Authorization": pair.people["follower"]["Authorization"]},
        "by address": {"X-Forwarded-For": "192.0.2.7"},
    }
    for headers in who.values():
        assert {where(running.get(RECORD, **headers)) for _ in range(4)} == {"replica"}
        assert running.get(LINE, **headers).status == 200
        assert {where(running.get(path, **headers)) for path in (RECORD, LIST) * 4} == {"primary"}
        assert where(running.get(PAGE, **headers)) == "replica"  # a page keeps no copy
    assert where(running.get(RECORD, X_Forwarded_For="192.0.2.8")) == "replica"


def test_what_it_reads_of_people_and_sessions_is_never_the_replica_s(running: Server, pair: Pair) -> None:
    """A right that was taken back a moment ago is gone at once."""
    pair.primary.run("UPDATE auth_user SET is_active = false WHERE username = 'plain'")
    try:
        assert running.get(RECORD, Authorization=pair.people["plain"]["Authorization"]).status == 401
    finally:
        pair.primary.run("UPDATE auth_user SET is_active = true WHERE username = 'plain'")
        pair.primary.run("UPDATE config_token SET revoked_at = NULL, revoked_why = ''")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/api/v1/pilots/", "/admin/import/", "/tokens/", "/sign-in/"])
def test_only_reading_outside_the_writers_rooms_may_be_behind(method: str, path: str) -> None:
    request = RequestFactory().generic(method, path)
    behind = method in {"GET", "HEAD"} and path in {"/", "/api/v1/pilots/"}
    assert replica.may_be_behind(request, AnonymousUser()) is behind


def test_the_facts_are_the_records_their_lists_and_their_histories() -> None:
    models = apps.get_models(include_auto_created=True)
    domains = {model for model in models if model._meta.app_label in {"policies", "pilots"}}
    facts = {model for model in models if replica.is_fact(model)}
    assert sorted(model._meta.label for model in domains - facts) == [
        "policies.Import",
        "policies.ImportChange",
        "policies.ImportFile",
        "policies.Officer",
        "policies.Shipment",
    ]
    assert facts < domains
    assert {Province, Province.history.model, ProvincialPlan} <= facts


def test_the_router_writes_to_the_primary_and_migrates_it_alone() -> None:
    router = replica.Router()
    token = replica.READING.set("replica")
    try:
        assert (router.db_for_read(Province), router.db_for_write(Province)) == ("replica", "default")
        assert router.allow_relation(Province(), Province()) is True
        assert [router.allow_migrate(name, "policies") for name in ("replica", "default")] == [False, None]
    finally:
        replica.READING.reset(token)
    assert router.db_for_read(Province) == "default"


# -- a replica that fails ----------------------------------------------------------------------------------


def test_what_the_replica_fails_at_is_done_again_on_the_primary(running: Server, pair: Pair) -> None:
    """As when it throws a reader out to catch up: here because somebody holds a table for longer than it waits."""
    with closing(connection_to(pair.replica.connection.settings_dict["NAME"])) as holder:
        holder.set_autocommit(False)
        with holder.cursor() as cursor:
            cursor.execute("LOCK TABLE policies_province")
        assert [where(running.get(path)) for path in (PAGE, RECORD, LIST)] == ["primary"] * 3
        holder.rollback()
    assert [where(running.get(path)) for path in (PAGE, RECORD, LIST)] == ["replica"] * 3
    told = [entry["message"] for entry in running.lines() if entry["logger"] == "tracker.replica"]
    assert len(told) == 3
    assert {text.partition(": OperationalError: ")[2] for text in told} == {
        "canceling statement due to lock timeout"
    }, told


def timed(running: Server, path: str) -> tuple[Answer, float]:
    begun = time.monotonic()
    answer = running.get(path)
    return answer, time.monotonic() - begun


@pytest.mark.parametrize("silent", [False, True], ids=["nobody listens", "it takes connections and stays silent"])
def test_a_replica_that_is_not_there(pair: Pair, tmp_path: Path, silent: bool) -> None:
    """Nobody sees a fault, nobody waits long, and each process says it once."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        if not silent:
            door.close()
        address = f"postgres://x:x@127.0.0.1:{port}/x"
        more = pair.environment(DATABASE_REPLICA_URL=address)
        with served(tmp_path, pair.primary.url, **more) as alone:
            for path in (PAGE, RECORD, LIST, FILE) * 4:
                answer, took = timed(alone, path)
                assert where(answer) == "primary"
                assert took < 4
            ready, took = timed(alone, "/readyz")
            assert (ready.status, ready.json()) == (200, {"status": "ok", "replica": "not read"})
            assert took < 2
            told = [entry for entry in alone.lines() if entry["logger"] == "tracker.replica"]
            assert {entry["level"] for entry in told} == {"ERROR"}
            assert 1 <= len(told) <= 2  # two processes
            opening = "the replica is not read, its readers read from the primary: OperationalError: "
            assert all(entry["message"].startswith(opening) for entry in told)


def test_a_replica_that_goes_and_comes_back(pair: Pair, tmp_path: Path) -> None:
    held = connection.settings_dict
    line = Line(held["HOST"] or "127.0.0.1", int(held["PORT"] or 5432))
    there = pair.replica.url.rpartition("@")[2].partition("/")[0]
    address = pair.replica.url.replace(f"@{there}/", f"@127.0.0.1:{line.port}/")
    more = pair.environment(DATABASE_REPLICA_URL=address)
    with served(tmp_path, pair.primary.url, **more) as running:
        assert {where(running.get(path)) for path in (PAGE, RECORD) * 4} == {"replica"}
        assert running.get("/readyz").json() == {"status": "ok", "replica": "ok"}
        line.cut()
        assert {where(running.get(path)) for path in (PAGE, RECORD) * 4} == {"primary"}
        line.mend()
        late = time.monotonic() + 4 * replica.EVERY
        while {where(running.get(PAGE)) for _ in range(4)} != {"replica"}:
            assert time.monotonic() < late
        assert [entry for entry in running.lines() if "exc_info" in entry] == []
    line.cut()
    line.door.close()


class Cursor:
    """Of a standby that has come so far."""

    def __init__(self, *replayed: bool) -> None:
        self.replayed = list(replayed)

    def __enter__(self) -> "Cursor":
        return self

    def __exit__(self, *raised: object) -> None:
        return None

    def execute(self, sql: str, values: Any) -> None:
        assert values == ["0/16B3748"]

    def fetchone(self) -> tuple[bool]:
        return (self.replayed.pop(0) if len(self.replayed) > 1 else self.replayed[0],)


@pytest.mark.parametrize(
    ("replayed", "fault"),
    [([True], ""), ([False, False, True], ""), ([False], "it is more than 0.3 seconds behind")],
    ids=["level", "catching up", "stuck"],
)
def test_one_that_does_not_keep_up_is_not_read(
    monkeypatch: pytest.MonkeyPatch, replayed: list[bool], fault: str
) -> None:
    class Opened:
        def cursor(self) -> Cursor:
            return Cursor(*replayed)

    monkeypatch.setattr(replica, "connections", {"replica": Opened()})
    monkeypatch.setattr(replica, "end_of_primary", lambda: "0/16B3748")
    monkeypatch.setattr(replica, "MOST_BEHIND", 0.3)
    assert replica.fault() == fault


def test_what_a_look_found_holds_for_a_while(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A process that nobody asked for an hour looks before it reads; a look that takes long is not waited for."""
    found, clock, looks = ["gone"], [1_000.0], []

    class Quick:
        def __init__(self) -> None:
            looks.append(clock[0])

        def start(self) -> None:
            if found:
                replica.note(found.pop())

        def is_alive(self) -> bool:
            return False

        def join(self, patience: float) -> None:
            assert patience == 0.7

    monkeypatch.setattr(replica, "Look", Quick)
    monkeypatch.setattr(replica, "LOCK", nullcontext())
    monkeypatch.setattr(replica.time, "monotonic", lambda: clock[0])
    fresh = {"fault": "", "seen": -math.inf, "look": None, "next": -math.inf}
    monkeypatch.setattr(replica, "STATE", fresh)
    assert replica.look(0.7) == "gone"
    found.append("")
    clock[0] += 4
    assert replica.look(0.7) == "gone"
    clock[0] += 1
    assert replica.look(0.7) == ""
    clock[0] += 15
    assert replica.look(0.7) == ""
    clock[0] += 0.1
    assert replica.look(0.7) == replica.UNKNOWN
    assert looks == [1_000.0, 1_005.0, 1_020.0]
    assert [record.getMessage() for record in caplog.records if record.name == "tracker.replica"] == [
        "the replica is not read, its readers read from the primary: gone",
        "the replica is read again",
    ]


@pytest.mark.parametrize("failure", [OperationalError("conflict with recovery"), InterfaceError("closed")], ids=str)
def test_it_is_done_again_once(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def view(request: HttpRequest) -> HttpResponse:
        read.append(replica.reading_from())
        return middleware.process_exception(request, failure) or HttpResponse("the refusal", status=503)

    monkeypatch.setattr(replica, "usable", lambda: True)
    middleware = replica.ReadingFrom(view)
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    assert middleware(request).content == b"the refusal"
    assert read == ["replica", "default"]
    other = RequestFactory().get("/")
    other.user = AnonymousUser()
    assert middleware.process_exception(other, ValueError("a bug")) is None


def test_without_a_shared_cache_everybody_might_follow_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def get(self, name: str) -> None:
            raise ConnectionError("gone")

        set = get

    request: Any = RequestFactory().get(RECORD)
    request.user = AnonymousUser()
    monkeypatch.setattr(replica, "RESTING", {"until": 0.0})
    assert replica.is_follower(request) is False
    monkeypatch.setattr(replica, "cache", Gone())
    assert replica.is_follower(request) is True
    assert replica.RESTING["until"] > time.time()


# -- the setting -------------------------------------------------------------------------------------------

POSTGRESQL = {"ENGINE": "django.db.backends.postgresql", "NAME": "x", "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
POSTGRESQL["OPTIONS"] = {"connect_timeout": 3, "keepalives": 1}
SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "OPTIONS": {}}
REDIS = "django.core.cache.backends.redis.RedisCache"


def test_what_a_replica_is_set_to() -> None:
    found = replica_database({"ENGINE": POSTGRESQL["ENGINE"], "NAME": "y"}, POSTGRESQL, REDIS)
    assert found == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "y",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 2, "tcp_user_timeout": 4_000, "keepalives": 1},
        "TEST": {"MIRROR": "default"},
    }


@pytest.mark.parametrize(
    ("own", "primary", "cache", "words"),
    [
        (SQLITE, POSTGRESQL, REDIS, "beside a DATABASE_URL on PostgreSQL"),
        (POSTGRESQL, SQLITE, REDIS, "beside a DATABASE_URL on PostgreSQL"),
        (POSTGRESQL, POSTGRESQL, "django.core.cache.backends.locmem.LocMemCache", "give CACHE_URL=redis://"),
    ],
)
def test_what_is_refused(own: Any, primary: Any, cache: str, words: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=words):
        replica_database(own, primary, cache)


def test_the_start_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="ImproperlyConfigured: DATABASE_REPLICA_URL: use postgres://"):
        serving.run(tmp_path, "sqlite://:memory:", "manage.py", "check", DATABASE_REPLICA_URL="postgres://x@y/z")


def test_without_the_setting_nothing_is_different(tmp_path: Path) -> None:
    told = serving.run(
        tmp_path,
        "sqlite://:memory:",
        *("-c", "from config import settings as s; print(list(s.DATABASES), hasattr(s, 'DATABASE_ROUTERS'))"),
    )
    assert told == "['default'] False\n"
