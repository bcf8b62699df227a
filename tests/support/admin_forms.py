"""Form data of admin pages, as a browser would submit it."""

from datetime import date
from typing import Any

from django.db.models import Model


def form_data(response: Any, **changes: Any) -> dict[str, Any]:
    """Return every field of the form as the page shows it, inlines included, with these changes."""
    data: dict[str, Any] = {}
    forms = [response.context["adminform"].form]
    for inline in response.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    for form in forms:
        data |= {bound.html_name: form_value(bound.value()) for bound in form}
    return {name: value for name, value in (data | changes).items() if value is not None and value is not False}


def form_value(value: Any) -> Any:
    """Return a value as a form submits it."""
    if isinstance(value, list):
        return [form_value(item) for item in value]
    if isinstance(value, Model):
        return value.pk
    return value.isoformat() if isinstance(value, date) else value


def form_errors(response: Any) -> dict[str, list[str]]:
    """Return the codes or texts of a form's errors, by field."""
    assert response.status_code == 200, "the form was accepted"
    return {name: list(errors) for name, errors in response.context["adminform"].form.errors.items()}
