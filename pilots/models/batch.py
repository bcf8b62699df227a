"""Model of batches: pilots announced together."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from core.records.bilingual_models import BilingualTitleModel, SlugModel
from core.records.constraints import check_constraint, slug_constraint, title_constraint
from core.records.fields import choice_field, day_field, link_field, list_field, number_field, text_field
from core.records.validators import check_not_ahead
from core.text.bilingual import is_chinese_active
from pilots.querysets import BatchQuerySet
from policies.models import Industry, Level, Policy, Province
from policies.models.sourced import SourcedModel

NO_NUMBER = _("Empty when the announcement gives no number.")


class Batch(SlugModel, BilingualTitleModel, SourcedModel):
    """Pilots announced together, with the announced numbers."""

    short_name_zh = text_field(
        _("short name in Chinese"),
        60,
        _("As rows, filters and subtitles print it, for example 国家首批. Left empty, they print the title."),
        blank=True,
    )
    short_name_en = text_field(
        _("short name in English"),
        60,
        _("As it stands within a sentence, for example “first national batch”. Left empty: the title."),
        blank=True,
    )
    level = choice_field(
        _("level"),
        Level,
        _("Who announced it. A provincial batch names its province below."),
        max_length=10,
        default=Level.NATIONAL,
    )
    province = link_field(Province, _("province"), "batches", _("Only for a provincial batch."), optional=True)
    policy = link_field(Policy, _("policy"), "batches", _("The document that announced it."), optional=True)
    announced_on = day_field(_("announced on"), _("Empty when not known."))
    known_by = models.DateField(
        _("latest date known"),
        blank=True,
        validators=[check_not_ahead],
        help_text=_("Latest day by which it is known to exist. Left empty, it is the day of announcement."),
    )
    term_start = day_field(_("term starts"), _("First day of the trial, as the announcement sets it."), ahead=True)
    term_end = day_field(
        _("term ends"), _("Last day of the trial. For “three years” count from the first day."), ahead=True
    )
    city_count = number_field(_("cities announced"), NO_NUMBER)
    county_count = number_field(_("counties announced"), NO_NUMBER)
    park_count = number_field(_("parks announced"), NO_NUMBER)
    enterprise_count = number_field(_("enterprises announced"), NO_NUMBER)
    industries_announced = list_field(
        Industry,
        _("industries announced"),
        _("Industries that the batch’s own notice names, whether or not a recorded pilot names them."),
        "batches_announcing",
    )

    objects = models.Manager.from_queryset(BatchQuerySet)()
    LOOKUP_NAMES = ("short_name_zh", "short_name_en", "title_zh", "title_en")
    EXPORT_NAMES = ("short", "name", "label")
    CHOICES_HELD = ("level",)
    PROVINCE_PATH = "province_id"

    class Meta:
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        ordering = ["level", "known_by", "pk"]
        constraints = [
            slug_constraint("batch"),
            check_constraint(
                "batch_level_goes_with_province",
                Q(level=Level.NATIONAL, province__isnull=True) | Q(level=Level.PROVINCIAL, province__isnull=False),
                _("A provincial batch names its province, a national one names none."),
            ),
            check_constraint(
                "batch_term_in_order",
                Q(term_start__isnull=True) | Q(term_end__isnull=True) | Q(term_end__gte=F("term_start")),
                _("The term ends before it starts."),
            ),
            check_constraint("batch_known_on_its_day", Q(announced_on__isnull=True) | Q(known_by=F("announced_on"))),
            title_constraint("batch"),
        ]

    def get_absolute_url(self) -> str:
        return reverse("batch-detail", args=[self.slug])

    @property
    def short(self) -> str:
        """The short name in the current language, for use in a sentence; the title if there is none."""
        return (self.short_name_zh if is_chinese_active() else self.short_name_en) or self.name

    @property
    def label(self) -> str:
        """The short name as it begins a row, a chip or a choice."""
        return capfirst(self.short)

    @property
    def short_lang(self) -> str:
        """The language tag of `short` if it is not the current language, else empty."""
        return "" if self.short != self.name else self.name_lang

    def clean_fields(self, exclude: object = None) -> None:
        if self.announced_on:
            self.known_by = self.announced_on
        super().clean_fields(exclude)

    def clean(self) -> None:
        super().clean()
        if self.known_by is None:
            raise ValidationError(
                {"known_by": _("Give the day of announcement, or the day by which the batch is known to exist.")}
            )

    def announced(self, kind: str) -> int | None:
        """Return the announced number of pilots of a kind; None if not given."""
        count: int | None = getattr(self, f"{kind}_count")
        return count
