"""Forms of follow-ups: opening one, opening several from a meeting, and taking a step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Q, QuerySet
from django.forms.models import fields_for_model
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from accounts.models import Role
from core.http.as_of import today
from core.text.bilingual import is_chinese_active
from pilots.analytics.explanations import responsible_office
from pilots.analytics.pilot_status import pilot_status
from pilots.documents.services import store_document
from pilots.follow_ups.analytics import FollowUpStatus
from pilots.follow_ups.metrics import is_unchanged
from pilots.follow_ups.services import allowed_moves, cause_on, open_follow_up, take_step
from pilots.metrics.follow_up_states import TRANSITIONS, Move
from pilots.models import Cause, Document, FollowUp, FollowUpKind, FollowUpStep, Indicator, Milestone, Pilot, Practice
from policies.models import Agency, Policy, Province

SUBJECTS: Mapping[str, Any] = {"pilot": Pilot, "province": Province, "policy": Policy, "practice": Practice}
SUBJECT_LABELS = {
    "pilot": gettext_lazy("Pilots"),
    "province": gettext_lazy("Provinces"),
    "policy": gettext_lazy("Policies"),
    "practice": gettext_lazy("Practices"),
}


def date_input() -> forms.DateInput:
    """Return a date field of the browser, whose value is an ISO date whatever the language."""
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


def add_errors(form: forms.Form, error: ValidationError, renamed: Mapping[str, str] | None = None) -> None:
    """Add the errors of a service to the form: at their field, or above the form where it has no such field."""
    by_field = error.error_dict if hasattr(error, "error_dict") else {"": error.error_list}
    for name, found in by_field.items():
        field = (renamed or {}).get(name, name)
        visible = field in form.fields and not form.fields[field].widget.is_hidden
        form.add_error(field if visible else None, found)


# -- the subject -----------------------------------------------------------------------------------------


class SubjectField(forms.ChoiceField):
    """The record that a follow-up is about, as `pilot:huzhou`; the value is the record."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=subject_choices, label=gettext_lazy("Subject"), **kwargs)

    def clean(self, value: Any) -> Any:
        word = super().clean(value)
        kind, _colon, slug = word.partition(":")
        return SUBJECTS[kind].objects.get(slug=slug) if slug else None


def subject_value(record: Any) -> str:
    """Return the value of the field for a record."""
    return next(f"{kind}:{record.slug}" for kind, model in SUBJECTS.items() if isinstance(record, model))


def subject_choices() -> list[tuple[str, Any]]:
    """Return all pilots, provinces of the roster, policies and practices, by kind."""
    rows: dict[str, Iterable[Any]] = {
        "pilot": Pilot.objects.listed(today()).select_related("batch"),
        "province": Province.objects.roster(),
        "policy": Policy.objects.all(),
        "practice": Practice.objects.all(),
    }
    choices: list[tuple[str, Any]] = [("", gettext_lazy("Choose"))]
    for kind, found in rows.items():
        own = [(f"{kind}:{record.slug}", getattr(record, "label", record.name)) for record in found]
        choices += [(str(SUBJECT_LABELS[kind]), own)] if own else []
    return choices


SUBJECT_ERRORS = dict.fromkeys(SUBJECTS, "subject")


def set_subject(follow_up: FollowUp, record: Any) -> None:
    """Make a follow-up be about this record, and about no other."""
    for kind, model in SUBJECTS.items():
        setattr(follow_up, kind, record if isinstance(record, model) else None)
    if isinstance(record, Pilot):
        follow_up.province = record.province


class UserField(forms.ModelChoiceField):
    """An account, by the name of the person."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.get_full_name() or obj.get_username())


def editors() -> QuerySet[User]:
    """Return the active accounts that can act on follow-ups."""
    return get_user_model().objects.filter(is_active=True, is_staff=True).order_by("username")


# -- opening one -----------------------------------------------------------------------------------------


LONG_FIELD = 60  # characters of a field that takes a whole row
CAUSE_FIELDS = ("cause", "cause_indicator", "cause_milestone")
MODEL_FIELDS = (
    *("kind", "title_zh", "title_en", "task_zh", "task_en", "owner_agency", "owner_person", "opened_on", "due_on"),
    *("is_key", "meeting", "owner_user", "verifier", *CAUSE_FIELDS),
)


class FollowUpForm(forms.Form):
    """A new follow-up. The light that caused it comes hidden, from the link beside that light."""

    subject = SubjectField(help_text=gettext_lazy("The pilot, province, policy or practice that it is about."))

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self.user = user
        widgets = {
            **dict.fromkeys(CAUSE_FIELDS, forms.HiddenInput),
            **{name: forms.Textarea(attrs={"rows": 4}) for name in ("task_zh", "task_en")},
            **{name: date_input() for name in ("opened_on", "due_on")},
        }
        national = Q(officer__role__in=[Role.NATIONAL_EDITOR, Role.ADMIN])
        people = {"owner_user": editors(), "verifier": editors().filter(Q(is_superuser=True) | national)}
        classes = dict.fromkeys(people, UserField)
        self.fields.update(
            fields_for_model(FollowUp, fields=MODEL_FIELDS, widgets=widgets, field_classes=classes)  # type: ignore[arg-type]
        )
        for name in ("title_zh", "title_en"):
            self.fields[name].help_text = _("What is assigned, in a few words. One language is enough.")
            self.fields[name].widget.attrs["size"] = LONG_FIELD
        for name, accounts in people.items():
            field: Any = self.fields[name]
            field.queryset = accounts

    def open(self) -> FollowUp | None:
        """Return the opened follow-up; None with the errors in the form."""
        if not self.is_valid():
            return None
        subject = self.cleaned_data["subject"]
        if self.cleaned_data["cause"] and not isinstance(subject, Pilot):
            text = _("The cause is the light of a pilot. Choose that pilot, or open a follow-up without a cause.")
            self.add_error("subject", text)
            return None
        values = {name: value for name, value in self.cleaned_data.items() if name != "subject"}
        follow_up = FollowUp(**values)
        set_subject(follow_up, subject)
        try:
            return open_follow_up(follow_up, by=self.user)
        except ValidationError as error:
            add_errors(self, error, SUBJECT_ERRORS)
            return None


# -- several from a meeting ------------------------------------------------------------------------------


class MeetingForm(forms.Form):
    """What the follow-ups of a meeting share."""

    meeting = forms.CharField(
        label=gettext_lazy("Meeting"),
        max_length=200,
        help_text=gettext_lazy("Its name with its day, for example “Monthly meeting of 26 November 2026”."),
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"), choices=FollowUpKind.choices, initial=FollowUpKind.MEETING.value
    )
    opened_on = forms.DateField(label=gettext_lazy("Day of the meeting"), widget=date_input(), initial=today)
    due_on = forms.DateField(
        label=gettext_lazy("Due on"),
        widget=date_input(),
        help_text=gettext_lazy("For every row without a day of its own."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""


class AssignmentForm(forms.Form):
    """One row of a meeting: what is assigned to whom, written in the language of the page."""

    subject = SubjectField()
    owner_agency = forms.ModelChoiceField(
        Agency.objects.all(), label=gettext_lazy("Responsible agency"), empty_label=gettext_lazy("Choose")
    )
    title = forms.CharField(
        label=gettext_lazy("Title"), max_length=300, widget=forms.TextInput(attrs={"size": LONG_FIELD})
    )
    task = forms.CharField(
        label=gettext_lazy("Task"), max_length=5000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    due_on = forms.DateField(label=gettext_lazy("Due on"), required=False, widget=date_input())
    is_key = forms.BooleanField(label=gettext_lazy("Key follow-up"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""

    def follow_up(self, shared: Mapping[str, Any]) -> FollowUp:
        """Return the unsaved follow-up of the row."""
        data = self.cleaned_data
        language = "zh" if is_chinese_active() else "en"
        item = FollowUp(
            **{f"title_{language}": data["title"], f"task_{language}": data["task"]},
            kind=shared["kind"],
            meeting=shared["meeting"],
            opened_on=shared["opened_on"],
            due_on=data["due_on"] or shared["due_on"],
            owner_agency=data["owner_agency"],
            is_key=data["is_key"],
        )
        set_subject(item, data["subject"])
        return item


ROW_ERRORS = {**SUBJECT_ERRORS, "title_zh": "title", "title_en": "title", "task_zh": "task", "task_en": "task"}
MAX_ROWS = 50
AssignmentFormSet = forms.formset_factory(AssignmentForm, extra=3, max_num=MAX_ROWS, absolute_max=MAX_ROWS)


# -- a step ----------------------------------------------------------------------------------------------


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of uploaded files, as a list."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        given = data if isinstance(data, list | tuple) else [data]
        return [super(FilesField, self).clean(item, initial) for item in given if item]


class StepForm(forms.Form):
    """The next step of a follow-up: one of the moves that this user may make now."""

    move = forms.ChoiceField(
        label=gettext_lazy("Step"),
        widget=forms.RadioSelect,
        error_messages={
            "invalid_choice": gettext_lazy("Not possible now, or not for you: choose one of the steps above.")
        },
    )
    remark = forms.CharField(
        label=gettext_lazy("Remark"), required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 4})
    )
    new_due_on = forms.DateField(label=gettext_lazy("New due date"), required=False, widget=date_input())
    taken_on = forms.DateField(label=gettext_lazy("Day of the step"), widget=date_input())
    uploads = FilesField(label=gettext_lazy("Files"), required=False)
    seen_seq = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(
        self,
        data: Any = None,
        files: Any = None,
        *,
        status: FollowUpStatus,
        user: User,
        typed: Mapping[str, Any] | None = None,
    ) -> None:
        moves = allowed_moves(status, user)
        first = {"move": moves[0].value if moves else "", "taken_on": today()}
        super().__init__(data, files, initial={**first, **(typed or {}), "seen_seq": status.newest.seq})
        self.label_suffix = ""
        self.status, self.user, self.moves = status, user, moves
        field: Any = self.fields["move"]
        field.choices = [(move.value, move_text(status, move)) for move in moves]
        self.fields["new_due_on"].help_text = _("Only to extend, to return or to reopen it.")
        self.fields["taken_on"].help_text = _("Not before the step before it, and not ahead.")
        self.fields["uploads"].help_text = _(
            "PDF, OFD, DOCX, XLSX, CSV, PNG or JPG, up to 20 MB each; several at once."
        )
        if not user.has_perm("pilots.add_document"):
            del self.fields["uploads"]
        if not any(TRANSITIONS[status.state, move].new_due for move in moves):
            del self.fields["new_due_on"]

    def take(self) -> FollowUpStep | None:
        """Return the step taken; None with the errors in the form. Raises StaleFollowUpError and PermissionDenied."""
        if not self.is_valid():
            return None
        data = self.cleaned_data
        try:
            with transaction.atomic():
                return take_step(
                    self.status.follow_up,
                    Move(data["move"]),
                    by=self.user,
                    taken_on=data["taken_on"],
                    remark=data["remark"],
                    new_due_on=data.get("new_due_on"),
                    files=stored_files(data.get("uploads", ()), self.user),
                    seen_seq=data["seen_seq"],
                )
        except ValidationError as error:
            add_errors(self, error, dict.fromkeys(("file", "document", "files"), "uploads"))
            return None


def stored_files(uploads: Sequence[UploadedFile], user: User) -> list[Document]:
    """Return the documents of these files. Raises ValidationError that names the file which may not be kept."""
    return [store_document(upload, title="", by=user).document for upload in uploads]


def move_text(status: FollowUpStatus, move: Move) -> str:
    """Return a move with what it needs, for the choice of it."""
    transition = TRANSITIONS[status.state, move]
    needs = []
    unchanged = is_unchanged(status.follow_up.cause_colour, status.cause_colour_now)
    if transition.note or (move == Move.VERIFY and unchanged):
        needs.append(_("a remark"))
    if transition.new_due:
        needs.append(_("a new due date"))
    if transition.evidence and status.follow_up.is_key:
        needs.append(_("a file"))
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


DAYS_TO_ACT = 30
"""Days from the opening to the proposed due date."""


def propose(
    pilot: Pilot, indicator: Indicator | None, milestone: Milestone | None, as_of: date
) -> tuple[dict[str, object], dict[str, object]]:
    """Return what a follow-up of this light is proposed to say, in both languages, by field of the model; and the light
    that is the cause, with its reason and the office that is responsible for it.

    Raises ValidationError where the pilot has no target for the indicator.
    """
    follow_up = FollowUp(
        pilot=pilot,
        cause=Cause.INDICATOR if indicator else Cause.MILESTONE if milestone else Cause.PILOT,
        cause_indicator=indicator,
        cause_milestone=milestone,
    )
    status = pilot_status(pilot, as_of)
    values: dict[str, object] = {
        "cause": follow_up.cause,
        "cause_indicator": indicator.pk if indicator else None,
        "cause_milestone": milestone.pk if milestone else None,
        "opened_on": as_of,
        "due_on": as_of + timedelta(DAYS_TO_ACT),
        "owner_agency": proposed_agency(pilot, milestone),
    }
    for language, suffix in (("en", "en"), ("zh-hans", "zh")):
        with override(language):
            values[f"title_{suffix}"] = proposed_title(pilot, indicator, milestone)
            values[f"task_{suffix}"] = _(
                "%(reason)s. Find the cause, name the measures and the day from which they work, and carry them out. "
                "It is done when the light is no longer red."
            ) % {"reason": cause_on(follow_up, status)[1].rstrip(".。")}
    colour, reason = cause_on(follow_up, status)
    office = (milestone.owner if milestone else "") or responsible_office(pilot)
    return values, {"colour": colour, "reason": reason, "office": office}


def proposed_title(pilot: Pilot, indicator: Indicator | None, milestone: Milestone | None) -> str:
    if indicator:
        text = _("%(pilot)s: bring “%(item)s” back on schedule")
        return text % {"pilot": pilot.name, "item": indicator.name}
    if milestone:
        return _("%(pilot)s: complete “%(item)s”") % {"pilot": pilot.name, "item": milestone.name}
    return _("%(pilot)s: clear the red light") % {"pilot": pilot.name}


def proposed_agency(pilot: Pilot, milestone: Milestone | None) -> Agency | None:
    """Return the agency on record that is responsible: the one that the milestone names, else that of the pilot's
    newest follow-up; None where neither is known."""
    if milestone and milestone.owner:
        names = Agency.objects.filter(name_zh=milestone.owner) | Agency.objects.filter(name_en=milestone.owner)
        found = names.first()
        if found:
            return found
    newest = FollowUp.objects.filter(pilot=pilot).order_by("-opened_on", "-pk").select_related("owner_agency").first()
    return newest.owner_agency if newest else None
