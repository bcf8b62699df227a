"""Confirm an import and undo it: all of it happens, or nothing, and pressing twice is harmless."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from config.bulk import BATCH, chunks, links_of, write_entries
from config.reasons import UNDONE
from config.rules import holds
from config.versions import author, called, moment
from config.words import labelled
from policies.imports.kinds import Kind
from policies.imports.plan import EVERY, Plan, Work, newest_entries, said, stored_keys, unique_rules
from policies.imports.rows import Row, Written
from policies.models import Import, ImportAction, ImportChange, ImportFile, ImportState, reaches

LONGEST_REASON = 300  # kept of a reason with its import; the histories keep all of it


class Overtaken(Exception):
    """Nothing was written, because the records are no longer as the dry run or the import left them.

    `what` says line by line what has changed since.
    """

    def __init__(self, what: Sequence[str]) -> None:
        self.what = list(what)
        super().__init__("\n".join(what))


# -- confirming ----------------------------------------------------------------------------------------


def confirm(record: Import, replan: Callable[[Import], Work[Plan]], *, by: Any, reason: str = "") -> Work[Import]:
    """Write what the dry run showed. Confirmed already: nothing happens again.

    Raises Overtaken, with nothing written, where a record is no longer as the dry run saw it.
    """
    with transaction.atomic():
        record = Import.objects.select_for_update().get(pk=record.pk)
        if record.state == ImportState.CONFIRMED:
            return record
        if record.state != ImportState.CHECKED:
            state = record.get_state_display()
            raise Overtaken([_("This import is not ready to be confirmed: %(state)s.") % {"state": state}])
        if not ImportFile.objects.filter(record=record).exists():
            raise Overtaken([_("The file is no longer kept. Upload it again.")])
        plan = yield from replan(record)
        lock(plan)
        refuse_overtaken(plan, record, by)
        missing = [] if reason.strip() else plan.kind.needs_reason(plan.rows)
        if missing:
            raise Overtaken(missing)
        try:
            with transaction.atomic():
                yield from write_plan(plan, record, by=by, reason=reason)
                hold_references([plan.kind.model])
        except IntegrityError:
            message = _(
                "Somebody entered a record with the same code or name meanwhile, or deleted one that the file names. "
                "Check the file again."
            )
            raise Overtaken([message]) from None
        record.state, record.reason = ImportState.CONFIRMED, reason[:LONGEST_REASON]
        record.confirmed_by, record.confirmed_at = by, timezone.now()
        record.save()
    return record


def hold_references(written: Iterable[Any]) -> None:
    """Let the database say now, not at the end of the transaction, where a record names one that is gone.

    Raises IntegrityError.
    """
    tables = [model._meta.db_table for model in written]
    tables += [f.remote_field.through._meta.db_table for model in written for f in model._meta.many_to_many]
    transaction.get_connection().check_constraints(tables)


def lock(plan: Plan) -> None:
    """Nobody else writes these records until the transaction ends; then see their newest versions again."""
    keys = sorted(row.record.pk for row in plan.rows if row.found)
    manager: Any = plan.kind.model._base_manager
    for some in chunks(keys):
        list(manager.select_for_update().filter(pk__in=some).order_by("pk").values_list("pk"))
    newest = newest_entries(plan.kind.model, keys)
    for row in plan.rows:
        if row.found:
            row.version = newest.get(row.record.pk, 0)


def refuse_overtaken(plan: Plan, record: Import, by: Any) -> None:
    """Raise Overtaken with each row that is refused now, or would do something else than the dry run showed."""
    report = ImportFile.objects.values_list("report", flat=True).get(record=record)
    seen = set(report["fingerprints"])
    late = [row for row in plan.rows if row.faults or row.fingerprint() not in seen]
    versions = {number: version for number, _action, _key, version, _digest in map(str.split, seen)}
    what = [overtaken_row(row, versions.get(str(row.number)), by) for row in late] + [
        fault.message for fault in plan.general
    ]
    if not what and len(plan.rows) != len(seen):
        what = [_("The file is read otherwise than in the dry run. Check it again.")]
    if what:
        raise Overtaken(what)


def overtaken_row(row: Row, version: str | None, by: Any) -> str:
    """What happened to a row's record since the dry run saw its `version`, as far as somebody may know it."""
    name = _("Row %(row)d") % {"row": row.number}
    if row.faults:
        return labelled(name, row.faults[0].message)
    entry = row.record.history.filter(history_id=row.version).first() if str(row.version) != version else None
    if entry is None or (by is not None and not reaches(by, row.record)):
        return labelled(name, _("would do something else than the dry run showed."))
    return labelled(name, told_of(entry))


def write_plan(plan: Plan, record: Import, *, by: Any, reason: str) -> Work[None]:
    """Write every row that changes something, with one entry in the history and one change of the import for each."""
    kind = plan.kind
    created = [row for row in plan.rows if row.action == "create"]
    updated = [row for row in plan.rows if row.action == "update"]
    befores = snapshots([row.record for row in updated], kind.model)
    create_records(kind, created)
    for done, row in enumerate(updated):
        update_record(row)
        if done % EVERY == 0:
            yield len(created) + done, len(plan.rows)
    set_lists(kind, [*created, *updated])
    for action, rows in ((ImportAction.CREATE, created), (ImportAction.UPDATE, updated)):
        for some in chunks(rows):
            written = [Written(row.number, row.record, action, befores.get(row.record.pk)) for row in some]
            keep_changes(record, written, by=by, reason=reason)
            yield some[-1].number, plan.rows[-1].number
    parts = kind.write_parts([*created, *updated])
    keep_changes(record, parts, by=by, reason=reason)
    delete_records(item.record for item in parts if item.action == ImportAction.DELETE)


def create_records(kind: Kind, rows: Sequence[Row]) -> None:
    """Insert new records; one that names another new one waits until that is there. None is in a circle."""
    manager: Any = kind.model._base_manager
    waiting: dict[int, list[Any]] = defaultdict(list)  # by the record that they wait for
    ready = [row.record for row in rows]
    while ready:
        now: list[Any] = []
        for record in ready:
            named = unsaved_named(record)
            (now if named is None else waiting[id(named)]).append(record)
        for some in chunks(now):
            manager.bulk_create(some)
        ready = [record for made in now for record in waiting.pop(id(made), [])]


def unsaved_named(record: Any) -> Any:
    """A record without a key that this one names; None where there is none, and then it holds the keys of all."""
    for f in record._meta.concrete_fields:
        if f.is_relation and getattr(record, f.attname) is None:
            named = f.get_cached_value(record, None)
            if named is not None and named.pk is None:
                return named
            if named is not None:
                setattr(record, f.name, named)
    return None


def update_record(row: Row) -> None:
    """Write the fields that changed, and only those."""
    unsaved_named(row.record)
    values = {
        f.attname: getattr(row.record, f.attname)
        for f in row.record._meta.concrete_fields
        if row.before[f.attname] != getattr(row.record, f.attname)
    }
    if values:
        type(row.record)._base_manager.filter(pk=row.record.pk).update(**values)


def set_lists(kind: Kind, rows: Sequence[Row]) -> None:
    """Bring many-to-many lists to what the rows say: what leaves is deleted, what comes is added, the rest stays."""
    for f in kind.model._meta.many_to_many:
        through: Any = f.remote_field.through
        owner, target = f.m2m_column_name(), f.m2m_reverse_name()
        wanted = {row.record.pk: {item.pk for item in row.lists[f.name]} for row in rows if f.name in row.lists}
        links = links_of(f, list(wanted))
        gone = [key for record, items in wanted.items() for key, named in links.get(record, []) if named not in items]
        for some in chunks(gone):
            through._default_manager.filter(pk__in=some).delete()
        here = {record: {named for _key, named in rows_} for record, rows_ in links.items()}
        through._default_manager.bulk_create(
            [
                through(**{owner: record, target: named})
                for record, items in wanted.items()
                for named in sorted(items - here.get(record, set()))
            ],
            batch_size=BATCH,
        )


def delete_records(records: Iterable[Any]) -> None:
    """Delete records whose entries are written already."""
    groups: dict[Any, list[int]] = defaultdict(list)
    for record in records:
        groups[type(record)].append(record.pk)
    for model, keys in groups.items():
        for some in chunks(keys):
            # Not delete(): each record would then leave a second entry, and every relation would be asked again.
            model._base_manager.filter(pk__in=some)._raw_delete(model._base_manager.db)  # noqa: SLF001


def keep_changes(record: Import, written: Sequence[Written], *, by: Any, reason: str) -> None:
    """One entry in the history for each record written, and the import's change that points to it."""
    groups: dict[tuple[Any, str], list[Written]] = defaultdict(list)
    for item in written:
        groups[type(item.record), item.action].append(item)
    for (model, action), items in groups.items():
        sign = {ImportAction.CREATE: "+", ImportAction.UPDATE: "~", ImportAction.DELETE: "-"}[ImportAction(action)]
        entries = write_entries([item.record for item in items], sign, by=by, reason=reason)
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
    """How records stand in the database: their fields, and the rows of their lists. Three queries and one a list."""
    keys = [record.pk for record in records]
    attnames = [f.attname for f in model._meta.concrete_fields]
    found: dict[int, dict[str, Any]] = {}
    for some in chunks(keys):
        for values in model._base_manager.filter(pk__in=some).values(*attnames):
            found[values[model._meta.pk.attname]] = {"fields": jsonable(values), "lists": {}}
    for f in model._meta.many_to_many:
        for key, links in links_of(f, keys).items():
            found[key]["lists"][f.name] = [list(link) for link in links]
    return found


def jsonable(values: dict[str, Any]) -> dict[str, Any]:
    """Values as JSON keeps them to the letter: decimals and days as text."""
    plain = DjangoJSONEncoder()
    return {
        name: value if value is None or isinstance(value, bool | int | str) else plain.default(value)
        for name, value in values.items()
    }


# -- undoing -------------------------------------------------------------------------------------------


def undo(record: Import, *, by: Any, reason: str = "") -> Work[Import]:
    """Set every record of the import back to how it stood before, lists included. Undone already: nothing happens.

    Raises Overtaken, with nothing written, where one was changed since, or is needed by a record entered since.
    """
    with transaction.atomic():
        record = Import.objects.select_for_update().get(pk=record.pk)
        if record.state == ImportState.UNDONE:
            return record
        if record.state != ImportState.CONFIRMED:
            raise Overtaken([_("Only a confirmed import can be undone.")])
        groups: Groups = defaultdict(list)
        for change in record.changes.order_by("-pk"):
            groups[apps.get_model(change.model)].append(change)
        lock_changes(groups)
        what = [text for model, changes in groups.items() for text in changed_since(model, changes)]
        what += needed_since(groups)
        what += [text for model, changes in groups.items() for text in taken_since(model, changes)]
        if what:
            raise Overtaken(what)
        undone = _(UNDONE) % {"number": record.pk}
        why = labelled(undone, reason) if reason else undone
        try:
            with transaction.atomic():
                for model, changes in groups.items():
                    yield from put_back(model, changes, by=by, reason=why)
                hold_references(groups)
        except IntegrityError:
            message = _("Somebody entered a record meanwhile that stands in the way. Try again to see which.")
            raise Overtaken([message]) from None
        record.state, record.undo_reason = ImportState.UNDONE, reason[:LONGEST_REASON]
        record.undone_by, record.undone_at = by, timezone.now()
        record.save()
    return record


Groups = dict[type[models.Model], list[ImportChange]]


def lock_changes(groups: Groups) -> None:
    for model, changes in groups.items():
        for some in chunks(sorted(change.record_id for change in changes)):
            list(model._base_manager.select_for_update().filter(pk__in=some).order_by("pk").values_list("pk"))


def changed_since(model: Any, changes: Sequence[ImportChange]) -> Iterable[str]:
    """The records whose newest entry is not the import's any more."""
    newest = newest_entries(model, [change.record_id for change in changes])
    late = [change for change in changes if newest.get(change.record_id) != change.entry_id]
    entries = model.history.in_bulk([newest[change.record_id] for change in late if change.record_id in newest])
    for change in late:
        entry = entries.get(newest.get(change.record_id))
        if entry is not None:
            yield labelled(capfirst(model._meta.verbose_name), told_of(entry))


def told_of(entry: Any) -> str:
    """What somebody did to a record, as its newest entry tells."""
    text = _("“%(name)s” was changed by %(user)s on %(when)s.")
    if entry.history_type == "-":
        text = _("“%(name)s” was deleted by %(user)s on %(when)s.")
    return text % {"name": called(entry), "user": author(entry), "when": moment(entry.history_date)}


def needed_since(groups: Groups) -> list[str]:
    """Records that name one which the undoing would delete, and that the undoing does not set back as well."""
    touched = {model: {change.record_id for change in changes} for model, changes in groups.items()}
    what = []
    for model, changes in groups.items():
        made = [change.record_id for change in changes if change.action == ImportAction.CREATE]
        for relation in model._meta.related_objects:
            other: Any = relation.related_model
            if relation.hidden:  # history, and the rows of many-to-many lists, which go with their record
                continue
            for some in chunks(made):
                users = other._base_manager.filter(**{f"{relation.field.name}__in": some}).distinct()
                what += [needs(user) for user in users if user.pk not in touched.get(other, set())]
    return what


def taken_since(model: Any, changes: Sequence[ImportChange]) -> Iterable[str]:
    """Records that hold now what those set back held before, and no two may hold: a code, a name, a year."""
    touched = {change.record_id for change in changes}
    records = [model(**read_back(model, change)) for change in changes if change.action != ImportAction.CREATE]
    found: set[int] = set()
    for names, condition, _message, _mended in unique_rules(model):
        keys = [said(record, names) for record in records if condition is None or holds(condition, record)]
        found |= set(stored_keys(model, names, condition, filter(None, keys)).values()) - touched
    text = _("“%(name)s” was entered since and holds what a record of the import held before.")
    for some in chunks(sorted(found)):
        for record in model._base_manager.filter(pk__in=some).order_by("pk"):
            yield labelled(capfirst(model._meta.verbose_name), text % {"name": record})


def needs(user: Any) -> str:
    text = _("“%(name)s” was entered since and needs what the import created.")
    return labelled(capfirst(user._meta.verbose_name), text % {"name": user})


def put_back(model: Any, changes: Sequence[ImportChange], *, by: Any, reason: str) -> Work[None]:
    """Undo the changes of one model: delete what was created, restore what was updated or deleted."""
    keys = {action: [c.record_id for c in changes if c.action == action] for action in ImportAction.values}
    delete_created(model, keys[ImportAction.CREATE], by=by, reason=reason)
    lost = [change for change in changes if change.action == ImportAction.DELETE]
    model._base_manager.bulk_create([model(**read_back(model, change)) for change in lost], batch_size=BATCH)
    kept = [change for change in changes if change.action != ImportAction.CREATE]
    for done, change in enumerate(kept):
        if change.action == ImportAction.UPDATE:
            model._base_manager.filter(pk=change.record_id).update(**read_back(model, change))
        if done % EVERY == 0:
            yield len(changes) - len(kept) + done, len(changes)
    put_lists_back(model, kept)
    for action, sign in ((ImportAction.UPDATE, "~"), (ImportAction.DELETE, "+")):
        write_entries(list(in_order(model, keys[action])), sign, by=by, reason=reason)


def delete_created(model: Any, keys: Sequence[int], *, by: Any, reason: str) -> None:
    records = list(in_order(model, keys))
    write_entries(records, "-", by=by, reason=reason)
    for f in model._meta.many_to_many:
        for some in chunks(keys):
            f.remote_field.through._default_manager.filter(**{f"{f.m2m_column_name()}__in": some}).delete()
    clear_own_relations(model, keys)
    delete_records(records)


def clear_own_relations(model: Any, keys: Sequence[int]) -> None:
    """Created records may name one another: let go first, so that they can leave in any order."""
    for f in model._meta.concrete_fields:
        if f.is_relation and f.related_model is model:
            for some in chunks(keys):
                model._base_manager.filter(pk__in=some).update(**{f.name: None})


def in_order(model: Any, keys: Sequence[int]) -> Iterable[Any]:
    for some in chunks(keys):
        yield from model._base_manager.filter(pk__in=some).order_by("pk")


def read_back(model: Any, change: ImportChange) -> dict[str, Any]:
    """The record's own fields as they stood before."""
    stored = (change.before or {})["fields"]
    return {f.attname: f.to_python(stored[f.attname]) for f in model._meta.concrete_fields}


def put_lists_back(model: Any, changes: Sequence[ImportChange]) -> None:
    """The records' lists as they stood before, row by row."""
    for f in model._meta.many_to_many:
        through: Any = f.remote_field.through
        owner, target = f.m2m_column_name(), f.m2m_reverse_name()
        present = links_of(f, [change.record_id for change in changes])
        wanted = {change.record_id: [tuple(link) for link in lists_before(change, f.name)] for change in changes}
        gone = [link[0] for record, links in present.items() for link in links if link not in wanted[record]]
        for some in chunks(gone):
            through._default_manager.filter(pk__in=some).delete()
        through._default_manager.bulk_create(
            [
                through(pk=key, **{owner: record, target: named})
                for record, links in wanted.items()
                for key, named in links
                if (key, named) not in present.get(record, [])
            ],
            batch_size=BATCH,
        )


def lists_before(change: ImportChange, name: str) -> list[list[int]]:
    """The rows of one of the record's lists as they stood: (key of the row, key of the record named)."""
    lists: dict[str, list[list[int]]] = (change.before or {})["lists"]
    return lists.get(name, [])
