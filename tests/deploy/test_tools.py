"""Files of deploy/, judged by the programs that read them, where the machine has them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
pytestmark = pytest.mark.process


def run(*command: str) -> str:
    path = shutil.which(command[0], path="/usr/local/bin:/usr/bin:/usr/sbin")
    if not path:
        pytest.skip(f"{command[0]} is not on this machine")
    done = subprocess.run([path, *command[1:]], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", ["tracker-web.service", "tracker-worker@.service", "tracker-nightly.service"])
def test_systemd_finds_the_units_well_enclosed(name: str) -> None:
    text = run("systemd-analyze", "security", "--offline=yes", "--no-pager", str(DEPLOY / "systemd" / name))
    exposure = re.findall(r"Overall exposure level for \S+: ([\d.]+)", text)
    assert [float(level) <= 1.5 for level in exposure] == [True], exposure


def test_caddy_takes_its_file() -> None:
    assert "Valid configuration" in run(
        "caddy", "validate", "--adapter", "caddyfile", "--config", str(DEPLOY / "Caddyfile")
    )
