"""The image, built of Debian's packages and started, where the machine can."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.process
def test_the_image_is_built_and_serves_read_only_as_a_user_of_its_own() -> None:
    done = subprocess.run([".ci/image"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=1_200)
    if done.returncode == 77:
        pytest.skip(done.stdout.splitlines()[-1])
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert int(lines[0].split()[1]) < 700  # MB, Debian's base included
    assert lines[1:] == [
        "user: tracker",
        "volumes: /var/lib/tracker ",
        "home: 200",
        "pdf: b'%PDF-'",
        "written outside its volume: no",
        "files with a secret: 0",
    ]
