"""Facet counts: how many rows each choice of a list's filters would leave, under the other filters in force."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.core.exceptions import FieldDoesNotExist
from django.db.models import QuerySet
from django.forms import Form
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django_filters import FilterSet

FacetValues = Mapping[int, Iterable[str]]  # by key of a row, the values under which a filter finds it


class ComputedFields(Protocol):
    """Fields of the rows of a list that are computed, not stored."""

    def ordered_keys(self, rows: QuerySet[Any], fields: Sequence[str], word: str) -> Sequence[int] | None:
        """Return the keys of the filtered rows in order; None where neither filter nor order is computed.

        `fields` are those of a stored order, `word` is the value of `sort`.
        """

    def values(self) -> Mapping[str, FacetValues]:
        """Return the values of each row by filter; nothing where they are not known."""

    def passing(self, name: str, value: str) -> set[int] | None:
        """Return the keys of the rows that a filter leaves; None where that is not known."""


@dataclass
class Facets:
    """Facet counts by filter and choice; `shared_values` is, by filter, the one choice that all rows share."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    shared_values: dict[str, str] = field(default_factory=dict)
    labels: dict[str, dict[str, str]] = field(default_factory=dict)  # by filter, the label of each choice


def build_facets(filterset: FilterSet, computed: ComputedFields | None = None) -> Facets:
    """Count the rows of each choice for each filter with choices.

    One query for all filters by a field, one for each to-many relation, and one for each filter in force; computed
    fields cost none here. A filter whose values are not known has no counts.
    """
    values = {**stored_values(filterset), **(computed.values() if computed else {})}
    passing = {name: keys for name, keys in passing_keys(filterset, computed).items() if keys is not None}
    if len(passing) < len(applied_values(filterset)):
        return Facets()  # what a filter leaves is known for one page at a time only
    facets = Facets()
    for name, found in values.items():
        others = [keys for other, keys in passing.items() if other != name]
        facets.counts[name] = count_values(found, others)
        under_all = count_values(found, passing.values())
        if len(under_all) == 1 and under_all.total() > 1:
            facets.shared_values[name] = next(iter(under_all))
    return facets


def applied_values(filterset: FilterSet) -> dict[str, object]:
    """Return the filters in force and their values."""
    return {name: value for name, value in filterset.form.cleaned_data.items() if value not in (None, "", [])}


def stored_values(filterset: FilterSet) -> dict[str, FacetValues]:
    """Return the URL values of each row for the filters by one of its fields."""
    rows = filterset.queryset.select_related(None).prefetch_related(None).order_by()
    paths = {name: item.facet_path for name, item in filterset.filters.items() if getattr(item, "facet_path", "")}
    many = {name for name in paths if is_to_many(rows.model, filterset.filters[name].field_name)}
    single = [name for name in paths if name not in many]
    out: dict[str, Any] = {name: {} for name in paths}
    for key, *found in rows.values_list("pk", *(paths[name] for name in single)):
        for name, value in zip(single, found, strict=True):
            out[name][key] = () if value is None else (url_value(value),)
    for name in many:
        for key, value in rows.values_list("pk", paths[name]):
            out[name].setdefault(key, set()).update(() if value is None else {url_value(value)})
    return out


def url_value(value: object) -> str:
    """Return a stored value as it is written in a URL."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def passing_keys(filterset: FilterSet, computed: ComputedFields | None) -> dict[str, set[int] | None]:
    """Return, by filter in force, the keys of the rows that it leaves; None where that is not known."""
    rows = filterset.queryset.select_related(None).prefetch_related(None).order_by()
    out: dict[str, set[int] | None] = {}
    for name, value in applied_values(filterset).items():
        item = filterset.filters[name]
        if getattr(item, "computed", False):
            out[name] = computed.passing(name, str(value)) if computed else None
        else:
            out[name] = set(item.filter(rows, value).values_list("pk", flat=True))
    return out


def count_values(values: FacetValues, passing: Iterable[set[int]]) -> Counter[str]:
    """Count the rows that pass every filter, by value."""
    left = set(values).intersection(*passing)
    return Counter(each for key in left for each in values[key])


def add_counts_to_choices(form: Form, facets: Facets) -> None:
    """Write the counts into the choices; choices without rows come last, under a heading of their own."""
    for name, counts in facets.counts.items():
        field: Any = form.fields[name]
        blank, *choices = [(str(value), str(label)) for value, label in field.choices]
        facets.labels[name] = dict(choices)
        some = [(value, choice_with_count(label, counts[value])) for value, label in choices if counts[value]]
        none = [(value, label) for value, label in choices if not counts[value]]
        field.choices = [blank, *some, *([(_("None of them here"), none)] if none else [])]


def choice_with_count(label: str, n: int) -> str:
    return pgettext("a choice and how many rows it leaves", "%(label)s (%(n)d)") % {"label": label, "n": n}


def is_to_many(model: Any, path: str) -> bool:
    """Return whether a record may have several values at the end of the path."""
    for name in path.split("__"):
        try:
            field = model._meta.get_field(name)
        except FieldDoesNotExist:  # an annotation
            return False
        if field.many_to_many or field.one_to_many:
            return True
        model = field.related_model
    return False
