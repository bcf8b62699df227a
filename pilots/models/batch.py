"""Model of batches: pilots announced together."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from core.records.bilingual_models import BilingualTitleModel, SlugModel
from core.records.constraints import slug_constraint
from core.records.validators import check_not_ahead
from core.text.bilingual import check_text, is_chinese_active
from pilots.querysets import BatchQuerySet
from policies.models import Industry, Level, Policy, Province
from policies.models.sourced import SourcedModel


class Batch(SlugModel, BilingualTitleModel, SourcedModel):
    """Pilots announced together, with the announced numbers."""

    short_name_zh = models.CharField(
        _("short name in Chinese"),
        max_length=60,
        blank=True,
        validators=[check_text],
        help_text=_("As rows, filters and subtitles print it, for example 国家首批. Left empty, they print the title."),
    )
    short_name_en = models.CharField(
        _("short name in English"),
        max_length=60,
        blank=True,
        validators=[check_text],
        help_text=_("As it stands within a sentence, for example “first national batch”. Left empty: the title."),
    )
    level = models.CharField(
        _("level"),
        max_length=10,
        choices=Level.choices,
        default=Level.NATIONAL,
        help_text=_("Who announced it. A provincial batch names its province below."),
    )
    province = models.ForeignKey(
        Province,
        verbose_name=_("province"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="batches",
        help_text=_("Only for a provincial batch."),
    )
    policy = models.ForeignKey(
        Policy,
        verbose_name=_("policy"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="batches",
        help_text=_("The document that announced it."),
    )
    announced_on = models.DateField(
        _("announced on"), null=True, blank=True, validators=[check_not_ahead], help_text=_("Empty when not known.")
    )
    known_by = models.DateField(
        _("latest date known"),
        blank=True,
        validators=[check_not_ahead],
        help_text=_("Latest day by which it is known to exist. Left empty, it is the day of announcement."),
    )
    term_start = models.DateField(
        _("term starts"), null=True, blank=True, help_text=_("First day of the trial, as the announcement sets it.")
    )
    term_end = models.DateField(
        _("term ends"),
        null=True,
        blank=True,
        help_text=_("Last day of the trial. For “three years” count from the first day."),
    )
    city_count = models.PositiveIntegerField(
        _("cities announced"), null=True, blank=True, help_text=_("Empty when the announcement gives no number.")
    )
    county_count = models.PositiveIntegerField(
        _("counties announced"), null=True, blank=True, help_text=_("Empty when the announcement gives no number.")
    )
    park_count = models.PositiveIntegerField(
        _("parks announced"), null=True, blank=True, help_text=_("Empty when the announcement gives no number.")
    )
    enterprise_count = models.PositiveIntegerField(
        _("enterprises announced"), null=True, blank=True, help_text=_("Empty when the announcement gives no number.")
    )

    industries_announced = models.ManyToManyField(
        Industry,
        verbose_name=_("industries announced"),
        blank=True,
        related_name="batches_announcing",
        help_text=_("Industries that the batch’s own notice names, whether or not a recorded pilot names them."),
    )

    objects = models.Manager.from_queryset(BatchQuerySet)()
    _history_m2m_fields = ["industries_announced", "sources"]
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
            models.CheckConstraint(
                condition=Q(level=Level.NATIONAL, province__isnull=True)
                | Q(level=Level.PROVINCIAL, province__isnull=False),
                name="batch_level_goes_with_province",
                violation_error_message=_("A provincial batch names its province, a national one names none."),
            ),
            models.CheckConstraint(
                condition=Q(term_start__isnull=True) | Q(term_end__isnull=True) | Q(term_end__gte=F("term_start")),
                name="batch_term_in_order",
                violation_error_message=_("The term ends before it starts."),
            ),
            models.CheckConstraint(
                condition=Q(announced_on__isnull=True) | Q(known_by=F("announced_on")),
                name="batch_known_on_its_day",
            ),
            models.CheckConstraint(
                condition=~Q(title_zh="") | ~Q(title_en=""),
                name="batch_has_title",
                violation_error_message=_("Give the title in at least one language."),
            ),
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
