"""Two hosts that share PostgreSQL and Redis but no disk give the same responses."""

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection

from tests.support.live_server import (
    LiveServer,
    ServerResponse,
    migrated_database,
    request_bytes,
    run_command,
    running_server,
)
from tests.support.redis import empty_redis_cache

pytestmark = [pytest.mark.django_db, pytest.mark.process, pytest.mark.database]
DAY = 86_400
RATES = {"anonymous-files": [10, DAY], "failed-tokens": [5, DAY]}
PAGE, RECORD, LIST = "/provinces/north/", "/api/v1/provinces/north/", "/api/v1/provinces/"
PASSWORD = "a long enough one"
MAKE_USERS_SCRIPT = f"""
import django, json; django.setup()
from django.contrib.auth.models import User
from accounts.models import create_token
from accounts.models import Officer
from tests import factories as make
make.province(slug="north")
user = User.objects.create_user("admin", password="{PASSWORD}")
Officer.objects.create(user=user, role="admin")
print(json.dumps({{name: create_token(user=user, name=name, may_write=True)[1] for name in ("kept", "lost")}}))
"""


@dataclass(frozen=True)
class TwoHosts:
    one: LiveServer
    other: LiveServer
    tokens: dict[str, str]

    def turns(self, count: int) -> Iterator[LiveServer]:
        """Yield the hosts in turn."""
        for turn in range(count):
            yield self.other if turn % 2 else self.one


@pytest.fixture(scope="module")
def machines(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[TwoHosts]:
    if connection.vendor != "postgresql":
        pytest.skip("an SQLite database is a file of one machine")
    home, one, other = (tmp_path_factory.mktemp(name) for name in ("home", "one", "other"))
    with django_db_blocker.unblock(), migrated_database(home) as url:
        shared = {"SECRET_KEY": secrets.token_urlsafe(64), **empty_redis_cache()}
        tokens = json.loads(run_command(home, url, "-c", MAKE_USERS_SCRIPT, **shared))
        more = {**shared, "TEST_RATES": json.dumps(RATES), "BEHIND_PROXY": "1"}
        with running_server(one, url, **more) as first, running_server(other, url, **more) as second:
            yield TwoHosts(first, second, tokens)
        assert database_files_in(one) == database_files_in(other) == set()


def database_files_in(folder: Path) -> set[str]:
    """Return the files of a host besides its log, its static files and the lock that says it is running."""
    return {path.name for path in folder.iterdir() if path.suffix not in {".log", ".lock"} and path.name != "static"}


# -- somebody with a browser -------------------------------------------------------------------------------


def cookies_of(answer: ServerResponse) -> dict[str, str]:
    jar: SimpleCookie = SimpleCookie()
    for line in answer.headers.get_all("Set-Cookie", []):  # type: ignore[attr-defined]
        jar.load(line)
    return {name: morsel.value for name, morsel in jar.items()}


def post(server: LiveServer, path: str, cookies: dict[str, str], page: ServerResponse, **fields: str) -> ServerResponse:
    """Submit the form of the page, as a browser does."""
    found = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', page.content)
    assert found, page
    content = urlencode({**fields, "csrfmiddlewaretoken": found[1].decode()}).encode()
    headers = {"Cookie": set_cookies(cookies), "Content-Type": "application/x-www-form-urlencoded"}
    return server.send(request_bytes("POST", path, content, **headers))


def set_cookies(cookies: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def sign_in(server: LiveServer) -> dict[str, str]:
    page = server.get("/sign-in/")
    cookies = cookies_of(page)
    answer = post(server, "/sign-in/", cookies, page, username="admin", password=PASSWORD)
    assert answer.status == 302, answer
    return {**cookies, **cookies_of(answer)}


def test_who_signs_in_on_one_is_signed_in_on_the_other_and_out_on_both(machines: TwoHosts) -> None:
    cookies = sign_in(machines.one)
    assert machines.other.get("/tokens/").status == 302
    page = machines.other.get("/tokens/", Cookie=set_cookies(cookies))
    assert page.status == 200
    assert post(machines.other, "/sign-out/", cookies, page).status == 302
    assert [server.get("/tokens/", Cookie=set_cookies(cookies)).status for server in machines.turns(4)] == [302] * 4


# -- a program ---------------------------------------------------------------------------------------------


def send(server: LiveServer, method: str, path: str, body: Any, secret: str, **headers: str) -> ServerResponse:
    own = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    return server.send(request_bytes(method, path, json.dumps(body).encode(), **own, **headers))


def test_what_one_writes_the_other_reads_at_once(machines: TwoHosts) -> None:
    """Record, list and page, each cached before; a client with the former version gets the new one."""
    secret = machines.tokens["kept"]
    for turn, writer in enumerate(machines.turns(12)):
        reader = machines.one if writer is machines.other else machines.other
        known = {path: reader.get(path) for path in (RECORD, LIST, PAGE)}
        tags = {path: known[path].headers["ETag"] for path in (RECORD, LIST)}
        assert [reader.get(path, If_None_Match=tag).status for path, tag in tags.items()] == [304, 304]
        name = f"North {turn:02}"
        changed = send(writer, "PATCH", RECORD, {"name_en": name}, secret, If_Match=tags[RECORD])
        assert (changed.status, changed.json()["name_en"]) == (200, name), changed
        for path, before in known.items():
            answer = reader.get(path, **({"If_None_Match": tags[path]} if path in tags else {}))
            found = [name.encode() in found.content for found in (before, answer)]
            assert (path, answer.status, found) == (path, 200, [False, True])
        assert reader.get(RECORD).headers["ETag"] == changed.headers["ETag"]


def test_a_version_of_one_is_outdated_on_the_other(machines: TwoHosts) -> None:
    secret, tag = machines.tokens["kept"], machines.one.get(RECORD).headers["ETag"]
    assert send(machines.other, "PATCH", RECORD, {"short_en": "NN"}, secret, If_Match=tag).status == 200
    assert send(machines.one, "PATCH", RECORD, {"short_en": "NO"}, secret, If_Match=tag).status == 412


def test_a_request_sent_again_to_the_other_happens_once(machines: TwoHosts) -> None:
    body = {"slug": "ministry", "name_en": "Ministry", "name_zh": "部"}
    sent = {"secret": machines.tokens["kept"], "Idempotency_Key": secrets.token_hex(8)}
    first = send(machines.one, "POST", "/api/v1/agencies/", body, **sent)
    again = send(machines.other, "POST", "/api/v1/agencies/", body, **sent)
    assert first.status == 201, first
    assert (again.status, again.content, again.headers["Idempotent-Replayed"]) == (201, first.content, "true")
    assert machines.one.get("/api/v1/agencies/").json()["count"] == 1


def test_a_token_revoked_on_one_opens_nothing_on_the_other(machines: TwoHosts) -> None:
    secret = machines.tokens["lost"]
    assert [server.get(RECORD, Authorization=f"Bearer {secret}").status for server in machines.turns(2)] == [200] * 2
    cookies = sign_in(machines.one)
    page = machines.one.get("/tokens/", Cookie=set_cookies(cookies))
    (number,) = re.findall(r">lost</th>.*?/tokens/([0-9]+)/revoke/", page.content.decode(), re.DOTALL)
    assert post(machines.one, f"/tokens/{number}/revoke/", cookies, page).status == 302
    assert machines.other.get(RECORD, Authorization=f"Bearer {secret}").status == 401


# -- throttles ---------------------------------------------------------------------------------------------


def test_requests_to_both_count_together(machines: TwoHosts) -> None:
    told = [server.get(f"{LIST}?format=csv").status for server in machines.turns(14)]
    assert told == [200] * 10 + [429] * 4


def test_wrong_tokens_tried_on_both_count_together(machines: TwoHosts) -> None:
    wrong = {"Authorization": "Bearer spt_wrong", "X-Forwarded-For": "192.0.2.5"}
    told = [server.get(RECORD, **wrong).status for server in machines.turns(8)]
    assert told == [401] * 5 + [429] * 3
