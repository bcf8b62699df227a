"""Texts in Markdown: each code once, in both languages, and no link to a definition that is not there."""

import re
from collections import Counter
from pathlib import Path

import pytest

from dashboard.glossary import read_glossary

ROOT = Path(__file__).parents[2]
LINKS = re.compile(r'(?:\bdefinition=|definition\.html" with code=|"definition": )"([a-z-]+)"')


@pytest.mark.parametrize("file", ["glossary", "quality"])
def test_both_languages_hold_the_same_entries_in_the_same_order_each_once(file: str) -> None:
    english, chinese = read_glossary("en", file), read_glossary("zh", file)
    assert [code for code, n in Counter(entry.code for entry in english).items() if n > 1] == []
    assert [entry.code for entry in english] == [entry.code for entry in chinese]
    assert [entry.code for entry in [*english, *chinese] if not (entry.code and entry.name and entry.meaning)] == []
    assert [entry.code for entry in chinese if not re.search("[\u4e00-\u9fff]", entry.meaning)] == []


def test_every_link_to_a_definition_leads_to_one() -> None:
    codes, lost = {entry.code for entry in read_glossary("en")}, {}
    files = [
        *ROOT.glob("templates/**/*.html"),
        *(path for app in ("dashboard", "pilots", "policies") for path in ROOT.glob(f"{app}/**/*.py")),
    ]
    linked = {path: set(LINKS.findall(path.read_text(encoding="utf-8"))) for path in files}
    assert sum(map(len, linked.values())) > 40
    for path, found in linked.items():
        if found - codes:
            lost[str(path.relative_to(ROOT))] = found - codes
    assert lost == {}
