"""Form data of admin pages, as a browser would submit it."""

from datetime import date
from typing import Any

from django.db.models import Model
from django.test import Client
from django.urls import reverse


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


# -- one record ------------------------------------------------------------------------------------------


def page_url(record: Model, name: str = "change", *more: Any) -> str:
    """Return the address of a record's page in the admin."""
    return reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_{name}", args=[record.pk, *more])


def add_url(model: type[Model], query: str = "") -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add") + query


def save(client: Client, record: Model, **changes: Any) -> Any:
    """Open the form of a record and submit it with changes."""
    return client.post(page_url(record), form_data(client.get(page_url(record)), **changes))


def save_new(client: Client, model: type[Model], query: str = "", **values: Any) -> Any:
    return client.post(add_url(model, query), form_data(client.get(add_url(model, query)), **values))


def newest(record: Any) -> Any:
    """Return the newest history entry, also of a record that was deleted."""
    return type(record).history.filter(id=record.pk).order_by("-history_id").first()
