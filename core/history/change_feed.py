"""Change feed: what a client with a copy of the records reads to keep the copy up to date.

Every history entry has a change event, written in the transaction that writes the entry (core/history/bulk_history.py).
Events are read in transaction order, and only up to the oldest transaction still running: what is committed late
appears late and is never skipped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.apps import apps as global_apps
from django.db import connection
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Case,
    F,
    Func,
    Max,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce
from django.db.models.lookups import GreaterThan, LessThanOrEqual

from core.history.entries import HistoryVisibility
from core.history.models import ChangeEvent
from core.history.reasons import translate_reason

ACTIONS = {"+": "created", "~": "changed", "-": "deleted"}


def reset_foreign_transactions(apps: Any = global_apps, **_signal: Any) -> None:
    """post_migrate: move events of another database server to the start; its transaction ids mean nothing here.

    They would come after every event still to be written. Runs after each migration, with which a restore ends.
    """
    try:
        lines = apps.get_model("config", "ChangeEvent")._default_manager
    except LookupError:  # migrated back to before the change feed existed
        return
    foreign = {"transaction__gte": NextTransaction()} if connection.vendor == "postgresql" else {"transaction__gt": 0}
    lines.filter(**foreign).update(transaction=0)


class NextTransaction(Func):
    """SQL expression: the first transaction id not reached by any visible transaction."""

    output_field = BigIntegerField()
    template = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"


# -- positions in the feed -----------------------------------------------------------------------------


@dataclass(frozen=True, order=True)
class FeedPosition:
    """Position in the feed: after the event of this id, in transaction order."""

    transaction: int
    event_id: int


FEED_START = FeedPosition(0, 0)


class RowValue(Func):
    """SQL row value of two expressions, compared as one."""

    output_field = BigIntegerField()
    template = "(%(expressions)s)"


HORIZON_SQL = """
SELECT
    coalesce(
        (
            SELECT min(number::text::bigint) FROM pg_snapshot_xip(now) AS number
            WHERE NOT EXISTS (
                SELECT FROM pg_locks AS held JOIN pg_stat_activity AS client USING (pid)
                WHERE held.locktype = 'transactionid' AND held.granted AND held.transactionid = number::xid
                AND client.datname <> current_database()
            )
        ),
        pg_snapshot_xmax(now)::text::bigint
    ),
    pg_snapshot_xmax(now)::text::bigint
FROM pg_current_snapshot() AS now
"""
"""The oldest running transaction, and the first transaction id not reached.

A server runs the transactions of all its databases: one that certainly belongs to another database is ignored, so that
it does not hold up the feed.
"""


def feed_bounds() -> tuple[FeedPosition, FeedPosition]:
    """Return the position up to which the feed can be read, and one that it cannot have reached. One query."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(HORIZON_SQL)
            settled, reached = cursor.fetchone()
        return FeedPosition(settled, 0), FeedPosition(reached, 0)
    last = FeedPosition(0, ChangeEvent.objects.aggregate(last=Max("pk"))["last"] or 0)
    return last, last


def events_between(after: FeedPosition, until: FeedPosition) -> QuerySet[ChangeEvent]:
    """Return the events after one position and up to another, in order."""
    line = RowValue("transaction", "pk")
    rows = ChangeEvent.objects.filter(
        GreaterThan(line, RowValue(Value(after.transaction), Value(after.event_id))),
        LessThanOrEqual(line, RowValue(Value(until.transaction), Value(until.event_id))),
    )
    return rows.order_by("transaction", "pk")


# -- reading the feed ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class FeedResource:
    """Resource of the API in the feed, with the field by which URLs identify its records.

    `owner` is the resource that it belongs to, through `owner_field`. `child_models` are models without URLs of their
    own, each with its relation to the record: a change of a child is reported as a change of the record. `readable`
    returns the condition on the entries that a user may be told of.
    """

    resource: str
    model: Any
    key: str
    owner: FeedResource | None = None
    owner_field: str = ""
    child_models: Mapping[Any, str] = field(default_factory=dict)
    readable: Callable[[Any], Q] = lambda _user: Q()

    def source_models(self) -> Iterator[tuple[Any, str]]:
        """Yield the models whose entries concern this resource, each with its relation to the record; empty for its
        own.
        """
        yield self.model, ""
        yield from self.child_models.items()


@dataclass(frozen=True)
class RecordRef:
    """Reference to a record as URLs identify it."""

    resource: str
    key: str


@dataclass(frozen=True)
class FeedItem:
    """Change of a record, as the API returns it. `present` is its current key, None when the record is deleted."""

    action: str
    kind: FeedResource
    key: str
    id: int
    was: str | None
    of: RecordRef | None
    at: datetime
    reason: str | None
    by: str | None
    current_key: str | None


@dataclass(frozen=True)
class FeedPage:
    """Page of the feed. `next` is the position after everything read, filtered or not; `more`: more exists."""

    lines: Sequence[FeedItem]
    next: FeedPosition
    more: bool


def read_feed(
    kinds: Sequence[FeedResource], after: FeedPosition, until: FeedPosition, size: int, user: Any
) -> FeedPage:
    """Return a page of at most `size` events of these resources. Two queries, whatever the events are."""
    told_by = {model._meta.label_lower: (kind, model, way) for kind in kinds for model, way in kind.source_models()}
    rows = list(events_between(after, until).filter(model__in=told_by)[: size + 1])
    more, rows = len(rows) > size, rows[:size]
    keys: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        keys[row.model].append(row.entry_id)
    reader = HistoryVisibility(user)
    branches = [
        entry_rows(*told_by[label], numbers, reader.visible_author_condition(told_by[label][1])).filter(
            told_by[label][0].readable(user)
        )
        for label, numbers in keys.items()
    ]
    found = {(entry["line_label"], entry["line_number"]): entry for entry in union_all(branches)}
    lines = [
        feed_item(told_by[row.model][0], entry)
        for row in rows
        if (entry := found.get((row.model, row.entry_id)))  # history that is pruned, or not for this user, has none
    ]
    return FeedPage(lines, FeedPosition(rows[-1].transaction, rows[-1].pk) if more else max(after, until), more)


def union_all(branches: Sequence[QuerySet[Model]]) -> Iterable[Any]:
    if not branches:
        return []
    first, *others = branches
    return first.union(*others, all=True) if others else first


EVENT_COLUMNS = (
    "label",
    "number",
    "record",
    "part",
    "sign",
    "when",
    "why",
    "named",
    "who",
    "key",
    "was",
    "present",
    "of",
)
NULL_TEXT = Value(None, TextField())


def entry_rows(kind: FeedResource, model: Any, way: str, numbers: Sequence[int], named: Q | None) -> QuerySet[Any]:
    """Return history entries of one model with all data of their events, in columns that are equal for every model.

    `named` is the condition under which the user may see an entry's author; None: never.
    """
    rows = model.history.filter(pk__in=numbers).order_by()
    rows = rows.annotate(line_record=F(f"{way}_id" if way else "id"))
    if kind.owner:
        name = f"{kind.owner_field}_id"
        rows = rows.annotate(line_owner=latest_value(kind.model, name, "line_record") if way else F(name))
    rows = rows.annotate(
        line_label=Value(model._meta.label_lower, TextField()),
        line_number=F("history_id"),
        line_part=Value(bool(way)),
        line_sign=F("history_type"),
        line_when=F("history_date"),
        line_why=F("history_change_reason"),
        line_named=condition_column(named),
        line_who=F("history_user__username"),
        line_present=Subquery(
            kind.model._base_manager.filter(pk=OuterRef("line_record")).values_list(text_column(kind.key))[:1]
        ),
        line_of=address_key(kind.owner, "line_owner") if kind.owner else NULL_TEXT,
        **key_columns(kind, model, way),
    )
    return rows.values(*(f"line_{name}" for name in EVENT_COLUMNS))  # type: ignore[no-any-return]


def condition_column(condition: Q | None) -> Any:
    """Return a condition as a boolean column; None is never met, an empty one always."""
    if not condition:
        return Value(condition is not None, BooleanField())
    return Case(When(condition, then=Value(True)), default=Value(False))


def key_columns(kind: FeedResource, model: Any, way: str) -> dict[str, Any]:
    """Return columns with the record's key when the entry was written, and before it. Primary keys never change."""
    if way or kind.key == "pk":
        return {"line_key": address_key(kind, "line_record"), "line_was": NULL_TEXT}
    earlier = model.history.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id")).order_by("-history_id")
    return {"line_key": text_column(kind.key), "line_was": Subquery(earlier.values_list(text_column(kind.key))[:1])}


def address_key(kind: FeedResource, number: str) -> Any:
    """Return an expression for the URL key of the record whose pk is in a column, also of a deleted one."""
    return text_column(number) if kind.key == "pk" else latest_value(kind.model, kind.key, number)


def latest_value(model: Any, name: str, number: str) -> Coalesce:
    """Subquery: the current value of `name` for the record whose pk is in `number`, or its last one if deleted."""
    now = model._base_manager.filter(pk=OuterRef(number)).values(name)[:1]
    last = model.history.filter(id=OuterRef(number)).order_by("-history_id").values(name)[:1]
    return Coalesce(Subquery(now), Subquery(last))


def text_column(name: str) -> Cast:
    return Cast(name, TextField())


def feed_item(kind: FeedResource, entry: Mapping[str, Any]) -> FeedItem:
    """Return the change event of an entry; the author only where the user may see it."""
    action = "changed" if entry["line_part"] else ACTIONS[entry["line_sign"]]
    renamed = action == "changed" and entry["line_was"] not in {None, entry["line_key"]}
    return FeedItem(
        action=action,
        kind=kind,
        key=entry["line_key"],
        id=entry["line_record"],
        was=entry["line_was"] if renamed else None,
        of=RecordRef(kind.owner.resource, entry["line_of"]) if kind.owner and entry["line_of"] else None,
        at=entry["line_when"],
        reason=translate_reason(entry["line_why"]) or None,
        by=entry["line_who"] if entry["line_named"] else None,
        current_key=entry["line_present"],
    )
