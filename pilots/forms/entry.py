"""Forms of the day: what an officer enters beside a record. Each writes by the door that admin, API and import use too,
so that the rules are the models', and shows at its fields what they refuse.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
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
from pilots.amendments import accept_promise, decide_amendment, object_to, save_amendment
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
    DOUBTED,
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
LINES = forms.Textarea(attrs={"rows": 3})
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
            steps = split_steps(super().to_python(value) or "")
            return steps_as_stored({year: amount.clean(text) for year, text in steps})
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


# -- what the forms have in common -------------------------------------------------------------------------


class EvidenceForm(RecordErrorsMixin, forms.Form):
    """Form with a file for users who may attach one to what is entered (`instance`), or to its milestone."""

    FORM_FIELDS: ClassVar[Mapping[str, str]] = {"document": "file"}

    user: Any
    instance: Any
    file = upload_field(gettext_lazy("File"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        target = getattr(self.instance, "milestone", self.instance)
        if not (target and self.user.has_perm("pilots.add_document") and can_attach(self.user, target)):
            for name in self.fields.keys() & {"file", "page_number", "quote"}:
                del self.fields[name]

    def attach_to(self, *records: Any) -> None:
        """Attach the file, if there is one, to the records."""
        values = self.cleaned_data
        if values.get("file"):
            where = {name: values[name] for name in ("page_number", "quote") if name in values}
            document, _is_new = store_document(values["file"], by=self.user)
            for record in records:
                attach(document, record, by=self.user, held=True, **where)


class EntryForm(RecordErrorsMixin, RecordForm):
    """Form of one record. A new one stands beside those that have the same values of BESIDE: where another user wrote
    one since the form was opened, it is refused once, and the user told.
    """

    BESIDE: Collection[str] = ()
    change_reason = None  # type: ignore[assignment]  # a field of the parent that this form leaves out

    class Meta:
        formfield_callback = page_field

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)
        if not self.BESIDE:
            return
        same = {name: getattr(self.instance, name) for name in self.BESIDE}
        self.latest = self._meta.model.history.filter(**same).order_by("-history_id").first()
        opened = self.initial[VERSION_FIELD] = str(self.latest.pk) if self.latest else ""
        if self.is_bound and self.latest and self.data.get(VERSION_FIELD, "") != opened:
            self.data = self.data.copy()
            self.data[VERSION_FIELD] = opened
            self.conflicts = [(None, conflict_text(self.latest))]


class CompleteForm(EvidenceForm, EntryForm):
    """The completion of a milestone, with what shows it."""

    NEEDED = ("evidence",)
    BESIDE = ("milestone_id",)

    page_number = page_number_field(label=gettext_lazy("Page of the file"))
    quote = text_area(
        gettext_lazy("Quote"), gettext_lazy("The words that show it."), max_length=500, validators=[check_text]
    )

    class Meta(EntryForm.Meta):
        model = Completion
        fields = ("completed_on", "evidence")

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        self.instance.with_file = bool(cleaned.get("file"))
        return cleaned

    def write(self) -> None:
        writing.write(self.instance, by=self.user)
        self.attach_to(self.instance.milestone)


class ObjectionForm(EntryForm):
    """The ministry's objection to a completion."""

    class Meta(EntryForm.Meta):
        model = Completion
        fields = ("objection",)
        widgets: ClassVar[Mapping[str, Any]] = {"objection": LINES}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["objection"].required = True

    def write(self) -> None:
        object_to(self.instance, objection=self.cleaned_data["objection"], by=self.user)


class AmendmentForm(EvidenceForm, EntryForm):
    """Another day, value, base or year of what was promised, or dropping it: asked for, or decided at once by the
    ministry. The fields show what is in force, and only what differs from it is amended.
    """

    BESIDE = ("milestone_id", "target_id")
    AMENDED_OF: ClassVar[Mapping[str, Any]] = {"limit": ("value", "year"), "keep": ("base_value", "base_year", "year")}

    class Meta(EntryForm.Meta):
        model = Amendment
        fields = ("day", "value", "year", "steps", "base_value", "base_year", "drop", "reason_zh", "reason_en")
        field_classes: ClassVar[Mapping[str, Any]] = {
            "value": AmountField,
            "base_value": AmountField,
            "steps": StepsField,
        }
        labels: ClassVar[Mapping[str, Any]] = {
            "day": gettext_lazy("Planned day"),
            "value": gettext_lazy("Target value"),
            "drop": gettext_lazy("Drop it: from the decision on it is judged no more"),
        }
        widgets: ClassVar[Mapping[str, Any]] = dict.fromkeys(("reason_zh", "reason_en"), LINES)
        help_texts: ClassVar[Mapping[str, Any]] = {
            **dict.fromkeys(("day", "base_year", "drop"), ""),
            "value": gettext_lazy("In the indicator’s unit."),
            "year": gettext_lazy("Year by whose end it is to be reached."),
            "steps": gettext_lazy("Values for years before the target year, for example 2024: 34.4; 2025: 30."),
            "base_value": gettext_lazy("In the indicator’s unit, for example after a census; with its year."),
            "reason_zh": gettext_lazy("It is shown beside the light on the page of the pilot. One language is enough."),
            "reason_en": gettext_lazy("Where one is empty, readers of its language see the other."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        item = self.instance.item
        self.now: dict[str, Any] = {}
        if isinstance(item, Milestone):
            self.now["day"] = item.planned_by(today())
        else:
            terms = item.values_on(today())
            self.now = {name: terms[item.AMENDED[name]] for name in self.AMENDED_OF.get(item.kind, item.AMENDED)}
        self.initial.update(self.now)
        self.NEEDED = ("reason_zh", "reason_en", *(name for name in self.now if name != "steps"))
        for name in {*Amendment.CHANGES} - self.now.keys():
            del self.fields[name]

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
        self.attach_to(self.instance.milestone)


class AmendmentAnswerForm(EntryForm):
    """The ministry's answer to a request for an amendment."""

    NEEDED = ("remark",)

    accepted = forms.TypedChoiceField(
        label=gettext_lazy("Decision"),
        choices=(("yes", gettext_lazy("Accept the request")), ("no", gettext_lazy("Refuse it"))),
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
    )

    class Meta(EntryForm.Meta):
        model = Amendment
        fields = ("accepted", "remark")
        widgets: ClassVar[Mapping[str, Any]] = {"remark": LINES}
        help_texts: ClassVar[Mapping[str, Any]] = {
            "remark": gettext_lazy("Needed to refuse it: it is shown beside the light.")
        }

    def write(self) -> None:
        decide_amendment(self.instance, by=self.user, **self.own_values())


class PromiseForm(RecordErrorsMixin, forms.Form):
    """The ministry's acceptance of what a province asks to promise."""

    def __init__(self, *args: Any, record: Milestone | Target, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.record, self.user = record, user

    def write(self) -> None:
        accept_promise(self.record, by=self.user)


class StageEnteredForm(EvidenceForm, EntryForm):
    """The entry of a pilot into a stage."""

    BESIDE = ("pilot_id",)
    NEEDED = ("result", "reason_zh", "reason_en")
    field_order = ("stage", "entered_on", "result", "evidence", "file", "reason_zh", "reason_en")

    class Meta(EntryForm.Meta):
        model = StageEntry
        fields = ("stage", "entered_on", "result", "evidence", "reason_zh", "reason_en")
        help_texts: ClassVar[Mapping[str, Any]] = {
            "reason_zh": StageEntry._meta.get_field("reason_en").help_text,
            "reason_en": gettext_lazy("Where one is empty, readers of its language see the other."),
        }

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        self.instance.skip_order_check = "stage" not in cleaned
        return cleaned

    def write(self) -> None:
        writing.write(self.instance, by=self.user)
        self.attach_to(self.instance)


class LightForm(EntryForm):
    """The light of a pilot, set by hand until a day."""

    BESIDE = ("pilot_id",)

    class Meta(EntryForm.Meta):
        model = LightOverride
        fields = ("colour", "reason", "expires_on")
        widgets: ClassVar[Mapping[str, Any]] = {"colour": forms.RadioSelect, "reason": LINES}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
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
    """The value of one indicator (`reading`, unsaved); an empty one changes nothing. `newest` is what is on record for
    the period, `before` the accepted value that it is compared with, `target` the pilot's that judges it, `terms` what
    it asks for as amended by now, and `due` what is due by the year.
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

    def __init__(self, data: Any, reading: Reading, *, newest: Any, before: Any, light: Any) -> None:
        self.reading, self.indicator, self.newest, self.before = reading, reading.indicator, newest, before
        self.target: Any = light.record if light else None
        self.terms: Any = light.promise if light else None
        due = self.terms.due_in(int(reading.period)) if self.terms and is_yearly(reading.period) else None
        self.due = format_amount(due) if due is not None else ""
        self.base = format_exact(self.terms.base_value) if self.terms and self.terms.base else ""
        self.answers = newest if newest and newest.state in DOUBTED else None
        self.said = newest.history.latest().history_change_reason if self.answers else ""
        initial = {"known": newest.pk if newest else ""}
        super().__init__(data, prefix=f"r{reading.indicator_id}", initial=initial, label_suffix="")
        self.fields["value"].widget.attrs["placeholder"] = " "  # by which the style sheet knows an empty one
        invalid = _("This is not a number. Write 12345.6 or 12,345.6; the unit is %(unit)s.")
        self.fields["value"].error_messages["invalid"] = invalid % {"unit": self.indicator.unit_text}

    @property
    def seen(self) -> int | None:
        """The newest version that the editor saw."""
        return parse_key(self.cleaned_data["known"])

    def show(self, fault: ValidationError, newest: Reading | None) -> None:
        """Show what is said against the value; what others entered meanwhile (`newest`) is known from then on."""
        code = getattr(fault, "code", None)
        if code == CONFLICT_CODE and newest:
            self.newest = newest
            self.data = {**self.data.dict(), self.add_prefix("known"): str(newest.pk)}  # type: ignore[attr-defined]
        self.add_error("value", fault if code else ValidationError(fault.messages, code="invalid"))


class ReadingsForm(EvidenceForm):
    """The values of a pilot for one period, with a row for each indicator of its targets and values, and those `added`,
    binding ones first.
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
        label=gettext_lazy("Reason for change"), max_length=MAX_REASON, required=False, help_text=REASON_HELP
    )

    def __init__(
        self, data: Any, files: Any, *, user: Any, pilot: Pilot, period: str, added: Collection[int] = ()
    ) -> None:
        self.user, self.pilot, self.recorded, self.instance = user, pilot, 0, Reading(pilot=pilot, period=period)
        super().__init__(data, files, initial={"reported_on": today()})
        if not (user.has_perm(ACCEPT_PERMISSION) or self.instance.is_old):
            del self.fields["reported_on"]  # a province hands in today
        lights, newest = judging_lights(pilot, int(period[:4])), ReadingLedger(pilot).newest
        known = {item.key: item.value for item in newest_accepted_in(pilot.readings.all(), today())}
        own = Q(pk__in=pilot.targets.values("indicator")) | Q(pk__in=pilot.readings.values("indicator"))
        indicators, self.rows = Indicator.objects.filter(own | Q(pk__in=added)), []
        for item in sorted(indicators, key=lambda item: item.pk not in lights or not lights[item.pk].record.binding):
            reading = Reading(pilot=pilot, indicator=item, period=period)
            before = next(iter(comparisons(reading, known)), None)
            of_it = {"newest": newest.get(reading.key), "before": before, "light": lights.get(item.pk)}
            self.rows.append(ReadingRow(data, reading, **of_it))

    def is_valid(self) -> bool:
        return all([super().is_valid(), *(row.is_valid() for row in self.rows)])

    def enter(self) -> bool:
        """Record the values; where one cannot be read, what is wrong with the others is said as well."""
        if self.is_valid():
            return super().enter() and not any(row.errors for row in self.rows)
        typed, ledger = self.typed(), ReadingLedger(self.pilot)
        beside = [row.reading for row in typed]
        for row in typed:
            fault = ledger.check(row.reading, row.seen, beside) if ledger.differs(row.reading) else None
            if fault:
                row.show(fault, ledger.newest.get(row.reading.key))
        return False

    def write(self) -> None:
        """Record the values. Typed values stay; errors that may be overruled pass on the next submit."""
        typed = self.typed()
        if not typed:
            raise ValidationError(_("No value was entered yet."), code="empty")
        writing.check_scope(self.user, writing.ADD, self.instance)
        ledger = ReadingLedger(self.pilot, lock=True)
        how = {"beside": [row.reading for row in typed], "by": self.user, "reason": self.cleaned_data["change_reason"]}
        fresh = [row for row in typed if ledger.differs(row.reading)]
        with writing.many():
            for row in fresh:
                try:
                    ledger.record(row.reading, row.seen, **how)
                except ValidationError as exc:
                    row.show(exc, ledger.newest.get(row.reading.key))
        if any(row.errors for row in fresh):
            transaction.set_rollback(True)
            return
        self.recorded = len(fresh)
        self.attach_to(*(row.reading for row in fresh))

    def typed(self) -> list[ReadingRow]:
        """Return the rows with a value, which their readings have then; a field with an error of its own is empty."""
        values = {"value_status": None, "reported_on": None, **self.cleaned_data}
        if "reported_on" not in self.fields:
            values["reported_on"] = today()
        found = [row for row in self.rows if row.is_valid() and row.cleaned_data["value"] is not None]
        for row in found:
            row.reading.value_status, row.reading.reported_on = values["value_status"], values["reported_on"]
            row.reading.value, row.reading.note = row.cleaned_data["value"], row.cleaned_data["note"]
        return found

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


class BoxesWidget(forms.CheckboxSelectMultiple):
    """Boxes, of which one may have many keys, joined by commas."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return [key for text in super().value_from_datadict(data, files, name) or () for key in text.split(",")]


class JudgeForm(RecordErrorsMixin, forms.Form):
    """Accepting or returning values that wait, and disputing accepted ones. `is_open`: one of them can be decided."""

    NEEDED = ("change_reason", "answer_by")

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
    def values(self) -> list[dict[str, Any]]:
        """The values, those that jump first, each with its box, what was last accepted, the change from it, in what it
        jumps, its files, and whether it waits for somebody other than the user, who handed it in. They are compared
        with accepted ones alone: others may be wrong too.
        """
        boxes = list(self["readings"])
        readings = [box.data["value"].instance for box in boxes]
        same = {f"{name}__in": {getattr(item, name) for item in readings} for name in ("pilot_id", "indicator_id")}
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
            row = {"box": box, "reading": item, "before": before, "files": files}
            if before and before.value and not before.whole:
                row["change"] = format_change((item.value - before.value) / before.value)
            row["jumps"] = [jump_text(item.value, *jump) for jump in jumps(item, values)]
            row["is_own"] = item.pk in own and item.state == ReadingState.REPORTED and not item.is_old
            rows.append(row)
        return sorted(rows, key=lambda row: not row["jumps"])

    @property
    def plain(self) -> list[int]:
        """The keys of the values that do not jump from an accepted one; from 0 nobody can say."""
        rows = [row for row in self.values if not row["is_own"] and not row["jumps"]]
        return [row["reading"].pk for row in rows if row["before"] and row["before"].value]

    def write(self) -> None:
        values = self.cleaned_data
        how = {"reason": values["change_reason"], "answer_by": values.get("answer_by")}
        self.judged = judge_readings(values["readings"], ReadingState(values["verdict"]), by=self.user, **how)
