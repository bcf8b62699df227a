"""Briefs printed in Chromium: the longest ones of the demonstration take one page of A4."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import pytest
from playwright.sync_api import Browser, sync_playwright
from pypdf import PdfReader

from tests.support.browser import ServedProject, chromium

pytestmark = pytest.mark.browser
A4 = (595, 842)  # points
LONGEST = [
    "nation",
    "batch/example-batch-1",
    "province/jiangsu",
    "pilot/example-city-16",
]


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    project = ServedProject(tmp_path_factory.mktemp("briefs"))
    project.prepare("load_demo")
    with project.served() as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        yield browser
        browser.close()


@pytest.mark.parametrize("lang", ["en", "zh-hans"])
def test_a_brief_takes_one_page_of_a4(browser: Browser, demonstration: str, lang: str) -> None:
    page = browser.new_page()
    for path in LONGEST:
        response = page.goto(f"{demonstration}/brief/{path}/?lang={lang}")
        assert response
        assert response.status == 200, path
        sheets = PdfReader(BytesIO(page.pdf(prefer_css_page_size=True))).pages
        sizes = [(round(sheet.mediabox.width), round(sheet.mediabox.height)) for sheet in sheets]
        assert sizes == [A4], path
        text = "".join(sheets[0].extract_text().split())
        assert f"/brief/{path}/" in text, path  # the foot is on the page
    page.close()
