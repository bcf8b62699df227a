"""Model of pilots: cities and industrial parks."""

from datetime import date
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core.records.bilingual_models import BilingualNameModel, SlugModel
from core.records.constraints import check_constraint, slug_constraint, unique_constraint
from core.records.fields import choice_field, day_field, link_field, list_field, text_field
from core.records.history_model import FieldNames
from core.text.bilingual import is_chinese_active
from pilots.models.batch import Batch
from pilots.querysets import PilotQuerySet
from policies.models import Industry, Province
from policies.models.sourced import SourcedModel


class PilotKind(models.TextChoices):
    CITY = "city", _("city")
    COUNTY = "county", _("county")
    PARK = "park", _("industrial park")
    ENTERPRISE = "enterprise", _("enterprise")


class CityType(models.TextChoices):
    """The four city types of the ministry; which city has which is not published."""

    RESOURCE = "resource", _("resource-based")
    INDUSTRIAL = "industrial", _("industrial")
    COMPREHENSIVE = "comprehensive", _("comprehensive")
    ECOLOGICAL = "ecological", _("ecologically good")


class Pilot(SlugModel, BilingualNameModel, SourcedModel):
    """A city, county, park or enterprise that tries the policy out."""

    kind = choice_field(_("kind"), PilotKind, _("As the announcement lists it."), max_length=10)
    batch = link_field(Batch, _("batch"), "pilots", _("The announcement that made it a pilot."))
    province = link_field(Province, _("province"), "pilots", _("The province in which it lies."))
    prefecture_code = models.CharField(
        _("prefecture code"),
        max_length=6,
        blank=True,
        help_text=_("GB/T 2260 code of the city it is or lies in, for example 330500."),
    )
    prefecture_zh = text_field(
        _("prefecture"), 60, _("Name of the city it is or lies in, for example 湖州市."), blank=True
    )
    county_code = models.CharField(
        _("county code"), max_length=6, blank=True, help_text=_("GB/T 2260 code of the county, where it lies in one.")
    )
    parent = link_field(
        "self",
        _("lies in pilot city"),
        "children",
        _("For a park inside a pilot city: it is counted as a pilot, but left out of sums of emissions."),
        optional=True,
    )
    city_type = choice_field(
        _("city type"), CityType, _("Only for cities, and only where it has been published."), max_length=15, blank=True
    )
    industries = list_field(
        Industry, _("industries"), _("Industries that the pilot’s own documents name; several are possible."), "pilots"
    )
    term_start = day_field(_("term starts"), _("Only where it differs from the batch’s."), ahead=True)
    term_end = day_field(_("term ends"), _("Only where it differs from the batch’s."), ahead=True)
    withdrawn_on = day_field(_("withdrawn on"), _("From this day on it is no longer a pilot."))

    objects = models.Manager.from_queryset(PilotQuerySet)()
    LOOKUP_NAMES = ("name_zh", "name_en", "label_zh", "label_en")
    EXPORT_NAMES = ("name", "label")
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {"name_unique_in_batch": ("name_zh",)}

    skip_city_lock = False  # True where the parent is to be taken as it stands in memory

    NAME_RELATIONS = ("batch",)  # what its names hold besides its own fields
    PROVINCE_PATH = "province_id"
    PLACEMENT_FIELDS: ClassVar[tuple[str, ...]] = (
        *("slug", "kind", "batch", "province", "parent", "withdrawn_on"),
        *("term_start", "term_end"),  # from which year on values are due, and until when
    )
    RESTRICTED_FIELDS: ClassVar[FieldNames] = {"pilots.place_pilot": PLACEMENT_FIELDS}

    class Meta:
        verbose_name = _("pilot")
        verbose_name_plural = _("pilots")
        ordering = ["batch", "pk"]
        permissions = [("place_pilot", "Can say which pilots there are: kind, batch, province, end")]
        constraints = [
            slug_constraint("pilot"),
            check_constraint(
                "pilot_city_type_only_for_cities",
                Q(city_type="") | Q(kind=PilotKind.CITY),
                _("Only a city has a city type."),
            ),
            check_constraint(
                "pilot_not_its_own_parent",
                Q(parent__isnull=True) | ~Q(parent=F("id")),
                _("A pilot cannot lie in itself."),
            ),
            check_constraint(
                "pilot_city_has_no_parent",
                Q(parent__isnull=True) | ~Q(kind=PilotKind.CITY),
                _("A city does not lie in another pilot city."),
            ),
            unique_constraint(
                "pilot_name_unique_in_batch",
                ["batch", "name_zh"],
                _("This batch already has a pilot of this name."),
            ),
            *[
                check_constraint(
                    f"pilot_{name}_six_digits",
                    Q(**{f"{name}__regex": r"^([0-9]{6})?$"}),
                    _("A GB/T 2260 code has six digits."),
                )
                for name in ("prefecture_code", "county_code")
            ],
            check_constraint(
                "pilot_term_in_order",
                Q(term_start__isnull=True) | Q(term_end__isnull=True) | Q(term_end__gte=F("term_start")),
                _("The term ends before it starts."),
            ),
        ]

    def get_absolute_url(self) -> str:
        return reverse("pilot-detail", args=[self.slug])

    @property
    def label(self) -> str:
        """The name with its batch, for lists that may hold two pilots of one name."""
        return self.label_zh if is_chinese_active() else self.label_en

    @property
    def label_zh(self) -> str:
        batch = self.batch
        return f"{self.name_zh or self.name_en}（{batch.short_name_zh or batch.title_zh or batch.title_en}）"

    @property
    def label_en(self) -> str:
        batch = self.batch
        return f"{self.name_en or self.name_zh} ({batch.short_name_en or batch.title_en or batch.title_zh})"

    def withdrawn_by(self, as_of: date) -> bool:
        """Whether the pilot had withdrawn by the as-of date."""
        return self.withdrawn_on is not None and self.withdrawn_on <= as_of

    @property
    def starts_on(self) -> date | None:
        """First day of the term: the pilot's own, else the batch's."""
        day: date | None = self.term_start or self.batch.term_start
        return day

    @property
    def ends_on(self) -> date | None:
        """Last day of the term: the pilot's own, else the batch's; None if unknown."""
        day: date | None = self.term_end or self.batch.term_end
        return day

    def clean(self) -> None:
        super().clean()
        if self.parent_id and not self.skip_city_lock and connection.in_atomic_block:
            self.lock_parent_city(self.parent_id)
        if self.parent and self.parent.kind != PilotKind.CITY:
            raise ValidationError({"parent": _("A park lies in a pilot city: choose a pilot of kind city.")})
        if self.batch_id and self.province_id and self.batch.province_id not in (None, self.province_id):
            raise ValidationError({"province": _("The batch belongs to another province.")})
        if self.pk and self.kind != PilotKind.CITY and self.children.exists():
            raise ValidationError({"kind": _("Parks lie in this pilot city: it stays one until they are taken out.")})

    def lock_parent_city(self, key: int) -> None:
        """Lock the parent city until the transaction ends: a concurrent change of its kind could make the pair
        invalid."""
        cities = type(self).objects.select_for_update(no_key=True)
        self.parent = cities.filter(pk=key).first() or self.parent  # gone: the database says so
