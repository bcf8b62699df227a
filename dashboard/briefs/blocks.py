"""Content of a brief as a list of blocks, independent of how it is written (page, PDF, DOCX, JSON).

A brief is the dictionary that its JSON file holds, and so are its blocks: `facts`, `lines` and `table` by their `type`.
Every value is text, formatted in the brief's language: a writer only sets it out. The numbers of lines below are those
that fit on one page of A4.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from core.text.formatting import format_date, format_number, label_value

Brief = dict[str, Any]
Block = dict[str, Any]
Line = dict[str, str]
MAX_LINES, MAX_SOURCES = 5, 4


class Days(NamedTuple):
    """Day that a brief describes, the day whose records it is made from, and the day with which it compares."""

    as_of: date
    known: date
    since: date


def fact(label: str, value: str, of: str = "", note: str = "") -> Line:
    """Return one number: `Pilots with a plan`, `41`, `of 64 pilots`, and a note such as the policy that it is about."""
    return {"label": label, "value": value, "of": of, "note": note}


def line(label: str, text: str = "", detail: str = "", status: str = "") -> Line:
    """Return one line of a list: what it is about, what is said of it, and detail such as the owner.

    `status` is the code of a light (red, yellow, green, grey) for a coloured mark beside the line, or empty. The mark
    repeats what the text says and is no text of its own.
    """
    return {"label": label, "text": text, "detail": detail, "status": status}


def facts(*items: Line) -> Block:
    """Return a row of facts."""
    return {"type": "facts", "title": "", "items": list(items)}


def lines(title: str, items: Sequence[Line], empty: str = "", most: int = MAX_LINES) -> Block:
    """Return a list of lines; `more` is the number left out, `empty` what is said where there is no line."""
    shown = list(items[:most])
    return {"type": "lines", "title": title, "items": shown, "more": len(items) - len(shown), "empty": empty}


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Block:
    """Return a table whose rows have a text for each column; `more` is the number of rows left out."""
    return {"type": "table", "title": title, "columns": list(columns), "rows": [list(row) for row in rows], "more": 0}


def shortened(brief: Brief, most: int) -> Brief:
    """Return the brief with at most so many lines or rows in each list, and sources; they say how many are left out."""
    blocks = []
    for block in brief["blocks"]:
        name = {"lines": "items", "table": "rows"}.get(block["type"])
        if name:
            left_out = max(0, len(block[name]) - most)
            block = {**block, name: block[name][:most], "more": block["more"] + left_out}  # noqa: PLW2901
        blocks.append(block)
    sources = brief["sources"]
    more = brief["more_sources"] + max(0, len(sources) - most)
    return {**brief, "blocks": blocks, "sources": sources[:most], "more_sources": more}


# -- texts beside the values -----------------------------------------------------------------------------


def brief_fields(brief: Brief) -> dict[str, Any]:
    """Return a brief for writers that fill a template: `more`, `more_sources` and the sources as texts, and the foot.

    The words beside the values (`and 7 more`, the heading of the sources, the foot) are in the brief's language.
    """
    with translation.override(brief["language"]):
        made = timezone.localtime(datetime.fromisoformat(brief["made_at"]))
        days = {_("As of"): brief["as_of"], _("As known on"): brief["known"], _("Compared with"): brief["since"]}
        foot = [
            *(label_value(label, format_date(date.fromisoformat(day))) for label, day in days.items() if day),
            label_value(_("Made on"), date_format(made, "DATETIME_FORMAT")),
            brief["address"],
            label_value(_("Demonstration data"), _("invented, not the real programme")) * brief["demonstration"],
        ]
        return {
            **brief,
            "blocks": [{**block, "more": more_text(block.get("more", 0))} for block in brief["blocks"]],
            "sources": [
                {"text": f"[{source['number']}] {source['text']}", "url": source["url"]} for source in brief["sources"]
            ],
            "more_sources": more_text(brief["more_sources"]),
            "sources_title": _("Sources"),
            "foot": [text for text in foot if text],
        }


def more_text(number: int) -> str:
    """Return `and 7 more` in the active language; empty for none."""
    return pgettext("lines left out", "and %(n)s more") % {"n": format_number(number)} if number else ""
