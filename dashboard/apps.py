from collections.abc import Sequence

from django.apps import AppConfig
from django.core.checks import CheckMessage, Info, register
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class DashboardConfig(AppConfig):
    name = "dashboard"
    verbose_name = _("Editions and reminders")

    def ready(self) -> None:
        """Register the check of fonts, and load the shipped days off."""
        from dashboard.models import load_shipped_days

        register(check_fonts, "fonts")
        post_migrate.connect(load_shipped_days, sender=self, dispatch_uid="load_shipped_days")


def check_fonts(app_configs: Sequence[AppConfig] | None, **_options: object) -> list[CheckMessage]:
    """System check: whether PDF files can be made. Nothing else needs a font on the server, so no warning stops a
    command."""
    from dashboard.briefs.writers import chinese_font

    if chinese_font():
        return []
    hint = "Install one (on Debian: apt-get install fonts-noto-cjk), or put one into the folder fonts of VAR_DIR."
    return [
        Info(
            "No Chinese font is found: briefs are offered as pages to print and as Word documents, not as PDF.",
            hint=hint,
            id="dashboard.I001",
        )
    ]
