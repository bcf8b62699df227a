"""Undo of an import: every record goes back to its state before, unless it was changed since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.apps import apps
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from core.history.append_only import APPEND_ONLY_MESSAGE, is_append_only, is_deletable_alone
from core.history.bulk_history import BATCH_SIZE, batched, m2m_rows, write_history_entries, written_by_import
from core.imports.apply import (
    MAX_REASON_LENGTH,
    ChangeGroups,
    ConflictError,
    change_text,
    check_foreign_keys,
    delete_records,
)
from core.imports.dry_run import (
    PROGRESS_INTERVAL,
    latest_entries,
    self_relations,
    stored_keys,
    unique_key,
    unique_rules,
)
from core.imports.models import Import, ImportAction, ImportChange, ImportState
from core.jobs.queue import Progress, no_progress
from core.records.constraints import check_constraint_holds
from core.text.formatting import label_value

# -- undoing -------------------------------------------------------------------------------------------


def undo(record: Import, *, by: Any, reason: str = "", progress: Progress = no_progress) -> Import:
    """Restore every record of the import to its previous state, many-to-many lists included. An undone import stays as
    it is.

    Raises ConflictError, with nothing written, if a record changed since, or a newer record depends on one.
    """
    with transaction.atomic():
        record = Import.objects.select_for_update().get(pk=record.pk)
        if record.state == ImportState.UNDONE:
            return record
        if record.state != ImportState.CONFIRMED:
            raise ConflictError([_("Only a confirmed import can be undone.")])
        groups: ChangeGroups = defaultdict(list)
        for change in record.changes.order_by("-pk"):
            groups[apps.get_model(change.model)].append(change)
        fixed = [
            capfirst(model._meta.verbose_name_plural)
            for model in groups
            if is_append_only(model) and not is_deletable_alone(model)
        ]
        if fixed:
            raise ConflictError([label_value(name, str(APPEND_ONLY_MESSAGE)) for name in fixed])
        for model, changes in groups.items():
            for some in batched(sorted(change.record_id for change in changes)):
                list(model._base_manager.select_for_update().filter(pk__in=some).order_by("pk").values_list("pk"))
        what = [text for model, changes in groups.items() for text in changed_since(model, changes)]
        what += dependents_since(groups)
        what += [text for model, changes in groups.items() for text in unique_conflicts_since(model, changes)]
        if what:
            raise ConflictError(what)
        try:
            with transaction.atomic(), written_by_import(record, undoes=True):
                for model, changes in groups.items():
                    restore_records(model, changes, by=by, reason=reason, progress=progress)
                check_foreign_keys(groups)
        except IntegrityError:
            message = _("Another user entered a conflicting record meanwhile. Try again to see which.")
            raise ConflictError([message]) from None
        record.state, record.undo_reason = ImportState.UNDONE, reason[:MAX_REASON_LENGTH]
        record.undone_by, record.undone_at = by, timezone.now()
        record.save()
    return record


def changed_since(model: Any, changes: Sequence[ImportChange]) -> Iterable[str]:
    """Yield the records whose newest history entry is no longer the import's."""
    newest = latest_entries(model, [change.record_id for change in changes])
    late = [change for change in changes if newest.get(change.record_id) != change.entry_id]
    entries = model.history.in_bulk([newest[change.record_id] for change in late if change.record_id in newest])
    for change in late:
        entry = entries.get(newest.get(change.record_id))
        if entry is not None:
            yield label_value(capfirst(model._meta.verbose_name), change_text(entry))


def dependents_since(groups: ChangeGroups) -> list[str]:
    """Return records that reference one which the undo would delete, and that the undo does not restore as well."""
    touched = {model: {change.record_id for change in changes} for model, changes in groups.items()}
    text, what = _("“%(name)s” was entered since and needs what the import created."), []
    for model, changes in groups.items():
        made = [change.record_id for change in changes if change.action == ImportAction.CREATE]
        for relation in model._meta.related_objects:
            other: Any = relation.related_model
            if relation.hidden:  # history, and the rows of many-to-many lists, which go with their record
                continue
            for some in batched(made):
                users = other._base_manager.filter(**{f"{relation.field.name}__in": some}).distinct()
                what += [
                    label_value(capfirst(user._meta.verbose_name), text % {"name": user})
                    for user in users
                    if user.pk not in touched.get(other, set())
                ]
    return what


def unique_conflicts_since(model: type[Model], changes: Sequence[ImportChange]) -> Iterable[str]:
    """Yield records that now hold a unique value (slug, name, year) which restored records held before."""
    touched = {change.record_id for change in changes}
    records = [model(**stored_fields(model, change)) for change in changes if change.action != ImportAction.CREATE]
    found: set[int] = set()
    for names, condition, _message, _mended in unique_rules(model):
        keys = [
            unique_key(record, names)
            for record in records
            if condition is None or check_constraint_holds(condition, record)
        ]
        found |= set(stored_keys(model, names, condition, filter(None, keys)).values()) - touched
    text = _("“%(name)s” was entered since and holds what a record of the import held before.")
    for some in batched(sorted(found)):
        for record in model._base_manager.filter(pk__in=some).order_by("pk"):
            yield label_value(capfirst(model._meta.verbose_name), text % {"name": record})


def restore_records(
    model: type[Model], changes: Sequence[ImportChange], *, by: Any, reason: str, progress: Progress
) -> None:
    """Undo the changes of one model: delete created records, restore updated and deleted ones."""
    keys = {action: [c.record_id for c in changes if c.action == action] for action in ImportAction.values}
    delete_created(model, keys[ImportAction.CREATE], by=by, reason=reason)
    lost = [change for change in changes if change.action == ImportAction.DELETE]
    model._base_manager.bulk_create([model(**stored_fields(model, change)) for change in lost], batch_size=BATCH_SIZE)
    kept = [change for change in changes if change.action != ImportAction.CREATE]
    for done, change in enumerate(kept):
        if change.action == ImportAction.UPDATE:
            model._base_manager.filter(pk=change.record_id).update(**stored_fields(model, change))
        if done % PROGRESS_INTERVAL == 0:
            progress(len(changes) - len(kept) + done, len(changes))
    restore_lists(model, kept)
    for action, sign in ((ImportAction.UPDATE, "~"), (ImportAction.DELETE, "+")):
        write_history_entries(list(ordered_records(model, keys[action])), sign, by=by, reason=reason)


def delete_created(model: Any, keys: Sequence[int], *, by: Any, reason: str) -> None:
    records = list(ordered_records(model, keys))
    write_history_entries(records, "-", by=by, reason=reason)
    for f in model._meta.many_to_many:
        for some in batched(keys):
            f.remote_field.through._default_manager.filter(**{f"{f.m2m_column_name()}__in": some}).delete()
    for f in self_relations(model):  # so that they can be deleted in any order
        for some in batched(keys):
            model._base_manager.filter(pk__in=some).update(**{f.name: None})
    delete_records(records)


def ordered_records(model: type[Model], keys: Sequence[int]) -> Iterable[object]:
    for some in batched(keys):
        yield from model._base_manager.filter(pk__in=some).order_by("pk")


def stored_fields(model: Any, change: ImportChange) -> dict[str, Any]:
    """Return the record's own fields before the import; without fields that migrations have added since."""
    stored = (change.before or {})["fields"]
    return {f.attname: f.to_python(stored[f.attname]) for f in model._meta.concrete_fields if f.attname in stored}


def restore_lists(model: type[Model], changes: Sequence[ImportChange]) -> None:
    """Restore many-to-many lists row by row."""
    for f in model._meta.many_to_many:
        through: Any = f.remote_field.through
        owner, target = f.m2m_column_name(), f.m2m_reverse_name()
        present = m2m_rows(f, [change.record_id for change in changes])
        wanted = {  # each row with its id and that of the related record
            change.record_id: [tuple(link) for link in (change.before or {})["lists"].get(f.name, [])]
            for change in changes
        }
        gone = [link[0] for record, links in present.items() for link in links if link not in wanted[record]]
        for some in batched(gone):
            through._default_manager.filter(pk__in=some).delete()
        through._default_manager.bulk_create(
            [
                through(pk=key, **{owner: record, target: named})
                for record, links in wanted.items()
                for key, named in links
                if (key, named) not in present.get(record, [])
            ],
            batch_size=BATCH_SIZE,
        )
