"""Importers: the model of a sheet, its columns, how a row finds its record, and rules over several rows."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

from django.db import models
from django.db.models import Model
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.errors import truncate
from core.history.diffs import editable_fields
from core.history.recording import batched
from core.imports.columns import Column, RecordColumn, RecordLookup, RecordNumberColumn, column_for_field
from core.imports.headings import ImportErrorDetail, displayed_value, printable_text
from core.permissions import permission_name
from core.spreadsheets.cells import SheetCell, SheetRow, strip_invisible
from core.text import join_short

Action = Literal["create", "update", "unchanged"]


class FieldChange(NamedTuple):
    """A field that a row changes, formatted for display."""

    label: str
    old: str
    new: str
    emptied: bool = False  # an empty cell takes away what is there


@dataclass(slots=True, eq=False)
class Row:
    """One row of an import. `values` are the parsed cells by column name; empty cells are None."""

    line: SheetRow
    positions: dict[str, int]  # where each column stands in the sheet
    values: dict[str, Any] = field(default_factory=dict)
    errors: list[ImportErrorDetail] = field(default_factory=list)
    record: Any = None  # the record as it would stand
    recorded: bool = False  # whether it is on record already
    unidentified: bool = False  # whether nobody can tell which record it is about
    before: Any = None  # the record as it is stored; None for a new one
    lists: dict[str, list[Any]] = field(default_factory=dict)  # many-to-many lists as they would stand
    lists_before: dict[str, list[Any]] = field(default_factory=dict)
    changes: list[FieldChange] = field(default_factory=list)
    history_id: int = 0  # the newest entry of the record's history
    missing: set[str] = field(default_factory=set)  # columns that it needs and the file does not have
    related_values: Any = None  # related records that the row holds in a cell of its own
    extra: dict[str, Any] = field(default_factory=dict)  # what a kind of its own keeps of the row
    by: Any = None  # the user who imports; None is the loader of seed records

    @property
    def number(self) -> int:
        return self.line.number

    @property
    def action(self) -> Action:
        if not self.recorded:
            return "create"
        return "update" if self.changes else "unchanged"

    @property
    def is_unknown(self) -> bool:
        """Whether its record may still be found by what the row says, not by a record number."""
        return not (self.recorded or self.unidentified) and self.values.get("id") is None

    @property
    def is_valid(self) -> bool:
        """Whether the row has no errors and no missing columns so far."""
        return not (self.errors or self.missing)

    def entry(self, name: str) -> SheetCell | None:
        position = self.positions.get(name)
        return self.line.cells.get(position) if position else None

    def add_error(self, column: Column | None, code: str, message: str) -> None:
        """Add an error to a cell, or to the row if its column is not in the file."""
        position = self.positions.get(column.name) if column else None
        entry = self.entry(column.name) if column else None
        heading, name = (column.heading, column.name) if column else ("", "")
        value, text = displayed_value(entry and entry.value), printable_text(message)
        self.errors.append(ImportErrorDetail(self.number, position, heading, value, code, text, name))

    def mark_unidentified(self, column: Column | None, code: str, message: str) -> None:
        """Add an error and mark the row's record as unidentified: it is not validated as a new one."""
        self.add_error(column, code, message)
        self.unidentified = True

    def invalid_columns(self) -> set[str]:
        """Return the columns that have errors, missing ones included."""
        return {fault.name for fault in self.errors} | self.missing

    def fingerprint(self) -> str:
        """Return what the row would do, to be compared on confirmation: its number, action, record, the version of that
        and a hash of how it would be saved, lists and related records included. Independent of the language.
        """
        own = [f"{f.attname}={getattr(self.record, f.attname)}" for f in self.record._meta.concrete_fields]
        lists = [f"{name}={sorted(item.pk for item in items)}" for name, items in sorted(self.lists.items())]
        digest = hashlib.sha256("\n".join([*own, *lists, str(self.related_values)]).encode()).hexdigest()[:16]
        return f"{self.number} {self.action} {self.record.pk if self.recorded else '-'} {self.history_id} {digest}"


def is_blank(entry: SheetCell | None) -> bool:
    """Whether a cell holds nothing visible."""
    return entry is None or (isinstance(entry.value, str) and not strip_invisible(entry.value))


LookupKey = tuple[str, ...]
MAX_PRIMARY_KEY = 2**63 - 1


class Importer:
    """Base class of importers: one kind of records in a sheet. Subclasses override `match_rows` and `validate_rows`."""

    name: str
    model: type[models.Model]
    keys: Sequence[LookupKey] = (("slug",),)  # ways to tell a row's record, tried in order
    keys_required = True  # a file has to have the columns of at least one
    narrowing_fields: LookupKey = ()  # what has to agree as well, where the file has these columns
    excluded_fields: tuple[str, ...] = ()
    heading_aliases: Mapping[str, tuple[str, ...]] = {}  # other headings of a field, as ledgers have them
    column_options: Mapping[str, Mapping[str, Any]] = {}  # by field, in what its column differs from the field
    prefetched: tuple[str, ...] = ()  # relations that its columns export

    def __init__(self, model: type[models.Model] | None = None, *, keys: Sequence[LookupKey] = ()) -> None:
        """Make an importer without rules of its own for a model; classes name theirs."""
        if model:
            self.model, self.keys = model, keys

    @property
    def label(self) -> str:
        return str(self.model._meta.verbose_name_plural)

    @cached_property
    def columns(self) -> list[Column]:
        """The record number, then the fields in the model's order, then many-to-many fields."""
        fields = [f for f in editable_fields(self.model) if f.name not in self.excluded_fields]
        own_columns = (
            column_for_field(
                f,
                aliases=self.heading_aliases.get(f.name, ()),
                **{**({"required": False} if f.name == "slug" else {}), **self.column_options.get(f.name, {})},
            )
            for f in fields
        )
        return [
            RecordNumberColumn(
                "id",
                gettext_lazy("record number"),
                stored=False,
                help=gettext_lazy(
                    "Written by exports: it says which record the row is about, so that every other cell may be "
                    "edited. Leave it empty for a new record."
                ),
                aliases=("record no.", "记录编号"),
            ),
            *own_columns,
            *self.extra_columns(),
        ]

    def extra_columns(self) -> list[Column]:
        """Return columns that are no field of the model."""
        return []

    @cached_property
    def columns_by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @cached_property
    def relation_fields(self) -> set[str]:
        """The foreign keys; whether their records exist is checked when cells are parsed."""
        return {f.name for f in self.model._meta.concrete_fields if f.is_relation}

    def column(self, name: str) -> Column | None:
        """Return the column of a field, None for a field that files do not hold."""
        return self.columns_by_name.get(name)

    def export_queryset(self) -> models.QuerySet[Model]:
        """Return all records, with those that they name and what the names of these hold."""
        lists, named = [f.name for f in self.model._meta.many_to_many], []
        for column in self.columns:
            if isinstance(column, RecordColumn):
                further = column.model.NAME_RELATIONS
                named += [column.name, *(f"{column.name}__{name}" for name in further if name)]
        records = self.model._base_manager.prefetch_related(*lists, *self.prefetched)
        return records.select_related(*named) if named else records

    # -- which record a row is about ---------------------------------------------------------------------

    def match_rows(self, rows: Sequence[Row], library: RecordLookup) -> None:
        """Find the record of each row: by record number, else by the first lookup key that finds one. Several records
        that agree in all fields of a key are an error."""
        self.match_numbers(rows)
        for key in self.keys:
            waiting = [row for row in rows if row.is_unknown and row_key(row, key)]
            candidates: dict[object, list[Any]] = defaultdict(list)  # by their values of the whole key
            for records in self.records_by_field(key[0], [row.values[key[0]] for row in waiting]).values():
                for record in records:
                    candidates[record_key(record, key)].append(record)
            for row in waiting:
                fits = [item for item in candidates[row_key(row, key)] if not self.tells_apart(row, item, key)]
                if len(fits) > 1:
                    message = _("Several records agree with this row: give the record number, %(numbers)s.")
                    numbers = join_short(item.pk for item in fits)
                    row.mark_unidentified(None, "ambiguous", message % {"numbers": numbers})
                elif fits:
                    assign_record(row, fits[0])

    def match_numbers(self, rows: Sequence[Row]) -> None:
        numbered = [row for row in rows if row.values.get("id") is not None]
        numbers = [row.values["id"] for row in numbered if 0 < row.values["id"] <= MAX_PRIMARY_KEY]
        by_number = self.records_by_field("pk", numbers)
        for row in numbered:
            if records := by_number.get(row.values["id"]):
                assign_record(row, records[0])
            else:
                message = _("There is no record %(number)s here; it may be deleted. Clear the cell to enter a new one.")
                row.mark_unidentified(self.column("id"), "unknown_record", message % {"number": row.values["id"]})

    def tells_apart(self, row: Row, item: Any, key: LookupKey) -> bool:
        """Whether an earlier key, or a narrowing field, tells a row from a record that has its key."""
        for earlier in self.keys[: self.keys.index(key)]:
            says, own = row_key(row, earlier), record_key(item, earlier)
            if says is not None and says != own and not any(value in (None, "") for value in own):
                return True
        given = [name for name in self.narrowing_fields if name in row.values]
        return any(key_value(row.values[name]) != record_key(item, (name,))[0] for name in given)

    def records_by_field(
        self, name: str, values: Iterable[Any], records: models.QuerySet[Any] | None = None
    ) -> Mapping[Any, list[Any]]:
        """Return the records, of all if not of these, with one of the values in a field, by value; without related
        records, which rows share."""
        by_value: dict[Any, list[Any]] = defaultdict(list)
        records = self.model._base_manager.all() if records is None else records
        for some in batched(list(dict.fromkeys(map(key_value, values)))):
            for record in records.filter(**{f"{name}__in": some}):
                by_value[record_key(record, (name,))[0]].append(record)
        return by_value

    # -- rules -------------------------------------------------------------------------------------------

    def clean_values(self, row: Row) -> None:
        """Complete a row's values before they are assigned to the record."""

    def complete_new(self, rows: Sequence[Row]) -> None:
        """Complete the records of new rows right before they are inserted, in the transaction that inserts them."""

    def validate_rows(self, rows: Sequence[Row]) -> None:
        """Check rules over several rows, or over rows and existing records."""

    def clean(self, row: Row, exclude: set[str]) -> None:
        """Run the record's own validation, without uniqueness and constraints. Raises ValidationError."""
        row.record.full_clean(exclude=exclude, validate_unique=False, validate_constraints=False)

    def prepare(self, row: Row) -> None:
        """Before the record is compared and validated: check and compare related records that stand in cells of the
        row, and set flags for checks that are done elsewhere.
        """

    def write_related(self, rows: Sequence[Row], *, by: Any, reason: str) -> None:
        """Write related records once their owners are saved."""

    def describe(self, row: Row) -> str:
        """Return the name of a row's record."""
        return str(row.record)


def assign_record(row: Row, record: Any) -> None:
    row.record, row.recorded = record, True


def key_value(value: object) -> Any:
    """Return a value as keys compare it: a record as its primary key."""
    return value.pk if isinstance(value, models.Model) else value


def row_key(row: Row, key: LookupKey) -> tuple[object, ...] | None:
    """Return the row's values for a key; None if one of them is empty."""
    values = tuple(key_value(row.values.get(name)) for name in key)
    return None if any(value in (None, "") for value in values) else values


def record_key(record: Any, key: LookupKey) -> tuple[Any, ...]:
    """Return the record's values for a key, relations as primary keys."""
    return tuple(record.pk if name == "pk" else getattr(record, record._meta.get_field(name).attname) for name in key)


def check_duplicates(rows: Sequence[Row], kind: Importer) -> None:
    """Add an error to every row whose record is also that of another row."""
    groups: dict[tuple[LookupKey, object], list[Row]] = defaultdict(list)
    # How a row is identified: the record it found, or the first key that it fills.
    identified: set[tuple[LookupKey, object]] = set()
    for row in rows:
        near = tuple(key_value(row.values.get(name)) for name in kind.narrowing_fields)
        ways: list[tuple[LookupKey, object]] = [
            (key, (says, near)) for key in kind.keys if (says := row_key(row, key)) is not None
        ]
        if row.recorded:
            ways = [(("id",), row.record.pk)]
        identified.update(ways[:1])
        for way in ways:
            groups[way].append(row)
    for way, twins in groups.items():
        for row in twins if len(twins) > 1 and way in identified else []:
            key = way[0]
            blamed = next((name for name in (*reversed(key), *reversed(kind.keys[0])) if name in row.positions), "")
            others = [str(twin.number) for twin in twins if twin is not row]
            message = ngettext(
                "Row %(rows)s is about the same record. Keep one.",
                "Rows %(rows)s are about the same record. Keep one.",
                len(others),
            )
            row.add_error(kind.column(blamed), "twice", message % {"rows": truncate(join_short(others))})


def propose_slug(record: Any, taken: set[str]) -> str:
    """Propose a slug for a record without one: from the English name, else from the Chinese name in pinyin."""
    english, chinese = getattr(record, record.EN, "") or "", getattr(record, record.ZH, "") or ""
    stem = slugify(english.replace("_", "-"))
    if not stem:
        from pypinyin import lazy_pinyin  # noqa: PLC0415  # 57 MB of dictionaries, needed by few processes

        stem = slugify("-".join(lazy_pinyin(chinese)).replace("_", "-"))
    stem = (stem or record._meta.model_name)[:70].strip("-")
    number, code = 2, stem
    while code in taken:
        number, code = number + 1, f"{stem}-{number}"
    taken.add(code)
    return code


KINDS: dict[str, Importer] = {}  # the kinds of records that can be imported, by name


def allowed_importers(user: Any) -> dict[str, Importer]:
    """Return the kinds of records that the user may import, by name: those that they may both add and change."""
    return {
        name: kind
        for name, kind in KINDS.items()
        if user.has_perms([permission_name(kind.model, action) for action in ("add", "change")])
    }


def register(*kinds: Importer) -> None:
    """Add kinds of records to those that can be imported, in `AppConfig.ready()`."""
    KINDS.update({kind.name: kind for kind in kinds})
