"""Model of stage entries: when a pilot entered a stage, or plans to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.http.as_of import today
from core.records.constraints import check_constraint, unique_constraint
from core.records.fields import choice_field, day_field, link_field, text_field
from core.records.history_model import HistoryModel
from core.text.bilingual import TranslatedText
from pilots.metrics.stages import Stage, StageEvent, StageIssueCode, stage_issues
from pilots.models.pilot import Pilot
from pilots.models.replan import PlannedDayModel
from policies.models.sourced import SourcedModel


class StageEntry(PlannedDayModel, HistoryModel, SourcedModel):
    """A pilot's entry into a stage: planned and actual date, and the evidence."""

    pilot = link_field(Pilot, _("pilot"), "stages", _("The pilot that enters the stage."))
    stage = choice_field(
        _("stage"),
        Stage,
        _("In their order. After rectifying, enter once more the stage that the pilot returns to."),
        max_length=12,
    )
    planned_on = day_field(_("planned on"), _("Day for which it is or was planned, where one was named."), ahead=True)
    entered_on = day_field(_("entered on"), _("Day on which it happened; empty while it is only planned."))
    evidence = text_field(
        _("evidence"), 300, _("The document that shows it, for example the plan’s title and number."), blank=True
    )
    reason_en = text_field(
        _("reason in English"),
        300,
        _("Needed where a stage before it was skipped: why, for example “day of review not published”."),
        blank=True,
    )
    reason_zh = text_field(
        _("reason in Chinese"),
        300,
        _("The same in Chinese. Where one is empty, readers of its language see the other."),
        blank=True,
    )
    reason = TranslatedText("reason")

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
            unique_constraint(
                "stageentry_once_a_day",
                ["pilot", "stage", "entered_on"],
                _("This pilot already enters this stage on this day."),
            ),
            unique_constraint(
                "stageentry_planned_once",
                ["pilot", "stage"],
                _("This pilot already plans to enter this stage: change that entry."),
                Q(entered_on__isnull=True),
            ),
            check_constraint(
                "stageentry_has_a_day",
                Q(planned_on__isnull=False) | Q(entered_on__isnull=False),
                _("Give the day it was entered, or the day it is planned for."),
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
        errors: dict[str, list[str]] = {}
        for _entry, field, text in stage_order_faults([*others, self], others, [self]):
            errors.setdefault(field, []).append(text)
        if errors:
            raise ValidationError(errors)


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
