"""Model of provinces."""

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.records.models import (
    BilingualNameModel,
    FieldNames,
    SlugModel,
    check_constraint,
    choice_field,
    flag_field,
    slug_constraint,
    text_field,
    unique_constraint,
)
from core.text import is_chinese_active
from policies.models.sourced import SourcedModel


class Region(models.TextChoices):
    """The six regions of the programme's tables, in the usual order."""

    NORTH = "north", _("North")
    NORTHEAST = "northeast", _("Northeast")
    EAST = "east", _("East")
    CENTRAL_SOUTH = "central-south", _("Central and South")
    SOUTHWEST = "southwest", _("Southwest")
    NORTHWEST = "northwest", _("Northwest")


class ProvinceKind(models.TextChoices):
    PROVINCE_PATH = "province", pgettext_lazy("kind of unit", "province")
    MUNICIPALITY = "municipality", _("municipality")
    AUTONOMOUS_REGION = "autonomous-region", _("autonomous region")
    CORPS = "corps", _("corps")
    SAR = "sar", _("special administrative region")


class ProvinceQuerySet(QuerySet[Any]):
    def roster(self) -> Self:
        """Return the provinces that the programme covers: the denominator of every rollout number."""
        return self.filter(in_roster=True)


class Province(SlugModel, BilingualNameModel, SourcedModel):
    """A province-level unit. Denominators come from the roster (in_roster), never from existing rows."""

    short_zh = text_field(_("short name in Chinese"), 20, _("As tiles and charts print it, for example 浙江."))
    short_en = text_field(_("short name in English"), 40, _("As tiles and charts print it, for example Zhejiang."))
    gb_code = models.CharField(
        _("GB/T 2260 code"),
        max_length=6,
        blank=True,
        help_text=_("Six digits, for example 330000. Empty for the Xinjiang corps, which has none of its own."),
    )
    iso_code = models.CharField(_("ISO 3166-2 code"), max_length=6, blank=True, help_text=_("For example CN-ZJ."))
    kind = choice_field(_("kind"), ProvinceKind, _("What kind of province-level unit it is."), max_length=20)
    region = choice_field(
        _("region"),
        Region,
        _("The region under which tables and charts group it. Every province in the roster needs one."),
        max_length=20,
        blank=True,
    )
    tile_col = models.PositiveSmallIntegerField(_("tile column"), help_text=_("Place on the tile map, 0 to 7."))
    tile_row = models.PositiveSmallIntegerField(_("tile row"), help_text=_("Place on the tile map, 0 to 7."))
    in_roster = flag_field(
        _("in the roster"),
        _("Whether this programme covers it: the roster is every denominator of the rollout."),
        default=True,
    )

    objects = models.Manager.from_queryset(ProvinceQuerySet)()
    LOOKUP_CODES = ("slug", "gb_code", "iso_code")
    LOOKUP_NAMES = ("short_zh", "short_en", "name_zh", "name_en")
    EXPORT_NAMES = ("short", "name")
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {
        "tile_unique": ("tile_col", "tile_row"),
        "tile_on_the_grid": ("tile_col", "tile_row"),
        "roster_has_region": ("region",),
    }

    PROVINCE_PATH = "pk"

    class Meta:
        verbose_name = _("province")
        verbose_name_plural = _("provinces")
        ordering = ["-in_roster", "pk"]
        constraints = [
            slug_constraint("province"),
            check_constraint(
                "province_gb_code_six_digits", Q(gb_code__regex=r"^([0-9]{6})?$"), _("A GB/T 2260 code has six digits.")
            ),
            *[
                unique_constraint(
                    f"province_{name}_unique", [name], _("Another province has this code."), ~Q(**{name: ""})
                )
                for name in ("gb_code", "iso_code")
            ],
            unique_constraint(
                "province_tile_unique", ["tile_col", "tile_row"], _("Another province stands on this tile.")
            ),
            check_constraint(
                "province_tile_on_the_grid",
                Q(tile_col__lte=7, tile_row__lte=7),
                _("The tile map has columns and rows 0 to 7."),
            ),
            check_constraint(
                "province_roster_has_region",
                Q(in_roster=False) | ~Q(region=""),
                _("A province in the roster needs its region."),
            ),
        ]

    def get_absolute_url(self) -> str:
        return reverse("province-detail", args=[self.slug])

    @property
    def short(self) -> str:
        """The short name in the current language, as tiles print it."""
        return str(self.short_zh if is_chinese_active() else self.short_en)
