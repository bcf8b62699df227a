"""Environment variables: former names, and the files that list them."""

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings

from tests.support.live_server import server_environment

pytestmark = pytest.mark.process

ROOT = Path(__file__).parent.parent.parent
PRINT_SETTINGS = """
import django
django.setup()
from django.conf import settings
print(settings.CACHE_RESPONSES, len(settings.RATE_LIMITS))
"""


def settings_and_log(home: Path, **variables: str) -> tuple[str, list[dict[str, str]]]:
    """Return the output and the log lines of a process started with these variables."""
    done = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-c", PRINT_SETTINGS],
        cwd=settings.BASE_DIR,
        env=server_environment(home, "sqlite://:memory:", DJANGO_SETTINGS_MODULE="config.settings", **variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), [json.loads(line) for line in done.stderr.splitlines()]


@pytest.mark.parametrize("networks", ["10.0.0.1/8", "monitor.example", "127.0.0.1/33"])
def test_a_wrong_network_of_the_monitoring_stops_the_start(tmp_path: Path, networks: str) -> None:
    with pytest.raises(AssertionError, match=rf"METRICS_FROM: '?{networks}.*Use 127.0.0.1/32,10.0.0.0/8"):
        settings_and_log(tmp_path, METRICS_FROM=f"::1,{networks}")


@pytest.mark.parametrize("days", ["-1", "4000", "x"])
def test_wrong_days_of_grace_stop_the_start(tmp_path: Path, days: str) -> None:
    with pytest.raises(AssertionError, match=f"MFA_GRACE_DAYS={days}: use days from 0 to 3650"):
        settings_and_log(tmp_path, MFA_GRACE_DAYS=days)


def test_a_licence_without_an_address_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="DATA_LICENSE: give a name and an address"):
        settings_and_log(tmp_path, DATA_LICENSE="CC BY 4.0")


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"OIDC_SERVER": "http://id.example.org"}, "OIDC_SERVER: use the https:// address"),
        ({"OIDC_SERVER": "id.example.org"}, "OIDC_SERVER: use the https:// address"),
        ({"OIDC_SERVER": "https://id.example.org", "OIDC_CLIENT": "x"}, "OIDC_SERVER needs OIDC_CLIENT and OIDC_SEC"),
        ({"OIDC_UNMATCHED": "editor"}, "OIDC_UNMATCHED='editor': use one of refuse, viewer"),
    ],
)
def test_wrong_settings_of_single_sign_on_stop_the_start(tmp_path: Path, variables: dict[str, str], text: str) -> None:
    with pytest.raises(AssertionError, match=text):
        settings_and_log(tmp_path, **variables)


@pytest.mark.parametrize(
    ("variables", "values", "renamed"),
    [
        ({}, "True 6", []),
        ({"CACHE_RESPONSES": "0", "RATE_LIMITS_ENABLED": "0"}, "False 0", []),
        ({"ANSWERS": "0", "THROTTLES": "0"}, "False 0", ["ANSWERS", "THROTTLES"]),
        ({"ANSWERS": "0", "CACHE_RESPONSES": "1"}, "True 6", ["ANSWERS"]),
        ({"ANSWERS": "0", "CACHE_RESPONSES": ""}, "False 6", ["ANSWERS"]),
        ({"ANSWERS": "", "NO_SUCH_VARIABLE": "1"}, "True 6", []),
    ],
)
def test_former_names_of_variables_still_work_and_are_logged(
    tmp_path: Path, variables: dict[str, str], values: str, renamed: list[str]
) -> None:
    printed, lines = settings_and_log(tmp_path, **variables)
    assert printed == values
    assert [(line["logger"], line["level"]) for line in lines] == [("tracker.settings", "WARNING")] * len(renamed)
    assert [re.findall(r"[A-Z_]{4,}", line["message"])[0] for line in lines] == renamed


def test_a_wrong_value_under_a_former_name_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="ANSWERS='perhaps': use 1 or 0"):
        settings_and_log(tmp_path, ANSWERS="perhaps")


def test_every_variable_may_be_read_from_a_file(tmp_path: Path) -> None:
    """As container secrets and systemd credentials give it: with a line break at its end."""
    for name, value in {
        "RATE_LIMITS_ENABLED": "0",
        "CACHE_RESPONSES": "0",
        "SECRET_KEY": "k3y-" * 4 + "0123456789" * 4,
    }.items():
        (tmp_path / name).write_text(f"{value}\n", encoding="utf-8")
    files = {f"{path.name}_FILE": str(path) for path in tmp_path.iterdir()}
    assert settings_and_log(tmp_path, **files) == ("False 0", [])
    with pytest.raises(AssertionError, match=r"SECRET_KEY_FILE: /nowhere/key cannot be read: .*No such file"):
        settings_and_log(tmp_path, SECRET_KEY_FILE="/nowhere/key")


def test_the_former_name_of_the_gunicorn_configuration_still_works_and_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service unit of an installation may name it."""
    lines: list[str] = []
    server = SimpleNamespace(log=SimpleNamespace(warning=lines.append))
    former, present = import_module("config.server"), import_module("config.gunicorn_conf")
    names = [name for name in vars(present) if not name.startswith("_")]
    assert [name for name in names if getattr(former, name, None) is not getattr(present, name)] == ["on_starting"]
    monkeypatch.setattr(present, "METRICS_ROOT", tmp_path)
    monkeypatch.setattr(present, "METRICS_DIR", tmp_path / "7")
    former.on_starting(server)
    assert (tmp_path / "7").is_dir()
    assert lines == ["python:config.server is now python:config.gunicorn_conf: rename it before the next release"]
