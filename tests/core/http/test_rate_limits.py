"""Rate limits: exactly as many requests as the rate allows, with any number of processes."""

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

from accounts.tokens import create_token
from core.http import rate_limits
from core.http.rate_limits import client_network, increment
from tests.support import live_server
from tests.support.live_server import running_server
from tests.support.redis import empty_redis_cache

pytestmark = pytest.mark.django_db
DAY = 86_400  # so long that no test meets its end
RACE = """
import sys, threading
import django; django.setup()
from core.http.rate_limits import increment
print("ready", flush=True)
sys.stdin.readline()
found = []
racers = [threading.Thread(target=lambda: found.append(increment("test", sys.argv[1]).used)) for _ in range(7)]
for racer in racers: racer.start()
for racer in racers: racer.join()
print(*found)
"""


@pytest.fixture(autouse=True)
def counter_file(settings: Any, tmp_path: Path) -> Path:
    """Return the file of the test's counters."""
    settings.VAR_DIR = tmp_path
    rate_limits.PAUSED["until"] = 0
    return tmp_path / "throttles.sqlite3"


def used_requests(rate: str = "test", caller: str = "me") -> int:
    standing = increment(rate, caller)
    assert standing is not None
    return standing.used


# -- counting --------------------------------------------------------------------------------------------


def race_processes(home: Path, **more: str) -> list[int]:
    """Return the statuses of fourteen requests counted by two processes at once."""
    caller = f"race-{home.name}-{time.time_ns()}"
    rates = json.dumps({"test": [10, DAY]})
    environment = live_server.server_environment(home, "sqlite://:memory:", TEST_RATES=rates, **more)
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
    told = [child.communicate(timeout=300)[0] for child in children]
    return sorted(int(word) for text in told for word in text.split())


@pytest.mark.process
def test_two_processes_count_in_one_file(tmp_path: Path) -> None:
    assert race_processes(tmp_path) == list(range(1, 15))


@pytest.mark.process
def test_two_processes_count_in_one_cache(tmp_path: Path) -> None:
    assert race_processes(tmp_path, **empty_redis_cache()) == list(range(1, 15))
    assert not (tmp_path / "throttles.sqlite3").exists()


def test_a_window_ends_and_each_caller_has_its_own(
    settings: Any, monkeypatch: pytest.MonkeyPatch, counter_file: Path
) -> None:
    settings.RATE_LIMITS = {"test": (2, 60), "other": (2, 60)}
    monkeypatch.setattr(rate_limits.time, "time", lambda: 6_000_000_030.0)
    assert [used_requests(), used_requests(), used_requests()] == [1, 2, 3]
    assert (used_requests("other"), used_requests(caller="you")) == (1, 1)
    standing = increment("test", "me")
    assert standing == rate_limits.QuotaState("test", 2, 60, 4, 30)
    assert standing.is_exceeded
    monkeypatch.setattr(rate_limits.time, "time", lambda: 6_000_000_060.0)
    assert increment("test", "me") == rate_limits.QuotaState("test", 2, 60, 1, 60)
    with sqlite3.connect(counter_file) as file:
        assert file.execute("SELECT * FROM counts").fetchall() == [("test me", 6_000_000_120, 1)]
    file.close()


def test_a_rate_that_is_not_set_counts_nothing(settings: Any, counter_file: Path) -> None:
    settings.RATE_LIMITS = {}
    assert increment("test", "me") is None
    assert not counter_file.exists()


def test_a_file_that_is_broken_or_gone_is_made_anew(settings: Any, counter_file: Path) -> None:
    settings.RATE_LIMITS = {"test": (9, DAY)}
    counter_file.write_bytes(b"no database" * 500)
    assert [used_requests(), used_requests()] == [1, 2]
    for file in counter_file.parent.glob("throttles.sqlite3*"):
        file.unlink()
    assert [used_requests(), used_requests()] == [1, 2]
    with sqlite3.connect(counter_file) as file:
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
    monkeypatch.setattr(rate_limits.time, "time", lambda: clock[0])
    (tmp_path / "file").touch()
    settings.VAR_DIR, settings.RATE_LIMITS = tmp_path / "file", {"anonymous": (1, DAY)}  # a file is no folder
    assert [client.get("/api/v1/").status_code for _ in range(3)] == [200] * 3
    told = [record.getMessage().partition(": ")[0] for record in caplog.records if record.name == "tracker.rate_limits"]
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
        ("nobody", "get", "rollout/", {"anonymous 127.0.0.1"}),  # rejected, and counted
        ("nobody", "post", "agencies/", {"anonymous 127.0.0.1", "writes 127.0.0.1"}),
        ("session", "get", "pilots/?format=xlsx", {"signed-in user 7", "files user 7"}),
        ("token", "get", "pilots/", {"signed-in user 7"}),
        ("token", "post", "agencies/", {"signed-in user 7", "writes user 7"}),
        ("token", "delete", "agencies/nowhere/", {"signed-in user 7", "writes user 7"}),
        ("wrong token", "get", "pilots/", {"failed-tokens 127.0.0.1"}),
    ],
)
def test_what_a_request_counts_as(
    settings: Any, counter_file: Path, who: str, method: str, address: str, counts: set[str]
) -> None:
    settings.RATE_LIMITS = ALL
    user = User.objects.create_superuser("root", id=7)
    client = Client()
    if who == "session":
        client.force_login(user)
    headers = {"token": create_token(user=user, name="x", may_write=True)[1], "wrong token": "spt_x"}
    sent = {"Authorization": f"Bearer {headers[who]}"} if who in headers else {}
    getattr(client, method)(f"/api/v1/{address}", headers=sent)
    with sqlite3.connect(counter_file) as file:
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
    settings: Any, counter_file: Path, client: Client, behind: bool, forwarded: str | None, caller: str
) -> None:
    settings.BEHIND_PROXY, settings.RATE_LIMITS = behind, {"anonymous": (9, DAY)}
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    client.get("/api/v1/", headers=headers, REMOTE_ADDR="192.0.2.9")
    with sqlite3.connect(counter_file) as file:
        assert file.execute("SELECT caller FROM counts").fetchall() == [(f"anonymous {caller}",)]
    file.close()


@pytest.mark.parametrize(
    ("address", "caller"),
    [("192.0.2.9", "192.0.2.9"), ("::ffff:192.0.2.9", "192.0.2.9"), ("2001:db8::1", "2001:db8::/64"), ("", "")],
)
def test_one_caller_has_one_network(address: str, caller: str) -> None:
    assert client_network(address) == caller


# -- answers ---------------------------------------------------------------------------------------------


@pytest.fixture
def fixed_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the clock twelve hours before the end of every window."""
    monkeypatch.setattr(rate_limits.time, "time", lambda: DAY * 20_000 + DAY / 2)


@pytest.mark.usefixtures("fixed_clock")
def test_what_is_left_and_the_error(settings: Any, client: Client) -> None:
    settings.RATE_LIMITS = {"anonymous": (2, DAY), "files": (1, DAY)}
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


@pytest.mark.usefixtures("fixed_clock")
def test_wrong_tokens_run_out_and_a_good_one_is_let_in(settings: Any) -> None:
    settings.RATE_LIMITS = {"failed-tokens": (2, DAY)}
    secret = create_token(user=User.objects.create_user("reader"), name="x")[1]

    def ask(key: str) -> Any:
        return Client().get("/api/v1/", headers={"Authorization": f"Bearer {key}"})

    assert [ask("spt_wrong").status_code for _ in range(3)] == [401, 401, 429]
    refusal = ask("spt_wrong")
    assert (refusal["Content-Type"], refusal["Retry-After"]) == ("application/problem+json", "43200")
    assert json.loads(refusal.content)["errors"][0]["code"] == "throttled"
    assert ask(secret).status_code == 200
    assert Client().get("/api/v1/").status_code == 200


@pytest.mark.process
def test_of_fourteen_racing_requests_ten_pass(tmp_path: Path, url: str) -> None:
    """Served by two processes, and no header of the client buys another one."""
    with running_server(tmp_path, url, TEST_RATES=json.dumps({"anonymous": [10, DAY]})) as server:
        with ThreadPoolExecutor(14) as pool:
            answers = list(pool.map(lambda _: server.get("/api/v1/"), range(14)))
        assert sorted(answer.status for answer in answers) == [200] * 10 + [429] * 4
        assert server.get("/api/v1/", X_Forwarded_For="198.51.100.1").status == 429
        assert len({line["logger"] for line in server.lines() if line.get("status") == 429}) == 2
        assert {line["message"] for line in server.lines() if line["logger"] == "tracker.security"} == {
            "too many requests"
        }


@pytest.mark.process
@pytest.mark.parametrize(("value", "limits"), [("", 6), ("1", 6), ("0", 0)])
def test_one_setting_switches_them_off(tmp_path: Path, value: str, limits: int) -> None:
    counted = "from config.settings import RATE_LIMITS; print(len(RATE_LIMITS))"
    assert (
        live_server.run_command(tmp_path, "sqlite://:memory:", "-c", counted, RATE_LIMITS_ENABLED=value)
        == f"{limits}\n"
    )
