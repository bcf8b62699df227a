from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PilotsConfig(AppConfig):
    name = "pilots"
    verbose_name = _("Pilots")

    def ready(self) -> None:
        """Register what can be imported."""
        from core.imports.importer import register
        from pilots import importers

        register(importers.PilotImporter(), importers.StageImporter(), importers.MilestoneImporter())
        register(importers.TargetImporter(), importers.ReadingImporter(), importers.PracticeImporter())
        register(importers.AdoptionImporter(), importers.EffectImporter(), importers.FollowUpImporter())
