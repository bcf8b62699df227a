"""How words are joined in the reader's language: Chinese has its own colon and list mark, and no space after a stop.

A Chinese enumeration comma keeps single names apart; names that may hold commas themselves take a semicolon in English.
"""

from collections.abc import Iterable

from django.utils.translation import gettext as _
from django.utils.translation import pgettext


def labelled(label: object, text: object) -> str:
    """A label and what it says: `Kind: park`, 类型：园区."""
    return _("%(label)s: %(text)s") % {"label": label, "text": text}


def listed(names: Iterable[object]) -> str:
    """Short names in a row: `Steel, Cement`, 钢铁、水泥."""
    return _(", ").join(map(str, names))


def listed_long(names: Iterable[object]) -> str:
    """Long names in a row, which may hold commas of their own."""
    return pgettext("between long names", "; ").join(map(str, names))


def clauses(parts: Iterable[object]) -> str:
    """Statements in a row, each complete in itself."""
    return pgettext("between statements", "; ").join(map(str, parts))


def sentences(first: str, second: str) -> str:
    """One sentence after the other; either may be empty."""
    return _("%(first)s %(second)s") % {"first": first, "second": second} if first and second else first or second
