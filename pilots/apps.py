from typing import Any

from django.apps import AppConfig
from django.db.models import QuerySet
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class PilotsConfig(AppConfig):
    name = "pilots"
    verbose_name = _("Pilots")

    def ready(self) -> None:
        """Register what can be imported, and what is filled in after a migration."""
        from core.imports.importer import register
        from pilots.follow_ups.importers import FollowUpImporter
        from pilots.importers import MilestoneImporter, PilotImporter, ReadingImporter, StageImporter, TargetImporter
        from pilots.practices.importers import AdoptionImporter, EffectImporter, PracticeImporter

        register(PilotImporter(), StageImporter(), MilestoneImporter(), TargetImporter(), ReadingImporter())
        register(PracticeImporter(), AdoptionImporter(), EffectImporter(), FollowUpImporter())
        post_migrate.connect(fill_closing_colours, sender=self)


def fill_closing_colours(using: str, plan: Any = (), **_kwargs: Any) -> None:
    """Keep with each step that closed a follow-up the colour of its cause on that day, once: the migration that adds
    the column cannot compute lights. Its history gets it too, so that a past day is known by it."""
    from pilots.follow_ups.causes import closing_colour
    from pilots.metrics.follow_up_states import Move
    from pilots.models import FollowUpStep

    if not any(step.name == "0014_follow_up_closing_colour" and not backwards for step, backwards in plan):
        return
    steps = FollowUpStep.objects.using(using).filter(move=Move.VERIFY).select_related("follow_up__pilot")
    for step in steps:
        colour = closing_colour(step.follow_up, step.taken_on)
        QuerySet(FollowUpStep, using=using).filter(pk=step.pk).update(cause_colour=colour)
        QuerySet(FollowUpStep.history.model, using=using).filter(id=step.pk).update(cause_colour=colour)
