"""Texts of installed packages that their own catalogues leave in English or word poorly, named so that ours holds them.

A project's catalogue wins over a package's. Nothing imports this module: translation tools read it.
"""

from django.utils.translation import gettext_noop as _
from django.utils.translation import ngettext_lazy

DJANGO = (
    _("Site administration"),
    _("Change"),
    _("Recent actions"),
    _("My actions"),
    _("None available"),
    _("Error:"),
    _("Forgotten your login credentials?"),
    _("Model name"),
    _("Add link"),
    _("Change or view list link"),
    _("After you’ve created a user, you’ll be able to edit more user options."),
    _("%(model)s instance with %(field)s %(value)r is not a valid choice."),
    ngettext_lazy(
        "This password is too short. It must contain at least %d character.",
        "This password is too short. It must contain at least %d characters.",
    ),
)
SIMPLE_HISTORY = (_("Deleted %(type_name)s"), _("Changes"))
FILTERS = (_("Range query expects two values."), _("Select a lookup."), _("%s (descending)"))
AXES = (
    _("access attempt"),
    _("access attempts"),
    _("access failure"),
    _("access failures"),
    _("access log"),
    _("access logs"),
    _("access attempt expiration"),
    _("access attempt expirations"),
    _("User Agent"),
    _("IP Address"),
    _("Username"),
    _("HTTP Accept"),
    _("Path"),
    _("Attempt Time"),
    _("Access lock out"),
    _("GET Data"),
    _("POST Data"),
    _("Failed Logins"),
    _("Expires At"),
    _("Logout Time"),
    _("Session key hash (sha256)"),
    _("The time when access attempt expires and is no longer valid."),
)
