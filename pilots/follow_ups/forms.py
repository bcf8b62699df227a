"""Forms of follow-ups: opening one, and taking a step."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from accounts.models import Role
from core.days import today
from pilots.analytics.pilot_status import pilot_status
from pilots.documents import store_document
from pilots.follow_ups.services import allowed_moves, cause_on, is_no_better, open_follow_up, take_step
from pilots.forms.base import RecordErrorsMixin, page_field
from pilots.lights import responsible_office
from pilots.metrics import TRANSITIONS, Move
from pilots.models import Cause, FollowUp, FollowUpStep, Milestone, Pilot, Practice, Target
from policies.models import Agency, Policy, Province

LONG_FIELD = 60  # characters of a field that takes a whole row
DAYS_TO_ACT = 30  # from the opening to the proposed due date
SUBJECTS: Mapping[str, Any] = {"pilot": Pilot, "province": Province, "policy": Policy, "practice": Practice}


# -- opening one -----------------------------------------------------------------------------------------


def subject_choices() -> list[tuple[str, Any]]:
    """Return all pilots, provinces of the roster, policies and practices, by kind, as `pilot:huzhou`."""
    rows: Mapping[str, tuple[str, Iterable[Any]]] = {
        "pilot": (_("Pilots"), Pilot.objects.listed(today()).select_related("batch")),
        "province": (_("Provinces"), Province.objects.roster()),
        "policy": (_("Policies"), Policy.objects.all()),
        "practice": (_("Practices"), Practice.objects.all()),
    }
    choices: list[tuple[str, Any]] = [("", _("Choose"))]
    for kind, (label, records) in rows.items():
        own = [(f"{kind}:{record.slug}", getattr(record, "label", record.name)) for record in records]
        choices += [(label, own)] if own else []
    return choices


class UserField(forms.ModelChoiceField):
    """An account that can act on follow-ups, by the name of the person."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.get_full_name() or obj.get_username())


class FollowUpForm(RecordErrorsMixin, forms.ModelForm):
    """A new follow-up. The light that caused it comes hidden, from the link beside that light."""

    FORM_FIELDS: ClassVar[Mapping[str, str]] = dict.fromkeys(SUBJECTS, "subject")
    NEEDED = ("title_zh", "title_en")
    field_order = ["subject"]

    subject = forms.ChoiceField(
        choices=subject_choices,
        label=gettext_lazy("Subject"),
        help_text=gettext_lazy("The pilot, province, policy or practice that it is about."),
    )

    class Meta:
        model = FollowUp
        formfield_callback = page_field
        fields = (
            *("kind", "title_zh", "title_en", "task_zh", "task_en", "owner_agency", "owner_person", "opened_on"),
            *("due_on", "is_key", "meeting", "owner_user", "verifier", "cause", "cause_target", "cause_milestone"),
        )
        field_classes: ClassVar[Mapping[str, Any]] = dict.fromkeys(("owner_user", "verifier"), UserField)
        widgets: ClassVar[Mapping[str, Any]] = {
            **{name: forms.TextInput(attrs={"size": LONG_FIELD}) for name in ("title_zh", "title_en")},
            **dict.fromkeys(("cause", "cause_target", "cause_milestone"), forms.HiddenInput),
        }
        help_texts: ClassVar[Mapping[str, Any]] = dict.fromkeys(
            ("title_zh", "title_en"), gettext_lazy("What is assigned, in a few words. One language is enough.")
        )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        fields: dict[str, Any] = self.fields
        editors = get_user_model().objects.filter(is_active=True, is_staff=True).order_by("username")
        national = Q(officer__role__in=[Role.NATIONAL_EDITOR, Role.ADMIN])
        fields["owner_user"].queryset = editors
        fields["verifier"].queryset = editors.filter(Q(is_superuser=True) | national)

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        kind, _colon, slug = values.get("subject", "").partition(":")
        if slug:
            setattr(self.instance, kind, SUBJECTS[kind].objects.get(slug=slug))
        if slug and values.get("cause") and kind != "pilot":
            text = _("The cause is the light of a pilot. Choose that pilot, or open a follow-up without a cause.")
            self.add_error("subject", text)
        return values

    def _post_clean(self) -> None:
        if not self.errors:
            super()._post_clean()  # type: ignore[misc]

    def open(self) -> FollowUp | None:
        """Return the opened follow-up; None with the errors in the form."""
        if not self.is_valid():
            return None
        try:
            return open_follow_up(self.instance, by=self.user)
        except ValidationError as error:
            self.add_error(None, error)
            return None


# -- a step ----------------------------------------------------------------------------------------------


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of uploaded files, as a list."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        given = data if isinstance(data, list | tuple) else [data]
        return [super(FilesField, self).clean(item, initial) for item in given if item]


class StepForm(RecordErrorsMixin, forms.ModelForm):
    """The next step of a follow-up: one of the moves that this user may make now."""

    FORM_FIELDS: ClassVar[Mapping[str, str]] = dict.fromkeys(("file", "document", "files"), "uploads")
    NEEDED = ("remark", "new_due_on", "uploads")

    move = forms.ChoiceField(
        label=gettext_lazy("Step"),
        widget=forms.RadioSelect,
        error_messages={
            "invalid_choice": gettext_lazy("Not possible now, or not for you: choose one of the steps above.")
        },
    )
    uploads = FilesField(
        label=gettext_lazy("Files"),
        required=False,
        help_text=gettext_lazy("PDF, OFD, DOCX, XLSX, CSV, PNG or JPG, up to 20 MB each; several at once."),
    )
    seen_seq = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = FollowUpStep
        formfield_callback = page_field
        fields = ("move", "remark", "new_due_on", "taken_on")
        help_texts: ClassVar[Mapping[str, Any]] = {
            "remark": "",
            "new_due_on": gettext_lazy("Only to extend, to return or to reopen it."),
            "taken_on": gettext_lazy("Not before the step before it, and not ahead."),
        }

    def __init__(
        self, data: Any = None, files: Any = None, *, follow_up: FollowUp, user: User, typed: Any = ()
    ) -> None:
        moves = allowed_moves(follow_up, user)
        first = {"move": moves[0].value if moves else "", "taken_on": today()}
        super().__init__(data, files, initial={**first, **dict(typed), "seen_seq": follow_up.last_seq})
        self.follow_up, self.user, self.moves = follow_up, user, moves
        field: Any = self.fields["move"]
        field.choices = [(move.value, move_text(follow_up, move)) for move in moves]
        if not user.has_perm("pilots.add_document"):
            del self.fields["uploads"]
        if not any(TRANSITIONS[follow_up.current_state, move].new_due for move in moves):
            del self.fields["new_due_on"]

    def _post_clean(self) -> None:
        """The service checks the step, with what the follow-up and its other steps ask for."""

    def take(self) -> FollowUpStep | None:
        """Return the step taken; None with the errors in the form. Raises StaleFollowUpError and PermissionDenied."""
        if not self.is_valid():
            return None
        given = self.cleaned_data
        uploads, move = given.pop("uploads", ()), Move(given.pop("move"))
        try:
            with transaction.atomic():
                files = [store_document(item, by=self.user)[0] for item in uploads]
                return take_step(self.follow_up, move, by=self.user, files=files, **given)
        except ValidationError as error:
            self.add_error(None, error)
            return None


def move_text(follow_up: FollowUp, move: Move) -> str:
    """Return a move with what it needs, for the choice of it."""
    transition = TRANSITIONS[follow_up.current_state, move]
    no_better = is_no_better(follow_up.cause_colour, follow_up.cause_colour_now)
    needs = [
        *([_("a remark")] if transition.note or (move == Move.VERIFY and no_better) else []),
        *([_("a new due date")] if transition.new_due else []),
        *([_("a file")] if transition.evidence and follow_up.is_key else []),
    ]
    label = MOVE_TEXTS[move]
    return _("%(move)s (needs %(needs)s)") % {"move": label, "needs": _(", ").join(needs)} if needs else str(label)


MOVE_TEXTS = {
    Move.SIGN: gettext_lazy("Sign for it"),
    Move.REPORT: gettext_lazy("Report it as done"),
    Move.VERIFY: gettext_lazy("Verify and close it"),
    Move.RETURN: gettext_lazy("Return it"),
    Move.EXTEND: gettext_lazy("Extend the due date"),
    Move.WITHDRAW: gettext_lazy("Withdraw it"),
    Move.REOPEN: gettext_lazy("Reopen it"),
}


# -- proposed values, all of which may be changed before it is opened ---------------------------------------


def propose(
    pilot: Pilot, target: Target | None, milestone: Milestone | None, as_of: date
) -> tuple[dict[str, object], dict[str, object]]:
    """Return what a follow-up of this light is proposed to say, in both languages, by field of the model; and the light
    that is the cause, with its reason and the office that is responsible for it.
    """
    cause = Cause.INDICATOR if target else Cause.MILESTONE if milestone else Cause.PILOT
    follow_up = FollowUp(pilot=pilot, cause=cause, cause_target=target, cause_milestone=milestone)
    status = pilot_status(pilot, as_of)
    # The agency on record that the milestone names, else that of the pilot's newest follow-up.
    owner = milestone.owner if milestone else ""
    named = Agency.objects.filter(Q(name_zh=owner) | Q(name_en=owner)).first() if owner else None
    newest = pilot.follow_ups.order_by("-opened_on", "-pk").select_related("owner_agency").first()
    values: dict[str, object] = {
        "cause": cause,
        "cause_target": target and target.pk,
        "cause_milestone": milestone and milestone.pk,
        "opened_on": as_of,
        "due_on": as_of + timedelta(DAYS_TO_ACT),
        "owner_agency": named or (newest.owner_agency if newest else None),
    }
    for language, suffix in (("en", "en"), ("zh-hans", "zh")):
        with override(language):
            title = _("%(pilot)s: clear the red light") % {"pilot": pilot.name}
            if target:
                text = _("%(pilot)s: bring “%(item)s” back on schedule")
                title = text % {"pilot": pilot.name, "item": target.indicator.name}
            elif milestone:
                title = _("%(pilot)s: complete “%(item)s”") % {"pilot": pilot.name, "item": milestone.name}
            values[f"title_{suffix}"] = title
            values[f"task_{suffix}"] = _(
                "%(reason)s. Find the cause, name the measures and the day from which they work, and carry them out. "
                "It is done when the light is no longer red."
            ) % {"reason": cause_on(follow_up, status)[1].rstrip(".。")}
    colour, reason = cause_on(follow_up, status)
    return values, {"colour": colour, "reason": reason, "office": owner or responsible_office(pilot)}
