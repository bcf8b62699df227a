"""Models of what is due when: deadlines that the ministry moves, and reasons why there is no value."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.days import today
from core.records.models import FieldNames, HistoryModel, YearField, check_not_ahead, link_field
from core.text import check_text
from pilots.models.indicator import Indicator
from pilots.models.pilot import Batch, Pilot

KEPT = _("A decision stays as it was made. Enter another one: it holds from its own day on.")


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

    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {"one_subject": ("batch",)}
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


class NotGiven(HistoryModel):
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
    returned_on = models.DateField(
        _("returned on"), null=True, blank=True, editable=False, help_text=_("Sent back by the ministry, with a reason.")
    )
    answer_by = models.DateField(
        _("answer by"), null=True, blank=True, help_text=_("Until when a returned one is to be answered.")
    )

    FIXED_FIELDS: ClassVar[Mapping[str, Any]] = dict.fromkeys(
        ("pilot", "indicator", "year", "text"), _("It stays as it was handed in. Hand in another one.")
    )
    PROVINCE_PATH = "pilot.province_id"
    OWNER = "pilot"
    RESTRICTED_FIELDS: ClassVar[FieldNames] = {"pilots.accept_reading": ("answer_by",)}
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
        if stored is None and by is not None:
            self.reported_on = today()

    def clean(self) -> None:
        super().clean()
        if self.year and self.reported_on and self.year >= self.reported_on.year:
            raise ValidationError({"year": _("This year has not ended yet.")})
