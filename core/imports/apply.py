"""Confirmation of an import: one transaction, and confirming twice changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.history.bulk_history import BATCH_SIZE, batched, m2m_rows, write_history_entries, written_by_import
from core.history.diffs import author_name, format_datetime, historical_name
from core.imports.dry_run import PROGRESS_INTERVAL, DryRun, latest_entries
from core.imports.files import repeat_dry_run
from core.imports.importer import Importer
from core.imports.models import Import, ImportAction, ImportChange, ImportFile, ImportState
from core.imports.sheet.rows import Row, WrittenRecord
from core.jobs.queue import Progress, no_progress
from core.permissions import can_access
from core.text.formatting import label_value

MAX_REASON_LENGTH = 300  # kept of a reason with its import; the histories keep all of it


class ConflictError(Exception):
    """Conflict: nothing was written, because records changed since the dry run or the import.

    `messages` lists what has changed.
    """

    def __init__(self, what: Sequence[str]) -> None:
        self.messages = list(what)
        super().__init__("\n".join(what))


# -- confirming ----------------------------------------------------------------------------------------


def confirm(kind: Importer, record: Import, *, by: Any, reason: str = "", progress: Progress = no_progress) -> Import:
    """Write what the dry run showed. An import that is confirmed already stays as it is.

    Raises ConflictError, with nothing written, if a record changed since the dry run.
    """
    with transaction.atomic():
        record = Import.objects.select_for_update().get(pk=record.pk)
        if record.state == ImportState.CONFIRMED:
            return record
        if record.state != ImportState.CHECKED:
            state = record.get_state_display()
            raise ConflictError([_("This import is not ready to be confirmed: %(state)s.") % {"state": state}])
        if not ImportFile.objects.filter(record=record).exists():
            raise ConflictError([_("The file is no longer kept. Upload it again.")])
        plan = repeat_dry_run(kind, record, by=by, progress=progress)
        # Lock the records until the transaction ends, then read their newest history entries again.
        keys = sorted(row.record.pk for row in plan.rows if row.found)
        manager: Any = plan.kind.model._base_manager
        for some in batched(keys):
            list(manager.select_for_update(no_key=True).filter(pk__in=some).order_by("pk").values_list("pk"))
        newest = latest_entries(plan.kind.model, keys)
        for row in plan.rows:
            if row.found:
                row.history_id = newest.get(row.record.pk, 0)
        check_conflicts(plan, record, by)
        missing = [] if reason.strip() else plan.kind.missing_reason_errors(plan.rows)
        if missing:
            raise ConflictError(missing)
        try:
            with transaction.atomic(), written_by_import(record):
                write_rows(plan, record, by=by, reason=reason, progress=progress)
                check_foreign_keys([plan.kind.model])
        except IntegrityError:
            message = _(
                "Another user entered a record with the same code or name meanwhile, or deleted one that the file "
                "names. Check the file again."
            )
            raise ConflictError([message]) from None
        record.state, record.reason = ImportState.CONFIRMED, reason[:MAX_REASON_LENGTH]
        record.confirmed_by, record.confirmed_at = by, timezone.now()
        record.save()
    return record


def check_foreign_keys(written: Iterable[Any]) -> None:
    """Check foreign keys now instead of at the end of the transaction.

    Raises IntegrityError if a record names one that was deleted.
    """
    tables = [model._meta.db_table for model in written]
    tables += [f.remote_field.through._meta.db_table for model in written for f in model._meta.many_to_many]
    transaction.get_connection().check_constraints(tables)


def check_conflicts(plan: DryRun, record: Import, by: Any) -> None:
    """Raise ConflictError with each row that has an error now, or would do something else than the dry run showed."""
    report = ImportFile.objects.values_list("report", flat=True).get(record=record)
    seen = set(report["fingerprints"])
    late = [row for row in plan.rows if row.errors or row.fingerprint() not in seen]
    versions = {number: version for number, _action, _key, version, _digest in map(str.split, seen)}
    what = [conflict_text(row, versions.get(str(row.number)), by) for row in late] + [
        fault.message for fault in plan.general_errors
    ]
    if not what and len(plan.rows) != len(seen):
        what = [_("The file is read otherwise than in the dry run. Check it again.")]
    if what:
        raise ConflictError(what)


def conflict_text(row: Row, version: str | None, by: Any) -> str:
    """Return what happened to a row's record since the dry run saw its `version`, as far as the user may know."""
    name = _("Row %(row)d") % {"row": row.number}
    if row.errors:
        return label_value(name, row.errors[0].message)
    entry = row.record.history.filter(history_id=row.history_id).first() if str(row.history_id) != version else None
    if entry is None or (by is not None and not can_access(by, row.record)):
        return label_value(name, _("would do something else than the dry run showed."))
    return label_value(name, change_text(entry))


def write_rows(plan: DryRun, record: Import | None, *, by: Any, reason: str, progress: Progress = no_progress) -> None:
    """Write every row with changes, each with one history entry and, for an import, one change of it."""
    kind = plan.kind
    created = [row for row in plan.rows if row.action == "create"]
    updated = [row for row in plan.rows if row.action == "update"]
    befores = snapshots([row.record for row in updated], kind.model)
    kind.complete_new(created)
    create_records(kind, created)
    for done, row in enumerate(updated):
        update_record(row)
        if done % PROGRESS_INTERVAL == 0:
            progress(len(created) + done, len(plan.rows))
    set_many_to_many(kind, [*created, *updated])
    for action, rows in ((ImportAction.CREATE, created), (ImportAction.UPDATE, updated)):
        for some in batched(rows):
            written = [WrittenRecord(row.number, row.record, action, befores.get(row.record.pk)) for row in some]
            record_changes(record, written, by=by, reason=reason)
            progress(some[-1].number, plan.rows[-1].number)
    parts = kind.write_related([*created, *updated], reason)
    record_changes(record, parts, by=by, reason=reason)
    delete_records(item.record for item in parts if item.action == ImportAction.DELETE)


def create_records(kind: Importer, rows: Sequence[Row]) -> None:
    """Insert new records; one that names another new record is inserted after it. There are no cycles."""
    manager: Any = kind.model._base_manager
    waiting: dict[int, list[object]] = defaultdict(list)  # by the record that they wait for
    ready = [row.record for row in rows]
    while ready:
        now: list[object] = []
        for record in ready:
            named = first_unsaved_relation(record)
            (now if named is None else waiting[id(named)]).append(record)
        for some in batched(now):
            manager.bulk_create(some)
        ready = [record for made in now for record in waiting.pop(id(made), [])]


def first_unsaved_relation(record: Any) -> Any:
    """Return a related record without a primary key, or None; in that case the record holds the keys of all."""
    for f in record._meta.concrete_fields:
        if f.is_relation and getattr(record, f.attname) is None:
            named = f.get_cached_value(record, None)
            if named is not None and named.pk is None:
                return named
            if named is not None:
                setattr(record, f.name, named)
    return None


def update_record(row: Row) -> None:
    """Update only the fields that changed."""
    first_unsaved_relation(row.record)
    values = {
        f.attname: getattr(row.record, f.attname)
        for f in row.record._meta.concrete_fields
        if row.before[f.attname] != getattr(row.record, f.attname)
    }
    if values:
        type(row.record)._base_manager.filter(pk=row.record.pk).update(**values)


def set_many_to_many(kind: Importer, rows: Sequence[Row]) -> None:
    """Set many-to-many lists to the rows' values: delete and add only what differs."""
    for f in kind.model._meta.many_to_many:
        through: Any = f.remote_field.through
        owner, target = f.m2m_column_name(), f.m2m_reverse_name()
        wanted = {row.record.pk: {item.pk for item in row.lists[f.name]} for row in rows if f.name in row.lists}
        links = m2m_rows(f, list(wanted))
        gone = [key for record, items in wanted.items() for key, named in links.get(record, []) if named not in items]
        for some in batched(gone):
            through._default_manager.filter(pk__in=some).delete()
        here = {record: {named for _key, named in rows_} for record, rows_ in links.items()}
        through._default_manager.bulk_create(
            [
                through(**{owner: record, target: named})
                for record, items in wanted.items()
                for named in sorted(items - here.get(record, set()))
            ],
            batch_size=BATCH_SIZE,
        )


def delete_records(records: Iterable[Any]) -> None:
    """Delete records whose history entries are written already."""
    groups: dict[Any, list[int]] = defaultdict(list)
    for record in records:
        groups[type(record)].append(record.pk)
    for model, keys in groups.items():
        for some in batched(keys):
            # Not delete(): each record would then leave a second entry, and every relation would be asked again.
            model._base_manager.filter(pk__in=some)._raw_delete(model._base_manager.db)  # noqa: SLF001


def record_changes(record: Import | None, written: Sequence[WrittenRecord], *, by: Any, reason: str) -> None:
    """Write a history entry for each record, and the change of the import that points to it, if there is one."""
    groups: dict[tuple[Any, str], list[WrittenRecord]] = defaultdict(list)
    for item in written:
        groups[type(item.record), item.action].append(item)
    for (model, action), items in groups.items():
        sign = {ImportAction.CREATE: "+", ImportAction.UPDATE: "~", ImportAction.DELETE: "-"}[ImportAction(action)]
        entries = write_history_entries([item.record for item in items], sign, by=by, reason=reason)
        if record is None:
            continue
        ImportChange.objects.bulk_create(
            [
                ImportChange(
                    import_record=record,
                    row=item.row,
                    model=model._meta.label_lower,
                    record_id=item.record.pk,
                    action=action,
                    before=item.before,
                    entry_id=entry,
                )
                for item, entry in zip(items, entries, strict=True)
            ]
        )


def snapshots(records: Sequence[Any], model: type[models.Model]) -> dict[int, dict[str, Any]]:
    """Return the stored state of records: fields and many-to-many rows. Three queries, and one per many-to-many
    field."""
    keys, plain = [record.pk for record in records], DjangoJSONEncoder()
    attnames = [f.attname for f in model._meta.concrete_fields]
    found: dict[int, dict[str, Any]] = {}
    for some in batched(keys):
        for values in model._base_manager.filter(pk__in=some).values(*attnames):
            fields = {  # as JSON without loss: decimals and dates as text
                name: value if value is None or isinstance(value, bool | int | str) else plain.default(value)
                for name, value in values.items()
            }
            found[values[model._meta.pk.attname]] = {"fields": fields, "lists": {}}
    for f in model._meta.many_to_many:
        for key, links in m2m_rows(f, keys).items():
            found[key]["lists"][f.name] = [list(link) for link in links]
    return found


ChangeGroups = dict[type[models.Model], list[ImportChange]]


def change_text(entry: Any) -> str:
    """Return who changed or deleted a record and when, from its newest history entry."""
    text = _("“%(name)s” was changed by %(user)s on %(when)s.")
    if entry.history_type == "-":
        text = _("“%(name)s” was deleted by %(user)s on %(when)s.")
    return text % {
        "name": historical_name(entry),
        "user": author_name(entry),
        "when": format_datetime(entry.history_date),
    }
