"""Filters that pages and API share: one code or word each, and a wrong one names the nearest right one.

The API asks more of each by a suffix: `for_api` derives that from the filters of the pages and the fields of the model.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, ClassVar

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import FilterSet

from config.facets import is_many
from config.faults import nearest, short
from config.lists import terms_query

MAX_WORDS = 100  # characters of a search: more is no question, and each word costs the database
MAX_LIST = 100  # words of one list
MAX_TOLD = 5  # wrong words of a list that a refusal names: it must not grow with the request
NUMBERS = {"value", "base_value", "target_value", "base_year", "target_year", "weight", "version"}
CODES = {"slug", "code", "doc_number"}
COMPARED = ("exact", "gte", "lte", "gt", "lt")
LETTER = re.compile(r"[A-Za-z]")
YES_NO = [("true", gettext_lazy("yes")), ("false", gettext_lazy("no"))]


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

    @staticmethod
    def stored(code: str) -> str:
        """The code as records have it, however it is written here."""
        return code

    def label_from_instance(self, obj: Any) -> str:
        """What a choice is called: its `label`, where its model has one for lists of several, else its name."""
        return str(getattr(obj, "label", obj))

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(self.stored(value) if isinstance(value, str) else value)
        except ValidationError:
            name = self.to_field_name or "pk"
            keys = self.queryset.values_list(name, flat=True) if self.queryset is not None else []
            raise not_among(value, [str(key) for key in keys]) from None


class SeveralField(forms.Field):
    """Several words, separated by commas."""

    def to_python(self, value: str | None) -> list[Any]:
        if not value:
            return []
        words = parts(value)
        if not all(words):
            raise ValidationError(_("Leave no empty place between the commas."), code="empty")
        if len(words) > MAX_LIST:
            text = _("Name at most %(most)d at once; these are %(count)d.")
            raise ValidationError(text % {"most": MAX_LIST, "count": len(words)}, code="too_many")
        return words


class WordsField(SeveralField):
    """Several of a few fixed words."""

    def __init__(self, *, choices: Sequence[tuple[str, Any]], **kwargs: Any) -> None:
        self.words = [str(word) for word, _label in choices]
        super().__init__(**kwargs)

    def to_python(self, value: str | None) -> list[str]:
        words = super().to_python(value)
        refuse_others(words, self.words)
        return words


class RecordsField(SeveralField):
    """Several records named by their codes; one query, whatever their number."""

    def __init__(self, *, queryset: QuerySet[Any], to_field_name: str, one: type[RecordField], **kwargs: Any) -> None:
        self.queryset, self.to_field_name, self.one = queryset, to_field_name, one
        super().__init__(**kwargs)

    def to_python(self, value: str | None) -> list[Any]:
        """The keys of the records."""
        codes = [self.one.stored(code) for code in super().to_python(value)]
        if not codes:
            return []
        keys = dict(self.queryset.values_list(self.to_field_name, "pk"))
        refuse_others(codes, keys)
        return [keys[code] for code in codes]


def parts(text: str) -> list[str]:
    """The words of a list, each once."""
    return list(dict.fromkeys(word.strip() for word in text.split(",")))


def refuse_others(words: Sequence[str], known: Any) -> None:
    """Raises ValidationError for each word that is not among the known ones; of very many, for the first."""
    wrong = [word for word in words if word not in known]
    if wrong:
        raise ValidationError([not_among(word, list(known)) for word in wrong[:MAX_TOLD]])


class SeveralFilter(django_filters.Filter):
    """Filter by any of several (`?kind__in=park,city`), or by none of them (`?kind__ne=park`).

    None of them keeps what has no data: that is not the word either.
    """

    def filter(self, qs: QuerySet[Any], value: list[Any]) -> QuerySet[Any]:
        if not value:
            return qs
        test = Q(**{f"{self.field_name}__in": value})
        if is_many(qs.model, self.field_name):
            # Asked directly, a record would come once for each of its many that fits.
            test = Q(pk__in=qs.model._base_manager.filter(test).values("pk"))
        elif self.exclude:
            test &= Q(**{f"{self.field_name}__isnull": False})
        return qs.exclude(test) if self.exclude else qs.filter(test)


class WordsFilter(SeveralFilter):
    field_class = WordsField


class RecordsFilter(SeveralFilter):
    field_class = RecordsField


class RecordFilter(django_filters.ModelChoiceFilter):
    """Filter by a related record, named by its code: `?province=hebei`."""

    field_class: ClassVar[type[RecordField]] = RecordField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("to_field_name", "slug")
        kwargs.setdefault("empty_label", gettext_lazy("all"))
        super().__init__(*args, **kwargs)

    @property
    def facet(self) -> str:
        """The path by which rows say under which choice they fall."""
        return f"{self.field_name}__{self.extra['to_field_name']}"

    def suffixed(self) -> dict[str, SeveralFilter]:
        """What may be asked of several such records."""
        how = {name: self.extra[name] for name in ("queryset", "to_field_name")}
        return {
            suffix: RecordsFilter(self.field_name, label=self.label, exclude=exclude, one=self.field_class, **how)
            for suffix, exclude in (("in", False), ("ne", True))
        }


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
    several: ClassVar[type[SeveralFilter]] = WordsFilter
    computed = False

    @property
    def facet(self) -> str:
        """The path by which rows say under which choice they fall; empty where that is computed."""
        return "" if self.computed else str(self.field_name)

    def suffixed(self) -> dict[str, SeveralFilter]:
        """What may be asked of several such words."""
        return {
            suffix: self.several(self.field_name, label=self.label, exclude=exclude, choices=self.extra["choices"])
            for suffix, exclude in (("in", False), ("ne", True))
        }


class FlagFilter(WordFilter):
    """Filter by yes or no: `?in_roster=true`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, choices=YES_NO, **kwargs)

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        return super().filter(qs, {"true": True, "false": False}.get(value, ""))

    def suffixed(self) -> dict[str, SeveralFilter]:
        return {}


class WholeFilter(django_filters.CharFilter):
    """Filter by a whole number from 1: `?version=2`."""

    field_class = forms.RegexField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        invalid = gettext_lazy("Write a whole number from 1 to 9999.")
        super().__init__(*args, regex=r"\A[1-9][0-9]{0,3}\Z", error_messages={"invalid": invalid}, **kwargs)


class AmountFilter(django_filters.CharFilter):
    """Filter by a decimal number: `?value__gte=12.5`. It is compared exactly, so it is read as it is written.

    Of more than 15 digits SQLite would compare the first 15 and PostgreSQL all.
    """

    field_class = forms.RegexField

    def __init__(self, *args: Any, digits: int, places: int, **kwargs: Any) -> None:
        self.pattern = rf"^(?!([^0-9]*[0-9]){{16}})-?[0-9]{{1,{digits - places}}}([.][0-9]{{1,{places}}})?$"
        text = gettext_lazy("Write a number such as 12.5, without signs between its digits: at most 15 of them.")
        super().__init__(*args, regex=self.pattern[:-1] + r"\Z", error_messages={"invalid": text}, **kwargs)


class CodeFilter(django_filters.CharFilter):
    """Filter by a code that is text: `?doc_number__icontains=2022`. Full-width digits are read as plain ones.

    A part of a code is looked for as a pattern: whether LIKE tells capitals from small letters, and which letters have
    both, is another matter on each database.
    """

    PATTERNS: ClassVar[Mapping[str, str]] = {"icontains": "{}", "startswith": "^{}"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, max_length=MAX_WORDS, **kwargs)

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        text, pattern = unicodedata.normalize("NFKC", value), self.PATTERNS.get(self.lookup_expr)
        if pattern is None:
            return super().filter(qs, text)
        return qs.filter(**{f"{self.field_name}__regex": pattern.format(in_any_case(text))}) if text else qs


def in_any_case(text: str) -> str:
    """A pattern for the text, in which the letters A to Z may be capital or small."""
    return LETTER.sub(lambda found: f"[{found[0].lower()}{found[0].upper()}]", re.escape(text))


class SearchFilter(django_filters.CharFilter):
    """Quick search: every word in at least one of the fields, taken literally."""

    def __init__(self, *fields: str, **kwargs: Any) -> None:
        self.fields = fields
        kwargs.setdefault("label", gettext_lazy("Search"))
        kwargs.setdefault("max_length", MAX_WORDS)
        super().__init__(**kwargs)

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        return qs.filter(terms_query(value, self.fields)) if value else qs


# -- what the API asks besides -------------------------------------------------------------------------------


class Asked(FilterSet):
    """Filters of which only those that are asked by are made: there are many, and a request names few."""

    every: ClassVar[Mapping[str, django_filters.Filter]]

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        self.base_filters = {name: self.every[name] for name in data or () if name in self.every}
        super().__init__(data, *args, **kwargs)


def for_api(filterset: Any, then: Mapping[str, str] | None = None) -> Any:
    """The filters of the API: those of the pages, suffixes to them, and the days, numbers and codes of the record.

    `then` names the fields that a reader of a past day sees otherwise than they are stored, each with the annotation
    under which the query has it as it is shown: what is asked about is what is shown.
    """
    shown, made = then or {}, {}
    for name, item in filterset.base_filters.items():
        if isinstance(item, django_filters.DateFilter):
            continue  # made below, with more suffixes
        made[name] = deepcopy(item)
        made[name].field_name = shown.get(item.field_name, item.field_name)
        if isinstance(item, WordFilter | RecordFilter):
            made |= {f"{name}__{suffix}": own for suffix, own in made[name].suffixed().items()}
    for field in filterset.Meta.model._meta.concrete_fields:
        place = shown.get(field.name, field.name)
        nullable = field.null or field.name in shown
        made |= {named(field.name, suffix): own for suffix, own in of_field(field, place, nullable=nullable)}
    own: Any = type(f"{filterset.__name__}ForApi", (Asked, filterset), {"Meta": filterset.Meta, "every": made})
    own.base_filters = made
    return own


def named(name: str, suffix: str) -> str:
    return name if suffix == "exact" else f"{name}__{suffix}"


def of_field(field: Any, place: str, *, nullable: bool) -> Iterator[tuple[str, django_filters.Filter]]:
    """What may be asked of a field of the model, by suffix; nothing of most kinds."""
    label = field.verbose_name
    if isinstance(field, models.DateField):
        yield from ((word, django_filters.DateFilter(place, word, label=label)) for word in COMPARED)
        if nullable:
            yield "isnull", FlagFilter(field_name=place, lookup_expr="isnull", label=label)
    elif field.name in NUMBERS and isinstance(field, models.DecimalField):
        how = {"digits": field.max_digits, "places": field.decimal_places, "label": label}
        yield from ((word, AmountFilter(place, word, **how)) for word in COMPARED)
    elif field.name in NUMBERS:
        yield from ((word, WholeFilter(place, word, label=label)) for word in COMPARED)
    elif field.name in CODES:
        yield from ((word, CodeFilter(place, word, label=label)) for word in ("exact", *CodeFilter.PATTERNS))
