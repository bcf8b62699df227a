"""The columns of a sheet: under which headings each stands, how its cells are read, shown and written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as default
from datetime import date
from decimal import Decimal
from functools import cached_property
from operator import attrgetter
from typing import Any, Literal

from django.conf import settings
from django.db import models
from django.db.backends.base.operations import BaseDatabaseOperations
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from config.charts import PartialDate
from config.faults import nearest, short
from config.sheets.grid import Entry
from config.sheets.values import Number, Unclear, read_day, read_flag, read_measured, read_number, read_text, read_whole
from config.templatetags.site import no_data, showdate
from config.words import listed, listed_long
from policies.imports.references import Library, folded
from policies.models.base import CODES, normal

Form = Literal["text", "number", "whole", "flag", "day", "choice", "record", "records", "steps", "key"]
FORMS: list[tuple[type[models.Field], Form]] = [
    (models.BooleanField, "flag"),
    (models.DateField, "day"),
    (models.DecimalField, "number"),
    (models.IntegerField, "whole"),
]


@dataclass(frozen=True)
class Column:
    """One column: the field it fills, and what people may write in it."""

    name: str
    label: Any  # lazy: the heading in the reader's language
    form: Form
    help: Any = ""
    required: bool = False  # for a record that is new
    model: type[models.Model] | None = None  # whose records it names
    choices: Mapping[str, Any] = default(default_factory=dict)
    synonyms: Mapping[str, str] = default(default_factory=dict)  # other words for a choice, each with its code
    partner: str = ""  # for a day: the column that says how exactly it is known
    stored: bool = True  # whether it fills a field of the record; else it only says something about the row
    attribute: str = ""  # what an export writes, where that is not the field of its name
    in_unit: bool = False  # its number is in an indicator's unit, which may be % or ten thousand tonnes
    limits: tuple[int, int] | None = None  # of a whole number: the least and the most that its field holds
    aliases: tuple[str, ...] = ()

    @property
    def field(self) -> bool:
        """Whether it fills a field of the record itself."""
        return self.form not in {"key", "steps"} and self.stored

    @property
    def named(self) -> type[models.Model]:
        """The model whose records it names. Raises TypeError for a column that names none."""
        if self.model is None:
            raise TypeError(self.name)
        return self.model

    @property
    def heading(self) -> str:
        return str(capfirst(self.label))

    def headings(self) -> list[str]:
        """All that may stand above it: its name in code, its label in each language, other usual words."""
        labels = []
        for language, _name in settings.LANGUAGES:
            with override(language):
                labels.append(str(self.label))
        return [self.name, *labels, *self.aliases]

    @cached_property
    def words(self) -> dict[str, tuple[str, str]]:
        """Every word that stands for a choice, as it is compared: the code, and the word as it is written."""
        words = {}
        for language, _name in settings.LANGUAGES:
            with override(language):
                words.update({folded(str(label)): (str(code), str(label)) for code, label in self.choices.items()})
        words.update({folded(word): (code, word) for word, code in self.synonyms.items()})
        return {**words, **{folded(str(code)): (str(code), str(code)) for code in self.choices}}

    def read(self, entry: Entry, library: Library) -> Any:
        """The value that the cell stands for. Raises Unclear with what to write instead."""
        return READ[self.form](self, entry, library)

    def show(self, value: Any) -> str:
        """A value of the field as people read it."""
        if value is None or value in ("", []):  # a list has no hash
            return no_data()
        if self.choices:
            return str(self.choices.get(value, value))
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        if isinstance(value, Decimal):
            return f"{value.normalize():f}"
        if isinstance(value, list):
            return listed_long(value)
        return showdate(value) if isinstance(value, date) else str(value)


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


# -- reading: one function a form ----------------------------------------------------------------------


def text_of(column: Column, entry: Entry, _library: Library) -> str:
    """Text; a code in the one form in which codes are stored, so that it is compared as such."""
    text = read_text(entry)
    if column.name not in CODES:
        return text
    return normal(text).lower() if column.name == "slug" else normal(text)


def whole_of(column: Column, entry: Entry, _library: Library) -> int:
    """A whole number that the column's field can hold, on every database."""
    number = read_whole(entry)
    if column.limits and not column.limits[0] <= number <= column.limits[1]:
        message = _("“%(value)s” is out of range. Write a whole number from %(least)d to %(most)d.")
        labels = {"value": short(entry.value), "least": column.limits[0], "most": column.limits[1]}
        raise Unclear("out_of_range", message % labels)
    return number


def number_of(column: Column, entry: Entry, _library: Library) -> Any:
    """A decimal; in a column whose unit stands elsewhere, the number together with how it was written."""
    if column.in_unit:
        return unscaled(read_measured(entry))
    number = read_number(entry)
    if number.percent:
        raise Unclear("percent", _("Write the number without %."))
    return number.value


def unscaled(number: Number) -> Number:
    """A number in a unit of its own, which may itself be ten thousand tonnes. Raises Unclear for one with 万 or 亿."""
    if number.scale:
        raise Unclear("scaled", _("Write the number in the indicator’s own unit, without 万 or 亿."))
    return number


def day_of(column: Column, entry: Entry, library: Library) -> PartialDate:
    day = read_day(entry, epoch1904=library.epoch1904)
    if day.precision != "day" and not column.partner:
        raise Unclear("partial_date", _("Give the day as well, for example 2024-01-15."))
    return day


def choice_of(column: Column, entry: Entry, _library: Library) -> str:
    """A word among those allowed, by its code or its label in either language."""
    word = read_text(entry)
    known = column.words
    if folded(word) in known:
        return known[folded(word)][0]
    near = nearest(folded(word), known)
    if near:
        message = _("“%(word)s” is not allowed here. Did you mean “%(near)s”?") % {
            "word": short(word),
            "near": known[near][1],
        }
    else:
        message = _("“%(word)s” is not allowed here. Use one of: %(known)s.") % {
            "word": short(word),
            "known": listed(column.choices.values()),
        }
    raise Unclear("not_a_choice", message)


def record_of(column: Column, entry: Entry, library: Library) -> Any:
    return library.find(column.named, read_text(entry))


def records_of(column: Column, entry: Entry, library: Library) -> list[Any]:
    return library.find_all(column.named, read_text(entry))


def steps_of(column: Column, entry: Entry, _library: Library) -> dict[int, Number]:
    """Values by year, as 2024: 34.4; 2025: 30, each in the indicator's unit."""
    steps: dict[int, Number] = {}
    for part in read_text(entry).replace("\n", ";").replace("；", ";").split(";"):
        if not part.strip():
            continue
        year, sign, value = part.replace("：", ":").replace("=", ":").partition(":")
        if not sign:
            raise Unclear("steps", _("Write each step as year: value, for example 2024: 34.4; 2025: 30."))
        when = read_whole(Entry(year.strip()))
        if when in steps:
            raise Unclear("twice", _("“%(word)s” stands in the list twice. Keep one.") % {"word": when})
        steps[when] = unscaled(read_measured(Entry(value.strip())))
    return steps


READ: Mapping[Form, Callable[[Column, Entry, Library], Any]] = {
    "text": text_of,
    "number": number_of,
    "whole": whole_of,
    "key": lambda column, entry, library: read_whole(entry),
    "flag": lambda column, entry, library: read_flag(entry),
    "day": day_of,
    "choice": choice_of,
    "record": record_of,
    "records": records_of,
    "steps": steps_of,
}


# -- made from a model ---------------------------------------------------------------------------------


def key_column() -> Column:
    """The number by which an exported row finds its record again, whatever else in it is edited."""
    return Column(
        "id",
        gettext_lazy("record number"),
        "key",
        help=gettext_lazy(
            "Written by exports: it says which record the row is about, so that every other cell may be edited. "
            "Leave it empty for a new record."
        ),
        aliases=("record no.", "记录编号"),
    )


def column_of(target: Any, **changes: Any) -> Column:
    """The column that fills a model's field."""
    values: dict[str, Any] = {
        "name": target.name,
        "label": target.verbose_name,
        "form": form_of(target),
        "help": target.help_text,
        "required": is_required(target),
        "model": target.related_model if target.is_relation else None,
        "choices": dict(target.flatchoices) if not target.is_relation and target.choices else {},
        "limits": BaseDatabaseOperations.integer_field_ranges.get(target.get_internal_type()),
    }
    return Column(**{**values, **changes})


def form_of(target: Any) -> Form:
    if target.many_to_many:
        return "records"
    if target.is_relation:
        return "record"
    if target.choices:
        return "choice"
    return next((form for kind, form in FORMS if isinstance(target, kind)), "text")


def is_required(target: Any) -> bool:
    """Whether a new record needs it: it may not be empty, and no default stands in."""
    return not (target.blank or target.many_to_many or target.has_default())


def write_cell(column: Column, record: Any, library: Library) -> Any:
    """What an export writes in the column: a value that reads back as the same."""
    if column.form == "records":
        named = getattr(record, column.name).all()
        return library.write_all(column.named, named) or None
    value = attrgetter("pk" if column.form == "key" else column.attribute or column.name)(record)
    if value is None or value == "":
        return None
    if column.form == "record":
        return library.names(column.named).write(value)
    if column.form == "steps":
        steps = sorted(value.all(), key=lambda step: step.year)
        return "; ".join(f"{step.year}: {step.value.normalize():f}" for step in steps) or None
    if column.form == "choice":
        return str(column.choices[value])
    if column.form == "day" and column.partner:
        return as_known(value, getattr(record, column.partner))
    return value


def as_known(day: date, precision: str) -> date | PartialDate:
    """A day as far as it is known, where that reads back as the same day: 2022-06 is the first of June."""
    firsts = {"month": day.replace(day=1), "year": day.replace(month=1, day=1)}
    return PartialDate(day, precision) if day == firsts.get(precision) else day  # type: ignore[arg-type]
