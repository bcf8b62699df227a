"""How many requests a caller may send: exactly as many as the rate says, by however many processes they are served."""

import json
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.contrib.auth.models import User
from django.test import Client

from config import throttles
from config.throttles import counted, network_of
from config.tokens import make_token
from tests import serving
from tests.caches import shared_cache
from tests.serving import served

pytestmark = pytest.mark.django_db
DAY = 86_400  # so long that no test meets its end
RACE = """
import sys, threading
import django; django.setup()
from config.throttles import counted
print("ready", flush=True)
sys.stdin.readline()
found = []
racers = [threading.Thread(target=lambda: found.append(counted("test", sys.argv[1]).used)) for _ in range(7)]
for racer in racers: racer.start()
for racer in racers: racer.join()
print(*found)
"""


@pytest.fixture(autouse=True)
def place(settings: Any, tmp_path: Path) -> Path:
    """The file that the test counts in."""
    settings.VAR_DIR = tmp_path
    throttles.RESTING["until"] = 0
    return tmp_path / "throttles.sqlite3"


def used(rate: str = "test", caller: str = "me") -> int:
    standing = counted(rate, caller)
    assert standing is not None
    return standing.used


# -- counting --------------------------------------------------------------------------------------------


def race(home: Path, **more: str) -> list[int]:
    """What fourteen requests were told that two processes count at the same moment."""
    caller = f"race-{home.name}-{time.time_ns()}"
    rates = json.dumps({"test": [10, DAY]})
    environment = serving.environment(home, "sqlite://:memory:", TEST_RATES=rates, **more)
    children = [
        subprocess.Popen(  # noqa: S603  # our own code
            [sys.executable, "-c", RACE, caller],
            cwd=project.BASE_DIR,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    told = [child.communicate(timeout=60)[0] for child in children]
    return sorted(int(word) for text in told for word in text.split())


def test_two_processes_count_in_one_file(tmp_path: Path) -> None:
    assert race(tmp_path) == list(range(1, 15))


def test_two_processes_count_in_one_cache(tmp_path: Path) -> None:
    assert race(tmp_path, **shared_cache()) == list(range(1, 15))
    assert not (tmp_path / "throttles.sqlite3").exists()


def test_a_window_ends_and_each_caller_has_its_own(settings: Any, monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    settings.RATES = {"test": (2, 60), "other": (2, 60)}
    monkeypatch.setattr(throttles.time, "time", lambda: 6_000_000_030.0)
    assert [used(), used(), used()] == [1, 2, 3]
    assert (used("other"), used(caller="you")) == (1, 1)
    standing = counted("test", "me")
    assert standing == throttles.Standing("test", 2, 60, 4, 30)
    assert standing.over
    monkeypatch.setattr(throttles.time, "time", lambda: 6_000_000_060.0)
    assert counted("test", "me") == throttles.Standing("test", 2, 60, 1, 60)
    with sqlite3.connect(place) as file:
        assert file.execute("SELECT * FROM counts").fetchall() == [("test me", 6_000_000_120, 1)]
    file.close()


def test_a_rate_that_is_not_set_counts_nothing(settings: Any, place: Path) -> None:
    settings.RATES = {}
    assert counted("test", "me") is None
    assert not place.exists()


def test_a_file_that_is_broken_or_gone_is_made_anew(settings: Any, place: Path) -> None:
    settings.RATES = {"test": (9, DAY)}
    place.write_bytes(b"no database" * 500)
    assert [used(), used()] == [1, 2]
    for file in place.parent.glob("throttles.sqlite3*"):
        file.unlink()
    assert [used(), used()] == [1, 2]
    with sqlite3.connect(place) as file:
        assert file.execute("SELECT used FROM counts").fetchall() == [(2,)]
    file.close()


def test_who_cannot_be_counted_is_let_in(
    settings: Any,
    tmp_path: Path,
    client: Client,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And for a while nothing is tried, because trying may take a second."""
    clock = [6_000_000_000.0]
    monkeypatch.setattr(throttles.time, "time", lambda: clock[0])
    (tmp_path / "file").touch()
    settings.VAR_DIR, settings.RATES = tmp_path / "file", {"anonymous": (1, DAY)}  # a file is no folder
    assert [client.get("/api/v1/").status_code for _ in range(3)] == [200] * 3
    told = [record.getMessage().partition(": ")[0] for record in caplog.records if record.name == "tracker.throttles"]
    assert told == ["requests are not counted for 5 seconds"]
    settings.VAR_DIR = tmp_path
    clock[0] += 5
    assert [client.get("/api/v1/").status_code for _ in range(2)] == [200, 429]


# -- who is counted, and as what ---------------------------------------------------------------------------

ALL = dict.fromkeys(("anonymous", "signed-in", "writes", "files", "failed-tokens"), (9, DAY))


@pytest.mark.parametrize(
    ("who", "method", "address", "counts"),
    [
        ("nobody", "get", "pilots/", {"anonymous 127.0.0.1"}),
        ("nobody", "head", "pilots/", {"anonymous 127.0.0.1"}),
        ("nobody", "get", "pilots/?format=csv", {"anonymous 127.0.0.1", "files 127.0.0.1"}),
        ("nobody", "get", "rollout/", {"anonymous 127.0.0.1"}),  # refused, and counted
        ("nobody", "post", "agencies/", {"anonymous 127.0.0.1", "writes 127.0.0.1"}),
        ("session", "get", "pilots/?format=xlsx", {"signed-in user 7", "files user 7"}),
        ("token", "get", "pilots/", {"signed-in user 7"}),
        ("token", "post", "agencies/", {"signed-in user 7", "writes user 7"}),
        ("token", "delete", "agencies/nowhere/", {"signed-in user 7", "writes user 7"}),
        ("wrong token", "get", "pilots/", {"failed-tokens 127.0.0.1"}),
    ],
)
def test_what_a_request_counts_as(
    settings: Any, place: Path, who: str, method: str, address: str, counts: set[str]
) -> None:
    settings.RATES = ALL
    user = User.objects.create_superuser("root", id=7)
    client = Client()
    if who == "session":
        client.force_login(user)
    headers = {"token": make_token(user=user, name="x", may_write=True)[1], "wrong token": "spt_x"}
    sent = {"Authorization": f"Bearer {headers[who]}"} if who in headers else {}
    getattr(client, method)(f"/api/v1/{address}", headers=sent)
    with sqlite3.connect(place) as file:
        assert dict(file.execute("SELECT caller, used FROM counts").fetchall()) == dict.fromkeys(counts, 1)
    file.close()


@pytest.mark.parametrize(
    ("behind", "forwarded", "caller"),
    [
        (False, None, "192.0.2.9"),
        (False, "198.51.100.1", "192.0.2.9"),
        (True, None, "192.0.2.9"),
        (True, "198.51.100.1", "198.51.100.1"),
        (True, "10.0.0.1, 203.0.113.5, 198.51.100.1", "198.51.100.1"),  # the client's own word comes first
        (True, "198.51.100.1, nonsense", "192.0.2.9"),
        (True, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ],
)
def test_the_address_is_what_our_proxy_says(
    settings: Any, place: Path, client: Client, behind: bool, forwarded: str | None, caller: str
) -> None:
    settings.BEHIND_PROXY, settings.RATES = behind, {"anonymous": (9, DAY)}
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    client.get("/api/v1/", headers=headers, REMOTE_ADDR="192.0.2.9")
    with sqlite3.connect(place) as file:
        assert file.execute("SELECT caller FROM counts").fetchall() == [(f"anonymous {caller}",)]
    file.close()


@pytest.mark.parametrize(
    ("address", "caller"),
    [("192.0.2.9", "192.0.2.9"), ("::ffff:192.0.2.9", "192.0.2.9"), ("2001:db8::1", "2001:db8::/64"), ("", "")],
)
def test_one_caller_has_one_network(address: str, caller: str) -> None:
    assert network_of(address) == caller


# -- answers ---------------------------------------------------------------------------------------------


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve hours before the end of every window."""
    monkeypatch.setattr(throttles.time, "time", lambda: DAY * 20_000 + DAY / 2)


@pytest.mark.usefixtures("noon")
def test_what_is_left_and_the_refusal(settings: Any, client: Client) -> None:
    settings.RATES = {"anonymous": (2, DAY), "files": (1, DAY)}
    first = client.get("/api/v1/pilots/")
    assert first["RateLimit-Policy"] == f'"anonymous";q=2;w={DAY}'
    assert first["RateLimit"] == '"anonymous";r=1;t=43200'
    second = client.get("/api/v1/pilots/?format=csv")
    assert second["RateLimit-Policy"] == f'"anonymous";q=2;w={DAY}, "files";q=1;w={DAY}'
    assert second["RateLimit"] == '"anonymous";r=0;t=43200, "files";r=0;t=43200'
    third = client.get("/api/v1/pilots/", headers={"X-Request-ID": "abc-1"})
    message = "More than 2 requests in 86400 seconds. Wait 43200 seconds, then go on."
    assert (third.status_code, third["Content-Type"], third["Retry-After"]) == (
        429,
        "application/problem+json",
        "43200",
    )
    assert third["RateLimit"] == '"anonymous";r=0;t=43200'
    assert json.loads(third.content) == {
        "type": "about:blank",
        "title": "Too many requests",
        "status": 429,
        "detail": message,
        "instance": "/api/v1/pilots/",
        "request_id": "abc-1",
        "errors": [{"pointer": "", "code": "throttled", "message": message}],
    }
    assert client.get("/pilots/").status_code == 200  # pages are for people


@pytest.mark.usefixtures("noon")
def test_wrong_tokens_run_out_and_a_good_one_is_let_in(settings: Any) -> None:
    settings.RATES = {"failed-tokens": (2, DAY)}
    secret = make_token(user=User.objects.create_user("reader"), name="x")[1]

    def ask(key: str) -> Any:
        return Client().get("/api/v1/", headers={"Authorization": f"Bearer {key}"})

    assert [ask("spt_wrong").status_code for _ in range(3)] == [401, 401, 429]
    refusal = ask("spt_wrong")
    assert (refusal["Content-Type"], refusal["Retry-After"]) == ("application/problem+json", "43200")
    assert json.loads(refusal.content)["errors"][0]["code"] == "throttled"
    assert ask(secret).status_code == 200
    assert Client().get("/api/v1/").status_code == 200


def test_of_fourteen_racing_requests_ten_pass(tmp_path: Path, url: str) -> None:
    """Served by two processes, and no header of the client buys another one."""
    with served(tmp_path, url, TEST_RATES=json.dumps({"anonymous": [10, DAY]})) as server:
        with ThreadPoolExecutor(14) as pool:
            answers = list(pool.map(lambda _: server.get("/api/v1/"), range(14)))
        assert sorted(answer.status for answer in answers) == [200] * 10 + [429] * 4
        assert server.get("/api/v1/", X_Forwarded_For="198.51.100.1").status == 429
        assert len({line["logger"] for line in server.lines() if line.get("status") == 429}) == 2
        assert {line["message"] for line in server.lines() if line["logger"] == "tracker.security"} == {
            "too many requests"
        }


@pytest.mark.parametrize(("value", "rates"), [("", 6), ("1", 6), ("0", 0)])
def test_one_setting_switches_them_off(tmp_path: Path, value: str, rates: int) -> None:
    told = serving.run(
        tmp_path,
        "sqlite://:memory:",
        *("-c", "from config.settings import RATES; print(len(RATES))"),
        THROTTLES=value,
    )
    assert told == f"{rates}\n"
