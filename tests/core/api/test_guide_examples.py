"""Every example of the guide “Use the API” runs unchanged and prints the documented output."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from accounts.models import create_token
from core.seed.loader import load_seed
from pilots.seed import SEED_FILES

pytestmark = pytest.mark.process

DOCS = Path(__file__).resolve().parent.parent.parent.parent / "docs"
FOLDER = DOCS / "examples" / "use"
ORDER = re.findall(r"^\[([\w.]+)\]\(examples/use/", (DOCS / "api.md").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.django_db(transaction=True)
def test_the_examples_print_what_the_guide_shows(live_server: Any, subtests: Any) -> None:
    """In the order of the guide: one may go on where the other ended."""
    load_seed(SEED_FILES)
    secret = create_token(user=User.objects.create_superuser("officer"), name="examples", may_write=True)[1]
    around = {"TRACKER": f"{live_server.url}/api/v1", "TOKEN": secret, "PATH": os.environ["PATH"]}
    for name in ORDER:
        program = "bash" if name.endswith(".sh") else sys.executable
        with subtests.test(name):
            done = subprocess.run(  # noqa: S603
                [program, str(FOLDER / name)], env=around, capture_output=True, text=True, check=False
            )
            assert (done.returncode, done.stderr) == (0, "")
            assert_same_output(FOLDER / f"{name}.out", done.stdout)


def assert_same_output(file: Path, printed: str) -> None:
    """Assert that the file has this content. With WRITE_EXAMPLES in the environment, write it."""
    if "WRITE_EXAMPLES" in os.environ:
        file.write_text(printed.rstrip("\n") + "\n")
    assert file.read_text().rstrip("\n") == printed.rstrip("\n")
