"""Forms: signing in, a link to a new password by mail, and a new API token."""

from typing import Any

from allauth.account.forms import LoginForm, ResetPasswordForm
from allauth.account.utils import user_pk_to_url_str
from django import forms
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy, override
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django_tasks import task

from accounts.models import DEFAULT_DAYS, MAX_DAYS, Token, TokenKind, active_tokens, create_token
from core.calendars import calendar_addresses
from core.permissions import has_write_permission


class SignInForm(LoginForm):
    """allauth's form, whose name has the name that password managers and scripts know."""

    def add_prefix(self, field_name: str) -> str:
        return "username" if field_name == "login" else str(super().add_prefix(field_name))


class ForgottenPasswordForm(ResetPasswordForm):
    """allauth's form, whose mails a job sends: whether there are any does not show in the time of the answer."""

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        """Enqueue the mails to the accounts of this address that have a password; a job without any for an unknown
        one."""
        users = [user.pk for user in self.users if user.has_usable_password()]
        mail_password_links.enqueue(users=users, language=get_language())
        return str(self.cleaned_data["email"])


@task
def mail_password_links(*, users: list[int], language: str) -> None:
    """Mail each of these users, in the language of who asked, a link that works once."""
    with override(language):
        for user in get_user_model()._default_manager.filter(pk__in=users, is_active=True):
            context = {"user": user, "address": settings.SITE_URL + password_link(user)}
            subject = render_to_string("account/reset_subject.txt", context).strip()
            send_mail(subject, render_to_string("account/reset_email.txt", context), None, [user.email])


def password_link(user: Any) -> str:
    """Return the path of a new link by which the user chooses a password, once."""
    parts = {"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)}
    return reverse("account_reset_password_from_key", kwargs=parts)


class TokenForm(forms.ModelForm):
    """Name, validity and write access of a new token; write access only where its owner may write anything."""

    days = forms.IntegerField(
        label=gettext_lazy("Good for how many days"),
        initial=DEFAULT_DAYS,
        min_value=1,
        max_value=MAX_DAYS,
        help_text=gettext_lazy("1 to 365. Then the program needs a new one."),
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"), gettext_lazy("Choose from 1 to 365 days.")
        ),
    )
    field_order = ["name", "days"]

    class Meta:
        model = Token
        fields = ["name", "kind", "may_write"]
        labels = {"may_write": gettext_lazy("May also write")}
        help_texts = {
            "kind": gettext_lazy("Calendars: a secret address for a calendar program. It opens nothing else.")
        }
        error_messages = {"name": {"required": gettext_lazy("Give it a name by which you will know it again.")}}

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

    def clean(self) -> dict[str, Any] | None:
        if self.cleaned_data.get("kind") == TokenKind.FEEDS and self.cleaned_data.get("may_write"):
            self.add_error("may_write", _("The address of a calendar only reads."))
        return super().clean()

    @sensitive_variables("secret")
    def make(self, request: HttpRequest) -> dict[str, Any] | None:
        """Return what the page of the new token shows, its secret this once; None where the form was not sent, or has
        an error."""
        if not self.is_valid():
            return None
        try:
            token, secret = create_token(user=self.user, **self.cleaned_data)
        except forms.ValidationError as exc:
            self.add_error(None, exc)
            return None
        addresses = calendar_addresses(request, self.user, secret) if token.kind == TokenKind.FEEDS else []
        return {"token": token, "secret": secret, "addresses": addresses}
