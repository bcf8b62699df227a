"""Texts of a brief, as every writer has to print them."""

from django.utils import translation

from dashboard.briefs.build import Block, Brief
from dashboard.briefs.writers import brief_fields, more_text


def text_lines(brief: Brief) -> list[str]:
    """Return all texts of a brief in reading order: what every writer has to print, whole and in this order."""
    fields = brief_fields(brief)
    lines = [brief["title"], brief["subtitle"], brief["headline"]]
    if brief["light"]:
        lines += [brief["light"]["label"], brief["light"]["reason"]]
    with translation.override(brief["language"]):
        for block in brief["blocks"]:
            lines += block_lines(block)
    lines += [fields["sources_title"]] if brief["sources"] else []
    for source in fields["sources"]:
        lines += [source["text"], source["url"]]
    return [line for line in [*lines, fields["more_sources"], *fields["foot"]] if line]


def block_lines(block: Block) -> list[str]:
    """Return the texts of a block in reading order, in the active language; some may be empty."""
    if block["type"] == "table":
        texts = [*block["columns"], *(cell for row in block["rows"] for cell in row)]
    else:
        texts = [text for item in block["items"] for name, text in item.items() if name != "status"]
        texts += [] if block["items"] else [block["empty"]]
    return [block["title"], *texts, more_text(block.get("more", 0))]
