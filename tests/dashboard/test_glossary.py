"""Glossary: each code once, and no link to a definition that is not there."""

import re
from collections import Counter
from pathlib import Path

from dashboard.glossary import GLOSSARY

ROOT = Path(__file__).parents[2]
LINKS = re.compile(r'(?:\bdefinition=|definition\.html" with code=|"definition": )"([a-z-]+)"')


def test_each_code_stands_once() -> None:
    assert [code for code, n in Counter(entry.code for entry in GLOSSARY).items() if n > 1] == []


def test_every_link_to_a_definition_leads_to_one() -> None:
    codes, lost = {entry.code for entry in GLOSSARY}, {}
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
