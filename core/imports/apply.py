"""Confirmation and undo of an import: each in one transaction, and doing it twice changes nothing.

Raises Conflict, with nothing written, where records changed since the dry run or the import.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import CASCADE, Max, Model
from django.db.models.deletion import get_candidate_relations_to_delete
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from django_tasks import task
from django_tasks.base import TaskContext

from core.history.diffs import author_name, format_datetime, historical_name
from core.history.models import APPEND_ONLY_MESSAGE, ChangeEvent
from core.history.recording import BATCH_SIZE, announce, batched, unit, write_history_entries, written_by_import
from core.imports.dry_run import PROGRESS_INTERVAL, DryRun, latest_entries, note_versions, self_relations, unique_values
from core.imports.files import check_open, repeat_dry_run, update_dry_run
from core.imports.importer import Importer, Row, allowed_importers
from core.imports.models import Import, ImportFile, ImportState
from core.jobs.queue import Progress, enqueue, no_progress, progress_of, user_of
from core.permissions import can_access
from core.records import writing
from core.records.writing import Conflict
from core.spreadsheets.cells import UnreadableFile
from core.text import label_value

MAX_PASSES = 3  # over the rows that a model refuses while others of the file are not written yet
MAX_REASON_LENGTH = 300  # kept of a reason with its import; the histories keep all of it
MOST_ROWS = 200  # of an import within a request; longer ones a worker checks and writes
MOST_BYTES = 2 * 2**20  # of a file, unpacked, that is read within a request
FORMER = gettext_lazy(
    "It was made before an upgrade that changed what records are, and is not undone any more. Correct the records, or "
    "import them again."
)
CREATED, CHANGED, DELETED = "+~-"  # what happened to a record, as its history says it
ChangeGroups = dict[Any, list[ChangeEvent]]  # by model


# -- confirming ----------------------------------------------------------------------------------------


def confirm(
    kind: Importer | None, record: Import, *, by: Any, reason: str = "", progress: Progress = no_progress
) -> Import:
    """Write what the dry run showed. An import that is confirmed already stays as it is.

    Raises Conflict, with nothing written, if a record changed since the dry run.
    """
    with transaction.atomic():
        record = Import.objects.select_for_update().get(pk=record.pk)
        if record.state == ImportState.CONFIRMED:
            return record
        if record.state != ImportState.CHECKED:
            state = record.get_state_display()
            raise Conflict(_("This import is not ready to be confirmed: %(state)s.") % {"state": state})
        if not ImportFile.objects.filter(record=record).exists():
            raise Conflict(_("The file is no longer kept. Upload it again."))
        plan = repeat_dry_run(kind, record, by=by, progress=progress)
        try:
            with transaction.atomic():
                changes = [row_change(row) for row in plan.rows if row.is_valid]
                with written_by_import(record), unit({plan.kind.model: changes}):
                    check_rows(plan, record, by=by, reason=reason)
                    write_rows(plan, by=by, reason=reason, progress=progress)
                check_foreign_keys([plan.kind.model])
        except IntegrityError:
            message = _(
                "Another user entered a record with the same code or name meanwhile, or deleted one that the file "
                "names. Check the file again."
            )
            raise Conflict(message) from None
        record.state, record.reason = ImportState.CONFIRMED, reason[:MAX_REASON_LENGTH]
        record.confirmed_by, record.confirmed_at = by, timezone.now()
        record.save()
    return record


def check_rows(plan: DryRun, record: Import, *, by: Any, reason: str) -> None:
    """Lock the records until the transaction ends, then read their newest history entries again. Raises Conflict."""
    keys = sorted(row.record.pk for row in plan.rows if row.recorded)
    manager: Any = plan.kind.model._base_manager
    for some in batched(keys):
        list(manager.select_for_update(no_key=True).filter(pk__in=some).order_by("pk").values_list("pk"))
    note_versions(plan)
    check_conflicts(plan, record, by)
    asked = by is not None and not reason.strip()
    silent = [row for row in plan.rows if asked and row.action != "unchanged"]
    needed = [(row, row.extra.get("reason") or row.record.missing_reason(row.before)) for row in silent]
    if missing := [_("Row %(row)d: %(what)s") % {"row": row.number, "what": why} for row, why in needed if why]:
        raise Conflict(*missing)


def check_foreign_keys(written: Iterable[Any]) -> None:
    """Check foreign keys now instead of at the end of the transaction.

    Raises IntegrityError if a record names one that was deleted.
    """
    tables = [model._meta.db_table for model in written]
    tables += [f.remote_field.through._meta.db_table for model in written for f in model._meta.many_to_many]
    transaction.get_connection().check_constraints(tables)


def check_conflicts(plan: DryRun, record: Import, by: Any) -> None:
    """Raise Conflict with each row that has an error now, or would do something else than the dry run showed."""
    report = ImportFile.objects.values_list("report", flat=True).get(record=record)
    seen = set(report["fingerprints"])
    late = [row for row in plan.rows if row.errors or row.fingerprint() not in seen]
    versions = {number: version for number, _action, _key, version, _digest in map(str.split, seen)}
    what = [conflict_text(row, versions.get(str(row.number)), by) for row in late]
    what += [fault.message for fault in plan.headings.errors]
    if not what and len(plan.rows) != len(seen):
        what = [_("The file is read otherwise than in the dry run. Check it again.")]
    if what:
        raise Conflict(*what)


def conflict_text(row: Row, version: str | None, by: Any) -> str:
    """Return what happened to a row's record since the dry run saw its `version`, as far as the user may know."""
    name = _("Row %(row)d") % {"row": row.number}
    if row.errors:
        return label_value(name, row.errors[0].message)
    entry = row.record.history.filter(history_id=row.history_id).first() if str(row.history_id) != version else None
    if entry is None or (by is not None and not can_access(by, row.record)):
        return label_value(name, _("would do something else than the dry run showed."))
    return label_value(name, change_text(entry))


def write_rows(plan: DryRun, *, by: Any, reason: str, progress: Progress = no_progress) -> None:
    """Write every row with changes, each with one history entry; what belongs to the rows' records follows.

    A row that names a new record of the file follows that one. A row that the model refuses may only be early, as
    where a later one breaks the circle: it is tried again. Raises Conflict where it is refused to the end.
    """
    rows = [row for row in plan.rows if row.action != "unchanged"]
    plan.kind.complete_new([row for row in rows if not row.recorded])
    waiting, refused = rows, dict[int, ValidationError]()
    with writing.many():
        for _number in range(MAX_PASSES):
            written, refused = set(), {}
            for done, row in enumerate(in_order(waiting)):
                row.record.skip_unique_check = True  # the file was checked
                try:
                    writing.write(row.record, changed_values(row), row.lists, by=by, reason=reason, allowed=True)
                    written.add(row.number)
                except ValidationError as exc:
                    refused[row.number] = exc
                if done % PROGRESS_INTERVAL == 0:
                    progress(done, len(rows))
            waiting = [row for row in waiting if row.number not in written]
    if refused:
        name = _("Row %(row)d")
        what = [label_value(name % {"row": row}, " ".join(exc.messages)) for row, exc in refused.items()]
        raise Conflict(*what)
    with writing.many():
        plan.kind.write_related(rows, by=by, reason=reason)


def in_order(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield the rows, one that names a new record of the file once that is written. There are no circles of those."""
    waiting: dict[int, list[Row]] = defaultdict(list)  # by the record that they wait for
    ready = deque(rows)
    while ready:
        row = ready.popleft()
        fields = self_relations(type(row.record))
        named = {f.name: other for f in fields if (other := f.get_cached_value(row.record, None)) is not None}
        unsaved = next((other for other in named.values() if other.pk is None), None)
        if unsaved is not None:
            waiting[id(unsaved)].append(row)
            continue
        for name, other in named.items():  # which has a key by now
            setattr(row.record, name, other)
        yield row
        ready.extendleft(reversed(waiting.pop(id(row.record), [])))


def row_change(row: Row) -> tuple[int | None, Mapping[str, Any]]:
    """Return the key of a row's record, None for a new one, and what the row will set."""
    return (row.record.pk, changed_values(row)) if row.recorded else (None, vars(row.record))


def changed_values(row: Row) -> dict[str, Any]:
    """Return the values of a stored record that change; a related record as the object that the rows share."""
    changed = [
        f
        for f in row.record._meta.concrete_fields
        if row.recorded and getattr(row.record, f.attname) != getattr(row.before, f.attname)
    ]
    return {f.name: getattr(row.record, f.name) for f in changed}


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


# -- undoing -------------------------------------------------------------------------------------------


def undo(record: Import, *, by: Any, reason: str = "", progress: Progress = no_progress) -> Import:
    """Restore every record of the import to its previous state, many-to-many lists included. An undone import stays as
    it is.

    Raises Conflict, with nothing written, if a record changed since, if one may not be deleted, or if a newer record
    depends on one.
    """
    with transaction.atomic():
        record = Import.objects.select_for_update().get(pk=record.pk)
        if record.state == ImportState.UNDONE:
            return record
        if record.state != ImportState.CONFIRMED or record.undo_reason:
            is_former = record.state == ImportState.CONFIRMED  # an upgrade has said so
            raise Conflict(str(FORMER) if is_former else _("Only a confirmed import can be undone."))
        groups: ChangeGroups = defaultdict(list)
        for change in record.changes.order_by("-pk"):
            groups[apps.get_model(change.model)].append(change)
        fixed = [model._meta for model in groups if model.APPEND_ONLY and not model.DELETABLE_ALONE]
        if fixed:
            raise Conflict(*(label_value(capfirst(o.verbose_name_plural), str(APPEND_ONLY_MESSAGE)) for o in fixed))
        versions = {model: versions_before(model, changes) for model, changes in groups.items()}
        back = {model: [(key, values_of(entry)) for key, entry in own.items()] for model, own in versions.items()}
        announce({model: [*back[model], *((change.record_id, {}) for change in groups[model])] for model in groups})
        for model, changes in groups.items():
            for some in batched(sorted(change.record_id for change in changes)):
                list(model._base_manager.select_for_update().filter(pk__in=some).order_by("pk").values_list("pk"))
        if what := undo_obstacles(groups, versions):
            raise Conflict(*what)
        try:
            with transaction.atomic():
                with written_by_import(record, undoes=True), unit():
                    for model, changes in groups.items():
                        restore_records(model, changes, versions[model], by=by, reason=reason, progress=progress)
                check_foreign_keys(groups)
        except IntegrityError:
            message = _("Another user entered a conflicting record meanwhile. Try again to see which.")
            raise Conflict(message) from None
        record.state, record.undo_reason = ImportState.UNDONE, reason[:MAX_REASON_LENGTH]
        record.undone_by, record.undone_at = by, timezone.now()
        record.save()
    return record


def undo_obstacles(groups: ChangeGroups, versions: Mapping[Any, Mapping[int, Any]]) -> list[str]:
    what = dependents_since(groups)
    for model, changes in groups.items():
        what += changed_since(model, changes)
        what += kept_records(model, changes, versions[model])
        what += unique_conflicts_since(model, changes, versions[model])
    return what


def model_line(model: Any, text: str) -> str:
    return label_value(capfirst(model._meta.verbose_name), text)


def changed_since(model: Any, changes: Sequence[ChangeEvent]) -> Iterable[str]:
    """Yield the records whose newest history entry is no longer the import's."""
    newest = latest_entries(model, [change.record_id for change in changes])
    seen = {change.record_id: change.entry_id for change in changes}
    late = [newest[key] for key, entry_id in seen.items() if newest.get(key, entry_id) != entry_id]
    entries = model.history.in_bulk(late)
    for key in late:
        yield model_line(model, change_text(entries[key]))


def dependents_since(groups: ChangeGroups) -> list[str]:
    """Return records that reference one which the undo would delete, and that the undo does not restore as well."""
    touched = {model: {change.record_id for change in changes} for model, changes in groups.items()}
    text, what = _("“%(name)s” was entered since and needs what the import created."), []
    for model, changes in groups.items():
        made = [change.record_id for change in changes if change.action == CREATED]
        for relation in model._meta.related_objects:
            other: Any = relation.related_model
            if relation.hidden or not hasattr(other, "history"):  # what goes with its record, or is no record
                continue
            for some in batched(made):
                users = other._base_manager.filter(**{f"{relation.field.name}__in": some}).distinct()
                late = [user for user in users if user.pk not in touched.get(other, set())]
                what += [model_line(other, text % {"name": user}) for user in late]
    return what


def versions_before(model: Any, changes: Sequence[ChangeEvent]) -> dict[int, Any]:
    """Return the history entry before the import's, by record, of those that the import did not create."""
    by_key = {}
    for some in batched([change for change in changes if change.action != CREATED]):
        entries = model.history.filter(id__in=[change.record_id for change in some])
        entries = entries.exclude(history_id__in=[change.entry_id for change in some])
        newest = entries.order_by().values_list("id").annotate(newest=Max("history_id")).values_list("newest")
        by_key.update({entry.id: entry for entry in model.history.filter(history_id__in=newest)})
    return by_key


def kept_records(model: Any, changes: Sequence[ChangeEvent], versions: Mapping[int, Any]) -> Iterable[str]:
    """Yield the records that the import made what may not be deleted, as values that have fed numbers. A model whose
    records are never deleted (a follow-up) says itself, by what depends on them, until when an import of it is undone.
    """
    made = {change.record_id for change in changes if change.action == CREATED}
    for record in ordered_records(model, [] if model.NEVER_DELETED else sorted({*made, *versions})):
        why = record.deletion_error(made)
        if why and (record.pk in made or not model(**values_of(versions[record.pk])).deletion_error(made)):
            name = label_value(getattr(record, model.OWNER), record) if model.OWNER else str(record)
            yield model_line(model, _("“%(name)s”. %(why)s") % {"name": name, "why": why})


def unique_conflicts_since(model: Any, changes: Sequence[ChangeEvent], versions: Mapping[int, Any]) -> Iterable[str]:
    """Yield records that now hold a unique value (slug, name, year) which restored records held before."""
    records = [model(**values_of(entry)) for entry in versions.values()]
    holders = {key for *_rule, stored in unique_values(model, records) for key in stored.values()}
    text = _("“%(name)s” was entered since and holds what a record of the import held before.")
    for record in ordered_records(model, sorted(holders - {change.record_id for change in changes})):
        yield model_line(model, text % {"name": record})


def restore_records(
    model: Any, changes: Sequence[ChangeEvent], versions: Mapping[int, Any], *, by: Any, reason: str, progress: Progress
) -> None:
    """Undo the changes of one model: delete created records, restore updated and deleted ones."""
    keys = {sign: [change.record_id for change in changes if change.action == sign] for sign in "+~-"}
    delete_created(model, keys[CREATED], by=by, reason=reason)
    lost = [model(**values_of(versions[key])) for key in keys[DELETED]]
    model._base_manager.bulk_create(lost, batch_size=BATCH_SIZE)
    for done, key in enumerate(keys[CHANGED]):
        model._base_manager.filter(pk=key).update(**values_of(versions[key]))
        if done % PROGRESS_INTERVAL == 0:
            progress(len(changes) - len(versions) + done, len(changes))
    restore_lists(model, versions)
    for action, sign in ((CHANGED, "~"), (DELETED, "+")):
        write_history_entries(list(ordered_records(model, keys[action])), sign, by=by, reason=reason)


def delete_created(model: Any, keys: Sequence[int], *, by: Any, reason: str) -> None:
    """Delete records together: each alone would ask every relation again."""
    write_history_entries(list(ordered_records(model, keys)), "-", by=by, reason=reason)
    for some in batched(keys):
        relations: Any = get_candidate_relations_to_delete(model._meta)
        for relation in relations:  # rows of lists, and lights
            if relation.on_delete is CASCADE and not hasattr(relation.related_model, "history"):
                relation.related_model._base_manager.filter(**{f"{relation.field.name}__in": some}).delete()
        for f in self_relations(model):  # so that they can be deleted in any order
            model._base_manager.filter(pk__in=some).update(**{f.name: None})
    for some in batched(keys):
        model._base_manager.filter(pk__in=some)._raw_delete(model._base_manager.db)  # noqa: SLF001


def ordered_records(model: type[Model], keys: Sequence[int]) -> Iterator[Any]:
    for some in batched(keys):
        yield from model._base_manager.filter(pk__in=some).order_by("pk")


def values_of(entry: Any) -> dict[str, Any]:
    """Return the record's own values in a history entry."""
    return {f.attname: getattr(entry, f.attname) for f in entry.instance_type._meta.concrete_fields}


def restore_lists(model: Any, versions: Mapping[int, Any]) -> None:
    """Restore many-to-many lists row by row, each with its id."""
    for f in model._meta.many_to_many:
        through, past = f.remote_field.through, getattr(model.history.model, f.name).model
        owner, target = f.m2m_column_name(), f.m2m_reverse_name()
        present, wanted = set(), set()
        for some in batched(list(versions)):
            rows = through._default_manager.filter(**{f"{owner}__in": some})
            present.update(rows.values_list("pk", owner, target))
        for some in batched([entry.pk for entry in versions.values()]):
            wanted.update(past._default_manager.filter(history__in=some).values_list("id", owner, target))
        for some in batched([key for key, *_link in present - wanted]):
            through._default_manager.filter(pk__in=some).delete()
        lost = [through(pk=key, **{owner: record, target: named}) for key, record, named in sorted(wanted - present)]
        through._default_manager.bulk_create(lost, batch_size=BATCH_SIZE)


# -- at once, or by a worker -----------------------------------------------------------------------------


def subject(record: Import) -> str:
    return f"import:{record.pk}"


def change(
    kind: Importer | None, record: Import, action: str, *, by: Any, reason: str = "", progress: Progress = no_progress
) -> Import:
    """Confirm, undo or check an import again; done twice it changes nothing. Raises Conflict or UnreadableFile."""
    if action == "confirm":
        return confirm(kind, record, by=by, reason=reason, progress=progress)
    if action == "undo":
        return undo(record, by=by, reason=reason, progress=progress)
    check_open(record)
    return update_dry_run(record, repeat_dry_run(kind, record, by=by, progress=progress))


def ask(record: Import, action: str, *, by: Any, reason: str = "") -> bool:
    """Let a worker do it; return False where one is at this import already."""
    return enqueue(change_import, about=subject(record), by=by, record=record.pk, action=action, reason=reason)


@task(takes_context=True)
def change_import(
    context: TaskContext, *, about: str, user: int, language: str, record: int, action: str, reason: str
) -> str:
    """Do what was asked with an import. The user who asked still has to have the permission.

    What stands against it is returned, in the same words as on a page.
    """
    with override(language):
        import_record, by, report = Import.objects.get(pk=record), user_of(user), progress_of(context)
        kinds = allowed_importers(by) if by and by.has_perm("core.add_import") else {}
        if not kinds or import_record.kind not in {*kinds, ""}:
            return _("You may not do this any more.")
        try:
            change(kinds.get(import_record.kind), import_record, action, by=by, reason=reason, progress=report)
        except (Conflict, UnreadableFile) as exc:
            return str(exc)
        return ""
