from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PoliciesConfig(AppConfig):
    name = "policies"
    verbose_name = _("Policies and rollout")

    def ready(self) -> None:
        """Register what can be imported."""
        from core.imports.importer import register
        from policies.importers import PolicyImporter, ProvincialPlanImporter

        register(ProvincialPlanImporter(), PolicyImporter())
