"""The guide to the API in both languages: the same sections, names, programs and tables."""

import re
from collections import Counter
from pathlib import Path

from django.conf import settings

DOCS_DIR = Path(settings.BASE_DIR) / "docs"
ENGLISH, CHINESE = ((DOCS_DIR / name).read_text(encoding="utf-8") for name in ("api.md", "api.zh-hans.md"))
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
