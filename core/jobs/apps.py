"""App configuration of background jobs, an app of its own because its tables live in a database of their own."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class JobsConfig(AppConfig):
    name = "core.jobs"
    label = "jobs"
    verbose_name = _("Background jobs")
