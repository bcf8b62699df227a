"""A process that is killed in the middle of a confirmation leaves nothing; two that confirm at once write once.

Each test has a database of its own beside that of the suite, because a killed process cannot share a transaction.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.databases import Database, own_database
from tests.imports import csv_of, tables

pytestmark = pytest.mark.django_db
ROWS, MOMENTS = 300, 10
START = "import django, os, signal, sys; django.setup(); from django.db import connection\n"
IMPORT = f"""{START}
from django.core.management import call_command
count, last = 0, int(sys.argv[1])
def dying(execute, *args):
    global count
    count += 1
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(*args)
with connection.execute_wrapper(dying):
    call_command("import_records", sys.argv[2], kind="policies", confirm=True)
print(count)
"""
CONFIRM = f"""{START}
from pilots.imports import KINDS
from policies.imports.files import plan_again
from policies.imports.plan import finish
from policies.imports.write import confirm
from policies.models import Import
record = Import.objects.get(pk=sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
finish(confirm(record, lambda kept: plan_again(KINDS["policies"], kept, by=None), by=None))
"""
KEEP = f"""{START}
from pathlib import Path
from pilots.imports import KINDS
from policies.imports.files import keep, read_plan
from policies.imports.plan import finish
content = Path(sys.argv[1]).read_bytes()
plan = finish(read_plan(KINDS["policies"], "file.csv", content, by=None))
print(keep(plan, name="file.csv", content=content, by=None).pk)
"""


class Other:
    """A database of its own, by which children are run and into which the test looks."""

    def __init__(self, database: Database) -> None:
        self.environment = {
            **os.environ,
            "DATABASE_URL": database.url,
            "DEBUG": "1",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        self.connection = database.connection

    def start(self, *args: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(  # noqa: S603  # our own code
            [sys.executable, *args],
            env=self.environment,
            cwd=settings.BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *args: str) -> tuple[int, str]:
        """The exit code and what was printed."""
        child = self.start(*args)
        out, errors = child.communicate(timeout=120)
        assert child.returncode in {0, -signal.SIGKILL}, errors
        return child.returncode, out

    def count(self, table: str) -> int:
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608  # our own tables
            (number,) = cursor.fetchone()
        return int(number)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Other]:
    """An empty database of the same make."""
    with own_database(f"killed_{os.getpid()}", tmp_path) as database:
        found = Other(database)
        assert found.run("manage.py", "migrate", "--verbosity", "0") == (0, "")
        yield found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Policies of which each names the one before it."""
    rows = [[f"p-{n}", f"政策{n}", f"p-{n - 1}" if n else None, "2022-06-17"] for n in range(ROWS)]
    path = tmp_path / "policies.csv"
    path.write_bytes(csv_of(["slug", "title_zh", "parent", "issued_on"], *rows))
    return path


def test_killed_at_ten_moments(other: Other, file: Path) -> None:
    """Before the first statement of the confirmation, in its middle, before its last: all or nothing every time."""
    empty = tables(histories=True, of=other.connection)
    begun = int(other.run("-c", IMPORT.replace("confirm=True", "confirm=False"), "0", str(file))[1].split()[-1])
    code, out = other.run("-c", IMPORT, "0", str(file))
    whole = int(out.split()[-1])
    full = tables(of=other.connection)
    assert (code, other.count("policies_policy"), other.count("policies_historicalpolicy")) == (0, ROWS, ROWS)
    assert other.run("manage.py", "undo_import", "1")[0] == 0
    undone = tables(histories=True, of=other.connection)
    left = {name for name, rows in undone.items() if rows != empty[name]}
    assert left == {"policies_historicalpolicy", "config_change"}  # the histories, and the line of their entries
    moments = [begun + (whole - begun) * n // MOMENTS for n in range(1, MOMENTS + 1)]
    for moment in moments:
        assert other.run("-c", IMPORT, str(moment), str(file)) == (-signal.SIGKILL, "")
        assert tables(histories=True, of=other.connection) == undone, moment
        assert other.count("policies_importchange") == ROWS  # of the import that was undone
    assert len(set(moments)) == MOMENTS
    assert other.run("-c", IMPORT, "0", str(file))[0] == 0
    assert set(tables(of=other.connection)) == set(full)
    assert (other.count("policies_policy"), other.count("policies_importchange")) == (ROWS, 2 * ROWS)


def test_two_confirm_at_once(other: Other, file: Path) -> None:
    """Both are told that it is done; each record is written once, with one entry."""
    key = other.run("-c", KEEP, str(file))[1].strip()
    children = [other.start("-c", CONFIRM, key) for _ in range(2)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    ends = [(child.communicate(timeout=120), child.returncode) for child in children]
    assert [(errors, code) for (_out, errors), code in ends] == [("", 0), ("", 0)]
    written = [other.count(f"policies_{name}") for name in ("policy", "historicalpolicy", "importchange")]
    assert written == [ROWS, ROWS, ROWS]
