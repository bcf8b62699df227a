"""HTML reader: every visible text and accessible label of a page, with its language."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

SPOKEN_ATTRIBUTES = ("title", "aria-label", "placeholder", "alt", "data-failed", "data-label")
UNREAD_TAGS = {"script", "style", "code", "pre"}  # code is not prose: URLs, parameters and codes of records
VOID_TAGS = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
CHART_WORDS = {"label", "labels", "text", "title", "footer", "short", "marks"}  # keys of what a chart shows


@dataclass(frozen=True)
class PageText:
    """Text of a page, its declared language, and its position."""

    text: str
    lang: str
    where: str


class PageReader(HTMLParser):
    """Parser that collects the texts of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[PageText] = []
        self.open: list[tuple[str, str, bool]] = []  # element, language, whether it is read
        self.chart_data = False
        self.feed(html)

    @property
    def lang(self) -> str:
        return self.open[-1][1] if self.open else ""

    @property
    def read(self) -> bool:
        return self.open[-1][2] if self.open else True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        lang = given.get("lang") or self.lang
        value = given.get("class") == "readonly"  # this is how the admin prints values of a record
        read = self.read and tag not in UNREAD_TAGS and given.get("translate") != "no" and not value
        if read:
            for name in SPOKEN_ATTRIBUTES:
                self.keep(given.get(name) or "", lang, f"<{tag} {name}>")
            if tag == "input" and given.get("type") == "submit":
                self.keep(given.get("value") or "", lang, "<input value>")
            if tag == "meta" and given.get("name") == "description":
                self.keep(given.get("content") or "", lang, "<meta description>")
        self.chart_data = (
            tag == "script" and given.get("type") == "application/json" and given.get("id") != "chart-library"
        )
        if tag not in VOID_TAGS:
            self.open.append((tag, lang, read))

    def handle_endtag(self, tag: str) -> None:
        self.chart_data = False
        while any(name == tag for name, _lang, _read in self.open):
            if self.open.pop()[0] == tag:
                return

    def handle_data(self, data: str) -> None:
        if self.chart_data:
            for text in chart_labels(json.loads(data)):
                self.keep(text, self.lang, "chart data")
        elif self.read:
            self.keep(data, self.lang, f"<{self.open[-1][0]}>" if self.open else "")

    def keep(self, text: str, lang: str, where: str) -> None:
        if text.strip():
            self.texts.append(PageText(" ".join(text.split()), lang, where))


def chart_labels(value: Any, *, shown: bool = False) -> Iterator[str]:
    """Yield the texts of a chart from its configuration."""
    if isinstance(value, str) and shown:
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from chart_labels(item, shown=shown)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from chart_labels(item, shown=key in CHART_WORDS)
