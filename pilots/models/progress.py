"""How far a pilot has come: its stages, its milestones, and a colour that a person set."""

from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from config.asof import today
from config.bilingual import Translated
from pilots.metrics.lights import Colour
from pilots.metrics.stages import Entry, Fault, Problem, Stage, problems
from pilots.models.programme import Pilot
from policies.models.base import (
    Confidence,
    Recorded,
    Rules,
    Sourced,
    Titled,
    check_not_ahead,
    check_text,
    one_of,
)


class StageEntry(Recorded, Sourced):
    """A pilot enters a stage: when it was planned, when it happened, and by what that is shown."""

    pilot = models.ForeignKey(
        Pilot,
        verbose_name=_("pilot"),
        on_delete=models.PROTECT,
        related_name="stages",
        help_text=_("The pilot that enters the stage."),
    )
    stage = models.CharField(
        _("stage"),
        max_length=12,
        choices=Stage.choices,
        help_text=_("In their order. After rectifying, enter once more the stage that the pilot returns to."),
    )
    planned_on = models.DateField(
        _("planned on"), null=True, blank=True, help_text=_("Day for which it is or was planned, where one was named.")
    )
    entered_on = models.DateField(
        _("entered on"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_("Day on which it happened; empty while it is only planned."),
    )
    evidence = models.CharField(
        _("evidence"),
        max_length=300,
        blank=True,
        validators=[check_text],
        help_text=_("The document that shows it, for example the plan’s title and number."),
    )
    reason_en = models.CharField(
        _("reason in English"),
        max_length=300,
        blank=True,
        validators=[check_text],
        help_text=_("Needed where a stage before it was skipped: why, for example “day of review not published”."),
    )
    reason_zh = models.CharField(
        _("reason in Chinese"),
        max_length=300,
        blank=True,
        validators=[check_text],
        help_text=_("The same in Chinese. Where one is empty, readers of its language see the other."),
    )
    reason = Translated("reason")

    _history_m2m_fields = ["sources"]
    MENDED_AT: ClassVar[Rules] = {
        "once_a_day": ("entered_on",),
        "planned_once": ("stage",),
        "has_a_day": ("entered_on",),
    }
    order_checked = False  # True where a form holds it against all the pilot's rows as they are typed

    PROVINCE = "pilot.province_id"

    class Meta:
        verbose_name = _("stage entry")
        verbose_name_plural = _("stage entries")
        ordering = ["pilot", "entered_on", "pk"]
        constraints = [
            one_of("stage", Stage, "stageentry_stage_known"),
            one_of("confidence", Confidence, "stageentry_confidence_known"),
            models.UniqueConstraint(
                fields=["pilot", "stage", "entered_on"],
                name="stageentry_once_a_day",
                violation_error_message=_("This pilot already enters this stage on this day."),
            ),
            models.UniqueConstraint(
                fields=["pilot", "stage"],
                condition=Q(entered_on__isnull=True),
                name="stageentry_planned_once",
                violation_error_message=_("This pilot already plans to enter this stage: change that entry."),
            ),
            models.CheckConstraint(
                condition=Q(planned_on__isnull=False) | Q(entered_on__isnull=False),
                name="stageentry_has_a_day",
                violation_error_message=_("Give the day it was entered, or the day it is planned for."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_stage_display()}"

    def as_entry(self) -> Entry:
        """The entry as the measures take it. Raises ValueError for one that is only planned."""
        if self.entered_on is None:
            raise ValueError("only planned")
        return Entry(Stage(self.stage), self.entered_on, reason=self.reason)

    def clean(self) -> None:
        """Refuse an entry that breaks the order of stages, together with the pilot's other entries."""
        super().clean()
        if self.order_checked or not self.pilot_id or self.entered_on is None:
            return
        others = self.pilot.stages.exclude(pk=self.pk).filter(entered_on__isnull=False)
        mine = self.as_entry()
        before = [other.as_entry() for other in others]
        known = {problem.fault for problem in problems(before, today())}
        for problem in problems([*before, mine], today()):
            if problem.entry is mine or problem.fault not in known:
                raise ValidationError({stage_field(problem): stage_message(problem)})


def stage_field(problem: Problem) -> str:
    """The field by which it is mended."""
    return StageEntry.reason.readers if problem.fault == Fault.SKIPPED else "entered_on"


def stage_message(problem: Problem) -> str:
    """What is wrong with a stage entry, with the stages that it is about."""
    stages = gettext(", ").join(str(stage.label) for stage in problem.stages)
    what = gettext("%(stage)s: %(fault)s") % {"stage": problem.entry.stage.label, "fault": problem.fault.label}
    return f"{what} ({stages})" if stages else what


class Facet(models.TextChoices):
    GOAL = "goal", _("goal")
    PATH = "path", _("path")
    MANAGEMENT = "management", _("management")
    TECHNOLOGY = "technology", _("technology")
    PROJECT = "project", _("project")


class Milestone(Recorded, Titled, Sourced):
    """Something a pilot has promised to have done by a day."""

    pilot = models.ForeignKey(
        Pilot,
        verbose_name=_("pilot"),
        on_delete=models.PROTECT,
        related_name="milestones",
        help_text=_("The pilot that promised it."),
    )
    facet = models.CharField(
        _("facet"), max_length=12, choices=Facet.choices, help_text=_("The list of the pilot’s plan it stands in.")
    )
    owner = models.CharField(
        _("responsible"),
        max_length=120,
        blank=True,
        validators=[check_text],
        help_text=_("Department in charge, for example 湖州市生态环境局."),
    )
    planned_on = models.DateField(_("planned on"), help_text=_("Day by which it is to be done."))
    completed_on = models.DateField(
        _("completed on"), null=True, blank=True, validators=[check_not_ahead], help_text=_("Empty until it is done.")
    )
    weight = models.PositiveSmallIntegerField(
        _("weight"), default=1, help_text=_("How much it counts beside the others; 1 unless the plan says otherwise.")
    )
    is_key = models.BooleanField(
        _("key milestone"), default=False, help_text=_("A key milestone more than 90 days late turns the pilot red.")
    )
    evidence = models.CharField(
        _("evidence"),
        max_length=300,
        blank=True,
        validators=[check_text],
        help_text=_("What shows that it is done, for example a document’s title and number, or an address."),
    )

    _history_m2m_fields = ["sources"]
    MENDED_AT: ClassVar[Rules] = {"has_title": ("title_zh",)}

    PROVINCE = "pilot.province_id"
    GUARDED: ClassVar[Rules] = {"pilots.place_pilot": ("is_key",)}
    GUARDED_CHANGES: ClassVar[Rules] = {"pilots.place_pilot": ("pilot",)}

    class Meta:
        verbose_name = _("milestone")
        verbose_name_plural = _("milestones")
        ordering = ["pilot", "planned_on", "pk"]
        constraints = [
            one_of("facet", Facet, "milestone_facet_known"),
            one_of("confidence", Confidence, "milestone_confidence_known"),
            models.CheckConstraint(
                condition=~Q(title_zh="") | ~Q(title_en=""),
                name="milestone_has_title",
                violation_error_message=_("Give the title in at least one language."),
            ),
            models.CheckConstraint(
                condition=Q(weight__gte=1),
                name="milestone_weight_positive",
                violation_error_message=_("The weight is at least 1."),
            ),
        ]


BY_HAND = [(colour.value, colour.label) for colour in Colour if colour != Colour.BLUE]  # only a milestone is blue


class LightOverride(Recorded):
    """A person sets a pilot's light for a time, and says why; the computed one stays visible beside it."""

    pilot = models.ForeignKey(
        Pilot,
        verbose_name=_("pilot"),
        on_delete=models.PROTECT,
        related_name="overrides",
        help_text=_("The pilot whose light is set."),
    )
    colour = models.CharField(
        _("light"),
        max_length=6,
        choices=BY_HAND,
        help_text=_("Shown in place of the computed one, which stays visible beside it."),
    )
    reason = models.CharField(
        _("reason"),
        max_length=300,
        validators=[check_text],
        help_text=_("Shown beside the light, for example “Furnace 2 closes in December; checked on site on 3 March”."),
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("author"),
        on_delete=models.PROTECT,
        editable=False,
        related_name="light_overrides",
    )
    set_on = models.DateField(_("set on"), default=today, validators=[check_not_ahead])
    expires_on = models.DateField(_("expires on"), help_text=_("From this day on the computed light counts again."))

    MENDED_AT: ClassVar[Rules] = {"expires_after": ("expires_on",)}

    PROVINCE = "pilot.province_id"

    class Meta:
        verbose_name = _("light set by hand")
        verbose_name_plural = _("lights set by hand")
        ordering = ["pilot", "-set_on", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(colour__in=[colour for colour, _label in BY_HAND]), name="lightoverride_colour_known"
            ),
            models.CheckConstraint(
                condition=~Q(reason=""),
                name="lightoverride_has_reason",
                violation_error_message=_("Say why the light is set by hand."),
            ),
            models.CheckConstraint(
                condition=Q(expires_on__gt=F("set_on")),
                name="lightoverride_expires_after",
                violation_error_message=_("It has to expire after the day it was set."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pilot}: {self.get_colour_display()}"
