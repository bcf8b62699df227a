"""Texts in Markdown, one file a language: the glossary of all numbers, and what the rules of data quality and
the checklist of an edition mean.

A heading `## code · name` begins each entry, then comes what it means.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from core.text import is_chinese_active


class GlossaryEntry(NamedTuple):
    code: str
    name: str
    meaning: str


def glossary(file: str = "glossary") -> list[GlossaryEntry]:
    """Return the entries of a file in the active language."""
    return read_glossary("zh" if is_chinese_active() else "en", file)


@cache
def read_glossary(language: str, file: str = "glossary") -> list[GlossaryEntry]:
    text = (Path(__file__).parent / f"{file}.{language}.md").read_text(encoding="utf-8")
    entries = []
    for section in text.split("\n## ")[1:]:
        heading, _, meaning = section.partition("\n")
        code, _, name = heading.partition(" · ")
        entries.append(GlossaryEntry(code, name, meaning.strip()))
    return entries
