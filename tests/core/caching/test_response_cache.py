"""Response cache: cached responses equal computed ones, are never stale, and never leak between users."""

import gzip
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.contrib import messages
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.messages.storage.cookie import CookieStorage
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import URLResolver, get_resolver, resolve

from accounts.models import create_token
from config.api_urls import RESOURCES
from core import caching
from core.api.viewsets import AggregateView, RecordViewSet
from core.api.writes import WritableViewSet
from core.caching import STORE, drop_triggers, versioned_tables
from pilots.models import Pilot
from tests.test_pages import PAGES as ALL_PAGES

pytestmark = pytest.mark.django_db
PLAN = "synergy-implementation-plan-2022"
LIST, RECORD, ROLLOUT = "/api/v1/pilots/", "/api/v1/pilots/huzhou/", f"/api/v1/rollout/?policy={PLAN}"
API = [
    *(LIST, RECORD, ROLLOUT, "/api/v1/provinces/zhejiang/", "/api/v1/plans/?page_size=5", "/api/v1/coverage/"),
    *(
        "/api/v1/progress/",
        "/api/v1/synergy/",
        "/api/v1/trend/?indicator=CO2_TOT",
        "/api/v1/followup/",
        "/api/v1/overview/",
        "/api/v1/readings/?page_size=1",
    ),
]
PAGES = [
    *("/", "/policies/", f"/policies/{PLAN}/", "/provinces/", "/provinces/zhejiang/", "/pilots/", "/pilots/huzhou/"),
    *("/industries/", "/industries/steel/", "/synergy/", "/data/", "/batches/national-batch-1/"),
]


@pytest.fixture(autouse=True)
def caching_enabled(settings: Any) -> Iterator[None]:
    """Enable the response cache, starting empty."""
    settings.CACHE_RESPONSES = True
    STORE.responses.clear()
    yield
    STORE.responses.clear()


def queries_and_body(client: Client, address: str, **headers: str) -> tuple[int, bytes]:
    """Return the number of queries of a response, and its bytes."""
    with CaptureQueriesContext(connection) as queries:
        response: Any = client.get(address, headers=headers)
    assert response.status_code == 200, response.content
    return len(queries), response.content


def uncached_body(client: Client, settings: Any, address: str) -> bytes:
    """Return the response as computed now."""
    settings.CACHE_RESPONSES = False
    response: Any = client.get(address)
    settings.CACHE_RESPONSES = True
    content: bytes = response.content
    return content


# -- the same, for one query -------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [*API, *PAGES])
def test_the_second_reader_gets_the_same_for_one_query(client: Client, settings: Any, address: str) -> None:
    expected = uncached_body(client, settings, address)
    first, cost = queries_and_body(client, address)[1], queries_and_body(Client(), address)
    assert first == expected
    assert cost == (1, expected)


def test_a_page_with_a_parameter_that_it_does_not_know_is_answered_and_not_kept(client: Client) -> None:
    for address in ("/?a=1", "/pilots/?provnce=x"):
        assert client.get(address).content == client.get(address.partition("?")[0]).content
    assert len(STORE.responses) == 2


def constant_headers(response: Any) -> dict[str, Any]:
    """Return the headers that every response at this address has."""
    headers = {name: value for name, value in response.items() if name not in {"X-Request-ID", "Content-Length"}}
    return {**headers, "Vary": set(response.get("Vary", "").split(", "))}


@pytest.mark.parametrize("address", [LIST, RECORD, ROLLOUT, "/", "/pilots/huzhou/"])
@pytest.mark.parametrize("coding", ["", "gzip"])
def test_a_cached_response_has_the_headers_of_a_computed_one(
    client: Client, settings: Any, address: str, coding: str
) -> None:
    settings.CACHE_RESPONSES = False
    plain: Any = client.get(address, headers={"accept-encoding": coding})
    same: Any = client.get(address, headers={"accept-encoding": coding, "if-none-match": plain["ETag"]})
    settings.CACHE_RESPONSES = True
    for _ in range(2):
        response: Any = client.get(address, headers={"accept-encoding": coding})
        assert constant_headers(response) == constant_headers(plain)
        content = response.content
        assert response["Content-Length"] == str(len(content))
        if "Content-Encoding" in response:
            assert gzip.decompress(content) == gzip.decompress(plain.content)
        else:
            assert content == plain.content
        again: Any = client.get(address, headers={"if-none-match": plain["ETag"], "accept-encoding": coding})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", plain["ETag"])
        assert {name: again[name] for name in same if name not in {"ETag", "Vary", "X-Request-ID"}} == {
            name: same[name] for name in same if name not in {"ETag", "Vary", "X-Request-ID"}
        }


@pytest.mark.parametrize(
    ("address", "accept", "status"),
    [
        *(("/policies/?export=policies.csv", "*/*", 200), (f"{LIST}?format=xlsx", "*/*", 200), (LIST, "text/csv", 200)),
        *(("/pilots/nobody/", "*/*", 404), (f"{LIST}?colour=x", "*/*", 400), ("/?as_of=x", "*/*", 400)),
    ],
)
def test_files_and_errors_are_made_anew(
    client: Client, monkeypatch: Any, address: str, accept: str, status: int
) -> None:
    """And nobody waits for a file that another reader asked for: those who wait take the threads that pages need."""
    monkeypatch.setattr(STORE, "save", lambda *_: pytest.fail("it was stored"))
    if status == 200:
        monkeypatch.setattr(caching, "data_version", lambda: pytest.fail("the cache was asked"))
    response = client.get(address, headers={"accept": accept})
    response.getvalue()
    assert response.status_code == status


# -- what a response may depend on ---------------------------------------------------------------------------


def opted_in(resolver: URLResolver) -> Iterator[Any]:
    """Yield the views that opt in to the cache: functions of pages, classes of the API."""
    for item in resolver.url_patterns:
        if isinstance(item, URLResolver):
            yield from opted_in(item)
        elif getattr(getattr(item.callback, "cls", item.callback), "cache_responses", False):
            yield getattr(item.callback, "cls", item.callback)


@pytest.mark.parametrize("base", [RecordViewSet, WritableViewSet, AggregateView])
def test_a_class_of_the_api_opts_in_itself(base: Any) -> None:
    """A new resource that forgets it costs time, and shows nobody what only some may see."""
    assert not base.cache_responses


def api_addresses(client: Client) -> Iterator[str]:
    """Yield each list of the API, and its first record."""
    for name in RESOURCES:
        yield f"/api/v1/{name}/"
        for record in client.get(f"/api/v1/{name}/?page_size=1").json()["results"]:
            yield record["url"].removeprefix("http://testserver")


@pytest.mark.parametrize("staff", [False, True])
def test_cached_responses_read_versioned_tables_only(client: Client, settings: Any, staff: bool) -> None:
    """A write to any other table would not be noticed."""
    settings.CACHE_RESPONSES = False
    addresses = [*API, "/api/v1/lights/", *ALL_PAGES, *api_addresses(client)]
    paths = {address: address.partition("?")[0] for address in addresses}
    addresses = [address for address, path in paths.items() if caching.is_cached_address(path)]
    views = {resolve(paths[address]).func for address in addresses}
    assert {getattr(view, "cls", view) for view in views} == set(opted_in(get_resolver()))
    if staff:
        client.force_login(User.objects.create_superuser("root"), "django.contrib.auth.backends.ModelBackend")
    unversioned = set(connection.introspection.table_names()) - versioned_tables().keys()
    known = {"core_changeevent"}  # the journal: written with an entry of a history, in its transaction
    known |= {"django_session"} if staff else set()  # read before the cache is asked
    for address in addresses:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200, address
        words = {word for query in queries for word in re.findall(r"\w+", query["sql"])}
        assert words & unversioned <= known, address


# -- never stale -------------------------------------------------------------------------------------------


def write_by_save() -> None:
    record = Pilot.objects.get(slug="huzhou")
    record.name_en = "Renamed"
    record.save()


def write_by_raw_sql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pilots_pilot SET name_en = 'Renamed' WHERE slug = 'huzhou'")


@pytest.mark.parametrize("address", [LIST, "/pilots/huzhou/"])
def test_the_next_reader_gets_what_was_written(client: Client, settings: Any, address: str) -> None:
    """By whatever; tests/core/caching/test_data_version.py has the ways to write."""
    before = queries_and_body(client, address)[1]
    assert queries_and_body(client, address) == (1, before)
    write_by_raw_sql()
    cost, after = queries_and_body(client, address)
    assert after == uncached_body(client, settings, address)
    assert (cost > 1, b"Renamed" in after) == (True, True)


def test_a_write_while_the_answer_is_computed_counts(client: Client, monkeypatch: Any) -> None:
    """A response started before the write may be stale: nobody gets it once the write is done."""

    def get_object(view: Any) -> Any:
        record = read(view)
        monkeypatch.setattr(RecordViewSet, "get_object", read)
        write_by_save()
        return record

    read = RecordViewSet.get_object
    monkeypatch.setattr(RecordViewSet, "get_object", get_object)
    assert b'"Renamed"' not in queries_and_body(client, RECORD)[1]
    assert not STORE.responses  # nor after the database was set back to before the write
    assert b'"Renamed"' in queries_and_body(client, RECORD)[1]


def test_nothing_is_cached_while_a_migration_runs(client: Client) -> None:
    queries_and_body(client, LIST)
    drop_triggers()
    write_by_raw_sql()
    assert b'"Renamed"' in queries_and_body(client, LIST)[1]
    assert queries_and_body(client, LIST)[0] > 1


def test_tomorrow_is_computed_anew(client: Client, monkeypatch: Any) -> None:
    queries_and_body(client, LIST)
    monkeypatch.setattr(caching, "today", lambda: date.today() + timedelta(1))  # noqa: DTZ011
    assert queries_and_body(client, LIST)[0] > 1


# -- nobody's but the reader's -------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/", LIST])
def test_what_the_request_says_counts(client: Client, settings: Any, address: str) -> None:
    settings.ALLOWED_HOSTS = ["testserver", "other.example"]
    seen = {
        queries_and_body(client, address)[1],
        queries_and_body(client, address, **{"accept-language": "zh-hans"})[1],
        queries_and_body(client, address + "?as_of=2023-01-31")[1],
        queries_and_body(client, address, host="other.example")[1],
    }
    assert len(seen) == 4
    assert queries_and_body(client, address)[0] == 1


@pytest.mark.parametrize("address", ["/", "/pilots/huzhou/"])
def test_a_page_greets_each_reader(client: Client, address: str) -> None:
    reader, second = (User.objects.create_user(name) for name in ("somebody-reading", "somebody-else"))
    client.force_login(reader, "django.contrib.auth.backends.ModelBackend")
    own = queries_and_body(client, address)[1]
    assert b"somebody-reading" in own
    assert b"csrfmiddlewaretoken" in own
    for _ in range(2):
        anonymous = queries_and_body(Client(), address)[1]
        assert b"somebody-reading" not in anonymous
        assert b"csrfmiddlewaretoken" not in anonymous
    other = Client()
    other.force_login(second, "django.contrib.auth.backends.ModelBackend")
    theirs = queries_and_body(other, address)[1]
    assert b"somebody-else" in theirs
    assert b"somebody-reading" not in theirs


def test_what_staff_alone_see_is_theirs_and_ends_with_the_right(client: Client, settings: Any) -> None:
    write_by_save()
    officer = User.objects.create_user("officer", is_staff=True)
    right = Permission.objects.get(codename="view_pilot", content_type=ContentType.objects.get_for_model(Pilot))
    officer.user_permissions.add(right)
    client.force_login(officer, "django.contrib.auth.backends.ModelBackend")
    address = "/pilots/huzhou/"
    allowed = queries_and_body(client, address)[1]
    assert b"/admin/pilots/pilot/" in allowed
    assert b"/admin/pilots/pilot/" not in queries_and_body(Client(), address)[1]
    assert b"/admin/pilots/pilot/" in queries_and_body(client, address)[1]
    officer.user_permissions.clear()
    assert b"/admin/pilots/pilot/" not in queries_and_body(client, address)[1]
    other = User.objects.create_user("other", is_staff=True)
    client.force_login(other, "django.contrib.auth.backends.ModelBackend")
    assert b"/admin/pilots/pilot/" not in queries_and_body(client, address)[1]


@pytest.mark.usefixtures("internal_site")
@pytest.mark.parametrize("cookie", ["", "forged-session-of-nobody"])
def test_an_internal_site_shows_nothing_to_strangers(client: Client, settings: Any, cookie: str) -> None:
    """A cookie that names no session opens nothing, also where members have just read the same."""
    client.force_login(User.objects.create_user("inside"), "django.contrib.auth.backends.ModelBackend")
    stranger = Client()
    if cookie:
        stranger.cookies[settings.SESSION_COOKIE_NAME] = cookie
    assert queries_and_body(client, LIST)[0] > queries_and_body(client, LIST)[0] == 3  # from the cache
    assert queries_and_body(client, "/pilots/")[0] == queries_and_body(client, "/pilots/")[0] > 3  # computed
    for address in (LIST, "/pilots/"):
        answer: Any = stranger.get(address)
        assert answer.status_code == (401 if address == LIST else 302)
        assert b"Huzhou" not in answer.content


def test_a_response_without_an_account_is_counted_when_it_is_computed(
    client: Client, settings: Any, tmp_path: Path
) -> None:
    settings.VAR_DIR = tmp_path  # where they are counted
    settings.RATE_LIMITS = {"anonymous": (2, 86_400)}
    assert client.get(LIST)["RateLimit"].split(";")[1] == "r=1"
    cached: Any = client.get(LIST)
    assert (cached.status_code, "RateLimit" in cached, "RateLimit-Policy" in cached) == (200, False, False)
    assert client.get(RECORD)["RateLimit"].split(";")[1] == "r=0"
    assert client.get(ROLLOUT).status_code == 429
    assert client.get(LIST).status_code == 200


def test_a_cached_response_has_an_id_of_its_own_and_no_cookie(client: Client) -> None:
    first, second, named = (client.get(LIST, headers=headers) for headers in ({}, {}, {"x-request-id": "mine"}))
    assert len({first["X-Request-ID"], second["X-Request-ID"], "mine"}) == 3
    assert named["X-Request-ID"] == "mine"
    assert not first.cookies
    assert not second.cookies
    for address in ("/sign-in/", "/follow-ups/"):  # a form has a token of its reader
        assert all(b"csrfmiddlewaretoken" not in kept.body for kept in STORE.responses.values())
        Client().get(address)


@pytest.mark.parametrize("address", ["/", LIST])
@pytest.mark.parametrize("header", ["cookie", "authorization"])
def test_who_names_a_session_or_a_token_is_looked_at_first(
    client: Client, settings: Any, address: str, header: str
) -> None:
    """Nobody who says who they are is answered before that is known."""
    queries_and_body(client, address)
    key = "forged0123456789forged0123456789"
    value = f"{settings.SESSION_COOKIE_NAME}={key}" if header == "cookie" else f"Bearer spt_{key}"
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address, headers={header: value})
    assert answer.status_code == (401 if header == "authorization" and address == LIST else 200)
    assert any("django_session" in query["sql"] for query in queries) == (header == "cookie")


def test_http_and_https_share_nothing(client: Client, settings: Any) -> None:
    """Behind a proxy its header says which one it was; a site of https leads there before it shows anything."""
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 60
    for _ in range(2):
        secure: Any = client.get(LIST, headers={"host": "testserver", "x-forwarded-proto": "https"})
        assert (secure.status_code, secure["Strict-Transport-Security"]) == (200, "max-age=60")
        assert secure.json()["results"][0]["url"].startswith("https://testserver/")
        assert client.get(LIST, headers={"host": "testserver"}).status_code == 301
    settings.SECURE_PROXY_SSL_HEADER, settings.SECURE_SSL_REDIRECT = None, False
    plain: Any = Client().get(LIST, headers={"host": "testserver", "x-forwarded-proto": "https"})
    assert plain.json()["results"][0]["url"].startswith("http://testserver/")


def test_an_unknown_host_is_refused_with_a_cached_response_too(client: Client) -> None:
    queries_and_body(client, LIST)
    assert [client.get(LIST, headers={"host": host}).status_code for host in ("evil.example", "testserver")] == [
        400,
        200,
    ]


def test_a_token_gets_the_cached_response_and_is_counted_as_its_user(
    client: Client, settings: Any, tmp_path: Path
) -> None:
    settings.VAR_DIR, settings.RATE_LIMITS = tmp_path, {"signed-in": (2, 86_400)}
    expected = queries_and_body(client, LIST)[1]
    token = create_token(user=User.objects.create_user("reader"), name="ready", may_write=False)[1]
    headers = {"authorization": f"Bearer {token}"}
    queries_and_body(client, LIST, **headers)  # notes that the token is used
    assert queries_and_body(client, LIST, **headers) == (2, expected)  # versions and token
    assert client.get(LIST, headers=headers).status_code == 429


def test_a_message_is_shown_once_and_to_nobody_else(client: Client) -> None:
    queries_and_body(client, "/")
    shown = Client()
    shown.cookies["messages"] = client_with_message()
    assert b"For one reader" in queries_and_body(shown, "/")[1]
    assert b"For one reader" not in queries_and_body(Client(), "/")[1]


def client_with_message() -> str:
    """Return a messages cookie as Django signs it."""
    storage = CookieStorage(RequestFactory().get("/"))
    response = HttpResponse()
    storage.add(messages.INFO, "For one reader")
    storage.update(response)
    return response.cookies["messages"].value


# -- equal requests at the same time ---------------------------------------------------------------------------------


class FakeView:
    """get_response that waits until it may answer, and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.started, self.go_on = Event(), Event()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.calls += 1
        self.started.set()
        assert self.go_on.wait(10)
        return HttpResponse(b"{}", content_type="application/json")


class CountedComputations(dict[str, Any]):
    """Dict that counts the threads which have tried to be the first."""

    def __init__(self) -> None:
        super().__init__()
        self.tried = threading.Semaphore(0)

    def setdefault(self, key: str, default: Any = None) -> Any:
        found = super().setdefault(key, default)
        self.tried.release()
        return found


def ask_together(view: FakeView, monkeypatch: Any, readers: int = 4) -> list[Any]:
    """Send equal requests while the first is being computed."""
    computations = CountedComputations()
    monkeypatch.setattr(caching, "COMPUTATIONS", computations)
    monkeypatch.setattr(caching, "data_version", lambda: "1")
    middleware = caching.ResponseCacheMiddleware(view)

    def ask() -> Any:
        return middleware(RequestFactory().get(LIST)).status_code

    with ThreadPoolExecutor(readers) as pool:
        asked = [pool.submit(ask)]
        assert view.started.wait(10)
        asked += [pool.submit(ask) for _ in range(readers - 1)]
        assert all(computations.tried.acquire(timeout=10) for _ in range(readers))
        view.go_on.set()
        return [one.result(10) for one in asked]


def test_equal_requests_are_computed_once(monkeypatch: Any) -> None:
    view = FakeView()
    assert ask_together(view, monkeypatch) == [200] * 4
    assert view.calls == 1
    assert not caching.COMPUTATIONS


# -- the store ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "accept"),
    [("/policies/?export=policies.csv", "*/*"), (f"{LIST}?format=xlsx", "*/*"), (LIST, "text/csv")],
)
def test_nobody_waits_for_a_file_that_another_reader_asked_for(
    client: Client, monkeypatch: Any, address: str, accept: str
) -> None:
    """It is not stored, and those who wait take the threads that pages need."""

    def wait(*_args: Any) -> HttpResponse:
        raise TimeoutError

    monkeypatch.setattr(caching, "data_version", wait)
    response = client.get(address, headers={"accept": accept})
    response.getvalue()
    assert (response.status_code, "attachment" in response["Content-Disposition"]) == (200, True)


def test_the_store_stays_small_and_keeps_what_is_asked_for(client: Client, monkeypatch: Any) -> None:
    queries_and_body(client, LIST)
    monkeypatch.setattr(caching, "MAX_STORE_BYTES", 3 * STORE.size)
    for number in range(1, 9):
        queries_and_body(client, f"{LIST}?page_size={50 + number}")
        assert queries_and_body(client, LIST)[0] == 1
    assert STORE.size <= caching.MAX_STORE_BYTES
    assert len(STORE.responses) < 5
