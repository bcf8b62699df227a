"""Dry run of an import: every row is parsed, matched, validated by the model's own rules and compared with its
record."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.history.recording import batched, m2m_rows
from core.imports.columns import Column, RecordLookup, RecordNumberColumn, RecordsColumn, fold_name
from core.imports.headings import Headings, ImportErrorDetail, displayed_value, find_headings
from core.imports.importer import FieldChange, Importer, Row, check_duplicates, is_blank, propose_slug
from core.jobs.queue import Progress, no_progress
from core.permissions import owner_field
from core.records import writing
from core.records.models import HistoryModel, check_constraint_holds
from core.spreadsheets.cells import AmbiguousCell, Sheet
from core.text import PartialDate, Precision, label_value, normalize_text

NEW_RECORD_NAME_FIELDS = ("slug", "name_zh", "name_en", "title_zh", "title_en")
PROGRESS_INTERVAL = 100  # rows from one report of progress to the next


@dataclass
class DryRun:
    """The dry run of a file: what each row would do. Nothing may be written while there are errors."""

    kind: Importer
    sheet: Sheet
    headings: Headings
    rows: list[Row] = field(default_factory=list)

    @property
    def errors(self) -> list[ImportErrorDetail]:
        """All errors, in the order of the sheet."""
        every = [*self.headings.errors, *(fault for row in self.rows for fault in row.errors)]
        return sorted(every, key=lambda fault: (fault.row, fault.column or 0))

    def count_rows(self, action: str) -> int:
        """Return the number of valid rows with this action: create, update or unchanged."""
        return sum(row.action == action for row in self.rows if row.is_valid)


def make_dry_run(
    kind: Importer,
    sheet: Sheet,
    *,
    by: Any,
    progress: Progress = no_progress,
    library: RecordLookup | None = None,
    match: Callable[[Sequence[Row], RecordLookup], None] | None = None,
) -> DryRun:
    """Parse and validate every row for a user; None stands for the loader of seed records, which may do everything and
    has a lookup and a way to find the rows' records of its own."""
    headings = find_headings(sheet, kind.columns, kind.keys if kind.keys_required else ())
    plan = DryRun(kind, sheet, headings)
    if not headings.columns or any(fault.code in {"no_headings", "missing_column"} for fault in headings.errors):
        return plan
    library = library or RecordLookup(epoch1904=sheet.epoch1904)
    places = {column.name: number for number, column in headings.columns.items()}
    lines = [
        line
        for line in sheet.rows
        if line.number > headings.row
        and not all(number in headings.ignored or is_blank(entry) for number, entry in line.cells.items())
    ]
    for done, line in enumerate(lines):
        row = Row(line, places, by=by)
        read_cells(row, headings, library, kind)
        kind.clean_values(row)
        plan.rows.append(row)
        if done % PROGRESS_INTERVAL == 0:
            progress(done, 3 * len(lines))
    if not plan.rows:
        headings.add_error("no_rows", _("No rows stand below the headings. Enter at least one."))
    (match or kind.match_rows)(plan.rows, library)
    check_duplicates(plan.rows, kind)
    fill_records(plan, library)
    resolve_new_references(plan)
    check_required_columns(plan)
    for done, row in enumerate(plan.rows):
        if not row.unidentified:
            validate_row(row, kind)
        if done % PROGRESS_INTERVAL == 0:
            progress(len(lines) + 2 * done, 3 * len(lines))
    check_cycles(plan.rows, kind)
    for row in plan.rows:
        if by is not None and not row.unidentified and row.action != "unchanged":
            check_access(row, kind)
    kind.validate_rows(plan.rows)
    check_unique([row for row in plan.rows if row.is_valid], kind)
    note_versions(plan)
    return plan


def note_versions(plan: DryRun) -> None:
    """Note the newest entry of each record's history: what a confirmation finds changed since is not written over."""
    newest = latest_entries(plan.kind.model, [row.record.pk for row in plan.rows if row.recorded])
    for row in plan.rows:
        row.history_id = newest.get(row.record.pk, 0) if row.recorded else 0


# -- reading the cells ---------------------------------------------------------------------------------


def read_cells(row: Row, headings: Headings, library: RecordLookup, kind: Importer) -> None:
    """Parse the cells of a row into values or errors. A name that may belong to another row of the file is resolved
    later."""
    for position, column in headings.columns.items():
        entry = row.line.cells.get(position)
        if entry is None or is_blank(entry):
            row.values[column.name] = None
            continue
        try:
            row.values[column.name] = column.parse(entry, library)
        except AmbiguousCell as exc:
            if column.model is kind.model and exc.code == "unknown_record":
                row.extra.setdefault("waiting", {})[column.name] = (str(entry.value), exc)
            else:
                row.add_error(column, exc.code, str(exc.message))
                row.unidentified = row.unidentified or isinstance(column, RecordNumberColumn)
    fill_precisions(row, headings.columns.values())
    for position, entry in row.line.cells.items():
        if position not in headings.headed and not is_blank(entry):  # its content would be lost silently
            message = _("This cell stands under no heading. Give its column a heading, or clear the cell.")
            value = displayed_value(entry.value)
            row.errors.append(ImportErrorDetail(row.number, position, "", value, "no_heading", message))


def fill_precisions(row: Row, columns: Iterable[Column]) -> None:
    """Fill in the precision of dates that are written as a month or a year."""
    for column in columns:
        day = row.values.get(column.name)
        if not isinstance(day, PartialDate):
            continue
        row.values[column.name] = day.on
        if not column.precision_column:
            continue
        said = row.values.get(column.precision_column)
        if said and day.precision not in {Precision.DAY, said}:
            message = _("“%(day)s” is known to the %(known)s, but the precision says %(said)s. Make them agree.")
            labels = {"day": day.iso(), "known": Precision(day.precision).label, "said": Precision(said).label}
            row.add_error(column, "precision", message % labels)
        elif not said:
            row.values[column.precision_column] = day.precision


# -- records -------------------------------------------------------------------------------------------


def fill_records(plan: DryRun, library: RecordLookup) -> None:
    """Assign the rows' values to existing or new records."""
    kind, model = plan.kind, cast(Any, plan.kind.model)
    taken = {row.values["slug"] for row in plan.rows if row.values.get("slug")}
    if hasattr(model, "slug"):  # in use now or ever: a deleted record's is not given to another record
        taken.update(model._base_manager.values_list("slug", flat=True))
        taken.update(model.history.values_list("slug", flat=True))
    for row in plan.rows:
        row.record = row.record if row.recorded else model()
        share_related(row.record, library, kind)
        row.before = copy(row.record) if row.recorded else None
        assign_values(row, kind)
        if not row.recorded and hasattr(row.record, "slug") and not row.record.slug:
            row.record.slug = propose_slug(row.record, taken)
    recorded = [row for row in plan.rows if row.recorded]
    for column in plan.headings.columns.values():
        if isinstance(column, RecordsColumn):
            links = m2m_rows(model._meta.get_field(column.name), [row.record.pk for row in recorded])
            names = library.index(column.model)
            for row in recorded:
                row.lists_before[column.name] = [names.record_by_id(key) for _row, key in links.get(row.record.pk, ())]


def share_related(record: Any, library: RecordLookup, kind: Importer) -> None:
    """Replace the record's related objects that rows name by the ones all rows share, where they are not loaded yet."""
    for f in record._meta.concrete_fields:
        key = getattr(record, f.attname)
        if f.name in kind.columns_by_name and f.is_relation and key is not None:
            setattr(record, f.name, library.index(f.related_model).record_by_id(key))


def assign_values(row: Row, kind: Importer) -> None:
    """Assign a row's values to its record. An empty cell empties an optional field; new records get the default."""
    faulty = row.invalid_columns()
    for name, value in row.values.items():
        column = kind.columns_by_name[name]
        if name in faulty or not column.stored:
            continue
        target: Any = kind.model._meta.get_field(name)
        if isinstance(column, RecordsColumn):
            row.lists[column.name] = value or []
        elif value is not None:
            setattr(row.record, column.name, value)
        elif column.required:
            row.add_error(column, "required", _("Empty. This needs a value."))
        elif row.recorded and target.blank and not target.has_default() and (target.null or not target.is_relation):
            # A required relation that may be left blank is derived instead.
            setattr(row.record, column.name, None if target.null else "")


def resolve_new_references(plan: DryRun) -> None:
    """Resolve names of records that do not exist yet but are created by another row of the file.

    Then point relations between rows to the records as they would be saved.
    """
    names: dict[str, list[Any]] = defaultdict(list)
    for row in plan.rows:
        if not row.recorded:
            for text in {fold_name(getattr(row.record, name, "") or "") for name in NEW_RECORD_NAME_FIELDS}:
                names[text].append(row.record)
    for row in plan.rows:
        for name, (text, exc) in row.extra.pop("waiting", {}).items():
            fits = names.get(fold_name(text), [])
            if len(fits) == 1:
                setattr(row.record, name, fits[0])
            else:
                row.add_error(plan.kind.column(name), exc.code, str(exc.message))
    records = {row.record.pk: row.record for row in plan.rows if row.recorded}
    for f in self_relations(plan.kind.model):
        for row in plan.rows:
            if (other := records.get(getattr(row.record, f.attname))) is not None:
                setattr(row.record, f.name, other)


def self_relations(model: type[models.Model]) -> list[Any]:
    """Return the foreign keys of a model to itself."""
    return [f for f in model._meta.concrete_fields if f.related_model is model]


def check_required_columns(plan: DryRun) -> None:
    """Add an error for required columns that are missing where rows would create records."""
    fresh = [row for row in plan.rows if not row.recorded and not row.unidentified]
    for column in plan.kind.columns if fresh else []:
        if column.required and column.name not in plan.headings.names:
            for row in fresh:
                row.missing.add(column.name)
            message = ngettext(
                "Row %(row)d is new and needs the column “%(name)s”. Add it.",
                "%(count)d rows are new (the first is row %(row)d) and need the column “%(name)s”. Add it.",
                len(fresh),
            )
            labels = {"count": len(fresh), "row": fresh[0].number, "name": column.heading}
            plan.headings.add_error("missing_column", message % labels, heading=column.heading)


# -- judging -------------------------------------------------------------------------------------------


def validate_row(row: Row, kind: Importer) -> None:
    """Validate the record by the rules of its model and note its changes; a row that changes nothing has no errors."""
    kind.prepare(row)
    if row.recorded and not field_changes(row, kind):
        return
    blamed = row.invalid_columns()
    draft, others = row.record, blamed | kind.relation_fields
    for check in (partial(draft.settle, row.before, row.by), partial(kind.clean, row, others)):
        try:
            check()
        except ValidationError as exc:
            for name, errors in exc.update_error_dict({}).items():
                code = writing.NOT_YOURS if any(error.code == writing.NOT_YOURS for error in errors) else "invalid"
                add_field_errors(row, kind, name, exc.message_dict[name] if name not in blamed else (), code)
            blamed.update(exc.message_dict)
    check_constraints_and_lists(row, kind, blamed)
    if row.is_valid:
        check_derived_values(row, kind)
    row.changes = field_changes(row, kind) if row.recorded else []


def check_constraints_and_lists(row: Row, kind: Importer, blamed: set[str]) -> None:
    """Add an error where a check constraint is violated, or a list is not as the model wants it."""
    for constraint in row.record._meta.constraints:
        names = row.record.constraint_error_fields(constraint, set())
        try:
            row.record.may_be_violated(constraint, blamed)
        except ValidationError as exc:
            for name in names if blamed.isdisjoint(names) else ():
                add_field_errors(row, kind, name, exc.messages)
    try:
        row.record.clean_lists({name: items for name, items in row.lists.items() if name not in blamed})
    except ValidationError as exc:
        for name, errors in exc.error_dict.items():
            for error in errors:
                add_field_errors(row, kind, name, error.messages, error.code or "invalid")


def check_derived_values(row: Row, kind: Importer) -> None:
    """Add an error where a cell's value would be replaced by one derived from other cells, unless it repeats the
    record."""
    for name in row.positions:
        column, value = kind.columns_by_name[name], row.values.get(name)
        if value is None or not column.stored or isinstance(column, RecordsColumn):
            continue
        now = getattr(row.record, name)
        if now != value and not (row.recorded and vars(row.before).get(name) == value):
            message = _("The record would hold “%(value)s” here: it follows from other cells. Write that or nothing.")
            row.add_error(column, "overruled", message % {"value": column.display(now)})


def check_cycles(rows: Sequence[Row], kind: Importer) -> None:
    """Add an error where a record would become its own ancestor, by way of other rows or of existing records."""
    for f in self_relations(kind.model):
        parents = dict(kind.model._base_manager.exclude(**{f.name: None}).values_list("pk", f.attname))
        for row in rows:
            named = f.get_cached_value(row.record, None)
            parents[node(row.record)] = node(named) if named else getattr(row.record, f.attname)
        circled = find_cycles(parents)
        for row in rows:
            if node(row.record) in circled:
                message = _("This leads back to the record itself in a circle. Name another.")
                row.add_error(kind.column(f.name), "circle", message)


def node(record: Any) -> int:
    """Return the primary key, or for a new record a number that is none."""
    return record.pk or -id(record)


def find_cycles(parents: Mapping[int, int | None]) -> set[int]:
    """Return the nodes of circles, from the parent of each node."""
    climbed: dict[int, int] = {}  # by node, where the climb began that first came by
    circled: set[int] = set()
    for start in parents:
        key: int | None = start
        while key is not None and key not in climbed:
            climbed[key] = start
            key = parents.get(key)
        while key is not None and climbed[key] == start and key not in circled:
            circled.add(key)
            key = parents[key]
    return circled


def check_access(row: Row, kind: Importer) -> None:
    """Add an error where the user may not change the record, or not so: by the checks of every write.

    A row that changes nothing may be about any record: an export of all records can be edited and imported again.
    """
    name = owner_field(kind.model)
    try:
        if row.recorded:
            writing.check_scope(row.by, writing.CHANGE, row.before)
        if name not in row.invalid_columns():
            writing.check_scope(row.by, writing.CHANGE if row.recorded else writing.ADD, row.record)
    except (PermissionDenied, ValidationError) as exc:
        row.add_error(kind.column(name), writing.NOT_YOURS, getattr(exc, "messages", [str(exc)])[0])
    try:
        writing.check_fields(row.record, row.before, row.lists, row.by)
    except ValidationError as exc:
        for field_name in exc.error_dict.keys() - row.invalid_columns():
            add_field_errors(row, kind, field_name, exc.message_dict[field_name], writing.NOT_YOURS)


def add_field_errors(row: Row, kind: Importer, name: str, texts: Iterable[str], code: str = "invalid") -> None:
    """Add the model's validation errors of a field to its cell; for a field without a column, to the row."""
    column = kind.column(name)
    for text in texts:
        if column and column.name in row.positions:
            row.add_error(column, code, text)
        else:
            row.add_error(None, code, label_value(column.heading, text) if column else text)


def check_unique(rows: Sequence[Row], kind: Importer) -> None:
    """Check uniqueness within the file and against existing records."""
    written = {row.record.pk for row in rows if row.recorded}
    by_record = {id(row.record): row for row in rows}
    for name, message, held, stored in unique_values(kind.model, [row.record for row in rows]):
        twice = Counter(key for _record, key in held)
        for record, key in held:
            row, holder = by_record[id(record)], stored.get(key)
            if twice[key] > 1 or (holder is not None and holder not in written):
                add_field_errors(row, kind, name, [message])
            elif holder is not None and holder != record.pk:
                text = _(
                    "Record %(number)d holds this until this file changes it. Change that one first, in its own file."
                )
                add_field_errors(row, kind, name, [text % {"number": holder}])


def unique_values(
    model: Any, records: Sequence[Any]
) -> Iterator[tuple[str, str, list[tuple[Any, tuple[Any, ...]]], dict[tuple[Any, ...], int]]]:
    """Yield for each uniqueness rule the field to correct, the message, each record that has all the values with
    these, and the values that existing records have with their primary keys.
    """
    for names, condition, message, mended in unique_rules(model):
        attnames = [model._meta.get_field(name).attname for name in names]
        held = [
            (record, key)
            for record in records
            if condition is None or check_constraint_holds(condition, record)
            if None not in (key := tuple(getattr(record, name) for name in attnames))  # empty ones never conflict
        ]
        wanted, stored = {key for _record, key in held}, dict[tuple[Any, ...], int]()
        for some in batched(sorted({key[0] for key in wanted})):
            rows = model._base_manager.filter(condition or models.Q(), **{f"{attnames[0]}__in": some})
            keys = {tuple(values): pk for pk, *values in rows.values_list("pk", *attnames)}
            stored.update({key: keys[key] for key in wanted & keys.keys()})
        yield mended, message, held, stored


def unique_rules(model: Any) -> Iterator[tuple[Sequence[str], models.Q | None, str, str]]:
    """Yield the uniqueness rules of a model: fields, condition, message, and the field to correct."""
    for f in model._meta.concrete_fields:
        if f.unique and not f.primary_key:
            labels = {"model_name": capfirst(model._meta.verbose_name), "field_label": capfirst(f.verbose_name)}
            yield (f.name,), None, str(f.error_messages["unique"]) % labels, f.name
    for rule in model._meta.constraints:
        if isinstance(rule, models.UniqueConstraint):
            mended = model().constraint_error_fields(rule, set())[0]
            yield rule.fields, rule.condition, str(rule.get_violation_error_message()), mended


# -- what changes --------------------------------------------------------------------------------------


def field_changes(row: Row, kind: Importer) -> list[FieldChange]:
    """Return the changed fields of an existing record, old and new value."""
    changes = []
    for f in row.record._meta.concrete_fields:
        if f.is_relation and not issubclass(f.related_model, HistoryModel):  # users are not named here
            continue
        was, now = getattr(row.before, f.attname), getattr(row.record, f.attname)
        # Whether it names a record that the same file creates.
        unsaved = f.is_relation and now is None and f.get_cached_value(row.record, None) is not None
        if unsaved or (normalize_text(was) if isinstance(was, str) else was) != now:  # texts may be older than the rule
            column = kind.column(f.name)
            values = (getattr(record, f.name) for record in (row.before, row.record))
            old, new = (column.display(value) if column else "" if value is None else str(value) for value in values)
            changes.append(FieldChange(str(capfirst(f.verbose_name)), old, new, now in (None, "", {}) and not unsaved))
    for name, items in row.lists.items():
        before = row.lists_before[name]
        if {item.pk for item in items} != {item.pk for item in before}:
            column = kind.columns_by_name[name]
            changes.append(FieldChange(column.heading, column.display(before), column.display(items), not items))
    return [*changes, *row.extra.get("changes", [])]


def latest_entries(model: Any, keys: Sequence[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for some in batched(keys):
        rows = model.history.filter(id__in=some).order_by().values_list("id").annotate(models.Max("history_id"))
        found.update(dict(rows))
    return found
