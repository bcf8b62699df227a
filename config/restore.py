"""Setting a record back to one of its versions, or bringing back one that was deleted: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, models, transaction
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from config.history import one_entry, row_kinds
from config.versions import (
    Names,
    State,
    author,
    current_state,
    in_words,
    label_of,
    lists_of,
    moment,
    state_of,
    stored_fields,
    text_of,
)
from config.words import sentences


@dataclass(frozen=True)
class Step:
    """A field that a restoration changes: what it says now, and what it will say then."""

    name: str
    label: str
    now: str
    then: str


@dataclass(frozen=True)
class Objection:
    """Why a version cannot be restored: the field, what is wrong, and where it is mended (an address, or empty)."""

    label: str
    text: str
    url: str = ""


class Refused(Exception):
    """Nothing was restored."""

    def __init__(self, objections: Sequence[Objection]) -> None:
        super().__init__("; ".join(f"{item.label}: {item.text}" for item in objections))
        self.objections = objections


class Restoration:
    """What it takes to make a record what it was after an entry; after its end, what it was before it."""

    def __init__(self, entry: Any, parent: Any = None) -> None:
        """`parent` is the record that this one hangs on, where that is gone too and comes back together with it."""
        self.entry, self.model, self.parent = entry, entry.instance_type, parent

    @cached_property
    def record(self) -> Any:
        """The record as it is now; None while it is deleted."""
        return self.model._base_manager.filter(pk=self.entry.id).first()

    @cached_property
    def latest(self) -> Any:
        """The newest entry of the record's history. It tells whether somebody wrote meanwhile."""
        return self.model.history.filter(id=self.entry.id).order_by("-history_id").first()

    @cached_property
    def then(self) -> State:
        return state_of(self.entry)

    @cached_property
    def now(self) -> State:
        """The stored values; empty while the record is deleted."""
        return current_state(self.record) if self.record else {}

    @cached_property
    def fields(self) -> list[Any]:
        """Every field, those included that nobody edits, relations to many last."""
        return [*stored_fields(self.model), *lists_of(self.model)]

    @cached_property
    def changed(self) -> list[Any]:
        """The fields that will say something else than now; of a deleted record those that say anything."""
        if self.record is None:
            return [field for field in self.fields if self.then[field.name] not in (None, "", ())]
        return [field for field in self.fields if self.then[field.name] != self.now[field.name]]

    def steps(self) -> list[Step]:
        """Field by field, what it says now and then."""
        values = [(field, self.now.get(field.name), self.then[field.name]) for field in self.changed]
        names = Names.of((field, value) for field, *both in values for value in both if value is not None)
        return [
            Step(field.name, label_of(field), text_of(field, now, names), text_of(field, then, names))
            for field, now, then in values
        ]

    @cached_property
    def rows(self) -> list[Restoration]:
        """The rows that were deleted together with the record and come back with it."""
        if self.record is not None:
            return []
        return [
            Restoration(entry, self.made())
            for model, field in row_kinds(self.model)
            for entry in model.history.filter(  # type: ignore[attr-defined]
                **{field: self.entry.id}, history_type="-", history_date=self.latest.history_date
            ).order_by("history_id")
        ]

    # -- what stands in the way --------------------------------------------------------------------------

    def gone(self) -> dict[str, Objection]:
        """The related records that the version names and that are deleted since, by the field that names them."""
        found = {}
        for field in self.fields:
            keys = set(related_keys(field, self.then[field.name]))
            keys -= {self.parent.pk} if self.hangs(field) else set()
            lost = keys - set(field.related_model._base_manager.in_bulk(keys)) if keys else keys
            if lost:
                found[field.name] = missing(field, min(lost))
        return found

    def objections(self) -> list[Objection]:
        """Every reason against it, with its field: what is gone, and what the record's own rules refuse."""
        gone = self.gone()
        if any(field.name in gone for field in stored_fields(self.model)):
            return list(gone.values())  # its rules look at what is gone
        try:
            self.made().full_clean(exclude=[field.name for field in self.fields if self.hangs(field)])
        except ValidationError as exc:
            return [*gone.values(), *self.told(exc)]
        return list(gone.values())

    def hangs(self, field: Any) -> bool:
        """Whether the field names the parent, which the database does not hold yet."""
        return isinstance(self.parent, field.related_model) if self.parent and field.is_relation else False

    def told(self, exc: ValidationError) -> list[Objection]:
        labels = {field.name: label_of(field) for field in self.fields}
        return [
            Objection("" if name == NON_FIELD_ERRORS else labels.get(name, name), text)
            for name, texts in exc.message_dict.items()
            for text in texts
        ]

    def made(self) -> Any:
        """The record in memory as it will be, its relations to many aside."""
        self.changed  # noqa: B018  # what it says now is read while it still does
        record = self.record or self.model(pk=self.entry.id)
        for field in stored_fields(self.model):
            if self.hangs(field):
                setattr(record, field.name, self.parent)
            else:
                setattr(record, field.attname, self.then[field.name])
        return record

    # -- doing it ------------------------------------------------------------------------------------------

    def write(self, reason: str) -> Any:
        """Write the record with its one entry, then the rows that come back with it."""
        created = self.record is None
        record = self.made()
        with one_entry(record, created=created, reason=reason):
            record.save(force_insert=created)
            for field in lists_of(self.model):
                getattr(record, field.name).set(self.then[field.name])
        for row in self.rows:
            row.write(reason)
        return record


def restore(
    entry: Any,
    *,
    opened: str,
    reason: str = "",
    rules: Callable[[Restoration], Mapping[str, str]] = lambda _restoration: {},
) -> Any:
    """Make a record what it was after an entry, and hand it back. `opened` is the newest entry that the person saw.

    `rules` says of a restoration which fields this person may not change, and why. Raises Refused with every objection.
    """
    try:
        with transaction.atomic():
            entry.instance_type._base_manager.select_for_update().filter(pk=entry.id).first()
            restoration = Restoration(entry)
            check(restoration, opened, rules)
            return restoration.write(sentences(restored(entry), reason))
    except IntegrityError as exc:  # a deleted record has no row to hold: somebody brought it back at the same moment
        raise Refused([Objection("", _("Somebody else saved at the same moment. Open the page again."))]) from exc


def check(restoration: Restoration, opened: str, rules: Callable[[Restoration], Mapping[str, str]]) -> None:
    """Raises Refused, with every objection."""
    if opened != str(restoration.latest.pk):
        raise Refused([overtaken(restoration.latest)])
    if not restoration.changed:
        raise Refused([Objection("", _("The record says all of this already. There is nothing to restore."))])
    found = obstacles(restoration, rules(restoration))
    if found:
        raise Refused(found)


def obstacles(restoration: Restoration, faults: Mapping[str, str]) -> list[Objection]:
    """Everything that stands in the way: what this person may not change, what is gone, what the rules refuse."""
    labels = {field.name: label_of(field) for field in restoration.fields}
    found = [Objection(labels[name], text) for name, text in faults.items()]
    return [*found, *restoration.objections(), *(item for row in restoration.rows for item in row.objections())]


def restored(entry: Any) -> str:
    """What the history says of it, without a name: readers of public pages see reasons, but not who people are."""
    return _("Restored the version of %(when)s.") % {"when": moment(entry.history_date)}


def overtaken(latest: Any) -> Objection:
    text = _(
        "%(user)s saved this record on %(when)s, after you had opened this page. Nothing was restored. Below stands "
        "the record as it is now: look at it, then restore again."
    )
    return Objection("", text % {"user": author(latest), "when": moment(latest.history_date)})


def related_keys(field: Any, value: Any) -> Sequence[Any]:
    """The keys of the records that a field's value names."""
    if not field.is_relation or value is None:
        return ()
    return value if field.many_to_many else (value,)


def missing(field: Any, key: Any) -> Objection:
    """A related record that is gone, by its last name, with the way to its own restoration."""
    text = _("“%(name)s” is gone since. Restore or enter it first, then restore this version.")
    name = in_words(field.related_model, [key])[key]
    return Objection(label_of(field), text % {"name": name}, end_address(field.related_model, key))


def end_address(model: Any, key: Any) -> str:
    """Where the admin shows the last version of a deleted record; empty where it keeps none."""
    if not hasattr(model, "history"):
        return ""
    end, opts = model.history.filter(id=key, history_type="-").order_by("-history_id").first(), model._meta
    try:
        name = f"admin:{opts.app_label}_{opts.model_name}_simple_history"
        return reverse(name, args=[key, end.pk]) if end else ""
    except NoReverseMatch:
        return ""


def deleted_entries(model: Any) -> models.QuerySet[Any]:
    """The last entry of each record of a model that is gone, newest first."""
    history, key = model.history, models.OuterRef("id")
    newer = history.filter(id=key, history_id__gt=models.OuterRef("history_id"))
    there = model._base_manager.filter(pk=key)
    ends = history.filter(history_type="-").exclude(models.Exists(newer)).exclude(models.Exists(there))
    related = [field.name for field in stored_fields(model) if field.is_relation]
    rows: models.QuerySet[Any] = ends.select_related("history_user", *related).order_by("-history_date", "-history_id")
    return rows
