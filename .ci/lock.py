"""Pin requirements*.in anew, with hashes of every platform and Python from 3.11 on: lock.py [--upgrade]

Other arguments go to `uv pip compile`. The reason beside each line of a file is carried over to its lock file.
"""

import re
import subprocess
import sys
from pathlib import Path

COMPILE = ["uv", "pip", "compile", "--universal", "--python-version", "3.11", "--generate-hashes", "--no-header"]


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


for source in (Path("requirements.in"), Path("requirements-dev.in")):
    why, lock = reasons(source), source.with_suffix(".txt")
    subprocess.run(  # noqa: S603  # a tool of requirements-dev.txt
        [sys.executable, "-m", *COMPILE, "--quiet", *sys.argv[1:], str(source), "-o", str(lock)], check=True
    )
    made = [f"# Made by .ci/lock.py from {source.name}: change that file instead. No reason: came with another."]
    for line in lock.read_text().splitlines():
        made += ["", f"# {why[name(line)]}", line] if name(line) in why else [line]
    lock.write_text("\n".join(made) + "\n")
