"""Make the databases of the upgrade test, with the code of release 1.0.0 alone (commit a889b15).

    git worktree add ../v100 a889b15 && cd ../v100 && .ci/install requirements.txt requirements-dev.txt
    DATABASE_URL=sqlite:////tmp/real.sqlite3 .venv/bin/python THIS_FILE real OUTPUT_FOLDER
    DATABASE_URL=postgres://postgres@127.0.0.1:5432/real .venv/bin/python THIS_FILE real OUTPUT_FOLDER  # an empty one

and the same with `demonstration`: real records and the demonstration never share a database. Each run writes the
database as SQL text; what the test has to know; what the old code answered; and the store of files, of which that of
the demonstration is left out. Both databases give the same of all but the first: a second run compares.

Everything is entered as users enter it: by commands, through the admin, on pages and through the API, each thing on the
day that its line names: the clock is set (`on`), so that histories have the days of two years. Only what the clock does
not reach is set by SQL: the day on which the histories of shipped records begin, the days of attachments, the ends of
tokens and of the idempotency record, so that the fixture does not expire, and the transaction numbers of the change
feed, which another server has not reached. Secrets are those of a fixed sequence. Answers are asked for fixed days
(`as_of`, `known`), so that they stay the same as days pass.
"""

import base64
import hashlib
import hmac
import json
import logging
import lzma
import os
import random
import re
import secrets
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from io import BytesIO, StringIO
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path.cwd()))  # the checkout of a889b15
VAR = Path(tempfile.mkdtemp(prefix="tracker-old-"))
SECRET_KEY = "the key with which the second factor of the fixture is kept, and nothing else"
os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "1", "RATE_LIMITS_ENABLED": "0"}
os.environ |= {"CACHE_RESPONSES": "0", "MFA_GRACE_DAYS": "3650", "VAR_DIR": str(VAR), "SECRET_KEY": SECRET_KEY}
warnings.simplefilter("ignore")

import django  # noqa: E402

django.setup()

from django.apps import apps  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import Model  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402
from django.utils import timezone  # noqa: E402
from openpyxl import Workbook  # noqa: E402

from core.api.pagination import encode_cursor  # noqa: E402

FAR = "2099-12-31"
PASSWORD = "a long enough one"
POLICY = "synergy-implementation-plan-2022"
FIRST_DAY, LAST_DAY = "2025-02-03", "2026-11-23"

# -- what is asked for -----------------------------------------------------------------------------------

AS_OF = ["2025-08-31", "2025-12-15", "2026-03-31", "2026-06-30", LAST_DAY]
"""Days between the changes of planned days, asked for as the records are known now."""
KNOWN = ["2025-02-28", "2025-08-31", "2025-11-30", "2026-02-28", LAST_DAY]
"""Days asked for as the records were known at their end: before the first change, while one was moved away …"""
OF_A_DAY = [
    *("pilots/?province=zhejiang&withdrawn=include", "progress/?province=zhejiang", "milestones/?province=zhejiang"),
    *("stages/?province=zhejiang", "targets/?province=zhejiang", "readings/?province=zhejiang"),
    *("replans/?page_size=100", "actions/?page_size=100", "practices/?page_size=100", "adoptions/?page_size=100"),
    *("effects/?page_size=100", "overview/?lang=en"),
]
"""Addresses asked for each of these days."""
OF_NOW = [
    *(f"plans/?policy={POLICY}&page_size=100", "agencies/?page_size=100", "batches/?page_size=100"),
    *("figures/?page_size=100", "policies/?page_size=100", "documents/?page_size=100", "attachments/?page_size=100"),
    *("indicators/?page_size=100", "editions/?page_size=100", "targets/?page_size=100", "stages/?page_size=200"),
    *("synergy/?as_of=2026-06-30&year=2025", "coverage/?as_of=2026-06-30"),
    *(f"rollout/?policy={POLICY}&as_of=2024-01-30", "followup/?as_of=2026-06-30", "diffusion/?as_of=2026-06-30"),
    "trend/?indicator=AIR_SO2&as_of=2026-06-30",
]
OF_DEMONSTRATION = [
    *("overview/?lang=en", "progress/?page_size=200", "pilots/?page_size=200&withdrawn=include", "followup/"),
    *(f"{name}/?page_size=200&page={n}" for name in ("milestones", "stages", "targets", "readings") for n in (1, 2)),
    *("replans/?page_size=100", "actions/?page_size=100", "practices/?page_size=100", "adoptions/?page_size=100"),
    *("effects/?page_size=100", "editions/?page_size=100", "batches/?page_size=100", "synergy/?year=2025"),
    *("coverage/", "rollout/?policy=example-synergy-plan", "diffusion/", "trend/?indicator=AIR_SO2"),
]
# Of each resource the fields of its rows that are compared: what identifies a record and what matters of it.
FIELDS = {
    "agencies": ["slug", "name_zh", "name_en"],
    "policies": ["slug", "title_zh", "doc_number", "issued_on"],
    "plans": ["id", "province", "status", "title_zh", "title_en", "issued_on", "known_issued_by", "note_en", "note_zh"],
    "figures": ["slug", "value", "unit", "province", "confidence"],
    "indicators": ["code", "name_zh", "name_en", "unit", "kind", "direction", "rollup", "note_en", "note_zh"],
    "batches": ["slug", "title_zh", "announced_on", "known_by", "term_start", "term_end", "policy", "kinds"],
    "pilots": [
        *("slug", "name_zh", "name_en", "kind", "batch", "parent", "term_start", "term_end", "withdrawn_on", "stage"),
        *("light", "note_en", "note_zh"),
    ],
    "stages": ["id", "pilot", "stage", "planned_on", "entered_on", "evidence", "reason_en", "reason_zh"],
    "milestones": [
        *("id", "pilot", "title_zh", "title_en", "owner", "planned_on", "completed_on", "is_key"),
        *("evidence", "done", "light", "delay_days"),
    ],
    "targets": [
        *("id", "pilot", "indicator", "kind", "base_year", "base_value", "target_year", "target_value", "steps"),
        *("target_text_en", "target_text_zh", "done_on", "binding"),
    ],
    "readings": [
        *("id", "pilot", "indicator", "period", "value", "version", "value_status", "state", "reported_on"),
        *("accepted_on", "note_zh"),
    ],
    "replans": [
        *("id", "pilot", "milestone", "stage_entry", "day", "reason_en", "reason_zh", "state", "asked_on", "asked_by"),
        *("decided_on", "decided_by", "remark"),
    ],
    "documents": ["id", "title", "doc_number", "file_name", "media_type", "file_size", "sha256", "is_public"],
    "attachments": [
        *("id", "document", "source", "reading", "milestone", "stage_entry", "follow_up_step", "practice", "effect"),
        *("adoption", "page_number", "quote", "attached_on", "removed_on"),
    ],
    "actions": [
        *("number", "kind", "title_zh", "title_en", "task_zh", "meeting", "subject", "cause", "cause_indicator"),
        *("cause_milestone", "cause_colour", "is_key", "opened_on", "due_on", "due", "owner_agency", "owner_user"),
        *("verifier", "state", "extended", "returned", "signed_on", "reported_on", "closed_on", "closed_in_time"),
    ],
    "practices": [
        *("slug", "title_zh", "title_en", "state", "origins", "problem_en", "action_zh", "cost_amount", "passed_on"),
        *("library_on", "recommended_on", "retired_on"),
    ],
    "adoptions": [
        *("id", "practice", "pilot", "province", "place", "state", "planned_on", "in_use_on", "given_up_on"),
        *("changed_zh", "confirmed_on", "claimed_by", "confirmed_by"),
    ],
    "effects": [
        *("id", "practice", "adoption", "is_measured", "change", "statement_zh", "stated_value", "stated_unit"),
        *("stated_period", "known_on"),
    ],
    "editions": ["quarter", "day", "approved_on", "release_note_en", "release_note_zh"],
    "steps": ["seq", "taken_on", "move", "state", "remark", "new_due_on", "author", "documents"],
    "changes": ["action", "resource", "key", "id", "at", "reason", "by"],
    # Aggregates: a row of theirs below “pilots”, or fields of the answer itself.
    "progress": ["pilot", "stage", "days_in_stage", "light", "milestones"],
    "synergy": ["year", "n", "of", "pilots", "classes"],
    "coverage": ["pilots", "naming", "covered", "batches"],
    "rollout": ["issued", "roster", "share", "dated", "known_by", "median_lag_days"],
    "followup": ["total", "by_state", "open", "overdue", "closed", "closed_in_time", "returned", "extended"],
    "diffusion": ["total", "by_state"],
    "trend": ["unit", "years", "same"],
    "overview": ["rollout", "national", "cities", "parks", "days_left", "lights", "on_track"],
}
LEFT_OUT = {"url", "page", "revision", "known", "name", "label", "text", "owner", "rule"}
"""Fields of parts of a row that depend on the host, the day or the wording."""


class Browser:
    """A user who signed in with a password."""

    def __init__(self, username: str) -> None:
        self.client = Client(headers={"accept-language": "en"})
        expect(self.client.post("/sign-in/", {"username": username, "password": PASSWORD}), 302)

    def get(self, address: str) -> Any:
        return expect(self.client.get(address), 200)

    def send(self, address: str, **data: Any) -> Any:
        return expect(self.client.post(address, data), 302)

    def fill(self, address: str, **changes: Any) -> Any:
        """Submit a form of the admin as it is shown, with these changes."""
        return self.send(address, **filled(self.get(address), changes))


def expect(response: Any, status: int) -> Any:
    if response.status_code != status:
        form = (response.context or {}).get("adminform")
        shown = f"{form.errors} {form.form.errors}" if form else response.content.decode()[:3_000]
        raise AssertionError((response.request["PATH_INFO"], response.status_code, shown))
    return response


def filled(page: Any, changes: dict[str, Any]) -> dict[str, Any]:
    forms = [page.context["adminform"].form]
    for inline in page.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    shown: dict[str, Any] = {}
    for bound in (bound for form in forms for bound in form):
        value = bound.value()
        if isinstance(value, datetime):  # two inputs
            shown |= {f"{bound.html_name}_0": f"{value:%Y-%m-%d}", f"{bound.html_name}_1": f"{value:%H:%M:%S}"}
        else:
            shown[bound.html_name] = sent(value)
    return {name: value for name, value in (shown | changes).items() if value is not None and value is not False}


def sent(value: Any) -> Any:
    if isinstance(value, list):
        return [sent(item) for item in value]
    if isinstance(value, Model):
        return value.pk
    if isinstance(value, dict):
        return json.dumps(value)
    return value.isoformat() if isinstance(value, date) else value


class Program:
    """An API client with a token."""

    def __init__(self, secret: str) -> None:
        self.client, self.secret = Client(headers={"accept-language": "en"}), secret

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        headers["authorization"] = f"Bearer {self.secret}"
        content = "" if body is None else json.dumps(body)
        return self.client.generic(method, f"/api/v1/{path}", content, content_type="application/json", headers=headers)

    def read(self, path: str) -> Any:
        return expect(self.send("GET", path), 200).json()

    def create(self, path: str, **body: Any) -> Any:
        return expect(self.send("POST", path, body), 201).json()

    def upload(self, name: str, content: bytes, **fields: str) -> int:
        """Send a file as a document; return its id."""
        form = encode_multipart(BOUNDARY, {"file": SimpleUploadedFile(name, content), **fields})
        headers = {"authorization": f"Bearer {self.secret}"}
        sent = self.client.generic("POST", "/api/v1/documents/", form, content_type=MULTIPART_CONTENT, headers=headers)
        return int(expect(sent, 201).json()["id"])

    def change(self, path: str, **body: Any) -> Any:
        match = expect(self.send("GET", path), 200)["ETag"]
        return expect(self.send("PATCH", path, body, **{"if-match": match}), 200).json()

    def act(self, path: str, action: str, status: int = 200, **body: Any) -> Any:
        """Take an action on the record at the path: a step, a move, a confirmation."""
        match = expect(self.send("GET", path), 200)["ETag"]
        return expect(self.send("POST", path + action, body, **{"if-match": match}), status).json()

    def delete(self, path: str, reason: str = "") -> None:
        match = expect(self.send("GET", path), 200)["ETag"]
        why = {"x-change-reason": reason} if reason else {}
        expect(self.send("DELETE", path, **why, **{"if-match": match}), 204)


def fill_page(browser: Browser, address: str, status: int = 302, **changes: Any) -> Any:
    """Submit a form of the day as it is shown, with these changes."""
    form = browser.get(address).context["form"]
    shown = {bound.html_name: sent(bound.value()) for bound in form if bound.name not in {"file", "accept"}}
    return expect(browser.client.post(address, {k: v for k, v in (shown | changes).items() if v is not None}), status)


def model(label: str) -> Any:
    return apps.get_model(label)


def pk_of(label: str, **which: Any) -> int:
    return int(model(label)._default_manager.get(**which).pk)


def execute(sql: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


@contextmanager
def on(day: str, hour: int = 9) -> Iterator[None]:
    """Context manager: it is this day, and a millisecond later at each look at the clock."""
    start = timezone.make_aware(datetime.combine(date.fromisoformat(day), datetime.min.time())) + timedelta(hours=hour)
    ticks = count()
    with patch("django.utils.timezone.now", lambda: start + timedelta(milliseconds=next(ticks))):
        yield


@contextmanager
def dated_workbooks() -> Iterator[None]:
    """Context manager: workbooks bear the day too, in their properties and their zip, and so are the same bytes."""
    day = timezone.now()
    clock = SimpleNamespace(datetime=SimpleNamespace(now=lambda tz=None: day), timezone=SimpleNamespace(utc=None))
    times = SimpleNamespace(time=time.time, localtime=lambda *_at: day.timetuple())
    with (
        patch("openpyxl.packaging.core.datetime", clock),
        patch("openpyxl.writer.excel.datetime", clock),
        patch("zipfile.time", times),
    ):
        yield


# -- people ----------------------------------------------------------------------------------------------

ROLES: dict[str, dict[str, str]] = {
    "steward": {"role": "admin"},
    "national": {"role": "national_editor"},
    "second": {"role": "national_editor"},
    "keeper": {"role": "national_editor"},
    "editor": {"role": "provincial_editor", "province": "zhejiang"},
    "colleague": {"role": "provincial_editor", "province": "zhejiang"},
    "neighbour": {"role": "provincial_editor", "province": "jiangsu"},
    "reader": {"role": "viewer"},
    "demoted": {"role": "admin"},
    "former": {"role": "provincial_editor", "province": "zhejiang"},
    "auditor": {},
}


def add_people(facts: dict[str, Any]) -> dict[str, str]:
    """An administrator by command; the others through the admin. Returns the tokens' secrets."""
    os.environ["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
    call_command("createsuperuser", interactive=False, username="chief", email="chief@example.cn", verbosity=0)
    chief = Browser("chief")
    for name, role in ROLES.items():
        chief.fill("/admin/auth/user/add/", username=name, password1=PASSWORD, password2=PASSWORD)
        give: dict[str, Any] = {f"officer-0-{field}": value for field, value in role.items()}
        if "province" in role:
            give["officer-0-province"] = pk_of("policies.Province", slug=role["province"])
        if give:
            give |= {"officer-TOTAL_FORMS": 1, "officer-0-user": pk_of("auth.User", username=name)}
        chief.fill(person(name), email=f"{name}@example.cn", **give)
    codenames = ["view_import", "undo_import", "view_token", "view_officer", "view_pilot"]
    rights = [pk_of("auth.Permission", codename=name) for name in codenames]
    chief.fill("/admin/auth/group/add/", name="Auditors", permissions=rights)
    groups, own = [pk_of("auth.Group", name="Auditors")], [pk_of("auth.Permission", codename="view_importfile")]
    chief.fill(person("auditor"), is_staff="on", groups=groups, user_permissions=own)

    writers = ("editor", "colleague", "steward", "national", "second", "neighbour", "former")
    secrets = {name: by_page(name, f"Monthly report of {name}") for name in writers}
    secrets["reader"] = by_command("reader")
    secrets["feeds"] = by_page("editor", "Calendar", kind="feeds")
    secrets["revoked"] = by_page("steward", "Lost laptop")
    Browser("steward").send(f"/tokens/{pk_of('accounts.Token', name='Lost laptop')}/revoke/")
    secrets["withdrawn"] = by_command("steward", "--name", "Left behind")
    left = {"action": "revoke_selected", "_selected_action": pk_of("accounts.Token", name="Left behind")}
    chief.send("/admin/accounts/token/", **left)
    secrets["demoted"] = by_command("demoted", "--write")
    chief.fill(person("demoted"), **{"officer-0-role": "viewer"})
    secrets["expired"] = by_command("steward", "--name", "Expired")
    # Tokens last a year at most, and two years of work follow.
    execute("UPDATE accounts_token SET expires_at = %s WHERE name <> 'Expired'", f"{FAR} 00:00:00+00:00")
    facts["totp"] = set_up_app(Browser("keeper"))
    return secrets


def person(name: str) -> str:
    return f"/admin/auth/user/{pk_of('auth.User', username=name)}/change/"


def by_page(username: str, name: str, **more: str) -> str:
    page = Browser(username).client.post("/tokens/", {"name": name, "days": 365, **(more or {"may_write": "on"})})
    return str(expect(page, 200).context["secret"])


def by_command(*words: str) -> str:
    out = StringIO()
    call_command("create_token", *words, "--days", "365", stdout=out, stderr=StringIO())
    return out.getvalue().strip()


def set_up_app(browser: Browser) -> str:
    """Set up an authenticator app as the second factor; return its secret."""
    address = "/account/second-factor/app/"
    found = re.search(r'<code translate="no">([A-Z2-7]{32})</code>', browser.get(address).content.decode())
    assert found
    digest = hmac.new(base64.b32decode(found[1]), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    start = digest[-1] & 15
    code = (int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF) % 1_000_000
    browser.send(address, code=f"{code:06}")
    return found[1]


# -- two years of work -----------------------------------------------------------------------------------


class Work:
    """What people enter. `facts` is what the test has to know of it; `keys` the ids of the records by their names."""

    def __init__(self, secrets: dict[str, str], facts: dict[str, Any]) -> None:
        names = ("steward", "national", "second", "editor", "colleague", "neighbour")
        self.steward, self.national, self.second, self.editor, self.colleague, self.neighbour = (
            Program(secrets[name]) for name in names
        )
        self.facts, self.keys = facts, facts.setdefault("keys", {})

    def milestone(self, name: str, pilot: str, zh: str, en: str, planned: str, **more: Any) -> None:
        facet = more.pop("facet", "project")
        titles = {"title_zh": zh, "title_en": en, "facet": facet, "planned_on": planned}
        enters = self.national if more.get("is_key") else self.editor  # what is key is the ministry's
        self.keys[name] = enters.create("milestones/", pilot=pilot, **titles, **more)["id"]

    def stage(self, name: str, pilot: str, stage: str, **more: Any) -> None:
        self.keys[name] = self.national.create("stages/", pilot=pilot, stage=stage, **more)["id"]

    def target(self, name: str, pilot: str, indicator: str, **more: Any) -> None:
        self.keys[name] = self.steward.create("targets/", pilot=pilot, indicator=indicator, **more)["id"]

    def ask(self, name: str, planned: str, reason: str, who: Program | None = None) -> None:
        """Ask for another day of a key milestone or planned stage, or change that of another milestone."""
        kind = "stages" if name.startswith("stage") else "milestones"
        (who or self.editor).change(f"{kind}/{self.keys[name]}/", planned_on=planned, change_reason=reason)

    def decide(self, name: str, *, accepted: bool, **more: Any) -> None:
        """Decide as the ministry on the request that waits for the milestone or stage."""
        kind = "stage_entry" if name.startswith("stage") else "milestone"
        rows = self.national.read("replans/?page_size=200")["results"]
        [waiting] = [
            row for row in rows if row[kind] and row[kind]["id"] == self.keys[name] and row["state"] == "waiting"
        ]
        self.national.change(f"replans/{waiting['id']}/", accepted=accepted, **more)

    # -- the plan ------------------------------------------------------------------------------------------

    def correct_records(self) -> None:
        """2025-02-10: corrections of shipped records."""
        steward, editor = self.steward, self.editor
        plans = f"plans/?policy={POLICY}&province="
        plan, home, edited = (steward.read(f"{plans}{slug}")["results"][0]["id"] for slug in PLANS)
        note = "The printed notice bears this day"
        steward.change(f"plans/{plan}/", note=note, change_reason="Checked in the archive")
        editor.change(f"plans/{home}/", note="已与印发稿核对", change_reason="核对印发稿")
        # Of a plan that later records give another title: what a person edited stays.
        titles = {"title_en": "Plan of Shandong, as its portal names it"}
        steward.change(f"plans/{edited}/", **titles, change_reason="From the portal")
        reason = {"change_reason": "As its own site writes it"}
        mee = pk_of("policies.Agency", slug="mee")
        Browser("chief").fill(f"/admin/policies/agency/{mee}/change/", name_en="Ministry of Ecology", **reason)
        figure = model("policies.Figure")._default_manager.order_by("slug").values_list("slug", flat=True).first()
        steward.delete(f"figures/{figure}/", "Not of this programme")  # one that ships: it must not come back
        for key, pilot, indicator, what in (
            ("shipped target", "huzhou", "STR_HITECH", {"binding": True}),
            ("shipped text target", "xian", "OUT_PROJ", {"note_zh": "已与市局核对"}),
        ):
            [row] = steward.read(f"targets/?pilot={pilot}&indicator={indicator}")["results"]
            self.keys[key] = row["id"]
            steward.change(f"targets/{self.keys[key]}/", **what, change_reason="Checked with the city")
        steward.change("indicators/ENV_PM25/", note_en="Without dust days", change_reason="As the standard says")
        self.facts |= {"own": f"plans/{home}/", "other": f"plans/{plan}/", "edited": f"plans/{edited}/"}
        self.facts["deleted"] = f"figures/{figure}/"

    def enter_pilots(self) -> None:
        """2025-02-10: the office's own batch without a policy, pilots, an agency and an indicator."""
        create = self.steward.create
        create(
            "agencies/", slug="huzhou-eeb", name_zh="湖州市生态环境局", name_en="Huzhou Ecology and Environment Bureau"
        )
        heat = {"name_zh": "余热回收量", "name_en": "Heat recovered", "unit": "GJ", "kind": "output"}
        kind = {"direction": "higher", "accumulation": "flow", "rollup": "sum"}
        create("indicators/", code="OWN_HEAT", **heat, **kind, change_reason="Asked for by the evaluation")
        batch = {"title_zh": "浙江省2025年自选试点", "title_en": "Zhejiang Pilots of 2025", "level": "provincial"}
        term = {"announced_on": "2025-01-20", "term_start": "2025-01-01", "term_end": "2027-12-31"}
        create(
            "batches/", slug="zhejiang-2025", province="zhejiang", **batch, **term, city_count=1, park_count=5
        )  # no policy
        lists = {"zhejiang-all": {"batch": "zhejiang-all"}, "zhejiang-2025": {"batch": "zhejiang-2025"}}
        home = {"province": "zhejiang", "prefecture_code": "330400", "prefecture_zh": "嘉兴市"}
        city = {"name_zh": "自录市", "name_en": "Own City", "kind": "city"} | home
        reason = {"change_reason": "Not in the list yet"}
        # Without a term, as its batch has none; and the same city once more, in the batch that has one.
        create("pilots/", slug="own-city", **city, **lists["zhejiang-all"], note_zh="原来的说明", **reason)
        create("pilots/", slug="own-city-2025", **city, **lists["zhejiang-2025"], note_en="The same city, listed again")
        park = {"kind": "park"} | home
        names = {
            "lit-park": ("亮灯园区", "Lit Park", {"parent": "own-city"}),
            "term-park": (
                "自定期限园区",
                "Park with its own term",
                {"term_start": "2024-07-01", "term_end": "2026-06-30"},
            ),
            "left-park": ("退出园区", "Park that left", {}),
            "gone-park": ("阶段退出园区", "Park that left by its stage", {}),
        }
        for slug, (zh, en, more) in names.items():
            create("pilots/", slug=slug, name_zh=zh, name_en=en, **park, **lists["zhejiang-2025"], **more)

    def enter_milestones(self) -> None:
        """2025-02-11: what the pilots promise."""
        key = {"is_key": True, "owner": "湖州市生态环境局"}
        add = self.milestone
        add("done", "huzhou", "建立协同管理工作机制", "Set up the joint working mechanism", "2025-06-30", **key)
        add("once", "huzhou", "二号窑炉关停", "Close furnace 2", "2025-07-31", **key, evidence="湖州市减污降碳实施方案")
        add("twice", "huzhou", "园区集中供热", "Central heat for the park", "2025-08-31", **key, weight=2)
        add("back", "huzhou", "印染企业改造", "Rebuild the dye works", "2025-10-31", **key)
        add("late", "huzhou", "建成监测平台", "Monitoring platform in use", "2025-09-30", **key)
        add("refused", "huzhou", "建成充电网络", "Charging network built", "2025-11-30", **key)
        add("waiting", "huzhou", "完成码头岸电改造", "Shore power at the wharf", "2026-12-15", **key)
        add("ordinary", "huzhou", "公众开放日", "Day of open doors", "2026-03-31", facet="management")
        add("gone", "huzhou", "误录", "Entered by mistake", "2026-11-01", facet="goal")
        add("typed", "huzhou", "首批绿色工厂", "First green factories", "2025-12-31", **key)
        self.national.change(f"milestones/{self.keys['typed']}/", planned_on="2026-12-31")  # mistyped, on the same day
        add("grown", "own-city", "碳排放核算", "Account for carbon", "2025-07-31", facet="technology")
        add("alone", "own-city", "关停小锅炉", "Close small boilers", "2025-06-30", is_key=True)
        add("sheet", "own-city", "光伏屋顶", "Solar roofs", "2025-09-30", is_key=True)
        add("dropped", "own-city", "取消的项目", "A project that is given up", "2025-05-31", is_key=True)
        add("never", "own-city-2025", "未完成的项目", "A project nobody finished", "2025-04-30", is_key=True)
        add(
            "early",
            "own-city-2025",
            "提前完成的项目",
            "Done before it was promised",
            "2025-12-31",
            completed_on="2025-01-15",
        )
        add("soon", "lit-park", "余热利用", "Use of waste heat", "2026-12-31", is_key=True)
        add("renamed", "term-park", "锅炉改造", "Rebuild the boilers", "2025-12-31", is_key=True)
        self.national.delete(f"milestones/{self.keys['gone']}/")

    def enter_stages(self) -> None:
        """2025-02-11: stages entered, and planned: one will be entered, one passed over, others moved."""
        add = self.stage
        for pilot, day in (("own-city", "2024-05-06"), ("own-city-2025", "2025-01-20"), ("term-park", "2025-01-20")):
            reason = {"reason_en": "The days before the list were not published"}
            add(f"listed {pilot}", pilot, "listed", entered_on=day, evidence="名单", **reason)
        evidence = {"evidence": "自录市实施方案"}
        begun = {"reason_en": "It began before its plan was issued"}
        add("begun", "own-city-2025", "implementing", entered_on="2025-02-10", evidence="开工报告", **begun)
        add("stage_draft", "own-city", "plan_draft", planned_on="2025-03-15", **evidence)  # passed over
        add("stage_plan", "own-city", "plan_issued", planned_on="2025-03-31", **evidence)
        add("stage", "own-city", "implementing", planned_on="2025-06-30", **evidence)
        add("stage_huzhou", "huzhou", "implementing", planned_on="2025-12-31")
        add("stage_term", "term-park", "implementing", planned_on="2025-05-31")
        add("stage_midterm", "own-city-2025", "midterm", planned_on="2026-06-30")

    def enter_targets(self) -> None:
        """2025-02-12: targets with steps, without a base, without a value in words; and the values of 2023."""
        add, promise = self.target, {"base_year": 2020, "target_year": 2026, "binding": True}
        steps = [{"year": 2024, "value": 90}, {"year": 2025, "value": 84.5}]
        add("so2", "huzhou", "AIR_SO2", **promise, base_value=100, target_value=80, steps=steps)
        carbon = [{"year": 2024, "value": 1150.25}]
        add("carbon", "huzhou", "CO2_TOT", **promise, base_value=1200.5, target_value=1080, steps=carbon)
        add(
            "nox", "own-city", "AIR_NOX", **promise, base_value=60, target_value=45, steps=[{"year": 2025, "value": 50}]
        )
        add("capped", "own-city", "ENE_COAL", **promise, base_value=40, target_value=42)  # it may rise a little
        add("limit", "huzhou", "ENV_PM25", kind="limit", target_year=2025, target_value=28, binding=True)
        add("keep", "huzhou", "ENV_AQD", kind="keep", base_year=2023, base_value=88, target_year=2026)
        add("no base", "own-city-2025", "AIR_VOC", target_year=2025, target_value=120, binding=True)
        add("no base, ahead", "own-city-2025", "ENE_NFF", target_year=2027, target_value=30)
        add("own base", "own-city-2025", "AIR_SO2", base_year=2024, base_value=30, target_year=2027, target_value=24)
        add(
            "heat",
            "lit-park",
            "OWN_HEAT",
            base_year=2023,
            base_value=0,
            target_year=2026,
            target_value=500,
            binding=True,
        )
        words = {"kind": "text", "target_text_zh": "建成两个零碳园区", "target_text_en": "Two zero-carbon parks"}
        add("words", "own-city", "OUT_PROJ", target_year=2026, **words)
        done = {
            "kind": "text",
            "target_text_zh": "出台三项政策",
            "target_text_en": "Three policies issued",
            "binding": True,
        }
        add("words done", "own-city-2025", "OUT_POL", target_year=2025, **done)
        add("mistaken", "lit-park", "AIR_PM", base_year=2020, base_value=9, target_year=2026, target_value=6)
        for pilot, indicator, value in (("huzhou", "AIR_SO2", 92.25), ("huzhou", "CO2_TOT", 1160)):
            self.report(pilot, indicator, "2023", value, "2024-04-01")

    # -- values --------------------------------------------------------------------------------------------

    def hand_in(self, pilot: str, indicator: str, period: str, value: float, day: str, **more: Any) -> int:
        """Enter a reading as the province; return its id."""
        row = {"pilot": pilot, "indicator": indicator, "period": period, "value": value, "reported_on": day}
        reading = int(self.editor.create("readings/", **row, **more)["id"])
        self.keys[f"{indicator} {period}" if pilot in {"huzhou", "own-city"} else f"{pilot} {indicator} {period}"] = (
            reading
        )
        return reading

    def accept(self, reading: int, day: str, reason: str = "Checked with the inventory") -> None:
        accepted = {"state": "accepted", "accepted_on": day}
        self.national.change(f"readings/{reading}/", **accepted, change_reason=reason)

    def report(self, pilot: str, indicator: str, period: str, value: float, day: str, **more: Any) -> int:
        """Enter a reading as the province, and accept it as the ministry; return its id."""
        reading = self.hand_in(pilot, indicator, period, value, day, **more)
        self.accept(reading, day)
        return reading

    def judge(self, who: str, reading: int, verdict: str, reason: str = "") -> None:
        """Accept or dispute a reading on the page."""
        address = f"/readings/judge/?reading={reading}"
        Browser(who).send(address, readings=[reading], verdict=verdict, change_reason=reason)

    def report_2024(self) -> None:
        """2025-04-02: values of 2024: accepted, corrected, left waiting, disputed before they were accepted."""
        day, keys = "2025-04-02", self.keys
        for pilot, indicator, value in (
            ("huzhou", "AIR_SO2", 89.6),
            ("huzhou", "CO2_TOT", 1149),
            ("own-city", "AIR_NOX", 51),
        ):
            self.report(pilot, indicator, "2024", value, day)
        again = {"version": 2, "note_zh": "企业补报后更正"}
        keys["corrected"] = self.report("huzhou", "AIR_SO2", "2024", 89.25, day, **again)
        # Of the same city in two batches: the same value, accepted later of the second.
        keys["equal"] = self.report("huzhou", "AIR_NOX", "2024", 41.5, day)
        keys["equal too"] = self.hand_in("huzhou-zhejiang", "AIR_NOX", "2024", 41.5, day, note_zh="与国家试点相同")
        keys["only of one"] = self.report("huzhou-zhejiang", "AIR_VOC", "2024", 12.75, day)
        keys["own once"] = self.report("own-city-2025", "AIR_SO2", "2024", 30, day)
        keys["never accepted"] = self.hand_in("own-city", "ENE_COAL", "2024", 41, day)
        self.judge("national", keys["never accepted"], "disputed", "The sum of the counties is 39.8")
        for indicator, value in (("ENV_PM25", 27.5), ("ENV_AQD", 89.1)):
            self.report("huzhou", indicator, "2024", value, day, value_status="final")
        for quarter, value in (("2024-Q4", 22.5), ("2025-Q1", 23)):
            self.report("huzhou", "AIR_SO2", quarter, value, day)
        self.hand_in("lit-park", "OWN_HEAT", "2024", 120, day, value_status="flash")

    def dispute(self) -> None:
        """Between May and September 2025: one is disputed after its acceptance, one twice, one accepted again."""
        keys, year = self.keys, "2024"
        with on("2025-05-12"):
            self.accept(keys["equal too"], "2025-05-12", "As of the national pilot")
            for name, value in (("ENE_ELEC", 30.5), ("ENE_GREENP", 18), ("RES_SW", 95)):
                keys[f"disputed {name}"] = self.report("own-city", name, year, value, "2025-05-12")
        with on("2025-06-20"):
            for name in ("ENE_ELEC", "ENE_GREENP", "RES_SW"):
                self.judge("second", keys[f"disputed {name}"], "disputed", f"Not that of the yearbook: {name}")
        with on("2025-07-15"):
            for name in ("ENE_GREENP", "RES_SW"):
                self.judge("national", keys[f"disputed {name}"], "accepted", "The yearbook was corrected")
        with on("2025-09-02"):
            reason = "The correction was of another table"
            self.national.change(f"readings/{keys['disputed ENE_GREENP']}/", state="disputed", change_reason=reason)

    def report_2025(self) -> None:
        """2026-04-02: values of 2025, by API and on the page; one comes a month late, one waits, one never comes."""
        day = "2026-04-02"
        for pilot, indicator, value in (
            ("huzhou", "AIR_SO2", 84),
            ("huzhou", "CO2_TOT", 1110.5),
            ("own-city", "AIR_NOX", 49.5),
        ):
            self.report(pilot, indicator, "2025", value, day)
        self.report("own-city-2025", "AIR_VOC", "2025", 118.25, day)
        self.report("huzhou", "ENV_PM25", "2025", 28.6, day)
        self.hand_in("huzhou", "ENV_AQD", "2025", 87, day)  # it waits
        page = Browser("colleague").get("/pilots/own-city-2025/readings/?period=2025")
        rows = {row.indicator.code: row for row in page.context["form"].rows}
        typed = {bound.html_name: sent(bound.value()) for row in rows.values() for bound in row}
        typed |= {f"{rows['AIR_SO2'].prefix}-value": "28.5"}
        more = {"reported_on": day, "value_status": "preliminary", "change_reason": "Yearly report"}
        proof = SimpleUploadedFile("yearbook.pdf", pdf("SO2 28.5 t"))
        sent_form = {name: value for name, value in (typed | more).items() if value is not None} | {"file": proof}
        Browser("colleague").send("/pilots/own-city-2025/readings/?period=2025", **sent_form)
        date_attachments()
        self.keys["own-city-2025 AIR_SO2 2025"] = pk_of(
            "pilots.Reading", pilot__slug="own-city-2025", indicator__code="AIR_SO2", period="2025"
        )

    # -- follow-ups ------------------------------------------------------------------------------------------

    def open_follow_up(self) -> None:
        """2025-08-20: the ministry follows up a milestone that is late; the province signs for it the day after."""
        task = {"task_zh": "说明二号窑炉关停的安排", "task_en": "Say when furnace 2 closes"}
        titles = {"title_zh": "湖州：二号窑炉关停", "title_en": "Huzhou: close furnace 2"}
        cause = {"cause": "milestone", "cause_milestone": self.keys["once"]}
        who = {"owner_agency": "huzhou-eeb", "owner_user": "editor", "verifier": "second", "owner_person": "王工"}
        more = {"kind": "meeting", "meeting": "8月调度会", "due_on": "2025-09-20", "is_key": True, **who}
        number = self.national.create("actions/", pilot="huzhou", **titles, **task, **cause, **more)["number"]
        self.keys["action"] = number

    def open_others(self) -> None:
        """2025-08-25: others, on the page: of an indicator, of a pilot's light, of a meeting, of a province."""
        browser, keys = Browser("national"), self.keys
        agency = pk_of("policies.Agency", slug="huzhou-eeb")
        add = "/actions/new/?pilot="
        for name, query in (
            ("action of an indicator", "own-city&indicator=AIR_NOX"),
            ("action of a light", "own-city&cause=pilot"),
            ("action of a milestone", f"own-city-2025&milestone={keys['never']}"),
        ):
            keys[name] = fill_page(browser, add + query, owner_agency=agency)["Location"].split("/")[2]
        meeting = {"meeting": "8月推进会", "kind": "meeting", "opened_on": "2025-08-25", "due_on": "2025-10-31"}
        rows = {"form-TOTAL_FORMS": 2, "form-INITIAL_FORMS": 0}
        for at, (subject, title) in enumerate(
            (("province:zhejiang", "Send the list"), (f"policy:{POLICY}", "Explain it"))
        ):
            row = {"subject": subject, "title": title, "owner_agency": agency}
            rows |= {f"form-{at}-{field}": value for field, value in row.items()}
        browser.send("/actions/meeting/", **meeting, **rows)

    def step(self, program: Program, move: str, name: str = "action", **more: Any) -> None:
        program.act(f"actions/{self.keys[name]}/", "steps/", 201, move=move, **more)
        date_attachments()

    # -- evidence ------------------------------------------------------------------------------------------

    def attach(self, program: Program, document: str, **to: Any) -> int:
        made = int(program.create("attachments/", document=self.keys[document], **({"page_number": 1} | to))["id"])
        date_attachments()
        return made

    def bring_evidence(self) -> None:
        """2025-06-16: a milestone is done, with the document that shows it; files on sources and stages."""
        keys, done = self.keys, {"completed_on": "2025-06-12", "evidence": "湖环发〔2025〕12号"}
        self.editor.change(f"milestones/{keys['done']}/", **done, change_reason="机制已建立")
        acceptance = pdf("Joint working mechanism", "set up on 12 June 2025")
        named = {"title": "关于建立协同管理工作机制的通知", "doc_number": "湖环发〔2025〕12号", "is_public": "true"}
        keys["notice"] = self.editor.upload("notice.pdf", acceptance, **named)
        keys["table"] = self.editor.upload("values.csv", "指标,数值\nSO2,88.4\n".encode(), title="2024年数据表")
        keys["secret"] = self.national.upload("internal.pdf", pdf("Of the ministry alone"), title="内部材料")
        keys["unused"] = self.editor.upload("unused.pdf", pdf("Attached to nothing"), title="未使用")
        self.national.delete(f"documents/{keys['unused']}/", "Uploaded by mistake")
        quote = {"page_number": 2, "quote": "set up on 12 June 2025"}
        keys["evidence"] = self.attach(self.editor, "notice", milestone=keys["done"], **quote)
        keys["wrong file"] = self.attach(self.editor, "table", milestone=keys["once"], page_number=None)
        for reading in ("corrected", "equal", "equal too"):
            self.attach(self.editor, "table", reading=keys[reading], page_number=None)
        self.attach(self.national, "notice", stage_entry=keys["stage_plan"])
        source = self.national.read("sources/?page_size=1")["results"][0]["id"]
        self.attach(self.national, "secret", source=source, purpose="copy")
        removed = {"removed_reason": "Attached to the wrong milestone"}
        self.editor.change(f"attachments/{keys['wrong file']}/", **removed, change_reason="Wrong milestone")

    def complete_on_the_page(self) -> None:
        """2025-12-30: a key milestone is completed on its page, with a file; entered a month later than it was."""
        proof = SimpleUploadedFile("boilers.pdf", pdf("Small boilers are closed"))
        page = {"completed_on": "2025-11-20", "change_reason": "验收后补录", "file": proof, "page_number": "1"}
        fill_page(Browser("editor"), f"/pilots/own-city/milestones/{self.keys['alone']}/done/", **page)
        date_attachments()

    # -- practices -----------------------------------------------------------------------------------------

    def propose_practice(self) -> None:
        """2025-11-03: a practice from its proposal into the library; one that is retired, one that is only proposed."""
        browser, keys = Browser("editor"), self.keys
        text = "窑炉余热先用于干化污泥，干化后的污泥再入炉焚烧，全厂不再外购蒸汽。"
        english = "Waste heat of the kilns dries the sludge before it is burned; no steam is bought any more."
        titles = {"title_zh": "窑炉余热干化污泥", "title_en": "Sludge dried by kiln heat"}
        texts = {f"{name}_en": english for name in ("problem", "action", "conditions")}
        cost = {"cost_amount": "1200", "cost_kind": "investment", "cost_year": "2025"}
        kind = {"field": "industry", "facet": "technology", "level": "park", "proposed_on": "2025-11-03"}
        origins = {"origins": [pk_of("pilots.Pilot", slug="huzhou")]}
        browser.send("/practices/new/", **origins, **titles, **texts, **cost, **kind)
        practice = keys["practice"] = "sludge-dried-by-kiln-heat"
        self.editor.change(f"practices/{practice}/", action_zh=text, problem_zh=text, change_reason="中文说明")
        measured = {"reading_before": keys["AIR_SO2 2023"], "reading_after": keys["corrected"], "basis": "total"}
        browser.send(f"/practices/{practice}/effects/new/", **measured)
        keys["measured"] = pk_of("pilots.Effect", practice__slug=practice)
        browser.send(f"/practices/{practice}/move/", move="pass")
        national = Browser("national")
        national.send(f"/practices/{practice}/move/", move="take_in")
        national.send(f"/practices/{practice}/move/", move="recommend")
        self.attach(self.editor, "notice", practice=practice, page_number=None)
        self.attach(self.editor, "table", effect=keys["measured"], page_number=None)
        for title in ("A practice that is retired", "A practice that is proposed"):
            browser.send("/practices/new/", **origins, title_en=title, **texts, **kind)
        retired = {"move": "retire", "reason": "It needs a subsidy that ended"}
        national.send("/practices/a-practice-that-is-retired/move/", **retired)

    def copy_practice(self) -> None:
        """2026-01-12: copies: confirmed, given up, planned, of a place, of a province that is no longer confirmed."""
        keys, practice = self.keys, self.keys["practice"]
        park = "yixing-economic-and-technological-development-zone"
        days = {"planned_on": "2025-11-20", "started_on": "2025-12-01", "in_use_on": "2026-01-10"}
        changed = {"changed_zh": "改用低温余热", "changed_en": "Low-temperature heat is used"}
        keys["copy"] = self.neighbour.create("adoptions/", practice=practice, pilot=park, **days, **changed)["id"]
        self.national.act(f"adoptions/{keys['copy']}/", "confirm/")
        given_up = {"given_up_on": "2026-01-11", "give_up_reason": "money", "give_up_text_zh": "资金未落实"}
        start = {"planned_on": "2025-12-05", "started_on": "2025-12-20"}
        place = {"province": "jiangsu", "place": "Taicang"}
        keys["given up"] = self.neighbour.create("adoptions/", practice=practice, **place, **start, **given_up)["id"]
        keys["own copy"] = self.editor.create(
            "adoptions/", practice=practice, pilot="own-city", planned_on="2026-01-12"
        )["id"]
        keys["of a province"] = self.neighbour.create("adoptions/", practice=practice, province="jiangsu", **days)["id"]
        page = f"/practices/{practice}/copies/{keys['of a province']}"
        Browser("editor").send(f"{page}/confirm/")  # as the province of the origin
        Browser("national").send(f"{page}/withdraw/", reason="Nobody has seen it")
        source = self.national.read("sources/?page_size=1")["results"][0]["id"]
        stated = {"statement_zh": "年减少二氧化硫30吨", "statement_en": "30 t less SO2 a year", "stated_value": 30}
        stated |= {"stated_unit": "t SO2/yr", "stated_period": "a year", "sources": [source], "adoption": keys["copy"]}
        keys["stated"] = self.neighbour.create("effects/", practice=practice, **stated)["id"]
        keys["photo of the copy"] = self.neighbour.upload("copy.pdf", pdf("The copy in Yixing"), title="宜兴现场照片")
        self.attach(self.neighbour, "photo of the copy", adoption=keys["copy"], page_number=None)
        before, after = (
            self.report("own-city", "RES_REW", year, value, "2026-01-12")
            for year, value in (("2023", 20), ("2024", 26))
        )
        two = {"reading_before": before, "reading_after": after, "adoption": keys["own copy"]}
        keys["measured of a copy"] = self.editor.create("effects/", practice=practice, **two)["id"]

    # -- editions, imports, the rest -------------------------------------------------------------------------

    def make_edition(self) -> None:
        """2026-01-20: the edition of a quarter, made by one, approved by another; the draft of the next is left."""
        maker, approver, address = Browser("national"), Browser("second"), "/editions/2025-Q4/"
        maker.send("/editions/new/", quarter="2025-Q4")
        notes = {"release_note_en": "First edition", "release_note_zh": "首个版本"}
        maker.send(address, step="notes", **notes)
        maker.send(address, step="submit")
        checklist = approver.get(address).context["checklist"]
        assert not checklist.errors, checklist.errors
        digest = checklist.digest
        approver.send(address, step="approve", acknowledged=digest)
        with dated_workbooks():
            call_command("worker", until_empty=True)
        assert model("dashboard.Edition")._default_manager.get().state == "approved"

    def enter_once(self) -> None:
        """2026-11-20: a request with an Idempotency-Key, which a client may repeat."""
        body = {"pilot": "huzhou", "facet": "goal", "title_zh": "只写一次", "planned_on": "2027-12-01"}
        once = expect(self.editor.send("POST", "milestones/", body, **{"idempotency-key": "monthly-11"}), 201)
        self.facts["idempotent"] = {"key": "monthly-11", "body": body, "answer": once.json()}
        execute("UPDATE core_idempotencyrecord SET created_at = %s", f"{FAR} 00:00:00+00:00")


PLANS = ("beijing", "zhejiang", "shandong")


def work_two_years(secrets: dict[str, str], facts: dict[str, Any]) -> None:
    """Everything that people do, in the order of the days."""
    work = Work(secrets, facts)
    keys, editor, national = work.keys, work.editor, work.national
    with on("2025-02-10"):
        work.correct_records()
        work.enter_pilots()
    with on("2025-02-11"):
        work.enter_milestones()
        work.enter_stages()
    with on("2025-02-12"):
        work.enter_targets()
        chief, light = Browser("chief"), {"colour": "yellow", "reason": "Agreed in the November meeting"}
        lit = pk_of("pilots.Pilot", slug="lit-park")
        chief.fill("/admin/pilots/lightoverride/add/", pilot=lit, **light, expires_on=FAR)
        short = {"colour": "green", "reason": "Checked on site", "expires_on": "2025-05-31"}
        fill_page(Browser("national"), "/pilots/term-park/light/", **short)
    with on("2025-02-13"):
        Browser("editor").send("/account/reminders/", rhythm="weekly", language="zh-hans")
    with on("2025-04-02"):
        work.report_2024()
        skipped = {"reason_en": "The drafts were not published", "reason_zh": "草案未公开"}
        entered = {"entered_on": "2025-04-01", "evidence": "自政发〔2025〕3号", **skipped}
        national.change(f"stages/{keys['stage_plan']}/", **entered, change_reason="方案已印发")
    work.dispute()
    with on("2025-06-02"):
        work.ask("grown", "2025-10-31", "Waiting for the method")
    with on("2025-06-03"):  # one entered on the page answers the planned one; then it has to rectify, and returns
        stage = {"stage": "implementing", "entered_on": "2025-06-03", "evidence": "开工报告", "reason_en": "Plan kept"}
        fill_page(Browser("national"), "/pilots/term-park/stages/enter/", **stage)
    with on("2025-06-16"):
        work.bring_evidence()
    with on("2025-07-01"):  # a milestone becomes key after it was moved; another is deleted, a target too
        national.change(f"milestones/{keys['grown']}/", is_key=True, change_reason="It decides the evaluation")
        national.delete(f"milestones/{keys['dropped']}/", "The project is given up")
        national.delete(f"targets/{keys['mistaken']}/", "It was another park's")
        renamed = {"title_zh": "锅炉和窑炉改造", "title_en": "Rebuild boilers and kilns"}
        national.change(f"milestones/{keys['renamed']}/", **renamed, change_reason="As the plan says")
    with on("2025-07-07"):
        work.ask("alone", "2025-12-31", "锅炉关停需要过渡期")
    with on("2025-07-09"):
        work.decide("alone", accepted=True, remark="")
    with on("2025-08-04"):
        work.ask("stage", "2026-03-31", "方案批复推迟", national)
        national.create("stages/", pilot="term-park", stage="rectifying", entered_on="2025-08-04", evidence="整改通知")
    with on("2025-08-20"):
        work.open_follow_up()
    with on("2025-08-21"):
        work.step(editor, "sign", remark="已收到")
    with on("2025-08-25"):
        work.open_others()
    with on("2025-09-15"):
        work.ask("once", "2025-12-31", "设备到货推迟")
        work.step(national, "extend", remark="Extended with the furnace", new_due_on="2025-12-31")
        work.step(national, "withdraw", "action of a light", remark="Opened twice")
    with on("2025-09-18"):
        work.decide("once", accepted=True, remark="", change_reason="The supplier’s letter is on file")
    with on("2025-09-30"):
        again = {"entered_on": "2025-09-30", "evidence": "整改验收", "change_reason": "整改完成"}
        national.create("stages/", pilot="term-park", stage="implementing", **again)
    with on("2025-10-10"):
        work.ask("twice", "2026-01-31", "管网招标延期")
        work.ask("refused", "2026-06-30", "场地未落实")
    with on("2025-10-13"):
        work.decide("twice", accepted=True, remark="")
        work.decide("refused", accepted=False, remark="The site was available in May")
        work.step(editor, "sign", "action of an indicator")
        work.step(editor, "report", "action of an indicator", remark="Two boilers were closed")
    with on("2025-10-20"):
        work.step(national, "verify", "action of an indicator", remark="The value of 2025 will show it")
    with on("2025-11-03"):
        work.propose_practice()
    with on("2025-11-10"):
        reopened = {"remark": "A third boiler was left out", "new_due_on": "2026-02-28"}
        work.step(national, "reopen", "action of an indicator", **reopened)
    with on("2025-11-20"):
        work.ask("back", "2026-02-28", "企业申请延期")
        work.decide("back", accepted=True, remark="")
        move_by_import(facts)
        import_readings(facts)
    with on("2025-12-08"):
        work.ask("back", "2025-10-31", "延期申请撤回", national)
    with on("2025-12-29"):
        keys["photo"] = editor.upload("furnace.pdf", pdf("Furnace 2 is closed"), title="二号窑炉关停现场照片")
        report = {"remark": "二号窑炉已关停，现场照片附后", "documents": [keys["photo"]]}
        work.step(editor, "report", **report)
    with on("2025-12-30"):
        work.complete_on_the_page()
        done = {"done_on": "2025-12-28", "change_reason": "第三项政策已出台"}
        editor.change(f"targets/{keys['words done']}/", **done)
    with on("2026-01-05"):
        work.step(work.second, "return", remark="Add the meter reading", new_due_on="2026-01-31")
    with on("2026-01-12"):
        work.copy_practice()
        work.step(editor, "report", remark="电表读数已补充", documents=[keys["photo"]])
    with on("2026-01-14"):
        work.step(work.second, "verify", remark="Checked on site")
        editor.change(f"milestones/{keys['once']}/", completed_on="2025-12-28", change_reason="现场核实")
    with on("2026-01-20"):
        work.make_edition()
    with on("2026-02-10"):
        work.ask("stage_huzhou", "2026-09-30", "等待中期评估", national)
    with on("2026-02-24"):  # after the edition, whose checklist asks for both
        left = {"withdrawn_on": "2026-02-24", "change_reason": "It asked to leave"}
        national.change("pilots/left-park/", **left)
        gone = {"stage": "withdrawn", "entered_on": "2026-02-20", "evidence": "退出函"}
        national.create("stages/", pilot="gone-park", **gone)
    with on("2026-03-02"):
        work.ask("twice", "2026-10-31", "供热管网分期建设")
        work.decide("twice", accepted=True, remark="", change_reason="Phased as the plan allows")
    with on("2026-04-02"):
        work.report_2025()
        steps = [{"year": 2024, "value": 90}, {"year": 2025, "value": 85.5}]
        national.change(f"targets/{keys['so2']}/", steps=steps, change_reason="Path agreed anew")
    with on("2026-04-10"):
        work.ask("ordinary", "2027-03-31", "改为明年举办")
        national.change(f"targets/{keys['nox']}/", target_value=46, change_reason="Lowered with the plan")
    with on("2026-05-08"):
        work.report("lit-park", "OWN_HEAT", "2025", 260, "2026-05-08", note_zh="二号线投运")  # a month late
        Browser("national").send("/editions/new/", quarter="2026-Q1")  # its draft is left
        order = {"stage": "rectifying", "entered_on": "2026-05-08", "evidence": "整改通知"}
        national.create("stages/", pilot="own-city-2025", **order)  # it still has to
    with on("2026-05-11"):  # entered seven months after the day that it names
        late = {"completed_on": "2025-10-05", "evidence": "验收报告"}
        editor.change(f"milestones/{keys['late']}/", **late, change_reason="补录验收日期")
    with on("2026-06-01"):
        chief = Browser("chief")
        chief.client.post(person("former"), {**filled(chief.get(person("former")), {}), "is_active": ""})
    with on("2026-10-12"):  # requests that still wait: by the page and by the API, of a milestone and a stage
        day = f"/pilots/huzhou/milestones/{keys['waiting']}/day/"
        fill_page(
            Browser("editor"), day, day="2027-03-31", reason_zh="码头改造招标推迟", reason_en="The tender is late"
        )
        again = f"/pilots/huzhou/milestones/{keys['typed']}/day/"  # and one that is taken back
        fill_page(Browser("colleague"), again, day="2027-06-30", reason_zh="评审延期", reason_en="")
        Browser("colleague").send(again, withdraw="1")
        stage = f"/pilots/own-city-2025/stages/{keys['stage_midterm']}/day/"
        fill_page(Browser("editor"), stage, day="2026-12-31", reason_zh="专家名单未定", reason_en="")
    with on("2026-11-05"):
        import_files(facts, editor)
    with on("2026-11-20"):
        work.enter_once()


def move_by_import(facts: dict[str, Any]) -> None:
    """2025-11-20: the province's list of milestones asks for another day of a key milestone; it is accepted."""
    heads = ["record number", "pilot", "title in Chinese", "facet", "planned on"]
    row = [facts["keys"]["sheet"], "own-city", "光伏屋顶", "project", "2026-06-30"]
    editor = Browser("editor")
    moved = uploaded(editor, "milestones", "plans.xlsx", [heads, row])
    editor.send(f"/admin/import/{moved}/confirm/", reason="屋顶产权未落实")
    facts["imports"] = {"moved": moved}
    answer = f"/pilots/own-city/milestones/{facts['keys']['sheet']}/answer/"
    fill_page(Browser("national"), answer, accepted="yes", remark="")


def import_readings(facts: dict[str, Any]) -> None:
    """2025-11-20: values of a quarter come by a workbook of the ministry, accepted at once."""
    heads = ["pilot", "indicator", "period", "value", "reported on", "state", "accepted on"]
    rows = [["huzhou", "AIR_SO2", "2025-Q3", "21.5", "2025-11-20", "accepted", "2025-11-20"]]
    rows += [["own-city", "AIR_NOX", "2025-Q3", "12.25", "2025-11-20", "reported", ""]]
    browser = Browser("national")
    facts["imports"]["readings"] = uploaded(browser, "readings", "quarter.xlsx", [heads, *rows])
    browser.send(f"/admin/import/{facts['imports']['readings']}/confirm/", reason="Third quarter")


def import_files(facts: dict[str, Any], editor: Program) -> None:
    """2026-11-05: three imports: one confirmed that created and changed pilots, one undone, one checked only."""
    browser = Browser("steward")
    heads = ["code", "name in Chinese", "kind", "batch", "province", "note in Chinese"]
    batch, place = "zhejiang-all", "zhejiang"
    new, old = "pilots/upgrade-park/", "pilots/own-city/"  # none that ships: load_records never changes them
    rows = [["upgrade-park", "升级园区", "park", batch, place, "名单所列"]]
    rows += [["own-city", "自录市", "city", batch, place, "名单再次列名"]]
    facts["before_import"] = answers(editor, [new, old])
    confirmed = uploaded(browser, "pilots", "list.xlsx", [heads, *rows])
    browser.send(f"/admin/import/{confirmed}/confirm/", reason="List of November")
    undone = uploaded(browser, "pilots", "mistake.xlsx", [heads, ["mistake", "误录园区", "park", batch, place, ""]])
    browser.send(f"/admin/import/{undone}/confirm/", reason="Wrong file")
    browser.send(f"/admin/import/{undone}/undo/", reason="It was last year’s list")
    checked = uploaded(browser, "pilots", "later.xlsx", [heads, ["later-park", "以后园区", "park", batch, place, ""]])
    facts["imports"] |= {"confirmed": confirmed, "undone": undone, "checked": checked}
    facts["after_import"] = answers(editor, [new, old, "pilots/mistake/", "pilots/later-park/"])


def date_attachments() -> None:
    """Let the newest attachments be of this day: `auto_now_add` of a day does not ask the clock that `on` sets."""
    day = timezone.localdate().isoformat()
    for table in ("pilots_attachment", "pilots_historicalattachment"):
        execute(f"UPDATE {table} SET attached_on = %s WHERE attached_on > %s", day, day)  # noqa: S608


def uploaded(browser: Browser, kind: str, name: str, rows: list[list[Any]]) -> int:
    book, out = Workbook(), BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(out)
    browser.send("/admin/import/", kind=kind, file=SimpleUploadedFile(name, out.getvalue()))
    return int(model("core.Import")._default_manager.latest("pk").pk)


def pdf(*pages: str) -> bytes:
    """Return a PDF with one page for each text (ASCII)."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for n, text in enumerate(pages):
        page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >>"
        objects.append(f"{page} /Contents {5 + 2 * n} 0 R >>".encode())
        stream = f"BT /F1 12 Tf 50 780 Td ({text}) Tj ET".encode()
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for place in places:
        out += b"%010d 00000 n \n" % place
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def edit_demonstration(secrets: dict[str, str], facts: dict[str, Any]) -> None:
    """2026-11-28, its today: people try it out: a completion, a request that waits, a correction."""
    national = Program(secrets["national"])
    rows = national.read("milestones/?is_key=true&done=false&page_size=5")["results"]
    national.change(f"milestones/{rows[0]['id']}/", completed_on="2026-11-27", change_reason="Tried out")
    editor = Program(secrets["neighbour"])
    [open_one] = editor.read("milestones/?is_key=true&done=false&province=jiangsu&page_size=1")["results"]
    editor.change(f"milestones/{open_one['id']}/", planned_on="2027-03-31", change_reason="Tried out")
    pilot = national.read("pilots/?page_size=1")["results"][0]["slug"]
    national.change(f"pilots/{pilot}/", note_en="Tried out", change_reason="Tried out")
    facts["keys"] = {"completed": rows[0]["id"], "asked": open_one["id"], "edited": pilot}


# -- what the old code answers ---------------------------------------------------------------------------


def answers(program: Program, addresses: Iterable[str]) -> dict[str, Any]:
    """The answers of the API at these addresses: status, and the fields that are compared."""
    found: dict[str, Any] = {}
    for address in addresses:
        answer = program.send("GET", address)
        assert answer.status_code in {200, 404}, (address, answer.content)
        body = answer.json() if answer.status_code == 200 else None
        found[address] = {"status": answer.status_code, "body": body and compared(address, body)}
    return found


def compared(address: str, body: Any) -> Any:
    resource = "steps" if "/steps/" in address else address.partition("/")[0]
    fields, rows = FIELDS[resource], "pilots" if resource == "progress" else "results"
    if rows in body:
        return {rows: [reduced({name: row[name] for name in fields}) for row in body[rows]]}
    return reduced({name: body[name] for name in fields})


def reduced(value: Any) -> Any:
    """Return a part of an answer without what depends on the host, the day or the wording."""
    if isinstance(value, list):
        return [reduced(item) for item in value]
    if isinstance(value, dict):
        return {name: reduced(item) for name, item in value.items() if name not in LEFT_OUT}
    return value


def asked_for(facts: dict[str, Any]) -> Iterator[str]:
    """Yield the addresses of the API that the test asks again."""
    for address in OF_A_DAY:
        yield from (f"{address}&as_of={day}" for day in AS_OF)
        yield from (f"{address}&as_of={day}&known={day}" for day in KNOWN)
    yield from OF_NOW
    for name, key in facts["keys"].items():
        if name.startswith("action"):
            yield f"actions/{key}/steps/?as_of={LAST_DAY}"


def collect(secrets: dict[str, str], facts: dict[str, Any]) -> None:
    """Everything that has to be answered again."""
    steward, chief = Program(secrets["steward"]), Browser("chief")
    execute('UPDATE core_changeevent SET "transaction" = 0')
    facts["kept"] = answers(steward, [facts[name] for name in ("own", "other", "edited", "deleted")])
    facts["kept"] |= answers(steward, ["agencies/mee/", "indicators/ENV_PM25/"])
    facts["kept"] |= answers(
        steward, [f"targets/{facts['keys'][name]}/" for name in ("shipped target", "shipped text target")]
    )
    edition = steward.read("editions/2025-Q4/")
    facts["files"] = {f"/editions/2025-Q4/files/{file['path']}": file["sha256"] for file in edition["files"]}
    documents = steward.read("documents/?page_size=100")["results"]
    facts["files"] |= {f"/documents/{file['id']}/file/": file["sha256"] for file in documents}
    feed, cursor = [], "first"
    while cursor:
        page = steward.read(f"changes/?page_size=1000&cursor={cursor}")
        feed += page["results"]
        cursor = page["next_cursor"] if page["more"] else ""
    last = model("core.ChangeEvent")._default_manager.latest("pk").pk
    facts["cursor"], facts["entries"] = encode_cursor("c", 0, last), len(feed)
    facts["feed"] = [{name: line[name] for name in FIELDS["changes"]} for line in feed if line["by"]]
    pages = [f"/pilots/{slug}/" for slug in ("huzhou", "own-city", "own-city-2025", "term-park", "lit-park")]
    pages += [f"/policies/{POLICY}/", "/provinces/zhejiang/"]
    pages += [f"/practices/{facts['keys']['practice']}/", f"/actions/{facts['keys']['action']}/"]
    facts["histories"] = {}
    for page in pages:
        file = b"".join(chief.get(f"{page}?export=history.csv").streaming_content)
        facts["histories"][page] = file.decode("utf-8-sig")


# -- the files -------------------------------------------------------------------------------------------


def write_files(folder: Path, name: str, *, media: bool) -> None:
    """Write the database as SQL, and the store of files, each compressed."""
    for label in (
        "sessions.Session",
        "usersessions.UserSession",
        "axes.AccessLog",
        "django_tasks_database.DBTaskResult",
    ):
        model(label)._default_manager.all().delete()
    held = connection.settings_dict
    if connection.vendor == "sqlite":
        connection.close()
        words = ["sqlite3", str(held["NAME"]), ".dump"]
    else:
        words = ["pg_dump", "--inserts", "--rows-per-insert=200", "--no-owner", "--no-privileges", "-U", held["USER"]]
        words += ["-h", held["HOST"], "-p", str(held["PORT"] or 5432), held["NAME"]]
    done = subprocess.run(words, capture_output=True, text=True, check=True)  # noqa: S603  # our own words
    # Left out: commands of psql itself, and a setting that older servers do not know.
    left_out = ("\\", "--", "SET transaction_timeout")
    lines = [line for line in done.stdout.splitlines() if line and not line.startswith(left_out)]
    pack(folder / f"{connection.vendor}-{name}.sql.xz", "\n".join(lines).encode())
    if media:
        out = BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            for path in sorted((VAR / "media").rglob("*")):
                info = archive.gettarinfo(path, str(path.relative_to(VAR)))
                info.mtime = 0
                archive.addfile(info, path.open("rb") if path.is_file() else None)
        media_path, former = folder / f"{name}.media.tar.xz", None
        if media_path.exists():
            former = lzma.decompress(media_path.read_bytes())
        if former not in {None, out.getvalue()}:
            raise AssertionError("The other database has other files.")
        pack(media_path, out.getvalue())


def keep(path: Path, name: str, value: Any) -> None:
    """Write a value under the name of the database, or compare it with that of the other database."""
    held = json.loads(lzma.decompress(path.read_bytes())) if path.exists() else {}
    value = json.loads(json.dumps(value))
    if held.setdefault(name, value) != value:
        (path.parent / f"differs-{path.name}").write_text(json.dumps(value, ensure_ascii=False, indent=1))
        raise AssertionError(f"The other database gave other {path.name}.")
    pack(path, (json.dumps(held, ensure_ascii=False, indent=1) + "\n").encode())


def pack(path: Path, content: bytes) -> None:
    path.write_bytes(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))


def main(name: str, folder: Path) -> None:
    logging.disable(logging.WARNING)
    setup_test_environment()
    settings.ALLOWED_HOSTS = ["*"]
    sequence = random.Random(33)  # noqa: S311  # secrets of a fixture
    secrets.token_bytes = lambda n=32: sequence.randbytes(n)
    secrets.token_urlsafe = lambda n=32: base64.urlsafe_b64encode(sequence.randbytes(n)).rstrip(b"=").decode()
    call_command("migrate", verbosity=0)
    facts: dict[str, Any] = {"secret_key": SECRET_KEY}
    if name == "real":
        call_command("load_records", stdout=StringIO())
        begin_histories()
        with on(FIRST_DAY):
            tokens = add_people(facts)
        work_two_years(tokens, facts)
        collect(tokens, facts)
        asked = asked_for(facts)
    else:
        call_command("load_demo", stdout=StringIO())
        with on("2026-11-28"):
            tokens = add_people(facts)
            edit_demonstration(tokens, facts)
        execute('UPDATE core_changeevent SET "transaction" = 0')
        asked = iter(OF_DEMONSTRATION)
    facts["secrets"] = tokens
    keep(folder / "facts.json.xz", name, facts)
    keep(folder / "answers.json.xz", name, answers(Program(tokens["steward"]), asked))
    write_files(folder, name, media=name == "real")


def begin_histories() -> None:
    """Let the histories of the shipped records begin on the first day: they cannot be loaded before their own days."""
    began = timezone.make_aware(datetime.combine(date.fromisoformat(FIRST_DAY), datetime.min.time()))
    for kind in apps.get_models():
        if hasattr(getattr(kind, "history", None), "model"):
            kind.history.update(history_date=began)
    model("core.ChangeEvent")._default_manager.update(at=began)


main(sys.argv[1], Path(sys.argv[2]))
