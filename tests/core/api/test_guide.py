"""The guide to the API in both languages: the same sections, names, programs and tables, rendered as a page."""

import re
from collections import Counter
from pathlib import Path

import pytest
from django.test import Client

from core.api.guide import DOCS_DIR, GUIDES

ENGLISH, CHINESE = ((DOCS_DIR / name).read_text(encoding="utf-8") for name in GUIDES.values())
BLOCK = re.compile(r"```.*?```", re.DOTALL)


def test_both_languages_say_the_same() -> None:
    """As far as can be counted: what has a name, the code, the programs, headings, rows and items."""
    for pattern in (r"`[^`\n]+`", r"\]\((?!\.)[^)]+\)", r"^#+ ", r"^- ", r"^\|"):
        found = [Counter(re.findall(pattern, BLOCK.sub("", text), re.MULTILINE)) for text in (ENGLISH, CHINESE)]
        assert (found[0] - found[1], found[1] - found[0]) == (Counter(), Counter())
    assert BLOCK.findall(ENGLISH) == BLOCK.findall(CHINESE)


def test_every_program_stands_in_the_guide() -> None:
    programs = sorted(path.name for path in Path(DOCS_DIR, "examples", "use").iterdir() if path.suffix != ".out")
    assert sorted(re.findall(r"^\[([\w.]+)\]\(examples/use/", ENGLISH, re.MULTILINE)) == programs


@pytest.mark.django_db
@pytest.mark.parametrize(("lang", "title"), [("en", "Stable addresses"), ("zh-hans", "地址保持稳定")])
def test_the_page_shows_the_guide_with_the_programs_and_its_own_address(client: Client, lang: str, title: str) -> None:
    text = client.get("/api/use/", {"lang": lang}).content.decode()
    anchor = re.findall(rf'<a href="#([\w-]+)">{title}</a>', text)
    assert f'<h2 id="{anchor[0]}">{title}</h2>' in text
    assert "print(rollout[&quot;issued&quot;]" in text
    assert "2023-09-15 day revision 2" in text
    assert "export TRACKER=&quot;http://testserver/api/v1&quot;" in text
    assert "examples/use" not in text
    assert "**" not in re.sub(r"<pre>.*?</pre>", "", text, flags=re.DOTALL)
