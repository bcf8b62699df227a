"""Fields of a brief for writers that fill a template: its JSON, and the texts that stand beside the values."""

from __future__ import annotations

from typing import Any

from django.utils import translation

from dashboard.briefs.blocks import Brief, as_data, foot_lines, more_text, source_text, sources_title


def brief_fields(brief: Brief) -> dict[str, Any]:
    """Return the JSON of a brief with `more`, `more_sources` and the sources as texts, `sources_title` and `foot`."""
    data = as_data(brief)
    with translation.override(brief.language):
        for block in data["blocks"]:
            block["more"] = more_text(block.get("more", 0))
        data["sources"] = [{"text": source_text(source), "url": source.url} for source in brief.sources]
        data["more_sources"] = more_text(brief.more_sources)
        data |= {"sources_title": sources_title(), "foot": foot_lines(brief)}
    return data
