"""Kept answers: the same as computed ones, right after every write, and nobody's but the reader's."""

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache as shared
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config import kept
from config.marks import lay_aside
from config.tokens import make_token
from pilots.models import Pilot
from policies.models import Industry, Province
from policies.models.people import Officer

pytestmark = pytest.mark.django_db
PLAN = "synergy-implementation-plan-2022"
LIST, RECORD, ROLLOUT = "/api/v1/pilots/", "/api/v1/pilots/huzhou/", f"/api/v1/rollout/?policy={PLAN}"
API = [
    *(LIST, RECORD, ROLLOUT, "/api/v1/provinces/zhejiang/", "/api/v1/plans/?page_size=5", "/api/v1/coverage/"),
    *(
        "/api/v1/progress/",
        "/api/v1/synergy/",
        "/api/v1/trend/?indicator=CO2_TOT",
        "/api/v1/overview/",
        "/api/v1/readings/?page_size=1",
    ),
]
PAGES = [
    *("/", "/policies/", f"/policies/{PLAN}/", "/provinces/", "/provinces/zhejiang/", "/pilots/", "/pilots/huzhou/"),
    *("/industries/", "/industries/steel/", "/synergy/", "/data/", "/batches/national-batch-1/"),
]


@pytest.fixture(autouse=True)
def keeping(settings: Any, monkeypatch: Any) -> Iterator[None]:
    """Answers are kept, from nothing on."""
    settings.ANSWERS = True
    monkeypatch.setattr(kept, "nearby", kept.Nearby())
    monkeypatch.setattr(kept, "shelf", kept.Shared())
    shared.clear()
    yield
    monkeypatch.undo()
    shared.clear()


def asked(client: Client, address: str, **headers: str) -> tuple[int, bytes]:
    """How many queries an answer cost, and its bytes."""
    with CaptureQueriesContext(connection) as queries:
        response: Any = client.get(address, headers=headers)
    assert response.status_code == 200, response.content
    return len(queries), response.content


def computed(client: Client, settings: Any, address: str) -> bytes:
    """The answer as it is computed from the records now."""
    settings.ANSWERS = False
    response: Any = client.get(address)
    settings.ANSWERS = True
    content: bytes = response.content
    return content


# -- the same, for one query -------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [*API, *PAGES])
def test_the_second_reader_gets_the_same_for_one_query(client: Client, settings: Any, address: str) -> None:
    expected = computed(client, settings, address)
    first, cost = asked(client, address)[1], asked(Client(), address)
    assert first == expected
    assert cost == (1, expected)


@pytest.mark.parametrize("address", [LIST, RECORD, ROLLOUT])
@pytest.mark.parametrize("coding", ["", "gzip"])
def test_a_kept_answer_has_the_headers_of_a_computed_one(
    client: Client, settings: Any, address: str, coding: str
) -> None:
    settings.ANSWERS = False
    plain: Any = client.get(address, headers={"accept-encoding": coding})
    settings.ANSWERS = True
    left_out = {"X-Request-ID", "Content-Length"}
    for _ in range(2):
        response: Any = client.get(address, headers={"accept-encoding": coding})
        assert {k: v for k, v in response.items() if k not in left_out} == {
            k: v for k, v in plain.items() if k not in left_out
        }
        content = response.content
        assert response["Content-Length"] == str(len(content))
        if "Content-Encoding" in response:
            assert gzip.decompress(content) == gzip.decompress(plain.content)
        else:
            assert content == plain.content
        again: Any = client.get(address, headers={"if-none-match": plain["ETag"], "accept-encoding": coding})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", plain["ETag"])


def test_another_worker_finds_it_in_the_shared_store(client: Client, monkeypatch: Any) -> None:
    expected = asked(client, LIST)[1]
    monkeypatch.setattr(kept, "nearby", kept.Nearby())
    assert asked(client, LIST) == (1, expected)


@pytest.mark.parametrize("address", [LIST + "?format=csv", "/pilots/?export=pilots.csv", "/data/?export=page.xlsx"])
def test_files_are_made_anew(client: Client, address: str) -> None:
    client.get(address)
    assert not kept.nearby.answers


@pytest.mark.parametrize("address", ["/api/v1/pilots/nobody/", "/pilots/nobody/", LIST + "?colour=x", "/?as_of=x"])
def test_refusals_are_made_anew(client: Client, address: str) -> None:
    assert client.get(address).status_code in {400, 404}
    assert not kept.nearby.answers


# -- never stale -------------------------------------------------------------------------------------------


def by_save() -> None:
    record = Pilot.objects.get(slug="huzhou")
    record.name_en = "Renamed"
    record.save()


def by_raw_sql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pilots_pilot SET name_en = 'Renamed' WHERE slug = 'huzhou'")


def by_links() -> None:
    Pilot.objects.get(slug="huzhou").industries.set(Industry.objects.exclude(pilots__slug="huzhou")[:1])


def by_api() -> None:
    person = User.objects.create_superuser("writer")
    Officer.objects.create(user=person, role="admin")
    token = make_token(user=person, name="kept", may_write=True)[1]
    client = Client(headers={"authorization": f"Bearer {token}"})
    tag = client.get(RECORD)["ETag"]
    body = json.dumps({"name_en": "Renamed"})
    answer = client.patch(RECORD, body, content_type="application/json", headers={"if-match": tag})
    assert answer.status_code == 200, answer.content


WRITES: dict[str, Callable[[], Any]] = {
    "save": by_save,
    "update": lambda: Pilot.objects.filter(slug="huzhou").update(name_en="Renamed"),
    "bulk update": lambda: Pilot.objects.bulk_update([Pilot(pk=pk_of("huzhou"), name_en="Renamed")], ["name_en"]),
    "raw SQL": by_raw_sql,
    "the API": by_api,
    "links": by_links,
    "a related record": lambda: Province.objects.filter(slug="zhejiang").update(name_en="Renamed"),
}


def pk_of(slug: str) -> int:
    return int(Pilot.objects.values_list("pk", flat=True).get(slug=slug))


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("address", [LIST, RECORD, "/pilots/huzhou/", "/pilots/", "/provinces/zhejiang/"])
def test_the_next_reader_gets_what_was_written(
    client: Client, settings: Any, address: str, write: Callable[[], Any]
) -> None:
    before = asked(client, address)[1]
    assert asked(client, address) == (1, before)
    write()
    cost, after = asked(client, address)
    assert after == computed(client, settings, address)
    assert cost > 1 or (write is by_links and address in {"/pilots/", "/provinces/zhejiang/"})  # these show no industry


def test_what_was_written_shows_and_leaves_the_rest_kept(client: Client) -> None:
    policies, pilots = asked(client, "/api/v1/policies/")[1], asked(client, LIST)[1]
    by_save()
    assert b'"Renamed"' not in pilots
    assert b'"Renamed"' in asked(client, LIST)[1]
    assert asked(client, "/api/v1/policies/") == (1, policies)


def test_a_write_while_the_answer_is_computed_counts(client: Client, monkeypatch: Any) -> None:
    """The answer that was begun before may hold what was before: it is not kept for after."""
    body = kept.rendered

    def slow(*args: Any) -> Any:
        answer = body(*args)
        monkeypatch.setattr(kept, "rendered", body)
        by_save()
        return answer

    monkeypatch.setattr(kept, "rendered", slow)
    assert b'"Renamed"' not in asked(client, LIST)[1]
    assert b'"Renamed"' in asked(client, LIST)[1]


def test_nothing_is_kept_while_a_migration_runs(client: Client) -> None:
    asked(client, LIST)
    lay_aside()
    by_raw_sql()
    assert b'"Renamed"' in asked(client, LIST)[1]
    assert asked(client, LIST)[0] > 1


def test_tomorrow_is_computed_anew(client: Client, monkeypatch: Any) -> None:
    asked(client, LIST)
    monkeypatch.setattr(kept, "today", lambda: date.today() + timedelta(1))  # noqa: DTZ011
    assert asked(client, LIST)[0] > 1


def test_another_edition_of_the_program_computes_anew(client: Client, monkeypatch: Any) -> None:
    asked(client, LIST)
    monkeypatch.setattr(kept, "edition", lambda: "other")
    assert asked(client, LIST)[0] > 1


# -- nobody's but the reader's -------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/", LIST])
def test_what_the_request_says_counts(client: Client, settings: Any, address: str) -> None:
    settings.ALLOWED_HOSTS = ["testserver", "other.example"]
    seen = {
        asked(client, address)[1],
        asked(client, address, **{"accept-language": "zh-hans"})[1],
        asked(client, address + "?as_of=2023-01-31")[1],
        asked(client, address, host="other.example")[1],
    }
    assert len(seen) == 4
    assert len(kept.nearby.answers) == 4


@pytest.mark.parametrize("address", PAGES)
def test_a_page_greets_each_reader(client: Client, address: str) -> None:
    reader = User.objects.create_user("somebody-reading")
    client.force_login(reader, "django.contrib.auth.backends.ModelBackend")
    own = asked(client, address)[1]
    assert b"somebody-reading" in own
    assert b"csrfmiddlewaretoken" in own
    for_all = asked(Client(), address)
    assert for_all[0] == 1  # the same kept page
    assert b"somebody-reading" not in for_all[1]
    assert b"csrfmiddlewaretoken" not in for_all[1]
    assert b"fresh:" not in own + for_all[1]
    other = Client()
    other.force_login(User.objects.create_user("somebody-else"), "django.contrib.auth.backends.ModelBackend")
    theirs = asked(other, address)[1]
    assert b"somebody-else" in theirs
    assert b"somebody-reading" not in theirs


def test_what_staff_alone_see_is_theirs_and_ends_with_the_right(client: Client, settings: Any) -> None:
    by_save()
    officer = User.objects.create_user("officer", is_staff=True)
    right = Permission.objects.get(codename="view_pilot", content_type=ContentType.objects.get_for_model(Pilot))
    officer.user_permissions.add(right)
    client.force_login(officer, "django.contrib.auth.backends.ModelBackend")
    address = "/pilots/huzhou/"
    allowed = asked(client, address)[1]
    assert b"/admin/pilots/pilot/" in allowed
    known = len(kept.nearby.answers)
    assert known == 1
    assert b"/admin/pilots/pilot/" not in asked(Client(), address)[1]
    assert len(kept.nearby.answers) == 2
    assert b"/admin/pilots/pilot/" in asked(client, address)[1]
    assert len(kept.nearby.answers) == 2
    officer.user_permissions.clear()
    assert b"/admin/pilots/pilot/" not in asked(client, address)[1]
    other = User.objects.create_user("other", is_staff=True)
    client.force_login(other, "django.contrib.auth.backends.ModelBackend")
    assert b"/admin/pilots/pilot/" not in asked(client, address)[1]


def test_an_internal_site_keeps_nothing_for_strangers(client: Client, settings: Any) -> None:
    settings.SITE_ACCESS = "internal"
    client.force_login(User.objects.create_user("inside"), "django.contrib.auth.backends.ModelBackend")
    assert client.get(LIST).status_code == 200
    assert Client().get(LIST).status_code == 401


def test_a_token_that_opens_nothing_is_refused_whatever_lies_ready(client: Client) -> None:
    assert asked(client, LIST)
    assert client.get(LIST, headers={"authorization": "Bearer syn_nothing"}).status_code == 401


def test_what_lies_ready_counts_as_any_request(client: Client, settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path  # where they are counted
    settings.RATES = {"anonymous": (3, 86_400)}
    left = [client.get(LIST)["RateLimit"].split(";")[1] for _ in range(3)]
    assert left == ["r=2", "r=1", "r=0"]
    assert client.get(LIST).status_code == 429


# -- the stores --------------------------------------------------------------------------------------------------


class Broken:
    """A shared store that does not answer."""

    calls = 0

    def get(self, *_args: Any) -> Any:
        self.calls += 1
        raise ConnectionError

    set = get


def test_without_the_shared_store_answers_are_right_and_it_is_left_alone(client: Client, monkeypatch: Any) -> None:
    broken = Broken()
    monkeypatch.setattr(kept, "shared", broken)
    expected = asked(client, LIST)[1]
    assert asked(client, LIST) == (1, expected)
    by_save()
    assert b'"Renamed"' in asked(client, LIST)[1]
    assert broken.calls == 1
    later = kept.shelf.rested_at + 1
    monkeypatch.setattr(kept, "monotonic", lambda: later)
    asked(client, RECORD)
    assert broken.calls == 2


@pytest.mark.parametrize("garbage", ["text", 7, (1, 2, 3, 4), ({}, b"", {}), b"\x00"])
def test_what_is_no_answer_of_ours_counts_as_none(client: Client, monkeypatch: Any, garbage: Any) -> None:
    expected = asked(client, LIST)[1]
    (key,) = kept.nearby.answers
    shared.set(key, garbage)
    monkeypatch.setattr(kept, "nearby", kept.Nearby())
    cost, content = asked(client, LIST)
    assert (cost > 1, content) == (True, expected)


def test_a_lost_store_is_filled_again(client: Client, monkeypatch: Any) -> None:
    expected = asked(client, LIST)[1]
    monkeypatch.setattr(kept, "nearby", kept.Nearby())
    shared.clear()
    cost, content = asked(client, LIST)
    assert (cost > 1, content) == (True, expected)
    assert asked(client, LIST) == (1, expected)


def test_a_full_process_lets_go_of_what_was_used_longest_ago(client: Client, monkeypatch: Any) -> None:
    size = len(asked(client, LIST)[1])
    monkeypatch.setattr(kept, "MOST_BYTES", 5 * size)
    for number in (2, 1, 3):
        asked(client, f"{LIST}?page_size=50&as_of=2024-0{number}-01")
    assert kept.nearby.size <= kept.MOST_BYTES
    assert kept.nearby.size == 2 * sum(len(answer.body) for answer in kept.nearby.answers.values())
    monkeypatch.setattr(kept, "LARGEST", size - 1)
    kept.nearby.clear()
    shared.clear()
    asked(client, LIST)
    assert not kept.nearby.answers
