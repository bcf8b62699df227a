"""What the forms of pages share: fields of models, and where the errors of a record stand."""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import DateField, TextField
from django.utils.translation import gettext_lazy

from core.admin.record_form import FlexibleDateField
from core.files import ACCEPT, MAX_FILE_BYTES
from core.records import writing
from core.text import is_chinese_active


def date_input() -> forms.DateInput:
    """Return a date field of the browser, whose value is an ISO date whatever the language."""
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class RecordErrorsMixin:
    """Form mixin: the errors of a record stand at their fields, or above the form where it shows no such field. Where
    neither of two languages is filled in, they stand at the reader's.
    """

    FORM_FIELDS: ClassVar[Mapping[str, str]] = {}  # by field of the record, that of the form
    NEEDED: Collection[str] = ()  # fields that may be empty, but not always: none is called optional

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})

    def add_error(self: Any, field: str | None, error: Any) -> None:
        for name, messages in getattr(error, "error_dict", {field: error}).items():
            own = self.FORM_FIELDS.get(name, name)
            stem = (own or "").rpartition("_")[0]
            pair = {f"{stem}_zh", f"{stem}_en"}
            if own in pair and pair <= self.fields.keys() and not any(self[half].value() for half in pair):
                own = f"{stem}_zh" if is_chinese_active() else f"{stem}_en"
            shown = own in self.fields and not self.fields[own].widget.is_hidden
            super().add_error(own if shown else None, messages)  # type: ignore[misc]

    def enter(self: Any) -> bool:
        """Write what was entered by `write`, all or nothing; False with the errors in the form."""
        if not self.is_valid():
            return False
        try:
            with transaction.atomic():
                self.write()
        except (ValidationError, writing.Conflict) as exc:
            self.add_error(None, exc if isinstance(exc, ValidationError) else ValidationError(exc.messages))
        return not self.errors


page_number_field = partial(forms.IntegerField, required=False, min_value=1, max_value=100_000)


def upload_field(label: Any) -> forms.FileField:
    """Return the field of a file that may be stored as evidence."""
    return forms.FileField(
        label=label,
        required=False,
        allow_empty_file=True,  # rejected with the other faults of a file
        help_text=gettext_lazy("PDF, OFD, DOCX, XLSX, CSV, PNG or JPG without macros, at most 20 MB."),
        widget=forms.FileInput(attrs={"accept": ACCEPT, "data-max-bytes": MAX_FILE_BYTES}),
    )


def text_area(label: Any, help_text: Any, *, max_length: int, rows: int = 2, **options: Any) -> forms.CharField:
    """Return the field of an optional text of a few lines."""
    how = {"widget": forms.Textarea(attrs={"rows": rows}), "help_text": help_text, **options}
    return forms.CharField(label=label, required=False, max_length=max_length, **how)


def page_field(field: Any, **options: Any) -> Any:
    """Return the form field of a model's: a day may be written in any way, a long text gets four lines and says in
    which of two languages it is.
    """
    if isinstance(field, DateField):
        options |= {"form_class": FlexibleDateField, "widget": date_input(), "show_hidden_initial": False}
    elif isinstance(field, TextField):
        suffix = field.name[-3:]
        options["widget"] = forms.Textarea({"rows": 4} | ({"lang": suffix[1:]} if suffix in {"_zh", "_en"} else {}))
    return field.formfield(**options)
