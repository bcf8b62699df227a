"""Columns of a sheet: headings, parsing of cells, display and export of values.

A column has a type, which is an object: an app passes an instance of its own where none of the types below fits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as default
from datetime import date
from decimal import Decimal
from functools import cached_property
from operator import attrgetter
from typing import Any

from django.conf import settings
from django.db import models
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.models import Model
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from core.http.errors import closest_match, truncate
from core.imports.sheet.lookups import RecordLookup, fold_name
from core.spreadsheets.cells import (
    AmbiguousCell,
    SheetCell,
    read_boolean,
    read_date,
    read_integer,
    read_number,
    read_text,
    unknown_format_error,
)
from core.text.bilingual import normalize_code
from core.text.formatting import PartialDate, format_date, join_long, join_sentences, join_short, no_data


def export_attribute(column: Column, record: Model, _lookup: RecordLookup) -> Any:
    """Return the record's own value; None for an empty one."""
    value = attrgetter(column.attribute or column.name)(record)
    return None if value == "" else value


@dataclass(frozen=True, eq=False)
class ColumnType:
    """How the cells of a column are parsed, explained and exported. Types are compared by identity."""

    parse: Callable[[Column, SheetCell, RecordLookup], Any]  # raises AmbiguousCell
    accepted: Any  # lazy: the accepted formats, for the explanation in a template
    export: Callable[[Column, Any, RecordLookup], Any] = export_attribute  # None for an empty cell
    note: Any = ""  # lazy: a second sentence about the accepted formats
    width: int = 14
    number_format: str = "@"  # of cells still empty
    is_field: bool = True  # whether the column fills a field of the record itself


@dataclass(frozen=True)
class Column:
    """One column of a sheet: the model field it fills, and the values it accepts."""

    name: str
    label: Any  # lazy: the heading in the current language
    column_type: ColumnType
    help: Any = ""
    required: bool = False  # for a new record
    model: type[models.Model] | None = None  # the model whose records the column names
    choices: Mapping[str, object] = default(default_factory=dict)
    synonyms: Mapping[str, str] = default(default_factory=dict)  # other words for a choice, each with its code
    precision_column: str = ""  # for a date: the column with its precision
    stored: bool = True  # False for a column that only says something about the row
    attribute: str = ""  # the attribute that an export writes, if it is not the field of this name
    limits: tuple[int, int] | None = None  # of an integer: the smallest and largest value that its field stores
    aliases: tuple[str, ...] = ()
    normalize: Callable[[str], str] = str  # the form in which the field stores a text

    @property
    def is_field(self) -> bool:
        """Whether the column fills a field of the record itself."""
        return self.column_type.is_field and self.stored

    @property
    def related_model(self) -> type[models.Model]:
        """The model whose records the column names. Raises TypeError for a column that names none."""
        if self.model is None:
            raise TypeError(self.name)
        return self.model

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

    @cached_property
    def choice_words(self) -> dict[str, tuple[str, str]]:
        """All accepted words for a choice, normalized: the choice's code and the word as written."""
        words = {}
        for language, _name in settings.LANGUAGES:
            with override(language):
                words.update({fold_name(str(label)): (str(code), str(label)) for code, label in self.choices.items()})
        words.update({fold_name(word): (code, word) for word, code in self.synonyms.items()})
        return {**words, **{fold_name(str(code)): (str(code), str(code)) for code in self.choices}}

    def parse(self, cell: SheetCell, lookup: RecordLookup) -> Any:
        """Parse a cell. Raises AmbiguousCell with the form to write instead."""
        return self.column_type.parse(self, cell, lookup)

    def export(self, record: Model, lookup: RecordLookup) -> Any:
        """Return the value that an export writes in the column; it reads back as the same value."""
        return self.column_type.export(self, record, lookup)

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

    def accepted_formats(self) -> str:
        """Return the text that says in which formats the column's cells are read."""
        text = join_sentences(str(self.column_type.accepted), str(self.column_type.note))
        if self.precision_column:
            return join_sentences(text, _("Where only the month or year is known: 2024-01 or 2024."))
        return text


READING_RULES = (
    gettext_lazy(
        "Headings in Chinese or English, in any order; title rows above them, empty rows and columns are fine."
    ),
    gettext_lazy("A column that is not known is an error, so that nothing is passed over. 序号 and No. are not read."),
    gettext_lazy(
        "Dates: a date of Excel, 2024-01-15, 2024/1/15, 2024.1.15, 2024年1月15日. A month or a year alone only where "
        "the record says how exactly a day is known."
    ),
    gettext_lazy(
        "Numbers: 1234.5, 1,234.5, full-width digits too. 1.2万 is 12,000, but is refused where the indicator has a "
        "unit of its own. % only for indicators in %: 65% is 65. The indicator’s own unit may follow "
        "a value, as in 11,000 t or 11,000吨."
    ),
    gettext_lazy("No value: leave the cell empty. —, / and 未统计 are refused, and nothing is ever read as 0."),
    gettext_lazy("Formulas count by their saved result; one that was never calculated is refused."),
    gettext_lazy(
        "Provinces, pilots, indicators and other records: by code, full or short name, in either language; a near miss "
        "is an error that offers the nearest."
    ),
    gettext_lazy("Lists: one name a line, or parted by semicolons or 、."),
    gettext_lazy(
        "An empty cell empties the field of a record that is there already, where it may be empty; a column that is "
        "not in the file leaves its field alone."
    ),
    gettext_lazy(
        "A row finds its record by the record number, else by its code, else by what names it. A reading with another "
        "value becomes the next version."
    ),
)


# -- column types: how each parses and exports ---------------------------------------------------------


def parse_text(column: Column, cell: SheetCell, _lookup: RecordLookup) -> str:
    """Parse text. A code is normalized as it is stored, so that it compares equal."""
    if cell.unknown_format and column.normalize is not str:
        raise unknown_format_error(cell.value)
    return column.normalize(read_text(cell))


def parse_integer(column: Column, cell: SheetCell, _lookup: RecordLookup) -> int:
    """Parse a whole number within the limits of the column's field, which are the same on every database."""
    number = read_integer(cell)
    if column.limits and not column.limits[0] <= number <= column.limits[1]:
        message = _("“%(value)s” is out of range. Write a whole number from %(least)d to %(most)d.")
        raise AmbiguousCell("out_of_range", message, cell.value, least=column.limits[0], most=column.limits[1])
    return number


def parse_number(_column: Column, cell: SheetCell, _lookup: RecordLookup) -> Decimal:
    number = read_number(cell)
    if number.percent:
        raise AmbiguousCell("percent", _("Write the number without %."))
    return number.value


def parse_date(column: Column, cell: SheetCell, lookup: RecordLookup) -> PartialDate:
    day = read_date(cell, epoch1904=lookup.epoch1904)
    if cell.unknown_format and column.precision_column and day.precision == "day" and day.on.day == 1:
        raise unknown_format_error(day.iso())
    if day.precision != "day" and not column.precision_column:
        raise AmbiguousCell("partial_date", _("Give the day as well, for example 2024-01-15."))
    return day


def export_date(column: Column, record: Model, lookup: RecordLookup) -> Any:
    """Return a partial date where that reads back as the same day: 2022-06 is the first of June. Else the day."""
    day = export_attribute(column, record, lookup)
    if day is None or not column.precision_column:
        return day
    precision = getattr(record, column.precision_column)
    firsts = {"month": day.replace(day=1), "year": day.replace(month=1, day=1)}
    return PartialDate(day, precision) if day == firsts.get(precision) else day


def parse_choice(column: Column, cell: SheetCell, _lookup: RecordLookup) -> str:
    """Parse a choice given by its code or by its label in either language."""
    word = read_text(cell)
    known = column.choice_words
    if fold_name(word) in known:
        return known[fold_name(word)][0]
    if near := closest_match(fold_name(word), known):
        message, labels = _("“%(word)s” is not allowed here. Did you mean “%(near)s”?"), {"near": known[near][1]}
    else:
        message = _("“%(word)s” is not allowed here. Use one of: %(known)s.")
        labels = {"known": join_short(column.choices.values())}
    raise AmbiguousCell("not_a_choice", message % {"word": truncate(word), **labels})


def export_choice(column: Column, record: Model, lookup: RecordLookup) -> Any:
    value = export_attribute(column, record, lookup)
    return None if value is None else str(column.choices[value])


def export_record(column: Column, record: Model, lookup: RecordLookup) -> Any:
    related = export_attribute(column, record, lookup)
    return None if related is None else lookup.index(column.related_model).name_for(related)


def parse_records(column: Column, cell: SheetCell, lookup: RecordLookup) -> list[object]:
    return lookup.find_list(column.related_model, read_text(cell))


TEXT = ColumnType(
    parse_text, gettext_lazy("Text. The cells have the format Text, so that codes keep their zeros."), width=28
)
NUMBER = ColumnType(parse_number, gettext_lazy("A number such as 1234.5."), number_format="General")
INTEGER = ColumnType(parse_integer, gettext_lazy("A whole number."), number_format="General")
BOOLEAN = ColumnType(lambda column, cell, lookup: read_boolean(cell), gettext_lazy("yes or no (是 or 否)."))
DATE = ColumnType(
    parse_date, gettext_lazy("A date such as 2024-01-15."), export=export_date, number_format="yyyy-mm-dd"
)
CHOICE = ColumnType(
    parse_choice, gettext_lazy("One of the allowed values, in either language."), export=export_choice, width=18
)
RECORD = ColumnType(
    lambda column, cell, lookup: lookup.find(column.related_model, read_text(cell)),
    gettext_lazy("The name or code of a record, in either language."),
    export=export_record,
    width=26,
)
RECORDS = ColumnType(
    parse_records,
    gettext_lazy("Names or codes: one a line, or with a semicolon or 、 between them."),
    export=lambda column, record, lookup: (
        lookup.names_for(column.related_model, getattr(record, column.name).all()) or None
    ),
    width=36,
)
RECORD_NUMBER = ColumnType(
    lambda column, cell, lookup: read_integer(cell),
    gettext_lazy("A whole number that an export wrote; empty for a new record."),
    export=lambda column, record, lookup: record.pk,
    number_format="General",
    is_field=False,
)
FIELD_TYPES: list[tuple[type[models.Field], ColumnType]] = [
    (models.BooleanField, BOOLEAN),
    (models.DateField, DATE),
    (models.DecimalField, NUMBER),
    (models.IntegerField, INTEGER),
]


# -- made from a model ---------------------------------------------------------------------------------


def column_for_field(target: Any, **changes: Any) -> Column:
    """Build the column of a model field."""
    column_type = next((kind for field, kind in FIELD_TYPES if isinstance(target, field)), TEXT)
    if target.many_to_many:
        column_type = RECORDS
    elif target.is_relation:
        column_type = RECORD
    elif target.choices:
        column_type = CHOICE
    normalize: Callable[[str], str] = normalize_code if target.name in target.model.CODE_FIELDS else str
    if isinstance(target, models.SlugField):  # the form in which the field stores a text: codes are normalized
        normalize = normalize_slug
    values: dict[str, Any] = {
        "name": target.name,
        "label": target.verbose_name,
        "column_type": column_type,
        "help": target.help_text,
        "required": is_required(target),
        "model": target.related_model if target.is_relation else None,
        "choices": dict(target.flatchoices) if not target.is_relation and target.choices else {},
        "limits": BaseDatabaseOperations.integer_field_ranges.get(target.get_internal_type()),
        "normalize": normalize,
    }
    return Column(**{**values, **changes})


def normalize_slug(text: str) -> str:
    return normalize_code(text).lower()


def is_required(target: Any) -> bool:
    """Whether a new record needs the field: it may not be blank and has no default."""
    return not (target.blank or target.many_to_many or target.has_default())
