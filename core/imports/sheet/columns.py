"""Columns of a sheet: headings, parsing of cells, display and export of values.

An app makes a subclass of its own where none of these fits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

from core.http.errors import closest_match, truncate
from core.imports.sheet.lookups import RecordLookup, fold_name
from core.spreadsheets.reading.cell_values import (
    AmbiguousCell,
    read_boolean,
    read_date,
    read_integer,
    read_number,
    read_text,
    unknown_format_error,
)
from core.spreadsheets.reading.cells import SheetCell
from core.text.bilingual import normalize_code
from core.text.formatting import PartialDate, format_date, join_long, join_sentences, join_short, no_data


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

    def accepted_headings(self) -> list[str]:
        """Return all accepted headings: the field name, the label in each language, and aliases."""
        labels = []
        for language, _name in settings.LANGUAGES:
            with override(language):
                labels.append(str(self.label))
        return [self.name, *labels, *self.aliases]

    def accepted_formats(self) -> str:
        """Return the text that says in which formats the column's cells are read."""
        text = join_sentences(str(self.accepted), str(self.note))
        if self.precision_column:
            return join_sentences(text, _("Where only the month or year is known: 2024-01 or 2024."))
        return text

    def parse(self, cell: SheetCell, lookup: RecordLookup) -> Any:
        """Parse a cell. Raises AmbiguousCell with the form to write instead."""
        if cell.unknown_format and self.normalize is not str:
            raise unknown_format_error(cell.value)
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
        if cell.unknown_format and self.precision_column and day.precision == "day" and day.on.day == 1:
            raise unknown_format_error(day.iso())
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
        words = {}
        for language, _name in settings.LANGUAGES:
            with override(language):
                words.update({fold_name(str(label)): (str(code), str(label)) for code, label in self.choices.items()})
        words.update({fold_name(word): (code, word) for word, code in self.synonyms.items()})
        return {**words, **{fold_name(str(code)): (str(code), str(code)) for code in self.choices}}

    def parse(self, cell: SheetCell, lookup: RecordLookup) -> str:
        """Parse a choice given by its code or by its label in either language."""
        word = read_text(cell)
        if fold_name(word) in self.choice_words:
            return self.choice_words[fold_name(word)][0]
        if near := closest_match(fold_name(word), self.choice_words):
            message, labels = (
                _("“%(word)s” is not allowed here. Did you mean “%(near)s”?"),
                {"near": self.choice_words[near][1]},
            )
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


class RecordNumberColumn(Column):
    accepted = gettext_lazy("A whole number that an export wrote; empty for a new record.")
    width, number_format = 14, "General"

    def parse(self, cell: SheetCell, lookup: RecordLookup) -> int:
        return read_integer(cell)

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
        values["normalize"] = normalize_slug
    elif target.name in target.model.CODE_FIELDS:
        values["normalize"] = normalize_code
    return (column or made)(target.name, target.verbose_name, **{**values, **changes})


def normalize_slug(text: str) -> str:
    return normalize_code(text).lower()
