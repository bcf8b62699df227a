"""Make the databases of the upgrade test, with the code of commit 774b02f (25 November 2026).

    git worktree add ../old 774b02f
    cd ../old && .ci/install requirements.txt requirements-dev.txt
    DATABASE_URL=sqlite:////tmp/old.sqlite3 .venv/bin/python THIS_FILE OUTPUT_FOLDER
    DATABASE_URL=postgres://postgres@127.0.0.1:5432/old .venv/bin/python THIS_FILE OUTPUT_FOLDER   # an empty database

Each run writes two files named after the database: `sqlite.db.xz`, the file, or `postgresql.sql.xz`, a plain SQL dump;
and `sqlite.json` or `postgresql.json`, what the old code answered, with which `test_upgrade.py` compares the answers
of today's code. Everything is entered as users enter it: by commands, through the admin, on pages and through the API.
Only three days are moved by SQL, so that the fixtures do not expire: of tokens, of the idempotency record and of the
light set by hand.
"""

import json
import logging
import lzma
import os
import subprocess
import sys
import warnings
from collections.abc import Iterable
from datetime import date, datetime
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path.cwd()))  # the checkout of 774b02f
os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "1", "THROTTLES": "0", "ANSWERS": "0"}
os.environ["CACHE_URL"] = "locmemcache://"
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
from django.test.utils import setup_test_environment  # noqa: E402
from openpyxl import Workbook  # noqa: E402

FAR = "2099-12-31"
PASSWORD = "a long enough one"
POLICY = "synergy-implementation-plan-2022"
# Of each resource the fields by which a record is compared before and after.
FIELDS = {
    "pilots": ["slug", "name_zh", "name_en", "kind", "note"],
    "plans": ["id", "status", "note"],
    "agencies": ["slug", "name_zh", "name_en"],
    "policies": ["slug", "title_zh", "title_en", "note"],
    "milestones": ["id", "title_zh", "title_en", "planned_on", "completed_on", "is_key"],
    "targets": ["id", "base_year", "base_value", "target_year", "target_value", "binding", "steps"],
    "readings": ["id", "period", "value", "state", "accepted_on"],
    "figures": ["slug", "value", "unit"],
}


def expect(response: Any, status: int) -> Any:
    if response.status_code != status:
        form = (response.context or {}).get("adminform")
        shown = f"{form.errors} {form.form.errors}" if form else response.content.decode()[:3_000]
        raise AssertionError((response.request["PATH_INFO"], response.status_code, shown))
    return response


class Browser:
    """A user who signed in with a password."""

    def __init__(self, username: str) -> None:
        self.client = Client()
        expect(self.client.post("/sign-in/", {"username": username, "password": PASSWORD}), 302)

    def get(self, address: str) -> Any:
        return expect(self.client.get(address), 200)

    def send(self, address: str, **data: Any) -> Any:
        return expect(self.client.post(address, data), 302)

    def fill(self, address: str, **changes: Any) -> Any:
        """Submit a form of the admin as it is shown, with these changes."""
        return self.send(address, **filled(self.get(address), changes))


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
    return value.isoformat() if isinstance(value, date) else value


class Program:
    """An API client with a token."""

    def __init__(self, secret: str) -> None:
        self.client, self.secret = Client(), secret

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        headers["authorization"] = f"Bearer {self.secret}"
        content = "" if body is None else json.dumps(body)
        return self.client.generic(method, f"/api/v1/{path}", content, content_type="application/json", headers=headers)

    def read(self, path: str) -> Any:
        return expect(self.send("GET", path), 200).json()

    def create(self, path: str, **body: Any) -> Any:
        return expect(self.send("POST", path, body), 201).json()

    def change(self, path: str, **body: Any) -> Any:
        match = expect(self.send("GET", path), 200)["ETag"]
        return expect(self.send("PATCH", path, body, **{"if-match": match}), 200).json()

    def delete(self, path: str) -> None:
        match = expect(self.send("GET", path), 200)["ETag"]
        expect(self.send("DELETE", path, **{"if-match": match}), 204)


def model(label: str) -> Any:
    return apps.get_model(label)


def pk_of(label: str, **which: Any) -> int:
    return int(model(label)._default_manager.get(**which).pk)


def kept(program: Program, addresses: Iterable[str]) -> dict[str, Any]:
    """The records at these addresses, reduced to the fields that are compared; None for one that does not exist."""
    found: dict[str, Any] = {}
    for address in addresses:
        answer = program.send("GET", address)
        fields = FIELDS[address.partition("/")[0]]
        found[address] = {name: answer.json()[name] for name in fields} if answer.status_code == 200 else None
    return found


# -- what is entered -------------------------------------------------------------------------------------


def add_people() -> dict[str, str]:
    """An administrator by command; three editors and an auditor through the admin. Returns the tokens' secrets."""
    os.environ["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
    call_command("createsuperuser", interactive=False, username="chief", email="chief@example.cn", verbosity=0)
    chief = Browser("chief")
    zhejiang = pk_of("policies.Province", slug="zhejiang")
    roles = {"steward": {"role": "admin"}, "editor": {"role": "provincial_editor", "province": zhejiang}}
    roles |= {"reader": {"role": "viewer"}, "demoted": {"role": "admin"}, "auditor": {}}
    for name, role in roles.items():
        chief.fill("/admin/auth/user/add/", username=name, password1=PASSWORD, password2=PASSWORD)
        give = {f"officer-0-{field}": value for field, value in role.items()}
        if give:
            pk = pk_of("auth.User", username=name)
            give |= {"officer-TOTAL_FORMS": 1, "officer-0-user": pk}
            chief.fill(f"/admin/auth/user/{pk}/change/", **give)
    codenames = ["view_import", "undo_import", "view_token", "view_officer", "view_pilot"]
    rights = [pk_of("auth.Permission", codename=name) for name in codenames]
    chief.fill("/admin/auth/group/add/", name="Auditors", permissions=rights)
    auditor = pk_of("auth.User", username="auditor")
    groups, own = [pk_of("auth.Group", name="Auditors")], [pk_of("auth.Permission", codename="view_importfile")]
    chief.fill(f"/admin/auth/user/{auditor}/change/", is_staff="on", groups=groups, user_permissions=own)

    secrets = {"editor": by_page("editor", "Monthly report"), "steward": by_page("steward", "Sync")}
    secrets["reader"] = by_command("reader")
    secrets["revoked"] = by_page("steward", "Lost laptop")
    lost = pk_of("config.Token", name="Lost laptop")
    Browser("steward").send(f"/tokens/{lost}/revoke/")
    secrets["withdrawn"] = by_command("steward", "--name", "Left behind")
    left = pk_of("config.Token", name="Left behind")
    chief.send(f"/admin/config/token/{left}/revoke/")
    secrets["demoted"] = by_command("demoted", "--write")
    demoted = pk_of("auth.User", username="demoted")
    chief.fill(f"/admin/auth/user/{demoted}/change/", **{"officer-0-role": "viewer"})
    secrets["expired"] = by_command("steward", "--name", "Expired")
    return secrets


def by_page(username: str, name: str) -> str:
    page = Browser(username).client.post("/tokens/", {"name": name, "days": 365, "may_write": "on"})
    return str(expect(page, 200).context["secret"])


def by_command(*words: str) -> str:
    out = StringIO()
    call_command("create_token", *words, "--days", "365", stdout=out, stderr=StringIO())
    return out.getvalue().strip()


def edit(secrets: dict[str, str], facts: dict[str, Any]) -> None:
    """Corrections and new records, each with a reason, through the API and the admin."""
    steward, editor, chief = Program(secrets["steward"]), Program(secrets["editor"]), Browser("chief")
    plan = steward.read(f"plans/?policy={POLICY}&province=beijing")["results"][0]["id"]
    steward.change(f"plans/{plan}/", note="The printed notice bears this day", change_reason="Checked in the archive")
    home = steward.read(f"plans/?policy={POLICY}&province=zhejiang")["results"][0]["id"]
    editor.change(f"plans/{home}/", note="已与印发稿核对", change_reason="核对印发稿")
    mee = pk_of("policies.Agency", slug="mee")
    reason = {"change_reason": "As its own site writes it"}
    chief.fill(f"/admin/policies/agency/{mee}/change/", name_en="Ministry of Ecology", **reason)
    figure = model("policies.Figure")._default_manager.order_by("slug").values_list("slug", flat=True).first()
    steward.delete(f"figures/{figure}/")  # one that ships: it must not come back

    done = {"planned_on": "2025-06-30", "completed_on": "2025-06-12", "is_key": True, "change_reason": "From the plan"}
    names = {"title_zh": "建立协同管理工作机制", "title_en": "Set up the joint working mechanism"}
    milestone = editor.create("milestones/", pilot="huzhou", facet="management", **names, **done)["id"]
    late = editor.create("milestones/", pilot="huzhou", facet="goal", title_zh="完成改造", planned_on="2026-12-01")[
        "id"
    ]
    editor.change(f"milestones/{late}/", planned_on="2027-03-01", change_reason="The supplier is late")
    gone = editor.create("milestones/", pilot="huzhou", facet="goal", title_zh="误录", planned_on="2026-11-01")["id"]
    editor.delete(f"milestones/{gone}/")
    promise = {"base_year": 2020, "base_value": 100, "target_year": 2026, "target_value": 80, "binding": True}
    steps = [{"year": 2024, "value": 90}]
    target = steward.create("targets/", pilot="huzhou", indicator="AIR_SO2", steps=steps, **promise)["id"]
    value = {"pilot": "huzhou", "indicator": "AIR_SO2", "period": "2024", "reported_on": "2025-03-01"}
    reading = editor.create("readings/", value=92.5, **value)["id"]
    accept = {"state": "accepted", "accepted_on": "2025-04-01"}
    steward.change(f"readings/{reading}/", **accept, change_reason="Checked with the inventory")

    huzhou = pk_of("pilots.Pilot", slug="huzhou")
    light = {"pilot": huzhou, "colour": "yellow", "reason": "Agreed in the November meeting"}
    chief.fill("/admin/pilots/lightoverride/add/", **light, expires_on="2026-12-31")
    city = {"slug": "own-city", "name_zh": "自录市", "kind": "city", "batch": "national-batch-1", "note": "原来的说明"}
    steward.create("pilots/", **city, province="zhejiang", change_reason="Not in the list yet")
    facts["records"] = [
        *[f"plans/{plan}/", f"plans/{home}/", "agencies/mee/", f"figures/{figure}/", f"milestones/{milestone}/"],
        *[f"milestones/{late}/", f"milestones/{gone}/", f"targets/{target}/", f"readings/{reading}/"],
    ]

    body = {"pilot": "huzhou", "facet": "goal", "title_zh": "只写一次", "planned_on": "2026-12-01"}
    once = expect(editor.send("POST", "milestones/", body, **{"idempotency-key": "monthly-11"}), 201)
    facts["idempotent"] = {"key": "monthly-11", "body": body, "answer": once.json()}
    facts["own"], facts["other"] = f"plans/{home}/", f"plans/{plan}/"


def import_files(secrets: dict[str, str], facts: dict[str, Any]) -> None:
    """Three imports: one confirmed that created and changed pilots, one undone, one checked only."""
    steward, program = Browser("steward"), Program(secrets["steward"])
    heads = ["code", "name in Chinese", "kind", "batch", "province", "note"]
    batch = program.read("pilots/huzhou/")["batch"]["slug"]
    new, old = "pilots/upgrade-park/", "pilots/own-city/"  # none that ships: load_records never changes them
    rows = [["upgrade-park", "升级园区", "park", batch, "zhejiang", "From the list"]]
    rows += [["own-city", "自录市", "city", batch, "zhejiang", "Named again in the list"]]
    facts["before_import"] = kept(program, [new, old])
    confirmed = uploaded(steward, "list.xlsx", [heads, *rows])
    steward.send(f"/admin/import/{confirmed}/confirm/", reason="List of November")
    undone = uploaded(steward, "mistake.xlsx", [heads, ["mistake", "误录园区", "park", batch, "zhejiang", ""]])
    steward.send(f"/admin/import/{undone}/confirm/", reason="Wrong file")
    steward.send(f"/admin/import/{undone}/undo/", reason="It was last year’s list")
    checked = uploaded(steward, "later.xlsx", [heads, ["later-park", "以后园区", "park", batch, "zhejiang", ""]])
    facts["imports"] = {"confirmed": confirmed, "undone": undone, "checked": checked}
    facts["after_import"] = kept(program, [new, old, "pilots/mistake/", "pilots/later-park/"])


def uploaded(browser: Browser, name: str, rows: list[list[str]]) -> int:
    book, out = Workbook(), BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(out)
    browser.send("/admin/import/", kind="pilots", file=SimpleUploadedFile(name, out.getvalue()))
    return int(model("policies.Import")._default_manager.latest("pk").pk)


def move_days(secrets: dict[str, str]) -> None:
    """Put off what would expire, and let one token expire."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE config_token SET expires_at = %s WHERE name <> 'Expired'", [f"{FAR} 00:00:00+00:00"])
        cursor.execute("UPDATE config_token SET expires_at = created_at WHERE name = 'Expired'")
        cursor.execute("UPDATE config_keptanswer SET kept_at = %s", [f"{FAR} 00:00:00+00:00"])
        cursor.execute("UPDATE pilots_lightoverride SET expires_on = %s", [FAR])


# -- what the old code answers ---------------------------------------------------------------------------


def collect(secrets: dict[str, str], facts: dict[str, Any]) -> None:
    """Everything that has to be answered again."""
    steward, chief = Program(secrets["steward"]), Browser("chief")
    facts["records"] = kept(steward, facts["records"])
    feed, cursor = [], "first"
    while cursor:
        page = steward.read(f"changes/?page_size=1000&cursor={cursor}")
        feed += page["results"]
        facts["cursor"], cursor = page["next_cursor"], page["next_cursor"] if page["more"] else ""
    names = ("action", "resource", "key", "id", "at", "reason", "by")
    facts["entries"] = len(feed)
    facts["feed"] = [{name: line[name] for name in names} for line in feed if line["by"]]
    pages = ["/pilots/huzhou/", "/pilots/own-city/", f"/policies/{POLICY}/", "/provinces/zhejiang/"]
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


def write_database(folder: Path) -> None:
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


def main(folder: Path) -> None:
    logging.disable(logging.WARNING)
    setup_test_environment()
    settings.ALLOWED_HOSTS = ["*"]
    call_command("migrate", verbosity=0)
    call_command("load_records", stdout=StringIO())
    facts: dict[str, Any] = {}
    secrets = add_people()
    edit(secrets, facts)
    import_files(secrets, facts)
    move_days(secrets)
    collect(secrets, facts)
    (folder / f"{connection.vendor}.json").write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n")
    write_database(folder)


main(Path(sys.argv[1]))
