"""The line of all changes: what a client that keeps a copy of the records reads to stay level with them.

Every history entry has a line, written in the transaction that writes the entry (config/bulk.py). Lines are read in the
order of transactions, and only up to the oldest one still running: what is committed late comes late, and is never
passed over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

from config.journal import Reader
from config.models import Change
from config.templatetags.site import reason

ACTIONS = {"+": "created", "~": "changed", "-": "deleted"}


def settle(apps: Any = global_apps, **_signal: Any) -> None:
    """Put lines that came from another database server first: the numbers of its transactions mean nothing here.

    They would stand behind all that is still to come. Runs after each migration, with which a restoration ends.
    """
    try:
        lines = apps.get_model("config", "Change")._default_manager
    except LookupError:  # migrated back to before there was such a line
        return
    foreign = {"transaction__gte": NextTransaction()} if connection.vendor == "postgresql" else {"transaction__gt": 0}
    lines.filter(**foreign).update(transaction=0)


class NextTransaction(Func):
    """A number that no transaction has reached whose work can be seen."""

    output_field = BigIntegerField()
    template = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"


# -- places in the line --------------------------------------------------------------------------------


@dataclass(frozen=True, order=True)
class Place:
    """A place in the line: behind the line of this number, in the order of transactions."""

    transaction: int
    line: int


FIRST = Place(0, 0)


class Pair(Func):
    """Two values compared as one."""

    output_field = BigIntegerField()
    template = "(%(expressions)s)"


RUNNING = """
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
"""The oldest transaction still running, and the first number not reached.

A server runs those of all its databases: one that certainly belongs to another is passed over, lest it hold us up.
"""


def ends() -> tuple[Place, Place]:
    """Up to where the line can be read by now, and beyond where it cannot have come yet. One query."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(RUNNING)
            settled, reached = cursor.fetchone()
        return Place(settled, 0), Place(reached, 0)
    last = Place(0, Change.objects.aggregate(last=Max("pk"))["last"] or 0)
    return last, last


def between(after: Place, until: Place) -> QuerySet[Change]:
    """The lines behind one place, up to another, in their order."""
    line = Pair("transaction", "pk")
    rows = Change.objects.filter(
        GreaterThan(line, Pair(Value(after.transaction), Value(after.line))),
        LessThanOrEqual(line, Pair(Value(until.transaction), Value(until.line))),
    )
    return rows.order_by("transaction", "pk")


# -- reading -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """A kind of record that the API has: its resource, and the field by which addresses name one.

    `owner` is the kind that it belongs to, by the relation `belongs`. `parts` are models without addresses of their
    own, each with its relation to the record: what happens to a part is told as a change of the record.
    """

    resource: str
    model: Any
    key: str
    owner: Kind | None = None
    belongs: str = ""
    parts: Mapping[Any, str] = field(default_factory=dict)

    def told_by(self) -> Iterator[tuple[Any, str]]:
        """The models whose entries tell of it, each with its relation to the record; its own model has none."""
        yield self.model, ""
        yield from self.parts.items()


@dataclass(frozen=True)
class Named:
    """A record by the words of its address."""

    resource: str
    key: str


@dataclass(frozen=True)
class Line:
    """What happened to a record. `present` is the key that it has now, None when it is gone."""

    action: str
    kind: Kind
    key: str
    id: int
    was: str | None
    of: Named | None
    at: datetime
    reason: str | None
    by: str | None
    present: str | None


@dataclass(frozen=True)
class Page:
    """`next` is the place behind all that was read, also what was left out; `more`: whether more is there by now."""

    lines: Sequence[Line]
    next: Place
    more: bool


def read(kinds: Sequence[Kind], after: Place, until: Place, size: int, user: Any) -> Page:
    """What happened to records of these kinds, so many lines at most. Two queries, whatever it was."""
    told_by = {model._meta.label_lower: (kind, model, way) for kind in kinds for model, way in kind.told_by()}
    rows = list(between(after, until).filter(model__in=told_by)[: size + 1])
    more, rows = len(rows) > size, rows[:size]
    keys: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        keys[row.model].append(row.entry_id)
    reader = Reader(user)
    branches = [
        entries(*told_by[label], numbers, reader.named_entries_of(told_by[label][1])) for label, numbers in keys.items()
    ]
    found = {(entry["line_label"], entry["line_number"]): entry for entry in together(branches)}
    lines = [
        line(told_by[row.model][0], entry)
        for row in rows
        if (entry := found.get((row.model, row.entry_id)))  # somebody may have pruned old histories
    ]
    return Page(lines, Place(rows[-1].transaction, rows[-1].pk) if more else max(after, until), more)


def together(branches: Sequence[QuerySet[Any]]) -> Iterable[Any]:
    if not branches:
        return []
    first, *others = branches
    return first.union(*others, all=True) if others else first


COLUMNS = ("label", "number", "record", "part", "sign", "when", "why", "named", "who", "key", "was", "present", "of")
NOTHING = Value(None, TextField())


def entries(kind: Kind, model: Any, way: str, numbers: Sequence[int], named: Q | None) -> QuerySet[Any]:
    """Entries of one model with all that their lines say, in columns that are the same for every model.

    `named` is the condition on which the user may know the author of an entry; None: of none.
    """
    rows = model.history.filter(pk__in=numbers).order_by()
    rows = rows.annotate(line_record=F(f"{way}_id" if way else "id"))
    if kind.owner:
        name = f"{kind.belongs}_id"
        rows = rows.annotate(line_owner=held(kind.model, name, "line_record") if way else F(name))
    rows = rows.annotate(
        line_label=Value(model._meta.label_lower, TextField()),
        line_number=F("history_id"),
        line_part=Value(bool(way)),
        line_sign=F("history_type"),
        line_when=F("history_date"),
        line_why=F("history_change_reason"),
        line_named=whether(named),
        line_who=F("history_user__username"),
        line_present=Subquery(
            kind.model._base_manager.filter(pk=OuterRef("line_record")).values_list(text(kind.key))[:1]
        ),
        line_of=word(kind.owner, "line_owner") if kind.owner else NOTHING,
        **words(kind, model, way),
    )
    return rows.values(*(f"line_{name}" for name in COLUMNS))  # type: ignore[no-any-return]


def whether(condition: Q | None) -> Any:
    """A condition as a column; None is never met, an empty one always."""
    if not condition:
        return Value(condition is not None, BooleanField())
    return Case(When(condition, then=Value(True)), default=Value(False))


def words(kind: Kind, model: Any, way: str) -> dict[str, Any]:
    """By what an address named the record when the entry was written, and before. Numbers never change."""
    if way or kind.key == "pk":
        return {"line_key": word(kind, "line_record"), "line_was": NOTHING}
    earlier = model.history.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id")).order_by("-history_id")
    return {"line_key": text(kind.key), "line_was": Subquery(earlier.values_list(text(kind.key))[:1])}


def word(kind: Kind, number: str) -> Any:
    """By what an address names the record whose number stands in this column, or did before it was deleted."""
    return text(number) if kind.key == "pk" else held(kind.model, kind.key, number)


def held(model: Any, name: str, number: str) -> Coalesce:
    """A field of the record whose number stands in this column, as it stands or as it last stood."""
    now = model._base_manager.filter(pk=OuterRef(number)).values(name)[:1]
    last = model.history.filter(id=OuterRef(number)).order_by("-history_id").values(name)[:1]
    return Coalesce(Subquery(now), Subquery(last))


def text(name: str) -> Cast:
    return Cast(name, TextField())


def line(kind: Kind, entry: Mapping[str, Any]) -> Line:
    """An entry in words; who wrote it only where the user may know."""
    action = "changed" if entry["line_part"] else ACTIONS[entry["line_sign"]]
    renamed = action == "changed" and entry["line_was"] not in {None, entry["line_key"]}
    return Line(
        action=action,
        kind=kind,
        key=entry["line_key"],
        id=entry["line_record"],
        was=entry["line_was"] if renamed else None,
        of=Named(kind.owner.resource, entry["line_of"]) if kind.owner and entry["line_of"] else None,
        at=entry["line_when"],
        reason=reason(entry["line_why"]) or None,
        by=entry["line_who"] if entry["line_named"] else None,
        present=entry["line_present"],
    )
