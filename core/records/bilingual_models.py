"""Abstract models of records with a slug, with a name or title, and notes, in two languages."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.records.constraints import SLUG_MESSAGE
from core.records.history_model import HistoryModel
from core.text.bilingual import check_text, is_chinese_active, normalize_code


# First, since Django orders inherited fields by when they were created.
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


class BilingualModel(models.Model):
    """Abstract model of a text in two languages; the active language is shown, the other where it is missing."""

    EN, ZH = "name_en", "name_zh"

    class Meta:
        abstract = True

    @property
    def name(self) -> str:
        """Return the text in the active language, else in the other."""
        first, second = self.names()
        return first or second

    @property
    def name_lang(self) -> str:
        """Language tag of `name` when it is not in the active language, else empty."""
        first, _second = self.names()
        if first:
            return ""
        return "en" if is_chinese_active() else "zh"

    def names(self) -> tuple[str, str]:
        """The text in the active language, and the one in the other."""
        en, zh = getattr(self, self.EN), getattr(self, self.ZH)
        return (zh, en) if is_chinese_active() else (en, zh)

    def __str__(self) -> str:
        return self.name or getattr(self, "slug", "") or str(self.pk)


class BilingualNameModel(BilingualModel):
    name_zh = models.CharField(
        _("name in Chinese"), max_length=200, validators=[check_text], help_text=_("In full, for example 湖州市.")
    )
    name_en = models.CharField(
        _("name in English"),
        max_length=200,
        blank=True,
        validators=[check_text],
        help_text=_("For example Huzhou. Left empty, readers of English see the Chinese name."),
    )

    class Meta:
        abstract = True


class BilingualTitleModel(BilingualModel):
    EN, ZH = "title_en", "title_zh"

    title_zh = models.CharField(
        _("title in Chinese"),
        max_length=300,
        blank=True,
        validators=[check_text],
        help_text=_("As printed, for example 减污降碳协同增效实施方案."),
    )
    title_en = models.CharField(
        _("title in English"),
        max_length=300,
        blank=True,
        validators=[check_text],
        help_text=_("The official translation where there is one, else your own. Readers see it in English pages."),
    )

    class Meta:
        abstract = True

    @property
    def title(self) -> str:
        return self.name


def note_en_field(help_text: Any) -> Any:
    return models.TextField(_("note in English"), blank=True, validators=[check_text], help_text=help_text)


def note_zh_field() -> Any:
    text = _("The same in Chinese. Where one is empty, readers of its language see the other.")
    return models.TextField(_("note in Chinese"), blank=True, validators=[check_text], help_text=text)
