"""From a file to a dry run and its stored report, for the page and the command alike."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import get_language, override, pgettext
from django.utils.translation import gettext as _
from openpyxl.utils.cell import coordinate_to_tuple

from core.http.progress import Progress, no_progress
from core.imports.dry_run import DryRun, make_dry_run
from core.imports.importer import Importer
from core.imports.models import Import, ImportFile, ImportState
from core.imports.sheet.errors import printable_text
from core.imports.sheet.headings import REASON_HEADING, RESULT_HEADING, Headings, find_headings
from core.imports.sheet.lookups import fold_name
from core.imports.sheet.rows import Row
from core.spreadsheets.reading.annotate_file import annotated_csv, annotated_rows, annotated_workbook
from core.spreadsheets.reading.cells import Sheet, UnreadableFile
from core.spreadsheets.reading.reader import read_sheet, sheet_names
from core.text.joining import join_long, label_value

MAX_SHEETS = 10  # so many are searched for headings
MAX_STORED_ERRORS = 20_000  # so many are kept; nobody mends more in one go
MAX_DETAILED_ROWS = 2_000  # in a longer file the fields of new records are left to the file itself
FILE_RETENTION = timedelta(days=30)  # a file that was never confirmed


def dry_run_of_file(
    kind: Importer, name: str, content: bytes, *, by: Any, sheet: str | None = None, progress: Progress = no_progress
) -> DryRun:
    """Make the dry run of a file. Raises UnreadableFile when the whole file cannot be read."""
    return make_dry_run(kind, select_sheet(kind, name, content, sheet), by=by, progress=progress)


def select_sheet(kind: Importer, name: str, content: bytes, sheet: str | None) -> Sheet:
    """Return the named sheet, else the first with headings of this importer, else the first."""
    if sheet:
        return read_sheet(name, content, sheet)
    first = None
    for title in sheet_names(name, content)[:MAX_SHEETS]:
        read = read_sheet(name, content, title or None)
        if find_headings(read, kind.accepted_columns, kind.keys).columns:
            return read
        first = first or read
    return first or read_sheet(name, content)


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
            score = count_matching_headings(kind, sheet)
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


def count_matching_headings(kind: Importer, sheet: Sheet) -> int:
    """Return the number of headings that match the importer, less those unknown to it; at least 0."""
    found = find_headings(sheet, kind.accepted_columns, kind.keys)
    return max(0, len(found.columns) - sum(fault.code == "unknown_column" for fault in found.errors))


def is_named_after(sheet: Sheet, kind: Importer) -> bool:
    """Whether the sheet has the importer's name in any language, as templates and exports do."""
    names = {kind.name}
    for language, _name in settings.LANGUAGES:
        with override(language):
            names.add(kind.label)
    return fold_name(sheet.name) in set(map(fold_name, names))


def checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def command_report(plan: DryRun, *, name: str, content: bytes, import_id: int | None) -> dict[str, object]:
    """Return the report that the command prints: what was read and what it would do."""
    return {
        "file": printable_text(name),
        "sha256": checksum(content),
        "kind": plan.kind.name,
        "sheet": plan.sheet.name,
        "encoding": plan.sheet.encoding,
        "rows_read": len(plan.rows),
        "create": plan.count_rows("create"),
        "update": plan.count_rows("update"),
        "unchanged": plan.count_rows("unchanged"),
        "errors": [fault.as_json() for fault in plan.errors],
        "import_id": import_id,
    }


def save_dry_run(plan: DryRun, *, name: str, content: bytes, by: Any) -> Import:
    """Store a dry run with its file, so that it can be confirmed, corrected and looked up."""
    delete_expired_files()
    record = Import.objects.create(
        kind=plan.kind.name,
        file_name=printable_text(name)[-255:],
        sha256=checksum(content),
        form=plan.sheet.file_format,
        sheet=plan.sheet.name[:100],
        encoding=plan.sheet.encoding,
        uploaded_by=by,
        state=ImportState.FAULTY if plan.errors else ImportState.CHECKED,
        **row_counts(plan),
    )
    ImportFile.objects.create(record=record, content=content, report=dry_run_report(plan))
    return record


def update_dry_run(record: Import, plan: DryRun) -> None:
    """Update a stored dry run after checking its file again, against the current records or in another language."""
    for name, value in row_counts(plan).items():
        setattr(record, name, value)
    record.state = ImportState.FAULTY if plan.errors else ImportState.CHECKED
    record.save()
    ImportFile.objects.filter(record=record).update(report=dry_run_report(plan))


def row_counts(plan: DryRun) -> dict[str, int]:
    return {
        "rows_read": len(plan.rows),
        "created": plan.count_rows("create"),
        "updated": plan.count_rows("update"),
        "unchanged": plan.count_rows("unchanged"),
        "faults": len(plan.errors),
    }


def delete_expired_files() -> None:
    """Delete the files of dry runs that were never confirmed; their summary stays."""
    limit = timezone.now() - FILE_RETENTION
    waiting = [ImportState.FAULTY, ImportState.CHECKED]
    ImportFile.objects.filter(record__state__in=waiting, record__uploaded_at__lt=limit).delete()


def dry_run_report(plan: DryRun) -> dict[str, object]:
    """Return everything that the page of a dry run shows, in the current language."""
    return {
        "language": get_language(),
        "others": plan.sheet.other_sheets,
        "hidden_rows": plan.sheet.hidden_rows,
        "filled": sorted(set(plan.sheet.filled_down.values())),
        "delimiter": plan.sheet.delimiter,
        "heading_row": plan.headings.row,
        "first_row": first_row(plan),
        "places": result_columns(plan.headings),
        "headings": [[place, column.heading] for place, column in sorted(plan.headings.columns.items())],
        "faults": [fault.as_json() for fault in plan.errors[:MAX_STORED_ERRORS]],
        "rows": [row_report(plan, row) for row in plan.rows],
        "emptied": sum(change.emptied for row in plan.rows if row.is_valid for change in row.changes),
        "fingerprints": [] if plan.errors else [row.fingerprint() for row in plan.rows],
    }


def first_row(plan: DryRun) -> int:
    """Return the number of the first non-empty row below the headings."""
    return next((line.number for line in plan.sheet.rows if line.number > plan.headings.row), plan.headings.row + 1)


def result_columns(headings: Headings) -> list[int]:
    """Return the columns for result and reason in an annotated file: the existing ones, else after the last used
    column."""
    result = headings.result_column or headings.last_column + 1
    return [result, headings.reason_column or max(headings.last_column, result) + 1]


def row_report(plan: DryRun, row: Row) -> dict[str, object]:
    """Return one row of the report: the action, the record and the changed fields."""
    if not row.is_valid:
        return {"row": row.number, "action": "error", "name": "", "changes": []}
    fields = [[change.label, change.old, change.new, change.emptied] for change in row.changes]
    if row.action == "create" and len(plan.rows) <= MAX_DETAILED_ROWS:
        fields = new_record_fields(plan.kind, row)
    return {"row": row.number, "action": row.action, "name": plan.kind.describe(row), "changes": fields}


def new_record_fields(kind: Importer, row: Row) -> list[list[object]]:
    """Return what a new record would hold: the values of its row, and the slug proposed for it."""
    fields = []
    for column in kind.columns:
        if column.is_field and (row.values.get(column.name) is not None or column.name == "slug"):
            value = row.lists[column.name] if column.name in row.lists else getattr(row.record, column.name)
            fields.append([column.heading, "", column.display(value), False])
    return fields


def repeat_dry_run(kind: Importer, record: Import, *, by: Any, progress: Progress = no_progress) -> DryRun:
    """Make the dry run of a stored file again, against the current records."""
    content = bytes(record.file.content)
    return dry_run_of_file(kind, record.file_name, content, by=by, sheet=record.sheet or None, progress=progress)


# -- the workbook that comes back ----------------------------------------------------------------------


def annotated_file(record: Import, found: dict[str, Any]) -> bytes:
    """Return the user's own file with two added columns: the result of each row, and the reason. `found` is its
    report."""
    content = bytes(record.file.content)
    heads, places = (_(RESULT_HEADING), _(REASON_HEADING)), (found["places"][0], found["places"][1])
    results, heading_row = row_results(found), found["heading_row"]
    if record.form == "csv":
        return annotated_csv(content, record.encoding, found["delimiter"], heading_row, places, heads, results)
    faulty = [coordinate_to_tuple(fault["cell"]) for fault in found["faults"] if not fault["cell"].isdecimal()]
    if record.form == "xlsx":
        styled = annotated_workbook(content, record.sheet, heading_row, places, heads, results, faulty)
        if styled is not None:
            return styled
    sheet = read_sheet(record.file_name, content, record.sheet)
    return annotated_rows(sheet, heading_row, places, heads, results, faulty)


def row_results(found: dict[str, Any]) -> dict[int, tuple[str, str]]:
    """Return result and reason (or changes) by row. Errors above the rows are reported at the first row."""
    words = {
        "create": pgettext("import", "new"),
        "update": pgettext("import", "changed"),
        "unchanged": pgettext("import", "unchanged"),
        "error": pgettext("import", "error"),
    }
    reasons: dict[int, list[str]] = {row["row"]: [] for row in found["rows"]}
    for row in found["rows"]:
        if row["action"] == "update":  # what a new record holds stands in its row already
            reasons[row["row"]] += [
                label_value(label, f"{old} → {new}") for label, old, new, _emptied in row["changes"]
            ]
    results = {row["row"]: words[row["action"]] for row in found["rows"]}
    for fault in found["faults"]:
        number = fault["row"] if fault["row"] > found["heading_row"] else found["first_row"]
        results[number] = words["error"]
        reasons.setdefault(number, []).append(f"{fault['cell']}: {fault['message']}")
    return {number: (result, "\n".join(reasons[number])) for number, result in results.items()}
