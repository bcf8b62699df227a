"""Workbooks of an importer: an empty template, and exports that read back to exactly the same values."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import IO, Any

from django.db import models
from django.db.models import Model
from django.http.response import HttpResponseBase
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext as _
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, PatternFill
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from core.imports.importer import Importer
from core.imports.sheet.columns import BOOLEAN, CHOICE, READING_RULES, RECORD, RECORD_NUMBER, Column
from core.imports.sheet.headings import FAULT_HEADING, is_fault_heading
from core.imports.sheet.lookups import RecordLookup
from core.spreadsheets.cells import JANUARY_OR_OCTOBER, Place, Sheet, SheetCell
from core.spreadsheets.writer import (
    HEADER_COLOUR,
    MAX_CELL_TEXT,
    cell_writer,
    csv_response,
    file_value,
    header_cell,
    label_cell,
    new_workbook,
    plain_cell,
    saved,
    set_cell_value,
    set_layout,
    sheet_name,
    styled_cell,
    text_width,
    writable_value,
    write_rows,
    xlsx_response,
)
from core.text.formatting import join_long, join_sentences, join_short, label_value

MAX_CHOICES = 500  # names that a drop-down offers
LAST_ROW = 2**20
CHUNK_SIZE = 500  # records in memory
EXAMPLE_RECORDS = 50  # records that are searched for examples
LINE_ENDS = re.compile("\r\n|\r")
TRUNCATION_MARK = "…\u200e"  # an import refuses the hidden mark, and so takes no text that was cut for an edited one
REQUIRED_COLOUR = "FFF2CC"
FAULT_COLOUR = "FFFFC7CE"  # Excel's own for a bad value
FAULT_FILL = PatternFill("solid", start_color=FAULT_COLOUR)
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
    library, book = RecordLookup(), new_workbook(str(capfirst(kind.label)))
    names: list[str] = []
    for title in (capfirst(kind.label), _("Explanation"), _("Lists")):
        names.append(sheet_name(str(title), names))
    main, explanation, offered = (book.create_sheet(name) for name in names)
    # Columns with several values, or with too many choices, have no drop-down.
    lists = {column.name: values for column in kind.columns if (values := allowed_values(column, library))}
    widths = [max(c.column_type.width, min(text_width(c.heading) + 4, 30)) for c in kind.columns]
    set_layout(main, widths, headed=True)
    for index, column in enumerate(kind.columns, 1):  # of cells still empty
        # Text where a month may stand for a date, or 2022-06 would become a day.
        form = "@" if column.precision_column else column.column_type.number_format
        main.column_dimensions[get_column_letter(index)].number_format = form
    heads = [header_cell(main, c.heading, REQUIRED_COLOUR if c.required else HEADER_COLOUR) for c in kind.columns]
    write_rows(main, heads, [cell_writer(main) for _column in heads], row_values(kind, records, library))
    add_validations(main, kind, lists, names[-1])
    write_explanation(explanation, kind, lists, example_values(kind, library), notice)
    write_lists(offered, kind, lists)
    return saved(book)


# -- what is allowed -----------------------------------------------------------------------------------


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
        need = _("Required for a new record.") if column.required else ""
        prompt = join_sentences(join_sentences(need, str(column.help)), column.accepted_formats())
        title = Truncator(column.heading).chars(32)
        rule = DataValidation(
            allow_blank=True,
            showInputMessage=True,
            promptTitle=title,
            prompt=Truncator(prompt).chars(255),
            sqref=f"{letter}2:{letter}{LAST_ROW}",
        )
        if column.name in lists:
            place = get_column_letter(list(lists).index(column.name) + 1)
            rule.type = "list"
            rule.formula1 = f"{quote_sheetname(lists_sheet)}!${place}$2:${place}${len(lists[column.name]) + 1}"
            rule.showErrorMessage, rule.errorStyle, rule.errorTitle = True, "warning", title
            rule.error = _("This is not in the list. Keep it only if it is a code, or the name in another language.")
        sheet.data_validations.append(rule)


def write_lists(sheet: Worksheet, kind: Importer, lists: ChoiceLists) -> None:
    """Write the choices of each drop-down side by side, under their column's heading."""
    widths = [min(60, max(DEFAULT_WIDTH, *map(text_width, values)) + 2) for values in lists.values()]
    set_layout(sheet, widths, headed=True)
    sheet.append([header_cell(sheet, kind.columns_by_name[name].heading) for name in lists])
    for row in zip_longest(*lists.values()):
        sheet.append([value and plain_cell(sheet, value) for value in row])


# -- the explanation -----------------------------------------------------------------------------------


def write_explanation(
    sheet: Worksheet, kind: Importer, lists: ChoiceLists, samples: Mapping[str, str], notice: Notice
) -> None:
    """Write the explanation sheet: what each column takes, then how cells are read and rows find their records."""
    set_layout(sheet, EXPLANATION_WIDTHS)
    for label, text in notice:
        sheet.append([label_cell(sheet, label_value(label, text))])
    heads = (_("Column"), _("Required"), _("What to write"), _("Accepted forms"), _("Allowed values"), _("Example"))
    sheet.append([header_cell(sheet, head) for head in heads])
    for column in kind.columns:
        need = _("yes") if column.required else _("no")
        allowed, sample = allowed_values_text(column, lists), samples.get(column.name, "")
        texts = (need, str(column.help), column.accepted_formats(), allowed, sample)
        sheet.append([label_cell(sheet, column.heading), *(plain_cell(sheet, text) for text in texts)])
    sheet.append([])
    sheet.append([header_cell(sheet, _("How the file is read"))])
    keys = join_long(" + ".join(kind.columns_by_name[name].heading for name in key) for key in kind.keys)
    identity = label_value(_("Without a record number, a row finds its record by"), keys)
    for rule in (*map(str, READING_RULES), identity):
        sheet.append([plain_cell(sheet, rule, alignment=Alignment())])


def allowed_values_text(column: Column, lists: ChoiceLists) -> str:
    """Return the allowed values of a column as text, where they are few."""
    if column.column_type in {CHOICE, BOOLEAN}:
        return join_short(lists[column.name])
    return _("See the sheet “%(sheet)s”.") % {"sheet": _("Lists")} if column.name in lists else ""


def example_values(kind: Importer, library: RecordLookup) -> dict[str, str]:
    """Return an example value for each column, taken from existing records as an export writes them; none for the
    record number."""
    found: dict[str, str] = {}
    for record in kind.export_queryset().order_by("pk")[:EXAMPLE_RECORDS]:
        for column in kind.columns:
            wanted = column.name not in found and column.column_type is not RECORD_NUMBER
            if wanted and (value := column.export(record, library)) is not None:
                found[column.name] = str(file_value(normalized_value(value)))  # as it is typed
    return found


# -- the file that comes back --------------------------------------------------------------------------


def faulty_workbook(sheet: Sheet, heading_row: int, reasons: Mapping[int, str], faulty: Collection[Place]) -> IO[bytes]:
    """Return the rows of a file, each where it stood, with a column that says what is wrong, and the faulty cells red.

    The column of an earlier return gives way to the new one.
    """
    book = new_workbook(_("Import records"))
    target = book.create_sheet(sheet_name(sheet.name, []))
    rows: dict[int, dict[int, SheetCell | None]] = defaultdict(dict)
    for line in sheet.rows:
        rows[line.number].update(line.cells)
    for number, column in faulty:  # empty ones too
        rows[number].setdefault(column, None)
    former = {c for c, cell in rows[heading_row].items() if cell and is_fault_heading(cell.value)}
    place = 1 + max((column for cells in rows.values() for column in cells if column not in former), default=0)
    target.column_dimensions[get_column_letter(place)].width = 60
    kept: dict[tuple[object, ...], Cell] = {}  # a row is written before the next is made

    def make(number: int, column: int, cell: SheetCell | None) -> Cell:
        value, form = ("", "@") if cell is None else returned_value(cell)
        style = column, form, (number, column) in faulty
        if style not in kept:
            kept[style] = styled_cell(target, form, wrapped=False)
            if style[-1]:
                kept[style].fill = FAULT_FILL
        set_cell_value(kept[style], value)
        if cell and cell.error:
            kept[style].data_type = "e"
        return kept[style]

    texts = {heading_row: _(FAULT_HEADING), **reasons}
    for number in range(1, max(*rows, *texts) + 1):
        found = {c: make(number, c, cell) for c, cell in rows[number].items() if c not in former}
        if number in texts:
            found[place] = plain_cell(target, texts[number])
        target.append([found.get(column) for column in range(1, max(found, default=0) + 1)])
    return saved(book)


def returned_value(cell: SheetCell) -> tuple[Any, str]:
    """Return the value and the number format with which a cell reads back as it was read."""
    value = cell.value
    if cell.error:  # an error stays one until it is mended, and no formula of a CSV file runs
        return "#VALUE!", "General"
    if isinstance(value, str):
        if cell.untyped and JANUARY_OR_OCTOBER.fullmatch(value):  # what CSV leaves open
            return float(value), "General"
        return writable_value(value), "@"
    if isinstance(value, bool):
        return value, "General"
    if isinstance(value, int | float):
        return value, "0.##########%" if cell.percent else "0" * cell.leading_zeros or "General"
    form = {"day": "yyyy-mm-dd", "month": "yyyy-mm", "year": "yyyy"}[cell.precision]
    return value, form + (" hh:mm:ss" if hasattr(value, "hour") else "")
