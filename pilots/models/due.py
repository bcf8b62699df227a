"""Models of what is due when, of what is handed in and how it is judged, and of reasons why there is no value."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.days import today
from core.records.models import FieldNames, HistoryModel, YearField, check_not_ahead, link_field
from core.records.writing import NOT_YOURS
from core.text import check_text, format_date
from pilots.lights import Records, due_day
from pilots.models.indicator import Indicator
from pilots.models.pilot import Batch, Pilot

KEPT = _("A decision stays as it was made. Enter another one: it holds from its own day on.")


def usual_due(year: int, month_day: str) -> date:
    """Return the day by which values of a year are due where nothing else was decided."""
    return date.fromisoformat(f"{year + 1}-{month_day}")


def due_records(pilot: Pilot, *indicators: Indicator) -> Records:
    """Return the pilot's rows by which `lights.due_day` tells what of the indicators is due when."""
    deadlines = Deadline.objects.filter(Q(pilot=pilot) | Q(batch=pilot.batch_id)).order_by("decided_on", "pk")
    due_of = {item.pk: item.report_due for item in indicators if item.report_due}
    return Records(pilot, deadlines=list(deadlines), due_of=due_of)


class Deadline(HistoryModel):
    """The ministry's decision that the values of a year are due on another day, or not asked for."""

    batch = link_field(Batch, _("batch"), "deadlines", _("For all its pilots; or name one pilot."), optional=True)
    pilot = link_field(Pilot, _("pilot"), "deadlines", _("For it alone; or name a batch."), optional=True)
    year = YearField(_("year"), help_text=_("The year of the values, for example 2025."))
    indicator = link_field(Indicator, _("indicator"), "deadlines", _("Empty: for all of them."), optional=True)
    due_on = models.DateField(
        _("due on"), null=True, blank=True, help_text=_("Not before today. Empty: the values are not asked for.")
    )
    reason = models.CharField(
        _("reason"), max_length=300, validators=[check_text], help_text=_("Shown where the day is shown.")
    )
    decided_by = link_field(settings.AUTH_USER_MODEL, _("decided by"), "+", optional=True, editable=False)
    decided_on = models.DateField(_("decided on"), default=today, editable=False, validators=[check_not_ahead])

    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {"one_subject": ("batch",), "not_before_decision": ("due_on",)}
    FIXED_FIELDS: ClassVar[Mapping[str, Any]] = dict.fromkeys(
        ("batch", "pilot", "year", "indicator", "due_on", "reason"), KEPT
    )
    NEVER_DELETED = KEPT

    class Meta:
        verbose_name = _("deadline")
        verbose_name_plural = _("deadlines")
        ordering = ["decided_on", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(batch__isnull=False, pilot__isnull=True) | Q(batch__isnull=True, pilot__isnull=False),
                name="deadline_one_subject",
                violation_error_message=_("Name a batch or a pilot, and not both."),
            ),
            models.CheckConstraint(
                condition=Q(due_on__isnull=True) | Q(due_on__gte=F("decided_on")),
                name="deadline_not_before_decision",
                violation_error_message=_("A deadline does not lie before the day of the decision."),
            ),
            models.CheckConstraint(
                condition=~Q(reason=""), name="deadline_has_reason", violation_error_message=_("Say why.")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.batch or self.pilot} {self.year}: {self.due_on or _('not asked for')}"

    def settle(self, stored: Any, by: Any) -> None:
        if stored is None and by is not None:
            self.decided_by, self.decided_on = by, today()

    def clean(self) -> None:
        super().clean()
        if self.due_on and self.year and self.due_on.year <= self.year:
            raise ValidationError({"due_on": _("Values of a year are due after it has ended.")})


# -- handed in -------------------------------------------------------------------------------------------------


ACCEPT_PERMISSION = "pilots.accept_reading"
ANSWER_DAYS = timedelta(30)


class ReadingState(models.TextChoices):
    """State of what was handed in, as its days say. A disputed one was accepted, and counts until another is."""

    REPORTED = "reported", _("reported")
    ACCEPTED = "accepted", _("accepted")
    RETURNED = "returned", _("returned")
    DISPUTED = "disputed", _("disputed")


def state_on(record: Any, as_of: date) -> ReadingState:
    """Return the state on a day of a value, or of a reason why there is none."""
    days = [(ReadingState.DISPUTED, "disputed_on"), (ReadingState.ACCEPTED, "accepted_on")]
    for state, name in (*days, (ReadingState.RETURNED, "returned_on")):
        day = getattr(record, name, None)
        if day and day <= as_of:
            return state
    return ReadingState.REPORTED


class HandedInModel(HistoryModel):
    """Abstract model of what an office hands in for a year. The ministry accepts it or returns it, and may dispute what
    it has accepted; each on the day on which it says so. Nobody accepts what they handed in.

    The ministry enters old records with the days on which they were accepted: of years for which this installation
    does not ask.
    """

    returned_on = models.DateField(
        _("returned on"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Sent back by the ministry, with a reason."),
    )
    answer_by = models.DateField(
        _("answer by"), null=True, blank=True, help_text=_("Until when what was returned is to be answered.")
    )

    JUDGED: ClassVar[tuple[str, ...]] = ("accepted_on", "returned_on")

    class Meta:
        abstract = True

    @property
    def state(self) -> ReadingState:
        """Its state now."""
        return state_on(self, date.max)

    @property
    def is_old(self) -> bool:
        """Whether it is of a year for which this installation does not ask."""
        record: Any = self
        return record.pilot.asked_from is None or record.year < record.pilot.asked_from

    def newly_judged(self, stored: Any) -> list[str]:
        """Return the days of judgement that differ from the stored ones."""
        return [name for name in self.JUDGED if getattr(self, name) != (getattr(stored, name) if stored else None)]

    def settle(self, stored: Any, by: Any) -> None:
        record: Any = self
        if by is None or record.pilot_id is None:
            return
        errors = {}
        for name in self.newly_judged(stored):
            if error := self.judgement_error(name, stored, by):
                code = "fixed" if by.has_perm(ACCEPT_PERMISSION) else NOT_YOURS
                errors[name] = ValidationError(error, code=code)
        returned = self.returned_on and not (stored and stored.returned_on)
        if returned and self.answer_by is None:
            self.answer_by = today() + ANSWER_DAYS
        if self.answer_by != (stored.answer_by if stored else None):
            if not self.returned_on:
                errors["answer_by"] = ValidationError(_("Only what was returned is to be answered."), code="fixed")
            elif not self.answer_by or self.answer_by < today():
                errors["answer_by"] = ValidationError(_("Choose today or a later day."), code="past")
        if errors:
            raise ValidationError(errors)

    def judgement_error(self, name: str, stored: Any, by: Any) -> Any:
        """Return why this user may not write this day of judgement; empty where nothing is against it."""
        before, accepted = (getattr(stored, name), stored.accepted_on) if stored else (None, None)
        if not by.has_perm(ACCEPT_PERMISSION):
            return _("The ministry accepts, returns and disputes.")
        if before:
            return _("This day stays as it is.")
        if name == "accepted_on" and stored and stored.returned_on:
            return _("It was returned. The next version is accepted in its place.")
        if name == "accepted_on" and self.is_old:
            return ""
        if stored is None or getattr(self, name) != today():
            return _("Set when it is accepted, returned or disputed. Only old records are entered with a day.")
        if name == "accepted_on" and self.pk in handed_in_by([self], by):
            return _("Somebody else accepts what you handed in.")
        if name == "returned_on" and accepted:
            return _("It was accepted. Dispute it instead.")
        if name == "disputed_on" and not accepted:
            return _("Only an accepted value is disputed. Return it instead.")
        return ""

    def missing_reason(self, stored: Any) -> str:
        """What is sent back or disputed needs a reason, and an old day of acceptance."""
        judged = self.newly_judged(stored)
        if "returned_on" in judged or "disputed_on" in judged:
            return gettext("Say what is wrong with it.")
        if "accepted_on" in judged and self.accepted_on != today():  # type: ignore[attr-defined]
            return gettext("Say by which record it was accepted on that day: numbers of past days change by it.")
        return super().missing_reason(stored)

    def deletion_error(self, together: Collection[int] = ()) -> str:
        """What waits is taken back until it is due, and on the day of its entry."""
        record: Any = self
        if record.accepted_on:
            return gettext("It has fed numbers; enter a correction instead.")
        if self.returned_on:
            return gettext("It was returned, and stays on record. Hand in the next one.")
        first = self.history.order_by("history_id").values_list("history_date", flat=True).first()
        if first and timezone.localdate(first) == timezone.localdate():
            return ""
        due = due_day(due_records(record.pilot, record.indicator), record.indicator_id, record.year, today())
        if due is None or due >= today():
            return ""
        text = gettext("It was due on %(day)s, and is taken back no more. Hand in a correction on top.")
        return text % {"day": format_date(due)}


def handed_in_by(records: Iterable[Any], user: Any) -> set[int]:
    """Return the keys of those of the records, all of one model, that the user has handed in: they accept none."""
    keys = {record.pk: type(record) for record in records}
    model: Any = next(iter(keys.values()), NotGiven)
    entries = model.history.filter(id__in=keys, history_type="+", history_user_id=user.pk)
    return set(entries.order_by().values_list("id", flat=True))


class NotGiven(HandedInModel):
    """An office's reason why there is no value of an indicator and year. Its text is for the office, its province and
    the ministry alone.
    """

    pilot = link_field(Pilot, _("pilot"), "not_given", _("The pilot that gives the reason."))
    indicator = link_field(Indicator, _("indicator"), "not_given", _("The indicator without a value."))
    year = YearField(_("year"), help_text=_("The year without a value, for example 2025."))
    text = models.CharField(
        _("reason"), max_length=500, validators=[check_text], help_text=_("Why there is none. It is never published.")
    )
    reported_on = models.DateField(
        _("reported on"), default=today, validators=[check_not_ahead], editable=False, help_text=_("Handed in on.")
    )
    accepted_on = models.DateField(
        _("accepted on"), null=True, blank=True, editable=False, help_text=_("From this day on it is not overdue.")
    )

    FIXED_FIELDS: ClassVar[Mapping[str, Any]] = dict.fromkeys(
        ("pilot", "indicator", "year", "text"), _("It stays as it was handed in. Hand in another one.")
    )
    PROVINCE_PATH = "pilot.province_id"
    OWNER = "pilot"
    RESTRICTED_FIELDS: ClassVar[FieldNames] = {ACCEPT_PERMISSION: ("answer_by",)}
    PERSONAL_FIELDS = ("text",)

    class Meta:
        verbose_name = _("value not given")
        verbose_name_plural = _("values not given")
        ordering = ["pilot", "indicator", "year", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(accepted_on__isnull=True) | Q(returned_on__isnull=True),
                name="notgiven_accepted_or_returned",
                violation_error_message=_("A reason is accepted or returned, not both."),
            ),
            models.CheckConstraint(
                condition=~Q(text=""), name="notgiven_has_text", violation_error_message=_("Say why there is no value.")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.indicator} {self.year}"

    def settle(self, stored: Any, by: Any) -> None:
        super().settle(stored, by)
        if stored is None and by is not None:
            self.reported_on = today()

    def clean(self) -> None:
        super().clean()
        if self.year and self.year >= self.reported_on.year:
            raise ValidationError({"year": _("This year has not ended yet.")})
