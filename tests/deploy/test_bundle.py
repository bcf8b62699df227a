"""The bundle: one file that installs, migrates and serves the product where there is no network at all."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.process

# In a network namespace of its own, in which not even the loopback interface is up before this says so.
SESSION = """
set -eu
ip link set lo up
tar xf bundle.tar.gz
tracker-*/deploy/install.sh --to there >install.log
there/tracker migrate --verbosity 0
there/tracker load_records >records.log
tracker-*/deploy/install.sh --to there >again.log
there/tracker serve --bind 127.0.0.1:8099 2>serve.log &
server=$!
trap 'cat serve.log >&2; kill $server' EXIT
"$PYTHON" - <<'END'
import re, time, urllib.request
def get(path): return urllib.request.urlopen("http://127.0.0.1:8099" + path, timeout=120)  # compiles what was installed
for _ in range(300):
    try:
        get("/readyz")
        break
    except OSError:
        time.sleep(0.2)
page = get("/").read().decode()
style = re.search(r'href="(/static/css/[^"]+)"', page).group(1)
print(get("/").status, get(style).status, re.search(r"Version ([^<]+)<", page).group(1))
END
trap - EXIT
kill $server
wait $server || true
stat -c '%a %n' there/settings/secret_key there/settings/tracker.env
"""


def run(command: list[str], folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    keep = {name: value for name, value in os.environ.items() if name in {"HOME", "PATH", "LANG"} or "PIP" in name}
    return subprocess.run(  # noqa: S603  # our own scripts
        command, cwd=folder, env={**keep, **variables}, capture_output=True, text=True, check=False, timeout=600
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle for this Python and this machine."""
    path = tmp_path_factory.mktemp("bundle") / "bundle.tar.gz"
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    done = run(["deploy/bundle.sh", str(path)], ROOT, PYTHONS=minor, MACHINES=os.uname().machine)
    assert done.returncode == 0, done.stderr
    return path


@pytest.mark.skipif(not (os.geteuid() == 0 and shutil.which("ip")), reason="a network namespace needs root and ip")
def test_it_installs_migrates_and_serves_without_a_network_and_twice_is_harmless(bundle: Path) -> None:
    offline = {"PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull, "PYTHON": sys.executable}
    done = run(["unshare", "--net", "/bin/sh", "-c", SESSION], bundle.parent, **offline)
    assert done.returncode == 0, done.stdout + done.stderr
    version = next(bundle.parent.glob("tracker-*")).name.split("-")[1]
    assert done.stdout.splitlines() == [
        f"200 200 {version}",
        "640 there/settings/secret_key",
        "640 there/settings/tracker.env",
    ]
    assert "is installed already" in (bundle.parent / "again.log").read_text(encoding="utf-8")


def test_a_damaged_bundle_is_refused_before_anything_is_installed(bundle: Path, tmp_path: Path) -> None:
    assert run(["tar", "xf", str(bundle)], tmp_path).returncode == 0
    folder = next(tmp_path.iterdir())
    with (folder / "manage.py").open("a", encoding="utf-8") as file:
        file.write("\n")
    done = run([str(folder / "deploy/install.sh"), "--to", str(tmp_path / "there")], tmp_path)
    assert done.returncode == 1
    assert "The bundle is damaged: fetch it again. Nothing was installed." in done.stderr
    assert not (tmp_path / "there" / "releases").exists()


def test_it_names_every_library_and_holds_nothing_for_developers(bundle: Path) -> None:
    listed = run(["tar", "tf", str(bundle)], ROOT).stdout.splitlines()
    names = {line.partition("/")[2].split("/")[0] for line in listed} - {""}
    product = set((ROOT / "deploy/product.txt").read_text(encoding="utf-8").split())
    assert names == product | {"RELEASE", "SHA256SUMS", "sbom.cdx.json", "staticfiles", "wheels"}
    assert [line for line in listed if line.endswith((".po", ".mo")) and "locale/zh_Hans/LC_MESSAGES/django" in line][
        -1:
    ]
