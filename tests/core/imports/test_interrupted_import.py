"""Interrupted imports: a killed confirmation leaves nothing; two at once write once.

Each test has its own database, because a killed process cannot share a transaction.
"""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import Database
from tests.support.imports import csv_bytes, table_checksums
from tests.support.live_server import migrated_database, server_environment, start_process

pytestmark = [pytest.mark.django_db, pytest.mark.process, pytest.mark.database]
ROWS, MOMENTS = 60, 4
START = "import django, os, signal, sys; django.setup(); from django.db import connection\n"
IMPORT = f"""{START}
from pathlib import Path
from core.imports.apply import confirm
from core.imports.files import dry_run_of_file, save_dry_run
from core.imports.importer import KINDS
kind, content = KINDS["policies"], Path(sys.argv[2]).read_bytes()
count, last = 0, int(sys.argv[1])
def dying(execute, *args):
    global count
    count += 1
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(*args)
with connection.execute_wrapper(dying):
    plan = dry_run_of_file(kind, "file.csv", content, by=None)
    record = save_dry_run(plan, name="file.csv", content=content, by=None)
    begun = count
    confirm(kind, record, by=None)
print(begun, count)
"""
UNDO = f"""{START}
from core.imports.apply import undo
from core.imports.models import Import
undo(Import.objects.get(), by=None)
"""
WRITTEN = "core_changeevent WHERE import_record_id IS NOT NULL AND NOT undoes"
CONFIRM = f"""{START}
from core.imports.importer import KINDS
from core.imports.apply import confirm
from core.imports.models import Import
record = Import.objects.get(pk=sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
confirm(KINDS["policies"], record, by=None)
"""
CHECK_SCRIPT = f"""{START}
from pathlib import Path
from core.imports.importer import KINDS
from core.imports.files import dry_run_of_file, save_dry_run
content = Path(sys.argv[1]).read_bytes()
plan = dry_run_of_file(KINDS["policies"], "file.csv", content, by=None)
print(save_dry_run(plan, name="file.csv", content=content, by=None).pk)
"""
PAUSED_CHECK = f"""{START}
from pathlib import Path
from core.imports.importer import KINDS
from core.imports.files import dry_run_of_file
count, pause = 0, int(sys.argv[2])
def pausing(execute, *args):
    global count
    count += 1
    if count == pause:
        print("paused", flush=True)
        sys.stdin.readline()
    return execute(*args)
with connection.execute_wrapper(pausing):
    plan = dry_run_of_file(KINDS["policies"], "file.csv", Path(sys.argv[1]).read_bytes(), by=None)
print(len(plan.rows), count)
"""


class ChildRunner:
    """Own database for child processes, with a connection for the test."""

    def __init__(self, database: Database, home: Path) -> None:
        self.database, self.environment = database, server_environment(home, database.url)

    def start(self, *args: str) -> "subprocess.Popen[str]":
        return start_process(self.environment, *args)

    def run(self, *args: str) -> tuple[int, str]:
        """Return the exit code and the output."""
        child = self.start(*args)
        out, errors = child.communicate(timeout=600)
        assert child.returncode in {0, -signal.SIGKILL}, errors
        return child.returncode, out

    def count(self, table: str) -> int:
        return int(self.database.run(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608  # our own tables

    def checksums(self) -> dict[str, str]:
        return table_checksums(histories=True, of=self.database.connection)


@pytest.fixture
def child_runner(tmp_path: Path) -> Iterator[ChildRunner]:
    with migrated_database(tmp_path) as database:
        yield ChildRunner(database, tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file of policies, each with the one before as parent."""
    rows = [[f"p-{n}", f"政策{n}", f"p-{n - 1}" if n else None, "2022-06-17"] for n in range(ROWS)]
    path = tmp_path / "policies.csv"
    path.write_bytes(csv_bytes(["slug", "title_zh", "parent", "issued_on"], *rows))
    return path


def test_killed_at_any_moment(child_runner: ChildRunner, file: Path) -> None:
    """In the middle of the confirmation, before its last statement: all or nothing every time."""
    empty = child_runner.checksums()
    begun, whole = map(int, child_runner.run("-c", IMPORT, "0", str(file))[1].split())
    assert (child_runner.count("policies_policy"), child_runner.count("policies_historicalpolicy")) == (ROWS, ROWS)
    assert child_runner.run("-c", UNDO)[0] == 0
    undone = child_runner.checksums()
    left = {name for name, rows in undone.items() if rows != empty[name]}
    assert left == {"policies_historicalpolicy", "core_changeevent"}  # the histories, and the line of their entries
    for moment in [begun + (whole - begun) * n // MOMENTS for n in range(1, MOMENTS + 1)]:
        assert child_runner.run("-c", IMPORT, str(moment), str(file)) == (-signal.SIGKILL, "")
        assert child_runner.checksums() == undone, moment
    assert child_runner.run("-c", IMPORT, "0", str(file))[0] == 0
    assert (child_runner.count("policies_policy"), child_runner.count(WRITTEN)) == (ROWS, 2 * ROWS)


def test_two_confirm_at_once(child_runner: ChildRunner, file: Path) -> None:
    """Both get a success; each record is written once, with one entry."""
    key = child_runner.run("-c", CHECK_SCRIPT, str(file))[1].strip()
    children = [child_runner.start("-c", CONFIRM, key) for _ in range(2)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    ends = [(child.communicate(timeout=600), child.returncode) for child in children]
    assert [(errors, code) for (_out, errors), code in ends] == [("", 0), ("", 0)]
    written = [child_runner.count(table) for table in ("policies_policy", "policies_historicalpolicy", WRITTEN)]
    assert written == [ROWS, ROWS, ROWS]


def test_others_write_while_a_file_is_checked(child_runner: ChildRunner, file: Path, tmp_path: Path) -> None:
    """Stopped before its last statement, a check keeps no other writer waiting, and the feed moves on."""
    rows, statements = child_runner.run("-c", PAUSED_CHECK, str(file), "0")[1].split()
    assert int(rows) == ROWS
    other = tmp_path / "other.csv"
    other.write_bytes(csv_bytes(["slug", "title_zh", "issued_on"], ["other", "另一项", "2022-06-17"]))
    check = child_runner.start("-c", PAUSED_CHECK, str(file), statements)
    assert check.stdout is not None
    assert check.stdout.readline() == "paused\n"
    assert child_runner.run("-c", IMPORT, "0", str(other))[0] == 0
    assert (child_runner.count("policies_policy"), child_runner.count(WRITTEN)) == (1, 1)
    assert check.communicate("\n", timeout=600) == (f"{ROWS} {statements}\n", "")
