"""The annex of a page, and links of the menus of its charts."""

import re
from html import unescape

import pytest
from django.test import Client

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
