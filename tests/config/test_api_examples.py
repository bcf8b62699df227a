"""Every example of the page “Use the API” runs as it stands, and prints what the page says it prints."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from config.apidocs import USE, examples
from config.tokens import make_token
from pilots.load import KINDS
from policies.load import load

FOLDER = Path(__file__).resolve().parent.parent.parent / "docs" / "examples" / "use"
ORDER = [
    *("first.sh", "rollout.py", "days.py", "pages.py", "table.py", "correct.py", "stale.sh", "bulk.py", "repeat.py"),
    *("mirror.py", "errors.py"),
]


def test_every_example_has_its_place_on_the_page() -> None:
    assert sorted(path.name for path in FOLDER.iterdir() if path.suffix != ".out") == sorted(ORDER)
    assert [shown.name for shown in examples().values()] == sorted(ORDER)
    assert USE == FOLDER


@pytest.mark.django_db(transaction=True)
def test_the_examples_print_what_the_page_shows(live_server: Any, subtests: Any) -> None:
    """In the order of the page: one may go on where the other ended."""
    load(KINDS)
    secret = make_token(user=User.objects.create_superuser("officer"), name="examples", may_write=True)[1]
    around = {"TRACKER": f"{live_server.url}/api/v1", "TOKEN": secret, "PATH": os.environ["PATH"]}
    for name in ORDER:
        program = "bash" if name.endswith(".sh") else sys.executable
        with subtests.test(name):
            done = subprocess.run(  # noqa: S603
                [program, str(FOLDER / name)], env=around, capture_output=True, text=True, check=False
            )
            assert (done.returncode, done.stderr) == (0, "")
            compared(FOLDER / f"{name}.out", done.stdout)


def compared(file: Path, printed: str) -> None:
    """The file holds this. With WRITE_EXAMPLES in the environment it does from now on."""
    if "WRITE_EXAMPLES" in os.environ:
        file.write_text(printed.rstrip("\n") + "\n")
    assert file.read_text().rstrip("\n") == printed.rstrip("\n")
