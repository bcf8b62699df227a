"""Rate limits: exactly as many requests as the rate allows, with any number of processes."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache, caches
from django.test import Client

from accounts.models import create_token
from core import caching, http
from tests.support.live_server import running_server
from tests.support.redis import empty_redis_cache

pytestmark = pytest.mark.django_db
DAY = 86_400  # so long that no test meets its end


def counted_clients() -> dict[str, int]:
    """Return what is counted in the cache: rate and client, and how often."""
    names = [key.removeprefix(":1:") for key in cache._cache]
    return {name.rpartition(":")[0]: cache.get(name) for name in names if ":" in name}


def read(response: Any) -> Any:
    """Read a response to its end, as a server does."""
    response.getvalue()
    return response


# -- counting --------------------------------------------------------------------------------------------


@pytest.fixture
def folder(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Keep the shared cache in this folder."""
    monkeypatch.setitem(caching.PAUSED, "until", 0.0)
    backend = "core.caching.ForgivingFileCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": str(tmp_path / "answers")}}
    yield tmp_path / "answers"
    del caches["default"]


def test_who_cannot_be_counted_is_let_in(
    settings: Any, folder: Path, client: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And for a while nothing is tried, because trying may take a second."""
    clock = [6_000_000_000.0]
    monkeypatch.setattr(caching.time, "monotonic", lambda: clock[0])
    folder.touch()  # a file is no folder
    settings.RATE_LIMITS = {"anonymous": (1, DAY)}
    assert [client.get("/api/v1/").status_code for _ in range(3)] == [200] * 3
    told = [record.getMessage().partition(": ")[0] for record in caplog.records if record.name == "tracker.cache"]
    assert told == ["the shared cache failed and is left alone for 30 s"]
    folder.unlink()
    clock[0] += 30
    assert [client.get("/api/v1/").status_code for _ in range(2)] == [200, 429]


# -- who is counted, and as what ---------------------------------------------------------------------------

ALL = dict.fromkeys(("anonymous", "signed-in", "writes", "files", "anonymous-files", "failed-tokens"), (9, DAY))


@pytest.mark.parametrize(
    ("who", "method", "address", "counts"),
    [
        ("nobody", "get", "pilots/", {"anonymous 127.0.0.1"}),
        ("nobody", "get", "pilots/?format=csv", {"anonymous 127.0.0.1", "anonymous-files 127.0.0.1"}),
        ("nobody", "get", "rollout/", {"anonymous 127.0.0.1"}),  # rejected, and counted
        ("nobody", "get", "/pilots/", {"anonymous 127.0.0.1"}),
        ("nobody", "get", "/nothing/", {"anonymous 127.0.0.1"}),
        ("nobody", "get", "/pilots/?export=pilots.xlsx", {"anonymous 127.0.0.1", "anonymous-files 127.0.0.1"}),
        ("nobody", "get", "/sign-in/", set()),
        ("wrong token", "get", "/pilots/", {"anonymous 127.0.0.1"}),
        ("session", "get", "/pilots/", set()),
        ("nobody", "post", "agencies/", {"anonymous 127.0.0.1"}),  # not let in
        ("session", "get", "pilots/?format=xlsx", {"signed-in user 7", "files user 7"}),
        ("token", "get", "pilots/", {"signed-in user 7"}),
        ("token", "post", "agencies/", {"signed-in user 7", "writes user 7"}),
        ("wrong token", "get", "pilots/", {"failed-tokens 127.0.0.1"}),
    ],
)
def test_what_a_request_counts_as(settings: Any, who: str, method: str, address: str, counts: set[str]) -> None:
    settings.RATE_LIMITS = ALL
    user = User.objects.create_superuser("root", id=7)
    client = Client()
    if who == "session":
        client.force_login(user)
    headers = {"token": create_token(user=user, name="x", may_write=True)[1], "wrong token": "spt_x"}
    sent = {"Authorization": f"Bearer {headers[who]}"} if who in headers else {}
    read(getattr(client, method)(address if address[0] == "/" else f"/api/v1/{address}", headers=sent))
    assert counted_clients() == dict.fromkeys((client.replace(" ", ":") for client in counts), 1)


@pytest.mark.parametrize(
    ("behind", "forwarded", "caller"),
    [
        (False, "198.51.100.1", "192.0.2.9"),
        (True, None, "192.0.2.9"),
        (True, "198.51.100.1", "198.51.100.1"),
        (True, "10.0.0.1, 203.0.113.5, 198.51.100.1", "198.51.100.1"),  # the client's own word comes first
        (True, "198.51.100.1, nonsense", "192.0.2.9"),
        (True, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ],
)
def test_the_address_is_what_our_proxy_says(
    settings: Any, client: Client, behind: bool, forwarded: str | None, caller: str
) -> None:
    settings.BEHIND_PROXY, settings.RATE_LIMITS = behind, {"anonymous": (9, DAY)}
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    client.get("/api/v1/", headers=headers, REMOTE_ADDR="192.0.2.9")
    assert counted_clients() == {f"anonymous:{caller}": 1}


# -- answers ---------------------------------------------------------------------------------------------


@pytest.fixture
def fixed_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the clock twelve hours before the end of every window."""
    monkeypatch.setattr(http.time, "time", lambda: DAY * 20_000 + DAY / 2)


@pytest.mark.usefixtures("fixed_clock")
def test_what_is_left_and_the_error_until_the_window_ends(
    settings: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RATE_LIMITS = {"anonymous": (2, DAY), "anonymous-files": (1, DAY)}
    first = client.get("/api/v1/pilots/")
    assert first["RateLimit-Policy"] == f'"anonymous";q=2;w={DAY}'
    assert first["RateLimit"] == '"anonymous";r=1;t=43200'
    second = read(client.get("/api/v1/pilots/?format=csv"))
    assert second["RateLimit-Policy"] == f'"anonymous";q=2;w={DAY}, "anonymous-files";q=1;w={DAY}'
    assert second["RateLimit"] == '"anonymous";r=0;t=43200, "anonymous-files";r=0;t=43200'
    third = client.get("/api/v1/pilots/", headers={"X-Request-ID": "abc-1"})
    told = "More than 2 requests in 86400 seconds. Wait 43200 seconds, then go on."
    assert (third.status_code, third["Content-Type"]) == (429, "application/problem+json")
    assert (third["Retry-After"], third["RateLimit"]) == ("43200", '"anonymous";r=0;t=43200')
    assert json.loads(third.content)["errors"] == [{"pointer": "", "code": "throttled", "message": told}]
    page = client.get("/pilots/")  # of one budget with the API
    assert (page.status_code, page["Content-Type"], page["Retry-After"]) == (429, "text/html; charset=utf-8", "43200")
    assert told in page.text
    monkeypatch.setattr(http.time, "time", lambda: DAY * 20_001.0)
    assert client.get("/api/v1/pilots/")["RateLimit"] == f'"anonymous";r=1;t={DAY}'
    assert [client.get("/pilots/").status_code for _ in range(2)] == [200, 429]
    assert client.get("/sign-in/").status_code == 200  # people are let in from an address that others have used up
    client.force_login(User.objects.create_user("reader"))
    assert client.get("/pilots/").status_code == 200


@pytest.mark.usefixtures("fixed_clock")
def test_files_of_pages_and_of_the_api_run_out_together(settings: Any) -> None:
    """For an address without an account; its pages, its calendars, and who has an account go on."""
    settings.RATE_LIMITS = {"anonymous-files": (3, DAY), "files": (1, DAY)}
    files = ["/industries/?export=fields.csv", "/brief/nation/?export=docx", "/api/v1/plans/?format=xlsx"]
    client, other = Client(), Client(REMOTE_ADDR="192.0.2.9")
    assert [read(client.get(address)).status_code for address in files] == [200] * 3
    refused = client.get(files[0])
    assert (refused.status_code, refused["Content-Type"], refused["Retry-After"]) == (
        *(429, "text/html; charset=utf-8"),
        "43200",
    )
    assert client.get("/api/v1/plans/?format=csv").status_code == 429
    others = ("/industries/", "/pilots/?export=ics", "/api/v1/plans/")
    assert [client.get(address).status_code for address in others] == [200] * 3
    assert read(other.get(files[0])).status_code == 200
    client.force_login(User.objects.create_user("reader"))
    assert [read(client.get(files[0])).status_code for _ in range(2)] == [200, 429]


def test_two_files_are_made_at_once(settings: Any) -> None:
    """By pages, the API and the admin together; whatever is no file goes on."""
    settings.RATE_LIMITS = {"anonymous-files": (99, DAY), "files": (99, DAY)}
    client, chief = Client(), Client()
    chief.force_login(User.objects.create_superuser("chief"))
    begun = [client.get("/industries/?export=fields.csv"), chief.get("/api/v1/plans/?format=csv")]
    text = "Other files are being made. Ask for this one again in 5 seconds."
    for address in ("/industries/?export=fields.xlsx", "/brief/nation/?export=docx", "/api/v1/plans/?format=xlsx"):
        refused = client.get(address)
        assert (refused.status_code, refused["Retry-After"], text in refused.text) == (503, "5", True)
    for page in ("changes/?export=changes.csv", "quality/?export=chase.csv", "import/pilots/export.csv"):
        assert chief.get(f"/admin/{page}").status_code == 503
    for address in ("/industries/", "/pilots/?export=ics", "/api/v1/plans/"):
        assert client.get(address).status_code == 200
    read(begun.pop())
    assert [read(client.get("/industries/?export=fields.xlsx")).status_code for _ in range(3)] == [200] * 3
    read(begun.pop())


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
@pytest.mark.parametrize("shared_cache", [dict, empty_redis_cache], ids=["files", "Redis"])
def test_of_fourteen_racing_requests_ten_pass(
    tmp_path: Path, url: str, shared_cache: Callable[[], dict[str, str]]
) -> None:
    """Served by two processes, and no header of the client buys another one."""
    limits = {"TEST_RATES": json.dumps({"anonymous": [10, DAY]}), **shared_cache()}
    with running_server(tmp_path, url, **limits) as server:
        with ThreadPoolExecutor(14) as pool:
            answers = list(pool.map(lambda _: server.get("/api/v1/"), range(14)))
        assert sorted(answer.status for answer in answers) == [200] * 10 + [429] * 4
        assert server.get("/api/v1/", X_Forwarded_For="198.51.100.1").status == 429
        told = {line["logger"] for line in server.lines() if line.get("status") == 429}
        assert told == {"tracker.request", "tracker.security"}
