"""Loader of seed records from CSV, by the import engine: one transaction, and no edit is overwritten.

What it adds to an import is the three-way merge: a field follows a newer file only while it holds what was shipped.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.imports.apply import write_rows
from core.imports.dry_run import DryRun, make_dry_run, self_relations
from core.imports.importer import Importer, Row, assign_record, key_value
from core.imports.sheet.columns import TEXT, Column
from core.imports.sheet.lookups import RecordLookup
from core.records.history_model import HistoryModel
from core.seed.models import SeedRecord
from core.spreadsheets.cells import AmbiguousCell, SheetCell, SheetRow, UnreadableFile
from core.spreadsheets.reader import read_csv
from core.text.bilingual import normalize_text

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
    only: frozenset[str] | None = None  # keys of the rows to load; None for all


@dataclass(frozen=True)
class LoadError:
    """Error in a row: its position, and what to do."""

    file: str
    line: int
    column: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        return f"{where} [{self.column}] {self.message}" if self.column else f"{where} {self.message}"


class InvalidSeedError(Exception):
    """The files contain invalid rows; nothing was written."""

    def __init__(self, errors: Sequence[LoadError]) -> None:
        self.errors = errors
        super().__init__("\n".join(map(str, errors)))


@dataclass
class LoadResult:
    """Result of loading one file."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    kept: int = 0  # edited or deleted here since: left alone


@dataclass
class LoadState:
    """State of one load: what was shipped before, and the records of this load by the keys of their files."""

    shipped: dict[tuple[str, str], SeedRecord]
    errors: list[LoadError] = field(default_factory=list)
    keys: dict[tuple[type[models.Model], str], int] = field(default_factory=dict)


def load_seed(files: Iterable[SeedFile]) -> dict[str, LoadResult]:
    """Load every file in order; return the result of each.

    Raises InvalidSeedError with every invalid row of every file, and then nothing at all has been written. A field
    edited since it was shipped keeps the edit; a record deleted since stays deleted.
    """
    state = LoadState({(item.kind, item.key): item for item in SeedRecord.objects.all()})
    with transaction.atomic():
        results = {file.name: load_file(file, state) for file in files}
        if state.errors:
            raise InvalidSeedError(sorted(state.errors, key=lambda error: (error.file, error.line)))
    return results


def load_file(file: SeedFile, state: LoadState) -> LoadResult:
    """Load the rows of a file that differ from what was shipped before."""
    result = LoadResult()
    try:
        sheet = read_csv(file.path.read_bytes())
    except UnreadableFile as error:
        state.errors.append(LoadError(file.path.name, 1, "", error.message))
        return result
    made: type[SeedImporter] = type(f"Seed{file.importer.__name__}", (SeedImporter, file.importer), {})
    importer = made()
    importer.name, importer.model, importer.keys = file.name, file.model, (file.key,)
    importer.file, importer.state = file, state
    importer.heads = {place: str(cell.value).strip() for place, cell in sheet.rows[0].cells.items()}
    sheet = replace(sheet, rows=list(importer.changed_rows(sheet.rows, result)))
    if len(sheet.rows) == 1:
        return result
    plan = make_dry_run(importer, sheet, by=None)
    for fault in plan.errors:
        state.errors.append(LoadError(file.path.name, fault.row, fault.name or fault.heading, fault.message))
    plan.rows = writable_rows(plan)
    write_rows(plan, by=None, reason=SEED_REASON)
    shipments = [
        SeedRecord(
            kind=importer.file.name,
            key=importer.key(row.line),
            record_id=row.record.pk,
            values=importer.texts(row.line),
        )
        for row in plan.rows
    ]
    SeedRecord.objects.bulk_create(
        shipments,
        update_conflicts=True,
        unique_fields=["kind", "key"],
        update_fields=["values", "record_id", "loaded_at"],
    )
    for row in plan.rows:
        state.keys[file.model, importer.key(row.line)] = row.record.pk
        if row.action == "unchanged":
            result.kept += row.extra.get("kept", False)
            result.unchanged += not row.extra.get("kept", False)
    result.created += plan.count_rows("create")
    result.updated += plan.count_rows("update")
    return result


def writable_rows(plan: DryRun) -> list[Row]:
    """Return the valid rows, without those that name a record of an invalid row: errors of later files show as well."""
    rows = [row for row in plan.rows if row.is_valid]
    parents = self_relations(plan.kind.model)
    while True:
        new = {id(row.record) for row in rows}
        named = [(row, f.get_cached_value(row.record, None)) for row in rows for f in parents]
        lost = {id(row) for row, parent in named if parent is not None and not parent.pk and id(parent) not in new}
        if not lost:
            return rows
        rows = [row for row in rows if id(row) not in lost]


def load_summary(results: Mapping[str, LoadResult]) -> list[str]:
    """Return one line per file: what was created, updated, unchanged, and left as edited."""
    line = _("%(name)s: %(created)d created, %(updated)d updated, %(unchanged)d unchanged, %(kept)d kept as edited")
    return [line % {"name": name, **vars(result)} for name, result in results.items()]


# -- the importer of a file ----------------------------------------------------------------------------------


class SeedLookup(RecordLookup):
    """Lookup of records by the keys of seed files first, then by code and name."""

    def __init__(self, state: LoadState) -> None:
        super().__init__()
        self.state = state

    def find(self, model: type[models.Model], text: str) -> Any:
        key = self.state.keys.get((model, text))
        return self.index(model).record_by_id(key) if key else super().find(model, text)


class SeedImporter(Importer):
    """Importer of a seed file, mixed into the importer of its model: every field is a column, and edits stay."""

    file: SeedFile
    heads: dict[int, str]  # by column
    state: LoadState

    @cached_property
    def columns(self) -> list[Column]:
        """The fields of the model, and the key where that is no field."""
        own = [column for column in super().columns if column.is_field]
        return [*own, *([Column("key", "key", TEXT, stored=False)] if "key" in self.file.key else [])]

    @property
    def accepted_columns(self) -> list[Column]:
        return self.columns

    def new_lookup(self, *, epoch1904: bool) -> RecordLookup:
        return SeedLookup(self.state)

    def texts(self, line: SheetRow) -> dict[str, str]:
        """Return the texts of a row by heading, as SeedRecord stores them."""
        cells = line.cells
        return {
            name: normalize_text(str(cells[place].value)) if place in cells else ""
            for place, name in self.heads.items()
        }

    def key(self, line: SheetRow) -> str:
        texts = self.texts(line)
        return "|".join(texts.get(column, "") for column in self.file.key)

    def shipment(self, line: SheetRow) -> SeedRecord | None:
        return self.state.shipped.get((self.file.name, self.key(line)))

    def changed_rows(self, lines: Sequence[SheetRow], result: LoadResult) -> Iterator[SheetRow]:
        """Yield the headings and the rows that are new or differ from what was shipped, and count the others."""
        yield lines[0]
        shipped = [shipment.record_id for line in lines[1:] if (shipment := self.shipment(line))]
        present = set(self.model._base_manager.filter(pk__in=shipped).values_list("pk", flat=True))
        for line in lines[1:]:
            shipment, key = self.shipment(line), self.key(line)
            if self.file.only is not None and key not in self.file.only:
                continue
            if shipment is None:
                yield line
            elif shipment.record_id not in present:
                result.kept += 1  # deleted here
            else:
                self.state.keys[self.model, key] = shipment.record_id
                if shipment.values != self.texts(line):
                    yield line
                else:
                    result.unchanged += 1

    def clean_values(self, row: Row, by: Any) -> None:
        for name in self.file.key:
            if row.values.get(name) is None and name not in row.invalid_columns():
                row.add_error(self.column(name), "required", _("Empty. This needs a value."))
        super().clean_values(row, by)

    def match_rows(self, rows: Sequence[Row], library: RecordLookup) -> None:
        """Find the record that a row was shipped as, else one that an editor entered; leave out what was edited."""
        shipments = {id(row): self.shipment(row.line) for row in rows}
        keys = [shipment.record_id for shipment in shipments.values() if shipment]
        records = self.match_queryset().in_bulk(keys)
        for row in rows:
            shipment = shipments[id(row)]
            if shipment is not None:
                assign_record(row, records[shipment.record_id])
                self.keep_edits(row, shipment, library)
            elif record := self.entered_record(row):
                assign_record(row, record)
                row.values, row.extra["kept"] = {}, True
            else:
                self.file.before_create(row.values)

    def entered_record(self, row: Row) -> Any:
        """Return the record that an editor entered before it was shipped."""
        names = self.file.match_fields
        wanted = {name: row.values.get(name) for name in names}
        relations = {name for name in names if name in self.relation_fields}
        if not names or row.invalid_columns() & set(names) or any(wanted[name] is None for name in relations):
            return None
        given = {name: "" if value is None else value for name, value in wanted.items()}
        return self.match_queryset().filter(**given).first()

    def keep_edits(self, row: Row, shipment: SeedRecord, library: RecordLookup) -> None:
        """Leave out the values of fields that no longer hold what was shipped."""
        for name in list(row.values):
            column = self.columns_by_name[name]
            if not column.is_field:
                continue
            text, shipped = self.texts(row.line)[name], shipment.values.get(name, "")
            if own_value(row.record, name) != self.shipped_value(column, shipped, library):
                edited = text != shipped and own_value(row.record, name) != comparable(row.values[name])
                row.extra["kept"] = row.extra.get("kept", False) or edited
                del row.values[name]

    def shipped_value(self, column: Column, text: str, library: RecordLookup) -> Any:
        """Return the value of a text that was shipped; the text itself where it cannot be read any more."""
        if not text:
            many = {field.name for field in self.model._meta.many_to_many}
            return comparable([] if column.name in many else None)
        try:
            row = Row(SheetRow(0, {}), {}, {column.name: column.parse(SheetCell(text, untyped=True), library)})
        except AmbiguousCell:
            return text
        super().clean_values(row, None)
        value = row.values[column.name]
        return comparable(getattr(value, "on", value))


def own_value(record: models.Model, name: str) -> Any:
    """Return the value of a record's field in the form in which it is compared."""
    target = record._meta.get_field(name)
    value = getattr(record, name)
    return comparable(list(value.all()) if target.many_to_many else value)


def comparable(value: object) -> Any:
    """Return a value in a form that is equal for equal values: records as keys, lists in any order, empty as None."""
    if isinstance(value, list):
        return frozenset(key_value(item) for item in value)
    return None if value == "" else key_value(value)
