"""Object permissions, restricted fields and visibility of authors.

What a model says of them: core/records/__init__.py, and `restricted_now()` of its present state. A model that says
nothing is open to everybody who has the model permission.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_permission_codename
from django.core.exceptions import ObjectDoesNotExist
from django.db import DEFAULT_DB_ALIAS, models
from django.db.models import Model
from django.utils.translation import gettext_lazy as _

OUT_OF_SCOPE = _("This belongs to another province or to all: your role does not reach it.")
NOT_YOURS_TO_CHANGE = _("Your role may not change this: ask the ministry.")
NOT_YOURS_TO_ADD = _("“%(record)s” belongs to another province: ask the ministry to add it.")


def permission_name(model: type[Model], action: str) -> str:
    opts = model._meta
    return f"{opts.app_label}.{get_permission_codename(action, opts)}"


def has_object_permission(user: Any, action: str, record: Model) -> bool:
    """Return whether the user may add, change or delete the record as it is in memory."""
    return bool(user.has_perm(permission_name(type(record), action), record))


def owner_field(model: type[Model]) -> str:
    """Return the field that determines a record's scope; empty where there is none, or the record is the scope."""
    first = getattr(model, "PROVINCE_PATH", "").partition(".")[0]
    return "" if first == "pk" else first.removesuffix("_id")


def limiting_role(user: Any) -> Any:
    """Return the role that limits the user's permissions; None for a superuser, and for a user without a role."""
    return None if user.is_superuser else getattr(user, "officer", None)


def editor_province(user: Any) -> Any:
    """Return where the user's scope ends (a province); None where it has no limit."""
    return getattr(limiting_role(user), "province", None)


def scope_id(user: Any) -> int | None:
    """Return the key of the province at which the user's scope ends, without a query for the province."""
    return getattr(limiting_role(user), "province_id", None)


def province_id_of(record: Any) -> int | None:
    """Return the key that determines the record's scope, None for a record outside every scope."""
    value: Any = record
    for step in record.PROVINCE_PATH.split("."):
        value = getattr(value, step) if value is not None else None
    return None if value is None else int(value)


def belongs_to(record: Any, province: int) -> bool:
    """Return whether the record belongs to the province; one of a past day (core/snapshots.py): then and today."""
    if province_id_of(record) != province:
        return False
    if record._state.db in (None, DEFAULT_DB_ALIAS):  # Django's own mark of where it was read
        return True
    present = type(record)._base_manager.using(DEFAULT_DB_ALIAS)
    return bool(present.filter(pk=record.pk).filter(**{record.PROVINCE_PATH.replace(".", "__"): province}).exists())


def can_access(user: Any, record: Any) -> bool:
    """Return whether the record is within the user's scope.

    Records without a province are for all; a record with an owner (an import) is for its owner only.
    """
    home = scope_id(user)
    if home is None:
        return True
    if owner := getattr(record, "OWNER_FIELD", ""):
        return bool(getattr(record, owner) == user.pk)
    return not getattr(record, "PROVINCE_PATH", "") or belongs_to(record, home)


def in_scope(user: Any, records: models.QuerySet[Model]) -> models.QuerySet[Any]:
    path, home = getattr(records.model, "PROVINCE_PATH", ""), scope_id(user)
    return records.filter(**{path.replace(".", "__"): home}) if path and home else records


def restricted_fields(user: Any, model: type[Model], *, recorded: bool, record: Model | None = None) -> tuple[str, ...]:
    """Return the fields that this user may not set; `recorded`: the record exists already."""
    return tuple(
        name
        for right, names in field_permissions(model, recorded=recorded, record=record)
        if not user.has_perm(right)
        for name in names
    )


def field_permissions(
    model: type[Model], *, recorded: bool, record: Model | None = None
) -> list[tuple[str, tuple[str, ...]]]:
    """Return the further permissions of a model, or of one of its records, each with the fields that it opens."""
    always: Mapping[str, tuple[str, ...]] = getattr(model, "RESTRICTED_FIELDS", {})
    later: Mapping[str, tuple[str, ...]] = getattr(model, "RESTRICTED_CHANGES", {})
    now: Mapping[str, tuple[str, ...]] = getattr(record, "restricted_now", dict)()
    return [*always.items(), *(later.items() if recorded else ()), *now.items()]


def can_create(user: Any, model: Any) -> bool:
    """Return whether the user can fill in a new record at all: no required field is restricted."""
    fields = [model._meta.get_field(name) for name in restricted_fields(user, model, recorded=False)]
    return all(field.blank or field.has_default() for field in fields)


# -- visibility of authors -------------------------------------------------------------------------------
# One rule for pages, files, the admin and the API: names within the user's scope only. A record that belongs to no
# province is outside the scope of a provincial editor.


def can_view(user: Any, model: type[Model]) -> bool:
    """Return whether the user has permission to view records of this model."""
    return any(user.has_perm(permission_name(model, action)) for action in ("view", "change"))


def can_see_authors(user: Any, record: Any) -> bool:
    """Return whether the user may see who worked on the record, as it is now.

    Its parent may be deleted: then nobody can tell whose it was.
    """
    home = scope_id(user)
    try:
        if home is not None and not (getattr(record, "PROVINCE_PATH", "") and belongs_to(record, home)):
            return False
        return can_view(user, type(record))
    except ObjectDoesNotExist:
        return bool(user.is_superuser)


def can_see_author(user: Any, model: type[Model], province: int | None) -> bool:
    """Return whether the user may see who changed a record, by the key of the province that it belonged to then."""
    if not (user.is_staff and can_view(user, model)):
        return False
    return scope_id(user) in {None, province}


def has_write_permission(user: Any) -> bool:
    """Return whether a token with write access could ever do more for this user than one without."""
    return any(not name.partition(".")[2].startswith("view_") for name in user.get_all_permissions())
