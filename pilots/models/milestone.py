"""Models of milestones, and of lights set by hand."""

from datetime import date, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.http.as_of import today
from core.records.bilingual_models import BilingualTitleModel
from core.records.constraints import check_constraint, title_constraint
from core.records.fields import choice_field, day_field, flag_field, link_field, text_field
from core.records.history_model import FieldNames, HistoryModel
from core.records.validators import check_not_ahead
from pilots.lights import Colour
from pilots.models.pilot import Pilot
from pilots.models.replan import PlannedDayModel
from policies.models.sourced import SourcedModel


class Facet(models.TextChoices):
    GOAL = "goal", _("goal")
    PATH = "path", _("path")
    MANAGEMENT = "management", _("management")
    TECHNOLOGY = "technology", _("technology")
    PROJECT = "project", _("project")


class Milestone(PlannedDayModel, HistoryModel, BilingualTitleModel, SourcedModel):
    """A task that a pilot has promised to complete by a date."""

    pilot = link_field(Pilot, _("pilot"), "milestones", _("The pilot that promised it."))
    facet = choice_field(_("facet"), Facet, _("The list of the pilot’s plan it stands in."), max_length=12)
    owner = text_field(_("responsible"), 120, _("Department in charge, for example 湖州市生态环境局."), blank=True)
    planned_on = models.DateField(
        _("planned on"),
        help_text=_(
            "Day by which it is to be done. Of a key milestone the province asks the ministry for another day, with "
            "the reason."
        ),
    )
    completed_on = day_field(_("completed on"), _("Empty until it is done."))
    weight = models.PositiveSmallIntegerField(
        _("weight"), default=1, help_text=_("How much it counts beside the others; 1 unless the plan says otherwise.")
    )
    is_key = flag_field(_("key milestone"), _("A key milestone more than 90 days late turns the pilot red."))
    evidence = text_field(
        _("evidence"),
        300,
        _("What shows that it is done, for example a document’s title and number, or an address."),
        blank=True,
    )

    PROVINCE_PATH = "pilot.province_id"
    OWNER = "pilot"
    RESTRICTED_FIELDS: ClassVar[FieldNames] = {"pilots.place_pilot": ("is_key",)}
    RESTRICTED_CHANGES: ClassVar[FieldNames] = {"pilots.place_pilot": ("pilot",)}
    REPLAN_FIELD = "milestone"
    PROMISED_FIELDS = ("title_zh", "title_en", "is_key")

    class Meta:
        verbose_name = _("milestone")
        verbose_name_plural = _("milestones")
        ordering = ["pilot", "planned_on", "pk"]
        constraints = [
            title_constraint("milestone"),
            check_constraint("milestone_weight_positive", Q(weight__gte=1), _("The weight is at least 1.")),
        ]

    def missing_reason(self, stored: Any) -> str:
        """Moving a planned day that has passed needs one."""
        day: date | None = self.planned_on  # None while a form has none
        if stored is not None and day is not None and stored.planned_on < today() and stored.planned_on != day:
            return gettext(
                "This day has passed. Say in the reason for change why it is moved: it is shown beside the light."
            )
        return ""

    @property
    def has_fixed_day(self) -> bool:
        """Key milestones, and those that were when their day was moved."""
        return self.is_key or bool(self.all_replans)


OVERRIDE_COLOURS = [
    (colour.value, colour.label) for colour in Colour if colour != Colour.BLUE
]  # only a milestone is blue


class LightOverride(HistoryModel):
    """A pilot's light set by a user for a time, with a reason; the computed one stays visible beside it."""

    pilot = link_field(Pilot, _("pilot"), "overrides", _("The pilot whose light is set."))
    colour = models.CharField(
        _("light"),
        max_length=6,
        choices=OVERRIDE_COLOURS,
        help_text=_("Shown in place of the computed one, which stays visible beside it."),
    )
    reason = text_field(
        _("reason"),
        300,
        _("Shown beside the light, for example “Furnace 2 closes in December; checked on site on 3 March”."),
    )
    author = link_field(settings.AUTH_USER_MODEL, _("author"), "light_overrides", editable=False)
    set_on = models.DateField(_("set on"), default=today, validators=[check_not_ahead])
    expires_on = models.DateField(_("expires on"), help_text=_("From this day on the computed light counts again."))

    PROVINCE_PATH = "pilot.province_id"
    OWNER = "pilot"

    class Meta:
        verbose_name = _("light set by hand")
        verbose_name_plural = _("lights set by hand")
        ordering = ["pilot", "-set_on", "-pk"]
        constraints = [
            check_constraint("lightoverride_has_reason", ~Q(reason=""), _("Say why the light is set by hand.")),
            check_constraint(
                "lightoverride_expires_after",
                Q(expires_on__gt=F("set_on")),
                _("It has to expire after the day it was set."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pilot}: {self.get_colour_display()}"

    def clean(self) -> None:
        """Keep the end of what has expired, and reject one that lies before today: it was shown until now."""
        super().clean()
        stored = type(self)._base_manager.filter(pk=self.pk).first() if self.pk else None
        end: date | None = self.expires_on
        if stored is None or end in (None, stored.expires_on):
            return
        text = gettext("It has been shown until today: choose today or a later day.")
        if stored.expires_on <= today():
            text = gettext("It has expired. Set a new one instead.")
        if min(stored.expires_on - timedelta(1), self.expires_on) < today():
            raise ValidationError({"expires_on": ValidationError(text, code="past")})
