"""Menu of the site. Each page with an entry declares it: `@page_view(…, menu=MenuEntry(…))`."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter

from django.conf import settings
from django.utils.functional import Promise


@dataclass(frozen=True)
class MenuEntry:
    """Menu entry: name of the URL, label, and place in the menu.

    `pages` are URL names of lists that belong to the section without having an entry; `shared_params` are the filters
    that links to the section keep.
    """

    url_name: str
    label: str | Promise
    place: int
    pages: Sequence[str] = ()
    shared_params: Sequence[str] = ()


MENU_ENTRIES: dict[str, MenuEntry] = {}  # filled while the views are imported


def menu_entries() -> list[MenuEntry]:
    """Return the entries in order; the first is the home page."""
    import_module(settings.ROOT_URLCONF)  # an error page may come before the first request is routed
    return sorted(MENU_ENTRIES.values(), key=attrgetter("place"))
