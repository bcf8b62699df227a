"""Model of agencies, which issue policies."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.records.bilingual_models import BilingualNameModel, SlugModel, note_en_field, note_zh_field
from core.records.constraints import slug_constraint
from core.text.bilingual import TranslatedText


class Agency(SlugModel, BilingualNameModel):
    """A body that issues policies; a policy may have several."""

    note_en = note_en_field(
        _("What a reader should know of it, for example an earlier name and the year of the change.")
    )
    note_zh = note_zh_field()
    note = TranslatedText("note")

    class Meta:
        verbose_name = _("agency")
        verbose_name_plural = _("agencies")
        ordering = ["pk"]
        constraints = [
            slug_constraint("agency"),
            models.UniqueConstraint(fields=["name_zh"], name="agency_name_unique"),
        ]
