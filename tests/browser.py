"""What the browser tests stand on: the product served as `make run` serves it, and a Chromium that listens to it."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Route, expect

ROOT = Path(__file__).resolve().parent.parent
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CDN = "https://cdn.jsdelivr.net/npm/"
VENDOR = ROOT / "static" / "vendor"
PATIENCE = 15_000  # ms: a busy machine is no fault of the page
WATCH_SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
  if (!entry.hadRecentInput) window.shifted += entry.value;
})).observe({ type: "layout-shift", buffered: true });
"""


# -- the server ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Product:
    """A place that holds a database with the shipped records and the collected static files."""

    home: Path
    key: str = field(default_factory=lambda: secrets.token_urlsafe(64))

    def environment(self, **more: str) -> dict[str, str]:
        """Nothing of the shell but what a process needs to start: DEBUG is off, and var/ is left alone."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {
            **kept,
            "DJANGO_SETTINGS_MODULE": "tests.served",
            "DATABASE_URL": f"sqlite:///{self.home / 'tracker.sqlite3'}",
            "TEST_STATIC_ROOT": str(self.home / "static"),
            "SECRET_KEY": self.key,
            **more,
        }

    def manage(self, *words: str, **more: str) -> None:
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(  # noqa: S603
            command, cwd=ROOT, env=self.environment(**more), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def prepare(self) -> None:
        with ThreadPoolExecutor() as pool:
            files = pool.submit(self.manage, "collectstatic", "--noinput")
            self.manage("migrate", "--noinput")
            self.manage("load_records")
            files.result()

    @contextmanager
    def served(self, **more: str) -> Iterator[str]:
        """Serve it on a free port until the block is left; gives the address."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "4"]
        command += ["--worker-class", "gthread", "--no-control-socket", "--log-level", "warning"]
        log = self.home / f"{port}.log"
        with log.open("w") as out:
            server = subprocess.Popen(  # noqa: S603
                command, cwd=ROOT, env=self.environment(**more), stdout=out, stderr=out
            )
            try:
                wait_for(f"http://127.0.0.1:{port}/api/v1/", server, log)
                yield f"http://127.0.0.1:{port}"
            finally:
                server.terminate()
                server.wait(timeout=20)


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the server answers; fail with its log when it has died or stays silent."""
    for _ in range(200):
        with suppress(OSError), urlopen(address, timeout=5):  # noqa: S310
            return
        with suppress(subprocess.TimeoutExpired):  # the pause between two tries, cut short when the server dies
            server.wait(timeout=0.1)
            break
    raise AssertionError(f"The server did not start:\n{log.read_text()}")


# -- the browser ---------------------------------------------------------------------------------------


def chromium(playwright: Playwright) -> Browser:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "The browser tests need Chromium: set CHROMIUM=/path/to/chromium."
    return playwright.chromium.launch(executable_path=path, args=FLAGS)


def vendored(address: str) -> Path:
    """Our copy of the file that the CDN serves: .../npm/chart.js@4.6.1/dist/chart.umd.min.js."""
    package, _, file = address.removeprefix(CDN).partition("/")
    name, version = package.split("@")
    stem = file.rpartition("/")[2].removesuffix(".js")
    for tail in (".umd.min", ".bundle.min", ".min"):
        if stem.endswith(tail):
            return VENDOR / f"{name.removesuffix('.js')}-{version}{tail}.js"
    raise AssertionError(address)


def cdn_good(route: Route) -> None:
    """The CDN as it should be: the bytes whose hashes we name."""
    headers = {"content-type": "text/javascript", "access-control-allow-origin": "*"}
    route.fulfill(body=vendored(route.request.url).read_text(), headers=headers)


def cdn_dead(route: Route) -> None:
    route.abort("namenotresolved")


def cdn_tampered(route: Route) -> None:
    """Other bytes than those we name a hash of."""
    route.fulfill(body="window.Chart = null;", headers={"access-control-allow-origin": "*"})


def cdn_silent(_route: Route) -> None:
    """A closed firewall: the request is taken and never answered."""


@dataclass
class Heard:
    """All that a context complained of, and every host it asked."""

    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def listen(self, context: BrowserContext) -> None:
        context.on("console", lambda message: self.console(message.type, message.text))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("requestfailed", lambda request: self.failed(request.url, request.failure))
        context.on("request", lambda request: self.hosts.add(request.url.split("/")[2] if "//" in request.url else ""))

    def console(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)

    def failed(self, url: str, why: str | None) -> None:
        if why != "net::ERR_ABORTED":  # a request that a newer one made needless
            self.complaints.append(f"{url}: {why}")


def open_context(browser: Browser, cdn: Any = cdn_good, **options: Any) -> tuple[BrowserContext, Heard]:
    """A reader's browser. Whatever it asks of the CDN is answered by `cdn`; there is no other way out."""
    context = browser.new_context(**{"locale": "en-GB", "viewport": {"width": 1440, "height": 900}, **options})
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    context.route(f"{CDN}**", cdn)
    context.add_init_script(WATCH_SHIFTS)
    heard = Heard()
    heard.listen(context)
    return context, heard


def draw_charts(page: Page) -> None:
    """Scroll to each drawing that is shown, and wait until the script has drawn it."""
    for frame in page.locator("[data-chart]:has([data-live-drawing]):visible").all():
        frame.scroll_into_view_if_needed()
        expect(frame).to_have_attribute("data-drawn", "")


def painted(page: Page) -> bool:
    """Whether every canvas that was drawn on holds more than its empty ground."""
    return page.evaluate("""() => [...document.querySelectorAll("[data-drawn] canvas")].every((canvas) =>
{
      const pen = new OffscreenCanvas(64, 64).getContext("2d");
      pen.drawImage(canvas, 0, 0, 64, 64);
      return new Uint32Array(pen.getImageData(0, 0, 64, 64).data.buffer).some((pixel) => pixel);
    })""")


def sideways(page: Page) -> int:
    """By how many pixels the page is wider than its window, once its scripts have seen the window's size."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
