"""Models of industries, and of the measures that policies prescribe for them."""

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.records.models import (
    BilingualNameModel,
    BilingualTitleModel,
    HistoryModel,
    SlugModel,
    check_constraint,
    choice_field,
    flag_field,
    list_field,
    slug_constraint,
    title_constraint,
    unique_constraint,
)
from policies.models.policy import Policy
from policies.models.sourced import SourcedModel


class Division(HistoryModel, BilingualNameModel):
    """A section, division, group or class of the industrial classification GB/T 4754-2017."""

    code = models.CharField(
        _("GB/T 4754-2017 code"),
        max_length=5,
        unique=True,
        help_text=_("Section letter with the digits known, for example C31, C3011 or G."),
    )

    LOOKUP_CODES = ("code",)

    class Meta:
        verbose_name = _("GB/T 4754 division")
        verbose_name_plural = _("GB/T 4754 divisions")
        ordering = ["code"]
        constraints = [
            check_constraint(
                "division_code_normal",
                Q(code__regex=r"^[A-T][0-9]{0,4}$"),
                _("Write a section letter A to T and up to four digits, for example C3011."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class Industry(SlugModel, BilingualNameModel, SourcedModel):
    """A sector as the notices name it, linked to the classification where it has a place there."""

    divisions = list_field(
        Division,
        _("GB/T 4754 divisions"),
        _("Several are possible; new energy has none of its own."),
        "industries",
    )
    named_in_batch_notice = flag_field(
        _("named in the notice of the first batch"),
        _("Whether the ministry named it when it announced the first national batch."),
    )
    ultra_low_emission = flag_field(
        _("ultra-low emission sector"),
        _("Whether a national opinion demands ultra-low emission of it (steel, cement, coking)."),
    )

    class Meta:
        verbose_name = _("industry")
        verbose_name_plural = _("industries")
        ordering = ["pk"]
        constraints = [
            slug_constraint("industry"),
            unique_constraint("industry_name_unique", ["name_zh"]),
        ]

    def get_absolute_url(self) -> str:
        return reverse("industry-detail", args=[self.slug])

    @property
    def priority(self) -> bool:
        """Whether national policy singles it out, so that having no pilot is a gap."""
        return bool(self.named_in_batch_notice or self.ultra_low_emission)


class Field(models.TextChoices):
    """Fields of action of the national plan."""

    ENERGY = "energy", _("energy")
    INDUSTRY = "industry", pgettext_lazy("field of action", "industry")
    TRANSPORT = "transport", _("transport")
    BUILDINGS = "buildings", _("buildings")
    AGRICULTURE = "agriculture", _("agriculture")
    ECOLOGY = "ecology", _("ecology")


class Measure(SlugModel, BilingualTitleModel, SourcedModel):
    """A course of action that a policy prescribes, in a field and for certain industries."""

    field = choice_field(_("field"), Field, _("The policy’s chapter under which it falls."), max_length=12)
    industries = list_field(
        Industry, _("industries"), _("The industries that it names. Empty when it is meant for all."), "measures"
    )
    policies = list_field(Policy, _("policies"), _("The policies that prescribe it."), "measures")

    class Meta:
        verbose_name = _("measure")
        verbose_name_plural = _("measures")
        ordering = ["field", "pk"]
        constraints = [slug_constraint("measure"), title_constraint("measure")]
