"""From a file to a dry run and its stored report, for the page and the command alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import IO, Any

from django.conf import settings
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from openpyxl.utils.cell import coordinate_to_tuple

from core.files.store import sha256_of
from core.imports.dry_run import DryRun, make_dry_run
from core.imports.importer import Importer, Row
from core.imports.models import Import, ImportFile, ImportState
from core.imports.sheet.headings import find_headings, printable_text
from core.imports.sheet.lookups import fold_name
from core.imports.workbooks import faulty_workbook
from core.jobs.queue import Progress, no_progress
from core.spreadsheets.cells import Sheet, UnreadableFile
from core.spreadsheets.reader import read_sheet, sheet_names
from core.text.formatting import join_long

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
    titles = sheet_names(name, content)[:MAX_SHEETS]
    sheets = (read_sheet(name, content, title or None) for title in titles)
    fits = (read for read in sheets if find_headings(read, kind.accepted_columns, kind.keys).columns)
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
            found = find_headings(sheet, kind.accepted_columns, kind.keys)
            score = max(0, len(found.columns) - sum(fault.code == "unknown_column" for fault in found.errors))
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
    names = {kind.name}
    for language, _name in settings.LANGUAGES:
        with override(language):
            names.add(kind.label)
    return fold_name(sheet.name) in set(map(fold_name, names))


def command_report(plan: DryRun, *, name: str, content: bytes, import_id: int | None) -> dict[str, object]:
    """Return the report that the command prints: what was read and what it would do."""
    return {
        "file": printable_text(name),
        "sha256": sha256_of(content),
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
    record = Import(
        kind=plan.kind.name,
        file_name=printable_text(name)[-255:],
        sha256=sha256_of(content),
        form=plan.sheet.file_format,
        sheet=plan.sheet.name[:100],
        encoding=plan.sheet.encoding,
        uploaded_by=by,
    )
    save_counts(record, plan)
    ImportFile.objects.create(record=record, content=content, report=dry_run_report(plan))
    return record


def update_dry_run(record: Import, plan: DryRun) -> None:
    """Update a stored dry run after checking its file again, against the current records or in another language."""
    save_counts(record, plan)
    ImportFile.objects.filter(record=record).update(report=dry_run_report(plan))


def save_counts(record: Import, plan: DryRun) -> None:
    record.rows_read, record.faults = len(plan.rows), len(plan.errors)
    record.created, record.updated = plan.count_rows("create"), plan.count_rows("update")
    record.unchanged = plan.count_rows("unchanged")
    record.state = ImportState.FAULTY if plan.errors else ImportState.CHECKED
    record.save()


def delete_expired_files() -> None:
    """Delete the files of dry runs that were never confirmed; their summary stays."""
    limit = timezone.now() - FILE_RETENTION
    waiting = [ImportState.CHECKING, ImportState.FAULTY, ImportState.CHECKED]
    ImportFile.objects.filter(record__state__in=waiting, record__uploaded_at__lt=limit).delete()


def dry_run_report(plan: DryRun) -> dict[str, object]:
    """Return everything that the page of a dry run shows, in the current language."""
    return {
        "language": get_language(),
        "others": plan.sheet.other_sheets,
        "hidden_rows": plan.sheet.hidden_rows,
        "filled": sorted(set(plan.sheet.filled_down.values())),
        "heading_row": plan.headings.row,
        "headings": [[place, column.heading] for place, column in sorted(plan.headings.columns.items())],
        "faults": [fault.as_json() for fault in plan.errors[:MAX_STORED_ERRORS]],
        "rows": [row_report(plan, row) for row in plan.rows],
        "emptied": sum(change.emptied for row in plan.rows if row.is_valid for change in row.changes),
        "fingerprints": [] if plan.errors else [row.fingerprint() for row in plan.rows],
    }


def row_report(plan: DryRun, row: Row) -> dict[str, object]:
    """Return one row of the report: the action, the record and the changed fields."""
    if not row.is_valid:
        return {"row": row.number, "action": "error", "name": "", "changes": []}
    fields = [[change.label, change.old, change.new, change.emptied] for change in row.changes]
    if row.action == "create" and len(plan.rows) <= MAX_DETAILED_ROWS:
        fields = []
        for column in plan.kind.columns:
            if column.is_field and (row.values.get(column.name) is not None or column.name == "slug"):
                value = row.lists[column.name] if column.name in row.lists else getattr(row.record, column.name)
                fields.append([column.heading, "", column.display(value), False])
    return {"row": row.number, "action": row.action, "name": plan.kind.describe(row), "changes": fields}


def repeat_dry_run(kind: Importer, record: Import, *, by: Any, progress: Progress = no_progress) -> DryRun:
    """Make the dry run of a stored file again, against the current records."""
    content = bytes(record.file.content)
    return dry_run_of_file(kind, record.file_name, content, by=by, sheet=record.sheet or None, progress=progress)


def annotated_file(record: Import, found: dict[str, Any]) -> IO[bytes]:
    """Return a workbook of the file's rows that says what is wrong with each. `found` is the report.

    What is wrong with the headings stands in the first row below them.
    """
    sheet = read_sheet(record.file_name, bytes(record.file.content), record.sheet or None)
    heading_row = found["heading_row"]
    first = next((line.number for line in sheet.rows if line.number > heading_row), heading_row + 1)
    reasons: dict[int, list[str]] = defaultdict(list)
    for fault in found["faults"]:
        number = fault["row"] if fault["row"] > heading_row else first
        reasons[number].append(f"{fault['cell']}: {fault['message']}")
    faulty = {coordinate_to_tuple(fault["cell"]) for fault in found["faults"] if not fault["cell"].isdecimal()}
    return faulty_workbook(sheet, heading_row, {row: "\n".join(lines) for row, lines in reasons.items()}, faulty)
