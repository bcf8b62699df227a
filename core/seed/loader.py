"""Loader of seed records from CSV, by the import engine: one transaction, and no edit is overwritten.

What it adds to an import: a record follows a newer file as long as nobody has edited it here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.history.recording import batched, unit
from core.imports.apply import write_rows
from core.imports.columns import RecordLookup
from core.imports.dry_run import DryRun, make_dry_run
from core.imports.importer import Importer, Row, assign_record
from core.records.models import HistoryModel
from core.seed.models import SeedRecord
from core.spreadsheets.cells import Sheet, UnreadableFile
from core.spreadsheets.reader import read_csv
from core.text import normalize_text

SEED_REASON = gettext_noop("Shipped with the product")


@dataclass(frozen=True)
class SeedFile:
    """Seed file: its model, and the columns that identify a record.

    `key` are the columns whose text identifies the record in other files; `match_fields` are the model fields by which
    a record that an editor entered first is recognised. `importer` holds the rules of the model over several rows.
    `edits` is a relation whose records are edits, too.
    """

    name: str
    model: type[HistoryModel]
    path: Path
    key: tuple[str, ...] = ("slug",)
    match_fields: tuple[str, ...] = ("slug",)
    importer: Importer | None = None
    edits: str = ""
    before_create: Callable[[dict[str, object]], None] = lambda _values: None  # what a new record may still change


class InvalidSeedError(Exception):
    """The files contain invalid rows; nothing was written. Each error names file, line and column, and what to do."""

    def __init__(self, errors: Sequence[str]) -> None:
        self.errors = errors
        super().__init__("\n".join(errors))


@dataclass
class LoadResult:
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    kept: list[str] = field(default_factory=list)  # the names of what was edited or deleted here: left alone


RecordIds = dict[tuple[type[models.Model], str], int]
"""Records of this load by the keys of their files."""


def load_seed(files: Iterable[SeedFile]) -> dict[str, LoadResult]:
    """Load every file in order; return the result of each.

    Raises InvalidSeedError with every invalid row of every file, and then nothing at all has been written. A record
    edited since it was shipped stays as it is; a record deleted since stays deleted.
    """
    errors: list[tuple[str, int, str]] = []
    ids: RecordIds = {}
    with transaction.atomic(), unit():
        results = {file.name: load_file(file, ids, errors) for file in files}
        if errors:
            by_line = sorted(errors, key=lambda error: error[:2])
            raise InvalidSeedError([f"{name}:{line} {text}" for name, line, text in by_line])
    return results


def load_file(file: SeedFile, ids: RecordIds, errors: list[tuple[str, int, str]]) -> LoadResult:
    """Load the rows of a file that differ from what was shipped before; add its errors as file, line and text."""
    result = LoadResult()
    try:
        sheet = read_csv(file.path.read_bytes())
    except UnreadableFile as error:
        errors.append((file.path.name, 1, error.message))
        return result
    shipments = new_shipments(file, sheet, ids, result)
    if not shipments:
        return result
    plan = check_rows(file, sheet, shipments, ids)
    for fault in plan.errors:
        position = fault.name or fault.heading
        errors.append((file.path.name, fault.row, f"[{position}] {fault.message}" if position else fault.message))
    plan.rows = [row for row in plan.rows if row.is_valid]  # errors of later files show as well
    write_rows(plan, by=None, reason=SEED_REASON)
    loaded = []
    for row in plan.rows:
        if row.record.pk is None:  # it names the new record of an invalid row
            continue
        shipment = shipments[row.number]
        shipment.record_id = ids[file.model, shipment.key] = row.record.pk
        if row.extra.get("kept"):
            result.kept.append(str(row.record))
            continue
        loaded.append(shipment)
        result.created += row.action == "create"
        result.updated += row.action == "update"
        result.unchanged += row.action == "unchanged"
    SeedRecord.objects.bulk_create(
        [SeedRecord(kind=file.name, key=item.key, record_id=item.record_id, values=item.values) for item in loaded],
        update_conflicts=True,
        unique_fields=["kind", "key"],
        update_fields=["values", "record_id", "loaded_at"],
    )
    return result


def new_shipments(file: SeedFile, sheet: Sheet, ids: RecordIds, result: LoadResult) -> dict[int, SeedRecord]:
    """Return what is to be loaded, by row: what is new, or differs from what was shipped before. Count the others."""
    head, *lines = sheet.rows
    names = {position: str(cell.value).strip() for position, cell in head.cells.items()}
    shipped = {item.key: item for item in SeedRecord.objects.filter(kind=file.name)}
    present = file.model._base_manager.in_bulk([item.record_id for item in shipped.values()])
    edited = edited_records(file, list(present))
    shipments = {}
    for line in lines:
        texts = {
            name: normalize_text(str(line.cells[position].value)) if position in line.cells else ""
            for position, name in names.items()
        }
        key = "|".join(texts[name] for name in file.key)
        shipment = shipped.get(key) or SeedRecord(kind=file.name, key=key)
        record = present.get(shipment.record_id)
        if record:
            ids[file.model, key] = record.pk
        if shipment.pk and record is None:
            result.kept.append(key)
        elif shipment.values == texts:
            result.unchanged += 1
        elif record and record.pk in edited:
            result.kept.append(str(record))
        else:
            shipment.values = texts
            shipments[line.number] = shipment
    return shipments


def edited_records(file: SeedFile, keys: list[int]) -> set[int]:
    """Return which of the shipped records have a history of more than what was shipped."""
    found: set[int] = set()
    model: Any = file.model
    for some in batched(keys):
        found.update(
            model.history.filter(id__in=some).exclude(history_change_reason=SEED_REASON).values_list("id", flat=True)
        )
        if file.edits:
            with_edits = model._base_manager.filter(pk__in=some, **{f"{file.edits}__isnull": False})
            found.update(with_edits.values_list("pk", flat=True))
    return found


def check_rows(file: SeedFile, sheet: Sheet, shipments: Mapping[int, SeedRecord], ids: RecordIds) -> DryRun:
    """Make the dry run of these rows by the rules of the file's importer. A row finds the record that it was shipped
    as, else one that an editor entered, which is left alone."""
    kind = file.importer or Importer(file.model, keys=(file.match_fields,) if file.match_fields else ())

    def match(rows: Sequence[Row], _library: RecordLookup) -> None:
        stored = kind.records_by_field("pk", [item.record_id for item in shipments.values() if item.pk])
        for row in rows:
            if shipments[row.number].pk:
                assign_record(row, stored[shipments[row.number].record_id][0])
                row.record.skip_fixed_check = True
            elif record := entered_record(file, kind, row):
                assign_record(row, record)
                row.values, row.extra["kept"] = {}, True
            else:
                file.before_create(row.values)

    head = sheet.rows[0]
    own = {position for position, cell in head.cells.items() if cell.value == "key"}  # which is no field of a model
    rows = [
        replace(line, cells={position: cell for position, cell in line.cells.items() if position not in own})
        for line in sheet.rows
        if line is head or line.number in shipments
    ]
    return make_dry_run(kind, replace(sheet, rows=rows), by=None, library=SeedLookup(ids), match=match)


def entered_record(file: SeedFile, kind: Importer, row: Row) -> Any:
    """Return the record that an editor entered before it was shipped."""
    wanted = {name: row.values.get(name) for name in file.match_fields}
    relations = kind.relation_fields & wanted.keys()
    if not wanted or row.invalid_columns() & wanted.keys() or any(wanted[name] is None for name in relations):
        return None
    given = {name: "" if value is None else value for name, value in wanted.items()}
    key = file.model._base_manager.filter(**given).values_list("pk", flat=True).first()
    return kind.records_by_field("pk", [key])[key][0] if key else None


def load_summary(results: Mapping[str, LoadResult]) -> list[str]:
    """Return a line for each file: what was created, updated, unchanged, and left as edited; and the names of that."""
    lines = []
    text = _("%(name)s: %(created)d created, %(updated)d updated, %(unchanged)d unchanged, %(kept)d kept as edited")
    for name, result in results.items():
        lines.append(text % {"name": name, **vars(result), "kept": len(result.kept)})
        lines += [_("Edited or deleted here, and left alone: %(name)s") % {"name": kept} for kept in result.kept]
    return lines


class SeedLookup(RecordLookup):
    """Lookup of records by the keys of seed files first, then by code and name."""

    def __init__(self, ids: RecordIds) -> None:
        super().__init__()
        self.ids = ids

    def find(self, model: type[models.Model], text: str) -> Any:
        key = self.ids.get((model, text))
        return self.index(model).record_by_id(key) if key else super().find(model, text)
