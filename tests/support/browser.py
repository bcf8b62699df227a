"""Browser tests: the project served as by `make run`, and Chromium with a log of errors and requests."""

import os
import secrets
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Route, expect

from core.storage import CHART_COPY
from tests.support.live_server import run_command, running_server

AS_SHIPPED = {"DJANGO_SETTINGS_MODULE": "config.settings", "SECRET_KEY": secrets.token_urlsafe(64)}
ROOT = Path(__file__).resolve().parent.parent.parent
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
TIMEOUT_MS = 60_000  # ms; generous, for busy machines
WATCH_SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
  if (!entry.hadRecentInput) window.shifted += entry.value;
})).observe({ type: "layout-shift", buffered: true });
"""


# -- the server ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ServedProject:
    """Folder with a database of records and the collected static files, served as by `make run`."""

    home: Path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.home / 'tracker.sqlite3'}"

    def manage(self, *words: str, **more: str) -> None:
        run_command(self.home, self.url, "manage.py", *words, **{**AS_SHIPPED, **more})

    def prepare(self, load: str = "load_records") -> None:
        """Collect static files, and fill the database with the command `load`."""
        with ThreadPoolExecutor() as pool:
            files = pool.submit(self.manage, "collectstatic", "--noinput")
            self.manage("migrate", "--noinput")
            self.manage(load)
            files.result()

    @contextmanager
    def served(self, **more: str) -> Iterator[str]:
        """Serve it on a free port, as a context manager; yields the URL."""
        with running_server(self.home, self.url, **{**AS_SHIPPED, **more}) as server:
            yield f"http://127.0.0.1:{server.port}"


# -- the browser ---------------------------------------------------------------------------------------


def chromium(playwright: Playwright) -> Browser:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "The browser tests need Chromium: set CHROMIUM=/path/to/chromium."
    return playwright.chromium.launch(executable_path=path, args=FLAGS)


def cdn_available(route: Route) -> None:
    """Respond as the CDN does: with the bytes of our SRI hash."""
    headers = {"content-type": "text/javascript", "access-control-allow-origin": "*"}
    route.fulfill(body=(ROOT / "static" / CHART_COPY).read_text(), headers=headers)


def cdn_unreachable(route: Route) -> None:
    route.abort("namenotresolved")


def cdn_tampered(route: Route) -> None:
    """Respond with bytes that do not match our SRI hashes."""
    route.fulfill(body="window.Chart = null;", headers={"access-control-allow-origin": "*"})


def cdn_silent(_route: Route) -> None:
    """Never respond, as behind a closed firewall."""


@dataclass
class BrowserLog:
    """Errors of a browser context, and every host that it requested."""

    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def listen(self, context: BrowserContext) -> None:
        context.on("console", lambda message: self.console(message.type, message.text))
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("requestfailed", lambda request: self.failed(request.url, request.failure))
        context.on("request", lambda request: self.hosts.add(request.url.split("/")[2] if "//" in request.url else ""))

    def console(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.errors.append(text)

    def failed(self, url: str, why: str | None) -> None:
        # Aborted: a newer request made it needless. csp: without script a browser preloads no module; what the
        # policy forbids a page with scripts is an error in the console too.
        if why not in {"net::ERR_ABORTED", "csp"}:
            self.errors.append(f"{url}: {why}")


def open_context(browser: Browser, cdn: Any = cdn_available, **options: Any) -> tuple[BrowserContext, BrowserLog]:
    """Open a browser context. Requests to the CDN are handled by `cdn`; other hosts cannot be reached."""
    context = browser.new_context(**{"locale": "en-GB", "viewport": {"width": 1440, "height": 900}, **options})
    context.set_default_timeout(TIMEOUT_MS)
    expect.set_options(timeout=TIMEOUT_MS)
    context.route(f"{CDN}**", cdn)
    context.add_init_script(WATCH_SHIFTS)
    heard = BrowserLog()
    heard.listen(context)
    return context, heard


def draw_charts(page: Page) -> None:
    """Scroll to each visible chart, and wait until it is drawn."""
    for frame in page.locator("[data-chart]:has([data-live-drawing]):visible").all():
        frame.scroll_into_view_if_needed()
        expect(frame).to_have_attribute("data-drawn", "")


def is_painted(page: Page) -> bool:
    """Return whether every chart canvas has more than its background."""
    return page.evaluate("""() => [...document.querySelectorAll("[data-drawn] canvas")].every((canvas) =>
{
      const pen = new OffscreenCanvas(64, 64).getContext("2d");
      pen.drawImage(canvas, 0, 0, 64, 64);
      return new Uint32Array(pen.getImageData(0, 0, 64, 64).data.buffer).some((pixel) => pixel);
    })""")


def module(page: Page, name: str) -> str:
    """Return the URL of a script that the page has loaded, for `await import(address)` in an expression."""
    return page.evaluate(
        """(name) => performance.getEntriesByType("resource").map((entry) => entry.name)
      .find((address) => address.includes(`/${name}.`))""",
        name,
    )


def horizontal_overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than the window, after its scripts have handled the window's size."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
