"""Where the policy is tried: batches and their pilots."""

from datetime import date
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.models import F, Q
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from config.bilingual import reads_chinese
from config.paths import path_of
from config.reads import reads
from pilots.models.facts import Facts
from pilots.querysets import BatchQuerySet, PilotQuerySet
from policies.models import Industry, Level, Policy, Province
from policies.models.base import (
    Named,
    Rules,
    Slugged,
    Sourced,
    Titled,
    check_not_ahead,
    check_text,
    fact_checks,
    one_of,
)


class PilotKind(models.TextChoices):
    CITY = "city", _("city")
    COUNTY = "county", _("county")
    PARK = "park", _("industrial park")
    ENTERPRISE = "enterprise", _("enterprise")


class CityType(models.TextChoices):
    """The four types the ministry names; which city is which has not been published."""

    RESOURCE = "resource", _("resource-based")
    INDUSTRIAL = "industrial", _("industrial")
    COMPREHENSIVE = "comprehensive", _("comprehensive")
    ECOLOGICAL = "ecological", _("ecologically good")


class Batch(Slugged, Titled, Sourced):
    """Pilots announced together, with the numbers that the announcement gave."""

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

    objects = BatchQuerySet.as_manager()
    _history_m2m_fields = ["industries_announced", "sources"]
    MENDED_AT: ClassVar[Rules] = {
        "level_goes_with_province": ("province",),
        "term_in_order": ("term_end",),
        "known_on_its_day": ("known_by",),
        "has_title": ("title_zh",),
    }

    PROVINCE = "province_id"

    class Meta:
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        ordering = ["level", "known_by", "pk"]
        constraints = [
            *fact_checks("batch"),
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

    @reads("slug")
    def get_absolute_url(self) -> str:
        return path_of("batch-detail", self.slug)

    @property
    @reads("short_name_en", "short_name_zh", "name")
    def short(self) -> str:
        """The short name in the reader's language, as it stands within a sentence; the title where there is none."""
        return (self.short_name_zh if reads_chinese() else self.short_name_en) or self.name

    @property
    @reads("short")
    def label(self) -> str:
        """The short name as it begins a row, a chip or a choice."""
        return capfirst(self.short)

    @property
    def short_lang(self) -> str:
        """The language tag of `short` when it is not the reader's language, else empty."""
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
        """How many pilots of a kind the announcement names; None when it gives no number."""
        count: int | None = getattr(self, f"{kind}_count")
        return count


class Pilot(Slugged, Named, Sourced):
    """A city, county, park or enterprise that tries the policy out."""

    kind = models.CharField(
        _("kind"), max_length=10, choices=PilotKind.choices, help_text=_("As the announcement lists it.")
    )
    batch = models.ForeignKey(
        Batch,
        verbose_name=_("batch"),
        on_delete=models.PROTECT,
        related_name="pilots",
        help_text=_("The announcement that made it a pilot."),
    )
    province = models.ForeignKey(
        Province,
        verbose_name=_("province"),
        on_delete=models.PROTECT,
        related_name="pilots",
        help_text=_("The province in which it lies."),
    )
    prefecture_code = models.CharField(
        _("prefecture code"),
        max_length=6,
        blank=True,
        help_text=_("GB/T 2260 code of the city it is or lies in, for example 330500."),
    )
    prefecture_zh = models.CharField(
        _("prefecture"),
        max_length=60,
        blank=True,
        validators=[check_text],
        help_text=_("Name of the city it is or lies in, for example 湖州市."),
    )
    county_code = models.CharField(
        _("county code"), max_length=6, blank=True, help_text=_("GB/T 2260 code of the county, where it lies in one.")
    )
    parent = models.ForeignKey(
        "self",
        verbose_name=_("lies in pilot city"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="children",
        help_text=_("For a park inside a pilot city: it is counted as a pilot, but left out of sums of emissions."),
    )
    city_type = models.CharField(
        _("city type"),
        max_length=15,
        choices=CityType.choices,
        blank=True,
        help_text=_("Only for cities, and only where it has been published."),
    )
    industries = models.ManyToManyField(
        Industry,
        verbose_name=_("industries"),
        blank=True,
        related_name="pilots",
        help_text=_("Industries that the pilot’s own documents name; several are possible."),
    )
    term_start = models.DateField(
        _("term starts"), null=True, blank=True, help_text=_("Only where it differs from the batch’s.")
    )
    term_end = models.DateField(
        _("term ends"), null=True, blank=True, help_text=_("Only where it differs from the batch’s.")
    )
    withdrawn_on = models.DateField(
        _("withdrawn on"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_("From this day on it is no longer a pilot."),
    )

    objects = PilotQuerySet.as_manager()
    facts = Facts()
    _history_m2m_fields = ["industries", "sources"]
    MENDED_AT: ClassVar[Rules] = {
        "city_type_only_for_cities": ("city_type",),
        "not_its_own_parent": ("parent",),
        "city_has_no_parent": ("parent",),
        "name_unique_in_batch": ("name_zh",),
        "term_in_order": ("term_end",),
    }

    city_held = False  # True where the parent is to be taken as it stands in memory

    NAMED_WITH = ("batch",)  # what its names hold besides its own fields
    PROVINCE = "province_id"
    PLACED: ClassVar[tuple[str, ...]] = (
        *("slug", "kind", "batch", "province", "parent", "withdrawn_on"),
        *("term_start", "term_end"),  # from which year on values are due, and until when
    )
    GUARDED: ClassVar[Rules] = {"pilots.place_pilot": PLACED}

    class Meta:
        verbose_name = _("pilot")
        verbose_name_plural = _("pilots")
        ordering = ["batch", "pk"]
        permissions = [("place_pilot", "Can say which pilots there are: kind, batch, province, end")]
        constraints = [
            *fact_checks("pilot"),
            one_of("kind", PilotKind, "pilot_kind_known"),
            one_of("city_type", CityType, "pilot_city_type_known", blank=True),
            models.CheckConstraint(
                condition=Q(city_type="") | Q(kind=PilotKind.CITY),
                name="pilot_city_type_only_for_cities",
                violation_error_message=_("Only a city has a city type."),
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=True) | ~Q(parent=F("id")),
                name="pilot_not_its_own_parent",
                violation_error_message=_("A pilot cannot lie in itself."),
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=True) | ~Q(kind=PilotKind.CITY),
                name="pilot_city_has_no_parent",
                violation_error_message=_("A city does not lie in another pilot city."),
            ),
            models.UniqueConstraint(
                fields=["batch", "name_zh"],
                name="pilot_name_unique_in_batch",
                violation_error_message=_("This batch already has a pilot of this name."),
            ),
            *[
                models.CheckConstraint(
                    condition=Q(**{f"{name}__regex": r"^([0-9]{6})?$"}),
                    name=f"pilot_{name}_six_digits",
                    violation_error_message=_("A GB/T 2260 code has six digits."),
                )
                for name in ("prefecture_code", "county_code")
            ],
            models.CheckConstraint(
                condition=Q(term_start__isnull=True) | Q(term_end__isnull=True) | Q(term_end__gte=F("term_start")),
                name="pilot_term_in_order",
                violation_error_message=_("The term ends before it starts."),
            ),
        ]

    @reads("slug")
    def get_absolute_url(self) -> str:
        return path_of("pilot-detail", self.slug)

    @property
    def label(self) -> str:
        """The name with its batch, as a list prints it that may hold two pilots of one name."""
        return self.label_zh if reads_chinese() else self.label_en

    @property
    def label_zh(self) -> str:
        batch = self.batch
        return f"{self.name_zh or self.name_en}（{batch.short_name_zh or batch.title_zh or batch.title_en}）"

    @property
    def label_en(self) -> str:
        batch = self.batch
        return f"{self.name_en or self.name_zh} ({batch.short_name_en or batch.title_en or batch.title_zh})"

    def withdrawn_by(self, as_of: date) -> bool:
        """Whether it had withdrawn by the day."""
        return self.withdrawn_on is not None and self.withdrawn_on <= as_of

    @property
    def starts_on(self) -> date | None:
        """First day of the term: the pilot's own, else the batch's."""
        return self.term_start or self.batch.term_start

    @property
    def ends_on(self) -> date | None:
        """Last day of the term: the pilot's own, else the batch's; None when neither is known."""
        return self.term_end or self.batch.term_end

    def clean(self) -> None:
        super().clean()
        if self.parent_id and not self.city_held and connection.in_atomic_block:
            self.hold_city(self.parent_id)
        if self.parent and self.parent.kind != PilotKind.CITY:
            raise ValidationError({"parent": _("A park lies in a pilot city: choose a pilot of kind city.")})
        if self.batch_id and self.province_id and self.batch.province_id not in (None, self.province_id):
            raise ValidationError({"province": _("The batch belongs to another province.")})
        if self.pk and self.kind != PilotKind.CITY and self.children.exists():
            raise ValidationError({"kind": _("Parks lie in this pilot city: it stays one until they are taken out.")})

    def hold_city(self, key: int) -> None:
        """Nobody makes the city a park until the transaction ends: both changes could be right, each for itself."""
        cities = type(self).objects.select_for_update(no_key=True)
        self.parent = cities.filter(pk=key).first() or self.parent  # gone: the database says so
