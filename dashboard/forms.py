"""Forms of editions and of reminders."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from core.text.bilingual import OWN_LANGUAGE_NAMES
from dashboard.editions.services import offered_quarters
from dashboard.models import Edition, MailSettings


class NewEditionForm(forms.Form):
    """Choice of the quarter of a new edition."""

    quarter = forms.ChoiceField(label=_("Quarter"), help_text=_("Quarters that have no edition yet."))

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        quarters = offered_quarters()
        self.fields["quarter"].choices = [(quarter, quarter) for quarter in quarters]  # type: ignore[attr-defined]
        self.initial["quarter"] = next(iter(quarters[1:]), None)  # the last one that is over


class NotesForm(forms.ModelForm):
    """Release notes of a draft."""

    class Meta:
        model = Edition
        fields = ["release_note_en", "release_note_zh"]
        widgets = {name: forms.Textarea(attrs={"rows": 5}) for name in fields}


class MailSettingsForm(forms.ModelForm):
    """Rhythm and language of a user's mail. Saving it has a refused address tried again."""

    class Meta:
        model = MailSettings
        fields = ["rhythm", "language"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self.fields["language"].choices = list(OWN_LANGUAGE_NAMES.items())  # type: ignore[attr-defined]

    def save(self, commit: bool = True) -> Any:
        self.instance.refused_address = ""
        return super().save(commit)
