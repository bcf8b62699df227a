"""Issued sheets: a brief frozen with its checksum, and what of it would read otherwise today."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.utils import timezone
from django.utils.translation import gettext as _

from core.history.entries import HistoryEntry
from core.http.as_of import today
from core.permissions import editor_province
from core.text.joining import join_clauses, label_value
from dashboard.analytics.subject_changes import newest_changes
from dashboard.briefs.blocks import Brief, Facts, Lines, as_data, checksum, from_data
from dashboard.briefs.build import build_brief
from dashboard.briefs.changes import subject_conditions
from dashboard.models import SHEET_ALPHABET, SHEET_ID_LENGTH, IssuedSheet, new_sheet_id

READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1", " ": "", "-": ""})  # letters of no sheet, and what was meant
SHEET_ID = re.compile(f"[{SHEET_ALPHABET}]{{{SHEET_ID_LENGTH}}}")
MAX_REASONS = 20
Texts = dict[tuple[str, str, int], str]
"""Texts by block, label and how often the label came before in the block."""


def normal_id(text: str) -> str:
    """Return the id of a sheet as it is stored; empty for what can be none."""
    name = text[: 3 * SHEET_ID_LENGTH].upper().translate(READ_AS)
    return name if SHEET_ID.fullmatch(name) else ""


def issue_sheet(brief: Brief, by: Any, site: str) -> IssuedSheet:
    """Store a brief as it stands, with the address of the sheet instead of its own."""
    sheet = IssuedSheet(id=new_sheet_id(), issued_by=by)
    brief = replace(brief, address=site + sheet.get_absolute_url())
    for name in ("kind", "slug", "language", "as_of", "known", "since"):
        setattr(sheet, name, getattr(brief, name))
    sheet.data, sheet.sha256 = as_data(brief), checksum(brief)
    sheet.save(force_insert=True)
    return sheet


@dataclass(frozen=True)
class Difference:
    """A text of a sheet that reads otherwise today; `old` or `new` is empty where it is in one of the two only."""

    block: str
    label: str
    old: str
    new: str


@dataclass(frozen=True)
class SheetCheck:
    """An issued sheet beside the same brief as made today. `user` decides whose names are shown."""

    sheet: IssuedSheet
    user: Any

    @cached_property
    def brief(self) -> Brief | None:
        """The brief as issued; None where what is stored is no brief any more."""
        try:
            return from_data(self.sheet.data)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None

    @property
    def intact(self) -> bool:
        """Whether the texts have the checksum and the subject with which they were issued."""
        brief, sheet = self.brief, self.sheet
        names = ("kind", "slug", "language", "as_of", "known", "since")
        return (
            brief is not None
            and checksum(brief) == sheet.sha256
            and all(getattr(brief, name) == getattr(sheet, name) for name in names)
        )

    @cached_property
    def brief_today(self) -> Brief | None:
        """The same brief for the same days, from the records of today; None where its subject is gone."""
        sheet = self.sheet
        try:
            return build_brief(sheet.kind, sheet.slug, sheet.as_of, today(), sheet.since, sheet.language)
        except ObjectDoesNotExist:
            return None

    @cached_property
    def differences(self) -> list[Difference]:
        """What would read otherwise today, in the order of the sheet, then what is new."""
        if self.brief is None or self.brief_today is None:
            return []
        old, new = texts_of(self.brief), texts_of(self.brief_today)
        return [
            Difference(key[0], key[1], old.get(key, ""), new.get(key, ""))
            for key in [*old, *(key for key in new if key not in old)]
            if old.get(key, "") != new.get(key, "")
        ]

    @property
    def shows_issuer(self) -> bool:
        """Whether the user may see who issued it: staff whose scope has no limit, and the issuer."""
        user = self.user
        return bool(user.pk and user.pk == self.sheet.issued_by_id) or bool(user.is_staff and not editor_province(user))

    @cached_property
    def count(self) -> int:
        """How many texts of the sheet are compared."""
        return len(texts_of(self.brief)) if self.brief else 0

    @cached_property
    def changes(self) -> list[HistoryEntry]:
        """The newest changes of the records of its subject since the sheet was issued."""
        sheet = self.sheet
        after = sheet.known if sheet.known < timezone.localdate(sheet.issued_at) else sheet.issued_at
        which = subject_conditions(sheet.kind, sheet.slug)
        return newest_changes(which, after, today(), self.user, MAX_REASONS)


# -- texts to compare ------------------------------------------------------------------------------------


def texts_of(brief: Brief) -> Texts:
    """Return the texts of a brief that depend on records, by block and label. Numbers of lines left out count."""
    found: Texts = {}
    seen: Counter[tuple[str, str]] = Counter()
    for block, label, text in labelled_texts(brief):
        found[block, label, seen[block, label]] = text
        seen[block, label] += 1
    return found


def labelled_texts(brief: Brief) -> Iterator[tuple[str, str, str]]:
    """Yield block, label and text, in reading order."""
    yield "", _("Title"), join_clauses([brief.title, brief.subtitle])
    yield "", _("Headline"), brief.headline
    if brief.light:
        yield "", _("Light"), label_value(brief.light.label, brief.light.reason)
    for block in brief.blocks:
        if isinstance(block, Facts):
            for fact in block.items:
                yield block.title, fact.label, " ".join(filter(None, [fact.value, fact.of, fact.note]))
        elif isinstance(block, Lines):
            for line in block.items:
                yield block.title, line.label, " ".join(filter(None, [line.text, line.detail])) or line.label
        else:
            for row in block.rows:
                pairs = zip(block.columns[1:], row[1:], strict=True)
                yield block.title, row[0], join_clauses(label_value(name, cell) for name, cell in pairs)
        if not isinstance(block, Facts):
            yield block.title, _("Left out for want of space"), str(block.more)
    for source in brief.sources:
        yield _("Sources"), source.text, source.url or source.text
