"""Reasons for change that the product writes itself: parsed in any language and shown in the active one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.utils.translation import gettext, gettext_noop, override

from core.text.joining import label_value

UNDONE_REASON = gettext_noop("Import %(number)d undone")


@dataclass(frozen=True)
class UndoneImport:
    """Number of an undone import, and the remark of the user who undid it."""

    number: int
    remark: str


@cache
def undone_pattern() -> re.Pattern[str]:
    """Return a pattern for the reason in each language in which it can have been stored."""
    forms = []
    for code, _name in settings.LANGUAGES:
        with override(code):
            forms.append(re.escape(gettext(UNDONE_REASON)).replace(re.escape("%(number)d"), r"(\d+)"))
    return re.compile(rf"(?:{'|'.join(forms)})(?:(?:: |：)(.*))?", re.DOTALL)


def parse_undone_reason(reason: str | None) -> UndoneImport | None:
    """Return the import that an entry with this reason undid, or None."""
    found = undone_pattern().fullmatch(reason or "")
    if found is None:
        return None
    *numbers, remark = found.groups()
    return UndoneImport(int(next(number for number in numbers if number)), remark or "")


def translate_reason(reason: str | None) -> str:
    """Translate a reason for change that the product wrote itself; return what people wrote as it is."""
    undone = parse_undone_reason(reason)
    if undone is None:
        return gettext(reason) if reason else ""
    text = gettext(UNDONE_REASON) % {"number": undone.number}
    return label_value(text, undone.remark) if undone.remark else text
