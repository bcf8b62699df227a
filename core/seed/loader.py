"""Loader of seed records from CSV, by the import engine: one transaction, and no edit is overwritten.

What it adds to an import is the three-way merge: a field follows a newer file only while it holds what was shipped.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.imports.apply import write_rows
from core.imports.columns import Column, RecordLookup
from core.imports.dry_run import make_dry_run
from core.imports.importer import Importer, Row, assign_record, key_value
from core.records.models import HistoryModel
from core.seed.models import SeedRecord
from core.spreadsheets.cells import AmbiguousCell, SheetCell, SheetRow, UnreadableFile
from core.spreadsheets.reader import read_csv
from core.text import normalize_text

SEED_REASON = gettext_noop("Shipped with the product")


@dataclass(frozen=True)
class SeedFile:
    """Seed file: its model, and the columns that identify a record.

    `key` are the columns whose text identifies the record in other files; `match_fields` are the model fields by which
    a record that an editor entered first is recognised. `importer` holds the rules of the model over several rows.
    """

    name: str
    model: type[HistoryModel]
    path: Path
    key: tuple[str, ...] = ("slug",)
    match_fields: tuple[str, ...] = ("slug",)
    importer: type[Importer] = Importer
    before_create: Callable[[dict[str, object]], None] = lambda _values: None  # what a new record may still change


class InvalidSeedError(Exception):
    """The files contain invalid rows; nothing was written. Each error names file, line and column, and what to do."""

    def __init__(self, errors: Sequence[str]) -> None:
        self.errors = errors
        super().__init__("\n".join(errors))


@dataclass
class LoadResult:
    """Result of loading one file."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    kept: int = 0  # edited or deleted here since: left alone


RecordIds = dict[tuple[type[models.Model], str], int]
"""Records of this load by the keys of their files."""


def load_seed(files: Iterable[SeedFile]) -> dict[str, LoadResult]:
    """Load every file in order; return the result of each.

    Raises InvalidSeedError with every invalid row of every file, and then nothing at all has been written. A field
    edited since it was shipped keeps the edit; a record deleted since stays deleted.
    """
    errors: list[tuple[str, int, str]] = []
    ids: RecordIds = {}
    with transaction.atomic():
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
    importer: SeedImporter = type(f"Seed{file.importer.__name__}", (SeedImporter, file.importer), {})()
    importer.name, importer.model, importer.keys = file.name, file.model, (file.key,)
    importer.file, importer.ids = file, ids
    importer.shipped = {item.key: item for item in SeedRecord.objects.filter(kind=file.name)}
    importer.heads = {position: str(cell.value).strip() for position, cell in sheet.rows[0].cells.items()}
    sheet = replace(sheet, rows=[sheet.rows[0], *importer.changed_rows(sheet.rows[1:], result)])
    if len(sheet.rows) == 1:
        return result
    plan = make_dry_run(importer, sheet, by=None)
    for fault in plan.errors:
        position = fault.name or fault.heading
        errors.append((file.path.name, fault.row, f"[{position}] {fault.message}" if position else fault.message))
    plan.rows = [row for row in plan.rows if row.is_valid]  # errors of later files show as well
    write_rows(plan, by=None, reason=SEED_REASON)
    shipments = []
    for row in plan.rows:
        if row.record.pk is None:  # it names the new record of an invalid row
            continue
        key = importer.key(row.line)
        ids[file.model, key] = row.record.pk
        shipments.append(SeedRecord(kind=file.name, key=key, record_id=row.record.pk, values=importer.texts(row.line)))
        if row.action == "create":
            result.created += 1
        elif row.action == "update":
            result.updated += 1
        elif row.extra.get("kept"):
            result.kept += 1
        else:
            result.unchanged += 1
    SeedRecord.objects.bulk_create(
        shipments,
        update_conflicts=True,
        unique_fields=["kind", "key"],
        update_fields=["values", "record_id", "loaded_at"],
    )
    return result


def load_summary(results: Mapping[str, LoadResult]) -> list[str]:
    """Return one line per file: what was created, updated, unchanged, and left as edited."""
    line = _("%(name)s: %(created)d created, %(updated)d updated, %(unchanged)d unchanged, %(kept)d kept as edited")
    return [line % {"name": name, **vars(result)} for name, result in results.items()]


# -- the importer of a file ----------------------------------------------------------------------------------


class SeedLookup(RecordLookup):
    """Lookup of records by the keys of seed files first, then by code and name."""

    ids: RecordIds

    def find(self, model: type[models.Model], text: str) -> Any:
        key = self.ids.get((model, text))
        return self.index(model).record_by_id(key) if key else super().find(model, text)


class SeedImporter(Importer):
    """Importer of a seed file, mixed into the importer of its model: every field is a column, and edits stay."""

    file: SeedFile
    heads: dict[int, str]  # by column
    ids: RecordIds
    shipped: dict[str, SeedRecord]  # rows as they were loaded the last time, by key

    @cached_property
    def columns(self) -> list[Column]:
        """The fields of the model, and the key where that is no field."""
        own = [column for column in super().columns if column.stored]
        return [*own, *([Column("key", "key", stored=False)] if "key" in self.file.key else [])]

    def new_lookup(self, *, epoch1904: bool) -> RecordLookup:
        lookup = SeedLookup(epoch1904=epoch1904)
        lookup.ids = self.ids
        return lookup

    def texts(self, line: SheetRow) -> dict[str, str]:
        """Return the texts of a row by heading, as SeedRecord stores them."""
        cells = line.cells
        return {
            name: normalize_text(str(cells[position].value)) if position in cells else ""
            for position, name in self.heads.items()
        }

    def key(self, line: SheetRow) -> str:
        texts = self.texts(line)
        return "|".join(texts.get(column, "") for column in self.file.key)

    def changed_rows(self, lines: Sequence[SheetRow], result: LoadResult) -> Iterator[SheetRow]:
        """Yield the rows that are new or differ from what was shipped, and count the others."""
        ids = [item.record_id for item in self.shipped.values()]
        present = set(self.model._base_manager.filter(pk__in=ids).values_list("pk", flat=True))
        for line in lines:
            key = self.key(line)
            shipment = self.shipped.get(key)
            if shipment is None:
                yield line
            elif shipment.record_id not in present:
                result.kept += 1  # deleted here
            else:
                self.ids[self.model, key] = shipment.record_id
                if shipment.values != self.texts(line):
                    yield line
                else:
                    result.unchanged += 1

    def clean_values(self, row: Row) -> None:
        for name in self.file.key:
            if row.values.get(name) is None and name not in row.invalid_columns():
                row.add_error(self.column(name), "required", _("Empty. This needs a value."))
        super().clean_values(row)

    def match_rows(self, rows: Sequence[Row], library: RecordLookup) -> None:
        """Find the record that a row was shipped as, else one that an editor entered; leave out what was edited."""
        shipments = {row.number: self.shipped.get(self.key(row.line)) for row in rows}
        stored = self.records_by_field("pk", [item.record_id for item in shipments.values() if item])
        for row in rows:
            if shipment := shipments[row.number]:
                assign_record(row, stored[shipment.record_id][0])
                self.keep_edits(row, shipment, library)
            elif record := self.entered_record(row):
                assign_record(row, record)
                row.values, row.extra["kept"] = {}, True
            else:
                self.file.before_create(row.values)

    def entered_record(self, row: Row) -> Any:
        """Return the record that an editor entered before it was shipped."""
        wanted = {name: row.values.get(name) for name in self.file.match_fields}
        relations = self.relation_fields & wanted.keys()
        if not wanted or row.invalid_columns() & wanted.keys() or any(wanted[name] is None for name in relations):
            return None
        given = {name: "" if value is None else value for name, value in wanted.items()}
        key = self.match_queryset().filter(**given).values_list("pk", flat=True).first()
        return self.records_by_field("pk", [key])[key][0] if key else None

    def keep_edits(self, row: Row, shipment: SeedRecord, library: RecordLookup) -> None:
        """Leave out the values of fields that no longer hold what was shipped."""
        texts = self.texts(row.line)
        for name in list(row.values):
            column = self.columns_by_name[name]
            if not column.stored:
                continue
            value = getattr(row.record, name)
            own = comparable(list(value.all()) if isinstance(value, models.Manager) else value)
            shipped = shipment.values.get(name, "")
            if own != self.shipped_value(column, shipped, library):
                row.extra["kept"] = row.extra.get("kept") or (
                    texts[name] != shipped and own != comparable(row.values[name])
                )
                del row.values[name]

    def shipped_value(self, column: Column, text: str, library: RecordLookup) -> Any:
        """Return the value of a text that was shipped; the text itself where it cannot be read any more."""
        if not text:
            return comparable([] if column.name in {field.name for field in self.model._meta.many_to_many} else None)
        try:
            row = Row(SheetRow(0, {}), {}, {column.name: column.parse(SheetCell(text, untyped=True), library)})
        except AmbiguousCell:
            return text
        super().clean_values(row)
        value = row.values[column.name]
        return comparable(getattr(value, "on", value))


def comparable(value: object) -> Any:
    """Return a value in a form that is equal for equal values: records as keys, lists in any order, empty as None."""
    if isinstance(value, list):
        return frozenset(key_value(item) for item in value)
    return None if value in ("", {}) else key_value(value)
