"""Sources of a brief, in order and each once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.text.formatting import format_date
from core.text.joining import join_statements
from dashboard.briefs import blocks
from policies.models import Source

MAX_SOURCES = 4


def cite(*found: Iterable[Source]) -> list[Source]:
    """Return the sources of several lists, each once, in the order of the lists."""
    return list(dict.fromkeys(source for some in found for source in some))


def numbered(sources: Sequence[Source]) -> tuple[blocks.Source, ...]:
    """Return the first of these sources with their numbers."""
    return tuple(
        blocks.Source(place, cited(source), source.url) for place, source in enumerate(sources[:MAX_SOURCES], 1)
    )


def cited(source: Source) -> str:
    """Return a source as it is cited: title, publisher, day."""
    text = f"{source.publisher} · {source.title}" if source.publisher else source.title
    return join_statements(text, format_date(source.published_on)) if source.published_on else text
