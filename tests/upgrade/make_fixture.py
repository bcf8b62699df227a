"""Make the databases of the upgrade test, with the code of commit e98af5d (27 November 2026).

    git worktree add ../old e98af5d
    cd ../old && .ci/install requirements.txt requirements-dev.txt
    DATABASE_URL=sqlite:////tmp/old.sqlite3 .venv/bin/python THIS_FILE OUTPUT_FOLDER
    DATABASE_URL=postgres://postgres@127.0.0.1:5432/old .venv/bin/python THIS_FILE OUTPUT_FOLDER   # an empty database

Each run writes three files named after the database: `sqlite.db.xz`, the file, or `postgresql.sql.xz`, a plain SQL
dump; `sqlite.media.tar.xz` or `postgresql.media.tar.xz`, the store of files; and `sqlite.json` or `postgresql.json`,
what the test has to know. `answers.json`, the same of both, is what the old code answered at the addresses of
`asked_for`: `test_upgrade.py` compares it with the answers of today's code.

Everything is entered as users enter it: by commands, through the admin, on pages and through the API, each thing on the
day that its line names: the clock is set (`on`), so that histories have the days of two years. Only what the clock does
not reach is set by SQL: the day on which the histories of shipped records begin, the days of attachments, and the ends
of tokens and of the idempotency record, so that the fixtures do not expire. Answers are asked for fixed days (`as_of`,
`known`), so that they stay the same as days pass.
"""

import json
import logging
import lzma
import os
import subprocess
import sys
import tarfile
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from io import BytesIO, StringIO
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path.cwd()))  # the checkout of e98af5d
VAR = Path(tempfile.mkdtemp(prefix="tracker-old-"))
os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "1", "RATE_LIMITS_ENABLED": "0"}
os.environ |= {"CACHE_RESPONSES": "0", "CACHE_URL": "locmemcache://", "MFA_GRACE_DAYS": "3650", "VAR_DIR": str(VAR)}
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

FAR = "2099-12-31"
PASSWORD = "a long enough one"
POLICY = "synergy-implementation-plan-2022"
FIRST_DAY = "2025-02-03"

# -- what is asked for -----------------------------------------------------------------------------------

AS_OF = ["2025-08-31", "2025-12-15", "2026-03-31", "2026-06-30", "2026-11-23"]
"""Days between the changes of planned days, asked for as the records are known now."""
KNOWN = ["2025-02-28", "2025-08-31", "2025-11-30", "2026-02-28", "2026-11-23"]
"""Days asked for as the records were known at their end: before the first change, while one was moved away …"""
OF_A_DAY = [
    *("pilots/?province=zhejiang", "progress/?province=zhejiang", "milestones/?province=zhejiang"),
    *("stages/?province=zhejiang", "targets/?province=zhejiang", "readings/?province=zhejiang"),
    *("actions/?page_size=100", "practices/?state=recommended", "adoptions/?page_size=100"),
    *("effects/?is_measured=true", "overview/?lang=en"),
]
"""Addresses asked for each of these days."""
OF_NOW = [
    *(f"plans/?policy={POLICY}&page_size=100", "agencies/?page_size=100", "batches/?page_size=100"),
    *("figures/?page_size=100", "policies/?page_size=100", "documents/?page_size=100", "attachments/?page_size=100"),
    *("editions/?page_size=100", "synergy/?as_of=2026-06-30&year=2025", "coverage/?as_of=2026-06-30"),
    *(f"rollout/?policy={POLICY}&as_of=2024-01-30", "followup/?as_of=2026-06-30", "diffusion/?as_of=2026-06-30"),
    "trend/?indicator=AIR_SO2&as_of=2026-06-30",
]
# Of each resource the fields of its rows that are compared: what identifies a record and what matters of it.
FIELDS = {
    "agencies": ["slug", "name_zh", "name_en"],
    "policies": ["slug", "title_zh", "doc_number", "issued_on"],
    "plans": ["id", "province", "status", "title_zh", "title_en", "issued_on", "known_issued_by", "note_en", "note_zh"],
    "figures": ["slug", "value", "unit", "province", "confidence"],
    "batches": ["slug", "title_zh", "announced_on", "kinds"],
    "pilots": ["slug", "name_zh", "name_en", "kind", "batch", "stage", "light", "note_en", "note_zh"],
    "stages": ["id", "pilot", "stage", "planned_on", "entered_on", "evidence"],
    "milestones": [
        *("id", "pilot", "title_zh", "title_en", "owner", "planned_on", "completed_on", "weight", "is_key"),
        *("evidence", "done", "light", "delay_days"),
    ],
    "targets": [
        *("id", "pilot", "indicator", "kind", "base_year", "base_value", "target_year", "target_value", "steps"),
        *("target_text_en", "target_text_zh", "binding"),
    ],
    "readings": ["id", "pilot", "indicator", "period", "value", "version", "state", "accepted_on", "note_zh"],
    "documents": ["id", "title", "doc_number", "file_name", "media_type", "file_size", "sha256", "is_public"],
    "attachments": ["id", "document", "page_number", "quote", "removed_on"],
    "actions": [
        *("number", "kind", "title_zh", "title_en", "task_zh", "subject", "cause", "cause_colour", "is_key"),
        *("opened_on", "due_on", "due", "owner_agency", "owner_user", "state", "extended", "returned", "signed_on"),
        *("reported_on", "closed_on", "closed_in_time"),
    ],
    "practices": [
        *("slug", "title_zh", "title_en", "state", "origins", "problem_en", "action_zh", "cost_amount", "passed_on"),
        *("library_on", "recommended_on"),
    ],
    "adoptions": [
        *("id", "practice", "pilot", "province", "place", "state", "trust", "planned_on", "in_use_on", "given_up_on"),
        *("give_up_reason", "changed_zh", "confirmed_on", "claimed_by", "confirmed_by"),
    ],
    "effects": ["id", "practice", "adoption", "basis", "is_measured", "change", "statement_zh", "stated_value"],
    "editions": ["quarter", "day", "approved_on", "release_note_en", "release_note_zh"],
    "steps": ["seq", "taken_on", "move", "state", "remark", "new_due_on", "author"],
    "changes": ["action", "resource", "key", "id", "at", "reason", "by"],
    # Aggregates: a row of theirs below “pilots”, or fields of the answer itself.
    "progress": ["pilot", "stage", "days_in_stage", "light", "milestones"],
    "synergy": ["year", "n", "of", "pilots", "classes"],
    "coverage": ["pilots", "naming", "covered", "batches"],
    "rollout": ["issued", "roster", "share", "dated", "known_by", "median_lag_days"],
    "followup": ["total", "by_state", "open", "overdue", "closed", "closed_in_time", "returned", "extended"],
    "diffusion": ["total", "by_state", "measured"],
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


def model(label: str) -> Any:
    return apps.get_model(label)


def pk_of(label: str, **which: Any) -> int:
    return int(model(label)._default_manager.get(**which).pk)


@contextmanager
def on(day: str, hour: int = 9) -> Iterator[None]:
    """Context manager: it is this day, and a millisecond later at each look at the clock."""
    start = timezone.make_aware(datetime.combine(date.fromisoformat(day), datetime.min.time())) + timedelta(hours=hour)
    ticks = count()
    with patch("django.utils.timezone.now", lambda: start + timedelta(milliseconds=next(ticks))):
        yield


# -- people ----------------------------------------------------------------------------------------------


def add_people() -> dict[str, str]:
    """An administrator by command; the others through the admin. Returns the tokens' secrets."""
    os.environ["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
    call_command("createsuperuser", interactive=False, username="chief", email="chief@example.cn", verbosity=0)
    chief = Browser("chief")
    zhejiang, jiangsu = (pk_of("policies.Province", slug=slug) for slug in ("zhejiang", "jiangsu"))
    roles: dict[str, dict[str, Any]] = {
        "steward": {"role": "admin"},
        "national": {"role": "national_editor"},
        "second": {"role": "national_editor"},
        "editor": {"role": "provincial_editor", "province": zhejiang},
        "neighbour": {"role": "provincial_editor", "province": jiangsu},
        "reader": {"role": "viewer"},
        "demoted": {"role": "admin"},
        "auditor": {},
    }
    for name, role in roles.items():
        chief.fill("/admin/auth/user/add/", username=name, password1=PASSWORD, password2=PASSWORD)
        pk = pk_of("auth.User", username=name)
        give = {f"officer-0-{field}": value for field, value in role.items()}
        if give:
            give |= {"officer-TOTAL_FORMS": 1, "officer-0-user": pk}
        chief.fill(f"/admin/auth/user/{pk}/change/", email=f"{name}@example.cn", **give)
    codenames = ["view_import", "undo_import", "view_token", "view_officer", "view_pilot"]
    rights = [pk_of("auth.Permission", codename=name) for name in codenames]
    chief.fill("/admin/auth/group/add/", name="Auditors", permissions=rights)
    auditor = pk_of("auth.User", username="auditor")
    groups, own = [pk_of("auth.Group", name="Auditors")], [pk_of("auth.Permission", codename="view_importfile")]
    chief.fill(f"/admin/auth/user/{auditor}/change/", is_staff="on", groups=groups, user_permissions=own)
    role = {"role": "provincial_editor", "province": zhejiang}
    chief.fill("/admin/accounts/rolemapping/add/", value="浙江省生态环境厅", **role)
    chief.fill("/admin/accounts/rolemapping/add/", value="tracker-ministry", role="national_editor")

    writers = ("editor", "steward", "national", "second", "neighbour")
    secrets = {name: by_page(name, f"Monthly report of {name}") for name in writers}
    secrets["reader"] = by_command("reader")
    secrets["feeds"] = by_page("editor", "Calendar", kind="feeds")
    secrets["revoked"] = by_page("steward", "Lost laptop")
    lost = pk_of("accounts.Token", name="Lost laptop")
    Browser("steward").send(f"/tokens/{lost}/revoke/")
    secrets["withdrawn"] = by_command("steward", "--name", "Left behind")
    left = pk_of("accounts.Token", name="Left behind")
    chief.send(f"/admin/accounts/token/{left}/revoke/")
    secrets["demoted"] = by_command("demoted", "--write")
    demoted = pk_of("auth.User", username="demoted")
    chief.fill(f"/admin/auth/user/{demoted}/change/", **{"officer-0-role": "viewer"})
    secrets["expired"] = by_command("steward", "--name", "Expired")
    with connection.cursor() as cursor:  # tokens last a year at most, and two years of work follow
        cursor.execute("UPDATE config_token SET expires_at = %s WHERE name <> 'Expired'", [f"{FAR} 00:00:00+00:00"])
    return secrets


def by_page(username: str, name: str, **more: str) -> str:
    page = Browser(username).client.post("/tokens/", {"name": name, "days": 365, **(more or {"may_write": "on"})})
    return str(expect(page, 200).context["secret"])


def by_command(*words: str) -> str:
    out = StringIO()
    call_command("create_token", *words, "--days", "365", stdout=out, stderr=StringIO())
    return out.getvalue().strip()


# -- two years of work -----------------------------------------------------------------------------------


class Work:
    """What people enter. `facts` is what the test has to know of it; `keys` the ids of the records by their names."""

    def __init__(self, secrets: dict[str, str], facts: dict[str, Any]) -> None:
        names = ("steward", "national", "editor", "neighbour")
        self.steward, self.national, self.editor, self.neighbour = (Program(secrets[name]) for name in names)
        self.facts, self.keys = facts, facts.setdefault("keys", {})

    def milestone(self, name: str, pilot: str, zh: str, en: str, planned: str, **more: Any) -> None:
        facet = more.pop("facet", "project")
        titles = {"title_zh": zh, "title_en": en, "facet": facet, "planned_on": planned}
        enters = self.national if more.get("is_key") else self.editor  # what is key is the ministry's
        self.keys[name] = enters.create("milestones/", pilot=pilot, **titles, **more)["id"]

    def move(self, name: str, planned: str, reason: str) -> None:
        """Move the planned day of a milestone, as an editor of the province; of a stage, as the ministry."""
        who, kind = (self.national, "stages") if name.startswith("stage") else (self.editor, "milestones")
        who.change(f"{kind}/{self.keys[name]}/", planned_on=planned, change_reason=reason)

    def correct_records(self) -> None:
        """2025-02-10: corrections of shipped records, and pilots of the office's own."""
        steward, editor = self.steward, self.editor
        plan = steward.read(f"plans/?policy={POLICY}&province=beijing")["results"][0]["id"]
        steward.change(
            f"plans/{plan}/", note="The printed notice bears this day", change_reason="Checked in the archive"
        )
        home = steward.read(f"plans/?policy={POLICY}&province=zhejiang")["results"][0]["id"]
        editor.change(f"plans/{home}/", note="已与印发稿核对", change_reason="核对印发稿")
        # Of a plan that later records give another source: what a person edited stays.
        edited = steward.read(f"plans/?policy={POLICY}&province=jiangxi")["results"][0]["id"]
        titles = {"title_en": "Plan of Jiangxi, as its portal names it"}
        steward.change(f"plans/{edited}/", **titles, change_reason="From the portal")
        mee = pk_of("policies.Agency", slug="mee")
        reason = {"change_reason": "As its own site writes it"}
        Browser("chief").fill(f"/admin/policies/agency/{mee}/change/", name_en="Ministry of Ecology", **reason)
        figure = model("policies.Figure")._default_manager.order_by("slug").values_list("slug", flat=True).first()
        steward.delete(f"figures/{figure}/")  # one that ships: it must not come back
        agency = {"name_zh": "湖州市生态环境局", "name_en": "Huzhou Ecology and Environment Bureau"}
        steward.create("agencies/", slug="huzhou-eeb", **agency)
        own = {"kind": "city", "batch": "zhejiang-all", "province": "zhejiang"}
        city = {"slug": "own-city", "name_zh": "自录市", "name_en": "Own City", "note_zh": "原来的说明"}
        steward.create("pilots/", **city, **own, change_reason="Not in the list yet")
        park = {"slug": "lit-park", "name_zh": "亮灯园区", "name_en": "Lit Park"}
        steward.create("pilots/", **park, **own | {"kind": "park"})
        self.facts["own"], self.facts["other"], self.facts["edited"] = (
            f"plans/{home}/",
            f"plans/{plan}/",
            f"plans/{edited}/",
        )
        self.facts["deleted"] = f"figures/{figure}/"

    def enter_milestones(self) -> None:
        """2025-02-11: what the pilots promise."""
        key = {"is_key": True, "owner": "湖州市生态环境局"}
        add = self.milestone
        add("done", "huzhou", "建立协同管理工作机制", "Set up the joint working mechanism", "2025-06-30", **key)
        add("once", "huzhou", "二号窑炉关停", "Close furnace 2", "2025-07-31", **key, evidence="湖州市减污降碳实施方案")
        add("twice", "huzhou", "园区集中供热", "Central heat for the park", "2025-08-31", **key, weight=2)
        add("back", "huzhou", "印染企业改造", "Rebuild the dye works", "2025-10-31", **key)
        add("late", "huzhou", "建成监测平台", "Monitoring platform in use", "2025-09-30", **key)
        add("ordinary", "huzhou", "公众开放日", "Day of open doors", "2026-03-31", facet="management")
        add("gone", "huzhou", "误录", "Entered by mistake", "2026-11-01", facet="goal")
        add("typed", "huzhou", "首批绿色工厂", "First green factories", "2025-12-31", **key)
        self.national.change(f"milestones/{self.keys['typed']}/", planned_on="2026-12-31")  # mistyped, on the same day
        add("grown", "own-city", "碳排放核算", "Account for carbon", "2025-07-31", facet="technology")
        add("alone", "own-city", "关停小锅炉", "Close small boilers", "2025-06-30", is_key=True)
        add("sheet", "own-city", "光伏屋顶", "Solar roofs", "2025-09-30", is_key=True)
        add("dropped", "own-city", "取消的项目", "A project that is given up", "2025-05-31", is_key=True)
        add("soon", "lit-park", "余热利用", "Use of waste heat", "2026-12-31", is_key=True)
        self.national.delete(f"milestones/{self.keys['gone']}/")
        stages = self.keys
        stage = {"pilot": "own-city", "evidence": "自录市实施方案"}
        self.steward.create("stages/", pilot="own-city", stage="listed", entered_on="2024-05-06", evidence="名单")
        planned = {"stage_plan": ("plan_issued", "2025-03-31"), "stage": ("implementing", "2025-06-30")}
        for name, (code, day) in planned.items():
            stages[name] = self.steward.create("stages/", **stage, stage=code, planned_on=day)["id"]
        stages["stage_huzhou"] = self.steward.create(
            "stages/", pilot="huzhou", stage="implementing", planned_on="2025-12-31"
        )["id"]

    def enter_targets(self) -> None:
        """2025-02-12: targets with steps, and the values of 2023."""
        promise = {"base_year": 2020, "target_year": 2026, "binding": True}
        add, keys = self.steward.create, self.keys
        steps = [{"year": 2024, "value": 90}, {"year": 2025, "value": 84.5}]
        so2 = {"base_value": 100, "target_value": 80, "steps": steps}
        keys["so2"] = add("targets/", pilot="huzhou", indicator="AIR_SO2", **promise, **so2)["id"]
        carbon = {"base_value": 1200.5, "target_value": 1080, "steps": [{"year": 2024, "value": 1150.25}]}
        keys["carbon"] = add("targets/", pilot="huzhou", indicator="CO2_TOT", **promise, **carbon)["id"]
        nox = {"base_value": 60, "target_value": 45, "steps": [{"year": 2025, "value": 50}]}
        keys["nox"] = add("targets/", pilot="own-city", indicator="AIR_NOX", **promise, **nox)["id"]
        words = {"kind": "text", "target_text_zh": "建成两个零碳园区", "target_text_en": "Two zero-carbon parks"}
        keys["words"] = add("targets/", pilot="own-city", indicator="OUT_PROJ", target_year=2026, **words)["id"]
        for pilot, indicator, value in (("huzhou", "AIR_SO2", 92.25), ("huzhou", "CO2_TOT", 1160)):
            keys[f"{indicator} 2023"] = self.report(pilot, indicator, "2023", value, "2024-04-01")

    def report(self, pilot: str, indicator: str, period: str, value: float, day: str, **more: Any) -> int:
        """Enter a reading as the province, and accept it as the ministry; return its id."""
        row = {"pilot": pilot, "indicator": indicator, "period": period, "value": value, "reported_on": day}
        reading = int(self.editor.create("readings/", **row, **more)["id"])
        accept = {"state": "accepted", "accepted_on": day}
        self.national.change(f"readings/{reading}/", **accept, change_reason="Checked with the inventory")
        return reading

    def open_follow_up(self) -> None:
        """2025-08-20: the ministry follows up a milestone that is late; the province signs for it the day after."""
        task = {"task_zh": "说明二号窑炉关停的安排", "task_en": "Say when furnace 2 closes"}
        titles = {"title_zh": "湖州：二号窑炉关停", "title_en": "Huzhou: close furnace 2"}
        cause = {"cause": "milestone", "cause_milestone": self.keys["once"]}
        who = {"owner_agency": "huzhou-eeb", "owner_user": "editor", "verifier": "second"}
        more = {"kind": "meeting", "meeting": "8月调度会", "due_on": "2025-09-20", "is_key": True, **who}
        number = self.national.create("actions/", pilot="huzhou", **titles, **task, **cause, **more)["number"]
        self.keys["action"] = number

    def step(self, program: Program, move: str, **more: Any) -> None:
        program.act(f"actions/{self.keys['action']}/", "steps/", 201, move=move, **more)
        date_attachments()

    def attach(self, program: Program, document: str, **to: Any) -> int:
        place = {"page_number": 1} | to
        made = int(program.create("attachments/", document=self.keys[document], **place)["id"])
        date_attachments()
        return made

    def bring_evidence(self) -> None:
        """2025-06-16: a milestone is done, with the document that shows it."""
        keys, done = self.keys, {"completed_on": "2025-06-12", "evidence": "湖环发〔2025〕12号"}
        self.editor.change(f"milestones/{keys['done']}/", **done, change_reason="机制已建立")
        acceptance = pdf("Joint working mechanism", "set up on 12 June 2025")
        named = {"title": "关于建立协同管理工作机制的通知", "doc_number": "湖环发〔2025〕12号", "is_public": "true"}
        keys["notice"] = self.editor.upload("notice.pdf", acceptance, **named)
        keys["table"] = self.editor.upload("values.csv", "指标,数值\nSO2,88.4\n".encode(), title="2024年数据表")
        keys["evidence"] = self.attach(
            self.editor, "notice", milestone=keys["done"], page_number=2, quote="set up on 12 June 2025"
        )
        keys["mistaken"] = self.attach(self.editor, "table", milestone=keys["once"], page_number=None)
        self.attach(self.editor, "table", reading=keys["corrected"], page_number=None)
        removed = {"removed_reason": "Attached to the wrong milestone"}
        self.editor.change(f"attachments/{keys['mistaken']}/", **removed, change_reason="Wrong milestone")

    def report_year(self, period: str, day: str) -> None:
        """The values of a year, accepted; one of them corrected by a second version."""
        keys = self.keys
        values = {"2024": (89.6, 1149, 51), "2025": (84, 1110.5, 49.5)}[period]
        places = (("huzhou", "AIR_SO2"), ("huzhou", "CO2_TOT"), ("own-city", "AIR_NOX"))
        for (pilot, indicator), value in zip(places, values, strict=True):
            keys[f"{indicator} {period}"] = self.report(pilot, indicator, period, value, day)
        if period == "2024":
            again = {"version": 2, "note_zh": "企业补报后更正"}
            keys["corrected"] = self.report("huzhou", "AIR_SO2", "2024", 89.25, day, **again)

    def propose_practice(self) -> None:
        """2025-11-03: a practice from its proposal into the library; a copy of another province is confirmed."""
        browser, keys = Browser("editor"), self.keys
        text = "窑炉余热先用于干化污泥，干化后的污泥再入炉焚烧，全厂不再外购蒸汽。"
        english = "Waste heat of the kilns dries the sludge before it is burned; no steam is bought any more."
        titles = {"title_zh": "窑炉余热干化污泥", "title_en": "Sludge dried by kiln heat"}
        texts = {f"{name}_en": english for name in ("problem", "action", "conditions")}
        cost = {"cost_amount": "1200", "cost_kind": "investment", "cost_year": "2025"}
        kind = {"field": "industry", "facet": "technology", "level": "park", "proposed_on": "2025-11-03"}
        browser.send(
            "/practices/new/", origins=[pk_of("pilots.Pilot", slug="huzhou")], **titles, **texts, **cost, **kind
        )
        practice = keys["practice"] = "sludge-dried-by-kiln-heat"
        self.editor.change(f"practices/{practice}/", action_zh=text, problem_zh=text, change_reason="中文说明")
        measured = {"reading_before": keys["AIR_SO2 2023"], "reading_after": keys["corrected"], "basis": "total"}
        browser.send(f"/practices/{practice}/effects/new/", **measured)
        browser.send(f"/practices/{practice}/move/", move="pass")
        national = Browser("national")
        national.send(f"/practices/{practice}/move/", move="take_in")
        national.send(f"/practices/{practice}/move/", move="recommend")
        self.attach(self.editor, "notice", practice=practice, page_number=None)

    def copy_practice(self) -> None:
        """2026-01-12: copies: one in use and confirmed, one given up, one planned at a place."""
        keys, practice = self.keys, self.keys["practice"]
        park = "yixing-economic-and-technological-development-zone"
        days = {"planned_on": "2025-11-20", "started_on": "2025-12-01", "in_use_on": "2026-01-10"}
        changed = {"changed_zh": "改用低温余热", "changed_en": "Low-temperature heat is used"}
        keys["copy"] = self.neighbour.create("adoptions/", practice=practice, pilot=park, **days, **changed)["id"]
        self.national.act(f"adoptions/{keys['copy']}/", "confirm/")
        given_up = {"given_up_on": "2026-01-11", "give_up_reason": "money", "give_up_text_zh": "资金未落实"}
        start = {"planned_on": "2025-12-05", "started_on": "2025-12-20"}
        place = {"province": "jiangsu", "place": "Taicang"}
        keys["given_up"] = self.neighbour.create("adoptions/", practice=practice, **place, **start, **given_up)["id"]
        keys["own_copy"] = self.editor.create(
            "adoptions/", practice=practice, pilot="own-city", planned_on="2026-01-12"
        )["id"]
        source = self.national.read("sources/?page_size=1")["results"][0]["id"]
        stated = {"statement_zh": "年减少二氧化硫30吨", "statement_en": "30 t less SO2 a year", "stated_value": 30}
        stated |= {"stated_unit": "t SO2/yr", "sources": [source], "adoption": keys["copy"]}
        keys["stated"] = self.neighbour.create("effects/", practice=practice, **stated)["id"]

    def make_edition(self) -> None:
        """2026-01-20: the edition of a quarter, made by one, approved by another; the draft of the next is left."""
        maker, approver, address = Browser("national"), Browser("second"), "/editions/2025-Q4/"
        maker.send("/editions/new/", quarter="2025-Q4")
        notes = {"release_note_en": "First edition", "release_note_zh": "首个版本"}
        maker.send(address, step="notes", **notes)
        maker.send(address, step="submit")
        digest = approver.get(address).context["checklist"].digest
        approver.send(address, step="approve", acknowledged=digest)
        call_command("worker", until_empty=True)
        assert model("dashboard.Edition")._default_manager.get().state == "approved"
        maker.send("/editions/new/", quarter="2026-Q1")

    def issue_sheets(self) -> None:
        """2026-07-02: sheets of a pilot and of the nation, in both languages."""
        national = Browser("national")
        for name, path, query in (
            ("pilot", "/brief/pilot/huzhou/", "as_of=2026-06-30&lang=zh-hans"),
            ("nation", "/brief/nation/", "as_of=2026-06-30&lang=en"),
        ):
            made = national.send(f"/check/issue/?{query}", path=path)
            self.keys[f"sheet of the {name}"] = made["Location"]

    def enter_once(self) -> None:
        """2026-11-20: a request with an Idempotency-Key, which a client may repeat."""
        body = {"pilot": "huzhou", "facet": "goal", "title_zh": "只写一次", "planned_on": "2027-12-01"}
        once = expect(self.editor.send("POST", "milestones/", body, **{"idempotency-key": "monthly-11"}), 201)
        self.facts["idempotent"] = {"key": "monthly-11", "body": body, "answer": once.json()}
        with connection.cursor() as cursor:
            cursor.execute("UPDATE config_keptanswer SET kept_at = %s", [f"{FAR} 00:00:00+00:00"])


def work_two_years(secrets: dict[str, str], facts: dict[str, Any]) -> None:
    """Everything that people do, in the order of the days."""
    work = Work(secrets, facts)
    keys, editor, national = work.keys, work.editor, work.national
    with on("2025-02-10"):
        work.correct_records()
    with on("2025-02-11"):
        work.enter_milestones()
    with on("2025-02-12"):
        work.enter_targets()
        chief, light = Browser("chief"), {"colour": "yellow", "reason": "Agreed in the November meeting"}
        lit = pk_of("pilots.Pilot", slug="lit-park")
        chief.fill("/admin/pilots/lightoverride/add/", pilot=lit, **light, expires_on=FAR)
    with on("2025-02-13"):
        follower = Browser("editor")
        follower.send("/account/subscriptions/", kind="pilot", record="xiamen", follow="1")
        follower.send("/account/subscriptions/", kind="pilot", record="huzhou", follow="0")
        follower.send("/account/reminders/", rhythm="weekly", language="zh-hans")
    with on("2025-04-02"):
        work.report_year("2024", "2025-04-02")
        skipped = {"reason_en": "The drafts were not published", "reason_zh": "草案未公开"}
        entered = {"entered_on": "2025-04-01", "evidence": "自政发〔2025〕3号", **skipped}
        national.change(f"stages/{keys['stage_plan']}/", **entered, change_reason="方案已印发")
    with on("2025-06-02"):
        work.move("grown", "2025-10-31", "Waiting for the method")
    with on("2025-06-16"):
        work.bring_evidence()
    with on("2025-07-01"):  # a milestone becomes key after it was moved; another is deleted
        national.change(f"milestones/{keys['grown']}/", is_key=True, change_reason="It decides the evaluation")
        national.delete(f"milestones/{keys['dropped']}/", "The project is given up")
    with on("2025-07-07"):
        work.move("alone", "2025-12-31", "锅炉关停需要过渡期")
    with on("2025-08-04"):
        work.move("stage", "2026-03-31", "方案批复推迟")
    with on("2025-08-20"):
        work.open_follow_up()
    with on("2025-08-21"):
        work.step(editor, "sign", remark="已收到")
    with on("2025-09-15"):
        work.move("once", "2025-12-31", "设备到货推迟")
        work.step(national, "extend", remark="Extended with the furnace", new_due_on="2025-12-31")
    with on("2025-10-10"):
        work.move("twice", "2026-01-31", "管网招标延期")
    with on("2025-11-03"):
        work.propose_practice()
    with on("2025-11-20"):
        work.move("back", "2026-02-28", "企业申请延期")
        move_by_import(facts)
    with on("2025-12-08"):
        work.move("back", "2025-10-31", "延期申请撤回")
    with on("2025-12-29"):
        keys["photo"] = editor.upload("furnace.pdf", pdf("Furnace 2 is closed"), title="二号窑炉关停现场照片")
        report = {"remark": "二号窑炉已关停，现场照片附后", "documents": [keys["photo"]]}
        work.step(editor, "report", **report)
    with on("2026-01-05"):
        work.step(Program(secrets["second"]), "return", remark="Add the meter reading", new_due_on="2026-01-31")
    with on("2026-01-12"):
        work.copy_practice()
        work.step(editor, "report", remark="电表读数已补充", documents=[keys["photo"]])
    with on("2026-01-14"):
        work.step(Program(secrets["second"]), "verify", remark="Checked on site")
        editor.change(f"milestones/{keys['once']}/", completed_on="2025-12-28", change_reason="现场核实")
    with on("2026-01-20"):
        work.make_edition()
    with on("2026-02-10"):
        work.move("stage_huzhou", "2026-09-30", "等待中期评估")
    with on("2026-03-02"):
        work.move("twice", "2026-10-31", "供热管网分期建设")
    with on("2026-04-02"):
        work.report_year("2025", "2026-04-02")
        steps = [{"year": 2024, "value": 90}, {"year": 2025, "value": 85.5}]
        national.change(f"targets/{keys['so2']}/", steps=steps, change_reason="Path agreed anew")
    with on("2026-04-10"):
        work.move("ordinary", "2027-03-31", "改为明年举办")
    with on("2026-05-11"):  # entered seven months after the day that it names
        late = {"completed_on": "2025-10-05", "evidence": "验收报告"}
        editor.change(f"milestones/{keys['late']}/", **late, change_reason="补录验收日期")
    with on("2026-07-02"):
        work.issue_sheets()
    with on("2026-11-05"):
        import_files(facts, editor)
    with on("2026-11-20"):
        work.enter_once()


def move_by_import(facts: dict[str, Any]) -> None:
    """2025-11-20: the province's list of milestones moves a key milestone."""
    heads = ["record number", "pilot", "title in Chinese", "facet", "planned on"]
    row = [facts["keys"]["sheet"], "own-city", "光伏屋顶", "project", "2026-06-30"]
    editor = Browser("editor")
    moved = uploaded(editor, "milestones", "plans.xlsx", [heads, row])
    editor.send(f"/admin/import/{moved}/confirm/", reason="屋顶产权未落实")
    facts["imports"] = {"moved": moved}


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
    with connection.cursor() as cursor:
        for table in ("pilots_attachment", "pilots_historicalattachment"):
            cursor.execute(f"UPDATE {table} SET attached_on = %s WHERE attached_on > %s", [day, day])  # noqa: S608


def uploaded(browser: Browser, kind: str, name: str, rows: list[list[Any]]) -> int:
    book, out = Workbook(), BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(out)
    browser.send("/admin/import/", kind=kind, file=SimpleUploadedFile(name, out.getvalue()))
    return int(model("config.Import")._default_manager.latest("pk").pk)


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


# -- what the old code answers ---------------------------------------------------------------------------

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
    yield f"actions/{facts['keys']['action']}/steps/?as_of=2026-11-23"


def collect(secrets: dict[str, str], facts: dict[str, Any]) -> None:
    """Everything that has to be answered again."""
    steward, chief = Program(secrets["steward"]), Browser("chief")
    facts["kept"] = answers(steward, [facts[name] for name in ("own", "other", "edited", "deleted")])
    facts["kept"] |= answers(steward, ["agencies/mee/"])
    edition = steward.read("editions/2025-Q4/")
    facts["files"] = {f"/editions/2025-Q4/files/{file['path']}": file["sha256"] for file in edition["files"]}
    documents = steward.read("documents/?page_size=100")["results"]
    facts["files"] |= {f"/documents/{file['id']}/file/": file["sha256"] for file in documents}
    feed, cursor = [], "first"
    while cursor:
        page = steward.read(f"changes/?page_size=1000&cursor={cursor}")
        feed += page["results"]
        facts["cursor"], cursor = page["next_cursor"], page["next_cursor"] if page["more"] else ""
    facts["entries"] = len(feed)
    facts["feed"] = [{name: line[name] for name in FIELDS["changes"]} for line in feed if line["by"]]
    pages = ["/pilots/huzhou/", "/pilots/own-city/", f"/policies/{POLICY}/", "/provinces/zhejiang/"]
    pages += [f"/practices/{facts['keys']['practice']}/", f"/actions/{facts['keys']['action']}/"]
    facts["histories"] = {}
    for page in pages:
        file = b"".join(chief.get(f"{page}?export=history.csv").streaming_content)
        facts["histories"][page] = file.decode("utf-8-sig")
    log = model("admin.LogEntry")._default_manager.select_related("user").order_by("pk")
    facts["log"] = [[entry.pk, entry.user.username, entry.object_repr, entry.get_change_message()] for entry in log]
    rights = model("auth.Permission")._default_manager.filter(group__name="Auditors")
    facts["group"] = sorted(rights.values_list("codename", flat=True))
    facts["tables"] = sorted(connection.introspection.table_names())
    facts["secrets"] = secrets


# -- the files -------------------------------------------------------------------------------------------


def write_files(folder: Path) -> None:
    """Write the database and the store of files, each compressed."""
    model("sessions.Session")._default_manager.all().delete()
    held = connection.settings_dict
    if connection.vendor == "sqlite":
        connection.cursor().execute("VACUUM")
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        name, content = "sqlite.db.xz", Path(held["NAME"]).read_bytes()
    else:
        words = ["pg_dump", "--inserts", "--rows-per-insert=200", "--no-owner", "--no-privileges", "-U", held["USER"]]
        words += ["-h", held["HOST"], "-p", str(held["PORT"] or 5432), held["NAME"]]
        done = subprocess.run(words, capture_output=True, text=True, check=True)  # noqa: S603  # our own words
        # Left out: commands of psql itself, and a setting that older servers do not know.
        left_out = ("\\", "--", "SET transaction_timeout")
        lines = [line for line in done.stdout.splitlines() if line and not line.startswith(left_out)]
        name, content = "postgresql.sql.xz", "\n".join(lines).encode()
    (folder / name).write_bytes(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.add(VAR / "media", arcname="media")
    (folder / f"{connection.vendor}.media.tar.xz").write_bytes(lzma.compress(out.getvalue(), preset=9))


def main(folder: Path) -> None:
    logging.disable(logging.WARNING)
    setup_test_environment()
    settings.ALLOWED_HOSTS = ["*"]
    call_command("migrate", verbosity=0)
    call_command("load_records", stdout=StringIO())
    begin_histories()
    facts: dict[str, Any] = {}
    with on(FIRST_DAY):
        secrets = add_people()
    work_two_years(secrets, facts)
    collect(secrets, facts)
    write_json(folder / f"{connection.vendor}.json", facts)
    write_json(folder / "answers.json", answers(Program(secrets["steward"]), asked_for(facts)))
    write_files(folder)


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def begin_histories() -> None:
    """Let the histories of the shipped records begin on the first day: they cannot be loaded before their own days."""
    began = timezone.make_aware(datetime.combine(date.fromisoformat(FIRST_DAY), datetime.min.time()))
    for kind in apps.get_models():
        if hasattr(getattr(kind, "history", None), "model"):
            kind.history.update(history_date=began)


main(Path(sys.argv[1]))
