"""Content of a brief as a list of blocks, independent of how it is written (page, PDF, DOCX, JSON).

Every value is text, formatted in the brief's language: a writer only sets it out. `text_lines` says which texts a
writer has to print, and in which order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from core.text.formatting import format_date, format_number
from core.text.joining import label_value


@dataclass(frozen=True)
class Fact:
    """One number: `Pilots with a plan`, `41`, `of 64 pilots`, and a note such as the policy that it is about."""

    label: str
    value: str
    of: str = ""
    note: str = ""


@dataclass(frozen=True)
class Line:
    """One line of a list: what it is about, what is said of it, and detail such as the owner.

    `status` is the code of a light (red, yellow, green, grey) for a coloured mark beside the line, or empty. The mark
    repeats what the text says and is no text of its own.
    """

    label: str
    text: str = ""
    detail: str = ""
    status: str = ""


@dataclass(frozen=True)
class Facts:
    """Row of facts. The title may be empty."""

    title: str
    items: tuple[Fact, ...]


@dataclass(frozen=True)
class Lines:
    """List of lines; `more` is the number of lines left out, `empty` what is said where there is no line."""

    title: str
    items: tuple[Line, ...]
    more: int = 0
    empty: str = ""


@dataclass(frozen=True)
class Table:
    """Table whose rows have a text for each column; `more` is the number of rows left out."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: int = 0


Block = Facts | Lines | Table


@dataclass(frozen=True)
class Source:
    """Source with its number in the brief, from 1; `url` may be empty."""

    number: int
    text: str
    url: str = ""


@dataclass(frozen=True)
class BriefLight:
    """Light of the subject: its code, the word for it and why."""

    status: str
    label: str
    reason: str


@dataclass(frozen=True)
class Brief:
    """A brief: `as_of` is the day it describes, `known` the day whose records it was made from.

    `since` is the day with which it compares, or None where it compares with no other day. `address` is the URL of its
    page, `more_sources` the number of sources left out.
    """

    kind: str
    slug: str
    language: str
    title: str
    subtitle: str
    headline: str
    light: BriefLight | None
    blocks: tuple[Block, ...]
    sources: tuple[Source, ...]
    as_of: date
    known: date
    since: date | None
    made_at: datetime
    address: str
    demonstration: bool
    more_sources: int = 0


# -- texts -----------------------------------------------------------------------------------------------


def text_lines(brief: Brief) -> list[str]:
    """Return all texts of a brief in reading order: what every writer has to print, whole and in this order.

    The words beside the values (`and 7 more`, the heading of the sources, the foot) are in the brief's language.
    """
    lines = [brief.title, brief.subtitle, brief.headline]
    if brief.light:
        lines += [brief.light.label, brief.light.reason]
    with translation.override(brief.language):
        for block in brief.blocks:
            lines += block_lines(block)
        if brief.sources:
            lines.append(sources_title())
        for source in brief.sources:
            lines += [source_text(source), source.url]
        lines.append(more_text(brief.more_sources))
        lines += foot_lines(brief)
    return [line for line in lines if line]


def block_lines(block: Block) -> list[str]:
    """Return the texts of a block in reading order, in the active language; some may be empty."""
    lines = [block.title]
    if isinstance(block, Facts):
        for fact in block.items:
            lines += [fact.label, fact.value, fact.of, fact.note]
    elif isinstance(block, Lines):
        for line in block.items:
            lines += [line.label, line.text, line.detail]
        lines += [] if block.items else [block.empty]
        lines.append(more_text(block.more))
    else:
        lines += block.columns
        for row in block.rows:
            lines += row
        lines.append(more_text(block.more))
    return lines


def more_text(number: int) -> str:
    """Return `and 7 more` in the active language; empty for none."""
    return pgettext("lines left out", "and %(n)s more") % {"n": format_number(number)} if number else ""


def sources_title() -> str:
    """Return the heading of the sources in the active language."""
    return _("Sources")


def source_text(source: Source) -> str:
    """Return a source with its number: `[1] Ministry of …`."""
    return f"[{source.number}] {source.text}"


def foot_lines(brief: Brief) -> list[str]:
    """Return the texts of the foot in the active language: days, when it was made, address, demonstration notice."""
    made = timezone.localtime(brief.made_at)
    lines = [
        label_value(_("As of"), format_date(brief.as_of)),
        label_value(_("As known on"), format_date(brief.known)),
        label_value(_("Compared with"), format_date(brief.since)) if brief.since else "",
        label_value(_("Made on"), date_format(made, "DATETIME_FORMAT")),
        brief.address,
        label_value(_("Demonstration data"), _("invented, not the real programme")) if brief.demonstration else "",
    ]
    return [line for line in lines if line]


# -- JSON ------------------------------------------------------------------------------------------------

BLOCK_TYPES = {Facts: "facts", Lines: "lines", Table: "table"}


def as_data(brief: Brief) -> dict[str, Any]:
    """Return a brief as JSON values: dates in ISO form, each block with its `type` (facts, lines, table)."""
    data = asdict(brief)
    data["blocks"] = [
        {"type": BLOCK_TYPES[type(block)], **values} for block, values in zip(brief.blocks, data["blocks"], strict=True)
    ]
    for name in ("as_of", "known", "since", "made_at"):
        data[name] = data[name] and data[name].isoformat()
    # Tuples become lists, as in JSON.
    result: dict[str, Any] = json.loads(json.dumps(data))
    return result


def from_data(data: Mapping[str, Any]) -> Brief:
    """Return the brief of `as_data`.

    Raises KeyError, TypeError or ValueError for data of another shape.
    """
    return Brief(
        **{
            **data,
            "light": BriefLight(**data["light"]) if data["light"] else None,
            "blocks": tuple(block_from_data(block) for block in data["blocks"]),
            "sources": tuple(Source(**source) for source in data["sources"]),
            "as_of": date.fromisoformat(data["as_of"]),
            "known": date.fromisoformat(data["known"]),
            "since": date.fromisoformat(data["since"]) if data["since"] else None,
            "made_at": datetime.fromisoformat(data["made_at"]),
        }
    )


def block_from_data(data: Mapping[str, Any]) -> Block:
    """Return the block of its data, which name its type."""
    values = {name: value for name, value in data.items() if name != "type"}
    if data["type"] == "table":
        return Table(**{**values, "columns": tuple(values["columns"]), "rows": tuples(values["rows"])})
    if data["type"] == "facts":
        return Facts(**{**values, "items": tuple(Fact(**item) for item in values["items"])})
    if data["type"] == "lines":
        return Lines(**{**values, "items": tuple(Line(**item) for item in values["items"])})
    raise ValueError(data["type"])


def tuples(rows: Iterable[Iterable[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(row) for row in rows)


def checksum(brief: Brief) -> str:
    """Return the SHA-256 in hexadecimal of the brief's canonical JSON without `made_at`.

    Two briefs made of the same records at different times have the same checksum.
    """
    data = {name: value for name, value in as_data(brief).items() if name != "made_at"}
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
