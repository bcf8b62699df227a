"""Forms of the day: what an officer enters beside a record. Each writes by the door that admin, API and import use too,
so that the rules are the models', and shows at its fields what they refuse.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import DecimalField, JSONField
from django.forms.utils import ErrorDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin.record_form import VERSION_FIELD, FlexibleDateField, RecordForm, conflict_text
from core.days import today
from core.history.recording import MAX_REASON, REASON_HELP
from core.http import parse_key
from core.records import writing
from core.records.models import check_not_ahead
from core.spreadsheets.cells import AmbiguousCell
from core.text import check_text, format_amount, format_change, normalize_code
from pilots.amendments import accept_promise, complete, decide_amendment, object_to, save_amendment
from pilots.analytics.pilot_status import pilot_status
from pilots.documents import attach, build_record_files, can_attach, store_document
from pilots.forms.base import RecordErrorsMixin, date_input, page_field, page_number_field, text_area, upload_field
from pilots.importers import split_steps
from pilots.lights import Light
from pilots.models import (
    Amendment,
    Completion,
    Indicator,
    LightOverride,
    Milestone,
    Pilot,
    Reading,
    ReadingLedger,
    ReadingState,
    StageEntry,
    Target,
    ValueStatus,
)
from pilots.models.due import ACCEPT_PERMISSION, ANSWER_DAYS, handed_in_by
from pilots.models.indicator import format_exact, steps_as_stored
from pilots.models.reading import (
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

VERDICTS: Mapping[str, Collection[str]] = {
    ReadingState.REPORTED: (ReadingState.ACCEPTED, ReadingState.RETURNED),
    ReadingState.ACCEPTED: (ReadingState.DISPUTED,),
}
"""What may be decided of a value, by its state."""
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


def format_steps(steps: Mapping[str, str]) -> str:
    """Return values of a target by year, as files write them."""
    return "; ".join(f"{year}: {step}" for year, step in steps.items())


class StepsField(forms.CharField):
    """Values of a target by year, as files write them: 2024: 34.4; 2025: 30."""

    def __init__(self, *, encoder: Any = None, decoder: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, dict):  # as it is stored, of a field that the user may not change
            return value
        amount = AmountField(max_digits=20, decimal_places=6)
        try:
            return steps_as_stored(
                {year: amount.clean(text) for year, text in split_steps(super().to_python(value) or "")}
            )
        except AmbiguousCell as exc:
            raise ValidationError(str(exc.message), code=exc.code) from exc

    def prepare_value(self, value: Any) -> Any:
        return format_steps(value) if isinstance(value, dict) else value

    def run_validators(self, value: Any) -> None:
        """The model has them."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != (initial or {}))
        except ValidationError:
            return True


def amendment_field(field: Any, **options: Any) -> Any:
    """Return the form field of an amendment's: numbers and values by year as they are entered elsewhere."""
    if isinstance(field, DecimalField):
        options["form_class"] = AmountField
    elif isinstance(field, JSONField):
        options["form_class"] = StepsField
    return page_field(field, **options)


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


class CompleteForm(EntryForm):
    """The completion of a milestone, with what shows it."""

    NEEDED = ("evidence",)
    field_order = ("completed_on", "evidence", "file", "page_number", "quote")
    change_reason = None  # type: ignore[assignment]  # a field of the parent that this form leaves out

    page_number = page_number_field(label=gettext_lazy("Page of the file"))
    quote = text_area(
        gettext_lazy("Quote"), gettext_lazy("The words that show it."), max_length=500, validators=[check_text]
    )

    class Meta:
        model = Completion
        fields = ("completed_on", "evidence")
        formfield_callback = page_field

    def __init__(self, *args: Any, milestone: Milestone, **kwargs: Any) -> None:
        beside = Completion.history.filter(milestone_id=milestone.pk)
        new = Completion(pilot=milestone.pilot, milestone=milestone)
        super().__init__(*args, instance=new, beside=beside, **kwargs)
        self.offer_file(milestone)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        self.instance.with_file = bool(cleaned.get("file"))
        return cleaned

    def write(self) -> None:
        values, milestone = self.cleaned_data, self.instance.milestone
        day, evidence, with_file = values["completed_on"], values["evidence"], self.instance.with_file
        complete(milestone, completed_on=day, evidence=evidence, by=self.user, with_file=with_file)
        self.attach_to(milestone)


class ObjectionForm(EntryForm):
    """The ministry's objection to a completion."""

    change_reason = file = None  # type: ignore[assignment]  # as above

    class Meta:
        model = Completion
        fields = ("objection",)
        widgets: ClassVar[Mapping[str, Any]] = {"objection": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["objection"].required = True

    def write(self) -> None:
        object_to(self.instance, objection=self.cleaned_data["objection"], by=self.user)


class AmendmentForm(EntryForm):
    """Another day, value, base or year of what was promised, or dropping it: asked for, or decided at once by the
    ministry. The fields show what is in force, and only what differs from it is amended.
    """

    field_order = ("day", "value", "year", "steps", "base_value", "base_year", "drop", "reason_zh", "reason_en", "file")
    change_reason = None  # type: ignore[assignment]  # as above
    LIMIT_FIELDS, KEEP_FIELDS = ("value", "year"), ("base_value", "base_year", "year")

    class Meta:
        model = Amendment
        fields = ("day", "value", "year", "steps", "base_value", "base_year", "drop", "reason_zh", "reason_en")
        formfield_callback = amendment_field
        labels: ClassVar[Mapping[str, Any]] = {
            "day": gettext_lazy("Planned day"),
            "value": gettext_lazy("Target value"),
            "drop": gettext_lazy("Drop it: from the decision on it is judged no more"),
        }
        widgets: ClassVar[Mapping[str, Any]] = dict.fromkeys(
            ("reason_zh", "reason_en"), forms.Textarea(attrs={"rows": 3})
        )
        help_texts: ClassVar[Mapping[str, Any]] = {
            "day": "",
            "value": gettext_lazy("In the indicator’s unit."),
            "year": gettext_lazy("Year by whose end it is to be reached."),
            "steps": gettext_lazy("Values for years before the target year, for example 2024: 34.4; 2025: 30."),
            "base_value": gettext_lazy("In the indicator’s unit, for example after a census; with its year."),
            "base_year": "",
            "drop": "",
            "reason_zh": gettext_lazy("It is shown beside the light on the page of the pilot. One language is enough."),
            "reason_en": gettext_lazy("Where one is empty, readers of its language see the other."),
        }

    def __init__(self, *args: Any, item: Milestone | Target, user: Any, **kwargs: Any) -> None:
        kind = str(item._meta.model_name)
        self.now: dict[str, Any] = {}
        if isinstance(item, Milestone):
            self.now["day"] = item.planned_by(today())
        else:
            terms, kinds = item.values_on(today()), {"limit": self.LIMIT_FIELDS, "keep": self.KEEP_FIELDS}
            self.now = {name: terms[Target.AMENDED[name]] for name in kinds.get(item.kind, Target.AMENDED)}
        beside = Amendment.history.filter(**{f"{kind}_id": item.pk})
        new = Amendment(pilot_id=item.pilot_id, **{kind: item})
        super().__init__(*args, instance=new, beside=beside, user=user, **kwargs)
        self.initial.update(self.now)
        self.NEEDED = ("reason_zh", "reason_en", *(name for name in self.now if name != "steps"))
        for name in {*Amendment.CHANGES} - self.now.keys():
            del self.fields[name]
        if isinstance(item, Milestone):
            self.offer_file(item)
        else:
            del self.fields["file"]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        drop, typed = cleaned.get("drop"), {name: cleaned[name] for name in self.now if name in cleaned}
        changed = {name for name, value in typed.items() if not drop and (value or None) != (self.now[name] or None)}
        emptied = {name for name in changed if typed[name] is None}
        for name in emptied:
            text = _("Enter another one, or leave what is in force.")
            self.add_error(name, ValidationError(text, code="required"))
        changed -= emptied
        if changed & {"base_value", "base_year"}:
            changed |= {"base_value", "base_year"}
        if changed & {"value", "base_value"} and typed.get("steps"):  # else they would be cleared
            changed.add("steps")
        cleaned |= {name: typed[name] if name in changed else None for name in typed}
        return cleaned

    def write(self) -> None:
        save_amendment(self.instance, by=self.user)
        if "file" in self.fields:
            self.attach_to(self.instance.milestone)


class AmendmentAnswerForm(EntryForm):
    """The ministry's answer to a request for an amendment."""

    NEEDED = ("remark",)
    field_order = ("accepted", "remark")
    change_reason = file = None  # type: ignore[assignment]  # as above

    accepted = forms.TypedChoiceField(
        label=gettext_lazy("Decision"),
        choices=(("yes", gettext_lazy("Accept the request")), ("no", gettext_lazy("Refuse it"))),
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
    )

    class Meta:
        model = Amendment
        fields = ("accepted", "remark")
        widgets: ClassVar[Mapping[str, Any]] = {"remark": forms.Textarea(attrs={"rows": 3})}
        help_texts: ClassVar[Mapping[str, Any]] = {
            "remark": gettext_lazy("Needed to refuse it: it is shown beside the light.")
        }

    def write(self) -> None:
        decide_amendment(
            self.instance, accepted=self.cleaned_data["accepted"], remark=self.cleaned_data["remark"], by=self.user
        )


class PromiseForm(EvidenceForm):
    """The ministry's acceptance of what a province asks to promise."""

    file = None  # type: ignore[assignment]  # as above

    def __init__(self, *args: Any, record: Milestone | Target, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.record, self.user = record, user

    def write(self) -> None:
        accept_promise(self.record, by=self.user)


class StageEnteredForm(EntryForm):
    """The entry of a pilot into a stage."""

    NEEDED = ("result", "reason_zh", "reason_en")
    field_order = ("stage", "entered_on", "result", "evidence", "file", "reason_zh", "reason_en")
    change_reason = None  # type: ignore[assignment]  # as above

    class Meta:
        model = StageEntry
        fields = ("stage", "entered_on", "result", "evidence", "reason_zh", "reason_en")
        formfield_callback = page_field
        help_texts: ClassVar[Mapping[str, Any]] = {
            "reason_zh": StageEntry._meta.get_field("reason_en").help_text,
            "reason_en": gettext_lazy("Where one is empty, readers of its language see the other."),
        }

    def __init__(self, *args: Any, pilot: Pilot, **kwargs: Any) -> None:
        beside = StageEntry.history.filter(pilot_id=pilot.pk)
        super().__init__(*args, instance=StageEntry(pilot=pilot), beside=beside, **kwargs)
        self.offer_file(self.instance)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        self.instance.skip_order_check = "stage" not in cleaned
        return cleaned

    def write(self) -> None:
        writing.write(self.instance, by=self.user)
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
        light = LightOverride(pilot=pilot, author=user)
        beside = LightOverride.history.filter(pilot_id=pilot.pk)
        super().__init__(*args, instance=light, beside=beside, user=user, **kwargs)
        field: Any = self.fields["colour"]
        field.choices = [choice for choice in field.choices if choice[0]]

    def write(self) -> None:
        writing.write(self.instance, by=self.user, reason=self.cleaned_data["reason"])


# -- the readings of a period ------------------------------------------------------------------------------


def judging_lights(pilot: Pilot, year: int) -> dict[int, Light]:
    """Return, by indicator, the light of the target in force that judges the values of a year: that of the next target
    year, else of the last one.
    """
    found: dict[int, Light] = {}
    in_force = [(item.promise, item) for item in pilot_status(pilot, today()).indicators if item.promise]
    for promise, light in sorted(in_force, key=lambda pair: (pair[0].year, not pair[0].binding)):
        held = found.get(light.record.indicator_id)
        if held is None or (held.promise and held.promise.year < min(year, promise.year)):
            found[light.record.indicator_id] = light
    return found


class ReadingRow(forms.Form):
    """The value of one indicator; an empty one changes nothing. `newest` is what is on record for the period, `before`
    the accepted value that it is compared with, `target` the pilot's that judges it, `terms` what it asks for as
    amended by now, and `due` what is due by the year.
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

    def __init__(self, data: Any, indicator: Indicator, period: str, *, newest: Any, before: Any, light: Any) -> None:
        self.indicator, self.period, self.newest, self.before = indicator, period, newest, before
        self.target: Any = light.record if light else None
        self.terms: Any = light.promise if light else None
        due = self.terms.due_in(int(period)) if self.terms and is_yearly(period) else None
        self.due = format_amount(due) if due is not None else ""
        self.base = format_exact(self.terms.base_value) if self.terms and self.terms.base else ""
        self.answers = newest if newest and newest.state in (ReadingState.RETURNED, ReadingState.DISPUTED) else None
        self.said = newest.history.latest().history_change_reason if self.answers else ""
        initial = {"known": self.newest.pk if self.newest else ""}
        super().__init__(data, prefix=f"r{indicator.pk}", initial=initial, label_suffix="")
        self.fields["value"].widget.attrs["placeholder"] = " "  # by which the style sheet knows an empty one
        invalid = _("This is not a number. Write 12345.6 or 12,345.6; the unit is %(unit)s.")
        self.fields["value"].error_messages["invalid"] = invalid % {"unit": indicator.unit_text}


class ReadingsForm(EvidenceForm):
    """The values of a pilot for one period, with a row for each indicator; `lights` are those of the targets that judge
    them.
    """

    field_order = ("reported_on", "value_status", "file", "change_reason")

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
    change_reason = forms.CharField(
        label=gettext_lazy("Reason for change"),
        max_length=MAX_REASON,
        required=False,
        help_text=REASON_HELP,
    )

    def __init__(
        self,
        data: Any,
        files: Any,
        *,
        user: Any,
        pilot: Pilot,
        period: str,
        indicators: Sequence[Indicator],
        lights: Mapping[int, Light],
    ) -> None:
        self.user, self.pilot, self.recorded = user, pilot, 0
        super().__init__(data, files, initial={"reported_on": today()})
        if not (user.has_perm(ACCEPT_PERMISSION) or Reading(pilot=pilot, period=period).is_old):
            del self.fields["reported_on"]  # a province hands in today
        self.offer_file(Reading(pilot=pilot))
        newest = ReadingLedger(pilot).newest
        known = {item.key: item.value for item in newest_accepted_in(pilot.readings.all(), today())}
        self.rows = [
            ReadingRow(
                data,
                item,
                period,
                newest=newest.get((item.pk, period)),
                before=next(iter(comparisons(Reading(indicator=item, period=period), known)), None),
                light=lights.get(item.pk),
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
        return Reading(
            pilot=self.pilot,
            indicator=row.indicator,
            period=row.period,
            value=row.cleaned_data["value"],
            value_status=values.get("value_status"),
            note=row.cleaned_data["note"],  # type: ignore[misc]  # a property: the note of its language
            reported_on=values.get("reported_on") if "reported_on" in self.fields else today(),
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
        """The number of values on record for the period, without those that are to be answered."""
        return sum(row.newest is not None and row.answers is None for row in self.rows)


def seen_versions(typed: Mapping[ReadingRow, Reading]) -> dict[ReadingKey, int | None]:
    """Return the newest version that the editor saw of each value."""
    return {reading.key: parse_key(row.cleaned_data["known"]) for row, reading in typed.items()}


class BoxesWidget(forms.CheckboxSelectMultiple):
    """Boxes, of which one may have many keys, joined by commas."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return [key for text in super().value_from_datadict(data, files, name) or () for key in text.split(",")]


class JudgedValue(NamedTuple):
    """A value with its box, what was last accepted, the change from it, in what it jumps, its files, and whether it
    waits for somebody other than the user, who handed it in.
    """

    box: Any
    reading: Reading
    before: Comparison | None
    change: str
    jumps: list[str]
    files: dict[str, Any]
    is_own: bool


class JudgeForm(EvidenceForm):
    """Accepting or returning values that wait, and disputing accepted ones. `is_open`: one of them can be decided."""

    NEEDED = ("change_reason", "answer_by")
    field_order = ("readings", "verdict", "change_reason", "answer_by")
    file = None  # type: ignore[assignment]  # a field of the parent that this form leaves out

    readings = forms.ModelMultipleChoiceField(Reading.objects.none(), label=gettext_lazy("Values"), widget=BoxesWidget)
    verdict = forms.ChoiceField(
        label=gettext_lazy("Decision"),
        choices=(
            (ReadingState.ACCEPTED.value, gettext_lazy("Accept them")),
            (ReadingState.RETURNED.value, gettext_lazy("Return them to be answered")),
            (ReadingState.DISPUTED.value, gettext_lazy("Dispute them")),
        ),
        widget=forms.RadioSelect,
    )
    change_reason = text_area(
        gettext_lazy("Reason"),
        gettext_lazy(
            "Needed to return or dispute them: it is what the pilot has to answer, for example “Does not match the "
            "statistical yearbook”. Everybody who sees the value reads it: name no people and no telephone numbers."
        ),
        max_length=MAX_REASON,
    )
    answer_by = FlexibleDateField(
        label=gettext_lazy("Answer by"),
        required=False,
        widget=date_input(),
        help_text=gettext_lazy("Of what is returned: until this day a value handed in on time is not overdue."),
    )

    def __init__(self, *args: Any, user: Any, rows: Any, **kwargs: Any) -> None:
        self.user, self.judged = user, 0
        super().__init__(*args, initial={"answer_by": today() + ANSWER_DAYS}, **kwargs)
        fields: Any = self.fields
        fields["readings"].queryset = rows
        possible = {state for reading in rows for state in VERDICTS.get(reading.state, ())}
        self.is_open = bool(possible)
        fields["verdict"].choices = [choice for choice in fields["verdict"].choices if choice[0] in possible]
        if ReadingState.RETURNED not in possible:
            del self.fields["answer_by"]

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
        for target in Target.objects.filter(**same).prefetch_related("amendments"):
            terms = target.values_on(today())
            if terms["base_value"] is not None:
                known[target.pilot_id][target.indicator_id, str(terms["base_year"])] = terms["base_value"]
        accepted = newest_accepted(today(), Reading.objects.filter(**same))
        for item in accepted.exclude(pk__in=[reading.pk for reading in readings]):
            known[item.pilot_id][item.key] = item.value
        own, rows = handed_in_by(readings, self.user), []
        for box, item, files in zip(boxes, readings, build_record_files(readings, self.user, today()), strict=True):
            values = known[item.pilot_id]
            same_key = [Comparison(item.period, values[item.key])] if item.key in values else []  # the version before
            before = next(iter([*same_key, *comparisons(item, values)]), None)
            change = format_change((item.value - before.value) / before.value) if before and before.value else ""
            texts = [jump_text(item.value, *jump) for jump in jumps(item, values)]
            change = "" if before and before.whole else change
            is_own = item.pk in own and item.state == ReadingState.REPORTED and not item.is_old
            rows.append(JudgedValue(box, item, before, change, texts, files, is_own))
        return sorted(rows, key=lambda row: not row.jumps)

    @property
    def plain(self) -> list[int]:
        """The keys of the values that do not jump from an accepted one; from 0 nobody can say."""
        rows = [row for row in self.values if not row.is_own and not row.jumps]
        return [row.reading.pk for row in rows if row.before and row.before.value]

    def write(self) -> None:
        values = self.cleaned_data
        how = {"reason": values["change_reason"], "answer_by": values.get("answer_by")}
        self.judged = judge_readings(values["readings"], ReadingState(values["verdict"]), by=self.user, **how)
