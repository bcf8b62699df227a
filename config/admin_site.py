"""The admin's own site: no sidebar, and its index by task instead of by app."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

DAILY = [
    *("pilot", "stageentry", "milestone", "completion", "target", "amendment"),
    *("reading", "notgiven", "deadline", "lightoverride"),
    *("followup", "practice", "adoption", "effect"),
]
LIBRARY = [
    *("policy", "provincialplan", "measure", "figure", "batch", "province", "agency", "industry"),
    *("indicator", "source", "document", "edition", "workingday"),
]
PEOPLE = ["user", "group", "token"]
GROUPS = {"daily": (_("Daily"), DAILY), "library": (_("Library"), LIBRARY), "people": (_("People"), PEOPLE)}
OTHERS = "system", _("System")


class TrackerAdminSite(AdminSite):
    """Admin site whose models stand under the task that they are for, those that no task names under the last."""

    enable_nav_sidebar = False

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the models by task; those of one app as they are."""
        apps = super().get_app_list(request, app_label)
        if app_label:
            return apps
        left = {model["object_name"].lower(): model for app in apps for model in app["models"]}
        groups = [
            (code, name, [left.pop(model) for model in models if model in left])
            for code, (name, models) in GROUPS.items()
        ]
        groups.append((*OTHERS, list(left.values())))
        return [{"app_label": code, "name": name, "models": models} for code, name, models in groups if models]


class TrackerAdminConfig(AdminConfig):
    """The admin with this site."""

    default_site = "config.admin_site.TrackerAdminSite"
