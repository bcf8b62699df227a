"""Files of deploy/: what they name exists, they agree with each other and with the limits of the product, and they hold
no secret.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from config import gunicorn_conf
from config.settings import TIME_ZONE
from core.middleware import MAX_UPLOAD_BYTES

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file() and path.suffix != ".pyc")
UNITS = sorted(DEPLOY.glob("systemd/*.service"))


def read(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def compose() -> dict[str, dict[str, dict[str, object]]]:
    return yaml.safe_load(read("compose.yaml"))


# -- names -----------------------------------------------------------------------------------------------

NOT_OURS = {"PATH", "PYTHONDONTWRITEBYTECODE"}


def test_every_variable_that_is_set_is_one_of_the_settings() -> None:
    known = set(re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    services = compose()["services"]
    ours = [name for name in ("secrets", "migrate", "web", "worker") for name in dict(services[name]["environment"])]  # type: ignore[call-overload]
    image = re.findall(r"\b([A-Z_]+)=", " ".join(re.findall(r"^ENV (.+)$", read("Containerfile"), re.MULTILINE)))
    written = re.findall(r'echo "([A-Z_]+)=', read("install.sh")) + re.findall(r"([A-Z_]+)=%s", read("install.sh"))
    assert {"ALLOWED_HOSTS", "DATABASE_URL", "SECRET_KEY_FILE", "VAR_DIR"} <= set(written)
    named = {name.removesuffix("_FILE") for name in [*ours, *image, *written]} - NOT_OURS
    assert named <= known


def test_the_product_that_is_installed_is_every_package_and_nothing_for_developers() -> None:
    names = read("product.txt").split()
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert {"manage.py", "requirements.txt", "templates", "static", "locale", "docs", "deploy"} <= set(names)
    assert packages - set(names) == {"tests"}
    assert [name for name in names if not (ROOT / name).exists()] == []


VALUES = {
    "DATABASE_URL": "postgres://tracker:a$b(c;d@db1:5432,db2:5432/tracker?target_session_attrs=read-write&connect_timeout=3",
    "DATA_LICENSE": "CC BY 4.0 https://creativecommons.org/licenses/by/4.0/",
    "OIDC_NAME": "Ministry login",
    "EMAIL_URL": "smtp://user:#1`id`\"'*\\n\\@mail:25",
    "SITE_URL": "",
}


STARTS = {path.name: re.findall(r"^ExecStart=(\S+) (.+)$", path.read_text("utf-8"), re.MULTILINE) for path in UNITS}
PROGRAMS = {
    "check --tag": "/releases/1/manage.py check --tag",
    "serve --bind 127.0.0.1:8000": "-m gunicorn config.wsgi -c python:config.gunicorn_conf --bind 127.0.0.1:8000",
    "worker --worker-id %H-%i": "/releases/1/manage.py worker --worker-id %H-%i",
    "nightly": "/releases/1/manage.py nightly",
}


def test_units_start_the_command_which_reads_their_settings() -> None:
    assert len(STARTS) == 3
    assert os.access(DEPLOY / "tracker", os.X_OK)
    for (start,) in STARTS.values():
        assert start[0] == "/opt/tracker/current/deploy/tracker"
        assert start[1] in PROGRAMS
    assert [path.name for path in UNITS if re.search(r"^Environment", path.read_text("utf-8"), re.MULTILINE)] == []


def run_tracker(folder: Path, settings: bytes, *words: str, shell: str = "/bin/sh") -> tuple[int, list[str], str]:
    """Run the command on a file of settings; return its exit code, what its Python gets (a word or variable each; it
    shows the folder that it is in as `.`), and what is said."""
    release = folder / "releases" / "1"
    script, python = release / "deploy" / "tracker", release / ".venv" / "bin" / "python"
    for path in (script, python, folder / "settings" / "tracker.env", folder / "caller" / "file"):
        path.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(read("tracker"), encoding="utf-8")
    python.write_text('#!/bin/sh\nprintf \'%s\\0\' .="$(pwd)" "$@"\nenv -0\n', encoding="utf-8")
    python.chmod(0o755)
    (folder / "settings" / "tracker.env").write_bytes(settings)
    done = subprocess.run(  # noqa: S603  # our own script
        [shell, str(script), *words],
        env={"PATH": "/usr/bin:/bin"},
        cwd=folder / "caller",
        capture_output=True,
        check=False,
    )
    said = done.stdout.decode().replace(str(folder), "").split("\0")[:-1]
    return done.returncode, said, done.stderr.decode().replace(str(folder), "")


@pytest.mark.parametrize(("shell", "words"), [("/bin/sh", words) for words in PROGRAMS] + [("/bin/bash", "nightly")])
def test_the_command_and_its_units_read_the_settings_literally(shell: str, words: str, tmp_path: Path) -> None:
    """Every character of a value is its own. A command reads files from the folder of the caller."""
    lines = ["\ufeff# SITE_ACCESS=internal", "", *map("=".join, VALUES.items()), "  ", "\r", "  ISOLATED=1\r"]
    lines += ["BACKUP_DIR='/srv/backups, ours'  ", 'LANGUAGE_CODE="zh-hans"']  # no end of the last line
    code, said, faults = run_tracker(tmp_path, "\n".join(lines).encode(), *words.split(), "a b", shell=shell)
    assert (code, faults) == (0, "")
    given = [f".={'/releases/1' if words.startswith('serve') else '/caller'}", *PROGRAMS[words].split(), "a b"]
    assert said[: len(given)] == given
    named = dict(variable.split("=", 1) for variable in said[len(given) :])
    for name in ("PATH", "PWD", "OLDPWD", "SHLVL", "_"):  # the shell's own
        named.pop(name, None)
    values = VALUES | {"ISOLATED": "1", "BACKUP_DIR": "/srv/backups, ours", "LANGUAGE_CODE": "zh-hans"}
    assert named == values | {"TRACKER_ENV_NAMES": "".join(f" {name}" for name in values)}


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
@pytest.mark.parametrize(
    "line",
    [
        *("SITE_ACCESS = internal", "export SITE_ACCESS=internal", "SITE_ACCESS: internal", "SITE-ACCESS=internal"),
        *("=internal", "; a comment", "touch", "touch ran=1", "'SITE_ACCESS=internal'"),
    ],
)
def test_a_line_that_is_not_understood_stops_the_start(line: str, shell: str, tmp_path: Path) -> None:
    """Else an internal site is open. The line is not repeated: it may be a password."""
    told = (
        "/settings/tracker.env, line 3 is not understood. Write NAME=value, without export, and no blank before or "
        "after =.\n"
    )
    text = f"# ours\nISOLATED=1\n{line}\nDEBUG=0\n".encode()
    assert run_tracker(tmp_path, text, "nightly", shell=shell) == (1, [], told)
    text = f"SITE_ACCESS={line}\n".encode("utf-16")
    assert run_tracker(tmp_path, text, "nightly", shell=shell)[:2] == (1, [])


# -- installing ------------------------------------------------------------------------------------------


def test_three_releases_stay_and_the_first_installation_alone_makes_an_administrator(tmp_path: Path) -> None:
    """The new one, the one that ran before it although it is the oldest, and the newest of the others."""
    (tmp_path / "source/deploy").mkdir(parents=True)
    (tmp_path / "source/deploy/install.sh").write_text(read("install.sh"), encoding="utf-8")
    (tmp_path / "source/RELEASE").write_text("2\n", encoding="utf-8")
    for number, release in enumerate(("0.9", "1.0", "1.1", "1.2", "2")):
        (tmp_path / "to/releases" / release).mkdir(parents=True)
        os.utime(tmp_path / "to/releases" / release, (number, number))
    (tmp_path / "to/current").symlink_to("releases/0.9")
    install = ["/bin/sh", str(tmp_path / "source/deploy/install.sh"), "--to", str(tmp_path / "to")]
    environment, told = {"PATH": "/usr/bin:/bin", "PYTHON": sys.executable}, []
    for _again in range(2):
        done = subprocess.run(install, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
        told.append(done.stdout.splitlines())
    assert sorted(path.name for path in (tmp_path / "to/releases").iterdir()) == ["0.9", "1.2", "2"]
    assert (tmp_path / "to/current").readlink() == Path("releases/2")
    commands = [[line.split()[1] for line in lines if line.startswith("  ")] for lines in told]
    assert commands == [["migrate", "load_records", "createsuperuser", "serve"], ["migrate", "load_records", "serve"]]


# -- secrets ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_has_a_password_or_a_default_of_one(path: Path) -> None:
    """A value is a variable, a file, or made when it is needed."""
    text = path.read_text(encoding="utf-8")
    names = r"(?:[\w-]*(?:password|passwd|secret|secret_key|token|api_key)[\w-]*)"
    values = re.findall(rf"""(?i)\b{names}["']?[ ]*[:=][ ]*["']?([^\s"'}}]+)""", text)
    assert [value for value in values if not re.match(r"[$/{%(\[]|%s", value)] == []
    assert re.findall(rf"(?i)\$\{{{names}:?[-=][^}}]", text) == []
    assert re.findall(r"\w+://[^\s:/@$]+:(?!\$\()[^\s@$/]+@", text) == []


# -- the same ports, folders and limits everywhere ---------------------------------------------------------------


def test_ports_and_folders_agree() -> None:
    assert set(re.findall(r"(?:127\.0\.0\.1|0\.0\.0\.0|web):(\d+)", read("Caddyfile"))) == {"8000"}
    assert set(re.findall(r"(?:127\.0\.0\.1|0\.0\.0\.0|EXPOSE )[: ]?(\d{4})", read("Containerfile"))) == {"8000"}
    assert compose()["services"]["proxy"]["environment"]["TRACKER_UPSTREAM"] == "web:8000"  # type: ignore[index]
    for timer in re.findall(r"^OnCalendar=(.+)$", read("systemd/tracker-nightly.timer"), re.MULTILINE):
        assert timer.endswith(f" {TIME_ZONE}")  # a machine keeps UTC as a rule
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8")
        assert set(re.findall(r"(/(?:opt|etc|var/lib)/tracker)", text)) == {"/opt/tracker", "/etc/tracker"}
        assert "\nStateDirectory=tracker\n" in text
    assert "target=/opt/tracker settings=/etc/tracker data=/var/lib/tracker user=tracker" in read("install.sh")
    assert "VAR_DIR=/var/lib/tracker" in read("Containerfile")
    assert re.findall(r"^VOLUME (.+)$", read("Containerfile"), re.MULTILINE) == ["/var/lib/tracker"]


def test_the_proxy_lets_pass_what_the_product_judges_itself_and_little_more() -> None:
    """So the answer is a sentence in the reader's language, not the proxy's page; a slow body occupies no thread."""
    assert int(re.findall(r"max_size (\d+)MB", read("Caddyfile"))[0]) == MAX_UPLOAD_BYTES // 2**20 + 1
    assert int(re.findall(r"max_header_size (\d+)KB", read("Caddyfile"))[0]) * 1024 >= gunicorn_conf.limit_request_line
    assert re.findall(r"^\t+(read_body|request_buffers) (\w+)$", read("Caddyfile"), re.MULTILINE) == [
        *(("read_body", "60s"), ("request_buffers", "26MB")),
    ]


# -- units and image -----------------------------------------------------------------------------------------


def test_compose_migrates_once_before_it_serves_and_gives_no_service_more_than_it_needs() -> None:
    services = compose()["services"]
    assert set(services) == {"secrets", "database", "cache", "migrate", "web", "worker", "proxy"}
    for name in ("web", "worker"):
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert {str(service["logging"]) for service in services.values()} == {
        "{'driver': 'json-file', 'options': {'max-size': '20m', 'max-file': '5'}}"
    }
    for name in ("secrets", "migrate", "web", "worker"):
        service = services[name]
        assert (service["read_only"], service["cap_drop"], service["tmpfs"]) == (True, ["ALL"], ["/tmp"])  # noqa: S108
    assert {name for name, service in services.items() if "ports" in service} == {"proxy"}
    assert {name for name, service in services.items() if "secrets:" in str(service.get("volumes"))} == {
        *("secrets", "database", "migrate", "web", "worker")
    }
    assert {name for name, service in services.items() if service.get("user") == "0"} == {"secrets"}


def test_compose_takes_every_setting_from_a_file_that_no_image_has() -> None:
    """Only what the services of the file itself need is set there, where it would win over the file of settings."""
    services = compose()["services"]
    fixed = {"ALLOWED_HOSTS", "BEHIND_PROXY", "SECRET_KEY_FILE", "DATABASE_URL_FILE", "CACHE_URL"}
    for name in ("migrate", "web", "worker"):
        assert services[name]["env_file"] == [{"path": "../tracker.env", "required": False}]
        assert set(services[name]["environment"]) == fixed  # type: ignore[call-overload]
    assert (services["secrets"]["env_file"], services["secrets"]["environment"]) == ([], {})
    assert "tracker.env" not in read("product.txt").split()
    assert "/tracker.env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
