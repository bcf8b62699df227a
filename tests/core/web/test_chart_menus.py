"""The annex of a page, and links of the menus of its charts."""

import re
from html import unescape

import pytest
from django.test import Client

from tests.test_pages import PAGES

pytestmark = pytest.mark.django_db


def test_the_annex_has_the_table_of_each_chart_and_is_left_by_files(client: Client) -> None:
    """On demand only; the page links to it and back, and another language keeps it."""
    assert 'id="annex"' not in (plain := client.get("/").content.decode())
    assert 'href="?print=annex"' in plain
    text = unescape(client.get("/?print=annex").content.decode())
    annex = text.partition('id="annex"')[2].partition("</section>")[0]
    titles = re.findall(r"<h[23] class=\"chart-title\" id=\"title-[^>]*>(.*?)</h", text)
    assert set(titles) <= set(tables := re.findall(r"<h3>(.*?)</h3>", annex))
    assert len(tables) == annex.count("<table") > 1
    assert "data-annex" in text
    assert not re.findall(r'href="[^"]*export=[^"]*print=|href="[^"]*print=[^"]*export=', text)
    assert 'href="?print=annex&lang=zh-hans"' in text


def api_links(text: str) -> dict[str, str]:
    """Return the API URLs in the menus of charts."""
    menus = re.findall(r'<details class="menu export" id="menu-([\w-]+)".*?</details>', text, re.DOTALL)
    found = {}
    for slug in menus:
        menu = re.search(rf'id="menu-{slug}".*?</details>', text, re.DOTALL)
        links = re.findall(r'href="(http[^"]*/api/v1/[^"]*)"', menu[0]) if menu else []
        if links:
            found[slug] = unescape(links[0])
    return found


@pytest.mark.parametrize("path", PAGES)
def test_every_api_address_of_a_chart_answers(client: Client, path: str) -> None:
    for address in api_links(client.get(path).content.decode()).values():
        response = client.get(address)
        assert (response.status_code, response["Content-Type"]) == (200, "application/json"), address
