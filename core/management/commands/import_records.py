"""Import records from a spreadsheet: a dry run unless --confirm is given."""

import json
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.files import sha256_of
from core.http import demonstration_side
from core.imports.apply import confirm
from core.imports.files import dry_run_of_file, save_dry_run
from core.imports.headings import printable_text
from core.imports.importer import KINDS
from core.records.writing import Conflict
from core.spreadsheets.cells import MAX_BYTES, UnreadableFile

ROW_ERRORS, UNREADABLE = 1, 2
ACTIONS = ("create", "update", "unchanged")


class Command(BaseCommand):
    help = "Check a workbook or CSV of records, and with --confirm bring it in. Exit 1: errors in rows; 2: unreadable."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--kind", required=True, choices=list(KINDS), help="what the rows are")
        parser.add_argument("--sheet", help="the sheet to read; without it the first one with headings of this kind")
        parser.add_argument("--confirm", action="store_true", help="write it, all or nothing; without it a dry run")
        parser.add_argument("--reason", default="", help="kept in the history of every record that is written")
        parser.add_argument("--user", help="in whose name; without it the command line's own")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        demonstration_side()  # rules of records ask for today
        kind, by = KINDS[options["kind"]], user_named(options["user"])
        if not kind.can_import(by):
            raise CommandError(f"{by} may not import {kind.name}.", returncode=UNREADABLE)
        name = options["file"].name
        try:
            with options["file"].open("rb") as file:
                content = file.read(MAX_BYTES + 1)  # of a larger one, which is rejected, no more is kept in memory
        except OSError as exc:
            raise CommandError(f"{options['file']}: {exc.strerror}", returncode=UNREADABLE) from None
        about = {
            "file": printable_text(name),
            "sha256": sha256_of(content),
            "kind": kind.name,
            "sheet": "",
            "encoding": "",
        }
        report: dict[str, Any] = {**about, "rows_read": 0, **dict.fromkeys(ACTIONS, 0), "errors": [], "import_id": None}
        try:
            plan = dry_run_of_file(kind, name, content, by=by, sheet=options["sheet"])
        except UnreadableFile as exc:
            fault = {"row": None, "cell": None, "column": "", "value": "", "code": exc.code, "message": exc.message}
            if options["json"]:
                self.tell({**report, "errors": [fault]}, options)
            raise CommandError(f"{options['file']}: {exc.message}", returncode=UNREADABLE) from None
        report |= {"sheet": plan.sheet.name, "encoding": plan.sheet.encoding, "rows_read": len(plan.rows)}
        report |= {action: plan.count_rows(action) for action in ACTIONS}
        report["errors"] = [fault.as_json() for fault in plan.errors]
        if options["confirm"] and not plan.errors:
            record = save_dry_run(plan, name=name, content=content, by=by)
            del plan, content  # so that only one plan is in memory
            try:
                confirm(kind, record, by=by, reason=options["reason"])
            except Conflict as exc:  # records were changed since
                raise CommandError(str(exc), returncode=ROW_ERRORS) from None
            report["import_id"] = record.pk
        self.tell(report, options)
        if report["errors"]:
            raise SystemExit(ROW_ERRORS)

    def tell(self, report: dict[str, object], options: dict[str, object]) -> None:
        self.stdout.write(json.dumps(report, ensure_ascii=False, indent=1) if options["json"] else report_text(report))


def user_named(name: str | None) -> Any:
    """Return the user of this name; None when none is named. Raises CommandError for an unknown one."""
    if name is None:
        return None
    person = get_user_model().objects.filter(username=name, is_active=True).first()
    if person is None:
        raise CommandError(f"There is no active user {name}.", returncode=UNREADABLE)
    return person


def report_text(report: dict[str, Any]) -> str:
    """Return the report for a terminal: one line for the file, one for each error, one for the result."""
    where = " · ".join(filter(None, (report["file"], report["sheet"], report["encoding"], report["sha256"][:12])))
    lines = [where]
    lines += [
        " ".join(filter(None, (e["cell"], e["column"] and f"[{e['column']}]", e["message"]))) for e in report["errors"]
    ]
    lines.append(
        f"{report['rows_read']} rows read: {report['create']} to create, {report['update']} to update, "
        f"{report['unchanged']} unchanged, {len(report['errors'])} errors"
    )
    if report["import_id"]:
        number = report["import_id"]
        lines.append(f"Confirmed as import {number}. To undo it: manage.py undo_import {number}")
    elif not report["errors"]:
        lines.append("Nothing was written: this was a dry run. Add --confirm to write it.")
    return "\n".join(lines)
