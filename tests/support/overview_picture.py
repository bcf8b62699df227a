"""The picture of README.md: `python -m tests.support.overview_picture` writes docs/overview.png from the demonstration.

It ends below what needs attention and what changed, and so has less than 250 kB.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from tests.support.browser import ROOT, ServedProject, chromium, draw_charts, open_context

PICTURE = ROOT / "docs" / "overview.png"
SIZE = {"width": 1440, "height": 880}


def main() -> None:
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        project = ServedProject(Path(folder))
        project.prepare("load_demo")
        browser = chromium(playwright)
        context, log = open_context(browser, viewport=SIZE, reduced_motion="reduce")
        with project.served() as address:
            page = context.new_page()
            page.goto(f"{address}/?lang=en")
            draw_charts(page)
            page.evaluate("() => window.scrollTo(0, 0)")
            page.screenshot(path=PICTURE)
            assert PICTURE.stat().st_size < 250_000
        assert log.errors == []
        browser.close()


if __name__ == "__main__":
    main()
