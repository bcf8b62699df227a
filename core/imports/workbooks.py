"""Workbooks of an importer: an empty template, and exports that read back to exactly the same values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from tempfile import TemporaryFile
from typing import IO

from django.db import models
from django.db.models import Model
from django.http.response import HttpResponseBase
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import PatternFill
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from core.imports.importer import Importer
from core.imports.sheet.columns import BOOLEAN, CHOICE, READING_RULES, RECORD, RECORD_NUMBER, Column
from core.imports.sheet.lookups import RecordLookup
from core.spreadsheets.file_responses import csv_response, xlsx_response
from core.spreadsheets.xlsx_writer import (
    MAX_CELL_TEXT,
    MAX_TEXT_FORMAT,
    FileValue,
    file_value,
    header_cell,
    label_cell,
    set_cell_value,
    set_page_layout,
    sheet_name,
    styled_cell,
    text_width,
    writable_value,
)
from core.text.joining import join_long, join_sentences, join_short, label_value

MAX_CHOICES = 500  # names that a drop-down offers
LAST_ROW = 2**20
CHUNK_SIZE = 500  # records in memory
EXAMPLE_RECORDS = 50  # records that are searched for examples
LINE_ENDS = re.compile("\r\n|\r")
TRUNCATION_MARK = (
    "…\u200e"  # an import refuses the hidden mark, and so does not take a text cut to fit a cell for an edited one
)
REQUIRED_FILL = PatternFill("solid", start_color="FFF2CC")
DEFAULT_WIDTH = 14
EXPLANATION_WIDTHS = (26, 12, 60, 50, 44, 30)  # widths of the explanation's columns
ChoiceLists = Mapping[str, list[str]]
Notice = Sequence[tuple[str, str]]  # label and text of what is said of the data as a whole


def template_workbook(kind: Importer, notice: Notice = ()) -> bytes:
    """Return an empty workbook in the current language: the sheet, an explanation of each column, the allowed
    values."""
    with write_workbook(kind, kind.model._base_manager.none(), notice) as file:
        return file.read()


def export_workbook(
    kind: Importer, records: models.QuerySet[Model], *, stem: str, notice: Notice = ()
) -> HttpResponseBase:
    """Return the records as an XLSX response that can be edited and imported again. Streamed: memory use is
    constant."""
    return xlsx_response(write_workbook(kind, records, notice), stem)


def export_csv(kind: Importer, records: models.QuerySet[Model], *, stem: str, notice: Notice = ()) -> HttpResponseBase:
    """Return the same records as a streamed CSV response. Cells that look like formulas are escaped; the import
    unescapes them."""
    return csv_response(csv_rows(kind, records, notice), stem, for_excel=True)


def csv_rows(kind: Importer, records: models.QuerySet[Model], notice: Notice) -> Iterator[Sequence[object]]:
    for label, text in notice:
        yield [f"# {label_value(label, text)}"]
    yield [column.heading for column in kind.columns]
    yield from row_values(kind, records, RecordLookup())


def row_values(kind: Importer, records: models.QuerySet[Model], library: RecordLookup) -> Iterator[list[object]]:
    for record in records.iterator(chunk_size=CHUNK_SIZE):
        yield [normalized_value(column.export(record, library)) for column in kind.columns]


def normalized_value(value: object) -> object:
    """Return a value in the form in which XLSX and CSV both hold it, so that it reads back unchanged."""
    if isinstance(value, Decimal):
        return Decimal(f"{value.normalize():f}")
    if isinstance(value, str):
        text = LINE_ENDS.sub("\n", value)
        return text if len(text) <= MAX_CELL_TEXT else text[: MAX_CELL_TEXT - len(TRUNCATION_MARK)] + TRUNCATION_MARK
    return value


# -- the workbook --------------------------------------------------------------------------------------


def write_workbook(kind: Importer, records: models.QuerySet[Model], notice: Notice = ()) -> IO[bytes]:
    """Return the finished workbook as a file opened at its start. The first sheet holds the records and nothing
    else."""
    library, book = RecordLookup(), Workbook(write_only=True)
    book.properties.title, book.properties.creator = str(capfirst(kind.label)), _("Synergy Pilot Tracker")
    names: list[str] = []
    for title in (capfirst(kind.label), _("Explanation"), _("Lists")):
        names.append(sheet_name(str(title), names))
    main, explanation, offered = (book.create_sheet(name) for name in names)
    lists = choice_lists(kind, library)
    write_records(main, kind, row_values(kind, records, library))
    add_validations(main, kind, lists, names[-1])
    write_explanation(explanation, kind, lists, example_values(kind, library), notice)
    write_lists(offered, kind, lists)
    file = TemporaryFile()  # noqa: SIM115  # the response closes it
    book.save(file)
    file.seek(0)
    return file


def write_records(sheet: Worksheet, kind: Importer, rows: Iterable[Sequence[object]]) -> None:
    """Write the heading row (frozen, filterable) and the records. Empty cells get their column's number format
    as well."""
    for index, column in enumerate(kind.columns, 1):
        dimension = sheet.column_dimensions[get_column_letter(index)]
        dimension.width = max(column.column_type.width, min(text_width(column.heading) + 4, 30))
        dimension.number_format = column_format(column)
    set_page_layout(sheet)
    sheet.freeze_panes, sheet.print_title_rows = "A2", "1:1"
    sheet.append([column_heading(sheet, column) for column in kind.columns])
    writers, count = [cell_writer(sheet) for column in kind.columns], 1
    for row in rows:
        sheet.append([write(value) for write, value in zip(writers, row, strict=True)])
        count += 1
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(kind.columns))}{count}"


def column_format(column: Column) -> str:
    """Return the number format of a column's empty cells. Text where a month may stand for a date, or 2022-06 would
    become a day."""
    return "@" if column.precision_column else column.column_type.number_format


def column_heading(sheet: Worksheet, column: Column) -> Cell:
    cell = header_cell(sheet, column.heading)
    if column.required:
        cell.fill = REQUIRED_FILL
    return cell


def cell_writer(sheet: Worksheet) -> Callable[[object], Cell | None]:
    """Return the function that writes one column. A row is written before the next is built, so cells of one style are
    reused."""
    kept: dict[tuple[str, bool], Cell] = {}

    def write(raw: object) -> Cell | None:
        value = writable_value(file_value(raw))
        if value is None:
            return None
        look = value_format(value), isinstance(value, str) and "\n" in value
        if look not in kept:
            kept[look] = styled_cell(sheet, *look)
        return set_cell_value(kept[look], value)

    return write


def value_format(value: FileValue) -> str:
    if isinstance(value, str):
        return "@" if len(value) <= MAX_TEXT_FORMAT else "General"
    return "yyyy-mm-dd" if isinstance(value, date) else "General"


# -- what is allowed -----------------------------------------------------------------------------------


def choice_lists(kind: Importer, library: RecordLookup) -> dict[str, list[str]]:
    """Return the values of each column's drop-down. Columns with several values, or with too many choices, have
    none."""
    return {column.name: offered for column in kind.columns if (offered := allowed_values(column, library))}


def allowed_values(column: Column, library: RecordLookup) -> list[str]:
    if column.column_type is BOOLEAN:
        return [_("yes"), _("no")]
    if column.column_type is CHOICE:
        return [str(label) for label in column.choices.values()]
    if column.column_type is RECORD and column.related_model._base_manager.count() <= MAX_CHOICES:
        names = library.index(column.related_model)
        return [names.name_for(record) for record in column.related_model._default_manager.all()]
    return []


def add_validations(sheet: Worksheet, kind: Importer, lists: ChoiceLists, lists_sheet: str) -> None:
    """Add an input message and the drop-down to each column. Values outside the list stay allowed: codes, the other
    language."""
    for index, column in enumerate(kind.columns, 1):
        letter = get_column_letter(index)
        rule = DataValidation(
            allow_blank=True,
            showInputMessage=True,
            promptTitle=shorten_to(column.heading, 32),
            prompt=shorten_to(input_prompt(column), 255),
            sqref=f"{letter}2:{letter}{LAST_ROW}",
        )
        if column.name in lists:
            place = get_column_letter(list(lists).index(column.name) + 1)
            rule.type = "list"
            rule.formula1 = f"{quote_sheetname(lists_sheet)}!${place}$2:${place}${len(lists[column.name]) + 1}"
            rule.showErrorMessage, rule.errorStyle = True, "warning"
            rule.errorTitle = shorten_to(column.heading, 32)
            rule.error = _("This is not in the list. Keep it only if it is a code, or the name in another language.")
        sheet.data_validations.append(rule)


def input_prompt(column: Column) -> str:
    need = _("Required for a new record.") if column.required else ""
    return join_sentences(join_sentences(need, str(column.help)), column.accepted_formats())


def shorten_to(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def write_lists(sheet: Worksheet, kind: Importer, lists: ChoiceLists) -> None:
    """Write the choices of each drop-down side by side, under their column's heading."""
    set_page_layout(sheet)
    sheet.freeze_panes = "A2"
    for index, values in enumerate(lists.values(), 1):
        widest = max(map(text_width, values), default=0)
        sheet.column_dimensions[get_column_letter(index)].width = min(60, max(DEFAULT_WIDTH, widest + 2))
    sheet.append([header_cell(sheet, kind.columns_by_name[name].heading) for name in lists])
    for place in range(max(map(len, lists.values()), default=0)):
        sheet.append([text_cell(sheet, values[place]) if place < len(values) else None for values in lists.values()])


def text_cell(sheet: Worksheet, text: str) -> Cell:
    value = writable_value(text)
    return set_cell_value(styled_cell(sheet, value_format(value), True), value)


# -- the explanation -----------------------------------------------------------------------------------


def write_explanation(
    sheet: Worksheet, kind: Importer, lists: ChoiceLists, samples: Mapping[str, str], notice: Notice
) -> None:
    """Write the explanation sheet: what each column takes, then how cells are read and rows find their records."""
    set_page_layout(sheet)
    for index, width in enumerate(EXPLANATION_WIDTHS, 1):
        sheet.column_dimensions[get_column_letter(index)].width = width
    for label, text in notice:
        sheet.append([label_cell(sheet, label_value(label, text))])
    heads = (_("Column"), _("Required"), _("What to write"), _("Accepted forms"), _("Allowed values"), _("Example"))
    sheet.append([header_cell(sheet, head) for head in heads])
    for column in kind.columns:
        name, *rest = explanation_row(column, lists, samples)
        sheet.append([label_cell(sheet, name), *(text_cell(sheet, text) for text in rest)])
    sheet.append([])
    sheet.append([header_cell(sheet, _("How the file is read"))])
    for rule in (*map(str, READING_RULES), lookup_keys_text(kind)):
        sheet.append([set_cell_value(styled_cell(sheet, "General", False), rule)])


def explanation_row(column: Column, lists: ChoiceLists, samples: Mapping[str, str]) -> list[str]:
    need = _("yes") if column.required else _("no")
    return [
        column.heading,
        need,
        str(column.help),
        column.accepted_formats(),
        allowed_values_text(column, lists),
        samples.get(column.name, ""),
    ]


def allowed_values_text(column: Column, lists: ChoiceLists) -> str:
    """Return the allowed values of a column as text, where they are few."""
    if column.column_type in {CHOICE, BOOLEAN}:
        return join_short(lists[column.name])
    return _("See the sheet “%(sheet)s”.") % {"sheet": _("Lists")} if column.name in lists else ""


def lookup_keys_text(kind: Importer) -> str:
    """Return the sentence that names the columns by which a row without a record number finds its record."""
    keys = [" + ".join(kind.columns_by_name[name].heading for name in key) for key in kind.keys]
    return label_value(_("Without a record number, a row finds its record by"), join_long(keys))


def example_values(kind: Importer, library: RecordLookup) -> dict[str, str]:
    """Return an example value for each column, taken from existing records as an export writes them; none for the
    record number."""
    found: dict[str, str] = {}
    for record in kind.export_queryset().order_by("pk")[:EXAMPLE_RECORDS]:
        for column in kind.columns:
            value = (
                None if column.name in found or column.column_type is RECORD_NUMBER else column.export(record, library)
            )
            if value is not None:
                found[column.name] = str(file_value(normalized_value(value)))  # as it is typed
    return found
