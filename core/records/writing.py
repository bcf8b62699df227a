"""Writing of records: what changes a record with a history calls `write`, `delete` or `restore`; nothing else saves.

Each checks the scope and the restricted fields of the user (`by`; None is the system, which may do all) and the rules
of the model, and leaves one history entry with the reason. `allowed`: the caller has checked a right of its own, as
for a step of a follow-up, which provincial editors take without the permission to add steps.

They raise PermissionDenied for a record outside the scope, ValidationError by field, and Conflict where records or
people are in the way; nothing is written then.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import ProtectedError
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.history.diffs import author_name, field_label, format_datetime, m2m_fields, stored_fields
from core.history.entries import Obstacle, Revert, RevertRejected
from core.history.models import APPEND_ONLY_MESSAGE, FROZEN_MESSAGE
from core.history.recording import (
    delete_with_history,
    m2m_referrers,
    resume_history,
    suspend_history,
    write_history_entries,
    write_history_entry,
)
from core.http import truncate
from core.permissions import (
    NOT_YOURS_TO_ADD,
    NOT_YOURS_TO_CHANGE,
    OUT_OF_SCOPE,
    added_out_of_scope,
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
    allowed: bool = False,
) -> bool:
    """Set values and many-to-many lists, by field, and save. Return whether anything was changed.

    Of a stored record nothing else is written: its row is locked, and what others changed since it was read stays and
    is in `record` afterwards.
    """
    created = record._state.adding  # Django's own mark of a record that is not stored
    try:
        with transaction.atomic() if _kept_back.get() is None else nullcontext():
            return save_checked(record, values or {}, lists or {}, by, reason, allowed=allowed)
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


def save_checked(record: Any, values: Mapping[str, Any], lists: Lists, by: Any, reason: str, *, allowed: bool) -> bool:
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
    suspend_history(record)
    try:
        record.save(force_insert=created)
        for name, items in differing.items():
            getattr(record, name).set(items)
    finally:
        resume_history(record)
    record_entry(record, "+" if created else "~", by, reason)
    return True


@transaction.atomic
def delete(record: Any, *, by: Any, reason: str = "", allowed: bool = False) -> None:
    """Delete a record and the rows that go with it, each with an entry of the same moment, by which they come back.

    `allowed` also passes what its model says against it. Raises Conflict with the records that depend on it.
    """
    stored = locked(type(record), record.pk, deleting=True)
    check_changeable(stored)
    if not allowed:
        check_scope(by, DELETE, stored)
        check_deletable(stored)
    users = list(m2m_referrers(record))
    if users:
        raise Conflict(*dependent_messages(users))
    record._history_user = by  # noqa: SLF001  # where simple-history looks for it
    try:
        delete_with_history(record, reason=reason)
    except ProtectedError as exc:
        raise Conflict(*dependent_messages(sorted(exc.protected_objects, key=str))) from exc


def check_deletable(record: Any) -> None:
    """Raise Conflict for a record that its model keeps."""
    text = record.deletion_error()
    if text:
        raise Conflict(text, code="never_deleted" if record.NEVER_DELETED else "in_use")


# -- a version of the history ------------------------------------------------------------------------------


@transaction.atomic
def restore(
    entry: Any,
    *,
    opened: str,
    by: Any = None,
    reason: str = "",
    rules: Callable[[Revert], Mapping[str, str]] = lambda _restoration: {},
    trial: bool = False,
) -> Any:
    """Bring a record to what one of its history entries says, a deleted one with the rows that were deleted with it,
    and return it. `opened` is the newest entry that the user saw. Of a `trial` nothing stays.

    `rules` returns the fields that this user may not change, and why; "" is the record. Raises RevertRejected with
    every obstacle.
    """
    locked(entry.instance_type, entry.id)
    restoration = Revert(entry)
    latest = restoration.latest
    if opened != str(latest.pk):
        text = _(
            "%(user)s saved this record on %(when)s, after you had opened this page. Nothing was restored. "
            "Below stands the record as it is now: look at it, then restore again."
        )
        labels = {"user": author_name(latest), "when": format_datetime(latest.history_date)}
        raise RevertRejected([Obstacle("", text % labels)])
    if not restoration.changed_fields:
        raise RevertRejected([Obstacle("", _("The record says all of this already. There is nothing to restore."))])
    # Without a person's name: public pages show reasons, but not authors.
    text = _("Restored the version of %(when)s.") % {"when": format_datetime(entry.history_date)}
    fields = {field.name: field_label(field) for field in restoration.fields}
    obstacles = [Obstacle(fields.get(name, ""), why) for name, why in rules(restoration).items()]
    obstacles += write_version(restoration, by, join_sentences(text, reason))
    if obstacles:
        raise RevertRejected(obstacles)
    transaction.set_rollback(trial)
    return restoration.record


def write_version(restoration: Revert, by: Any, reason: str) -> list[Obstacle]:
    """Write what a version says, and the rows that were deleted with its record; return what is in the way."""
    state, model, rows = restoration.target_state, restoration.model, restoration.child_reverts
    if model.APPEND_ONLY:
        return [Obstacle("", str(APPEND_ONLY_MESSAGE))]
    restoration.record = record = restoration.record or model(pk=restoration.entry.id)
    values = {field.attname: state[field.name] for field in stored_fields(model)}
    lists = {
        field.name: list(field.related_model._base_manager.filter(pk__in=state[field.name]))
        for field in m2m_fields(model)
    }
    lost = restoration.lost_references()
    if lost.keys() - lists.keys():  # the rules of the model would read the deleted record
        return [*lost.values()]
    try:
        write(record, values, lists, by=by, reason=reason, allowed=True)
    except ValidationError as exc:
        labels = {field.name: field_label(field) for field in restoration.fields}
        errors = exc.message_dict.items()
        return [*lost.values(), *(Obstacle(labels.get(name, ""), text) for name, texts in errors for text in texts)]
    except Conflict as exc:
        late = _("Another user saved at the same moment. Open the page again.")
        return [Obstacle("", text) for text in ([late] if exc.code == "overtaken" else exc.messages)]
    return [*lost.values(), *(item for row in rows for item in write_version(row, by, reason))]


# -- several records ---------------------------------------------------------------------------------------


_kept_back: ContextVar[dict[tuple[Any, str, Any, str], list[Any]] | None] = ContextVar("kept back", default=None)


@contextmanager
def many() -> Iterator[None]:
    """Context manager, within a transaction: the history entries of what is written inside are kept back, and written
    together at its end. Not for a record that is written twice.
    """
    kept: dict[tuple[Any, str, Any, str], list[Any]] = defaultdict(list)
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
    if kept is not None:
        kept[type(record), sign, by, reason].append(record)
        return
    record._history_user = by  # noqa: SLF001  # where simple-history looks for it
    write_history_entry(record, created=sign == "+", reason=reason)


# -- parts of writing --------------------------------------------------------------------------------------


def locked(model: Any, key: object, *, deleting: bool = False) -> Any:
    """Return the record as it is stored, locked until the transaction ends; None for a deleted one.

    Ordered by its key: by default the query would follow Meta.ordering, and lock the rows that it joins, as the pilot
    and its batch. Others may go on adding rows that name it, unless it is to be deleted.
    """
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
        for added in added_out_of_scope(by, lists[name], keys):
            errors.setdefault(name, []).append(
                ValidationError(NOT_YOURS_TO_ADD, code=NOT_YOURS, params={"record": added})
            )
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
