"""A check of a file keeps nobody from writing. Each has its own database: a check within the test's transaction would
show nothing.
"""

import subprocess
from pathlib import Path

import pytest

from tests.support.imports import csv_bytes
from tests.support.live_server import migrated_database, server_environment, start_process

pytestmark = [pytest.mark.django_db, pytest.mark.process, pytest.mark.database]
ROWS = 60
CHECK = """import django, sys; django.setup(); from django.db import connection
from pathlib import Path
from core.imports.apply import confirm
from core.imports.files import dry_run_of_file, save_dry_run
from core.imports.importer import KINDS
count, pause = 0, int(sys.argv[2])
def pausing(execute, *args):
    global count
    count += 1
    if count == pause:
        print("paused", flush=True)
        sys.stdin.readline()
    return execute(*args)
content = Path(sys.argv[1]).read_bytes()
with connection.execute_wrapper(pausing):
    plan = dry_run_of_file(KINDS["policies"], "file.csv", content, by=None)
if "confirm" in sys.argv:
    confirm(KINDS["policies"], save_dry_run(plan, name="file.csv", content=content, by=None), by=None)
print(len(plan.rows), count)
"""


def test_others_write_while_a_file_is_checked(tmp_path: Path) -> None:
    """Stopped before its last statement, a check keeps no other writer waiting, and the feed moves on."""
    rows = [[f"p-{n}", f"政策{n}", f"p-{n - 1}" if n else None, "2022-06-17"] for n in range(ROWS)]
    file, other = tmp_path / "policies.csv", tmp_path / "other.csv"
    file.write_bytes(csv_bytes(["slug", "title_zh", "parent", "issued_on"], *rows))
    other.write_bytes(csv_bytes(["slug", "title_zh", "issued_on"], ["other", "另一项", "2022-06-17"]))
    with migrated_database(tmp_path) as database:
        environment = server_environment(tmp_path, database.url)

        def start(*words: str) -> "subprocess.Popen[str]":
            return start_process(environment, "-c", CHECK, *words)

        count, statements = start(str(file), "0").communicate(timeout=600)[0].split()
        assert int(count) == ROWS
        check = start(str(file), statements)
        assert check.stdout is not None
        assert check.stdout.readline() == "paused\n"
        written = start(str(other), "0", "confirm")
        assert (written.communicate(timeout=600)[1], written.returncode) == ("", 0)
        told = "SELECT count(*) FROM core_changeevent WHERE import_record_id IS NOT NULL"
        assert [database.run(sql) for sql in ("SELECT count(*) FROM policies_policy", told)] == [[(1,)], [(1,)]]
        assert check.communicate("\n", timeout=600) == (f"{ROWS} {statements}\n", "")
