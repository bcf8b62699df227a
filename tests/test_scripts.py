"""Scripts: what pages load, and unit tests that import a module in Chromium, without a server and without Node.js."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, sync_playwright

from tests.support.browser import chromium

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "static" / "js"
IMPORT = re.compile(r'^(?:import|export) [^;]*?from "(\.[^"]+)";', re.MULTILINE)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SITE = "http://scripts.test/"


def imported(path: Path) -> set[Path]:
    """Every module that this one imports, itself left out; those that it loads later by import() are no part of it."""
    direct = {(path.parent / name).resolve() for name in IMPORT.findall(path.read_text(encoding="utf-8"))}
    return direct.union(*(imported(module) for module in direct))


def named(text: str, tag: str) -> set[Path]:
    return {SCRIPTS / name for name in re.findall(tag + r"""[^>]*\{% static 'js/([^']+)' %\}""", text)}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_a_template_preloads_what_its_modules_import(path: Path) -> None:
    """Otherwise the browser would fetch one level of imports after the other."""
    text = path.read_text(encoding="utf-8")
    modules = named(text, '<script type="module" src=')
    needed = set().union(*(imported(module) for module in modules)) - modules
    assert named(text, '<link rel="modulepreload" href=') == needed


def test_every_script_is_loaded_by_a_page_or_by_another_script() -> None:
    texts = [path.read_text(encoding="utf-8") for path in TEMPLATES]
    texts += [path.read_text(encoding="utf-8") for path in (ROOT / "core").rglob("*.py")]
    loaded = {SCRIPTS / name for text in texts for name in re.findall(r"""["']js/([\w/-]+\.js)["']""", text)}
    for script in SCRIPTS.rglob("*.js"):
        names = re.findall(r"""(?:from |import\()"(\.[^"]+)\"""", script.read_text(encoding="utf-8"))
        loaded |= {(script.parent / name).resolve() for name in names}
    assert loaded == set(SCRIPTS.rglob("*.js"))


# -- unit tests ------------------------------------------------------------------------------------------------


def serve(route: Route) -> None:
    """A file of static/, or an empty page."""
    path = ROOT / "static" / route.request.url.removeprefix(SITE)
    if path.is_file():
        route.fulfill(path=path, content_type="text/javascript")
    else:
        route.fulfill(body='<!doctype html><html lang="en"><title>Scripts</title>', content_type="text/html")


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        page = browser.new_page()
        page.route(f"{SITE}**", serve)
        page.goto(SITE)
        yield page
        browser.close()


def call(page: Page, module: str, function: str, *arguments: Any) -> Any:
    """What this function of a module returns."""
    return page.evaluate(
        "async ([module, name, args]) => (await import(module))[name](...args)",
        [f"{SITE}js/{module}", function, arguments],
    )


@pytest.mark.browser
@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["0", "5", "10"], [0, 5, 10]),
        (["0.0", "2.5"], [0, 2.5]),
        (["0.1", "0.2", "0.3"], [0.1, 0.2, 0.1 + 0.2]),
        (["0.25", "0.50"], [0.25, 0.5]),
        (["−1,500", "0"], [-1500, 0]),
        (["1,234,567.5"], [1234567.5]),
    ],
)
def test_ticks_have_the_decimals_that_one_of_them_needs(page: Page, texts: list[str], values: list[float]) -> None:
    ticks = [{"value": value} for value in values]
    assert [call(page, "charts/words.js", "formatTick", tick["value"], 0, ticks) for tick in ticks] == texts


@pytest.mark.browser
def test_chinese_text_of_a_picture_is_set_in_lines_that_no_mark_begins(page: Page) -> None:
    text = "在三十二个省级单位中，已有，二十七个，印发了，实施方案（含，兵团），" * 4
    lines = call(page, "charts/picture.js", "breakLines", text, "18px sans-serif", 400)
    assert "".join(lines) == text
    assert len(lines) > 3
    assert not any(line.startswith(("，", "）")) or line.endswith("（") for line in lines)
    assert all(len(line) > 15 for line in lines[:-1])
