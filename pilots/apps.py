from typing import Any

from django.apps import AppConfig
from django.core.management import CommandError
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _

PROMISES = ("pilots", "0006_promises")


def check_policies(apps: Any, plan: Any, **_signal: Any) -> None:
    """pre_migrate of whichever app is first: stop an upgrade before it changes anything, if a batch has no policy."""
    todo = {(migration.app_label, migration.name) for migration, _backwards in plan}
    if PROMISES not in todo or ("pilots", "0001_initial") in todo:
        return
    batches = apps.get_model("pilots", "Batch").objects.filter(policy=None).order_by("pk")
    if names := [f"{batch.slug} ({batch.title_zh or batch.title_en})" for batch in batches]:
        raise CommandError(
            f"These batches have no policy, the document that announced them: {', '.join(names)}. Every batch needs "
            "one now: start the former release, name the policy of each at /admin/pilots/batch/, make a backup, and "
            "migrate again. Nothing was changed."
        )


class PilotsConfig(AppConfig):
    name = "pilots"
    verbose_name = _("Pilots")

    def ready(self) -> None:
        """Keep lights in step with records; register what can be imported; look at batches before an upgrade."""
        from core.history.recording import about_to_write, written
        from core.imports.importer import register
        from core.snapshots import filled
        from pilots import importers, stored_lights

        about_to_write.connect(stored_lights.on_about_to_write, dispatch_uid="locks_of_lights")
        written.connect(stored_lights.on_written, dispatch_uid="stored_lights")
        filled.connect(stored_lights.computed_for_snapshot, dispatch_uid="lights_of_snapshot")
        post_migrate.connect(stored_lights.on_migrated, sender=self, dispatch_uid="rules_of_lights")
        pre_migrate.connect(check_policies, dispatch_uid="policies_of_batches")
        register(importers.PilotImporter(), importers.StageImporter(), importers.MilestoneImporter())
        register(importers.TargetImporter(), importers.ReadingImporter(), importers.PracticeImporter())
        register(importers.AdoptionImporter(), importers.EffectImporter(), importers.FollowUpImporter())
