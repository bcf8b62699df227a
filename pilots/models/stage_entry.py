"""Model of stage entries: when a pilot entered a stage, or plans to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.http.as_of import today
from core.records.history_model import HistoryModel
from core.records.validators import check_not_ahead
from core.text.bilingual import TranslatedText, check_text
from pilots.metrics.stages import Stage, StageEvent, StageIssueCode, stage_issues
from pilots.models.pilot import Pilot
from pilots.models.replan import PlannedDayModel
from policies.models.sourced import SourcedModel

PLANNED_TWICE = _("This pilot already plans to enter this stage: change that entry.")


class StageEntry(PlannedDayModel, HistoryModel, SourcedModel):
    """A pilot's entry into a stage: planned and actual date, and the evidence."""

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
    reason = TranslatedText("reason")

    _history_m2m_fields = ["sources"]
    skip_order_check = False  # True where a form holds it against all the pilot's rows as they are typed

    PROVINCE_PATH = "pilot.province_id"
    OWNER = "pilot"
    REPLAN_FIELD = "stage_entry"
    PROMISED_FIELDS = ("pilot", "stage")

    class Meta:
        verbose_name = _("stage entry")
        verbose_name_plural = _("stage entries")
        ordering = ["pilot", "entered_on", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["pilot", "stage", "entered_on"],
                name="stageentry_once_a_day",
                violation_error_message=_("This pilot already enters this stage on this day."),
            ),
            models.UniqueConstraint(
                fields=["pilot", "stage"],
                condition=Q(entered_on__isnull=True),
                name="stageentry_planned_once",
                violation_error_message=PLANNED_TWICE,
            ),
            models.CheckConstraint(
                condition=Q(planned_on__isnull=False) | Q(entered_on__isnull=False),
                name="stageentry_has_a_day",
                violation_error_message=_("Give the day it was entered, or the day it is planned for."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_stage_display()}"

    @property
    def has_fixed_day(self) -> bool:
        return self.planned_on is not None

    def as_stage_event(self) -> StageEvent:
        """Return the entry as the metrics take it. Raises ValueError for one that is only planned."""
        if self.entered_on is None:
            raise ValueError("only planned")
        return StageEvent(Stage(self.stage), self.entered_on, reason=self.reason)

    def clean(self) -> None:
        """Reject an entry that breaks the order of stages, together with the pilot's other entries."""
        super().clean()
        if self.skip_order_check or not self.pilot_id or self.entered_on is None:
            return
        others = list(self.pilot.stages.exclude(pk=self.pk))
        for _entry, field, text in stage_order_faults([*others, self], others, [self]):
            raise ValidationError({field: text})


def stage_order_faults(
    entries: Iterable[StageEntry],
    stored: Iterable[StageEntry] = (),
    changed: Collection[StageEntry] = (),
    *,
    as_of: date | None = None,
) -> Iterator[tuple[StageEntry, str, str]]:
    """Yield what is wrong with the order of a pilot's stages: the entry, the field to correct, and a message that names
    the stages. Entries that are only planned have no order yet.

    What was wrong already among the stored entries is left out, unless the entry is one of those that are changed.
    """
    day, events = as_of or today(), [(entry, entry.as_stage_event()) for entry in entries if entry.entered_on]
    before = stage_issues([entry.as_stage_event() for entry in stored if entry.entered_on], day)
    known = [(issue.code, issue.event) for issue in before]
    for issue in stage_issues([event for _entry, event in events], day):
        entry = next(entry for entry, event in events if event is issue.event)
        if entry in changed or (issue.code, issue.event) not in known:
            field = StageEntry.reason.active_field if issue.code == StageIssueCode.SKIPPED else "entered_on"
            stages = gettext(", ").join(str(stage.label) for stage in issue.stages)
            what = gettext("%(stage)s: %(fault)s") % {"stage": issue.event.stage.label, "fault": issue.code.label}
            yield entry, field, f"{what} ({stages})" if stages else what
