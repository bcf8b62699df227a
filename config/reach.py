"""Where a person's rights end: what is asked of one record, what may be chosen in a form, and who is shown by name.

A kind of record says in `PROVINCE` by which of its fields it belongs to somebody, and in `GUARDED` which fields take a
permission beyond that to change it. Kinds that say neither are for all who have the permission.
"""

from collections.abc import Mapping
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


def guarded(user: Any, model: Any) -> tuple[str, ...]:
    """The fields that this person may not change, though perhaps the rest of the record."""
    rules: Mapping[str, tuple[str, ...]] = getattr(model, "GUARDED", {})
    return tuple(name for right, names in rules.items() if not user.has_perm(right) for name in names)


def may_enter(user: Any, model: Any) -> bool:
    """Whether a new record of the kind can be filled in at all: nothing that it needs is guarded."""
    fields = [model._meta.get_field(name) for name in guarded(user, model)]
    return all(field.blank or field.has_default() for field in fields)


def sees_names(user: Any, record: Any, model: Any = None) -> bool:
    """Whether somebody may know who worked on a record, or on one of another kind that hangs on it.

    What a record hung on may be gone: then nobody can tell whose it was.
    """
    kind = model or type(record)
    try:
        return any(user.has_perm(permission(kind, action), record) for action in ("view", "change"))
    except ObjectDoesNotExist:
        return bool(user.is_superuser)
