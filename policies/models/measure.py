"""Model of measures that policies prescribe."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.records.bilingual_models import BilingualTitleModel, SlugModel
from core.records.constraints import choices_constraint
from core.records.history_model import FieldNames
from policies.models.industry import Industry
from policies.models.policy import Policy
from policies.models.sourced import SourcedModel, fact_constraints


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

    field = models.CharField(
        _("field"), max_length=12, choices=Field.choices, help_text=_("The policy’s chapter under which it falls.")
    )
    industries = models.ManyToManyField(
        Industry,
        verbose_name=_("industries"),
        blank=True,
        related_name="measures",
        help_text=_("The industries that it names. Empty when it is meant for all."),
    )
    policies = models.ManyToManyField(
        Policy,
        verbose_name=_("policies"),
        blank=True,
        related_name="measures",
        help_text=_("The policies that prescribe it."),
    )

    _history_m2m_fields = ["industries", "policies", "sources"]
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {"has_title": ("title_zh",)}

    class Meta:
        verbose_name = _("measure")
        verbose_name_plural = _("measures")
        ordering = ["field", "pk"]
        constraints = [
            *fact_constraints("measure"),
            choices_constraint("field", Field, "measure_field_known"),
            models.CheckConstraint(
                condition=~Q(title_zh="") | ~Q(title_en=""),
                name="measure_has_title",
                violation_error_message=_("Give the title in at least one language."),
            ),
        ]
