"""What a browser would send back of an admin form it was given."""

from datetime import date
from typing import Any

from django.db.models import Model


def filled(response: Any, **changes: Any) -> dict[str, Any]:
    """Every field of the form as the page shows it, its rows included, with the changes a person makes."""
    data: dict[str, Any] = {}
    forms = [response.context["adminform"].form]
    for inline in response.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    for form in forms:
        data |= {bound.html_name: sent(bound.value()) for bound in form}
    return {name: value for name, value in (data | changes).items() if value is not None and value is not False}


def sent(value: Any) -> Any:
    """A value as a form sends it."""
    if isinstance(value, list):
        return [sent(item) for item in value]
    if isinstance(value, Model):
        return value.pk
    return value.isoformat() if isinstance(value, date) else value


def problems(response: Any) -> dict[str, list[str]]:
    """The codes or texts that a refused form shows, by field."""
    assert response.status_code == 200, "the form was accepted"
    return {name: list(errors) for name, errors in response.context["adminform"].form.errors.items()}
