"""Sections of the site."""

from django.utils.translation import gettext_lazy as _

from core.http.menu import MenuEntry

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
