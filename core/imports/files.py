"""Files of imports: from a file to a dry run and its stored report, the file that comes back, an empty template, and
exports that read back to exactly the same values.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import chain, zip_longest
from typing import IO, Any

from django.db import models, transaction
from django.db.models import Model
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.text import Truncator, capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, PatternFill
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.utils.cell import coordinate_to_tuple
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from core.files import sha256_of
from core.imports.columns import (
    BooleanColumn,
    ChoiceColumn,
    Column,
    RecordColumn,
    RecordLookup,
    RecordNumberColumn,
    fold_name,
    in_each_language,
    reading_rules,
)
from core.imports.dry_run import DryRun, make_dry_run
from core.imports.headings import FAULT_HEADING, find_headings, is_fault_heading, printable_text
from core.imports.importer import FieldChange, Importer, Row, allowed_importers
from core.imports.models import Import, ImportFile, ImportState
from core.jobs.queue import Progress, no_progress
from core.records.writing import Conflict
from core.spreadsheets import writer as xlsx
from core.spreadsheets.cells import JANUARY_OR_OCTOBER, MAX_CELL_TEXT, Place, Sheet, SheetCell, UnreadableFile
from core.spreadsheets.reader import read_sheet, sheet_names
from core.spreadsheets.writer import csv_response, xlsx_response
from core.tables import AnyColumn
from core.text import join_long, join_sentences, join_short, label_value

MAX_SHEETS = 10  # so many are searched for headings
MAX_STORED_ERRORS = 20_000  # so many are kept; nobody mends more in one go
MAX_DETAILED_ROWS = 2_000  # in a longer file the fields of new records are left to the file itself
FILE_RETENTION = timedelta(days=30)  # a file that was never confirmed
CONFIRMED_FILE_RETENTION = timedelta(days=365)  # undoing an import does not need its file
MAX_CHOICES = 500  # names that a drop-down offers
LAST_ROW = 2**20
CHUNK_SIZE = 500  # records in memory
EXAMPLE_RECORDS = 50  # records that are searched for examples
LINE_ENDS = re.compile("\r\n|\r")
TRUNCATION_MARK = "…\u200e"  # an import refuses the hidden mark, and so takes no text that was cut for an edited one
REQUIRED_COLOUR = "FFF2CC"
FAULT_COLOUR = "FFFFC7CE"  # Excel's own for a bad value
FAULT_FILL = PatternFill("solid", start_color=FAULT_COLOUR)
EXPLANATION_WIDTHS = (26, 12, 60, 50, 44, 30)  # widths of the explanation's columns
ChoiceLists = Mapping[str, list[str]]
Notice = Sequence[tuple[str, str]]  # label and text of what is said of the data as a whole


def dry_run_of_file(
    kind: Importer, name: str, content: bytes, *, by: Any, sheet: str | None = None, progress: Progress = no_progress
) -> DryRun:
    """Make the dry run of a file. Raises UnreadableFile when the whole file cannot be read."""
    return make_dry_run(kind, select_sheet(kind, name, content, sheet), by=by, progress=progress)


def select_sheet(kind: Importer, name: str, content: bytes, sheet: str | None) -> Sheet:
    """Return the named sheet, else the first with headings of this importer, else the first."""
    if sheet:
        return read_sheet(name, content, sheet)
    titles = sheet_names(name, content)[:MAX_SHEETS]
    sheets = (read_sheet(name, content, title or None) for title in titles)
    fits = (read for read in sheets if find_headings(read, kind.columns, kind.keys).columns)
    return next(fits, None) or read_sheet(name, content)


def detect_importer(kinds: Iterable[Importer], name: str, content: bytes) -> tuple[Importer, Sheet]:
    """Return the importer whose headings the file has, and the sheet with them.

    Among importers with equally many matching headings, the one after which the sheet is named. Raises UnreadableFile
    if none or several remain.
    """
    best: list[tuple[Importer, Sheet]] = []
    most = 0
    for title in sheet_names(name, content)[:MAX_SHEETS]:
        sheet = read_sheet(name, content, title or None)
        for kind in kinds:
            headings = find_headings(sheet, kind.columns, kind.keys)
            score = max(0, len(headings.columns) - sum(fault.code == "unknown_column" for fault in headings.errors))
            if score > most:
                best, most = [], score
            if score == most and score:
                best.append((kind, sheet))
    named = [(kind, sheet) for kind, sheet in best if is_named_after(sheet, kind)] or best
    if len({kind.name for kind, _sheet in named}) == 1:
        return named[0]
    if not named:
        raise UnreadableFile("kind_unknown", _("No kind of records has these headings. Choose what the rows are."))
    labels = join_long(str(capfirst(kind.label)) for kind, _sheet in named)
    message = _("The headings fit several kinds of records: %(kinds)s. Choose what the rows are.")
    raise UnreadableFile("kind_unclear", message % {"kinds": labels})


def is_named_after(sheet: Sheet, kind: Importer) -> bool:
    """Whether the sheet has the importer's name in any language, as templates and exports do."""
    names = [kind.name, *in_each_language(kind.model._meta.verbose_name_plural)]
    return fold_name(sheet.name) in map(fold_name, names)


def store_file(kind: Importer | None, sheet: Sheet | None, *, name: str, content: bytes, by: Any) -> Import:
    """Keep an uploaded file as an import that is not checked yet. The check finds a kind or a sheet not given here."""
    delete_expired_files()
    record = Import.objects.create(
        kind=kind.name if kind else "",
        file_name=printable_text(name)[-255:],
        sha256=sha256_of(content),
        sheet=sheet.name[:100] if sheet else "",
        uploaded_by=by,
        state=ImportState.CHECKING,
    )
    ImportFile.objects.create(record=record, content=content)
    return record


def save_dry_run(plan: DryRun, *, name: str, content: bytes, by: Any) -> Import:
    """Store a dry run with its file, so that it can be confirmed, corrected and looked up."""
    with transaction.atomic():
        return update_dry_run(store_file(plan.kind, plan.sheet, name=name, content=content, by=by), plan)


def check_open(record: Import) -> None:
    """Raise Conflict for an import that was confirmed, or whose file is no longer kept."""
    if record.state in {ImportState.CONFIRMED, ImportState.UNDONE}:
        raise Conflict(_("Only an import that is not confirmed can be checked again."))
    if not record.can_be_checked_again:
        raise Conflict(_("The file is no longer kept. Upload it again."))


@transaction.atomic
def update_dry_run(record: Import, plan: DryRun) -> Import:
    """Store what the check of an import's file found, against the current records and in the current language.

    Raises Conflict where the import was confirmed while it was checked.
    """
    kept = Import.objects.select_related("file").defer("file__content").select_for_update(of=("self",))
    record = kept.get(pk=record.pk)
    check_open(record)
    record.kind, record.form, record.encoding = plan.kind.name, plan.sheet.file_format, plan.sheet.encoding
    record.sheet = plan.sheet.name[:100]
    record.rows_read, record.faults = len(plan.rows), len(plan.errors)
    record.created, record.updated = plan.count_rows("create"), plan.count_rows("update")
    record.unchanged = plan.count_rows("unchanged")
    record.state = ImportState.FAULTY if plan.errors else ImportState.CHECKED
    record.save()
    record.file.report = dry_run_report(plan)
    record.file.save(update_fields=["report"])
    return record


def delete_expired_files() -> None:
    """Delete the files of old dry runs and old imports; their summary stays."""
    now = timezone.now()
    waiting = [ImportState.CHECKING, ImportState.FAULTY, ImportState.CHECKED]
    ImportFile.objects.filter(record__state__in=waiting, record__uploaded_at__lt=now - FILE_RETENTION).delete()
    ImportFile.objects.filter(record__confirmed_at__lt=now - CONFIRMED_FILE_RETENTION).delete()


def dry_run_report(plan: DryRun) -> dict[str, object]:
    """Return everything that the page of a dry run shows, in the current language."""
    return {
        "language": get_language(),
        "others": plan.sheet.other_sheets,
        "filled": sorted(set(plan.sheet.filled_down.values())),
        "heading_row": plan.headings.row,
        "headings": [[position, column.heading] for position, column in sorted(plan.headings.columns.items())],
        "faults": [fault.as_json() for fault in plan.errors[:MAX_STORED_ERRORS]],
        "rows": [row_report(plan, row) for row in plan.rows],
        "emptied": sum(change.emptied for row in plan.rows if row.is_valid for change in row.changes),
        "fingerprints": [] if plan.errors else [row.fingerprint() for row in plan.rows],
    }


def row_report(plan: DryRun, row: Row) -> dict[str, object]:
    """Return one row of the report: the action, the record and the changed fields."""
    if not row.is_valid:
        return {"row": row.number, "action": "error", "name": "", "changes": []}
    fields = row.changes
    if row.action == "create" and len(plan.rows) <= MAX_DETAILED_ROWS:
        fields = []
        for column in plan.kind.columns:
            if column.stored and (row.values.get(column.name) is not None or column.name == "slug"):
                value = row.lists[column.name] if column.name in row.lists else getattr(row.record, column.name)
                fields.append(FieldChange(column.heading, "", column.display(value)))
    return {"row": row.number, "action": row.action, "name": plan.kind.describe(row), "changes": fields}


def repeat_dry_run(kind: Importer | None, record: Import, *, by: Any, progress: Progress = no_progress) -> DryRun:
    """Make the dry run of a stored file against the current records, the first one of a file that nobody has read."""
    content = bytes(record.file.content)
    if kind is None:
        kind, sheet = detect_importer(allowed_importers(by).values(), record.file_name, content)
        return make_dry_run(kind, sheet, by=by, progress=progress)
    return dry_run_of_file(kind, record.file_name, content, by=by, sheet=record.sheet or None, progress=progress)


def annotated_file(record: Import, report: dict[str, Any]) -> IO[bytes]:
    """Return a workbook of the file's rows that says what is wrong with each. `found` is the report.

    What is wrong with the headings stands in the first row below them.
    """
    sheet = read_sheet(record.file_name, bytes(record.file.content), record.sheet or None)
    heading_row = report["heading_row"]
    first = next((line.number for line in sheet.rows if line.number > heading_row), heading_row + 1)
    reasons: dict[int, list[str]] = defaultdict(list)
    for fault in report["faults"]:
        number = fault["row"] if fault["row"] > heading_row else first
        reasons[number].append(f"{fault['cell']}: {fault['message']}")
    faulty = {coordinate_to_tuple(fault["cell"]) for fault in report["faults"] if not fault["cell"].isdecimal()}
    return faulty_workbook(sheet, heading_row, {row: "\n".join(lines) for row, lines in reasons.items()}, faulty)


# -- templates and exports -------------------------------------------------------------------------------


def export_response(
    kind: Importer, records: models.QuerySet[Model], suffix: str, *, stem: str, notice: Notice = ()
) -> HttpResponseBase:
    """Return the records as a streamed XLSX or CSV response, to be edited and imported again. Cells of CSV that look
    like formulas are escaped; the import unescapes them."""
    if suffix == "xlsx":
        return xlsx_response(write_workbook(kind, records, notice), stem)
    rows: Iterable[Sequence[object]] = ([f"# {label_value(label, text)}"] for label, text in notice)
    rows = chain(rows, [[column.heading for column in kind.columns]], row_values(kind, records, RecordLookup()))
    return csv_response(rows, stem, for_excel=True)


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
    library, book = RecordLookup(), xlsx.new_workbook(str(capfirst(kind.label)))
    names: list[str] = []
    for title in (capfirst(kind.label), _("Explanation"), _("Lists")):
        names.append(xlsx.sheet_name(str(title), names))
    main, explanation, offered = (book.create_sheet(name) for name in names)
    # Columns with several values, or with too many choices, have no drop-down.
    lists = {column.name: values for column in kind.columns if (values := allowed_values(column, library))}
    widths = [max(c.width, min(xlsx.text_width(c.heading) + 4, 30)) for c in kind.columns]
    xlsx.set_layout(main, widths, headed=True)
    for index, column in enumerate(kind.columns, 1):  # of cells still empty
        # Text where a month may stand for a date, or 2022-06 would become a day.
        form = "@" if column.precision_column else column.number_format
        main.column_dimensions[get_column_letter(index)].number_format = form
    colours = {True: REQUIRED_COLOUR, False: xlsx.HEADER_COLOUR}
    heads = [xlsx.header_cell(main, c.heading, colours[c.required]) for c in kind.columns]
    xlsx.write_rows(main, heads, [xlsx.cell_writer(main) for _column in heads], row_values(kind, records, library))
    add_validations(main, kind, lists, names[-1])
    write_explanation(explanation, kind, lists, example_values(kind, library), notice)
    offers = [AnyColumn(name, kind.columns_by_name[name].heading) for name in lists]
    xlsx.write_rows(offered, *xlsx.prepare_sheet(offered, xlsx.SheetSpec("", offers, zip_longest(*lists.values()))))
    return xlsx.saved(book)


# -- what is allowed -----------------------------------------------------------------------------------


def allowed_values(column: Column, library: RecordLookup) -> list[str]:
    if isinstance(column, BooleanColumn):
        return [_("yes"), _("no")]
    if isinstance(column, ChoiceColumn):
        return [str(label) for label in column.choices.values()]
    if isinstance(column, RecordColumn) and column.model._base_manager.count() <= MAX_CHOICES:
        names = library.index(column.model)
        return [names.name_for(record) for record in column.model._default_manager.all()]
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
            column_letter = get_column_letter(list(lists).index(column.name) + 1)
            rule.type = "list"
            rule.formula1 = (
                f"{quote_sheetname(lists_sheet)}!${column_letter}$2:${column_letter}${len(lists[column.name]) + 1}"
            )
            rule.showErrorMessage, rule.errorStyle, rule.errorTitle = True, "warning", title
            rule.error = _("This is not in the list. Keep it only if it is a code, or the name in another language.")
        sheet.data_validations.append(rule)


# -- the explanation -----------------------------------------------------------------------------------


def write_explanation(
    sheet: Worksheet, kind: Importer, lists: ChoiceLists, samples: Mapping[str, str], notice: Notice
) -> None:
    """Write the explanation sheet: what each column takes, then how cells are read and rows find their records."""
    xlsx.set_layout(sheet, EXPLANATION_WIDTHS)
    for label, text in notice:
        sheet.append([xlsx.label_cell(sheet, label_value(label, text))])
    heads = (_("Column"), _("Required"), _("What to write"), _("Accepted forms"), _("Allowed values"), _("Example"))
    sheet.append([xlsx.header_cell(sheet, head) for head in heads])
    for column in kind.columns:
        need, allowed = _("yes") if column.required else _("no"), ""
        if isinstance(column, ChoiceColumn | BooleanColumn):
            allowed = join_short(lists[column.name])
        elif column.name in lists:
            allowed = _("See the sheet “%(sheet)s”.") % {"sheet": _("Lists")}
        texts = (need, str(column.help), column.accepted_formats(), allowed, samples.get(column.name, ""))
        sheet.append([xlsx.label_cell(sheet, column.heading), *(xlsx.plain_cell(sheet, text) for text in texts)])
    sheet.append([])
    sheet.append([xlsx.header_cell(sheet, _("How the file is read"))])
    keys = join_long(" + ".join(kind.columns_by_name[name].heading for name in key) for key in kind.keys)
    identity = label_value(_("Without a record number, a row finds its record by"), keys)
    for rule in (*reading_rules(), identity):
        sheet.append([xlsx.plain_cell(sheet, rule, alignment=Alignment())])


def example_values(kind: Importer, library: RecordLookup) -> dict[str, str]:
    """Return an example value for each column, taken from existing records as an export writes them; none for the
    record number."""
    examples: dict[str, str] = {}
    for record in kind.export_queryset().order_by("pk")[:EXAMPLE_RECORDS]:
        for column in kind.columns:
            wanted = column.name not in examples and not isinstance(column, RecordNumberColumn)
            if wanted and (value := column.export(record, library)) is not None:
                examples[column.name] = str(xlsx.file_value(normalized_value(value)))  # as it is typed
    return examples


# -- the file that comes back --------------------------------------------------------------------------


def faulty_workbook(sheet: Sheet, heading_row: int, reasons: Mapping[int, str], faulty: Collection[Place]) -> IO[bytes]:
    """Return the rows of a file, each where it stood, with a column that says what is wrong, and the faulty cells red.

    The column of an earlier return gives way to the new one.
    """
    book = xlsx.new_workbook(_("Import records"))
    target = book.create_sheet(xlsx.sheet_name(sheet.name, []))
    rows: dict[int, dict[int, SheetCell | None]] = defaultdict(dict)
    for line in sheet.rows:
        rows[line.number].update(line.cells)
    for number, column in faulty:  # empty ones too
        rows[number].setdefault(column, None)
    former = {c for c, cell in rows[heading_row].items() if cell and is_fault_heading(cell.value)}
    last_column = 1 + max((column for cells in rows.values() for column in cells if column not in former), default=0)
    target.column_dimensions[get_column_letter(last_column)].width = 60
    kept: dict[tuple[object, ...], Cell] = {}  # a row is written before the next is made

    def make(number: int, column: int, cell: SheetCell | None) -> Cell:
        value, form = ("", "@") if cell is None else returned_value(cell)
        style = column, form, (number, column) in faulty
        if style not in kept:
            kept[style] = xlsx.styled_cell(target, form, wrapped=False)
            if style[-1]:
                kept[style].fill = FAULT_FILL
        xlsx.set_cell_value(kept[style], value)
        if cell and cell.error:
            kept[style].data_type = "e"
        return kept[style]

    texts = {heading_row: _(FAULT_HEADING), **reasons}
    for number in range(1, max(*rows, *texts) + 1):
        copied = {c: make(number, c, cell) for c, cell in rows[number].items() if c not in former}
        if number in texts:
            copied[last_column] = xlsx.plain_cell(target, texts[number])
        target.append([copied.get(column) for column in range(1, max(copied, default=0) + 1)])
    return xlsx.saved(book)


def returned_value(cell: SheetCell) -> tuple[Any, str]:
    """Return the value and the number format with which a cell reads back as it was read."""
    value = cell.value
    if cell.error:  # an error stays one until it is mended, and no formula of a CSV file runs
        return "#VALUE!", "General"
    if isinstance(value, str):
        if cell.untyped and JANUARY_OR_OCTOBER.fullmatch(value):  # what CSV leaves open
            return float(value), "General"
        return xlsx.writable_value(value), "@"
    if isinstance(value, bool):
        return value, "General"
    if isinstance(value, int | float):
        return value, "0.##########%" if cell.percent else "0" * cell.leading_zeros or "General"
    form = {"day": "yyyy-mm-dd", "month": "yyyy-mm", "year": "yyyy"}[cell.precision]
    return value, form + (" hh:mm:ss" if hasattr(value, "hour") else "")
