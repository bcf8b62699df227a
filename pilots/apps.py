from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PilotsConfig(AppConfig):
    name = "pilots"
    verbose_name = _("Pilots")

    def ready(self) -> None:
        """Register what can be imported."""
        from core.imports.importer import register
        from pilots.importers import (
            AdoptionImporter,
            EffectImporter,
            FollowUpImporter,
            MilestoneImporter,
            PilotImporter,
            PracticeImporter,
            ReadingImporter,
            StageImporter,
            TargetImporter,
        )

        register(PilotImporter(), StageImporter(), MilestoneImporter(), TargetImporter(), ReadingImporter())
        register(PracticeImporter(), AdoptionImporter(), EffectImporter(), FollowUpImporter())
