"""The guide "Use the API": docs/api.md, or its translation, rendered as a page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import escape
from django.utils.safestring import mark_safe
from django.utils.translation import get_language, gettext
from markdown_it import MarkdownIt

DOCS_DIR = Path(settings.BASE_DIR) / "docs"
GUIDES = {"en": "api.md", "zh-hans": "api.zh-hans.md"}
EXAMPLE_SITE = "https://tracker.example.gov.cn"  # in the guide; the page has its own address in its place
PROGRAM_LINK = re.compile(r"^\[[\w.]+\]\((examples/use/[\w.]+)\)$", re.MULTILINE)
MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True)
class Guide:
    """Guide as HTML, and its sections by anchor."""

    html: str
    sections: Mapping[str, str]


@cache
def load_guide(language: str) -> Guide:
    """Return the guide in a language, with the text of each example program and of its output."""
    text = (DOCS_DIR / GUIDES[language]).read_text(encoding="utf-8")
    text = PROGRAM_LINK.sub(lambda link: program_blocks(DOCS_DIR / link[1]), text)
    tokens = MARKDOWN.parse(text)[3:]  # without the title, which the page has
    sections: dict[str, str] = {}
    for token, following in pairwise(tokens):
        if token.type == "heading_open":
            anchor = f"section-{len(sections) + 1}"
            token.attrSet("id", anchor)
            sections[anchor] = following.content
    return Guide(MARKDOWN.renderer.render(tokens, MARKDOWN.options, {}), sections)


def program_blocks(file: Path) -> str:
    """Return an example program and its output as two blocks of code. The test suite runs the programs."""
    output = file.with_name(f"{file.name}.out")
    return "\n".join(f"```\n{part.read_text(encoding='utf-8')}```\n" for part in (file, output))


def api_guide(request: HttpRequest) -> HttpResponse:
    """Render the guide."""
    guide = load_guide(get_language() or "en")
    site = escape(request.build_absolute_uri("/").rstrip("/"))
    context = {
        "title": gettext("Use the API"),
        "finding": gettext(
            "From nothing to the rollout of a policy in a table, and one plan corrected, in ten minutes."
        ),
        "sections": guide.sections,
        "guide": mark_safe(guide.html.replace(EXAMPLE_SITE, site)),  # noqa: S308  # our own file, without raw HTML
        "crumbs": [{"label": gettext("API documentation"), "url": "api-docs"}, {"label": gettext("Use the API")}],
    }
    return render(request, "api/guide.html", context)
