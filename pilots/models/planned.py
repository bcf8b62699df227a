"""Models of what a pilot plans: milestones, stages, other days asked for, and lights set by hand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from core.days import today
from core.records.models import (
    SAME_IN_CHINESE,
    BilingualTitleModel,
    FieldNames,
    HistoryModel,
    check_not_ahead,
    choices_constraint,
    link_field,
    title_constraint,
)
from core.text import TranslatedText, check_text
from pilots.lights import LIGHT_CHOICES
from pilots.metrics import Stage, StageEvent, StageIssueCode, stage_issues
from pilots.models.pilot import Pilot
from policies.models import Confidence, SourcedModel


class ReplanState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    ACCEPTED = "accepted", pgettext_lazy("replan", "accepted")
    REFUSED = "refused", _("refused")


def planned_day(model: Any, as_of: date) -> Coalesce:
    """Return the expression of the planned day of milestones or stages in force on the day."""
    accepted = Replan.objects.filter(**{model.REPLAN_FIELD: OuterRef("pk")}, accepted=True, decided_on__lte=as_of)
    newest = Subquery(accepted.order_by("-decided_on", "-pk").values("day")[:1])
    return Coalesce(newest, F("planned_on"))


def with_planned_day(records: Any, as_of: date) -> Any:
    """Add `planned_then` to milestones or stages: the planned day in force on the day."""
    return records.annotate(planned_then=planned_day(records.model, as_of))


class PlannedDayModel(models.Model):
    """Abstract model of what is planned for a day. The column `planned_on` keeps the first day; accepted replans hold
    from the day on which they were decided.
    """

    REPLAN_FIELD: ClassVar[str]  # by which a replan names the record
    PROMISED_FIELDS: ClassVar[tuple[str, ...]]  # what the ministry alone changes once the planned day is fixed

    class Meta:
        abstract = True

    @property
    def all_replans(self) -> list[Replan]:
        """Its replans in the order in which they were asked for; from those of its pilot where they are prefetched."""
        pilot = self._state.fields_cache.get("pilot")
        replans: list[Replan] | None = vars(pilot).get("prefetched_replans") if pilot else None
        if replans is None:
            return list(self.replans.all())  # type: ignore[attr-defined]
        return [item for item in replans if getattr(item, f"{self.REPLAN_FIELD}_id") == self.pk]

    def accepted_replans(self, as_of: date) -> list[Replan]:
        """Return the replans accepted by the day, the one in force last."""
        replans = self.all_replans
        if replans:
            replans = [item for item in replans if item.accepted and item.decided_on and item.decided_on <= as_of]
            replans.sort(key=lambda item: (item.decided_on, item.pk))
        return replans

    def planned_by(self, as_of: date) -> date | None:
        """Return the planned day in force on the day."""
        accepted = self.accepted_replans(as_of)
        return accepted[-1].day if accepted else self.planned_on  # type: ignore[attr-defined]

    @property
    def planned_today(self) -> date | None:
        """The planned day in force today, which files hold."""
        return self.planned_by(today())

    def waiting_replan(self, as_of: date) -> Replan | None:
        """Return the request that waits on the day, or None."""
        waiting = (item for item in self.all_replans if item.state_on(as_of) == ReplanState.WAITING)
        return next(waiting, None)

    def refused_replan(self, as_of: date) -> Replan | None:
        """Return the newest request where it was refused by the day; None where another followed."""
        newest = max(
            (item for item in self.all_replans if item.asked_on <= as_of), key=lambda item: item.pk, default=None
        )
        return newest if newest and newest.state_on(as_of) == ReplanState.REFUSED else None

    @property
    def has_fixed_day(self) -> bool:
        """Whether the planned day of the stored record changes by replans alone."""
        raise NotImplementedError

    def entry_url(self, page: str = "") -> str:
        """Return the address of the form of another planned day, or with "-answer" of the answer to it."""
        kind: Any = self._meta.get_field("pilot").remote_field  # milestones or stages
        return reverse(f"planned-day{page}", args=[self.pilot.slug, kind.related_name, self.pk])  # type: ignore[attr-defined]


class Replan(HistoryModel):
    """Another planned day of a key milestone or planned stage: asked for, and accepted or refused by the ministry."""

    pilot = link_field("pilots.Pilot", _("pilot"), "replans", _("The pilot of the milestone or stage."), editable=False)
    milestone = models.ForeignKey(
        "pilots.Milestone",
        verbose_name=_("milestone"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="replans",
        help_text=_("The key milestone for which another day is asked for; or name a planned stage."),
    )
    stage_entry = models.ForeignKey(
        "pilots.StageEntry",
        verbose_name=_("stage entry"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="replans",
        help_text=_("The planned stage for which another day is asked for; or name a key milestone."),
    )
    day = models.DateField(_("day asked for"), help_text=_("The day by which it is to be done instead."))
    reason_en = models.CharField(
        _("reason in English"),
        max_length=300,
        blank=True,
        validators=[check_text],
        help_text=_("Why, for example “the approval of the site took longer”: it is shown beside the light."),
    )
    reason_zh = models.CharField(
        _("reason in Chinese"), max_length=300, blank=True, validators=[check_text], help_text=SAME_IN_CHINESE
    )
    reason = TranslatedText("reason")
    asked_by = link_field(settings.AUTH_USER_MODEL, _("asked for by"), "+", optional=True, editable=False)
    asked_on = models.DateField(
        _("asked for on"),
        default=today,
        editable=False,
        validators=[check_not_ahead],
        help_text=_("Day on which it was asked for."),
    )
    decided_by = link_field(settings.AUTH_USER_MODEL, _("decided by"), "+", optional=True, editable=False)
    decided_on = models.DateField(
        _("decided on"), null=True, blank=True, editable=False, help_text=_("An accepted day holds from this day on.")
    )
    accepted = models.BooleanField(
        pgettext_lazy("replan", "accepted"),
        null=True,
        blank=True,
        help_text=_("Empty while the request waits; the ministry decides it."),
    )
    remark = models.CharField(
        _("remark"),
        max_length=300,
        blank=True,
        validators=[check_text],
        help_text=_("Why it was refused: it is shown beside the light."),
    )

    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {
        "one_item": ("milestone",),
        "decided_on_a_day": (),
        "has_reason": ("reason_en",),
    }
    FIXED_FIELDS: ClassVar[Mapping[str, Any]] = dict.fromkeys(
        ("milestone", "stage_entry", "day", "reason_en", "reason_zh"),
        _("A request stays as it was made. Withdraw it, or ask for another day: that replaces it."),
    )
    PROVINCE_PATH = "pilot.province_id"
    OWNER = "pilot"
    RESTRICTED_FIELDS: ClassVar[FieldNames] = {"pilots.place_pilot": ("accepted", "remark")}
    NAME_RELATIONS = ("milestone", "stage_entry")

    class Meta:
        verbose_name = _("replan")
        verbose_name_plural = _("replans")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(milestone__isnull=False, stage_entry__isnull=True)
                | Q(milestone__isnull=True, stage_entry__isnull=False),
                name="replan_one_item",
                violation_error_message=_("Name a key milestone or a planned stage, and not both."),
            ),
            models.CheckConstraint(
                condition=~Q(reason_en="") | ~Q(reason_zh=""),
                name="replan_has_reason",
                violation_error_message=_("Say why another day is asked for: it is shown beside the light."),
            ),
            models.CheckConstraint(
                condition=Q(accepted__isnull=True, decided_on__isnull=True)
                | Q(accepted__isnull=False, decided_on__isnull=False),
                name="replan_decided_on_a_day",
            ),
            models.CheckConstraint(
                condition=Q(accepted__isnull=True) | Q(accepted=True) | ~Q(remark=""),
                name="replan_refusal_has_remark",
                violation_error_message=_("Say why it is refused: the remark is shown beside the light."),
            ),
            models.UniqueConstraint(
                fields=["milestone"],
                condition=Q(accepted__isnull=True),
                name="replan_milestone_waits_once",
                violation_error_message=_("A request for this milestone waits already."),
            ),
            models.UniqueConstraint(
                fields=["stage_entry"],
                condition=Q(accepted__isnull=True),
                name="replan_stage_waits_once",
                violation_error_message=_("A request for this stage waits already."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item}: {self.day}"

    @property
    def item(self) -> Any:
        """The milestone or stage entry that it is about."""
        return self.milestone if self.milestone_id else self.stage_entry

    @property
    def state(self) -> ReplanState:
        """State as stored."""
        if self.accepted is None:
            return ReplanState.WAITING
        return ReplanState.ACCEPTED if self.accepted else ReplanState.REFUSED

    def state_on(self, as_of: date) -> ReplanState | None:
        """Return the state on a day; None before it was asked for."""
        if self.asked_on > as_of:
            return None
        return self.state if self.decided_on and self.decided_on <= as_of else ReplanState.WAITING


class Facet(models.TextChoices):
    GOAL = "goal", _("goal")
    PATH = "path", _("path")
    MANAGEMENT = "management", _("management")
    TECHNOLOGY = "technology", _("technology")
    PROJECT = "project", _("project")


class Milestone(PlannedDayModel, HistoryModel, BilingualTitleModel, SourcedModel):  # BilingualModel has it
    """A task that a pilot has promised to complete by a date."""

    pilot = link_field(Pilot, _("pilot"), "milestones", _("The pilot that promised it."))
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
    planned_on = models.DateField(
        _("planned on"),
        help_text=_(
            "Day by which it is to be done. Of a key milestone the province asks the ministry for another day, with "
            "the reason."
        ),
    )
    completed_on = models.DateField(
        _("completed on"), null=True, blank=True, validators=[check_not_ahead], help_text=_("Empty until it is done.")
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
            choices_constraint("confidence", Confidence, "milestone_confidence_known"),
            choices_constraint("facet", Facet, "milestone_facet_known"),
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
    def anchor(self) -> str:
        """Its place on the page of its pilot."""
        return f"#milestone-{self.pk}"

    @property
    def has_fixed_day(self) -> bool:
        """Key milestones, and those that were when their day was moved."""
        return self.is_key or bool(self.all_replans)


class LightOverride(HistoryModel):
    """A pilot's light set by a user for a time, with a reason; the computed one stays visible beside it."""

    pilot = link_field(Pilot, _("pilot"), "overrides", _("The pilot whose light is set."))
    colour = models.CharField(
        _("light"),
        max_length=6,
        choices=LIGHT_CHOICES,
        help_text=_("Shown in place of the computed one, which stays visible beside it."),
    )
    reason = models.CharField(
        _("reason"),
        max_length=300,
        validators=[check_text],
        help_text=_("Shown beside the light, for example “Furnace 2 closes in December; checked on site on 3 March”."),
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
            models.CheckConstraint(
                condition=Q(colour__in=[colour for colour, _label in LIGHT_CHOICES]), name="lightoverride_colour_known"
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


class StageEntry(PlannedDayModel, HistoryModel, SourcedModel):
    """A pilot's entry into a stage: planned and actual date, and the evidence."""

    pilot = link_field(Pilot, _("pilot"), "stages", _("The pilot that enters the stage."))
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
        _("reason in Chinese"), max_length=300, blank=True, validators=[check_text], help_text=SAME_IN_CHINESE
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
            choices_constraint("confidence", Confidence, "stageentry_confidence_known"),
            choices_constraint("stage", Stage, "stageentry_stage_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_stage_display()}"

    @property
    def anchor(self) -> str:
        """The place of its stage on the page of its pilot."""
        return f"#stage-{self.stage}"

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
