"""How much memory the workers gain while people read and write: `python -m bench.memory [--seconds 60]`.

Serves an invented programme of the national size from an embedded database of its own in a temporary folder, as `make
run` would. Ten readers ask for pages and pause, two writers change a pilot each by the API. Prints a row for
docs/performance.md. `--thresholds 50000,20,100` gives the garbage collector other thresholds than Python's own.
"""

import argparse
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from typing import Any

from bench.servers import HOST, ROOT, WAIT, memory

READERS, WRITERS, PAUSE = 10, 2, 0.2
PAGES = ("/", "/pilots/", "/pilots/?light=red", "/provinces/", "/industries/", "/synergy/", "/api/v1/pilots/")
PREPARE = (("migrate", "--noinput", "--verbosity", "0"), ("synthesize", "--scale", "1"))
WRITER = """
from django.contrib.auth.models import User
from config.tokens import make_token
user = User.objects.create_superuser("bench")
print("token", make_token(user=user, name="bench", may_write=True)[1])
"""
TUNED = """
from config.server import *
from config.server import post_worker_init as loaded
def post_worker_init(worker):
    import gc
    loaded(worker)
    gc.collect()
    gc.freeze()
    gc.set_threshold({thresholds})
"""


class Soak:
    """The served programme, and who uses it."""

    def __init__(self, home: Path, thresholds: str) -> None:
        self.home, self.stop = home, threading.Event()
        self.reads = self.writes = self.failed = 0
        self.lock = threading.Lock()
        names = ("PATH", "HOME", "LANG")
        self.environ = {name: os.environ[name] for name in names if name in os.environ} | {
            "DATABASE_URL": f"sqlite:///{home / 'tracker.sqlite3'}",
            "CACHE_URL": f"filecache://{home / 'answers'}",
            "SECRET_KEY": secrets.token_urlsafe(60),
            "ALLOWED_HOSTS": HOST,
            "DEBUG": "0",
            "THROTTLES": "0",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONPATH": f"{home}:{ROOT}",
        }
        self.config = "config.server"
        if thresholds:
            self.config = "tuned_server"
            (home / "tuned_server.py").write_text(TUNED.format(thresholds=thresholds), encoding="utf-8")

    def manage(self, *words: str) -> str:
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, cwd=ROOT, env=self.environ, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise SystemExit(done.stderr[-2000:])
        return done.stdout

    def prepare(self) -> None:
        for words in PREPARE:
            self.manage(*words)
        self.token = self.manage("shell", "-c", WRITER).rpartition("token ")[2].strip()

    def serve(self) -> subprocess.Popen[bytes]:
        with socket.create_server((HOST, 0)) as free:
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", "config.wsgi", "-c", f"python:{self.config}"]
        out = subprocess.DEVNULL
        server = subprocess.Popen(  # noqa: S603
            [*command, "--bind", f"{HOST}:{self.port}"], cwd=ROOT, env=self.environ, stdout=out, stderr=out
        )
        until = time.monotonic() + WAIT
        while time.monotonic() < until:
            with suppress(OSError):
                if self.ask("GET", "/livez")[0] == 200:
                    return server
            time.sleep(0.1)
        raise SystemExit("the server did not start")

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        line = HTTPConnection(HOST, self.port, timeout=120)
        line.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = line.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def read(self, number: int) -> None:
        chance = Random(number)  # noqa: S311
        while not self.stop.is_set():
            self.count("reads", self.ask("GET", chance.choice(PAGES))[0] == 200)
            self.stop.wait(PAUSE * (0.5 + chance.random()))

    def write(self, number: int) -> None:
        slugs = [
            row["slug"] for row in json.loads(self.ask("GET", "/api/v1/pilots/?page_size=50&fields=slug")[2])["results"]
        ]
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        turn = 0
        while not self.stop.is_set():
            turn += 1
            path = f"/api/v1/pilots/{slugs[(2 * turn + number) % len(slugs)]}/"
            tag = self.ask("GET", path, **headers)[1].get("etag", "")
            status, _headers, _body = self.ask(
                "PATCH", path, {"note_en": f"turn {turn}"}, **headers, **{"If-Match": tag}
            )
            self.count("writes", status == 200)
            self.stop.wait(PAUSE)

    def count(self, what: str, good: bool) -> None:
        with self.lock:
            setattr(self, what, getattr(self, what) + 1)
            self.failed += not good


def held(server: Any) -> float:
    """MiB that the workers hold together."""
    number = server.pid
    children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
    return sum(memory([int(child) for child in children]).values()) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--thresholds", default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder), options.thresholds)
        soak.prepare()
        server = soak.serve()
        try:
            for path in PAGES * 4:  # both workers have given each page once
                soak.ask("GET", path)
            before = held(server)
            people = [threading.Thread(target=soak.read, args=[n]) for n in range(READERS)]
            people += [threading.Thread(target=soak.write, args=[n]) for n in range(WRITERS)]
            for person in people:
                person.start()
            time.sleep(options.seconds)
            soak.stop.set()
            for person in people:
                person.join()
            after = held(server)
        finally:
            server.terminate()
            server.wait()
    print(
        f"| {options.thresholds or 'Python’s own'} | {options.seconds:.0f} | {soak.reads} | {soak.writes} | "
        f"{soak.failed} | {before:.0f} | {after:.0f} | {after - before:+.0f} |"
    )


if __name__ == "__main__":
    main()
