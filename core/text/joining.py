"""Joining of texts in the active language: Chinese has its own colon and list mark, and no space after a full stop.

A Chinese enumeration comma separates short names; names that may contain commas take a semicolon in English.
"""

from collections.abc import Iterable

from django.utils.translation import gettext as _
from django.utils.translation import pgettext


def label_value(label: object, text: object) -> str:
    """Join a label and its value: `Kind: park`, 类型：园区."""
    return _("%(label)s: %(text)s") % {"label": label, "text": text}


def join_short(names: Iterable[object]) -> str:
    """Join short names: `Steel, Cement`, 钢铁、水泥."""
    return _(", ").join(map(str, names))


def join_long(names: Iterable[object]) -> str:
    """Join long names, which may contain commas."""
    return pgettext("between long names", "; ").join(map(str, names))


def join_clauses(parts: Iterable[object]) -> str:
    """Join statements, each complete in itself."""
    return pgettext("between statements", "; ").join(map(str, parts))


def join_statements(first: str, second: str) -> str:
    """Join two related statements; the second may be empty."""
    return _("%(first)s, %(second)s") % {"first": first, "second": second} if second else first


def join_sentences(first: str, second: str) -> str:
    """Join two sentences; either may be empty."""
    return _("%(first)s %(second)s") % {"first": first, "second": second} if first and second else first or second
