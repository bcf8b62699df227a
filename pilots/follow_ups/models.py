"""Models of follow-ups: what was assigned after a meeting or a red light, to whom, by when, and its steps."""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Case, Count, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Cast, Coalesce, StrIndex
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.days import today
from core.history.models import KeptQuerySet
from core.records.models import (
    SAME_IN_CHINESE,
    BilingualTitleModel,
    CodeField,
    FieldNames,
    HistoryModel,
    check_not_ahead,
    choices_constraint,
    link_field,
    note_en_field,
    note_zh_field,
    title_constraint,
)
from core.text import TranslatedText, check_text
from pilots.lights import Colour
from pilots.metrics import OPEN_STATES, OWNER_STATES, RELAPSE_DAYS, FollowUpState, Move
from pilots.models.indicator import Target
from pilots.models.light import ItemLight, PilotLight, on_day
from pilots.models.pilot import Pilot
from pilots.models.planned import Milestone
from policies.models import Agency, Policy, Province

VERIFY_PERMISSION = "pilots.verify_followup"


class FollowUpKind(models.TextChoices):
    """The five mechanisms of supervision."""

    MEETING = "meeting", pgettext_lazy("kind of follow-up", "meeting")
    ASSIGNMENT = "assignment", pgettext_lazy("kind of follow-up", "assignment")
    EVALUATION = "evaluation", pgettext_lazy("kind of follow-up", "evaluation")
    GUIDANCE = "guidance", pgettext_lazy("kind of follow-up", "guidance")
    PROMOTION = "promotion", pgettext_lazy("kind of follow-up", "promotion")


class Cause(models.TextChoices):
    """What light caused a follow-up."""

    PILOT = "pilot", pgettext_lazy("cause of a follow-up", "the pilot’s light")
    INDICATOR = "indicator", pgettext_lazy("cause of a follow-up", "the light of a target")
    MILESTONE = "milestone", pgettext_lazy("cause of a follow-up", "the light of a milestone")


CAUSED = Q(cause_colour=Colour.RED)
RESULTS = {
    "caused": CAUSED,
    "cleared": CAUSED & Q(closing_colour__in=[Colour.YELLOW, Colour.BLUE, Colour.GREEN]),
    "still_red": CAUSED & Q(closing_colour=Colour.RED),
    "not_rated": CAUSED & Q(state=FollowUpState.CLOSED, closing_colour__in=["", Colour.GREY]),
    "relapsed": Q(relapsed_on__isnull=False),
}
"""What became of the red light that was the cause; after `with_state` and, of one that was red again, `with_cause`."""


class FollowUpQuerySet(QuerySet[Any]):
    """Follow-ups on a day: pages, filters, API and files read what their steps say from the same columns."""

    def with_state(self, as_of: date) -> Self:
        """Filter those opened by the day, and add what their steps taken by then say: the columns named in FollowUp."""
        steps = FollowUpStep.objects.using(self.db).filter(follow_up=OuterRef("pk"), taken_on__lte=as_of)

        def newest(field: str, **conditions: Any) -> Subquery:
            return Subquery(steps.filter(**conditions).order_by("-seq").values(field)[:1])

        def times(move: Move) -> Coalesce:
            counted = steps.filter(move=move).order_by().values("follow_up").annotate(n=Count("pk"))
            return Coalesce(Subquery(counted.values("n")), 0)

        due_when_reported = newest("new_due_on", new_due_on__isnull=False, taken_on__lte=OuterRef("reported_on"))
        is_closed = Q(state=FollowUpState.CLOSED)
        in_time = Q(reported_on__lte=Coalesce(due_when_reported, F("due_on")))
        is_overdue, day = Q(state__in=OWNER_STATES, current_due_on__lt=as_of), Value(as_of, models.DateField())
        return (
            self.filter(opened_on__lte=as_of)
            .annotate(
                as_of=day,
                state=newest("state"),
                last_move=newest("move"),
                last_seq=newest("seq"),
                last_step_on=newest("taken_on"),
                current_due_on=Coalesce(newest("new_due_on", new_due_on__isnull=False), F("due_on")),
                times_extended=times(Move.EXTEND),
                times_returned=times(Move.RETURN),
                signed_on=Subquery(steps.filter(move=Move.SIGN).order_by("seq").values("taken_on")[:1]),
                reported_on=newest("taken_on", move=Move.REPORT),
                reported_by=newest("author", move=Move.REPORT),
            )
            .annotate(
                is_overdue=ExpressionWrapper(is_overdue, output_field=models.BooleanField()),
                closed_on=Case(When(is_closed, then="last_step_on")),
                closed_in_time=Case(When(is_closed, then=Case(When(in_time, then=True), default=False))),
                closing_colour=Case(When(is_closed, then=newest("cause_colour")), default=Value("")),
            )
        )

    def with_cause(self, as_of: date) -> Self:
        """Add what became of the light that is the cause, by the stored lights; after `with_state` of the same day.

        Of a pilot it is the computed one: a light set by hand clears nothing. A promise that is gone is grey.
        """
        of_item = Q(target=OuterRef("cause_target")) | Q(milestone=OuterRef("cause_milestone"))
        items = ItemLight.objects.using(self.db).filter(of_item).annotate(shade=F("colour"))
        pilots = PilotLight.objects.using(self.db).filter(pilot=OuterRef("pilot")).annotate(shade=F("computed"))

        def first(field: str, *conditions: Q) -> Case:
            def of(lights: QuerySet[Any]) -> Subquery:
                return Subquery(lights.filter(*conditions).order_by("since").values(field)[:1])

            return Case(When(cause=Cause.PILOT, then=of(pilots)), default=of(items))

        red = Q(shade=Colour.RED, until__gt=OuterRef("watched_from"), since__lte=OuterRef("watched_to"))
        watched_from, watched_to = (
            Cast(F("last_step_on") + Value(timedelta(days)), models.DateField()) for days in (1, RELAPSE_DAYS)
        )
        relapse = Case(When(red_since__lt=F("watched_from"), then="watched_from"), default="red_since")
        return (
            self.alias(watched_from=watched_from, watched_to=watched_to)
            .alias(red_since=first("since", red, Q(since__lte=as_of)))
            .annotate(
                cause_colour_now=Case(
                    When(~Q(cause=""), then=Coalesce(first("shade", on_day(as_of)), Value(Colour.GREY.value)))
                ),
                relapsed_on=Case(When(RESULTS["cleared"], last_step_on__lt=as_of, then=relapse)),
            )
        )

    def with_order(self) -> Self:
        """Add what lists are ordered by, after `with_state`: `state_order`, `urgency` and, within it, `urgent_days`."""
        waits_since = Case(When(state__in=OWNER_STATES, then="current_due_on"), default="last_step_on")
        return self.alias(
            # The most urgent last: withdrawn, closed, waiting for the owner, for the verifier, overdue.
            urgency=Case(
                When(is_overdue=True, then=4),
                When(state=FollowUpState.REPORTED, then=3),
                When(state__in=OPEN_STATES, then=2),
                When(state=FollowUpState.CLOSED, then=1),
                default=0,
            ),
            urgent_days=Case(
                When(
                    state__in=OPEN_STATES,
                    then=ExpressionWrapper(F("as_of") - waits_since, output_field=models.DurationField()),
                ),
                default=ExpressionWrapper(F("last_step_on") - F("as_of"), output_field=models.DurationField()),
            ),
            state_order=StrIndex(Value(" ".join(FollowUpState.values)), F("state")),
        )

    def open(self) -> Self:
        """Filter those in which something remains to be done; after `with_state`."""
        return self.filter(state__in=OPEN_STATES)

    def by_urgency(self) -> Self:
        """Order the most urgent first: overdue ones by their days late, those to verify by how long they wait, others
        by their due date, then closed and withdrawn ones, the newest first; after `with_state`."""
        return self.with_order().order_by("-urgency", "-urgent_days", "-opened_on", "-pk")


link = partial(link_field, optional=True)
kept_text = partial(models.CharField, blank=True, editable=False)  # filled in by the product
CAUSE_REASON: Any = {
    "max_length": 500,
    "help_text": _("Why the light that caused it had its colour on the day it was opened. Filled in by itself."),
}


def long_text(label: Any, help_text: Any) -> Any:
    return models.TextField(label, blank=True, max_length=5000, validators=[check_text], help_text=help_text)


def caused_by(cause: Cause) -> Q:
    """Return the condition that a light of the pilot is the cause, with the item that it belongs to, and no other."""
    no_target, no_milestone = cause != Cause.INDICATOR, cause != Cause.MILESTONE
    return Q(cause=cause, pilot__isnull=False, cause_target__isnull=no_target, cause_milestone__isnull=no_milestone)


class FollowUp(HistoryModel, BilingualTitleModel):
    """Something assigned to an agency, with a due date. Its state is that of its newest step on a day."""

    # Columns of `with_state`: what the steps taken by the day say.
    as_of: date
    state: str
    last_move: str
    last_seq: int
    last_step_on: date
    current_due_on: date  # in force on the day; `due_on` is the first one
    times_extended: int
    times_returned: int
    is_overdue: bool  # the owner has to act and the due date has passed; one reported waits for the verifier
    signed_on: date | None  # the first time
    reported_on: date | None  # the newest report
    reported_by: int | None
    closed_on: date | None  # None if it is not closed on the day
    closed_in_time: bool | None  # the report that was verified came by the due date then in force; None if not closed
    closing_colour: str  # colour of the cause on the closing day, as it was known then; empty if not closed
    # Columns of `with_cause`.
    cause_colour_now: str | None  # colour of the cause on the day; None without one
    relapsed_on: date | None  # the first day within RELAPSE_DAYS after closing on which a cleared one was red again

    number = CodeField(
        _("number"),
        max_length=10,
        unique=True,
        editable=False,
        help_text=_("Year and serial number, for example 2026-017. It is given once and never again."),
    )
    kind = models.CharField(
        _("kind"),
        max_length=10,
        choices=FollowUpKind.choices,
        default=FollowUpKind.ASSIGNMENT,
        help_text=_("Meeting, assignment, evaluation, guidance or promotion."),
    )
    task_en = long_text(_("task in English"), _("What is to be done, and by what it will be seen that it is done."))
    task_zh = long_text(_("task in Chinese"), SAME_IN_CHINESE)
    task = TranslatedText("task")
    meeting = models.CharField(
        _("meeting"),
        max_length=200,
        blank=True,
        validators=[check_text],
        help_text=_(
            "The meeting that assigned it, with its day, if there was one. Its follow-ups are listed together."
        ),
    )
    pilot = link(
        Pilot,
        _("pilot"),
        "follow_ups",
        _("The pilot that it is about. Leave it empty for a province, a policy or a practice."),
    )
    province = link(
        Province, _("province"), "follow_ups", _("The province whose editors act on it; a pilot’s own is filled in.")
    )
    policy = link(Policy, _("policy"), "follow_ups", _("The policy that it is about, if that is its subject."))
    practice = link(
        "pilots.Practice",
        _("practice"),
        "follow_ups",
        _("The practice that it is about, if that is its subject, for example to promote it."),
    )
    cause = models.CharField(
        _("cause"),
        max_length=9,
        choices=Cause.choices,
        blank=True,
        help_text=_("The light that caused it. Empty where no light did."),
    )
    cause_target = link(Target, _("target of the cause"), "+", _("Only where the light of a target caused it."))
    cause_milestone = link(
        Milestone, _("milestone of the cause"), "+", _("Only where the light of a milestone caused it.")
    )
    cause_colour = kept_text(
        _("light at the opening"),
        max_length=6,
        choices=Colour.choices,
        help_text=_("The colour of that light on the day it was opened, kept as it was."),
    )
    cause_reason_en = kept_text(_("reason at the opening, in English"), **CAUSE_REASON)
    cause_reason_zh = kept_text(_("reason at the opening, in Chinese"), **CAUSE_REASON)
    cause_reason = TranslatedText("cause_reason")
    is_key = models.BooleanField(
        _("key follow-up"),
        default=False,
        help_text=_("A key follow-up is reported as done only with a file that shows it."),
    )
    opened_on = models.DateField(
        _("opened on"), default=today, validators=[check_not_ahead], help_text=_("The day it was assigned.")
    )
    due_on = models.DateField(
        _("due on"), help_text=_("As first set. Later due dates stand in the steps that set them; this one is kept.")
    )
    owner_agency = link_field(
        Agency,
        _("responsible agency"),
        "follow_ups",
        _("Who is to do it. It needs no account here: the province’s editors or the ministry enter for it."),
    )
    owner_person = models.CharField(
        _("contact"),
        max_length=120,
        blank=True,
        validators=[check_text],
        help_text=_("Whom to ask at the agency, if known. Shown only to editors whom it concerns."),
    )
    owner_user = link(
        settings.AUTH_USER_MODEL,
        _("responsible user"),
        "+",
        _("The account of who is responsible, if there is one. The owner never verifies."),
    )
    verifier = link(
        settings.AUTH_USER_MODEL,
        _("verifier"),
        "+",
        _("Who is to verify it. Empty: any editor of the ministry but the owner and who reported."),
    )
    sources = models.ManyToManyField(
        "policies.Source",
        verbose_name=_("sources"),
        blank=True,
        help_text=_("The minutes or documents that assigned it."),
    )
    note_en = note_en_field(_("What a reader should know besides."))
    note_zh = note_zh_field()
    note = TranslatedText("note")

    objects = models.Manager.from_queryset(FollowUpQuerySet)()
    LOOKUP_CODES = ("number",)
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {
        "one_subject": ("pilot",),
        "cause_fits": ("cause",),
    }
    PROVINCE_PATH = "province_id"
    PERSONAL_FIELDS = ("owner_person",)
    NEVER_DELETED = _("A follow-up is never deleted: its steps stay on record. Withdraw it instead, with the reason.")
    FIXED_FIELDS: ClassVar[Mapping[str, Any]] = {
        "due_on": _("The first due date stays as it was set. Extend it instead, in a step with its reason."),
        **dict.fromkeys(
            ("number", "opened_on", "pilot", "policy", "practice", "cause", "cause_target", "cause_milestone"),
            _("This stays as it was when it was opened. Withdraw the follow-up and open another instead."),
        ),
    }
    RESTRICTED_FIELDS: ClassVar[FieldNames] = {
        VERIFY_PERMISSION: (
            *("title_zh", "title_en", "kind", "task_zh", "task_en", "meeting", "pilot", "province", "policy"),
            *("practice", "cause", "cause_target", "cause_milestone", "is_key", "opened_on", "due_on"),
            *("owner_agency", "owner_user", "verifier", "sources"),
        )
    }
    """All but the contact and the notes: taking a step does not change what was assigned."""

    class Meta:
        verbose_name = _("follow-up")
        verbose_name_plural = _("follow-ups")
        ordering = ["-opened_on", "-pk"]
        permissions = [("verify_followup", "Can open, verify, return, extend, withdraw and reopen follow-ups")]
        constraints = [
            choices_constraint("cause_colour", Colour, "followup_colour_known", blank=True),
            models.CheckConstraint(
                condition=Q(number__regex=r"^[0-9]{4}-[0-9]{3,5}$"),
                name="followup_number_normal",
                violation_error_message=_("A number has the form 2026-017."),
            ),
            title_constraint("followup"),
            models.CheckConstraint(
                condition=Q(pilot__isnull=False, province__isnull=False, policy__isnull=True, practice__isnull=True)
                | Q(pilot__isnull=True, policy__isnull=False, practice__isnull=True)
                | Q(pilot__isnull=True, policy__isnull=True, practice__isnull=False)
                | Q(pilot__isnull=True, province__isnull=False, policy__isnull=True, practice__isnull=True),
                name="followup_one_subject",
                violation_error_message=_("Name one subject: a pilot, a province, a policy or a practice."),
            ),
            models.CheckConstraint(
                condition=Q(cause="", cause_target__isnull=True, cause_milestone__isnull=True)
                | caused_by(Cause.PILOT)
                | caused_by(Cause.INDICATOR)
                | caused_by(Cause.MILESTONE),
                name="followup_cause_fits",
                violation_error_message=_("The cause is a light of its pilot: name the target or the milestone."),
            ),
            models.CheckConstraint(
                condition=Q(due_on__gte=F("opened_on")),
                name="followup_due_after_opening",
                violation_error_message=_("Due before it was opened. Check both days."),
            ),
            models.CheckConstraint(
                condition=Q(owner_user__isnull=True) | Q(verifier__isnull=True) | ~Q(verifier=F("owner_user")),
                name="followup_verifier_is_not_owner",
                violation_error_message=_("Who is responsible cannot verify. Name someone else, or leave it empty."),
            ),
            choices_constraint("kind", FollowUpKind, "followup_kind_known"),
            choices_constraint("cause", Cause, "followup_cause_known", blank=True),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

    def get_absolute_url(self) -> str:
        return reverse("follow-up-detail", args=[self.number])

    @property
    def subject(self) -> Any:
        """The pilot, policy, practice or province that it is about."""
        return self.pilot or self.policy or self.practice or self.province

    @property
    def cause_indicator(self) -> Any:
        """The indicator of the target whose light caused it."""
        return self.cause_target.indicator if self.cause_target else None

    @property
    def current_state(self) -> FollowUpState:
        return FollowUpState(self.state)

    @property
    def days_late(self) -> int | None:
        """Days since the due date in force; None if it is not overdue."""
        return (self.as_of - self.current_due_on).days if self.is_overdue else None

    @property
    def cleared(self) -> bool | None:
        """Whether the cause, red at the opening, was no longer red on the closing day.

        None if it is not closed, no red light caused it, or the cause was not rated on the closing day.
        """
        if self.cause_colour != Colour.RED or self.closing_colour in {"", Colour.GREY}:
            return None
        return self.closing_colour != Colour.RED

    def clean_fields(self, exclude: object = None) -> None:
        """Fill in the province of a pilot first: it decides who may act."""
        if self.pilot:
            self.province_id = self.pilot.province_id
        super().clean_fields(exclude)  # type: ignore[arg-type]

    def clean(self) -> None:
        """Reject a cause of another pilot, and a new verifier who may not verify it."""
        super().clean()
        if self.cause_milestone and self.cause_milestone.pilot_id != self.pilot_id:
            raise ValidationError({"cause_milestone": _("This milestone is another pilot’s.")})
        if self.cause_target and self.cause_target.pilot_id != self.pilot_id:
            raise ValidationError({"cause_target": _("This target is another pilot’s.")})
        user = self.verifier
        if user is None or (self.pk and FollowUp._base_manager.filter(pk=self.pk, verifier=user).exists()):
            return
        if not (user.is_active and user.has_perm(VERIFY_PERMISSION, self)):
            message = _("This user may not verify follow-ups. Name an editor of the ministry, or leave it empty.")
            raise ValidationError({"verifier": ValidationError(message, code="not_permitted")})


class FollowUpStep(HistoryModel):
    """One step of a follow-up. Steps are only ever added: the product refuses to change or delete one."""

    follow_up = link_field(FollowUp, _("follow-up"), "steps")
    seq = models.PositiveSmallIntegerField(_("place"), help_text=_("Its place among the steps, from 1."))
    taken_on = models.DateField(
        _("day of the step"), default=today, validators=[check_not_ahead], help_text=_("The day it was taken.")
    )
    move = models.CharField(_("step"), max_length=8, choices=Move.choices, help_text=_("What was done."))
    state = models.CharField(
        _("state after it"), max_length=9, choices=FollowUpState.choices, help_text=_("The state that it led to.")
    )
    remark = long_text(_("remark"), _("What was done, what is missing, or why the date was moved."))
    new_due_on = models.DateField(
        _("new due date"), null=True, blank=True, help_text=_("From this step on it is due on this day.")
    )
    cause_colour = kept_text(
        _("light at the closing"),
        max_length=6,
        choices=Colour.choices,
        help_text=_("Of the step that closed it: the colour of the cause on that day, as it was known then."),
    )
    author = link(settings.AUTH_USER_MODEL, _("author"), "+")

    objects = models.Manager.from_queryset(KeptQuerySet)()

    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {"seq_unique": ()}
    PROVINCE_PATH = "follow_up.province_id"
    OWNER = "follow_up"
    APPEND_ONLY = True
    DELETABLE_ALONE = "follow_up"  # the step that opened it, by undoing the import of both

    class Meta:
        verbose_name = _("step of a follow-up")
        verbose_name_plural = _("steps of follow-ups")
        ordering = ["follow_up", "seq"]
        constraints = [
            choices_constraint("cause_colour", Colour, "followupstep_colour_known", blank=True),
            models.UniqueConstraint(fields=["follow_up", "seq"], name="followupstep_seq_unique"),
            choices_constraint("move", Move, "followupstep_move_known"),
            choices_constraint("state", FollowUpState, "followupstep_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.follow_up.number}: {self.get_move_display()}"
