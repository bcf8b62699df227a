"""Models of follow-ups: what was assigned after a meeting or a red light, to whom, by when, and its steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.history.append_only import KeptQuerySet
from core.http.as_of import today
from core.records.bilingual_models import BilingualTitleModel, note_en_field, note_zh_field
from core.records.constraints import choices_constraint
from core.records.history_model import FieldNames, HistoryModel
from core.records.validators import check_not_ahead
from core.text.bilingual import TranslatedText, check_text
from pilots.lights import Colour
from pilots.metrics.follow_up_states import FollowUpState, Move
from pilots.models.indicator import Indicator
from pilots.models.milestone import Milestone
from pilots.models.pilot import Pilot
from pilots.querysets import FollowUpQuerySet
from policies.models import Agency, Policy, Province

VERIFY_PERMISSION = "pilots.verify_followup"
CAUSE_REASON_HELP = _("Why the light that caused it had its colour on the day it was opened. Filled in by itself.")


class FollowUpNumber(models.Model):
    """The last serial number given in a year. Its row is locked while one is given, so that none is given twice."""

    year = models.PositiveSmallIntegerField(_("year"), unique=True)
    last_serial = models.PositiveIntegerField(_("last serial number"), default=0)

    class Meta:
        verbose_name = _("last number of a year")
        verbose_name_plural = _("last numbers of years")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.year}: {self.last_serial}"


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
    INDICATOR = "indicator", pgettext_lazy("cause of a follow-up", "the light of an indicator")
    MILESTONE = "milestone", pgettext_lazy("cause of a follow-up", "the light of a milestone")


class FollowUp(HistoryModel, BilingualTitleModel):
    """Something assigned to an agency, with a due date. Its state is that of its newest step on a day."""

    number = models.CharField(
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
    task_en = models.TextField(
        _("task in English"),
        blank=True,
        max_length=5000,
        validators=[check_text],
        help_text=_("What is to be done, and by what it will be seen that it is done."),
    )
    task_zh = models.TextField(
        _("task in Chinese"),
        blank=True,
        max_length=5000,
        validators=[check_text],
        help_text=_("The same in Chinese. Where one is empty, readers of its language see the other."),
    )
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
    pilot = models.ForeignKey(
        Pilot,
        verbose_name=_("pilot"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="follow_ups",
        help_text=_("The pilot that it is about. Leave it empty for a province, a policy or a practice."),
    )
    province = models.ForeignKey(
        Province,
        verbose_name=_("province"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="follow_ups",
        help_text=_("The province whose editors act on it; a pilot’s own is filled in."),
    )
    policy = models.ForeignKey(
        Policy,
        verbose_name=_("policy"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="follow_ups",
        help_text=_("The policy that it is about, if that is its subject."),
    )
    practice = models.ForeignKey(
        "pilots.Practice",
        verbose_name=_("practice"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="follow_ups",
        help_text=_("The practice that it is about, if that is its subject, for example to promote it."),
    )
    cause = models.CharField(
        _("cause"),
        max_length=9,
        choices=Cause.choices,
        blank=True,
        help_text=_("The light that caused it. Empty where no light did."),
    )
    cause_indicator = models.ForeignKey(
        Indicator,
        verbose_name=_("indicator of the cause"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Only where the light of an indicator caused it."),
    )
    cause_milestone = models.ForeignKey(
        Milestone,
        verbose_name=_("milestone of the cause"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Only where the light of a milestone caused it."),
    )
    cause_colour = models.CharField(
        _("light at the opening"),
        max_length=6,
        choices=Colour.choices,
        blank=True,
        editable=False,
        help_text=_("The colour of that light on the day it was opened, kept as it was."),
    )
    cause_reason_en = models.CharField(
        _("reason at the opening, in English"),
        max_length=500,
        blank=True,
        editable=False,
        help_text=CAUSE_REASON_HELP,
    )
    cause_reason_zh = models.CharField(
        _("reason at the opening, in Chinese"),
        max_length=500,
        blank=True,
        editable=False,
        help_text=CAUSE_REASON_HELP,
    )
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
    owner_agency = models.ForeignKey(
        Agency,
        verbose_name=_("responsible agency"),
        on_delete=models.PROTECT,
        related_name="follow_ups",
        help_text=_("Who is to do it. It needs no account here: the province’s editors or the ministry enter for it."),
    )
    owner_person = models.CharField(
        _("contact"),
        max_length=120,
        blank=True,
        validators=[check_text],
        help_text=_("Whom to ask at the agency, if known. Shown only to editors whom it concerns."),
    )
    owner_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("responsible user"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("The account of who is responsible, if there is one. The owner never verifies."),
    )
    verifier = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("verifier"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Who is to verify it. Empty: any editor of the ministry but the owner and who reported."),
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
    _history_m2m_fields = ["sources"]
    URL_FIELD = "number"
    CODE_FIELDS = ("number",)
    LOOKUP_CODES = ("number",)
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {
        "has_title": ("title_zh",),
        "one_subject": ("pilot",),
        "cause_fits": ("cause",),
        "due_after_opening": ("due_on",),
        "verifier_is_not_owner": ("verifier",),
    }
    PROVINCE_PATH = "province_id"
    PERSONAL_FIELDS = ("owner_person",)
    NEVER_DELETED = _("A follow-up is never deleted: its steps stay on record. Withdraw it instead, with the reason.")
    FIXED_FIELDS: ClassVar[Mapping[str, Any]] = {
        "due_on": _("The first due date stays as it was set. Extend it instead, in a step with its reason."),
        **dict.fromkeys(
            ("number", "opened_on", "pilot", "policy", "practice", "cause", "cause_indicator", "cause_milestone"),
            _("This stays as it was when it was opened. Withdraw the follow-up and open another instead."),
        ),
    }
    RESTRICTED_FIELDS: ClassVar[FieldNames] = {
        VERIFY_PERMISSION: (
            *(
                "title_zh",
                "title_en",
                "kind",
                "task_zh",
                "task_en",
                "meeting",
                "pilot",
                "province",
                "policy",
                "practice",
            ),
            *("cause", "cause_indicator", "cause_milestone", "is_key", "opened_on", "due_on", "owner_agency"),
            *("owner_user", "verifier", "sources"),
        )
    }
    """All but the contact and the notes: taking a step does not change what was assigned."""

    class Meta:
        verbose_name = _("follow-up")
        verbose_name_plural = _("follow-ups")
        ordering = ["-opened_on", "-pk"]
        permissions = [("verify_followup", "Can open, verify, return, extend, withdraw and reopen follow-ups")]
        constraints = [
            choices_constraint("kind", FollowUpKind, "followup_kind_known"),
            choices_constraint("cause", Cause, "followup_cause_known", blank=True),
            choices_constraint("cause_colour", Colour, "followup_colour_known", blank=True),
            models.CheckConstraint(
                condition=Q(number__regex=r"^[0-9]{4}-[0-9]{3,5}$"),
                name="followup_number_normal",
                violation_error_message=_("A number has the form 2026-017."),
            ),
            models.CheckConstraint(
                condition=~Q(title_zh="") | ~Q(title_en=""),
                name="followup_has_title",
                violation_error_message=_("Give the title in at least one language."),
            ),
            models.CheckConstraint(
                condition=Q(pilot__isnull=False, province__isnull=False, policy__isnull=True, practice__isnull=True)
                | Q(pilot__isnull=True, policy__isnull=False, practice__isnull=True)
                | Q(pilot__isnull=True, policy__isnull=True, practice__isnull=False)
                | Q(pilot__isnull=True, province__isnull=False, policy__isnull=True, practice__isnull=True),
                name="followup_one_subject",
                violation_error_message=_("Name one subject: a pilot, a province, a policy or a practice."),
            ),
            models.CheckConstraint(
                condition=Q(cause="", cause_indicator__isnull=True, cause_milestone__isnull=True)
                | Q(cause=Cause.PILOT, pilot__isnull=False, cause_indicator__isnull=True, cause_milestone__isnull=True)
                | Q(
                    cause=Cause.INDICATOR,
                    pilot__isnull=False,
                    cause_indicator__isnull=False,
                    cause_milestone__isnull=True,
                )
                | Q(
                    cause=Cause.MILESTONE,
                    pilot__isnull=False,
                    cause_indicator__isnull=True,
                    cause_milestone__isnull=False,
                ),
                name="followup_cause_fits",
                violation_error_message=_("The cause is a light of its pilot: name the indicator or the milestone."),
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
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

    def get_absolute_url(self) -> str:
        return reverse("action-detail", args=[self.number])

    @property
    def subject(self) -> Pilot | Policy | models.Model | None:
        """The record that it is about."""
        return self.pilot or self.policy or self.practice or self.province

    def clean_fields(self, exclude: object = None) -> None:
        """Fill in the province of a pilot first: it decides who may act."""
        if self.pilot:
            self.province_id = self.pilot.province_id
        super().clean_fields(exclude)  # type: ignore[arg-type]

    def clean(self) -> None:
        """Reject a cause of another pilot."""
        super().clean()
        if self.cause_milestone and self.cause_milestone.pilot_id != self.pilot_id:
            raise ValidationError({"cause_milestone": _("This milestone is another pilot’s.")})


class FollowUpStep(HistoryModel):
    """One step of a follow-up. Steps are only ever added: the product refuses to change or delete one."""

    follow_up = models.ForeignKey(FollowUp, verbose_name=_("follow-up"), on_delete=models.PROTECT, related_name="steps")
    seq = models.PositiveSmallIntegerField(_("place"), help_text=_("Its place among the steps, from 1."))
    taken_on = models.DateField(
        _("day of the step"), default=today, validators=[check_not_ahead], help_text=_("The day it was taken.")
    )
    move = models.CharField(_("step"), max_length=8, choices=Move.choices, help_text=_("What was done."))
    state = models.CharField(
        _("state after it"), max_length=9, choices=FollowUpState.choices, help_text=_("The state that it led to.")
    )
    remark = models.TextField(
        _("remark"),
        blank=True,
        max_length=5000,
        validators=[check_text],
        help_text=_("What was done, what is missing, or why the date was moved."),
    )
    new_due_on = models.DateField(
        _("new due date"), null=True, blank=True, help_text=_("From this step on it is due on this day.")
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("author"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )

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
            choices_constraint("move", Move, "followupstep_move_known"),
            choices_constraint("state", FollowUpState, "followupstep_state_known"),
            models.UniqueConstraint(fields=["follow_up", "seq"], name="followupstep_seq_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.follow_up.number}: {self.get_move_display()}"
