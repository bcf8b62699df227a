"""Schema-based fuzzing of the API against its OpenAPI description: every check, once per role.

FUZZ_SECONDS runs it longer than the suite does. tests/schemathesis.toml has what the schema cannot express.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.support.live_server import LiveServer, migrated_database, run_command, running_server

pytestmark = [pytest.mark.django_db, pytest.mark.fuzz]  # for the suite's database, beside which the server's is made
SECONDS = int(os.environ.get("FUZZ_SECONDS", "8"))  # for one role, on one database
MAKE_USERS_SCRIPT = """
import django, json; django.setup()
from django.contrib.auth.models import User
from accounts.models import create_token
from accounts.models import Officer
from policies.models import Province
home, found = Province.objects.get(slug="zhejiang"), {}
for role, province in [("viewer", None), ("provincial_editor", home), ("admin", None)]:
    user = User.objects.create(username=role)
    Officer.objects.create(user=user, role=role, province=province)
    found[role] = create_token(user=user, name="fuzz", may_write=True)[1]
print(json.dumps(found))
"""


@dataclass(frozen=True)
class SeededServer:
    """Server with the seed records, and a write token for each role."""

    server: LiveServer
    tokens: Mapping[str, str]


@pytest.fixture(scope="module")
def shipped(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[SeededServer]:
    home: Path = tmp_path_factory.mktemp("fuzzed")
    with django_db_blocker.unblock(), migrated_database(home) as database:
        run_command(home, database.url, "manage.py", "load_records")
        tokens = json.loads(run_command(home, database.url, "-c", MAKE_USERS_SCRIPT))
        with running_server(home, database.url) as server:
            server.get("/api/schema/?format=json")  # made once, so that no run waits longer for it than it may
            yield SeededServer(server, tokens)


@pytest.mark.parametrize("role", ["anonymous", "viewer", "provincial_editor", "admin"])
def test_the_api_does_what_its_description_says(shipped: SeededServer, role: str) -> None:
    name = ["-H", f"Authorization: Bearer {shipped.tokens[role]}"] if role in shipped.tokens else []
    # One worker: with several, Python 3.11 itself fails at times ("AST constructor recursion depth mismatch").
    words = ["--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--no-color", "--workers", "1"]
    config = str(settings.BASE_DIR / "tests/schemathesis.toml")
    done = subprocess.run(  # noqa: S603  # our own server, and a tool that we installed
        [
            *[sys.executable, "-m", "schemathesis.cli", "--config-file", config, "run", *words, *name],
            *["--max-time", str(SECONDS), f"http://127.0.0.1:{shipped.server.port}/api/schema/?format=json"],
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS * 4 + 300,
        cwd=shipped.server.log.parent,
    )
    assert done.returncode == 0, failure_report(done.stdout)[:6_000] + done.stderr[-2_000:]
    assert " passed" in done.stdout.partition("Test cases:")[2], done.stdout[-2_000:]
    faults = [line for line in shipped.server.lines() if line.get("status", 0) >= 500 or line["level"] == "ERROR"]
    assert faults == []


def failure_report(report: str) -> str:
    """Return the failures with the seed, without the lists of warnings."""
    return "".join(
        part for part in report.split("\n\n=") if " ERRORS " in part or " FAILURES " in part or "SUMMARY" in part
    )
