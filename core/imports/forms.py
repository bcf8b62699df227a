"""Forms of the import pages: upload and reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.history.recording import MAX_REASON
from core.http.upload_handlers import FILE_TOO_LARGE
from core.imports.importer import Importer
from core.spreadsheets.reading.cells import MAX_BYTES
from core.text.normalization import check_text


class ImportForm(forms.Form):
    """Upload form of an import."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind of records"), widget=forms.RadioSelect, required=False)
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy(
            "A workbook (.xlsx, .xls, .ods) or CSV in UTF-8, UTF-16 or GB18030; at most 20 MB and 50,000 rows. "
            "Nothing is written before you have seen what it would do."
        ),
        widget=forms.ClearableFileInput(
            attrs={
                "accept": ".xlsx,.xls,.et,.ods,.csv,.txt",
                "data-max-bytes": MAX_BYTES,
                "data-too-large": FILE_TOO_LARGE,
            }
        ),
        error_messages={
            "required": gettext_lazy("Choose a file."),
            "empty": gettext_lazy("The file is empty. Choose one that holds rows."),
        },
    )

    def __init__(self, *args: Any, kinds: Mapping[str, Importer], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = [(name, capfirst(kind.label)) for name, kind in kinds.items()]
        self.fields["kind"].choices = [("", _("recognised by the headings")), *named]  # type: ignore[attr-defined]


class ReasonForm(forms.Form):
    """Form for the reason of a bulk change."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=MAX_REASON,
        required=False,
        validators=[check_text],
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=gettext_lazy("Kept in the history of every record beside your name and the import."),
    )
