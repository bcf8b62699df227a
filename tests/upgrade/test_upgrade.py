"""Upgrade of a database of release 1.0.0 that users edited: migrate, and it answers as before; load the records, and
everything is there. And of one with its demonstration, which is never in one database with real records.

A program that ran with the code of a889b15 alone made the databases, as users enter things, and wrote down what that
code answered (`git show eddcc711:tests/upgrade/make_fixture.py`). Here they are asked again through HTTP and commands,
which outlast a renaming of modules and models. The tests run in the order of their lines: those before "the shipped
records" see the database as users left it. `xz -dc tests/upgrade/facts.json.xz` shows what it holds, under `keys`.
"""

import csv
import hashlib
import io
import itertools
import json
import lzma
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.databases import Database, own_database, restore_former_database
from tests.support.live_server import LiveServer, migrated_database, run_command, running_server
from tests.support.sign_in import totp_code

# The suite's database, beside which the upgraded one is made.
pytestmark = [pytest.mark.django_db, pytest.mark.process, pytest.mark.database]
FOLDER = Path(__file__).parent
SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.upgrade.settings", "MFA_GRACE_DAYS": "3650"}
PASSWORD = "a long enough one"


def unpacked(name: str) -> Any:
    return json.loads(lzma.decompress((FOLDER / f"{name}.json.xz").read_bytes()))


ANSWERS = unpacked("answers")
"""What the old code answered at addresses of the API, by the name of the database. A change that means to answer
otherwise changes it there, too: with RECORD_ANSWERS=1 the tests write the answers of today in its place."""
ENTRY = ("When", "Who", "Record", "What happened", "Why")  # columns of a history; names of records may be corrected


@dataclass(frozen=True)
class Upgraded:
    """The old database after `migrate`, and a server on it."""

    home: Path
    database: Database
    facts: dict[str, Any]
    settings: dict[str, str]
    server: LiveServer

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def send(self, token: str, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """The API's answer to the owner of one of the tokens."""
        headers |= {"Authorization": f"Bearer {self.facts['secrets'][token]}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body)
        return requests.request(method, f"{self.root}/api/v1/{path}", data=content, headers=headers, timeout=60)

    def read(self, token: str, path: str) -> Any:
        response = self.send(token, "GET", path)
        assert response.status_code == 200, response.text
        return response.json()

    def answers(self, before: dict[str, Any]) -> dict[str, Any]:
        """The answers at these addresses now, reduced to what was written down of them."""
        found: dict[str, Any] = {}
        for address, answer in before.items():
            response = self.send("steward", "GET", address, **{"Accept-Language": "en"})
            body = response.json() if response.status_code == 200 else None
            found[address] = {"status": response.status_code, "body": reduced(body, answer["body"])}
        return found

    def load_records(self) -> str:
        """Load the shipped records; return what the command printed."""
        return run_command(self.home, self.database.url, "manage.py", "load_records", **self.settings)

    def browser(self, username: str) -> "Browser":
        browser = Browser(self.root)
        browser.get("/sign-in/")
        browser.post("/sign-in/", username=username, password=PASSWORD)
        return browser


def reduced(now: Any, before: Any) -> Any:
    """The part of an answer that was written down: the same fields of objects, all items of lists."""
    if isinstance(now, dict) and isinstance(before, dict):
        return {name: reduced(now.get(name), value) for name, value in before.items()}
    if isinstance(now, list) and isinstance(before, list):
        pattern = itertools.chain(before, itertools.repeat(before[-1] if before else None))
        return [reduced(item, like) for item, like in zip(now, pattern, strict=False)]
    return now


class Browser:
    """A session of pages, in English."""

    def __init__(self, root: str) -> None:
        self.root, self.session = root, requests.Session()
        self.session.headers["Accept-Language"] = "en"

    def get(self, address: str) -> requests.Response:
        response = self.session.get(self.root + address, timeout=60)
        assert response.status_code == 200, (address, response.status_code)
        return response

    def post(self, address: str, **values: str) -> requests.Response:
        """Submit a form of a page with its token; it has to redirect."""
        data = {**values, "csrfmiddlewaretoken": self.session.cookies["csrf"]}
        response = self.session.post(self.root + address, data=data, timeout=60)
        assert (response.status_code, len(response.history)) == (200, 1), response.text
        return response


@contextmanager
def upgraded(home: Path, blocker: Any, name: str) -> Iterator[Upgraded]:
    """Context manager: one of the databases after `migrate`, and a server on it."""
    facts = unpacked("facts")[name]
    settings = SETTINGS | {"SECRET_KEY": facts["secret_key"]}
    with blocker.unblock(), own_database(home) as database:
        restore_former_database(database, home, name)
        run_command(home, database.url, "manage.py", "migrate", "--verbosity", "0", **settings)
        with running_server(home, database.url, **settings) as server:
            yield Upgraded(home, database, facts, settings, server)


@pytest.fixture(scope="module")
def old(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[Upgraded]:
    with upgraded(tmp_path_factory.mktemp("upgraded"), django_db_blocker, "real") as found:
        yield found


@pytest.fixture(scope="module")
def demonstration(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[Upgraded]:
    with upgraded(tmp_path_factory.mktemp("demonstration"), django_db_blocker, "demonstration") as found:
        yield found


OWN_ADDRESS = "https://sthjt.shanxi.gov.cn/plan.html"


@pytest.fixture(scope="module")
def loaded(old: Upgraded) -> str:
    """What load_records printed, after a person gave a source an address that newer records have, too."""
    [found] = old.read("steward", "sources/?q=山西省生态环境厅等七部门")["results"]
    source = f"sources/{found['id']}/"
    match = old.send("steward", "GET", source).headers["ETag"]
    changed = old.send("steward", "PATCH", source, {"address": OWN_ADDRESS}, **{"If-Match": match})
    assert changed.status_code == 200, changed.text
    return old.load_records()


# -- the schema ------------------------------------------------------------------------------------------


def test_the_schema_is_that_of_a_new_database(old: Upgraded, tmp_path: Path) -> None:
    with migrated_database(tmp_path) as new:
        assert schema(old.database.connection) == schema(new.connection)
        assert triggers(old.database.connection) == triggers(new.connection)


OWN_NAME = re.compile(
    r"_[0-9a-f]{8}(_uniq|_like|_fk_\w+)?$|_(key|pkey|check\d*)$|^(fk_\d+|__unnamed_constraint_\d+__)$"
)
"""Names that Django, or the database, gives a key, an index or a check after the table and columns of its first day."""


def schema(held: Any) -> dict[str, Any]:
    """Columns and constraints of every table, whatever their order."""
    with held.cursor() as cursor:
        return {
            table: (
                sorted(map(str, held.introspection.get_table_description(cursor, table))),
                sorted(
                    str(("" if OWN_NAME.search(name) else name, sorted(details.items())))
                    for name, details in held.introspection.get_constraints(cursor, table).items()
                ),
            )
            for table in held.introspection.table_names(cursor)
        }


def triggers(held: Any) -> list[Any]:
    sql = {
        "sqlite": "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger' ORDER BY 1, 2",
        "postgresql": """
SELECT relname, tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid WHERE NOT tgisinternal ORDER BY 1, 2
""",
    }
    with held.cursor() as cursor:
        cursor.execute(sql[held.vendor])
        return list(cursor.fetchall())


# -- what the API answers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", sorted({address.partition("/")[0] for address in ANSWERS["real"]}))
def test_addresses_answer_as_before(old: Upgraded, resource: str) -> None:
    assert_answers(old, "real", [each for each in ANSWERS["real"] if each.partition("/")[0] == resource])


def test_the_demonstration_answers_as_before(demonstration: Upgraded) -> None:
    assert_answers(demonstration, "demonstration", ANSWERS["demonstration"])


def assert_answers(upgraded: Upgraded, name: str, addresses: Iterable[str]) -> None:
    before = {address: ANSWERS[name][address] for address in addresses}
    now = upgraded.answers(before)
    if os.environ.get("RECORD_ANSWERS"):
        ANSWERS[name].update(now)
        text = json.dumps(ANSWERS, ensure_ascii=False, indent=1) + "\n"
        (FOLDER / "answers.json.xz").write_bytes(lzma.compress(text.encode()))
    assert now == before


def test_files_of_editions_and_documents_are_the_same_bytes(old: Upgraded) -> None:
    browser, files = old.browser("national"), old.facts["files"]
    assert {address: hashlib.sha256(browser.get(address).content).hexdigest() for address in files} == files


def test_lights_are_computed(old: Upgraded) -> None:
    told = run_command(old.home, old.database.url, "manage.py", "check_lights", **old.settings)
    assert told == "All stored lights are as their records say.\n"


# -- the shipped records -----------------------------------------------------------------------------------


def test_the_shipped_records_of_today_come_and_no_edit_goes(old: Upgraded, loaded: str) -> None:
    in_words = "targets/13/"  # a milestone now
    kept = {address: answer for address, answer in old.facts["kept"].items() if address != in_words}
    assert old.answers(kept) == kept
    printed = dict(line.split(": ", 1) for line in loaded.splitlines())
    assert {kind: printed[kind] for kind in ("sources", "plans", "figures", "targets", "practices")} == {
        "sources": "26 created, 3 updated, 77 unchanged, 1 kept as edited",
        "plans": "0 created, 3 updated, 28 unchanged, 1 kept as edited",
        "figures": "34 created, 1 updated, 48 unchanged, 1 kept as edited",
        "targets": "2 created, 0 updated, 9 unchanged, 0 kept as edited",
        "practices": "3 created, 0 updated, 12 unchanged, 0 kept as edited",
    }
    assert loaded.count("Edited or deleted here, and left alone: ") == 3
    again = old.load_records()
    assert not re.search(r"[1-9]\d* (created|updated)", again), again


# -- records and their history -----------------------------------------------------------------------------


def test_each_history_entry_has_its_user_date_and_reason(old: Upgraded) -> None:
    browser = old.browser("chief")
    for page, before in old.facts["histories"].items():
        now = browser.get(f"{page}?export=history.csv").content.decode("utf-8-sig")
        assert entries(before)
        renamed = entries(before) - entries(now)
        assert {entry[2] for entry in renamed} <= {"Replan", "Stage entry", "Target"}, page
        assert {moment(entry) for entry in renamed} <= {moment(entry) for entry in entries(now)}, page


def moment(entry: Sequence[str]) -> Sequence[str]:
    """When, by whom and why something happened, to a record that may be one of another model now."""
    return entry[0], entry[1], entry[4]


def entries(text: str) -> set[Sequence[str]]:
    """The entries of a history's CSV file, each as the columns of ENTRY."""
    rows = list(csv.reader(io.StringIO(text)))
    start = next(number for number, row in enumerate(rows) if "When" in row)
    places = [rows[start].index(name) for name in ENTRY]
    found = [[row[place] for place in places] for row in rows[start + 1 :] if row]
    return {tuple(entry) for entry in found}


def test_the_change_feed_has_all_that_was_in_it(old: Upgraded) -> None:
    lines, cursor = [], "first"
    while cursor:
        page = old.read("steward", f"changes/?page_size=1000&cursor={cursor}")
        lines += page["results"]
        cursor = page["next_cursor"] if page["more"] else ""
    feed = old.facts["feed"]
    by_users = [{name: line[name] for name in feed[0]} for line in lines if line["by"]]
    renamed = {"replans": "amendments"}
    feed = [line | {"resource": renamed.get(line["resource"], line["resource"])} for line in feed]
    moved = [line for line in feed if line not in by_users]
    assert [line for line in by_users if line in feed] == [line for line in feed if line not in moved]
    assert {line["resource"] for line in moved} == {"targets", "stages"}  # milestones now, told of at the end
    told = {(line["at"], line["by"], line["reason"]) for line in by_users if line["resource"] in MOVED_TO}
    gone = {(line["at"], line["by"], line["reason"]) for line in moved} - told
    assert [by for _at, by, _reason in gone] == ["national"]  # a stage “withdrawn”, which is a day of its pilot now


MOVED_TO = ("milestones", "completions", "stages")


def test_the_change_feed_goes_on_from_an_old_cursor(old: Upgraded) -> None:
    start = f"changes/?cursor={old.facts['cursor']}&page_size=1000"
    assert [line for line in old.read("steward", start)["results"] if line["by"] and line["reason"] == "Later"] == []
    address = old.facts["own"]
    match = old.send("editor", "GET", address).headers["ETag"]
    changed = old.send("editor", "PATCH", address, {"change_reason": "Later", "note": "核对"}, **{"If-Match": match})
    assert changed.status_code == 200, changed.text
    line = old.read("steward", start)["results"][-1]
    assert (line["resource"], line["url"].endswith(address), line["by"], line["reason"]) == (
        "plans",
        True,
        "editor",
        "Later",
    )


# -- people and tokens -------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["editor", "colleague", "steward", "national", "second", "neighbour", "reader"])
def test_tokens_still_authenticate(old: Upgraded, token: str) -> None:
    assert old.send(token, "GET", "pilots/?page_size=1").status_code == 200


@pytest.mark.parametrize("token", ["revoked", "withdrawn", "demoted", "expired", "former"])
def test_tokens_that_had_ended_do_not(old: Upgraded, token: str) -> None:
    assert old.send(token, "GET", "pilots/?page_size=1").status_code == 401


def test_a_second_factor_is_asked_for_and_opens(old: Upgraded) -> None:
    browser = old.browser("keeper")
    assert "/sign-in/" in browser.get("/account/").url
    browser.get("/sign-in/")
    at = browser.post("/sign-in/", username="keeper", password=PASSWORD).url.removeprefix(old.root)
    assert at == "/sign-in/second-factor/"
    browser.post(at, code=totp_code(old.facts["totp"]))
    assert browser.get("/account/").url == f"{old.root}/account/"


def test_a_provincial_editor_edits_the_own_province_alone(old: Upgraded) -> None:
    for address, status in ((old.facts["own"], 200), (old.facts["other"], 403)):
        match = old.send("editor", "GET", address).headers["ETag"]
        answer = old.send("editor", "PATCH", address, {"title_en": "Plan"}, **{"If-Match": match})
        assert answer.status_code == status, answer.text
    account = old.browser("editor").get("/account/").text
    assert "provincial editor" in account.lower()
    assert "Zhejiang" in account


def test_a_repeated_request_gets_the_first_answer(old: Upgraded) -> None:
    once = old.facts["idempotent"]
    again = old.send("editor", "POST", "milestones/", once["body"], **{"Idempotency-Key": once["key"]})
    assert (again.status_code, again.json()["id"]) == (201, once["answer"]["id"])


def test_the_secret_address_of_a_calendar_opens_it(old: Upgraded) -> None:
    address = f"{old.root}/feeds/{old.facts['secrets']['feeds']}/milestones.ics"
    calendar = requests.get(address, timeout=60)
    assert calendar.status_code == 200, calendar.text
    assert "Lit Park: Use of waste heat" in calendar.text


# -- imports ---------------------------------------------------------------------------------------------------


def test_imports_are_listed_with_their_files(old: Upgraded) -> None:
    browser = old.browser("steward")
    text = browser.get("/admin/import/").text
    for name in ("list.xlsx", "mistake.xlsx", "later.xlsx"):
        assert name in text
    for number in old.facts["imports"].values():
        assert browser.get(f"/admin/import/{number}/workbook/").content[:2] == b"PK"


def test_an_import_that_was_only_checked_can_be_confirmed_after_another_check(old: Upgraded) -> None:
    browser, number = old.browser("steward"), old.facts["imports"]["checked"]
    browser.get(f"/admin/import/{number}/")
    data = {"reason": "Confirmed too early", "csrfmiddlewaretoken": browser.session.cookies["csrf"]}
    assert browser.session.post(f"{old.root}/admin/import/{number}/confirm/", data=data, timeout=60).status_code == 409
    checked = browser.post(f"/admin/import/{number}/again/").url.removeprefix(old.root)
    browser.post(f"{checked}confirm/", reason="Confirmed after the upgrade")
    assert old.read("steward", "pilots/later-park/")["name_zh"] == "以后园区"


def test_a_confirmed_import_is_not_undone_any_more(old: Upgraded) -> None:
    browser, number = old.browser("steward"), old.facts["imports"]["confirmed"]
    after = {address: value for address, value in old.facts["after_import"].items() if "later" not in address}
    data = {"reason": "Not for this year", "csrfmiddlewaretoken": browser.session.cookies["csrf"]}
    answer = browser.session.post(f"{old.root}/admin/import/{number}/undo/", data=data, timeout=60)
    assert answer.status_code == 409
    assert "It was made before an upgrade that changed what records are" in answer.text
    assert old.answers(after) == after
