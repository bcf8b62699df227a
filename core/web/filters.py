"""Filters of pages and API: values are codes or choices, and an error suggests the closest valid one."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters.fields import ChoiceField

from core.http.errors import closest_match, truncate

MAX_SEARCH_LENGTH = 100  # characters of a search: each word costs the database


def search_q(text: str, fields: Sequence[str]) -> Q:
    """Return a Q that finds every word of the text in at least one of the fields; words are taken literally."""
    query = Q()
    for term in unicodedata.normalize("NFKC", text).split():
        anywhere = Q()
        for name in fields:
            anywhere |= Q(**{f"{name}__icontains": term})
        query &= anywhere
    return query


def invalid_choice_error(value: object, names: list[str]) -> ValidationError:
    """Return the error for an invalid choice: it suggests the closest one, or lists all when they are few."""
    near = closest_match(str(value), names)
    if near:
        text = _("There is no “%(value)s” here. Did you mean “%(near)s”?")
    elif len(names) <= 12:
        text = _("There is no “%(value)s” here. Use one of: %(names)s.")
    else:
        text = _("There is no “%(value)s” here.")
    labels = {"value": truncate(value), "near": near, "names": ", ".join(names)}
    return ValidationError(text % labels, code="invalid_choice")


class RelatedFormField(forms.ModelChoiceField):
    """Form field of a related record, by its code."""

    @staticmethod
    def normalise(code: str) -> str:
        """Return the code in its stored form."""
        return code

    def known_values(self) -> dict[str, object]:
        """Return the primary key of each record by its code."""
        return {} if self.queryset is None else dict(self.queryset.values_list(self.to_field_name or "pk", "pk"))

    def label_from_instance(self, obj: Model) -> str:
        """Return the label of a choice: the record's `label` if its model has one, else its name."""
        return str(getattr(obj, "label", obj))

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(self.normalise(value) if isinstance(value, str) else value)
        except ValidationError:
            raise invalid_choice_error(value, [str(key) for key in self.known_values()]) from None


def split_commas(text: str) -> list[str]:
    """Split a comma-separated list, dropping repeats."""
    return list(dict.fromkeys(word.strip() for word in text.split(",")))


class RelatedFilter(django_filters.ModelChoiceFilter):
    """Filter by a related record's code: `?province=hebei`.

    With the widget HiddenInput it is set by links alone: for records of which there are too many to list in a page.
    """

    field_class: ClassVar[type[RelatedFormField]] = RelatedFormField
    takes_several = True  # by the API: `province__in=hebei,henan`
    computed = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"to_field_name": "slug", **kwargs})


class ChoiceFormField(ChoiceField):
    """Form field of one choice."""

    normalise = str  # a value in its stored form

    def known_values(self) -> dict[str, str]:
        """Return the stored value of each choice."""
        return {str(word): str(word) for word in dict(self.choices) if word}

    def validate(self, value: object) -> None:
        known = self.known_values()
        if value and str(value) not in known:
            raise invalid_choice_error(value, list(known))


class ChoiceFilter(django_filters.ChoiceFilter):
    """Filter by one choice: `?kind=park`."""

    field_class = ChoiceFormField
    takes_several = True  # by the API: `kind__in=park,city`
    computed = False


class YesNoFilter(ChoiceFilter):
    """Filter by yes or no: `?in_roster=true`."""

    takes_several = False
    openapi_schema: ClassVar[Mapping[str, object]] = {"type": "string", "enum": ["true", "false"]}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, choices=[("true", gettext_lazy("yes")), ("false", gettext_lazy("no"))], **kwargs)

    def filter(self, qs: QuerySet[Model], value: str) -> QuerySet[Model]:
        return super().filter(qs, {"true": True, "false": False}.get(value, ""))


class SearchFilter(django_filters.CharFilter):
    """Quick search: every word in at least one of the fields, taken literally."""

    def __init__(self, *fields: str, **kwargs: Any) -> None:
        self.fields = fields
        super().__init__(**{"label": gettext_lazy("Search"), "max_length": MAX_SEARCH_LENGTH, **kwargs})

    def filter(self, qs: QuerySet[Model], value: str) -> QuerySet[Model]:
        return qs.filter(search_q(value, self.fields)) if value else qs
