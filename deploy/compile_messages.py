"""Compile every catalogue below a folder that is newer than its compiled one: a fresh machine has no gettext."""

import sys
from pathlib import Path

import polib

for source in Path(sys.argv[1]).rglob("*.po"):
    compiled = source.with_suffix(".mo")
    if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
        polib.pofile(str(source)).save_as_mofile(str(compiled))
