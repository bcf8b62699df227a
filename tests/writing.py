"""What the tests of the API's writes stand on: programs with tokens, a small world, all tables at a glance."""

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client, override_settings

from config.tokens import make_token
from policies.models import Agency, Figure, Measure, Officer, Province
from tests import factories

Of = TypeVar("Of")
Body = Any
Table = Counter[str]
NOTHING_OF_THE_RECORDS = ("django_", "config_mark", "auth_permission", "sqlite_", "axes_")
LEFT_OUT = {"config_token": {"last_used_at", "revoked_at", "revoked_why"}}


class Program:
    """Whoever sends requests: with a token, signed in, or unknown."""

    def __init__(self, secret: str = "", session: User | None = None) -> None:
        self.client, self.headers = Client(), {"authorization": f"Bearer {secret}"} if secret else {}
        if session is not None:
            self.client.force_login(session, backend="django.contrib.auth.backends.ModelBackend")

    def send(self, method: str, address: str, body: Body = None, **headers: str) -> Any:
        """The answer. A body of bytes is sent as it is, anything else as JSON."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        kind = headers.pop("content_type", "application/json" if content else "")
        return self.client.generic(method, address, content, content_type=kind, headers={**self.headers, **headers})


def writer(user: User) -> Program:
    """A program with a token that may write for this person."""
    return Program(make_token(user=user, name="test", may_write=True)[1])


def person(name: str, role: str = "", province: Province | None = None) -> User:
    user = User.objects.create_user(name, password="a long enough one")
    if role:
        Officer.objects.create(user=user, role=role, province=province)
    return user


# -- all tables --------------------------------------------------------------------------------------------


def rows() -> dict[str, Table]:
    """Every row of every table, as text: but for sessions, failed sign-ins, and what a token's use leaves on it."""
    found: dict[str, Table] = {table: Counter() for table in tables()}
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # in one question: each takes its way to the server and back
            cursor.execute(" UNION ALL ".join(map(as_text, found)))
            for table, text in cursor.fetchall():
                found[table][text] += 1
            return found
        for table, counted in found.items():
            cursor.execute(f"SELECT * FROM {table}")  # noqa: S608  # our own tables
            names = [column[0] for column in cursor.description]
            kept = [place for place, name in enumerate(names) if name not in LEFT_OUT.get(table, ())]
            counted.update(repr([row[place] for place in kept]) for row in cursor.fetchall())
    return found


@cache
def tables() -> list[str]:
    with connection.cursor() as cursor:
        every = connection.introspection.table_names(cursor)
    return sorted(name for name in every if not name.startswith(NOTHING_OF_THE_RECORDS))


def as_text(table: str) -> str:
    less = "".join(f" - '{name}'" for name in sorted(LEFT_OUT.get(table, ())))
    return f"SELECT '{table}', (to_jsonb(t){less})::text FROM {table} AS t"  # noqa: S608  # our own tables


def changed(before: Mapping[str, Table], after: Mapping[str, Table]) -> dict[str, tuple[int, int]]:
    """By table that differs: how many rows went and how many came. A changed row is one of each."""
    return {
        table: ((old - after[table]).total(), (after[table] - old).total())
        for table, old in before.items()
        if old != after[table]
    }


def clear() -> None:
    """Take every row away, so that the tables are small. Only inside a transaction that is rolled back."""
    kept = ("django_content_type", "auth_permission", "django_migrations", "sqlite_")
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if not table.startswith(kept):
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")  # noqa: S608  # our own tables


# -- a small world -----------------------------------------------------------------------------------------


@contextmanager
def small(world: "Callable[[], Of]", blocker: Any) -> "Iterator[Of]":
    """A world in empty tables, for all tests of a module: each is undone by itself, this one at the end."""
    logging.disable(logging.WARNING)  # of refusals there are thousands
    try:
        with blocker.unblock(), transaction.atomic(), override_settings(RATES={}):
            clear()
            yield world()
            transaction.set_rollback(True)
    finally:
        logging.disable(logging.NOTSET)


@dataclass(frozen=True)
class Kind:
    """How the records of one resource are made for the tests, and which change does no harm.

    `make(world, province)` records one, `body(world, province)` is one to be created; of no province: None.
    """

    key: str
    make: Callable[["World", Province | None], Any]
    body: Callable[["World", Province | None], dict[str, Any]]
    harmless: Mapping[str, Any] = field(default_factory=lambda: {"note": "Seen by the author"})


class World:
    """Two provinces with the same things in each, what is shared by all, and somebody of every role."""

    def __init__(self) -> None:
        self.count = 0
        self.home, self.away = factories.make_province(slug="home"), factories.make_province(slug="away")
        self.policy = factories.make_policy(slug="national")
        self.batch = factories.make_batch(slug="national-batch")
        self.pilots = {place.pk: factories.make_pilot(self.batch, place) for place in (self.home, self.away)}
        self.indicator = factories.make_indicator("AIR_SO2")
        self.viewer = person("viewer", "viewer")
        self.editor = person("editor", "provincial_editor", self.home)
        self.national = person("national", "national_editor")
        self.admin = person("admin", "admin")
        self.norole = person("norole")

    def next(self) -> int:
        self.count += 1
        return self.count

    def pilot(self, place: Province | None) -> Any:
        assert place is not None
        return self.pilots[place.pk]

    def more_pilot(self, place: Province | None) -> Any:
        assert place is not None
        return factories.make_pilot(self.batch, place)

    def more_policy(self) -> Any:
        return factories.make_policy()

    def more_indicator(self) -> Any:
        return factories.make_indicator(f"IND_{self.next()}")


def make_agency(world: World, place: Province | None) -> Agency:
    n = world.next()
    return Agency.objects.create(slug=f"agency-{n}", name_zh=f"机构{n}")


def make_measure(world: World, place: Province | None) -> Measure:
    n = world.next()
    return Measure.objects.create(slug=f"measure-{n}", title_zh=f"措施{n}", field="energy")


def make_figure(world: World, place: Province | None) -> Figure:
    n = world.next()
    values = {"value": 1, "unit": "%", "kind": "count"}
    return Figure.objects.create(slug=f"figure-{n}", name_zh=f"数字{n}", province=place, **values)


def make_policy(world: World, place: Province | None) -> Any:
    return factories.make_policy(**level_of(place), province=place)


def make_batch(world: World, place: Province | None) -> Any:
    return factories.make_batch(**level_of(place), province=place)


def make_target(world: World, place: Province | None) -> Any:
    return factories.make_target(world.pilot(place), world.more_indicator(), 100, 80)


def make_reading(world: World, place: Province | None) -> Any:
    indicator = world.more_indicator()
    return factories.make_reading(world.pilot(place), indicator, "2024", 90, state="reported", accepted_on=None)


def level_of(place: Province | None) -> dict[str, str]:
    return {"level": "provincial" if place else "national"}


def slug_of(place: Province | None) -> str | None:
    return place.slug if place else None


def province_body(world: World, place: Province | None) -> dict[str, Any]:
    n = world.next()
    values = {"slug": f"new-{n}", "name_zh": f"新省{n}", "short_zh": f"新{n}", "short_en": f"New {n}"}
    return {**values, "kind": "province", "region": "north", "tile_col": n % 8, "tile_row": 7}


def named_body(world: World, place: Province | None) -> dict[str, Any]:
    n = world.next()
    return {"slug": f"new-{n}", "name_zh": f"新的{n}"}


def policy_body(world: World, place: Province | None) -> dict[str, Any]:
    n = world.next()
    return {
        "slug": f"new-{n}",
        "title_zh": f"新政策{n}",
        "issued_on": "2023-05-01",
        **level_of(place),
        "province": slug_of(place),
    }


def batch_body(world: World, place: Province | None) -> dict[str, Any]:
    n = world.next()
    days = {"announced_on": "2024-01-15"}
    return {"slug": f"new-{n}", "title_zh": f"新批{n}", **days, **level_of(place), "province": slug_of(place)}


def pilot_body(world: World, place: Province | None) -> dict[str, Any]:
    place_of = {"batch": world.batch.slug, "province": slug_of(place)}
    return {**named_body(world, place), "kind": "park", **place_of}


def of_pilot(world: World, place: Province | None, **values: Any) -> dict[str, Any]:
    return {"pilot": world.pilot(place).slug, **values}


KINDS: Mapping[str, Kind] = {
    "provinces": Kind("slug", lambda world, place: place or factories.make_province(), province_body),
    "agencies": Kind("slug", make_agency, named_body),
    "policies": Kind("slug", make_policy, policy_body),
    "measures": Kind(
        "slug",
        make_measure,
        lambda world, place: {"slug": f"new-{world.next()}", "title_zh": "新措施", "field": "energy"},
    ),
    "plans": Kind(
        "id",
        lambda world, place: factories.make_plan(world.more_policy(), place),  # type: ignore[arg-type]
        lambda world, place: {"policy": world.more_policy().slug, "province": slug_of(place), "status": "drafting"},
    ),
    "figures": Kind(
        "slug",
        make_figure,
        lambda world, place: {
            **named_body(world, place),
            "value": 34.4,
            "unit": "%",
            "kind": "outcome",
            "province": slug_of(place),
        },
    ),
    "sources": Kind(
        "id", lambda world, place: factories.make_source(), lambda world, place: {"title": f"新来源{world.next()}"}
    ),
    "industries": Kind("slug", lambda world, place: factories.make_industry(), named_body),
    "batches": Kind("slug", make_batch, batch_body),
    "pilots": Kind("slug", lambda world, place: factories.make_pilot(world.batch, place, kind="park"), pilot_body),  # type: ignore[arg-type]
    "stages": Kind(
        "id",
        lambda world, place: factories.make_stage(
            world.more_pilot(place), "midterm", None, planned_on=date(2027, 3, 1)
        ),
        lambda world, place: {
            "pilot": world.more_pilot(place).slug,
            "stage": "plan_issued",
            "planned_on": "2027-03-01",
        },
    ),
    "milestones": Kind(
        "id",
        lambda world, place: factories.make_milestone(world.pilot(place), date(2026, 6, 1)),
        lambda world, place: of_pilot(
            world, place, facet="goal", title_zh=f"新节点{world.next()}", planned_on="2026-12-01"
        ),
    ),
    "indicators": Kind(
        "code",
        lambda world, place: world.more_indicator(),
        lambda world, place: {
            "code": f"NEW_{world.next()}",
            "name_zh": "新指标",
            "unit": "t",
            "kind": "output",
            "direction": "higher",
            "accumulation": "flow",
            "rollup": "sum",
        },
    ),
    "targets": Kind(
        "id",
        make_target,
        lambda world, place: of_pilot(
            world, place, indicator=world.more_indicator().code, target_year=2026, target_value=80
        ),
    ),
    "readings": Kind(
        "id",
        make_reading,
        lambda world, place: of_pilot(
            world, place, indicator=world.more_indicator().code, period="2024", value=12.5, reported_on="2025-02-01"
        ),
    ),
}
"""By resource. What a change of one field is: its note, which every one of them has."""
