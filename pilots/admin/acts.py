"""Actions of the pilots' admin that ask something before they are done: their page, and its form."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from core.history.recording import MAX_REASON, REASON_HELP
from core.records.writing import Conflict


class ActForm(forms.Form):
    """Form of an action: subclasses do it in `act`, and say how many records it was done with."""

    reason = forms.CharField(
        label=_("Reason for change"),
        max_length=MAX_REASON,
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=REASON_HELP,
    )

    def act(self, by: Any) -> int:
        raise NotImplementedError

    def done(self, by: Any) -> int | None:
        """Do it if all is filled in rightly; what the models say against it becomes an error of the form."""
        if not self.is_valid():
            return None
        try:
            return self.act(by)
        except ValidationError as exc:
            names = {"change_reason": "reason"}
            for name, errors in exc.update_error_dict({}).items():
                field = names.get(name, name)
                self.add_error(field if field in self.fields else None, errors)
        except (PermissionDenied, Conflict) as exc:
            self.add_error(None, str(exc))
        return None


def act_page(
    model_admin: Any, request: HttpRequest, records: Collection[Any], form: ActForm, *, title: Any, about: Any
) -> HttpResponse:
    """Return the page on which an action asks for what its form has."""
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "subtitle": None,
        "about": about,
        "opts": model_admin.opts,
        "records": records,
        "form": form,
        "action": request.POST["action"],
        "action_checkbox_name": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/pilots/act.html", context)


def typed(request: HttpRequest) -> Any:
    """Return what was sent from the page of an action; None where the list of records asks for the page."""
    return request.POST if "post" in request.POST else None
