"""Model of sources that facts cite."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from core.records.bilingual_models import note_en_field, note_zh_field
from core.records.constraints import choices_constraint
from core.records.history_model import FieldNames, HistoryModel
from core.records.validators import check_not_ahead
from core.text.bilingual import TranslatedText, check_text
from policies.models.sourced import Confidence


class Source(HistoryModel):
    """A document, page or report that facts cite. Its title stays in the language of publication."""

    title = models.CharField(
        _("title"), max_length=300, validators=[check_text], help_text=_("As printed, in its own language.")
    )
    publisher = models.CharField(
        _("publisher"),
        max_length=200,
        blank=True,
        validators=[check_text],
        help_text=_("Who published it, for example 生态环境部."),
    )
    published_on = models.DateField(
        _("published on"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_("Day it was published. Empty when it carries none."),
    )
    url = models.URLField(
        _("address"), max_length=500, blank=True, help_text=_("Web address, empty for a reprint without a lasting one.")
    )
    reliability = models.CharField(
        _("reliability"),
        max_length=10,
        choices=Confidence.choices,
        default=Confidence.OFFICIAL,
        help_text=_("The strongest that may be claimed for a fact that cites it."),
    )
    note_en = note_en_field(_("What a reader should know of it, for example “Reprint; the original page is gone”."))
    note_zh = note_zh_field()
    note = TranslatedText("note")

    LOOKUP_NAMES = ("title", "url")
    EXPORT_NAMES = ("title",)
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {"title_address_unique": ("title",)}

    class Meta:
        verbose_name = _("source")
        verbose_name_plural = _("sources")
        ordering = [Coalesce("published_on", models.Value("0001-01-01", models.DateField())).desc(), "title", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["title", "url"],
                name="source_title_address_unique",
                violation_error_message=_("A source with this title and address exists already: cite that one."),
            ),
            choices_constraint("reliability", Confidence, "source_reliability_known"),
        ]

    def __str__(self) -> str:
        return self.title
