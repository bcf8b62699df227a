"""Change feed: what a client with a copy of the records reads to keep the copy up to date.

It is the journal (core/history/models.py) in the order of transactions, and only up to the oldest transaction still
running: what is committed late appears late and is never skipped.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import BigIntegerField, Func, Max, Q, Value
from django.db.models.expressions import RawSQL
from django.db.models.lookups import GreaterThan, LessThanOrEqual

from core.history.entries import RecordKey, change_reason, newest_changes
from core.history.models import ChangeEvent
from core.permissions import can_see_author

ACTIONS = {"+": "created", "~": "changed", "-": "deleted"}


def reset_foreign_transactions(apps: Any = apps, **_signal: Any) -> None:
    """post_migrate: move events of another database server to the start; its transaction ids mean nothing here.

    They would come after every event still to be written. Runs after each migration, with which a restore ends.
    """
    try:
        lines = apps.get_model("core", "ChangeEvent")._default_manager
    except LookupError:  # migrated back to before the change feed existed
        return
    reached: Any = 1
    if connection.vendor == "postgresql":  # the first transaction id not reached by any visible transaction
        reached = RawSQL("pg_snapshot_xmax(pg_current_snapshot())::text::bigint", [])
    lines.filter(transaction__gte=reached).update(transaction=0)


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


# -- reading the feed ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class FeedResources:
    """Resources of the API in the feed: their names by model, and the model whose records are told as owners.

    A change of a record without addresses of its own is told as a change of its owner. `readable` returns the
    condition on the changes that a user may be told of.
    """

    names: Mapping[str, str]
    owner_model: str
    readable: Callable[[Any], Q]

    def told_record(self, change: ChangeEvent) -> RecordKey:
        own = change.model in self.names
        return (change.model, change.record_id) if own else (change.owner_model, change.owner_id)

    def owner_of(self, change: ChangeEvent) -> RecordKey | None:
        told = change.owner_model == self.owner_model
        return (change.owner_model, change.owner_id) if told else None


def read_feed(
    feed: FeedResources, wanted: Collection[str], after: FeedPosition, until: FeedPosition, size: int, user: Any
) -> dict[str, Any]:
    """Return a page of at most `size` changes of the resources with these names, and the position `next` after
    everything read, filtered or not. Three queries at most."""
    labels = [label for label, name in feed.names.items() if name in wanted]
    line = RowValue("transaction", "pk")
    changes = ChangeEvent.objects.filter(
        Q(model__in=labels) | Q(owner_model__in=labels) & ~Q(model__in=feed.names),
        GreaterThan(line, RowValue(Value(after.transaction), Value(after.event_id))),
        LessThanOrEqual(line, RowValue(Value(until.transaction), Value(until.event_id))),
        feed.readable(user),
    )
    rows = list(changes.order_by("transaction", "pk").select_related("user")[: size + 1])
    more, rows = len(rows) > size, rows[:size]
    newest = newest_changes({feed.told_record(row) for row in rows} | {feed.owner_of(row) for row in rows})
    newest |= newest_changes({feed.owner_of(change) for change in newest.values()} - newest.keys())
    lines = []
    for row in rows:
        now = newest[feed.told_record(row)]
        own = (now.model, now.record_id) == (row.model, row.record_id)
        action = ACTIONS[row.action] if own else "changed"
        owner = newest.get(feed.owner_of(row if own else now))
        author = row.user if row.user and can_see_author(user, apps.get_model(row.model), row.province_id) else None
        lines.append(
            {
                "action": action,
                "resource": feed.names[now.model],
                "key": row.key if own else now.key,
                "id": now.record_id,
                "was": row.former_key or None,
                "of": {"resource": feed.names[owner.model], "key": owner.key} if owner else None,
                "at": row.at,
                "reason": change_reason(row) or None,
                "by": author.get_username() if author else None,
                "current": None if now.action == "-" or action == "deleted" else now,
            }
        )
    end = FeedPosition(rows[-1].transaction, rows[-1].pk) if more else max(after, until)
    return {"lines": lines, "next": end, "more": more}
