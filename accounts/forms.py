"""Form to create an API token."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models.token import Token, TokenKind
from accounts.tokens import DEFAULT_DAYS, MAX_ACTIVE_TOKENS, MAX_DAYS, TokenLimitReached, active_tokens, create_token
from core.permissions import has_write_permission

DAYS_OUT_OF_RANGE = gettext_lazy("Choose from 1 to 365 days.")


class TokenForm(forms.Form):
    """Name, validity and write access of a new token; write access only where its owner may write anything."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=60,
        help_text=gettext_lazy("What it is for, for example “Monthly export to the dashboard”."),
        error_messages={"required": gettext_lazy("Give it a name by which you will know it again.")},
    )
    days = forms.IntegerField(
        label=gettext_lazy("Good for how many days"),
        initial=DEFAULT_DAYS,
        min_value=1,
        max_value=MAX_DAYS,
        help_text=gettext_lazy("1 to 365. Then the program needs a new one."),
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), DAYS_OUT_OF_RANGE),
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("Opens"),
        choices=TokenKind.choices,
        initial=TokenKind.API,
        required=False,  # of a form that was sent before there was a choice
        help_text=gettext_lazy(
            "Calendars and feeds: a secret address for a calendar program or a feed reader. It opens nothing else."
        ),
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
        if not has_write_permission(user):
            del self.fields["may_write"]

    def clean_name(self) -> str:
        """Reject a name in use, so that a form that is sent twice makes no second token."""
        name = " ".join(self.cleaned_data["name"].split())
        if not name.isprintable():
            raise forms.ValidationError(_("Use visible characters only."), code="hidden")
        if active_tokens(self.user).filter(name=name).exists():
            raise forms.ValidationError(_("There is a token of this name. Revoke that one first, or choose another."))
        return name

    def clean_kind(self) -> str:
        return self.cleaned_data["kind"] or TokenKind.API

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.cleaned_data.get("kind") == TokenKind.FEEDS and self.cleaned_data.get("may_write"):
            self.add_error("may_write", _("An address of calendars and feeds only reads."))
        return cleaned

    def make(self) -> tuple[Token, str] | None:
        """Return the new token and its secret, or None and a form error where the token limit is reached."""
        try:
            return create_token(user=self.user, **self.cleaned_data)
        except TokenLimitReached:
            text = _("There are %(most)d tokens in force, and no more are allowed. Revoke one first.")
            self.add_error(None, text % {"most": MAX_ACTIVE_TOKENS})
            return None
