"""The same over a real socket: what only shows where bytes come in, and what a client can do wrong with them."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from tests.racing import PATIENCE, Client, Served

pytestmark = pytest.mark.django_db
MB = 1_048_576


@dataclass(frozen=True)
class Read:
    status: int
    body: bytes

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(fault["pointer"], fault["code"]) for fault in json.loads(self.body).get("errors", [])]


class Wire:
    """Sends bytes as they are, and reads whatever comes back."""

    def __init__(self, product: Served) -> None:
        self.product = product

    def send(self, line: str, *headers: bytes, body: bytes = b"", closes: bool = False) -> Read | None:
        """The first answer, None where the server hangs up without one. `closes`: the client stops in the middle."""
        token = self.product.tokens["admin"].encode()
        head = b"%s /api/v1/%s HTTP/1.1" % tuple(word.encode("latin-1") for word in line.split(" ", 1))
        lines = [
            head,
            b"Host: localhost",
            b"Authorization: Bearer " + token,
            b"Content-Type: application/json",
            *headers,
        ]
        with socket.create_connection(("127.0.0.1", self.product.port), timeout=PATIENCE) as link:
            link.sendall(b"\r\n".join(lines) + b"\r\n\r\n")
            with suppress(OSError):  # it was refused before all of it was sent
                link.sendall(body)
            if closes:
                link.shutdown(socket.SHUT_WR)
            return answer_of(link)


def answer_of(link: socket.socket) -> Read | None:
    answer = http.client.HTTPResponse(link)
    try:
        answer.begin()
    except (OSError, http.client.HTTPException):
        return None
    with answer:
        return Read(answer.status, answer.read())


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [*parts, b""])


@pytest.fixture
def wire(product: Served, request: pytest.FixtureRequest) -> Iterator[Wire]:
    """After each test the server still works, and every list shows what there is."""
    yield Wire(product)
    client = product.client()
    for name in ("agencies", "changes", "pilots", "overview"):
        assert client.send("GET", f"{name}/").status == 200


@pytest.fixture
def agency(product: Served, request: pytest.FixtureRequest) -> str:
    slug = "wire-" + "".join(char if char.isalnum() else "-" for char in request.node.name.lower()).strip("-")
    slug = "-".join(part for part in slug.split("-") if part)[:80].strip("-")
    made = product.client().send("POST", "agencies/", {"slug": slug, "name_zh": slug})
    assert made.status == 201, made
    return slug


def note(client: Client, slug: str) -> tuple[str | None, int]:
    """Its note, and its revision."""
    row = client.send("GET", f"agencies/{slug}/").body
    return row["note"], row["revision"]


CHANGE = b'{"note": "n"}'
EVERY = b"If-Match: *"


def test_a_body_in_chunks_is_read(wire: Wire, agency: str) -> None:
    """It has no length that anybody could look at beforehand."""
    line = f"PATCH agencies/{agency}/"
    sent = wire.send(line, EVERY, b"Transfer-Encoding: chunked", body=chunked(CHANGE[:4], CHANGE[4:]))
    assert sent is not None
    assert (sent.status, note(wire.product.client(), agency)) == (200, ("n", 2))


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (chunked(), 400, [("", "invalid_json")]),
        (chunked(b'{"note": "' + b"a" * 3 * MB + b'"}'), 413, [("", "too_large")]),
        (b"zz\r\n" + CHANGE + b"\r\n0\r\n\r\n", 400, []),
        (b"5\r\n" + CHANGE + b"\r\n0\r\n\r\n", 400, []),
    ],
    ids=["nothing", "3 MB", "no length", "a wrong length"],
)
def test_chunks_that_are_wrong(wire: Wire, agency: str, body: bytes, status: int, told: list[tuple[str, str]]) -> None:
    sent = wire.send(f"PATCH agencies/{agency}/", EVERY, b"Transfer-Encoding: chunked", body=body)
    assert sent is not None
    assert (sent.status, sent.told) == (status, told)
    assert note(wire.product.client(), agency) == (None, 1)


def test_a_body_that_is_too_large_is_refused_by_its_length(wire: Wire, agency: str) -> None:
    body = b'{"note": "' + b"a" * 3 * MB + b'"}'
    sent = wire.send(f"PATCH agencies/{agency}/", EVERY, b"Content-Length: %d" % len(body), body=body)
    assert sent is not None
    assert (sent.status, sent.told) == (413, [("", "too_large")])


def test_a_body_that_breaks_off(wire: Wire, agency: str) -> None:
    """Half a body may be whole JSON: nothing of it is written."""
    line = f"PATCH agencies/{agency}/"
    sent = wire.send(line, EVERY, b"Content-Length: 500", body=CHANGE, closes=True)
    assert sent is None or sent.status == 400
    sent = wire.send(line, EVERY, b"Transfer-Encoding: chunked", body=b"%x\r\n" % len(CHANGE) + CHANGE, closes=True)
    assert sent is None or sent.status == 400
    assert note(wire.product.client(), agency) == (None, 1)


@pytest.mark.parametrize(
    "headers",
    [
        (b"Content-Length: 13", b"Transfer-Encoding: chunked"),
        (b"Content-Length: 13", b"Content-Length: 14"),
        (b"Content-Length: -1",),
        (b"Content-Length: 1_3",),
        (b"Transfer-Encoding: chunked, chunked",),
        (b"Transfer-Encoding: xchunked",),
    ],
    ids=lambda headers: b" and ".join(headers).decode(),
)
def test_two_lengths_or_none_that_is_one(wire: Wire, agency: str, headers: tuple[bytes, ...]) -> None:
    """Two programs could cut the stream of bytes differently: the second request would be the first one’s body."""
    sent = wire.send(f"PATCH agencies/{agency}/", EVERY, *headers, body=CHANGE)
    assert sent is not None
    assert sent.status == 400
    assert note(wire.product.client(), agency) == (None, 1)


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("纠正".encode(), 200),
        ("全角　空格".encode(), 200),
        (b"caf\xe9", 400),
        ("纠正".encode("gb18030"), 400),
        ("\u202e".encode(), 400),
    ],
    ids=["UTF-8", "a wide space", "Latin-1", "GB18030", "a mark of direction"],
)
def test_a_reason_in_bytes(wire: Wire, agency: str, reason: bytes, status: int) -> None:
    headers = (EVERY, b"X-Change-Reason: " + reason, b"Content-Length: %d" % len(CHANGE))
    sent = wire.send(f"PATCH agencies/{agency}/", *headers, body=CHANGE)
    assert sent is not None
    assert (sent.status, sent.told if status == 400 else []) == (
        status,
        [("X-Change-Reason", "invalid_header")] if status == 400 else [],
    )
    sql = "SELECT history_change_reason FROM policies_historicalagency WHERE slug = %s ORDER BY history_id"
    kept = [row[0] for row in wire.product.database.run(sql, agency)]
    assert kept == ([None, reason.decode()] if status == 200 else [None])


def test_two_headers_of_one_name_are_one_list(wire: Wire, agency: str) -> None:
    length = b"Content-Length: %d" % len(CHANGE)
    line = f"PATCH agencies/{agency}/"
    sent = wire.send(line, b'If-Match: "7-x"', b'If-Match: "1-x"', length, body=CHANGE)
    assert sent is not None
    assert sent.status == 200
    sent = wire.send("POST agencies/", b"Idempotency-Key: a", b"Idempotency-Key: b", length, body=CHANGE)
    assert sent is not None
    assert sent.status == 400


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_no_header_makes_it_another_method(wire: Wire, agency: str, name: str) -> None:
    """A GET that claims to be a DELETE is a read."""
    sent = wire.send(f"GET agencies/{agency}/", f"{name}: DELETE".encode(), EVERY)
    assert sent is not None
    assert sent.status == 200
    assert note(wire.product.client(), agency) == (None, 1)
