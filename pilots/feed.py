"""Every change of every kind of record, newest first: who changed which field of what, when, why, by which import.

The histories of all kinds are asked as one; a page is found by the key of the entry it begins after, so that the last
page costs what the first one does.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any

from django.apps import apps
from django.db.models import Exists, IntegerField, Model, OuterRef, Q, QuerySet, Subquery, Value
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from simple_history.models import DeletedObject

from config.asof import today
from config.journal import action_of, version_address
from config.origins import Way
from config.templatetags.site import reason
from config.versions import Difference, author, in_words, told
from pilots.models import LightOverride, Milestone, Pilot, Reading, StageEntry, Target, TargetStep
from policies.models import Import, ImportChange, Province, ProvincialPlan, entries_of_province, imports_of, reaches
from policies.models.base import Recorded

ON_A_PAGE = 50
SYSTEM = "~system"  # no user name can hold a tilde
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OWNERS = ("province", "pilot", "target")  # by which of its fields a record belongs to a province
KEY = re.compile(r"([0-9]{1,17})-([a-z]{1,40})-([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True)
class Asked:
    """Which changes are asked for; what is empty is not asked."""

    person: str = ""  # a user name, or SYSTEM for what nobody signed
    province: Province | None = None
    since: date | None = None
    until: date | None = None
    brought_by: Import | None = None
    home: Province | None = None  # nothing but what was this province's own when it was written
    reader: Any = None  # who may not know of every import; None for one who may


@dataclass(frozen=True)
class Key:
    """The place of an entry in the feed: newest first, then by the order of kinds, then the later number first."""

    when: datetime
    kind: str
    entry: int

    def __str__(self) -> str:
        return f"{(self.when - EPOCH) // timedelta(microseconds=1)}-{self.kind}-{self.entry}"


@dataclass(frozen=True)
class Line:
    """One entry as a steward reads it. `url` leads to the record, or to its history when it is gone."""

    key: str
    when: datetime
    who: str
    kind: str
    what: str
    sign: str  # + added, ~ changed, - deleted
    action: str
    differences: Sequence[Difference]
    reason: str
    url: str
    version: str  # the address of the version; empty for a step, which has none
    brought_by: Way | None

    @property
    def day(self) -> date:
        """The day on the reader's clock."""
        return timezone.localtime(self.when).date()


@dataclass(frozen=True)
class Feed:
    """A page of the feed; `newer` and `older` are the keys to page on by, None at the ends."""

    lines: Sequence[Line]
    count: int
    newer: Key | None
    older: Key | None


def every_kind() -> dict[str, type[Model]]:
    """Every kind of record that keeps a history, by its name in addresses."""
    models = [model for app in ("policies", "pilots") for model in apps.get_app_config(app).get_models()]
    return {str(model._meta.model_name): model for model in models if issubclass(model, Recorded)}


def read_key(text: str, kinds: Mapping[str, Any]) -> Key:
    """A key as an address holds it. Raises ValueError for what is none."""
    found = KEY.fullmatch(text)
    if found is None or found[2] not in kinds:
        raise ValueError(text)
    return Key(EPOCH + timedelta(microseconds=int(found[1])), found[2], int(found[3]))


def build_feed(
    kinds: Mapping[str, type[Model]],
    asked: Asked,
    *,
    before: Key | None = None,
    after: Key | None = None,
    most: int = ON_A_PAGE,
) -> Feed:
    """A page of the changes of these kinds: the newest, those before a key, or the last ones after it.

    Two queries for the page and a few for each kind on it, whatever the number of entries.
    """
    keys = page_of(kinds, asked, most + 1, before, after)
    more, keys = len(keys) > most, keys[:most]
    if after is not None:
        keys.reverse()
    newer, older = (more, True) if after is not None else (before is not None, more)
    return Feed(
        lines=lines_of(kinds, keys, asked.reader),
        count=together(kinds, asked).count(),
        newer=keys[0] if keys and newer else None,
        older=keys[-1] if keys and older else None,
    )


def whole_feed(kinds: Mapping[str, type[Model]], asked: Asked, most: int = 200) -> Iterator[list[Line]]:
    """All the changes asked for, so many at a time, so that a file of any length takes little memory."""
    before: Key | None = None
    while keys := page_of(kinds, asked, most, before):
        yield lines_of(kinds, keys, asked.reader)
        before = keys[-1]


# -- which entries -----------------------------------------------------------------------------------------


def page_of(
    kinds: Mapping[str, type[Model]], asked: Asked, most: int, before: Key | None = None, after: Key | None = None
) -> list[Key]:
    """The keys of one page in the order of the feed; those after a key in the other direction. One query."""
    places = list(kinds)
    where = partial(beyond, places, after or before, newer=after is not None)
    order = (
        ["history_date", "-place_of_kind", "history_id"] if after else ["-history_date", "place_of_kind", "-history_id"]
    )
    rows = together(kinds, asked, where).order_by(*order)[:most]
    return [Key(row["history_date"], places[row["place_of_kind"]], row["history_id"]) for row in rows]


def together(
    kinds: Mapping[str, type[Model]], asked: Asked, where: Callable[[int], Q] = lambda place: Q()
) -> QuerySet[Any]:
    """The entries of all these histories as one table: kind, number and time."""
    branches = []
    for place, model in enumerate(kinds.values()):
        history: Any = model.history  # type: ignore[attr-defined]
        rows = history.filter(wanted(model, asked) & where(place)).order_by()
        branches.append(
            rows.annotate(place_of_kind=Value(place, IntegerField())).values(
                "place_of_kind", "history_id", "history_date"
            )
        )
    first, *others = branches
    union: QuerySet[Any] = first.union(*others, all=True)
    return union


def beyond(places: Sequence[str], key: Key | None, place: int, *, newer: bool) -> Q:
    """What of the kind at this place lies beyond a key: older than it, or newer."""
    if key is None:
        return Q()
    way, own = ("gt", places.index(key.kind)) if newer else ("lt", places.index(key.kind))
    if place == own:
        same = Q(history_date=key.when) & Q(**{f"history_id__{way}": key.entry})
        return Q(**{f"history_date__{way}": key.when}) | same
    within = (place < own) if newer else (place > own)
    return Q(**{f"history_date__{way}{'e' if within else ''}": key.when})


def wanted(model: type[Model], asked: Asked) -> Q:
    """The entries of a kind that are asked for."""
    query = Q()
    if asked.person:
        query &= Q(history_user__isnull=True) if asked.person == SYSTEM else Q(history_user__username=asked.person)
    if asked.since:
        query &= Q(history_date__gte=start_of(asked.since))
    if asked.until and asked.until < today():
        query &= Q(history_date__lt=start_of(asked.until + timedelta(1)))
    if asked.province:
        records = of_province(model, asked.province)
        query &= Q(pk__in=[]) if records is None else Q(id__in=records)
    if asked.home:
        own = entries_of_province(model, asked.home.pk)
        query &= Q(pk__in=[]) if own is None else own
    if asked.brought_by:
        changes = ImportChange.objects.filter(import_record=asked.brought_by, model=model._meta.label_lower)
        query &= Q(history_id__in=changes.values("entry_id"))
    return query


def start_of(day: date) -> datetime:
    """The first moment of a day on the reader's clock."""
    return timezone.make_aware(datetime.combine(day, time.min))


def of_province(model: type[Model], province: Province) -> QuerySet[Any] | None:
    """The keys of the records that are a province's or ever were, deleted ones included; None for a kind without one.

    A record belongs to the province that it is, that it names, or that its pilot lies in.
    """
    history: Any = model.history  # type: ignore[attr-defined]
    if model is Province:
        return history.filter(id=province.pk).order_by().values("id")  # type: ignore[no-any-return]
    name = owner_of(model)
    if not name:
        return None
    related: Any = model._meta.get_field(name).related_model
    owners = [province.pk] if related is Province else of_province(related, province)
    return history.filter(**{f"{name}_id__in": owners}).order_by().values("id")  # type: ignore[no-any-return]


def owner_of(model: type[Model]) -> str:
    """The field by which a record belongs to a province, itself or by way of its pilot; empty where there is none."""
    own = {field.name for field in model._meta.concrete_fields}
    return next((name for name in OWNERS if name in own), "")


# -- what they say -----------------------------------------------------------------------------------------

RELATED: Mapping[type[Model], Sequence[str]] = {
    ProvincialPlan: ["province", "policy"],
    StageEntry: ["pilot"],
    Milestone: ["pilot"],
    Target: ["pilot", "indicator"],
    TargetStep: ["target__pilot", "target__indicator"],
    Reading: ["pilot", "indicator"],
    LightOverride: ["pilot"],
}
"""What the name of a record is made of besides its own fields."""


def people_of(kinds: Mapping[str, type[Model]], asked: Asked) -> list[int]:
    """The keys of those who signed any of the changes asked for."""
    histories: list[Any] = [model.history for model in kinds.values()]  # type: ignore[attr-defined]
    signed = [
        history.filter(wanted(model, asked), history_user__isnull=False)
        .order_by()
        .values_list("history_user", flat=True)
        for model, history in zip(kinds.values(), histories, strict=True)
    ]
    return list(signed[0].union(*signed[1:]))


def signed_any(kinds: Mapping[str, type[Model]]) -> Q:
    """The people who signed any entry of these kinds, as a condition on people."""
    query = Q()
    for model in kinds.values():
        history: Any = model.history  # type: ignore[attr-defined]
        query |= Q(Exists(history.filter(history_user=OuterRef("pk"))))
    return query


def lines_of(kinds: Mapping[str, type[Model]], keys: Sequence[Key], reader: Any = None) -> list[Line]:
    """The entries of these keys in words, in their order."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for key in keys:
        numbers[key.kind].append(key.entry)
    found = {key: item for kind, ids in numbers.items() for key, item in read(kinds[kind], ids, reader)}
    return [found[key] for key in keys]


def read(model: Any, ids: Sequence[int], reader: Any) -> Iterator[tuple[Key, Line]]:
    """Entries of one kind, each held against the one before it of its record. A few queries, whatever their number."""
    history = model.history
    earlier = history.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id")).order_by("-history_id")
    rows = history.filter(pk__in=ids).select_related("history_user", *RELATED.get(model, ()))
    entries = list(rows.annotate(before=Subquery(earlier.values("history_id")[:1])))
    before = history.in_bulk([entry.before for entry in entries if entry.before])
    changes = told([(entry, before.get(entry.before)) for entry in entries])
    alive = set(model._base_manager.filter(pk__in=[entry.id for entry in entries]).values_list("pk", flat=True))
    gone = in_words(
        Pilot, {entry.pilot_id for entry in entries if "pilot" in RELATED.get(model, ()) and not entry.pilot}
    )
    imports = imports_of(model, entries)
    for entry in entries:
        yield (
            Key(entry.history_date, model._meta.model_name, entry.pk),
            Line(
                key=f"{model._meta.model_name}-{entry.pk}",
                when=entry.history_date,
                who=author(entry),
                kind=str(capfirst(model._meta.verbose_name)),
                what=called(entry, gone),
                sign=entry.history_type,
                action=action_of(entry),
                differences=changes[entry.pk],
                reason=reason(entry.history_change_reason),
                url=record_url(entry, entry.id in alive),
                version=version_address(entry),
                brought_by=way_to(imports.get(entry.pk), reader),
            ),
        )


def way_to(record: Import | None, reader: Any) -> Way | None:
    """An import by its number and file, with the way to its page; None for one that the reader may not know of."""
    if record is None or (reader is not None and not reaches(reader, record)):
        return None
    return str(record), record.get_absolute_url()


def called(entry: Any, gone: Mapping[int, str]) -> str:
    """The record as it was called then, with what it hangs on in front; a pilot that is gone by its last name."""
    model = entry.instance_type
    if model is ProvincialPlan:
        return entry.instance.name or " · ".join(name_of(entry, name) for name in ("province", "policy"))
    if model not in RELATED:
        return str(entry.instance)
    home = entry.target if model is TargetStep else entry
    parts = (
        []
        if home is None
        else [name_of(home, name, gone) for name in ("pilot", "indicator") if hasattr(home, f"{name}_id")]
    )
    return " · ".join([*parts, *own_name(entry)])


def name_of(entry: Any, name: str, gone: Mapping[int, str] = MappingProxyType({})) -> str:
    """What a related record is called; one that is gone says so."""
    record, key = getattr(entry, name), getattr(entry, f"{name}_id")
    model = type(entry)._meta.get_field(name).related_model
    return str(record) if record else gone.get(key) or str(DeletedObject(model, key))


def own_name(entry: Any) -> list[str]:
    """What sets a record apart from its pilot's others of the kind and indicator; nothing for a target."""
    model = entry.instance_type
    if model is StageEntry:
        return [str(entry.get_stage_display())]
    if model is LightOverride:
        return [str(entry.get_colour_display())]
    if model is Milestone:
        return [str(entry.instance)]
    return [str(getattr(entry, name)) for name in ("period", "year") if hasattr(entry, name)]


def record_url(entry: Any, alive: bool) -> str:
    """Where the record is edited; a step stands on its target's page, and of what is gone there is its history."""
    model = entry.instance_type
    if model is TargetStep:
        return f"{reverse('admin:pilots_target_change', args=[entry.target_id])}#steps-group"
    page = "change" if alive else "history"
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=[entry.id])
