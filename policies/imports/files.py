"""From a file to a dry run and its report: the one path of the page and of the command line."""

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

from config.sheets.grid import Sheet, Unreadable, read_sheet, sheet_names
from config.sheets.returned import returned_csv, returned_workbook
from config.words import labelled, listed_long
from policies.imports.faults import keepable
from policies.imports.headings import REASON, RESULT, Headings, find_headings
from policies.imports.kinds import Kind
from policies.imports.plan import Plan, Work, make_plan
from policies.imports.references import folded
from policies.imports.rows import Row
from policies.models import Import, ImportFile, ImportState

MOST_SHEETS = 10  # so many are searched for headings
MOST_FAULTS = 20_000  # so many are kept; nobody mends more in one go
MOST_SPELLED_OUT = 2_000  # in a longer file the fields of new records are left to the file itself
KEPT_FOR = timedelta(days=30)  # a file that was never confirmed


def read_plan(kind: Kind, name: str, content: bytes, *, by: Any, sheet: str | None = None) -> Work[Plan]:
    """The dry run of a file. Raises Unreadable when it cannot be read as a whole."""
    return (yield from make_plan(kind, chosen_sheet(kind, name, content, sheet), by=by))


def chosen_sheet(kind: Kind, name: str, content: bytes, sheet: str | None) -> Sheet:
    """The sheet asked for, else the first one with headings of this kind, else the first."""
    if sheet:
        return read_sheet(name, content, sheet)
    first = None
    for title in sheet_names(name, content)[:MOST_SHEETS]:
        read = read_sheet(name, content, title or None)
        if find_headings(read, kind.readable, kind.keys).columns:
            return read
        first = first or read
    return first or read_sheet(name, content)


def recognise(kinds: Iterable[Kind], name: str, content: bytes) -> tuple[Kind, Sheet]:
    """The kind whose headings a file has, and the sheet with them.

    Of two kinds with as many headings the one that the sheet is named after. Raises Unreadable where that leaves none,
    or several.
    """
    best: list[tuple[Kind, Sheet]] = []
    most = 0
    for title in sheet_names(name, content)[:MOST_SHEETS]:
        sheet = read_sheet(name, content, title or None)
        for kind in kinds:
            score = fit(kind, sheet)
            if score > most:
                best, most = [], score
            if score == most and score:
                best.append((kind, sheet))
    named = [(kind, sheet) for kind, sheet in best if is_named_after(sheet, kind)] or best
    if len({kind.name for kind, _sheet in named}) == 1:
        return named[0]
    if not named:
        raise Unreadable("kind_unknown", _("No kind of records has these headings. Choose what the rows are."))
    labels = listed_long(str(capfirst(kind.label)) for kind, _sheet in named)
    message = _("The headings fit several kinds of records: %(kinds)s. Choose what the rows are.")
    raise Unreadable("kind_unclear", message % {"kinds": labels})


def fit(kind: Kind, sheet: Sheet) -> int:
    """How many headings of the sheet the kind has, less those that it does not have; 0 where none is left."""
    found = find_headings(sheet, kind.readable, kind.keys)
    return max(0, len(found.columns) - sum(fault.code == "unknown_column" for fault in found.faults))


def is_named_after(sheet: Sheet, kind: Kind) -> bool:
    """Whether the sheet bears the name of the kind, as templates and exports do, in any language."""
    names = {kind.name}
    for language, _name in settings.LANGUAGES:
        with override(language):
            names.add(kind.label)
    return folded(sheet.name) in set(map(folded, names))


def checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def report(plan: Plan, *, name: str, content: bytes, import_id: int | None) -> dict[str, Any]:
    """What was read and what it would do, as the command line prints it."""
    return {
        "file": keepable(name),
        "sha256": checksum(content),
        "kind": plan.kind.name,
        "sheet": plan.sheet.name,
        "encoding": plan.sheet.encoding,
        "rows_read": len(plan.rows),
        "create": plan.count("create"),
        "update": plan.count("update"),
        "unchanged": plan.count("unchanged"),
        "errors": [fault.as_json() for fault in plan.faults],
        "import_id": import_id,
    }


def keep(plan: Plan, *, name: str, content: bytes, by: Any) -> Import:
    """Keep a dry run with its file, so that it can be confirmed, corrected and looked up."""
    drop_old_files()
    record = Import.objects.create(
        kind=plan.kind.name,
        file_name=keepable(name)[-255:],
        sha256=checksum(content),
        form=plan.sheet.form,
        sheet=plan.sheet.name[:100],
        encoding=plan.sheet.encoding,
        uploaded_by=by,
        state=ImportState.FAULTY if plan.faults else ImportState.CHECKED,
        **counts(plan),
    )
    ImportFile.objects.create(record=record, content=content, report=findings(plan))
    return record


def keep_again(record: Import, plan: Plan) -> None:
    """The same file checked anew, against the records as they are now or in another language."""
    for name, value in counts(plan).items():
        setattr(record, name, value)
    record.state = ImportState.FAULTY if plan.faults else ImportState.CHECKED
    record.save()
    ImportFile.objects.filter(record=record).update(report=findings(plan))


def counts(plan: Plan) -> dict[str, int]:
    return {
        "rows_read": len(plan.rows),
        "created": plan.count("create"),
        "updated": plan.count("update"),
        "unchanged": plan.count("unchanged"),
        "faults": len(plan.faults),
    }


def drop_old_files() -> None:
    """Files that were never confirmed are not kept for ever; what is known of them stays."""
    limit = timezone.now() - KEPT_FOR
    waiting = [ImportState.FAULTY, ImportState.CHECKED]
    ImportFile.objects.filter(record__state__in=waiting, record__uploaded_at__lt=limit).delete()


def findings(plan: Plan) -> dict[str, Any]:
    """All that the page of a dry run shows, in the reader's language."""
    return {
        "language": get_language(),
        "others": plan.sheet.others,
        "hidden_rows": plan.sheet.hidden_rows,
        "filled": sorted(set(plan.sheet.filled.values())),
        "delimiter": plan.sheet.delimiter,
        "heading_row": plan.headings.row,
        "first_row": first_row(plan),
        "places": returned_places(plan.headings),
        "headings": [[place, column.heading] for place, column in sorted(plan.headings.columns.items())],
        "faults": [fault.as_json() for fault in plan.faults[:MOST_FAULTS]],
        "rows": [row_found(plan, row) for row in plan.rows],
        "emptied": sum(change.emptied for row in plan.rows if row.good for change in row.changes),
        "fingerprints": [] if plan.faults else [row.fingerprint() for row in plan.rows],
    }


def first_row(plan: Plan) -> int:
    """The first row below the headings that holds anything."""
    return next((line.number for line in plan.sheet.lines if line.number > plan.headings.row), plan.headings.row + 1)


def returned_places(headings: Headings) -> list[int]:
    """Where the two columns of a returned file go: where they stand already, else behind the last one in use."""
    result = headings.result or headings.last + 1
    return [result, headings.reason or max(headings.last, result) + 1]


def row_found(plan: Plan, row: Row) -> dict[str, Any]:
    """One row for the page: what becomes of which record, field by field."""
    if not row.good:
        return {"row": row.number, "action": "error", "name": "", "changes": []}
    fields = [[change.label, change.old, change.new, change.emptied] for change in row.changes]
    if row.action == "create" and len(plan.rows) <= MOST_SPELLED_OUT:
        fields = new_fields(plan.kind, row)
    return {"row": row.number, "action": row.action, "name": plan.kind.describe(row), "changes": fields}


def new_fields(kind: Kind, row: Row) -> list[list[Any]]:
    """What a new record would hold: what its row says, and the code that it gets."""
    fields = []
    for column in kind.columns:
        if column.field and (row.values.get(column.name) is not None or column.name == "slug"):
            value = row.lists[column.name] if column.name in row.lists else getattr(row.record, column.name)
            fields.append([column.heading, "", column.show(value), False])
    return fields


def plan_again(kind: Kind, record: Import, *, by: Any) -> Work[Plan]:
    """The plan of a kept file, against the records as they are now."""
    content = bytes(record.file.content)
    return (yield from read_plan(kind, record.file_name, content, by=by, sheet=record.sheet or None))


# -- the workbook that comes back ----------------------------------------------------------------------


def returned(record: Import, found: dict[str, Any]) -> bytes:
    """The reader's own file with two added columns: what became of each row, and why. `found` is its report."""
    content = bytes(record.file.content)
    heads, places = (_(RESULT), _(REASON)), (found["places"][0], found["places"][1])
    results = outcomes(found)
    if record.form == "xlsx":
        return returned_workbook(content, record.sheet, found["heading_row"], places, heads, results)
    encoding, delimiter = record.encoding, found["delimiter"]
    return returned_csv(content, encoding, delimiter, found["heading_row"], places, heads, results)


def outcomes(found: dict[str, Any]) -> dict[int, tuple[str, str]]:
    """By row, its result in a word, and the reason or what changes; what is wrong above is said in the first row."""
    words = {
        "create": pgettext("import", "new"),
        "update": pgettext("import", "changed"),
        "unchanged": pgettext("import", "unchanged"),
        "error": pgettext("import", "error"),
    }
    reasons: dict[int, list[str]] = {row["row"]: [] for row in found["rows"]}
    for row in found["rows"]:
        if row["action"] == "update":  # what a new record holds stands in its row already
            reasons[row["row"]] += [labelled(label, f"{old} → {new}") for label, old, new, _emptied in row["changes"]]
    results = {row["row"]: words[row["action"]] for row in found["rows"]}
    for fault in found["faults"]:
        number = fault["row"] if fault["row"] > found["heading_row"] else found["first_row"]
        results[number] = words["error"]
        reasons.setdefault(number, []).append(f"{fault['cell']}: {fault['message']}")
    return {number: (result, "\n".join(reasons[number])) for number, result in results.items()}
