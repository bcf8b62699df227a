"""Where a person's rights end: what is asked of one record, what may be chosen in a form, and who is shown by name.

A kind of record says in `PROVINCE` by which of its fields it belongs to somebody, and in `GUARDED` which fields take a
permission beyond that to change it; in `GUARDED_CHANGES` which take it once the record is there. Kinds that say none of
these are for all who have the permission.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth import get_permission_codename
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.utils.translation import gettext_lazy as _

NOT_YOURS = _("This belongs to another province or to all: your role does not reach it.")


def permission(model: Any, action: str) -> str:
    opts = model._meta
    return f"{opts.app_label}.{get_permission_codename(action, opts)}"


def may(user: Any, action: str, record: Any) -> bool:
    """Whether somebody may do this (add, change, delete) to the record as it stands in memory."""
    return bool(user.has_perm(permission(type(record), action), record))


def belongs_by(model: Any) -> str:
    """The field by which a record belongs to somebody; empty where there is none, or the record is itself that."""
    first = getattr(model, "PROVINCE", "").partition(".")[0]
    return "" if first == "pk" else first.removesuffix("_id")


def within(user: Any, records: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Of these records those that the person may have anything to do with."""
    officer = None if user.is_superuser else getattr(user, "officer", None)
    return officer.within(records) if officer else records


def guarded(user: Any, model: Any, *, recorded: bool) -> tuple[str, ...]:
    """The fields that this person may not change, though perhaps the rest of the record; `recorded`: not a new one."""
    return tuple(
        name for right, names in guards_of(model, recorded=recorded) if not user.has_perm(right) for name in names
    )


def guards_of(model: Any, *, recorded: bool) -> list[tuple[str, tuple[str, ...]]]:
    """The permissions beyond that to add or change, each with the fields that it opens."""
    always: Mapping[str, tuple[str, ...]] = getattr(model, "GUARDED", {})
    later: Mapping[str, tuple[str, ...]] = getattr(model, "GUARDED_CHANGES", {})
    return [*always.items(), *(later.items() if recorded else ())]


def may_enter(user: Any, model: Any) -> bool:
    """Whether a new record of the kind can be filled in at all: nothing that it needs is guarded."""
    fields = [model._meta.get_field(name) for name in guarded(user, model, recorded=False)]
    return all(field.blank or field.has_default() for field in fields)


# -- names of people -------------------------------------------------------------------------------------
# One rule for pages, files, the admin and the API: names within the user's scope only. A record that belongs to no
# province is outside the scope of a provincial editor.


def views(user: Any, model: Any) -> bool:
    """Whether the user has permission to view records of this kind at all."""
    return any(user.has_perm(permission(model, action)) for action in ("view", "change"))


def sees_names(user: Any, record: Any) -> bool:
    """Whether the user may know who worked on the record, as it is now.

    What a record hung on may be gone: then nobody can tell whose it was.
    """
    officer = None if user.is_superuser else getattr(user, "officer", None)
    try:
        return views(user, type(record)) and (officer is None or officer.covers(record))
    except ObjectDoesNotExist:
        return bool(user.is_superuser)


def named_entries_of(user: Any, model: Any) -> models.Q | None:
    """Which entries of a model's history the user may see with their author: a condition; None where there are none."""
    if not views(user, model):
        return None
    officer = None if user.is_superuser else getattr(user, "officer", None)
    scope: models.Q | None = officer.entries_within(model) if officer else models.Q()
    return scope


def named_entries(user: Any, model: Any, keys: Iterable[int]) -> set[int]:
    """Of these entries of a model's history those that the user may see with their author. One query at most."""
    condition = named_entries_of(user, model)
    if condition is None or condition == models.Q():
        return set() if condition is None else set(keys)
    return set(model.history.filter(condition, pk__in=list(keys)).order_by().values_list("pk", flat=True))
