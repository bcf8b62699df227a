"""Model of figures: published national and provincial numbers."""

import re
from datetime import date

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.records.models import (
    BilingualNameModel,
    SlugModel,
    check_constraint,
    choice_field,
    link_field,
    slug_constraint,
    text_field,
)
from core.text import StatusChoices
from policies.models.province import Province
from policies.models.sourced import SourcedModel


class FigureKind(models.TextChoices):
    OUTCOME = "outcome", _("outcome")
    COUNT = "count", _("count")
    TARGET = "target", _("target")
    CONTEXT = "context", _("context")


class FigureState(StatusChoices):
    """Whether the figure was compared with the issuer's own text."""

    UNVERIFIED = "unverified", "grey", _("unverified")
    VERIFIED = "verified", "green", _("verified")
    DISPUTED = "disputed", "yellow", _("disputed")


class Unit(models.TextChoices):
    PERCENT = "%", "%"
    COUNT = "count", _("count")
    MICROGRAM = "ug/m3", "μg/m³"
    MEGATONNE = "million t", _("million t")
    TEN_KILOTONNES = "10k t", _("10⁴ t")
    TONNE = "t", _("t")
    TONNE_A_YEAR = "t/yr", _("t a year")


PERIOD_PATTERN = r"^([0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?)?$"
PERIOD_RULE = _("Write a period as 2013, 2013-06 or 2013-06-30.")


def is_period(text: str) -> bool:
    """Whether the year, month or day exists; malformed text is left to another validator."""
    if not text or not re.fullmatch(PERIOD_PATTERN, text):
        return True
    try:
        date.fromisoformat(f"{text}-01-01"[:10])
    except ValueError:
        return False
    return True


class Figure(SlugModel, BilingualNameModel, SourcedModel):
    """A published national or provincial figure, and the printed value where that differs."""

    value = models.DecimalField(
        _("value"),
        max_digits=16,
        decimal_places=4,
        help_text=_("The number alone, for example 34.4."),
    )
    unit = choice_field(_("unit"), Unit, _("The unit in which the value is given."), max_length=12)
    as_printed = text_field(
        _("as printed"),
        200,
        _("What a source prints, where that differs from the value, for example “344%”."),
        blank=True,
    )
    period_from = models.CharField(
        _("period from"), max_length=10, blank=True, help_text=_("Year, month or day: 2013, 2013-06 or 2013-06-30.")
    )
    period_to = models.CharField(
        _("period to"), max_length=10, blank=True, help_text=_("Year, month or day: 2022, 2022-12 or 2022-12-31.")
    )
    kind = choice_field(
        _("kind"),
        FigureKind,
        _("outcome: what was reached; count: how many; target: what is to be reached; context: what else to know."),
        max_length=10,
    )
    province = link_field(Province, _("province"), "figures", _("Empty for a national figure."), optional=True)
    state = choice_field(
        _("state"),
        FigureState,
        _("verified: held against the issuer’s own text; disputed: sources disagree."),
        max_length=10,
        default=FigureState.UNVERIFIED,
    )

    PROVINCE_PATH = "province_id"

    class Meta:
        verbose_name = _("figure")
        verbose_name_plural = _("figures")
        ordering = ["kind", "pk"]
        constraints = [
            slug_constraint("figure"),
            *[
                check_constraint(f"figure_{name}_iso", Q(**{f"{name}__regex": PERIOD_PATTERN}), PERIOD_RULE)
                for name in ("period_from", "period_to")
            ],
        ]

    def clean(self) -> None:
        super().clean()
        for name in ("period_from", "period_to"):
            if not is_period(getattr(self, name)):
                raise ValidationError({name: PERIOD_RULE})

    @property
    def period(self) -> str:
        """The period in ISO form: 2013–2022, 2022, or empty if the source names none."""
        ends = [end for end in (self.period_from, self.period_to) if end]
        return "–".join(dict.fromkeys(ends))
