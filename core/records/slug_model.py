"""Abstract model of records that a slug identifies."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.records.constraints import SLUG_MESSAGE
from core.records.history_model import HistoryModel
from core.text.normalization import normalize_code


class SlugModel(HistoryModel):
    """Abstract model of a record with a slug, by which URLs and files identify it."""

    slug = models.SlugField(
        _("code"),
        max_length=80,
        unique=True,
        error_messages={"invalid": SLUG_MESSAGE},
        help_text=_(
            "Short name in addresses and files: small letters, digits, hyphens. Example: huzhou. "
            "Changing it later breaks links that others have kept."
        ),
    )

    class Meta:
        abstract = True

    def clean_fields(self, exclude: Any = None) -> None:
        self.slug = normalize_code(self.slug or "").lower()
        super().clean_fields(exclude)
