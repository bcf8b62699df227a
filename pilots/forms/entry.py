"""Forms of the day: what an officer enters beside a record. Each writes by the door that admin, API and import use too,
so that the rules are the models', and shows at its fields what they refuse.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms.utils import ErrorDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin.record_form import VERSION_FIELD, FlexibleDateField, RecordForm, conflict_text
from core.days import today
from core.history.recording import MAX_REASON, REASON_HELP
from core.http import parse_key
from core.records import writing
from core.records.models import check_not_ahead
from core.text import check_text, format_amount, format_change, normalize_code
from pilots.documents import attach, build_record_files, can_attach, store_document
from pilots.forms.base import RecordErrorsMixin, date_input, page_field, page_number_field, text_area, upload_field
from pilots.lights import target_light
from pilots.models import (
    Indicator,
    LightOverride,
    Milestone,
    Pilot,
    Reading,
    ReadingLedger,
    ReadingState,
    Replan,
    StageEntry,
    Target,
    ValueStatus,
)
from pilots.models.indicator import format_exact
from pilots.models.reading import (
    ACCEPT_PERMISSION,
    CONFLICT_CODE,
    Comparison,
    ReadingKey,
    comparisons,
    is_yearly,
    judge_readings,
    jump_text,
    jumps,
    newest_accepted,
    newest_accepted_in,
)
from pilots.replans import decide_replan, is_entered_today, save_replan, settle_planned_day

AMOUNT_PATTERN = re.compile(r"-?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?", re.ASCII)


class AmountField(forms.DecimalField):
    """Decimal field: accepts 12345.6 and 12,345.6, full-width digits too; rejects ambiguous commas."""

    widget = forms.TextInput
    default_error_messages = {
        "invalid": gettext_lazy("This is not a number. Write 12345.6 or 12,345.6, without a unit.")
    }

    def to_python(self, value: Any) -> Any:
        """Parse the number. Raises ValidationError for commas other than thousands separators: 12,5 may be 12.5
        or 125."""
        if value is None or isinstance(value, Decimal):
            return value
        text = normalize_code(str(value))
        if text and not AMOUNT_PATTERN.fullmatch(text):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(text.replace(",", ""))

    def prepare_value(self, value: object) -> Any:
        """Return the stored value without trailing zeros."""
        return f"{value.normalize():f}" if isinstance(value, Decimal) else value

    def widget_attrs(self, widget: forms.Widget) -> dict[str, object]:
        return {**super().widget_attrs(widget), "inputmode": "decimal", "autocomplete": "off", "class": "amount"}


# -- what the forms have in common -------------------------------------------------------------------------


class EvidenceForm(RecordErrorsMixin, forms.Form):
    """Form with a file that is attached to what is entered, for users who may attach one."""

    FORM_FIELDS: ClassVar[Mapping[str, str]] = {"document": "file"}

    user: Any = None
    file = upload_field(gettext_lazy("File"))

    def offer_file(self, record: Any) -> None:
        """Leave the fields of the file out for a user who may not attach one to the record."""
        if not (self.user.has_perm("pilots.add_document") and can_attach(self.user, record)):
            for name in self.fields.keys() & {"file", "page_number", "quote"}:
                del self.fields[name]

    def enter(self) -> bool:
        """Write what was entered, all or nothing; False with the errors in the form."""
        if not self.is_valid():
            return False
        try:
            with transaction.atomic():
                self.write()
        except (ValidationError, writing.Conflict) as exc:
            self.add_error(None, exc if isinstance(exc, ValidationError) else ValidationError(exc.messages))
        else:
            return True
        return False

    def write(self) -> None:
        """Write it. Raises ValidationError by field, and Conflict."""
        raise NotImplementedError

    def attach_to(self, *records: Any) -> bool:
        """Attach the file to the records; return whether there is one."""
        values = self.cleaned_data
        if not values.get("file"):
            return False
        where = {name: values[name] for name in ("page_number", "quote") if name in values}
        try:
            document = store_document(values["file"], by=self.user)[0]
            for record in records:
                attach(document, record, by=self.user, held=True, **where)
        except ValidationError as exc:
            if not hasattr(exc, "error_dict"):
                raise ValidationError({"file": exc.messages}) from exc
            raise
        return True


class EntryForm(EvidenceForm, RecordForm):
    """Form of one record. `beside` are the histories of the records that a new one stands beside: where another user
    wrote one since the form was opened, it is refused once, and the user told.
    """

    def __init__(self, *args: Any, user: Any, beside: Any = None, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)
        if beside is None:
            return
        self.latest = beside.order_by("-history_id").first()
        opened = self.initial[VERSION_FIELD] = str(self.latest.pk) if self.latest else ""
        if self.is_bound and self.latest and self.data.get(VERSION_FIELD, "") != opened:
            self.data = self.data.copy()
            self.data[VERSION_FIELD] = opened
            self.conflicts = [(None, conflict_text(self.latest))]


class MilestoneDoneForm(EntryForm):
    """The completion of a milestone."""

    field_order = ("completed_on", "evidence", "file", "page_number", "quote", "change_reason")

    page_number = page_number_field(label=gettext_lazy("Page of the file"))
    quote = text_area(
        gettext_lazy("Quote"), gettext_lazy("The words that show it."), max_length=500, validators=[check_text]
    )
    change_reason = text_area(gettext_lazy("Remark"), REASON_HELP, max_length=MAX_REASON, validators=[check_text])

    class Meta:
        model = Milestone
        fields = ("completed_on", "evidence")
        formfield_callback = page_field
        help_texts: ClassVar[Mapping[str, Any]] = {"completed_on": gettext_lazy("The day on which it was done.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["completed_on"].required = not self.initial["completed_on"]
        self.offer_file(self.instance)

    def write(self) -> None:
        values = {name: self.cleaned_data[name] for name in self._meta.fields or ()}
        written = writing.write(self.instance, values, by=self.user, reason=self.cleaned_data["change_reason"])
        if not (self.attach_to(self.instance) or written):
            raise ValidationError(_("Nothing was changed, so nothing was saved and the history has no new entry."))


class ReplanForm(EntryForm):
    """Another planned day of a milestone or stage: asked for, decided at once by the ministry, or, where the day is not
    fixed, changed.
    """

    NEEDED = ("reason_zh", "reason_en")
    field_order = ("day", "reason_zh", "reason_en", "file")
    change_reason = None  # type: ignore[assignment]  # a field of the parent that this form leaves out

    class Meta:
        model = Replan
        fields = ("day", "reason_zh", "reason_en")
        formfield_callback = page_field
        widgets: ClassVar[Mapping[str, Any]] = dict.fromkeys(
            ("reason_zh", "reason_en"), forms.Textarea(attrs={"rows": 3})
        )
        help_texts: ClassVar[Mapping[str, Any]] = {
            "reason_zh": gettext_lazy("It is shown beside the light on the page of the pilot. One language is enough."),
            "reason_en": gettext_lazy("Where one is empty, readers of its language see the other."),
        }

    def __init__(self, *args: Any, item: Milestone | StageEntry, **kwargs: Any) -> None:
        self.item = item
        replan = Replan(pilot_id=item.pilot_id, **{item.REPLAN_FIELD: item})
        asked = item.has_fixed_day and not is_entered_today(item)
        moves = Replan.history.filter(**{f"{item.REPLAN_FIELD}_id": item.pk}) if asked else item.history.all()
        super().__init__(*args, instance=replan, beside=moves, **kwargs)
        self.offer_file(item)

    def clean_day(self) -> date:
        day: date = self.cleaned_data["day"]
        if day == self.item.planned_by(today()):
            raise ValidationError(_("It is planned for this day already."), code="same")
        return day

    def write(self) -> None:
        wanted, reason = self.item.drafted({"planned_on": self.cleaned_data["day"]}), self.instance.reason
        first_day, asked = settle_planned_day(wanted, self.item, by=self.user, reason=reason)
        if asked:
            save_replan(self.instance, by=self.user)
        else:
            writing.write(self.item, {"planned_on": first_day}, by=self.user, reason=reason)
        self.attach_to(self.item)


class ReplanAnswerForm(EntryForm):
    """The ministry's answer to a request for another planned day."""

    NEEDED = ("remark",)
    field_order = ("accepted", "remark")
    change_reason = file = None  # type: ignore[assignment]  # as above

    accepted = forms.TypedChoiceField(
        label=gettext_lazy("Decision"),
        choices=(("yes", gettext_lazy("Accept the day")), ("no", gettext_lazy("Refuse it"))),
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
    )

    class Meta:
        model = Replan
        fields = ("accepted", "remark")
        widgets: ClassVar[Mapping[str, Any]] = {"remark": forms.Textarea(attrs={"rows": 3})}
        help_texts: ClassVar[Mapping[str, Any]] = {
            "remark": gettext_lazy("Needed to refuse it: it is shown beside the light.")
        }

    def write(self) -> None:
        decision = {name: self.cleaned_data[name] for name in ("accepted", "remark")}
        decide_replan(self.instance, by=self.user, **decision)


class StageEnteredForm(EntryForm):
    """The entry of a pilot into a stage; it answers the planned entry into that stage, if there is one."""

    NEEDED = ("reason_zh", "reason_en")
    field_order = ("stage", "entered_on", "evidence", "file", "reason_zh", "reason_en")
    change_reason = None  # type: ignore[assignment]  # as above

    class Meta:
        model = StageEntry
        fields = ("stage", "entered_on", "evidence", "reason_zh", "reason_en")
        formfield_callback = page_field
        help_texts: ClassVar[Mapping[str, Any]] = {
            "entered_on": gettext_lazy("Day on which it happened."),
            "reason_zh": StageEntry._meta.get_field("reason_en").help_text,
            "reason_en": gettext_lazy("Where one is empty, readers of its language see the other."),
        }

    def __init__(self, *args: Any, pilot: Pilot, **kwargs: Any) -> None:
        beside = StageEntry.history.filter(pilot_id=pilot.pk)
        super().__init__(*args, instance=StageEntry(pilot=pilot), beside=beside, **kwargs)
        self.fields["entered_on"].required = True
        self.offer_file(self.instance)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        planned = self.instance.pilot.stages.filter(stage=cleaned.get("stage"), entered_on__isnull=True).first()
        self.instance = planned or self.instance
        self.instance.skip_order_check = "stage" not in cleaned
        return cleaned

    def write(self) -> None:
        values = {name: self.cleaned_data[name] for name in self._meta.fields or () if self.cleaned_data[name]}
        writing.write(self.instance, values, by=self.user)
        self.attach_to(self.instance)


class LightForm(EntryForm):
    """The light of a pilot, set by hand until a day."""

    field_order = ("colour", "reason", "expires_on")
    change_reason = file = None  # type: ignore[assignment]  # as above

    class Meta:
        model = LightOverride
        fields = ("colour", "reason", "expires_on")
        formfield_callback = page_field
        widgets: ClassVar[Mapping[str, Any]] = {
            "colour": forms.RadioSelect,
            "reason": forms.Textarea(attrs={"rows": 3}),
        }

    def __init__(self, *args: Any, pilot: Pilot, user: Any, **kwargs: Any) -> None:
        light = LightOverride(pilot=pilot, author=user, set_on=today())
        beside = LightOverride.history.filter(pilot_id=pilot.pk)
        super().__init__(*args, instance=light, beside=beside, user=user, **kwargs)
        field: Any = self.fields["colour"]
        field.choices = [choice for choice in field.choices if choice[0]]

    def write(self) -> None:
        writing.write(self.instance, by=self.user, reason=self.cleaned_data["reason"])


# -- the readings of a period ------------------------------------------------------------------------------


class ReadingRow(forms.Form):
    """The value of one indicator; an empty one changes nothing. `newest` is what is on record for the period, `before`
    the accepted value that it is compared with, `target` the pilot's, and `due` what it asks for by the year.
    """

    value = AmountField(label=gettext_lazy("Value"), required=False, max_digits=20, decimal_places=6)
    note = forms.CharField(
        label=gettext_lazy("Remark"),
        required=False,
        max_length=500,
        validators=[check_text],
        widget=forms.TextInput(attrs={"placeholder": " "}),
    )
    known = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any, indicator: Indicator, period: str, *, newest: Any, before: Any, target: Any) -> None:
        self.indicator, self.period, self.newest, self.before, self.target = indicator, period, newest, before, target
        rated = target is not None and target.is_measured and is_yearly(period)
        due = target_light(target, None, int(period)).expected if rated else None
        self.due = format_amount(due) if due is not None else ""
        self.base = format_exact(target.base_value) if target is not None and target.base_value is not None else ""
        initial = {"known": self.newest.pk if self.newest else ""}
        super().__init__(data, prefix=f"r{indicator.pk}", initial=initial, label_suffix="")
        self.fields["value"].widget.attrs["placeholder"] = " "  # by which the style sheet knows an empty one
        invalid = _("This is not a number. Write 12345.6 or 12,345.6; the unit is %(unit)s.")
        self.fields["value"].error_messages["invalid"] = invalid % {"unit": indicator.unit_text}


class ReadingsForm(EvidenceForm):
    """The values of a pilot for one period, with a row for each indicator."""

    field_order = ("reported_on", "value_status", "accept", "file", "change_reason")

    reported_on = FlexibleDateField(
        label=gettext_lazy("Reported on"),
        validators=[check_not_ahead],
        widget=date_input(),
        help_text=gettext_lazy("Day on which the pilot handed these values in."),
    )
    value_status = forms.ChoiceField(
        label=gettext_lazy("Value status"),
        choices=ValueStatus.choices,
        initial=ValueStatus.PRELIMINARY,
        help_text=gettext_lazy("How final the report itself calls the value."),
    )
    accept = forms.BooleanField(
        label=gettext_lazy("Accept them at once"),
        required=False,
        help_text=gettext_lazy("They feed the numbers from today on. Otherwise they wait as reported."),
    )
    change_reason = forms.CharField(
        label=gettext_lazy("Reason for change"),
        max_length=MAX_REASON,
        required=False,
        help_text=REASON_HELP,
    )

    def __init__(
        self, data: Any, files: Any, *, user: Any, pilot: Pilot, period: str, indicators: Sequence[Indicator]
    ) -> None:
        self.user, self.pilot, self.recorded = user, pilot, 0
        super().__init__(data, files, initial={"reported_on": today()})
        if not user.has_perm(ACCEPT_PERMISSION, pilot):
            del self.fields["accept"]
        self.offer_file(Reading(pilot=pilot))
        newest, targets = ReadingLedger(pilot).newest, {item.indicator_id: item for item in pilot.targets.all()}
        known = {item.key: item.value for item in newest_accepted_in(pilot.readings.all(), today())}
        self.rows = [
            ReadingRow(
                data,
                item,
                period,
                newest=newest.get((item.pk, period)),
                before=next(iter(comparisons(Reading(indicator=item, period=period), known)), None),
                target=targets.get(item.pk),
            )
            for item in indicators
        ]

    def is_valid(self) -> bool:
        return all([super().is_valid(), *(row.is_valid() for row in self.rows)])

    def enter(self) -> bool:
        """Record the values; where one cannot be read, what is wrong with the others is said as well."""
        if self.is_valid():
            return super().enter() and not any(row.errors for row in self.rows)
        typed, ledger = self.typed([row for row in self.rows if row.is_valid()]), ReadingLedger(self.pilot)
        fresh, seen = [reading for reading in typed.values() if ledger.differs(reading)], seen_versions(typed)
        checked = {reading.key: ledger.check(reading, seen[reading.key], typed.values()) for reading in fresh}
        errors = {key: fault for key, fault in checked.items() if fault}
        self.show_faults(typed, errors)
        return False

    def write(self) -> None:
        """Record the values. Typed values stay; errors that may be overruled pass on the next submit."""
        typed, reason = self.typed(self.rows), self.cleaned_data["change_reason"]
        if not typed:
            raise ValidationError(_("No value was entered yet."), code="empty")
        writing.check_scope(self.user, writing.ADD, Reading(pilot=self.pilot))
        ledger, seen, errors = ReadingLedger(self.pilot, lock=True), seen_versions(typed), {}
        fresh = [reading for reading in typed.values() if ledger.differs(reading)]
        with writing.many():
            for reading in fresh:
                try:
                    ledger.record(reading, seen[reading.key], beside=typed.values(), by=self.user, reason=reason)
                except ValidationError as exc:
                    fault = exc if getattr(exc, "code", None) else ValidationError(exc.messages, code="invalid")
                    errors[reading.key] = fault
        if errors:
            self.show_faults(typed, errors)
            transaction.set_rollback(True)
            return
        self.recorded = len(fresh)
        self.attach_to(*fresh)

    def show_faults(self, typed: Mapping[ReadingRow, Reading], errors: Mapping[Any, ValidationError]) -> None:
        """Add errors by indicator and period to their rows; what others entered meanwhile is known from then on."""
        ledger = ReadingLedger(self.pilot)
        for row, reading in typed.items():
            fault = errors.get(reading.key)
            if fault and fault.code == CONFLICT_CODE:
                row.newest = ledger.newest[reading.key]
                row.data = {**row.data.dict(), row.add_prefix("known"): str(row.newest.pk)}  # type: ignore[attr-defined]
            if fault:
                row.add_error("value", fault)

    def typed(self, rows: Sequence[ReadingRow]) -> dict[ReadingRow, Reading]:
        """Return the unsaved readings of the rows that have a value."""
        return {row: self.reading(row) for row in rows if row.cleaned_data["value"] is not None}

    def reading(self, row: ReadingRow) -> Reading:
        """Return the unsaved reading of a row; a field with an error of its own is left empty."""
        values = self.cleaned_data
        accept = values.get("accept", False)
        return Reading(
            pilot=self.pilot,
            indicator=row.indicator,
            period=row.period,
            value=row.cleaned_data["value"],
            value_status=values.get("value_status"),
            note=row.cleaned_data["note"],  # type: ignore[misc]  # a property: the note of its language
            reported_on=values.get("reported_on"),
            state=ReadingState.ACCEPTED if accept else ReadingState.REPORTED,
            accepted_on=today() if accept else None,
        )

    def redisplay_typed(self) -> None:
        """Show the typed values again without validating them."""
        forms_shown: list[Any] = [self, *self.rows]
        for form in forms_shown:
            form._errors, form.cleaned_data = ErrorDict(), {}  # noqa: SLF001  # as Django does for an unbound form

    @property
    def faults(self) -> int:
        """The number of fields with errors."""
        return len(self.errors) + sum(len(row.errors) for row in self.rows)

    @property
    def entered(self) -> int:
        """The number of values on record for the period."""
        return sum(row.newest is not None and row.newest.state != ReadingState.DISPUTED for row in self.rows)


def seen_versions(typed: Mapping[ReadingRow, Reading]) -> dict[ReadingKey, int | None]:
    """Return the newest version that the editor saw of each value."""
    return {reading.key: parse_key(row.cleaned_data["known"]) for row, reading in typed.items()}


class BoxesWidget(forms.CheckboxSelectMultiple):
    """Boxes, of which one may have many keys, joined by commas."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return [key for text in super().value_from_datadict(data, files, name) or () for key in text.split(",")]


class JudgedValue(NamedTuple):
    """A value with its box, what was last accepted, the change from it, in what it jumps, and its files."""

    box: Any
    reading: Reading
    before: Comparison | None
    change: str
    jumps: list[str]
    files: dict[str, Any]


class JudgeForm(EvidenceForm):
    """Accepting and disputing readings."""

    NEEDED = ("change_reason",)
    field_order = ("readings", "verdict", "change_reason")
    file = None  # type: ignore[assignment]  # a field of the parent that this form leaves out

    readings = forms.ModelMultipleChoiceField(Reading.objects.none(), label=gettext_lazy("Values"), widget=BoxesWidget)
    verdict = forms.ChoiceField(
        label=gettext_lazy("Decision"),
        choices=(
            (ReadingState.ACCEPTED.value, gettext_lazy("Accept them")),
            (ReadingState.DISPUTED.value, gettext_lazy("Mark them as disputed")),
        ),
        widget=forms.RadioSelect,
    )
    change_reason = text_area(
        gettext_lazy("Reason"),
        gettext_lazy(
            "Needed to dispute them: it is what the pilot has to answer, for example “Does not match the statistical "
            "yearbook”. Everybody who sees the value reads it: name no people and no telephone numbers."
        ),
        max_length=MAX_REASON,
    )

    def __init__(self, *args: Any, user: Any, rows: Any, **kwargs: Any) -> None:
        self.user, self.judged = user, 0
        super().__init__(*args, **kwargs)
        self.fields["readings"].queryset = rows  # type: ignore[attr-defined]

    @cached_property
    def values(self) -> list[JudgedValue]:
        """The values, those that jump first. They are compared with accepted ones alone: others may be wrong too."""
        boxes = list(self["readings"])
        readings = [box.data["value"].instance for box in boxes]
        same = {
            "pilot__in": {item.pilot_id for item in readings},
            "indicator__in": {item.indicator_id for item in readings},
        }
        known: dict[int, dict[ReadingKey, Decimal]] = defaultdict(dict)
        for target in Target.objects.filter(**same, base_year__isnull=False):
            if target.base_value is not None:
                known[target.pilot_id][target.indicator_id, str(target.base_year)] = target.base_value
        accepted = newest_accepted(today(), Reading.objects.filter(**same))
        for item in accepted.exclude(pk__in=[reading.pk for reading in readings]):
            known[item.pilot_id][item.key] = item.value
        rows = []
        for box, item, files in zip(boxes, readings, build_record_files(readings, self.user, today()), strict=True):
            values = known[item.pilot_id]
            own = [Comparison(item.period, values[item.key])] if item.key in values else []  # of the version before
            before = next(iter([*own, *comparisons(item, values)]), None)
            change = format_change((item.value - before.value) / before.value) if before and before.value else ""
            texts = [jump_text(item.value, *jump) for jump in jumps(item, values)]
            rows.append(JudgedValue(box, item, before, "" if before and before.whole else change, texts, files))
        return sorted(rows, key=lambda row: not row.jumps)

    @property
    def plain(self) -> list[int]:
        """The keys of the values that do not jump from an accepted one; from 0 nobody can say."""
        return [row.reading.pk for row in self.values if row.before and row.before.value and not row.jumps]

    def write(self) -> None:
        values = self.cleaned_data
        verdict, reason = ReadingState(values["verdict"]), values["change_reason"]
        self.judged = judge_readings(values["readings"], verdict, by=self.user, reason=reason)
