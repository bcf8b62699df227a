"""The API held against its own description, by whatever that allows and forbids: every check, once for each role.

A short run belongs to the suite; `make fuzz` runs longer. tests/schemathesis.toml says what a description cannot say.
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

from tests.databases import own_database
from tests.serving import Server, migrate, run, served

pytestmark = pytest.mark.django_db  # for the suite's database, beside which the server's is made
SECONDS = int(os.environ.get("FUZZ_SECONDS", "25"))  # for one role, on one database
PEOPLE = """
import django, json; django.setup()
from django.contrib.auth.models import User
from config.tokens import make_token
from policies.models import Officer, Province
home, found = Province.objects.get(slug="zhejiang"), {}
for role, province in [("viewer", None), ("provincial_editor", home), ("admin", None)]:
    user = User.objects.create(username=role)
    Officer.objects.create(user=user, role=role, province=province)
    found[role] = make_token(user=user, name="fuzz", may_write=True)[1]
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Shipped:
    """The product with the records that ship, and a token that may write for each role."""

    server: Server
    tokens: Mapping[str, str]


@pytest.fixture(scope="module")
def shipped(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[Shipped]:
    home: Path = tmp_path_factory.mktemp("fuzzed")
    with django_db_blocker.unblock(), own_database(f"fuzzed_{os.getpid()}", home) as database:
        migrate(home, database.url)
        run(home, database.url, "manage.py", "load_records")
        tokens = json.loads(run(home, database.url, "-c", PEOPLE))
        with served(home, database.url, THROTTLES="0") as server:
            yield Shipped(server, tokens)


@pytest.mark.parametrize("role", ["anonymous", "viewer", "provincial_editor", "admin"])
def test_the_api_does_what_its_description_says(shipped: Shipped, role: str) -> None:
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
    assert done.returncode == 0, told(done.stdout)[:6_000] + done.stderr[-2_000:]
    assert " passed" in done.stdout.partition("Test cases:")[2], done.stdout[-2_000:]
    faults = [line for line in shipped.server.lines() if line.get("status", 0) >= 500 or line["level"] == "ERROR"]
    assert faults == []


def told(report: str) -> str:
    """What was found, and with which seed; the lists of warnings left out."""
    return "".join(
        part for part in report.split("\n\n=") if " ERRORS " in part or " FAILURES " in part or "SUMMARY" in part
    )
