"""Files of deploy/: what they name exists, they agree with each other and with the limits of the product, and they hold
no secret.
"""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from config import gunicorn_conf
from core.http.upload_handlers import MAX_UPLOAD_BYTES

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file() and path.suffix != ".pyc")
UNITS = sorted(DEPLOY.glob("systemd/*.service"))


def read(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def compose() -> dict[str, dict[str, dict[str, object]]]:
    parsed: dict[str, dict[str, dict[str, object]]] = yaml.safe_load(read("compose.yaml"))
    return parsed


# -- names -----------------------------------------------------------------------------------------------

NOT_OURS = {"PATH", "PYTHONDONTWRITEBYTECODE"}


def test_every_variable_that_is_set_is_one_of_the_readme() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Settings")[2]
    known = set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE))
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


@pytest.mark.parametrize("path", [path for path in FILES if path.read_bytes().startswith(b"#!/bin/sh")], ids=str)
def test_scripts_are_shell_that_can_be_parsed(path: Path) -> None:
    done = subprocess.run(["/bin/sh", "-n", str(path)], capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stderr) == (0, "")


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
    assert set(
        re.findall(r"(?:127\.0\.0\.1|0\.0\.0\.0|web):(\d+)", "".join(map(read, ["Caddyfile", "nginx.conf"])))
    ) == {"8000"}
    assert set(re.findall(r"(?:127\.0\.0\.1|0\.0\.0\.0|EXPOSE )[: ]?(\d{4})", read("Containerfile"))) == {"8000"}
    assert compose()["services"]["proxy"]["environment"]["TRACKER_UPSTREAM"] == "web:8000"  # type: ignore[index]
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8")
        assert set(re.findall(r"(/(?:opt|etc|var/lib)/tracker)", text)) == {"/opt/tracker", "/etc/tracker"}
        assert "\nStateDirectory=tracker\n" in text
    assert "target=/opt/tracker settings=/etc/tracker data=/var/lib/tracker user=tracker" in read("install.sh")
    assert "VAR_DIR=/var/lib/tracker" in read("Containerfile")
    assert re.findall(r"^VOLUME (.+)$", read("Containerfile"), re.MULTILINE) == ["/var/lib/tracker"]


def test_proxies_let_pass_what_the_product_judges_itself_and_little_more() -> None:
    """So the answer is a sentence in the reader's language, not the proxy's page."""
    most = {
        int(re.findall(r"client_max_body_size (\d+)m;", read("nginx.conf"))[0]),
        int(re.findall(r"max_size (\d+)MB", read("Caddyfile"))[0]),
    }
    assert most == {MAX_UPLOAD_BYTES // 2**20 + 1}
    count, size = map(int, re.findall(r"large_client_header_buffers (\d+) (\d+)k;", read("nginx.conf"))[0])
    assert size * 1024 >= gunicorn_conf.limit_request_line
    assert count >= 4


def test_proxies_tell_the_scheme_and_the_client() -> None:
    text = read("nginx.conf")
    assert "proxy_set_header X-Forwarded-Proto https;" in text
    assert "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;" in text
    assert "proxy_set_header Host $host;" in text
    assert "header_up" not in read("Caddyfile")  # Caddy sets the three by itself; a copied header_up would double them
    assert "BEHIND_PROXY=1" in read("install.sh")
    assert compose()["services"]["web"]["environment"]["BEHIND_PROXY"] == "1"  # type: ignore[index]


# -- units and image -----------------------------------------------------------------------------------------


def test_units_are_hardened_alike() -> None:
    blocks = {path.name: path.read_text(encoding="utf-8").partition("\n\n# The release")[2] for path in UNITS}
    assert set(blocks) == {"tracker-web.service", "tracker-worker.service"}
    assert len(set(blocks.values())) == 1
    assert {"ProtectSystem=strict", "NoNewPrivileges=yes", "CapabilityBoundingSet="} <= set(
        blocks["tracker-web.service"].splitlines()
    )


def test_the_image_runs_as_a_user_of_its_own_and_is_healthy_when_it_is_ready() -> None:
    last = read("Containerfile").rpartition("\nFROM ")[2]
    lines = re.findall(r"^([A-Z]+) ", last, re.MULTILINE)
    assert re.findall(r"^USER (\w+)$", last, re.MULTILINE) == ["tracker"]
    assert lines.index("USER") < lines.index("CMD")
    assert "http://127.0.0.1:8000/readyz" in last
    assert "ADD" not in lines
    assert re.findall(r"^COPY (?!--from=build )", last, re.MULTILINE) == []
    assert "fonts-" in last


def test_compose_migrates_once_before_it_serves_and_gives_no_service_more_than_it_needs() -> None:
    services = compose()["services"]
    assert set(services) == {"secrets", "database", "cache", "migrate", "web", "worker", "proxy"}
    for name in ("web", "worker"):
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    for name in ("secrets", "migrate", "web", "worker"):
        service = services[name]
        assert (service["read_only"], service["cap_drop"], service["tmpfs"]) == (True, ["ALL"], ["/tmp"])  # noqa: S108
    assert {name for name, service in services.items() if "ports" in service} == {"proxy"}
    assert {name for name, service in services.items() if "secrets:" in str(service.get("volumes"))} == {
        *("secrets", "database", "migrate", "web", "worker")
    }
    assert {name for name, service in services.items() if service.get("user") == "0"} == {"secrets"}
