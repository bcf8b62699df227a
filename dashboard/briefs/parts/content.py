"""What the module of a kind returns, and the days that it is asked about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from dashboard.briefs.blocks import Block, BriefLight
from policies.models import Source


@dataclass(frozen=True)
class Days:
    """Day that a brief describes, the day whose records it is made from, and the day with which it compares."""

    as_of: date
    known: date
    since: date


@dataclass(frozen=True)
class Content:
    """Content of a brief in the active language, without its foot. `sources` are all of them, in order."""

    title: str
    subtitle: str
    headline: str
    blocks: tuple[Block, ...]
    light: BriefLight | None = None
    sources: Iterable[Source] = field(default=())
