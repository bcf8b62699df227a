"""Writing of records: nothing but `write`, `delete` and `restore_version` changes a record with a history.

Each checks the scope and the restricted fields of the user (`by`; None is the system, which may do all) and the rules
of the model, and leaves one history entry with the reason. `allowed`: the caller has checked a right of its own, as
for a step of a follow-up, which provincial editors take without the permission to add steps.

They raise PermissionDenied for a record outside the scope, ValidationError by field, and Conflict where records or
people are in the way; nothing is written then.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import ProtectedError
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.errors import truncate
from core.history.diffs import author_name, entry_state, format_datetime, m2m_fields, record_names, stored_fields
from core.history.entries import last_version_url, newest_entry, rows_deleted_with
from core.history.models import APPEND_ONLY_MESSAGE, FROZEN_MESSAGE
from core.history.recording import (
    Changes,
    announce,
    delete_with_history,
    m2m_referrers,
    one_entry,
    unit,
    write_history_entries,
)
from core.permissions import (
    NOT_YOURS_TO_ADD,
    NOT_YOURS_TO_CHANGE,
    OUT_OF_SCOPE,
    can_access,
    has_object_permission,
    owner_field,
    restricted_fields,
)
from core.text import join_sentences, label_value

ADD, CHANGE, DELETE = "add", "change", "delete"
NOT_YOURS = "not_yours"  # code of errors at fields that the user may not change
MAX_NAMED_DEPENDENTS = 20  # dependents named in an error
Lists = Mapping[str, Sequence[Any]]


class Conflict(Exception):
    """Nothing was written. `messages` say which records are in the way, or who was faster."""

    def __init__(self, *messages: str, code: str = "in_use") -> None:
        super().__init__("\n".join(messages))
        self.messages, self.code = list(messages), code


# -- one record --------------------------------------------------------------------------------------------


def write(
    record: Any,
    values: Mapping[str, Any] | None = None,
    lists: Lists | None = None,
    *,
    by: Any,
    reason: str = "",
    remark: str = "",
    allowed: bool = False,
) -> bool:
    """Set values and many-to-many lists, by field, and save. Return whether anything was changed.

    `reason` is what the user says; `remark`, what the product says before it in the history.

    Of a stored record nothing else is written: its row is locked, and what others changed since it was read stays and
    is in `record` afterwards.
    """
    created, values = record._state.adding, values or {}  # Django's own mark of a record that is not stored
    change = (None, vars(record.drafted(values))) if created else (record.pk, values)
    try:
        with transaction.atomic() if _kept_back.get() is None else nullcontext(), unit({type(record): [change]}):
            return save_checked(record, values, lists or {}, by, reason, remark, allowed=allowed)
    except IntegrityError as exc:
        if _kept_back.get() is not None:  # the transaction is lost; the caller that began it tries again
            raise
        if created:
            record._state.adding, record.pk = True, None  # as above
        record.full_clean()  # the faster user's record is stored now, and is reported
        raise Conflict(
            _("Another user saved at the same moment. Read the record again, then repeat your change."),
            code="overtaken",
        ) from exc


def save_checked(
    record: Any, values: Mapping[str, Any], lists: Lists, by: Any, reason: str, remark: str, *, allowed: bool
) -> bool:
    created, stored = record._state.adding, None  # as above
    if not created:
        stored = locked(type(record), record.pk)
        check_changeable(stored)
        for field in record._meta.concrete_fields:
            setattr(record, field.attname, getattr(stored, field.attname))
    if stored is not None and not allowed:
        check_scope(by, CHANGE, stored)
    for name, value in values.items():
        setattr(record, name, value)
    differing = changed_lists(record, lists)
    if not allowed:
        check_fields(record, stored, lists, by)
    record.settle(stored, by)
    record.full_clean()
    record.clean_lists(lists)
    missing = "" if by is None or reason.strip() else record.missing_reason(stored)
    if missing:
        raise ValidationError({"change_reason": ValidationError(missing, code="required")})
    if not allowed:
        check_scope(by, ADD if created else CHANGE, record)
    names = [field.attname for field in record._meta.concrete_fields]
    if not (created or differing or any(getattr(record, name) != getattr(stored, name) for name in names)):
        return False
    with one_entry(record):
        record.save(force_insert=created)
        for name, items in differing.items():
            getattr(record, name).set(items)
    record_entry(record, "+" if created else "~", by, join_sentences(remark, reason))
    return True


@transaction.atomic
@unit()
def delete(record: Any, *, by: Any, reason: str = "", allowed: bool = False) -> None:
    """Delete a record and the rows that go with it, each with an entry of the same moment, by which they come back.

    `allowed` also passes what its model says against it. Raises Conflict with the records that depend on it.
    """
    stored = locked(type(record), record.pk, deleting=True)
    check_changeable(stored)
    if not allowed:
        check_scope(by, DELETE, stored)
        if text := stored.deletion_error():
            raise Conflict(text, code="never_deleted" if stored.NEVER_DELETED else "in_use")
    users = list(m2m_referrers(record))
    if users:
        raise Conflict(*dependent_messages(users))
    try:
        delete_with_history(record, by=by, reason=reason)
    except ProtectedError as exc:
        raise Conflict(*dependent_messages(sorted(exc.protected_objects, key=str))) from exc


# -- a version of the history ------------------------------------------------------------------------------


@transaction.atomic
@unit()
def restore_version(
    entry: Any, *, opened: str, by: Any = None, reason: str = "", kept: Mapping[str, Any] = MappingProxyType({})
) -> Any:
    """Write what a history entry says through `write`, of a deleted record also the rows deleted with it; return the
    record.

    `opened` is the newest entry that the user saw; `kept` are the fields that stay as they are stored, with the reason.
    """
    model = entry.instance_type
    if model.APPEND_ONLY:
        raise Conflict(str(APPEND_ONLY_MESSAGE), code="never_deleted")
    state = entry_state(entry)
    values = {field.attname: state[field.name] for field in stored_fields(model)}
    announce({model: [(entry.id, values)]})
    stored, latest = locked(model, entry.id), newest_entry(model, entry.id)
    if stored:
        check_changeable(stored)
    if opened != str(latest.pk):
        text = _(
            "%(user)s saved this record on %(when)s, after you had opened this page. Nothing was restored. "
            "Below stands the record as it is now: look at it, then restore again."
        )
        labels = {"user": author_name(latest), "when": format_datetime(latest.history_date)}
        raise Conflict(text % labels, code="overtaken")
    rows, errors = [] if stored else rows_deleted_with(latest), lost_references(model, state)
    for field in stored_fields(model) if stored else ():
        if field.name in kept and state[field.name] != getattr(stored, field.attname):
            errors[field.name] = ValidationError(str(kept[field.name]), code="fixed")
    if errors:
        raise ValidationError(errors)
    record = stored or model(pk=entry.id)
    lists = {
        field.name: list(field.related_model._base_manager.filter(pk__in=state[field.name]))
        for field in m2m_fields(model)
    }
    # Without a person's name: public pages show reasons, but not authors.
    remark = _("Restored the version of %(when)s.") % {"when": format_datetime(entry.history_date)}
    if not write(record, values, lists, by=by, reason=reason, remark=remark):
        raise ValidationError(_("The record says all of this already. There is nothing to restore."))
    for row in rows:
        restore_version(row, opened=str(row.pk), by=by, reason=reason)
    return record


def lost_references(model: Any, state: Mapping[str, Any]) -> dict[str, ValidationError]:
    """Return, by field, an error for a related record that is deleted since; its parameter `url` leads to it."""
    errors = {}
    for field in [*stored_fields(model), *m2m_fields(model)]:
        value = state[field.name]
        if not field.is_relation or not value:
            continue
        keys, related = set(value if field.many_to_many else (value,)), field.related_model
        if lost := keys - set(related._base_manager.in_bulk(keys)):
            key = min(lost)
            text = _("“%(name)s” is gone since. Restore or enter it first, then restore this version.")
            named = {"name": record_names(related, [key])[key], "url": last_version_url(related, key)}
            errors[field.name] = ValidationError(text, code="not_found", params=named)
    return errors


# -- several records ---------------------------------------------------------------------------------------


_kept_back: ContextVar[dict[tuple[Any, str, Any, str], list[Any]] | None] = ContextVar("kept back", default=None)


@contextmanager
def many(changes: Changes | None = None) -> Iterator[None]:
    """Context manager, within a transaction: the history entries of what is written inside are kept back, and written
    together at its end. Not for a record that is written twice. `changes` as in `unit`.
    """
    kept: dict[tuple[Any, str, Any, str], list[Any]] = defaultdict(list)
    with unit(changes):
        token = _kept_back.set(kept)
        try:
            yield
        finally:
            _kept_back.reset(token)
        for (_model, sign, by, reason), records in kept.items():
            write_history_entries(records, sign, by=by, reason=reason)


def record_entry(record: Any, sign: str, by: Any, reason: str) -> None:
    """Write the one history entry of a record, or keep it back inside `many`."""
    kept = _kept_back.get()
    if kept is None:
        write_history_entries([record], sign, by=by, reason=reason)
    else:
        kept[type(record), sign, by, reason].append(record)


# -- parts of writing --------------------------------------------------------------------------------------


def locked(model: Any, key: Any, *, deleting: bool = False) -> Any:
    """Return the record as it is stored, locked until the transaction ends; None for a deleted one.

    Ordered by its key: by default the query would follow Meta.ordering, and lock the rows that it joins, as the pilot
    and its batch. Others may go on adding rows that name it, unless it is to be deleted.
    """
    announce({model: [(key, {})]})  # what is locked before it
    return model._base_manager.select_for_update(no_key=not deleting).order_by("pk").filter(pk=key).first()


def check_changeable(stored: Any) -> None:
    """Raise Conflict for a record that is deleted, only ever added, or in a state in which it is kept."""
    if stored is None:
        raise Conflict(_("Another user deleted it meanwhile."), code="deleted")
    if stored.APPEND_ONLY:
        raise Conflict(str(APPEND_ONLY_MESSAGE), code="never_deleted")
    if stored.FROZEN_STATE and stored.state == stored.FROZEN_STATE:
        raise Conflict(str(FROZEN_MESSAGE), code="frozen")


def check_scope(by: Any, action: str, record: Any) -> None:
    """Raise PermissionDenied for a record, as it is in memory, that the user may not add, change or delete, and
    ValidationError at the owner of a new one that names none.
    """
    if by is None or has_object_permission(by, action, record):
        return
    name = owner_field(type(record))
    field: Any = record._meta.get_field(name) if name else None
    if action == ADD and field is not None and field.editable and getattr(record, field.attname) is None:
        text = _("Name your own. Without it the record belongs to all, which your role does not reach.")
        raise ValidationError({name: ValidationError(text, code=NOT_YOURS)})
    raise PermissionDenied(str(OUT_OF_SCOPE))


def check_fields(record: Any, stored: Any, lists: Lists, by: Any) -> None:
    """Raise ValidationError at changed fields that need a further permission, and at lists that would gain records
    from outside the user's scope. `stored` is the record as it is; None for a new one.
    """
    if by is None:
        return
    model, before, errors = type(record), stored or type(record)(), {}
    own = {field.name for field in m2m_fields(model)}
    for name in restricted_fields(by, model, recorded=stored is not None, record=record):
        if name in own:
            changed = name in changed_lists(record, lists)
        else:
            attname = model._meta.get_field(name).attname
            changed = getattr(record, attname) != getattr(before, attname)
        if changed:
            errors[name] = [ValidationError(NOT_YOURS_TO_CHANGE, code=NOT_YOURS)]
    for name in set(model.SCOPED_LISTS) & lists.keys():
        keys = list_keys(record, name)
        for added in lists[name]:
            if added.pk not in keys and not can_access(by, added):
                error = ValidationError(NOT_YOURS_TO_ADD, code=NOT_YOURS, params={"record": added})
                errors.setdefault(name, []).append(error)
    if errors:
        raise ValidationError(errors)


def changed_lists(record: Any, lists: Lists) -> Lists:
    """Return the lists that differ from the stored ones."""
    return {name: items for name, items in lists.items() if {item.pk for item in items} != list_keys(record, name)}


def list_keys(record: Any, name: str) -> set[int]:
    """Return the keys of a stored many-to-many list."""
    if record._state.adding:  # as above
        return set()
    return set(getattr(record, name).order_by().values_list("pk", flat=True))


def dependent_messages(records: Sequence[models.Model]) -> Iterator[str]:
    """Yield a sentence for each record that depends on one to be deleted; of many, for the first ones and a count."""
    for record in records[:MAX_NAMED_DEPENDENTS]:
        text = _("It is still used by: %(record)s. Change or delete that first.")
        yield text % {"record": label_value(capfirst(record._meta.verbose_name), truncate(record))}
    more = len(records) - MAX_NAMED_DEPENDENTS
    if more > 0:
        text = ngettext("And by %(count)d more record.", "And by %(count)d more records.", more)
        yield text % {"count": more}
