"""Pages and text of a PDF, read in a process of its own: a hostile file can use up neither time nor memory.

Run as a script it reads one line of JSON and then the file from its standard input, and prints one line of JSON.
"""

from __future__ import annotations

import io
import json
import logging
import re
import resource
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

MAX_PAGES = 500  # so many are searched
SECONDS = 5  # for the search; what was not reached by then counts as not searched
KILL_AFTER = 8
MEMORY = 2**30
SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class PdfText:
    """What a PDF says: its number of pages, None where it cannot be read, and where a quote stands.

    `complete`: every page was searched, or the quote was found.
    """

    page_count: int | None
    quote_page: int | None = None
    has_text: bool = False
    complete: bool = False


UNREADABLE = PdfText(None)


def read_pdf(content: bytes, quote: str = "", page: int | None = None) -> PdfText:
    """Return the number of pages, and the page on which the quote stands; `page` is searched first."""
    header = json.dumps({"quote": quote, "page": page}) + "\n"
    try:
        done = subprocess.run(  # noqa: S603  # this file, with the file to read on its standard input
            [sys.executable, "-I", __file__],
            input=header.encode() + content,
            capture_output=True,
            check=False,
            timeout=KILL_AFTER,
        )
        return PdfText(**json.loads(done.stdout)) if done.returncode == 0 else UNREADABLE
    except (subprocess.TimeoutExpired, ValueError):
        return UNREADABLE


def comparable(text: str) -> str:
    """Return text as quotes are compared: without spaces and line ends, of one width and case."""
    return SPACE.sub("", unicodedata.normalize("NFKC", text).replace("\u00ad", "")).casefold()


def search(content: bytes, quote: str, page: int | None) -> PdfText:
    """Read the PDF. Raises whatever pypdf does for a damaged one."""
    from pypdf import PdfReader  # noqa: PLC0415  # only in the process that reads

    reader = PdfReader(io.BytesIO(content))
    count = len(reader.pages)
    wanted = comparable(quote)
    if not wanted:
        return PdfText(count)
    until, has_text = time.monotonic() + SECONDS, False
    numbers = search_order(count, page)
    for number in numbers[:MAX_PAGES]:
        if time.monotonic() > until:
            return PdfText(count, None, has_text)
        text = comparable(reader.pages[number - 1].extract_text())
        has_text = has_text or bool(text)
        if wanted in text:
            return PdfText(count, number, has_text=True, complete=True)
    return PdfText(count, None, has_text, complete=len(numbers) <= MAX_PAGES)


def search_order(count: int, page: int | None) -> list[int]:
    """Return the numbers of the pages, the named one first."""
    first: Iterable[int] = [page] if page and page <= count else []
    return [*first, *(number for number in range(1, count + 1) if number != page)]


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (KILL_AFTER, KILL_AFTER))
    logging.disable(logging.CRITICAL)
    asked = json.loads(sys.stdin.buffer.readline())
    found = search(sys.stdin.buffer.read(), asked["quote"], asked["page"])
    sys.stdout.write(json.dumps(vars(found)))


if __name__ == "__main__":
    main()
