"""Files of a kind: an empty workbook to fill in, and its records written so that they read back to the letter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from tempfile import TemporaryFile
from typing import IO, Any

from django.db import models
from django.http.response import HttpResponseBase
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import PatternFill
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.worksheet.datavalidation import DataValidation

from config.exports import csv_response, xlsx_response
from config.sheets.rewriting import LOOKS_ESCAPED
from config.words import labelled, listed, listed_long, sentences
from config.workbooks import (
    LONGEST_TEXT,
    SHORT_TEXT,
    filled,
    heading,
    label_cell,
    plain,
    set_page,
    sheet_name,
    spread,
    storable,
    styled,
)
from policies.imports.columns import READING_RULES, Column, Form, write_cell
from policies.imports.kinds import Kind
from policies.imports.references import Library
from policies.models import Shipment

LONGEST_LIST = 500  # names that a drop-down offers
LAST_ROW = 2**20
AT_ONCE = 500  # records in memory
EXAMPLES_FROM = 50  # records that are searched for examples
LINE_ENDS = re.compile("\r\n|\r")
CUT = "…\u200e"  # an import refuses the hidden mark, and so does not take a text cut to fit a cell for an edited one
REQUIRED = PatternFill("solid", start_color="FFF2CC")
WIDTHS: Mapping[Form, int] = {"text": 28, "record": 26, "records": 36, "steps": 32, "choice": 18}
USUAL_WIDTH = 14
EXPLAINED = (26, 12, 60, 50, 44, 30)  # widths of the explanation's columns
Lists = Mapping[str, list[str]]

ACCEPTED: Mapping[Form, Any] = {
    "text": gettext_lazy("Text. The cells have the format Text, so that codes keep their zeros."),
    "number": gettext_lazy("A number such as 1234.5."),
    "whole": gettext_lazy("A whole number."),
    "flag": gettext_lazy("yes or no (是 or 否)."),
    "day": gettext_lazy("A date such as 2024-01-15."),
    "choice": gettext_lazy("One of the allowed values, in either language."),
    "record": gettext_lazy("The name or code of a record, in either language."),
    "records": gettext_lazy("Names or codes: one a line, or with a semicolon or 、 between them."),
    "steps": gettext_lazy("Year: value, with a semicolon between one and the next."),
    "key": gettext_lazy("A whole number that an export wrote; empty for a new record."),
}


def template(kind: Kind) -> bytes:
    """An empty workbook to fill in, in the reader's language: the sheet, what each column means, what is allowed."""
    with write_book(kind, kind.model._base_manager.none()) as file:
        return file.read()


def export_workbook(kind: Kind, records: models.QuerySet[Any], *, stem: str) -> HttpResponseBase:
    """The records in the same form, to be edited and imported again. Read in parts: memory does not grow with them."""
    return xlsx_response(write_book(kind, records), stem)


def export_csv(kind: Kind, records: models.QuerySet[Any], *, stem: str) -> HttpResponseBase:
    """The same as CSV, sent while it is read. No cell runs as a formula; the import takes the apostrophe off again."""
    return csv_response(csv_rows(kind, records), stem, for_excel=True)


def csv_rows(kind: Kind, records: models.QuerySet[Any]) -> Iterator[Sequence[Any]]:
    if Shipment.objects.is_demonstration():
        yield [f"# {invented()}"]
    yield [column.heading for column in kind.columns]
    yield from values_of(kind, records, Library())


def invented() -> str:
    return labelled(_("Demonstration data"), _("invented, not the real programme"))


def values_of(kind: Kind, records: models.QuerySet[Any], library: Library) -> Iterator[list[Any]]:
    for record in records.iterator(chunk_size=AT_ONCE):
        yield [tidied(write_cell(column, record, library)) for column in kind.columns]


def tidied(value: Any) -> Any:
    """A value as both kinds of file hold it, so that it reads back as the same."""
    if isinstance(value, Decimal):
        return Decimal(f"{value.normalize():f}")
    if isinstance(value, str):
        text = LINE_ENDS.sub("\n", value)
        return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - len(CUT)] + CUT
    return value


# -- the workbook --------------------------------------------------------------------------------------


def write_book(kind: Kind, records: models.QuerySet[Any]) -> IO[bytes]:
    """The finished file, open at its beginning. What was asked for stands on the first sheet, alone."""
    library, book = Library(), Workbook(write_only=True)
    book.properties.title, book.properties.creator = str(capfirst(kind.label)), _("Synergy Pilot Tracker")
    names: list[str] = []
    for title in (capfirst(kind.label), _("Explanation"), _("Lists")):
        names.append(sheet_name(str(title), names))
    main, explanation, offered = (book.create_sheet(name) for name in names)
    lists = lists_of(kind, library)
    write_records(main, kind, values_of(kind, records, library))
    add_prompts(main, kind, lists, names[-1])
    explain(explanation, kind, lists, examples(kind, library))
    write_lists(offered, kind, lists)
    file = TemporaryFile()  # noqa: SIM115  # whoever sends it closes it
    book.save(file)
    file.seek(0)
    return file


def write_records(sheet: Any, kind: Kind, rows: Iterable[Sequence[Any]]) -> None:
    """Headings that stay in sight and filter, then the rows. Empty cells have their column's format already."""
    for index, column in enumerate(kind.columns, 1):
        dimension = sheet.column_dimensions[get_column_letter(index)]
        dimension.width = max(WIDTHS.get(column.form, USUAL_WIDTH), min(spread(column.heading) + 4, 30))
        dimension.number_format = format_of(column)
    set_page(sheet)
    sheet.freeze_panes, sheet.print_title_rows = "A2", "1:1"
    sheet.append([column_heading(sheet, column) for column in kind.columns])
    writers, count = [cell_writer(sheet) for column in kind.columns], 1
    for row in rows:
        sheet.append([write(value) for write, value in zip(writers, row, strict=True)])
        count += 1
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(kind.columns))}{count}"


def format_of(column: Column) -> str:
    """The format of cells still empty. Where a month may stand for a day it is text, or 2022-06 would become a day."""
    match column.form:
        case "number" | "whole" | "key":
            return "General"
        case "day" if not column.partner:
            return "yyyy-mm-dd"
    return "@"


def column_heading(sheet: Any, column: Column) -> Cell:
    cell = heading(sheet, column.heading)
    if column.required:
        cell.fill = REQUIRED
    return cell


def cell_writer(sheet: Any) -> Callable[[Any], Cell | None]:
    """What writes the values of one column. A row is written before the next is made, so a look's cell serves again."""
    kept: dict[tuple[str, bool], Cell] = {}

    def write(value: Any) -> Cell | None:
        value = cell_value(value)
        if value is None:
            return None
        look = value_format(value), isinstance(value, str) and "\n" in value
        if look not in kept:
            kept[look] = styled(sheet, *look)
        return filled(kept[look], value)

    return write


def cell_value(value: Any) -> Any:
    """A value as a cell holds it: text for what a spreadsheet would round; _x0041_, which means A there, is escaped."""
    value = storable(plain(value))
    return LOOKS_ESCAPED.sub("_x005F_", value) if isinstance(value, str) else value


def value_format(value: Any) -> str:
    if isinstance(value, str):
        return "@" if len(value) <= SHORT_TEXT else "General"
    return "yyyy-mm-dd" if isinstance(value, date) else "General"


# -- what is allowed -----------------------------------------------------------------------------------


def lists_of(kind: Kind, library: Library) -> dict[str, list[str]]:
    """By column, the values that its drop-down offers; none where several may be named, or where they are too many."""
    return {column.name: offered for column in kind.columns if (offered := values_allowed(column, library))}


def values_allowed(column: Column, library: Library) -> list[str]:
    match column.form:
        case "flag":
            return [_("yes"), _("no")]
        case "choice":
            return [str(label) for label in column.choices.values()]
        case "record" if column.named._base_manager.count() <= LONGEST_LIST:
            names = library.names(column.named)
            return [names.write(record) for record in column.named._default_manager.all()]
    return []


def add_prompts(sheet: Any, kind: Kind, lists: Lists, lists_sheet: str) -> None:
    """A word of help beside each cell, and the drop-downs. Other words may be written too: codes, another language."""
    for index, column in enumerate(kind.columns, 1):
        letter = get_column_letter(index)
        rule = DataValidation(
            allow_blank=True,
            showInputMessage=True,
            promptTitle=cut(column.heading, 32),
            prompt=cut(prompt(column), 255),
            sqref=f"{letter}2:{letter}{LAST_ROW}",
        )
        if column.name in lists:
            place = get_column_letter(list(lists).index(column.name) + 1)
            rule.type = "list"
            rule.formula1 = f"{quote_sheetname(lists_sheet)}!${place}$2:${place}${len(lists[column.name]) + 1}"
            rule.showErrorMessage, rule.errorStyle = True, "warning"
            rule.errorTitle = cut(column.heading, 32)
            rule.error = _("This is not in the list. Keep it only if it is a code, or the name in another language.")
        sheet.data_validations.append(rule)


def prompt(column: Column) -> str:
    need = _("Required for a new record.") if column.required else ""
    return sentences(sentences(need, str(column.help)), accepted(column))


def accepted(column: Column) -> str:
    """The forms in which a cell of the column is read."""
    text = str(ACCEPTED[column.form])
    if column.partner:
        return sentences(text, _("Where only the month or year is known: 2024-01 or 2024."))
    if column.in_unit:
        return sentences(text, _("In the indicator’s unit; % only where that is its unit."))
    return text


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def write_lists(sheet: Any, kind: Kind, lists: Lists) -> None:
    """The offered values side by side, under the headings of their columns."""
    set_page(sheet)
    sheet.freeze_panes = "A2"
    for index, values in enumerate(lists.values(), 1):
        widest = max(map(spread, values), default=0)
        sheet.column_dimensions[get_column_letter(index)].width = min(60, max(USUAL_WIDTH, widest + 2))
    sheet.append([heading(sheet, kind.by_name[name].heading) for name in lists])
    for place in range(max(map(len, lists.values()), default=0)):
        sheet.append([text_cell(sheet, values[place]) if place < len(values) else None for values in lists.values()])


def text_cell(sheet: Any, text: str) -> Cell:
    value = cell_value(text)
    return filled(styled(sheet, value_format(value), True), value)


# -- the explanation -----------------------------------------------------------------------------------


def explain(sheet: Any, kind: Kind, lists: Lists, samples: Mapping[str, str]) -> None:
    """What to write in each column, and below how cells are read and rows find their records."""
    set_page(sheet)
    for index, width in enumerate(EXPLAINED, 1):
        sheet.column_dimensions[get_column_letter(index)].width = width
    if Shipment.objects.is_demonstration():
        sheet.append([label_cell(sheet, invented())])
    heads = (_("Column"), _("Required"), _("What to write"), _("Accepted forms"), _("Allowed values"), _("Example"))
    sheet.append([heading(sheet, head) for head in heads])
    for column in kind.columns:
        name, *rest = explanation(column, lists, samples)
        sheet.append([label_cell(sheet, name), *(text_cell(sheet, text) for text in rest)])
    sheet.append([])
    sheet.append([heading(sheet, _("How the file is read"))])
    for rule in (*map(str, READING_RULES), keys_of(kind)):
        sheet.append([filled(styled(sheet, "General", False), rule)])


def explanation(column: Column, lists: Lists, samples: Mapping[str, str]) -> list[str]:
    need = _("yes") if column.required else _("no")
    return [
        column.heading,
        need,
        str(column.help),
        accepted(column),
        allowed(column, lists),
        samples.get(column.name, ""),
    ]


def allowed(column: Column, lists: Lists) -> str:
    """The allowed values of a column in words, where they are few."""
    if column.form in {"choice", "flag"}:
        return listed(lists[column.name])
    return _("See the sheet “%(sheet)s”.") % {"sheet": _("Lists")} if column.name in lists else ""


def keys_of(kind: Kind) -> str:
    """By which columns a row finds its record when it gives no record number."""
    keys = [" + ".join(kind.by_name[name].heading for name in key) for key in kind.keys]
    return labelled(_("Without a record number, a row finds its record by"), listed_long(keys))


def examples(kind: Kind, library: Library) -> dict[str, str]:
    """By column, a value of a record that is here, as an export writes it; of the record number none."""
    found: dict[str, str] = {}
    for record in kind.records().order_by("pk")[:EXAMPLES_FROM]:
        for column in kind.columns:
            value = None if column.name in found or column.form == "key" else write_cell(column, record, library)
            if value is not None:
                found[column.name] = str(plain(tidied(value)))  # as it is typed
    return found
