"""Carry the reason beside each line of requirements.in over to the lock file: reasons.py IN LOCK."""

import re
import sys
from pathlib import Path


def name(line: str) -> str:
    """The normalised name that a requirement line begins with, or nothing."""
    found = re.match(r"[A-Za-z0-9][\w.-]*", line)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def reasons(source: Path) -> dict[str, str]:
    """The comment beside each requirement; a requirement without one stops the locking."""
    lines = [line for line in source.read_text().splitlines() if name(line)]
    given = {name(line): line.partition("#")[2].strip() for line in lines}
    if missing := [package for package, reason in given.items() if not reason]:
        sys.exit(f"{source}: say in a comment why the project needs {', '.join(missing)}.")
    return given


source, lock = map(Path, sys.argv[1:])
why = reasons(source)
made = [f"# Made by `make lock` from {source.name}: change that file instead. No reason: came with another."]
for line in lock.read_text().splitlines():
    made += ["", f"# {why[name(line)]}", line] if name(line) in why else [line]
lock.write_text("\n".join(made) + "\n")
