"""Content of a brief as a list of blocks, independent of how it is written (page, PDF, DOCX, JSON).

A brief is the dictionary that its JSON file holds, and so are its blocks: `facts`, `lines` and `table` by their `type`.
Every value is text, formatted in the brief's language: a writer only sets it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from core.text.formatting import format_date, format_number, label_value

Brief = dict[str, Any]
Block = dict[str, Any]
MAX_LINES = 5


@dataclass(frozen=True)
class Days:
    """Day that a brief describes, the day whose records it is made from, and the day with which it compares."""

    as_of: date
    known: date
    since: date


def fact(label: str, value: str, of: str = "", note: str = "") -> dict[str, str]:
    """Return one number: `Pilots with a plan`, `41`, `of 64 pilots`, and a note such as the policy that it is about."""
    return {"label": label, "value": value, "of": of, "note": note}


def line(label: str, text: str = "", detail: str = "", status: str = "") -> dict[str, str]:
    """Return one line of a list: what it is about, what is said of it, and detail such as the owner.

    `status` is the code of a light (red, yellow, green, grey) for a coloured mark beside the line, or empty. The mark
    repeats what the text says and is no text of its own.
    """
    return {"label": label, "text": text, "detail": detail, "status": status}


def facts(*items: dict[str, str]) -> Block:
    """Return a row of facts."""
    return {"type": "facts", "title": "", "items": list(items)}


def lines(title: str, items: Sequence[dict[str, str]], empty: str = "", most: int = MAX_LINES) -> Block:
    """Return a list of lines; `more` is the number left out, `empty` what is said where there is no line."""
    shown = list(items[:most])
    return {"type": "lines", "title": title, "items": shown, "more": len(items) - len(shown), "empty": empty}


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Block:
    """Return a table whose rows have a text for each column; `more` is the number of rows left out."""
    return {"type": "table", "title": title, "columns": list(columns), "rows": [list(row) for row in rows], "more": 0}


# -- what may be left out --------------------------------------------------------------------------------


def length(block: Block) -> int:
    """Return how many lines or rows may be left out of a block; 0 for facts, which are never cut."""
    return 0 if block["type"] == "facts" else len(block[rows_name(block)])


def rows_name(block: Block) -> str:
    return "rows" if block["type"] == "table" else "items"


def shortened(block: Block, most: int) -> Block:
    """Return the block with at most so many lines or rows. A list that is cut does not say that it is empty."""
    left_out = max(0, length(block) - most)
    if not left_out:
        return block
    name = rows_name(block)
    empty = {} if most else {"empty": ""}
    return {**block, name: block[name][:most], "more": block["more"] + left_out, **empty}


def with_sources(brief: Brief, most: int) -> Brief:
    """Return the brief with at most so many sources."""
    left_out = len(brief["sources"][most:])
    return {**brief, "sources": brief["sources"][:most], "more_sources": brief["more_sources"] + left_out}


# -- texts beside the values -----------------------------------------------------------------------------


def brief_fields(brief: Brief) -> dict[str, Any]:
    """Return a brief for writers that fill a template: `more`, `more_sources` and the sources as texts, and the foot.

    The words beside the values (`and 7 more`, the heading of the sources, the foot) are in the brief's language.
    """
    with translation.override(brief["language"]):
        return {
            **brief,
            "blocks": [{**block, "more": more_text(block.get("more", 0))} for block in brief["blocks"]],
            "sources": [{"text": source_text(source), "url": source["url"]} for source in brief["sources"]],
            "more_sources": more_text(brief["more_sources"]),
            "sources_title": _("Sources"),
            "foot": foot_lines(brief),
        }


def more_text(number: int) -> str:
    """Return `and 7 more` in the active language; empty for none."""
    return pgettext("lines left out", "and %(n)s more") % {"n": format_number(number)} if number else ""


def source_text(source: dict[str, Any]) -> str:
    """Return a source with its number: `[1] Ministry of …`."""
    return f"[{source['number']}] {source['text']}"


def foot_lines(brief: Brief) -> list[str]:
    """Return the texts of the foot in the active language: days, when it was made, address, demonstration notice."""
    made = timezone.localtime(datetime.fromisoformat(brief["made_at"]))
    days = [(_("As of"), brief["as_of"]), (_("As known on"), brief["known"]), (_("Compared with"), brief["since"])]
    return [
        *(label_value(label, format_date(date.fromisoformat(day))) for label, day in days if day),
        label_value(_("Made on"), date_format(made, "DATETIME_FORMAT")),
        *([brief["address"]] if brief["address"] else []),
        *([label_value(_("Demonstration data"), _("invented, not the real programme"))] * brief["demonstration"]),
    ]
