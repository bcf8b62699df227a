"""Models of what a pilot promises and does: milestones, completions, amendments, stages, and lights set by hand."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from core.days import today
from core.records.models import (
    SAME_IN_CHINESE,
    BilingualTitleModel,
    FieldNames,
    HistoryModel,
    YearField,
    check_not_ahead,
    choices_constraint,
    link_field,
    title_constraint,
)
from core.records.writing import NOT_YOURS
from core.text import TranslatedText, check_text, format_date
from pilots.lights import BY_HAND_CHOICES, LIGHT_CHOICES, due_day
from pilots.metrics import ORDERED_STAGES, STAGE_CHOICES, Stage, StageEvent, StageIssueCode, stage_issues
from pilots.models.due import due_records, usual_due
from pilots.models.indicator import Indicator
from pilots.models.pilot import Pilot
from pilots.models.promise import PLACE_PERMISSION, PROMISED, STAYS, AmendmentState, PromiseModel, may_decide
from policies.models import Confidence, SourcedModel

MINISTRY_DECIDES = _("The ministry decides it.")


def planned_day(as_of: date) -> Coalesce:
    """Return the expression of the planned day of milestones in force on the day, as far as they are not dropped."""
    accepted = Amendment.objects.filter(
        milestone=OuterRef("pk"), accepted=True, decided_on__lte=as_of, day__isnull=False
    )
    return Coalesce(Subquery(accepted.order_by("-decided_on", "-pk").values("day")[:1]), F("planned_on"))


class Amendment(HistoryModel):
    """Another day, value, base or year of what was promised, or dropping it: asked for, then accepted or refused."""

    pilot = link_field("pilots.Pilot", _("pilot"), "amendments", _("The pilot that promised it."), editable=False)
    milestone = models.ForeignKey(
        "pilots.Milestone",
        verbose_name=_("milestone"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="amendments",
        help_text=_("The milestone that is to be amended; or name a target."),
    )
    target = models.ForeignKey(
        "pilots.Target",
        verbose_name=_("target"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="amendments",
        help_text=_("The target that is to be amended; or name a milestone."),
    )
    day = models.DateField(
        _("day"), null=True, blank=True, help_text=_("Of a milestone: the day by which it is to be done instead.")
    )
    value = models.DecimalField(
        _("value"),
        max_digits=20,
        decimal_places=6,
        null=True,
        blank=True,
        help_text=_("Of a target: the value instead of the one that was promised."),
    )
    base_value = models.DecimalField(
        _("base value"),
        max_digits=20,
        decimal_places=6,
        null=True,
        blank=True,
        help_text=_("Of a target: another base value, for example after a census; with its year."),
    )
    base_year = YearField(_("base year"), null=True, blank=True, help_text=_("The year of this base value."))
    steps = models.JSONField(
        _("steps"),
        null=True,
        blank=True,
        help_text=_("Values for years before the target year. Another value or base without them clears them."),
    )
    year = YearField(
        _("target year"), null=True, blank=True, help_text=_("Of a target: the year by whose end it is to be reached.")
    )
    drop = models.BooleanField(_("drop it"), default=False, help_text=_("From the decision on it is judged no more."))
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
        _("decided on"), null=True, blank=True, editable=False, help_text=_("An accepted amendment holds from then on.")
    )
    accepted = models.BooleanField(
        pgettext_lazy("amendment", "accepted"),
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

    CHANGES = ("day", "value", "base_value", "base_year", "steps", "year")
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {
        "one_item": ("milestone",),
        "decided_on_a_day": (),
        "has_reason": ("reason_en",),
        "day_of_milestones": ("day",),
        "value_of_targets": ("value",),
        "base_whole": ("base_value", "base_year"),
        "changes_something": ("day",),
    }
    FIXED_FIELDS: ClassVar[Mapping[str, Any]] = dict.fromkeys(
        ("milestone", "target", *CHANGES, "drop", "reason_en", "reason_zh"),
        _("A request stays as it was made. Withdraw it, or ask for another: that replaces it."),
    )
    PROVINCE_PATH = "pilot.province_id"
    OWNER = "pilot"
    RESTRICTED_FIELDS: ClassVar[FieldNames] = {PLACE_PERMISSION: ("accepted", "remark")}
    NAME_RELATIONS = ("milestone", "target")

    class Meta:
        verbose_name = _("amendment")
        verbose_name_plural = _("amendments")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(milestone__isnull=False, target__isnull=True)
                | Q(milestone__isnull=True, target__isnull=False),
                name="amendment_one_item",
                violation_error_message=_("Name a milestone or a target, and not both."),
            ),
            models.CheckConstraint(
                condition=Q(day__isnull=True) | Q(milestone__isnull=False),
                name="amendment_day_of_milestones",
                violation_error_message=_("Only a milestone has a day."),
            ),
            models.CheckConstraint(
                condition=Q(target__isnull=False)
                | Q(value__isnull=True, base_value__isnull=True, base_year__isnull=True, steps__isnull=True)
                & Q(year__isnull=True),
                name="amendment_value_of_targets",
                violation_error_message=_("Only a target has a value, a base, steps and a year."),
            ),
            models.CheckConstraint(
                condition=Q(base_value__isnull=True, base_year__isnull=True)
                | Q(base_value__isnull=False, base_year__isnull=False),
                name="amendment_base_whole",
                violation_error_message=_("Give base value and base year, or neither."),
            ),
            models.CheckConstraint(
                condition=Q(drop=True)
                | Q(day__isnull=False)
                | Q(value__isnull=False)
                | Q(base_value__isnull=False)
                | Q(steps__isnull=False)
                | Q(year__isnull=False),
                name="amendment_changes_something",
                violation_error_message=_("Say what is to be amended."),
            ),
            models.CheckConstraint(
                condition=~Q(reason_en="") | ~Q(reason_zh=""),
                name="amendment_has_reason",
                violation_error_message=_("Say why it is amended: it is shown beside the light."),
            ),
            models.CheckConstraint(
                condition=Q(accepted__isnull=True, decided_on__isnull=True)
                | Q(accepted__isnull=False, decided_on__isnull=False),
                name="amendment_decided_on_a_day",
            ),
            models.CheckConstraint(
                condition=Q(accepted__isnull=True) | Q(accepted=True) | ~Q(remark=""),
                name="amendment_refusal_has_remark",
                violation_error_message=_("Say why it is refused: the remark is shown beside the light."),
            ),
            models.UniqueConstraint(
                fields=["milestone"],
                condition=Q(accepted__isnull=True),
                name="amendment_milestone_waits_once",
                violation_error_message=_("A request for this milestone waits already."),
            ),
            models.UniqueConstraint(
                fields=["target"],
                condition=Q(accepted__isnull=True),
                name="amendment_target_waits_once",
                violation_error_message=_("A request for this target waits already."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item}: {self.day or _('amendment')}"

    @property
    def item(self) -> Any:
        """The milestone or target that it is about."""
        return self.milestone if self.milestone_id else self.target

    def settle(self, stored: Any, by: Any) -> None:
        """A request of the ministry is decided at once, and the province's own day of a milestone that is not key as
        long as the one in force has not passed. Nobody else decides, and nobody decides twice.
        """
        if self.item is not None:
            self.pilot_id = self.item.pilot_id
        if by is None:
            return
        if stored is None:
            self.asked_by, self.asked_on = by, today()
            self.accepted = True if may_decide(by) or self.is_free else None
        if stored and (stored.accepted, stored.remark) != (self.accepted, self.remark):
            if error := stored.deletion_error():
                raise ValidationError({"accepted": ValidationError(error, code="state")})
            if not may_decide(by):
                raise ValidationError({"accepted": ValidationError(MINISTRY_DECIDES, code=NOT_YOURS)})
        self.decided_by, self.decided_on = (None, None) if self.accepted is None else (by, today())
        if stored and stored.accepted is not None:
            self.decided_by, self.decided_on = stored.decided_by, stored.decided_on

    @property
    def is_free(self) -> bool:
        """Whether it sets another day of a milestone that is not key, before the one in force has passed."""
        milestone: Any = self.milestone if self.milestone_id else None
        if milestone is None or milestone.is_key or self.drop or not self.day:
            return False
        return bool(today() <= milestone.planned_by(today()))

    def clean(self) -> None:
        """Reject what is not promised, or no longer; what its years have settled; and what cannot be."""
        super().clean()
        item = self.item
        if item is None or self.accepted is False or type(self).objects.filter(pk=self.pk, accepted=True).exists():
            return
        on = self.decided_on or self.asked_on
        if item.promised_on is None or item.promised_on > on:
            raise ValidationError(_("It is not promised yet: change it itself."), code="invalid")
        if item.dropped_by(on):
            raise ValidationError(_("It was dropped: nothing of it is amended any more."), code="invalid")
        if self.drop:
            return
        self.check_day(item, on) if self.milestone_id else self.check_values(item, on)

    def check_day(self, milestone: Any, on: date) -> None:
        end, error = milestone.pilot.ends_on, None
        last = usual_due(end.year, milestone.pilot.report_due) if end else date.max
        if self.day is None:
            return
        if self.day == milestone.planned_by(on):
            error = ValidationError(_("It is planned for this day already."), code="same")
        elif on > last:
            text = gettext("The values of the last year of the term were due on %(day)s: its days stay.")
            error = ValidationError(text % {"day": format_date(last)}, code="past")
        elif self.day < on:
            text = gettext("No day before the decision: choose %(day)s or a later one.")
            error = ValidationError(text % {"day": format_date(on)}, code="past")
        if error:
            raise ValidationError({"day": error})

    def check_values(self, target: Any, on: date) -> None:
        before = target.values_on(on)
        given = {name: getattr(self, name) for name in target.AMENDED if getattr(self, name) is not None}
        if all(before[target.AMENDED[name]] == value for name, value in given.items()):
            same = ValidationError(_("This is in force already."), code="same")
            raise ValidationError(dict.fromkeys(list(given)[:1], same))
        year, pilot, indicator = before["target_year"], target.pilot, target.indicator
        records = due_records(pilot, indicator)
        due = due_day(records, indicator.pk, year, on) or usual_due(year, indicator.report_due or pilot.report_due)
        if on > due:
            text = gettext(
                "The values of %(year)d were due on %(day)s: what was promised for it stays. Enter another target."
            )
            error = ValidationError(text % {"year": year, "day": format_date(due)}, code="past")
            raise ValidationError(dict.fromkeys(given, error))
        if self.base_year is not None and self.base_year != before["base_year"]:
            first = (pilot.starts_on or pilot.known_by).year
            asked = (each for each in range(first, year + 1) if due_day(records, indicator.pk, each, on))
            if self.base_year >= next(asked, year):
                text = gettext("A base lies before the first year for which values are asked for.")
                raise ValidationError({"base_year": ValidationError(text, code="past")})
        draft = target.drafted(target.values_on(on, self))
        try:
            draft.validate_constraints()
            draft.check_values()
        except ValidationError as exc:
            own = {mine: theirs for theirs, mine in target.AMENDED.items()}
            raise ValidationError({own.get(name, "target"): errors for name, errors in exc.error_dict.items()}) from exc

    def deletion_error(self, together: Collection[int] = ()) -> str:
        """A request that waits may be withdrawn; what was decided stays."""
        if self.accepted is None:
            return ""
        return gettext("It was decided on %(day)s. Ask for another one instead.") % {
            "day": format_date(self.decided_on)
        }

    @property
    def state(self) -> AmendmentState:
        """State as stored."""
        if self.accepted is None:
            return AmendmentState.WAITING
        return AmendmentState.ACCEPTED if self.accepted else AmendmentState.REFUSED

    def state_on(self, as_of: date) -> AmendmentState | None:
        """Return the state on a day; None before it was asked for."""
        if self.asked_on > as_of:
            return None
        return self.state if self.decided_on and self.decided_on <= as_of else AmendmentState.WAITING


class Facet(models.TextChoices):
    GOAL = "goal", _("goal")
    PATH = "path", _("path")
    MANAGEMENT = "management", _("management")
    TECHNOLOGY = "technology", _("technology")
    PROJECT = "project", _("project")


class Milestone(PromiseModel, BilingualTitleModel, SourcedModel):  # BilingualModel has it
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
    is_key = models.BooleanField(
        _("key milestone"), default=False, help_text=_("A key milestone more than 90 days late turns the pilot red.")
    )
    stage = models.CharField(
        _("stage"),
        max_length=12,
        choices=STAGE_CHOICES,
        blank=True,
        help_text=_("The stage by whose entry it is completed. Empty: completions are entered."),
    )
    indicator = link_field(
        Indicator, _("indicator"), "milestones", _("The indicator that it serves, if there is one."), optional=True
    )
    PROVINCE_PATH = "pilot.province_id"
    OWNER = "pilot"
    WEIGHT_FIELD = "is_key"
    MINISTRYS_FIELDS = ("title_zh", "title_en")
    FIXED_FIELDS: ClassVar[Mapping[str, Any]] = dict.fromkeys(
        ("pilot", "planned_on", "is_key", "stage", "indicator", "promised_on"), PROMISED
    )

    class Meta:
        verbose_name = _("milestone")
        verbose_name_plural = _("milestones")
        ordering = ["pilot", "planned_on", "pk"]
        constraints = [
            title_constraint("milestone"),
            choices_constraint("confidence", Confidence, "milestone_confidence_known"),
            choices_constraint("facet", Facet, "milestone_facet_known"),
            models.CheckConstraint(condition=Q(stage__in=["", *ORDERED_STAGES]), name="milestone_stage_known"),
        ]

    @property
    def anchor(self) -> str:
        """Its place on the page of its pilot."""
        return f"#milestone-{self.pk}"

    def clean(self) -> None:
        """Reject a second milestone for a stage."""
        super().clean()
        if not self.stage or not self.pilot_id:
            return
        same = list(Milestone.objects.filter(pilot=self.pilot_id, stage=self.stage))
        if self not in same and not all(other.dropped_by(today()) for other in same if other.pk != self.pk):
            text = _("A milestone of this pilot is for this stage already. Amend that one instead.")
            raise ValidationError({"stage": ValidationError(text, code="unique")})

    @property
    def planned_today(self) -> date | None:
        """The planned day in force today, which files hold."""
        return self.planned_by(today())

    def planned_by(self, as_of: date) -> date | None:
        """Return the planned day in force on the day, of a dropped one the last."""
        days = [item.day for item in self.accepted_amendments(as_of) if item.day]
        return days[-1] if days else self.planned_on

    def values_on(self, as_of: date) -> dict[str, Any]:
        """Return what may be amended, as it is in force on the day, by field."""
        return {"planned_on": self.planned_by(as_of)}

    @property
    def standing_completion(self) -> Completion | None:
        """The completion that counts: the newest one without an objection."""
        return next((item for item in reversed(self.all_completions) if item.objected_on is None), None)

    @property
    def all_completions(self) -> list[Completion]:
        """Its completions in the order of their entry; from those of its pilot where prefetched."""
        pilot = self._state.fields_cache.get("pilot")
        rows: list[Completion] | None = vars(pilot).get("prefetched_completions") if pilot else None
        if rows is None:
            return list(self.completions.all())
        return [item for item in rows if item.milestone_id == self.pk]


class Completion(HistoryModel):
    """That a milestone is done, with what shows it. The newest one that the ministry has not objected to counts."""

    pilot = link_field("pilots.Pilot", _("pilot"), "completions", _("The pilot of the milestone."), editable=False)
    milestone = models.ForeignKey(
        Milestone,
        verbose_name=_("milestone"),
        on_delete=models.CASCADE,
        related_name="completions",
        help_text=_("The milestone that is done."),
    )
    completed_on = models.DateField(
        _("completed on"), validators=[check_not_ahead], help_text=_("The day on which it was done.")
    )
    entered_on = models.DateField(
        _("entered on"),
        default=today,
        editable=False,
        help_text=_("Entered more than 30 days late, it counts from this day on."),
    )
    entered_by = link_field(settings.AUTH_USER_MODEL, _("entered by"), "+", optional=True, editable=False)
    evidence = models.CharField(
        _("evidence"),
        max_length=300,
        blank=True,
        validators=[check_text],
        help_text=_("What shows that it is done: a document’s title and number, or an address; or attach a file."),
    )
    objected_on = models.DateField(
        _("objected on"), null=True, blank=True, editable=False, help_text=_("From this day on it does not count.")
    )
    objected_by = link_field(settings.AUTH_USER_MODEL, _("objected by"), "+", optional=True, editable=False)
    objection = models.CharField(
        _("objection"),
        max_length=300,
        blank=True,
        validators=[check_text],
        help_text=_("Why it does not count: it is shown beside the light."),
    )

    PROVINCE_PATH = "pilot.province_id"
    OWNER = "pilot"
    FIXED_FIELDS: ClassVar[Mapping[str, Any]] = dict.fromkeys(
        ("milestone", "completed_on"), _("A completion stays as it was entered. Enter another one: the newest counts.")
    )
    RESTRICTED_FIELDS: ClassVar[FieldNames] = {PLACE_PERMISSION: ("objection",)}
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {"entered_after": ("completed_on",)}
    NAME_RELATIONS = ("milestone",)

    class Meta:
        verbose_name = _("completion")
        verbose_name_plural = _("completions")
        ordering = ["entered_on", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(objected_on__isnull=True) | ~Q(objection=""),
                name="completion_objection_has_reason",
                violation_error_message=_("Say why it does not count."),
            ),
            models.CheckConstraint(
                condition=Q(entered_on__gte=F("completed_on")),
                name="completion_entered_after",
                violation_error_message=_("It was completed after it was entered. Check both days."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.milestone}: {self.completed_on}"

    with_file = False  # True where a file goes with it as evidence

    def settle(self, stored: Any, by: Any) -> None:
        if self.milestone_id:
            self.pilot_id = self.milestone.pilot_id
        if by is None:
            return
        if stored is None:
            self.entered_on, self.entered_by, self.objection = today(), by, ""
        elif self.objection != stored.objection:
            if not may_decide(by):
                raise ValidationError({"objection": ValidationError(MINISTRY_DECIDES, code=NOT_YOURS)})
            if stored.objected_on:
                text = _("An objection stays. If it is done after all, enter another completion.")
                raise ValidationError({"objection": ValidationError(text, code="fixed")})
            self.objected_on, self.objected_by = today(), by

    def clean(self) -> None:
        """Reject one without evidence, and one of a stage, which its entry completes."""
        super().clean()
        before = type(self).objects.filter(pk=self.pk).values_list("evidence", flat=True).first()
        errors: dict[str, Any] = {}
        if before is None and self.milestone_id and self.milestone.stage:
            errors["milestone"] = _("It is completed when the pilot enters the stage: enter that instead.")
        if before != "" and not self.evidence.strip() and not self.with_file:
            errors["evidence"] = _("Name the document or the address that shows it, or attach a file.")
        if errors:
            raise ValidationError(errors)

    def deletion_error(self, together: Collection[int] = ()) -> str:
        """A typing error of the same day is taken back; all else stays."""
        if self.entered_on == today() and not self.objected_on:
            return ""
        return gettext("A completion stays. If it is wrong, the ministry objects to it, and another one is entered.")


MOST_DAYS_BY_HAND, DAYS_OF_A_YEAR = 180, 365


class LightOverride(HistoryModel):
    """A pilot's light set by a user for a time, with a reason; the computed one stays visible beside it."""

    pilot = link_field(Pilot, _("pilot"), "overrides", _("The pilot whose light is set."))
    colour = models.CharField(
        _("light"),
        max_length=6,
        choices=BY_HAND_CHOICES,
        help_text=_("Shown in place of the computed one, which stays visible beside it."),
    )
    reason = models.CharField(
        _("reason"),
        max_length=300,
        validators=[check_text],
        help_text=_("Shown beside the light, for example “Furnace 2 closes in December; checked on site on 3 March”."),
    )
    author = link_field(settings.AUTH_USER_MODEL, _("author"), "light_overrides", editable=False)
    set_on = models.DateField(_("set on"), default=today, editable=False, validators=[check_not_ahead])
    expires_on = models.DateField(_("expires on"), help_text=_("From this day on the computed light counts again."))

    PROVINCE_PATH = "pilot.province_id"
    OWNER = "pilot"
    FIXED_FIELDS: ClassVar[Mapping[str, Any]] = dict.fromkeys(
        ("pilot", "colour", "set_on"), _("It was shown so. Let it expire, or set another one: the newest counts.")
    )

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

    def settle(self, stored: Any, by: Any) -> None:
        if stored is None and by is not None:
            self.set_on, self.author = today(), by

    def clean(self) -> None:
        """Keep the end of what has expired, and reject one before today, which was shown until now; one after the term;
        and more days than a light is set by hand in a year.
        """
        super().clean()
        stored = type(self)._base_manager.filter(pk=self.pk).first() if self.pk else None
        end: date | None = self.expires_on
        if end is None or (stored and end == stored.expires_on):
            return
        text, last = "", self.pilot.ends_on if self.pilot_id else None
        if stored and min(stored.expires_on - timedelta(1), end) < today():
            text = gettext("It has been shown until today: choose today or a later day.")
            if stored.expires_on <= today():
                text = gettext("It has expired. Set a new one instead.")
        elif last and end > last + timedelta(1):
            text = gettext("The term ends on %(day)s: choose the day after it at the latest.")
            text %= {"day": format_date(last)}
        elif self.pilot_id and self.is_too_long(end):
            text = gettext("A light is set by hand on at most %(most)d days in any %(days)d, all settings together.")
            text %= {"most": MOST_DAYS_BY_HAND, "days": DAYS_OF_A_YEAR}
        if text:
            raise ValidationError({"expires_on": ValidationError(text, code="past")})

    def is_too_long(self, end: date) -> bool:
        """Whether more than MOST_DAYS_BY_HAND days of some year, one of this setting among them, are set by hand."""
        spans = list(self.pilot.overrides.exclude(pk=self.pk).values_list("set_on", "expires_on"))
        own = range(self.set_on.toordinal(), end.toordinal())
        covered = {*own}.union(*(range(first.toordinal(), last.toordinal()) for first, last in spans))
        days = sorted(covered)
        return any(
            bisect_left(days, day + DAYS_OF_A_YEAR) - place > MOST_DAYS_BY_HAND
            for place, day in enumerate(days)
            if own.start - DAYS_OF_A_YEAR < day < own.stop
        )


class StageResult(models.TextChoices):
    PASSED = "passed", _("passed")
    CONDITIONS = "conditions", _("passed with conditions")
    FAILED = "failed", _("failed")


class StageEntry(HistoryModel, SourcedModel):
    """A pilot's entry into a stage, with the evidence."""

    pilot = link_field(Pilot, _("pilot"), "stages", _("The pilot that enters the stage."))
    stage = models.CharField(
        _("stage"),
        max_length=12,
        choices=Stage.choices,
        help_text=_("In their order. After rectifying, enter once more the stage that the pilot returns to."),
    )
    entered_on = models.DateField(
        _("entered on"), validators=[check_not_ahead], help_text=_("Day on which it happened.")
    )
    recorded_on = models.DateField(
        _("recorded on"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Entered more than 30 days late, it counts from this day on. Empty: always from its own day."),
    )
    result = models.CharField(
        _("result"),
        max_length=10,
        choices=StageResult.choices,
        blank=True,
        help_text=_("Only of the mid-term and the final evaluation."),
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
    FIXED_FIELDS: ClassVar[Mapping[str, Any]] = {"pilot": STAYS}

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
            choices_constraint("result", StageResult, "stageentry_result_known", blank=True),
            models.CheckConstraint(
                condition=Q(result="") | Q(stage__in=[Stage.MIDTERM, Stage.FINAL_EVAL]),
                name="stageentry_result_of_evaluations",
                violation_error_message=_("Only an evaluation has a result."),
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

    def as_stage_event(self) -> StageEvent:
        """Return the entry as the metrics take it."""
        return StageEvent(Stage(self.stage), self.entered_on, reason=self.reason)

    def settle(self, stored: Any, by: Any) -> None:
        changed = stored is None or (stored.stage, stored.entered_on) != (self.stage, self.entered_on)
        if by is not None and changed:
            self.recorded_on = today()

    def clean(self) -> None:
        """Reject an entry after the withdrawal, and one that breaks the order of stages, together with the others."""
        super().clean()
        withdrawn = self.pilot.withdrawn_on if self.pilot_id else None
        entered: date | None = self.entered_on  # None while a form has none
        if withdrawn and entered and entered > withdrawn:
            text = gettext("The pilot withdrew on %(day)s: it enters no stage after that.")
            raise ValidationError({"entered_on": text % {"day": format_date(withdrawn)}})
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
    day, events = as_of or today(), [(entry, entry.as_stage_event()) for entry in entries]
    before = stage_issues([entry.as_stage_event() for entry in stored], day)
    known = [(issue.code, issue.event) for issue in before]
    for issue in stage_issues([event for _entry, event in events], day):
        entry = next(entry for entry, event in events if event is issue.event)
        if entry in changed or (issue.code, issue.event) not in known:
            field = StageEntry.reason.active_field if issue.code == StageIssueCode.SKIPPED else "entered_on"
            stages = gettext(", ").join(str(stage.label) for stage in issue.stages)
            what = gettext("%(stage)s: %(fault)s") % {"stage": issue.event.stage.label, "fault": issue.code.label}
            yield entry, field, f"{what} ({stages})" if stages else what
