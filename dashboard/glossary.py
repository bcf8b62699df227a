"""Glossary of all numbers, in the user's language: shown on /data/ and linked from every number.

Its texts are in glossary.en.md and glossary.zh.md: a heading `## code · name` for each entry, then what it means.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from core.text.bilingual import is_chinese_active


class GlossaryEntry(NamedTuple):
    code: str
    name: str
    meaning: str


def glossary() -> list[GlossaryEntry]:
    """Return the entries in the active language."""
    return read_glossary("zh" if is_chinese_active() else "en")


@cache
def read_glossary(language: str) -> list[GlossaryEntry]:
    text = Path(__file__).with_name(f"glossary.{language}.md").read_text(encoding="utf-8")
    entries = []
    for section in text.split("\n## ")[1:]:
        heading, _, meaning = section.partition("\n")
        code, _, name = heading.partition(" · ")
        entries.append(GlossaryEntry(code, name, meaning.strip()))
    return entries
