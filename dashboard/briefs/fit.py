"""Fitting a brief on one A4 page: lists are cut, and say how many of their lines were left out.

Heights are estimated from the widths of characters at the sizes of static/css/pages/brief.css, in lines of text;
nothing is rendered here. A test prints the longest briefs of every kind in a browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from unicodedata import east_asian_width

from dashboard.briefs.blocks import Block, Brief, foot_lines, length, shortened, source_text, with_sources

PAGE_LINES = 61  # of about 60; the estimates are 4 to 7 lines too high, so that another typeface fits too
LINE_WIDTH = 104  # narrow characters on a line; a Chinese character is as wide as two
FACTS_A_ROW = 4
TITLE_SIZE, HEADLINE_SIZE, VALUE_SIZE, SMALL_SIZE = 1.6, 1.1, 1.45, 0.9  # compared with the text
HEADING_LINES, GAP_LINES, LINE_GAP = 1.8, 0.8, 0.15
LEAST = 1  # lines that remain of a list


def fit(brief: Brief) -> Brief:
    """Return the brief with its longest lists cut until it fits on the page, each to one line at least."""
    while brief_height(brief) > PAGE_LINES:
        lists = [block for block in brief["blocks"] if length(block) > LEAST]
        if lists:
            longest = max(lists, key=block_height)
            cut = shortened(longest, length(longest) - 1)
            brief = {**brief, "blocks": [cut if block is longest else block for block in brief["blocks"]]}
        elif len(brief["sources"]) > LEAST:
            brief = with_sources(brief, len(brief["sources"]) - 1)
        else:
            break
    return brief


# -- heights, in lines -------------------------------------------------------------------------------------


def text_width(text: str) -> int:
    """Return the width of a text in narrow characters."""
    return sum(2 if east_asian_width(char) in {"W", "F"} else 1 for char in text)


def text_height(texts: Sequence[str], width: float = LINE_WIDTH, size: float = 1) -> float:
    """Return the height of texts that stand beside each other, at a size compared with that of the text."""
    text = " ".join(filter(None, texts))
    return ceil(text_width(text) * size / width) * size


def brief_height(brief: Brief) -> float:
    """Return the height of a brief."""
    light = [brief["light"]["label"], brief["light"]["reason"]] if brief["light"] else []
    head = text_height([brief["title"]], size=TITLE_SIZE) + text_height([brief["subtitle"]])
    head += text_height([brief["headline"]], size=HEADLINE_SIZE) + text_height(light) + GAP_LINES * (1 + bool(light))
    sources = sum(text_height([source_text(source), source["url"]], size=SMALL_SIZE) for source in brief["sources"])
    sources += HEADING_LINES * bool(brief["sources"]) + bool(brief["more_sources"])
    foot = text_height(foot_lines(brief), size=SMALL_SIZE) + 1 + GAP_LINES
    return head + sum(map(block_height, brief["blocks"])) + sources + foot


def block_height(block: Block) -> float:
    """Return the height of a block with its heading."""
    heading = HEADING_LINES if block["title"] else GAP_LINES
    if block["type"] == "table":
        column = LINE_WIDTH / len(block["columns"])
        rows = [max(text_height([cell], column) for cell in row) for row in [block["columns"], *block["rows"]]]
        return heading + sum(height + 2 * LINE_GAP for height in rows) + bool(block["more"])
    items = block["items"]
    if block["type"] == "lines":
        return heading + sum(map(line_height, items)) + bool(block["more"] or not items)
    rows_of_facts = [items[start : start + FACTS_A_ROW] for start in range(0, len(items), FACTS_A_ROW)]
    return heading + sum(max(map(fact_height, row)) + GAP_LINES / 2 for row in rows_of_facts)


def line_height(line: dict[str, str]) -> float:
    """Return the height of a line; its detail stands below it."""
    width = LINE_WIDTH - 3
    return text_height([line["label"], line["text"]], width) + text_height([line["detail"]], width) + LINE_GAP


def fact_height(fact: dict[str, str]) -> float:
    width = LINE_WIDTH / FACTS_A_ROW - 4
    value = ceil((text_width(fact["value"]) * VALUE_SIZE + text_width(fact["of"])) / width) * VALUE_SIZE
    return text_height([fact["label"]], width) + value + text_height([fact["note"]], width)
