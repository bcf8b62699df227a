"""Abstract model of facts with sources, confidence and a note."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.records.bilingual_models import note_en_field, note_zh_field
from core.records.constraints import choices_constraint, slug_constraint
from core.text.bilingual import TranslatedText
from core.text.formatting import StatusChoices


class Confidence(StatusChoices):
    """Confidence in a fact, by the kind of source."""

    OFFICIAL = "official", "green", _("official")
    MEDIA = "media", "blue", _("press")
    INFERRED = "inferred", "yellow", _("inferred")


class Level(models.TextChoices):
    NATIONAL = "national", _("national")
    PROVINCIAL = "provincial", _("provincial")


def fact_constraints(app_model: str) -> list[models.CheckConstraint]:
    """Return the check constraints of a fact with a slug: its slug and its confidence."""
    return [slug_constraint(app_model), choices_constraint("confidence", Confidence, f"{app_model}_confidence_known")]


class SourcedModel(models.Model):
    """Base of facts: confidence, sources, and a note in two languages."""

    confidence = models.CharField(
        _("confidence"),
        max_length=10,
        choices=Confidence.choices,
        default=Confidence.OFFICIAL,
        help_text=_("official: the issuer’s own text; press: a report; inferred: read from other documents."),
    )
    sources = models.ManyToManyField(
        "policies.Source",
        verbose_name=_("sources"),
        blank=True,
        help_text=_("Where this was read. Every fact should cite at least one."),
    )
    note_en = note_en_field(_("What a careful reader must know, for example “Date of the press report”."))
    note_zh = note_zh_field()
    note = TranslatedText("note")

    class Meta:
        abstract = True

    @property
    def unverified(self) -> bool:
        """Whether the fact was only inferred; every page says so beside it."""
        return self.confidence == Confidence.INFERRED
