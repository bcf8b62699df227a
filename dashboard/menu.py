"""Sections of the site."""

from collections.abc import Sequence
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class MenuEntry(NamedTuple):
    """Menu entry: name of the URL, and label.

    `pages` are URL names of lists that belong to the section without having an entry; `shared_params` are the filters
    that links to the section keep.
    """

    url_name: str
    label: str | Promise
    pages: Sequence[str] = ()
    shared_params: Sequence[str] = ()


MENU = (  # the first is the home page
    MenuEntry("overview", _("Overview")),
    MenuEntry("policy-list", _("Policies")),
    MenuEntry("province-list", _("Provinces")),
    MenuEntry("pilot-list", _("Pilots"), pages=["batch-list"], shared_params=["batch"]),
    MenuEntry("action-list", _("Follow-ups")),
    MenuEntry("industry-list", _("Industries"), shared_params=["batch"]),
    MenuEntry("synergy", _("Synergy"), shared_params=["batch"]),
    MenuEntry("practice-list", _("Practices")),
    MenuEntry("data", _("Data")),
)
