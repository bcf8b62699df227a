"""Who a policy is rolled out to, who issues it, and the industries it reaches."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from config.bilingual import Translated
from config.paths import path_of
from config.reads import reads
from policies.models.base import (
    Named,
    Recorded,
    Rules,
    Slugged,
    Sourced,
    check_text,
    chinese_note,
    code_check,
    english_note,
    fact_checks,
    one_of,
)
from policies.querysets import ProvinceQuerySet


class Region(models.TextChoices):
    """The six regions of the programme's tables, in the usual order."""

    NORTH = "north", _("North")
    NORTHEAST = "northeast", _("Northeast")
    EAST = "east", _("East")
    CENTRAL_SOUTH = "central-south", _("Central and South")
    SOUTHWEST = "southwest", _("Southwest")
    NORTHWEST = "northwest", _("Northwest")


class ProvinceKind(models.TextChoices):
    PROVINCE = "province", pgettext_lazy("kind of unit", "province")
    MUNICIPALITY = "municipality", _("municipality")
    AUTONOMOUS_REGION = "autonomous-region", _("autonomous region")
    CORPS = "corps", _("corps")
    SAR = "sar", _("special administrative region")


class Province(Slugged, Named, Sourced):
    """A province-level unit. Denominators come from the roster (in_roster), never from rows that happen to exist."""

    short_zh = models.CharField(
        _("short name in Chinese"),
        max_length=20,
        validators=[check_text],
        help_text=_("As tiles and charts print it, for example 浙江."),
    )
    short_en = models.CharField(
        _("short name in English"),
        max_length=40,
        validators=[check_text],
        help_text=_("As tiles and charts print it, for example Zhejiang."),
    )
    gb_code = models.CharField(
        _("GB/T 2260 code"),
        max_length=6,
        blank=True,
        help_text=_("Six digits, for example 330000. Empty for the Xinjiang corps, which has none of its own."),
    )
    iso_code = models.CharField(_("ISO 3166-2 code"), max_length=6, blank=True, help_text=_("For example CN-ZJ."))
    kind = models.CharField(
        _("kind"), max_length=20, choices=ProvinceKind.choices, help_text=_("What kind of province-level unit it is.")
    )
    region = models.CharField(
        _("region"),
        max_length=20,
        choices=Region.choices,
        blank=True,
        help_text=_("The region under which tables and charts group it. Every province in the roster needs one."),
    )
    tile_col = models.PositiveSmallIntegerField(_("tile column"), help_text=_("Place on the tile map, 0 to 7."))
    tile_row = models.PositiveSmallIntegerField(_("tile row"), help_text=_("Place on the tile map, 0 to 7."))
    in_roster = models.BooleanField(
        _("in the roster"),
        default=True,
        help_text=_("Whether this programme covers it: the roster is every denominator of the rollout."),
    )

    objects = ProvinceQuerySet.as_manager()
    _history_m2m_fields = ["sources"]
    MENDED_AT: ClassVar[Rules] = {
        "tile_unique": ("tile_col", "tile_row"),
        "tile_on_the_grid": ("tile_col", "tile_row"),
        "roster_has_region": ("region",),
    }

    PROVINCE = "pk"

    class Meta:
        verbose_name = _("province")
        verbose_name_plural = _("provinces")
        ordering = ["-in_roster", "pk"]
        constraints = [
            *fact_checks("province"),
            one_of("kind", ProvinceKind, "province_kind_known"),
            one_of("region", Region, "province_region_known", blank=True),
            models.CheckConstraint(
                condition=Q(gb_code__regex=r"^([0-9]{6})?$"),
                name="province_gb_code_six_digits",
                violation_error_message=_("A GB/T 2260 code has six digits."),
            ),
            models.UniqueConstraint(
                fields=["gb_code"],
                condition=~Q(gb_code=""),
                name="province_gb_code_unique",
                violation_error_message=_("Another province has this code."),
            ),
            models.UniqueConstraint(
                fields=["iso_code"],
                condition=~Q(iso_code=""),
                name="province_iso_code_unique",
                violation_error_message=_("Another province has this code."),
            ),
            models.UniqueConstraint(
                fields=["tile_col", "tile_row"],
                name="province_tile_unique",
                violation_error_message=_("Another province stands on this tile."),
            ),
            models.CheckConstraint(
                condition=Q(tile_col__lte=7, tile_row__lte=7),
                name="province_tile_on_the_grid",
                violation_error_message=_("The tile map has columns and rows 0 to 7."),
            ),
            models.CheckConstraint(
                condition=Q(in_roster=False) | ~Q(region=""),
                name="province_roster_has_region",
                violation_error_message=_("A province in the roster needs its region."),
            ),
        ]

    @reads("slug")
    def get_absolute_url(self) -> str:
        return path_of("province-detail", self.slug)

    @property
    def short(self) -> str:
        """The short name in the reader's language, as tiles print it."""
        return self.short_zh if (get_language() or "en").startswith("zh") else self.short_en


class Agency(Slugged, Named):
    """A body that issues policies; a policy often has several."""

    note_en = english_note(
        _("What a reader should know of it, for example an earlier name and the year of the change.")
    )
    note_zh = chinese_note()
    note = Translated("note")

    class Meta:
        verbose_name = _("agency")
        verbose_name_plural = _("agencies")
        ordering = ["pk"]
        constraints = [
            code_check("agency"),
            models.UniqueConstraint(fields=["name_zh"], name="agency_name_unique"),
        ]


class Division(Recorded, Named):
    """A section, division, group or class of the industrial classification GB/T 4754-2017."""

    code = models.CharField(
        _("GB/T 4754-2017 code"),
        max_length=5,
        unique=True,
        help_text=_("Section letter with the digits known, for example C31, C3011 or G."),
    )

    class Meta:
        verbose_name = _("GB/T 4754 division")
        verbose_name_plural = _("GB/T 4754 divisions")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(code__regex=r"^[A-T][0-9]{0,4}$"),
                name="division_code_normal",
                violation_error_message=_("Write a section letter A to T and up to four digits, for example C3011."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class Industry(Slugged, Named, Sourced):
    """A sector in the words of the notices, tied to the classification where it has a place there."""

    divisions = models.ManyToManyField(
        Division,
        verbose_name=_("GB/T 4754 divisions"),
        blank=True,
        related_name="industries",
        help_text=_("Several are possible; new energy has none of its own."),
    )
    named_in_batch_notice = models.BooleanField(
        _("named in the notice of the first batch"),
        default=False,
        help_text=_("Whether the ministry named it when it announced the first national batch."),
    )
    ultra_low_emission = models.BooleanField(
        _("ultra-low emission sector"),
        default=False,
        help_text=_("Whether a national opinion demands ultra-low emission of it (steel, cement, coking)."),
    )

    _history_m2m_fields = ["sources", "divisions"]

    class Meta:
        verbose_name = _("industry")
        verbose_name_plural = _("industries")
        ordering = ["pk"]
        constraints = [
            *fact_checks("industry"),
            models.UniqueConstraint(fields=["name_zh"], name="industry_name_unique"),
        ]

    @reads("slug")
    def get_absolute_url(self) -> str:
        return path_of("industry-detail", self.slug)

    @property
    @reads("named_in_batch_notice", "ultra_low_emission")
    def priority(self) -> bool:
        """Whether national policy singles it out, so that no pilot in it is a gap."""
        return self.named_in_batch_notice or self.ultra_low_emission
