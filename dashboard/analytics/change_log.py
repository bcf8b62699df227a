"""Change log: every change of every model, newest first, with author, field differences, reason and import.

The history tables are queried as a union; pages use keyset pagination, so that the last page costs as much as the
first.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any

from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from simple_history.models import DeletedObject

from accounts.models.officer import entries_of_province
from core.history.diffs import record_names
from core.history.entries import (
    NEWEST_FIRST,
    OLDEST_FIRST,
    EntryKey,
    HistoryEntry,
    HistorySource,
    HistoryVisibility,
    entry_union,
    load_entries,
)
from core.http.as_of import today
from core.imports.models import Import, ImportChange
from core.records.history_model import HistoryModel
from dashboard.models import Edition
from pilots.documents.services import readable_entries
from pilots.models import (
    Adoption,
    Attachment,
    Batch,
    Document,
    Effect,
    FollowUp,
    FollowUpStep,
    Indicator,
    LightOverride,
    Milestone,
    Pilot,
    Practice,
    Reading,
    StageEntry,
    Target,
    TargetStep,
)
from policies.models import Agency, Division, Figure, Industry, Measure, Policy, Province, ProvincialPlan, Source

PAGE_SIZE = 50
SYSTEM = "~system"  # no user name can hold a tilde
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OWNER_FIELDS = ("province", "pilot", "target", "follow_up")  # by which of its fields a record belongs to a province
CURSOR_PATTERN = re.compile(r"([0-9]{1,17})-([a-z]{1,40})-([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True)
class ChangeLogQuery:
    """Query of the change log by a user; empty attributes do not filter."""

    reader: Any
    person: str = ""  # a user name, or SYSTEM for what nobody signed
    province: Province | None = None
    since: date | None = None
    until: date | None = None
    import_record: Import | None = None
    own_province: Province | None = None  # nothing but what was this province's own when it was written


@dataclass(frozen=True)
class ChangeLogCursor:
    """Cursor of an entry: newest first, then by the order of models, then by descending id."""

    when: datetime
    kind: str
    entry: int

    def __str__(self) -> str:
        return f"{(self.when - EPOCH) // timedelta(microseconds=1)}-{self.kind}-{self.entry}"


@dataclass(frozen=True)
class ChangeLogPage:
    """A page of the change log; `newer` and `older` are the cursors of the adjacent pages, None at the ends."""

    entries: Sequence[HistoryEntry]
    count: int
    newer: ChangeLogCursor | None
    older: ChangeLogCursor | None


MODELS: Sequence[type[HistoryModel]] = (
    *(Province, Agency, Division, Industry, Policy, ProvincialPlan, Measure, Figure, Source),
    *(Batch, Pilot, Indicator, Target, TargetStep, Reading, StageEntry, Milestone, LightOverride),
    *(FollowUp, FollowUpStep, Practice, Adoption, Effect, Document, Attachment),
    Edition,
)
"""Every model with a history. Cursors break ties between entries of the same moment by this order."""


def history_models() -> dict[str, type[Model]]:
    """Return every model with a history, by its name in addresses."""
    return {str(model._meta.model_name): model for model in MODELS}


def parse_cursor(text: str, kinds: Mapping[str, object]) -> ChangeLogCursor:
    """Parse a cursor. Raises ValueError if it is invalid."""
    found = CURSOR_PATTERN.fullmatch(text)
    if found is None or found[2] not in kinds:
        raise ValueError(text)
    return ChangeLogCursor(EPOCH + timedelta(microseconds=int(found[1])), found[2], int(found[3]))


def build_change_log(
    kinds: Mapping[str, type[Model]],
    asked: ChangeLogQuery,
    *,
    before: ChangeLogCursor | None = None,
    after: ChangeLogCursor | None = None,
    most: int = PAGE_SIZE,
) -> ChangeLogPage:
    """Return a page of the change log: the newest entries, those before a cursor, or the last ones after it.

    Two queries for the page and a few for each model on it, whatever the number of entries.
    """
    sources = change_log_sources(kinds, asked)
    keys = page_keys(sources, most + 1, before, after)
    more, keys = len(keys) > most, keys[:most]
    if after is not None:
        keys.reverse()
    newer, older = (more, True) if after is not None else (before is not None, more)
    return ChangeLogPage(
        entries=load_change_log(sources, keys, asked.reader),
        count=entry_union(sources).count(),
        newer=cursor_of(sources, keys[0]) if keys and newer else None,
        older=cursor_of(sources, keys[-1]) if keys and older else None,
    )


def iterate_change_log(
    kinds: Mapping[str, type[Model]], asked: ChangeLogQuery, most: int = 200
) -> Iterator[list[HistoryEntry]]:
    """Yield all entries in chunks, so that a file of any length takes little memory."""
    sources, before = change_log_sources(kinds, asked), None
    while keys := page_keys(sources, most, before):
        yield load_change_log(sources, keys, asked.reader)
        before = cursor_of(sources, keys[-1])


# -- which entries -----------------------------------------------------------------------------------------


def change_log_sources(kinds: Mapping[str, type[Model]], asked: ChangeLogQuery) -> list[ChangeLogSource]:
    return [
        ChangeLogSource(model, query_condition(model, asked), related=RELATED_FIELDS.get(model, ()))
        for model in kinds.values()
    ]


def page_keys(
    sources: Sequence[HistorySource],
    most: int,
    before: ChangeLogCursor | None = None,
    after: ChangeLogCursor | None = None,
) -> list[EntryKey]:
    """Return the keys of one page in order; those after a cursor in reverse order. One query."""
    places = [source.kind for source in sources]
    where = partial(cursor_condition, places, after or before, newer=after is not None)
    rows = entry_union(sources, where).order_by(*(OLDEST_FIRST if after else NEWEST_FIRST))[:most]
    return [EntryKey(*row) for row in rows]


def cursor_of(sources: Sequence[HistorySource], key: EntryKey) -> ChangeLogCursor:
    return ChangeLogCursor(key.when, sources[key.source].kind, key.entry)


def cursor_condition(places: Sequence[str], key: ChangeLogCursor | None, place: int, *, newer: bool) -> Q:
    """Return the condition on entries of a model beyond a cursor: older, or newer."""
    if key is None:
        return Q()
    way, own = ("gt", places.index(key.kind)) if newer else ("lt", places.index(key.kind))
    if place == own:
        same = Q(history_date=key.when) & Q(**{f"history_id__{way}": key.entry})
        return Q(**{f"history_date__{way}": key.when}) | same
    within = (place < own) if newer else (place > own)
    return Q(**{f"history_date__{way}{'e' if within else ''}": key.when})


def query_condition(model: type[Model], asked: ChangeLogQuery) -> Q:
    """Return the condition on a model's entries that match the query."""
    query = Q()
    if asked.person:
        query &= Q(history_user__isnull=True) if asked.person == SYSTEM else Q(history_user__username=asked.person)
    if asked.since:
        query &= Q(history_date__gte=start_of_day(asked.since))
    if asked.until and asked.until < today():
        query &= Q(history_date__lt=start_of_day(asked.until + timedelta(1)))
    if asked.province:
        records = province_records(model, asked.province)
        query &= Q(pk__in=[]) if records is None else Q(id__in=records)
    if asked.own_province:
        own = entries_of_province(model, asked.own_province.pk)
        query &= Q(pk__in=[]) if own is None else own
    if model in (Document, Attachment):
        query &= readable_entries(asked.reader, model)
    if asked.import_record:
        changes = ImportChange.objects.filter(import_record=asked.import_record, model=model._meta.label_lower)
        query &= Q(history_id__in=changes.values("entry_id"))
    return query


def start_of_day(day: date) -> datetime:
    """Return the first moment of a local date."""
    return timezone.make_aware(datetime.combine(day, time.min))


def province_records(model: type[Model], province: Province) -> QuerySet[Model] | None:
    """Return the ids of records that belong or ever belonged to a province, deleted ones included; None for models
    without one.

    A record belongs to the province that it is, that it names, or that its pilot lies in.
    """
    history: Any = model.history  # type: ignore[attr-defined]
    if model is Province:
        return history.filter(id=province.pk).order_by().values("id")  # type: ignore[no-any-return]
    name = owner_field(model)
    if not name:
        return None
    related: Any = model._meta.get_field(name).related_model
    owners = [province.pk] if related is Province else province_records(related, province)
    return history.filter(**{f"{name}_id__in": owners}).order_by().values("id")  # type: ignore[no-any-return]


def owner_field(model: type[Model]) -> str:
    """Return the field by which a record belongs to a province, directly or through its pilot; empty if there
    is none."""
    own = {field.name for field in model._meta.concrete_fields}
    return next((name for name in OWNER_FIELDS if name in own), "")


# -- what they say -----------------------------------------------------------------------------------------

RELATED_FIELDS: Mapping[type[Model], Sequence[str]] = {
    ProvincialPlan: ["province", "policy"],
    StageEntry: ["pilot"],
    Milestone: ["pilot"],
    Target: ["pilot", "indicator"],
    TargetStep: ["target__pilot", "target__indicator"],
    Reading: ["pilot", "indicator"],
    LightOverride: ["pilot"],
    FollowUpStep: ["follow_up"],
    Adoption: ["practice", "pilot", "province"],
    Effect: ["practice"],
    Attachment: ["document"],
}
"""What the name of a record is made of besides its own fields."""

PARENTS: Mapping[type[Model], Sequence[str]] = {
    FollowUpStep: ["follow_up"],
    Adoption: ["practice"],
    Effect: ["practice"],
    Attachment: ["document"],
}
"""The records that stand in front of a record's name; of others the pilot and the indicator."""


def author_ids(kinds: Mapping[str, type[Model]], asked: ChangeLogQuery) -> list[int]:
    """Return the ids of the authors of the matching changes."""
    histories: list[Any] = [model.history for model in kinds.values()]  # type: ignore[attr-defined]
    signed = [
        history.filter(query_condition(model, asked), history_user__isnull=False)
        .order_by()
        .values_list("history_user", flat=True)
        for model, history in zip(kinds.values(), histories, strict=True)
    ]
    return list(signed[0].union(*signed[1:]))


def has_signed(kinds: Mapping[str, type[Model]]) -> Q:
    """Return the condition on users who are the author of any entry of these models."""
    query = Q()
    for model in kinds.values():
        history: Any = model.history  # type: ignore[attr-defined]
        query |= Q(Exists(history.filter(history_user=OuterRef("pk"))))
    return query


@dataclass(frozen=True)
class ChangeLogSource(HistorySource):
    """Source whose records are named with the record that they belong to."""

    def names(self, entries: Sequence[Any]) -> Mapping[int, str]:
        lost = {entry.pilot_id for entry in entries if "pilot" in self.related and entry.pilot_id and not entry.pilot}
        gone = record_names(Pilot, lost)
        return {entry.pk: record_label(entry, gone) for entry in entries}


def load_change_log(sources: Sequence[HistorySource], keys: Sequence[EntryKey], reader: object) -> list[HistoryEntry]:
    """Return the entries of these keys in order, each with the URL of its record."""
    entries = load_entries(sources, keys, HistoryVisibility(reader))
    ids: dict[type[Model], set[int]] = defaultdict(set)
    for item in entries:
        ids[item.historical.instance_type].add(item.historical.id)
    alive = {model: set(model._base_manager.in_bulk(those)) for model, those in ids.items()}
    return [
        replace(item, url=record_url(item.historical, item.historical.id in alive[item.historical.instance_type]))
        for item in entries
    ]


def record_label(entry: Any, gone: Mapping[int, str]) -> str:
    """Return the record's name at that time, with the record it belongs to in front; of a deleted pilot its
    last name."""
    model = entry.instance_type
    if model is ProvincialPlan:
        return entry.instance.name or " · ".join(related_label(entry, name) for name in ("province", "policy"))
    if model not in RELATED_FIELDS:
        return str(entry.instance)
    home = entry.target if model is TargetStep else entry
    names = PARENTS.get(model, ("pilot", "indicator"))
    parts = [] if home is None else [related_label(home, name, gone) for name in names if hasattr(home, f"{name}_id")]
    return " · ".join([*parts, *distinguishing_labels(entry, gone)])


def related_label(entry: Any, name: str, gone: Mapping[int, str] = MappingProxyType({})) -> str:
    """Return the name of a related record, also of a deleted one."""
    record, key = getattr(entry, name), getattr(entry, f"{name}_id")
    model = type(entry)._meta.get_field(name).related_model
    return str(record) if record else gone.get(key) or str(DeletedObject(model, key))


def distinguishing_labels(entry: Any, gone: Mapping[int, str]) -> list[str]:
    """Return what distinguishes a record from the others of the same model and parent; nothing for a target."""
    model = entry.instance_type
    if model is StageEntry:
        return [str(entry.get_stage_display())]
    if model is LightOverride:
        return [str(entry.get_colour_display())]
    if model is Milestone:
        return [str(entry.instance)]
    if model is FollowUpStep:
        return [str(entry.get_move_display())]
    if model is Adoption:
        if entry.pilot_id:
            return [related_label(entry, "pilot", gone)]
        return [entry.place or related_label(entry, "province")]
    if model is Effect:
        return [str(_("measured effect") if entry.reading_after_id else _("stated effect"))]
    return [str(getattr(entry, name)) for name in ("period", "year") if hasattr(entry, name)]


def record_url(entry: Any, alive: bool) -> str:
    """Return the edit page of the record; of a step that of its target, of a deleted record its history.

    A follow-up is edited on its own page, by the steps taken there.
    """
    model = entry.instance_type
    if model is TargetStep:
        return f"{reverse('admin:pilots_target_change', args=[entry.target_id])}#steps-group"
    if model is FollowUp:
        return str(entry.instance.get_absolute_url())
    if model is FollowUpStep:
        return str(entry.follow_up.get_absolute_url()) if entry.follow_up else ""
    page = "change" if alive else "history"
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=[entry.id])
