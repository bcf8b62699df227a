"""FilterSets of the API: a page's filters, several values for each choice, and the lookups of `Meta.fields`."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, ClassVar

import django_filters
from django import forms
from django.contrib.admin.utils import lookup_spawns_duplicates
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Model, Q, QuerySet
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import FilterSet
from django_filters.rest_framework import DjangoFilterBackend
from django_filters.utils import label_for_filter, verbose_lookup_expr
from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request
from rest_framework.views import APIView

from core.api.serializers import ReadOnlyModelSerializer, then
from core.errors import Problem, choice_error, truncate
from core.http import ISO_DATE
from core.tables import MAX_SEARCH_LENGTH, ChoiceFilter, RelatedFilter, YesNoFilter, form_errors, split_commas

MAX_LIST_VALUES = 100  # values of one list
MAX_REPORTED = 5  # invalid values that an error names: it must not grow with the request
COMPARISONS = ["exact", "gte", "lte", "gt", "lt"]  # lookups of numbers, and of dates that are never missing
DATE_LOOKUPS = [*COMPARISONS, "isnull"]
CODE_LOOKUPS = ["exact", "icontains", "startswith"]
ASCII_LETTER = re.compile(r"[A-Za-z]")


# -- several values ------------------------------------------------------------------------------------------


class CommaListFormField(forms.Field):
    """Form field of several values separated by commas; `single` is the filter by one of them."""

    def __init__(self, *, single: ChoiceFilter | RelatedFilter, **kwargs: Any) -> None:
        self.single = single
        super().__init__(**kwargs)

    def to_python(self, value: str | None) -> list[object]:
        """Return the values as they are stored. One query for records, whatever their number."""
        if not value:
            return []
        words = split_commas(value)
        if not all(words):
            raise ValidationError(_("Leave no empty place between the commas."), code="empty")
        if len(words) > MAX_LIST_VALUES:
            text = _("Name at most %(most)d at once; these are %(count)d.")
            raise ValidationError(text % {"most": MAX_LIST_VALUES, "count": len(words)}, code="too_many")
        single: Any = self.single.field
        words, choices = [single.normalise(word) for word in words], single.known_values()
        wrong = [word for word in words if word not in choices]
        if wrong:
            raise ValidationError([choice_error(word, choices).message for word in wrong[:MAX_REPORTED]])
        return [choices[word] for word in words]


class CommaListFilter(django_filters.CharFilter):
    """Filter by any of several values (`?kind__in=park,city`), or by none of them (`?kind__ne=park`).

    `ne` keeps records without a value: they have none of the named values either.
    """

    field_class = CommaListFormField

    def __init__(self, single: ChoiceFilter | RelatedFilter, **kwargs: Any) -> None:
        super().__init__(single.field_name, "in", single=single, **kwargs)

    def filter(self, qs: QuerySet[Model], value: list[object]) -> QuerySet[Model]:
        if not value:
            return qs
        test = Q(**{f"{self.field_name}__in": value})
        # A join would return a record once for each related record that matches.
        if lookup_spawns_duplicates(qs.model._meta, self.field_name):
            test = Q(pk__in=qs.model._base_manager.filter(test).values("pk"))
        elif self.exclude:
            test &= Q(**{f"{self.field_name}__isnull": False})
        return qs.exclude(test) if self.exclude else qs.filter(test)


# -- numbers and codes ---------------------------------------------------------------------------------------


class NumberFilter(django_filters.NumberFilter):
    """Filter by a number, read as it is written: `?value__gte=12.5`. `regex` says how it may be written."""

    field_class = forms.RegexField

    def __init__(self, *args: Any, invalid: Any, **kwargs: Any) -> None:
        super().__init__(*args, error_messages={"invalid": invalid}, **kwargs)

    def get_max_validator(self) -> None:
        """Add no validator: the pattern limits the digits."""


def number_options(field: models.Field) -> dict[str, Any]:
    """Return how a number is written: an integer from 1, or a decimal of at most 15 digits, for SQLite would compare
    no more of them.
    """
    if not isinstance(field, models.DecimalField):
        return {"regex": r"\A[1-9][0-9]{0,3}\Z", "invalid": gettext_lazy("Write a whole number from 1 to 9999.")}
    whole, places = field.max_digits - field.decimal_places, field.decimal_places
    text = gettext_lazy("Write a number such as 12.5, without signs between its digits: at most 15 of them.")
    return {"regex": rf"^(?!([^0-9]*[0-9]){{16}})-?[0-9]{{1,{whole}}}([.][0-9]{{1,{places}}})?\Z", "invalid": text}


class CodeFilter(django_filters.CharFilter):
    """Filter by a textual code: `?doc_number__icontains=2022`. Full-width digits are read as plain ones.

    Partial matches use a regular expression: LIKE treats case, and the letters that have one, differently on each
    database.
    """

    PATTERNS: ClassVar[Mapping[str, str]] = {"icontains": "{}", "startswith": "^{}"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, max_length=MAX_SEARCH_LENGTH, **kwargs)

    def filter(self, qs: QuerySet[Model], value: str) -> QuerySet[Model]:
        text, pattern = unicodedata.normalize("NFKC", value), self.PATTERNS.get(self.lookup_expr)
        if pattern is None:
            exact: QuerySet[Model] = super().filter(qs, text)
            return exact
        # The letters A to Z match either case.
        folded = ASCII_LETTER.sub(lambda match: f"[{match[0].lower()}{match[0].upper()}]", re.escape(text))
        regex = pattern.format(folded)
        return qs.filter(**{f"{self.field_name}__regex": regex}) if text else qs


# -- filter set and backend ----------------------------------------------------------------------------------


class ApiFilterSet(FilterSet):
    """FilterSet of a list of the API, alone or over that of the page (`api_filterset`).

    Each filter by a choice or a related record gets `__in` and `__ne`; `Meta.fields` names the lookups of dates,
    numbers and codes. `as_of_fields` names, for each field that a past as-of date shows otherwise than stored, the
    annotation that holds the shown value: filters apply to what is shown.
    """

    FILTER_DEFAULTS: ClassVar[Mapping[type, Mapping[str, object]]] = {
        models.DateField: {"filter_class": django_filters.DateFilter},
        models.DecimalField: {"filter_class": NumberFilter, "extra": number_options},
        models.IntegerField: {"filter_class": NumberFilter, "extra": number_options},
        models.CharField: {"filter_class": CodeFilter},
        models.BooleanField: {"filter_class": YesNoFilter},  # for `isnull`
    }
    as_of_fields: ClassVar[Mapping[str, str]] = {}
    base_filters: dict[str, django_filters.Filter]

    def __init__(self, data: Mapping[str, str] | None = None, *args: Any, **kwargs: Any) -> None:
        """Build only the filters that the request names: there are up to 53, which take 3 ms."""
        self.base_filters = {name: item for name, item in self.base_filters.items() if name in (data or ())}
        super().__init__(data, *args, **kwargs)

    @classmethod
    def get_filters(cls) -> dict[str, django_filters.Filter]:
        """Return django-filter's filters, those for several values added, each with its label and OpenAPI schema."""
        filters: dict[str, django_filters.Filter] = {}
        for name, declared in super().get_filters().items():
            item = filters[name] = deepcopy(declared)  # that of a page stays as it is
            item.label = item.label or label_lookup(cls._meta.model, item.field_name, item.lookup_expr)
            item.field_name = cls.as_of_fields.get(item.field_name, item.field_name)
            if getattr(item, "takes_several", False):
                for suffix in ("in", "ne"):
                    label = label_several(item.label, suffix)
                    filters[f"{name}__{suffix}"] = CommaListFilter(item, exclude=suffix == "ne", label=label)
        if "q" in filters:
            filters["search"] = deepcopy(filters["q"])  # another name of it
        for item in filters.values():
            schema = getattr(item, "openapi_schema", None)
            if schema:
                extend_schema_field({**schema, "description": item.label})(item)
        return filters


def api_filterset(page: type[FilterSet], serializer: type[ReadOnlyModelSerializer], *names: str) -> type[ApiFilterSet]:
    """Return the FilterSet of a list over that of its page, with the lookups of these dates, numbers and codes. What
    the serializer shows as of the day is compared so.
    """
    model = serializer.Meta.model
    meta = type("Meta", (), {"model": model, "fields": {name: field_lookups(model, name) for name in names}})
    own = {"Meta": meta, "as_of_fields": {name: then(name) for name in serializer.as_of_fields()}}
    return type(f"{model.__name__}ApiFilter", (ApiFilterSet, page), own)


def field_lookups(model: Any, name: str) -> Sequence[str]:
    """Return the lookups of a field: a day that may be missing can be asked for, too."""
    field = model._meta.get_field(name)
    if isinstance(field, models.CharField):
        return CODE_LOOKUPS
    return DATE_LOOKUPS if isinstance(field, models.DateField) and field.null else COMPARISONS


def several_label(label: str, suffix: str) -> str:
    return f"{label} {verbose_lookup_expr(suffix)}"


label_lookup, label_several = lazy(label_for_filter, str), lazy(several_label, str)


class ApiFilterBackend(DjangoFilterBackend):
    """Filter backend of django-filter whose errors name the parameter."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Model], view: APIView) -> QuerySet[Model]:
        """Return the rows that pass the filters. Raises Problem for invalid values."""
        params = request.query_params
        filterset = self.get_filterset_class(view, queryset)(params, queryset=queryset, request=request)
        message = _("%(name)s: “%(value)s” is not a day. Write it as 2024-01-30.")
        faults = [
            Problem(name, "invalid_date", message % {"name": name, "value": truncate(params[name])})
            for name, item in filterset.filters.items()
            # A form would also read 01/02/2023, which is ambiguous.
            if isinstance(item, django_filters.DateFilter) and name in params and not ISO_DATE.fullmatch(params[name])
        ]
        if not faults and not filterset.is_valid():
            faults = form_errors(filterset.form)
        if faults:
            raise Problem.of(faults)
        rows: QuerySet[Model] = filterset.qs
        return rows
