"""Environment variables: former names, and the files that list them."""

import json
import subprocess
import sys
from pathlib import Path

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

PRINT_ROLES = "from django.conf import settings; print(ascii(settings.OIDC_ROLES))"

PRINT_HSTS = """
import django
django.setup()
from django.test import Client
answer = Client(raise_request_exception=False).get("/api/v1/", secure=True)  # without tables, 503; it needs no style
print(answer["Strict-Transport-Security"])
"""


def settings_and_log(home: Path, script: str = PRINT_SETTINGS, **variables: str) -> tuple[str, list[dict[str, str]]]:
    """Return the output and the log lines of a process started with these variables."""
    done = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-c", script],
        cwd=settings.BASE_DIR,
        env=server_environment(home, "sqlite://:memory:", DJANGO_SETTINGS_MODULE="config.settings", **variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), [json.loads(line) for line in done.stderr.splitlines()]


def test_roles_of_single_sign_on_are_listed_in_a_variable_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "roles").write_text("cn=all,ou=x=national_editor\n东部=provincial_editor:east\n", encoding="utf-8")
    given: list[dict[str, str]] = [
        {"OIDC_ROLES": "cn=all,ou=x=national_editor; 东部=provincial_editor:east;"},
        {"OIDC_ROLES_FILE": str(tmp_path / "roles")},
    ]
    wanted = ascii({"cn=all,ou=x": ("national_editor", ""), "东部": ("provincial_editor", "east")})
    for variables in given:
        assert settings_and_log(tmp_path, PRINT_ROLES, **variables)[0] == wanted


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"METRICS_FROM": "::1,10.0.0.1/8"}, "METRICS_FROM: '?10.0.0.1/8.*Use 127.0.0.1/32,10.0.0.0/8"),
        ({"SECRET_KEY_FALLBACKS": f"{'0123456789' * 6},short"}, "SECRET_KEY_FALLBACKS: give former SECRET_KEYs, separ"),
        ({"MFA_GRACE_DAYS": "-1"}, "MFA_GRACE_DAYS=-1: use days from 0 to 3650"),
        ({"DATA_LICENSE": "CC BY 4.0"}, "DATA_LICENSE: give a name and an address"),
        ({"OIDC_SERVER": "http://id.example.org"}, "OIDC_SERVER: use the https:// address"),
        ({"OIDC_SERVER": "https://id.example.org", "OIDC_CLIENT": "x"}, "OIDC_SERVER needs OIDC_CLIENT and OIDC_SEC"),
        *(
            ({"OIDC_ROLES": roles}, "OIDC_ROLES: .* is not VALUE=ROLE or VALUE=provincial_editor:PROVINCE")
            for roles in ("a=boss", "=viewer", "a=viewer;b=provincial_editor", "*=admin")
        ),
        (
            {"HTTPS": "0"},
            r"HTTPS is no longer read: give the address of the site as SITE_URL, with https://.*\. Remove it\.",
        ),
        (
            {"OIDC_UNMATCHED": "0"},
            r"OIDC_UNMATCHED is no longer read: for viewer add \*=viewer to OIDC_ROLES. Remove it\.",
        ),
    ],
)
def test_a_wrong_variable_stops_the_start_and_says_what_is_right(
    tmp_path: Path, variables: dict[str, str], text: str
) -> None:
    with pytest.raises(AssertionError, match=text):
        settings_and_log(tmp_path, "import config.settings", **variables)


@pytest.mark.parametrize(
    ("variables", "values"),
    [
        ({}, "True 7"),
        ({"DEBUG": "1"}, "False 7"),
        ({"CACHE_RESPONSES": "0", "RATE_LIMITS_ENABLED": "0"}, "False 0"),
        ({"DEBUG": "", "NO_SUCH_VARIABLE": "1"}, "True 7"),
    ],
)
def test_flags_are_read(tmp_path: Path, variables: dict[str, str], values: str) -> None:
    assert settings_and_log(tmp_path, **variables) == (values, [])


def test_every_variable_may_be_read_from_a_file(tmp_path: Path) -> None:
    """As container secrets and systemd credentials give it: with a line break at its end."""
    for name, value in {
        "DEBUG": "1",
        "SECRET_KEY": "k3y-" * 4 + "0123456789" * 4,
    }.items():
        (tmp_path / name).write_text(f"{value}\n", encoding="utf-8")
    files = {f"{path.name}_FILE": str(path) for path in tmp_path.iterdir()}
    assert settings_and_log(tmp_path, **files) == ("False 7", [])
    with pytest.raises(AssertionError, match=r"SECRET_KEY_FILE: /nowhere/key cannot be read: .*No such file"):
        settings_and_log(tmp_path, SECRET_KEY_FILE="/nowhere/key")


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "http://localhost:8000 False session"),
        ({"ALLOWED_HOSTS": "localhost,tracker.example.gov.cn"}, "https://tracker.example.gov.cn True __Host-session"),
        ({"SITE_URL": "https://localhost/"}, "https://localhost True __Host-session"),
        ({"ALLOWED_HOSTS": "tracker", "SITE_URL": "http://tracker:8000"}, "http://tracker:8000 False session"),
    ],
)
def test_the_address_of_the_site_says_whether_it_is_encrypted(
    tmp_path: Path, variables: dict[str, str], told: str
) -> None:
    script = "from django.conf import settings as s; print(s.SITE_URL, s.SECURE_SSL_REDIRECT, s.SESSION_COOKIE_NAME)"
    assert settings_and_log(tmp_path, script, **variables)[0] == told


def test_no_browser_list_is_asked_to_keep_the_whole_domain(tmp_path: Path) -> None:
    """`preload` in HSTS is for who has the domain to decide."""
    told, _log = settings_and_log(tmp_path, PRINT_HSTS, ALLOWED_HOSTS="testserver", PYTHONWARNINGS="ignore")
    assert told == "max-age=31536000; includeSubDomains"
