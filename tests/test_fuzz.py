"""Schema-based fuzzing of the API against its OpenAPI description: every check, once per role.

FUZZ_SECONDS runs it longer than the suite does. tests/schemathesis.toml has what the schema cannot express.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from tests.support.live_server import ServedProject, serve_project

pytestmark = [pytest.mark.django_db, pytest.mark.fuzz]  # for the suite's database, beside which the server's is made
SECONDS = int(os.environ.get("FUZZ_SECONDS", "8"))  # for one role, on one database


@pytest.fixture(scope="module")
def shipped(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[ServedProject]:
    with django_db_blocker.unblock(), serve_project(tmp_path_factory.mktemp("fuzzed")) as project:
        project.run("manage.py", "load_records")
        assert project.server
        project.server.get("/api/schema/?format=json")  # made once, so that no run waits longer for it than it may
        yield project


@pytest.mark.parametrize("role", ["anonymous", "editor", "verifier", "admin"])
def test_the_api_does_what_its_description_says(shipped: ServedProject, role: str) -> None:
    name = ["-H", f"Authorization: Bearer {shipped.tokens[role]}"] if role in shipped.tokens else []
    # One worker: with several, Python 3.11 itself fails at times ("AST constructor recursion depth mismatch").
    words = ["--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--no-color", "--workers", "1"]
    config = str(settings.BASE_DIR / "tests/schemathesis.toml")
    done = subprocess.run(  # noqa: S603  # our own server, and a tool that we installed
        [
            *[sys.executable, "-m", "schemathesis.cli", "--config-file", config, "run", *words, *name],
            *["--max-time", str(SECONDS), f"http://127.0.0.1:{shipped.port}/api/schema/?format=json"],
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS * 4 + 300,
        cwd=shipped.folder,
    )
    assert done.returncode == 0, failure_report(done.stdout)[:6_000] + done.stderr[-2_000:]
    assert " passed" in done.stdout.partition("Test cases:")[2], done.stdout[-2_000:]
    assert shipped.server
    faults = [line for line in shipped.server.lines() if line.get("status", 0) >= 500 or line["level"] == "ERROR"]
    assert faults == []


def failure_report(report: str) -> str:
    """Return the failures with the seed, without the lists of warnings."""
    return "".join(
        part for part in report.split("\n\n=") if " ERRORS " in part or " FAILURES " in part or "SUMMARY" in part
    )
