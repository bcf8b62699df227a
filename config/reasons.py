"""The reasons that the product itself writes into a history, read back in any language and told in the reader's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.utils.translation import gettext, gettext_noop, override

from config.words import labelled

UNDONE = gettext_noop("Import %(number)d undone")


@dataclass(frozen=True)
class UndoneImport:
    """What the entries of an import that was undone carry: its number, and the words of the person who undid it."""

    number: int
    remark: str


@cache
def undone_pattern() -> re.Pattern[str]:
    """Matches the reason in each language in which it can have been stored."""
    forms = []
    for code, _name in settings.LANGUAGES:
        with override(code):
            forms.append(re.escape(gettext(UNDONE)).replace(re.escape("%(number)d"), r"(\d+)"))
    return re.compile(rf"(?:{'|'.join(forms)})(?:(?:: |：)(.*))?", re.DOTALL)


def undone_import(reason: str | None) -> UndoneImport | None:
    """The import that an entry of this reason undid, if it undid one."""
    found = undone_pattern().fullmatch(reason or "")
    if found is None:
        return None
    *numbers, remark = found.groups()
    return UndoneImport(int(next(number for number in numbers if number)), remark or "")


def reason_in_words(reason: str | None) -> str:
    """A reason as the reader sees it: what the product wrote in the reader's language, what people wrote as it is."""
    undone = undone_import(reason)
    if undone is None:
        return gettext(reason) if reason else ""
    text = gettext(UNDONE) % {"number": undone.number}
    return labelled(text, undone.remark) if undone.remark else text
