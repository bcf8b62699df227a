"""Filters that pages and API share: one code or word each, and a wrong one names the nearest right one."""

from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.faults import nearest, short
from config.lists import terms_query

MAX_WORDS = 100  # characters of a search: more is no question, and each word costs the database


def not_among(value: object, names: list[str]) -> ValidationError:
    """The error for a word that is not among the allowed ones: it offers the nearest, or all when they are few."""
    near = nearest(str(value), names)
    if near:
        text = _("There is no “%(value)s” here. Did you mean “%(near)s”?") % {"value": short(value), "near": near}
    elif len(names) <= 12:
        text = _("There is no “%(value)s” here. Use one of: %(names)s.") % {
            "value": short(value),
            "names": ", ".join(names),
        }
    else:
        text = _("There is no “%(value)s” here.") % {"value": short(value)}
    return ValidationError(text, code="invalid_choice")


class RecordField(forms.ModelChoiceField):
    """A record named by its code."""

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except ValidationError:
            name = self.to_field_name or "pk"
            keys = self.queryset.values_list(name, flat=True) if self.queryset is not None else []
            raise not_among(value, [str(key) for key in keys]) from None


class RecordFilter(django_filters.ModelChoiceFilter):
    """Filter by a related record, named by its code: `?province=hebei`."""

    field_class = RecordField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("to_field_name", "slug")
        kwargs.setdefault("empty_label", gettext_lazy("all"))
        super().__init__(*args, **kwargs)


class WordField(forms.ChoiceField):
    """One of a few fixed words."""

    def __init__(
        self, *args: Any, empty_label: Any = None, null_label: Any = None, null_value: Any = None, **kwargs: Any
    ):
        choices = list(kwargs.pop("choices"))
        super().__init__(*args, choices=[("", empty_label or gettext_lazy("all")), *choices], **kwargs)

    def validate(self, value: Any) -> None:
        words = [str(word) for word in dict(self.choices) if word]  # type: ignore[arg-type]
        if value and str(value) not in words:
            raise not_among(value, words)


class WordFilter(django_filters.ChoiceFilter):
    """Filter by one of a few fixed words: `?kind=park`."""

    field_class = WordField


class WholeFilter(django_filters.CharFilter):
    """Filter by a whole number from 1: `?version=2`."""

    field_class = forms.RegexField

    def __init__(self, **kwargs: Any) -> None:
        invalid = gettext_lazy("Write a whole number from 1 to 9999.")
        super().__init__(regex=r"\A[1-9][0-9]{0,3}\Z", error_messages={"invalid": invalid}, **kwargs)


class SearchFilter(django_filters.CharFilter):
    """Quick search: every word in at least one of the fields, taken literally."""

    def __init__(self, *fields: str, **kwargs: Any) -> None:
        self.fields = fields
        kwargs.setdefault("label", gettext_lazy("Search"))
        kwargs.setdefault("max_length", MAX_WORDS)
        super().__init__(**kwargs)

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        return qs.filter(terms_query(value, self.fields)) if value else qs
