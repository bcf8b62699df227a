"""Malformed requests over a socket: each is rejected, nothing is written, and the next request is served.

Django's test client cannot send most of them: it never writes a header or a request line.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.live_server import LiveServer, ServerResponse, request_bytes, running_server

pytestmark = [pytest.mark.django_db, pytest.mark.process]  # for the suite's database, beside which the server's is made
HEAD = b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
KEYS = ["type", "title", "status", "detail", "instance", "request_id", "errors"]


@pytest.fixture(scope="module")
def server(home: Path, url: str) -> Iterator[LiveServer]:
    with running_server(home, url) as running:
        yield running


def get(path: str, *lines: bytes) -> bytes:
    return b"GET " + path.encode() + HEAD + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def post(content: bytes, *lines: bytes, length: bool = True) -> bytes:
    """Return a write to the API; `{token}` in the lines is replaced by a write token."""
    named = [b"Authorization: Bearer {token}", *lines]
    if not any(line.startswith(b"Content-Type") for line in lines):
        named.append(b"Content-Type: application/json")
    if length:
        named.append(b"Content-Length: %d" % len(content))
    return b"POST /api/v1/agencies/" + HEAD + b"".join(line + b"\r\n" for line in named) + b"\r\n" + content


def chunked(*chunks: bytes) -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    return post(body, b"Transfer-Encoding: chunked", length=False)


READ = {  # what Django and the API refuse
    "a query of 8,000 characters": (get("/api/v1/pilots/?q=" + "a" * 8_000), 400),
    "a path of 5,000 characters": (get("/api/v1/" + "a" * 5_000 + "/"), 404),
    "another host": (b"GET /api/v1/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 400),
    "a host with a line break": (
        b"GET /api/v1/ HTTP/1.1\r\nHost: localhost%0d%0aX: y\r\nConnection: close\r\n\r\n",
        400,
    ),
    "a way out, escaped": (get("/api/%2e%2e%2f%2e%2e%2fetc/passwd/"), 404),
    "TRACE": (b"TRACE /api/v1/pilots/" + HEAD + b"\r\n", 405),
    "an override of the method": (b"POST /api/v1/pilots/" + HEAD + b"X-HTTP-Method-Override: GET\r\n\r\n", 401),
    "a token in the address": (get("/api/v1/?access_token={token}"), 401),
    "two tokens": (get("/api/v1/", b"Authorization: Bearer {token}", b"Authorization: Bearer x"), 401),
    "a form without a boundary": (post(b"--x", b"Content-Type: multipart/form-data"), 415),
    "20 MB": (post(b"[" + b" " * 20_000_000 + b"]"), 413),
    "4 MB in chunks": (chunked(*[b" " * 65_536] * 64), 411),
    "an object in chunks": (chunked(b'{"nme_', b'zh": 1}'), 411),
    "a chunk that is longer than it says": (
        post(b"1\r\n{}\r\n0\r\n\r\n", b"Transfer-Encoding: chunked", length=False),
        411,
    ),
}


@pytest.mark.parametrize("name", READ)
def test_it_is_rejected_with_a_problem_and_the_next_one_is_served(server: LiveServer, token: str, name: str) -> None:
    raw, status = READ[name]
    answer = server.send(raw.replace(b"{token}", token.encode()))
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json"), answer.content
    body = answer.json()
    assert (list(body), body["type"], body["status"]) == (KEYS, "about:blank", status)
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == answer.headers["X-Request-ID"] != ""
    assert all(list(fault) == ["pointer", "code", "message"] for fault in body["errors"])
    assert token.encode() not in answer.content
    assert len(answer.content) < 2_500, "an answer must not grow with the request"
    assert_nothing_happened(server.get("/api/v1/agencies/"))


def assert_nothing_happened(answer: ServerResponse) -> None:
    assert (answer.status, answer.json()["count"]) == (200, 0)


FORM = "application/x-www-form-urlencoded"
COOKIE = "csrf=" + "a" * 32  # with one, the form is read for the other half
PAGES = {
    "a long address": (get("/pilots/?q=" + "a" * 5_000), 400),
    "another host": (b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 400),
    "a form from elsewhere": (request_bytes("POST", "/sign-in/", b"username=root&password=x"), 403),
    "a form of 3 MB": (
        request_bytes("POST", "/sign-in/", b"a=" + b"a" * 3_000_000, Content_Type=FORM, Cookie=COOKIE),
        413,
    ),
    "a form without a boundary": (
        request_bytes("POST", "/sign-in/", b"--x", Content_Type="multipart/form-data", Cookie=COOKIE),
        400,
    ),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_reader_gets_a_page(server: LiveServer, name: str) -> None:
    raw, status = PAGES[name]
    answer = server.send(raw)
    assert (answer.status, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    text = answer.content.decode()
    assert '<html lang="en"' in text
    assert "Traceback" not in text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert server.get("/sign-in/").status == 200


def test_only_headers_that_a_proxy_of_ours_may_set_are_believed(server: LiveServer) -> None:
    """This server is not behind any."""
    answer = server.send(
        get(
            "/api/v1/provinces/?page_size=1",
            *(b"X-Forwarded-Host: evil.example", b"X-Forwarded-Proto: https", b"X-Forwarded-For: 10.0.0.1"),
            *(b"Forwarded: for=10.0.0.1;host=evil.example;proto=https", b"Script-Name: /evil", b"Path-Info: /admin/"),
            *(b"SCRIPT_NAME: /evil", b"PATH_INFO: /admin/", b"X-Original-URL: /admin/", b"X-Request-ID: probe-7"),
        )
    )
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    root = server.get("/api/v1/", X_Forwarded_Host="evil.example", X_Forwarded_Proto="https").json()
    assert root["pilots"] == "http://localhost/api/v1/pilots/"
    [line] = [line for line in server.lines() if line["request_id"] == "probe-7"]
    assert (line["path"], line["address"]) == ("/api/v1/provinces/", "127.0.0.1")


def test_the_rest_of_a_broken_body_is_no_request(server: LiveServer) -> None:
    """Of what follows a body that turns out broken after its answer nothing is read; the connection is closed."""
    broken = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    answers = server.everything(broken + get("/livez"))
    assert answers.startswith(b"HTTP/1.1 200 ")
    assert answers.count(b"HTTP/1.1 200 ") == 1


def test_the_log_holds_no_server_error(server: LiveServer, token: str) -> None:
    """After all that: every line is JSON, nothing was an error, and no token was written."""
    lines = server.lines()
    assert [line for line in lines if line["level"] not in {"INFO", "WARNING"}] == []
    assert [line for line in lines if "exc_info" in line] == []
    text = server.log.read_text()
    assert text.isascii()
    assert token not in text
    assert json.loads(text.splitlines()[0])["logger"] == "gunicorn.error"
