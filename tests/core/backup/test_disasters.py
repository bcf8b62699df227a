"""Disasters: everything is lost while writers write, a restore is killed, an older or the other database comes back."""

import json
import lzma
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import Any

import pytest
import requests
from django.conf import settings
from django.db import connection

from core.backup.archive import Part, opened_archive, write_archive
from tests.support.concurrency_client import MAKE_USERS_SCRIPT, ServedProject
from tests.support.databases import Database, connection_to, own_database, server_connection

pytestmark = [pytest.mark.django_db, pytest.mark.process]
OLD = Path(__file__).parents[2] / "upgrade"
PASSWORD = "a long enough one"
TABLES_OF_PEOPLE = ("auth_user", "config_token")


@dataclass
class Site:
    """A database with its own folders, and commands on it."""

    database: Database
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        own = {
            "DATABASE_URL": self.database.url,
            "DJANGO_SETTINGS_MODULE": "tests.settings_live_server",
            "SECRET_KEY": KEY,
        }
        return {**kept, **own, **folders(self.home)}

    def manage(self, *words: str, fails: bool = False, **more: str) -> str:
        """Run a command; return what it says, of one that fails its last line."""
        self.database.connection.close()  # a restore would be told that we are there
        done = subprocess.run(  # noqa: S603  # our own code
            [sys.executable, "manage.py", *words],
            cwd=settings.BASE_DIR,
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            check=False,
        )
        assert bool(done.returncode) == fails, done.stdout + done.stderr
        return done.stderr.strip().splitlines()[-1] if fails else done.stdout

    def backup(self, *words: str) -> Path:
        return Path(self.manage("backup", *words).partition(": ")[0])

    def content(self) -> dict[str, Any]:
        """What the database holds, by its tables' checksums; but for the list of backups, which grows by each."""
        found = subprocess.run(  # our own code
            [sys.executable, "-m", "core.backup.describe", "--as-of", "2026-11-27"],
            cwd=settings.BASE_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        tables = dict(json.loads(found.stdout)["tables"])
        del tables["config_backuprun"]
        return tables


KEY = secrets.token_urlsafe(64)


def folders(home: Path) -> dict[str, str]:
    """Variables of a site whose files are all in one folder."""
    places = {
        "TEST_HOME": str(home / "var"),
        "BACKUP_DIR": str(home / "backups"),
        "MEDIA_STORE": f"file://{home}/media",
    }
    return {**places, "CACHE_URL": "locmemcache://", "RATE_LIMITS_ENABLED": "0"}


@pytest.fixture(scope="module")
def seeded(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[Database]:
    """A database with the shipped records, of which each test has a copy."""
    home: Path = tmp_path_factory.mktemp("seeded")
    with django_db_blocker.unblock(), own_database(f"seeded_{os.getpid()}", home) as database:
        found = Site(database, home)
        found.manage("migrate", "--verbosity", "0")
        found.manage("load_records")
        yield database


@pytest.fixture
def site(seeded: Database, tmp_path: Path) -> Iterator[Site]:
    """A site with the shipped records."""
    name, source = f"backed_{os.getpid()}", str(seeded.connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        file = tmp_path / f"{name}.sqlite3"
        for path in Path(source).parent.glob("*.sqlite3"):
            shutil.copyfile(path, tmp_path / path.name.replace(Path(source).stem, name))
        database = Database(f"sqlite:///{file}", connection_to(str(file)))
    else:
        with server_connection().cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE {source}")
        database = Database(seeded.url.replace(source, name), connection_to(name))
    yield Site(database, tmp_path)
    database.connection.close()
    drop_kept(name)


@pytest.fixture
def project(site: Site) -> Iterator[ServedProject]:
    """The site behind a server, with an administrator and an editor."""
    found = ServedProject(site.database, site.home, site.environment)
    found.tokens.update(json.loads(found.run("-c", MAKE_USERS_SCRIPT)))
    site.database.connection.close()
    found.start()
    yield found
    found.stop()


def drop_kept(name: str) -> None:
    """Drop the databases that restores have kept."""
    if connection.vendor != "postgresql":
        return
    with server_connection().cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{name}%"])
        for (kept,) in cursor.fetchall():
            cursor.execute(f'DROP DATABASE "{kept}" WITH (FORCE)')


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
            with suppress(OSError):
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
                    timeout=45,
                )
                assert answer.status_code == 201, answer.text
                self.files[name] = time.monotonic()


def test_all_is_lost_and_comes_back(site: Site, project: ServedProject) -> None:
    """A backup while writers write; everything is killed and deleted, restored and started again."""
    writers = Writers(project)
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
            project.stop()  # SIGKILL of all processes
            writers.stop.set()
        for job in jobs:
            job.result()
    lose(project, site.home)
    site.manage("restore", str(path))
    check_restored(project, writers, session, before, after)


def wait_until(met: Any) -> None:
    for _ in range(600):
        if met():
            return
        Event().wait(0.1)
    raise AssertionError("It took longer than a minute.")


def sign_in(project: ServedProject) -> requests.Session:
    """A session of the administrator."""
    script = (
        "import django; django.setup(); from django.contrib.auth.models import User;"
        f"user = User.objects.get(username='admin'); user.set_password({PASSWORD!r}); user.save()"
    )
    project.run("-c", script)
    session = requests.Session()
    root = f"http://127.0.0.1:{project.port}"
    session.get(f"{root}/sign-in/", timeout=45)
    form = {"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": session.cookies["csrf"]}
    session.post(f"{root}/sign-in/", data=form, timeout=45)
    assert signed_in(project, session)
    return session


def signed_in(project: ServedProject, session: requests.Session) -> bool:
    address = f"http://127.0.0.1:{project.port}/account/"
    return session.get(address, timeout=45, allow_redirects=False).status_code == 200


def lose(project: ServedProject, home: Path) -> None:
    """Delete the database and all files but the backups."""
    project.database.connection.close()
    shutil.rmtree(home / "media")
    if connection.vendor == "postgresql":
        name = project.database.connection.settings_dict["NAME"]
        with server_connection().cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
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
    assert signed_in(project, sign_in_again(project))
    assert project.client("editor").send("GET", "agencies/?page_size=1").status == 200
    again = project.client().send("POST", "agencies/", {"slug": "after-the-restore", "name_zh": "恢复后"})
    assert again.status == 201, again


def sign_in_again(project: ServedProject) -> requests.Session:
    """A new session with the password of before."""
    session, root = requests.Session(), f"http://127.0.0.1:{project.port}"
    session.get(f"{root}/sign-in/", timeout=45)
    form = {"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": session.cookies["csrf"]}
    session.post(f"{root}/sign-in/", data=form, timeout=45)
    return session


# -- the service, and what is there already --------------------------------------------------------------


def test_a_restore_waits_for_the_service_and_asks_before_it_replaces(site: Site, project: ServedProject) -> None:
    path = site.backup()
    assert "The service is running on" in site.manage("restore", str(path), "--force", fails=True)
    project.stop()
    assert "is not empty: with --force" in site.manage("restore", str(path), fails=True)
    with closing(connection_to(site.database.connection.settings_dict["NAME"])) as other:  # a shell, another machine
        other.ensure_connection()
        assert " in use by " in site.manage("restore", str(path), "--force", fails=True)
    told = site.manage("restore", str(path), "--force", SECRET_KEY=secrets.token_urlsafe(64))
    assert "What was there before is" in told
    assert "This machine has another SECRET_KEY" in told


def test_killed_at_any_moment_a_restore_leaves_the_database_as_it_was(site: Site) -> None:
    path = site.backup()
    site.manage("shell", "-c", "from policies.models import Agency; Agency.objects.update(name_en='after the backup')")
    before = site.content()
    for delay in (1.0, 3.0, 5.0):
        site.database.connection.close()
        process = subprocess.Popen(  # noqa: S603  # our own code
            [sys.executable, "manage.py", "restore", str(path), "--force"],
            cwd=settings.BASE_DIR,
            env=site.environment,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=delay)
        assert process.returncode is None, "The restore was over before it was killed."
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=20)
        assert site.content() == before
    site.manage("restore", str(path), "--force")
    assert site.content() != before


def test_a_backup_that_cannot_be_written_says_so(site: Site) -> None:
    (site.home / "full").write_text("a file, not a folder")
    error = site.manage("backup", "--to", str(site.home / "full"), fails=True)
    assert error == f"CommandError: {site.home}/full: File exists."


def test_a_missing_or_older_pg_dump_is_named(site: Site, tmp_path: Path) -> None:
    if connection.vendor != "postgresql":
        assert site.backup().exists()  # SQLite needs no program
        return
    programs = tmp_path / "programs"
    programs.mkdir()
    error = site.manage("backup", fails=True, PATH=str(programs))
    assert error == (
        "CommandError: pg_dump is not installed: it comes with the client programs of PostgreSQL "
        "(on Debian: apt-get install postgresql-client)."
    )
    (programs / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.1'\n")
    (programs / "pg_dump").chmod(0o755)
    assert "pg_dump 9 is older than the server (" in site.manage("backup", fails=True, PATH=f"{programs}:/usr/bin:/bin")


# -- drills --------------------------------------------------------------------------------------------------


def test_a_drill_finds_what_differs(site: Site) -> None:
    path = site.backup()
    assert re.search(r"rows in \d+ tables and 0 files equal, \d+ numbers equal", site.manage("drill"))
    tampered(path, r'("policies_province": \{\s*"rows": )', r"\g<1>1")
    assert "differs from the manifest in policies_province" in site.manage("drill", fails=True)
    assert "last restore drill failed" in site.manage(
        "shell", "-c", "from core.backup.status import backup_status; print(backup_status().warnings)"
    )
    tampered(path, r'("policies_province": \{\s*"rows": )1', r"\1")
    tampered(path, r'(api-overview\?[^"]*": ")[0-9a-f]', r"\1x")
    assert "numbers of the restored database differ, first api-overview? " in site.manage("drill", fails=True)
    if connection.vendor == "postgresql":
        with server_connection().cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"%{os.getpid()}_drill"])
            assert cursor.fetchall() == []
    assert not list(site.home.glob("*.drill"))


def tampered(path: Path, old: str, new: str) -> None:
    """Change the manifest of a backup and seal it again."""
    with opened_archive(path) as archive:
        contents = {name: archive.read(name) for name in archive.members if name != "SHA256"}
    text = contents["manifest.json"].decode()
    contents["manifest.json"] = re.sub(old, new, text).encode()
    assert contents["manifest.json"].decode() != text

    def part(name: str, content: bytes) -> Part:
        import io  # noqa: PLC0415

        return Part(name, len(content), lambda: io.BytesIO(content))

    write_archive(path, (part(name, content) for name, content in contents.items()))


def test_the_newest_backups_stay(site: Site) -> None:
    folder = site.home / "elsewhere"
    folder.mkdir()
    (folder / "tracker-20200101T000000Z.tar").touch()
    (folder / "another.tar").touch()
    (folder / "tracker-20200101T000000Z.tar.part").touch()
    newest = site.backup("--to", str(folder), "--keep", "1")
    assert {path.name for path in folder.iterdir()} == {newest.name, "another.tar", ".lock"}


# -- older databases, and the other kind ---------------------------------------------------------------------


@pytest.fixture
def old_site(tmp_path: Path) -> Iterator[Site]:
    """A site on the database that commit 774b02f made: its migrations are years of work behind."""
    name = f"old_{os.getpid()}"
    with own_database(name, tmp_path) as database:
        if connection.vendor == "sqlite":
            Path(database.connection.settings_dict["NAME"]).write_bytes(
                lzma.decompress((OLD / "sqlite.db.xz").read_bytes())
            )
        else:
            database.connection.ensure_connection()
            with database.connection.connection.cursor() as cursor:  # psycopg2's own: the dump has percent signs
                cursor.execute(lzma.decompress((OLD / "postgresql.sql.xz").read_bytes()).decode())
        database.connection.close()
        yield Site(database, tmp_path)
    drop_kept(name)


def test_a_backup_of_an_older_version_is_restored_and_migrated_forward(old_site: Site) -> None:
    people = [old_site.database.run(f"SELECT count(*) FROM {table}") for table in TABLES_OF_PEOPLE]  # noqa: S608
    old_site.database.run("INSERT INTO django_session VALUES ('key', 'signed in', '2099-01-01 00:00:00')")
    path = old_site.backup()
    with opened_archive(path) as archive:
        assert archive.manifest.content.numbers is None
    assert "migrated forward" in old_site.manage("drill")
    told = old_site.manage("restore", str(path), "--force")
    assert re.search(r"migrated forward: \d+ migrations", told), told
    old_site.manage("migrate", "--check")
    assert [old_site.database.run(f"SELECT count(*) FROM {table}") for table in TABLES_OF_PEOPLE] == people  # noqa: S608
    assert old_site.database.run("SELECT count(*) FROM django_session") == [(0,)]


def test_an_upgrade_begins_with_a_backup_and_ends_with_the_way_back(old_site: Site) -> None:
    told = old_site.manage("upgrade")
    found = re.search(
        r"1\. Backup: (\S+), \d+ rows.*2\. Migrations: \d+ applied.*3\. Check: no errors", told, re.DOTALL
    )
    assert found, told
    assert f"manage.py restore {found[1]} --force" in told
    old_site.manage("migrate", "--check")
    assert "No migration is to apply" in old_site.manage("upgrade")


def test_a_portable_backup_goes_to_the_other_database_and_back(site: Site) -> None:
    path, other = site.backup("--portable"), other_database(site)
    try:
        site.manage("restore", str(path), "--into", other.database.url)
        assert records(other) == records(site)
        other.manage("shell", "-c", "from policies.models import Source; Source.objects.create(title='new', url='')")
        back = other.backup("--portable", "--to", str(site.home / "back"))
        site.manage("restore", str(back), "--force")
        assert records(site) == records(other)
        native = site.backup()
        assert "make a backup with --portable" in site.manage(
            "restore", str(native), "--into", other.database.url, "--force", fails=True
        )
    finally:
        other.database.connection.close()
        drop_other(other)


def records(site: Site) -> dict[str, Any]:
    """The content but for the change feed: numbers of transactions of another server are set to 0 there."""
    return {name: checksum for name, checksum in site.content().items() if name != "config_change"}


def other_database(site: Site) -> Site:
    """A site on a database of the other kind that is not there yet."""
    home = site.home / "other"
    home.mkdir()
    if connection.vendor == "postgresql":
        url, name = f"sqlite:///{home}/other.sqlite3", f"{home}/other.sqlite3"
    else:
        name = f"other_{os.getpid()}"
        root = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
        url = f"{root.rpartition('/')[0]}/{name}"
        if subprocess.run(["psql", url.rpartition("/")[0] + "/postgres", "-c", "SELECT 1"], check=False).returncode:  # noqa: S603, S607
            pytest.skip("No PostgreSQL answers at TEST_DATABASE_URL.")
    return Site(Database(url, connection_to(name)), home)


def drop_other(other: Site) -> None:
    if other.database.url.startswith("postgres"):
        root, _slash, name = other.database.url.rpartition("/")
        subprocess.run(["psql", "-q", f"{root}/postgres", "-c", f'DROP DATABASE IF EXISTS "{name}"'], check=True)  # noqa: S603, S607
