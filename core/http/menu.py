"""Menu of the site."""

from collections.abc import Sequence
from typing import NamedTuple

from django.conf import settings
from django.utils.functional import Promise
from django.utils.module_loading import import_string


class MenuEntry(NamedTuple):
    """Menu entry: name of the URL, and label.

    `pages` are URL names of lists that belong to the section without having an entry; `shared_params` are the filters
    that links to the section keep.
    """

    url_name: str
    label: str | Promise
    pages: Sequence[str] = ()
    shared_params: Sequence[str] = ()


def menu() -> Sequence[MenuEntry]:
    """Return the entries in order, which the setting MENU names; the first is the home page."""
    entries: Sequence[MenuEntry] = import_string(settings.MENU)
    return entries
