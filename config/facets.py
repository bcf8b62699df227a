"""Facet counts: how many rows each choice of a list's filters would leave, under the other filters in force."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.forms import Form
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django_filters import FilterSet

Values = Mapping[Any, Iterable[str]]  # by key of a row, the words under which a filter finds it


@dataclass
class Facets:
    """`counts` by filter and choice; `alike` by filter the one choice that all rows of the list share."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    alike: dict[str, str] = field(default_factory=dict)
    labels: dict[str, dict[str, str]] = field(default_factory=dict)  # by filter, how each choice is called


def build_facets(filterset: FilterSet) -> Facets:
    """The counts for each filter with choices.

    One query for all filters by a field, one for each to many records, and one for each filter in force; what is
    computed of the rows (`computed_values`) costs none here. A filter whose values are not known has no counts.
    """
    values = {**stored_values(filterset), **getattr(filterset, "computed_values", dict)()}
    passing = {name: keys for name, keys in passes(filterset, values).items() if keys is not None}
    if len(passing) < len(asked(filterset)):
        return Facets()  # what a filter leaves is known page by page only
    facets = Facets()
    for name, found in values.items():
        others = [keys for other, keys in passing.items() if other != name]
        facets.counts[name] = tally(found, others)
        under_all = tally(found, passing.values())
        if len(under_all) == 1 and under_all.total() > 1:
            facets.alike[name] = next(iter(under_all))
    return facets


def asked(filterset: FilterSet) -> dict[str, Any]:
    """The filters in force and their values."""
    return {name: value for name, value in filterset.form.cleaned_data.items() if value not in (None, "", [])}


def stored_values(filterset: FilterSet) -> dict[str, Values]:
    """The words of each row for the filters by a field of it."""
    rows = filterset.queryset.select_related(None).prefetch_related(None).order_by()
    paths = {name: item.facet for name, item in filterset.filters.items() if getattr(item, "facet", "")}
    many = {name for name in paths if is_many(rows.model, filterset.filters[name].field_name)}
    single = [name for name in paths if name not in many]
    out: dict[str, Any] = {name: {} for name in paths}
    for key, *found in rows.values_list("pk", *(paths[name] for name in single)):
        for name, value in zip(single, found, strict=True):
            out[name][key] = () if value is None else (word(value),)
    for name in many:
        for key, value in rows.values_list("pk", paths[name]):
            out[name].setdefault(key, set()).update(() if value is None else {word(value)})
    return out


def word(value: Any) -> str:
    """A stored value as the address writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def passes(filterset: FilterSet, values: Mapping[str, Values]) -> dict[str, set[Any] | None]:
    """By filter in force, the keys of the rows that it leaves; None where that is not known."""
    computed = getattr(filterset, "computed_passes", lambda _name, _value: None)
    rows = filterset.queryset.select_related(None).prefetch_related(None).order_by()
    out: dict[str, set[Any] | None] = {}
    for name, value in asked(filterset).items():
        item = filterset.filters[name]
        if getattr(item, "computed", False):
            out[name] = computed(name, value)
        else:
            out[name] = set(item.filter(rows, value).values_list("pk", flat=True))
    return out


def tally(values: Values, passing: Iterable[set[Any]]) -> Counter[str]:
    """How many of the rows that pass everywhere each word finds."""
    left = set(values).intersection(*passing)
    return Counter(each for key in left for each in values[key])


def put_counts(form: Form, facets: Facets) -> None:
    """Write the counts into the choices; those that leave nothing come last, under a heading of their own."""
    for name, counts in facets.counts.items():
        field: Any = form.fields[name]
        blank, *choices = [(str(value), str(label)) for value, label in field.choices]
        facets.labels[name] = dict(choices)
        some = [(value, counted(label, counts[value])) for value, label in choices if counts[value]]
        none = [(value, label) for value, label in choices if not counts[value]]
        field.choices = [blank, *some, *([(_("None of them here"), none)] if none else [])]


def counted(label: str, n: int) -> str:
    return pgettext("a choice and how many rows it leaves", "%(label)s (%(n)d)") % {"label": label, "n": n}


def is_many(model: Any, path: str) -> bool:
    """Whether a record may have several of what the path leads to."""
    for name in path.split("__"):
        try:
            field = model._meta.get_field(name)
        except FieldDoesNotExist:  # computed by the query
            return False
        if field.many_to_many or field.one_to_many:
            return True
        model = field.related_model
    return False
