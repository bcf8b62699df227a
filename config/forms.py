"""What a person says of a token that is to be made."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.models import Token
from config.tokens import DAYS, MOST_DAYS, MOST_TOKENS, TooMany, in_force, make_token, may_write_anything

OUT_OF_RANGE = gettext_lazy("Choose from 1 to 365 days.")


class TokenForm(forms.Form):
    """A name, how long it is good for, and whether it may write, where its owner may write anything at all."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=60,
        help_text=gettext_lazy("What it is for, for example “Monthly export to the dashboard”."),
        error_messages={"required": gettext_lazy("Give it a name by which you will know it again.")},
    )
    days = forms.IntegerField(
        label=gettext_lazy("Good for how many days"),
        initial=DAYS,
        min_value=1,
        max_value=MOST_DAYS,
        help_text=gettext_lazy("1 to 365. Then the program needs a new one."),
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), OUT_OF_RANGE),
    )
    may_write = forms.BooleanField(
        label=gettext_lazy("May also write"),
        required=False,
        help_text=gettext_lazy("Otherwise it only reads. It may never do more than its owner."),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self.user = user
        if not may_write_anything(user):
            del self.fields["may_write"]

    def clean_name(self) -> str:
        """A form that is sent twice, as by reloading its answer, makes no second token."""
        name = " ".join(self.cleaned_data["name"].split())
        if not name.isprintable():
            raise forms.ValidationError(_("Use visible characters only."), code="hidden")
        if in_force(self.user).filter(name=name).exists():
            raise forms.ValidationError(_("There is a token of this name. Revoke that one first, or choose another."))
        return name

    def make(self) -> tuple[Token, str] | None:
        """The new token and its secret; None, and an error on the form, where there are too many already."""
        try:
            return make_token(user=self.user, **self.cleaned_data)
        except TooMany:
            text = _("There are %(most)d tokens in force, and no more are allowed. Revoke one first.")
            self.add_error(None, text % {"most": MOST_TOKENS})
            return None
