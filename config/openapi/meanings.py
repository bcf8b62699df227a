"""What fields mean, where neither a serializer nor a model says it: the names that all records share."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

SHARED: Mapping[str, str | Promise] = {
    "id": gettext_lazy("The number by which its address names it."),
    "slug": gettext_lazy("The code by which its address names it."),
    "code": gettext_lazy("The code: it stays the same in every language."),
    "name": gettext_lazy("The name in the reader’s language, else in the other."),
    "title": gettext_lazy("The title in the reader’s language, else in the other."),
    "label": gettext_lazy("The word in the reader’s language."),
    "text": gettext_lazy("The words in the reader’s language."),
    "url": gettext_lazy("The address in the API."),
    "page": gettext_lazy("The address of the page that shows it."),
    "as_of": gettext_lazy("The day that the answer is about."),
    "unverified": gettext_lazy("Whether the fact was only inferred: every page says so beside it."),
}


def explain(properties: dict[str, Any], model: Any) -> dict[str, Any]:
    """The properties, each with what it means where that is known: from the model's field, or the shared names."""
    return {name: explained(name, schema, model) for name, schema in properties.items()}


def explained(name: str, schema: dict[str, Any], model: Any) -> dict[str, Any]:
    said = schema.get("description", "")
    words = said if said.startswith("*") else ""  # the frame lists what each word of a choice means
    text = "" if said and not words else meaning(name, model)
    if not text:
        return schema
    whole = f"{text}\n\n{words}".strip()
    return {"allOf": [schema], "description": whole} if "$ref" in schema else {**schema, "description": whole}


def meaning(name: str, model: Any) -> str:
    """The help that a form gives for the field, or what all records mean by the name; empty where neither is known."""
    try:
        found = model._meta.get_field(name).help_text if model else ""
    except (AttributeError, FieldDoesNotExist):
        found = ""
    return str(found or SHARED.get(name, ""))
