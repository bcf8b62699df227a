from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PilotsConfig(AppConfig):
    name = "pilots"
    verbose_name = _("Pilots")

    def ready(self) -> None:
        """Register what can be imported, and the files that a backup needs."""
        from core.files.store import register_kept
        from core.imports.registry import register
        from pilots.documents.checks import document_checksums
        from pilots.follow_ups.importers import FollowUpImporter
        from pilots.importers import MilestoneImporter, PilotImporter, ReadingImporter, StageImporter, TargetImporter
        from pilots.practices.importers import AdoptionImporter, EffectImporter, PracticeImporter

        register(PilotImporter(), StageImporter(), MilestoneImporter(), TargetImporter(), ReadingImporter())
        register(PracticeImporter(), AdoptionImporter(), EffectImporter(), FollowUpImporter())
        register_kept(document_checksums)
