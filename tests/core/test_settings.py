"""Environment variables: how each is read, and which stop the start."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.support.live_server import server_environment

pytestmark = pytest.mark.process

PRINT_SETTINGS = """
import django
django.setup()
from django.conf import settings
print(settings.CACHE_RESPONSES, len(settings.RATE_LIMITS))
"""

PRINT_ROLES = "from django.conf import settings; print(ascii(settings.OIDC_ROLES))"


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


HOSTS = "ALLOWED_HOSTS: give the host names of the site, without ports, separated by commas."
DATABASE = (
    "DATABASE_URL: use sqlite:////FILE or postgres://USER:PASSWORD@HOST:PORT/NAME, and after ? options of libpq alone."
)
MAIL = "EMAIL_URL: use smtp+tls://USER:PASSWORD@HOST:PORT or smtp://HOST:PORT."
SIGN_ON = "OIDC_SERVER, OIDC_CLIENT, OIDC_SECRET (or OIDC_SECRET_FILE): give all three or none."
FOLDER = "VAR_DIR: name a folder that can be made and that the service may write."


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("METRICS_FROM=::1,10.0.0.1/8", "METRICS_FROM: 10.0.0.1/8 has host bits set. Use 127.0.0.1/32,10.0.0.0/8."),
        (
            f"SECRET_KEY_FALLBACKS={'0123456789' * 6},short",
            "SECRET_KEY_FALLBACKS: give former SECRET_KEYs, separated by commas.",
        ),
        ("SECRET_KEY_FILE=/nowhere/key", "SECRET_KEY_FILE: /nowhere/key cannot be read: [Errno 2] No such file or "),
        ("MFA_GRACE_DAYS=-1", "MFA_GRACE_DAYS=-1: use a whole number from 0 to 3650."),
        *((f"BACKUP_KEEP={n}", f"BACKUP_KEEP={n}: use a whole number from 1 to 10000.") for n in ("x", "0")),
        (
            "DATA_LICENSE=CC BY 4.0",
            "DATA_LICENSE: give a name and an address, such as My licence https://example.org/.",
        ),
        ("OIDC_SERVER=http://id.example.org", "OIDC_SERVER: use the https:// address of the provider (its issuer)."),
        *((setting, SIGN_ON) for setting in ("OIDC_SERVER=https://id.example.org", "OIDC_CLIENT=x")),
        *(
            (f"OIDC_ROLES={role}", f"OIDC_ROLES: '{role}' is not VALUE=ROLE or VALUE=provincial_editor:PROVINCE.")
            for role in ("a=boss", "b=provincial_editor", "*=admin")
        ),
        *((f"ALLOWED_HOSTS={hosts}", HOSTS) for hosts in ("*", "a b", "", "tracker:8000")),
        *(
            (f"DATABASE_URL={url}", DATABASE)
            for url in (
                *("mysql://u:p@h/n", "postgres://u:p@h:abc/n", "postgres://h/n?sslmod=require"),
                *("sqlite://var/db.sqlite3", "sqlite:////db.sqlite3?timeout=1"),
            )
        ),
        *((f"EMAIL_URL={url}", MAIL) for url in ("foo", "smtp://h:abc")),
        ("EMAIL_FROM=notanaddress", "EMAIL_FROM='notanaddress': use NAME@HOST or Name <NAME@HOST>."),
        ("CACHE_URL=foo", "CACHE_URL: use redis://HOST:6379/0 or filecache:///FOLDER."),
        *((f"VAR_DIR={folder}", FOLDER) for folder in ("/proc/x", "/etc/passwd")),
        ("site_access=internal", "site_access is no setting: write SITE_ACCESS."),
        (
            "DATABASE_URL=postgres://nobody:p@127.0.0.1:1/n",
            'The database of DATABASE_URL refused: connection to server at "127.0.0.1", port 1 failed: Connection ref',
        ),
        ("DATABASE_URL=sqlite:////nowhere/db", "The database of DATABASE_URL refused: unable to open database file. "),
    ],
)
def test_a_wrong_variable_stops_the_start_with_one_sentence(tmp_path: Path, setting: str, text: str) -> None:
    """Which names the variable and what is right."""
    name, _equals, value = setting.partition("=")
    environment = server_environment(tmp_path, "sqlite://:memory:", DJANGO_SETTINGS_MODULE="config.settings")
    done = subprocess.run(  # our own code
        [sys.executable, "manage.py", "check", "--database", "default"],
        cwd=settings.BASE_DIR,
        env=environment | {name: value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(text if text[-1] != "." else f"{text}\n")


def test_a_wrong_variable_stops_the_server_with_the_same_sentence(tmp_path: Path) -> None:
    environment = server_environment(tmp_path, "postgres://", DJANGO_SETTINGS_MODULE="config.settings")
    words = ["-m", "gunicorn", "--check-config", "config.wsgi", "-c", "python:config.gunicorn_conf"]
    done = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, *words], cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"\nError: {DATABASE}\n")


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({"SITE_ACESS": "internal"}, ["SITE_ACESS is no setting and has no effect: is SITE_ACCESS meant?"]),
        ({"SECRET_KEYS_FILE": "x"}, ["SECRET_KEYS_FILE is no setting and has no effect: is SECRET_KEY meant?"]),
        ({"COLOUR": "red", "PGSSLMODE": "require"}, []),
        (
            {
                "COLOUR": "red",
                "PGSSLMODE": "x",
                "https_proxy": "x",
                "TRACKER_ENV_NAMES": "COLOUR PGSSLMODE https_proxy",
            },
            ["COLOUR in tracker.env is no setting and has no effect."],
        ),
    ],
)
def test_a_name_that_is_no_setting_is_logged(tmp_path: Path, variables: dict[str, str], wanted: list[str]) -> None:
    _said, lines = settings_and_log(tmp_path, **variables)
    assert [(line["level"], line["message"]) for line in lines] == [("WARNING", text) for text in wanted]


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
    script += "; print(s.SECURE_HSTS_PRELOAD)"
    # `preload` in HSTS is for who has the domain to decide.
    assert settings_and_log(tmp_path, script, **variables)[0] == f"{told}\nFalse"
