"""Disasters: everything is lost while writers write, the disk is full, an older database comes back."""

import fcntl
import io
import json
import re
import resource
import secrets
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException
from pathlib import Path
from threading import Event, Lock
from typing import Any

import pytest
import requests
from django.conf import settings
from django.db import connection

from tests.support.databases import (
    Database,
    connection_to,
    drop_databases,
    own_database,
    restore_former_database,
    server_connection,
)
from tests.support.live_server import ServedProject, migrated_database, server_environment

pytestmark = [pytest.mark.django_db, pytest.mark.process, pytest.mark.database]
PASSWORD = "a long enough one"


@dataclass
class Site:
    """A database with its own folders, and commands on it."""

    database: Database
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return that of a site whose files are all in one folder."""
        places = {"BACKUP_DIR": str(self.home / "backups"), "MEDIA_STORE": f"file://{self.home}/media"}
        more = {**places, "SECRET_KEY": KEY, "CACHE_URL": "locmemcache://"}
        return server_environment(self.home / "var", self.database.url, **more)

    def manage(self, *words: str, fails: bool = False, largest_file: int = 0, **more: str) -> str:
        """Run a command; return what it says, of one that fails its last line. A disk with no more room is a limit on
        the bytes of a file."""
        self.database.connection.close()  # a restore would be told that we are there
        done = subprocess.run(  # noqa: S603  # our own code
            [sys.executable, "manage.py", *words],
            cwd=settings.BASE_DIR,
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (largest_file,) * 2)
            if largest_file
            else None,
        )
        assert bool(done.returncode) == fails, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr.strip().splitlines()[-1] if fails else done.stdout

    def backup(self, *words: str) -> Path:
        return Path(self.manage("backup", *words).partition(": ")[0])

    def agencies(self) -> list[Any]:
        return self.database.run("SELECT slug, name_en FROM policies_agency ORDER BY slug")


KEY = secrets.token_urlsafe(64)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with migrated_database(tmp_path) as database:
        database.run(
            "INSERT INTO policies_agency (slug, name_zh, name_en, note_en, note_zh) VALUES ('mee', '部', 'MEE', '', '')"
        )
        database.connection.close()
        yield Site(database, tmp_path)


@pytest.fixture
def project(site: Site) -> Iterator[ServedProject]:
    """The site behind a server, with an administrator and an editor."""
    found = ServedProject(site.database, site.home, site.environment)
    found.make_users()
    site.database.connection.close()
    found.start()
    yield found
    found.stop()


# -- everything is lost --------------------------------------------------------------------------------


@dataclass
class Writers:
    """Clients that write until told to stop, with the moment at which each write was acknowledged."""

    project: ServedProject
    stop: Event = field(default_factory=Event)
    written: dict[str, float] = field(default_factory=dict)
    files: dict[str, float] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def write(self, number: int) -> None:
        client = self.project.client()
        for n in range(10_000):
            if self.stop.is_set():
                return
            slug = f"writer-{number}-{n}"
            with suppress(OSError, HTTPException):  # the server was killed: before a request, or within one
                answer = client.send("POST", "agencies/", {"slug": slug, "name_zh": f"写{number}号{n}"})
                assert answer.status == 201, answer
                self.written[slug] = time.monotonic()

    def upload(self, number: int) -> None:
        address = f"http://127.0.0.1:{self.project.port}/api/v1/documents/"
        headers = {"Authorization": f"Bearer {self.project.tokens['admin']}"}
        for n in range(10_000):
            if self.stop.is_set():
                return
            name, content = f"file-{number}-{n}.csv", f"a,b\n{number},{n}\n{secrets.token_hex(2_000)}\n".encode()
            with suppress(requests.RequestException):
                answer = requests.post(
                    address,
                    headers=headers,
                    data={"title": name},
                    files={"file": (name, content, "text/csv")},
                    timeout=120,
                )
                assert answer.status_code == 201, answer.text
                self.files[name] = time.monotonic()


def test_all_is_lost_and_comes_back(site: Site, project: ServedProject) -> None:
    """A backup while writers write; everything is killed and deleted, restored and started again."""
    writers = Writers(project)
    project.run(
        "-c",
        "import django; django.setup(); from django.contrib.auth.models import User;"
        f"user = User.objects.get(username='admin'); user.set_password({PASSWORD!r}); user.save()",
    )
    session = sign_in(project)
    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(writers.write, n) for n in range(4)] + [pool.submit(writers.upload, n) for n in range(2)]
        try:
            wait_until(lambda: len(writers.written) > 20 and len(writers.files) > 4)
            before = time.monotonic()
            path = site.backup()
            after = time.monotonic()
            wait_until(lambda: len([at for at in writers.written.values() if at > after]) > 5)
        finally:
            project.kill()
            writers.stop.set()
        for job in jobs:
            job.result()
    lose(project, site.home)
    site.manage("restore", str(path))
    check_restored(project, writers, session, before, after)


def wait_until(met: Any) -> None:
    for _ in range(1_800):
        if met():
            return
        Event().wait(0.1)
    raise AssertionError("It took longer than three minutes.")


def sign_in(project: ServedProject) -> requests.Session:
    """A session of the administrator."""
    session, root = requests.Session(), f"http://127.0.0.1:{project.port}"
    session.get(f"{root}/sign-in/", timeout=120)
    form = {"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": session.cookies["csrf"]}
    session.post(f"{root}/sign-in/", data=form, timeout=120)
    assert signed_in(project, session)
    return session


def signed_in(project: ServedProject, session: requests.Session) -> bool:
    address = f"http://127.0.0.1:{project.port}/account/"
    return session.get(address, timeout=120, allow_redirects=False).status_code == 200


def lose(project: ServedProject, home: Path) -> None:
    """Delete the database and all files but the backups."""
    project.database.connection.close()
    shutil.rmtree(home / "media")
    if connection.vendor == "postgresql":
        drop_databases(project.database.name)
        return
    for path in home.glob("*.sqlite3*"):
        path.unlink()


def check_restored(
    project: ServedProject, writers: Writers, session: requests.Session, before: float, after: float
) -> None:
    slugs = {slug for (slug,) in project.database.run("SELECT slug FROM policies_agency WHERE slug LIKE 'writer-%%'")}
    titles = dict(project.database.run("SELECT title, sha256 FROM pilots_document"))
    for found, acknowledged in ((slugs, writers.written), (set(titles), writers.files)):
        assert {name for name, at in acknowledged.items() if at < before} <= found
        assert not {name for name, at in acknowledged.items() if at > after} & found
    checked = project.run("manage.py", "check_files", "--hash")
    assert re.findall(r"^(missing|without a record|damaged): (.*)$", checked, re.MULTILINE) == [
        ("missing", "0"),
        ("without a record", "0"),
        ("damaged", "0"),
    ]
    project.run("manage.py", "migrate", "--check")
    project.start()
    assert not signed_in(project, session)
    sign_in(project)
    assert project.client().send("GET", "agencies/?page_size=1").status == 200
    again = project.client().send("POST", "agencies/", {"slug": "after-the-restore", "name_zh": "恢复后"})
    assert again.status == 201, again


# -- the service, and what is there already --------------------------------------------------------------


def test_a_restore_waits_for_the_service_and_asks_before_it_replaces(site: Site, project: ServedProject) -> None:
    path = site.backup()
    assert project.client().send("GET", "agencies/?page_size=1").status == 200
    refused = "The service is running on" if connection.vendor == "sqlite" else " in use by "
    assert refused in site.manage("restore", str(path), "--force", fails=True)
    project.stop()
    assert "is not empty: with --force" in site.manage("restore", str(path), fails=True)
    with closing(connection_to(site.database.name)) as other:  # a shell, another machine
        other.ensure_connection()
        assert " in use by " in site.manage("restore", str(path), "--force", fails=True)
    told = site.manage("restore", str(path), "--force", SECRET_KEY=secrets.token_urlsafe(64))
    assert "What was there before is" in told
    assert "This machine has another SECRET_KEY" in told
    project.start()
    client = project.client()  # of one process, as long as it is open
    for _request in range(2):
        assert client.send("GET", "agencies/?page_size=2").status == 200
    assert project.server is not None
    counted = re.findall(
        r"^tracker_response_cache_total(.+)$", project.server.get("/metrics").content.decode(), re.MULTILINE
    )
    assert sorted(counted) == ['{result="hit"} 1.0', '{result="miss"} 1.0']


def test_a_process_that_starts_during_a_restore_waits_for_its_end(site: Site) -> None:
    """On SQLite; PostgreSQL renames no database that has a client."""
    site.manage("worker", "--until-empty")
    locks = [*site.home.rglob("*.sqlite3.lock")]
    if connection.vendor != "sqlite":
        assert locks == []
        return
    [lock] = locks
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as a restore does
        process = subprocess.Popen(  # our own code
            [sys.executable, "manage.py", "worker", "--until-empty"],
            cwd=settings.BASE_DIR,
            env=site.environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        assert any("a restore is running: this process waits for its end" in line for line in process.stderr)
        assert process.poll() is None
    process.communicate()
    assert process.returncode == 0


def test_a_full_disk_is_told_in_a_sentence_and_leaves_nothing_half(site: Site) -> None:
    path, before, folder = site.backup(), site.agencies(), site.home / "full"
    error = site.manage("backup", "--to", str(folder), fails=True, largest_file=200_000)
    assert re.fullmatch(rf"CommandError: ({folder}\S*: .+\.|pg_dump failed: .+)", error), error
    assert [file.name for file in folder.iterdir()] == [".lock"]
    error = site.manage("restore", str(path), "--force", fails=True, largest_file=200_000)
    assert re.fullmatch(rf"CommandError: {re.escape(str(described(site)))}: File too large\.", error), error
    error = site.manage("drill", fails=True, largest_file=200_000)
    assert error == f"CommandError: Drill failed: {described(site)}: File too large."
    assert [file.name for file in site.home.rglob("*") if "restoring" in file.name or "drill" in file.name] == []
    assert site.agencies() == before


def described(site: Site) -> str:
    """The database, as messages name it."""
    held = site.database.connection.settings_dict
    host = held["HOST"] or "this machine"
    return site.database.name if connection.vendor == "sqlite" else f"database {site.database.name} on {host}"


# -- files that are lost ---------------------------------------------------------------------------------------

UPLOAD = """
from core.files import save_blob
from pilots.models import Document
for number in range(3):
    content = b"evidence %d" % number
    Document.objects.create(
        title="x", file_name="x.csv", sha256=save_blob(content), file_size=len(content), media_type="text/csv"
    )
print(*Document.objects.order_by("sha256").values_list("sha256", flat=True))
"""
RUNS = """
import json
from core.backup.models import BackupRun
print(json.dumps([[run.kind, run.ok, run.detail] for run in BackupRun.objects.all()[:2]]))
"""


def upload_files(site: Site) -> list[Path]:
    """Store three files with their records; return their paths, in the order of their checksums."""
    checksums = site.manage("shell", "-v", "0", "-c", UPLOAD).split()
    return [site.home / "media" / "blobs" / checksum[:2] / checksum for checksum in checksums]


def test_a_backup_that_lacks_files_is_incomplete_and_replaces_no_whole_one(site: Site) -> None:
    missing, damaged, whole = upload_files(site)
    first = site.backup()
    missing.unlink()
    damaged.write_bytes(b"evidence x")
    error = site.manage("backup", "--keep", "1", fails=True)
    [newest] = {*site.home.glob("backups/*.tar")} - {first}
    [lost, broken, held] = [f"blobs/{path.name[:2]}/{path.name}" for path in (missing, damaged, whole)]
    fault = (
        f"{newest.name} is incomplete: it holds the database, and lacks 2 of 3 uploaded files, first {lost}. "
        "manage.py check_files --hash lists them."
    )
    assert error == f"CommandError: {fault}"
    assert f"It lacks 2 files that its database names, first {lost}." in site.manage("verify_backup", str(newest))
    with tarfile.open(newest) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]
        assert tar.getnames() == ["manifest.json", *manifest["sha256"]]
    assert (held in manifest["sha256"], manifest["missing"]) == (True, [lost, broken])
    assert "and 1 files equal, 2 files missing" in site.manage("drill")
    [drill, backup] = json.loads(site.manage("shell", "-v", "0", "-c", RUNS))
    assert (drill[:2], backup) == (["drill", True], ["backup", False, fault])
    site.manage("backup", "--keep", "1", fails=True)
    assert first.exists()
    assert not newest.exists()
    [newest] = {*site.home.glob("backups/*.tar")} - {first}
    told = site.manage("restore", str(newest), "--force")
    assert "Files: 1 in the backup, 0 of them were missing and are stored again." in told
    assert f"The backup lacks 2 uploaded files that its database names, first {lost}." in told


# -- drills --------------------------------------------------------------------------------------------------


def test_a_drill_finds_what_differs(site: Site) -> None:
    path = site.backup()
    assert re.search(r"rows in \d+ tables and 0 files equal", site.manage("drill"))
    before = site.agencies()
    forge(path, rows_of_provinces=1)
    for words in (["drill"], ["restore", str(path), "--force"]):
        assert "differs from the manifest in policies_province" in site.manage(*words, fails=True)
    assert site.agencies() == before
    assert "last restore drill failed" in site.manage(
        "shell", "-c", "from core.backup.models import backup_status; print(backup_status().warnings)"
    )
    if connection.vendor == "postgresql":
        with server_connection().cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database WHERE datname = %s", [f"{site.database.name}_drill"])
            assert cursor.fetchall() == []
    assert not list(site.home.glob("*.drill"))


def forge(path: Path, rows_of_provinces: int) -> None:
    """Let the manifest of a backup tell another number of rows."""
    with tarfile.open(path) as tar:
        parts = {info.name: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]
    manifest = json.loads(parts["manifest.json"])
    manifest["tables"]["policies_province"] = rows_of_provinces
    parts["manifest.json"] = json.dumps(manifest).encode()
    with tarfile.open(path, "w") as tar:
        for name, content in parts.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def test_the_newest_backups_stay(site: Site) -> None:
    folder = site.home / "elsewhere"
    folder.mkdir()
    (folder / "tracker-20200101T000000Z.tar").touch()
    of_others = {"another.tar", "movie.mkv.part", "tracker-2.0-notes.tar"}
    for name in of_others:
        (folder / name).touch()
    (folder / ".making-killed").mkdir()
    (folder / ".making-killed" / "database.dump").touch()
    newest = site.backup("--to", str(folder), "--keep", "1")
    assert {path.name for path in folder.iterdir()} == {newest.name, ".lock", *of_others}


# -- older databases ---------------------------------------------------------------------------------------


@pytest.fixture
def old_site(tmp_path: Path) -> Iterator[Site]:
    """A site on the database that users edited, with a migration to come."""
    with own_database(tmp_path) as database:
        restore_former_database(database, tmp_path)
        site = Site(database, tmp_path)
        site.manage("migrate", "axes", "0009")
        yield site


def test_a_backup_of_an_older_version_is_restored_and_migrated_forward(old_site: Site) -> None:
    people = "SELECT (SELECT count(*) FROM auth_user), (SELECT count(*) FROM accounts_token)"
    before = old_site.database.run(people)
    old_site.database.run("INSERT INTO django_session VALUES ('key', 'signed in', '2099-01-01 00:00:00')")
    path = old_site.backup()
    assert "migrated forward" in old_site.manage("drill")
    tables = old_site.database.run("SELECT count(*) FROM pilots_replan")
    told = old_site.manage("check_upgrade")
    assert "own-city: stage “Plan drafted”, planned for 2025-03-15, was passed over on 2025-04-01: dropped" in told
    assert re.search(rf"{path.name}: the state of \S+, [1-9]\d* migrations\. .+ was not touched\.\n$", told)
    assert old_site.database.run("SELECT count(*) FROM pilots_replan") == tables
    told = old_site.manage("restore", str(path), "--force")
    assert re.search(r"Its tables are of an earlier release and were migrated forward: [1-9]\d* migrations\.", told)
    old_site.manage("migrate", "--check")
    assert old_site.database.run(people) == before
    assert old_site.database.run("SELECT count(*) FROM django_session") == [(0,)]
