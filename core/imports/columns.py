"""Columns of a sheet: headings, parsing of cells, display and export of values. Lookup of the records that cells
name: by code, full or short name, in either language; a near miss is an error, never a guess.

An app makes a subclass of its own where no column fits.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from datetime import date
from decimal import Decimal
from functools import cached_property
from operator import attrgetter
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.models import Model
from django.template.loader import render_to_string
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from core.errors import closest_match, former_names, truncate
from core.records.models import CodeField
from core.spreadsheets.cells import (
    AmbiguousCell,
    SheetCell,
    read_boolean,
    read_date,
    read_integer,
    read_number,
    read_text,
)
from core.text import PartialDate, format_date, join_long, join_sentences, join_short, no_data, normalize_code

MAX_SUGGESTIONS, MAX_COMPARISONS = 200, 100_000  # looking for the nearest name takes time
SEPARATORS = (";；", "、")  # of a list on one line: what no known name is cut at first


def in_each_language(text: Any) -> list[str]:
    """Return a lazy text in each language."""
    texts = []
    for language, _name in settings.LANGUAGES:
        with override(language):
            texts.append(str(text))
    return texts


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a sheet: the model field it fills, and the values it accepts; of this class itself, text.

    Subclasses read, explain and export other values. A value is None for an empty cell.
    """

    name: str
    label: Any  # lazy: the heading in the current language
    help: Any = ""
    required: bool = False  # for a new record
    model: Any = None  # the model whose records the column names
    choices: Mapping[str, object] = default(default_factory=dict)
    synonyms: Mapping[str, str] = default(default_factory=dict)  # other words for a choice, each with its code
    precision_column: str = ""  # for a date: the column with its precision
    stored: bool = True  # whether it fills a field of the record itself
    attribute: str = ""  # the attribute that an export writes, if it is not the field of this name
    limits: tuple[int, int] | None = None  # of an integer: the smallest and largest value that its field stores
    aliases: tuple[str, ...] = ()
    normalize: Callable[[str], str] = str  # the form in which the field stores a text

    accepted: ClassVar[Any] = gettext_lazy("Text. The cells have the format Text, so that codes keep their zeros.")
    note: ClassVar[Any] = ""  # lazy: a second sentence about the accepted formats
    width: ClassVar[int] = 28
    number_format: ClassVar[str] = "@"  # of cells still empty

    @property
    def heading(self) -> str:
        return str(capfirst(self.label))

    def accepted_formats(self) -> str:
        """Return the text that says in which formats the column's cells are read."""
        text = join_sentences(str(self.accepted), str(self.note))
        if self.precision_column:
            return join_sentences(text, _("Where only the month or year is known: 2024-01 or 2024."))
        return text

    def parse(self, cell: SheetCell, lookup: RecordLookup) -> Any:
        """Parse a cell. Raises AmbiguousCell with the form to write instead."""
        return self.normalize(read_text(cell))

    def export(self, record: Model, lookup: RecordLookup) -> Any:
        """Return the value that an export writes in the column; it reads back as the same value."""
        value = attrgetter(self.attribute or self.name)(record)
        return None if value == "" else value

    def display(self, value: Any) -> str:
        """Return a value of the field formatted for display."""
        if value is None or value in ("", []):  # a list has no hash
            return no_data()
        if self.choices:
            return str(self.choices.get(value, value))
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        if isinstance(value, Decimal):
            return f"{value.normalize():f}"
        if isinstance(value, list):
            return join_long(value)
        return format_date(value) if isinstance(value, date) else str(value)


class NumberColumn(Column):
    accepted, width, number_format = gettext_lazy("A number such as 1234.5."), 14, "General"

    def parse(self, cell: SheetCell, lookup: RecordLookup) -> Any:
        number = read_number(cell)
        if number.percent:
            raise AmbiguousCell("percent", _("Write the number without %."))
        return number.value


class IntegerColumn(Column):
    accepted, width, number_format = gettext_lazy("A whole number."), 14, "General"

    def parse(self, cell: SheetCell, lookup: RecordLookup) -> int:
        """Parse a whole number within the limits of the column's field, which are the same on every database."""
        number = read_integer(cell)
        if self.limits and not self.limits[0] <= number <= self.limits[1]:
            message = _("“%(value)s” is out of range. Write a whole number from %(least)d to %(most)d.")
            raise AmbiguousCell("out_of_range", message, cell.value, least=self.limits[0], most=self.limits[1])
        return number


class BooleanColumn(Column):
    accepted, width = gettext_lazy("yes or no (是 or 否)."), 14

    def parse(self, cell: SheetCell, lookup: RecordLookup) -> bool:
        return read_boolean(cell)


class DateColumn(Column):
    accepted, width, number_format = gettext_lazy("A date such as 2024-01-15."), 14, "yyyy-mm-dd"

    def parse(self, cell: SheetCell, lookup: RecordLookup) -> PartialDate:
        day = read_date(cell, epoch1904=lookup.epoch1904)
        if day.precision != "day" and not self.precision_column:
            raise AmbiguousCell("partial_date", _("Give the day as well, for example 2024-01-15."))
        return day

    def export(self, record: Model, lookup: RecordLookup) -> Any:
        """Return a partial date where that reads back as the same day: 2022-06 is the first of June. Else the day."""
        day = super().export(record, lookup)
        if day is None or not self.precision_column:
            return day
        precision = getattr(record, self.precision_column)
        firsts = {"month": day.replace(day=1), "year": day.replace(month=1, day=1)}
        return PartialDate(day, precision) if day == firsts.get(precision) else day


class ChoiceColumn(Column):
    accepted, width = gettext_lazy("One of the allowed values, in either language."), 18

    @cached_property
    def choice_words(self) -> dict[str, tuple[str, str]]:
        """All accepted words for a choice, normalized: the choice's code and the word as written."""
        labels = [(str(code), text) for code, label in self.choices.items() for text in in_each_language(label)]
        others = [(code, word) for word, code in self.synonyms.items()]
        codes = [(str(code), str(code)) for code in self.choices]
        return {fold_name(word): (code, word) for code, word in (*labels, *others, *codes)}

    def parse(self, cell: SheetCell, lookup: RecordLookup) -> str:
        """Parse a choice given by its code or by its label in either language."""
        word = read_text(cell)
        if fold_name(word) in self.choice_words:
            return self.choice_words[fold_name(word)][0]
        if near := closest_match(fold_name(word), self.choice_words):
            message = _("“%(word)s” is not allowed here. Did you mean “%(near)s”?")
            labels = {"near": self.choice_words[near][1]}
        else:
            message = _("“%(word)s” is not allowed here. Use one of: %(known)s.")
            labels = {"known": join_short(self.choices.values())}
        raise AmbiguousCell("not_a_choice", message % {"word": truncate(word), **labels})

    def export(self, record: Model, lookup: RecordLookup) -> Any:
        value = super().export(record, lookup)
        return None if value is None else str(self.choices[value])


class RecordColumn(Column):
    accepted, width = gettext_lazy("The name or code of a record, in either language."), 26

    def parse(self, cell: SheetCell, lookup: RecordLookup) -> Any:
        return lookup.find(self.model, read_text(cell))

    def export(self, record: Model, lookup: RecordLookup) -> Any:
        related = super().export(record, lookup)
        return None if related is None else lookup.index(self.model).name_for(related)


class RecordsColumn(Column):
    accepted, width = gettext_lazy("Names or codes: one a line, or with a semicolon or 、 between them."), 36

    def parse(self, cell: SheetCell, lookup: RecordLookup) -> list[object]:
        return lookup.find_list(self.model, read_text(cell))

    def export(self, record: Model, lookup: RecordLookup) -> Any:
        return "\n".join(map(lookup.index(self.model).name_for, getattr(record, self.name).all())) or None


class RecordNumberColumn(IntegerColumn):
    accepted = gettext_lazy("A whole number that an export wrote; empty for a new record.")

    def export(self, record: Model, lookup: RecordLookup) -> Any:
        return record.pk


def reading_rules() -> list[str]:
    """Return how cells are read and rows find their records, in sentences."""
    return render_to_string("admin/imports/reading_rules.txt").splitlines()


# -- made from a model ---------------------------------------------------------------------------------


FIELD_COLUMNS: list[tuple[type[models.Field], type[Column]]] = [
    (models.BooleanField, BooleanColumn),
    (models.DateField, DateColumn),
    (models.DecimalField, NumberColumn),
    (models.IntegerField, IntegerColumn),
]


def column_for_field(target: Any, column: type[Column] | None = None, **changes: Any) -> Column:
    """Build the column of a model field, of the class that its type calls for if no other is given."""
    made = next((made for field, made in FIELD_COLUMNS if isinstance(target, field)), Column)
    values: dict[str, Any] = {
        "help": target.help_text,
        "required": not (target.blank or target.many_to_many or target.has_default()),
        "limits": BaseDatabaseOperations.integer_field_ranges.get(target.get_internal_type()),
    }
    if target.is_relation:
        made, values["model"] = RecordsColumn if target.many_to_many else RecordColumn, target.related_model
    elif target.choices:
        made, values["choices"] = ChoiceColumn, dict(target.flatchoices)
    if isinstance(target, models.SlugField):
        values["normalize"] = lambda text: normalize_code(text).lower()
    elif isinstance(target, CodeField):
        values["normalize"] = normalize_code
    return (column or made)(target.name, target.verbose_name, **{**values, **changes})


# -- lookup of records ---------------------------------------------------------------------------------


def fold_name(text: str) -> str:
    """Normalize a name for comparison: full-width to half-width, case-folded, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


class NameIndex:
    """Index of all names of a model's records. One query, when first used."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.suggestions: dict[str, str] = {}
        self.spelled: dict[str, str] = {}  # names and codes as they are written, by how they are compared
        self.records_by_id: dict[int, Any] = {}
        self.records_by_code: dict[str, Any] = {}  # to the letter
        self.records_by_name: dict[str, list[Any]] = defaultdict(list)  # codes and names, folded
        for record in model._base_manager.select_related(*model.NAME_RELATIONS).order_by("pk"):
            self.add(record)

    def add(self, record: Any) -> None:
        self.records_by_id[record.pk] = record
        codes = list(filter(None, (getattr(record, name, "") for name in self.model.LOOKUP_CODES)))
        names = list(filter(None, (getattr(record, name, "") for name in self.model.LOOKUP_NAMES)))
        number = f"#{record.pk}"  # which is not mistyped by a letter, and never suggested
        self.records_by_code.update(dict.fromkeys([*codes, number], record))
        for text in (*names, *codes):
            self.spelled.setdefault(fold_name(text), text)
        for word in {fold_name(text) for text in (*names, *codes, number)}:
            self.records_by_name[word].append(record)

    @cached_property
    def former_names(self) -> dict[str, int]:
        return {fold_name(text): key for text, key in former_names(self.model._default_manager).items()}

    def record_by_id(self, key: int) -> Any:
        """Return the record with this primary key; one shared object for all rows."""
        if key not in self.records_by_id:  # entered since the names were read
            self.add(self.model._base_manager.get(pk=key))
        return self.records_by_id[key]

    def matching_records(self, text: str) -> list[object]:
        """Return all records that a word may mean. An exact code means its own record, even if another has the name."""
        exact = self.records_by_code.get(text.strip())
        return [exact] if exact else self.records_by_name.get(fold_name(text), [])

    def find(self, text: str) -> Any:
        """Return the record with this name. Raises AmbiguousCell with the closest name, or the codes to choose from."""
        word, matches = fold_name(text), self.matching_records(text)
        if not matches and (key := self.former_names.get(word)):
            return self.record_by_id(key)
        if len(matches) == 1:
            return matches[0]
        kind = str(self.model._meta.verbose_name)
        if matches:
            message = _("“%(word)s” stands for several: write the code, %(codes)s.")
            labels = {"word": truncate(text), "codes": join_short(map(self.code_of, matches))}
            raise AmbiguousCell("ambiguous", message % labels)
        hint = self.suggest(word)
        if hint:
            message = _("There is no %(kind)s “%(word)s”. Did you mean “%(near)s”?")
        else:
            message = _("There is no %(kind)s “%(word)s”. Write its code or its name as it stands in the records.")
        raise AmbiguousCell("unknown_record", message % {"kind": kind, "word": truncate(text), "near": hint})

    def suggest(self, word: str) -> str:
        """Return the closest name as it is written; empty if none is close, or for a file of nonsense."""
        most = min(MAX_SUGGESTIONS, MAX_COMPARISONS // max(1, len(self.spelled)) + 1)
        if word not in self.suggestions and len(self.suggestions) < most:
            near = closest_match(word, self.spelled)
            self.suggestions[word] = self.spelled[near] if near else ""
        return self.suggestions.get(word, "")

    def code_of(self, record: Any) -> str:
        codes = (getattr(record, name, "") for name in self.model.LOOKUP_CODES)
        return next(filter(None, codes), f"#{record.pk}")

    def name_for(self, record: Any) -> str:
        """Return the name by which an export names the record: in the current language if it is unambiguous, else its
        code."""
        wanted = [getattr(record, name, "") or "" for name in self.model.EXPORT_NAMES]
        return next(
            (text for text in [*wanted, self.code_of(record)] if self.identifies(text, record)), f"#{record.pk}"
        )

    def identifies(self, text: str, record: Model) -> bool:
        """Whether the name, alone in a cell or on a line of it, finds this record only."""
        plain = "\n" not in text and "\r" not in text and text == text.strip()  # else it cannot stand in a list
        return bool(text) and plain and self.matching_records(text) == [record]


class RecordLookup:
    """Name indexes of all models, each built once per import."""

    def __init__(self, *, epoch1904: bool = False) -> None:
        self.epoch1904 = epoch1904  # whether the workbook counts its days from 1904
        self.indexes: dict[type[models.Model], NameIndex] = {}

    def index(self, model: type[models.Model]) -> NameIndex:
        if model not in self.indexes:
            self.indexes[model] = NameIndex(model)
        return self.indexes[model]

    def find(self, model: type[models.Model], text: str) -> Any:
        return self.index(model).find(text)

    def find_list(self, model: type[models.Model], text: str) -> list[object]:
        """Return the records of a list: one a line, or separated by semicolons or 、. Raises AmbiguousCell."""
        records = []
        for line in text.split("\n"):
            for part in self.split_names(model, line.strip()):
                record = self.find(model, part)
                if record in records:
                    message = _("“%(word)s” stands in the list twice. Keep one.")
                    raise AmbiguousCell("twice", message % {"word": truncate(part)})
                records.append(record)
        return records

    def split_names(self, model: type[models.Model], line: str, separators: Sequence[str] = SEPARATORS) -> list[str]:
        """Split a line into names; a line that is itself a known name is not split."""
        if not line.strip():
            return []
        if not separators or self.index(model).matching_records(line):
            return [line.strip()]
        marks, *rest = separators
        pieces = line.translate(dict.fromkeys(map(ord, marks), "\n")).split("\n")
        return [part for piece in pieces for part in self.split_names(model, piece, rest)]
