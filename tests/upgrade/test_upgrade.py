"""Upgrade of a database that commit 774b02f made and users edited: migrate, load the records, and everything is there.

`make_fixture.py` made the databases and wrote down what the old code answered. Here they are asked again through HTTP
and commands, which outlast a renaming of modules and models.
"""

import csv
import io
import json
import lzma
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import connection

from tests.support.databases import Database, own_database
from tests.support.live_server import LiveServer, run_command, running_server

# The suite's database, beside which the upgraded one is made.
pytestmark = [pytest.mark.django_db, pytest.mark.process]
FOLDER = Path(__file__).parent
SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.upgrade.settings"}
PASSWORD = "a long enough one"
NEW_TABLES = {
    *("account_emailaddress", "account_emailconfirmation", "mfa_authenticator"),
    *("socialaccount_socialaccount", "socialaccount_socialapp", "socialaccount_socialtoken"),
    *("accounts_rolemapping", "accounts_signinrule"),
    "config_backuprun",
    "config_recordversion",
    *(f"dashboard_{name}" for name in ("mailsettings", "remindermail", "reminderstep", "subscription", "workingday")),
    "dashboard_edition",
    "dashboard_historicaledition",
    "dashboard_issuedsheet",
    "pilots_adoption",
    "pilots_adoption_sources",
    "pilots_attachment",
    "pilots_batch_industries_announced",
    "pilots_document",
    "pilots_effect",
    "pilots_effect_sources",
    "pilots_followup",
    "pilots_followup_sources",
    "pilots_followupnumber",
    "pilots_followupstep",
    "pilots_historicaladoption",
    "pilots_historicaladoption_sources",
    "pilots_historicalattachment",
    "pilots_historicalbatch_industries_announced",
    "pilots_historicaldocument",
    "pilots_historicaleffect",
    "pilots_historicaleffect_sources",
    "pilots_historicalfollowup",
    "pilots_historicalfollowup_sources",
    "pilots_historicalfollowupstep",
    "pilots_historicalpractice",
    "pilots_historicalpractice_industries",
    "pilots_historicalpractice_measures",
    "pilots_historicalpractice_origins",
    "pilots_historicalpractice_sources",
    "pilots_practice",
    "pilots_practice_industries",
    "pilots_practice_measures",
    "pilots_practice_origins",
    "pilots_practice_sources",
}
"""The tables that migrations after 774b02f add."""
JOB_TABLES = {"jobs_job", "jobs_schedule", "jobs_workerbeat"}  # SQLite has them in a file of their own
ENTRY = ("When", "Who", "Record", "What happened", "Why")  # columns of a history; names of records may be corrected
AUTH = """
import django, json; django.setup()
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.management import _get_all_permissions
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
wanted = sorted((m._meta.app_label, m._meta.model_name, codename)
    for m in apps.get_models() for codename, _name in _get_all_permissions(m._meta))
rows = Permission.objects.values_list("content_type__app_label", "content_type__model", "codename")
log = LogEntry.objects.select_related("user", "content_type").order_by("pk")
print(json.dumps({
    "wanted": wanted,
    "permissions": sorted(rows),
    "models": sorted((m._meta.app_label, m._meta.model_name) for m in apps.get_models()),
    "types": sorted(ContentType.objects.values_list("app_label", "model")),
    "group": sorted(Group.objects.get(name="Auditors").permissions.values_list("codename", flat=True)),
    "auditor": sorted(name.partition(".")[2] for name in User.objects.get(username="auditor").get_all_permissions()),
    "log": [[e.pk, e.user.username, e.object_repr, e.get_change_message()] for e in log],
    "links": [e.get_admin_url() for e in log],
}))
"""


@dataclass(frozen=True)
class Upgraded:
    """The old database after `migrate` and `load_records`, and a server on it."""

    home: Path
    database: Database
    facts: dict[str, Any]
    loaded: str  # what load_records printed
    server: LiveServer

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def send(self, token: str, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """The API's answer to the owner of one of the tokens."""
        headers |= {"Authorization": f"Bearer {self.facts['secrets'][token]}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body)
        return requests.request(method, f"{self.root}/api/v1/{path}", data=content, headers=headers, timeout=30)

    def read(self, token: str, path: str) -> Any:
        response = self.send(token, "GET", path)
        assert response.status_code == 200, response.text
        return response.json()

    def kept(self, addresses: dict[str, Any]) -> dict[str, Any]:
        """The records at these addresses now, reduced to the fields that were written down."""
        found: dict[str, Any] = {}
        for address, before in addresses.items():
            response = self.send("steward", "GET", address)
            body = response.json()
            found[address] = {name: body[name] for name in before or {}} if response.status_code == 200 else None
        return found

    def browser(self, username: str) -> "Browser":
        browser = Browser(self.root)
        browser.get("/sign-in/")
        browser.post("/sign-in/", username=username, password=PASSWORD)
        return browser


class Browser:
    """A session of pages, in English."""

    def __init__(self, root: str) -> None:
        self.root, self.session = root, requests.Session()
        self.session.headers["Accept-Language"] = "en"

    def get(self, address: str) -> requests.Response:
        response = self.session.get(self.root + address, timeout=30)
        assert response.status_code == 200, (address, response.status_code)
        return response

    def post(self, address: str, **data: str) -> requests.Response:
        """Submit a form and follow its redirect."""
        data["csrfmiddlewaretoken"] = self.session.cookies["csrf"]
        response = self.session.post(self.root + address, data=data, timeout=30)
        assert (response.status_code, len(response.history)) == (200, 1), response.text
        return response


@pytest.fixture(scope="module")
def old(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[Upgraded]:
    home: Path = tmp_path_factory.mktemp("upgraded")
    facts = json.loads((FOLDER / f"{connection.vendor}.json").read_text())
    with django_db_blocker.unblock(), own_database(f"upgraded_{os.getpid()}", home) as database:
        restore(database)
        run_command(home, database.url, "manage.py", "migrate", "--verbosity", "0", **SETTINGS)
        loaded = run_command(home, database.url, "manage.py", "load_records", **SETTINGS)
        with running_server(home, database.url, THROTTLES="0", **SETTINGS) as server:
            yield Upgraded(home, database, facts, loaded, server)


def restore(database: Database) -> None:
    if connection.vendor == "sqlite":
        Path(database.connection.settings_dict["NAME"]).write_bytes(
            lzma.decompress((FOLDER / "sqlite.db.xz").read_bytes())
        )
        return
    database.connection.ensure_connection()
    with database.connection.connection.cursor() as cursor:  # psycopg2's own: the dump has percent signs
        cursor.execute(lzma.decompress((FOLDER / "postgresql.sql.xz").read_bytes()).decode())
    database.connection.close()  # the dump has changed the settings of its session


# -- the schema ------------------------------------------------------------------------------------------


def test_the_schema_is_that_of_a_new_database(old: Upgraded, tmp_path: Path) -> None:
    with own_database("tracker_new", tmp_path) as new:
        run_command(old.home, new.url, "manage.py", "migrate", "--verbosity", "0", **SETTINGS)
        assert schema(old.database.connection) == schema(new.connection)
        assert triggers(old.database.connection) == triggers(new.connection)


def test_tables_keep_their_names(old: Upgraded) -> None:
    new = NEW_TABLES | (JOB_TABLES if connection.vendor == "postgresql" else set())
    assert set(old.database.connection.introspection.table_names()) == set(old.facts["tables"]) | new


def test_no_migration_is_left_to_apply(old: Upgraded) -> None:
    run_command(old.home, old.database.url, "manage.py", "migrate", "--check", **SETTINGS)


def schema(held: Any) -> dict[str, Any]:
    """Columns and constraints of every table."""
    with held.cursor() as cursor:
        return {
            table: (
                held.introspection.get_table_description(cursor, table),
                held.introspection.get_constraints(cursor, table),
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


# -- records and their history -----------------------------------------------------------------------------


def test_every_edit_is_there_and_what_was_deleted_is_not(old: Upgraded) -> None:
    assert old.kept(old.facts["records"]) == old.facts["records"]


def test_the_shipped_records_of_today_are_there(old: Upgraded) -> None:
    assert " kept as edited" in old.loaded
    again = run_command(old.home, old.database.url, "manage.py", "load_records", **SETTINGS)
    assert not any(part in again for part in (" 1 created", " 1 updated")), again


def test_the_published_practices_come_with_the_load_after_the_upgrade(old: Upgraded) -> None:
    assert "practices: 11 created" in old.loaded
    assert "effects: 11 created" in old.loaded


def test_each_history_entry_has_its_user_date_and_reason(old: Upgraded) -> None:
    browser = old.browser("chief")
    for page, before in old.facts["histories"].items():
        now = browser.get(f"{page}?export=history.csv").content.decode("utf-8-sig")
        assert entries(before)
        assert entries(before) <= entries(now), page


def entries(text: str) -> set[Sequence[str]]:
    """The entries of a history's CSV file, each as the columns of ENTRY."""
    rows = list(csv.reader(io.StringIO(text)))
    start = next(number for number, row in enumerate(rows) if "When" in row)
    places = [rows[start].index(name) for name in ENTRY]
    return {tuple(row[place] for place in places) for row in rows[start + 1 :] if row}


def test_the_change_feed_has_all_that_was_in_it(old: Upgraded) -> None:
    lines, cursor = [], "first"
    while cursor:
        page = old.read("steward", f"changes/?page_size=1000&cursor={cursor}")
        lines += page["results"]
        cursor = page["next_cursor"] if page["more"] else ""
    feed = old.facts["feed"]
    by_users = [{name: line[name] for name in feed[0]} for line in lines[: old.facts["entries"]] if line["by"]]
    assert by_users == feed


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


def test_the_light_set_by_hand_is_shown_with_its_reason(old: Upgraded) -> None:
    assert "Agreed in the November meeting" in old.browser("chief").get("/pilots/huzhou/").text


# -- people and tokens -------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["editor", "steward", "reader"])
def test_tokens_still_authenticate(old: Upgraded, token: str) -> None:
    assert old.send(token, "GET", "pilots/?page_size=1").status_code == 200


@pytest.mark.parametrize("token", ["revoked", "withdrawn", "demoted", "expired"])
def test_tokens_that_had_ended_do_not(old: Upgraded, token: str) -> None:
    assert old.send(token, "GET", "pilots/?page_size=1").status_code == 401


def test_a_provincial_editor_edits_the_own_province_alone(old: Upgraded) -> None:
    for address, status in ((old.facts["own"], 200), (old.facts["other"], 403)):
        match = old.send("editor", "GET", address).headers["ETag"]
        answer = old.send("editor", "PATCH", address, {"title_en": "Plan"}, **{"If-Match": match})
        assert answer.status_code == status, answer.text
    account = old.browser("editor").get("/account/").text
    assert "provincial editor" in account.lower()
    assert "Zhejiang" in account


def test_a_viewer_writes_nothing(old: Upgraded) -> None:
    assert old.send("reader", "POST", "agencies/", {"slug": "x", "name_zh": "某"}).status_code == 403


def test_a_repeated_request_gets_the_first_answer(old: Upgraded) -> None:
    once = old.facts["idempotent"]
    again = old.send("editor", "POST", "milestones/", once["body"], **{"Idempotency-Key": once["key"]})
    assert (again.status_code, again.json()["id"]) == (201, once["answer"]["id"])


def test_content_types_and_permissions_are_those_of_the_models(old: Upgraded) -> None:
    found = auth(old)
    assert found["types"] == found["models"]
    assert found["permissions"] == found["wanted"]


def test_groups_and_users_keep_their_permissions(old: Upgraded) -> None:
    found = auth(old)
    assert found["group"] == old.facts["group"]
    assert found["auditor"] == sorted([*old.facts["group"], "view_importfile"])


def test_the_entries_of_the_admin_log_lead_to_their_records(old: Upgraded) -> None:
    found, browser = auth(old), old.browser("chief")
    assert found["log"][: len(old.facts["log"])] == old.facts["log"]
    assert all(found["links"])
    for link in set(found["links"]):
        assert not browser.get(link).history, link  # the admin redirects from a record that it does not find


def test_addresses_in_the_admin_lead_to_the_models_that_moved(old: Upgraded) -> None:
    browser = old.browser("chief")
    for before, now in (
        ("/admin/config/token/?q=Lost", "/admin/accounts/token/?q=Lost"),
        ("/admin/config/token/1/change/", "/admin/accounts/token/1/change/"),
        ("/admin/policies/shipment/", "/admin/config/seedrecord/"),
    ):
        assert browser.get(before).url == old.root + now


def auth(old: Upgraded) -> Any:
    return json.loads(run_command(old.home, old.database.url, "-c", AUTH, **SETTINGS))


# -- imports: the last test undoes one -----------------------------------------------------------------------


def test_imports_are_listed_with_their_files(old: Upgraded) -> None:
    browser = old.browser("steward")
    text = browser.get("/admin/import/").text
    for name in ("list.xlsx", "mistake.xlsx", "later.xlsx"):
        assert name in text
    for number in old.facts["imports"].values():
        assert browser.get(f"/admin/import/{number}/workbook/").content[:2] == b"PK"


def test_an_import_that_was_only_checked_can_be_confirmed_after_another_check(old: Upgraded) -> None:
    browser, number = old.browser("steward"), old.facts["imports"]["checked"]
    checked = browser.post(f"/admin/import/{number}/again/").url.removeprefix(old.root)
    browser.post(f"{checked}confirm/", reason="Confirmed after the upgrade")
    assert old.read("steward", "pilots/later-park/")["name_zh"] == "以后园区"


def test_a_confirmed_import_is_undone_exactly(old: Upgraded) -> None:
    browser, number = old.browser("steward"), old.facts["imports"]["confirmed"]
    after = {address: value for address, value in old.facts["after_import"].items() if "later" not in address}
    assert old.kept(after) == after
    browser.post(f"/admin/import/{number}/undo/", reason="Not for this year")
    before = old.facts["before_import"]
    assert old.kept(before) == before
    newest = old.read("steward", f"changes/?cursor={old.facts['cursor']}&resource=pilots")["results"][-2:]
    assert {(line["action"], line["key"], line["by"]) for line in newest} == {
        ("changed", "own-city", "steward"),
        ("deleted", "upgrade-park", "steward"),
    }
